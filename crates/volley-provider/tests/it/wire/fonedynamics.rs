//! Fone Dynamics: the values of its fixtures' calls.

use super::{GSM_EXTENSION, NINE_UTC, Questions, Request, SIGNS};
use crate::support::AUSTRALIA;

/// What the replies are read with.
const CODES: &[(&str, &str)] = &[("codes_transient", "BUSY, LATER"), ("codes_no_funds", "NO_FUNDS")];

fn requests() -> Vec<Request> {
    let one = |name| Request::new(name, "ShopAlert", &AUSTRALIA[..1]);
    let replies = &[
        ("forward_to_sms", "61491570158"),
        ("forward_from_sms", "Shop Alert"),
        ("forward_to_email", "shop@example.com"),
        ("forward_from_email", "sms@example.com"),
        ("reply_url", "https://example.com/reply?token=a+b"),
        ("reply_method", "get"),
    ];
    let receipts =
        &[("receipt_url", "https://example.com/receipt?token=a+b&x=1"), ("receipt_method", "POST")];
    vec![
        one("one"),
        Request { options: &[("send_single", "false")], ..one("one-batch") },
        Request { numbers: &AUSTRALIA[..2], ..one("two") },
        Request {
            numbers: &AUSTRALIA[..3],
            text: "Parcel A is here",
            others: &["Parcel B is here", "Parcel A is here"],
            ..one("texts")
        },
        Request { sender: Some("Shop Alert"), ..one("name-with-space") },
        Request { sender: Some("+61491570159"), ..one("number-sender") },
        Request { sender: Some("61491570159"), ..one("digits-sender") },
        Request { sender: None, ..one("leased") },
        Request { sender: None, options: replies, ..one("leased-replies") },
        Request { send_at: Some(NINE_UTC), ..one("schedule") },
        Request { send_at: Some(NINE_UTC), numbers: &AUSTRALIA[..2], ..one("schedule-batch") },
        Request { options: receipts, ..one("receipt-url") },
        Request { options: &[("delivery_receipt", "false")], ..one("no-receipt") },
        Request { text: SIGNS, ..one("signs") },
        Request { text: GSM_EXTENSION, ..one("gsm-extension") },
        Request { text: "Say \"now\" \\ a/b\tc", ..one("quotes") },
    ]
}

const QUESTIONS: Questions = Questions {
    kind: "fonedynamics",
    sender: Some("ShopAlert"),
    numbers: &AUSTRALIA,
    request_id: "none",
    message_id: "MGK3V8Q1Z6T0R5X9C2L7H4N8B1W5D3J6",
};

#[test]
fn requests_are_the_fixtures_byte_by_byte() {
    super::requests_are_the_fixtures("fonedynamics", requests());
}

#[test]
fn every_reply_is_read_as_its_table_says() {
    super::replies_mean_what_the_table_says_under("fonedynamics", CODES, &AUSTRALIA);
}

#[test]
fn every_question_is_asked_and_answered_as_its_table_says() {
    super::questions_are_the_fixtures(&QUESTIONS);
}

#[test]
fn every_callback_is_read_as_its_table_says() {
    super::callbacks_mean_what_the_table_says("fonedynamics", &[]);
}
