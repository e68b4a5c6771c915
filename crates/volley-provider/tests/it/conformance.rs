//! The laws that hold for every adapter.

use crate::support::{self, AMERICA, AUSTRALIA, THAILAND, account, call, chunk, reply};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{ops::Range, sync::Arc};
use volley_core::{Batch, Class, Outcome, ReplyPrice, Schedule, Taken, UnixMillis, Verdict, Verdicts};
use volley_provider::{
    adapter::{SendCall, Unbuildable},
    http::HeaderValue,
    inquiry::Callback,
    registry::{self, Settings},
};

const JSON: Option<&str> = Some("application/json");

/// What the laws need to know of one provider.
struct Face {
    kind: &'static str,
    sender: &'static str,
    /// Whether a sender may be a name of up to 11 letters and digits.
    names: bool,
    /// Whether spaces may be in it.
    spaces: bool,
    numbers: [u64; 6],
    /// Numbers that it reaches.
    reaches: Range<u64>,
    batch: Batch,
    max_characters: Option<usize>,
    schedules: bool,
    /// A complete success reply for so many recipients.
    success: fn(usize) -> Value,
    /// Whether a JSON reply under a success status takes somebody, written down once more and
    /// by other means than the adapter's.
    may_accept: fn(&Value, usize) -> bool,
}

impl Face {
    /// Two numbers, or as many as one request carries.
    fn numbers(&self) -> &[u64] {
        &self.numbers[..self.batch.ceiling().min(2) as usize]
    }

    /// As many numbers as one request carries, but not more than `most`, the first of them `from`
    /// places behind the first that the provider reaches.
    fn crowd(&self, from: u64, most: usize) -> Vec<u64> {
        let most = most.min(self.batch.ceiling() as usize);
        let room = self.reaches.end - self.reaches.start - most as u64;
        (self.reaches.start + from % room..).take(most).collect()
    }
}

/// Every number of 7 to 15 digits.
const EVERYWHERE: Range<u64> = 1_000_000..1_000_000_000_000_000;

const FACES: [Face; 6] = [
    Face {
        kind: "transmitsms",
        sender: "ShopAlert",
        names: true,
        spaces: false,
        numbers: AUSTRALIA,
        reaches: EVERYWHERE,
        batch: Batch::SharedText { max: 500 },
        max_characters: Some(612),
        schedules: true,
        success: |sent| {
            json!({
                "message_id": 512_340_077, "recipients": sent, "cost": 0.158, "sms": sent,
                "error": { "code": "SUCCESS", "description": "OK" }
            })
        },
        may_accept: |body, sent| {
            let said = body["error"]["code"] == "SUCCESS";
            said && has_id(&body["message_id"]) && counted(body).is_none_or(|taken| taken <= sent)
        },
    },
    Face {
        kind: "mesms",
        sender: "VolleyTH",
        names: true,
        spaces: false,
        numbers: THAILAND,
        reaches: EVERYWHERE,
        batch: Batch::SharedText { max: 2_000_000 },
        max_characters: Some(1_000),
        schedules: true,
        success: |sent| {
            json!({
                "uuid": "0d8f7c52-6a1e-4b7b-9f43-71c2a5e9d310", "status": "pending",
                "recipients": sent, "parts": 1, "credits": sent
            })
        },
        may_accept: |body, sent| {
            let refused = !body["error"].is_null() || !body["code"].is_null() || body["dryRun"] == true;
            has_id(&body["uuid"]) && !refused && counted(body).is_none_or(|taken| taken == sent)
        },
    },
    Face {
        kind: "maxotel",
        sender: "ShopAlert",
        names: true,
        spaces: false,
        numbers: AUSTRALIA,
        reaches: 61_400_000_000..61_500_000_000,
        batch: Batch::One,
        max_characters: None,
        schedules: false,
        success: |_| json!({ "status": 1, "request": "sms/send", "smsid": 7_741, "parts": 1, "price": 0.05 }),
        may_accept: |body, _| {
            let taken = body["status"] == 1 || body["status"] == "1";
            taken && has_id(&body["smsid"]) && (body["error"].is_null() || body["error"] == "")
        },
    },
    Face {
        kind: "fonedynamics",
        sender: "ShopAlert",
        names: true,
        spaces: true,
        numbers: AUSTRALIA,
        reaches: EVERYWHERE,
        batch: Batch::PerItem { max: 100 },
        max_characters: Some(1_530),
        schedules: true,
        success: |sent| {
            let message = |index: usize| {
                json!({
                    "MessageSid": format!("MG0C7E{index}"), "To": format!("+{}", AUSTRALIA[index]),
                    "Status": "Processing", "NumSegments": 1, "ExternalId": format!("00000000c7c7-{index}"),
                    "ErrorCode": null
                })
            };
            if sent == 1 { json!({ "Message": message(0) }) } else { (0..sent).map(message).collect() }
        },
        may_accept: |body, sent| {
            let items = body.as_array().or(body["Messages"].as_array());
            let items = items.map_or(vec![body], |items| items.iter().collect());
            let inner = |item: &Value| {
                if item["Message"].is_object() { item["Message"].clone() } else { item.clone() }
            };
            let taken = |item: Value| {
                let no_code =
                    [json!(null), json!(0), json!("0"), json!(""), json!(false)].contains(&item["ErrorCode"]);
                has_id(&item["MessageSid"])
                    && (no_code || [&item["Status"], &item["status"]].contains(&&json!("failed")))
            };
            items.len() <= sent && items.into_iter().map(inner).any(taken)
        },
    },
    Face {
        kind: "multitel",
        sender: "15555550100",
        names: false,
        spaces: false,
        numbers: AMERICA,
        reaches: 10_000_000_000..20_000_000_000,
        batch: Batch::One,
        max_characters: None,
        schedules: false,
        success: |_| {
            json!({
                "status": { "code": "200", "msg": "" },
                "response": {
                    "status": "Success", "message": "Message queued", "causecode": 0, "uniqueid": "0c7e-1",
                    "cost": 0.03, "chars": 0, "parts": 2, "permsg": 0.015, "pid": "QW-0c7e-1"
                }
            })
        },
        may_accept: |body, _| {
            let [code, cause] = [&body["status"]["code"], &body["response"]["causecode"]];
            let taken = [json!(200), json!("200"), json!(202), json!("202")].contains(code);
            taken && [json!(0), json!("0")].contains(cause) && has_id(&body["response"]["uniqueid"])
        },
    },
    Face {
        kind: "http",
        sender: "+15555550100",
        names: true,
        spaces: true,
        numbers: AMERICA,
        reaches: EVERYWHERE,
        batch: Batch::One,
        max_characters: Some(1_600),
        schedules: false,
        success: |_| json!({ "sid": "SM0c7e1", "status": "queued", "num_segments": "1", "error_code": null }),
        may_accept: |body, _| has_id(&body["sid"]) && (body["code"].is_null() || body["code"] == ""),
    },
];

/// Whether a field of a reply names something.
fn has_id(id: &Value) -> bool {
    id.as_u64().is_some_and(|id| id > 0) || id.as_str().is_some_and(|id| !id.is_empty())
}

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
        assert_eq!(capabilities.batch, face.batch);
        assert!(capabilities.default_chunk <= capabilities.batch.ceiling());
        assert_eq!(capabilities.profile.max_characters, face.max_characters);
        assert_eq!(capabilities.schedule != Schedule::Never, face.schedules);
        assert_eq!(capabilities.sender.max_name > 0, face.names);
    }
}

#[test]
fn the_defaults_are_as_documented() {
    for (kind, chunk, rate, strictly, in_flight, seconds, price, sender_required) in [
        ("transmitsms", 500, "2/s", true, 2, 30, ReplyPrice::Money, false),
        ("mesms", 1_000, "5/s", false, 4, 120, ReplyPrice::Units("credit"), true),
        ("maxotel", 1, "5/s", false, 4, 30, ReplyPrice::Money, true),
        ("fonedynamics", 100, "10/s", false, 8, 30, ReplyPrice::Nothing, false),
        ("multitel", 1, "2/s", false, 2, 30, ReplyPrice::Money, true),
        ("http", 1, "1/s", false, 2, 30, ReplyPrice::Nothing, true),
    ] {
        let account = account(kind, &[]);
        let told = account.capabilities();
        assert_eq!((told.default_chunk, told.rate.to_string().as_str()), (chunk, rate), "{kind}");
        assert_eq!((told.counts_strictly, told.max_in_flight), (strictly, in_flight), "{kind}");
        assert_eq!((told.timeout.as_secs(), told.reply_price), (seconds, price), "{kind}");
        assert_eq!(told.sender.required, sender_required, "{kind}");
    }
}

#[test]
fn without_a_base_url_requests_go_to_the_provider() {
    let urls = [
        "https://api.transmitsms.com/send-sms.json",
        "https://me-sms.com/api/v2/sms/send",
        "https://myapi.maxo.com.au/sms/send",
        "https://api.fonedynamics.com/v2/Properties/sim-property/Messages",
        "https://api.multitel.net/v3/sendsms",
        "https://api.twilio.com/2010-04-01/Accounts/sim-account/Messages.json",
    ];
    for (face, url) in FACES.iter().zip(urls) {
        let account =
            registry::adapter(face.kind, Settings { base_url: None, ..support::settings(face.kind, &[]) });
        let call = call(chunk("Sale", &face.numbers[..1]), Some(face.sender));
        let made = account.expect("complete settings").encode(&call);
        assert_eq!(made.expect("within the limits").address(), url);
    }
}

#[test]
fn what_is_outside_the_limits_is_not_built() {
    for face in &FACES {
        let one = || chunk("Sale", &face.numbers[..1]);
        let ceiling = face.batch.ceiling() as usize;
        let crowd: Vec<u64> = (face.reaches.start..).take(ceiling + 1).collect();
        let mut two_texts = chunk("Sale", &face.numbers[..2]);
        two_texts.texts.push(Arc::from("Sale tomorrow"));
        two_texts.recipients[1].text = 1;
        let text_of = |characters| chunk(&"é".repeat(characters), &face.numbers[..1]);
        let longest = face.max_characters.unwrap_or(30_000);
        for (what, chunk, sender, built) in [
            ("one recipient", one(), face.sender, true),
            ("a full request", chunk("Sale", &crowd[1..]), face.sender, true),
            ("one too many", chunk("Sale", &crowd), face.sender, false),
            ("nobody", chunk("Sale", &[]), face.sender, false),
            ("two texts", two_texts, face.sender, matches!(face.batch, Batch::PerItem { .. })),
            ("a number abroad", chunk("Sale", &[66_800_000_001]), face.sender, face.reaches == EVERYWHERE),
            ("the longest text", text_of(longest), face.sender, true),
            ("a longer text", text_of(longest + 1), face.sender, face.max_characters.is_none()),
            ("no text", text_of(0), face.sender, false),
            ("the longest name", one(), "ElevenChars", face.names),
            ("a longer name", one(), "TwelveCharsX", false),
            ("a space in the sender", one(), "Shop Alert", face.spaces),
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
        let chunk = chunk("Sale", face.numbers());
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
        let chunk = chunk("Sale", face.numbers());
        let whole = (face.success)(chunk.recipients.len()).to_string();
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
        let chunk = chunk("Sale", face.numbers());
        let body = (face.success)(chunk.recipients.len()).to_string();
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

/// Puts `value` into `field`, one of the body or, `block.field`, one inside; takes it out for `None`.
/// Of a list it is the first item that changes.
fn change(body: &mut Value, field: &str, value: Option<&Value>) {
    if let Some(items) = body.as_array_mut() {
        return items.first_mut().map_or((), |first| change(first, field, value));
    }
    let (block, field) = field.split_once('.').map_or((None, field), |(block, field)| (Some(block), field));
    let fields = match block {
        None => body.as_object_mut(),
        Some(block) => body.get_mut(block).and_then(Value::as_object_mut),
    };
    let Some(fields) = fields else { return };
    match value {
        Some(value) => fields.insert(field.to_owned(), value.clone()),
        None => fields.remove(field),
    };
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
        "status.code",
        "response",
        "response.causecode",
        "response.uniqueid",
        "response.parts",
        "request",
        "reason",
        "smsid",
        "sid",
        "num_segments",
        "price",
        "MessageSid",
        "ExternalId",
        "ErrorCode",
        "Status",
        "To",
        "Message",
        "Message.MessageSid",
        "Message.ErrorCode",
        "Message.To",
        "Messages",
        "dryRun",
        "fails",
        "optouts",
        "other",
    ])
}

/// Settings under which a secret travels in other places, one account after the other.
fn secret_settings(kind: &str) -> &'static [&'static [(&'static str, &'static str)]] {
    match kind {
        "transmitsms" => &[&[("dlr_callback", "https://example.com/dlr?token=sim-token")]],
        "maxotel" => &[&[], &[("method", "get")]],
        "fonedynamics" => &[&[("receipt_url", "https://example.com/dlr?token=sim-token")]],
        "multitel" => &[&[("notify_url", "https://example.com/dlr?token=sim-token")]],
        _ => &[&[]],
    }
}

proptest! {
    #[test]
    fn the_same_call_is_always_the_same_bytes_of_the_told_length(
        text in "\\PC{1,160}",
        count in 1_usize..200,
        from in 0..EVERYWHERE.end,
        send_at in prop::option::of(0_i64..4_000_000_000_000),
    ) {
        for face in &FACES {
            let call = SendCall {
                send_at: send_at.map(UnixMillis).filter(|_| face.schedules),
                ..call(chunk(&text, &face.crowd(from, count)), Some(face.sender))
            };
            let [one, two] = [(); 2].map(|()| account(face.kind, &[]).encode(&call).expect("within the limits"));
            prop_assert_eq!(one.address(), two.address());
            let bytes = support::body_of(&one);
            prop_assert_eq!(&bytes, &support::body_of(&one), "a body reads the same twice");
            prop_assert_eq!(&bytes, &support::body_of(&two));
            prop_assert_eq!(bytes.len() as u64, one.body.length());
        }
    }

    #[test]
    fn a_request_shows_no_secret_number_or_text(text in "[a-z]{12,40}", from in 0..EVERYWHERE.end) {
        for face in &FACES {
            for own in secret_settings(face.kind) {
                let account = account(face.kind, own);
                let number = face.crowd(from, 1)[0];
                let call = call(chunk(&text, &[number]), Some(face.sender));
                let made = account.encode(&call).expect("within the limits");
                let secrets = made.headers.iter().filter(|one| matches!(one.value, HeaderValue::Secret(_)));
                let mut hidden: Vec<String> = secrets.map(|one| support::shown(&one.value)).collect();
                let carried = [&made.address().as_bytes()[made.url.len()..], &support::body_of(&made)].concat();
                let carried = String::from_utf8(carried).expect("UTF-8");
                prop_assert!(!hidden.is_empty() || carried.contains("sim-key"), "{}: no credentials", face.kind);
                hidden.extend(["sim-key", "sim-secret", "sim-token", "sim-account", "sim-user", "sim-password"].map(str::to_owned));
                hidden.extend([text.clone(), number.to_string(), number.to_string()[2..].to_owned()]);
                let open = format!("{} {made:?} {account:?}", made.url);
                for hidden in hidden {
                    prop_assert!(!open.contains(&hidden), "{} shows {hidden}: {open}", face.kind);
                }
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
            let outcome = account(face.kind, &[]).decode(&chunk("Sale", face.numbers()), &reply);
            prop_assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        }
    }

    #[test]
    fn no_call_to_us_makes_it_panic(
        method in prop::sample::select(vec!["GET", "POST", "PUT", ""]),
        query in "[a-zA-Z0-9=&%+{}.]{0,60}|\\PC{0,40}",
        content_type in prop::option::of(prop::sample::select(vec!["application/json", "text/html", ""])),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let headers = content_type.map(|value| ("content-type".to_owned(), value.to_owned()));
        let callback = Callback {
            method: method.to_owned(),
            query,
            headers: headers.into_iter().collect(),
            body: body.into(),
        };
        for face in &FACES {
            let events = account(face.kind, &[]).callback(&callback);
            prop_assert!(!matches!(events, Some(Ok(events)) if events.is_empty()), "{}: nothing said", face.kind);
        }
    }

    #[test]
    fn only_a_complete_success_accepts_anybody(
        most in 1_usize..4,
        status in prop_oneof![4 => 200_u16..207, 1 => 100_u16..600],
        changes in prop::collection::vec((any_field(), prop::option::of(any_value())), 0..5),
    ) {
        for face in &FACES {
            let sent = most.min(face.batch.ceiling() as usize);
            let mut body = (face.success)(sent);
            for (field, value) in &changes {
                change(&mut body, field, value.as_ref());
            }
            let chunk = chunk("Sale", &face.numbers[..sent]);
            let outcome = account(face.kind, &[]).decode(&chunk, &reply(status, JSON, body.to_string()));
            let may = (200..=299).contains(&status) && (face.may_accept)(&body, sent);
            prop_assert!(may || !support::accepts_anybody(&outcome), "{} {status} {body}: {outcome:?}", face.kind);
            if let Outcome::Answered(answer) = outcome {
                let has_id = answer.request_id.is_some_and(|id| !id.is_empty());
                if let Verdicts::Each(verdicts) = answer.verdicts {
                    prop_assert_eq!(verdicts.len(), sent);
                    let nameless = |one: &Verdict| matches!(one, Verdict::Accepted { id: None, .. });
                    prop_assert!(has_id || !verdicts.iter().any(nameless));
                } else {
                    prop_assert!(has_id);
                }
            }
        }
    }
}
