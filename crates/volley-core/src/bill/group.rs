//! A request that was priced as a whole, and who its price covers.

use super::{
    AmountTooLarge, BilledMessage, Cause, Due, RequestAnswer, Rows,
    split::{Said, Share, minus, plus, split},
    statement::Charge,
    tally::{Causes, Tally},
    walk::added,
};
use crate::{Micros, Msisdn, PriceId, RateCard};
use std::collections::BTreeMap;

/// How many ranges of rows a request keeps.
const ROWS: usize = 100;

/// Messages of one request that stand alike.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) messages: u64,
    pub(super) cost: Micros,
    pub(super) rows: Rows,
    planned: BTreeMap<(PriceId, u16), u32>,
    /// What the bill charges for them, once for each.
    billed: Micros,
    /// The parts of that, as long as each line says them.
    billed_parts: Option<u64>,
}

impl Default for Members {
    fn default() -> Self {
        Self {
            messages: 0,
            cost: Micros::ZERO,
            rows: Rows::new(ROWS),
            planned: BTreeMap::new(),
            billed: Micros::ZERO,
            billed_parts: Some(0),
        }
    }
}

impl Members {
    fn add(&mut self, message: &BilledMessage) -> Result<(), AmountTooLarge> {
        self.messages += 1;
        self.cost = plus(self.cost, message.cost)?;
        self.rows.add(message.row.0);
        *self.planned.entry((message.price, message.segments)).or_default() += 1;
        Ok(())
    }

    /// What was planned alike, added up.
    pub(super) fn shares(&self) -> Vec<Share> {
        let share =
            |(&(price, segments), &messages): (&(PriceId, u16), &u32)| Share { price, segments, messages };
        self.planned.iter().map(share).collect()
    }

    /// Segments as the plan counts them.
    pub(super) fn parts(&self) -> u64 {
        self.planned.iter().map(|((_, segments), messages)| u64::from(*segments) * u64::from(*messages)).sum()
    }

    /// The parts of each message where `parts` are all of theirs and each has the same, but not
    /// as many as planned.
    pub(super) fn parts_of_each(&self, parts: Option<u64>) -> Option<u64> {
        let parts = parts.filter(|parts| *parts != self.parts())?;
        (self.messages > 0 && parts.is_multiple_of(self.messages)).then(|| parts / self.messages)
    }
}

/// A request that was priced as a whole.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Messages told so far.
    pub(super) messages: u32,
    pub(super) accepted: Members,
    others: BTreeMap<Due, Members>,
    /// The accepted ones that the bill charges.
    charged: Members,
    /// The accepted ones that it does not.
    missing: Members,
    /// From the plan to the bill, for the accepted ones.
    from_plan: Tally,
    /// Lines of theirs beyond their own, and what the bill does not charge.
    beyond: Tally,
    /// The text, where all have the same.
    pub(super) text: Option<u32>,
    /// Whose message, where it is one.
    pub(super) to: Option<Msisdn>,
}

/// Whom the price of a request covers.
pub(super) struct Shares {
    /// What it charges for those it accepted.
    pub(super) accepted: Micros,
    /// What it charges for others.
    pub(super) others: Vec<Covered>,
}

/// What the price of a request charges for messages that it did not accept.
pub(super) struct Covered {
    /// How they stand; `None` for those that a later request carried.
    pub(super) due: Option<Due>,
    pub(super) cause: Cause,
    pub(super) messages: u64,
    pub(super) rows: Rows,
    pub(super) amount: Micros,
}

impl Group {
    /// Counts a message as the plan has it.
    pub(super) fn plan(&mut self, message: &BilledMessage) -> Result<(), AmountTooLarge> {
        let is_first = self.messages == 0;
        self.messages += 1;
        self.to = Some(message.to).filter(|_| is_first);
        self.text =
            if is_first { Some(message.text) } else { self.text.filter(|text| *text == message.text) };
        match message.due {
            Due::Accepted => self.accepted.add(message),
            due => self.others.entry(due).or_default().add(message),
        }
    }

    /// Counts what the bill charges for a message, which differs from the plan by `causes`.
    pub(super) fn bill(
        &mut self,
        message: &BilledMessage,
        charge: &Charge,
        causes: &Causes,
    ) -> Result<(), AmountTooLarge> {
        if message.due != Due::Accepted {
            let others = self.others.entry(message.due).or_default();
            others.billed = plus(others.billed, charge.total.amount)?;
            return Ok(());
        }
        self.from_plan.add_message(causes, message.row)?;
        let mut beyond = vec![(Cause::BilledTwice, charge.again), (Cause::Credited, charge.credited)];
        if let Some(own) = charge.own {
            self.charged.add(message)?;
            self.charged.billed = plus(self.charged.billed, own.amount)?;
            self.charged.billed_parts = added(self.charged.billed_parts, own.parts);
        } else {
            self.missing.add(message)?;
            beyond.push((Cause::MissingFromBill, minus(Micros::ZERO, message.cost)?));
        }
        self.beyond.add_message(&beyond.into(), message.row)
    }

    /// Who the request's price covers: those it accepted; and whoever else makes it add up
    /// exactly, or is all there is.
    pub(super) fn share_out(&self, request: &RequestAnswer) -> Result<Shares, AmountTooLarge> {
        let amount = request.amount.unwrap_or_default();
        let mut shares = Shares { accepted: amount, others: Vec::new() };
        let rest = minus(amount, self.accepted.cost)?;
        if rest == Micros::ZERO {
            return Ok(shares);
        }
        if self.messages < request.messages {
            // The others were sent to again, so what they cost is in here too.
            shares.accepted = self.accepted.cost;
            shares.others.push(Covered {
                due: None,
                cause: Cause::SentAgain,
                messages: u64::from(request.messages - self.messages),
                rows: Rows::new(0),
                amount: rest,
            });
            return Ok(shares);
        }
        let cost = |due| self.others.get(&due).map_or(Micros::ZERO, |members: &Members| members.cost);
        let (doubt, refused) = (cost(Due::InDoubt), cost(Due::Refused));
        let covered = if self.accepted.messages == 0 {
            let whom = [Due::InDoubt, Due::Refused, Due::NotSent];
            whom.into_iter().find(|due| self.others.contains_key(due)).map(|due| vec![(due, rest)])
        } else if rest == doubt {
            Some(vec![(Due::InDoubt, doubt)])
        } else if rest == refused {
            Some(vec![(Due::Refused, refused)])
        } else if Some(rest) == doubt.checked_add(refused) {
            Some(vec![(Due::InDoubt, doubt), (Due::Refused, refused)])
        } else {
            None
        };
        for (due, amount) in covered.into_iter().flatten() {
            let (Some(members), Some((_, cause))) = (self.others.get(&due), due.causes()) else { continue };
            shares.accepted = minus(shares.accepted, amount)?;
            let (messages, rows) = (members.messages, members.rows.clone());
            shares.others.push(Covered { due: Some(due), cause, messages, rows, amount });
        }
        Ok(shares)
    }

    /// From the request's price, shared out as `shares`, to the bill.
    pub(super) fn on_bill(
        &self,
        card: &RateCard,
        parts: Option<u64>,
        shares: &Shares,
        decimals: u8,
    ) -> Result<Tally, AmountTooLarge> {
        let mut tally = Tally::default();
        for covered in shares.others.iter().filter(|covered| covered.due.is_none()) {
            // What the bill charges for them is found with the later request.
            let back = vec![(covered.cause, minus(Micros::ZERO, covered.amount)?)].into();
            tally.add(&back, covered.messages, &covered.rows)?;
        }
        for (due, members) in &self.others {
            let covered = shares.others.iter().find(|covered| covered.due == Some(*due));
            let share = covered.map_or(Micros::ZERO, |covered| covered.amount);
            let Some((_, but_billed)) = due.causes() else { continue };
            let causes = vec![(but_billed, minus(members.billed, share)?)].into();
            tally.add(&causes, members.messages, &members.rows)?;
        }
        if shares.accepted == self.accepted.cost {
            tally.add_all(&self.from_plan)?;
            return Ok(tally);
        }
        tally.add_all(&self.beyond)?;
        // Those that the bill does not charge went out at their planned price.
        let from = minus(shares.accepted, self.missing.cost)?;
        if self.charged.messages == 0 {
            let causes = vec![(Cause::MissingFromBill, minus(Micros::ZERO, from)?)].into();
            tally.add(&causes, 0, &Rows::new(0))?;
            return Ok(tally);
        }
        let parts = parts.and_then(|parts| parts.checked_sub(self.missing.parts()));
        let from = Said { amount: from, parts };
        let to = Said { amount: self.charged.billed, parts: self.charged.billed_parts };
        let causes = split(card, &self.charged.shares(), from, to, decimals)?.into();
        tally.add(&causes, self.charged.messages, &self.charged.rows)?;
        Ok(tally)
    }
}
