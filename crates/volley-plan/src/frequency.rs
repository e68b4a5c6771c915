//! Who has got as many texts as `limits.per_recipient` allows, across campaigns.

use rustc_hash::FxHashSet;
use volley_core::{Msisdn, Pseudonym, PseudonymKey};

/// The numbers that get no text of this campaign because of texts that they got, or may have
/// got, of others. Known by their pseudonyms, at 9 to 18 bytes each.
#[derive(Clone, Debug)]
pub struct Capped {
    key: PseudonymKey,
    full: FxHashSet<Pseudonym>,
}

impl Capped {
    /// Nobody, for now; pseudonyms are made with `key`.
    pub fn new(key: PseudonymKey) -> Self {
        Self { key, full: FxHashSet::default() }
    }

    /// Adds the number that `pseudonym` stands for.
    pub fn insert(&mut self, pseudonym: Pseudonym) {
        self.full.insert(pseudonym);
    }

    /// Whether `number` gets no text.
    pub fn contains(&self, number: Msisdn) -> bool {
        !self.full.is_empty() && self.full.contains(&self.key.pseudonym(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_was_added_under_the_same_key_is_capped() {
        let number = |digits| Msisdn::from_digits(digits).expect("a number");
        let (ann, bo) = (number(61_491_570_006), number(61_491_570_156));
        let (key, other) = (PseudonymKey::new([1; 32]), PseudonymKey::new([2; 32]));
        let mut capped = Capped::new(key.clone());
        assert!(!capped.contains(ann), "nobody is");
        capped.insert(key.pseudonym(ann));
        capped.insert(other.pseudonym(bo));
        assert_eq!((capped.contains(ann), capped.contains(bo)), (true, false));
    }
}
