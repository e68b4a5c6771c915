//! Intents that are durable before a place in flight is free for them: on a disk that takes its
//! time, with a provider that does not.

use crate::world::{Limits, World};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use volley_core::{Chunk, Pacing, Position, StopReason};
use volley_engine::{Ending, Inline, Port};
use volley_journal::{CommitError, FrozenPlan, Standing, Write, Written};
use volley_sim::{Config, Fault, Mischief};

const MILLI: Duration = Duration::from_millis(1);

/// Places in flight, in every test of this file.
const PLACES: u32 = 32;

/// A journal on a disk where each commit takes five milliseconds.
#[derive(Clone)]
struct Slow(Inline);

impl Port for Slow {
    async fn write(&self, write: Write) -> Result<Written, Arc<CommitError>> {
        self.write_all(Arc::new(vec![write])).await.pop().expect("one write, one answer")
    }

    async fn write_all(&self, writes: Arc<Vec<Write>>) -> Vec<Result<Written, Arc<CommitError>>> {
        tokio::time::sleep(5 * MILLI).await;
        self.0.write_all(writes).await
    }

    async fn next_chunks(&self, from: Position, most: usize) -> Result<Vec<Chunk>, Arc<CommitError>> {
        self.0.next_chunks(from, most).await
    }

    fn plan(&self) -> FrozenPlan {
        self.0.plan()
    }

    fn standing(&self) -> Standing {
        self.0.standing()
    }
}

fn limits() -> Limits {
    Limits { rates: "", pacing: Pacing::Spaced, max_in_flight: PLACES, ..Limits::default() }
}

/// A provider that answers within a millisecond or two.
fn quick(faults: Vec<Fault>) -> Config {
    Config { latency: MILLI..=2 * MILLI, faults, ..Config::default() }.with_limit(None)
}

async fn run(world: &World, limits: &Limits) -> (Ending, Standing) {
    let (port, earlier, _) = world.open(limits);
    world.execute(limits, Slow(port), earlier).await
}

/// How many intents were made durable and never sent.
fn put_back(world: &World, standing: &Standing) -> u64 {
    standing.requests_sent - world.arrivals().len() as u64
}

#[tokio::test(start_paused = true)]
async fn a_slow_disk_does_not_hold_up_a_quick_provider() {
    let world = World::new("mesms", 6_000, 1, quick(Vec::new()));
    let (ending, standing) = run(&world, &limits()).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 6_000));
    // With two commits between one request of a place and its next, they would take 1.9 s.
    assert!(world.elapsed() < 900 * MILLI, "{:?}", world.elapsed());
    world.judge(&standing, "ahead");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_puts_back_what_is_durable_and_unsent_and_leaves_no_doubt() {
    let world = World::new("mesms", 3_000, 1, quick(Vec::new()));
    let interrupt = 400 * MILLI;
    let (ending, standing) = run(&world, &Limits { interrupts: [Some(interrupt), None], ..limits() }).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Interrupted, .. }), "{ending:?}");
    assert_eq!(standing.recipients.in_doubt, 0);
    assert!(put_back(&world, &standing) > 0, "nothing was ahead");
    assert_eq!(standing.recipients.accepted, world.arrivals().len() as u64);
    assert!(world.arrivals().iter().all(|at| *at <= interrupt), "{:?}", world.arrivals().last());
    world.judge(&standing, "interrupted");
    let (ending, standing) = run(&world, &limits()).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 3_000));
    world.judge(&standing, "resumed");
}

#[tokio::test(start_paused = true)]
async fn a_kill_leaves_doubt_about_what_was_in_flight_and_two_commits_of_intents_at_most() {
    // Two commits: a write waits for the commit before it, four milliseconds more, and its own, and
    // meanwhile a place sends at most once a millisecond.
    let two_commits = 2 * 14 * PLACES;
    let mut all = 0;
    for (chunk, cut_after_ms, most) in [
        (1, 37, PLACES), // before it is known how quick the provider is
        (1, 120, PLACES + two_commits),
        (1, 288, PLACES + two_commits),
        (3, 120, 3 * PLACES),
        (3, 288, 3 * PLACES),
    ] {
        let world = World::new("mesms", 3_000, chunk, quick(Vec::new()));
        let what = format!("chunks of {chunk}, killed after {cut_after_ms} ms");
        tokio::time::timeout(cut_after_ms * MILLI, run(&world, &limits())).await.ok();
        tokio::task::yield_now().await; // the runtime lets go of what was in flight
        let (ending, standing) = run(&world, &limits()).await;
        assert_eq!((ending, standing.recipients.pending), (Ending::Finished, 0), "{what}");
        let doubt = standing.recipients.in_doubt;
        assert!(doubt <= u64::from(most), "{what}: {doubt} in doubt, {most} at most");
        all += doubt;
        world.judge(&standing, &what);
    }
    assert!(all > 0, "no kill left any doubt");
}

#[tokio::test(start_paused = true)]
async fn too_fast_puts_everything_back_and_keeps_its_silence() {
    let throttle = Mischief::Throttle { retry_after: Some("3".to_owned()) };
    let world = World::new("mesms", 3_000, 1, quick(vec![Fault::at(500, throttle)]));
    let (ending, standing) = run(&world, &limits()).await;
    assert_eq!((ending, standing.recipients.accepted), (Ending::Finished, 3_000));
    assert!(put_back(&world, &standing) > 0, "nothing was ahead");
    let arrivals = world.arrivals();
    let silences = arrivals.windows(2).filter(|pair| pair[1].saturating_sub(pair[0]) >= 3_000 * MILLI);
    assert_eq!(silences.count(), 1);
    // What was under way when the answer came was all that still left.
    let refused = arrivals[499];
    let meanwhile = arrivals.iter().filter(|at| (refused..refused + 2_900 * MILLI).contains(at)).count();
    assert!(meanwhile <= 3 * PLACES as usize, "{meanwhile} left after the refused one");
    world.judge(&standing, "throttled");
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_stop_the_lane_before_much_else_leaves() {
    let world =
        World::new("mesms", 3_000, 1, quick(vec![Fault::at(500, Mischief::ErrorBefore { status: 401 })]));
    let (ending, standing) = run(&world, &limits()).await;
    assert!(matches!(ending, Ending::Stopped { reason: StopReason::Credentials, .. }), "{ending:?}");
    let after = world.arrivals().len() - 500;
    assert!(after <= 3 * PLACES as usize, "{after} left after the refused one");
    assert_eq!(standing.recipients.in_doubt, 0);
    world.judge(&standing, "refused");
    let firsts: BTreeSet<_> = world.gateway().ledger().map(|entry| entry.to).collect();
    assert_eq!(firsts.len() as u64, standing.recipients.accepted);
}
