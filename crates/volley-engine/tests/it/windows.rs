//! Send windows: nobody is texted outside of theirs, and nobody is lost for it.

use crate::world::{Limits, World};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use volley_core::{StopReason, UnixMillis, Window, Zones};
use volley_engine::{Ending, Windows};
use volley_sim::{Config, Fault, Mischief, When};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// A wall clock: what it shows so long after the start.
type Clock = Arc<dyn Fn(Duration) -> UnixMillis + Send + Sync>;

/// A clock that shows `text` at the start and is set by `hours` after `when`.
fn clock_set(text: &str, when: Duration, hours: i64) -> Clock {
    let start = text.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    Arc::new(move |elapsed| {
        let set = if elapsed < when { 0 } else { hours * 3_600_000 };
        UnixMillis(start + i64::try_from(elapsed.as_millis()).expect("short") + set)
    })
}

fn clock(text: &str) -> Clock {
    clock_set(text, Duration::MAX, 0)
}

/// `limits` with a window by `clock`, which starts now.
fn within(window: &str, clock: &Clock, limits: Limits) -> Limits {
    let (clock, start) = (Arc::clone(clock), Instant::now());
    let windows = Windows::new(window.parse().expect("a window"), None, move || clock(start.elapsed()));
    Limits { windows: Some(windows), ..limits }
}

/// Whoever the gateway took was taken while their window was open.
fn judge_hours(world: &World, window: &str, clock: &Clock, what: &str) {
    let window: Window = window.parse().expect("a window");
    for entry in world.gateway().ledger() {
        let shown = clock(entry.at);
        let is_open = window.opening(Zones::of(entry.to), shown).is_open();
        assert!(is_open, "{what}: {} was texted after {:?}, at {shown:?}", entry.to, entry.at);
    }
}

/// When each of the messages was taken that went to numbers that begin with `prefix`.
fn taken(world: &World, prefix: &str) -> Vec<Duration> {
    let is_there = |number: String| number.starts_with(prefix);
    world.gateway().ledger().filter(|entry| is_there(entry.to.to_string())).map(|entry| entry.at).collect()
}

fn thai(row: u32) -> u64 {
    66_812_345_000 + u64::from(row)
}

fn in_sydney(row: u32) -> u64 {
    61_299_990_000 + u64::from(row)
}

fn thai_and_australian(row: u32) -> u64 {
    if row % 10 < 5 { thai(row) } else { 61_491_570_000 + u64::from(row) }
}

/// New York, Bangkok, anywhere in Australia.
fn all_over_the_world(row: u32) -> u64 {
    match row / 7 % 3 {
        0 => 12_125_550_100 + u64::from(row % 100) + u64::from(row / 100) * 10_000,
        _ => thai_and_australian(row),
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_countries_each_is_sent_to_when_its_day_begins() {
    let clock = clock("2026-12-01T00:00:00Z");
    let world = World::to_numbers("transmitsms", 100, 20, Config::default(), thai_and_australian);
    let (ending, standing) = world.run(&within("09:00-20:00", &clock, Limits::default())).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 100));
    // Nine o'clock in Perth, the last part of Australia; then in Bangkok.
    for (prefix, opens) in [("+61", HOUR), ("+66", 2 * HOUR)] {
        let times = taken(&world, prefix);
        assert_eq!(times.len(), 50);
        assert!(times.iter().all(|at| (opens..opens + MINUTE).contains(at)), "{prefix}: {times:?}");
    }
    judge_hours(&world, "09:00-20:00", &clock, "two countries");
    world.judge(&standing, "two countries");
}

#[tokio::test(start_paused = true)]
async fn who_is_awake_is_not_kept_waiting_for_who_is_asleep() {
    // Noon in Bangkok is half past four in the afternoon on Lord Howe Island: both are open, and
    // New York, where it is midnight, is not.
    let clock = clock("2026-12-01T05:00:00Z");
    let world = World::to_numbers("transmitsms", 210, 10, Config::default(), all_over_the_world);
    let (ending, standing) = world.run(&within("09:00-20:00", &clock, Limits::default())).await;
    assert_eq!((ending, standing.recipients.pending), (Ending::Finished, 0));
    for prefix in ["+61", "+66"] {
        assert!(taken(&world, prefix).iter().all(|at| *at < MINUTE), "{prefix}");
    }
    assert!(taken(&world, "+1").iter().all(|at| (9 * HOUR..9 * HOUR + MINUTE).contains(at)));
    judge_hours(&world, "09:00-20:00", &clock, "all over the world");
    world.judge(&standing, "all over the world");
}

#[tokio::test(start_paused = true)]
async fn a_window_that_closes_in_the_middle_of_a_run_goes_on_the_next_day() {
    let clock = clock("2026-12-01T12:00:00Z");
    let world = World::to_numbers("transmitsms", 120, 1, Config::default(), thai);
    let limits = Limits { rates: "1/m", ..Limits::default() };
    let (ending, standing) = world.run(&within("09:00-20:00", &clock, limits)).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 120));
    let evening = taken(&world, "+66").iter().filter(|at| **at < HOUR).count();
    assert!((55..=60).contains(&evening), "{evening} before eight");
    judge_hours(&world, "09:00-20:00", &clock, "a closing window");
    world.judge(&standing, "a closing window");
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_was_throttled_past_the_end_of_its_window_waits_for_the_next() {
    let clock = clock("2026-12-01T12:30:00Z");
    let throttle = Mischief::Throttle { retry_after: Some("3600".to_owned()) };
    let config = Config { faults: vec![Fault::at(2, throttle)], ..Config::default() };
    let world = World::to_numbers("transmitsms", 40, 10, config, thai);
    let limits = Limits { max_in_flight: 1, ..Limits::default() };
    let (ending, standing) = world.run(&within("09:00-20:00", &clock, limits)).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 40));
    let times = taken(&world, "+66");
    assert_eq!(times.iter().filter(|at| **at < MINUTE).count(), 10);
    assert!(times.iter().all(|at| *at < MINUTE || *at >= 13 * HOUR + HOUR / 2), "{times:?}");
    judge_hours(&world, "09:00-20:00", &clock, "throttled");
    world.judge(&standing, "throttled");
}

#[tokio::test(start_paused = true)]
async fn nights_when_clocks_are_set_in_sydney() {
    let limits = Limits { rates: "1/m", ..Limits::default() };
    // 02:00 becomes 03:00: the window that would open at 02:30 opens then.
    let spring = clock("2026-10-03T15:00:00Z");
    let world = World::to_numbers("transmitsms", 20, 1, Config::default(), in_sydney);
    let (ending, standing) = world.run(&within("02:30-05:00", &spring, limits.clone())).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 20));
    let first = taken(&world, "+61").into_iter().min().expect("some");
    assert!((HOUR..HOUR + MINUTE).contains(&first), "{first:?}");
    judge_hours(&world, "02:30-05:00", &spring, "spring");
    world.judge(&standing, "spring");

    // 03:00 becomes 02:00: the window closes at the first 02:30, and is open from 02:00 to 02:30 again.
    let autumn = clock("2026-04-04T15:20:00Z");
    let world = World::to_numbers("transmitsms", 30, 1, Config::default(), in_sydney);
    let (ending, standing) = world.run(&within("01:00-02:30", &autumn, limits)).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 30));
    let times = taken(&world, "+61");
    let before = times.iter().filter(|at| **at < 10 * MINUTE).count();
    let again = times.iter().filter(|at| (40 * MINUTE..70 * MINUTE).contains(*at)).count();
    assert!((8..=10).contains(&before) && before + again == 30, "{before} before, {again} in the hour again");
    judge_hours(&world, "01:00-02:30", &autumn, "autumn");
    world.judge(&standing, "autumn");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_interrupted_at_night_goes_on_where_it_stopped() {
    let wall = clock("2026-12-01T12:50:00Z");
    let world = World::to_numbers("transmitsms", 40, 1, Config::default(), thai);
    let limits = Limits { rates: "1/m", interrupts: [Some(3 * HOUR), None], ..Limits::default() };
    let (ending, standing) = world.run(&within("09:00-20:00", &wall, limits)).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Interrupted, .. }), "{ending:?}");
    let evening = standing.recipients.accepted;
    assert!((8..=10).contains(&evening) && standing.recipients.in_doubt == 0, "{standing:?}");
    assert!((3 * HOUR..3 * HOUR + MINUTE).contains(&world.elapsed()), "it stops at once");

    // The next process starts while it is still closed.
    let elapsed = world.elapsed();
    let later: Clock = Arc::new(move |since| wall(elapsed + since));
    let limits = Limits { rates: "1/m", ..Limits::default() };
    let (ending, standing) = world.run(&within("09:00-20:00", &later, limits)).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 40));
    judge_hours(&world, "09:00-20:00", &clock("2026-12-01T12:50:00Z"), "resumed");
    world.judge(&standing, "resumed");
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_is_followed() {
    let limits = Limits { rates: "1/m", ..Limits::default() };
    // Back by three hours, ten minutes after the window opened: it is before nine again.
    let back = clock_set("2026-12-01T02:00:00Z", 10 * MINUTE, -3);
    let world = World::to_numbers("transmitsms", 30, 1, Config::default(), thai);
    let (ending, standing) = world.run(&within("09:00-20:00", &back, limits.clone())).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 30));
    let (before, after) = (10 * MINUTE, 3 * HOUR);
    assert!(taken(&world, "+66").iter().all(|at| *at < before || *at >= after));
    judge_hours(&world, "09:00-20:00", &back, "set back");
    world.judge(&standing, "set back");

    // Forward by eight hours while it is waited for: that is noticed within a minute.
    let forward = clock_set("2026-12-01T14:00:00Z", 10 * MINUTE, 13);
    let world = World::to_numbers("transmitsms", 30, 10, Config::default(), thai);
    let (ending, standing) = world.run(&within("09:00-20:00", &forward, Limits::default())).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 30));
    assert!(world.elapsed() < 11 * MINUTE, "{:?}", world.elapsed());
    judge_hours(&world, "09:00-20:00", &forward, "set forward");
    world.judge(&standing, "set forward");
}

#[tokio::test(start_paused = true)]
async fn where_the_provider_is_handed_a_time_the_window_has_to_be_open_then() {
    let world = World::to_numbers("transmitsms", 30, 10, Config::default(), thai);
    let at = |text: &str| UnixMillis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond());
    let (midnight, noon) = (at("2026-12-01T17:00:00Z"), at("2026-12-02T05:00:00Z"));
    let window = "09:00-20:00".parse().expect("a window");
    let windows = Windows::new(window, Some(noon), move || midnight);
    let (ending, standing) = world.run(&Limits { windows: Some(windows), ..Limits::default() }).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 30));
    assert!(world.elapsed() < MINUTE, "{:?}", world.elapsed());
    world.judge(&standing, "handed over");
}

/// How many of them are tried; more in the long run, `cargo xtask torture`.
fn seeds() -> u64 {
    std::env::var("VOLLEY_WINDOW_SEEDS")
        .map_or(12, |text| text.parse().expect("VOLLEY_WINDOW_SEEDS is a number"))
}

/// Any start, window, chunk and provoked failure: all are sent to, once, and within their hours.
#[tokio::test(start_paused = true)]
async fn whatever_happens_nobody_is_texted_outside_their_hours_and_nobody_is_lost() {
    let seeds = match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().expect("SEED is a number")],
        Err(_) => (0..seeds()).collect(),
    };
    for seed in seeds {
        let mut state = seed;
        let mut any = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let from = any(14);
        let window = format!("{from:02}:{:02}-{:02}:00", any(60), from + 7 + any(4));
        let start =
            jiff::Timestamp::from_second(1_790_000_000 + i64::try_from(any(20_000_000)).expect("small"));
        let start = start.expect("a time").to_string();
        let (hours, set) = ([0, 0, -2, 5][usize::try_from(any(4)).expect("small")], any(20));
        let clock = clock_set(&start, Duration::from_secs(set * 1_800), hours);
        let chunk = u32::try_from(1 + any(30)).expect("small");
        let throttle = Mischief::Throttle { retry_after: Some(any(3_500).to_string()) };
        let faults = vec![
            Fault::new(When::Every(3 + any(9)), throttle),
            Fault::new(When::Every(4 + any(9)), Mischief::ErrorBefore { status: 413 }),
        ];
        let config = Config { faults, ..Config::default() };
        let what = format!("SEED={seed}: {window} from {start}, set by {hours} h, {chunk} a request");
        let world = World::to_numbers("transmitsms", 150, chunk, config, all_over_the_world);
        let limits = Limits { rates: "5/m", ..Limits::default() };
        let (ending, standing) = world.run(&within(&window, &clock, limits)).await;
        assert_eq!((ending, standing.recipients.pending), (Ending::Finished, 0), "{what}");
        assert_eq!(standing.recipients.in_doubt, 0, "{what}");
        judge_hours(&world, &window, &clock, &what);
        world.judge(&standing, &what);
    }
}
