//! A TCP stream whose output can be made to end in the middle of a reply's body.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Passes everything through until its [`Shears`] are set.
pub(crate) struct CutStream {
    pub(crate) stream: TcpStream,
    shears: Shears,
}

/// The handle that says where the next reply ends; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Shears(Arc<Mutex<Option<Cut>>>);

/// Lets one reply's head pass, then so many bytes.
#[derive(Clone, Copy)]
struct Cut {
    /// How much of the empty line that ends the head was seen: 0 to 4 bytes.
    head_end: usize,
    bytes_left: usize,
}

impl Cut {
    /// Whether `byte` may still leave.
    fn lets_pass(&mut self, byte: u8) -> bool {
        const HEAD_END: &[u8; 4] = b"\r\n\r\n";
        match HEAD_END.get(self.head_end) {
            None if self.bytes_left == 0 => return false,
            None => self.bytes_left -= 1,
            Some(&next) if byte == next => self.head_end += 1,
            Some(_) => self.head_end = usize::from(byte == b'\r'),
        }
        true
    }

    /// How many bytes at the start of `out` may still leave.
    fn allowance(mut self, out: &[u8]) -> usize {
        out.iter().take_while(|&&byte| self.lets_pass(byte)).count()
    }
}

impl Shears {
    /// From here on one reply's head and `body_bytes` of its body leave; `None`: everything.
    pub(crate) fn set(&self, body_bytes: Option<usize>) {
        *self.lock() = body_bytes.map(|bytes_left| Cut { head_end: 0, bytes_left });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Cut>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CutStream {
    pub(crate) fn new(stream: TcpStream) -> (Self, Shears) {
        let shears = Shears::default();
        (Self { stream, shears: shears.clone() }, shears)
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &[u8],
    ) -> Poll<io::Result<usize>> {
        let shears = self.shears.clone();
        let mut cut = shears.lock();
        let Some(cut) = cut.as_mut() else {
            return Pin::new(&mut self.stream).poll_write(context, out);
        };
        let allowed = cut.allowance(out);
        if allowed == 0 && !out.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, &out[..allowed]);
        if let Poll::Ready(Ok(count)) = written {
            out[..count].iter().for_each(|&byte| assert!(cut.lets_pass(byte), "no more than is allowed"));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for CutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_passes_whole_and_the_body_to_its_limit() {
        let reply = b"HTTP/1.1 200 OK\r\nx: \r\r\n\r\nbody";
        let head = reply.len() - 4;
        for bytes_left in 0..4 {
            let cut = Cut { head_end: 0, bytes_left };
            assert_eq!(cut.allowance(reply), head + bytes_left);
        }
        assert_eq!(Cut { head_end: 0, bytes_left: 9 }.allowance(reply), reply.len());
    }

    #[test]
    fn a_head_may_come_in_pieces() {
        let reply = b"HTTP/1.1 200 OK\r\n\r\nbody";
        let mut cut = Cut { head_end: 0, bytes_left: 2 };
        let passed = reply.iter().filter(|&&byte| cut.lets_pass(byte)).count();
        assert_eq!(passed, reply.len() - 2);
    }
}
