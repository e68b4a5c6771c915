//! Every cause of a difference, alone and together; and the law that nothing is left over.

use proptest::{collection::vec, prelude::*};
use std::{collections::HashSet, num::NonZeroU16};
use volley_core::{
    AmountTooLarge, Bill, BillEntry, BillId, BilledMessage, Cause, Clerk, Comparison, Difference, Due,
    Micros, Msisdn, Price, PriceId, Profile, RateCard, Reconciler, Reconciliation, Recount, RequestAnswer,
    Rounding, RowNumber, decimals_of,
};

/// Four prices: 0.05 a segment; 0.03; 0.0545 and 0.01 a message; 0.0001.
fn card(rounding: Rounding) -> RateCard {
    let price = |prefix: &str, per_segment, per_message| Price {
        prefix: prefix.to_owned(),
        per_segment: Micros(per_segment),
        per_message: Micros(per_message),
    };
    let prices =
        vec![price("61", 50_000, 0), price("66", 30_000, 0), price("44", 54_500, 10_000), price("1", 100, 0)];
    RateCard::new("AUD".parse().expect("a currency"), prices, rounding).expect("a card")
}

const FIRST: u64 = 61_491_570_000;

fn number(row: u32) -> Msisdn {
    Msisdn::from_digits(FIRST + u64::from(row)).expect("fictitious")
}

/// A message at price `price` of the card, to the number of its row.
fn message(card: &RateCard, row: u32, due: Due, price: u16, segments: u16) -> BilledMessage {
    BilledMessage {
        row: RowNumber(row),
        to: number(row),
        due,
        segments,
        price: PriceId(price),
        cost: card.cost(PriceId(price), u32::from(segments)).expect("little money"),
        text: 0,
        request: None,
        answered: None,
        answered_parts: None,
    }
}

/// A bill's line for the number of `row`; `parts` 0 is not said.
fn entry(row: u32, line: u32, amount: i64, parts: u16) -> BillEntry {
    BillEntry { to: number(row), amount: Micros(amount), id: None, line, parts: NonZeroU16::new(parts) }
}

fn bill(entries: Vec<BillEntry>) -> Bill {
    Bill::new(entries).expect("little money")
}

/// Keeps what it is told; gives one text for all.
#[derive(Default)]
struct Kept {
    text: Option<String>,
    differences: Vec<Difference>,
}

impl Clerk for Kept {
    fn text(&mut self, _: u32) -> Option<String> {
        self.text.clone()
    }

    fn differs(&mut self, difference: &Difference) {
        self.differences.push(difference.clone());
    }
}

/// Compares everything; totals are what the messages and requests add up to.
fn reconcile(
    card: &RateCard,
    messages: &[BilledMessage],
    requests: &[RequestAnswer],
    bill: Option<Bill>,
    kept: &mut Kept,
) -> Reconciliation {
    let sum = messages.iter().map(|message| message.cost.0).sum();
    let estimated = card.rounding().total(Micros(sum)).expect("little money");
    let whole =
        |id| requests.iter().find(|request| Some(request.id) == id).and_then(|request| request.amount);
    let alone = messages.iter().filter(|message| whole(message.request).is_none());
    let amounts: Vec<i64> = requests
        .iter()
        .filter_map(|request| request.amount)
        .chain(alone.filter_map(|message| message.answered))
        .map(|amount| amount.0)
        .collect();
    let answered = (!amounts.is_empty()).then(|| Micros(amounts.iter().sum()));
    let decimals = amounts.iter().map(|amount| decimals_of(Micros(*amount))).max().unwrap_or_default();
    let profile = Profile::STANDARD;
    let mut reconciler = Reconciler::new(card, &profile, requests.to_vec(), decimals, bill);
    for message in messages {
        reconciler.message(message, kept).expect("little money");
    }
    reconciler.finish(estimated, answered, kept).expect("little money")
}

/// `parts 50000, price -1000`.
fn told(comparison: Option<&Comparison>) -> String {
    let comparison = comparison.expect("it was made");
    assert_eq!(comparison.remainder, Micros::ZERO);
    let causes: Vec<String> =
        comparison.causes.iter().map(|sum| format!("{} {}", sum.cause, sum.amount.0)).collect();
    causes.join(", ")
}

/// Amount and parts of a line of the bill.
type Line = (i64, u16);

/// How a message stands, its price and segments; its lines; why it differs.
type OnBill<'a> = (Due, u16, u16, &'a [Line], &'a str);

#[test]
fn one_message_against_its_lines_on_the_bill() {
    use Due as D;
    let cases: &[OnBill<'_>] = &[
        (D::Accepted, 0, 1, &[(50_000, 1)], ""),
        (D::Accepted, 0, 1, &[(50_000, 0)], ""),
        (D::Accepted, 0, 1, &[], "missing_from_bill -50000"),
        (D::Accepted, 0, 1, &[(0, 1)], "missing_from_bill -50000"),
        (D::Accepted, 0, 1, &[(100_000, 2)], "parts 50000"),
        (D::Accepted, 0, 2, &[(50_000, 1)], "parts -50000"),
        (D::Accepted, 0, 1, &[(60_000, 1)], "price 10000"),
        (D::Accepted, 0, 1, &[(60_000, 0)], "price 10000"),
        (D::Accepted, 0, 1, &[(120_000, 2)], "parts 50000, price 20000"),
        (D::Accepted, 2, 1, &[(119_000, 2)], "parts 54500"),
        (D::Accepted, 2, 1, &[(54_500, 1)], "per_message -10000"),
        (D::Accepted, 2, 1, &[(109_000, 2)], "parts 54500, per_message -10000"),
        (D::Accepted, 2, 1, &[(70_000, 1)], "rounding 5500"),
        (D::Accepted, 2, 1, &[(60_000, 1)], "rounding -4500"),
        (D::Accepted, 2, 1, &[(80_000, 1)], "price 15500"),
        (D::Accepted, 0, 1, &[(50_000, 1), (50_000, 1)], "billed_twice 50000"),
        (D::Accepted, 0, 1, &[(60_000, 1), (50_000, 1)], "billed_twice 60000"),
        (D::Accepted, 0, 1, &[(60_000, 1), (60_000, 1)], "price 10000, billed_twice 60000"),
        (D::Accepted, 0, 1, &[(50_000, 1), (50_000, 1), (-50_000, 1)], ""),
        (D::Accepted, 0, 1, &[(50_000, 1), (-50_000, 1)], "credited -50000"),
        (D::Accepted, 0, 1, &[(-50_000, 1)], "missing_from_bill -50000, credited -50000"),
        (D::Accepted, 0, 1, &[(60_000, 1), (50_000, 1), (-10_000, 1)], "billed_twice 60000, credited -10000"),
        (D::Accepted, 0, 2, &[(50_000, 1), (50_000, 1)], ""),
        (D::Accepted, 0, 2, &[(50_000, 1), (50_000, 1), (50_000, 1)], "parts 50000"),
        (D::Accepted, 0, 2, &[(50_000, 0), (50_000, 0), (50_000, 0)], "parts 50000"),
        (D::Accepted, 0, 2, &[(100_000, 2), (100_000, 2)], "billed_twice 100000"),
        (D::Accepted, 3, 1, &[(0, 1)], "rounding -100"),
        (D::Accepted, 3, 1, &[], "missing_from_bill -100"),
        (D::NotSent, 0, 1, &[], "not_sent -50000"),
        (D::NotSent, 0, 1, &[(60_000, 1)], "not_sent -50000, not_sent_but_billed 60000"),
        (D::Refused, 0, 1, &[], "refused -50000"),
        (D::Refused, 0, 1, &[(0, 1)], "refused -50000"),
        (D::Refused, 0, 1, &[(50_000, 1)], "refused -50000, refused_but_billed 50000"),
        (D::Refused, 0, 1, &[(50_000, 1), (-50_000, 1)], "refused -50000"),
        (D::InDoubt, 0, 1, &[], "in_doubt -50000"),
        (D::InDoubt, 0, 2, &[(100_000, 2)], "in_doubt -100000, in_doubt_but_billed 100000"),
    ];
    let card = card(Rounding::Exact);
    for &(due, price, segments, lines, causes) in cases {
        let one = message(&card, 1, due, price, segments);
        let entries = lines.iter().zip(1..).map(|(&(amount, parts), line)| entry(1, line, amount, parts));
        let mut kept = Kept::default();
        let result = reconcile(&card, &[one], &[], Some(bill(entries.collect())), &mut kept);
        assert_eq!(told(result.estimate_to_bill.as_ref()), causes, "{due:?} {segments} {lines:?}");
        let total: i64 = lines.iter().map(|line| line.0).sum();
        match &kept.differences[..] {
            [] => assert_eq!(causes, ""),
            [one] => {
                assert_eq!((one.to, one.rows.ranges()), (Some(number(1)), &[(1, 1)][..]));
                assert_eq!(one.billed, Micros(total), "{due:?} {segments} {lines:?}");
                let difference: i64 = one.causes.iter().map(|cause| cause.1.0).sum();
                assert_eq!(Micros(difference), Micros(total - one.estimated.0));
            }
            more => panic!("{more:?}"),
        }
    }
}

/// How a message stands and its segments; the answer's amount and parts; its line; why answer and
/// estimate, and bill and answer, differ.
type Answered<'a> = (Due, u16, Option<(i64, u32)>, Option<Line>, &'a str, &'a str);

#[test]
fn one_message_against_its_own_answer_and_the_answer_against_the_bill() {
    use Due as D;
    #[rustfmt::skip]
    let cases: &[Answered<'_>] = &[
        (D::Accepted, 1, Some((50_000, 1)), Some((50_000, 1)), "", ""),
        (D::Accepted, 1, Some((100_000, 2)), Some((100_000, 2)), "parts 50000", ""),
        (D::Accepted, 1, Some((100_000, 2)), Some((50_000, 1)), "parts 50000", "parts -50000"),
        (D::Accepted, 1, Some((100_000, 2)), Some((50_000, 0)), "parts 50000", "parts -50000"),
        (D::Accepted, 1, Some((60_000, 1)), Some((61_000, 1)), "price 10000", "rounding 1000"),
        (D::Accepted, 1, Some((60_000, 1)), Some((70_000, 1)), "price 10000", "price 10000"),
        (D::Accepted, 1, Some((50_000, 1)), None, "", "missing_from_bill -50000"),
        (D::Accepted, 1, Some((60_000, 1)), None, "price 10000", "missing_from_bill -60000"),
        (D::InDoubt, 1, Some((50_000, 1)), Some((60_000, 1)), "in_doubt -50000, in_doubt_but_billed 50000", "in_doubt_but_billed 10000"),
        (D::InDoubt, 1, Some((50_000, 1)), None, "in_doubt -50000, in_doubt_but_billed 50000", "in_doubt_but_billed -50000"),
    ];
    let card = card(Rounding::Exact);
    for &(due, segments, answer, line, to_answer, to_bill) in cases {
        let mut one = message(&card, 1, due, 0, segments);
        one.answered = answer.map(|answer| Micros(answer.0));
        one.answered_parts = answer.map(|answer| answer.1);
        let entries = line.iter().map(|&(amount, parts)| entry(1, 1, amount, parts)).collect();
        let result = reconcile(&card, &[one], &[], Some(bill(entries)), &mut Kept::default());
        let found = (told(result.estimate_to_answers.as_ref()), told(result.answers_to_bill.as_ref()));
        assert_eq!(found, (to_answer.to_owned(), to_bill.to_owned()), "{due:?} {answer:?} {line:?}");
    }
}

/// A request of messages that stand like this and cost 0.05 a segment each.
fn request(id: u64, messages: &mut [BilledMessage], amount: i64, parts: Option<u64>) -> RequestAnswer {
    for message in messages.iter_mut() {
        message.request = Some(id);
    }
    let count = u32::try_from(messages.len()).expect("few");
    RequestAnswer { id, messages: count, amount: Some(Micros(amount)), parts, other_unit: false }
}

/// Who is in a request, with the price of the card; its own price and parts; why it differs.
type Whole<'a> = (&'a [(Due, u16)], i64, Option<u64>, &'a str);

#[test]
fn a_request_that_was_priced_as_a_whole_is_compared_as_a_whole() {
    use Due::{Accepted as A, InDoubt as D, NotSent as N, Refused as R};
    let cases: &[Whole<'_>] = &[
        (&[(A, 0), (A, 0), (A, 1)], 130_000, Some(3), ""),
        (&[(A, 0), (A, 0), (A, 1)], 260_000, Some(6), "parts 130000"),
        (&[(A, 0), (A, 0)], 150_000, Some(3), "parts 50000"),
        (&[(A, 0), (A, 1)], 110_000, Some(3), "parts 30000"),
        (&[(A, 0), (A, 0)], 110_000, Some(2), "price 10000"),
        (&[(A, 0), (A, 0)], 110_000, None, "price 10000"),
        (&[(A, 2), (A, 2)], 109_000, Some(2), "per_message -20000"),
        (&[(A, 2), (A, 2)], 120_000, Some(2), "rounding -9000"),
        (&[(A, 2), (A, 2), (A, 2)], 180_000, Some(3), "rounding -13500"),
        (&[(A, 2), (A, 2), (A, 2)], 170_000, Some(3), "price -23500"),
        (&[(A, 0), (R, 0)], 50_000, Some(1), "refused -50000"),
        (&[(A, 0), (R, 0)], 100_000, Some(2), "refused -50000, refused_but_billed 50000"),
        (&[(A, 0), (D, 0)], 100_000, Some(2), "in_doubt -50000, in_doubt_but_billed 50000"),
        (
            &[(A, 0), (D, 0), (R, 1)],
            130_000,
            None,
            "refused -30000, in_doubt -50000, refused_but_billed 30000, in_doubt_but_billed 50000",
        ),
        (
            &[(A, 0), (D, 1), (R, 0)],
            100_000,
            None,
            "refused -50000, in_doubt -30000, refused_but_billed 50000",
        ),
        (&[(A, 0), (D, 0)], 110_000, Some(1), "in_doubt -50000, price 60000"),
        (&[(D, 0), (D, 0)], 90_000, None, "in_doubt -100000, in_doubt_but_billed 90000"),
        (&[(R, 0)], 50_000, None, "refused -50000, refused_but_billed 50000"),
        (&[(N, 0)], 50_000, None, "not_sent -50000, not_sent_but_billed 50000"),
    ];
    let card = card(Rounding::Exact);
    for &(who, amount, parts, causes) in cases {
        let mut messages: Vec<BilledMessage> =
            who.iter().zip(1..).map(|(&(due, price), row)| message(&card, row, due, price, 1)).collect();
        let request = request(7, &mut messages, amount, parts);
        let mut kept = Kept::default();
        let result = reconcile(&card, &messages, &[request], None, &mut kept);
        assert_eq!(told(result.estimate_to_answers.as_ref()), causes, "{who:?} {amount} {parts:?}");
        let told: i64 = kept.differences.iter().map(|one| one.billed.0 - one.estimated.0).sum();
        assert_eq!(Micros(told), result.estimate_to_answers.expect("made").difference);
    }
}

#[test]
fn a_request_against_the_lines_of_its_messages() {
    use Due::{Accepted as A, InDoubt as D};
    // Who is in it; its price; the bill's line of each message; from the answers to the bill.
    let cases: &[(&[Due], i64, &[i64], &str)] = &[
        (&[A, A], 100_000, &[50_000, 50_000], ""),
        (&[A, A], 100_000, &[50_000, 0], "missing_from_bill -50000"),
        (&[A, A], 100_000, &[0, 0], "missing_from_bill -100000"),
        (&[A, A], 120_000, &[0, 0], "missing_from_bill -120000"),
        (&[A, A], 120_000, &[60_000, 60_000], ""),
        (&[A, A], 100_000, &[60_000, 60_000], "price 20000"),
        (&[A, A, A], 180_000, &[60_000, 60_000, 0], "missing_from_bill -50000, price -10000"),
        (&[A, A], 100_000, &[50_000, 60_000], "price 10000"),
        (&[A, D], 50_000, &[50_000, 50_000], "in_doubt_but_billed 50000"),
        (&[A, D], 100_000, &[50_000, 50_000], ""),
        (&[A, D], 100_000, &[50_000, 0], "in_doubt_but_billed -50000"),
        (&[D, D], 90_000, &[50_000, 40_000], ""),
    ];
    let card = card(Rounding::Exact);
    for &(who, amount, lines, causes) in cases {
        let mut messages: Vec<_> =
            who.iter().zip(1..).map(|(&due, row)| message(&card, row, due, 0, 1)).collect();
        let request = request(7, &mut messages, amount, Some(who.len() as u64));
        let entries = lines.iter().zip(1..).map(|(&amount, row)| entry(row, row, amount, 1)).collect();
        let result = reconcile(&card, &messages, &[request], Some(bill(entries)), &mut Kept::default());
        assert_eq!(told(result.answers_to_bill.as_ref()), causes, "{who:?} {amount} {lines:?}");
    }
}

#[test]
fn a_request_priced_as_planned_is_held_against_the_bill_message_by_message() {
    let card = card(Rounding::Exact);
    let entries = vec![
        entry(1, 1, 50_000, 1),
        entry(2, 2, 100_000, 2),
        entry(1, 3, 50_000, 1),
        entry(3, 4, 50_000, 1),
        entry(3, 5, -20_000, 0),
    ];
    for (amount, causes) in [
        (150_000, "1 parts 50000: 2; 1 billed_twice 50000: 1; 1 credited -20000: 3"),
        // Dearer than planned: which message made it so, the answer does not say.
        (
            160_000,
            "3 parts 50000: 1 to 3; 3 price -10000: 1 to 3; 1 billed_twice 50000: 1; 1 credited -20000: 3",
        ),
    ] {
        let mut messages: Vec<_> = (1..=3).map(|row| message(&card, row, Due::Accepted, 0, 1)).collect();
        let request = request(7, &mut messages, amount, Some(3));
        let result =
            reconcile(&card, &messages, &[request], Some(bill(entries.clone())), &mut Kept::default());
        assert_eq!(
            told(result.estimate_to_bill.as_ref()),
            "parts 50000, billed_twice 50000, credited -20000"
        );
        assert_eq!(result.answered.map(|side| (side.messages, side.parts)), Some((3, Some(3))));
        let comparison = result.answers_to_bill.expect("made");
        let found: Vec<String> = comparison
            .causes
            .iter()
            .map(|sum| format!("{} {} {}: {}", sum.messages, sum.cause, sum.amount.0, sum.rows))
            .collect();
        assert_eq!((found.join("; ").as_str(), comparison.remainder), (causes, Micros::ZERO));
    }
}

#[test]
fn what_the_answers_do_not_price_is_named_and_left_to_the_bill() {
    let card = card(Rounding::Exact);
    let mut messages: Vec<_> = (1..=3).map(|row| message(&card, row, Due::Accepted, 0, 1)).collect();
    messages[0].answered = Some(Micros(50_000));
    messages[1].request = Some(1);
    let credits = RequestAnswer { id: 1, messages: 1, amount: None, parts: Some(1), other_unit: true };
    let entries = (1..=3).map(|row| entry(row, row, 60_000, 1)).collect();
    let result = reconcile(&card, &messages, &[credits], Some(bill(entries)), &mut Kept::default());
    assert_eq!(told(result.estimate_to_answers.as_ref()), "unpriced -50000, other_unit -50000");
    assert_eq!(told(result.answers_to_bill.as_ref()), "price 10000, unpriced 60000, other_unit 60000");
    assert_eq!(told(result.estimate_to_bill.as_ref()), "price 30000");
    let answered = result.answered.expect("one price");
    assert_eq!((answered.messages, answered.parts, answered.amount), (1, None, Micros(50_000)));
}

#[test]
fn without_any_price_the_answers_are_compared_with_nothing() {
    let card = card(Rounding::Exact);
    let one = message(&card, 1, Due::Accepted, 0, 1);
    let result = reconcile(&card, &[one], &[], None, &mut Kept::default());
    assert_eq!(result.comparisons().count(), 0);
    assert_eq!((result.answered, result.billed), (None, None));
    let billed = bill(vec![entry(1, 1, 50_000, 1)]);
    let result = reconcile(&card, &[one], &[], Some(billed), &mut Kept::default());
    assert!(result.answered.is_none() && result.answers_to_bill.is_none());
    assert_eq!(told(result.estimate_to_bill.as_ref()), "");
}

#[test]
fn an_earlier_request_for_people_who_were_sent_to_again_is_named() {
    let card = card(Rounding::Exact);
    let mut messages: Vec<_> = (1..=3).map(|row| message(&card, row, Due::Accepted, 0, 1)).collect();
    let whole = request(1, &mut messages, 150_000, Some(3));
    let again = request(2, &mut messages[2..], 50_000, Some(1));
    let lost =
        RequestAnswer { id: 3, messages: 1, amount: Some(Micros(20_000)), parts: None, other_unit: false };
    let entries =
        vec![entry(1, 1, 50_000, 1), entry(2, 2, 50_000, 1), entry(3, 3, 50_000, 1), entry(3, 4, 50_000, 1)];
    let mut kept = Kept::default();
    let result = reconcile(&card, &messages, &[whole, again, lost], None, &mut kept);
    assert_eq!(told(result.estimate_to_answers.as_ref()), "sent_again 70000");
    assert_eq!(kept.differences.len(), 2);
    let result = reconcile(&card, &messages, &[whole, again, lost], Some(bill(entries)), &mut kept);
    assert_eq!(told(result.answers_to_bill.as_ref()), "billed_twice 50000, sent_again -70000");
}

#[test]
fn numbers_that_the_plan_does_not_have_are_named_by_their_line_on_the_bill() {
    let card = card(Rounding::Exact);
    let one = message(&card, 1, Due::Accepted, 0, 1);
    let entries = vec![entry(9, 1, 50_000, 1), entry(1, 2, 50_000, 1), entry(8, 3, 20_000, 0)];
    let mut kept = Kept::default();
    let result = reconcile(&card, &[one], &[], Some(bill(entries)), &mut kept);
    let comparison = result.estimate_to_bill.expect("made");
    assert_eq!(told(Some(&comparison)), "not_in_campaign 70000");
    assert_eq!(
        (comparison.causes[0].messages, comparison.causes[0].rows.to_string()),
        (2, "1, 3".to_owned())
    );
    let billed = result.billed.expect("a bill");
    assert_eq!((billed.messages, billed.parts, billed.amount), (3, None, Micros(120_000)));
    let numbers: Vec<_> = kept.differences.iter().map(|one| (one.to, one.rows.is_empty())).collect();
    assert_eq!(numbers, [(Some(number(8)), true), (Some(number(9)), true)]);
}

#[test]
fn lines_of_other_campaigns_are_told_by_their_ids_but_not_where_there_is_doubt() {
    let id = |text: &str| BillId::of(text);
    let with_id = |row, line, text: &str| BillEntry { id: id(text), ..entry(row, line, 50_000, 1) };
    let lines = vec![
        with_id(1, 1, "m-1"),
        with_id(1, 2, "other"),
        with_id(2, 3, " M-2 "),
        with_id(3, 4, "nobody knows"),
        with_id(9, 5, "other too"),
        entry(4, 6, 50_000, 1),
        with_id(1, 7, "other again"),
        with_id(4, 8, "other yet again"),
    ];
    let known: HashSet<BillId> = ["m-1", "m-2"].into_iter().filter_map(BillId::of).collect();
    let in_doubt = HashSet::from([number(3)]);
    let planned: HashSet<Msisdn> = (1..=4).map(number).collect();
    let mut bill = bill(lines);
    let others = bill.leave_out_others(&known, &in_doubt, &planned).expect("known ids");
    assert_eq!((others.lines, others.amount), (1, Micros(50_000)));
    assert_eq!((others.planned_lines, others.planned_amount), (3, Micros(150_000)));
    assert_eq!(others.planned_rows.to_string(), "2, 7, 8");
    let left: Vec<u32> = bill.entries().iter().map(|entry| entry.line).collect();
    assert_eq!((left, bill.total()), (vec![1, 3, 4, 6], Micros(200_000)));
    let before = bill.clone();
    let foreign: HashSet<BillId> = id("of another kind").into_iter().collect();
    assert_eq!(bill.leave_out_others(&foreign, &in_doubt, &planned), None);
    assert_eq!(bill, before, "nothing is left out");
}

#[test]
fn ids_are_the_same_whatever_their_case_and_what_a_spreadsheet_made_of_them() {
    for (one, other, is_same) in [
        ("510000002", " 510000002.0 ", true),
        ("A-7", "a-7", true),
        ("510000002", "510000002.5", false),
        ("510000002", "510000002.00", false),
        ("1.2", "1.2.0", false),
        ("v.0", "v", false),
    ] {
        assert_eq!(BillId::of(one) == BillId::of(other), is_same, "{one} {other}");
    }
    assert_eq!(BillId::of("  "), None);
}

#[test]
fn a_rounded_total_is_a_cause_of_its_own() {
    let card = card(Rounding::Total(2));
    let messages: Vec<_> = (1..=3).map(|row| message(&card, row, Due::Accepted, 2, 1)).collect();
    let entries = (1..=3).map(|row| entry(row, row, 64_500, 1)).collect();
    let mut kept = Kept::default();
    let result = reconcile(&card, &messages, &[], Some(bill(entries)), &mut kept);
    // Three times 0.0645 is 0.1935; the plan says 0.19.
    assert_eq!(result.estimated.amount, Micros(190_000));
    assert_eq!(told(result.estimate_to_bill.as_ref()), "total_rounding 3500");
    assert_eq!(kept.differences.len(), 1);
}

#[test]
fn prices_that_the_plan_rounds_are_compared_as_rounded() {
    let card = card(Rounding::PerMessage(2));
    // 0.0645 is planned as 0.06; two parts are 0.119, 0.12.
    for (line, causes) in [
        ((60_000, 1), ""),
        ((120_000, 2), "parts 60000"),
        ((70_000, 1), "price 10000"),
        // Not rounded, or to three decimals.
        ((64_500, 1), "rounding 4500"),
        ((64_500, 0), "rounding 4500"),
        ((65_000, 1), "rounding 5000"),
        ((119_000, 2), "parts 60000, rounding -1000"),
        ((63_000, 1), "price 3000"),
        // Without the price of a message two parts are 0.109, 0.11.
        ((110_000, 2), "parts 60000, per_message -10000"),
    ] {
        let one = message(&card, 1, Due::Accepted, 2, 1);
        let billed = bill(vec![entry(1, 1, line.0, line.1)]);
        let result = reconcile(&card, &[one], &[], Some(billed), &mut Kept::default());
        assert_eq!(told(result.estimate_to_bill.as_ref()), causes, "{line:?}");
    }
}

#[test]
fn requests_and_parts_that_were_not_rounded_differ_by_rounding() {
    let card = card(Rounding::PerMessage(2));
    // Each was planned as 0.06, and costs 0.0645; a further part costs 0.0545.
    for (amount, parts, causes) in [
        (193_500, Some(3), "rounding 13500"),
        (193_500, None, "rounding 13500"),
        (195_000, Some(3), "rounding 15000"),
        (248_000, Some(4), "parts 54500, rounding 13500"),
        (194_000, Some(3), "price 14000"),
    ] {
        let mut messages: Vec<_> = (1..=3).map(|row| message(&card, row, Due::Accepted, 2, 1)).collect();
        let request = request(1, &mut messages, amount, parts);
        let result = reconcile(&card, &messages, &[request], None, &mut Kept::default());
        assert_eq!(told(result.estimate_to_answers.as_ref()), causes, "{amount} {parts:?}");
    }
}

#[test]
fn lines_of_single_parts_that_were_not_rounded_are_one_message() {
    let card = card(Rounding::PerMessage(1));
    // Two parts at 0.03 are planned as 0.1, one as nothing.
    let one = message(&card, 1, Due::Accepted, 1, 2);
    let billed = bill(vec![entry(1, 1, 30_000, 1), entry(1, 2, 30_000, 1)]);
    let result = reconcile(&card, &[one], &[], Some(billed), &mut Kept::default());
    assert_eq!(told(result.estimate_to_bill.as_ref()), "rounding -40000");
}

#[test]
fn look_alikes_that_the_provider_replaced_explain_fewer_parts() {
    let card = card(Rounding::Exact);
    let text = format!("It\u{2019}s {}", "a".repeat(90));
    assert_eq!(Profile::STANDARD.count(&text).count, 2);
    let ways = Recount::counts(&Profile::STANDARD, &text);
    assert_eq!(ways.first(), Some(&(Recount::Folded, 1)));
    for parts in [1, 0] {
        let one = message(&card, 1, Due::Accepted, 0, 2);
        let mut kept = Kept { text: Some(text.clone()), ..Kept::default() };
        let billed = bill(vec![entry(1, 1, 50_000, parts)]);
        let result = reconcile(&card, &[one], &[], Some(billed), &mut kept);
        assert_eq!(told(result.estimate_to_bill.as_ref()), "parts -50000");
        let comparison = result.estimate_to_bill.expect("made");
        assert_eq!(comparison.causes[0].recounted, [(Recount::Folded, 1)].into());
    }
    for text in ["plain", "\u{4f60}\u{2019}"] {
        let ways = Recount::counts(&Profile::STANDARD, text);
        assert!(ways.iter().all(|way| way.0 != Recount::Folded), "{text}");
    }
}

#[test]
fn zeros_behind_the_last_decimal_of_a_bill_are_none_of_its_decimals() {
    let card = card(Rounding::Exact);
    // 0.0545 without the price of a message, at two decimals or at four.
    for (other, causes) in [(110_000, "rounding 5500"), (110_100, "price 5500")] {
        let messages = [message(&card, 1, Due::Accepted, 2, 1), message(&card, 2, Due::NotSent, 0, 1)];
        let billed = bill(vec![entry(1, 1, 70_000, 1), entry(3, 2, other, 1)]);
        let result = reconcile(&card, &messages, &[], Some(billed), &mut Kept::default());
        let found = told(result.estimate_to_bill.as_ref());
        assert!(found.contains(causes), "{other}: {found}");
    }
}

#[test]
fn the_answers_count_messages_and_parts_of_those_that_have_a_price() {
    let card = card(Rounding::Exact);
    let mut messages: Vec<_> = (1..=4).map(|row| message(&card, row, Due::Accepted, 0, 2)).collect();
    let priced = request(1, &mut messages[..2], 200_000, Some(4));
    let unpriced = RequestAnswer { amount: None, ..request(2, &mut messages[2..3], 0, Some(2)) };
    messages[3].answered_parts = Some(2);
    let result = reconcile(&card, &messages, &[priced, unpriced], None, &mut Kept::default());
    let answered = result.answered.expect("a price");
    assert_eq!((answered.messages, answered.parts), (2, Some(4)));
}

#[test]
fn parts_are_explained_by_another_way_of_counting() {
    let card = card(Rounding::Exact);
    // 160 septets are one segment, and three as UCS-2.
    let text = "a".repeat(160);
    let ways = Recount::counts(&Profile::STANDARD, &text);
    assert!(ways.contains(&(Recount::Ucs2, 3)), "{ways:?}");
    for (price, amount, parts, causes, recounted) in [
        (0, 150_000, 3, "parts 100000", Some(Recount::Ucs2)),
        (0, 150_000, 0, "parts 100000", Some(Recount::Ucs2)),
        (0, 160_000, 3, "parts 100000, price 10000", Some(Recount::Ucs2)),
        (0, 160_000, 0, "price 110000", None),
        (0, 100_000, 2, "parts 50000", None),
        (0, 100_000, 0, "price 50000", None),
        // Three parts are 0.1735, which two decimals make 0.17.
        (2, 170_000, 0, "parts 109000, rounding -3500", Some(Recount::Ucs2)),
        (2, 70_000, 0, "rounding 5500", None),
    ] {
        let mut kept = Kept { text: Some(text.clone()), ..Kept::default() };
        let one = message(&card, 1, Due::Accepted, price, 1);
        let billed = bill(vec![entry(1, 1, amount, parts)]);
        let result = reconcile(&card, &[one], &[], Some(billed), &mut kept);
        assert_eq!(told(result.estimate_to_bill.as_ref()), causes, "{amount} {parts}");
        let comparison = result.estimate_to_bill.expect("made");
        let found = comparison.causes[0].recounted.iter().map(|(way, count)| (*way, *count)).next();
        assert_eq!(found, recounted.map(|way| (way, 1)), "{amount} {parts}");
    }
    let mut messages: Vec<_> = (1..=4).map(|row| message(&card, row, Due::Accepted, 0, 1)).collect();
    let request = request(1, &mut messages, 600_000, Some(12));
    let mut kept = Kept { text: Some(text), ..Kept::default() };
    let result = reconcile(&card, &messages, &[request], None, &mut kept);
    let comparison = result.estimate_to_answers.expect("made");
    assert_eq!(comparison.causes[0].recounted, [(Recount::Ucs2, 4)].into());
}

#[test]
fn totals_that_do_not_fit_their_messages_leave_a_remainder() {
    let card = card(Rounding::Exact);
    let mut one = message(&card, 1, Due::Accepted, 0, 1);
    one.answered = Some(Micros(50_000));
    let profile = Profile::STANDARD;
    let billed = bill(vec![entry(1, 1, 50_000, 1)]);
    let mut reconciler = Reconciler::new(&card, &profile, Vec::new(), 2, Some(billed));
    reconciler.message(&one, &mut Kept::default()).expect("little money");
    let result =
        reconciler.finish(Micros(50_001), Some(Micros(49_990)), &mut Kept::default()).expect("little money");
    assert!(!result.is_explained());
    let remainders: Vec<i64> = result.comparisons().map(|comparison| comparison.remainder.0).collect();
    assert_eq!(remainders, [-11, -1, 10]);
}

#[test]
fn sums_beyond_64_bits_are_refused() {
    let huge = |line| entry(line, line, i64::MAX, 1);
    assert_eq!(Bill::new(vec![huge(1), huge(2)]), Err(AmountTooLarge));
    let card = card(Rounding::Exact);
    let profile = Profile::STANDARD;
    let mut reconciler = Reconciler::new(&card, &profile, Vec::new(), 2, None);
    let mut one = message(&card, 1, Due::Accepted, 0, 1);
    one.cost = Micros(i64::MAX);
    let mut kept = Kept::default();
    assert_eq!(reconciler.message(&one, &mut kept), Ok(()));
    assert_eq!(reconciler.message(&one, &mut kept), Err(AmountTooLarge));
}

#[test]
fn each_cause_has_a_word_and_a_sentence_of_its_own() {
    let words: HashSet<&str> = Cause::ALL.iter().map(|cause| cause.word()).collect();
    let sentences: HashSet<&str> = Cause::ALL.iter().map(|cause| cause.sentence()).collect();
    assert_eq!((words.len(), sentences.len()), (Cause::ALL.len(), Cause::ALL.len()));
    assert!(words.iter().all(|word| word.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())));
    assert!(Cause::ALL.is_sorted(), "in the order of reports");
}

/// How one message of a random plan stands and what is said about it.
#[derive(Clone, Debug)]
struct Drawn {
    due: Due,
    price: u16,
    segments: u16,
    answered: Option<(i64, u32)>,
    lines: Vec<(i64, u16)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let due = prop_oneof![
        4 => Just(Due::Accepted),
        1 => Just(Due::NotSent),
        1 => Just(Due::Refused),
        1 => Just(Due::InDoubt),
    ];
    let amount = prop_oneof![Just(50_000_i64), Just(100_000), Just(30_000), Just(64_500), 0_i64..200_000];
    let line = (prop_oneof![6 => amount.clone(), 1 => -80_000_i64..0], 0_u16..4);
    let answered = prop::option::of((amount, 1_u32..4));
    (due, 0_u16..3, 1_u16..4, answered, vec(line, 0..4))
        .prop_map(|(due, price, segments, answered, lines)| Drawn { due, price, segments, answered, lines })
}

/// Whether a request has a price, its error, its parts, and how many it claims beyond its own.
type Priced = (bool, i64, Option<u64>, u32);

proptest! {
    /// Whatever the plan, the answers and the bill, the causes add up to the difference.
    #[test]
    fn nothing_is_left_over(
        people in vec(drawn(), 0..30),
        sizes in vec((1_usize..6, (any::<bool>(), -60_000_i64..60_000, prop::option::of(0_u64..30), 0_u32..2)), 0..12),
        strangers in vec((-50_000_i64..100_000, 0_u16..4), 0..4),
        rounding in prop_oneof![
            Just(Rounding::Exact),
            (0_u8..5).prop_map(Rounding::PerMessage),
            (0_u8..5).prop_map(Rounding::Total),
        ],
        with_bill in any::<bool>(),
    ) {
        let card = card(rounding);
        let mut entries = Vec::new();
        let mut messages: Vec<BilledMessage> = (1..).zip(&people).map(|(row, one)| {
            for &(amount, parts) in &one.lines {
                let line = u32::try_from(entries.len()).expect("few") + 1;
                entries.push(entry(row, line, amount, parts));
            }
            let mut message = message(&card, row, one.due, one.price, one.segments);
            message.answered = one.answered.map(|answer| Micros(answer.0));
            message.answered_parts = one.answered.map(|answer| answer.1);
            message
        }).collect();
        for (&(amount, parts), row) in strangers.iter().zip(900..) {
            entries.push(entry(row, row, amount, parts));
        }
        let mut requests = Vec::new();
        let mut rest = &mut messages[..];
        for (id, &(size, priced)) in (1..).zip(&sizes) {
            let (members, others) = rest.split_at_mut(size.min(rest.len()));
            rest = others;
            requests.push(one_request(id, members, priced));
        }
        let billed = with_bill.then(|| bill(entries.clone()));
        let mut kept = Kept::default();
        let result = reconcile(&card, &messages, &requests, billed, &mut kept);
        for comparison in result.comparisons() {
            prop_assert_eq!(comparison.remainder, Micros::ZERO);
            let sum: i64 = comparison.causes.iter().map(|cause| cause.amount.0).sum();
            prop_assert_eq!(comparison.difference, Micros(sum));
        }
        // Those that were told one by one add up to the same.
        if let Some(told) = result.estimate_to_bill.as_ref().or(result.estimate_to_answers.as_ref()) {
            let mut sum = 0;
            for one in &kept.differences {
                let causes: i64 = one.causes.iter().map(|cause| cause.1.0).sum();
                prop_assert_eq!(causes, one.billed.0 - one.estimated.0);
                sum += causes;
            }
            prop_assert_eq!(Micros(sum), told.difference);
        }
    }

    /// A bill that says what the plan says is the plan's price to the last digit.
    #[test]
    fn a_bill_as_planned_has_no_difference(people in vec((0_u16..3, 1_u16..5), 1..40), decimals in 0_u8..7) {
        let card = card(Rounding::PerMessage(decimals));
        let messages: Vec<_> = (1..)
            .zip(&people)
            .map(|(row, &(price, segments))| message(&card, row, Due::Accepted, price, segments))
            .collect();
        let entries = messages.iter().zip(1..).map(|(one, line)| entry(line, line, one.cost.0, one.segments));
        let result = reconcile(&card, &messages, &[], Some(bill(entries.collect())), &mut Kept::default());
        let comparison = result.estimate_to_bill.expect("made");
        prop_assert_eq!((comparison.difference, comparison.causes), (Micros::ZERO, Vec::new()));
    }
}

/// A request that carried `members`, near what they were planned to cost.
fn one_request(
    id: u64,
    members: &mut [BilledMessage],
    (priced, error, parts, more): Priced,
) -> RequestAnswer {
    let mut cost = 0;
    for member in members.iter_mut() {
        member.request = Some(id);
        cost += member.cost.0;
    }
    let count = u32::try_from(members.len()).expect("few");
    // Every third time exactly what was planned, with everybody in it.
    let amount = if error % 3 == 0 { cost } else { (cost + error).max(0) };
    RequestAnswer {
        id,
        messages: count + more,
        amount: priced.then_some(Micros(amount)),
        parts,
        other_unit: !priced && error > 0,
    }
}
