//! How long a text is, in the default tables or in UTF-16.
//!
//! Nearly every text of a campaign comes through here, so these are loops without a branch inside,
//! most of which the compiler turns into vector instructions; the bench `segments` shows their
//! worth. They rest on the bytes of UTF-8: 0x80 to 0xBF continue a character, every other byte
//! begins one.

use super::lookup::tables_with;
use std::ops;

/// How many characters, and how many of them take two units instead of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) characters: usize,
    pub(super) wide: usize,
}

/// What the length of a text says about how it is carried. Lengths of pieces add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextLength {
    characters: usize,
    /// Characters that take two septets, and those that begin as the euro sign does.
    wide_septets: usize,
    /// Characters that take two code units.
    surrogate_pairs: usize,
    /// Whether some are not in the default tables.
    is_beyond: bool,
    /// Whether some begin with 0xE2, as the euro sign does and signs that the tables lack.
    has_signs: bool,
}

impl TextLength {
    /// Of any text.
    pub fn of(text: &str) -> Self {
        if text.len() <= SHORT {
            return Self::of_short(text);
        }
        let Length { characters, wide: surrogate_pairs } = code_units(text);
        let septets = septets(text);
        let is_beyond = septets.is_none();
        let wide_septets = septets.unwrap_or_else(|| length(text, begins_wide_septets)).wide;
        let has_signs = wide_septets > 0 && text.as_bytes().contains(&0xE2);
        Self { characters, wide_septets, surrogate_pairs, is_beyond, has_signs }
    }

    /// Of few enough bytes: a name with an accent, which is what is measured most. To look at each
    /// byte once takes a third of what setting up loops over vectors takes.
    fn of_short(text: &str) -> Self {
        let (mut counts, mut fit, mut may_follow) = (0, 1, u64::MAX);
        for &byte in text.as_bytes() {
            counts += COUNTS[usize::from(byte)];
            fit &= may_follow >> (byte & 0x3F);
            may_follow = FOLLOWERS[usize::from(byte)];
        }
        let [characters, wide_septets, surrogate_pairs, signs] = counts.to_le_bytes();
        Self {
            characters: usize::from(characters),
            wide_septets: usize::from(wide_septets),
            surrogate_pairs: usize::from(surrogate_pairs),
            is_beyond: fit & 1 == 0 || may_follow == 0,
            has_signs: signs > 0,
        }
    }

    /// Of so many [common](is_common_septet) characters.
    #[inline]
    pub const fn of_common(characters: usize) -> Self {
        Self { characters, wide_septets: 0, surrogate_pairs: 0, is_beyond: false, has_signs: false }
    }

    /// In the default tables; `None` where they lack a character.
    #[inline]
    pub(super) const fn septets(self) -> Option<Length> {
        let Self { characters, wide_septets: wide, is_beyond, .. } = self;
        if is_beyond { None } else { Some(Length { characters, wide }) }
    }

    /// The same if every character that they lack took one septet; `None` where the length does
    /// not say.
    pub(super) const fn septets_if_plain(self) -> Option<Length> {
        let Self { characters, wide_septets: wide, has_signs, .. } = self;
        if has_signs { None } else { Some(Length { characters, wide }) }
    }

    /// In UTF-16.
    #[inline]
    pub(super) const fn code_units(self) -> Length {
        Length { characters: self.characters, wide: self.surrogate_pairs }
    }
}

impl ops::AddAssign for TextLength {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.characters += other.characters;
        self.wide_septets += other.wide_septets;
        self.surrogate_pairs += other.surrogate_pairs;
        self.is_beyond |= other.is_beyond;
        self.has_signs |= other.has_signs;
    }
}

impl Length {
    /// Septets or code units.
    #[inline]
    pub(super) const fn units(self) -> usize {
        self.characters + self.wide
    }
}

/// The length of `text` in septets of the default alphabet and its extension table, or `None`
/// where they lack one of its characters.
pub(super) fn septets(text: &str) -> Option<Length> {
    let narrow = narrow_prefix(text.as_bytes());
    let rest = &text[narrow..];
    if rest.is_empty() {
        return Some(Length { characters: narrow, wide: 0 });
    }
    let rest = is_default(rest).then(|| length(rest, begins_wide_septets))?;
    Some(Length { characters: narrow + rest.characters, wide: rest.wide })
}

/// The length of `text` in UTF-16 code units.
pub(super) fn code_units(text: &str) -> Length {
    // The characters above U+FFFF are those of four bytes.
    length(text, |byte| byte >= 0xF0)
}

/// A text of so many bytes is short, and no count of it takes more than one byte.
const SHORT: usize = 64;

/// What each byte adds to the counts of [`TextLength::of_short`], a byte of the number each.
static COUNTS: [u32; 256] = {
    let mut counts = [0; 256];
    let mut byte = 0_u8;
    loop {
        let (begins, is_wide) = (!matches!(byte, 0x80..0xC0), begins_wide_septets(byte));
        counts[byte as usize] =
            u32::from_le_bytes([begins as u8, is_wide as u8, (byte >= 0xF0) as u8, (byte == 0xE2) as u8]);
        if byte == u8::MAX {
            break counts;
        }
        byte += 1;
    }
};

/// Bytes of ASCII that are looked at without a branch between them.
const BLOCK: usize = 32;

type Block = [u8; BLOCK];

/// How many bytes from the start are one septet each: a number of whole blocks, or all of them.
fn narrow_prefix(bytes: &[u8]) -> usize {
    let (blocks, tail) = bytes.as_chunks();
    // Most texts are common to their end; what is looked for behind the first line feed costs more.
    let common = blocks.iter().take_while(|block| all(block, is_common_septet)).count();
    let narrow = common + blocks[common..].iter().take_while(|block| all(block, is_narrow)).count();
    if narrow < blocks.len() {
        return narrow * BLOCK;
    }
    let is_narrow = if let Some(last) = bytes.last_chunk() {
        all(last, is_narrow) // some of it once more
    } else {
        let mut block = [b' '; BLOCK];
        block[..tail.len()].copy_from_slice(tail);
        all(&block, is_narrow)
    };
    if is_narrow { bytes.len() } else { bytes.len() - tail.len() }
}

/// Whether `is` holds of every byte.
fn all(block: &Block, is: impl Fn(u8) -> bool) -> bool {
    block.iter().fold(true, |all, &byte| all & is(byte))
}

/// Whether a byte is a letter or between space and `Z`: a character of one septet in the default
/// alphabet, seen in a few instructions and without a branch, so that many bytes are looked at at
/// once. From `A` on, letters are the first 26 of every 32.
pub const fn is_common_septet(byte: u8) -> bool {
    (byte.cast_signed() >= 0x20) & (byte.saturating_sub(b'A') & 0x1F < 26)
}

/// Whether a byte is an ASCII character of the default alphabet.
const fn is_narrow(byte: u8) -> bool {
    is_common_septet(byte) || matches!(byte, b'\n' | b'\r' | b'_')
}

/// Whether the default tables have every character of `text`.
fn is_default(text: &str) -> bool {
    // Few, because most texts in another script end it at once.
    const AT_ONCE: usize = 16;
    let Some((&last, _)) = text.as_bytes().split_last() else { return true };
    let bytes = text.as_bytes().chunks(AT_ONCE);
    let next = text.as_bytes()[1..].chunks(AT_ONCE);
    let mut fit = bytes.zip(next).map(|(bytes, next)| {
        let pairs = bytes.iter().zip(next);
        pairs.fold(1, |fit, (&byte, &next)| fit & FOLLOWERS[usize::from(byte)] >> (next & 0x3F)) == 1
    });
    fit.all(|fit| fit) && FOLLOWERS[usize::from(last)] != 0
}

/// What may follow each byte of a text that the default tables can write, a bit for the low six
/// bits of the byte after it: anything where a character ends, and nothing where none has it.
static FOLLOWERS: [u64; 256] = {
    let mut followers = [0; 256];
    let mut code_point = 0;
    while code_point < 0x800 {
        let character = char::from_u32(code_point).expect("surrogates are above");
        let found = tables_with(character);
        if (found.locking | found.single) & 1 == 1 {
            match *character.encode_utf8(&mut [0; 2]).as_bytes() {
                [only] => followers[only as usize] = u64::MAX,
                [first, second] => {
                    followers[first as usize] |= 1 << (second & 0x3F);
                    followers[second as usize] = u64::MAX;
                }
                _ => panic!("two bytes are enough"),
            }
        }
        code_point += 1;
    }
    let [first, second, third] = *"€".as_bytes() else { panic!("the only one of three") };
    assert!(followers[second as usize] == 0, "no other character ends with its second byte");
    followers[first as usize] = 1 << (second & 0x3F);
    followers[second as usize] = 1 << (third & 0x3F);
    followers[third as usize] = u64::MAX;
    followers
};

/// Whether an ASCII byte takes two septets: form feed and `[ \ ] ^ { | } ~`. It is none of the
/// other bytes that a character of the tables has.
const fn is_extension(byte: u8) -> bool {
    byte == 0x0C || (byte & 0xDF).wrapping_sub(b'[') < 4
}

/// Whether a byte begins a character of the default tables that takes two septets. Of these the
/// euro sign alone begins with 0xE2.
const fn begins_wide_septets(byte: u8) -> bool {
    is_extension(byte) || byte == 0xE2
}

/// How many characters there are, and how many begin with a byte that `is_wide`.
fn length(text: &str, is_wide: impl Fn(u8) -> bool) -> Length {
    let mut length = Length { characters: 0, wide: 0 };
    // Few enough for a count of one byte, and whole vectors.
    for bytes in text.as_bytes().chunks(192) {
        length.characters += count(bytes, |byte| !(0x80..0xC0).contains(&byte));
        length.wide += count(bytes, &is_wide);
    }
    length
}

/// Of how many bytes, 255 at most, `is` holds.
fn count(bytes: &[u8], is: impl Fn(u8) -> bool) -> usize {
    usize::from(bytes.iter().fold(0_u8, |count, &byte| count.wrapping_add(u8::from(is(byte)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn lengths_of_pieces_add_up(pieces in proptest::collection::vec("[a-z@{€é]{0,90}|[ก-ฮ😀a]{0,40}", 0..6)) {
            let (mut sum, mut whole) = (TextLength::default(), String::new());
            for piece in &pieces {
                sum += TextLength::of(piece);
                whole.push_str(piece);
            }
            proptest::prop_assert_eq!(sum.septets(), septets(&whole));
            proptest::prop_assert_eq!(sum.code_units(), code_units(&whole));
            let profile = crate::Profile::STANDARD;
            proptest::prop_assert!(profile.count_length(sum).is_none_or(|found| found == profile.count(&whole)));
        }
    }

    #[test]
    fn what_the_tables_lack_is_one_septet_where_it_is_plain_to_see() {
        for (text, septets) in [
            ("", Some(0)),
            ("สมชาย [x]", Some(11)),
            ("Zoë 😀 {é}", Some(11)),
            ("10 € a month, ดี", None),
            ("it’s", None),
        ] {
            assert_eq!(TextLength::of(text).septets_if_plain().map(Length::units), septets, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_short_text_is_as_long_as_by_the_loops_for_long_ones(text in "[a-z{€é\u{E2}ก😀`]{0,60}") {
            let is_beyond = septets(&text).is_none();
            let wide = length(&text, begins_wide_septets).wide;
            let expected = TextLength {
                characters: code_units(&text).characters,
                wide_septets: wide,
                surrogate_pairs: code_units(&text).wide,
                is_beyond,
                has_signs: text.bytes().any(|byte| byte == 0xE2),
            };
            if text.len() <= SHORT {
                proptest::prop_assert_eq!(TextLength::of_short(&text), expected);
            }
            proptest::prop_assert_eq!(TextLength::of(&text), expected);
        }
    }

    /// The septets and the code units of `character`, by the tables.
    fn units(character: char) -> (Option<usize>, usize) {
        let found = tables_with(character);
        let septets = match (found.locking & 1, found.single & 1) {
            (1, _) => Some(1),
            (_, 1) => Some(2),
            _ => None,
        };
        (septets, character.len_utf16())
    }

    #[test]
    fn every_character_has_its_length_wherever_it_stands() {
        let beyond = ['\u{10000}', '😀', char::MAX];
        let mut text = String::new();
        for character in ('\0'..='\u{FFFF}').chain(beyond) {
            for before in [0, 1, 14, 15, 16, 30, 31, 32, 33, 63, 191, 192] {
                text.clear();
                text.extend(std::iter::repeat_n('a', before));
                text.push(character);
                let (expected_septets, expected_units) = units(character);
                let septets = septets(&text).map(Length::units);
                assert_eq!(septets, expected_septets.map(|one| before + one), "{before} {character:?}");
                assert_eq!(code_units(&text).units(), before + expected_units, "{before} {character:?}");
            }
        }
    }

    #[test]
    fn two_characters_of_the_tables_side_by_side_are_as_long_as_each() {
        let characters: Vec<char> =
            ('\0'..='\u{FFFF}').filter(|character| units(*character).0.is_some()).collect();
        assert_eq!(characters.len(), 127 + 10);
        for &first in &characters {
            for &second in &characters {
                let text: String = [first, second].into_iter().collect();
                let expected = units(first).0.zip(units(second).0).map(|(one, other)| one + other);
                assert_eq!(septets(&text).map(Length::units), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn a_count_does_not_overflow_its_byte() {
        for length in [191, 192, 193, 255, 256, 257, 10_000] {
            let text = "{".repeat(length);
            assert_eq!(septets(&text), Some(Length { characters: length, wide: length }));
            let text = "😀".repeat(length);
            assert_eq!(code_units(&text), Length { characters: length, wide: length });
        }
    }
}
