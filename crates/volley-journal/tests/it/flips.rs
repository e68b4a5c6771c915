//! Single bits that change on the disk: noticed, or without meaning.
//!
//! `VOLLEY_FLIPS` says how many bits change in each file; `SEED` repeats a run.

use crate::support::{
    NOW, PER_ITEM, Place, answered, cancelled, claim, claimed, counted, decided, each, failed, record, taken,
};
use std::{
    fmt::Write as _,
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
};
use volley_core::{Billed, Class, Micros, Position, Verdict, Verdicts};
use volley_journal::{
    CancelResult, Decision, Evidence, Journal, JournalReader, Resolution, SqliteJournal, Write, verify,
};

const RECIPIENTS: u32 = 90;

/// A journal in which everything happened that can, open as its sender left it.
fn eventful() -> (Place, SqliteJournal) {
    let texts: Vec<String> = (0..RECIPIENTS).map(|index| format!("Hi {index}, 20% off")).collect();
    let place = Place::with_plan(PER_ITEM, 3, &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut journal = place.open();
    let price = |recipients: u32| Micros(50_000 * i64::from(recipients));
    for (turn, first) in (0..RECIPIENTS - 15).step_by(3).enumerate() {
        let attempt = claimed(&mut journal, claim(first, 3, price(3)));
        let refused = || Verdict::Refused { code: "FIELD_INVALID".into() };
        let priced =
            |id: String| Verdict::Accepted { id: Some(id), billed: Some(Micros(45_000)), segments: Some(1) };
        let outcome = match turn % 5 {
            0 => each(vec![counted(&format!("m{first}"), 1), counted(&format!("n{first}"), 2), refused()]),
            1 => answered(Some(&format!("r{first}")), Verdicts::AllAccepted, Billed::Money(Micros(140_000))),
            2 => failed(Class::TimedOut),
            3 => each(vec![priced(format!("p{first}")), refused(), taken(&format!("q{first}"))]),
            _ => failed(Class::Throttled),
        };
        journal.commit(&[record(attempt.id, outcome)]).expect("open");
    }
    let found = Resolution {
        evidence: Evidence::Lookup,
        request_id: Some("r6".to_owned()),
        message_ids: vec![(Position(6), "m6".to_owned())],
        ..decided(Decision::Accepted, &[6, 7])
    };
    journal.commit(&[Write::Resolve(found)]).expect("in doubt");
    journal.commit(&[Write::Resolve(decided(Decision::Resend, &[8, 21]))]).expect("in doubt");
    journal.commit(&[cancelled(2, CancelResult::TooLate)]).expect("it took somebody");
    journal.commit(&[Write::Cap { max_cost: Micros(9_000_000) }]).expect("room");
    journal.commit(&[Write::Canary { recipients: NonZeroU32::new(9) }]).expect("room");
    claimed(&mut journal, claim(8, 1, price(1))); // still open when the process ends
    (place, journal)
}

/// Everything that a journal says of its recipients and its totals.
fn said(path: &Path) -> Result<String, String> {
    let reader = JournalReader::open(path).map_err(|fault| fault.to_string())?;
    let mut said = format!("{:?}\n{:?}\n", reader.plan(), reader.standing());
    let mut line = |line: String| writeln!(said, "{line}").expect("memory");
    reader
        .for_each_report_row(|row| line(format!("{row:?}")))
        .and_then(|()| reader.for_each_bill_line(|bill| line(format!("{bill:?}"))))
        .and_then(|()| reader.request_bills().map(|bills| line(format!("{bills:?}"))))
        .and_then(|()| reader.cancellations().map(|all| line(format!("{all:?}"))))
        .and_then(|()| reader.doubtful_attempts().map(|all| line(format!("{all:?}"))))
        .map_err(|fault| fault.to_string())?;
    Ok(said)
}

/// The same once it was opened for sending, as its next run would find it.
fn said_when_opened(path: &Path) -> Result<String, String> {
    let mut journal = SqliteJournal::open(path, NOW).map_err(|fault| fault.to_string())?;
    let chunks = journal.next_chunks(Position(0), 99).map_err(|fault| fault.to_string())?;
    Ok(format!("{:?}\n{chunks:?}\n{}", journal.silence(NOW), said(path)?))
}

/// What a killed process or a closed journal leaves, without what SQLite makes anew.
fn copy_of(place: &Place) -> Place {
    let copy = Place::in_memory();
    for suffix in ["", "-wal", ".witness"] {
        let beside = |path: PathBuf| {
            let mut name = path.into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        if let Ok(bytes) = fs::read(beside(place.path())) {
            fs::write(beside(copy.path()), bytes).expect("room");
        }
    }
    copy
}

/// Flips bits of the file with this suffix, one in each copy of `place`, and holds what is read
/// against what was written. How often it was noticed, and how often by the sums alone.
fn flip(place: &Place, suffix: &str, flips: u64, seed: u64) -> (u64, u64) {
    let whole = copy_of(place);
    let written = said(&whole.path()).expect("it is whole");
    assert!(verify(&whole.path()).expect("it is whole").holds());
    let reopened = said_when_opened(&whole.path()).expect("it is whole");
    let (mut noticed, mut by_sums) = (0, 0);
    let mut random = seed;
    for flip in 0..flips {
        let copy = copy_of(place);
        let mut file = copy.path().into_os_string();
        file.push(suffix);
        let mut bytes = fs::read(&file).expect("a file");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bit = (u128::from(random) * (bytes.len() as u128 * 8)) >> 64;
        let bit = usize::try_from(bit).expect("within the file");
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, bytes).expect("room");
        let what = format!("SEED={seed}: flip {flip}, bit {bit} of the file{suffix}");

        let verified = verify(&copy.path());
        if verified.is_ok_and(|verified| verified.holds()) {
            assert!(
                said(&copy.path()).as_ref() == Ok(&written),
                "{what}: verified, and not as it was written"
            );
        }
        match said_when_opened(&copy.path()) {
            Ok(said) => assert!(said == reopened, "{what}: opened, and not as it was written"),
            Err(why) => {
                noticed += 1;
                by_sums += u64::from(why.contains("that were written"));
            }
        }
    }
    (noticed, by_sums)
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn a_flipped_bit_of_the_journal_changes_nobodys_state_or_id_unnoticed() {
    let (place, journal) = eventful();
    drop(journal);
    let (flips, seed) = (from_environment("VOLLEY_FLIPS", 75), from_environment("SEED", 11));
    let (noticed, by_sums) = flip(&place, "", flips, seed);
    println!("{noticed} of {flips} noticed, {by_sums} of them by the sums");
    assert!(by_sums > 0, "SEED={seed}: no flip met a row of the history");
}

#[test]
fn a_flipped_bit_of_the_log_changes_nobodys_state_or_id_unnoticed() {
    let (place, _journal) = eventful();
    let (flips, seed) = (from_environment("VOLLEY_FLIPS", 75), from_environment("SEED", 12));
    let (noticed, _) = flip(&place, "-wal", flips, seed);
    println!("{noticed} of {flips} noticed");
    assert!(noticed > 0, "SEED={seed}: no flip lost a commit");
}
