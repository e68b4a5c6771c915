//! Looking at a journal: status, doubt, report. Takes no lock and changes nothing.
//!
//! Works beside a running sender and after a kill. Each question is one short read of one
//! moment; a recipient in an open attempt counts as pending, because nobody recovers here.

use crate::{
    AttemptId, FrozenPlan, OpenError, Standing,
    files::lock_holder,
    ledger::Ledger,
    replay::replay,
    rows::load_standing,
    schema::{Fault, connect},
    stored::{cost, int, is_grouped, load_plan, msisdn, planned_recipients},
};
use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension, Row};
use std::{
    io,
    path::{Path, PathBuf},
};
use volley_core::{Micros, Msisdn, PlanHash, RowNumber, State, UnixMillis};

/// Why a question to a journal was not answered.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be read: {what}; `volley verify` says whether it is whole", path.display())]
pub struct ReadError {
    /// The journal.
    pub path: PathBuf,
    /// What was found, without numbers or texts.
    pub what: String,
}

/// A journal open for looking at.
pub struct JournalReader {
    connection: Connection,
    path: PathBuf,
    plan: FrozenPlan,
}

/// A recipient whose last request may or may not have been accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Where in the input they came from.
    pub row: RowNumber,
    /// Who.
    pub to: Msisdn,
    /// Which try at them it was, from 1.
    pub number: u16,
    /// Which attempt of the journal it was.
    pub attempt: AttemptId,
    /// When the doubt was known.
    pub since: UnixMillis,
    /// What was seen.
    pub reason: String,
    /// The provider's id of the request, where its answer had one.
    pub request_id: Option<String>,
    /// What the plan says they cost; `None` without a rate card.
    pub cost: Option<Micros>,
}

/// One recipient's line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientLine {
    /// Where in the input they came from.
    pub row: RowNumber,
    /// Who.
    pub to: Msisdn,
    /// The contract's word: pending, accepted, refused or `in_doubt`.
    pub state: &'static str,
    /// The provider's id of the message, or of its request where it gives one a request.
    pub provider_id: Option<String>,
    /// Why it was refused or is in doubt, in the provider's words or ours.
    pub code: Option<String>,
    /// Segments of the text.
    pub segments: u16,
    /// What the plan says they cost; `None` without a rate card.
    pub price: Option<Micros>,
    /// What the provider billed, where it priced this message.
    pub billed: Option<Micros>,
    /// Attempts made, an open one included.
    pub attempts: u16,
    /// When the last attempt ended, or was claimed if it is open; `None` before the first.
    pub at: Option<UnixMillis>,
}

impl JournalReader {
    /// Opens the journal at `path` for looking at.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let path = path.canonicalize().map_err(|source| OpenError::io(path, source))?;
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let plan = load_plan(&connection).map_err(|fault| fault.opening(&path))?;
        Ok(Self { connection, path, plan })
    }

    /// The plan it was created with.
    pub fn plan(&self) -> &FrozenPlan {
        &self.plan
    }

    /// Totals as of the last commit.
    pub fn standing(&self) -> Result<Standing, ReadError> {
        self.answered(load_standing(&self.connection))
    }

    /// Which process holds the journal for sending; `None` where nobody does.
    pub fn running(&self) -> io::Result<Option<u32>> {
        lock_holder(&self.path)
    }

    /// The plan's hash, computed from the rows as they are now.
    pub fn hash_of_rows(&self) -> Result<PlanHash, ReadError> {
        self.answered(crate::stored::hash_of_rows(&self.connection, &self.plan))
    }

    /// Everybody in doubt, in plan order.
    pub fn in_doubt(&self) -> Result<Vec<Doubt>, ReadError> {
        let mut doubts = Vec::new();
        let listed = self.walk("position", |one| {
            let State::InDoubt { attempt: number } = one.state else { return Ok(()) };
            let attempt =
                one.attempt()?.ok_or_else(|| Fault::Damaged("doubt without an attempt".to_owned()))?;
            doubts.push(Doubt {
                row: one.row,
                to: one.to,
                number,
                attempt: AttemptId(attempt.id),
                since: attempt.at,
                reason: attempt.code.or(attempt.reason).unwrap_or_default(),
                request_id: attempt.request_id,
                cost: one.price,
            });
            Ok(())
        });
        self.answered(listed)?;
        Ok(doubts)
    }

    /// Tells `line` of each recipient in file order.
    pub fn recipients(&self, mut line: impl FnMut(RecipientLine)) -> Result<(), ReadError> {
        let order =
            is_grouped(&self.connection, &self.plan).map(|grouped| if grouped { "row" } else { "position" });
        let order = self.answered(order)?;
        let told = self.walk(order, |one| {
            let attempt = one.attempt()?.unwrap_or_default();
            let settled = !matches!(one.state, State::Pending { .. } | State::Claimed { .. });
            let unhappy = matches!(one.state, State::Refused | State::InDoubt { .. });
            line(RecipientLine {
                row: one.row,
                to: one.to,
                state: one.state.word(),
                provider_id: attempt.provider_id.or(attempt.request_id).filter(|_| settled),
                code: attempt.code.or(attempt.reason).filter(|_| unhappy),
                segments: one.segments,
                price: one.price,
                billed: attempt.billed.filter(|_| settled),
                attempts: one.attempts,
                at: (attempt.id > 0).then_some(attempt.at),
            });
            Ok(())
        });
        self.answered(told)
    }

    /// Shows each recipient and where they stand to `see`, in the order of a column.
    fn walk(
        &self,
        order: &str,
        mut see: impl FnMut(&mut Standpoint<'_, '_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let moment = self.connection.unchecked_transaction()?;
        let planned = planned_recipients(&moment, &self.plan)?;
        let mut tries = vec![Tries::default(); planned as usize];
        let ledger = replay(&moment, planned, |id, open| {
            for one in &mut tries[open.first as usize..(open.first + open.recipients) as usize] {
                *one = Tries { last: id, count: one.count + 1 };
            }
        })?;
        let mut attempt = moment.prepare_cached(
            "SELECT a.id, a.recipients, a.claimed_at, a.ended_at, a.reason, a.request_id, a.billed,
                    v.provider_id, v.code, v.billed
             FROM attempt a LEFT JOIN verdict v ON v.attempt = a.id AND v.position = ?2 WHERE a.id = ?1",
        )?;
        let mut recipients = moment.prepare(&format!(
            "SELECT r.position, r.row, r.msisdn, r.price, t.segments
             FROM recipient r JOIN text t ON t.id = r.text ORDER BY r.{order}"
        ))?;
        let mut rows = recipients.query([])?;
        while let Some(row) = rows.next()? {
            see(&mut self.standpoint(row, &ledger, &tries, &mut attempt)?)?;
        }
        Ok(())
    }

    fn standpoint<'a, 'moment>(
        &self,
        row: &Row<'_>,
        ledger: &Ledger,
        tries: &[Tries],
        statement: &'a mut CachedStatement<'moment>,
    ) -> Result<Standpoint<'a, 'moment>, Fault> {
        let position: u32 = row.get(0)?;
        let outside = || Fault::Damaged(format!("position {position} is outside the plan"));
        let state = *ledger.states().get(position as usize).ok_or_else(outside)?;
        let tries = tries[position as usize];
        let segments = row.get(4)?;
        Ok(Standpoint {
            row: RowNumber(row.get(1)?),
            to: msisdn(row.get(2)?)?,
            state,
            segments,
            price: cost(&self.plan.prices, row.get(3)?, segments)?,
            attempts: tries.count,
            position,
            last: tries.last,
            statement,
        })
    }

    fn answered<T>(&self, answer: Result<T, Fault>) -> Result<T, ReadError> {
        answer.map_err(|fault| ReadError { path: self.path.clone(), what: fault.to_string() })
    }
}

/// The attempts at one recipient.
#[derive(Clone, Copy, Default)]
struct Tries {
    last: u64,
    count: u16,
}

/// One recipient at one moment; what their last attempt says is looked up when asked for.
struct Standpoint<'a, 'moment> {
    row: RowNumber,
    to: Msisdn,
    state: State,
    segments: u16,
    price: Option<Micros>,
    attempts: u16,
    position: u32,
    last: u64,
    statement: &'a mut CachedStatement<'moment>,
}

/// What the last attempt says about one recipient.
#[derive(Default)]
struct LastAttempt {
    id: u64,
    at: UnixMillis,
    reason: Option<String>,
    request_id: Option<String>,
    provider_id: Option<String>,
    code: Option<String>,
    billed: Option<Micros>,
}

impl Standpoint<'_, '_> {
    fn attempt(&mut self) -> Result<Option<LastAttempt>, Fault> {
        if self.last == 0 {
            return Ok(None);
        }
        let found = self.statement.query_row([int(self.last), i64::from(self.position)], |row| {
            let alone = row.get::<_, u32>(1)? == 1;
            let whole: Option<i64> = row.get(6)?;
            let own: Option<i64> = row.get(9)?;
            Ok(LastAttempt {
                id: self.last,
                at: UnixMillis(row.get::<_, Option<i64>>(3)?.unwrap_or(row.get(2)?)),
                reason: row.get(4)?,
                request_id: row.get(5)?,
                provider_id: row.get(7)?,
                code: row.get(8)?,
                // The price of a request is a message's own where the request carried one.
                billed: whole.filter(|_| alone).or(own).map(Micros),
            })
        });
        Ok(found.optional()?)
    }
}
