//! Segments once more, as slow as they are plain: what the fast code has to agree with.
//!
//! Looks every character up in `data/vectors/gsm7-tables.json`, tries every pair of tables, writes
//! the text out unit by unit into as many parts as that takes, and reads them back. Also included
//! by the fuzz target `segments`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use volley_core::{Alphabet, BreakAt, ConcatRef, Encoding, Language, National, Profile, Shifts};

const TABLES: &str = include_str!("../../../../data/vectors/gsm7-tables.json");

/// The code that announces one of the single table.
const ESCAPE: u16 = 0x1B;

/// Octets of user data in one message.
const OCTETS: usize = 140;

/// The code of each character.
type Table = BTreeMap<char, u16>;

/// Counts and cuts by the tables of the data file.
pub(crate) struct Twin {
    locking: BTreeMap<String, Table>,
    single: BTreeMap<String, Table>,
    clusters: fn(&str) -> Vec<&str>,
}

/// How a text is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) encoding: Encoding,
    pub(crate) shifts: Shifts,
    /// Units of the whole text.
    pub(crate) units: usize,
    /// What each part reads as, and its units.
    pub(crate) parts: Vec<(String, usize)>,
    /// Units that were left in the last part.
    pub(crate) left: usize,
}

impl Twin {
    /// One that takes grapheme clusters to be what `clusters` says.
    pub(crate) fn new(clusters: fn(&str) -> Vec<&str>) -> Self {
        let tables: Value = serde_json::from_str(TABLES).expect("JSON");
        let read = |kind: &str| {
            let of_kind = tables[kind].as_object().expect("tables by language");
            of_kind.iter().map(|(language, codes)| (language.clone(), table(codes))).collect()
        };
        Self { locking: read("locking"), single: read("single"), clusters }
    }

    /// How `text` is sent under `profile`.
    pub(crate) fn send(&self, text: &str, profile: &Profile) -> Sent {
        let in_tables = self.choices(profile).into_iter().filter_map(|shifts| {
            let units = |character| self.septets(character, shifts, profile);
            self.sent(text, profile, (Encoding::Gsm7, shifts), units)
        });
        let identifier = |language: Option<Language>| language.map_or(0, |language| language as u8);
        let best = in_tables.min_by_key(|sent| {
            let Shifts { locking, single } = sent.shifts;
            (sent.parts.len(), elements(sent.shifts), sent.units, identifier(locking), identifier(single))
        });
        best.unwrap_or_else(|| {
            let units = |character: char| Some(character.encode_utf16(&mut [0; 2]).to_vec());
            let writing = (Encoding::Ucs2, Shifts::default());
            self.sent(text, profile, writing, units).expect("UTF-16 has every character")
        })
    }

    /// The characters that no table has which `profile` may use, and their indices.
    pub(crate) fn forcing(&self, text: &str, profile: &Profile) -> Vec<(usize, char)> {
        let choices = self.choices(profile);
        let mut characters: BTreeSet<char> = text.chars().collect();
        characters.retain(|character| {
            choices.iter().all(|shifts| self.septets(*character, *shifts, profile).is_none())
        });
        text.chars().enumerate().filter(|(_, character)| characters.contains(character)).collect()
    }

    /// How many parts it would take if each of those characters were a line feed.
    pub(crate) fn parts_if_plain(&self, text: &str, profile: &Profile) -> usize {
        let forcing: Vec<char> = self.forcing(text, profile).into_iter().map(|(_, one)| one).collect();
        let plain = text.replace(&forcing[..], "\n");
        let alphabet = match &profile.alphabet {
            Alphabet::Standard => Alphabet::Standard,
            Alphabet::Without(removed) => Alphabet::Without(removed.replace('\n', "")),
        };
        self.send(&plain, &Profile { alphabet, ..profile.clone() }).parts.len()
    }

    /// Every pair of tables that `profile` allows.
    fn choices(&self, profile: &Profile) -> Vec<Shifts> {
        let has_locking = |language: &Language| self.locking.contains_key(language.name());
        match profile.national {
            National::Never => vec![Shifts::default()],
            National::Use(Shifts { locking, single }) => {
                vec![Shifts { locking: locking.filter(has_locking), single }]
            }
            National::Allow(languages) => {
                let none_or = || [None].into_iter().chain(languages.iter().map(Some));
                let locking = none_or().filter(|language| language.as_ref().is_none_or(has_locking));
                locking.flat_map(|locking| none_or().map(move |single| Shifts { locking, single })).collect()
            }
        }
    }

    fn tables(&self, shifts: Shifts) -> (&Table, &Table) {
        let name = |language: Option<Language>| language.map_or("default", Language::name);
        (&self.locking[name(shifts.locking)], &self.single[name(shifts.single)])
    }

    /// The septets of `character`, if the tables have it and the route carries it.
    fn septets(&self, character: char, shifts: Shifts, profile: &Profile) -> Option<Vec<u16>> {
        if matches!(&profile.alphabet, Alphabet::Without(removed) if removed.contains(character)) {
            return None;
        }
        let (locking, single) = self.tables(shifts);
        match (locking.get(&character), single.get(&character)) {
            (Some(code), _) => Some(vec![*code]),
            (None, Some(code)) => Some(vec![ESCAPE, *code]),
            (None, None) => None,
        }
    }

    /// Writes `text` into parts, where `units` says how each of its characters is written, and
    /// reads them back.
    fn sent(
        &self,
        text: &str,
        profile: &Profile,
        (encoding, shifts): (Encoding, Shifts),
        units: impl Fn(char) -> Option<Vec<u16>>,
    ) -> Option<Sent> {
        let written: Vec<Vec<u16>> = text.chars().map(&units).collect::<Option<_>>()?;
        let total = written.concat().len();
        let single = room(encoding, &vec![1; elements(shifts)]);
        let reference = match profile.concat_ref {
            ConcatRef::Bits8 => 1,
            ConcatRef::Bits16 => 2,
        };
        let part = room(encoding, &[&[reference + 2], &vec![1; elements(shifts)][..]].concat());
        let (parts, room) = if total <= single {
            (vec![written.concat()], single)
        } else {
            let write = |text: &str| text.chars().filter_map(&units).collect::<Vec<_>>();
            let whole = match profile.break_at {
                BreakAt::Character => written,
                BreakAt::Grapheme => (self.clusters)(text)
                    .into_iter()
                    .flat_map(|cluster| match write(cluster) {
                        loose if cluster == "\r\n" || loose.concat().len() > part => loose,
                        kept => vec![kept.concat()],
                    })
                    .collect(),
            };
            (filled(&whole, part), part)
        };
        let read = |units: &Vec<u16>| match encoding {
            Encoding::Gsm7 => self.read_septets(units, shifts),
            Encoding::Ucs2 => String::from_utf16(units).expect("no pair is cut"),
        };
        let left = room - parts.last().expect("there is always one").len();
        let parts = parts.iter().map(|part| (read(part), part.len())).collect();
        Some(Sent { encoding, shifts, units: total, parts, left })
    }

    /// What a phone shows that knows the tables.
    fn read_septets(&self, septets: &[u16], shifts: Shifts) -> String {
        let by_code = |table: &Table| -> BTreeMap<u16, char> {
            table.iter().map(|(character, code)| (*code, *character)).collect()
        };
        let (locking, single) = self.tables(shifts);
        let (locking, single) = (by_code(locking), by_code(single));
        let mut septets = septets.iter();
        let mut text = String::new();
        while let Some(code) = septets.next() {
            text.push(match *code {
                ESCAPE => single[septets.next().expect("no escape is cut off")],
                _ => locking[code],
            });
        }
        text
    }
}

/// Reads `{ "0A": "000C" }`: codes and code points, both in hexadecimal.
fn table(codes: &Value) -> Table {
    let number = |text: &str| u32::from_str_radix(text, 16).expect("hexadecimal digits");
    let entries = codes.as_object().expect("code points by code").iter();
    let entries = entries.map(|(code, point)| (number(point.as_str().expect("a text")), number(code)));
    entries
        .map(|(point, code)| {
            (char::from_u32(point).expect("a character"), u16::try_from(code).expect("seven bits"))
        })
        .collect()
}

/// How many tables are announced.
fn elements(shifts: Shifts) -> usize {
    usize::from(shifts.locking.is_some()) + usize::from(shifts.single.is_some())
}

/// Units that fit beside a header with elements of so many octets of data: each has two more, for
/// its identifier and its length, and the header one for its own length.
fn room(encoding: Encoding, elements: &[usize]) -> usize {
    let header = match elements {
        [] => 0,
        elements => 1 + elements.iter().map(|data| 2 + data).sum::<usize>(),
    };
    let bits = match encoding {
        Encoding::Gsm7 => 7,
        Encoding::Ucs2 => 16,
    };
    (0..=160_usize).rev().find(|units| header + (units * bits).div_ceil(8) <= OCTETS).expect("0 fit")
}

/// Fills parts with pieces that are not cut.
fn filled(pieces: &[Vec<u16>], room: usize) -> Vec<Vec<u16>> {
    let mut parts = vec![Vec::new()];
    for piece in pieces {
        if parts.last().expect("there is always one").len() + piece.len() > room {
            parts.push(Vec::new());
        }
        parts.last_mut().expect("there is always one").extend(piece);
    }
    parts
}
