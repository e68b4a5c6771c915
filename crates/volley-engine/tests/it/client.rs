//! The real HTTP client against raw sockets: what each failure is taken to prove.

mod cuts; // connections that end after any byte
mod hostile; // replies that mean harm
mod limits; // time
mod posts; // connections that close in a race
mod server; // a server that speaks bytes

use bytes::Bytes;
use server::{answering, listen};
use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};
use volley_core::Class;
use volley_engine::{HttpTransport, Observed, Transport};
use volley_provider::http::{Body, BodySource, Header, HttpRequest, Method};

/// A whole reply with this body.
fn saying(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The body of a whole reply.
#[track_caller]
fn body_of(observed: Observed) -> String {
    match observed {
        Observed::Reply(reply) => String::from_utf8_lossy(&reply.body).into_owned(),
        Observed::Failed(failure) => panic!("a reply was expected, not {failure:?}"),
    }
}

/// A server that reads one request and answers it so; what it read is there once the answer is.
async fn hearing(reply: &'static [u8]) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&heard);
    let address = listen(move |mut peer, _| {
        let written = Arc::clone(&written);
        async move {
            *written.lock().expect("no panic") = peer.request().await.expect("a request");
            peer.write(reply).await;
        }
    })
    .await;
    (address, heard)
}

fn request(address: SocketAddr) -> HttpRequest {
    HttpRequest {
        method: Method::Post,
        url: format!("http://{address}/send"),
        secret_tail: Some("?x=secret-in-address".into()),
        headers: vec![
            Header::plain("content-type", "text/plain"),
            Header::secret("x-api-key", "sim-key".into()),
        ],
        body: Body::Whole(Bytes::from_static(b"hello")),
    }
}

#[test]
fn what_an_address_hides_is_sent_and_never_shown() {
    let request = request(SocketAddr::from(([127, 0, 0, 1], 1)));
    assert_eq!(request.address(), "http://127.0.0.1:1/send?x=secret-in-address");
    assert!(!format!("{request:?}").contains("secret-in-address"), "{request:?}");
}

async fn send(address: SocketAddr) -> Observed {
    let transport = HttpTransport::new(Duration::from_secs(5), 4).expect("a client");
    transport.send(request(address)).await
}

#[track_caller]
fn class(observed: Observed) -> Class {
    match observed {
        Observed::Failed(failure) => {
            assert!(!failure.reason.as_str().contains("secret-in-address"), "{}", failure.reason);
            failure.class
        }
        Observed::Reply(reply) => panic!("a failure was expected, not {reply:?}"),
    }
}

#[tokio::test]
async fn a_whole_reply_is_handed_over() {
    let (address, heard) =
        hearing(b"HTTP/1.1 429 Slow Down\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno").await;
    let Observed::Reply(reply) = send(address).await else { panic!("a reply was expected") };
    assert_eq!((reply.status, reply.header("retry-after"), &reply.body[..]), (429, Some("3"), &b"no"[..]));
    let heard =
        String::from_utf8(heard.lock().expect("no panic").clone()).expect("text").to_ascii_lowercase();
    assert!(heard.starts_with("post /send?x=secret-in-address http/1.1\r\n"), "{heard}");
    assert!(heard.contains("x-api-key: sim-key\r\n") && heard.ends_with("\r\n\r\nhello"), "{heard}");
    assert!(heard.contains("\r\naccept-encoding: identity\r\n"), "{heard}");
    for absent in ["referer", "transfer-encoding", "gzip", "upgrade", "expect", "http2"] {
        assert!(!heard.contains(absent), "{absent} in {heard}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_proves_no_more_than_its_status() {
    for (status, expected) in [(200, Class::BodyCut), (401, Class::Credentials), (502, Class::ServerError)] {
        let address = answering(format!("HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\nshort")).await;
        assert_eq!(class(send(address).await), expected, "{status}");
    }
}

#[tokio::test]
async fn a_refused_connection_was_certainly_not_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    assert_eq!(class(send(address).await), Class::ConnectRefused);
}

#[tokio::test]
async fn a_name_that_does_not_exist_was_certainly_not_taken() {
    let transport = HttpTransport::new(Duration::from_secs(5), 1).expect("a client");
    let mut request = request(SocketAddr::from(([127, 0, 0, 1], 1)));
    request.url = "https://no-such-name.invalid/".to_owned(); // RFC 6761 section 6.4
    let class = class(transport.send(request).await);
    assert!(matches!(class, Class::NameResolution | Class::ConnectTimeout), "{class:?}");
}

#[tokio::test]
async fn a_plain_server_behind_https_is_a_tls_failure() {
    let address = listen(|mut peer, _| async move {
        peer.hears().await;
        peer.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        peer.close().await;
    })
    .await;
    let transport = HttpTransport::new(Duration::from_secs(5), 1).expect("a client");
    let request = HttpRequest { url: format!("https://{address}/"), ..request(address) };
    assert_eq!(class(transport.send(request).await), Class::TlsFailed);
}

#[tokio::test]
async fn plain_http_to_another_machine_is_not_even_tried() {
    let transport = HttpTransport::new(Duration::from_secs(5), 1).expect("a client");
    for url in ["http://192.0.2.1/send", "http://api.example.com/send", "ftp://127.0.0.1/send", "send"] {
        let request = request(SocketAddr::from(([127, 0, 0, 1], 1)));
        let request = HttpRequest { url: url.to_owned(), ..request };
        assert_eq!(class(transport.send(request).await), Class::Unbuildable, "{url}");
    }
}

/// Three frames, made while they are sent.
struct Frames;

impl BodySource for Frames {
    fn length(&self) -> u64 {
        3 * 50_000
    }

    fn frames(self: Arc<Self>) -> Box<dyn Iterator<Item = Bytes> + Send> {
        Box::new((0..3).map(|frame| Bytes::from(vec![b'a' + frame; 50_000])))
    }
}

#[tokio::test]
async fn a_body_made_while_it_is_sent_has_its_exact_length_in_front() {
    let (address, heard) = hearing(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let transport = HttpTransport::new(Duration::from_secs(5), 1).expect("a client");
    let streamed = HttpRequest { body: Body::Streamed(Arc::new(Frames)), ..request(address) };
    assert!(matches!(transport.send(streamed).await, Observed::Reply(reply) if reply.status == 200));
    let heard = heard.lock().expect("no panic").clone();
    let body = &heard[heard.len() - 150_000..];
    assert!(body.chunks(50_000).zip(b"abc").all(|(frame, letter)| frame.iter().all(|byte| byte == letter)));
}
