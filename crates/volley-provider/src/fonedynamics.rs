//! Fone Dynamics, REST API v2: many messages in one JSON body, each with a text of its own, and
//! an answer for each of them.
//!
//! A lost answer can be looked up: every message carries our word for it (`ExternalId`), and the
//! provider lists what it took. Not here, because the provider has no such calls: cancelling,
//! a price beforehand, the balance. Not here either: buying numbers.
//!
//! Sources: "Send SMS" at fonedynamics.com.au/docs/rest-api/send-sms; "Send SMS Batch" at
//! helpdesk.fonedynamics.com, article 17000105895; the provider's C# client for the form of its
//! answers; a third party's client for the list; `data/wire/fonedynamics`.

mod answer; // a reply to a send call -> who was taken
mod callback; // a call of the provider's -> receipts and replies
mod list; // the list of messages -> receipts, and whether a lost request was taken
mod message; // one message as the provider shows it
mod refusal; // codes and statuses -> what they prove
mod setting; // the account's settings

use self::{
    list::{MARGIN_S, PAGE, Place, Span},
    setting::{RECIPIENTS, Settings, json_text},
};
use crate::{
    adapter::{Adapter, SendCall, Unbuildable},
    call,
    credentials::Form,
    http::{Body, Header, HttpRequest, Method, Reply},
    inquiry::{Callback, CallbackFault, Cursor, Event, Inquiry, Lost, Page, Poll, Sighting},
    registry::{Kind, SettingsError, Setup},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};
use volley_core::{
    Batch, Capabilities, Chunk, Destinations, Failure, Outcome, Planned, Polling, Position, Profile, Rate,
    Receipt, ReplyPrice, Schedule, SenderRule, Sources,
};

/// Fone Dynamics, for the registry.
pub(crate) const KIND: Kind = Kind {
    word: "fonedynamics",
    base_url: Some("https://api.fonedynamics.com"),
    needs: &["account", "token"],
    options: setting::NAMES,
    adapter: |setup| Ok(Arc::new(FoneDynamics::new(setup)?)),
};

/// Where the limits of a send call stand.
const SEND_PAGE: &str = "fonedynamics.com.au/docs/rest-api/send-sms";

/// The longest text: ten parts, 1,530 characters of GSM-7 or 670 of UCS-2.
const PARTS: usize = 10;
/// Characters of GSM-7 in each of several parts (3GPP TS 23.040 clause 9.2.3.24.1).
const PART: usize = 153;

/// Scheduled messages are taken up to 14 days ahead.
const HORIZON: Duration = Duration::from_hours(14 * 24);

/// One property of an account at Fone Dynamics.
pub(crate) struct FoneDynamics {
    /// The address up to `/v2`.
    api: String,
    authorization: SecretString,
    settings: Settings,
    capabilities: Capabilities,
}

impl FoneDynamics {
    fn new(setup: &Setup<'_>) -> Result<Self, SettingsError> {
        let account = setup.credentials.take("account", Form::BasicUser)?;
        let token = setup.credentials.take("token", Form::BasicPassword)?;
        let pair = STANDARD.encode(format!("{}:{}", account.expose_secret(), token.expose_secret()));
        let secrets = vec![account.clone(), token.clone(), SecretString::from(pair.as_str())];
        let settings = Settings::read(setup.options, secrets)?;
        let max_characters = setup.max_characters.unwrap_or(PARTS * PART);
        let max_segments = u32::try_from(max_characters.div_ceil(PART)).unwrap_or(u32::MAX);
        let capabilities = Capabilities {
            batch: Batch::PerItem { max: settings.max_recipients },
            default_chunk: settings.max_recipients.min(RECIPIENTS),
            sender: SenderRule { required: false, max_name: 11, spaces: true, signs: false },
            profile: Profile {
                max_segments: max_segments.clamp(1, Profile::STANDARD.max_segments),
                max_characters: Some(max_characters),
                ..Profile::STANDARD
            },
            destinations: Destinations::default(),
            schedule: Schedule::Until { horizon: Some(HORIZON) },
            rate: Rate::per_second(NonZeroU32::new(10).expect("ten")),
            counts_strictly: false,
            max_in_flight: 8,
            timeout: Duration::from_secs(30),
            reply_price: ReplyPrice::Nothing,
            polling: settings.polling,
            cancels: false,
            sources: Sources {
                sender: SEND_PAGE.into(),
                text: "no page names a limit: ten parts are assumed".into(),
                schedule: SEND_PAGE.into(),
                destinations: SEND_PAGE.into(),
            },
        };
        Ok(Self {
            api: format!("{}/v2", setup.base_url().as_str()),
            authorization: SecretString::from(format!("Basic {pair}")),
            settings,
            capabilities,
        })
    }

    /// What `From` says; `None` for a number that the provider leases to each recipient.
    fn sender(&self, sender: Option<&str>) -> Result<Option<String>, Unbuildable> {
        let Some(sender) = sender else { return Ok(None) };
        if let Some((_, name, _)) = self.settings.leased_alone.first() {
            return Err(Unbuildable(format!(
                "{name} is for replies to a leased number; leave out the setting or the campaign's sender"
            )));
        }
        if sender.contains(|character: char| character.is_ascii_alphabetic()) {
            return Ok(Some(sender.to_owned()));
        }
        let fault = "a sender without letters is a number in international form, 7 to 15 digits";
        setting::e164(sender).map(Some).ok_or_else(|| Unbuildable(fault.to_owned()))
    }

    fn headers(&self) -> Vec<Header> {
        vec![
            Header::secret("authorization", self.authorization.clone()),
            // Without it the server may choose another format.
            Header::plain("accept", "application/json"),
        ]
    }

    fn get<T>(
        &self,
        path: &str,
        read: impl FnOnce(&Reply) -> Result<T, Failure> + Send + 'static,
    ) -> Inquiry<T> {
        let request = HttpRequest {
            method: Method::Get,
            url: format!("{}/{path}", self.api),
            secret_tail: None,
            headers: self.headers(),
            body: Body::Whole(Bytes::new()),
        };
        Inquiry::new(request, read)
    }

    /// The path of a page of the list of `span`.
    fn page(&self, span: Span, place: &Place) -> String {
        let (property, Span { from, until }) = (&self.settings.property, span);
        format!(
            "Properties/{property}/Messages?Date_From={from}&Date_To={until}&Results_Count={PAGE}&Results_Skip={}",
            place.skip
        )
    }
}

/// What all messages of one request have in common.
struct Shared {
    from: Option<String>,
    /// The fields behind the `ExternalId`, each with its comma.
    others: String,
}

impl Shared {
    /// Writes the message to `one` as a JSON object behind `json`.
    fn write(&self, json: &mut String, chunk: &Chunk, one: &Planned, external_id: &str) {
        json.push('{');
        if let Some(from) = &self.from {
            json.push_str(&format!(r#""From":{},"#, json_text(from)));
        }
        let (to, text, others) = (one.to, json_text(chunk.text_of(one)), &self.others);
        json.push_str(&format!(r#""To":"{to}","Text":{text},"ExternalId":"{external_id}"{others}}}"#));
    }
}

impl Adapter for FoneDynamics {
    fn kind(&self) -> &'static str {
        KIND.word
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable> {
        call::own_texts(call, &self.capabilities)?;
        let Settings { property, every_message, leased_alone, .. } = &self.settings;
        let from = self.sender(call.sender.as_deref())?;
        let mut others = String::new();
        if let Some(at) = call.send_at {
            others.push_str(&format!(r#","Schedule":{}"#, call::whole_second(at)?.as_second()));
        }
        let leased_alone = leased_alone.iter().map(|(field, _, value)| (field, value));
        for (field, value) in every_message.iter().map(|(field, value)| (field, value)).chain(leased_alone) {
            others.push_str(&format!(r#","{field}":{value}"#));
        }
        let shared = Shared { from, others };
        let chunk = &call.chunk;
        let mut messages = String::new();
        for (position, one) in (chunk.first.0..).zip(&chunk.recipients) {
            if position > chunk.first.0 {
                messages.push(',');
            }
            let external_id = call.reference.message(Position(position));
            shared.write(&mut messages, chunk, one, &external_id);
        }
        let (resource, body) = if self.settings.sends_single && chunk.len() == 1 {
            ("Messages", messages)
        } else {
            ("BatchMessages", format!(r#"{{"Messages":[{messages}]}}"#))
        };
        let mut headers = self.headers();
        headers.insert(1, Header::plain("content-type", "application/json"));
        Ok(HttpRequest {
            method: Method::Post,
            url: format!("{}/Properties/{property}/{resource}", self.api),
            secret_tail: None,
            headers,
            body: Body::Whole(Bytes::from(body)),
        })
    }

    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        answer::outcome(chunk, reply, &self.settings.refusals)
    }

    fn receipts(&self, of: Poll<'_>, cursor: &Cursor) -> Option<Inquiry<Page<Receipt>>> {
        let refusals = Arc::clone(&self.settings.refusals);
        match (self.settings.polling, of) {
            (Polling::ByWindow, Poll::Window { from, until }) => {
                let place = Place::of(cursor);
                let path = self.page(Span::around(from, until, 0), &place);
                Some(self.get(&path, move |reply| list::receipts(reply, &place, &refusals)))
            }
            // Another id is none that this provider gave.
            (Polling::ByMessage, Poll::Message(id)) if setting::is_plain(id) => {
                Some(self.get(&format!("Messages/{id}"), move |reply| list::receipt(reply, &refusals)))
            }
            _ => None,
        }
    }

    fn lookup(&self, lost: &Lost, cursor: &Cursor) -> Option<Inquiry<Sighting>> {
        let (refusals, place) = (Arc::clone(&self.settings.refusals), Place::of(cursor));
        let call = lost.call.clone();
        let span = Span::around(lost.from, lost.until, MARGIN_S);
        let path = self.page(span, &place);
        Some(self.get(&path, move |reply| list::sighting(reply, &place, &refusals, &call, span)))
    }

    fn callback(&self, callback: &Callback) -> Option<Result<Vec<Event>, CallbackFault>> {
        Some(callback::events(callback))
    }
}

impl fmt::Debug for FoneDynamics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoneDynamics").field("api", &self.api).finish_non_exhaustive()
    }
}
