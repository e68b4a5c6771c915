//! What the provider's answers say: the code first, then who of a request was taken.

use super::{settings::Format, xml};
use crate::{
    http::Reply,
    reading::{self, Object, Tally},
};
use secrecy::SecretString;
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use volley_core::{Answer, Billed, Chunk, Class, Failure, Outcome, Planned, Reason, Verdict, Verdicts};

/// How an account's answers are read.
pub(super) struct Answers {
    pub(super) format: Format,
    /// What no message of ours may repeat.
    pub(super) secrets: Vec<SecretString>,
}

impl Answers {
    /// What the answer to a request that carried `chunk` says was done with it.
    pub(super) fn outcome(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        match self.success(&chunk.texts, reply) {
            Ok(object) => taken(chunk, &object),
            Err(failure) => failure.into(),
        }
    }

    /// The object of an answer that says `SUCCESS` under a success status, or why it is not one.
    /// `texts` are those that the request was about.
    pub(super) fn success(&self, texts: &[Arc<str>], reply: &Reply) -> Result<Object, Failure> {
        let object = match self.format {
            Format::Json => reading::object(reply),
            Format::Xml => xml::object(reply),
        };
        let object = object.map_err(|what| {
            let said = format!("{} with {what}", reply.status);
            let said = reading::without(&said, texts, &self.secrets);
            reading::failure(Class::of_status(reply.status), reply, said)
        })?;
        let error = Error::of(&object);
        let class = match (reply.status, error.code) {
            (200..=299, Some("SUCCESS")) => return Ok(object),
            (200..=299, Some(code)) => class_of(code).unwrap_or(Class::UnlistedCode),
            (200..=299, None) => {
                return Err(Failure::new(Class::UnlistedCode, "a success status without error.code"));
            }
            // The status says no and the body says yes: nothing is proved.
            (400..=499, Some("SUCCESS")) => Class::Unmatched,
            (400..=499, Some(code)) => class_of(code).unwrap_or(Class::of_status(reply.status)),
            // What is behind a 5xx nobody knows, whatever it says of itself.
            (status, _) => Class::of_status(status),
        };
        Err(reading::failure(class, reply, self.said(texts, reply.status, &error)))
    }

    /// The provider's code and words, safe to show.
    fn said(&self, texts: &[Arc<str>], status: u16, error: &Error<'_>) -> String {
        let code = error.code.unwrap_or("no error.code");
        let words = error.description.and_then(Value::as_str).unwrap_or_default();
        let separator = if words.is_empty() { "" } else { ": " };
        reading::without(&format!("{status} {code}{separator}{words}"), texts, &self.secrets)
    }
}

/// The `error` block, which stands in success replies too.
struct Error<'a> {
    code: Option<&'a str>,
    /// Text, or an object with lists of numbers.
    description: Option<&'a Value>,
}

impl<'a> Error<'a> {
    fn of(object: &'a Object) -> Self {
        let block = object.get("error").and_then(Value::as_object);
        Self {
            code: block.and_then(|block| block.get("code")).and_then(Value::as_str),
            description: block.and_then(|block| block.get("description")),
        }
    }
}

/// The provider's list of codes; under a success status they mean the same.
///
/// `NO_ACCESS` is a feature or resource that is not the account's, not a wrong key.
fn class_of(code: &str) -> Option<Class> {
    Some(match code {
        "AUTH_FAILED_NO_DATA" | "AUTH_FAILED" => Class::Credentials,
        "NOT_IMPLEMENTED" => Class::WrongAddress,
        "OVER_LIMIT" => Class::Throttled,
        "LEDGER_ERROR" => Class::NoFunds,
        "FIELD_EMPTY" | "FIELD_INVALID" | "NO_ACCESS" | "KEY_EXISTS" | "NOT_FOUND" | "BAD_CALLER_ID"
        | "LIST_EMPTY" | "RECIPIENTS_ERROR" => Class::BadRequest,
        _ => return None,
    })
}

/// What the body of a success says of `chunk`.
fn taken(chunk: &Chunk, object: &Object) -> Outcome {
    let Some(message_id) = reading::field(object, "message_id").and_then(reading::id) else {
        return Failure::new(Class::NoId, "SUCCESS without a message_id").into();
    };
    let verdicts = match verdicts(chunk, object, &message_id) {
        Ok(verdicts) => verdicts,
        Err(surplus) => return surplus.into(),
    };
    let cost = reading::field(object, "cost").and_then(reading::amount);
    Outcome::Answered(Answer {
        request_id: Some(message_id),
        verdicts,
        billed: cost.map_or(Billed::Unknown, Billed::Money),
        segments: reading::field(object, "sms").and_then(reading::count),
    })
}

/// Who of `chunk` was taken. The error is a count above what was sent.
///
/// `recipients` counts the taken ones. The lists `fails` and `optouts` explain who is missing if
/// they name exactly as many people of the chunk as the count leaves out; else nobody can be told
/// from the others and all are in doubt.
fn verdicts(chunk: &Chunk, object: &Object, message_id: &str) -> Result<Verdicts, Failure> {
    let sent = u64::from(chunk.len());
    let tally = Tally::of(object);
    if matches!(tally, Tally::Of(taken) if taken > sent) {
        return Err(Failure::new(Class::Unmatched, tally.mismatch(message_id, sent)));
    }
    let left_out = left_out(chunk, object).filter(|left_out| match tally {
        Tally::Unsaid => true,
        Tally::Unreadable => false,
        Tally::Of(taken) => sent - taken == left_out.len() as u64,
    });
    Ok(match left_out {
        Some(left_out) if left_out.is_empty() => Verdicts::AllAccepted,
        Some(left_out) => {
            let verdict = |one: &Planned| match left_out.get(&one.to.digits()) {
                Some(&list) => Verdict::Refused { code: Reason::from(list) },
                None => Verdict::Accepted { id: None, billed: None, segments: None },
            };
            Verdicts::Each(chunk.recipients.iter().map(verdict).collect())
        }
        None => reading::all_in_doubt(&tally.mismatch(message_id, sent)),
    })
}

/// The numbers that the reply lists as left out, each with the name of its list; `None` where an
/// entry is nobody of `chunk`.
fn left_out(chunk: &Chunk, object: &Object) -> Option<HashMap<u64, &'static str>> {
    let inside = Error::of(object).description.and_then(Value::as_object);
    let mut entries = Vec::new();
    for holder in [Some(object), inside].into_iter().flatten() {
        for list in ["fails", "optouts"] {
            let listed = holder.get(list).and_then(Value::as_array);
            entries.extend(listed.into_iter().flatten().map(|entry| (entry, list)));
        }
    }
    if entries.is_empty() {
        return Some(HashMap::new());
    }
    let sent: HashSet<u64> = chunk.recipients.iter().map(|one| one.to.digits()).collect();
    entries
        .into_iter()
        .map(|(entry, list)| {
            let digits = match entry {
                Value::String(text) => text.trim().trim_start_matches('+').parse().ok(),
                entry => entry.as_u64(),
            };
            digits.filter(|digits| sent.contains(digits)).map(|digits| (digits, list))
        })
        .collect()
}
