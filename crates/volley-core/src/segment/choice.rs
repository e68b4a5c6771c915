//! How a text can be written: in which alphabet, with which tables, and how long it is then.

use super::{
    Encoding, Language, Segments, Shifts,
    length::Length,
    lookup::{Tables, tables_with},
};

/// An alphabet, and the tables it is written with: none in UCS-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writing {
    pub(super) encoding: Encoding,
    pub(super) shifts: Shifts,
}

impl Writing {
    /// GSM-7 in its own tables.
    pub(super) const DEFAULT: Self =
        Self { encoding: Encoding::Gsm7, shifts: Shifts { locking: None, single: None } };

    /// Units that a character takes which can be written so.
    pub(super) fn cost(self) -> impl Fn(char) -> u32 + Copy {
        let locking = self.shifts.locking.map_or(0, |language| language as u32);
        move |character| match self.encoding {
            Encoding::Gsm7 => 2 - u32::from(tables_with(character).locking >> locking & 1),
            Encoding::Ucs2 => 1 + u32::from(character > '\u{FFFF}'),
        }
    }
}

/// A text in one writing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) writing: Writing,
    pub(super) length: Length,
}

impl Form {
    /// In UCS-2.
    #[inline]
    pub(super) fn ucs2(length: Length) -> Self {
        Self { writing: Writing { encoding: Encoding::Ucs2, shifts: Shifts::default() }, length }
    }

    /// Carried in `count` segments.
    #[inline]
    pub(super) fn carried(self, count: usize) -> Segments {
        let saturated = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let Writing { encoding, shifts } = self.writing;
        Segments { encoding, units: saturated(self.length.units()), count: saturated(count), shifts }
    }
}

/// What one pass over a text finds out about every choice of tables.
pub(super) struct Tally {
    characters: usize,
    /// By the locking table's identifier.
    missing: [Missing; 14],
}

/// The characters of a text that one locking table lacks.
#[derive(Clone, Copy)]
struct Missing {
    count: usize,
    /// The single tables that have all of them, a bit each.
    single: u16,
}

impl Tally {
    /// Of `text`, or `None` where a character is in none of the tables. `find` says in which of
    /// the `allowed` ones it is.
    pub(super) fn of(text: &str, allowed: Tables, find: impl Fn(char) -> Tables) -> Option<Self> {
        let mut tally = Self { characters: 0, missing: [Missing { count: 0, single: allowed.single }; 14] };
        for character in text.chars() {
            let found = find(character);
            if found == Tables::NONE {
                return None;
            }
            tally.characters += 1;
            let mut lacking = allowed.locking & !found.locking;
            while lacking != 0 {
                let missing = &mut tally.missing[lacking.trailing_zeros() as usize];
                missing.count += 1;
                missing.single &= found.single;
                lacking &= lacking - 1;
            }
        }
        Some(tally)
    }

    /// The best way to write the text with each of the `allowed` locking tables, where there is
    /// one: beside it the single table of lowest identifier that has what it lacks. The default
    /// one, which costs nothing, is the lowest; none of the others is better than another.
    pub(super) fn forms(&self, allowed: Tables) -> impl Iterator<Item = Form> {
        let language = |id: u32| Language::ALL.into_iter().find(|language| *language as u32 == id);
        (0..).zip(&self.missing).filter_map(move |(id, missing)| {
            let is_able = allowed.locking >> id & 1 == 1 && missing.single != 0;
            let single = missing.single.trailing_zeros();
            is_able.then(|| Form {
                writing: Writing {
                    encoding: Encoding::Gsm7,
                    shifts: Shifts { locking: language(id), single: language(single) },
                },
                length: Length { characters: self.characters, wide: missing.count },
            })
        })
    }

    /// In UCS-2, where no character of any table takes two code units.
    pub(super) fn ucs2(&self) -> Form {
        Form::ucs2(Length { characters: self.characters, wide: 0 })
    }
}
