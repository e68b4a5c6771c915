//! What one segment to one number costs: longest prefix wins.

use crate::{Currency, Micros, Msisdn, Rounding};

/// One line of a rate card: the price of a segment to every number that starts with `prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The leading digits of an E.164 number, country code first: 1 to 15 digits, no `+`.
    pub prefix: String,
    /// Per segment, not negative.
    pub per_segment: Micros,
    /// Per message on top of its segments, not negative.
    pub per_message: Micros,
}

impl Price {
    /// What a message of so many segments costs; `None` above 64 bits.
    pub fn of(&self, segments: u32, rounding: Rounding) -> Option<Micros> {
        let exact = self.per_segment.checked_mul(segments)?.checked_add(self.per_message)?;
        rounding.message(exact)
    }
}

/// Which [`Price`] of a card applies: its place in [`RateCard::prices`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PriceId(pub u16);

/// Prices by prefix, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateCard {
    currency: Currency,
    prices: Vec<Price>,
    rounding: Rounding,
    /// The prefixes' numeric values padded to 15 digits, with their length, sorted.
    keys: Vec<(u64, u8, PriceId)>,
    /// The prefix lengths that occur, longest first.
    lengths: Vec<u8>,
}

/// Why prices do not make a card.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateCardFault {
    /// A prefix that no E.164 number starts with.
    #[error("prefix `{0}` is not the start of an international number; write it like 61 or 6149")]
    Prefix(String),
    /// A price below zero.
    #[error("the price of prefix {0} is negative")]
    Negative(String),
    /// Two prices for one prefix: which one holds is not ours to guess.
    #[error("prefix {0} has two prices")]
    Twice(String),
    /// More than 65,535 prices.
    #[error("a rate card holds at most 65535 prices")]
    TooMany,
}

impl RateCard {
    /// A card of `prices` in `currency`, kept in the given order.
    pub fn new(currency: Currency, prices: Vec<Price>, rounding: Rounding) -> Result<Self, RateCardFault> {
        let mut keys = Vec::with_capacity(prices.len());
        for (index, price) in prices.iter().enumerate() {
            let id = PriceId(u16::try_from(index).map_err(|_| RateCardFault::TooMany)?);
            if price.per_segment < Micros::ZERO {
                return Err(RateCardFault::Negative(price.prefix.clone()));
            }
            let (value, length) =
                padded(&price.prefix).ok_or_else(|| RateCardFault::Prefix(price.prefix.clone()))?;
            keys.push((value, length, id));
        }
        keys.sort_unstable();
        if let Some(pair) = keys.windows(2).find(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1)) {
            return Err(RateCardFault::Twice(prices[usize::from(pair[0].2.0)].prefix.clone()));
        }
        let mut lengths: Vec<u8> = keys.iter().map(|key| key.1).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        Ok(Self { currency, prices, rounding, keys, lengths })
    }

    /// What its prices are in.
    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    /// All prices, in the order they were given; a [`PriceId`] is an index into them.
    pub fn prices(&self) -> &[Price] {
        &self.prices
    }

    /// How what it prices is rounded.
    pub fn rounding(&self) -> Rounding {
        self.rounding
    }

    /// What a message of so many segments costs at the price `id`; `None` above 64 bits.
    pub fn cost(&self, id: PriceId, segments: u32) -> Option<Micros> {
        self.price(id).of(segments, self.rounding)
    }

    /// The price that `id` names.
    pub fn price(&self, id: PriceId) -> &Price {
        &self.prices[usize::from(id.0)]
    }

    /// The price with the longest prefix of `to`, or `None` where the card says nothing.
    pub fn price_of(&self, to: Msisdn) -> Option<PriceId> {
        let (number, number_length) = to.padded();
        self.lengths.iter().filter(|&&length| length <= number_length).find_map(|&length| {
            let unit = 10_u64.pow(u32::from(15 - length));
            let start = number - number % unit;
            let found = self.keys.binary_search_by_key(&(start, length), |key| (key.0, key.1));
            found.ok().map(|index| self.keys[index].2)
        })
    }
}

/// A prefix's digits filled up with zeros to 15, and how many were given.
fn padded(prefix: &str) -> Option<(u64, u8)> {
    let length = u8::try_from(prefix.len()).ok().filter(|length| (1..=15).contains(length))?;
    if prefix.starts_with('0') || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u64 = prefix.parse().ok()?;
    Some((value * 10_u64.pow(u32::from(15 - length)), length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn card(prefixes: &[&str]) -> Result<RateCard, RateCardFault> {
        let prices = prefixes.iter().zip(1..).map(|(prefix, micros)| Price {
            prefix: (*prefix).to_owned(),
            per_segment: Micros(micros),
            per_message: Micros::ZERO,
        });
        RateCard::new("AUD".parse().expect("a currency"), prices.collect(), Rounding::Exact)
    }

    #[test]
    fn the_longest_prefix_wins() {
        let card = card(&["61", "614", "1", "6149157", "66"]).expect("a card");
        for (digits, prefix) in [
            (61_491_570_006, Some("6149157")),
            (61_491_580_006, Some("614")),
            (61_291_570_006, Some("61")),
            (12_015_550_123, Some("1")),
            (66_812_345_678, Some("66")),
            (44_770_090_012, None),
        ] {
            let found = Msisdn::from_digits(digits).and_then(|to| card.price_of(to));
            assert_eq!(found.map(|id| card.price(id).prefix.as_str()), prefix, "{digits}");
        }
    }

    #[test]
    fn a_card_that_leaves_room_for_a_guess_is_refused() {
        assert_eq!(card(&["61", "61"]), Err(RateCardFault::Twice("61".to_owned())));
        for prefix in ["", "+61", "061", "6 1", "6114915700061491", "x"] {
            assert_eq!(card(&[prefix]), Err(RateCardFault::Prefix(prefix.to_owned())), "{prefix}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_trying_every_prefix(
            prefixes in proptest::collection::btree_set("[1-9][0-9]{0,4}", 0..40),
            digits in 10_000_000_u64..999_999_999_999_999,
        ) {
            let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
            let card = card(&prefixes).expect("distinct prefixes");
            let to = Msisdn::from_digits(digits).expect("8 to 15 digits");
            let text = digits.to_string();
            let slow = prefixes.iter().filter(|prefix| text.starts_with(**prefix)).max_by_key(|prefix| prefix.len());
            let fast = card.price_of(to).map(|id| card.price(id).prefix.as_str());
            prop_assert_eq!(fast, slow.copied());
        }
    }
}
