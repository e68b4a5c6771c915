//! The numbering plans of all regions as tables, unpacked while compiling.
//!
//! `cargo xtask numbers` writes them into `data/numbers/tables.bin` from the metadata that the
//! port of libphonenumber carries; `data/numbers/README.md` has their layout. Everything there is
//! to know about digits is the answer of an [`Automaton`]: of what kind a number is, and what a
//! prefix takes away. There is one load a digit, and none any more as soon as only the number of
//! digits that follow counts.

use super::digits::Digits;

const FILE: &[u8] = include_bytes!("../../../../data/numbers/tables.bin");

/// The file starts with how many there are of each: rows, answers by length, findings, cuts,
/// calling codes, regions. The tables follow in this order.
const COUNTS: usize = 6 * 2;
const ROWS_AT: usize = COUNTS;
const BY_LENGTH_AT: usize = ROWS_AT + count(0) * 11 * 2;
const FINDINGS_AT: usize = BY_LENGTH_AT + count(1) * LENGTHS * 2;
const CUTS_AT: usize = FINDINGS_AT + count(2) * 6;
const CODES_AT: usize = CUTS_AT + count(3) * 8;
const REGIONS_AT: usize = CODES_AT + count(4) * 5;
const _: () = assert!(REGIONS_AT + count(5) * 16 == FILE.len(), "not the layout that is written");

/// An automaton is asked about 0 to 17 digits.
const LENGTHS: usize = Digits::MOST + 1;

/// An entry with this bit is no row: from there on the number of digits decides.
const BY_LENGTH_BIT: u16 = 0x8000;

/// Where each digit leads, and the answer if there is none. A twelfth, unused place makes the
/// distance between two rows a cheap product.
static ROWS: [[u16; 12]; count(0)] = {
    let mut rows = [[0; 12]; count(0)];
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
    let mut findings = [Finding { general: 0, kind: 0, region: 0 }; count(2)];
    let mut index = 0;
    while index < findings.len() {
        let at = FINDINGS_AT + index * 6;
        findings[index] = Finding { general: u32_at(at), kind: FILE[at + 4], region: FILE[at + 5] };
        index += 1;
    }
    findings
};

static CUTS: [Cut; count(3)] = {
    let mut cuts = [Cut { drop: 0, keep: 0, cut: 0, inserted: 0, insert: [0; 4] }; count(3)];
    let mut index = 0;
    while index < cuts.len() {
        let at = CUTS_AT + index * 8;
        cuts[index] = Cut {
            drop: FILE[at],
            keep: FILE[at + 1],
            cut: FILE[at + 2],
            inserted: FILE[at + 3],
            insert: [FILE[at + 4], FILE[at + 5], FILE[at + 6], FILE[at + 7]],
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
        let length = 1 + (value >= 10) as u8 + (value >= 100) as u8;
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
    while index < CODES.len() {
        let Code { value, length, .. } = CODES[index];
        let width = [100, 10, 1][length as usize - 1];
        let mut three = value as usize * width;
        while three < (value as usize + 1) * width {
            codes[three] = index as u8;
            three += 1;
        }
        index += 1;
    }
    codes
};

const NO_CODE: u8 = u8::MAX;

const fn count(table: usize) -> usize {
    u16_at(table * 2) as usize
}

const fn u16_at(at: usize) -> u16 {
    u16::from_le_bytes([FILE[at], FILE[at + 1]])
}

const fn u32_at(at: usize) -> u32 {
    u32::from_le_bytes([FILE[at], FILE[at + 1], FILE[at + 2], FILE[at + 3]])
}
