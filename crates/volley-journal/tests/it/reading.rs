//! What status, doubt and report are told.

use crate::support::{
    NOW, PER_ITEM, PRICE, Place, SHARED, answered, claim, claimed, each, failed, number, record, taken,
};
use volley_core::{Billed, Class, Micros, RowNumber, Verdict, Verdicts};
use volley_journal::{AttemptId, Doubt, Journal, JournalReader, RecipientLine};

fn lines(place: &Place) -> Vec<RecipientLine> {
    let mut lines = Vec::new();
    JournalReader::open(&place.path())
        .expect("a journal")
        .recipients(|line| lines.push(line))
        .expect("readable");
    lines
}

#[test]
fn every_recipient_has_a_line_in_file_order() {
    // In plan order: rows 2, 6, 10 with text a; 4, 8 with b; 12 with c; 14 with d.
    let place = Place::with_plan(SHARED, 3, &["a", "b", "a", "b", "a", "c", "d"]);
    let mut journal = place.open();
    let own = Verdict::Accepted { id: Some("m1".to_owned()), billed: Some(Micros(7)), segments: None };
    let refused = Verdict::Refused { code: "RECIPIENTS_ERROR".into() };
    let silent = Verdict::InDoubt { reason: "not answered for".into() };
    let a = claimed(&mut journal, claim(0, 3, Micros(150_000)));
    journal.commit(&[record(a.id, each(vec![own, refused, silent]))]).expect("open");
    let b = claimed(&mut journal, claim(3, 2, Micros(100_000)));
    journal.commit(&[record(b.id, failed(Class::Throttled))]).expect("open");
    let b = claimed(&mut journal, claim(3, 2, Micros(100_000)));
    let whole = Billed::Money(Micros(90_000));
    journal.commit(&[record(b.id, answered(Some("r3"), Verdicts::AllAccepted, whole))]).expect("open");
    let c = claimed(&mut journal, claim(5, 1, Micros(50_000)));
    let whole = Billed::Money(Micros(45_000));
    journal.commit(&[record(c.id, answered(Some("r4"), Verdicts::AllAccepted, whole))]).expect("open");
    claimed(&mut journal, claim(6, 1, Micros(50_000)));

    let told: Vec<_> = lines(&place)
        .into_iter()
        .map(|line| (line.row.0, line.state, line.provider_id, line.code, line.billed, line.attempts))
        .collect();
    let word = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            (2, "accepted", word("m1"), None, Some(Micros(7)), 1),
            (4, "accepted", word("r3"), None, None, 2),
            (6, "refused", None, word("RECIPIENTS_ERROR"), None, 1),
            (8, "accepted", word("r3"), None, None, 2),
            (10, "in_doubt", None, word("not answered for"), None, 1),
            (12, "accepted", word("r4"), None, Some(Micros(45_000)), 1),
            (14, "pending", None, None, None, 1),
        ]
    );
    for line in lines(&place) {
        assert_eq!((line.price, line.segments), (Some(PRICE), 1));
        let open = line.row == RowNumber(14);
        assert_eq!(line.at, Some(if open { NOW } else { NOW.plus_millis(250) }), "{:?}", line.row);
        assert_eq!(line.to, number(line.row.0 as usize / 2 - 1));
    }
}

#[test]
fn a_plan_that_was_never_sent_reads_as_pending() {
    let place = Place::with_plan(PER_ITEM, 3, &["a", "b"]);
    for line in lines(&place) {
        assert_eq!((line.state, line.attempts, line.at, line.provider_id), ("pending", 0, None, None));
    }
    let reader = JournalReader::open(&place.path()).expect("a journal");
    assert_eq!(reader.in_doubt().expect("readable"), []);
    assert_eq!(reader.hash_of_rows().expect("readable"), reader.plan().hash);
}

#[test]
fn doubt_says_who_when_why_and_under_which_request() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b", "c", "d"]);
    let mut journal = place.open();
    let first = claimed(&mut journal, claim(0, 1, Micros(50_000)));
    journal.commit(&[record(first.id, failed(Class::ConnectTimeout))]).expect("open");
    let second = claimed(&mut journal, claim(0, 1, Micros(50_000)));
    journal.commit(&[record(second.id, failed(Class::ReplyLost))]).expect("open");
    let silent = Verdict::InDoubt { reason: "not answered for".into() };
    let third = claimed(&mut journal, claim(1, 2, Micros(100_000)));
    let part = Verdicts::Each(vec![taken("m1"), silent]);
    journal.commit(&[record(third.id, answered(Some("r3"), part, Billed::Unknown))]).expect("open");
    claimed(&mut journal, claim(3, 1, Micros(50_000)));
    let reader = JournalReader::open(&place.path()).expect("a journal");
    let doubt = |index: usize, row, number_of, attempt, reason: &str, request: Option<&str>| Doubt {
        row: RowNumber(row),
        to: number(index),
        number: number_of,
        attempt: AttemptId(attempt),
        since: NOW.plus_millis(250),
        reason: reason.to_owned(),
        request_id: request.map(str::to_owned),
        cost: Some(PRICE),
    };
    let expected =
        [doubt(0, 2, 2, 2, "as the test says", None), doubt(2, 6, 1, 3, "not answered for", Some("r3"))];
    assert_eq!(reader.in_doubt().expect("readable"), expected);
    drop(journal);
    place.open();
    let doubts = reader.in_doubt().expect("readable");
    assert_eq!(
        (doubts.len(), doubts[2].reason.as_str()),
        (3, "the process ended before the answer was stored")
    );
}
