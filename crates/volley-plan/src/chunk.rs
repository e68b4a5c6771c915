//! How many requests a plan takes, and how many recipients one kill can put in doubt.

use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use volley_core::Batch;

/// Counts the messages of a plan by the requests they will share.
pub(crate) struct Requests {
    chunk: u64,
    groups: Groups,
}

enum Groups {
    /// Anybody may share a request with anybody; `texts` where their number is known.
    Any { messages: u64, texts: Option<u64> },
    /// Only recipients of the same text share one: messages by the start of their text's BLAKE3
    /// hash. 128 bits tell 2³² texts apart but for one chance in 2⁶⁴.
    ByText(FxHashMap<[u8; 16], u32>),
}

impl Requests {
    /// For requests of up to `chunk` recipients. `one_text` where all get the same.
    pub(crate) fn new(batch: Batch, chunk: u32, one_text: bool) -> Self {
        let groups = if batch.shares_text() && !one_text {
            Groups::ByText(FxHashMap::default())
        } else {
            Groups::Any { messages: 0, texts: one_text.then_some(1) }
        };
        Self { chunk: u64::from(chunk), groups }
    }

    /// Counts one message.
    pub(crate) fn add(&mut self, text: &str) {
        match &mut self.groups {
            Groups::Any { messages, .. } => *messages += 1,
            Groups::ByText(counts) => {
                let hash = blake3::hash(text.as_bytes());
                let start = hash.as_bytes().first_chunk().expect("a hash has 32 bytes");
                *counts.entry(*start).or_default() += 1;
            }
        }
    }

    /// How many texts differ; `None` where nobody needs to know.
    pub(crate) fn distinct_texts(&self) -> Option<u64> {
        match &self.groups {
            Groups::Any { messages: 0, .. } => Some(0),
            Groups::Any { texts, .. } => *texts,
            Groups::ByText(counts) => Some(counts.len() as u64),
        }
    }

    /// Requests, and the recipients of the `flights` largest.
    pub(crate) fn totals(&self, flights: u32) -> (u64, u64) {
        match &self.groups {
            Groups::Any { messages, .. } => totals([*messages].into_iter(), self.chunk, flights),
            Groups::ByText(counts) => {
                totals(counts.values().map(|&count| u64::from(count)), self.chunk, flights)
            }
        }
    }
}

/// Each group is cut into full requests and one with the rest.
fn totals(groups: impl Iterator<Item = u64>, chunk: u64, flights: u32) -> (u64, u64) {
    let mut full = 0;
    let mut rests: BTreeMap<u64, u64> = BTreeMap::new();
    for messages in groups {
        full += messages / chunk;
        let rest = messages % chunk;
        if rest > 0 {
            *rests.entry(rest).or_default() += 1;
        }
    }
    let requests = full + rests.values().sum::<u64>();
    let mut flights = u64::from(flights);
    let mut largest = 0;
    for (size, count) in std::iter::once((chunk, full)).chain(rests.into_iter().rev()) {
        let taken = count.min(flights);
        largest += taken * size;
        flights -= taken;
    }
    (requests, largest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_fill_requests_as_their_provider_takes_them() {
        let texts = ["a", "b", "a", "a", "b", "c"];
        for (batch, chunk, one_text, flights, expected) in [
            (Batch::One, 1, false, 4, (6, 4, None)),
            (Batch::PerItem { max: 100 }, 4, false, 1, (2, 4, None)),
            (Batch::PerItem { max: 100 }, 4, true, 8, (2, 6, Some(1))),
            (Batch::SharedText { max: 500 }, 2, false, 2, (4, 4, Some(3))),
            (Batch::SharedText { max: 500 }, 2, true, 2, (3, 4, Some(1))),
        ] {
            let mut requests = Requests::new(batch, chunk, one_text);
            for text in texts {
                requests.add(text);
            }
            let (count, worst) = requests.totals(flights);
            assert_eq!((count, worst, requests.distinct_texts()), expected, "{batch:?}");
        }
        assert_eq!(Requests::new(Batch::One, 1, true).totals(8), (0, 0));
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
            prop_assert_eq!(totals(groups.into_iter(), chunk, flights), (sizes.len() as u64, largest));
        }
    }
}
