//! A set of 64-bit keys in 8 bytes a slot, for millions of them.
//!
//! Open addressing, at most three quarters full. The standard set asks its allocator for a power of
//! two and a byte more a slot; this one is as large as it is told. A miss of the cache is most of
//! what a look-up costs: [`KeySet::expect`] has the processor fetch many slots at the same time.

/// So many slots for every [`FULL`] keys.
const SLOTS: usize = 4;
const FULL: usize = 3;
/// What an empty set starts with.
const LEAST: usize = 64;

/// Keys that are not 0.
#[derive(Clone)]
pub(crate) struct KeySet {
    /// 0 where no key is.
    slots: Vec<u64>,
    length: usize,
}

impl KeySet {
    /// An empty set with room for `keys` keys.
    #[expect(
        clippy::slow_vector_initialization,
        reason = "memory that is first read and then written is fetched twice"
    )]
    pub(crate) fn with_room(keys: usize) -> Self {
        let mut slots = Vec::new();
        slots.resize(slots_for(keys), 0);
        Self { slots, length: 0 }
    }

    /// How many keys it has.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Whether it has `key`, which is not 0.
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.slots[self.place(key)] == key
    }

    /// Forgets all keys and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(0);
        self.length = 0;
    }

    /// Makes room for `keys` keys more.
    pub(crate) fn reserve(&mut self, keys: usize) {
        if slots_for(self.length + keys) > self.slots.len() {
            self.grow(self.length + keys);
        }
    }

    /// Adds `key`, which is not 0; whether it is new.
    #[expect(clippy::inline_always, reason = "called for every row, and a call would make it a fifth longer")]
    #[inline(always)]
    pub(crate) fn insert(&mut self, key: u64) -> bool {
        debug_assert_ne!(key, 0, "0 is no key");
        let place = self.place(key);
        let is_new = self.slots[place] == 0;
        if is_new {
            self.slots[place] = key;
            self.length += 1;
            if self.length * SLOTS >= self.slots.len() * FULL {
                self.grow(self.length * 2);
            }
        }
        is_new
    }

    /// Looks where `keys` belong before they are inserted, all of them at the same time.
    #[inline]
    pub(crate) fn expect(&self, keys: impl Iterator<Item = u64>) {
        // The sum is used, so that the slots are read.
        let sum = keys.fold(0_u64, |sum, key| sum.wrapping_add(self.slots[self.home(key)]));
        std::hint::black_box(sum);
    }

    /// Where `key` is, or the empty slot where it belongs.
    #[inline]
    fn place(&self, key: u64) -> usize {
        let mut place = self.home(key);
        while self.slots[place] != 0 && self.slots[place] != key {
            place += 1;
            if place == self.slots.len() {
                place = 0;
            }
        }
        place
    }

    /// Where the search for `key` begins.
    #[expect(clippy::cast_possible_truncation, reason = "one half is meant, and a place is below the length")]
    #[inline]
    fn home(&self, key: u64) -> usize {
        // Both halves of the product together are as good as random; then they are spread out.
        let product = u128::from(key) * 0x9E37_79B9_7F4A_7C15;
        let mixed = (product >> 64) as u64 ^ product as u64;
        ((u128::from(mixed) * self.slots.len() as u128) >> 64) as usize
    }

    /// Moves all keys to a table with room for `keys` of them.
    #[cold]
    fn grow(&mut self, keys: usize) {
        let mut larger = Self::with_room(keys);
        for &key in self.slots.iter().filter(|&&key| key != 0) {
            let place = larger.place(key);
            larger.slots[place] = key;
        }
        larger.length = self.length;
        *self = larger;
    }
}

impl Default for KeySet {
    fn default() -> Self {
        Self::with_room(0)
    }
}

fn slots_for(keys: usize) -> usize {
    (keys + 1).div_ceil(FULL).saturating_mul(SLOTS).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn neighbours_lie_apart() {
        let mut set = KeySet::with_room(100_000);
        let longest = (61_491_500_000..61_491_600_000).map(|key| {
            let home = set.home(key);
            set.insert(key);
            (set.place(key) + set.slots.len() - home) % set.slots.len()
        });
        assert!(longest.max().is_some_and(|steps| steps < 200), "found in a few steps");
    }

    proptest! {
        #[test]
        fn knows_what_the_standard_set_knows(
            keys in proptest::collection::vec(1_u64..300, 0..600),
            large in proptest::collection::vec(1_u64.., 0..50),
            room in 0_usize..400,
        ) {
            let (mut set, mut known) = (KeySet::with_room(room), HashSet::new());
            for key in keys.into_iter().chain(large) {
                set.expect([key].into_iter());
                prop_assert_eq!(set.contains(key), known.contains(&key));
                prop_assert_eq!(set.insert(key), known.insert(key));
                prop_assert_eq!(set.len(), known.len());
                if key % 16 == 0 {
                    set.reserve(room);
                }
                if key % 64 == 0 {
                    set.clear();
                    known.clear();
                }
            }
        }
    }
}
