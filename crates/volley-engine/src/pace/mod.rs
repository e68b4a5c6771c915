//! When the next request may leave.
//!
//! Two rules, both kept: *spacing* ([`spacing`]) spreads requests evenly, and *slots*
//! ([`slots`]) make sure that no window of the server, sliding or fixed, ever holds more than
//! the rate allows. Beside them the number of requests in flight, the gate that a "too fast"
//! answer closes, and the lesser pace that follows one ([`adaptive`]).

mod adaptive;
mod slots;
mod spacing;

use adaptive::Adaptive;
use slots::Slots;
use spacing::Spacing;
use std::time::Duration;
use volley_core::{Pacing, Rate};

/// So much earlier than its place a spaced request may leave: a machine's timers wake late.
const SLACK: Duration = Duration::from_millis(5);

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
    /// Where there are rates.
    adaptive: Option<Adaptive>,
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
    /// [`Pacing::Strict`]: a request may only start one window after the *answer* to the one
    /// `count` places before it. The server counts a request no later than its answer and no
    /// earlier than it was sent, so no window of the server can hold more than `count`, whatever
    /// the delays and without trusting clocks. `least_round_trip` is the least time on the way
    /// there and the least on the way back, together: a slot returns so much sooner. Zero is
    /// always safe; more than is true costs refusals.
    ///
    /// [`Pacing::Spaced`]: requests are spaced evenly, at the full rate, and a server that counts
    /// strictly may refuse one now and then.
    pub fn new(rates: &[Rate], pacing: Pacing, least_round_trip: Duration, max_in_flight: u32) -> Self {
        let rules = rates.iter().map(|&rate| Rule {
            spacing: Spacing::new(rate, pacing),
            slots: (pacing == Pacing::Strict).then(|| Slots::new(rate, least_round_trip)),
        });
        // What a strict lane may send at once its slots allow; a spaced one keeps to its slowest rate.
        let periods = rates.iter().map(|rate| rate.window() / rate.count().get());
        let period = match pacing {
            Pacing::Strict => periods.min(),
            Pacing::Spaced => periods.max(),
        };
        Self {
            rules: rules.collect(),
            adaptive: period.map(Adaptive::new),
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
        if let Some(at) = self.adaptive.as_mut().and_then(|adaptive| adaptive.wait(now)) {
            earliest = earliest.max(at);
        }
        if earliest > now {
            return Go::At(earliest);
        }
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.take(now);
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

    /// The provider said "too fast": nothing leaves before `now + wait`, and less after it. What
    /// is said while nothing leaves anyway was in flight with the first: that slows down once.
    pub fn on_throttled(&mut self, now: Duration, wait: Duration) {
        let was_open = now >= self.closed_until;
        self.hold(now + wait);
        if let Some(adaptive) = &mut self.adaptive {
            if was_open {
                adaptive.halve(now);
            }
            adaptive.rises_after(self.closed_until);
        }
    }

    /// Nothing leaves before `until`.
    pub fn hold(&mut self, until: Duration) {
        self.closed_until = self.closed_until.max(until);
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
mod tests;
