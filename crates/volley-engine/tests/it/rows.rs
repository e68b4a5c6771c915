//! The failure table as the engine acts on it, through every provider, one recipient a request and,
//! where the provider takes several, ten: what an answer's status does to recipients and lane, what
//! a connection that breaks does, and the rows that are about ourselves, A8 to B9.
//!
//! On virtual time, with the simulated gateway's ledger as the judge. What adapters read out of
//! answers is tried in `volley-provider`, what the client makes of sockets in `client`.

use crate::world::{Limits, PRICE, World};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use volley_core::{Class, Fate, LaneEffect, Micros, Msisdn, StopReason};
use volley_engine::{Ending, HeldBack};
use volley_journal::Standing;
use volley_sim::{Config, Fault, Mischief};

/// Each provider with the sizes of request that are tried with it.
const WAYS: [(&str, u32); 9] = [
    ("maxotel", 1),
    ("multitel", 1),
    ("http", 1),
    ("fonedynamics", 1),
    ("fonedynamics", 10),
    ("transmitsms", 1),
    ("transmitsms", 10),
    ("mesms", 1),
    ("mesms", 10),
];

/// Requests in a campaign of these tests where nothing goes wrong.
const REQUESTS: u32 = 10;

/// One at a time, so that the third request is the third chunk.
fn one_by_one() -> Limits {
    Limits { max_in_flight: 1, ..Limits::default() }
}

fn world(kind: &str, size: u32, config: Config) -> World {
    World::new(kind, REQUESTS * size, size, config.with_limit(None))
}

/// Accepted, refused, in doubt and pending, counted in requests of `size`.
fn counts(standing: &Standing, size: u32) -> [u64; 4] {
    let totals = standing.recipients;
    [totals.accepted, totals.refused, totals.in_doubt, totals.pending].map(|count| {
        assert_eq!(count % u64::from(size), 0, "whole requests: {totals:?}");
        count / u64::from(size)
    })
}

fn reason(ending: &Ending) -> Option<StopReason> {
    match ending {
        Ending::Finished => None,
        Ending::Stopped { reason, .. } => Some(*reason),
    }
}

/// The row, provider and size, for the failure of a test.
fn at(row: &str, kind: &str, size: u32) -> String {
    format!("{row}, {kind}, {}", if size == 1 { "single" } else { "batch" })
}

/// What is left of ten requests when the third meets `class`, by the rule of its row.
fn expected(class: Class, size: u32) -> ([u64; 4], Option<StopReason>) {
    let rule = class.rule();
    let stop = match rule.lane {
        LaneEffect::Stop(reason) => Some(reason),
        LaneEffect::GoOn | LaneEffect::Throttle | LaneEffect::PauseAfter(..) | LaneEffect::StopAfter(..) => {
            None
        }
    };
    let (third, back) = match rule.fate {
        Fate::Doubt => ([0, 0, 1], 0),
        Fate::Refuse => ([0, 1, 0], 0),
        Fate::Split if size == 1 => ([0, 1, 0], 0),
        Fate::Retry | Fate::Back | Fate::Split if stop.is_none() => ([1, 0, 0], 0),
        Fate::Retry | Fate::Back | Fate::Split => ([0, 0, 0], 1),
        Fate::AsAnswered => panic!("{class:?} is no failure"),
    };
    let [accepted, refused, in_doubt] = third;
    let others = if stop.is_none() { 9 } else { 2 };
    ([others + accepted, refused, in_doubt, 9 - others + back], stop)
}

/// One status of each row. All the others of a row are tried where rows are told from statuses.
const STATUSES: [u16; 12] = [400, 401, 402, 404, 408, 409, 413, 418, 421, 429, 500, 503];

#[tokio::test(start_paused = true)]
async fn a_status_does_to_recipients_and_lane_what_its_row_says() {
    for (kind, size) in WAYS {
        for status in STATUSES {
            let class = Class::of_status(status);
            let what = format!("{}, status {status}", at(class.rule().row, kind, size));
            let faults = vec![Fault::at(3, Mischief::ErrorBefore { status })];
            let world = world(kind, size, Config { faults, ..Config::default() });
            let (ending, standing) = world.run(&one_by_one()).await;
            let (left, stop) = expected(class, size);
            assert_eq!((counts(&standing, size), reason(&ending)), (left, stop), "{what}");
            goes_on(&world, &standing, &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_leaves_its_request_in_doubt_and_nobody_is_texted_twice() {
    let broken = [
        ("B2", Mischief::CommitThenDrop, 1),
        ("B2", Mischief::Reset, 0),
        ("B3", Mischief::Stall { taken: true }, 1),
        ("B3", Mischief::Stall { taken: false }, 0),
        ("B5", Mischief::Truncate { bytes: 7 }, 1),
        ("C20", Mischief::ErrorAfter { status: 502 }, 1),
        ("C19", Mischief::ErrorAfter { status: 503 }, 1),
    ];
    for (kind, size) in WAYS {
        for (row, mischief, taken) in &broken {
            let what = format!("{}, {mischief:?}", at(row, kind, size));
            let faults = vec![Fault::at(3, mischief.clone())];
            let world = world(kind, size, Config { faults, ..Config::default() });
            let (ending, standing) = world.run(&one_by_one()).await;
            assert_eq!((counts(&standing, size), ending), ([9, 0, 1, 0], Ending::Finished), "{what}");
            assert_eq!(world.gateway().recipients_taken(), (9 + taken) * u64::from(size), "{what}");
            goes_on(&world, &standing, &what).await;
        }
        for taken in [false, true] {
            let what = format!("{}, taken: {taken}", at("C6", kind, size));
            let faults = vec![Fault::at(3, Mischief::Rubbish { taken })];
            let world = world(kind, size, Config { faults, ..Config::default() });
            let (ending, standing) = world.run(&one_by_one()).await;
            let left = (counts(&standing, size), reason(&ending));
            assert_eq!(left, ([2, 0, 1, 7], Some(StopReason::Suspicious)), "{what}");
            goes_on(&world, &standing, &what).await;
        }
    }
}

/// That a run with a healthy provider behind `before` settles whoever was pending and nobody else.
async fn goes_on(world: &World, before: &Standing, what: &str) {
    world.judge(before, what);
    let (ending, standing) = world.run(&one_by_one()).await;
    let (before, after) = (before.recipients, standing.recipients);
    assert_eq!(ending, Ending::Finished, "{what}, resumed");
    assert_eq!((after.pending, after.in_doubt), (0, before.in_doubt), "{what}, resumed");
    assert_eq!((after.refused, after.accepted), (before.refused, before.accepted + before.pending), "{what}");
    world.judge(&standing, &format!("{what}, resumed"));
}

#[tokio::test(start_paused = true)]
async fn what_holds_a_request_back_leaves_its_recipients_pending_without_an_attempt() {
    for (kind, size) in WAYS {
        let what = at("A8", kind, size);
        // A time that is not there yet.
        let scheduled = world(kind, size, Config::default());
        let due = Duration::from_hours(3);
        let limits = Limits { not_before: due, interrupts: [Some(due / 2), None], ..one_by_one() };
        let (ending, standing) = scheduled.run(&limits).await;
        assert_eq!(reason(&ending), Some(StopReason::Interrupted), "{what}");
        assert_eq!((counts(&standing, size), standing.requests_sent), ([0, 0, 0, 10], 0), "{what}");
        assert_eq!(scheduled.arrivals(), [], "{what}");
        goes_on(&scheduled, &standing, &what).await;

        // A cap that the next request could pass.
        let capped = world(kind, size, Config::default());
        let max_cost = Some(Micros(PRICE.0 * i64::from(size) - 1));
        let (ending, standing) = capped.run(&Limits { max_cost, ..one_by_one() }).await;
        assert_eq!(reason(&ending), Some(StopReason::CostCap), "{what}");
        assert_eq!((counts(&standing, size), standing.requests_sent), ([0, 0, 0, 10], 0), "{what}");
        assert_eq!(capped.arrivals(), [], "{what}");
        goes_on(&capped, &standing, &what).await;

        // Somebody who asks to stop: what is in flight finishes, nothing else starts.
        let latency = Duration::from_millis(100)..=Duration::from_millis(100);
        let stopped = world(kind, size, Config { latency, ..Config::default() });
        let interrupts = [Some(Duration::from_millis(250)), None];
        let (ending, standing) = stopped.run(&Limits { interrupts, ..one_by_one() }).await;
        assert_eq!(reason(&ending), Some(StopReason::Interrupted), "{what}");
        assert_eq!(counts(&standing, size), [3, 0, 0, 7], "{what}");
        assert_eq!(stopped.arrivals().len(), 3, "{what}");
        goes_on(&stopped, &standing, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_intent_that_cannot_be_stored_sends_nothing_through_any_provider() {
    for (kind, size) in WAYS {
        let what = at("A9", kind, size);
        let world = world(kind, size, Config::default());
        let (ending, standing) =
            world.run_with_a_full_disk(&Limits::default(), Duration::ZERO..Duration::from_hours(1)).await;
        assert_eq!(reason(&ending), Some(StopReason::Journal), "{what}");
        assert_eq!((world.gateway().requests_seen(), counts(&standing, size)), (0, [0, 0, 0, 10]), "{what}");
        goes_on(&world, &standing, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asked_not_to_be_texted_is_refused_by_us_and_no_request_names_them() {
    for (kind, size) in WAYS {
        let what = at("A11", kind, size);
        let world = world(kind, size, Config::default());
        let asked = |to: Msisdn| matches!(to.digits() % 10, 3 | 4 | 7);
        let held_back = Some(HeldBack(Arc::new(asked)));
        let (ending, standing) = world.run(&Limits { held_back, ..Limits::default() }).await;
        assert_eq!(ending, Ending::Finished, "{what}");
        let totals = standing.recipients;
        assert_eq!((totals.refused, totals.in_doubt, totals.pending), (3 * u64::from(size), 0, 0), "{what}");
        assert!(world.gateway().ledger().all(|entry| !asked(entry.to)), "{what}");
        world.judge(&standing, &what);
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_gone_leaves_its_open_requests_in_doubt_and_no_others() {
    for (kind, size) in WAYS {
        for gone_after_ms in [0, 30, 250] {
            let what = format!("{}, gone after {gone_after_ms} ms", at("B7", kind, size));
            let latency = Duration::from_millis(20)..=Duration::from_millis(120);
            let world = world(kind, size, Config { latency, ..Config::default() });
            let limits = Limits { max_in_flight: 2, ..Limits::default() };
            tokio::time::timeout(Duration::from_millis(gone_after_ms), world.run(&limits)).await.ok();
            tokio::task::yield_now().await; // the runtime lets go of what was in flight
            let (ending, standing) = world.run(&limits).await;
            assert_eq!(ending, Ending::Finished, "{what}");
            let [accepted, refused, in_doubt, pending] = counts(&standing, size);
            assert_eq!((accepted + in_doubt, refused, pending), (10, 0, 0), "{what}");
            assert!(in_doubt <= 2, "{what}: {in_doubt} in doubt, two were in flight");
            world.judge(&standing, &what);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_stored_waits_for_room_or_is_doubt_at_the_next_start() {
    for (kind, size) in WAYS {
        let latency = Duration::from_millis(100)..=Duration::from_millis(100);
        let config = Config { latency, ..Config::default() };
        // Full while the first requests are answered, for twenty seconds; the run waits for room.
        let full = Duration::from_millis(50)..Duration::from_secs(20);

        let what = format!("{}, stored later", at("B8", kind, size));
        let patient = world(kind, size, config.clone());
        let (ending, standing) = patient.run_with_a_full_disk(&Limits::default(), full.clone()).await;
        assert_eq!((counts(&standing, size), ending), ([10, 0, 0, 0], Ending::Finished), "{what}");
        patient.judge(&standing, &what);

        let what = format!("{}, gone before there was room", at("B8", kind, size));
        let hasty = world(kind, size, config);
        let limits = Limits::default();
        let run = hasty.run_with_a_full_disk(&limits, full);
        tokio::time::timeout(Duration::from_secs(5), run).await.expect_err("it waits for room");
        tokio::task::yield_now().await;
        let answered = hasty.gateway().recipients_taken();
        assert!(answered > 0, "{what}: something was in flight");
        let (ending, standing) = hasty.run(&limits).await;
        assert_eq!((ending, standing.recipients.in_doubt), (Ending::Finished, answered), "{what}");
        hasty.judge(&standing, &what);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_puts_in_doubt_exactly_what_was_in_flight() {
    for (kind, size) in WAYS {
        let what = at("B9", kind, size);
        let latency = Duration::from_secs(10)..=Duration::from_secs(10);
        let world = world(kind, size, Config { latency, ..Config::default() });
        let soon = Some(Duration::from_millis(500));
        let limits = Limits { interrupts: [soon, soon], ..Limits::default() };
        let (ending, standing) = world.run(&limits).await;
        assert_eq!(reason(&ending), Some(StopReason::Interrupted), "{what}");
        assert_eq!(counts(&standing, size), [0, 0, 4, 6], "{what}");
        assert!(world.elapsed() <= Duration::from_secs(2), "{what}: {:?}", world.elapsed());
        goes_on(&world, &standing, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_while_it_is_sent_is_in_no_request_that_starts_later() {
    for (kind, size) in WAYS {
        let what = at("A11, while sending", kind, size);
        let latency = Duration::from_millis(100)..=Duration::from_millis(100);
        let world = world(kind, size, Config { latency, ..Config::default() });
        let is_asked = Arc::new(AtomicBool::new(false));
        let held_back = {
            let is_asked = Arc::clone(&is_asked);
            let asked =
                move |to: Msisdn| is_asked.load(Ordering::Relaxed) && matches!(to.digits() % 10, 3 | 4 | 7);
            Some(HeldBack(Arc::new(asked)))
        };
        // Three requests have left by then, and every chunk has been fetched.
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(250)).await;
            is_asked.store(true, Ordering::Relaxed);
        });
        let (ending, standing) = world.run(&Limits { held_back, ..one_by_one() }).await;
        assert_eq!(ending, Ending::Finished, "{what}");
        let totals = standing.recipients;
        let refused = if size == 1 { 2 } else { 7 * 3 };
        assert_eq!((totals.refused, totals.in_doubt, totals.pending), (refused, 0, 0), "{what}");
        world.judge(&standing, &what);
    }
}
