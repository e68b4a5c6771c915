//! Whatever instant a process dies at: nobody lost, nobody sent twice, doubt where it belongs.

use crate::support::{
    NOW, PER_ITEM, Place, SHARED, accepted, cancelled, claim, claim_of, claimed, counted, decided, each,
    failed, record, taken,
};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};
use volley_core::{Class, Micros, Position, Totals, Verdict};
use volley_journal::{
    AttemptId, CancelResult, Decision, Journal, JournalReader, OpenError, PlanWriter, SqliteJournal, Write,
    verify,
};

/// What the copy of a killed journal says before and after it is opened.
fn recovers(place: &Place, open: u64, before: Totals) {
    let copy = place.snapshot();
    let verified = verify(&copy.path()).expect("readable");
    assert!(verified.holds(), "{:?}", verified.broken);
    assert_eq!((verified.waiting_for_recovery(), verified.recipients), (open, before));
    let reader = JournalReader::open(&copy.path()).expect("a journal");
    assert_eq!(reader.standing().expect("readable").recipients, before);
    let mut journal = copy.open();
    let recovered = journal.recovered();
    assert_eq!(recovered.attempts, open);
    let after = journal.standing().recipients;
    assert_eq!(after.in_doubt, before.in_doubt + recovered.recipients);
    assert_eq!(after.sum(), before.sum(), "nobody is lost");
    let waiting: u64 = journal
        .next_chunks(Position(0), 99)
        .expect("readable")
        .iter()
        .map(|chunk| u64::from(chunk.len()))
        .sum();
    assert_eq!(waiting, after.pending, "doubt is handed out to nobody");
    drop(journal);
    let verified = verify(&copy.path()).expect("readable");
    assert!(verified.holds(), "{:?}", verified.broken);
    assert_eq!((verified.open, verified.recipients), (0, after));
}

/// SQLite gives a file its log by way of its older journal, which a kill in that instant leaves
/// beside it. A larger change by the same way leaves the same.
#[test]
fn whoever_only_reads_what_was_killed_as_it_got_its_log_sees_it_whole() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    let writer = rusqlite::Connection::open(place.path()).expect("a journal");
    writer
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; CREATE TABLE large (bytes BLOB);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
             INSERT INTO large SELECT zeroblob(4000) FROM n;",
        )
        .expect("room");
    let killed = Place::new();
    let note = |path: &Path| format!("{}-journal", path.display());
    std::fs::copy(place.path(), killed.path()).expect("a copy");
    std::fs::copy(note(&place.path()), note(&killed.path())).expect("a copy");
    assert!(std::fs::metadata(killed.path()).expect("a file").len() > 40 * 4_096, "it is half changed");

    let verified = verify(&killed.path()).expect("readable");
    assert!(verified.holds() && verified.recipients.pending == 2, "{:?}", verified.broken);
    assert!(!Path::new(&note(&killed.path())).exists(), "it is whole again");
    assert_eq!(killed.open().standing().recipients.pending, 2);
}

#[test]
fn a_kill_after_any_commit_leaves_doubt_about_open_attempts_alone() {
    let place = Place::with_plan(SHARED, 2, &["a", "b", "a", "b", "a", "c", "c"]);
    let mut journal = place.open();
    let refused = || Verdict::Refused { code: "FIELD_INVALID".into() };
    let doubt = || Verdict::InDoubt { reason: "not answered for".into() };
    let chunks = journal.next_chunks(Position(0), 99).expect("readable");
    assert_eq!(chunks.len(), 4, "aa a bb cc");
    let mut states = Totals { pending: 7, ..Totals::default() };
    recovers(&place, 0, states);
    let first = claimed(&mut journal, claim_of(&chunks[0]));
    recovers(&place, 1, states);
    let second = claimed(&mut journal, claim_of(&chunks[1]));
    let third = claimed(&mut journal, claim_of(&chunks[2]));
    recovers(&place, 3, states);
    journal.commit(&[record(second.id, failed(Class::Throttled)), claim_of(&chunks[3])]).expect("legal");
    recovers(&place, 3, states);
    journal.commit(&[record(first.id, each(vec![counted("m1", 2), refused()]))]).expect("open");
    (states.pending, states.accepted, states.refused) = (5, 1, 1);
    recovers(&place, 2, states);
    let again = claimed(&mut journal, claim_of(&chunks[1]));
    assert_eq!(again.number, 2);
    journal.commit(&[record(again.id, accepted("r9"))]).expect("open");
    (states.pending, states.accepted) = (4, 2);
    recovers(&place, 2, states);
    journal.commit(&[record(third.id, each(vec![doubt(), taken("m2")]))]).expect("open");
    (states.pending, states.accepted, states.in_doubt) = (2, 3, 1);
    recovers(&place, 1, states);
    journal.commit(&[Write::RunEnded { exit_code: 130, at: NOW }]).expect("room");
    recovers(&place, 1, states);
}

#[test]
fn a_kill_after_any_decision_leaves_it_made() {
    let place = Place::with_plan(PER_ITEM, 3, &["a"; 8]);
    let mut journal = place.open();
    let one = claimed(&mut journal, claim(0, 3, Micros(150_000)));
    let two = claimed(&mut journal, claim(3, 3, Micros(150_000)));
    journal.commit(&[record(one.id, failed(Class::TimedOut))]).expect("open");
    let mut states = Totals { pending: 5, in_doubt: 3, ..Totals::default() };
    recovers(&place, 1, states);
    journal.commit(&[Write::Resolve(decided(Decision::Accepted, &[1]))]).expect("in doubt");
    (states.accepted, states.in_doubt) = (1, 2);
    recovers(&place, 1, states);
    // Sent again in the commit that approves it, beside the answer to another attempt.
    let silent = Verdict::InDoubt { reason: "not answered for".into() };
    let answer = record(two.id, each(vec![taken("m3"), silent, taken("m5")]));
    let resend = Write::Resolve(decided(Decision::Resend, &[0, 2]));
    journal.commit(&[resend, answer, claim(2, 1, Micros(50_000))]).expect("legal");
    states = Totals { pending: 4, accepted: 3, refused: 0, in_doubt: 1 };
    recovers(&place, 1, states);
    journal.commit(&[cancelled(two.id.0, CancelResult::Done)]).expect("it took somebody");
    recovers(&place, 1, states);
    journal.commit(&[record(AttemptId(3), failed(Class::ReplyLost))]).expect("open");
    (states.pending, states.in_doubt) = (3, 2);
    recovers(&place, 0, states);
    journal.commit(&[Write::Resolve(decided(Decision::Resend, &[2, 4]))]).expect("in doubt");
    (states.pending, states.in_doubt) = (5, 0);
    recovers(&place, 0, states);
    let again = claimed(&mut journal, claim(2, 1, Micros(50_000)));
    assert_eq!(again.number, 3);
    recovers(&place, 1, states);
}

#[test]
fn a_torn_last_commit_never_happened() {
    let place = Place::with_plan(PER_ITEM, 1, &["a"; 3]);
    let mut journal = place.open();
    claimed(&mut journal, claim(0, 1, Micros(50_000)));
    let log = |place: &Place| {
        let mut path = place.path().into_os_string();
        path.push("-wal");
        std::path::PathBuf::from(path)
    };
    let whole = log(&place).metadata().expect("a log").len();
    claimed(&mut journal, claim(1, 1, Micros(50_000)));
    let longer = log(&place).metadata().expect("a log").len();
    assert!(longer > whole, "the second commit is in the log");
    for (length, open) in [(longer, 2), (longer - 1, 1), (whole + 1, 1), (whole, 1)] {
        let copy = place.snapshot();
        let file = std::fs::OpenOptions::new().write(true).open(log(&copy)).expect("a log");
        file.set_len(length).expect("shorter");
        let mut index = copy.path().into_os_string();
        index.push("-shm"); // a power cut takes the index with it
        std::fs::remove_file(index).expect("an index");
        // The witness is told after the commit that was torn.
        std::fs::remove_file(copy.witness()).expect("a witness");
        assert_eq!(copy.open().recovered().attempts, open, "{length} of {longer} bytes");
    }
}

#[test]
fn an_older_copy_and_a_lost_log_are_noticed_before_anything_is_sent() {
    let place = Place::with_plan(PER_ITEM, 1, &["a"; 3]);
    drop(place.open());
    let before = std::fs::read(place.path()).expect("a journal");
    let mut journal = place.open();
    let attempt = claimed(&mut journal, claim(0, 1, Micros(50_000)));
    journal.commit(&[record(attempt.id, accepted("r1"))]).expect("open");

    let lost_log = place.snapshot();
    drop(journal);
    for suffix in ["-wal", "-shm"] {
        let mut name = lost_log.path().into_os_string();
        name.push(suffix);
        std::fs::remove_file(name).expect("beside an open journal");
    }
    std::fs::write(place.path(), before).expect("an older copy");
    for (what, place) in [("older copy", &place), ("lost log", &lost_log)] {
        let refused = SqliteJournal::open(&place.path(), NOW).err().expect(what);
        assert!(matches!(refused, OpenError::Older { .. }), "{what}: {refused}");
        assert_eq!(refused.exit_code(), 12, "{what}");
        let verified = verify(&place.path()).expect(what);
        assert!(
            verified.broken.iter().any(|broken| broken.invariant == "J13"),
            "{what}: {:?}",
            verified.broken
        );
    }
    // Removed on purpose and planned anew, it is a new journal.
    std::fs::remove_file(place.path()).expect("removed");
    let mut writer = PlanWriter::create(&place.path(), PER_ITEM).expect("a plan");
    let plan = crate::support::fill(&mut writer, PER_ITEM, 1, &["a"; 3]);
    writer.finish(&plan).expect("a plan");
    assert_eq!(place.open().standing().recipients.pending, 3);
}

#[test]
fn verify_and_readers_work_beside_a_sender() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 4]);
    let mut journal = place.open();
    let reader = JournalReader::open(&place.path()).expect("a journal");
    let attempt = claimed(&mut journal, claim(0, 2, Micros(100_000)));
    let verified = verify(&place.path()).expect("readable");
    assert!(verified.holds(), "{:?}", verified.broken);
    assert_eq!((verified.open, verified.waiting_for_recovery()), (1, 0));
    assert_eq!(verified.owner, Some(std::process::id()));
    journal.commit(&[record(attempt.id, accepted("r1"))]).expect("open");
    assert_eq!(reader.standing().expect("readable"), *journal.standing(), "as of the last commit");
    // A reader that comes and goes leaves the sender's log alone.
    drop(reader);
    claimed(&mut journal, claim(2, 2, Micros(100_000)));
    drop(journal);
    assert_eq!(SqliteJournal::open(&place.path(), NOW).expect("a journal").recovered().attempts, 1);
}

/// The process that the next test kills, which is that test again under another environment.
/// Claims, says so, and waits for its end.
fn be_the_sender(path: &Path) -> ! {
    let mut journal = SqliteJournal::open(path, NOW).expect("a journal");
    claimed(&mut journal, claim(0, 2, Micros(100_000)));
    println!("\n{CLAIMED}");
    std::io::stdin().read_line(&mut String::new()).expect("a pipe");
    panic!("it was to be killed");
}

const JOURNAL: &str = "VOLLEY_TEST_JOURNAL";
const CLAIMED: &str = "claimed, kill me";

#[test]
fn a_killed_process_frees_the_lock_and_leaves_doubt() {
    if let Some(path) = std::env::var_os(JOURNAL) {
        be_the_sender(path.as_ref());
    }
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 4]);
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "crashes::a_killed_process_frees_the_lock_and_leaves_doubt", "--nocapture"])
        .env(JOURNAL, place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let told = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(told.map_while(Result::ok).any(|line| line == CLAIMED), "the child claims");
    let locked = SqliteJournal::open(&place.path(), NOW).err().expect("held");
    assert!(matches!(locked, OpenError::Locked { pid, .. } if pid == child.id()), "{locked}");
    let verified = verify(&place.path()).expect("readable");
    assert_eq!((verified.owner, verified.open, verified.holds()), (Some(child.id()), 1, true));

    child.kill().expect("alive");
    child.wait().expect("killed");
    let verified = verify(&place.path()).expect("readable");
    assert_eq!((verified.owner, verified.waiting_for_recovery(), verified.holds()), (None, 1, true));
    let journal = place.open();
    assert_eq!((journal.recovered().attempts, journal.standing().recipients.in_doubt), (1, 2));
}
