//! How many calls an account may make: three ways that providers count.
//!
//! Time is the caller's and never goes back. A call that is refused is dropped and uses nothing
//! up, so a client that slows down gets in again.

use crate::config::{Limit, LimitKind};
use std::{collections::VecDeque, time::Duration};

/// Counts the calls of one account.
#[derive(Clone, Debug)]
pub struct Limiter {
    requests: u32,
    window: Duration,
    count: Count,
}

#[derive(Clone, Debug)]
enum Count {
    /// Calls in window number `index`.
    FixedWindow { index: u128, calls: u32 },
    /// When the calls of the last window were let in, oldest first.
    SlidingLog(VecDeque<Duration>),
    /// `level` counts in units of which a call takes one window's nanoseconds and of which
    /// `requests` come back each nanosecond, so that nothing is ever rounded.
    TokenBucket { level: u128, filled_at: Duration },
}

impl Limiter {
    /// A limiter that has seen no call yet; its bucket is full.
    pub fn new(limit: &Limit) -> Self {
        let (requests, window) = (limit.requests.get(), limit.window);
        let count = match limit.kind {
            LimitKind::FixedWindow => Count::FixedWindow { index: 0, calls: 0 },
            LimitKind::SlidingLog => Count::SlidingLog(VecDeque::new()),
            LimitKind::TokenBucket => {
                let level = window.as_nanos() * u128::from(requests);
                Count::TokenBucket { level, filled_at: Duration::ZERO }
            }
        };
        Self { requests, window, count }
    }

    /// Whether a call at `now` is within the limit; it is counted if it is.
    pub fn admit(&mut self, now: Duration) -> bool {
        let (requests, window) = (self.requests, self.window);
        match &mut self.count {
            Count::FixedWindow { index, calls } => {
                let current = now.as_nanos() / window.as_nanos();
                if current != *index {
                    (*index, *calls) = (current, 0);
                }
                let within = *calls < requests;
                *calls += u32::from(within);
                within
            }
            Count::SlidingLog(calls) => {
                while calls.front().is_some_and(|&oldest| oldest + window <= now) {
                    calls.pop_front();
                }
                let within = calls.len() < requests as usize;
                if within {
                    calls.push_back(now);
                }
                within
            }
            Count::TokenBucket { level, filled_at } => {
                let elapsed = now.saturating_sub(*filled_at).as_nanos();
                let (call, requests) = (window.as_nanos(), u128::from(requests));
                *level = (*level + elapsed * requests).min(call * requests);
                *filled_at = now;
                let within = *level >= call;
                *level -= if within { call } else { 0 };
                within
            }
        }
    }
}
