//! Bytes of any encoding become records.
//!
//! What a file is gets decided from its first bytes and never guessed later: its encoding (by
//! byte-order mark or by setting), its delimiter (by its first record or by setting). Whatever
//! cannot be decided stops here, with what to set. Not here: compressed files and workbooks,
//! which are refused by their content.

use crate::{
    columns,
    quotes::{QuoteFault, QuoteWatch},
    words::{listed, shown},
};
use csv::ByteRecord;
use encoding_rs::Encoding;
use std::{
    fmt,
    fs::{self, File},
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
    str,
    sync::Arc,
};
use volley_core::RowNumber;

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
    #[error("{file}: no such file; paths in a campaign file are relative to it")]
    Missing {
        /// The file.
        file: String,
    },
    /// A directory, FIFO, socket or device.
    #[error("{file}: this is a {what}, not a file; to read from a pipe, write `-` for standard input")]
    NotAFile {
        /// The file.
        file: String,
        /// What it is.
        what: &'static str,
    },
    /// It is there and does not open.
    #[error("{file}: cannot be opened; check its permissions")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// Reading failed on the way.
    #[error("{file}: reading failed on the way; nothing of it was used, try again")]
    Read {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// No records at all.
    #[error("{file}: the file is empty; it needs a header row and a row for each recipient")]
    Empty {
        /// The file.
        file: String,
    },
    /// The content is not CSV, whatever the name says.
    #[error("{file}: this is meant to be CSV and holds {found}; export it as CSV in UTF-8")]
    NotText {
        /// The file.
        file: String,
        /// What the content is.
        found: &'static str,
    },
    /// UTF-16 by the look of it, without the mark that would make it certain.
    #[error(
        "{file}: this looks like {guess} without a byte-order mark; save it as UTF-8, or, if it holds the recipients, set recipients.encoding to \"{guess}\""
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
        "{file}: the header is not {encoding}; save the file as UTF-8, or, if it holds the recipients, set recipients.encoding"
    )]
    HeaderEncoding {
        /// The file.
        file: String,
        /// The encoding it was read in.
        encoding: &'static str,
    },
    /// Too wide to be a list of recipients.
    #[error("{file}: the header has {found} columns, at most {MAX_COLUMNS} are read; check the delimiter")]
    TooManyColumns {
        /// The file.
        file: String,
        /// How many it has.
        found: usize,
    },
    /// More than one delimiter makes sense.
    #[error(
        "{file}: the delimiter is not certain: {readings}; use one of them only, or, if it holds the recipients, set recipients.delimiter"
    )]
    Delimiter {
        /// The file.
        file: String,
        /// The header as each delimiter reads it.
        readings: String,
    },
    /// The first row is a recipient already.
    #[error("{file}: no header row: the first row holds a number, {cell}; put the columns' names above it")]
    NoHeader {
        /// The file.
        file: String,
        /// The cell.
        cell: String,
    },
    /// Two columns of one name.
    #[error("{file}: the header has two columns named `{name}`; rename one")]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The name.
        name: String,
    },
    /// No column holds the number.
    #[error(
        "{file}: {wanted}; the columns are: {columns}. Set recipients.number to the one that holds the number{nearest}"
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
    /// Several columns may hold the number.
    #[error(
        "{file}: more than one column may hold the number: {candidates}; set recipients.number to one, or to several in the order they shall be tried"
    )]
    SeveralNumberColumns {
        /// The file.
        file: String,
        /// Which.
        candidates: String,
    },
    /// More rows than can be numbered.
    #[error("{file}: more than 4294967295 rows; split it")]
    TooManyRows {
        /// The file.
        file: String,
    },
}

impl SourceError {
    /// The exit code of a run that ends with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Missing { .. } => 10,
            Self::Read { .. } => 1,
            Self::NotAFile { .. }
            | Self::Unreadable { .. }
            | Self::Empty { .. }
            | Self::NotText { .. }
            | Self::NoByteOrderMark { .. }
            | Self::Quote { .. }
            | Self::HeaderEncoding { .. }
            | Self::TooManyColumns { .. }
            | Self::Delimiter { .. }
            | Self::NoHeader { .. }
            | Self::DuplicateColumn { .. }
            | Self::NoNumberColumn { .. }
            | Self::SeveralNumberColumns { .. }
            | Self::TooManyRows { .. } => 2,
        }
    }
}

/// One record of a list, the header not counted.
pub(crate) struct Row<'a> {
    pub(crate) number: RowNumber,
    /// The line of the file that it begins on, counted from 1.
    pub(crate) line: u64,
    pub(crate) cells: &'a ByteRecord,
    /// Text follows a closing quote in it.
    pub(crate) spoiled: bool,
}

/// How a list is to be read.
pub(crate) struct Format<'a> {
    /// `None` is UTF-8, or UTF-16 by its byte-order mark.
    pub(crate) encoding: Option<&'static Encoding>,
    /// `None` is decided from the first record.
    pub(crate) delimiter: Option<u8>,
    /// Whether a first record makes sense; decides between delimiters.
    pub(crate) makes_sense: &'a dyn Fn(&[String]) -> bool,
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

    /// The bytes, and how many there are where that is known.
    fn open(&self) -> Result<(Box<dyn Read>, Option<u64>), SourceError> {
        match self {
            Self::Input(Input::Stdin) => Ok((Box::new(io::stdin()), None)),
            Self::Input(Input::File(path)) => open_file(path),
            Self::Held(bytes) => Ok((Box::new(Cursor::new(Arc::clone(bytes))), Some(bytes.len() as u64))),
        }
    }
}

/// Opens a plain file and nothing else.
fn open_file(path: &Path) -> Result<(Box<dyn Read>, Option<u64>), SourceError> {
    let file = path.display().to_string();
    let at_fault = |file: String, source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SourceError::Missing { file },
        _ => SourceError::Unreadable { file, source },
    };
    let metadata = fs::metadata(path).map_err(|source| at_fault(file.clone(), source))?;
    if !metadata.is_file() {
        return Err(SourceError::NotAFile { file, what: kind_of(&metadata) });
    }
    let opened = File::open(path).map_err(|source| at_fault(file, source))?;
    Ok((Box::new(opened), Some(metadata.len())))
}

#[cfg(unix)]
fn kind_of(metadata: &fs::Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_dir() {
        "directory"
    } else if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}

#[cfg(not(unix))]
fn kind_of(metadata: &fs::Metadata) -> &'static str {
    if metadata.is_dir() { "directory" } else { "device" }
}

type Feed = QuoteWatch<io::Chain<Cursor<Vec<u8>>, Box<dyn Read>>>;

/// The records of one list, after its first.
pub(crate) struct Records {
    /// How messages name the list.
    pub(crate) file: String,
    /// The cells of the first record, trimmed.
    pub(crate) first: Vec<String>,
    /// What stands between cells.
    pub(crate) delimiter: u8,
    /// The encoding's name.
    pub(crate) encoding: &'static str,
    /// The size of the file in bytes, where known.
    pub(crate) size: Option<u64>,
    reader: csv::Reader<Feed>,
    space_lines: u64,
    rows: u32,
    /// The line that the last record began on.
    line: u64,
}

impl Records {
    /// Opens a list and reads its first record, which `columns` judges as a header.
    pub(crate) fn open(source: &Source<'_>, format: &Format<'_>) -> Result<Self, SourceError> {
        let file = source.name();
        let (mut bytes, size) = source.open()?;
        let read_error = |source| SourceError::Read { file: file.clone(), source };
        let mut head = Vec::new();
        bytes.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(read_error)?;
        if let Some(found) = foreign_content(&head) {
            return Err(SourceError::NotText { file, found });
        }
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
            let mut decoded: Box<dyn Read> = Box::new(
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
        let watch = QuoteWatch::new(Cursor::new(head).chain(rest), delimiter, first_line);
        let reader = csv_reader(delimiter).buffer_capacity(HEAD).from_reader(watch);
        let mut records = Self {
            file,
            first: Vec::new(),
            delimiter,
            encoding: encoding.name(),
            size,
            reader,
            space_lines: 0,
            rows: 0,
            line: first_line,
        };
        records.read_first()?;
        Ok(records)
    }

    fn read_first(&mut self) -> Result<(), SourceError> {
        let mut record = ByteRecord::new();
        if !self.read(&mut record)? {
            return Err(SourceError::Empty { file: self.file.clone() });
        }
        if record.len() > MAX_COLUMNS {
            return Err(SourceError::TooManyColumns { file: self.file.clone(), found: record.len() });
        }
        if record.as_slice().contains(&0) {
            return Err(SourceError::NotText { file: self.file.clone(), found: "binary data" });
        }
        let cells: Option<Vec<String>> = record.iter().map(columns::trimmed).collect();
        let fault = || SourceError::HeaderEncoding { file: self.file.clone(), encoding: self.encoding };
        self.first =
            cells.filter(|cells| !cells.iter().any(|cell| cell.contains('\u{FFFD}'))).ok_or_else(fault)?;
        let end = self.reader.position().byte();
        self.reader.get_mut().spoiled_before(end);
        Ok(())
    }

    /// The next row, or `None` at the end. Blank lines and lines of spaces alone are no rows.
    pub(crate) fn next<'a>(&mut self, cells: &'a mut ByteRecord) -> Result<Option<Row<'a>>, SourceError> {
        if !self.read(cells)? {
            return Ok(None);
        }
        let end = self.reader.position().byte();
        let spoiled = self.reader.get_mut().spoiled_before(end);
        self.rows =
            self.rows.checked_add(1).ok_or_else(|| SourceError::TooManyRows { file: self.file.clone() })?;
        Ok(Some(Row { number: RowNumber(self.rows), line: self.line, cells, spoiled }))
    }

    /// Reads the next record that is not blank.
    fn read(&mut self, record: &mut ByteRecord) -> Result<bool, SourceError> {
        loop {
            let more = self.reader.read_byte_record(record).map_err(|error| self.error(error))?;
            let end = self.reader.position().byte();
            self.line = self.reader.get_mut().line_before(end);
            if !more || !is_blank(record) {
                return Ok(more);
            }
            self.space_lines += 1;
        }
    }

    /// Blank lines and lines of spaces so far.
    pub(crate) fn blank_lines(&self) -> u64 {
        self.reader.get_ref().blank_lines() + self.space_lines
    }

    /// Quotes inside plain fields so far, and the line of the first.
    pub(crate) fn stray_quotes(&self) -> Option<(u64, u64)> {
        self.reader.get_ref().stray_quotes()
    }

    fn error(&self, error: csv::Error) -> SourceError {
        let file = self.file.clone();
        let source = match error.into_kind() {
            csv::ErrorKind::Io(source) => source,
            other => io::Error::other(format!("{other:?}")),
        };
        match source.get_ref().and_then(|inner| inner.downcast_ref::<QuoteFault>()) {
            Some(&fault) => SourceError::Quote { file, fault },
            None => SourceError::Read { file, source },
        }
    }
}

/// A line of spaces; the csv crate skips empty lines itself.
fn is_blank(record: &ByteRecord) -> bool {
    record.len() == 1 && record[0].iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

fn csv_reader(delimiter: u8) -> csv::ReaderBuilder {
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter);
    builder
}

/// What a file that is not CSV holds, by its first bytes.
fn foreign_content(head: &[u8]) -> Option<&'static str> {
    let signatures: [(&[u8], &str); 7] = [
        (b"PK\x03\x04", "a zip archive or an .xlsx workbook"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"\x1F\x8B", "gzip data"),
        (b"\x28\xB5\x2F\xFD", "zstd data"),
        (b"\xD0\xCF\x11\xE0", "an .xls workbook"),
        (b"%PDF-", "a PDF"),
        (b"SQLite format 3\0", "an SQLite database"),
    ];
    let found = signatures.iter().find(|(start, _)| head.starts_with(start)).map(|(_, what)| *what);
    found.or_else(|| {
        let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
        let starts_with =
            |tag: &str| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()));
        if ["<!doctype html", "<html", "<head", "<body"].into_iter().any(starts_with) {
            Some("an HTML page")
        } else {
            starts_with("<?xml").then_some("XML")
        }
    })
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
        let mut reader = csv_reader(delimiter).from_reader(head);
        let mut records = reader.byte_records().filter_map(Result::ok);
        let cells = records.find(|record| !is_blank(record)).map(|record| {
            record.iter().map(|cell| columns::trimmed(cell).unwrap_or_default()).collect::<Vec<_>>()
        });
        (delimiter, cells.unwrap_or_default())
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
        let format = Format { encoding: None, delimiter: None, makes_sense: &makes_sense };
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
    fn content_that_is_not_csv_is_named() {
        for (bytes, found) in [
            (&b"PK\x03\x04rest"[..], "a zip archive or an .xlsx workbook"),
            (b"\x1f\x8b\x08", "gzip data"),
            (b"\x28\xb5\x2f\xfd", "zstd data"),
            (b"\xd0\xcf\x11\xe0", "an .xls workbook"),
            (b"%PDF-1.7", "a PDF"),
            (b"\n <!DOCTYPE HTML><p>", "an HTML page"),
            (b"\xef\xbb\xbf<html lang=en>", "an HTML page"),
            (b"<?xml version=\"1.0\"?>", "XML"),
            (b"phone,na\0me\n", "binary data"),
        ] {
            let error = open(bytes).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(found), "{error}");
        }
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

    #[test]
    fn only_plain_files_are_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let exit_code = |path: &Path| open_file(path).err().map(|error| error.exit_code());
        assert_eq!(exit_code(folder.path()), Some(2));
        assert_eq!(exit_code(&folder.path().join("none.csv")), Some(10));
        #[cfg(unix)]
        {
            assert_eq!(exit_code(Path::new("/dev/null")), Some(2));
            let looped = folder.path().join("loop");
            std::os::unix::fs::symlink(&looped, &looped).expect("a link");
            assert_eq!(exit_code(&looped), Some(2));
        }
    }
}
