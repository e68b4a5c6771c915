//! Which number a text has.

/// What a text is known by: 128 bits of its BLAKE3, so that nobody can make two texts that are
/// taken for one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key([u8; 16]);

impl Key {
    fn of(text: &str) -> Self {
        Self(*blake3::hash(text.as_bytes()).as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }

    /// Where the search for it starts.
    fn start(self) -> u64 {
        u64::from_le_bytes(*self.0.first_chunk().expect("a key has 16 bytes"))
    }

    /// Bits that have nothing to do with where it starts.
    fn tag(self) -> u32 {
        u32::from_le_bytes(*self.0.last_chunk().expect("a key has 16 bytes"))
    }
}

/// Each distinct text's number, in order of first appearance.
///
/// An open table of our own, 24 to 40 bytes a text. A slot has the number + 1 of the text that is
/// found there, 0 where there is none, and in the bits that this leaves free some of the text's
/// key: so a key is looked at only where it is most likely the right one, and a text that is new
/// costs one look into memory that is not at hand.
#[derive(Default)]
pub(super) struct TextNumbers {
    keys: Vec<Key>,
    /// A power of two long, at most half of them taken.
    slots: Vec<u32>,
    /// Of the texts that are asked for.
    asked: Vec<Key>,
}

impl TextNumbers {
    /// Fills `numbers` with the number of each of `texts`, and whether it is new.
    pub(super) fn number<'a>(
        &mut self,
        texts: impl Iterator<Item = &'a str>,
        numbers: &mut Vec<(u32, bool)>,
    ) {
        // Looked for when all keys are made: the processor goes for several at a time then.
        let mut asked = std::mem::take(&mut self.asked);
        asked.clear();
        asked.extend(texts.map(Key::of));
        numbers.clear();
        numbers.extend(asked.iter().map(|key| self.number_of(*key)));
        self.asked = asked;
    }

    /// The number of the text known by `key`, and whether it is new.
    fn number_of(&mut self, key: Key) -> (u32, bool) {
        if self.keys.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let slot = self.slot_of(key);
        let new = self.slots[slot] == 0;
        if new {
            self.keys.push(key);
            let next = u32::try_from(self.keys.len()).expect("a plan has fewer than 2³¹ texts");
            self.slots[slot] = next | key.tag() & !self.number_bits();
        }
        ((self.slots[slot] & self.number_bits()) - 1, new)
    }

    /// The bits of a slot that its number takes. Half of the slots are free, so no number + 1
    /// needs more.
    fn number_bits(&self) -> u32 {
        u32::try_from(self.slots.len() - 1).expect("a plan has fewer than 2³¹ texts")
    }

    /// Where `key` is, or the free slot where it belongs.
    fn slot_of(&self, key: Key) -> usize {
        let mask = self.slots.len() - 1;
        let number_bits = self.number_bits();
        let mut slot = usize::try_from(key.start() & mask as u64).expect("below the table's length");
        loop {
            let taken = self.slots[slot];
            let alike = (taken ^ key.tag()) & !number_bits == 0;
            if taken == 0 || alike && self.keys[(taken & number_bits) as usize - 1] == key {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let length = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.resize(length, 0);
        for (number, key) in (1..).zip(&self.keys) {
            let slot = self.slot_of(*key);
            self.slots[slot] = number | key.tag() & !self.number_bits();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn texts_are_numbered_as_a_plain_map_would(
            texts in proptest::collection::vec("[a-e]{0,3}", 0..400),
            together in 1_usize..100,
        ) {
            let mut numbers = TextNumbers::default();
            let mut plain: HashMap<&str, u32> = HashMap::new();
            for some in texts.chunks(together) {
                let mut found = Vec::new();
                numbers.number(some.iter().map(String::as_str), &mut found);
                for (text, found) in some.iter().zip(found) {
                    let next = u32::try_from(plain.len()).expect("small");
                    let new = !plain.contains_key(text.as_str());
                    prop_assert_eq!(found, (*plain.entry(text).or_insert(next), new));
                }
            }
        }
    }

    /// Keys that start at the same slot and have the same tag, so that only the whole key tells
    /// them apart.
    #[test]
    fn keys_that_differ_in_a_single_byte_are_told_apart() {
        let mut numbers = TextNumbers::default();
        let key = |byte: u8| Key([0, 0, 0, 0, 0, 0, 0, 0, byte, 0, 0, 0, 0, 0, 0, 0]);
        for byte in 0..=u8::MAX {
            assert_eq!(numbers.number_of(key(byte)), (u32::from(byte), true));
        }
        for byte in 0..=u8::MAX {
            assert_eq!(numbers.number_of(key(byte)), (u32::from(byte), false));
        }
    }

    #[test]
    fn a_text_takes_40_bytes_at_most() {
        let mut numbers = TextNumbers::default();
        for text in 0..100_000_u32 {
            numbers.number_of(Key::of(&text.to_string()));
            let bytes = numbers.keys.len() * 16 + numbers.slots.len() * 4;
            assert!(text < 64 || bytes <= 40 * numbers.keys.len(), "{bytes} bytes for {text}");
        }
    }
}
