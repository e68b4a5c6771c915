//! `rates.csv` becomes a rate card: `prefix,price,currency[,valid_from,valid_to,description]`.

use crate::{
    Input, SourceError, columns,
    source::{Format, Records, Source},
    template::same_name,
    words::shown,
};
use csv::ByteRecord;
use jiff::civil::Date;
use rustc_hash::FxHashMap;
use std::path::Path;
use volley_core::{Currency, Micros, Price, RateCard, RateCardFault};

/// Why a rate card cannot be used. Rows are counted without the header.
#[derive(Debug, thiserror::Error)]
pub enum RatesError {
    /// The file cannot be read.
    #[error("rate card {0}")]
    Source(#[from] SourceError),
    /// A column is missing.
    #[error("{file}: the rate card has no column `{column}`; it needs prefix, price and currency")]
    NoColumn {
        /// The file.
        file: String,
        /// Which one.
        column: &'static str,
    },
    /// A cell that cannot be read.
    #[error("{file}, row {row}: `{column}` is {found}; {wanted}")]
    Cell {
        /// The file.
        file: String,
        /// The row.
        row: u32,
        /// The column.
        column: &'static str,
        /// What stands there.
        found: String,
        /// What belongs there.
        wanted: String,
    },
    /// Too few or too many fields, or text after a closing quote.
    #[error(
        "{file}, row {row}: {found} fields where the header has {wanted}, or a stray quote; correct the row"
    )]
    Fields {
        /// The file.
        file: String,
        /// The row.
        row: u32,
        /// How many it has.
        found: usize,
        /// How many the header has.
        wanted: usize,
    },
    /// Two rows that hold today are in different currencies.
    #[error(
        "{file}, row {row}: the price is in {found} and earlier rows are in {currency}; a rate card has one currency"
    )]
    TwoCurrencies {
        /// The file.
        file: String,
        /// The later row.
        row: u32,
        /// Its currency.
        found: Currency,
        /// The earlier one.
        currency: Currency,
    },
    /// Two rows that hold today price the same prefix.
    #[error(
        "{file}, row {row}: prefix {prefix} has a price for {today} in row {earlier} already; remove one or correct its dates"
    )]
    Twice {
        /// The file.
        file: String,
        /// The later row.
        row: u32,
        /// The earlier row.
        earlier: u32,
        /// The prefix.
        prefix: String,
        /// The day.
        today: Date,
    },
    /// Nothing holds today.
    #[error("{file}: no price is valid on {today}; correct valid_from and valid_to, or remove [rates]")]
    NothingValid {
        /// The file.
        file: String,
        /// The day.
        today: Date,
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
    /// The exit code of a run that ends with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Source(error) => error.exit_code(),
            Self::NoColumn { .. }
            | Self::Cell { .. }
            | Self::Fields { .. }
            | Self::TwoCurrencies { .. }
            | Self::Twice { .. }
            | Self::NothingValid { .. }
            | Self::Card { .. } => 2,
        }
    }
}

/// The columns of a rate card, where they stand.
struct Layout {
    prefix: usize,
    price: usize,
    currency: usize,
    valid_from: Option<usize>,
    valid_to: Option<usize>,
}

/// One row of a rate card.
struct Line {
    prefix: String,
    per_segment: Micros,
    currency: Currency,
    valid_from: Option<Date>,
    valid_to: Option<Date>,
}

/// Reads the prices that hold on `today`, both ends of a validity included. Rows that do not hold
/// are checked and left out.
pub fn load(path: &Path, today: Date) -> Result<RateCard, RatesError> {
    let input = Input::File(path.to_owned());
    let has = |cells: &[String], name: &str| cells.iter().any(|cell| same_name(cell, name));
    let makes_sense = |cells: &[String]| has(cells, "prefix") && has(cells, "price");
    let format = Format { encoding: None, delimiter: None, makes_sense: &makes_sense };
    let mut records = Records::open(&Source::Input(&input), &format)?;
    let header = records.first.clone();
    let file = records.file.clone();
    columns::check_names(&file, &header)?;
    let layout = layout(&file, &header)?;

    let mut currency: Option<Currency> = None;
    let mut prices = Vec::new();
    let mut rows_by_prefix: FxHashMap<String, u32> = FxHashMap::default();
    let mut cells = ByteRecord::new();
    while let Some(record) = records.next(&mut cells)? {
        let row = record.number.0;
        if record.spoiled || record.cells.len() != header.len() {
            let (found, wanted) = (record.cells.len(), header.len());
            return Err(RatesError::Fields { file, row, found, wanted });
        }
        let line = read_line(&file, row, record.cells, &layout)?;
        let holds =
            line.valid_from.is_none_or(|from| from <= today) && line.valid_to.is_none_or(|to| today <= to);
        if !holds {
            continue;
        }
        let known = currency.get_or_insert_with(|| line.currency.clone());
        if *known != line.currency {
            let currency = known.clone();
            return Err(RatesError::TwoCurrencies { file, row, found: line.currency, currency });
        }
        if let Some(earlier) = rows_by_prefix.insert(line.prefix.clone(), row) {
            return Err(RatesError::Twice { file, row, earlier, prefix: line.prefix, today });
        }
        prices.push(Price { prefix: line.prefix, per_segment: line.per_segment, per_message: Micros::ZERO });
    }
    let Some(currency) = currency else {
        return Err(RatesError::NothingValid { file, today });
    };
    RateCard::new(currency, prices, volley_core::Rounding::Exact)
        .map_err(|fault| RatesError::Card { file, fault })
}

fn layout(file: &str, header: &[String]) -> Result<Layout, RatesError> {
    let position = |name: &str| header.iter().position(|cell| same_name(cell, name));
    let needed =
        |column| position(column).ok_or_else(|| RatesError::NoColumn { file: file.to_owned(), column });
    Ok(Layout {
        prefix: needed("prefix")?,
        price: needed("price")?,
        currency: needed("currency")?,
        valid_from: position("valid_from"),
        valid_to: position("valid_to"),
    })
}

fn read_line(file: &str, row: u32, cells: &ByteRecord, layout: &Layout) -> Result<Line, RatesError> {
    let text = |index: usize| String::from_utf8_lossy(&cells[index]).trim().to_owned();
    let fault = |column, found: &str, wanted: String| RatesError::Cell {
        file: file.to_owned(),
        row,
        column,
        found: if found.is_empty() { "empty".to_owned() } else { format!("`{}`", shown(found)) },
        wanted,
    };
    let date = |column, index: Option<usize>| {
        let text = index.map(text).unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        let wanted = || "write a date like 2026-11-30".to_owned();
        let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let date = is_plain.then(|| text.parse().ok()).flatten();
        date.map(Some).ok_or_else(|| fault(column, &text, wanted()))
    };
    let prefix = text(layout.prefix);
    let digits = prefix.strip_prefix('+').unwrap_or(&prefix);
    let is_prefix = (1..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_prefix {
        let wanted = "write the start of an international number, like 61 or 6149".to_owned();
        return Err(fault("prefix", &prefix, wanted));
    }
    let price = text(layout.price);
    let per_segment: Micros = price
        .parse()
        .map_err(|_| fault("price", &price, "write an amount like 0.055, at most six decimals".to_owned()))?;
    if per_segment < Micros::ZERO {
        return Err(fault("price", &price, "a price is not below zero".to_owned()));
    }
    let currency = text(layout.currency);
    Ok(Line {
        prefix: digits.to_owned(),
        per_segment,
        currency: currency
            .parse()
            .map_err(|_| fault("currency", &currency, "write letters, like AUD or CREDIT".to_owned()))?,
        valid_from: date("valid_from", layout.valid_from)?,
        valid_to: date("valid_to", layout.valid_to)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(text: &str) -> Result<RateCard, RatesError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rates.csv");
        std::fs::write(&path, text).expect("written");
        load(&path, jiff::civil::date(2026, 11, 20))
    }

    fn prices(text: &str) -> Vec<(String, i64)> {
        let card = card(text).unwrap_or_else(|error| panic!("{error}"));
        card.prices().iter().map(|price| (price.prefix.clone(), price.per_segment.0)).collect()
    }

    #[test]
    fn prices_are_read_by_column_name_and_day() {
        for (text, expected) in [
            ("prefix,price,currency\n61,0.055,AUD\n+66,0.03,aud\n", &[("61", 55_000), ("66", 30_000)][..]),
            ("description;currency;price;prefix\nhome;AUD;0.05;61\n", &[("61", 50_000)]),
            (
                "prefix,price,currency,valid_from,valid_to\n61,1,AUD,,2026-11-19\n61,2,AUD,2026-11-20,2026-11-20\n\
                 61,3,NZD,2026-11-21,\n66,4,AUD,,\n",
                &[("61", 2_000_000), ("66", 4_000_000)],
            ),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|(prefix, micros)| ((*prefix).to_owned(), *micros)).collect();
            assert_eq!(prices(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_certain_names_its_row() {
        let start = "prefix,price,currency,valid_from,valid_to\n61,0.05,AUD,,\n";
        for (rest, message) in [
            (
                "66,0.05,THB,,\n",
                ", row 2: the price is in THB and earlier rows are in AUD; a rate card has one currency",
            ),
            (
                "61,0.06,AUD,,\n",
                ", row 2: prefix 61 has a price for 2026-11-20 in row 1 already; remove one or correct its dates",
            ),
            (
                "+61,0.06,AUD,,\n",
                ", row 2: prefix 61 has a price for 2026-11-20 in row 1 already; remove one or correct its dates",
            ),
            ("66,-1,AUD,,\n", ", row 2: `price` is `-1`; a price is not below zero"),
            (
                "66,\"0,05\",AUD,,\n",
                ", row 2: `price` is `0,05`; write an amount like 0.055, at most six decimals",
            ),
            ("66,,AUD,,\n", ", row 2: `price` is empty; write an amount like 0.055, at most six decimals"),
            (
                "\n066,1,AUD,,\n",
                ", row 2: `prefix` is `066`; write the start of an international number, like 61 or 6149",
            ),
            ("66,1,$,,\n", ", row 2: `currency` is `$`; write letters, like AUD or CREDIT"),
            ("66,1,AUD,20.11.2026,\n", ", row 2: `valid_from` is `20.11.2026`; write a date like 2026-11-30"),
            ("66,1,AUD,,2026-02-30\n", ", row 2: `valid_to` is `2026-02-30`; write a date like 2026-11-30"),
            ("66,1,AUD\n", ", row 2: 3 fields where the header has 5, or a stray quote; correct the row"),
        ] {
            let error = card(&format!("{start}{rest}")).expect_err(message);
            assert!(error.to_string().ends_with(message), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn a_card_without_a_price_for_today_is_refused() {
        for text in ["prefix,price,currency\n", "prefix,price,currency,valid_to\n61,1,AUD,2026-11-19\n"] {
            assert!(matches!(card(text), Err(RatesError::NothingValid { .. })), "{text}");
        }
        assert!(matches!(card("prefix,price\n61,1\n"), Err(RatesError::NoColumn { column: "currency", .. })));
        let missing = load(Path::new("/nowhere/rates.csv"), jiff::civil::date(2026, 11, 20));
        assert!(missing.is_err_and(|error| error.exit_code() == 10));
    }
}
