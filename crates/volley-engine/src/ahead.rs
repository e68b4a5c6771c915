//! How many intents may be durable before there is a place in flight for them.

use std::time::Duration;

/// What was seen is weighed anew so often.
const WEIGHED_EVERY: Duration = Duration::from_millis(50);

/// Fewer are not worth it: a place in flight then waits for a commit now and then.
const FEWEST: u32 = 16;

/// However quick the provider is.
const MOST: u32 = 1_024;

/// Counts what leaves, and what leaves while the journal makes one commit durable.
///
/// A place in flight whose request is answered can be filled again at once only by an intent that
/// is durable already. Where as many requests leave during a commit as there are places, each
/// place would wait for the disk most of the time. So intents are made ahead: twice what leaves
/// from a write's waiting to its being durable, one such share for intents on their way to the
/// disk and one for answers. All of them are doubt if the process is killed. So none is made ahead
/// where requests carry more than one recipient, and none where requests take long against a
/// commit.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// Never, where a request carries many.
    allowed: bool,
    intents: u32,
    weighed: Duration,
    left: u32,
    commits: u32,
    committing: Duration,
}

impl Ahead {
    /// None, until requests are seen to be quick; never any for requests of more than one
    /// recipient.
    pub(crate) fn new(chunk: u32) -> Self {
        Self {
            allowed: chunk == 1,
            intents: 0,
            weighed: Duration::ZERO,
            left: 0,
            commits: 0,
            committing: Duration::ZERO,
        }
    }

    /// A request left.
    pub(crate) fn on_sent(&mut self) {
        self.left += 1;
    }

    /// A commit was durable at `now`, and the first of its writes had waited for that so long: how
    /// many intents may be ahead from now on.
    pub(crate) fn on_commit(&mut self, now: Duration, took: Duration) -> u32 {
        self.commits += 1;
        self.committing += took;
        let seen = now.saturating_sub(self.weighed);
        if seen >= WEIGHED_EVERY {
            let commit = self.committing / self.commits;
            let while_one = f64::from(self.left) * commit.as_secs_f64() / seen.as_secs_f64();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            let wanted = (2.0 * while_one).clamp(0.0, f64::from(MOST)) as u32;
            self.intents = if self.allowed && wanted >= FEWEST { wanted } else { 0 };
            (self.weighed, self.left, self.commits, self.committing) = (now, 0, 0, Duration::ZERO);
        }
        self.intents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    /// What may be ahead where commits follow each other and so many requests leave in each.
    fn ahead(chunk: u32, left: u32, took: Duration, pause: Duration) -> u32 {
        let mut ahead = Ahead::new(chunk);
        let (mut now, mut intents) = (Duration::ZERO, 0);
        for _ in 0..200 {
            (0..left).for_each(|_| ahead.on_sent());
            now += took + pause;
            intents = ahead.on_commit(now, took);
        }
        intents
    }

    #[test]
    fn intents_are_made_ahead_for_two_commits_where_requests_are_quick() {
        for (chunk, left, took, pause, expected) in [
            (1, 60, 2 * MILLI, Duration::ZERO, 120),
            (1, 60, 2 * MILLI, 2 * MILLI, 60),
            (1, 5_000, 2 * MILLI, Duration::ZERO, MOST),
            // A slow provider: sixteen places that are filled together, once a second.
            (1, 16, 2 * MILLI, 1_000 * MILLI, 0),
            // Two a second.
            (1, 1, 5 * MILLI, 495 * MILLI, 0),
            (2, 60, 2 * MILLI, Duration::ZERO, 0),
            (1, 7, 2 * MILLI, Duration::ZERO, 0),
            // A journal that takes no time, as in a simulation.
            (1, 60, Duration::ZERO, 2 * MILLI, 0),
        ] {
            assert_eq!(ahead(chunk, left, took, pause), expected, "{left} during {took:?}, then {pause:?}");
        }
    }
}
