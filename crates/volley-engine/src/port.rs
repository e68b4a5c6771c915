//! The journal as the shell sees it: the same calls, awaited.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::oneshot;
use volley_core::{Chunk, Position};
use volley_journal::{CommitError, FrozenPlan, Journal, Standing, Write, Writer, Written};

/// A journal that async tasks share.
pub trait Port: Clone + Send + Sync + 'static {
    /// Makes `write` durable. When it resolves, a power cut cannot undo it.
    fn write(&self, write: Write) -> impl Future<Output = Result<Written, Arc<CommitError>>> + Send;

    /// Makes `writes` durable, all in one commit where the journal has that; says of each, in
    /// their order, what it came to.
    fn write_all(
        &self,
        writes: Arc<Vec<Write>>,
    ) -> impl Future<Output = Vec<Result<Written, Arc<CommitError>>>> + Send {
        async move {
            let mut written = Vec::with_capacity(writes.len());
            for write in writes.iter() {
                written.push(self.write(write.clone()).await);
            }
            written
        }
    }

    /// See [`Journal::next_chunks`].
    fn next_chunks(
        &self,
        from: Position,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Chunk>, Arc<CommitError>>> + Send;

    /// The plan that the journal was created with.
    fn plan(&self) -> FrozenPlan;

    /// Totals as of the last commit.
    fn standing(&self) -> Standing;
}

/// A journal on its own thread, where many writes share one commit.
#[derive(Clone)]
pub struct Threaded(Arc<Writer>);

impl Threaded {
    /// Hands `journal` to a thread of its own.
    pub fn new(journal: Box<dyn Journal>) -> Self {
        Self(Arc::new(Writer::spawn(journal)))
    }

    /// Waits for everything that was asked and closes the journal; does nothing while a run
    /// still shares it.
    pub fn close(self) {
        if let Some(writer) = Arc::into_inner(self.0) {
            drop(writer.close());
        }
    }
}

impl Port for Threaded {
    async fn write(&self, write: Write) -> Result<Written, Arc<CommitError>> {
        let mut written = self.write_all(Arc::new(vec![write])).await;
        written.pop().expect("one write, one answer")
    }

    async fn write_all(&self, writes: Arc<Vec<Write>>) -> Vec<Result<Written, Arc<CommitError>>> {
        let (asked, (done, result)) = (writes.len(), oneshot::channel());
        self.0.write(writes, move |written| drop(done.send(written)));
        all_or_none(result.await.unwrap_or_else(|_| Err(Arc::new(CommitError::Gone))), asked)
    }

    async fn next_chunks(&self, from: Position, most: usize) -> Result<Vec<Chunk>, Arc<CommitError>> {
        let (done, result) = oneshot::channel();
        self.0.next_chunks(from, most, move |chunks| drop(done.send(chunks)));
        Ok(result.await.unwrap_or(Err(CommitError::Gone))?)
    }

    fn plan(&self) -> FrozenPlan {
        self.0.plan().clone()
    }

    fn standing(&self) -> Standing {
        self.0.standing()
    }
}

/// What became of one commit, said of each of its `writes`.
fn all_or_none(
    written: Result<Vec<Written>, Arc<CommitError>>,
    writes: usize,
) -> Vec<Result<Written, Arc<CommitError>>> {
    match written {
        Ok(written) => written.into_iter().map(Ok).collect(),
        Err(fault) => vec![Err(fault); writes],
    }
}

/// A journal on the caller's own thread: for simulations on virtual time, where a second thread
/// would let the clock run ahead.
#[derive(Clone)]
pub struct Inline(Arc<Mutex<Box<dyn Journal>>>);

impl Inline {
    /// Wraps `journal`.
    pub fn new(journal: Box<dyn Journal>) -> Self {
        Self(Arc::new(Mutex::new(journal)))
    }

    fn with<T>(&self, action: impl FnOnce(&mut dyn Journal) -> T) -> T {
        action(self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
    }
}

impl Port for Inline {
    async fn write(&self, write: Write) -> Result<Written, Arc<CommitError>> {
        let mut written = self.write_all(Arc::new(vec![write])).await;
        written.pop().expect("one write, one answer")
    }

    async fn write_all(&self, writes: Arc<Vec<Write>>) -> Vec<Result<Written, Arc<CommitError>>> {
        all_or_none(self.with(|journal| journal.commit(&writes)).map_err(Arc::new), writes.len())
    }

    async fn next_chunks(&self, from: Position, most: usize) -> Result<Vec<Chunk>, Arc<CommitError>> {
        Ok(self.with(|journal| journal.next_chunks(from, most))?)
    }

    fn plan(&self) -> FrozenPlan {
        self.with(|journal| journal.plan().clone())
    }

    fn standing(&self) -> Standing {
        self.with(|journal| journal.standing().clone())
    }
}
