//! Even spacing by the generic cell rate algorithm: governor, told the time by us.
//!
//! governor's own quota lets twice the rate through in the first second, and its waiting ignores
//! a paused clock. So its burst is set here, and it is only ever asked, never waited on.

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
use volley_core::Rate;

pub(super) struct Spacing {
    limiter: RateLimiter<NotKeyed, InMemoryState, ToldClock, NoOpMiddleware<Nanos>>,
    clock: ToldClock,
    /// A permit that governor gave and nobody has used yet.
    in_hand: bool,
    period: Duration,
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
    /// `strict` lanes may use their whole rate at once, since slots bound it anyway; the others
    /// get a hundredth of a second's worth, at least one, so that coarse timers cost no rate.
    pub(super) fn new(rate: Rate, strict: bool) -> Self {
        let count = rate.count();
        let period = rate.window() / count.get();
        let small = (rate.each_second() / 100.0).clamp(1.0, f64::from(u32::MAX));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range of u32"
        )]
        let burst = if strict { count } else { NonZeroU32::new(small as u32).unwrap_or(NonZeroU32::MIN) };
        let quota = Quota::with_period(period.max(Duration::from_nanos(1)))
            .expect("a period above zero")
            .allow_burst(burst);
        let clock = ToldClock::default();
        Self {
            limiter: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            in_hand: false,
            period,
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
            match self.limiter.check() {
                Ok(()) => self.in_hand = true,
                Err(not_until) => {
                    return Some(
                        now + not_until.wait_time_from(self.clock.now()).max(Duration::from_nanos(1)),
                    );
                }
            }
        }
        None
    }

    /// Someone sent a request before us, `ago` before `now`.
    pub(super) fn earlier(&mut self, now: Duration, ago: Duration) {
        self.not_before = self.not_before.max((now + self.period).saturating_sub(ago));
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
