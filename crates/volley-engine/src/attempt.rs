//! One try at one chunk: build the request, make the intent durable, send, make the outcome
//! durable. In this order, always.

use crate::{
    lane::{Work, final_outcome},
    port::Port,
    run::HeldBack,
    transport::{Observed, Transport},
};
use std::{mem, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use volley_core::{Class, Failure, Micros, Outcome, Reference, ReplyPrice, UnixMillis};
use volley_journal::{Attempt, Claim, CommitError, Record, Write, Written};
use volley_provider::{
    adapter::{Adapter, SendCall, Unbuildable},
    http::HttpRequest,
};

/// What attempts of one run share.
pub(crate) struct Shared<T, P> {
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) transport: T,
    pub(crate) port: P,
    pub(crate) sender: Option<Arc<str>>,
    pub(crate) send_at: Option<UnixMillis>,
    pub(crate) reference: Reference,
    pub(crate) held_back: Option<HeldBack>,
    /// What the plan's prices are in.
    pub(crate) currency: Option<String>,
    /// Turns true when requests under way are to be abandoned.
    pub(crate) abandon: watch::Receiver<bool>,
    /// What the journal said when it could not take an outcome: nothing more may be claimed.
    pub(crate) journal_fault: watch::Sender<Option<String>>,
}

impl<T, P> Shared<T, P> {
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

/// What came of an attempt, for the lane.
pub(crate) struct Finished {
    pub(crate) work: Work,
    pub(crate) ended: Instant,
    pub(crate) result: Result<Outcome, Unclaimed>,
}

/// The intent is not durable, so nothing was sent.
pub(crate) struct Unclaimed(pub(crate) Arc<CommitError>);

/// How often an outcome that the journal cannot take is offered again, and after what pause.
const RECORD_TRIES: u32 = 60;
const RECORD_PAUSE: Duration = Duration::from_secs(1);

/// Runs one attempt to its end.
pub(crate) async fn run<T: Transport, P: Port>(shared: Arc<Shared<T, P>>, work: Work) -> Finished {
    let call = SendCall {
        chunk: Arc::clone(&work.chunk),
        sender: shared.sender.clone(),
        send_at: shared.send_at,
        reference: shared.reference.clone(),
    };
    let held = shared.held_back.as_ref().is_some_and(|held_back| held_back.holds(&work.chunk));
    let request = if held {
        Err(Failure::new(Class::OptedOut, "they asked not to be texted again"))
    } else {
        let unbuildable = |why: Unbuildable| Failure::new(Class::Unbuildable, why.to_string());
        shared.adapter.encode(&call).map_err(unbuildable)
    };
    let body_hash = request.as_ref().map_or([0; 32], hash_of);
    let claim = Claim {
        first: work.chunk.first,
        recipients: work.chunk.len(),
        body_hash,
        reserved: work.chunk.cost().unwrap_or(Micros::ZERO),
        at: wall_clock(),
    };
    let attempt = match shared.port.write(Write::Claim(claim)).await {
        Ok(Written::Claimed(attempt)) => attempt,
        Ok(Written::Recorded) => unreachable!("a claim is answered with an attempt"),
        Err(error) => {
            return Finished { work, ended: Instant::now(), result: Err(Unclaimed(error)) };
        }
    };
    let outcome = match request {
        Ok(request) => send(&shared, &work, request).await,
        Err(failure) => failure.into(),
    };
    let ended = Instant::now();
    let outcome = final_outcome(outcome, work.chunk.len());
    record(&shared, attempt, &outcome).await;
    Finished { work, ended, result: Ok(outcome) }
}

async fn send<T: Transport, P: Port>(shared: &Shared<T, P>, work: &Work, request: HttpRequest) -> Outcome {
    let mut abandon = shared.abandon.clone();
    tokio::select! {
        biased;
        observed = shared.transport.send(request) => match observed {
            Observed::Reply(reply) => shared.priced(shared.adapter.decode(&work.chunk, &reply)),
            Observed::Failed(failure) => failure.into(),
        },
        _ = abandon.wait_for(|abandon| *abandon) => Failure::new(Class::Abandoned, "stopped before the answer").into(),
    }
}

/// Makes `outcome` durable, trying for a minute. It stays in memory meanwhile; if the process
/// ends first, the next start finds the intent and puts its recipients in doubt.
async fn record<T: Transport, P: Port>(shared: &Shared<T, P>, attempt: Attempt, outcome: &Outcome) {
    for _ in 0..RECORD_TRIES {
        let record = Record { attempt: attempt.id, outcome: outcome.clone(), at: wall_clock() };
        match shared.port.write(Write::Record(record)).await {
            Ok(_) => return,
            Err(error) => {
                shared.journal_fault.send_replace(Some(error.to_string()));
                // Only a disk gets better; the outcome of anything else is doubt at the next start.
                if !matches!(*error, CommitError::Storage(_)) {
                    return;
                }
            }
        }
        tokio::time::sleep(RECORD_PAUSE).await;
    }
}

/// What a request can be told by: its body's hash, and where the end of its address is hidden,
/// because it carries what another request's body does, that end's with it.
fn hash_of(request: &HttpRequest) -> [u8; 32] {
    use secrecy::ExposeSecret;
    let mut hasher = blake3::Hasher::new();
    if let Some(tail) = &request.secret_tail {
        hasher.update(tail.expose_secret().as_bytes());
    }
    request.body.frames().for_each(|frame| {
        hasher.update(&frame);
    });
    hasher.finalize().into()
}

pub(crate) fn wall_clock() -> UnixMillis {
    UnixMillis(jiff::Timestamp::now().as_millisecond())
}
