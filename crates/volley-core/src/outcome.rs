//! What a provider did with a chunk, as far as it can be known.

use crate::{Class, Fate, Micros, Totals, is_steering};
use std::{fmt, time::Duration};

/// What a provider did with one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered for the chunk's recipients.
    Answered(Answer),
    /// Anything else: the class says whether it may have been taken and what to do.
    Failed(Failure),
}

impl Outcome {
    /// Where it leaves a chunk of so many recipients. Who was not taken is pending.
    pub fn totals(&self, recipients: u32) -> Totals {
        let all = u64::from(recipients);
        let mut totals = Totals::default();
        match self {
            Self::Answered(Answer { verdicts: Verdicts::AllAccepted, .. }) => totals.accepted = all,
            Self::Answered(Answer { verdicts: Verdicts::AllInDoubt { .. }, .. }) => totals.in_doubt = all,
            Self::Answered(Answer { verdicts: Verdicts::Each(verdicts), .. }) => {
                for verdict in verdicts {
                    *match verdict {
                        Verdict::Accepted { .. } => &mut totals.accepted,
                        Verdict::Refused { .. } => &mut totals.refused,
                        Verdict::NotTaken { .. } => &mut totals.pending,
                        Verdict::InDoubt { .. } => &mut totals.in_doubt,
                    } += 1;
                }
            }
            Self::Failed(failure) => match failure.class.rule().fate {
                Fate::Retry | Fate::Back | Fate::Split => totals.pending = all,
                Fate::Refuse => totals.refused = all,
                // An answer that was not understood as one is no evidence of anything.
                Fate::Doubt | Fate::AsAnswered => totals.in_doubt = all,
            },
        }
        totals
    }
}

/// A provider's answer for a whole chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The provider's id of the request, where it gives one per request.
    pub request_id: Option<String>,
    /// What became of each recipient.
    pub verdicts: Verdicts,
    /// The price of the request as the provider states it.
    pub billed: Billed,
    /// Segments billed over all recipients, where the provider says.
    pub segments: Option<u64>,
}

/// What became of a chunk's recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdicts {
    /// All were taken under the request's id.
    AllAccepted,
    /// The request was answered, but not in a way that says who was taken.
    AllInDoubt {
        /// What does not fit.
        reason: Reason,
    },
    /// One verdict for each recipient of the chunk, in its order.
    Each(Vec<Verdict>),
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken; `id` where the provider names the message, `billed` where it prices it.
    Accepted {
        /// The message's own id.
        id: Option<String>,
        /// Its own price.
        billed: Option<Micros>,
        /// Its own segments, as the provider counts them.
        segments: Option<u32>,
    },
    /// Refused for good, with the provider's code.
    Refused {
        /// The provider's word for it.
        code: Reason,
    },
    /// Proved not to have been taken, for a reason that passes: pending again. What the lane does
    /// then is the rule of the class.
    NotTaken {
        /// What was seen: one whose rule says that nobody was taken, such as no funds.
        class: Class,
        /// The provider's word for it.
        reason: Reason,
    },
    /// The answer does not say.
    InDoubt {
        /// What is missing.
        reason: Reason,
    },
}

/// The price in a provider's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Billed {
    /// The answer has none.
    #[default]
    Unknown,
    /// In the account's currency, for the whole request.
    Money(Micros),
    /// In another unit, `Micros` of it, for the whole request: see [`Billed::in_currency`].
    Units(Micros),
}

impl Billed {
    /// The same bill to a plan that is priced in `currency`, from a provider whose other unit is
    /// called `unit`: where both words name one thing, such as credits, its units are the plan's
    /// money. Anything else stays as it is.
    ///
    /// `credit`, `CREDIT` and `CREDITS` name one thing: neither case nor an `s` at the end counts.
    #[must_use]
    pub fn in_currency(self, currency: &str, unit: &str) -> Self {
        let singular = |word| str::strip_suffix(word, ['s', 'S']).unwrap_or(word);
        match self {
            Self::Units(amount) if singular(currency).eq_ignore_ascii_case(singular(unit)) => {
                Self::Money(amount)
            }
            other => other,
        }
    }
}

/// An attempt without an answer for its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was seen; its rule says what to do.
    pub class: Class,
    /// For people: what was seen, without secrets, numbers or texts.
    pub reason: Reason,
    /// How long the provider asks to wait, where it says: 1 s to 366 days.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// The longest wait that a run keeps; whoever is asked for more stops.
    pub const LONGEST_WAIT: Duration = Duration::from_hours(1);

    /// A failure without a `Retry-After`.
    pub fn new(class: Class, reason: impl Into<Reason>) -> Self {
        Self { class, reason: reason.into(), retry_after: None }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A short text for people that is safe to show: at most 200 characters, no control or
/// direction-changing character, whoever wrote it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reason(String);

impl Reason {
    /// The most characters kept.
    pub const MAX: usize = 200;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for Reason {
    fn from(text: T) -> Self {
        let inert = |character: char| if is_steering(character) { ' ' } else { character };
        Self(text.as_ref().chars().take(Self::MAX).map(inert).collect())
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_money_to_a_plan_that_is_priced_in_them() {
        let (units, money) = (Billed::Units(Micros(3_000_000)), Billed::Money(Micros(3_000_000)));
        for (billed, currency, unit, becomes) in [
            (&units, "CREDIT", "credit", &money),
            (&units, "CREDITS", "credit", &money),
            (&units, "CREDIT", "credits", &money),
            (&units, "SMS", "sms", &money),
            (&units, "AUD", "credit", &units),
            (&units, "CREDITSS", "credit", &units),
            (&units, "CREDI", "credit", &units),
            (&money, "CREDIT", "credit", &money),
            (&money, "AUD", "credit", &money),
            (&Billed::Unknown, "CREDIT", "credit", &Billed::Unknown),
        ] {
            assert_eq!(
                &billed.clone().in_currency(currency, unit),
                becomes,
                "{billed:?}, {currency}, {unit}"
            );
        }
    }

    #[test]
    fn an_outcome_leaves_everybody_somewhere_and_nobody_accepted_without_an_answer() {
        for class in Class::ALL {
            let Totals { pending, accepted, refused, in_doubt } =
                Outcome::from(Failure::new(class, "")).totals(7);
            assert_eq!((pending + refused + in_doubt, accepted), (7, 0), "{class:?}");
        }
        let answered = |verdicts| {
            let answer = Answer { request_id: None, verdicts, billed: Billed::Unknown, segments: None };
            let Totals { pending, accepted, refused, in_doubt } = Outcome::Answered(answer).totals(4);
            (pending, accepted, refused, in_doubt)
        };
        let each = vec![
            Verdict::Accepted { id: None, billed: None, segments: None },
            Verdict::Refused { code: "x".into() },
            Verdict::NotTaken { class: Class::NoFunds, reason: "x".into() },
            Verdict::InDoubt { reason: "x".into() },
        ];
        assert_eq!(answered(Verdicts::AllAccepted), (0, 4, 0, 0));
        assert_eq!(answered(Verdicts::AllInDoubt { reason: "x".into() }), (0, 0, 0, 4));
        assert_eq!(answered(Verdicts::Each(each)), (1, 1, 1, 1));
    }

    #[test]
    fn a_reason_is_short_and_inert() {
        let hostile = format!("\u{1b}[2J<b>\r\n\u{202e}{}", "x".repeat(10_000));
        let reason = Reason::from(hostile);
        assert_eq!(reason.as_str().chars().count(), Reason::MAX);
        assert!(reason.as_str().starts_with(" [2J<b>   xx"));
    }
}
