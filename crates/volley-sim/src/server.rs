//! The gateway behind a TCP listener: HTTP/1.1, one task a connection, kept alive.
//!
//! The shell reads the clock, waits out latencies and breaks connections (`wire.rs`); every decision is the
//! [`Gateway`]'s, which is locked for no longer than one of them takes. A request gets its number
//! when its head has been read. The calls that the gateway owes its customers are made beside
//! that (`caller.rs`). Not here: TLS, HTTP/2, any limit on connections.

use crate::{
    Config, ConfigError, Gateway,
    caller::make_calls,
    http::{Answer, Reply, Request, Wire},
    wire::{self, After, Breakage, End},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Response, StatusCode,
    body::{Body, Incoming},
    header::{HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    error::Error,
    future::{Future, pending},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{Instant, sleep},
};
use volley_core::UnixMillis;

/// The longest body that is read, 64 MiB: twice the 2,000,000 numbers of one ME-SMS request. A
/// longer one is answered with 413, takes nothing, and its connection closes.
pub const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Above this a request is worked on beside the async threads, 1 MiB.
const LARGE_BODY_BYTES: usize = 1024 * 1024;

/// A gateway that is listening.
///
/// Dropping it stops it too, but does not wait.
pub struct Server {
    /// Where it listens, with the port that the system chose.
    pub address: SocketAddr,
    /// What it has seen and taken so far. Requests wait while this is locked.
    pub gateway: Arc<Mutex<Gateway>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The gateway cannot be built.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another address or port")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Server {
    /// Starts a gateway on `address` within the current tokio runtime; port 0 is any free one.
    /// Without [`Config::started_at`] the wall clock is asked.
    pub async fn start(mut config: Config, address: SocketAddr) -> Result<Self, StartError> {
        config.started_at.get_or_insert_with(|| UnixMillis(jiff::Timestamp::now().as_millisecond()));
        let gateway = Arc::new(Mutex::new(Gateway::new(config)?));
        let listen = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&gateway);
        let task = tokio::spawn(async move {
            // An error means that the server was dropped, which stops it as well.
            serve(shared, listener, async { drop(stopped.await) }).await;
        });
        Ok(Self { address, gateway, stop, task })
    }

    /// Stops listening, closes every connection in whatever state it is, and waits for that.
    pub async fn shutdown(self) {
        drop(self.stop);
        self.task.await.expect("serving does not panic");
    }
}

/// Answers what arrives at `listener` from `gateway`, and makes the calls that it owes, until `stop`
/// is ready; then every connection is closed in whatever state it is. The gateway's time is counted
/// from this call.
pub async fn serve(
    gateway: Arc<Mutex<Gateway>>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) {
    let shared = Shared { gateway, start: Instant::now(), news: Arc::default() };
    let mut connections = JoinSet::new();
    connections.spawn(make_calls(Arc::clone(&shared.gateway), shared.start, Arc::clone(&shared.news)));
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(shared.clone(), stream));
                }
                // The peer is gone already, or no descriptor is free: the next one may do better.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
        }
    }
    connections.shutdown().await;
}

/// What all connections have in common.
#[derive(Clone)]
struct Shared {
    gateway: Arc<Mutex<Gateway>>,
    start: Instant,
    /// Told of every decision: it may have made a callback due.
    news: Arc<Notify>,
}

/// Why a request gets no whole reply.
#[derive(Clone, Debug, thiserror::Error)]
enum HangUp {
    #[error("reset on purpose")]
    Reset,
    #[error("closed on purpose")]
    Close,
    #[error("replied to with broken HTTP on purpose")]
    Broken(Reply, Breakage),
}

/// One connection to its end.
async fn connection(shared: Shared, mut stream: TcpStream) {
    if stream.set_nodelay(true).is_err() {
        return; // the peer is gone
    }
    let hang_up = lock(&shared.gateway).connect();
    // An error on the way means that the peer is gone.
    let ended = match hang_up {
        Some((bytes, end)) => wire::hang_up(&mut stream, bytes, end).await.unwrap_or(After::Close),
        None => serve_requests(&shared, &mut stream).await,
    };
    if let After::Reset = ended {
        // Fails only on a connection that is gone already.
        drop(stream.set_zero_linger());
    }
}

/// Answers one request after the other, until the connection ends.
async fn serve_requests(shared: &Shared, stream: &mut TcpStream) -> After {
    loop {
        let service = service_fn(|request| exchange(shared, request));
        let mut connection = http1::Builder::new().serve_connection(TokioIo::new(&mut *stream), service);
        let ended = (&mut connection).await;
        let hang_up = ended.as_ref().err().and_then(Error::source).and_then(|cause| cause.downcast_ref());
        let read_ahead = connection.into_parts().read_buf;
        match hang_up {
            Some(HangUp::Reset) => return After::Reset,
            Some(HangUp::Broken(reply, how)) => match wire::send(stream, reply, *how).await {
                // Nobody here sends a request before the last one was answered.
                Ok(After::GoOn) if read_ahead.is_empty() => {}
                Ok(After::Reset) => return After::Reset,
                Ok(After::GoOn | After::Close) | Err(_) => return After::Close,
            },
            Some(HangUp::Close) | None => return After::Close,
        }
    }
}

/// One request and its reply.
async fn exchange(
    shared: &Shared,
    request: hyper::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, HangUp> {
    let ticket = lock(&shared.gateway).begin(request.method().as_str(), request.uri().path());
    if ticket.resets() {
        return Err(HangUp::Reset);
    }
    let Some(request) = read(request).await? else { return Ok(too_large()) };
    let large = request.body.len() > LARGE_BODY_BYTES;
    let (gateway, start) = (Arc::clone(&shared.gateway), shared.start);
    let decide = move || {
        let mut gateway = lock(&gateway);
        // Read under the lock, so that no request sees an earlier time than the one before it.
        let now = start.elapsed();
        gateway.finish(now, &ticket, &request)
    };
    let Answer { reply, delay, wire } =
        if large { spawn_blocking(decide).await.map_err(|_| HangUp::Close)? } else { decide() };
    shared.news.notify_one();
    if !delay.is_zero() {
        sleep(delay).await;
    }
    match wire {
        Wire::Whole => Ok(response(reply)),
        Wire::CutAfter(bytes) => {
            let bytes = wire::whole(&reply).len() - reply.body.len() + bytes;
            Err(HangUp::Broken(reply, Breakage::Cut { bytes, end: End::Close }))
        }
        Wire::Broken(how) => Err(HangUp::Broken(reply, how)),
        Wire::ResetBeforeReading => Err(HangUp::Reset),
        Wire::LoseReply => Err(HangUp::Close),
        Wire::Stall => pending().await,
    }
}

/// The whole request as a plain value; `None` where its body is too long.
async fn read(request: hyper::Request<Incoming>) -> Result<Option<Request>, HangUp> {
    let (head, mut incoming) = request.into_parts();
    let length = incoming.size_hint().lower();
    let announced = usize::try_from(length).unwrap_or(usize::MAX);
    if announced > MAX_BODY_BYTES {
        return Ok(None);
    }
    let mut body = Vec::with_capacity(announced);
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|_| HangUp::Close)?;
        let Some(piece) = frame.data_ref() else { continue };
        if body.len() + piece.len() > MAX_BODY_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(piece);
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Some(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.into(),
    }))
}

fn too_large() -> Response<Full<Bytes>> {
    let mut reply = Reply::page(413);
    reply.headers.push(("connection", "close".to_owned()));
    response(reply)
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).expect("the gateway's statuses are checked");
    for (name, value) in reply.headers {
        let value = HeaderValue::from_str(&value).expect("the gateway's header values are checked");
        response.headers_mut().append(HeaderName::from_static(name), value);
    }
    response
}

/// A panic elsewhere does not make what the gateway has seen untrue.
fn lock(gateway: &Mutex<Gateway>) -> MutexGuard<'_, Gateway> {
    gateway.lock().unwrap_or_else(PoisonError::into_inner)
}
