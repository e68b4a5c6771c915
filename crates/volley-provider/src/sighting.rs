//! What looks for lost requests have in common: what proves that one was taken, and what proves
//! nothing.
//!
//! Whoever reads "not there" may send again, so only a row that can be told not to be ours counts
//! as that; one that says too little makes the whole look undecidable.

use crate::inquiry::{Cursor, Next, Sighting};
use std::collections::HashSet;
use volley_core::{Chunk, Msisdn, Reason, UnixMillis};

/// How far a provider's clock may be from ours, either way.
const CLOCKS_APART_MS: i64 = 5 * 60_000;

/// The most pages of a list that are looked through: a busy account is not read for hours.
pub(crate) const MAX_PAGES: u64 = 50;

/// Whether a row of a provider's list is the lost request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It differs in something.
    Other,
    /// It says too little.
    Unclear,
    /// It agrees in everything it says, which is enough; the provider's id.
    Ours(String),
}

/// The span of the provider's clock in which something happened that did so from `from` to `until`
/// by ours.
pub(crate) fn by_their_clock(from: UnixMillis, until: UnixMillis) -> (UnixMillis, UnixMillis) {
    let from = UnixMillis(from.0.saturating_sub(CLOCKS_APART_MS));
    (from, UnixMillis(until.0.saturating_add(CLOCKS_APART_MS)))
}

/// A text as it is compared: line ends and the blanks around it may change on the way.
pub(crate) fn compared(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

/// The look goes on here.
pub(crate) fn onward(cursor: String) -> Sighting {
    Sighting { request_id: None, taken: Vec::new(), next: Next::Ask(Cursor(cursor)) }
}

/// Nobody can tell.
pub(crate) fn undecidable(reason: &str) -> Sighting {
    Sighting { request_id: None, taken: Vec::new(), next: Next::Undecidable(Reason::from(reason)) }
}

/// Everything was seen, and the request was not there.
pub(crate) fn absent() -> Sighting {
    Sighting { request_id: None, taken: Vec::new(), next: Next::Done }
}

/// The request was taken, with everybody in it.
fn found(id: &str, chunk: &Chunk) -> Sighting {
    let taken = (0..chunk.len()).map(|index| (index, None)).collect();
    Sighting { request_id: Some(id.to_owned()), taken, next: Next::Done }
}

/// Who of a chunk was seen on the pages so far, small enough for a cursor: how many, and a sum
/// that shows where somebody stands on two pages and somebody else on none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roll {
    seen: u32,
    sum: u64,
}

impl Roll {
    /// Ticks off the numbers of one page, `None` where a row has none that can be read. The error
    /// is why request `id` is not certain to be the one that carried `chunk`.
    pub(crate) fn tick(
        &mut self,
        id: &str,
        chunk: &Chunk,
        page: impl Iterator<Item = Option<Msisdn>>,
    ) -> Result<(), Sighting> {
        let mut numbers = HashSet::new();
        for number in page {
            let number =
                number.ok_or_else(|| undecidable(&format!("a recipient of request {id} is unreadable")))?;
            if !numbers.insert(number) {
                return Err(undecidable(&format!("request {id} has somebody twice")));
            }
        }
        for (index, one) in (0..).zip(&chunk.recipients) {
            if numbers.remove(&one.to) {
                self.seen = self.seen.saturating_add(1);
                self.sum = self.sum.wrapping_add(scattered(index));
            }
        }
        if numbers.is_empty() && self.seen <= chunk.len() {
            Ok(())
        } else {
            Err(undecidable(&format!("request {id} has recipients that the lost one has not")))
        }
    }

    /// What the last page leaves of request `id`.
    pub(crate) fn verdict(self, id: &str, chunk: &Chunk) -> Sighting {
        let whole = (0..chunk.len()).map(scattered).fold(0, u64::wrapping_add);
        if (self.seen, self.sum) == (chunk.len(), whole) {
            return found(id, chunk);
        }
        undecidable(&format!("request {id} shows {} of {} recipients", self.seen, chunk.len()))
    }

    /// As two words of a cursor.
    pub(crate) fn words(self) -> String {
        format!("{} {:x}", self.seen, self.sum)
    }

    /// What [`words`](Self::words) wrote.
    pub(crate) fn of_words(seen: &str, sum: &str) -> Option<Self> {
        Some(Self { seen: seen.parse().ok()?, sum: u64::from_str_radix(sum, 16).ok()? })
    }
}

/// An index spread over 64 bits, so that no few of them add up to few others: the finaliser of
/// `SplitMix64` (Steele, Lea and Flood, 2014).
fn scattered(index: u32) -> u64 {
    let mut bits = u64::from(index).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;
    use volley_core::{Micros, Planned, Position, RowNumber};

    fn number(index: u64) -> Msisdn {
        Msisdn::from_digits(61_491_570_000 + index).expect("fictitious")
    }

    fn chunk(size: u32) -> Chunk {
        let one = |row: u32| Planned {
            row: RowNumber(row + 1),
            to: number(u64::from(row)),
            text: 0,
            segments: 1,
            cost: Micros::ZERO,
        };
        Chunk { first: Position(0), texts: vec![Arc::from("Sale")], recipients: (0..size).map(one).collect() }
    }

    /// What comes of a request whose pages hold these recipients, the roll kept in words between.
    fn read(size: u32, pages: &[&[u64]]) -> Sighting {
        let chunk = chunk(size);
        let mut words = Roll::default().words();
        for page in pages {
            let (seen, sum) = words.split_once(' ').expect("two words");
            let mut roll = Roll::of_words(seen, sum).expect("its own words");
            if let Err(end) = roll.tick("7", &chunk, page.iter().map(|one| Some(number(*one)))) {
                return end;
            }
            words = roll.words();
        }
        let (seen, sum) = words.split_once(' ').expect("two words");
        Roll::of_words(seen, sum).expect("its own words").verdict("7", &chunk)
    }

    #[test]
    fn only_the_whole_set_and_nobody_else_proves_a_request() {
        for (pages, proved) in [
            (&[&[0, 1, 2][..]][..], true),
            (&[&[2, 0], &[1]], true),
            (&[&[0, 1]], false),
            (&[&[0, 1], &[1]], false),
            (&[&[0, 1], &[0, 1]], false),
            (&[&[0, 0, 1, 2]], false),
            (&[&[0, 1, 2, 3]], false),
            (&[&[3]], false),
            (&[&[]], false),
            (&[], false),
        ] {
            let sighting = read(3, pages);
            assert_eq!(sighting.request_id.is_some(), proved, "{pages:?}");
            assert_eq!(sighting.taken.len(), if proved { 3 } else { 0 }, "{pages:?}");
            assert_eq!(sighting.next == Next::Done, proved, "{pages:?}: {sighting:?}");
        }
        let mut roll = Roll::default();
        assert!(roll.tick("7", &chunk(1), [None].into_iter()).is_err());
    }

    proptest! {
        #[test]
        fn somebody_twice_never_stands_in_for_somebody_missing(
            size in 2_u32..60,
            missing in any::<prop::sample::Index>(),
            twice in any::<prop::sample::Index>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut order: Vec<u64> = (0..u64::from(size)).collect();
            let cut = cut.index(order.len());
            let whole = read(size, &[&order[..cut], &order[cut..]]);
            prop_assert_eq!(whole.next, Next::Done);
            let (missing, twice) = (missing.index(order.len()), twice.index(order.len()));
            order[missing] = order[twice];
            let sighting = read(size, &[&order[..cut], &order[cut..]]);
            prop_assert_eq!(sighting.next == Next::Done, missing == twice);
        }
    }
}
