//! What status, doubt and a bill check are told.

use crate::support::{
    NOW, PER_ITEM, PRICE, Place, SHARED, Tariff, accepted, answered, claim, claimed, counted, each, failed,
    number, record, taken,
};
use volley_core::{Answer, Billed, Class, Micros, Outcome, Position, Rounding, RowNumber, Verdict, Verdicts};
use volley_journal::{AttemptId, BillLine, Doubt, Journal, JournalReader, RequestBill, RequestFate};

fn lines(place: &Place) -> Vec<BillLine> {
    let mut lines = Vec::new();
    let reader = JournalReader::open(&place.path()).expect("a journal");
    reader.for_each_bill_line(|line| lines.push(line)).expect("readable");
    lines
}

fn requests(place: &Place) -> Vec<RequestBill> {
    JournalReader::open(&place.path()).expect("a journal").request_bills().expect("readable")
}

/// An answer with a total of segments.
fn totalled(request_id: &str, verdicts: Verdicts, billed: Billed, segments: u64) -> Outcome {
    let request_id = Some(request_id.to_owned());
    Outcome::Answered(Answer { request_id, verdicts, billed, segments: Some(segments) })
}

/// In plan order: rows 2, 6, 10 with text a; 4, 8 with b; 12 with c; 14 with d; 16 with e.
fn played() -> Place {
    let place = Place::with_plan(SHARED, 3, &["a", "b", "a", "b", "a", "c", "d", "e"]);
    let mut journal = place.open();
    let own = Verdict::Accepted { id: Some("m1".to_owned()), billed: Some(Micros(7)), segments: Some(2) };
    let refused = Verdict::Refused { code: "RECIPIENTS_ERROR".into() };
    let silent = Verdict::InDoubt { reason: "not answered for".into() };
    let a = claimed(&mut journal, claim(0, 3, Micros(150_000)));
    journal.commit(&[record(a.id, each(vec![own, refused, silent]))]).expect("open");
    let b = claimed(&mut journal, claim(3, 2, Micros(100_000)));
    journal.commit(&[record(b.id, failed(Class::Throttled))]).expect("open");
    let b = claimed(&mut journal, claim(3, 2, Micros(100_000)));
    let whole = Billed::Money(Micros(90_000));
    journal.commit(&[record(b.id, totalled("r3", Verdicts::AllAccepted, whole, 3))]).expect("open");
    let c = claimed(&mut journal, claim(5, 1, Micros(50_000)));
    let whole = Billed::Money(Micros(45_000));
    journal.commit(&[record(c.id, totalled("r4", Verdicts::AllAccepted, whole, 1))]).expect("open");
    let d = claimed(&mut journal, claim(6, 1, Micros(50_000)));
    journal.commit(&[record(d.id, failed(Class::Throttled))]).expect("open");
    claimed(&mut journal, claim(6, 1, Micros(50_000)));
    place
}

#[test]
fn every_recipient_has_a_line_in_plan_order() {
    let word = |text: &str| Some(text.to_owned());
    let told: Vec<_> = lines(&played())
        .into_iter()
        .map(|line| {
            let attempt = line.attempt.map(|attempt| attempt.0);
            (line.row.0, line.state, attempt, line.provider_id, line.code, line.billed, line.billed_segments)
        })
        .collect();
    assert_eq!(
        told,
        [
            (2, "accepted", Some(1), word("m1"), None, Some(Micros(7)), Some(2)),
            (6, "refused", Some(1), None, word("RECIPIENTS_ERROR"), None, None),
            (10, "in_doubt", Some(1), None, word("not answered for"), None, None),
            (4, "accepted", Some(3), word("r3"), None, None, None),
            (8, "accepted", Some(3), word("r3"), None, None, None),
            (12, "accepted", Some(4), word("r4"), None, Some(Micros(45_000)), Some(1)),
            (14, "pending", Some(6), None, None, None, None),
            (16, "pending", None, None, None, None, None),
        ]
    );
}

#[test]
fn a_line_names_the_recipient_the_text_and_its_price() {
    let place = played();
    let reader = JournalReader::open(&place.path()).expect("a journal");
    for (position, line) in (0..).zip(lines(&place)) {
        assert_eq!(line.position, Position(position));
        let index = line.row.0 as usize / 2 - 1;
        assert_eq!(line.to, number(index));
        let text = ["a", "b", "a", "b", "a", "c", "d", "e"][index];
        assert_eq!(reader.text(line.text).expect("readable"), text);
        assert_eq!((line.per_segment, line.price, line.segments), (Some(PRICE), Some(PRICE), 1));
    }
    let missing = reader.text(5).expect_err("there are five");
    assert_eq!(missing.what, "text 5 is missing");

    // Two segments and a price for the message, rounded: 2 x 0.0333 + 0.004 is 0.0706.
    let long = "x".repeat(161);
    let tariff = Tariff {
        per_segment: Micros(33_300),
        per_message: Micros(4_000),
        rounding: Rounding::PerMessage(2),
        ..Tariff::default()
    };
    let place = Place::with_tariff(PER_ITEM, 1, &[&long], &tariff);
    let [line] = &lines(&place)[..] else { panic!("one recipient") };
    assert_eq!(
        (line.per_segment, line.price, line.segments),
        (Some(Micros(33_300)), Some(Micros(70_000)), 2)
    );
}

#[test]
fn every_attempt_has_a_bill_in_the_order_of_intents() {
    let bill = |attempt, first, recipients, fate| RequestBill {
        attempt: AttemptId(attempt),
        first: Position(first),
        recipients,
        request_id: None,
        fate,
        billed: None,
        billed_units: None,
        segments: None,
    };
    let priced = |id: &str, micros, segments, bill| RequestBill {
        request_id: Some(id.to_owned()),
        billed: Some(Micros(micros)),
        segments: Some(segments),
        ..bill
    };
    let place = played();
    assert_eq!(
        requests(&place),
        [
            bill(1, 0, 3, RequestFate::Each),
            bill(2, 3, 2, RequestFate::NotTaken),
            priced("r3", 90_000, 3, bill(3, 3, 2, RequestFate::Accepted)),
            priced("r4", 45_000, 1, bill(4, 5, 1, RequestFate::Accepted)),
            bill(5, 6, 1, RequestFate::NotTaken),
            bill(6, 6, 1, RequestFate::Open),
        ]
    );
    let mut journal = place.open(); // what was open is in doubt
    let last = claimed(&mut journal, claim(7, 1, Micros(50_000)));
    journal.commit(&[record(last.id, failed(Class::BadRequest))]).expect("open");
    let fates: Vec<RequestFate> = requests(&place).into_iter().map(|bill| bill.fate).collect();
    assert_eq!(fates[5..], [RequestFate::InDoubt, RequestFate::Refused]);

    let place = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    assert_eq!(requests(&place), []);
    let mut journal = place.open();
    let units = claimed(&mut journal, claim(0, 2, Micros(100_000)));
    let credits = Billed::Units(Micros(2_000_000));
    journal.commit(&[record(units.id, answered(None, Verdicts::AllAccepted, credits))]).expect("open");
    let [bill] = &requests(&place)[..] else { panic!("one attempt") };
    assert_eq!((bill.billed, bill.billed_units), (None, Some(Micros(2_000_000))));
}

#[test]
fn segments_are_the_providers_where_it_counted_believably() {
    let refused = || Verdict::Refused { code: "FIELD_INVALID".into() };
    let doubt = || Verdict::InDoubt { reason: "not answered for".into() };
    let of = |verdicts| Verdicts::Each(verdicts);
    let each_of = |one, two, three| of(vec![counted("m1", one), counted("m2", two), counted("m3", three)]);
    for (name, verdicts, total, segments, own) in [
        ("a total", Verdicts::AllAccepted, Some(4), Some(4), [None; 3]),
        ("the most there can be", Verdicts::AllAccepted, Some(765), Some(765), [None; 3]),
        ("more than there can be", Verdicts::AllAccepted, Some(766), None, [None; 3]),
        ("none at all", Verdicts::AllAccepted, Some(0), None, [None; 3]),
        ("beyond 64 bits of rows", Verdicts::AllAccepted, Some(u64::MAX), None, [None; 3]),
        ("one by one", each_of(1, 2, 255), None, Some(258), [Some(1), Some(2), Some(255)]),
        ("one by one and a total", each_of(1, 2, 3), Some(7), Some(7), [Some(1), Some(2), Some(3)]),
        ("a total beyond belief", each_of(1, 2, 3), Some(766), Some(6), [Some(1), Some(2), Some(3)]),
        ("one beyond belief", each_of(1, 256, 3), None, None, [Some(1), None, Some(3)]),
        ("one of none", each_of(0, 2, 3), None, None, [None, Some(2), Some(3)]),
        (
            "one unsaid",
            of(vec![counted("m1", 1), taken("m2"), counted("m3", 3)]),
            None,
            None,
            [Some(1), None, Some(3)],
        ),
        (
            "the refused have none",
            of(vec![counted("m1", 1), refused(), counted("m3", 3)]),
            None,
            Some(4),
            [Some(1), None, Some(3)],
        ),
        (
            "doubt may have some",
            of(vec![counted("m1", 1), doubt(), refused()]),
            None,
            None,
            [Some(1), None, None],
        ),
        ("all refused", of(vec![refused(), refused(), refused()]), None, None, [None; 3]),
    ] {
        let place = Place::with_plan(PER_ITEM, 3, &["a", "b", "c"]);
        let mut journal = place.open();
        let attempt = claimed(&mut journal, claim(0, 3, Micros(150_000)));
        let answer =
            Answer { request_id: Some("r".to_owned()), verdicts, billed: Billed::Unknown, segments: total };
        journal.commit(&[record(attempt.id, Outcome::Answered(answer))]).expect("open");
        drop(journal);
        drop(place.open());
        let [bill] = &requests(&place)[..] else { panic!("one attempt") };
        assert_eq!(bill.segments, segments, "{name}");
        let told: Vec<Option<u32>> = lines(&place).into_iter().map(|line| line.billed_segments).collect();
        assert_eq!(told, own, "{name}");
        let verified = volley_journal::verify(&place.path()).expect("readable");
        assert!(verified.holds(), "{name}: {:?}", verified.broken);
    }
}

#[test]
fn what_is_said_of_a_request_for_one_is_said_of_its_message() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b", "c"]);
    let mut journal = place.open();
    let alone = claimed(&mut journal, claim(0, 1, Micros(50_000)));
    let bill = Billed::Money(Micros(9));
    journal.commit(&[record(alone.id, totalled("r1", Verdicts::AllAccepted, bill, 2))]).expect("open");
    let two = claimed(&mut journal, claim(1, 2, Micros(100_000)));
    let bill = Billed::Money(Micros(20));
    journal.commit(&[record(two.id, totalled("r2", Verdicts::AllAccepted, bill, 4))]).expect("open");
    let told: Vec<_> = lines(&place).into_iter().map(|line| (line.billed, line.billed_segments)).collect();
    assert_eq!(told, [(Some(Micros(9)), Some(2)), (None, None), (None, None)]);
}

#[test]
fn a_plan_that_was_never_sent_reads_as_pending() {
    let place = Place::with_plan(PER_ITEM, 3, &["a", "b"]);
    for line in lines(&place) {
        assert_eq!((line.state, line.attempt, line.provider_id), ("pending", None, None));
    }
    let reader = JournalReader::open(&place.path()).expect("a journal");
    assert_eq!(reader.in_doubt().expect("readable"), []);
    assert_eq!(reader.hash_of_rows().expect("readable"), reader.plan().hash);
}

#[test]
fn attempts_and_lines_tell_of_the_same_people() {
    let place = Place::with_plan(PER_ITEM, 4, &["a"; 9]);
    let mut journal = place.open();
    // Retried in other chunks than before: the last attempt is not the one of the neighbours.
    for (first, recipients, taken) in [(0, 4, false), (4, 4, false), (2, 3, true), (0, 2, true), (5, 4, true)]
    {
        let attempt =
            claimed(&mut journal, claim(first, recipients, Micros(i64::from(recipients) * PRICE.0)));
        let outcome = if taken { accepted(&format!("r{}", attempt.id.0)) } else { failed(Class::Throttled) };
        journal.commit(&[record(attempt.id, outcome)]).expect("open");
    }
    let told: Vec<Option<String>> = lines(&place).into_iter().map(|line| line.provider_id).collect();
    let ids = ["r4", "r4", "r3", "r3", "r3", "r5", "r5", "r5", "r5"];
    assert_eq!(told, ids.map(|id| Some(id.to_owned())));
    for bill in requests(&place).into_iter().filter(|bill| bill.fate == RequestFate::Accepted) {
        let own = lines(&place).into_iter().filter(|line| line.attempt == Some(bill.attempt));
        let positions: Vec<u32> = own.map(|line| line.position.0).collect();
        let covered: Vec<u32> = (bill.first.0..bill.first.0 + bill.recipients).collect();
        assert_eq!(positions, covered, "{bill:?}");
    }
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
        position: Position(u32::try_from(index).expect("small")),
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

#[test]
fn a_pulse_says_what_is_open_what_the_provider_asked_for_and_what_went_wrong_last() {
    let place = Place::with_plan(SHARED, 1, &["a", "a", "a"]);
    let pulse = || JournalReader::open(&place.path()).expect("a journal").pulse().expect("readable");
    let fresh = pulse();
    assert_eq!((fresh.open, fresh.claimed_at, fresh.trouble, fresh.has_room), (0, None, None, false));

    let mut journal = place.open();
    let first = claimed(&mut journal, claim(0, 1, Micros(50_000)));
    let second = claimed(&mut journal, claim(1, 1, Micros(50_000)));
    let under_way = pulse();
    assert_eq!((under_way.open, under_way.trouble), (2, None));
    assert!(under_way.has_room && under_way.claimed_at.is_some(), "a sender keeps room for outcomes");

    journal.commit(&[record(first.id, failed(Class::Throttled))]).expect("open");
    let slowed = pulse();
    let trouble = slowed.trouble.expect("no answer about anybody");
    assert_eq!((slowed.open, slowed.standing.requests_throttled), (1, 1));
    assert_eq!(slowed.silent_until, Some(trouble.at.plus_millis(1_000)), "a second, where it asks for none");

    journal.commit(&[record(second.id, accepted("r2"))]).expect("open");
    let answered = pulse();
    assert_eq!((answered.open, answered.standing.recipients.accepted), (0, 1));
    assert_eq!(
        answered.standing,
        JournalReader::open(&place.path()).expect("a journal").standing().expect("readable")
    );
    drop(journal);
    assert!(!pulse().has_room, "nobody sends any more");
}
