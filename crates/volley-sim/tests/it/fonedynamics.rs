//! The Fone Dynamics face, rule by rule.

use crate::support::{START, answer_of, body, calm, gateway, request, with_account};
use serde_json::{Value, json as value};
use std::time::Duration;
use volley_core::Micros;
use volley_sim::{BatchReply, Config, DeliveryMix, Duplicates, Face, Gateway, Habits, Request};

/// `sim-account:sim-token`.
const BASIC: &str = "Basic c2ltLWFjY291bnQ6c2ltLXRva2Vu";
const ONE: &str = "/v2/Properties/sim-property/Messages";
const MANY: &str = "/v2/Properties/sim-property/BatchMessages";
/// [`START`] in seconds.
const NOW: i64 = START.0 / 1_000;

fn call(method: &str, path: &str, body: String) -> Request {
    request(method, path, &[("authorization", BASIC), ("content-type", "application/json")], body)
}

fn post(path: &str, body: &Value) -> Request {
    call("POST", path, body.to_string())
}

fn ask(path: &str, query: &str) -> Request {
    Request { query: query.to_owned(), ..call("GET", path, String::new()) }
}

/// A message with the members of `changed` in place of the usual ones; null leaves one out.
fn message(changed: &Value) -> Value {
    let mut message = value!({ "From": "ShopAlert", "To": "+61491570006", "Text": "Sale ends" });
    for (name, value) in changed.as_object().expect("an object") {
        message[name] = value.clone();
    }
    message
}

/// The status of what `config` answers, and its code word.
fn verdict(config: Config, request: &Request) -> (u16, String) {
    let reply = answer_of(config, request).reply;
    let body = body(&reply);
    let code = body["ResponseStatus"]["ErrorCode"].as_str().unwrap_or("none").to_owned();
    assert_eq!(reply.status == 200, code == "none", "{body}");
    (reply.status, code)
}

/// What the gateway answers at `seconds` after its start.
fn said(gateway: &mut Gateway, seconds: u64, request: &Request) -> Value {
    body(&gateway.answer(Duration::from_secs(seconds), request).reply)
}

/// Every rule of one message: what it changes, and the code word of its refusal, or `none`.
fn rules() -> Vec<(&'static str, &'static str, Value)> {
    let long = |character: &str, count: usize| value!({ "Text": character.repeat(count) });
    vec![
        ("least", "none", value!({})),
        ("a number sends", "none", value!({ "From": "+61491570156" })),
        ("a name with a space", "none", value!({ "From": "Shop Alert" })),
        ("blank: leased", "none", value!({ "From": "" })),
        ("absent: leased", "none", value!({ "From": null })),
        ("a long name", "INVALID_FROM", value!({ "From": "TwelveCharsX" })),
        ("a sign", "INVALID_FROM", value!({ "From": "Shop-Alert" })),
        ("digits alone", "INVALID_FROM", value!({ "From": "61491570156" })),
        ("no To", "INVALID_TO", value!({ "To": null })),
        ("To without plus", "INVALID_TO", value!({ "To": "61491570006" })),
        ("To in local form", "INVALID_TO", value!({ "To": "0491570006" })),
        ("To with letters", "INVALID_TO", value!({ "To": "+6149157000x" })),
        ("no Text", "INVALID_TEXT", value!({ "Text": null })),
        ("empty Text", "INVALID_TEXT", value!({ "Text": "" })),
        ("longest in GSM-7", "none", long("x", 1_530)),
        ("one more", "INVALID_TEXT", long("x", 1_531)),
        ("longest in UCS-2", "none", long("ş", 670)),
        ("one more", "INVALID_TEXT", long("ş", 671)),
        ("14 days ahead", "none", value!({ "Schedule": NOW + 14 * 86_400 })),
        ("a second more", "INVALID_SCHEDULE", value!({ "Schedule": NOW + 14 * 86_400 + 1 })),
        ("59 min 59 s past", "none", value!({ "Schedule": NOW - 3_599 })),
        ("60 min past", "INVALID_SCHEDULE", value!({ "Schedule": NOW - 3_600 })),
        ("beyond all time", "INVALID_SCHEDULE", value!({ "Schedule": i64::MAX })),
        ("before all time", "INVALID_SCHEDULE", value!({ "Schedule": i64::MIN })),
        ("no receipt", "none", value!({ "DeliveryReceipt": false })),
        ("webhook", "none", value!({ "DeliveryReceiptWebhookUri": "https://127.0.0.1/r" })),
        (
            "webhook by get",
            "none",
            value!({ "DeliveryReceiptWebhookUri": "https://127.0.0.1/r", "DeliveryReceiptWebhookMethod": "Get" }),
        ),
        ("webhook by PUT", "INVALID_FIELD", value!({ "DeliveryReceiptWebhookMethod": "PUT" })),
        ("webhook nowhere", "INVALID_FIELD", value!({ "DeliveryReceiptWebhookUri": "127.0.0.1" })),
        (
            "webhook without receipt",
            "INVALID_FIELD",
            value!({ "DeliveryReceiptWebhookUri": "https://127.0.0.1/r", "DeliveryReceipt": false }),
        ),
        ("caller's id", "none", value!({ "ExternalId": "x".repeat(64) })),
        ("longer", "INVALID_FIELD", value!({ "ExternalId": "x".repeat(65) })),
        ("replies", "none", value!({ "From": null, "ForwardToEmail": "shop@example.com" })),
        ("replies to a name", "INVALID_FIELD", value!({ "ForwardToEmail": "shop@example.com" })),
        ("reply webhook of a number", "INVALID_FIELD", value!({ "WebhookUri": "https://127.0.0.1/r" })),
    ]
}

#[test]
fn every_rule_of_a_message_has_its_answer() {
    for (name, code, changed) in rules() {
        let status = if code == "none" { 200 } else { 400 };
        let sent = post(ONE, &message(&changed));
        assert_eq!(verdict(calm(), &sent), (status, code.to_owned()), "{name}");
    }
}

#[test]
fn in_a_batch_every_message_has_a_result_of_its_own() {
    let messages: Vec<Value> = rules().iter().map(|(.., changed)| message(changed)).collect();
    let mut gateway = gateway(calm());
    let results = said(&mut gateway, 0, &post(MANY, &value!({ "Messages": messages })));
    let results = results.as_array().expect("a bare list");
    assert_eq!(results.len(), rules().len());
    for ((name, code, _), result) in rules().iter().zip(results) {
        assert_eq!(result["ErrorCode"].as_str().unwrap_or("none"), *code, "{name}: {result}");
        assert_eq!(result["MessageSid"].is_string(), *code == "none", "{name}: {result}");
        assert_eq!(result["Message"].is_string(), *code != "none", "{name}: {result}");
    }
    let meant: Vec<_> = rules()
        .into_iter()
        .filter(|(_, code, _)| *code == "none")
        .map(|(.., changed)| message(&changed)["Text"].as_str().expect("a text").to_owned())
        .collect();
    let taken: Vec<_> = gateway.ledger().map(|entry| (entry.request, entry.text.to_owned())).collect();
    assert_eq!(taken, meant.into_iter().map(|text| (1, text)).collect::<Vec<_>>());
}

#[test]
fn every_rule_of_calling_has_its_answer() {
    let one = message(&value!({}));
    let (many, none) = (value!({ "Messages": [one] }), value!({ "Messages": [] }));
    let unsigned = |mut request: Request| {
        request.headers.retain(|header| header.0 != "authorization");
        request
    };
    let with_token = |token: &str, mut request: Request| {
        request.headers[0].1 = token.to_owned();
        request
    };
    let of_type = |media: &str, mut request: Request| {
        request.headers[1].1 = media.to_owned();
        request
    };
    for (name, status, code, request) in [
        ("one", 200, "none", post(ONE, &one)),
        ("many", 200, "none", post(MANY, &many)),
        ("none", 400, "INVALID_MESSAGES", post(MANY, &none)),
        ("a bare list", 400, "INVALID_BODY", post(MANY, &value!([one]))),
        ("a stranger", 400, "INVALID_BODY", post(ONE, &message(&value!({ "Body": "x" })))),
        (
            "a stranger in a batch",
            400,
            "INVALID_BODY",
            post(MANY, &value!({ "Messages": [{ "Body": "x" }] })),
        ),
        ("a schedule as text", 400, "INVALID_BODY", post(ONE, &message(&value!({ "Schedule": "1" })))),
        ("cut", 400, "INVALID_BODY", call("POST", ONE, "{\"To\":".to_owned())),
        ("a form", 400, "INVALID_BODY", of_type(crate::support::FORM, post(ONE, &one))),
        ("no credentials", 401, "UNAUTHORIZED", unsigned(post(ONE, &one))),
        ("wrong token", 401, "UNAUTHORIZED", with_token("Basic c2ltLWFjY291bnQ6b3RoZXI=", post(ONE, &one))),
        ("nonsense", 401, "UNAUTHORIZED", with_token("Bearer x", post(ONE, &one))),
        ("another property", 403, "FORBIDDEN", post("/v2/Properties/other/Messages", &one)),
        ("an unknown path", 404, "NOT_FOUND", post("/v2/Properties/sim-property/Calls", &one)),
        ("no property", 404, "NOT_FOUND", post("/v2/Messages", &one)),
        ("an unknown message", 404, "NOT_FOUND", ask("/v2/Messages/MG1", "")),
        ("DELETE", 405, "METHOD_NOT_ALLOWED", call("DELETE", "/v2/Messages/MG1", String::new())),
        ("PUT", 405, "METHOD_NOT_ALLOWED", call("PUT", ONE, one.to_string())),
        ("list", 200, "none", ask(ONE, "Date_From=0&Date_To=1&Results_Count=10&Results_Skip=0")),
        ("list all", 200, "none", ask(ONE, "")),
        ("list by a stranger", 400, "INVALID_PARAMETER", ask(ONE, "ExternalId=c1")),
        ("list words", 400, "INVALID_PARAMETER", ask(ONE, "Date_From=today")),
        ("list nothing", 400, "INVALID_PARAMETER", ask(ONE, "Results_Count=0")),
        ("list too much", 400, "INVALID_PARAMETER", ask(ONE, "Results_Count=1001")),
    ] {
        assert_eq!(verdict(calm(), &request), (status, code.to_owned()), "{name}");
    }
}

#[test]
fn a_batch_holds_a_hundred_and_no_more() {
    let batch = |count| {
        let messages: Vec<Value> = (0..count).map(|_| message(&value!({}))).collect();
        post(MANY, &value!({ "Messages": messages }))
    };
    let mut gateway = gateway(calm());
    assert_eq!(said(&mut gateway, 0, &batch(100)).as_array().map(Vec::len), Some(100));
    let reply = gateway.answer(Duration::ZERO, &batch(101)).reply;
    assert_eq!((reply.status, gateway.recipients_taken()), (413, 100));
    assert_eq!(body(&reply)["ResponseStatus"]["ErrorCode"], "TOO_MANY_MESSAGES");
    let fewer = with_account(Face::FoneDynamics, |account| account.max_recipients = 99);
    assert_eq!(verdict(fewer, &batch(100)).0, 413);
}

#[test]
fn an_answer_has_the_documented_members() {
    let sent = message(&value!({ "ExternalId": "c7-000001", "Text": "x".repeat(161) }));
    let mut gateway = gateway(calm());
    let answer = said(&mut gateway, 0, &post(ONE, &sent));
    let mut seen = answer["Message"].clone();
    assert_eq!(seen["MessageSid"].take().as_str().map(str::len), Some(34));
    assert_eq!(
        seen,
        value!({
            "MessageSid": null, "AccountSid": "sim-account", "PropertySid": "sim-property",
            "From": "ShopAlert", "To": "+61491570006", "Text": "x".repeat(161),
            "Direction": "Transmit", "NumSegments": 2, "ExternalId": "c7-000001",
            "Status": "Processing", "DeliveryReceipt": true, "Created": NOW, "Scheduled": null,
            "Submitted": null, "Delivered": null, "ErrorCode": null,
        })
    );
    let taken: Vec<_> =
        gateway.ledger().map(|entry| (entry.to.digits(), entry.sender, entry.parts, entry.charged)).collect();
    assert_eq!(taken, [(61_491_570_006, Some("ShopAlert"), 2, Micros(100_000))]);
}

#[test]
fn a_sender_is_leased_where_none_is_named_or_names_cannot_be_shown() {
    let (american, leased) = ("+12025550143", "+12025550199");
    let habits = |replaces_names| Habits { replaces_names, ..Habits::default() };
    for (replaces_names, from, to, used) in [
        (true, value!("ShopAlert"), "+61491570006", "ShopAlert"),
        (true, value!(null), "+61491570006", "+61491570157"),
        (true, value!("  "), "+61491570006", "+61491570157"),
        (true, value!("ShopAlert"), american, leased),
        (true, value!(null), american, leased),
        (true, value!("+61491570156"), american, "+61491570156"),
        (false, value!("ShopAlert"), american, "ShopAlert"),
        (false, value!(null), american, leased),
    ] {
        let config = with_account(Face::FoneDynamics, |account| account.habits = habits(replaces_names));
        let mut gateway = gateway(config);
        let answer = said(&mut gateway, 0, &post(ONE, &message(&value!({ "From": from, "To": to }))));
        assert_eq!(answer["Message"]["From"], used, "{from} to {to}");
        let named = from.as_str().filter(|from| !from.trim().is_empty());
        assert_eq!(gateway.ledger().next().expect("one").sender, named, "the ledger has what was asked for");
    }
}

#[test]
fn a_message_is_followed_from_its_schedule_to_its_delivery() {
    let delay = Duration::from_secs(5)..=Duration::from_secs(5);
    let mut gateway =
        gateway(Config { delivery: DeliveryMix { delay, ..DeliveryMix::all_delivered() }, ..calm() });
    let sent = message(&value!({ "Schedule": NOW + 60, "ExternalId": "c7-000001" }));
    let answer = said(&mut gateway, 0, &post(ONE, &sent));
    let (id, scheduled) = (answer["Message"]["MessageSid"].as_str().expect("an id"), NOW + 60);
    assert_eq!(answer["Message"]["Scheduled"], scheduled);
    for (at, status, submitted, delivered) in [
        (1, "Processing", value!(null), value!(null)),
        (59, "Processing", value!(null), value!(null)),
        (62, "Submitted", value!(NOW + 61), value!(null)),
        (66, "Delivered", value!(NOW + 61), value!(NOW + 65)),
    ] {
        let found = said(&mut gateway, at, &ask(&format!("/v2/Messages/{id}"), ""));
        let message = &found["Message"];
        assert_eq!(
            (&message["Status"], &message["Submitted"], &message["Delivered"]),
            (&value!(status), &submitted, &delivered),
            "after {at} s"
        );
        assert_eq!((&message["Scheduled"], &message["Created"]), (&value!(scheduled), &value!(NOW)));
        assert_eq!((&message["ExternalId"], &message["MessageSid"]), (&value!("c7-000001"), &value!(id)));
    }
}

#[test]
fn receipts_are_posted_as_json_or_are_a_get_with_a_query() {
    let url = "https://127.0.0.1/r?t=1";
    let sent = |method: &str, receipt: &Value| {
        post(
            ONE,
            &message(&value!({
                "ExternalId": "c7-000001", "DeliveryReceiptWebhookUri": url,
                "DeliveryReceiptWebhookMethod": method, "DeliveryReceipt": receipt,
            })),
        )
    };
    let none = DeliveryMix::all_delivered();
    let failing = || Config { delivery: DeliveryMix { blocked: 1.0, ..none.clone() }, ..calm() };
    let mut posting = gateway(failing());
    let id = said(&mut posting, 0, &sent("post", &value!(null)))["Message"]["MessageSid"].clone();
    let calls: Vec<_> = posting.due_callbacks(Duration::from_mins(1)).collect();
    assert!(calls.iter().all(|call| (call.method, &*call.url) == ("POST", url)));
    let told: Vec<Value> =
        calls.iter().map(|call| serde_json::from_slice(&call.body).expect("it is JSON")).collect();
    let report = |status: &str| value!({ "MessageSid": id, "To": "+61491570006", "Status": status, "ExternalId": "c7-000001" });
    let mut failed = report("Failed");
    failed["ErrorCode"] = value!("BLOCKED");
    assert_eq!(told, [report("Submitted"), failed]);

    let mut asking = gateway(failing());
    let id = said(&mut asking, 0, &sent("Get", &value!(true)))["Message"]["MessageSid"].clone();
    let calls: Vec<_> = asking.due_callbacks(Duration::from_mins(1)).collect();
    let id = id.as_str().expect("a text");
    let query = format!(
        "{url}&MessageSid={id}&To=%2B61491570006&Status=Failed&ErrorCode=BLOCKED&ExternalId=c7-000001"
    );
    assert_eq!(calls.last().map(|call| (call.method, &*call.url)), Some(("GET", &*query)));

    let habits = Habits { echoes_external_id: false, ..Habits::default() };
    let mut nameless = gateway(with_account(Face::FoneDynamics, |account| account.habits = habits));
    said(&mut nameless, 0, &sent("POST", &value!(true)));
    let calls: Vec<_> = nameless.due_callbacks(Duration::from_mins(1)).collect();
    assert!(!calls.is_empty() && calls.iter().all(|call| !call.body.windows(8).any(|at| at == b"External")));
}

#[test]
fn a_failure_names_its_code() {
    let none = DeliveryMix::all_delivered();
    for (mix, status, code) in [
        (DeliveryMix { failed: 1.0, ..none.clone() }, "Failed", value!("UNREACHABLE")),
        (DeliveryMix { invalid: 1.0, ..none.clone() }, "Failed", value!("UNKNOWN_NUMBER")),
        (DeliveryMix { blocked: 1.0, ..none.clone() }, "Failed", value!("BLOCKED")),
        (DeliveryMix { expired: 1.0, ..none.clone() }, "Failed", value!("EXPIRED")),
        (DeliveryMix { timeout: 1.0, ..none.clone() }, "Submitted", value!(null)),
        (DeliveryMix { pending: 1.0, ..none.clone() }, "Submitted", value!(null)),
        (none, "Delivered", value!(null)),
    ] {
        let mut gateway = gateway(Config { delivery: mix, ..calm() });
        said(&mut gateway, 0, &post(ONE, &message(&value!({}))));
        let listed = said(&mut gateway, 60, &ask(ONE, ""));
        let message = &listed["Messages"][0];
        assert_eq!((&message["Status"], &message["ErrorCode"]), (&value!(status), &code));
    }
}

#[test]
fn a_window_is_listed_newest_first_and_page_by_page() {
    let mut gateway = gateway(calm());
    for second in 0..60 {
        let sent = message(&value!({ "ExternalId": format!("c-{second}") }));
        said(&mut gateway, second, &post(ONE, &sent));
    }
    let names = |found: &Value| -> Vec<u64> {
        let messages = found["Messages"].as_array().expect("a list");
        let name = |message: &Value| {
            message["ExternalId"].as_str().and_then(|id| id.strip_prefix("c-")?.parse().ok()).expect("an id")
        };
        messages.iter().map(name).collect()
    };
    for (query, total, expected) in [
        (String::new(), 60, (10..60).rev().collect::<Vec<u64>>()),
        ("Results_Skip=50".to_owned(), 60, (0..10).rev().collect()),
        ("Results_Skip=60".to_owned(), 60, Vec::new()),
        ("Results_Count=2&Results_Skip=1".to_owned(), 60, vec![58, 57]),
        (format!("Date_From={}&Date_To={}", NOW + 7, NOW + 9), 3, vec![9, 8, 7]),
        (format!("Date_From={}", NOW + 58), 2, vec![59, 58]),
        (format!("Date_To={NOW}"), 1, vec![0]),
        (format!("Date_To={}", NOW - 1), 0, Vec::new()),
    ] {
        let found = said(&mut gateway, 60, &ask(ONE, &query));
        assert_eq!((names(&found), &found["TotalCount"]), (expected, &value!(total)), "{query}");
        assert_eq!(found.get("NextPageToken"), Some(&Value::Null));
    }
}

#[test]
fn duplicates_wrappers_and_callers_ids_are_as_the_account_says() {
    let twice = value!({ "Messages": [message(&value!({ "ExternalId": "c1" })), message(&value!({}))] });
    let charging = body(&answer_of(calm(), &post(MANY, &twice)).reply);
    assert!(charging[0]["MessageSid"] != charging[1]["MessageSid"] && charging[1]["MessageSid"].is_string());
    let refusing = with_account(Face::FoneDynamics, |account| account.duplicates = Duplicates::Refuse);
    assert_eq!(body(&answer_of(refusing, &post(MANY, &twice)).reply)[1]["ErrorCode"], "DUPLICATE_TO");
    let habits = Habits { batch_reply: BatchReply::Wrapped, echoes_external_id: false, ..Habits::default() };
    let mut other = gateway(with_account(Face::FoneDynamics, |account| account.habits = habits));
    let wrapped = said(&mut other, 0, &post(MANY, &twice));
    assert_eq!(wrapped["Messages"].as_array().map(Vec::len), Some(2));
    let listed = said(&mut other, 0, &ask(ONE, ""));
    for message in [&wrapped["Messages"][0], &listed["Messages"][1]] {
        assert_eq!(message.get("ExternalId"), None, "{message}");
    }
}

#[test]
fn leave_senders_and_funds_are_the_accounts() {
    let one = post(ONE, &message(&value!({})));
    let silent = with_account(Face::FoneDynamics, |account| account.may_send = false);
    assert_eq!(verdict(silent, &one), (403, "FORBIDDEN".to_owned()));
    let named =
        || with_account(Face::FoneDynamics, |account| account.senders = Some(vec!["Other".to_owned()]));
    assert_eq!(verdict(named(), &one), (400, "INVALID_FROM".to_owned()));
    assert_eq!(verdict(named(), &post(ONE, &message(&value!({ "From": null })))).0, 200);
    let poor = || with_account(Face::FoneDynamics, |account| account.balance = Some(Micros(120_000)));
    let three = value!({ "Messages": [message(&value!({})), message(&value!({})), message(&value!({}))] });
    let mut gateway = gateway(poor());
    let results = said(&mut gateway, 0, &post(MANY, &three));
    assert_eq!((&results[2]["ErrorCode"], gateway.recipients_taken()), (&value!("INSUFFICIENT_FUNDS"), 2));
    let reply = gateway.answer(Duration::ZERO, &one).reply;
    assert_eq!((reply.status, gateway.recipients_taken()), (402, 2));
}

#[test]
fn the_eleventh_call_of_a_second_is_too_fast() {
    let mut gateway = gateway(Config::default());
    let one = post(ONE, &message(&value!({})));
    let statuses: Vec<_> = (0..11).map(|_| gateway.answer(Duration::ZERO, &one).reply.status).collect();
    assert_eq!((&statuses[..10], statuses[10]), (&[200; 10][..], 429));
}
