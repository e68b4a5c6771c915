//! What the provider says when it calls us.
//!
//! No page shows such a call, so JSON, forms and queries are read alike, and nothing is signed:
//! that it came to an address with a secret in it is all there is.

use super::message::{Message, listed};
use crate::{
    inquiry::{Callback, CallbackFault, Event},
    reading::Object,
};
use serde_json::Value;

/// The receipts and replies of one call.
pub(super) fn events(callback: &Callback) -> Result<Vec<Event>, CallbackFault> {
    let body = body_of(callback);
    let messages = match listed(&body) {
        Some(list) => list.into_iter().filter_map(Message::of).collect(),
        None => Vec::from_iter(Message::of(&body)),
    };
    let events: Option<Vec<Event>> = messages.into_iter().map(event).collect();
    events.filter(|events| !events.is_empty()).ok_or(CallbackFault::Meaning)
}

/// The call's own JSON, or the fields of its form, or those of its query.
fn body_of(callback: &Callback) -> Value {
    let is_json = callback.body.trim_ascii_start().first().is_some_and(|byte| matches!(byte, b'{' | b'['));
    if is_json {
        return serde_json::from_slice(&callback.body).unwrap_or_default();
    }
    let form = if callback.body.is_empty() { callback.query.as_bytes() } else { &callback.body };
    let fields =
        form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), value.into_owned().into()));
    Value::Object(fields.collect::<Object>())
}

/// A message to us is a reply. So is one of which nothing is said but who wrote what.
fn event(one: Message<'_>) -> Option<Event> {
    let reply = one.sender_number().zip(one.text());
    let is_told_of = one.status().is_some() || one.fault().is_some() || one.external_id().is_some();
    if one.is_incoming() || (!is_told_of && reply.is_some()) {
        return reply.map(|(from, text)| Event::Reply { from, text: text.to_owned(), opts_out: None });
    }
    one.receipt().map(Event::Receipt)
}
