//! The real HTTP client against raw sockets: what each failure is taken to prove.

use bytes::Bytes;
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};
use volley_core::Class;
use volley_engine::{HttpTransport, Observed, Transport};
use volley_provider::http::{Body, BodySource, Header, HttpRequest};

/// A server that accepts one connection, reads one request, and does `act` with the connection.
/// Gives its address and, when joined, the request as it was read.
fn serve_once(
    act: impl FnOnce(&mut TcpStream) + Send + 'static,
) -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let request = read_request(&mut stream);
        act(&mut stream);
        request
    });
    (address, server)
}

/// Reads a head and as much body as its Content-Length says.
fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut buffer = [0; 16_384];
    loop {
        let count = stream.read(&mut buffer).expect("a request");
        assert!(count > 0, "the request ended early");
        request.extend_from_slice(&buffer[..count]);
        if let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("an exact length, never chunked").parse().expect("a number");
            if request.len() >= head + 4 + length {
                return request;
            }
        }
    }
}

fn request(address: SocketAddr) -> HttpRequest {
    HttpRequest {
        method: volley_provider::http::Method::Post,
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
    let (address, server) = serve_once(|stream| {
        stream
            .write_all(b"HTTP/1.1 429 Slow Down\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno")
            .expect("sent");
    });
    let Observed::Reply(reply) = send(address).await else { panic!("a reply was expected") };
    assert_eq!((reply.status, reply.header("retry-after"), &reply.body[..]), (429, Some("3"), &b"no"[..]));
    let heard = String::from_utf8(server.join().expect("a server")).expect("text").to_ascii_lowercase();
    assert!(heard.starts_with("post /send?x=secret-in-address http/1.1\r\n"), "{heard}");
    assert!(heard.contains("x-api-key: sim-key\r\n") && heard.ends_with("\r\n\r\nhello"), "{heard}");
    for absent in ["referer", "transfer-encoding", "accept-encoding", "upgrade"] {
        assert!(!heard.contains(absent), "{absent} in {heard}");
    }
}

#[tokio::test]
async fn what_ends_before_the_answer_may_have_been_taken() {
    let close: fn(&mut TcpStream) = |stream| stream.shutdown(Shutdown::Both).expect("closed");
    let half_a_head: fn(&mut TcpStream) = |stream| stream.write_all(b"HTTP/1.1 20").expect("sent");
    let nonsense: fn(&mut TcpStream) =
        |stream| stream.write_all(b"\x16\x03\x01 this is not HTTP\r\n\r\n").expect("sent");
    for (act, expected) in
        [(close, Class::ReplyLost), (half_a_head, Class::ReplyLost), (nonsense, Class::BadHead)]
    {
        let (address, server) = serve_once(act);
        let class = class(send(address).await);
        assert_eq!(class, expected);
        server.join().expect("a server");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_proves_no_more_than_its_status() {
    for (status, expected) in [(200, Class::BodyCut), (401, Class::Credentials), (502, Class::ServerError)] {
        let (address, _server) = serve_once(move |stream| {
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\nshort").expect("sent");
        });
        assert_eq!(class(send(address).await), expected, "{status}");
    }
}

#[tokio::test]
async fn an_answer_of_more_than_256_kib_is_not_read_further() {
    let (address, _server) = serve_once(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").expect("sent");
        // Until the client hangs up.
        while stream.write_all(&[b' '; 16_384]).is_ok() {}
    });
    assert_eq!(class(send(address).await), Class::BodyCut);
}

#[tokio::test]
async fn no_answer_in_time_may_have_been_taken() {
    let (address, _server) = serve_once(|stream| drop(stream.read(&mut [0])));
    let transport = HttpTransport::new(Duration::from_millis(200), 1).expect("a client");
    assert_eq!(class(transport.send(request(address)).await), Class::TimedOut);
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
    request.url = "http://no-such-name.invalid/".to_owned(); // RFC 6761 section 6.4
    let class = class(transport.send(request).await);
    assert!(matches!(class, Class::NameResolution | Class::ConnectTimeout), "{class:?}");
}

#[tokio::test]
async fn a_plain_server_behind_https_is_a_tls_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        drop(stream.read(&mut [0; 16_384]));
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").expect("sent");
    });
    let transport = HttpTransport::new(Duration::from_secs(5), 1).expect("a client");
    let mut request = request(address);
    request.url = format!("https://{address}/");
    assert_eq!(class(transport.send(request).await), Class::TlsFailed);
    server.join().expect("a server");
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port");
    elsewhere.set_nonblocking(true).expect("non-blocking");
    let target = elsewhere.local_addr().expect("an address");
    for status in [301, 302, 303, 307, 308] {
        let (address, _server) = serve_once(move |stream| {
            write!(
                stream,
                "HTTP/1.1 {status} Moved\r\nLocation: http://{target}/\r\nContent-Length: 0\r\n\r\n"
            )
            .expect("sent");
        });
        let Observed::Reply(reply) = send(address).await else { panic!("{status}: a reply was expected") };
        assert_eq!(reply.status, status);
    }
    assert!(elsewhere.accept().is_err(), "no byte went to the other host");
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
    let (address, server) = serve_once(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("sent");
    });
    let transport = HttpTransport::new(Duration::from_secs(5), 1).expect("a client");
    let streamed = HttpRequest { body: Body::Streamed(Arc::new(Frames)), ..request(address) };
    assert!(matches!(transport.send(streamed).await, Observed::Reply(reply) if reply.status == 200));
    let heard = server.join().expect("a server");
    let body = &heard[heard.len() - 150_000..];
    assert!(body.chunks(50_000).zip(b"abc").all(|(frame, letter)| frame.iter().all(|byte| byte == letter)));
}
