//! Why a row is left out, and the file that lists them.

use crate::{ListFile, source::Row};
use std::{
    fmt,
    io::{self, Write},
    path::Path,
};
use volley_core::{NumberFault, RowNumber};

/// The most characters of a cell or record that a [`Reject`] keeps.
const MAX_ORIGINAL: usize = 1_000;

/// Why a row cannot be sent to. Each has a word for machines and a hint for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The number cannot be texted.
    Number(NumberFault),
    /// A number of a country that the campaign does not allow.
    Country,
    /// A kind of number that the campaign does not send to.
    Kind,
    /// A number that the provider does not reach.
    Destination,
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
    /// A number that is not on the list of `--only`, which nobody else is sent to.
    NotInOnly,
    /// The number has got as many texts as `limits.per_recipient` allows.
    FrequencyCap,
    /// The provider is handed a time that is outside `limits.window` where the number may be.
    OutsideWindow,
    /// For a week no hour is within `limits.window` in all the time zones that the number may be in.
    WindowNeverOpens,
    /// The value of a formula, or an error in its place, in a workbook's cell that the text or the
    /// number is made of.
    ComputedCell,
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
            Self::Number(NumberFault::Rounded) => "rounded_number",
            Self::Number(NumberFault::SheetError) => "spreadsheet_error",
            Self::Number(NumberFault::Letters | NumberFault::Signs | NumberFault::Invalid) => {
                "invalid_number"
            }
            Self::Country => "country_not_allowed",
            Self::Kind => "number_type",
            Self::Destination => "destination_not_served",
            Self::EmptyVariable => "empty_variable",
            Self::UnsafeVariable => "unsafe_variable",
            Self::LongVariable => "long_variable",
            Self::NotGsm7 => "not_gsm7",
            Self::TooLong => "too_long",
            Self::NoPrice => "no_price",
            Self::NotInOnly => "not_in_only",
            Self::FrequencyCap => "frequency_cap",
            Self::OutsideWindow => "outside_window",
            Self::WindowNeverOpens => "window_never_opens",
            Self::ComputedCell => "computed_cell",
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
            Self::Number(NumberFault::Rounded) => {
                "a spreadsheet kept 15 digits of a longer number, or of two numbers in one cell, and wrote zeros for the others; export the column as text"
            }
            Self::Number(NumberFault::SheetError) => {
                "a spreadsheet's error instead of a number; mend or widen the cell there and export the list again"
            }
            Self::Number(NumberFault::Letters) => "letters in the number",
            Self::Number(NumberFault::Signs) => {
                "signs that a phone number does not have, or two numbers in one cell"
            }
            Self::Number(NumberFault::Invalid) => {
                "not a valid phone number; numbers without a country code are read by recipients.region"
            }
            Self::Country => "a number of a country that recipients.allow does not name",
            Self::Kind => {
                "a kind of number that recipients.types does not name; premium numbers have to be named there"
            }
            Self::Destination => {
                "a number that this provider does not reach; leave it out, or send it through another one"
            }
            Self::EmptyVariable => "no value for a variable of the text; fill it, or set message.defaults",
            Self::UnsafeVariable => "control characters or invisible marks in a value; take them out",
            Self::LongVariable => "a value over 10 KiB; shorten it",
            Self::NotGsm7 => "a character outside GSM-7; replace it, or set message.encoding to auto",
            Self::TooLong => {
                "the text is too long; shorten it, or raise message.max_segments or the provider's limit, segments.max_characters"
            }
            Self::NoPrice => "the rate card has no price for this number; add its prefix",
            Self::NotInOnly => "not on the list of --only; this plan is for nobody else",
            Self::FrequencyCap => {
                "this number has got as many texts of late, other campaigns' too, as limits.per_recipient allows"
            }
            Self::OutsideWindow => {
                "schedule is at an hour outside limits.window where this number is, or may be; set another time, or plan these rows by themselves"
            }
            Self::WindowNeverOpens => {
                "for a week to come no hour is within limits.window in all the time zones that this number may be in; widen it, or leave the number out"
            }
            Self::ComputedCell => {
                "a formula or its error in a cell that is needed; paste the column as values there"
            }
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
        let cell = String::from_utf8_lossy(row.cells.get(column).unwrap_or_default());
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

/// A file of rejects: a [`ListFile`] of them.
#[derive(Debug)]
pub struct RejectFile(RejectWriter<ListFile>);

impl RejectFile {
    /// Starts the list that is to be at `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(RejectWriter::behind(ListFile::create(path, HEADER, "list of rejects")?)))
    }

    /// Writes one reject.
    pub fn write(&mut self, reject: &Reject) -> io::Result<()> {
        self.0.write(reject)
    }

    /// Gives the list its name.
    pub fn finish(self) -> io::Result<()> {
        self.0.finish()?.finish()
    }
}

/// The first line of a list.
const HEADER: &str = "row,column,reason,original\n";

impl<W: Write> RejectWriter<W> {
    /// Writes the header to `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(HEADER.as_bytes())?;
        Ok(Self::behind(out))
    }

    /// Goes on behind the header.
    fn behind(out: W) -> Self {
        Self { csv: csv::Writer::from_writer(out) }
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

pub(crate) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// `cell` with an apostrophe where a spreadsheet would run it as a formula. A plain number, `+`
/// and 6 to 15 digits, stays. What would steer a terminal becomes U+FFFD, but for tabs and the
/// ends of lines.
pub(crate) fn neutral(cell: &str) -> String {
    let steers = |character: char| {
        matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
            || (character.is_control() && !matches!(character, '\t' | '\r' | '\n'))
    };
    let cell = cell.replace(steers, "\u{FFFD}");
    let is_number = cell.strip_prefix('+').is_some_and(|digits| {
        (6..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number { format!("'{cell}") } else { cell }
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
            ("\u{1b}[2Jx\u{202e}\u{7}", "7,name,empty_variable,\u{fffd}[2Jx\u{fffd}\u{fffd}\n"),
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
