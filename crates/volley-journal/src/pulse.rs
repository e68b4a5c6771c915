//! What a journal shows of the process that sends with it: how far it is, and what holds it up.

use crate::{
    JournalReader, ReadError, Standing, reserve, rows::load_standing, schema::Fault, stored::class_word,
};
use rusqlite::Connection;
use volley_core::{Class, UnixMillis};

/// So many of the last attempts are looked at. Those that are open, and what the provider said last,
/// are among them: at most some thousand are open at a time.
const LATEST: u32 = 4_096;

/// A sender at one moment, as far as its journal tells. What it waits for in its own memory, such as
/// the next try of a provider that fails, stands in no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Totals as of the last commit.
    pub standing: Standing,
    /// Attempts without an end: requests under way, or lost with a process that is gone.
    pub open: u64,
    /// When the last intent was made; `None` before the first.
    pub claimed_at: Option<UnixMillis>,
    /// The latest instant until which the provider asked to be left alone.
    pub silent_until: Option<UnixMillis>,
    /// What came of the attempt that ended last, where that was no answer about its recipients.
    pub trouble: Option<Trouble>,
    /// Whether there is room kept for outcomes; a sender without it claims nothing.
    pub has_room: bool,
}

/// An attempt that ended without an answer about its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// When it ended.
    pub at: UnixMillis,
    /// What was seen, in the words of the adapter or the transport.
    pub reason: String,
}

impl JournalReader {
    /// What the journal shows of the process that sends with it, at one moment.
    ///
    /// # Errors
    /// The file cannot be read, or its tables hold what they cannot.
    pub fn pulse(&self) -> Result<Pulse, ReadError> {
        let read = || {
            let moment = self.connection.unchecked_transaction()?;
            pulse(&moment, reserve::is_kept(self.path()))
        };
        self.answered(read())
    }
}

fn pulse(moment: &Connection, has_room: bool) -> Result<Pulse, Fault> {
    let mut pulse = Pulse {
        standing: load_standing(moment)?,
        open: 0,
        claimed_at: None,
        silent_until: None,
        trouble: None,
        has_room,
    };
    let mut select = moment.prepare_cached(
        "SELECT claimed_at, ended_at, class, reason, not_before FROM attempt ORDER BY id DESC LIMIT ?",
    )?;
    let mut rows = select.query([LATEST])?;
    let answered = class_word(Class::Answered);
    let mut ended_last: Option<i64> = None;
    while let Some(row) = rows.next()? {
        let claimed_at = UnixMillis(row.get(0)?);
        pulse.claimed_at = pulse.claimed_at.max(Some(claimed_at));
        pulse.silent_until = pulse.silent_until.max(row.get::<_, Option<i64>>(4)?.map(UnixMillis));
        let Some(ended_at) = row.get::<_, Option<i64>>(1)? else {
            pulse.open += 1;
            continue;
        };
        if ended_last.is_none_or(|last| ended_at > last) {
            ended_last = Some(ended_at);
            let class = row.get_ref(2)?.as_str_or_null().map_err(rusqlite::Error::from)?;
            pulse.trouble = if class == Some(answered) {
                None
            } else {
                let reason = row.get::<_, Option<String>>(3)?.unwrap_or_default();
                Some(Trouble { at: UnixMillis(ended_at), reason })
            };
        }
    }
    Ok(pulse)
}
