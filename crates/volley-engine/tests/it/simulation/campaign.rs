//! A campaign from its first process to its last, with all that happens between them.

use super::{
    books::{Plan, Recovery},
    journal::{Crash, Disk, Model, lock},
    port::Queue,
    provider::position,
    random::Random,
    referee,
    setup::{LONGEST_WAY_MS, Setup, calm, draw},
    world::{Bug, Eyes, Network, Shared},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use volley_core::{Micros, Msisdn, Position, StopReason, Totals, UnixMillis};
use volley_engine::{
    Canary, Control, Ending, HeldBack, LaneSettings, Port, Progress, Run, Seen, Settings, Windows,
    earlier_requests,
};
use volley_journal::{Decision, Evidence, Journal, Resolution, Standing, Write};

/// What came of a campaign.
pub(super) struct Report {
    /// What must never be, and was: nothing.
    pub(super) broken: Vec<String>,
    /// What happened, a line each.
    pub(super) story: String,
    /// The rows of the failure table that were met.
    pub(super) rows: BTreeSet<&'static str>,
    pub(super) processes: u32,
    pub(super) requests: u64,
    pub(super) in_doubt: u64,
    pub(super) kills: u32,
    pub(super) plan: Arc<Plan>,
    /// What the journal's disk holds.
    pub(super) disk: Arc<Mutex<Disk>>,
}

/// How a process ended.
enum Exit {
    Crashed(Crash),
    Ended(Ending),
}

/// More processes than any campaign needs when nothing goes wrong any more.
const CALM_PROCESSES: u32 = 12;

/// Runs the campaign of `seed` to its end, or to the first thing that must not be.
pub(super) fn campaign(seed: u64, bug: Option<Bug>, eyes: Eyes) -> Report {
    let (mut setup, world) = draw(seed, bug, eyes);
    let recovery = if bug == Some(Bug::ResendOfDoubt) { Recovery::Pending } else { Recovery::InDoubt };
    let disk = Arc::clone(&lock(&world).disk);
    let mut crashes = Random::new(seed, 5);
    let (mut processes, mut kills) = (0, 0);
    loop {
        processes += 1;
        let is_calm = processes > setup.troubled;
        if is_calm {
            calm(&world);
        }
        let exit = process(&world, &mut setup, recovery, is_calm);
        let how = if let Exit::Crashed(how) = exit { how } else { Crash::Kill };
        kills += u32::from(matches!(exit, Exit::Crashed(_)));
        lock(&disk).crash(how, bug != Some(Bug::NoSync), &mut crashes);
        let is_sound = referee::look(&world, &setup, recovery);
        if !is_sound || (is_calm && matches!(exit, Exit::Ended(Ending::Finished))) {
            break;
        }
        if processes > setup.troubled + CALM_PROCESSES {
            lock(&world).convict(format_args!("J1: somebody is pending for ever: {}", told(&exit)));
            break;
        }
        meanwhile(&world, &mut setup, recovery, &exit);
    }
    let mut world = lock(&world);
    let (rows, in_doubt, requests) = match lock(&disk).read(&setup.plan, recovery) {
        Ok(books) => {
            let standing = books.standing();
            (books.rows, standing.recipients.in_doubt, standing.requests_sent)
        }
        Err(_) => (BTreeSet::new(), 0, 0),
    };
    Report {
        broken: std::mem::take(&mut world.broken),
        story: std::mem::take(&mut world.story),
        rows,
        processes,
        requests,
        in_doubt,
        kills,
        plan: setup.plan,
        disk,
    }
}

fn told(exit: &Exit) -> String {
    match exit {
        Exit::Crashed(how) => format!("{how:?}"),
        Exit::Ended(ending) => format!("{ending:?}"),
    }
}

/// What may happen to a process.
#[derive(Default)]
struct Fate {
    dies_while_opening: bool,
    dies_behind_step: Option<u64>,
    dies_after: Option<Duration>,
    by: Option<Crash>,
    signals: [Option<Duration>; 2],
}

fn fate(setup: &mut Setup) -> Fate {
    let (kills, signals) = (setup.kills, setup.signals);
    let random = &mut setup.random;
    let mut fate = Fate::default();
    if random.strikes(kills) {
        fate.by = Some(if random.strikes(30) { Crash::PowerCut } else { Crash::Kill });
        match random.between(0..=9) {
            0 => fate.dies_while_opening = true,
            1..=6 => fate.dies_behind_step = Some(random.between(1..=40)),
            _ => fate.dies_after = Some(random.millis(0..=4_000)),
        }
    }
    if random.strikes(signals) {
        let first = random.millis(0..=3_000);
        fate.signals = [Some(first), random.strikes(50).then(|| random.millis(0..=2_000))];
    }
    fate
}

/// One process: opens the journal, sends until it ends or dies.
fn process(world: &Shared, setup: &mut Setup, recovery: Recovery, is_calm: bool) -> Exit {
    let fate = if is_calm { Fate::default() } else { fate(setup) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without threads");
    let (exit, gap) = runtime.block_on(async {
        lock(world).begin(fate.dies_behind_step);
        let exit = if fate.dies_while_opening {
            let (disk, now) = opening(world);
            Model::open_and_die(&disk, now);
            Exit::Crashed(fate.by.unwrap_or(Crash::Kill))
        } else {
            send(world, setup, recovery, &fate).await
        };
        lock(world).tell(format_args!("process ends: {}", told(&exit)));
        // Whoever asked for silence has had it by then.
        let longest_ms = if is_calm { 7_200_000 } else { 90_000 };
        let gap = setup.random.millis(LONGEST_WAY_MS + 100..=longest_ms);
        lock(world).clock.pass(gap);
        (exit, gap)
    });
    drop(runtime);
    lock(world).tell(format_args!("{} ms later", gap.as_millis()));
    exit
}

fn opening(world: &Shared) -> (Arc<Mutex<Disk>>, UnixMillis) {
    let world = lock(world);
    (Arc::clone(&world.disk), world.clock.wall())
}

async fn send(world: &Shared, setup: &mut Setup, recovery: Recovery, fate: &Fate) -> Exit {
    let Some((queue, run)) = start(world, setup, recovery) else {
        return Exit::Ended(Ending::Finished);
    };
    let (level, stop) = watch::channel(0);
    tokio::spawn(signals(Arc::clone(world), level, fate.signals));
    let control = Control { stop, progress: watch::channel(Progress::default()).0 };
    let dead = Arc::clone(&lock(world).dead);
    let sending = async {
        let ending = run.execute(control).await;
        let exit_code = match &ending {
            Ok(Ending::Finished) => 0,
            Ok(Ending::Stopped { reason, .. }) => reason.exit_code(),
            Err(_) => 12,
        };
        let mut writes = vec![Write::RunEnded { exit_code, at: UnixMillis(0) }];
        if matches!(ending, Ok(Ending::Stopped { reason: StopReason::Canary, .. })) {
            writes.push(Write::Canary { recipients: None });
        }
        drop(queue.write_all(Arc::new(writes)).await);
        ending
    };
    let start = Instant::now();
    let exit = tokio::select! {
        biased;
        () = dead.notified() => Exit::Crashed(fate.by.unwrap_or(Crash::Kill)),
        () = until(fate.dies_after.map(|after| start + after)) => Exit::Crashed(fate.by.unwrap_or(Crash::Kill)),
        ending = sending => match ending {
            Ok(ending) => Exit::Ended(ending),
            Err(fault) => {
                lock(world).object(format_args!("the journal cannot be read: {fault}"));
                Exit::Ended(Ending::Finished)
            }
        },
        () = tokio::time::sleep(Duration::from_hours(24 * 30)) => {
            lock(world).convict(format_args!("the run hangs"));
            Exit::Crashed(Crash::Kill)
        }
    };
    let model = lock(queue.model());
    let mut world = lock(world);
    for broken in &model.books.broken {
        world.object(format_args!("{broken}"));
    }
    let is_whole = matches!(exit, Exit::Ended(_)) && !world.met_trouble;
    if is_whole && model.books.has_open_attempts() {
        world.object(format_args!("J6: the run ended with a request under way"));
    }
    let doubt = model.books.doubt_of_run;
    if doubt > setup.most_doubt_of_a_run() {
        world.object(format_args!("one run left {doubt} in doubt, above {}", setup.most_doubt_of_a_run()));
    }
    let pending = model.standing().recipients.pending;
    if matches!(exit, Exit::Ended(Ending::Finished)) && pending > 0 {
        world.convict(format_args!("J1: finished with {pending} pending"));
    }
    exit
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Ctrl-C, once and then perhaps again.
async fn signals(world: Shared, level: watch::Sender<u8>, signals: [Option<Duration>; 2]) {
    for (wait, next) in signals.into_iter().flatten().zip(1..) {
        tokio::time::sleep(wait).await;
        {
            let mut world = lock(&world);
            let now = world.clock.now();
            world.told_to_stop.get_or_insert(now);
            world.tell(format_args!("signal {next}"));
        }
        level.send_replace(next);
    }
    // A watch whose sender is gone would wake the run.
    std::future::pending::<()>().await;
}

/// Opens the journal, which puts in doubt what the last process left open.
fn open(world: &Shared, setup: &Setup, recovery: Recovery) -> Option<Model> {
    let (disk, now) = opening(world);
    let model = Model::open(&setup.plan, &disk, recovery, now);
    let mut world = lock(world);
    match model {
        Ok(model) => {
            let (recovered, most) = (model.recovered(), setup.most_doubt_of_a_kill());
            world.tell(format_args!("opened: {recovered:?}"));
            if recovered.recipients > most {
                world.object(format_args!("J7: a kill left {recovered:?}, above {most}"));
            }
            Some(model)
        }
        Err(fault) => {
            world.convict(format_args!("the journal does not open: {fault}"));
            None
        }
    }
}

/// Opens the journal and makes a run of it.
fn start(world: &Shared, setup: &mut Setup, recovery: Recovery) -> Option<(Queue, Run<Network, Queue>)> {
    let mut model = open(world, setup, recovery)?;
    let (now, bug, hours) = {
        let world = lock(world);
        (world.clock.wall(), world.bug, world.window)
    };
    let planned = setup.plan.people.len() as u64;
    if setup.canary.is_some() && model.standing().requests_sent == 0 {
        model.commit(&[Write::Canary { recipients: setup.canary }]).expect("there is room");
    }
    let forgets = |what| bug == Some(what);
    let asked = Arc::clone(world);
    let holds = setup.opts_out > 0 && !forgets(Bug::ForgottenOptOuts);
    let held_back = holds.then(|| HeldBack(Arc::new(move |to| has_opted_out(&asked, to))));
    let clock = Arc::clone(world);
    let hours = hours.filter(|_| !forgets(Bug::ForgottenHours));
    let windows = hours.map(|hours| Windows::new(hours, None, move || lock(&clock).clock.wall()));
    let mut earlier = earlier_requests(&mut model, &setup.rates, now).expect("the model can be read");
    if forgets(Bug::ForgottenRequests) {
        earlier.clear();
    }
    let settings = Settings {
        lane: LaneSettings {
            rates: setup.rates.clone(),
            pacing: setup.pacing,
            least_round_trip: Duration::ZERO,
            max_in_flight: setup.max_in_flight,
            chunk: setup.plan.frozen.terms.chunk,
            planned,
            max_cost: model.books.cap().filter(|_| !forgets(Bug::ForgottenCap)),
            probe: model.books.last_exit_code == Some(StopReason::Breaker.exit_code()),
            patience: setup.patience,
            silent_for: model.silence(now),
            not_before: Duration::ZERO,
            canary: canary(model.standing(), planned).filter(|_| !forgets(Bug::ForgottenCanary)),
        },
        sender: Some(Arc::from("Volley")),
        send_at: None,
        held_back,
        windows,
        earlier_requests: earlier,
        seed: setup.random.bits(),
    };
    let queue = Queue::new(world, model);
    let run = Run {
        adapter: Arc::clone(&setup.adapter),
        transport: Network(Arc::clone(world)),
        port: queue.clone(),
        settings,
    };
    Some((queue, run))
}

/// The first recipients, with what earlier processes made of them; `None` where they went well.
fn canary(standing: &Standing, planned: u64) -> Option<Canary> {
    let Totals { pending, refused, in_doubt, .. } = standing.recipients;
    let (recipients, settled) = (u64::from(standing.canary?.get()).min(planned), planned - pending);
    let seen = Seen { settled, refused, in_doubt, ..Seen::default() };
    // The provider here bills what it likes.
    (settled <= recipients).then_some(Canary { recipients, seen, tolerance: None })
}

fn has_opted_out(world: &Shared, to: Msisdn) -> bool {
    let world = lock(world);
    let since = world.opted_out.get(&position(to.digits()));
    since.is_some_and(|since| *since <= world.clock.now())
}

/// What people do between two processes.
fn meanwhile(world: &Shared, setup: &mut Setup, recovery: Recovery, exit: &Exit) {
    let (plan, random) = (Arc::clone(&setup.plan), &mut setup.random);
    if random.strikes(setup.clocks) {
        set_the_clock(world, random);
    }
    if random.strikes(setup.opts_out) {
        let position = random.between(0..=plan.people.len() as u64 - 1);
        let position = usize::try_from(position).expect("a small plan");
        let mut world = lock(world);
        // At once, or while the next process runs.
        let since = world.clock.now() + random.millis(0..=5_000);
        world.opted_out.entry(position).or_insert(since);
    }
    let mut writes = Vec::new();
    if matches!(exit, Exit::Ended(Ending::Stopped { reason: StopReason::CostCap, .. })) {
        let estimated = plan.frozen.estimated.expect("it was added up");
        // Doubt that was resolved by sending again may have been paid for twice.
        writes.push(Write::Cap { max_cost: Micros(estimated.0 * 3) });
    }
    let decides = random.strikes(setup.resolves);
    if writes.is_empty() && !decides {
        return;
    }
    let Some(mut model) = open(world, setup, recovery) else { return };
    if decides {
        writes.extend(resolutions(world, &model, &mut setup.random, setup.resends));
    }
    let mut world = lock(world);
    for write in writes {
        let write = world.stamped(write);
        world.tell(format_args!("a person: {write:?}"));
        if let Err(fault) = model.commit(&[write]) {
            world.object(format_args!("the journal refused a person: {fault}"));
        }
    }
    for broken in &model.books.broken {
        world.object(format_args!("{broken}"));
    }
}

fn set_the_clock(world: &Shared, random: &mut Random) {
    let by = i64::try_from(random.between(0..=86_400_000)).expect("a day") - 43_200_000;
    let mut world = lock(world);
    let clock = &mut world.clock;
    clock.was_set_forwards |= by > 0;
    if random.strikes(50) {
        clock.skew_ms += by;
    } else {
        clock.jump = Some((clock.now() + random.millis(0..=5_000), by));
    }
    world.tell(format_args!("the clock is set by {by} ms"));
}

/// What somebody decides about those in doubt: who was found was taken, and of the others some
/// are to be sent to again.
fn resolutions(world: &Shared, model: &Model, random: &mut Random, resends: bool) -> Vec<Write> {
    let (mut found, mut again): (Vec<Position>, Vec<Position>) = (Vec::new(), Vec::new());
    for position in model.books.in_doubt() {
        let resent = model.books.resends[position.0 as usize];
        let is_taken = lock(world).provider.taken[position.0 as usize] > resent;
        match (is_taken, random.strikes(50)) {
            (true, true) => found.push(position),
            // A person may be wrong about it: this is the one legal way to text somebody twice.
            (_, false) if resends && random.strikes(60) => again.push(position),
            _ => {}
        }
    }
    let resolution = |positions: Vec<Position>, decision, evidence| {
        let (note, request_id, message_ids, at) = (String::new(), None, Vec::new(), UnixMillis(0));
        let resolution = Resolution { positions, decision, evidence, note, request_id, message_ids, at };
        (!resolution.positions.is_empty()).then_some(Write::Resolve(resolution))
    };
    let found = resolution(found, Decision::Accepted, Evidence::Lookup);
    let again = resolution(again, Decision::Resend, Evidence::Person);
    found.into_iter().chain(again).collect()
}
