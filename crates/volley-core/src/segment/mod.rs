//! How the network carries a text: the alphabet it fits and the parts it is cut into.
//!
//! [`Profile`] says how a provider counts; its methods count, cut and name what does not fit.
//! Not here: replacing what does not fit (`fold`).

mod profile; // how one provider counts

pub use profile::{
    Alphabet, BreakAt, ConcatRef, Language, LanguageFault, Languages, National, Profile, Shifts,
};

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
    /// The national tables it is written with; none in UCS-2.
    pub shifts: Shifts,
}

/// The text of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// What it carries.
    pub text: &'a str,
    /// Its septets or code units; headers and fill not counted.
    pub units: u32,
}

/// Units that fit into a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Of a message of one segment.
    pub single: u32,
    /// Of each of several.
    pub part: u32,
}

impl Profile {
    /// How many segments the network carries for `text`, and so what the provider bills.
    ///
    /// Units: a GSM-7 text is counted in septets, of which `^ { } \ [ ~ ] | €` and form feed take
    /// two (3GPP TS 23.038 clause 6.2.1.1); any other character makes the whole text UCS-2,
    /// counted in 16-bit units. One segment holds 160 septets or 70 units, a part of several
    /// holds 153 or 67, and a character is never cut in half (TS 23.040 clause 9.2.3.24.1), so a
    /// part may end short. The empty text is one segment of no units. Never fails: above
    /// `max_segments` the count says so.
    pub fn count(&self, text: &str) -> Segments {
        let (encoding, units) = measure(text);
        let capacity = self.capacity(encoding, Shifts::default());
        let count = if units <= capacity.single {
            1
        } else {
            let parts = parts(text, encoding, capacity.part).count();
            u32::try_from(parts).unwrap_or(u32::MAX)
        };
        Segments { encoding, units, count, shifts: Shifts::default() }
    }

    /// The text of each segment, borrowed; together they are `text`.
    pub fn split<'a>(&self, text: &'a str) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let Segments { encoding, units, count, shifts } = self.count(text);
        let whole = (count == 1).then_some(Part { text, units });
        let several = (count > 1).then(|| parts(text, encoding, self.capacity(encoding, shifts).part));
        whole.into_iter().chain(several.into_iter().flatten())
    }

    /// Units that fit into a segment of a message in `encoding` with the tables `shifts`.
    pub const fn capacity(&self, encoding: Encoding, shifts: Shifts) -> Capacity {
        let _ = (self, shifts);
        match encoding {
            Encoding::Gsm7 => Capacity { single: 160, part: 153 },
            Encoding::Ucs2 => Capacity { single: 70, part: 67 },
        }
    }

    /// Units that are left before `text` needs another segment.
    pub fn left(&self, text: &str) -> u32 {
        let counted = self.count(text);
        let capacity = self.capacity(counted.encoding, counted.shifts);
        let last = self.split(text).last().map_or(0, |part| part.units);
        if counted.count == 1 { capacity.single - last } else { capacity.part - last }
    }

    /// The characters of `text` that push it out of GSM-7, with their index in characters, in
    /// order: those that none of the tables has which this profile may use.
    pub fn forcing<'a>(&self, text: &'a str) -> impl Iterator<Item = (usize, char)> + use<'a> {
        text.chars().enumerate().filter(|(_, character)| septets(*character).is_none())
    }

    /// How many segments `text` would take if each character that forces UCS-2 were a plain
    /// GSM-7 one: what the forcing characters cost is the difference to [`count`](Self::count).
    pub fn count_if_plain(&self, text: &str) -> u32 {
        let plain: String = text.chars().map(|c| if septets(c).is_some() { c } else { '.' }).collect();
        self.count(&plain).count
    }
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
fn parts(text: &str, encoding: Encoding, capacity: u32) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut room = capacity;
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
        Some(Part { text: part, units: capacity - room })
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
