//! What a run has open: intents on their way to the journal, durable ones that wait to be sent,
//! requests under way, and outcomes on their way to the journal.
//!
//! One commit is under way at a time. What comes up meanwhile, intents and outcomes alike, goes
//! into the next one, so a slow disk makes commits larger, not senders slower, and each commit
//! costs the journal's thread and this one a wake-up each. Where requests are quick, commits also
//! wait for a few milliseconds, so that many requests share the cost of one. A durable intent leaves as soon as
//! one of the places in flight is free; an answer frees its place at once, and the lane hears of
//! it when it is durable. What may not leave any more is recorded as held back, which is proof
//! that it was not sent.

use crate::{
    attempt::{Answered, Job, Request, Shared, wall_clock},
    carriers::Carriers,
    lane::{Closed, Fetched, JOURNAL_PATIENCE, Lane, TRIAL_EVERY, Work},
    port::Port,
    transport::Transport,
};
use std::{collections::VecDeque, future::Future, mem, pin::Pin, sync::Arc, time::Duration};
use tokio::time::Instant;
use volley_core::{
    Chunk, Class, Failure, Fate, LaneEffect, Outcome, Position, StopReason, Verdict, Verdicts,
};
use volley_journal::{AttemptId, Claim, CommitError, Record, Standing, Write, Written, kill_point};

/// The level of [`Control::stop`](crate::Control::stop) at which nothing is waited for any more.
const ABANDON: u8 = 2;

/// How long an outcome that the journal cannot take is offered again once the run is being stopped.
const LAST_PATIENCE: Duration = Duration::from_mins(1);

/// The most writes of one commit.
const MOST_WRITES: usize = 4_096;

/// How long after a commit the next one begins where requests are quick, unless it is worth it
/// before.
const GATHER: Duration = Duration::from_millis(4);
const WORTH_A_COMMIT: usize = 1_024;

/// A future that is waited for among others.
type Underway<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Everything of a run but its loop.
pub(crate) struct Shell<T, P> {
    pub(crate) lane: Lane,
    /// The journal's totals as of the last commit.
    pub(crate) standing: Standing,
    shared: Arc<Shared<T>>,
    port: P,
    start: Instant,
    seed: u64,
    /// The most requests under way.
    places: usize,
    /// Each request under way at its place.
    flights: Vec<Option<Flight>>,
    free: Vec<usize>,
    carriers: Carriers<T>,
    /// Durable and not sent yet, the oldest first.
    durable: VecDeque<Durable>,
    /// For the next commit, and since when something waits for it.
    intents: Vec<Intent>,
    ends: Vec<End>,
    waiting_since: Option<Instant>,
    /// Ends that the journal could not take, and when they are offered again.
    refused: Option<(Instant, Vec<End>)>,
    commit: Option<Commit>,
    /// When the next commit begins at the latest, once something waits for it.
    begin_at: Instant,
    /// Answers that are no plain success, and not durable yet.
    suspicious: usize,
    /// Chunks that the journal is asked for.
    fetch: Option<Fetch>,
    /// As [`Control::stop`](crate::Control::stop) has it.
    level: u8,
}

/// A request under way.
struct Flight {
    work: Work,
    attempt: AttemptId,
}

/// An intent that is durable.
struct Durable {
    work: Work,
    attempt: AttemptId,
    request: Request,
}

/// An intent that is to become durable.
struct Intent {
    work: Work,
    claim: Claim,
    request: Request,
}

/// The end of an attempt that is to become durable.
struct End {
    record: Record,
    ended: Ended,
}

/// What the lane is told of an end beside its outcome.
struct Ended {
    work: Work,
    /// When the answer came.
    at: Instant,
    /// How long it is offered again where the journal cannot take it.
    left: Duration,
}

/// Chunks that the journal was asked for, from a place of the plan on.
struct Fetch {
    from: Position,
    chunks: Underway<Result<Vec<Chunk>, Arc<CommitError>>>,
}

/// A commit under way: the ends come first, then the intents.
struct Commit {
    writes: Arc<Vec<Write>>,
    ends: Vec<Ended>,
    intents: Vec<(Work, Request)>,
    waiting_since: Instant,
    begun: Instant,
    written: Underway<Vec<Result<Written, Arc<CommitError>>>>,
}

impl<T: Transport, P: Port> Shell<T, P> {
    pub(crate) fn new(
        lane: Lane,
        shared: Arc<Shared<T>>,
        port: P,
        start: Instant,
        seed: u64,
        places: u32,
    ) -> Self {
        Self {
            standing: port.standing(),
            carriers: Carriers::new(Arc::clone(&shared)),
            lane,
            shared,
            port,
            start,
            seed,
            places: places.max(1) as usize,
            flights: Vec::new(),
            free: Vec::new(),
            durable: VecDeque::new(),
            intents: Vec::new(),
            ends: Vec::new(),
            waiting_since: None,
            refused: None,
            commit: None,
            begin_at: start,
            suspicious: 0,
            fetch: None,
            level: 0,
        }
    }

    /// Requests under way.
    pub(crate) fn under_way(&self) -> usize {
        self.flights.len() - self.free.len()
    }

    /// Makes the request for `work` and puts its intent into the next commit.
    pub(crate) fn claim(&mut self, work: Work) {
        let now = self.start.elapsed();
        let (claim, request) = self.shared.prepare(&work);
        // Directly before the intent: a request may have waited since its recipients were fetched.
        if let Some((wait, opens)) = self.shared.closed(&work.chunk) {
            return self.lane.on_closed(&work, Closed { until: now + wait, opens }, now);
        }
        kill_point!("before-intent");
        self.intents.push(Intent { work, claim, request });
    }

    /// Takes the answers that are there.
    pub(crate) fn take_answers(&mut self) {
        for Answered { place, ended, outcome } in self.carriers.answers() {
            let flight = self.flights[place].take().expect("it was under way");
            self.free.push(place);
            self.end(flight.work, flight.attempt, outcome, ended);
        }
    }

    /// Does all that can be done at once: sends what is durable, hands the journal what it is to
    /// write, and asks it for the chunks that are to come next. Says whether the lane took back what
    /// it had handed out, and has to be asked again.
    pub(crate) fn go_on(&mut self) -> bool {
        let may_send = self.lane.may_send(self.start.elapsed());
        let takes_back = !may_send && !self.intents.is_empty();
        if may_send {
            self.send();
        } else {
            self.put_back();
        }
        self.begin_commit();
        if let (None, Some((from, most))) = (&self.fetch, self.lane.wants()) {
            let port = self.port.clone();
            let chunks = Box::pin(async move { port.next_chunks(from, most).await });
            self.fetch = Some(Fetch { from, chunks });
        }
        takes_back
    }

    /// Waits for an answer, the end of a commit, chunks, or the time to ask the journal again.
    ///
    /// # Errors
    /// The journal could not be read.
    pub(crate) async fn news(&mut self) -> Result<(), Arc<CommitError>> {
        let asked_again = self.refused.as_ref().map(|(at, _)| *at);
        let begin_at = self.waiting_since.filter(|_| self.commit.is_none()).map(|_| self.begin_at);
        let written = async {
            match &mut self.commit {
                Some(commit) => commit.written.as_mut().await,
                None => std::future::pending().await,
            }
        };
        let fetched = async {
            match &mut self.fetch {
                Some(Fetch { from, chunks }) => (*from, chunks.as_mut().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            written = written => self.committed(&written),
            (from, chunks) = fetched => {
                self.fetch = None;
                self.fetched(from, chunks?);
            }
            () = self.carriers.news() => {}
            () = until(begin_at) => {}
            () = until(asked_again) => {
                if let Some((_, ends)) = self.refused.take() {
                    self.ends.extend(ends);
                }
            }
        }
        Ok(())
    }

    fn fetched(&mut self, from: Position, chunks: Vec<Chunk>) {
        if !self.lane.awaits(from) {
            return;
        }
        tracing::trace!(target: "engine", from = from.0, chunks = chunks.len(), "recipients fetched");
        let mut fetched = match &self.shared.windows {
            Some(windows) => windows.apart(chunks, self.start.elapsed()),
            None => Fetched::from(chunks),
        };
        if let Some(held_back) = &self.shared.held_back {
            fetched.chunks = held_back.apart(fetched.chunks);
        }
        self.lane.on_chunks(fetched);
    }

    /// Does what somebody outside asks for, as [`Control::stop`](crate::Control::stop) has it.
    pub(crate) async fn stop(&mut self, level: u8) {
        if level > 0 {
            kill_point!("drain");
            self.lane.stop(StopReason::Interrupted, "");
        }
        let is_new = level > self.level;
        self.level = level;
        if is_new && level >= ABANDON {
            self.abandon().await;
        }
    }

    /// Gives up every request under way, and what the journal does not take now. An answer that is
    /// there already still counts.
    async fn abandon(&mut self) {
        self.carriers.give_up().await;
        if let Some((_, ends)) = self.refused.take() {
            self.ends.extend(ends);
        }
        self.take_answers();
        let (now, outcome) = (Instant::now(), Failure::new(Class::Abandoned, "stopped before the answer"));
        for place in 0..self.flights.len() {
            if let Some(flight) = self.flights[place].take() {
                self.free.push(place);
                self.end(flight.work, flight.attempt, outcome.clone().into(), now);
            }
        }
    }

    fn end(&mut self, work: Work, attempt: AttemptId, outcome: Outcome, at: Instant) {
        let is_suspicious = is_suspicious(&outcome);
        tell_end(attempt, &outcome, is_suspicious);
        self.suspicious += usize::from(is_suspicious);
        let record = Record { attempt, outcome, at: wall_clock() };
        self.ends.push(End { record, ended: Ended { work, at, left: JOURNAL_PATIENCE } });
    }

    /// Sends durable intents while there are free places. After an answer that is no plain
    /// success nothing leaves until the lane has heard of it.
    fn send(&mut self) {
        while self.suspicious == 0
            && self.under_way() < self.places
            && let Some(Durable { work, attempt, request }) = self.durable.pop_front()
        {
            // It may have waited since its intent.
            let waits = self.shared.closed(&work.chunk).is_some();
            let request = match request {
                Ok(_) if waits || self.shared.holds_anybody(&work.chunk) => Err(not_sent()),
                request => request,
            };
            match request {
                Ok(request) => {
                    let chunk = Arc::clone(&work.chunk);
                    let place = self.place(Flight { work, attempt });
                    let under_way = self.under_way();
                    tracing::debug!(target: "engine", attempt = attempt.0, in_flight = under_way, "request sent");
                    self.carriers.send_off(Job { place, attempt, chunk, request }, under_way);
                    self.lane.on_sent();
                }
                Err(failure) => self.end(work, attempt, failure.into(), Instant::now()),
            }
        }
    }

    fn place(&mut self, flight: Flight) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.flights.push(None);
            self.flights.len() - 1
        });
        self.flights[place] = Some(flight);
        place
    }

    /// Puts back whatever is to be sent and may not be any more, the oldest last: each goes to the
    /// front of the line. What is durable is recorded as not sent.
    fn put_back(&mut self) {
        while let Some(Intent { work, .. }) = self.intents.pop() {
            self.lane.on_withdrawn(work, self.start.elapsed());
        }
        let now = Instant::now();
        while let Some(Durable { work, attempt, .. }) = self.durable.pop_back() {
            self.end(work, attempt, not_sent().into(), now);
        }
    }

    fn begin_commit(&mut self) {
        let waiting = self.ends.len() + self.intents.len();
        if waiting == 0 {
            self.waiting_since = None;
            return;
        }
        let now = Instant::now();
        let waiting_since = *self.waiting_since.get_or_insert(now);
        if self.commit.is_some() || waiting < WORTH_A_COMMIT && now < self.begin_at {
            return;
        }
        self.waiting_since = None;
        let later = self.ends.split_off(self.ends.len().min(MOST_WRITES));
        let ends = mem::replace(&mut self.ends, later);
        let later = self.intents.split_off(self.intents.len().min(MOST_WRITES - ends.len()));
        let intents = mem::replace(&mut self.intents, later);
        let mut writes = Vec::with_capacity(ends.len() + intents.len());
        let ends = ends.into_iter().map(|End { record, ended }| {
            writes.push(Write::Record(record));
            ended
        });
        let ends = ends.collect();
        let intents = intents.into_iter().map(|Intent { work, claim, request }| {
            writes.push(Write::Claim(claim));
            (work, request)
        });
        let intents = intents.collect();
        let (port, writes) = (self.port.clone(), Arc::new(writes));
        let handed_over = Arc::clone(&writes);
        let written = Box::pin(async move { port.write_all(handed_over).await });
        self.commit = Some(Commit { writes, ends, intents, waiting_since, begun: now, written });
    }

    fn committed(&mut self, written: &[Result<Written, Arc<CommitError>>]) {
        let Some(Commit { writes, ends, intents, waiting_since, begun, .. }) = self.commit.take() else {
            return;
        };
        self.standing = self.port.standing();
        tracing::debug!(
            target: "journal",
            outcomes = ends.len(),
            intents = intents.len(),
            took_ms = begun.elapsed().as_secs_f64() * 1_000.0,
            commits = self.standing.commits,
            "commit"
        );
        let now = self.start.elapsed();
        let ahead = self.lane.on_commit(now, waiting_since.elapsed());
        self.begin_at = Instant::now() + if ahead > 0 { GATHER } else { Duration::ZERO };
        let (of_ends, of_intents) = written.split_at(ends.len());
        for ((ended, write), written) in ends.into_iter().zip(&*writes).zip(of_ends) {
            let Write::Record(record) = write else { unreachable!("ends come first") };
            match written {
                Ok(_) => {
                    kill_point!("after-outcome");
                    tracing::debug!(target: "engine", attempt = record.attempt.0, "outcome committed");
                    self.ended(ended, &record.outcome, now);
                }
                Err(fault) => self.not_recorded(ended, record, now, fault),
            }
        }
        let mut unclaimed = Vec::new();
        for ((work, request), written) in intents.into_iter().zip(of_intents) {
            match written {
                Ok(Written::Claimed(attempt)) => {
                    kill_point!("after-intent");
                    tracing::debug!(
                        target: "engine",
                        attempt = attempt.id.0,
                        tries = attempt.number,
                        first = work.chunk.first.0,
                        recipients = work.chunk.len(),
                        "attempt claimed"
                    );
                    self.durable.push_back(Durable { work, attempt: attempt.id, request });
                }
                Ok(Written::Recorded) => unreachable!("a claim is answered with an attempt"),
                Err(fault) => unclaimed.push((work, fault)),
            }
        }
        // The oldest last: each goes to the front of the line.
        for (work, fault) in unclaimed.into_iter().rev() {
            self.lane.on_unclaimed(work, now, &fault.to_string(), fault.is_passing());
        }
    }

    /// The lane hears of an end that is durable.
    fn ended(&mut self, Ended { work, at, .. }: Ended, outcome: &Outcome, now: Duration) {
        self.suspicious -= usize::from(is_suspicious(outcome));
        let random = next_random(&mut self.seed);
        self.lane.on_end(work, outcome, at.duration_since(self.start), now, random);
    }

    /// Keeps an end in memory that the journal could not take, and offers it again every second.
    /// What is given up in the end, the next start finds open and puts in doubt.
    fn not_recorded(&mut self, mut ended: Ended, record: &Record, now: Duration, fault: &CommitError) {
        if self.level > 0 {
            ended.left = ended.left.min(LAST_PATIENCE);
        }
        // Only a disk gets better.
        if !fault.is_passing() || self.level >= ABANDON || ended.left.is_zero() {
            self.suspicious -= usize::from(is_suspicious(&record.outcome));
            let at = ended.at.duration_since(self.start);
            return self.lane.on_unsaved(&ended.work, at, &fault.to_string());
        }
        self.lane.on_trouble(now, &fault.to_string());
        ended.left = ended.left.saturating_sub(TRIAL_EVERY);
        let again = || (Instant::now() + TRIAL_EVERY, Vec::new());
        self.refused.get_or_insert_with(again).1.push(End { record: record.clone(), ended });
    }
}

/// What is recorded of an intent that no request was made for.
fn not_sent() -> Failure {
    Failure::new(Class::HeldBack, "held back before it was sent")
}

/// Tells the log how an attempt ended: what may change what the lane does next is a warning.
fn tell_end(AttemptId(attempt): AttemptId, outcome: &Outcome, is_suspicious: bool) {
    let (class, reason) = match outcome {
        Outcome::Answered(_) => (Class::Answered, ""),
        Outcome::Failed(failure) => (failure.class, failure.reason.as_str()),
    };
    let row = class.rule().row;
    if is_suspicious {
        tracing::warn!(target: "engine", attempt, ?class, row, reason, "attempt ended");
    } else {
        tracing::debug!(target: "engine", attempt, ?class, row, reason, "attempt ended");
    }
}

/// Waits until `at`, without one for ever.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Whether an outcome may change what the lane does next. Until it is durable and decided by,
/// nothing more is sent; what a plain success frees is used at once.
fn is_suspicious(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Answered(answer) => match &answer.verdicts {
            Verdicts::AllAccepted => false,
            Verdicts::AllInDoubt { .. } => true,
            Verdicts::Each(verdicts) => verdicts
                .iter()
                .any(|verdict| matches!(verdict, Verdict::NotTaken { .. } | Verdict::InDoubt { .. })),
        },
        Outcome::Failed(failure) => {
            let rule = failure.class.rule();
            rule.lane != LaneEffect::GoOn || rule.fate == Fate::Doubt
        }
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): enough for spreading waits, nothing more.
fn next_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
