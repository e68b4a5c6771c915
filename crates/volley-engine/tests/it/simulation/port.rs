//! The journal behind a queue, with a disk that takes its time: whatever waits when a commit
//! begins goes into it.

use super::{
    books::Entry,
    journal::{Model, entries, lock},
    world::{Bug, Shared, Trouble, step},
};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, oneshot};
use volley_core::{Chunk, Position};
use volley_engine::Port;
use volley_journal::{CommitError, FrozenPlan, Journal, Standing, Write, Written};

type Done<T> = oneshot::Sender<Result<T, Arc<CommitError>>>;

enum Ask {
    Write(Write, Done<Written>),
    Chunks(Position, usize, Done<Vec<Chunk>>),
}

/// The most writes that share a commit.
const MOST_WRITES: usize = 64;

/// What the engine is given as its journal.
#[derive(Clone)]
pub(super) struct Queue {
    world: Shared,
    model: Arc<Mutex<Model>>,
    asks: mpsc::UnboundedSender<Ask>,
}

impl Queue {
    /// Serves `model` from a task of its own.
    pub(super) fn new(world: &Shared, model: Model) -> Self {
        let (asks, waiting) = mpsc::unbounded_channel();
        let model = Arc::new(Mutex::new(model));
        tokio::spawn(serve(Arc::clone(world), Arc::clone(&model), waiting));
        Self { world: Arc::clone(world), model, asks }
    }

    /// The journal itself, for who looks at it afterwards.
    pub(super) fn model(&self) -> &Arc<Mutex<Model>> {
        &self.model
    }
}

impl Port for Queue {
    async fn write(&self, write: Write) -> Result<Written, Arc<CommitError>> {
        let (done, answer) = oneshot::channel();
        let write = lock(&self.world).stamped(write);
        drop(self.asks.send(Ask::Write(write, done)));
        answer.await.expect("the queue is served until the process ends")
    }

    async fn write_all(&self, writes: Arc<Vec<Write>>) -> Vec<Result<Written, Arc<CommitError>>> {
        let asked = writes.iter().map(|write| {
            let (done, answer) = oneshot::channel();
            let write = lock(&self.world).stamped(write.clone());
            drop(self.asks.send(Ask::Write(write, done)));
            answer
        });
        let answers: Vec<_> = asked.collect();
        let mut written = Vec::with_capacity(answers.len());
        for answer in answers {
            written.push(answer.await.expect("the queue is served until the process ends"));
        }
        written
    }

    async fn next_chunks(&self, from: Position, most: usize) -> Result<Vec<Chunk>, Arc<CommitError>> {
        let (done, answer) = oneshot::channel();
        drop(self.asks.send(Ask::Chunks(from, most, done)));
        answer.await.expect("the queue is served until the process ends")
    }

    fn plan(&self) -> FrozenPlan {
        lock(&self.model).plan().clone()
    }

    fn standing(&self) -> Standing {
        lock(&self.model).standing().clone()
    }
}

async fn serve(world: Shared, model: Arc<Mutex<Model>>, mut asks: mpsc::UnboundedReceiver<Ask>) {
    let mut next = None;
    loop {
        let waiting = if next.is_some() { next.take() } else { asks.recv().await };
        match waiting {
            None => return,
            Some(Ask::Chunks(from, most, done)) => {
                let most = most.min(lock(&world).most_chunks);
                drop(done.send(lock(&model).next_chunks(from, most).map_err(Arc::new)));
            }
            Some(Ask::Write(write, done)) => {
                step(&world).await;
                let (mut batch, mut waiting) = (vec![write], vec![done]);
                while batch.len() < MOST_WRITES {
                    match asks.try_recv() {
                        Ok(Ask::Write(write, done)) => {
                            batch.push(write);
                            waiting.push(done);
                        }
                        Ok(chunks @ Ask::Chunks(..)) => {
                            next = Some(chunks);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                commit(&world, &model, &batch, waiting).await;
            }
        }
    }
}

async fn commit(world: &Shared, model: &Mutex<Model>, batch: &[Write], waiting: Vec<Done<Written>>) {
    let (takes, trouble) = lock(world).disk_draw();
    lock(model).begin(batch);
    let is_early = lock(world).bug == Some(Bug::IntentAfterSend)
        && trouble.is_none()
        && batch.iter().all(|write| matches!(write, Write::Claim(_)));
    if is_early {
        let written = promise(world, model, &entries(batch));
        answer(written, waiting);
        tokio::time::sleep(takes).await;
        step(world).await;
        lock(model).keep(entries(batch));
        return;
    }
    tokio::time::sleep(takes).await;
    step(world).await;
    if let Some(trouble) = trouble {
        lock(model).give_up(trouble == Trouble::Full);
        lock(world).tell(format_args!("a commit of {} failed: {trouble:?}", batch.len()));
        return answer(Err(Arc::new(CommitError::Storage(format!("{trouble:?}")))), waiting);
    }
    let commit = entries(batch);
    let written = promise(world, model, &commit);
    if written.is_ok() {
        lock(model).keep(commit);
    }
    step(world).await;
    answer(written, waiting);
}

fn promise(world: &Shared, model: &Mutex<Model>, commit: &[Entry]) -> Result<Vec<Written>, Arc<CommitError>> {
    let written = lock(model).promise(commit);
    let mut world = lock(world);
    world.tell(format_args!("commit {}", Summary(commit)));
    written.map_err(|fault| {
        world.object(format_args!("the journal refused: {fault}"));
        Arc::new(fault)
    })
}

fn answer(written: Result<Vec<Written>, Arc<CommitError>>, waiting: Vec<Done<Written>>) {
    match written {
        Ok(written) => {
            for (done, written) in waiting.into_iter().zip(written) {
                drop(done.send(Ok(written)));
            }
        }
        Err(fault) => {
            for done in waiting {
                drop(done.send(Err(Arc::clone(&fault))));
            }
        }
    }
}

/// A commit in few words.
struct Summary<'a>(&'a [Entry]);

impl std::fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for entry in self.0 {
            match entry {
                Entry::Wrote(Write::Claim(claim)) => write!(f, " +{}..{}", claim.first.0, claim.recipients)?,
                Entry::Wrote(Write::Record(record)) => match &record.outcome {
                    volley_core::Outcome::Failed(failure) => {
                        write!(f, " {}:{}", record.attempt.0, failure.class.rule().row)?;
                    }
                    volley_core::Outcome::Answered(_) => write!(f, " {}:ok", record.attempt.0)?,
                },
                Entry::Wrote(_) => write!(f, " other")?,
                Entry::Started(_) => write!(f, " start")?,
            }
        }
        Ok(())
    }
}
