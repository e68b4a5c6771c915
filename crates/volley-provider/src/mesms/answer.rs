//! What the provider's answers say.

use crate::{
    http::Reply,
    reading::{self, Object, Tally},
};
use secrecy::SecretString;
use std::sync::Arc;
use volley_core::{Answer, Billed, Chunk, Class, Failure, Outcome, Verdicts};

/// How an account's answers are read.
pub(super) struct Answers {
    /// What no message of ours may repeat.
    pub(super) key: SecretString,
}

impl Answers {
    /// What the answer to a request that carried `chunk` says was done with it.
    pub(super) fn outcome(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        match reading::object(reply) {
            Ok(object) if (200..=299).contains(&reply.status) => self.taken(chunk, reply, &object),
            Ok(object) => self.refusal(&chunk.texts, reply, &object).into(),
            Err(what) => self.not_the_api(&chunk.texts, reply, &what).into(),
        }
    }

    /// The object of an answer to a question that holds no error, or why it is not one. `texts`
    /// are those that the question was about.
    pub(super) fn success(&self, texts: &[Arc<str>], reply: &Reply) -> Result<Object, Failure> {
        let object = reading::object(reply).map_err(|what| self.not_the_api(texts, reply, &what))?;
        match reply.status {
            200..=299 if !is_refused(&object) => Ok(object),
            200..=299 => Err(Failure::new(Class::UnlistedCode, self.said(texts, reply.status, &object))),
            _ => Err(self.refusal(texts, reply, &object)),
        }
    }

    /// What a reply says whose status is a success and whose body is `object`.
    fn taken(&self, chunk: &Chunk, reply: &Reply, object: &Object) -> Outcome {
        if reading::field(object, "dryRun").and_then(reading::flag) == Some(true) {
            return Failure::new(Class::Unmatched, "the answer of a dry run to a real send").into();
        }
        let uuid = reading::field(object, "uuid").and_then(reading::id);
        let uuid = match (uuid, is_refused(object)) {
            (Some(uuid), false) => uuid,
            (Some(_), true) => {
                let said = self.said(&chunk.texts, reply.status, object);
                return Failure::new(Class::Unmatched, format!("an error beside a uuid: {said}")).into();
            }
            (None, true) => {
                let said = self.said(&chunk.texts, reply.status, object);
                return Failure::new(Class::UnlistedCode, said).into();
            }
            (None, false) => return Failure::new(Class::NoId, "a success status without a uuid").into(),
        };
        let sent = u64::from(chunk.len());
        let tally = Tally::of(object);
        let status = reading::field(object, "status").and_then(|value| value.as_str());
        let verdicts = match (tally, status) {
            (Tally::Of(taken), _) if taken > sent => {
                return Failure::new(Class::Unmatched, tally.mismatch(&uuid, sent)).into();
            }
            (Tally::Of(taken), _) if taken < sent => reading::all_in_doubt(&tally.mismatch(&uuid, sent)),
            (Tally::Unreadable, _) => reading::all_in_doubt(&tally.mismatch(&uuid, sent)),
            (_, Some(status @ ("failed" | "cancelled"))) => {
                reading::all_in_doubt(&format!("message {uuid} was answered as {status}"))
            }
            (Tally::Of(_) | Tally::Unsaid, _) => Verdicts::AllAccepted,
        };
        Outcome::Answered(Answer {
            request_id: Some(uuid),
            verdicts,
            billed: credits(object),
            segments: segments(object),
        })
    }

    /// What a reply says whose status is no success.
    ///
    /// Two codes belong to a cancellation and say that a message is on its way, and an answer
    /// with a uuid and no error contradicts its status: nothing is proved by them.
    fn refusal(&self, texts: &[Arc<str>], reply: &Reply, object: &Object) -> Failure {
        let has_uuid = reading::field(object, "uuid").and_then(reading::id).is_some();
        let code = reading::field(object, "code").and_then(|code| code.as_str());
        let class = match (reply.status, code) {
            (400..=499, Some("INSUFFICIENT_CREDITS")) => Class::NoFunds,
            (400..=499, Some("ALREADY_PROCESSING" | "NOT_SCHEDULED")) => Class::Conflict,
            (400..=499, None) if has_uuid && reading::field(object, "error").is_none() => Class::Unmatched,
            // What is behind a 5xx nobody knows, whatever it says of itself.
            (status, _) => Class::of_status(status),
        };
        reading::failure(class, reply, self.said(texts, reply.status, object))
    }

    fn not_the_api(&self, texts: &[Arc<str>], reply: &Reply, what: &str) -> Failure {
        let said = format!("{} with {what}", reply.status);
        let said = reading::without(&said, texts, std::slice::from_ref(&self.key));
        reading::failure(Class::of_status(reply.status), reply, said)
    }

    /// The provider's code and words, safe to show.
    fn said(&self, texts: &[Arc<str>], status: u16, object: &Object) -> String {
        let mut said = status.to_string();
        for (name, separator) in [("code", " "), ("error", ": ")] {
            if let Some(words) = reading::field(object, name).and_then(|value| value.as_str()) {
                said.push_str(separator);
                said.push_str(words);
            }
        }
        reading::without(&said, texts, std::slice::from_ref(&self.key))
    }
}

/// Whether an answer names an error.
fn is_refused(object: &Object) -> bool {
    ["error", "code"].iter().any(|name| reading::field(object, name).is_some())
}

/// What an answer says that is billed, in credits.
pub(super) fn credits(object: &Object) -> Billed {
    reading::field(object, "credits").and_then(reading::amount).map_or(Billed::Unknown, Billed::Units)
}

/// The segments over all recipients, where an answer says both how many those are and how many
/// parts each gets.
pub(super) fn segments(object: &Object) -> Option<u64> {
    let parts = reading::field(object, "parts").and_then(reading::count)?;
    match Tally::of(object) {
        Tally::Of(taken) => parts.checked_mul(taken),
        Tally::Unsaid | Tally::Unreadable => None,
    }
}
