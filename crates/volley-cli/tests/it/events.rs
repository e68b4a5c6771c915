//! Events: each line is what the page says, and all of them together are what the journal says.

use crate::volley::{Folder, Gateway, Ran, run, volley};
use serde_json::Value;
use std::{collections::BTreeMap, fs, io::Read, path::Path, process::Stdio};

/// The fields of each event beside `schema`, `event` and `at`, as `docs/events.md` has them.
const SCHEMA: [(&str, &[(&str, &str)]); 6] = [
    (
        "run_started",
        &[
            ("version", "text"),
            ("process", "number"),
            ("provider", "text"),
            ("recovered.requests", "number"),
            ("recovered.recipients", "number"),
            ("status", "object"),
        ],
    ),
    (
        "attempt",
        &[
            ("attempt", "number"),
            ("tries", "number"),
            ("class", "text"),
            ("row", "text"),
            ("reason", "text?"),
            ("seconds", "number"),
            ("recipients.pending", "number"),
            ("recipients.accepted", "number"),
            ("recipients.refused", "number"),
            ("recipients.in_doubt", "number"),
            ("billed", "text?"),
            ("billed_units", "text?"),
        ],
    ),
    ("pause", &[("cause", "text"), ("until", "time?"), ("detail", "text?")]),
    ("resumed", &[("cause", "text"), ("seconds", "number")]),
    ("stopped", &[("reason", "text"), ("exit_code", "number"), ("detail", "text?")]),
    ("run_ended", &[("status", "object")]),
];

/// The lines of `text`, each held against the table.
#[track_caller]
fn events(text: &str) -> Vec<Value> {
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for event in &events {
        let name = event["event"].as_str().expect("a name");
        let (_, fields) =
            SCHEMA.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{event}"));
        assert_eq!(event["schema"], 1, "{event}");
        assert!(is("time", &event["at"]), "{event}");
        for (field, kind) in *fields {
            let value = event.pointer(&format!("/{}", field.replace('.', "/")));
            assert!(value.is_some_and(|value| is(kind, value)), "{field} is no {kind} in {event}");
        }
        // Nothing that no table has.
        let mut known: Vec<&str> =
            fields.iter().map(|(field, _)| field.split('.').next().expect("a name")).collect();
        known.extend(["schema", "event", "at"]);
        for field in event.as_object().expect("an object").keys() {
            assert!(known.contains(&&**field), "{field} is in no table: {event}");
        }
    }
    events
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "number" => value.is_number(),
        "text" => value.as_str().is_some_and(|text| !text.is_empty()),
        "object" => value.is_object(),
        "time" => {
            value.as_str().is_some_and(|at| at.len() == 24 && at.ends_with('Z') && at.as_bytes()[10] == b'T')
        }
        kind => value.is_null() || is(kind.strip_suffix('?').expect("a kind"), value),
    }
}

/// What a run left open, in what it told.
fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

/// The totals that the lines of one run add up to, beginning with those it began with.
fn folded(events: &[Value]) -> BTreeMap<String, i64> {
    let number = |event: &Value, path: &str| event.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    let start = &named(events, "run_started")[0]["status"];
    let mut totals = BTreeMap::new();
    for path in [
        "recipients/pending",
        "recipients/accepted",
        "recipients/refused",
        "recipients/in_doubt",
        "requests/sent",
        "requests/throttled",
        "requests/retried",
    ] {
        totals.insert(path.to_owned(), number(start, &format!("/{path}")));
    }
    totals.insert("cost/billed".to_owned(), micros(&start["cost"]["billed"]));
    let mut add = |name: &str, more: i64| *totals.get_mut(name).expect("a total") += more;
    for attempt in named(events, "attempt") {
        for state in ["accepted", "refused", "in_doubt"] {
            let settled = number(attempt, &format!("/recipients/{state}"));
            add(&format!("recipients/{state}"), settled);
            add("recipients/pending", -settled);
        }
        add("requests/sent", 1);
        add("requests/throttled", i64::from(attempt["class"] == "throttled"));
        add("requests/retried", i64::from(number(attempt, "/tries") > 1));
        add("cost/billed", micros(&attempt["billed"]));
    }
    totals
}

/// Millionths of an amount, 0 where none is known.
fn micros(amount: &Value) -> i64 {
    let Some(text) = amount.as_str() else { return 0 };
    let (whole, fraction) = text.split_once('.').expect("a decimal");
    format!("{whole}{fraction:0<6}").parse().expect("digits")
}

/// That the lines of one run add up to `status`.
#[track_caller]
fn adds_up(events: &[Value], status: &Value) {
    for (path, total) in folded(events) {
        let told = status.pointer(&format!("/{path}")).unwrap_or_else(|| panic!("{path}: {status}"));
        let told = told.as_i64().unwrap_or_else(|| micros(told));
        assert_eq!(total, told, "{path}: the lines do not add up to {status}");
    }
    let ended = named(events, "run_ended");
    assert_eq!(ended.len(), 1);
    // Why a run is not done with everybody is the `stopped` line's to say.
    let mut told = status.clone();
    told.as_object_mut().expect("an object").remove("error");
    assert_eq!(ended[0]["status"], told, "the last line is what `send --json` ends with");
}

fn lines_of(path: &Path) -> Vec<Value> {
    events(&fs::read_to_string(path).expect("a file"))
}

/// Two throttled, one lost, one refused for good, one answered without a price and the others plain.
const TROUBLE: &str = "[limiter]\nkind = \"none\"\n[[fault]]\nrequest = 3\nkind = \"throttle\"\nretry_after = \"1\"\n\
    [[fault]]\nrequest = 6\nkind = \"commit_then_drop\"\n\
    [[fault]]\nrequest = 8\nkind = \"error_before\"\nstatus = 400\n\
    [[fault]]\nrequest = 9\nkind = \"no_price\"\n\
    [[fault]]\nrequest = 11\nkind = \"throttle\"\nretry_after = \"1\"\n";

#[test]
fn every_line_is_as_the_page_says_and_all_add_up_to_the_journal() {
    for kind in ["mesms", "transmitsms"] {
        let folder = Folder::new();
        let gateway = Gateway::start(folder.directory.path(), TROUBLE);
        folder.campaign(kind, &gateway.address, 200, "rate = \"1000/s\"\nmax_in_flight = 2\nchunk = 10\n");
        let file = folder.text("events.jsonl");
        let sent =
            run(&["send", &folder.text("campaign.toml"), "--yes", "--json", "--events", &file]).exits(6);
        let events = lines_of(&folder.path("events.jsonl"));
        adds_up(&events, &sent.json());
        assert_eq!(
            sent.json()["recipients"],
            run(&["status", &folder.text("test.volley"), "--json"]).json()["recipients"]
        );
        let order: Vec<_> =
            [&events[0], &events[events.len() - 1]].map(|event| event["event"].clone()).to_vec();
        assert_eq!(order, ["run_started", "run_ended"]);
        assert_eq!(events[0]["status"]["state"], "running");
        // What was planted is told, and a pause with its end for each "too fast".
        let classes: Vec<_> = named(&events, "attempt").iter().map(|event| event["class"].clone()).collect();
        for class in ["answered", "throttled", "reply_lost", "bad_request"] {
            assert!(classes.contains(&class.into()), "{kind}: {class} is not among {classes:?}");
        }
        let throttled =
            |name| named(&events, name).into_iter().filter(|event| event["cause"] == "throttled").count();
        assert!(throttled("pause") >= 1 && throttled("pause") == throttled("resumed"), "{kind}: {events:?}");
        folder.verified();
    }
}

#[test]
fn a_run_that_stops_says_why_and_the_next_one_goes_on_with_its_totals() {
    let folder = Folder::new();
    let refusal =
        "[limiter]\nkind = \"none\"\n[[fault]]\nrequest = 4\nkind = \"error_before\"\nstatus = 401\n";
    let gateway = Gateway::start(folder.directory.path(), refusal);
    folder.campaign("mesms", &gateway.address, 100, "rate = \"1000/s\"\nmax_in_flight = 1\nchunk = 10\n");
    let file = folder.text("events.jsonl");
    let stopped =
        run(&["send", &folder.text("campaign.toml"), "--yes", "--json", "--events", &file]).exits(4);
    let resumed =
        run(&["resume", &folder.text("test.volley"), "--yes", "--json", "--events", &file]).exits(0);
    let events = lines_of(&folder.path("events.jsonl"));
    let second = events.iter().rposition(|event| event["event"] == "run_started").expect("a second run");
    let (first, second) = events.split_at(second);
    adds_up(first, &stopped.json());
    adds_up(second, &resumed.json());
    let why = named(first, "stopped");
    assert_eq!((why.len(), &why[0]["reason"], &why[0]["exit_code"]), (1, &"credentials".into(), &4.into()));
    assert_eq!(second[0]["status"]["recipients"], stopped.json()["recipients"]);
    assert_eq!(second[0]["recovered"]["requests"], 0);
    assert!(named(second, "stopped").is_empty());
}

#[test]
fn a_killed_run_has_no_end_and_the_next_one_says_what_it_left_open() {
    let folder = Folder::new();
    let gateway =
        Gateway::start(folder.directory.path(), "latency_ms = [300, 300]\n[limiter]\nkind = \"none\"\n");
    folder.campaign("mesms", &gateway.address, 60, "rate = \"1000/s\"\nmax_in_flight = 2\nchunk = 10\n");
    let file = folder.text("events.jsonl");
    let mut sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "-q", "--events", &file])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    while gateway.taken().is_empty() {
        std::thread::yield_now();
    }
    sender.kill().expect("it runs");
    sender.wait().expect("it is over");
    let ended = run(&["resume", &folder.text("test.volley"), "--yes", "--json", "--events", &file]).exits(6);
    let events = lines_of(&folder.path("events.jsonl"));
    let second = events.iter().rposition(|event| event["event"] == "run_started").expect("a second run");
    let (first, second) = events.split_at(second);
    assert!(named(first, "run_ended").is_empty(), "{first:?}");
    let recovered = &second[0]["recovered"];
    assert_eq!(recovered["recipients"], second[0]["status"]["recipients"]["in_doubt"]);
    assert!(
        recovered["requests"].as_u64().is_some_and(|requests| (1..=2).contains(&requests)),
        "{recovered}"
    );
    adds_up(second, &ended.json());
}

#[test]
fn stdout_is_for_events_alone_where_they_go_there() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "[limiter]\nkind = \"none\"\n");
    folder.campaign("mesms", &gateway.address, 40, "rate = \"1000/s\"\nchunk = 10\n");
    let campaign = folder.text("campaign.toml");
    let both = run(&["send", &campaign, "--yes", "--events", "-", "--json"]).exits(2);
    assert!(both.stderr.contains("--events -") && gateway.taken().is_empty(), "{both:#?}");
    let sent = run(&["send", &campaign, "--yes", "--events", "-"]).exits(0);
    let events = events(&sent.stdout);
    assert!(named(&events, "attempt").len() >= 4, "{events:?}");
    assert!(sent.stderr.contains("40 accepted"), "people read on stderr: {sent:#?}");
    let status = run(&["status", &folder.text("test.volley"), "--json"]).exits(0).json();
    adds_up(&events, &status);
}

#[test]
fn a_reader_that_goes_away_stops_nothing() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "[limiter]\nkind = \"none\"\n");
    folder.campaign("mesms", &gateway.address, 2_000, "rate = \"1000/s\"\nmax_in_flight = 4\nchunk = 10\n");
    let mut sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "--events", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut first = [0; 10];
    sender.stdout.take().expect("a pipe").read_exact(&mut first).expect("a line begins");
    assert_eq!(&first, b"{\"schema\":");
    let ran = Ran::of(&sender.wait_with_output().expect("it ends")).exits(0);
    assert!(!ran.stderr.contains("warning"), "{ran:#?}");
    assert_eq!(gateway.taken().len(), 2_000);
    // A disk that is full is told of, once.
    let folder = Folder::new();
    folder.campaign("mesms", &gateway.address, 40, "rate = \"1000/s\"\nchunk = 10\n");
    let full = run(&["send", &folder.text("campaign.toml"), "--yes", "--events", "/dev/full"]).exits(0);
    assert_eq!(full.stderr.matches("events are not written any more").count(), 1, "{full:#?}");
}

#[test]
fn events_are_never_written_into_something_else() {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 4, "");
    let campaign = folder.text("campaign.toml");
    run(&["plan", &campaign]).exits(0);
    for taken in ["test.volley", "campaign.toml", "recipients.csv", "nowhere/events.jsonl"] {
        let before = fs::read(folder.path(taken)).ok();
        let refused = run(&["send", &campaign, "--yes", "--events", &folder.text(taken)]).exits(2);
        assert!(refused.stderr.contains("--events"), "{taken}: {refused:#?}");
        assert_eq!(fs::read(folder.path(taken)).ok(), before, "{taken}");
    }
}

/// The page has the same tables as this file.
#[test]
fn the_page_has_every_field_of_every_event() {
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md")).expect("the page");
    let mut sections = page.split("\n## ").skip(2);
    for (event, fields) in SCHEMA {
        let section = sections.next().expect("a section for each event");
        assert_eq!(section.lines().next(), Some(event));
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let told: Vec<_> = rows
            .map(|row| {
                let (field, rest) = row.split_once("` | ").expect("a field");
                (field, rest.split(" | ").next().expect("a type"))
            })
            .collect();
        assert_eq!(told, fields, "{event}");
    }
    assert_eq!(sections.next(), None);
}
