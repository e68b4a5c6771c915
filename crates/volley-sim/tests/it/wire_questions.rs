//! The shared wire fixtures for what is asked beside sending, of TransmitSMS and ME-SMS: what the
//! gateway understands, the form of its answers, and of its calls to customers.

use crate::{
    support::{START, body, calm, form, gateway, json, with_account},
    wire_fixtures::{folder, read, request},
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fs, time::Duration};
use volley_core::Micros;
use volley_sim::{Account, Config, DeliveryMix, Face, Gateway, Records, Request};

const SECOND: Duration = Duration::from_secs(1);
/// The ids that the fixtures ask about.
const UUID: &str = "0d8f7c52-6a1e-4b7b-9f43-71c2a5e9d310";
const MESSAGE_ID: &str = "512340077";

/// Which message a question is about.
#[derive(Clone, Copy)]
enum About {
    /// The one that was sent at once, ten seconds after that.
    Sent,
    /// The one that is due at nine, before it is.
    Scheduled,
    /// The same, at ten.
    Due,
}

/// A question, the answers whose form the gateway's own must have, and what they name that the
/// gateway leaves out or has in the other documented form.
struct Row {
    face: Face,
    ask: &'static str,
    about: About,
    said: &'static [&'static str],
    except: &'static [&'static str],
}

const fn row(
    face: Face,
    ask: &'static str,
    about: About,
    said: &'static [&'static str],
    except: &'static [&'static str],
) -> Row {
    Row { face, ask, about, said, except }
}

/// Every question that has a path here.
const ROWS: [Row; 26] = {
    use About::{Due, Scheduled, Sent};
    use Face::{MeSms as M, TransmitSms as T};
    [
        row(M, "balance", Sent, &["balance"], &[]),
        row(M, "senders", Sent, &["senders"], &[]),
        row(M, "quote", Sent, &["quote"], &[]),
        row(M, "quote-scheduled", Sent, &["quote"], &[]),
        row(M, "quote-dry-run", Sent, &["quote-dry-run"], &[]),
        row(M, "quote-dry-run-scheduled", Sent, &["quote-dry-run"], &[]),
        row(M, "cancel", Scheduled, &["cancel"], &[]),
        row(M, "receipts", Sent, &["receipts"], &[]),
        // `summary` may be a map or a list: the gateway has the list.
        row(M, "receipts-second", Sent, &["receipts-last"], &["/summary", "/drSummary"]),
        row(M, "lookup", Scheduled, &["lookup-scheduled"], &[]),
        row(M, "lookup-second", Sent, &["lookup-nothing"], &[]),
        row(M, "lookup-recipients", Sent, &["lookup-recipients", "lookup-recipients-first-page"], &[]),
        row(M, "lookup-recipients-second", Sent, &["lookup-recipients-last-page"], &[]),
        row(T, "balance", Sent, &["balance"], &[]),
        row(T, "balance-prefix", Sent, &["balance"], &[]),
        row(T, "balance-xml", Sent, &["balance-xml"], &[]),
        // What a number is, `type`, stands in no sample of the provider's.
        row(T, "senders", Sent, &["senders", "senders-last"], &["/numbers/0/type"]),
        // The account of these tests has one number, so the second page is empty.
        row(T, "senders-second", Sent, &["senders-last"], &["/numbers"]),
        row(T, "cancel", Scheduled, &["cancel", "cancel-xml"], &[]),
        row(T, "receipts", Sent, &["receipts"], &[]),
        // A total of later pages may be text.
        row(T, "receipts-second", Sent, &["receipts-last"], &["/total"]),
        row(T, "receipts-xml", Sent, &["receipts-xml"], &[]),
        row(
            T,
            "lookup",
            Sent,
            &[
                "lookup",
                "lookup-among-others",
                "lookup-first-of-two-pages",
                "lookup-found-on-first-page",
                "lookup-found-before",
                "lookup-others-alone",
                "lookup-xml",
            ],
            &[],
        ),
        row(T, "lookup-second", Sent, &["lookup-nothing"], &[]),
        row(T, "lookup-scheduled", Due, &["lookup-scheduled"], &[]),
        row(
            T,
            "lookup-recipients",
            Sent,
            &["lookup-recipients", "lookup-recipients-first-page", "lookup-recipients-last-page"],
            &[],
        ),
    ]
};

/// Questions whose form is another row's, or whose path is a setting that this gateway has not.
const OTHER_QUESTIONS: [(Face, &str); 8] = [
    (Face::MeSms, "balance-path"),
    (Face::MeSms, "senders-path"),
    (Face::MeSms, "quote-path"),
    (Face::MeSms, "cancel-path"),
    (Face::MeSms, "receipts-path"),
    (Face::MeSms, "lookup-path"),
    // A cursor that this gateway never gave: 400.
    (Face::MeSms, "receipts-odd-cursor"),
    // A later page is asked for as the first is.
    (Face::TransmitSms, "lookup-recipients-second"),
];

/// Successes that the gateway never makes although the provider's pages allow them.
const OTHER_ANSWERS: [(Face, &str, &str); 9] = [
    (Face::MeSms, "receipts-total", "but to a question that no fixture asks: see below"),
    (Face::MeSms, "receipts-empty-page", "its lists end by `hasMore`"),
    (Face::MeSms, "receipts-stuck", "its cursors advance"),
    (Face::MeSms, "lookup-recipients-empty-page", "its lists end by `hasMore`"),
    (Face::MeSms, "lookup-recipients-stuck", "its cursors advance"),
    (Face::MeSms, "lookup-recipients-other-form", "it shows numbers as 66…"),
    (Face::MeSms, "lookup", "lookup-scheduled has both forms of `scheduledTime`"),
    (Face::MeSms, "lookup-older-alone", "as lookup"),
    (Face::TransmitSms, "cancel-true", "it says OK"),
];

/// A gateway that took one message of 120 numbers at once and another one for nine o'clock, and
/// the provider's ids of both.
fn with_two_messages(face: Face) -> (Gateway, String, String) {
    let mut config = with_account(face, |account| {
        account.senders = Some(["ShopAlert", "VolleyTH", "61491570157"].map(str::to_owned).to_vec());
        account.pending_senders = vec!["NewName".to_owned()];
    });
    config.delivery = DeliveryMix::all_delivered();
    let mut gateway = gateway(config);
    let (sent, scheduled) = if face == Face::MeSms {
        let numbers: Vec<_> = (66_800_000_001_u64..).take(120).map(|to| to.to_string()).collect();
        let sent =
            serde_json::json!({ "sender": "VolleyTH", "content": "Sale ends today", "msisdns": numbers });
        let mut later = sent.clone();
        later["scheduledTime"] = "2026-12-01T09:00:00Z".into();
        (json(&sent.to_string()), json(&later.to_string()))
    } else {
        let numbers: Vec<_> = (61_491_570_006_u64..).take(120).map(|to| to.to_string()).collect();
        let to = numbers.join(",");
        let sent = [("message", "Sale ends today"), ("to", &*to), ("from", "ShopAlert")];
        let later = [sent[0], sent[1], sent[2], ("send_at", "2026-12-01 09:00:00")];
        (form("/send-sms.json", &sent), form("/send-sms.json", &later))
    };
    let mut take = |request| {
        let reply = body(&gateway.answer(Duration::ZERO, request).reply);
        let id = reply.get("uuid").or_else(|| reply.get("message_id")).expect("it is taken");
        id.as_str().map_or_else(|| id.to_string(), str::to_owned)
    };
    let ids = (take(&sent), take(&scheduled));
    (gateway, ids.0, ids.1)
}

/// The fixture's request, about `id`.
fn about(face: Face, ask: &str, id: &str) -> Request {
    let mut request = request(face, &format!("{ask}.ask"));
    request.path = request.path.replace(UUID, id);
    request.body = String::from_utf8_lossy(&request.body).replace(MESSAGE_ID, id).into();
    request
}

/// What a body says, whether it is JSON or XML.
fn value(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    if text.trim_start().starts_with('<') { xml(&text) } else { serde_json::from_str(&text).expect("JSON") }
}

/// The root of a document as JSON would have it; every leaf is text.
fn xml(text: &str) -> Value {
    let text = text.trim_start();
    let text =
        text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map_or(text, |split| split.1);
    element(text.trim_start()).1
}

/// The name and the value of the element that `text` begins with, and what stands behind it.
fn element(text: &str) -> (String, Value, &str) {
    let (tag, mut rest) = text.strip_prefix('<').and_then(|rest| rest.split_once('>')).expect("a tag");
    if let Some(name) = tag.strip_suffix('/') {
        return (name.to_owned(), Value::String(String::new()), rest);
    }
    let (mut members, mut items, mut words) = (Map::new(), Vec::new(), String::new());
    loop {
        let (before, from) = rest.split_at(rest.find('<').expect("an end"));
        words.push_str(before.trim());
        if let Some(behind) = from.strip_prefix(&format!("</{tag}>")) {
            let value = match (members.is_empty(), items.is_empty()) {
                (_, false) => Value::Array(items),
                (false, true) => Value::Object(members),
                (true, true) => Value::String(words),
            };
            return (tag.to_owned(), value, behind);
        }
        let (name, value, behind) = element(from);
        if name == "item" {
            items.push(value);
        } else {
            members.insert(name, value);
        }
        rest = behind;
    }
}

/// Asserts that `seen` has every member of `said` with a value of the same kind, but for those at
/// the paths of `except`; lists are told by their first items.
fn assert_agrees(seen: &Value, said: &Value, path: &str, except: &[&str], name: &str) {
    if except.contains(&path) {
        return;
    }
    match (seen, said) {
        (Value::Object(seen), Value::Object(said)) => {
            for (member, said) in said {
                let path = format!("{path}/{member}");
                let seen = seen.get(member).unwrap_or(&Value::Null);
                assert_agrees(seen, said, &path, except, name);
            }
        }
        (Value::Array(_), Value::Array(said)) if said.is_empty() => {}
        (Value::Array(seen), Value::Array(said)) => {
            let first = seen.first().unwrap_or_else(|| panic!("{name}: nothing at {path}"));
            assert_agrees(first, &said[0], &format!("{path}/0"), except, name);
        }
        // An empty element of XML may be a list, too.
        (Value::Array(items), Value::String(text)) if items.is_empty() && text.is_empty() => {}
        (Value::Null, Value::Null) | (Value::Bool(_), Value::Bool(_)) => {}
        (Value::Number(_), Value::Number(_)) | (Value::String(_), Value::String(_)) => {}
        _ => panic!("{name}: {seen} at {path}, and the fixture has {said}"),
    }
}

#[test]
fn every_question_is_understood_and_answered_in_the_form_of_its_fixtures() {
    for Row { face, ask, about: which, said, except } in ROWS {
        for said in said {
            let (mut gateway, sent, scheduled) = with_two_messages(face);
            let (id, at) = match which {
                About::Sent => (sent, 10 * SECOND),
                About::Scheduled => (scheduled, 10 * SECOND),
                About::Due => (scheduled, 10 * 60 * 60 * SECOND),
            };
            let name = format!("{face:?} {ask}, {said}");
            let (head, expected) = read(face, &format!("{said}.said"));
            assert!(head[0].contains(" 200 "), "{said} is a success");
            let mut question = about(face, ask, &id);
            if expected.trim_ascii_start().starts_with(b"<") {
                question.path = question.path.replace(".json", ".xml");
            }
            let reply = gateway.answer(at, &question).reply;
            assert_eq!(reply.status, 200, "{name}: {:?}", reply.body);
            assert_agrees(&value(&reply.body), &value(&expected), "", except, &name);
        }
    }
}

#[test]
fn a_list_without_a_cursor_has_the_form_of_its_fixture() {
    let (mut gateway, id, _) = with_two_messages(Face::MeSms);
    let question = Request { query: String::new(), ..about(Face::MeSms, "receipts", &id) };
    let seen = value(&gateway.answer(10 * SECOND, &question).reply.body);
    let (_, expected) = read(Face::MeSms, "receipts-total.said");
    assert_agrees(&seen, &value(&expected), "", &[], "receipts-total");
}

#[test]
fn no_question_fixture_is_forgotten() {
    for face in [Face::TransmitSms, Face::MeSms] {
        for name in names(face, ".ask") {
            let has_row = ROWS.iter().any(|row| (row.face, row.ask) == (face, &*name));
            assert!(
                has_row || OTHER_QUESTIONS.contains(&(face, &*name)),
                "{face:?} {name} has no answer here"
            );
        }
    }
}

/// A success is held to, or stands above with the reason why the gateway never says that, or its
/// page says that its form is assumed: such a form is for readers to bear with.
#[test]
fn no_successful_answer_of_the_providers_pages_is_forgotten() {
    for face in [Face::TransmitSms, Face::MeSms] {
        let rows = readme(face);
        for name in names(face, ".said") {
            let (source, outcome) =
                rows.get(&name).unwrap_or_else(|| panic!("{face:?} {name} is in no table"));
            let class = outcome.split(' ').next().unwrap_or_default();
            let is_failure =
                class == "Unclear" || class.len() > 1 && class[1..].bytes().all(|byte| byte.is_ascii_digit());
            let (head, _) = read(face, &format!("{name}.said"));
            if is_failure || !head[0].contains(" 200 ") || source.starts_with("assumed") {
                continue;
            }
            let is_held = ROWS.iter().any(|row| row.face == face && row.said.contains(&&*name));
            let is_other = OTHER_ANSWERS.iter().any(|other| (other.0, other.1) == (face, &*name));
            assert!(is_held || is_other, "{face:?} {name} ({source}) is held to nowhere");
        }
    }
}

/// The names of fixtures that end so, without that end.
fn names(face: Face, end: &str) -> Vec<String> {
    let files = fs::read_dir(folder(face)).expect("the fixtures are there");
    let names = files.map(|file| file.expect("readable").file_name().into_string().expect("an ASCII name"));
    names.filter_map(|name| name.strip_suffix(end).map(str::to_owned)).collect()
}

/// The source and the outcome of every answer that a README tells.
fn readme(face: Face) -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string(folder(face).join("README.md")).expect("a README");
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [name, _, _, source, outcome] = cells[..] else { return None };
        Some((name.to_owned(), (source.to_owned(), outcome.to_owned())))
    });
    rows.collect()
}

#[test]
fn refused_questions_have_the_form_of_their_fixtures() {
    use Face::{MeSms as M, TransmitSms as T};
    let refusing =
        |status| Config { records: Records { cancel_refusal: status, ..Records::default() }, ..calm() };
    let poor = with_account(M, |account| account.balance = Some(Micros::ZERO));
    let unsigned = |ask| {
        let mut request = request(M, ask);
        request.headers.retain(|header| header.0 != "x-api-key");
        request
    };
    let wrongly_signed = |ask| {
        let mut request = request(T, ask);
        request.headers[1].1 = "Basic c2ltLWtleTpzaW0=".to_owned();
        request
    };
    let period = [("start", "2026-12-01"), ("end", "2026-12-01")];
    let mut bad_number = request(M, "quote.ask");
    bad_number.body = String::from_utf8_lossy(&bad_number.body).replace("66800000001", "1").into();
    for (face, said, config, question) in [
        (M, "balance-key", calm(), unsigned("balance.ask")),
        (M, "quote-bad-number", calm(), bad_number),
        (M, "quote-no-credits", poor, {
            let mut sent = request(M, "quote.ask");
            sent.path = "/api/v2/sms/send".to_owned();
            sent
        }),
        (M, "cancel-unknown", calm(), request(M, "cancel.ask")),
        (M, "receipts-unknown", calm(), request(M, "receipts.ask")),
        (T, "balance-auth-failed", calm(), wrongly_signed("balance.ask")),
        (
            T,
            "balance-not-implemented",
            calm(),
            Request { path: "/get-balance".to_owned(), ..request(T, "balance.ask") },
        ),
        (T, "cancel-not-found", calm(), request(T, "cancel.ask")),
        (T, "receipts-not-found", calm(), request(T, "receipts.ask")),
        (T, "lookup-field-invalid", calm(), form("/get-user-sms-sent.json", &period)),
    ] {
        assert_refused(face, said, &gateway(config).answer(SECOND, &question).reply);
    }
    for status in [400, 409] {
        let mut gateway = gateway(refusing(status));
        let mut id = |name| {
            let reply = gateway.answer(Duration::ZERO, &request(M, name)).reply;
            body(&reply)["uuid"].as_str().expect("an id").to_owned()
        };
        let (at_once, scheduled, late) = (id("one.request"), id("schedule.request"), id("schedule.request"));
        let mut cancel = |at, id: &str| gateway.answer(at, &about(M, "cancel", id)).reply;
        assert_refused(M, &format!("cancel-not-scheduled-{status}"), &cancel(SECOND, &at_once));
        assert_eq!(cancel(SECOND, &scheduled).status, 200);
        assert_refused(M, &format!("cancel-already-{status}"), &cancel(SECOND, &scheduled));
        assert_refused(M, &format!("cancel-too-late-{status}"), &cancel(9 * 60 * 60 * SECOND, &late));
    }
    for (face, ask, said) in [
        (M, "balance", "balance-too-fast"),
        (M, "cancel", "cancel-too-fast"),
        (M, "lookup", "lookup-too-fast"),
        (T, "balance", "balance-over-limit"),
        (T, "cancel", "cancel-over-limit"),
        (T, "lookup", "lookup-over-limit"),
    ] {
        let mut busy = gateway(Config { started_at: Some(START), ..Config::default() });
        let question = request(face, &format!("{ask}.ask"));
        let last = (0..6).map(|_| busy.answer(SECOND, &question).reply).last().expect("six");
        assert_refused(face, said, &last);
    }
    let mut config = calm();
    config.accounts.push(Account { key: "other-key".to_owned(), ..Account::new(M) });
    let mut gateway = gateway(config);
    let reply = gateway.answer(Duration::ZERO, &request(M, "schedule.request")).reply;
    let mut cancel = about(M, "cancel", body(&reply)["uuid"].as_str().expect("an id"));
    cancel.headers.iter_mut().filter(|header| header.0 == "x-api-key").for_each(|header| {
        header.1 = "other-key".to_owned();
    });
    assert_refused(M, "cancel-other-owner", &gateway.answer(SECOND, &cancel).reply);
}

/// Asserts that a reply has the status, the code word and the form of a refusal.
fn assert_refused(face: Face, said: &str, reply: &volley_sim::Reply) {
    let (head, expected) = read(face, &format!("{said}.said"));
    assert!(head[0].contains(&format!(" {} ", reply.status)), "{said}: {} {:?}", reply.status, reply.body);
    let (seen, expected) = (value(&reply.body), value(&expected));
    assert_agrees(&seen, &expected, "", &[], said);
    for code in ["/code", "/error/code"] {
        assert_eq!(seen.pointer(code), expected.pointer(code), "{said}");
    }
}

#[test]
fn calls_to_customers_have_the_fields_of_their_fixtures_in_their_order() {
    let names = |query: &str| -> Vec<String> {
        form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect()
    };
    let word = |query: &str| {
        let mut fields = form_urlencoded::parse(query.as_bytes());
        fields.find(|(name, _)| name == "status").map(|(_, word)| word.into_owned())
    };
    let everyone = DeliveryMix::all_delivered();
    for (name, delivery) in [
        ("dlr-delivered", everyone.clone()),
        ("dlr-soft-bounce", DeliveryMix { failed: 1.0, ..everyone.clone() }),
        ("dlr-hard-bounce", DeliveryMix { invalid: 1.0, ..everyone.clone() }),
        ("dlr-pending", DeliveryMix { pending: 1.0, ..everyone.clone() }),
        ("signed-dlr", everyone),
    ] {
        let expected = request(Face::TransmitSms, &format!("{name}.callback"));
        let mut gateway = gateway(Config { delivery, ..calm() });
        let url = "http://127.0.0.1:9/dlr?token=a%2Bb&volley=00000000c7c7-0";
        let sent = [("message", "hi"), ("to", "61491570006"), ("dlr_callback", url)];
        gateway.answer(Duration::ZERO, &form("/send-sms.json", &sent));
        let last = gateway.due_callbacks(10 * SECOND).last().expect("a report");
        let (address, query) = last.url.split_once('?').expect("a query");
        assert_eq!((last.method, address), (&*expected.method, "http://127.0.0.1:9/dlr"));
        assert_eq!(names(query), names(&expected.query), "{name}");
        assert_eq!(word(query), word(&expected.query), "{name}");
        let header = last.headers.iter().find(|header| header.0 == "x-transmitsms-signature");
        let signature = expected.header("x-transmitsms-signature").or(header.map(|header| &*header.1));
        assert_eq!(header.map(|header| header.1.len()), signature.map(str::len), "{name}");
    }
}
