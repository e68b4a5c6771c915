//! The MaxoTel face, rule by rule.

use crate::support::{FORM, answer_of, body, calm, gateway, request, with_account};
use serde_json::json as value;
use std::time::Duration;
use volley_core::Micros;
use volley_sim::{Config, Face, Receipt, Request};

const FIELDS: [(&str, &str); 4] =
    [("key", "sim-key"), ("origin", "ShopAlert"), ("destination", "0491570006"), ("message", "Sale ends")];

/// A form with `changed` in place of the usual fields of the same names; an empty text leaves one
/// out.
fn with(changed: &[(&str, &str)]) -> Request {
    let usual = FIELDS.iter().filter(|(name, _)| !changed.iter().any(|field| field.0 == *name));
    let fields = usual.chain(changed).filter(|field| !field.1.is_empty());
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request("POST", "/sms/send", &[("content-type", FORM)], form)
}

fn at(path: &str) -> Request {
    Request { path: path.to_owned(), ..with(&[]) }
}

/// The same as a GET.
fn asked(sent: &Request) -> Request {
    let query = String::from_utf8(sent.body.to_vec()).expect("a form is ASCII");
    Request { query, ..request("GET", &sent.path, &[], String::new()) }
}

/// The status and the class of what `config` answers.
fn verdict(config: Config, request: &Request) -> (u16, String) {
    let reply = answer_of(config, request).reply;
    let body = body(&reply);
    assert_eq!(body["status"], value!(u8::from(reply.status == 200)), "{body}");
    assert_eq!(reply.status != 200, body["reason"].is_string(), "{body}");
    assert_eq!(body["request"].is_null(), body["error"] == "AUTHENTICATION", "{body}");
    (reply.status, body["error"].as_str().unwrap_or("none").to_owned())
}

#[test]
fn every_rule_of_send_has_its_answer() {
    let long = "x".repeat(255 * 153 + 1);
    for (name, status, class, changed) in [
        ("least", 200, "none", &[][..]),
        ("a mobile sends", 200, "none", &[("origin", "0491570156")]),
        ("it sends internationally", 200, "none", &[("origin", "61491570156")]),
        ("and with a plus", 200, "none", &[("origin", "+61491570156")]),
        ("an emoji", 200, "none", &[("message", "👋")]),
        ("an inbox", 200, "none", &[("smsInbox", "12")]),
        ("an inbox in small letters", 200, "none", &[("smsinbox", "12")]),
        ("both", 400, "VALIDATION", &[("smsInbox", "12"), ("smsinbox", "12")]),
        ("a strange inbox", 400, "VALIDATION", &[("smsInbox", "1/2")]),
        ("no key", 401, "AUTHENTICATION", &[("key", "")]),
        ("wrong key", 401, "AUTHENTICATION", &[("key", "other")]),
        ("no origin", 400, "VALIDATION", &[("origin", "")]),
        ("a long name", 400, "VALIDATION", &[("origin", "TwelveCharsX")]),
        ("a space", 400, "VALIDATION", &[("origin", "Shop Alert")]),
        ("a landline sends", 400, "VALIDATION", &[("origin", "0255501234")]),
        ("no destination", 400, "VALIDATION", &[("destination", "")]),
        ("international", 400, "VALIDATION", &[("destination", "61491570006")]),
        ("a plus", 400, "VALIDATION", &[("destination", "+61491570006")]),
        ("a landline", 400, "VALIDATION", &[("destination", "0255501234")]),
        ("nine digits", 400, "VALIDATION", &[("destination", "049157000")]),
        ("two numbers", 400, "VALIDATION", &[("destination", "0491570006,0491570156")]),
        ("no message", 400, "VALIDATION", &[("message", "")]),
        ("beyond all parts", 400, "VALIDATION", &[("message", &long)]),
        ("a stranger", 400, "VALIDATION", &[("reference", "c1")]),
    ] {
        let sent = with(changed);
        assert_eq!(verdict(calm(), &sent), (status, class.to_owned()), "{name}");
        assert_eq!(verdict(calm(), &asked(&sent)), (status, class.to_owned()), "{name} by GET");
    }
}

#[test]
fn every_rule_of_calling_has_its_answer() {
    let json =
        r#"{"key":"sim-key","origin":"ShopAlert","destination":"0491570006","message":"hi","smsInbox":12}"#;
    let typed = |media, body: &str| request("POST", "/sms/send", &[("content-type", media)], body.to_owned());
    let twice = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(FIELDS)
        .append_pair("message", "again")
        .finish();
    for (name, status, class, request) in [
        ("a slash behind", 200, "none", at("/sms/send/")),
        ("an inbox in the path", 200, "none", at("/sms/12/send/")),
        ("without its slash", 200, "none", at("/sms/12/send")),
        ("JSON", 200, "none", typed("application/json", json)),
        (
            "two inboxes",
            400,
            "VALIDATION",
            Request { path: "/sms/7/send".to_owned(), ..typed("application/json", json) },
        ),
        ("twice", 400, "VALIDATION", typed(FORM, &twice)),
        ("no form", 401, "AUTHENTICATION", typed("text/plain", &twice)),
        ("cut JSON", 401, "AUTHENTICATION", typed("application/json", "{\"key\":\"sim-key\"")),
        (
            "the key in the query of a POST",
            401,
            "AUTHENTICATION",
            Request { query: "key=sim-key".to_owned(), ..with(&[("key", "")]) },
        ),
        ("an unknown method", 404, "METHOD", at("/sms/retry")),
        ("a strange inbox", 404, "METHOD", at("/sms/1-2/send")),
        ("PUT", 404, "METHOD", Request { method: "PUT".to_owned(), ..with(&[]) }),
    ] {
        assert_eq!(verdict(calm(), &request), (status, class.to_owned()), "{name}");
    }
}

#[test]
fn an_answer_names_id_parts_and_the_price_of_all_parts() {
    let text = "x".repeat(161);
    let mut gateway = gateway(calm());
    let reply = gateway.answer(Duration::ZERO, &with(&[("message", &text)])).reply;
    assert_eq!(
        String::from_utf8_lossy(&reply.body),
        r#"{"status":1,"request":"sms/send","smsid":7300001,"parts":2,"price":0.1}"#
    );
    let taken: Vec<_> = gateway
        .ledger()
        .map(|entry| (entry.to.digits(), entry.sender, entry.text.len(), entry.parts, entry.charged))
        .collect();
    assert_eq!(taken, [(61_491_570_006, Some("ShopAlert"), 161, 2, Micros(100_000))]);
}

#[test]
fn an_account_without_inboxes_lists_null() {
    let list = Request { query: "key=sim-key".to_owned(), ..request("GET", "/sms/list", &[], String::new()) };
    let reply = answer_of(calm(), &list).reply;
    assert_eq!(body(&reply), value!({ "status": 1, "request": "sms/list", "count": 0, "smsinboxes": null }));
}

#[test]
fn permission_senders_and_funds_are_the_accounts() {
    let silent = with_account(Face::MaxoTel, |account| account.may_send = false);
    assert_eq!(verdict(silent, &with(&[])), (403, "PERMISSION".to_owned()));
    let named = with_account(Face::MaxoTel, |account| account.senders = Some(vec!["Other".to_owned()]));
    assert_eq!(verdict(named, &with(&[])), (400, "VALIDATION".to_owned()));
    let mut gateway = gateway(with_account(Face::MaxoTel, |account| account.balance = Some(Micros(120_000))));
    let statuses = [(); 3].map(|()| gateway.answer(Duration::ZERO, &with(&[])).reply.status);
    assert_eq!((statuses, gateway.recipients_taken()), ([200, 200, 402], 2));
}

#[test]
fn a_relabelled_host_says_successfully() {
    let config = with_account(Face::MaxoTel, |account| account.habits.receipt = Receipt::Plain);
    let mut gateway = gateway(config);
    let reply = gateway.answer(Duration::ZERO, &with(&[])).reply;
    assert!(reply.body.starts_with(b"Successfully"), "{:?}", reply.body);
    assert_eq!((reply.status, gateway.recipients_taken()), (200, 1));
    let refusal = gateway.answer(Duration::ZERO, &with(&[("message", "")])).reply;
    assert_eq!((refusal.status, body(&refusal)["error"].as_str()), (400, Some("VALIDATION")));
}

#[test]
fn the_sixth_call_of_a_second_is_too_fast() {
    let mut gateway = gateway(Config::default());
    let statuses = [(); 6].map(|()| gateway.answer(Duration::ZERO, &with(&[])).reply.status);
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
}
