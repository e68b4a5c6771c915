//! `volley send` and `volley resume`: plan if needed, confirm, send.

use crate::{
    account::{Account, Open},
    args::{Send, Sending},
    canary,
    cmd::{
        self, Voice, history,
        plan::{freeze, journal_of, nobody, now},
        preview::{Pass, falls},
        status::{Status, settled_exit_code},
    },
    desk::until_stopped,
    fault::Fault,
    observe::Observers,
    opt_outs, output,
    preflight::{self, Told},
    progress, signals,
};
use std::{
    fs::File,
    io::{self, Read},
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use volley_core::{Capabilities, Micros, Position, Schedule, StopReason, UnixMillis};
use volley_engine::{
    Control, Ending, HeldBack, HttpTransport, LaneSettings, Port, Progress, Run, Settings, Threaded, Windows,
};
use volley_journal::{
    CommitError, FrozenPlan, Journal, JournalLock, JournalReader, ReceiptBook, SqliteJournal, Standing,
    Write, kill_point,
};
use volley_plan::{Campaign, Discard, Preview};
use volley_provider::adapter::SendCall;

/// The contract's exit codes of this file.
const PASSING_FAULT: u8 = 5;
const PLAN_CHANGED: u8 = 7;
const CAP_REACHED: u8 = 8;
const JOURNAL_DAMAGED: u8 = 12;

/// How late a scheduled campaign may start without being asked about.
const LATE_MS: i64 = 60 * 60 * 1_000;

pub(crate) fn send(asked: &Send, voice: Voice) -> Result<u8, Fault> {
    let Send { target, overrides, rejects, only, journal, canary, sending } = asked;
    let (rejects, journal) = (rejects.rejects.as_deref(), journal.as_deref());
    if is_journal(target) {
        if !overrides.set.is_empty() || rejects.is_some() || only.only.is_some() || journal.is_some() {
            return Err(Fault::usage("a journal is sent as it is")
                .hint("--set, --rejects, --only and --journal go with a campaign file"));
        }
        return go_on(target, sending, *canary, voice);
    }
    let events = sending.watching.events.as_deref();
    output::only_one_on_stdout(&[("--rejects", rejects), ("--events", events)], voice.json)?;
    let observers = Observers::open(&sending.watching)?;
    let mut campaign = cmd::load(target, overrides, sending.max_cost.as_deref())?;
    campaign.recipients.only.clone_from(&only.only);
    let account = Account::of(&campaign)?;
    account.check_secrets()?;
    let path = journal_of(&campaign, journal);
    let fresh = !path.exists();
    let (preview, lock) = if fresh {
        freeze(&campaign, &account, rejects, &path, voice)?
    } else {
        (same_plan(&campaign, &account, rejects, &path, voice)?, None)
    };
    if preview.accepted == 0 {
        return Err(nobody(&campaign, preview.rows));
    }
    let mut run = Resumption::open(&path, lock, account)?;
    let agreed = match over_cap(&campaign, &preview) {
        Some(fault) if fresh => Err(fault),
        _ => {
            let shown = output::preview(&preview, falls(&preview).as_ref(), &output::Screen::stderr());
            output::talk(voice.quiet, &shown);
            run.set_canary(*canary)
                .and_then(|()| run.ask_first(voice))
                .and_then(|()| run.confirm(sending, preview.worst_doubt, voice))
        }
    };
    match agreed {
        Ok(()) => run.execute(observers, output::is_stdout(rejects) || output::is_stdout(events), voice),
        Err(fault) => {
            // A plan that nobody agreed to must not stand in the way of a corrected campaign.
            if fresh {
                run.discard();
            }
            Err(fault)
        }
    }
}

/// The refusal of a campaign that costs more than it may, before anything is sent.
fn over_cap(campaign: &Campaign, preview: &Preview) -> Option<Fault> {
    let (cap, estimated) = (campaign.limits.max_cost?, preview.estimated?);
    let currency = preview.terms.currency.as_deref().unwrap_or_default();
    let message =
        format!("the campaign costs {currency} {estimated}, above the cap of {cap}; nothing was sent");
    (estimated > cap).then(|| Fault::new(CAP_REACHED, message).hint("shorten the list or raise --max-cost"))
}

pub(crate) fn resume(path: &Path, sending: &Sending, voice: Voice) -> Result<u8, Fault> {
    go_on(path, sending, None, voice)
}

fn go_on(path: &Path, sending: &Sending, canary: Option<NonZeroU32>, voice: Voice) -> Result<u8, Fault> {
    let events = sending.watching.events.as_deref();
    output::only_one_on_stdout(&[("--events", events)], voice.json)?;
    let observers = Observers::open(&sending.watching)?;
    let reader = JournalReader::open(path)?;
    let account = Account::of_journal(path, reader.plan())?;
    drop(reader);
    let mut run = Resumption::open(path, None, account)?;
    run.set_cap(sending)?;
    run.set_canary(canary)?;
    run.remember_cancellation()?;
    let flight = u64::from(run.lane.max_in_flight) * u64::from(run.lane.chunk);
    let worst_doubt = flight.min(run.journal.standing().recipients.pending);
    run.ask_first(voice)?;
    run.confirm(sending, worst_doubt, voice)?;
    run.execute(observers, output::is_stdout(events), voice)
}

/// Whether `path` is a journal rather than a campaign file.
pub(crate) fn is_journal(path: &Path) -> bool {
    let mut magic = [0; 16];
    let is_sqlite = File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && &magic == b"SQLite format 3\0";
    is_sqlite || path.extension().is_some_and(|extension| extension == "volley")
}

/// The preview of a campaign whose journal exists: the same plan, or a refusal that names what
/// changed.
fn same_plan(
    campaign: &Campaign,
    account: &Account,
    rejects: Option<&Path>,
    path: &Path,
    voice: Voice,
) -> Result<Preview, Fault> {
    let planned = JournalReader::open(path)?.plan().clone();
    let known = history::known_then(campaign, &planned)?;
    let capped = known.as_ref().map(|known| &known.capped);
    let preview = Pass { campaign, account, rejects, capped, voice }.run(&mut Discard)?;
    let mut differences = preview.hash.differences(&planned.hash);
    if Account::of_journal(path, &planned)?.window != account.window {
        differences.push("the send window");
    }
    if differences.is_empty() {
        return Ok(preview);
    }
    // What is wrong with the journal itself comes before what is wrong with the campaign.
    if let Some(broken) = volley_journal::verify(path)?.broken.first() {
        let what = format!("{} is damaged, or an older copy: {}", path.display(), broken.sentence);
        let hint = "this run sent nothing; keep the file, `volley verify` says more";
        return Err(Fault::new(JOURNAL_DAMAGED, what).hint(hint));
    }
    let (file, journal) = (campaign.path.display(), path.display());
    Err(Fault::new(
        PLAN_CHANGED,
        format!(
            "{file}: {} changed since {journal} was planned; nothing was sent",
            differences.join(" and ")
        ),
    )
    .hint(format!("`volley resume {journal}` sends the frozen plan, another name or --journal plans anew")))
}

/// A journal that is open for sending, and what it is sent with.
struct Resumption {
    journal: SqliteJournal,
    path: PathBuf,
    plan: FrozenPlan,
    account: Account,
    capabilities: Capabilities,
    lane: LaneSettings,
    /// When it is to be sent, where that is still ahead.
    send_at: Option<UnixMillis>,
    /// How many are sent to and judged before anybody else; the journal may not know yet.
    canary: Option<NonZeroU32>,
    /// When the provider was asked about it.
    asked: Vec<Instant>,
}

impl Resumption {
    /// Opens the journal, which refuses an altered plan and puts in doubt what a process that is
    /// gone left open. `lock` is of somebody who planned it just now.
    fn open(path: &Path, lock: Option<JournalLock>, account: Account) -> Result<Self, Fault> {
        let journal = match lock {
            Some(lock) => SqliteJournal::open_held(lock, now())?,
            None => SqliteJournal::open(path, now())?,
        };
        let plan = journal.plan().clone();
        let capabilities = account.capabilities()?;
        let lane = LaneSettings {
            rates: account.rates(&capabilities)?,
            pacing: account.pacing(&capabilities)?,
            least_round_trip: account.least_round_trip(&capabilities)?,
            max_in_flight: account.max_in_flight.unwrap_or(capabilities.max_in_flight),
            chunk: plan.terms.chunk,
            planned: plan.rows.accepted,
            max_cost: account.max_cost.as_deref().map(cap).transpose()?,
            probe: journal.standing().last_exit_code == Some(PASSING_FAULT),
            patience: account.patience(),
            silent_for: Duration::ZERO,
            not_before: Duration::ZERO,
            canary: None,
        };
        // A time that has passed means now.
        let send_at = plan.terms.send_at.filter(|at| *at > now());
        Ok(Self {
            canary: journal.standing().canary,
            journal,
            path: path.to_owned(),
            plan,
            account,
            capabilities,
            lane,
            send_at,
            asked: Vec::new(),
        })
    }

    /// The cap of a resumed campaign: a new one, which stays, or the one that was set last.
    fn set_cap(&mut self, sending: &Sending) -> Result<(), Fault> {
        if let Some(text) = &sending.max_cost {
            if self.plan.terms.currency.is_none() {
                return Err(Fault::usage(
                    "--max-cost needs prices to count with, and this plan has no rate card",
                ));
            }
            let max_cost = cap(text)?;
            self.journal
                .commit(&[Write::Cap { max_cost }])
                .map_err(|error| Fault::explained(PASSING_FAULT, &error, error.hint()))?;
        }
        self.lane.max_cost = self.journal.standing().max_cost.or(self.lane.max_cost);
        Ok(())
    }

    /// The first recipients, who are judged before the others: as it was asked for now, or before.
    fn set_canary(&mut self, asked: Option<NonZeroU32>) -> Result<(), Fault> {
        let settled = self.plan.rows.accepted - self.journal.standing().recipients.pending;
        if let Some(first) = asked.filter(|_| asked != self.canary) {
            if settled >= u64::from(first.get()) {
                return Err(Fault::usage(format!(
                    "--canary {first} is too late: {} were sent to before; leave it out to go on",
                    output::some(settled, "recipient")
                )));
            }
            self.canary = asked;
        }
        self.lane.canary = canary::gate(self.canary, &self.plan, self.journal.standing(), &self.path)?;
        Ok(())
    }

    /// Shows what the provider says of the account and the price. What does not fit the plan stops
    /// the run, unless somebody confirms it.
    fn ask_first(&mut self, voice: Voice) -> Result<(), Fault> {
        if self.account.is_sim() || self.journal.standing().recipients.pending == 0 {
            return Ok(());
        }
        let cannot = |error: CommitError| Fault::explained(PASSING_FAULT, &error, error.hint());
        let chunk = self.journal.next_chunks(Position(0), 1).map_err(cannot)?.pop();
        let first = chunk.map(|chunk| SendCall {
            chunk: Arc::new(chunk),
            sender: self.plan.terms.sender.as_deref().map(Arc::from),
            send_at: self.handed_over(),
            reference: self.plan.reference(),
        });
        let earlier =
            volley_engine::earlier_requests(&mut self.journal, &self.lane.rates, now()).map_err(cannot)?;
        let standing = self.journal.standing().clone();
        let asked = preflight::ask(&self.account, &self.plan, &standing, first.as_ref(), &earlier);
        let Told { lines, differences, hopeless, asked } = until_stopped(asked)?;
        self.asked = asked;
        for line in lines {
            output::talk(voice.quiet, &format!("{}: {line}", self.plan.terms.provider));
        }
        if let Some(why) = hopeless {
            let provider = &self.plan.terms.provider;
            return Err(Fault::usage(format!(
                "{provider}: {why}; nothing was sent; everybody stays pending"
            )));
        }
        for difference in &differences {
            output::talk(false, &format!("warning: {difference}"));
        }
        if voice.yes || differences.is_empty() {
            return Ok(());
        }
        output::not_confirmed(output::ask("Type anyway to send all the same: ", "anyway"))
    }

    /// The time that the provider is handed; `None` where it sends at once.
    fn handed_over(&self) -> Option<UnixMillis> {
        self.send_at.filter(|_| self.capabilities.schedule != Schedule::Never)
    }

    /// How long sending waits for a time that the provider cannot be handed.
    fn not_before(&self) -> Duration {
        let own = self.send_at.filter(|_| self.capabilities.schedule == Schedule::Never);
        own.map_or(Duration::ZERO, |at| {
            Duration::from_millis(u64::try_from(at.0.saturating_sub(now().0)).unwrap_or(0))
        })
    }

    /// Says of a campaign that was taken back at the provider that sending goes on all the same.
    fn remember_cancellation(&self) -> Result<(), Fault> {
        let reader = JournalReader::open(&self.path)?;
        if self.journal.standing().recipients.pending > 0 && !reader.cancellations()?.is_empty() {
            output::talk(
                false,
                "warning: this campaign was taken back at the provider; whoever is pending is sent to all the same",
            );
        }
        Ok(())
    }

    /// Asks before anything is sent, showing recipients, segments, cost and the worst case.
    fn confirm(&self, sending: &Sending, worst_doubt: u64, voice: Voice) -> Result<(), Fault> {
        self.confirm_lateness(sending)?;
        let standing = self.journal.standing();
        let pending = standing.recipients.pending;
        if voice.yes || pending == 0 {
            return Ok(());
        }
        let mut question = format!("{} recipients are pending", output::count(pending));
        if pending == self.plan.rows.accepted {
            question.push_str(&format!(", {} segments", output::count(self.plan.segments)));
        }
        if let (Some(estimated), Some(currency)) = (self.plan.estimated, &self.plan.terms.currency) {
            let left = estimated.checked_sub(standing.spent).unwrap_or(estimated);
            question.push_str(&format!(", about {currency} {left}"));
        }
        let first = self.lane.canary.map_or(String::new(), |canary| {
            format!(
                "\nThe first {} are sent to and judged before the others.",
                output::count(canary.recipients)
            )
        });
        question.push_str(&format!(
            ", through {}{}.{first}\nA kill at the worst moment would put {} recipients in doubt.\nType {pending} to send: ",
            self.plan.terms.provider,
            if self.account.is_sim() { " (simulated)" } else { "" },
            output::count(worst_doubt),
        ));
        output::not_confirmed(output::ask(&question, &pending.to_string()))
    }

    /// More than an hour after its schedule, somebody has to say that a campaign is still to go.
    fn confirm_lateness(&self, sending: &Sending) -> Result<(), Fault> {
        let Some(at) = self.plan.terms.send_at.filter(|at| now().0 - at.0 > LATE_MS && !sending.late) else {
            return Ok(());
        };
        let at = cmd::rfc_3339(at);
        match output::ask(&format!("The schedule was {at}. Type late to send now: "), "late") {
            Some(true) => Ok(()),
            Some(false) | None => Err(Fault::usage(format!("the schedule was {at}, more than an hour ago"))
                .hint("add --late to send now")),
        }
    }

    /// Removes a journal that nothing was sent from, while its lock is still held.
    fn discard(self) {
        if self.journal.standing().requests_sent > 0 {
            return;
        }
        for suffix in ["", "-wal", "-shm", ".witness", ".reserve"] {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            // What is left behind is harmless: `send` then says that the plan exists.
            drop(std::fs::remove_file(name));
        }
    }

    /// `stdout_is_taken`: rejects or events went there, and the summary goes beside it.
    fn execute(mut self, observers: Observers, stdout_is_taken: bool, voice: Voice) -> Result<u8, Fault> {
        let recovered = self.journal.recovered();
        if recovered.attempts > 0 {
            output::talk(
                voice.quiet,
                &format!(
                    "{} recipients were in flight when the last run ended; they are in doubt and will not be sent again",
                    output::count(recovered.recipients)
                ),
            );
        }
        if self.canary != self.journal.standing().canary {
            let write = Write::Canary { recipients: self.canary };
            self.journal.commit(&[write]).map_err(|error| Fault::new(PASSING_FAULT, error))?;
        }
        if let Some(canary) = self.lane.canary {
            output::talk(voice.quiet, &canary::announced(canary));
        }
        let (path, plan, first) = (self.path.clone(), self.plan.clone(), self.lane.canary);
        let is_over = self.journal.standing().recipients.pending == 0;
        let history = if is_over { None } else { history::watch(&self.account, &path, &plan)? };
        let (ending, standing) = one_thread()?.block_on(self.send(observers, voice))?;
        if let Some(history) = history {
            history::absorb(history);
        }
        // Reports that came before their answers find their messages now; a later run finds them too.
        drop(ReceiptBook::open(&path));
        let mut status = Status::of(&plan, &standing, false);
        status.exit_code = exit_code(&ending, &standing);
        let fault = unfinished(&ending, &standing, &path);
        let shown = if voice.json {
            output::answer(&status, fault.as_ref())
        } else {
            output::answer_beside(&status.show(), stdout_is_taken, voice.quiet)
        };
        if let Some(line) = first.and_then(|first| canary::passed(first, plan.rows.accepted, &standing)) {
            output::talk(voice.quiet, &line);
        }
        match (&ending, fault) {
            (Ending::Stopped { reason, .. }, Some(fault)) if *reason != StopReason::Interrupted => {
                fault.tell();
            }
            (_, Some(fault)) => output::talk(voice.quiet, &fault.line()),
            (_, None) => {}
        }
        match shown {
            // Whoever stopped reading may still look at the exit code.
            Err(fault) if fault.kind() != io::ErrorKind::BrokenPipe => Err(fault.into()),
            _ => Ok(status.exit_code),
        }
    }

    async fn send(mut self, observers: Observers, voice: Voice) -> Result<(Ending, Standing), Fault> {
        let Open { adapter, address, gateway } = self.account.open(&self.plan).await?;
        let talk = move |line: &str| output::talk(voice.quiet, line);
        // Before anything is said: whoever reads a line may answer it with Ctrl-C.
        let stop = signals::listen(move |level| {
            talk(if level == 1 {
                "stopping: requests in flight finish; once more stops at once"
            } else {
                "stopping at once"
            });
        })?;
        if voice.verbose || gateway.is_some() {
            let rates: Vec<String> = self.lane.rates.iter().map(ToString::to_string).collect();
            talk(&format!("sending to {address} at {}", rates.join(" and ")));
        }
        let timeout = self.account.timeout(&self.capabilities);
        let transport = observers.transport(HttpTransport::new(timeout, self.lane.max_in_flight)?);
        let (show, shown) = watch::channel(Progress::default());
        let bar = progress::show(shown, &self.plan, &self.lane.rates, voice);
        let earlier_requests = volley_engine::earlier_requests(&mut self.journal, &self.lane.rates, now())
            .map_err(|error| Fault::explained(PASSING_FAULT, &error, error.hint()))?;
        let asked = self.asked.iter().map(Instant::elapsed);
        let earlier_requests = earlier_requests.into_iter().chain(asked).collect();
        let (send_at, not_before) = (self.handed_over(), self.not_before());
        if let Some(at) = self.send_at.filter(|_| !not_before.is_zero()) {
            talk(&format!("{} sends at once: waiting until {}", self.plan.terms.provider, cmd::rfc_3339(at)));
        }
        let watch = opt_outs::Watch::start(&self.account, &self.path)?;
        let asked = watch.asked();
        tokio::spawn(watch.go_on());
        let silent_for = self.journal.silence(now());
        let recovered = self.journal.recovered();
        let port = observers.port(Threaded::new(Box::new(self.journal)));
        // The cap is on what is billed, which is the sum as it is rounded.
        let max_cost = self.lane.max_cost.map(|cap| self.plan.rounding.largest_within(cap));
        let settings = Settings {
            lane: LaneSettings { max_cost, not_before, silent_for, ..self.lane },
            sender: self.plan.terms.sender.as_deref().map(Arc::from),
            send_at,
            windows: self.account.window()?.map(|window| Windows::new(window, send_at, now)),
            held_back: Some(HeldBack(Arc::new(move |to| asked.contains(to)))),
            earlier_requests,
            seed: seed(),
        };
        let watched = observers.start(&self.plan, recovered, &port, &show, voice)?;
        let run = Run { adapter, transport, port: port.clone(), settings };
        let ended = run.execute(Control { stop, progress: show }).await;
        drop(bar.await);
        let exit_code = ended.as_ref().map_or(PASSING_FAULT, |ending| exit_code(ending, &port.standing()));
        if let Ok(ending) = &ended {
            kill_point!("before-run-end");
            // The run's end is for `status` alone: a full disk must not turn it into a failure.
            let mut writes = vec![Write::RunEnded { exit_code, at: now() }];
            if matches!(ending, Ending::Stopped { reason: StopReason::Canary, .. }) {
                // Somebody is told of it now; whoever resumes goes on.
                writes.push(Write::Canary { recipients: None });
            }
            drop(port.write_all(Arc::new(writes)).await);
        }
        let standing = port.standing();
        let mut status = Status::of(&self.plan, &standing, false);
        status.exit_code = exit_code;
        watched.end(ended.as_ref().ok(), &status).await;
        let ending = ended.map_err(|error| Fault::explained(PASSING_FAULT, &error, error.hint()))?;
        // Whoever closes the journal last takes its log into the file.
        kill_point!("before-checkpoint");
        port.close();
        kill_point!("after-checkpoint");
        Ok((ending, standing))
    }
}

/// How long ago requests of earlier processes ended that still count against the account's rates.
pub(crate) fn earlier(
    journal: &mut SqliteJournal,
    account: &Account,
    capabilities: &Capabilities,
) -> Result<Vec<Duration>, Fault> {
    let rates = account.rates(capabilities)?;
    volley_engine::earlier_requests(journal, &rates, now())
        .map_err(|error| Fault::explained(PASSING_FAULT, &error, error.hint()))
}

/// The runtime of sending. One thread carries some ten thousands of requests a second, beside the
/// journal's own; on several, tasks would move from one to the other and wake each other.
fn one_thread() -> Result<tokio::runtime::Runtime, Fault> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn cap(text: &str) -> Result<Micros, Fault> {
    text.parse().map_err(|fault| Fault::usage(format!("--max-cost (limits.max_cost): {fault}")))
}

fn exit_code(ending: &Ending, standing: &Standing) -> u8 {
    match ending {
        Ending::Finished => settled_exit_code(standing.recipients),
        Ending::Stopped { reason, .. } => reason.exit_code(),
    }
}

/// Why a run is not done with everybody, and what to do; `None` where it is.
fn unfinished(ending: &Ending, standing: &Standing, path: &Path) -> Option<Fault> {
    let (exit_code, path, totals) = (exit_code(ending, standing), path.display(), standing.recipients);
    let (message, hint) = match ending {
        Ending::Stopped { reason: StopReason::Interrupted, .. } => {
            ("interrupted".to_owned(), format!("go on with: volley resume {path}"))
        }
        Ending::Stopped { reason, detail } => {
            let detail = if detail.as_str().is_empty() { String::new() } else { format!(" ({detail})") };
            let hint = format!("{}; go on with: volley resume {path}", reason.remedy());
            (format!("stopped: {}{detail}", reason.cause()), hint)
        }
        Ending::Finished if totals.in_doubt > 0 => {
            let recipients = output::some(totals.in_doubt, "recipient");
            (
                format!("{recipients} may or may not have been texted"),
                format!("see: volley doubt list {path}"),
            )
        }
        Ending::Finished if totals.refused > 0 => {
            let (recipients, were) = output::some_were(totals.refused, "recipient");
            let hint = format!("see why with: volley report {path} --csv FILE");
            (format!("{recipients} {were} refused"), hint)
        }
        Ending::Finished => return None,
    };
    Some(Fault::new(exit_code, message).hint(hint))
}

/// Random enough to keep senders from coming back together.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
