//! One row becomes somebody who gets a text at a price, or a reject.

use crate::{
    Folding, NumberPolicy, Reason, Reject, TextEncoding,
    diagnosis::TooLarge,
    source::Row,
    suppress::Suppressed,
    template::{Bound, ValueFault},
};
use csv::ByteRecord;
use volley_core::{
    Encoding, Micros, Msisdn, NumberFault, NumberKind, Parsed, PriceId, Profile, RateCard, Region, Repair,
    Segments, fold, fold_to_fit,
};

/// What every row of a list is judged by.
pub(crate) struct Rules<'a> {
    pub(crate) header: &'a [String],
    pub(crate) delimiter: u8,
    pub(crate) number_columns: Vec<usize>,
    pub(crate) region: Option<Region>,
    pub(crate) policy: &'a NumberPolicy,
    pub(crate) suppressed: &'a Suppressed,
    pub(crate) text: Bound,
    pub(crate) encoding: TextEncoding,
    pub(crate) folding: Folding,
    pub(crate) max_segments: u32,
    pub(crate) profile: &'a Profile,
    pub(crate) card: Option<&'a RateCard>,
}

/// What became of a row, duplicates aside.
pub(crate) enum Verdict {
    Rejected(Reject),
    Suppressed,
    Usable(Usable),
}

/// The buffers that a row's text is written into, used again for each row.
#[derive(Default)]
pub(crate) struct Texts {
    /// What is sent.
    pub(crate) text: String,
    /// What it was before it was folded, where it was.
    pub(crate) unfolded: String,
}

/// Somebody who can be texted; the text is in the buffers that were handed in.
pub(crate) struct Usable {
    pub(crate) to: Msisdn,
    pub(crate) repair: Option<Repair>,
    /// What the number is for; `None` where nobody knows.
    pub(crate) kind: Option<NumberKind>,
    pub(crate) segments: Segments,
    /// How the network would have carried the text that was folded; `None` where it was not.
    pub(crate) unfolded: Option<Segments>,
    /// `None` without a rate card.
    pub(crate) price: Option<PriceId>,
    /// `None` without a rate card.
    pub(crate) cost: Option<Micros>,
}

impl Rules<'_> {
    /// Judges one row. A usable row's text is written over `texts`.
    pub(crate) fn judge(&self, row: &Row<'_>, texts: &mut Texts) -> Result<Verdict, TooLarge> {
        let reject_row = |reason| Ok(Verdict::Rejected(Reject::of_row(row, self.delimiter, reason)));
        let reject_cell =
            |column, reason| Ok(Verdict::Rejected(Reject::of_cell(row, self.header, column, reason)));
        if row.spoiled {
            return reject_row(Reason::BadQuotes);
        }
        if !is_utf8(row.cells) {
            return reject_row(Reason::BadUtf8);
        }
        if row.cells.len() != self.header.len() {
            return reject_row(Reason::FieldCount);
        }
        let (column, number) = self.number(row.cells);
        let Parsed { number: to, repair } = match number {
            Ok(parsed) => parsed,
            Err(fault) => return reject_cell(column, Reason::Number(fault)),
        };
        let assignment = to.assignment();
        if let Err(reason) = self.policy.judge(assignment) {
            return reject_cell(column, reason);
        }
        if self.suppressed.contains(to) {
            return Ok(Verdict::Suppressed);
        }
        if let Err((column, fault)) = self.text.render(row.cells, &mut texts.text) {
            let reason = match fault {
                ValueFault::Empty => Reason::EmptyVariable,
                ValueFault::Unsafe => Reason::UnsafeVariable,
                ValueFault::Long => Reason::LongVariable,
                ValueFault::Quoted => Reason::BadQuotes,
                ValueFault::Damaged => Reason::BadUtf8,
            };
            return reject_cell(column, reason);
        }
        let mut segments = self.profile.count(&texts.text);
        let unfolded = self.fold(texts, segments);
        if unfolded.is_some() {
            segments = self.profile.count(&texts.text);
        }
        if self.encoding == TextEncoding::Gsm7 && segments.encoding != Encoding::Gsm7 {
            return reject_cell(self.forcing_column(row.cells).unwrap_or(column), Reason::NotGsm7);
        }
        let max_characters = self.profile.max_characters;
        if segments.count > self.max_segments || max_characters.is_some_and(|max| is_longer(&texts.text, max))
        {
            return reject_cell(column, Reason::TooLong);
        }
        let kind = assignment.map(|assignment| assignment.kind);
        let Some(card) = self.card else {
            return Ok(Verdict::Usable(Usable {
                to,
                repair,
                kind,
                segments,
                unfolded,
                price: None,
                cost: None,
            }));
        };
        let Some(price) = card.price_of(to) else {
            return reject_cell(column, Reason::NoPrice);
        };
        let cost = card.cost(price, segments.count).ok_or(TooLarge)?;
        Ok(Verdict::Usable(Usable {
            to,
            repair,
            kind,
            segments,
            unfolded,
            price: Some(price),
            cost: Some(cost),
        }))
    }

    /// Folds a text where that is asked for and cheaper, or where it is rejected otherwise; gives
    /// what it counted before.
    fn fold(&self, texts: &mut Texts, before: Segments) -> Option<Segments> {
        let fold = match self.encoding {
            TextEncoding::Auto => fold,
            TextEncoding::Gsm7 => fold_to_fit,
        };
        let is_folded = self.folding == Folding::Smart
            && before.encoding == Encoding::Ucs2
            && fold(&texts.text, self.profile, &mut texts.unfolded);
        is_folded.then(|| {
            std::mem::swap(&mut texts.text, &mut texts.unfolded);
            before
        })
    }

    /// The first number column that is not empty, and what it holds.
    fn number(&self, cells: &ByteRecord) -> (usize, Result<Parsed, NumberFault>) {
        let parse = |column: usize| Msisdn::parse(cell(cells, column), self.region);
        self.number_columns
            .iter()
            .map(|&column| (column, parse(column)))
            .find(|(_, parsed)| *parsed != Err(NumberFault::Empty))
            .unwrap_or((self.number_columns[0], Err(NumberFault::Empty)))
    }

    /// The first column of the text whose value GSM-7 cannot write.
    fn forcing_column(&self, cells: &ByteRecord) -> Option<usize> {
        self.text.columns().find(|&column| self.profile.forcing(cell(cells, column)).next().is_some())
    }
}

fn cell(cells: &ByteRecord, column: usize) -> &str {
    str::from_utf8(&cells[column]).expect("the row was checked to be UTF-8")
}

fn is_utf8(cells: &ByteRecord) -> bool {
    cells.as_slice().is_ascii() || cells.iter().all(|cell| str::from_utf8(cell).is_ok())
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

    #[test]
    fn half_a_character_at_the_end_of_a_cell_is_not_mended_by_the_next_cell() {
        assert!(!is_utf8(&ByteRecord::from(vec![&b"\xC3"[..], b"\xA9"])));
        assert!(is_utf8(&ByteRecord::from(vec!["é", "x"])));
    }
}
