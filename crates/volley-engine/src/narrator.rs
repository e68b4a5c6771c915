//! What a log is told of a run as a whole: pauses with their causes, and the stop.
//!
//! Not here: what becomes of single requests, which is told where it is decided.

use crate::lane::Pause;
use tokio::time::Instant;
use tracing::Level;
use volley_core::{Reason, StopReason};

/// What was told last.
#[derive(Default)]
pub(crate) struct Narrator {
    /// The pause that holds, and since when.
    pause: Option<(Pause, Instant)>,
    stopped: bool,
}

impl Narrator {
    /// What holds now of a run that began at `start`. Does nothing while nobody listens.
    pub(crate) fn tell(
        &mut self,
        pause: Option<&Pause>,
        stopped: Option<(StopReason, &Reason)>,
        start: Instant,
    ) {
        if !tracing::enabled!(target: "engine", Level::WARN) {
            return;
        }
        if self.pause.as_ref().map(|(held, _)| held.cause()) != pause.map(Pause::cause) {
            self.over();
            self.pause = pause.map(|pause| (pause.clone(), Instant::now()));
            if let Some(pause) = pause {
                begins(pause, start);
            }
        }
        if let Some((reason, detail)) = stopped.filter(|_| !self.stopped) {
            self.stopped = true;
            let exit_code = reason.exit_code();
            tracing::warn!(target: "engine", ?reason, %detail, exit_code, "lane stopped");
        }
    }

    /// The pause that holds is over.
    fn over(&mut self) {
        let Some((pause, since)) = self.pause.take() else { return };
        let (cause, lasted_ms) = (pause.cause(), since.elapsed().as_secs_f64() * 1_000.0);
        if pause.is_routine() {
            tracing::trace!(target: "engine", cause, lasted_ms, "pause ends");
        } else {
            tracing::info!(target: "engine", cause, lasted_ms, "pause ends");
        }
    }
}

fn begins(pause: &Pause, start: Instant) {
    let cause = pause.cause();
    let ends = pause.until().map(|until| start + until);
    let seconds = ends.map(|ends| ends.saturating_duration_since(Instant::now()).as_secs_f64());
    if pause.is_routine() {
        tracing::trace!(target: "engine", cause, seconds, "pause begins");
    } else {
        tracing::info!(target: "engine", cause, seconds, detail = pause.detail(), "pause begins");
    }
}
