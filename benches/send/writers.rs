//! Journals to compare with: one that only remembers, and a plain SQLite loop.

use rusqlite::{Connection, params};
use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, mpsc},
    thread,
};
use tokio::sync::oneshot;
use volley_core::{Chunk, Outcome, Position, Totals};
use volley_engine::Port;
use volley_journal::{Attempt, AttemptId, CommitError, FrozenPlan, Standing, Write, Written};

type Answer = Result<Written, Arc<CommitError>>;

/// Takes every write at once and keeps nothing but counts.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Mutex<Remembered>>);

struct Remembered {
    plan: FrozenPlan,
    chunks: VecDeque<Chunk>,
    standing: Standing,
    attempts: u64,
}

impl Memory {
    pub(crate) fn new(plan: FrozenPlan, chunks: Vec<Chunk>) -> Self {
        let recipients = Totals { pending: plan.rows.accepted, ..Totals::default() };
        let standing = Standing { recipients, ..Standing::default() };
        Self(Arc::new(Mutex::new(Remembered { plan, chunks: chunks.into(), standing, attempts: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().expect("nobody panics")
    }

    fn remember(&self, writes: &[Write]) -> Vec<Answer> {
        let mut remembered = self.lock();
        let written = writes.iter().map(|write| {
            Ok(if let Write::Claim(_) = write {
                remembered.attempts += 1;
                Written::Claimed(Attempt { id: AttemptId(remembered.attempts), number: 1 })
            } else {
                let recipients = &mut remembered.standing.recipients;
                recipients.pending -= 1;
                recipients.accepted += 1;
                Written::Recorded
            })
        });
        written.collect()
    }
}

impl Port for Memory {
    async fn write(&self, write: Write) -> Answer {
        self.remember(&[write]).pop().expect("one write, one answer")
    }

    async fn write_all(&self, writes: Arc<Vec<Write>>) -> Vec<Answer> {
        self.remember(&writes)
    }

    async fn next_chunks(&self, _: Position, most: usize) -> Result<Vec<Chunk>, Arc<CommitError>> {
        let mut remembered = self.lock();
        let most = most.min(remembered.chunks.len());
        Ok(remembered.chunks.drain(..most).collect())
    }

    fn plan(&self) -> FrozenPlan {
        self.lock().plan.clone()
    }

    fn standing(&self) -> Standing {
        self.lock().standing.clone()
    }
}

/// The statements of intents and outcomes in a loop of its own, with `synchronous` as it is asked
/// for, and no rule.
#[derive(Clone)]
pub(crate) struct Plain {
    memory: Memory,
    queue: mpsc::Sender<(Arc<Vec<Write>>, oneshot::Sender<()>)>,
}

impl Plain {
    pub(crate) fn new(memory: Memory, path: &Path, synchronous: &str) -> Self {
        let (queue, requests) = mpsc::channel::<(Arc<Vec<Write>>, oneshot::Sender<()>)>();
        let connection = Connection::open(path).expect("room");
        connection
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
                 CREATE TABLE attempt (id INTEGER PRIMARY KEY, first INTEGER, recipients INTEGER, number INTEGER,
                     run INTEGER, body_hash BLOB, reserved INTEGER, claimed_at INTEGER, ended_at INTEGER,
                     class TEXT, failure_row TEXT, fate TEXT, reason TEXT, request_id TEXT, billed INTEGER,
                     billed_units INTEGER, segments INTEGER, spent INTEGER) STRICT;"
            ))
            .expect("room");
        thread::spawn(move || {
            let mut attempts = 0;
            while let Ok((writes, done)) = requests.recv() {
                commit(&connection, &writes, &mut attempts).expect("room");
                if done.send(()).is_err() {
                    return; // whoever asked has ended
                }
            }
        });
        Self { memory, queue }
    }
}

fn commit(connection: &Connection, writes: &[Write], attempts: &mut u64) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for write in writes {
        match write {
            Write::Claim(claim) => {
                *attempts += 1;
                connection
                    .prepare_cached(
                        "INSERT INTO attempt (id, first, recipients, number, run, body_hash, reserved,
                         claimed_at) VALUES (?, ?, ?, 1, 1, ?, ?, ?)",
                    )?
                    .execute(params![
                        i64::try_from(*attempts).expect("few"),
                        claim.first.0,
                        claim.recipients,
                        claim.body_hash,
                        claim.reserved.0,
                        claim.at.0
                    ])?;
            }
            Write::Record(record) => {
                let Outcome::Answered(answer) = &record.outcome else { panic!("a failure: {record:?}") };
                connection
                    .prepare_cached(
                        "UPDATE attempt SET ended_at = ?, class = 'Answered', failure_row = 'C1',
                         fate = 'accepted', request_id = ?, spent = 0 WHERE id = ?",
                    )?
                    .execute(params![
                        record.at.0,
                        answer.request_id,
                        i64::try_from(record.attempt.0).expect("few")
                    ])?;
            }
            other => panic!("not while sending: {other:?}"),
        }
    }
    connection.execute_batch("COMMIT")
}

impl Port for Plain {
    async fn write(&self, write: Write) -> Answer {
        self.write_all(Arc::new(vec![write])).await.pop().expect("one write, one answer")
    }

    async fn write_all(&self, writes: Arc<Vec<Write>>) -> Vec<Answer> {
        let (done, durable) = oneshot::channel();
        self.queue.send((Arc::clone(&writes), done)).expect("the writer lives");
        durable.await.expect("the writer lives");
        self.memory.remember(&writes)
    }

    async fn next_chunks(&self, from: Position, most: usize) -> Result<Vec<Chunk>, Arc<CommitError>> {
        self.memory.next_chunks(from, most).await
    }

    fn plan(&self) -> FrozenPlan {
        self.memory.plan()
    }

    fn standing(&self) -> Standing {
        self.memory.standing()
    }
}
