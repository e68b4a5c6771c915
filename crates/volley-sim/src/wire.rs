//! Replies that are broken below HTTP, and connections that end in the middle of a request.
//!
//! Whole replies are hyper's to write, and so is reading requests. What hyper would never write is
//! written here, straight to the socket, byte by byte as it is told. Nothing is held that could be
//! made while it is written, so a reply of a gigabyte costs the gateway nothing. Not here: when any
//! of this happens, which the gateway decides.

mod bomb; // small bodies that unpack to large ones

use crate::http::Reply;
use hyper::StatusCode;
use serde::Deserialize;
use std::{fmt::Write as _, io, num::NonZeroUsize, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::TcpStream,
    time::sleep,
};

/// How a reply is broken. Lengths and places count the bytes of the whole reply, its head included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// It ends after so many bytes; one that is not longer leaves whole.
    Cut {
        /// Bytes that still leave.
        bytes: usize,
        /// How the connection ends then.
        end: End,
    },
    /// It leaves in drops.
    Drip {
        /// The size of one drop.
        bytes: NonZeroUsize,
        /// The time between two of them.
        pause: Duration,
    },
    /// It leaves twice. Without a pause both are written as one piece.
    Doubled {
        /// The time between the first and the second.
        pause: Duration,
    },
    /// Its head says two lengths: that of the body, and one more.
    TwoLengths,
    /// `100 Continue` comes in its place, again and again, until the peer hangs up.
    Continues,
    /// Its head has more headers.
    HeaderFlood {
        /// How many more.
        headers: usize,
        /// The length of each one's value.
        bytes: usize,
    },
    /// Blanks follow its body, and its length counts them.
    Padded {
        /// The length of the body with them; one that is longer already has none.
        bytes: u64,
    },
    /// Its body is some kilobytes that unpack to 512 MiB of blanks.
    Bomb {
        /// What packed it.
        encoding: Encoding,
    },
}

/// How a connection ends on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It closes in good order: what was written arrives, and then the end of the stream.
    Close,
    /// It is reset: what was written may be lost on its way.
    Reset,
    /// It stays open, and nothing is read or written any more.
    Silence,
}

/// How a body is packed (RFC 9110 section 8.4.1, RFC 7932, RFC 8878).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// `gzip`.
    Gzip,
    /// Brotli, `br`.
    Br,
    /// `zstd`.
    Zstd,
}

/// What becomes of a connection once a broken reply was written.
pub(crate) enum After {
    /// It serves the next request.
    GoOn,
    /// It closes.
    Close,
    /// It is reset.
    Reset,
}

/// What is written at once where much is written.
const BLOCK_BYTES: usize = 16 * 1024;

/// How often a silent connection is asked whether its peer is gone.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Writes `reply`, broken as `how` says. An error means that the peer is gone.
pub(crate) async fn send(stream: &mut TcpStream, reply: &Reply, how: Breakage) -> io::Result<After> {
    match how {
        Breakage::Cut { bytes, end } => {
            let whole = whole(reply);
            let part = whole.get(..bytes).unwrap_or(&whole);
            stream.write_all(part).await?;
            if part.len() < whole.len() {
                return ended(stream, end).await;
            }
        }
        Breakage::Drip { bytes, pause } => {
            for drop in whole(reply).chunks(bytes.get()) {
                stream.write_all(drop).await?;
                sleep(pause).await;
            }
        }
        Breakage::Doubled { pause } if pause.is_zero() => {
            let whole = whole(reply);
            stream.write_all(&[&whole[..], &whole].concat()).await?;
        }
        Breakage::Doubled { pause } => {
            let whole = whole(reply);
            stream.write_all(&whole).await?;
            sleep(pause).await;
            stream.write_all(&whole).await?;
        }
        Breakage::TwoLengths => {
            let length = reply.body.len();
            let lengths = format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 1);
            stream.write_all(&written(reply, &lengths, &reply.body)).await?;
        }
        Breakage::Continues => {
            let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(BLOCK_BYTES / 32);
            loop {
                stream.write_all(many.as_bytes()).await?;
            }
        }
        Breakage::HeaderFlood { headers, bytes } => {
            stream.write_all(start(reply).as_bytes()).await?;
            for number in 0..headers {
                stream.write_all(format!("x-flood-{number}: ").as_bytes()).await?;
                fill(stream, b'x', bytes as u64).await?;
                stream.write_all(b"\r\n").await?;
            }
            let length = format!("{}\r\n", length_line(reply.body.len() as u64));
            stream.write_all(&[length.as_bytes(), &reply.body].concat()).await?;
        }
        Breakage::Padded { bytes } => {
            let length = reply.body.len() as u64;
            let padded = bytes.max(length);
            stream.write_all(&written(reply, &length_line(padded), &reply.body)).await?;
            fill(stream, b' ', padded - length).await?;
        }
        Breakage::Bomb { encoding } => {
            let body = bomb::body(encoding);
            let word = match encoding {
                Encoding::Gzip => "gzip",
                Encoding::Br => "br",
                Encoding::Zstd => "zstd",
            };
            let lines = format!("content-encoding: {word}\r\n{}", length_line(body.len() as u64));
            stream.write_all(&written(reply, &lines, &body)).await?;
        }
    }
    Ok(After::GoOn)
}

/// Reads so many bytes of a connection, and ends it.
pub(crate) async fn hang_up(stream: &mut TcpStream, bytes: u64, end: End) -> io::Result<After> {
    let (mut left, mut piece) = (bytes, [0; 1024]);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        let count = stream.read(&mut piece[..most]).await?;
        if count == 0 {
            return Ok(After::Close); // the peer ended it before
        }
        left -= count as u64;
    }
    ended(stream, end).await
}

/// The bytes of the whole reply.
pub(crate) fn whole(reply: &Reply) -> Vec<u8> {
    written(reply, &length_line(reply.body.len() as u64), &reply.body)
}

/// A head with `lines` behind its own ones, and `body`.
fn written(reply: &Reply, lines: &str, body: &[u8]) -> Vec<u8> {
    [start(reply).as_bytes(), lines.as_bytes(), b"\r\n", body].concat()
}

/// The status line and the headers but for the length.
fn start(reply: &Reply) -> String {
    let status = StatusCode::from_u16(reply.status).expect("the gateway's statuses are checked");
    let mut start = format!("HTTP/1.1 {} {}\r\n", reply.status, status.canonical_reason().unwrap_or("X"));
    for (name, value) in &reply.headers {
        write!(start, "{name}: {value}\r\n").expect("a string takes every write");
    }
    start
}

fn length_line(length: u64) -> String {
    format!("content-length: {length}\r\n")
}

/// Writes `byte` so many times.
async fn fill(stream: &mut TcpStream, byte: u8, mut count: u64) -> io::Result<()> {
    let block = vec![byte; BLOCK_BYTES];
    while count > 0 {
        let most = usize::try_from(count).unwrap_or(usize::MAX).min(block.len());
        stream.write_all(&block[..most]).await?;
        count -= most as u64;
    }
    Ok(())
}

/// Ends a connection, as far as that is to be seen before the stream is dropped.
async fn ended(stream: &mut TcpStream, end: End) -> io::Result<After> {
    match end {
        End::Reset => return Ok(After::Reset),
        End::Close => {
            stream.shutdown().await?;
            // A socket that is closed with something unread is reset by the system.
            let mut piece = [0; 1024];
            while stream.read(&mut piece).await? > 0 {}
        }
        End::Silence => {
            while !stream.ready(Interest::READABLE).await?.is_read_closed() {
                sleep(LOOK_EVERY).await;
            }
        }
    }
    Ok(After::Close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_its_head_its_length_and_its_body() {
        let reply = Reply::new(404, "text/plain", "gone");
        let text = "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\ngone";
        assert_eq!(String::from_utf8(whole(&reply)).expect("UTF-8"), text);
    }
}
