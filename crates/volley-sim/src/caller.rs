//! Makes the calls that the gateway owes its customers: plain HTTP/1.1 to this machine alone.
//!
//! The gateway says what is due and when; this only sends, so many at once, and says what failed.
//! Anything but a 2xx in time is a failure, and so is an address that is not a loopback one: a
//! simulated gateway calls nobody else. Requests never wait for it.

use crate::{Callback, Gateway};
use http_body_util::Full;
use hyper::{Uri, client::conn::http1};
use hyper_util::rt::TokioIo;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    select,
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

/// Calls that are on their way at once.
const MAX_CALLS: usize = 32;

/// How long a customer has to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Makes every call of `gateway` when it is due, for ever; its time is counted from `start`.
/// `news` is told when something may have become due earlier than before.
pub(crate) async fn make_calls(gateway: Arc<Mutex<Gateway>>, start: Instant, news: Arc<Notify>) {
    let mut calls = JoinSet::new();
    loop {
        let next_at = {
            let mut gateway = gateway.lock().unwrap_or_else(PoisonError::into_inner);
            let due: Vec<Callback> =
                gateway.due_callbacks(start.elapsed()).take(MAX_CALLS - calls.len()).collect();
            for callback in due {
                calls.spawn(failing(callback));
            }
            gateway.next_callback()
        };
        let next_at = next_at.filter(|_| calls.len() < MAX_CALLS).and_then(|at| start.checked_add(at));
        select! {
            Some(ended) = calls.join_next() => {
                if let Ok(Some(failed)) = ended {
                    gateway.lock().unwrap_or_else(PoisonError::into_inner).callback_failed(&failed);
                }
            }
            () = news.notified() => {}
            () = sleep_until(next_at.unwrap_or(start)), if next_at.is_some() => {}
        }
    }
}

/// Makes a call, and gives it back if it failed.
async fn failing(callback: Callback) -> Option<Callback> {
    let status = timeout(ANSWER_WITHIN, status_of(&callback)).await.ok().flatten();
    (!status.is_some_and(|status| status.is_success())).then_some(callback)
}

/// The status that a customer answers with; `None` without an answer.
async fn status_of(callback: &Callback) -> Option<hyper::StatusCode> {
    let uri: Uri = callback.url.parse().ok()?;
    let stream = TcpStream::connect(loopback(&uri)?).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = hyper::Request::builder()
        .method(callback.method)
        .uri(target)
        .header("host", uri.authority()?.as_str())
        .header("connection", "close");
    for (name, value) in &callback.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(callback.body.clone())).ok()?;
    select! {
        biased;
        response = sender.send_request(request) => response.ok().map(|response| response.status()),
        _ = connection => None,
    }
}

/// Where `uri` leads, if that is this machine by plain HTTP.
fn loopback(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host().filter(|_| uri.scheme_str() == Some("http"))?;
    let address = match host.trim_start_matches('[').trim_end_matches(']') {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        literal => literal.parse().ok()?,
    };
    address.is_loopback().then(|| SocketAddr::new(address, uri.port_u16().unwrap_or(80)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_ever_called() {
        for (url, address) in [
            ("http://127.0.0.1:8080/dlr?a=b", Some("127.0.0.1:8080")),
            ("http://127.9.9.9/dlr", Some("127.9.9.9:80")),
            ("http://localhost:1/", Some("127.0.0.1:1")),
            ("http://[::1]:9/", Some("[::1]:9")),
            ("https://127.0.0.1/", None),
            ("http://192.0.2.1/", None),
            ("http://example.com/", None),
            ("http://127.0.0.1.example.com/", None),
            ("http://[2001:db8::1]/", None),
        ] {
            let uri: Uri = url.parse().expect("a URL");
            assert_eq!(loopback(&uri).map(|address| address.to_string()).as_deref(), address, "{url}");
        }
    }
}
