//! Connections that end after any byte of the request or of the reply, new ones and used ones.

use super::{
    body_of, request, saying,
    server::{Peer, listen},
};
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use volley_core::{Class, Fate};
use volley_engine::{HttpTransport, Observed, Transport};

/// What the server does with one request.
#[derive(Clone, Debug)]
enum Act {
    /// Reads it, and writes these bytes.
    Reply(&'static [u8]),
    /// Reads it, writes so much of the bytes, and ends the connection.
    CutReply(&'static [u8], usize, End),
    /// Reads so many bytes of it, and ends the connection.
    CutRequest(usize, End),
}

#[derive(Clone, Copy, Debug)]
enum End {
    Fin,
    Reset,
}

/// What the server is still to do, request by request.
type Script = Arc<Mutex<VecDeque<Act>>>;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\ntaken";
const CHUNKED: &[u8] =
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntak\r\n2\r\nen\r\n0\r\n\r\n";

async fn scripted(script: &Script) -> SocketAddr {
    let script = Arc::clone(script);
    listen(move |mut peer, _| {
        let script = Arc::clone(&script);
        async move {
            while peer.hears().await {
                let act = script.lock().expect("no panic").pop_front().expect("no request but those sent");
                match act {
                    Act::Reply(bytes) => {
                        peer.request().await.expect("a whole request");
                        peer.write(bytes).await;
                    }
                    Act::CutReply(bytes, count, end) => {
                        peer.request().await.expect("a whole request");
                        peer.write(&bytes[..count]).await;
                        return ended(peer, end).await;
                    }
                    Act::CutRequest(count, end) => {
                        peer.read(count).await;
                        return ended(peer, end).await;
                    }
                }
            }
        }
    })
    .await
}

async fn ended(peer: Peer, end: End) {
    match end {
        End::Fin => peer.close().await,
        End::Reset => peer.reset(),
    }
}

/// What a request comes to that meets `act`, on a new connection or on one that was used before.
async fn meets(
    transport: &HttpTransport,
    address: SocketAddr,
    script: &Script,
    used: bool,
    act: Act,
) -> Observed {
    if used {
        script.lock().expect("no panic").push_back(Act::Reply(OK));
        assert_eq!(body_of(transport.send(request(address)).await), "taken");
    }
    script.lock().expect("no panic").push_back(act);
    let observed = transport.send(request(address)).await;
    assert!(script.lock().expect("no panic").is_empty(), "the server saw it");
    observed
}

#[tokio::test]
async fn a_request_cut_after_any_byte_is_in_doubt_and_never_sent_again() {
    let script = Script::default();
    let address = scripted(&script).await;
    let transport = HttpTransport::new(Duration::from_secs(20), 1).expect("a client");
    let length = written(&script, address, &transport).await;
    for used in [false, true] {
        for end in [End::Fin, End::Reset] {
            for count in 0..=length {
                let act = Act::CutRequest(count, end);
                let observed = meets(&transport, address, &script, used, act).await;
                let Observed::Failed(failure) = observed else { panic!("{end:?} after {count}: an answer") };
                assert!(
                    matches!(failure.class, Class::ReplyLost | Class::WriteFailed),
                    "{end:?} after {count}, used: {used}: {failure:?}"
                );
                assert_eq!(failure.class.rule().fate, Fate::Doubt);
            }
        }
    }
}

/// The length of a request.
async fn written(script: &Script, address: SocketAddr, transport: &HttpTransport) -> usize {
    let seen = Arc::new(Mutex::new(0));
    let heard = Arc::clone(&seen);
    let twin = listen(move |mut peer, _| {
        let heard = Arc::clone(&heard);
        async move {
            *heard.lock().expect("no panic") = peer.request().await.expect("a request").len();
            peer.write(OK).await;
        }
    })
    .await;
    assert_eq!(body_of(transport.send(request(twin)).await), "taken");
    assert!(script.lock().expect("no panic").is_empty() && twin != address);
    let length = *seen.lock().expect("no panic");
    // The port stands in the head.
    length + address.port().to_string().len() - twin.port().to_string().len()
}

#[tokio::test]
async fn a_reply_cut_after_any_byte_is_in_doubt_and_its_request_never_sent_again() {
    let script = Script::default();
    let address = scripted(&script).await;
    let transport = HttpTransport::new(Duration::from_secs(20), 1).expect("a client");
    for whole in [OK, CHUNKED] {
        for used in [false, true] {
            for end in [End::Fin, End::Reset] {
                for count in 0..whole.len() {
                    let act = Act::CutReply(whole, count, end);
                    let observed = meets(&transport, address, &script, used, act).await;
                    let Observed::Failed(failure) = observed else {
                        panic!("{end:?} after {count}: an answer")
                    };
                    assert!(
                        matches!(failure.class, Class::ReplyLost | Class::BodyCut),
                        "{end:?} after {count}, used: {used}: {failure:?}"
                    );
                    assert_eq!(failure.class.rule().fate, Fate::Doubt);
                }
            }
            let observed =
                meets(&transport, address, &script, used, Act::CutReply(whole, whole.len(), End::Fin));
            assert_eq!(body_of(observed.await), "taken", "one that is not cut");
        }
    }
}

#[tokio::test]
async fn the_end_of_a_reply_that_ends_with_its_connection_is_not_to_be_seen() {
    const OPEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"status\": 1}";
    let head = OPEN.len() - "{\"status\": 1}".len();
    let script = Script::default();
    let address = scripted(&script).await;
    let transport = HttpTransport::new(Duration::from_secs(20), 1).expect("a client");
    for count in head..=OPEN.len() {
        let observed = meets(&transport, address, &script, false, Act::CutReply(OPEN, count, End::Fin)).await;
        // What is handed over is a prefix; only a format that knows its end tells it from a whole.
        assert_eq!(body_of(observed).as_bytes(), &OPEN[head..count]);
    }
    let observed =
        meets(&transport, address, &script, false, Act::CutReply(OPEN, OPEN.len(), End::Reset)).await;
    if let Observed::Reply(reply) = observed {
        panic!("a reset ends no reply: {reply:?}");
    }
}

#[tokio::test]
async fn two_lengths_and_other_heads_that_cannot_be_read_are_in_doubt() {
    let flood = "x: x\r\n".repeat(200);
    let long = "x".repeat(1024 * 1024);
    for head in [
        "content-length: 5\r\ncontent-length: 6\r\n".to_owned(),
        "content-length: five\r\n".to_owned(),
        "content-length: -5\r\n".to_owned(),
        "content-length 5\r\n".to_owned(),
        flood,
        format!("x: {long}\r\n"),
    ] {
        let address = super::server::answering(format!("HTTP/1.1 200 OK\r\n{head}\r\ntaken")).await;
        let shown = &head[..head.len().min(40)];
        assert_eq!(super::class(super::send(address).await), Class::BadHead, "{shown}");
    }
    for line in ["HTTP/1.1 2000 OK", "HTTP/7.1 200 OK", "HTP/1.1 200 OK", "SSH-2.0-OpenSSH_9.6", "<html>"] {
        let address = super::server::answering(format!("{line}\r\n\r\n")).await;
        assert_eq!(super::class(super::send(address).await), Class::BadHead, "{line}");
    }
}

#[tokio::test]
async fn surplus_bytes_after_a_reply_answer_nothing() {
    let twice: Vec<u8> = [saying("first"), saying("second")].concat();
    let address = listen(move |mut peer, number| {
        let bytes = if number == 0 { twice.clone() } else { saying("third") };
        async move {
            while peer.request().await.is_some() {
                peer.write(&bytes).await;
            }
        }
    })
    .await;
    let transport = HttpTransport::new(Duration::from_secs(20), 1).expect("a client");
    assert_eq!(body_of(transport.send(request(address)).await), "first");
    assert_eq!(body_of(transport.send(request(address)).await), "third", "on a connection of its own");
}

#[tokio::test]
async fn a_reply_that_comes_after_we_gave_up_answers_no_later_request() {
    let address = listen(|mut peer, number| async move {
        peer.request().await.expect("a request");
        if number == 0 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            peer.write(saying("late")).await;
            return peer.hold().await;
        }
        // Not before the late one is on its way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        peer.write(saying("own")).await;
    })
    .await;
    let hasty = HttpTransport::new(Duration::from_millis(150), 1).expect("a client");
    assert_eq!(super::class(hasty.send(request(address)).await), Class::TimedOut);
    let patient = HttpTransport::new(Duration::from_secs(20), 1).expect("a client");
    assert_eq!(body_of(patient.send(request(address)).await), "own");
}

#[tokio::test]
async fn a_second_reply_to_an_idle_connection_ends_that_connection() {
    let address = listen(|mut peer, number| async move {
        peer.request().await.expect("a request");
        if number > 0 {
            peer.write(saying("own")).await;
            return;
        }
        peer.write(saying("first")).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        peer.write(saying("stale")).await;
        peer.hold().await;
    })
    .await;
    let transport = HttpTransport::new(Duration::from_secs(20), 1).expect("a client");
    assert_eq!(body_of(transport.send(request(address)).await), "first");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(body_of(transport.send(request(address)).await), "own");
}
