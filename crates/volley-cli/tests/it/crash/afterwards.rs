//! Killed at random moments of what comes after sending: receipts and reports.

use super::referee::{Random, Running, Trial, seed, size};
use crate::{
    providers::Provider,
    volley::{Ran, run, volley},
};
use std::{fs, time::Duration};

/// Kills of each; fifty in the long run.
fn kills() -> usize {
    size("VOLLEY_AFTERWARDS_KILLS", 10)
}

/// A finished campaign, as many requests as pages of receipts.
fn finished(seed: u64) -> Trial {
    let gateway = "latency_ms = [1, 4]\n[limiter]\nkind = \"none\"\n[delivery]\ndelay_ms = [0, 0]\n";
    let mut trial = Trial::new(Provider::of("transmitsms"), 2_000, (16, 10), gateway, seed);
    trial.finish();
    trial
}

/// Each start goes on behind the last page that was durable.
#[test]
fn receipts_that_are_killed_again_and_again_are_all_there_in_the_end() {
    let seed = seed();
    let (mut trial, mut random) = (finished(seed), Random(seed));
    let poll = || volley(&["receipts", &trial.journal, "--poll", "--json"]);
    let mut known = 0;
    for kill in 0..kills() {
        let poller = Running::start(&mut poll());
        std::thread::sleep(Duration::from_millis(random.below(250)));
        poller.kill();
        run(&["verify", &trial.journal]).exits(0);
        let status = run(&["status", &trial.journal, "--json"]).exits(0).json();
        let unknown = status["delivery"]["unknown"].as_u64().unwrap_or(2_000);
        assert!(2_000 - unknown >= known, "SEED={seed}, kill {kill}: {status}");
        known = 2_000 - unknown;
    }
    let told = Ran::of(&poll().output().expect("it runs")).exits(0).json();
    assert_eq!((&told["recipients"]["accepted"], &told["delivery"]["unknown"]), (&2_000.into(), &0.into()));
    trial.judge("after the receipts");
}

#[test]
fn a_report_killed_at_any_moment_is_the_earlier_one_or_the_new_one() {
    let seed = seed();
    let (mut trial, mut random) = (finished(seed), Random(seed));
    let (wanted, report) = (trial.folder.text("wanted.csv"), trial.folder.text("report.csv"));
    run(&["report", &trial.journal, "--csv", &wanted]).exits(0);
    let wanted = fs::read_to_string(wanted).expect("a report");
    let earlier = wanted.split_inclusive('\n').take(2).collect::<String>();
    for kill in 0..kills() {
        fs::write(&report, &earlier).expect("written");
        let reporter = Running::start(&mut volley(&["report", &trial.journal, "--csv", &report]));
        std::thread::sleep(Duration::from_millis(random.below(60)));
        reporter.kill();
        let left = fs::read_to_string(&report).expect("one of them");
        assert!(left == earlier || left == wanted, "SEED={seed}, kill {kill}: {} bytes", left.len());
    }
    run(&["report", &trial.journal, "--csv", &report]).exits(0);
    assert_eq!(fs::read_to_string(&report).expect("a report"), wanted);
    trial.judge("after the reports");
}
