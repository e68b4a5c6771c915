//! Those who carry requests: each has one under way and comes back for the next.
//!
//! A carrier lives as long as the run, so a request costs no task of its own. Jobs go out and
//! answers come back over two short queues; nobody is woken for what a carrier finds by itself.

use crate::{
    attempt::{Answered, Job, Shared},
    transport::Transport,
};
use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{sync::Notify, task::JoinSet};

/// All carriers of a run. Dropping them gives up what they carry.
pub(crate) struct Carriers<T> {
    shared: Arc<Shared<T>>,
    desk: Arc<Desk>,
    tasks: JoinSet<()>,
}

/// Where jobs wait and answers are handed in.
#[derive(Default)]
struct Desk {
    jobs: Mutex<VecDeque<Job>>,
    job: Notify,
    answers: Mutex<Vec<Answered>>,
    answer: Notify,
    /// Somebody panicked.
    alarm: AtomicBool,
}

impl<T: Transport> Carriers<T> {
    /// Nobody yet.
    pub(crate) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, desk: Arc::default(), tasks: JoinSet::new() }
    }

    /// Sends off `job`, one of `under_way`, with somebody who is idle or else somebody new.
    pub(crate) fn send_off(&mut self, job: Job, under_way: usize) {
        lock(&self.desk.jobs).push_back(job);
        if under_way > self.tasks.len() {
            self.tasks.spawn(carry(Arc::clone(&self.shared), Arc::clone(&self.desk)));
        } else {
            self.desk.job.notify_one();
        }
    }

    /// What was answered since it was asked last.
    pub(crate) fn answers(&mut self) -> Vec<Answered> {
        mem::take(&mut *lock(&self.desk.answers))
    }

    /// Waits until something is answered.
    pub(crate) async fn news(&mut self) {
        self.desk.answer.notified().await;
        // A bug in an adapter or in us. The attempt stays open and becomes in doubt at the next start.
        if self.desk.alarm.load(Ordering::Acquire)
            && let Some(Err(panic)) = self.tasks.join_next().await
        {
            std::panic::resume_unwind(panic.into_panic());
        }
    }

    /// Gives up everything that is under way. Answers that are there already are kept.
    pub(crate) async fn give_up(&mut self) {
        self.tasks.shutdown().await;
        lock(&self.desk.jobs).clear();
    }
}

/// Carries one job after the other.
async fn carry<T: Transport>(shared: Arc<Shared<T>>, desk: Arc<Desk>) {
    let _alarm = Alarm(Arc::clone(&desk));
    loop {
        let job = desk.next().await;
        let answered = shared.exchange(job).await;
        lock(&desk.answers).push(answered);
        desk.answer.notify_one();
    }
}

/// Tells whoever waits for answers that none will come.
struct Alarm(Arc<Desk>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.alarm.store(true, Ordering::Release);
            self.0.answer.notify_one();
        }
    }
}

impl Desk {
    async fn next(&self) -> Job {
        loop {
            let (job, more) = {
                let mut jobs = lock(&self.jobs);
                (jobs.pop_front(), !jobs.is_empty())
            };
            if more {
                // Two notices become one where nobody waits yet.
                self.job.notify_one();
            }
            match job {
                Some(job) => return job,
                None => self.job.notified().await,
            }
        }
    }
}

/// Nothing is done under these locks that could panic.
fn lock<T>(queue: &Mutex<T>) -> MutexGuard<'_, T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
