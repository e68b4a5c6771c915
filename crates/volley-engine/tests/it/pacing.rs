//! Rates against the gateway's own limiters, on virtual time.

use crate::world::{Limits, World};
use std::{num::NonZeroU32, time::Duration};
use volley_engine::Ending;
use volley_sim::{Config, Fault, Limit, LimitKind, Mischief, When};

fn limit(kind: LimitKind, requests: u32) -> Limit {
    let requests = NonZeroU32::new(requests).expect("above zero");
    Limit { kind, ..Limit::per_second(requests) }
}

#[tokio::test(start_paused = true)]
async fn two_a_second_for_a_minute_meets_no_refusal_and_wastes_little() {
    let kinds = [LimitKind::SlidingLog, LimitKind::FixedWindow, LimitKind::TokenBucket];
    for (kind, least_round_trip_ms, floor) in
        kinds.iter().flat_map(|kind| [(*kind, 0, 112), (*kind, 20, 114)])
    {
        let latency = Duration::from_millis(20)..=Duration::from_millis(120);
        let least_round_trip = Duration::from_millis(least_round_trip_ms);
        let config = Config { latency, ..Config::default() }.with_limit(Some(&limit(kind, 2)));
        let world = World::new("transmitsms", 1_000, 1, config);
        let minute = Duration::from_mins(1);
        let interrupts = [Some(minute), None];
        let limits =
            Limits { rates: "2/s", max_in_flight: 2, least_round_trip, interrupts, ..Limits::default() };
        let (_, standing) = world.run(&limits).await;
        assert_eq!(world.gateway().overruns(), 0, "{kind:?}");
        assert!(standing.requests_sent >= floor, "{kind:?}: {} of 120, not {floor}", standing.requests_sent);
        world.judge(&standing, &format!("{kind:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn faster_rates_meet_no_refusal_either() {
    for rate in [10, 50, 200] {
        for latency in [20..=120, 100..=600] {
            let (shortest, longest) = latency.into_inner();
            let latency = Duration::from_millis(shortest)..=Duration::from_millis(longest);
            let config =
                Config { latency, ..Config::default() }.with_limit(Some(&limit(LimitKind::SlidingLog, rate)));
            let world = World::new("mesms", rate * 5, 1, config);
            let rates = match rate {
                10 => "10/s",
                50 => "50/s",
                _ => "200/s",
            };
            let (ending, standing) =
                world.run(&Limits { rates, max_in_flight: rate, ..Limits::default() }).await;
            assert_eq!(ending, Ending::Finished);
            assert_eq!(world.gateway().overruns(), 0, "{rate}/s at up to {longest} ms");
            world.judge(&standing, &format!("{rate}/s"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rates_bind_across_restarts() {
    let latency = Duration::from_millis(20)..=Duration::from_millis(120);
    let config = Config { latency, ..Config::default() }.with_limit(Some(&limit(LimitKind::SlidingLog, 2)));
    let world = World::new("transmitsms", 60, 1, config);
    // Drained and started anew every 300 ms: a new process must not start with a fresh allowance.
    let short = Limits {
        rates: "2/s",
        max_in_flight: 2,
        interrupts: [Some(Duration::from_millis(300)), None],
        ..Limits::default()
    };
    for _ in 0..40 {
        world.run(&short).await;
    }
    let (ending, standing) = world.run(&Limits { interrupts: [None, None], ..short }).await;
    assert_eq!(ending, Ending::Finished);
    assert_eq!(world.gateway().overruns(), 0);
    world.judge(&standing, "restarted forty times");
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_is_waited_out_and_nothing_is_sent_before_its_time() {
    // Requests 5 to 9 are refused, each asking for 7 seconds of silence.
    let throttle = Mischief::Throttle { retry_after: Some("7".to_owned()) };
    let faults = vec![Fault::new(When::Requests { first: 5, last: 9 }, throttle)];
    let world = World::new("transmitsms", 200, 10, Config { faults, ..Config::default() }.with_limit(None));
    let limits = Limits { rates: "10/s", max_in_flight: 1, ..Limits::default() };
    let (ending, standing) = world.run(&limits).await;
    assert_eq!(ending, Ending::Finished);
    assert_eq!((standing.recipients.accepted, standing.requests_throttled), (200, 5));
    // Five silences of at least seven seconds each, one after the other.
    assert!(world.elapsed() >= Duration::from_secs(35), "{:?}", world.elapsed());
    let long = |pair: &&[Duration]| pair[1].saturating_sub(pair[0]) >= Duration::from_secs(7);
    assert_eq!(world.arrivals().windows(2).filter(long).count(), 5, "each silence was kept");
    world.judge(&standing, "after the storm");
}
