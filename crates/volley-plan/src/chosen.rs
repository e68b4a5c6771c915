//! Which row of each number is the one to send to.

use crate::{Duplicates, PlanError, number_set::NumberSet};
use rustc_hash::{FxBuildHasher, FxHashMap};
use volley_core::{Msisdn, RowNumber};

/// Which row of each number is the one to send to.
pub(crate) enum Chosen {
    /// The first usable one: the numbers so far.
    First(NumberSet),
    /// The only one: the numbers so far with their rows.
    Fail(FxHashMap<u64, u32>),
    /// The last usable one, known from an earlier pass.
    Last(FxHashMap<u64, u32>),
}

impl Chosen {
    /// Before the first of some `expected` numbers.
    pub(crate) fn new(duplicates: Duplicates, expected: usize) -> Self {
        let rows = || FxHashMap::with_capacity_and_hasher(expected, FxBuildHasher);
        match duplicates {
            Duplicates::First => {
                let mut known = NumberSet::default();
                known.expect(expected);
                Self::First(known)
            }
            Duplicates::Fail => Self::Fail(rows()),
            Duplicates::Last => Self::Last(rows()),
        }
    }

    /// An earlier pass found the usable row `row`; only where the last one counts.
    pub(crate) fn found(&mut self, to: Msisdn, row: RowNumber) {
        if let Self::Last(rows) = self {
            rows.insert(to.digits(), row.0);
        }
    }

    /// Looks ahead to numbers that come next.
    #[inline]
    pub(crate) fn look_ahead(&self, numbers: impl Iterator<Item = Msisdn>) {
        if let Self::First(known) = self {
            known.look_ahead(numbers);
        }
    }

    /// How many numbers an earlier pass found.
    pub(crate) fn found_before(&self) -> Option<usize> {
        match self {
            Self::Last(rows) => Some(rows.len()),
            Self::First(_) | Self::Fail(_) => None,
        }
    }

    /// Whether the usable row `row` is the one to send to for its number.
    #[inline]
    pub(crate) fn is_chosen(&mut self, to: Msisdn, row: RowNumber, file: &str) -> Result<bool, PlanError> {
        let digits = to.digits();
        match self {
            Self::First(known) => Ok(known.insert(to)),
            Self::Fail(rows) => match rows.insert(digits, row.0) {
                None => Ok(true),
                Some(first) => Err(PlanError::Duplicate { file: file.to_owned(), first, second: row.0 }),
            },
            Self::Last(rows) => Ok(rows.get(&digits) == Some(&row.0)),
        }
    }
}
