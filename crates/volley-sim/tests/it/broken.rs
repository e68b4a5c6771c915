//! Replies that are broken below HTTP, and connections that hang up, read byte by byte.

use crate::{
    sockets::{Rig, bytes, read_head, read_reply, read_rest},
    support::send_one,
};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    num::NonZeroUsize,
    time::Duration,
};
use volley_sim::{Breakage, Encoding, End, Fault, Mischief};

/// A gateway that breaks its first reply, and a client that sent the request for it.
fn broken(how: Breakage) -> (Rig, TcpStream) {
    let rig = Rig::under(Mischief::Broken(how));
    let mut client = rig.connect();
    client.write_all(&bytes(&send_one())).expect("it reads");
    (rig, client)
}

/// That another request of the same connection is served.
#[track_caller]
fn goes_on(rig: Rig, client: &mut TcpStream) {
    client.write_all(&bytes(&send_one())).expect("it reads");
    assert_eq!(read_reply(client).0, "http/1.1 200 ok");
    assert_eq!(rig.taken(), 2);
    rig.stop();
}

/// That nothing more comes, and that the connection did not end.
#[track_caller]
fn is_silent(client: &mut TcpStream) {
    client.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
    let fault = client.read(&mut [0]).expect_err("nothing comes");
    assert!(matches!(fault.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{fault}");
}

#[test]
fn a_reply_ends_at_exactly_its_byte_head_included() {
    let cut = |bytes| Mischief::Broken(Breakage::Cut { bytes, end: End::Close });
    let faults = (1..).zip(0..400).map(|(request, bytes)| Fault::at(request, cut(bytes)));
    let rig = Rig::new(faults.collect());
    let mut first = None;
    for bytes_left in 0..400 {
        let mut client = rig.connect();
        client.write_all(&bytes(&send_one())).expect("it reads");
        if first.is_some_and(|length| bytes_left >= length) {
            assert_eq!(read_reply(&mut client).0, "http/1.1 200 ok", "a longer one leaves whole");
            break;
        }
        let part = read_rest(&mut client);
        assert_eq!(part.len(), bytes_left);
        let text = String::from_utf8(part).expect("UTF-8");
        // The head tells how long the whole will be.
        first = text.split_once("\r\n\r\n").map(|(head, _)| {
            let length = head.rsplit_once("content-length: ").expect("a length").1;
            head.len() + 4 + length.parse::<usize>().expect("a number")
        });
    }
    assert_eq!(rig.taken(), first.expect("a whole head") as u64 + 1);
    rig.stop();
}

#[test]
fn a_cut_may_reset_the_connection_or_leave_it_silent() {
    let (rig, mut client) = broken(Breakage::Cut { bytes: 0, end: End::Reset });
    let fault = client.read(&mut [0]).expect_err("it is reset");
    assert_eq!((fault.kind(), rig.taken()), (ErrorKind::ConnectionReset, 1));
    rig.stop();
    let (rig, mut client) = broken(Breakage::Cut { bytes: 12, end: End::Silence });
    let mut part = [0; 12];
    client.read_exact(&mut part).expect("so many bytes");
    assert_eq!(&part, b"HTTP/1.1 200");
    is_silent(&mut client);
    rig.stop();
}

#[test]
fn a_dripping_reply_comes_whole_in_drops() {
    let drop = NonZeroUsize::new(7).expect("not zero");
    let (rig, mut client) = broken(Breakage::Drip { bytes: drop, pause: Duration::from_millis(1) });
    let mut first = [0; 64];
    let count = client.read(&mut first).expect("a drop");
    assert!(count < 64 && count.is_multiple_of(7), "{count} bytes at once");
    assert_eq!(first[..7], *b"HTTP/1.");
    let (_, length) = read_head(&mut client);
    client.read_exact(&mut vec![0; length]).expect("a whole body");
    goes_on(rig, &mut client);
}

#[test]
fn a_doubled_reply_is_the_same_reply_twice() {
    for pause in [Duration::ZERO, Duration::from_millis(5)] {
        let (rig, mut client) = broken(Breakage::Doubled { pause });
        let [first, second] = [(); 2].map(|()| read_reply(&mut client));
        assert_eq!(first, second);
        assert_eq!(rig.taken(), 1);
        goes_on(rig, &mut client);
    }
}

#[test]
fn two_lengths_stand_in_one_head() {
    let (rig, mut client) = broken(Breakage::TwoLengths);
    let (head, length) = read_head(&mut client);
    assert!(head.contains(&format!("content-length: {}\r\n", length + 1)), "{head}");
    client.read_exact(&mut vec![0; length]).expect("a whole body");
    goes_on(rig, &mut client);
}

#[test]
fn continues_come_for_as_long_as_they_are_read() {
    let (rig, mut client) = broken(Breakage::Continues);
    let mut flood = vec![0; 25 * 40_000];
    client.read_exact(&mut flood).expect("a flood");
    assert!(flood.chunks(25).all(|one| one == b"HTTP/1.1 100 Continue\r\n\r\n"));
    rig.stop();
}

#[test]
fn a_flood_of_headers_stands_before_the_body() {
    for (headers, bytes) in [(200, 20), (1, 1_048_576)] {
        let (rig, mut client) = broken(Breakage::HeaderFlood { headers, bytes });
        let (head, length) = read_head(&mut client);
        assert_eq!(head.matches("x-flood-").count(), headers);
        assert!(head.contains(&format!("x-flood-0: {}\r\n", "x".repeat(bytes))));
        client.read_exact(&mut vec![0; length]).expect("a whole body");
        goes_on(rig, &mut client);
    }
}

#[test]
fn a_padded_body_ends_in_blanks_and_is_still_json() {
    let (rig, mut client) = broken(Breakage::Padded { bytes: 1_000_000 });
    let (status, body) = read_reply(&mut client);
    assert_eq!((status.as_str(), body.len()), ("http/1.1 200 ok", 1_000_000));
    let value: serde_json::Value = serde_json::from_str(&body).expect("JSON with blanks");
    assert_eq!(value["error"]["code"], "SUCCESS");
    goes_on(rig, &mut client);
}

#[test]
fn a_bomb_says_how_it_is_packed() {
    for (encoding, word, magic) in [
        (Encoding::Gzip, "gzip", &[0x1f, 0x8b][..]),
        (Encoding::Br, "br", &[0xf4, 0xff]),
        (Encoding::Zstd, "zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
    ] {
        let (rig, mut client) = broken(Breakage::Bomb { encoding });
        let (head, length) = read_head(&mut client);
        assert!(head.contains(&format!("content-encoding: {word}\r\n")), "{head}");
        let mut body = vec![0; length];
        client.read_exact(&mut body).expect("a whole body");
        assert!(body.starts_with(magic) && length < 600_000, "{word}: {length}");
        goes_on(rig, &mut client);
    }
}

#[test]
fn a_connection_hangs_up_after_so_many_bytes_and_the_next_is_served() {
    let request = bytes(&send_one());
    for (read, end) in [(0, End::Reset), (40, End::Close), (40, End::Reset), (40, End::Silence)] {
        let rig = Rig::new(vec![Fault::at_connection(1, read, end)]);
        let mut client = rig.connect();
        // A connection that is reset at once may be gone before it is written to.
        let is_written = client.write_all(&request).is_ok();
        assert!(is_written || end == End::Reset);
        match end {
            End::Close => assert_eq!(read_rest(&mut client), b""),
            End::Reset => assert!(client.read(&mut [0]).is_err()),
            End::Silence => is_silent(&mut client),
        }
        assert_eq!((rig.taken(), rig.requests()), (0, 0), "{end:?} after {read}");
        let mut next = rig.connect();
        next.write_all(&request).expect("it reads");
        assert_eq!(read_reply(&mut next).0, "http/1.1 200 ok");
        rig.stop();
    }
}
