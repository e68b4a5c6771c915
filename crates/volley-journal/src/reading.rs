//! Looking at a journal: status, doubt, bills. Takes no lock and changes nothing.
//!
//! Works beside a running sender and after a kill. Each question is one short read of one
//! moment; a recipient in an open attempt counts as pending, because nobody recovers here.

use crate::{
    AttemptId, FrozenPlan, OpenError, Standing,
    answers::{Answers, Said},
    chunks::chunk_of,
    files::lock_holder,
    ledger::Ledger,
    packs::Texts,
    recipients::{self, PlannedMessage, Recipient, Recipients, for_each_recipient},
    rehash,
    replay::{Replay, Step},
    rows::load_standing,
    schema::{Fault, connect},
    stored::{cost, count, int, load_plan, planned_recipients, price},
};
use rusqlite::{Connection, OpenFlags, Row};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};
use volley_core::{Chunk, Micros, Msisdn, PlanHash, Position, RowNumber, State, UnixMillis};

/// Why a question to a journal was not answered.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be read: {what}; {}", path.display(), self.hint())]
pub struct ReadError {
    /// The journal.
    pub path: PathBuf,
    /// What was found, without numbers or texts.
    pub what: String,
}

impl ReadError {
    /// What to do about it, as its message ends.
    pub const fn hint(&self) -> &'static str {
        "`volley verify` says whether it is whole"
    }
}

/// A journal open for looking at.
pub struct JournalReader {
    pub(crate) connection: Connection,
    path: PathBuf,
    plan: FrozenPlan,
    texts: RefCell<Texts>,
}

/// A recipient whose last request may or may not have been accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Their place in the plan.
    pub position: Position,
    /// Where in the input they came from.
    pub row: RowNumber,
    /// Who.
    pub to: Msisdn,
    /// Which try at them it was, from 1.
    pub number: u16,
    /// Which attempt of the journal it was.
    pub attempt: AttemptId,
    /// When the doubt was known.
    pub since: UnixMillis,
    /// What was seen.
    pub reason: String,
    /// The provider's id of the request, where its answer had one.
    pub request_id: Option<String>,
    /// What the plan says they cost; `None` without a rate card.
    pub cost: Option<Micros>,
}

/// An attempt that left somebody in doubt who still is, with all that a lookup needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoubtfulAttempt {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Which try at its recipients it was, from 1.
    pub number: u16,
    /// Its first recipient; the others follow it without a gap.
    pub first: Position,
    /// How many recipients it was for, in doubt or not.
    pub recipients: u32,
    /// Those of them who are in doubt, in plan order.
    pub in_doubt: Vec<Position>,
    /// When the intent was made: no byte of the request left before.
    pub claimed_at: UnixMillis,
    /// When the doubt was known.
    pub ended_at: UnixMillis,
    /// The provider's id of the request, where its answer had one.
    pub request_id: Option<String>,
}

/// One attempt's answer about money, with the recipients it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestBill {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Its first recipient; the others follow it without a gap.
    pub first: Position,
    /// How many recipients, at least 1.
    pub recipients: u32,
    /// The provider's id of the request, where its answer had one.
    pub request_id: Option<String>,
    /// What became of its recipients.
    pub fate: RequestFate,
    /// What the provider billed for the whole request; `None` where it gave no price, or one for
    /// each message, which the [`BillLine`]s have.
    pub billed: Option<Micros>,
    /// The same in another unit than the plan's currency.
    pub billed_units: Option<Micros>,
    /// Segments billed over all recipients: as the provider said for the request, or added up
    /// where it said for each message that it took and left nobody in doubt.
    pub segments: Option<u64>,
}

/// What became of an attempt's recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFate {
    /// The attempt has no end yet.
    Open,
    /// All were taken.
    Accepted,
    /// They were answered one by one.
    Each,
    /// All were refused for good.
    Refused,
    /// It is proved that nobody was taken; all were pending again.
    NotTaken,
    /// All are in doubt.
    InDoubt,
}

/// What the plan and the provider say that one recipient's message costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    /// Their place in the plan.
    pub position: Position,
    /// Where in the input they came from.
    pub row: RowNumber,
    /// Who.
    pub to: Msisdn,
    /// The contract's word: pending, accepted, refused or `in_doubt`.
    pub state: &'static str,
    /// The last attempt that claimed them; `None` before the first.
    pub attempt: Option<AttemptId>,
    /// The provider's id of the message, or of its request where it gives one a request.
    pub provider_id: Option<String>,
    /// Why it was refused or is in doubt, in the provider's words or ours.
    pub code: Option<String>,
    /// Segments of the text, as the plan counts them.
    pub segments: u16,
    /// What the plan says a segment costs; `None` without a rate card.
    pub per_segment: Option<Micros>,
    /// What the plan says the message costs; `None` without a rate card.
    pub price: Option<Micros>,
    /// What the provider billed, where it priced this message.
    pub billed: Option<Micros>,
    /// Segments that the provider billed, where it counted this message.
    pub billed_segments: Option<u32>,
    /// The text they get, for [`JournalReader::text`].
    pub text: u32,
}

impl JournalReader {
    /// Opens the journal at `path` for looking at.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let path = path.canonicalize().map_err(|source| OpenError::io(path, source))?;
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let plan = load_plan(&connection).map_err(|fault| fault.opening(&path))?;
        Ok(Self { connection, path, plan, texts: RefCell::default() })
    }

    /// The plan it was created with.
    pub fn plan(&self) -> &FrozenPlan {
        &self.plan
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Totals as of the last commit.
    pub fn standing(&self) -> Result<Standing, ReadError> {
        self.answered(load_standing(&self.connection))
    }

    /// Which process holds the journal for sending; `None` where nobody does.
    pub fn running(&self) -> io::Result<Option<u32>> {
        lock_holder(&self.path)
    }

    /// The plan's hash, computed from the rows as they are now.
    pub fn hash_of_rows(&self) -> Result<PlanHash, ReadError> {
        self.answered(rehash::hash_of_rows(&self.connection, &self.plan))
    }

    /// Everybody in doubt, in plan order.
    pub fn in_doubt(&self) -> Result<Vec<Doubt>, ReadError> {
        let mut doubts = Vec::new();
        let listed = self.walk(|one, answers| {
            let State::InDoubt { attempt: number } = one.state else { return Ok(()) };
            let said = answers.about(one.position, one.last)?;
            doubts.push(Doubt {
                position: one.position,
                row: one.row,
                to: one.to,
                number,
                attempt: AttemptId(one.last),
                since: said.at,
                reason: said.why.unwrap_or_default(),
                request_id: said.request_id,
                cost: cost(&self.plan, one.price, answers.segments(one.text)?)?,
            });
            Ok(())
        });
        self.answered(listed)?;
        Ok(doubts)
    }

    /// The attempts that left somebody in doubt who still is, in the order of their intents.
    pub fn doubtful_attempts(&self) -> Result<Vec<DoubtfulAttempt>, ReadError> {
        let read = || {
            let moment = self.connection.unchecked_transaction()?;
            let Stands { ledger, last, .. } = Stands::at(&moment, &self.plan)?;
            let mut in_doubt: BTreeMap<u64, Vec<Position>> = BTreeMap::new();
            for ((position, state), last) in (0..).zip(ledger.states()).zip(last) {
                if matches!(state, State::InDoubt { .. }) {
                    in_doubt.entry(last).or_default().push(Position(position));
                }
            }
            let mut attempt = moment.prepare(
                "SELECT number, first, recipients, claimed_at, ended_at, request_id FROM attempt WHERE id = ?",
            )?;
            let doubtful = in_doubt.into_iter().map(|(id, in_doubt)| {
                attempt.query_row([int(id)], |row| {
                    Ok(DoubtfulAttempt {
                        attempt: AttemptId(id),
                        number: row.get(0)?,
                        first: Position(row.get(1)?),
                        recipients: row.get(2)?,
                        in_doubt,
                        claimed_at: UnixMillis(row.get(3)?),
                        ended_at: UnixMillis(row.get(4)?),
                        request_id: row.get(5)?,
                    })
                })
            });
            Ok(doubtful.collect::<Result<_, _>>()?)
        };
        self.answered(read())
    }

    /// The chunk that a request for `recipients` from `first` on carried: what
    /// [`Journal::next_chunks`](crate::Journal::next_chunks) had cut.
    ///
    /// # Errors
    /// Where the plan does not have them all.
    pub fn chunk_of(&self, first: Position, recipients: u32) -> Result<Chunk, ReadError> {
        let mut texts = self.texts.borrow_mut();
        self.answered(chunk_of(&self.connection, &mut texts, &self.plan, first, recipients))
    }

    /// Each attempt's bill, in the order of their intents.
    pub fn request_bills(&self) -> Result<Vec<RequestBill>, ReadError> {
        let read = || {
            let mut attempts = self.connection.prepare(
                "SELECT id, first, recipients, request_id, fate, billed, billed_units, segments
                 FROM attempt ORDER BY id",
            )?;
            let mut rows = attempts.query([])?;
            let mut bills = Vec::new();
            while let Some(row) = rows.next()? {
                bills.push(request_bill(row)?);
            }
            Ok(bills)
        };
        self.answered(read())
    }

    /// Tells `each` of every recipient, in plan order.
    pub fn for_each_bill_line(&self, mut each: impl FnMut(BillLine)) -> Result<(), ReadError> {
        let told = self.walk(|one, answers| {
            let said = match one.state {
                State::Pending { .. } | State::Claimed { .. } => Said::default(),
                State::Accepted | State::Refused | State::InDoubt { .. } => {
                    answers.about(one.position, one.last)?
                }
            };
            let price = price(&self.plan, one.price)?;
            let segments = answers.segments(one.text)?;
            each(BillLine {
                position: one.position,
                row: one.row,
                to: one.to,
                state: one.state.word(),
                attempt: (one.last > 0).then_some(AttemptId(one.last)),
                provider_id: said.message_id.or(said.request_id),
                code: said.why.filter(|_| one.state != State::Accepted),
                segments,
                per_segment: price.map(|price| price.per_segment),
                price: cost(&self.plan, one.price, segments)?,
                billed: said.billed,
                billed_segments: said.segments,
                text: one.text,
            });
            Ok(())
        });
        self.answered(told)
    }

    /// Shows `each` every message of the plan, in plan order: one pass, in which at most a row of
    /// texts is held.
    pub fn for_each_planned(&self, mut each: impl FnMut(&PlannedMessage<'_>)) -> Result<(), ReadError> {
        let told = for_each_recipient(&self.connection, |one, text| {
            let segments = u16::from(text.carriage.segments);
            each(&PlannedMessage {
                position: Position(one.position),
                row: one.row,
                to: one.to,
                text: text.body,
                segments,
                cost: cost(&self.plan, one.price, segments)?,
            });
            Ok(())
        });
        self.answered(told)
    }

    /// The text `id` of the plan. Texts asked for in the order of their numbers are read fastest:
    /// many stand together.
    pub fn text(&self, id: u32) -> Result<String, ReadError> {
        let mut texts = self.texts.borrow_mut();
        self.answered(texts.get(&self.connection, id).map(|text| text.body.to_owned()))
    }

    /// Shows each recipient and where they stand to `see`, in plan order, with what can be asked
    /// about them.
    pub(crate) fn walk(
        &self,
        mut see: impl FnMut(&Standpoint, &mut Answers<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let moment = self.connection.unchecked_transaction()?;
        let Stands { ledger, last, tries } = Stands::at(&moment, &self.plan)?;
        let mut answers = Answers::new(&moment)?;
        let mut select = moment.prepare(recipients::SELECT)?;
        let mut recipients = Recipients::of(&moment, &mut select, 0..u32::MAX)?;
        while let Some(Recipient { position, row, to, text, price }) = recipients.next()? {
            let index = position as usize;
            let outside = || Fault::Damaged(format!("position {position} is outside the plan"));
            let state = *ledger.states().get(index).ok_or_else(outside)?;
            let (position, last, tries) = (Position(position), last[index], tries[index]);
            let one = Standpoint { position, row, to, state, text, price, last, tries };
            see(&one, &mut answers)?;
        }
        Ok(())
    }

    pub(crate) fn answered<T>(&self, answer: Result<T, Fault>) -> Result<T, ReadError> {
        answer.map_err(|fault| ReadError { path: self.path.clone(), what: fault.to_string() })
    }
}

fn request_bill(row: &Row<'_>) -> Result<RequestBill, Fault> {
    let fate = row.get_ref(4)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    Ok(RequestBill {
        attempt: AttemptId(count(row, 0)?),
        first: Position(row.get(1)?),
        recipients: row.get(2)?,
        request_id: row.get(3)?,
        fate: match fate {
            None => RequestFate::Open,
            Some("accepted") => RequestFate::Accepted,
            Some("each") => RequestFate::Each,
            Some("refused") => RequestFate::Refused,
            Some("not_taken") => RequestFate::NotTaken,
            Some("in_doubt") => RequestFate::InDoubt,
            Some(other) => return Err(Fault::Damaged(format!("fate is `{other}`"))),
        },
        billed: row.get::<_, Option<i64>>(5)?.map(Micros),
        billed_units: row.get::<_, Option<i64>>(6)?.map(Micros),
        segments: row.get::<_, Option<u32>>(7)?.map(u64::from),
    })
}

/// One recipient at one moment.
pub(crate) struct Standpoint {
    pub(crate) position: Position,
    pub(crate) row: RowNumber,
    pub(crate) to: Msisdn,
    pub(crate) state: State,
    pub(crate) text: u32,
    /// Which of the plan's prices applies.
    pub(crate) price: Option<u16>,
    /// The last attempt that claimed them, 0 before the first.
    pub(crate) last: u64,
    /// How many attempts did.
    pub(crate) tries: u16,
}

/// Where everybody stands at one moment.
pub(crate) struct Stands {
    pub(crate) ledger: Ledger,
    /// The last attempt that claimed each, 0 before the first.
    pub(crate) last: Vec<u64>,
    /// How many attempts did.
    pub(crate) tries: Vec<u16>,
}

impl Stands {
    /// As of `moment`, a transaction.
    pub(crate) fn at(moment: &Connection, plan: &FrozenPlan) -> Result<Self, Fault> {
        let planned = planned_recipients(moment, plan)?;
        let mut last = vec![0; planned as usize];
        let mut tries = vec![0_u16; planned as usize];
        let mut replay = Replay::new(planned);
        replay.catch_up(moment, |step| {
            if let Step::Claimed { id, open } = step {
                last[open.positions()].fill(id);
                tries[open.positions()].iter_mut().for_each(|tries| *tries += 1);
            }
            Ok(())
        })?;
        Ok(Self { ledger: replay.into_ledger(), last, tries })
    }
}

/// Somebody who got a text, or may have got one.
pub(crate) struct Reached {
    /// Their place in the plan.
    pub(crate) position: Position,
    /// Who.
    pub(crate) to: Msisdn,
    /// The attempt that carried it.
    pub(crate) attempt: AttemptId,
    /// When that ended, or was claimed if it is open.
    pub(crate) at: UnixMillis,
    /// Whether the attempt has no end: it is under way, or its process is gone.
    pub(crate) is_open: bool,
}

impl JournalReader {
    /// Tells `each` of everybody accepted, in doubt or in an open attempt, in plan order.
    pub(crate) fn for_each_reached(&self, mut each: impl FnMut(Reached)) -> Result<(), ReadError> {
        let told = self.walk(|one, answers| {
            let is_open = match one.state {
                State::Pending { .. } | State::Refused => return Ok(()),
                State::Accepted | State::InDoubt { .. } => false,
                State::Claimed { .. } => true,
            };
            let at = answers.about(one.position, one.last)?.at;
            let attempt = AttemptId(one.last);
            each(Reached { position: one.position, to: one.to, attempt, at, is_open });
            Ok(())
        });
        self.answered(told)
    }
}
