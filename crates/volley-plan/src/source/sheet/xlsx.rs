//! Office Open XML workbooks (ECMA-376), and the sheets in them as rows.
//!
//! Looked at are the list of sheets, the table of texts, which formats show dates, and one sheet;
//! of the others whether they have something in them. Tags are told apart by their names without
//! prefixes, which the transitional and the strict form of the standard share.

use super::{
    About, SheetRow, column_behind, no_sheet,
    package::{Package, Part, Xml, attribute, attributes, damaged},
    value::{Epoch, Shown, add_number, iso_moment},
};
use crate::source::open::{GIB, SourceFault};
use quick_xml::events::{BytesStart, Event};
use std::{
    collections::{BTreeMap, HashMap},
    io,
};

/// The most that the table of texts unpacks to, in bytes: it is held in memory.
const MAX_STRINGS: u64 = GIB / 2;

/// A sheet, row by row.
pub(super) struct XlsxRows {
    xml: Xml,
    strings: Strings,
    /// What each style shows.
    styles: Vec<Shown>,
    epoch: Epoch,
    /// The number of the row before.
    last: u64,
    sheet: Listed,
    others: usize,
    /// The cell at hand as it is written, and as it is meant.
    written: String,
    text: String,
}

/// A sheet as the workbook lists it.
struct Listed {
    name: String,
    is_hidden: bool,
    part: String,
}

/// Whether an archive is such a workbook.
pub(super) fn is_in(package: &mut Package) -> io::Result<bool> {
    let part = workbook_part(package)?;
    Ok(part.to_ascii_lowercase().ends_with(".xml") && package.part(&part)?.is_some())
}

impl XlsxRows {
    /// Finds the sheet of this name, or the first.
    pub(super) fn open(package: &mut Package, wanted: Option<&str>) -> io::Result<Self> {
        let book = Book::read(package)?;
        let styles = match &book.styles {
            Some(part) => styles(package, part)?,
            None => Vec::new(),
        };
        let strings = match &book.strings {
            Some(part) => Strings::read(package, part)?,
            None => Strings::default(),
        };
        let index = match wanted {
            None => 0,
            Some(name) => book.sheets.iter().position(|sheet| sheet.name == name).ok_or_else(|| {
                let names: Vec<String> = book.sheets.iter().map(|sheet| sheet.name.clone()).collect();
                no_sheet(name, &names)
            })?,
        };
        let mut sheets = book.sheets;
        if sheets.is_empty() {
            return Err(damaged("it has no sheet"));
        }
        let sheet = sheets.remove(index);
        let mut others = 0;
        for other in sheets.iter().filter(|_| wanted.is_none()) {
            others += usize::from(has_values(package.needed(&other.part)?)?);
        }
        let mut xml = Xml::new(package.needed(&sheet.part)?);
        while !matches!(xml.next_inside()?, Event::Start(tag) if tag.local_name().as_ref() == "sheetData") {}
        Ok(Self {
            xml,
            strings,
            styles,
            epoch: book.epoch,
            last: 0,
            sheet,
            others,
            written: String::new(),
            text: String::new(),
        })
    }

    pub(super) fn about(&self) -> About<'_> {
        About { name: &self.sheet.name, is_hidden: self.sheet.is_hidden, others: self.others }
    }

    /// Reads the next row; `false` at the end of the sheet.
    pub(super) fn next(&mut self, row: &mut SheetRow) -> io::Result<bool> {
        loop {
            match self.xml.next_inside()? {
                Event::Start(tag) if tag.local_name().as_ref() == "row" => {
                    self.last = start_row(&tag, self.last, row)?;
                    self.cells(row)?;
                    return Ok(true);
                }
                Event::End(tag) if tag.local_name().as_ref() == "sheetData" => {
                    self.xml.finish()?;
                    return Ok(false);
                }
                _ => {}
            }
        }
    }

    /// Reads the cells of a row that was begun, to its end.
    fn cells(&mut self, row: &mut SheetRow) -> io::Result<()> {
        let mut last = None;
        loop {
            match self.xml.next_inside()? {
                Event::Start(tag) if tag.local_name().as_ref() == "c" => {
                    let cell = Cell::read(&tag, last, row.number)?;
                    last = Some(cell.column);
                    self.cell(&cell, row)?;
                }
                Event::End(tag) if tag.local_name().as_ref() == "row" => return Ok(()),
                _ => {}
            }
        }
    }

    /// Reads the content of a cell that was begun, to its end.
    fn cell(&mut self, cell: &Cell, row: &mut SheetRow) -> io::Result<()> {
        self.written.clear();
        self.text.clear();
        let (mut has_formula, mut has_value) = (false, false);
        loop {
            match self.xml.next_inside()? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "v" => {
                        has_value = true;
                        self.xml.text(&mut self.written)?;
                    }
                    "is" => {
                        has_value = true;
                        rich_text(&mut self.xml, &mut self.written)?;
                    }
                    "f" => {
                        has_formula = true;
                        self.xml.skip()?;
                    }
                    _ => self.xml.skip()?,
                },
                Event::End(_) => break,
                _ => {}
            }
        }
        // Some programs write a formula with an empty value that nobody computed; text is text.
        let is_uncomputed =
            has_formula && (!has_value || (self.written.is_empty() && cell.kind != CellKind::Text));
        let text = self.meaning(cell, row.number)?;
        let is_computed = has_formula || cell.kind == CellKind::Error;
        if !text.is_empty() || is_uncomputed {
            row.add(cell.column, text, is_computed)?;
        }
        Ok(())
    }

    /// What the cell at hand means, as text.
    fn meaning(&mut self, cell: &Cell, row: u64) -> io::Result<&str> {
        let wrong = |what: &str| damaged(format!("a cell of row {row} is no {what}"));
        let written = self.written.as_str();
        if written.is_empty() {
            return Ok("");
        }
        match cell.kind {
            CellKind::Shared => {
                let index = written.trim().parse().ok();
                return index.and_then(|index| self.strings.get(index)).ok_or_else(|| wrong("text"));
            }
            CellKind::Text => unescape(written, &mut self.text),
            CellKind::Boolean => self.text.push_str(if written.trim() == "0" { "FALSE" } else { "TRUE" }),
            CellKind::Error => self.text.push_str(written),
            CellKind::Moment => self.text.push_str(iso_moment(written)),
            CellKind::Number => {
                let shown = self.styles.get(cell.style).copied().unwrap_or_default();
                if shown == Shown::Number && is_plain(written) {
                    return Ok(written);
                }
                let number = written.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                add_number(number.ok_or_else(|| wrong("number"))?, shown, self.epoch, &mut self.text);
            }
        }
        Ok(&self.text)
    }
}

/// Whether a number is written as [`add_number`] writes it: most are whole and short.
fn is_plain(number: &str) -> bool {
    number.len() <= 15 && !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Begins a row, and gives its number.
fn start_row(tag: &BytesStart<'_>, last: u64, row: &mut SheetRow) -> io::Result<u64> {
    let (mut number, mut is_hidden) = (last + 1, false);
    attributes(tag, |name, value| {
        match name {
            "r" => number = value.parse::<u32>().map_err(|_| damaged("a row has no number"))?.into(),
            "hidden" => is_hidden = is_true(value),
            _ => {}
        }
        Ok(())
    })?;
    row.start(number, is_hidden);
    Ok(number)
}

fn is_true(value: &str) -> bool {
    matches!(value, "1" | "true")
}

/// What the tag of a cell says.
struct Cell {
    column: u32,
    style: usize,
    kind: CellKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Number,
    Boolean,
    Error,
    /// In the table of texts.
    Shared,
    Text,
    /// A day or time in the words of ISO 8601.
    Moment,
}

impl Cell {
    /// A cell without a place stands beside the `last` one.
    fn read(tag: &BytesStart<'_>, last: Option<u32>, row: u64) -> io::Result<Self> {
        let column = last.map_or(0, |last| last + 1);
        let mut cell = Self { column, style: 0, kind: CellKind::Number };
        attributes(tag, |name, value| {
            match name {
                "r" => cell.column = column_of(value).unwrap_or(u32::MAX),
                "s" => cell.style = value.parse().unwrap_or_default(),
                "t" => {
                    cell.kind = match value {
                        "b" => CellKind::Boolean,
                        "e" => CellKind::Error,
                        "s" => CellKind::Shared,
                        "str" | "inlineStr" => CellKind::Text,
                        "d" => CellKind::Moment,
                        _ => CellKind::Number,
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        cell.column = column_behind(cell.column, last, row)?;
        Ok(cell)
    }
}

/// The column of a place like `AB17`, from 0.
fn column_of(place: &str) -> Option<u32> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let number = letters.map(|letter| u32::from(letter.to_ascii_uppercase() - b'A') + 1);
    let number = number.take(4).fold(0, |sum, letter| sum * 26 + letter);
    number.checked_sub(1)
}

/// Adds the text of `si` or `is`, which was just begun: its runs, but not how to pronounce them.
fn rich_text(xml: &mut Xml, into: &mut String) -> io::Result<()> {
    let mut depth = 1_u64;
    while depth > 0 {
        match xml.next_inside()? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "t" => xml.text(into)?,
                "rPh" => xml.skip()?,
                _ => depth += 1,
            },
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    Ok(())
}

/// Adds a text whose characters that XML cannot hold are written `_x000D_` (ECMA-376 part 1,
/// clause 22.9.2.19).
fn unescape(written: &str, into: &mut String) {
    let mut rest = written;
    while let Some(at) = rest.find("_x") {
        let (before, escape) = rest.split_at(at);
        into.push_str(before);
        let digits = escape.get(2..6).filter(|_| escape.as_bytes().get(6) == Some(&b'_'));
        let code = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let character = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        let taken = if let Some(character) = character {
            into.push(character);
            7
        } else {
            into.push_str("_x");
            2
        };
        rest = &escape[taken..];
    }
    into.push_str(rest);
}

/// The table of texts, one behind the other.
#[derive(Default)]
struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    fn read(package: &mut Package, part: &str) -> io::Result<Self> {
        let part = package.needed(part)?;
        if part.size > MAX_STRINGS {
            let what = "the workbook's table of texts";
            return Err(SourceFault::TooLarge { what, limit: "512 MiB" }.into());
        }
        let mut xml = Xml::new(part);
        let mut strings = Self::default();
        let mut written = String::new();
        loop {
            match xml.next()? {
                Event::Start(tag) if tag.local_name().as_ref() == "si" => {
                    written.clear();
                    rich_text(&mut xml, &mut written)?;
                    unescape(&written, &mut strings.text);
                    let end = u32::try_from(strings.text.len());
                    strings.ends.push(end.expect("it is shorter than its part, which is below 4 GiB"));
                }
                Event::Eof => return Ok(strings),
                _ => {}
            }
        }
    }

    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(&self.text[start..end])
    }
}

/// What each style shows its number as.
fn styles(package: &mut Package, part: &str) -> io::Result<Vec<Shown>> {
    let mut xml = Xml::held(package.needed(part)?)?;
    let mut codes: HashMap<u32, Shown> = HashMap::new();
    let mut styles = Vec::new();
    let mut is_inside = false;
    loop {
        match xml.next()? {
            Event::Start(tag) if tag.local_name().as_ref() == "cellXfs" => is_inside = true,
            Event::End(tag) if tag.local_name().as_ref() == "cellXfs" => is_inside = false,
            Event::Start(tag) => {
                let id = || -> io::Result<u32> {
                    let id = attribute(&tag, "numFmtId")?;
                    Ok(id.and_then(|id| id.parse().ok()).unwrap_or_default())
                };
                match tag.local_name().as_ref() {
                    "numFmt" => {
                        let code = attribute(&tag, "formatCode")?.unwrap_or_default();
                        codes.insert(id()?, Shown::of_code(&code));
                    }
                    "xf" if is_inside => {
                        let id = id()?;
                        styles.push(codes.get(&id).copied().unwrap_or_else(|| Shown::of_built_in(id)));
                    }
                    _ => {}
                }
            }
            Event::Eof => return Ok(styles),
            _ => {}
        }
    }
}

/// Whether a sheet has something in it; read up to where that is found.
fn has_values(part: Part) -> io::Result<bool> {
    let mut xml = Xml::new(part);
    loop {
        match xml.next()? {
            Event::Start(tag) if matches!(tag.local_name().as_ref(), "v" | "is") => return Ok(true),
            Event::End(tag) if tag.local_name().as_ref() == "sheetData" => return Ok(false),
            Event::Eof => return Ok(false),
            _ => {}
        }
    }
}

/// What the workbook says of its parts.
struct Book {
    /// Those with cells, in the workbook's order.
    sheets: Vec<Listed>,
    epoch: Epoch,
    strings: Option<String>,
    styles: Option<String>,
}

impl Book {
    fn read(package: &mut Package) -> io::Result<Self> {
        let workbook = workbook_part(package)?;
        let (folder, file) = workbook.rsplit_once('/').unwrap_or(("", &workbook));
        let list = resolved(folder, &format!("_rels/{file}.rels"));
        let relations = relations(package, &list, folder)?;
        let first_of = |kind: &str| {
            relations.values().find(|relation| relation.kind == kind).map(|relation| relation.part.clone())
        };
        let mut book = Self {
            sheets: Vec::new(),
            epoch: Epoch::Year1900,
            strings: first_of("sharedStrings"),
            styles: first_of("styles"),
        };
        let mut xml = Xml::held(package.needed(&workbook)?)?;
        loop {
            match xml.next()? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "workbookPr" if attribute(&tag, "date1904")?.is_some_and(|value| is_true(&value)) => {
                        book.epoch = Epoch::Year1904;
                    }
                    "sheet" => {
                        let id = attribute(&tag, "id")?.unwrap_or_default();
                        // Sheets of charts and macros have no cells.
                        let is_sheet = |relation: &&Relation| relation.kind == "worksheet";
                        if let Some(relation) = relations.get(&id).filter(is_sheet) {
                            book.sheets.push(Listed {
                                name: attribute(&tag, "name")?.unwrap_or_default(),
                                is_hidden: attribute(&tag, "state")?.is_some_and(|state| state != "visible"),
                                part: relation.part.clone(),
                            });
                        }
                    }
                    _ => {}
                },
                Event::Eof => return Ok(book),
                _ => {}
            }
        }
    }
}

/// A part that another one names.
struct Relation {
    /// The last word of its type, such as `worksheet`.
    kind: String,
    part: String,
}

/// The parts that a list of relations in this folder names, by their identifiers; none where there
/// is no such list.
fn relations(package: &mut Package, list: &str, folder: &str) -> io::Result<BTreeMap<String, Relation>> {
    let Some(part) = package.part(list)? else { return Ok(BTreeMap::new()) };
    let mut xml = Xml::held(part)?;
    let mut relations = BTreeMap::new();
    loop {
        match xml.next()? {
            Event::Start(tag) if tag.local_name().as_ref() == "Relationship" => {
                let kind = attribute(&tag, "Type")?.unwrap_or_default();
                let target = attribute(&tag, "Target")?.unwrap_or_default();
                let id = attribute(&tag, "Id")?.unwrap_or_default();
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                relations.insert(id, Relation { kind, part: resolved(folder, &target) });
            }
            Event::Eof => return Ok(relations),
            _ => {}
        }
    }
}

/// The name of the part that describes the workbook.
fn workbook_part(package: &mut Package) -> io::Result<String> {
    let relations = relations(package, "_rels/.rels", "")?;
    let workbook = relations.into_values().find(|relation| relation.kind == "officeDocument");
    Ok(workbook.map_or_else(|| "xl/workbook.xml".to_owned(), |relation| relation.part))
}

/// The part that a target in this folder is: `worksheets/sheet1.xml`, `../a.xml` or `/xl/a.xml`.
fn resolved(folder: &str, target: &str) -> String {
    let (base, target) = match target.strip_prefix('/') {
        Some(target) => ("", target),
        None => (folder, target),
    };
    let mut steps: Vec<&str> = base.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}
