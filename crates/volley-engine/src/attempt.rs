//! One try at one chunk: build the request, make the intent durable, send, make the outcome
//! durable. In this order, always.

use crate::{
    lane::{JOURNAL_PATIENCE, TRIAL_EVERY, Work, final_outcome},
    port::Port,
    run::HeldBack,
    transport::{Observed, Transport},
    window::Windows,
};
use std::{mem, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use volley_core::{Class, Failure, Micros, Opens, Outcome, Reference, ReplyPrice, UnixMillis};
use volley_journal::{Attempt, Claim, CommitError, Record, Write, Written, kill_point};
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
    pub(crate) windows: Option<Windows>,
    /// What the plan's prices are in.
    pub(crate) currency: Option<String>,
    /// As [`Control::stop`](crate::Control::stop) has it.
    pub(crate) stop: watch::Receiver<u8>,
    /// What the journal said when it could not take an outcome: nothing more may be claimed for
    /// now.
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
    pub(crate) result: Result<Outcome, Unfinished>,
}

/// Why there is no outcome that something may be decided by.
pub(crate) enum Unfinished {
    /// The intent is not durable, so nothing was sent.
    Unclaimed(Arc<CommitError>),
    /// The send window of somebody is closed, so nothing was claimed: for how long, and for what.
    Closed(Duration, Opens),
    /// The outcome is not durable: its recipients are in doubt from the next start on.
    Unsaved(Arc<CommitError>),
}

/// The level of [`Control::stop`](crate::Control::stop) at which nothing is waited for any more.
const ABANDON: u8 = 2;

/// How long an outcome that the journal cannot take is offered again once the run is being stopped.
const LAST_PATIENCE: Duration = Duration::from_mins(1);

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
    // Directly before the intent: a request may have waited since its recipients were fetched.
    if let Some((wait, opens)) = shared.windows.as_ref().and_then(|windows| windows.closed(&work.chunk)) {
        return Finished { work, ended: Instant::now(), result: Err(Unfinished::Closed(wait, opens)) };
    }
    let claim = Claim {
        first: work.chunk.first,
        recipients: work.chunk.len(),
        body_hash,
        reserved: work.chunk.cost().unwrap_or(Micros::ZERO),
        at: wall_clock(),
    };
    kill_point!("before-intent");
    let attempt = match shared.port.write(Write::Claim(claim)).await {
        Ok(Written::Claimed(attempt)) => attempt,
        Ok(Written::Recorded) => unreachable!("a claim is answered with an attempt"),
        Err(error) => {
            return Finished { work, ended: Instant::now(), result: Err(Unfinished::Unclaimed(error)) };
        }
    };
    kill_point!("after-intent");
    let outcome = match request {
        Ok(request) => send(&shared, &work, request).await,
        Err(failure) => failure.into(),
    };
    let ended = Instant::now();
    let outcome = final_outcome(outcome, work.chunk.len());
    kill_point!("after-reply");
    let recorded = record(&shared, attempt, &outcome).await;
    kill_point!("after-outcome");
    Finished { work, ended, result: recorded.map(|()| outcome).map_err(Unfinished::Unsaved) }
}

async fn send<T: Transport, P: Port>(shared: &Shared<T, P>, work: &Work, request: HttpRequest) -> Outcome {
    let mut stop = shared.stop.clone();
    tokio::select! {
        biased;
        observed = shared.transport.send(request) => match observed {
            Observed::Reply(reply) => shared.priced(shared.adapter.decode(&work.chunk, &reply)),
            Observed::Failed(failure) => failure.into(),
        },
        _ = stop.wait_for(|level| *level >= ABANDON) => Failure::new(Class::Abandoned, "stopped before the answer").into(),
    }
}

/// Makes `outcome` durable. As long as the journal cannot take it, it stays in memory and is
/// offered again every second. What is given up in the end, the next start finds open and puts in
/// doubt.
async fn record<T: Transport, P: Port>(
    shared: &Shared<T, P>,
    attempt: Attempt,
    outcome: &Outcome,
) -> Result<(), Arc<CommitError>> {
    let mut stop = shared.stop.clone();
    let mut left = JOURNAL_PATIENCE;
    loop {
        let record = Record { attempt: attempt.id, outcome: outcome.clone(), at: wall_clock() };
        let Err(error) = shared.port.write(Write::Record(record)).await else { return Ok(()) };
        let level = *stop.borrow_and_update();
        if level > 0 {
            left = left.min(LAST_PATIENCE);
        }
        // Only a disk gets better.
        if !error.is_passing() || level >= ABANDON || left.is_zero() {
            return Err(error);
        }
        shared.journal_fault.send_replace(Some(error.to_string()));
        left = left.saturating_sub(TRIAL_EVERY);
        tokio::select! {
            () = tokio::time::sleep(TRIAL_EVERY) => {}
            _ = stop.wait_for(|level| *level >= ABANDON) => {}
        }
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
