//! How the network carries a text: the alphabet it fits and the parts it is cut into.
//!
//! Default alphabet and extension table only, 8-bit concatenation reference (the standard's
//! default, and what providers bill by unless they say otherwise). Not here: national language
//! tables, the 16-bit reference, folding look-alikes into the alphabet.

use std::{fmt, iter};

/// The most parts that the concatenation header can number (3GPP TS 23.040 clause 9.2.3.24.1).
pub const MAX_SEGMENTS: u32 = 255;

/// How the characters of a text are written on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The GSM 7-bit default alphabet with its extension table (3GPP TS 23.038 clause 6.2.1).
    Gsm7,
    /// UTF-16 code units (3GPP TS 23.038 clause 6.2.3; beyond the BMP by surrogate pairs).
    Ucs2,
}

impl Encoding {
    /// Units that fit into a message of one part: 160 septets, or 70 code units.
    pub const fn single_capacity(self) -> u32 {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Units that fit into each of several parts: 153 septets, or 67 code units.
    pub const fn part_capacity(self) -> u32 {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// Units that `character` takes: septets (1 or 2), or code units (1 or 2).
    fn units(self, character: char) -> u32 {
        match self {
            Self::Gsm7 => septets(character).unwrap_or(0),
            Self::Ucs2 => {
                if character as u32 > 0xFFFF {
                    2
                } else {
                    1
                }
            }
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        })
    }
}

/// How the network carries one text, and so what the provider bills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segments {
    /// The alphabet of the whole text.
    pub encoding: Encoding,
    /// Septets or code units of the whole text; headers and fill not counted.
    pub units: u32,
    /// Parts that are sent, each billed; at least 1. Above [`MAX_SEGMENTS`] it cannot be sent.
    pub count: u32,
}

/// How many segments the network carries for `text`.
///
/// Units: a GSM-7 text is counted in septets, of which `^ { } \ [ ~ ] | €` and form feed take
/// two (3GPP TS 23.038 clause 6.2.1.1); any other character makes the whole text UCS-2, counted
/// in 16-bit units. One segment holds 160 septets or 70 units, a part of several holds 153 or
/// 67, and a character is never cut in half (TS 23.040 clause 9.2.3.24.1), so a part may end
/// short. The empty text is one segment of no units. Never fails; see [`MAX_SEGMENTS`].
pub fn segments(text: &str) -> Segments {
    let (encoding, units) = measure(text);
    let count = if units <= encoding.single_capacity() {
        1
    } else {
        let parts = parts(text, encoding).count();
        u32::try_from(parts).unwrap_or(u32::MAX)
    };
    Segments { encoding, units, count }
}

/// The text of each segment, borrowed; together they are `text`.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    let (encoding, units) = measure(text);
    let whole = units <= encoding.single_capacity();
    let several = (!whole).then(|| parts(text, encoding));
    whole.then_some(text).into_iter().chain(several.into_iter().flatten())
}

/// The alphabet that `text` needs, and its length in that alphabet's units.
fn measure(text: &str) -> (Encoding, u32) {
    let mut septet_count = 0_u32;
    for character in text.chars() {
        let Some(count) = septets(character) else {
            let units = text.chars().map(char::len_utf16).sum::<usize>();
            return (Encoding::Ucs2, u32::try_from(units).unwrap_or(u32::MAX));
        };
        septet_count = septet_count.saturating_add(count);
    }
    (Encoding::Gsm7, septet_count)
}

/// Cuts a text that needs several parts, each as full as it goes.
fn parts(text: &str, encoding: Encoding) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut room = encoding.part_capacity();
        let end = rest.char_indices().find_map(|(index, character)| {
            let units = encoding.units(character);
            if units > room {
                return Some(index);
            }
            room -= units;
            None
        });
        let (part, tail) = rest.split_at(end.unwrap_or(rest.len()));
        rest = tail;
        Some(part)
    })
}

/// Septets that `character` takes in GSM-7, or `None` where the alphabet lacks it.
pub(crate) fn septets(character: char) -> Option<u32> {
    let cost = match SEPTETS.get(character as usize) {
        Some(&cost) => cost,
        None if character == '€' => 2,
        None => 0,
    };
    (cost > 0).then_some(u32::from(cost))
}

/// The default alphabet in code order (3GPP TS 23.038 clause 6.2.1), its escape left out.
const DEFAULT_ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The extension table (clause 6.2.1.1) but for the euro sign, which lies beyond the array.
const EXTENSION: &str = "\u{c}^{}\\[~]|";

/// Septets by code point, 0 where the alphabet lacks it. Ω (U+03A9) is the highest in it.
const SEPTETS: [u8; 0x3AA] = {
    let mut table = [0; 0x3AA];
    fill(&mut table, DEFAULT_ALPHABET.as_bytes(), 1);
    fill(&mut table, EXTENSION.as_bytes(), 2);
    table
};

/// Sets `cost` for each character of `utf8`, whose characters take at most two bytes.
const fn fill(table: &mut [u8; 0x3AA], utf8: &[u8], cost: u8) {
    let mut index = 0;
    while index < utf8.len() {
        let byte = utf8[index] as usize;
        let code_point = if byte < 0x80 {
            byte
        } else {
            index += 1;
            ((byte & 0x1F) << 6) | (utf8[index] as usize & 0x3F)
        };
        table[code_point] = cost;
        index += 1;
    }
}

/// The characters of `text` that are not in GSM-7, with their index in characters, in order.
pub fn forcing(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    text.chars().enumerate().filter(|(_, character)| septets(*character).is_none())
}
