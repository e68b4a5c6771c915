//! Time: what is slow or silent ends at its limit, in the class of its phase; and what waits in a
//! connection that was idle.

use super::{
    body_of, class, request, saying,
    server::{Peer, listen},
};
use bytes::Bytes;
use std::{future::Future, net::SocketAddr, pin::Pin, thread, time::Duration};
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use volley_core::Class;
use volley_engine::{HttpTransport, Observed, Transport};
use volley_provider::http::{Body, HttpRequest};

type Serve = fn(Peer) -> Pin<Box<dyn Future<Output = ()> + Send>>;

const LIMIT: Duration = Duration::from_millis(300);
const DROP: Duration = Duration::from_millis(20);

/// What becomes of `request` within [`LIMIT`]; nothing may take much longer.
async fn within_the_limit(request: HttpRequest) -> Observed {
    let transport = HttpTransport::new(LIMIT, 1).expect("a client");
    timeout(Duration::from_secs(20), transport.send(request)).await.expect("it ends by itself")
}

#[tokio::test]
async fn what_is_slow_or_silent_ends_at_the_limit_in_the_class_of_its_phase() {
    let cases: [(&str, Serve, Class); 10] = [
        ("nothing is read", |peer| Box::pin(peer.hold()), Class::TimedOut),
        (
            "reading stops in the middle",
            |mut peer| Box::pin(async move { (peer.read(100).await, peer.hold().await).1 }),
            Class::TimedOut,
        ),
        (
            "no answer",
            |mut peer| Box::pin(async move { (peer.request().await, peer.hold().await).1 }),
            Class::TimedOut,
        ),
        (
            "the head drips",
            |mut peer| {
                Box::pin(async move {
                    peer.request().await;
                    peer.drip(&saying("taken"), DROP).await;
                })
            },
            Class::TimedOut,
        ),
        (
            "the head stops",
            |mut peer| Box::pin(async move { partly(&mut peer, "HTTP/1.1 200 OK\r\ncontent-").await }),
            Class::TimedOut,
        ),
        (
            "continues without end",
            |mut peer| {
                Box::pin(async move {
                    peer.request().await;
                    peer.flood("HTTP/1.1 100 Continue\r\n\r\n".repeat(400).as_bytes()).await;
                })
            },
            Class::TimedOut,
        ),
        (
            "hints without end",
            |mut peer| {
                Box::pin(async move {
                    peer.request().await;
                    peer.flood("HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n".repeat(400).as_bytes()).await;
                })
            },
            Class::TimedOut,
        ),
        (
            "the body stops",
            |mut peer| {
                Box::pin(
                    async move { partly(&mut peer, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nta").await },
                )
            },
            Class::BodyCut,
        ),
        (
            "the body of a refusal stops",
            |mut peer| {
                Box::pin(
                    async move { partly(&mut peer, "HTTP/1.1 401 No\r\ncontent-length: 5\r\n\r\nno").await },
                )
            },
            Class::Credentials,
        ),
        (
            "the body drips",
            |mut peer| {
                Box::pin(async move {
                    peer.request().await;
                    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
                    peer.drip(&[b' '; 1000], DROP).await;
                })
            },
            Class::BodyCut,
        ),
    ];
    let mut running = JoinSet::new();
    for (what, serve, expected) in cases {
        running.spawn(async move {
            let address = listen(move |peer, _| serve(peer)).await;
            // Larger than what the system takes off our hands unread.
            let body = Body::Whole(Bytes::from(vec![b'x'; 16 * 1024 * 1024]));
            let large = matches!(what, "nothing is read" | "reading stops in the middle");
            let request = if large { HttpRequest { body, ..request(address) } } else { request(address) };
            (what, class(within_the_limit(request).await), expected)
        });
    }
    while let Some(ended) = running.join_next().await {
        let (what, class, expected) = ended.expect("no panic");
        assert_eq!(class, expected, "{what}");
    }
}

async fn partly(peer: &mut Peer, bytes: &str) {
    peer.request().await;
    peer.write(bytes).await;
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn who_cannot_be_connected_to_in_time_was_certainly_not_told() {
    // A listener whose queue is full: the system answers no further knocking.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        queue.push(stream);
    }
    assert_eq!(class(within_the_limit(request(address)).await), Class::ConnectTimeout);
    // TLS that is never answered is connecting, too.
    let silent = listen(|peer, _| peer.hold()).await;
    let request = HttpRequest { url: format!("https://{silent}/"), ..request(silent) };
    assert_eq!(class(within_the_limit(request).await), Class::ConnectTimeout);
}

#[tokio::test]
async fn an_answer_that_waits_when_a_paused_machine_wakes_up_is_read() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    // A thread of its own: it goes on while everything here stands still.
    thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut heard = Vec::new();
        while !heard.ends_with(b"hello") {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).expect("a request");
            heard.extend_from_slice(&piece[..count]);
        }
        thread::sleep(Duration::from_millis(100));
        stream.write_all(&saying("taken")).expect("sent");
        thread::sleep(Duration::from_secs(5));
    });
    let pause = async {
        sleep(Duration::from_millis(50)).await;
        thread::sleep(LIMIT * 2);
    };
    let (observed, ()) = tokio::join!(within_the_limit(request(address)), pause);
    assert_eq!(body_of(observed), "taken");
}

/// Says on which connection a request came, counted from 0; closes one that was idle for so long.
async fn counting(idle: Option<Duration>) -> SocketAddr {
    listen(move |mut peer, number| async move {
        loop {
            let heard = match idle {
                None => peer.hears().await,
                Some(idle) => timeout(idle, peer.hears()).await.unwrap_or(false),
            };
            if !heard || peer.request().await.is_none() {
                return;
            }
            peer.write(saying(&number.to_string())).await;
        }
    })
    .await
}

/// The connections that three posts with `gap` between them went over.
async fn connections(idle: Option<Duration>, gap: Duration) -> Vec<String> {
    let address = counting(idle).await;
    let transport = HttpTransport::new(Duration::from_secs(20), 1).expect("a client");
    let mut used = Vec::new();
    for _ in 0..3 {
        used.push(body_of(transport.send(request(address)).await));
        sleep(gap).await;
    }
    used
}

#[tokio::test]
async fn connections_are_used_again_within_two_seconds_and_never_after() {
    let (short, long) = (Duration::from_millis(20), Duration::from_millis(2_050));
    let (at_once, later) = tokio::join!(connections(None, short), connections(None, long));
    assert_eq!(at_once, ["0", "0", "0"]);
    assert_eq!(later, ["0", "1", "2"]);
}

#[tokio::test]
async fn a_server_that_closes_idle_connections_first_leaves_no_doubt() {
    let mut running = JoinSet::new();
    for jitter in 0..20 {
        let idle = Duration::from_millis(100 + jitter * 3);
        running.spawn(connections(Some(idle), idle + Duration::from_millis(100)));
        // Those who close later than we give up never see a request arrive too late.
        let idle = Duration::from_millis(2_200 + jitter * 40);
        running.spawn(connections(Some(idle), Duration::from_millis(2_050)));
    }
    while let Some(used) = running.join_next().await {
        assert_eq!(used.expect("no doubt"), ["0", "1", "2"]);
    }
}
