//! When a lane breaks off, when it tries again, and when it gives up.
//!
//! A storm of failures must put few people in doubt and ask little of a provider that is down,
//! and yet be over for us soon after it is over there. So the lane pauses, and then sends to one
//! recipient alone, now and then, until one is answered or the campaign's patience is over.

use super::Pause;
use std::{mem, time::Duration};
use volley_core::{Class, Failure, Fate, LaneEffect, Reason, StopReason};

/// From a failure to the next try with one recipient; doubled each time up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// The longest that a provider is left alone, unless it asks for more.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// So many times the doubt that opens the breaker end the run. A storm leaves five requests in
/// doubt and those that were in flight with them, about two full flights: four such storms in
/// one run are for a person to look at, however patient the campaign is.
const STORMS: u64 = 4;

/// Why nothing more is claimed, and what was seen.
pub(super) type Stop = (StopReason, Reason);

#[derive(Debug)]
pub(super) struct Breaker {
    patience: Duration,
    /// More recipients in doubt than this open it.
    budget: u64,
    /// Failures in a row that count, and what for.
    streak: Option<(StopReason, u32)>,
    /// Recipients that this run left in doubt.
    in_doubt: u64,
    /// How many of them there were when the lane went on last.
    forgiven: u64,
    /// There while it is open.
    broken: Option<Broken>,
}

/// What is known while at most one recipient is sent to at a time.
#[derive(Debug)]
struct Broken {
    /// What for, and what was seen last.
    why: Stop,
    /// When it broke off; `None` where an earlier run did.
    since: Option<Duration>,
    /// When the next recipient may be tried.
    until: Duration,
    /// How long the last wait was.
    waited: Duration,
    /// Whether the request to that one recipient is under way.
    is_trying: bool,
}

impl Broken {
    fn new(reason: StopReason, since: Option<Duration>) -> Self {
        let (until, waited) = (Duration::ZERO, Duration::ZERO);
        Self { why: (reason, Reason::from("")), since, until, waited, is_trying: false }
    }
}

impl Breaker {
    /// More recipients in doubt than `budget` open it; `is_open`, where an earlier run left it so.
    pub(super) fn new(patience: Duration, budget: u64, is_open: bool) -> Self {
        let broken = is_open.then(|| Broken::new(StopReason::Breaker, None));
        Self { patience, budget, streak: None, in_doubt: 0, forgiven: 0, broken }
    }

    /// Whether nobody is sent to but one recipient at a time.
    pub(super) fn is_open(&self) -> bool {
        self.broken.is_some()
    }

    /// Why not even one recipient may be tried yet.
    pub(super) fn pause(&self, now: Duration) -> Option<Pause> {
        let broken = self.broken.as_ref().filter(|broken| now < broken.until)?;
        let (reason, detail) = broken.why.clone();
        Some(Pause::Broken { until: broken.until, reason, detail })
    }

    /// A request leaves. While it is open, nothing else is in flight then.
    pub(super) fn on_sent(&mut self) {
        if let Some(broken) = &mut self.broken {
            broken.is_trying = true;
        }
    }

    /// An answer came that leaves `doubtful` recipients in doubt.
    pub(super) fn on_answer(&mut self, doubtful: u64, now: Duration) -> Option<Stop> {
        self.streak = None;
        if doubtful > 0 {
            return self.on_failure(&Failure::new(Class::Answered, "answers leave doubt"), doubtful, now);
        }
        if self.was_tried() {
            self.broken = None;
            self.forgiven = self.in_doubt;
        }
        None
    }

    /// A request failed and left `doubtful` recipients in doubt. Gives why the run is over, where
    /// it is.
    pub(super) fn on_failure(&mut self, failure: &Failure, doubtful: u64, now: Duration) -> Option<Stop> {
        let rule = failure.class.rule();
        let leaves_doubt = doubtful > 0 || rule.fate == Fate::Doubt;
        let was_tried = self.was_tried();
        let mut opens = None;
        match rule.lane {
            LaneEffect::GoOn | LaneEffect::Throttle => {}
            LaneEffect::Stop(reason) => return Some((reason, failure.reason.clone())),
            LaneEffect::StopAfter(most, reason) => {
                if self.in_a_row(reason) >= most || (was_tried && leaves_doubt) {
                    return Some((reason, failure.reason.clone()));
                }
            }
            LaneEffect::PauseAfter(most, reason) => {
                opens = (self.in_a_row(reason) >= most || self.is_open()).then_some(reason);
            }
        }
        self.in_doubt += doubtful;
        if self.in_doubt > STORMS * self.budget {
            return Some((StopReason::Breaker, failure.reason.clone()));
        }
        if self.in_doubt - self.forgiven > self.budget {
            opens = opens.or(Some(StopReason::Breaker));
        }
        let was_in_vain = was_tried && (leaves_doubt || rule.fate == Fate::Retry);
        if was_in_vain {
            self.wait_longer(opens, failure, now)
        } else if let (None, Some(reason)) = (&self.broken, opens) {
            self.broken = Some(Broken::new(reason, Some(now)));
            self.wait_longer(opens, failure, now)
        } else {
            None
        }
    }

    /// Leaves the provider alone once more, or says that the patience is over.
    fn wait_longer(&mut self, why: Option<StopReason>, failure: &Failure, now: Duration) -> Option<Stop> {
        let broken = self.broken.as_mut()?;
        broken.why = (why.unwrap_or(broken.why.0), failure.reason.clone());
        let since = *broken.since.get_or_insert(now);
        let left = (since + self.patience).saturating_sub(now);
        let asked = failure.retry_after.unwrap_or_default();
        if left < FIRST_WAIT.max(asked) {
            return Some(broken.why.clone());
        }
        broken.waited = (2 * broken.waited).clamp(FIRST_WAIT, LONGEST_WAIT).max(asked).min(left);
        broken.until = now + broken.waited;
        None
    }

    /// Whether what ended just now was the one request that was tried.
    fn was_tried(&mut self) -> bool {
        self.broken.as_mut().is_some_and(|broken| mem::take(&mut broken.is_trying))
    }

    /// How many in a row there are for `reason`, with this one.
    fn in_a_row(&mut self, reason: StopReason) -> u32 {
        let before = self.streak.filter(|(same, _)| *same == reason).map_or(0, |(_, count)| count);
        self.streak = Some((reason, before + 1));
        before + 1
    }
}
