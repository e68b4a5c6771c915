//! Replies that mean harm, read by the client and then by every adapter: no panic, no more memory
//! than a whole answer may take, nobody accepted, and the class of the failure table.

use super::{
    body_of, request, saying,
    server::{answering, listen, trap},
};
use crate::world::adapter;
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use volley_core::{
    Answer, Chunk, Class, Micros, Msisdn, Outcome, Planned, Position, RowNumber, Verdict, Verdicts,
};
use volley_engine::{HttpTransport, Observed, Transport};

/// Every adapter, and what its provider answers to a request for one recipient.
const FACES: [(&str, &str); 6] = [
    ("transmitsms", r#"{"message_id":7,"recipients":1,"cost":0.05,"sms":1,"error":{"code":"SUCCESS"}}"#),
    ("mesms", r#"{"uuid":"0d8f7c52","status":"pending","recipients":1,"parts":1,"credits":1}"#),
    ("maxotel", r#"{"status":1,"request":"sms/send","smsid":7741,"parts":1,"price":0.05}"#),
    ("fonedynamics", r#"{"Message":{"MessageSid":"MG0C7E","To":"+61491570006","ErrorCode":null}}"#),
    ("multitel", CODED),
    ("http", CODED),
];

/// What MultiTEL answers, and the provider that only a file describes.
const CODED: &str =
    r#"{"status":{"code":"200"},"response":{"causecode":0,"uniqueid":"0c7e-1","cost":0.03,"parts":1}}"#;

fn chunk() -> Chunk {
    let to = Msisdn::from_digits(61_491_570_006).expect("fictitious");
    let one = Planned { row: RowNumber(1), to, text: 0, segments: 1, cost: Micros(50_000) };
    Chunk { first: Position(0), texts: vec![Arc::from("Sale")], recipients: vec![one] }
}

/// What the adapter of `kind` makes of what the client saw; `None` where the recipient was taken.
fn judged(kind: &str, observed: Observed) -> Option<Class> {
    let outcome = match observed {
        Observed::Failed(failure) => Outcome::Failed(failure),
        Observed::Reply(reply) => adapter(kind).decode(&chunk(), &reply),
    };
    match outcome {
        Outcome::Failed(failure) => Some(failure.class),
        Outcome::Answered(Answer { verdicts: Verdicts::AllAccepted, .. }) => None,
        Outcome::Answered(Answer { verdicts: Verdicts::Each(each), .. })
            if matches!(each[..], [Verdict::Accepted { .. }]) =>
        {
            None
        }
        answered @ Outcome::Answered(_) => panic!("{kind}: {answered:?}"),
    }
}

async fn send(transport: &HttpTransport, address: SocketAddr) -> Observed {
    transport.send(request(address)).await
}

fn client() -> HttpTransport {
    HttpTransport::new(Duration::from_secs(20), 1).expect("a client")
}

/// A reply of JSON with these lines in its head.
fn json(lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{lines}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// `body` with `more` as its first field.
fn with(body: &str, more: &str) -> String {
    body.replacen('{', &format!("{{{more},"), 1)
}

#[tokio::test]
async fn bodies_that_mean_harm_accept_nobody_and_are_in_the_class_of_the_table() {
    let transport = client();
    for (kind, ok) in FACES {
        let first_field = ok.split('"').nth(1).expect("a field");
        let blanks = " ".repeat(256 * 1024 - ok.len());
        for (what, reply, class) in [
            ("the whole answer", json("", ok), None),
            ("a byte order mark before it", json("", format!("\u{feff}{ok}")), None),
            ("as many blanks as fit", json("", format!("{ok}{blanks}")), None),
            ("encoded as itself", json("content-encoding: identity\r\n", ok), None),
            ("one blank too many", json("", format!("{ok}{blanks} ")), Some(Class::BodyCut)),
            ("called gzip", json("content-encoding: gzip\r\n", ok), Some(Class::BodyCut)),
            ("called br", json("Content-Encoding: br\r\n", ok), Some(Class::BodyCut)),
            (
                "called zstd twice",
                json("content-encoding: identity\r\ncontent-encoding: zstd\r\n", ok),
                Some(Class::BodyCut),
            ),
            ("100,000 lists deep", json("", "[".repeat(100_000)), Some(Class::NotTheApi)),
            (
                "lists deep inside",
                json("", with(ok, &format!("\"x\":{}1{}", "[".repeat(5_000), "]".repeat(5_000)))),
                Some(Class::NotTheApi),
            ),
            (
                "a number of 400 digits",
                json("", with(ok, &format!("\"x\":1{}", "0".repeat(400)))),
                Some(Class::NotTheApi),
            ),
            ("not a number", json("", with(ok, "\"x\":NaN")), Some(Class::NotTheApi)),
            ("a field twice", json("", with(ok, &format!("\"{first_field}\":null"))), Some(Class::NotTheApi)),
            (
                "a string of 10 MiB",
                json("", with(ok, &format!("\"x\":\"{}\"", "x".repeat(10 << 20)))),
                Some(Class::BodyCut),
            ),
            ("two answers", json("", format!("{ok}{ok}")), Some(Class::NotTheApi)),
            (
                "no UTF-8",
                json("", [b"{\"x\":\"\xff\",", &ok.as_bytes()[1..]].concat()),
                Some(Class::NotTheApi),
            ),
            ("another type", saying(ok), Some(Class::NotTheApi)),
            ("nothing", json("", ""), Some(Class::NotTheApi)),
            (
                "a log-in page",
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>"
                    .to_vec(),
                Some(Class::NotTheApi),
            ),
            ("a log-in page called JSON", json("", "<html></html>"), Some(Class::NotTheApi)),
        ] {
            let address = answering(reply).await;
            assert_eq!(judged(kind, send(&transport, address).await), class, "{kind}: {what}");
        }
    }
}

#[tokio::test]
async fn a_gibibyte_is_not_read_further_than_its_first_256_kib() {
    let address = listen(|mut peer, _| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n")
            .await;
        peer.flood(&[b' '; 16_384]).await;
    })
    .await;
    assert_eq!(super::class(send(&client(), address).await), Class::BodyCut);
    let address = listen(|mut peer, _| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        peer.flood(&[&b"4000\r\n"[..], &[b' '; 0x4000], b"\r\n"].concat()).await;
    })
    .await;
    assert_eq!(super::class(send(&client(), address).await), Class::BodyCut, "in chunks without end");
}

#[tokio::test]
async fn a_redirect_is_never_followed_wherever_it_leads() {
    let transport = client();
    let (elsewhere, caught) = trap().await;
    for status in [301, 302, 303, 307, 308] {
        for target in
            [format!("http://{elsewhere}/send"), format!("https://{elsewhere}/"), "/send".to_owned()]
        {
            let head = format!("HTTP/1.1 {status} Moved\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
            let address = answering(head).await;
            let expected = if status < 304 { Class::MovedMaybe } else { Class::MovedUntaken };
            for (kind, _) in FACES {
                let class = judged(kind, send(&transport, address).await);
                assert_eq!(class, Some(expected), "{kind}: {status} to {target}");
            }
        }
    }
    assert_eq!(caught.load(Ordering::SeqCst), 0, "no byte went to the other host");
}

#[tokio::test]
async fn a_page_that_asks_for_another_protocol_is_no_answer() {
    let transport = client();
    for reply in [
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nupgrade: h2c\r\ncontent-length: 0\r\n\r\n",
    ] {
        let address = answering(reply).await;
        for (kind, _) in FACES {
            let class = judged(kind, send(&transport, address).await).expect("nobody is accepted");
            assert!(matches!(class, Class::NotTheApi | Class::ReplyLost), "{kind}: {class:?} for {reply}");
        }
    }
    assert_eq!(body_of(send(&transport, answering(saying("well")).await).await), "well");
}
