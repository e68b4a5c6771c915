//! What a reply means, by the statuses and codes that a definition lists.
//!
//! The failure table's own reading of a status is where everything starts from. A definition may
//! say more exactly what a refusal is, and may say of a status that leaves doubt that nothing was
//! taken, where its provider's documents prove that. It can accept nobody without an id under a
//! success status.

use crate::reading;
use serde_json::Value;
use std::collections::BTreeMap;
use volley_core::{Answer, Class, ReplyPrice, Taken};

/// What a status or a code in a reply means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Accepted,
    Refused,
    Throttled,
    NoFunds,
    Credentials,
    NotTaken,
}

impl Meaning {
    /// All of them, by the tables that list them.
    pub(super) const ALL: [(&'static str, Self); 6] = [
        ("accepted", Self::Accepted),
        ("refused", Self::Refused),
        ("throttled", Self::Throttled),
        ("no_funds", Self::NoFunds),
        ("credentials", Self::Credentials),
        ("not_taken", Self::NotTaken),
    ];

    /// The row of the failure table; `None` for what is no failure.
    const fn class(self) -> Option<Class> {
        match self {
            Self::Accepted => None,
            Self::Refused => Some(Class::BadRequest),
            Self::Throttled => Some(Class::Throttled),
            Self::NoFunds => Some(Class::NoFunds),
            Self::Credentials => Some(Class::Credentials),
            Self::NotTaken => Some(Class::UnavailableUntaken),
        }
    }
}

/// Where a reply says what, as JSON pointers (RFC 6901), and what its statuses and codes mean.
pub(super) struct Replies {
    pub(super) id: String,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) parts: Option<String>,
    pub(super) price: Option<String>,
    pub(super) price_unit: ReplyPrice,
    /// Without an accepted one, every success status is.
    pub(super) statuses: BTreeMap<u16, Meaning>,
    /// Without an accepted one, a reply that takes a message has no code.
    pub(super) codes: BTreeMap<String, Meaning>,
}

impl Replies {
    /// What a reply with this status and this JSON says: taken, or the class of the failure.
    pub(super) fn judge(&self, status: u16, body: &Value) -> Result<Answer, Class> {
        let code = self.code(body);
        let listed = code.as_ref().map(|code| self.codes.get(code).copied());
        let by_code = listed.flatten().and_then(Meaning::class);
        let says_taken = match listed {
            Some(meaning) => meaning == Some(Meaning::Accepted),
            None => !self.codes.values().any(|meaning| *meaning == Meaning::Accepted),
        };
        let id = at(body, Some(&self.id)).and_then(reading::id);
        if (200..=299).contains(&status) {
            return match (says_taken && self.is_success(status), id) {
                (true, Some(id)) => Ok(self.answer(id, body)),
                (true, None) => Err(Class::NoId),
                (false, _) => Err(by_code.unwrap_or(Class::UnlistedCode)),
            };
        }
        let by_status = self.statuses.get(&status).copied().and_then(Meaning::class);
        let usual = Class::of_status(status);
        Err(match by_status {
            None if usual.rule().taken == Taken::Maybe => usual,
            // The status says no and the body says yes: nothing is proved.
            _ if says_taken && id.is_some() => Class::Unmatched,
            by_status => by_code.or(by_status).unwrap_or(usual),
        })
    }

    /// What a reply with this status says whose body is not JSON. It need not come from the API:
    /// what the definition lists is heard where that cannot turn doubt into a refusal.
    pub(super) fn judge_status(&self, status: u16) -> Class {
        let usual = Class::of_status(status);
        let by_status = self.statuses.get(&status).copied().and_then(Meaning::class);
        by_status.filter(|_| usual.rule().taken == Taken::No).unwrap_or(usual)
    }

    fn is_success(&self, status: u16) -> bool {
        match self.statuses.get(&status) {
            Some(meaning) => *meaning == Meaning::Accepted,
            None => !self.statuses.values().any(|meaning| *meaning == Meaning::Accepted),
        }
    }

    fn answer(&self, id: String, body: &Value) -> Answer {
        // Some providers count the parts later and answer 0 until then.
        let parts = at(body, self.parts.as_ref()).and_then(reading::count).filter(|parts| *parts > 0);
        let price = at(body, self.price.as_ref()).and_then(reading::amount);
        reading::taken(id, None, self.price_unit, price, parts)
    }

    /// The code in a reply, as definitions write it.
    pub(super) fn code(&self, body: &Value) -> Option<String> {
        match at(body, self.code.as_ref())? {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            other => Some(other.to_string()),
        }
    }

    /// The words in a reply.
    pub(super) fn message<'a>(&self, body: &'a Value) -> Option<&'a str> {
        at(body, self.message.as_ref())?.as_str()
    }
}

/// What a pointer points to, unless that is null.
fn at<'a>(body: &'a Value, pointer: Option<&String>) -> Option<&'a Value> {
    body.pointer(pointer?).filter(|value| !value.is_null())
}
