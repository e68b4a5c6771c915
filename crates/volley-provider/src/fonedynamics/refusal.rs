//! What the provider's refusals mean to one account.
//!
//! No page lists the codes. An account that knows some of them names them in its settings; all
//! others mean what their HTTP status does.

use super::message::Fault;
use crate::{http::Reply, reading};
use secrecy::SecretString;
use serde_json::Value;
use std::sync::Arc;
use volley_core::{Class, Failure};

/// The codes that an account lists, and what no word of the provider's may repeat.
pub(super) struct Refusals {
    pub(super) transient: Vec<String>,
    pub(super) no_funds: Vec<String>,
    pub(super) secrets: Vec<SecretString>,
}

impl Refusals {
    /// What `code` means where the account lists it, in any case, or where it is a word for an empty
    /// account: the provider publishes no codes, and whoever is refused for good for lack of credit
    /// would never get the text.
    pub(super) fn class_of(&self, code: &str) -> Option<Class> {
        let is_in = |codes: &[String]| codes.iter().any(|listed| listed.eq_ignore_ascii_case(code));
        let upper = code.to_ascii_uppercase();
        let is_about_money = ["FUNDS", "CREDIT", "BALANCE"].iter().any(|word| upper.contains(word));
        if is_in(&self.no_funds) || (is_about_money && !is_in(&self.transient)) {
            Some(Class::NoFunds)
        } else if is_in(&self.transient) {
            Some(Class::Throttled)
        } else {
            None
        }
    }

    /// A refusal of the whole request: its code where the account lists that, then `otherwise`.
    pub(super) fn failure(
        &self,
        otherwise: Class,
        reply: &Reply,
        body: &Value,
        texts: &[Arc<str>],
    ) -> Failure {
        let class = code_of(body).and_then(|code| self.class_of(&code)).unwrap_or(otherwise);
        reading::failure(class, reply, self.said(reply.status, body, texts))
    }

    /// What a status says by itself, with the provider's words.
    pub(super) fn by_status(&self, reply: &Reply, body: &Value, texts: &[Arc<str>]) -> Failure {
        reading::failure(Class::of_status(reply.status), reply, self.said(reply.status, body, texts))
    }

    /// A reply that is not the API's, because `what` stands in place of its JSON.
    pub(super) fn foreign(&self, reply: &Reply, what: &str, texts: &[Arc<str>]) -> Failure {
        let said = self.safe(&format!("{} with {what}", reply.status), texts);
        reading::failure(Class::of_status(reply.status), reply, said)
    }

    /// The JSON of a success reply to a question about messages with `texts`, or why it was not
    /// answered.
    pub(super) fn success(&self, reply: &Reply, texts: &[Arc<str>]) -> Result<Value, Failure> {
        let body = reading::value(reply).map_err(|what| self.foreign(reply, &what, texts))?;
        match reply.status {
            200..=299 => Ok(body),
            400..=499 => Err(self.failure(Class::of_status(reply.status), reply, &body, texts)),
            _ => Err(self.by_status(reply, &body, texts)),
        }
    }

    /// A success reply without messages: a refusal after all, or `otherwise`.
    pub(super) fn without_messages(
        &self,
        otherwise: Class,
        reply: &Reply,
        body: &Value,
        texts: &[Arc<str>],
    ) -> Failure {
        match code_of(body) {
            Some(_) => self.failure(Class::UnlistedCode, reply, body, texts),
            None => Failure::new(otherwise, format!("{} without a message in it", reply.status)),
        }
    }

    /// `words` without anything that nobody may see.
    pub(super) fn safe(&self, words: &str, texts: &[Arc<str>]) -> String {
        reading::without(words, texts, &self.secrets)
    }

    /// The status, the provider's code and its words, safe to show.
    fn said(&self, status: u16, body: &Value, texts: &[Arc<str>]) -> String {
        let fault = fault_of(body);
        let code = fault.as_ref().and_then(|fault| fault.code.as_deref()).unwrap_or("no ErrorCode");
        let words = fault.as_ref().and_then(|fault| fault.words).unwrap_or_default();
        let separator = if words.is_empty() { "" } else { ": " };
        self.safe(&format!("{status} {code}{separator}{words}"), texts)
    }
}

/// The refusal of a whole body.
fn fault_of(body: &Value) -> Option<Fault<'_>> {
    body.as_object().and_then(Fault::of)
}

fn code_of(body: &Value) -> Option<String> {
    fault_of(body)?.code
}
