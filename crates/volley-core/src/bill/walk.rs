//! The walk over all messages, from each sum to the others.

use super::{
    AmountTooLarge, Bill, BilledMessage, Cause, Clerk, Difference, Due, Reconciliation, Recount,
    RequestAnswer, Rows, Side,
    group::Group,
    split::{Said, Share, exact, last_decimal, minus, plus, split},
    statement::Charge,
    tally::{Causes, Tally},
};
use crate::{Micros, Msisdn, Profile, RateCard, RowNumber};
use std::{collections::BTreeMap, mem};

/// Compares message by message; all of the plan's are to be told, in the plan's order.
#[derive(Debug)]
pub struct Reconciler<'a> {
    card: &'a RateCard,
    profile: &'a Profile,
    requests: Vec<RequestAnswer>,
    /// Which requests were the last to carry some message.
    seen: Vec<bool>,
    /// Which requests' parts are in the sum of the answers.
    counted_parts: Vec<bool>,
    answer_decimals: u8,
    bill: Option<Bill>,
    /// Which of the bill's lines are about a message of the plan.
    used: Vec<bool>,
    /// Requests priced as a whole whose messages are not all there yet.
    open: BTreeMap<usize, Group>,
    /// The text counted last, in other ways than the plan's.
    counted: Option<(u32, Vec<(Recount, u32)>)>,
    estimated: Side,
    answered: Side,
    estimate_to_answers: Tally,
    estimate_to_bill: Tally,
    answers_to_bill: Tally,
}

/// What the answers say about one message.
#[derive(Clone, Copy)]
enum Answer {
    /// Its request was priced as a whole.
    Whole(usize),
    /// It was priced alone.
    Alone(Said),
    /// Its request was priced in another unit.
    OtherUnit,
    /// No price.
    Unpriced,
}

impl<'a> Reconciler<'a> {
    /// Compares with the answers about `requests` and with `bill`.
    ///
    /// `card` is the plan's prices with their rounding, `profile` its way of counting,
    /// `answer_decimals` the most decimals that an amount of an answer has; fewer than 2 are taken
    /// as 2.
    pub fn new(
        card: &'a RateCard,
        profile: &'a Profile,
        mut requests: Vec<RequestAnswer>,
        answer_decimals: u8,
        bill: Option<Bill>,
    ) -> Self {
        requests.sort_unstable_by_key(|request| request.id);
        Self {
            card,
            profile,
            seen: vec![false; requests.len()],
            counted_parts: vec![false; requests.len()],
            requests,
            answer_decimals: answer_decimals.clamp(2, 6),
            used: bill.as_ref().map(|bill| vec![false; bill.entries().len()]).unwrap_or_default(),
            bill,
            open: BTreeMap::new(),
            counted: None,
            estimated: Side { parts: Some(0), ..Side::default() },
            answered: Side { parts: Some(0), ..Side::default() },
            estimate_to_answers: Tally::default(),
            estimate_to_bill: Tally::default(),
            answers_to_bill: Tally::default(),
        }
    }

    /// Compares the next message.
    pub fn message(&mut self, message: &BilledMessage, clerk: &mut impl Clerk) -> Result<(), AmountTooLarge> {
        self.estimated.messages += 1;
        self.estimated.parts = added(self.estimated.parts, Some(u64::from(message.segments)));
        self.estimated.amount = plus(self.estimated.amount, message.cost)?;
        let answer = self.answer_to(message);
        self.with_answers(message, answer, clerk)?;
        self.with_bill(message, answer, clerk)?;
        if let Answer::Whole(index) = answer
            && self.open.get(&index).is_some_and(|group| group.messages == self.requests[index].messages)
        {
            let group = self.open.remove(&index).expect("it is there");
            self.close(index, &group, clerk)?;
        }
        Ok(())
    }

    /// The result, after the last message. `estimated` and `answered` are the totals that the plan
    /// and the answers have on record, counted apart from their messages; without `answered` the
    /// answers are compared with nothing.
    pub fn finish(
        mut self,
        estimated: Micros,
        answered: Option<Micros>,
        clerk: &mut impl Clerk,
    ) -> Result<Reconciliation, AmountTooLarge> {
        for (index, group) in mem::take(&mut self.open) {
            self.close(index, &group, clerk)?;
        }
        self.sent_again(clerk)?;
        self.strangers(clerk)?;
        self.total_rounding(clerk)?;
        let billed = self.bill.as_ref().map(|bill| Side {
            messages: bill.entries().len() as u64,
            parts: bill.parts(),
            amount: bill.total(),
        });
        let from_to = |tally: Tally, from: Option<Micros>, to: Option<Micros>| match (from, to) {
            (Some(from), Some(to)) => tally.finish(minus(to, from)?).map(Some),
            _ => Ok(None),
        };
        let on_bill = billed.map(|side| side.amount);
        Ok(Reconciliation {
            estimated: Side { amount: estimated, ..self.estimated },
            answered: answered.map(|amount| Side { amount, ..self.answered }),
            billed,
            estimate_to_answers: from_to(self.estimate_to_answers, Some(estimated), answered)?,
            estimate_to_bill: from_to(self.estimate_to_bill, Some(estimated), on_bill)?,
            answers_to_bill: from_to(self.answers_to_bill, answered, on_bill)?,
        })
    }

    /// What the answers say about `message`; counts what they say in all.
    fn answer_to(&mut self, message: &BilledMessage) -> Answer {
        let request = message.request.and_then(|id| {
            let found = self.requests.binary_search_by_key(&id, |request| request.id).ok()?;
            Some((found, self.requests[found]))
        });
        let alone = message.answered_parts.map(u64::from);
        if let Some((index, _)) = request {
            self.seen[index] = true;
        }
        let answer = match (request, message.answered) {
            (Some((index, RequestAnswer { amount: Some(_), .. })), _) => Answer::Whole(index),
            (_, Some(amount)) => Answer::Alone(Said { amount, parts: alone }),
            (Some((_, RequestAnswer { other_unit: true, .. })), None) => Answer::OtherUnit,
            (_, None) => Answer::Unpriced,
        };
        let is_priced = matches!(answer, Answer::Whole(_) | Answer::Alone(_));
        if is_priced && message.due == Due::Accepted {
            let parts = match request {
                Some((index, RequestAnswer { parts: Some(parts), .. })) => {
                    let before = mem::replace(&mut self.counted_parts[index], true);
                    Some(if before { 0 } else { parts })
                }
                _ => alone,
            };
            self.answered.parts = added(self.answered.parts, parts);
            self.answered.messages += 1;
        }
        answer
    }

    /// From the estimate to the answers.
    fn with_answers(
        &mut self,
        message: &BilledMessage,
        answer: Answer,
        clerk: &mut impl Clerk,
    ) -> Result<(), AmountTooLarge> {
        let out = minus(Micros::ZERO, message.cost)?;
        let decimals = self.answer_decimals;
        let causes = match (message.due.causes(), answer) {
            (None, Answer::Whole(_)) => Causes::default(),
            (None, Answer::Alone(said)) => {
                self.split_message(message, message.planned(), said, decimals, clerk)?
            }
            (None, Answer::OtherUnit) => vec![(Cause::OtherUnit, out)].into(),
            (None, Answer::Unpriced) => vec![(Cause::Unpriced, out)].into(),
            (Some((absent, but_billed)), Answer::Alone(said)) => {
                vec![(absent, out), (but_billed, said.amount)].into()
            }
            (Some((absent, _)), _) => vec![(absent, out)].into(),
        };
        self.estimate_to_answers.add_message(&causes, message.row)?;
        if let Answer::Whole(index) = answer {
            self.open.entry(index).or_default().plan(message)?;
        }
        if self.bill.is_none() {
            let said = if let Answer::Alone(said) = answer { said } else { Said::default() };
            tell_message(clerk, message, said, causes);
        }
        Ok(())
    }

    /// From the estimate to the bill, and from the answers to the bill.
    fn with_bill(
        &mut self,
        message: &BilledMessage,
        answer: Answer,
        clerk: &mut impl Clerk,
    ) -> Result<(), AmountTooLarge> {
        let Some(bill) = &self.bill else { return Ok(()) };
        let range = bill.lines_of(message.to);
        let lines = &bill.entries()[range.clone()];
        let one_part = [self.card.cost(message.price, 1), exact(self.card, message.price, 1)];
        let charge = Charge::of(lines, message.segments, message.cost, one_part)?;
        let decimals = bill.decimals();
        self.used[range].fill(true);

        let causes = match message.due.causes() {
            None => self.charged(message, message.planned(), &charge, decimals, clerk)?,
            Some((absent, but_billed)) => {
                vec![(absent, minus(Micros::ZERO, message.cost)?), (but_billed, charge.total.amount)].into()
            }
        };
        self.estimate_to_bill.add_message(&causes, message.row)?;
        if let Answer::Whole(index) = answer {
            self.open.entry(index).or_default().bill(message, &charge, &causes)?;
        }
        tell_message(clerk, message, charge.total, causes);

        let total = charge.total.amount;
        let causes = match (message.due.causes(), answer) {
            // Compared when all messages of the request are there.
            (_, Answer::Whole(_)) => Causes::default(),
            (None, Answer::Alone(mut said)) => {
                // An answer as planned counted the parts that were planned.
                let planned = message.planned();
                said.parts = said.parts.or(planned.parts.filter(|_| said.amount == planned.amount));
                self.charged(message, said, &charge, decimals.min(self.answer_decimals), clerk)?
            }
            (None, Answer::OtherUnit) => vec![(Cause::OtherUnit, total)].into(),
            (None, Answer::Unpriced) => vec![(Cause::Unpriced, total)].into(),
            (Some((_, but_billed)), Answer::Alone(said)) => {
                vec![(but_billed, minus(total, said.amount)?)].into()
            }
            (Some((_, but_billed)), _) => vec![(but_billed, total)].into(),
        };
        self.answers_to_bill.add_message(&causes, message.row)
    }

    /// What the bill charges for a message that was taken, against what was expected of it.
    fn charged(
        &mut self,
        message: &BilledMessage,
        expected: Said,
        charge: &Charge,
        decimals: u8,
        clerk: &mut impl Clerk,
    ) -> Result<Causes, AmountTooLarge> {
        if charge.total.amount == expected.amount {
            return Ok(Causes::default());
        }
        let mut causes = if let Some(own) = charge.own {
            self.split_message(message, expected, own, decimals, clerk)?
        } else {
            let is_small = expected.amount.0.unsigned_abs() < last_decimal(decimals);
            let is_rounded = charge.is_listed && is_small;
            let cause = if is_rounded { Cause::Rounding } else { Cause::MissingFromBill };
            vec![(cause, minus(Micros::ZERO, expected.amount)?)].into()
        };
        causes.list.extend([(Cause::BilledTwice, charge.again), (Cause::Credited, charge.credited)]);
        Ok(causes)
    }

    /// [`split`] for one message. Where the later side does not say how many parts, they are those
    /// planned, or those of another way of counting the text, if they cost its amount but for
    /// rounding.
    fn split_message(
        &mut self,
        message: &BilledMessage,
        from: Said,
        mut to: Said,
        decimals: u8,
        clerk: &mut impl Clerk,
    ) -> Result<Causes, AmountTooLarge> {
        if from.amount == to.amount {
            return Ok(Causes::default());
        }
        let (card, segments) = (self.card, u32::from(message.segments));
        let amount = to.amount;
        let costs_that = |count| {
            let costs = [card.cost(message.price, count), exact(card, message.price, count)];
            let mut off = costs.into_iter().flatten().filter_map(|cost| cost.checked_sub(amount));
            off.any(|off| off.0.unsigned_abs() < last_decimal(decimals))
        };
        let recount = match to.parts {
            Some(parts) if from.parts == Some(parts) => None,
            Some(parts) => self.recount(message.text, clerk, |count| u64::from(count) == parts),
            None if costs_that(segments) => {
                to.parts = Some(u64::from(segments));
                None
            }
            None => {
                let recount = self.recount(message.text, clerk, costs_that);
                to.parts = recount.map(|(_, count)| u64::from(count));
                recount
            }
        };
        let share = Share { price: message.price, segments: message.segments, messages: 1 };
        let list = split(self.card, &[share], from, to, decimals)?;
        Ok(Causes { list, recount: recount.map(|(recount, _)| recount) })
    }

    /// The first other way of counting the text whose count is `wanted`.
    fn recount(
        &mut self,
        text: u32,
        clerk: &mut impl Clerk,
        wanted: impl Fn(u32) -> bool,
    ) -> Option<(Recount, u32)> {
        let (_, counts) = match self.counted.take() {
            Some(counted) if counted.0 == text => self.counted.insert(counted),
            _ => {
                let counts = clerk.text(text).map(|text| Recount::counts(self.profile, &text));
                self.counted.insert((text, counts.unwrap_or_default()))
            }
        };
        counts.iter().copied().find(|(_, count)| wanted(*count))
    }

    /// A request priced as a whole, all of whose messages are there.
    fn close(&mut self, index: usize, group: &Group, clerk: &mut impl Clerk) -> Result<(), AmountTooLarge> {
        let request = self.requests[index];
        let shares = group.share_out(&request)?;
        let planned = Said { amount: group.accepted.cost, parts: Some(group.accepted.parts()) };
        let answered = Said { amount: shares.accepted, parts: request.parts };
        let mut causes = Causes::default();
        if planned.amount != answered.amount {
            causes.list =
                split(self.card, &group.accepted.shares(), planned, answered, self.answer_decimals)?;
            if let (Some(text), Some(parts)) = (group.text, group.accepted.parts_of_each(request.parts)) {
                let recount = self.recount(text, clerk, |count| u64::from(count) == parts);
                causes.recount = recount.map(|(recount, _)| recount);
            }
        }
        let accepted = &group.accepted;
        self.estimate_to_answers.add(&causes, accepted.messages, &accepted.rows)?;
        if self.bill.is_none() {
            tell(clerk, (accepted.rows.clone(), group.to), planned, answered, causes);
        }
        for covered in &shares.others {
            let causes = Causes::from(vec![(covered.cause, covered.amount)]);
            self.estimate_to_answers.add(&causes, covered.messages, &covered.rows)?;
            if self.bill.is_none() {
                let billed = Said { amount: covered.amount, parts: None };
                tell(clerk, (covered.rows.clone(), group.to), Said::default(), billed, causes);
            }
        }
        if let Some(bill) = &self.bill {
            let decimals = self.answer_decimals.min(bill.decimals());
            self.answers_to_bill.add_all(&group.on_bill(self.card, request.parts, &shares, decimals)?)?;
        }
        Ok(())
    }

    /// Requests with a price whose recipients are all on a later request.
    fn sent_again(&mut self, clerk: &mut impl Clerk) -> Result<(), AmountTooLarge> {
        for (request, seen) in self.requests.iter().zip(&self.seen) {
            let Some(amount) = request.amount.filter(|_| !seen) else { continue };
            let messages = u64::from(request.messages);
            let causes = Causes::from(vec![(Cause::SentAgain, amount)]);
            self.estimate_to_answers.add(&causes, messages, &Rows::new(0))?;
            let back = Causes::from(vec![(Cause::SentAgain, minus(Micros::ZERO, amount)?)]);
            self.answers_to_bill.add(&back, messages, &Rows::new(0))?;
            if self.bill.is_none() {
                let billed = Said { amount, parts: request.parts };
                tell(clerk, (Rows::new(0), None), Said::default(), billed, causes);
            }
        }
        Ok(())
    }

    /// Lines of the bill whose numbers the plan does not have.
    fn strangers(&mut self, clerk: &mut impl Clerk) -> Result<(), AmountTooLarge> {
        let Some(bill) = &self.bill else { return Ok(()) };
        let entries = bill.entries().iter().zip(&self.used).filter(|(_, used)| !**used);
        for (entry, _) in entries {
            let causes = Causes::from(vec![(Cause::NotInCampaign, entry.amount)]);
            self.estimate_to_bill.add_message(&causes, RowNumber(entry.line))?;
            self.answers_to_bill.add_message(&causes, RowNumber(entry.line))?;
            let billed =
                Said { amount: entry.amount, parts: entry.parts.map(|parts| u64::from(parts.get())) };
            tell(clerk, (Rows::new(0), Some(entry.to)), Said::default(), billed, causes);
        }
        Ok(())
    }

    /// What rounding the plan's total added to it.
    fn total_rounding(&mut self, clerk: &mut impl Clerk) -> Result<(), AmountTooLarge> {
        let sum = self.estimated.amount;
        let rounded = self.card.rounding().total(sum).ok_or(AmountTooLarge)?;
        let added = minus(rounded, sum)?;
        let causes = Causes::from(vec![(Cause::TotalRounding, minus(sum, rounded)?)]);
        self.estimate_to_answers.add(&causes, 0, &Rows::new(0))?;
        self.estimate_to_bill.add(&causes, 0, &Rows::new(0))?;
        let planned = Said { amount: added, parts: Some(0) };
        tell(clerk, (Rows::new(0), None), planned, Said::default(), causes);
        Ok(())
    }
}

/// Tells of one message, if it differs.
fn tell_message(clerk: &mut impl Clerk, message: &BilledMessage, billed: Said, causes: Causes) {
    if !causes.list.is_empty() {
        let mut rows = Rows::new(1);
        rows.add(message.row.0);
        tell(clerk, (rows, Some(message.to)), message.planned(), billed, causes);
    }
}

/// Tells of a difference, if it is one.
fn tell(
    clerk: &mut impl Clerk,
    (rows, to): (Rows, Option<Msisdn>),
    planned: Said,
    billed: Said,
    mut causes: Causes,
) {
    causes.list.retain(|(_, amount)| *amount != Micros::ZERO);
    if !causes.list.is_empty() {
        clerk.differs(&Difference {
            rows,
            to,
            planned_parts: planned.parts.unwrap_or_default(),
            billed_parts: billed.parts,
            estimated: planned.amount,
            billed: billed.amount,
            causes: causes.list,
        });
    }
}

/// The sum of what is known; `None` as soon as something is not.
pub(super) fn added(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    sum?.checked_add(more?)
}
