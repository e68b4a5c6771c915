//! The shared wire fixtures, `data/wire/`: what the gateway understands, and how it answers.

use crate::support::{START, body, calm, form, gateway, json, send_one, send_one_thai, with_account};
use serde_json::Value;
use std::{fs, path::PathBuf, str, time::Duration};
use volley_core::Micros;
use volley_sim::{Config, ErrorPlace, Face, Reply, Request};

pub(crate) fn folder(face: Face) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/wire").join(face.word())
}

/// The lines of a fixture's head, and its body.
pub(crate) fn read(face: Face, file: &str) -> (Vec<String>, Vec<u8>) {
    let path = folder(face).join(file);
    let bytes = fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let end = (0..bytes.len()).find_map(|at| {
        [&b"\r\n\r\n"[..], b"\n\n"]
            .iter()
            .find(|mark| bytes[at..].starts_with(mark))
            .map(|mark| (at, at + mark.len()))
    });
    let (head, body) = end.unwrap_or_else(|| panic!("{} has no empty line", path.display()));
    let head = String::from_utf8_lossy(&bytes[..head]);
    (head.lines().map(str::to_owned).collect(), bytes[body..].to_vec())
}

pub(crate) fn request(face: Face, file: &str) -> Request {
    let (head, body) = read(face, file);
    let mut first = head[0].split(' ');
    let (method, target) = (first.next().expect("a method"), first.next().expect("a target"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |line: &String| {
        let (name, value) = line.split_once(": ").expect("a header");
        (name.to_owned(), value.to_owned())
    };
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: head[1..].iter().map(header).collect(),
        body: body.into(),
    }
}

/// What a fixture's request asks for: who gets which text from whom.
type Meaning = Vec<(u64, &'static str, Option<&'static str>)>;

const SALE: &str = "Sale ends today";
const SIGNS: &str = "50% off + tea & cake = fun\nCafé “Ünï” 🙂 €5; ~2 {x} [y] \\ ^ |";
const EXTENSION: &str = "^{}\\[~]|€ + & = %\nline two, é à £ Δ";
const QUOTES: &str = "Say \"now\" \\ a/b\tc";
const AU: [u64; 2] = [61_491_570_006, 61_491_570_156];
const TH: [u64; 2] = [66_800_000_001, 66_800_000_002];
const US: u64 = 15_555_550_101;

/// Every request fixture, with its meaning as its README tells it, and its success if it has one.
fn requests() -> Vec<(Face, &'static str, Meaning, &'static str)> {
    use Face::{FoneDynamics as F, MaxoTel as X, MeSms as M, MultiTel as U, TransmitSms as T};
    let to = |number, text, sender| vec![(number, text, Some(sender))];
    let au = |text| to(AU[0], text, "ShopAlert");
    let two = |text, sender| AU.map(|number| (number, text, Some(sender))).to_vec();
    let th = |text| to(TH[0], text, "VolleyTH");
    let us = |text| to(US, text, "15555550100");
    let (a, b) = ("Parcel A is here", "Parcel B is here");
    let texts = [(AU[0], a), (AU[1], b), (61_491_570_157, a)];
    vec![
        (T, "one", au(SALE), "ok"),
        (T, "two", two(SALE, "ShopAlert"), "ok"),
        (T, "no-sender", vec![(AU[0], SALE, None)], "ok"),
        (T, "number-sender", to(AU[0], SALE, "61491570159"), "ok"),
        (T, "schedule", au(SALE), "ok-scheduled"),
        (T, "signs", au(SIGNS), "ok"),
        (T, "gsm-extension", au(EXTENSION), "ok"),
        (T, "path-prefix", au(SALE), "ok"),
        (T, "settings", au("Sale ends today: [tracked-link]"), "ok"),
        (M, "one", th(SALE), "ok"),
        (M, "two", TH.map(|number| (number, SALE, Some("VolleyTH"))).to_vec(), "ok"),
        (M, "schedule", th(SALE), "ok-scheduled"),
        (M, "signs", th(SIGNS), "ok"),
        (M, "gsm-extension", th(EXTENSION), "ok"),
        (M, "quotes", th(QUOTES), "ok"),
        (M, "thai", th("ลดราคาวันนี้วันสุดท้าย"), "ok"),
        (M, "abroad", to(AU[0], SALE, "VolleyTH"), "ok"),
        // An account whose send path is another one: this gateway has no such path.
        (M, "send-path", Vec::new(), ""),
        (X, "one", au(SALE), "ok"),
        (X, "number-sender", to(AU[0], SALE, "0491570159"), "ok"),
        (X, "plus-sender", to(AU[0], SALE, "+61491570159"), "ok"),
        (X, "signs", au(SIGNS), "ok"),
        (X, "gsm-extension", au(EXTENSION), "ok"),
        (X, "inbox", au(SALE), "ok"),
        (X, "inbox-lower-case", au(SALE), "ok"),
        (X, "inbox-path", au(SALE), "ok"),
        (X, "get", au(SALE), "ok"),
        (X, "get-signs", au(SIGNS), "ok"),
        (X, "get-inbox", au(SALE), "ok"),
        (F, "one", au(SALE), "ok"),
        (F, "one-batch", au(SALE), "ok-three"),
        (F, "two", two(SALE, "ShopAlert"), "ok-three"),
        (F, "texts", texts.map(|(number, text)| (number, text, Some("ShopAlert"))).to_vec(), "ok-three"),
        (F, "name-with-space", to(AU[0], SALE, "Shop Alert"), "ok"),
        (F, "number-sender", to(AU[0], SALE, "+61491570159"), "ok"),
        (F, "digits-sender", to(AU[0], SALE, "+61491570159"), "ok"),
        (F, "leased", vec![(AU[0], SALE, None)], "ok"),
        (F, "leased-replies", vec![(AU[0], SALE, None)], "ok"),
        (F, "schedule", au(SALE), "ok-scheduled"),
        (F, "schedule-batch", two(SALE, "ShopAlert"), ""),
        (F, "receipt-url", au(SALE), "ok"),
        (F, "no-receipt", au(SALE), "ok"),
        (F, "signs", au(SIGNS), "ok"),
        (F, "gsm-extension", au(EXTENSION), "ok"),
        (F, "quotes", au(QUOTES), "ok"),
        (U, "one", us(SALE), "ok"),
        (U, "plus-sender", us(SALE), "ok"),
        (U, "signs", us(SIGNS), "ok"),
        (U, "gsm-extension", us(EXTENSION), "ok"),
        (U, "notify-url", us(SALE), "ok"),
        (U, "media", us(SALE), "ok"),
        (U, "json", us(SALE), "ok"),
        (U, "json-signs", us(SIGNS), "ok"),
        (U, "abroad", to(AU[0], SALE, "15555550100"), "ok"),
    ]
}

#[test]
fn every_request_fixture_is_understood_exactly() {
    for (face, name, meant, success) in requests() {
        let mut gateway = gateway(with_account(face, |account| account.foreign_numbers = true));
        let answer = gateway.answer(Duration::ZERO, &request(face, &format!("{name}.request")));
        if meant.is_empty() {
            assert_eq!((answer.reply.status, gateway.recipients_taken()), (401, 0), "{name}");
            continue;
        }
        assert_eq!(answer.reply.status, 200, "{face:?} {name}: {:?}", answer.reply.body);
        let taken: Vec<_> =
            gateway.ledger().map(|entry| (entry.to.digits(), entry.text, entry.sender)).collect();
        assert_eq!(taken, meant, "{face:?} {name}");
        if !success.is_empty() {
            assert_same_shape(face, success, &answer.reply);
        }
    }
}

#[test]
fn no_request_fixture_is_forgotten() {
    let requests = requests();
    for face in Face::ALL {
        for file in fs::read_dir(folder(face)).expect("the fixtures are there") {
            let file = file.expect("readable").file_name().into_string().expect("an ASCII name");
            let Some(name) = file.strip_suffix(".request") else { continue };
            assert!(
                requests.iter().any(|row| (row.0, row.1) == (face, name)),
                "{face:?} {name} has no meaning here"
            );
        }
    }
}

#[test]
fn refusals_have_the_shape_of_their_fixtures() {
    use Face::{FoneDynamics as F, MaxoTel as X, MeSms as M, MultiTel as U, TransmitSms as T};
    const SALE_IN_A_FORM: &str = "Sale+ends+today";
    let poor = |face| with_account(face, |account| account.balance = Some(Micros::ZERO));
    let silent = |face| with_account(face, |account| account.may_send = false);
    let telling = || with_account(U, |account| account.habits.errors = ErrorPlace::Status);
    let poor_and_telling = with_account(U, |account| {
        account.balance = Some(Micros::ZERO);
        account.habits.errors = ErrorPlace::Status;
    });
    let one = |face| request(face, "one.request");
    let keyless = |request: &Request| edited(request, "key=sim-key&", "");
    let parameters =
        |message, to, from| form("/send-sms.json", &[("message", message), ("to", to), ("from", from)]);
    let unsigned = |mut request: Request| {
        request.headers.retain(|header| header.0 == "content-type");
        request
    };
    let misplaced = |mut request: Request, path: &str| {
        request.path = path.to_owned();
        request
    };
    let to = "61491570006";
    let cases: Vec<(Face, &str, Config, Request)> = vec![
        (T, "error-auth-failed-no-data", calm(), unsigned(send_one())),
        (T, "error-not-implemented", calm(), misplaced(send_one(), "/send-sms")),
        (T, "error-field-empty", calm(), parameters("", to, "ShopAlert")),
        (T, "error-field-invalid", calm(), parameters(&"x".repeat(613), to, "ShopAlert")),
        (T, "error-bad-caller-id", calm(), parameters("hi", to, "Shop Alert")),
        (T, "error-recipients-error", calm(), parameters("hi", "0491570006", "ShopAlert")),
        (T, "error-ledger-error", poor(T), send_one()),
        (M, "error-key", calm(), unsigned(send_one_thai())),
        (M, "error-bad-number", calm(), json(r#"{"sender":"VolleyTH","content":"hi","msisdns":["1"]}"#)),
        (M, "error-no-credits", poor(M), send_one_thai()),
        (M, "error-unknown", calm(), misplaced(send_one_thai(), "/api/v2/none")),
        (X, "error-authentication", calm(), keyless(&one(X))),
        (X, "error-validation", calm(), edited(&one(X), SALE_IN_A_FORM, "")),
        (X, "error-international", calm(), edited(&one(X), "0491570006", "15555550101")),
        (X, "error-permission", silent(X), one(X)),
        (X, "error-method", calm(), misplaced(one(X), "/sms/17/sent")),
        (X, "error-funds-402", poor(X), one(X)),
        (F, "error-400", calm(), edited(&one(F), "+61491570006", "0491570006")),
        (F, "error-401", calm(), unsigned(one(F))),
        (F, "error-402", poor(F), one(F)),
        (F, "error-403", silent(F), one(F)),
        (F, "error-404", calm(), misplaced(one(F), "/v2/Properties/sim-property/Message")),
        (F, "error-413", with_account(F, |account| account.max_recipients = 2), request(F, "texts.request")),
        (F, "items-all-refused", calm(), edited(&request(F, "two.request"), "+614", "614")),
        (U, "code-400", calm(), edited(&one(U), SALE_IN_A_FORM, "")),
        (U, "code-401", calm(), unsigned(one(U))),
        (U, "code-402", poor(U), one(U)),
        (U, "code-404", calm(), misplaced(one(U), "/v3/sendmms")),
        (U, "cause-21", calm(), request(U, "abroad.request")),
        (U, "error-400", telling(), edited(&one(U), "15555550101", "friend")),
        (U, "error-401", telling(), unsigned(one(U))),
        (U, "error-402", poor_and_telling, one(U)),
        (U, "error-404", telling(), misplaced(one(U), "/v3/sendmms")),
    ];
    for (face, name, config, request) in cases {
        let answer = gateway(config).answer(Duration::ZERO, &request);
        assert_same_shape(face, name, &answer.reply);
    }
    let mut busy = gateway(Config { started_at: Some(START), ..Config::default() });
    for (face, name, request) in [
        (T, "error-over-limit", send_one()),
        (M, "error-too-fast", send_one_thai()),
        (X, "error-too-fast", one(X)),
        (F, "throttled", one(F)),
        (U, "code-429", one(U)),
    ] {
        let last = (0..11).map(|_| busy.answer(Duration::ZERO, &request).reply).last().expect("eleven");
        assert_same_shape(face, name, &last);
    }
}

/// The same request with `text` for every `pattern` of its body.
fn edited(request: &Request, pattern: &str, text: &str) -> Request {
    let body = str::from_utf8(&request.body).expect("a plain request is UTF-8");
    assert!(body.contains(pattern), "{pattern} in {body}");
    Request { body: body.replace(pattern, text).into(), ..request.clone() }
}

/// The questions of Fone Dynamics, the fixture that has the shape of the answer after one message
/// was taken, and how many messages a list has then.
const QUESTIONS: [(&str, &str, Option<usize>); 6] = [
    ("receipts", "receipts-no-status", Some(1)),
    ("receipts-later", "receipts-empty", Some(0)),
    ("receipts-strange-cursor", "receipts-no-status", Some(1)),
    ("lookup", "lookup-found", Some(1)),
    ("lookup-later", "lookup-empty", Some(0)),
    ("receipt-get", "receipt-get-unknown", None),
];

#[test]
fn questions_are_understood_and_answered_in_the_shape_of_their_fixtures() {
    let face = Face::FoneDynamics;
    let mut gateway = gateway(calm());
    gateway.answer(Duration::ZERO, &request(face, "one.request"));
    for (ask, said, count) in QUESTIONS {
        let reply = gateway.answer(Duration::from_secs(30), &request(face, &format!("{ask}.ask"))).reply;
        let (head, expected) = read(face, &format!("{said}.said"));
        assert!(head[0].contains(&format!(" {} ", reply.status)), "{ask}: {:?}", reply.body);
        let expected: Value = serde_json::from_slice(&expected).expect("an answer is JSON");
        let seen = body(&reply);
        let Some(count) = count else {
            assert_eq!(kinds(&seen), kinds(&expected), "{ask}");
            continue;
        };
        assert_eq!(seen["Messages"].as_array().map(Vec::len), Some(count), "{ask}");
        let keys = |value: &Value| value.as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
        assert_eq!(keys(&seen), keys(&expected), "{ask}");
        if let Some(shown) = seen["Messages"].get(0) {
            for name in keys(&expected["Messages"][0]).expect("a message") {
                assert!(shown.get(&name).is_some(), "{ask} has no {name}");
            }
        }
    }
}

#[test]
fn no_question_fixture_is_forgotten() {
    for file in fs::read_dir(folder(Face::FoneDynamics)).expect("the fixtures are there") {
        let file = file.expect("readable").file_name().into_string().expect("an ASCII name");
        let Some(name) = file.strip_suffix(".ask") else { continue };
        assert!(QUESTIONS.iter().any(|row| row.0 == name), "{name} has no answer here");
    }
}

/// Asserts that `reply` has the status of fixture `name`, its code word where it has one, and the
/// same keys with the same kinds of values.
fn assert_same_shape(face: Face, name: &str, reply: &Reply) {
    let (head, expected) = read(face, &format!("{name}.reply"));
    let status = head[0].split(' ').nth(1).and_then(|status| status.parse().ok());
    assert_eq!(Some(reply.status), status, "{face:?} {name}: {:?}", reply.body);
    let expected: Value = serde_json::from_slice(&expected).expect("a plain reply is JSON");
    let seen = body(reply);
    assert_eq!(kinds(&seen), kinds(&expected), "{face:?} {name}");
    assert_eq!(seen.pointer("/error/code"), expected.pointer("/error/code"), "{face:?} {name}");
    assert_eq!(seen.get("code"), expected.get("code"), "{face:?} {name}");
    assert_eq!(seen.pointer("/status/code"), expected.pointer("/status/code"), "{face:?} {name}");
    if face == Face::MaxoTel {
        assert_eq!(seen.get("error"), expected.get("error"), "{face:?} {name}");
    }
}

/// A value with every leaf replaced by its kind; a list is the kind of its first item.
fn kinds(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => items.iter().take(1).map(kinds).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), kinds(value))).collect(),
    }
}
