//! Every kind of malformed input, one table a subject, and what must come out of each.
//!
//! | kinds | what they are about | where |
//! |---|---|---|
//! | 3, 5, 7, 8, 12, 16 to 25, 31 to 52 | a row | `rows` |
//! | 4 to 6, 9 to 11, 13, 14, 16, 23, 24, 27, 28 | a file that is read all the same | `forms` |
//! | 1, 3, 6 to 8, 13, 15, 16, 26, 27, 29, 53, 54 | a file that stops | `stops` |
//! | 2, 16, 47, 55 | sizes and numbers of things | `limits` |
//! | 57 | what is no file | `places` |
//! | 30, 54, 55 | compressed files, cut, misnamed or bombs | `compressed` |
//! | 58 to 61 | workbooks | `workbooks` |
//! | 56 | a file that changed between plan and send | `edited` of volley-cli |
//!
//! `pairs` sets every two that can stand in one file side by side. What is expected of a file comes
//! from its rows one by one ([`Expected`]), never from the reader.

mod alone; // each kind by itself
mod forms; // files that are unusual and certain
mod limits; // how large is too large
mod opted_out; // the same in a suppression list
mod pairs; // every two kinds in one file
mod places; // paths that are no files, and files that change
mod rows; // the rows
mod stops; // files that are refused as a whole

use crate::world::{Taken, World, offer, run};
use forms::{Feature, Form, Written};
use rows::{FIXED_LINE, OPTED_OUT, Row};
use std::collections::{BTreeMap, HashSet};
use volley_plan::{Campaign, PlanError, Preview};

/// What becomes of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Comes {
    /// Sent to this number with this value, or a duplicate where the number was sent to before.
    Sent(u64, &'static str),
    /// The same, and the number is counted as mended under this word.
    Mended(u64, &'static str, &'static str),
    /// Left out: the column, empty for the whole row, and the word.
    Rejected(&'static str, &'static str),
    /// Left out, because its number is on a suppression list.
    Suppressed,
    /// Not a row at all, and counted as blank.
    Skipped,
}

impl Comes {
    /// The same in a file of this form: where the delimiter is a tab, a value with the delimiter in
    /// it has a control character.
    fn in_a(self, form: &Form) -> Self {
        match self {
            Self::Sent(_, value) | Self::Mended(_, value, _)
                if form.has(Feature::Tab) && value.contains(',') =>
            {
                Self::Rejected("name", "unsafe_variable")
            }
            comes => comes,
        }
    }
}

/// A campaign that every list here is read for: its text has one variable, and one number opted
/// out.
pub(crate) struct Reader {
    world: World,
    campaign: Campaign,
}

impl Reader {
    pub(crate) fn new() -> Self {
        let world = World::new();
        world.write("optouts.csv", OPTED_OUT);
        let campaign = world.campaign("Hi {{name}}", "suppress = [\"optouts.csv\"]\n");
        Self { world, campaign }
    }

    pub(crate) fn read(&self, list: &[u8]) -> Result<(Preview, Taken), PlanError> {
        self.world.write("list.csv", list);
        run(&self.campaign, &offer())
    }

    /// Reads `rows` in a file of this form and compares everything that comes out.
    pub(crate) fn gives_what_is_expected(&self, form: &Form, rows: &[&Row], what: &str) {
        let rows = form.rows(rows);
        let lines: Vec<&[u8]> = rows.iter().map(|row| &*row.line).collect();
        let written = form.write(form.header(), &lines);
        let fault = |found: &str| {
            let list = String::from_utf8_lossy(&written.bytes);
            format!("{what}: {found}: {:?}", list.chars().take(400).collect::<String>())
        };
        let (preview, taken) =
            self.read(&written.bytes).unwrap_or_else(|error| panic!("{}", fault(&error.to_string())));
        let expected = Expected::of(form, &rows, &written);
        let told: Vec<&String> = preview.warnings.iter().filter(|told| is_of_a_row(told)).collect();
        let warnings = expected.warnings(&rows, &written);
        let is_told = told.len() == warnings.len()
            && told.iter().zip(&warnings).all(|(told, part)| told.contains(part));
        assert!(is_told, "{}", fault(&format!("{told:?}, not {warnings:?}")));
        assert_eq!(Expected::found(&preview, taken), expected, "{}", fault("not as it must be"));
        assert_eq!(preview.encoding, form.encoding(), "{}", fault("encoding"));
        assert_eq!(preview.delimiter, form.delimiter(), "{}", fault("delimiter"));
    }
}

/// Whether a warning is about single rows; others are about the list as a whole.
fn is_of_a_row(warning: &str) -> bool {
    warning.contains(STRAY_QUOTES) || warning.contains(FIXED_LINES)
}

const STRAY_QUOTES: &str = "quotes inside fields that are not quoted";
const FIXED_LINES: &str = "of the numbers are fixed lines";

/// Everything that a pass gives and counts.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    /// Row, number, text.
    messages: Vec<(u32, u64, String)>,
    /// Row, column, word.
    rejects: Vec<(u32, String, &'static str)>,
    rejected: BTreeMap<&'static str, u64>,
    rows: u64,
    duplicates: u64,
    suppressed: u64,
    repairs: BTreeMap<&'static str, u64>,
    blank_lines: u64,
    ucs2: u64,
}

impl Expected {
    fn of(form: &Form, rows: &[&Row], written: &Written) -> Self {
        let mut expected = Self { blank_lines: written.blank_lines, ..Self::default() };
        let mut numbers = HashSet::new();
        for row in rows {
            if matches!(row.comes, Comes::Skipped) {
                expected.blank_lines += 1;
                continue;
            }
            expected.rows += 1;
            let number = u32::try_from(expected.rows).expect("few rows");
            match row.comes.in_a(form) {
                Comes::Sent(to, _) | Comes::Mended(to, ..) if !numbers.insert(to) => {
                    expected.duplicates += 1;
                }
                Comes::Sent(to, value) => expected.sends(form, number, to, value),
                Comes::Mended(to, value, word) => {
                    *expected.repairs.entry(word).or_default() += 1;
                    expected.sends(form, number, to, value);
                }
                Comes::Rejected(column, word) => {
                    *expected.rejected.entry(word).or_default() += 1;
                    expected.rejects.push((number, form.column(column).to_owned(), word));
                }
                Comes::Suppressed => expected.suppressed += 1,
                Comes::Skipped => unreachable!("it is no row"),
            }
        }
        expected
    }

    fn sends(&mut self, form: &Form, row: u32, to: u64, value: &str) {
        let value = value.replace(',', &form.delimiter().to_string());
        self.ucs2 += u64::from(!value.is_ascii());
        self.messages.push((row, to, format!("Hi {value}")));
    }

    /// What a person is told, a part of each sentence.
    fn warnings(&self, rows: &[&Row], written: &Written) -> Vec<String> {
        let count: u64 = rows.iter().map(|row| row.stray_quotes).sum();
        let first = rows.iter().zip(&written.line_of).find(|(row, _)| row.stray_quotes > 0);
        let stray = first
            .map(|(_, line)| format!("{STRAY_QUOTES}: {count}, the first on line {line}; they are kept"));
        let fixed_lines = self.messages.iter().filter(|(_, to, _)| *to == FIXED_LINE).count();
        let fixed = (fixed_lines > 0).then(|| format!("{fixed_lines} {FIXED_LINES}"));
        stray.into_iter().chain(fixed).collect()
    }

    /// What a pass gave, in the same shape.
    fn found(preview: &Preview, taken: Taken) -> Self {
        Self {
            messages: taken.messages,
            rejects: taken.rejects,
            rejected: preview.rejected.clone(),
            rows: preview.rows,
            duplicates: preview.duplicates,
            suppressed: preview.suppressed,
            repairs: preview.repairs.clone(),
            blank_lines: preview.blank_lines,
            ucs2: preview.encodings.ucs2,
        }
    }
}
