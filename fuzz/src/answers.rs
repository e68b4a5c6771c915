//! The laws of every word that any provider says: to a send call, to a question, of its own accord.

use crate::reply::{account_of, chunk, reply};
use std::sync::{Arc, LazyLock};
use volley_core::{Failure, Outcome, Reference, UnixMillis, Verdict, Verdicts};
use volley_provider::{
    adapter::{Adapter, SendCall},
    inquiry::{Callback, Cursor, Inquiry, Lost, Next, Poll},
    registry,
};

/// Without a blank, so that no cleaning of a provider's words can put it together.
const SECRET: &str = "sim-secret-of-the-account";

static ACCOUNTS: LazyLock<Vec<Arc<dyn Adapter>>> =
    LazyLock::new(|| registry::kinds().filter_map(|(kind, _)| account_of(kind, SECRET)).collect());

/// `data` is an answer, or a call of a provider's to us, in the form of the files in `data/wire`;
/// every provider hears it.
///
/// Laws: whatever the bytes, every reader comes to an end; somebody is accepted only under a
/// success status; a list names a next page that is another one than this, or it ends; what is
/// shown has no secret in it.
pub fn provider_answers(data: &[u8]) {
    let reply = reply(data);
    for account in ACCOUNTS.iter() {
        let numbers = if account.capabilities().batch.ceiling() > 1 { 2 } else { 1 };
        let digits = match account.kind() {
            "multitel" => [12_025_550_100, 12_025_550_101],
            _ => [61_491_570_006, 61_491_570_156],
        };
        let chunk = chunk(&digits[..numbers]);
        match account.decode(&chunk, &reply) {
            Outcome::Failed(failure) => hides(&failure),
            Outcome::Answered(answer) => {
                let accepts = match &answer.verdicts {
                    Verdicts::AllAccepted => true,
                    Verdicts::AllInDoubt { .. } => false,
                    Verdicts::Each(each) => {
                        assert_eq!(each.len(), numbers, "one verdict for each recipient");
                        each.iter().any(|one| matches!(one, Verdict::Accepted { .. }))
                    }
                };
                let is_success = (200..=299).contains(&reply.status);
                assert!(!accepts || is_success, "{} accepts under {}", account.kind(), reply.status);
            }
        }
        let call = SendCall {
            chunk: Arc::new(chunk),
            sender: Some("12025550100".into()),
            send_at: None,
            reference: Reference::from_bits(0xC7C7),
        };
        let start = Cursor::default();
        ask(account.balance(), &reply);
        ask(account.cancel("7741"), &reply);
        ask(account.quote(&call).and_then(Result::ok), &reply);
        if let Some(page) = ask(account.senders(&start), &reply) {
            assert_ne!(page.next, Some(start.clone()), "the next page is this one");
        }
        let (from, until) = (UnixMillis(0), reply.at);
        for of in [Poll::Request("7741"), Poll::Message("7741"), Poll::Window { from, until }] {
            if let Some(page) = ask(account.receipts(of, &start), &reply) {
                assert_ne!(page.next, Some(start.clone()), "the next page is this one");
            }
        }
        let lost = Lost { call, from, until, known: Arc::default() };
        if let Some(sighting) = ask(account.lookup(&lost, &start), &reply) {
            assert_ne!(sighting.next, Next::Ask(start.clone()), "the next look is this one");
            let within = |(index, _): &(u32, _)| *index < lost.call.chunk.len();
            assert!(sighting.taken.iter().all(within), "somebody who was not sent to was taken");
        }
        let callback = Callback {
            method: "POST".to_owned(),
            query: String::from_utf8_lossy(data).lines().next().unwrap_or_default().to_owned(),
            headers: reply.headers.clone(),
            body: reply.body.clone(),
        };
        drop(account.callback(&callback));
    }
}

/// What the answer to a question says, where it says anything.
fn ask<T>(inquiry: Option<Inquiry<T>>, reply: &volley_provider::http::Reply) -> Option<T> {
    let (_, read) = inquiry?.into_parts();
    read(reply).inspect_err(hides).ok()
}

fn hides(failure: &Failure) {
    let words = failure.reason.as_str();
    assert!(!words.contains(SECRET), "a secret is shown: {words}");
    crate::assert_inert(words);
}
