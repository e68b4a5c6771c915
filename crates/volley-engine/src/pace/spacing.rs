//! Even spacing by the generic cell rate algorithm: governor, told the time by us.
//!
//! governor's own quota lets twice the rate through in the first second, and its waiting ignores
//! a paused clock. So its burst is set here, and it is only ever asked, never waited on.

use super::SLACK;
use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use std::{
    fmt,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use volley_core::{Pacing, Rate};

/// How much longer an earlier process's requests count: the journal has them by the millisecond.
const GUARD: Duration = Duration::from_millis(1);

/// The parts that a request is counted in.
const CELLS: u32 = 64;

pub(super) struct Spacing {
    limiter: RateLimiter<NotKeyed, InMemoryState, ToldClock, NoOpMiddleware<Nanos>>,
    clock: ToldClock,
    /// What a request takes.
    cells: NonZeroU32,
    /// A permit that governor gave and nobody has used yet.
    in_hand: bool,
    /// After so long without a request its whole burst is allowed again.
    refilled_after: Duration,
    /// An earlier process sent so lately that nothing may leave before.
    not_before: Duration,
}

/// A clock that shows what it was told.
#[derive(Clone, Debug, Default)]
struct ToldClock(Arc<AtomicU64>);

impl Clock for ToldClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

impl Spacing {
    /// Strict lanes may use their whole rate at once, since slots bound it anyway. In the others a
    /// request may leave [`SLACK`] before its place, so that timers that wake late cost no rate,
    /// and as much is added to the window: so no window holds more than the rate.
    pub(super) fn new(rate: Rate, pacing: Pacing) -> Self {
        let (period, early) = match pacing {
            Pacing::Strict => (rate.window() / rate.count().get(), Duration::ZERO),
            Pacing::Spaced => ((rate.window() + SLACK) / rate.count().get(), SLACK),
        };
        // governor counts in whole cells, so a request takes many where its place has to be fine.
        let cells = if period < Duration::from_millis(1) { 1 } else { CELLS };
        let cell = (period + Duration::from_nanos(u64::from(cells) - 1)) / cells;
        let cell = cell.max(Duration::from_nanos(1));
        let burst = match pacing {
            Pacing::Strict => u128::from(cells) * u128::from(rate.count().get()),
            Pacing::Spaced => u128::from(cells) + early.as_nanos() / cell.as_nanos(),
        };
        let burst = NonZeroU32::new(u32::try_from(burst).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(cell).expect("a period above zero").allow_burst(burst);
        let clock = ToldClock::default();
        Self {
            limiter: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            cells: NonZeroU32::new(cells).expect("at least one"),
            in_hand: false,
            refilled_after: cell * burst.get() + GUARD,
            not_before: Duration::ZERO,
        }
    }

    /// When a permit will be there; `None` if there is one now. It stays in hand until taken.
    pub(super) fn wait(&mut self, now: Duration) -> Option<Duration> {
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.clock.0.store(nanos, Ordering::Relaxed);
        if now < self.not_before {
            return Some(self.not_before);
        }
        if !self.in_hand {
            match self.limiter.check_n(self.cells).expect("a burst holds a request") {
                Ok(()) => self.in_hand = true,
                Err(not_until) => {
                    let wait = not_until.wait_time_from(self.clock.now());
                    return Some(now + wait.max(Duration::from_nanos(1)));
                }
            }
        }
        None
    }

    /// Someone sent a request before us, `ago` before `now`.
    pub(super) fn earlier(&mut self, now: Duration, ago: Duration) {
        self.not_before = self.not_before.max((now + self.refilled_after).saturating_sub(ago));
    }

    /// Uses the permit in hand.
    pub(super) fn take(&mut self) {
        self.in_hand = false;
    }
}

impl fmt::Debug for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spacing").field("in_hand", &self.in_hand).finish_non_exhaustive()
    }
}
