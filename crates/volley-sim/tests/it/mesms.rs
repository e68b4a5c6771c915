//! The ME-SMS face, rule by rule.

use crate::support::{answer_of, body, calm, gateway, json, request, send_one_thai, with_account};
use serde_json::json as value;
use std::time::Duration;
use volley_core::Micros;
use volley_sim::{Config, Duplicates, Face, Request};

/// The status and the code of what `config` answers; an error must have a text for people.
fn verdict(config: Config, request: &Request) -> (u16, Option<String>) {
    let reply = answer_of(config, request).reply;
    let body = body(&reply);
    assert_eq!(reply.status >= 400, body["error"].is_string(), "{body}");
    (reply.status, body["code"].as_str().map(str::to_owned))
}

#[test]
fn every_rule_of_send_has_its_status() {
    let one = value!(["66800000001"]);
    let (full, over) = ("ก".repeat(1_000), "ก".repeat(1_001));
    let cases = [
        ("least", 200, value!({ "sender": "VolleyTH", "content": "hi", "msisdns": one })),
        ("local form", 200, value!({ "sender": "VolleyTH", "content": "hi", "msisdns": ["0800000001"] })),
        ("longest text", 200, value!({ "sender": "VolleyTH", "content": full, "msisdns": one })),
        ("too long", 400, value!({ "sender": "VolleyTH", "content": over, "msisdns": one })),
        ("empty text", 400, value!({ "sender": "VolleyTH", "content": "", "msisdns": one })),
        ("no text", 400, value!({ "sender": "VolleyTH", "msisdns": one })),
        ("no sender", 400, value!({ "content": "hi", "msisdns": one })),
        ("empty sender", 400, value!({ "sender": "", "content": "hi", "msisdns": one })),
        ("long sender", 400, value!({ "sender": "TwelveCharsX", "content": "hi", "msisdns": one })),
        ("symbols", 200, value!({ "sender": "V&T-Shop!", "content": "hi", "msisdns": one })),
        ("Thai sender", 400, value!({ "sender": "ร้าน", "content": "hi", "msisdns": one })),
        ("no numbers", 400, value!({ "sender": "VolleyTH", "content": "hi", "msisdns": [] })),
        ("missing numbers", 400, value!({ "sender": "VolleyTH", "content": "hi" })),
        ("plus", 400, value!({ "sender": "VolleyTH", "content": "hi", "msisdns": ["+66800000001"] })),
        (
            "no string",
            400,
            value!({ "sender": "VolleyTH", "content": "hi", "msisdns": [66_800_000_001_u64] }),
        ),
        (
            "one bad of two",
            400,
            value!({ "sender": "VolleyTH", "content": "hi", "msisdns": ["66800000001", "x"] }),
        ),
        (
            "later",
            200,
            value!({ "sender": "VolleyTH", "content": "hi", "msisdns": one, "scheduledTime": "2026-12-01T07:00:01+07:00" }),
        ),
        (
            "now",
            400,
            value!({ "sender": "VolleyTH", "content": "hi", "msisdns": one, "scheduledTime": "2026-12-01T07:00:00+07:00" }),
        ),
        (
            "no offset",
            400,
            value!({ "sender": "VolleyTH", "content": "hi", "msisdns": one, "scheduledTime": "2026-12-02T07:00:00" }),
        ),
        ("template", 400, value!({ "sender": "VolleyTH", "templateId": 1, "msisdns": one })),
        (
            "unknown field",
            400,
            value!({ "sender": "VolleyTH", "content": "hi", "msisdns": one, "dryrun": true }),
        ),
        ("an array", 400, value!([])),
    ];
    for (name, status, sent) in cases {
        assert_eq!(verdict(calm(), &json(&sent.to_string())), (status, None), "{name}");
    }
    assert_eq!(verdict(calm(), &json("{\"sender\":")), (400, None), "cut");
}

#[test]
fn every_rule_of_calling_has_its_status() {
    let sent = r#"{"sender":"VolleyTH","content":"hi","msisdns":["66800000001"]}"#;
    let key = ("x-api-key", "sim-key");
    let typed = ("content-type", "application/json; charset=utf-8");
    let cases = [
        ("send", 200, "POST", "/api/v2/sms/send", &[key, typed][..]),
        ("no key", 401, "POST", "/api/v2/sms/send", &[typed]),
        ("wrong key", 401, "POST", "/api/v2/sms/send", &[("x-api-key", "other"), typed]),
        ("no type", 400, "POST", "/api/v2/sms/send", &[key]),
        ("form type", 400, "POST", "/api/v2/sms/send", &[key, ("content-type", crate::support::FORM)]),
        ("get", 404, "GET", "/api/v2/sms/send", &[key, typed]),
        ("unknown path", 404, "POST", "/api/v2/sms/retry", &[key, typed]),
        ("credits", 200, "GET", "/api/v2/credits", &[key]),
    ];
    for (name, status, method, path, headers) in cases {
        assert_eq!(
            verdict(calm(), &request(method, path, headers, sent.to_owned())),
            (status, None),
            "{name}"
        );
    }
}

#[test]
fn both_number_forms_are_one_number() {
    let both = r#"{"sender":"VolleyTH","content":"hi","msisdns":["66800000001","0800000001"]}"#;
    let mut charging = gateway(calm());
    assert_eq!(body(&charging.answer(Duration::ZERO, &json(both)).reply)["credits"], value!(2));
    let twice: Vec<_> =
        charging.taken_more_than_once().iter().map(|(to, times)| (to.digits(), *times)).collect();
    assert_eq!(twice, [(66_800_000_001, 2)]);
    let strict = with_account(Face::MeSms, |account| account.duplicates = Duplicates::Refuse);
    assert_eq!(verdict(strict, &json(both)).0, 400);
}

#[test]
fn a_dry_run_prices_and_takes_nothing() {
    let text = "x".repeat(161);
    let sent = value!({ "sender": "VolleyTH", "content": text, "msisdns": ["66800000001", "66800000002"], "dryRun": true });
    let mut gateway = gateway(with_account(Face::MeSms, |account| account.balance = Some(Micros(0))));
    let reply = gateway.answer(Duration::ZERO, &json(&sent.to_string())).reply;
    assert_eq!(body(&reply), value!({ "dryRun": true, "recipients": 2, "parts": 2, "credits": 4 }));
    assert_eq!(gateway.recipients_taken(), 0);
}

#[test]
fn credits_run_out_all_or_nothing() {
    let mut gateway = gateway(with_account(Face::MeSms, |account| account.balance = Some(Micros(3_000_000))));
    let two = json(r#"{"sender":"VolleyTH","content":"hi","msisdns":["66800000001","66800000002"]}"#);
    let credits = request("GET", "/api/v2/credits", &[("x-api-key", "sim-key")], String::new());
    let mut ask = |request| {
        let reply = gateway.answer(Duration::ZERO, request).reply;
        (reply.status, body(&reply))
    };
    assert_eq!(ask(&two).0, 200);
    let (status, refusal) = ask(&two);
    assert_eq!((status, refusal["code"].as_str()), (402, Some("INSUFFICIENT_CREDITS")));
    assert_eq!(ask(&credits).1, value!({ "credits": 1 }));
    assert_eq!(ask(&send_one_thai()).0, 200);
    assert_eq!(gateway.recipients_taken(), 3);
}

#[test]
fn scope_senders_and_foreign_numbers_are_the_accounts() {
    let readers = with_account(Face::MeSms, |account| account.may_send = false);
    assert_eq!(verdict(readers, &send_one_thai()).0, 403);
    let named = || with_account(Face::MeSms, |account| account.senders = Some(vec!["Other".to_owned()]));
    assert_eq!(verdict(named(), &send_one_thai()).0, 400);
    let senders = request("GET", "/api/v2/senders", &[("x-api-key", "sim-key")], String::new());
    let listed = body(&answer_of(named(), &senders).reply);
    assert_eq!(listed, value!({ "senders": [{ "name": "Other", "status": "approved" }] }));
    let abroad = json(r#"{"sender":"VolleyTH","content":"hi","msisdns":["61491570006"]}"#);
    assert_eq!(verdict(calm(), &abroad).0, 200);
    let thai_only = with_account(Face::MeSms, |account| account.foreign_numbers = false);
    assert_eq!(verdict(thai_only, &abroad).0, 400);
}

/// `{"…","msisdns":["66800000000","66800000001",…]}`
pub(crate) fn two_million() -> Request {
    use std::fmt::Write as _;
    let mut body = String::with_capacity(29_000_000);
    body.push_str(r#"{"sender":"VolleyTH","content":"hi","msisdns":["#);
    for number in 66_800_000_000_u64..66_802_000_000 {
        write!(body, "\"{number}\",").expect("a string takes every write");
    }
    body.pop();
    body.push_str("]}");
    json(&body)
}

#[test]
fn two_million_numbers_are_taken_and_one_more_is_not() {
    let request = two_million();
    let mut gateway = gateway(calm());
    let reply = body(&gateway.answer(Duration::ZERO, &request).reply);
    assert_eq!((&reply["recipients"], &reply["credits"]), (&value!(2_000_000), &value!(2_000_000)));
    assert_eq!(gateway.recipients_taken(), 2_000_000);
    assert!(gateway.ledger().map(|entry| entry.to.digits()).eq(66_800_000_000..66_802_000_000));
    let fewer = with_account(Face::MeSms, |account| account.max_recipients = 1_999_999);
    assert_eq!(verdict(fewer, &request).0, 400);
}
