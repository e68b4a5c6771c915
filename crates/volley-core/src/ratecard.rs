//! What a message to one number costs: longest prefix wins.

use crate::{Currency, Micros, Msisdn, Rounding};

/// The most prices on a card.
const MAX_PRICES: usize = 65_535;

/// One line of a rate card: the price of a message to every number that starts with `prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The leading digits of an E.164 number, country code first: 1 to 15 digits, no `+`.
    pub prefix: String,
    /// Per segment: zero to [`Price::MAX`].
    pub per_segment: Micros,
    /// Per message on top of its segments: zero to [`Price::MAX`].
    pub per_message: Micros,
}

impl Price {
    /// The largest price of a segment, and of a message: one million units.
    ///
    /// So 2,000,000 recipients of four segments at the largest price come to 8 million million
    /// units, which 64 bits of millionths still hold (they end above 9.2). No price that somebody
    /// pays comes near it; what does is a slip, such as an amount in millionths.
    pub const MAX: Micros = Micros(1_000_000_000_000);

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
    /// The prefixes digit by digit, the first node before any.
    nodes: Vec<Node>,
    /// By the first three digits: the price so far, and the node behind them if prefixes go on.
    by_three: Vec<(Option<PriceId>, u32)>,
}

/// What a card knows behind some leading digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Node {
    /// The price of exactly these digits.
    price: Option<PriceId>,
    /// Where each digit leads; 0 where no longer prefix goes on with it.
    next: [u32; 10],
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
    /// A price above [`Price::MAX`].
    #[error("the price of prefix {0} is above {max} for a segment or a message; check its unit", max = Price::MAX)]
    TooLarge(String),
    /// Two prices for one prefix: which one holds is not ours to guess.
    #[error("prefix {0} has two prices")]
    Twice(String),
    /// More than 65,535 prices.
    #[error("a rate card holds at most {MAX_PRICES} prices")]
    TooMany,
}

impl RateCard {
    /// A card of `prices` in `currency`, kept in the given order.
    pub fn new(currency: Currency, prices: Vec<Price>, rounding: Rounding) -> Result<Self, RateCardFault> {
        if prices.len() > MAX_PRICES {
            return Err(RateCardFault::TooMany);
        }
        let mut nodes = vec![Node::default()];
        for (index, price) in (0..=u16::MAX).zip(&prices) {
            let amounts = [price.per_segment, price.per_message];
            if amounts.iter().any(|amount| *amount < Micros::ZERO) {
                return Err(RateCardFault::Negative(price.prefix.clone()));
            }
            if amounts.iter().any(|amount| *amount > Price::MAX) {
                return Err(RateCardFault::TooLarge(price.prefix.clone()));
            }
            if !is_prefix(&price.prefix) {
                return Err(RateCardFault::Prefix(price.prefix.clone()));
            }
            let node = node_of(&mut nodes, &price.prefix);
            if node.price.replace(PriceId(index)).is_some() {
                return Err(RateCardFault::Twice(price.prefix.clone()));
            }
        }
        let by_three =
            (0..1_000).map(|three| along(&nodes, 0, None, three * (FIRST_OF_15 / 100), 3)).collect();
        Ok(Self { currency, prices, rounding, nodes, by_three })
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
    #[inline]
    pub fn cost(&self, id: PriceId, segments: u32) -> Option<Micros> {
        self.price(id).of(segments, self.rounding)
    }

    /// The price that `id` names.
    #[inline]
    pub fn price(&self, id: PriceId) -> &Price {
        &self.prices[usize::from(id.0)]
    }

    /// The price with the longest prefix of `to`, or `None` where the card says nothing.
    #[inline]
    pub fn price_of(&self, to: Msisdn) -> Option<PriceId> {
        // A number has seven digits or more.
        let (digits, length) = to.padded();
        let three = digits / (FIRST_OF_15 / 100);
        match self.by_three[three as usize] {
            (found, 0) => found,
            (found, node) => {
                along(&self.nodes, node, found, digits % (FIRST_OF_15 / 100) * 1_000, length - 3).0
            }
        }
    }
}

/// From `node` on along the first `length` of 15 `digits`: the last price on the way, or else
/// `found`, and the node behind them; 0 where no prefix goes so far.
fn along(
    nodes: &[Node],
    mut node: u32,
    mut found: Option<PriceId>,
    mut digits: u64,
    length: u8,
) -> (Option<PriceId>, u32) {
    for _ in 0..length {
        node = nodes[node as usize].next[(digits / FIRST_OF_15) as usize];
        if node == 0 {
            break;
        }
        digits = digits % FIRST_OF_15 * 10;
        found = nodes[node as usize].price.or(found);
    }
    (found, node)
}

/// What the first of 15 digits stands for.
const FIRST_OF_15: u64 = 100_000_000_000_000;

/// Whether an E.164 number may start so: 1 to 15 digits, the first of them no zero.
fn is_prefix(prefix: &str) -> bool {
    let digits = prefix.as_bytes();
    (1..=15).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit)
}

/// The node behind the digits of `prefix`, made where it is not there yet.
fn node_of<'a>(nodes: &'a mut Vec<Node>, prefix: &str) -> &'a mut Node {
    let mut place = 0;
    for digit in prefix.bytes().map(|byte| usize::from(byte - b'0')) {
        if nodes[place].next[digit] == 0 {
            nodes[place].next[digit] = u32::try_from(nodes.len()).expect("65,535 prefixes of 15 digits");
            nodes.push(Node::default());
        }
        place = nodes[place].next[digit] as usize;
    }
    &mut nodes[place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The most recipients that a list is planned for.
    const RECIPIENTS: u32 = 2_000_000;

    fn price(prefix: &str, per_segment: Micros, per_message: Micros) -> Price {
        Price { prefix: prefix.to_owned(), per_segment, per_message }
    }

    fn card_of(prices: Vec<Price>, rounding: Rounding) -> Result<RateCard, RateCardFault> {
        RateCard::new("AUD".parse().expect("a currency"), prices, rounding)
    }

    /// Prices of one, two, three millionths for the prefixes in turn.
    fn card(prefixes: &[&str]) -> Result<RateCard, RateCardFault> {
        let prices =
            prefixes.iter().zip(1..).map(|(prefix, micros)| price(prefix, Micros(micros), Micros::ZERO));
        card_of(prices.collect(), Rounding::Exact)
    }

    #[test]
    fn the_longest_prefix_wins_in_whatever_order_they_stand() {
        let prefixes =
            ["1", "44", "447", "4479", "44790", "447911123456", "12025550123", "614", "61", "6149157"];
        let backwards: Vec<&str> = prefixes.iter().rev().copied().collect();
        for prefixes in [&prefixes[..], &backwards[..]] {
            let card = card(prefixes).expect("a card");
            for (digits, prefix) in [
                (441_632_960_001, Some("44")),
                (447_700_900_123, Some("447")),
                (447_980_000_000, Some("4479")),
                (447_900_000_000, Some("44790")),
                (447_911_123_456, Some("447911123456")), // the whole number
                (447_911_123_457, Some("4479")),
                (44_791_112_345, Some("4479")), // shorter than the longest prefix that starts like it
                (447_911_123_456_789, Some("447911123456")), // as long as numbers get
                (12_025_550_123, Some("12025550123")),
                (12_025_550_124, Some("1")),
                (1_202_555, Some("1")), // as short as numbers get
                (61_491_570_006, Some("6149157")),
                (6_149_157, Some("6149157")), // the whole of a short number
                (6_149_150, Some("614")),
                (61_291_570_006, Some("61")),
                (43_770_090_012, None),
                (40_000_000, None),
                (66_812_345_678, None),
            ] {
                let found = Msisdn::from_digits(digits).and_then(|to| card.price_of(to));
                assert_eq!(found.map(|id| card.price(id).prefix.as_str()), prefix, "{digits}");
            }
        }
    }

    #[test]
    fn a_prefix_is_no_number_filled_up_with_zeros() {
        let card = card(&["6149157000", "61491570000"]).expect("a card");
        for (digits, prefix) in [
            (61_491_570, None),
            (614_915_700, None),
            (6_149_157_000, Some("6149157000")),
            (61_491_570_000, Some("61491570000")),
            (61_491_570_006, Some("6149157000")),
            (614_915_700_001, Some("61491570000")),
        ] {
            let found = Msisdn::from_digits(digits).and_then(|to| card.price_of(to));
            assert_eq!(found.map(|id| card.price(id).prefix.as_str()), prefix, "{digits}");
        }
    }

    #[test]
    fn a_card_that_leaves_room_for_a_guess_is_refused() {
        assert_eq!(card(&["61", "66", "61"]), Err(RateCardFault::Twice("61".to_owned())));
        for prefix in ["", "+61", "061", "6 1", "6114915700061491", "x", "٦"] {
            assert_eq!(card(&[prefix]), Err(RateCardFault::Prefix(prefix.to_owned())), "{prefix}");
        }
    }

    #[test]
    fn prices_stand_between_zero_and_a_million_units() {
        let (least, most) = (Micros::ZERO, Price::MAX);
        let (below, above) = (Micros(-1), Micros(Price::MAX.0 + 1));
        let (negative, large) =
            (RateCardFault::Negative("61".to_owned()), RateCardFault::TooLarge("61".to_owned()));
        for (per_segment, per_message, fault) in [
            (least, least, None),
            (most, most, None),
            (below, least, Some(&negative)),
            (least, below, Some(&negative)),
            (above, least, Some(&large)),
            (least, above, Some(&large)),
        ] {
            let made = card_of(vec![price("61", per_segment, per_message)], Rounding::Exact);
            assert_eq!(made.as_ref().err(), fault, "{per_segment} a segment, {per_message} a message");
        }
        assert_eq!(
            large.to_string(),
            "the price of prefix 61 is above 1000000.0000 for a segment or a message; check its unit"
        );
    }

    #[test]
    fn a_card_holds_65535_prices_and_no_more() {
        let prices: Vec<Price> = (100_000..165_536)
            .map(|prefix: u32| price(&prefix.to_string(), Micros(i64::from(prefix)), Micros::ZERO))
            .collect();
        let most = prices[..MAX_PRICES].to_vec();
        assert_eq!(card_of(prices, Rounding::Exact), Err(RateCardFault::TooMany));
        let card = card_of(most, Rounding::Exact).expect("a card");
        let last = Msisdn::from_digits(1_655_340_000).and_then(|to| card.price_of(to));
        assert_eq!(last.map(|id| card.price(id).per_segment), Some(Micros(165_534)));
    }

    #[test]
    fn the_price_of_a_message_stands_on_top_of_its_segments() {
        let card = |rounding| {
            let prices =
                vec![price("61", Micros(51_500), Micros(2_000)), price("66", Micros(26_100), Micros::ZERO)];
            card_of(prices, rounding).expect("a card")
        };
        for (rounding, prefix, segments, cost) in [
            (Rounding::Exact, 0, 1, "0.0535"),
            (Rounding::Exact, 0, 3, "0.1565"),
            (Rounding::Exact, 1, 3, "0.0783"),
            (Rounding::PerMessage(2), 0, 1, "0.0500"),
            (Rounding::PerMessage(2), 0, 3, "0.1600"),
            (Rounding::PerMessage(3), 0, 1, "0.0540"), // 0.0535: the half goes up
            (Rounding::PerMessage(0), 0, 3, "0.0000"),
            (Rounding::Total(2), 0, 1, "0.0535"), // one message is not the total
        ] {
            let found = card(rounding).cost(PriceId(prefix), segments).map(|cost| cost.to_string());
            assert_eq!(found.as_deref(), Some(cost), "{rounding:?}, {segments} segments");
        }
    }

    #[test]
    fn credits_are_counted_and_shown_like_money() {
        let prices =
            vec![price("61", Micros(1_000_000), Micros::ZERO), price("1", Micros(1_500_000), Micros::ZERO)];
        let currency: Currency = "credit".parse().expect("a word");
        let card = RateCard::new(currency, prices, Rounding::Exact).expect("a card");
        for (id, segments, shown) in [
            (0, 1, "1.0000 CREDIT"),
            (0, 4, "4.0000 CREDIT"),
            (1, 1, "1.5000 CREDIT"),
            (1, 3, "4.5000 CREDIT"),
        ] {
            let cost = card.cost(PriceId(id), segments).expect("a few credits");
            assert_eq!(format!("{cost} {}", card.currency()), shown);
        }
        let whole = RateCard::new(card.currency().clone(), card.prices().to_vec(), Rounding::PerMessage(0));
        let cost = whole.expect("a card").cost(PriceId(1), 3).expect("a few credits");
        assert_eq!(cost.to_string(), "5.0000", "halves of a credit are whole ones where so billed");
    }

    #[test]
    fn two_million_recipients_at_the_largest_price_are_summed_without_overflow() {
        let at_most = price("61", Price::MAX, Price::MAX);
        let segments_alone = price("61", Price::MAX, Micros::ZERO);
        let sum = |price: &Price, segments: u32| {
            let each = price.of(segments, Rounding::Exact)?;
            let by_product = each.checked_mul(RECIPIENTS);
            let one_by_one = (0..RECIPIENTS).try_fold(Micros::ZERO, |sum, _| sum.checked_add(each));
            assert_eq!(by_product, one_by_one, "{segments} segments");
            by_product
        };
        for (price, segments, total) in [
            (&segments_alone, 1, Some("2000000000000.0000")),
            (&segments_alone, 4, Some("8000000000000.0000")),
            (&at_most, 1, Some("4000000000000.0000")),
            (&at_most, 3, Some("8000000000000.0000")),
            (&at_most, 4, None),
            (&segments_alone, 255, None),
            (&at_most, 255, None),
        ] {
            let found = sum(price, segments).map(|sum| sum.to_string());
            assert_eq!(found.as_deref(), total, "{segments} segments");
            let each = price.of(segments, Rounding::PerMessage(0));
            assert_eq!(each, price.of(segments, Rounding::Exact), "one message is never too large");
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

        /// More segments never cost less, however a message is rounded.
        #[test]
        fn a_longer_message_is_never_cheaper(
            per_segment in 0_i64..2_000_000,
            per_message in 0_i64..2_000_000,
            segments in 1_u32..255,
            decimals in 0_u8..=6,
        ) {
            let price = price("61", Micros(per_segment), Micros(per_message));
            for rounding in [Rounding::Exact, Rounding::PerMessage(decimals), Rounding::Total(decimals)] {
                let (shorter, longer) = (price.of(segments, rounding), price.of(segments + 1, rounding));
                prop_assert!(shorter.is_some() && shorter <= longer, "{:?}", rounding);
            }
        }
    }
}
