//! Numbers that look random and depend on the seed, the request or message, and the purpose alone.
//!
//! Nothing is drawn in turn: a request gets the same numbers whichever requests came before it
//! and whatever else was drawn for it. So does a message.

use std::{ops::RangeInclusive, time::Duration};

/// How long the answer to a request takes.
pub(crate) const LATENCY: u64 = 1;
/// The upper half of an id that is given to a request.
pub(crate) const ID_HIGH: u64 = 2;
/// The lower half of it.
pub(crate) const ID_LOW: u64 = 3;
/// What becomes of a message.
pub(crate) const OUTCOME: u64 = 4;
/// How long it is until that is known.
pub(crate) const REPORT_DELAY: u64 = 5;
/// Whether the first report of a message overtakes the answer to its request.
pub(crate) const BEFORE_REPLY: u64 = 6;
/// Whether the two reports of a message change places.
pub(crate) const REORDERED: u64 = 7;
/// Whether the last report of a message is late.
pub(crate) const LATE: u64 = 8;
/// Whether it comes twice.
pub(crate) const REPEATED: u64 = 9;
/// Whether a message that nobody sent is reported as well.
pub(crate) const UNKNOWN: u64 = 10;
/// Whether a fault happens to a request; its place in the list is added.
pub(crate) const FAULT: u64 = 1_000;
/// Whether a message is billed a part too many; the place in the list is added.
pub(crate) const EXTRA_PART: u64 = 1_000_000_000;

/// 64 even bits for one `purpose` of the request or message with this `number`.
pub(crate) fn draw(seed: u64, number: u64, purpose: u64) -> u64 {
    mix(mix(mix(seed) ^ number) ^ purpose)
}

/// Whether what has this `chance`, 0 to 1, happens for one `purpose` of request or message
/// `number`.
pub(crate) fn strikes(chance: f64, seed: u64, number: u64, purpose: u64) -> bool {
    fraction(draw(seed, number, purpose)) < chance
}

/// `bits` as a fraction: at least 0, below 1, in steps of 2⁻⁵³.
pub(crate) fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A time from `range`, both ends included, by the even `bits`.
pub(crate) fn between(range: &RangeInclusive<Duration>, bits: u64) -> Duration {
    let (shortest, longest) = (*range.start(), *range.end());
    let span = u64::try_from(longest.saturating_sub(shortest).as_nanos()).unwrap_or(u64::MAX);
    shortest + Duration::from_nanos(span.checked_add(1).map_or(bits, |count| bits % count))
}

/// What the draws for the messages with this `id` depend on beside the seed.
pub(crate) fn salt(id: &str) -> u64 {
    id.bytes().fold(id.len() as u64, |salt, byte| mix(salt ^ u64::from(byte)))
}

/// One step of `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
fn mix(state: u64) -> u64 {
    let mut bits = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first output of the published generator for the seeds 0 and 1.
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(1), 0x910A_2DEC_8902_5CC1);
    }

    #[test]
    fn a_tenth_of_the_draws_lies_below_a_tenth() {
        let below = (1..=10_000).filter(|&number| strikes(0.1, 7, number, FAULT)).count();
        assert!((900..1_100).contains(&below), "{below} of 10000");
    }
}
