//! One holder, private files, and exact words for everything that is no journal.

use crate::support::{NOW, PER_ITEM, Place, claim, claimed, fill};
use std::{fs, path::Path};
use volley_core::Micros;
use volley_journal::{
    CommitError, Journal, JournalReader, OpenError, PlanWriter, ReceiptBook, SqliteJournal, verify,
};

fn refused(path: &Path) -> OpenError {
    SqliteJournal::open(path, NOW).err().expect("no journal to open")
}

#[test]
fn one_process_holds_a_journal_and_the_other_is_told_which() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"]);
    let reader = JournalReader::open(&place.path()).expect("a journal");
    assert_eq!(reader.running().expect("readable"), None);
    let journal = place.open();
    let second = refused(&place.path());
    assert_eq!(second.exit_code(), 11);
    assert!(matches!(second, OpenError::Locked { pid, .. } if pid == std::process::id()), "{second}");
    assert_eq!(reader.running().expect("readable"), Some(std::process::id()));
    drop(journal);
    assert_eq!(reader.running().expect("readable"), None);
    place.open();
}

#[test]
fn who_planned_a_journal_opens_it_before_anybody_else() {
    let place = Place::new();
    let mut writer = PlanWriter::create(&place.path(), PER_ITEM).expect("room");
    let plan = fill(&mut writer, PER_ITEM, 2, &["a", "b"]);
    let lock = writer.finish(&plan).expect("room");
    assert!(matches!(refused(&place.path()), OpenError::Locked { .. }), "another sender");
    let other = PlanWriter::create(&place.path(), PER_ITEM);
    assert!(other.is_err_and(|fault| fault.exit_code() == 2), "another planner, which holds nothing up");
    let journal = SqliteJournal::open_held(lock, NOW).expect("it is held");
    assert_eq!(journal.plan().rows.accepted, 2);
    drop(journal);
    place.open();
}

#[cfg(unix)]
#[test]
fn a_journal_is_the_same_one_under_another_name() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"]);
    let other = place.path().with_file_name("link.volley");
    std::os::unix::fs::symlink(place.path(), &other).expect("a link");
    let _journal = place.open();
    assert!(matches!(refused(&other), OpenError::Locked { .. }));
}

#[cfg(unix)]
#[test]
fn a_journal_with_a_second_name_of_its_own_opens_by_neither() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"]);
    let other = place.path().with_file_name("link.volley");
    fs::hard_link(place.path(), &other).expect("a link");
    for path in [place.path(), other.clone()] {
        let linked = refused(&path);
        assert!(matches!(linked, OpenError::Linked { names: 2, .. }), "{linked}");
        assert_eq!(linked.exit_code(), 12);
        assert!(matches!(JournalReader::open(&path), Err(OpenError::Linked { .. })), "for reading");
        assert!(matches!(ReceiptBook::open(&path), Err(OpenError::Linked { .. })), "for receipts");
    }
    fs::remove_file(other).expect("removed");
    place.open();
}

/// As a kill between the two steps of giving a plan its name leaves it.
#[cfg(unix)]
#[test]
fn a_plan_that_kept_the_name_it_was_made_under_opens_by_its_own_name_alone() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"]);
    let planning = place.path().with_file_name(format!(
        "{}.planning",
        place.path().file_name().expect("a name").to_str().expect("UTF-8")
    ));
    fs::hard_link(place.path(), &planning).expect("a link");
    let linked = refused(&planning);
    assert!(matches!(linked, OpenError::Linked { .. }), "{linked}");
    JournalReader::open(&place.path()).expect("it is looked at");
    assert!(planning.exists(), "looking changes nothing");
    place.open();
    assert!(!planning.exists(), "whoever sends takes it away");
}

#[test]
fn what_is_no_journal_is_named_for_what_it_is() {
    let place = Place::new();
    let path = place.path();
    assert_eq!(refused(&path).exit_code(), 10);

    fs::create_dir(&path).expect("a directory");
    assert!(matches!(refused(&path), OpenError::NotAJournal { .. }), "a directory");
    fs::remove_dir(&path).expect("empty");

    for (name, bytes) in [
        ("an empty file", Vec::new()),
        ("a short text", b"Hi there".to_vec()),
        ("a text", b"number,name\n".repeat(2_000)),
        ("a magic alone", b"SQLite format 3\0".to_vec()),
    ] {
        fs::write(&path, bytes).expect("a file");
        let fault = refused(&path);
        assert!(matches!(fault, OpenError::NotAJournal { .. }), "{name}: {fault:?}");
        assert_eq!(fault.exit_code(), 12);
        let fault = JournalReader::open(&path).err().expect(name);
        assert!(matches!(fault, OpenError::NotAJournal { .. }), "{name}: {fault:?}");
    }
    fs::remove_file(&path).expect("a file");

    rusqlite::Connection::open(&path)
        .and_then(|connection| connection.execute_batch("CREATE TABLE cookies (name TEXT)"))
        .expect("a database");
    let before = fs::read(&path).expect("a file");
    assert!(matches!(refused(&path), OpenError::NotAJournal { .. }), "another program's database");
    assert_eq!(fs::read(&path).expect("a file"), before, "it was not touched");
}

#[test]
fn a_newer_schema_is_left_to_the_volley_that_wrote_it() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"]);
    place.tamper("PRAGMA user_version = 7");
    let fault = refused(&place.path());
    assert!(matches!(fault, OpenError::Newer { version: 7, .. }), "{fault:?}");
    assert_eq!(fault.exit_code(), 12);
    for version in [0, -1] {
        place.tamper(&format!("PRAGMA user_version = {version}"));
        assert!(matches!(refused(&place.path()), OpenError::Damaged { .. }), "{version}");
    }
}

#[test]
fn an_earlier_schema_is_left_to_the_volley_that_wrote_it_and_is_not_touched() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"]);
    place.tamper("PRAGMA user_version = 2");
    let before = fs::read(place.path()).expect("a file");
    let fault = refused(&place.path());
    assert!(matches!(fault, OpenError::Earlier { version: 2, .. }), "{fault:?}");
    assert_eq!(fault.exit_code(), 12);
    let said = "was written by an earlier Volley (schema 2); finish it with that version";
    assert!(fault.to_string().ends_with(said), "{fault}");
    let reader = JournalReader::open(&place.path()).err().expect("no reader");
    assert!(matches!(reader, OpenError::Earlier { .. }), "{reader:?}");
    let verified = verify(&place.path()).expect_err("nothing to verify");
    assert_eq!(verified.exit_code(), 12);
    assert_eq!(fs::read(place.path()).expect("a file"), before);
}

#[test]
fn a_header_with_flipped_bytes_never_opens() {
    let whole = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    let bytes = fs::read(whole.path()).expect("a file");
    // The magic and the application id say that it is another file; the page size, the read
    // version and the first page's own header that it is damaged.
    for offset in [0, 15, 68, 71, 16, 19, 100] {
        let place = Place::new();
        let mut flipped = bytes.clone();
        flipped[offset] ^= 0xFF;
        fs::write(place.path(), &flipped).expect("a file");
        let fault = refused(&place.path());
        assert_eq!(fault.exit_code(), 12, "byte {offset}: {fault:?}");
        if offset <= 15 || (68..=71).contains(&offset) {
            assert!(matches!(fault, OpenError::NotAJournal { .. }), "byte {offset}: {fault:?}");
        }
    }
}

#[test]
fn a_truncated_journal_is_damaged_wherever_it_ends() {
    let texts: Vec<String> = (0..600).map(|index| format!("text number {index}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let whole = Place::with_plan(PER_ITEM, 2, &texts);
    let bytes = fs::read(whole.path()).expect("a file");
    for pages in 1..bytes.len() / 4_096 {
        for odd in [0, 1_000] {
            let place = Place::new();
            fs::write(place.path(), &bytes[..pages * 4_096 + odd]).expect("a file");
            let fault = refused(&place.path());
            assert!(matches!(fault, OpenError::Damaged { .. }), "{pages} pages and {odd} bytes: {fault:?}");
            let seen = verify(&place.path());
            assert!(seen.is_err() || seen.is_ok_and(|seen| !seen.holds()), "{pages} pages");
        }
    }
}

#[cfg(unix)]
#[test]
fn every_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let private = |place: &Place, names: &[&str]| {
        for suffix in names {
            let mut path = place.path().into_os_string();
            path.push(suffix);
            let mode =
                fs::metadata(&path).unwrap_or_else(|fault| panic!("{suffix}: {fault}")).permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{suffix}");
        }
    };
    let place = Place::new();
    let mut writer = PlanWriter::create(&place.path(), PER_ITEM).expect("room");
    private(&place, &[".planning", ".lock"]);
    let plan = fill(&mut writer, PER_ITEM, 2, &["a", "b"]);
    writer.finish(&plan).expect("a plan");
    let mut journal = place.open();
    claimed(&mut journal, claim(0, 1, Micros(0)));
    private(&place, &["", "-wal", "-shm", ".lock"]);
}

#[cfg(unix)]
#[test]
fn every_file_is_for_its_owner_alone_under_the_widest_umask() {
    let again = std::process::Command::new("sh")
        .args(["-c", "umask 000; exec \"$0\" --exact files::every_file_is_for_its_owner_alone"])
        .arg(std::env::current_exe().expect("this test"))
        .output()
        .expect("a shell");
    let told = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && told.contains("1 passed"), "{told}");
}

#[cfg(unix)]
#[test]
fn nothing_is_claimed_in_a_file_that_lost_its_name() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    let mut journal = place.open();
    let before = journal.standing().clone();
    fs::rename(place.path(), place.path().with_file_name("moved.volley")).expect("renamed");
    let lost = journal.commit(&[claim(0, 1, Micros(0))]);
    assert!(matches!(lost, Err(CommitError::Moved)), "{lost:?}");
    assert_eq!(*journal.standing(), before);
}
