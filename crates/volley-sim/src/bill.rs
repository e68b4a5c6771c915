//! What the messages of one request are billed, one by one: parts, price, rounding, and a part
//! too many where the configuration says so.
//!
//! A request is rounded as a whole, and each message is charged what it adds to the rounded sum.
//! So charges are never negative, and those of a request add up to its price to the last digit.
//! A request whose items have texts of their own has a bill for each. Not here: counting parts
//! (the account's profile), and taking the price from a balance.

use crate::{Face, Messages, random};
use std::iter;
use volley_core::{Currency, Micros, Msisdn, RateCard};

/// What one message is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    /// The parts that it is billed in.
    pub(crate) parts: u32,
    /// What is taken for them: money, or credits.
    pub(crate) amount: Micros,
}

/// Neighbours among the messages of a request that are billed alike.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) messages: usize,
    /// What each of them is billed.
    pub(crate) each: Charge,
}

/// What the messages of one request are billed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bill {
    /// All messages in their order, neighbours that are billed alike together.
    pub(crate) runs: Vec<Run>,
    /// The sum of all charges.
    pub(crate) total: Micros,
    /// The parts of all messages.
    pub(crate) parts: u64,
}

impl Bill {
    /// The bill for messages of `parts` parts to `numbers` at `prices`, rounded to `decimals`.
    /// `is_extra` says of each message, by its place from 0, whether a part is added to it.
    /// `None` above 64 bits.
    pub(crate) fn new(
        prices: Prices<'_>,
        decimals: u8,
        numbers: &[Msisdn],
        parts: u32,
        is_extra: impl Fn(u64) -> bool,
    ) -> Option<Self> {
        let (mut bill, mut exact) = (Self::default(), Micros::ZERO);
        for (place, &to) in (0..).zip(numbers) {
            let parts = parts + u32::from(is_extra(place));
            exact = exact.checked_add(prices.cost(to, parts)?)?;
            let total = exact.rounded(decimals)?;
            bill.push(Charge { parts, amount: total.checked_sub(bill.total)? });
            bill.total = total;
            bill.parts += u64::from(parts);
        }
        Some(bill)
    }

    fn push(&mut self, each: Charge) {
        match self.runs.last_mut() {
            Some(last) if last.each == each => last.messages += 1,
            _ => self.runs.push(Run { messages: 1, each }),
        }
    }

    /// What each message is billed, in their order.
    pub(crate) fn charges(&self) -> impl Iterator<Item = Charge> {
        self.runs.iter().flat_map(|run| iter::repeat_n(run.each, run.messages))
    }

    /// The parts of each message, where all have the same.
    pub(crate) fn parts_of_each(&self) -> Option<u32> {
        let parts = self.runs.first()?.each.parts;
        self.runs.iter().all(|run| run.each.parts == parts).then_some(parts)
    }
}

/// What messages cost over one face.
#[derive(Clone, Copy)]
pub(crate) struct Prices<'a> {
    /// The rate card, where it is in the unit that the face bills in.
    card: Option<&'a RateCard>,
    /// A part, where the card says nothing.
    flat: Micros,
}

impl<'a> Prices<'a> {
    /// ME-SMS bills credits, all others money; a `card` in the other unit prices nothing.
    pub(crate) fn new(face: Face, card: Option<&'a RateCard>) -> Self {
        let in_credits = |card: &&RateCard| matches!(card.currency().as_str(), "CREDIT" | "CREDITS");
        let flat = match face {
            Face::MeSms => Micros(1_000_000),
            Face::MultiTel => Micros(15_000),
            Face::TransmitSms | Face::MaxoTel | Face::FoneDynamics => Micros(50_000),
        };
        Self { card: card.filter(|card| in_credits(card) == (face == Face::MeSms)), flat }
    }

    /// What the card's prices are in, where there is one.
    pub(crate) fn currency(self) -> Option<&'a Currency> {
        self.card.map(RateCard::currency)
    }

    /// What a message of `parts` parts to `to` costs; `None` above 64 bits.
    fn cost(self, to: Msisdn, parts: u32) -> Option<Micros> {
        match self.card.and_then(|card| Some((card, card.price_of(to)?))) {
            Some((card, id)) => card.cost(id, parts),
            None => self.flat.checked_mul(parts),
        }
    }
}

/// Which messages of one request are billed a part too many.
#[derive(Clone, Copy)]
pub(crate) struct ExtraParts<'a> {
    /// Which messages of all.
    pub(crate) whose: &'a [Messages],
    pub(crate) seed: u64,
    /// The request's number.
    pub(crate) request: u64,
    /// The number of its first message.
    pub(crate) first_message: u64,
}

impl ExtraParts<'_> {
    /// Whether the message at `place`, from 0, is among them.
    pub(crate) fn strike(&self, place: u64) -> bool {
        let message = self.first_message + place;
        (0..).zip(self.whose).any(|(index, messages)| match messages {
            Messages::Numbered(numbers) => numbers.contains(&message),
            Messages::Every(step) => message.is_multiple_of(*step),
            Messages::OfRequests { first, last } => (*first..=*last).contains(&self.request),
            Messages::Chance(chance) => {
                random::strikes(*chance, self.seed, message, random::EXTRA_PART + index)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use volley_core::{Price, Rounding};

    fn numbers(count: u64) -> Vec<Msisdn> {
        (61_491_570_000..61_491_570_000 + count).filter_map(Msisdn::from_digits).collect()
    }

    fn card(per_segment: i64) -> RateCard {
        let price =
            Price { prefix: "61".to_owned(), per_segment: Micros(per_segment), per_message: Micros::ZERO };
        RateCard::new("AUD".parse().expect("a currency"), vec![price], Rounding::Exact).expect("a card")
    }

    /// The charges of so many messages of one part, in millionths.
    fn charges(per_segment: i64, decimals: u8, count: u64) -> Vec<i64> {
        let card = card(per_segment);
        let prices = Prices::new(Face::TransmitSms, Some(&card));
        let bill = Bill::new(prices, decimals, &numbers(count), 1, |_| false).expect("little money");
        assert_eq!(bill.charges().map(|charge| charge.amount.0).sum::<i64>(), bill.total.0);
        bill.charges().map(|charge| charge.amount.0).collect()
    }

    #[test]
    fn each_message_is_charged_what_it_adds_to_the_rounded_sum() {
        assert_eq!(charges(54_500, 6, 3), [54_500, 54_500, 54_500]);
        assert_eq!(charges(54_500, 3, 4), [55_000, 54_000, 55_000, 54_000]);
        assert_eq!(charges(100, 3, 6), [0, 0, 0, 0, 1_000, 0]);
        assert_eq!(charges(400_000, 0, 4), [0, 1_000_000, 0, 1_000_000]);
    }

    #[test]
    fn neighbours_that_are_billed_alike_are_kept_together() {
        let prices = Prices::new(Face::MeSms, None);
        let bill = Bill::new(prices, 6, &numbers(1_000), 2, |place| place == 700).expect("few credits");
        let run = |messages, parts: u32| {
            let amount = Micros(1_000_000).checked_mul(parts).expect("few credits");
            Run { messages, each: Charge { parts, amount } }
        };
        assert_eq!(bill.runs, [run(700, 2), run(1, 3), run(299, 2)]);
        assert_eq!((bill.total, bill.parts), (Micros(2_001_000_000), 2_001));
        assert_eq!((bill.charges().count(), bill.parts_of_each()), (1_000, None));
    }

    #[test]
    fn a_bill_beyond_all_money_is_none() {
        // The largest price of a card, a million units, in millionths.
        let card = card(1_000_000_000_000);
        let prices = Prices::new(Face::TransmitSms, Some(&card));
        let total = |messages, parts| {
            Bill::new(prices, 6, &numbers(messages), parts, |_| false).map(|bill| bill.total.0)
        };
        assert_eq!(total(1, 9_000_000), Some(9_000_000_000_000_000_000));
        assert_eq!(total(2, 9_000_000), None, "the sum");
        assert_eq!(total(1, 9_300_000), None, "one message");
    }
}
