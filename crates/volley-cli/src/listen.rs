//! Calls that a provider makes to us, over HTTP/1.1: each is durable before it is answered.
//!
//! The path is a secret: whoever does not know it learns nothing and changes nothing. Callbacks
//! that arrive together share a commit. Not here: TLS (a proxy's work), what a call means (the
//! adapter's), where it is kept (the journal's).

use crate::fault::Fault;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    header::HeaderValue,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, future::Future, io::Read, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use volley_provider::{
    adapter::Adapter,
    inquiry::{Callback, CallbackFault, Event},
};

/// The longest body that is read.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// How long a caller may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a caller may take for its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that are served at once; more wait.
const MAX_CONNECTIONS: usize = 256;

/// Callbacks that wait for their commit; more wait before they are read.
const MAX_WAITING: usize = 4_096;

/// Callbacks that share a commit at most.
const MAX_SHARED: usize = 1_024;

/// A callback's events, and where to say that they are durable.
struct Job {
    events: Vec<Event>,
    done: oneshot::Sender<bool>,
}

/// What every connection needs.
struct Desk {
    adapter: Arc<dyn Adapter>,
    /// `/` and the secret.
    path: String,
    jobs: mpsc::Sender<Job>,
}

/// Answers on `listener` until `stop` is ready. `keep` makes events durable, on a thread of its
/// own; where it fails the caller is told to come again.
pub(crate) async fn serve(
    listener: TcpListener,
    adapter: Arc<dyn Adapter>,
    token: &str,
    keep: impl FnMut(&[Event]) -> Result<(), Fault> + Send + 'static,
    stop: impl Future<Output = ()> + Send,
) {
    let (jobs, waiting) = mpsc::channel(MAX_WAITING);
    let keeper = tokio::task::spawn_blocking(move || keep_all(waiting, keep));
    let desk = Arc::new(Desk { adapter, path: format!("/{token}"), jobs });
    answer_all(listener, stop, move |request| answer(Arc::clone(&desk), request)).await;
    drop(keeper.await);
}

/// Lets `answer` answer every request that comes to `listener`, until `stop` is ready. Nobody is
/// listened to any more when it returns.
pub(crate) async fn answer_all<A, F>(listener: TcpListener, stop: impl Future<Output = ()> + Send, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let answer = answer.clone();
                    connections.spawn(async move {
                        let service = service_fn(answer);
                        let mut builder = http1::Builder::new();
                        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
                        // A caller that goes away is the caller's affair.
                        drop(builder.serve_connection(TokioIo::new(stream), service).await);
                    });
                }
                // No descriptor is free, or the caller is gone: the next one may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
    connections.shutdown().await;
}

/// Makes what arrives durable, everything that waits in one go.
fn keep_all(mut waiting: mpsc::Receiver<Job>, mut keep: impl FnMut(&[Event]) -> Result<(), Fault>) {
    let mut jobs = Vec::new();
    while waiting.blocking_recv_many(&mut jobs, MAX_SHARED) > 0 {
        let mut events = Vec::new();
        for job in &mut jobs {
            events.append(&mut job.events);
        }
        let kept = keep(&events);
        if let Err(fault) = &kept {
            fault.tell();
        }
        for job in jobs.drain(..) {
            // The caller may have hung up.
            job.done.send(kept.is_ok()).ok();
        }
    }
}

async fn answer(desk: Arc<Desk>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match take(&desk, request).await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(status) => (status, ""),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
    Ok(response)
}

async fn take(desk: &Desk, request: Request<Incoming>) -> Result<(), StatusCode> {
    let (head, body) = request.into_parts();
    if !is_same(head.uri.path().as_bytes(), desk.path.as_bytes()) {
        return Err(StatusCode::NOT_FOUND);
    }
    if head.method != Method::GET && head.method != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    // A length that is told is believed, so that nothing of the body has to be read for the refusal.
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    let body = body.map_err(|_| StatusCode::REQUEST_TIMEOUT)?.map_err(|error| {
        if error.is::<LengthLimitError>() { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST }
    })?;
    let headers = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let callback = Callback {
        method: head.method.as_str().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: body.to_bytes(),
    };
    let events = match desk.adapter.callback(&callback) {
        Some(Ok(events)) => events,
        Some(Err(CallbackFault::Signature)) => return Err(StatusCode::FORBIDDEN),
        Some(Err(CallbackFault::Meaning)) => return Err(StatusCode::BAD_REQUEST),
        None => return Err(StatusCode::NOT_FOUND),
    };
    let (done, kept) = oneshot::channel();
    let unavailable = |_| StatusCode::SERVICE_UNAVAILABLE;
    desk.jobs.send(Job { events, done }).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    if kept.await.map_err(unavailable)? { Ok(()) } else { Err(StatusCode::SERVICE_UNAVAILABLE) }
}

/// Whether both are the same, in a time that tells nothing about where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |seen, (a, b)| seen | (a ^ b));
    one.len() == other.len() && differences == 0
}

/// A secret that nobody guesses: 128 bits of the system's, in hexadecimal.
pub(crate) fn new_token() -> Result<String, Fault> {
    let mut bits = [0; 16];
    std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bits))?;
    Ok(format!("{:032x}", u128::from_le_bytes(bits)))
}

/// Where a listener is reached, and its secret.
pub(crate) fn shown(address: SocketAddr, token: &str) -> String {
    format!("http://{address}/{token}")
}
