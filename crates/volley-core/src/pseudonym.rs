//! A number by another name, where the number itself is not to be kept.

use crate::Msisdn;
use std::fmt;

/// Stands for a number: the first eight bytes of its keyed BLAKE3 hash, little-endian.
///
/// The same key makes the same pseudonym of the same number; without the key it says nothing,
/// though there are few enough numbers to try them all. Two of ten million numbers share one with
/// a probability of 3 in a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym(pub u64);

/// The secret that makes pseudonyms of numbers. Whoever has it can find everybody's number.
#[derive(Clone, PartialEq, Eq)]
pub struct PseudonymKey([u8; 32]);

impl PseudonymKey {
    /// A key of 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What stands for `number`: the hash of the eight little-endian bytes of its digits.
    pub fn pseudonym(&self, number: Msisdn) -> Pseudonym {
        Pseudonym(u64::from_le_bytes(self.hash(&number.digits().to_le_bytes())))
    }

    /// What tells this key from another one, and gives nothing of it away.
    pub fn fingerprint(&self) -> [u8; 8] {
        // Eleven bytes: no number is hashed as that many.
        self.hash(b"fingerprint")
    }

    fn hash(&self, bytes: &[u8]) -> [u8; 8] {
        let hash = blake3::keyed_hash(&self.0, bytes);
        hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes")
    }
}

/// Never the key.
impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: u64) -> Msisdn {
        Msisdn::from_digits(digits).expect("a number")
    }

    #[test]
    fn a_pseudonym_is_the_hash_that_histories_were_written_with() {
        let key = PseudonymKey::new(*b"a key that only tests ever use..");
        let mut hasher = blake3::Hasher::new_keyed(b"a key that only tests ever use..");
        hasher.update(&61_491_570_006_u64.to_le_bytes());
        let mut expected = [0; 8];
        hasher.finalize_xof().fill(&mut expected);
        assert_eq!(key.pseudonym(number(61_491_570_006)), Pseudonym(u64::from_le_bytes(expected)));
    }

    #[test]
    fn another_key_or_another_number_is_another_pseudonym() {
        let (one, other) = (PseudonymKey::new([1; 32]), PseudonymKey::new([2; 32]));
        let (ann, bo) = (number(61_491_570_006), number(61_491_570_156));
        assert_eq!(one.pseudonym(ann), one.clone().pseudonym(ann));
        assert_ne!(one.pseudonym(ann), one.pseudonym(bo));
        assert_ne!(one.pseudonym(ann), other.pseudonym(ann));
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn debug_keeps_the_key_to_itself() {
        assert_eq!(format!("{:?}", PseudonymKey::new([7; 32])), "PseudonymKey");
    }
}
