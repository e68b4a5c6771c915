//! What was planned, answered and billed, compared to the last digit.

use crate::volley::{FAST, Folder, Gateway, run, volley};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};

const NO_LIMIT: &str = "[limiter]\nkind = \"none\"\n";

/// One line of a bill.
#[derive(Clone)]
struct Line {
    number: String,
    parts: u64,
    /// In ten-thousandths.
    cost: i64,
}

/// What the gateway took, as a provider would bill it at so much a part, by number.
fn billed(gateway: &Gateway, per_part: i64) -> Vec<Line> {
    let line = |taken: &crate::volley::Taken| Line {
        number: taken.to.trim_start_matches('+').to_owned(),
        parts: taken.parts,
        cost: per_part * i64::try_from(taken.parts).expect("few"),
    };
    let mut lines: Vec<Line> = gateway.taken().iter().map(line).collect();
    lines.sort_by(|one, other| one.number.cmp(&other.number));
    lines
}

fn csv(lines: &[Line]) -> String {
    let mut text = "Number;Parts;Cost\n".to_owned();
    for Line { number, parts, cost } in lines {
        let (sign, size) = (if *cost < 0 { "-" } else { "" }, cost.abs());
        text.push_str(&format!("{number};{parts};{sign}{}.{:04}\n", size / 10_000, size % 10_000));
    }
    text
}

/// A campaign that was sent: the folder and the gateway that took it.
fn sent(kind: &str, recipients: u32, faults: &str, provider: &str, code: i32) -> (Folder, Gateway) {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), &format!("{NO_LIMIT}{faults}"));
    let provider = format!("rate = \"1000/s\"\nmax_in_flight = 1\n{provider}");
    folder.campaign(kind, &gateway.address, recipients, &provider);
    run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(code);
    (folder, gateway)
}

/// The comparison from one side to another: its difference, and its causes with what they have.
fn compared(report: &Value, from: &str, to: &str) -> (String, Vec<(String, u64, String, Value)>) {
    let all = report["comparisons"].as_array().expect("comparisons");
    let found = all.iter().find(|one| one["from"] == from && one["to"] == to).expect("it was made");
    assert_eq!(found["remainder"], "0.0000", "{found}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let causes = found["causes"].as_array().expect("causes").iter().map(|cause| {
        (
            text(&cause["cause"]),
            cause["messages"].as_u64().expect("a count"),
            text(&cause["amount"]),
            cause["rows"].clone(),
        )
    });
    (text(&found["difference"]), causes.collect())
}

/// One cause as [`compared`] gives it.
fn cause(word: &str, messages: u64, amount: &str, rows: Value) -> (String, u64, String, Value) {
    (word.to_owned(), messages, amount.to_owned(), rows)
}

#[test]
fn the_answers_and_the_bill_of_a_plain_run_are_the_estimate_to_the_last_digit() {
    let (folder, gateway) = sent("transmitsms", 30, "", "chunk = 7\n", 0);
    let journal = folder.text("test.volley");
    let report = run(&["reconcile", &journal, "--json"]).exits(0).json();
    assert_eq!(compared(&report, "estimated", "answers"), ("0.0000".to_owned(), vec![]));
    assert_eq!((&report["bill"], &report["exit_code"]), (&Value::Null, &json!(0)));

    folder.write("bill.csv", csv(&billed(&gateway, 500)));
    let report = run(&["reconcile", &journal, "--bill", &folder.text("bill.csv"), "--json"]).exits(0).json();
    let side = json!({ "messages": 30, "segments": 30, "amount": "1.5000" });
    for name in ["estimated", "answers", "bill"] {
        assert_eq!(report[name], side, "{name}");
    }
    for (from, to) in [("estimated", "answers"), ("estimated", "bill"), ("answers", "bill")] {
        assert_eq!(compared(&report, from, to), ("0.0000".to_owned(), vec![]), "{from} {to}");
    }
}

#[test]
fn every_line_that_was_tampered_with_is_found_and_named() {
    let (folder, gateway) = sent("transmitsms", 30, "", "chunk = 7\n", 0);
    let mut lines = billed(&gateway, 500);
    for row in [3, 4, 17] {
        lines[row - 1].parts += 1;
        lines[row - 1].cost += 500;
    }
    lines[9 - 1].cost += 100;
    lines.push(lines[20 - 1].clone());
    lines.push(Line { number: "66899999999".to_owned(), parts: 2, cost: 1_000 });
    lines.push(Line { cost: -200, ..lines[25 - 1].clone() });
    lines.remove(12 - 1);
    let (journal, bill, list) =
        (folder.text("test.volley"), folder.text("bill.csv"), folder.text("diff.csv"));
    folder.write("bill.csv", csv(&lines));

    let arguments = ["reconcile", &journal, "--bill", &bill, "--csv", &list];
    let report = run(&[&arguments[..], &["--json"]].concat()).exits(0).json();
    let causes = vec![
        cause("missing_from_bill", 1, "-0.0500", json!([[12, 12]])),
        cause("parts", 3, "0.1500", json!([[3, 4], [17, 17]])),
        cause("price", 1, "0.0100", json!([[9, 9]])),
        cause("billed_twice", 1, "0.0500", json!([[20, 20]])),
        cause("credited", 1, "-0.0200", json!([[25, 25]])),
        cause("not_in_campaign", 1, "0.1000", json!([[32, 32]])),
    ];
    assert_eq!(compared(&report, "estimated", "bill"), ("0.2400".to_owned(), causes.clone()));
    assert_eq!(compared(&report, "answers", "bill"), ("0.2400".to_owned(), causes));

    let listed = fs::read_to_string(&list).expect("a list");
    assert_eq!(
        listed,
        "row,number,planned_segments,billed_segments,estimated,billed,difference,cause\n\
         3,+66800000003,1,2,0.0500,0.1000,0.0500,parts\n\
         4,+66800000004,1,2,0.0500,0.1000,0.0500,parts\n\
         9,+66800000009,1,1,0.0500,0.0600,0.0100,price\n\
         12,+66800000012,1,,0.0500,0.0000,-0.0500,missing_from_bill\n\
         17,+66800000017,1,2,0.0500,0.1000,0.0500,parts\n\
         20,+66800000020,1,2,0.0500,0.1000,0.0500,billed_twice\n\
         25,+66800000025,1,2,0.0500,0.0300,-0.0200,credited\n\
         ,+66899999999,0,2,0.0000,0.1000,0.1000,not_in_campaign\n"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&list).expect("there").permissions().mode() & 0o777, 0o600);
    }

    // People read the same, and no whole number.
    let shown = run(&arguments).exits(0).stdout;
    for words in ["above the estimate", "parts", "0.1500", "3, 4, 17", "on the bill: 32", "remainder 0.0000"]
    {
        assert!(shown.contains(words), "no {words} in\n{shown}");
    }
    assert!(!shown.contains("668"), "{shown}");
    assert_eq!(fs::read_to_string(&list).expect("a list"), listed, "our own list is written anew");
}

#[test]
fn a_bill_settles_what_a_lost_reply_left_in_doubt() {
    let lost = "[[fault]]\nrequest = 2\nkind = \"commit_then_drop\"\n";
    let (folder, gateway) = sent("transmitsms", 30, lost, "chunk = 10\n", 6);
    let journal = folder.text("test.volley");
    let report = run(&["reconcile", &journal, "--json"]).exits(0).json();
    let doubt = cause("in_doubt", 10, "-0.5000", json!([[11, 20]]));
    assert_eq!(compared(&report, "estimated", "answers"), ("-0.5000".to_owned(), vec![doubt.clone()]));

    let mut lines = billed(&gateway, 500);
    lines.remove(15 - 1);
    folder.write("bill.csv", csv(&lines));
    let report = run(&["reconcile", &journal, "--bill", &folder.text("bill.csv"), "--json"]).exits(0).json();
    let proved = cause("in_doubt_but_billed", 9, "0.4500", json!([[11, 14], [16, 20]]));
    assert_eq!(compared(&report, "estimated", "bill"), ("-0.0500".to_owned(), vec![doubt, proved.clone()]));
    assert_eq!(compared(&report, "answers", "bill"), ("0.4500".to_owned(), vec![proved]));
}

#[test]
fn what_was_under_way_when_the_sender_was_killed_is_in_doubt() {
    let folder = Folder::new();
    // The first request is answered at once, the second is taken and never answered.
    let stall = "[[fault]]\nrequests = [2, 999]\nkind = \"stall\"\ntaken = true\n";
    let gateway = Gateway::start(folder.directory.path(), &format!("{NO_LIMIT}{stall}"));
    let provider = "rate = \"1000/s\"\nmax_in_flight = 1\nchunk = 10\n";
    folder.campaign("transmitsms", &gateway.address, 30, provider);
    let mut sender =
        volley(&["send", &folder.text("campaign.toml"), "--yes", "-q"]).spawn().expect("it runs");
    while gateway.taken().len() < 20 {
        std::thread::yield_now();
    }
    sender.kill().expect("killed");
    sender.wait().expect("gone");

    folder.write("bill.csv", csv(&billed(&gateway, 500)));
    let (journal, bill) = (folder.text("test.volley"), folder.text("bill.csv"));
    let report = run(&["reconcile", &journal, "--bill", &bill, "--json"]).exits(0).json();
    let causes = vec![
        cause("not_sent", 10, "-0.5000", json!([[21, 30]])),
        cause("in_doubt", 10, "-0.5000", json!([[11, 20]])),
        cause("in_doubt_but_billed", 10, "0.5000", json!([[11, 20]])),
    ];
    assert_eq!(compared(&report, "estimated", "bill"), ("-0.5000".to_owned(), causes));
    let note = report["notes"][0].as_str().expect("a note");
    assert!(note.starts_with("the sender was killed") && note.ends_with(": 10"), "{note}");
}

#[test]
fn what_was_never_sent_is_named_and_a_charge_for_it_too() {
    let folder = Folder::new();
    folder.campaign("transmitsms", "http://127.0.0.1:9", 3, FAST);
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    folder.write("bill.csv", "to,cost\n66800000002,0.05\n");
    let (journal, bill) = (folder.text("test.volley"), folder.text("bill.csv"));
    let report = run(&["reconcile", &journal, "--bill", &bill, "--json"]).exits(0).json();
    let causes = vec![
        cause("not_sent", 3, "-0.1500", json!([[1, 3]])),
        cause("not_sent_but_billed", 1, "0.0500", json!([[2, 2]])),
    ];
    assert_eq!(compared(&report, "estimated", "bill"), ("-0.1000".to_owned(), causes));
    assert_eq!(report["answers"], Value::Null);
}

#[test]
fn credits_are_compared_with_a_card_in_credits_and_shown_apart_from_money() {
    let (folder, gateway) = sent("mesms", 12, "", "chunk = 5\n", 0);
    let journal = folder.text("test.volley");
    let report = run(&["reconcile", &journal, "--json"]).exits(0).json();
    assert_eq!(report["answers"], Value::Null);
    assert_eq!(report["answers_in_units"], json!({ "unit": "credit", "amount": "12.0000" }));
    assert_eq!(report["comparisons"], json!([]));
    let shown = run(&["reconcile", &journal]).exits(0).stdout;
    assert!(shown.contains("12.0000 credits"), "{shown}");

    folder.write("rates.csv", "prefix,price,currency\n66,1,CREDIT\n");
    fs::remove_file(folder.path("test.volley")).expect("a journal");
    run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(0);
    let report = run(&["reconcile", &journal, "--json"]).exits(0).json();
    assert_eq!(compared(&report, "estimated", "answers"), ("0.0000".to_owned(), vec![]));
    drop(gateway);
}

#[test]
fn lines_of_other_campaigns_are_left_out_by_the_ids_that_the_answers_gave() {
    let (folder, gateway) = sent("mesms", 12, "", "chunk = 12\n", 0);
    let journal = folder.text("test.volley");
    let ids = uuids(&fs::read(folder.path("test.volley")).expect("a journal"));
    let [id] = &ids.iter().collect::<Vec<_>>()[..] else { panic!("one request: {ids:?}") };
    let mut text = "uuid,to,cost\n".to_owned();
    let other = "00000000-0000-4000-8000-000000000000";
    for line in billed(&gateway, 500) {
        text.push_str(&format!("{id},{},0.05\n", line.number));
    }
    for line in &billed(&gateway, 500)[..2] {
        text.push_str(&format!("{other},{},0.07\n", line.number));
    }
    text.push_str(&format!("{other},66899999999,0.09\n,,\n"));
    folder.write("bill.csv", &text);
    let bill = folder.text("bill.csv");
    let report = run(&["reconcile", &journal, "--bill", &bill, "--json"]).exits(0).json();
    assert_eq!(compared(&report, "estimated", "bill"), ("0.0000".to_owned(), vec![]));
    for (index, end) in [
        "NOT COMPARED, lines for numbers of this campaign under ids that its answers did not give: 2, 0.1400 THB; they are another campaign's, or charged twice: look at lines 14, 15",
        "lines of other campaigns, by their ids and numbers, which are not compared: 1, 0.0900 THB",
    ]
    .into_iter()
    .enumerate()
    {
        let note = report["notes"][index].as_str().expect("a note");
        assert!(note.ends_with(end), "{note}");
    }

    // Ids of another kind say nothing: every line is about its number.
    folder.write("bill.csv", text.replace(id.as_str(), "17"));
    let report = run(&["reconcile", &journal, "--bill", &bill, "--json"]).exits(0).json();
    let note = report["notes"][0].as_str().expect("a note");
    assert!(note.ends_with("its lines are found by number alone"), "{note}");
    let (difference, causes) = compared(&report, "estimated", "bill");
    let causes: Vec<_> = causes.iter().map(|cause| cause.0.as_str()).collect();
    assert_eq!((difference.as_str(), &causes[..]), ("0.2300", &["billed_twice", "not_in_campaign"][..]));
}

/// Everything in a file that is written like a UUID.
fn uuids(bytes: &[u8]) -> BTreeSet<String> {
    let is_uuid = |window: &&[u8]| {
        let is_right = |(place, byte): (usize, &u8)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        };
        window.iter().enumerate().all(is_right)
    };
    bytes.windows(36).filter(is_uuid).map(|found| String::from_utf8_lossy(found).into_owned()).collect()
}

#[test]
fn a_total_that_its_messages_do_not_make_leaves_a_remainder_and_exit_13() {
    let (folder, _gateway) = sent("transmitsms", 30, "", "chunk = 30\n", 0);
    let path = folder.path("test.volley");
    let mut bytes = fs::read(&path).expect("a journal");
    // The estimate, 1,500,000 millionths, in the plan's row: the next byte is its hash.
    let estimate = [&1_500_000_u32.to_be_bytes()[1..], b"blake3:"].concat();
    let place = bytes.windows(estimate.len()).position(|window| window == estimate).expect("an estimate");
    bytes[place + 2] ^= 1;
    fs::write(&path, bytes).expect("written");
    let ran = run(&["reconcile", &folder.text("test.volley"), "--json"]).exits(13);
    let report = ran.json();
    assert_eq!(report["comparisons"][0]["remainder"], "-0.000001");
    assert_eq!((&report["exit_code"], &report["error"]["exit_code"]), (&13.into(), &13.into()));
    let shown = run(&["reconcile", &folder.text("test.volley")]).exits(13).stdout;
    assert!(shown.contains("remainder -0.000001"), "{shown}");
}

#[test]
fn what_cannot_be_compared_says_why_and_what_to_do() {
    let (folder, _gateway) = sent("transmitsms", 3, "", "", 0);
    let journal = folder.text("test.volley");
    for (bill, code, message) in [
        (
            Some("to,cost\n66800000001,0.05\n66800000002,free\n"),
            2,
            "bill.csv, line 3: `cost` is text; write an amount like 0.055",
        ),
        (Some("to,cost\nTotal,0.15\n"), 2, "bill.csv, line 2: `to` is text; write the whole number"),
        (
            Some("to,cost,currency\n66800000001,0.05,USD\n"),
            2,
            "bill.csv, line 2: the charge is in USD and the plan is in THB",
        ),
        (Some("to,cost (USD)\n66800000001,0.05\n"), 2, "column `cost (USD)` says that charges are in USD"),
        (Some("to,cost\n0800000001,0.05\n"), 2, "bill.csv, line 2: `to` is `•••001`; write the whole number"),
        (Some("to,when\n66800000001,now\n"), 2, "bill.csv: no column has a name that says it holds the cost"),
        (Some("to,cost\n61491570006,0.05\n"), 2, "bill.csv: none of its numbers is in this campaign"),
        (Some("to,cost\n"), 2, "bill.csv: it has no line about this campaign"),
        (None, 10, "bill.csv: no such file"),
    ] {
        match bill {
            Some(text) => drop(folder.write("bill.csv", text)),
            None => fs::remove_file(folder.path("bill.csv")).expect("a bill"),
        }
        let ran = run(&["reconcile", &journal, "--bill", &folder.text("bill.csv")]).exits(code);
        assert!(ran.stderr.contains(message) && ran.stdout.is_empty(), "{message}: {ran:#?}");
    }
    run(&["reconcile", &folder.text("none.volley")]).exits(10);
    folder.write("other.volley", "no journal at all, but long enough to be one by its size");
    run(&["reconcile", &folder.text("other.volley")]).exits(12);

    let foreign = folder.text("recipients.csv");
    let before = fs::read(&foreign).expect("there");
    let ran = run(&["reconcile", &journal, "--csv", &foreign]).exits(2);
    assert!(ran.stderr.contains("is no list of differences"), "{ran:#?}");
    assert_eq!(fs::read(&foreign).expect("there"), before);
}

#[test]
fn without_a_rate_card_there_is_nothing_to_compare_with() {
    let folder = Folder::new();
    folder.campaign("transmitsms", "http://127.0.0.1:9", 3, FAST);
    let campaign = fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
    folder.write("campaign.toml", campaign.replace("[rates]\nfile = \"rates.csv\"\n", ""));
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    let ran = run(&["reconcile", &folder.text("test.volley")]).exits(2);
    assert!(ran.stderr.contains("the plan has no rate card"), "{ran:#?}");
}
