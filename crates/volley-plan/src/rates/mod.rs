//! `rates.csv` becomes a rate card: `prefix,price,currency` and, where they are needed,
//! `per_message`, `valid_from`, `valid_to` and `description`, in any order.
//!
//! Somebody pays what it says, so nothing in it is guessed or mended. Every row is checked, also
//! one that does not hold on the day; a prefix has exactly one price on every day between its
//! first and its last. Not here: which price a number has (volley-core).

mod days; // the days a price holds
mod line; // one row -> price, currency, days

use crate::{
    Input, SourceError, columns,
    place::{Content, FilePlace, Mark},
    source::{Format, Records, Source},
    words::{listed, shown},
};
pub use days::Days;
use jiff::civil::Date;
use line::{Layout, Line};
use rustc_hash::FxHashSet;
use std::{borrow::Cow, path::Path};
use volley_core::{Currency, Micros, Price, RateCard, RateCardFault, Rounding};

/// How many prefixes without a price are named one by one.
const NAMED: usize = 30;

/// Why a rate card cannot be used. Lines are those of the file, counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum RatesError {
    /// The file cannot be read.
    #[error("rate card {0}")]
    Source(#[from] SourceError),
    /// A column is missing.
    #[error("{file}: the rate card has no column `{column}`; {}", self.hint())]
    NoColumn {
        /// The file.
        file: String,
        /// Which one.
        column: &'static str,
    },
    /// Too few or too many fields.
    #[error("{file}, line {line}: {found} fields where the header has {wanted}; {}", self.hint())]
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
    /// A quote in a field that is not quoted, or text after a closing quote.
    #[error(
        "{file}, line {line}: a quote stands where none can be; {}", self.hint())]
    StrayQuote {
        /// The file.
        file: String,
        /// The line.
        line: u64,
    },
    /// A column that is nearly called like one that changes prices.
    #[error("{file}: the rate card's column `{found}` is not known; is it `{meant}`? {}", self.hint())]
    Misspelt {
        /// The file.
        file: String,
        /// What the column is called.
        found: String,
        /// What it was probably meant to be.
        meant: &'static str,
    },
    /// A row that is not text.
    #[error("{file}, line {line}: this is not UTF-8; {}", self.hint())]
    NotUtf8 {
        /// The file.
        file: String,
        /// The line.
        line: u64,
    },
    /// A cell that cannot be read.
    #[error("{file}, line {line}: `{column}` is {found}; {wanted}")]
    Cell {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// The column.
        column: &'static str,
        /// Which cell of the line it is.
        mark: Box<Mark>,
        /// What stands there.
        found: String,
        /// What belongs there.
        wanted: String,
    },
    /// A price that ends before it begins.
    #[error(
        "{file}, line {line}: `valid_to` is {valid_to}, before `valid_from`, {valid_from}; {}", self.hint())]
    Backwards {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// Its first day.
        valid_from: Date,
        /// Its last day.
        valid_to: Date,
    },
    /// Two rows without dates price the same prefix.
    #[error("{file}, lines {line} and {other}: prefix {prefix} has two prices; {}", self.hint())]
    Twice {
        /// The file.
        file: String,
        /// The one line.
        line: u64,
        /// The other, further down.
        other: u64,
        /// The prefix.
        prefix: String,
    },
    /// Two rows price the same prefix on the same days.
    #[error(
        "{file}, lines {line} and {other}: prefix {prefix} has two prices {days}; {}", self.hint())]
    Overlap {
        /// The file.
        file: String,
        /// The one line.
        line: u64,
        /// The other, further down.
        other: u64,
        /// The prefix.
        prefix: String,
        /// The days that both rows have.
        days: Days,
    },
    /// Between two rows of one prefix there are days that no row prices.
    #[error(
        "{file}, lines {line} and {other}: prefix {prefix} has no price {days}; {}", self.hint())]
    Gap {
        /// The file.
        file: String,
        /// The one line.
        line: u64,
        /// The other, further down.
        other: u64,
        /// The prefix.
        prefix: String,
        /// The days that are missing.
        days: Days,
    },
    /// Two rows that hold on the day are in different currencies.
    #[error(
        "{file}, lines {line} and {other}: a price in {currency} and one in {found} both hold on {day}; {}", self.hint())]
    TwoCurrencies {
        /// The file.
        file: String,
        /// The first line that holds on the day.
        line: u64,
        /// The first one in another currency.
        other: u64,
        /// The currency of the first.
        currency: Currency,
        /// That of the other.
        found: Currency,
        /// The day.
        day: Date,
    },
    /// A header and nothing below it.
    #[error("{file}: the rate card has no prices; {}", self.hint())]
    Empty {
        /// The file.
        file: String,
    },
    /// Nothing holds on the day.
    #[error("{file}: no price holds on {day}; {}", self.hint())]
    NothingValid {
        /// The file.
        file: String,
        /// The day.
        day: Date,
    },
    /// The prices do not make a card.
    #[error("{file}: {fault}")]
    Card {
        /// The file.
        file: String,
        /// Why not.
        fault: RateCardFault,
    },
}

impl RatesError {
    /// What to do about it, as its message ends; empty where the message says it all along.
    pub fn hint(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Source(error) => return error.hint(),
            Self::Cell { wanted, .. } => wanted,
            Self::Card { .. } => "",
            Self::NoColumn { .. } => "it needs prefix, price and currency",
            Self::Fields { .. } => "correct the row",
            Self::StrayQuote { .. } => {
                "put the whole field in quotes and write those within it twice, or remove it"
            }
            Self::Misspelt { .. } => "Correct or rename it",
            Self::NotUtf8 { .. } => "save the rate card as UTF-8",
            Self::Backwards { .. } => "correct one of them",
            Self::Twice { .. } => "remove one",
            Self::Overlap { .. } => "let one end before the other begins, or remove one",
            Self::Gap { .. } => "correct the dates, or add a row for these days",
            Self::TwoCurrencies { .. } => "a rate card has one currency",
            Self::Empty { .. } => "add a row for each prefix, or remove [rates]",
            Self::NothingValid { .. } => "correct valid_from and valid_to, or remove [rates]",
        })
    }

    /// Where it is; of two lines the later one.
    pub fn place(&self) -> FilePlace {
        let at = |file: &str, line, mark| FilePlace::line(file, line, mark, Content::Open);
        match self {
            Self::Source(error) => error.place(),
            // It may be a list of recipients that was named by mistake.
            Self::NoColumn { file, .. } => FilePlace::line(file, 1, Mark::Line, Content::Header),
            Self::Misspelt { file, found, .. } => at(file, 1, Mark::Words(found.clone())),
            Self::Cell { file, line, mark, .. } => at(file, *line, (**mark).clone()),
            Self::Fields { file, line, .. }
            | Self::StrayQuote { file, line }
            | Self::NotUtf8 { file, line }
            | Self::Backwards { file, line, .. }
            | Self::Twice { file, other: line, .. }
            | Self::Overlap { file, other: line, .. }
            | Self::Gap { file, other: line, .. }
            | Self::TwoCurrencies { file, other: line, .. } => at(file, *line, Mark::Line),
            Self::Empty { file } | Self::NothingValid { file, .. } | Self::Card { file, .. } => {
                FilePlace::whole(file)
            }
        }
    }

    /// The exit code of a run that ends with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Source(error) => error.exit_code(),
            Self::NoColumn { .. }
            | Self::Fields { .. }
            | Self::StrayQuote { .. }
            | Self::NotUtf8 { .. }
            | Self::Misspelt { .. }
            | Self::Cell { .. }
            | Self::Backwards { .. }
            | Self::Twice { .. }
            | Self::Overlap { .. }
            | Self::Gap { .. }
            | Self::TwoCurrencies { .. }
            | Self::Empty { .. }
            | Self::NothingValid { .. }
            | Self::Card { .. } => 2,
        }
    }
}

/// A rate card as it holds on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedRates {
    /// The prices of that day, in the order of the file.
    pub card: RateCard,
    /// What a person should know about the file, a sentence each.
    pub warnings: Vec<String>,
}

/// Reads the prices that hold on `day`, the day the texts go out; `rounding` is how they are
/// billed.
///
/// # Errors
/// A [`RatesError`] for the first row, in the order of the file, that cannot be read; then for the
/// first two rows of one prefix that overlap; then for the first two that leave days between them;
/// then for what `day` leaves: no price, two currencies, or more prices than a card holds.
pub fn load(path: &Path, day: Date, rounding: Rounding) -> Result<LoadedRates, RatesError> {
    let input = Input::File(path.to_owned());
    let format = Format::found(&line::is_header);
    let mut records = Records::open(&Source::Input(&input), &format)?;
    columns::check_names(&records.file, &records.first)?;
    let layout = Layout::of(&records.file, &records.first, records.delimiter)?;
    if let Some((found, meant)) = line::misspelt(&records.first) {
        return Err(RatesError::Misspelt { file: records.file.clone(), found: shown(found), meant });
    }
    let lines = read(&mut records, &layout)?;
    let file = records.file;
    let by_prefix = in_order_of_days(&lines);
    check_days(&file, &by_prefix)?;

    let holding: Vec<&Line> = lines.iter().filter(|line| line.days.hold(day)).collect();
    let currency = one_currency(&file, &holding, day)?;
    let mut warnings = Vec::new();
    let unread = line::unread(&records.first);
    if !unread.is_empty() {
        warnings.push(format!("{file}: columns of the rate card that are not read: {}", listed(&unread)));
    }
    warnings.extend(prefixes_without_a_price(&file, &by_prefix, &holding, day));
    warnings.extend(holding.iter().find(|line| is_rounded_away(&line.price, rounding)).map(|line| {
        format!(
            "{file}: rounded as rates.decimals says, a text to prefix {} costs nothing",
            line.price.prefix
        )
    }));
    let prices = holding.iter().map(|line| line.price.clone()).collect();
    let card = RateCard::new(currency, prices, rounding).map_err(|fault| RatesError::Card { file, fault })?;
    Ok(LoadedRates { card, warnings })
}

/// Whether a text of one segment has a price that its rounding takes away.
fn is_rounded_away(price: &Price, rounding: Rounding) -> bool {
    let costs = |rounding| price.of(1, rounding).is_some_and(|cost| cost > Micros::ZERO);
    costs(Rounding::Exact) && !costs(rounding)
}

/// Reads every row.
fn read(records: &mut Records, layout: &Layout) -> Result<Vec<Line>, RatesError> {
    let file = records.file.clone();
    let mut lines = Vec::new();
    while let Some(row) = records.next()? {
        // What a spreadsheet leaves below a table.
        if !row.cells.iter().all(<[u8]>::is_empty) {
            lines.push(Line::read(&file, &row, layout)?);
        }
    }
    match records.stray_quotes() {
        Some((_, line)) => Err(RatesError::StrayQuote { file, line }),
        None if lines.is_empty() => Err(RatesError::Empty { file }),
        None => Ok(lines),
    }
}

/// The lines of each prefix as neighbours, the earliest days first.
fn in_order_of_days(lines: &[Line]) -> Vec<&Line> {
    let mut by_prefix: Vec<&Line> = lines.iter().collect();
    by_prefix.sort_by(|one, other| {
        (&one.price.prefix, one.days.from).cmp(&(&other.price.prefix, other.days.from))
    });
    by_prefix
}

/// Whether every prefix has one price on each day between its first and its last.
///
/// Of days in the order of their beginnings, neighbours overlap wherever any two do. What looks
/// missing between two neighbours is missing only where nothing overlaps, so that is asked second.
fn check_days(file: &str, by_prefix: &[&Line]) -> Result<(), RatesError> {
    let is_one_prefix = |pair: &&[&Line]| pair[0].price.prefix == pair[1].price.prefix;
    let mut neighbours: Vec<&[&Line]> = by_prefix.windows(2).filter(is_one_prefix).collect();
    neighbours.sort_by_key(|pair| pair[0].number.max(pair[1].number));
    let overlap = neighbours.iter().find_map(|pair| overlap(file, pair[0], pair[1]));
    let fault = overlap.or_else(|| neighbours.iter().find_map(|pair| gap(file, pair[0], pair[1])));
    fault.map_or(Ok(()), Err)
}

/// Two prices for the same days.
fn overlap(file: &str, earlier: &Line, later: &Line) -> Option<RatesError> {
    let days = earlier.days.shared_with(later.days)?;
    let (line, other) = in_order_of_lines(earlier, later);
    let (file, prefix) = (file.to_owned(), later.price.prefix.clone());
    Some(if days == Days::ALL {
        RatesError::Twice { file, line, other, prefix }
    } else {
        RatesError::Overlap { file, line, other, prefix, days }
    })
}

/// No price for the days between.
fn gap(file: &str, earlier: &Line, later: &Line) -> Option<RatesError> {
    let days = earlier.days.missing_before(later.days)?;
    let (line, other) = in_order_of_lines(earlier, later);
    Some(RatesError::Gap { file: file.to_owned(), line, other, prefix: later.price.prefix.clone(), days })
}

fn in_order_of_lines(one: &Line, other: &Line) -> (u64, u64) {
    (one.number.min(other.number), one.number.max(other.number))
}

/// The currency of all lines that hold on `day`, of which there is at least one.
fn one_currency(file: &str, holding: &[&Line], day: Date) -> Result<Currency, RatesError> {
    let Some(first) = holding.first() else {
        return Err(RatesError::NothingValid { file: file.to_owned(), day });
    };
    match holding.iter().find(|line| line.currency != first.currency) {
        None => Ok(first.currency.clone()),
        Some(other) => Err(RatesError::TwoCurrencies {
            file: file.to_owned(),
            line: first.number,
            other: other.number,
            currency: first.currency.clone(),
            found: other.currency.clone(),
            day,
        }),
    }
}

/// Says of each prefix that has prices, and none for `day`, what its numbers cost then. The days of
/// a prefix are known to follow each other: they begin after `day`, ended before it, or hold it.
fn prefixes_without_a_price(file: &str, by_prefix: &[&Line], holding: &[&Line], day: Date) -> Vec<String> {
    let held: FxHashSet<&str> = holding.iter().map(|line| line.price.prefix.as_str()).collect();
    let mut said: Vec<(u64, String)> = by_prefix
        .chunk_by(|one, other| one.price.prefix == other.price.prefix)
        .filter_map(|lines| {
            let (first, last) = (lines.first()?, lines.last()?);
            let begins = first.days.from.filter(|from| day < *from);
            let ended = last.days.to.filter(|to| *to < day);
            let begins = begins.map(|from| (first.number, format!("begins on {from}")));
            let (line, when) = begins.or(ended.map(|to| (last.number, format!("ended on {to}"))))?;
            let prefix = first.price.prefix.as_str();
            let mut shorter = (1..prefix.len()).rev().map(|length| &prefix[..length]);
            let instead = match shorter.find(|shorter| held.contains(shorter)) {
                Some(shorter) => format!("{shorter} holds instead"),
                None => "nothing holds instead: such numbers are rejected".to_owned(),
            };
            Some((line, format!("{file}: prefix {prefix}: its price {when} (line {line}); {instead}")))
        })
        .collect();
    said.sort_unstable();
    let more = said.len().saturating_sub(NAMED);
    let rest = (more > 0).then(|| format!("{file}: {more} prefixes more have no price on {day}"));
    said.into_iter().take(NAMED).map(|(_, sentence)| sentence).chain(rest).collect()
}
