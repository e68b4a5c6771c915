//! The SQLite journal, open for sending.

use crate::{
    Attempt, AttemptId, CancelResult, Claim, CommitError, Decision, FrozenPlan, Journal, OpenError, Record,
    Recovered, Resolution, Standing, Write, Written,
    checksums::{Checksums, Fact, Kind, not_as_written},
    chunks::next_chunks,
    files::{Identity, JournalLock, beside, lock, remove},
    ledger::{Effect, Ledger, Open, Toll, plus},
    packs::Texts,
    recipients::{self, Recipients},
    rehash::altered_parts,
    replay::{Replay, Silence},
    reserve::Reserve,
    resolutions::{runs_of, store_resolution},
    rows::{
        Bills, End, TOOK_SOMEBODY, believable, believable_segments, load_standing, own_bill,
        segments_of_each, store_end, store_standing, store_verdicts,
    },
    schema::{Fault, connect, make_durable},
    stored::{cost, int, load_plan, planned_recipients},
    witness::Witness,
};
use rusqlite::{Connection, OpenFlags, OptionalExtension, ToSql, Transaction, TransactionBehavior, params};
use std::{
    num::NonZeroU32,
    ops::Range,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use volley_core::{
    Answer, Billed, Chunk, Class, Event, Failure, Fate, LaneEffect, Micros, Outcome, Position, UnixMillis,
    Verdict, Verdicts,
};

/// A journal file, held for sending. One process has it at a time; dropping it lets it go.
pub struct SqliteJournal {
    connection: Connection,
    path: PathBuf,
    identity: Identity,
    plan: FrozenPlan,
    ledger: Ledger,
    silence: Silence,
    /// Room for the outcomes of what is in flight.
    reserve: Reserve,
    recovered: Recovered,
    run: i64,
    witness: Witness,
    texts: Texts,
    _lock: JournalLock,
}

impl SqliteJournal {
    /// Opens the journal at `path` for sending, at the time `now`.
    ///
    /// Takes the lock, checks that the file is ours and whole and that its plan is the one that
    /// was frozen, replays its history, and turns every attempt that a process left open into
    /// doubt, in one commit that also starts a run.
    pub fn open(path: &Path, now: UnixMillis) -> Result<Self, OpenError> {
        let path = path.canonicalize().map_err(|source| OpenError::io(path, source))?;
        if !path.is_file() {
            return Err(OpenError::NotAJournal { path });
        }
        Self::start(lock(&path)?, now, altered_parts)
    }

    /// The same for somebody who holds the name already, because it was planned just now: nobody
    /// can have altered the plan since.
    pub fn open_held(lock: JournalLock, now: UnixMillis) -> Result<Self, OpenError> {
        Self::start(lock, now, |_, _| Ok(Vec::new()))
    }

    /// Opens what `lock` is the lock of, unless `altered` finds parts of its plan that are.
    fn start(
        lock: JournalLock,
        now: UnixMillis,
        altered: fn(&Connection, &FrozenPlan) -> Result<Vec<&'static str>, Fault>,
    ) -> Result<Self, OpenError> {
        let path = lock.path.clone();
        crate::kill_point!("opening");
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Under the lock, a plan in the making is what a process that is gone left behind.
        remove(&beside(&path, ".planning")).map_err(|source| OpenError::io(&path, source))?;
        // Both read the whole file: side by side, on a connection each.
        let (examined, replayed) = thread::scope(|scope| {
            let examined = scope.spawn(|| {
                let beside = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                let examine = || {
                    check_pages(&beside)?;
                    altered(&beside, &load_plan(&beside)?)
                };
                examine().map_err(|fault| fault.opening(&path))
            });
            let replay = || {
                let plan = load_plan(&connection)?;
                let history = load_history(&connection, &plan)?;
                Ok((plan, history))
            };
            let replayed = replay().map_err(|fault: Fault| fault.opening(&path));
            (examined.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), replayed)
        });
        let altered = examined?;
        let (plan, History { ledger, silence, frozen }) = replayed?;
        if !altered.is_empty() {
            return Err(OpenError::Altered { path, what: altered.join(" and ") });
        }
        if let Some(kind) = frozen {
            return Err(OpenError::Damaged { path, what: not_as_written(kind) });
        }
        let mut witness = Witness::open(&path, &plan).map_err(|source| OpenError::io(&path, source))?;
        let seen = witness.commits().map_err(|source| OpenError::io(&path, source))?;
        if seen > ledger.standing.commits {
            return Err(OpenError::Older { path, commits: ledger.standing.commits, seen });
        }
        make_durable(&connection).map_err(|fault| fault.opening(&path))?;
        let identity = Identity::of(&path).map_err(|source| OpenError::io(&path, source))?;
        let reserve = Reserve::make(&path).map_err(|source| OpenError::no_room(&path, source))?;
        let recovered = Recovered::default();
        let mut journal = Self {
            connection,
            path,
            identity,
            plan,
            ledger,
            silence,
            reserve,
            recovered,
            run: 0,
            witness,
            texts: Texts::default(),
            _lock: lock,
        };
        crate::kill_point!("before-recovery");
        journal.start_run(now).map_err(|fault| fault.opening(&journal.path))?;
        Ok(journal)
    }

    /// Recovery: what is open belongs to a process that is gone.
    fn start_run(&mut self, now: UnixMillis) -> Result<(), Fault> {
        self.ledger.begin();
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        for (id, open) in self.ledger.all_open() {
            let toll = Toll { spent: open.reserved, ..Toll::default() };
            let ended = self.ledger.end(id, Effect::All(Event::Restart), toll);
            ended.map_err(|fault| Fault::Damaged(format!("attempt {id}: {fault}")))?;
            let reason = "the process ended before the answer was stored";
            let end = End::unanswered(Class::ProcessGone, "in_doubt", reason);
            self.ledger.checksums.add(store_end(&transaction, id, now, &end, toll)?);
            self.recovered.attempts += 1;
            self.recovered.recipients += u64::from(open.recipients);
        }
        transaction
            .execute("INSERT INTO run (pid, started_at) VALUES (?, ?)", params![std::process::id(), now.0])?;
        self.run = transaction.last_insert_rowid();
        let run = Fact::found(&transaction, Kind::Run, self.run)?;
        self.ledger.checksums.add(run);
        self.ledger.standing.commits += 1;
        store_standing(&transaction, &self.ledger.standing, self.ledger.checksums)?;
        crate::kill_point!("inside-recovery");
        transaction.commit()?;
        crate::kill_point!("after-recovery");
        let Recovered { attempts, recipients } = self.recovered;
        if attempts > 0 {
            tracing::warn!(target: "journal", attempts, recipients, "recovery: what was open is in doubt");
        }
        let Standing { commits, recipients, .. } = &self.ledger.standing;
        let pending = recipients.pending;
        tracing::info!(target: "journal", run = self.run, commits, pending, "opened for sending");
        self.tell_witness();
        Ok(())
    }

    /// A witness that could not be told lags behind, which accuses nobody.
    fn tell_witness(&mut self) {
        drop(self.witness.tell(self.ledger.standing.commits));
    }

    fn write(&mut self, write: &Write) -> Result<Written, WriteFault> {
        match write {
            Write::Claim(claim) => self.claim(claim).map(Written::Claimed),
            Write::Record(record) => self.record(record).map(|()| Written::Recorded),
            Write::Resolve(resolution) => self.resolve(resolution).map(|()| Written::Recorded),
            Write::Cancelled { attempt, result, at } => {
                self.cancelled(*attempt, *result, *at).map(|()| Written::Recorded)
            }
            Write::Cap { max_cost } => {
                self.ledger.standing.max_cost = Some(*max_cost);
                self.alter_run("UPDATE run SET max_cost = ?2 WHERE id = ?1", params![max_cost.0])?;
                Ok(Written::Recorded)
            }
            Write::Canary { recipients } => {
                self.ledger.standing.canary = *recipients;
                let canary = recipients.map_or(0, NonZeroU32::get);
                self.alter_run("UPDATE run SET canary = ?2 WHERE id = ?1", params![canary])?;
                Ok(Written::Recorded)
            }
            Write::RunEnded { exit_code, at } => {
                self.ledger.standing.last_exit_code = Some(*exit_code);
                let ended = "UPDATE run SET ended_at = ?2, exit_code = ?3 WHERE id = ?1";
                self.alter_run(ended, params![at.0, exit_code])?;
                Ok(Written::Recorded)
            }
            // The totals are written with every commit, and that is all it takes.
            Write::Trial => Ok(Written::Recorded),
        }
    }

    /// Alters the row of this run, whose id is the first parameter of `sql`.
    fn alter_run(&mut self, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
        let values: Vec<&dyn ToSql> =
            [&self.run as &dyn ToSql].into_iter().chain(values.iter().copied()).collect();
        self.ledger.checksums.follow(&self.connection, (Kind::Run, self.run), sql, &values)
    }

    fn claim(&mut self, claim: &Claim) -> Result<Attempt, WriteFault> {
        let Claim { first, recipients, body_hash, reserved, at } = claim;
        let open = Open { first: first.0, recipients: *recipients, reserved: *reserved };
        let (id, number) = self.ledger.claim(open)?;
        let row = params![int(id), first.0, recipients, number, self.run, body_hash, reserved.0, at.0];
        self.connection
            .prepare_cached(
                "INSERT INTO attempt (id, first, recipients, number, run, body_hash, reserved, claimed_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(row)?;
        self.ledger.checksums.add(Fact::bound(Kind::Intent, row)?);
        Ok(Attempt { id: AttemptId(id), number })
    }

    fn record(&mut self, record: &Record) -> Result<(), WriteFault> {
        let id = record.attempt.0;
        let open = self.ledger.open(id).ok_or(CommitError::NotOpen(id))?;
        let (end, toll) = match &record.outcome {
            Outcome::Answered(answer) => {
                let (end, toll) = self.judge(open, answer)?;
                let events: Vec<Event> = match &answer.verdicts {
                    Verdicts::AllAccepted | Verdicts::AllInDoubt { .. } => Vec::new(),
                    Verdicts::Each(verdicts) => verdicts.iter().map(event_of).collect(),
                };
                let effect = match &answer.verdicts {
                    Verdicts::AllAccepted => Effect::All(Event::Accept),
                    Verdicts::AllInDoubt { .. } => Effect::All(Event::Ambiguous),
                    Verdicts::Each(_) => Effect::Each(&events),
                };
                self.ledger.end(id, effect, toll)?;
                (end, toll)
            }
            Outcome::Failed(failure) => {
                let (event, fate) = match failure.class.rule().fate {
                    Fate::Retry | Fate::Back | Fate::Split => (Event::NotTaken, "not_taken"),
                    Fate::Refuse => (Event::Refuse, "refused"),
                    // An answer that was not understood as one is no evidence of anything.
                    Fate::Doubt | Fate::AsAnswered => (Event::Ambiguous, "in_doubt"),
                };
                let spent = if event == Event::Ambiguous { open.reserved } else { Micros::ZERO };
                let throttled = failure.class == Class::Throttled;
                let toll = Toll { throttled, spent, ..Toll::default() };
                self.ledger.end(id, Effect::All(event), toll)?;
                let end = End::unanswered(failure.class, fate, failure.reason.as_str());
                (End { not_before: silence_after(failure, record.at), ..end }, toll)
            }
        };
        self.ledger.checksums.add(store_end(&self.connection, id, record.at, &end, toll)?);
        if let Outcome::Answered(Answer { verdicts: Verdicts::Each(verdicts), .. }) = &record.outcome {
            store_verdicts(&self.connection, &mut self.ledger.checksums, id, open.first, verdicts)?;
        }
        Ok(())
    }

    /// What an answer comes to in the table and in the totals. A price for the whole request
    /// covers those it accepted; doubt beside it counts at the plan's price, so that a cap holds
    /// whatever the doubt turns out to be.
    fn judge<'a>(&mut self, open: Open, answer: &'a Answer) -> Result<(End<'a>, Toll), WriteFault> {
        let billed = if let Billed::Money(amount) = answer.billed { believable(amount) } else { None };
        let Bills { money, units } = Bills::of(answer);
        let spent = billed.unwrap_or(open.reserved);
        let mut toll = Toll { billed: money, billed_units: units, spent, ..Toll::default() };
        let (mut fate, mut reason) = ("accepted", None);
        let mut segments = answer.segments.and_then(|count| believable_segments(count, open.recipients));
        if let Verdicts::AllInDoubt { reason: why } = &answer.verdicts {
            (fate, reason) = ("in_doubt", Some(why.as_str()));
            toll.spent = plus(billed.unwrap_or_default(), open.reserved);
        }
        if let Verdicts::Each(verdicts) = &answer.verdicts {
            fate = "each";
            segments = segments.or_else(|| segments_of_each(verdicts));
            toll.spent = billed.unwrap_or_default();
            let positions = open.first..open.first + open.recipients;
            let planned = self.planned_costs(positions).map_err(storage)?;
            for (verdict, planned) in verdicts.iter().zip(planned) {
                let own = own_bill(verdict);
                let counts = match verdict {
                    Verdict::Accepted { .. } if billed.is_some() => Micros::ZERO, // in the whole already
                    Verdict::Accepted { .. } => own.unwrap_or(planned),
                    Verdict::InDoubt { .. } => planned,
                    Verdict::Refused { .. } | Verdict::NotTaken { .. } => Micros::ZERO,
                };
                toll.spent = plus(toll.spent, counts);
            }
        }
        let end = End {
            class: Class::Answered,
            fate,
            reason,
            request_id: answer.request_id.as_deref(),
            billed,
            segments,
            not_before: None,
        };
        Ok((end, toll))
    }

    fn resolve(&mut self, resolution: &Resolution) -> Result<(), WriteFault> {
        let runs = runs_of(resolution, |position| self.ledger.resolve(position, resolution.decision))?;
        let mut released = Micros::ZERO;
        if resolution.decision == Decision::Resend {
            for run in &runs {
                let costs = self.planned_costs(run.first..run.first + run.recipients).map_err(storage)?;
                released = costs.into_iter().fold(released, plus);
            }
        }
        self.ledger.release(released);
        let after = self.ledger.last_attempt();
        let Self { connection, ledger, run, .. } = self;
        store_resolution(connection, &mut ledger.checksums, resolution, &runs, released, after, *run)?;
        crate::kill_point!("inside-resolution");
        Ok(())
    }

    fn cancelled(
        &mut self,
        attempt: AttemptId,
        result: CancelResult,
        at: UnixMillis,
    ) -> Result<(), WriteFault> {
        let sql = format!("SELECT 1 FROM attempt WHERE id = ? AND {TOOK_SOMEBODY}");
        let found = self.connection.prepare_cached(&sql)?.query_row([int(attempt.0)], |_| Ok(()));
        found.optional()?.ok_or(CommitError::NothingTaken(attempt.0))?;
        let replace = "INSERT INTO cancellation (attempt, result, at) VALUES (?, ?, ?)
                       ON CONFLICT (attempt) DO UPDATE SET result = excluded.result, at = excluded.at
                       WHERE result NOT IN ('done', 'already')";
        let id = int(attempt.0);
        let row = params![id, result.word(), at.0];
        self.ledger.checksums.follow(&self.connection, (Kind::Cancellation, id), replace, row)?;
        Ok(())
    }

    /// What the plan says that each recipient at `positions` costs.
    fn planned_costs(&mut self, positions: Range<u32>) -> Result<Vec<Micros>, Fault> {
        let mut select = self.connection.prepare_cached(recipients::SELECT)?;
        let mut costs = Vec::with_capacity(positions.len());
        let mut recipients = Recipients::of(&self.connection, &mut select, positions)?;
        while let Some(one) = recipients.next()? {
            let text = self.texts.get(&self.connection, one.text)?;
            let cost = cost(&self.plan, one.price, u16::from(text.carriage.segments))?;
            costs.push(cost.unwrap_or_default());
        }
        Ok(costs)
    }
}

impl Journal for SqliteJournal {
    fn plan(&self) -> &FrozenPlan {
        &self.plan
    }

    fn standing(&self) -> &Standing {
        &self.ledger.standing
    }

    fn recovered(&self) -> Recovered {
        self.recovered
    }

    fn next_chunks(&mut self, from: Position, most: usize) -> Result<Vec<Chunk>, CommitError> {
        next_chunks(&self.connection, &mut self.texts, &self.plan, self.ledger.states(), from, most)
            .map_err(storage)
    }

    fn recent_requests(&mut self, since: UnixMillis, most: usize) -> Result<Vec<UnixMillis>, CommitError> {
        recent_requests(&self.connection, since, most).map_err(storage)
    }

    fn silence(&self, now: UnixMillis) -> Duration {
        self.silence.left(now)
    }

    fn commit(&mut self, batch: &[Write]) -> Result<Vec<Written>, CommitError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        // SQLite would go on writing into a file that lost its name, for nobody to find.
        if Identity::of(&self.path).ok() != Some(self.identity) {
            return Err(CommitError::Moved);
        }
        let makes_attempts = batch.iter().any(|write| matches!(write, Write::Claim(_) | Write::Trial));
        if makes_attempts {
            let no_room = |fault| CommitError::Storage(format!("no room to keep for outcomes: {fault}"));
            self.reserve.renew().map_err(no_room)?;
        }
        let mut written = self.commit_or_undo(batch);
        let is_stuck = written.as_ref().is_err_and(CommitError::is_passing);
        // Whatever keeps outcomes from being stored, room is all that can be given.
        if is_stuck && !makes_attempts && self.reserve.give_up() {
            tracing::warn!(target: "journal", "the space set aside for outcomes is given up");
            written = self.commit_or_undo(batch);
        }
        written
    }
}

impl SqliteJournal {
    fn commit_or_undo(&mut self, batch: &[Write]) -> Result<Vec<Written>, CommitError> {
        self.ledger.begin();
        let written = self.try_commit(batch);
        if let Err(WriteFault(fault)) = &written {
            tracing::error!(target: "journal", writes = batch.len(), %fault, "a commit failed");
        }
        if written.is_ok() {
            crate::kill_point!("before-witness");
            self.tell_witness();
        } else {
            self.ledger.undo();
            // SQLite has rolled back by itself after a full disk; a second time is an error.
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK").map_err(storage)?;
            }
        }
        written.map_err(|WriteFault(fault)| fault)
    }

    fn try_commit(&mut self, batch: &[Write]) -> Result<Vec<Written>, WriteFault> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let written = batch.iter().map(|write| self.write(write)).collect::<Result<Vec<_>, _>>()?;
        self.ledger.standing.commits += 1;
        store_standing(&self.connection, &self.ledger.standing, self.ledger.checksums)?;
        crate::kill_point!("inside-commit", CommitError::Storage("a kill point".to_owned()));
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(written)
    }
}

/// A [`CommitError`] that `?` makes from SQLite's errors too.
struct WriteFault(CommitError);

impl From<CommitError> for WriteFault {
    fn from(fault: CommitError) -> Self {
        Self(fault)
    }
}

impl From<rusqlite::Error> for WriteFault {
    fn from(fault: rusqlite::Error) -> Self {
        Self(storage(fault))
    }
}

fn storage(fault: impl Into<Fault>) -> CommitError {
    fault.into().committing()
}

/// Until when the provider asked for silence by `failure`, which was known at `at`: "too fast"
/// without a word about it is a second of it.
fn silence_after(failure: &Failure, at: UnixMillis) -> Option<UnixMillis> {
    let asked = failure.retry_after.unwrap_or_default().max(Duration::from_secs(1));
    let asked = i64::try_from(asked.as_millis()).unwrap_or(i64::MAX);
    (failure.class.rule().lane == LaneEffect::Throttle).then(|| at.plus_millis(asked))
}

/// Whether all pages of the file belong together.
fn check_pages(connection: &Connection) -> Result<(), Fault> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Fault::Damaged(found)) }
}

/// What a journal says that happened.
struct History {
    ledger: Ledger,
    silence: Silence,
    /// A kind of the plan's own rows that are not those that were written.
    frozen: Option<Kind>,
}

/// Where everybody stands, replayed and held against the stored totals and sums.
fn load_history(connection: &Connection, plan: &FrozenPlan) -> Result<History, Fault> {
    let planned = planned_recipients(connection, plan)?;
    let mut replay = Replay::summing(planned);
    replay.catch_up(connection, |_| Ok(()))?;
    let silence = replay.silence();
    let mut ledger = replay.into_ledger();
    let standing = load_standing(connection)?;
    // What attempts do not say.
    ledger.standing.commits = standing.commits;
    ledger.standing.max_cost = standing.max_cost;
    ledger.standing.canary = standing.canary;
    ledger.standing.last_exit_code = standing.last_exit_code;
    if ledger.standing != standing {
        return Err(Fault::Damaged("its totals are not the sum of its attempts".to_owned()));
    }
    ledger.checksums.add_unreplayed(connection)?;
    let mut different: Vec<Kind> = ledger.checksums.differences(Checksums::load(connection)?).collect();
    // A plan that was edited is named as such first.
    let frozen = different.extract_if(.., |kind| kind.is_frozen()).next();
    match different.first() {
        Some(kind) => Err(Fault::Damaged(not_as_written(*kind))),
        None => Ok(History { ledger, silence, frozen }),
    }
}

/// Walks attempts from the last one back until they were claimed so long before `since` that no
/// answer to them can have come later: no exchange takes [`LONGEST_EXCHANGE_MS`].
fn recent_requests(
    connection: &Connection,
    since: UnixMillis,
    most: usize,
) -> Result<Vec<UnixMillis>, Fault> {
    let mut attempts =
        connection.prepare_cached("SELECT claimed_at, ended_at FROM attempt ORDER BY id DESC")?;
    let mut rows = attempts.query([])?;
    let mut recent = Vec::new();
    while recent.len() < most
        && let Some(row) = rows.next()?
    {
        let claimed_at: i64 = row.get(0)?;
        if claimed_at < since.0.saturating_sub(LONGEST_EXCHANGE_MS) {
            break;
        }
        let counted_at = row.get::<_, Option<i64>>(1)?.unwrap_or(claimed_at);
        recent.extend((counted_at >= since.0).then_some(UnixMillis(counted_at)));
    }
    Ok(recent)
}

/// An hour: the longest timeout that a campaign can set.
const LONGEST_EXCHANGE_MS: i64 = 3_600_000;

const fn event_of(verdict: &Verdict) -> Event {
    match verdict {
        Verdict::Accepted { .. } => Event::Accept,
        Verdict::Refused { .. } => Event::Refuse,
        Verdict::NotTaken { .. } => Event::NotTaken,
        Verdict::InDoubt { .. } => Event::Ambiguous,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::PlanWriter;
    use rusqlite::ffi;
    use volley_core::{Batch, Message, Msisdn, PlanHasher, PlanTerms, Profile, Rounding, RowNumber};

    const NOW: UnixMillis = UnixMillis(0);

    /// A journal of 500 recipients of one text.
    pub(crate) fn journal(directory: &Path) -> SqliteJournal {
        let path = directory.join("full.volley");
        let mut writer = PlanWriter::create(&path, Batch::PerItem { max: 500 }).expect("room");
        let mut hasher = PlanHasher::new(Rounding::Exact);
        for row in 1..=500 {
            let to = Msisdn::from_digits(61_491_570_006).expect("a number");
            let message = Message {
                row: RowNumber(row),
                to,
                text: "a",
                segments: Profile::STANDARD.count("a"),
                cost: None,
            };
            hasher.message(&message);
            writer.message(&message, None).expect("room");
        }
        let batch = Batch::PerItem { max: 500 };
        let terms = PlanTerms {
            campaign: "full".to_owned(),
            sender: None,
            provider: "sim".to_owned(),
            send_at: None,
            currency: None,
            batch,
            chunk: 500,
        };
        let rows = crate::RowCounts { rows: 500, accepted: 500, ..Default::default() };
        let plan = FrozenPlan {
            hash: hasher.finish(&terms),
            terms,
            created_at: NOW,
            rows,
            segments: 500,
            estimated: None,
            rounding: Rounding::Exact,
            profile: Profile::STANDARD,
            prices: Vec::new(),
            provider: "{}".to_owned(),
        };
        writer.finish(&plan).expect("a plan");
        SqliteJournal::open(&path, NOW).expect("a journal")
    }

    #[test]
    fn a_full_disk_refuses_the_commit_whole_and_the_same_one_succeeds_when_there_is_room() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut journal = journal(directory.path());
        let reserved = Micros::ZERO;
        let claim = Claim { first: Position(0), recipients: 500, body_hash: [0; 32], reserved, at: NOW };
        journal.commit(&[Write::Claim(claim)]).expect("room");
        let before = (journal.ledger.standing.clone(), journal.ledger.states().to_vec());
        let taken =
            |index| Verdict::Accepted { id: Some(format!("{index:0>200}")), billed: None, segments: None };
        let answer = Answer {
            request_id: None,
            verdicts: Verdicts::Each((0..500).map(taken).collect()),
            billed: Billed::Unknown,
            segments: None,
        };
        let outcome = Outcome::Answered(answer);
        let batch = [Write::Record(Record { attempt: AttemptId(1), outcome, at: NOW })];
        // The most pages that the file may have: SQLite reports the same error as a full disk.
        let pages: i64 =
            journal.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("pages");
        let allow = |journal: &SqliteJournal, pages: i64| {
            journal.connection.execute_batch(&format!("PRAGMA max_page_count = {pages}")).expect("a pragma");
        };
        allow(&journal, pages + 2);
        let full = journal.commit(&batch);
        assert!(matches!(full, Err(CommitError::Storage(_))), "{full:?}");
        assert_eq!((journal.ledger.standing.clone(), journal.ledger.states().to_vec()), before);
        let reserve = directory.path().join("full.volley.reserve");
        assert!(!reserve.exists(), "it was given up for the outcome");
        allow(&journal, pages + 2_000);
        journal.commit(&batch).expect("room again");
        assert_eq!(journal.ledger.standing.recipients.accepted, 500);
        assert!(!reserve.exists(), "outcomes do not ask for it");
        journal.commit(&[Write::Trial]).expect("room again");
        assert!(reserve.exists(), "nothing is claimed without it");
    }

    #[test]
    fn nothing_is_claimed_where_its_outcome_would_have_no_room() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut journal = journal(directory.path());
        assert!(journal.reserve.give_up());
        // In the way of it, as a full disk is.
        let reserve = directory.path().join("full.volley.reserve");
        std::fs::create_dir(&reserve).expect("in the way");
        let before = journal.ledger.standing.clone();
        let claim =
            Claim { first: Position(0), recipients: 1, body_hash: [0; 32], reserved: Micros::ZERO, at: NOW };
        for write in [Write::Claim(claim.clone()), Write::Trial] {
            let refused = journal.commit(&[write]);
            assert!(refused.as_ref().is_err_and(CommitError::is_passing), "{refused:?}");
        }
        assert_eq!(journal.ledger.standing, before);
        journal.commit(&[Write::RunEnded { exit_code: 5, at: NOW }]).expect("whatever else may be written");
        std::fs::remove_dir(&reserve).expect("empty");
        journal.commit(&[Write::Claim(claim)]).expect("room again");
    }

    #[test]
    fn only_faults_of_the_system_are_waited_for() {
        for (code, is_passing) in [
            (ffi::SQLITE_FULL, true),
            (ffi::SQLITE_IOERR_WRITE, true),
            (ffi::SQLITE_IOERR_FSYNC, true),
            (ffi::SQLITE_BUSY, true),
            (ffi::SQLITE_READONLY, true),
            (ffi::SQLITE_CANTOPEN, true),
            (ffi::SQLITE_NOMEM, true),
            (ffi::SQLITE_IOERR_SHORT_READ, false),
            (ffi::SQLITE_CORRUPT, false),
            (ffi::SQLITE_NOTADB, false),
            (ffi::SQLITE_CONSTRAINT, false),
            (ffi::SQLITE_MISUSE, false),
        ] {
            let fault = storage(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
            assert_eq!(fault.is_passing(), is_passing, "{code}: {fault}");
        }
        assert!(!storage(Fault::Damaged("a text is missing".to_owned())).is_passing());
        assert!(!CommitError::Moved.is_passing());
    }

    #[test]
    fn commits_are_written_for_a_power_cut() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = journal(directory.path());
        for (pragma, value) in
            [("synchronous", 2), ("fullfsync", 1), ("checkpoint_fullfsync", 1), ("secure_delete", 1)]
        {
            let set: i64 =
                journal.connection.pragma_query_value(None, pragma, |row| row.get(0)).expect(pragma);
            assert_eq!(set, value, "{pragma}");
        }
        let mode: String =
            journal.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("a mode");
        assert_eq!(mode, "wal");
    }
}
