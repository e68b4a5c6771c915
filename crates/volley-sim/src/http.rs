//! Requests and answers as plain values, without a connection.

use crate::wire::Breakage;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use std::{fmt, time::Duration};

/// One HTTP request, whole.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, … in capitals.
    pub method: String,
    /// The path as it was sent, from its first slash, without the query.
    pub path: String,
    /// What stands behind the `?`, not decoded; empty without one.
    pub query: String,
    /// Names and values in the order they came; names in any case.
    pub headers: Vec<(String, String)>,
    /// The body, transfer encoding taken off.
    pub body: Bytes,
}

impl Request {
    /// The first value of header `name`, or `None` without one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |header: &&(String, String)| header.0.eq_ignore_ascii_case(name);
        self.headers.iter().find(named).map(|header| header.1.as_str())
    }

    /// The name and the password of its Basic credentials (RFC 7617); `None` without readable ones.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        pair.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
    }

    /// Whether the body is declared to be of `media_type`; parameters such as a charset aside.
    pub(crate) fn is_of_type(&self, media_type: &str) -> bool {
        let declared = self.header("content-type").unwrap_or_default();
        let declared = declared.split(';').next().unwrap_or_default();
        declared.trim().eq_ignore_ascii_case(media_type)
    }
}

/// Shows no header, query or body: they hold credentials, numbers and texts.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {}, {} body bytes)", self.method, self.path, self.body.len())
    }
}

/// One HTTP reply, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 100 to 599; 0 where the gateway made no reply at all.
    pub status: u16,
    /// Names in small letters, and values. Length, date and connection are the server's to add.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A reply of `media_type`.
    pub(crate) fn new(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        Self { status, headers: vec![("content-type", media_type.to_owned())], body: body.into() }
    }

    /// What a proxy or a log-in page answers.
    pub(crate) fn page(status: u16) -> Self {
        let body = format!("<!DOCTYPE html>\n<html><head><title>{status}</title></head></html>\n");
        Self::new(status, "text/html; charset=utf-8", body)
    }

    /// No reply was made.
    pub(crate) fn none() -> Self {
        Self { status: 0, headers: Vec::new(), body: Bytes::new() }
    }

    /// The same reply with a `Retry-After`, where there is one to give.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, retry_after: Option<&str>) -> Self {
        self.headers.extend(retry_after.map(|text| ("retry-after", text.to_owned())));
        self
    }
}

/// What the gateway does with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The reply; `wire` says how much of it leaves.
    pub reply: Reply,
    /// How long to wait before the wire does anything.
    pub delay: Duration,
    /// What happens on the connection.
    pub wire: Wire,
}

/// What happens on the connection once the gateway has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// The reply leaves whole and the connection stays open.
    Whole,
    /// The connection is reset before the body was read; nothing was taken.
    ResetBeforeReading,
    /// The connection closes after the request was read; no byte of the reply leaves.
    LoseReply,
    /// The connection stays open and nothing ever leaves.
    Stall,
    /// The reply's head leaves, then this many bytes of its body, then the connection closes. A
    /// body that is not longer leaves whole.
    CutAfter(usize),
    /// The reply is broken below HTTP.
    Broken(Breakage),
}
