//! What becomes of each message after it was taken: a function of the seed, the message and the
//! time, so that a set of a million costs nothing and still changes while it is read.
//!
//! Not here: the providers' words for it (the faces), and telling anybody (`callbacks.rs`).

use crate::{ConfigError, messages::Taken, random};
use std::{ops::RangeInclusive, time::Duration};

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Taken, and nothing more is known; for ever where the message was cancelled.
    Pending,
    /// On the handset.
    Delivered,
    /// The handset was off or out of reach.
    Failed,
    /// No such number.
    Invalid,
    /// The number is on a list of people who are not to be texted.
    Blocked,
    /// The time to try in was used up.
    Expired,
    /// No report came in the time there was.
    Timeout,
}

impl State {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Pending,
        Self::Delivered,
        Self::Failed,
        Self::Invalid,
        Self::Blocked,
        Self::Expired,
        Self::Timeout,
    ];
}

/// What becomes of messages, and how soon: shares from 0 to 1, together at most 1. The rest is
/// delivered. Each message is drawn for by itself, by the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryMix {
    /// The handset is off or out of reach.
    pub failed: f64,
    /// There is no such number.
    pub invalid: f64,
    /// The number is on a list of people who are not to be texted.
    pub blocked: f64,
    /// The time to try in is used up.
    pub expired: f64,
    /// No report comes in the time there is, and the provider says so.
    pub timeout: f64,
    /// No report ever comes, and the message stays pending.
    pub pending: f64,
    /// The shortest and the longest time from sending a message to knowing what became of it.
    pub delay: RangeInclusive<Duration>,
}

/// 92 in 100 are delivered, after 0.2 to 3 seconds.
impl Default for DeliveryMix {
    fn default() -> Self {
        Self {
            failed: 0.03,
            invalid: 0.01,
            blocked: 0.01,
            expired: 0.02,
            timeout: 0.01,
            pending: 0.0,
            delay: Duration::from_millis(200)..=Duration::from_secs(3),
        }
    }
}

impl DeliveryMix {
    /// A mix in which everything is delivered.
    #[must_use]
    pub fn all_delivered() -> Self {
        let none = 0.0;
        Self {
            failed: none,
            invalid: none,
            blocked: none,
            expired: none,
            timeout: none,
            pending: none,
            ..Self::default()
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let shares = self.shares().map(|(share, _)| share);
        let fits =
            shares.iter().all(|share| (0.0..=1.0).contains(share)) && shares.iter().sum::<f64>() <= 1.0;
        if !fits {
            return Err(ConfigError::DeliveryShares);
        }
        if self.delay.is_empty() { Err(ConfigError::DeliveryDelay) } else { Ok(()) }
    }

    /// What is known at `now` of the message to number `index` of `taken`, and since when, both
    /// counted from the gateway's start.
    pub(crate) fn delivery(
        &self,
        seed: u64,
        taken: &Taken,
        index: usize,
        now: Duration,
    ) -> (State, Duration) {
        let (state, at) = self.outcome(seed, taken, index);
        match at.filter(|at| *at <= now && taken.cancelled_at.is_none()) {
            Some(at) => (state, at),
            None => (State::Pending, if taken.due_at <= now { taken.due_at } else { taken.taken_at }),
        }
    }

    /// What becomes of the message to number `index` of `taken` unless it is cancelled, and when;
    /// never where no report ever comes.
    pub(crate) fn outcome(&self, seed: u64, taken: &Taken, index: usize) -> (State, Option<Duration>) {
        let (seed, place) = (seed ^ taken.salt, index as u64);
        let drawn = random::fraction(random::draw(seed, place, random::OUTCOME));
        let mut upper = 0.0;
        let state = self.shares().into_iter().find(|(share, _)| {
            upper += share;
            drawn < upper
        });
        let delay = random::between(&self.delay, random::draw(seed, place, random::REPORT_DELAY));
        match state.map_or(State::Delivered, |(_, state)| state) {
            State::Pending => (State::Pending, None),
            state => (state, Some(taken.due_at.saturating_add(delay))),
        }
    }

    /// When everything about `taken` is known that ever will be.
    pub(crate) fn settled_at(&self, taken: &Taken) -> Duration {
        taken.due_at.saturating_add(*self.delay.end())
    }

    fn shares(&self) -> [(f64, State); 6] {
        [
            (self.failed, State::Failed),
            (self.invalid, State::Invalid),
            (self.blocked, State::Blocked),
            (self.expired, State::Expired),
            (self.timeout, State::Timeout),
            (self.pending, State::Pending),
        ]
    }
}
