//! Where a run stands, while it runs: a bar on a terminal.

use crate::{cmd::Voice, output};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::{
    io::{self, IsTerminal},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use volley_core::{Opens, StopReason};
use volley_engine::{Pause, Progress};
use volley_plan::Input;

/// How often the bar is drawn anew.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// A pause so long is worth a line where there is no bar.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// A rate is what was asked for: only where it allows nothing for so long it is worth a line.
const LONG_RATE: Duration = Duration::from_mins(5);

/// From one line about pauses to the next.
const TELL_EVERY: Duration = Duration::from_secs(30);

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
    let mut told = Told::default();
    while progress.has_changed().is_ok() {
        ticks.tick().await;
        let now = progress.borrow_and_update().clone();
        if let Some(line) = told.news(&now) {
            bar.println(line);
        }
        bar.set_position(planned - now.standing.recipients.pending);
        bar.set_message(line(&now, &mut speed));
    }
    bar.finish_and_clear();
}

/// Without a terminal there is no bar: only what stops the run or holds it up is worth a line.
async fn wait(mut progress: watch::Receiver<Progress>) {
    let mut told = Told::default();
    while progress.changed().await.is_ok() {
        let now = progress.borrow_and_update().clone();
        if let Some(line) = told.news(&now).or_else(|| told.long_pause(&now)) {
            output::talk(false, &line);
        }
    }
}

/// What was told already.
#[derive(Default)]
struct Told {
    that_it_stops: bool,
    that_the_journal_waits: bool,
    /// The opening that is waited for.
    window: Option<Opens>,
    /// When a line told of a long pause, and when that pause ends.
    pause: Option<(Instant, Instant)>,
}

impl Told {
    /// What is new and a person should know at once.
    fn news(&mut self, progress: &Progress) -> Option<String> {
        if let Some(line) = stopping(progress).filter(|_| !self.that_it_stops) {
            self.that_it_stops = true;
            return Some(line);
        }
        let waits = matches!(progress.pause, Some(Pause::Journal { .. }));
        let (waited, stops) = (self.that_the_journal_waits, progress.stopped.is_some());
        self.that_the_journal_waits = waits;
        match &progress.pause {
            Some(Pause::Window { opens, .. }) if self.window.replace(*opens) != Some(*opens) => {
                Some(format!(
                    "{}: the send window opens {opens}",
                    output::some(progress.standing.recipients.pending, "recipient")
                ))
            }
            Some(Pause::Journal { detail, .. }) if !waited => Some(format!(
                "nothing is sent: the journal cannot be written ({detail}); for ten minutes sending goes on by itself once it can"
            )),
            _ if waited && !waits && !stops => {
                Some("the journal can be written again; sending goes on".to_owned())
            }
            _ => None,
        }
    }
}

impl Told {
    /// That a long pause begins, why, and until when; not more often than every 30 seconds.
    fn long_pause(&mut self, progress: &Progress) -> Option<String> {
        let (pause, started, now) = (progress.pause.as_ref()?, progress.started?, Instant::now());
        let ends = started + pause.until()?;
        let (why, long) = match pause {
            Pause::Rate(_) => (format!("the rate allows the next request at {}", clock(ends)), LONG_RATE),
            Pause::Throttled(_) | Pause::Retry(_) | Pause::Broken { .. } => {
                (reason(pause, started)?, LONG_PAUSE)
            }
            // These have lines of their own, or end with an answer.
            Pause::Scheduled(_)
            | Pause::Window { .. }
            | Pause::Journal { .. }
            | Pause::InFlight
            | Pause::Draining => return None,
        };
        let is_old = self.pause.is_some_and(|(told, known)| known == ends || now < told + TELL_EVERY);
        if ends < now + long || is_old {
            return None;
        }
        self.pause = Some((now, ends));
        Some(why)
    }
}

/// What a person should know at once where requests in flight keep a stopped run going.
fn stopping(progress: &Progress) -> Option<String> {
    match &progress.stopped {
        Some((StopReason::Interrupted, _)) | None => None,
        Some((reason, detail)) if detail.as_str().is_empty() => {
            Some(format!("stopping: {}; {}", reason.cause(), reason.remedy()))
        }
        Some((reason, detail)) => {
            Some(format!("stopping: {} ({detail}); {}", reason.cause(), reason.remedy()))
        }
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
    parts.extend(progress.pause.as_ref().and_then(|pause| reason(pause, progress.started?)));
    parts.join(" · ")
}

/// Why nothing is being sent, where that is worth a word.
fn reason(pause: &Pause, started: Instant) -> Option<String> {
    let clock = |at: &Duration| clock(started + *at);
    match pause {
        Pause::Scheduled(at) => Some(format!("waiting for the schedule, {}", clock(at))),
        // Pacing and waiting for answers are the normal course of things.
        Pause::Rate(_) | Pause::InFlight => None,
        Pause::Throttled(at) => Some(format!("too fast for the provider: waiting until {}", clock(at))),
        Pause::Retry(at) => Some(format!("next try at {}", clock(at))),
        Pause::Broken { until, reason, detail } => {
            let trouble = match reason {
                StopReason::Unreachable => "the provider cannot be reached",
                _ => "request after request ends in doubt",
            };
            Some(format!("{trouble} ({detail}): one recipient is tried at {}", clock(until)))
        }
        Pause::Journal { .. } => Some("the journal cannot be written: trying again every second".to_owned()),
        Pause::Window { opens, .. } => Some(format!("send window opens {opens}")),
        Pause::Draining => Some("stopping: waiting for requests in flight".to_owned()),
    }
}

/// The local time of an instant ahead, with its zone, and its day where that is another.
fn clock(at: Instant) -> String {
    let now = Timestamp::now();
    let ahead = at.saturating_duration_since(Instant::now());
    let at = now + SignedDuration::try_from(ahead).unwrap_or(SignedDuration::ZERO);
    let (now, at) = (now.to_zoned(TimeZone::system()), at.to_zoned(TimeZone::system()));
    let format = if now.date() == at.date() { "%H:%M:%S %Z" } else { "%Y-%m-%d %H:%M:%S %Z" };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that pauses until so many seconds from now.
    fn paused(pause: impl Fn(Duration) -> Pause, seconds: u64) -> Progress {
        let pause = Some(pause(Duration::from_secs(seconds)));
        Progress { pause, started: Some(Instant::now()), ..Progress::default() }
    }

    fn broken(reason: StopReason) -> impl Fn(Duration) -> Pause {
        move |until| Pause::Broken { until, reason, detail: "HTTP 503".into() }
    }

    #[test]
    fn a_long_pause_has_one_line_with_its_cause_and_its_end() {
        for (progress, begins) in [
            (paused(Pause::Throttled, 20), Some("too fast for the provider: waiting until ")),
            (paused(Pause::Retry, 20), Some("next try at ")),
            (
                paused(broken(StopReason::Unreachable), 30),
                Some("the provider cannot be reached (HTTP 503): "),
            ),
            (
                paused(broken(StopReason::Breaker), 30),
                Some("request after request ends in doubt (HTTP 503): "),
            ),
            (paused(Pause::Rate, 7_200), Some("the rate allows the next request at ")),
            (paused(Pause::Rate, 60), None),
            (paused(Pause::Throttled, 3), None),
        ] {
            let mut told = Told::default();
            let line = told.long_pause(&progress);
            assert_eq!(line.is_some(), begins.is_some(), "{:?}: {line:?}", progress.pause);
            assert!(line.unwrap_or_default().starts_with(begins.unwrap_or_default()), "{:?}", progress.pause);
            assert_eq!(told.long_pause(&progress), None, "it is told already");
            // Another one so soon is no news.
            assert!(begins.is_none() || told.long_pause(&paused(Pause::Throttled, 50)).is_none());
        }
    }

    #[test]
    fn what_only_an_answer_ends_is_no_news() {
        let (pause, started) = (Some(Pause::InFlight), Some(Instant::now()));
        let waiting = Progress { pause, started, ..Progress::default() };
        assert_eq!(Told::default().long_pause(&waiting), None);
        assert_eq!(Told::default().long_pause(&Progress::default()), None);
    }
}
