//! The model of the journal is held to the journal on disk: told the same, both say the same.

use super::{
    books::{Books, Entry, Plan, Recovery},
    campaign::campaign,
    journal::lock,
    setup::PRICES,
    world::Eyes,
};
use std::{path::Path, sync::Arc};
use volley_core::{Message, Micros, PlanHasher, Price, PriceId, Profile, Rounding, RowNumber, UnixMillis};
use volley_journal::{FrozenPlan, Journal, PlanWriter, SqliteJournal, Standing, Write, verify};

/// The same plan as a file.
fn write_plan(plan: &Plan, path: &Path) {
    let mut writer = PlanWriter::create(path, plan.frozen.batch()).expect("a plan");
    let mut hasher = PlanHasher::new(Rounding::Exact);
    for (row, person) in (1..).zip(&plan.people) {
        let text = &*plan.texts[person.text];
        let segments = Profile::STANDARD.count(text);
        let cost = Some(person.cost);
        let message = Message { row: RowNumber(row), to: person.to, text, segments, cost };
        hasher.message(&message);
        let price = PRICES.iter().position(|price| *price == person.cost).expect("one of them");
        let price = PriceId(u16::try_from(price).expect("a few"));
        writer.message(&message, Some(price)).expect("a message");
    }
    let price = |per_segment| Price { prefix: "61".to_owned(), per_segment, per_message: Micros::ZERO };
    let frozen = FrozenPlan {
        hash: hasher.finish(&plan.frozen.terms),
        prices: PRICES.map(price).into(),
        ..plan.frozen.clone()
    };
    drop(writer.finish(&frozen).expect("a plan"));
}

/// What the model keeps of the totals.
fn kept(standing: &Standing) -> Standing {
    Standing { requests_retried: 0, billed: None, billed_units: None, ..standing.clone() }
}

#[test]
fn the_model_says_what_the_journal_on_disk_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut commits = 0;
    for seed in 0..12 {
        let report = campaign(seed, None, Eyes::Everything);
        let path = directory.path().join(format!("{seed}.volley"));
        write_plan(&report.plan, &path);
        let mut books = Books::new(&Arc::clone(&report.plan), Recovery::InDoubt);
        let mut journal: Option<SqliteJournal> = None;
        for commit in lock(&report.disk).commits() {
            commits += 1;
            books.commit(commit).expect("the campaign was sound");
            if let [Entry::Started(at)] = commit.as_slice() {
                drop(journal.take());
                journal = Some(SqliteJournal::open(&path, *at).expect("the journal opens"));
            } else {
                let write = |entry: &Entry| match entry {
                    Entry::Wrote(write) => write.clone(),
                    Entry::Started(_) => unreachable!("a process starts with a commit of its own"),
                };
                let batch: Vec<Write> = commit.iter().map(write).collect();
                let journal = journal.as_mut().expect("it was opened first");
                journal.commit(&batch).expect("what the model took");
            }
            let journal = journal.as_mut().expect("it was opened first");
            assert_eq!(kept(journal.standing()), kept(&books.standing()), "SEED={seed} {commit:?}");
            assert_eq!(journal.recovered(), books.recovered, "SEED={seed} {commit:?}");
        }
        let mut journal = journal.expect("it was opened first");
        let everything = (UnixMillis(0), 10_000);
        let recent = journal.recent_requests(everything.0, everything.1).expect("it can be read");
        let mut sorted = recent.clone();
        sorted.sort_unstable_by(|one, other| other.cmp(one));
        assert_eq!(sorted, books.recent(everything.0, everything.1), "SEED={seed}");
        drop(journal);
        let verified = verify(&path).expect("the journal can be read");
        assert!(verified.holds(), "SEED={seed}: {:?}", verified.broken);
    }
    assert!(commits > 200, "{commits} commits show little");
}
