//! How many requests a plan takes, and how many recipients one kill can put in doubt.

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
    /// Only recipients of the same text share one: what tells the text of each message apart.
    /// They are sorted in the end, which takes half the time of looking each of them up.
    ByText(Vec<u64>),
}

impl Requests {
    /// For requests of up to `chunk` recipients, of some `expected` messages. `one_text` where all
    /// get the same.
    pub(crate) fn new(batch: Batch, chunk: u32, one_text: bool, expected: usize) -> Self {
        let groups = if by_text(batch, one_text) {
            Groups::ByText(Vec::with_capacity(expected))
        } else {
            Groups::Any { messages: 0, texts: one_text.then_some(1) }
        };
        Self { chunk: u64::from(chunk), groups }
    }

    /// Counts one message by what tells its text apart.
    pub(crate) fn add(&mut self, text_key: u64) {
        match &mut self.groups {
            Groups::Any { messages, .. } => *messages += 1,
            Groups::ByText(keys) => keys.push(text_key),
        }
    }

    /// The sums, after the last message; of `flights` requests, how many recipients the largest
    /// have.
    pub(crate) fn finish(self, flights: u32) -> RequestSums {
        let (texts, (requests, worst_doubt)) = match self.groups {
            Groups::Any { messages, texts } => {
                let texts = if messages == 0 { Some(0) } else { texts };
                (texts, totals([messages].into_iter(), self.chunk, flights))
            }
            Groups::ByText(mut keys) => {
                keys.sort_unstable();
                let groups = || keys.chunk_by(|one, other| one == other);
                let totals = totals(groups().map(|group| group.len() as u64), self.chunk, flights);
                (Some(groups().count() as u64), totals)
            }
        };
        RequestSums { requests, worst_doubt, texts }
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

/// Each group is cut into full requests and one with the rest.
fn totals(groups: impl Iterator<Item = u64>, chunk: u64, flights: u32) -> (u64, u64) {
    let mut full = 0;
    let mut rests: BTreeMap<u64, u64> = BTreeMap::new();
    let mut alone = 0; // what personal texts are
    for messages in groups {
        if messages == 1 && chunk > 1 {
            alone += 1;
            continue;
        }
        full += messages / chunk;
        let rest = messages % chunk;
        if rest > 0 {
            *rests.entry(rest).or_default() += 1;
        }
    }
    if alone > 0 {
        *rests.entry(1).or_default() += alone;
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
        let texts = [7, 8, 7, 7, 8, 9];
        for (batch, chunk, one_text, flights, expected) in [
            (Batch::One, 1, false, 4, (6, 4, None)),
            (Batch::PerItem { max: 100 }, 4, false, 1, (2, 4, None)),
            (Batch::PerItem { max: 100 }, 4, true, 8, (2, 6, Some(1))),
            (Batch::SharedText { max: 500 }, 2, false, 2, (4, 4, Some(3))),
            (Batch::SharedText { max: 500 }, 2, true, 2, (3, 4, Some(1))),
        ] {
            let mut requests = Requests::new(batch, chunk, one_text, 0);
            for text in texts {
                requests.add(text);
            }
            let RequestSums { requests, worst_doubt, texts } = requests.finish(flights);
            assert_eq!((requests, worst_doubt, texts), expected, "{batch:?}");
        }
        let nobody = RequestSums { requests: 0, worst_doubt: 0, texts: Some(0) };
        assert_eq!(Requests::new(Batch::One, 1, true, 0).finish(8), nobody);
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
