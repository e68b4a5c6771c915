//! The log: off unless asked, one event a line, and the whole life of every attempt in it.

use crate::volley::{FAST, Folder, Gateway, run, volley};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Stdio,
};

/// Sends a campaign of eight requests, of which the second is throttled and the fourth is lost, with
/// more `flags` and the levels of `VOLLEY_LOG`.
fn sent(folder: &Folder, gateway: &Gateway, flags: &[&str], levels: &str) {
    folder.campaign("mesms", &gateway.address, 80, "rate = \"1000/s\"\nmax_in_flight = 2\nchunk = 10\n");
    let campaign = folder.text("campaign.toml");
    let mut send = volley(&[&["send", &campaign, "--yes", "-q"], flags].concat());
    let ran = send.env("VOLLEY_LOG", levels).output().expect("it runs");
    assert_eq!(ran.status.code(), Some(6), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(ran.stderr.is_empty(), "nothing of a log on stderr: {}", String::from_utf8_lossy(&ran.stderr));
}

fn gateway(folder: &Folder) -> Gateway {
    let faults = "[limiter]\nkind = \"none\"\n[[fault]]\nrequest = 3\nkind = \"throttle\"\nretry_after = \"1\"\n\
                  [[fault]]\nrequest = 5\nkind = \"commit_then_drop\"\n";
    Gateway::start(folder.directory.path(), faults)
}

/// The lines of a log in JSON.
fn events(folder: &Folder) -> Vec<Value> {
    let log = fs::read_to_string(folder.path("volley.log")).expect("a log");
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn said<'a>(events: &'a [Value], message: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["message"] == message).collect()
}

#[test]
fn nothing_is_logged_unless_a_file_is_named() {
    let folder = Folder::new();
    let gateway = gateway(&folder);
    sent(&folder, &gateway, &[], "trace");
    let names = fs::read_dir(folder.directory.path()).expect("a folder");
    let names: Vec<_> = names.map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("log.") || name == "-"), "{names:?}");
}

#[test]
fn the_log_tells_the_life_of_every_attempt_in_its_order() {
    let folder = Folder::new();
    let gateway = gateway(&folder);
    let log = folder.text("volley.log");
    sent(&folder, &gateway, &["--log", &log, "--log-format", "json"], "trace");
    let events = events(&folder);
    let layers: BTreeSet<_> = events.iter().map(|event| event["layer"].as_str().expect("a layer")).collect();
    assert_eq!(layers, BTreeSet::from(["engine", "journal", "provider", "run", "transport"]));
    for event in &events {
        assert!(event["at"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == 24), "{event}");
        assert!(event["message"].is_string() && event["level"].is_string(), "{event}");
    }
    // By attempt, what was said of it in order.
    let mut lives: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for event in &events {
        if let Some(attempt) = event["attempt"].as_u64() {
            lives.entry(attempt).or_default().push(event["message"].as_str().expect("a message"));
        }
    }
    let status = run(&["status", &folder.text("test.volley"), "--json"]).exits(0).json();
    assert_eq!(lives.len() as u64, status["requests"]["sent"], "{lives:?}");
    for (attempt, life) in &lives {
        let whole = ["attempt claimed", "request sent", "request leaves", "reply", "answer read"];
        let end = ["attempt ended", "outcome committed"];
        let lost = ["attempt claimed", "request sent", "request leaves", "no whole reply"];
        let refused = ["attempt claimed", "request sent", "request leaves", "reply"];
        let held_back = ["attempt claimed"];
        let known = [&whole[..], &lost, &refused, &held_back].map(|start| [start, &end].concat());
        assert!(known.contains(life), "attempt {attempt}: {life:?}");
    }
    // What went wrong is a warning with its class and its row of the failure table.
    let warned: Vec<_> = said(&events, "attempt ended")
        .into_iter()
        .filter(|event| event["level"] == "warn")
        .map(|event| (event["class"].as_str().expect("a class"), event["row"].as_str().expect("a row")))
        .collect();
    assert!(warned.contains(&("Throttled", "C18")) && warned.contains(&("ReplyLost", "B2")), "{warned:?}");
    // The pause that "too fast" made, with its cause and its end.
    for message in ["pause begins", "pause ends"] {
        let told = said(&events, message);
        assert!(
            told.iter().any(|event| event["cause"] == "throttled" && event["level"] == "info"),
            "{told:?}"
        );
    }
    let commits = said(&events, "commit");
    let outcomes: u64 = commits.iter().filter_map(|event| event["outcomes"].as_u64()).sum();
    assert_eq!(outcomes, status["requests"]["sent"], "each outcome is in one commit");
    assert!(
        commits.iter().all(|event| event["took_ms"].as_f64().is_some_and(|took| took > 0.0)),
        "{commits:?}"
    );
    assert_eq!(said(&events, "opened for sending").len(), 1);
    let begins = said(&events, "sending begins")[0];
    assert_eq!((&begins["campaign"], &begins["pending"]), (&"test".into(), &80.into()), "{begins}");
    assert_eq!(begins["plan_hash"], status["plan_hash"]);
    let ends = said(&events, "sending ends")[0];
    for state in ["pending", "accepted", "refused", "in_doubt"] {
        assert_eq!(ends[state], status["recipients"][state], "{ends}");
    }
    assert_eq!(said(&events, "volley ends")[0]["exit_code"], 6);
}

#[test]
fn levels_are_for_all_or_for_a_layer_and_v_adds_debug() {
    for (flags, levels, expected) in [
        (&[][..], "", &["info", "warn"][..]),
        (&["-v"], "", &["debug", "info", "warn"]),
        (&["-v"], "warn", &["warn"]),
        (&[], "error,journal=debug", &["debug", "info"]),
        (&[], "off", &[]),
    ] {
        let folder = Folder::new();
        let gateway = gateway(&folder);
        let log = folder.text("volley.log");
        let flags = [&["--log", &log, "--log-format", "json"], flags].concat();
        let flags: Vec<&str> = if flags.contains(&"-v") { flags } else { [&flags[..], &["-q"]].concat() };
        folder.campaign("mesms", &gateway.address, 80, FAST);
        let campaign = folder.text("campaign.toml");
        let mut send =
            volley(&[&["send", &campaign, "--yes", "--set", "provider.chunk=10"], &flags[..]].concat());
        assert!(send.env("VOLLEY_LOG", levels).output().expect("it runs").status.code().is_some());
        let events = events(&folder);
        let heard: BTreeSet<_> =
            events.iter().map(|event| event["level"].as_str().expect("a level")).collect();
        assert_eq!(heard, expected.iter().copied().collect(), "{flags:?} {levels}");
        if levels.contains("journal") {
            assert!(events.iter().all(|event| event["layer"] == "journal"), "{events:?}");
        }
    }
}

#[test]
fn a_log_for_people_has_one_line_an_event_and_the_next_run_goes_on_in_it() {
    let folder = Folder::new();
    let gateway = gateway(&folder);
    let log = folder.text("volley.log");
    sent(&folder, &gateway, &["--log", &log], "debug");
    run(&["resume", &folder.text("test.volley"), "--yes", "-q", "--log", &log]).exits(6);
    let text = fs::read_to_string(&log).expect("a log");
    for line in text.lines() {
        let (at, rest) = line.split_once(' ').expect("a time");
        assert!(at.ends_with('Z') && at.len() == 24, "{line}");
        let level = rest.split_whitespace().next().expect("a level");
        assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&level), "{line}");
    }
    let count = |words: &str| text.lines().filter(|line| line.contains(words)).count();
    assert_eq!((count("run: volley starts"), count("run: volley ends exit_code=6")), (2, 2), "{text}");
    assert!(count("engine: attempt ended") >= 8, "{text}");
}

#[test]
fn a_killed_process_is_told_of_by_the_next_one() {
    let folder = Folder::new();
    let gateway =
        Gateway::start(folder.directory.path(), "latency_ms = [300, 300]\n[limiter]\nkind = \"none\"\n");
    folder.campaign("mesms", &gateway.address, 40, "rate = \"1000/s\"\nmax_in_flight = 2\nchunk = 10\n");
    let mut sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    while gateway.taken().is_empty() {
        std::thread::yield_now();
    }
    sender.kill().expect("it runs");
    sender.wait().expect("it is over");
    let log = folder.text("volley.log");
    run(&["resume", &folder.text("test.volley"), "--yes", "--log", &log, "--log-format", "json"]).exits(6);
    let events = events(&folder);
    let recovered = said(&events, "recovery: what was open is in doubt");
    assert_eq!(recovered.len(), 1, "{events:?}");
    let status = run(&["status", &folder.text("test.volley"), "--json"]).exits(0).json();
    assert_eq!(recovered[0]["recipients"], status["recipients"]["in_doubt"]);
    assert_eq!(recovered[0]["level"], "warn");
}

#[test]
fn a_stop_and_an_error_are_told_with_their_exit_codes() {
    let folder = Folder::new();
    let refusal =
        "[limiter]\nkind = \"none\"\n[[fault]]\nrequest = 2\nkind = \"error_before\"\nstatus = 401\n";
    let gateway = Gateway::start(folder.directory.path(), refusal);
    folder.campaign("mesms", &gateway.address, 40, "max_in_flight = 1\nchunk = 10\n");
    let log = folder.text("volley.log");
    let flags = ["--log", &log, "--log-format", "json"];
    run(&[&["send", &folder.text("campaign.toml"), "--yes"], &flags[..]].concat()).exits(4);
    run(&[&["status", &folder.text("nowhere.volley")], &flags[..]].concat()).exits(10);
    let events = events(&folder);
    let stopped = said(&events, "lane stopped");
    assert_eq!((stopped.len(), &stopped[0]["reason"]), (1, &"Credentials".into()), "{stopped:?}");
    assert_eq!(stopped[0]["exit_code"], 4);
    let errors: Vec<_> = events.iter().filter(|event| event["level"] == "error").collect();
    let codes: Vec<_> = errors.iter().map(|event| event["exit_code"].as_u64().expect("a code")).collect();
    assert_eq!(codes, [10], "the stop stands once, where it happened: {errors:?}");
}

#[test]
fn a_log_is_never_written_into_something_else_and_its_loss_changes_nothing() {
    let folder = Folder::new();
    let gateway = gateway(&folder);
    sent(&folder, &gateway, &["--log", "/dev/full"], "trace");
    let journal = folder.text("test.volley");
    for (taken, levels, named) in [
        (&*journal, "", "something else"),
        (&folder.text("recipients.csv"), "", "something else"),
        (&folder.text("nowhere/volley.log"), "", "--log"),
        ("-", "", "/dev/stderr"),
        (folder.directory.path().to_str().expect("UTF-8"), "", "--log"),
        (&folder.text("new.log"), "loud", "VOLLEY_LOG"),
        (&folder.text("new.log"), "disk=debug", "engine, journal"),
    ] {
        let mut status = volley(&["status", &journal, "--log", taken]);
        let ran =
            crate::volley::Ran::of(&status.env("VOLLEY_LOG", levels).output().expect("it runs")).exits(2);
        assert!(ran.stderr.contains(named), "{taken} {levels}: {ran:#?}");
    }
    folder.verified();
}
