//! How calls are counted: laws of the three limiters, and what a caller hears above its limit.

use crate::support::{Cases, body, form, gateway, header, send_one, send_one_thai};
use std::{num::NonZeroU32, time::Duration};
use volley_sim::{Config, Limit, LimitKind, Limiter, Request};

fn limit(kind: LimitKind, requests: u32, window_ms: u64) -> Limit {
    let requests = NonZeroU32::new(requests).expect("above zero");
    Limit { kind, requests, window: Duration::from_millis(window_ms), retry_after: None }
}

/// Calls at random times and whether they were let in, for one random limit.
struct Trial {
    seed: u64,
    requests: u64,
    window_ms: u64,
    calls: Vec<(u64, bool)>,
}

/// Many trials of `kind`, quiet and crowded ones.
fn trials(kind: LimitKind) -> impl Iterator<Item = Trial> {
    (1..=200).map(move |seed| {
        let mut cases = Cases(seed);
        let (requests, window_ms, gap) = (1 + cases.below(6), 1 + cases.below(1_500), 1 + cases.below(700));
        let requests_u32 = u32::try_from(requests).expect("at most 6");
        let mut limiter = Limiter::new(&limit(kind, requests_u32, window_ms));
        let mut now = 0;
        let calls = (0..300).map(|_| {
            now += cases.below(gap);
            (now, limiter.admit(Duration::from_millis(now)))
        });
        Trial { seed, requests, window_ms, calls: calls.collect() }
    })
}

impl Trial {
    fn admitted(&self) -> Vec<u64> {
        self.calls.iter().filter(|call| call.1).map(|call| call.0).collect()
    }
}

#[test]
fn sliding_log_lets_in_exactly_what_the_last_window_has_room_for() {
    for trial in trials(LimitKind::SlidingLog) {
        let mut admitted: Vec<u64> = Vec::new();
        for &(now, seen) in &trial.calls {
            let recent = admitted.iter().filter(|&&at| at + trial.window_ms > now).count() as u64;
            assert_eq!(seen, recent < trial.requests, "seed {} at {now} ms", trial.seed);
            admitted.extend(seen.then_some(now));
        }
        let mut windows = admitted.windows(usize::try_from(trial.requests).expect("small") + 1);
        assert!(windows.all(|window| window[window.len() - 1] - window[0] >= trial.window_ms));
    }
}

#[test]
fn fixed_window_lets_in_exactly_the_first_of_each_window() {
    for trial in trials(LimitKind::FixedWindow) {
        let mut earlier = std::collections::HashMap::<u64, u64>::new();
        for &(now, seen) in &trial.calls {
            let in_window = earlier.entry(now / trial.window_ms).or_default();
            assert_eq!(seen, *in_window < trial.requests, "seed {} at {now} ms", trial.seed);
            *in_window += 1;
        }
    }
}

#[test]
fn token_bucket_never_lets_in_more_than_a_full_bucket_and_what_dripped_in() {
    for trial in trials(LimitKind::TokenBucket) {
        let admitted = trial.admitted();
        for (start, &from) in admitted.iter().enumerate() {
            for (count, &until) in (1_u64..).zip(&admitted[start..]) {
                let room = trial.requests * (trial.window_ms + until - from);
                assert!(count * trial.window_ms <= room, "seed {}: {count} from {from} ms", trial.seed);
            }
        }
    }
}

#[test]
fn token_bucket_lets_in_again_exactly_when_a_token_is_back() {
    let mut limiter = Limiter::new(&limit(LimitKind::TokenBucket, 3, 1));
    let mut admit = |nanos| limiter.admit(Duration::from_nanos(nanos));
    assert_eq!([admit(0), admit(0), admit(0), admit(0)], [true, true, true, false]);
    // A third of a millisecond is not a whole number of nanoseconds; nothing is lost by that.
    assert_eq!([admit(333_333), admit(333_334), admit(666_666), admit(666_667)], [false, true, false, true]);
    assert_eq!([admit(999_999), admit(1_000_000)], [false, true]);
}

#[test]
fn a_full_window_is_over_one_window_after_its_first_call_and_not_before() {
    let mut limiter = Limiter::new(&limit(LimitKind::SlidingLog, 2, 1_000));
    let mut admit = |millis| limiter.admit(Duration::from_millis(millis));
    assert_eq!(
        [admit(0), admit(600), admit(999), admit(1_000), admit(1_599), admit(1_600)],
        [true, true, false, true, false, true]
    );
}

#[test]
fn above_its_rate_an_account_hears_the_providers_own_429_and_nothing_is_taken() {
    let mut gateway = gateway(Config::default());
    let statuses: Vec<u16> =
        (0..4).map(|_| gateway.answer(Duration::ZERO, &send_one()).reply.status).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
    let refusal = gateway.answer(Duration::ZERO, &send_one()).reply;
    assert_eq!(body(&refusal)["error"]["code"].as_str(), Some("OVER_LIMIT"));
    assert_eq!(header(&refusal, "retry-after"), None);
    let thai: Vec<u16> =
        (0..6).map(|_| gateway.answer(Duration::ZERO, &send_one_thai()).reply.status).collect();
    assert_eq!(thai, [200, 200, 200, 200, 200, 429], "each account has a limit of its own");
    assert_eq!((gateway.overruns(), gateway.recipients_taken(), gateway.requests_seen()), (4, 7, 11));
    assert_eq!(gateway.answer(Duration::from_secs(1), &send_one()).reply.status, 200);
}

#[test]
fn calls_that_are_not_sends_count_and_calls_without_credentials_do_not() {
    let mut gateway = gateway(Config::default());
    let mut unsigned = send_one();
    unsigned.headers.clear();
    let mut status = |request: &Request| gateway.answer(Duration::ZERO, request).reply.status;
    assert_eq!([status(&unsigned), status(&unsigned), status(&unsigned)], [401; 3]);
    assert_eq!([status(&form("/get-balance.json", &[])), status(&form("/nothing.json", &[]))], [200, 404]);
    assert_eq!(status(&send_one()), 429);
}

#[test]
fn a_limit_gives_its_retry_after_as_it_stands() {
    let limit = Limit { retry_after: Some("soon".to_owned()), ..limit(LimitKind::FixedWindow, 1, 1_000) };
    let mut gateway = gateway(Config::default().with_limit(Some(&limit)));
    let replies = [send_one(), send_one()].map(|request| gateway.answer(Duration::ZERO, &request).reply);
    assert_eq!(header(&replies[0], "retry-after"), None);
    assert_eq!(header(&replies[1], "retry-after"), Some("soon"));
}

#[test]
fn time_does_not_go_back() {
    let mut gateway = gateway(Config::default());
    let mut status = |millis| gateway.answer(Duration::from_millis(millis), &send_one()).reply.status;
    assert_eq!([status(5_000), status(0), status(5_999), status(6_000)], [200, 200, 429, 200]);
}
