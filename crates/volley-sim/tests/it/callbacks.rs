//! The calls that the gateway owes its customers.

use crate::support::{ask, body, calm, form, gateway, json};
use serde_json::json as value;
use std::{collections::BTreeMap, time::Duration};
use volley_sim::{Callback, CallbackRules, Config, DeliveryMix, Gateway, Request};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const URL: &str = "http://127.0.0.1:9/dlr?token=a%2Fb";

fn send(to: &str) -> Request {
    form("/send-sms.json", &[("message", "Sale ends today"), ("to", to), ("dlr_callback", URL)])
}

fn delivered(rules: CallbackRules) -> Config {
    Config { delivery: DeliveryMix::all_delivered(), callbacks: rules, ..calm() }
}

/// All calls up to `until`, with the time when each is due.
fn calls(gateway: &mut Gateway, until: Duration) -> Vec<(Duration, Callback)> {
    let mut calls = Vec::new();
    while let Some(at) = gateway.next_callback().filter(|at| *at <= until) {
        calls.extend(gateway.due_callbacks(at).map(|callback| (at, callback)).collect::<Vec<_>>());
    }
    calls
}

/// The fields of a call's query.
fn fields(callback: &Callback) -> BTreeMap<String, String> {
    let (_, query) = callback.url.split_once('?').expect("a query");
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// What each call says of its number: the last digit and the status.
fn told(calls: &[(Duration, Callback)]) -> Vec<(String, String)> {
    let told = |(_, callback): &(Duration, Callback)| {
        let mut fields = fields(callback);
        (fields.remove("mobile").expect("a number"), fields.remove("status").expect("a status"))
    };
    calls.iter().map(told).collect()
}

#[test]
fn a_call_carries_the_providers_fields_behind_the_callers_own() {
    let mut gateway = gateway(delivered(CallbackRules::default()));
    let (_, reply) = ask(&mut gateway, Duration::ZERO, &send("61491570006"));
    let calls = calls(&mut gateway, MINUTE);
    assert_eq!(calls.len(), 2, "on its way, and delivered");
    let (at, last) = &calls[1];
    assert_eq!((last.method, last.body.len()), ("GET", 0));
    let query = format!(
        "token=a%2Fb&message_id={}&mobile=61491570006&datetime=2026-12-01+00%3A00%3A0{}&status=delivered&user_id=60001",
        reply["message_id"],
        at.as_secs()
    );
    assert_eq!(last.url, format!("http://127.0.0.1:9/dlr?{query}"));
    assert!(calls[0].1.url.contains("status=pending"));
    assert!((SECOND / 5..=3 * SECOND).contains(at), "{at:?}");
}

#[test]
fn a_call_is_signed_unless_it_is_not_to_be() {
    let signature = |signed| {
        let mut gateway = gateway(delivered(CallbackRules { signed, ..CallbackRules::default() }));
        ask(&mut gateway, Duration::ZERO, &send("61491570006"));
        let calls = calls(&mut gateway, MINUTE);
        let mut headers = calls[1].1.headers.clone();
        headers.pop().filter(|header| header.0 == "x-transmitsms-signature").map(|header| header.1)
    };
    let signature_of = signature(true).expect("a signature");
    assert!(signature_of.len() == 64 && signature_of.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(signature(false), None);
}

#[test]
fn nobody_is_called_without_a_url() {
    let mut gateway = gateway(delivered(CallbackRules::default()));
    ask(&mut gateway, Duration::ZERO, &crate::support::send_one());
    ask(
        &mut gateway,
        Duration::ZERO,
        &json(r#"{"sender":"VolleyTH","content":"hi","msisdns":["66800000001"]}"#),
    );
    assert_eq!(gateway.next_callback(), None);
}

#[test]
fn calls_say_what_the_reports_say() {
    let mut gateway = gateway(Config { seed: 5, ..calm() });
    let to: Vec<String> = (61_491_570_000_u64..61_491_570_200).map(|to| to.to_string()).collect();
    let (_, reply) = ask(&mut gateway, Duration::ZERO, &send(&to.join(",")));
    let mut last: BTreeMap<_, _> = BTreeMap::new();
    last.extend(told(&calls(&mut gateway, MINUTE)));
    assert_eq!(last.len(), 200);
    let id = reply["message_id"].to_string();
    for page in ["1", "2"] {
        let parameters = [("message_id", &*id), ("page", page), ("max", "100")];
        let page = body(&gateway.answer(MINUTE, &form("/get-sms-sent.json", &parameters)).reply);
        for row in page["recipients"].as_array().expect("a list") {
            assert_eq!(value!(last[&row["msisdn"].to_string()]), row["delivery_status"]);
        }
    }
}

#[test]
fn nothing_is_due_before_its_time_and_a_cancelled_message_is_never_told() {
    let mut gateway = gateway(delivered(CallbackRules::default()));
    let later =
        [("message", "hi"), ("to", "61491570006"), ("dlr_callback", URL), ("send_at", "2026-12-01 00:01:00")];
    ask(&mut gateway, Duration::ZERO, &form("/send-sms.json", &later));
    let (_, second) = ask(&mut gateway, Duration::ZERO, &form("/send-sms.json", &later));
    let cancel = form("/cancel-sms.json", &[("id", &second["message_id"].to_string())]);
    assert_eq!(ask(&mut gateway, SECOND, &cancel).0, 200);
    assert_eq!(gateway.due_callbacks(MINUTE).count(), 0);
    let told: Vec<_> =
        calls(&mut gateway, 2 * MINUTE).iter().map(|(_, call)| fields(call)["message_id"].clone()).collect();
    assert_eq!(told.len(), 2);
    assert!(!told.contains(&second["message_id"].to_string()));
}

#[test]
fn reports_can_be_repeated_reordered_late_and_about_nobody() {
    let usual = CallbackRules::default();
    let run = |rules| {
        let mut gateway = gateway(delivered(rules));
        ask(&mut gateway, Duration::ZERO, &send("61491570006"));
        calls(&mut gateway, 10 * MINUTE)
    };
    let statuses = |calls: &[(Duration, Callback)]| -> Vec<String> {
        told(calls).into_iter().map(|(_, status)| status).collect()
    };
    let plain = run(usual.clone());
    assert_eq!(statuses(&plain), ["pending", "delivered"]);
    let repeated = run(CallbackRules { repeated: 1.0, ..usual.clone() });
    assert_eq!(statuses(&repeated), ["pending", "delivered", "delivered"]);
    assert_eq!((repeated[1].1.url == repeated[2].1.url, repeated[2].0), (true, repeated[1].0 + SECOND));
    let reordered = run(CallbackRules { reordered: 1.0, ..usual.clone() });
    assert_eq!(statuses(&reordered), ["delivered", "pending"]);
    let late = run(CallbackRules { late: 1.0, late_by: 5 * MINUTE, ..usual.clone() });
    assert_eq!(late[1].0, plain[1].0 + 5 * MINUTE);
    assert_eq!(late[1].1.url, plain[1].1.url, "it tells when it was delivered, not when it is sent");
    let strange = run(CallbackRules { unknown: 1.0, ..usual });
    let ids: Vec<_> = strange.iter().map(|(_, call)| fields(call)["message_id"].clone()).collect();
    assert_eq!(ids.iter().filter(|id| **id == "9510000001").count(), 1, "{ids:?}");
    assert_eq!(ids.iter().filter(|id| **id == "510000001").count(), 2, "{ids:?}");
}

#[test]
fn a_report_can_overtake_the_answer_to_its_request() {
    let mut gateway = gateway(delivered(CallbackRules { before_reply: 1.0, ..CallbackRules::default() }));
    let answer = gateway.answer(SECOND, &send("61491570006"));
    let due: Vec<_> = gateway.due_callbacks(SECOND).collect();
    assert_eq!(due.len(), 1, "due at once");
    assert_eq!(fields(&due[0])["message_id"], body(&answer.reply)["message_id"].to_string());
    assert!(answer.delay > Duration::ZERO, "and the answer waits for it");
    assert_eq!(gateway.answer(2 * SECOND, &form("/get-balance.json", &[])).delay, Duration::ZERO);
}

#[test]
fn a_dead_endpoint_is_called_again_four_times_and_then_given_up() {
    let hour = 60 * MINUTE;
    let mut gateway =
        gateway(Config { delivery: DeliveryMix { pending: 1.0, ..DeliveryMix::all_delivered() }, ..calm() });
    ask(&mut gateway, Duration::ZERO, &send("61491570006"));
    let mut tries = Vec::new();
    while let Some(at) = gateway.next_callback() {
        let due: Vec<_> = gateway.due_callbacks(at).collect();
        tries.push(at);
        for callback in &due {
            gateway.callback_failed(callback);
        }
    }
    let first = tries[0];
    let waits = [Duration::ZERO, MINUTE, 5 * MINUTE, hour, 24 * hour];
    assert_eq!(tries, waits.map(|wait| first + wait));
    assert_eq!(gateway.callbacks_given_up(), 1);
}

#[test]
fn a_call_that_was_answered_is_not_made_again() {
    let mut gateway = gateway(delivered(CallbackRules::default()));
    ask(&mut gateway, Duration::ZERO, &send("61491570006"));
    assert_eq!(calls(&mut gateway, MINUTE).len(), 2);
    assert_eq!((gateway.next_callback(), gateway.callbacks_given_up()), (None, 0));
}

#[test]
fn who_takes_a_few_leaves_the_rest_due() {
    let mut gateway = gateway(delivered(CallbackRules::default()));
    ask(&mut gateway, Duration::ZERO, &send("61491570006,61491570156,61491570157"));
    assert_eq!(gateway.due_callbacks(MINUTE).take(2).count(), 2);
    assert_eq!(gateway.due_callbacks(MINUTE).count(), 4);
}
