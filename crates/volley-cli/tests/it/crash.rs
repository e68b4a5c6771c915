//! Killed at any moment: nobody twice, nobody lost.

mod afterwards; // receipts and reports, at random moments
mod owners; // two processes, one journal
#[cfg(feature = "kill-points")]
mod points; // at every named place
mod random; // at random moments, over every provider
mod referee; // what must hold afterwards

use crate::volley::{Folder, Gateway, run, volley};
use std::{process::Stdio, time::Duration};

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

/// A build for people knows no such place.
#[cfg(not(feature = "kill-points"))]
#[test]
fn nothing_arms_a_kill_point_where_none_was_compiled_in() {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 10, "");
    let mut plan = volley(&["plan", &folder.text("campaign.toml")]);
    let planned = plan.env("VOLLEY_KILL_POINT", "plan-started:1").output().expect("it runs");
    assert_eq!(planned.status.code(), Some(0), "{planned:?}");
}
