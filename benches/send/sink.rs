//! A provider on loopback that costs as little as it can.

use std::{
    io::{Read, Write as _},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Takes every request and answers after `delay`, until standard input is closed. Says its port
/// first.
pub(crate) fn serve(delay: Duration) {
    // Whoever started it closes this when it ends.
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    crate::runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("{}", listener.local_addr().expect("bound").port());
        std::io::stdout().flush().expect("somebody listens");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(answer_all(stream, delay));
        }
    });
}

async fn answer_all(mut stream: TcpStream, delay: Duration) {
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = Vec::with_capacity(256 * 1024);
    let mut number: u64 = 0;
    loop {
        let whole = loop {
            if let Some(length) = whole_request(&buffer) {
                break length;
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        buffer.drain(..whole);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        number += 1;
        let body =
            format!(r#"{{"uuid":"0d8f7c52-6a1e-4b7b-9f43-{number:012x}","status":"pending","credits":1}}"#);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// How many bytes the first request takes, where all of them are there.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let name = b"content-length: ";
    let at = bytes[..head].windows(name.len()).position(|part| part.eq_ignore_ascii_case(name))?;
    let digits = bytes[at + name.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    (bytes.len() >= head + length).then_some(head + length)
}
