//! What one difference is made of: parts, the price of a message, rounding, price.

use super::{AmountTooLarge, Cause};
use crate::{Micros, Price, PriceId, RateCard, Rounding};

/// Messages that were planned alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) price: PriceId,
    pub(super) segments: u16,
    pub(super) messages: u32,
}

/// What one side says about one message, or about several together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    pub(super) amount: Micros,
    pub(super) parts: Option<u64>,
}

/// Divides `to` minus `from` among the causes, to the last millionth: the amounts add up to the
/// difference, and there are none where it is zero.
///
/// `planned` is what both are about and must not be empty. `decimals` are those of the coarser
/// side's amounts, 0 to 6.
///
/// 1. Where both sides say how many parts, more or fewer of them cost what the card says for
///    them. Parts that cannot be shared out evenly among messages of several prices take the
///    whole difference.
/// 2. What is left is rounding, if both sides are the card's prices, rounded as the card rounds,
///    or not at all, or each to some number of decimals that the coarser side can write;
/// 3. or the card's price of a message, if it is exactly that, left out;
/// 4. or rounding, if it is below the last decimal;
/// 5. or else the price.
pub(super) fn split(
    card: &RateCard,
    planned: &[Share],
    from: Said,
    to: Said,
    decimals: u8,
) -> Result<Vec<(Cause, Micros)>, AmountTooLarge> {
    let difference = minus(to.amount, from.amount)?;
    if difference == Micros::ZERO {
        return Ok(Vec::new());
    }
    let mut causes = Vec::new();
    let by_parts = match (from.parts, to.parts) {
        (Some(before), Some(after)) if before != after => {
            parts_cost(card, planned, before, after)?.unwrap_or(difference)
        }
        _ => Micros::ZERO,
    };
    if by_parts != Micros::ZERO {
        causes.push((Cause::Parts, by_parts));
    }
    let rest = minus(difference, by_parts)?;
    if rest != Micros::ZERO {
        let parts = to.parts.or(from.parts);
        let at = |amount: &dyn Fn(&Price, u32) -> Option<Micros>| sum(card, planned, parts, amount);
        let billed = at(&|price, segments| price.of(segments, card.rounding()));
        let bare = at(&|price, segments| {
            Price { per_message: Micros::ZERO, ..price.clone() }.of(segments, card.rounding())
        });
        let is_small = |amount: Micros| amount.0.unsigned_abs() < last_decimal(decimals);
        let is_near =
            |amount: Micros| billed.and_then(|billed| amount.checked_sub(billed)).is_some_and(is_small);
        let is_rounded = |amount: Micros| {
            let to_decimals = |kept| at(&|price, segments| price.of(segments, Rounding::PerMessage(kept)));
            Some(amount) == billed || (decimals..=6).any(|kept| Some(amount) == to_decimals(kept))
        };
        let before = minus(to.amount, rest)?;
        let cause = match (billed, bare) {
            _ if is_rounded(to.amount) && (is_rounded(before) || is_near(before)) => Cause::Rounding,
            (Some(billed), Some(bare)) if bare != billed && minus(bare, billed)? == rest => Cause::PerMessage,
            _ if is_small(rest) => Cause::Rounding,
            _ => Cause::Price,
        };
        causes.push((cause, rest));
    }
    Ok(causes)
}

/// One unit of the last of so many decimals, in millionths.
pub(super) const fn last_decimal(decimals: u8) -> u64 {
    10_u64.pow(6_u32.saturating_sub(decimals as u32))
}

/// What one message of so many segments costs by the card when nothing is rounded; `None` above 64
/// bits.
pub(super) fn exact(card: &RateCard, price: PriceId, segments: u32) -> Option<Micros> {
    card.price(price).of(segments, Rounding::Exact)
}

/// What `after` parts cost more than `before` by the card; `None` where it cannot be known whose
/// parts they are and that matters.
fn parts_cost(
    card: &RateCard,
    planned: &[Share],
    before: u64,
    after: u64,
) -> Result<Option<Micros>, AmountTooLarge> {
    let cost = |parts| {
        let price = |price: &Price, segments| price.of(segments, card.rounding());
        shift(planned, parts).and_then(|shift| shifted(card, planned, shift, &price))
    };
    match (cost(before), cost(after)) {
        (Some(before), Some(after)) => minus(after, before).map(Some),
        _ => per_part(card, planned)
            .map(|per_part| times(per_part, i128::from(after) - i128::from(before)))
            .transpose(),
    }
}

/// The card's price of a segment, where it is the same for all.
fn per_part(card: &RateCard, planned: &[Share]) -> Option<Micros> {
    let per_segment = card.price(planned[0].price).per_segment;
    planned.iter().all(|share| card.price(share.price).per_segment == per_segment).then_some(per_segment)
}

fn times(amount: Micros, count: i128) -> Result<Micros, AmountTooLarge> {
    i64::try_from(count * i128::from(amount.0)).map(Micros).map_err(|_| AmountTooLarge)
}

/// How many more segments all messages have together where they have `parts`.
fn more(planned: &[Share], parts: u64) -> i128 {
    let segments: i128 =
        planned.iter().map(|share| i128::from(share.messages) * i128::from(share.segments)).sum();
    i128::from(parts) - segments
}

/// How many more segments each message has where all have `parts` together; `None` where that is
/// not the same number for each.
fn shift(planned: &[Share], parts: u64) -> Option<i64> {
    let messages: i128 = planned.iter().map(|share| i128::from(share.messages)).sum();
    let more = more(planned, parts);
    (more % messages == 0).then(|| i64::try_from(more / messages).ok()).flatten()
}

/// The sum over all messages of `amount` where they have `parts` together, or as many as planned.
/// Parts that are not the same number more for each come at the card's price of a segment; `None`
/// where that has several, and above 64 bits.
fn sum(
    card: &RateCard,
    planned: &[Share],
    parts: Option<u64>,
    amount: &dyn Fn(&Price, u32) -> Option<Micros>,
) -> Option<Micros> {
    let Some(parts) = parts else { return shifted(card, planned, 0, amount) };
    if let Some(shift) = shift(planned, parts) {
        return shifted(card, planned, shift, amount);
    }
    let further = times(per_part(card, planned)?, more(planned, parts)).ok()?;
    shifted(card, planned, 0, amount)?.checked_add(further)
}

/// The sum over all messages of `amount`, each with `shift` more segments; `None` where one would
/// have fewer than none, and above 64 bits.
fn shifted(
    card: &RateCard,
    planned: &[Share],
    shift: i64,
    amount: &dyn Fn(&Price, u32) -> Option<Micros>,
) -> Option<Micros> {
    planned.iter().try_fold(Micros::ZERO, |sum, share| {
        let segments = u32::try_from(i64::from(share.segments).checked_add(shift)?).ok()?;
        let each = amount(card.price(share.price), segments)?;
        sum.checked_add(each.checked_mul(share.messages)?)
    })
}

pub(super) fn plus(one: Micros, other: Micros) -> Result<Micros, AmountTooLarge> {
    one.checked_add(other).ok_or(AmountTooLarge)
}

pub(super) fn minus(one: Micros, other: Micros) -> Result<Micros, AmountTooLarge> {
    one.checked_sub(other).ok_or(AmountTooLarge)
}
