//! Stored attempts, in the order of their intents, back into a ledger.
//!
//! A recipient is in one open attempt at a time, so attempts can be replayed one after the
//! other, each from its intent to its end, whatever the order of their answers was. A decision
//! about doubt is about attempts that had ended, and whoever was tried again on it was claimed
//! by a later one: so it has its place behind the last attempt that there was when it was made.

use crate::{
    CommitError,
    checksums::{Bytes, Checksums, END, END_COLUMNS, Fact, INTENT, INTENT_COLUMNS, Kind},
    ledger::{Effect, Ledger, Open, Toll, added},
    resolutions::{Stored, load_resolutions},
    schema::Fault,
    stored::{class_word, count, int},
};
use rusqlite::{CachedStatement, Connection, Row, Rows};
use std::{collections::VecDeque, iter, time::Duration};
use volley_core::{Class, Event, Micros, UnixMillis};

/// A ledger, as far as the tables were read.
pub(crate) struct Replay {
    ledger: Ledger,
    last_resolution: u64,
    /// The word of the one class that totals count.
    throttled: &'static str,
    /// Whether the rows are hashed, too, and where.
    is_summing: bool,
    bytes: Bytes,
    silence: Silence,
}

/// What a provider asked for last: to be left alone from one time to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Silence {
    /// In milliseconds since 1970; 0 where it never did.
    until: i64,
    since: i64,
}

impl Silence {
    /// What is left of it at `now`. A clock that was set back makes it no longer than it was.
    pub(crate) fn left(self, now: UnixMillis) -> Duration {
        let left = self.until.saturating_sub(now.0.max(self.since));
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }
}

/// What happened, as the tables tell it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// An attempt was made.
    Claimed {
        /// Its number.
        id: u64,
        /// At whom.
        open: Open,
    },
    /// The attempt of this number ended.
    Ended(u64),
    /// Somebody whom the attempt of this number had left in doubt was decided about.
    Resolved(u64),
}

/// All columns, those of an intent first: their places are below.
fn attempts() -> String {
    format!("SELECT {INTENT}, {END} FROM attempt")
}

const VERDICT: &str = "SELECT attempt, position, state, provider_id, code, billed, segments FROM verdict";

/// Where the columns stand that a replay reads.
mod column {
    pub(super) const ID: usize = 0;
    pub(super) const FIRST: usize = 1;
    pub(super) const RECIPIENTS: usize = 2;
    pub(super) const NUMBER: usize = 3;
    pub(super) const RESERVED: usize = 6;
    pub(super) const ENDED_AT: usize = 8;
    pub(super) const CLASS: usize = 9;
    pub(super) const FATE: usize = 11;
    pub(super) const BILLED: usize = 14;
    pub(super) const BILLED_UNITS: usize = 15;
    pub(super) const SPENT: usize = 17;
    pub(super) const NOT_BEFORE: usize = 18;
}

impl Replay {
    /// Before the first attempt at so many.
    pub(crate) fn new(recipients: u32) -> Self {
        Self {
            ledger: Ledger::new(recipients),
            last_resolution: 0,
            throttled: class_word(Class::Throttled),
            is_summing: false,
            bytes: Bytes::default(),
            silence: Silence::default(),
        }
    }

    /// The same, and the ledger's checksums are those of the attempts and verdicts that are read.
    pub(crate) fn summing(recipients: u32) -> Self {
        Self { is_summing: true, ..Self::new(recipients) }
    }

    /// Where everybody stands.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads on from where it stands, in a transaction of `connection`'s, and tells `seen` what
    /// happened meanwhile. After a fault it is of no more use.
    pub(crate) fn catch_up(
        &mut self,
        connection: &Connection,
        mut seen: impl FnMut(Step) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut events = Vec::new();
        self.end_open(connection, &mut events, &mut seen)?;
        let mut resolutions = load_resolutions(connection, self.last_resolution)?;
        let last = int(self.ledger.last_attempt());
        let mut attempts = connection.prepare_cached(&format!("{} WHERE id > ? ORDER BY id", attempts()))?;
        let mut verdicts =
            connection.prepare_cached(&format!("{VERDICT} WHERE attempt > ? ORDER BY attempt, position"))?;
        let mut verdicts =
            Verdicts { rows: verdicts.query([last])?, hashing: self.is_summing.then(Bytes::default) };
        let mut rows = attempts.query([last])?;
        while let Some(row) = rows.next()? {
            let id = count(row, column::ID)?;
            self.resolve_before(id, &mut resolutions, &mut seen)?;
            let open = Open {
                first: row.get(column::FIRST)?,
                recipients: row.get(column::RECIPIENTS)?,
                reserved: Micros(row.get(column::RESERVED)?),
            };
            self.ledger.begin();
            let claimed = self.ledger.claim(open).map_err(|fault| impossible(id, &fault))?;
            if claimed != (id, row.get(column::NUMBER)?) {
                return Err(Fault::Damaged(format!("attempt {id} is out of its order")));
            }
            if self.is_summing {
                let intent = Fact::stored(Kind::Intent, row, 0..INTENT_COLUMNS, &mut self.bytes)?;
                self.ledger.checksums.add(intent);
            }
            seen(Step::Claimed { id, open })?;
            self.end(row, id, open, &mut verdicts, &mut events, &mut seen)?;
        }
        self.resolve_before(u64::MAX, &mut resolutions, &mut seen)?;
        self.ledger.begin();
        match verdicts.next()? {
            None => Ok(()),
            Some(verdict) => {
                Err(Fault::Damaged(format!("attempt {} has verdicts it did not ask for", verdict.attempt)))
            }
        }
    }

    /// Ends those of the open attempts that have ended meanwhile.
    fn end_open(
        &mut self,
        connection: &Connection,
        events: &mut Vec<Event>,
        seen: &mut impl FnMut(Step) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for (id, open) in self.ledger.all_open() {
            let mut attempt: CachedStatement<'_> =
                connection.prepare_cached(&format!("{} WHERE id = ?", attempts()))?;
            let mut verdicts =
                connection.prepare_cached(&format!("{VERDICT} WHERE attempt = ? ORDER BY position"))?;
            let mut verdicts =
                Verdicts { rows: verdicts.query([int(id)])?, hashing: self.is_summing.then(Bytes::default) };
            let mut rows = attempt.query([int(id)])?;
            let row = rows.next()?.ok_or_else(|| Fault::Damaged(format!("attempt {id} is missing")))?;
            self.ledger.begin();
            self.end(row, id, open, &mut verdicts, events, seen)?;
        }
        Ok(())
    }

    /// Ends attempt `id`, which `row` is of, if it has an end.
    fn end(
        &mut self,
        row: &Row<'_>,
        id: u64,
        open: Open,
        verdicts: &mut Verdicts<'_>,
        events: &mut Vec<Event>,
        seen: &mut impl FnMut(Step) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Some(fate) = row.get_ref(column::FATE)?.as_str_or_null().map_err(rusqlite::Error::from)? else {
            return Ok(());
        };
        let mut toll = Toll {
            throttled: row.get_ref(column::CLASS)?.as_str().map_err(rusqlite::Error::from)? == self.throttled,
            billed: row.get::<_, Option<i64>>(column::BILLED)?.map(Micros),
            billed_units: row.get::<_, Option<i64>>(column::BILLED_UNITS)?.map(Micros),
            spent: Micros(row.get(column::SPENT)?),
        };
        let effect = match fate {
            "accepted" => Effect::All(Event::Accept),
            "refused" => Effect::All(Event::Refuse),
            "not_taken" => Effect::All(Event::NotTaken),
            "in_doubt" => Effect::All(Event::Ambiguous),
            _ => {
                let billed = verdicts.of(id, open, events, &mut self.ledger.checksums)?;
                toll.billed = toll.billed.or(billed);
                Effect::Each(events)
            }
        };
        self.ledger.end(id, effect, toll).map_err(|fault| impossible(id, &fault))?;
        if let Some(until) = row.get(column::NOT_BEFORE)? {
            self.silence = self.silence.max(Silence { until, since: row.get(column::ENDED_AT)? });
        }
        if self.is_summing {
            let columns = INTENT_COLUMNS..INTENT_COLUMNS + END_COLUMNS;
            let columns = iter::once(column::ID).chain(columns);
            let end = Fact::stored(Kind::End, row, columns, &mut self.bytes)?;
            self.ledger.checksums.add(end);
        }
        seen(Step::Ended(id))
    }

    /// Replays the resolutions that were made before attempt `id` was.
    fn resolve_before(
        &mut self,
        id: u64,
        resolutions: &mut VecDeque<Stored>,
        seen: &mut impl FnMut(Step) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while resolutions.front().is_some_and(|resolution| resolution.after < id)
            && let Some(resolution) = resolutions.pop_front()
        {
            let impossible = |what: &dyn std::fmt::Display| {
                Fault::Damaged(format!("resolution {}: {what}", resolution.id))
            };
            self.ledger.begin();
            for &(attempt, first, recipients) in &resolution.runs {
                for behind in 0..recipients {
                    let position =
                        first.checked_add(behind).ok_or_else(|| impossible(&"it is outside the plan"))?;
                    let left_by = self.ledger.resolve(position, resolution.decision);
                    if left_by.map_err(|fault| impossible(&fault))? != attempt {
                        return Err(impossible(&format!("attempt {attempt} left nobody in doubt there")));
                    }
                }
                seen(Step::Resolved(attempt))?;
            }
            self.ledger.release(resolution.released);
            self.last_resolution = resolution.id;
        }
        Ok(())
    }

    /// The last silence that the provider asked for.
    pub(crate) fn silence(&self) -> Silence {
        self.silence
    }

    /// Where everybody stands, to go on from by other means than the tables.
    pub(crate) fn into_ledger(self) -> Ledger {
        self.ledger
    }
}

fn impossible(attempt: u64, fault: &CommitError) -> Fault {
    Fault::Damaged(format!("attempt {attempt}: {fault}"))
}

/// The verdict table, read beside the attempts.
struct Verdicts<'statement> {
    rows: Rows<'statement>,
    /// Where they are hashed, if they are.
    hashing: Option<Bytes>,
}

#[derive(Clone, Copy)]
struct Verdict {
    attempt: u64,
    position: u32,
    event: Event,
    billed: Option<Micros>,
    /// Where it is asked for.
    fact: Option<Fact>,
}

impl Verdicts<'_> {
    /// Fills `events` with what became of the recipients of attempt `id`; gives what they were
    /// billed one by one.
    fn of(
        &mut self,
        id: u64,
        open: Open,
        events: &mut Vec<Event>,
        checksums: &mut Checksums,
    ) -> Result<Option<Micros>, Fault> {
        events.clear();
        let mut billed = None;
        for position in open.first..open.first + open.recipients {
            match self.next()? {
                Some(verdict) if (verdict.attempt, verdict.position) == (id, position) => {
                    events.push(verdict.event);
                    billed = added(billed, verdict.billed);
                    checksums.add(verdict.fact);
                }
                _ => {
                    return Err(Fault::Damaged(format!(
                        "attempt {id} lacks the verdict of position {position}"
                    )));
                }
            }
        }
        Ok(billed)
    }

    fn next(&mut self) -> Result<Option<Verdict>, Fault> {
        let hashing = self.hashing.as_mut();
        self.rows.next()?.map(|row| verdict(row, hashing)).transpose()
    }
}

fn verdict(row: &Row<'_>, hashing: Option<&mut Bytes>) -> Result<Verdict, Fault> {
    Ok(Verdict {
        attempt: count(row, 0)?,
        position: row.get(1)?,
        event: match row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)? {
            "accepted" => Event::Accept,
            "refused" => Event::Refuse,
            "not_taken" => Event::NotTaken,
            _ => Event::Ambiguous,
        },
        billed: row.get::<_, Option<i64>>(5)?.map(Micros),
        fact: hashing.map(|bytes| Fact::stored(Kind::Verdict, row, 0..7, bytes)).transpose()?,
    })
}
