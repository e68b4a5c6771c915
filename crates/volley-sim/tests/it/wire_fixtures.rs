//! The shared wire fixtures, `data/wire/`: what the gateway understands, and how it answers.

use crate::support::{START, body, calm, form, gateway, json, send_one, send_one_thai, with_account};
use serde_json::Value;
use std::{fs, path::PathBuf, time::Duration};
use volley_core::Micros;
use volley_sim::{Config, Face, Reply, Request};

fn folder(face: Face) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/wire").join(face.word())
}

/// The lines of a fixture's head, and its body.
fn read(face: Face, file: &str) -> (Vec<String>, Vec<u8>) {
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

fn request(face: Face, file: &str) -> Request {
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

/// What a fixture's request asks for: text, sender, numbers.
type Meaning = (&'static str, Option<&'static str>, &'static [u64]);

const SALE: &str = "Sale ends today";
const SIGNS: &str = "50% off + tea & cake = fun\nCafé “Ünï” 🙂 €5; ~2 {x} [y] \\ ^ |";
const EXTENSION: &str = "^{}\\[~]|€ + & = %\nline two, é à £ Δ";
const AU: &[u64] = &[61_491_570_006, 61_491_570_156];
const TH: &[u64] = &[66_800_000_001, 66_800_000_002];

/// Every request fixture, with its meaning as its README tells it, and its success if it has one.
const REQUESTS: [(Face, &str, Option<Meaning>, &str); 18] = {
    use Face::{MeSms as M, TransmitSms as T};
    let (one_au, one_th) = (AU.first_chunk::<1>(), TH.first_chunk::<1>());
    let (Some(one_au), Some(one_th)) = (one_au, one_th) else { unreachable!() };
    let (shop, th) = (Some("ShopAlert"), Some("VolleyTH"));
    [
        (T, "one", Some((SALE, shop, one_au)), "ok"),
        (T, "two", Some((SALE, shop, AU)), "ok"),
        (T, "no-sender", Some((SALE, None, one_au)), "ok"),
        (T, "number-sender", Some((SALE, Some("61491570159"), one_au)), "ok"),
        (T, "schedule", Some((SALE, shop, one_au)), "ok-scheduled"),
        (T, "signs", Some((SIGNS, shop, one_au)), "ok"),
        (T, "gsm-extension", Some((EXTENSION, shop, one_au)), "ok"),
        (T, "path-prefix", Some((SALE, shop, one_au)), "ok"),
        (T, "settings", Some(("Sale ends today: [tracked-link]", shop, one_au)), "ok"),
        (M, "one", Some((SALE, th, one_th)), "ok"),
        (M, "two", Some((SALE, th, TH)), "ok"),
        (M, "schedule", Some((SALE, th, one_th)), "ok-scheduled"),
        (M, "signs", Some((SIGNS, th, one_th)), "ok"),
        (M, "gsm-extension", Some((EXTENSION, th, one_th)), "ok"),
        (M, "quotes", Some(("Say \"now\" \\ a/b\tc", th, one_th)), "ok"),
        (M, "thai", Some(("ลดราคาวันนี้วันสุดท้าย", th, one_th)), "ok"),
        (M, "abroad", Some((SALE, th, one_au)), "ok"),
        // An account whose send path is another one: this gateway has no such path.
        (M, "send-path", None, ""),
    ]
};

#[test]
fn every_request_fixture_is_understood_exactly() {
    for (face, name, meaning, success) in REQUESTS {
        let mut gateway = gateway(calm());
        let answer = gateway.answer(Duration::ZERO, &request(face, &format!("{name}.request")));
        let Some((text, sender, numbers)) = meaning else {
            assert_eq!((answer.reply.status, gateway.recipients_taken()), (401, 0), "{name}");
            continue;
        };
        assert_eq!(answer.reply.status, 200, "{face:?} {name}: {:?}", answer.reply.body);
        let taken: Vec<_> =
            gateway.ledger().map(|entry| (entry.to.digits(), entry.text, entry.sender)).collect();
        let meant: Vec<_> = numbers.iter().map(|&to| (to, text, sender)).collect();
        assert_eq!(taken, meant, "{face:?} {name}");
        assert_same_shape(face, success, &answer.reply);
    }
}

#[test]
fn no_request_fixture_is_forgotten() {
    for face in [Face::TransmitSms, Face::MeSms] {
        for file in fs::read_dir(folder(face)).expect("the fixtures are there") {
            let file = file.expect("readable").file_name().into_string().expect("an ASCII name");
            let Some(name) = file.strip_suffix(".request") else { continue };
            assert!(
                REQUESTS.iter().any(|row| (row.0, row.1) == (face, name)),
                "{face:?} {name} has no meaning here"
            );
        }
    }
}

#[test]
fn refusals_have_the_shape_of_their_fixtures() {
    use Face::{MeSms as M, TransmitSms as T};
    let poor = |face| with_account(face, |account| account.balance = Some(Micros::ZERO));
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
    ];
    for (face, name, config, request) in cases {
        let answer = gateway(config).answer(Duration::ZERO, &request);
        assert_same_shape(face, name, &answer.reply);
    }
    let mut busy = gateway(Config { started_at: Some(START), ..Config::default() });
    for (face, name, request) in [(T, "error-over-limit", send_one()), (M, "error-too-fast", send_one_thai())]
    {
        let last = (0..6).map(|_| busy.answer(Duration::ZERO, &request).reply).last().expect("six");
        assert_same_shape(face, name, &last);
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
