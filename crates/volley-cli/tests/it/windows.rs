//! The send window as its users see it: `limits.window`.

use crate::{
    signals::signal,
    volley::{FAST, Folder, Gateway, Ran, run, volley},
};
use jiff::{Timestamp, Zoned};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

/// Two windows by Bangkok's clocks: one that is open for hours to come, one that is as closed.
fn open_and_closed() -> (&'static str, &'static str) {
    if in_bangkok().hour() < 12 { ("00:00-18:00", "18:00-24:00") } else { ("06:00-24:00", "00:00-06:00") }
}

fn in_bangkok() -> Zoned {
    Timestamp::now().in_tz("Asia/Bangkok").expect("a zone")
}

/// A campaign to ten people in Bangkok with this window, whose journal is `test.volley`.
fn campaign(folder: &Folder, gateway: &str, window: &str, more: &str) -> String {
    folder.campaign("mesms", gateway, 10, FAST);
    limit(folder, window, more);
    folder.text("campaign.toml")
}

/// Writes this window into the campaign file, and a line in front of all.
fn limit(folder: &Folder, window: &str, more: &str) {
    let text = std::fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
    let without = text.split("[limits]").next().expect("the rest").trim_end().to_owned();
    folder.write("campaign.toml", format!("{more}{without}\n[limits]\nwindow = \"{window}\"\n"));
}

#[test]
fn a_preview_and_a_check_say_how_the_window_falls() {
    let (open, closed) = open_and_closed();
    let folder = Folder::new();
    let path = campaign(&folder, "http://127.0.0.1:9", open, "");
    let preview = run(&["preview", &path, "--json"]).exits(0).json();
    let window = serde_json::json!({ "hours": open, "zones": 1, "open_now": 10 });
    assert_eq!((&preview["window"], &preview["accepted"]), (&window, &10.into()));
    let shown = run(&["preview", &path]).exits(0).stdout;
    assert!(shown.contains("Send window"), "{shown}");
    assert_eq!(run(&["check", &path, "--json"]).exits(0).json()["window"], window);

    limit(&folder, closed, "");
    let preview = run(&["preview", &path, "--json"]).exits(0).json();
    let window = &preview["window"];
    assert_eq!(
        (&window["open_now"], &preview["accepted"]),
        (&0.into(), &10.into()),
        "they wait, and are sent to"
    );
    let next = &window["opens_next"];
    assert_eq!((&next["zone"], &next["recipients"]), (&"Asia/Bangkok".into(), &10.into()));
    assert_eq!(next["local"], closed[..5], "{window}");
    let at: Timestamp = next["at"].as_str().expect("a time").parse().expect("RFC 3339");
    assert!(at > Timestamp::now());
    let said = run(&["check", &path]).exits(0).stderr;
    let words = format!("open now for 0; opens next for 10 at {} Asia/Bangkok", &closed[..5]);
    assert!(said.contains(&words), "{said}");

    limit(&folder, "00:00-24:00", "");
    assert!(run(&["preview", &path, "--json"]).exits(0).json().get("window").is_none());
}

#[test]
fn an_open_window_holds_nothing_up() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    let path = campaign(&folder, &gateway.address, open_and_closed().0, "");
    let ended = run(&["send", &path, "--yes", "--json"]).exits(0).json();
    assert_eq!((&ended["recipients"]["accepted"], gateway.taken().len()), (&10.into(), 10));
}

#[test]
fn a_closed_window_is_waited_for_and_a_resumed_journal_keeps_it() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    let (open, closed) = open_and_closed();
    let path = campaign(&folder, &gateway.address, closed, "");
    let journal = folder.text("test.volley");
    for arguments in [["send", &path, "--yes", "--json"], ["resume", &journal, "--yes", "--json"]] {
        let mut sender =
            volley(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let said = BufReader::new(sender.stderr.take().expect("piped")).lines();
        let opens = format!("the send window opens {} Asia/Bangkok", &closed[..5]);
        assert!(said.map_while(Result::ok).any(|line| line.contains(&opens)), "it says what it waits for");
        let status = run(&["status", &journal, "--json"]).exits(0).json();
        assert_eq!((&status["state"], &status["window"]["hours"]), (&"running".into(), &closed.into()));
        assert_eq!(status["window"]["opens_next"]["recipients"], 10);
        let shown = run(&["status", &journal]).exits(0).stdout;
        assert!(shown.contains("send window: ") && shown.contains(&closed[..5]), "{shown}");
        signal(&sender, "INT");
        let stopped = Ran::of(&sender.wait_with_output().expect("it ends")).exits(130).json();
        assert_eq!(
            (&stopped["recipients"]["pending"], &stopped["requests"]["sent"]),
            (&10.into(), &0.into())
        );
    }
    assert!(gateway.taken().is_empty());
    folder.verified();

    // Another window is another plan.
    limit(&folder, open, "");
    let refused = run(&["send", &path, "--yes"]).exits(7).stderr;
    assert!(refused.contains("the send window changed"), "{refused}");
}

#[test]
fn rows_that_a_schedule_or_a_window_can_never_reach_are_left_out_by_name() {
    let folder = Folder::new();
    let path = campaign(&folder, "http://127.0.0.1:9", "09:00-20:00", "");
    let tomorrow = in_bangkok().tomorrow().expect("a day").date();
    for (hour, accepted) in [(3, 0), (12, 10)] {
        let at = tomorrow.at(hour, 0, 0, 0).in_tz("Asia/Bangkok").expect("a time").timestamp();
        folder.campaign("mesms", "http://127.0.0.1:9", 10, FAST);
        limit(&folder, "09:00-20:00", &format!("schedule = \"{at}\"\n"));
        let preview = run(&["preview", &path, "--json"]).exits(if accepted == 0 { 9 } else { 0 }).json();
        let left_out = preview["rejected"]["outside_window"].as_u64().unwrap_or(0);
        assert_eq!((&preview["accepted"], left_out), (&accepted.into(), 10 - accepted), "{at}");
    }
    folder.campaign("mesms", "http://127.0.0.1:9", 10, FAST);
    folder.write("recipients.csv", "mobile\n+66800000001\n+79161234567\n+870773111632\n");
    folder.write("rates.csv", "prefix,price,currency\n66,0.05,THB\n7,0.05,THB\n870,0.05,THB\n");
    limit(&folder, "09:00-12:00", "");
    let shown = run(&["preview", &path]).exits(0).stdout;
    assert!(shown.contains("rejected: window_never_opens") && shown.contains("widen it"), "{shown}");
}
