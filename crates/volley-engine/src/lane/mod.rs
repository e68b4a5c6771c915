//! What one provider account does next: a state machine without clock, socket or task.
//!
//! The shell asks [`Lane::poll`] what to do, does it, and reports what came of it. Every rule
//! about retries, the cap and stopping is here, those about pausing are in [`breaker`], those about the
//! first recipients in [`canary`], and all can be tested by calling them.

mod breaker;
mod canary;
mod pass;
mod trouble;

use crate::{
    ahead::Ahead,
    backoff,
    pace::{Go, Pacer},
};
use breaker::Breaker;
use canary::Gate;
pub use canary::{Canary, Seen};
use pass::Pass;
pub use pass::{Closed, Fetched};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
    time::Duration,
};
pub(crate) use trouble::{JOURNAL_PATIENCE, TRIAL_EVERY};
use trouble::{Look, Trouble};
use volley_core::{
    Chunk, Class, Failure, Fate, LaneEffect, Micros, Opens, Outcome, Pacing, Position, Rate, Reason,
    StopReason, Verdict, Verdicts,
};

/// What a lane keeps to.
#[derive(Clone, Debug)]
pub struct LaneSettings {
    /// Stacked rates; all hold. Empty: no limit.
    pub rates: Vec<Rate>,
    /// How requests are spread under the rates.
    pub pacing: Pacing,
    /// The least time that a request and its answer take on the way; see [`Pacer::new`].
    pub least_round_trip: Duration,
    /// Requests that wait for an answer at the same time, at least 1.
    pub max_in_flight: u32,
    /// The most recipients one request carries, at least 1.
    pub chunk: u32,
    /// Recipients in the plan.
    pub planned: u64,
    /// What the campaign may cost in all; a hard stop.
    pub max_cost: Option<Micros>,
    /// Start with one recipient alone and go on when that is answered: an earlier run was
    /// stopped by answers that left doubt.
    pub probe: bool,
    /// How long a lane that broke off tries one recipient at a time before the run ends. Less
    /// than 30 seconds: it ends at once.
    pub patience: Duration,
    /// For how long the provider still wants silence, which it said to an earlier process.
    pub silent_for: Duration,
    /// Nothing is sent before, measured from the start of the run: a schedule that the provider
    /// cannot be handed.
    pub not_before: Duration,
    /// The first recipients, who are judged before anybody else is sent to; `None` where nobody
    /// asked for that, or they were judged before.
    pub canary: Option<Canary>,
}

/// A chunk to be sent, and how often it was tried in vain.
#[derive(Clone, Debug)]
pub struct Work {
    /// Who gets what.
    pub chunk: Arc<Chunk>,
    /// Tries of this run that count.
    pub tries: u32,
}

/// What the shell is to do.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Ask the journal for up to `most` chunks from `from` on; answer with [`Lane::on_chunks`].
    Fetch {
        /// The first plan position that the lane does not know yet.
        from: Position,
        /// How many chunks.
        most: usize,
    },
    /// Claim this chunk, and send it when its intent is durable, a place in flight is free and
    /// [`Lane::may_send`] agrees; report with [`Lane::on_end`].
    Send(Work),
    /// Write something to the journal, which could not be written; answer with [`Lane::on_trial`].
    /// Until then the pause is not over.
    Trial(Pause),
    /// Nothing can be done before the pause ends, an answer comes, or someone asks to stop.
    Wait(Pause),
    /// The run is over and nothing is in flight.
    Done(Ending),
}

/// Why nothing is being sent, and until when, measured from the same start as `now`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The campaign is to be sent then, and the provider cannot be handed that time.
    Scheduled(Duration),
    /// The rate allows the next request then.
    Rate(Duration),
    /// The provider asked for silence until then.
    Throttled(Duration),
    /// A retry is due then.
    Retry(Duration),
    /// Request after request failed: one recipient is tried then.
    Broken {
        /// When.
        until: Duration,
        /// What for: unreachable, or the breaker.
        reason: StopReason,
        /// What was seen last, for people.
        detail: Reason,
    },
    /// The journal cannot be written: nothing is claimed before that is over.
    Journal {
        /// When it is tried again.
        until: Duration,
        /// What was seen last, for people.
        detail: Reason,
    },
    /// Everybody who is left is asleep: their send window is closed.
    Window {
        /// When the first of them is looked at again.
        until: Duration,
        /// The opening that is waited for.
        opens: Opens,
    },
    /// As many requests wait for an answer as may.
    InFlight,
    /// What is in flight finishes; nothing new is claimed.
    Draining,
}

impl Pause {
    /// When it ends by itself; `None` where only an answer ends it.
    pub fn until(&self) -> Option<Duration> {
        match self {
            Self::Scheduled(at)
            | Self::Rate(at)
            | Self::Throttled(at)
            | Self::Retry(at)
            | Self::Broken { until: at, .. }
            | Self::Window { until: at, .. }
            | Self::Journal { until: at, .. } => Some(*at),
            Self::InFlight | Self::Draining => None,
        }
    }

    /// Every word of [`cause`](Self::cause).
    pub const CAUSES: [&str; 10] = [
        "schedule",
        "rate",
        "throttled",
        "retry",
        "unreachable",
        "breaker",
        "journal",
        "window",
        "in_flight",
        "draining",
    ];

    /// Why, in one word for scripts and logs.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Scheduled(_) => "schedule",
            Self::Rate(_) => "rate",
            Self::Throttled(_) => "throttled",
            Self::Retry(_) => "retry",
            Self::Broken { reason: StopReason::Unreachable, .. } => "unreachable",
            Self::Broken { .. } => "breaker",
            Self::Journal { .. } => "journal",
            Self::Window { .. } => "window",
            Self::InFlight => "in_flight",
            Self::Draining => "draining",
        }
    }

    /// Whether it is the normal course of things: the rate's own distance between requests, and
    /// waiting for answers.
    pub const fn is_routine(&self) -> bool {
        matches!(self, Self::Rate(_) | Self::InFlight)
    }

    /// What was seen, for people, where there is something to say.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Broken { detail, .. } | Self::Journal { detail, .. } => Some(detail.to_string()),
            Self::Window { opens, .. } => Some(format!("opens {opens}")),
            Self::Scheduled(_)
            | Self::Rate(_)
            | Self::Throttled(_)
            | Self::Retry(_)
            | Self::InFlight
            | Self::Draining => None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nobody is pending.
    Finished,
    /// Recipients are still pending; a later run goes on.
    Stopped {
        /// Why.
        reason: StopReason,
        /// What was seen last, for people; empty where the reason says it all.
        detail: Reason,
    },
}

/// One provider account at work.
#[derive(Debug)]
pub struct Lane {
    settings: LaneSettings,
    pacer: Pacer,
    ahead: Ahead,
    ready: VecDeque<Work>,
    retries: BinaryHeap<Reverse<Retry>>,
    pass: Pass,
    breaker: Breaker,
    /// There while nobody but the first recipients may be sent to.
    canary: Option<Gate>,
    in_flight_cost: Micros,
    throttled_in_a_row: u32,
    throttled_until: Duration,
    /// There while the journal cannot be written.
    trouble: Option<Trouble>,
    stopped: Option<(StopReason, Reason)>,
}

/// A retry and when it is due. Ordered by due time, then plan order.
#[derive(Debug)]
struct Retry {
    due: Duration,
    work: Work,
}

impl PartialEq for Retry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Retry {}
impl PartialOrd for Retry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Retry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.work.chunk.first).cmp(&(other.due, other.work.chunk.first))
    }
}

impl Lane {
    /// A lane that has not sent anything yet.
    pub fn new(settings: LaneSettings) -> Self {
        let LaneSettings { pacing, least_round_trip, max_in_flight, silent_for, .. } = settings;
        let mut pacer = Pacer::new(&settings.rates, pacing, least_round_trip, max_in_flight);
        pacer.hold(silent_for);
        // Two full flights, or a thousandth of the plan where that is more.
        let flight = u64::from(max_in_flight) * u64::from(settings.chunk);
        let budget = (2 * flight).max(settings.planned / 1_000);
        let mut lane = Self {
            pacer,
            ahead: Ahead::new(settings.chunk),
            ready: VecDeque::new(),
            retries: BinaryHeap::new(),
            pass: Pass::default(),
            breaker: Breaker::new(settings.patience, budget, settings.probe),
            canary: settings.canary.map(Gate::new),
            in_flight_cost: Micros::ZERO,
            throttled_in_a_row: 0,
            throttled_until: silent_for,
            trouble: None,
            stopped: None,
            settings,
        };
        // Whoever settled them may have ended before they were judged.
        lane.judge_canary();
        if silent_for > Failure::LONGEST_WAIT {
            let minutes = silent_for.as_secs().div_ceil(60);
            lane.stop(StopReason::Silence, &format!("for another {} h {} min", minutes / 60, minutes % 60));
        }
        lane
    }

    /// What to do at `now`. `spent` is what the journal counts against the cap so far, open
    /// attempts included.
    pub fn poll(&mut self, now: Duration, spent: Micros) -> Step {
        let in_flight = self.pacer.in_flight();
        if let Some((reason, detail)) = &self.stopped {
            return if in_flight > 0 {
                Step::Wait(Pause::Draining)
            } else {
                Step::Done(Ending::Stopped { reason: *reason, detail: detail.clone() })
            };
        }
        if now < self.settings.not_before {
            return Step::Wait(Pause::Scheduled(self.settings.not_before));
        }
        if self.pass.is_due(now) {
            // What is under way is settled first: the journal may not have its claim yet.
            if in_flight > 0 {
                return Step::Wait(Pause::InFlight);
            }
            let retries = self.retries.iter().map(|retry| &retry.0.work);
            self.pass = Pass::again(self.ready.iter().chain(retries));
        }
        while self.retries.peek().is_some_and(|retry| retry.0.due <= now) {
            self.ready.extend(self.retries.pop().map(|retry| retry.0.work));
        }
        let Some(next) = self.ready.front() else {
            if let Some(from) = self.pass.next() {
                return Step::Fetch { from, most: self.fetch_size() };
            }
            let retry = self.retries.peek().map(|retry| Pause::Retry(retry.0.due));
            let retry = retry.map(|retry| self.breaker.pause(now).unwrap_or(retry));
            let pauses = [retry, self.pass.pause()].into_iter().flatten();
            return match pauses.min_by_key(Pause::until) {
                None if in_flight == 0 => Step::Done(Ending::Finished),
                Some(pause) if in_flight == 0 || !matches!(pause, Pause::Window { .. }) => Step::Wait(pause),
                _ => Step::Wait(Pause::InFlight),
            };
        };
        match self.trouble.as_ref().map(|trouble| trouble.look(now)) {
            None => {}
            Some(Look::Later(pause)) => return Step::Wait(pause),
            Some(Look::Try(pause)) => return Step::Trial(pause),
            Some(Look::GiveUp) => {
                self.stop_for_trouble();
                return self.poll(now, spent);
            }
        }
        if self.canary.as_ref().is_some_and(|gate| gate.room() == 0) {
            if in_flight > 0 {
                return Step::Wait(Pause::InFlight);
            }
            // All of them are settled, and nothing of it stopped the lane.
            self.canary = None;
        }
        if let Some(pause) = self.breaker.pause(now) {
            return Step::Wait(pause);
        }
        if self.breaker.is_open() && in_flight > 0 {
            return Step::Wait(Pause::InFlight);
        }
        if !self.affordable(next, spent) {
            // The journal counts what is in flight too, so this count is careful; decide when it is exact.
            if in_flight > 0 {
                return Step::Wait(Pause::InFlight);
            }
            self.stop(StopReason::CostCap, "");
            return self.poll(now, spent);
        }
        match self.pacer.poll(now) {
            Go::Now => self.send_next(),
            Go::At(at) if now < self.throttled_until => Step::Wait(Pause::Throttled(at)),
            Go::At(at) => Step::Wait(Pause::Rate(at)),
            Go::AfterReply => Step::Wait(Pause::InFlight),
        }
    }

    /// The journal's answer to [`Step::Fetch`]; none means that nobody further is pending.
    pub fn on_chunks(&mut self, fetched: impl Into<Fetched>) {
        let chunks = self.pass.on_fetched(fetched.into());
        self.ready.extend(chunks.into_iter().map(|chunk| Work { chunk: Arc::new(chunk), tries: 0 }));
    }

    /// The send window of somebody in `work` closed before its intent: nothing was claimed or sent,
    /// and all of them stay pending for another pass.
    pub fn on_closed(&mut self, work: &Work, closed: Closed, now: Duration) {
        self.release(work, now);
        self.pass.leave_out(closed);
    }

    /// The wall clock was set: whoever was left out for it is looked at again.
    pub fn on_clock_set(&mut self, now: Duration) {
        self.pass.on_clock_set(now);
    }

    /// Nothing was sent of `work`: its recipients go in these chunks instead, next and in this order.
    pub fn on_parts(&mut self, work: &Work, parts: Vec<Chunk>, now: Duration) {
        self.release(work, now);
        for part in parts.into_iter().rev() {
            self.ready.push_front(Work { chunk: Arc::new(part), tries: work.tries });
        }
    }

    /// The attempt at `work` ended with `outcome`, which is durable. `ended` is when its answer
    /// came; `random` is any 64 random bits, for the wait before a retry.
    pub fn on_end(&mut self, work: Work, outcome: &Outcome, ended: Duration, now: Duration, random: u64) {
        self.release(&work, ended);
        if let Some(gate) = &mut self.canary {
            gate.on_end(&work.chunk, outcome);
            // Before any other reason to stop: it says more of what is to be looked at.
            self.judge_canary();
        }
        let failure = match outcome {
            Outcome::Answered(answer) => {
                self.throttled_in_a_row = 0;
                let doubtful = doubtful(&answer.verdicts, work.chunk.len());
                let stop = self.breaker.on_answer(doubtful, now);
                self.stop_for(stop);
                if let Verdicts::Each(verdicts) = &answer.verdicts {
                    self.put_back(&work, verdicts, now, random);
                }
                return;
            }
            Outcome::Failed(failure) => failure,
        };
        let (fate, recipients) = (failure.class.rule().fate, work.chunk.len());
        match fate {
            Fate::Retry => {
                let tries = work.tries + 1;
                let wait = backoff::wait(tries, failure.retry_after.unwrap_or_default(), random);
                self.retries.push(Reverse(Retry { due: now + wait, work: Work { tries, ..work } }));
            }
            Fate::Back => self.ready.push_front(work),
            Fate::Split => self.split(&work),
            Fate::Refuse | Fate::AsAnswered | Fate::Doubt => {}
        }
        let doubtful = if fate == Fate::Doubt { recipients } else { 0 };
        self.effect(failure, u64::from(doubtful), now);
    }

    /// Takes those up again of whom an answer says that they were not taken, neighbours together,
    /// and does what the gravest of the reasons asks for: no funds, or else the first.
    fn put_back(&mut self, work: &Work, verdicts: &[Verdict], now: Duration, random: u64) {
        let why = |verdict: &Verdict| match verdict {
            Verdict::NotTaken { class, reason } => Some(Failure::new(*class, reason.as_str())),
            _ => None,
        };
        let failures = || verdicts.iter().filter_map(why);
        let gravest =
            failures().find(|failure| failure.class == Class::NoFunds).or_else(|| failures().next());
        let Some(failure) = gravest else { return };
        let tries = work.tries + 1;
        let wait = backoff::wait(tries, Duration::ZERO, random);
        for run in work.chunk.runs(|index| why(&verdicts[index]).is_some()) {
            let work = Work { chunk: Arc::new(run), tries };
            self.retries.push(Reverse(Retry { due: now + wait, work }));
        }
        self.effect(&failure, 0, now);
    }

    /// What a failure that left `doubtful` recipients in doubt does to the lane.
    fn effect(&mut self, failure: &Failure, doubtful: u64, now: Duration) {
        if failure.class.rule().lane == LaneEffect::Throttle {
            // Requests that were in flight together are refused together: that is once.
            self.throttled_in_a_row += u32::from(now >= self.throttled_until);
            let silence = backoff::silence(self.throttled_in_a_row, failure.retry_after);
            self.pacer.on_throttled(now, silence);
            self.throttled_until = self.throttled_until.max(now + silence);
            if silence > Failure::LONGEST_WAIT {
                self.stop(StopReason::Silence, failure.reason.as_str());
            }
        }
        let stop = self.breaker.on_failure(failure, doubtful, now);
        self.stop_for(stop);
    }

    /// The intent for `work` could not be made durable, so nothing was sent. What passes is waited
    /// for.
    pub fn on_unclaimed(&mut self, work: Work, now: Duration, why: &str, is_passing: bool) {
        self.release(&work, now);
        self.ready.push_front(work);
        if is_passing {
            self.on_trouble(now, why);
        } else {
            self.stop(StopReason::Journal, why);
        }
    }

    /// The attempt at `work` ended at `ended`, and its outcome will never be durable: it is open
    /// in the journal, and doubt at the next start.
    pub fn on_unsaved(&mut self, work: &Work, ended: Duration, why: &str) {
        self.release(work, ended);
        self.stop(StopReason::Journal, why);
    }

    /// The intent for `work` was not made after all: it is next again.
    pub fn on_withdrawn(&mut self, work: Work, now: Duration) {
        self.release(&work, now);
        self.ready.push_front(work);
    }

    /// A request left that [`Step::Send`] was for: its intent was durable.
    pub fn on_sent(&mut self) {
        self.ahead.on_sent();
    }

    /// A commit was durable at `now`, and the first of its writes had waited for that so long:
    /// what leaves meanwhile is how far ahead intents are made. How far that is now.
    pub fn on_commit(&mut self, now: Duration, took: Duration) -> u32 {
        let ahead = self.ahead.on_commit(now, took);
        self.pacer.set_max_in_flight(self.settings.max_in_flight.saturating_add(ahead));
        ahead
    }

    /// Whether a request whose intent is durable may leave. One that may not is put back: its end
    /// is [`Class::HeldBack`].
    pub fn may_send(&self, now: Duration) -> bool {
        self.stopped.is_none()
            && self.trouble.is_none()
            && now >= self.throttled_until
            && self.breaker.pause(now).is_none()
    }

    /// The chunks to ask the journal for before they are missed, as in [`Step::Fetch`].
    pub fn wants(&self) -> Option<(Position, usize)> {
        let most = self.fetch_size();
        let few = self.ready.len() < most.div_ceil(2) && self.stopped.is_none();
        self.pass.next().filter(|_| few).map(|from| (from, most))
    }

    /// Whether chunks that were asked for from `from` on are still to come: a pass that began anew
    /// meanwhile asks again.
    pub fn awaits(&self, from: Position) -> bool {
        self.pass.next() == Some(from)
    }

    /// Something could not be written at `now`, and will be offered again.
    pub fn on_trouble(&mut self, now: Duration, why: &str) {
        match &mut self.trouble {
            Some(trouble) => trouble.on_failure(now, why),
            None => self.trouble = Some(Trouble::new(now, why)),
        }
    }

    /// What came of [`Step::Trial`]: `None` where it was written.
    pub fn on_trial(&mut self, now: Duration, fault: Option<&str>) {
        match fault {
            Some(why) => self.on_trouble(now, why),
            None => self.trouble = None,
        }
    }

    /// Claims nothing more. The first reason stays. Whoever interrupts a lane that waits for the
    /// journal is told of that.
    pub fn stop(&mut self, reason: StopReason, detail: &str) {
        if reason == StopReason::Interrupted {
            self.stop_for_trouble();
        }
        self.stopped.get_or_insert_with(|| (reason, Reason::from(detail)));
    }

    fn stop_for_trouble(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            self.stop(StopReason::Journal, trouble.detail.as_str());
        }
    }

    /// Stops where the first recipients went wrong.
    fn judge_canary(&mut self) {
        let why = self.canary.as_ref().and_then(Gate::fault);
        self.stop_for(why.map(|why| (StopReason::Canary, why)));
    }

    fn stop_for(&mut self, why: Option<(StopReason, Reason)>) {
        if let Some((reason, detail)) = why {
            self.stop(reason, detail.as_str());
        }
    }

    /// A request that an earlier process made, `ago` before `now`: rates bind across restarts.
    pub fn on_earlier_request(&mut self, now: Duration, ago: Duration) {
        self.pacer.on_earlier(now, ago);
    }

    /// Why it claims nothing more; `None` while it does.
    pub fn stopped(&self) -> Option<(StopReason, &Reason)> {
        self.stopped.as_ref().map(|(reason, detail)| (*reason, detail))
    }

    /// Requests that were handed out and whose end was not heard of.
    pub fn in_flight(&self) -> u32 {
        self.pacer.in_flight()
    }

    fn send_next(&mut self) -> Step {
        let mut work = self.ready.pop_front().expect("the caller saw it");
        let room = self.canary.as_ref().map_or(usize::MAX, Gate::room);
        let most = if self.breaker.is_open() { 1 } else { room };
        if let Some((head, rest)) = work.chunk.cut_at(most) {
            self.ready.push_front(Work { chunk: Arc::new(rest), tries: work.tries });
            work.chunk = Arc::new(head);
        }
        if let Some(gate) = &mut self.canary {
            gate.on_claimed(work.chunk.len());
        }
        self.breaker.on_sent();
        let cost = work.chunk.cost().expect("the plan's total was checked");
        self.in_flight_cost = self.in_flight_cost.checked_add(cost).expect("part of the plan's total");
        Step::Send(work)
    }

    fn release(&mut self, work: &Work, ended: Duration) {
        self.pacer.on_end(ended);
        if let Some(gate) = &mut self.canary {
            gate.on_released(work.chunk.len());
        }
        let cost = work.chunk.cost().expect("the plan's total was checked");
        self.in_flight_cost = self.in_flight_cost.checked_sub(cost).expect("it was added before");
    }

    fn affordable(&self, work: &Work, spent: Micros) -> bool {
        let Some(cap) = self.settings.max_cost else { return true };
        let total =
            work.chunk.cost().and_then(|cost| spent.checked_add(self.in_flight_cost)?.checked_add(cost));
        total.is_some_and(|total| total <= cap)
    }

    /// A refused chunk in two halves. The shell refuses a single recipient by itself.
    fn split(&mut self, work: &Work) {
        if let Some((head, tail)) = work.chunk.halves() {
            for half in [tail, head] {
                self.ready.push_front(Work { chunk: Arc::new(half), tries: work.tries });
            }
        }
    }

    /// Chunks to ask the journal for: enough for every place in flight, few where they are large.
    fn fetch_size(&self) -> usize {
        let in_flight = self.settings.max_in_flight as usize;
        let chunk = self.settings.chunk.max(1) as usize;
        (2_048 / chunk).max(in_flight.min(65_536 / chunk + 1)).min(8_192)
    }
}

/// How many of `recipients` an answer leaves in doubt.
fn doubtful(verdicts: &Verdicts, recipients: u32) -> u64 {
    match verdicts {
        Verdicts::AllAccepted => 0,
        Verdicts::AllInDoubt { .. } => u64::from(recipients),
        Verdicts::Each(each) => {
            each.iter().filter(|verdict| matches!(verdict, Verdict::InDoubt { .. })).count() as u64
        }
    }
}

/// The outcome to record for a chunk of `recipients`: one that cannot be split any further is
/// refused instead.
pub(crate) fn final_outcome(outcome: Outcome, recipients: u32) -> Outcome {
    match outcome {
        Outcome::Failed(mut failure) if failure.class.rule().fate == Fate::Split && recipients == 1 => {
            failure.class = Class::BadRequest;
            Outcome::Failed(failure)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
