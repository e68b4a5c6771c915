//! What can be asked of a provider beside sending: balance, senders, a price, what became of
//! messages, whether a lost request was taken, and to take a scheduled one back.
//!
//! Every question is a request and the reader of its answer in one value. A provider that has no
//! such call gives none. All of them can be asked twice without harm.

use crate::{
    adapter::SendCall,
    http::{HttpRequest, Reply},
};
use bytes::Bytes;
use std::{collections::HashSet, fmt, sync::Arc};
use volley_core::{Billed, Failure, Micros, Msisdn, Reason, Receipt, UnixMillis};

/// A question: the request that asks it, and what its answer means.
pub struct Inquiry<T> {
    /// The request.
    pub request: HttpRequest,
    read: Box<Read<T>>,
}

/// What an answer means.
type Read<T> = dyn FnOnce(&Reply) -> Result<T, Failure> + Send;

impl<T> Inquiry<T> {
    /// A question that `request` asks and whose answer `read` understands.
    pub fn new(
        request: HttpRequest,
        read: impl FnOnce(&Reply) -> Result<T, Failure> + Send + 'static,
    ) -> Self {
        Self { request, read: Box::new(read) }
    }

    /// The request, and what reads its answer: never panics, whatever the bytes.
    pub fn into_parts(self) -> (HttpRequest, impl FnOnce(&Reply) -> Result<T, Failure> + Send) {
        (self.request, self.read)
    }
}

impl<T> fmt::Debug for Inquiry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry").field("request", &self.request).finish_non_exhaustive()
    }
}

/// Where to go on in a list, in the words of the adapter that gave it; kept in journals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor(pub String);

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What stands on it.
    pub items: Vec<T>,
    /// Where the next page starts; `None` behind the last.
    pub next: Option<Cursor>,
}

/// What an account has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// How much; may be below zero.
    pub amount: Micros,
    /// Of what: a currency such as `AUD`, or `credit`. Empty where the provider does not say.
    pub unit: String,
}

/// A name or number that an account may send from, or not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// As it would stand in a campaign file.
    pub name: String,
    /// The provider's word for its state; `active` where it lists only usable ones.
    pub state: String,
    /// Whether it may be sent from today.
    pub usable: bool,
}

/// What the provider says that a send call would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Recipients it would take.
    pub recipients: Option<u64>,
    /// Segments over all of them.
    pub segments: Option<u64>,
    /// What it would bill.
    pub billed: Billed,
}

/// What became of an attempt to take a scheduled request back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cancelled {
    /// It will not be sent.
    Done,
    /// It was taken back before: the same as [`Done`](Self::Done).
    Already,
    /// It is being sent, or was.
    TooLate,
    /// It never had a time to be sent at: it was sent at once.
    NotScheduled,
    /// The provider knows no such request, or says something that nobody listed.
    Unclear,
}

/// Whose delivery is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll<'a> {
    /// Everybody of one request, by the provider's id.
    Request(&'a str),
    /// One message, by the provider's id.
    Message(&'a str),
    /// Everything that was taken in a span of time.
    Window {
        /// Its start.
        from: UnixMillis,
        /// Its end.
        until: UnixMillis,
    },
}

/// A request whose answer was lost.
#[derive(Clone, Debug)]
pub struct Lost {
    /// What it carried.
    pub call: SendCall,
    /// When its first byte left, at the earliest.
    pub from: UnixMillis,
    /// When it can have been taken at the latest.
    pub until: UnixMillis,
    /// The provider's ids of requests whose answers came: none of them is the lost one.
    pub known: Arc<HashSet<String>>,
}

/// What one look for a lost request showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The provider's id of the request, once it is known.
    pub request_id: Option<String>,
    /// Who of the request was found taken: the index in its chunk, and the message's own id.
    pub taken: Vec<(u32, Option<String>)>,
    /// How to go on.
    pub next: Next,
}

/// How a look for a lost request goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// By asking again from here.
    Ask(Cursor),
    /// Not at all: everything there is was seen. Whoever was not found is absent so far, which
    /// proves nothing by itself.
    Done,
    /// Not at all: nobody can tell.
    Undecidable(Reason),
}

/// A call that the provider made to us.
#[derive(Clone)]
pub struct Callback {
    /// `GET` or `POST`.
    pub method: String,
    /// What stands behind the `?`, not decoded.
    pub query: String,
    /// Lower-case names, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// Shows no query and no body: they hold numbers and tokens.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callback({}, {} bytes)", self.method, self.body.len())
    }
}

/// What a provider tells us of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What became of a message.
    Receipt(Receipt),
    /// Somebody answered.
    Reply {
        /// Who.
        from: Msisdn,
        /// What they wrote.
        text: String,
        /// Whether the provider took it as "do not text me again"; `None` where it does not say.
        opts_out: Option<bool>,
    },
    /// What stands beside this may be somebody else's word: its signature does not fit, and the
    /// account's settings say to use it all the same. For the log.
    Unsigned,
}

/// Why a callback was not understood. Nothing of it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackFault {
    /// Signed by somebody else, or not at all where a signature is demanded.
    #[error("the signature is missing or not this account's")]
    Signature,
    /// Neither a receipt nor a reply.
    #[error("it names no message and no sender")]
    Meaning,
}
