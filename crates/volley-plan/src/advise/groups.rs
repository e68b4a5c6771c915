//! Recipients that every edit treats alike, counted together.
//!
//! How many segments a text takes depends on its values only by how many characters of which
//! width they have, and in which order: two names of five plain letters are the same to every
//! edit. So a row's values are reduced to their shape, and rows of one shape and one price are one
//! group, judged once for an edit. Where characters matter by themselves (national tables,
//! grapheme clusters, look-alikes that are folded, filters) a row is grouped with those of equal
//! values.

use crate::{
    Folding,
    recipient::Rules,
    source::{Cells, OwnedCells, Row},
    template::is_value,
};
use rustc_hash::{FxHashMap, FxHashSet};
use volley_core::{BreakAt, Encoding, Micros, National, PriceId, Profile, RowNumber, Segments};

/// Groups that are held at most.
const MAX_GROUPS: usize = 4_096;
/// Bytes of their rows that are held at most.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What a group's texts are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Now {
    /// Sent, each for this.
    Sent {
        segments: u32,
        /// `None` without a rate card.
        cost: Option<Micros>,
    },
    /// Left out because of the text or a value in it.
    LeftOut,
}

/// Rows that every edit treats alike.
pub(super) struct Group {
    first: RowNumber,
    cells: OwnedCells,
    pub(super) now: Now,
    pub(super) rows: u64,
}

impl Group {
    /// One of them, to be judged for all.
    pub(super) fn row(&self) -> Row<'_> {
        Row { number: self.first, line: 0, cells: self.cells.cells(), spoiled: false }
    }
}

/// The rows of a pass, grouped.
pub(super) struct Groups<'a> {
    shapes: Shapes<'a>,
    columns: Vec<usize>,
    index: FxHashMap<Vec<u8>, usize>,
    held: Vec<Group>,
    bytes: usize,
    key: Vec<u8>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(rules: &Rules<'a>) -> Self {
        let mut columns: Vec<usize> = rules.text.columns().collect();
        columns.sort_unstable();
        columns.dedup();
        Self {
            shapes: Shapes::new(rules),
            columns,
            index: FxHashMap::default(),
            held: Vec::new(),
            bytes: 0,
            key: Vec::new(),
        }
    }

    /// Counts a row. All that is sent in one group has one price.
    pub(super) fn add(&mut self, row: &Row<'_>, now: Now, price: Option<PriceId>) {
        self.write_key(row.cells, now, price);
        if let Some(&index) = self.index.get(self.key.as_slice()) {
            let group = &mut self.held[index];
            debug_assert_eq!(group.now, now, "rows {} and {} are one group", group.first.0, row.number.0);
            group.rows += 1;
            return;
        }
        self.bytes += self.key.len() + row.cells.iter().map(<[u8]>::len).sum::<usize>();
        self.index.insert(self.key.clone(), self.held.len());
        self.held.push(Group { first: row.number, cells: row.cells.to_owned(), now, rows: 1 });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.held.iter()
    }

    /// Whether no more groups are to be held.
    pub(super) fn are_full(&self) -> bool {
        self.held.len() >= MAX_GROUPS || self.bytes >= MAX_BYTES
    }

    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.held.clear();
        self.bytes = 0;
    }

    /// Writes what the row's group is known by over `self.key`.
    fn write_key(&mut self, cells: Cells<'_>, now: Now, price: Option<PriceId>) {
        let key = &mut self.key;
        key.clear();
        match (now, price) {
            (Now::LeftOut, _) => key.push(0),
            (Now::Sent { .. }, None) => key.push(1),
            (Now::Sent { .. }, Some(PriceId(id))) => {
                key.push(2);
                key.extend(id.to_le_bytes());
            }
        }
        let start = key.len();
        for &column in &self.columns {
            let value = cells.text(column);
            if value.trim().is_empty() {
                key.push(EMPTY);
            } else if now == Now::LeftOut && !is_value(value) {
                key.push(UNFIT);
            } else if !self.shapes.write(value, key) {
                key.truncate(start);
                key.push(EXACT);
                self.columns.iter().for_each(|&column| write_bytes(cells.text(column).as_bytes(), key));
                return;
            }
        }
    }
}

// What a value is written as in a key: nothing; what no text takes; so many characters, all plain
// or some of them forcing UCS-2; the width of each character. And a whole row with its values.
const EMPTY: u8 = 0;
const UNFIT: u8 = 1;
const PLAIN: u8 = 2;
const FORCING: u8 = 3;
const WIDTHS: u8 = 4;
const EXACT: u8 = 5;

fn write_bytes(bytes: &[u8], key: &mut Vec<u8>) {
    key.extend(bytes.len().to_le_bytes());
    key.extend_from_slice(bytes);
}

/// What a text's length depends on in one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// One septet, or one code unit.
    Plain,
    /// Two septets, or one code unit.
    Extension,
    /// Makes the text UCS-2, where it is one code unit.
    Forcing,
    /// Makes the text UCS-2, where it is two code units.
    Pair,
    /// Which character it is may matter.
    Itself,
}

/// Reduces values to their shapes.
struct Shapes<'a> {
    profile: &'a Profile,
    /// Whether characters matter by their widths only, but for those that are [`Width::Itself`].
    by_width: bool,
    /// The characters that folding looks at.
    folded: FxHashSet<char>,
    ascii: [Width; 128],
    others: FxHashMap<char, Width>,
}

impl<'a> Shapes<'a> {
    fn new(rules: &Rules<'a>) -> Self {
        let profile = rules.profile;
        let table = if rules.folding == Folding::Smart { profile.substitutions } else { &[] };
        // A letter in front of such a mark is folded with it, so which letter it is matters.
        let is_mark =
            |character| table.iter().any(|one| one.from.chars().skip(1).any(|mark| mark == character));
        let mut shapes = Self {
            profile,
            by_width: profile.national == National::Never
                && !rules.text.has_filters()
                && !rules.text.texts().any(|text| text.chars().any(is_mark)),
            folded: table.iter().flat_map(|one| one.from.chars()).collect(),
            ascii: [Width::Itself; 128],
            others: FxHashMap::default(),
        };
        for character in (0..128_u8).map(char::from) {
            shapes.ascii[character as usize] = shapes.measured(character);
        }
        shapes
    }

    /// Appends what matters of `value` to texts; false where that is the row's values themselves.
    fn write(&mut self, value: &str, key: &mut Vec<u8>) -> bool {
        if !self.by_width {
            return false;
        }
        let start = key.len();
        let (mut only_plain, mut only_single) = (true, true);
        key.extend([0; 1 + size_of::<u32>()]);
        // A value's CRLF is sent as a newline.
        for character in value.chars().filter(|&character| character != '\r') {
            let width = self.width(character);
            if width == Width::Itself {
                return false;
            }
            only_plain &= width == Width::Plain;
            only_single &= matches!(width, Width::Plain | Width::Forcing);
            key.push(width as u8);
        }
        let widths = start + 1 + size_of::<u32>();
        let length = u32::try_from(key.len() - widths).unwrap_or(u32::MAX);
        key[start + 1..widths].copy_from_slice(&length.to_le_bytes());
        key[start] = if only_plain {
            PLAIN
        } else if only_single {
            FORCING
        } else {
            WIDTHS
        };
        if only_single {
            key.truncate(widths);
        }
        true
    }

    fn width(&mut self, character: char) -> Width {
        if let Some(&width) = self.ascii.get(character as usize) {
            return width;
        }
        if let Some(&width) = self.others.get(&character) {
            return width;
        }
        let width = self.measured(character);
        self.others.insert(character, width);
        width
    }

    fn measured(&self, character: char) -> Width {
        if self.profile.break_at == BreakAt::Grapheme && !is_cluster(character) {
            return Width::Itself;
        }
        let Segments { encoding, units, .. } = self.profile.count(character.encode_utf8(&mut [0; 4]));
        match (encoding, units) {
            (Encoding::Ucs2, _) if self.folded.contains(&character) => Width::Itself,
            (Encoding::Gsm7, 1) => Width::Plain,
            (Encoding::Gsm7, _) => Width::Extension,
            (Encoding::Ucs2, 1) => Width::Forcing,
            (Encoding::Ucs2, _) => Width::Pair,
        }
    }
}

/// Whether `character` stands by itself between others like it, whichever of these it is (Unicode
/// UAX #29, the value Other): printable ASCII, the euro sign, Latin letters with their accents,
/// Cyrillic ones, and ideographs. There are others.
const fn is_cluster(character: char) -> bool {
    matches!(character, ' '..='~' | '€' | 'À'..='\u{24f}' | '\u{400}'..='\u{481}' | '\u{4e00}'..='\u{9fff}')
}
