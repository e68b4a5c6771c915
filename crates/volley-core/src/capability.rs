//! What one provider account can be asked to do. Every limit is a default that the campaign may
//! override where the provider's own documents disagree.

use crate::{Profile, Rate};
use std::time::Duration;

/// How many people one HTTP request can carry, and whether their texts may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// One recipient a request.
    One,
    /// Up to `max` recipients who all get the same text.
    SharedText {
        /// The provider's ceiling.
        max: u32,
    },
    /// Up to `max` recipients, each with a text of its own.
    PerItem {
        /// The provider's ceiling.
        max: u32,
    },
}

impl Batch {
    /// The most recipients one request can carry.
    pub const fn ceiling(self) -> u32 {
        match self {
            Self::One => 1,
            Self::SharedText { max } | Self::PerItem { max } => max,
        }
    }

    /// Whether all recipients of a request get one text.
    pub const fn shares_text(self) -> bool {
        matches!(self, Self::SharedText { .. })
    }
}

/// What a provider's answer says about the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyPrice {
    /// Nothing.
    Nothing,
    /// An amount in the account's currency.
    Money,
    /// So many of another unit, such as `credit`.
    Units(&'static str),
}

/// Which sender names a provider takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderRule {
    /// Whether a campaign must name one.
    pub required: bool,
    /// The longest name with letters in it, in characters.
    pub max_name: usize,
    /// Whether such a name may hold spaces.
    pub spaces: bool,
    /// Whether such a name may hold other signs than letters and digits.
    pub signs: bool,
}

/// Why a sender is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderFault {
    /// The provider wants one and the campaign has none.
    #[error("this provider needs a sender")]
    Missing,
    /// Longer than the rule's `max_name`.
    #[error("`{sender}` has {length} characters, this provider takes {max}")]
    TooLong {
        /// What the campaign says.
        sender: String,
        /// Its characters.
        length: usize,
        /// The most allowed.
        max: usize,
    },
    /// A space where none may be.
    #[error("`{0}` has a space in it, which this provider does not take")]
    Space(String),
    /// Empty, or with characters outside printable ASCII.
    #[error("`{0}` is not a sender: printable ASCII only")]
    Characters(String),
    /// Signs where only letters and digits may be.
    #[error("`{0}` has a sign in it; this provider takes letters and digits only")]
    Sign(String),
}

impl SenderRule {
    /// Whether a campaign may send as `sender`. A name of digits alone, `+` allowed in front, is
    /// a number and may have up to 15 of them.
    pub fn check(self, sender: Option<&str>) -> Result<(), SenderFault> {
        let Some(sender) = sender else {
            return if self.required { Err(SenderFault::Missing) } else { Ok(()) };
        };
        let digits = sender.strip_prefix('+').unwrap_or(sender);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let max = if is_number { 15 } else { self.max_name };
        let length = if is_number { digits.len() } else { sender.chars().count() };
        let printable = sender.bytes().all(|byte| (0x20..0x7F).contains(&byte));
        if sender.trim().is_empty() || !printable {
            Err(SenderFault::Characters(sender.to_owned()))
        } else if length > max {
            Err(SenderFault::TooLong { sender: sender.to_owned(), length, max })
        } else if !self.spaces && sender.contains(' ') {
            Err(SenderFault::Space(sender.to_owned()))
        } else if !self.signs && !is_number && sender.contains(|sign: char| sign.is_ascii_punctuation()) {
            Err(SenderFault::Sign(sender.to_owned()))
        } else {
            Ok(())
        }
    }
}

/// What one provider account can be asked to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    /// How many recipients share a request.
    pub batch: Batch,
    /// Recipients a request carries unless the campaign says otherwise.
    pub default_chunk: u32,
    /// Which senders it takes.
    pub sender: SenderRule,
    /// How it counts segments, and the longest text it takes, unless the campaign says otherwise.
    pub profile: Profile,
    /// Whether it can be handed a time to send at.
    pub schedule: bool,
    /// Requests it allows, unless the campaign says otherwise.
    pub rate: Rate,
    /// Whether it counts requests strictly, so that a request may only start one window after
    /// the *answer* to the one `rate` places before it.
    pub counts_strictly: bool,
    /// Requests that wait for an answer at the same time, unless the campaign says otherwise.
    pub max_in_flight: u32,
    /// How long an answer may take, unless the campaign says otherwise.
    pub timeout: Duration,
    /// What its answers say about the price.
    pub reply_price: ReplyPrice,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_names_or_numbers_by_rule() {
        let strict = SenderRule { required: true, max_name: 11, spaces: false, signs: false };
        let loose = SenderRule { required: false, max_name: 11, spaces: true, signs: true };
        for (rule, sender, taken) in [
            (strict, Some("ShopAlert"), true),
            (strict, Some("61491570156"), true),
            (strict, Some("+614915701560"), true),
            (strict, Some("ElevenChars"), true),
            (strict, Some("TwelveCharsX"), false),
            (strict, Some("Shop Alert"), false),
            (strict, Some("Shop-Alert"), false),
            (loose, Some("Shop & Co."), true),
            (loose, Some("Shop Alert"), true),
            (strict, Some(""), false),
            (loose, Some("   "), false),
            (strict, Some("Café"), false),
            (strict, Some("1234567890123456"), false),
            (strict, None, false),
            (loose, None, true),
        ] {
            assert_eq!(rule.check(sender).is_ok(), taken, "{sender:?} under {rule:?}");
        }
    }
}
