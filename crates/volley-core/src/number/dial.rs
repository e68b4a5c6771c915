//! Which number digits mean, the way libphonenumber takes them.
//!
//! Its order of interpretation, step by step: a `+` or the region's international prefix stands
//! before a calling code; a number that starts with the region's own calling code has it if it
//! is no number otherwise; then the trunk prefix goes, unless the number was good with it and is
//! not without it, or is left too short. Each step is held to the port by the tests.

use super::{
    Assignment, Msisdn, Parsed, Region, Repair,
    digits::{Cell, Digits},
    tables::{Code, Finding, Plan},
    zero,
};

/// The number in `cell`; `plan` is that of the region of numbers without a calling code.
///
/// There is one way to the result, and this and what it calls are inlined: a result that is put
/// together in memory in small pieces and read again in larger ones keeps the processor waiting.
#[inline]
pub(super) fn number(cell: &Cell, plan: Option<&Plan>) -> Option<Parsed> {
    let (home, digits, is_domestic) = reading(cell, plan)?;
    let code = home.code();
    let (mut left, mut found) = without_trunk(home, digits);
    if !home.believes_without_trunk(left.len()) {
        (left, found) = (digits, code.finding(digits));
    }
    let assignment = Assignment { region: Region::at(code.region(found)), kind: found.kind? };
    let number = Msisdn::from_digits(left.behind(code.value))?;
    let lost_its_zero = is_domestic
        && left.len() == digits.len()
        && !digits.starts_with_zero()
        && zero::is_written(home, assignment.kind);
    let repair = if lost_its_zero { Some(Repair::LeadingZero) } else { None };
    Some(Parsed { number, assignment: Some(assignment), repair })
}

/// The plan that a cell's number belongs to, the digits of the number under its rules, with or
/// without its trunk prefix, and whether it was dialled within the region without a calling code.
#[inline]
fn reading<'a>(cell: &Cell, plan: Option<&'a Plan>) -> Option<(&'a Plan, Digits, bool)> {
    let Cell { digits, plus } = *cell;
    if plus {
        return match Code::of(digits) {
            Some(code) => Some((code.main(), digits.without(code.length), false)),
            // A `+` before something else than a calling code is taken for a slip.
            None => international(abroad(plan?, digits)?),
        };
    }
    let plan = plan?;
    if let Some(digits) = abroad(plan, digits) {
        return international(digits);
    }
    // Within the region of `plan`, perhaps with its calling code.
    let code = plan.code();
    if Code::of(digits).is_some_and(|own| own.value == code.value) {
        let (rest, found) = without_trunk(plan, digits.without(code.length));
        let is_number_only_then = found.fits(plan) && !code.finding(digits).fits(plan);
        if is_number_only_then || plan.is_too_long(digits.len()) {
            return Some((code.main(), rest, false));
        }
    }
    Some((plan, digits, true))
}

/// The same of the number that starts with a calling code.
#[inline]
fn international<'a>(digits: Digits) -> Option<(&'a Plan, Digits, bool)> {
    let code = Code::of(digits)?;
    Some((code.main(), digits.without(code.length), false))
}

/// What follows the international prefix, if `digits` start with it.
#[inline]
fn abroad(plan: &Plan, digits: Digits) -> Option<Digits> {
    let cut = plan.international_prefix(digits)?;
    let digits = digits.after(cut);
    // No calling code starts with 0.
    (!digits.starts_with_zero()).then_some(digits)
}

/// `digits` without their trunk prefix, unless they fit with it and would not fit without it; and
/// what is known about them.
#[inline]
fn without_trunk(plan: &Plan, digits: Digits) -> (Digits, Finding) {
    let code = plan.code();
    let Some(prefix) = plan.trunk_prefix(digits) else { return (digits, code.finding(digits)) };
    let left = digits.after(prefix);
    let without = code.finding(left);
    if without.fits(plan) {
        return (left, without);
    }
    let with = code.finding(digits);
    if with.fits(plan) { (digits, with) } else { (left, without) }
}
