//! The ledger is what was taken, no more and no less, in memory and in the file.

use crate::support::{NUMBERS, calm, form, gateway, json, send_one, send_one_thai};
use serde_json::{Value, json as value};
use std::{fs, path::Path, time::Duration};
use volley_core::Micros;
use volley_sim::{Config, Fault, Mischief, Wire};

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the ledger is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn a_line_has_the_contracts_keys_in_its_order_and_then_what_was_charged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.jsonl");
    let mut gateway = gateway(Config { ledger_file: Some(path.clone()), ..calm() });
    let text = "Say \"now\"\n€5";
    let to = "61491570006,61491570156";
    gateway.answer(Duration::from_millis(9_007), &form("/send-sms.json", &[("message", text), ("to", to)]));
    gateway.answer(Duration::from_secs(10), &send_one_thai());
    assert_eq!(
        fs::read_to_string(&path).expect("the ledger is there"),
        concat!(
            r#"{"t":"2026-12-01T00:00:09.007Z","provider":"transmitsms","request":1,"to":"+61491570006","sender":null,"text":"Say \"now\"\n€5","parts":1,"charged":"0.0500"}"#,
            "\n",
            r#"{"t":"2026-12-01T00:00:09.007Z","provider":"transmitsms","request":1,"to":"+61491570156","sender":null,"text":"Say \"now\"\n€5","parts":1,"charged":"0.0500"}"#,
            "\n",
            r#"{"t":"2026-12-01T00:00:10.000Z","provider":"mesms","request":2,"to":"+66800000001","sender":"VolleyTH","text":"Sale ends today","parts":1,"charged":"1.0000"}"#,
            "\n",
        )
    );
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners_alone_and_an_old_one_is_added_to() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.jsonl");
    for count in 1..=2 {
        let mut gateway = gateway(Config { ledger_file: Some(path.clone()), ..calm() });
        gateway.answer(Duration::ZERO, &send_one());
        assert_eq!(lines(&path).len(), count, "on disk before the gateway is gone");
    }
    let mode = fs::metadata(&path).expect("the ledger is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn memory_and_file_hold_exactly_what_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.jsonl");
    let mut gateway = gateway(Config { ledger_file: Some(path.clone()), ..Config::default() });
    let mut acknowledged = Vec::new();
    for step in 0..60_usize {
        // Some are over the limit, some are malformed, some are fine.
        let number = if step.is_multiple_of(7) { 7 } else { NUMBERS[step % NUMBERS.len()] };
        let text = format!("text {}", step % 4);
        let parameters = [("message", &*text), ("to", &*number.to_string())];
        let now = Duration::from_millis(step as u64 * 300);
        let answer = gateway.answer(now, &form("/send-sms.json", &parameters));
        if answer.reply.status == 200 {
            acknowledged.push((step as u64 + 1, number, text));
        }
    }
    assert!((10..60).contains(&acknowledged.len()), "some of each: {}", acknowledged.len());
    let kept: Vec<_> =
        gateway.ledger().map(|entry| (entry.request, entry.to.digits(), entry.text.to_owned())).collect();
    assert_eq!(kept, acknowledged);
    assert_eq!(gateway.recipients_taken(), acknowledged.len() as u64);
    let written: Vec<_> = lines(&path)
        .iter()
        .map(|line| (line["request"].clone(), line["to"].clone(), line["text"].clone()))
        .collect();
    let expected: Vec<_> = acknowledged
        .iter()
        .map(|(request, to, text)| (value!(request), value!(format!("+{to}")), value!(text)))
        .collect();
    assert_eq!(written, expected);
}

#[test]
fn whoever_was_taken_twice_is_named_with_the_count() {
    let mut gateway = gateway(calm());
    for _ in 0..3 {
        gateway.answer(Duration::ZERO, &send_one());
    }
    gateway.answer(Duration::ZERO, &send_one_thai());
    let twice: Vec<_> =
        gateway.taken_more_than_once().iter().map(|(to, times)| (to.digits(), *times)).collect();
    assert_eq!(twice, [(NUMBERS[0], 3)]);
}

#[test]
fn a_gateway_that_keeps_nothing_still_counts() {
    let mut gateway = gateway(Config { keep_ledger: false, ..calm() });
    gateway.answer(Duration::ZERO, &send_one());
    assert_eq!((gateway.recipients_taken(), gateway.ledger().count()), (1, 0));
}

#[test]
fn an_entry_says_who_got_what_from_whom_and_when() {
    let mut gateway = gateway(calm());
    let text = "x".repeat(161);
    let sent = value!({ "sender": "VolleyTH", "content": text, "msisdns": ["0800000001"] });
    gateway.answer(Duration::from_secs(3), &json(&sent.to_string()));
    let entry = gateway.ledger().next().expect("one was taken");
    assert_eq!((entry.at, entry.request), (Duration::from_secs(3), 1));
    assert_eq!((entry.parts, entry.charged), (2, Micros(2_000_000)));
    assert_eq!((entry.to.digits(), entry.sender, entry.text), (66_800_000_001, Some("VolleyTH"), &*text));
}

/// `/dev/full` takes no byte.
#[cfg(target_os = "linux")]
#[test]
fn a_gateway_that_cannot_write_its_ledger_takes_nothing_more() {
    let mut gateway = gateway(Config { ledger_file: Some("/dev/full".into()), ..calm() });
    assert_eq!(gateway.answer(Duration::ZERO, &send_one()).wire, Wire::LoseReply);
    assert!(gateway.ledger_fault().is_some());
    assert_eq!(gateway.answer(Duration::ZERO, &send_one()).wire, Wire::ResetBeforeReading);
    assert_eq!(gateway.recipients_taken(), 0);
}

#[test]
fn a_ledger_that_cannot_be_opened_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config { ledger_file: Some(folder.path().join("none/ledger.jsonl")), ..calm() };
    let fault = volley_sim::Gateway::new(config).err().expect("the folder is not there");
    assert!(fault.to_string().contains("ledger.jsonl"), "{fault}");
}

#[test]
fn lost_replies_are_in_the_ledger_and_refused_requests_are_not() {
    let faults = vec![
        Fault::at(1, Mischief::CommitThenDrop),
        Fault::at(2, Mischief::ErrorBefore { status: 502 }),
        Fault::at(3, Mischief::ErrorAfter { status: 502 }),
        Fault::at(4, Mischief::Throttle { retry_after: None }),
    ];
    let mut gateway = gateway(Config { faults, ..calm() });
    for _ in 0..5 {
        gateway.answer(Duration::ZERO, &send_one());
    }
    assert_eq!(gateway.ledger().map(|entry| entry.request).collect::<Vec<_>>(), [1, 3, 5]);
}
