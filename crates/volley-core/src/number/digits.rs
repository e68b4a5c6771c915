//! The digits of a cell.

use super::{Msisdn, tables::Cut};

/// Up to 16 digits in a row.
///
/// Four bits each, in one register: taking some off the front is a shift, and reading a number
/// touches no memory but its own text and the rows of the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    /// The first digit in the topmost four bits, zeros behind the last.
    bits: u64,
    length: u32,
}

/// What the usual cells consist of: digits, and signs that part them.
pub(super) struct Cell {
    pub(super) digits: Digits,
    /// Whether they stand behind a `+`.
    pub(super) plus: bool,
}

/// What a byte is: a digit by its value, or one of these.
static CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut digit = 0;
    while digit < 10 {
        classes[(b'0' + digit) as usize] = digit;
        digit += 1;
    }
    let signs = b" ()-.";
    let mut index = 0;
    while index < signs.len() {
        classes[signs[index] as usize] = SIGN;
        index += 1;
    }
    classes
};

/// Parts digits and says nothing.
const SIGN: u8 = 0x10;
const OTHER: u8 = 0x20;

/// Whether `text` is ASCII with fewer digits than any number has.
///
/// The library would say no more of it, and sets up a hundred patterns before it says anything.
pub(super) fn are_too_few(text: &str) -> bool {
    text.is_ascii() && text.bytes().filter(u8::is_ascii_digit).count() < 3
}

impl Cell {
    /// The digits of `text`, where it has nothing else than 3 to 16 of them, signs that say
    /// nothing (blanks, brackets, dashes, dots) and a `+` in front.
    ///
    /// `None` for all other text, and for a decimal tail: what that means is not said here.
    #[inline]
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut bytes = text.trim_ascii().as_bytes();
        if bytes.ends_with(b".0") || bytes.ends_with(b".00") {
            return None;
        }
        let mut plus = false;
        while let [first, rest @ ..] = bytes
            && !first.is_ascii_digit()
        {
            match first {
                b'+' if !plus => plus = true,
                b' ' | b'(' | b')' | b'-' | b'.' => {}
                _ => return None,
            }
            bytes = rest;
        }
        let (mut bits, mut length) = (0, 0);
        if let Some((eight, rest)) = bytes.split_first_chunk()
            && let Some(packed) = packed(*eight)
        {
            (bits, length, bytes) = (packed, 8, rest);
        }
        let mut seen = 0;
        for byte in bytes {
            let class = CLASSES[usize::from(*byte)];
            let is_digit = class < 10;
            seen |= class;
            bits = if is_digit { bits << 4 | u64::from(class) } else { bits };
            length += u32::from(is_digit);
        }
        if seen & OTHER != 0 || !(3..=Digits::MOST).contains(&length) {
            return None;
        }
        let digits = Digits { bits: bits << (4 * (Digits::MOST - length)), length };
        Some(Self { digits, plus })
    }
}

/// Eight characters as the lower half of some [`Digits`], if all of them are digits. To take them
/// at once saves a fifth of the time, by the bench `numbers`.
#[inline]
fn packed(characters: [u8; 8]) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let text = u64::from_be_bytes(characters);
    // The upper half of a character is 3, and stays 3 if 6 is added to the lower half.
    let upper = |text: u64| text & (0xF0 * ONES) == 0x30 * ONES;
    if !upper(text) || !upper(text + 6 * ONES) {
        return None;
    }
    let mut bits = text & (0x0F * ONES);
    bits = (bits | bits >> 4) & 0x00FF_00FF_00FF_00FF;
    bits = (bits | bits >> 8) & 0x0000_FFFF_0000_FFFF;
    bits = (bits | bits >> 16) & 0xFFFF_FFFF;
    Some(bits)
}

impl Digits {
    /// The most that there can be.
    pub(super) const MOST: u32 = 16;

    /// Those of `number`.
    pub(super) fn of(number: Msisdn) -> Self {
        let (mut bits, mut rest) = (0, number.digits());
        let mut length = 0;
        while rest > 0 {
            bits = bits >> 4 | (rest % 10) << 60;
            rest /= 10;
            length += 1;
        }
        Self { bits, length }
    }

    #[inline]
    pub(super) const fn len(self) -> u32 {
        self.length
    }

    /// The first digit, 0 if there is none, and those behind it.
    #[inline]
    pub(super) const fn split_first(self) -> (usize, Self) {
        ((self.bits >> 60) as usize, Self { bits: self.bits << 4, length: self.length.wrapping_sub(1) })
    }

    #[inline]
    pub(super) const fn starts_with_zero(self) -> bool {
        self.length > 0 && self.bits >> 60 == 0
    }

    /// The first three, as one number.
    #[inline]
    pub(super) fn first_three(self) -> usize {
        let [first, second, third] = [60, 56, 52].map(|place| (self.bits >> place & 15) as usize);
        first * 100 + second * 10 + third
    }

    /// Behind `code`, a calling code of up to three digits, as one number: 19 digits at most, which
    /// a `u64` has.
    #[inline]
    pub(super) const fn behind(self, code: u16) -> u64 {
        code as u64 * POWERS_OF_TEN[self.length as usize] + self.value()
    }

    /// All of them, as one number.
    #[inline]
    const fn value(self) -> u64 {
        // Pairs, then pairs of pairs: 16 of one digit, 8 of two, 4 of four, 2 of eight.
        let bits = if self.length == 0 { 0 } else { self.bits >> (4 * (Self::MOST - self.length)) };
        let twos = (bits & 0x0F0F_0F0F_0F0F_0F0F) + 10 * (bits >> 4 & 0x0F0F_0F0F_0F0F_0F0F);
        let fours = (twos & 0x00FF_00FF_00FF_00FF) + 100 * (twos >> 8 & 0x00FF_00FF_00FF_00FF);
        let eights = (fours & 0x0000_FFFF_0000_FFFF) + 10_000 * (fours >> 16 & 0x0000_FFFF_0000_FFFF);
        (eights & 0xFFFF_FFFF) + 100_000_000 * (eights >> 32)
    }

    /// Without the first `count`.
    #[inline]
    pub(super) fn without(self, count: u32) -> Self {
        Self { bits: shifted_left(self.bits, count), length: self.length - count }
    }

    /// After `cut` was made.
    #[inline]
    pub(super) fn after(self, cut: &Cut) -> Self {
        let digits = self.without(cut.drop);
        let behind = shifted_left(digits.bits, cut.keep + cut.omit);
        let kept = digits.bits & !shifted_right(u64::MAX, cut.keep);
        let bits = shifted_right(kept | shifted_right(behind, cut.keep), cut.inserted);
        Self { bits: bits | cut.insert, length: digits.length - cut.omit + cut.inserted }
    }
}

/// What one stands for in front of so many digits.
pub(super) static POWERS_OF_TEN: [u64; Digits::MOST as usize + 1] = {
    let mut powers = [1; Digits::MOST as usize + 1];
    let mut digits = 1;
    while digits < powers.len() {
        powers[digits] = 10 * powers[digits - 1];
        digits += 1;
    }
    powers
};

#[inline]
fn shifted_left(bits: u64, digits: u32) -> u64 {
    bits.checked_shl(4 * digits).unwrap_or(0)
}

#[inline]
fn shifted_right(bits: u64, digits: u32) -> u64 {
    bits.checked_shr(4 * digits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(drop: u32, keep: u32, omit: u32, inserted: u32, insert: u64) -> Cut {
        Cut { drop, keep, omit, inserted, insert: shifted_left(insert, Digits::MOST - inserted) }
    }

    fn digits(text: &str) -> Digits {
        Cell::read(text).expect(text).digits
    }

    #[test]
    fn cells_of_digits_and_plain_signs_are_read() {
        for (text, plus, value) in [
            ("0491570006", false, 491_570_006),
            (" (0491) 570-006 ", false, 491_570_006),
            ("+61 491.570.006", true, 61_491_570_006),
            ("(+61) 491 570 006", true, 61_491_570_006),
            ("1234567890123456", false, 1_234_567_890_123_456),
            ("12345678 90123456", false, 1_234_567_890_123_456),
            ("+1-2-3", true, 123),
            ("0491.00 ) ", false, 49_100),
        ] {
            let cell = Cell::read(text).expect(text);
            assert_eq!((cell.plus, cell.digits.value()), (plus, value), "{text}");
        }
    }

    #[test]
    fn all_other_cells_are_left_to_the_library() {
        for text in [
            "",
            " ",
            "+",
            "12",
            "0491\u{a0}570006",
            "++61491570006",
            "61+491570006",
            "0491570006x5",
            "0491570006/7",
            "[0491] 570006",
            "0491\t570006",
            "12345678901234567",
            "61491570006.0",
            "1234.00 ",
            "1234567/",
            "1234567:",
            "\u{ff10}491570006",
        ] {
            assert!(Cell::read(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_cut_drops_keeps_omits_and_inserts() {
        for (text, cut, value, length) in [
            ("0491570006", cut(1, 0, 0, 0, 0), 491_570_006, 9),
            ("5551234", cut(0, 0, 0, 3, 0x268), 2_685_551_234, 10),
            ("01115234", cut(1, 2, 2, 1, 0x9), 911_234, 6),
            ("223415234", cut(0, 4, 2, 1, 0x9), 92_234_234, 8),
            ("890123", cut(0, 0, 0, 4, 0x0549), 549_890_123, 10),
            ("1234567890123456", cut(16, 0, 0, 0, 0), 0, 0),
        ] {
            let left = digits(text).after(&cut);
            assert_eq!((left.value(), left.len()), (value, length), "{text}");
        }
    }

    proptest! {
        #[test]
        fn digits_are_the_number_they_are_written_as(number in 100_u64..10_000_000_000_000_000, count in 0..3_u32) {
            let text = number.to_string();
            let read = digits(&text);
            let shorter = &text[count as usize..];
            prop_assert_eq!(read.without(count).value(), shorter.parse::<u64>().unwrap_or(0));
            prop_assert_eq!(read.first_three().to_string(), &text[..3]);
            if let Some(number) = Msisdn::from_digits(number) {
                prop_assert_eq!(Digits::of(number).value(), number.digits());
                prop_assert_eq!(Digits::of(number).len(), u32::from(number.length()));
            }
        }

        #[test]
        fn a_code_goes_in_front(code in 1_u16..1000, number in "[0-9]{3,16}") {
            let expected = format!("{code}{number}").parse();
            prop_assert_eq!(Ok(digits(&number).behind(code)), expected);
        }
    }
}
