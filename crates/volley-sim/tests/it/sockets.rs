//! The gateway behind a real listener, spoken to byte by byte.

use crate::{
    mesms::two_million,
    support::{calm, form, send_one},
};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};
use volley_sim::{Config, DeliveryMix, Fault, MAX_BODY_BYTES, Mischief, Request, Server, StartError};

/// A server on a port of its own, with a thread of its own.
pub(crate) struct Rig {
    runtime: Runtime,
    server: Server,
}

impl Rig {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self::with(Config { faults, ..calm() })
    }

    fn with(config: Config) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let address = "127.0.0.1:0".parse().expect("an address");
        let server = runtime.block_on(Server::start(config, address)).expect("loopback is free");
        Self { runtime, server }
    }

    pub(crate) fn under(what: Mischief) -> Self {
        Self::new(vec![Fault::at(1, what)])
    }

    /// A client that gives up, and fails its test, after half a minute of silence.
    pub(crate) fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.server.address).expect("it listens");
        client.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
        client.set_write_timeout(Some(Duration::from_secs(30))).expect("a socket");
        client
    }

    pub(crate) fn taken(&self) -> u64 {
        self.server.gateway.lock().expect("no panic").recipients_taken()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.server.gateway.lock().expect("no panic").requests_seen()
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.server.shutdown());
    }
}

/// `request` as it goes over the wire.
pub(crate) fn bytes(request: &Request) -> Vec<u8> {
    let mut wire =
        format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", request.method, request.path).into_bytes();
    let length = ("content-length".to_owned(), request.body.len().to_string());
    for (name, value) in request.headers.iter().chain([&length]) {
        write!(wire, "{name}: {value}\r\n").expect("a buffer takes every write");
    }
    [&wire, &b"\r\n"[..], &request.body].concat()
}

/// The next reply's head and the length that it announces.
pub(crate) fn read_head(client: &mut TcpStream) -> (String, usize) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("a whole head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("ASCII").to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.parse().ok()).expect("a length");
    (head, length)
}

/// The next whole reply: its status line and its body.
pub(crate) fn read_reply(client: &mut TcpStream) -> (String, String) {
    let (head, length) = read_head(client);
    let mut body = vec![0; length];
    client.read_exact(&mut body).expect("a whole body");
    let status = head.lines().next().unwrap_or_default().to_owned();
    (status, String::from_utf8(body).expect("UTF-8"))
}

/// Everything up to the end of the stream, however it ends.
pub(crate) fn read_rest(client: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    match client.read_to_end(&mut rest) {
        Ok(_) => rest,
        Err(fault) if fault.kind() == ErrorKind::ConnectionReset => rest,
        Err(fault) => panic!("the connection neither ended nor was reset: {fault}"),
    }
}

#[test]
fn a_connection_serves_one_request_after_another() {
    let rig = Rig::new(Vec::new());
    let mut client = rig.connect();
    for count in 1..=3 {
        client.write_all(&bytes(&send_one())).expect("it reads");
        let (status, body) = read_reply(&mut client);
        assert_eq!(status, "http/1.1 200 ok");
        assert!(body.contains("\"SUCCESS\""), "{body}");
        assert_eq!((rig.taken(), rig.requests()), (count, count), "in the ledger before the reply");
    }
    rig.stop();
}

#[test]
fn a_reset_comes_before_the_body_is_read_and_takes_nothing() {
    let rig = Rig::under(Mischief::Reset);
    let mut client = rig.connect();
    let request = bytes(&send_one());
    // The last byte is never sent: a gateway that waits for the body would never answer.
    client.write_all(&request[..request.len() - 1]).expect("it reads the head");
    let fault = client.read(&mut [0; 64]).expect_err("nothing is ever sent");
    assert_eq!(fault.kind(), ErrorKind::ConnectionReset);
    assert_eq!((rig.taken(), rig.requests()), (0, 1));
    rig.stop();
}

#[test]
fn a_lost_reply_is_taken_and_then_the_connection_closes() {
    let rig = Rig::under(Mischief::CommitThenDrop);
    let mut client = rig.connect();
    client.write_all(&bytes(&send_one())).expect("it reads");
    assert_eq!(read_rest(&mut client), b"");
    assert_eq!((rig.taken(), rig.requests()), (1, 1));
    rig.stop();
}

#[test]
fn a_cut_reply_ends_at_exactly_its_byte() {
    for bytes_left in [0, 1, 17] {
        let rig = Rig::under(Mischief::Truncate { bytes: bytes_left });
        let mut client = rig.connect();
        client.write_all(&bytes(&send_one())).expect("it reads");
        let (head, announced) = read_head(&mut client);
        assert!(head.starts_with("http/1.1 200 ok") && announced > 17, "{head}");
        assert_eq!(read_rest(&mut client).len(), bytes_left);
        assert_eq!(rig.taken(), 1);
        rig.stop();
    }
}

#[test]
fn a_cut_beyond_the_body_cuts_nothing() {
    let rig = Rig::under(Mischief::Truncate { bytes: 10_000 });
    let mut client = rig.connect();
    for _ in 0..2 {
        client.write_all(&bytes(&send_one())).expect("it reads");
        assert_eq!(read_reply(&mut client).0, "http/1.1 200 ok");
    }
    rig.stop();
}

#[test]
fn a_stalled_request_is_taken_and_never_answered() {
    let rig = Rig::under(Mischief::Stall { taken: true });
    let mut stalled = rig.connect();
    stalled.write_all(&bytes(&send_one())).expect("it reads");
    let is_taken = (0..50_000_000).any(|_| {
        thread::yield_now();
        rig.taken() == 1
    });
    assert!(is_taken);
    let mut other = rig.connect();
    other.write_all(&bytes(&send_one())).expect("it reads");
    assert_eq!(read_reply(&mut other).0, "http/1.1 200 ok", "others are served meanwhile");
    stalled.shutdown(Shutdown::Write).expect("a socket");
    assert_eq!(read_rest(&mut stalled), b"");
    rig.stop();
}

#[test]
fn stopping_closes_connections_in_whatever_state_they_are() {
    let rig = Rig::under(Mischief::Stall { taken: false });
    let (mut stalled, mut idle) = (rig.connect(), rig.connect());
    stalled.write_all(&bytes(&send_one())).expect("it reads");
    idle.write_all(&bytes(&send_one())).expect("it reads");
    // Whichever came first is the one that stalls; both are open when the server stops.
    rig.stop();
    let unanswered = [read_rest(&mut stalled), read_rest(&mut idle)].into_iter().filter(Vec::is_empty);
    assert!(unanswered.count() >= 1);
}

#[test]
fn dropping_a_server_stops_it() {
    let Rig { runtime, server } = Rig::under(Mischief::Stall { taken: true });
    let mut client = TcpStream::connect(server.address).expect("it listens");
    client.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    client.write_all(&bytes(&send_one())).expect("it reads");
    drop(server);
    assert_eq!(read_rest(&mut client), b"");
    drop(runtime);
}

#[test]
fn pages_and_throttles_leave_the_connection_open() {
    let faults = vec![
        Fault::at(1, Mischief::ErrorBefore { status: 502 }),
        Fault::at(2, Mischief::Throttle { retry_after: Some("2".to_owned()) }),
        Fault::at(3, Mischief::Rubbish { taken: false }),
        Fault::at(4, Mischief::ErrorAfter { status: 500 }),
    ];
    let rig = Rig::new(faults);
    let mut client = rig.connect();
    let statuses = [1, 2, 3, 4, 5].map(|_| {
        client.write_all(&bytes(&send_one())).expect("it reads");
        read_reply(&mut client).0
    });
    assert_eq!(
        statuses,
        [
            "http/1.1 502 bad gateway",
            "http/1.1 429 too many requests",
            "http/1.1 200 ok",
            "http/1.1 500 internal server error",
            "http/1.1 200 ok"
        ]
    );
    assert_eq!(rig.taken(), 2);
    rig.stop();
}

#[test]
fn a_body_in_chunks_is_read_like_any_other() {
    let rig = Rig::new(Vec::new());
    let mut client = rig.connect();
    let request = send_one();
    let whole = String::from_utf8(bytes(&request)).expect("a form");
    let (head, body) = whole.split_once("\r\n\r\n").expect("a head");
    let (head, _) = head.rsplit_once("\r\n").expect("the length comes last");
    let (first, second) = body.split_at(10);
    let chunks = format!("a\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", second.len());
    let chunked = format!("{head}\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
    client.write_all(chunked.as_bytes()).expect("it reads");
    assert_eq!(read_reply(&mut client).0, "http/1.1 200 ok");
    assert_eq!(rig.taken(), 1);
    rig.stop();
}

#[test]
fn a_body_above_the_limit_is_refused_unread() {
    let rig = Rig::new(Vec::new());
    let mut client = rig.connect();
    let head =
        format!("POST /send-sms.json HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", MAX_BODY_BYTES + 1);
    client.write_all(head.as_bytes()).expect("it reads");
    assert_eq!(read_reply(&mut client).0, "http/1.1 413 payload too large");
    assert_eq!(read_rest(&mut client), b"");
    assert_eq!((rig.taken(), rig.requests()), (0, 1));
    rig.stop();
}

#[test]
fn two_million_numbers_go_through_in_one_request() {
    let rig = Rig::new(Vec::new());
    let mut client = rig.connect();
    client.write_all(&bytes(&two_million())).expect("it reads");
    let (status, body) = read_reply(&mut client);
    assert_eq!(status, "http/1.1 200 ok");
    assert!(body.contains("\"recipients\":2000000,"), "{body}");
    assert_eq!(rig.taken(), 2_000_000);
    rig.stop();
}

#[test]
fn an_address_in_use_is_named() {
    let rig = Rig::new(Vec::new());
    let address = rig.server.address;
    let fault = rig.runtime.block_on(Server::start(calm(), address)).err().expect("it is in use");
    assert!(matches!(fault, StartError::Listen { .. }) && fault.to_string().contains(&address.to_string()));
    rig.stop();
}

/// A customer of the gateway's: the first line and the headers of each call to it, in small letters.
fn customer() -> (std::net::SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is free");
    let address = listener.local_addr().expect("it listens");
    let (heads, received) = mpsc::channel();
    thread::spawn(move || {
        for call in listener.incoming() {
            let mut call = call.expect("the gateway calls");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                call.read_exact(&mut byte).expect("a whole head");
                head.push(byte[0]);
            }
            call.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").expect("the gateway reads");
            if heads.send(String::from_utf8(head).expect("ASCII").to_ascii_lowercase()).is_err() {
                return; // the test is over
            }
        }
    });
    (address, received)
}

#[test]
fn customers_on_this_machine_are_called_and_dead_ones_keep_nobody_waiting() {
    let quick = Duration::ZERO..=Duration::ZERO;
    let delivery = DeliveryMix { delay: quick, ..DeliveryMix::all_delivered() };
    let rig = Rig::with(Config { delivery, ..calm() });
    let (address, calls) = customer();
    let mut client = rig.connect();
    // Nobody listens at the first, and the second is not on this machine.
    for url in ["http://127.0.0.1:1/dlr", "http://192.0.2.1/dlr", &format!("http://{address}/dlr?token=t")] {
        let sent = [("message", "hi"), ("to", "61491570006"), ("dlr_callback", url)];
        client.write_all(&bytes(&form("/send-sms.json", &sent))).expect("it reads");
        assert_eq!(read_reply(&mut client).0, "http/1.1 200 ok");
    }
    // Both are due at once, so either may come first.
    let mut both = [(); 2].map(|()| calls.recv_timeout(Duration::from_secs(30)).expect("a call"));
    both.sort_unstable();
    for (call, word) in both.iter().zip(["delivered", "pending"]) {
        assert!(call.starts_with("get /dlr?token=t&message_id=510000003&mobile=61491570006&"), "{call}");
        assert!(call.contains(&format!("&status={word}&user_id=60001 http/1.1\r\n")), "{call}");
        assert!(call.contains(&format!("\r\nhost: {address}\r\n")), "{call}");
        assert!(call.contains("\r\nx-transmitsms-signature: "), "{call}");
    }
    rig.stop();
}
