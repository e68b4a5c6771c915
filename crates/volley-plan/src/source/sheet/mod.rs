//! Sheets of workbooks become records, as if they were CSV.
//!
//! A sheet is read row by row while it is unpacked and never held; what is held of a workbook is
//! its table of texts. The first row with something in it is the header: rows are as wide as it
//! is, so none is too short, and wholly empty ones are skipped and counted like blank lines.
//! A cell is the text that its file says, dates are ISO 8601, numbers have no exponent and no
//! `.0`. The value of a formula and an error are marked as computed. Hidden rows are read like the
//! others; that, and sheets that were not read, [`SheetBlocks::notes`] tells.

mod ods; // content.xml -> rows
mod package; // the zip archive, and the XML in it
mod value; // numbers and dates -> text
mod xlsx; // workbook.xml, styles, shared strings, a sheet -> rows

use super::{
    Block,
    open::{GIB, Progress, SourceFault, Watched},
};
use crate::words::shown;
use ods::OdsRows;
use package::Package;
use std::{io, sync::Arc};
use xlsx::XlsxRows;

/// The most records of a block.
const BLOCK_ROWS: usize = 4 * 1024;
/// The bytes and the cells that a block ends after.
const BLOCK_BYTES: usize = 256 * 1024;
const BLOCK_CELLS: usize = 64 * 1024;
/// The longest row, in bytes.
const MAX_ROW: usize = 16 * 1024 * 1024;
/// The most that the rows of a sheet come to, in bytes: a row of an .ods sheet may be written once
/// and stand for a million.
const MAX_GIVEN: u64 = 4 * GIB;
/// The columns of a sheet, A to XFD.
const COLUMNS: u32 = 16_384;
/// The rows of the largest sheets that `LibreOffice` has; others end at 1,048,576.
const ROWS: u64 = 16 * 1024 * 1024;

/// The kinds of workbooks that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Office Open XML (ECMA-376).
    Xlsx,
    /// `OpenDocument` (OASIS, version 1.3).
    Ods,
}

impl Kind {
    /// For people.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Xlsx => "an .xlsx workbook",
            Self::Ods => "an .ods workbook",
        }
    }

    /// What an archive holds.
    fn of(package: &mut Package) -> io::Result<Option<Self>> {
        if ods::is_in(package)? {
            return Ok(Some(Self::Ods));
        }
        Ok(xlsx::is_in(package)?.then_some(Self::Xlsx))
    }
}

/// The records of one sheet.
pub(crate) struct SheetBlocks {
    rows: Rows,
    row: SheetRow,
    watched: Arc<Watched>,
    /// Whether the sheet was asked for by its name.
    is_named: bool,
    /// The columns of the header; `None` before it.
    width: Option<u32>,
    /// The sheet's own number of the row before.
    last: u64,
    blank_rows: u64,
    hidden_rows: u64,
    given: u64,
    /// What comes after the records that were given.
    fault: Option<io::Error>,
    at_end: bool,
}

enum Rows {
    Xlsx(XlsxRows),
    Ods(OdsRows),
}

/// What is to be said of a sheet that was read to its end.
struct About<'a> {
    name: &'a str,
    is_hidden: bool,
    /// How many other sheets have something in them.
    others: usize,
}

/// One row that has something in it.
#[derive(Default)]
struct SheetRow {
    /// The sheet's own number of it, from 1.
    number: u64,
    is_hidden: bool,
    /// There is a formula in it that was never computed: nobody knows whether it is blank.
    has_uncomputed: bool,
    text: String,
    /// Only cells with something in them, and such formulas.
    cells: Vec<SheetCell>,
}

struct SheetCell {
    /// From 0.
    column: u32,
    /// The end of its text; its start is where the cell before it ends.
    end: usize,
    is_computed: bool,
}

impl SheetRow {
    fn start(&mut self, number: u64, is_hidden: bool) {
        self.number = number;
        self.is_hidden = is_hidden;
        self.has_uncomputed = false;
        self.text.clear();
        self.cells.clear();
    }

    /// Adds a cell to the right of the others.
    fn add(&mut self, column: u32, text: &str, is_computed: bool) -> Result<(), SourceFault> {
        if self.text.len() + text.len() > MAX_ROW {
            return Err(SourceFault::LongRow { row: self.number });
        }
        self.has_uncomputed |= text.is_empty();
        self.text.push_str(text);
        self.cells.push(SheetCell { column, end: self.text.len(), is_computed });
        Ok(())
    }

    fn is_blank(&self) -> bool {
        !self.has_uncomputed && self.text.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
    }
}

impl SheetBlocks {
    /// Opens a workbook whose name says that it is of this kind, and finds the sheet.
    pub(super) fn open(watched: Watched, named: Kind, sheet: Option<&str>) -> io::Result<Self> {
        let watched = Arc::new(watched);
        let mut package = Package::open(Arc::clone(&watched))?;
        let found = Kind::of(&mut package)?;
        if found != Some(named) {
            let meant = named.words().to_owned();
            let (found, remedy) = match found {
                Some(Kind::Xlsx) => (Kind::Xlsx.words(), "let its name end in .xlsx"),
                Some(Kind::Ods) => (Kind::Ods.words(), "let its name end in .ods"),
                None => ("a zip archive without a workbook", "unpack it, or export the list as CSV in UTF-8"),
            };
            return Err(SourceFault::OtherContent { meant, found: found.to_owned(), remedy }.into());
        }
        let rows = match named {
            Kind::Xlsx => Rows::Xlsx(XlsxRows::open(&mut package, sheet)?),
            Kind::Ods => Rows::Ods(OdsRows::open(&mut package, sheet)?),
        };
        Ok(Self {
            rows,
            row: SheetRow::default(),
            watched,
            is_named: sheet.is_some(),
            width: None,
            last: 0,
            blank_rows: 0,
            hidden_rows: 0,
            given: 0,
            fault: None,
            at_end: false,
        })
    }

    /// Fills `block` with the next records, the header being the first of all; without any at the
    /// end of the sheet. Records before a fault are given before it.
    pub(crate) fn fill(&mut self, block: &mut Block) -> io::Result<()> {
        block.clear();
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut cells = 0;
        while !self.at_end
            && block.len() < BLOCK_ROWS
            && block.bytes.len() < BLOCK_BYTES
            && cells < BLOCK_CELLS
        {
            match self.read() {
                Ok(true) => cells += self.add(block),
                Ok(false) => self.at_end = true,
                Err(fault) => {
                    self.at_end = true;
                    if block.len() == 0 {
                        return Err(fault);
                    }
                    self.fault = Some(fault);
                }
            }
        }
        Ok(())
    }

    /// Reads the next row that is not blank; `false` at the end.
    fn read(&mut self) -> io::Result<bool> {
        loop {
            let more = match &mut self.rows {
                Rows::Xlsx(rows) => rows.next(&mut self.row),
                Rows::Ods(rows) => rows.next(&mut self.row),
            };
            if !more? {
                self.watched.check()?;
                return Ok(false);
            }
            if self.row.is_blank() {
                continue;
            }
            if self.row.number > ROWS {
                return Err(package::damaged("it has more rows than a sheet can have"));
            }
            self.given += self.row.text.len() as u64;
            if self.given > MAX_GIVEN {
                return Err(SourceFault::TooLarge { what: "the sheet", limit: "4 GiB" }.into());
            }
            // Empty rows need not be in the file at all.
            self.blank_rows += self.row.number.saturating_sub(self.last + 1);
            self.last = self.row.number;
            self.hidden_rows += u64::from(self.row.is_hidden);
            return Ok(true);
        }
    }

    /// Adds the row that was read as a record and says how many cells it has.
    fn add(&mut self, block: &mut Block) -> usize {
        let row = &self.row;
        let behind_last = row.cells.last().map_or(0, |cell| cell.column + 1);
        let width = *self.width.get_or_insert(behind_last);
        let base = block.bytes.len();
        block.bytes.push(row.text.as_bytes());
        let (mut start, mut column) = (base, 0);
        let fill_up = |block: &mut Block, at: usize, columns: std::ops::Range<u32>| {
            columns.for_each(|_| block.add_cell(at..at));
        };
        for cell in &row.cells {
            // Empty cells behind the header's width are none.
            fill_up(block, start, column..cell.column.min(width));
            let place = start..base + cell.end;
            start = place.end;
            column = cell.column + 1;
            if cell.is_computed {
                block.add_computed_cell(place);
            } else {
                block.add_cell(place);
            }
        }
        fill_up(block, start, column..width);
        let cells = block.unfinished();
        block.end_record(row.number, false);
        cells
    }

    /// How far the reading of the file is.
    pub(super) fn progress(&self) -> Progress {
        self.watched.progress.clone()
    }

    /// Empty rows above the last one that is not.
    pub(crate) fn blank_rows(&self) -> u64 {
        self.blank_rows
    }

    /// How many other sheets have something in them.
    pub(crate) fn others(&self) -> usize {
        self.about().others
    }

    fn about(&self) -> About<'_> {
        match &self.rows {
            Rows::Xlsx(rows) => rows.about(),
            Rows::Ods(rows) => rows.about(),
        }
    }

    /// What a person should know of the sheet, a sentence each; complete at its end.
    pub(crate) fn notes(&self) -> Vec<String> {
        let About { name, is_hidden, others } = self.about();
        let name = shown(name);
        let mut notes = Vec::new();
        if others > 0 && !self.is_named {
            let (sheets, hold) = if others == 1 { ("sheet", "holds") } else { ("sheets", "hold") };
            notes.push(format!(
                "the first sheet was read, `{name}`; {others} other {sheets} {hold} something too; \
                 recipients.sheet names the one to read"
            ));
        }
        if is_hidden {
            notes.push(format!("the sheet that was read, `{name}`, is a hidden one"));
        }
        if self.hidden_rows > 0 {
            let (rows, were) = if self.hidden_rows == 1 { ("row", "was") } else { ("rows", "were") };
            notes.push(format!(
                "{} hidden {rows} of the sheet `{name}` {were} read like the others; a filter hides rows, \
                 it does not remove them",
                self.hidden_rows
            ));
        }
        notes
    }
}

/// The column of a cell that stands behind the one before it in its row.
fn column_behind(column: u32, last: Option<u32>, row: u64) -> io::Result<u32> {
    if column < COLUMNS && last.is_none_or(|last| column > last) {
        Ok(column)
    } else {
        Err(package::damaged(format!("row {row} has a cell where none can be")))
    }
}

/// What a sheet is refused for whose name is not there.
fn no_sheet(wanted: &str, sheets: &[String]) -> io::Error {
    SourceFault::NoSheet { wanted: shown(wanted), sheets: crate::words::listed(sheets) }.into()
}

#[cfg(test)]
mod tests; // the same workbooks read by calamine, and damaged ones
