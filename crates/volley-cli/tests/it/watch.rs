//! `volley status --watch`: a campaign from a second terminal.

use crate::{
    signals::signal,
    volley::{Folder, Gateway, Ran, run, volley},
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

/// A campaign of 100 requests at 50 a second, under way: at least one request was taken.
fn under_way(folder: &Folder, gateway: &Gateway) -> Child {
    folder.campaign("mesms", &gateway.address, 1_000, "rate = \"50/s\"\nmax_in_flight = 4\nchunk = 10\n");
    let sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    while gateway.taken().is_empty() {
        std::thread::yield_now();
    }
    sender
}

fn looks(watched: &Ran) -> Vec<Value> {
    watched.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

#[test]
fn a_pipe_gets_a_line_every_interval_until_nobody_is_pending() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "[limiter]\nkind = \"none\"\n");
    let mut sender = under_way(&folder, &gateway);
    let journal = folder.text("test.volley");
    let watched = run(&["status", &journal, "--watch", "--interval", "200ms"]).exits(0);
    assert_eq!(sender.wait().expect("it ends").code(), Some(0), "looking disturbs nobody");
    let lines: Vec<&str> = watched.stdout.lines().collect();
    assert!(lines.len() >= 3, "{watched:#?}");
    assert!(lines[0].contains("test running, ") && lines[0].contains(" pending, "), "{watched:#?}");
    assert!(lines.iter().any(|line| line.contains(" of 50 requests/s, ")), "{watched:#?}");
    assert!(lines.iter().any(|line| line.contains(" s left, THB ")), "{watched:#?}");
    let last = lines.last().expect("a line");
    assert!(last.contains("test done, 100 %, 1,000 accepted, 0 pending"), "{watched:#?}");
    assert!(last.contains("THB 50.0000 of 50.0000"), "{watched:#?}");
    assert!(!watched.stdout.contains(['\r', '\u{1b}']), "a pipe is not drawn on: {watched:#?}");
    folder.verified();
}

#[test]
fn scripts_get_an_object_a_look_and_the_cause_of_a_pause() {
    let folder = Folder::new();
    let asked =
        "[limiter]\nkind = \"none\"\n[[fault]]\nrequest = 4\nkind = \"throttle\"\nretry_after = \"2\"\n";
    let gateway = Gateway::start(folder.directory.path(), asked);
    let mut sender = under_way(&folder, &gateway);
    let journal = folder.text("test.volley");
    let watched = run(&["status", &journal, "--watch", "--interval", "100ms", "--json"]).exits(0);
    let looks = looks(&watched);
    let status = run(&["status", &journal, "--json"]).exits(0).json();
    let (last, pid) = (looks.last().expect("a look"), sender.id());
    for (key, value) in status.as_object().expect("an object") {
        assert_eq!(&last[key], value, "{key} is that of status");
    }
    for look in &looks {
        let recipients = &look["recipients"];
        let count = |key: &str| recipients[key].as_u64().expect(key);
        assert_eq!(count("pending") + count("accepted") + count("refused") + count("in_doubt"), 1_000);
        assert_eq!((&look["schema"], &look["limit_per_second"]), (&1.into(), &50.0.into()));
    }
    assert_eq!(looks[0]["process"], pid);
    let settled = looks.iter().map(|look| look["percent"].as_u64().expect("a number"));
    assert!(settled.is_sorted(), "{watched:#?}");
    let paused = looks.iter().find(|look| look["pause"]["cause"] == "throttled");
    let pause = &paused.unwrap_or_else(|| panic!("no pause: {watched:#?}"))["pause"];
    let says = pause["says"].as_str().expect("words");
    assert!(says.starts_with("too fast for the provider: waiting until "), "{says}");
    assert!(pause["until"].as_str().is_some_and(|until| until.ends_with('Z')), "{pause}");
    assert_eq!(sender.wait().expect("it ends").code(), Some(0));
}

#[test]
fn without_a_sender_it_says_so_waits_for_one_and_ends_with_ctrl_c_which_is_no_failure() {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 10, "");
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    let before = fs::read(folder.path("test.volley")).expect("a journal");
    let mut watch = volley(&["status", &folder.text("test.volley"), "--watch", "--interval", "100ms"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(watch.stdout.take().expect("a pipe")).lines();
    for _ in 0..2 {
        let line = lines.next().expect("a line").expect("text");
        assert!(line.contains("test planned, 0 %, 0 accepted, 10 pending"), "{line}");
        assert!(line.contains("nobody is sending; go on with: volley resume "), "{line}");
    }
    signal(&watch, "INT");
    assert_eq!(watch.wait().expect("it ends").code(), Some(0));
    assert_eq!(fs::read(folder.path("test.volley")).expect("a journal"), before, "it only reads");
}

#[test]
fn an_interval_is_a_time_and_belongs_to_a_watch() {
    let folder = Folder::new();
    for (flags, words) in [
        (&["--watch", "--interval", "0s"][..], "from 100ms to 1d"),
        (&["--watch", "--interval", "soon"], "from 100ms to 1d"),
        (&["--interval", "5s"], "--watch"),
    ] {
        let refused = run(&[&["status", &folder.text("test.volley")], flags].concat()).exits(2);
        assert!(refused.stderr.contains(words), "{refused:#?}");
    }
    run(&["status", &folder.text("test.volley"), "--watch"]).exits(10);
}
