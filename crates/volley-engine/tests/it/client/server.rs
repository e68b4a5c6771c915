//! A server that speaks bytes: what it reads, what it writes and how it ends is each test's own.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One connection, from the server's side. Whoever is gone already is not written to any more.
pub(super) struct Peer {
    stream: TcpStream,
}

/// Listens for as long as the test's runtime is there. `serve` is told which connection it has,
/// counted from 0.
pub(super) async fn listen<F, S>(serve: F) -> SocketAddr
where
    F: Fn(Peer, usize) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            tokio::spawn(serve(Peer { stream }, number));
        }
    });
    address
}

/// Answers every first request of a connection with these bytes, and closes it.
pub(super) async fn answering(reply: impl Into<Vec<u8>>) -> SocketAddr {
    let reply: Arc<[u8]> = reply.into().into();
    listen(move |mut peer, _| {
        let reply = Arc::clone(&reply);
        async move {
            peer.request().await;
            peer.write(&reply).await;
            peer.close().await;
        }
    })
    .await
}

/// A place where nothing may ever arrive, and how many connections came all the same.
pub(super) async fn trap() -> (SocketAddr, Arc<AtomicUsize>) {
    let caught = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&caught);
    let address = listen(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        async {}
    })
    .await;
    (address, caught)
}

impl Peer {
    /// The next request, head and body; `None` where the connection ends before it is whole.
    pub(super) async fn request(&mut self) -> Option<Vec<u8>> {
        let mut request = Vec::new();
        loop {
            let head = request.windows(4).position(|window| window == b"\r\n\r\n");
            if head.is_some_and(|head| request.len() >= head + 4 + length(&request[..head])) {
                return Some(request);
            }
            if self.stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Waits until there is something to be read; `false` where the connection ended.
    pub(super) async fn hears(&self) -> bool {
        matches!(self.stream.peek(&mut [0]).await, Ok(1..))
    }

    /// Reads so many bytes.
    pub(super) async fn read(&mut self, count: usize) {
        self.stream.read_exact(&mut vec![0; count]).await.expect("so many bytes");
    }

    /// Writes; `false` where the other end is gone.
    pub(super) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Writes one byte after the other with a pause between them.
    pub(super) async fn drip(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes {
            if !self.write([*byte]).await {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Writes the same again and again until the other end is gone.
    pub(super) async fn flood(&mut self, bytes: &[u8]) {
        while self.write(bytes).await {}
    }

    /// Ends the connection in good order, whatever was left unread.
    pub(super) async fn close(mut self) {
        drop(self.stream.shutdown().await);
        // A socket that is closed with something unread is reset by the system.
        let mut piece = [0; 1024];
        while self.stream.read(&mut piece).await.is_ok_and(|count| count > 0) {}
    }

    /// Resets the connection.
    pub(super) fn reset(self) {
        self.stream.set_zero_linger().expect("a socket");
    }

    /// Keeps the connection open and does nothing until the test ends.
    pub(super) async fn hold(self) {
        std::future::pending::<()>().await;
        drop(self);
    }
}

/// The body's length by a head.
fn length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned));
    length.expect("an exact length, never chunked").parse().expect("a number")
}
