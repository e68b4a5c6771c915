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
pub(super) fn number(cell: &Cell, plan: Option<&Plan>) -> Option<Parsed> {
    let Cell { digits, plus } = *cell;
    let number = if plus {
        match Code::of(digits) {
            Some(code) => national(code.main(), digits.without(code.length)),
            // A `+` before something else than a calling code is taken for a slip.
            None => international(abroad(plan?, digits)?),
        }
    } else {
        let plan = plan?;
        match abroad(plan, digits) {
            Some(digits) => international(digits),
            None => return domestic(plan, digits),
        }
    };
    number.map(National::into_parsed)
}

/// A national number under the rules of a plan.
struct National {
    number: Msisdn,
    assignment: Assignment,
    /// Whether nothing was taken off its digits and nothing put in front of them.
    whole: bool,
}

impl National {
    fn into_parsed(self) -> Parsed {
        Parsed { number: self.number, assignment: Some(self.assignment), repair: None }
    }
}

/// The number that starts with a calling code.
fn international(digits: Digits) -> Option<National> {
    let code = Code::of(digits)?;
    national(code.main(), digits.without(code.length))
}

/// What follows the international prefix, if `digits` start with it.
fn abroad(plan: &Plan, digits: Digits) -> Option<Digits> {
    let cut = plan.international_prefix(digits)?;
    let digits = digits.after(cut);
    // No calling code starts with 0.
    (!digits.starts_with_zero()).then_some(digits)
}

/// The number that was dialled within the region of `plan`.
fn domestic(plan: &Plan, digits: Digits) -> Option<Parsed> {
    let code = plan.code();
    if Code::of(digits).is_some_and(|own| own.value == code.value) {
        let (rest, found) = without_trunk(plan, digits.without(code.length));
        let is_number_only_then = found.fits(plan) && !code.finding(digits).fits(plan);
        if is_number_only_then || plan.is_too_long(digits.len()) {
            return national(code.main(), rest).map(National::into_parsed);
        }
    }
    let National { number, assignment, whole } = national(plan, digits)?;
    let lost_its_zero = whole && !digits.starts_with_zero() && zero::is_written(plan, assignment.kind);
    let repair = lost_its_zero.then_some(Repair::LeadingZero);
    Some(Parsed { number, assignment: Some(assignment), repair })
}

/// The national number `digits`, with or without its trunk prefix, under the rules of `plan`.
fn national(plan: &Plan, digits: Digits) -> Option<National> {
    let code = plan.code();
    let (mut left, mut found) = without_trunk(plan, digits);
    if !plan.believes_without_trunk(left.len()) {
        (left, found) = (digits, code.finding(digits));
    }
    let assignment = Assignment { region: Region::at(code.region(found)), kind: found.kind? };
    let number = left.behind(code.value).and_then(Msisdn::from_digits)?;
    Some(National { number, assignment, whole: left.len() == digits.len() })
}

/// `digits` without their trunk prefix, unless they fit with it and would not fit without it; and
/// what is known about them.
fn without_trunk(plan: &Plan, digits: Digits) -> (Digits, Finding) {
    let code = plan.code();
    let Some(prefix) = plan.trunk_prefix(digits) else { return (digits, code.finding(digits)) };
    let left = digits.after(prefix);
    let (with, without) = (code.finding(digits), code.finding(left));
    if with.fits(plan) && !without.fits(plan) { (digits, with) } else { (left, without) }
}
