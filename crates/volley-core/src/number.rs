//! Phone numbers: from what people type to E.164, for every country.
//!
//! Validity is libphonenumber's. What nearly every cell holds, 3 to 16 digits with blanks, brackets,
//! dashes, dots and a `+`, is judged by tables that were compiled from its metadata. Everything
//! else is left to its Rust port, which takes twenty times as long and which nothing else in Volley
//! names: digits of other scripts, other dashes and brackets, more or fewer digits. Where both can
//! answer they give the same answer, in every region; the tests know no exception.
//!
//! Our own rules stand in front: what a spreadsheet damaged is mended where that is certain, and
//! refused with letters and two numbers in one cell where the library would make a guess.

mod damage; // what spreadsheets did to a cell, and what of it can be undone
mod dial; // digits -> number, in libphonenumber's order of interpretation
mod digits; // a cell -> its digits
mod kind; // what a number is for
mod region; // the countries
mod tables; // the numbering plans
mod zero; // where numbers are written with one more zero

pub use self::{
    damage::Repair,
    kind::{Assignment, NumberKind},
    region::{Region, RegionFault},
};

use self::{
    digits::{Cell, Digits, POWERS_OF_TEN},
    tables::Code,
};
use rlibphonenumber::PHONE_NUMBER_UTIL;
use std::{fmt, num::NonZeroU64};

/// Whose metadata decides what a number is: the port of libphonenumber that `data/numbers` was
/// written from.
pub const NUMBER_METADATA: &str = "rlibphonenumber 2.2.15";

/// A phone number as its E.164 digits, `61491570006` (at most 15, ITU-T E.164).
///
/// [`Msisdn::parse`] makes one from text, [`Msisdn::from_digits`] reads back what was stored; code
/// that holds one never checks again. No country code starts with 0, so a `u64` keeps every
/// digit: 8 bytes, `Copy`, cheap to compare. It is personal data: `Debug` prints the last three
/// digits only; `Display` prints it whole, `+61491570006`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Msisdn(NonZeroU64);

/// A number and how it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The number.
    pub number: Msisdn,
    /// What [`Msisdn::assignment`] says of it.
    pub assignment: Option<Assignment>,
    /// What had to be mended, counted in the preview; `None` for the usual spellings.
    pub repair: Option<Repair>,
}

/// Why a text is no number that can be texted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum NumberFault {
    /// Nothing but blanks.
    #[error("no number")]
    Empty,
    /// `6.14E+10`: a spreadsheet rounded it, the digits are gone.
    #[error("a spreadsheet shortened it and digits are lost; export the column as text")]
    Exponent,
    /// `1234567890123450000`: a spreadsheet kept 15 digits and wrote zeros for the others.
    #[error("a spreadsheet kept 15 digits and wrote zeros for the others; export the column as text")]
    Rounded,
    /// `#N/A`, `########`: what a spreadsheet shows where it has nothing to show.
    #[error("a spreadsheet's error instead of a number")]
    SheetError,
    /// Letters in it.
    #[error("letters in the number")]
    Letters,
    /// Signs that no phone number has, such as a second `+`, a slash or a comma.
    #[error("signs that a phone number does not have, or two numbers in one cell")]
    Signs,
    /// Not a number in use anywhere, by libphonenumber's metadata.
    #[error("not a valid phone number")]
    Invalid,
}

impl Msisdn {
    /// Reads a number as people write it. `region` is the country of numbers without a country
    /// code; with `None` only international spellings are read.
    ///
    /// Spaces, dots, dashes and brackets are taken out; digits of any script are digits.
    #[inline]
    pub fn parse(text: &str, region: Option<Region>) -> Result<Parsed, NumberFault> {
        match Cell::read(text) {
            Some(cell) => Self::of_cell(&cell, region).ok_or_else(|| damage::refusal(text)),
            None => Self::parse_damaged(text, region),
        }
    }

    /// Reads a cell that has more than digits and plain signs, or fewer or more digits than usual.
    #[cold]
    fn parse_damaged(text: &str, region: Option<Region>) -> Result<Parsed, NumberFault> {
        damage::mended(text, |text| match Cell::read(text) {
            Some(cell) => Self::of_cell(&cell, region),
            None if digits::are_too_few(text) => None,
            None => Self::of_library(text, region),
        })
    }

    /// What the tables make of `cell`.
    #[inline]
    fn of_cell(cell: &Cell, region: Option<Region>) -> Option<Parsed> {
        dial::number(cell, region.map(Region::plan))
    }

    /// What libphonenumber makes of `text`.
    fn of_library(text: &str, region: Option<Region>) -> Option<Parsed> {
        let region = region.and_then(|region| rlibphonenumber::Region::from_code(region.letters()).ok());
        let number = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
        if !PHONE_NUMBER_UTIL.is_valid_number(&number) {
            return None;
        }
        let country_code = u64::try_from(number.country_code).ok()?;
        let zeros = if number.italian_leading_zero() {
            number.number_of_leading_zeros().max(0).unsigned_abs()
        } else {
            0
        };
        let national_length = zeros + decimal_length(number.national_number);
        let digits = 10_u64.checked_pow(national_length)?.checked_mul(country_code)?;
        let number = Self::from_digits(digits.checked_add(number.national_number)?)?;
        Some(Parsed { number, assignment: number.assignment(), repair: None })
    }

    /// Where the number belongs and what it is for; `None` if it is not in use. A number that was
    /// parsed is.
    pub fn assignment(self) -> Option<Assignment> {
        let digits = Digits::of(self);
        let code = Code::of(digits)?;
        let finding = code.finding(digits.without(code.length));
        Some(Assignment { region: Region::at(code.region(finding)), kind: finding.kind? })
    }

    /// The number with these E.164 digits, or `None` unless there are 7 to 15 of them. Whether
    /// the number is in use is not asked: it was, when it was parsed.
    #[inline]
    pub fn from_digits(digits: u64) -> Option<Self> {
        let long_enough = (1_000_000..=999_999_999_999_999).contains(&digits);
        NonZeroU64::new(digits).filter(|_| long_enough).map(Self)
    }

    /// Its E.164 digits as a number.
    pub const fn digits(self) -> u64 {
        self.0.get()
    }

    /// How many digits it has, 7 to 15.
    #[inline]
    pub const fn length(self) -> u8 {
        let least = LEAST_LENGTHS[self.0.ilog2() as usize];
        least + (self.digits() >= POWERS_OF_TEN[least as usize]) as u8
    }

    /// Safe to show: the last three digits, `•••006`.
    pub fn masked(self) -> String {
        format!("•••{:03}", self.digits() % 1_000)
    }

    /// Its digits filled up with zeros to 15, and how many it has.
    #[inline]
    pub(crate) fn padded(self) -> (u64, u8) {
        let length = self.length();
        (self.digits() * POWERS_OF_TEN[usize::from(15 - length)], length)
    }
}

/// How many digits the smallest number has whose highest bit is this one: other numbers with that bit
/// have as many, or one more.
static LEAST_LENGTHS: [u8; 64] = {
    let mut lengths = [0; 64];
    let mut bit = 0;
    while bit < lengths.len() {
        lengths[bit] = (1_u64 << bit).ilog10().to_le_bytes()[0] + 1;
        bit += 1;
    }
    lengths
};

impl fmt::Display for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Msisdn({})", self.masked())
    }
}

fn decimal_length(number: u64) -> u32 {
    number.checked_ilog10().map_or(1, |log| log + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn au() -> Option<Region> {
        "AU".parse().ok()
    }

    #[test]
    fn spellings_of_one_number_are_one_number() {
        for text in [
            "0491 570 006",
            "0491570006",
            "+61491570006",
            "+61 491 570 006",
            "61491570006",
            "(0491) 570-006",
            "0491.570.006",
            "0011 61 491 570 006",
            "  0491570006 ",
            "+61 (0)491 570 006",
            "0491\u{2011}570\u{2011}006",
        ] {
            let parsed = Msisdn::parse(text, au());
            assert_eq!(parsed.map(|p| (p.number.digits(), p.repair)), Ok((61_491_570_006, None)), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_reason() {
        use NumberFault as F;
        for (text, fault) in [
            ("", F::Empty),
            ("   ", F::Empty),
            ("\u{a0}", F::Empty),
            ("n/a", F::Letters),
            ("unknown", F::Letters),
            ("1800 FLOWERS", F::Letters),
            ("0491 570 006 x5", F::Letters),
            ("0491570006, 0491570156", F::Signs),
            ("0491570006/0491570156", F::Signs),
            ("+61+491570006", F::Signs),
            ("61+491570006", F::Signs),
            ("++61491570006", F::Signs),
            ("#0491570006", F::Signs),
            ("='0491570006", F::Signs),
            ("-", F::Invalid),
            ("+", F::Invalid),
            ("()", F::Invalid),
            ("0", F::Invalid),
            ("000", F::Invalid),
            ("0491 570", F::Invalid),
            ("+614915700061", F::Invalid),
            ("+99912345678", F::Invalid),
            ("0491570006 0491570156", F::Invalid),
            ("61491570006.5", F::Invalid),
        ] {
            assert_eq!(Msisdn::parse(text, au()).map(|p| p.number.digits()), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn every_country_is_known() {
        for (text, region, digits) in [
            ("(202) 555-0123", "US", 12_025_550_123),
            ("07400 123456", "GB", 447_400_123_456),
            ("081 234 5678", "TH", 66_812_345_678),
            ("8123 4567", "SG", 6_581_234_567),
            ("06 1234 5678", "IT", 390_612_345_678),
            ("151 23456789", "DE", 4_915_123_456_789),
        ] {
            let parsed = Msisdn::parse(text, region.parse().ok()).map(|p| p.number.digits());
            assert_eq!(parsed, Ok(digits), "{text} in {region}");
        }
        assert!("XX".parse::<Region>().is_err());
        assert!("Australia".parse::<Region>().is_err());
    }

    #[test]
    fn a_number_without_a_region_needs_its_country_code() {
        assert_eq!(Msisdn::parse("0491570006", None), Err(NumberFault::Invalid));
        assert!(Msisdn::parse("+61491570006", None).is_ok());
    }

    #[test]
    fn a_number_is_as_long_as_it_is_written() {
        for digits in (6..15).map(|zeros| 10_u64.pow(zeros)) {
            for digits in [digits, digits + 1, 5 * digits, 10 * digits - 1] {
                let number = Msisdn::from_digits(digits).expect("7 to 15 digits");
                let text = digits.to_string();
                assert_eq!(usize::from(number.length()), text.len(), "{digits}");
                assert_eq!(
                    number.padded(),
                    (format!("{text:0<15}").parse().expect("digits"), number.length())
                );
            }
        }
    }

    #[test]
    fn debug_shows_three_digits_only() {
        let number = Msisdn::from_digits(61_491_570_006).expect("fictitious");
        assert_eq!(format!("{number:?} {number}"), "Msisdn(•••006) +61491570006");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn normalising_twice_changes_nothing(text in "[+]?[0-9 ().-]{6,18}") {
            if let Ok(once) = Msisdn::parse(&text, au()) {
                let twice = Msisdn::parse(&once.number.to_string(), au());
                prop_assert_eq!(twice, Ok(Parsed { repair: None, ..once }));
                prop_assert_eq!(once.assignment, once.number.assignment());
            }
        }

        #[test]
        fn the_library_alone_says_the_same_of_any_text(
            text in prop_oneof![
                "\\PC{0,20}",
                "[ (]{0,2}[+]?[0-9 ().-]{0,24}",
                "[+＋]{0,2}[0-9٠-٩ ().\\-\\[/x,;\t\u{a0}\u{2011}]{0,20}[.]?0?",
                "(=\"|['’])?[1-9][0-9]{0,2}([,. ][0-9]{3}){2,5}([.,]00?)?\"?",
                "'?[1-9][.,]?[0-9]{0,16}(E[+]?1[0-9])?0{0,6}",
            ],
            place in 0..tables::Plan::all().len(),
        ) {
            let region = Region::at(u8::try_from(place).expect("some 250 regions"));
            let by_library = damage::mended(&text, |text| Msisdn::of_library(text, region));
            // Whether a zero is missing only the tables tell.
            let repair = |parsed: Parsed| parsed.repair.filter(|repair| *repair != Repair::LeadingZero);
            let parsed = Msisdn::parse(&text, region);
            prop_assert_eq!(parsed.map(|parsed| Parsed { repair: repair(parsed), ..parsed }), by_library);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let parsed = Msisdn::parse(&text, au());
            prop_assert!(parsed.is_err() || parsed.is_ok_and(|p| p.number.length() <= 15));
        }
    }
}
