//! An HTTP request and its reply as plain values: what an adapter makes, and what it reads.

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use std::{borrow::Cow, fmt, sync::Arc};
use volley_core::UnixMillis;

/// A request to be sent, complete but for the connection.
#[derive(Debug)]
pub struct HttpRequest {
    /// What it asks for. Sending is a POST unless the account asks for something else: a GET could
    /// be repeated by a proxy, and carries numbers and texts in its address.
    pub method: Method,
    /// Absolute, `https://`, or `http://` for a loopback address. Holds no secret.
    pub url: String,
    /// What the address goes on with behind [`url`](Self::url) where that holds a secret: the last
    /// parts of a path, a query with its `?`. Never shown: `Debug` hides it.
    pub secret_tail: Option<SecretString>,
    /// In the order they are written; lower-case names.
    pub headers: Vec<Header>,
    /// What follows the head.
    pub body: Body,
}

impl HttpRequest {
    /// The whole address, to be sent and never shown.
    pub fn address(&self) -> Cow<'_, str> {
        match &self.secret_tail {
            None => Cow::Borrowed(&self.url),
            Some(tail) => Cow::Owned(format!("{}{}", self.url, tail.expose_secret())),
        }
    }
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads, and changes nothing.
    Get,
    /// Everything else.
    Post,
}

impl Method {
    /// As it stands in a request line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// One header line.
#[derive(Debug)]
pub struct Header {
    /// Lower case.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: HeaderValue,
}

impl Header {
    /// A line that may be logged.
    pub fn plain(name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: HeaderValue::Plain(value.into()) }
    }

    /// A line whose value is never shown.
    pub fn secret(name: impl Into<Cow<'static, str>>, value: SecretString) -> Self {
        Self { name: name.into(), value: HeaderValue::Secret(value) }
    }
}

/// The value of a header, which may be a credential.
#[derive(Debug)]
pub enum HeaderValue {
    /// May be logged.
    Plain(String),
    /// Never shown: `Debug` hides it.
    Secret(SecretString),
}

/// A request body of known length.
#[derive(Clone)]
pub enum Body {
    /// In memory.
    Whole(Bytes),
    /// Made piece by piece while it is sent, from a chunk that is in memory anyway.
    Streamed(Arc<dyn BodySource>),
}

/// A body that is written while it is sent. The same source always gives the same bytes.
pub trait BodySource: Send + Sync {
    /// The exact number of bytes that [`frames`](Self::frames) gives in all.
    fn length(&self) -> u64;
    /// The body from its start, in pieces of at most 64 KiB.
    fn frames(self: Arc<Self>) -> Box<dyn Iterator<Item = Bytes> + Send>;
}

impl Body {
    /// Bytes in all.
    pub fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Streamed(source) => source.length(),
        }
    }

    /// The body from its start, piece by piece.
    pub fn frames(&self) -> Box<dyn Iterator<Item = Bytes> + Send> {
        match self {
            Self::Whole(bytes) => Box::new(std::iter::once(bytes.clone())),
            Self::Streamed(source) => Arc::clone(source).frames(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.length())
    }
}

/// A reply whose head and body arrived whole.
#[derive(Clone)]
pub struct Reply {
    /// The HTTP status, 100 to 599.
    pub status: u16,
    /// Lower-case names; at least `content-type`, `date` and `retry-after` where the reply has them as
    /// text.
    pub headers: Vec<(String, String)>,
    /// At most 256 KiB, and never compressed.
    pub body: Bytes,
    /// When it had arrived.
    pub at: UnixMillis,
}

impl Reply {
    /// The first value of `name`, which is lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status, self.body.len())
    }
}
