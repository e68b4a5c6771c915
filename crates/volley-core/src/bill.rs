//! What a campaign was to cost, what the provider's answers said, and what its bill says, compared
//! message by message, with every difference under a named cause.
//!
//! Two sums are compared by walking from one to the other. Each message, or each request that was
//! priced as a whole, contributes amounts that add up to its difference exactly; so the causes add
//! up to the whole difference. [`Comparison::remainder`] holds that against totals which were
//! counted elsewhere, and is zero unless something was counted wrong.
//!
//! The order of decision, for one message:
//!
//! 1. What was not sent, refused or is in doubt goes out at its planned price, whether or not it
//!    was charged ([`Cause::NotSent`], [`Cause::Refused`], [`Cause::InDoubt`]); what was charged
//!    for it all the same comes in at that amount ([`Cause::NotSentButBilled`] and so on).
//! 2. What was taken and charged as expected in sum, on however many lines, has no difference.
//! 3. What was taken and not charged is [`Cause::MissingFromBill`].
//! 4. Further lines for one message are [`Cause::BilledTwice`], lines below zero
//!    [`Cause::Credited`].
//! 5. The rest is about the message's own line: [`Cause::Parts`], then [`Cause::Rounding`] where
//!    both sides are the card's prices, then [`Cause::PerMessage`], then [`Cause::Rounding`] below
//!    the last decimal, then [`Cause::Price`].
//!
//! A request that was priced as a whole is compared as a whole: its price covers those it
//! accepted. Where that does not fit, and the planned price of those in doubt or refused makes up
//! exactly what is missing, it covers them too. One that is priced exactly as planned priced each
//! of its messages as planned, so the bill is compared with each of them.
//!
//! Pure and streaming: holds the bill, one small entry a request, and the first rows of each
//! cause. Not here: reading a bill (volley-plan), or the journal.

mod cause; // why two sums differ
mod group; // a request that was priced as a whole
mod recount; // which other way of counting gives the parts that were charged
mod rows; // row numbers as ranges
mod split; // what one difference is made of
mod statement; // the lines of a bill, found by number
mod tally; // causes, added up
mod walk; // message by message, from each sum to the others

pub use cause::Cause;
pub use recount::Recount;
pub use rows::Rows;
pub use statement::{Bill, BillEntry, BillId, OtherLines};
pub use walk::Reconciler;

use crate::{Micros, Msisdn, PriceId, RowNumber};
use split::Said;
use std::collections::BTreeMap;

/// A sum of money above 64 bits of millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amounts add up to more than 64 bits of millionths hold")]
pub struct AmountTooLarge;

/// Whether a message is to be paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Due {
    /// The provider took it.
    Accepted,
    /// Nothing was sent, or what was sent was proved not to have been taken.
    NotSent,
    /// The provider refused it.
    Refused,
    /// It may or may not have been taken.
    InDoubt,
}

impl Due {
    /// Why it is not due, and why it was charged all the same; `None` for what is due.
    const fn causes(self) -> Option<(Cause, Cause)> {
        match self {
            Self::Accepted => None,
            Self::NotSent => Some((Cause::NotSent, Cause::NotSentButBilled)),
            Self::Refused => Some((Cause::Refused, Cause::RefusedButBilled)),
            Self::InDoubt => Some((Cause::InDoubt, Cause::InDoubtButBilled)),
        }
    }
}

/// One message of the plan, and what the provider's answer says about it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BilledMessage {
    /// Where in the input its recipient came from.
    pub row: RowNumber,
    /// Who gets it; no other message of the plan has this number.
    pub to: Msisdn,
    /// Whether it is to be paid for.
    pub due: Due,
    /// Segments as the plan counts them, at least 1.
    pub segments: u16,
    /// Which price of the card holds for it.
    pub price: PriceId,
    /// What the plan says it costs.
    pub cost: Micros,
    /// Its text's number, equal for equal texts.
    pub text: u32,
    /// The last request that carried it, by its [`RequestAnswer::id`].
    pub request: Option<u64>,
    /// What the answer charges for it alone.
    pub answered: Option<Micros>,
    /// The parts that the answer counts for it alone.
    pub answered_parts: Option<u32>,
}

impl BilledMessage {
    fn planned(&self) -> Said {
        Said { amount: self.cost, parts: Some(u64::from(self.segments)) }
    }
}

/// What the provider's answer says about one request as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestAnswer {
    /// Its number.
    pub id: u64,
    /// How many messages it carried.
    pub messages: u32,
    /// What it charges for all it accepted, in the rate card's currency.
    pub amount: Option<Micros>,
    /// The parts of all it accepted.
    pub parts: Option<u64>,
    /// Whether it charges in another unit than the rate card's currency.
    pub other_unit: bool,
}

/// Gives what the comparison asks for, and takes each difference as it is found.
pub trait Clerk {
    /// The text `id`, to count it in other ways; `None` where it cannot be had.
    fn text(&mut self, id: u32) -> Option<String>;
    /// One message, or one request priced as a whole, that differs: from the bill where there is
    /// one, else from the answers.
    fn differs(&mut self, difference: &Difference);
}

/// One difference between the estimate and what was charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Rows of the input, all of them for a request of up to 100 ranges; none where the number is
    /// not in the plan.
    pub rows: Rows,
    /// Whose message, where it is about one.
    pub to: Option<Msisdn>,
    /// Segments as the plan counts them.
    pub planned_parts: u64,
    /// Parts that were charged, where that is said.
    pub billed_parts: Option<u64>,
    /// What the plan says.
    pub estimated: Micros,
    /// What was charged.
    pub billed: Micros,
    /// The causes and their amounts, which add up to `billed` minus `estimated`.
    pub causes: Vec<(Cause, Micros)>,
}

/// What one side says about the whole campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Messages, or lines of the bill.
    pub messages: u64,
    /// Parts; `None` where not every message has its own.
    pub parts: Option<u64>,
    /// Money.
    pub amount: Micros,
}

/// How one sum becomes another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The later sum minus the earlier one.
    pub difference: Micros,
    /// Why, in the order of [`Cause::ALL`]; only causes that occur.
    pub causes: Vec<CauseSum>,
    /// What no cause explains: the difference minus all causes.
    pub remainder: Micros,
}

/// What one cause comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseSum {
    /// Which.
    pub cause: Cause,
    /// Messages that have it, all those of a request where it was priced as a whole; lines of the
    /// bill for [`Cause::NotInCampaign`].
    pub messages: u64,
    /// What it adds to the earlier sum, with its sign.
    pub amount: Micros,
    /// The first rows of the input that have it, or lines of the bill for
    /// [`Cause::NotInCampaign`].
    pub rows: Rows,
    /// For [`Cause::Parts`]: messages whose parts another way of counting explains.
    pub recounted: BTreeMap<Recount, u64>,
}

/// The three sums and how they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciliation {
    /// By the plan.
    pub estimated: Side,
    /// By the provider's answers, those that named a price.
    pub answered: Option<Side>,
    /// By the bill.
    pub billed: Option<Side>,
    /// From the estimate to the answers.
    pub estimate_to_answers: Option<Comparison>,
    /// From the estimate to the bill.
    pub estimate_to_bill: Option<Comparison>,
    /// From the answers to the bill.
    pub answers_to_bill: Option<Comparison>,
}

impl Reconciliation {
    /// Every comparison that was made.
    pub fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        [&self.estimate_to_answers, &self.estimate_to_bill, &self.answers_to_bill].into_iter().flatten()
    }

    /// Whether no comparison leaves a remainder.
    pub fn is_explained(&self) -> bool {
        self.comparisons().all(|comparison| comparison.remainder == Micros::ZERO)
    }
}

/// Decimals that it takes to write `amount`, 0 to 6.
pub fn decimals_of(amount: Micros) -> u8 {
    let mut decimals = 6;
    let mut rest = amount.0;
    while decimals > 0 && rest % 10 == 0 {
        rest /= 10;
        decimals -= 1;
    }
    decimals
}
