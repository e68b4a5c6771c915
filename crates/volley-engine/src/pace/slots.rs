//! The strict rule: so many slots, each back one window after its answer.

use super::Go;
use std::{collections::VecDeque, time::Duration};
use volley_core::Rate;

/// How much longer than the window a slot stays away: timers and servers round to milliseconds.
const GUARD: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct Slots {
    free: u32,
    taken: u32,
    /// When slots that were given back become free, in order.
    returning: VecDeque<Duration>,
    /// From an answer to the return of its slot.
    window: Duration,
}

impl Slots {
    /// The server counts a request at least the way there after it left, and counted the one
    /// before at least the way back before its answer came: so much of the window has passed by
    /// the time that both took, which is `least_round_trip` or more.
    pub(super) fn new(rate: Rate, least_round_trip: Duration) -> Self {
        let window = (rate.window() + GUARD).saturating_sub(least_round_trip);
        Self { free: rate.count().get(), taken: 0, returning: VecDeque::new(), window }
    }

    /// Whether a slot is free; takes none.
    pub(super) fn poll(&mut self, now: Duration) -> Go {
        while self.returning.front().is_some_and(|at| *at <= now) {
            self.returning.pop_front();
            self.free += 1;
        }
        match self.returning.front() {
            _ if self.free > 0 => Go::Now,
            Some(&at) => Go::At(at),
            None => Go::AfterReply,
        }
    }

    /// Takes a slot that `poll` found free.
    pub(super) fn take(&mut self) {
        self.free -= 1;
        self.taken += 1;
    }

    pub(super) fn give_back(&mut self, now: Duration) {
        self.taken -= 1;
        self.returning.push_back(now + self.window);
    }

    /// A slot that someone took before us, `ago` before `now`.
    pub(super) fn earlier(&mut self, now: Duration, ago: Duration) {
        let back = (now + self.window).saturating_sub(ago);
        if back > now && self.free > 0 {
            self.free -= 1;
            let place = self.returning.partition_point(|at| *at <= back);
            self.returning.insert(place, back);
        }
    }
}
