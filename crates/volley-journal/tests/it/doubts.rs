//! Decisions about recipients in doubt, and requests that are taken back.

use crate::support::{
    NOW, PER_ITEM, PRICE, Place, SHARED, accepted, answered, cancelled, claim, claim_of, claimed, decided,
    each, failed, number, record, taken,
};
use volley_core::{Billed, Class, Micros, Position, Totals, Verdict, Verdicts};
use volley_journal::{
    AttemptId, CancelResult, Cancellation, CommitError, Decision, Evidence, Journal, JournalReader,
    Resolution, SqliteJournal, Write, verify,
};

const EVIDENCE: [Evidence; 3] = [Evidence::Person, Evidence::Lookup, Evidence::Receipt];

fn silent() -> Verdict {
    Verdict::InDoubt { reason: "not answered for".into() }
}

/// Six recipients: 0 to 2 in doubt since attempt 1, 3 accepted, 4 in doubt since attempt 2, 5 pending.
fn doubtful() -> (Place, SqliteJournal) {
    let place = Place::with_plan(PER_ITEM, 3, &["a", "b", "c", "d", "e", "f"]);
    let mut journal = place.open();
    let one = claimed(&mut journal, claim(0, 3, Micros(3 * PRICE.0)));
    journal.commit(&[record(one.id, failed(Class::TimedOut))]).expect("open");
    let two = claimed(&mut journal, claim(3, 2, Micros(2 * PRICE.0)));
    journal.commit(&[record(two.id, each(vec![taken("m3"), silent()]))]).expect("open");
    (place, journal)
}

fn resolve(journal: &mut SqliteJournal, resolution: Resolution) -> Result<(), CommitError> {
    journal.commit(&[Write::Resolve(resolution)]).map(drop)
}

fn holds(place: &Place) {
    let verified = verify(&place.path()).expect("readable");
    assert!(verified.holds(), "{:?}", verified.broken);
}

#[test]
fn an_accepted_doubt_keeps_its_price_and_an_approved_one_gives_it_back() {
    let (place, mut journal) = doubtful();
    assert_eq!(journal.standing().spent, Micros(5 * PRICE.0));
    resolve(&mut journal, decided(Decision::Accepted, &[0])).expect("in doubt");
    assert_eq!(journal.standing().spent, Micros(5 * PRICE.0));
    resolve(&mut journal, decided(Decision::Resend, &[4, 2])).expect("in doubt");
    let after = journal.standing().clone();
    assert_eq!(after.spent, Micros(3 * PRICE.0));
    assert_eq!(after.recipients, Totals { pending: 3, accepted: 2, refused: 0, in_doubt: 1 });
    holds(&place);
    drop(journal);
    let journal = place.open();
    assert_eq!((journal.standing().spent, journal.standing().recipients), (after.spent, after.recipients));
}

#[test]
fn who_may_be_sent_to_again_is_claimed_under_the_next_number() {
    let (place, mut journal) = doubtful();
    resolve(&mut journal, decided(Decision::Resend, &[1, 2])).expect("in doubt");
    let chunks = journal.next_chunks(Position(0), 9).expect("readable");
    let cut: Vec<(u32, u32)> = chunks.iter().map(|chunk| (chunk.first.0, chunk.len())).collect();
    assert_eq!(cut, [(1, 2), (5, 1)]);
    let again = claimed(&mut journal, claim_of(&chunks[0]));
    assert_eq!((again.id, again.number), (AttemptId(3), 2));
    for decision in [Decision::Accepted, Decision::Resend] {
        let refused = resolve(&mut journal, decided(decision, &[1])).expect_err("an answer is coming");
        assert!(matches!(refused, CommitError::Illegal { position: 1, .. }), "{refused}");
    }
    // In doubt again, and decided about again.
    journal.commit(&[record(again.id, failed(Class::ReplyLost))]).expect("open");
    resolve(&mut journal, decided(Decision::Accepted, &[1, 0])).expect("in doubt");
    resolve(&mut journal, decided(Decision::Resend, &[2])).expect("in doubt");
    holds(&place);
    let before = journal.standing().clone();
    drop(journal);
    let mut journal = place.open();
    assert_eq!((journal.standing().spent, journal.standing().recipients), (before.spent, before.recipients));
    let third = claimed(&mut journal, claim(2, 1, PRICE));
    assert_eq!(third.number, 3);
}

#[test]
fn a_decision_keeps_its_place_between_the_attempts() {
    // Attempt 2 is open while attempt 1 is decided about, ends behind that, and attempt 3 is at
    // those who were released; replayed one after the other, each is legal.
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 4]);
    let mut journal = place.open();
    let one = claimed(&mut journal, claim(0, 2, Micros(2 * PRICE.0)));
    let two = claimed(&mut journal, claim(2, 2, Micros(2 * PRICE.0)));
    journal.commit(&[record(one.id, failed(Class::TimedOut))]).expect("open");
    resolve(&mut journal, decided(Decision::Resend, &[0, 1])).expect("in doubt");
    let three = claimed(&mut journal, claim(0, 2, Micros(2 * PRICE.0)));
    journal.commit(&[record(two.id, failed(Class::TimedOut))]).expect("open");
    journal.commit(&[record(three.id, accepted("r3"))]).expect("open");
    resolve(&mut journal, decided(Decision::Accepted, &[2])).expect("in doubt");
    holds(&place);
    let before = journal.standing().recipients;
    drop(journal);
    assert_eq!(place.open().standing().recipients, before);
    assert_eq!(before, Totals { accepted: 3, in_doubt: 1, ..Totals::default() });
}

#[test]
fn only_doubt_is_decided_about_and_nobody_twice() {
    let (place, mut journal) = doubtful();
    let open = claimed(&mut journal, claim(5, 1, PRICE));
    let before = journal.standing().clone();
    let found =
        |decision, request_id: Option<&str>, message_ids: &[(u32, &str)], positions: &[u32]| Resolution {
            request_id: request_id.map(str::to_owned),
            message_ids: message_ids.iter().map(|(at, id)| (Position(*at), (*id).to_owned())).collect(),
            ..decided(decision, positions)
        };
    for (name, resolution) in [
        ("nobody", decided(Decision::Accepted, &[])),
        ("accepted already", decided(Decision::Accepted, &[3])),
        ("claimed, not in doubt", decided(Decision::Accepted, &[5])),
        ("claimed, and sent again", decided(Decision::Resend, &[5])),
        ("beyond the plan", decided(Decision::Resend, &[6])),
        ("twice", decided(Decision::Resend, &[0, 0])),
        ("in part", decided(Decision::Accepted, &[0, 1, 3])),
        ("found, and sent again", found(Decision::Resend, Some("r1"), &[], &[0])),
        ("a message found, and sent again", found(Decision::Resend, None, &[(0, "m0")], &[0])),
        ("somebody else's message", found(Decision::Accepted, None, &[(1, "m1")], &[0])),
        ("one request for two", found(Decision::Accepted, Some("r1"), &[], &[0, 4])),
    ] {
        let refused = resolve(&mut journal, resolution).expect_err(name);
        assert!(!matches!(refused, CommitError::Storage(_)), "{name}: {refused}");
        assert_eq!(*journal.standing(), before, "{name}");
    }
    journal.commit(&[record(open.id, accepted("r5"))]).expect("still open");
    resolve(&mut journal, decided(Decision::Accepted, &[0])).expect("in doubt");
    resolve(&mut journal, decided(Decision::Accepted, &[0])).expect_err("decided");
    holds(&place);
}

#[test]
fn what_a_lookup_found_is_what_everybody_reads() {
    let (place, mut journal) = doubtful();
    for (evidence, positions, ids, request_id) in [
        (EVIDENCE[1], &[0, 1][..], vec![(Position(1), "m1".to_owned())], Some("r1")),
        (EVIDENCE[2], &[4], Vec::new(), None),
    ] {
        let resolution = Resolution {
            evidence,
            message_ids: ids,
            request_id: request_id.map(str::to_owned),
            ..decided(Decision::Accepted, positions)
        };
        resolve(&mut journal, resolution).expect("in doubt");
    }
    let reader = JournalReader::open(&place.path()).expect("a journal");
    let mut ids = Vec::new();
    reader.for_each_bill_line(|line| ids.push((line.state, line.provider_id, line.code))).expect("readable");
    let (word, none) = (|text: &str| Some(text.to_owned()), None::<String>);
    assert_eq!(
        ids,
        [
            ("accepted", word("r1"), none.clone()),
            ("accepted", word("m1"), none.clone()),
            ("in_doubt", word("r1"), word("as the test says")),
            ("accepted", word("m3"), none.clone()),
            ("accepted", none.clone(), none.clone()),
            ("pending", none.clone(), none),
        ]
    );
    let requests: Vec<_> =
        reader.request_bills().expect("readable").into_iter().map(|one| one.request_id).collect();
    assert_eq!(requests, [word("r1"), None]);
    holds(&place);
}

#[test]
fn a_doubtful_attempt_tells_all_that_a_lookup_needs() {
    let (place, mut journal) = doubtful();
    resolve(&mut journal, decided(Decision::Accepted, &[1])).expect("in doubt");
    let reader = JournalReader::open(&place.path()).expect("a journal");
    let doubtful = reader.doubtful_attempts().expect("readable");
    let told: Vec<_> = doubtful
        .iter()
        .map(|one| {
            let in_doubt: Vec<u32> = one.in_doubt.iter().map(|position| position.0).collect();
            (one.attempt.0, one.number, one.first.0, one.recipients, in_doubt, one.request_id.clone())
        })
        .collect();
    assert_eq!(told, [(1, 1, 0, 3, vec![0, 2], None), (2, 1, 3, 2, vec![4], None)]);
    assert_eq!((doubtful[0].claimed_at, doubtful[0].ended_at), (NOW, NOW.plus_millis(250)));
    let chunk = reader.chunk_of(Position(0), 3).expect("a request");
    let people: Vec<_> = chunk.recipients.iter().map(|one| (one.to, chunk.text_of(one))).collect();
    assert_eq!(people, [(number(0), "a"), (number(1), "b"), (number(2), "c")]);
    reader.chunk_of(Position(4), 3).expect_err("the plan has six");
    reader.chunk_of(Position(0), 0).expect_err("nobody");
}

#[test]
fn a_lost_request_is_rebuilt_as_it_was_cut() {
    for batch in [SHARED, PER_ITEM] {
        let place = Place::with_plan(batch, 3, &["a", "b", "a", "c", "b", "a", "a"]);
        let chunks = place.open().next_chunks(Position(0), 99).expect("readable");
        let reader = JournalReader::open(&place.path()).expect("a journal");
        for chunk in chunks {
            assert_eq!(reader.chunk_of(chunk.first, chunk.len()).expect("a request"), chunk, "{batch:?}");
        }
    }
}

#[test]
fn what_was_taken_back_stands_and_what_was_not_is_asked_for_again() {
    use CancelResult::{Already, Done, NotScheduled, TooLate, Unclear};
    for (said, kept) in [
        (&[Done][..], Done),
        (&[Unclear, TooLate], TooLate),
        (&[NotScheduled, Done], Done),
        (&[Done, TooLate, Unclear], Done),
        (&[Already, Done], Already),
    ] {
        let (place, mut journal) = doubtful();
        for result in said {
            journal.commit(&[cancelled(2, *result)]).expect("it took somebody");
        }
        drop(journal);
        let journal = place.open();
        assert_eq!(journal.standing().recipients.accepted, 1, "whoever was taken stays taken");
        let reader = JournalReader::open(&place.path()).expect("a journal");
        let expected =
            Cancellation { attempt: AttemptId(2), recipients: 1, result: kept, at: NOW.plus_millis(750) };
        assert_eq!(reader.cancellations().expect("readable"), [expected], "{said:?}");
        holds(&place);
    }
}

#[test]
fn only_a_request_that_took_somebody_can_be_taken_back() {
    let (place, mut journal) = doubtful();
    let open = claimed(&mut journal, claim(5, 1, PRICE));
    for attempt in [1, open.id.0, 9] {
        let refused = journal.commit(&[cancelled(attempt, CancelResult::Done)]).expect_err("it took nobody");
        assert!(matches!(refused, CommitError::NothingTaken(id) if id == attempt), "{refused}");
    }
    let refused = Verdict::Refused { code: "FIELD_INVALID".into() };
    journal.commit(&[record(open.id, each(vec![refused]))]).expect("open");
    journal.commit(&[cancelled(open.id.0, CancelResult::Done)]).expect_err("it took nobody");
    resolve(&mut journal, decided(Decision::Accepted, &[0, 2])).expect("in doubt");
    journal.commit(&[cancelled(1, CancelResult::Done)]).expect("it took two after all");
    let reader = JournalReader::open(&place.path()).expect("a journal");
    assert_eq!(reader.cancellations().expect("readable")[0].recipients, 2);
    holds(&place);
}

#[test]
fn a_bill_beside_doubt_is_kept_when_the_doubt_goes() {
    // Nine billed for the whole, and everybody in doubt at the plan's price beside it.
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    let mut journal = place.open();
    let one = claimed(&mut journal, claim(0, 2, Micros(2 * PRICE.0)));
    let verdicts = Verdicts::AllInDoubt { reason: "2 sent, 1 taken".into() };
    journal
        .commit(&[record(one.id, answered(Some("r1"), verdicts, Billed::Money(Micros(9))))])
        .expect("open");
    resolve(&mut journal, decided(Decision::Resend, &[1])).expect("in doubt");
    assert_eq!(journal.standing().spent, Micros(PRICE.0 + 9));
    assert_eq!(journal.standing().billed, Some(Micros(9)));
    drop(journal);
    assert_eq!(place.open().standing().spent, Micros(PRICE.0 + 9));
    holds(&place);
}
