//! The recipients of a plan, from and to their table.
//!
//! Most recipients of a personal campaign get a text that nobody got before, so most texts are
//! the one behind the recipient's before. The column `text` is null there, which saves three
//! bytes a recipient: an eighth of the table.

use crate::{
    packs::{Text, Texts},
    schema::Fault,
    stored::msisdn,
};
use rusqlite::{Connection, Rows, Statement};
use std::ops::Range;
use volley_core::{Micros, Msisdn, Position, RowNumber};

/// At least one in so many recipients has the number of their text written down, so that a reader
/// who starts anywhere looks back over so many at most.
const MOST_WITHOUT_A_NUMBER: u32 = 256;

/// What the column `text` has for the recipient at `position` who gets `text`, behind one who gets
/// `before`.
pub(crate) fn text_column(position: u32, text: u32, before: Option<u32>) -> Option<u32> {
    let follows = before.and_then(|before| before.checked_add(1)) == Some(text);
    (!follows || position.is_multiple_of(MOST_WITHOUT_A_NUMBER)).then_some(text)
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) position: u32,
    pub(crate) row: RowNumber,
    pub(crate) to: Msisdn,
    /// The number of their text.
    pub(crate) text: u32,
    /// Which of the plan's prices applies.
    pub(crate) price: Option<u16>,
}

/// The statement that [`Recipients::of`] runs.
pub(crate) const SELECT: &str = "SELECT position, row, msisdn, text, price FROM recipient
                                 WHERE position >= ? AND position < ? ORDER BY position";

/// Recipients in plan order.
pub(crate) struct Recipients<'statement> {
    rows: Rows<'statement>,
    /// The recipient read last whose text has its number written down: their place and that number.
    known: Option<(u32, u32)>,
}

impl<'statement> Recipients<'statement> {
    /// Those at `positions`. `select` is [`SELECT`], prepared on `connection`.
    pub(crate) fn of(
        connection: &Connection,
        select: &'statement mut Statement<'_>,
        positions: Range<u32>,
    ) -> Result<Self, Fault> {
        let mut back = connection.prepare_cached(
            "SELECT position, text FROM recipient WHERE position < ? AND text IS NOT NULL
             ORDER BY position DESC LIMIT 1",
        )?;
        let mut found = back.query([positions.start])?;
        let known = found.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?)));
        let known = known.transpose()?;
        Ok(Self { rows: select.query([positions.start, positions.end])?, known })
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> Result<Option<Recipient>, Fault> {
        let Some(row) = self.rows.next()? else { return Ok(None) };
        let position = row.get(0)?;
        if let Some(text) = row.get(3)? {
            self.known = Some((position, text));
        }
        let text = self.known.and_then(|(at, text)| text.checked_add(position.checked_sub(at)?));
        let unnumbered = || Fault::Damaged(format!("the text of recipient {position} has no number"));
        Ok(Some(Recipient {
            position,
            row: RowNumber(row.get(1)?),
            to: msisdn(row.get(2)?)?,
            text: text.ok_or_else(unnumbered)?,
            price: row.get(4)?,
        }))
    }
}

/// One message of a plan as its journal has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedMessage<'a> {
    /// Its place in the plan.
    pub position: Position,
    /// Where in the input it came from.
    pub row: RowNumber,
    /// Who gets it.
    pub to: Msisdn,
    /// What they get.
    pub text: &'a str,
    /// Segments of that text, 1 to 255.
    pub segments: u16,
    /// What it costs; `None` without a rate card.
    pub cost: Option<Micros>,
}

/// Shows `each` every recipient with their text, in plan order.
pub(crate) fn for_each_recipient(
    connection: &Connection,
    mut each: impl FnMut(&Recipient, Text<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut texts = Texts::default();
    let mut select = connection.prepare(SELECT)?;
    let mut recipients = Recipients::of(connection, &mut select, 0..u32::MAX)?;
    while let Some(one) = recipients.next()? {
        each(&one, texts.get(connection, one.text)?)?;
    }
    Ok(())
}
