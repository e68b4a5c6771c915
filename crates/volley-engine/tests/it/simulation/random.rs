//! One seed, many draws.

use std::{ops::RangeInclusive, time::Duration};

/// `SplitMix64`. Each part of a campaign draws from a stream of its own, so that one draw more in
/// one of them moves nothing in the others.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The stream `purpose` of `seed`.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        let mut random = Self(seed ^ purpose.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        random.bits();
        random
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Any number of `range`, all alike.
    pub(super) fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.bits() % (range.end() - range.start() + 1)
    }

    /// The same for a number that fits into 32 bits.
    pub(super) fn small(&mut self, range: RangeInclusive<u32>) -> u32 {
        let drawn = self.between(u64::from(*range.start())..=u64::from(*range.end()));
        u32::try_from(drawn).expect("the range ends within 32 bits")
    }

    /// So many milliseconds.
    pub(super) fn millis(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.between(range))
    }

    /// Yes, so many times of a hundred.
    pub(super) fn strikes(&mut self, percent: u64) -> bool {
        self.bits() % 100 < percent
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let place = self.bits() % of.len() as u64;
        &of[usize::try_from(place).expect("shorter than memory")]
    }
}
