//! One thread that owns a journal, and many callers who share its commits.
//!
//! Whatever waits when a commit begins goes into it, so a slow disk makes commits larger, not
//! callers slower. The thread sleeps in its channel and wakes for nothing else. No runtime: an
//! async caller completes its own future in the callback.

use crate::{CommitError, FrozenPlan, Journal, Standing, Write, Written};
use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};
use volley_core::{Chunk, Position};

/// A commit is full with so many writes; the last who joins may make it larger.
const MOST_WRITES: usize = 4_096;

type Done<T, E> = Box<dyn FnOnce(Result<T, E>) + Send>;

/// Writes that are to share a commit, and who is told what came of them.
type Asked = (Arc<Vec<Write>>, Done<Vec<Written>, Arc<CommitError>>);

enum Request {
    Write(Asked),
    Chunks(Position, usize, Done<Vec<Chunk>, CommitError>),
}

/// A journal in the hands of its thread.
///
/// Requests are answered in the order they were made: chunks asked for after a write see it.
/// Callbacks run on that thread, after the commit they report, and should only pass the news on.
/// [`Writer::close`] gives the journal back; a writer that is dropped instead lets its thread
/// answer what was asked, close the journal and end.
pub struct Writer {
    queue: mpsc::Sender<Request>,
    plan: FrozenPlan,
    standing: Arc<Mutex<Standing>>,
    thread: JoinHandle<Box<dyn Journal>>,
}

impl Writer {
    /// Hands `journal` to a thread of its own.
    pub fn spawn(journal: Box<dyn Journal>) -> Self {
        let (queue, requests) = mpsc::channel();
        let plan = journal.plan().clone();
        let standing = Arc::new(Mutex::new(journal.standing().clone()));
        let shown = Arc::clone(&standing);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || serve(journal, &requests, &shown))
            .expect("the system has room for one thread more");
        Self { queue, plan, standing, thread }
    }

    /// Makes `writes` durable in one commit, together with their neighbours in the queue; `done`
    /// is told what each of them came to, in their order, or that none is. A write that the
    /// journal refuses fails with all that shared its commit; what comes later is tried anew.
    pub fn write(
        &self,
        writes: Arc<Vec<Write>>,
        done: impl FnOnce(Result<Vec<Written>, Arc<CommitError>>) + Send + 'static,
    ) {
        if let Err(mpsc::SendError(Request::Write((_, done)))) =
            self.queue.send(Request::Write((writes, Box::new(done))))
        {
            done(Err(Arc::new(CommitError::Gone)));
        }
    }

    /// Asks for up to `most` chunks at or after `from`, as [`Journal::next_chunks`] has it.
    pub fn next_chunks(
        &self,
        from: Position,
        most: usize,
        done: impl FnOnce(Result<Vec<Chunk>, CommitError>) + Send + 'static,
    ) {
        if let Err(mpsc::SendError(Request::Chunks(_, _, done))) =
            self.queue.send(Request::Chunks(from, most, Box::new(done)))
        {
            done(Err(CommitError::Gone));
        }
    }

    /// The plan that the journal was created with.
    pub fn plan(&self) -> &FrozenPlan {
        &self.plan
    }

    /// Totals as of the last commit.
    pub fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers everything that was asked, then gives the journal back.
    pub fn close(self) -> Box<dyn Journal> {
        drop(self.queue);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn serve(
    mut journal: Box<dyn Journal>,
    requests: &mpsc::Receiver<Request>,
    shown: &Mutex<Standing>,
) -> Box<dyn Journal> {
    let mut next = None;
    while let Some(request) = next.take().or_else(|| requests.recv().ok()) {
        match request {
            Request::Chunks(from, most, done) => done(journal.next_chunks(from, most)),
            Request::Write((writes, done)) => {
                let (mut size, mut waiting) = (writes.len(), vec![(writes, done)]);
                while size < MOST_WRITES {
                    match requests.try_recv() {
                        Ok(Request::Write((writes, done))) => {
                            size += writes.len();
                            waiting.push((writes, done));
                        }
                        Ok(chunks @ Request::Chunks(..)) => {
                            next = Some(chunks);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                let written = match &waiting[..] {
                    [(alone, _)] => journal.commit(alone),
                    several => {
                        let batch: Vec<Write> =
                            several.iter().flat_map(|(writes, _)| writes.iter().cloned()).collect();
                        journal.commit(&batch)
                    }
                };
                shown.lock().unwrap_or_else(PoisonError::into_inner).clone_from(journal.standing());
                answer(written, waiting);
            }
        }
    }
    journal
}

/// Tells everybody who waits what became of as many writes as were theirs.
fn answer(written: Result<Vec<Written>, CommitError>, waiting: Vec<Asked>) {
    match written {
        Ok(written) => {
            let mut written = written.into_iter();
            for (writes, done) in waiting {
                done(Ok(written.by_ref().take(writes.len()).collect()));
            }
        }
        Err(fault) => {
            let fault = Arc::new(fault);
            for (_, done) in waiting {
                done(Err(Arc::clone(&fault)));
            }
        }
    }
}
