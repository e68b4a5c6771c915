//! `volley status --watch`: a campaign from a second terminal, while it is sent. Reads the journal and
//! changes nothing.

use crate::{
    account::Account,
    cmd::{
        Voice, rfc_3339, sim,
        status::{self, Status, print},
    },
    fault::Fault,
    output::{self, Ink, Picture, Screen},
    progress::clock_of,
    signals,
    speed::{Seen, Speed},
};
use indicatif::ProgressBar;
use serde::Serialize;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;
use volley_core::{Rate, UnixMillis};
use volley_journal::{JournalReader, Pulse};
use volley_plan::WindowFall;

/// A sender that claimed nothing for so long is held up by something.
const STILL: Duration = Duration::from_secs(5);

/// How long it is believed that the send window is closed for everybody: to find out takes a look at
/// every recipient.
const WINDOW_HOLDS: Duration = Duration::from_mins(1);

/// One look, for scripts.
#[derive(Serialize)]
struct Look<'a> {
    #[serde(flatten)]
    status: &'a Status,
    /// When it was, RFC 3339.
    at: String,
    /// Which process sends; `None` where nobody does.
    process: Option<u32>,
    percent: u64,
    requests_per_second: Option<f64>,
    recipients_per_second: Option<f64>,
    limit_per_second: Option<f64>,
    seconds_left: Option<u64>,
    pause: Option<&'a Held>,
}

/// What holds sending up, as far as the journal tells.
#[derive(Clone, Debug, Serialize)]
struct Held {
    /// For scripts: `stopped`, `schedule`, `throttled`, `journal`, `answers`, `provider`, `window` or
    /// `limit`.
    cause: &'static str,
    /// When it ends, RFC 3339, where that is known.
    until: Option<String>,
    /// For people.
    says: String,
    #[serde(skip)]
    lasts: Duration,
}

impl Held {
    fn new(cause: &'static str, says: String) -> Self {
        Self { cause, until: None, says, lasts: Duration::ZERO }
    }

    fn until(at: UnixMillis, now: UnixMillis, cause: &'static str, says: String) -> Self {
        Self { until: Some(rfc_3339(at)), lasts: between(now, at), ..Self::new(cause, says) }
    }
}

/// From `from` to `to`, nothing where that is behind.
fn between(from: UnixMillis, to: UnixMillis) -> Duration {
    Duration::from_millis(u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0))
}

/// Looks every `interval` until nobody is pending or somebody stops it, which is no failure.
pub(crate) fn run(path: &Path, interval: Duration, voice: Voice) -> Result<u8, Fault> {
    let watch = Watch::open(path)?;
    sim::runtime()?.block_on(async {
        let mut stop = signals::listen(|_| {})?;
        let mut board = Board::new(voice);
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut watch = watch;
        loop {
            tokio::select! {
                biased;
                _ = stop.changed() => break,
                _ = ticks.tick() => {}
            }
            if watch.look(&mut board)? {
                break;
            }
        }
        board.clear();
        if board.is_drawn() {
            print(&Status::read(&watch.reader, watch.reader.running()?.is_some())?.show())?;
        }
        Ok(0)
    })
}

/// A journal that is looked at again and again.
struct Watch {
    path: PathBuf,
    reader: JournalReader,
    rates: Vec<Rate>,
    speed: Speed,
    started: Instant,
    /// How the send window falls, and when that was found out.
    window: Option<(Instant, Option<WindowFall>)>,
}

impl Watch {
    fn open(path: &Path) -> Result<Self, Fault> {
        let reader = JournalReader::open(path)?;
        let account = Account::of_journal(path, reader.plan())?;
        let rates = account.rates(&account.capabilities()?)?;
        let speed = Speed::under(&rates);
        Ok(Self { path: path.to_owned(), reader, rates, speed, started: Instant::now(), window: None })
    }

    /// One look, shown on `board`; whether the campaign is over.
    fn look(&mut self, board: &mut Board) -> Result<bool, Fault> {
        let process = self.reader.running()?;
        let pulse = self.reader.pulse()?;
        let status = Status::of(self.reader.plan(), &pulse.standing, process.is_some());
        let now = super::plan::now();
        let held = self.held(&pulse, process.is_some(), now)?;
        let totals = pulse.standing.recipients;
        let seen = Seen {
            at: self.started.elapsed(),
            requests: pulse.standing.requests_sent,
            settled: totals.accepted + totals.refused + totals.in_doubt,
        };
        self.speed.see(seen, held.is_some());
        let plan = self.reader.plan();
        let estimated = plan.terms.currency.as_ref().zip(plan.estimated);
        let cost = estimated.map(|(currency, all)| format!("{currency} {} of {all}", pulse.standing.spent));
        let picture = Picture {
            totals,
            speed: &self.speed,
            paused_for: held.as_ref().map(|held| held.lasts).unwrap_or_default(),
            cost,
            held: held.as_ref().map(|held| held.says.clone()),
        };
        let look = Look {
            at: rfc_3339(now),
            process,
            percent: picture.percent(),
            requests_per_second: self.speed.requests(),
            recipients_per_second: self.speed.recipients(),
            limit_per_second: self.speed.limit(),
            seconds_left: picture.left().map(|left| left.as_secs()),
            pause: held.as_ref(),
            status: &status,
        };
        board.show(&look, &picture)?;
        Ok(status.state == "done")
    }

    /// What holds sending up; `None` where it goes on, or nobody is left to send to.
    fn held(&mut self, pulse: &Pulse, is_running: bool, now: UnixMillis) -> Result<Option<Held>, Fault> {
        let moment = Moment {
            now,
            is_running,
            looked_for: self.started.elapsed(),
            send_at: self.reader.plan().terms.send_at,
        };
        if let Some(held) = moment.held_up(pulse) {
            let stopped = format!("{}; go on with: volley resume {}", held.says, self.path.display());
            let says = if held.cause == "stopped" { stopped } else { held.says.clone() };
            return Ok(Some(Held { says, ..held }));
        }
        if pulse.standing.recipients.pending == 0 || moment.goes_on(pulse) {
            return Ok(None);
        }
        let closed = self.window()?.filter(|falls| falls.open_now == 0);
        if let Some(opens) = closed.and_then(|falls| falls.opens_next) {
            let says = format!("send window opens {} {}", opens.local, opens.zone);
            return Ok(Some(Held { until: Some(opens.at), ..Held::new("window", says) }));
        }
        let slow = self.rates.iter().filter(|rate| rate.each_second() * STILL.as_secs_f64() < 1.0);
        let slowest = slow.min_by(|one, other| one.each_second().total_cmp(&other.each_second()));
        Ok(slowest.map(|rate| Held::new("limit", format!("the limit is {rate}"))))
    }

    /// How the send window falls for whoever is pending.
    fn window(&mut self) -> Result<Option<WindowFall>, Fault> {
        match &self.window {
            Some((found, falls)) if found.elapsed() < WINDOW_HOLDS => Ok(falls.clone()),
            _ => {
                let falls = status::window(&self.reader)?;
                self.window = Some((Instant::now(), falls.clone()));
                Ok(falls)
            }
        }
    }
}

/// When a journal was looked at, and what is known beside it.
struct Moment {
    now: UnixMillis,
    is_running: bool,
    /// How long it has been looked at.
    looked_for: Duration,
    /// When the plan is to be sent, where it says.
    send_at: Option<UnixMillis>,
}

impl Moment {
    /// Whether requests are being made.
    fn goes_on(&self, pulse: &Pulse) -> bool {
        match pulse.claimed_at {
            Some(at) => between(at, self.now) < STILL,
            None => self.looked_for < STILL,
        }
    }

    /// What the journal itself says that holds sending up.
    fn held_up(&self, pulse: &Pulse) -> Option<Held> {
        if pulse.standing.recipients.pending == 0 {
            return None;
        }
        if !self.is_running {
            return Some(Held::new("stopped", "nobody is sending".to_owned()));
        }
        if let Some(at) = self.send_at.filter(|at| *at > self.now && pulse.claimed_at.is_none()) {
            let says = format!("waiting for the schedule, {}", clock_of(at));
            return Some(Held::until(at, self.now, "schedule", says));
        }
        if let Some(at) = pulse.silent_until.filter(|at| *at > self.now) {
            let says = format!("too fast for the provider: waiting until {}", clock_of(at));
            return Some(Held::until(at, self.now, "throttled", says));
        }
        if self.goes_on(pulse) {
            return None;
        }
        if !pulse.has_room {
            return Some(Held::new(
                "journal",
                "the journal cannot be written: free space on its disk".to_owned(),
            ));
        }
        if let Some(trouble) = &pulse.trouble {
            let says = format!(
                "the provider did not answer for anybody at {} ({}): it is tried again now and then",
                clock_of(trouble.at),
                output::inert(&trouble.reason)
            );
            return Some(Held::new("provider", says));
        }
        (pulse.open > 0).then(|| {
            let since = pulse.claimed_at.map(|at| format!(" since {}", clock_of(at))).unwrap_or_default();
            let requests = output::some(pulse.open, "request");
            Held::new("answers", format!("waiting for the answers to {requests}{since}"))
        })
    }
}

/// Where looks are shown: drawn over each other on a terminal, a line each anywhere else.
enum Board {
    Json,
    Lines,
    Drawn(ProgressBar),
}

impl Board {
    fn new(voice: Voice) -> Self {
        if voice.json {
            return Self::Json;
        }
        if !Screen::stdout().is_live() {
            return Self::Lines;
        }
        Self::Drawn(output::on_stdout("{msg}"))
    }

    fn show(&self, look: &Look<'_>, picture: &Picture<'_>) -> io::Result<()> {
        let name = &look.status.campaign;
        match self {
            Self::Json => output::json(look),
            Self::Lines => print(&format!("{} {name} {}, {}\n", look.at, look.status.state, picture.line())),
            Self::Drawn(bar) => {
                let screen = Screen::stdout();
                let process = look.process.map(|pid| format!(" by process {pid}")).unwrap_or_default();
                let head = output::cut(
                    &format!("{name}: {}{process}", look.status.state),
                    screen.width.saturating_sub(3),
                );
                let mut lines = vec![screen.paint(Ink::Strong, &head)];
                lines.extend(picture.lines(&screen));
                bar.set_message(lines.join("\n"));
                bar.tick();
                Ok(())
            }
        }
    }

    fn is_drawn(&self) -> bool {
        matches!(self, Self::Drawn(..))
    }

    fn clear(&self) {
        if let Self::Drawn(bar) = self {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use volley_core::Totals;
    use volley_journal::{Standing, Trouble};

    const NOW: UnixMillis = UnixMillis(1_796_004_000_000);

    fn pulse() -> Pulse {
        let recipients = Totals { pending: 5, ..Totals::default() };
        Pulse {
            standing: Standing { recipients, ..Standing::default() },
            open: 0,
            claimed_at: Some(NOW.plus_millis(-60_000)),
            silent_until: None,
            trouble: None,
            has_room: true,
        }
    }

    fn moment() -> Moment {
        Moment { now: NOW, is_running: true, looked_for: Duration::from_mins(1), send_at: None }
    }

    #[test]
    fn what_holds_a_sender_up_is_named_as_far_as_the_journal_tells() {
        let soon = Some(NOW.plus_millis(90_000));
        let trouble =
            || Some(Trouble { at: NOW.plus_millis(-60_000), reason: "connection refused".to_owned() });
        let settled = Standing::default();
        let fresh = Pulse { claimed_at: None, ..pulse() };
        let recent = || Pulse { claimed_at: Some(NOW.plus_millis(-1_000)), ..pulse() };
        for (pulse, moment, cause, words) in [
            (pulse(), moment(), None, ""),
            (Pulse { standing: settled, ..pulse() }, Moment { is_running: false, ..moment() }, None, ""),
            (pulse(), Moment { is_running: false, ..moment() }, Some("stopped"), "nobody is sending"),
            (fresh, Moment { send_at: soon, ..moment() }, Some("schedule"), "waiting for the schedule, "),
            (pulse(), Moment { send_at: soon, ..moment() }, None, ""),
            (
                Pulse { silent_until: soon, ..recent() },
                moment(),
                Some("throttled"),
                "too fast for the provider: ",
            ),
            (Pulse { silent_until: Some(NOW), ..recent() }, moment(), None, ""),
            (
                Pulse { has_room: false, ..pulse() },
                moment(),
                Some("journal"),
                "the journal cannot be written",
            ),
            (Pulse { has_room: false, ..recent() }, moment(), None, ""),
            (
                Pulse { trouble: trouble(), ..pulse() },
                moment(),
                Some("provider"),
                "the provider did not answer",
            ),
            (Pulse { trouble: trouble(), ..recent() }, moment(), None, ""),
            (
                Pulse { open: 3, ..pulse() },
                moment(),
                Some("answers"),
                "waiting for the answers to 3 requests since ",
            ),
        ] {
            let held = moment.held_up(&pulse);
            assert_eq!(held.as_ref().map(|held| held.cause), cause, "{pulse:?}");
            assert!(held.is_none_or(|held| held.says.starts_with(words)), "{pulse:?}");
        }
    }

    #[test]
    fn a_pause_whose_end_is_known_says_it_to_scripts_too() {
        let pulse = Pulse { silent_until: Some(NOW.plus_millis(90_000)), ..pulse() };
        let held = moment().held_up(&pulse).expect("a pause");
        assert_eq!(held.until.as_deref(), Some("2026-11-30T02:01:30Z"));
        assert_eq!(held.lasts, Duration::from_secs(90));
    }
}
