//! Many texts in one row of the table `text`, and back.
//!
//! A row holds some hundred short texts, one directly behind the other, so that a plan of
//! millions of personal texts costs little more than their bytes. What is read back is held
//! against itself: the sizes must add up to the bodies, and the runs to the sizes.

use crate::schema::Fault;
use rusqlite::{Connection, OptionalExtension, Row};
use volley_core::{Encoding, MAX_SEGMENTS, Segments};

/// The most bytes of a row that holds more than one text: what fills four overflow pages of 4,092
/// bytes, and the 489 bytes that SQLite then leaves in the table's own page. A row that is
/// shorter by less than a text wastes less than a text (sqlite.org/fileformat2.html, section
/// 1.6). Ten bytes go to the row's own header. Larger rows are written a little faster, and a
/// text that is asked for out of order has more in front of it that must be read too.
const MOST_BYTES: usize = 4 * 4_092 + 489 - 10;

/// The most bytes of one number as [`put`] writes it.
const MOST_BYTES_A_NUMBER: usize = 5;

/// How the network carries a text: what is stored of [`Segments`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carriage {
    pub(crate) encoding: Encoding,
    /// 1 to 255.
    pub(crate) segments: u8,
}

impl Carriage {
    /// `None` for a text of more segments than can be sent.
    pub(crate) fn of(segments: Segments) -> Option<Self> {
        let count = u8::try_from(segments.count).ok().filter(|count| *count > 0)?;
        Some(Self { encoding: segments.encoding, segments: count })
    }

    /// As the column `carried` has it.
    fn number(self) -> u32 {
        u32::from(self.segments) * 2 + u32::from(self.encoding == Encoding::Ucs2)
    }

    fn from_number(number: u32) -> Option<Self> {
        let encoding = if number.is_multiple_of(2) { Encoding::Gsm7 } else { Encoding::Ucs2 };
        let segments = u8::try_from(number / 2).ok().filter(|count| *count > 0)?;
        Some(Self { encoding, segments })
    }
}

const _: () = assert!(MAX_SEGMENTS == u8::MAX as u32, "a byte holds every count of segments");

/// A text as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    pub(crate) body: &'a str,
    pub(crate) carriage: Carriage,
}

/// The next row of texts, growing.
#[derive(Default)]
pub(crate) struct Packing {
    /// The number of its first text.
    first: u32,
    texts: u32,
    sizes: Vec<u8>,
    carried: Vec<u8>,
    /// The last run of texts that are carried alike, not in `carried` yet.
    run: Option<(Carriage, u32)>,
    bodies: String,
}

impl Packing {
    /// Whether `body` belongs into this row: it fits, or nothing else is there.
    pub(crate) fn has_room(&self, body: &str) -> bool {
        let bytes = self.sizes.len() + self.carried.len() + self.bodies.len();
        // The text's own size and run, and the run that is not written yet.
        let numbers = 5 * MOST_BYTES_A_NUMBER;
        self.texts == 0 || bytes + body.len() + numbers <= MOST_BYTES
    }

    /// Adds the next text.
    pub(crate) fn push(&mut self, text: Text<'_>) {
        let size = u32::try_from(text.body.len()).expect("a text is shorter than 4 GiB");
        put(&mut self.sizes, size);
        self.bodies.push_str(text.body);
        self.texts += 1;
        match &mut self.run {
            Some((carriage, texts)) if *carriage == text.carriage => *texts += 1,
            _ => {
                self.end_run();
                self.run = Some((text.carriage, 1));
            }
        }
    }

    /// The row as it is stored, unless nothing is in it.
    pub(crate) fn whole(&mut self) -> Option<Packed<'_>> {
        self.end_run();
        let Self { first, texts, sizes, carried, bodies, .. } = self;
        (*texts > 0).then_some(Packed { first: *first, sizes, carried, bodies })
    }

    /// Begins the next row, for the texts behind those of this one.
    pub(crate) fn begin_next(&mut self) {
        self.first += self.texts;
        self.texts = 0;
        self.sizes.clear();
        self.carried.clear();
        self.bodies.clear();
    }

    fn end_run(&mut self) {
        if let Some((carriage, texts)) = self.run.take() {
            put(&mut self.carried, texts);
            put(&mut self.carried, carriage.number());
        }
    }
}

/// The columns of a row of texts.
pub(crate) struct Packed<'a> {
    pub(crate) first: u32,
    pub(crate) sizes: &'a [u8],
    pub(crate) carried: &'a [u8],
    pub(crate) bodies: &'a str,
}

/// One row of texts, read back.
#[derive(Default)]
pub(crate) struct Pack {
    pub(crate) first: u32,
    /// Where each text ends in `bodies`, and how it is carried.
    texts: Vec<(u32, Carriage)>,
    bodies: String,
}

impl Pack {
    /// Reads the columns `first`, `sizes`, `carried` and `bodies` of `row`. What was held before
    /// is gone, also where they contradict each other.
    pub(crate) fn read(&mut self, row: &Row<'_>) -> Result<(), Fault> {
        self.texts.clear();
        self.bodies.clear();
        let first: i64 = row.get(0)?;
        let damaged = |what| Fault::Damaged(format!("the texts from number {first} on {what}"));
        self.first = u32::try_from(first).map_err(|_| damaged("have a number that no text has"))?;
        let bodies = row.get_ref(3)?.as_str().map_err(|_| damaged("are not UTF-8"))?;
        let filled = match (row.get_ref(1)?.as_blob(), row.get_ref(2)?.as_blob()) {
            (Ok(sizes), Ok(carried)) => self.fill(sizes, carried, bodies),
            _ => None,
        };
        if filled.is_none() {
            self.texts.clear();
            return Err(damaged("do not add up"));
        }
        self.bodies.push_str(bodies);
        Ok(())
    }

    /// `None` unless `sizes` and `carried` speak of the same texts, and these are `bodies`.
    fn fill(&mut self, mut sizes: &[u8], mut carried: &[u8], bodies: &str) -> Option<()> {
        let mut end = 0_u32;
        while !carried.is_empty() {
            let texts = take(&mut carried)?;
            let carriage = Carriage::from_number(take(&mut carried)?)?;
            for _ in 0..texts {
                end = end.checked_add(take(&mut sizes)?)?;
                bodies.is_char_boundary(end as usize).then_some(())?;
                self.texts.push((end, carriage));
            }
        }
        let all = sizes.is_empty() && end as usize == bodies.len();
        let numbered = self.first.checked_add(u32::try_from(self.texts.len()).ok()?).is_some();
        (all && numbered && !self.texts.is_empty()).then_some(())
    }

    /// The number behind its last text's.
    pub(crate) fn end(&self) -> u32 {
        self.first + u32::try_from(self.texts.len()).expect("looked at when it was read")
    }

    /// Its texts with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, Text<'_>)> {
        (self.first..self.end()).filter_map(|number| Some((number, self.get(number)?)))
    }

    /// The text of this number, if it is in this row.
    pub(crate) fn get(&self, number: u32) -> Option<Text<'_>> {
        let index = number.checked_sub(self.first)? as usize;
        let (end, carriage) = *self.texts.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.texts[before].0);
        Some(Text { body: &self.bodies[start as usize..end as usize], carriage })
    }
}

/// The plan's texts by their numbers. Holds the row it looked into last: who asks for texts in
/// their order, or for neighbours, reads each row once.
#[derive(Default)]
pub(crate) struct Texts {
    held: Pack,
}

impl Texts {
    /// The text of this number in the journal behind `connection`, the same one every time.
    pub(crate) fn get(&mut self, connection: &Connection, number: u32) -> Result<Text<'_>, Fault> {
        if self.held.get(number).is_none() {
            let mut statement = connection.prepare_cached(
                "SELECT first, sizes, carried, bodies FROM text WHERE first <= ? ORDER BY first DESC LIMIT 1",
            )?;
            let mut rows = statement.query([number])?;
            match rows.next()? {
                Some(row) => self.held.read(row)?,
                None => return Err(missing(number)),
            }
        }
        self.held.get(number).ok_or_else(|| missing(number))
    }
}

fn missing(number: u32) -> Fault {
    Fault::Damaged(format!("text {number} is missing"))
}

/// How many texts the plan has.
pub(crate) fn count_texts(connection: &Connection) -> Result<u32, Fault> {
    let last: Option<u32> =
        connection.query_row("SELECT max(first) FROM text", [], |row| row.get(0)).optional()?.flatten();
    let Some(last) = last else { return Ok(0) };
    let mut texts = Texts::default();
    texts.get(connection, last)?;
    Ok(texts.held.end())
}

/// Appends a number: seven bits a byte, the lowest first, the top bit set in all but the last.
fn put(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Takes one number off the front; `None` where none is whole, or larger than 32 bits.
fn take(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if *byte < 0x80 {
            return u32::try_from(number).ok();
        }
    }
    None
}
