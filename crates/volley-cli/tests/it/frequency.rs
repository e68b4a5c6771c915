//! At most so many texts to one number across campaigns: `limits.per_recipient`.

use crate::volley::{Folder, Gateway, Ran, read_ledger, run, times, volley};
use serde_json::{Value, json};
use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt, process::Stdio, time::Duration};

/// Writes `NAME.toml` to the Thai mobiles `from..=to` behind +66 80 000 0000, sent through the
/// gateway inside the process, whose ledger is `NAME.jsonl`. `more` goes before the sections.
fn campaign(folder: &Folder, name: &str, (from, to): (u64, u64), limits: &str, more: &str) -> String {
    let mut list = String::from("mobile\n");
    for number in from..=to {
        list.push_str(&format!("+{}\n", 66_800_000_000 + number));
    }
    let ledger = folder.text(&format!("{name}.jsonl"));
    let text = format!(
        "name = \"{name}\"\n{more}[message]\ntext = \"Sale ends today\"\n\
         [recipients]\nfile = \"{name}.csv\"\nregion = \"TH\"\n[limits]\n{limits}\n\
         [provider]\nkind = \"sim\"\nrate = \"1000/s\"\nchunk = 10\nledger = \"{ledger}\"\n"
    );
    folder.write(&format!("{name}.csv"), list).write(&format!("{name}.toml"), text);
    folder.text(&format!("{name}.toml"))
}

/// What a preview says of accepted rows and of rows that were left out for the cap.
#[track_caller]
fn previewed(campaign: &str, code: i32) -> (Value, Value) {
    let mut preview = run(&["preview", campaign, "--json"]).exits(code).json();
    (preview["accepted"].take(), preview["rejected"]["frequency_cap"].take())
}

#[track_caller]
fn send(campaign: &str) -> Value {
    run(&["send", campaign, "--yes", "--json"]).exits(0).json()["recipients"]["accepted"].take()
}

const WEEKLY: &str = "per_recipient = \"1/7d\"";

#[test]
fn who_got_a_text_is_left_out_of_the_next_campaign_until_the_window_has_passed() {
    let folder = Folder::new();
    let spring = campaign(&folder, "spring", (1, 30), WEEKLY, "");
    assert_eq!(previewed(&spring, 0), (30.into(), Value::Null));
    assert!(!folder.path("volley-history.db").exists(), "a preview writes nothing");
    assert_eq!(send(&spring), 30);
    for name in ["volley-history.db", "volley-history.db.key"] {
        let mode = fs::metadata(folder.path(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }

    let summer = campaign(&folder, "summer", (21, 50), WEEKLY, "");
    let rejects = folder.text("rejects.csv");
    let preview = run(&["preview", &summer, "--json", "--rejects", &rejects]).exits(0).json();
    assert_eq!((&preview["accepted"], &preview["rejected"]), (&20.into(), &json!({ "frequency_cap": 10 })));
    let rejects = fs::read_to_string(rejects).expect("a file");
    assert!(rejects.contains("\n1,mobile,frequency_cap,+66800000021\n"), "{rejects}");
    assert_eq!(send(&summer), 20);
    let taken = [read_ledger(&folder.path("spring.jsonl")), read_ledger(&folder.path("summer.jsonl"))];
    let taken: Vec<_> = taken.into_iter().flatten().collect();
    assert_eq!((taken.len(), times(&taken).len()), (50, 50), "nobody is texted twice");

    // The window ends when the texts go out.
    for (days, accepted) in [(6, None), (8, Some(50))] {
        let schedule = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        let schedule = format!("schedule = \"{schedule}\"\n");
        let autumn = campaign(&folder, "autumn", (1, 50), WEEKLY, &schedule);
        let expected = accepted.map_or((0.into(), 50.into()), |count: u64| (count.into(), Value::Null));
        assert_eq!(previewed(&autumn, if accepted.is_some() { 0 } else { 9 }), expected, "in {days} days");
    }
    let twice = campaign(&folder, "twice", (1, 50), "per_recipient = \"2/7d\"", "");
    assert_eq!(send(&twice), 50);
    assert_eq!(previewed(&campaign(&folder, "thrice", (1, 50), "per_recipient = \"2/7d\"", ""), 9).1, 50);
}

#[test]
fn a_plan_stays_as_it_was_frozen_whatever_is_sent_meanwhile() {
    let folder = Folder::new();
    let first = campaign(&folder, "first", (1, 10), WEEKLY, "");
    assert_eq!(send(&first), 10);
    let planned = campaign(&folder, "planned", (1, 30), WEEKLY, "");
    run(&["plan", &planned]).exits(0);
    let other = campaign(&folder, "other", (11, 20), WEEKLY, "");
    assert_eq!(send(&other), 10);
    assert_eq!(previewed(&planned, 0), (10.into(), 20.into()), "a new plan would be another one");
    assert_eq!(send(&planned), 20);
    // Its own texts do not stand in its way either.
    assert_eq!(send(&planned), 20);
    assert_eq!(read_ledger(&folder.path("planned.jsonl")).len(), 20);
    assert_eq!(previewed(&planned, 9), (0.into(), 30.into()));

    let looser = fs::read_to_string(&planned).expect("a file").replace("1/7d", "2/7d");
    folder.write("planned.toml", looser);
    let refused = run(&["send", &planned, "--yes"]).exits(7);
    assert!(refused.stderr.contains("recipients"), "{refused:#?}");
}

#[test]
fn a_campaign_is_remembered_where_it_says_so_and_nowhere_else() {
    let folder = Folder::new();
    assert_eq!(send(&campaign(&folder, "silent", (1, 10), "", "")), 10);
    assert!(!folder.path("volley-history.db").exists());
    assert_eq!(send(&campaign(&folder, "told", (11, 20), "history = \"volley-history.db\"", "")), 10);
    assert_eq!(send(&campaign(&folder, "again", (11, 20), "history = \"volley-history.db\"", "")), 10);
    let capped = campaign(&folder, "capped", (1, 30), WEEKLY, "");
    assert_eq!(previewed(&capped, 0), (20.into(), 10.into()));
    let elsewhere = campaign(&folder, "capped", (1, 30), &format!("{WEEKLY}\nhistory = \"other.db\""), "");
    assert_eq!(previewed(&elsewhere, 0), (30.into(), Value::Null));
    // The environment goes over the file.
    let history = folder.text("other.db");
    let preview = volley(&["preview", &capped, "--json"]).env("VOLLEY_LIMITS_HISTORY", history).output();
    assert_eq!(Ran::of(&preview.expect("it runs")).exits(0).json()["accepted"], 30);
}

#[test]
fn whoever_may_have_got_a_text_before_a_kill_is_left_out_too() {
    let folder = Folder::new();
    let faults = "latency_ms = [1, 9]\n[limiter]\nkind = \"sliding_log\"\nrequests = 200\nwindow_ms = 1000\n";
    let gateway = Gateway::start(folder.directory.path(), faults);
    let provider = "rate = \"200/s\"\nmax_in_flight = 4\nchunk = 3\n";
    folder.campaign("mesms", &gateway.address, 1_200, &format!("{provider}[limits]\n{WEEKLY}\n"));
    let (killed, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
    let mut sender = volley(&["send", &killed, "--yes", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    while gateway.taken().len() < 60 {
        std::thread::sleep(Duration::from_millis(1));
    }
    sender.kill().expect("killed");
    sender.wait().expect("gone");

    let text = fs::read_to_string(&killed).expect("a file").replace("\"test\"", "\"next\"");
    folder.write("next.toml", text);
    let next = folder.text("next.toml");
    let before: HashSet<String> = gateway.taken().into_iter().map(|taken| taken.to).collect();
    let (accepted, capped) = previewed(&next, 0);
    let status = run(&["status", &journal, "--json"]).exits(0).json();
    let known = status["recipients"]["accepted"].as_u64().expect("a count");
    let capped = capped.as_u64().expect("a count");
    assert!((known..=known + 4 * 3).contains(&capped), "{capped} for {known} and what was in flight");
    assert!(capped >= before.len() as u64, "{capped} for {} that were taken", before.len());
    assert_eq!(accepted, 1_200 - capped);
    run(&["send", &next, "--yes"]).exits(0);
    let taken = gateway.taken();
    assert!(times(&taken).values().all(|times| *times == 1), "nobody is texted by both");

    // Everybody counts once: who was to get both has two texts, and the others have one.
    let ended = run(&["resume", &journal, "--yes", "--json"]).json();
    assert_eq!(ended["recipients"]["pending"], 0);
    folder.write("last.toml", fs::read_to_string(&next).expect("a file").replace("1/7d", "2/7d"));
    assert_eq!(previewed(&folder.text("last.toml"), 0), (capped.into(), (1_200 - capped).into()));
}

#[test]
fn a_journal_that_is_gone_before_it_was_looked_into_is_told_of_once() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 30, &format!("rate = \"1000/s\"\n[limits]\n{WEEKLY}\n"));
    let campaign = folder.text("campaign.toml");
    let wrong = volley(&["send", &campaign, "--yes"]).env("SIM_KEY", "not-the-key").output();
    Ran::of(&wrong.expect("it runs")).exits(4);
    fs::remove_file(folder.path("test.volley")).expect("removed");
    fs::remove_file(folder.path("test.volley.witness")).expect("removed");
    let told = run(&["preview", &campaign, "--json"]).exits(0);
    assert!(told.stderr.contains("test.volley is gone"), "{told:#?}");
    assert_eq!(told.json()["accepted"], 30);
    let again = run(&["preview", &campaign, "--json"]).exits(0);
    assert!(!again.stderr.contains("gone"), "{again:#?}");
}

#[test]
fn without_its_key_a_history_stops_the_plan_and_the_resume() {
    let folder = Folder::new();
    let first = campaign(&folder, "first", (1, 10), WEEKLY, "");
    run(&["plan", &first]).exits(0);
    let key = folder.path("volley-history.db.key");
    fs::rename(&key, folder.path("elsewhere")).expect("moved");
    let next = campaign(&folder, "next", (1, 10), WEEKLY, "");
    for arguments in [
        &["preview", &next][..],
        &["check", &next],
        &["plan", &next],
        &["send", &next, "--yes"],
        &["resume", &folder.text("first.volley"), "--yes"],
    ] {
        let refused = run(arguments).exits(10);
        assert!(refused.stderr.contains("volley-history.db.key is missing"), "{refused:#?}");
    }
    assert!(!folder.path("first.jsonl").exists() && !folder.path("next.volley").exists());
    fs::rename(folder.path("elsewhere"), &key).expect("moved back");
    run(&["resume", &folder.text("first.volley"), "--yes"]).exits(0);
    assert_eq!(previewed(&next, 9).1, 10);
}
