//! Bytes of any encoding become records.
//!
//! What a file is gets decided from its first bytes and never guessed later: its encoding (by
//! byte-order mark or by setting), its delimiter (by its first record or by setting). Whatever
//! cannot be decided stops here, with what to set.

mod block; // records and where their cells lie
mod open; // a file or stream -> text, unpacked, or a workbook
mod scan; // bytes of CSV -> blocks of records
mod sheet; // sheets of workbooks -> blocks of records

pub(crate) use block::{Block, Cells, OwnedCells, Row};
pub use open::SourceFault;
pub(crate) use scan::BLOCK;
pub use scan::QuoteFault;

use crate::{
    columns,
    place::{Content, FilePlace, Mark},
    words::{listed, shown},
};
use encoding_rs::Encoding;
use open::{Opened, Progress, Text};
use scan::{CsvBlocks, ScanFault};
use sheet::SheetBlocks;
use std::{
    borrow::Cow,
    fmt,
    io::{self, Cursor, Read},
    path::PathBuf,
    str,
    sync::Arc,
};

/// The most columns a list has.
const MAX_COLUMNS: usize = 1_000;
/// How much of a file is looked at to decide what it is, in bytes.
const HEAD: usize = 64 * 1024;
/// The delimiters that are tried where none is set.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input, written `-`.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Why a list cannot be read. Each message names the file.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No such file.
    #[error("{file}: no such file; {}", self.hint())]
    Missing {
        /// The file.
        file: String,
    },
    /// A directory, FIFO, socket or device.
    #[error("{file}: this is a {what}, not a file; {}", self.hint())]
    NotAFile {
        /// The file.
        file: String,
        /// What it is.
        what: &'static str,
    },
    /// It is there and does not open.
    #[error("{file}: cannot be opened; {}", self.hint())]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// Reading failed on the way.
    #[error("{file}: reading failed on the way; {}", self.hint())]
    Read {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// No records at all.
    #[error("{file}: the file is empty; {}", self.hint())]
    Empty {
        /// The file.
        file: String,
    },
    /// The content is not what the name says, is damaged, or too large.
    #[error("{file}: {fault}")]
    Fault {
        /// The file.
        file: String,
        /// What and what to do.
        fault: SourceFault,
    },
    /// UTF-16 by the look of it, without the mark that would make it certain.
    #[error(
        "{file}: this looks like {guess} without a byte-order mark; {}", self.hint()
    )]
    NoByteOrderMark {
        /// The file.
        file: String,
        /// Which of the two.
        guess: &'static str,
    },
    /// A quote that swallows the rest of the file, or a record without end.
    #[error("{file}: {fault}")]
    Quote {
        /// The file.
        file: String,
        /// What and where.
        fault: QuoteFault,
    },
    /// The header is not text in the file's encoding.
    #[error(
        "{file}: the header is not {encoding}; {}", self.hint())]
    HeaderEncoding {
        /// The file.
        file: String,
        /// The encoding it was read in.
        encoding: &'static str,
    },
    /// Too wide to be a list of recipients.
    #[error("{file}: the header has {found} columns, at most {MAX_COLUMNS} are read; {}", self.hint())]
    TooManyColumns {
        /// The file.
        file: String,
        /// How many it has.
        found: usize,
    },
    /// More than one delimiter makes sense.
    #[error(
        "{file}: the delimiter is not certain: {readings}; {}", self.hint())]
    Delimiter {
        /// The file.
        file: String,
        /// The header as each delimiter reads it.
        readings: String,
    },
    /// The first row is a recipient already.
    #[error("{file}: no header row: the first row holds a number, {cell}; {}", self.hint())]
    NoHeader {
        /// The file.
        file: String,
        /// The cell.
        cell: String,
    },
    /// Two columns of one name.
    #[error("{file}: the header has two columns named `{name}`; {}", self.hint())]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The name.
        name: String,
    },
    /// No column holds the number.
    #[error(
        "{file}: {wanted}; the columns are: {columns}. {}", self.hint()
    )]
    NoNumberColumn {
        /// The file.
        file: String,
        /// What was looked for.
        wanted: String,
        /// What there is.
        columns: String,
        /// The column that was meant perhaps, as the end of the sentence.
        nearest: String,
    },
    /// A list of numbers whose other sheets would count for nothing.
    #[error(
        "{file}: this {what} has something in other sheets too ({others}), and only the first is read; {remedy}"
    )]
    SeveralSheets {
        /// The file.
        file: String,
        /// What kind of list it is.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
        /// How many.
        others: usize,
    },
    /// Several columns may hold the number.
    #[error(
        "{file}: more than one column may hold the number: {candidates}; {}", self.hint())]
    SeveralNumberColumns {
        /// The file.
        file: String,
        /// Which.
        candidates: String,
    },
    /// More rows than can be numbered.
    #[error("{file}: more than 4294967295 rows; {}", self.hint())]
    TooManyRows {
        /// The file.
        file: String,
    },
}

impl SourceError {
    /// What to do about it, as its message ends.
    pub fn hint(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Fault { fault, .. } => fault.hint(),
            Self::Quote { fault, .. } => fault.hint(),
            Self::NoByteOrderMark { guess, .. } => {
                return Cow::Owned(format!(
                    "save it as UTF-8, or, if it holds the recipients, set recipients.encoding to \"{guess}\""
                ));
            }
            Self::NoNumberColumn { nearest, .. } => {
                return Cow::Owned(format!(
                    "Set recipients.number to the one that holds the number{nearest}"
                ));
            }
            Self::Missing { .. } => "paths in a campaign file are relative to it",
            Self::NotAFile { .. } => "to read from a pipe, write `-` for standard input",
            Self::Unreadable { .. } => "check its permissions",
            Self::Read { .. } => "nothing of it was used, try again",
            Self::Empty { .. } => "it needs a header row and a row for each recipient",
            Self::HeaderEncoding { .. } => {
                "save the file as UTF-8, or, if it holds the recipients, set recipients.encoding"
            }
            Self::TooManyColumns { .. } => "check the delimiter",
            Self::Delimiter { .. } => {
                "use one of them only, or, if it holds the recipients, set recipients.delimiter"
            }
            Self::NoHeader { .. } => "put the columns' names above it",
            Self::DuplicateColumn { .. } => "rename one",
            Self::SeveralSheets { remedy, .. } => remedy,
            Self::SeveralNumberColumns { .. } => {
                "set recipients.number to one, or to several in the order they shall be tried"
            }
            Self::TooManyRows { .. } => "split it",
        })
    }

    /// Where it is. Nothing that is a row's is shown.
    pub fn place(&self) -> FilePlace {
        let header = |file: &str, mark| FilePlace::line(file, 1, mark, Content::Header);
        match self {
            Self::DuplicateColumn { file, name } => header(file, Mark::Words(name.clone())),
            Self::Delimiter { file, .. }
            | Self::NoNumberColumn { file, .. }
            | Self::SeveralNumberColumns { file, .. }
            | Self::TooManyColumns { file, .. } => header(file, Mark::Line),
            Self::HeaderEncoding { file, .. } | Self::NoHeader { file, .. } => {
                FilePlace::line(file, 1, Mark::Line, Content::Private)
            }
            Self::Quote { file, fault } => {
                let line = fault.line();
                let content = if line == 1 { Content::Header } else { Content::Private };
                FilePlace::line(file, line, Mark::Line, content)
            }
            Self::Missing { file }
            | Self::NotAFile { file, .. }
            | Self::Unreadable { file, .. }
            | Self::Read { file, .. }
            | Self::Empty { file }
            | Self::Fault { file, .. }
            | Self::NoByteOrderMark { file, .. }
            | Self::SeveralSheets { file, .. }
            | Self::TooManyRows { file } => FilePlace::whole(file),
        }
    }

    /// The exit code of a run that ends with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Missing { .. } => 10,
            Self::Read { .. } => 1,
            Self::Fault { fault, .. } => fault.exit_code(),
            Self::NotAFile { .. }
            | Self::Unreadable { .. }
            | Self::Empty { .. }
            | Self::NoByteOrderMark { .. }
            | Self::Quote { .. }
            | Self::HeaderEncoding { .. }
            | Self::TooManyColumns { .. }
            | Self::Delimiter { .. }
            | Self::NoHeader { .. }
            | Self::DuplicateColumn { .. }
            | Self::NoNumberColumn { .. }
            | Self::SeveralSheets { .. }
            | Self::SeveralNumberColumns { .. }
            | Self::TooManyRows { .. } => 2,
        }
    }

    /// What an error of reading `file` is: a fault that its content has, or the system's.
    fn of_read(file: &str, error: io::Error) -> Self {
        let file = file.to_owned();
        match error.downcast() {
            Ok(fault) => Self::Fault { file, fault },
            Err(source) => Self::Read { file, source },
        }
    }
}

/// How a list is to be read.
#[derive(Clone, Copy)]
pub(crate) struct Format<'a> {
    /// `None` is UTF-8, or UTF-16 by its byte-order mark.
    pub(crate) encoding: Option<&'static Encoding>,
    /// `None` is decided from the first record.
    pub(crate) delimiter: Option<u8>,
    /// Whether a first record makes sense; decides between delimiters.
    pub(crate) makes_sense: &'a dyn Fn(&[String]) -> bool,
    /// The bytes of CSV that are read at a time.
    pub(crate) block_bytes: usize,
    /// The sheet of a workbook; `None` is the first.
    pub(crate) sheet: Option<&'a str>,
}

impl<'a> Format<'a> {
    /// All that the list itself says; its first record is one that `makes_sense`.
    pub(crate) fn found(makes_sense: &'a dyn Fn(&[String]) -> bool) -> Self {
        Self { encoding: None, delimiter: None, makes_sense, block_bytes: BLOCK, sheet: None }
    }
}

/// A list that can be opened more than once.
pub(crate) enum Source<'a> {
    /// Read as it comes.
    Input(&'a Input),
    /// Standard input, held in memory.
    Held(Arc<[u8]>),
}

impl<'a> Source<'a> {
    /// A source for more than one pass: standard input is read into memory.
    pub(crate) fn for_two_passes(input: &'a Input) -> Result<Self, SourceError> {
        Ok(match input {
            Input::Stdin => {
                let mut bytes = Vec::new();
                let read = io::stdin().read_to_end(&mut bytes);
                read.map_err(|source| SourceError::Read { file: input.to_string(), source })?;
                Self::Held(bytes.into())
            }
            Input::File(_) => Self::Input(input),
        })
    }

    fn name(&self) -> String {
        match self {
            Self::Input(input) => input.to_string(),
            Self::Held(_) => Input::Stdin.to_string(),
        }
    }

    fn open(&self, sheet: Option<&str>) -> Result<Opened, SourceError> {
        let name = self.name();
        match self {
            Self::Input(Input::Stdin) => Opened::stream(io::stdin(), None, &name, sheet),
            Self::Input(Input::File(path)) => Opened::file(path, sheet),
            Self::Held(bytes) => {
                let size = Some(bytes.len() as u64);
                Opened::stream(Cursor::new(Arc::clone(bytes)), size, &name, sheet)
            }
        }
    }
}

/// The records of one list, after its first.
pub(crate) struct Records {
    /// How messages name the list.
    pub(crate) file: String,
    /// The cells of the first record, trimmed.
    pub(crate) first: Vec<String>,
    /// What stands between cells; a comma in a workbook, where nothing does.
    pub(crate) delimiter: u8,
    /// The encoding's name.
    pub(crate) encoding: &'static str,
    progress: Progress,
    blocks: Blocks,
    /// The block at hand, and how many of its records were given by `next`.
    block: Block,
    given: usize,
    rows: u32,
}

/// Where records come from.
enum Blocks {
    Csv(CsvBlocks),
    Sheet(Box<SheetBlocks>),
}

impl Records {
    /// Opens a list and reads its first record, which `columns` judges as a header.
    pub(crate) fn open(source: &Source<'_>, format: &Format<'_>) -> Result<Self, SourceError> {
        let file = source.name();
        let mut records = match source.open(format.sheet)? {
            Opened::Text(text) => Self::of_text(file, text, format)?,
            Opened::Workbook(_) if format.encoding.is_some() || format.delimiter.is_some() => {
                return Err(SourceError::Fault { file, fault: SourceFault::NoText });
            }
            Opened::Workbook(sheet) => {
                let progress = sheet.progress();
                Self::new(file, b',', encoding_rs::UTF_8, progress, Blocks::Sheet(sheet))
            }
        };
        records.take_first()?;
        Ok(records)
    }

    fn of_text(file: String, text: Text, format: &Format<'_>) -> Result<Self, SourceError> {
        let Text { read: mut bytes, progress } = text;
        let read_error = |error| SourceError::of_read(&file, error);
        let mut head = Vec::new();
        bytes.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(read_error)?;
        let (encoding, mark) =
            Encoding::for_bom(&head).unwrap_or((format.encoding.unwrap_or(encoding_rs::UTF_8), 0));
        if encoding == encoding_rs::UTF_8
            && let Some(guess) = utf16_by_its_looks(&head)
        {
            return Err(SourceError::NoByteOrderMark { file, guess });
        }
        head.drain(..mark);
        let (mut head, rest) = if encoding == encoding_rs::UTF_8 {
            (head, bytes)
        } else {
            let mut decoded: Box<dyn Read + Send> = Box::new(
                encoding_rs_io::DecodeReaderBytesBuilder::new()
                    .encoding(Some(encoding))
                    .bom_sniffing(false)
                    .build(Cursor::new(head).chain(bytes)),
            );
            let mut head = Vec::new();
            decoded.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(read_error)?;
            (head, decoded)
        };
        let hint = take_delimiter_hint(&mut head);
        let delimiter = match format.delimiter.or(hint) {
            Some(delimiter) => delimiter,
            None => find_delimiter(&file, &head, format.makes_sense)?,
        };
        let first_line = 1 + u64::from(hint.is_some());
        let input = Box::new(Cursor::new(head).chain(rest));
        let blocks = CsvBlocks::new(input, delimiter, first_line, format.block_bytes);
        Ok(Self::new(file, delimiter, encoding, progress, Blocks::Csv(blocks)))
    }

    fn new(
        file: String,
        delimiter: u8,
        encoding: &'static Encoding,
        progress: Progress,
        blocks: Blocks,
    ) -> Self {
        Self {
            file,
            first: Vec::new(),
            delimiter,
            encoding: encoding.name(),
            progress,
            blocks,
            block: Block::default(),
            given: 0,
            rows: 0,
        }
    }

    fn take_first(&mut self) -> Result<(), SourceError> {
        let mut block = Block::default();
        self.read(&mut block)?;
        if block.len() == 0 {
            return Err(SourceError::Empty { file: self.file.clone() });
        }
        let first = block.row(0).cells;
        if first.len() > MAX_COLUMNS {
            return Err(SourceError::TooManyColumns { file: self.file.clone(), found: first.len() });
        }
        if first.iter().any(|cell| cell.contains(&0)) {
            return Err(SourceError::Fault { file: self.file.clone(), fault: SourceFault::binary() });
        }
        let cells: Option<Vec<String>> = first.iter().map(columns::trimmed).collect();
        let fault = || SourceError::HeaderEncoding { file: self.file.clone(), encoding: self.encoding };
        self.first =
            cells.filter(|cells| !cells.iter().any(|cell| cell.contains('\u{FFFD}'))).ok_or_else(fault)?;
        block.drop_first();
        self.number(&mut block)?;
        self.block = block;
        Ok(())
    }

    /// The next row, or `None` at the end. Blank lines and lines of spaces alone are no rows.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, SourceError> {
        if self.given == self.block.len() {
            let mut block = std::mem::take(&mut self.block);
            let filled = self.fill(&mut block);
            self.block = block;
            filled?;
            self.given = 0;
        }
        let index = self.given;
        self.given += usize::from(index < self.block.len());
        Ok((index < self.block.len()).then(|| self.block.row(index)))
    }

    /// Fills `block` with the next rows; without any at the end. Not to be mixed with
    /// [`next`](Self::next).
    pub(crate) fn fill(&mut self, block: &mut Block) -> Result<(), SourceError> {
        if self.block.len() > self.given {
            std::mem::swap(block, &mut self.block);
            self.block.clear();
            return Ok(());
        }
        self.read(block)?;
        self.number(block)
    }

    fn read(&mut self, block: &mut Block) -> Result<(), SourceError> {
        let read_error = |error| SourceError::of_read(&self.file, error);
        match &mut self.blocks {
            Blocks::Csv(blocks) => blocks.fill(block).map_err(|fault| match fault {
                ScanFault::Quote(fault) => SourceError::Quote { file: self.file.clone(), fault },
                ScanFault::Read(error) => read_error(error),
            }),
            Blocks::Sheet(blocks) => blocks.fill(block).map_err(read_error),
        }
    }

    fn number(&mut self, block: &mut Block) -> Result<(), SourceError> {
        let rows = u32::try_from(block.len()).ok().and_then(|rows| self.rows.checked_add(rows));
        let rows = rows.filter(|&rows| rows < u32::MAX);
        block.first_row = self.rows + 1;
        self.rows = rows.ok_or_else(|| SourceError::TooManyRows { file: self.file.clone() })?;
        Ok(())
    }

    /// How many rows there are at a guess, by the size of the file and of its first rows; before
    /// the first of them is taken.
    pub(crate) fn expected_rows(&self) -> Option<u64> {
        let rows = self.progress.size? * self.block.len() as u64 / self.progress.taken().max(1);
        // One in thirty more than there seem to be: rows are not all alike.
        Some(rows + rows / 30)
    }

    /// How far the file is read, while it is.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Blank lines and lines of spaces so far.
    pub(crate) fn blank_lines(&self) -> u64 {
        match &self.blocks {
            Blocks::Csv(blocks) => blocks.blank_lines,
            Blocks::Sheet(blocks) => blocks.blank_rows(),
        }
    }

    /// Quotes inside plain fields so far, and the line of the first.
    pub(crate) fn stray_quotes(&self) -> Option<(u64, u64)> {
        match &self.blocks {
            Blocks::Csv(blocks) => blocks.stray_quotes,
            Blocks::Sheet(_) => None,
        }
    }

    /// How many other sheets of a workbook have something in them.
    pub(crate) fn other_sheets(&self) -> usize {
        match &self.blocks {
            Blocks::Csv(_) => 0,
            Blocks::Sheet(blocks) => blocks.others(),
        }
    }

    /// What a person should know of a workbook, a sentence each; complete at its end.
    pub(crate) fn notes(&self) -> Vec<String> {
        match &self.blocks {
            Blocks::Csv(_) => Vec::new(),
            Blocks::Sheet(blocks) => blocks.notes(),
        }
    }
}

/// Which UTF-16 a text without a byte-order mark looks like: every other byte of what should be
/// a header is zero.
fn utf16_by_its_looks(head: &[u8]) -> Option<&'static str> {
    let start = &head[..head.len().min(64) & !1];
    let zeros = |offset: usize| start.iter().skip(offset).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), start.len() / 4);
    match (even, odd) {
        (0, odd) if odd > half => Some("utf-16le"),
        (even, 0) if even > half => Some("utf-16be"),
        _ => None,
    }
}

/// Takes a `sep=;` line off the front, which some spreadsheets write and read.
fn take_delimiter_hint(head: &mut Vec<u8>) -> Option<u8> {
    let end = head.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(head.len());
    let line = &head[..end];
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let &[b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] = line else { return None };
    if !is_delimiter(delimiter) {
        return None;
    }
    let newline = if head[end..].starts_with(b"\r\n") { 2 } else { 1 };
    head.drain(..head.len().min(end + newline));
    Some(delimiter)
}

/// Whether a byte can stand between fields: a tab, or an ASCII sign that is not a quote.
pub(crate) fn is_delimiter(byte: u8) -> bool {
    byte == b'\t' || (byte.is_ascii_punctuation() && byte != b'"')
}

/// The delimiter that the first record makes certain; a comma where none of them is in it.
fn find_delimiter(
    file: &str,
    head: &[u8],
    makes_sense: &dyn Fn(&[String]) -> bool,
) -> Result<u8, SourceError> {
    let read = |delimiter: u8| {
        let mut block = Block::default();
        let mut blocks = CsvBlocks::new(Box::new(Cursor::new(head.to_vec())), delimiter, 1, HEAD);
        // A fault is told of when the list is read by the delimiter that was found.
        let is_read = blocks.fill(&mut block).is_ok() && block.len() > 0;
        let first = is_read.then(|| block.row(0).cells.iter());
        let cells = first.into_iter().flatten().map(|cell| columns::trimmed(cell).unwrap_or_default());
        (delimiter, cells.collect::<Vec<_>>())
    };
    let several: Vec<_> = DELIMITERS.into_iter().map(read).filter(|(_, cells)| cells.len() > 1).collect();
    if several.len() < 2 {
        return Ok(several.first().map_or(b',', |(delimiter, _)| *delimiter));
    }
    let sensible: Vec<_> = several.iter().filter(|(_, cells)| makes_sense(cells)).collect();
    if let [(delimiter, _)] = sensible[..] {
        return Ok(*delimiter);
    }
    let readings: Vec<String> = several
        .iter()
        .map(|(delimiter, cells)| {
            format!("`{}` gives [{}]", shown(&char::from(*delimiter).to_string()), listed(cells))
        })
        .collect();
    Err(SourceError::Delimiter { file: file.to_owned(), readings: readings.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(bytes: &[u8]) -> Result<Records, SourceError> {
        let makes_sense = |cells: &[String]| cells.iter().any(|cell| cell == "phone");
        let format = Format::found(&makes_sense);
        Records::open(&Source::Held(bytes.into()), &format)
    }

    #[test]
    fn the_delimiter_is_certain_or_asked_for() {
        for (text, delimiter) in [
            ("phone,name\n", Some(b',')),
            ("phone;name\n", Some(b';')),
            ("phone\tname\n", Some(b'\t')),
            ("phone|name\n", Some(b'|')),
            ("phone\n1;2\n", Some(b',')),
            ("\n  \nphone;name\n", Some(b';')),
            ("sep=;\nphone,x;name\n", Some(b';')),
            ("\"sep=|\"\r\nphone|name\n", Some(b'|')),
            ("phone;last, first\n", Some(b';')),
            ("\"a;b\",phone\n", Some(b',')),
            ("a;b,c\n", None),
            ("phone;a,phone\n", None),
        ] {
            let found = open(text.as_bytes()).map(|records| records.delimiter);
            match delimiter {
                Some(delimiter) => assert_eq!(found.ok(), Some(delimiter), "{text:?}"),
                None => assert!(matches!(found, Err(SourceError::Delimiter { .. })), "{text:?}"),
            }
        }
    }

    #[test]
    fn an_uncertain_delimiter_shows_both_readings() {
        let error = open(b"a;b,c\n").err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some(
                "standard input: the delimiter is not certain: `,` gives [a;b, c], `;` gives [a, b,c]; use \
                 one of them only, or, if it holds the recipients, set recipients.delimiter"
            )
        );
    }

    #[test]
    fn utf16_without_a_mark_is_named_and_not_guessed() {
        let units: Vec<u16> = "phone,name\n".encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for (bytes, wanted) in [(little, "utf-16le"), (big, "utf-16be")] {
            match open(&bytes) {
                Err(SourceError::NoByteOrderMark { guess, .. }) => assert_eq!(guess, wanted),
                other => panic!("{:?}", other.map(|records| records.first)),
            }
        }
    }
}
