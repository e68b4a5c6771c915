//! How attempts end, verdicts and totals, from and to their tables.

use crate::{
    Standing,
    checksums::{Checksums, Fact, Kind},
    ledger::{Toll, added},
    schema::Fault,
    stored::{class_word, count, int},
};
use rusqlite::{Connection, ToSql, params};
use std::num::NonZeroU32;
use volley_core::{Answer, Billed, Class, MAX_SEGMENTS, Micros, Totals, UnixMillis, Verdict, Verdicts};

/// The largest price that one answer is believed: ten million units of money. A larger or a
/// negative one is kept as "not stated", so that no sum leaves 64 bits.
const LARGEST_BILL: Micros = Micros(10_000_000_000_000);

/// Of a row of the table `attempt`: whether somebody was taken by it, as its answer said or as was
/// decided later.
pub(crate) const TOOK_SOMEBODY: &str = "(attempt.fate = 'accepted'
    OR attempt.fate = 'each' AND EXISTS (
        SELECT 1 FROM verdict WHERE verdict.attempt = attempt.id AND verdict.state = 'accepted')
    OR EXISTS (
        SELECT 1 FROM resolved JOIN resolution ON resolution.id = resolved.resolution
        WHERE resolved.attempt = attempt.id AND resolution.decision = 'accepted'))";

/// Reads the row of totals.
pub(crate) fn load_standing(connection: &Connection) -> Result<Standing, Fault> {
    let mut statement = connection.prepare_cached("SELECT * FROM standing")?;
    let mut rows = statement.query([])?;
    let row = rows.next()?.ok_or_else(|| Fault::Damaged("the row of totals is missing".to_owned()))?;
    let micros = |column: &str| row.get::<_, Option<i64>>(column).map(|amount| amount.map(Micros));
    Ok(Standing {
        recipients: Totals {
            pending: count(row, "pending")?,
            accepted: count(row, "accepted")?,
            refused: count(row, "refused")?,
            in_doubt: count(row, "in_doubt")?,
        },
        requests_sent: count(row, "requests_sent")?,
        requests_throttled: count(row, "requests_throttled")?,
        requests_retried: count(row, "requests_retried")?,
        billed: micros("billed")?,
        billed_units: micros("billed_units")?,
        spent: micros("spent")?.unwrap_or_default(),
        commits: count(row, "commits")?,
        max_cost: micros("max_cost")?,
        canary: row.get::<_, Option<u32>>("canary")?.and_then(NonZeroU32::new),
        last_exit_code: row.get("last_exit_code")?,
    })
}

/// Makes the row of totals of a plan whose other tables are whole: so many are pending.
pub(crate) fn start_standing(connection: &Connection, pending: u32) -> rusqlite::Result<()> {
    let empty =
        "INSERT INTO standing VALUES (1, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0, NULL, NULL, NULL, x'')";
    connection.execute(empty, [])?;
    let recipients = Totals { pending: u64::from(pending), ..Totals::default() };
    let standing = Standing { recipients, ..Standing::default() };
    store_standing(connection, &standing, Checksums::recounted(connection)?)
}

/// Writes the row of totals, with the sums of all other rows.
pub(crate) fn store_standing(
    connection: &Connection,
    standing: &Standing,
    checksums: Checksums,
) -> rusqlite::Result<()> {
    let totals = params![
        int(standing.recipients.pending),
        int(standing.recipients.accepted),
        int(standing.recipients.refused),
        int(standing.recipients.in_doubt),
        int(standing.requests_sent),
        int(standing.requests_throttled),
        int(standing.requests_retried),
        standing.billed.map(|amount| amount.0),
        standing.billed_units.map(|amount| amount.0),
        standing.spent.0,
        int(standing.commits),
        standing.max_cost.map(|amount| amount.0),
        standing.canary.map(NonZeroU32::get),
        standing.last_exit_code,
    ];
    let checksums = checksums.with_totals(Fact::bound(Kind::Totals, totals)?).to_bytes();
    let mut update = connection.prepare_cached(
        "UPDATE standing SET pending = ?, accepted = ?, refused = ?, in_doubt = ?, requests_sent = ?,
         requests_throttled = ?, requests_retried = ?, billed = ?, billed_units = ?, spent = ?, commits = ?,
         max_cost = ?, canary = ?, last_exit_code = ?, checksums = ? WHERE id = 1",
    )?;
    let all: Vec<&dyn ToSql> = totals.iter().copied().chain([&checksums as &dyn ToSql]).collect();
    update.execute(&all[..])?;
    Ok(())
}

/// The columns that close an attempt, but for what its [`Toll`] says.
pub(crate) struct End<'a> {
    pub(crate) class: Class,
    pub(crate) fate: &'static str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) request_id: Option<&'a str>,
    /// For the whole request; a verdict keeps its own.
    pub(crate) billed: Option<Micros>,
    /// For the whole request, or added up over its verdicts.
    pub(crate) segments: Option<u64>,
    /// Until when the provider asked for silence.
    pub(crate) not_before: Option<UnixMillis>,
}

impl<'a> End<'a> {
    /// An end without an answer.
    pub(crate) fn unanswered(class: Class, fate: &'static str, reason: &'a str) -> Self {
        Self {
            class,
            fate,
            reason: Some(reason),
            request_id: None,
            billed: None,
            segments: None,
            not_before: None,
        }
    }
}

/// Writes the end of an attempt.
pub(crate) fn store_end(
    connection: &Connection,
    attempt: u64,
    at: UnixMillis,
    end: &End<'_>,
    toll: Toll,
) -> rusqlite::Result<Fact> {
    let mut update = connection.prepare_cached(
        "UPDATE attempt SET ended_at = ?2, class = ?3, failure_row = ?4, fate = ?5, reason = ?6,
         request_id = ?7, billed = ?8, billed_units = ?9, segments = ?10, spent = ?11, not_before = ?12
         WHERE id = ?1",
    )?;
    let row = params![
        int(attempt),
        at.0,
        class_word(end.class),
        end.class.rule().row,
        end.fate,
        end.reason,
        end.request_id,
        end.billed.map(|amount| amount.0),
        toll.billed_units.map(|amount| amount.0),
        end.segments.map(int),
        toll.spent.0,
        end.not_before.map(|at| at.0),
    ];
    update.execute(row)?;
    Fact::bound(Kind::End, row)
}

/// Writes what an answer said of each recipient.
pub(crate) fn store_verdicts(
    connection: &Connection,
    checksums: &mut Checksums,
    attempt: u64,
    first: u32,
    verdicts: &[Verdict],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?)")?;
    for (position, verdict) in (first..).zip(verdicts) {
        let (state, id, code) = match verdict {
            Verdict::Accepted { id, .. } => ("accepted", id.as_deref(), None),
            Verdict::Refused { code } => ("refused", None, Some(code.as_str())),
            Verdict::NotTaken { reason, .. } => ("not_taken", None, Some(reason.as_str())),
            Verdict::InDoubt { reason } => ("in_doubt", None, Some(reason.as_str())),
        };
        let billed = own_bill(verdict).map(|amount| amount.0);
        let segments = own_segments(verdict);
        let row = params![int(attempt), position, state, id, code, billed, segments];
        insert.execute(row)?;
        checksums.add(Fact::bound(Kind::Verdict, row)?);
    }
    Ok(())
}

/// What a provider bills by one answer, as far as it is believed: what the totals count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bills {
    /// In money: its price for the whole request, or else the sum of those of its messages.
    pub money: Option<Micros>,
    /// In another unit, for the whole request.
    pub units: Option<Micros>,
}

impl Bills {
    /// Those of `answer`.
    pub fn of(answer: &Answer) -> Self {
        let (whole, units) = match answer.billed {
            Billed::Unknown => (None, None),
            Billed::Money(amount) => (believable(amount), None),
            Billed::Units(amount) => (None, believable(amount)),
        };
        let each = match &answer.verdicts {
            Verdicts::Each(verdicts) if whole.is_none() => verdicts.iter().map(own_bill).fold(None, added),
            _ => None,
        };
        Self { money: whole.or(each), units }
    }
}

/// What the provider billed for one message, where it said so believably.
pub(crate) fn own_bill(verdict: &Verdict) -> Option<Micros> {
    match verdict {
        Verdict::Accepted { billed, .. } => billed.and_then(believable),
        Verdict::Refused { .. } | Verdict::NotTaken { .. } | Verdict::InDoubt { .. } => None,
    }
}

/// Segments of one message, where the provider said so believably.
fn own_segments(verdict: &Verdict) -> Option<u32> {
    match verdict {
        Verdict::Accepted { segments, .. } => segments.filter(|count| (1..=MAX_SEGMENTS).contains(count)),
        Verdict::Refused { .. } | Verdict::NotTaken { .. } | Verdict::InDoubt { .. } => None,
    }
}

/// Segments over all of `verdicts`: known where each that was accepted has its own, and nobody
/// is in doubt.
pub(crate) fn segments_of_each(verdicts: &[Verdict]) -> Option<u64> {
    let is_untaken =
        |verdict: &&Verdict| matches!(verdict, Verdict::Refused { .. } | Verdict::NotTaken { .. });
    let taken = verdicts.iter().filter(|verdict| !is_untaken(verdict));
    let sum = taken.map(|verdict| own_segments(verdict).map(u64::from)).sum::<Option<u64>>();
    sum.filter(|sum| *sum > 0)
}

/// A count of segments that a request for so many recipients can have.
pub(crate) fn believable_segments(segments: u64, recipients: u32) -> Option<u64> {
    let most = u64::from(recipients) * u64::from(MAX_SEGMENTS);
    Some(segments).filter(|segments| (1..=most).contains(segments))
}

/// An amount that a sum can be trusted with.
pub(crate) fn believable(amount: Micros) -> Option<Micros> {
    Some(amount).filter(|amount| (Micros::ZERO..=LARGEST_BILL).contains(amount))
}
