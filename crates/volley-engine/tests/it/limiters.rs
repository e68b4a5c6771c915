//! The pacer against each kind of limiter, on told time: what strict pacing keeps, what it costs,
//! and that starting again earns nothing.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    env,
    num::NonZeroU32,
    time::Duration,
};
use volley_core::{Pacing, Rate};
use volley_engine::{Go, Pacer};
use volley_sim::{Limit, LimitKind, Limiter};

const SECOND: Duration = Duration::from_secs(1);

/// The variable SEED, or one that is as good as another.
fn seed() -> u64 {
    env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121)
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A span from `least` to `most`, both in milliseconds, to the microsecond.
    fn millis(&mut self, (least, most): (u64, u64)) -> Duration {
        Duration::from_micros(least * 1_000 + self.bits() % ((most - least) * 1_000 + 1))
    }
}

/// Something that happens at a server, or comes back from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives,
    IsAnswered,
}

/// What came of sending as fast as a pacer allows.
struct Reached {
    refused: u32,
    /// Requests after the first quarter, of those that the rate allows in that time: the first
    /// window has all of its requests at once.
    share: f64,
}

/// Sends `requests` to a server that counts them in its own way, `delays` milliseconds away in
/// each direction.
fn send(pacer: &mut Pacer, limit: &Limit, requests: u32, delays: (u64, u64), random: &mut Random) -> Reached {
    let mut server = Limiter::new(limit);
    // Nobody knows where the windows of a server begin.
    let phase = random.millis((0, 1_000));
    let mut events: BinaryHeap<Reverse<(Duration, Event)>> = BinaryHeap::new();
    let (mut now, mut sent, mut refused) = (Duration::ZERO, 0, 0);
    let mut quarter = Duration::ZERO;
    while sent < requests {
        while let Some(Reverse((at, event))) = events.peek().copied()
            && at <= now
        {
            events.pop();
            match event {
                Event::Arrives => {
                    refused += u32::from(!server.admit(at + phase));
                    events.push(Reverse((at + random.millis(delays), Event::IsAnswered)));
                }
                Event::IsAnswered => pacer.on_end(at),
            }
        }
        let next = events.peek().map(|event| event.0.0);
        match pacer.poll(now) {
            Go::Now => {
                sent += 1;
                if sent == requests / 4 {
                    quarter = now;
                }
                events.push(Reverse((now + random.millis(delays), Event::Arrives)));
            }
            Go::At(at) => now = next.map_or(at, |next| next.min(at)),
            Go::AfterReply => now = next.expect("something is in flight"),
        }
    }
    let windows = now.saturating_sub(quarter).as_secs_f64() / limit.window.as_secs_f64();
    let allowed = windows * f64::from(limit.requests.get());
    Reached { refused, share: f64::from(requests - requests / 4) / allowed }
}

#[test]
fn ten_thousand_requests_at_each_rate_meet_no_refusal_by_any_kind_of_limiter() {
    const NEAR: (u64, u64) = (10, 60);
    const FAR: (u64, u64) = (50, 300);
    let seed = seed();
    for (delays, least_round_trip_ms, floor) in
        [(NEAR, 0, 0.93), (NEAR, 20, 0.95), (FAR, 0, 0.735), (FAR, 100, 0.79)]
    {
        for count in [2, 10, 50, 200] {
            for kind in [LimitKind::SlidingLog, LimitKind::FixedWindow, LimitKind::TokenBucket] {
                let mut random = Random(seed);
                let requests = NonZeroU32::new(count).expect("above zero");
                let limit = Limit { kind, ..Limit::per_second(requests) };
                let least = Duration::from_millis(least_round_trip_ms);
                let rates = [Rate::per_second(requests)];
                let mut pacer = Pacer::new(&rates, Pacing::Strict, least, count);
                let Reached { refused, share } = send(&mut pacer, &limit, 10_000, delays, &mut random);
                let what = format!(
                    "{count}/s, {kind:?}, {} to {} ms each way, {least_round_trip_ms} ms promised, SEED={seed}",
                    delays.0, delays.1
                );
                println!("{:.1} % of {what}", share * 100.0);
                assert_eq!(refused, 0, "{what}");
                assert!(share >= floor, "{what}: {share}");
            }
        }
    }
}

/// Counts in a window as a sliding log does, and refuses nobody.
struct Log {
    rate: Rate,
    inside: VecDeque<Duration>,
    most: usize,
}

impl Log {
    fn count(&mut self, at: Duration) {
        self.inside.push_back(at);
        while self.inside.front().is_some_and(|first| at.saturating_sub(*first) >= self.rate.window()) {
            self.inside.pop_front();
        }
        self.most = self.most.max(self.inside.len());
    }
}

/// Processes that start, send for a while, and die, one after the other. Answers come at once.
/// Each knows of earlier requests what a journal keeps: the millisecond of their ends, the latest
/// first, and those that were cut short by the millisecond when it started. Gives the requests.
fn crash_loop(rates: &[Rate], pacing: Pacing, lives: u32, random: &mut Random, logs: &mut [Log]) -> usize {
    let most = rates.iter().map(|rate| rate.count().get() as usize).max().expect("a rate");
    let mut ended: Vec<u64> = Vec::new();
    let mut start = Duration::ZERO;
    for life in 0..lives {
        let mut pacer = Pacer::new(rates, pacing, Duration::ZERO, 4);
        let now_ms = u64::try_from(start.as_millis()).expect("short");
        for at in ended.iter().rev().take(most) {
            pacer.on_earlier(Duration::ZERO, Duration::from_millis(now_ms - at));
        }
        // Most die young; a few live long enough to use up what an hour and a day allow.
        let lifetime = random.millis(if life % 7 == 6 { (500_000, 4_000_000) } else { (0, 3_000) });
        let mut now = Duration::ZERO;
        while now < lifetime {
            match pacer.poll(now) {
                Go::Now => {
                    for log in &mut *logs {
                        log.count(start + now);
                    }
                    ended.push(u64::try_from((start + now).as_millis()).expect("short"));
                    pacer.on_end(now);
                }
                Go::At(at) => now = at,
                Go::AfterReply => panic!("every request was answered"),
            }
        }
        start += lifetime + random.millis((0, 400));
    }
    ended.len()
}

#[test]
fn a_crash_loop_earns_nothing_under_stacked_rates() {
    let seed = seed();
    let rates: Vec<Rate> =
        ["2/s", "1000/h", "10000/d"].iter().map(|rate| rate.parse().expect("a rate")).collect();
    for pacing in [Pacing::Strict, Pacing::Spaced] {
        let mut logs: Vec<Log> =
            rates.iter().map(|&rate| Log { rate, inside: VecDeque::new(), most: 0 }).collect();
        let requests = crash_loop(&rates, pacing, 350, &mut Random(seed), &mut logs);
        for Log { rate, most, .. } in &logs {
            let count = rate.count().get() as usize;
            assert!(*most <= count, "{pacing:?}: {most} in a window of {rate}, SEED={seed}");
        }
        assert!(requests > 10_000, "{pacing:?}: {requests} are too few to tell anything, SEED={seed}");
    }
}

#[test]
fn a_crash_loop_earns_nothing_where_a_burst_is_allowed() {
    let seed = seed();
    let rate: Rate = "1000/s".parse().expect("a rate");
    let mut random = Random(seed);
    let mut start = Duration::ZERO;
    let mut log = Log { rate, inside: VecDeque::new(), most: 0 };
    let mut last = None;
    for _ in 0..2_000 {
        let mut pacer = Pacer::new(&[rate], Pacing::Spaced, Duration::ZERO, 1_000);
        if let Some(at) = last {
            pacer.on_earlier(Duration::ZERO, start.saturating_sub(at));
        }
        let (mut now, lifetime) = (Duration::ZERO, random.millis((0, 15)));
        while now < lifetime {
            match pacer.poll(now) {
                Go::Now => {
                    log.count(start + now);
                    last = Some(start + now);
                    pacer.on_end(now);
                }
                Go::At(at) => now = at,
                Go::AfterReply => panic!("every request was answered"),
            }
        }
        start += lifetime;
    }
    assert!(log.most <= 1_000, "{} in a second, SEED={seed}", log.most);
    assert!(start > 10 * SECOND);
}
