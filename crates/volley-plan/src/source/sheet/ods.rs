//! `OpenDocument` workbooks (OASIS, version 1.3, part 3), and the sheets in them as rows.
//!
//! All sheets are in one part, one behind the other; it is read from its start to its end, and the
//! rows of one sheet are given on the way. Tags are told apart by their names without prefixes.

use super::{
    About, SheetRow, column_behind, no_sheet,
    package::{Package, Xml, add_text, attribute, attributes, check_length, damaged, unescaped},
    value::{Epoch, Shown, add_number, iso_moment, iso_time},
};
use crate::source::open::SourceFault;
use quick_xml::events::{BytesStart, Event};
use std::{
    collections::HashSet,
    io::{self, Read},
};

/// The most sheets that are told apart by their names and styles.
const MAX_SHEETS: usize = 10_000;
/// What the part `mimetype` begins with.
const MIMETYPE: &[u8] = b"application/vnd.oasis.opendocument.spreadsheet";

/// A sheet, row by row.
pub(super) struct OdsRows {
    xml: Xml,
    sheet: String,
    is_hidden: bool,
    others: usize,
    /// The number of the row before.
    last: u64,
    /// How many rows like that one are to come.
    repeats: u64,
    /// The cell at hand: the value that its tag has, and the text in it.
    value: String,
    text: String,
}

/// Whether an archive is such a workbook.
pub(super) fn is_in(package: &mut Package) -> io::Result<bool> {
    let Some(part) = package.part("mimetype")? else { return Ok(false) };
    let mut start = Vec::new();
    part.take(MIMETYPE.len() as u64).read_to_end(&mut start)?;
    Ok(start == MIMETYPE)
}

impl OdsRows {
    /// Finds the sheet of this name, or the first.
    pub(super) fn open(package: &mut Package, wanted: Option<&str>) -> io::Result<Self> {
        if is_encrypted(package)? {
            return Err(SourceFault::Password.into());
        }
        let mut xml = Xml::new(package.needed("content.xml")?);
        let (mut names, mut others) = (Vec::new(), 0);
        let (mut style, mut hidden_styles) = (None, HashSet::new());
        loop {
            match xml.next()? {
                Event::Start(_) if names.len().max(hidden_styles.len()) > MAX_SHEETS => {
                    return Err(damaged("it has more than 10,000 sheets"));
                }
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "style" => style = attribute(&tag, "name")?,
                    "table-properties" if attribute(&tag, "display")?.as_deref() == Some("false") => {
                        hidden_styles.extend(style.take());
                    }
                    "table" => {
                        let sheet = attribute(&tag, "name")?.unwrap_or_default();
                        if wanted.is_none_or(|wanted| wanted == sheet) {
                            let style = attribute(&tag, "style-name")?;
                            let is_hidden = style.is_some_and(|style| hidden_styles.contains(&style));
                            let (last, repeats) = (0, 0);
                            let (value, text) = (String::new(), String::new());
                            return Ok(Self { xml, sheet, is_hidden, others, last, repeats, value, text });
                        }
                        names.push(sheet);
                        others += usize::from(has_values(&mut xml)?);
                    }
                    _ => {}
                },
                Event::Eof => {
                    return Err(
                        wanted.map_or_else(|| damaged("it has no sheet"), |name| no_sheet(name, &names))
                    );
                }
                _ => {}
            }
        }
    }

    pub(super) fn about(&self) -> About<'_> {
        About { name: &self.sheet, is_hidden: self.is_hidden, others: self.others }
    }

    /// Reads the next row that has something in it; `false` at the end of the sheet, when what is
    /// behind it was read too.
    pub(super) fn next(&mut self, row: &mut SheetRow) -> io::Result<bool> {
        if self.repeats > 0 {
            self.repeats -= 1;
            self.last += 1;
            row.number = self.last;
            return Ok(true);
        }
        loop {
            match self.xml.next_inside()? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "table-row" => {
                        let count = start_row(&tag, self.last + 1, row)?;
                        self.cells(row)?;
                        if !row.cells.is_empty() {
                            self.last += 1;
                            self.repeats = u64::from(count) - 1;
                            return Ok(true);
                        }
                        self.last += u64::from(count);
                    }
                    "shapes" | "table" => self.xml.skip()?,
                    _ => {} // a group of rows
                },
                Event::End(tag) if tag.local_name().as_ref() == "table" => {
                    self.finish()?;
                    return Ok(false);
                }
                _ => {}
            }
        }
    }

    /// Reads the cells of a row that was begun, to its end.
    fn cells(&mut self, row: &mut SheetRow) -> io::Result<()> {
        let mut column = 0_u32;
        loop {
            match self.xml.next_inside()? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "table-cell" => {
                        let cell = Cell::read(&tag, &mut self.value)?;
                        self.paragraphs()?;
                        column = self.add(&cell, column, row)?;
                    }
                    // Another cell lies over it.
                    "covered-table-cell" => {
                        column = column.saturating_add(Cell::read(&tag, &mut self.value)?.count);
                        self.xml.skip()?;
                    }
                    _ => self.xml.skip()?,
                },
                Event::End(_) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Reads the paragraphs of a cell that was begun, to its end: each is a line.
    fn paragraphs(&mut self) -> io::Result<()> {
        self.text.clear();
        let mut is_first = true;
        loop {
            match self.xml.next_inside()? {
                Event::Start(tag) => {
                    if matches!(tag.local_name().as_ref(), "p" | "h") {
                        if !std::mem::take(&mut is_first) {
                            self.text.push('\n');
                        }
                        check_length(&self.text)?;
                        paragraph(&mut self.xml, &mut self.text)?;
                    } else {
                        self.xml.skip()?; // a note, or a picture
                    }
                }
                Event::End(_) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Adds the cell at hand to `row` as often as it says, and gives the column behind it.
    fn add(&mut self, cell: &Cell, column: u32, row: &mut SheetRow) -> io::Result<u32> {
        let Self { value, text, .. } = self;
        match cell.kind {
            // An error has a text and an empty value.
            CellKind::Text if !value.is_empty() && !cell.is_error => std::mem::swap(value, text),
            CellKind::Text => {}
            CellKind::Number => {
                text.clear();
                let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
                let wrong = || damaged(format!("a cell of row {} is no number", row.number));
                add_number(number.ok_or_else(wrong)?, Shown::Number, Epoch::default(), text);
            }
            CellKind::Boolean => if value == "true" { "TRUE" } else { "FALSE" }.clone_into(text),
            CellKind::Moment => iso_moment(value).clone_into(text),
            CellKind::Time => *text = iso_time(value),
        }
        let is_uncomputed = cell.has_formula && !cell.has_type;
        let behind = column.saturating_add(cell.count);
        if !text.is_empty() || is_uncomputed {
            for column in column..behind {
                let last = column.checked_sub(1);
                row.add(column_behind(column, last, row.number)?, text, cell.has_formula || cell.is_error)?;
            }
        }
        Ok(behind)
    }

    /// Reads on to the end, past the other sheets.
    fn finish(&mut self) -> io::Result<()> {
        loop {
            match self.xml.next()? {
                Event::Start(tag) if tag.local_name().as_ref() == "table" => {
                    self.others += usize::from(has_values(&mut self.xml)?);
                }
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }
}

/// Begins a row and says how many rows it stands for, at least 1.
fn start_row(tag: &BytesStart<'_>, number: u64, row: &mut SheetRow) -> io::Result<u32> {
    let (mut count, mut is_hidden) = (1, false);
    attributes(tag, |name, value| {
        match name {
            "number-rows-repeated" => count = repeated(value)?,
            "visibility" => is_hidden = value != "visible",
            _ => {}
        }
        Ok(())
    })?;
    row.start(number, is_hidden);
    Ok(count)
}

/// How often a row or a cell is there.
fn repeated(value: &str) -> io::Result<u32> {
    let count = value.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| damaged("a row or cell is repeated as often as none can be"))
}

/// What the tag of a cell says, but for its value.
struct Cell {
    /// How many cells it stands for, at least 1.
    count: u32,
    kind: CellKind,
    has_type: bool,
    has_formula: bool,
    is_error: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Text,
    Number,
    Boolean,
    Moment,
    Time,
}

impl Cell {
    /// Reads a tag, and the value that it may have into `into`.
    fn read(tag: &BytesStart<'_>, into: &mut String) -> io::Result<Self> {
        let mut cell =
            Self { count: 1, kind: CellKind::Text, has_type: false, has_formula: false, is_error: false };
        into.clear();
        attributes(tag, |name, value| {
            match name {
                "number-columns-repeated" => cell.count = repeated(value)?,
                "formula" => cell.has_formula = true,
                // Two attributes have this name; what is an error to one of them is a text to the other.
                "value-type" if value == "error" => cell.is_error = true,
                "value-type" => {
                    cell.has_type = true;
                    cell.kind = match value {
                        "float" | "percentage" | "currency" => CellKind::Number,
                        "boolean" => CellKind::Boolean,
                        "date" => CellKind::Moment,
                        "time" => CellKind::Time,
                        _ => CellKind::Text,
                    };
                }
                "value" | "string-value" | "date-value" | "time-value" | "boolean-value" => {
                    into.clear();
                    into.push_str(&unescaped(value)?);
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(cell)
    }
}

/// Adds the text of a paragraph that was begun, to its end.
fn paragraph(xml: &mut Xml, into: &mut String) -> io::Result<()> {
    let mut depth = 1_u64;
    while depth > 0 {
        match xml.next_inside()? {
            Event::Start(tag) if tag.local_name().as_ref() == "annotation" => {
                xml.skip()?;
            }
            Event::Start(tag) => {
                add_space(&tag, into)?;
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            event => add_text(&event, into)?,
        }
    }
    Ok(())
}

/// Adds the blanks that a tag stands for.
fn add_space(tag: &BytesStart<'_>, into: &mut String) -> io::Result<()> {
    match tag.local_name().as_ref() {
        "s" => {
            let count = attribute(tag, "c")?.and_then(|count| count.parse::<u16>().ok()).unwrap_or(1);
            into.extend(std::iter::repeat_n(' ', count.into()));
        }
        "tab" => into.push('\t'),
        "line-break" => into.push('\n'),
        _ => {}
    }
    check_length(into)
}

/// Whether a sheet that was begun has something in it; reads to its end.
fn has_values(xml: &mut Xml) -> io::Result<bool> {
    let (mut depth, mut found) = (1_u64, false);
    while depth > 0 {
        match xml.next_inside()? {
            Event::Start(tag) => {
                depth += 1;
                let is_cell = tag.local_name().as_ref() == "table-cell";
                found = found || (is_cell && attribute(&tag, "value-type")?.is_some());
            }
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    Ok(found)
}

/// Whether a password is needed to read the parts.
fn is_encrypted(package: &mut Package) -> io::Result<bool> {
    let Some(part) = package.part("META-INF/manifest.xml")? else { return Ok(false) };
    let mut xml = Xml::new(part);
    loop {
        match xml.next()? {
            Event::Start(tag) if tag.local_name().as_ref() == "encryption-data" => {
                return Ok(true);
            }
            Event::Eof => return Ok(false),
            _ => {}
        }
    }
}
