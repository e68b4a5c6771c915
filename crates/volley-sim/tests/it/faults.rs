//! What goes wrong, when, and what is taken nevertheless.

use crate::support::{body, calm, form, gateway, header, send_one, send_one_thai, with_account};
use std::time::Duration;
use volley_core::{Language, National, Shifts};
use volley_sim::{
    Account, Among, Answer, Breakage, Config, ConfigError, End, Face, Fault, Gateway, Messages, Mischief,
    When, Wire,
};

/// The answer to one send under `what`, and how many messages were taken.
fn under(what: Mischief) -> (Answer, u64) {
    let mut gateway = gateway(Config { faults: vec![Fault::at(1, what)], ..calm() });
    let answer = gateway.answer(Duration::ZERO, &send_one());
    (answer, gateway.recipients_taken())
}

#[test]
fn each_kind_does_what_it_says_and_takes_what_it_says() {
    use Mischief as M;
    for (what, status, wire, taken) in [
        (M::Throttle { retry_after: None }, 429, Wire::Whole, 0),
        (M::ErrorBefore { status: 500 }, 500, Wire::Whole, 0),
        (M::ErrorAfter { status: 503 }, 503, Wire::Whole, 1),
        (M::CommitThenDrop, 200, Wire::LoseReply, 1),
        (M::Reset, 0, Wire::ResetBeforeReading, 0),
        (M::Stall { taken: true }, 200, Wire::Stall, 1),
        (M::Stall { taken: false }, 0, Wire::Stall, 0),
        (M::Truncate { bytes: 10 }, 200, Wire::CutAfter(10), 1),
        (M::Rubbish { taken: true }, 200, Wire::Whole, 1),
        (M::Rubbish { taken: false }, 200, Wire::Whole, 0),
        (M::NoPrice, 200, Wire::Whole, 1),
        (M::Late { by: Duration::from_mins(1) }, 200, Wire::Whole, 1),
        (M::Broken(Breakage::TwoLengths), 200, Wire::Broken(Breakage::TwoLengths), 1),
    ] {
        let (answer, counted) = under(what.clone());
        assert_eq!((answer.reply.status, answer.wire, counted), (status, wire, taken), "{what:?}");
    }
}

#[test]
fn a_late_reply_takes_so_much_longer() {
    let latency = Duration::from_millis(20)..=Duration::from_millis(20);
    let faults = vec![Fault::at(1, Mischief::Late { by: Duration::from_mins(1) })];
    let mut gateway = gateway(Config { latency, faults, ..calm() });
    let delays = [1, 2].map(|_| gateway.answer(Duration::ZERO, &send_one()).delay.as_millis());
    assert_eq!(delays, [60_020, 20]);
}

#[test]
fn connections_are_numbered_by_themselves_and_hang_up_where_they_are_told_to() {
    let faults = vec![Fault::at_connection(2, 7, End::Silence), Fault::at(1, Mischief::CommitThenDrop)];
    let mut gateway = gateway(Config { faults, ..calm() });
    assert_eq!([1, 2, 3].map(|_| gateway.connect()), [None, Some((7, End::Silence)), None]);
    assert_eq!(gateway.answer(Duration::ZERO, &send_one()).wire, Wire::LoseReply, "the first request");
}

#[test]
fn pages_in_front_of_the_gateway_are_html_and_its_own_refusals_are_not() {
    for what in [
        Mischief::ErrorBefore { status: 500 },
        Mischief::ErrorAfter { status: 500 },
        Mischief::Rubbish { taken: true },
    ] {
        let reply = under(what).0.reply;
        assert_eq!(header(&reply, "content-type"), Some("text/html; charset=utf-8"));
        assert!(reply.body.starts_with(b"<!DOCTYPE html>"));
    }
    let throttled =
        under(Mischief::Throttle { retry_after: Some("Tue, 01 Dec 2026 00:00:20 GMT".to_owned()) });
    assert_eq!(header(&throttled.0.reply, "retry-after"), Some("Tue, 01 Dec 2026 00:00:20 GMT"));
    assert_eq!(body(&throttled.0.reply)["error"]["code"].as_str(), Some("OVER_LIMIT"));
}

#[test]
fn a_throttle_speaks_as_the_provider_that_was_asked() {
    let faults = vec![Fault::new(When::Every(1), Mischief::Throttle { retry_after: None })];
    let mut gateway = gateway(Config { faults, ..calm() });
    let reply = gateway.answer(Duration::ZERO, &send_one_thai()).reply;
    assert_eq!(reply.status, 429);
    assert!(body(&reply)["error"].is_string());
    assert_eq!(gateway.overruns(), 0, "a fault is not the caller's doing");
}

/// The numbers of the requests, out of 30, that are answered with 500.
fn struck(when: When) -> Vec<u64> {
    let faults = vec![Fault::new(when, Mischief::ErrorBefore { status: 500 })];
    let mut gateway = gateway(Config { faults, ..calm() });
    (1..=30).filter(|_| gateway.answer(Duration::ZERO, &send_one()).reply.status == 500).collect()
}

#[test]
fn a_fault_strikes_the_requests_it_names() {
    assert_eq!(struck(When::Request(7)), [7]);
    assert_eq!(struck(When::Requests { first: 3, last: 5 }), [3, 4, 5]);
    assert_eq!(struck(When::Every(10)), [10, 20, 30]);
    assert_eq!(struck(When::Chance(0.0)).len(), 0);
    assert_eq!(struck(When::Chance(1.0)).len(), 30);
    let some = struck(When::Chance(0.3)).len();
    assert!((3..=17).contains(&some), "{some} of 30 at 0.3");
}

#[test]
fn the_first_fault_that_applies_happens() {
    let faults = vec![
        Fault::at(2, Mischief::ErrorBefore { status: 502 }),
        Fault::new(When::Every(1), Mischief::ErrorBefore { status: 500 }),
    ];
    let mut gateway = gateway(Config { faults, ..calm() });
    let statuses = [1, 2, 3].map(|_| gateway.answer(Duration::ZERO, &send_one()).reply.status);
    assert_eq!(statuses, [500, 502, 500]);
}

#[test]
fn requests_are_numbered_when_their_heads_arrive() {
    let faults = vec![Fault::at(1, Mischief::CommitThenDrop)];
    let mut gateway = gateway(Config { faults, ..calm() });
    let (first, second) = (gateway.begin("POST", "/send-sms.json"), gateway.begin("POST", "/send-sms.json"));
    let wires = [second, first].map(|ticket| gateway.finish(Duration::ZERO, &ticket, &send_one()).wire);
    assert_eq!(wires, [Wire::Whole, Wire::LoseReply]);
    assert_eq!(gateway.ledger().map(|entry| entry.request).collect::<Vec<_>>(), [2, 1]);
}

/// A gateway with a bit of everything.
fn stormy(seed: u64) -> Gateway {
    let chance = |chance, what| Fault::new(When::Chance(chance), what);
    let faults = vec![
        chance(0.1, Mischief::ErrorAfter { status: 500 }),
        chance(0.1, Mischief::CommitThenDrop),
        chance(0.1, Mischief::Reset),
    ];
    let latency = Duration::from_millis(20)..=Duration::from_millis(120);
    gateway(Config { seed, faults, latency, ..Config::default() })
}

/// Its answers to 200 requests over both faces.
fn weather(mut gateway: Gateway) -> Vec<Answer> {
    (0..200)
        .map(|step| {
            let request = if step % 3 == 0 { send_one_thai() } else { send_one() };
            gateway.answer(Duration::from_millis(step * 170), &request)
        })
        .collect()
}

#[test]
fn the_same_seed_and_requests_get_the_same_answers() {
    assert_eq!(weather(stormy(7)), weather(stormy(7)));
    assert_ne!(weather(stormy(7)), weather(stormy(8)));
}

#[test]
fn every_answer_takes_a_time_within_the_latency_and_not_always_the_same() {
    let answers = weather(stormy(7));
    let delays: std::collections::BTreeSet<Duration> = answers.iter().map(|answer| answer.delay).collect();
    assert!(delays.len() > 150, "{} different ones", delays.len());
    assert!(delays.iter().all(|delay| (20..=120).contains(&delay.as_millis())));
}

#[test]
fn ids_are_never_given_twice() {
    let mut gateway = gateway(calm());
    let mut ids = std::collections::HashSet::new();
    for _ in 0..500 {
        let reply = body(&gateway.answer(Duration::ZERO, &send_one()).reply);
        assert!(ids.insert(reply["message_id"].to_string()));
        let reply = body(&gateway.answer(Duration::ZERO, &send_one_thai()).reply);
        assert!(ids.insert(reply["uuid"].to_string()));
    }
}

#[test]
fn a_question_moves_no_fault_from_one_send_call_to_the_next() {
    let faults = vec![Fault::at(2, Mischief::CommitThenDrop)];
    let mut gateway = gateway(Config { faults, ..calm() });
    let question = form("/get-balance.json", &[]);
    for (request, wire) in [
        (&question, Wire::Whole),
        (&send_one(), Wire::Whole),
        (&question, Wire::Whole),
        (&send_one(), Wire::LoseReply),
        (&question, Wire::Whole),
    ] {
        assert_eq!(gateway.answer(Duration::ZERO, request).wire, wire);
    }
    assert_eq!(gateway.requests_seen(), 2);
}

#[test]
fn a_fault_on_a_call_that_sends_nothing_takes_nothing() {
    let faults = vec![Fault::at_question(1, Mischief::CommitThenDrop)];
    let mut gateway = gateway(Config { faults, ..calm() });
    assert_eq!(gateway.answer(Duration::ZERO, &form("/get-balance.json", &[])).wire, Wire::LoseReply);
    assert_eq!(gateway.recipients_taken(), 0);
}

type Expected = fn(&ConfigError) -> bool;

#[test]
fn what_makes_no_sense_is_refused_before_the_start() {
    let with = |when, what| Config { faults: vec![Fault::new(when, what)], ..calm() };
    let plain = |when| with(when, Mischief::Reset);
    let bell = Some("\u{7}".to_owned());
    let mut twins = calm();
    twins.accounts.push(twins.accounts[0].clone());
    let extra = |messages| Config { extra_parts: vec![messages], ..calm() };
    let account = |change: fn(&mut Account)| with_account(Face::TransmitSms, change);
    let (long, short) = (Duration::from_secs(2), Duration::from_secs(1));
    let hang_up = Mischief::HangUp { bytes: 0, end: End::Reset };
    let cases: [(Config, Expected); 17] = [
        (plain(When::Request(0)), |fault| matches!(fault, ConfigError::RequestZero)),
        (plain(When::Every(0)), |fault| matches!(fault, ConfigError::RequestZero)),
        (plain(When::Requests { first: 3, last: 2 }), |fault| {
            matches!(fault, ConfigError::RequestRange { first: 3, last: 2 })
        }),
        (plain(When::Chance(f64::NAN)), |fault| matches!(fault, ConfigError::Chance(_))),
        (with(When::Every(1), Mischief::ErrorAfter { status: 200 }), |fault| {
            matches!(fault, ConfigError::Status(200))
        }),
        (with(When::Every(1), Mischief::Throttle { retry_after: bell }), |fault| {
            matches!(fault, ConfigError::RetryAfter)
        }),
        (with(When::Every(1), hang_up), |fault| matches!(fault, ConfigError::HangUp)),
        (
            Config {
                faults: vec![Fault {
                    when: When::Every(1),
                    what: Mischief::Reset,
                    among: Among::Connections,
                }],
                ..calm()
            },
            |fault| matches!(fault, ConfigError::HangUp),
        ),
        (twins, |fault| matches!(fault, ConfigError::SharedKey(_))),
        (Config { latency: long..=short, ..calm() }, |fault| matches!(fault, ConfigError::Latency)),
        (extra(Messages::Numbered([].into())), |fault| matches!(fault, ConfigError::NoMessage)),
        (extra(Messages::Numbered([7, 0].into())), |fault| matches!(fault, ConfigError::MessageZero)),
        (extra(Messages::Every(0)), |fault| matches!(fault, ConfigError::MessageZero)),
        (extra(Messages::OfRequests { first: 0, last: 2 }), |fault| {
            matches!(fault, ConfigError::RequestZero)
        }),
        (extra(Messages::Chance(-0.1)), |fault| matches!(fault, ConfigError::Chance(_))),
        (account(|account| account.cost_decimals = 7), |fault| matches!(fault, ConfigError::CostDecimals(7))),
        (
            account(|account| {
                let shifts = Shifts { locking: Some(Language::Spanish), single: None };
                account.profile.national = National::Use(shifts);
            }),
            |fault| matches!(fault, ConfigError::NoLockingTable(Language::Spanish)),
        ),
    ];
    for (config, expected) in cases {
        let fault = Gateway::new(config).err().expect("it makes no sense");
        assert!(expected(&fault), "{fault:?}");
    }
}
