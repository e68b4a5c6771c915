//! One row becomes somebody who gets a text at a price, or a reject.

use crate::{
    Capped, Folding, NumberPolicy, Reason, Reject, TextEncoding,
    diagnosis::TooLarge,
    hours::Hours,
    only::Only,
    source::{Cells, Row},
    suppress::Suppressed,
    template::{Bound, Filled, ValueFault},
    texts::{TextPlace, Texts},
};
use std::num::NonZeroU32;
use volley_core::{
    Assignment, Destinations, Encoding, Message, Micros, Msisdn, NumberFault, Parsed, PriceId, Profile,
    RateCard, Region, Repair, RowNumber, Segments, TextLength, Zones, fold, fold_to_fit,
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
    /// The only ones who get any; `None` where everybody may.
    pub(crate) only: Option<&'a Only>,
    /// `None` where anybody gets any number of texts.
    pub(crate) capped: Option<&'a Capped>,
    /// `None` where texts may go at any hour.
    pub(crate) hours: Option<&'a Hours>,
}

/// What became of the rows of a block, duplicates aside; used again and again.
#[derive(Default)]
pub(crate) struct Verdicts {
    /// Rows that can be texted.
    pub(crate) usable: Vec<Usable>,
    /// What tells the text of each of them apart; empty where requests are not filled by text.
    pub(crate) text_keys: Vec<u64>,
    pub(crate) texts: Texts,
    /// All other rows, which are few, by their places in the block.
    pub(crate) others: Vec<(u32, Other)>,
}

/// Why nobody is texted for a row.
pub(crate) enum Other {
    Rejected(Box<Reject>),
    Suppressed,
}

impl Verdicts {
    /// Forgets them and keeps the buffers.
    pub(crate) fn clear(&mut self) {
        let Self { usable, text_keys, texts, others } = self;
        usable.clear();
        text_keys.clear();
        texts.clear();
        others.clear();
    }
}

/// Somebody who can be texted.
#[derive(Clone, Copy)]
pub(crate) struct Usable {
    /// The row's place in its block.
    pub(crate) index: u32,
    pub(crate) to: Msisdn,
    pub(crate) repair: Option<Repair>,
    /// Whose number it is and what it is for; `None` where nobody knows.
    pub(crate) assignment: Option<Assignment>,
    /// The time zones it may be in; `None` where nobody asks.
    pub(crate) zones: Option<Zones>,
    /// What is sent, among the texts of the block.
    pub(crate) text: TextPlace,
    pub(crate) segments: Segments,
    /// How many bytes the text had before it was folded, which stands directly in front of it;
    /// `None` where it was not.
    pub(crate) unfolded: Option<NonZeroU32>,
    /// How many segments a text in UCS-2 would take in plain characters; `None` where its length
    /// does not say.
    pub(crate) plain: Option<NonZeroU32>,
    /// `None` without a rate card.
    pub(crate) price: Option<PriceId>,
    /// `None` without a rate card.
    pub(crate) cost: Option<Micros>,
}

impl Usable {
    /// The message that is sent for `row`, with its text.
    pub(crate) fn message<'a>(&self, row: RowNumber, text: &'a str) -> Message<'a> {
        let Self { to, segments, cost, .. } = *self;
        Message { row, to, text, segments, cost }
    }
}

impl Rules<'_> {
    /// Judges the row in place `index` of its block; what became of it joins `verdicts`.
    ///
    /// It is written there and not handed back: a result that is put together in memory in small
    /// pieces and read again in larger ones keeps the processor waiting.
    pub(crate) fn judge(&self, index: u32, row: &Row<'_>, verdicts: &mut Verdicts) -> Result<(), TooLarge> {
        let Verdicts { usable, text_keys, texts, others } = verdicts;
        let mut reject = |reject| {
            others.push((index, Other::Rejected(Box::new(reject))));
            Ok(())
        };
        let reject_row = |reason| Reject::of_row(row, self.delimiter, reason);
        let reject_cell = |column, reason| Reject::of_cell(row, self.header, column, reason);
        if row.spoiled {
            return reject(reject_row(Reason::BadQuotes));
        }
        if !row.cells.are_utf8() {
            return reject(reject_row(Reason::BadUtf8));
        }
        if row.cells.len() != self.header.len() {
            return reject(reject_row(Reason::FieldCount));
        }
        let (column, number) = self.number(row.cells);
        if let Some(computed) = self.computed(row.cells, column) {
            return reject(reject_cell(computed, Reason::ComputedCell));
        }
        let Parsed { number: to, assignment, repair } = match number {
            Ok(parsed) => parsed,
            Err(fault) => return reject(reject_cell(column, Reason::Number(fault))),
        };
        if let Err(reason) = self.policy.judge(assignment) {
            return reject(reject_cell(column, reason));
        }
        if !self.destinations.reach(to) {
            return reject(reject_cell(column, Reason::Destination));
        }
        if self.leaves_out.suppressed.contains(to) {
            others.push((index, Other::Suppressed));
            return Ok(());
        }
        if self.leaves_out.only.is_some_and(|only| !only.contains(to)) {
            return reject(reject_cell(column, Reason::NotInOnly));
        }
        if self.leaves_out.capped.is_some_and(|capped| capped.contains(to)) {
            return reject(reject_cell(column, Reason::FrequencyCap));
        }
        let zones = match self.leaves_out.hours.map(|hours| hours.judge(to)).transpose() {
            Ok(zones) => zones,
            Err(reason) => return reject(reject_cell(column, reason)),
        };
        let start = texts.len();
        let mut length = self.fixed;
        if let Err((column, fault)) = self.text.render(|column| row.cells.value(column), texts, &mut length) {
            return reject(reject_cell(column, reason_of(fault)));
        }
        let mut text = texts.from(start);
        // How long it is says of most texts how they are carried.
        let segments = self.profile.count_length(length);
        let mut segments = segments.unwrap_or_else(|| self.profile.count(texts.get(text)));
        let folded = self.fold(texts, text, segments);
        let unfolded = folded.and_then(|folded| {
            let before = text.len();
            text = folded;
            segments = self.profile.count(texts.get(text));
            NonZeroU32::new(u32::try_from(before).expect("texts of a block are far below 4 GiB"))
        });
        if let Some((column, reason)) = self.unfit(row.cells, column, texts, text, segments) {
            texts.truncate(start);
            return reject(reject_cell(column, reason));
        }
        let price = self.card.map(|card| card.price_of(to));
        if price == Some(None) {
            texts.truncate(start);
            return reject(reject_cell(column, Reason::NoPrice));
        }
        let price = price.flatten();
        let cost = self.card.zip(price).map(|(card, price)| card.cost(price, segments.count).ok_or(TooLarge));
        let cost = cost.transpose()?;
        let plain = if segments.encoding == Encoding::Ucs2 && unfolded.is_none() {
            self.profile.count_length_if_plain(length).and_then(NonZeroU32::new)
        } else {
            None
        };
        if self.keys_texts {
            text_keys.push(text_key(texts.bytes(text)));
        }
        usable.push(Usable {
            index,
            to,
            repair,
            assignment,
            zones,
            text,
            segments,
            unfolded,
            plain,
            price,
            cost,
        });
        Ok(())
    }

    /// The column and the reason that a text is not sent for, whatever it would cost.
    #[inline]
    fn unfit(
        &self,
        cells: Cells<'_>,
        column: usize,
        texts: &Texts,
        text: TextPlace,
        segments: Segments,
    ) -> Option<(usize, Reason)> {
        if self.encoding == TextEncoding::Gsm7 && segments.encoding != Encoding::Gsm7 {
            return Some((self.forcing_column(cells).unwrap_or(column), Reason::NotGsm7));
        }
        let is_longer = |max| text.len() > max && is_longer(texts.get(text), max);
        let is_too_long =
            segments.count > self.max_segments || self.profile.max_characters.is_some_and(is_longer);
        is_too_long.then_some((column, Reason::TooLong))
    }

    /// Folds a text where that is asked for and cheaper, or where it is rejected otherwise; gives
    /// where the folded text is.
    #[inline]
    fn fold(&self, texts: &mut Texts, text: TextPlace, before: Segments) -> Option<TextPlace> {
        let is_asked_for = self.folding != Folding::Off && before.encoding != Encoding::Gsm7;
        if is_asked_for { self.folded(texts, text) } else { None }
    }

    #[cold]
    fn folded(&self, texts: &mut Texts, text: TextPlace) -> Option<TextPlace> {
        let fold = match self.encoding {
            TextEncoding::Auto => fold,
            TextEncoding::Gsm7 => fold_to_fit,
        };
        let mut folded = std::mem::take(&mut texts.scratch);
        let is_folded = fold(texts.get(text), self.profile, &mut folded);
        let start = texts.len();
        if is_folded {
            texts.push(&folded);
        }
        texts.scratch = folded;
        is_folded.then(|| texts.from(start))
    }

    /// The first column that is needed and holds what no person typed.
    fn computed(&self, cells: Cells<'_>, number: usize) -> Option<usize> {
        let mut needed = [number].into_iter().chain(self.text.columns());
        if cells.may_be_computed() { needed.find(|&column| cells.is_computed(column)) } else { None }
    }

    /// The first number column that is not empty, and what it holds.
    #[inline]
    fn number(&self, cells: Cells<'_>) -> (usize, Result<Parsed, NumberFault>) {
        for &column in &self.number_columns {
            let cell = cells.text(column);
            let parsed =
                if is_negative(cell) { Err(NumberFault::Signs) } else { Msisdn::parse(cell, self.region) };
            if !matches!(parsed, Err(NumberFault::Empty)) {
                return (column, parsed);
            }
        }
        (self.number_columns[0], Err(NumberFault::Empty))
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
fn text_key(text: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text).max(1)
}

/// Whether a cell is less than nothing: of some other column, or a sum.
fn is_negative(cell: &str) -> bool {
    // What nearly every number begins with.
    let is_positive = matches!(cell.as_bytes().first(), Some(b'0'..=b'9' | b'+'));
    !is_positive && cell.trim_start().starts_with('-') && cell.contains(char::is_numeric)
}

/// Whether `text` has more than `max` characters.
fn is_longer(text: &str, max: usize) -> bool {
    text.chars().nth(max).is_some()
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
