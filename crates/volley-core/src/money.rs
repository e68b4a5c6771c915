//! Money as integers: exact sums, decimals only at the edges.

use std::{fmt, str::FromStr};

/// Money in millionths of the rate card's currency unit: `Micros(55_000)` is 0.055.
///
/// Never a float. Sums and products return `Option`, so a total is exact or absent. Written with
/// four decimals, six where the last two are not zero: `0.0550`, `0.001234`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

/// Why a text is no amount of money, or no currency.
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
    /// Not the name of a unit that money is counted in.
    #[error("`{0}` is not a currency; write 3 to 10 letters, like AUD or CREDIT")]
    NotACurrency(String),
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

    /// The nearest amount of so many decimals, halves away from zero: 0.005 becomes 0.01 and -0.005
    /// becomes -0.01. Itself from 6 decimals on. `None` above 64 bits.
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

    /// The largest sum of prices that is billed as `cap` or less, for a `cap` that is not negative:
    /// with a rounded total somewhat more than `cap` itself.
    #[must_use]
    pub fn largest_within(self, cap: Micros) -> Micros {
        match self {
            Self::Total(decimals @ 0..6) => {
                let unit = 10_i64.pow(6 - u32::from(decimals));
                // Half a unit more is rounded up, one less than that is not.
                Micros((cap.0 - cap.0 % unit).saturating_add(unit / 2 - 1))
            }
            Self::Exact | Self::PerMessage(_) | Self::Total(_) => cap,
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
            Err(MoneyFault::NotACurrency(text.to_owned()))
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

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (amount, decimals, rounded) in [
            ("0.004999", 2, "0.0000"),
            ("0.005", 2, "0.0100"),
            ("-0.004999", 2, "0.0000"),
            ("-0.005", 2, "-0.0100"),
            ("0.015", 2, "0.0200"),
            ("0.025", 2, "0.0300"),
            ("0.499999", 0, "0.0000"),
            ("0.5", 0, "1.0000"),
            ("1.5", 0, "2.0000"),
            ("-2.5", 0, "-3.0000"),
            ("0.05", 1, "0.1000"),
            ("0.0449", 1, "0.0000"),
            ("0.1235", 3, "0.1240"),
            ("0.12345", 4, "0.1235"),
            ("0.123455", 5, "0.123460"),
            ("0.123456", 6, "0.123456"),
            ("0.123456", 255, "0.123456"),
            ("9.995", 2, "10.0000"),
            ("0", 0, "0.0000"),
        ] {
            let exact: Micros = amount.parse().expect("an amount");
            let shown = exact.rounded(decimals).map(|amount| amount.to_string());
            assert_eq!(shown.as_deref(), Some(rounded), "{amount} to {decimals} decimals");
        }
    }

    #[test]
    fn an_amount_that_rounds_beyond_64_bits_is_absent() {
        for (micros, decimals) in [(i64::MAX, 0), (i64::MIN, 0), (i64::MAX, 3), (i64::MIN, 5)] {
            assert_eq!(Micros(micros).rounded(decimals), None, "{micros} to {decimals} decimals");
        }
        assert_eq!(Micros(i64::MAX).rounded(6), Some(Micros(i64::MAX)));
        assert_eq!(Micros(i64::MAX).rounded(4), Some(Micros(i64::MAX - 7)));
        assert_eq!(Micros(i64::MAX - 775_807).rounded(0), Some(Micros(i64::MAX - 775_807)));
    }

    /// Messages, and what they cost together when each is rounded or the sum is.
    #[test]
    fn each_message_rounded_is_another_bill_than_the_sum_rounded() {
        for (each, messages, exact, per_message, total) in [
            ("0.015", 3, "0.0450", "0.0600", "0.0500"),
            ("0.0249", 10, "0.2490", "0.2000", "0.2500"),
            ("0.055", 2, "0.1100", "0.1200", "0.1100"),
            ("0.05", 1_000, "50.0000", "50.0000", "50.0000"),
            ("0.001", 4, "0.0040", "0.0000", "0.0000"),
        ] {
            let each: Micros = each.parse().expect("an amount");
            let bill = |rounding: Rounding| {
                let sum = rounding.message(each).and_then(|message| message.checked_mul(messages));
                sum.and_then(|sum| rounding.total(sum)).expect("a small amount").to_string()
            };
            assert_eq!(bill(Rounding::Exact), exact, "{each} exactly");
            assert_eq!(bill(Rounding::PerMessage(2)), per_message, "{each} a message");
            assert_eq!(bill(Rounding::Total(2)), total, "{each} in total");
        }
    }

    #[test]
    fn a_currency_is_a_word_of_three_to_ten_letters() {
        for (text, code) in [("AUD", "AUD"), ("credit", "CREDIT"), ("Segmentsxx", "SEGMENTSXX")] {
            assert_eq!(text.parse::<Currency>().map(|currency| currency.to_string()), Ok(code.to_owned()));
        }
        for text in ["", "$", "AU", "A$D", "AUD ", "Segmentsxxx", "ÄUD", "12"] {
            assert_eq!(text.parse::<Currency>(), Err(MoneyFault::NotACurrency(text.to_owned())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_sum_is_within_a_cap_exactly_where_its_bill_is(
            sum in 0_i64..5_000_000,
            cap in 0_i64..5_000_000,
            decimals in 0_u8..8,
        ) {
            for rounding in [Rounding::Exact, Rounding::PerMessage(decimals), Rounding::Total(decimals)] {
                let billed = rounding.total(Micros(sum)).expect("small");
                prop_assert_eq!(Micros(sum) <= rounding.largest_within(Micros(cap)), billed <= Micros(cap));
            }
        }
    }

    proptest! {
        #[test]
        fn rounding_twice_is_rounding_once(micros in any::<i64>(), decimals in 0_u8..9) {
            if let Some(once) = Micros(micros).rounded(decimals) {
                prop_assert_eq!(once.rounded(decimals), Some(once));
            }
        }

        #[test]
        fn rounding_moves_an_amount_by_half_a_unit_at_most(micros in any::<i64>(), decimals in 0_u8..=6) {
            let unit = 10_i128.pow(6 - u32::from(decimals));
            if let Some(rounded) = Micros(micros).rounded(decimals) {
                let moved = i128::from(rounded.0) - i128::from(micros);
                prop_assert!(moved.abs() * 2 <= unit, "{} moved by {}", micros, moved);
                prop_assert_eq!(i128::from(rounded.0) % unit, 0);
            }
        }

        #[test]
        fn below_zero_is_the_mirror_of_above(micros in -i64::MAX..=i64::MAX, decimals in 0_u8..=6) {
            let mirrored = Micros(-micros).rounded(decimals).map(|amount| -amount.0);
            prop_assert_eq!(Micros(micros).rounded(decimals).map(|amount| amount.0), mirrored);
        }

        #[test]
        fn a_larger_amount_is_not_rounded_to_a_smaller_one(
            one in -1_000_000_000_i64..1_000_000_000,
            more in 0_i64..10_000_000,
            decimals in 0_u8..=6,
        ) {
            prop_assert!(Micros(one).rounded(decimals) <= Micros(one + more).rounded(decimals));
        }

        /// Each of n messages is moved by half a unit at most, and so is their sum.
        #[test]
        fn the_two_roundings_differ_by_half_a_unit_a_message_and_half_a_unit_at_most(
            messages in proptest::collection::vec(0_i64..100_000_000, 0..50),
            decimals in 0_u8..=6,
        ) {
            let bill = |rounding: Rounding| {
                let add = |sum: Micros, micros: &i64| sum.checked_add(rounding.message(Micros(*micros))?);
                rounding.total(messages.iter().try_fold(Micros::ZERO, add)?)
            };
            let each = bill(Rounding::PerMessage(decimals)).expect("a small amount").0;
            let total = bill(Rounding::Total(decimals)).expect("a small amount").0;
            let unit = 10_i64.pow(6 - u32::from(decimals));
            let halves = i64::try_from(messages.len()).expect("few") + 1;
            prop_assert!((each - total).abs() * 2 <= halves * unit, "{} and {}", each, total);
        }

        #[test]
        fn what_is_written_reads_back(micros in -i64::MAX..=i64::MAX) {
            prop_assert_eq!(Micros(micros).to_string().parse(), Ok(Micros(micros)));
        }
    }
}
