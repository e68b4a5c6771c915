//! One row becomes somebody who gets a text at a price, or a reject.

use crate::{
    Capped, Folding, NumberPolicy, Reason, Reject, TextEncoding,
    diagnosis::TooLarge,
    source::{Cells, Row},
    suppress::Suppressed,
    template::{Bound, Filled, ValueFault},
};
use volley_core::{
    Destinations, Encoding, Micros, Msisdn, NumberFault, NumberKind, Parsed, PriceId, Profile, RateCard, Region, Repair,
    Segments, TextLength, fold, fold_to_fit,
};

/// What every row of a list is judged by.
pub(crate) struct Rules<'a> {
    pub(crate) header: &'a [String],
    pub(crate) delimiter: u8,
    pub(crate) number_columns: Vec<usize>,
    pub(crate) region: Option<Region>,
    pub(crate) policy: &'a NumberPolicy,
    pub(crate) destinations: &'a Destinations,
    pub(crate) leaves_out: LeavesOut<'a>,
    pub(crate) text: Bound,
    /// The length of its part that everybody gets.
    pub(crate) fixed: TextLength,
    /// Whether requests are filled by text.
    pub(crate) keys_texts: bool,
    pub(crate) encoding: TextEncoding,
    pub(crate) folding: Folding,
    pub(crate) max_segments: u32,
    pub(crate) profile: &'a Profile,
    pub(crate) card: Option<&'a RateCard>,
}

/// Numbers that get no text whatever it says.
#[derive(Clone, Copy)]
pub(crate) struct LeavesOut<'a> {
    pub(crate) suppressed: &'a Suppressed,
    /// `None` where anybody gets any number of texts.
    pub(crate) capped: Option<&'a Capped>,
}

/// What became of a row, duplicates aside.
pub(crate) enum Verdict {
    Rejected(Box<Reject>),
    Suppressed,
    Usable(Usable),
}

/// The texts of rows, one behind another, in buffers that are used again.
#[derive(Default)]
pub(crate) struct Texts {
    all: String,
    /// Where a text is folded into before it joins the others.
    folded: String,
}

/// Where a text lies in its [`Texts`].
#[derive(Clone, Copy)]
pub(crate) struct TextPlace {
    start: u32,
    end: u32,
}

impl Texts {
    /// Forgets them and keeps the buffers.
    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    /// The place of no text at all.
    #[cfg(test)]
    pub(crate) fn nothing(&self) -> TextPlace {
        self.from(self.all.len())
    }

    /// The text at `place`.
    pub(crate) fn get(&self, place: TextPlace) -> &str {
        &self.all[place.start as usize..place.end as usize]
    }

    /// The place of what was written from `start` on.
    fn from(&self, start: usize) -> TextPlace {
        let offset = |place: usize| u32::try_from(place).expect("texts of a block are far below 4 GiB");
        TextPlace { start: offset(start), end: offset(self.all.len()) }
    }
}

/// Somebody who can be texted; the text is in the buffers that were handed in.
pub(crate) struct Usable {
    pub(crate) to: Msisdn,
    pub(crate) repair: Option<Repair>,
    /// What the number is for; `None` where nobody knows.
    pub(crate) kind: Option<NumberKind>,
    /// What is sent.
    pub(crate) text: TextPlace,
    /// What tells texts apart, where requests are filled by text; else 0.
    pub(crate) text_key: u64,
    pub(crate) segments: Segments,
    /// The text before it was folded, and how the network would have carried it; `None` where it
    /// was not.
    pub(crate) unfolded: Option<(TextPlace, Segments)>,
    /// `None` without a rate card.
    pub(crate) price: Option<PriceId>,
    /// `None` without a rate card.
    pub(crate) cost: Option<Micros>,
}

impl Rules<'_> {
    /// Judges one row. A usable row's text joins `texts`.
    pub(crate) fn judge(&self, row: &Row<'_>, texts: &mut Texts) -> Result<Verdict, TooLarge> {
        let reject_row =
            |reason| Ok(Verdict::Rejected(Box::new(Reject::of_row(row, self.delimiter, reason))));
        let reject_cell = |column, reason| {
            Ok(Verdict::Rejected(Box::new(Reject::of_cell(row, self.header, column, reason))))
        };
        if row.spoiled {
            return reject_row(Reason::BadQuotes);
        }
        if !row.cells.are_utf8() {
            return reject_row(Reason::BadUtf8);
        }
        if row.cells.len() != self.header.len() {
            return reject_row(Reason::FieldCount);
        }
        let (column, number) = self.number(row.cells);
        if let Some(computed) = self.computed(row.cells, column) {
            return reject_cell(computed, Reason::ComputedCell);
        }
        let Parsed { number: to, assignment, repair } = match number {
            Ok(parsed) => parsed,
            Err(fault) => return reject_cell(column, Reason::Number(fault)),
        };
        if let Err(reason) = self.policy.judge(assignment) {
            return reject_cell(column, reason);
        }
        if !self.destinations.reach(to) {
            return reject_cell(column, Reason::Destination);
        }
        if self.leaves_out.suppressed.contains(to) {
            return Ok(Verdict::Suppressed);
        }
        if self.leaves_out.capped.is_some_and(|capped| capped.contains(to)) {
            return reject_cell(column, Reason::FrequencyCap);
        }
        let start = texts.all.len();
        let values = match self.text.render(|column| row.cells.text(column), &mut texts.all) {
            Ok(values) => values,
            Err((column, fault)) => return reject_cell(column, reason_of(fault)),
        };
        let mut segments = self.count(&texts.all[start..], values);
        let mut text = texts.from(start);
        let unfolded = self.fold(texts, text, segments).map(|folded| {
            let before = (text, segments);
            text = folded;
            segments = self.profile.count(texts.get(text));
            before
        });
        if let Some((column, reason)) = self.unfit(row.cells, column, texts.get(text), segments) {
            texts.all.truncate(start);
            return reject_cell(column, reason);
        }
        let price = self.card.map(|card| card.price_of(to));
        if price == Some(None) {
            texts.all.truncate(start);
            return reject_cell(column, Reason::NoPrice);
        }
        let price = price.flatten();
        let cost = self.card.zip(price).map(|(card, price)| card.cost(price, segments.count).ok_or(TooLarge));
        let cost = cost.transpose()?;
        let text_key = if self.keys_texts { text_key(texts.get(text)) } else { 0 };
        let kind = assignment.map(|assignment| assignment.kind);
        Ok(Verdict::Usable(Usable { to, repair, kind, text, text_key, segments, unfolded, price, cost }))
    }

    /// How a text is carried whose values are so long together: that alone says it of most.
    fn count(&self, text: &str, values: TextLength) -> Segments {
        let mut length = self.fixed;
        length += values;
        self.profile.count_length(length).unwrap_or_else(|| self.profile.count(text))
    }

    /// The column and the reason that a text is not sent for, whatever it would cost.
    fn unfit(
        &self,
        cells: Cells<'_>,
        column: usize,
        text: &str,
        segments: Segments,
    ) -> Option<(usize, Reason)> {
        if self.encoding == TextEncoding::Gsm7 && segments.encoding != Encoding::Gsm7 {
            return Some((self.forcing_column(cells).unwrap_or(column), Reason::NotGsm7));
        }
        let max_characters = self.profile.max_characters;
        let is_too_long =
            segments.count > self.max_segments || max_characters.is_some_and(|max| is_longer(text, max));
        is_too_long.then_some((column, Reason::TooLong))
    }

    /// Folds a text where that is asked for and cheaper, or where it is rejected otherwise; gives
    /// where the folded text is.
    fn fold(&self, texts: &mut Texts, text: TextPlace, before: Segments) -> Option<TextPlace> {
        if self.folding == Folding::Off || before.encoding == Encoding::Gsm7 {
            return None;
        }
        let fold = match self.encoding {
            TextEncoding::Auto => fold,
            TextEncoding::Gsm7 => fold_to_fit,
        };
        let mut folded = std::mem::take(&mut texts.folded);
        let is_folded = fold(texts.get(text), self.profile, &mut folded);
        let start = texts.all.len();
        if is_folded {
            texts.all.push_str(&folded);
        }
        texts.folded = folded;
        is_folded.then(|| texts.from(start))
    }

    /// The first column that is needed and holds what no person typed.
    fn computed(&self, cells: Cells<'_>, number: usize) -> Option<usize> {
        [number].into_iter().chain(self.text.columns()).find(|&column| cells.is_computed(column))
    }

    /// The first number column that is not empty, and what it holds.
    fn number(&self, cells: Cells<'_>) -> (usize, Result<Parsed, NumberFault>) {
        let parse = |column: usize| match cells.text(column) {
            // Less than nothing: some other column, or a sum.
            cell if cell.trim_start().starts_with('-') && cell.contains(char::is_numeric) => {
                Err(NumberFault::Signs)
            }
            cell => Msisdn::parse(cell, self.region),
        };
        self.number_columns
            .iter()
            .map(|&column| (column, parse(column)))
            .find(|(_, parsed)| *parsed != Err(NumberFault::Empty))
            .unwrap_or((self.number_columns[0], Err(NumberFault::Empty)))
    }

    /// The first column of the text whose value GSM-7 cannot write.
    fn forcing_column(&self, cells: Cells<'_>) -> Option<usize> {
        let forces = |filled: &Filled<'_>| self.profile.forcing(filled.text()).next().is_some();
        self.text.values(cells).find(|(_, filled)| forces(filled)).map(|(column, _)| column)
    }
}

/// Why a row is left out whose value cannot be put into the text.
const fn reason_of(fault: ValueFault) -> Reason {
    match fault {
        ValueFault::Empty => Reason::EmptyVariable,
        ValueFault::Unsafe => Reason::UnsafeVariable,
        ValueFault::Long => Reason::LongVariable,
        ValueFault::Quoted => Reason::BadQuotes,
        ValueFault::Damaged => Reason::BadUtf8,
    }
}

/// The length of what everybody gets.
pub(crate) fn fixed_length(text: &Bound) -> TextLength {
    TextLength::of(&text.fixed(""))
}

/// What tells texts apart: XXH3 of 64 bits, never 0. Of two million texts two share one with a
/// chance of one in ten million, and then the number of requests is foretold one too low.
fn text_key(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes()).max(1)
}

/// Whether `text` has more than `max` characters.
fn is_longer(text: &str, max: usize) -> bool {
    text.len() > max && text.chars().nth(max).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_and_not_bytes() {
        for (text, max, longer) in [("", 0, false), ("a", 0, true), ("กก", 2, false), ("กกก", 2, true)]
        {
            assert_eq!(is_longer(text, max), longer, "{text} {max}");
        }
    }
}
