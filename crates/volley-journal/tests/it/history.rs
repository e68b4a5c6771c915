//! Who got a text when, across campaigns: what is absorbed, kept, and asked for.

use crate::support::{
    NOW, PER_ITEM, PRICE, Place, SHARED, accepted, claim, claimed, each, failed, fill, number, record, taken,
    terms,
};
use proptest::prelude::*;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use volley_core::{Class, FrequencyCap, Micros, PlanHasher, UnixMillis, Verdict};
use volley_journal::{
    Absorbed, Attempt, FrozenPlan, History, HistoryError, Journal, JournalReader, Moment, PlanWriter,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// When the journals of these tests were answered.
const ANSWERED: UnixMillis = UnixMillis(NOW.0 + 250);

/// A directory with a history in it.
struct Kept {
    directory: TempDir,
}

impl Kept {
    fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("volley-history.db")
    }

    fn key_path(&self) -> PathBuf {
        self.directory.path().join("volley-history.db.key")
    }

    fn open(&self) -> History {
        History::open_or_begin(&self.path()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What `sql` counts, behind Volley's back.
    fn count(&self, sql: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.path()).expect("a database");
        connection.query_row(sql, [], |row| row.get(0)).expect(sql)
    }
}

fn cap(text: &str) -> FrequencyCap {
    text.parse().expect("a cap")
}

fn plan_of(place: &Place) -> FrozenPlan {
    JournalReader::open(&place.path()).expect("a journal").plan().clone()
}

fn watch(history: &mut History, place: &Place) {
    history.watch(&place.path(), &plan_of(place)).expect("watched");
}

fn absorb(history: &mut History) -> Absorbed {
    history.absorb(NOW).unwrap_or_else(|error| panic!("{error}"))
}

/// Which of the tests' numbers `cap` gives no further text at `moment`.
fn capped_then(history: &History, cap: FrequencyCap, moment: Moment) -> Vec<usize> {
    let mut found = Vec::new();
    history.for_each_capped(cap, moment, |pseudonym| found.push(pseudonym)).expect("readable");
    let mut numbers: Vec<usize> = found
        .into_iter()
        .map(|pseudonym| {
            let is = |index: &usize| history.key().pseudonym(number(*index)) == pseudonym;
            (0..6).find(is).expect("one of the numbers")
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

fn capped(history: &History, text: &str, at: UnixMillis) -> Vec<usize> {
    capped_then(history, cap(text), history.moment(at).expect("readable"))
}

fn commit(journal: &mut dyn Journal, attempt: Attempt, outcome: volley_core::Outcome) {
    journal.commit(&[record(attempt.id, outcome)]).expect("open");
}

/// A journal of six people whose first `taken` were accepted in one request.
fn sent_to(taken: u32) -> Place {
    let place = Place::with_plan(SHARED, 6, &["a"; 6]);
    let mut journal = place.open();
    let attempt = claimed(&mut journal, claim(0, taken, PRICE));
    commit(&mut journal, attempt, accepted("r1"));
    place
}

#[test]
fn who_got_a_text_or_may_have_counts_and_nobody_else() {
    let place = Place::with_plan(PER_ITEM, 3, &["a"; 6]);
    let kept = Kept::new();
    let mut history = kept.open();
    watch(&mut history, &place);
    assert_eq!(absorb(&mut history), Absorbed::default(), "nothing was sent yet");

    let mut journal = place.open();
    let refused = Verdict::Refused { code: "RECIPIENTS_ERROR".into() };
    let silent = Verdict::InDoubt { reason: "not answered for".into() };
    let attempt = claimed(&mut journal, claim(0, 3, PRICE));
    commit(&mut journal, attempt, each(vec![taken("m1"), refused, silent]));
    let attempt = claimed(&mut journal, claim(3, 1, PRICE));
    commit(&mut journal, attempt, failed(Class::Throttled));
    claimed(&mut journal, claim(4, 1, PRICE));

    assert_eq!(absorb(&mut history).texts, 2, "what is under way is its sender's matter");
    assert_eq!(capped(&history, "1/7d", ANSWERED), [0, 2]);

    drop(journal); // as a kill leaves it
    assert_eq!(absorb(&mut history).texts, 1, "whoever was under way may have got it");
    assert_eq!(capped(&history, "1/7d", ANSWERED), [0, 2, 4]);

    drop(place.open()); // what was open is in doubt
    assert_eq!(absorb(&mut history).texts, 0);
    assert_eq!(capped(&history, "1/7d", ANSWERED), [0, 2, 4]);
}

#[test]
fn a_text_counts_until_its_window_has_passed() {
    let place = sent_to(2);
    let kept = Kept::new();
    let mut history = kept.open();
    watch(&mut history, &place);
    assert_eq!(absorb(&mut history).texts, 2);
    for (text, at, who) in [
        ("1/7d", ANSWERED.0, &[0, 1][..]),
        ("1/7d", ANSWERED.0 + 7 * DAY_MS - 1, &[0, 1]),
        ("1/7d", ANSWERED.0 + 7 * DAY_MS, &[]),
        ("1/366d", ANSWERED.0 + 7 * DAY_MS, &[0, 1]),
        ("2/7d", ANSWERED.0, &[]),
    ] {
        assert_eq!(capped(&history, text, UnixMillis(at)), who, "{text} at {at}");
    }
}

#[test]
fn texts_of_several_campaigns_add_up() {
    let kept = Kept::new();
    let mut history = kept.open();
    // Each campaign has a plan of its own, as another number of texts makes it.
    for (texts, taken) in [(6, 4), (5, 3), (4, 1)] {
        let place = Place::with_plan(SHARED, 6, &vec!["a"; texts]);
        let mut journal = place.open();
        let attempt = claimed(&mut journal, claim(0, taken, PRICE));
        commit(&mut journal, attempt, accepted("r1"));
        watch(&mut history, &place);
        assert_eq!(absorb(&mut history).texts, u64::from(taken));
    }
    assert_eq!(capped(&history, "1/7d", ANSWERED), [0, 1, 2, 3]);
    assert_eq!(capped(&history, "2/7d", ANSWERED), [0, 1, 2]);
    assert_eq!(capped(&history, "3/7d", ANSWERED), [0]);
    assert_eq!(capped(&history, "4/7d", ANSWERED), [0; 0]);
}

#[test]
fn a_scheduled_text_counts_at_its_schedule_for_the_time_before_it_too() {
    let place = Place::new();
    let mut writer = PlanWriter::create(&place.path(), SHARED).expect("room");
    let mut plan = fill(&mut writer, SHARED, 6, &["a"]);
    let schedule = UnixMillis(NOW.0 + 30 * DAY_MS);
    plan.terms = volley_core::PlanTerms { send_at: Some(schedule), ..terms(SHARED, 6) };
    let mut hasher = PlanHasher::new(plan.rounding);
    hasher.planned(volley_core::RowNumber(2), number(0), "a", Some(PRICE));
    plan.hash = hasher.finish(&plan.terms);
    writer.finish(&plan).expect("a plan");
    let mut journal = place.open();
    let attempt = claimed(&mut journal, claim(0, 1, PRICE));
    commit(&mut journal, attempt, accepted("r1"));

    let kept = Kept::new();
    let mut history = kept.open();
    watch(&mut history, &place);
    absorb(&mut history);
    for (days, who) in [(22, &[][..]), (23, &[]), (24, &[0]), (36, &[0]), (37, &[])] {
        let at = UnixMillis(NOW.0 + days * DAY_MS);
        assert_eq!(capped(&history, "1/7d", at), who, "on day {days}");
    }
}

#[test]
fn a_journal_that_is_gone_is_told_of_once_and_what_was_absorbed_stays() {
    let kept = Kept::new();
    let mut history = kept.open();
    let place = sent_to(3);
    let path = place.path().canonicalize().expect("a path");
    watch(&mut history, &place);
    absorb(&mut history);
    drop(place);
    assert_eq!(absorb(&mut history), Absorbed { texts: 0, gone: vec![path] });
    assert_eq!(absorb(&mut history), Absorbed::default());
    assert_eq!(capped(&history, "1/7d", ANSWERED), [0, 1, 2]);
}

#[test]
fn another_plan_in_its_place_is_a_journal_that_is_gone() {
    let kept = Kept::new();
    let mut history = kept.open();
    let place = sent_to(3);
    watch(&mut history, &place);
    let other = Place::with_plan(SHARED, 6, &["b"; 6]);
    for suffix in ["-wal", "-shm", ".witness"] {
        drop(fs::remove_file(format!("{}{suffix}", place.path().display())));
    }
    fs::rename(other.path(), place.path()).expect("the same file system");
    let absorbed = absorb(&mut history);
    assert_eq!((absorbed.texts, absorbed.gone.len()), (0, 1));
}

#[test]
fn a_journal_that_moved_is_the_same_one_where_it_goes_on() {
    let kept = Kept::new();
    let mut history = kept.open();
    let place = sent_to(3);
    watch(&mut history, &place);
    assert_eq!(absorb(&mut history).texts, 3);
    let moved = place.snapshot();
    drop(place);
    let mut journal = moved.open();
    watch(&mut history, &moved);
    let attempt = claimed(&mut journal, claim(3, 1, PRICE));
    commit(&mut journal, attempt, accepted("r2"));
    assert_eq!(absorb(&mut history), Absorbed { texts: 1, gone: Vec::new() });
    assert_eq!(capped(&history, "1/7d", ANSWERED), [0, 1, 2, 3]);
    assert_eq!(capped(&history, "2/7d", ANSWERED), [0; 0]);
}

#[test]
fn a_finished_journal_may_go_without_a_word_and_comes_back_when_it_goes_on() {
    let kept = Kept::new();
    let mut history = kept.open();
    let place = sent_to(6);
    watch(&mut history, &place);
    assert_eq!(absorb(&mut history).texts, 6);
    let copy = place.snapshot();
    drop(place);
    assert_eq!(absorb(&mut history), Absorbed::default());
    watch(&mut history, &copy);
    assert_eq!(absorb(&mut history), Absorbed::default());
    assert_eq!(kept.count("SELECT count(*) FROM sent"), 6);
}

#[test]
fn a_moment_names_the_same_numbers_whatever_was_sent_since() {
    let kept = Kept::new();
    let mut history = kept.open();
    let (first, second) = (sent_to(2), Place::with_plan(SHARED, 5, &["a"; 5]));
    watch(&mut history, &first);
    absorb(&mut history);
    let moment = history.moment(ANSWERED).expect("readable");
    let plan = plan_of(&second);
    assert_eq!(history.moment_of(&plan).expect("readable"), None);
    history.remember(&plan, moment).expect("kept");

    let mut journal = second.open();
    watch(&mut history, &second);
    let attempt = claimed(&mut journal, claim(0, 5, PRICE));
    commit(&mut journal, attempt, accepted("r1"));
    assert_eq!(absorb(&mut history).texts, 5);
    drop(history);

    let history = kept.open();
    assert_eq!(history.moment_of(&plan).expect("readable"), Some(moment));
    assert_eq!(capped_then(&history, cap("1/7d"), moment), [0, 1]);
    assert_eq!(capped(&history, "1/7d", ANSWERED), [0, 1, 2, 3, 4]);
}

#[test]
fn what_is_older_than_any_window_is_forgotten() {
    let kept = Kept::new();
    let mut history = kept.open();
    let place = sent_to(6);
    watch(&mut history, &place);
    absorb(&mut history);
    let days = |days: i64| UnixMillis(ANSWERED.0 + days * DAY_MS);
    history.absorb(days(366)).expect("readable");
    assert_eq!(kept.count("SELECT count(*) FROM sent"), 6, "the longest window may ask for it");
    history.absorb(days(400)).expect("readable");
    assert_eq!(kept.count("SELECT (SELECT count(*) FROM sent) + (SELECT count(*) FROM journal)"), 0);
}

#[test]
fn a_journal_that_cannot_be_read_stops_until_it_is_mended_or_moved_away() {
    let kept = Kept::new();
    let mut history = kept.open();
    let place = sent_to(3);
    watch(&mut history, &place);
    place.tamper("UPDATE recipient SET msisdn = 0 WHERE position = 1");
    let error = history.absorb(NOW).expect_err("a number that is none");
    assert_eq!(error.exit_code(), 12);
    assert!(error.to_string().ends_with("to go on without, move it away"), "{error}");
    fs::remove_file(place.path()).expect("moved away");
    assert_eq!(absorb(&mut history).gone.len(), 1);
}

#[test]
fn a_history_has_a_key_of_its_own_and_both_are_their_owners_alone() {
    let kept = Kept::new();
    assert!(History::open(&kept.path()).expect("no fault").is_none());
    assert!(!kept.key_path().exists(), "looking makes nothing");
    let mut history = kept.open();
    watch(&mut history, &sent_to(1));
    for file in fs::read_dir(kept.directory.path()).expect("a directory") {
        let file = file.expect("an entry");
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
    }
    let key = fs::read_to_string(kept.key_path()).expect("text");
    let (first, rest) = key.split_once('\n').expect("lines");
    assert!(first.len() == 64 && first.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(rest, "in use\n", "its history is there");
    let other = Kept::new();
    assert_ne!(other.open().key(), history.key(), "each has its own");
    assert_eq!(kept.open().key(), history.key(), "and keeps it");
}

#[test]
fn no_number_stands_in_the_file_or_can_be_found_with_another_key() {
    let kept = Kept::new();
    let mut history = kept.open();
    watch(&mut history, &sent_to(6));
    absorb(&mut history);
    drop(history);
    let bytes = fs::read(kept.path()).expect("a file");
    for index in 0..6 {
        let digits = number(index).digits();
        // As text, and as SQLite writes an integer of this size.
        for needle in [digits.to_string().as_bytes(), &digits.to_be_bytes()[2..]] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{index}");
        }
    }
}

#[test]
fn a_key_that_is_missing_or_another_ones_is_named_with_what_to_restore() {
    let (kept, other) = (Kept::new(), Kept::new());
    drop((kept.open(), other.open()));
    let key = fs::read(kept.key_path()).expect("a key");
    let refused = |expected_code, says: &str| {
        let error = History::open_or_begin(&kept.path()).expect_err(says);
        assert_eq!(error.exit_code(), expected_code, "{error}");
        assert!(error.to_string().contains("volley-history.db.key") && error.to_string().contains(says));
    };
    fs::remove_file(kept.key_path()).expect("gone");
    refused(10, "is missing");
    assert!(!kept.key_path().exists(), "no new key is put in its place");
    fs::copy(other.key_path(), kept.key_path()).expect("a copy");
    refused(12, "is not the key");
    fs::write(kept.key_path(), "not a key").expect("written");
    refused(12, "is not the key");
    fs::write(kept.key_path(), &key).expect("written");
    drop(kept.open());
    // A key without its history says that the history is lost; nothing is begun in its place.
    fs::remove_file(kept.path()).expect("gone");
    refused(10, "is missing, though its key");
    assert!(!kept.path().exists());
    fs::remove_file(kept.key_path()).expect("gone");
    drop(kept.open());
    assert_ne!(fs::read(kept.key_path()).expect("a key"), key, "a new history has a new key");
}

#[test]
fn what_is_no_history_is_refused_and_left_alone() {
    let kept = Kept::new();
    let place = sent_to(1);
    for (content, what) in [
        (Vec::new(), "an empty file"),
        (b"number\n+61491570006\n".to_vec(), "a list"),
        (fs::read(place.path()).expect("a journal"), "a journal"),
    ] {
        fs::write(kept.path(), &content).expect("written");
        let error = History::open_or_begin(&kept.path()).expect_err(what);
        assert!(matches!(error, HistoryError::NotAHistory { .. }), "{what}: {error}");
        assert_eq!(error.exit_code(), 12, "{what}");
        assert_eq!(fs::read(kept.path()).expect("there"), content, "{what}");
    }
    assert!(!kept.key_path().exists());
    let directory = History::open(kept.directory.path()).expect_err("a directory");
    assert!(matches!(directory, HistoryError::NotAHistory { .. }), "{directory}");
    let nowhere = History::open_or_begin(Path::new("/nowhere/volley-history.db")).expect_err("no directory");
    assert_eq!(nowhere.exit_code(), 10, "{nowhere}");
}

#[test]
fn a_history_of_a_later_version_is_left_alone() {
    let kept = Kept::new();
    drop(kept.open());
    let connection = rusqlite::Connection::open(kept.path()).expect("a database");
    connection.pragma_update(None, "user_version", 2).expect("a version");
    drop(connection);
    let error = History::open(&kept.path()).expect_err("newer");
    assert!(matches!(error, HistoryError::Newer { version: 2, .. }), "{error}");
}

#[test]
fn whoever_begins_at_the_same_time_begins_the_same_one() {
    let kept = Kept::new();
    let begin = || History::open_or_begin(&kept.path()).map(|history| history.key().clone());
    let keys: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(begin)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic").expect("a history")).collect()
    });
    assert!(keys.iter().all(|key| key == &keys[0]));
    assert_eq!(fs::read_dir(kept.directory.path()).expect("a directory").count(), 2, "no draft is left");
}

#[test]
fn two_at_once_count_everybody_once() {
    let kept = Kept::new();
    let place = sent_to(6);
    watch(&mut kept.open(), &place);
    let texts: u64 = std::thread::scope(|scope| {
        let absorbing: Vec<_> = (0..4).map(|_| scope.spawn(|| absorb(&mut kept.open()).texts)).collect();
        absorbing.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(texts, 6);
    assert_eq!(kept.count("SELECT count(*) FROM sent"), 6);
}

/// What may happen to the next request of a campaign.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Accepted,
    Refused,
    InDoubt,
    NotTaken,
    Killed,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// A campaign is sent request by request, killed and resumed at random. One history absorbs
    /// after each step, as plans and runs of others would make it; one that absorbs at the end
    /// alone knows the same people.
    #[test]
    fn absorbing_often_is_absorbing_once(
        happenings in prop::collection::vec(
            prop_oneof![
                Just(Happens::Accepted),
                Just(Happens::Refused),
                Just(Happens::InDoubt),
                Just(Happens::NotTaken),
                Just(Happens::Killed),
            ],
            1..12,
        ),
    ) {
        let place = Place::with_plan(SHARED, 1, &["a"; 6]);
        let (often, once) = (Kept::new(), Kept::new());
        let (mut often, mut once) = (often.open(), once.open());
        watch(&mut often, &place);
        watch(&mut once, &place);
        let mut journal = Some(place.open());
        let mut got = [false; 6];
        let mut next = 0;
        for happens in happenings {
            if next == 6 {
                break;
            }
            let sending = journal.as_mut().expect("open");
            let attempt = claimed(sending, claim(next, 1, Micros(0)));
            absorb(&mut often);
            match happens {
                Happens::Accepted => commit(sending, attempt, accepted("r")),
                Happens::Refused => commit(sending, attempt, failed(Class::BadRequest)),
                Happens::InDoubt => commit(sending, attempt, failed(Class::ReplyLost)),
                Happens::NotTaken => commit(sending, attempt, failed(Class::Throttled)),
                Happens::Killed => {
                    drop(journal.take());
                    absorb(&mut often);
                    journal = Some(place.open());
                }
            }
            absorb(&mut often);
            got[next as usize] |= matches!(happens, Happens::Accepted | Happens::InDoubt | Happens::Killed);
            next += u32::from(!matches!(happens, Happens::NotTaken));
        }
        drop(journal);
        absorb(&mut once);
        let expected: Vec<usize> = (0..6).filter(|&index| got[index]).collect();
        let later = UnixMillis(NOW.0 + DAY_MS);
        prop_assert_eq!(capped(&often, "1/7d", later), &expected[..]);
        prop_assert_eq!(capped(&once, "1/7d", later), &expected[..]);
        prop_assert_eq!(capped(&often, "2/7d", later), [0_usize; 0], "nobody counts twice");
    }
}

#[test]
fn a_write_under_way_elsewhere_is_waited_for() {
    let kept = Kept::new();
    let mut history = kept.open();
    let place = sent_to(2);
    watch(&mut history, &place);
    let mut other = rusqlite::Connection::open(kept.path()).expect("a database");
    let writing = other
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .expect("nobody else writes");
    std::thread::scope(|scope| {
        let absorbing = scope.spawn(|| absorb(&mut history).texts);
        writing.execute("UPDATE about SET absorptions = absorptions + 1", []).expect("a write");
        writing.commit().expect("a commit");
        assert_eq!(absorbing.join().expect("no panic"), 2);
    });
}
