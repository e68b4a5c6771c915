//! Every total again, from the rows.
//!
//! | a finding of | is about |
//! |---|---|
//! | J1 | the input's rows, the recipients that are there, everybody's state in the totals |
//! | J2 | one state and one open attempt for each recipient, and a verdict where there should be one |
//! | J4, J8 | who was tried again without proof or a decision, or while in doubt |
//! | J5 | accepted without evidence, one message's id for two, decisions without doubt |
//! | J6 | attempts that an earlier run left open |
//! | J9 | money: prices, bills, what counts against the cap, segments |
//! | J10 | the numbers of attempts |
//! | J11 | who was tried again after being settled; receipts for nobody |
//! | J12 | the plan's hash, and the bodies of attempts at the same recipients |
//! | J13 | commits that the witness knows of and the journal does not |
//! | J17 | the counts that a report shows beside its recipients, and cancellations |
//! | `plan` | the plan's own sums, and how its texts are counted |
//! | `file` | SQLite's own structure, and rows that are not those that were written |
//!
//! Not here, because a journal alone cannot tell: J3 and J7 (they need what the provider saw), J14
//! (checked by whoever has it open, with each commit), J15 and J16.
//!
//! The way here is its own: it shares the decoding of the plan's row with the rest, but no
//! replay, no state machine and no running sum, so that one mistake cannot vouch for itself.
//! Read-only; holds right after a kill, where open attempts wait for recovery.

mod decisions; // what was decided later, and what receipts say
mod recount; // the attempts, counted anew

use self::{decisions::check_decisions, recount::Recount};
use crate::{
    FrozenPlan, OpenError, ReadError,
    checksums::{Checksums, not_as_written},
    files::lock_holder,
    packs::{Carriage, Pack, Texts},
    recipients::{self, Recipients},
    rehash::hash_of_rows,
    rows::load_standing,
    schema::{Fault, connect},
    stored::{cost, load_plan},
    witness::commits_seen,
};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::path::{Path, PathBuf};
use volley_core::{Micros, RowNumber, Totals};

/// Rows that one broken invariant names at most.
const ROWS_NAMED: usize = 10;

/// What a verification found.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The plan that was verified.
    pub plan: FrozenPlan,
    /// Recipients by state, recounted.
    pub recipients: Totals,
    /// Attempts in the journal.
    pub attempts: u64,
    /// Attempts without an end.
    pub open: u64,
    /// The process that holds the journal. Without one, open attempts wait for recovery: the
    /// next `volley resume` makes them doubt.
    pub owner: Option<u32>,
    /// What does not hold; empty for a journal that is right.
    pub broken: Vec<Broken>,
}

impl Verified {
    /// Whether every invariant holds. Open doubt and attempts that wait for recovery are no breach.
    pub fn holds(&self) -> bool {
        self.broken.is_empty()
    }

    /// Open attempts that nobody works on.
    pub fn waiting_for_recovery(&self) -> u64 {
        if self.owner.is_none() { self.open } else { 0 }
    }
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name in `docs/failures.md`, `file` for the file's own structure, or `plan`.
    pub invariant: &'static str,
    /// What was found.
    pub sentence: String,
    /// Input rows it was found at, ten at most; empty where it is about the whole.
    pub rows: Vec<RowNumber>,
    /// How often it was found.
    pub times: u64,
}

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It could not be read to its end.
    #[error("{} could not be read to its end: {what}; {}", .0.path.display(), self.hint(), what = .0.what)]
    Read(ReadError),
}

impl VerifyError {
    /// What to do about it, as its message ends.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Open(error) => error.hint(),
            Self::Read(_) => "restore a copy",
        }
    }

    /// The contract's exit code.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Open(fault) => fault.exit_code(),
            Self::Read(_) => 12,
        }
    }
}

/// Recomputes everything that the journal at `path` says of itself.
pub fn verify(path: &Path) -> Result<Verified, VerifyError> {
    let path = path.canonicalize().map_err(|source| OpenError::io(path, source))?;
    // Asked first: an owner that comes later can only have recovered what is open.
    let owner = lock_holder(&path).map_err(|source| OpenError::io(&path, source))?;
    let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // The witness before the journal: a commit in between may only make the journal the newer one.
    let plan = load_plan(&connection).map_err(|fault| reading(&path, &fault))?;
    let seen = commits_seen(&path, &plan).map_err(|source| OpenError::io(&path, source))?;
    recompute(&connection, owner, seen).map_err(|fault| reading(&path, &fault))
}

fn reading(path: &Path, fault: &Fault) -> VerifyError {
    VerifyError::Read(ReadError { path: PathBuf::from(path), what: fault.to_string() })
}

fn recompute(connection: &Connection, owner: Option<u32>, seen: u64) -> Result<Verified, Fault> {
    let moment = connection.unchecked_transaction()?;
    let plan = load_plan(&moment)?;
    let mut findings = Findings::default();
    check_file(&moment, &mut findings)?;
    let costs = check_plan(&moment, &plan, &mut findings)?;
    let mut recount = Recount::new(costs);
    recount.walk(&moment, &mut findings)?;
    check_answers(&moment, &mut findings)?;
    check_decisions(&moment, &mut findings)?;
    recount.compare(&moment, &mut findings)?;
    for kind in Checksums::recounted(&moment)?.differences(Checksums::load(&moment)?) {
        findings.add("file", not_as_written(kind), None);
    }
    let commits = load_standing(&moment)?.commits;
    if commits < seen {
        let lost =
            format!("an older copy, or its -wal file is lost: {commits} commits, and {seen} were made");
        findings.add("J13", lost, None);
    }
    Ok(Verified {
        recipients: recount.totals(),
        attempts: recount.standing.requests_sent,
        open: recount.open,
        owner,
        broken: findings.with_rows(&moment)?,
        plan,
    })
}

/// What was found so far, alike with alike.
#[derive(Default)]
struct Findings(Vec<(Broken, Vec<u32>)>);

impl Findings {
    fn add(&mut self, invariant: &'static str, sentence: impl Into<String>, position: Option<u32>) {
        let sentence = sentence.into();
        let alike =
            self.0.iter().position(|(known, _)| known.invariant == invariant && known.sentence == sentence);
        let index = alike.unwrap_or_else(|| {
            self.0.push((Broken { invariant, sentence, rows: Vec::new(), times: 0 }, Vec::new()));
            self.0.len() - 1
        });
        let (broken, positions) = &mut self.0[index];
        broken.times += 1;
        positions.extend(position.filter(|_| positions.len() < ROWS_NAMED));
    }

    fn expect(&mut self, holds: bool, invariant: &'static str, sentence: &str, position: u32) {
        if !holds {
            self.add(invariant, sentence, Some(position));
        }
    }

    fn with_rows(self, connection: &Connection) -> Result<Vec<Broken>, Fault> {
        let mut row_of = connection.prepare("SELECT row FROM recipient WHERE position = ?")?;
        let mut all = Vec::with_capacity(self.0.len());
        for (mut broken, positions) in self.0 {
            for position in positions {
                let row: Option<u32> = row_of.query_row([position], |row| row.get(0)).optional()?;
                broken.rows.extend(row.map(RowNumber));
            }
            all.push(broken);
        }
        Ok(all)
    }
}

fn check_file(connection: &Connection, findings: &mut Findings) -> Result<(), Fault> {
    let mut check = connection.prepare("PRAGMA integrity_check(10)")?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let found: String = row.get(0)?;
        if found != "ok" {
            findings.add("file", found, None);
        }
    }
    Ok(())
}

/// Holds the plan's own numbers against its rows; gives what each recipient costs.
fn check_plan(
    connection: &Connection,
    plan: &FrozenPlan,
    findings: &mut Findings,
) -> Result<Vec<Micros>, Fault> {
    let counts = &plan.rows;
    let kept_or_left = [counts.accepted, counts.duplicates, counts.suppressed];
    let parts = kept_or_left.iter().chain(counts.rejected.values());
    if u128::from(counts.rows) != parts.map(|rows| u128::from(*rows)).sum() {
        findings.add(
            "J1",
            "the input's rows are not the sum of planned, duplicate, suppressed and rejected",
            None,
        );
    }
    check_texts(connection, plan, findings)?;
    let mut texts = Texts::default();
    let mut select = connection.prepare(recipients::SELECT)?;
    let mut recipients = Recipients::of(connection, &mut select, 0..u32::MAX)?;
    let (mut costs, mut segments, mut estimated) = (Vec::new(), 0, Micros::ZERO);
    let mut next = 0;
    while let Some(one) = recipients.next()? {
        let position = one.position;
        if position != next {
            findings.add("J1", "a position of the plan is missing", Some(position));
        }
        next = position.saturating_add(1);
        let parts = match texts.get(connection, one.text) {
            Ok(text) => u16::from(text.carriage.segments),
            Err(Fault::Damaged(_)) => {
                findings.add("plan", "a recipient's text is missing", Some(position));
                costs.push(Micros::ZERO);
                continue;
            }
            Err(fault) => return Err(fault),
        };
        let cost = cost(plan, one.price, parts)?.unwrap_or_default();
        segments += u64::from(parts);
        estimated = plus(estimated, cost);
        costs.push(cost);
    }
    if costs.len() as u64 != counts.accepted {
        findings.add("J1", format!("{} of {} recipients are there", costs.len(), counts.accepted), None);
    }
    if segments != plan.segments {
        findings.add("plan", "the plan's segments are not the sum of its recipients'", None);
    }
    if plan.rounding.total(estimated) != Some(plan.estimated.unwrap_or_default()) {
        findings.add("plan", "the estimated cost is not the sum of the recipients' prices", None);
    }
    // A hash over rows that lack something says nothing new.
    if findings.0.iter().all(|(broken, _)| broken.sentence != "a recipient's text is missing") {
        let hash = hash_of_rows(connection, plan)?;
        for part in hash.differences(&plan.hash) {
            findings.add("J12", format!("the plan was altered: {part}"), None);
        }
        if hash.whole != plan.hash.whole {
            findings.add("J12", "the plan hash is not the one that was confirmed", None);
        }
    }
    Ok(costs)
}

/// Counts every text again, and holds the rows that they are packed in against each other.
fn check_texts(connection: &Connection, plan: &FrozenPlan, findings: &mut Findings) -> Result<(), Fault> {
    let mut select = connection.prepare("SELECT first, sizes, carried, bodies FROM text ORDER BY first")?;
    let mut rows = select.query([])?;
    let mut pack = Pack::default();
    let mut next = 0;
    while let Some(row) = rows.next()? {
        match pack.read(row) {
            Ok(()) => {}
            Err(Fault::Damaged(what)) => {
                findings.add("plan", what, None);
                continue;
            }
            Err(fault) => return Err(fault),
        }
        if pack.first < next {
            findings.add("plan", format!("the texts from number {} on are there twice", pack.first), None);
        }
        next = pack.end();
        for (number, text) in pack.iter() {
            if Carriage::of(plan.profile.count(text.body)) != Some(text.carriage) {
                findings.add("plan", format!("text {number} is counted wrong"), None);
            }
        }
    }
    Ok(())
}

/// What a look at all attempts or all verdicts together shows.
fn check_answers(connection: &Connection, findings: &mut Findings) -> Result<(), Fault> {
    for (invariant, sentence, sql) in [
        (
            "J5",
            "two recipients were given one message id",
            "SELECT max(position) FROM (SELECT provider_id, position FROM verdict
                 UNION ALL SELECT provider_id, first FROM resolved)
             WHERE provider_id IS NOT NULL GROUP BY provider_id HAVING count(DISTINCT position) > 1",
        ),
        (
            "J12",
            "attempts at the same recipients carried different bodies",
            // Within a run: a schedule that passed between two of them is left out of later bodies.
            // Few are tried more than once, and each of those has an attempt that says so.
            "SELECT first FROM attempt WHERE first IN (SELECT first FROM attempt WHERE number > 1)
             GROUP BY first, recipients, run HAVING min(body_hash) <> max(body_hash)",
        ),
        (
            "J9",
            "a message was billed segments that it cannot have",
            "SELECT position FROM verdict WHERE segments IS NOT NULL
             AND (segments NOT BETWEEN 1 AND 255 OR state <> 'accepted')",
        ),
        (
            "J9",
            "a request was billed segments that its messages cannot have",
            "SELECT first FROM attempt WHERE segments IS NOT NULL
             AND (segments NOT BETWEEN 1 AND 255 * recipients OR class IS NOT 'Answered')",
        ),
        (
            "J9",
            "the segments of a request's messages are not added up",
            "SELECT first FROM verdict v CROSS JOIN attempt ON id = v.attempt
             WHERE v.state <> 'refused' AND attempt.segments IS NULL
             GROUP BY v.attempt HAVING count(*) = count(v.segments)",
        ),
    ] {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            findings.add(invariant, sentence, Some(row.get(0)?));
        }
    }
    Ok(())
}

/// The sum, or the end of 64 bits on the side where it lies: what is verified may be anything.
fn plus(sum: Micros, more: Micros) -> Micros {
    Micros(sum.0.saturating_add(more.0))
}
