//! Campaigns whose first recipients are judged before the others are sent to.

use crate::world::{Limits, World};
use std::time::Duration;
use volley_core::StopReason;
use volley_engine::Ending;
use volley_sim::{Config, Fault, Messages, Mischief, When};

const RECIPIENTS: u32 = 100;
const CANARY: u64 = 10;

fn limits() -> Limits {
    Limits { canary: Some(CANARY), ..Limits::default() }
}

/// What a gateway does to the first recipients, and whether the others are sent to all the same.
fn weather() -> Vec<(&'static str, Config, bool)> {
    let faults = |faults: Vec<Fault>| Config { faults, ..Config::default() }.with_limit(None);
    let at = |request, what| Fault::new(When::Request(request), what);
    let refused = || Mischief::ErrorBefore { status: 400 };
    let extra_parts = |extra_parts| Config { extra_parts, ..Config::default() }.with_limit(None);
    vec![
        ("all well", faults(vec![]), true),
        ("one refused", faults(vec![at(3, refused())]), true),
        ("one in doubt", faults(vec![at(10, Mischief::CommitThenDrop)]), true),
        ("two refused", faults(vec![at(3, refused()), at(10, refused())]), false),
        ("two in doubt", faults(vec![at(1, Mischief::CommitThenDrop), at(9, Mischief::Reset)]), false),
        ("one of each", faults(vec![at(1, refused()), at(2, Mischief::CommitThenDrop)]), false),
        ("everybody refused", faults(vec![Fault::new(When::Every(1), refused())]), false),
        ("one billed for two parts", extra_parts(vec![Messages::Numbered([7].into())]), false),
        ("everybody billed for two parts", extra_parts(vec![Messages::Every(1)]), false),
        ("the eleventh billed for two parts", extra_parts(vec![Messages::Numbered([11].into())]), true),
        ("too fast now and then", faults(vec![at(4, Mischief::Throttle { retry_after: None })]), true),
    ]
}

#[tokio::test(start_paused = true)]
async fn nobody_beyond_a_canary_that_went_wrong_is_sent_to_until_somebody_resumes() {
    for (what, config, goes_on) in weather() {
        let world = World::new("transmitsms", RECIPIENTS, 1, config);
        let (ending, standing) = world.run(&limits()).await;
        world.judge(&standing, what);
        if goes_on {
            assert_eq!((ending, standing.recipients.pending), (Ending::Finished, 0), "{what}");
            continue;
        }
        let stopped = matches!(ending, Ending::Stopped { reason: StopReason::Canary, .. });
        assert!(stopped, "{what}: {ending:?}");
        assert!(standing.requests_sent <= CANARY, "{what}: {} requests", standing.requests_sent);
        assert!(world.gateway().recipients_taken() <= CANARY, "{what}");
        // As long as nobody was told, another process finds the same and sends nothing.
        let (ending, again) = world.run(&limits()).await;
        assert!(matches!(ending, Ending::Stopped { reason: StopReason::Canary, .. }), "{what}: {ending:?}");
        assert_eq!(again.requests_sent, standing.requests_sent, "{what}");
        if what == "everybody refused" {
            continue;
        }
        let (ending, standing) = world.run(&Limits::default()).await;
        assert_eq!((ending, standing.recipients.pending), (Ending::Finished, 0), "{what}, resumed");
        world.judge(&standing, what);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_cut_where_the_canary_ends() {
    let faults = vec![Fault::new(When::Request(2), Mischief::CommitThenDrop)];
    let world = World::new("mesms", RECIPIENTS, 7, Config { faults, ..Config::default() }.with_limit(None));
    let (ending, standing) = world.run(&limits()).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Canary, .. }), "{ending:?}");
    let totals = standing.recipients;
    assert_eq!((totals.accepted, totals.in_doubt, totals.pending), (7, 3, 90));
    assert_eq!(world.gateway().recipients_taken(), CANARY);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_canary_is_the_rest_of_it_in_the_next_run() {
    for (interrupt, refused_later) in [(100, false), (350, true), (350, false)] {
        let what = format!("interrupted after {interrupt} ms, refusals: {refused_later}");
        let refused = Mischief::ErrorBefore { status: 400 };
        let when = When::Requests { first: 9, last: 10 };
        let faults = if refused_later { vec![Fault::new(when, refused)] } else { Vec::new() };
        let latency = Duration::from_millis(60)..=Duration::from_millis(60);
        let world = World::new(
            "transmitsms",
            RECIPIENTS,
            1,
            Config { faults, latency, ..Config::default() }.with_limit(None),
        );
        let slow = Limits { max_in_flight: 1, ..limits() };
        let interrupts = [Some(Duration::from_millis(interrupt)), None];
        let (ending, first) = world.run(&Limits { interrupts, ..slow.clone() }).await;
        assert!(matches!(ending, Ending::Stopped { reason: StopReason::Interrupted, .. }), "{ending:?}");
        let sent = first.requests_sent;
        assert!((1..CANARY).contains(&sent), "{what}: {sent} sent");
        let (ending, second) = world.run(&slow).await;
        if refused_later {
            assert!(
                matches!(ending, Ending::Stopped { reason: StopReason::Canary, .. }),
                "{what}: {ending:?}"
            );
            assert_eq!(second.requests_sent, CANARY, "{what}");
        } else {
            assert_eq!(ending, Ending::Finished, "{what}");
        }
        world.judge(&second, &what);
    }
}
