//! What the numbers of a list say about the file they came in.
//!
//! A damaged cell is mended or a reject, and told by its row. Many of one kind come from something
//! that happened to the whole file and are put right there, so they are said once more, as a
//! warning. The thresholds are our own: low for what texts strangers, high for what is no harm.

use crate::Reason;
use volley_core::{Msisdn, NumberFault, Repair};

/// From one row in so many on, shortened numbers are taken for damage of the whole file.
const SHORTENED_ONE_IN: u64 = 100;

/// So many round numbers are a coincidence, one in a million ends in six zeros; so are fewer than
/// one in so many rows.
const ROUND_BY_CHANCE: u64 = 2;
const ROUND_ONE_IN: u64 = 10_000;

/// One number in ten thousand ends in four zeros; from one in so many on, and from so many numbers
/// on, a spreadsheet rounded them.
const ROUNDED_ONE_IN: u64 = 100;
const ROUNDED_ROWS: u64 = 5;

/// From one row in so many on, and from so many rows on, the same fault is taken for a setting
/// that does not suit the list.
const UNSUITED_ONE_IN: u64 = 5;
const UNSUITED_ROWS: u64 = 10;

/// Counts what is typical of damaged files: an addition or two a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forensics {
    /// Rows whose number was read.
    read: u64,
    without_zero: u64,
    /// Ending in six zeros, and in four.
    round: u64,
    rounded: u64,
    shortened: u64,
    cut: u64,
    errors: u64,
    invalid: u64,
    /// Rows with letters or signs in place of a number.
    unlike: u64,
    not_utf8: u64,
}

impl Forensics {
    /// Takes a row with the number `to`. Duplicates count: rounding is what makes numbers alike.
    pub(crate) fn accepted(&mut self, to: Msisdn, repair: Option<Repair>) {
        self.read += 1;
        self.without_zero += u64::from(repair == Some(Repair::LeadingZero));
        if to.digits().is_multiple_of(10_000) {
            self.rounded += 1;
            self.round += u64::from(to.digits().is_multiple_of(1_000_000));
        }
    }

    /// Takes a row that was left out.
    pub(crate) fn rejected(&mut self, reason: Reason) {
        let Reason::Number(fault) = reason else {
            self.not_utf8 += u64::from(reason == Reason::BadUtf8);
            return;
        };
        match fault {
            NumberFault::Empty => {}
            NumberFault::Exponent => self.shortened += 1,
            NumberFault::Rounded => self.cut += 1,
            NumberFault::SheetError => self.errors += 1,
            NumberFault::Letters | NumberFault::Signs => self.unlike += 1,
            NumberFault::Invalid => self.invalid += 1,
        }
    }

    /// Takes what another part of the list came to.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self { read, without_zero, round, rounded, shortened, cut, errors, invalid, unlike, not_utf8 } =
            self;
        *read += other.read;
        *without_zero += other.without_zero;
        *round += other.round;
        *rounded += other.rounded;
        *shortened += other.shortened;
        *cut += other.cut;
        *errors += other.errors;
        *invalid += other.invalid;
        *unlike += other.unlike;
        *not_utf8 += other.not_utf8;
    }

    /// What to know about `file`, which has so many rows, a sentence each. Nothing for a sound list.
    pub(crate) fn warnings(&self, file: &str, rows: u64) -> Vec<String> {
        let Self { read, without_zero, round, rounded, shortened, cut, errors, invalid, unlike, not_utf8 } =
            *self;
        let is_unsuited = |count: u64| count >= UNSUITED_ROWS && count * UNSUITED_ONE_IN >= rows;
        let mut warnings = Vec::new();
        let mut warn = |is_so: bool, what: String| {
            if is_so {
                warnings.push(format!("{file}: {what}"));
            }
        };
        let is_file_shortened = shortened * SHORTENED_ONE_IN >= rows;
        warn(
            shortened > 0 && is_file_shortened,
            format!(
                "rows whose number a spreadsheet shortened, as in 6.14E+10: {shortened} of {rows}; the file was \
                 saved like that and other numbers may be rounded; get the list anew, with the numbers as text"
            ),
        );
        warn(
            shortened > 0 && !is_file_shortened,
            format!(
                "rows whose number a spreadsheet shortened, as in 6.14E+10: {shortened}; they are left out; \
                 export the numbers as text to have them"
            ),
        );
        let is_rounded = rounded >= ROUNDED_ROWS && rounded * ROUNDED_ONE_IN >= rows;
        warn(
            is_rounded,
            format!(
                "numbers that end in four zeros or more: {rounded} of {rows}; they are strangers' then, because \
                 a list that shows 6.14123E+10 and is saved again has such numbers; get the list anew, with \
                 the numbers as text"
            ),
        );
        warn(
            !is_rounded && round > ROUND_BY_CHANCE && round * ROUND_ONE_IN > rows,
            format!(
                "numbers that end in six zeros or more: {round}; they may be strangers', because a list that \
                 shows 6.14E+10 and is saved again has such numbers; compare them with where the list is from"
            ),
        );
        warn(
            cut > 0,
            format!(
                "rows whose number a spreadsheet cut to 15 digits: {cut}; they are left out; look for two \
                 numbers in one cell, and export the numbers as text"
            ),
        );
        warn(
            errors > 0,
            format!(
                "rows with a spreadsheet's error for a number, such as #N/A: {errors}; they are left out; mend \
                 the cells and export the list again"
            ),
        );
        warn(
            without_zero * 2 > read,
            format!(
                "numbers that lost their leading zero, as spreadsheets have it: {without_zero} of {read}; they \
                 are read as numbers of recipients.region; make sure that all of them are"
            ),
        );
        warn(
            is_unsuited(invalid),
            format!(
                "rows whose number is not valid: {invalid} of {rows}; check recipients.region, the country of \
                 numbers without a country code, and recipients.number, their column"
            ),
        );
        warn(
            is_unsuited(unlike),
            format!(
                "rows with letters or signs for a number: {unlike} of {rows}; check recipients.number, the \
                 column of the numbers"
            ),
        );
        warn(
            not_utf8 * UNSUITED_ONE_IN >= rows && not_utf8 > 0,
            format!(
                "rows that are not UTF-8: {not_utf8} of {rows}; save the list as UTF-8, or set \
                 recipients.encoding to what it is, often \"windows-1252\""
            ),
        );
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTENED: Reason = Reason::Number(NumberFault::Exponent);
    const INVALID: Reason = Reason::Number(NumberFault::Invalid);

    fn number(digits: u64) -> Msisdn {
        Msisdn::from_digits(digits).expect("a number")
    }

    /// What is said of a list with so many sound numbers and, besides, what `damage` takes.
    fn said(sound: u64, damage: impl FnOnce(&mut Forensics) -> u64) -> Vec<String> {
        let mut forensics = Forensics::default();
        for index in 0..sound {
            forensics.accepted(number(61_491_570_001 + index % 999), None);
        }
        let damaged = damage(&mut forensics);
        forensics.warnings("list.csv", sound + damaged)
    }

    fn rejects(count: u64, reason: Reason) -> impl FnOnce(&mut Forensics) -> u64 {
        move |forensics| {
            (0..count).for_each(|_| forensics.rejected(reason));
            count
        }
    }

    fn numbers(count: u64, digits: u64, repair: Option<Repair>) -> impl FnOnce(&mut Forensics) -> u64 {
        move |forensics| {
            (0..count).for_each(|_| forensics.accepted(number(digits), repair));
            count
        }
    }

    #[track_caller]
    fn assert_one(warnings: &[String], part: &str) {
        let [warning] = warnings else { panic!("{warnings:?}") };
        assert!(warning.starts_with("list.csv: ") && warning.contains(part), "{warning}");
    }

    #[test]
    fn nothing_is_said_of_a_sound_list_or_an_empty_one() {
        assert!(said(0, |_| 0).is_empty());
        assert!(said(10_000, |_| 0).is_empty());
        assert!(said(1, rejects(9, Reason::Number(NumberFault::Empty))).is_empty());
        assert!(said(0, rejects(1_000, Reason::Country)).is_empty());
    }

    #[test]
    fn one_shortened_number_is_said_and_one_in_a_hundred_is_damage_of_the_file() {
        assert_one(&said(9_999, rejects(1, SHORTENED)), "6.14E+10: 1; they are left out");
        assert_one(&said(9_901, rejects(99, SHORTENED)), "6.14E+10: 99; they are left out");
        assert_one(
            &said(9_900, rejects(100, SHORTENED)),
            "6.14E+10: 100 of 10000; the file was saved like that",
        );
        assert_one(&said(0, rejects(1, SHORTENED)), "6.14E+10: 1 of 1; the file was saved like that");
    }

    #[test]
    fn round_numbers_are_said_once_they_are_more_than_chance() {
        let round = |count| numbers(count, 61_400_000_000, Some(Repair::DecimalTail));
        assert!(said(0, round(1)).is_empty(), "61400000000.0 is a number");
        assert!(said(0, round(2)).is_empty());
        assert_one(&said(0, round(3)), "six zeros or more: 3;");
        assert_one(&said(29_996, round(3)), "six zeros or more: 3;");
        assert!(said(29_997, round(3)).is_empty(), "one in 10,000 rows");
        assert_one(&said(0, numbers(3, 61_491_000_000, None)), "six zeros or more: 3;");
    }

    #[test]
    fn one_number_in_a_hundred_that_ends_in_four_zeros_is_damage_of_the_file() {
        let rounded = |count| numbers(count, 61_491_570_000, None);
        assert!(said(0, rounded(4)).is_empty());
        assert_one(&said(0, rounded(5)), "four zeros or more: 5 of 5; they are strangers'");
        assert_one(&said(495, rounded(5)), "four zeros or more: 5 of 500;");
        assert!(said(496, rounded(5)).is_empty());
        assert_one(&said(0, numbers(9, 61_400_000_000, None)), "four zeros or more: 9 of 9;");
    }

    #[test]
    fn a_list_in_another_encoding_is_named_once() {
        assert_one(&said(4, rejects(1, Reason::BadUtf8)), "not UTF-8: 1 of 5; save the list as UTF-8");
        assert!(said(5, rejects(1, Reason::BadUtf8)).is_empty());
    }

    #[test]
    fn numbers_cut_to_fifteen_digits_and_errors_are_said_from_the_first_on() {
        let cut = rejects(1, Reason::Number(NumberFault::Rounded));
        assert_one(&said(10_000, cut), "cut to 15 digits: 1;");
        let error = rejects(1, Reason::Number(NumberFault::SheetError));
        assert_one(&said(10_000, error), "such as #N/A: 1;");
    }

    #[test]
    fn lost_zeros_are_said_where_most_numbers_lost_theirs() {
        let lost = |count| numbers(count, 61_491_570_006, Some(Repair::LeadingZero));
        assert!(said(500, lost(500)).is_empty());
        assert_one(&said(500, lost(501)), "leading zero, as spreadsheets have it: 501 of 1001;");
        assert!(said(0, numbers(9, 61_491_570_006, Some(Repair::Apostrophe))).is_empty());
    }

    #[test]
    fn a_fifth_of_the_rows_with_one_fault_puts_a_setting_in_doubt() {
        assert_one(&said(40, rejects(10, INVALID)), "not valid: 10 of 50; check recipients.region");
        assert!(said(41, rejects(10, INVALID)).is_empty(), "less than a fifth");
        assert!(said(0, rejects(9, INVALID)).is_empty(), "a few rows speak for themselves");
        let unlike = |forensics: &mut Forensics| {
            rejects(5, Reason::Number(NumberFault::Letters))(forensics)
                + rejects(5, Reason::Number(NumberFault::Signs))(forensics)
        };
        assert_one(&said(40, unlike), "letters or signs for a number: 10 of 50; check recipients.number");
    }

    #[test]
    fn each_damage_has_a_line_of_its_own() {
        let both =
            |forensics: &mut Forensics| rejects(20, SHORTENED)(forensics) + rejects(30, INVALID)(forensics);
        let warnings = said(50, both);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings.iter().all(|warning| !warning.contains('\n')));
    }
}
