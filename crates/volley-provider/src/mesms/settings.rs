//! The account's own settings: where its calls are, and how a price is asked for.
//!
//! The provider's documents lost the paths of five calls. What stands here for them is a guess
//! after the two that are told, so each is a setting.

use crate::{base_url::path_of, option::Named, registry::SettingsError};

/// What stands in a path for the provider's id of a message.
const UUID: &str = "{uuid}";

/// Where the calls of an account are, each with a `/` in front.
pub(super) struct Paths {
    pub(super) send: String,
    pub(super) preview: String,
    pub(super) list: String,
    pub(super) credits: String,
    pub(super) senders: String,
    cancel: String,
    recipients: String,
}

impl Paths {
    pub(super) fn new(settings: Named<'_>) -> Result<Self, SettingsError> {
        let path =
            |name, usual: &'static str| settings.or(name, usual.to_owned(), |value| path(value, usual));
        let of_message = |name, usual: &'static str| {
            settings.or(name, usual.to_owned(), |value| path_of_message(value, usual))
        };
        Ok(Self {
            send: path("send_path", "/api/v2/sms/send")?,
            preview: path("preview_path", "/api/v2/sms/preview")?,
            list: path("list_path", "/api/v2/sms")?,
            credits: path("credits_path", "/api/v2/credits")?,
            senders: path("senders_path", "/api/v2/senders")?,
            cancel: of_message("cancel_path", "/api/v2/sms/{uuid}/cancel")?,
            recipients: of_message("recipients_path", "/api/v2/sms/{uuid}/recipients")?,
        })
    }

    /// Where a message is taken back; `None` for an id that no path can hold.
    pub(super) fn cancel(&self, uuid: &str) -> Option<String> {
        Some(self.cancel.replace(UUID, &segment(uuid)?))
    }

    /// Where the recipients of a message are; `None` for an id that no path can hold.
    pub(super) fn recipients(&self, uuid: &str) -> Option<String> {
        Some(self.recipients.replace(UUID, &segment(uuid)?))
    }
}

fn path(value: &str, usual: &str) -> Result<String, String> {
    match path_of(value) {
        Ok(path) if path.is_empty() => Err(format!("it is empty; the usual one is {usual}")),
        Ok(path) => Ok(path),
        Err(fault) => Err(fault.to_string()),
    }
}

fn path_of_message(value: &str, usual: &str) -> Result<String, String> {
    // Any sign that a path may hold stands in for the id while the rest is checked.
    let stand_in = "~uuid~";
    if !value.contains(UUID) || value.contains(stand_in) {
        return Err(format!("it must have {UUID} where a message's id belongs; the usual one is {usual}"));
    }
    Ok(path(&value.replace(UUID, stand_in), usual)?.replace(stand_in, UUID))
}

/// An id as a part of a path, everything but letters, digits and `-._~` percent-encoded. `None`
/// for one that would change its meaning: nothing, `.` and `..`.
pub(super) fn segment(id: &str) -> Option<String> {
    if id.bytes().all(|byte| byte == b'.') {
        return None;
    }
    let mut segment = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(segment)
}

/// How a price is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuoteBy {
    /// By a call of its own, which can send nothing.
    Preview,
    /// By a send call that says it is none.
    DryRun,
}

pub(super) fn quote_by(settings: Named<'_>) -> Result<QuoteBy, SettingsError> {
    settings.or("quote_by", QuoteBy::Preview, |value| match value {
        "preview" => Ok(QuoteBy::Preview),
        "dry_run" => Ok(QuoteBy::DryRun),
        other => Err(format!("it must be preview or dry_run, not `{other}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_part_of_its_path() {
        for (id, part) in [
            ("0d8f7c52-6a1e", Some("0d8f7c52-6a1e")),
            ("a/b?c#d%e", Some("a%2Fb%3Fc%23d%25e")),
            ("a b", Some("a%20b")),
            ("..a", Some("..a")),
            ("..", None),
            (".", None),
            ("", None),
        ] {
            assert_eq!(segment(id).as_deref(), part, "{id}");
        }
    }

    #[test]
    fn a_path_of_a_message_says_where_its_id_belongs() {
        let usual = "/sms/{uuid}/cancel";
        let read = |value| path_of_message(value, usual);
        assert_eq!(read("v3/{uuid}/stop/"), Ok("/v3/{uuid}/stop".to_owned()));
        for wrong in
            ["", "/sms/cancel", "/sms/{uuid}?x=1", "/sms/../{uuid}", "/sms/{uuid}/{id}", "/~uuid~/{uuid}"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
