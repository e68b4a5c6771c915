//! What a lane does while the journal cannot be written: it claims nothing, looks now and then
//! whether that is over, and gives up when it takes too long.
//!
//! A disk that somebody makes room on is no reason to end a run, and what is in flight is offered
//! to the journal again and again meanwhile.

use super::Pause;
use std::time::Duration;
use volley_core::Reason;

/// How long the journal may be unwritable before the run ends.
pub(crate) const JOURNAL_PATIENCE: Duration = Duration::from_mins(10);

/// From one trial to the next.
pub(crate) const TRIAL_EVERY: Duration = Duration::from_secs(1);

/// The journal could not be written.
#[derive(Debug)]
pub(super) struct Trouble {
    since: Duration,
    /// When it is tried again.
    next: Duration,
    /// What was seen last.
    pub(super) detail: Reason,
}

/// What may be done about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing yet.
    Later(Pause),
    /// Try to write.
    Try(Pause),
    /// End the run.
    GiveUp,
}

impl Trouble {
    /// Something could not be written at `now`.
    pub(super) fn new(now: Duration, why: &str) -> Self {
        Self { since: now, next: now + TRIAL_EVERY, detail: Reason::from(why) }
    }

    pub(super) fn look(&self, now: Duration) -> Look {
        if now >= self.since + JOURNAL_PATIENCE {
            return Look::GiveUp;
        }
        let pause = Pause::Journal { until: self.next, detail: self.detail.clone() };
        if now >= self.next { Look::Try(pause) } else { Look::Later(pause) }
    }

    /// It still cannot be written.
    pub(super) fn on_failure(&mut self, now: Duration, why: &str) {
        self.next = now + TRIAL_EVERY;
        self.detail = Reason::from(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_is_tried_every_second_for_ten_minutes() {
        let mut trouble = Trouble::new(5 * SECOND, "disk full");
        let mut tries = 0;
        let mut now = 5 * SECOND;
        while trouble.look(now) != Look::GiveUp {
            if let Look::Try(_) = trouble.look(now) {
                tries += 1;
                trouble.on_failure(now, "disk still full");
            }
            let Look::Later(Pause::Journal { until, .. }) = trouble.look(now) else {
                panic!("nothing may be tried twice at once")
            };
            now = until;
        }
        assert_eq!((tries, now), (599, 605 * SECOND));
        assert_eq!(trouble.detail.as_str(), "disk still full");
    }
}
