//! Where a run stands, while it runs: a bar on a terminal.

use crate::{cmd::Voice, output};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::{
    io::{self, IsTerminal},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use volley_core::StopReason;
use volley_engine::{Pause, Progress};
use volley_plan::Input;

/// How often the bar is drawn anew.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// How far the reading of a list is: a bar on a terminal, gone when it ends.
pub(crate) struct Reading(Option<ProgressBar>);

impl Reading {
    /// Before the first byte of `list`. Nothing shows where quiet is asked for.
    pub(crate) fn start(list: &Input, voice: Voice) -> Self {
        if voice.quiet || !io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_message(list.to_string());
        bar.set_style(ProgressStyle::with_template("{bytes} of {wide_msg}").expect("a template of ours"));
        Self(Some(bar))
    }

    /// So many bytes are read, of `size` where that is known.
    pub(crate) fn is_at(&self, bytes: u64, size: Option<u64>) {
        let Some(bar) = &self.0 else { return };
        if let (Some(size), None) = (size, bar.length()) {
            let template = "{bar:24} {percent:>3} %  {bytes} of {total_bytes}, {wide_msg}";
            bar.set_length(size);
            bar.set_style(ProgressStyle::with_template(template).expect("a template of ours"));
        }
        bar.set_position(bytes);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Shows `progress` on stderr until its sender is gone: a bar on a terminal, and everywhere a
/// line when something stops the run. Quiet shows nothing.
pub(crate) fn show(progress: watch::Receiver<Progress>, planned: u64, voice: Voice) -> JoinHandle<()> {
    let terminal = io::stderr().is_terminal();
    tokio::spawn(async move {
        if voice.quiet {
        } else if terminal {
            draw(progress, planned, voice.colour).await;
        } else {
            wait(progress).await;
        }
    })
}

async fn draw(mut progress: watch::Receiver<Progress>, planned: u64, colour: bool) {
    let bar = ProgressBar::with_draw_target(Some(planned), ProgressDrawTarget::stderr());
    let bar_key = if colour { "{bar:24.cyan}" } else { "{bar:24}" };
    let template = format!("{bar_key} {{percent:>3}} %  {{wide_msg}}");
    let style = ProgressStyle::with_template(&template).expect("a template of ours");
    bar.set_style(style);
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    let mut speed = Speed::default();
    let mut told = false;
    while progress.has_changed().is_ok() {
        ticks.tick().await;
        let now = progress.borrow_and_update().clone();
        if let Some(line) = stopping(&now).filter(|_| !told) {
            told = true;
            bar.println(line);
        }
        bar.set_position(planned - now.standing.recipients.pending);
        bar.set_message(line(&now, &mut speed));
    }
    bar.finish_and_clear();
}

/// Without a terminal there is no bar: only what stops the run is worth a line.
async fn wait(mut progress: watch::Receiver<Progress>) {
    let mut told = false;
    while progress.changed().await.is_ok() {
        if let Some(line) = stopping(&progress.borrow_and_update()).filter(|_| !told) {
            told = true;
            output::talk(false, &line);
        }
    }
}

/// What a person should know at once where requests in flight keep a stopped run going.
fn stopping(progress: &Progress) -> Option<String> {
    match &progress.stopped {
        Some((StopReason::Interrupted, _)) | None => None,
        Some((reason, detail)) if detail.as_str().is_empty() => {
            Some(format!("stopping: {}", reason.advice()))
        }
        Some((reason, detail)) => Some(format!("stopping: {} ({detail})", reason.advice())),
    }
}

/// Recipients settled a second since the run began.
#[derive(Default)]
struct Speed {
    start: Option<(Instant, u64)>,
}

impl Speed {
    /// Recipients a second, once there is something to go by.
    fn of(&mut self, pending: u64) -> Option<f64> {
        let now = Instant::now();
        let (start, pending_then) = *self.start.get_or_insert((now, pending));
        let seconds = now.duration_since(start).as_secs_f64();
        (seconds > 0.5 && pending < pending_then).then(|| (pending_then - pending) as f64 / seconds)
    }
}

fn line(progress: &Progress, speed: &mut Speed) -> String {
    let recipients = progress.standing.recipients;
    let mut parts = vec![format!("{} accepted", recipients.accepted)];
    if recipients.refused > 0 {
        parts.push(format!("{} refused", recipients.refused));
    }
    if recipients.in_doubt > 0 {
        parts.push(format!("{} in doubt", recipients.in_doubt));
    }
    if let Some(speed) = speed.of(recipients.pending) {
        parts.push(format!("{speed:.1}/s"));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds for people")]
        let left = Duration::from_secs((recipients.pending as f64 / speed) as u64);
        parts.push(format!("{} left", output::duration(left)));
    }
    parts.extend(progress.pause.and_then(|pause| reason(pause, progress.started?)));
    parts.join(" · ")
}

/// Why nothing is being sent, where that is worth a word.
fn reason(pause: Pause, started: Instant) -> Option<String> {
    let clock = |at: Duration| {
        let ahead = (started + at).saturating_duration_since(Instant::now());
        let at = Timestamp::now() + SignedDuration::try_from(ahead).unwrap_or(SignedDuration::ZERO);
        at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
    };
    match pause {
        Pause::Scheduled(at) => Some(format!("waiting for the schedule, {}", clock(at))),
        // Pacing and waiting for answers are the normal course of things.
        Pause::Rate(_) | Pause::InFlight => None,
        Pause::Throttled(at) => Some(format!("too fast for the provider: waiting until {}", clock(at))),
        Pause::Retry(at) => Some(format!("next try at {}", clock(at))),
        Pause::Draining => Some("stopping: waiting for requests in flight".to_owned()),
    }
}
