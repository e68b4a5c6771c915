//! The numbering plans of all regions as tables, unpacked while compiling.
//!
//! `cargo xtask numbers` writes them into `data/numbers/tables.bin`, linked from here, from the metadata that the
//! port of libphonenumber carries; `data/numbers/README.md` has their layout. Everything there is
//! to know about digits is the answer of an [`Automaton`]: of what kind a number is, and what a
//! prefix takes away. There is one load a digit, and none any more as soon as only the number of
//! digits that follow counts. `#[inline]` stands where a call would cost a third of the time, by
//! the bench `numbers`: the parts of this crate are optimised apart from each other.

use super::{NumberKind, digits::Digits};

const FILE: &[u8] = include_bytes!("tables.bin");

/// The file starts with how many there are of each: rows, answers by length, findings, cuts,
/// calling codes, regions. The tables follow in this order.
const COUNTS: usize = 6 * 2;
const ROWS_AT: usize = COUNTS;
const BY_LENGTH_AT: usize = ROWS_AT + count(0) * 11 * 2;
const FINDINGS_AT: usize = BY_LENGTH_AT + count(1) * LENGTHS * 2;
const CUTS_AT: usize = FINDINGS_AT + count(2) * 6;
const CODES_AT: usize = CUTS_AT + count(3) * 6;
const REGIONS_AT: usize = CODES_AT + count(4) * 5;
const _: () = assert!(REGIONS_AT + count(5) * 16 == FILE.len(), "not the layout that is written");

/// An automaton is asked about 0 to 16 digits.
const LENGTHS: usize = Digits::MOST as usize + 1;

/// An edge with this bit leads to no row: from there on the number of digits decides.
const BY_LENGTH_BIT: u16 = 0x8000;

/// Where each digit leads, and the answer if there is none. As many places as four bits tell apart,
/// some of them unused: no digit lies outside of a row, and none has to be checked.
static ROWS: [[u16; 16]; count(0)] = {
    let mut rows = [[0; 16]; count(0)];
    let mut row = 0;
    while row < rows.len() {
        let mut place = 0;
        while place < 11 {
            rows[row][place] = u16_at(ROWS_AT + (row * 11 + place) * 2);
            place += 1;
        }
        row += 1;
    }
    rows
};

/// The place of a row that holds its answer.
const ANSWER: usize = 10;

static BY_LENGTH: [[u16; LENGTHS]; count(1)] = {
    let mut answers = [[0; LENGTHS]; count(1)];
    let mut row = 0;
    while row < answers.len() {
        let mut length = 0;
        while length < LENGTHS {
            answers[row][length] = u16_at(BY_LENGTH_AT + (row * LENGTHS + length) * 2);
            length += 1;
        }
        row += 1;
    }
    answers
};

static FINDINGS: [Finding; count(2)] = {
    let mut findings = [Finding { general: 0, kind: None, region: 0 }; count(2)];
    let mut index = 0;
    while index < findings.len() {
        let at = FINDINGS_AT + index * 6;
        let kind = match FILE[at + 4] {
            0 => None,
            kind => Some(NumberKind::ALL[kind as usize - 1]),
        };
        findings[index] = Finding { general: u32_at(at), kind, region: FILE[at + 5] };
        index += 1;
    }
    findings
};

static CUTS: [Cut; count(3)] = {
    let mut cuts = [Cut { drop: 0, keep: 0, omit: 0, inserted: 0, insert: 0 }; count(3)];
    let mut index = 0;
    while index < cuts.len() {
        let at = CUTS_AT + index * 6;
        let [drop, keep, omit, inserted] = u32_at(at).to_le_bytes();
        cuts[index] = Cut {
            drop: drop as u32,
            keep: keep as u32,
            omit: omit as u32,
            inserted: inserted as u32,
            insert: (u16_at(at + 4) as u64) << 48,
        };
        index += 1;
    }
    cuts
};

static CODES: [Code; count(4)] = {
    let mut codes = [Code { value: 0, length: 0, numbers: Automaton(0), first_region: 0 }; count(4)];
    let mut index = 0;
    while index < codes.len() {
        let at = CODES_AT + index * 5;
        let value = u16_at(at);
        let length = 1 + (value >= 10) as u32 + (value >= 100) as u32;
        let numbers = Automaton(u16_at(at + 2));
        codes[index] = Code { value, length, numbers, first_region: FILE[at + 4] };
        index += 1;
    }
    codes
};

static REGIONS: [Plan; count(5)] = {
    let nothing = Automaton(0);
    let mut regions = [Plan {
        letters: [0; 2],
        code: 0,
        bit: 0,
        international: nothing,
        trunk: nothing,
        without_trunk: 0,
        too_long: 0,
    }; count(5)];
    let mut index = 0;
    while index < regions.len() {
        let at = REGIONS_AT + index * 16;
        regions[index] = Plan {
            letters: [FILE[at], FILE[at + 1]],
            code: FILE[at + 2],
            bit: FILE[at + 3],
            international: Automaton(u16_at(at + 4)),
            trunk: Automaton(u16_at(at + 6)),
            without_trunk: u32_at(at + 8),
            too_long: u32_at(at + 12),
        };
        index += 1;
    }
    regions
};

/// The calling code that each three digits start with, as its place in [`CODES`].
static BY_THREE_DIGITS: [u8; 1000] = {
    let mut codes = [NO_CODE; 1000];
    let mut index = 0;
    while (index as usize) < CODES.len() {
        let Code { value, length, .. } = CODES[index as usize];
        let width = [100, 10, 1][length as usize - 1];
        let mut three = value as usize * width;
        while three < (value as usize + 1) * width {
            codes[three] = index;
            three += 1;
        }
        index += 1;
    }
    codes
};

/// No code has this place.
const NO_CODE: u8 = u8::MAX;
const _: () = assert!(CODES.len() <= NO_CODE as usize);

const fn count(table: usize) -> usize {
    u16_at(table * 2) as usize
}

const fn u16_at(at: usize) -> u16 {
    u16::from_le_bytes([FILE[at], FILE[at + 1]])
}

const fn u32_at(at: usize) -> u32 {
    u32::from_le_bytes([FILE[at], FILE[at + 1], FILE[at + 2], FILE[at + 3]])
}

/// Answers a question about a string of digits.
#[derive(Clone, Copy)]
struct Automaton(u16);

impl Automaton {
    #[inline]
    fn answer(self, digits: Digits) -> usize {
        let mut edge = self.0;
        let mut rest = digits;
        while edge & BY_LENGTH_BIT == 0 {
            let row = &ROWS[usize::from(edge)];
            if rest.len() == 0 {
                return usize::from(row[ANSWER]);
            }
            let (digit, behind) = rest.split_first();
            edge = row[digit];
            rest = behind;
        }
        usize::from(BY_LENGTH[usize::from(edge & !BY_LENGTH_BIT)][rest.len() as usize])
    }
}

/// What is known about a national number.
#[derive(Clone, Copy)]
pub(super) struct Finding {
    /// Bits of the regions of its calling code whose general pattern it matches.
    general: u32,
    /// What it is for; `None` if it is not in use.
    pub(super) kind: Option<NumberKind>,
    /// Its region among those of its calling code.
    region: u8,
}

impl Finding {
    /// Whether the general pattern of `plan`, a region of its calling code, matches.
    #[inline]
    pub(super) fn fits(self, plan: &Plan) -> bool {
        self.general >> plan.bit & 1 == 1
    }
}

/// What becomes of a number whose prefix was found: so many digits are dropped, so many behind
/// them kept, so many behind those omitted, and some inserted in front.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub(super) drop: u32,
    pub(super) keep: u32,
    pub(super) omit: u32,
    pub(super) inserted: u32,
    /// Four bits each, the first in the topmost ones.
    pub(super) insert: u64,
}

/// A calling code: 1 to 3 digits.
#[derive(Clone, Copy)]
pub(super) struct Code {
    pub(super) value: u16,
    pub(super) length: u32,
    numbers: Automaton,
    first_region: u8,
}

impl Code {
    /// The code that `digits` start with, if there are three or more of them.
    #[inline]
    pub(super) fn of(digits: Digits) -> Option<&'static Self> {
        if digits.len() < 3 {
            return None;
        }
        CODES.get(usize::from(BY_THREE_DIGITS[digits.first_three()]))
    }

    /// The region that speaks for all numbers of this code.
    #[inline]
    pub(super) fn main(&self) -> &'static Plan {
        &REGIONS[usize::from(self.first_region)]
    }

    /// What is known about the national number `digits`.
    #[inline]
    pub(super) fn finding(&self, digits: Digits) -> Finding {
        FINDINGS[self.numbers.answer(digits)]
    }

    /// The region of `finding`, as its place among all regions.
    #[inline]
    pub(super) fn region(&self, finding: Finding) -> u8 {
        self.first_region + finding.region
    }
}

/// How one region dials.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// ISO 3166-1 alpha-2; zeros for the numbers of no country.
    pub(super) letters: [u8; 2],
    code: u8,
    bit: u8,
    international: Automaton,
    trunk: Automaton,
    without_trunk: u32,
    too_long: u32,
}

impl Plan {
    /// The plan in this place.
    #[inline]
    pub(super) fn at(place: u8) -> &'static Self {
        &REGIONS[usize::from(place)]
    }

    /// All plans, each in its place.
    pub(super) fn all() -> &'static [Self] {
        &REGIONS
    }

    #[inline]
    pub(super) fn code(&self) -> &'static Code {
        &CODES[usize::from(self.code)]
    }

    /// What of `digits` is dialled to get out of the country; `None` if nothing is.
    #[inline]
    pub(super) fn international_prefix(&self, digits: Digits) -> Option<&'static Cut> {
        Self::cut(self.international, digits)
    }

    /// What of `digits` is dialled within the country alone; `None` if nothing is.
    #[inline]
    pub(super) fn trunk_prefix(&self, digits: Digits) -> Option<&'static Cut> {
        Self::cut(self.trunk, digits)
    }

    #[inline]
    fn cut(prefix: Automaton, digits: Digits) -> Option<&'static Cut> {
        let answer = prefix.answer(digits);
        (answer > 0).then(|| &CUTS[answer])
    }

    /// Whether so many digits can be left after the trunk prefix.
    #[inline]
    pub(super) fn believes_without_trunk(&self, length: u32) -> bool {
        self.without_trunk >> length & 1 == 1
    }

    /// Whether so many digits are more than any number of the region has.
    #[inline]
    pub(super) fn is_too_long(&self, length: u32) -> bool {
        self.too_long >> length & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Region, digits::Cell};
    use super::*;
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberType};
    use std::collections::HashSet;

    /// What the library says of a national number: its kind and its region.
    fn by_library(code: &Code, national: &str) -> Option<(PhoneNumberType, String)> {
        let zeros =
            national.bytes().take_while(|digit| *digit == b'0').count().min(national.len().saturating_sub(1));
        let number = PhoneNumber {
            country_code: i32::from(code.value),
            national_number: national.parse().ok()?,
            italian_leading_zero: Some(zeros > 0),
            number_of_leading_zeros: Some(i32::try_from(zeros).expect("a few")),
            ..PhoneNumber::default()
        };
        let region = PHONE_NUMBER_UTIL.get_region_for_number(&number)?;
        let is_valid = PHONE_NUMBER_UTIL.is_valid_number(&number);
        is_valid
            .then(|| (PHONE_NUMBER_UTIL.get_number_type(&number), region.as_region_str().as_str().to_owned()))
    }

    fn by_tables(code: &Code, national: &str) -> Option<(PhoneNumberType, String)> {
        let cell = Cell::read(&format!("+{}{national}", code.value)).expect("a few digits");
        let finding = code.finding(cell.digits.without(code.length));
        let region = Region::at(code.region(finding)).map_or("001".to_owned(), |region| region.to_string());
        let kind = match finding.kind? {
            NumberKind::Mobile => PhoneNumberType::Mobile,
            NumberKind::Fixed => PhoneNumberType::FixedLine,
            NumberKind::FixedOrMobile => PhoneNumberType::FixedLineOrMobile,
            NumberKind::TollFree => PhoneNumberType::TollFree,
            NumberKind::Premium => PhoneNumberType::PremiumRate,
            NumberKind::SharedCost => PhoneNumberType::SharedCost,
            NumberKind::Voip => PhoneNumberType::VoIP,
            NumberKind::Personal => PhoneNumberType::PersonalNumber,
            NumberKind::Pager => PhoneNumberType::Pager,
            NumberKind::Uan => PhoneNumberType::UAN,
            NumberKind::Voicemail => PhoneNumberType::VoiceMail,
        };
        Some((kind, region))
    }

    /// Goes along every edge that starts in `edge` or behind it, once, and compares the numbers
    /// that end there.
    fn compare(code: &Code, national: &mut String, edge: u16, seen: &mut HashSet<u16>) -> u32 {
        let room = 15 - code.length as usize - national.len();
        let mut compared = 0;
        let mut alike = |national: &str| {
            if national.len() + (code.length as usize) < 3 {
                return;
            }
            compared += 1;
            assert_eq!(by_tables(code, national), by_library(code, national), "+{} {national}", code.value);
        };
        if edge & BY_LENGTH_BIT != 0 {
            for more in 0..=room {
                alike(&format!("{national}{}", &"293847561029384"[..more]));
            }
            return compared;
        }
        let is_new = seen.insert(edge);
        let digits = match ROWS[usize::from(edge)] {
            _ if room == 0 => 0..0,
            _ if is_new => 0..10,
            // What lies behind was compared before; one way through it tells that it is this row.
            row => {
                let differs = (0..10).find(|digit| row[*digit] != row[9]).unwrap_or(9);
                differs..differs + 1
            }
        };
        if is_new {
            alike(national);
        }
        for digit in digits {
            let next = ROWS[usize::from(edge)][digit];
            national.push(char::from(b'0' + u8::try_from(digit).expect("a digit")));
            compared += compare(code, national, next, seen);
            national.pop();
        }
        compared
    }

    #[test]
    fn every_edge_leads_where_the_library_goes() {
        let mut compared = 0;
        for code in &CODES {
            compared += compare(code, &mut String::new(), code.numbers.0, &mut HashSet::new());
        }
        assert!(compared > 100_000, "{compared} numbers");
    }
}
