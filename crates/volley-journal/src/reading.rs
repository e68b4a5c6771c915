//! Looking at a journal: status, doubt, bills. Takes no lock and changes nothing.
//!
//! Works beside a running sender and after a kill. Each question is one short read of one
//! moment; a recipient in an open attempt counts as pending, because nobody recovers here.

use crate::{
    AttemptId, FrozenPlan, OpenError, Standing,
    files::lock_holder,
    packs::Texts,
    recipients::{self, PlannedMessage, Recipient, Recipients, for_each_recipient},
    rehash,
    replay::replay,
    rows::load_standing,
    schema::{Fault, connect},
    stored::{cost, count, int, load_plan, planned_recipients, price},
};
use rusqlite::{Connection, OpenFlags, Row, Statement};
use std::{
    cell::RefCell,
    io,
    path::{Path, PathBuf},
};
use volley_core::{Micros, Msisdn, PlanHash, Position, RowNumber, State, UnixMillis};

/// Why a question to a journal was not answered.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be read: {what}; `volley verify` says whether it is whole", path.display())]
pub struct ReadError {
    /// The journal.
    pub path: PathBuf,
    /// What was found, without numbers or texts.
    pub what: String,
}

/// A journal open for looking at.
pub struct JournalReader {
    connection: Connection,
    path: PathBuf,
    plan: FrozenPlan,
    texts: RefCell<Texts>,
}

/// A recipient whose last request may or may not have been accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
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
            let said = answers.about(one)?;
            doubts.push(Doubt {
                row: one.row,
                to: one.to,
                number,
                attempt: AttemptId(one.last),
                since: said.at,
                reason: said.why.unwrap_or_default(),
                request_id: said.request_id,
                cost: cost(&self.plan, one.price, answers.segments(one)?)?,
            });
            Ok(())
        });
        self.answered(listed)?;
        Ok(doubts)
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
                State::Accepted | State::Refused | State::InDoubt { .. } => answers.about(one)?,
            };
            let price = price(&self.plan, one.price)?;
            let segments = answers.segments(one)?;
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
    fn walk(
        &self,
        mut see: impl FnMut(&Standpoint, &mut Answers<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let moment = self.connection.unchecked_transaction()?;
        let planned = planned_recipients(&moment, &self.plan)?;
        let mut last = vec![0; planned as usize];
        let ledger = replay(&moment, planned, |id, open| {
            last[open.first as usize..(open.first + open.recipients) as usize].fill(id);
        })?;
        let mut answers = Answers::new(&moment)?;
        let mut select = moment.prepare(recipients::SELECT)?;
        let mut recipients = Recipients::of(&moment, &mut select, 0..u32::MAX)?;
        while let Some(Recipient { position, row, to, text, price }) = recipients.next()? {
            let index = position as usize;
            let outside = || Fault::Damaged(format!("position {position} is outside the plan"));
            let state = *ledger.states().get(index).ok_or_else(outside)?;
            let (position, last) = (Position(position), last[index]);
            let one = Standpoint { position, row, to, state, text, price, last };
            see(&one, &mut answers)?;
        }
        Ok(())
    }

    fn answered<T>(&self, answer: Result<T, Fault>) -> Result<T, ReadError> {
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
struct Standpoint {
    position: Position,
    row: RowNumber,
    to: Msisdn,
    state: State,
    text: u32,
    /// Which of the plan's prices applies.
    price: Option<u16>,
    /// The last attempt that claimed them, 0 before the first.
    last: u64,
}

/// What the last attempt says about one recipient.
#[derive(Default)]
struct Said {
    /// When it ended, or was claimed if it is open.
    at: UnixMillis,
    /// The provider's id of this message alone.
    message_id: Option<String>,
    request_id: Option<String>,
    why: Option<String>,
    billed: Option<Micros>,
    segments: Option<u32>,
}

/// What attempts say about their recipients, and how long their texts are, read when asked for.
struct Answers<'moment> {
    moment: &'moment Connection,
    texts: Texts,
    attempt: Statement<'moment>,
    verdict: Statement<'moment>,
    /// The attempt asked for last: neighbours mostly share one.
    held: Option<Ended>,
}

/// What an attempt says about all of its recipients.
struct Ended {
    id: u64,
    at: UnixMillis,
    each: bool,
    reason: Option<String>,
    request_id: Option<String>,
    /// For a request of one recipient alone: then it is the message's own.
    billed: Option<Micros>,
    segments: Option<u32>,
}

impl<'moment> Answers<'moment> {
    fn new(moment: &'moment Connection) -> rusqlite::Result<Self> {
        let attempt = moment.prepare(
            "SELECT ifnull(ended_at, claimed_at), fate IS 'each', reason, request_id,
                    iif(recipients = 1, billed, NULL), iif(recipients = 1, segments, NULL)
             FROM attempt WHERE id = ?",
        )?;
        let verdict = moment.prepare(
            "SELECT provider_id, code, billed, segments FROM verdict WHERE attempt = ? AND position = ?",
        )?;
        Ok(Self { moment, texts: Texts::default(), attempt, verdict, held: None })
    }

    /// Segments of the text that `one` gets.
    fn segments(&mut self, one: &Standpoint) -> Result<u16, Fault> {
        Ok(u16::from(self.texts.get(self.moment, one.text)?.carriage.segments))
    }

    /// What the last attempt at `one` says.
    fn about(&mut self, one: &Standpoint) -> Result<Said, Fault> {
        let held = self.held.take().filter(|held| held.id == one.last);
        let held = self.held.insert(held.map_or_else(|| ended(&mut self.attempt, one.last), Ok)?);
        let mut said = Said {
            at: held.at,
            message_id: None,
            request_id: held.request_id.clone(),
            why: held.reason.clone(),
            billed: held.billed,
            segments: held.segments,
        };
        if held.each {
            let mut rows = self.verdict.query([int(held.id), i64::from(one.position.0)])?;
            let missing = || Fault::Damaged(format!("attempt {} lacks a verdict", held.id));
            let own = rows.next()?.ok_or_else(missing)?;
            said.message_id = own.get(0)?;
            said.why = own.get(1)?;
            said.billed = said.billed.or(own.get::<_, Option<i64>>(2)?.map(Micros));
            said.segments = own.get::<_, Option<u32>>(3)?.or(said.segments);
        }
        Ok(said)
    }
}

/// What the attempt `id` says about all of its recipients.
fn ended(attempt: &mut Statement<'_>, id: u64) -> Result<Ended, Fault> {
    let mut rows = attempt.query([int(id)])?;
    let row = rows.next()?.ok_or_else(|| Fault::Damaged(format!("attempt {id} is missing")))?;
    Ok(Ended {
        id,
        at: UnixMillis(row.get(0)?),
        each: row.get(1)?,
        reason: row.get(2)?,
        request_id: row.get(3)?,
        billed: row.get::<_, Option<i64>>(4)?.map(Micros),
        segments: row.get(5)?,
    })
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
            let at = answers.about(one)?.at;
            let attempt = AttemptId(one.last);
            each(Reached { position: one.position, to: one.to, attempt, at, is_open });
            Ok(())
        });
        self.answered(told)
    }
}
