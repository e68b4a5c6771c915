//! Amounts of money as a bill writes them, whatever their decimal mark.
//!
//! One cell may leave open what its mark means: `1.050` is a little more than one, or a thousand
//! and fifty. The whole file decides. As soon as one amount can only be read with a comma as the
//! decimal mark, all are read so and a point marks thousands; otherwise the point is the decimal
//! mark and nothing marks thousands. What does not fit that is refused.

use volley_core::Micros;

const POINT: &str = "write an amount like 0.055, at most six decimals and no currency or thousands mark";
const COMMA: &str = "other amounts of the file have a decimal comma; write it like 0,055";
const EITHER: &str = "its comma may mark decimals or thousands; write it like 0.055";

/// An amount, with the decimal mark that it is read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The same whatever the mark is.
    Any(Micros),
    /// With a point alone: with a comma it is no amount.
    Point(Micros),
    /// With a comma alone.
    Comma(Micros),
    /// With a comma, unless the comma marks thousands: `1,050`.
    CommaOrThousands(Micros),
    /// With either, and not the same: `1.050`.
    Both { point: Micros, comma: Micros },
}

impl Written {
    /// Reads one cell; `None` where it is empty. An error says what belongs there.
    pub(super) fn of(cell: &str) -> Result<Option<Self>, &'static str> {
        let cell = cell.trim();
        if cell.is_empty() {
            return Ok(None);
        }
        let (sign, size) = match cell.strip_prefix('-') {
            Some(size) => ("-", size),
            None => ("", cell.strip_prefix('+').unwrap_or(cell)),
        };
        let read = |decimal| -> Option<Micros> {
            let size = plain(size, decimal)?;
            format!("{sign}{size}").parse().ok()
        };
        match (read('.'), read(',')) {
            (None, None) => Err(POINT),
            (Some(point), None) => Ok(Some(Self::Point(point))),
            (None, Some(comma)) if is_grouped(size, ',') => Ok(Some(Self::CommaOrThousands(comma))),
            (None, Some(comma)) => Ok(Some(Self::Comma(comma))),
            (Some(point), Some(comma)) if point == comma => Ok(Some(Self::Any(point))),
            (Some(point), Some(comma)) => Ok(Some(Self::Both { point, comma })),
        }
    }
}

/// `size` as a plain decimal with a point, where `decimal` is its decimal mark; `None` where it is
/// not so written. A comma leaves the point to mark thousands.
fn plain(size: &str, decimal: char) -> Option<String> {
    let (whole, fraction) = size.split_once(decimal).unwrap_or((size, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let thousands = decimal == ',' && is_grouped(whole, '.');
    let is_read = (is_digits(whole) || thousands) && is_digits(fraction);
    if !is_read || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = if whole.is_empty() { "0".to_owned() } else { whole.replace('.', "") };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{whole}{point}{fraction}"))
}

/// Whether `text` is digits in groups of three with `mark` between them, the first of one to
/// three and not a zero.
fn is_grouped(text: &str, mark: char) -> bool {
    let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = text.split(mark);
    let is_first = groups
        .next()
        .is_some_and(|first| (1..=3).contains(&first.len()) && is_digits(first) && !first.starts_with('0'));
    let mut rest = groups.peekable();
    is_first && rest.peek().is_some() && rest.all(|group| group.len() == 3 && is_digits(group))
}

/// An amount that does not fit the file's decimal mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// Its place among all amounts, from 0.
    pub(super) index: usize,
    /// What belongs there.
    pub(super) wanted: &'static str,
}

/// Finds the decimal mark of a file, amount by amount.
#[derive(Debug, Default)]
pub(super) struct DecimalMark {
    has_comma: bool,
    first_point: Option<usize>,
    first_either: Option<usize>,
    /// What the amounts are that are another with a comma.
    with_comma: Vec<(usize, Micros)>,
}

impl DecimalMark {
    /// Takes the amount at `index`, and reads it with a point where it can be.
    pub(super) fn take(&mut self, index: usize, written: Written) -> Micros {
        match written {
            Written::Any(amount) => amount,
            Written::Point(amount) => {
                self.first_point.get_or_insert(index);
                amount
            }
            Written::Comma(amount) => {
                self.has_comma = true;
                amount
            }
            Written::CommaOrThousands(amount) => {
                self.first_either.get_or_insert(index);
                amount
            }
            Written::Both { point, comma } => {
                self.with_comma.push((index, comma));
                point
            }
        }
    }

    /// The amounts that are another than [`take`](Self::take) gave, by their places.
    ///
    /// # Errors
    /// The first amount that the file's mark does not fit.
    pub(super) fn settle(self) -> Result<Vec<(usize, Micros)>, Misfit> {
        let misfit = |index, wanted| Err(Misfit { index, wanted });
        match (self.has_comma, self.first_point, self.first_either) {
            (true, Some(index), _) => misfit(index, COMMA),
            (true, None, _) => Ok(self.with_comma),
            (false, _, Some(index)) => misfit(index, EITHER),
            (false, _, None) => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_amount_is_read_exactly_or_not_at_all() {
        use Written::{Any, Both, Comma, CommaOrThousands, Point};
        for (cell, written) in [
            ("0.05", Point(Micros(50_000))),
            (" 0.0500 ", Point(Micros(50_000))),
            ("0,055", Comma(Micros(55_000))),
            ("1,5", Comma(Micros(1_500_000))),
            ("1.050,25", Comma(Micros(1_050_250_000))),
            ("1.234.567", Comma(Micros(1_234_567_000_000))),
            ("1,050", CommaOrThousands(Micros(1_050_000))),
            ("-1.050", Both { point: Micros(-1_050_000), comma: Micros(-1_050_000_000) }),
            ("0.050", Point(Micros(50_000))),
            ("1234.567", Point(Micros(1_234_567_000))),
            ("12", Any(Micros(12_000_000))),
            ("-.5", Point(Micros(-500_000))),
            ("+3", Any(Micros(3_000_000))),
            ("5.", Point(Micros(5_000_000))),
        ] {
            assert_eq!(Written::of(cell), Ok(Some(written)), "{cell}");
        }
        assert_eq!(Written::of("  "), Ok(None));
        for cell in [
            "1,234.50",
            "$0.05",
            "0.05 AUD",
            "5e-2",
            "1.2.3",
            "1,2,3",
            "0.0000001",
            ".",
            ",",
            "-",
            "--1",
            "(5)",
            "1.05,0",
            "1,050,000",
        ] {
            assert_eq!(Written::of(cell), Err(POINT), "{cell}");
        }
    }

    /// Cells; their amounts, or the first that does not fit and what belongs there.
    type Case<'a> = (&'a [&'a str], Result<&'a [i64], (usize, &'static str)>);

    #[test]
    fn the_whole_file_says_what_a_mark_means() {
        let cases: [Case<'_>; 8] = [
            (&["0.05", "1.050"], Ok(&[50_000, 1_050_000])),
            (&["1.050", "0,05"], Ok(&[1_050_000_000, 50_000])),
            (&["0,05", "1,050"], Ok(&[50_000, 1_050_000])),
            (&["0,05", "7", "1.050,5"], Ok(&[50_000, 7_000_000, 1_050_500_000])),
            (&["1.050", "1.050"], Ok(&[1_050_000, 1_050_000])),
            (&["0,05", "1", "0.05"], Err((2, COMMA))),
            (&["0.05", "0,05"], Err((0, COMMA))),
            (&["1", "1,050", "0.05"], Err((1, EITHER))),
        ];
        for (cells, amounts) in cases {
            let mut mark = DecimalMark::default();
            let mut read: Vec<i64> = Vec::new();
            for (index, cell) in cells.iter().enumerate() {
                let written = Written::of(cell).expect("an amount").expect("not empty");
                read.push(mark.take(index, written).0);
            }
            let settled = mark.settle().map(|others| {
                for (index, amount) in others {
                    read[index] = amount.0;
                }
                read
            });
            let expected = amounts.map(<[i64]>::to_vec).map_err(|(index, wanted)| Misfit { index, wanted });
            assert_eq!(settled, expected, "{cells:?}");
        }
    }
}
