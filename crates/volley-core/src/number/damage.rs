//! What spreadsheets, exports and web pages do to numbers, and what of it can be undone.
//!
//! A repair takes away what was put around or between the digits, or writes the same amount
//! another way. It never adds a digit, changes one or chooses between two readings: where that
//! would be needed, the text is refused. Cells of digits and plain signs never come here.

use super::{NumberFault, Parsed};
use std::borrow::Cow;

/// Damage that leaves no doubt about the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Repair {
    /// A decimal tail that a spreadsheet added: `61491570006.0`.
    DecimalTail,
    /// Non-breaking spaces or zero-width marks.
    InvisibleMarks,
    /// Digits of another script or width.
    ForeignDigits,
    /// A formula that was to keep the number a text: `="0491570006"`.
    FormulaText,
    /// The apostrophe that marks a cell as text: `'0491570006`.
    Apostrophe,
    /// A spreadsheet took the number for an amount and dropped its zero: `491570006`. Only where
    /// people always write that zero, and only mobile and fixed numbers; without a spreadsheet's
    /// doing they are counted as well.
    LeadingZero,
    /// An exponent behind all of the digits: `6.1491570006E+10`.
    FullExponent,
    /// Marks between thousands: `61,491,570,006`.
    ThousandsMarks,
}

impl Repair {
    /// The word that previews count it under.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DecimalTail => "decimal_tail",
            Self::InvisibleMarks => "invisible_marks",
            Self::ForeignDigits => "foreign_digits",
            Self::FormulaText => "formula_text",
            Self::Apostrophe => "apostrophe",
            Self::LeadingZero => "leading_zero",
            Self::FullExponent => "full_exponent",
            Self::ThousandsMarks => "thousands_marks",
        }
    }
}

/// A decimal tail is believed behind so many digits or more.
const LEAST_DIGITS: usize = 7;

/// An exponent is believed from so many digits on.
const LEAST_EXPONENT_DIGITS: usize = 9;

/// A spreadsheet keeps so many digits of an amount, and writes zeros for the others.
const KEPT_DIGITS: usize = 15;

/// What `read` makes of `text` once its damage is mended, unless that leaves too much doubt.
#[cold]
pub(super) fn mended(text: &str, read: impl FnOnce(&str) -> Option<Parsed>) -> Result<Parsed, NumberFault> {
    let (text, marks) = without_marks(text);
    let (text, wrapping) = unwrapped(text.trim());
    if text.is_empty() {
        return Err(NumberFault::Empty);
    }
    let (text, spelling) = respelled(text)?;
    let foreign_digits = has_foreign_digits(&text)?.then_some(Repair::ForeignDigits);
    let repair = spelling.or(wrapping).or(marks).or(foreign_digits);
    // Between thousands there may be two numbers: only one with its country code is one for sure.
    let is_certain = |parsed: &Parsed| {
        spelling != Some(Repair::ThousandsMarks) || *text == parsed.number.digits().to_string()
    };
    match read(&text).filter(is_certain) {
        Some(parsed) => Ok(Parsed { repair: repair.or(parsed.repair), ..parsed }),
        None => Err(refusal(&text)),
    }
}

/// Why `text`, digits and signs that make no number, is none.
#[cold]
pub(super) fn refusal(text: &str) -> NumberFault {
    let text = text.trim_ascii().as_bytes();
    let (_, lost) = text.split_at(text.len().min(KEPT_DIGITS));
    let is_amount = matches!(text, [b'1'..=b'9', ..]) && text.iter().all(u8::is_ascii_digit);
    if is_amount && !lost.is_empty() && lost.iter().all(|digit| *digit == b'0') {
        NumberFault::Rounded
    } else {
        NumberFault::Invalid
    }
}

/// Takes out non-breaking spaces and zero-width marks, which copying from web pages leaves.
fn without_marks(text: &str) -> (Cow<'_, str>, Option<Repair>) {
    let mark = |character: char| matches!(character, '\u{A0}' | '\u{202F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    if text.is_ascii() || !text.contains(mark) {
        return (Cow::Borrowed(text), None);
    }
    (Cow::Owned(text.replace(mark, " ")), Some(Repair::InvisibleMarks))
}

/// `'0491570006`, `="0491570006"` and, from a bad export, `=""0491570006""` without what is around
/// them. A second apostrophe stays, as a sign that no number has: those are quotes.
fn unwrapped(text: &str) -> (&str, Option<Repair>) {
    let (text, apostrophe) = match text.strip_prefix(['\'', '\u{2018}', '\u{2019}']) {
        Some(marked) => (marked.trim_start(), Some(Repair::Apostrophe)),
        None => (text, None),
    };
    match text.strip_prefix('=').and_then(quoted) {
        Some(inner) => (quoted(inner).unwrap_or(inner), Some(Repair::FormulaText)),
        None => (text, apostrophe),
    }
}

/// What stands in double quotes, if that is all of `text`.
fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"').map(str::trim)
}

/// `text` as a spreadsheet would write the same amount without a format, and which one it had.
fn respelled(text: &str) -> Result<(Cow<'_, str>, Option<Repair>), NumberFault> {
    let (whole, tail) = parted_tail(text);
    let is_plain = || {
        let digits = whole.strip_prefix('+').unwrap_or(whole);
        digits.len() >= LEAST_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if tail.is_some() && is_plain() {
        return Ok((Cow::Borrowed(whole), Some(Repair::DecimalTail)));
    }
    // Blanks and dots part the digits of any number: alone they do not tell an amount.
    let is_telling = |mark: &char| tail.map_or(!matches!(mark, ' ' | '.'), |tail| tail != *mark);
    let mut marks = [',', '.', ' ', '\'', '\u{2019}'].into_iter().filter(is_telling);
    if let Some(mark) = marks.find(|mark| is_in_thousands(whole, *mark)) {
        return Ok((Cow::Owned(whole.replace(mark, "")), Some(Repair::ThousandsMarks)));
    }
    if is_sheet_error(text) {
        return Err(NumberFault::SheetError);
    }
    if let Some((mantissa, exponent)) = exponential(text) {
        let digits = all_digits(mantissa, exponent).ok_or(NumberFault::Exponent)?;
        return Ok((Cow::Owned(digits), Some(Repair::FullExponent)));
    }
    Ok((Cow::Borrowed(text), None))
}

/// `61491570006,00` before its decimal tail, and the mark that the tail starts with.
fn parted_tail(text: &str) -> (&str, Option<char>) {
    let length = match text.as_bytes() {
        [.., b'.' | b',', b'0'] => 2,
        [.., b'.' | b',', b'0', b'0'] => 3,
        _ => return (text, None),
    };
    let (whole, tail) = text.split_at(text.len() - length);
    (whole, tail.chars().next())
}

/// Whether `text` is an amount of three groups or more with `mark` between them: three digits
/// each, and one to three in front that do not start with 0.
fn is_in_thousands(text: &str, mark: char) -> bool {
    let mut groups = text.split(mark);
    let is_group = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().unwrap_or_default();
    if !(1..=3).contains(&first.len()) || !is_group(first) || first.starts_with('0') {
        return false;
    }
    let mut count = 1;
    groups.all(|group| {
        count += 1;
        group.len() == 3 && is_group(group)
    }) && count >= 3
}

/// What a spreadsheet shows instead of a value: `#N/A`, `#REF!`, `#NAME?` and the like in its own
/// language, `Err:502`, or `########` where the column is too narrow.
fn is_sheet_error(text: &str) -> bool {
    if let Some(code) = text.strip_prefix("Err:") {
        return !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit());
    }
    let Some(name) = text.strip_prefix('#') else { return false };
    let word = name.trim_start_matches(['¡', '¿']).trim_end_matches(['!', '?']);
    let is_word = word.starts_with(char::is_alphabetic)
        && word.chars().all(|character| character.is_alphabetic() || matches!(character, '/' | '0'));
    let is_error = word.len() < name.len() || word.contains('/') || word == "NV";
    let is_too_narrow = !name.is_empty() && name.bytes().all(|byte| byte == b'#');
    is_too_narrow || is_word && is_error
}

/// `6.14E+10`, `6,14E10`: what stands before the `E` and behind it. So a spreadsheet shows an
/// amount that is too wide for its column.
fn exponential(text: &str) -> Option<(&str, &str)> {
    let (mantissa, exponent) = text.split_once(['E', 'e'])?;
    let is_digit = |character: char| character.is_ascii_digit();
    let size = exponent.trim_start_matches(['+', '-']);
    let is_exponential = !size.is_empty()
        && size.chars().all(is_digit)
        && mantissa.starts_with(is_digit)
        && mantissa.chars().all(|character| is_digit(character) || matches!(character, '.' | ','));
    is_exponential.then_some((mantissa, exponent))
}

/// The digits of `6.1491570006E+10` where none is missing: one in front of the point, and as many
/// behind it as the exponent says. Four zeros at the end may have been filled in.
fn all_digits(mantissa: &str, exponent: &str) -> Option<String> {
    let (first, behind) = mantissa.split_once(['.', ','])?;
    let exponent: usize = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let digits = format!("{first}{behind}");
    let is_whole = first.len() == 1
        && first != "0"
        && behind.len() == exponent
        && behind.bytes().all(|byte| byte.is_ascii_digit())
        && digits.len() >= LEAST_EXPONENT_DIGITS
        && !digits.ends_with("0000");
    is_whole.then_some(digits)
}

/// Whether digits of another script occur; refuses what no phone number has.
fn has_foreign_digits(text: &str) -> Result<bool, NumberFault> {
    let mut foreign_digits = false;
    let mut digits = 0_u32;
    let mut pluses = 0_u32;
    for character in text.chars() {
        match character {
            '0'..='9' => digits += 1,
            ' ' | '(' | ')' | '-' | '.' | '[' | ']' | '\t' | '\u{2010}'..='\u{2015}' | '\u{3000}' => {}
            '+' | '\u{FF0B}' if digits == 0 && pluses == 0 => pluses += 1,
            _ if character.is_alphabetic() => return Err(NumberFault::Letters),
            _ if character.is_numeric() => {
                digits += 1;
                foreign_digits = true;
            }
            _ => return Err(NumberFault::Signs),
        }
    }
    Ok(foreign_digits)
}

#[cfg(test)]
mod tests {
    use super::super::{Msisdn, Region};
    use super::*;
    use proptest::prelude::*;

    fn au() -> Option<Region> {
        "AU".parse().ok()
    }

    fn digits(text: &str) -> Result<(u64, Option<Repair>), NumberFault> {
        Msisdn::parse(text, au()).map(|parsed| (parsed.number.digits(), parsed.repair))
    }

    #[test]
    fn damage_that_leaves_no_doubt_is_mended_and_counted() {
        use Repair as R;
        for (text, repair) in [
            ("61491570006.0", R::DecimalTail),
            ("61491570006.00", R::DecimalTail),
            ("+61491570006.0", R::DecimalTail),
            ("0491570006,0", R::DecimalTail),
            ("61491570006,00", R::DecimalTail),
            ("491570006.0", R::DecimalTail),
            ("0491\u{a0}570\u{a0}006", R::InvisibleMarks),
            ("\u{200e}+61491570006\u{202c}", R::InvisibleMarks),
            ("\u{ff10}\u{ff14}\u{ff19}\u{ff11}570006", R::ForeignDigits),
            ("٠٤٩١٥٧٠٠٠٦", R::ForeignDigits),
            ("=\"0491570006\"", R::FormulaText),
            ("=\"+61 491 570 006\"", R::FormulaText),
            ("=\"\"0491570006\"\"", R::FormulaText),
            ("=\" 491570006 \"", R::FormulaText),
            ("'=\"0491570006\"", R::FormulaText),
            ("=\"0491\u{a0}570006\"", R::FormulaText),
            ("'0491570006", R::Apostrophe),
            ("' 0491 570 006", R::Apostrophe),
            ("'+61491570006", R::Apostrophe),
            ("\u{2019}0491570006", R::Apostrophe),
            ("\u{2018}0491570006", R::Apostrophe),
            ("'491570006", R::Apostrophe),
            ("'61491570006.0", R::DecimalTail),
            ("491570006", R::LeadingZero),
            ("491 570 006", R::LeadingZero),
            ("6.1491570006E+10", R::FullExponent),
            ("6,1491570006E10", R::FullExponent),
            ("6.1491570006e+010", R::FullExponent),
            ("4.91570006E+8", R::FullExponent),
            ("61,491,570,006", R::ThousandsMarks),
            ("61,491,570,006.00", R::ThousandsMarks),
            ("61.491.570.006,0", R::ThousandsMarks),
            ("61 491 570 006,00", R::ThousandsMarks),
            ("61\u{202f}491\u{202f}570\u{202f}006,00", R::ThousandsMarks),
            ("61'491'570'006", R::ThousandsMarks),
            ("61\u{2019}491\u{2019}570\u{2019}006.00", R::ThousandsMarks),
        ] {
            assert_eq!(digits(text), Ok((61_491_570_006, Some(repair))), "{text}");
        }
    }

    #[test]
    fn a_round_number_with_a_decimal_tail_is_a_number() {
        assert_eq!(digits("61400000000.0"), Ok((61_400_000_000, Some(Repair::DecimalTail))));
    }

    #[test]
    fn damage_that_leaves_doubt_is_refused_with_its_reason() {
        use NumberFault as F;
        for (text, fault) in [
            // Nothing in it.
            ("=\"\"", F::Empty),
            ("=\" \"", F::Empty),
            ("'", F::Empty),
            // Digits are lost.
            ("6.14E+10", F::Exponent),
            ("6,1449E+10", F::Exponent),
            ("6E10", F::Exponent),
            ("6.149157000E+10", F::Exponent),
            ("6.14915700060E+10", F::Exponent),
            ("6.1491570000E+10", F::Exponent),
            ("6.1491570006E-10", F::Exponent),
            ("61.491570006E+9", F::Exponent),
            ("0.61491570006E+11", F::Exponent),
            ("6.1.491570006E+10", F::Exponent),
            ("4.157006E+6", F::Exponent),
            ("6.1491570006E+99999999999999999999", F::Exponent),
            ("=\"6.14E+10\"", F::Exponent),
            // So are these: two numbers, or one that is too long.
            ("4915700060491571", F::Invalid),
            ("4915700060491570", F::Rounded),
            (" 491570006049157000 ", F::Rounded),
            ("491570006049157000.0", F::Rounded),
            ("123,456,789,012,345,000", F::Rounded),
            ("'4915700060491570000", F::Rounded),
            ("0000000000000000", F::Invalid),
            ("0491570006000000", F::Invalid),
            ("+1234567890123450", F::Invalid),
            // The spreadsheet had nothing.
            ("#N/A", F::SheetError),
            ("#REF!", F::SheetError),
            ("#VALUE!", F::SheetError),
            ("#NAME?", F::SheetError),
            ("#DIV/0!", F::SheetError),
            ("#NUM!", F::SheetError),
            ("#NULL!", F::SheetError),
            ("#NV", F::SheetError),
            ("#¡VALOR!", F::SheetError),
            ("#Н/Д", F::SheetError),
            ("#ЗНАЧ!", F::SheetError),
            ("Err:502", F::SheetError),
            ("########", F::SheetError),
            ("=\"#N/A\"", F::SheetError),
            ("#", F::Signs),
            ("#!", F::Signs),
            ("# all of", F::Signs),
            ("#1", F::Signs),
            ("#Perth", F::Signs),
            ("Err:", F::Letters),
            // Quotes, and formulas that are no text.
            ("'0491570006'", F::Signs),
            ("\u{2018}0491570006\u{2019}", F::Signs),
            ("''0491570006", F::Signs),
            ("0491570006'", F::Signs),
            ("\"0491570006\"", F::Signs),
            ("=\"0491570006", F::Signs),
            ("=\"", F::Signs),
            ("=0491570006", F::Signs),
            ("='0491570006", F::Signs),
            ("=\"'0491570006\"", F::Signs),
            ("=\"0491\"&\"570006\"", F::Signs),
            // Amounts, and more than one number.
            ("491,570,006", F::Invalid),
            ("131,114,222", F::Invalid),
            ("1.234.567,00", F::Invalid),
            ("61,491,570,006,0", F::Signs),
            ("61491,570,006", F::Signs),
            ("61,491,570,06", F::Signs),
            ("061,491,570,006", F::Signs),
            ("+61,491,570,006", F::Signs),
            ("61,491.570,006", F::Signs),
            ("61491570006,000", F::Signs),
            ("61491570006.5", F::Invalid),
            ("491570.0", F::Invalid),
            ("$61,491,570,006.00", F::Signs),
            ("61491570006%", F::Signs),
            ("12/04/1990", F::Signs),
        ] {
            assert_eq!(digits(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn thousands_are_believed_only_with_the_country_code() {
        let us = "US".parse().ok();
        let repair = |text: &str, region| Msisdn::parse(text, region).map(|parsed| parsed.repair);
        assert_eq!(repair("12,025,550,123", us), Ok(Some(Repair::ThousandsMarks)));
        assert_eq!(repair("2,025,550,123", us), Err(NumberFault::Invalid));
        assert_eq!(repair("61,491,570,006", us), Err(NumberFault::Invalid));
        assert_eq!(repair("61,491,570,006", None), Err(NumberFault::Invalid));
    }

    /// One number, in the spellings that a cell may have.
    fn spelled() -> impl Strategy<Value = String> {
        let number = "49157[0-9]{4}";
        prop_oneof![
            number.prop_map(|number| format!("0{number}")),
            number.prop_map(|number| format!("+61{number}")),
            number.prop_map(|number| format!("61{number}")),
            number.prop_map(|number| format!("61,{},{},{}", &number[..3], &number[3..6], &number[6..])),
            number.prop_map(|number| format!("0{} {} {}", &number[..3], &number[3..6], &number[6..])),
            number,
        ]
    }

    /// What a spreadsheet may put around the whole of a cell.
    fn damaged(cell: &str, damage: usize) -> String {
        match damage {
            0 => format!("=\"{cell}\""),
            1 => format!("'{cell}"),
            2 => format!("{cell}.0"),
            3 => format!("{cell},00"),
            4 => format!("=\"\"{cell}\"\""),
            5 => format!("\u{200e}{cell}\u{a0}"),
            _ => cell.to_owned(),
        }
    }

    /// The ASCII digits of `text`.
    fn kept(text: &str) -> String {
        text.chars().filter(char::is_ascii_digit).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn what_is_around_a_number_does_not_change_it(cell in spelled(), damage in 0..7_usize) {
            if let Ok((number, _)) = digits(&damaged(&cell, damage)) {
                prop_assert_eq!(Ok(number), digits(&format!("+{number}")).map(|(number, _)| number));
                let national = kept(&cell);
                let last_nine = &national[national.len() - 9..];
                prop_assert_eq!(&number.to_string()[2..], last_nine);
            }
        }

        #[test]
        fn every_spelling_of_a_mobile_number_is_read_from_a_formula_and_behind_an_apostrophe(
            cell in spelled(), damage in 0..2_usize,
        ) {
            prop_assert!(digits(&damaged(&cell, damage)).is_ok(), "{}", cell);
        }

        #[test]
        fn two_numbers_are_never_made_one(
            first in spelled(),
            between in prop_oneof!["[,;/| &'.:\"=+-]{1,3}", Just(" or ".to_owned()), Just(String::new())],
            second in spelled(),
            damage in 0..7_usize,
        ) {
            let both = damaged(&format!("{first}{between}{second}"), damage);
            prop_assert!(digits(&both).is_err(), "{}", both);
            let each_damaged = format!("{}{between}{}", damaged(&first, damage), damaged(&second, damage));
            prop_assert!(digits(&each_damaged).is_err(), "{}", each_damaged);
        }

        #[test]
        fn an_exponent_that_hides_a_digit_is_never_read(mantissa in "[1-9][.,][0-9]{0,13}", exponent in 7..15_usize) {
            let text = format!("{mantissa}E+{exponent}");
            let plain = kept(&mantissa);
            let number = |text: &str| digits(text).map(|(number, _)| number);
            if plain.len() == exponent + 1 && exponent >= 8 && !plain.ends_with("0000") {
                prop_assert_eq!(number(&text), number(&plain));
            } else {
                prop_assert_eq!(number(&text), Err(NumberFault::Exponent));
            }
        }

        #[test]
        fn a_mended_number_is_that_of_its_digits_alone(
            text in "(=\"|['’])?[+]?[0-9]{1,4}([,. ']?[0-9]{3}){1,4}([.,]0{1,3})?(E[+]?[0-9]{1,2})?\"?",
            place in 0..u8::try_from(super::super::tables::Plan::all().len()).expect("some 250 regions"),
        ) {
            if let Ok(Parsed { number, repair: Some(repair), .. }) = Msisdn::parse(&text, Region::at(place)) {
                let (whole, _) = text.split_once('E').unwrap_or((&text, ""));
                let whole = match repair {
                    Repair::DecimalTail | Repair::ThousandsMarks => parted_tail(whole.trim_end_matches('"')).0,
                    _ => whole,
                };
                let plus = if whole.contains('+') { "+" } else { "" };
                let plain = Msisdn::parse(&format!("{plus}{}", kept(whole)), Region::at(place));
                prop_assert_eq!(plain.map(|plain| plain.number), Ok(number), "{:?}", repair);
            }
        }
    }
}
