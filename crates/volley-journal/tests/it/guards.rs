//! Files that go missing under an open journal, room for outcomes, and silence across restarts.

use crate::support::{NOW, PER_ITEM, Place, accepted, answered, claim, claimed, failed, record};
use std::{fs, path::PathBuf, time::Duration};
use volley_core::{Billed, Class, Failure, Micros, Receipt, UnixMillis, Verdicts};
use volley_journal::{
    CommitError, Journal, OpenError, ReceiptBook, Record, SqliteJournal, Write, Written, verify,
};

/// The file beside the journal with this suffix.
fn beside(place: &Place, suffix: &str) -> PathBuf {
    let mut name = place.path().into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(unix)]
#[test]
fn a_file_that_loses_its_name_between_two_commits_is_noticed_by_the_next_one() {
    let away = |path: PathBuf| fs::rename(&path, path.with_extension("gone")).expect("renamed");
    let gone = |path: PathBuf| fs::remove_file(path).expect("removed");
    let other = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a file");
        fs::remove_file(&path).expect("removed");
        fs::write(path, bytes).expect("an equal file, and not the same");
    };
    let ways: [(&str, &dyn Fn(PathBuf)); 3] = [("renamed", &away), ("removed", &gone), ("replaced", &other)];
    for suffix in ["", "-wal", "-shm"] {
        for (how, lose) in ways {
            let what = format!("the file{suffix} was {how}");
            let place = Place::with_plan(PER_ITEM, 1, &["a"; 4]);
            let mut journal = place.open();
            let attempt = claimed(&mut journal, claim(0, 1, Micros(50_000)));
            let mut book = ReceiptBook::open(&place.path()).expect("a journal");
            let before = journal.standing().clone();
            lose(beside(&place, suffix));
            for write in [claim(1, 1, Micros(50_000)), record(attempt.id, accepted("r1")), Write::Trial] {
                let lost = journal.commit(&[write]);
                assert!(matches!(lost, Err(CommitError::Moved)), "{what}: {lost:?}");
            }
            let lost = book.record(&[Receipt::default()], None, NOW);
            assert!(matches!(lost, Err(CommitError::Moved)), "{what}: {lost:?}");
            assert_eq!(*journal.standing(), before, "{what}");
        }
    }
}

#[cfg(unix)]
#[test]
fn room_is_kept_while_a_journal_is_open_for_sending_and_no_longer() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::with_plan(PER_ITEM, 1, &["a"; 4]);
    let reserve = beside(&place, ".reserve");
    assert!(!reserve.exists(), "planned, not opened");
    let journal = place.open();
    let kept = reserve.metadata().expect("room is kept");
    assert_eq!((kept.len(), kept.mode() & 0o777), (4 << 20, 0o600));
    assert!(kept.blocks() * 512 >= kept.len(), "allocated, not promised");
    drop(journal);
    assert!(!reserve.exists(), "closed");
    // A killed process leaves its own behind, or one that it was still writing.
    for left in [4 << 20, 100, 0, 9 << 20] {
        fs::write(&reserve, vec![1; left]).expect("room");
        let journal = place.open();
        assert_eq!(reserve.metadata().expect("room is kept").len(), 4 << 20, "{left} bytes were left");
        drop(journal);
        assert!(!reserve.exists(), "{left} bytes were left");
    }
}

#[test]
fn nothing_is_opened_for_sending_where_no_room_can_be_kept() {
    let place = Place::with_plan(PER_ITEM, 1, &["a"; 4]);
    fs::create_dir(beside(&place, ".reserve")).expect("in the way");
    let refused = SqliteJournal::open(&place.path(), NOW).err().expect("no room");
    assert_eq!(refused.exit_code(), 1, "{refused}");
    assert!(refused.to_string().contains("could not be opened"), "{refused}");
    fs::remove_dir(beside(&place, ".reserve")).expect("empty");
    let journal = place.open();
    assert_eq!(journal.standing().commits, 1, "the refused opening has left nothing");
}

#[test]
fn a_trial_is_a_commit_that_changes_nothing_else() {
    let place = Place::with_plan(PER_ITEM, 1, &["a"; 4]);
    let mut journal = place.open();
    let before = journal.standing().clone();
    assert_eq!(journal.commit(&[Write::Trial]).expect("room"), [Written::Recorded]);
    let after = journal.standing().clone();
    assert_eq!(after.commits, before.commits + 1);
    assert_eq!(volley_journal::Standing { commits: before.commits, ..after }, before);
    drop(journal);
    assert!(verify(&place.path()).expect("readable").holds());
}

/// An answer that nothing was taken, and how long to wait.
fn held_off(class: Class, retry_after: Option<Duration>) -> volley_core::Outcome {
    Failure { retry_after, ..Failure::new(class, "as the test says") }.into()
}

#[test]
fn the_silence_that_was_asked_for_holds_for_the_next_process() {
    let seconds = Duration::from_secs;
    let minute = Some(seconds(60));
    for (class, asked, silence) in [
        (Class::Throttled, minute, 60),
        (Class::UnavailableUntaken, minute, 60),
        (Class::Throttled, None, 1),
        (Class::Throttled, Some(Duration::from_millis(10)), 1),
        (Class::Throttled, Some(Duration::MAX), u64::MAX),
        // Nobody asked the whole lane to be silent.
        (Class::ConnectTimeout, minute, 0),
        (Class::ServerError, minute, 0),
        (Class::BadRequest, None, 0),
    ] {
        let place = Place::with_plan(PER_ITEM, 1, &["a"; 4]);
        let mut journal = place.open();
        let attempt = claimed(&mut journal, claim(0, 1, Micros(50_000)));
        let outcome = held_off(class, asked);
        journal.commit(&[Write::Record(Record { attempt: attempt.id, outcome, at: NOW })]).expect("open");
        drop(journal);
        let left = |later_ms: i64| {
            let now = NOW.plus_millis(later_ms);
            SqliteJournal::open(&place.path(), now).expect("a journal").silence(now)
        };
        let what = format!("{class:?}, {asked:?}");
        if silence == u64::MAX {
            assert!(left(0) > Duration::from_hours(1_000_000), "{what}");
            continue;
        }
        assert_eq!(left(0), seconds(silence), "{what}");
        assert_eq!(left(-3_600_000), seconds(silence), "{what}: a clock that was set back");
        assert_eq!(left(400), seconds(silence).saturating_sub(Duration::from_millis(400)), "{what}");
        assert_eq!(left(60_000), Duration::ZERO, "{what}");
    }
}

#[test]
fn of_several_silences_the_last_to_end_holds() {
    let place = Place::with_plan(PER_ITEM, 1, &["a"; 4]);
    let mut journal = place.open();
    assert_eq!(journal.silence(NOW), Duration::ZERO);
    for (first, asked, at) in [(0, 90, 0), (1, 5, 10_000), (2, 20, 20_000)] {
        let attempt = claimed(&mut journal, claim(first, 1, Micros(50_000)));
        let outcome = held_off(Class::Throttled, Some(Duration::from_secs(asked)));
        let at = NOW.plus_millis(at);
        journal.commit(&[Write::Record(Record { attempt: attempt.id, outcome, at })]).expect("open");
    }
    drop(journal);
    assert_eq!(place.open().silence(NOW.plus_millis(30_000)), Duration::from_mins(1));
}

#[test]
fn a_throttled_answer_that_is_an_answer_asks_for_nothing() {
    let place = Place::with_plan(PER_ITEM, 1, &["a"; 4]);
    let mut journal = place.open();
    let attempt = claimed(&mut journal, claim(0, 1, Micros(50_000)));
    let outcome = answered(Some("r1"), Verdicts::AllAccepted, Billed::Unknown);
    journal.commit(&[record(attempt.id, outcome)]).expect("open");
    let attempt = claimed(&mut journal, claim(1, 1, Micros(50_000)));
    journal.commit(&[record(attempt.id, failed(Class::TimedOut))]).expect("open");
    drop(journal);
    assert_eq!(place.open().silence(UnixMillis(0)), Duration::ZERO);
}

#[test]
fn a_journal_whose_sums_are_gone_or_of_another_length_is_damaged() {
    for sql in [
        "UPDATE standing SET checksums = x''",
        "UPDATE standing SET checksums = zeroblob(length(checksums) - 1)",
        "UPDATE standing SET checksums = zeroblob(length(checksums) + 16)",
        "UPDATE standing SET checksums = zeroblob(length(checksums))",
    ] {
        let place = Place::with_plan(PER_ITEM, 1, &["a"; 4]);
        place.tamper(sql);
        let fault = SqliteJournal::open(&place.path(), NOW).err().expect(sql);
        assert!(matches!(fault, OpenError::Damaged { .. }), "{sql}: {fault:?}");
        assert!(verify(&place.path()).map_or(true, |verified| !verified.holds()), "{sql}");
    }
}
