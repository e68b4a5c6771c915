//! What every provider's adapter offers.

use crate::http::{HttpRequest, Reply};
use std::{fmt, sync::Arc};
use volley_core::{Capabilities, Chunk, Outcome, UnixMillis};

/// One send call: a chunk, and what holds for the whole campaign.
#[derive(Clone, Debug)]
pub struct SendCall {
    /// Who gets what.
    pub chunk: Arc<Chunk>,
    /// Who it comes from; checked against [`Capabilities::sender`] before.
    pub sender: Option<Arc<str>>,
    /// When the provider is to send it; `None` for now.
    pub send_at: Option<UnixMillis>,
}

/// Why a request could not be built; nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unbuildable(pub String);

/// One provider's wire format, without sockets: bytes out, bytes in.
///
/// The same call always encodes to the same bytes, so a request can be told by its body's hash.
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
}
