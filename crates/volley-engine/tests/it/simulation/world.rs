//! What is outside of the process that sends: clock, disk, provider, and what happened so far.

use super::{
    books::Plan,
    journal::{Disk, lock},
    provider::{Exchange, Provider, Seen},
    random::Random,
};
use std::{
    collections::BTreeMap,
    fmt::{Arguments, Write as _},
    ops::{Range, RangeInclusive},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use volley_core::{Class, UnixMillis, Window, Zones};
use volley_engine::{Observed, Transport};
use volley_journal::Write;
use volley_provider::http::{HttpRequest, Reply};

/// A mistake that somebody could make in the engine or below it. None of them is in the product:
/// each is done by what the engine stands on here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// A claim is answered before it is durable.
    IntentAfterSend,
    /// What was open at a crash is sent again.
    ResendOfDoubt,
    /// The journal does not sync each commit.
    NoSync,
    /// The HTTP client sends again when a reply is lost.
    LibraryRetry,
    /// The engine is not told of the cap.
    ForgottenCap,
    /// The engine is not told what the process before it sent.
    ForgottenRequests,
    /// The engine is not told who asked not to be texted.
    ForgottenOptOuts,
    /// The engine is not told of the hours.
    ForgottenHours,
    /// The engine is not told of the canary.
    ForgottenCanary,
}

/// What the referee goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eyes {
    /// Everything that must always be true.
    Everything,
    /// Only whom the provider took, and how often: what people notice.
    Ledger,
}

/// Why a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The disk is full: nothing of it was written.
    Full,
    /// The disk reports a fault, and may have written all of it.
    Fault,
}

pub(super) type Shared = Arc<Mutex<World>>;

/// How time goes by. Virtual time goes on from process to process; the wall clock can be set.
#[derive(Default)]
pub(super) struct Clock {
    /// When the process started.
    offset: Duration,
    start: Option<Instant>,
    /// Milliseconds that the wall clock is ahead of the truth.
    pub(super) skew_ms: i64,
    /// When somebody sets it while a process runs, and by how many milliseconds.
    pub(super) jump: Option<(Duration, i64)>,
    /// Whether anybody ever set it forwards.
    pub(super) was_set_forwards: bool,
}

/// From an answer until what it says is obeyed, at most: the answer is made durable first, behind
/// the commit that is under way, and what is claimed until then leaves behind a commit of its own.
const LONGEST_QUEUE: Duration = Duration::from_secs(2);

/// The wall clock at the start of a campaign.
const WALL_START_MS: i64 = 1_796_083_200_000;

impl Clock {
    pub(super) fn now(&self) -> Duration {
        self.offset + self.start.map_or(Duration::ZERO, |start| start.elapsed())
    }

    pub(super) fn wall(&self) -> UnixMillis {
        self.wall_at(self.now())
    }

    /// What the wall clock shows, or showed, at `now` of this process.
    fn wall_at(&self, now: Duration) -> UnixMillis {
        let jumped = self.jump.filter(|(at, _)| now >= *at).map_or(0, |(_, by)| by);
        let elapsed = i64::try_from(now.as_millis()).expect("some days");
        UnixMillis(WALL_START_MS + elapsed + self.skew_ms + jumped)
    }

    /// The process is gone, and time goes by.
    pub(super) fn pass(&mut self, gap: Duration) {
        self.offset = self.now() + gap;
        self.start = None;
        let jumped = self.jump.take().filter(|(at, _)| self.offset >= *at);
        self.skew_ms += jumped.map_or(0, |(_, by)| by);
    }
}

/// The world.
pub(super) struct World {
    plan: Arc<Plan>,
    pub(super) provider: Provider,
    pub(super) disk: Arc<Mutex<Disk>>,
    pub(super) clock: Clock,
    pub(super) bug: Option<Bug>,
    pub(super) eyes: Eyes,
    /// The number of the process that runs.
    pub(super) process: u32,
    /// Things that it has done to the disk or the network.
    steps: u64,
    /// Behind which of them it dies.
    kill_at: Option<u64>,
    is_dead: bool,
    pub(super) dead: Arc<Notify>,
    disk_random: Random,
    /// How long a commit takes, in milliseconds.
    disk_ms: RangeInclusive<u64>,
    /// The most chunks that the journal hands out at once.
    pub(super) most_chunks: usize,
    /// When commits fail, and how.
    pub(super) troubles: Vec<(Range<Duration>, Trouble)>,
    /// From when to when the provider wants silence, as the process has heard.
    silence: Option<Range<Duration>>,
    /// Whether a commit of the process failed.
    pub(super) met_trouble: bool,
    /// When it was told to stop.
    pub(super) told_to_stop: Option<Duration>,
    /// Who asked not to be texted, by position, and when.
    pub(super) opted_out: BTreeMap<usize, Duration>,
    /// The hours in which texts may be sent.
    pub(super) window: Option<Window>,
    /// What happened, a line each.
    pub(super) story: String,
    /// What must never be, and was.
    pub(super) broken: Vec<String>,
}

impl World {
    pub(super) fn new(
        plan: &Arc<Plan>,
        provider: Provider,
        (disk_ms, disk_random): (RangeInclusive<u64>, Random),
        bug: Option<Bug>,
        eyes: Eyes,
    ) -> Self {
        Self {
            plan: Arc::clone(plan),
            provider,
            disk: Arc::default(),
            clock: Clock::default(),
            bug,
            eyes,
            process: 0,
            steps: 0,
            kill_at: None,
            is_dead: false,
            dead: Arc::default(),
            disk_random,
            disk_ms,
            most_chunks: usize::MAX,
            troubles: Vec::new(),
            silence: None,
            met_trouble: false,
            told_to_stop: None,
            opted_out: BTreeMap::new(),
            window: None,
            story: String::new(),
            broken: Vec::new(),
        }
    }

    /// A new process, which dies behind so many steps, or not.
    pub(super) fn begin(&mut self, kill_at: Option<u64>) {
        self.process += 1;
        self.clock.start = Some(Instant::now());
        (self.steps, self.kill_at, self.is_dead) = (0, kill_at, false);
        self.dead = Arc::default();
        (self.silence, self.told_to_stop, self.met_trouble) = (None, None, false);
    }

    /// Adds a line to the story.
    pub(super) fn tell(&mut self, what: Arguments<'_>) {
        let now = self.clock.now().as_millis();
        writeln!(self.story, "{now} #{} {what}", self.process).expect("a string takes all");
    }

    /// Notes that something is not as it must be, which is not seen by everybody.
    pub(super) fn object(&mut self, what: Arguments<'_>) {
        if self.eyes == Eyes::Everything {
            self.convict(what);
        }
    }

    /// Notes what anybody would notice.
    pub(super) fn convict(&mut self, what: Arguments<'_>) {
        self.tell(format_args!("BROKEN {what}"));
        self.broken.push(what.to_string());
    }

    /// `write` at the time that the wall clock shows here.
    pub(super) fn stamped(&mut self, mut write: Write) -> Write {
        let now = self.clock.wall();
        match &mut write {
            Write::Claim(claim) => {
                claim.at = now;
                if self.told_to_stop.is_some_and(|at| self.clock.now() > at) {
                    self.object(format_args!("claimed after the signal to stop"));
                }
            }
            Write::Record(record) => record.at = now,
            Write::RunEnded { at, .. } => *at = now,
            Write::Resolve(resolution) => resolution.at = now,
            Write::Cancelled { .. } | Write::Cap { .. } | Write::Canary { .. } | Write::Trial => {}
        }
        write
    }

    /// How long the next commit takes, and why it fails if it does.
    pub(super) fn disk_draw(&mut self) -> (Duration, Option<Trouble>) {
        let takes = self.disk_random.millis(self.disk_ms.clone());
        let now = self.clock.now();
        let trouble = self.troubles.iter().find(|(when, _)| when.contains(&now)).map(|(_, trouble)| *trouble);
        self.met_trouble |= trouble.is_some();
        (takes, trouble)
    }

    /// The first byte of `request` leaves.
    fn exchange(&mut self, request: &HttpRequest) -> Exchange {
        let body_hash = body_hash(request);
        let now = self.clock.now();
        let exchange = self.provider.exchange(request, now);
        let positions = self.intend(body_hash);
        self.tell(format_args!(
            "request for {positions:?}: {}, {} taken, {} ms",
            exchange.row,
            exchange.takes,
            exchange.after.as_millis()
        ));
        if self.silence.as_ref().is_some_and(|silence| silence.contains(&now)) {
            self.object(format_args!("a request while the provider wants silence"));
        }
        if let Some(at) = exchange.arrives {
            self.provider.seen.push(Seen { at, process: self.process, body_hash });
        }
        exchange
    }

    /// Takes note of a wish for silence. What was claimed before it may still leave.
    fn listen(&mut self, reply: &Reply) {
        let asked = reply.header("retry-after").filter(|_| reply.status == 429);
        if let Some(seconds) = asked.and_then(|asked| asked.parse().ok()) {
            let now = self.clock.now();
            let silence = now + LONGEST_QUEUE..now + Duration::from_secs(seconds);
            let ends_later = |before: &Range<Duration>| before.end > silence.end;
            if !self.silence.as_ref().is_some_and(ends_later) {
                self.silence = Some(silence);
            }
        }
    }

    /// Whom a request is for, by its intent; one that has none, or no longer, is an offence.
    fn intend(&mut self, body_hash: [u8; 32]) -> Option<Range<usize>> {
        let (mut intents, mut positions) = (0, None);
        for (_, whom) in lock(&self.disk).intents().filter(|(hash, _)| *hash == body_hash) {
            intents += 1;
            positions = Some(whom);
        }
        let seen = self.provider.seen.iter().filter(|seen| seen.body_hash == body_hash).count();
        if intents <= seen {
            self.object(format_args!("J3: a request leaves whose intent is not durable"));
        }
        // It is asked when a request is claimed, and the claim's commit takes its time.
        let claimed = self.clock.now().saturating_sub(LONGEST_QUEUE);
        let asked = |position| self.opted_out.get(&position).is_some_and(|since| *since < claimed);
        if positions.clone().is_some_and(|mut whom| whom.any(asked)) {
            self.object(format_args!("J15: a request for somebody who asked not to be texted"));
        }
        if let Some((window, whom)) = self.window.zip(positions.clone()) {
            let plan = Arc::clone(&self.plan);
            let instants =
                [claimed.max(self.clock.offset), self.clock.now()].map(|at| self.clock.wall_at(at));
            let may_get = |position: usize| {
                let zones = Zones::of(plan.people[position].to);
                instants.iter().any(|at| window.opening(zones, *at).is_open())
            };
            if !whom.into_iter().all(may_get) {
                self.object(format_args!("J15: a request outside of the hours {window}"));
            }
        }
        positions
    }
}

/// One thing done to the disk or the network: the process may die here, and then does nothing more.
pub(super) async fn step(world: &Shared) {
    let is_dead = {
        let mut world = lock(world);
        world.steps += 1;
        if world.kill_at == Some(world.steps) {
            world.is_dead = true;
            world.dead.notify_one();
        }
        world.is_dead
    };
    if is_dead {
        std::future::pending::<()>().await;
    }
}

/// What the engine is given to send requests with.
pub(super) struct Network(pub(super) Shared);

impl Transport for Network {
    async fn send(&self, request: HttpRequest) -> Observed {
        let observed = self.once(&request).await;
        let is_lost = |failure: &volley_core::Failure| {
            matches!(failure.class, Class::ReplyLost | Class::WriteFailed | Class::BodyCut)
        };
        if lock(&self.0).bug == Some(Bug::LibraryRetry)
            && matches!(&observed, Observed::Failed(failure) if is_lost(failure))
        {
            return self.once(&request).await;
        }
        observed
    }
}

impl Network {
    async fn once(&self, request: &HttpRequest) -> Observed {
        step(&self.0).await;
        let Exchange { after, mut observed, .. } = lock(&self.0).exchange(request);
        tokio::time::sleep(after).await;
        step(&self.0).await;
        if let Observed::Reply(reply) = &mut observed {
            let mut world = lock(&self.0);
            reply.at = world.clock.wall();
            world.listen(reply);
        }
        observed
    }
}

/// What the journal tells a request by.
fn body_hash(request: &HttpRequest) -> [u8; 32] {
    use secrecy::ExposeSecret;
    let mut hasher = blake3::Hasher::new();
    if let Some(tail) = &request.secret_tail {
        hasher.update(tail.expose_secret().as_bytes());
    }
    request.body.frames().for_each(|frame| {
        hasher.update(&frame);
    });
    hasher.finalize().into()
}
