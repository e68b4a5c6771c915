//! The send window at work: who of a chunk may be sent to now, by the wall clock.
//!
//! The rule itself is [`Window::opening`]. Here it is asked about chunks, and what it says of each
//! set of time zones is kept for as long as it holds: a recipient costs a look into two tables.

use crate::lane::{Closed, Fetched};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use volley_core::{Chunk, Opening, Opens, Position, UnixMillis, Window, Zones};

/// When a zone is looked at again that no window opens in: only other rules than those that the
/// plan was made by can make it so.
const NEVER_MS: i64 = 24 * 60 * 60 * 1_000;

/// Keeps a run to its send window. A clone shares what is known.
#[derive(Clone)]
pub struct Windows(Arc<Rules>);

struct Rules {
    window: Window,
    send_at: Option<UnixMillis>,
    clock: Box<dyn Fn() -> UnixMillis + Send + Sync>,
    /// Of each set of zones what was said last and when; `None` before it was asked about.
    known: Mutex<Vec<Option<(UnixMillis, Opening)>>>,
}

/// Shows the window.
impl fmt::Debug for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Windows({})", self.0.window)
    }
}

impl Windows {
    /// By the wall clock `clock`. Where the provider is handed `send_at`, texts arrive no earlier:
    /// the window has to be open then.
    pub fn new(
        window: Window,
        send_at: Option<UnixMillis>,
        clock: impl Fn() -> UnixMillis + Send + Sync + 'static,
    ) -> Self {
        let known = Mutex::new(vec![None; Zones::COUNT]);
        Self(Arc::new(Rules { window, send_at, clock: Box::new(clock), known }))
    }

    /// The wall clock.
    pub(crate) fn now(&self) -> UnixMillis {
        (self.0.clock)()
    }

    /// When a request that is made now is sent to its recipients.
    fn sent_at(&self) -> UnixMillis {
        self.0.send_at.map_or_else(|| self.now(), |at| at.max(self.now()))
    }

    /// What `chunks` holds, with those apart who may be sent to; `now` is since the start of the run.
    pub(crate) fn apart(&self, chunks: Vec<Chunk>, now: Duration) -> Fetched {
        let at = self.sent_at();
        let mut fetched = Fetched::default();
        let mut first: Option<Opens> = None;
        for chunk in chunks {
            fetched.behind = Some(Position(chunk.first.0 + chunk.len()));
            let (is_open, opens) = self.judge(&chunk, at);
            let Some(opens) = opens else {
                fetched.chunks.push(chunk);
                continue;
            };
            first = Some(first.filter(|first| first.at <= opens.at).unwrap_or(opens));
            fetched.chunks.extend(chunk.runs(|index| is_open[index]));
        }
        fetched.closed = first.map(|opens| Closed { until: now + wait(at, opens.at), opens });
        fetched
    }

    /// How long `chunk` has to wait as a whole, and for what; `None` where it may be sent now. One
    /// of which a part may be sent is to be looked at again at once.
    pub(crate) fn closed(&self, chunk: &Chunk) -> Option<(Duration, Opens)> {
        let at = self.sent_at();
        let (is_open, opens) = self.judge(chunk, at);
        let opens = opens?;
        let until = if is_open.contains(&true) { at } else { opens.at };
        Some((wait(at, until), opens))
    }

    /// Who of `chunk` may be sent to, and what opens first of the others.
    fn judge(&self, chunk: &Chunk, at: UnixMillis) -> (Vec<bool>, Option<Opens>) {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first: Option<Opens> = None;
        let is_open = chunk.recipients.iter().map(|one| {
            let zones = Zones::of(one.to);
            let opens = match self.opening(&mut known, zones, at) {
                Opening::Open { .. } => return true,
                Opening::Closed(opens) => opens,
                Opening::Never => Opens {
                    at: at.plus_millis(NEVER_MS),
                    zone: zones.names().next().expect("there is one at least"),
                },
            };
            first = Some(first.filter(|first| first.at <= opens.at).unwrap_or(opens));
            false
        });
        let is_open = is_open.collect();
        (is_open, first)
    }

    /// What the window is at `at`, by what is known where that still holds.
    fn opening(&self, known: &mut [Option<(UnixMillis, Opening)>], zones: Zones, at: UnixMillis) -> Opening {
        let holds = |(asked, opening): &(UnixMillis, Opening)| match opening {
            // A clock that was set back is asked anew.
            Opening::Open { until } | Opening::Closed(Opens { at: until, .. }) => {
                (*asked..*until).contains(&at)
            }
            Opening::Never => true,
        };
        let known = &mut known[zones.index()];
        let (_, opening) =
            known.filter(holds).unwrap_or_else(|| *known.insert((at, self.0.window.opening(zones, at))));
        opening
    }
}

/// From one instant to a later one.
fn wait(from: UnixMillis, until: UnixMillis) -> Duration {
    Duration::from_millis(u64::try_from(until.0.saturating_sub(from.0)).unwrap_or(0))
}

/// Tells whether the wall clock was set.
pub(crate) struct ClockWatch {
    /// How far it was ahead of the time since the start.
    ahead_ms: i64,
}

impl ClockWatch {
    /// A clock that drifts by no more than this was not set.
    const DRIFT_MS: u64 = 1_000;

    /// At `now` since the start of the run the clock shows `wall`.
    pub(crate) fn new(wall: UnixMillis, now: Duration) -> Self {
        Self { ahead_ms: ahead(wall, now) }
    }

    /// Whether it was set since this was asked last.
    pub(crate) fn was_set(&mut self, wall: UnixMillis, now: Duration) -> bool {
        let ahead_ms = ahead(wall, now);
        let was_set = self.ahead_ms.abs_diff(ahead_ms) > Self::DRIFT_MS;
        if was_set {
            self.ahead_ms = ahead_ms;
        }
        was_set
    }
}

fn ahead(wall: UnixMillis, now: Duration) -> i64 {
    wall.0.saturating_sub(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
