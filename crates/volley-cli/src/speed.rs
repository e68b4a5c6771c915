//! How fast a campaign goes: over the last seconds, against its limit, and how long that takes.

use crate::output;
use std::{collections::VecDeque, time::Duration};
use volley_core::Rate;

/// So long a time is looked at, at least.
const LOOKED_AT: Duration = Duration::from_secs(10);

/// And at most; a limit of a longer window is told, and nothing against it.
const LONGEST: Duration = Duration::from_mins(5);

/// The window where there is no limit.
const NO_LIMIT: Duration = Duration::from_secs(1);

/// How many instants are kept of the time that is looked at.
const KEPT: u32 = 120;

/// Requests and recipients over the last seconds. Told what was counted when; reads no clock.
///
/// A limit of 100 a second may be used up in the first tenth of each second, so that only over
/// whole windows of the limit the rate is what it is.
#[derive(Debug)]
pub(crate) struct Speed {
    /// The smallest of the rates; `None` without any.
    limit: Option<Rate>,
    window: Duration,
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
        let limit = rates.iter().min_by(|one, other| one.each_second().total_cmp(&other.each_second()));
        let window = limit.map_or(NO_LIMIT, |limit| limit.window());
        let looked_at = window.saturating_mul(3).clamp(LOOKED_AT, LONGEST);
        Self { limit: limit.copied(), window, looked_at, seen: VecDeque::new(), steady: None }
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
        let (oldest, last) = (self.seen.front()?, self.seen.back()?);
        let windows = (last.at.saturating_sub(oldest.at)).as_millis() / self.window.as_millis();
        let windows = u32::try_from(windows).ok().filter(|windows| *windows > 0)?;
        let whole = last.at.saturating_sub(self.window * windows);
        let first = self.seen.iter().min_by_key(|seen| seen.at.abs_diff(whole))?;
        let time = last.at.saturating_sub(first.at).as_secs_f64();
        let counted = count(last).saturating_sub(count(first));
        (time > 0.0).then(|| counted as f64 / time)
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
        self.limit.map(Rate::each_second)
    }

    /// How long `pending` recipients take, as fast as it went when nothing held it up.
    pub(crate) fn left(&self, pending: u64) -> Option<Duration> {
        let seconds = pending as f64 / self.steady?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// `98.2 of 100 requests/s`, in the unit in which the limit is more than one.
    pub(crate) fn against_the_limit(&self) -> Option<String> {
        let Some(limit) = self.limit() else {
            return self.requests().map(|requests| format!("{} requests/s", shown(requests)));
        };
        let units = [(1.0, "s"), (60.0, "min"), (3_600.0, "h"), (86_400.0, "day")];
        let (seconds, unit) =
            units.into_iter().find(|(seconds, _)| limit * seconds >= 1.0).unwrap_or(units[3]);
        let most = shown(limit * seconds);
        if self.window > self.looked_at {
            return Some(format!("at most {most} requests/{unit}"));
        }
        Some(format!("{} of {most} requests/{unit}", shown(self.requests()? * seconds)))
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
        let mut speed = Speed::under(&rates(&["50/s", "100/s"]));
        assert_eq!((speed.limit(), speed.requests()), (Some(50.0), None));
        // Slow for a minute, then at the limit.
        for tenth in 0..600_u32 {
            speed.see(seen(f64::from(tenth) / 10.0, u64::from(tenth / 10), 0), false);
        }
        for tenth in 0..=300_u32 {
            let requests = 60 + u64::from(tenth) * 5;
            speed.see(seen(60.0 + f64::from(tenth) / 10.0, requests, requests * 10), false);
        }
        assert_eq!(speed.against_the_limit().as_deref(), Some("50 of 50 requests/s"));
        assert_eq!(speed.recipients().map(f64::round), Some(500.0));
        assert_eq!(speed.left(5_000).map(|left| left.as_secs()), Some(10));
        assert!(speed.seen.len() < 200, "{}", speed.seen.len());
    }

    #[test]
    fn a_limit_that_is_used_up_in_the_first_tenth_of_each_second_is_not_shown_as_overrun() {
        let mut speed = Speed::under(&rates(&["100/s"]));
        for tenth in 0..=100_u32 {
            let requests = 100 * u64::from(tenth / 10 + 1);
            speed.see(seen(f64::from(tenth) / 10.0, requests, requests), false);
            let rate = speed.requests().map(f64::round);
            assert_eq!(rate, (tenth >= 10).then_some(100.0), "{tenth}");
        }
    }

    #[test]
    fn slow_limits_are_told_in_minutes_hours_and_days() {
        for (rate, until, requests, words) in [
            ("2/m", 60.0, 2, "2 of 2 requests/min"),
            ("90/m", 120.0, 90, "0.8 of 1.5 requests/s"),
            ("5/h", 600.0, 5, "at most 5 requests/h"),
            ("4/d", 600.0, 0, "at most 4 requests/day"),
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
