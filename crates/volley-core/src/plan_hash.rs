//! The canonical encoding of a plan, and its BLAKE3 hash.
//!
//! Two plans hash alike exactly when they would send the same texts to the same people, from the
//! same rows, at the same prices, under the same terms. The encoding is the same on every
//! machine: little-endian integers, recipients in file order. Recipients, texts and prices are
//! hashed apart, so that a difference can be named; and the lengths of texts apart from the texts,
//! one behind another, so that many texts are hashed at once.

use crate::{Batch, Message, Micros, Msisdn, Rounding, RowNumber, UnixMillis};
use std::{fmt, str::FromStr};

/// A BLAKE3 hash, written `blake3:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a hash; it looks like blake3: and 64 hexadecimal digits")]
pub struct DigestFault(String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blake3:{}", blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestFault;

    fn from_str(text: &str) -> Result<Self, DigestFault> {
        let hash = text.strip_prefix("blake3:").and_then(|hex| blake3::Hash::from_hex(hex).ok());
        hash.map(|hash| Self(hash.into())).ok_or_else(|| DigestFault(text.to_owned()))
    }
}

/// What holds for a whole plan: a change here is another plan, though nobody's text changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanTerms {
    /// The campaign's name.
    pub campaign: String,
    /// Who the texts come from.
    pub sender: Option<String>,
    /// Which wire protocol they go through, such as `transmitsms`.
    pub provider: String,
    /// When the provider is to send them, if not at once.
    pub send_at: Option<UnixMillis>,
    /// What prices are in.
    pub currency: Option<String>,
    /// How requests are filled.
    pub batch: Batch,
    /// The most recipients a request carries, 1 to the batch's ceiling.
    pub chunk: u32,
}

/// A plan's hash, and the hashes of its four parts to name a difference with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanHash {
    /// Over the four others: what the contract calls the plan hash.
    pub whole: Digest,
    /// Rows and numbers.
    pub recipients: Digest,
    /// Rendered texts.
    pub texts: Digest,
    /// The price of each message, and how costs are rounded.
    pub prices: Digest,
    /// The [`PlanTerms`].
    pub terms: Digest,
}

impl PlanHash {
    /// The parts in which `self` differs from `other`, in words; empty exactly when the same.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let pairs = [
            (self.recipients == other.recipients, "recipients"),
            (self.texts == other.texts, "texts"),
            (self.prices == other.prices, "prices"),
            (self.terms == other.terms, "name, sender, provider, schedule or chunk"),
        ];
        pairs.into_iter().filter(|(same, _)| !same).map(|(_, word)| word).collect()
    }
}

/// Takes a plan's messages in file order and gives its hash. Holds under 100 KiB.
#[derive(Debug)]
pub struct PlanHasher {
    recipients: Part,
    /// How long each text is.
    lengths: Part,
    /// The texts, one behind another.
    bodies: Part,
    prices: Part,
}

impl PlanHasher {
    /// Before the first message of a plan whose costs are rounded so.
    pub fn new(rounding: Rounding) -> Self {
        let mut prices = Part::new("prices");
        match rounding {
            Rounding::Exact => {}
            Rounding::PerMessage(decimals) => prices.put(&[b'm', decimals]),
            Rounding::Total(decimals) => prices.put(&[b't', decimals]),
        }
        let [recipients, lengths, bodies] = ["recipients", "lengths", "bodies"].map(Part::new);
        Self { recipients, lengths, bodies, prices }
    }

    /// The next message in file order.
    pub fn message(&mut self, message: &Message<'_>) {
        self.planned(message.row, message.to, message.text, message.cost);
    }

    /// The next message in file order, as a journal stored it.
    pub fn planned(&mut self, row: RowNumber, to: Msisdn, text: &str, cost: Option<Micros>) {
        self.without_text(row, to, text.len(), cost);
        self.texts(text.as_bytes());
    }

    /// The next message in file order but for its text of so many bytes, which is still to come
    /// with [`texts`](Self::texts).
    #[inline]
    pub fn without_text(&mut self, row: RowNumber, to: Msisdn, length: usize, cost: Option<Micros>) {
        self.recipients.put(&row.0.to_le_bytes());
        self.recipients.put(&to.digits().to_le_bytes());
        self.lengths.put(&(length as u64).to_le_bytes());
        self.prices.put(&cost.map_or(-1, |cost| cost.0).to_le_bytes());
    }

    /// The texts of any number of messages in UTF-8, or pieces of them, one behind another.
    pub fn texts(&mut self, texts: &[u8]) {
        self.bodies.put(texts);
    }

    /// The hash, after the last message.
    pub fn finish(self, terms: &PlanTerms) -> PlanHash {
        let recipients = self.recipients.finish();
        let mut texts = Part::new("texts");
        for part in [self.lengths, self.bodies] {
            texts.put(&part.finish().0);
        }
        let texts = texts.finish();
        let prices = self.prices.finish();
        let terms = terms.digest();
        let mut whole = Part::new("plan");
        for part in [&recipients, &texts, &prices, &terms] {
            whole.put(&part.0);
        }
        PlanHash { whole: whole.finish(), recipients, texts, prices, terms }
    }
}

impl PlanTerms {
    fn digest(&self) -> Digest {
        let mut part = Part::new("terms");
        let mut text = |value: Option<&str>| {
            part.put(&value.map_or(u64::MAX, |value| value.len() as u64).to_le_bytes());
            part.put(value.unwrap_or_default().as_bytes());
        };
        text(Some(&self.campaign));
        text(self.sender.as_deref());
        text(Some(&self.provider));
        text(self.currency.as_deref());
        part.put(&self.send_at.map_or(i64::MIN, |at| at.0).to_le_bytes());
        part.put(&[match self.batch {
            Batch::One => 0,
            Batch::SharedText { .. } => 1,
            Batch::PerItem { .. } => 2,
        }]);
        part.put(&self.chunk.to_le_bytes());
        part.finish()
    }
}

/// A hasher fed in pieces of 16 KiB, where BLAKE3 uses all lanes of the processor.
struct Part {
    hasher: blake3::Hasher,
    pending: Box<[u8]>,
    /// How many bytes of `pending` are to be hashed.
    filled: usize,
}

impl Part {
    const FULL: usize = 16 * 1024;

    fn new(name: &str) -> Self {
        let hasher = blake3::Hasher::new_derive_key(&format!("volley 2026-11 plan v2 {name}"));
        Self { hasher, pending: vec![0; Self::FULL].into(), filled: 0 }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.filled + bytes.len();
        match self.pending.get_mut(self.filled..end) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.filled = end;
            }
            None => self.put_beyond(bytes),
        }
    }

    /// What there is no room for.
    #[cold]
    fn put_beyond(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(Self::FULL - self.filled);
        self.pending[self.filled..].copy_from_slice(first);
        self.hasher.update(&self.pending);
        let (whole, rest) = rest.split_at(rest.len() - rest.len() % Self::FULL);
        self.hasher.update(whole);
        self.pending[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    fn finish(mut self) -> Digest {
        self.hasher.update(&self.pending[..self.filled]);
        Digest(self.hasher.finalize().into())
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} bytes)", self.hasher.count() + self.filled as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;

    fn terms() -> PlanTerms {
        PlanTerms {
            campaign: "spring-sale".to_owned(),
            sender: Some("ShopAlert".to_owned()),
            provider: "transmitsms".to_owned(),
            send_at: None,
            currency: Some("AUD".to_owned()),
            batch: Batch::SharedText { max: 500 },
            chunk: 500,
        }
    }

    fn hash(messages: &[(u32, u64, &str, i64)], terms: &PlanTerms) -> PlanHash {
        let mut hasher = PlanHasher::new(Rounding::Exact);
        for &(row, digits, text, micros) in messages {
            let to = Msisdn::from_digits(digits).expect("fictitious");
            let cost = Some(Micros(micros));
            hasher.message(&Message {
                row: RowNumber(row),
                to,
                text,
                segments: Profile::STANDARD.count(text),
                cost,
            });
        }
        hasher.finish(terms)
    }

    const TWO: [(u32, u64, &str, i64); 2] =
        [(1, 61_491_570_006, "Hi Ann", 50_000), (2, 61_491_570_156, "Hi Bo", 50_000)];

    #[test]
    fn the_encoding_stays_the_same_from_version_to_version() {
        let whole = hash(&TWO, &terms()).whole;
        assert_eq!(
            whole.to_string(),
            "blake3:2691a393a00613fc54b61a3c04d898e9d4b0d15a96dd37803d2c95149716f1ed"
        );
        assert_eq!(whole.to_string().parse(), Ok(whole));
    }

    #[test]
    fn each_change_is_named_by_its_part() {
        let before = hash(&TWO, &terms());
        let mut rows = TWO;
        rows[0].0 = 3;
        let mut texts = TWO;
        (texts[0].2, texts[1].2) = ("Hi AnnHi", " Bo");
        let mut prices = TWO;
        prices[1].3 += 1;
        let mut later = terms();
        later.send_at = Some(UnixMillis(1));
        for (after, word) in [
            (hash(&rows, &terms()), "recipients"),
            (hash(&texts, &terms()), "texts"),
            (hash(&prices, &terms()), "prices"),
            (hash(&TWO, &later), "name, sender, provider, schedule or chunk"),
        ] {
            assert_eq!(after.differences(&before), [word]);
            assert_ne!(after.whole, before.whole, "{word}");
        }
        assert!(hash(&TWO, &terms()).differences(&before).is_empty());
    }

    #[test]
    fn another_rounding_is_another_price() {
        let hashes = [Rounding::Exact, Rounding::Total(2), Rounding::Total(3), Rounding::PerMessage(2)]
            .map(|rounding| PlanHasher::new(rounding).finish(&terms()));
        for (index, one) in hashes.iter().enumerate() {
            for other in &hashes[..index] {
                assert_eq!(one.differences(other), ["prices"]);
            }
        }
    }

    #[test]
    fn long_texts_hash_the_same_however_they_are_buffered() {
        let long = "x".repeat(140_000);
        let short = "y".repeat(100);
        let mut texts = Part::new("texts");
        let mut plain = blake3::Hasher::new_derive_key("volley 2026-11 plan v2 texts");
        for text in [&short, &long, &short, &short] {
            texts.put(text.as_bytes());
            plain.update(text.as_bytes());
        }
        assert_eq!(texts.finish(), Digest(plain.finalize().into()));
    }
}
