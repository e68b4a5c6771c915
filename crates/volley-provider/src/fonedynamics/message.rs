//! A message as the provider shows it: in answers, in lists, and when it calls us.
//!
//! Field names are read in any case, a null is a field that is not there, and a message may stand
//! under `Message`.

use crate::reading::{self, Object};
use serde_json::Value;
use volley_core::{Delivery, Msisdn, Receipt, UnixMillis};

/// The fields of one message.
#[derive(Clone, Copy)]
pub(super) struct Message<'a>(&'a Object);

impl<'a> Message<'a> {
    /// `value`, or what it holds under `Message`; `None` for anything but an object.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        let object = value.as_object()?;
        let inner = field(object, "Message").and_then(Value::as_object);
        Some(Self(inner.unwrap_or(object)))
    }

    /// Its `MessageSid`.
    pub(super) fn id(self) -> Option<String> {
        field(self.0, "MessageSid").and_then(reading::id)
    }

    /// Our own word for it: what the request called its `ExternalId`.
    pub(super) fn external_id(self) -> Option<&'a str> {
        self.words("ExternalId")
    }

    /// Why it was refused or failed.
    pub(super) fn fault(self) -> Option<Fault<'a>> {
        Fault::of(self.0)
    }

    /// Who it is for.
    pub(super) fn to(self) -> Option<Msisdn> {
        field(self.0, "To").and_then(reading::number)
    }

    /// Who it comes from, as written: a number or a name.
    pub(super) fn sender(self) -> Option<&'a str> {
        self.words("From")
    }

    /// The same, where it is a number.
    pub(super) fn sender_number(self) -> Option<Msisdn> {
        field(self.0, "From").and_then(reading::number)
    }

    /// What it says.
    pub(super) fn text(self) -> Option<&'a str> {
        field(self.0, "Text").and_then(Value::as_str)
    }

    /// The provider's word for what became of it.
    pub(super) fn status(self) -> Option<&'a str> {
        self.words("Status")
    }

    /// How many segments it was sent as.
    pub(super) fn segments(self) -> Option<u32> {
        field(self.0, "NumSegments").and_then(reading::count).and_then(|count| u32::try_from(count).ok())
    }

    /// When the provider took it.
    pub(super) fn created(self) -> Option<UnixMillis> {
        self.time("Created")
    }

    /// Whether somebody sent it to us.
    pub(super) fn is_incoming(self) -> bool {
        let is = |name, word| self.words(name).is_some_and(|said: &str| said.eq_ignore_ascii_case(word));
        is("Direction", "Receive") || is("Status", "Received")
    }

    /// What became of it, by the provider's five words; `None` for a message of which nothing is
    /// said that would tell it from others.
    pub(super) fn receipt(self) -> Option<Receipt> {
        let (message_id, reference) = (self.id(), self.external_id().map(str::to_owned));
        if message_id.is_none() && reference.is_none() {
            return None;
        }
        let status = self.status();
        let (delivery, at) = match status.map(str::to_ascii_lowercase).as_deref() {
            Some("processing") => (Some(Delivery::Queued), self.time("Created")),
            Some("submitted") => (Some(Delivery::Sent), self.time("Submitted")),
            Some("delivered") => (Some(Delivery::Delivered), self.time("Delivered")),
            Some("failed") => (Some(Delivery::Failed), None),
            _ => (None, None),
        };
        let reason = self.fault().and_then(|fault| fault.code);
        let words: Vec<&str> = status.into_iter().chain(reason.as_deref()).collect();
        Some(Receipt {
            message_id,
            to: self.to(),
            reference,
            delivery,
            code: (!words.is_empty()).then(|| reading::without(&words.join(" "), &[], &[]).into()),
            at,
            ..Receipt::default()
        })
    }

    fn words(self, name: &str) -> Option<&'a str> {
        let words = field(self.0, name)?.as_str()?.trim();
        (!words.is_empty()).then_some(words)
    }

    /// Unix seconds, as a number or as text.
    fn time(self, name: &str) -> Option<UnixMillis> {
        let seconds = field(self.0, name).and_then(reading::count).filter(|seconds| *seconds > 0)?;
        i64::try_from(seconds).ok()?.checked_mul(1_000).map(UnixMillis)
    }
}

/// A refusal in the provider's words, as a part of a message or of a whole answer.
pub(super) struct Fault<'a> {
    pub(super) code: Option<String>,
    pub(super) words: Option<&'a str>,
}

impl<'a> Fault<'a> {
    /// What `object` says of a refusal, under `ResponseStatus` or by itself. A zero or empty code
    /// is none.
    pub(super) fn of(object: &'a Object) -> Option<Self> {
        let block = field(object, "ResponseStatus").and_then(Value::as_object).unwrap_or(object);
        let code = match field(block, "ErrorCode") {
            Some(Value::Number(number)) => Some(number.to_string()).filter(|code| code != "0"),
            Some(Value::String(code)) => Some(code.trim().to_owned()).filter(|code| !code.is_empty()),
            // Something is wrong, whatever it is called.
            Some(Value::Bool(true) | Value::Array(_) | Value::Object(_)) => Some("unreadable".to_owned()),
            _ => None,
        };
        let words = field(block, "Message").and_then(Value::as_str).filter(|words| !words.is_empty());
        (code.is_some() || words.is_some()).then_some(Self { code, words })
    }
}

/// The messages of a body: a bare array, an array under `Messages`, or a single one under
/// `Message` or by itself. A null list has none; `None` where there is no place for any.
pub(super) fn listed(body: &Value) -> Option<Vec<&Value>> {
    let object = match body {
        Value::Array(items) => return Some(items.iter().collect()),
        Value::Object(object) => object,
        _ => return None,
    };
    match any_case(object, "Messages") {
        Some(Value::Array(items)) => return Some(items.iter().collect()),
        Some(Value::Null) => return Some(Vec::new()),
        _ => {}
    }
    let is_one = field(object, "Message").is_some_and(Value::is_object)
        || ["MessageSid", "ExternalId"].iter().any(|name| field(object, name).is_some());
    is_one.then(|| vec![body])
}

/// A field that is there and not null.
pub(super) fn field<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    any_case(object, name).filter(|value| !value.is_null())
}

fn any_case<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    let alike = || object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    object.get(name).or_else(alike)
}
