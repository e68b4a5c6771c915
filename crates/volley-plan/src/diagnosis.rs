//! What a plan's texts cost beyond what they need to: which characters push them out of GSM-7,
//! where those come from, whom their own data made longer, and what folding saves.
//!
//! Counted row by row during the pass. Texts in GSM-7 cost a comparison of two numbers here.

use crate::{
    campaign::Folding,
    source::Cells,
    template::{Bound, Filled, Place},
};
use rustc_hash::FxHashMap;
use serde::{Serialize, Serializer};
use std::num::NonZeroU32;
use volley_core::{
    Alphabet, Encoding, Message, Micros, PriceId, Profile, RateCard, RowNumber, Segments, Substitution,
    character_name, code_point, fold, is_common_septet, replacements, substitute_char,
};

/// How many characters a diagnosis lists.
pub const MOST_FORCING: usize = 500;
/// How many rows are named where rows are named.
const FIRST_ROWS: usize = 3;

/// What a plan's texts cost beyond what they need to.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// The campaign's own text, its variables left out.
    pub template: TemplateSize,
    /// Recipients whose text is UCS-2, and what that costs beyond plain GSM-7.
    pub ucs2: Extra,
    /// The characters that push texts out of GSM-7, those in the dearest texts first; at most
    /// [`MOST_FORCING`].
    pub forcing: Vec<Forcing>,
    /// How many more there are.
    pub forcing_others: u64,
    /// What smart folding saved, or would save.
    pub smart: Smart,
    /// Whose own data makes their text take more than the campaign's own text does.
    pub jumps: Jumps,
}

/// How much room the campaign's own text takes and leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TemplateSize {
    /// `GSM-7` or `UCS-2`.
    #[serde(serialize_with = "as_text")]
    pub encoding: Encoding,
    /// Septets or code units without its variables.
    pub units: u32,
    /// Segments without its variables.
    pub segments: u32,
    /// Units that its variables may take before another segment is needed.
    pub left: u32,
}

/// How many recipients, and what their texts take beyond what they could.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Extra {
    /// Recipients.
    pub rows: u64,
    /// Their segments beyond.
    pub segments: u64,
    /// Their cost beyond; `None` without a rate card.
    #[serde(serialize_with = "as_decimal")]
    pub cost: Option<Micros>,
}

/// One character that no alphabet of the provider has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forcing {
    /// The character.
    pub char: char,
    /// `U+2019`.
    pub code_point: String,
    /// Its name in the Unicode Standard.
    pub name: String,
    /// The texts that hold it, and what these take beyond plain GSM-7. A text with several such
    /// characters counts for each of them.
    #[serde(flatten)]
    pub extra: Extra,
    /// The same of the texts that no other character pushes out: what replacing this one alone
    /// would save.
    pub alone: Extra,
    /// Where it stands first in the campaign's own text, if it is there.
    pub template: Option<Place>,
    /// The columns that bring it, by name, with their rows.
    pub columns: Vec<ColumnRows>,
    /// The columns whose default brings it.
    pub defaults: Vec<String>,
    /// The first row with it.
    pub first_row: u32,
    /// Its index in that row's text, in characters from 0.
    pub first_index: usize,
    /// What smart folding writes instead; `None` where nothing looks alike.
    pub instead: Option<&'static str>,
}

/// How many rows of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnRows {
    /// The column's name.
    pub column: String,
    /// How many of its rows.
    pub rows: u64,
    /// The first of them.
    pub first_row: u32,
}

/// What smart folding saved, or would save.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Smart {
    /// Whether the texts are folded.
    pub applied: bool,
    /// The folded texts, and what is saved by it.
    #[serde(flatten)]
    pub saved: Extra,
    /// Every replacement, those in the dearest texts first.
    pub replacements: Vec<Replacement>,
}

/// One look-alike that is, or would be, replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replacement {
    /// What is replaced.
    pub from: &'static str,
    /// What stands instead; empty where it is left out.
    pub to: &'static str,
    /// The code points of `from`, such as `U+2019`.
    pub code_points: Vec<String>,
    /// The names of its characters.
    pub name: String,
    /// The texts in which it is replaced, and what these save. A text with several look-alikes
    /// counts for each of them.
    #[serde(flatten)]
    pub saved: Extra,
}

/// Whose own data makes their text take more than the campaign's own text does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jumps {
    /// Texts of more segments.
    pub segments: Jump,
    /// Texts in UCS-2 where the campaign's own text is GSM-7.
    pub encoding: Jump,
}

/// One way of taking more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jump {
    /// Who, and what they take beyond the campaign's own text.
    #[serde(flatten)]
    pub extra: Extra,
    /// The first of them.
    pub first_rows: Vec<u32>,
}

/// A sum above 64 bits.
#[derive(Debug)]
pub(crate) struct TooLarge;

impl Extra {
    /// Nobody yet.
    fn none(card: Option<&RateCard>) -> Self {
        Self { rows: 0, segments: 0, cost: card.map(|_| Micros::ZERO) }
    }

    fn add(&mut self, more: More) -> Result<(), TooLarge> {
        self.rows += 1;
        self.segments += u64::from(more.segments);
        if let (Some(sum), Some(cost)) = (&mut self.cost, more.cost) {
            *sum = sum.checked_add(cost).ok_or(TooLarge)?;
        }
        Ok(())
    }
}

/// What one text takes beyond what it could.
#[derive(Clone, Copy)]
struct More {
    segments: u32,
    cost: Option<Micros>,
}

impl Jump {
    fn none(card: Option<&RateCard>) -> Self {
        Self { extra: Extra::none(card), first_rows: Vec::new() }
    }

    fn add(&mut self, row: RowNumber, more: More) -> Result<(), TooLarge> {
        if self.first_rows.len() < FIRST_ROWS {
            self.first_rows.push(row.0);
        }
        self.extra.add(more)
    }
}

/// One row of the plan, as the diagnosis sees it.
pub(crate) struct Diagnosed<'a> {
    pub(crate) message: &'a Message<'a>,
    pub(crate) price: Option<PriceId>,
    pub(crate) cells: Cells<'a>,
    /// The text before it was folded; `None` where it was not.
    pub(crate) unfolded: Option<&'a str>,
    /// How many segments the text would take in plain characters, where that is known.
    pub(crate) plain: Option<NonZeroU32>,
}

/// Counts a [`Diagnosis`].
pub(crate) struct Diagnoser<'a> {
    profile: &'a Profile,
    text: &'a Bound,
    card: Option<&'a RateCard>,
    folding: Folding,
    template: TemplateSize,
    /// Whether the alphabet has every common character.
    knows_common: bool,
    /// Nobody's text is GSM-7 or can be folded because of a character everybody gets.
    is_beyond_folding: bool,
    ucs2: Extra,
    /// Those of the campaign's own text first.
    characters: Vec<Pusher>,
    of_template: usize,
    index: FxHashMap<char, usize>,
    saved: Extra,
    replaced: Vec<Replaced>,
    jumps: Jumps,
    scratch: String,
}

/// A character that pushes texts out of GSM-7, and what was counted of it.
struct Pusher {
    character: char,
    extra: Extra,
    alone: Extra,
    /// Whether it stands in a look-alike, alone or behind a letter.
    is_looked_like: bool,
    /// The row that was counted last.
    last_row: u32,
    columns: Vec<FromColumn>,
    /// Columns whose default has it.
    defaults: Vec<usize>,
    first: Option<(u32, usize)>,
}

/// How often one column brings a character.
struct FromColumn {
    column: usize,
    rows: u64,
    first_row: u32,
    last_row: u32,
}

/// A look-alike that is, or would be, replaced, and what was counted of it.
struct Replaced {
    substitution: &'static Substitution,
    saved: Extra,
    last_row: u32,
}

impl<'a> Diagnoser<'a> {
    pub(crate) fn new(
        profile: &'a Profile,
        text: &'a Bound,
        card: Option<&'a RateCard>,
        folding: Folding,
    ) -> Self {
        let fixed = text.fixed("");
        let Segments { encoding, units, count, .. } = profile.count(&fixed);
        let template = TemplateSize { encoding, units, segments: count, left: left(profile, text) };
        let mut diagnoser = Self {
            profile,
            text,
            card,
            folding,
            template,
            knows_common: profile.alphabet == Alphabet::Standard,
            is_beyond_folding: false,
            ucs2: Extra::none(card),
            characters: Vec::new(),
            of_template: 0,
            index: FxHashMap::default(),
            saved: Extra::none(card),
            replaced: Vec::new(),
            jumps: Jumps { segments: Jump::none(card), encoding: Jump::none(card) },
            scratch: String::new(),
        };
        for (_, character) in profile.forcing(&fixed) {
            diagnoser.entry(character);
        }
        diagnoser.of_template = diagnoser.characters.len();
        diagnoser.is_beyond_folding = diagnoser.characters.iter().any(|entry| !entry.is_looked_like);
        diagnoser
    }

    /// Whether there is anything to say of a text: most take what they must.
    pub(crate) fn looks_at(&self, segments: Segments, is_folded: bool) -> bool {
        is_folded || segments.encoding == Encoding::Ucs2 || segments.count > self.template.segments
    }

    /// Counts one accepted row. The sums fail above 64 bits.
    pub(crate) fn row(&mut self, seen: &Diagnosed<'_>) -> Result<(), TooLarge> {
        let message = seen.message;
        if message.segments.count > self.template.segments {
            let more = self.more(seen, message.segments.count, self.template.segments);
            self.jumps.segments.add(message.row, more)?;
        }
        if let Some(text) = seen.unfolded {
            let more = self.more(seen, self.profile.count(text).count, message.segments.count);
            self.folded(message.row, text, more)?;
        } else if message.segments.encoding == Encoding::Ucs2 {
            if self.template.encoding == Encoding::Gsm7 {
                let more = self.more(seen, message.segments.count, self.template.segments);
                self.jumps.encoding.add(message.row, more)?;
            }
            let may_fold = self.forced(seen)?;
            if self.folding == Folding::Off && may_fold && message.segments.count > 1 {
                let mut folded = std::mem::take(&mut self.scratch);
                if fold(message.text, self.profile, &mut folded) {
                    let after = self.profile.count(&folded).count;
                    let more = self.more(seen, message.segments.count, after);
                    self.folded(message.row, message.text, more)?;
                }
                self.scratch = folded;
            }
        }
        Ok(())
    }

    /// What `count` segments instead of `least` cost this recipient.
    fn more(&self, seen: &Diagnosed<'_>, count: u32, least: u32) -> More {
        let cost = |segments| self.card.zip(seen.price).and_then(|(card, price)| card.cost(price, segments));
        let cost = cost(count).zip(cost(least)).and_then(|(cost, least)| cost.checked_sub(least));
        More { segments: count.saturating_sub(least), cost }
    }

    /// A text that some character pushed out of GSM-7. Whether something looks like each of them.
    fn forced(&mut self, seen: &Diagnosed<'_>) -> Result<bool, TooLarge> {
        let message = seen.message;
        let count = || self.profile.count_if_plain(message.text);
        let plain = seen.plain.map_or_else(count, NonZeroU32::get);
        let more = self.more(seen, message.segments.count, plain);
        self.ucs2.add(more)?;
        let mut distinct = self.of_template;
        let mut last = 0;
        let mut may_fold = !self.is_beyond_folding;
        for index in 0..self.of_template {
            self.characters[index].add(message, more)?;
        }
        // Common characters push nothing out where the alphabet is the standard's.
        let knows_common = self.knows_common;
        let may_force = |value: &[u8]| !knows_common || !value.iter().all(|byte| is_common_septet(*byte));
        for (column, filled) in self.text.values_that(seen.cells, may_force) {
            for (_, character) in self.profile.forcing(filled.text()) {
                let index = self.entry(character);
                let entry = &mut self.characters[index];
                may_fold &= entry.is_looked_like;
                if entry.last_row != message.row.0 {
                    distinct += 1;
                    last = index;
                    entry.add(message, more)?;
                }
                match filled {
                    Filled::Value(_) => entry.comes_from(column, message.row),
                    Filled::Default(_) if entry.defaults.contains(&column) => {}
                    Filled::Default(_) => entry.defaults.push(column),
                }
            }
        }
        if distinct == 1 {
            self.characters[last].alone.add(more)?;
        }
        Ok(may_fold)
    }

    /// A text whose look-alikes are, or would be, replaced.
    fn folded(&mut self, row: RowNumber, text: &str, more: More) -> Result<(), TooLarge> {
        self.saved.add(more)?;
        for (_, substitution) in replacements(text, self.profile) {
            let known = self.replaced.iter().position(|one| one.substitution.from == substitution.from);
            let index = known.unwrap_or_else(|| {
                self.replaced.push(Replaced { substitution, saved: Extra::none(self.card), last_row: 0 });
                self.replaced.len() - 1
            });
            let replaced = &mut self.replaced[index];
            if replaced.last_row != row.0 {
                replaced.last_row = row.0;
                replaced.saved.add(more)?;
            }
        }
        Ok(())
    }

    /// Where `character` is counted.
    fn entry(&mut self, character: char) -> usize {
        *self.index.entry(character).or_insert_with(|| {
            self.characters.push(Pusher {
                character,
                is_looked_like: self.profile.substitutions.iter().any(|one| one.from.contains(character)),
                extra: Extra::none(self.card),
                alone: Extra::none(self.card),
                last_row: 0,
                columns: Vec::new(),
                defaults: Vec::new(),
                first: None,
            });
            self.characters.len() - 1
        })
    }

    /// The sums, after the last row. `header` names the columns.
    pub(crate) fn finish(self, header: &[String]) -> Diagnosis {
        let Self { profile, text, mut characters, mut replaced, .. } = self;
        characters.retain(|entry| entry.extra.rows > 0);
        characters.sort_by_key(|entry| std::cmp::Reverse(weight(&entry.extra)));
        replaced.sort_by_key(|entry| std::cmp::Reverse(weight(&entry.saved)));
        let forcing_others = characters.len().saturating_sub(MOST_FORCING) as u64;
        let forcing = characters.into_iter().take(MOST_FORCING).map(|entry| {
            let Pusher { character, extra, alone, columns, defaults, first, .. } = entry;
            let (first_row, first_index) = first.unwrap_or_default();
            Forcing {
                char: character,
                code_point: code_point(character),
                name: character_name(character),
                extra,
                alone,
                template: text.place_of(character),
                columns: columns
                    .into_iter()
                    .map(|FromColumn { column, rows, first_row, .. }| ColumnRows {
                        column: header[column].clone(),
                        rows,
                        first_row,
                    })
                    .collect(),
                defaults: defaults.into_iter().map(|column| header[column].clone()).collect(),
                first_row,
                first_index,
                instead: substitute_char(profile.substitutions, character),
            }
        });
        let replacements = replaced.into_iter().map(|entry| Replacement {
            from: entry.substitution.from,
            to: entry.substitution.to,
            code_points: entry.substitution.from.chars().map(code_point).collect(),
            name: entry.substitution.from.chars().map(character_name).collect::<Vec<_>>().join(" and "),
            saved: entry.saved,
        });
        Diagnosis {
            template: self.template,
            ucs2: self.ucs2,
            forcing: forcing.collect(),
            forcing_others,
            smart: Smart {
                applied: self.folding == Folding::Smart,
                saved: self.saved,
                replacements: replacements.collect(),
            },
            jumps: self.jumps,
        }
    }
}

/// Units that the variables of `text` may take before another segment is needed.
///
/// What stands behind the first variable moves with it, so that a character of two units may come
/// to lie on a seam: the room is tried, not reckoned.
fn left(profile: &Profile, text: &Bound) -> u32 {
    let fixed = text.fixed("");
    let most = profile.left(&fixed);
    if text.is_constant() {
        return most;
    }
    let count = profile.count(&fixed).count;
    let mut filler = "x".repeat(most as usize);
    while !filler.is_empty() && profile.count(&text.fixed(&filler)).count > count {
        filler.pop();
    }
    u32::try_from(filler.len()).unwrap_or(most)
}

/// What orders characters: cost, else segments, then rows.
fn weight(extra: &Extra) -> (Option<Micros>, u64, u64) {
    (extra.cost, extra.segments, extra.rows)
}

impl Pusher {
    fn add(&mut self, message: &Message<'_>, more: More) -> Result<(), TooLarge> {
        self.last_row = message.row.0;
        if self.first.is_none() {
            let index = message.text.chars().position(|other| other == self.character);
            self.first = Some((message.row.0, index.unwrap_or_default()));
        }
        self.extra.add(more)
    }

    /// Counts the row for `column`, once.
    fn comes_from(&mut self, column: usize, row: RowNumber) {
        match self.columns.iter_mut().find(|known| known.column == column) {
            Some(known) if known.last_row == row.0 => {}
            Some(known) => (known.rows, known.last_row) = (known.rows + 1, row.0),
            None => {
                self.columns.push(FromColumn { column, rows: 1, first_row: row.0, last_row: row.0 });
            }
        }
    }
}

// serde hands every field over by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn as_text<S: Serializer>(encoding: &Encoding, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(encoding)
}

#[allow(clippy::ref_option)]
fn as_decimal<S: Serializer>(cost: &Option<Micros>, serializer: S) -> Result<S::Ok, S::Error> {
    match cost {
        Some(cost) => serializer.collect_str(cost),
        None => serializer.serialize_none(),
    }
}
