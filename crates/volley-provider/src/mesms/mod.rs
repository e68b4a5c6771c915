//! ME-SMS (Thailand), API v2: one text to up to two million numbers in one JSON body.
//!
//! The body of a large chunk is written while it is sent, from the chunk that is in memory
//! anyway; only one frame of it exists at a time. Not here: templates and contact groups, which
//! live in the provider's web app, and the older v1 API of another host.
//!
//! Sources: "API docs" at me-sms.com/en/api-docs and, with the parameters,
//! v2.me-sms.com/zh/api-docs; `data/wire/mesms`. Of a success reply only `uuid` is documented.

mod answer; // what an answer says: its code, and who was taken
mod body; // a send call, frame by frame
mod lookup; // whether a request whose answer was lost was taken
mod questions; // balance, senders, prices, cancelling, receipts
mod settings; // the account's own settings

use self::{
    answer::Answers,
    settings::{Paths, QuoteBy},
};
use crate::{
    adapter::{Adapter, SendCall, Unbuildable},
    call,
    credentials::Form,
    http::{Body, Header, HttpRequest, Method, Reply},
    inquiry::{Balance, Cancelled, Cursor, Inquiry, Lost, Page, Poll, Quote, Sender, Sighting},
    option::Named,
    registry::{Kind, SettingsError, Setup},
};
use bytes::Bytes;
use secrecy::SecretString;
use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};
use volley_core::{
    Batch, Capabilities, Chunk, Destinations, Outcome, Polling, Profile, Rate, Receipt, ReplyPrice, Schedule,
    SenderRule, Sources,
};

/// ME-SMS, for the registry.
pub(crate) const KIND: Kind = Kind {
    word: "mesms",
    base_url: Some("https://me-sms.com"),
    needs: &["key"],
    options: &[
        "send_path",
        "preview_path",
        "list_path",
        "credits_path",
        "senders_path",
        "cancel_path",
        "recipients_path",
        "quote_by",
    ],
    adapter: |setup| Ok(Arc::new(MeSms::new(setup)?)),
};

/// Where the limits of a send call stand.
const API_PAGE: &str = "v2.me-sms.com/zh/api-docs";
const MAX_SENDER: usize = 11;
/// The longest text in characters.
const MAX_CHARACTERS: usize = 1_000;

/// One account at ME-SMS.
pub(crate) struct MeSms {
    base_url: String,
    paths: Paths,
    quote_by: QuoteBy,
    key: SecretString,
    answers: Arc<Answers>,
    capabilities: Capabilities,
}

impl MeSms {
    fn new(setup: &Setup<'_>) -> Result<Self, SettingsError> {
        let Setup { options, credentials, max_characters, .. } = *setup;
        let base_url = setup.base_url();
        let key = credentials.take("key", Form::Header)?;
        let settings = Named(options);
        Ok(Self {
            base_url: base_url.as_str().to_owned(),
            paths: Paths::new(settings)?,
            quote_by: settings::quote_by(settings)?,
            key: key.clone(),
            answers: Arc::new(Answers { key: key.clone() }),
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

    /// The request without a body that asks what is at `path`.
    fn request(&self, method: Method, path: &str) -> HttpRequest {
        HttpRequest {
            method,
            url: format!("{}{path}", self.base_url),
            secret_tail: None,
            headers: vec![
                Header::secret("x-api-key", self.key.clone()),
                Header::plain("accept", "application/json"),
            ],
            body: Body::Whole(Bytes::new()),
        }
    }

    /// The request that hands `call` to what is at `path`; `more` are further members of its
    /// object, each with a comma in front.
    fn send_request(&self, path: &str, call: &SendCall, more: &str) -> Result<HttpRequest, Unbuildable> {
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
            Some(at) => format!(r#"],"scheduledTime":"{}"{more}}}"#, call::whole_second(at)?),
            None => format!("]{more}}}"),
        };
        Ok(HttpRequest {
            method: Method::Post,
            url: format!("{}{path}", self.base_url),
            secret_tail: None,
            headers: vec![
                Header::secret("x-api-key", self.key.clone()),
                Header::plain("content-type", "application/json"),
                Header::plain("accept", "application/json"),
            ],
            body: body::body(head, &tail, &call.chunk),
        })
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
        self.send_request(&self.paths.send, call, "")
    }

    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        self.answers.outcome(chunk, reply)
    }

    fn balance(&self) -> Option<Inquiry<Balance>> {
        Some(questions::balance(self))
    }

    fn senders(&self, _: &Cursor) -> Option<Inquiry<Page<Sender>>> {
        Some(questions::senders(self))
    }

    fn quote(&self, call: &SendCall) -> Option<Result<Inquiry<Quote>, Unbuildable>> {
        Some(questions::quote(self, call))
    }

    fn cancel(&self, request_id: &str) -> Option<Inquiry<Cancelled>> {
        questions::cancel(self, request_id)
    }

    fn receipts(&self, of: Poll<'_>, cursor: &Cursor) -> Option<Inquiry<Page<Receipt>>> {
        match of {
            Poll::Request(id) => questions::receipts(self, id, cursor),
            Poll::Message(_) | Poll::Window { .. } => None,
        }
    }

    fn lookup(&self, lost: &Lost, cursor: &Cursor) -> Option<Inquiry<Sighting>> {
        lookup::look(self, lost, cursor)
    }
}

impl fmt::Debug for MeSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeSms").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

fn json_text(text: &str) -> String {
    serde_json::to_string(text).expect("every text is a JSON string")
}
