//! Money as integers: exact sums, decimals only at the edges.

use std::{fmt, str::FromStr};

/// Money in millionths of the rate card's currency unit: `Micros(55_000)` is 0.055.
///
/// Never a float. Sums and products return `Option`, so a total is exact or absent. Written with
/// four decimals, six where the last two are not zero: `0.0550`, `0.001234`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

/// Why a text is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyFault {
    /// Not digits with at most one point.
    #[error("`{0}` is not an amount; write it like 0.055")]
    NotANumber(String),
    /// Finer than a millionth, which would have to be rounded.
    #[error("`{0}` has more than six decimals; round it first")]
    TooFine(String),
    /// Above what 64 bits of millionths hold, about 9.2 million million.
    #[error("`{0}` is too large an amount")]
    TooLarge(String),
}

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, or `None` above 64 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` below 64 bits.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The nearest amount of so many decimals, halves away from zero; itself from 6 on. `None`
    /// above 64 bits.
    #[must_use]
    pub fn rounded(self, decimals: u8) -> Option<Self> {
        let Some(fewer) = 6_u32.checked_sub(u32::from(decimals)) else { return Some(self) };
        let unit = 10_i64.pow(fewer);
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        let up = if rest.abs() * 2 >= unit { rest.signum() } else { 0 };
        (whole + up).checked_mul(unit).map(Self)
    }

    /// `count` times this amount, or `None` above 64 bits.
    #[must_use]
    pub fn checked_mul(self, count: u32) -> Option<Self> {
        self.0.checked_mul(i64::from(count)).map(Self)
    }
}

/// How a provider rounds what it bills: halves away from zero, to so many decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Not at all: every millionth counts.
    #[default]
    Exact,
    /// Each message on its own, to 0 to 6 decimals.
    PerMessage(u8),
    /// The sum over all messages alone, to 0 to 6 decimals.
    Total(u8),
}

impl Rounding {
    /// What one message costs whose exact price is `exact`; `None` above 64 bits.
    pub fn message(self, exact: Micros) -> Option<Micros> {
        match self {
            Self::PerMessage(decimals) => exact.rounded(decimals),
            Self::Exact | Self::Total(_) => Some(exact),
        }
    }

    /// What all messages cost whose prices add up to `sum`; `None` above 64 bits.
    pub fn total(self, sum: Micros) -> Option<Micros> {
        match self {
            Self::Total(decimals) => sum.rounded(decimals),
            Self::Exact | Self::PerMessage(_) => Some(sum),
        }
    }
}

/// Reads a plain decimal, `12`, `0.055` or `-3.5`: no exponent, no thousands mark, no currency.
impl FromStr for Micros {
    type Err = MoneyFault;

    fn from_str(text: &str) -> Result<Self, MoneyFault> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || digits.ends_with('.') {
            return Err(MoneyFault::NotANumber(text.to_owned()));
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 6 {
            return Err(MoneyFault::TooFine(text.to_owned()));
        }
        let micros = format!("{whole}{fraction:0<6}");
        let micros: i64 = micros.parse().map_err(|_| MoneyFault::TooLarge(text.to_owned()))?;
        Ok(Self(if negative { -micros } else { micros }))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        let (whole, fraction) = (size / 1_000_000, size % 1_000_000);
        if fraction.is_multiple_of(100) {
            write!(f, "{sign}{whole}.{:04}", fraction / 100)
        } else {
            write!(f, "{sign}{whole}.{fraction:06}")
        }
    }
}

/// The unit a rate card counts in: an ISO 4217 code such as `AUD`, or a word such as `CREDIT`.
///
/// Three to ten ASCII letters, kept in capitals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Currency(String);

impl Currency {
    /// The code, in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Currency {
    type Err = MoneyFault;

    fn from_str(text: &str) -> Result<Self, MoneyFault> {
        let letters = text.bytes().all(|byte| byte.is_ascii_alphabetic());
        if letters && (3..=10).contains(&text.len()) {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(MoneyFault::NotANumber(text.to_owned()))
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        for (text, micros) in [
            ("0", 0),
            ("12", 12_000_000),
            ("0.055", 55_000),
            ("0.000001", 1),
            ("0.0515000000", 51_500),
            ("-3.5", -3_500_000),
            ("9223372036854.775807", i64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Micros(micros)), "{text}");
        }
        for text in ["", ".5", "5.", "1,5", "1e3", "+1", "0x1", "1.2.3", "--1", " 1", "٣"] {
            assert!(matches!(text.parse::<Micros>(), Err(MoneyFault::NotANumber(_))), "{text}");
        }
        assert!(matches!("0.0000001".parse::<Micros>(), Err(MoneyFault::TooFine(_))));
        assert!(matches!("9223372036854.775808".parse::<Micros>(), Err(MoneyFault::TooLarge(_))));
    }

    #[test]
    fn amounts_show_four_decimals_and_six_only_where_needed() {
        for (micros, text) in [
            (0, "0.0000"),
            (50_000, "0.0500"),
            (105_200_000_000, "105200.0000"),
            (1_234, "0.001234"),
            (-55_050, "-0.055050"),
            (i64::MIN, "-9223372036854.775808"),
        ] {
            assert_eq!(Micros(micros).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(micros in -i64::MAX..=i64::MAX) {
            prop_assert_eq!(Micros(micros).to_string().parse(), Ok(Micros(micros)));
        }
    }
}
