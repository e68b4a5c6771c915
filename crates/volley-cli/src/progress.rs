//! Where a run stands, while it runs: a bar on a terminal.

use crate::{
    cmd::Voice,
    output::{self, Picture, Screen},
    speed::{Seen, Speed},
};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::time::Duration;
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use volley_core::{Opens, Rate, StopReason, UnixMillis};
use volley_engine::{Pause, Progress};
use volley_journal::FrozenPlan;
use volley_plan::Input;

/// How often the bar is drawn anew.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// A pause so long is worth a line where there is no bar.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// A rate is what was asked for: only where it allows nothing for so long it is worth a line.
const LONG_RATE: Duration = Duration::from_mins(5);

/// The next request of a rate so slow has a time that people can wait for.
const SLOW_RATE: Duration = Duration::from_secs(1);

/// Answers that take so long are named as what is waited for.
const LATE_ANSWER: Duration = Duration::from_secs(5);

/// From one line about pauses to the next.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// The columns that a bar with its words takes.
const WORDY: usize = 60;

/// How far the reading of a list is: a bar on a terminal, gone when it ends.
pub(crate) struct Reading {
    bar: Option<ProgressBar>,
    width: usize,
}

impl Reading {
    /// Before the first byte of `list`. Nothing shows where quiet is asked for.
    pub(crate) fn start(list: &Input, voice: Voice) -> Self {
        let screen = Screen::stderr();
        if voice.quiet || !screen.is_live() {
            return Self { bar: None, width: 0 };
        }
        let bar = drawn("{bytes} of {wide_msg}");
        bar.set_message(list.to_string());
        Self { bar: Some(bar), width: screen.width }
    }

    /// So many bytes are read, of `size` where that is known.
    pub(crate) fn is_at(&self, bytes: u64, size: Option<u64>) {
        let Some(bar) = &self.bar else { return };
        if let (Some(size), None) = (size, bar.length()) {
            let template = match self.width {
                WORDY.. => "{bar:24} {percent:>3} %  {bytes} of {total_bytes}, {wide_msg}",
                _ => "{percent:>3} % {wide_msg}",
            };
            bar.set_length(size);
            bar.set_style(ProgressStyle::with_template(template).expect("a template of ours"));
        }
        bar.set_position(bytes);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            clear(bar);
        }
    }
}

/// Something on stderr that is drawn over until [`clear`].
fn drawn(template: &str) -> ProgressBar {
    let bar = output::on_stderr(template);
    output::is_drawn(Some(&bar));
    bar
}

fn clear(bar: &ProgressBar) {
    output::is_drawn(None);
    bar.finish_and_clear();
}

/// Shows `progress` on stderr until its sender is gone: a bar on a terminal, and everywhere a
/// line when something stops the run. Quiet shows nothing.
pub(crate) fn show(
    progress: watch::Receiver<Progress>,
    plan: &FrozenPlan,
    rates: &[Rate],
    voice: Voice,
) -> JoinHandle<()> {
    let is_live = Screen::stderr().is_live();
    let estimated = plan.terms.currency.clone().zip(plan.estimated);
    let run = Running {
        speed: Speed::under(rates),
        cost: estimated.map(|(currency, all)| (currency, all.to_string())),
        waits: None,
    };
    tokio::spawn(async move {
        if voice.quiet {
        } else if is_live {
            draw(progress, run).await;
        } else {
            wait(progress).await;
        }
    })
}

async fn draw(mut progress: watch::Receiver<Progress>, mut run: Running) {
    let bar = drawn("{msg}");
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    let mut told = Told::default();
    while progress.has_changed().is_ok() {
        ticks.tick().await;
        let now = progress.borrow_and_update().clone();
        if let Some(line) = told.news(&now) {
            output::talk(false, &line);
        }
        // Before the run began there is nothing to show.
        if let Some(started) = now.started {
            let lines = run.picture(&now, started).lines(&Screen::stderr());
            bar.set_message(lines.join("\n"));
            bar.tick();
        }
    }
    clear(&bar);
}

/// What is known of a run beside its progress.
struct Running {
    speed: Speed,
    /// The currency, and the estimate of the whole.
    cost: Option<(String, String)>,
    /// How many requests were claimed when answers began to be waited for, and when that was.
    waits: Option<(u64, Instant)>,
}

impl Running {
    fn picture(&mut self, progress: &Progress, started: Instant) -> Picture<'_> {
        let totals = progress.standing.recipients;
        let elapsed = started.elapsed();
        let held = self.held(progress, started);
        let is_paused = !matches!(&progress.pause, None | Some(Pause::Rate(_) | Pause::InFlight));
        let seen = Seen {
            at: elapsed,
            requests: progress.standing.requests_sent,
            settled: totals.accepted + totals.refused + totals.in_doubt,
        };
        self.speed.see(seen, is_paused);
        let until = progress.pause.as_ref().filter(|_| is_paused).and_then(Pause::until);
        let spent = progress.standing.spent;
        Picture {
            totals,
            speed: &self.speed,
            paused_for: until.map(|until| until.saturating_sub(elapsed)).unwrap_or_default(),
            cost: self.cost.as_ref().map(|(currency, all)| format!("{currency} {spent} of {all}")),
            held,
        }
    }

    /// Why nothing is sent, where that is worth a word.
    fn held(&mut self, progress: &Progress, started: Instant) -> Option<String> {
        let pause = progress.pause.as_ref()?;
        if *pause != Pause::InFlight {
            self.waits = None;
            return reason(pause, started);
        }
        let claimed = progress.standing.requests_sent;
        let waits = self.waits.filter(|(then, _)| *then == claimed).unwrap_or((claimed, Instant::now()));
        self.waits = Some(waits);
        let requests = output::some(u64::from(progress.in_flight), "request");
        let is_late = waits.1.elapsed() >= LATE_ANSWER;
        is_late.then(|| format!("waiting for the answers to {requests} since {}", clock_back(waits.1)))
    }
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

/// Why nothing is being sent, where that is worth a word.
fn reason(pause: &Pause, started: Instant) -> Option<String> {
    let clock = |at: &Duration| clock(started + *at);
    match pause {
        Pause::Scheduled(at) => Some(format!("waiting for the schedule, {}", clock(at))),
        // A quick pace and a flight that is full are the normal course of things.
        Pause::Rate(at) => {
            let is_slow = at.saturating_sub(started.elapsed()) >= SLOW_RATE;
            is_slow.then(|| format!("the rate allows the next request at {}", clock(at)))
        }
        Pause::InFlight => None,
        Pause::Throttled(at) => Some(format!("too fast for the provider: waiting until {}", clock(at))),
        Pause::Retry(at) => Some(format!("next try at {}", clock(at))),
        Pause::Broken { until, reason, detail } => {
            let trouble = match reason {
                StopReason::Unreachable => "the provider cannot be reached",
                _ => "request after request ends in doubt",
            };
            Some(format!("{trouble} ({detail}): one recipient is tried at {}", clock(until)))
        }
        Pause::Journal { detail, .. } => {
            Some(format!("the journal cannot be written ({detail}): trying again every second"))
        }
        Pause::Window { opens, .. } => Some(format!("send window opens {opens}")),
        Pause::Draining => Some("stopping: waiting for requests in flight".to_owned()),
    }
}

/// The local time of an instant ahead, with its zone, and its day where that is another.
fn clock(at: Instant) -> String {
    let ahead = at.saturating_duration_since(Instant::now());
    shown(Timestamp::now() + SignedDuration::try_from(ahead).unwrap_or(SignedDuration::ZERO))
}

/// The same of an instant behind.
fn clock_back(at: Instant) -> String {
    shown(Timestamp::now() - SignedDuration::try_from(at.elapsed()).unwrap_or(SignedDuration::ZERO))
}

/// The same of a time of the journal.
pub(crate) fn clock_of(at: UnixMillis) -> String {
    shown(Timestamp::from_millisecond(at.0).unwrap_or_default())
}

fn shown(at: Timestamp) -> String {
    let zone = TimeZone::system();
    let (now, at) = (Timestamp::now().to_zoned(zone.clone()), at.to_zoned(zone));
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
    fn every_pause_that_a_person_waits_for_has_its_cause_and_its_end() {
        let started = Instant::now();
        let soon = Duration::from_secs(90);
        let opens = Opens { at: UnixMillis(1_796_004_000_000), zone: "Asia/Bangkok" };
        let journal = Pause::Journal { until: soon, detail: "disk full".into() };
        for (pause, words, has_an_end) in [
            (Pause::Scheduled(soon), "waiting for the schedule, ", true),
            (Pause::Rate(soon), "the rate allows the next request at ", true),
            (Pause::Throttled(soon), "too fast for the provider: waiting until ", true),
            (Pause::Retry(soon), "next try at ", true),
            (
                broken(StopReason::Unreachable)(soon),
                "the provider cannot be reached (HTTP 503): one recipient is tried at ",
                true,
            ),
            (
                broken(StopReason::Breaker)(soon),
                "request after request ends in doubt (HTTP 503): one recipient is tried at ",
                true,
            ),
            (journal, "the journal cannot be written (disk full): trying again every second", false),
            (Pause::Window { until: soon, opens }, "send window opens 09:00 Asia/Bangkok", false),
            (Pause::Draining, "stopping: waiting for requests in flight", false),
        ] {
            let said = reason(&pause, started).expect("a cause");
            let end = said.strip_prefix(words).unwrap_or_else(|| panic!("{said}"));
            let is_clock = end.split(' ').any(|word| word.len() == 8 && word.matches(':').count() == 2);
            assert_eq!(is_clock, has_an_end, "{said}");
        }
        // The normal course of things is no cause.
        for pause in [Pause::InFlight, Pause::Rate(Duration::from_millis(10))] {
            assert_eq!(reason(&pause, started), None, "{pause:?}");
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
