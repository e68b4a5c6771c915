//! Stored attempts, in the order of their intents, back into a ledger.
//!
//! A recipient is in one open attempt at a time, so attempts can be replayed one after the
//! other, each from its intent to its end, whatever the order of their answers was.

use crate::{
    CommitError,
    ledger::{Effect, Ledger, Open, Toll, added},
    schema::Fault,
    stored::{class_word, count},
};
use rusqlite::{Connection, Row, Rows};
use volley_core::{Class, Event, Micros};

/// Rebuilds where everybody stands; `seen` is told each attempt's id and its recipients.
pub(crate) fn replay(
    connection: &Connection,
    recipients: u32,
    mut seen: impl FnMut(u64, Open),
) -> Result<Ledger, Fault> {
    let mut ledger = Ledger::new(recipients);
    let mut attempts = connection.prepare(
        "SELECT id, first, recipients, number, reserved, class, fate, billed, billed_units, spent
         FROM attempt ORDER BY id",
    )?;
    let mut verdicts = connection
        .prepare("SELECT attempt, position, state, billed FROM verdict ORDER BY attempt, position")?;
    let mut verdicts = Verdicts(verdicts.query([])?);
    let throttled = class_word(Class::Throttled);
    let mut events = Vec::new();
    let mut rows = attempts.query([])?;
    while let Some(row) = rows.next()? {
        let id = count(row, 0)?;
        let open = Open { first: row.get(1)?, recipients: row.get(2)?, reserved: Micros(row.get(4)?) };
        ledger.begin();
        let impossible = |fault: CommitError| Fault::Damaged(format!("attempt {id}: {fault}"));
        let claimed = ledger.claim(open).map_err(impossible)?;
        if claimed != (id, row.get(3)?) {
            return Err(Fault::Damaged(format!("attempt {id} is out of its order")));
        }
        seen(id, open);
        let Some(fate) = row.get_ref(6)?.as_str_or_null().map_err(rusqlite::Error::from)? else {
            continue;
        };
        let mut toll = Toll {
            throttled: row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)? == throttled,
            billed: row.get::<_, Option<i64>>(7)?.map(Micros),
            billed_units: row.get::<_, Option<i64>>(8)?.map(Micros),
            spent: Micros(row.get(9)?),
        };
        let effect = match fate {
            "accepted" => Effect::All(Event::Accept),
            "refused" => Effect::All(Event::Refuse),
            "not_taken" => Effect::All(Event::NotTaken),
            "in_doubt" => Effect::All(Event::Ambiguous),
            _ => {
                let billed = verdicts.of(id, open, &mut events)?;
                toll.billed = toll.billed.or(billed);
                Effect::Each(&events)
            }
        };
        ledger.end(id, effect, toll).map_err(impossible)?;
    }
    ledger.begin();
    match verdicts.next()? {
        None => Ok(ledger),
        Some(verdict) => {
            Err(Fault::Damaged(format!("attempt {} has verdicts it did not ask for", verdict.attempt)))
        }
    }
}

/// The verdict table, read beside the attempts.
struct Verdicts<'statement>(Rows<'statement>);

#[derive(Clone, Copy)]
struct Stored {
    attempt: u64,
    position: u32,
    event: Event,
    billed: Option<Micros>,
}

impl Verdicts<'_> {
    /// Fills `events` with what became of the recipients of attempt `id`; gives what they were
    /// billed one by one.
    fn of(&mut self, id: u64, open: Open, events: &mut Vec<Event>) -> Result<Option<Micros>, Fault> {
        events.clear();
        let mut billed = None;
        for position in open.first..open.first + open.recipients {
            match self.next()? {
                Some(verdict) if (verdict.attempt, verdict.position) == (id, position) => {
                    events.push(verdict.event);
                    billed = added(billed, verdict.billed);
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

    fn next(&mut self) -> Result<Option<Stored>, Fault> {
        self.0.next()?.map(stored).transpose()
    }
}

fn stored(row: &Row<'_>) -> Result<Stored, Fault> {
    Ok(Stored {
        attempt: count(row, 0)?,
        position: row.get(1)?,
        event: match row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)? {
            "accepted" => Event::Accept,
            "refused" => Event::Refuse,
            _ => Event::Ambiguous,
        },
        billed: row.get::<_, Option<i64>>(3)?.map(Micros),
    })
}
