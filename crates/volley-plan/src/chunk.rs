//! How many requests a plan takes, and how many recipients one kill can put in doubt.

use rustc_hash::FxHashMap;
use std::{collections::BTreeMap, num::NonZeroUsize, thread};
use volley_core::Batch;

/// Counts the messages of a plan by the requests they will share.
pub(crate) struct Requests {
    chunk: u64,
    groups: Groups,
}

enum Groups {
    /// Anybody may share a request with anybody; `texts` where their number is known.
    Any { messages: u64, texts: Option<u64> },
    /// Only recipients of the same text share one: what tells the text of each message apart.
    /// They are told apart in the end, in parts by what they begin with: what is known of one part
    /// stays in the cache, and several parts are gone through at the same time.
    ByText(Vec<Vec<u64>>),
}

/// So many bits of what tells a text apart say which part it belongs to.
const PART_BITS: u32 = 6;
/// Of what tells a text apart so many bits behind those are its mark.
const MARK_BITS: u32 = 18;

impl Requests {
    /// For requests of up to `chunk` recipients, of some `expected` messages. `one_text` where all
    /// get the same.
    pub(crate) fn new(batch: Batch, chunk: u32, one_text: bool, expected: usize) -> Self {
        let groups = if by_text(batch, one_text) {
            let parts = 1 << PART_BITS;
            Groups::ByText((0..parts).map(|_| Vec::with_capacity(expected / parts)).collect())
        } else {
            Groups::Any { messages: 0, texts: one_text.then_some(1) }
        };
        Self { chunk: u64::from(chunk), groups }
    }

    /// Counts one message by what tells its text apart.
    #[inline]
    pub(crate) fn add(&mut self, text_key: u64) {
        match &mut self.groups {
            Groups::Any { messages, .. } => *messages += 1,
            Groups::ByText(parts) => parts[(text_key >> (u64::BITS - PART_BITS)) as usize].push(text_key),
        }
    }

    /// The sums, after the last message, reckoned on up to `threads`; of `flights` requests, how
    /// many recipients the largest have.
    pub(crate) fn finish(self, flights: u32, threads: NonZeroUsize) -> RequestSums {
        let (texts, sizes) = match self.groups {
            Groups::Any { messages, texts } => {
                let texts = if messages == 0 { Some(0) } else { texts };
                (texts, Sizes::of([messages].into_iter(), self.chunk))
            }
            Groups::ByText(parts) => {
                let sizes = sizes_by_text(&parts, self.chunk, threads);
                (Some(sizes.groups), sizes)
            }
        };
        let (requests, worst_doubt) = sizes.totals(flights);
        RequestSums { requests, worst_doubt, texts }
    }
}

/// The sizes of requests for these parts of what tells texts apart.
fn sizes_by_text(parts: &[Vec<u64>], chunk: u64, threads: NonZeroUsize) -> Sizes {
    let sizes_of = |parts: &[Vec<u64>]| {
        let mut sizes = Sizes::new(chunk);
        let (mut marks, mut groups) = (Marks::default(), FxHashMap::default());
        for part in parts {
            let mut alone = part.len() as u64;
            marks.not_alone(part, |text_key| {
                alone -= 1;
                *groups.entry(text_key).or_default() += 1;
            });
            sizes.add_alone(alone);
            sizes.add_groups(groups.drain().map(|(_, messages)| messages));
        }
        sizes
    };
    let share = parts.len().div_ceil(threads.get()).max(1);
    thread::scope(|scope| {
        let sizes_of = &sizes_of;
        let shares: Vec<_> = parts.chunks(share).map(|parts| scope.spawn(move || sizes_of(parts))).collect();
        let mut sizes = Sizes::new(chunk);
        for share in shares {
            sizes.add(&share.join().expect("counting does not panic"));
        }
        sizes
    })
}

/// Tells most texts that nobody else gets from all others, in the cache of one processor and
/// without a guess that the processor could get wrong: two texts seldom have the same mark.
struct Marks {
    /// A bit for each mark that some text has.
    some: Vec<u64>,
    /// A bit for each mark that several have.
    several: Vec<u64>,
}

impl Default for Marks {
    fn default() -> Self {
        let none = vec![0; (1 << MARK_BITS) / 64];
        Self { some: none.clone(), several: none }
    }
}

impl Marks {
    /// Gives what has its mark in common with another of `part`, which all texts that are the same
    /// have; in order.
    fn not_alone(&mut self, part: &[u64], mut give: impl FnMut(u64)) {
        self.some.fill(0);
        self.several.fill(0);
        for &text_key in part {
            let (word, bit) = Self::place(text_key);
            self.several[word] |= self.some[word] & bit;
            self.some[word] |= bit;
        }
        for &text_key in part {
            let (word, bit) = Self::place(text_key);
            if self.several[word] & bit != 0 {
                give(text_key);
            }
        }
    }

    /// Where the mark is.
    fn place(text_key: u64) -> (usize, u64) {
        let mark = text_key << PART_BITS >> (u64::BITS - MARK_BITS);
        ((mark / 64) as usize, 1 << (mark % 64))
    }
}

/// What a plan takes in requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestSums {
    pub(crate) requests: u64,
    /// The recipients of the largest requests that are in flight together.
    pub(crate) worst_doubt: u64,
    /// How many texts differ; `None` where nobody needs to know.
    pub(crate) texts: Option<u64>,
}

/// Whether requests are filled by text, so that texts have to be told apart.
pub(crate) fn by_text(batch: Batch, one_text: bool) -> bool {
    batch.shares_text() && !one_text
}

/// How large requests become, where each group of recipients is cut into full ones and one with
/// the rest.
struct Sizes {
    chunk: u64,
    groups: u64,
    full: u64,
    /// How many requests are of each size that is not full.
    rests: BTreeMap<u64, u64>,
}

impl Sizes {
    fn new(chunk: u64) -> Self {
        Self { chunk, groups: 0, full: 0, rests: BTreeMap::new() }
    }

    /// Those of groups of so many.
    fn of(groups: impl Iterator<Item = u64>, chunk: u64) -> Self {
        let mut sizes = Self::new(chunk);
        sizes.add_groups(groups);
        sizes
    }

    /// Those of groups of so many beside.
    fn add_groups(&mut self, groups: impl Iterator<Item = u64>) {
        for messages in groups {
            self.groups += 1;
            self.full += messages / self.chunk;
            let rest = messages % self.chunk;
            if rest > 0 {
                *self.rests.entry(rest).or_default() += 1;
            }
        }
    }

    /// Those of so many groups of one beside, which personal texts are.
    fn add_alone(&mut self, groups: u64) {
        self.groups += groups;
        if self.chunk == 1 {
            self.full += groups;
        } else if groups > 0 {
            *self.rests.entry(1).or_default() += groups;
        }
    }

    /// Those of other groups beside.
    fn add(&mut self, other: &Self) {
        self.groups += other.groups;
        self.full += other.full;
        for (rest, count) in &other.rests {
            *self.rests.entry(*rest).or_default() += count;
        }
    }

    /// How many requests there are, and how many recipients the largest `flights` of them have.
    fn totals(self, flights: u32) -> (u64, u64) {
        let requests = self.full + self.rests.values().sum::<u64>();
        let mut flights = u64::from(flights);
        let mut largest = 0;
        for (size, count) in std::iter::once((self.chunk, self.full)).chain(self.rests.into_iter().rev()) {
            let taken = count.min(flights);
            largest += taken * size;
            flights -= taken;
        }
        (requests, largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_fill_requests_as_their_provider_takes_them() {
        let texts = [7, 8, 7, 7, 8, 9];
        for (batch, chunk, one_text, flights, expected) in [
            (Batch::One, 1, false, 4, (6, 4, None)),
            (Batch::PerItem { max: 100 }, 4, false, 1, (2, 4, None)),
            (Batch::PerItem { max: 100 }, 4, true, 8, (2, 6, Some(1))),
            (Batch::SharedText { max: 500 }, 2, false, 2, (4, 4, Some(3))),
            (Batch::SharedText { max: 500 }, 2, true, 2, (3, 4, Some(1))),
        ] {
            for threads in [1, 2, 100] {
                let threads = NonZeroUsize::new(threads).expect("some");
                let mut requests = Requests::new(batch, chunk, one_text, 0);
                for text in texts {
                    requests.add(text << 60);
                }
                let RequestSums { requests, worst_doubt, texts } = requests.finish(flights, threads);
                assert_eq!((requests, worst_doubt, texts), expected, "{batch:?} on {threads}");
            }
        }
        let nobody = RequestSums { requests: 0, worst_doubt: 0, texts: Some(0) };
        assert_eq!(Requests::new(Batch::One, 1, true, 0).finish(8, NonZeroUsize::MIN), nobody);
    }

    proptest! {
        #[test]
        fn agrees_with_cutting_every_group_by_hand(
            groups in proptest::collection::vec(0_u64..50, 0..20),
            chunk in 1_u64..20,
            flights in 0_u32..12,
        ) {
            let mut sizes: Vec<u64> = Vec::new();
            for &messages in &groups {
                let mut left = messages;
                while left > 0 {
                    sizes.push(left.min(chunk));
                    left -= left.min(chunk);
                }
            }
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            let largest = sizes.iter().take(flights as usize).sum();
            prop_assert_eq!(Sizes::of(groups.into_iter(), chunk).totals(flights), (sizes.len() as u64, largest));
        }
    }
}
