//! Decisions about doubt, deliveries and cancellations, held against the attempts they are about.

use super::Findings;
use crate::{schema::Fault, stored::count};
use rusqlite::Connection;
use volley_core::Delivery;

/// A stored decision.
pub(super) struct Decided {
    /// The last attempt that was claimed before it.
    pub(super) after: u64,
    pub(super) is_resend: bool,
    pub(super) released: i64,
    /// Attempt, first recipient, how many.
    pub(super) about: Vec<(u64, u32, u32)>,
}

/// All of them, in the order in which they stand between the attempts.
pub(super) fn decisions(connection: &Connection, findings: &mut Findings) -> Result<Vec<Decided>, Fault> {
    let mut about = connection
        .prepare("SELECT attempt, first, recipients FROM resolved WHERE resolution = ? ORDER BY first")?;
    let mut select = connection
        .prepare("SELECT id, after, decision = 'resend', released FROM resolution ORDER BY after, id")?;
    let mut rows = select.query([])?;
    let mut all = Vec::new();
    let mut before = 0;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let mut decided = Decided {
            after: count(row, 1)?,
            is_resend: row.get(2)?,
            released: row.get(3)?,
            about: Vec::new(),
        };
        let mut runs = about.query([id])?;
        while let Some(run) = runs.next()? {
            decided.about.push((count(run, 0)?, run.get(1)?, run.get(2)?));
        }
        if decided.about.is_empty() {
            findings.add("J5", format!("decision {id} is about nobody"), None);
        }
        if id <= before {
            findings.add("J5", format!("decision {id} is out of its order"), None);
        }
        before = id;
        all.push(decided);
    }
    Ok(all)
}

/// What a look at each of the tables shows.
pub(super) fn check_decisions(connection: &Connection, findings: &mut Findings) -> Result<(), Fault> {
    let known: Vec<String> = Delivery::ALL.into_iter().map(|one| format!("'{}'", one.word())).collect();
    let known = known.join(", ");
    for (invariant, sentence, sql) in [
        (
            "J5",
            "a decision about somebody is missing",
            "SELECT first FROM resolved WHERE resolution NOT IN (SELECT id FROM resolution)",
        ),
        (
            "J5",
            "a decision found the request of an attempt that has none",
            "SELECT resolved.first FROM resolution JOIN resolved ON resolution = id
             WHERE request_id IS NOT NULL
             AND attempt NOT IN (SELECT id FROM attempt WHERE request_id IS NOT NULL)",
        ),
        (
            "J5",
            "a decision gives one message's id to several",
            "SELECT first FROM resolved WHERE provider_id IS NOT NULL AND recipients <> 1",
        ),
        (
            "J11",
            "a receipt is for somebody whom the plan does not have",
            "SELECT position FROM delivery WHERE position NOT IN (SELECT position FROM recipient)",
        ),
        (
            "J11",
            "a receipt says what no receipt can",
            &format!("SELECT position FROM delivery WHERE state NOT IN ({known})"),
        ),
        (
            "J11",
            "a receipt that was kept aside says what no receipt can",
            &format!("SELECT NULL FROM early WHERE state NOT IN ({known})"),
        ),
        (
            "J17",
            "a request that took nobody was to be taken back",
            "SELECT first FROM cancellation LEFT JOIN attempt ON attempt = id WHERE cancellation.attempt NOT IN (
                 SELECT id FROM attempt WHERE fate = 'accepted'
                 UNION SELECT attempt FROM verdict WHERE state = 'accepted'
                 UNION SELECT attempt FROM resolved JOIN resolution ON resolution = id
                 WHERE decision = 'accepted')",
        ),
        (
            "J17",
            "a cancellation came to what it cannot",
            "SELECT first FROM cancellation JOIN attempt ON attempt = id
             WHERE result NOT IN ('done', 'already', 'too_late', 'not_scheduled', 'unclear')",
        ),
    ] {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            findings.add(invariant, sentence, row.get(0)?);
        }
    }
    Ok(())
}
