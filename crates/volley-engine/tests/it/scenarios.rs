//! What the engine does when things go wrong, as a table of worlds and expectations.

use crate::world::{Limits, PRICE, World};
use std::{sync::Arc, time::Duration};
use volley_core::{Micros, StopReason};
use volley_engine::Ending;
use volley_journal::JournalReader;
use volley_sim::{Config, Face, Fault, Mischief, When};

/// One fault in a campaign of 100 recipients in chunks of 10, and what must come of it.
struct Case {
    fault: Mischief,
    when: When,
    accepted: u64,
    refused: u64,
    in_doubt: u64,
    taken: u64,
    stopped: Option<StopReason>,
}

fn case(fault: Mischief, when: When) -> Case {
    Case { fault, when, accepted: 100, refused: 0, in_doubt: 0, taken: 100, stopped: None }
}

fn table() -> Vec<Case> {
    use Mischief as M;
    let third = When::Request(3);
    let throttle = |text: &str| M::Throttle { retry_after: Some(text.to_owned()) };
    vec![
        case(M::Throttle { retry_after: None }, third),
        case(throttle("3"), third),
        case(throttle("Thu, 01 Jan 1970 00:00:20 GMT"), third),
        case(throttle("Wed, 31 Dec 1969 23:59:59 GMT"), third),
        case(throttle("soon"), When::Every(4)),
        Case { accepted: 90, in_doubt: 10, ..case(M::CommitThenDrop, third) },
        Case { accepted: 90, in_doubt: 10, ..case(M::ErrorAfter { status: 500 }, third) },
        Case { accepted: 90, in_doubt: 10, taken: 90, ..case(M::ErrorBefore { status: 500 }, third) },
        Case { accepted: 90, in_doubt: 10, taken: 90, ..case(M::ErrorBefore { status: 502 }, third) },
        Case { accepted: 90, in_doubt: 10, taken: 90, ..case(M::Reset, third) },
        Case { accepted: 90, in_doubt: 10, ..case(M::Stall { taken: true }, third) },
        Case { accepted: 90, in_doubt: 10, taken: 90, ..case(M::Stall { taken: false }, third) },
        Case { accepted: 90, in_doubt: 10, ..case(M::Truncate { bytes: 7 }, third) },
        Case {
            accepted: 20,
            in_doubt: 10,
            taken: 20,
            stopped: Some(StopReason::Suspicious),
            ..case(M::Rubbish { taken: false }, third)
        },
        // Doubt above two full flights, here 20 recipients, opens the breaker before five in a row do.
        Case {
            accepted: 20,
            in_doubt: 30,
            taken: 20,
            stopped: Some(StopReason::Breaker),
            ..case(M::Reset, When::Requests { first: 3, last: 99 })
        },
        Case { accepted: 90, refused: 10, taken: 90, ..case(M::ErrorBefore { status: 400 }, third) },
        Case {
            accepted: 20,
            taken: 20,
            stopped: Some(StopReason::Credentials),
            ..case(M::ErrorBefore { status: 403 }, third)
        },
        Case {
            accepted: 20,
            taken: 20,
            stopped: Some(StopReason::Balance),
            ..case(M::ErrorBefore { status: 402 }, third)
        },
        Case {
            accepted: 20,
            taken: 20,
            stopped: Some(StopReason::Configuration),
            ..case(M::ErrorBefore { status: 404 }, third)
        },
        case(M::ErrorBefore { status: 413 }, third),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_fault_ends_as_the_table_says_and_nobody_is_texted_twice() {
    for kind in ["transmitsms", "mesms"] {
        for Case { fault, when, accepted, refused, in_doubt, taken, stopped } in table() {
            let what = format!("{kind}: {fault:?} at {when:?}");
            let faults = vec![Fault::new(when, fault)];
            let world = World::new(kind, 100, 10, Config { faults, ..Config::default() }.with_limit(None));
            // One in flight, so that the third request is the third chunk.
            let limits = Limits { max_in_flight: 1, ..Limits::default() };
            let (ending, standing) = world.run(&limits).await;
            let totals = standing.recipients;
            assert_eq!(
                (totals.accepted, totals.refused, totals.in_doubt),
                (accepted, refused, in_doubt),
                "{what}"
            );
            assert_eq!(world.gateway().recipients_taken(), taken, "{what}");
            let reason = match ending {
                Ending::Finished => None,
                Ending::Stopped { reason, .. } => Some(reason),
            };
            assert_eq!(reason, stopped, "{what}");
            world.judge(&standing, &what);

            // A second run with a healthy provider finishes, and sends nobody in doubt again.
            let (ending, standing) = world.run(&limits).await;
            if matches!(when, When::Request(_)) {
                assert_eq!(ending, Ending::Finished, "{what}, resumed");
                assert_eq!(standing.recipients.in_doubt, in_doubt, "{what}, resumed");
                assert_eq!(standing.recipients.pending, 0, "{what}, resumed");
            }
            world.judge(&standing, &format!("{what}, resumed"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_leaves_its_chunk_in_doubt_and_resume_does_not_send_it_again() {
    let faults = vec![Fault::at(2, Mischief::CommitThenDrop)];
    let world = World::new("transmitsms", 40, 10, Config { faults, ..Config::default() });
    let (ending, standing) = world.run(&Limits { max_in_flight: 1, ..Limits::default() }).await;
    assert_eq!(ending, Ending::Finished);
    assert_eq!((standing.recipients.accepted, standing.recipients.in_doubt), (30, 10));
    let seen = world.gateway().requests_seen();
    let (ending, standing) = world.run(&Limits::default()).await;
    assert_eq!(ending, Ending::Finished);
    assert_eq!(standing.recipients.in_doubt, 10);
    assert_eq!(world.gateway().requests_seen(), seen, "nothing was left to send");
    world.judge(&standing, "resumed");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_dropped_mid_flight_leaves_doubt_and_no_loss() {
    for cut_after_ms in [0, 1, 30, 95, 250, 400, 777, 1_500] {
        let latency = Duration::from_millis(20)..=Duration::from_millis(120);
        let world = World::new("mesms", 200, 10, Config { latency, ..Config::default() }.with_limit(None));
        let what = format!("dropped after {cut_after_ms} ms");
        let limits = Limits { rates: "10/s", ..Limits::default() };
        tokio::time::timeout(Duration::from_millis(cut_after_ms), world.run(&limits)).await.ok();
        tokio::task::yield_now().await; // the runtime lets go of what was in flight
        let (ending, standing) = world.run(&limits).await;
        assert_eq!(ending, Ending::Finished, "{what}");
        assert_eq!(standing.recipients.pending, 0, "{what}");
        assert!(standing.recipients.in_doubt <= 4 * 10, "{what}: more in doubt than were in flight");
        world.judge(&standing, &what);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_drains_and_leaves_no_doubt() {
    let latency = Duration::from_millis(50)..=Duration::from_millis(90);
    let world = World::new("mesms", 400, 10, Config { latency, ..Config::default() }.with_limit(None));
    let limits =
        Limits { rates: "10/s", interrupts: [Some(Duration::from_millis(1_020)), None], ..Limits::default() };
    let (ending, standing) = world.run(&limits).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Interrupted, .. }), "{ending:?}");
    assert_eq!(standing.recipients.in_doubt, 0);
    assert!(standing.recipients.accepted > 0 && standing.recipients.pending > 0);
    assert!(world.elapsed() < Duration::from_millis(1_200), "what was in flight finished");
    world.judge(&standing, "drained");
}

#[tokio::test(start_paused = true)]
async fn whoever_asked_not_to_be_texted_is_refused_without_a_request() {
    let world = World::new("mesms", 60, 10, Config::default().with_limit(None));
    // Single ones, neighbours, a whole request, and the last.
    let asked =
        |to: volley_core::Msisdn| matches!(to.digits() % 1_000, 3 | 5 | 7 | 9 | 11..=13 | 21..=30 | 60);
    let held_back = Some(volley_engine::HeldBack(Arc::new(asked)));
    let (ending, standing) = world.run(&Limits { held_back, ..Limits::default() }).await;
    assert_eq!(ending, Ending::Finished);
    assert_eq!((standing.recipients.accepted, standing.recipients.refused), (42, 18));
    assert!(world.gateway().ledger().all(|entry| !asked(entry.to)));
    world.judge(&standing, "held back");
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_before_a_schedule_that_the_provider_cannot_be_handed() {
    let world = World::new("transmitsms", 30, 10, Config::default().with_limit(None));
    let due = Duration::from_hours(3);
    let limits = Limits { not_before: due, ..Limits::default() };
    let stopped = Limits { interrupts: [Some(due / 2), None], ..limits.clone() };
    let (ending, standing) = world.run(&stopped).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Interrupted, .. }), "{ending:?}");
    assert_eq!((standing.recipients.pending, world.arrivals().len()), (30, 0));
    let (ending, standing) = world.run(&Limits { not_before: due / 2, ..limits }).await;
    assert_eq!(ending, Ending::Finished);
    assert_eq!(standing.recipients.accepted, 30);
    assert!(world.arrivals().iter().all(|at| *at >= due), "{:?}", world.arrivals());
    world.judge(&standing, "on time");
}

#[tokio::test(start_paused = true)]
async fn the_second_interrupt_abandons_exactly_what_is_in_flight() {
    let latency = Duration::from_secs(10)..=Duration::from_secs(10);
    let world = World::new("mesms", 400, 10, Config { latency, ..Config::default() }.with_limit(None));
    let second = Some(Duration::from_millis(500));
    let limits = Limits { interrupts: [second, second], ..Limits::default() };
    let (ending, standing) = world.run(&limits).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Interrupted, .. }), "{ending:?}");
    assert_eq!(standing.recipients.in_doubt, 4 * 10);
    assert!(world.elapsed() <= Duration::from_secs(2), "{:?}", world.elapsed());
    world.judge(&standing, "abandoned");
}

#[tokio::test(start_paused = true)]
async fn the_cost_cap_holds_across_restarts() {
    let world = World::new("mesms", 200, 10, Config::default().with_limit(None));
    let cap = Micros(65 * PRICE.0);
    for _ in 0..3 {
        let (ending, standing) = world.run(&Limits { max_cost: Some(cap), ..Limits::default() }).await;
        assert!(matches!(ending, Ending::Stopped { reason: StopReason::CostCap, .. }), "{ending:?}");
        assert_eq!(standing.recipients.accepted, 60);
        assert!(standing.spent <= cap);
    }
    let (ending, standing) = world.run(&Limits::default()).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 200));
    world.judge(&standing, "with the cap lifted");
}

/// ME-SMS bills credits, one a part.
const CREDIT: Micros = Micros(1_000_000);

#[tokio::test(start_paused = true)]
async fn credits_are_money_to_a_plan_that_is_priced_in_them() {
    for currency in ["CREDIT", "CREDITS"] {
        let config = Config::default().with_limit(None);
        let world = World::priced("mesms", 100, 10, config, (currency, CREDIT));
        let cap = Micros(65 * CREDIT.0);
        for _ in 0..2 {
            let (ending, standing) = world.run(&Limits { max_cost: Some(cap), ..Limits::default() }).await;
            assert!(matches!(ending, Ending::Stopped { reason: StopReason::CostCap, .. }), "{ending:?}");
            let sixty = Micros(60 * CREDIT.0);
            assert_eq!((standing.billed, standing.spent), (Some(sixty), sixty), "{currency}");
            world.judge(&standing, currency);
        }
        let (ending, standing) = world.run(&Limits::default()).await;
        assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 100));
        let reader = JournalReader::open(&world.journal_path()).expect("a journal");
        assert_eq!(standing.billed, reader.plan().estimated, "{currency}");
        assert_eq!(standing.billed_units, None, "{currency}");
        world.judge(&standing, currency);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bill_in_credits_leaves_room_under_a_cap_in_credits_alone() {
    // The card says two for each, so 75 of 100 fit by the plan; the bill says one for each.
    let price = Micros(2 * CREDIT.0);
    let cap = Micros(150 * CREDIT.0);
    let hundred = Some(Micros(100 * CREDIT.0));
    let seventy = Some(Micros(70 * CREDIT.0));
    for (currency, accepted, billed, billed_units) in
        [("CREDIT", 100, hundred, None), ("THB", 70, None, seventy)]
    {
        let world = World::priced("mesms", 100, 10, Config::default().with_limit(None), (currency, price));
        let limits = Limits { max_cost: Some(cap), ..Limits::default() };
        let (_, standing) = world.run(&limits).await;
        assert_eq!(standing.recipients.accepted, accepted, "{currency}");
        assert_eq!((standing.billed, standing.billed_units), (billed, billed_units), "{currency}");
        assert!(standing.spent <= cap, "{currency}");
        world.judge(&standing, currency);
    }
}

#[tokio::test(start_paused = true)]
async fn running_out_of_funds_keeps_everybody_pending() {
    for (kind, face) in [("transmitsms", Face::TransmitSms), ("mesms", Face::MeSms)] {
        let mut config = Config::default().with_limit(None);
        for account in config.accounts.iter_mut().filter(|account| account.face == face) {
            // Money at 0.05 a part, or credits at one a part: enough for 35 people either way.
            account.balance =
                Some(if face == Face::MeSms { Micros(35_000_000) } else { Micros(35 * 50_000) });
        }
        let world = World::new(kind, 100, 10, config);
        let (ending, standing) = world.run(&Limits { max_in_flight: 1, ..Limits::default() }).await;
        assert!(matches!(ending, Ending::Stopped { reason: StopReason::Balance, .. }), "{kind}: {ending:?}");
        assert_eq!((standing.recipients.accepted, standing.recipients.pending), (30, 70), "{kind}");
        world.judge(&standing, kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_pauses_the_lane_and_sending_goes_on_by_itself_when_there_is_room() {
    let latency = Duration::from_secs(2)..=Duration::from_secs(2);
    let world = World::new("mesms", 400, 10, Config { latency, ..Config::default() }.with_limit(None));
    // Full from the middle of the flight on, for twenty seconds.
    let full = Duration::from_millis(550)..Duration::from_secs(20);
    let limits = Limits { rates: "20/s", ..Limits::default() };
    let (ending, standing) = world.run_with_a_full_disk(&limits, full.clone()).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 400));
    assert_eq!(standing.recipients.in_doubt, 0, "every answer was kept until it could be stored");
    // What was claimed just before is still on its way to the gateway; nothing else is.
    let inside = |at: &&Duration| full.contains(at);
    assert_eq!(world.arrivals().iter().filter(inside).count(), 0, "{:?}", world.arrivals());
    world.judge(&standing, "after the full disk");
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_cannot_be_stored_sends_nothing_and_ends_the_run_after_ten_minutes() {
    let world = World::new("mesms", 40, 10, Config::default().with_limit(None));
    let always = Duration::ZERO..Duration::from_hours(1);
    let (ending, standing) = world.run_with_a_full_disk(&Limits::default(), always).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Journal, .. }), "{ending:?}");
    assert_eq!((world.gateway().requests_seen(), standing.recipients.pending), (0, 40));
    let minutes = Duration::from_mins(10)..Duration::from_mins(11);
    assert!(minutes.contains(&world.elapsed()), "{:?}", world.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_while_the_disk_is_full_ends_the_run_and_unsaved_answers_become_doubt() {
    let second = Duration::from_secs(1);
    // Once: what is in flight is offered for another minute. Twice: not even that.
    for (interrupts, longest) in [([Some(5 * second), None], 70), ([Some(5 * second), Some(second)], 8)] {
        let latency = Duration::from_secs(2)..=Duration::from_secs(2);
        let world = World::new("mesms", 400, 10, Config { latency, ..Config::default() }.with_limit(None));
        let full = Duration::from_millis(550)..Duration::from_hours(1);
        let limits = Limits { rates: "20/s", interrupts, ..Limits::default() };
        let (ending, _) = world.run_with_a_full_disk(&limits, full).await;
        let reason = match ending {
            Ending::Stopped { reason, .. } => reason,
            Ending::Finished => panic!("nothing could be stored"),
        };
        assert_eq!((reason, reason.exit_code()), (StopReason::Journal, 5));
        assert!(world.elapsed() < longest * second, "{:?}", world.elapsed());
        let (ending, standing) = world.run(&Limits::default()).await;
        assert_eq!((ending, standing.recipients.pending), (Ending::Finished, 0));
        let in_doubt = standing.recipients.in_doubt;
        assert_eq!(in_doubt, 4 * 10, "what was in flight");
        assert_eq!(world.gateway().recipients_taken(), 400, "all that is in doubt was really taken");
        world.judge(&standing, "resumed");
    }
}

#[tokio::test(start_paused = true)]
async fn the_silence_that_a_provider_asked_for_binds_the_next_process() {
    let throttle = Mischief::Throttle { retry_after: Some("90".to_owned()) };
    let config = Config { faults: vec![Fault::at(3, throttle)], ..Config::default() }.with_limit(None);
    let world = World::new("mesms", 100, 10, config);
    let limits = Limits { max_in_flight: 1, ..Limits::default() };
    let stopped = Limits { interrupts: [Some(Duration::from_secs(2)), None], ..limits.clone() };
    let (ending, _) = world.run(&stopped).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Interrupted, .. }), "{ending:?}");
    let (seen, restarted) = (world.arrivals().len(), world.elapsed());
    let (ending, standing) = world.run(&limits).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 100));
    let next = world.arrivals()[seen];
    assert!(next >= restarted + Duration::from_secs(87), "{next:?}, restarted at {restarted:?}");
    world.judge(&standing, "after the silence");
}
