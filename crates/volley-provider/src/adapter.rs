//! What every provider's adapter offers.

use crate::{
    http::{HttpRequest, Reply},
    inquiry::{
        Balance, Callback, CallbackFault, Cancelled, Cursor, Event, Inquiry, Lost, Page, Poll, Quote, Sender,
        Sighting,
    },
};
use std::{fmt, sync::Arc};
use volley_core::{Capabilities, Chunk, Outcome, Receipt, Reference, UnixMillis};

/// One send call: a chunk, and what holds for the whole campaign.
#[derive(Clone, Debug)]
pub struct SendCall {
    /// Who gets what.
    pub chunk: Arc<Chunk>,
    /// Who it comes from; checked against [`Capabilities::sender`] before.
    pub sender: Option<Arc<str>>,
    /// When the provider is to send it; `None` for now.
    pub send_at: Option<UnixMillis>,
    /// What its messages are told by, where the provider keeps a word for us.
    pub reference: Reference,
}

/// Why a request could not be built; nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unbuildable(pub String);

/// One provider's wire format, without sockets: bytes out, bytes in.
///
/// Sending is what every provider can do. The other calls are optional: `None` means that the
/// provider has no such call, and nothing was asked. The same call always encodes to the same bytes, so a request can be told by its body's hash.
pub trait Adapter: Send + Sync + fmt::Debug {
    /// The word for it in campaign files.
    fn kind(&self) -> &'static str;

    /// What this account can be asked to do.
    fn capabilities(&self) -> &Capabilities;

    /// The request that sends `call`.
    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable>;

    /// What `reply`, the answer to a request that carried `chunk`, says was done with it.
    ///
    /// The adapter's own list of codes first, then [`volley_core::Class::of_status`]. Never
    /// panics, whatever the bytes. "May have been taken" is the answer wherever proof is lacking.
    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome;

    /// Asks what the account has left.
    fn balance(&self) -> Option<Inquiry<Balance>> {
        None
    }

    /// Asks which senders the account has, from `cursor` on.
    fn senders(&self, _cursor: &Cursor) -> Option<Inquiry<Page<Sender>>> {
        None
    }

    /// Asks what `call` would come to; nothing is sent and nothing charged.
    fn quote(&self, _call: &SendCall) -> Option<Result<Inquiry<Quote>, Unbuildable>> {
        None
    }

    /// Asks to take back the scheduled request with this id of the provider's.
    fn cancel(&self, _request_id: &str) -> Option<Inquiry<Cancelled>> {
        None
    }

    /// Asks what became of messages, from `cursor` on. `None` also for a [`Poll`] of another kind
    /// than [`Capabilities::polling`].
    fn receipts(&self, _of: Poll<'_>, _cursor: &Cursor) -> Option<Inquiry<Page<Receipt>>> {
        None
    }

    /// Looks for a request whose answer was lost, from `cursor` on.
    fn lookup(&self, _lost: &Lost, _cursor: &Cursor) -> Option<Inquiry<Sighting>> {
        None
    }

    /// What a call of the provider's to us says. `None` where it makes none.
    fn callback(&self, _callback: &Callback) -> Option<Result<Vec<Event>, CallbackFault>> {
        None
    }
}
