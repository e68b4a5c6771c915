//! When the next request may leave.
//!
//! Two rules, both kept: *spacing* ([`spacing`]) spreads requests evenly, and *slots*
//! ([`slots`]) make sure that no window of the server, sliding or fixed, ever holds more than
//! the rate allows. Beside them the number of requests in flight, and the gate that a "too fast"
//! answer closes.

mod slots;
mod spacing;

use slots::Slots;
use spacing::Spacing;
use std::time::Duration;
use volley_core::Rate;

/// What the sender may do next. Every arm is an instruction; none needs a second question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Go {
    /// Send one request; it is counted already.
    Now,
    /// Ask again then, not before; measured from the same start as `now`.
    At(Duration),
    /// Ask again after the next answer: everything that is allowed is in flight.
    AfterReply,
}

/// Decides when requests to one account may leave.
///
/// Reads no clock and holds no timer: the caller says what time it is, as a [`Duration`] since
/// any fixed start, and does the sleeping. Time never runs backwards between calls.
#[derive(Debug)]
pub struct Pacer {
    rules: Vec<Rule>,
    max_in_flight: u32,
    in_flight: u32,
    closed_until: Duration,
}

/// One of the stacked rates; all of them must agree.
#[derive(Debug)]
struct Rule {
    spacing: Spacing,
    slots: Option<Slots>,
}

impl Pacer {
    /// A pacer for stacked `rates`; without any, only `max_in_flight` holds.
    ///
    /// `strict`: a request may only start one window after the *answer* to the one `count`
    /// places before it. The server counts a request no later than its answer and no earlier
    /// than it was sent, so no window of the server can hold more than `count`, whatever the
    /// delays and without trusting clocks. Otherwise requests are spaced evenly, at the full
    /// rate, and a server that counts strictly may refuse one now and then.
    pub fn new(rates: &[Rate], strict: bool, max_in_flight: u32) -> Self {
        let rules = rates.iter().map(|&rate| Rule {
            spacing: Spacing::new(rate, strict),
            slots: strict.then(|| Slots::new(rate)),
        });
        Self {
            rules: rules.collect(),
            max_in_flight: max_in_flight.max(1),
            in_flight: 0,
            closed_until: Duration::ZERO,
        }
    }

    /// Whether a request may leave now. [`Go::Now`] counts it: the caller sends it, and reports
    /// its end with [`on_end`](Self::on_end).
    pub fn poll(&mut self, now: Duration) -> Go {
        if self.in_flight >= self.max_in_flight {
            return Go::AfterReply;
        }
        if now < self.closed_until {
            return Go::At(self.closed_until);
        }
        // Ask every rule before any is charged, and wait for the one that is furthest away.
        let mut earliest = now;
        for rule in &mut self.rules {
            match rule.slots.as_mut().map_or(Go::Now, |slots| slots.poll(now)) {
                Go::Now => {}
                Go::At(at) => earliest = earliest.max(at),
                Go::AfterReply => return Go::AfterReply,
            }
            if let Some(at) = rule.spacing.wait(now) {
                earliest = earliest.max(at);
            }
        }
        if earliest > now {
            return Go::At(earliest);
        }
        for rule in &mut self.rules {
            rule.spacing.take();
            if let Some(slots) = &mut rule.slots {
                slots.take();
            }
        }
        self.in_flight += 1;
        Go::Now
    }

    /// A counted request was answered at `now`, or given up: its slots return one window later.
    pub fn on_end(&mut self, now: Duration) {
        self.in_flight -= 1;
        self.rules.iter_mut().filter_map(|rule| rule.slots.as_mut()).for_each(|slots| slots.give_back(now));
    }

    /// The provider said "too fast": nothing leaves before `now + wait`.
    pub fn on_throttled(&mut self, now: Duration, wait: Duration) {
        self.closed_until = self.closed_until.max(now + wait);
    }

    /// A request that an earlier process made, `ago` before `now`: rates bind across restarts.
    pub fn on_earlier(&mut self, now: Duration, ago: Duration) {
        for rule in &mut self.rules {
            match &mut rule.slots {
                Some(slots) => slots.earlier(now, ago),
                None => rule.spacing.earlier(now, ago),
            }
        }
    }

    /// Lets so many requests be open at the same time from now on, at least 1; those that are
    /// open already stay.
    pub fn set_max_in_flight(&mut self, max_in_flight: u32) {
        self.max_in_flight = max_in_flight.max(1);
    }

    /// Requests that were let go and have not ended.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BinaryHeap, VecDeque};

    fn rate(text: &str) -> Rate {
        text.parse().unwrap_or_else(|fault| panic!("{fault}"))
    }

    const MILLI: Duration = Duration::from_millis(1);

    /// Sends as fast as `pacer` allows for `span`, each request answered after `delay(k)`.
    /// Gives the instants of sending and of answering.
    fn send_for(
        pacer: &mut Pacer,
        span: Duration,
        mut delay: impl FnMut(usize) -> Duration,
    ) -> Vec<(Duration, Duration)> {
        let mut now = Duration::ZERO;
        let mut open: BinaryHeap<std::cmp::Reverse<Duration>> = BinaryHeap::new();
        let mut sent = Vec::new();
        while now < span {
            while open.peek().is_some_and(|end| end.0 <= now) {
                open.pop();
                pacer.on_end(now);
            }
            let next_end = open.peek().map(|end| end.0);
            now = match pacer.poll(now) {
                Go::Now => {
                    let end = now + delay(sent.len());
                    open.push(std::cmp::Reverse(end));
                    sent.push((now, end));
                    now
                }
                Go::At(at) => {
                    assert!(at > now, "a wait must be ahead");
                    next_end.map_or(at, |end| end.min(at))
                }
                Go::AfterReply => next_end.expect("someone must be in flight"),
            };
        }
        sent
    }

    /// The instant `place` of `places` along the way from sending to answering.
    fn within((start, end): &(Duration, Duration), place: u32, places: u32) -> Duration {
        *start + end.saturating_sub(*start) * place / places
    }

    /// The most requests that a server with a sliding window sees, when request k reaches it
    /// anywhere between its sending and its answer.
    fn most_in_a_window(arrivals: &mut [Duration], window: Duration) -> usize {
        arrivals.sort_unstable();
        let mut inside = VecDeque::new();
        let mut most = 0;
        for &at in arrivals.iter() {
            inside.push_back(at);
            while inside.front().is_some_and(|first| at.saturating_sub(*first) >= window) {
                inside.pop_front();
            }
            most = most.max(inside.len());
        }
        most
    }

    #[test]
    fn two_a_second_strictly_is_never_three_in_any_second() {
        let mut pacer = Pacer::new(&[rate("2/s")], true, 2);
        let sent = send_for(&mut pacer, Duration::from_mins(1), |k| {
            Duration::from_millis(20 + (k as u64 * 37) % 101)
        });
        assert!(sent.len() >= 112, "at least 93 % of 120, not {}", sent.len());
        for place in [0, 1, 2] {
            let mut arrivals: Vec<_> = sent.iter().map(|request| within(request, place, 2)).collect();
            assert!(most_in_a_window(&mut arrivals, Duration::from_secs(1)) <= 2);
        }
    }

    #[test]
    fn the_first_second_has_no_double_burst() {
        for strict in [true, false] {
            let mut pacer = Pacer::new(&[rate("100/s")], strict, 1_000);
            let sent = send_for(&mut pacer, Duration::from_millis(999), |_| 5 * MILLI);
            assert!(sent.len() <= 101, "{} in the first second, strict {strict}", sent.len());
            assert!(sent.len() >= 97, "{} in the first second, strict {strict}", sent.len());
        }
    }

    #[test]
    fn spaced_pacing_reaches_the_full_rate() {
        let mut pacer = Pacer::new(&[rate("50/s")], false, 100);
        let sent = send_for(&mut pacer, Duration::from_secs(10), |_| 300 * MILLI);
        assert!((499..=501).contains(&sent.len()), "{}", sent.len());
    }

    #[test]
    fn stacked_rates_all_hold() {
        let mut pacer = Pacer::new(&[rate("10/s"), rate("30/m")], true, 10);
        let sent = send_for(&mut pacer, Duration::from_secs(59), |_| MILLI);
        assert_eq!(sent.len(), 30);
    }

    #[test]
    fn nothing_leaves_before_the_gate_opens() {
        let mut pacer = Pacer::new(&[rate("100/s")], false, 10);
        assert_eq!(pacer.poll(Duration::ZERO), Go::Now);
        pacer.on_throttled(Duration::ZERO, Duration::from_secs(7));
        pacer.on_end(Duration::ZERO);
        assert_eq!(pacer.poll(Duration::from_secs(3)), Go::At(Duration::from_secs(7)));
        pacer.on_throttled(Duration::from_secs(3), Duration::from_secs(1));
        assert_eq!(
            pacer.poll(Duration::from_secs(6)),
            Go::At(Duration::from_secs(7)),
            "a later, shorter wait opens nothing"
        );
        assert_eq!(pacer.poll(Duration::from_secs(7)), Go::Now);
    }

    #[test]
    fn what_an_earlier_process_sent_counts() {
        let mut pacer = Pacer::new(&[rate("2/s")], true, 2);
        pacer.on_earlier(Duration::ZERO, Duration::from_millis(100));
        pacer.on_earlier(Duration::ZERO, Duration::from_millis(400));
        pacer.on_earlier(Duration::ZERO, Duration::from_secs(5));
        let Go::At(at) = pacer.poll(Duration::ZERO) else { panic!("both slots are taken") };
        assert!(at >= Duration::from_millis(600) && at < Duration::from_millis(620), "{at:?}");
    }

    #[test]
    fn a_spaced_lane_keeps_its_distance_from_an_earlier_process_too() {
        let mut pacer = Pacer::new(&[rate("2/m")], false, 2);
        pacer.on_earlier(Duration::ZERO, Duration::from_secs(12));
        pacer.on_earlier(Duration::ZERO, Duration::from_secs(50));
        assert_eq!(pacer.poll(Duration::ZERO), Go::At(Duration::from_secs(18)));
        assert_eq!(pacer.poll(Duration::from_secs(18)), Go::Now);
    }

    #[test]
    fn in_flight_is_a_limit_of_its_own() {
        let mut pacer = Pacer::new(&[], false, 2);
        assert_eq!(
            (pacer.poll(MILLI), pacer.poll(MILLI), pacer.poll(MILLI)),
            (Go::Now, Go::Now, Go::AfterReply)
        );
        pacer.on_end(MILLI);
        assert_eq!(pacer.poll(MILLI), Go::Now);
    }

    proptest! {
        #[test]
        fn strict_pacing_never_overruns_whatever_the_delays(
            count in 1_u32..40,
            in_flight in 1_u32..60,
            delays in proptest::collection::vec(0_u32..900, 50),
            places in proptest::collection::vec(0_u32..=10, 50),
        ) {
            let mut pacer = Pacer::new(&[rate(&format!("{count}/s"))], true, in_flight);
            let sent = send_for(&mut pacer, Duration::from_secs(8), |k| delays[k % 50] * MILLI);
            let mut arrivals: Vec<_> =
                sent.iter().enumerate().map(|(k, request)| within(request, places[k % 50], 10)).collect();
            prop_assert!(most_in_a_window(&mut arrivals, Duration::from_secs(1)) <= count as usize);
        }
    }
}
