//! A list's records in pieces of some hundred kilobytes: their bytes, and where each cell lies.
//!
//! A block owns what it holds and is filled again and again: once its buffers have grown, a record
//! costs no allocation. Readers of CSV and of workbooks fill blocks; nobody behind them knows
//! which of the two a list was.

use crate::{buffer::Buffer, texts::Value};
use std::{ops::Range, str};
use volley_core::RowNumber;

/// Whole records, in the order of the list.
#[derive(Default)]
pub(crate) struct Block {
    /// What the cells lie in.
    pub(crate) bytes: Buffer,
    /// The row of its first record.
    pub(crate) first_row: u32,
    cells: Vec<Cell>,
    records: Vec<Record>,
    /// Whether some cell is [`COMPUTED`].
    has_computed: bool,
}

/// Where a cell lies in the bytes of its block.
#[derive(Clone, Copy)]
struct Cell {
    start: u32,
    /// Its end; [`COMPUTED`] is added to it.
    end: u32,
}

/// Marks a cell that no person typed.
const COMPUTED: u32 = 1 << 31;

#[derive(Clone, Copy)]
struct Record {
    /// Behind its last cell; its first is where the record before it ends.
    cells_end: u32,
    spoiled: bool,
    line: u64,
}

/// One record of a list, the header not counted.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) number: RowNumber,
    /// The line of the file that it begins on, counted from 1.
    pub(crate) line: u64,
    pub(crate) cells: Cells<'a>,
    /// Text follows a closing quote in it.
    pub(crate) spoiled: bool,
}

/// The cells of one record.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    bytes: &'a [u8],
    /// The same bytes, where all of them are known to be text.
    text: Option<&'a str>,
    places: &'a [Cell],
    /// Whether some cell of their block is [`COMPUTED`].
    some_computed: bool,
}

/// The cells of one record, to keep.
pub(crate) struct OwnedCells {
    bytes: Vec<u8>,
    cells: Vec<Cell>,
}

impl Block {
    /// Forgets what it holds and keeps its buffers.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.cells.clear();
        self.records.clear();
        self.has_computed = false;
    }

    /// How many records it holds.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// The record `index`, below [`len`](Self::len).
    pub(crate) fn row(&self, index: usize) -> Row<'_> {
        let Record { cells_end, spoiled, line } = self.records[index];
        let start = index.checked_sub(1).map_or(0, |before| self.records[before].cells_end);
        let places = &self.cells[start as usize..cells_end as usize];
        let cells = Cells { bytes: &self.bytes, text: None, places, some_computed: self.has_computed };
        Row { number: self.number(index), line, cells, spoiled }
    }

    /// The row number of the record `index`.
    pub(crate) fn number(&self, index: usize) -> RowNumber {
        RowNumber(self.first_row + offset(index))
    }

    /// Its records in order. Whether they are UTF-8 is found for all of them at once.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let text = simdutf8::basic::from_utf8(&self.bytes).ok();
        let mut behind = self.cells.as_slice();
        let mut cells_start = 0;
        (self.first_row..).zip(&self.records).map(move |(number, record)| {
            let (places, others) = behind.split_at((record.cells_end - cells_start) as usize);
            (behind, cells_start) = (others, record.cells_end);
            let cells = Cells { bytes: &self.bytes, text, places, some_computed: self.has_computed };
            Row { number: RowNumber(number), line: record.line, cells, spoiled: record.spoiled }
        })
    }

    /// Takes its first record off the front. What is behind it keeps its row numbers.
    pub(crate) fn drop_first(&mut self) {
        let first = self.records.remove(0);
        self.cells.drain(..first.cells_end as usize);
        self.records.iter_mut().for_each(|record| record.cells_end -= first.cells_end);
    }

    /// Adds the next cell of the record that is being made; `place` lies in the bytes.
    pub(crate) fn add_cell(&mut self, place: Range<usize>) {
        self.cells.push(Cell { start: offset(place.start), end: offset(place.end) });
    }

    /// The same of a cell that no person typed: the value of a formula, or an error that stands in
    /// its place. Only workbooks tell them apart.
    pub(crate) fn add_computed_cell(&mut self, place: Range<usize>) {
        self.cells.push(Cell { start: offset(place.start), end: offset(place.end) | COMPUTED });
        self.has_computed = true;
    }

    /// How many cells the record has that is being made.
    pub(crate) fn unfinished(&self) -> usize {
        self.cells.len() - self.ended()
    }

    /// Makes a record of the cells since the last one.
    pub(crate) fn end_record(&mut self, line: u64, spoiled: bool) {
        self.records.push(Record { cells_end: offset(self.cells.len()), spoiled, line });
    }

    /// Takes back the cells since the last record.
    pub(crate) fn drop_unfinished(&mut self) {
        self.cells.truncate(self.ended());
    }

    /// Where cell `index` of the record that is being made lies.
    pub(crate) fn place(&self, index: usize) -> Range<usize> {
        self.cells[self.ended() + index].place()
    }

    /// Moves the end of cell `index` of the record that is being made.
    pub(crate) fn shorten(&mut self, index: usize, end: usize) {
        let index = self.ended() + index;
        self.cells[index].end = offset(end);
    }

    /// Behind the last cell of the last record.
    fn ended(&self) -> usize {
        self.records.last().map_or(0, |record| record.cells_end as usize)
    }
}

impl Cell {
    fn place(self) -> Range<usize> {
        self.start as usize..(self.end & !COMPUTED) as usize
    }
}

impl<'a> Cells<'a> {
    /// How many there are.
    pub(crate) fn len(self) -> usize {
        self.places.len()
    }

    /// Cell `index`, or `None` behind the last.
    pub(crate) fn get(self, index: usize) -> Option<&'a [u8]> {
        self.places.get(index).map(|cell| &self.bytes[cell.place()])
    }

    /// Whether each cell is text.
    pub(crate) fn are_utf8(self) -> bool {
        self.text.is_some() || self.iter().all(|cell| str::from_utf8(cell).is_ok())
    }

    /// Cell `index` of a row that was found to be UTF-8 and long enough.
    #[inline]
    pub(crate) fn text(self, index: usize) -> &'a str {
        let place = self.places[index].place();
        let text = match self.text {
            Some(text) => text.get(place),
            None => str::from_utf8(&self.bytes[place]).ok(),
        };
        text.expect("the row was checked to be UTF-8")
    }

    /// The same as the value of a variable.
    #[inline]
    pub(crate) fn value(self, index: usize) -> Value<'a> {
        let place = self.places[index].place();
        match self.text {
            Some(text) => Value::within(text, place),
            None => Value::from(self.text(index)),
        }
    }

    /// All of them in order.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.places.iter().map(move |cell| &self.bytes[cell.place()])
    }

    /// Whether some cell near them is the value of a formula, or an error in its place.
    pub(crate) fn may_be_computed(self) -> bool {
        self.some_computed
    }

    /// Whether cell `index` is the value of a formula, or an error in its place.
    pub(crate) fn is_computed(self, index: usize) -> bool {
        self.places.get(index).is_some_and(|cell| cell.end & COMPUTED != 0)
    }

    /// A copy to keep.
    pub(crate) fn to_owned(self) -> OwnedCells {
        let mut owned = OwnedCells { bytes: Vec::new(), cells: Vec::with_capacity(self.places.len()) };
        for cell in self.places {
            let start = offset(owned.bytes.len());
            owned.bytes.extend_from_slice(&self.bytes[cell.place()]);
            let end = offset(owned.bytes.len()) | (cell.end & COMPUTED);
            owned.cells.push(Cell { start, end });
        }
        owned
    }
}

impl OwnedCells {
    /// A record of these cells.
    #[cfg(test)]
    pub(crate) fn of<'a>(cells: impl IntoIterator<Item = &'a str>) -> Self {
        let mut owned = Self { bytes: Vec::new(), cells: Vec::new() };
        for cell in cells {
            let start = offset(owned.bytes.len());
            owned.bytes.extend_from_slice(cell.as_bytes());
            owned.cells.push(Cell { start, end: offset(owned.bytes.len()) });
        }
        owned
    }

    /// The cells.
    pub(crate) fn cells(&self) -> Cells<'_> {
        let some_computed = self.cells.iter().any(|cell| cell.end & COMPUTED != 0);
        Cells { bytes: &self.bytes, text: None, places: &self.cells, some_computed }
    }
}

fn offset(place: usize) -> u32 {
    u32::try_from(place).expect("a block is far below 2³¹ bytes")
}
