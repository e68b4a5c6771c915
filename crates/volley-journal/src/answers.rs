//! What attempts say about their recipients, read when asked for.

use crate::{
    deliveries::{Known, known_of},
    packs::Texts,
    schema::Fault,
    stored::int,
};
use rusqlite::{Connection, OptionalExtension, Statement};
use volley_core::{Encoding, Micros, Position, UnixMillis};

/// What the last attempt says about one recipient.
#[derive(Default)]
pub(crate) struct Said {
    /// When it ended, or was claimed if it is open.
    pub(crate) at: UnixMillis,
    /// When it ended.
    pub(crate) ended_at: Option<UnixMillis>,
    /// The provider's id of this message alone.
    pub(crate) message_id: Option<String>,
    pub(crate) request_id: Option<String>,
    /// Whether the request was for nobody else.
    pub(crate) is_alone: bool,
    pub(crate) why: Option<String>,
    pub(crate) billed: Option<Micros>,
    pub(crate) segments: Option<u32>,
}

/// What attempts say about their recipients, and how long their texts are, read when asked for.
pub(crate) struct Answers<'moment> {
    moment: &'moment Connection,
    texts: Texts,
    attempt: Statement<'moment>,
    verdict: Statement<'moment>,
    resolved: Statement<'moment>,
    /// The attempt asked for last: neighbours mostly share one.
    held: Option<Ended>,
}

/// What an attempt says about all of its recipients.
struct Ended {
    id: u64,
    claimed_at: UnixMillis,
    /// `None`: it is open.
    over_at: Option<UnixMillis>,
    is_alone: bool,
    each: bool,
    reason: Option<String>,
    request_id: Option<String>,
    /// For a request of one recipient alone: then it is the message's own.
    billed: Option<Micros>,
    segments: Option<u32>,
}

impl<'moment> Answers<'moment> {
    pub(crate) fn new(moment: &'moment Connection) -> rusqlite::Result<Self> {
        let attempt = moment.prepare(
            "SELECT claimed_at, fate IS 'each', reason, request_id,
                    iif(recipients = 1, billed, NULL), iif(recipients = 1, segments, NULL),
                    ended_at, recipients = 1
             FROM attempt WHERE id = ?",
        )?;
        let verdict = moment.prepare(
            "SELECT provider_id, code, billed, segments FROM verdict WHERE attempt = ? AND position = ?",
        )?;
        let resolved = moment.prepare(
            "SELECT first + recipients, provider_id FROM resolved WHERE attempt = ? AND first <= ?
             ORDER BY first DESC LIMIT 1",
        )?;
        Ok(Self { moment, texts: Texts::default(), attempt, verdict, resolved, held: None })
    }

    /// Segments of the text with this number.
    pub(crate) fn segments(&mut self, text: u32) -> Result<u16, Fault> {
        Ok(u16::from(self.texts.get(self.moment, text)?.carriage.segments))
    }

    /// How the network carries the text with this number.
    pub(crate) fn encoding(&mut self, text: u32) -> Result<Encoding, Fault> {
        Ok(self.texts.get(self.moment, text)?.carriage.encoding)
    }

    /// What is known of the delivery to the recipient at `position`.
    pub(crate) fn delivery(&self, position: Position) -> Result<Option<Known>, Fault> {
        known_of(self.moment, position.0)
    }

    /// What `attempt`, the last one at the recipient at `position`, says about them; nothing
    /// before the first.
    pub(crate) fn about(&mut self, position: Position, attempt: u64) -> Result<Said, Fault> {
        if attempt == 0 {
            return Ok(Said::default());
        }
        let held = self.held.take().filter(|held| held.id == attempt);
        let held = self.held.insert(held.map_or_else(|| ended(&mut self.attempt, attempt), Ok)?);
        let mut said = Said {
            at: held.over_at.unwrap_or(held.claimed_at),
            ended_at: held.over_at,
            message_id: None,
            request_id: held.request_id.clone(),
            is_alone: held.is_alone,
            why: held.reason.clone(),
            billed: held.billed,
            segments: held.segments,
        };
        if held.each {
            let mut rows = self.verdict.query([int(held.id), i64::from(position.0)])?;
            let missing = || Fault::Damaged(format!("attempt {} lacks a verdict", held.id));
            let own = rows.next()?.ok_or_else(missing)?;
            said.message_id = own.get(0)?;
            said.why = own.get(1)?;
            said.billed = said.billed.or(own.get::<_, Option<i64>>(2)?.map(Micros));
            said.segments = own.get::<_, Option<u32>>(3)?.or(said.segments);
        }
        if said.message_id.is_none() {
            let found = self.resolved.query_row([int(held.id), i64::from(position.0)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?))
            });
            said.message_id =
                found.optional()?.and_then(|(end, id)| if i64::from(position.0) < end { id } else { None });
        }
        Ok(said)
    }
}

/// What the attempt `id` says about all of its recipients.
fn ended(attempt: &mut Statement<'_>, id: u64) -> Result<Ended, Fault> {
    let mut rows = attempt.query([int(id)])?;
    let row = rows.next()?.ok_or_else(|| Fault::Damaged(format!("attempt {id} is missing")))?;
    Ok(Ended {
        id,
        claimed_at: UnixMillis(row.get(0)?),
        each: row.get(1)?,
        reason: row.get(2)?,
        request_id: row.get(3)?,
        billed: row.get::<_, Option<i64>>(4)?.map(Micros),
        segments: row.get(5)?,
        over_at: row.get::<_, Option<i64>>(6)?.map(UnixMillis),
        is_alone: row.get(7)?,
    })
}
