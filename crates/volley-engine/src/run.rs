//! The loop that does what the lane says. Start here.

use crate::{
    attempt::Shared,
    lane::{Ending, Lane, LaneSettings, Pause, Step},
    narrator::Narrator,
    port::Port,
    shell::Shell,
    transport::Transport,
    window::{ClockWatch, Windows},
};
use std::{fmt, mem, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use volley_core::{Chunk, Msisdn, Rate, Reason, StopReason, UnixMillis};
use volley_journal::{CommitError, Journal, Standing, Write};
use volley_provider::adapter::Adapter;

/// What one run sends, and how.
pub struct Run<T, P> {
    /// The provider's wire format.
    pub adapter: Arc<dyn Adapter>,
    /// What carries requests.
    pub transport: T,
    /// The journal, open for sending.
    pub port: P,
    /// Everything else.
    pub settings: Settings,
}

/// How often the wall clock is looked at while a send window is waited for: a machine that slept,
/// or whose clock was set, notices after so long.
const LOOK_AT_THE_CLOCK_EVERY: Duration = Duration::from_secs(30);

/// Says of a number whether nothing may be sent to it any more.
#[derive(Clone)]
pub struct HeldBack(pub Arc<dyn Fn(Msisdn) -> bool + Send + Sync>);

/// Shows nobody.
impl fmt::Debug for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldBack")
    }
}

impl HeldBack {
    /// Whether nothing may be sent to anybody of `chunk`.
    pub(crate) fn holds(&self, chunk: &Chunk) -> bool {
        chunk.recipients.iter().all(|one| (self.0)(one.to))
    }

    /// Whether nothing may be sent to somebody of `chunk`.
    pub(crate) fn holds_anybody(&self, chunk: &Chunk) -> bool {
        chunk.recipients.iter().any(|one| (self.0)(one.to))
    }

    /// The same recipients in the same order, those who are held back in chunks of their own.
    pub(crate) fn apart(&self, chunks: Vec<Chunk>) -> Vec<Chunk> {
        chunks.into_iter().flat_map(|chunk| self.parts(&chunk).unwrap_or_else(|| vec![chunk])).collect()
    }

    /// `chunk` in such parts; `None` where there is only one kind of recipients in it.
    pub(crate) fn parts(&self, chunk: &Chunk) -> Option<Vec<Chunk>> {
        let held: Vec<bool> = chunk.recipients.iter().map(|one| (self.0)(one.to)).collect();
        if !held.contains(&true) || !held.contains(&false) {
            return None;
        }
        let mut parts = chunk.runs(|index| held[index]);
        parts.extend(chunk.runs(|index| !held[index]));
        parts.sort_by_key(|part| part.first);
        Some(parts)
    }
}

/// What a run keeps to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The lane's limits.
    pub lane: LaneSettings,
    /// Who the texts come from.
    pub sender: Option<Arc<str>>,
    /// When the provider is to send them; `None` for now.
    pub send_at: Option<UnixMillis>,
    /// Who asked not to be texted since the plan was made: they are refused without a request. It
    /// is asked before every request, so its answers may change while the run goes on.
    pub held_back: Option<HeldBack>,
    /// The hours in which texts may be sent; `None` for all.
    pub windows: Option<Windows>,
    /// How long before the start earlier processes made requests that still count against the
    /// rates.
    pub earlier_requests: Vec<Duration>,
    /// Seeds the waits before retries.
    pub seed: u64,
}

/// How long before `now` earlier processes made requests that still count against `rates`, for
/// [`Settings::earlier_requests`].
///
/// Only the wall clock tells how long ago that was. Where it was set back, they count in full. As
/// many of the latest as a window of a second holds count in full in any case: that costs a
/// second, and no clock has to be believed. Longer windows believe it.
///
/// # Errors
/// The journal could not be read.
pub fn earlier_requests(
    journal: &mut dyn Journal,
    rates: &[Rate],
    now: UnixMillis,
) -> Result<Vec<Duration>, CommitError> {
    let most = |rates: &mut dyn Iterator<Item = &Rate>| rates.map(|rate| rate.count().get() as usize).max();
    let latest = most(&mut rates.iter().filter(|rate| rate.window() <= Duration::from_secs(1))).unwrap_or(0);
    let longest = rates.iter().map(|rate| rate.window()).max().unwrap_or_default();
    let ago = |at: UnixMillis| Duration::from_millis(u64::try_from(now.0.saturating_sub(at.0)).unwrap_or(0));
    let ended = journal.recent_requests(UnixMillis(i64::MIN), most(&mut rates.iter()).unwrap_or(0))?;
    let counted = ended.into_iter().enumerate().filter_map(|(index, at)| match ago(at) {
        _ if index < latest => Some(Duration::ZERO),
        ago if ago <= longest => Some(ago),
        _ => None,
    });
    Ok(counted.collect())
}

/// How a run is stopped and watched from outside.
pub struct Control {
    /// 0: go on. 1: claim nothing more, let requests in flight finish. 2: abandon them too.
    pub stop: watch::Receiver<u8>,
    /// Where the run stands; the newest value only.
    pub progress: watch::Sender<Progress>,
}

/// Where a run stands.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The journal's totals.
    pub standing: Standing,
    /// Requests under way.
    pub in_flight: u32,
    /// Why nothing is being sent at this moment.
    pub pause: Option<Pause>,
    /// Why nothing more will be sent in this run, and what was seen.
    pub stopped: Option<(StopReason, Reason)>,
    /// When the run started, for [`Pause::until`] and rates; `None` before it did.
    pub started: Option<Instant>,
}

impl<T: Transport, P: Port> Run<T, P> {
    /// Sends until nobody is pending or something stops it. The journal is complete and durable
    /// when it returns.
    ///
    /// # Errors
    /// The journal could not even be read.
    pub async fn execute(self, mut control: Control) -> Result<Ending, Arc<CommitError>> {
        let start = Instant::now();
        let Settings { lane, sender, send_at, held_back, windows, earlier_requests, seed } = self.settings;
        let mut clock = windows.as_ref().map(|windows| ClockWatch::new(windows.now(), start.elapsed()));
        let places = lane.max_in_flight;
        let mut lane = Lane::new(lane);
        for ago in earlier_requests {
            lane.on_earlier_request(Duration::ZERO, ago);
        }
        let port = self.port.clone();
        let plan = self.port.plan();
        let shared = Arc::new(Shared {
            adapter: self.adapter,
            transport: self.transport,
            reference: plan.reference(),
            currency: plan.terms.currency,
            sender,
            send_at,
            held_back: held_back.clone(),
            windows: windows.clone(),
        });
        let mut shell = Shell::new(lane, shared, self.port, start, seed, places);
        let mut shown = Shown::default();
        let mut narrator = Narrator::default();
        loop {
            shell.take_answers();
            shell.stop(*control.stop.borrow_and_update()).await;
            if let Some((windows, clock)) = windows.as_ref().zip(clock.as_mut())
                && clock.was_set(windows.now(), start.elapsed())
            {
                shell.lane.on_clock_set(start.elapsed());
            }
            let step = loop {
                match shell.lane.poll(start.elapsed(), shell.standing.spent) {
                    Step::Send(work) => match held_back.as_ref().and_then(|held| held.parts(&work.chunk)) {
                        // Somebody asked since the chunk was fetched.
                        Some(parts) => shell.lane.on_parts(&work, parts, start.elapsed()),
                        None => shell.claim(work),
                    },
                    other => break other,
                }
            };
            if shell.go_on() {
                continue;
            }
            let pause =
                if let Step::Wait(pause) | Step::Trial(pause) = &step { Some(pause.clone()) } else { None };
            shown.tell(&control.progress, &shell, pause.as_ref(), start);
            narrator.tell(pause.as_ref(), shell.lane.stopped(), start);
            match step {
                Step::Trial(_) => {
                    let written = port.write(Write::Trial).await.map_err(|error| error.to_string());
                    shell.lane.on_trial(start.elapsed(), written.err().as_deref());
                    continue;
                }
                // Whatever stopped the lane after the last answer stopped nobody.
                Step::Done(_) if shell.standing.recipients.pending == 0 => return Ok(Ending::Finished),
                Step::Done(ending) => return Ok(ending),
                Step::Fetch { .. } | Step::Send(_) | Step::Wait(_) => {}
            }
            tokio::select! {
                biased;
                _ = control.stop.changed() => {}
                news = shell.news() => news?,
                () = sleep_through(pause.as_ref(), start) => {}
            }
        }
    }
}

/// Until a pause ends by itself; for ever where only an answer ends it.
async fn sleep_through(pause: Option<&Pause>, start: Instant) {
    match pause.and_then(Pause::until) {
        // Whether the wall clock was set is looked at now and then.
        Some(at) if matches!(pause, Some(Pause::Window { .. })) => {
            let look = start.elapsed() + LOOK_AT_THE_CLOCK_EVERY;
            tokio::time::sleep_until(start + at.min(look)).await;
        }
        Some(at) => tokio::time::sleep_until(start + at).await,
        None => std::future::pending().await,
    }
}

/// What was told last of where the run stands: it is told anew after a commit, and when what it
/// waits for changes.
#[derive(Default)]
struct Shown {
    commits: Option<u64>,
    pause: Option<mem::Discriminant<Pause>>,
    stopped: bool,
}

impl Shown {
    fn tell<T: Transport, P: Port>(
        &mut self,
        progress: &watch::Sender<Progress>,
        shell: &Shell<T, P>,
        pause: Option<&Pause>,
        start: Instant,
    ) {
        let stopped = shell.lane.stopped();
        let now = Self {
            commits: Some(shell.standing.commits),
            pause: pause.map(mem::discriminant),
            stopped: stopped.is_some(),
        };
        if (self.commits, self.pause, self.stopped) == (now.commits, now.pause, now.stopped) {
            return;
        }
        *self = now;
        progress.send_replace(Progress {
            standing: shell.standing.clone(),
            in_flight: u32::try_from(shell.under_way()).unwrap_or(u32::MAX),
            pause: pause.cloned(),
            stopped: stopped.map(|(reason, detail)| (reason, detail.clone())),
            started: Some(start),
        });
    }
}
