//! A permit of the pacer: what it costs to be told that a request may leave, and when.
//!
//! The yardstick beside it is a log of instants, the least that keeps a window at all.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{collections::VecDeque, hint::black_box, time::Duration};
use volley_core::{Pacing, Rate};
use volley_engine::{Go, Pacer};

/// Requests a second.
const RATE: u32 = 10_000;

/// Permits in one round: a fifth of a second's worth.
const PERMITS: u32 = 2_000;

/// How long an answer takes.
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// A pacer in the middle of a run, and the requests that wait for their answers.
struct Sending {
    pacer: Pacer,
    now: Duration,
    open: VecDeque<Duration>,
}

impl Sending {
    fn start(rates: &[&str], pacing: Pacing) -> Self {
        let rates: Vec<Rate> = rates.iter().map(|rate| rate.parse().expect("a rate")).collect();
        let pacer = Pacer::new(&rates, pacing, Duration::ZERO, 2 * RATE);
        let mut sending = Self { pacer, now: Duration::ZERO, open: VecDeque::new() };
        // Past the first window, when slots have begun to return.
        (0..10).for_each(|_| sending.round());
        sending
    }

    /// Lets [`PERMITS`] requests leave, and their answers come.
    fn round(&mut self) {
        let mut left = PERMITS;
        while left > 0 {
            while self.open.front().is_some_and(|end| *end <= self.now) {
                self.pacer.on_end(self.now);
                self.open.pop_front();
            }
            match black_box(self.pacer.poll(self.now)) {
                Go::Now => {
                    self.open.push_back(self.now + ROUND_TRIP);
                    left -= 1;
                }
                Go::At(at) => self.now = self.open.front().map_or(at, |end| at.min(*end)),
                Go::AfterReply => self.now = *self.open.front().expect("somebody is in flight"),
            }
        }
    }
}

/// The instants of the last window.
fn log_round(log: &mut VecDeque<Duration>, now: &mut Duration) {
    for _ in 0..PERMITS {
        *now += Duration::from_secs(1) / RATE;
        while log.front().is_some_and(|at| *at + Duration::from_secs(1) <= *now) {
            log.pop_front();
        }
        log.push_back(*now);
        black_box(log.len());
    }
}

fn permits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pacing");
    group.throughput(Throughput::Elements(u64::from(PERMITS)));
    let (mut log, mut now) = (VecDeque::new(), Duration::ZERO);
    group.bench_function("a log of instants", |bencher| bencher.iter(|| log_round(&mut log, &mut now)));
    for (name, rates, pacing) in [
        ("spaced", &["10000/s"][..], Pacing::Spaced),
        ("strict", &["10000/s"], Pacing::Strict),
        ("strict, three stacked rates", &["10000/s", "1000000/m", "100000000/h"], Pacing::Strict),
    ] {
        let mut sending = Sending::start(rates, pacing);
        group.bench_function(name, |bencher| bencher.iter(|| sending.round()));
    }
    group.finish();
}

criterion_group!(benches, permits);
criterion_main!(benches);
