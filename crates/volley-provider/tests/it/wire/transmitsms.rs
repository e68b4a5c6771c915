//! TransmitSMS: the values of its fixtures' calls, and the XML side of its answers.

use super::{GSM_EXTENSION, NINE_UTC, Questions, Request, SIGNS};
use crate::support::{self, AUSTRALIA};
use bytes::Bytes;
use serde_json::Value;
use volley_core::UnixMillis;
use volley_provider::{
    http::Reply,
    inquiry::{Callback, Event},
};

const KIND: &str = "transmitsms";
const XML: (&str, &str) = ("format", "xml");

fn requests() -> Vec<Request> {
    let one = |name| Request::new(name, "ShopAlert", &AUSTRALIA[..1]);
    let settings = &[
        ("validity", "240"),
        ("replies_to_email", "shop@example.com"),
        ("dlr_callback", "https://example.com/dlr?token=a+b"),
        ("reply_callback", "https://example.com/reply"),
        ("tracked_link_url", "https://example.com/sale?x=1&y=2"),
        ("countrycode", "AU"),
    ];
    vec![
        one("one"),
        Request { numbers: &AUSTRALIA[..2], ..one("two") },
        Request { sender: None, ..one("no-sender") },
        Request { sender: Some("+61491570159"), ..one("number-sender") },
        Request { send_at: Some(NINE_UTC), ..one("schedule") },
        Request { text: SIGNS, ..one("signs") },
        Request { text: GSM_EXTENSION, ..one("gsm-extension") },
        Request { options: &[("path_prefix", "/2/")], ..one("path-prefix") },
        Request { options: settings, text: "Sale ends today: [tracked-link]", ..one("settings") },
    ]
}

const QUESTIONS: Questions = Questions {
    kind: KIND,
    sender: Some("ShopAlert"),
    numbers: &AUSTRALIA,
    request_id: "512340077",
    message_id: "none",
};

#[test]
fn requests_are_the_fixtures_byte_by_byte() {
    super::requests_are_the_fixtures(KIND, requests());
}

#[test]
fn every_reply_is_read_as_its_table_says() {
    super::replies_mean_what_the_table_says(KIND, &AUSTRALIA);
}

#[test]
fn every_question_is_asked_and_answered_as_its_table_says() {
    super::questions_are_the_fixtures(&QUESTIONS);
}

#[test]
fn every_callback_is_read_as_its_table_says() {
    super::callbacks_mean_what_the_table_says(KIND, &[]);
}

/// The same reply as the provider writes it in XML; one that is no JSON object as it is.
fn in_xml(reply: &Reply) -> Reply {
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(&reply.body) else {
        return reply.clone();
    };
    let body = format!("<?xml version=\"1.0\"?>\n{}", support::element("response", &Value::Object(object)));
    let in_xml = |(name, value): &(String, String)| (name.clone(), value.replace("/json", "/xml"));
    let headers = reply.headers.iter().map(in_xml).collect();
    Reply { headers, body: Bytes::from(body), ..reply.clone() }
}

#[test]
fn a_reply_means_the_same_in_xml() {
    let account = support::account(KIND, &[XML]);
    for row in super::rows(KIND, "NAME.reply") {
        let (name, sent, outcome) = (&row[0], row[1].parse().expect("a number"), &row[3]);
        let reply = super::reply_in(KIND, &format!("{name}.reply"));
        let chunk = support::chunk(super::SALE, &AUSTRALIA[..sent]);
        let said = support::describe(&account.decode(&chunk, &in_xml(&reply)));
        // This one is in XML as it stands.
        let outcome = if name == "xml" { "accepted; id 512340077; unpriced; ? segments" } else { outcome };
        assert_eq!(said, outcome, "{name}");
    }
}

#[test]
fn an_answer_to_a_question_means_the_same_in_xml() {
    for row in super::rows(KIND, "NAME.said") {
        let [name, question, cursor, _, outcome] = &row[..] else { panic!("{row:?}") };
        if question.contains("format = xml") {
            continue; // in XML as it stands
        }
        let (_, describe) = QUESTIONS.ask(&format!("{question}, format = xml"), cursor);
        let reply = in_xml(&super::reply_in(KIND, &format!("{name}.said")));
        assert_eq!(&describe(&reply), outcome, "{name}");
    }
}

#[test]
fn an_account_that_asks_for_xml_differs_in_the_suffix_and_what_it_accepts_alone() {
    let call = support::call(support::chunk("Sale", &AUSTRALIA[..1]), None);
    let [json, xml] = [&[][..], &[XML]].map(|options| support::account(KIND, options).encode(&call));
    let (json, xml) = (json.expect("within the limits"), xml.expect("within the limits"));
    assert_eq!(xml.url, "http://127.0.0.1/send-sms.xml");
    assert_eq!(support::body_of(&xml), support::body_of(&json));
    let [json, xml] = [json, xml].map(|request| {
        request
            .headers
            .iter()
            .map(|one| format!("{}: {}", one.name, support::shown(&one.value)))
            .collect::<Vec<_>>()
    });
    assert_eq!(xml[..2], json[..2]);
    assert_eq!((&*json[2], &*xml[2]), ("accept: application/json", "accept: application/xml"));
}

#[test]
fn a_callback_that_is_not_signed_is_told_or_refused_where_the_account_says_so() {
    let mut signed = 0;
    for row in super::rows(KIND, "NAME.callback") {
        let (name, outcome) = (&row[0], &row[2]);
        let is_signed = name.starts_with("signed-");
        signed += usize::from(is_signed);
        let enforced = if is_signed { outcome.clone() } else { "Signature".to_owned() };
        assert_eq!(super::called(KIND, &[("signature", "enforce")], name), enforced, "{name}");
        let told =
            if is_signed || outcome == "Meaning" { outcome.clone() } else { format!("unsigned, {outcome}") };
        assert_eq!(super::called(KIND, &[("signature", "log")], name), told, "{name}");
    }
    assert_eq!(signed, 2);
}

#[test]
fn a_callback_with_anything_changed_is_not_signed() {
    let (line, headers, body) = super::read(KIND, "signed-dlr.callback");
    let query = line.split(['?', ' ']).nth(2).expect("a query").to_owned();
    let account = support::account(KIND, &[("signature", "enforce")]);
    let mut callback = Callback { method: "GET".to_owned(), query: query.clone(), headers, body };
    assert!(account.callback(&callback).expect("it calls us").is_ok());
    for (from, to) in [
        ("delivered", "pending"),
        ("61491570006", "61491570156"),
        ("&user_id=8831", ""),
        ("c7c7-0", "c7c7-1"),
        ("token=a%2Bb", "token=a%2bc"),
        ("message_id=512340077&mobile=61491570006", "mobile=61491570006&message_id=512340077"),
    ] {
        callback.query = query.replace(from, to);
        assert_ne!(callback.query, query, "{from} is there");
        assert!(account.callback(&callback).expect("it calls us").is_err(), "{to} in place of {from}");
    }
}

#[test]
fn a_callback_says_when_in_either_form() {
    for (name, at) in [
        ("dlr-delivered", Some(UnixMillis(support::NOW.0 + 5_000))),
        ("dlr-iso-time", Some(UnixMillis(support::NOW.0 + 5_000))),
        ("dlr-no-time", None),
    ] {
        let (line, headers, body) = super::read(KIND, &format!("{name}.callback"));
        let query = line.split(['?', ' ']).nth(2).expect("a query").to_owned();
        let callback = Callback { method: "GET".to_owned(), query, headers, body };
        let events =
            support::account(KIND, &[]).callback(&callback).expect("it calls us").expect("a receipt");
        let [Event::Receipt(receipt)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(receipt.at, at, "{name}");
    }
}
