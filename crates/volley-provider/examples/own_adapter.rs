//! An adapter for a provider that Volley does not know: what is sent to it, and what its answers
//! mean.
//!
//! `cargo run -p volley-provider --example own_adapter`
//!
//! The provider here is made up. It takes one text for up to 100 numbers as JSON, and answers
//! `{"batch": "b-17", "taken": 2}`. An adapter opens no socket, so it can be tried by calling it.
//! Handed to the engine as an `Arc<dyn Adapter>` it is paced, retried and recorded like any other.
//! Where a provider takes one field a value and answers with a code, no program is needed: the kind
//! `http` reads a file that describes it.

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};
use volley_core::{
    Answer, Batch, Billed, Capabilities, Chunk, Class, Destinations, Failure, Micros, Msisdn, Outcome,
    Planned, Polling, Position, Profile, Rate, Reference, ReplyPrice, RowNumber, Schedule, SenderRule,
    Sources, UnixMillis, Verdicts,
};
use volley_provider::{
    adapter::{Adapter, SendCall, Unbuildable},
    http::{Body, Header, HttpRequest, Method, Reply},
    retry_after,
};

/// One account with the provider.
struct Harbour {
    token: SecretString,
    capabilities: Capabilities,
}

/// Shows no token.
impl fmt::Debug for Harbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Harbour")
    }
}

impl Harbour {
    fn new(token: SecretString) -> Self {
        let capabilities = Capabilities {
            batch: Batch::SharedText { max: 100 },
            default_chunk: 100,
            sender: SenderRule { required: true, max_name: 11, spaces: false, signs: false },
            profile: Profile::STANDARD,
            destinations: Destinations::default(),
            schedule: Schedule::Never,
            rate: Rate::per_second(NonZeroU32::new(5).expect("five")),
            counts_strictly: false,
            max_in_flight: 4,
            timeout: Duration::from_secs(30),
            reply_price: ReplyPrice::Nothing,
            polling: Polling::Never,
            cancels: false,
            sources: Sources::default(),
        };
        Self { token, capabilities }
    }
}

impl Adapter for Harbour {
    fn kind(&self) -> &'static str {
        "harbour"
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable> {
        let Some(sender) = &call.sender else {
            return Err(Unbuildable("harbour needs a sender".to_owned()));
        };
        let [text] = &call.chunk.texts[..] else {
            return Err(Unbuildable("a request carries one text".to_owned()));
        };
        let to: Vec<u64> = call.chunk.recipients.iter().map(|one| one.to.digits()).collect();
        let body = json!({ "from": &**sender, "to": to, "text": &**text });
        Ok(HttpRequest {
            method: Method::Post,
            url: "https://api.harbour.example/send".to_owned(),
            secret_tail: None,
            headers: vec![
                Header::plain("content-type", "application/json"),
                Header::secret("authorization", format!("Bearer {}", self.token.expose_secret()).into()),
            ],
            body: Body::Whole(Bytes::from(body.to_string())),
        })
    }

    /// Taken is who a complete success says so of. Everything else is a class of the failure table:
    /// it decides whether the recipients are sent to again, and no adapter can decide otherwise.
    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        if reply.status != 200 {
            // What the provider says is for people. Its words may repeat numbers, so they stay here.
            let mut failure = Failure::new(Class::of_status(reply.status), reply.status.to_string());
            failure.retry_after = reply.header("retry-after").map(|value| retry_after(value, reply.at));
            return failure.into();
        }
        let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else {
            return Failure::new(Class::NotTheApi, "the answer is no JSON").into();
        };
        match (body["batch"].as_str(), body["taken"].as_u64()) {
            (Some(id), Some(taken)) if taken == u64::from(chunk.len()) => Outcome::Answered(Answer {
                request_id: Some(id.to_owned()),
                verdicts: Verdicts::AllAccepted,
                billed: Billed::Unknown,
                segments: None,
            }),
            // Some were taken, and nobody says who: none of them may be sent to again unasked.
            (Some(_), _) => Failure::new(Class::Unmatched, "it took another number of recipients").into(),
            (None, _) => Failure::new(Class::NoId, "the answer names no batch").into(),
        }
    }
}

/// A call that sends one text to two people.
fn call() -> SendCall {
    let recipient = |row, digits| Planned {
        row: RowNumber(row),
        to: Msisdn::from_digits(digits).expect("eleven digits"),
        text: 0,
        segments: 1,
        cost: Micros::ZERO,
    };
    let recipients = vec![recipient(1, 61_491_570_006), recipient(2, 61_491_570_156)];
    let chunk = Chunk { first: Position(0), texts: vec!["Sale ends today".into()], recipients };
    SendCall {
        chunk: Arc::new(chunk),
        sender: Some("Harbour".into()),
        send_at: None,
        reference: Reference::from_bits(1),
    }
}

fn reply(status: u16, body: &'static str) -> Reply {
    Reply { status, headers: Vec::new(), body: Bytes::from_static(body.as_bytes()), at: UnixMillis(0) }
}

fn main() -> Result<(), Unbuildable> {
    let (harbour, call) = (Harbour::new("a token".into()), call());
    println!("{:?}", harbour.encode(&call)?);
    for reply in [reply(200, r#"{"batch": "b-17", "taken": 2}"#), reply(429, ""), reply(500, "")] {
        println!("{reply:?} means {:?}", harbour.decode(&call.chunk, &reply));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use volley_core::Totals;

    #[test]
    fn a_request_carries_sender_text_and_numbers_and_shows_no_token() {
        let request = Harbour::new("a token".into()).encode(&call()).expect("a request");
        let body: Vec<u8> = request.body.frames().flatten().collect();
        assert_eq!(
            serde_json::from_slice::<Value>(&body).expect("JSON"),
            json!({ "from": "Harbour", "to": [61_491_570_006_u64, 61_491_570_156_u64], "text": "Sale ends today" })
        );
        assert!(!format!("{request:?}").contains("a token"));
    }

    #[test]
    fn only_a_complete_success_takes_anybody() {
        let (harbour, call) = (Harbour::new("a token".into()), call());
        let (all, half) = (r#"{"batch": "b-17", "taken": 2}"#, r#"{"batch": "b-17", "taken": 1}"#);
        for (status, body, pending, accepted, refused, in_doubt) in [
            (200, all, 0, 2, 0, 0),
            (200, half, 0, 0, 0, 2),
            (200, "{}", 0, 0, 0, 2),
            (200, "<html>", 0, 0, 0, 2),
            (400, "", 0, 0, 2, 0),
            (429, "", 2, 0, 0, 0),
            (500, "", 0, 0, 0, 2),
        ] {
            let totals = harbour.decode(&call.chunk, &reply(status, body)).totals(2);
            assert_eq!(totals, Totals { pending, accepted, refused, in_doubt }, "{status} {body}");
        }
    }
}
