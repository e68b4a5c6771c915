//! ME-SMS (Thailand), API v2: one text to up to two million numbers in one JSON body.
//!
//! The body of a large chunk is written while it is sent, from the chunk that is in memory
//! anyway; only one frame of it exists at a time. Not here: templates and contact groups, which
//! live in the provider's web app, and the older v1 API of another host.
//!
//! Sources: "API docs" at me-sms.com/en/api-docs and, with the parameters,
//! v2.me-sms.com/zh/api-docs; `data/wire/mesms`. Of a success reply only `uuid` is documented.

use crate::{
    adapter::{Adapter, SendCall, Unbuildable},
    base_url::path_of,
    call,
    credentials::Form,
    http::{Body, BodySource, Header, HeaderValue, HttpRequest, Method, Reply},
    reading::{self, Object, Tally},
    registry::{Kind, SettingsError, Setup},
};
use bytes::{BufMut, Bytes, BytesMut};
use secrecy::SecretString;
use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};
use volley_core::{
    Answer, Batch, Billed, Capabilities, Chunk, Class, Destinations, Failure, Outcome, Polling, Profile,
    Rate, ReplyPrice, Schedule, SenderRule, Sources, Verdicts,
};

/// ME-SMS, for the registry.
pub(crate) const KIND: Kind = Kind {
    word: "mesms",
    base_url: Some("https://me-sms.com"),
    needs: &["key"],
    options: &["send_path"],
    adapter: |setup| Ok(Arc::new(MeSms::new(setup)?)),
};

/// Where the limits of a send call stand.
const API_PAGE: &str = "v2.me-sms.com/zh/api-docs";
const SEND_PATH: &str = "/api/v2/sms/send";
const MAX_SENDER: usize = 11;
/// The longest text in characters.
const MAX_CHARACTERS: usize = 1_000;
/// The most bytes of one piece of a body.
const FRAME: usize = 64 * 1024;
/// The most bytes that one number takes: a comma, two quotes and 15 digits.
const LONGEST_NUMBER: usize = 18;

/// One account at ME-SMS.
pub(crate) struct MeSms {
    url: String,
    key: SecretString,
    capabilities: Capabilities,
}

impl MeSms {
    fn new(setup: &Setup<'_>) -> Result<Self, SettingsError> {
        let Setup { options, credentials, max_characters, .. } = *setup;
        let base_url = setup.base_url();
        let key = credentials.take("key", Form::Header)?;
        let send_path = options.get("send_path").map_or(SEND_PATH, String::as_str);
        let path = path_of(send_path).map_err(|fault| SettingsError::option("send_path", fault))?;
        if path.is_empty() {
            return Err(SettingsError::option(
                "send_path",
                format!("it is empty; the usual one is {SEND_PATH}"),
            ));
        }
        Ok(Self {
            url: format!("{}{path}", base_url.as_str()),
            key: key.clone(),
            capabilities: Capabilities {
                batch: Batch::SharedText { max: 2_000_000 },
                default_chunk: 1_000,
                sender: SenderRule { required: true, max_name: MAX_SENDER, spaces: false, signs: true },
                profile: Profile {
                    max_characters: Some(max_characters.unwrap_or(MAX_CHARACTERS)),
                    ..Profile::STANDARD
                },
                destinations: Destinations::default(),
                schedule: Schedule::Until { horizon: None },
                rate: Rate::per_second(NonZeroU32::new(5).expect("five")),
                counts_strictly: false,
                max_in_flight: 4,
                timeout: Duration::from_mins(2),
                reply_price: ReplyPrice::Units("credit"),
                polling: Polling::ByRequest,
                cancels: true,
                sources: Sources {
                    sender: API_PAGE.into(),
                    text: API_PAGE.into(),
                    schedule: API_PAGE.into(),
                    destinations: API_PAGE.into(),
                },
            },
        })
    }

    /// What a reply says whose status is a success and whose body is `object`.
    fn answer(&self, chunk: &Chunk, reply: &Reply, object: &Object) -> Outcome {
        if reading::field(object, "dryRun").is_some_and(|value| value == true || value == "true") {
            return Failure::new(Class::Unmatched, "the answer of a dry run to a real send").into();
        }
        let uuid = reading::field(object, "uuid").and_then(reading::id);
        let refused = ["error", "code"].iter().any(|name| reading::field(object, name).is_some());
        let uuid = match (uuid, refused) {
            (Some(uuid), false) => uuid,
            (Some(_), true) => {
                let said = format!("an error beside a uuid: {}", self.said(chunk, reply.status, object));
                return Failure::new(Class::Unmatched, said).into();
            }
            (None, true) => {
                return Failure::new(Class::UnlistedCode, self.said(chunk, reply.status, object)).into();
            }
            (None, false) => return Failure::new(Class::NoId, "a success status without a uuid").into(),
        };
        let sent = u64::from(chunk.len());
        let tally = Tally::of(object);
        let status = reading::field(object, "status").and_then(|value| value.as_str());
        let verdicts = match (tally, status) {
            (Tally::Of(taken), _) if taken > sent => {
                return Failure::new(Class::Unmatched, tally.mismatch(&uuid, sent)).into();
            }
            (Tally::Of(taken), _) if taken < sent => reading::all_in_doubt(&tally.mismatch(&uuid, sent)),
            (Tally::Unreadable, _) => reading::all_in_doubt(&tally.mismatch(&uuid, sent)),
            (_, Some(status @ ("failed" | "cancelled"))) => {
                reading::all_in_doubt(&format!("message {uuid} was answered as {status}"))
            }
            (Tally::Of(_) | Tally::Unsaid, _) => Verdicts::AllAccepted,
        };
        let credits = reading::field(object, "credits").and_then(reading::amount);
        let parts = reading::field(object, "parts").and_then(reading::count);
        Outcome::Answered(Answer {
            request_id: Some(uuid),
            verdicts,
            billed: credits.map_or(Billed::Unknown, Billed::Units),
            segments: match tally {
                Tally::Of(taken) => parts.and_then(|parts| parts.checked_mul(taken)),
                Tally::Unsaid | Tally::Unreadable => None,
            },
        })
    }

    /// What a reply says whose status is a refusal.
    ///
    /// Two codes belong to a cancellation and say that a message is on its way, and an answer
    /// with a uuid and no error contradicts its status: nothing is proved by them.
    fn refusal(&self, chunk: &Chunk, reply: &Reply, object: &Object) -> Failure {
        let has_uuid = reading::field(object, "uuid").and_then(reading::id).is_some();
        let class = match reading::field(object, "code").and_then(|code| code.as_str()) {
            Some("INSUFFICIENT_CREDITS") => Class::NoFunds,
            Some("ALREADY_PROCESSING" | "NOT_SCHEDULED") => Class::Conflict,
            None if has_uuid && reading::field(object, "error").is_none() => Class::Unmatched,
            _ => Class::of_status(reply.status),
        };
        reading::failure(class, reply, self.said(chunk, reply.status, object))
    }

    /// The provider's code and words, safe to show.
    fn said(&self, chunk: &Chunk, status: u16, object: &Object) -> String {
        let mut said = status.to_string();
        for (name, separator) in [("code", " "), ("error", ": ")] {
            if let Some(words) = reading::field(object, name).and_then(|value| value.as_str()) {
                said.push_str(separator);
                said.push_str(words);
            }
        }
        reading::safe(&said, chunk, std::slice::from_ref(&self.key))
    }
}

impl Adapter for MeSms {
    fn kind(&self) -> &'static str {
        KIND.word
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable> {
        let text = call::shared_text(call, &self.capabilities)?;
        let sender = call.sender.as_deref().expect("the rule wants one");
        if sender.len() > MAX_SENDER {
            // A number may be longer elsewhere; here it is a name like any other.
            return Err(Unbuildable(format!(
                "a sender has up to {MAX_SENDER} characters, not {}",
                sender.len()
            )));
        }
        let head = format!(r#"{{"sender":{},"content":{},"msisdns":["#, json_text(sender), json_text(text));
        let tail = match call.send_at {
            Some(at) => format!(r#"],"scheduledTime":"{}"}}"#, call::whole_second(at)?),
            None => "]}".to_owned(),
        };
        let plain = |name, value: &str| Header { name, value: HeaderValue::Plain(value.to_owned()) };
        Ok(HttpRequest {
            method: Method::Post,
            url: self.url.clone(),
            headers: vec![
                Header { name: "x-api-key", value: HeaderValue::Secret(self.key.clone()) },
                plain("content-type", "application/json"),
                plain("accept", "application/json"),
            ],
            body: Body::Streamed(Arc::new(SendBody::new(head, tail, Arc::clone(&call.chunk)))),
        })
    }

    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        match (reply.status, reading::object(reply)) {
            (200..=299, Ok(object)) => self.answer(chunk, reply, &object),
            (400..=499, Ok(object)) => self.refusal(chunk, reply, &object).into(),
            // What is behind a 5xx nobody knows, whatever it says of itself.
            (status, Ok(object)) => {
                let said = self.said(chunk, status, &object);
                reading::failure(Class::of_status(status), reply, said).into()
            }
            (status, Err(what)) => {
                let said = format!("{status} with {what}");
                let said = reading::safe(&said, chunk, std::slice::from_ref(&self.key));
                reading::failure(Class::of_status(status), reply, said).into()
            }
        }
    }
}

impl fmt::Debug for MeSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeSms").field("url", &self.url).finish_non_exhaustive()
    }
}

fn json_text(text: &str) -> String {
    serde_json::to_string(text).expect("every text is a JSON string")
}

/// `head`, the numbers as `"66800000001","66800000002"`, `tail`.
struct SendBody {
    head: Bytes,
    tail: Bytes,
    chunk: Arc<Chunk>,
    length: u64,
}

impl SendBody {
    fn new(head: String, tail: String, chunk: Arc<Chunk>) -> Self {
        let quoted: u64 = chunk.recipients.iter().map(|one| u64::from(one.to.length()) + 2).sum();
        let commas = chunk.recipients.len().saturating_sub(1) as u64;
        let length = head.len() as u64 + quoted + commas + tail.len() as u64;
        Self { head: Bytes::from(head), tail: Bytes::from(tail), chunk, length }
    }

    /// As many numbers from `next` on as one frame holds; moves `next` behind them.
    fn numbers(&self, next: &mut usize) -> Option<Bytes> {
        let rest = &self.chunk.recipients[*next..];
        if rest.is_empty() {
            return None;
        }
        let mut frame = BytesMut::with_capacity(FRAME.min(rest.len() * LONGEST_NUMBER));
        for one in rest {
            if frame.len() + LONGEST_NUMBER > FRAME {
                break;
            }
            if *next > 0 {
                frame.put_u8(b',');
            }
            frame.put_u8(b'"');
            let mut digits = [0; 15];
            let mut start = digits.len();
            let mut left = one.to.digits();
            while left > 0 {
                start -= 1;
                digits[start] = b'0' + u8::try_from(left % 10).expect("one digit");
                left /= 10;
            }
            frame.put_slice(&digits[start..]);
            frame.put_u8(b'"');
            *next += 1;
        }
        Some(frame.freeze())
    }
}

impl BodySource for SendBody {
    fn length(&self) -> u64 {
        self.length
    }

    fn frames(self: Arc<Self>) -> Box<dyn Iterator<Item = Bytes> + Send> {
        let (head, tail) = (self.head.clone(), self.tail.clone());
        let mut next = 0;
        let numbers = std::iter::from_fn(move || self.numbers(&mut next));
        Box::new(std::iter::once(head).chain(numbers).chain(std::iter::once(tail)))
    }
}
