//! The body of a large ME-SMS request: made in small pieces, and the same as if made at once.

use crate::support::{account, body_of, call, chunk};
use proptest::prelude::*;
use serde_json::json;
use volley_core::UnixMillis;
use volley_provider::{adapter::SendCall, http::Body};

/// No piece of a body is larger.
const FRAME: usize = 64 * 1024;

#[test]
fn two_million_numbers_are_written_piece_by_piece() {
    let numbers: Vec<u64> = (66_800_000_000..).take(2_000_000).collect();
    let call = call(chunk("Sale ends today", &numbers), Some("VolleyTH"));
    let made = account("mesms", &[]).encode(&call).expect("the ceiling itself is allowed");
    let ends = br#"{"sender":"VolleyTH","content":"Sale ends today","msisdns":[]}"#.len() as u64;
    let expected = ends + 2_000_000 * r#""66800000000","#.len() as u64 - 1;
    assert_eq!(made.body.length(), expected);
    let (mut bytes, mut commas, mut frames) = (0, 0, 0);
    for frame in made.body.frames() {
        assert!(frame.len() <= FRAME, "a piece of {} bytes", frame.len());
        bytes += frame.len() as u64;
        commas += frame.split(|&byte| byte == b',').count() - 1;
        frames += 1;
    }
    assert_eq!(bytes, expected);
    assert_eq!(commas, 1_999_999 + 2, "one between every two numbers, two between the fields");
    assert!(frames <= 2 + expected / (FRAME as u64 - 64) + 1, "{frames} pieces are more than needed");
}

#[test]
fn the_source_holds_the_chunk_itself_and_no_copy_of_it() {
    let numbers: Vec<u64> = (66_800_000_001..=66_800_006_000).collect();
    let call = call(chunk("Sale", &numbers), Some("VolleyTH"));
    let made = account("mesms", &[]).encode(&call).expect("within the limits");
    assert!(matches!(made.body, Body::Streamed(_)));
    assert_eq!(std::sync::Arc::strong_count(&call.chunk), 2, "shared, not cloned");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_pieces_are_what_a_json_writer_would_make_at_once(
        text in prop_oneof!["\\PC{1,1000}", "(?s).{1,1000}"],
        count in 1_usize..12_000,
        lengths in 7_u32..=15,
        send_at in prop::option::of(0_i64..4_000_000_000),
    ) {
        let first = 10_u64.pow(lengths) - 6_000; // some of them one digit longer
        let numbers: Vec<u64> = (first..=999_999_999_999_999).take(count).collect();
        let call = SendCall {
            send_at: send_at.map(|second| UnixMillis(second * 1_000)),
            ..call(chunk(&text, &numbers), Some("Volley\"TH\\"))
        };
        let made = account("mesms", &[]).encode(&call).expect("within the limits");
        let written: serde_json::Value = serde_json::from_slice(&body_of(&made)).expect("JSON");
        let mut expected = json!({
            "sender": "Volley\"TH\\",
            "content": text,
            "msisdns": numbers.iter().map(u64::to_string).collect::<Vec<_>>(),
        });
        if let Some(second) = send_at {
            let time = jiff::Timestamp::from_second(second).expect("in range");
            expected["scheduledTime"] = json!(time.to_string());
        }
        prop_assert_eq!(&written, &expected);
        prop_assert_eq!(made.body.length(), body_of(&made).len() as u64);
        prop_assert!(made.body.frames().all(|frame| frame.len() <= FRAME && !frame.is_empty()));
    }
}
