//! HTTP, and what its failures prove.
//!
//! The client does nothing by itself: HTTP/1.1 only, no retries, no redirects, no `Referer`, no
//! proxy from the environment, no compression, no plain HTTP but to this machine, the connect limit
//! shorter than the overall limit so that the two can be told apart, and connections idle for more
//! than two seconds are not used again. An error's text never holds the address. Whom it trusts is
//! the system's to say, or that of `SSL_CERT_FILE`; no setting lets a bad certificate pass.

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use reqwest::{Url, header};
use std::{
    convert::Infallible,
    error::Error,
    future::Future,
    io, mem,
    net::IpAddr,
    pin::{Pin, pin},
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Sleep, sleep, timeout};
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
    last: Mutex<Option<(String, Url)>>,
}

/// Why no HTTP client could be made: the machine's TLS roots, in practice.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client could be made: {0}; is the package ca-certificates installed?")]
pub struct ClientError(reqwest::Error);

/// The most of a decoded answer that is read.
const ANSWER_LIMIT_BYTES: usize = 256 * 1024;

/// The headers of an answer that are looked at; the others are not kept.
const HEADERS_READ: [&str; 3] = ["content-type", "date", "retry-after"];

/// Name, TCP and TLS together. Below every overall limit, or a slow connect could not be told
/// from a lost answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long an answer is looked for once more when the overall limit has passed: after a pause of the
/// machine its bytes and the limit are there in the same moment.
const SECOND_LOOK: Duration = Duration::from_millis(50);

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
            .connect_timeout(connect_limit(timeout))
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(max_in_flight as usize)
            .tcp_nodelay(true)
            .build()
            .map_err(ClientError)?;
        Ok(Self { client, timeout, last: Mutex::new(None) })
    }

    /// Where `request` goes.
    fn url(&self, request: &HttpRequest) -> Result<Url, Failure> {
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

    /// Sends `request` up to its last byte, and waits for the head of the answer.
    async fn head(&self, request: HttpRequest) -> Result<reqwest::Response, Failure> {
        let url = self.url(&request)?;
        let mut builder = match request.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
        };
        // Silence would allow every encoding (RFC 9110 section 12.5.3).
        builder = builder.header(header::ACCEPT_ENCODING, "identity");
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
        builder.send().await.map_err(|error| failure(&error))
    }
}

impl Transport for HttpTransport {
    async fn send(&self, request: HttpRequest) -> Observed {
        let mut limit = pin!(sleep(self.timeout));
        let response = match before(limit.as_mut(), self.head(request)).await {
            Some(Ok(response)) => response,
            Some(Err(failure)) => return Observed::Failed(failure),
            None => {
                let waited = format!("no answer within {} s", self.timeout.as_secs_f32());
                return Observed::Failed(Failure::new(Class::TimedOut, waited));
            }
        };
        let status = response.status().as_u16();
        let answer = before(limit, read(response)).await;
        answer.unwrap_or_else(|| cut(status, "the answer's body did not come in time"))
    }
}

/// What comes of `future` before `limit`.
///
/// An answer that is there already counts, even where a machine that stood still let the limit pass:
/// whoever reads the socket gets a turn before the limit is believed.
async fn before<T>(limit: Pin<&mut Sleep>, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    tokio::select! {
        biased;
        value = &mut future => Some(value),
        () = limit => timeout(SECOND_LOOK, future).await.ok(),
    }
}

/// The limit of connecting where that of the whole exchange is `timeout`.
fn connect_limit(timeout: Duration) -> Duration {
    CONNECT_LIMIT.min(timeout / 2)
}

/// Whether nobody on the way can read what is sent to `url`.
fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => true,
        "http" => is_here,
        _ => false,
    }
}

/// An address that a request may go to. Its text is not repeated: it may hold a secret.
fn understood(address: &str) -> Result<Url, Failure> {
    let unbuildable = |why| Failure::new(Class::Unbuildable, why);
    let url = Url::parse(address).map_err(|_| unbuildable("the address is none"))?;
    if is_private(&url) { Ok(url) } else { Err(unbuildable("the address is plain HTTP to another machine")) }
}

/// A header value that the client's own logs hide.
fn sensitive(text: &secrecy::SecretString) -> header::HeaderValue {
    use secrecy::ExposeSecret;
    // A credential that no header can hold is refused when the adapter is made.
    let value = header::HeaderValue::from_str(text.expose_secret());
    let mut value = value.unwrap_or_else(|_| header::HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Reads the answer's body, up to its limit.
async fn read(mut response: reqwest::Response) -> Observed {
    volley_journal::kill_point!("after-head");
    let status = response.status().as_u16();
    if response.headers().get_all(header::CONTENT_ENCODING).iter().any(is_packed) {
        return cut(status, "the answer is compressed, which was not asked for");
    }
    let texts = |name: &'static str| {
        let all = response.headers().get_all(name).iter();
        all.filter_map(move |value| Some((name.to_owned(), value.to_str().ok()?.to_owned())))
    };
    let headers = HEADERS_READ.into_iter().flat_map(texts).collect();
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

/// Whether a body of this encoding is not what it stands for.
fn is_packed(encoding: &header::HeaderValue) -> bool {
    let encoding = encoding.as_bytes().trim_ascii();
    !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity")
}

/// A body that did not arrive, or not as it is: the status decides alone where it can, success proves nothing.
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
        Class::BadHead => "the answer's head cannot be read",
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
    } else if chain(error).filter_map(|cause| cause.downcast_ref()).any(hyper::Error::is_parse) {
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
        volley_journal::kill_point!("while-writing");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_this_machine() {
        for (url, private) in [
            ("https://api.example.com/send", true),
            ("https://192.0.2.1/", true),
            ("http://127.0.0.1:8080/send", true),
            ("http://127.9.8.7/", true),
            ("http://[::1]:80/", true),
            ("http://localhost/", true),
            ("http://api.example.com/", false),
            ("http://192.0.2.1/", false),
            ("http://localhost.example.com/", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://[2001:db8::1]/", false),
            ("ftp://127.0.0.1/", false),
        ] {
            assert_eq!(is_private(&Url::parse(url).expect(url)), private, "{url}");
        }
    }

    #[test]
    fn the_value_of_a_secret_header_is_hidden_from_logs() {
        let value = sensitive(&"sim-key".into());
        assert!(value.is_sensitive() && !format!("{value:?}").contains("sim-key"));
    }

    #[test]
    fn the_connect_limit_is_below_every_overall_one() {
        for millis in [1, 200, 5_000, 30_000, 3_600_000] {
            let overall = Duration::from_millis(millis);
            assert!(connect_limit(overall) < overall, "{millis} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_waits_is_used_though_the_limit_passed_meanwhile() {
        for reply in [Some("an answer"), None] {
            let (tell, told) = tokio::sync::oneshot::channel();
            let mut tell = Some(tell);
            let limit = pin!(sleep(Duration::from_secs(30)));
            let mut exchange = pin!(before(limit, told));
            let waits = std::future::poll_fn(|cx| Poll::Ready(exchange.as_mut().poll(cx).is_pending()));
            assert!(waits.await);
            // The machine stands still for an hour, in the middle of which the reply arrives.
            if let (Some(reply), Some(tell)) = (reply, tell.take_if(|_| reply.is_some())) {
                tell.send(reply).expect("somebody waits");
            }
            tokio::time::advance(Duration::from_hours(1)).await;
            assert_eq!(exchange.await, reply.map(Ok));
        }
    }
}
