//! The laws that hold for every adapter.

use crate::support::{self, AUSTRALIA, THAILAND, account, call, chunk, reply};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use volley_core::{Class, Outcome, ReplyPrice, Schedule, Taken, UnixMillis};
use volley_provider::{
    adapter::{SendCall, Unbuildable},
    http::HeaderValue,
    registry::{self, Settings},
};

const JSON: Option<&str> = Some("application/json");

/// What the laws need to know of one provider.
struct Face {
    kind: &'static str,
    sender: &'static str,
    numbers: [u64; 6],
    max_recipients: usize,
    max_characters: usize,
    /// A complete success reply for so many recipients.
    success: fn(usize) -> Value,
    /// Whether a JSON reply under a success status takes somebody, written down once more and
    /// by other means than the adapter's.
    may_accept: fn(&Value, usize) -> bool,
}

const FACES: [Face; 2] = [
    Face {
        kind: "transmitsms",
        sender: "ShopAlert",
        numbers: AUSTRALIA,
        max_recipients: 500,
        max_characters: 612,
        success: |sent| {
            json!({
                "message_id": 512_340_077, "recipients": sent, "cost": 0.158, "sms": sent,
                "error": { "code": "SUCCESS", "description": "OK" }
            })
        },
        may_accept: |body, sent| {
            let id = &body["message_id"];
            let has_id = id.as_u64().is_some_and(|id| id > 0) || id.as_str().is_some_and(|id| !id.is_empty());
            has_id && body["error"]["code"] == "SUCCESS" && counted(body).is_none_or(|taken| taken <= sent)
        },
    },
    Face {
        kind: "mesms",
        sender: "VolleyTH",
        numbers: THAILAND,
        max_recipients: 2_000_000,
        max_characters: 1_000,
        success: |sent| {
            json!({
                "uuid": "0d8f7c52-6a1e-4b7b-9f43-71c2a5e9d310", "status": "pending",
                "recipients": sent, "parts": 1, "credits": sent
            })
        },
        may_accept: |body, sent| {
            let id = &body["uuid"];
            let has_id = id.as_u64().is_some_and(|id| id > 0) || id.as_str().is_some_and(|id| !id.is_empty());
            let refused = !body["error"].is_null() || !body["code"].is_null() || body["dryRun"] == true;
            has_id && !refused && counted(body).is_none_or(|taken| taken == sent)
        },
    },
];

/// The `recipients` of a reply; an unreadable count is more than anybody can have sent.
fn counted(body: &Value) -> Option<usize> {
    match &body["recipients"] {
        Value::Null => None,
        count => {
            let text = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
            Some(text.parse().unwrap_or(usize::MAX))
        }
    }
}

#[test]
fn every_kind_has_its_face_here() {
    let faces: Vec<_> = FACES.iter().map(|face| face.kind).collect();
    let kinds: Vec<_> = registry::kinds().map(|(kind, _)| kind).collect();
    assert_eq!(faces, kinds);
}

#[test]
fn limits_are_told_and_kept() {
    for face in &FACES {
        let account = account(face.kind, &[]);
        let capabilities = account.capabilities();
        assert_eq!(account.kind(), face.kind);
        assert_eq!(capabilities.batch.ceiling() as usize, face.max_recipients);
        assert!(capabilities.batch.shares_text());
        assert!(capabilities.default_chunk <= capabilities.batch.ceiling());
        assert_eq!(capabilities.profile.max_characters, Some(face.max_characters));
    }
}

#[test]
fn the_defaults_are_as_documented() {
    for (kind, chunk, rate, strictly, in_flight, seconds, price, sender_required) in [
        ("transmitsms", 500, "2/s", true, 2, 30, ReplyPrice::Money, false),
        ("mesms", 1_000, "5/s", false, 4, 120, ReplyPrice::Units("credit"), true),
    ] {
        let account = account(kind, &[]);
        let told = account.capabilities();
        assert_eq!((told.default_chunk, told.rate.to_string().as_str()), (chunk, rate), "{kind}");
        assert_eq!((told.counts_strictly, told.max_in_flight), (strictly, in_flight), "{kind}");
        assert_eq!((told.timeout.as_secs(), told.reply_price), (seconds, price), "{kind}");
        assert_eq!(
            (told.sender.required, told.schedule),
            (sender_required, Schedule::Until { horizon: None }),
            "{kind}"
        );
    }
}

#[test]
fn without_a_base_url_requests_go_to_the_provider() {
    for (kind, url) in [
        ("transmitsms", "https://api.transmitsms.com/send-sms.json"),
        ("mesms", "https://me-sms.com/api/v2/sms/send"),
    ] {
        let account = registry::adapter(kind, Settings { base_url: None, ..support::settings(&[]) });
        let made = account.expect("complete settings").encode(&call(chunk("Sale", &AUSTRALIA), Some("Shop")));
        assert_eq!(made.expect("within the limits").url, url);
    }
}

#[test]
fn what_is_outside_the_limits_is_not_built() {
    for face in &FACES {
        let one = || chunk("Sale", &face.numbers[..1]);
        let crowd: Vec<u64> = (61_480_000_000..).take(face.max_recipients + 1).collect();
        let mut two_texts = chunk("Sale", &face.numbers[..2]);
        two_texts.texts.push(Arc::from("Sale tomorrow"));
        two_texts.recipients[1].text = 1;
        let text_of = |characters| chunk(&"é".repeat(characters), &face.numbers[..1]);
        for (what, chunk, sender, built) in [
            ("one recipient", one(), face.sender, true),
            ("a full request", chunk("Sale", &crowd[1..]), face.sender, true),
            ("one too many", chunk("Sale", &crowd), face.sender, false),
            ("nobody", chunk("Sale", &[]), face.sender, false),
            ("two texts", two_texts, face.sender, false),
            ("the longest text", text_of(face.max_characters), face.sender, true),
            ("a longer text", text_of(face.max_characters + 1), face.sender, false),
            ("no text", text_of(0), face.sender, false),
            ("the longest sender", one(), "ElevenChars", true),
            ("a longer sender", one(), "TwelveCharsX", false),
            ("a space in the sender", one(), "Shop Alert", false),
            ("an accent in the sender", one(), "Café", false),
            ("a line break in the sender", one(), "Shop\r\nx: y", false),
        ] {
            let made = account(face.kind, &[]).encode(&call(chunk, Some(sender)));
            assert_eq!(made.is_ok(), built, "{}: {what}: {:?}", face.kind, made.err());
        }
        let before_1970 = SendCall { send_at: Some(UnixMillis(-1)), ..call(one(), Some(face.sender)) };
        assert!(account(face.kind, &[]).encode(&before_1970).is_err(), "{}", face.kind);
    }
}

#[test]
fn a_sender_is_asked_for_only_where_the_provider_wants_one() {
    let built =
        |kind, sender| account(kind, &[]).encode(&call(chunk("Sale", &AUSTRALIA[..1]), sender)).map(|_| ());
    assert_eq!(built("transmitsms", None), Ok(()));
    assert_eq!(built("mesms", None), Err(Unbuildable("this provider needs a sender".to_owned())));
    assert_eq!(built("transmitsms", Some("614915701569")), Ok(()));
    let twelve = Unbuildable("a sender has up to 11 characters, not 12".to_owned());
    assert_eq!(built("mesms", Some("614915701569")), Err(twelve));
}

#[test]
fn an_account_for_old_terms_takes_ten_thousand_a_request_and_not_one_more() {
    let account = account("transmitsms", &[("max_recipients", "10_000")]);
    let crowd: Vec<u64> = (61_480_000_000..).take(10_001).collect();
    assert!(account.encode(&call(chunk("Sale", &crowd[1..]), None)).is_ok());
    assert!(account.encode(&call(chunk("Sale", &crowd), None)).is_err());
    assert_eq!(account.capabilities().default_chunk, 500);
    let small = support::account("transmitsms", &[("max_recipients", "100")]);
    assert_eq!(small.capabilities().default_chunk, 100);
}

#[test]
fn an_empty_body_never_says_more_than_its_status() {
    for face in &FACES {
        let account = account(face.kind, &[]);
        let chunk = chunk("Sale", &face.numbers[..2]);
        for status in 100..=599 {
            let Outcome::Failed(failure) = account.decode(&chunk, &reply(status, None, "")) else {
                panic!("{}: an empty {status} taken for an answer", face.kind);
            };
            let told = Class::of_status(status).rule().taken;
            let read = failure.class.rule().taken;
            assert!(read == told || (told, read) == (Taken::Maybe, Taken::No), "{} {status}", face.kind);
        }
    }
}

#[test]
fn a_success_reply_cut_anywhere_is_no_answer() {
    for face in &FACES {
        let account = account(face.kind, &[]);
        let chunk = chunk("Sale", &face.numbers[..2]);
        let whole = (face.success)(2).to_string();
        for end in 0..whole.len() {
            let outcome = account.decode(&chunk, &reply(200, JSON, &whole[..end]));
            let Outcome::Failed(failure) = outcome else { panic!("{}: cut at {end}", face.kind) };
            assert_eq!(failure.class, Class::NotTheApi, "{}: cut at {end}", face.kind);
        }
        let outcome = account.decode(&chunk, &reply(200, JSON, whole));
        assert!(support::accepts_anybody(&outcome), "{}: the whole reply", face.kind);
    }
}

#[test]
fn a_success_body_under_another_status_accepts_nobody() {
    for face in &FACES {
        let account = account(face.kind, &[]);
        let chunk = chunk("Sale", &face.numbers[..2]);
        let body = (face.success)(2).to_string();
        for status in (100..=599).filter(|status| !(200..=299).contains(status)) {
            let outcome = account.decode(&chunk, &reply(status, JSON, &body));
            let Outcome::Failed(failure) = outcome else { panic!("{} {status}", face.kind) };
            if (400..=499).contains(&status) {
                assert_eq!(failure.class.rule().taken, Taken::Maybe, "{} {status}", face.kind);
            }
        }
    }
}

/// Values that a field of a reply might have, sensible or not.
fn any_value() -> impl Strategy<Value = Value> {
    let listed = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(2),
        json!(3),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("0"),
        json!("1"),
        json!("2"),
        json!("3"),
        json!("-1"),
        json!("SUCCESS"),
        json!("OVER_LIMIT"),
        json!("failed"),
        json!([]),
        json!({}),
        json!([[[]]]),
        json!({ "code": "SUCCESS" }),
        json!({ "code": "SUCCESS", "description": { "fails": [AUSTRALIA[0]] } }),
        json!({ "code": "LEDGER_ERROR" }),
        json!({ "code": 7 }),
        json!([AUSTRALIA[0]]),
        json!([THAILAND[0], 5]),
    ];
    prop_oneof![4 => prop::sample::select(listed), 1 => "\\PC{0,20}".prop_map(Value::from)]
}

fn any_field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "message_id",
        "uuid",
        "recipients",
        "cost",
        "credits",
        "sms",
        "parts",
        "error",
        "code",
        "status",
        "dryRun",
        "fails",
        "optouts",
        "other",
    ])
}

proptest! {
    #[test]
    fn the_same_call_is_always_the_same_bytes_of_the_told_length(
        text in "\\PC{1,160}",
        count in 1_usize..200,
        first in 1_000_000_u64..999_999_999_999_000,
        send_at in prop::option::of(0_i64..4_000_000_000_000),
    ) {
        let numbers: Vec<u64> = (first..).take(count).collect();
        for face in &FACES {
            let call = SendCall {
                send_at: send_at.map(UnixMillis),
                ..call(chunk(&text, &numbers), Some(face.sender))
            };
            let [one, two] = [(); 2].map(|()| account(face.kind, &[]).encode(&call).expect("within the limits"));
            prop_assert_eq!(&one.url, &two.url);
            let bytes = support::body_of(&one);
            prop_assert_eq!(&bytes, &support::body_of(&one), "a body reads the same twice");
            prop_assert_eq!(&bytes, &support::body_of(&two));
            prop_assert_eq!(bytes.len() as u64, one.body.length());
        }
    }

    #[test]
    fn a_request_shows_no_secret_number_or_text(text in "[a-z]{12,40}", number in 10_000_000_u64..999_999_999_999_999) {
        let options = [("dlr_callback", "https://example.com/dlr?token=sim-token")];
        for face in &FACES {
            let own: &[_] = if face.kind == "transmitsms" { &options } else { &[] };
            let account = account(face.kind, own);
            let made = account.encode(&call(chunk(&text, &[number]), Some(face.sender))).expect("within the limits");
            let secret = made.headers.iter().find(|one| matches!(one.value, HeaderValue::Secret(_)));
            let secret = support::shown(&secret.expect("a header with the credentials").value);
            let open = format!("{} {made:?} {account:?}", made.url);
            for hidden in ["sim-key", "sim-secret", "sim-token", &secret, &text, &number.to_string()] {
                prop_assert!(!open.contains(hidden), "{} shows {hidden}: {open}", face.kind);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_take_them_for_a_success(
        status in 100_u16..600,
        content_type in prop::option::of(prop::sample::select(vec!["application/json", "text/html", "", ";"])),
        retry_after in prop::option::of("\\PC{0,30}"),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for face in &FACES {
            let mut reply = reply(status, content_type, &body);
            reply.headers.extend(retry_after.clone().map(|value| ("retry-after".to_owned(), value)));
            let outcome = account(face.kind, &[]).decode(&chunk("Sale", &face.numbers[..2]), &reply);
            prop_assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        }
    }

    #[test]
    fn only_a_complete_success_accepts_anybody(
        sent in 1_usize..4,
        status in prop_oneof![4 => 200_u16..207, 1 => 100_u16..600],
        changes in prop::collection::vec((any_field(), prop::option::of(any_value())), 0..5),
    ) {
        for face in &FACES {
            let mut body = (face.success)(sent);
            for (field, value) in &changes {
                let fields = body.as_object_mut().expect("an object");
                match value {
                    Some(value) => fields.insert((*field).to_owned(), value.clone()),
                    None => fields.remove(*field),
                };
            }
            let chunk = chunk("Sale", &face.numbers[..sent]);
            let outcome = account(face.kind, &[]).decode(&chunk, &reply(status, JSON, body.to_string()));
            let may = (200..=299).contains(&status) && (face.may_accept)(&body, sent);
            prop_assert!(may || !support::accepts_anybody(&outcome), "{} {status} {body}: {outcome:?}", face.kind);
            if let Outcome::Answered(answer) = outcome {
                prop_assert!(answer.request_id.is_some_and(|id| !id.is_empty()));
                if let volley_core::Verdicts::Each(verdicts) = answer.verdicts {
                    prop_assert_eq!(verdicts.len(), sent);
                }
            }
        }
    }
}
