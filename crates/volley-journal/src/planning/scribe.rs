//! The thread that writes a plan's file.
//!
//! Messages come to it by the thousand, in their order; what they came in goes back to be filled
//! again. It alone writes, first the pages of the two large tables, then the rest through SQLite.

use super::{
    bundle::{Bundle, Line},
    numbers::TextNumbers,
    pages::{Pages, Record, Table},
    press::{WriteFault, connect},
};
use crate::{
    FrozenPlan,
    packs::{Packing, Text},
    recipients::text_column,
    rows::start_standing,
    stored::{int, store_plan},
};
use std::{
    path::Path,
    sync::mpsc::{Receiver, Sender},
};

/// What the thread is asked to do.
pub(super) enum Job {
    Write(Bundle),
    /// There are no more messages: the rest of the plan, and the end.
    Close(Box<FrozenPlan>),
}

/// Does `jobs` until one of them closes the plan, or nobody is left to give any.
pub(super) fn write(
    mut scribe: Scribe,
    planning: &Path,
    jobs: Receiver<Job>,
    written: &Sender<Bundle>,
) -> Result<(), WriteFault> {
    for job in jobs {
        match job {
            Job::Write(mut bundle) => {
                scribe.take(&bundle)?;
                bundle.clear();
                // Nobody waits for it when the plan is given up.
                drop(written.send(bundle));
            }
            Job::Close(plan) => return scribe.close(planning, &plan),
        }
    }
    Ok(())
}

/// A plan's file, and what has to be known of the messages so far.
pub(super) struct Scribe {
    pages: Pages,
    texts: Table,
    recipients: Table,
    row: Record,
    numbers: TextNumbers,
    /// The numbers of the texts of one bundle, and which of them are new.
    found: Vec<(u32, bool)>,
    packing: Packing,
    held: Option<Held>,
    /// Recipients in their table.
    written: u32,
    /// The text of the last of them.
    text: Option<u32>,
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

impl Scribe {
    /// For a plan in the order of its texts, or in that of its file.
    pub(super) fn new(pages: Pages, texts: Table, recipients: Table, by_text: bool) -> Self {
        Self {
            pages,
            texts,
            recipients,
            row: Record::default(),
            numbers: TextNumbers::default(),
            found: Vec::new(),
            packing: Packing::default(),
            held: by_text.then(Held::default),
            written: 0,
            text: None,
        }
    }

    fn take(&mut self, bundle: &Bundle) -> Result<(), WriteFault> {
        let mut found = std::mem::take(&mut self.found);
        self.numbers.number(bundle.texts().map(|text| text.body), &mut found);
        let mut texts = bundle.texts().zip(&found);
        let mut number = 0;
        for (line, is_other) in bundle.messages() {
            let mut is_new = false;
            if *is_other {
                let (text, found) = texts.next().expect("a bundle has a text for each of these");
                (number, is_new) = *found;
                if is_new {
                    self.store_text(text)?;
                }
            }
            match &mut self.held {
                Some(held) if number > 0 && is_new => held.first.push(*line),
                Some(held) if number > 0 => held.others.push((number, *line)),
                _ => self.store_recipient(*line, number)?,
            }
        }
        self.found = found;
        Ok(())
    }

    fn store_text(&mut self, text: Text<'_>) -> Result<(), WriteFault> {
        if !self.packing.has_room(text.body) {
            self.store_packed()?;
        }
        self.packing.push(text);
        Ok(())
    }

    fn store_packed(&mut self) -> Result<(), WriteFault> {
        if let Some(pack) = self.packing.whole() {
            let row = self.row.begin().null().blob(pack.sizes).blob(pack.carried).text(pack.bodies);
            self.texts.add(&mut self.pages, pack.first, row)?;
        }
        self.packing.begin_next();
        Ok(())
    }

    fn store_recipient(&mut self, line: Line, text: u32) -> Result<(), WriteFault> {
        let Line { to, row, price } = line;
        let column = text_column(self.written, text, self.text);
        let row = self.row.begin().null().integer(row).integer(int(to.digits()));
        let row = row.maybe(column).maybe(price.map(|id| id.0));
        self.recipients.add(&mut self.pages, self.written, row)?;
        self.written += 1;
        self.text = Some(text);
        Ok(())
    }

    fn close(mut self, planning: &Path, plan: &FrozenPlan) -> Result<(), WriteFault> {
        self.store_packed()?;
        let Held { first, mut others } = self.held.take().unwrap_or_default();
        others.sort_by_key(|(text, _)| *text); // stable: file order within a text
        let mut others = others.into_iter().peekable();
        for (text, line) in (1..).zip(first) {
            self.store_recipient(line, text)?;
            while let Some((_, line)) = others.next_if(|(other, _)| *other == text) {
                self.store_recipient(line, text)?;
            }
        }
        self.texts.finish(&mut self.pages)?;
        self.recipients.finish(&mut self.pages)?;
        self.pages.finish()?;
        let connection = connect(planning)?;
        let transaction = connection.unchecked_transaction()?;
        store_plan(&transaction, plan)?;
        start_standing(&transaction, self.written)?;
        transaction.commit()?;
        connection.close().map_err(|(_, source)| source.into())
    }
}
