//! One try at one chunk: the request that is made for its intent, and what came of sending it.
//!
//! Nothing here is durable: `shell` hands the intent to the journal before [`Shared::exchange`] is
//! called, and the outcome afterwards. In this order, always. The log is told of sizes, times and
//! classes, never of what a request or an answer says.

use crate::{
    lane::{Work, final_outcome},
    run::HeldBack,
    transport::{Observed, Transport},
    window::Windows,
};
use std::{mem, sync::Arc, time::Duration};
use tokio::time::Instant;
use tracing::Level;
use volley_core::{
    Billed, Chunk, Class, Failure, Micros, Opens, Outcome, Reference, ReplyPrice, UnixMillis, Verdicts,
};
use volley_journal::{AttemptId, Claim, kill_point};
use volley_provider::{
    adapter::{Adapter, SendCall, Unbuildable},
    http::{Body, HttpRequest, Reply},
};

/// What attempts of one run share.
pub(crate) struct Shared<T> {
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) transport: T,
    pub(crate) sender: Option<Arc<str>>,
    pub(crate) send_at: Option<UnixMillis>,
    pub(crate) reference: Reference,
    pub(crate) held_back: Option<HeldBack>,
    pub(crate) windows: Option<Windows>,
    /// What the plan's prices are in.
    pub(crate) currency: Option<String>,
}

/// A request, or why there is none: then its outcome is known without one.
pub(crate) type Request = Result<HttpRequest, Failure>;

/// A request that is to leave.
pub(crate) struct Job {
    /// Its place among those under way.
    pub(crate) place: usize,
    pub(crate) attempt: AttemptId,
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) request: HttpRequest,
}

/// What came of a request.
pub(crate) struct Answered {
    /// Its place among those under way.
    pub(crate) place: usize,
    /// When its answer came, or was given up.
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
}

impl<T: Transport> Shared<T> {
    /// How long the send window of somebody in `chunk` is closed, and what for; `None` where it is
    /// open for all of them.
    pub(crate) fn closed(&self, chunk: &Chunk) -> Option<(Duration, Opens)> {
        self.windows.as_ref().and_then(|windows| windows.closed(chunk))
    }

    /// Whether nothing may be sent to somebody in `chunk` by now.
    pub(crate) fn holds_anybody(&self, chunk: &Chunk) -> bool {
        self.held_back.as_ref().is_some_and(|held_back| held_back.holds_anybody(chunk))
    }

    /// The intent to send `work`, and the request that it is for.
    pub(crate) fn prepare(&self, work: &Work) -> (Claim, Request) {
        let request = self.request(&work.chunk);
        let claim = Claim {
            first: work.chunk.first,
            recipients: work.chunk.len(),
            body_hash: request.as_ref().map_or([0; 32], hash_of),
            reserved: work.chunk.cost().unwrap_or(Micros::ZERO),
            at: wall_clock(),
        };
        (claim, request)
    }

    fn request(&self, chunk: &Arc<Chunk>) -> Request {
        if self.held_back.as_ref().is_some_and(|held_back| held_back.holds(chunk)) {
            return Err(Failure::new(Class::OptedOut, "they asked not to be texted again"));
        }
        let call = SendCall {
            chunk: Arc::clone(chunk),
            sender: self.sender.clone(),
            send_at: self.send_at,
            reference: self.reference.clone(),
        };
        let unbuildable = |why: Unbuildable| Failure::new(Class::Unbuildable, why.to_string());
        self.adapter.encode(&call).map_err(unbuildable)
    }

    /// Sends a request once.
    pub(crate) async fn exchange(
        &self,
        Job { place, attempt: AttemptId(attempt), chunk, request }: Job,
    ) -> Answered {
        let begun = tracing::enabled!(target: "transport", Level::DEBUG).then(Instant::now);
        tracing::trace!(
            target: "transport", attempt, method = request.method.word(), bytes = request.body.length(), "request leaves"
        );
        let observed = self.transport.send(request).await;
        let ended = Instant::now();
        kill_point!("after-reply");
        if let Some(begun) = begun {
            tell_exchange(attempt, &observed, ended - begun);
        }
        let outcome = match observed {
            Observed::Reply(reply) => self.priced(self.adapter.decode(&chunk, &reply)),
            Observed::Failed(failure) => failure.into(),
        };
        tell_reading(attempt, &outcome);
        Answered { place, ended, outcome: final_outcome(outcome, chunk.len()) }
    }

    /// The same outcome, its bill in the plan's currency where the provider's own unit is that.
    fn priced(&self, mut outcome: Outcome) -> Outcome {
        let reply_price = self.adapter.capabilities().reply_price;
        if let (Outcome::Answered(answer), ReplyPrice::Units(unit), Some(currency)) =
            (&mut outcome, reply_price, &self.currency)
        {
            answer.billed = mem::take(&mut answer.billed).in_currency(currency, unit);
        }
        outcome
    }
}

/// Tells the log how an exchange went.
fn tell_exchange(attempt: u64, observed: &Observed, took: Duration) {
    let took_ms = took.as_secs_f64() * 1_000.0;
    match observed {
        Observed::Reply(Reply { status, body, .. }) => {
            tracing::debug!(target: "transport", attempt, status, bytes = body.len(), took_ms, "reply");
        }
        Observed::Failed(Failure { class, reason, .. }) => {
            let row = class.rule().row;
            tracing::debug!(target: "transport", attempt, ?class, row, %reason, took_ms, "no whole reply");
        }
    }
}

/// Tells the log how an answer was understood.
fn tell_reading(attempt: u64, outcome: &Outcome) {
    let Outcome::Answered(answer) = outcome else { return };
    let verdicts = match &answer.verdicts {
        Verdicts::AllAccepted => "all accepted",
        Verdicts::AllInDoubt { .. } => "all in doubt",
        Verdicts::Each(_) => "one each",
    };
    let (names_request, bills) = (answer.request_id.is_some(), answer.billed != Billed::Unknown);
    tracing::trace!(target: "provider", attempt, verdicts, names_request, bills, "answer read");
}

/// What a request can be told by: its body's hash, and where the end of its address is hidden,
/// because it carries what another request's body does, that end's with it.
fn hash_of(request: &HttpRequest) -> [u8; 32] {
    use secrecy::ExposeSecret;
    let mut hasher = blake3::Hasher::new();
    if let Some(tail) = &request.secret_tail {
        hasher.update(tail.expose_secret().as_bytes());
    }
    match &request.body {
        Body::Whole(bytes) => {
            hasher.update(bytes);
        }
        streamed @ Body::Streamed(_) => streamed.frames().for_each(|frame| {
            hasher.update(&frame);
        }),
    }
    hasher.finalize().into()
}

pub(crate) fn wall_clock() -> UnixMillis {
    UnixMillis(jiff::Timestamp::now().as_millisecond())
}
