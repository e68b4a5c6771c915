//! A provider's bill, as CSV with one line a message, becomes a [`Bill`].
//!
//! Columns are found by their names: the number and the cost must be there; parts, an id and a
//! currency may be. What is not certain stops with its line: a line that is skipped is money
//! that nobody sees.

use crate::{
    Input, SourceError, columns,
    source::{Format, Records, Source},
    words::{listed, shown},
};
use csv::ByteRecord;
use std::{num::NonZeroU16, path::Path};
use volley_core::{Bill, BillEntry, BillId, Micros, Msisdn};

/// Names of the number's column beside those of a list of recipients, in the form [`bare`] gives.
const NUMBER: [&str; 9] = [
    "destination",
    "destinationnumber",
    "destinationaddress",
    "dest",
    "da",
    "tonumber",
    "receiver",
    "handset",
    "sentto",
];
/// Names of the column that holds what a message was charged.
const COST: [&str; 16] = [
    "cost",
    "price",
    "amount",
    "charge",
    "charged",
    "total",
    "totalcost",
    "totalprice",
    "totalcharge",
    "totalamount",
    "messagecost",
    "messageprice",
    "smscost",
    "billed",
    "credits",
    "creditsused",
];
/// Names of the column that holds how many parts were charged.
const PARTS: [&str; 16] = [
    "parts",
    "part",
    "segments",
    "segment",
    "sms",
    "smscount",
    "smsparts",
    "messageparts",
    "messagecount",
    "numsegments",
    "numparts",
    "numberofparts",
    "numberofsegments",
    "partcount",
    "segmentcount",
    "units",
];
/// Names of columns with an id of the provider's, the first that a bill has is read.
const ID: [&str; 10] =
    ["messageid", "msgid", "smsid", "messageuuid", "uuid", "messagesid", "sid", "requestid", "batchid", "id"];

/// A bill that was read.
#[derive(Debug)]
pub struct BillFile {
    /// Its lines.
    pub bill: Bill,
    /// Whether it has a column of ids.
    pub has_ids: bool,
    /// What a person should know about it, a sentence each.
    pub warnings: Vec<String>,
}

/// Why a bill cannot be used. Lines are those of the file.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// The file cannot be read.
    #[error("bill {0}")]
    Source(#[from] SourceError),
    /// A column is missing.
    #[error(
        "{file}: no column has a name that says it holds the {what}; the columns are: {columns}. Name it `{name}`"
    )]
    NoColumn {
        /// The file.
        file: String,
        /// What was looked for.
        what: &'static str,
        /// A name that would be found.
        name: &'static str,
        /// What there is.
        columns: String,
    },
    /// Which of several columns counts is not ours to guess.
    #[error("{file}: more than one column may hold the {what}: {candidates}; rename all but one of them")]
    SeveralColumns {
        /// The file.
        file: String,
        /// What was looked for.
        what: &'static str,
        /// Which.
        candidates: String,
    },
    /// A cell that cannot be read.
    #[error("{file}, line {line}: `{column}` is {found}; {wanted}")]
    Cell {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// What belongs there.
        wanted: &'static str,
    },
    /// Too few or too many fields, or text after a closing quote.
    #[error(
        "{file}, line {line}: {found} fields where the header has {wanted}, or a stray quote; correct the line"
    )]
    Fields {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// How many it has.
        found: usize,
        /// How many the header has.
        wanted: usize,
    },
    /// A line in another currency than the plan's.
    #[error(
        "{file}, line {line}: the charge is in {found} and the plan is in {currency}; amounts of two currencies cannot be compared"
    )]
    Currency {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// Its currency.
        found: String,
        /// The plan's.
        currency: String,
    },
    /// More money than can be counted.
    #[error("{file}: the amounts are too large to be added up; check their unit")]
    TooLarge {
        /// The file.
        file: String,
    },
}

impl BillError {
    /// The exit code of a run that ends with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Source(error) => error.exit_code(),
            Self::NoColumn { .. }
            | Self::SeveralColumns { .. }
            | Self::Cell { .. }
            | Self::Fields { .. }
            | Self::Currency { .. }
            | Self::TooLarge { .. } => 2,
        }
    }
}

/// The columns of a bill, where they stand.
struct Layout {
    number: usize,
    cost: usize,
    parts: Option<usize>,
    id: Option<usize>,
    currency: Option<usize>,
}

/// Reads the bill at `path`, whose amounts must be in `currency` where it names one.
///
/// Amounts that are all below zero are debits, and taken as charges; otherwise a line below zero
/// is a credit note. A line without an amount charges nothing.
pub fn load(path: &Path, currency: &str) -> Result<BillFile, BillError> {
    let input = Input::File(path.to_owned());
    let makes_sense = |cells: &[String]| !numbers(cells).is_empty() && !named(cells, &COST).is_empty();
    let format = Format { encoding: None, delimiter: None, makes_sense: &makes_sense };
    let mut records = Records::open(&Source::Input(&input), &format)?;
    let header = records.first.clone();
    let file = records.file.clone();
    let layout = layout(&file, &header)?;

    let (mut entries, mut decimals, mut blank) = (Vec::new(), 0, 0_u64);
    let mut cells = ByteRecord::new();
    while let Some(record) = records.next(&mut cells)? {
        let line = record.line;
        if record.spoiled || record.cells.len() != header.len() {
            let (found, wanted) = (record.cells.len(), header.len());
            return Err(BillError::Fields { file, line, found, wanted });
        }
        let text = |index: usize| String::from_utf8_lossy(&record.cells[index]);
        let fault = |column: usize, wanted| BillError::Cell {
            file: file.clone(),
            line,
            column: shown(&header[column]),
            found: match text(column).trim() {
                "" => "empty".to_owned(),
                found => format!("`{}`", shown(found)),
            },
            wanted,
        };
        if let Some(found) = layout.currency.map(text)
            && !found.trim().is_empty()
            && !found.trim().eq_ignore_ascii_case(currency)
        {
            let (found, currency) = (shown(found.trim()), currency.to_owned());
            return Err(BillError::Currency { file, line, found, currency });
        }
        let to = number(&text(layout.number)).ok_or_else(|| {
            fault(
                layout.number,
                "write the whole number with its country code, like +61491570006, or remove the line",
            )
        })?;
        let cost = amount(&text(layout.cost)).map_err(|wanted| fault(layout.cost, wanted))?;
        blank += u64::from(cost.is_none());
        let (amount, written) = cost.unwrap_or_default();
        decimals = decimals.max(written);
        let parts = match layout.parts {
            Some(column) => parts(&text(column)).map_err(|wanted| fault(column, wanted))?,
            None => None,
        };
        let id = layout.id.and_then(|column| BillId::of(&text(column)));
        entries.push(BillEntry { to, amount, id, line: u32::try_from(line).unwrap_or(u32::MAX), parts });
    }
    let warnings = settle_signs(&file, &mut entries, blank);
    let bill = Bill::new(entries, decimals).map_err(|_| BillError::TooLarge { file })?;
    Ok(BillFile { bill, has_ids: layout.id.is_some(), warnings })
}

/// Turns the sign where all amounts are debits. What a person should know about signs and blanks.
fn settle_signs(file: &str, entries: &mut [BillEntry], blank: u64) -> Vec<String> {
    let below_zero = entries.iter().filter(|entry| entry.amount < Micros::ZERO).count();
    let has_charges = entries.iter().any(|entry| entry.amount > Micros::ZERO);
    let mut warnings = Vec::new();
    if below_zero > 0 && has_charges {
        warnings.push(format!("{file}: lines below zero, taken as credit notes: {below_zero}"));
    } else if below_zero > 0 {
        for entry in entries {
            entry.amount = Micros(-entry.amount.0);
        }
        warnings
            .push(format!("{file}: every amount is below zero, as debits are; they are taken as charges"));
    }
    if blank > 0 {
        warnings.push(format!("{file}: lines without an amount, taken as charging nothing: {blank}"));
    }
    warnings
}

fn layout(file: &str, header: &[String]) -> Result<Layout, BillError> {
    let one = |what, found: &[usize]| match *found {
        [] => Ok(None),
        [column] => Ok(Some(column)),
        _ => {
            let candidates: Vec<&String> = found.iter().map(|&column| &header[column]).collect();
            let candidates = listed(&candidates);
            Err(BillError::SeveralColumns { file: file.to_owned(), what, candidates })
        }
    };
    let needed = |what, name, found: &[usize]| {
        let missing = || BillError::NoColumn { file: file.to_owned(), what, name, columns: listed(header) };
        one(what, found)?.ok_or_else(missing)
    };
    Ok(Layout {
        number: needed("number", "number", &numbers(header))?,
        cost: needed("cost", "cost", &named(header, &COST))?,
        parts: one("parts", &named(header, &PARTS))?,
        id: ID.iter().find_map(|name| named(header, &[name]).first().copied()),
        currency: one("currency", &named(header, &["currency", "currencycode", "ccy"]))?,
    })
}

/// The columns whose name says that they hold the number.
fn numbers(header: &[String]) -> Vec<usize> {
    let is_number = |name: &String| columns::is_number_name(name) || NUMBER.contains(&bare(name).as_str());
    (0..header.len()).filter(|&column| is_number(&header[column])).collect()
}

/// The columns with one of these names.
fn named(header: &[String], names: &[&str]) -> Vec<usize> {
    (0..header.len()).filter(|&column| names.contains(&bare(&header[column]).as_str())).collect()
}

/// A column's name in lower case, letters and digits alone, without a unit in brackets:
/// `Total cost (AUD)` is `totalcost`.
fn bare(name: &str) -> String {
    let name = name.split(['(', '[']).next().unwrap_or_default();
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A number in international form, with or without `+` or `00` in front.
///
/// Whether it is in use is not asked: it was, if it is one of the plan's.
fn number(cell: &str) -> Option<Msisdn> {
    let cell = cell.trim();
    let international = cell.strip_prefix('+').or_else(|| cell.strip_prefix("00")).unwrap_or(cell);
    if international.starts_with(|first: char| matches!(first, '1'..='9'))
        && international.bytes().all(|byte| byte.is_ascii_digit())
    {
        return international.parse().ok().and_then(Msisdn::from_digits);
    }
    let written = if cell.starts_with(|first: char| matches!(first, '1'..='9')) {
        format!("+{cell}")
    } else {
        cell.to_owned()
    };
    Msisdn::parse(&written, None).ok().map(|parsed| parsed.number)
}

/// An amount and the decimals it is written with; `None` for an empty cell. A decimal comma is
/// read where it cannot mark thousands.
fn amount(cell: &str) -> Result<Option<(Micros, u8)>, &'static str> {
    const WANTED: &str = "write an amount like 0.055, at most six decimals and no currency or thousands mark";
    const COMMA: &str = "whether the comma marks decimals or thousands is not certain; write it like 0.055";
    let cell = cell.trim();
    if cell.is_empty() {
        return Ok(None);
    }
    let (sign, size) = match cell.strip_prefix('-') {
        Some(size) => ("-", size),
        None => ("", cell.strip_prefix('+').unwrap_or(cell)),
    };
    let (whole, fraction) = match (size.split_once('.'), size.split_once(',')) {
        (Some(_), Some(_)) => return Err(WANTED),
        (Some(halves), None) => halves,
        (None, Some((whole, fraction))) => {
            if fraction.len() == 3 && !whole.trim_start_matches('0').is_empty() {
                return Err(COMMA);
            }
            (whole, fraction)
        }
        (None, None) => (size, ""),
    };
    let is_empty = whole.is_empty() && fraction.is_empty();
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    let amount = format!("{sign}{whole}{point}{fraction}").parse().map_err(|_| WANTED)?;
    if is_empty {
        return Err(WANTED);
    }
    Ok(Some((amount, u8::try_from(fraction.len()).unwrap_or(u8::MAX))))
}

/// Parts; `None` for an empty cell and for none at all.
fn parts(cell: &str) -> Result<Option<NonZeroU16>, &'static str> {
    match cell.trim() {
        "" => Ok(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().map(NonZeroU16::new).map_err(|_| "write the parts of one message, at most 65535")
        }
        _ => Err("write the parts of one message as a whole number, like 2"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: impl AsRef<[u8]>) -> Result<BillFile, BillError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bill.csv");
        std::fs::write(&path, bytes).expect("written");
        load(&path, "AUD")
    }

    /// Number, micros, parts (0: not said) and line of each line, by number.
    fn lines(bytes: impl AsRef<[u8]>) -> Vec<(u64, i64, u16, u32)> {
        let file = read(bytes).unwrap_or_else(|error| panic!("{error}"));
        let line = |entry: &BillEntry| {
            (entry.to.digits(), entry.amount.0, entry.parts.map_or(0, NonZeroU16::get), entry.line)
        };
        file.bill.entries().iter().map(line).collect()
    }

    #[test]
    fn columns_are_found_by_name_whatever_the_delimiter_and_the_encoding() {
        let two = vec![(61_491_570_006, 50_000, 1, 2), (61_491_570_156, 100_000, 2, 3)];
        for text in [
            "number,parts,cost\n61491570006,1,0.05\n61491570156,2,0.10\n",
            "To;Num Segments;Total Cost (AUD)\n+61491570006;1;0,05\n+61 491 570 156;2;0,1\n",
            "date\tcharge\tmsisdn\tsms\tcurrency\n2026\t.05\t0061491570006\t1\taud\n\t+0.1\t61 491 570 156\t2\t\n",
            "destination|amount|SegmentCount\r\n61491570006|0.050000|1\r\n61491570156|0.1|2",
        ] {
            assert_eq!(lines(text), two, "{text}");
            let units: Vec<u8> =
                "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            assert_eq!(lines(units), two, "{text} in UTF-16");
        }
        assert_eq!(lines("phone,price\n\n61491570006,7\n"), [(61_491_570_006, 7_000_000, 0, 3)]);
    }

    #[test]
    fn ids_are_read_from_the_first_column_that_has_them() {
        let file =
            read("id,to,message_id,cost\n1,61491570006, M-7 ,0.05\n2,61491570156,,0.05\n").expect("a bill");
        assert!(file.has_ids);
        let ids: Vec<_> = file.bill.entries().iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [BillId::of("m-7"), None]);
        assert!(!read("to,cost\n61491570006,1\n").expect("a bill").has_ids);
    }

    #[test]
    fn debits_are_charges_and_a_mixed_bill_has_credit_notes() {
        let warned = |text: &str| {
            let file = read(text).expect("a bill");
            let amounts: Vec<i64> = file.bill.entries().iter().map(|entry| entry.amount.0).collect();
            let warnings: Vec<String> = file
                .warnings
                .iter()
                .map(|line| line.split_once(": ").expect("a file").1.to_owned())
                .collect();
            (amounts, warnings.join("; "))
        };
        for (cells, amounts, warning) in [
            (
                ["-0.05", "-0.10"],
                [50_000, 100_000],
                "every amount is below zero, as debits are; they are taken as charges",
            ),
            (
                ["-0.05", "0"],
                [50_000, 0],
                "every amount is below zero, as debits are; they are taken as charges",
            ),
            (["-0.05", "0.10"], [-50_000, 100_000], "lines below zero, taken as credit notes: 1"),
            (["", "0.10"], [0, 100_000], "lines without an amount, taken as charging nothing: 1"),
            (["0.05", "0.10"], [50_000, 100_000], ""),
        ] {
            let text = format!("to,cost\n61491570006,{}\n61491570156,{}\n", cells[0], cells[1]);
            assert_eq!(warned(&text), (amounts.to_vec(), warning.to_owned()), "{cells:?}");
        }
    }

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        for (cell, micros, decimals) in [
            ("0.05", 50_000, 2),
            (" 0.0500 ", 50_000, 4),
            ("0,055", 55_000, 3),
            ("1,5", 1_500_000, 1),
            ("12", 12_000_000, 0),
            ("-.5", -500_000, 1),
            ("+3", 3_000_000, 0),
            ("5.", 5_000_000, 0),
        ] {
            assert_eq!(amount(cell), Ok(Some((Micros(micros), decimals))), "{cell}");
        }
        assert_eq!(amount("  "), Ok(None));
        for cell in [
            "1,234",
            "1,234.50",
            "$0.05",
            "0.05 AUD",
            "5e-2",
            "1.2.3",
            "1,2,3",
            "0.0000001",
            ".",
            "-",
            "--1",
            "(5)",
        ] {
            assert!(amount(cell).is_err(), "{cell}");
        }
    }

    #[test]
    fn what_is_not_certain_names_its_line() {
        let start = "to,parts,cost,currency\n61491570006,1,0.05,AUD\n";
        for (rest, message) in [
            (
                "0491570156,1,0.05,\n",
                ", line 3: `to` is `0491570156`; write the whole number with its country code, like +61491570006, or remove the line",
            ),
            (
                "Total,,9.95,\n",
                ", line 3: `to` is `Total`; write the whole number with its country code, like +61491570006, or remove the line",
            ),
            (
                "6.14E+10,1,0.05,\n",
                ", line 3: `to` is `6.14E+10`; write the whole number with its country code, like +61491570006, or remove the line",
            ),
            (
                ",1,0.05,\n",
                ", line 3: `to` is empty; write the whole number with its country code, like +61491570006, or remove the line",
            ),
            (
                "\n\n61491570156,1,A$1,\n",
                ", line 5: `cost` is `A$1`; write an amount like 0.055, at most six decimals and no currency or thousands mark",
            ),
            (
                "61491570156,1,\"1,234\",\n",
                ", line 3: `cost` is `1,234`; whether the comma marks decimals or thousands is not certain; write it like 0.055",
            ),
            (
                "61491570156,1.5,1,\n",
                ", line 3: `parts` is `1.5`; write the parts of one message as a whole number, like 2",
            ),
            (
                "61491570156,70000,1,\n",
                ", line 3: `parts` is `70000`; write the parts of one message, at most 65535",
            ),
            (
                "61491570156,1,1,NZD\n",
                ", line 3: the charge is in NZD and the plan is in AUD; amounts of two currencies cannot be compared",
            ),
            (
                "61491570156,1,1\n",
                ", line 3: 3 fields where the header has 4, or a stray quote; correct the line",
            ),
        ] {
            let error = read(format!("{start}{rest}")).expect_err(message);
            assert!(error.to_string().ends_with(message), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn a_header_that_leaves_room_for_a_guess_is_refused() {
        for (header, message) in [
            (
                "name,cost",
                "no column has a name that says it holds the number; the columns are: name, cost. Name it `number`",
            ),
            (
                "to,when",
                "no column has a name that says it holds the cost; the columns are: to, when. Name it `cost`",
            ),
            (
                "to,mobile,cost",
                "more than one column may hold the number: to, mobile; rename all but one of them",
            ),
            (
                "to,price,total",
                "more than one column may hold the cost: price, total; rename all but one of them",
            ),
            (
                "to,cost,parts,segments",
                "more than one column may hold the parts: parts, segments; rename all but one of them",
            ),
        ] {
            let error = read(format!("{header}\n")).expect_err(header);
            assert!(error.to_string().ends_with(message), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
        assert!(read("").is_err_and(|error| error.exit_code() == 2));
        let missing = load(Path::new("/nowhere/bill.csv"), "AUD");
        assert!(missing.is_err_and(|error| error.exit_code() == 10));
        assert!(read("to,cost\n61491570006,9000000000000\n61491570156,9000000000000\n").is_err());
    }
}
