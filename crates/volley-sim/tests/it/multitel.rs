//! The MultiTEL face, rule by rule.

use crate::support::{FORM, answer_of, body, calm, gateway, request, with_account};
use serde_json::{Value, json as value};
use std::time::Duration;
use volley_core::Micros;
use volley_sim::{CodeForm, Config, DeliveryMix, ErrorPlace, Face, Habits, Request};

/// `sim-user:sim-password`.
const BASIC: &str = "Basic c2ltLXVzZXI6c2ltLXBhc3N3b3Jk";
const FIELDS: [(&str, &str); 3] = [("from", "15555550199"), ("to", "12025550143"), ("text", "Sale ends")];

/// A form with `changed` in place of the usual fields of the same names; an empty text leaves one
/// out.
fn with(changed: &[(&str, &str)]) -> Request {
    let usual = FIELDS.iter().filter(|(name, _)| !changed.iter().any(|field| field.0 == *name));
    let fields = usual.chain(changed).filter(|field| !field.1.is_empty());
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    typed(FORM, form)
}

fn typed(media: &str, body: String) -> Request {
    request("POST", "/v3/sendsms", &[("authorization", BASIC), ("content-type", media)], body)
}

/// The code of what `config` answers, always under HTTP 200, and the cause code where it is told.
fn verdict(config: Config, request: &Request) -> (String, Option<u64>) {
    let reply = answer_of(config, request).reply;
    let body = body(&reply);
    assert_eq!(reply.status, 200, "{body}");
    let code = body["status"]["code"].as_str().expect("a text").to_owned();
    assert_eq!(code == "401" || code == "403", body["response"].is_null(), "{body}");
    assert_eq!(code == "200", body["status"]["msg"] == "", "{body}");
    (code, body["response"]["causecode"].as_u64())
}

#[test]
fn every_rule_of_send_has_its_code() {
    let long = "x".repeat(255 * 153 + 1);
    for (name, code, cause, changed) in [
        ("least", "200", Some(0), &[][..]),
        ("a reference", "200", Some(0), &[("reference", "c7-000001")]),
        ("told of", "200", Some(0), &[("notifyurl", "https://127.0.0.1/n?t=1")]),
        ("a PNG", "200", Some(0), &[("media", "iVBORw0KGgoAAAA=")]),
        ("a JPEG", "200", Some(0), &[("media", "/9j/4AAQ")]),
        ("a GIF", "400", None, &[("media", "R0lGODlh")]),
        ("no Base64", "400", None, &[("media", "not base64!")]),
        ("no from", "400", None, &[("from", "")]),
        ("a name", "400", None, &[("from", "ShopAlert")]),
        ("from with a plus", "400", None, &[("from", "+15555550199")]),
        ("no to", "400", None, &[("to", "")]),
        ("to with a plus", "400", None, &[("to", "+12025550143")]),
        ("to without its country", "400", None, &[("to", "02025550143")]),
        ("no number", "400", None, &[("to", "friend")]),
        ("another country", "200", Some(21), &[("to", "61491570006")]),
        ("no text", "400", None, &[("text", "")]),
        ("beyond all parts", "400", None, &[("text", &long)]),
        ("no URL", "400", None, &[("notifyurl", "127.0.0.1")]),
        ("a stranger", "400", None, &[("schedule", "1")]),
    ] {
        assert_eq!(verdict(calm(), &with(changed)), (code.to_owned(), cause), "{name}");
    }
}

#[test]
fn every_rule_of_calling_has_its_code() {
    let json = r#"{"from":"15555550199","to":"12025550143","text":"hi"}"#;
    let unsigned = |mut request: Request| {
        request.headers.retain(|header| header.0 != "authorization");
        request
    };
    let other = |mut request: Request| {
        request.headers[0].1 = "Basic c2ltLXVzZXI6b3RoZXI=".to_owned();
        request
    };
    for (name, code, request) in [
        ("JSON", "200", typed("application/json", json.to_owned())),
        ("no credentials", "401", unsigned(with(&[]))),
        ("wrong password", "401", other(with(&[]))),
        ("plain text", "400", typed("text/plain", json.to_owned())),
        ("cut JSON", "400", typed("application/json", json[..20].to_owned())),
        ("twice", "400", typed(FORM, "from=15555550199&to=12025550143&text=a&text=b".to_owned())),
        ("GET", "405", Request { method: "GET".to_owned(), ..with(&[]) }),
        ("an unknown call", "404", Request { path: "/v3/sendmms".to_owned(), ..with(&[]) }),
    ] {
        assert_eq!(verdict(calm(), &request).0, code, "{name}");
    }
}

#[test]
fn an_answer_has_the_documented_members_and_a_price_by_the_part() {
    let mut gateway = gateway(calm());
    let reply = gateway.answer(Duration::ZERO, &with(&[("text", &"x".repeat(171))])).reply;
    let body = body(&reply);
    assert_eq!(body["status"], value!({ "code": "200", "msg": "" }));
    let response = body["response"].as_object().expect("an object");
    let id = response["uniqueid"].as_str().expect("a text");
    assert!(response["pid"].as_str().is_some_and(|pid| pid.ends_with(id) && pid.len() > id.len()));
    for (name, expected) in [
        ("status", value!("Success")),
        ("message", value!("Message queued")),
        ("causecode", value!(0)),
        ("cost", value!(0.03)),
        ("chars", value!(171)),
        ("parts", value!(2)),
        ("permsg", value!(0.015)),
    ] {
        assert_eq!(response[name], expected, "{name}");
    }
    assert_eq!(response.len(), 9);
    let taken: Vec<_> =
        gateway.ledger().map(|entry| (entry.to.digits(), entry.sender, entry.parts, entry.charged)).collect();
    assert_eq!(taken, [(12_025_550_143, Some("15555550199"), 2, Micros(30_000))]);
}

#[test]
fn a_reference_comes_back_with_every_status_as_a_form() {
    let mut gateway = gateway(Config { delivery: DeliveryMix::all_delivered(), ..calm() });
    let silent = gateway.answer(Duration::ZERO, &with(&[])).reply;
    let told = [("notifyurl", "https://127.0.0.1/n?t=1"), ("reference", "c7-000001")];
    let told = gateway.answer(Duration::ZERO, &with(&told)).reply;
    assert_eq!((silent.status, told.status), (200, 200));
    let id = body(&told)["response"]["uniqueid"].as_str().expect("a text").to_owned();
    let calls: Vec<_> = gateway.due_callbacks(Duration::from_mins(1)).collect();
    let seen: Vec<_> =
        calls.iter().map(|call| (call.method, &*call.url, String::from_utf8_lossy(&call.body))).collect();
    let form = |status: &str| {
        format!("uniqueid={id}&reference=c7-000001&from=15555550199&to=12025550143&status={status}").into()
    };
    let call = |status| ("POST", "https://127.0.0.1/n?t=1", form(status));
    assert_eq!(seen, [call("sent"), call("delivered")]);
}

#[test]
fn every_end_has_its_word() {
    let none = DeliveryMix::all_delivered();
    for (mix, word) in [
        (none.clone(), Some("delivered")),
        (DeliveryMix { failed: 1.0, ..none.clone() }, Some("failed")),
        (DeliveryMix { invalid: 1.0, ..none.clone() }, Some("undelivered")),
        (DeliveryMix { expired: 1.0, ..none.clone() }, Some("undelivered")),
        (DeliveryMix { blocked: 1.0, ..none.clone() }, Some("rejected")),
        (DeliveryMix { timeout: 1.0, ..none }, None),
    ] {
        let mut gateway = gateway(Config { delivery: mix.clone(), ..calm() });
        gateway.answer(Duration::ZERO, &with(&[("notifyurl", "https://127.0.0.1/n")]));
        let bodies: Vec<_> = gateway.due_callbacks(Duration::from_mins(1)).map(|call| call.body).collect();
        let words: Vec<_> = bodies
            .iter()
            .filter_map(|body| form_urlencoded::parse(body).find(|field| field.0 == "status"))
            .map(|field| field.1.into_owned())
            .collect();
        let expected: Vec<_> = [Some("sent"), word].into_iter().flatten().collect();
        assert_eq!(words, expected, "{mix:?}");
    }
}

#[test]
fn codes_errors_and_characters_take_the_form_that_the_account_says() {
    let config = |habits: Habits| with_account(Face::MultiTel, |account| account.habits = habits);
    let usual = Habits::default();
    let seen = |habits: Habits, request: &Request| -> (u16, Value, Value) {
        let reply = answer_of(config(habits), request).reply;
        let body = body(&reply);
        (reply.status, body["status"]["code"].clone(), body["response"]["chars"].clone())
    };
    let (fine, bad) = (with(&[]), with(&[("text", "")]));
    let unknown = Request { headers: Vec::new(), ..with(&[]) };
    for (name, habits, request, status, code, chars) in [
        ("number", Habits { code: CodeForm::Number, ..usual }, &fine, 200, value!(200), value!(9)),
        ("no chars", Habits { counts_chars: false, ..usual }, &fine, 200, value!("200"), value!(0)),
        ("fine", Habits { errors: ErrorPlace::Status, ..usual }, &fine, 200, value!("200"), value!(9)),
        ("status", Habits { errors: ErrorPlace::Status, ..usual }, &bad, 400, value!("400"), Value::Null),
        (
            "stranger",
            Habits { errors: ErrorPlace::Status, ..usual },
            &unknown,
            401,
            value!("401"),
            Value::Null,
        ),
        (
            "stranger's number",
            Habits { code: CodeForm::Number, ..usual },
            &unknown,
            200,
            value!(401),
            Value::Null,
        ),
    ] {
        assert_eq!(seen(habits, request), (status, code, chars), "{name}");
    }
}

#[test]
fn leave_senders_area_and_funds_are_the_accounts() {
    let silent = with_account(Face::MultiTel, |account| account.may_send = false);
    assert_eq!(verdict(silent, &with(&[])).0, "403");
    let numbered =
        with_account(Face::MultiTel, |account| account.senders = Some(vec!["15555550111".to_owned()]));
    assert_eq!(verdict(numbered, &with(&[])).0, "400");
    let abroad = with_account(Face::MultiTel, |account| account.foreign_numbers = true);
    assert_eq!(verdict(abroad, &with(&[("to", "61491570006")])), ("200".to_owned(), Some(0)));
    let mut gateway = gateway(with_account(Face::MultiTel, |account| account.balance = Some(Micros(30_000))));
    let codes =
        [(); 3].map(|()| body(&gateway.answer(Duration::ZERO, &with(&[])).reply)["status"]["code"].clone());
    assert_eq!((codes, gateway.recipients_taken()), ([value!("200"), value!("200"), value!("402")], 2));
}

#[test]
fn the_third_call_of_a_second_is_too_fast() {
    for (errors, last) in [(ErrorPlace::Body, 200), (ErrorPlace::Status, 429)] {
        let mut config = Config::default();
        config.accounts.iter_mut().for_each(|account| account.habits.errors = errors);
        let mut gateway = gateway(config);
        let replies = [(); 3].map(|()| gateway.answer(Duration::ZERO, &with(&[])).reply);
        assert_eq!(replies.each_ref().map(|reply| reply.status), [200, 200, last]);
        assert_eq!(body(&replies[2])["status"]["code"], "429");
    }
}
