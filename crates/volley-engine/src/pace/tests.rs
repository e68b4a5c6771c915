//! Rates, windows and delays, each instant told.

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
    let mut pacer = Pacer::new(&[rate("2/s")], Pacing::Strict, Duration::ZERO, 2);
    let sent =
        send_for(&mut pacer, Duration::from_mins(1), |k| Duration::from_millis(20 + (k as u64 * 37) % 101));
    assert!(sent.len() >= 112, "at least 93 % of 120, not {}", sent.len());
    for place in [0, 1, 2] {
        let mut arrivals: Vec<_> = sent.iter().map(|request| within(request, place, 2)).collect();
        assert!(most_in_a_window(&mut arrivals, Duration::from_secs(1)) <= 2);
    }
}

#[test]
fn the_first_second_has_no_double_burst() {
    for pacing in [Pacing::Strict, Pacing::Spaced] {
        let mut pacer = Pacer::new(&[rate("100/s")], pacing, Duration::ZERO, 1_000);
        let sent = send_for(&mut pacer, Duration::from_millis(999), |_| 5 * MILLI);
        assert!(sent.len() <= 101, "{} in the first second, {pacing:?}", sent.len());
        assert!(sent.len() >= 97, "{} in the first second, {pacing:?}", sent.len());
    }
}

#[test]
fn spaced_pacing_reaches_the_full_rate() {
    let mut pacer = Pacer::new(&[rate("50/s")], Pacing::Spaced, Duration::ZERO, 100);
    let sent = send_for(&mut pacer, Duration::from_secs(10), |_| 300 * MILLI);
    assert!((495..=500).contains(&sent.len()), "{}", sent.len());
}

#[test]
fn stacked_rates_all_hold() {
    let mut pacer = Pacer::new(&[rate("10/s"), rate("30/m")], Pacing::Strict, Duration::ZERO, 10);
    let sent = send_for(&mut pacer, Duration::from_secs(59), |_| MILLI);
    assert_eq!(sent.len(), 30);
}

#[test]
fn nothing_leaves_before_the_gate_opens() {
    let mut pacer = Pacer::new(&[rate("100/s")], Pacing::Spaced, Duration::ZERO, 10);
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
    let mut pacer = Pacer::new(&[rate("2/s")], Pacing::Strict, Duration::ZERO, 2);
    pacer.on_earlier(Duration::ZERO, Duration::from_millis(100));
    pacer.on_earlier(Duration::ZERO, Duration::from_millis(400));
    pacer.on_earlier(Duration::ZERO, Duration::from_secs(5));
    let Go::At(at) = pacer.poll(Duration::ZERO) else { panic!("both slots are taken") };
    assert!(at >= Duration::from_millis(600) && at < Duration::from_millis(620), "{at:?}");
}

#[test]
fn a_spaced_lane_keeps_its_distance_from_an_earlier_process_too() {
    let mut pacer = Pacer::new(&[rate("2/m")], Pacing::Spaced, Duration::ZERO, 2);
    pacer.on_earlier(Duration::ZERO, Duration::from_secs(12));
    pacer.on_earlier(Duration::ZERO, Duration::from_secs(50));
    let Go::At(at) = pacer.poll(Duration::ZERO) else { panic!("it is too early") };
    assert!(at >= Duration::from_secs(18) && at < Duration::from_millis(18_010), "{at:?}");
    assert_eq!(pacer.poll(at), Go::Now);
}

#[test]
fn in_flight_is_a_limit_of_its_own() {
    let mut pacer = Pacer::new(&[], Pacing::Spaced, Duration::ZERO, 2);
    assert_eq!((pacer.poll(MILLI), pacer.poll(MILLI), pacer.poll(MILLI)), (Go::Now, Go::Now, Go::AfterReply));
    pacer.on_end(MILLI);
    assert_eq!(pacer.poll(MILLI), Go::Now);
}

/// Sends as fast as `pacer` allows for `span`, each request answered at once, on a machine whose
/// timers wake at the next millisecond.
fn send_with_late_timers(pacer: &mut Pacer, span: Duration) -> Vec<Duration> {
    let mut now = Duration::ZERO;
    let mut sent = Vec::new();
    while now < span {
        now = match pacer.poll(now) {
            Go::Now => {
                sent.push(now);
                pacer.on_end(now);
                now
            }
            Go::At(at) => Duration::from_millis(u64::try_from(at.as_millis()).expect("short") + 1),
            Go::AfterReply => panic!("every request was answered"),
        };
    }
    sent
}

#[test]
fn spaced_pacing_uses_the_quota_and_no_more_though_timers_wake_late() {
    for (count, seconds) in [(2, 200), (15, 40), (33, 40), (100, 20), (1_000, 12), (10_000, 12)] {
        let mut pacer = Pacer::new(&[rate(&format!("{count}/s"))], Pacing::Spaced, Duration::ZERO, 8);
        let mut sent = send_with_late_timers(&mut pacer, Duration::from_secs(seconds));
        let quota = count * seconds;
        let used = sent.len() as u64;
        assert!(used * 100 >= quota * 98 && used <= quota, "{used} of {quota}");
        let most = most_in_a_window(&mut sent, Duration::from_secs(1)) as u64;
        assert!(most <= count, "{count}/s: {most} in a second");
    }
}

#[test]
fn strict_pacing_keeps_every_window_at_every_rate() {
    for (count, seconds) in [(2, 200), (100, 20), (10_000, 3)] {
        let mut pacer = Pacer::new(&[rate(&format!("{count}/s"))], Pacing::Strict, Duration::ZERO, 20_000);
        let sent = send_for(&mut pacer, Duration::from_secs(seconds), |k| {
            Duration::from_millis(20 + (k as u64 * 37) % 101)
        });
        for place in [0, 1, 2] {
            let mut arrivals: Vec<_> = sent.iter().map(|request| within(request, place, 2)).collect();
            let most = most_in_a_window(&mut arrivals, Duration::from_secs(1)) as u64;
            assert!(most <= count, "{count}/s: {most} in a second");
        }
    }
}

#[test]
fn too_fast_halves_the_pace_once_for_each_silence_and_it_comes_back() {
    for pacing in [Pacing::Strict, Pacing::Spaced] {
        let mut pacer = Pacer::new(&[rate("100/s")], pacing, Duration::ZERO, 10);
        for _ in 0..5 {
            pacer.on_throttled(Duration::ZERO, Duration::from_secs(1));
        }
        let sent = send_with_late_timers(&mut pacer, Duration::from_secs(40));
        let in_second = |second: u64| sent.iter().filter(|at| at.as_secs() == second).count();
        assert_eq!(in_second(0), 0, "{pacing:?}");
        assert!((48..=52).contains(&in_second(1)), "{pacing:?}: {}", in_second(1));
        assert!((10..40).all(|second| in_second(second) >= 90), "{pacing:?}");
        assert!((0..40).all(|second| in_second(second) <= 102), "{pacing:?}");
    }
}

#[test]
fn a_slower_pace_is_a_share_of_what_is_sent_at_once_where_strict_and_of_the_slowest_where_spaced() {
    for (pacing, expected) in [(Pacing::Strict, 5), (Pacing::Spaced, 2)] {
        let mut pacer = Pacer::new(&[rate("10/s"), rate("240/m")], pacing, Duration::ZERO, 10);
        pacer.on_throttled(Duration::ZERO, Duration::ZERO);
        let sent = send_with_late_timers(&mut pacer, Duration::from_secs(1));
        assert_eq!(sent.len(), expected, "{pacing:?}: {sent:?}");
    }
}

#[test]
fn a_slot_returns_sooner_by_what_is_certain_to_pass_on_the_way() {
    let least = Duration::from_millis(20);
    let mut pacer = Pacer::new(&[rate("1/s")], Pacing::Strict, least, 10);
    assert_eq!(pacer.poll(Duration::ZERO), Go::Now);
    pacer.on_end(30 * MILLI);
    assert_eq!(pacer.poll(30 * MILLI), Go::At(Duration::from_millis(30 + 1_001 - 20)));
}

#[test]
fn a_round_trip_that_is_promised_too_long_costs_refusals() {
    let promised = Duration::from_millis(300);
    let mut pacer = Pacer::new(&[rate("10/s")], Pacing::Strict, promised, 10);
    let sent = send_for(&mut pacer, Duration::from_secs(5), |_| MILLI);
    let mut arrivals: Vec<_> = sent.iter().map(|(start, _)| *start).collect();
    assert!(most_in_a_window(&mut arrivals, Duration::from_secs(1)) > 10);
}

proptest! {
    #[test]
    fn strict_pacing_never_overruns_whatever_the_delays(
        count in 1_u32..40,
        in_flight in 1_u32..60,
        delays in proptest::collection::vec(0_u32..900, 50),
        places in proptest::collection::vec(0_u32..=10, 50),
    ) {
        let mut pacer = Pacer::new(&[rate(&format!("{count}/s"))], Pacing::Strict, Duration::ZERO, in_flight);
        let sent = send_for(&mut pacer, Duration::from_secs(8), |k| delays[k % 50] * MILLI);
        let mut arrivals: Vec<_> =
            sent.iter().enumerate().map(|(k, request)| within(request, places[k % 50], 10)).collect();
        prop_assert!(most_in_a_window(&mut arrivals, Duration::from_secs(1)) <= count as usize);
    }

    /// Each way takes its least or more, each on its own, and so much is promised.
    #[test]
    fn strict_pacing_with_a_least_round_trip_never_overruns(
        count in 1_u32..40,
        in_flight in 1_u32..60,
        least in (0_u32..200, 0_u32..200),
        more in proptest::collection::vec((0_u32..300, 0_u32..300), 50),
    ) {
        let promised = (least.0 + least.1) * MILLI;
        let there = |k: usize| (least.0 + more[k % 50].0) * MILLI;
        let back = |k: usize| (least.1 + more[k % 50].1) * MILLI;
        let mut pacer = Pacer::new(&[rate(&format!("{count}/s"))], Pacing::Strict, promised, in_flight);
        let sent = send_for(&mut pacer, Duration::from_secs(8), |k| there(k) + back(k));
        let mut arrivals: Vec<_> =
            sent.iter().enumerate().map(|(k, (start, _))| *start + there(k)).collect();
        prop_assert!(most_in_a_window(&mut arrivals, Duration::from_secs(1)) <= count as usize);
    }
}
