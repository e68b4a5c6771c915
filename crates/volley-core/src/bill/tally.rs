//! Causes of differences, added up.

use super::{
    AmountTooLarge, Cause, CauseSum, Comparison, Recount, Rows,
    split::{minus, plus},
};
use crate::{Micros, RowNumber};
use std::collections::BTreeMap;

/// How many ranges of rows a cause keeps.
const FIRST_ROWS: usize = 5;

/// The amounts that one message or request has by cause, and what explains its parts.
#[derive(Debug, Default)]
pub(super) struct Causes {
    pub(super) list: Vec<(Cause, Micros)>,
    pub(super) recount: Option<Recount>,
}

impl From<Vec<(Cause, Micros)>> for Causes {
    fn from(list: Vec<(Cause, Micros)>) -> Self {
        Self { list, recount: None }
    }
}

impl CauseSum {
    fn nothing(cause: Cause) -> Self {
        let (rows, recounted) = (Rows::new(FIRST_ROWS), BTreeMap::new());
        Self { cause, messages: 0, amount: Micros::ZERO, rows, recounted }
    }
}

/// The causes of one comparison, added up.
#[derive(Debug, Default)]
pub(super) struct Tally {
    causes: BTreeMap<Cause, CauseSum>,
}

impl Tally {
    /// Adds what one message has.
    pub(super) fn add_message(&mut self, causes: &Causes, row: RowNumber) -> Result<(), AmountTooLarge> {
        if causes.list.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(1);
        rows.add(row.0);
        self.add(causes, 1, &rows)
    }

    /// Adds what `messages` messages in `rows` have together; amounts of zero are no cause.
    pub(super) fn add(&mut self, causes: &Causes, messages: u64, rows: &Rows) -> Result<(), AmountTooLarge> {
        for &(cause, amount) in causes.list.iter().filter(|(_, amount)| *amount != Micros::ZERO) {
            let sum = self.causes.entry(cause).or_insert_with(|| CauseSum::nothing(cause));
            sum.messages += messages;
            sum.amount = plus(sum.amount, amount)?;
            sum.rows.add_all(rows);
            if let Some(recount) = causes.recount.filter(|_| cause == Cause::Parts) {
                *sum.recounted.entry(recount).or_default() += messages;
            }
        }
        Ok(())
    }

    /// Adds everything that `other` has.
    pub(super) fn add_all(&mut self, other: &Self) -> Result<(), AmountTooLarge> {
        for (cause, more) in &other.causes {
            let sum = self.causes.entry(*cause).or_insert_with(|| CauseSum::nothing(*cause));
            sum.messages += more.messages;
            sum.amount = plus(sum.amount, more.amount)?;
            sum.rows.add_all(&more.rows);
            for (recount, messages) in &more.recounted {
                *sum.recounted.entry(*recount).or_default() += messages;
            }
        }
        Ok(())
    }

    /// The comparison of two sums with this difference.
    pub(super) fn finish(self, difference: Micros) -> Result<Comparison, AmountTooLarge> {
        let causes: Vec<CauseSum> = self.causes.into_values().collect();
        let explained = causes.iter().try_fold(Micros::ZERO, |sum, cause| plus(sum, cause.amount))?;
        Ok(Comparison { difference, causes, remainder: minus(difference, explained)? })
    }
}
