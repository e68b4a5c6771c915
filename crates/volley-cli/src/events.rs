//! What happens in a run, as JSON lines for a machine: `docs/events.md` is the page of it.
//!
//! Each attempt is told when its outcome is durable, and not before: the lines of a run add up to
//! what the journal says of it. They are written by a thread of their own. A reader that is slow,
//! or gone, holds nobody up; a stream that does not end with `run_ended` is not whole, and the
//! journal has what it lacks.

use crate::{
    cmd::status::{Recipients, Status},
    fault::Fault,
    log, output,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    collections::HashMap,
    fmt, io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use volley_core::{Class, Outcome, Reason, StopReason, Totals, UnixMillis};
use volley_engine::{Ending, Pause, Progress};
use volley_journal::{Bills, Claim, CommitError, FrozenPlan, Record, Recovered, Standing, Write, Written};

/// The number of the page that describes the lines.
const SCHEMA: u8 = 1;

/// So many bytes may wait for a slow reader.
const MOST_WAITING: usize = 64 << 20;

/// How long the end of a run waits for whoever reads.
const LAST_LINES: Duration = Duration::from_secs(5);

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    schema: u8,
    event: &'static str,
    at: String,
    #[serde(flatten)]
    what: What<'a>,
}

/// What is told beside what it is and when.
#[derive(Serialize)]
#[serde(untagged)]
enum What<'a> {
    RunStarted {
        version: &'static str,
        process: u32,
        provider: &'a str,
        recovered: Left,
        status: &'a Status,
    },
    Attempt {
        attempt: u64,
        tries: u16,
        class: String,
        row: &'static str,
        reason: Option<&'a str>,
        seconds: f64,
        recipients: Recipients,
        billed: Option<String>,
        billed_units: Option<String>,
    },
    Pause {
        cause: &'static str,
        until: Option<String>,
        detail: Option<String>,
    },
    Resumed {
        cause: &'static str,
        seconds: f64,
    },
    Stopped {
        reason: String,
        exit_code: u8,
        detail: Option<&'a str>,
    },
    RunEnded {
        status: &'a Status,
    },
}

/// An attempt whose outcome is not known yet.
struct Begun {
    tries: u16,
    recipients: u32,
    at: UnixMillis,
}

impl<'a> What<'a> {
    /// The end of an attempt.
    fn attempt(begun: &Begun, record: &'a Record) -> Self {
        let (class, reason, bills) = match &record.outcome {
            Outcome::Answered(answer) => (Class::Answered, None, Bills::of(answer)),
            Outcome::Failed(failure) => (failure.class, Some(failure.reason.as_str()), Bills::default()),
        };
        let Totals { pending, accepted, refused, in_doubt } = record.outcome.totals(begun.recipients);
        let took_ms = u32::try_from(record.at.0.saturating_sub(begun.at.0)).unwrap_or(0);
        Self::Attempt {
            attempt: record.attempt.0,
            tries: begun.tries,
            class: word(class),
            row: class.rule().row,
            reason: reason.filter(|reason| !reason.is_empty()),
            seconds: f64::from(took_ms) / 1_000.0,
            recipients: Recipients { pending, accepted, refused, in_doubt },
            billed: bills.money.map(|amount| amount.to_string()),
            billed_units: bills.units.map(|amount| amount.to_string()),
        }
    }

    fn stopped(reason: StopReason, detail: &'a Reason) -> Self {
        let detail = Some(detail.as_str()).filter(|detail| !detail.is_empty());
        Self::Stopped { reason: word(reason), exit_code: reason.exit_code(), detail }
    }
}

/// What a process that is gone left open.
#[derive(Serialize)]
struct Left {
    requests: u64,
    recipients: u64,
}

impl What<'_> {
    const fn event(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run_started",
            Self::Attempt { .. } => "attempt",
            Self::Pause { .. } => "pause",
            Self::Resumed { .. } => "resumed",
            Self::Stopped { .. } => "stopped",
            Self::RunEnded { .. } => "run_ended",
        }
    }

    /// Puts the line of it behind `lines`.
    fn write(self, at: Timestamp, lines: &mut Vec<u8>) {
        let line = Line { schema: SCHEMA, event: self.event(), at: format!("{at:.3}"), what: self };
        serde_json::to_writer(&mut *lines, &line).expect("words and numbers, into memory");
        lines.push(b'\n');
    }
}

/// The word of a class or a reason: `ReplyLost` is `reply_lost`.
fn word(name: impl fmt::Debug) -> String {
    let mut word = String::new();
    for letter in format!("{name:?}").chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// Where the lines of a run go.
pub(crate) struct Events {
    stream: Stream,
    /// By the number of the attempt.
    open: Mutex<HashMap<u64, Begun>>,
    told: Mutex<Told>,
}

impl Events {
    /// Begins to write to the file at `path`, behind what it holds, or to stdout where that is `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let stream = if output::is_stdout(Some(path)) {
            Stream::start(io::stdout())
        } else {
            let file = log::append(path, |start| start.starts_with(b"{\"schema\":")).map_err(|error| {
                Fault::usage(format!("--events {}: {error}", path.display()))
                    .hint("name a new file, or one that has events")
            })?;
            Stream::start(file)
        };
        Ok(Self { stream, open: Mutex::default(), told: Mutex::default() })
    }

    /// A run begins with the totals of `standing`; what `recovered` names is in them already.
    pub(crate) fn run_started(&self, plan: &FrozenPlan, standing: &Standing, recovered: Recovered) {
        let status = Status::of(plan, standing, true);
        self.tell(What::RunStarted {
            version: env!("CARGO_PKG_VERSION"),
            process: std::process::id(),
            provider: &plan.terms.provider,
            recovered: Left { requests: recovered.attempts, recipients: recovered.recipients },
            status: &status,
        });
    }

    /// What came of `writes`, in their order: outcomes that are durable are told.
    pub(crate) fn committed(&self, writes: &[Write], written: &[Result<Written, Arc<CommitError>>]) {
        let mut lines = Vec::new();
        let mut open = lock(&self.open);
        for (write, written) in writes.iter().zip(written) {
            match (write, written) {
                (Write::Claim(Claim { recipients, at, .. }), Ok(Written::Claimed(attempt))) => {
                    let begun = Begun { tries: attempt.number, recipients: *recipients, at: *at };
                    open.insert(attempt.id.0, begun);
                }
                (Write::Record(record), Ok(_)) => {
                    if let Some(begun) = open.remove(&record.attempt.0) {
                        let at = Timestamp::from_millisecond(record.at.0).unwrap_or(Timestamp::UNIX_EPOCH);
                        What::attempt(&begun, record).write(at, &mut lines);
                    }
                }
                _ => {}
            }
        }
        self.stream.push(lines);
    }

    /// Tells of pauses and of a stop, until the run is over.
    pub(crate) async fn follow(self: Arc<Self>, mut progress: watch::Receiver<Progress>) {
        while progress.changed().await.is_ok() {
            let now = progress.borrow_and_update().clone();
            lock(&self.told).news(&now, Instant::now(), |what| self.tell(what));
        }
    }

    /// A run ended, its last commit is made, and `status` is what is true now. Waits a moment for
    /// whoever reads.
    pub(crate) fn run_ended(&self, ending: Option<&Ending>, status: &Status) {
        if let Some(Ending::Stopped { reason, detail }) = ending
            && !lock(&self.told).stopped
        {
            self.tell(What::stopped(*reason, detail));
        }
        self.tell(What::RunEnded { status });
        self.stream.end();
    }

    fn tell(&self, what: What<'_>) {
        let mut line = Vec::new();
        what.write(Timestamp::now(), &mut line);
        self.stream.push(line);
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was told of a run as a whole.
#[derive(Default)]
struct Told {
    /// The pause that holds, and since when.
    pause: Option<(&'static str, Instant)>,
    stopped: bool,
}

impl Told {
    /// What `progress` has that was not told. The distance between requests that the rate asks for,
    /// and waiting for answers, are no pauses; a run that stops does not pause any more.
    fn news<'a>(&mut self, progress: &'a Progress, now: Instant, mut tell: impl FnMut(What<'a>)) {
        if self.stopped {
            return;
        }
        if let Some((reason, detail)) = &progress.stopped {
            (self.stopped, self.pause) = (true, None);
            return tell(What::stopped(*reason, detail));
        }
        let pause = progress.pause.as_ref().filter(|pause| !pause.is_routine());
        if pause.map(Pause::cause) == self.pause.map(|(cause, _)| cause) {
            return;
        }
        if let Some((cause, since)) = self.pause.take() {
            tell(What::Resumed { cause, seconds: rounded(now.duration_since(since)) });
        }
        if let Some(pause) = pause {
            self.pause = Some((pause.cause(), now));
            let ends = progress.started.zip(pause.until()).map(|(started, until)| started + until);
            let ahead = ends.map(|ends| ends.saturating_duration_since(now));
            let ahead = ahead.and_then(|ahead| SignedDuration::try_from(ahead).ok());
            let until = ahead.map(|ahead| format!("{:.3}", Timestamp::now() + ahead));
            tell(What::Pause { cause: pause.cause(), until, detail: pause.detail() });
        }
    }
}

/// Seconds, to a thousandth.
fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// Lines on their way to whoever reads, on a thread of their own.
struct Stream {
    lines: mpsc::Sender<Message>,
    /// Bytes that are not written yet.
    waiting: Arc<AtomicUsize>,
    /// Whether nothing is written any more.
    given_up: AtomicBool,
    ended: Mutex<mpsc::Receiver<()>>,
}

enum Message {
    Lines(Vec<u8>),
    End,
}

impl Stream {
    fn start(mut out: impl io::Write + Send + 'static) -> Self {
        let (lines, to_write) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&waiting);
        let write = move || {
            while let Ok(Message::Lines(lines)) = to_write.recv() {
                if let Err(error) = out.write_all(&lines).and_then(|()| out.flush()) {
                    // A reader that has had enough is no news.
                    if error.kind() != io::ErrorKind::BrokenPipe {
                        not_written(&error.to_string());
                    }
                    break;
                }
                left.fetch_sub(lines.len(), Ordering::Relaxed);
            }
            // Nobody waits for it where the run ended without a word.
            end.send(()).ok();
        };
        let thread = thread::Builder::new().name("events".to_owned()).spawn(write);
        thread.expect("the system has room for one thread more");
        Self { lines, waiting, given_up: AtomicBool::new(false), ended: Mutex::new(ended) }
    }

    /// Whole lines. Never waits.
    fn push(&self, lines: Vec<u8>) {
        if lines.is_empty() || self.given_up.load(Ordering::Relaxed) {
            return;
        }
        let waiting = self.waiting.fetch_add(lines.len(), Ordering::Relaxed);
        let is_too_much = waiting > MOST_WAITING;
        if is_too_much {
            not_written("nobody reads them for too long");
        }
        if is_too_much || self.lines.send(Message::Lines(lines)).is_err() {
            self.given_up.store(true, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written, but not for ever.
    fn end(&self) {
        if self.lines.send(Message::End).is_ok() {
            lock(&self.ended).recv_timeout(LAST_LINES).ok();
        }
    }
}

fn not_written(why: &str) {
    let line = format!(
        "warning: events are not written any more ({why}); sending goes on, and the journal has everything"
    );
    tracing::warn!(target: "run", "{line}");
    output::talk(false, &line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use volley_core::{Answer, Billed, Failure, Micros, Verdict, Verdicts};
    use volley_journal::{Attempt, AttemptId};

    /// Who reads what was written.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn events(out: impl io::Write + Send + 'static) -> Events {
        Events { stream: Stream::start(out), open: Mutex::default(), told: Mutex::default() }
    }

    fn lines(page: &Page) -> Vec<Value> {
        let text = String::from_utf8(lock(&page.0).clone()).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    fn claim(recipients: u32) -> Write {
        let first = volley_core::Position(0);
        Write::Claim(Claim {
            first,
            recipients,
            body_hash: [0; 32],
            reserved: Micros(5),
            at: UnixMillis(1_000),
        })
    }

    fn record(attempt: u64, outcome: Outcome) -> Write {
        Write::Record(Record { attempt: AttemptId(attempt), outcome, at: UnixMillis(1_250) })
    }

    #[test]
    fn an_attempt_is_told_once_its_outcome_is_durable_and_only_then() {
        let page = Page::default();
        let events = events(page.clone());
        let claimed = |id, number| Ok(Written::Claimed(Attempt { id: AttemptId(id), number }));
        let refused = || Err(Arc::new(CommitError::Gone));
        let each = Verdicts::Each(vec![
            Verdict::Accepted { id: None, billed: Some(Micros(50_000)), segments: None },
            Verdict::Refused { code: "blocked".into() },
            Verdict::InDoubt { reason: "missing".into() },
        ]);
        let answer = Answer { request_id: None, verdicts: each, billed: Billed::Unknown, segments: None };
        let lost: Outcome = Failure::new(Class::ReplyLost, "reset after write").into();
        events.committed(&[claim(3), claim(2), claim(9)], &[claimed(1, 1), claimed(2, 2), refused()]);
        let outcomes = [record(1, Outcome::Answered(answer)), record(2, lost.clone()), record(2, lost)];
        events.committed(&outcomes[..2], &[Ok(Written::Recorded), refused()]);
        events.committed(&outcomes[2..], &[Ok(Written::Recorded)]);
        events.stream.end();
        let expected = [
            json!({
                "schema": 1, "event": "attempt", "at": "1970-01-01T00:00:01.250Z", "attempt": 1, "tries": 1,
                "class": "answered", "row": "C1", "reason": null, "seconds": 0.25,
                "recipients": { "pending": 0, "accepted": 1, "refused": 1, "in_doubt": 1 },
                "billed": "0.0500", "billed_units": null
            }),
            json!({
                "schema": 1, "event": "attempt", "at": "1970-01-01T00:00:01.250Z", "attempt": 2, "tries": 2,
                "class": "reply_lost", "row": "B2", "reason": "reset after write", "seconds": 0.25,
                "recipients": { "pending": 0, "accepted": 0, "refused": 0, "in_doubt": 2 },
                "billed": null, "billed_units": null
            }),
        ];
        assert_eq!(lines(&page), expected);
    }

    #[test]
    fn a_pause_ends_before_the_next_begins_and_a_stop_ends_them_all() {
        let start = Instant::now();
        let at = Duration::from_secs;
        let with = |pause| Progress { pause, started: Some(start), ..Progress::default() };
        let mut stopping = with(Some(Pause::Draining));
        stopping.stopped = Some((StopReason::Credentials, "HTTP 401".into()));
        let course = [
            with(Some(Pause::Rate(at(1)))),
            with(Some(Pause::Throttled(at(9)))),
            with(Some(Pause::Throttled(at(10)))),
            with(Some(Pause::InFlight)),
            with(Some(Pause::Retry(at(20)))),
            with(Some(Pause::Journal { until: at(21), detail: "disk full".into() })),
            stopping.clone(),
            stopping,
            with(None),
        ];
        let (mut told, mut seen) = (Told::default(), Vec::new());
        for (second, progress) in (0..).zip(&course) {
            told.news(progress, start + at(second), |what| {
                let mut line = what.event().to_owned();
                match what {
                    What::Pause { cause, until, detail } => {
                        assert!(until.is_some_and(|until| until.ends_with('Z')));
                        line.push_str(&format!(" {cause} {}", detail.unwrap_or_default()));
                    }
                    What::Resumed { cause, seconds } => line.push_str(&format!(" {cause} {seconds}")),
                    What::Stopped { reason, exit_code, detail } => {
                        line.push_str(&format!(" {reason} {exit_code} {}", detail.unwrap_or_default()));
                    }
                    _ => {}
                }
                seen.push(line);
            });
        }
        assert_eq!(
            seen,
            [
                "pause throttled ",
                "resumed throttled 2",
                "pause retry ",
                "resumed retry 1",
                "pause journal disk full",
                "stopped credentials 4 HTTP 401",
            ]
        );
    }

    /// Fails, or waits for ever.
    struct Broken {
        fails: bool,
    }

    impl io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            if self.fails {
                Err(io::ErrorKind::BrokenPipe.into())
            } else {
                loop {
                    thread::park();
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_gone_or_asleep_holds_nobody_up() {
        for fails in [true, false] {
            let events = events(Broken { fails });
            let line = vec![b'x'; MOST_WAITING / 4];
            for _ in 0..16 {
                events.stream.push(line.clone());
                // The one that fails is given the time to.
                if fails {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            assert!(events.stream.given_up.load(Ordering::Relaxed), "fails: {fails}");
            let waiting = events.stream.waiting.load(Ordering::Relaxed);
            assert!(waiting <= 2 * MOST_WAITING, "{waiting} bytes are kept");
        }
    }

    /// All there are: a new one does not compile until it has its arm.
    fn every_reason() -> impl Iterator<Item = StopReason> {
        use StopReason as S;
        let after = |reason: &S| match reason {
            S::Unreachable => Some(S::Configuration),
            S::Configuration => Some(S::Credentials),
            S::Credentials => Some(S::Balance),
            S::Balance => Some(S::CostCap),
            S::CostCap => Some(S::Breaker),
            S::Breaker => Some(S::Silence),
            S::Silence => Some(S::Suspicious),
            S::Suspicious => Some(S::RefusedAlike),
            S::RefusedAlike => Some(S::Canary),
            S::Canary => Some(S::Journal),
            S::Journal => Some(S::Interrupted),
            S::Interrupted => None,
        };
        std::iter::successors(Some(S::Unreachable), after)
    }

    #[test]
    fn words_are_those_of_the_page() {
        let page = include_str!("../../../docs/events.md");
        let causes = page.lines().find(|line| line.starts_with("| `cause` | text | `")).expect("a row");
        // The rate and answers that are waited for are no pauses, and a run that drains has stopped.
        let told =
            Pause::CAUSES.into_iter().filter(|cause| !["rate", "in_flight", "draining"].contains(cause));
        for cause in told {
            assert!(causes.contains(&format!("`{cause}`")), "{cause} is not in {causes}");
        }
        let reasons = page.lines().find(|line| line.starts_with("| `reason` | text | `")).expect("a row");
        for reason in every_reason() {
            assert!(reasons.contains(&format!("`{}`", word(reason))), "{reason:?} is not in {reasons}");
        }
        for class in Class::ALL {
            let word = word(class);
            assert!(word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{word}");
        }
        let words = [word(Class::NotTheApi), word(Class::UnavailableUntaken), word(StopReason::CostCap)];
        assert_eq!(words, ["not_the_api", "unavailable_untaken", "cost_cap"]);
    }
}
