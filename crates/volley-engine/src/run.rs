//! The loop that does what the lane says. Start here.

use crate::{
    attempt::{self, Finished, Shared, Unclaimed},
    lane::{Ending, Lane, LaneSettings, Pause, Step},
    port::Port,
    transport::Transport,
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use volley_core::{Chunk, Msisdn, Rate, Reason, StopReason, UnixMillis};
use volley_journal::{CommitError, Journal, Standing};
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

    /// The same recipients in the same order, those who are held back in chunks of their own.
    fn apart(&self, chunks: Vec<Chunk>) -> Vec<Chunk> {
        let split = |chunk: Chunk| {
            let held: Vec<bool> = chunk.recipients.iter().map(|one| (self.0)(one.to)).collect();
            if !held.contains(&true) {
                return vec![chunk];
            }
            let mut parts = chunk.runs(|index| held[index]);
            parts.extend(chunk.runs(|index| !held[index]));
            parts.sort_by_key(|part| part.first);
            parts
        };
        chunks.into_iter().flat_map(split).collect()
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
    /// Who asked not to be texted since the plan was made: they are refused without a request.
    pub held_back: Option<HeldBack>,
    /// How long before the start earlier processes made requests that still count against the
    /// rates.
    pub earlier_requests: Vec<Duration>,
    /// Seeds the waits before retries.
    pub seed: u64,
}

/// How long before `now` earlier processes made requests that still count against `rates`, for
/// [`Settings::earlier_requests`]. A wall clock that was set back makes them count in full.
///
/// # Errors
/// The journal could not be read.
pub fn earlier_requests(
    journal: &mut dyn Journal,
    rates: &[Rate],
    now: UnixMillis,
) -> Result<Vec<Duration>, CommitError> {
    let Some(longest) = rates.iter().map(|rate| rate.window()).max() else { return Ok(Vec::new()) };
    let most = rates.iter().map(|rate| rate.count().get() as usize).max().unwrap_or(0);
    let since = now.plus_millis(-i64::try_from(longest.as_millis()).unwrap_or(i64::MAX));
    let ago = |at: UnixMillis| Duration::from_millis(u64::try_from(now.0.saturating_sub(at.0)).unwrap_or(0));
    Ok(journal.recent_requests(since, most)?.into_iter().map(ago).collect())
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
        let (abandon_now, abandon) = watch::channel(false);
        let Settings { lane, sender, send_at, held_back, earlier_requests, mut seed } = self.settings;
        let mut lane = Lane::new(lane);
        for ago in earlier_requests {
            lane.on_earlier_request(Duration::ZERO, ago);
        }
        let port = self.port.clone();
        let plan = self.port.plan();
        let (journal_fault, mut faults) = watch::channel(None);
        let shared = Arc::new(Shared {
            adapter: self.adapter,
            transport: self.transport,
            reference: plan.reference(),
            currency: plan.terms.currency,
            port: self.port,
            sender,
            send_at,
            held_back: held_back.clone(),
            abandon,
            journal_fault,
        });
        let mut attempts: JoinSet<Finished> = JoinSet::new();
        loop {
            match *control.stop.borrow_and_update() {
                0 => {}
                1 => lane.stop(StopReason::Interrupted, ""),
                _ => {
                    lane.stop(StopReason::Interrupted, "");
                    abandon_now.send_replace(true);
                }
            }
            if let Some(fault) = faults.borrow_and_update().as_deref() {
                lane.stop(StopReason::Journal, fault);
            }
            while let Some(finished) = attempts.try_join_next() {
                settle(&mut lane, finished, start, &mut seed);
            }
            let standing = port.standing();
            let step = lane.poll(start.elapsed(), standing.spent);
            let pause = if let Step::Wait(pause) = &step { Some(*pause) } else { None };
            let in_flight = lane.in_flight();
            let stopped = lane.stopped().map(|(reason, detail)| (reason, detail.clone()));
            let pending = standing.recipients.pending;
            control.progress.send_replace(Progress {
                standing,
                in_flight,
                pause,
                stopped,
                started: Some(start),
            });
            match step {
                Step::Fetch { from, most } => {
                    let chunks = port.next_chunks(from, most).await?;
                    lane.on_chunks(match &held_back {
                        Some(held_back) => held_back.apart(chunks),
                        None => chunks,
                    });
                }
                Step::Send(work) => {
                    attempts.spawn(attempt::run(Arc::clone(&shared), work));
                }
                Step::Wait(pause) => {
                    let sleep = async {
                        match pause.until() {
                            Some(at) => tokio::time::sleep_until(start + at).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        biased;
                        _ = control.stop.changed() => {}
                        _ = faults.changed() => {}
                        Some(finished) = attempts.join_next() => settle(&mut lane, finished, start, &mut seed),
                        () = sleep => {}
                    }
                }
                // Whatever stopped the lane after the last answer stopped nobody.
                Step::Done(_) if pending == 0 => return Ok(Ending::Finished),
                Step::Done(ending) => return Ok(ending),
            }
        }
    }
}

/// Tells the lane what came of an attempt.
fn settle(
    lane: &mut Lane,
    finished: Result<Finished, tokio::task::JoinError>,
    start: Instant,
    seed: &mut u64,
) {
    let Finished { work, ended, result } = match finished {
        Ok(finished) => finished,
        // A bug in an adapter or in us. The attempt stays open and becomes in doubt at the next start.
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let (ended, now) = (ended.duration_since(start), start.elapsed());
    match result {
        Ok(outcome) => lane.on_end(work, &outcome, ended, now, next_random(seed)),
        Err(Unclaimed(error)) => lane.on_unclaimed(&work, now, &error.to_string()),
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): enough for spreading waits, nothing more.
fn next_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
