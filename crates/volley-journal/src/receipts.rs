//! Delivery results into the journal: beside a running sender, or without one.
//!
//! Receipts come late, twice, out of order, before the answer to their request, and for messages
//! of other campaigns. What is kept is one merged state a recipient; who is accepted is decided
//! elsewhere, and a receipt changes nothing of it. Takes no sending lock and writes to tables of
//! its own alone; two of them, and a sender, write to one journal in turns.

mod early; // receipts that name nobody, or not yet
mod names; // whom a receipt is about

use self::{
    early::Early,
    names::{Named, Names},
};
use crate::{
    AttemptId, CommitError, FrozenPlan, OpenError, ReadError,
    answers::Answers,
    deliveries::{Known, count_deliveries, known_of, take_in},
    files::Identity,
    replay::{Replay, Step},
    rows::TOOK_SOMEBODY,
    schema::{Fault, connect, make_durable},
    stored::{count, int, load_plan, planned_recipients},
};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use volley_core::{Deliveries, Position, Receipt, Reference, State, UnixMillis};

/// The pages that are held, below zero in KiB: those of all deliveries of a million recipients,
/// whose receipts come in any order.
const CACHE_KIB: i32 = -32 * 1_024;

/// The pages that the log may grow to before they go to their places, 4 KiB each. Receipts in any
/// order touch a page each: at SQLite's own 1,000 a page of receipts would write each one twice.
const LOG_PAGES: u32 = 16_384;

/// A journal open for receipts.
///
/// [`record`](Self::record) is durable when it returns. What a sender writes meanwhile is seen by
/// the next call. Holds some 20 bytes for each recipient, 24 to 48 for each id that receipts name
/// messages by, and 12 for each recipient of the requests they name.
pub struct ReceiptBook {
    connection: Connection,
    path: PathBuf,
    identity: Identity,
    plan: FrozenPlan,
    view: View,
}

/// What the book knows of the sender's tables, and what it looks receipts up in.
struct View {
    replay: Replay,
    /// The last attempt that claimed each recipient, 0 before the first.
    last: Vec<u64>,
    names: Names,
    /// Whether a receipt that was kept aside may be about somebody who is known by now.
    is_news: bool,
}

/// A request that took somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRequest {
    /// Which attempt it was.
    pub attempt: AttemptId,
    /// The provider's id of the request, from its answer or a lookup; `None` where each message
    /// has one of its own instead.
    pub request_id: Option<String>,
    /// Its first recipient; the others follow it without a gap.
    pub first: Position,
    /// How many recipients, taken or not; at least 1.
    pub recipients: u32,
    /// When the intent was made.
    pub claimed_at: UnixMillis,
    /// When it was answered, or given up.
    pub ended_at: UnixMillis,
    /// Where to go on asking, as [`PollMark`] was recorded last.
    pub cursor: Option<String>,
    /// Whether there is nothing more to ask.
    pub is_complete: bool,
}

/// An accepted message without a final state, that has an id to ask by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessage {
    /// Its recipient.
    pub position: Position,
    /// The provider's id of it: its own, or that of a request for nobody else.
    pub message_id: String,
}

/// What was asked for receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Polled {
    /// One request.
    Request(AttemptId),
    /// Everything in the span of time that the campaign takes, whichever it is by now.
    Window,
}

/// How far the provider was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollMark {
    /// For what.
    pub of: Polled,
    /// Where to go on, in the adapter's words; `None` for the start.
    pub cursor: Option<String>,
    /// Whether there is nothing more to ask.
    pub is_complete: bool,
}

/// What receipts came to. The sum is all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Told something new of somebody.
    pub applied: u64,
    /// Told nothing new.
    pub repeated: u64,
    /// Named nobody whom the journal knows, or not yet: kept aside, or counted where there is no
    /// more room.
    pub unknown: u64,
}

impl ReceiptBook {
    /// Opens the journal at `path` for receipts. Those that were kept aside and are about somebody
    /// who is known by now are merged, so that every reader sees them.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let path = path.canonicalize().map_err(|source| OpenError::io(path, source))?;
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let ready = || {
            make_durable(&connection)?;
            connection.pragma_update(None, "cache_size", CACHE_KIB)?;
            connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
            let plan = load_plan(&connection)?;
            let recipients = planned_recipients(&connection, &plan)?;
            let mut view = View::new(plan.reference(), recipients);
            view.settle(&connection)?;
            Ok((plan, view))
        };
        let (plan, view) = ready().map_err(|fault: Fault| fault.opening(&path))?;
        let identity = Identity::of(&path).map_err(|source| OpenError::io(&path, source))?;
        Ok(Self { connection, path, identity, plan, view })
    }

    /// The plan that the journal was created with.
    pub fn plan(&self) -> &FrozenPlan {
        &self.plan
    }

    /// Every request that took somebody, in the order of their intents: as its answer said, or as
    /// was decided later.
    pub fn requests(&self) -> Result<Vec<SentRequest>, ReadError> {
        let read = || {
            let mut select = self.connection.prepare(&format!(
                "SELECT id, request_id, first, recipients, claimed_at, ended_at, cursor, ifnull(complete, 0)
                 FROM attempt LEFT JOIN poll ON poll.attempt = id
                 WHERE ended_at IS NOT NULL AND {TOOK_SOMEBODY} ORDER BY id"
            ))?;
            let mut rows = select.query([])?;
            let mut requests = Vec::new();
            while let Some(row) = rows.next()? {
                requests.push(SentRequest {
                    attempt: AttemptId(count(row, 0)?),
                    request_id: row.get(1)?,
                    first: Position(row.get(2)?),
                    recipients: row.get(3)?,
                    claimed_at: UnixMillis(row.get(4)?),
                    ended_at: UnixMillis(row.get(5)?),
                    cursor: row.get(6)?,
                    is_complete: row.get(7)?,
                });
            }
            Ok(requests)
        };
        self.answered(read())
    }

    /// How far the campaign's span of time was asked for; `None` where it never was.
    pub fn window(&self) -> Result<Option<PollMark>, ReadError> {
        let mark =
            self.connection.query_row("SELECT cursor, complete FROM poll WHERE attempt = 0", [], |row| {
                Ok(PollMark { of: Polled::Window, cursor: row.get(0)?, is_complete: row.get(1)? })
            });
        self.answered(mark.optional().map_err(Fault::from))
    }

    /// Up to `most` accepted messages behind `after`, or from the first on, that have an id to ask
    /// by and no final state, in plan order. Fewer only where there are no more.
    pub fn messages(&mut self, after: Option<Position>, most: usize) -> Result<Vec<SentMessage>, ReadError> {
        let passed_over = after.map_or(0, |after| after.0 as usize + 1);
        self.look(|moment, view| {
            let mut answers = Answers::new(moment)?;
            let mut messages = Vec::new();
            let states = view.replay.ledger().states();
            let everybody = (0..).zip(states).zip(&view.last).skip(passed_over);
            for ((position, state), last) in everybody {
                if messages.len() == most {
                    break;
                }
                if *state != State::Accepted {
                    continue;
                }
                let said = answers.about(Position(position), *last)?;
                let id = said.message_id.or(said.request_id.filter(|_| said.is_alone));
                let Some(message_id) = id else { continue };
                if !known_of(moment, position)?.is_some_and(|known| known.delivery.is_final()) {
                    messages.push(SentMessage { position: Position(position), message_id });
                }
            }
            Ok(messages)
        })
    }

    /// Takes `receipts` in, and how far the provider was asked for them: both or neither. When it
    /// returns, a power cut cannot undo it. Waits for a sender's commit, and a sender for it.
    ///
    /// A message is named by our reference, by its id, or by its request's id and its number.
    ///
    /// # Errors
    /// [`CommitError::Storage`] and [`CommitError::Moved`], as for the sender.
    pub fn record(
        &mut self,
        receipts: &[Receipt],
        mark: Option<&PollMark>,
        now: UnixMillis,
    ) -> Result<Recorded, CommitError> {
        if Identity::of(&self.path).ok() != Some(self.identity) {
            return Err(CommitError::Moved);
        }
        let Self { connection, view, .. } = self;
        let recorded = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
            .map_err(Fault::from)
            .and_then(|writing| {
                let recorded = view.record(&writing, receipts, mark, now)?;
                crate::kill_point!("inside-receipts");
                writing.commit()?;
                crate::kill_point!("after-receipts");
                Ok(recorded)
            });
        if recorded.is_err() {
            // What was merged and is rolled back has to be merged again.
            view.is_news = true;
        }
        recorded.map_err(Fault::committing)
    }

    /// Those accepted by what became of their messages.
    pub fn deliveries(&mut self) -> Result<Deliveries, ReadError> {
        self.look(|moment, view| count_deliveries(moment, view.replay.ledger().states()))
    }

    /// Receipts that name nobody whom the journal knows, or not yet. Those that found no room
    /// count as often as they came.
    pub fn quarantined(&mut self) -> Result<u64, ReadError> {
        self.look(|moment, _| Early(moment).count())
    }

    /// Those in doubt for whom there is a receipt, in plan order: they were taken. Whoever holds
    /// the journal for sending resolves them with [`Evidence::Receipt`](crate::Evidence::Receipt).
    pub fn doubts_with_receipts(&mut self) -> Result<Vec<Position>, ReadError> {
        self.look(|moment, view| {
            let mut proved = Vec::new();
            for (position, state) in (0..).zip(view.replay.ledger().states()) {
                if matches!(state, State::InDoubt { .. }) && known_of(moment, position)?.is_some() {
                    proved.push(Position(position));
                }
            }
            Ok(proved)
        })
    }

    /// What `read` finds at one moment, after everything that can be merged was.
    fn look<T>(&mut self, read: impl FnOnce(&Connection, &View) -> Result<T, Fault>) -> Result<T, ReadError> {
        let Self { connection, view, .. } = self;
        let look = || {
            view.settle(connection)?;
            let moment = connection.unchecked_transaction()?;
            view.catch_up(&moment)?;
            read(&moment, view)
        };
        let found = look();
        self.answered(found)
    }

    fn answered<T>(&self, answer: Result<T, Fault>) -> Result<T, ReadError> {
        answer.map_err(|fault| ReadError { path: self.path.clone(), what: fault.to_string() })
    }
}

impl View {
    /// Before anything was read.
    fn new(reference: Reference, recipients: u32) -> Self {
        Self {
            replay: Replay::new(recipients),
            last: vec![0; recipients as usize],
            names: Names::new(reference, recipients),
            is_news: true,
        }
    }

    /// Reads what a sender wrote since the last time, in a transaction of `connection`'s.
    fn catch_up(&mut self, connection: &Connection) -> Result<(), Fault> {
        let Self { replay, last, names, is_news } = self;
        let caught_up = replay.catch_up(connection, |step| {
            match step {
                Step::Claimed { id, open } => last[open.positions()].fill(id),
                Step::Ended(id) | Step::Resolved(id) => *is_news |= names.learn(connection, id)?,
            }
            Ok(())
        });
        if caught_up.is_err() {
            // What was read in part is read anew, should the disk come back.
            *self = Self::new(self.names.reference().clone(), self.names.recipients());
        }
        caught_up
    }

    /// The same, and merges what was kept aside and is about somebody who is known by now. Writes
    /// only where something is.
    fn settle(&mut self, connection: &Connection) -> Result<(), Fault> {
        let moment = connection.unchecked_transaction()?;
        self.catch_up(&moment)?;
        self.is_news &= Early(&moment).kept()? > 0;
        drop(moment);
        if self.is_news {
            let writing = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            self.catch_up(&writing)?;
            Early(&writing).merge(&mut self.names)?;
            writing.commit()?;
            self.is_news = false;
        }
        Ok(())
    }

    fn record(
        &mut self,
        writing: &Connection,
        receipts: &[Receipt],
        mark: Option<&PollMark>,
        now: UnixMillis,
    ) -> Result<Recorded, Fault> {
        self.catch_up(writing)?;
        let early = Early(writing);
        if self.is_news {
            early.merge(&mut self.names)?;
            self.is_news = false;
        }
        let mut recorded = Recorded::default();
        let mut room = None;
        for receipt in receipts {
            let (named, known) = (Named::by(receipt), Known::of(receipt));
            if let Some(position) = self.names.find(writing, &named)? {
                let is_new = take_in(writing, position, &known)?;
                *(if is_new { &mut recorded.applied } else { &mut recorded.repeated }) += 1;
            } else {
                recorded.unknown += 1;
                if early.keep(&named, &known, &mut room)? {
                    self.names.await_for(&named);
                }
            }
        }
        if let Some(mark) = mark {
            let attempt = match mark.of {
                Polled::Request(attempt) => int(attempt.0),
                Polled::Window => 0,
            };
            writing.prepare_cached("INSERT OR REPLACE INTO poll VALUES (?, ?, ?, ?)")?.execute(params![
                attempt,
                mark.cursor,
                mark.is_complete,
                now.0
            ])?;
        }
        Ok(recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sending::tests::journal;
    use volley_core::Delivery;

    const NOW: UnixMillis = UnixMillis(0);

    #[test]
    fn a_full_disk_refuses_receipts_and_their_mark_whole_and_the_same_ones_succeed_when_there_is_room() {
        let directory = tempfile::tempdir().expect("a directory");
        let _sender = journal(directory.path());
        let mut book = ReceiptBook::open(&directory.path().join("full.volley")).expect("a journal");
        let reference = book.plan().reference();
        let receipts = |names: &dyn Fn(u32) -> Receipt| -> Vec<Receipt> {
            let filled = |index| Receipt {
                delivery: Some(Delivery::Failed),
                code: Some("x".repeat(200).into()),
                ..names(index)
            };
            (0..500).map(filled).collect()
        };
        let known = receipts(&|index| Receipt {
            reference: Some(reference.message(Position(index))),
            ..Receipt::default()
        });
        let strange =
            receipts(&|index| Receipt { message_id: Some(format!("x{index}")), ..Receipt::default() });
        let all = [known, strange].concat();
        let mark = PollMark { of: Polled::Window, cursor: None, is_complete: true };
        let pages: i64 = book.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("pages");
        let allow = |book: &ReceiptBook, pages: i64| {
            book.connection.execute_batch(&format!("PRAGMA max_page_count = {pages}")).expect("a pragma");
        };
        allow(&book, pages + 2);
        let full = book.record(&all, Some(&mark), NOW);
        assert!(matches!(full, Err(CommitError::Storage(_))), "{full:?}");
        assert_eq!(book.quarantined().expect("readable"), 0);
        assert_eq!(book.window().expect("readable"), None);
        allow(&book, pages + 2_000);
        let recorded = book.record(&all, Some(&mark), NOW).expect("room again");
        assert_eq!(recorded, Recorded { applied: 500, repeated: 0, unknown: 500 });
        assert_eq!(book.window().expect("readable"), Some(mark));
    }

    #[test]
    fn receipts_are_written_for_a_power_cut() {
        let directory = tempfile::tempdir().expect("a directory");
        drop(journal(directory.path()));
        let book = ReceiptBook::open(&directory.path().join("full.volley")).expect("a journal");
        for (pragma, value) in [("synchronous", 2), ("fullfsync", 1), ("checkpoint_fullfsync", 1)] {
            let set: i64 = book.connection.pragma_query_value(None, pragma, |row| row.get(0)).expect(pragma);
            assert_eq!(set, value, "{pragma}");
        }
    }
}
