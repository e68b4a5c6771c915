//! What somebody changed behind Volley's back is found and named.

use crate::support::{
    PER_ITEM, Place, SHARED, Tariff, accepted, answered, cancelled, claim, claimed, counted, decided, each,
    failed, record, taken,
};
use volley_core::{
    Billed, Class, ConcatRef, Delivery, Micros, Position, Profile, Receipt, Verdict, Verdicts,
};
use volley_journal::{
    CancelResult, Decision, Evidence, Journal, JournalReader, OpenError, ReceiptBook, Resolution,
    SqliteJournal, Write, verify,
};

/// Six recipients, positions 0 to 5: accepted one by one, refused, in doubt, accepted together.
fn played() -> Place {
    let place = Place::with_plan(PER_ITEM, 3, &["a", "b", "c", "d", "e", "f"]);
    let mut journal = place.open();
    let refused = Verdict::Refused { code: "FIELD_INVALID".into() };
    let one = claimed(&mut journal, claim(0, 3, Micros(150_000)));
    journal.commit(&[record(one.id, each(vec![counted("m1", 1), counted("m2", 2), refused]))]).expect("open");
    let two = claimed(&mut journal, claim(3, 1, Micros(50_000)));
    journal.commit(&[record(two.id, failed(Class::TimedOut))]).expect("open");
    let three = claimed(&mut journal, claim(4, 1, Micros(50_000)));
    journal.commit(&[record(three.id, failed(Class::Throttled))]).expect("open");
    let four = claimed(&mut journal, claim(4, 1, Micros(50_000)));
    let money = Billed::Money(Micros(40_000));
    journal.commit(&[record(four.id, answered(Some("r4"), Verdicts::AllAccepted, money))]).expect("open");
    journal.commit(&[Write::RunEnded { exit_code: 6, at: crate::support::NOW }]).expect("room");
    place
}

#[test]
fn an_untouched_journal_holds() {
    let verified = verify(&played().path()).expect("readable");
    assert!(verified.holds(), "{:?}", verified.broken);
    assert_eq!((verified.attempts, verified.open, verified.owner), (4, 0, None));
}

#[test]
fn planted_damage_to_a_plan_is_found_and_named() {
    const ESTIMATE: &str = "the estimated cost is not the sum of the recipients' prices";
    const HASH: &str = "the plan hash is not the one that was confirmed";
    names(
        played,
        &[
            ("UPDATE text SET bodies = 'abcxef'", "J12", "the plan was altered: texts"),
            ("UPDATE text SET carried = x'030201040202'", "plan", "text 3 is counted wrong"), // in two segments
            ("UPDATE text SET carried = x'0603'", "plan", "text 5 is counted wrong"),         // all in UCS-2
            ("UPDATE price SET per_segment = per_segment + 1", "J12", "the plan was altered: prices"),
            ("UPDATE price SET per_message = per_message + 1", "plan", ESTIMATE),
            ("UPDATE plan SET rounding = 'per_message 1'", "J12", "the plan was altered: prices"),
            ("UPDATE plan SET rounding = 'total 0'", "plan", ESTIMATE),
            (
                "UPDATE recipient SET msisdn = 61491570110 WHERE position = 0",
                "J12",
                "the plan was altered: recipients",
            ),
            ("UPDATE recipient SET text = 99 WHERE position = 2", "plan", "a recipient's text is missing"),
            ("DELETE FROM recipient WHERE position = 5", "J1", "5 of 6 recipients are there"),
            (
                "UPDATE recipient SET position = 9 WHERE position = 5",
                "J1",
                "a position of the plan is missing",
            ),
            ("UPDATE plan SET estimated = estimated + 1", "plan", ESTIMATE),
            (
                "UPDATE plan SET segments = 7",
                "plan",
                "the plan's segments are not the sum of its recipients'",
            ),
            (
                "UPDATE plan SET rows = rows + 1",
                "J1",
                "the input's rows are not the sum of planned, duplicate, suppressed and rejected",
            ),
            (
                "UPDATE plan SET sender = 'Other'",
                "J12",
                "the plan was altered: name, sender, provider, schedule or chunk",
            ),
            ("UPDATE plan SET hash = hash_texts", "J12", HASH),
        ],
    );
}

#[test]
fn planted_damage_to_attempts_is_found_and_named() {
    const SEGMENTS: &str = "a message was billed segments that it cannot have";
    const REQUEST_SEGMENTS: &str = "a request was billed segments that its messages cannot have";
    names(
        played,
        &[
            (
                "UPDATE verdict SET state = 'refused' WHERE position = 0",
                "J1",
                "the totals say 3 accepted, the attempts make 2",
            ),
            ("UPDATE verdict SET provider_id = NULL WHERE position = 0", "J5", "accepted without any id"),
            (
                "UPDATE verdict SET provider_id = 'm1' WHERE position = 1",
                "J5",
                "two recipients were given one message id",
            ),
            ("UPDATE verdict SET segments = 0 WHERE position = 0", "J9", SEGMENTS),
            ("UPDATE verdict SET segments = 256 WHERE position = 0", "J9", SEGMENTS),
            ("UPDATE verdict SET segments = 1 WHERE state = 'refused'", "J9", SEGMENTS),
            ("DELETE FROM verdict WHERE position = 0", "J2", "answered for, but its verdict is missing"),
            (
                "INSERT INTO verdict VALUES (1, 5, 'accepted', 'm9', NULL, NULL, NULL)",
                "J2",
                "attempt 1 has a verdict it did not ask for",
            ),
            (
                "INSERT INTO verdict VALUES (2, 3, 'accepted', 'm9', NULL, NULL, NULL)",
                "J2",
                "a verdict belongs to no attempt that has any",
            ),
            ("UPDATE attempt SET fate = 'accepted' WHERE id = 2", "J5", "accepted without an answer"),
            ("UPDATE attempt SET fate = 'not_taken' WHERE id = 2", "J4", "pending again without proof"),
            (
                "UPDATE attempt SET segments = NULL WHERE id = 1",
                "J9",
                "the segments of a request's messages are not added up",
            ),
            ("UPDATE attempt SET segments = 0 WHERE id = 1", "J9", REQUEST_SEGMENTS),
            ("UPDATE attempt SET segments = 766 WHERE id = 1", "J9", REQUEST_SEGMENTS),
            ("UPDATE attempt SET segments = 1 WHERE id = 2", "J9", REQUEST_SEGMENTS),
            (
                "UPDATE attempt SET spent = 0 WHERE id = 2",
                "J9",
                "an attempt counts another amount than it cost",
            ),
            (
                "UPDATE attempt SET reserved = 1 WHERE id = 2",
                "J9",
                "held back another amount than the plan's price",
            ),
            ("UPDATE attempt SET number = 3 WHERE id = 4", "J10", "attempts are not numbered without gaps"),
            (
                "UPDATE attempt SET body_hash = zeroblob(32) WHERE id = 4",
                "J12",
                "attempts at the same recipients carried different bodies",
            ),
            (
                "UPDATE attempt SET first = 40 WHERE id = 4",
                "J2",
                "attempt 4 is for recipients that the plan does not have",
            ),
            (
                "UPDATE attempt SET fate = NULL, ended_at = NULL, run = 0 WHERE id = 2",
                "J6",
                "an attempt of an earlier run is still open",
            ),
            (
                "INSERT INTO attempt SELECT 5, first, recipients, number, run, body_hash, reserved, claimed_at,
                 ended_at, class, failure_row, fate, reason, request_id, billed, billed_units, segments, spent,
                 not_before FROM attempt WHERE id = 4",
                "J11",
                "tried again after it was settled",
            ),
            (
                "INSERT INTO attempt (id, first, recipients, number, run, body_hash, reserved, claimed_at)
                 VALUES (5, 3, 1, 2, 1, x'00', 50000, 0)",
                "J8",
                "tried again while an attempt was in doubt",
            ),
            (
                "INSERT INTO attempt (id, first, recipients, number, run, body_hash, reserved, claimed_at)
                 VALUES (5, 5, 1, 1, 1, x'00', 50000, 0), (6, 5, 1, 2, 1, x'00', 50000, 0)",
                "J2",
                "two open attempts for one recipient",
            ),
        ],
    );
}

#[test]
fn damage_to_the_files_own_structure_is_found_and_named() {
    let place = played();
    let mut bytes = std::fs::read(place.path()).expect("a file");
    bytes[39] = 1; // the number of free pages, of which there are none
    std::fs::write(place.path(), bytes).expect("room");
    let verified = verify(&place.path()).expect("readable");
    let [broken] = &verified.broken[..] else { panic!("{:?}", verified.broken) };
    assert_eq!((broken.invariant, broken.rows.len()), ("file", 0), "{broken:?}");
    let fault = SqliteJournal::open(&place.path(), crate::support::NOW).err().expect("not whole");
    assert!(matches!(fault, OpenError::Damaged { .. }), "{fault}");
}

#[test]
fn planted_damage_to_totals_is_found_and_named() {
    names(
        played,
        &[
            (
                "UPDATE standing SET accepted = accepted + 1, pending = pending - 1",
                "J1",
                "the totals say 0 pending, the attempts make 1",
            ),
            (
                "UPDATE standing SET accepted = accepted + 1, pending = pending - 1",
                "J1",
                "the totals say 4 accepted, the attempts make 3",
            ),
            ("UPDATE standing SET refused = 0", "J1", "the totals say 0 refused, the attempts make 1"),
            ("UPDATE standing SET in_doubt = 0", "J1", "the totals say 0 in doubt, the attempts make 1"),
            (
                "UPDATE standing SET requests_sent = 3",
                "J17",
                "the totals say 3 requests sent, the attempts make 4",
            ),
            (
                "UPDATE standing SET requests_throttled = 0",
                "J17",
                "the totals say 0 requests throttled, the attempts make 1",
            ),
            (
                "UPDATE standing SET requests_retried = 0",
                "J17",
                "the totals say 0 requests retried, the attempts make 1",
            ),
            (
                "UPDATE standing SET billed = NULL",
                "J9",
                "the totals say nothing millionths billed, the attempts make 40000",
            ),
            (
                "UPDATE standing SET billed_units = 1",
                "J9",
                "the totals say 1 millionths of units billed, the attempts make nothing",
            ),
            (
                "UPDATE standing SET spent = 0",
                "J9",
                "the totals say 0 millionths spent, the attempts make 190000",
            ),
            (
                "UPDATE standing SET max_cost = 1",
                "J9",
                "the totals say 1 millionths as the cap, the attempts make nothing",
            ),
            (
                "UPDATE standing SET canary = 1",
                "J17",
                "the totals say 1 as the canary, the attempts make nothing",
            ),
            (
                "UPDATE standing SET last_exit_code = 0",
                "J17",
                "the totals say 0 as the last exit code, the attempts make 6",
            ),
        ],
    );
}

/// What nothing else would notice: rows that say something else than they did, and contradict
/// none of the others.
#[test]
fn rows_that_say_something_else_are_found_by_their_sums_alone_and_not_sent_on() {
    for (sql, what) in [
        ("UPDATE plan SET settings = '{}'", "terms and counts"),
        ("UPDATE plan SET created_at = created_at + 1", "terms and counts"),
        ("UPDATE reject SET reason = 'invalid_numbes'", "rejects"),
        ("UPDATE price SET prefix = '62'", "prices"),
        ("UPDATE attempt SET claimed_at = claimed_at + 1 WHERE id = 1", "attempts"),
        ("UPDATE attempt SET body_hash = zeroblob(32) WHERE id = 1", "attempts"),
        ("UPDATE attempt SET run = 0 WHERE id = 1", "attempts"),
        ("UPDATE attempt SET request_id = 'r9' WHERE id = 3", "ends of attempts"),
        ("UPDATE attempt SET reason = 'not at all' WHERE id = 1", "ends of attempts"),
        ("UPDATE attempt SET ended_at = ended_at + 1 WHERE id = 3", "ends of attempts"),
        ("UPDATE attempt SET failure_row = 'B4' WHERE id = 1", "ends of attempts"),
        ("UPDATE attempt SET not_before = 1 WHERE id = 1", "ends of attempts"),
        ("UPDATE verdict SET provider_id = 'm6' WHERE position = 5", "verdicts"),
        ("UPDATE verdict SET code = 'FIELD_MISSING' WHERE position = 4", "verdicts"),
        ("UPDATE resolution SET note = 'seen in the web spp' WHERE id = 2", "decisions"),
        ("UPDATE resolution SET evidence = 'person' WHERE id = 1", "decisions"),
        ("UPDATE resolved SET provider_id = 'm7' WHERE first = 0", "recipients of decisions"),
        ("UPDATE run SET pid = pid + 1", "runs"),
        ("UPDATE run SET started_at = started_at + 1", "runs"),
        ("UPDATE cancellation SET result = 'done'", "cancellations"),
        ("UPDATE standing SET commits = commits + 64", "totals"),
    ] {
        let place = decided_upon();
        place.tamper(sql);
        let verified = verify(&place.path()).expect(sql);
        let [broken] = &verified.broken[..] else { panic!("{sql}: {:?}", verified.broken) };
        let said = format!("its {what} are not those that were written");
        assert_eq!((broken.invariant, &broken.sentence), ("file", &said), "{sql}");
        let fault = SqliteJournal::open(&place.path(), crate::support::NOW).err().expect(sql);
        assert!(matches!(&fault, OpenError::Damaged { what, .. } if *what == said), "{sql}: {fault}");
    }
}

/// Eight recipients: 0 and 1 taken after all, with an id for each and one for their request, 2 sent
/// again and accepted, 3 in doubt, 4 refused, 5 accepted and taken back, 6 and 7 pending. Receipts
/// for 0 and 5, and one for nobody.
fn decided_upon() -> Place {
    let place = Place::with_plan(PER_ITEM, 4, &["a"; 8]);
    let mut journal = place.open();
    let one = claimed(&mut journal, claim(0, 4, Micros(200_000)));
    journal.commit(&[record(one.id, failed(Class::TimedOut))]).expect("open");
    let found = Resolution {
        evidence: Evidence::Lookup,
        request_id: Some("r1".to_owned()),
        message_ids: vec![(Position(0), "m0".to_owned()), (Position(1), "m1".to_owned())],
        ..decided(Decision::Accepted, &[0, 1])
    };
    journal.commit(&[Write::Resolve(found)]).expect("in doubt");
    journal.commit(&[Write::Resolve(decided(Decision::Resend, &[2]))]).expect("in doubt");
    let two = claimed(&mut journal, claim(2, 1, Micros(50_000)));
    journal.commit(&[record(two.id, each(vec![taken("m2")]))]).expect("open");
    let three = claimed(&mut journal, claim(4, 2, Micros(100_000)));
    let refused = Verdict::Refused { code: "FIELD_INVALID".into() };
    let verdicts = Verdicts::Each(vec![refused, taken("m5")]);
    journal.commit(&[record(three.id, answered(Some("r3"), verdicts, Billed::Unknown))]).expect("open");
    journal.commit(&[cancelled(three.id.0, CancelResult::Already)]).expect("it took somebody");
    let mut book = ReceiptBook::open(&place.path()).expect("a journal");
    let receipts = ["m0", "m5", "strange"].map(|id| Receipt {
        message_id: Some(id.to_owned()),
        delivery: Some(Delivery::Failed),
        ..Receipt::default()
    });
    book.record(&receipts, None, crate::support::NOW).expect("room");
    place
}

#[test]
fn planted_damage_to_decisions_is_found_and_named() {
    let place = decided_upon();
    let verified = verify(&place.path()).expect("readable");
    assert!(verified.holds(), "{:?}", verified.broken);
    names(
        decided_upon,
        &[
            ("DELETE FROM resolution WHERE id = 1", "J5", "a decision about somebody is missing"),
            ("DELETE FROM resolved WHERE attempt = 1 AND first = 2", "J5", "decision 2 is about nobody"),
            (
                "UPDATE resolved SET first = 5 WHERE first = 0",
                "J5",
                "decided about somebody who was not in doubt",
            ),
            (
                "UPDATE resolved SET first = 3 WHERE first = 2; UPDATE resolution SET after = 3 WHERE id = 2",
                "J8",
                "tried again while an attempt was in doubt",
            ),
            ("UPDATE resolution SET after = 0", "J4", "decided about somebody who was not in doubt"),
            ("UPDATE resolution SET after = 2 WHERE id = 1", "J5", "decision 1 is out of its order"),
            (
                "UPDATE resolved SET attempt = 3 WHERE first = 0",
                "J5",
                "decided about another attempt than the last",
            ),
            (
                "UPDATE resolved SET first = 8 WHERE first = 0",
                "J2",
                "a decision is about recipients that the plan does not have",
            ),
            (
                "UPDATE resolved SET recipients = 4294967295 WHERE first = 1",
                "J2",
                "a decision is about recipients that the plan does not have",
            ),
            (
                "UPDATE resolution SET released = 0 WHERE id = 2",
                "J9",
                "a decision gives back another amount than the plan's price",
            ),
            (
                "UPDATE resolution SET released = 1 WHERE id = 1",
                "J9",
                "a decision gives back another amount than the plan's price",
            ),
            (
                "UPDATE resolution SET decision = 'accepted' WHERE id = 2",
                "J11",
                "tried again after it was settled",
            ),
            (
                "UPDATE resolved SET recipients = 2 WHERE first = 1",
                "J5",
                "a decision gives one message's id to several",
            ),
            (
                "UPDATE resolved SET provider_id = 'm5' WHERE first = 0",
                "J5",
                "two recipients were given one message id",
            ),
            (
                "UPDATE attempt SET request_id = NULL WHERE id = 1",
                "J5",
                "a decision found the request of an attempt that has none",
            ),
            (
                "UPDATE standing SET spent = spent + 50000",
                "J9",
                "the totals say 300000 millionths spent, the attempts make 250000",
            ),
        ],
    );
}

#[test]
fn planted_damage_to_receipts_and_cancellations_is_found_and_named() {
    names(
        decided_upon,
        &[
            (
                "UPDATE delivery SET position = 8 WHERE position = 5",
                "J11",
                "a receipt is for somebody whom the plan does not have",
            ),
            (
                "PRAGMA ignore_check_constraints = ON; UPDATE delivery SET state = 'bounced' WHERE position = 5",
                "J11",
                "a receipt says what no receipt can",
            ),
            (
                "PRAGMA ignore_check_constraints = ON; UPDATE early SET state = 'bounced'",
                "J11",
                "a receipt that was kept aside says what no receipt can",
            ),
            ("UPDATE cancellation SET attempt = 9", "J17", "a request that took nobody was to be taken back"),
            (
                "UPDATE verdict SET state = 'refused' WHERE attempt = 3",
                "J17",
                "a request that took nobody was to be taken back",
            ),
            (
                "PRAGMA ignore_check_constraints = ON; UPDATE cancellation SET result = 'perhaps'",
                "J17",
                "a cancellation came to what it cannot",
            ),
        ],
    );
}

/// Whether each change to such a journal is found as that invariant, in those words.
fn names(journal: fn() -> Place, damages: &[(&str, &str, &str)]) {
    for (sql, invariant, said) in damages {
        let place = journal();
        place.tamper(sql);
        let verified = verify(&place.path()).expect(sql);
        let named =
            verified.broken.iter().any(|broken| (broken.invariant, &*broken.sentence) == (*invariant, *said));
        assert!(named, "{sql}: {invariant}, {said} is not among {:?}", verified.broken);
    }
}

#[test]
fn decisions_that_cannot_be_are_not_sent_on() {
    for sql in [
        "DELETE FROM resolution WHERE id = 2",
        "DELETE FROM resolved WHERE first = 2",
        "UPDATE resolution SET after = 0",
        "UPDATE resolution SET after = 9 WHERE id = 2",
        "UPDATE resolution SET released = 0 WHERE id = 2",
        "UPDATE resolution SET decision = 'resend' WHERE id = 1",
        "PRAGMA ignore_check_constraints = ON; UPDATE resolution SET decision = 'perhaps' WHERE id = 1",
        "UPDATE resolved SET attempt = 3 WHERE first = 0",
        "UPDATE resolved SET first = 9 WHERE first = 0",
        "UPDATE resolved SET first = 5 WHERE first = 0",
        "UPDATE resolved SET first = 4294967295, recipients = 2 WHERE first = 0",
        "UPDATE resolved SET recipients = -1 WHERE first = 0",
    ] {
        let place = decided_upon();
        place.tamper(sql);
        let fault = SqliteJournal::open(&place.path(), crate::support::NOW).err().expect(sql);
        assert!(matches!(fault, OpenError::Damaged { .. }), "{sql}: {fault:?}");
        let book = ReceiptBook::open(&place.path()).map(drop);
        let reads = JournalReader::open(&place.path()).expect("a plan").for_each_report_row(|_| ());
        // Totals are the sender's alone.
        if !sql.contains("released") && !sql.contains("'resend'") {
            book.expect_err(sql);
            reads.expect_err(sql);
        }
    }
}

#[test]
fn a_breach_names_its_rows_ten_at_most() {
    let place = Place::with_plan(PER_ITEM, 40, &["a"; 40]);
    let mut journal = place.open();
    let attempt = claimed(&mut journal, claim(0, 40, Micros(2_000_000)));
    let ids = (0..40).map(|index| taken(&format!("m{index}"))).collect();
    journal.commit(&[record(attempt.id, each(ids))]).expect("open");
    drop(journal);
    place.tamper("UPDATE verdict SET provider_id = NULL WHERE position >= 20");
    let verified = verify(&place.path()).expect("readable");
    let [broken, file] = &verified.broken[..] else { panic!("{:?}", verified.broken) };
    assert_eq!((broken.invariant, broken.times), ("J5", 20));
    assert_eq!(file.sentence, "its verdicts are not those that were written");
    let rows: Vec<u32> = broken.rows.iter().map(|row| row.0).collect();
    assert_eq!(rows, (0..10).map(|index| 42 + 2 * index).collect::<Vec<_>>());
}

#[test]
fn a_history_that_cannot_be_is_not_sent_on() {
    for sql in [
        "UPDATE standing SET spent = 0",
        "UPDATE standing SET pending = 5, accepted = 1",
        "DELETE FROM standing",
        "DELETE FROM plan",
        "DELETE FROM attempt WHERE id = 3",
        "DELETE FROM verdict WHERE position = 0",
        "UPDATE verdict SET state = 'refused' WHERE position = 0",
        "INSERT INTO verdict VALUES (4, 4, 'accepted', 'm9', NULL, NULL, NULL)",
        "UPDATE attempt SET first = 3 WHERE id = 4",
        "UPDATE attempt SET recipients = 4294967295 WHERE id = 4",
        "UPDATE attempt SET recipients = 0 WHERE id = 4",
        "UPDATE attempt SET number = 3 WHERE id = 4",
        "UPDATE attempt SET class = NULL WHERE id = 4",
        "DELETE FROM recipient WHERE position = 5",
        "DROP TABLE verdict",
        "UPDATE plan SET hash = 'blake3:00'",
        "UPDATE plan SET accepted = -1",
        "PRAGMA ignore_check_constraints = ON; UPDATE plan SET rounding = 'total 7'",
        "UPDATE plan SET profile = 'no profile'",
        "UPDATE recipient SET text = NULL",
        "UPDATE recipient SET text = 4294967295 WHERE position = 0",
        "UPDATE recipient SET text = -1",
        "UPDATE recipient SET msisdn = 5 WHERE position = 3",
        "UPDATE recipient SET price = 1 WHERE position = 3",
        "UPDATE recipient SET row = -1 WHERE position = 3",
    ] {
        let place = played();
        place.tamper(sql);
        let fault = SqliteJournal::open(&place.path(), crate::support::NOW).err().expect(sql);
        assert!(matches!(fault, OpenError::Damaged { .. }), "{sql}: {fault:?}");
        assert_eq!(fault.exit_code(), 12);
    }
}

#[test]
fn what_a_plan_was_counted_and_rounded_by_is_read_as_it_was_written_or_not_at_all() {
    for (sql, said) in [
        (
            "PRAGMA ignore_check_constraints = ON; UPDATE plan SET rounding = 'total 7'",
            "rounding is `total 7`",
        ),
        ("PRAGMA ignore_check_constraints = ON; UPDATE plan SET rounding = 'up'", "rounding is `up`"),
        ("UPDATE plan SET profile = 'no profile'", "profile: "),
    ] {
        let place = played();
        place.tamper(sql);
        let reader = JournalReader::open(&place.path()).err().expect(sql);
        assert!(matches!(&reader, OpenError::Damaged { what, .. } if what.contains(said)), "{sql}: {reader}");
        let verified = verify(&place.path()).expect_err(sql);
        assert_eq!(verified.exit_code(), 12, "{sql}");
    }
}

#[test]
fn texts_are_counted_again_under_the_plans_own_profile() {
    // 160 septets are one segment; 306 are two with an 8-bit reference and three with a 16-bit one.
    let texts = ["x".repeat(160), "x".repeat(306)];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let profile = Profile { concat_ref: ConcatRef::Bits16, ..Profile::STANDARD };
    let place = Place::with_tariff(PER_ITEM, 2, &texts, &Tariff { profile, ..Tariff::default() });
    let verified = verify(&place.path()).expect("readable");
    assert!(verified.holds(), "{:?}", verified.broken);
    assert_eq!(verified.plan.segments, 4);
    place.tamper(&format!("UPDATE plan SET profile = '{}'", Profile::STANDARD));
    let verified = verify(&place.path()).expect("readable");
    let [broken, file] = &verified.broken[..] else { panic!("{:?}", verified.broken) };
    assert_eq!((broken.invariant, broken.sentence.as_str()), ("plan", "text 1 is counted wrong"));
    assert_eq!(file.sentence, "its terms and counts are not those that were written");
}

#[test]
fn texts_that_do_not_add_up_are_found_and_never_sent() {
    const WHOLE: &str = "INSERT INTO text VALUES (0, x'010101010101', x'0602', 'abcdef')";
    let place = played();
    place.tamper(&format!("DELETE FROM text; {WHOLE}"));
    assert!(verify(&place.path()).expect("readable").holds(), "the texts as they are stored");
    let on = |what: &str| format!("the texts from number 0 on {what}");
    let (apart, missing) = (on("do not add up"), "a recipient's text is missing".to_owned());
    for (sql, said) in [
        ("UPDATE text SET sizes = x'0101010101'", &apart),
        ("UPDATE text SET sizes = x'01010101010101'", &apart),
        ("UPDATE text SET sizes = x'010101010102'", &apart),
        ("UPDATE text SET sizes = x'010101010181'", &apart), // a number that does not end
        ("UPDATE text SET sizes = x'0101010101FFFFFFFF7F'", &apart), // one of 35 bits
        ("UPDATE text SET sizes = x'0101010101FFFFFFFF0F'", &apart), // the largest of 32 bits
        ("UPDATE text SET sizes = x''", &apart),
        ("UPDATE text SET carried = x'0502'", &apart),
        ("UPDATE text SET carried = x'0702'", &apart),
        ("UPDATE text SET carried = x'FFFFFFFF0F02'", &apart), // a run of 2³² - 1 texts
        ("UPDATE text SET carried = x'06'", &apart),
        ("UPDATE text SET carried = x'0600'", &apart), // no segments
        ("UPDATE text SET carried = x'068004'", &apart), // 256 of them
        ("UPDATE text SET carried = x''", &apart),
        ("UPDATE text SET bodies = ''", &apart),
        ("UPDATE text SET bodies = 'abcdefg'", &apart),
        ("UPDATE text SET bodies = 'abcdé'", &apart), // cut inside a character
        ("UPDATE text SET sizes = x'', carried = x'', bodies = ''", &apart),
        ("UPDATE text SET bodies = CAST(x'616263FF6566' AS TEXT)", &on("are not UTF-8")),
        ("DELETE FROM text", &missing),
        ("UPDATE text SET first = 1", &missing),
        (
            "UPDATE text SET first = -1",
            &"the texts from number -1 on have a number that no text has".to_owned(),
        ),
        (
            "UPDATE text SET first = 4294967295",
            &"the texts from number 4294967295 on do not add up".to_owned(),
        ),
        (
            "INSERT INTO text VALUES (5, x'01', x'0102', 'f')",
            &"the texts from number 5 on are there twice".to_owned(),
        ),
    ] {
        let place = played();
        place.tamper(sql);
        let verified = verify(&place.path()).expect(sql);
        let named = verified.broken.iter().any(|broken| broken.sentence == *said);
        assert!(named, "{sql}: {said} is not among {:?}", verified.broken);
        if !sql.starts_with("INSERT") {
            let refused = SqliteJournal::open(&place.path(), crate::support::NOW).err().expect(sql);
            assert!(matches!(refused, OpenError::Damaged { .. }), "{sql}: {refused:?}");
            let reader = JournalReader::open(&place.path()).expect("a plan");
            reader.for_each_planned(|_| ()).expect_err(sql);
            reader.text(0).expect_err(sql);
        }
    }
}

#[test]
fn an_altered_plan_is_refused_by_name_before_anything_is_sent() {
    let terms = "name, sender, provider, schedule or chunk";
    for (sql, what) in [
        ("UPDATE recipient SET msisdn = 61491570110 WHERE position = 3", "recipients"),
        ("UPDATE recipient SET row = 7 WHERE position = 5", "recipients"),
        ("UPDATE text SET bodies = 'abx'", "texts"),
        ("UPDATE recipient SET text = 2 WHERE position = 3", "recipients and texts"), // out of order
        ("UPDATE recipient SET text = 2, msisdn = 61491570110 WHERE position = 3", "recipients and texts"),
        ("UPDATE text SET carried = x'02020104'", "prices"), // text 2 in two segments
        ("UPDATE recipient SET price = NULL WHERE position = 2", "prices"),
        ("UPDATE price SET per_segment = per_segment + 1", "prices"),
        ("UPDATE plan SET rounding = 'per_message 6'", "prices"),
        ("UPDATE plan SET sender = 'Other'", terms),
        ("UPDATE plan SET chunk = 4", terms),
        ("UPDATE plan SET hash_texts = hash_prices", "texts"),
        ("UPDATE plan SET hash = hash_prices", "hash"),
    ] {
        // Plan order: a a b b b c.
        let place = Place::with_plan(SHARED, 3, &["a", "b", "c", "b", "a", "b"]);
        place.tamper(sql);
        let before = std::fs::read(place.path()).expect("a file");
        let refused = SqliteJournal::open(&place.path(), crate::support::NOW).err().expect(sql);
        assert!(
            matches!(&refused, OpenError::Altered { what: named, .. } if named == what),
            "{sql}: {refused}"
        );
        assert_eq!(refused.exit_code(), 7, "{sql}");
        assert!(std::fs::read(place.path()).expect("a file") == before, "{sql}: the file is not touched");
        let reader = JournalReader::open(&place.path()).expect("it can be looked at");
        assert_ne!(reader.hash_of_rows().expect("readable"), reader.plan().hash, "{sql}");
    }
}

#[test]
fn a_plan_that_was_partly_sent_and_then_altered_is_refused_as_well() {
    let place = played();
    place.tamper("UPDATE text SET bodies = 'xbcdef'");
    let refused = SqliteJournal::open(&place.path(), crate::support::NOW).err().expect("altered");
    assert!(matches!(&refused, OpenError::Altered { what, .. } if what == "texts"), "{refused}");
}

#[test]
fn no_damage_makes_a_number_or_a_text_appear_in_an_error() {
    for sql in [
        "UPDATE recipient SET msisdn = 5",
        "UPDATE recipient SET text = 99",
        "UPDATE text SET sizes = x'05'",
        "UPDATE text SET bodies = 'private lies!'",
        "DROP TABLE text",
    ] {
        let place = Place::with_plan(PER_ITEM, 1, &["private words"]);
        let mut journal = place.open();
        place.tamper(sql); // while it is open
        let mut said =
            vec![journal.next_chunks(volley_core::Position(0), 1).err().map(|fault| format!("{fault:?}"))];
        drop(journal);
        let refused = SqliteJournal::open(&place.path(), crate::support::NOW).err().expect(sql);
        said.push(Some(format!("{refused} {refused:?}")));
        let verified = verify(&place.path());
        said.push(Some(verified.map_or_else(|fault| fault.to_string(), |seen| format!("{:?}", seen.broken))));
        let said: String = said.into_iter().flatten().collect();
        assert!(!said.contains("private") && !said.contains("6149157"), "{sql}: {said}");
    }
    let place = Place::with_plan(PER_ITEM, 1, &["private words"]);
    let mut journal = place.open();
    let attempt = claimed(&mut journal, claim(0, 1, Micros(50_000)));
    let twice = [record(attempt.id, accepted("r")), record(attempt.id, accepted("r"))];
    assert!(!format!("{:?}", journal.commit(&twice)).contains("private"));
}
