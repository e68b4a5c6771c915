//! How fast a campaign goes: over the last seconds, against its limit, and how long that takes.

use crate::output;
use std::{collections::VecDeque, time::Duration};
use volley_core::Rate;

/// So long a time is looked at.
const LOOKED_AT: Duration = Duration::from_secs(10);

/// The longest where the limit allows a request only now and then.
const LONGEST: Duration = Duration::from_mins(10);

/// A rate needs so long a time.
const LEAST: Duration = Duration::from_millis(500);

/// How many instants are kept of the time that is looked at.
const KEPT: u32 = 50;

/// Requests and recipients over the last seconds. Told what was counted when; reads no clock.
#[derive(Debug)]
pub(crate) struct Speed {
    /// Requests a second that the rates allow; `None` without any.
    limit: Option<f64>,
    looked_at: Duration,
    /// The oldest first.
    seen: VecDeque<Seen>,
    /// Recipients a second, the last time that nothing held sending up.
    steady: Option<f64>,
}

/// What was counted at one instant, since any start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Duration,
    /// Requests that were claimed.
    pub(crate) requests: u64,
    /// Recipients who are not pending any more.
    pub(crate) settled: u64,
}

impl Speed {
    /// Under `rates`, which all hold.
    pub(crate) fn under(rates: &[Rate]) -> Self {
        let limit = rates.iter().map(|rate| rate.each_second()).min_by(f64::total_cmp);
        // Three requests are enough to see a rate by.
        let looked_at = limit.and_then(|limit| Duration::try_from_secs_f64(3.0 / limit).ok());
        let looked_at = looked_at.unwrap_or(LOOKED_AT).clamp(LOOKED_AT, LONGEST);
        Self { limit, looked_at, seen: VecDeque::new(), steady: None }
    }

    /// Counts as of now. `is_paused`: something but the limit holds sending up.
    pub(crate) fn see(&mut self, now: Seen, is_paused: bool) {
        let is_close = |last: &Seen| now.at.saturating_sub(last.at) < self.looked_at / KEPT;
        // Of what is close together the latest counts, beside the very first.
        if self.seen.len() > 1 && self.seen.iter().rev().nth(1).is_some_and(is_close) {
            self.seen.pop_back();
        }
        self.seen.push_back(now);
        while self.seen.get(1).is_some_and(|one| one.at + self.looked_at < now.at) {
            self.seen.pop_front();
        }
        if !is_paused {
            self.steady = self.recipients().filter(|speed| *speed > 0.0).or(self.steady);
        }
    }

    fn each_second(&self, count: impl Fn(&Seen) -> u64) -> Option<f64> {
        let (first, last) = (self.seen.front()?, self.seen.back()?);
        let time = last.at.saturating_sub(first.at);
        let counted = count(last).saturating_sub(count(first));
        (time >= LEAST).then(|| counted as f64 / time.as_secs_f64())
    }

    /// Requests a second, once there is something to go by.
    pub(crate) fn requests(&self) -> Option<f64> {
        self.each_second(|seen| seen.requests)
    }

    /// Recipients a second, likewise.
    pub(crate) fn recipients(&self) -> Option<f64> {
        self.each_second(|seen| seen.settled)
    }

    /// Requests a second that the rates allow.
    pub(crate) fn limit(&self) -> Option<f64> {
        self.limit
    }

    /// How long `pending` recipients take, as fast as it went when nothing held it up.
    pub(crate) fn left(&self, pending: u64) -> Option<Duration> {
        let seconds = pending as f64 / self.steady?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// `98.2 of 100 requests/s`, in the unit in which the limit is more than one.
    pub(crate) fn against_the_limit(&self) -> Option<String> {
        let requests = self.requests()?;
        let Some(limit) = self.limit else { return Some(format!("{} requests/s", shown(requests))) };
        let units = [(1.0, "s"), (60.0, "min"), (3_600.0, "h"), (86_400.0, "day")];
        let (seconds, unit) =
            units.into_iter().find(|(seconds, _)| limit * seconds >= 1.0).unwrap_or(units[3]);
        Some(format!("{} of {} requests/{unit}", shown(requests * seconds), shown(limit * seconds)))
    }
}

/// One decimal below a hundred, none where it is a whole number or more.
pub(crate) fn shown(rate: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are small and positive"
    )]
    let whole = rate.round() as u64;
    if rate >= 100.0 || (rate - rate.round()).abs() < 0.05 {
        output::count(whole)
    } else {
        format!("{rate:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(words: &[&str]) -> Vec<Rate> {
        words.iter().map(|word| word.parse().expect("a rate")).collect()
    }

    fn seen(seconds: f64, requests: u64, settled: u64) -> Seen {
        Seen { at: Duration::from_secs_f64(seconds), requests, settled }
    }

    #[test]
    fn a_rate_is_that_of_the_last_seconds_against_the_smallest_limit() {
        let mut speed = Speed::under(&rates(&["100/s", "3000/m"]));
        assert_eq!((speed.limit(), speed.requests()), (Some(50.0), None));
        // Slow for a minute, then at the limit.
        (0..600_u32)
            .for_each(|tenth| speed.see(seen(f64::from(tenth) / 10.0, u64::from(tenth / 10), 0), false));
        for tenth in 0..=300_u32 {
            let requests = 60 + u64::from(tenth) * 5;
            speed.see(seen(60.0 + f64::from(tenth) / 10.0, requests, requests * 10), false);
        }
        assert_eq!(speed.against_the_limit().as_deref(), Some("50 of 50 requests/s"));
        assert_eq!(speed.recipients().map(f64::round), Some(500.0));
        assert_eq!(speed.left(5_000).map(|left| left.as_secs()), Some(10));
        assert!(speed.seen.len() < 120, "{}", speed.seen.len());
    }

    #[test]
    fn slow_limits_are_told_in_minutes_hours_and_days() {
        for (rate, until, requests, words) in [
            ("2/m", 90.0, 3, "2 of 2 requests/min"),
            ("5/h", 600.0, 1, "6 of 5 requests/h"),
            ("4/d", 600.0, 0, "0 of 4 requests/day"),
        ] {
            let mut speed = Speed::under(&rates(&[rate]));
            speed.see(seen(0.0, 0, 0), false);
            speed.see(seen(until, requests, requests), false);
            assert_eq!(speed.against_the_limit().as_deref(), Some(words), "{rate}");
        }
    }

    #[test]
    fn a_pause_shows_no_requests_and_does_not_change_how_long_the_rest_takes() {
        let mut speed = Speed::under(&rates(&["10/s"]));
        (0..=10_u32).for_each(|second| {
            speed.see(seen(f64::from(second), u64::from(second) * 10, u64::from(second) * 10), false);
        });
        let before = speed.left(100);
        (11..=40_u32).for_each(|second| speed.see(seen(f64::from(second), 100, 100), true));
        assert_eq!((speed.requests(), speed.left(100)), (Some(0.0), before));
        assert_eq!(before.map(|left| left.as_secs()), Some(10));
    }

    #[test]
    fn nothing_is_said_before_there_is_something_to_go_by() {
        let mut speed = Speed::under(&[]);
        speed.see(seen(0.0, 0, 0), false);
        speed.see(seen(0.3, 40, 40), false);
        assert_eq!((speed.against_the_limit(), speed.left(10)), (None, None));
        speed.see(seen(1.0, 60, 60), false);
        assert_eq!(speed.against_the_limit().as_deref(), Some("60 requests/s"));
    }
}
