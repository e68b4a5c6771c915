//! What became of a message after the provider took it.
//!
//! Reports come late, twice, out of order, and before the answer to the request that they are
//! about. So a message's delivery only moves up in rank, and the order of reports does not matter.

use crate::{Msisdn, Reason, UnixMillis};

/// What is known of one message's delivery, from the least to the most.
///
/// The seven states of ME-SMS, the four of TransmitSMS and the five of Fone Dynamics all map to
/// these; a word that nobody listed is no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// Taken by the provider, waiting.
    Queued,
    /// Handed to the network.
    Sent,
    /// No report came within the provider's window: neither delivered nor failed, and final.
    NoReport,
    /// Not delivered in the time there was, or for a reason that may pass. A later report of
    /// delivery still wins.
    Expired,
    /// The handset could not be reached; the provider gave up.
    Failed,
    /// The number cannot be texted.
    Invalid,
    /// The number is on a list of people who are not to be texted.
    Blocked,
    /// On the handset.
    Delivered,
}

impl Delivery {
    /// All of them, from the least to the most.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sent,
        Self::NoReport,
        Self::Expired,
        Self::Failed,
        Self::Invalid,
        Self::Blocked,
        Self::Delivered,
    ];

    /// The word for it in journals and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::NoReport => "no_report",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Invalid => "invalid",
            Self::Blocked => "blocked",
            Self::Delivered => "delivered",
        }
    }

    /// The state that a word names.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// Whether the provider expects nothing more.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Sent)
    }

    /// What is known after `report`, whichever came first: the one of higher rank.
    #[must_use]
    pub fn merged(self, report: Self) -> Self {
        self.max(report)
    }
}

/// Accepted recipients by what became of their messages. The sum is everybody accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// On the handset.
    pub delivered: u64,
    /// Known not to have arrived.
    pub failed: u64,
    /// Everybody else: no report yet, or none that says.
    pub unknown: u64,
}

impl Deliveries {
    /// Counts one recipient; `None` for no report at all.
    pub fn add(&mut self, delivery: Option<Delivery>) {
        match delivery {
            Some(Delivery::Delivered) => self.delivered += 1,
            Some(Delivery::Expired | Delivery::Failed | Delivery::Invalid | Delivery::Blocked) => {
                self.failed += 1;
            }
            Some(Delivery::Queued | Delivery::Sent | Delivery::NoReport) | None => self.unknown += 1,
        }
    }
}

/// One report about one message, from a callback or a poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's id of the message.
    pub message_id: Option<String>,
    /// The provider's id of the request that it went with.
    pub request_id: Option<String>,
    /// Who it was for.
    pub to: Option<Msisdn>,
    /// Our own word for it: [`Reference::message`] of the message.
    pub reference: Option<String>,
    /// What became of it; `None` for a word that nobody listed.
    pub delivery: Option<Delivery>,
    /// The provider's own word, and its reason where it gives one.
    pub code: Option<Reason>,
    /// When it happened, as the provider says.
    pub at: Option<UnixMillis>,
    /// Whether the recipient asked not to be texted again.
    pub opted_out: bool,
}

/// The word that a campaign's messages are told by at providers that keep one for us.
///
/// 12 characters of `[0-9a-f]`, another one for each plan that is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference(String);

impl Reference {
    /// From any 48 bits that no other plan has.
    pub fn from_bits(bits: u64) -> Self {
        Self(format!("{:012x}", bits & 0xFFFF_FFFF_FFFF))
    }

    /// The campaign's own part.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The word for the message at `position` of the plan: at most 23 characters of
    /// `[0-9a-f-]`, which is within every provider's documented or assumed limit.
    pub fn message(&self, position: crate::Position) -> String {
        format!("{}-{}", self.0, position.0)
    }

    /// The position that `word` names, where it is a word of this campaign's.
    pub fn position(&self, word: &str) -> Option<crate::Position> {
        let digits = word.strip_prefix(self.as_str())?.strip_prefix('-')?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_plain)?;
        (format!("{number}") == digits).then_some(crate::Position(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;
    use proptest::prelude::*;

    fn reports() -> impl Strategy<Value = Vec<Delivery>> {
        proptest::collection::vec(proptest::sample::select(&Delivery::ALL[..]), 1..12)
    }

    proptest! {
        #[test]
        fn the_order_of_reports_and_their_repetition_change_nothing(
            reports in reports(),
            shuffled in reports().prop_flat_map(|reports| (Just(reports.clone()), Just(reports).prop_shuffle())),
        ) {
            let merge = |reports: &[Delivery]| reports.iter().copied().reduce(Delivery::merged);
            prop_assert_eq!(merge(&shuffled.0), merge(&shuffled.1));
            let twice: Vec<Delivery> = reports.iter().chain(&reports).copied().collect();
            prop_assert_eq!(merge(&reports), merge(&twice));
        }

        #[test]
        fn a_reference_names_its_position_and_no_other(bits in any::<u64>(), position in any::<u32>()) {
            let reference = Reference::from_bits(bits);
            let word = reference.message(Position(position));
            prop_assert_eq!(reference.position(&word), Some(Position(position)));
            prop_assert!(word.len() <= 23, "{}", word);
            prop_assert_eq!(Reference::from_bits(bits ^ 1).position(&word), None);
        }
    }

    #[test]
    fn delivered_wins_over_every_other_end() {
        for other in Delivery::ALL {
            assert_eq!(other.merged(Delivery::Delivered), Delivery::Delivered);
            assert_eq!(Delivery::Delivered.merged(other), Delivery::Delivered);
            assert_eq!(Delivery::of_word(other.word()), Some(other));
        }
        assert_eq!(Delivery::of_word("bounced"), None);
    }

    #[test]
    fn a_word_that_is_not_ours_names_nobody() {
        let reference = Reference::from_bits(7);
        for word in [
            "",
            "000000000007",
            "000000000007-",
            "000000000007-x",
            "000000000007-+1",
            "000000000007-01",
            "7-1",
        ] {
            assert_eq!(reference.position(word), None, "{word}");
        }
    }

    #[test]
    fn everybody_is_counted_once() {
        let mut counts = Deliveries::default();
        counts.add(None);
        for one in Delivery::ALL {
            counts.add(Some(one));
        }
        assert_eq!(counts, Deliveries { delivered: 1, failed: 4, unknown: 4 });
    }
}
