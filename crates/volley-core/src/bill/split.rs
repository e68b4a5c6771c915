//! What one difference is made of: parts, the price of a message, rounding, price.

use super::{AmountTooLarge, Cause};
use crate::{Micros, Price, PriceId, RateCard};

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
/// 2. What is left is the card's price of a message, if it is exactly that, left out;
/// 3. or rounding, if it is below the last decimal, or each message rounded makes exactly it;
/// 4. or else the price.
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
        let shift = to.parts.or(from.parts).map_or(Some(0), |parts| shift(planned, parts));
        let at = |amount: &dyn Fn(&Price, u32) -> Option<Micros>| {
            shift.and_then(|shift| sum(card, planned, shift, amount))
        };
        let exact = at(&|price, segments| price.of(segments, card.rounding()));
        let bare = at(&|price, segments| {
            Price { per_message: Micros::ZERO, ..price.clone() }.of(segments, card.rounding())
        });
        let rounded = at(&|price, segments| price.of(segments, card.rounding())?.rounded(decimals));
        let is_small = |amount: Micros| amount.0.unsigned_abs() < last_decimal(decimals);
        let cause = match (exact, bare, rounded) {
            (Some(exact), Some(bare), _) if bare != exact && minus(bare, exact)? == rest => Cause::PerMessage,
            _ if is_small(rest) => Cause::Rounding,
            // Both sides are roundings of the card's own price.
            (Some(exact), _, Some(rounded))
                if to.amount == rounded && is_small(minus(minus(to.amount, rest)?, exact)?) =>
            {
                Cause::Rounding
            }
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
        shift(planned, parts).and_then(|shift| sum(card, planned, shift, &price))
    };
    if let (Some(before), Some(after)) = (cost(before), cost(after)) {
        return minus(after, before).map(Some);
    }
    let per_segment = card.price(planned[0].price).per_segment;
    if planned.iter().any(|share| card.price(share.price).per_segment != per_segment) {
        return Ok(None);
    }
    let more = i128::from(after) - i128::from(before);
    let cost = i64::try_from(more * i128::from(per_segment.0));
    cost.map(|cost| Some(Micros(cost))).map_err(|_| AmountTooLarge)
}

/// How many more segments each message has where all have `parts` together; `None` where that is
/// not the same number for each.
fn shift(planned: &[Share], parts: u64) -> Option<i64> {
    let messages: i128 = planned.iter().map(|share| i128::from(share.messages)).sum();
    let segments: i128 =
        planned.iter().map(|share| i128::from(share.messages) * i128::from(share.segments)).sum();
    let more = i128::from(parts) - segments;
    (more % messages == 0).then(|| i64::try_from(more / messages).ok()).flatten()
}

/// The sum over all messages of `amount`, each with `shift` more segments; `None` where one would
/// have fewer than none, and above 64 bits.
fn sum(
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
