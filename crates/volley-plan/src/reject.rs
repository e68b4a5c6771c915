//! Why a row is left out, and the file that lists them.

use crate::source::Row;
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use volley_core::{NumberFault, RowNumber};

/// The most characters of a cell or record that a [`Reject`] keeps.
const MAX_ORIGINAL: usize = 1_000;

/// Why a row cannot be sent to. Each has a word for machines and a hint for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The number cannot be texted.
    Number(NumberFault),
    /// A variable of the text has no value and no default.
    EmptyVariable,
    /// A value has control characters or invisible marks in it.
    UnsafeVariable,
    /// A value is longer than 10 KiB.
    LongVariable,
    /// The text does not fit the GSM-7 alphabet and `message.encoding` is `gsm7`.
    NotGsm7,
    /// The text takes more segments than `message.max_segments`, or more characters than the
    /// provider takes.
    TooLong,
    /// The rate card has no price for the number.
    NoPrice,
    /// More or fewer fields than the header.
    FieldCount,
    /// Bytes that are not text in the file's encoding.
    BadUtf8,
    /// Text after a closing quote, so that where the fields end is a guess.
    BadQuotes,
}

impl Reason {
    /// The word that previews count it under and reject files name it by.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Number(NumberFault::Empty) => "empty_number",
            Self::Number(NumberFault::Exponent) => "spreadsheet_number",
            Self::Number(NumberFault::Letters | NumberFault::Signs | NumberFault::Invalid) => {
                "invalid_number"
            }
            Self::EmptyVariable => "empty_variable",
            Self::UnsafeVariable => "unsafe_variable",
            Self::LongVariable => "long_variable",
            Self::NotGsm7 => "not_gsm7",
            Self::TooLong => "too_long",
            Self::NoPrice => "no_price",
            Self::FieldCount => "field_count",
            Self::BadUtf8 => "bad_utf8",
            Self::BadQuotes => "bad_quotes",
        }
    }

    /// What is wrong and what a person can do about it, on one line.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Number(NumberFault::Empty) => "no number in this row",
            Self::Number(NumberFault::Exponent) => {
                "a spreadsheet shortened the number and digits are lost; export the column as text"
            }
            Self::Number(NumberFault::Letters) => "letters in the number",
            Self::Number(NumberFault::Signs) => {
                "signs that a phone number does not have, or two numbers in one cell"
            }
            Self::Number(NumberFault::Invalid) => {
                "not a valid phone number; numbers without a country code are read by recipients.region"
            }
            Self::EmptyVariable => "no value for a variable of the text; fill it, or set message.defaults",
            Self::UnsafeVariable => "control characters or invisible marks in a value; take them out",
            Self::LongVariable => "a value over 10 KiB; shorten it",
            Self::NotGsm7 => "a character outside GSM-7; replace it, or set message.encoding to auto",
            Self::TooLong => "the text is too long; shorten it, or raise message.max_segments",
            Self::NoPrice => "the rate card has no price for this number; add its prefix",
            Self::FieldCount => "more or fewer fields than the header; quote fields that hold the delimiter",
            Self::BadUtf8 => "not text in the file's encoding; save it as UTF-8, or set recipients.encoding",
            Self::BadQuotes => {
                "text after a closing quote, or single quotes around a value; CSV quotes are double, and doubled inside"
            }
        }
    }
}

/// A row that is left out, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct Reject {
    /// Which row.
    pub row: RowNumber,
    /// The column that is at fault, empty where it is the whole row.
    pub column: String,
    /// Why.
    pub reason: Reason,
    /// The cell as it stands in the input, or the row's cells with the file's delimiter between
    /// them; at most 1,000 characters, with `…` where it was cut.
    pub original: String,
}

impl Reject {
    /// A row at fault as a whole.
    pub(crate) fn of_row(row: &Row<'_>, delimiter: u8, reason: Reason) -> Self {
        let whole: Vec<_> = row.cells.iter().map(String::from_utf8_lossy).collect();
        let whole = whole.join(char::from(delimiter).to_string().as_str());
        Self { row: row.number, column: String::new(), reason, original: clipped(&whole) }
    }

    /// One cell at fault.
    pub(crate) fn of_cell(row: &Row<'_>, header: &[String], column: usize, reason: Reason) -> Self {
        let cell = String::from_utf8_lossy(&row.cells[column]);
        Self { row: row.number, column: header[column].clone(), reason, original: clipped(&cell) }
    }
}

/// Without the original, which is personal data.
impl fmt::Debug for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reject(row {}, column {:?}, {})", self.row.0, self.column, self.reason.word())
    }
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_ORIGINAL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Writes rejects as CSV: `row,column,reason,original`.
///
/// A cell that a spreadsheet would run as a formula gets an apostrophe in front.
#[derive(Debug)]
pub struct RejectWriter<W: Write> {
    csv: csv::Writer<W>,
}

/// A file of rejects that appears whole or not at all.
///
/// It is written under another name and takes its own at the end, so that a pass that fails leaves
/// an earlier list alone. A file that is no list of rejects is never written over: it may be the
/// campaign's own list.
#[derive(Debug)]
pub struct RejectFile {
    /// `None` once it was finished.
    writer: Option<RejectWriter<File>>,
    path: PathBuf,
    partial: PathBuf,
}

impl RejectFile {
    /// Starts the list that is to be at `path`; readable by its owner only, as it holds personal
    /// data.
    pub fn create(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() && is_list_of_rejects(path)? => {}
            Ok(_) => {
                let what = "there is a file already that is no list of rejects; choose another name";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&partial)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(Self { writer: Some(RejectWriter::new(file)?), path: path.to_owned(), partial })
    }

    /// Writes one reject.
    pub fn write(&mut self, reject: &Reject) -> io::Result<()> {
        self.writer.as_mut().expect("it is finished by value").write(reject)
    }

    /// Gives the list its name.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(writer) = self.writer.take() {
            writer.finish()?;
        }
        fs::rename(&self.partial, &self.path)
    }
}

impl Drop for RejectFile {
    fn drop(&mut self) {
        if self.writer.is_some() {
            // What is left behind is half a list under a name that says so.
            drop(fs::remove_file(&self.partial));
        }
    }
}

/// Whether the file is empty or starts with our header.
fn is_list_of_rejects(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(HEADER.len() as u64).read_to_end(&mut start)?;
    Ok(start.is_empty() || start == HEADER.as_bytes())
}

/// The first line of a list.
const HEADER: &str = "row,column,reason,original\n";

impl<W: Write> RejectWriter<W> {
    /// Writes the header to `out`.
    pub fn new(out: W) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["row", "column", "reason", "original"]).map_err(io_error)?;
        Ok(Self { csv })
    }

    /// Writes one reject.
    pub fn write(&mut self, reject: &Reject) -> io::Result<()> {
        let row = reject.row.0.to_string();
        let (column, original) = (neutral(&reject.column), neutral(&reject.original));
        self.csv.write_record([&row, &column, reject.reason.word(), &original]).map_err(io_error)
    }

    /// Flushes and gives the destination back.
    pub fn finish(self) -> io::Result<W> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// `cell` with an apostrophe where a spreadsheet would run it as a formula. A plain number, `+`
/// and 6 to 15 digits, stays.
fn neutral(cell: &str) -> String {
    let is_number = cell.strip_prefix('+').is_some_and(|digits| {
        (6..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(original: &str) -> Reject {
        Reject {
            row: RowNumber(7),
            column: "name".to_owned(),
            reason: Reason::EmptyVariable,
            original: original.to_owned(),
        }
    }

    #[test]
    fn formulas_are_neutralised_and_numbers_stay() {
        for (original, line) in [
            ("=1+1", "7,name,empty_variable,'=1+1\n"),
            ("+1 234", "7,name,empty_variable,'+1 234\n"),
            ("+12345", "7,name,empty_variable,'+12345\n"),
            ("+61491570006", "7,name,empty_variable,+61491570006\n"),
            ("+1234567890123456", "7,name,empty_variable,'+1234567890123456\n"),
            ("-5", "7,name,empty_variable,'-5\n"),
            ("@x", "7,name,empty_variable,'@x\n"),
            ("\tx", "7,name,empty_variable,'\tx\n"),
            ("\rx", "7,name,empty_variable,\"'\rx\"\n"),
            ("a=b", "7,name,empty_variable,a=b\n"),
            ("a,\"b\"", "7,name,empty_variable,\"a,\"\"b\"\"\"\n"),
            ("", "7,name,empty_variable,\n"),
        ] {
            let mut writer = RejectWriter::new(Vec::new()).expect("in memory");
            writer.write(&reject(original)).expect("in memory");
            let written = String::from_utf8(writer.finish().expect("in memory")).expect("UTF-8");
            assert_eq!(written, format!("row,column,reason,original\n{line}"), "{original:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone_even_where_one_was_before() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rejects.csv");
        std::fs::write(&path, "row,column,reason,original\n9,,an older list,x\n").expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("a mode");
        RejectFile::create(&path).and_then(RejectFile::finish).expect("created");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "row,column,reason,original\n");
    }

    #[test]
    fn another_file_is_never_written_over_and_half_a_list_never_appears() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("optouts.csv");
        std::fs::write(&path, "number\n+61491570006\n").expect("written");
        assert!(RejectFile::create(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "number\n+61491570006\n");
        assert!(RejectFile::create(folder.path()).is_err(), "a directory");

        let path = folder.path().join("rejects.csv");
        let mut file = RejectFile::create(&path).expect("created");
        file.write(&reject("x")).expect("written");
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_huge_cell_is_kept_in_part_and_says_so() {
        assert_eq!(clipped(&"ก".repeat(1_000)).chars().count(), 1_000);
        assert_eq!(clipped(&"ก".repeat(1_001)), format!("{}…", "ก".repeat(1_000)));
    }

    #[test]
    fn debug_keeps_the_original_to_itself() {
        assert_eq!(format!("{:?}", reject("0491570006")), "Reject(row 7, column \"name\", empty_variable)");
    }
}
