//! What one provider account can be asked to do. Every limit is a default that the campaign may
//! override where the provider's own documents disagree.

use crate::{Msisdn, Profile, Rate, UnixMillis};
use std::{borrow::Cow, time::Duration};

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
    /// The longest name with letters in it, in characters; 0 where only numbers are taken.
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
    /// A name where only numbers are taken.
    #[error("`{0}` is a name; this provider sends from numbers only")]
    Name(String),
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
    /// A name without a letter, where it is made of letters and digits.
    #[error("`{0}` has no letter in it; write a number as digits alone, and a name with a letter")]
    Letterless(String),
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
        } else if max == 0 {
            Err(SenderFault::Name(sender.to_owned()))
        } else if length > max {
            Err(SenderFault::TooLong { sender: sender.to_owned(), length, max })
        } else if !self.spaces && sender.contains(' ') {
            Err(SenderFault::Space(sender.to_owned()))
        } else if !self.signs && !is_number && sender.contains(|sign: char| sign.is_ascii_punctuation()) {
            Err(SenderFault::Sign(sender.to_owned()))
        } else if !self.signs && !is_number && !sender.contains(|letter: char| letter.is_ascii_alphabetic()) {
            Err(SenderFault::Letterless(sender.to_owned()))
        } else {
            Ok(())
        }
    }
}

/// Which numbers a provider reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations {
    /// Beginnings in international digits, one of which a number must have; empty for all.
    pub prefixes: Vec<String>,
}

impl Destinations {
    /// Whether a text to `to` can arrive.
    pub fn reach(&self, to: Msisdn) -> bool {
        let begins = |prefix: &String| {
            let (mut number, mut rest) = (to.digits(), to.digits());
            let digits = std::iter::from_fn(|| (rest > 0).then(|| rest /= 10)).count();
            for _ in prefix.len()..digits {
                number /= 10;
            }
            prefix.parse() == Ok(number)
        };
        self.prefixes.is_empty() || self.prefixes.iter().any(begins)
    }
}

/// Whether a provider can be handed a time to send at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// It sends at once: whoever sends through it waits until the time has come.
    Never,
    /// It keeps messages until their time.
    Until {
        /// At most so far ahead; `None` where nobody says.
        horizon: Option<Duration>,
    },
}

/// Why a time cannot be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schedule is {} days ahead; this provider takes {}", .ahead.as_millis().div_ceil(86_400_000), days(.horizon))]
pub struct ScheduleFault {
    /// How far ahead it is.
    pub ahead: Duration,
    /// How far it may be.
    pub horizon: Duration,
}

fn days(span: &Duration) -> String {
    let days = span.as_secs() / 86_400;
    format!("up to {days} {}", if days == 1 { "day" } else { "days" })
}

impl Schedule {
    /// Whether a message can be handed over at `now` to be sent at `send_at`.
    pub fn check(self, send_at: UnixMillis, now: UnixMillis) -> Result<(), ScheduleFault> {
        let ahead = Duration::from_millis(u64::try_from(send_at.0.saturating_sub(now.0)).unwrap_or(0));
        match self {
            Self::Until { horizon: Some(horizon) } if ahead > horizon => {
                Err(ScheduleFault { ahead, horizon })
            }
            Self::Never | Self::Until { .. } => Ok(()),
        }
    }
}

/// How a provider can be asked what became of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polling {
    /// Not at all.
    Never,
    /// For all messages of one request, page by page.
    ByRequest,
    /// For one message.
    ByMessage,
    /// For all messages of a span of time, page by page.
    ByWindow,
}

/// Where the rules of [`Capabilities`] stand: a page of the provider's, or who assumes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Of the sender's rule.
    pub sender: Cow<'static, str>,
    /// Of the longest text.
    pub text: Cow<'static, str>,
    /// Of the schedule.
    pub schedule: Cow<'static, str>,
    /// Of whom it reaches.
    pub destinations: Cow<'static, str>,
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
    /// Whom it reaches.
    pub destinations: Destinations,
    /// Whether it can be handed a time to send at.
    pub schedule: Schedule,
    /// Requests it allows, unless the campaign says otherwise.
    pub rate: Rate,
    /// Whether its documents say that it drops what is over the rate, so that the rate is kept
    /// strictly however fast it is; see [`Pacing::usual`](crate::Pacing::usual).
    pub counts_strictly: bool,
    /// Requests that wait for an answer at the same time, unless the campaign says otherwise.
    pub max_in_flight: u32,
    /// How long an answer may take, unless the campaign says otherwise.
    pub timeout: Duration,
    /// What its answers say about the price.
    pub reply_price: ReplyPrice,
    /// How it can be asked what became of messages.
    pub polling: Polling,
    /// Whether a message that was handed over with a time to send at can be taken back.
    pub cancels: bool,
    /// Where these limits stand.
    pub sources: Sources,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_handed_over_up_to_the_horizon_and_no_further() {
        const DAY_MS: i64 = 86_400_000;
        let fortnight = Schedule::Until { horizon: Some(Duration::from_hours(14 * 24)) };
        let now = UnixMillis(1_796_083_200_000);
        for (schedule, days, taken) in [
            (fortnight, 14, true),
            (fortnight, 15, false),
            (fortnight, -1, true),
            (Schedule::Until { horizon: None }, 900, true),
            (Schedule::Never, 900, true),
        ] {
            assert_eq!(schedule.check(now.plus_millis(days * DAY_MS), now).is_ok(), taken, "{days} days");
        }
        let fault = fortnight.check(now.plus_millis(14 * DAY_MS + 1), now).expect_err("a moment too late");
        assert_eq!(fault.to_string(), "the schedule is 15 days ahead; this provider takes up to 14 days");
    }

    #[test]
    fn numbers_are_reached_by_their_beginning() {
        let reached = |prefixes: &[&str], digits| {
            let prefixes = prefixes.iter().map(|one| (*one).to_owned()).collect();
            Destinations { prefixes }.reach(Msisdn::from_digits(digits).expect("a number"))
        };
        assert!(reached(&[], 15_555_550_100));
        assert!(reached(&["614"], 61_491_570_006));
        assert!(!reached(&["614"], 15_555_550_100));
        assert!(!reached(&["614"], 61_255_501_234));
        assert!(reached(&["614", "1"], 15_555_550_100));
    }

    #[test]
    fn senders_are_names_or_numbers_by_rule() {
        let strict = SenderRule { required: true, max_name: 11, spaces: false, signs: false };
        let numbers = SenderRule { required: true, max_name: 0, spaces: false, signs: false };
        let spaced = SenderRule { required: false, max_name: 11, spaces: true, signs: false };
        let loose = SenderRule { required: false, max_name: 11, spaces: true, signs: true };
        for (rule, sender, taken) in [
            (strict, Some("ShopAlert"), true),
            (strict, Some("61491570156"), true),
            (strict, Some("+614915701560"), true),
            (strict, Some("ElevenChars"), true),
            (strict, Some("TwelveCharsX"), false),
            (strict, Some("Shop Alert"), false),
            (strict, Some("Shop-Alert"), false),
            (spaced, Some("Shop 24"), true),
            (spaced, Some("24 7"), false),
            (spaced, Some("Shop-24"), false),
            (loose, Some("Shop & Co."), true),
            (loose, Some("Shop Alert"), true),
            (strict, Some(""), false),
            (loose, Some("   "), false),
            (strict, Some("Café"), false),
            (strict, Some("1234567890123456"), false),
            (strict, None, false),
            (loose, None, true),
            (numbers, Some("15555550100"), true),
            (numbers, Some("ShopAlert"), false),
        ] {
            assert_eq!(rule.check(sender).is_ok(), taken, "{sender:?} under {rule:?}");
        }
    }
}
