//! Servers that close connections just as the next request is written: nobody is taken twice, and
//! nothing that was not taken is believed to be.

use super::{body_of, request, saying, server::listen};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use volley_core::Taken;
use volley_engine::{HttpTransport, Observed, Transport};
use volley_provider::http::{Body, HttpRequest};

/// Even numbers from a seed (xorshift64*).
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }
}

fn number_in(variable: &str, usual: u64) -> u64 {
    let said = std::env::var(variable).ok();
    said.map_or(usual, |said| said.parse().unwrap_or_else(|_| panic!("{variable} is no number: {said}")))
}

/// `VOLLEY_POSTS` says how many posts, `SEED` which pauses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_closes_in_a_race_doubles_no_post_and_credits_none_that_was_not_seen() {
    let (posts, seed) = (number_in("VOLLEY_POSTS", 2_000), number_in("SEED", 7).max(1));
    let receipts: Arc<Mutex<HashMap<Vec<u8>, u32>>> = Arc::default();
    let book = Arc::clone(&receipts);
    let address = listen(move |mut peer, number| {
        let book = Arc::clone(&book);
        async move {
            let mut draws = Draws(seed ^ (number as u64 + 1) << 20);
            for _ in 0..=draws.below(3) {
                let Some(request) = peer.request().await else { return };
                let id = request.rsplit(|&byte| byte == b'\n').next().expect("a body").to_vec();
                *book.lock().expect("no panic").entry(id.clone()).or_default() += 1;
                peer.write(saying(&String::from_utf8(id).expect("digits"))).await;
            }
            for _ in 0..draws.below(40) {
                tokio::task::yield_now().await;
            }
            if draws.below(2) == 0 { peer.reset() } else { peer.close().await }
        }
    })
    .await;
    let transport = Arc::new(HttpTransport::new(Duration::from_secs(30), 8).expect("a client"));
    let clients = (0..8).map(|client| {
        let transport = Arc::clone(&transport);
        tokio::spawn(async move {
            let mut views = Vec::new();
            for id in (client..posts).step_by(8) {
                let body = Body::Whole(Bytes::from(id.to_string()));
                views.push((id, transport.send(HttpRequest { body, ..request(address) }).await));
            }
            views
        })
    });
    let clients: Vec<_> = clients.collect();
    let (mut answered, mut doubted) = (0, 0);
    for client in clients {
        for (id, view) in client.await.expect("no panic") {
            let times =
                receipts.lock().expect("no panic").get(id.to_string().as_bytes()).copied().unwrap_or(0);
            assert!(times <= 1, "SEED={seed}: post {id} was seen {times} times");
            match view {
                Observed::Failed(failure) if failure.class.rule().taken == Taken::No => {
                    assert_eq!(times, 0, "SEED={seed}: post {id} was seen, and {failure:?}");
                }
                Observed::Failed(_) => doubted += 1,
                reply @ Observed::Reply(_) => {
                    answered += 1;
                    assert_eq!(times, 1, "SEED={seed}: post {id} was answered and never seen");
                    assert_eq!(body_of(reply), id.to_string(), "SEED={seed}: another post's answer");
                }
            }
        }
    }
    println!("{posts} posts: {answered} answered, {doubted} in doubt, none twice");
    assert!(answered > posts / 4, "SEED={seed}: {answered} of {posts} answered");
}
