//! Killed at every named place, at its first passing, a later one and a late one. The places are
//! compiled in with the feature `kill-points` alone; `cargo xtask test` turns it on.

use super::referee::{Random, Running, Trial, seed, size};
use crate::{
    providers::Provider,
    signals::signal,
    volley::{Folder, Ran, run, volley},
};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

/// How often each passing of each place is struck; three times in the long run.
fn times() -> usize {
    size("VOLLEY_POINT_TIMES", 1)
}

/// What passes a place, and how a test gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Road {
    Planning,
    Opening,
    Sending,
    /// Sending bodies so large that they are made while they leave.
    Writing,
    /// Sending, until a signal ends it.
    Draining,
    Deciding,
    Receiving,
    Reporting,
}

/// Every place: its name, who passes it, and the passings that are struck. Where a process passes
/// once, there is one.
const POINTS: [(&str, Road, &[u32]); 26] = [
    ("plan-started", Road::Planning, &[1]),
    ("plan-half-way", Road::Planning, &[1, 3, 6]),
    ("plan-written", Road::Planning, &[1]),
    ("plan-has-two-names", Road::Planning, &[1]),
    ("plan-named", Road::Planning, &[1]),
    ("opening", Road::Opening, &[1]),
    ("before-recovery", Road::Opening, &[1]),
    ("inside-recovery", Road::Opening, &[1]),
    ("after-recovery", Road::Opening, &[1]),
    ("before-intent", Road::Sending, &[1, 20, 50]),
    ("after-intent", Road::Sending, &[1, 20, 50]),
    ("while-writing", Road::Writing, &[1, 4]),
    ("after-head", Road::Sending, &[1, 20, 50]),
    ("after-reply", Road::Sending, &[1, 20, 50]),
    ("after-outcome", Road::Sending, &[1, 20, 50]),
    ("inside-commit", Road::Sending, &[1, 20, 50]),
    ("before-witness", Road::Sending, &[1, 20, 50]),
    ("drain", Road::Draining, &[1, 2]),
    ("before-run-end", Road::Draining, &[1]),
    ("before-checkpoint", Road::Draining, &[1]),
    ("after-checkpoint", Road::Draining, &[1]),
    ("before-resolution", Road::Deciding, &[1]),
    ("inside-resolution", Road::Deciding, &[1]),
    ("after-resolution", Road::Deciding, &[1]),
    ("inside-receipts", Road::Receiving, &[1, 10, 25]),
    ("after-receipts", Road::Receiving, &[1, 10, 25]),
];

/// Places of a report, which is no state of anybody: they are struck by themselves.
const REPORT_POINTS: [(&str, Road, &[u32]); 3] = [
    ("report-row", Road::Reporting, &[1, 200, 599]),
    ("report-written", Road::Reporting, &[1]),
    ("report-named", Road::Reporting, &[1]),
];

/// Each of the places on `road` with each of its passings, as often as the run is long.
fn passings(road: Road) -> impl Iterator<Item = (&'static str, u32)> {
    let on_road = POINTS.iter().chain(&REPORT_POINTS).filter(move |(_, other, _)| *other == road);
    on_road.flat_map(|(name, _, passings)| {
        (0..times()).flat_map(|_| passings.iter().map(|passing| (*name, *passing)))
    })
}

/// Arms the place `name` of `command`.
fn armed<'a>(command: &'a mut Command, name: &str, passing: u32, strike: &str) -> &'a mut Command {
    command.env("VOLLEY_KILL_POINT", format!("{name}:{passing}:{strike}"))
}

/// Runs `command` until it is killed at that place.
#[track_caller]
fn killed_at(command: &mut Command, name: &str, passing: u32, what: &str) {
    let ended = armed(command, name, passing, "kill").output().expect("it runs");
    assert!(was_killed(&ended), "{what}: {name} was not passed {passing} times: {:#?}", Ran::of(&ended));
}

fn was_killed(ended: &Output) -> bool {
    ended.status.signal() == Some(9)
}

/// Requests take a while, so that others are under way whenever one is struck.
const GATEWAY: &str = "latency_ms = [1, 12]\n[limiter]\nkind = \"none\"\n[delivery]\ndelay_ms = [0, 0]\n";

/// A campaign of `requests` requests of two, eight of them at a time.
fn trial(kind: &str, requests: u64, seed: u64) -> Trial {
    Trial::new(Provider::of(kind), requests * 2, (8, 2), GATEWAY, seed)
}

#[test]
fn every_place_in_the_source_is_struck() {
    fn places(directory: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                places(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let marks = text.split("kill_point!(\"").skip(1);
                found.extend(marks.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
            }
        }
    }
    let mut found = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crates");
    for name in ["volley-journal", "volley-engine", "volley-cli"] {
        places(&crates.join(name).join("src"), &mut found);
    }
    let struck = POINTS.iter().chain(&REPORT_POINTS).map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(found, struck);
}

#[test]
fn a_kill_at_any_place_of_sending_loses_nobody_and_texts_nobody_twice() {
    let seed = seed();
    for (name, passing) in passings(Road::Sending) {
        let mut trial = trial("mesms", 150, seed);
        let what = format!("{name} {passing}, SEED={seed}");
        killed_at(&mut trial.resume(), name, passing, &what);
        let sight = trial.judge(&what);
        assert!(sight.pending > 0, "{what}: it was struck at the end");
        // Whatever happened before the first intent was durable happened to nobody.
        let is_before_all = passing == 1 && matches!(name, "before-intent" | "inside-commit");
        if is_before_all {
            assert_eq!((sight.open, trial.taken()), (0, 0), "{what}");
        }
        trial.finish();
    }
}

#[test]
fn a_kill_while_a_large_body_is_written_loses_nobody_and_texts_nobody_twice() {
    let seed = seed();
    for (name, passing) in passings(Road::Writing) {
        // Some 100 kB a request, in pieces of 64 KiB.
        let mut trial = Trial::new(Provider::of("mesms"), 24_000, (2, 8_000), GATEWAY, seed);
        let what = format!("{name} {passing}, SEED={seed}");
        killed_at(&mut trial.resume(), name, passing, &what);
        trial.judge(&what);
        trial.finish();
    }
}

/// The thread that passes the place stays there, whatever the others do; then all are killed.
#[test]
fn a_thread_that_stays_for_good_anywhere_loses_nobody_and_texts_nobody_twice() {
    let seed = seed();
    for (name, passing) in passings(Road::Sending).filter(|(_, passing)| *passing == 20) {
        let mut trial = trial("mesms", 150, seed);
        let sender = Running::start(armed(&mut trial.resume(), name, passing, "stall"));
        std::thread::sleep(Duration::from_millis(150));
        sender.kill();
        trial.judge(&format!("{name} stayed"));
        trial.finish();
    }
}

#[test]
fn a_panic_anywhere_of_sending_ends_the_run_and_the_next_start_recovers() {
    let seed = seed();
    for (name, passing) in passings(Road::Sending).filter(|(_, passing)| *passing == 20) {
        let mut trial = trial("mesms", 150, seed);
        let what = format!("{name}, SEED={seed}");
        let panicked = armed(&mut trial.resume(), name, passing, "panic").output().expect("it runs");
        let panicked = Ran::of(&panicked);
        assert!(!matches!(panicked.code, Some(0) | None), "{what}: {panicked:#?}");
        assert!(panicked.stderr.contains(&format!("the kill point {name}")), "{what}: {panicked:#?}");
        trial.judge(&format!("{name} panicked"));
        trial.finish();
    }
}

/// A disk that fails once: what was to be in that commit is either not sent, or written later.
#[test]
fn a_commit_that_fails_once_loses_nobody_and_texts_nobody_twice() {
    let seed = seed();
    for passing in [1, 20, 50] {
        let mut trial = trial("mesms", 150, seed);
        let failed = armed(&mut trial.resume(), "inside-commit", passing, "fail").output().expect("it runs");
        let failed = Ran::of(&failed);
        // It went on when there was room again, or stopped for the next start to go on.
        assert!(matches!(failed.code, Some(0 | 5)), "{passing}, SEED={seed}: {failed:#?}");
        let sight = trial.judge(&format!("commit {passing} failed"));
        assert_eq!(sight.in_doubt + sight.open, 0, "{passing}, SEED={seed}: an answer that came was kept");
        trial.finish();
    }
}

#[test]
fn a_kill_while_requests_finish_or_the_journal_closes_loses_nobody() {
    let seed = seed();
    for (name, passing) in passings(Road::Draining) {
        let mut trial = trial("mesms", 400, seed);
        let what = format!("{name} {passing}, SEED={seed}");
        let sender = armed(&mut trial.resume(), name, passing, "kill")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        while trial.taken() < 40 {
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(&sender, "TERM");
        let ended = sender.wait_with_output().expect("it ends");
        assert!(was_killed(&ended), "{what}: {:#?}", Ran::of(&ended));
        let sight = trial.judge(&what);
        if name != "drain" {
            assert_eq!((sight.open, sight.in_doubt), (0, 0), "{what}: everything had been answered");
        }
        trial.finish();
    }
}

/// Kills of one start after the other, each at a place of opening: whatever recovery did or did
/// not do, the next one comes to the same.
#[test]
fn a_kill_during_recovery_and_during_recovery_of_that_loses_nobody() {
    let seed = seed();
    let places: Vec<&str> = passings(Road::Opening).map(|(name, _)| name).collect();
    let mut random = Random(seed);
    let mut kills = 0;
    while kills < size("VOLLEY_NESTED_KILLS", 16) {
        let mut trial = trial("transmitsms", 150, seed);
        for round in 0..3 {
            killed_at(&mut trial.resume(), "after-intent", 20, &trial.what);
            let what = format!("{}, round {round}", trial.what);
            let left = trial.judge(&what);
            let (mut in_doubt, mut open) = (left.in_doubt, left.open);
            assert!(open > 0, "{what}: nothing was under way");
            for depth in 0..4 {
                // Every place comes first once; then they come as they come.
                let index = if depth == 0 { kills } else { usize::try_from(random.below(8)).expect("small") };
                let place = places[index % places.len()];
                let what = format!("{what}, {place} at depth {depth}");
                killed_at(&mut trial.resume(), place, 1, &what);
                kills += 1;
                let sight = trial.judge(&what);
                // Doubt is booked once, by the first recovery that was durable.
                if place == "after-recovery" {
                    (in_doubt, open) = (in_doubt + open, 0);
                }
                assert_eq!((sight.in_doubt, sight.open), (in_doubt, open), "{what}");
            }
        }
        trial.finish();
    }
}

/// Who was texted is looked up by a person, in the gateway's ledger; the decision is killed.
#[test]
fn a_kill_while_a_decision_about_doubt_is_kept_leaves_it_whole_or_unmade() {
    let seed = seed();
    for (name, passing) in passings(Road::Deciding) {
        let mut trial = trial("mesms", 100, seed);
        let what = format!("{name}, SEED={seed}");
        killed_at(&mut trial.resume(), "after-reply", 30, &what);
        run(&["doubt", "probe", &trial.journal]);
        trial.judge(&what);
        let (taken, lost) = trial.doubtful_rows();
        for (rows, decision) in [(taken, "--accepted"), (lost, "--resend")] {
            if rows.is_empty() {
                continue;
            }
            let rows: Vec<&str> = rows.iter().flat_map(|row| ["--row", row.as_str()]).collect();
            let decide = || {
                let mut command = volley(&["doubt", "resolve", &trial.journal, decision, "--note", "looked"]);
                command.args(&rows);
                command
            };
            killed_at(&mut decide(), name, passing, &what);
            run(&["verify", &trial.journal]).exits(0);
            // Made, its rows are not in doubt any more.
            let again = Ran::of(&decide().output().expect("it runs"));
            let wanted = if name == "after-resolution" { 2 } else { 0 };
            assert_eq!(again.code, Some(wanted), "{what}: {again:#?}");
        }
        trial.doubt_was_decided();
        trial.judge(&what);
        let end = trial.finish();
        assert_eq!(end.in_doubt, 0, "{what}: everybody's fate is known");
    }
}

#[test]
fn a_kill_while_receipts_are_kept_loses_none_and_changes_nobody() {
    let seed = seed();
    let mut trial = trial("transmitsms", 60, seed);
    trial.finish();
    for (name, passing) in passings(Road::Receiving) {
        // As a campaign that nobody asked about yet.
        let asked = trial.folder.path("asked");
        fs::remove_dir_all(&asked).ok();
        fs::create_dir(&asked).expect("a directory");
        let journal = asked.join("test.volley");
        fs::copy(&trial.journal, &journal).expect("a copy");
        let journal = journal.to_str().expect("UTF-8");
        let what = format!("{name} {passing}, SEED={seed}");
        let poll = || volley(&["receipts", journal, "--poll", "--json"]);
        killed_at(&mut poll(), name, passing, &what);
        run(&["verify", journal]).exits(0);
        let told = Ran::of(&poll().output().expect("it runs")).exits(0).json();
        assert_eq!(told["recipients"]["accepted"], 120, "{what}: {told}");
        assert_eq!(told["delivery"]["unknown"], 0, "{what}: {told}");
        run(&["verify", journal]).exits(0);
    }
}

#[test]
fn a_kill_while_a_report_is_written_leaves_the_earlier_one_or_the_new_one() {
    const EARLIER: &str =
        "row,number,state,provider_id,code,segments,price,billed,attempts,time,delivery\n1,,,,,,,,,,\n";
    let mut trial = trial("mesms", 300, seed());
    trial.finish();
    let (wanted, report) = (trial.folder.text("wanted.csv"), trial.folder.text("report.csv"));
    run(&["report", &trial.journal, "--csv", &wanted]).exits(0);
    let wanted = fs::read_to_string(wanted).expect("a report");
    for (name, passing) in passings(Road::Reporting) {
        for earlier in [None, Some(EARLIER)] {
            match earlier {
                Some(earlier) => fs::write(&report, earlier).expect("written"),
                None => drop(fs::remove_file(&report)),
            }
            let write = || volley(&["report", &trial.journal, "--csv", &report]);
            killed_at(&mut write(), name, passing, name);
            let left = fs::read_to_string(&report).ok();
            let named = if name == "report-named" { Some(wanted.as_str()) } else { earlier };
            assert_eq!(left.as_deref(), named, "{name} {passing}");
            Ran::of(&write().output().expect("it runs")).exits(0);
            assert_eq!(fs::read_to_string(&report).expect("a report"), wanted);
        }
    }
    trial.judge("after the reports");
}

/// A plan of 60,000 texts of their own, killed or broken at each place, is whole or not there; the
/// next one is as if nothing had been.
#[test]
fn a_plan_that_ends_at_any_place_is_whole_or_not_there() {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 60_000, "");
    let (campaign, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
    let list = fs::read_to_string(folder.path("recipients.csv")).expect("a list");
    let named = list.lines().enumerate().map(|(row, line)| match row {
        0 => "mobile,name\n".to_owned(),
        row => format!("{line},Reader {row}\n"),
    });
    let toml = fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
    folder
        .write("recipients.csv", named.collect::<String>())
        .write("campaign.toml", toml.replace("Sale ends", "{{name}}, the sale ends"));
    let plan = || volley(&["plan", &campaign, "--json"]);
    let hash = Ran::of(&plan().output().expect("it runs")).exits(0).json()["plan_hash"].clone();
    fs::remove_file(&journal).expect("removed");
    for (name, passing) in passings(Road::Planning) {
        for strike in ["kill", "panic", "fail"] {
            let may_fail = matches!(name, "plan-half-way" | "plan-written");
            if strike == "fail" && !may_fail {
                continue;
            }
            let what = format!("{strike} at {name} {passing}");
            let ended = armed(&mut plan(), name, passing, strike).output().expect("it runs");
            assert!(was_killed(&ended) || !matches!(ended.status.code(), Some(0)), "{what}: {ended:?}");
            let is_there = folder.path("test.volley").exists();
            assert_eq!(is_there, matches!(name, "plan-has-two-names" | "plan-named"), "{what}");
            if is_there {
                let verified = run(&["verify", &journal, "--json"]).exits(0).json();
                assert_eq!(
                    (&verified["plan_hash"], &verified["recipients"]),
                    (&hash, &60_000.into()),
                    "{what}"
                );
                Ran::of(&plan().output().expect("it runs")).exits(2);
                // By the name it was made under it could be sent a second time.
                let planning = folder.text("test.volley.planning");
                if folder.path("test.volley.planning").exists() {
                    run(&["resume", &planning, "--yes"]).exits(12);
                    run(&["send", &planning, "--yes"]).exits(12);
                }
            } else {
                run(&["resume", &journal, "--yes"]).exits(10);
                let planned = Ran::of(&plan().output().expect("it runs")).exits(0).json();
                assert_eq!(planned["plan_hash"], hash, "{what}");
                assert!(!folder.path("test.volley.planning").exists(), "{what}");
            }
            fs::remove_file(&journal).expect("removed");
        }
    }
}
