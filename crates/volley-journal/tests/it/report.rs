//! What a report says of everybody.

use crate::support::{
    NOW, PER_ITEM, PRICE, Place, accepted, answered, claim, claimed, decided, failed, number, record,
};
use volley_core::{
    Billed, Class, Delivery, Micros, Position, Receipt, RowNumber, UnixMillis, Verdict, Verdicts,
};
use volley_journal::{Decision, Evidence, Journal, JournalReader, ReceiptBook, ReportRow, Resolution, Write};

fn rows(place: &Place) -> Vec<ReportRow> {
    let reader = JournalReader::open(&place.path()).expect("a journal");
    let mut rows = Vec::new();
    reader.for_each_report_row(|row| rows.push(row)).expect("readable");
    rows
}

/// Accepted and delivered, refused, put off twice, in doubt, found by a lookup, to be sent again,
/// being sent, never tried.
fn played() -> Place {
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 8]);
    let mut journal = place.open();
    let own = Verdict::Accepted { id: Some("m0".to_owned()), billed: Some(Micros(7)), segments: None };
    let refused = Verdict::Refused { code: "RECIPIENTS_ERROR".into() };
    for (first, recipients, outcome) in [
        (0, 2, Some(answered(Some("r1"), Verdicts::Each(vec![own, refused]), Billed::Unknown))),
        (2, 1, Some(failed(Class::Throttled))),
        (2, 1, Some(failed(Class::ConnectTimeout))),
        (3, 3, Some(failed(Class::ReplyLost))),
        (6, 1, None),
    ] {
        let attempt =
            claimed(&mut journal, claim(first, recipients, Micros(i64::from(recipients) * PRICE.0)));
        if let Some(outcome) = outcome {
            journal.commit(&[record(attempt.id, outcome)]).expect("open");
        }
    }
    let found = Resolution {
        evidence: Evidence::Lookup,
        message_ids: vec![(Position(4), "m4".to_owned())],
        ..decided(Decision::Accepted, &[4])
    };
    let again = decided(Decision::Resend, &[5]);
    journal.commit(&[Write::Resolve(found), Write::Resolve(again)]).expect("in doubt");
    let mut book = ReceiptBook::open(&place.path()).expect("a journal");
    let delivered = Receipt {
        message_id: Some("m0".to_owned()),
        delivery: Some(Delivery::Delivered),
        code: Some("DELIVRD".into()),
        at: Some(UnixMillis(5)),
        ..Receipt::default()
    };
    book.record(&[delivered], None, NOW).expect("room");
    place
}

#[test]
fn everybody_has_a_line_in_plan_order() {
    let told: Vec<_> = rows(&played())
        .into_iter()
        .map(|row| (row.state, row.provider_id, row.code, row.billed, row.attempts, row.time.is_some()))
        .collect();
    let word = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            ("accepted", word("m0"), word("DELIVRD"), Some(Micros(7)), 1, true),
            ("refused", word("r1"), word("RECIPIENTS_ERROR"), None, 1, true),
            ("pending", None, word("as the test says"), None, 2, true),
            ("in_doubt", None, word("as the test says"), None, 1, true),
            ("accepted", word("m4"), None, None, 1, true),
            ("pending", None, word("as the test says"), None, 1, true),
            ("pending", None, None, None, 1, false),
            ("pending", None, None, None, 0, false),
        ]
    );
}

#[test]
fn a_line_names_the_recipient_the_price_and_what_became_of_the_message() {
    let rows = rows(&played());
    for (index, row) in rows.iter().enumerate() {
        let position = u32::try_from(index).expect("small");
        assert_eq!((row.position, row.row), (Position(position), RowNumber(2 * position + 2)));
        assert_eq!((row.to, row.segments, row.price), (number(index), 1, Some(PRICE)));
        let known = if index == 0 { (Some(Delivery::Delivered), Some(UnixMillis(5))) } else { (None, None) };
        assert_eq!((row.delivery, row.delivered_at), known, "{index}");
    }
    assert_eq!(rows[0].time, Some(NOW.plus_millis(250)));
}

#[test]
fn a_request_that_was_answered_as_a_whole_gives_everybody_its_id() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b"]);
    let mut journal = place.open();
    let attempt = claimed(&mut journal, claim(0, 2, Micros(2 * PRICE.0)));
    journal.commit(&[record(attempt.id, accepted("r1"))]).expect("open");
    let ids: Vec<_> = rows(&place).into_iter().map(|row| row.provider_id).collect();
    assert_eq!(ids, [Some("r1".to_owned()), Some("r1".to_owned())]);
}
