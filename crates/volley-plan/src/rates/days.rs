//! The days that a price holds.

use jiff::civil::Date;
use std::fmt;

/// Days in a row, both ends included; an absent end is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first day.
    pub from: Option<Date>,
    /// The last day, not before the first.
    pub to: Option<Date>,
}

impl Days {
    /// Every day.
    pub(super) const ALL: Self = Self { from: None, to: None };

    /// Whether `day` is one of them.
    pub(super) fn hold(self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    /// The days that both have.
    pub(super) fn shared_with(self, other: Self) -> Option<Self> {
        let from = self.from.max(other.from);
        let to = match (self.to, other.to) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let is_empty = from.zip(to).is_some_and(|(from, to)| to < from);
        (!is_empty).then_some(Self { from, to })
    }

    /// The days between the last of these and the first of `later`, which are later.
    pub(super) fn missing_before(self, later: Self) -> Option<Self> {
        let from = self.to?.tomorrow().ok()?;
        let to = later.from?.yesterday().ok()?;
        (from <= to).then_some(Self { from: Some(from), to: Some(to) })
    }
}

/// As the end of "it has a price …": `from 2026-11-01 to 2026-11-30`, `until 2026-11-30`.
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from == to => write!(f, "on {from}"),
            (Some(from), Some(to)) => write!(f, "from {from} to {to}"),
            (Some(from), None) => write!(f, "from {from} on"),
            (None, Some(to)) => write!(f, "until {to}"),
            (None, None) => f.write_str("at all times"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A day of November 2026.
    fn november(day: i8) -> Date {
        jiff::civil::date(2026, 11, day)
    }

    fn days(from: Option<i8>, to: Option<i8>) -> Days {
        Days { from: from.map(november), to: to.map(november) }
    }

    #[test]
    fn both_ends_are_included_and_absent_ones_are_open() {
        for (range, before, first, last, after) in [
            (days(Some(10), Some(20)), false, true, true, false),
            (days(Some(10), None), false, true, true, true),
            (days(None, Some(20)), true, true, true, false),
            (days(None, None), true, true, true, true),
        ] {
            let hold = [9, 10, 20, 21].map(|day| range.hold(november(day)));
            assert_eq!(hold, [before, first, last, after], "{range}");
        }
    }

    #[test]
    fn days_are_named_as_people_say_them() {
        for (range, text) in [
            (days(Some(1), Some(30)), "from 2026-11-01 to 2026-11-30"),
            (days(Some(7), Some(7)), "on 2026-11-07"),
            (days(Some(7), None), "from 2026-11-07 on"),
            (days(None, Some(7)), "until 2026-11-07"),
            (days(None, None), "at all times"),
        ] {
            assert_eq!(range.to_string(), text);
        }
    }

    #[test]
    fn the_calendar_has_a_first_and_a_last_day() {
        let first = Days { from: Some(Date::MIN), to: Some(Date::MIN) };
        let last = Days { from: Some(Date::MAX), to: Some(Date::MAX) };
        let between = first.missing_before(last).expect("all other days");
        assert_eq!(between.from, Date::MIN.tomorrow().ok());
        assert_eq!(between.to, Date::MAX.yesterday().ok());
        assert_eq!((last.missing_before(last), first.missing_before(first)), (None, None));
    }

    fn any_days() -> impl Strategy<Value = Days> {
        let end = || proptest::option::weighted(0.8, 5_i8..25);
        (end(), end()).prop_map(|(one, other)| match (one, other) {
            (Some(one), Some(other)) => days(Some(one.min(other)), Some(one.max(other))),
            (from, to) => days(from, to),
        })
    }

    proptest! {
        #[test]
        fn days_are_shared_or_missing_as_counting_them_one_by_one_has_it(one in any_days(), other in any_days()) {
            let all = || (1..=30).map(november);
            let shared: Vec<Date> = all().filter(|&day| one.hold(day) && other.hold(day)).collect();
            let found = one.shared_with(other);
            prop_assert_eq!(all().filter(|&day| found.is_some_and(|days| days.hold(day))).collect::<Vec<_>>(), shared);
            prop_assert_eq!(found, other.shared_with(one));
            if found.is_none() {
                let (earlier, later) = if one.from < other.from { (one, other) } else { (other, one) };
                let between = |day: &Date| earlier.to < Some(*day) && Some(*day) < later.from;
                let missing: Vec<Date> = all().filter(between).collect();
                let found = earlier.missing_before(later);
                prop_assert_eq!(all().filter(|&day| found.is_some_and(|days| days.hold(day))).collect::<Vec<_>>(), missing);
            }
        }
    }
}
