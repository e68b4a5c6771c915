//! One row of a rate card, and in which columns its parts stand.

use super::{Days, RatesError};
use crate::{columns::trimmed, place::Mark, source::Row, template::same_name, words::shown};
use jiff::civil::Date;
use volley_core::{Currency, Micros, MoneyFault, Price};

/// The columns that have a meaning.
const KNOWN: [&str; 7] =
    ["prefix", "price", "currency", "per_message", "valid_from", "valid_to", "description"];

/// Whether `header` can be that of a rate card.
pub(super) fn is_header(header: &[String]) -> bool {
    ["prefix", "price"].iter().all(|name| position(header, name).is_some())
}

/// The names in `header` that have no meaning here.
pub(super) fn unread(header: &[String]) -> Vec<&String> {
    let is_known = |name: &str| name.is_empty() || KNOWN.iter().any(|known| is_called(name, known));
    header.iter().filter(|name| !is_known(name)).collect()
}

/// The first name in `header` that is nearly that of a column whose absence would go unseen, and
/// that column.
pub(super) fn misspelt(header: &[String]) -> Option<(&String, &'static str)> {
    let nearly = |name: &str, known: &str| {
        !is_called(name, known) && strsim::osa_distance(&name.trim().to_lowercase(), known) <= 2
    };
    let optional = ["per_message", "valid_from", "valid_to"];
    unread(header)
        .into_iter()
        .find_map(|name| Some((name, optional.into_iter().find(|known| nearly(name, known))?)))
}

/// Whether a cell of the header means the column `name`: in any case, its words apart or joined
/// by any of space, `-` and `_`.
fn is_called(cell: &str, name: &str) -> bool {
    same_name(&cell.trim().replace([' ', '-'], "_"), name)
}

fn position(header: &[String], name: &str) -> Option<usize> {
    header.iter().position(|cell| is_called(cell, name))
}

/// Where the columns stand.
pub(super) struct Layout {
    width: usize,
    delimiter: u8,
    prefix: usize,
    price: usize,
    currency: usize,
    per_message: Option<usize>,
    valid_from: Option<usize>,
    valid_to: Option<usize>,
}

impl Layout {
    /// The columns of `header`, in which no name stands twice, with `delimiter` between them.
    pub(super) fn of(file: &str, header: &[String], delimiter: u8) -> Result<Self, RatesError> {
        let needed = |column| {
            position(header, column).ok_or_else(|| RatesError::NoColumn { file: file.to_owned(), column })
        };
        Ok(Self {
            width: header.len(),
            delimiter,
            prefix: needed("prefix")?,
            price: needed("price")?,
            currency: needed("currency")?,
            per_message: position(header, "per_message"),
            valid_from: position(header, "valid_from"),
            valid_to: position(header, "valid_to"),
        })
    }
}

/// One row of a rate card: a price and the days it holds.
pub(super) struct Line {
    /// The line of the file that it begins on.
    pub(super) number: u64,
    pub(super) price: Price,
    pub(super) currency: Currency,
    pub(super) days: Days,
}

impl Line {
    /// Reads and checks one row.
    pub(super) fn read(file: &str, row: &Row<'_>, layout: &Layout) -> Result<Self, RatesError> {
        let number = row.line;
        let file_name = || file.to_owned();
        if row.spoiled {
            return Err(RatesError::StrayQuote { file: file_name(), line: number });
        }
        let cells: Option<Vec<String>> = row.cells.iter().map(trimmed).collect();
        let cells = cells.ok_or_else(|| RatesError::NotUtf8 { file: file_name(), line: number })?;
        if cells.len() != layout.width {
            let (found, wanted) = (cells.len(), layout.width);
            return Err(RatesError::Fields { file: file_name(), line: number, found, wanted });
        }
        let mark = |index| Mark::Cell { index, delimiter: layout.delimiter };
        let read = |column, index: usize| Cell {
            file,
            line: number,
            column,
            mark: mark(index),
            text: &cells[index],
        };
        let date = |column, index: Option<usize>| index.map_or(Ok(None), |index| read(column, index).date());
        let prefix = read("prefix", layout.prefix).prefix()?;
        let per_segment = read("price", layout.price).amount()?;
        let per_message = match layout.per_message {
            Some(index) => read("per_message", index).amount()?,
            None => Micros::ZERO,
        };
        let currency = read("currency", layout.currency).currency()?;
        let (from, to) = (date("valid_from", layout.valid_from)?, date("valid_to", layout.valid_to)?);
        if let (Some(valid_from), Some(valid_to)) = (from, to)
            && valid_to < valid_from
        {
            return Err(RatesError::Backwards { file: file_name(), line: number, valid_from, valid_to });
        }
        let price = Price { prefix, per_segment, per_message };
        Ok(Self { number, price, currency, days: Days { from, to } })
    }
}

/// One cell, and where it stands.
struct Cell<'a> {
    file: &'a str,
    line: u64,
    column: &'static str,
    mark: Mark,
    text: &'a str,
}

impl Cell<'_> {
    /// The digits of a prefix; a `+` before them says nothing more.
    fn prefix(&self) -> Result<String, RatesError> {
        let digits = self.text.strip_prefix('+').unwrap_or(self.text);
        let is_prefix = (1..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_prefix {
            Ok(digits.to_owned())
        } else {
            Err(self.fault("write the start of an international number, like 61 or 6149"))
        }
    }

    /// A price: zero to [`Price::MAX`], at most six decimals.
    fn amount(&self) -> Result<Micros, RatesError> {
        let too_large = || self.fault(format!("a price is at most {}; check its unit", Price::MAX));
        match self.text.parse() {
            Ok(amount) if amount < Micros::ZERO => Err(self.fault("a price is not below zero")),
            Ok(amount) if amount > Price::MAX => Err(too_large()),
            Ok(amount) => Ok(amount),
            Err(MoneyFault::TooLarge(_)) => Err(too_large()),
            Err(MoneyFault::TooFine(_)) => Err(self.fault("a price has at most six decimals")),
            Err(_) if self.text.is_empty() => Err(self.fault("write an amount like 0.055, or 0 for nothing")),
            Err(_) => Err(self.fault("write an amount like 0.055")),
        }
    }

    fn currency(&self) -> Result<Currency, RatesError> {
        self.text.parse().map_err(|_| self.fault("write 3 to 10 letters, like AUD or CREDIT"))
    }

    /// A date, or an open end where nothing stands.
    fn date(&self) -> Result<Option<Date>, RatesError> {
        if self.text.is_empty() {
            return Ok(None);
        }
        let is_plain =
            self.text.len() == 10 && self.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date = is_plain.then(|| self.text.parse().ok()).flatten();
        date.map(Some).ok_or_else(|| self.fault("write a date like 2026-11-30"))
    }

    fn fault(&self, wanted: impl Into<String>) -> RatesError {
        RatesError::Cell {
            file: self.file.to_owned(),
            line: self.line,
            column: self.column,
            mark: Box::new(self.mark.clone()),
            found: if self.text.is_empty() { "empty".to_owned() } else { format!("`{}`", shown(self.text)) },
            wanted: wanted.into(),
        }
    }
}
