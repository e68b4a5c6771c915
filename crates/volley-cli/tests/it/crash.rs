//! Killed at any moment: nobody twice, nobody lost.

use crate::volley::{Folder, Gateway, run, times, volley};
use std::{
    collections::HashSet,
    process::Stdio,
    time::{Duration, SystemTime},
};

/// `kill -9` twenty times at moments drawn from a seed, `resume` after each, `verify` after
/// each; then the ledger, which outlived every kill, is the judge.
#[test]
fn twenty_kills_lose_nobody_and_text_nobody_twice() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        SystemTime::UNIX_EPOCH.elapsed().map_or(1, |elapsed| u64::from(elapsed.subsec_nanos()))
    });
    for kind in ["transmitsms", "mesms"] {
        kill_and_resume(kind, seed);
    }
}

fn kill_and_resume(kind: &str, seed: u64) {
    let what = format!("{kind}, SEED={seed}");
    let folder = Folder::new();
    let faults = "latency_ms = [1, 9]\n[limiter]\nkind = \"sliding_log\"\nrequests = 250\nwindow_ms = 1000\n";
    let gateway = Gateway::start(folder.directory.path(), faults);
    // Some 2,000 requests at 250 a second: long enough for twenty kills.
    folder.campaign(kind, &gateway.address, 6_000, "rate = \"250/s\"\nmax_in_flight = 6\nchunk = 3\n");
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    let journal = folder.text("test.volley");

    let mut random = seed;
    let (mut kills, mut in_doubt_before) = (0, 0);
    while kills < 20 {
        let mut sender = volley(&["resume", &journal, "--yes", "-q"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(5 + (random >> 33) % 300));
        let ended = sender.try_wait().expect("it is ours").is_some();
        sender.kill().expect("killed");
        sender.wait().expect("gone");
        let verified = run(&["verify", &journal]);
        assert_eq!(verified.code, Some(0), "{what}, kill {kills}: {verified:#?}");
        let status = run(&["status", &journal, "--json"]).json();
        let in_doubt = status["recipients"]["in_doubt"].as_u64().expect("a count");
        // The doubt that a kill leaves is booked by the next start.
        assert!(
            in_doubt - in_doubt_before <= 6 * 3,
            "{what}, kill {kills}: more in doubt than were in flight"
        );
        in_doubt_before = in_doubt;
        kills += 1;
        if ended {
            break;
        }
    }
    assert!(kills >= 5, "{what}: the campaign was over after {kills} kills");
    let ending = run(&["resume", &journal, "--yes", "--json"]);
    let ending_json = ending.json();
    assert!(matches!(ending.code, Some(0 | 6)), "{what}: {ending:#?}");
    assert_eq!(ending_json["recipients"]["pending"], 0, "{what}");

    let taken = gateway.taken();
    let times = times(&taken);
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{what}: texted more than once: {twice:?}");
    let doubt = run(&["doubt", "list", &journal, "--json"]);
    let in_doubt: HashSet<String> = doubt
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["number"]
                .as_str()
                .expect("a number")
                .to_owned()
        })
        .collect();
    assert_eq!(ending_json["recipients"]["in_doubt"], in_doubt.len(), "{what}");
    for number in 66_800_000_001_u64..=66_800_006_000 {
        let number = format!("+{number}");
        let known = times.contains_key(number.as_str()) || in_doubt.contains(&number);
        assert!(known, "{what}: {number} was lost");
    }
    run(&["verify", &journal]).exits(0);
}

#[test]
fn a_plan_killed_half_way_leaves_nothing_that_can_be_sent() {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 60_000, "");
    for wait_ms in [0, 5, 10, 20, 40, 60, 80] {
        let mut planner = volley(&["plan", &folder.text("campaign.toml"), "-q"])
            .stdout(Stdio::null())
            .spawn()
            .expect("it runs");
        std::thread::sleep(Duration::from_millis(wait_ms));
        planner.kill().expect("killed");
        planner.wait().expect("gone");
        let journal = folder.text("test.volley");
        if folder.path("test.volley").exists() {
            // It was faster than the kill: then the plan is whole.
            run(&["verify", &journal]).exits(0);
            std::fs::remove_file(&journal).expect("removed");
        } else {
            run(&["resume", &journal, "--yes"]).exits(10);
        }
    }
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    run(&["verify", &folder.text("test.volley")]).exits(0);
}

#[test]
fn an_older_copy_of_a_journal_sends_nothing() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 40, "rate = \"1000/s\"\n");
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    let journal = folder.text("test.volley");
    std::fs::copy(&journal, folder.path("copy")).expect("a copy");
    run(&["resume", &journal, "--yes"]).exits(0);
    std::fs::copy(folder.path("copy"), &journal).expect("put back");
    let refused = run(&["resume", &journal, "--yes"]).exits(12);
    assert!(refused.stderr.contains("older copy"), "{refused:#?}");
    run(&["verify", &journal]).exits(13);
    assert_eq!(gateway.taken().len(), 40);
}
