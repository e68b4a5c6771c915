//! What stands between us and a provider: storms of refusals and failures, hours without a
//! connection, and clocks that jump. On virtual time.

use crate::world::{Limits, OnTheWay, World};
use jiff::{Timestamp, tz::TimeZone};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use volley_core::{Class, Failure, Rate, StopReason, UnixMillis};
use volley_engine::{Ending, Observed, earlier_requests};
use volley_journal::SqliteJournal;
use volley_provider::http::Reply;
use volley_sim::Config;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// A reply of nobody's making, received at `at`.
fn reply(status: u16, retry_after: Option<String>, at: Duration) -> Observed {
    let headers = retry_after.map(|value| ("retry-after".to_owned(), value)).into_iter().collect();
    let at = UnixMillis(i64::try_from(at.as_millis()).expect("short"));
    Observed::Reply(Reply { status, headers, body: "<html>slow down</html>".into(), at })
}

/// An HTTP date `seconds` after `at`, in the spelling of this format.
fn date(at: Duration, seconds: i64, format: &str) -> String {
    let at = Timestamp::from_second(i64::try_from(at.as_secs()).expect("short") + seconds).expect("a date");
    at.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// A `Retry-After` of the `n`-th kind, and how long it asks for silence at least.
fn retry_after(n: u64, at: Duration) -> (Option<String>, Duration) {
    match n % 9 {
        0 => (None, SECOND),
        1 => (Some("2".to_owned()), 2 * SECOND),
        2 => (Some(date(at, 3, "%a, %d %b %Y %H:%M:%S GMT")), 2 * SECOND),
        3 => (Some(date(at, 3, "%A, %d-%b-%y %H:%M:%S GMT")), 2 * SECOND),
        4 => (Some(date(at, 3, "%a %b %e %H:%M:%S %Y")), 2 * SECOND),
        5 => (Some(date(at, -3_600, "%a, %d %b %Y %H:%M:%S GMT")), SECOND),
        6 => (Some("-99999999999999999999".to_owned()), SECOND),
        7 => (Some("1.5".to_owned()), SECOND),
        _ => (Some("soon".to_owned()), SECOND),
    }
}

/// Refuses 30 of 100 requests until `end`, and writes down when each was refused and until when
/// it asked for silence.
fn refusals(end: Duration, asked: &Arc<Mutex<Vec<(Duration, Duration)>>>) -> OnTheWay {
    let asked = Arc::clone(asked);
    let requests = Mutex::new(0_u64);
    Arc::new(move |at| {
        let mut request = requests.lock().expect("no panic");
        *request += 1;
        if at >= end || (*request * 7) % 10 > 2 {
            return None;
        }
        let mut asked = asked.lock().expect("no panic");
        let (header, silence) = retry_after(asked.len() as u64, at);
        asked.push((at, at + silence));
        Some(reply(429, header, at))
    })
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_is_obeyed_and_the_rate_is_back_half_a_minute_after_it() {
    let storm = 5 * MINUTE;
    for (rates, per_second) in [("10/s", 10), ("2/s", 2)] {
        let recipients = per_second * 420;
        let world = World::new("mesms", recipients, 1, Config::default().with_limit(None));
        let asked = Arc::default();
        let on_the_way = Some(refusals(storm, &asked));
        let (ending, standing) =
            world.run(&Limits { rates, max_in_flight: 8, on_the_way, ..Limits::default() }).await;
        assert_eq!(ending, Ending::Finished, "{rates}");
        assert_eq!(standing.recipients.accepted, u64::from(recipients), "{rates}: nobody is lost");
        assert_eq!((standing.recipients.refused, standing.recipients.in_doubt), (0, 0), "{rates}");

        let (asked, arrivals) = (asked.lock().expect("no panic"), world.arrivals());
        assert!(asked.len() > 30, "{rates}: {} refusals are no storm", asked.len());
        let early = |(at, until): &&(Duration, Duration)| arrivals.iter().any(|one| one > at && one < until);
        assert_eq!(asked.iter().find(early), None, "{rates}: nothing leaves before its time");

        let back = storm + 30 * SECOND;
        let sent = arrivals.iter().filter(|at| (back..back + MINUTE).contains(at)).count();
        let allowed = per_second as usize * 60;
        assert!(sent * 10 >= allowed * 9 && sent <= allowed + 1, "{rates}: {sent} of {allowed} in a minute");
        world.judge(&standing, rates);
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_an_hour_of_silence_stops_the_run_and_says_until_when() {
    for (header, until) in [
        ("7200", "1970-01-01T02:00:01Z"),
        ("Thu, 01 Jan 1970 05:00:00 GMT", "1970-01-01T05:00:00Z"),
        ("99999999999999999999999999", "1971-01-02T00:00:01Z"),
    ] {
        let world = World::new("mesms", 20, 1, Config::default().with_limit(None));
        let on_the_way: OnTheWay =
            Arc::new(move |at| (at >= SECOND).then(|| reply(429, Some(header.to_owned()), at)));
        let limits =
            Limits { rates: "1/s", max_in_flight: 1, on_the_way: Some(on_the_way), ..Limits::default() };
        let (ending, standing) = world.run(&limits).await;
        let Ending::Stopped { reason: StopReason::Silence, detail } = ending else { panic!("{ending:?}") };
        assert!(detail.as_str().contains(until), "{header}: {detail}");
        assert_eq!((standing.recipients.accepted, standing.recipients.pending), (1, 19), "{header}");
        let requests = world.arrivals().len();
        // Started again while the silence lasts, it sends nothing.
        let too_soon = Limits { silent_for: 2 * HOUR, ..Limits::default() };
        let (ending, _) = world.run(&too_soon).await;
        assert!(matches!(ending, Ending::Stopped { reason: StopReason::Silence, .. }), "{ending:?}");
        assert_eq!(world.arrivals().len(), requests, "{header}");
        world.judge(&standing, header);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_silence_is_kept_by_the_next_process() {
    let world = World::new("mesms", 20, 1, Config::default().with_limit(None));
    let (ending, standing) = world.run(&Limits { silent_for: 40 * SECOND, ..Limits::default() }).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 20));
    assert!(world.arrivals().iter().all(|at| *at >= 40 * SECOND), "{:?}", world.arrivals());
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_errors_puts_few_in_doubt_and_the_campaign_goes_on_after_it() {
    for status in [500, 502, 503] {
        let world = World::new("mesms", 600, 1, Config::default().with_limit(None));
        let storm = 10 * MINUTE;
        let on_the_way: OnTheWay = Arc::new(move |at| (at < storm).then(|| reply(status, None, at)));
        let limits =
            Limits { rates: "50/s", on_the_way: Some(on_the_way), patience: HOUR, ..Limits::default() };
        let (ending, standing) = world.run(&limits).await;
        assert_eq!(ending, Ending::Finished, "{status}");
        let arrivals = world.arrivals();
        let tries = arrivals.iter().filter(|at| **at > SECOND && **at < storm).count() as u64;
        let in_doubt = standing.recipients.in_doubt;
        assert!(in_doubt <= 5 + 4 + tries, "{status}: {in_doubt} in doubt after {tries} tries");
        let of_the_first_second = arrivals.iter().filter(|at| **at <= SECOND).count();
        assert!(of_the_first_second <= 5 + 4, "{status}: it opened late, after {of_the_first_second}");
        let apart = arrivals[of_the_first_second - 1..]
            .windows(2)
            .take_while(|pair| pair[1] < storm)
            .all(|pair| pair[1].saturating_sub(pair[0]) >= 30 * SECOND);
        assert!(apart, "{status}: one try in 30 seconds at most");
        assert_eq!(standing.recipients.accepted, 600 - in_doubt, "{status}: nobody is lost");
        world.judge(&standing, "after the storm");
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_a_connection_leaves_no_doubt_and_few_requests() {
    for class in [Class::ConnectRefused, Class::NameResolution] {
        let world = World::new("mesms", 600, 10, Config::default().with_limit(None));
        let on_the_way: OnTheWay =
            Arc::new(move |at| (at < HOUR).then(|| Observed::Failed(Failure::new(class, "no connection"))));
        let limits = Limits { on_the_way: Some(on_the_way), patience: 2 * HOUR, ..Limits::default() };
        let (ending, standing) = world.run(&limits).await;
        assert_eq!(ending, Ending::Finished, "{class:?}");
        let totals = standing.recipients;
        assert_eq!((totals.accepted, totals.in_doubt, totals.refused), (600, 0, 0), "{class:?}");
        let in_vain = world.arrivals().iter().filter(|at| **at < HOUR).count();
        assert!(in_vain <= 5 + 4 + 15, "{class:?}: {in_vain} requests to nobody");
        assert!(world.elapsed() < HOUR + 10 * MINUTE, "{class:?}: {:?}", world.elapsed());
        world.judge(&standing, "with a connection");
    }
}

#[tokio::test(start_paused = true)]
async fn without_patience_a_storm_ends_the_run_at_once() {
    let world = World::new("mesms", 600, 1, Config::default().with_limit(None));
    let on_the_way: OnTheWay = Arc::new(|at| Some(reply(500, None, at)));
    let (ending, standing) = world.run(&Limits { on_the_way: Some(on_the_way), ..Limits::default() }).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Breaker, .. }), "{ending:?}");
    assert!(world.elapsed() < SECOND, "{:?}", world.elapsed());
    world.judge(&standing, "at once");
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_before_a_restart_makes_no_request_of_the_last_second_vanish() {
    const HOUR_MS: i64 = 3_600_000;
    let world = World::new("mesms", 20, 1, Config::default().with_limit(None));
    let rates: [Rate; 2] = ["2/s", "100/h"].map(|rate| rate.parse().expect("a rate"));
    let stopped = Limits { rates: "2/s", interrupts: [Some(5 * SECOND), None], ..Limits::default() };
    let (_, standing) = world.run(&stopped).await;
    let sent = usize::try_from(standing.requests_sent).expect("few");
    assert!(sent >= 8, "{sent}");
    let now = Timestamp::now().as_millisecond();
    for jump_ms in [0, 1_000, -1_000, 2 * HOUR_MS, -2 * HOUR_MS, 87_600 * HOUR_MS, -87_600 * HOUR_MS] {
        let jumped = UnixMillis(now + jump_ms);
        let mut journal = SqliteJournal::open(&world.journal_path(), jumped).expect("the journal opens");
        let earlier = earlier_requests(&mut journal, &rates, jumped).expect("the journal can be read");
        let just_now = earlier.iter().filter(|ago| ago.is_zero()).count();
        assert!(just_now >= 2, "{jump_ms} ms: {earlier:?}");
        // An hour is told by the wall clock alone: set back, everything counts; set forward, it is over.
        let counted = if jump_ms >= HOUR_MS { 2 } else { sent };
        assert_eq!(earlier.len(), counted, "{jump_ms} ms: {earlier:?}");
    }
}
