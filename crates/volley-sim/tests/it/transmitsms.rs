//! The TransmitSMS face, rule by rule.

use crate::support::{BASIC, FORM, answer_of, body, calm, form, gateway, request, send_one, with_account};
use std::time::Duration;
use volley_core::{Currency, Micros, Price, RateCard};
use volley_sim::{Config, Duplicates, Face, Reply, Request};

const TO: &str = "61491570006";

/// The status and the code word of what `config` answers.
fn verdict(config: Config, request: &Request) -> (u16, String) {
    let reply = answer_of(config, request).reply;
    (reply.status, body(&reply)["error"]["code"].as_str().expect("every reply has a code").to_owned())
}

fn shape(reply: &Reply) -> (u64, u64, String) {
    let body = body(reply);
    let number = |name: &str| body[name].as_u64().expect("a count");
    (number("recipients"), number("sms"), body["cost"].to_string())
}

#[test]
fn every_rule_of_send_has_its_own_code() {
    let long = "x".repeat(612);
    let too_long = "é".repeat(613);
    let base = [("message", "hi"), ("to", TO)];
    let with = |name, value| [base[0], base[1], (name, value)];
    let cases = vec![
        ("least", 200, "SUCCESS", base.to_vec()),
        ("longest text", 200, "SUCCESS", vec![("message", &long), ("to", TO)]),
        ("too long", 400, "FIELD_INVALID", vec![("message", &too_long), ("to", TO)]),
        ("no text", 400, "FIELD_EMPTY", vec![("to", TO)]),
        ("empty text", 400, "FIELD_EMPTY", vec![("message", ""), ("to", TO)]),
        ("no number", 400, "FIELD_EMPTY", vec![("message", "hi")]),
        ("empty number", 400, "FIELD_EMPTY", vec![("message", "hi"), ("to", "")]),
        ("plus", 400, "RECIPIENTS_ERROR", vec![("message", "hi"), ("to", "+61491570006")]),
        ("local", 400, "RECIPIENTS_ERROR", vec![("message", "hi"), ("to", "0491570006")]),
        ("space", 400, "RECIPIENTS_ERROR", vec![("message", "hi"), ("to", "61491 570006")]),
        ("too short", 400, "RECIPIENTS_ERROR", vec![("message", "hi"), ("to", "614915")]),
        ("16 digits", 400, "RECIPIENTS_ERROR", vec![("message", "hi"), ("to", "6149157000600000")]),
        ("twice", 400, "FIELD_INVALID", vec![("message", "hi"), ("to", "61491570006,61491570006")]),
        ("name", 200, "SUCCESS", with("from", "ElevenChars").to_vec()),
        ("long name", 400, "BAD_CALLER_ID", with("from", "TwelveCharsX").to_vec()),
        ("space in name", 400, "BAD_CALLER_ID", with("from", "Shop Alert").to_vec()),
        ("sign in name", 400, "BAD_CALLER_ID", with("from", "Shop-Alert").to_vec()),
        ("empty name", 400, "BAD_CALLER_ID", with("from", "").to_vec()),
        ("number as sender", 200, "SUCCESS", with("from", "61491570159").to_vec()),
        ("plus in sender", 400, "BAD_CALLER_ID", with("from", "+61491570159").to_vec()),
        ("schedule", 200, "SUCCESS", with("send_at", "2026-12-01 09:00:00").to_vec()),
        ("schedule with T", 400, "FIELD_INVALID", with("send_at", "2026-12-01T09:00:00").to_vec()),
        ("no such day", 400, "FIELD_INVALID", with("send_at", "2026-02-30 09:00:00").to_vec()),
        ("short schedule", 400, "FIELD_INVALID", with("send_at", "2026-12-1 9:00:00").to_vec()),
        ("validity", 200, "SUCCESS", with("validity", "240").to_vec()),
        ("validity in words", 400, "FIELD_INVALID", with("validity", "4h").to_vec()),
        ("callback", 200, "SUCCESS", with("dlr_callback", "https://example.com/dlr?a=b").to_vec()),
        ("no callback", 400, "FIELD_INVALID", with("dlr_callback", "example.com").to_vec()),
        ("list", 400, "NOT_FOUND", with("list_id", "7").to_vec()),
        ("unknown", 400, "FIELD_INVALID", with("sender", "ShopAlert").to_vec()),
        ("repeated", 400, "FIELD_INVALID", with("message", "again").to_vec()),
    ];
    for (name, status, code, parameters) in cases {
        let seen = verdict(calm(), &form("/send-sms.json", &parameters));
        assert_eq!(seen, (status, code.to_owned()), "{name}");
    }
}

#[test]
fn every_rule_of_calling_has_its_own_code() {
    let body = "message=hi&to=61491570006";
    let signed = [("authorization", BASIC), ("content-type", FORM)];
    let wrong_secret = [("authorization", "Basic c2ltLWtleTp3cm9uZw=="), ("content-type", FORM)];
    let not_basic = [("authorization", "Bearer sim-key"), ("content-type", FORM)];
    let as_json = [("authorization", BASIC), ("content-type", "application/json")];
    let charset =
        [("authorization", BASIC), ("content-type", "Application/X-WWW-Form-Urlencoded; charset=utf-8")];
    let cases = [
        ("post", 200, "SUCCESS", "POST", "/send-sms.json", &signed[..]),
        ("prefix", 200, "SUCCESS", "POST", "/2/send-sms.json", &signed),
        ("charset", 200, "SUCCESS", "POST", "/send-sms.json", &charset),
        ("unsigned", 401, "AUTH_FAILED_NO_DATA", "POST", "/send-sms.json", &[]),
        ("wrong secret", 401, "AUTH_FAILED", "POST", "/send-sms.json", &wrong_secret),
        ("not basic", 401, "AUTH_FAILED", "POST", "/send-sms.json", &not_basic),
        ("no suffix", 404, "NOT_IMPLEMENTED", "POST", "/send-sms", &signed),
        ("unknown suffix", 404, "NOT_IMPLEMENTED", "POST", "/send-sms.csv", &signed),
        ("unknown method", 404, "NOT_IMPLEMENTED", "POST", "/send-mms.json", &signed),
        ("put", 404, "NOT_IMPLEMENTED", "PUT", "/send-sms.json", &signed),
        ("json body", 400, "FIELD_EMPTY", "POST", "/send-sms.json", &as_json),
        ("root", 404, "NOT_IMPLEMENTED", "GET", "/", &signed),
    ];
    for (name, status, code, method, path, headers) in cases {
        let seen = verdict(calm(), &request(method, path, headers, body.to_owned()));
        assert_eq!(seen, (status, code.to_owned()), "{name}");
    }
}

#[test]
fn a_get_carries_its_parameters_in_the_query() {
    let mut get = request("GET", "/send-sms.json", &[("authorization", BASIC)], String::new());
    get.query = "message=hi+there&to=61491570006".to_owned();
    let mut gateway = gateway(calm());
    assert_eq!(gateway.answer(Duration::ZERO, &get).reply.status, 200);
    assert_eq!(gateway.ledger().map(|entry| entry.text).collect::<Vec<_>>(), ["hi there"]);
}

#[test]
fn an_account_takes_as_many_recipients_as_its_setting_and_not_one_more() {
    let numbers: Vec<String> = (0..501).map(|n| (61_491_500_000_u64 + n).to_string()).collect();
    let send =
        |count: usize| form("/send-sms.json", &[("message", "hi"), ("to", &numbers[..count].join(","))]);
    assert_eq!(shape(&answer_of(calm(), &send(500)).reply), (500, 500, "25".to_owned()));
    assert_eq!(verdict(calm(), &send(501)), (400, "FIELD_INVALID".to_owned()));
    let older = || with_account(Face::TransmitSms, |account| account.max_recipients = 10_000);
    assert_eq!(verdict(older(), &send(501)), (200, "SUCCESS".to_owned()));
}

#[test]
fn numbers_that_are_none_are_left_out_and_listed() {
    let mixed = form("/send-sms.json", &[("message", "hi"), ("to", "61491570006,x,61491570156")]);
    let mut gateway = gateway(calm());
    let reply = gateway.answer(Duration::ZERO, &mixed).reply;
    assert_eq!(shape(&reply), (2, 2, "0.1".to_owned()));
    assert_eq!(body(&reply)["fails"], serde_json::json!(["x"]));
    assert_eq!(gateway.recipients_taken(), 2);
}

#[test]
fn an_account_may_allow_a_number_twice_and_is_charged_twice() {
    let config = with_account(Face::TransmitSms, |account| account.duplicates = Duplicates::Charge);
    let twice = form("/send-sms.json", &[("message", "hi"), ("to", "61491570006,61491570006")]);
    let mut gateway = gateway(config);
    assert_eq!(shape(&gateway.answer(Duration::ZERO, &twice).reply), (2, 2, "0.1".to_owned()));
    assert_eq!(gateway.taken_more_than_once().len(), 1);
}

#[test]
fn cost_is_exact_to_the_millionth() {
    let price = |prefix: &str, micros| Price {
        prefix: prefix.to_owned(),
        per_segment: Micros(micros),
        per_message: Micros::ZERO,
    };
    let currency: Currency = "AUD".parse().expect("a currency");
    let card = RateCard::new(
        currency,
        vec![price("61", 55_001), price("6149157015", 1)],
        volley_core::Rounding::Exact,
    )
    .expect("a card");
    let config = Config { prices: Some(card), ..calm() };
    let two_parts = "x".repeat(161);
    let parameters = [("message", &*two_parts), ("to", "61491570006,61491570156")];
    let reply = answer_of(config, &form("/send-sms.json", &parameters)).reply;
    assert_eq!(shape(&reply), (2, 4, "0.110004".to_owned()));
}

#[test]
fn money_runs_out_all_or_nothing() {
    let config = with_account(Face::TransmitSms, |account| account.balance = Some(Micros(140_000)));
    let two = form("/send-sms.json", &[("message", "hi"), ("to", "61491570006,61491570156")]);
    let balance = form("/get-balance.json", &[]);
    let mut gateway = gateway(config);
    let mut ask = |request| {
        let reply = gateway.answer(Duration::ZERO, request).reply;
        (reply.status, body(&reply))
    };
    assert_eq!(ask(&two).0, 200);
    let (status, refusal) = ask(&two);
    assert_eq!((status, refusal["error"]["code"].as_str()), (400, Some("LEDGER_ERROR")));
    let (_, left) = ask(&balance);
    assert_eq!((left["balance"].to_string(), left["currency"].as_str()), ("0.04".to_owned(), Some("AUD")));
    assert_eq!(gateway.recipients_taken(), 2);
}

#[test]
fn a_key_that_may_not_send_and_a_sender_that_is_not_approved_are_refused() {
    let readers = with_account(Face::TransmitSms, |account| account.may_send = false);
    assert_eq!(verdict(readers, &send_one()), (400, "NO_ACCESS".to_owned()));
    let one_sender = |name: &str| {
        let senders = Some(vec![name.to_owned()]);
        with_account(Face::TransmitSms, |account| account.senders.clone_from(&senders))
    };
    assert_eq!(verdict(one_sender("Other"), &send_one()), (400, "BAD_CALLER_ID".to_owned()));
    assert_eq!(verdict(one_sender("ShopAlert"), &send_one()), (200, "SUCCESS".to_owned()));
}

#[test]
fn xml_says_the_same_as_json() {
    let mut asked = send_one();
    asked.path = "/send-sms.xml".to_owned();
    let reply = answer_of(calm(), &asked).reply;
    let text = String::from_utf8_lossy(&reply.body);
    for part in [
        "<response><message_id>",
        "<recipients>1</recipients><cost>0.05</cost><sms>1</sms>",
        "<error><code>SUCCESS</code>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    asked.headers.clear();
    let refusal = answer_of(calm(), &asked).reply;
    assert_eq!(refusal.status, 401);
    assert!(String::from_utf8_lossy(&refusal.body).contains("<error><code>AUTH_FAILED_NO_DATA</code>"));
}

#[test]
fn a_reply_tells_when_the_message_is_due() {
    let mut gateway = gateway(calm());
    let due = |reply: &Reply| body(reply)["send_at"].as_str().map(str::to_owned);
    let now = gateway.answer(Duration::from_secs(61), &send_one()).reply;
    assert_eq!(due(&now).as_deref(), Some("2026-12-01 00:01:01"));
    let later = [("message", "hi"), ("to", TO), ("send_at", "2026-12-24 18:00:00")];
    let later = gateway.answer(Duration::from_secs(62), &form("/send-sms.json", &later)).reply;
    assert_eq!(due(&later).as_deref(), Some("2026-12-24 18:00:00"));
}
