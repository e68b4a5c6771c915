//! A provider's bill, as CSV with one line a message, becomes a [`Bill`].
//!
//! Columns are found by their names: the number and the cost must be there; parts, an id and a
//! currency may be. What is not certain stops with its line: a line that is skipped is money
//! that nobody sees. Numbers and texts of the file are not repeated.

mod amount; // an amount as it is written

use crate::{
    Input, SourceError, columns,
    place::{Content, FilePlace, Mark},
    source::{Format, Records, Row, Source},
    words::{listed, shown},
};
use amount::{DecimalMark, Misfit, Written};
use std::{borrow::Cow, num::NonZeroU16, path::Path};
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
        "{file}: no column has a name that says it holds the {what}; the columns are: {columns}. {}",
        self.hint()
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
    #[error("{file}: more than one column may hold the {what}: {candidates}; {}", self.hint())]
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
        "{file}, line {line}: {found} fields where the header has {wanted}, or a stray quote; {}", self.hint())]
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
    /// The amounts are in another currency than the plan's, or another unit.
    #[error(
        "{file}: the name of the column `{column}` says that charges are in {found} and the plan is in {currency}; amounts of two currencies cannot be compared; {}",
        self.hint()
    )]
    ColumnCurrency {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its currency or unit.
        found: String,
        /// The plan's.
        currency: String,
    },
    /// As many debits as there are credits, and one of them are charges.
    #[error(
        "{file}: as many amounts are above zero as below, {each} each, so which of them are charges is not certain; {}", self.hint())]
    Signs {
        /// The file.
        file: String,
        /// How many are on each side.
        each: usize,
    },
    /// A line in another currency than the plan's.
    #[error(
        "{file}, line {line}: the charge is in {found} and the plan is in {currency}; {}", self.hint())]
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
    #[error("{file}: the amounts are too large to be added up; {}", self.hint())]
    TooLarge {
        /// The file.
        file: String,
    },
}

impl BillError {
    /// What to do about it, as its message ends.
    pub fn hint(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Source(error) => return error.hint(),
            Self::NoColumn { name, .. } => return Cow::Owned(format!("Name it `{name}`")),
            Self::Cell { wanted, .. } => wanted,
            Self::ColumnCurrency { currency, .. } => {
                return Cow::Owned(format!("if they are in {currency}, name it `cost`"));
            }
            Self::SeveralColumns { .. } => "rename all but one of them",
            Self::Fields { .. } => "correct the line",
            Self::Signs { .. } => "remove the credit notes",
            Self::Currency { .. } => "amounts of two currencies cannot be compared",
            Self::TooLarge { .. } => "check their unit",
        })
    }

    /// Where it is. A line of a bill is about somebody, so none is shown.
    pub fn place(&self) -> FilePlace {
        match self {
            Self::Source(error) => error.place(),
            Self::NoColumn { file, .. } | Self::SeveralColumns { file, .. } => {
                FilePlace::line(file, 1, Mark::Line, Content::Header)
            }
            Self::ColumnCurrency { file, column, .. } => {
                FilePlace::line(file, 1, Mark::Words(column.clone()), Content::Header)
            }
            Self::Cell { file, line, .. }
            | Self::Fields { file, line, .. }
            | Self::Currency { file, line, .. } => FilePlace::line(file, *line, Mark::Line, Content::Private),
            Self::Signs { file, .. } | Self::TooLarge { file } => FilePlace::whole(file),
        }
    }

    /// The exit code of a run that ends with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Source(error) => error.exit_code(),
            Self::NoColumn { .. }
            | Self::SeveralColumns { .. }
            | Self::Cell { .. }
            | Self::Fields { .. }
            | Self::Currency { .. }
            | Self::ColumnCurrency { .. }
            | Self::Signs { .. }
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
/// Most of the amounts that are not zero say by their sign what a charge is; the others are credit
/// notes. A line without an amount charges nothing, and one without anything is passed over.
pub fn load(path: &Path, currency: &str) -> Result<BillFile, BillError> {
    let input = Input::File(path.to_owned());
    let makes_sense = |cells: &[String]| !numbers(cells).is_empty() && !costs(cells, currency).is_empty();
    let format = Format::found(&makes_sense);
    let mut records = Records::open(&Source::Input(&input), &format)?;
    let (file, header) = (records.file.clone(), records.first.clone());
    let layout = layout(&file, &header, currency)?;
    let table = Table { file, header, layout, currency };

    let (mut entries, mut mark, mut blank) = (Vec::new(), DecimalMark::default(), 0_u64);
    while let Some(record) = records.next()? {
        if !record.spoiled && record.cells.iter().all(|cell| cell.trim_ascii().is_empty()) {
            continue;
        }
        let (mut entry, cost) = table.entry(&record)?;
        match cost {
            Some(cost) => entry.amount = mark.take(entries.len(), cost),
            None => blank += 1,
        }
        entries.push(entry);
    }
    let misfit = |amount: Misfit| {
        let line = u64::from(entries[amount.index].line);
        table.fault(line, table.layout.cost, "ambiguous".to_owned(), amount.wanted)
    };
    for (index, amount) in mark.settle().map_err(misfit)? {
        entries[index].amount = amount;
    }
    let warnings = settle_signs(&table.file, &mut entries, blank)?;
    let has_ids = table.layout.id.is_some();
    let bill = Bill::new(entries).map_err(|_| BillError::TooLarge { file: table.file })?;
    Ok(BillFile { bill, has_ids, warnings })
}

/// What is known of a bill before its first line.
struct Table<'a> {
    file: String,
    header: Vec<String>,
    layout: Layout,
    /// The plan's.
    currency: &'a str,
}

impl Table<'_> {
    /// One line, its amount left at zero, and how that is written; `None` where it is empty.
    fn entry(&self, record: &Row<'_>) -> Result<(BillEntry, Option<Written>), BillError> {
        let (line, layout) = (record.line, &self.layout);
        if record.spoiled || record.cells.len() != self.header.len() {
            let (found, wanted) = (record.cells.len(), self.header.len());
            return Err(BillError::Fields { file: self.file.clone(), line, found, wanted });
        }
        let text = |column: usize| String::from_utf8_lossy(record.cells.get(column).unwrap_or_default());
        let fault = |column: usize, wanted| self.fault(line, column, told(&text(column)), wanted);
        if let Some(found) = layout.currency.map(text)
            && !found.trim().is_empty()
            && !is_same_unit(found.trim(), self.currency)
        {
            let (found, currency) = (shown(found.trim()), self.currency.to_owned());
            return Err(BillError::Currency { file: self.file.clone(), line, found, currency });
        }
        let to = number(&text(layout.number)).ok_or_else(|| {
            fault(
                layout.number,
                "write the whole number with its country code, like +61491570006, or remove the line",
            )
        })?;
        let cost = Written::of(&text(layout.cost)).map_err(|wanted| fault(layout.cost, wanted))?;
        let parts = match layout.parts {
            Some(column) => parts(&text(column)).map_err(|wanted| fault(column, wanted))?,
            None => None,
        };
        let id = layout.id.and_then(|column| BillId::of(&text(column)));
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        Ok((BillEntry { to, amount: Micros::ZERO, id, line, parts }, cost))
    }

    fn fault(&self, line: u64, column: usize, found: String, wanted: &'static str) -> BillError {
        BillError::Cell { file: self.file.clone(), line, column: shown(&self.header[column]), found, wanted }
    }
}

/// Turns the signs where most amounts are debits. What a person should know about signs and blanks.
fn settle_signs(file: &str, entries: &mut [BillEntry], blank: u64) -> Result<Vec<String>, BillError> {
    let above = entries.iter().filter(|entry| entry.amount > Micros::ZERO).count();
    let below = entries.iter().filter(|entry| entry.amount < Micros::ZERO).count();
    if above == below && above > 0 {
        return Err(BillError::Signs { file: file.to_owned(), each: above });
    }
    let mut warnings = Vec::new();
    if below > above {
        for entry in entries {
            entry.amount = Micros(-entry.amount.0);
        }
        let how_many = if above == 0 { "every amount is" } else { "most amounts are" };
        warnings.push(format!("{file}: {how_many} below zero, as debits are; they are taken as charges"));
    }
    let (credits, side) = if below > above { (above, "above") } else { (below, "below") };
    if credits > 0 {
        warnings.push(format!("{file}: lines {side} zero, taken as credit notes: {credits}"));
    }
    if blank > 0 {
        warnings.push(format!("{file}: lines without an amount, taken as charging nothing: {blank}"));
    }
    Ok(warnings)
}

/// A cell as an error may show it: a short amount as it is, of what may be a phone number the last
/// three digits, and of a text nothing.
fn told(cell: &str) -> String {
    let cell = cell.trim();
    let digits: Vec<char> = cell.chars().filter(char::is_ascii_digit).collect();
    let letters = cell.chars().filter(|character| character.is_alphabetic()).count();
    let is_fraction = cell.starts_with("0.") || cell.starts_with("0,");
    match digits.len() {
        _ if cell.is_empty() => "empty".to_owned(),
        7.. if !is_fraction => format!("`•••{}`", digits[digits.len() - 3..].iter().collect::<String>()),
        1.. if letters <= 3 && cell.len() <= 16 && !cell.contains(char::is_whitespace) => {
            format!("`{}`", shown(cell))
        }
        _ => "text".to_owned(),
    }
}

/// Names of columns as an error may show them: without the phone numbers of a file that has no
/// header.
fn columns_told(header: &[String]) -> String {
    let has_number = |name: &str| name.bytes().filter(u8::is_ascii_digit).count() >= 7;
    let names: Vec<String> =
        header.iter().map(|name| if has_number(name) { told(name) } else { name.clone() }).collect();
    listed(&names)
}

fn layout(file: &str, header: &[String], currency: &str) -> Result<Layout, BillError> {
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
        let missing =
            || BillError::NoColumn { file: file.to_owned(), what, name, columns: columns_told(header) };
        one(what, found)?.ok_or_else(missing)
    };
    let number = needed("number", "number", &numbers(header))?;
    let cost = needed("cost", "cost", &costs(header, currency))?;
    if let Some(found) = unit(&header[cost]).filter(|unit| !is_same_unit(unit, currency)) {
        let (column, found) = (shown(&header[cost]), shown(&found));
        return Err(BillError::ColumnCurrency {
            file: file.to_owned(),
            column,
            found,
            currency: currency.to_owned(),
        });
    }
    Ok(Layout {
        number,
        cost,
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

/// The columns whose name says that they hold the charge, in `currency` if any is.
fn costs(header: &[String], currency: &str) -> Vec<usize> {
    let found: Vec<usize> = (0..header.len()).filter(|&column| is_cost(&header[column])).collect();
    let in_currency =
        |column: &usize| unit(&header[*column]).is_some_and(|unit| is_same_unit(&unit, currency));
    let ours: Vec<usize> = found.iter().copied().filter(in_currency).collect();
    if ours.is_empty() { found } else { ours }
}

/// Whether a column holds charges by its name: `Total cost (AUD)`, `credits`, `price_usd`.
fn is_cost(name: &str) -> bool {
    COST.contains(&bare(name).as_str()) || last_word(name).is_some()
}

/// The currency or unit that the name of a column of charges ends with, stands for, or has in
/// brackets.
fn unit(name: &str) -> Option<String> {
    let in_brackets = name.split_once(['(', '[']).map(|(_, unit)| unit.trim_matches([')', ']', ' ']));
    match (in_brackets, bare(name).as_str()) {
        (Some(unit), _) if !unit.is_empty() => Some(unit.to_owned()),
        (_, "credits" | "creditsused") => Some("credits".to_owned()),
        _ => last_word(name).map(str::to_uppercase),
    }
}

/// The last word of a name like `price_usd`, which is a charge's without it and may be a currency.
fn last_word(name: &str) -> Option<&str> {
    let (charge, last) = name.trim().rsplit_once(['_', ' ', '-', '.'])?;
    let is_code = last.len() == 3 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_code && COST.contains(&bare(charge).as_str())).then_some(last)
}

/// Whether two names of a currency or a unit are the same, one or many: `CREDIT` and `credits`.
fn is_same_unit(one: &str, other: &str) -> bool {
    let single = |name: &str| {
        let end = name.len() - usize::from(name.ends_with(['s', 'S']));
        name[..end].to_ascii_lowercase()
    };
    single(one) == single(other)
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
        let cases: [(&[&str], &[i64], &str); 7] = [
            (
                &["-0.05", "-0.10"],
                &[50_000, 100_000],
                "every amount is below zero, as debits are; they are taken as charges",
            ),
            (
                &["-0.05", "0"],
                &[50_000, 0],
                "every amount is below zero, as debits are; they are taken as charges",
            ),
            (
                &["-0.05", "-0.05", "0.10"],
                &[50_000, 50_000, -100_000],
                "most amounts are below zero, as debits are; they are taken as charges; lines above zero, taken as credit notes: 1",
            ),
            (
                &["0.05", "-0.05", "0", "0.10"],
                &[50_000, -50_000, 0, 100_000],
                "lines below zero, taken as credit notes: 1",
            ),
            (&["", "0.10"], &[0, 100_000], "lines without an amount, taken as charging nothing: 1"),
            (&["0.05", "0.10"], &[50_000, 100_000], ""),
            (&["0", "0"], &[0, 0], ""),
        ];
        for (cells, amounts, warning) in cases {
            let lines: Vec<String> =
                (1..).zip(cells).map(|(place, cell)| format!("6149157000{place},{cell}\n")).collect();
            let text = format!("to,cost\n{}", lines.concat());
            assert_eq!(warned(&text), (amounts.to_vec(), warning.to_owned()), "{cells:?}");
        }
        let error = read("to,cost\n61491570006,0.05\n61491570156,-1\n61491570157,0\n").expect_err("a tie");
        assert!(error.to_string().contains("as many amounts are above zero as below, 1 each"), "{error}");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_unit_in_the_name_of_the_column_must_be_the_currency_of_the_plan() {
        for header in [
            "cost",
            "cost (AUD)",
            "cost [aud]",
            "Cost ( AUD )",
            "price_aud",
            "Total cost AUD",
            "amount-AUD",
            "cost ()",
        ] {
            assert_eq!(lines(format!("to,{header}\n61491570006,1\n")).len(), 1, "{header}");
        }
        for (header, found) in [
            ("cost (USD)", "USD"),
            ("cost [NZD]", "NZD"),
            ("Cost (credits)", "credits"),
            ("credits", "credits"),
            ("Credits used", "credits"),
            ("price_usd", "USD"),
            ("cost (AUD cents)", "AUD cents"),
        ] {
            let error = read(format!("to,{header}\n61491570006,1\n")).expect_err(header).to_string();
            let wanted = format!(
                "the name of the column `{header}` says that charges are in {found} and the plan is in AUD;"
            );
            assert!(error.contains(&wanted), "{error}");
        }
        assert_eq!(lines("to,cost_usd,cost_aud\n61491570006,7,1\n")[0].1, 1_000_000);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bill.csv");
        std::fs::write(&path, "to,credits\n61491570006,1\n").expect("written");
        assert!(load(&path, "CREDIT").is_ok());
    }

    #[test]
    fn rows_without_anything_are_passed_over() {
        let text = "to,parts,cost\n61491570006,1,0.05\n,,\n , ,\n,\n";
        assert_eq!(lines(text), [(61_491_570_006, 50_000, 1, 2)]);
        assert!(read(text).expect("a bill").warnings.is_empty());
        assert!(read("to,parts,cost\n,,0.05\n").is_err());
    }

    #[test]
    fn errors_repeat_no_number_and_no_text() {
        for (text, said) in [
            ("to,cost\n0812345678,1\n", "`to` is `•••678`;"),
            ("to,cost\n+61 491 570 006 x,1\n", "`to` is `•••006`;"),
            ("to,cost\nMaria,1\n", "`to` is text;"),
            ("to,sms,cost\n61491570006,Hi there,1\n", "`sms` is text;"),
            ("to,sms,cost\n61491570006,Code 1234,1\n", "`sms` is text;"),
            ("to,cost\n61491570006,61491570006x\n", "`cost` is `•••006`;"),
            ("61491570006,Maria\n", "the columns are: `•••006`, Maria."),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_decimal_comma_anywhere_makes_every_point_a_thousands_mark() {
        let text = "to;cost\n61491570006;1.050\n61491570156;0,05\n";
        assert_eq!(lines(text), [(61_491_570_006, 1_050_000_000, 0, 2), (61_491_570_156, 50_000, 0, 3)]);
        let error = read(format!("{text}\n61491570157;0.05\n")).expect_err("a point").to_string();
        let wanted = ", line 5: `cost` is ambiguous; other amounts of the file have a decimal comma; write it like 0,055";
        assert!(error.ends_with(wanted), "{error}");
    }

    #[test]
    fn what_is_not_certain_names_its_line() {
        let start = "to,parts,cost,currency\n61491570006,1,0.05,AUD\n";
        for (rest, message) in [
            (
                "0491570156,1,0.05,\n",
                ", line 3: `to` is `•••156`; write the whole number with its country code, like +61491570006, or remove the line",
            ),
            (
                "Total,,9.95,\n",
                ", line 3: `to` is text; write the whole number with its country code, like +61491570006, or remove the line",
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
                ", line 3: `cost` is ambiguous; its comma may mark decimals or thousands; write it like 0.055",
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
