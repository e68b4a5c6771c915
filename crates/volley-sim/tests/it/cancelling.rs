//! Messages with a time to be sent at: waiting, being sent, sent, or taken back.

use crate::support::{START, ask, calm, form, gateway, json, read, with_account};
use serde_json::{Value, json as value};
use std::{fs, num::NonZeroU32, time::Duration};
use volley_core::Micros;
use volley_sim::{
    Account, Config, DeliveryMix, Face, Fault, Gateway, Limit, Mischief, Records, Request, Wire,
};

const SECOND: Duration = Duration::from_secs(1);
/// When the messages of these tests are due.
const DUE: Duration = Duration::from_mins(1);

/// Two Thai numbers at [`DUE`].
fn scheduled_thai() -> Request {
    json(
        r#"{"sender":"VolleyTH","content":"Sale ends today","msisdns":["66800000001","66800000002"],
            "scheduledTime":"2026-12-01T07:01:00+07:00"}"#,
    )
}

/// Two Australian numbers at [`DUE`].
fn scheduled_australian() -> Request {
    let to = "61491570006,61491570156";
    form("/send-sms.json", &[("message", "Sale ends today"), ("to", to), ("send_at", "2026-12-01 00:01:00")])
}

/// The status, and the id of what was taken.
fn taken(gateway: &mut Gateway, at: Duration, request: &Request) -> String {
    let (status, reply) = ask(gateway, at, request);
    assert_eq!(status, 200, "{reply}");
    let id = reply.get("uuid").or_else(|| reply.get("message_id")).expect("an id");
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn cancel_thai(id: &str) -> Request {
    let mut request = json("");
    request.path = format!("/api/v2/sms/{id}/cancel");
    request
}

fn cancel_australian(id: &str) -> Request {
    form("/cancel-sms.json", &[("id", id)])
}

/// The status of a cancel, its code word, and what else it says.
fn verdict(gateway: &mut Gateway, at: Duration, request: &Request) -> (u16, String) {
    let (status, reply) = ask(gateway, at, request);
    let code = reply.pointer("/error/code").or_else(|| reply.get("code")).or_else(|| reply.get("status"));
    (status, code.and_then(Value::as_str).unwrap_or_default().to_owned())
}

#[test]
fn a_scheduled_message_waits_is_processed_and_is_sent() {
    let mut gateway = gateway(calm());
    let id = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
    let mut status = |at| ask(&mut gateway, at, &read(&format!("/api/v2/sms/{id}"))).1["status"].clone();
    let nearly = DUE.saturating_sub(Duration::from_millis(1));
    assert_eq!([status(Duration::ZERO), status(nearly)], ["scheduled", "scheduled"]);
    assert_eq!([status(DUE), status(DUE + SECOND / 2)], ["pending", "pending"]);
    assert_eq!(status(DUE + SECOND), "sent");
}

#[test]
fn how_long_sending_takes_can_be_set() {
    let records = Records { processing: 5 * SECOND, ..Records::default() };
    let mut gateway = gateway(Config { records, ..calm() });
    let id = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
    let mut status = |at| ask(&mut gateway, at, &read(&format!("/api/v2/sms/{id}"))).1["status"].clone();
    assert_eq!([status(DUE + 4 * SECOND), status(DUE + 5 * SECOND)], ["pending", "sent"]);
}

#[test]
fn cancelling_gives_back_what_was_held() {
    let rich = |account: &mut Account| account.balance = Some(Micros(10_000_000));
    let mut thai = gateway(with_account(Face::MeSms, rich));
    let credits =
        |gateway: &mut Gateway| ask(gateway, Duration::ZERO, &read("/api/v2/credits")).1["credits"].clone();
    let id = taken(&mut thai, Duration::ZERO, &scheduled_thai());
    assert_eq!(credits(&mut thai), 8, "held when it is taken");
    let (status, reply) = ask(&mut thai, SECOND, &cancel_thai(&id));
    assert_eq!((status, reply), (200, value!({ "uuid": id, "status": "cancelled", "refunded": 2 })));
    assert_eq!(credits(&mut thai), 10);

    let mut australian = gateway(with_account(Face::TransmitSms, rich));
    let money = |gateway: &mut Gateway| {
        ask(gateway, Duration::ZERO, &form("/get-balance.json", &[])).1["balance"].clone()
    };
    let id = taken(&mut australian, Duration::ZERO, &scheduled_australian());
    assert_eq!(money(&mut australian), 9.9);
    let (status, reply) = ask(&mut australian, SECOND, &cancel_australian(&id));
    assert_eq!((status, reply["success"].as_str()), (200, Some("OK")));
    assert_eq!(money(&mut australian), 10);
}

#[test]
fn every_refused_cancel_has_its_code() {
    for refusal in [400, 409] {
        let records = Records { cancel_refusal: refusal, ..Records::default() };
        let mut gateway = gateway(Config { records, ..calm() });
        let at_once = taken(&mut gateway, Duration::ZERO, &crate::support::send_one_thai());
        let cancelled = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
        let late = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
        let mut cancel = |at, id: &str| verdict(&mut gateway, at, &cancel_thai(id));
        assert_eq!(cancel(SECOND, &at_once), (refusal, "NOT_SCHEDULED".to_owned()));
        assert_eq!(cancel(SECOND, &cancelled), (200, "cancelled".to_owned()));
        assert_eq!(cancel(SECOND, &cancelled), (refusal, "ALREADY_CANCELLED".to_owned()));
        assert_eq!(cancel(DUE + SECOND / 2, &late), (refusal, "ALREADY_PROCESSING".to_owned()));
        assert_eq!(cancel(DUE + 2 * SECOND, &late), (refusal, "ALREADY_PROCESSING".to_owned()), "sent");
        assert_eq!(cancel(DUE + 2 * SECOND, &cancelled), (refusal, "ALREADY_CANCELLED".to_owned()));
        assert_eq!(cancel(DUE + 2 * SECOND, "none"), (404, String::new()));
    }
}

#[test]
fn transmitsms_refuses_a_late_cancel_as_an_invalid_field() {
    let mut gateway = gateway(calm());
    let at_once = taken(&mut gateway, Duration::ZERO, &crate::support::send_one());
    let cancelled = taken(&mut gateway, Duration::ZERO, &scheduled_australian());
    let late = taken(&mut gateway, Duration::ZERO, &scheduled_australian());
    let mut cancel = |at, id: &str| verdict(&mut gateway, at, &cancel_australian(id));
    let code = |status, code: &str| (status, code.to_owned());
    assert_eq!(cancel(SECOND, &cancelled), code(200, "SUCCESS"));
    for (at, id) in [(SECOND, &at_once), (SECOND, &cancelled), (DUE, &late)] {
        assert_eq!(cancel(at, id), code(400, "FIELD_INVALID"), "{id}");
    }
    assert_eq!(cancel(DUE, "12345"), code(400, "NOT_FOUND"));
    assert_eq!(cancel(DUE, "abc"), code(400, "FIELD_INVALID"));
    assert_eq!(cancel(DUE, ""), code(400, "FIELD_EMPTY"));
}

#[test]
fn a_cancel_wins_up_to_the_last_millisecond_and_loses_at_the_due_time() {
    let before = DUE.saturating_sub(Duration::from_millis(1));
    for (at, won) in [(before, true), (DUE, false)] {
        let mut gateway = gateway(calm());
        let thai = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
        let australian = taken(&mut gateway, Duration::ZERO, &scheduled_australian());
        for request in [cancel_thai(&thai), cancel_australian(&australian)] {
            assert_eq!(ask(&mut gateway, at, &request).0 == 200, won, "{at:?}");
        }
        assert_eq!(gateway.cancelled().len(), if won { 2 } else { 0 });
    }
}

#[test]
fn a_cancel_whose_reply_is_lost_was_done_and_says_so_when_it_is_asked_again() {
    let faults = vec![Fault::at_question(1, Mischief::CommitThenDrop)];
    let mut gateway = gateway(Config { faults, ..calm() });
    let id = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
    assert_eq!(gateway.answer(SECOND, &cancel_thai(&id)).wire, Wire::LoseReply);
    assert_eq!(gateway.cancelled().len(), 1);
    assert_eq!(verdict(&mut gateway, SECOND, &cancel_thai(&id)), (409, "ALREADY_CANCELLED".to_owned()));
    assert_eq!(gateway.cancelled().len(), 1);
}

#[test]
fn a_cancel_that_never_arrived_changes_nothing() {
    let faults = vec![Fault::at_question(1, Mischief::ErrorBefore { status: 502 })];
    let mut gateway = gateway(Config { faults, ..calm() });
    let id = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
    gateway.answer(SECOND, &cancel_thai(&id));
    assert!(gateway.cancelled().is_empty());
    assert_eq!(verdict(&mut gateway, SECOND, &cancel_thai(&id)), (200, "cancelled".to_owned()));
}

#[test]
fn a_message_of_another_account_is_out_of_reach() {
    let mut config = calm();
    for face in [Face::MeSms, Face::TransmitSms] {
        config.accounts.push(Account { key: "other-key".to_owned(), limit: None, ..Account::new(face) });
    }
    let mut gateway = gateway(config);
    let thai = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
    let australian = taken(&mut gateway, Duration::ZERO, &scheduled_australian());
    let others_thai = |mut request: Request| {
        request.headers[0].1 = "other-key".to_owned();
        request
    };
    // other-key:sim-secret
    let others_australian = |mut request: Request| {
        request.headers[0].1 = "Basic b3RoZXIta2V5OnNpbS1zZWNyZXQ=".to_owned();
        request
    };
    for request in [
        others_thai(cancel_thai(&thai)),
        others_thai(read(&format!("/api/v2/sms/{thai}"))),
        others_thai(read(&format!("/api/v2/sms/{thai}/recipients?after=0"))),
    ] {
        assert_eq!(ask(&mut gateway, SECOND, &request).0, 403, "{}", request.path);
    }
    for request in [
        cancel_australian(&australian),
        form("/get-sms.json", &[("message_id", &australian)]),
        form("/get-sms-sent.json", &[("message_id", &australian)]),
    ] {
        let seen = verdict(&mut gateway, SECOND, &others_australian(request));
        assert_eq!(seen, (400, "NO_ACCESS".to_owned()));
    }
    assert!(gateway.cancelled().is_empty());
    let lists = ask(&mut gateway, SECOND, &others_thai(read("/api/v2/sms"))).1;
    assert_eq!(lists["total"], 0);
}

#[test]
fn what_was_cancelled_stays_in_the_ledger_and_is_listed_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.jsonl");
    let beside = folder.path().join("ledger.jsonl.cancelled");
    let mut gateway = gateway(Config { ledger_file: Some(path.clone()), ..calm() });
    let thai = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
    let australian = taken(&mut gateway, Duration::ZERO, &scheduled_australian());
    let kept = fs::read(&path).expect("a ledger");
    assert!(!beside.exists(), "nothing was cancelled");
    ask(&mut gateway, SECOND, &cancel_australian(&australian));
    ask(&mut gateway, 2 * SECOND, &cancel_thai(&thai));
    assert_eq!(fs::read(&path).expect("a ledger"), kept);
    assert_eq!(gateway.ledger().count(), 4);
    let listed: Vec<_> = gateway.cancelled().iter().map(|one| (one.face, one.request, one.at)).collect();
    assert_eq!(listed, [(Face::TransmitSms, 2, SECOND), (Face::MeSms, 1, 2 * SECOND)]);
    assert_eq!(
        fs::read_to_string(beside).expect("a second file"),
        format!(
            "{{\"t\":\"2026-12-01T00:00:01.000Z\",\"provider\":\"transmitsms\",\"request\":2,\"id\":\"{australian}\"}}\n\
             {{\"t\":\"2026-12-01T00:00:02.000Z\",\"provider\":\"mesms\",\"request\":1,\"id\":\"{thai}\"}}\n"
        )
    );
}

#[test]
fn a_cancelled_message_reaches_nobody() {
    let mix = DeliveryMix::all_delivered();
    let mut gateway = gateway(Config { delivery: mix, ..calm() });
    let id = taken(&mut gateway, Duration::ZERO, &scheduled_thai());
    ask(&mut gateway, SECOND, &cancel_thai(&id));
    let later = DUE + 60 * SECOND;
    let (_, one) = ask(&mut gateway, later, &read(&format!("/api/v2/sms/{id}")));
    assert_eq!(one, value!({ "uuid": id, "status": "cancelled" }));
    let (_, page) = ask(&mut gateway, later, &read(&format!("/api/v2/sms/{id}/recipients?after=0")));
    assert_eq!(page["summary"], value!([{ "status": "pending", "count": 2 }]));
}

#[test]
fn every_call_counts_against_the_limit() {
    let one = NonZeroU32::new(1).map(Limit::per_second);
    let (thai, australian) = ("/api/v2/sms", "00000000-0000-4000-8000-000000000000");
    let period = [("start", "2026-12-01 00:00:00"), ("end", "2026-12-01 00:00:01")];
    let requests = [
        json("{}"),
        cancel_thai(australian),
        read(thai),
        read("/api/v2/sms/x/recipients?after=0"),
        read("/api/v2/credits"),
        read("/api/v2/none"),
        form("/cancel-sms.json", &[("id", "1")]),
        form("/get-sms-stats.json", &[("message_id", "1")]),
        form("/get-user-sms-sent.json", &period),
        form("/format-number.json", &[("msisdn", "0491570006"), ("countrycode", "AU")]),
        form("/none.json", &[]),
    ];
    for first in &requests {
        let mut gateway =
            gateway(Config { started_at: Some(START), ..Config::default().with_limit(one.as_ref()) });
        assert_ne!(ask(&mut gateway, Duration::ZERO, first).0, 429, "{}", first.path);
        assert_eq!(ask(&mut gateway, Duration::ZERO, first).0, 429, "{}", first.path);
        assert_eq!(gateway.overruns(), 1);
    }
}
