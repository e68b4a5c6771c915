//! One message of the plan, and the messages that share one HTTP request.

use crate::{Micros, Msisdn, Segments};
use std::sync::Arc;

/// The 1-based number of a record in the input file, the header not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowNumber(pub u32);

/// A recipient's 0-based place in the plan.
///
/// The plan lists recipients in the order they are sent in, so that every request carries
/// neighbours: in file order, or grouped by text where a provider takes one text for many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u32);

/// What one recipient gets, and its price: the planner's output, not yet stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Where in the input it came from.
    pub row: RowNumber,
    /// Who gets it.
    pub to: Msisdn,
    /// The rendered text.
    pub text: &'a str,
    /// How the network carries `text`.
    pub segments: Segments,
    /// What it costs; `None` without a rate card.
    pub cost: Option<Micros>,
}

/// One recipient of a [`Chunk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Where in the input it came from.
    pub row: RowNumber,
    /// Who gets it.
    pub to: Msisdn,
    /// Which of the chunk's texts it gets, an index into [`Chunk::texts`].
    pub text: u32,
    /// Segments of that text, 1 to 255.
    pub segments: u16,
    /// What the plan says it costs; zero without a rate card.
    pub cost: Micros,
}

/// The recipients that share one HTTP request.
///
/// They are neighbours in the plan, so `first` and the number of recipients name them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The plan position of the first recipient; the others follow it without a gap.
    pub first: Position,
    /// The distinct texts, in order of first use: one where the provider shares a text.
    pub texts: Vec<Arc<str>>,
    /// Who is in it, in plan order; never empty.
    pub recipients: Vec<Planned>,
}

impl Chunk {
    /// How many recipients it has.
    pub fn len(&self) -> u32 {
        u32::try_from(self.recipients.len()).expect("a plan has fewer than 2³² recipients")
    }

    /// Never, for a chunk that was cut from a plan.
    pub fn is_empty(&self) -> bool {
        self.recipients.is_empty()
    }

    /// The text that `recipient` gets.
    pub fn text_of(&self, recipient: &Planned) -> &str {
        &self.texts[recipient.text as usize]
    }

    /// What the plan says the whole chunk costs, or `None` above 64 bits.
    pub fn cost(&self) -> Option<Micros> {
        self.recipients.iter().try_fold(Micros::ZERO, |sum, one| sum.checked_add(one.cost))
    }

    /// The same recipients as two chunks of about half the size; `None` for a single one.
    #[must_use]
    pub fn halves(&self) -> Option<(Self, Self)> {
        self.cut_at(self.recipients.len() / 2)
    }

    /// The first `size` recipients and the rest; `None` unless both have at least one.
    #[must_use]
    pub fn cut_at(&self, size: usize) -> Option<(Self, Self)> {
        if size == 0 || size >= self.recipients.len() {
            return None;
        }
        let (head, tail) = self.recipients.split_at(size);
        let second = Position(self.first.0 + u32::try_from(size).expect("smaller than the chunk"));
        Some((self.part(self.first, head), self.part(second, tail)))
    }

    /// Those of its recipients that `wanted` says, by their place in it: a chunk for each run of
    /// neighbours.
    #[must_use]
    pub fn runs(&self, wanted: impl Fn(usize) -> bool) -> Vec<Self> {
        let mut runs = Vec::new();
        let mut start = None;
        for index in 0..=self.recipients.len() {
            let is_wanted = index < self.recipients.len() && wanted(index);
            match (start, is_wanted) {
                (None, true) => start = Some(index),
                (Some(from), false) => {
                    let first = Position(self.first.0 + u32::try_from(from).expect("smaller than the chunk"));
                    runs.push(self.part(first, &self.recipients[from..index]));
                    start = None;
                }
                _ => {}
            }
        }
        runs
    }

    /// A chunk of `recipients` alone, with only the texts they use.
    fn part(&self, first: Position, recipients: &[Planned]) -> Self {
        let mut texts: Vec<Arc<str>> = Vec::new();
        let mut new_index = vec![None; self.texts.len()];
        let recipients = recipients
            .iter()
            .map(|one| {
                let text = *new_index[one.text as usize].get_or_insert_with(|| {
                    texts.push(Arc::clone(&self.texts[one.text as usize]));
                    u32::try_from(texts.len() - 1).expect("no more texts than before")
                });
                Planned { text, ..*one }
            })
            .collect();
        Self { first, texts, recipients }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(texts: &[&str], uses: &[u32]) -> Chunk {
        let recipients = uses.iter().enumerate().map(|(index, &text)| Planned {
            row: RowNumber(u32::try_from(index).expect("small") + 1),
            to: Msisdn::from_digits(61_491_570_000 + index as u64).expect("fictitious"),
            text,
            segments: 1,
            cost: Micros(50_000),
        });
        Chunk {
            first: Position(10),
            texts: texts.iter().map(|text| Arc::from(*text)).collect(),
            recipients: recipients.collect(),
        }
    }

    #[test]
    fn halves_keep_everybody_in_order_and_only_their_own_texts() {
        let whole = chunk(&["a", "b", "c"], &[0, 1, 2, 1, 2]);
        let (head, tail) = whole.halves().expect("five can be halved");
        assert_eq!((head.first, head.len()), (Position(10), 2));
        assert_eq!((tail.first, tail.len()), (Position(12), 3));
        assert_eq!(tail.texts, [Arc::from("c"), Arc::from("b")]);
        let rejoined: Vec<_> = [&head, &tail]
            .iter()
            .flat_map(|part| part.recipients.iter().map(|one| (one.row, part.text_of(one).to_owned())))
            .collect();
        let before: Vec<_> =
            whole.recipients.iter().map(|one| (one.row, whole.text_of(one).to_owned())).collect();
        assert_eq!(rejoined, before);
    }

    #[test]
    fn runs_are_neighbours_with_their_own_texts() {
        let whole = chunk(&["a", "b", "c"], &[0, 1, 2, 1, 2]);
        let runs = whole.runs(|index| index != 2);
        let seen: Vec<(u32, u32, usize)> =
            runs.iter().map(|run| (run.first.0, run.len(), run.texts.len())).collect();
        assert_eq!(seen, [(10, 2, 2), (13, 2, 2)]);
        assert_eq!(runs[1].text_of(&runs[1].recipients[1]), "c");
        assert_eq!(whole.runs(|_| true), std::slice::from_ref(&whole));
        assert!(whole.runs(|_| false).is_empty());
    }

    #[test]
    fn a_single_recipient_has_no_halves() {
        assert_eq!(chunk(&["a"], &[0]).halves(), None);
    }

    #[test]
    fn cost_is_the_sum_or_absent() {
        assert_eq!(chunk(&["a"], &[0, 0, 0]).cost(), Some(Micros(150_000)));
        let mut dear = chunk(&["a"], &[0, 0]);
        dear.recipients.iter_mut().for_each(|one| one.cost = Micros(i64::MAX));
        assert_eq!(dear.cost(), None);
    }
}
