//! What is known of messages' deliveries, from and to their table.

use crate::schema::Fault;
use rusqlite::{Connection, Row, params};
use volley_core::{Deliveries, Delivery, Receipt, State};

/// What is known of one message, over all receipts for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Known {
    pub(crate) delivery: Delivery,
    /// When it happened, in milliseconds since 1970.
    pub(crate) at: Option<i64>,
    /// The provider's own word.
    pub(crate) code: Option<String>,
}

impl Known {
    /// What `receipt` says. A word that nobody listed says that the provider has the message,
    /// and no more.
    pub(crate) fn of(receipt: &Receipt) -> Self {
        Self {
            delivery: receipt.delivery.unwrap_or(Delivery::Queued),
            at: receipt.at.map(|at| at.0),
            code: receipt.code.as_ref().map(|code| code.as_str().to_owned()),
        }
    }

    /// Reads `state`, `code` and `at` from the columns from `column` on.
    pub(crate) fn read(row: &Row<'_>, column: usize) -> Result<Self, Fault> {
        let word = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
        let delivery = Delivery::of_word(word);
        let delivery = delivery.ok_or_else(|| Fault::Damaged(format!("a delivery is `{word}`")))?;
        Ok(Self { delivery, code: row.get(column + 1)?, at: row.get(column + 2)? })
    }

    /// What is known after `report`, whichever came first. Of reports of one state the latest
    /// counts, so that neither their order nor their number changes anything.
    #[must_use]
    pub(crate) fn merged(self, report: Self) -> Self {
        let delivery = self.delivery.merged(report.delivery);
        let says_so = |one: &Self| one.delivery == delivery;
        [self, report].into_iter().filter(says_so).max().expect("one of the two is the merged one")
    }
}

/// Takes `report` in for the recipient at `position`; whether it changed what was known.
pub(crate) fn take_in(connection: &Connection, position: u32, report: &Known) -> Result<bool, Fault> {
    let before = known_of(connection, position)?;
    let after = before.clone().map_or_else(|| report.clone(), |before| before.merged(report.clone()));
    if before.as_ref() == Some(&after) {
        return Ok(false);
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO delivery (position, state, code, at) VALUES (?, ?, ?, ?)")?
        .execute(params![position, after.delivery.word(), after.code, after.at])?;
    Ok(true)
}

/// What is known of the message to the recipient at `position`.
pub(crate) fn known_of(connection: &Connection, position: u32) -> Result<Option<Known>, Fault> {
    let mut select = connection.prepare_cached("SELECT state, code, at FROM delivery WHERE position = ?")?;
    let mut rows = select.query([position])?;
    rows.next()?.map(|row| Known::read(row, 0)).transpose()
}

/// Counts those accepted by what became of their messages, in one pass.
pub(crate) fn count_deliveries(connection: &Connection, states: &[State]) -> Result<Deliveries, Fault> {
    let mut deliveries = Deliveries::default();
    let mut select = connection.prepare("SELECT position, state, code, at FROM delivery")?;
    let mut rows = select.query([])?;
    let mut told = 0;
    while let Some(row) = rows.next()? {
        let position: u32 = row.get(0)?;
        if states.get(position as usize) == Some(&State::Accepted) {
            deliveries.add(Some(Known::read(row, 1)?.delivery));
            told += 1;
        }
    }
    let accepted = states.iter().filter(|state| **state == State::Accepted).count() as u64;
    deliveries.unknown += accepted - told;
    Ok(deliveries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reports() -> impl Strategy<Value = Vec<Known>> {
        let report = (
            proptest::sample::select(&Delivery::ALL[..]),
            proptest::option::of(0_i64..3),
            proptest::option::of("[ab]{0,1}"),
        );
        proptest::collection::vec(report.prop_map(|(delivery, at, code)| Known { delivery, at, code }), 1..8)
    }

    proptest! {
        #[test]
        fn neither_the_order_nor_the_number_of_reports_changes_what_is_known(
            (reports, shuffled) in reports().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            let merge = |reports: &[Known]| reports.iter().cloned().reduce(Known::merged).expect("one");
            let known = merge(&reports);
            prop_assert_eq!(&merge(&shuffled), &known);
            prop_assert_eq!(&merge(&[&reports[..], &shuffled[..]].concat()), &known);
            let highest = reports.iter().map(|one| one.delivery).max();
            prop_assert_eq!(Some(known.delivery), highest);
            prop_assert!(reports.contains(&known), "time and word are of one report");
        }
    }
}
