//! What every journal backend must do, held to a model that is slow and obvious.

use crate::support::{
    NOW, PER_ITEM, PRICE, Place, SHARED, Tariff, accepted, answered, claim, claim_of, claimed, decided, each,
    failed, record, taken,
};
use proptest::prelude::*;
use std::num::NonZeroU32;
use volley_core::{
    Batch, Billed, Class, Fate, IllegalMove, Micros, Outcome, Position, Rounding, Totals, UnixMillis,
    Verdict, Verdicts,
};
use volley_journal::{
    AttemptId, Claim, CommitError, Decision, Journal, Record, Recovered, SqliteJournal, Standing, Write,
    Written, verify,
};

/// The rows and texts of each chunk, in order.
fn cut(journal: &mut dyn Journal, from: u32, most: usize) -> Vec<(u32, Vec<(u32, String)>)> {
    let chunks = journal.next_chunks(Position(from), most).expect("readable");
    let rows = |chunk: &volley_core::Chunk| {
        chunk.recipients.iter().map(|one| (one.row.0, chunk.text_of(one).to_owned())).collect()
    };
    chunks.iter().map(|chunk| (chunk.first.0, rows(chunk))).collect()
}

#[test]
fn chunks_follow_the_plan_and_its_batch_rule() {
    let texts = ["a", "b", "a", "c", "b", "a"];
    let shared: &[(u32, &[u32])] = &[(0, &[2, 6]), (2, &[12]), (3, &[4, 10]), (5, &[8])];
    let per_item: &[(u32, &[u32])] = &[(0, &[2, 4]), (2, &[6, 8]), (4, &[10, 12])];
    let one: &[(u32, &[u32])] = &[(0, &[2]), (1, &[4]), (2, &[6]), (3, &[8]), (4, &[10]), (5, &[12])];
    for (batch, expected) in [(SHARED, shared), (PER_ITEM, per_item), (Batch::One, one)] {
        let place = Place::with_plan(batch, 2, &texts);
        let mut journal = place.open();
        let cuts = cut(&mut journal, 0, 99);
        let rows: Vec<(u32, Vec<u32>)> =
            cuts.iter().map(|(first, rows)| (*first, rows.iter().map(|row| row.0).collect())).collect();
        let expected: Vec<(u32, Vec<u32>)> =
            expected.iter().map(|(first, rows)| (*first, rows.to_vec())).collect();
        assert_eq!(rows, expected, "{batch:?}");
        for (row, text) in cuts.into_iter().flat_map(|chunk| chunk.1) {
            assert_eq!(text, texts[row as usize / 2 - 1], "{batch:?}, row {row}");
        }
    }
}

#[test]
fn a_caller_with_chunks_in_hand_asks_from_behind_them() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 7]);
    let mut journal = place.open();
    assert_eq!(cut(&mut journal, 0, 2).iter().map(|chunk| chunk.0).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(cut(&mut journal, 4, 2).iter().map(|chunk| chunk.0).collect::<Vec<_>>(), [4, 6]);
    assert!(cut(&mut journal, 7, 2).is_empty());
    assert!(cut(&mut journal, 0, 0).is_empty());
    assert!(cut(&mut journal, u32::MAX, 1).is_empty());
}

#[test]
fn recipients_in_open_attempts_and_settled_ones_are_handed_out_to_nobody() {
    let place = Place::with_plan(PER_ITEM, 3, &["a"; 9]);
    let mut journal = place.open();
    let open = claimed(&mut journal, claim(1, 2, Micros(0)));
    claimed(&mut journal, claim(5, 1, Micros(0)));
    let firsts = |journal: &mut SqliteJournal| -> Vec<(u32, usize)> {
        cut(journal, 0, 9).iter().map(|chunk| (chunk.0, chunk.1.len())).collect()
    };
    assert_eq!(firsts(&mut journal), [(0, 1), (3, 2), (6, 3)]);
    journal.commit(&[record(open.id, failed(Class::Throttled))]).expect("open");
    assert_eq!(firsts(&mut journal), [(0, 3), (3, 2), (6, 3)]);
}

#[test]
fn each_class_does_to_the_recipients_what_its_rule_says() {
    for class in Class::ALL {
        let place = Place::with_plan(PER_ITEM, 2, &["a", "b", "c"]);
        let mut journal = place.open();
        let attempt = claimed(&mut journal, claim(0, 2, Micros(100_000)));
        assert_eq!(journal.standing().spent, Micros(100_000), "held back while open");
        journal.commit(&[record(attempt.id, failed(class))]).expect("open");
        let (pending, refused, in_doubt, spent) = match class.rule().fate {
            Fate::Retry | Fate::Back | Fate::Split => (3, 0, 0, 0),
            Fate::Refuse => (1, 2, 0, 0),
            Fate::Doubt | Fate::AsAnswered => (1, 0, 2, 100_000),
        };
        let standing = journal.standing();
        assert_eq!(standing.recipients, Totals { pending, accepted: 0, refused, in_doubt }, "{class:?}");
        assert_eq!(standing.spent, Micros(spent), "{class:?}");
        assert_eq!(standing.requests_throttled, u64::from(class == Class::Throttled));
    }
}

#[test]
fn money_is_what_the_provider_billed_where_it_said_so() {
    let billed = |id: &str, micros| Verdict::Accepted {
        id: Some(id.to_owned()),
        billed: Some(Micros(micros)),
        segments: None,
    };
    let refused = || Verdict::Refused { code: "FIELD_INVALID".into() };
    let doubt = || Verdict::InDoubt { reason: "not answered for".into() };
    let money = |micros| Billed::Money(Micros(micros));
    let all = || Verdicts::AllAccepted;
    for (name, verdicts, bill, spent, total, units) in [
        ("nothing said", all(), Billed::Unknown, 150_000, None, None),
        ("the whole request", all(), money(99), 99, Some(99), None),
        (
            "all in doubt, billed or not",
            Verdicts::AllInDoubt { reason: "2 taken, 3 sent".into() },
            money(9),
            150_009,
            Some(9),
            None,
        ),
        ("another unit", all(), Billed::Units(Micros(3)), 150_000, None, Some(3)),
        ("negative: not stated", all(), money(-1), 150_000, None, None),
        ("beyond belief: not stated", all(), money(i64::MAX), 150_000, None, None),
        (
            "one by one",
            Verdicts::Each(vec![billed("m1", 7), refused(), taken("m2")]),
            Billed::Unknown,
            50_007,
            Some(7),
            None,
        ),
        (
            "doubt at the plan's price",
            Verdicts::Each(vec![billed("m1", 7), doubt(), refused()]),
            Billed::Unknown,
            50_007,
            Some(7),
            None,
        ),
        (
            "whole and doubt",
            Verdicts::Each(vec![billed("m1", 7), doubt(), refused()]),
            money(20),
            50_020,
            Some(20),
            None,
        ),
    ] {
        let place = Place::with_plan(PER_ITEM, 3, &["a", "b", "c"]);
        let mut journal = place.open();
        let attempt = claimed(&mut journal, claim(0, 3, Micros(150_000)));
        journal.commit(&[record(attempt.id, answered(Some("r"), verdicts, bill))]).expect("open");
        let Standing { spent: got, billed, billed_units, .. } = journal.standing();
        assert_eq!(
            (*got, *billed, *billed_units),
            (Micros(spent), total.map(Micros), units.map(Micros)),
            "{name}"
        );
        let before = journal.standing().clone();
        drop(journal);
        let again = place.open();
        assert_eq!(
            *again.standing(),
            Standing { commits: before.commits + 1, ..before },
            "{name}, re-opened"
        );
    }
}

#[test]
fn what_was_not_billed_counts_at_the_price_as_the_plan_rounds_it() {
    let long = "x".repeat(161);
    // One segment and two at 0.0333 each, 0.002 a message: 0.0353 and 0.0686.
    for (rounding, one, two) in [
        (Rounding::Exact, 35_300, 68_600),
        (Rounding::PerMessage(2), 40_000, 70_000),
        (Rounding::Total(2), 35_300, 68_600), // what is spent so far is no total
    ] {
        let tariff =
            Tariff { per_segment: Micros(33_300), per_message: Micros(2_000), rounding, ..Tariff::default() };
        let place = Place::with_tariff(PER_ITEM, 3, &["a", &long, "c"], &tariff);
        let mut journal = place.open();
        let chunks = journal.next_chunks(Position(0), 1).expect("readable");
        let attempt = claimed(&mut journal, claim_of(&chunks[0]));
        assert_eq!(journal.standing().spent, Micros(2 * one + two), "{rounding:?}, held back");
        let refused = Verdict::Refused { code: "FIELD_INVALID".into() };
        let doubt = Verdict::InDoubt { reason: "not answered for".into() };
        journal.commit(&[record(attempt.id, each(vec![taken("m1"), doubt, refused]))]).expect("open");
        assert_eq!(journal.standing().spent, Micros(one + two), "{rounding:?}, answered");
        let verified = verify(&place.path()).expect("readable");
        assert!(verified.holds(), "{rounding:?}: {:?}", verified.broken);
    }
}

#[test]
fn an_illegal_write_takes_its_whole_batch_with_it() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 6]);
    let mut journal = place.open();
    let open = claimed(&mut journal, claim(0, 2, Micros(100_000)));
    let settled = claimed(&mut journal, claim(2, 2, Micros(100_000)));
    journal.commit(&[record(settled.id, accepted("r1"))]).expect("open");
    let before = (journal.standing().clone(), cut(&mut journal, 0, 9));
    let good = || claim(4, 1, Micros(50_000));
    let short = each(vec![taken("m1")]);
    for (name, bad) in [
        ("claimed by another attempt", claim(1, 1, Micros(0))),
        ("claimed in the same batch", claim(4, 2, Micros(0))),
        ("accepted already", claim(2, 1, Micros(0))),
        ("beyond the plan", claim(5, 2, Micros(0))),
        ("nobody", claim(4, 0, Micros(0))),
        ("never claimed", record(AttemptId(9), accepted("r2"))),
        ("ended already", record(settled.id, accepted("r2"))),
        ("too few verdicts", record(open.id, short)),
        ("too many verdicts", record(open.id, each(vec![taken("m1"), taken("m2"), taken("m3")]))),
    ] {
        let refused = journal.commit(&[good(), bad]).expect_err(name);
        assert!(!matches!(refused, CommitError::Storage(_)), "{name}: {refused}");
        assert_eq!((journal.standing().clone(), cut(&mut journal, 0, 9)), before, "{name}");
    }
    let written = journal.commit(&[good(), record(open.id, accepted("r2"))]).expect("legal");
    assert!(
        matches!(written[..], [Written::Claimed(attempt), Written::Recorded] if attempt.id == AttemptId(3))
    );
}

#[test]
fn what_a_process_left_open_is_in_doubt_at_the_next_start() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 6]);
    let mut journal = place.open();
    assert_eq!(journal.recovered(), Recovered::default());
    claimed(&mut journal, claim(0, 2, Micros(100_000)));
    claimed(&mut journal, claim(4, 1, Micros(50_000)));
    drop(journal);
    let mut journal = place.open();
    assert_eq!(journal.recovered(), Recovered { attempts: 2, recipients: 3 });
    assert_eq!(journal.standing().recipients, Totals { pending: 3, in_doubt: 3, ..Totals::default() });
    assert_eq!(journal.standing().spent, Micros(150_000), "doubt counts as spent");
    let late = journal.commit(&[record(AttemptId(1), accepted("late"))]);
    assert!(matches!(late, Err(CommitError::NotOpen(1))));
    drop(journal);
    assert_eq!(place.open().recovered(), Recovered::default(), "recovered once");
}

#[test]
fn doubt_is_claimed_by_nobody() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    let mut journal = place.open();
    let attempt = claimed(&mut journal, claim(0, 1, Micros(0)));
    journal.commit(&[record(attempt.id, failed(Class::TimedOut))]).expect("open");
    assert_eq!(cut(&mut journal, 0, 9).len(), 1);
    let again = journal.commit(&[claim(0, 1, Micros(0))]);
    assert!(
        matches!(again, Err(CommitError::Illegal { position: 0, source: IllegalMove { .. } })),
        "{again:?}"
    );
}

#[test]
fn the_last_exit_code_is_kept() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    let mut journal = place.open();
    assert_eq!(journal.standing().last_exit_code, None);
    journal.commit(&[Write::RunEnded { exit_code: 130, at: NOW }]).expect("room");
    drop(journal);
    assert_eq!(place.open().standing().last_exit_code, Some(130));
}

#[test]
fn a_cap_set_once_holds_until_another_is_set() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    let mut journal = place.open();
    assert_eq!(journal.standing().max_cost, None);
    journal.commit(&[Write::Cap { max_cost: Micros(7) }]).expect("room");
    drop(journal);
    drop(place.open());
    let mut journal = place.open();
    assert_eq!(journal.standing().max_cost, Some(Micros(7)));
    journal.commit(&[Write::Cap { max_cost: Micros(5) }]).expect("room");
    assert_eq!(journal.standing().max_cost, Some(Micros(5)));
    assert!(verify(&place.path()).expect("a journal").holds());
}

#[test]
fn a_canary_stays_until_somebody_was_told_of_it() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    let mut journal = place.open();
    assert_eq!(journal.standing().canary, None);
    let ten = NonZeroU32::new(10);
    journal.commit(&[Write::Canary { recipients: ten }]).expect("room");
    drop(journal);
    drop(place.open());
    let mut journal = place.open();
    assert_eq!(journal.standing().canary, ten);
    assert!(verify(&place.path()).expect("a journal").holds());
    let told = [Write::RunEnded { exit_code: 5, at: NOW }, Write::Canary { recipients: None }];
    journal.commit(&told).expect("room");
    drop(journal);
    assert_eq!(place.open().standing().canary, None);
    assert!(verify(&place.path()).expect("a journal").holds());
}

#[test]
fn requests_count_against_a_rate_from_their_answer() {
    let place = Place::with_plan(PER_ITEM, 1, &["a", "b", "c"]);
    let mut journal = place.open();
    for (first, claimed_at, ended_at) in [(0, 1_000, Some(1_100)), (1, 2_000, Some(9_000)), (2, 3_000, None)]
    {
        let Write::Claim(claim) = claim(first, 1, Micros(0)) else { panic!("a claim") };
        let attempt = claimed(&mut journal, Write::Claim(Claim { at: UnixMillis(claimed_at), ..claim }));
        if let Some(at) = ended_at {
            let record =
                Record { attempt: attempt.id, outcome: failed(Class::Throttled), at: UnixMillis(at) };
            journal.commit(&[Write::Record(record)]).expect("room");
        }
    }
    for (since, most, expected) in [
        (0, 9, &[3_000, 9_000, 1_100][..]),
        (1_101, 9, &[3_000, 9_000]),
        (0, 2, &[3_000, 9_000]),
        (9_001, 9, &[]),
    ] {
        let recent = journal.recent_requests(UnixMillis(since), most).expect("readable");
        assert_eq!(recent, expected.iter().copied().map(UnixMillis).collect::<Vec<_>>(), "since {since}");
    }
}

#[test]
fn an_empty_batch_is_no_commit() {
    let place = Place::with_plan(PER_ITEM, 2, &["a"]);
    let mut journal = place.open();
    let before = journal.standing().clone();
    assert_eq!(journal.commit(&[]).expect("nothing to do"), []);
    assert_eq!(*journal.standing(), before);
}

/// Recipients one by one, recounted from scratch each time anybody asks.
#[derive(Clone)]
struct Model {
    /// State's word, attempts, what counts as spent.
    people: Vec<(&'static str, u16, i64)>,
    open: Vec<(AttemptId, u32, u32)>,
    sent: u64,
    throttled: u64,
    retried: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Claim {
        pick: usize,
    },
    Record {
        pick: usize,
        ending: Ending,
    },
    Twice {
        pick: usize,
    },
    /// Every so-many-th of those in doubt is decided about.
    Resolve {
        every: usize,
        decision: Decision,
    },
    Reopen,
}

#[derive(Clone, Debug)]
enum Ending {
    Failed(Class),
    All,
    /// 0 accepted, 1 refused, 2 in doubt; repeated over the chunk.
    Each(Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let ending = prop_oneof![
        proptest::sample::select(Class::ALL.to_vec()).prop_map(Ending::Failed),
        Just(Ending::All),
        proptest::collection::vec(0_u8..4, 1..5).prop_map(Ending::Each),
    ];
    prop_oneof![
        4 => any::<usize>().prop_map(|pick| Step::Claim { pick }),
        4 => (any::<usize>(), ending).prop_map(|(pick, ending)| Step::Record { pick, ending }),
        1 => any::<usize>().prop_map(|pick| Step::Twice { pick }),
        2 => (1_usize..4, proptest::sample::select(vec![Decision::Accepted, Decision::Resend]))
            .prop_map(|(every, decision)| Step::Resolve { every, decision }),
        1 => Just(Step::Reopen),
    ]
}

impl Model {
    fn new(recipients: usize) -> Self {
        Self {
            people: vec![("pending", 0, 0); recipients],
            open: Vec::new(),
            sent: 0,
            throttled: 0,
            retried: 0,
        }
    }

    fn claim(&mut self, id: AttemptId, first: u32, recipients: u32) -> u16 {
        let people = &mut self.people[first as usize..(first + recipients) as usize];
        for (word, attempts, spent) in people.iter_mut() {
            (*word, *attempts, *spent) = ("claimed", *attempts + 1, PRICE.0);
        }
        let number = people.iter().map(|person| person.1).max().expect("somebody");
        self.open.push((id, first, recipients));
        self.sent += 1;
        self.retried += u64::from(number > 1);
        number
    }

    fn end(&mut self, (_, first, recipients): (AttemptId, u32, u32), ending: &Ending) {
        self.throttled += u64::from(matches!(ending, Ending::Failed(Class::Throttled)));
        for index in 0..recipients {
            let word = match ending {
                Ending::All => "accepted",
                Ending::Each(kinds) => ["accepted", "refused", "pending", "in_doubt"][kind(kinds, index)],
                Ending::Failed(class) => match class.rule().fate {
                    Fate::Retry | Fate::Back | Fate::Split => "pending",
                    Fate::Refuse => "refused",
                    Fate::Doubt | Fate::AsAnswered => "in_doubt",
                },
            };
            let person = &mut self.people[(first + index) as usize];
            person.0 = word;
            person.2 = if matches!(word, "accepted" | "in_doubt") { PRICE.0 } else { 0 };
        }
    }

    fn in_doubt(&self) -> Vec<u32> {
        (0..).zip(&self.people).filter(|(_, person)| person.0 == "in_doubt").map(|(at, _)| at).collect()
    }

    fn resolve(&mut self, positions: &[u32], decision: Decision) {
        for position in positions {
            let person = &mut self.people[*position as usize];
            match decision {
                Decision::Accepted => person.0 = "accepted",
                Decision::Resend => (person.0, person.2) = ("pending", 0),
            }
        }
    }

    fn standing(&self, of: &Standing) -> Standing {
        let count = |words: &[&str]| self.people.iter().filter(|one| words.contains(&one.0)).count() as u64;
        Standing {
            recipients: Totals {
                pending: count(&["pending", "claimed"]),
                accepted: count(&["accepted"]),
                refused: count(&["refused"]),
                in_doubt: count(&["in_doubt"]),
            },
            requests_sent: self.sent,
            requests_throttled: self.throttled,
            requests_retried: self.retried,
            billed: None,
            billed_units: None,
            spent: Micros(self.people.iter().map(|one| one.2).sum()),
            commits: of.commits,
            max_cost: None,
            canary: None,
            last_exit_code: None,
        }
    }

    /// The runs of pending people, each cut at `limit`, by walking all of them.
    fn chunks(&self, limit: usize) -> Vec<(u32, usize)> {
        let mut chunks: Vec<(u32, usize)> = Vec::new();
        for (position, _) in (0..).zip(&self.people).filter(|(_, person)| person.0 == "pending") {
            match chunks.last_mut() {
                Some((first, length))
                    if *first as usize + *length == position as usize && *length < limit =>
                {
                    *length += 1;
                }
                _ => chunks.push((position, 1)),
            }
        }
        chunks
    }
}

fn kind(kinds: &[u8], index: u32) -> usize {
    usize::from(kinds[index as usize % kinds.len()])
}

fn outcome(ending: &Ending, recipients: u32, id: AttemptId) -> Outcome {
    let verdict = |kinds: &[u8], index| match kind(kinds, index) {
        0 => taken(&format!("m{}-{index}", id.0)),
        1 => Verdict::Refused { code: "OPTED_OUT".into() },
        2 => Verdict::NotTaken { class: Class::NoFunds, reason: "NO_CREDIT".into() },
        _ => Verdict::InDoubt { reason: "not answered for".into() },
    };
    match ending {
        Ending::Failed(class) => failed(*class),
        Ending::All => accepted("request"),
        Ending::Each(kinds) => each((0..recipients).map(|index| verdict(kinds, index)).collect()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn totals_and_chunks_are_those_of_a_naive_recount(steps in proptest::collection::vec(step(), 1..40)) {
        const LIMIT: usize = 3;
        let place = Place::with_plan(PER_ITEM, 3, &["a"; 17]);
        let mut journal = place.open();
        let mut model = Model::new(17);
        for step in steps {
            match step {
                Step::Claim { pick } => {
                    let chunks = journal.next_chunks(Position(0), 99).expect("readable");
                    if chunks.is_empty() { continue }
                    let chunk = &chunks[pick % chunks.len()];
                    let attempt = claimed(&mut journal, claim_of(chunk));
                    prop_assert_eq!(model.claim(attempt.id, chunk.first.0, chunk.len()), attempt.number);
                }
                Step::Record { pick, ending } => {
                    if model.open.is_empty() { continue }
                    let open = model.open.swap_remove(pick % model.open.len());
                    journal.commit(&[record(open.0, outcome(&ending, open.2, open.0))]).expect("open");
                    model.end(open, &ending);
                }
                Step::Twice { pick } => {
                    let chunks = journal.next_chunks(Position(0), 99).expect("readable");
                    if chunks.is_empty() { continue }
                    let twice = claim_of(&chunks[pick % chunks.len()]);
                    prop_assert!(journal.commit(&[twice.clone(), twice]).is_err());
                }
                Step::Resolve { every, decision } => {
                    let positions: Vec<u32> = model.in_doubt().into_iter().step_by(every).collect();
                    let resolution = decided(decision, &positions);
                    let written = journal.commit(&[Write::Resolve(resolution)]);
                    prop_assert_eq!(written.is_ok(), !positions.is_empty(), "a decision is about somebody");
                    model.resolve(&positions, decision);
                }
                Step::Reopen => {
                    drop(journal);
                    journal = place.open();
                    let left: u64 = model.open.iter().map(|open| u64::from(open.2)).sum();
                    let attempts = model.open.len() as u64;
                    prop_assert_eq!(journal.recovered(), Recovered { attempts, recipients: left });
                    for open in std::mem::take(&mut model.open) {
                        model.end(open, &Ending::Failed(Class::ProcessGone));
                    }
                }
            }
            prop_assert_eq!(journal.standing(), &model.standing(journal.standing()));
            let cuts = journal.next_chunks(Position(0), 99).expect("readable");
            let cuts: Vec<(u32, usize)> = cuts.iter().map(|cut| (cut.first.0, cut.recipients.len())).collect();
            prop_assert_eq!(cuts, model.chunks(LIMIT));
        }
        let verified = verify(&place.path()).expect("readable");
        prop_assert!(verified.holds(), "{:?}", verified.broken);
        prop_assert_eq!(verified.recipients, journal.standing().recipients);
    }
}
