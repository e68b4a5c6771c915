//! Less than the rates allow after "too fast", and back to them step by step.
//!
//! The pace is a share of the rates in sixteenths: halved for each silence that the provider
//! asks for, and a sixteenth more for each second after it. Falling fast and rising slowly finds
//! what a provider takes beside its other callers, without asking it. All sixteen are no rule at
//! all, so that the pace is never above the rates.

use super::SLACK;
use std::time::Duration;

/// The whole pace, in the shares that it is counted in.
const WHOLE: u32 = 16;

/// How long it takes to rise by one share: back from a single one in a quarter of a minute.
const STEP: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Adaptive {
    /// Between two requests at the whole pace.
    period: Duration,
    /// Of the pace since `risen`, 1 to [`WHOLE`].
    share: u32,
    /// When the share was as much; it rises from then on.
    risen: Duration,
    /// The place of the last request.
    last: Duration,
}

impl Adaptive {
    /// The whole pace, which is one request each `period`.
    pub(super) fn new(period: Duration) -> Self {
        Self { period, share: WHOLE, risen: Duration::ZERO, last: Duration::ZERO }
    }

    /// Half the pace.
    pub(super) fn halve(&mut self, now: Duration) {
        self.rise(now);
        self.share = (self.share / 2).max(1);
        self.risen = self.risen.max(now);
    }

    /// The pace does not rise before one [`STEP`] after `silence_ends`.
    pub(super) fn rises_after(&mut self, silence_ends: Duration) {
        self.risen = self.risen.max(silence_ends);
    }

    /// When the next request may leave; `None` if it may now.
    pub(super) fn wait(&mut self, now: Duration) -> Option<Duration> {
        self.rise(now);
        if self.share == WHOLE {
            return None;
        }
        let place = (self.last + self.gap()).saturating_sub(SLACK);
        // The gap is shorter from the next step on.
        (place > now).then(|| place.min(self.risen + STEP))
    }

    /// A request leaves.
    pub(super) fn take(&mut self, now: Duration) {
        let place = self.last + self.gap();
        self.last = if self.share == WHOLE { now } else { place.max(now) };
    }

    /// Between two requests at the pace of now.
    fn gap(&self) -> Duration {
        self.period * WHOLE / self.share
    }

    fn rise(&mut self, now: Duration) {
        while self.share < WHOLE && now >= self.risen + STEP {
            self.share += 1;
            self.risen += STEP;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Requests that leave in each second from `from` on.
    fn each_second(adaptive: &mut Adaptive, from: Duration, seconds: u32) -> Vec<u32> {
        let mut now = from;
        let count = |second| {
            let mut count = 0;
            while now < from + second * SECOND {
                if let Some(at) = adaptive.wait(now) {
                    now = at;
                } else {
                    adaptive.take(now);
                    count += 1;
                    now += adaptive.period;
                }
            }
            count
        };
        (1..=seconds).map(count).collect()
    }

    #[test]
    fn the_pace_halves_and_is_back_step_by_step() {
        let mut adaptive = Adaptive::new(SECOND / 160);
        adaptive.halve(SECOND);
        adaptive.rises_after(2 * SECOND);
        let paces = each_second(&mut adaptive, 2 * SECOND, 12);
        let expected = [80, 90, 100, 110, 120, 130, 140, 150, 160, 160, 160, 160];
        for (pace, expected) in paces.iter().zip(expected) {
            assert!(pace.abs_diff(expected) <= 2, "{paces:?}");
        }
    }

    #[test]
    fn it_never_falls_below_a_sixteenth_and_is_back_from_there_in_a_quarter_of_a_minute() {
        let mut adaptive = Adaptive::new(SECOND / 160);
        for _ in 0..40 {
            adaptive.halve(SECOND);
        }
        let paces = each_second(&mut adaptive, SECOND, 16);
        assert!(paces[0].abs_diff(10) <= 2 && paces[15] >= 159, "{paces:?}");
        assert!(paces.is_sorted(), "{paces:?}");
    }

    #[test]
    fn a_slow_lane_does_not_sleep_through_the_steps() {
        // At a sixteenth of two a second the next place is eight seconds away, and the pace rises before.
        let mut adaptive = Adaptive::new(SECOND / 2);
        adaptive.take(Duration::ZERO);
        for _ in 0..4 {
            adaptive.halve(Duration::ZERO);
        }
        assert_eq!(adaptive.wait(SECOND / 2), Some(SECOND));
        let paces = each_second(&mut adaptive, SECOND / 2, 15);
        assert!(paces.iter().sum::<u32>() >= 13 && paces[14] == 2, "{paces:?}");
    }

    #[test]
    fn timers_that_wake_a_millisecond_late_cost_no_pace() {
        let mut adaptive = Adaptive::new(SECOND / 10_000);
        adaptive.halve(Duration::ZERO);
        adaptive.rises_after(60 * SECOND);
        let (mut sent, mut now) = (0, Duration::ZERO);
        while now < SECOND {
            if adaptive.wait(now).is_some() {
                now += Duration::from_millis(1);
            } else {
                adaptive.take(now);
                sent += 1;
            }
        }
        assert!((4_900..=5_100).contains(&sent), "{sent}");
    }
}
