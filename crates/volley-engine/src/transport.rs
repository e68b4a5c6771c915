//! HTTP, and what its failures prove.
//!
//! The client does nothing by itself: HTTP/1.1 only, no retries, no redirects, no `Referer`, no
//! proxy from the environment, no compression, the connect limit shorter than the overall limit
//! so that the two can be told apart, and connections idle for more than two seconds are not
//! used again. An error's text never holds the address.

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use std::{
    convert::Infallible,
    error::Error,
    future::Future,
    io, mem,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use volley_core::{Class, Failure, UnixMillis};
use volley_provider::http::{Body, HeaderValue, HttpRequest, Method, Reply};

/// What came back from sending one request.
#[derive(Debug)]
pub enum Observed {
    /// A whole reply, for the adapter to read.
    Reply(Reply),
    /// No whole reply; the class says what that proves.
    Failed(Failure),
}

/// Something that carries requests to a provider.
pub trait Transport: Send + Sync + 'static {
    /// Sends `request` once and never again, whatever happens.
    fn send(&self, request: HttpRequest) -> impl Future<Output = Observed> + Send;
}

/// HTTP/1.1 over TCP or TLS.
#[derive(Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    timeout: Duration,
    /// The address of the last request without a secret in it, as text and as it is understood:
    /// most are alike.
    last: Mutex<Option<(String, reqwest::Url)>>,
}

/// Why no HTTP client could be made: the machine's TLS roots, in practice.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client could be made: {0}; is the package ca-certificates installed?")]
pub struct ClientError(reqwest::Error);

/// The most of a decoded answer that is read.
const ANSWER_LIMIT_BYTES: usize = 256 * 1024;

/// The headers of an answer that adapters look at; the others are not kept.
const HEADERS_READ: [&str; 2] = ["content-type", "retry-after"];

/// Name, TCP and TLS together. Below every overall limit, or a slow connect could not be told
/// from a lost answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Connections idle for longer are not used again: shorter than any server's own limit, so that
/// the server never closes one just as a request is written to it.
const IDLE_LIMIT: Duration = Duration::from_secs(2);

impl HttpTransport {
    /// A client for one account. `timeout` is the overall limit of one exchange; `max_in_flight`
    /// bounds the idle connections that are kept.
    pub fn new(timeout: Duration, max_in_flight: u32) -> Result<Self, ClientError> {
        // An error only says that a provider is installed already, by an earlier client.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .user_agent(concat!("volley/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_LIMIT.min(timeout / 2))
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(max_in_flight as usize)
            .tcp_nodelay(true)
            .build()
            .map_err(ClientError)?;
        Ok(Self { client, timeout, last: Mutex::new(None) })
    }

    fn url(&self, request: &HttpRequest) -> Result<reqwest::Url, Failure> {
        let understood = |address: &str| {
            // Its text is not repeated: it may hold a secret.
            let unreadable = |_| Failure::new(Class::Unbuildable, "the address of the request is no address");
            address.parse::<reqwest::Url>().map_err(unreadable)
        };
        if request.secret_tail.is_some() {
            return understood(&request.address());
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, url)) = last.as_ref().filter(|(address, _)| *address == request.url) {
            return Ok(url.clone());
        }
        let url = understood(&request.url)?;
        *last = Some((request.url.clone(), url.clone()));
        Ok(url)
    }

    async fn exchange(&self, request: HttpRequest) -> Observed {
        let url = match self.url(&request) {
            Ok(url) => url,
            Err(failure) => return Observed::Failed(failure),
        };
        let mut builder = match request.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
        };
        for header in request.headers {
            builder = match header.value {
                HeaderValue::Plain(text) => builder.header(&*header.name, text),
                HeaderValue::Secret(text) => builder.header(&*header.name, sensitive(&text)),
            };
        }
        builder = match request.body {
            Body::Whole(bytes) => builder.body(bytes),
            streamed @ Body::Streamed(_) => builder.body(reqwest::Body::wrap(FrameBody::new(&streamed))),
        };
        match builder.send().await {
            Ok(response) => read(response).await,
            Err(error) => Observed::Failed(failure(&error)),
        }
    }
}

impl Transport for HttpTransport {
    async fn send(&self, request: HttpRequest) -> Observed {
        let limit = tokio::time::sleep(self.timeout);
        tokio::select! {
            // An answer that is there already counts, even where a paused machine let the limit pass.
            biased;
            observed = self.exchange(request) => observed,
            () = limit => {
                let waited = format!("no answer within {} s", self.timeout.as_secs_f32());
                Observed::Failed(Failure::new(Class::TimedOut, waited))
            }
        }
    }
}

/// A header value that the client's own logs hide.
fn sensitive(text: &secrecy::SecretString) -> reqwest::header::HeaderValue {
    use secrecy::ExposeSecret;
    // A credential that no header can hold is refused when the adapter is made.
    let value = reqwest::header::HeaderValue::from_str(text.expose_secret());
    let mut value = value.unwrap_or_else(|_| reqwest::header::HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Reads the answer's body, up to its limit.
async fn read(mut response: reqwest::Response) -> Observed {
    let status = response.status().as_u16();
    let text = |name: &str| Some((name.to_owned(), response.headers().get(name)?.to_str().ok()?.to_owned()));
    let headers = HEADERS_READ.into_iter().filter_map(text).collect();
    // Most answers come in one piece, which is not copied.
    let (mut body, mut pieces) = (Bytes::new(), BytesMut::new());
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if body.len() + pieces.len() + piece.len() <= ANSWER_LIMIT_BYTES => {
                if body.is_empty() && pieces.is_empty() {
                    body = piece;
                } else {
                    pieces.extend_from_slice(&mem::take(&mut body));
                    pieces.extend_from_slice(&piece);
                }
            }
            Ok(Some(_)) => return cut(status, "the answer is larger than 256 KiB"),
            Ok(None) => break,
            Err(_) => return cut(status, "the answer was cut"),
        }
    }
    if !pieces.is_empty() {
        body = pieces.freeze();
    }
    let at = UnixMillis(jiff::Timestamp::now().as_millisecond());
    Observed::Reply(Reply { status, headers, body, at })
}

/// A body that did not arrive: the status decides alone where it can, success proves nothing.
fn cut(status: u16, what: &str) -> Observed {
    let class = match Class::of_status(status) {
        Class::NotTheApi => Class::BodyCut,
        decided => decided,
    };
    Observed::Failed(Failure::new(class, format!("{what} (HTTP {status})")))
}

/// What an error of the client proves. Its text is made here: the client's own would repeat the
/// address.
fn failure(error: &reqwest::Error) -> Failure {
    let class = classify(error);
    let mut text = match class {
        Class::NameResolution => "the name was not found",
        Class::ConnectRefused => "no connection",
        Class::ConnectTimeout => "no connection in time",
        Class::TlsFailed => "TLS failed",
        Class::NoDescriptor => "no file descriptor left",
        Class::Unbuildable => "the request could not be built",
        Class::TimedOut => "no answer in time",
        Class::BadHead => "the answer is not HTTP",
        _ => "the connection ended before the answer",
    }
    .to_owned();
    if let Some(cause) = chain(error).last().filter(|_| error.source().is_some()) {
        text = format!("{text}: {cause}");
    }
    Failure::new(class, text)
}

fn classify(error: &reqwest::Error) -> Class {
    if error.is_builder() {
        return Class::Unbuildable;
    }
    let io_error = || chain(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    if error.is_connect() {
        let is_tls = chain(error).any(is_tls);
        // ENFILE and EMFILE: no file descriptor; EADDRNOTAVAIL: no local port.
        let starved =
            io_error().and_then(io::Error::raw_os_error).is_some_and(|code| matches!(code, 23 | 24 | 99));
        return if error.is_timeout() {
            Class::ConnectTimeout
        } else if is_tls {
            Class::TlsFailed
        } else if starved {
            Class::NoDescriptor
        } else if chain(error).any(|cause| cause.to_string().starts_with("dns error")) {
            Class::NameResolution
        } else {
            Class::ConnectRefused
        };
    }
    if error.is_timeout() {
        Class::TimedOut
    } else if error.is_body() {
        Class::WriteFailed
    } else if chain(error).any(|cause| cause.to_string().contains("invalid HTTP")) {
        Class::BadHead
    } else {
        Class::ReplyLost
    }
}

/// Whether `cause` is an error of TLS, or I/O errors wrapped around one, which hide it from the
/// chain of causes.
fn is_tls(mut cause: &(dyn Error + 'static)) -> bool {
    while let Some(wrapped) = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        cause = wrapped;
    }
    cause.is::<rustls::Error>()
}

/// `error` and its causes, outermost first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// A body that is made while it is sent, with its exact length, so that it is not chunked.
struct FrameBody {
    /// A lock only because the client wants `Sync`; it is never contended.
    frames: Mutex<Box<dyn Iterator<Item = Bytes> + Send>>,
    left: u64,
}

impl FrameBody {
    fn new(body: &Body) -> Self {
        Self { frames: Mutex::new(body.frames()), left: body.length() }
    }
}

impl http_body::Body for FrameBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let next = this.frames.get_mut().unwrap_or_else(PoisonError::into_inner).next();
        if let Some(bytes) = &next {
            this.left = this.left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
