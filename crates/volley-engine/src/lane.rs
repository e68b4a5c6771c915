//! What one provider account does next: a state machine without clock, socket or task.
//!
//! The shell asks [`Lane::poll`] what to do, does it, and reports what came of it. Every rule
//! about retries, the breaker, the cap and stopping is here and can be tested by calling it.

use crate::{
    ahead::Ahead,
    backoff,
    pace::{Go, Pacer},
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
    time::Duration,
};
use volley_core::{
    Chunk, Class, Failure, Fate, LaneEffect, Micros, Outcome, Position, Rate, Reason, StopReason, Verdict,
    Verdicts,
};

/// What a lane keeps to.
#[derive(Clone, Debug)]
pub struct LaneSettings {
    /// Stacked rates; all hold. Empty: no limit.
    pub rates: Vec<Rate>,
    /// Whether the provider counts strictly; see [`Pacer::new`].
    pub strict: bool,
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
    /// Nothing is sent before, measured from the start of the run: a schedule that the provider
    /// cannot be handed.
    pub not_before: Duration,
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
    /// Nothing can be done before the pause ends, an answer comes, or someone asks to stop.
    Wait(Pause),
    /// The run is over and nothing is in flight.
    Done(Ending),
}

/// Why nothing is being sent, and until when, measured from the same start as `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The campaign is to be sent then, and the provider cannot be handed that time.
    Scheduled(Duration),
    /// The rate allows the next request then.
    Rate(Duration),
    /// The provider asked for silence until then.
    Throttled(Duration),
    /// A retry is due then.
    Retry(Duration),
    /// As many requests wait for an answer as may.
    InFlight,
    /// What is in flight finishes; nothing new is claimed.
    Draining,
}

impl Pause {
    /// When it ends by itself; `None` where only an answer ends it.
    pub fn until(self) -> Option<Duration> {
        match self {
            Self::Scheduled(at) | Self::Rate(at) | Self::Throttled(at) | Self::Retry(at) => Some(at),
            Self::InFlight | Self::Draining => None,
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
    fetched_to: Position,
    exhausted: bool,
    probing: bool,
    in_flight_cost: Micros,
    /// Failures in a row that may stop the lane, and what they would stop it for.
    streak: Option<(StopReason, u32)>,
    throttled_in_a_row: u32,
    throttled_until: Duration,
    doubtful_recipients: u64,
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
        let pacer = Pacer::new(&settings.rates, settings.strict, settings.max_in_flight);
        Self {
            pacer,
            ahead: Ahead::new(settings.chunk),
            ready: VecDeque::new(),
            retries: BinaryHeap::new(),
            fetched_to: Position(0),
            exhausted: false,
            probing: settings.probe,
            in_flight_cost: Micros::ZERO,
            streak: None,
            throttled_in_a_row: 0,
            throttled_until: Duration::ZERO,
            doubtful_recipients: 0,
            stopped: None,
            settings,
        }
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
        while self.retries.peek().is_some_and(|retry| retry.0.due <= now) {
            self.ready.extend(self.retries.pop().map(|retry| retry.0.work));
        }
        let Some(next) = self.ready.front() else {
            if !self.exhausted {
                return Step::Fetch { from: self.fetched_to, most: self.fetch_size() };
            }
            return match self.retries.peek() {
                Some(retry) => Step::Wait(Pause::Retry(retry.0.due)),
                None if in_flight > 0 => Step::Wait(Pause::InFlight),
                None => Step::Done(Ending::Finished),
            };
        };
        if self.probing && in_flight > 0 {
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
    pub fn on_chunks(&mut self, chunks: Vec<Chunk>) {
        self.exhausted = chunks.is_empty();
        if let Some(last) = chunks.last() {
            self.fetched_to = Position(last.first.0 + last.len());
        }
        self.ready.extend(chunks.into_iter().map(|chunk| Work { chunk: Arc::new(chunk), tries: 0 }));
    }

    /// The attempt at `work` ended with `outcome`, which is durable. `ended` is when its answer
    /// came; `random` is any 64 random bits, for the wait before a retry.
    pub fn on_end(&mut self, work: Work, outcome: &Outcome, ended: Duration, now: Duration, random: u64) {
        self.release(&work, ended);
        let failure = match outcome {
            Outcome::Answered(answer) => {
                self.streak = None;
                self.throttled_in_a_row = 0;
                self.probing = false;
                self.count_doubt(doubtful(&answer.verdicts, work.chunk.len()));
                if let Verdicts::Each(verdicts) = &answer.verdicts {
                    self.put_back(&work, verdicts, now, random);
                }
                return;
            }
            Outcome::Failed(failure) => failure,
        };
        let rule = failure.class.rule();
        match rule.fate {
            Fate::Retry => {
                let tries = work.tries + 1;
                let wait = backoff::wait(tries, failure.retry_after.unwrap_or_default(), random);
                self.retries.push(Reverse(Retry { due: now + wait, work: Work { tries, ..work } }));
            }
            Fate::Back => self.ready.push_front(work),
            Fate::Split => self.split(&work),
            Fate::Refuse | Fate::AsAnswered => {}
            Fate::Doubt => self.count_doubt(u64::from(work.chunk.len())),
        }
        self.effect(failure, now);
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
        self.effect(&failure, now);
    }

    /// What a failure does to the lane.
    fn effect(&mut self, failure: &Failure, now: Duration) {
        let rule = failure.class.rule();
        match rule.lane {
            LaneEffect::GoOn => {}
            LaneEffect::Throttle => {
                // Requests that were in flight together are refused together: that is once.
                self.throttled_in_a_row += u32::from(now >= self.throttled_until);
                let silence = backoff::silence(self.throttled_in_a_row, failure.retry_after);
                self.pacer.on_throttled(now, silence);
                self.throttled_until = self.throttled_until.max(now + silence);
            }
            LaneEffect::StopAfter(most, reason) => {
                let before = self.streak.filter(|(same, _)| *same == reason).map_or(0, |(_, count)| count);
                self.streak = Some((reason, before + 1));
                if before + 1 >= most || (self.probing && rule.fate == Fate::Doubt) {
                    self.stop(reason, failure.reason.as_str());
                }
            }
            LaneEffect::Stop(reason) => self.stop(reason, failure.reason.as_str()),
        }
    }

    /// The intent for `work` could not be made durable, so nothing was sent.
    pub fn on_unclaimed(&mut self, work: &Work, now: Duration, why: &str) {
        self.release(work, now);
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
        self.stopped.is_none() && now >= self.throttled_until
    }

    /// The chunks to ask the journal for before they are missed, as in [`Step::Fetch`].
    pub fn wants(&self) -> Option<(Position, usize)> {
        let most = self.fetch_size();
        let few = self.ready.len() < most.div_ceil(2) && !self.exhausted && self.stopped.is_none();
        few.then_some((self.fetched_to, most))
    }

    /// Claims nothing more. The first reason stays.
    pub fn stop(&mut self, reason: StopReason, detail: &str) {
        self.stopped.get_or_insert_with(|| (reason, Reason::from(detail)));
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
        if self.probing
            && let Some((one, rest)) = work.chunk.cut_at(1)
        {
            self.ready.push_front(Work { chunk: Arc::new(rest), tries: work.tries });
            work.chunk = Arc::new(one);
        }
        let cost = work.chunk.cost().expect("the plan's total was checked");
        self.in_flight_cost = self.in_flight_cost.checked_add(cost).expect("part of the plan's total");
        Step::Send(work)
    }

    fn release(&mut self, work: &Work, ended: Duration) {
        self.pacer.on_end(ended);
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

    /// Open doubt above two full flights, or a thousandth of the plan where that is more, stops
    /// the lane: a storm must not put a whole campaign in doubt.
    fn count_doubt(&mut self, recipients: u64) {
        self.doubtful_recipients += recipients;
        let two_flights = 2 * u64::from(self.settings.max_in_flight) * u64::from(self.settings.chunk);
        if self.doubtful_recipients > two_flights.max(self.settings.planned / 1_000) {
            self.stop(StopReason::Breaker, "too many recipients in doubt");
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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use volley_core::{Answer, Billed, Msisdn, Planned, RowNumber};

    const SECOND: Duration = Duration::from_secs(1);
    /// What each recipient of these tests costs.
    const PRICE: Micros = Micros(50_000);

    fn settings() -> LaneSettings {
        LaneSettings {
            rates: Vec::new(),
            strict: false,
            max_in_flight: 1,
            chunk: 10,
            planned: 1_000,
            max_cost: None,
            probe: false,
            not_before: Duration::ZERO,
        }
    }

    fn chunks(plan: u32, size: u32) -> Vec<Chunk> {
        let recipient = |position: u32| Planned {
            row: RowNumber(position + 1),
            to: Msisdn::from_digits(61_491_570_000 + u64::from(position)).expect("fictitious"),
            text: 0,
            segments: 1,
            cost: PRICE,
        };
        (0..plan)
            .step_by(size as usize)
            .map(|first| Chunk {
                first: Position(first),
                texts: vec![Arc::from("Hi")],
                recipients: (first..plan.min(first + size)).map(recipient).collect(),
            })
            .collect()
    }

    /// A lane with `plan` recipients in chunks of `size`, all of them fetched.
    fn lane(settings: LaneSettings, plan: u32, size: u32) -> Lane {
        let mut lane = Lane::new(settings);
        lane.on_chunks(chunks(plan, size));
        lane.exhausted = true;
        lane
    }

    fn accepted() -> Outcome {
        let (request_id, billed) = (Some("1".to_owned()), Billed::Unknown);
        Outcome::Answered(Answer { request_id, verdicts: Verdicts::AllAccepted, billed, segments: None })
    }

    fn failed(class: Class) -> Outcome {
        Failure::new(class, "seen").into()
    }

    fn next_work(lane: &mut Lane, now: Duration) -> Work {
        match lane.poll(now, Micros::ZERO) {
            Step::Send(work) => work,
            other => panic!("expected work, not {other:?}"),
        }
    }

    /// Gives each request in turn the same answer; how many were made before the lane stopped.
    fn requests_until_stopped(class: Class) -> (u32, Option<StopReason>) {
        let mut lane = lane(LaneSettings { planned: 1_000_000, ..settings() }, 400, 10);
        let mut now = Duration::ZERO;
        for made in 0..100 {
            loop {
                match lane.poll(now, Micros::ZERO) {
                    Step::Send(work) => {
                        lane.on_end(work, &failed(class), now, now, 0);
                        break;
                    }
                    Step::Wait(pause) => now = pause.until().expect("nothing is in flight"),
                    Step::Done(Ending::Stopped { reason, .. }) => return (made, Some(reason)),
                    Step::Done(Ending::Finished) => return (made, None),
                    Step::Fetch { .. } => panic!("all was fetched"),
                }
            }
        }
        (100, None)
    }

    #[test]
    fn failures_stop_the_lane_as_the_table_says() {
        use StopReason as S;
        for (class, requests, reason) in [
            (Class::NameResolution, 5, Some(S::Unreachable)),
            (Class::ConnectRefused, 5, Some(S::Unreachable)),
            (Class::ConnectTimeout, 100, None),
            (Class::TlsFailed, 1, Some(S::Configuration)),
            (Class::Unbuildable, 5, Some(S::RefusedAlike)),
            (Class::ReplyLost, 5, Some(S::Breaker)),
            (Class::NotTheApi, 1, Some(S::Suspicious)),
            (Class::MovedUntaken, 1, Some(S::Configuration)),
            (Class::BadRequest, 40, None),
            (Class::Credentials, 1, Some(S::Credentials)),
            (Class::NoFunds, 1, Some(S::Balance)),
            (Class::Throttled, 100, None),
            (Class::OtherRefusal, 5, Some(S::RefusedAlike)),
        ] {
            assert_eq!(requests_until_stopped(class), (requests, reason), "{class:?}");
        }
    }

    #[test]
    fn five_lost_replies_in_a_row_open_the_breaker_and_an_answer_in_between_does_not() {
        for (answer_after, stopped) in [(None, true), (Some(4), false)] {
            let mut lane = lane(LaneSettings { chunk: 1, planned: 100_000, ..settings() }, 40, 1);
            for request in 0..8 {
                let Step::Send(work) = lane.poll(SECOND, Micros::ZERO) else { break };
                let outcome =
                    if answer_after == Some(request) { accepted() } else { failed(Class::ReplyLost) };
                lane.on_end(work, &outcome, SECOND, SECOND, 0);
            }
            assert_eq!(lane.stopped.is_some(), stopped, "answered after {answer_after:?}");
        }
    }

    #[test]
    fn doubt_above_two_flights_or_a_thousandth_of_the_plan_stops_the_lane() {
        for (planned, requests_in_doubt) in [(1_000, 3), (40_000, 5)] {
            let mut lane = lane(LaneSettings { planned, ..settings() }, 400, 10);
            let mut made = 0;
            while let Step::Send(work) = lane.poll(SECOND, Micros::ZERO) {
                lane.on_end(work, &failed(Class::Conflict), SECOND, SECOND, 0);
                made += 1;
            }
            assert_eq!(made, requests_in_doubt, "of {planned}");
        }
    }

    #[test]
    fn a_throttled_chunk_goes_again_first_and_not_before_the_stated_time() {
        let mut lane = lane(settings(), 30, 10);
        let work = next_work(&mut lane, SECOND);
        let mut failure = Failure::new(Class::Throttled, "too fast");
        failure.retry_after = Some(9 * SECOND);
        lane.on_end(work, &failure.into(), 2 * SECOND, 2 * SECOND, 0);
        for now in [2, 5, 10] {
            let step = lane.poll(now * SECOND, Micros::ZERO);
            assert!(matches!(step, Step::Wait(Pause::Throttled(at)) if at == 11 * SECOND), "{now}: {step:?}");
        }
        assert_eq!(next_work(&mut lane, 11 * SECOND).chunk.first, Position(0));
    }

    #[test]
    fn refusals_of_one_flight_count_once() {
        let mut lane = lane(LaneSettings { max_in_flight: 4, ..settings() }, 80, 10);
        let flight: Vec<Work> = (0..4).map(|_| next_work(&mut lane, SECOND)).collect();
        for work in flight {
            lane.on_end(work, &failed(Class::Throttled), SECOND, SECOND, 0);
        }
        assert!(
            matches!(lane.poll(SECOND, Micros::ZERO), Step::Wait(Pause::Throttled(at)) if at == 2 * SECOND)
        );
        let again = next_work(&mut lane, 2 * SECOND);
        lane.on_end(again, &failed(Class::Throttled), 2 * SECOND, 2 * SECOND, 0);
        let step = lane.poll(2 * SECOND, Micros::ZERO);
        assert!(matches!(step, Step::Wait(Pause::Throttled(at)) if at == 4 * SECOND), "{step:?}");
    }

    /// An answer of one verdict for each of ten recipients, by a word of ten letters: taken, refused,
    /// no funds, later, in doubt.
    fn each(verdicts: &str) -> Outcome {
        let untaken = |class| Verdict::NotTaken { class, reason: "later".into() };
        let verdict = |letter| match letter {
            't' => Verdict::Accepted { id: Some("m".to_owned()), billed: None, segments: None },
            'r' => Verdict::Refused { code: "no".into() },
            'f' => untaken(Class::NoFunds),
            'l' => untaken(Class::Throttled),
            _ => Verdict::InDoubt { reason: "unsaid".into() },
        };
        let verdicts = Verdicts::Each(verdicts.chars().map(verdict).collect());
        Outcome::Answered(Answer { request_id: None, verdicts, billed: Billed::Unknown, segments: None })
    }

    #[test]
    fn whoever_was_not_taken_is_sent_again_and_nobody_else() {
        let mut lane = lane(settings(), 10, 10);
        let work = next_work(&mut lane, SECOND);
        lane.on_end(work, &each("tllrtdltll"), SECOND, SECOND, 0);
        assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Wait(Pause::Throttled(_) | Pause::Retry(_))));
        let again: Vec<(u32, u32)> = (0..3)
            .map(|step| {
                let work = next_work(&mut lane, (step + 5) * SECOND);
                let part = (work.chunk.first.0, work.chunk.len());
                let taken = "t".repeat(part.1 as usize);
                lane.on_end(work, &each(&taken), (step + 5) * SECOND, (step + 5) * SECOND, 0);
                part
            })
            .collect();
        assert_eq!(again, [(1, 2), (6, 1), (8, 2)]);
        assert!(matches!(lane.poll(20 * SECOND, Micros::ZERO), Step::Done(Ending::Finished)));
    }

    #[test]
    fn an_item_without_funds_stops_the_lane_and_stays_pending() {
        let mut lane = lane(settings(), 20, 10);
        let work = next_work(&mut lane, SECOND);
        lane.on_end(work, &each("ttttlftttt"), SECOND, SECOND, 0);
        let step = lane.poll(SECOND, Micros::ZERO);
        let stopped = matches!(&step, Step::Done(Ending::Stopped { reason: StopReason::Balance, .. }));
        assert!(stopped, "{step:?}");
    }

    #[test]
    fn doubt_is_never_sent_again() {
        let mut lane = lane(settings(), 20, 10);
        let work = next_work(&mut lane, SECOND);
        lane.on_end(work, &failed(Class::ReplyLost), SECOND, SECOND, 0);
        assert_eq!(next_work(&mut lane, SECOND).chunk.first, Position(10));
    }

    #[test]
    fn a_chunk_too_large_is_halved_and_a_single_one_refused() {
        let mut lane = lane(settings(), 10, 10);
        let work = next_work(&mut lane, SECOND);
        lane.on_end(work, &failed(Class::TooLarge), SECOND, SECOND, 0);
        let head = next_work(&mut lane, SECOND);
        assert_eq!((head.chunk.first, head.chunk.len()), (Position(0), 5));
        let refused = final_outcome(failed(Class::TooLarge), 1);
        assert!(matches!(refused, Outcome::Failed(failure) if failure.class.rule().fate == Fate::Refuse));
        assert_eq!(final_outcome(failed(Class::TooLarge), 2), failed(Class::TooLarge));
    }

    #[test]
    fn the_cap_is_decided_with_nothing_in_flight_and_never_passed() {
        let cap = Micros(20 * PRICE.0);
        let mut lane = lane(LaneSettings { max_in_flight: 4, max_cost: Some(cap), ..settings() }, 40, 10);
        let first = next_work(&mut lane, SECOND);
        let second = next_work(&mut lane, SECOND);
        assert!(matches!(lane.poll(SECOND, Micros(20 * PRICE.0)), Step::Wait(Pause::InFlight)));
        for work in [first, second] {
            lane.on_end(work, &accepted(), SECOND, SECOND, 0);
        }
        let ending = lane.poll(SECOND, Micros(20 * PRICE.0));
        assert!(
            matches!(ending, Step::Done(Ending::Stopped { reason: StopReason::CostCap, .. })),
            "{ending:?}"
        );
    }

    #[test]
    fn a_cheaper_bill_leaves_room_under_the_cap() {
        let cap = Micros(20 * PRICE.0);
        let mut lane = lane(LaneSettings { max_cost: Some(cap), ..settings() }, 40, 10);
        for billed in [0, 5, 10] {
            let Step::Send(work) = lane.poll(SECOND, Micros(billed * PRICE.0)) else {
                panic!("{billed} fit")
            };
            lane.on_end(work, &accepted(), SECOND, SECOND, 0);
        }
    }

    #[test]
    fn a_probe_is_one_recipient_alone_and_opens_the_lane_when_answered() {
        let mut lane = lane(LaneSettings { probe: true, max_in_flight: 4, ..settings() }, 20, 10);
        let probe = next_work(&mut lane, SECOND);
        assert_eq!((probe.chunk.first, probe.chunk.len()), (Position(0), 1));
        assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Wait(Pause::InFlight)));
        lane.on_end(probe, &accepted(), SECOND, SECOND, 0);
        let rest = next_work(&mut lane, SECOND);
        assert_eq!((rest.chunk.first, rest.chunk.len()), (Position(1), 9));
    }

    #[test]
    fn a_probe_without_an_answer_stops_at_once() {
        let mut lane = lane(LaneSettings { probe: true, ..settings() }, 20, 10);
        let probe = next_work(&mut lane, SECOND);
        lane.on_end(probe, &failed(Class::ServerError), SECOND, SECOND, 0);
        let step = lane.poll(SECOND, Micros::ZERO);
        assert!(matches!(step, Step::Done(Ending::Stopped { reason: StopReason::Breaker, .. })), "{step:?}");
    }

    #[test]
    fn stopping_waits_for_what_is_in_flight_and_claims_nothing_more() {
        let mut lane = lane(LaneSettings { max_in_flight: 2, ..settings() }, 40, 10);
        let work = next_work(&mut lane, SECOND);
        lane.stop(StopReason::Interrupted, "");
        assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Wait(Pause::Draining)));
        lane.on_end(work, &accepted(), SECOND, SECOND, 0);
        let step = lane.poll(SECOND, Micros::ZERO);
        assert!(matches!(step, Step::Done(Ending::Stopped { reason: StopReason::Interrupted, .. })));
    }

    #[test]
    fn a_quick_lane_hands_out_more_than_it_has_places_for_and_no_other() {
        for (chunk, left, handed_out) in [(1, 400, 4 + 80), (1, 79, 4), (2, 400, 4)] {
            let mut lane = lane(LaneSettings { max_in_flight: 4, chunk, ..settings() }, 2_000, chunk);
            (0..left).for_each(|_| lane.on_sent());
            // A tenth of them left while one commit was under way.
            lane.on_commit(SECOND, SECOND / 10);
            let steps = std::iter::from_fn(|| match lane.poll(SECOND, Micros::ZERO) {
                Step::Send(work) => Some(work),
                _ => None,
            });
            assert_eq!(steps.count(), handed_out, "{left} left in a second, chunks of {chunk}");
        }
    }

    #[test]
    fn what_was_withdrawn_is_next_again() {
        let mut lane = lane(settings(), 30, 10);
        let work = next_work(&mut lane, SECOND);
        lane.on_withdrawn(work, SECOND);
        assert_eq!(lane.in_flight(), 0);
        assert_eq!(next_work(&mut lane, SECOND).chunk.first, Position(0));
    }

    #[test]
    fn nothing_may_leave_while_the_provider_wants_silence_or_after_a_stop() {
        let mut lane = lane(settings(), 30, 10);
        let work = next_work(&mut lane, SECOND);
        assert!(lane.may_send(SECOND));
        lane.on_end(work, &failed(Class::Throttled), SECOND, SECOND, 0);
        assert_eq!([1, 2].map(|second| lane.may_send(second * SECOND)), [false, true]);
        lane.stop(StopReason::Interrupted, "");
        assert!(!lane.may_send(2 * SECOND));
    }

    #[test]
    fn fetching_goes_on_behind_what_is_known() {
        let mut lane = Lane::new(settings());
        assert!(
            matches!(lane.poll(SECOND, Micros::ZERO), Step::Fetch { from: Position(0), most } if most > 0)
        );
        lane.on_chunks(chunks(25, 10));
        for _ in 0..3 {
            let work = next_work(&mut lane, SECOND);
            lane.on_end(work, &accepted(), SECOND, SECOND, 0);
        }
        assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Fetch { from: Position(25), .. }));
        lane.on_chunks(Vec::new());
        assert!(matches!(lane.poll(SECOND, Micros::ZERO), Step::Done(Ending::Finished)));
    }

    proptest! {
        /// Whatever the answers, nobody is handed out again after an answer that leaves doubt or
        /// settles, and everybody is handed out until the lane stops.
        #[test]
        fn everybody_is_sent_until_settled_and_nobody_after(
            answers in proptest::collection::vec(0_usize..Class::ALL.len() + 20, 1..120),
            in_flight in 1_u32..5,
            seed in any::<u64>(),
        ) {
            let plan = 60;
            let mut lane = lane(LaneSettings { max_in_flight: in_flight, planned: 60, chunk: 7, ..settings() }, plan, 7);
            let mut settled = vec![false; plan as usize];
            // Answers that only ever mean "again" would never end, so all is well after a while.
            let mut answers = answers.into_iter().cycle().take(500);
            let mut open: BTreeMap<u32, Work> = BTreeMap::new();
            let (mut now, mut random) = (Duration::ZERO, seed);
            let ending = loop {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                match lane.poll(now, Micros::ZERO) {
                    Step::Send(work) => {
                        for position in work.chunk.first.0..work.chunk.first.0 + work.chunk.len() {
                            prop_assert!(!settled[position as usize], "{} is settled, seed {}", position, seed);
                        }
                        prop_assert!(open.insert(work.chunk.first.0, work).is_none());
                    }
                    Step::Wait(pause) => {
                        let Some((_, work)) = open.pop_first() else {
                            now = pause.until().expect("only time can end it");
                            continue;
                        };
                        let class = answers.next().and_then(|answer| Class::ALL.get(answer).copied());
                        let class = class.filter(|class| *class != Class::Answered);
                        let outcome = class.map_or_else(accepted, failed);
                        let outcome = final_outcome(outcome, work.chunk.len());
                        let goes_again = matches!(&outcome, Outcome::Failed(failure)
                            if matches!(failure.class.rule().fate, Fate::Retry | Fate::Back | Fate::Split));
                        for position in work.chunk.first.0..work.chunk.first.0 + work.chunk.len() {
                            settled[position as usize] = !goes_again;
                        }
                        lane.on_end(work, &outcome, now, now, random);
                    }
                    Step::Fetch { .. } => panic!("all was fetched"),
                    Step::Done(ending) => break ending,
                }
                now += Duration::from_millis(1);
            };
            prop_assert!(open.is_empty());
            if ending == Ending::Finished {
                prop_assert!(settled.iter().all(|settled| *settled), "someone was lost, seed {}", seed);
            }
        }
    }
}
