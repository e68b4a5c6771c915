//! Ctrl-C, SIGTERM, and two senders on one journal.

use crate::{
    plan_crash::duration_of,
    volley::{FAST, Folder, Gateway, Ran, run, times, volley},
};
use std::{
    io::Write,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A campaign of 400 requests at 100 a second, under way: at least one request was taken.
pub(crate) fn under_way(folder: &Folder, gateway: &Gateway) -> Child {
    folder.campaign("mesms", &gateway.address, 4_000, "rate = \"100/s\"\nmax_in_flight = 4\nchunk = 10\n");
    let sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    while gateway.taken().is_empty() {
        std::thread::yield_now();
    }
    sender
}

pub(crate) fn signal(process: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", process.id())]).status();
    assert!(sent.expect("a shell").success());
}

#[test]
fn a_signal_drains_exits_130_and_leaves_no_doubt() {
    for name in ["INT", "TERM", "HUP"] {
        let folder = Folder::new();
        let gateway = Gateway::start(
            folder.directory.path(),
            "latency_ms = [5, 20]\n[limiter]\nkind = \"sliding_log\"\nrequests = 100\nwindow_ms = 1000\n",
        );
        let sender = under_way(&folder, &gateway);
        signal(&sender, name);
        let stopped = Ran::of(&sender.wait_with_output().expect("it ends")).exits(130);
        let status = stopped.json();
        assert_eq!(
            (&status["state"], &status["recipients"]["in_doubt"]),
            (&"paused".into(), &0.into()),
            "{name}"
        );
        assert!(stopped.stderr.contains("volley resume"), "{stopped:#?}");
        folder.verified();
        let ended = run(&["resume", &folder.text("test.volley"), "--yes", "--json"]).exits(0).json();
        assert_eq!(ended["recipients"]["accepted"], 4_000, "{name}");
        let taken = gateway.taken();
        assert_eq!((taken.len(), times(&taken).len()), (4_000, 4_000), "{name}");
    }
}

/// How often each signal is tried; a hundred times in the long run, `cargo xtask torture`.
fn repetitions() -> usize {
    std::env::var("VOLLEY_SIGNALS").map_or(1, |text| text.parse().expect("VOLLEY_SIGNALS is a number"))
}

/// Every request is answered so late that a signal is obeyed by then, and only four are under way:
/// whatever the gateway took besides was begun after the signal.
#[test]
fn from_the_first_signal_on_no_request_starts_and_those_under_way_finish() {
    for name in ["INT", "TERM", "HUP"].repeat(repetitions()) {
        let folder = Folder::new();
        let slow = "latency_ms = [1500, 1500]\n[limiter]\nkind = \"none\"\n";
        let gateway = Gateway::start(folder.directory.path(), slow);
        let sender = under_way(&folder, &gateway);
        while gateway.taken().len() < 40 {
            std::thread::yield_now();
        }
        signal(&sender, name);
        let stopped = Ran::of(&sender.wait_with_output().expect("it ends")).exits(130).json();
        assert_eq!(gateway.taken().len(), 40, "{name}: a request was begun after the signal");
        assert_eq!(stopped["recipients"]["accepted"], 40, "{name}: {stopped}");
        assert_eq!(stopped["recipients"]["in_doubt"], 0, "{name}: {stopped}");
        folder.verified();
    }
}

/// Nobody reads what it says any more, as when a terminal is closed or `| head` has had enough.
#[test]
fn a_closed_pipe_changes_neither_what_is_sent_nor_the_exit_code() {
    let folder = Folder::new();
    let gateway = Gateway::start(
        folder.directory.path(),
        "latency_ms = [5, 20]\n[limiter]\nkind = \"sliding_log\"\nrequests = 100\nwindow_ms = 1000\n",
    );
    let mut sender = under_way(&folder, &gateway);
    drop((sender.stdout.take(), sender.stderr.take()));
    signal(&sender, "HUP");
    assert_eq!(sender.wait().expect("it ends").code(), Some(130));
    folder.verified();
    let mut rest = volley(&["resume", &folder.text("test.volley"), "--yes", "-v"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop((rest.stdout.take(), rest.stderr.take()));
    assert_eq!(rest.wait().expect("it ends").code(), Some(0));
    let taken = gateway.taken();
    assert_eq!((taken.len(), times(&taken).len()), (4_000, 4_000));
    folder.verified();
}

/// The list never ends, so that only a signal ends the command.
#[test]
fn a_signal_while_a_list_is_read_leaves_nothing_half_done_behind() {
    for command in ["preview", "plan"] {
        let folder = Folder::new();
        folder.campaign("mesms", "http://127.0.0.1:9", 0, FAST);
        let campaign = folder.text("campaign.toml");
        let rejects = folder.text("rejects.csv");
        let mut reader = volley(&[command, &campaign, "--rejects", &rejects, "--set", "recipients.file=-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut list = reader.stdin.take().expect("a pipe");
        list.write_all(b"mobile\n").expect("a header");
        let rows = "n/a\n".repeat(100_000);
        let partial = folder.path("rejects.csv.partial");
        while !partial.exists() {
            list.write_all(rows.as_bytes()).expect("it reads on");
        }
        signal(&reader, "INT");
        while list.write_all(rows.as_bytes()).is_ok() {}
        let stopped = Ran::of(&reader.wait_with_output().expect("it ends")).exits(130);
        assert!(stopped.stderr.contains("stopped; nothing was planned and nothing was sent"), "{stopped:#?}");
        for left in ["rejects.csv", "rejects.csv.partial", "test.volley", "test.volley.planning"] {
            assert!(!folder.path(left).exists(), "{left} is left behind by {command}");
        }
    }
}

#[test]
fn a_second_signal_stops_at_once_and_books_what_is_in_flight_as_doubt() {
    (0..repetitions()).for_each(|_| stop_at_once());
}

fn stop_at_once() {
    let folder = Folder::new();
    // The first request is answered at once, all others never.
    let gateway = Gateway::start(
        folder.directory.path(),
        "[limiter]\nkind = \"none\"\n[[fault]]\nrequests = [2, 999]\nkind = \"stall\"\ntaken = true\n",
    );
    let sender = under_way(&folder, &gateway);
    while gateway.taken().len() < 10 + 4 * 10 {
        std::thread::yield_now();
    }
    let mut told = None;
    let waited = duration_of(|| {
        signal(&sender, "INT");
        signal(&sender, "TERM");
        told = Some(sender.wait_with_output().expect("it ends"));
    });
    // Two seconds on a machine that does nothing else; the answers are waited for thirty.
    assert!(waited < Duration::from_secs(15), "it took {waited:?}");
    let stopped = Ran::of(&told.expect("it ended")).exits(130);
    assert_eq!(stopped.json()["recipients"]["in_doubt"], 40, "{stopped:#?}");
    folder.verified();
}

#[test]
fn one_journal_has_one_sender_and_readers_do_not_mind() {
    let folder = Folder::new();
    let gateway = Gateway::start(
        folder.directory.path(),
        "latency_ms = [5, 20]\n[limiter]\nkind = \"sliding_log\"\nrequests = 100\nwindow_ms = 1000\n",
    );
    let mut sender = under_way(&folder, &gateway);
    let journal = folder.text("test.volley");
    let refused = run(&["resume", &journal, "--yes"]).exits(11);
    assert!(refused.stderr.contains(&sender.id().to_string()), "it names the holder: {refused:#?}");
    let status = run(&["status", &journal, "--json"]).exits(0).json();
    assert_eq!(status["state"], "running");
    run(&["verify", &journal]).exits(0);
    run(&["doubt", "list", &journal]).exits(0);
    sender.kill().expect("killed");
    sender.wait().expect("gone");
    // A dead sender holds nothing.
    run(&["resume", &journal, "--yes"]);
    let taken = gateway.taken();
    assert_eq!(taken.len(), times(&taken).len());
}

#[test]
fn a_journal_that_is_moved_away_stops_its_sender() {
    let folder = Folder::new();
    let gateway = Gateway::start(
        folder.directory.path(),
        "latency_ms = [5, 20]\n[limiter]\nkind = \"sliding_log\"\nrequests = 100\nwindow_ms = 1000\n",
    );
    let sender = under_way(&folder, &gateway);
    std::fs::rename(folder.path("test.volley"), folder.path("moved.volley")).expect("renamed");
    let stopped = Ran::of(&sender.wait_with_output().expect("it ends")).exits(5);
    assert!(stopped.stderr.contains("moved"), "{stopped:#?}");
    // Put back, it knows everything but the answers that came after.
    std::fs::rename(folder.path("moved.volley"), folder.path("test.volley")).expect("renamed back");
    run(&["resume", &folder.text("test.volley"), "--yes", "--json"]);
    let taken = gateway.taken();
    assert_eq!(taken.len(), times(&taken).len(), "nobody twice");
    folder.verified();
}

#[test]
fn of_many_sends_started_together_one_sends_and_none_takes_its_journal_away() {
    let folder = Folder::new();
    let gateway = Gateway::start(
        folder.directory.path(),
        "latency_ms = [5, 20]\n[limiter]\nkind = \"sliding_log\"\nrequests = 100\nwindow_ms = 1000\n",
    );
    folder.campaign("mesms", &gateway.address, 400, "rate = \"100/s\"\nmax_in_flight = 4\nchunk = 10\n");
    let start = |_| {
        volley(&["send", &folder.text("campaign.toml"), "--yes", "-q"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs")
    };
    let senders: Vec<Child> = (0..8).map(start).collect();
    for mut sender in senders {
        let code = sender.wait().expect("it ends").code();
        // 0: sent, or found everything sent. 11: in use. 2: planned by another one meanwhile.
        assert!(matches!(code, Some(0 | 2 | 11)), "{code:?}");
    }
    let taken = gateway.taken();
    assert_eq!((taken.len(), times(&taken).len()), (400, 400));
    folder.verified();
}
