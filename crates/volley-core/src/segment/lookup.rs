//! Which tables a character is in, and which of them a profile may use.

use super::{
    Alphabet, Language, Languages, National, Profile, Shifts,
    tables::{LOCKING, SINGLE, Table},
};

/// A set of tables: bit n stands for the one of the language with identifier n, bit 0 for the
/// default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) locking: u16,
    pub(super) single: u16,
}

impl Tables {
    /// No table.
    pub(super) const NONE: Self = Self { locking: 0, single: 0 };

    /// Those that `national` lets a text choose from, a locking and a single one.
    pub(super) fn allowed(national: National) -> Self {
        match national {
            National::Never => Self { locking: 1, single: 1 },
            National::Use(Shifts { locking, single }) => Self {
                locking: locking.filter(|language| language.has_locking()).map_or(1, bit),
                single: single.map_or(1, bit),
            },
            National::Allow(languages) => {
                let with_locking: Languages = languages.iter().filter(|one| one.has_locking()).collect();
                Self { locking: with_locking.bits() | 1, single: languages.bits() | 1 }
            }
        }
    }

    /// Those of both sets.
    pub(super) const fn and(self, other: Self) -> Self {
        Self { locking: self.locking & other.locking, single: self.single & other.single }
    }
}

/// The bit of a language's tables.
const fn bit(language: Language) -> u16 {
    1 << language as u16
}

/// Every table that has `character`.
pub(super) const fn tables_with(character: char) -> Tables {
    let (page, place) = cell(character);
    FOUND[page][place]
}

/// What GSM-7 is for one profile: the tables that it may use, less what its route does not carry.
pub(super) struct Repertoire {
    allowed: Tables,
    /// Removed characters, by page, a bit each.
    removed: [u64; PAGES],
}

impl Repertoire {
    /// That of `profile`.
    pub(super) fn of(profile: &Profile) -> Self {
        let mut removed = [0; PAGES];
        if let Alphabet::Without(characters) = &profile.alphabet {
            for character in characters.chars() {
                let (page, place) = cell(character);
                removed[page] |= 1 << place;
            }
        }
        Self { allowed: Tables::allowed(profile.national), removed }
    }

    /// The tables that may be used.
    pub(super) const fn allowed(&self) -> Tables {
        self.allowed
    }

    /// Those that have `character`.
    pub(super) fn find(&self, character: char) -> Tables {
        let (page, place) = cell(character);
        let is_removed = self.removed[page] >> place & 1 == 1;
        if is_removed { Tables::NONE } else { FOUND[page][place].and(self.allowed) }
    }

    /// Whether none of them has `character`, so that it forces UCS-2.
    pub(super) fn lacks(&self, character: char) -> bool {
        self.find(character) == Tables::NONE
    }
}

/// Code points of a page.
const PAGE: usize = 64;

/// Pages that hold a character of some table, and page 0, which stands for all others.
const PAGES: usize = 32;

/// One more than the highest code point of any table (∞, U+221E), in whole pages.
const END: usize = 0x2240;

/// The page and the place on it where `character` is looked up.
const fn cell(character: char) -> (usize, usize) {
    let index = character as usize;
    let page = if index < END { PAGE_OF[index / PAGE] as usize } else { 0 };
    (page, index % PAGE)
}

/// Which tables have each code point below [`END`].
static EVERY: [Tables; END] = {
    let mut every = [Tables::NONE; END];
    let mut id = 0;
    while id < LOCKING.len() {
        mark(&mut every, &LOCKING[id], Tables { locking: 1 << id, single: 0 });
        mark(&mut every, &SINGLE[id], Tables { locking: 0, single: 1 << id });
        id += 1;
    }
    every
};

/// The page of [`FOUND`] for each page of [`EVERY`].
static PAGE_OF: [u8; END / PAGE] = {
    let mut pages = [0; END / PAGE];
    let mut used = 0;
    let mut index = 0;
    while index < END {
        if (EVERY[index].locking | EVERY[index].single) != 0 && pages[index / PAGE] == 0 {
            used += 1;
            pages[index / PAGE] = used;
        }
        index += 1;
    }
    assert!(used as usize == PAGES - 1, "as many pages as are used");
    pages
};

/// [`EVERY`] without its empty pages, of which the first stands for all.
static FOUND: [[Tables; PAGE]; PAGES] = {
    let mut found = [[Tables::NONE; PAGE]; PAGES];
    let mut index = 0;
    while index < END {
        found[PAGE_OF[index / PAGE] as usize][index % PAGE] = EVERY[index];
        index += 1;
    }
    found
};

/// Adds `tables` to every character of `table`.
const fn mark(every: &mut [Tables; END], table: &Table, tables: Tables) {
    let utf8 = table.letters.as_bytes();
    let mut index = 0;
    while index < utf8.len() {
        let byte = utf8[index] as usize;
        let (mut code_point, more) = match byte {
            0..0x80 => (byte, 0),
            0x80..0xE0 => (byte & 0x1F, 1),
            _ => (byte & 0x0F, 2),
        };
        let end = index + 1 + more;
        index += 1;
        while index < end {
            code_point = code_point << 6 | utf8[index] as usize & 0x3F;
            index += 1;
        }
        add(&mut every[code_point], tables);
    }
    let mut run = 0;
    while run < table.runs.len() {
        let (first, last) = table.runs[run];
        let mut code_point = first;
        while code_point <= last {
            add(&mut every[code_point as usize], tables);
            code_point += 1;
        }
        run += 1;
    }
}

const fn add(to: &mut Tables, tables: Tables) {
    to.locking |= tables.locking;
    to.single |= tables.single;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    const FILE: &str = include_str!("../../../../data/vectors/gsm7-tables.json");

    /// Every character of a table, as the data file has it: code points in hexadecimal, by code.
    fn characters(table: &Value) -> BTreeSet<char> {
        let points = table.as_object().into_iter().flatten().map(|(_, point)| point.as_str());
        let point = |text: &str| u32::from_str_radix(text, 16).expect("hexadecimal digits");
        points.map(|text| char::from_u32(point(text.expect("a text"))).expect("a character")).collect()
    }

    #[test]
    fn every_table_is_that_of_the_data_file() {
        let file: Value = serde_json::from_str(FILE).expect("JSON");
        let languages = file["languages"].as_object().expect("languages by identifier");
        assert_eq!(languages.len(), LOCKING.len());
        for (id, name) in languages {
            let name = name.as_str().expect("a text");
            let id: u16 = id.parse().expect("an identifier");
            let language = Language::ALL.into_iter().find(|language| bit(*language) == 1 << id);
            assert_eq!(language.map_or("default", Language::name), name);

            let found = |of: fn(Tables) -> u16| -> BTreeSet<char> {
                ('\0'..=char::MAX).filter(|one| of(tables_with(*one)) >> id & 1 == 1).collect()
            };
            assert_eq!(found(|tables| tables.locking), characters(&file["locking"][name]), "{name}");
            assert_eq!(found(|tables| tables.single), characters(&file["single"][name]), "{name}");
            let has_locking = file["locking"].get(name).is_some();
            assert_eq!(language.is_none_or(Language::has_locking), has_locking, "{name}");
        }
    }
}
