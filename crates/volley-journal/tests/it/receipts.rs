//! Delivery results, beside a sender and without one.

use crate::support::{
    NOW, PER_ITEM, PRICE, Place, SHARED, accepted, answered, claim, claimed, decided, each, failed, number,
    record, taken,
};
use proptest::prelude::*;
use std::{
    fs,
    sync::{Arc, Barrier},
    thread,
};
use volley_core::{
    Billed, Class, Deliveries,
    Delivery::{self, Delivered, Expired, Failed, NoReport, Sent},
    Micros, Position, Receipt, Totals, UnixMillis, Verdict, Verdicts,
};
use volley_journal::{
    AttemptId, CommitError, Decision, Evidence, Journal, JournalReader, PollMark, Polled, ReceiptBook,
    Recorded, Resolution, SentMessage, SqliteJournal, Write, verify,
};

/// How many receipts that name nobody are kept.
const MOST_KEPT: u64 = 100_000;

fn book(place: &Place) -> ReceiptBook {
    ReceiptBook::open(&place.path()).expect("a journal")
}

fn receipt(delivery: Delivery) -> Receipt {
    Receipt { delivery: Some(delivery), ..Receipt::default() }
}

fn by_id(id: &str, delivery: Delivery) -> Receipt {
    Receipt { message_id: Some(id.to_owned()), ..receipt(delivery) }
}

fn by_number(request_id: &str, index: usize, delivery: Delivery) -> Receipt {
    Receipt { request_id: Some(request_id.to_owned()), to: Some(number(index)), ..receipt(delivery) }
}

fn by_reference(place: &Place, position: u32, delivery: Delivery) -> Receipt {
    let reader = JournalReader::open(&place.path()).expect("a journal");
    let reference = reader.plan().reference().message(Position(position));
    Receipt { reference: Some(reference), ..receipt(delivery) }
}

fn keep(book: &mut ReceiptBook, receipts: &[Receipt]) -> Recorded {
    book.record(receipts, None, NOW).expect("room")
}

fn applied(applied: u64, repeated: u64, unknown: u64) -> Recorded {
    Recorded { applied, repeated, unknown }
}

/// Everybody's delivery in plan order, as a reader sees it.
fn told(place: &Place) -> Vec<Option<Delivery>> {
    let reader = JournalReader::open(&place.path()).expect("a journal");
    let mut told = Vec::new();
    reader.for_each_report_row(|row| told.push(row.delivery)).expect("readable");
    told
}

fn holds(place: &Place) {
    let verified = verify(&place.path()).expect("readable");
    assert!(verified.holds(), "{:?}", verified.broken);
}

/// Nine recipients: 0 and 1 accepted with ids m0 and m1, 2 refused, 3 to 5 accepted as request r2,
/// 6 alone in request r3, 7 in doubt, 8 pending.
fn sent() -> (Place, SqliteJournal) {
    let place = Place::with_plan(PER_ITEM, 3, &["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
    let mut journal = place.open();
    let refused = Verdict::Refused { code: "FIELD_INVALID".into() };
    for (first, recipients, outcome) in [
        (
            0,
            3,
            answered(Some("r1"), Verdicts::Each(vec![taken("m0"), taken("m1"), refused]), Billed::Unknown),
        ),
        (3, 3, accepted("r2")),
        (6, 1, accepted("r3")),
        (7, 1, failed(Class::ReplyLost)),
    ] {
        let attempt =
            claimed(&mut journal, claim(first, recipients, Micros(i64::from(recipients) * PRICE.0)));
        journal.commit(&[record(attempt.id, outcome)]).expect("open");
    }
    (place, journal)
}

#[test]
fn a_message_is_named_by_its_id_by_its_request_and_number_or_by_our_reference() {
    use Delivered;
    // Plans that were frozen alike have one reference, so the receipts fit each of them.
    let (place, _journal) = sent();
    let both = |id: &str, request: &str, index| Receipt {
        message_id: Some(id.to_owned()),
        ..by_number(request, index, Delivered)
    };
    let strange = Receipt { reference: Some("000000000000-3".to_owned()), ..receipt(Delivered) };
    for (name, receipt, position) in [
        ("its id", by_id("m1", Delivered), Some(1)),
        ("its request and number", by_number("r2", 4, Delivered), Some(4)),
        ("an id that nobody told us, and those", both("x", "r2", 5), Some(5)),
        ("an id that is told, and a request that is not", both("m0", "x", 5), Some(0)),
        ("a request for nobody else", Receipt { to: None, ..by_number("r3", 6, Delivered) }, Some(6)),
        ("the id of a request for nobody else, as its own", by_id("r3", Delivered), Some(6)),
        ("our reference", by_reference(&place, 3, Delivered), Some(3)),
        (
            "our reference of the first of its request, and its number",
            Receipt { to: Some(number(5)), ..by_reference(&place, 3, Delivered) },
            Some(5),
        ),
        ("our reference, in doubt", by_reference(&place, 7, Delivered), Some(7)),
        ("our reference, before it was tried", by_reference(&place, 8, Delivered), Some(8)),
        ("a reference beyond the plan", by_reference(&place, 9, Delivered), None),
        ("another plan's reference", strange, None),
        ("a request of several, and no number", Receipt { to: None, ..by_number("r2", 3, Delivered) }, None),
        ("a request, and a number that was not in it", by_number("r2", 6, Delivered), None),
        ("a number alone", Receipt { request_id: None, ..by_number("", 4, Delivered) }, None),
        ("nothing", receipt(Delivered), None),
    ] {
        let (place, _journal) = sent();
        let mut book = book(&place);
        let expected = if position.is_some() { applied(1, 0, 0) } else { applied(0, 0, 1) };
        assert_eq!(keep(&mut book, &[receipt]), expected, "{name}");
        let told = told(&place);
        for (at, delivery) in (0_u32..).zip(told) {
            assert_eq!(delivery, (Some(at) == position).then_some(Delivered), "{name}, {at}");
        }
        assert_eq!(book.quarantined().expect("readable"), u64::from(position.is_none()), "{name}");
        holds(&place);
    }
}

#[test]
fn an_id_of_two_messages_tells_nobody_apart() {
    let place = Place::with_plan(SHARED, 3, &["a"; 3]);
    let mut journal = place.open();
    let one = claimed(&mut journal, claim(0, 3, Micros(3 * PRICE.0)));
    journal.commit(&[record(one.id, each(vec![taken("m"), taken("m"), taken("m2")]))]).expect("open");
    let mut book = book(&place);
    let receipts = [by_id("m", Delivered), by_id("m2", Delivered)];
    assert_eq!(keep(&mut book, &receipts), applied(1, 0, 1));
    assert_eq!(told(&place), [None, None, Some(Delivered)]);
}

#[test]
fn what_is_said_again_is_counted_as_repeated_and_what_is_late_changes_nothing() {
    let (place, _journal) = sent();
    let mut book = book(&place);
    for (delivery, expected) in [
        (Sent, applied(1, 0, 0)),
        (Sent, applied(0, 1, 0)),
        (Expired, applied(1, 0, 0)),
        (Delivered, applied(1, 0, 0)),
        (Expired, applied(0, 1, 0)),
        (Delivered, applied(0, 1, 0)),
    ] {
        assert_eq!(keep(&mut book, &[by_id("m0", delivery)]), expected, "{delivery:?}");
    }
    assert_eq!(told(&place)[0], Some(Delivered));
}

#[test]
fn a_word_that_nobody_listed_says_that_the_provider_has_the_message() {
    let (place, _journal) = sent();
    let mut book = book(&place);
    let odd = Receipt { delivery: None, code: Some("PARKED".into()), ..by_id("m0", Sent) };
    keep(&mut book, &[odd]);
    let reader = JournalReader::open(&place.path()).expect("a journal");
    let mut first = None;
    reader
        .for_each_report_row(|row| {
            first.get_or_insert((row.delivery, row.code));
        })
        .expect("readable");
    assert_eq!(first, Some((Some(Delivery::Queued), Some("PARKED".to_owned()))));
    let unknown = Deliveries { delivered: 0, failed: 0, unknown: 6 };
    assert_eq!(book.deliveries().expect("readable"), unknown);
}

#[test]
fn deliveries_are_counted_over_those_accepted_alone() {
    let (place, mut journal) = sent();
    let mut book = book(&place);
    let reader = JournalReader::open(&place.path()).expect("a journal");
    assert_eq!(reader.deliveries().expect("readable"), None, "nobody asked for any");
    let receipts = [
        by_id("m0", Delivered),
        by_id("m1", Failed),
        by_number("r2", 3, Sent),
        by_reference(&place, 2, Delivered),
        by_reference(&place, 7, Delivered),
        by_reference(&place, 8, Failed),
    ];
    assert_eq!(keep(&mut book, &receipts), applied(6, 0, 0));
    let expected = Deliveries { delivered: 1, failed: 1, unknown: 4 };
    assert_eq!(book.deliveries().expect("readable"), expected);
    assert_eq!(reader.deliveries().expect("readable"), Some(expected));
    // Proved to have been taken, and counted as soon as somebody who sends says so.
    assert_eq!(book.doubts_with_receipts().expect("readable"), [Position(7)]);
    let proved = Resolution { evidence: Evidence::Receipt, ..decided(Decision::Accepted, &[7]) };
    journal.commit(&[Write::Resolve(proved)]).expect("in doubt");
    assert_eq!(book.doubts_with_receipts().expect("readable"), []);
    let expected = Deliveries { delivered: 2, ..expected };
    assert_eq!(book.deliveries().expect("readable"), expected);
    holds(&place);
}

#[test]
fn a_receipt_before_its_answer_is_found_when_the_answer_comes() {
    let place = Place::with_plan(PER_ITEM, 2, &["a", "b", "c", "d"]);
    let mut journal = place.open();
    let one = claimed(&mut journal, claim(0, 2, Micros(2 * PRICE.0)));
    let two = claimed(&mut journal, claim(2, 2, Micros(2 * PRICE.0)));
    let early = [
        by_id("m0", Delivered),
        by_id("m0", Sent),
        by_number("r2", 2, Failed),
        by_number("r2", 2, Sent),
        by_id("another campaign's", Delivered),
    ];
    let mut listening = book(&place);
    assert_eq!(keep(&mut listening, &early), applied(0, 0, 5));
    assert_eq!(listening.quarantined().expect("readable"), 3, "kept by their names");
    journal.commit(&[record(one.id, each(vec![taken("m0"), taken("m1")]))]).expect("open");
    assert_eq!(listening.quarantined().expect("readable"), 2);
    journal.commit(&[record(two.id, accepted("r2"))]).expect("open");
    // Somebody who opens it later finds it as well as who has it open.
    assert_eq!(
        book(&place).deliveries().expect("readable"),
        Deliveries { delivered: 1, failed: 1, unknown: 2 }
    );
    assert_eq!(listening.quarantined().expect("readable"), 1);
    assert_eq!(told(&place), [Some(Delivered), None, Some(Failed), None]);
    holds(&place);
}

#[test]
fn a_receipt_before_a_lookup_is_found_when_the_lookup_comes() {
    let place = Place::with_plan(PER_ITEM, 3, &["a", "b", "c"]);
    let mut journal = place.open();
    let one = claimed(&mut journal, claim(0, 3, Micros(3 * PRICE.0)));
    journal.commit(&[record(one.id, failed(Class::ReplyLost))]).expect("open");
    let mut book = book(&place);
    keep(&mut book, &[by_id("m0", Delivered), by_number("r1", 1, Failed)]);
    assert_eq!(book.requests().expect("readable"), []);
    let found = Resolution {
        evidence: Evidence::Lookup,
        request_id: Some("r1".to_owned()),
        message_ids: vec![(Position(0), "m0".to_owned())],
        ..decided(Decision::Accepted, &[0, 1])
    };
    journal.commit(&[Write::Resolve(found)]).expect("in doubt");
    assert_eq!(book.quarantined().expect("readable"), 0);
    assert_eq!(told(&place), [Some(Delivered), Some(Failed), None]);
    let [request] = &book.requests().expect("readable")[..] else { panic!("one request took somebody") };
    assert_eq!((request.attempt, request.request_id.as_deref()), (one.id, Some("r1")));
    holds(&place);
}

#[test]
fn requests_that_took_somebody_say_where_to_go_on_asking() {
    let (place, mut journal) = sent();
    let open = claimed(&mut journal, claim(8, 1, PRICE));
    let mut book = book(&place);
    let mark = |of, cursor: Option<&str>, is_complete| PollMark {
        of,
        cursor: cursor.map(str::to_owned),
        is_complete,
    };
    let told = |book: &ReceiptBook| -> Vec<_> {
        let requests = book.requests().expect("readable").into_iter();
        requests
            .map(|one| {
                (one.attempt.0, one.request_id, one.first.0, one.recipients, one.cursor, one.is_complete)
            })
            .collect()
    };
    let word = |word: &str| Some(word.to_owned());
    let expected = [
        (1, word("r1"), 0, 3, None, false),
        (2, word("r2"), 3, 3, None, false),
        (3, word("r3"), 6, 1, None, false),
    ];
    assert_eq!(told(&book), expected);
    for (attempt, cursor, is_complete) in [(2, Some("page 2"), false), (3, None, true)] {
        let mark = mark(Polled::Request(AttemptId(attempt)), cursor, is_complete);
        book.record(&[], Some(&mark), NOW).expect("room");
    }
    assert_eq!(book.window().expect("readable"), None);
    let window = mark(Polled::Window, Some("from here"), false);
    book.record(&[by_id("m0", Sent)], Some(&window), NOW).expect("room");
    journal.commit(&[record(open.id, accepted("r5"))]).expect("open");
    drop(book);
    let book = ReceiptBook::open(&place.path()).expect("a journal");
    let expected = [
        (1, word("r1"), 0, 3, None, false),
        (2, word("r2"), 3, 3, word("page 2"), false),
        (3, word("r3"), 6, 1, None, true),
        (5, word("r5"), 8, 1, None, false),
    ];
    assert_eq!(told(&book), expected);
    assert_eq!(book.window().expect("readable"), Some(window));
    let first = &book.requests().expect("readable")[0];
    assert_eq!((first.claimed_at, first.ended_at), (NOW, NOW.plus_millis(250)));
}

#[test]
fn messages_to_ask_about_come_in_pages_and_final_ones_are_left_out() {
    let (place, mut journal) = sent();
    let mut book = book(&place);
    let pages = |book: &mut ReceiptBook, most| {
        let (mut after, mut all) = (None, Vec::new());
        loop {
            let page = book.messages(after, most).expect("readable");
            let Some(last) = page.last() else { return all };
            after = Some(last.position);
            all.extend(page.into_iter().map(|SentMessage { position, message_id }| (position.0, message_id)));
        }
    };
    let message = |position, id: &str| (position, id.to_owned());
    for most in [1, 2, 9] {
        let expected = [message(0, "m0"), message(1, "m1"), message(6, "r3")];
        assert_eq!(pages(&mut book, most), expected, "{most} at a time");
    }
    keep(&mut book, &[by_id("m0", Delivered), by_id("m1", Sent)]);
    let found =
        Resolution { message_ids: vec![(Position(7), "m7".to_owned())], ..decided(Decision::Accepted, &[7]) };
    journal.commit(&[Write::Resolve(found)]).expect("in doubt");
    assert_eq!(pages(&mut book, 9), [message(1, "m1"), message(6, "r3"), message(7, "m7")]);
}

#[test]
fn what_finds_no_room_is_only_counted() {
    let (place, mut journal) = sent();
    let mut book = book(&place);
    let strangers: Vec<Receipt> =
        (0..MOST_KEPT + 3).map(|stranger| by_id(&format!("x{stranger}"), Sent)).collect();
    for page in strangers.chunks(10_000) {
        assert_eq!(keep(&mut book, page), applied(0, 0, page.len() as u64));
    }
    assert_eq!(book.quarantined().expect("readable"), MOST_KEPT + 3);
    // Who is kept is kept once; who is not is counted as often as they come.
    keep(&mut book, &[by_id("x0", Delivered), by_id(&format!("x{MOST_KEPT}"), Delivered)]);
    assert_eq!(book.quarantined().expect("readable"), MOST_KEPT + 4);
    let attempt = claimed(&mut journal, claim(8, 1, PRICE));
    journal.commit(&[record(attempt.id, each(vec![taken("x0")]))]).expect("open");
    assert_eq!(keep(&mut book, &[by_id("new", Sent)]), applied(0, 0, 1));
    assert_eq!(
        book.quarantined().expect("readable"),
        MOST_KEPT + 4,
        "one was found, which made room for one"
    );
    assert_eq!(told(&place)[8], Some(Delivered));
}

#[test]
fn a_journal_that_was_moved_takes_no_more_receipts() {
    let (place, journal) = sent();
    drop(journal);
    let mut book = book(&place);
    fs::rename(place.path(), place.path().with_extension("elsewhere")).expect("room");
    let refused = book.record(&[by_id("m0", Sent)], None, NOW).expect_err("moved");
    assert!(matches!(refused, CommitError::Moved), "{refused}");
}

#[test]
fn a_fault_while_reading_is_forgotten_with_the_fault() {
    let place = Place::with_plan(PER_ITEM, 3, &["a"; 4]);
    let mut journal = place.open();
    let lost = claimed(&mut journal, claim(0, 3, Micros(3 * PRICE.0)));
    journal.commit(&[record(lost.id, failed(Class::ReplyLost))]).expect("open");
    let mut book = book(&place);
    keep(&mut book, &[by_reference(&place, 0, Sent), by_id("m2", Failed), by_id("strange", Sent)]);
    let ids = vec![(Position(2), "m2".to_owned())];
    let found = Resolution { message_ids: ids, ..decided(Decision::Accepted, &[0, 2]) };
    journal.commit(&[Write::Resolve(found)]).expect("in doubt");
    // The first half of the decision can be read, the second cannot.
    place.tamper("UPDATE resolved SET attempt = 9 WHERE first = 2");
    book.record(&[], None, NOW).expect_err("a decision about nobody");
    book.deliveries().expect_err("still");
    place.tamper("UPDATE resolved SET attempt = 1 WHERE first = 2");
    assert_eq!(keep(&mut book, &[by_reference(&place, 0, Delivered)]), applied(1, 0, 0));
    assert_eq!(book.deliveries().expect("readable"), Deliveries { delivered: 1, failed: 1, unknown: 0 });
    assert_eq!(book.quarantined().expect("readable"), 1);
}

#[test]
fn a_sender_and_two_books_wait_for_each_other() {
    const REQUESTS: u32 = 150;
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 2 * REQUESTS as usize]);
    let mut journal = place.open();
    let path = place.path();
    let keeper = |delivery| {
        let (path, reader) = (path.clone(), JournalReader::open(&path).expect("a journal"));
        let reference = reader.plan().reference();
        move || {
            let mut book = ReceiptBook::open(&path).expect("a journal");
            for position in 0..2 * REQUESTS {
                let reference = Some(reference.message(Position(position)));
                book.record(&[Receipt { reference, ..receipt(delivery) }], None, NOW).expect("it waits");
            }
        }
    };
    let books = [thread::spawn(keeper(Sent)), thread::spawn(keeper(Delivered))];
    for request in 0..REQUESTS {
        let attempt = claimed(&mut journal, claim(2 * request, 2, Micros(2 * PRICE.0)));
        journal.commit(&[record(attempt.id, accepted(&format!("r{request}")))]).expect("it waits");
    }
    for book in books {
        book.join().expect("nobody is kept out");
    }
    let everybody = u64::from(2 * REQUESTS);
    let expected = Deliveries { delivered: everybody, failed: 0, unknown: 0 };
    assert_eq!(book(&place).deliveries().expect("readable"), expected);
    holds(&place);
}

#[test]
fn a_fresh_plan_opens_for_a_sender_and_for_books_at_once() {
    for _ in 0..10 {
        let place = Place::with_plan(PER_ITEM, 2, &["a"; 4]);
        let start = Arc::new(Barrier::new(3));
        let opener = || {
            let (path, start) = (place.path(), Arc::clone(&start));
            move || {
                start.wait();
                ReceiptBook::open(&path).map(drop)
            }
        };
        let books = [thread::spawn(opener()), thread::spawn(opener())];
        start.wait();
        drop(place.open());
        for book in books {
            book.join().expect("no panic").expect("it waits");
        }
    }
}

#[test]
fn a_kill_after_any_record_keeps_it_and_its_mark() {
    let (place, _journal) = sent();
    let mut listening = book(&place);
    let mut expected = vec![None; 9];
    for (index, (id, position)) in [("m0", 0_usize), ("m1", 1), ("r3", 6)].into_iter().enumerate() {
        let cursor = Some(format!("page {index}"));
        let mark = PollMark { of: Polled::Window, cursor, is_complete: false };
        listening.record(&[by_id(id, Failed)], Some(&mark), NOW).expect("room");
        expected[position] = Some(Failed);
        let copy = place.snapshot();
        assert_eq!(told(&copy), expected);
        assert_eq!(book(&copy).window().expect("readable"), Some(mark));
        holds(&copy);
        let journal = copy.open();
        assert_eq!(
            journal.standing().recipients,
            Totals { pending: 1, accepted: 6, refused: 1, in_doubt: 1 }
        );
    }
}

/// What can happen to a journal while receipts come.
#[derive(Clone, Debug)]
enum Happening {
    /// The receipts of these indexes come, again or for the first time.
    Receipts(Vec<usize>),
    /// The next request is claimed, or the next claimed one answered.
    Claim,
    Answer,
    /// The doubt of the lost request is looked up.
    Lookup,
    /// The book is closed and opened anew.
    Book,
    /// The sender's process ends, and another one begins.
    Sender,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        6 => prop::collection::vec(0_usize..16, 1..5).prop_map(Happening::Receipts),
        2 => Just(Happening::Claim),
        2 => Just(Happening::Answer),
        1 => Just(Happening::Lookup),
        1 => Just(Happening::Book),
        1 => Just(Happening::Sender),
    ];
    prop::collection::vec(one, 1..30)
}

/// The receipts that come: two for each of eight recipients, named in all ways.
fn all_receipts(place: &Place) -> Vec<Receipt> {
    let at = |receipt: Receipt, at, code: &str| Receipt {
        at: Some(UnixMillis(at)),
        code: Some(code.into()),
        ..receipt
    };
    vec![
        at(by_id("m0", Sent), 1, "a"),
        at(by_id("m0", Delivered), 2, "b"),
        at(by_id("m1", Failed), 3, "c"),
        at(by_reference(place, 1, Failed), 2, "d"),
        at(by_number("r2", 2, Expired), 9, "e"),
        at(by_number("r2", 2, NoReport), 10, "f"),
        at(by_number("r2", 3, Sent), 1, "g"),
        by_reference(place, 3, Sent),
        at(by_number("r3", 4, Delivered), 1, "h"),
        at(by_number("r3", 4, Delivered), 1, "i"),
        by_id("m5", Failed),
        at(by_number("r3", 5, Failed), 1, "j"),
        by_reference(place, 6, Sent),
        at(by_reference(place, 6, Expired), 5, "k"),
        at(by_id("r4", Delivered), 5, "l"),
        at(by_number("r4", 7, Sent), 6, "m"),
    ]
}

/// The sender: requests for 0 and 1 with ids of their own, 2 and 3 in r2, 4 and 5 in r3 whose
/// answer is lost, 6 and 7 alone in the last two.
struct Sender {
    journal: SqliteJournal,
    claimed: Vec<AttemptId>,
    answered: usize,
    is_found: bool,
}

impl Sender {
    const REQUESTS: [(u32, u32); 5] = [(0, 2), (2, 2), (4, 2), (6, 1), (7, 1)];

    fn claim(&mut self) {
        if let Some((first, recipients)) = Self::REQUESTS.get(self.claimed.len()) {
            let reserved = Micros(i64::from(*recipients) * PRICE.0);
            self.claimed.push(claimed(&mut self.journal, claim(*first, *recipients, reserved)).id);
        }
    }

    fn answer(&mut self) {
        let outcome = match self.answered {
            0 => each(vec![taken("m0"), taken("m1")]),
            1 => accepted("r2"),
            2 => failed(Class::ReplyLost),
            3 => accepted("r5"),
            _ => accepted("r4"),
        };
        if let Some(attempt) = self.claimed.get(self.answered) {
            self.journal.commit(&[record(*attempt, outcome)]).expect("open");
            self.answered += 1;
        }
    }

    fn look_up(&mut self) {
        if self.answered > 2 && !self.is_found {
            let found = Resolution {
                evidence: Evidence::Lookup,
                request_id: Some("r3".to_owned()),
                message_ids: vec![(Position(5), "m5".to_owned())],
                ..decided(Decision::Accepted, &[4, 5])
            };
            self.journal.commit(&[Write::Resolve(found)]).expect("in doubt");
            self.is_found = true;
        }
    }
}

fn lines(place: &Place) -> Vec<(Option<Delivery>, Option<String>, Option<UnixMillis>)> {
    let reader = JournalReader::open(&place.path()).expect("a journal");
    let mut lines = Vec::new();
    reader
        .for_each_report_row(|row| lines.push((row.delivery, row.code, row.delivered_at)))
        .expect("readable");
    lines
}

/// The same plan, answered first, its receipts once and in their order.
fn in_order() -> Place {
    let place = Place::with_plan(PER_ITEM, 2, &["a"; 8]);
    let mut sender = Sender { journal: place.open(), claimed: Vec::new(), answered: 0, is_found: false };
    finish(&mut sender);
    let receipts = all_receipts(&place);
    assert_eq!(keep(&mut book(&place), &receipts).unknown, 0);
    place
}

fn finish(sender: &mut Sender) {
    for _ in Sender::REQUESTS {
        sender.claim();
        sender.answer();
    }
    while sender.answered < Sender::REQUESTS.len() {
        sender.answer();
    }
    sender.look_up();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_order_receipts_answers_and_restarts_come_in_the_deliveries_are_the_same(
        happenings in happenings(),
    ) {
        let place = Place::with_plan(PER_ITEM, 2, &["a"; 8]);
        let receipts = all_receipts(&place);
        let mut sender = Sender { journal: place.open(), claimed: Vec::new(), answered: 0, is_found: false };
        let mut listening = book(&place);
        for happening in happenings {
            match happening {
                Happening::Receipts(which) => {
                    let page: Vec<Receipt> = which.into_iter().map(|index| receipts[index].clone()).collect();
                    let recorded = keep(&mut listening, &page);
                    prop_assert_eq!(recorded.applied + recorded.repeated + recorded.unknown, page.len() as u64);
                }
                Happening::Claim => sender.claim(),
                Happening::Answer => sender.answer(),
                Happening::Lookup => sender.look_up(),
                Happening::Book => {
                    drop(listening);
                    listening = book(&place);
                }
                // With a request under way, it would be in doubt, which is another story.
                Happening::Sender if sender.answered == sender.claimed.len() => {
                    let Sender { journal, claimed, answered, is_found } = sender;
                    drop(journal);
                    sender = Sender { journal: place.open(), claimed, answered, is_found };
                }
                Happening::Sender => {}
            }
            let verified = verify(&place.path()).expect("readable");
            prop_assert!(verified.holds(), "{:?}", verified.broken);
        }
        finish(&mut sender);
        keep(&mut listening, &receipts);
        prop_assert_eq!(listening.quarantined().expect("readable"), 0);
        let expected = in_order();
        prop_assert_eq!(lines(&place), lines(&expected));
        prop_assert_eq!(listening.deliveries().expect("readable"), book(&expected).deliveries().expect("readable"));
        let verified = verify(&place.path()).expect("readable");
        prop_assert!(verified.holds(), "{:?}", verified.broken);
    }
}
