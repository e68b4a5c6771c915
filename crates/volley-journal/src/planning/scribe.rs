//! The thread that writes a plan's file.
//!
//! It alone has the SQLite connection. Messages come to it by the thousand, in their order; what
//! they came in goes back to be filled again.

use super::{
    disk::Nudge,
    numbers::{Key, TextNumbers},
};
use crate::{
    FrozenPlan,
    packs::{self, Carriage, Packing, Text},
    recipients::text_column,
    stored::{int, store_plan},
};
use rusqlite::{Connection, Statement};
use std::sync::mpsc::{Receiver, Sender};
use volley_core::{Msisdn, PriceId};

/// Recipients that one INSERT carries. A hundred take 125 ns each, fifty a tenth more, one alone
/// three times as much.
const ROWS_A_STATEMENT: usize = 100;

/// After so many recipients the disk is told that there is something to do. Where a text is shared
/// they are written last, when the planner is done and leaves a processor to the disk.
const RECIPIENTS_A_NUDGE: u32 = 1 << 18;

/// Messages on their way to the thread.
#[derive(Default)]
pub(super) struct Bundle {
    pub(super) messages: Vec<Arrived>,
    /// The texts of those that have their own, one directly behind the other.
    pub(super) texts: String,
}

/// One message of a bundle.
pub(super) struct Arrived {
    pub(super) line: Line,
    /// `None`: that of the message before, never so for a bundle's first.
    pub(super) text: Option<OwnText>,
}

/// What a bundle says of a text.
pub(super) struct OwnText {
    pub(super) key: Key,
    pub(super) length: u32,
    pub(super) carriage: Carriage,
}

/// One line of the table `recipient` but for its position and its text.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) to: Msisdn,
    pub(super) row: u32,
    pub(super) price: Option<PriceId>,
}

/// What the thread is asked to do.
pub(super) enum Job {
    Write(Bundle),
    /// There are no more messages: the rest of the plan, and the end.
    Close(Box<FrozenPlan>),
}

/// Does `jobs` until one of them closes the plan, or nobody is left to give any.
pub(super) fn write(
    connection: Connection,
    by_text: bool,
    jobs: Receiver<Job>,
    written: &Sender<Bundle>,
    nudge: Nudge,
) -> rusqlite::Result<()> {
    let mut scribe = Scribe::new(&connection, by_text, nudge)?;
    for job in jobs {
        match job {
            Job::Write(mut bundle) => {
                scribe.take(&bundle)?;
                bundle.messages.clear();
                bundle.texts.clear();
                // Nobody waits for it when the plan is given up.
                drop(written.send(bundle));
            }
            Job::Close(plan) => {
                scribe.close(&plan)?;
                return connection.close().map_err(|(_, source)| source);
            }
        }
    }
    Ok(())
}

struct Scribe<'file> {
    connection: &'file Connection,
    insert_text: Statement<'file>,
    insert_row: Statement<'file>,
    insert_rows: Statement<'file>,
    numbers: TextNumbers,
    /// The numbers of the texts of one bundle, and which of them are new.
    found: Vec<(u32, bool)>,
    packing: Packing,
    held: Option<Held>,
    /// Recipients of the next statement, with what their column `text` has.
    waiting: Vec<(Line, Option<u32>)>,
    /// Recipients in or before `waiting`.
    recipients: u32,
    /// The text of the last of them.
    text: Option<u32>,
    nudge: Nudge,
}

/// Where a text is shared, recipients of other texts than the first: their places are known when
/// all messages are.
#[derive(Default)]
struct Held {
    /// Who gets text 1, 2, … first.
    first: Vec<Line>,
    /// Everybody else, with their text.
    others: Vec<(u32, Line)>,
}

impl<'file> Scribe<'file> {
    fn new(connection: &'file Connection, by_text: bool, nudge: Nudge) -> rusqlite::Result<Self> {
        let rows = ["(?, ?, ?, ?)"; ROWS_A_STATEMENT].join(", ");
        Ok(Self {
            connection,
            insert_text: connection.prepare(packs::INSERT)?,
            insert_row: connection.prepare("INSERT INTO recipient VALUES (?, ?, ?, ?, ?)")?,
            // Without the position: SQLite numbers on from the last one, and need not look
            // whether there is one of that number, which saves a third of the time.
            insert_rows: connection
                .prepare(&format!("INSERT INTO recipient (row, msisdn, text, price) VALUES {rows}"))?,
            numbers: TextNumbers::default(),
            found: Vec::new(),
            packing: Packing::default(),
            held: by_text.then(Held::default),
            waiting: Vec::with_capacity(ROWS_A_STATEMENT),
            recipients: 0,
            text: None,
            nudge,
        })
    }

    fn take(&mut self, bundle: &Bundle) -> rusqlite::Result<()> {
        // All at once: the processor looks for several numbers at a time.
        self.found.clear();
        let own = bundle.messages.iter().filter_map(|arrived| arrived.text.as_ref());
        self.found.extend(own.map(|text| self.numbers.number_of(text.key)));
        let mut own = 0;
        let mut texts = bundle.texts.as_str();
        for arrived in &bundle.messages {
            let mut is_new = false;
            if let Some(text) = &arrived.text {
                let (body, rest) = texts.split_at(text.length as usize);
                texts = rest;
                is_new = self.found[own].1;
                own += 1;
                if is_new {
                    self.store_text(Text { body, carriage: text.carriage })?;
                }
            }
            let text = self.found[own - 1].0;
            match &mut self.held {
                Some(held) if text > 0 && is_new => held.first.push(arrived.line),
                Some(held) if text > 0 => held.others.push((text, arrived.line)),
                _ => self.store_recipient(arrived.line, text)?,
            }
        }
        Ok(())
    }

    fn store_text(&mut self, text: Text<'_>) -> rusqlite::Result<()> {
        if !self.packing.has_room(text.body) {
            self.packing.store(&mut self.insert_text)?;
        }
        self.packing.push(text);
        Ok(())
    }

    fn store_recipient(&mut self, line: Line, text: u32) -> rusqlite::Result<()> {
        self.waiting.push((line, text_column(self.recipients, text, self.text)));
        self.recipients += 1;
        self.text = Some(text);
        if self.waiting.len() == ROWS_A_STATEMENT { self.store_waiting() } else { Ok(()) }
    }

    fn store_waiting(&mut self) -> rusqlite::Result<()> {
        let waiting = u32::try_from(self.waiting.len()).expect("at most a statement's rows");
        let first = self.recipients - waiting;
        if first > 0 && self.waiting.len() == ROWS_A_STATEMENT {
            let mut parameter = 0;
            for (line, text) in &self.waiting {
                bind(&mut self.insert_rows, parameter, *line, *text)?;
                parameter += 4;
            }
            self.insert_rows.raw_execute()?;
        } else {
            for (position, (line, text)) in (first..).zip(&self.waiting) {
                self.insert_row.raw_bind_parameter(1, position)?;
                bind(&mut self.insert_row, 1, *line, *text)?;
                self.insert_row.raw_execute()?;
            }
        }
        let last = self.connection.last_insert_rowid();
        assert!(waiting == 0 || last == i64::from(self.recipients) - 1, "SQLite numbers without a gap");
        self.waiting.clear();
        if self.recipients / RECIPIENTS_A_NUDGE > first / RECIPIENTS_A_NUDGE {
            self.nudge.send();
        }
        Ok(())
    }

    fn close(mut self, plan: &FrozenPlan) -> rusqlite::Result<()> {
        self.packing.store(&mut self.insert_text)?;
        let Held { first, mut others } = self.held.take().unwrap_or_default();
        others.sort_by_key(|(text, _)| *text); // stable: file order within a text
        let mut others = others.into_iter().peekable();
        for (text, line) in (1..).zip(first) {
            self.store_recipient(line, text)?;
            while let Some((_, line)) = others.next_if(|(other, _)| *other == text) {
                self.store_recipient(line, text)?;
            }
        }
        self.store_waiting()?;
        store_plan(self.connection, plan)?;
        self.connection.execute(
            "INSERT INTO standing VALUES (1, ?, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0, NULL, NULL)",
            [self.recipients],
        )?;
        self.connection.execute_batch("COMMIT")
    }
}

/// Binds a recipient's row, number, text and price behind the parameter `after`.
fn bind(insert: &mut Statement<'_>, after: usize, line: Line, text: Option<u32>) -> rusqlite::Result<()> {
    insert.raw_bind_parameter(after + 1, line.row)?;
    insert.raw_bind_parameter(after + 2, int(line.to.digits()))?;
    insert.raw_bind_parameter(after + 3, text)?;
    insert.raw_bind_parameter(after + 4, line.price.map(|id| id.0))
}
