//! MultiTEL (numbers of the United States and Canada), "v3 `SendSMS`": one message a request, with
//! our reference; what becomes of it comes by callback alone.
//!
//! The result stands in the reply's body, whatever its HTTP status says, and the fields of the
//! callback are not published: both are read tolerantly, and only a complete success takes anybody.
//! An older page of the provider's forbids bulk traffic, so an account has to say that it may.
//!
//! Sources: the pages "v3 `SendSMS`", "v3 Receiving SMS/MMS messages" and "`BuyNumbers` REST" at
//! multitel.net/docs; "`SendSMS`" of the older API at help.multitel.net/display/api/SendSMS; "v3 bulk
//! restore" at mwy.multitel.net/docs; `data/wire/multitel`.

use crate::{
    adapter::{Adapter, SendCall, Unbuildable},
    call,
    callback::{Fields, Words},
    credentials::Form,
    http::{Body, Header, HttpRequest, Method, Reply},
    inquiry::{Callback, CallbackFault, Event},
    option::{self, Named},
    reading::{self, Object},
    registry::{Kind, SettingsError, Setup},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};
use volley_core::{
    Batch, Capabilities, Chunk, Class, Delivery, Destinations, Failure, Micros, Outcome, Polling, Profile,
    Rate, Reason, Receipt, ReplyPrice, Schedule, SenderRule, Sources, Taken,
};

/// MultiTEL, for the registry.
pub(crate) const KIND: Kind = Kind {
    word: "multitel",
    base_url: Some("https://api.multitel.net"),
    needs: &["username", "password"],
    options: &["bulk_allowed", "format", "destinations", "notify_url", "status_words", "media"],
    adapter: |setup| Ok(Arc::new(MultiTel::new(setup)?)),
};

const SEND_PAGE: &str = "multitel.net/docs, v3 SendSMS";
const OLDER_PAGE: &str = "help.multitel.net/display/api/SendSMS";
const ASSUMED: &str = "assumed; the provider does not say";
const SEND_PATH: &str = "/v3/sendsms";

/// The words of status callbacks. Assumed: none are published.
const WORDS: [(&str, Delivery); 8] = [
    ("delivered", Delivery::Delivered),
    ("success", Delivery::Delivered),
    ("failed", Delivery::Failed),
    ("undelivered", Delivery::Failed),
    ("rejected", Delivery::Failed),
    ("sent", Delivery::Sent),
    ("queued", Delivery::Queued),
    ("accepted", Delivery::Queued),
];

/// One account at MultiTEL.
pub(crate) struct MultiTel {
    url: String,
    authorization: SecretString,
    format: Format,
    notify_url: Option<SecretString>,
    /// A picture in base64, which makes an MMS of every text.
    media: Option<String>,
    words: Words,
    /// What no message of ours may repeat.
    secrets: Vec<SecretString>,
    capabilities: Capabilities,
}

/// How the fields of a request are written. A form is assumed, since the provider's own calls are.
#[derive(Clone, Copy)]
enum Format {
    Form,
    Json,
}

impl MultiTel {
    fn new(setup: &Setup<'_>) -> Result<Self, SettingsError> {
        let named = Named(setup.options);
        if !named.or("bulk_allowed", false, option::yes_or_no)? {
            let why = "an older page of the provider's forbids bulk traffic; ask it whether this account may \
                       send such, then write true";
            return Err(SettingsError::option("bulk_allowed", why));
        }
        let username = setup.credentials.take("username", Form::BasicUser)?;
        let password = setup.credentials.take("password", Form::BasicPassword)?;
        let pair = STANDARD.encode(format!("{}:{}", username.expose_secret(), password.expose_secret()));
        let notify_url = named.optional("notify_url", option::url)?.map(SecretString::from);
        let mut secrets = vec![username.clone(), password.clone(), SecretString::from(pair.as_str())];
        secrets.extend(notify_url.clone()); // it carries a token
        let usual = Words::new(WORDS);
        Ok(Self {
            url: format!("{}{SEND_PATH}", setup.base_url().as_str()),
            authorization: SecretString::from(format!("Basic {pair}")),
            format: named.or("format", Format::Form, |word| match word {
                "form" => Ok(Format::Form),
                "json" => Ok(Format::Json),
                _ => Err("it must be `form` or `json`".to_owned()),
            })?,
            notify_url,
            media: named.optional("media", picture)?,
            words: named.or("status_words", usual.clone(), |own| usual.with(own))?,
            secrets,
            capabilities: Capabilities {
                batch: Batch::One,
                default_chunk: 1,
                sender: SenderRule { required: true, max_name: 0, spaces: false, signs: false },
                profile: Profile { max_characters: setup.max_characters, ..Profile::STANDARD },
                destinations: Destinations {
                    prefixes: named.or("destinations", vec!["1".to_owned()], prefixes)?,
                },
                schedule: Schedule::Never,
                rate: Rate::per_second(NonZeroU32::new(2).expect("two")),
                counts_strictly: false,
                max_in_flight: 2,
                timeout: Duration::from_secs(30),
                reply_price: ReplyPrice::Money,
                polling: Polling::Never,
                cancels: false,
                sources: Sources {
                    sender: OLDER_PAGE.into(),
                    text: ASSUMED.into(),
                    schedule: SEND_PAGE.into(),
                    destinations: OLDER_PAGE.into(),
                },
            },
        })
    }

    /// What a reply says whose status is a success and whose body is `object`.
    ///
    /// Taken is who has the code 200, or the 202 of a sibling call, the cause 0, and an id.
    fn answer(&self, chunk: &Chunk, reply: &Reply, object: &Object) -> Outcome {
        let said = Said::of(object);
        let class = match (said.code, said.cause, &said.unique_id) {
            (Some(200 | 202), Some(0), Some(unique_id)) => {
                let (id, request) = (unique_id.clone(), said.pid.clone());
                return Outcome::Answered(reading::taken(
                    id,
                    request,
                    ReplyPrice::Money,
                    said.cost,
                    said.parts,
                ));
            }
            (Some(200 | 202), Some(0), None) => Class::NoId,
            // A refusal with an id contradicts itself: nothing is proved.
            (_, _, Some(_)) => Class::UnlistedCode,
            (_, _, None) => said.refusal().unwrap_or(Class::UnlistedCode),
        };
        reading::failure(class, reply, self.said(chunk, reply.status, &said)).into()
    }

    /// What a reply says whose status is a refusal: the graver of what status and body say.
    fn refusal(&self, chunk: &Chunk, reply: &Reply, object: &Object) -> Failure {
        let said = Said::of(object);
        let by_status = Class::of_status(reply.status);
        let class = match said.refusal() {
            Some(by_body) => graver(by_status, by_body),
            // The status says no and the body says yes: nothing is proved.
            None if said.unique_id.is_some() || said.code.is_some() => Class::Unmatched,
            None => by_status,
        };
        reading::failure(class, reply, self.said(chunk, reply.status, &said))
    }

    /// The provider's codes and words, safe to show.
    fn said(&self, chunk: &Chunk, status: u16, said: &Said<'_>) -> String {
        let mut shown = status.to_string();
        for (name, number) in [("code", said.code), ("cause", said.cause)] {
            shown.extend(number.map(|number| format!(", {name} {number}")));
        }
        for words in said.words.into_iter().flatten().filter(|words| !words.is_empty()) {
            shown.push_str(": ");
            shown.push_str(words);
        }
        reading::safe(&shown, chunk, &self.secrets)
    }

    /// A callback that names a message of ours.
    fn receipt(&self, fields: &Fields) -> Option<Receipt> {
        let (message_id, request_id) = (fields.id(&["uniqueid", "id"]), fields.id(&["pid"]));
        let reference = fields.id(&["reference"]);
        if message_id.is_none() && request_id.is_none() && reference.is_none() {
            return None;
        }
        let word = fields.first(&["status", "state", "message"]);
        Some(Receipt {
            message_id,
            request_id,
            to: fields.get("to").and_then(reading::number_word),
            reference,
            delivery: word.and_then(|word| self.words.delivery(word)),
            code: word.map(|word| Reason::from(reading::without(word, &[], &self.secrets))),
            at: None,
            opted_out: false,
        })
    }
}

impl Adapter for MultiTel {
    fn kind(&self) -> &'static str {
        KIND.word
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable> {
        let (to, text) = call::one_message(call, &self.capabilities)?;
        let sender = call.sender.as_deref().expect("the rule wants one");
        let (to, reference) = (to.digits().to_string(), call.reference.message(call.chunk.first));
        let mut fields =
            vec![("from", sender.strip_prefix('+').unwrap_or(sender)), ("to", &to), ("text", text)];
        fields.extend(self.media.as_deref().map(|media| ("media", media)));
        fields.extend(self.notify_url.as_ref().map(|url| ("notifyurl", url.expose_secret())));
        fields.push(("reference", &reference));
        let (content_type, body) = match self.format {
            Format::Form => {
                let mut form = form_urlencoded::Serializer::new(String::with_capacity(text.len() * 2 + 256));
                form.extend_pairs(fields);
                ("application/x-www-form-urlencoded", form.finish())
            }
            Format::Json => {
                let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
                ("application/json", Value::Object(fields.collect()).to_string())
            }
        };
        Ok(HttpRequest {
            method: Method::Post,
            url: self.url.clone(),
            secret_tail: None,
            headers: vec![
                Header::secret("authorization", self.authorization.clone()),
                Header::plain("content-type", content_type),
                Header::plain("accept", "application/json"),
            ],
            body: Body::Whole(Bytes::from(body)),
        })
    }

    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        match (reply.status, reading::object(reply)) {
            (200..=299, Ok(object)) => self.answer(chunk, reply, &object),
            (400..=499, Ok(object)) => self.refusal(chunk, reply, &object).into(),
            // What is behind a 5xx nobody knows, whatever it says of itself.
            (status, Ok(object)) => {
                let said = self.said(chunk, status, &Said::of(&object));
                reading::failure(Class::of_status(status), reply, said).into()
            }
            (status, Err(what)) => {
                let said = reading::safe(&format!("{status} with {what}"), chunk, &self.secrets);
                reading::failure(Class::of_status(status), reply, said).into()
            }
        }
    }

    /// A change of a message's state, or, at the address of a number, an answer to one.
    fn callback(&self, callback: &Callback) -> Option<Result<Vec<Event>, CallbackFault>> {
        let fields = Fields::of(callback);
        let event = self.receipt(&fields).map(Event::Receipt).or_else(|| {
            let from = reading::number_word(fields.get("from")?)?;
            Some(Event::Reply { from, text: fields.get("text")?.to_owned(), opts_out: None })
        });
        Some(event.map(|event| vec![event]).ok_or(CallbackFault::Meaning))
    }
}

impl fmt::Debug for MultiTel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiTel").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What a reply's two blocks say, `status` about the call and `response` about the message.
struct Said<'a> {
    code: Option<u64>,
    cause: Option<u64>,
    unique_id: Option<String>,
    /// A second id, of unknown use; kept as the request's.
    pid: Option<String>,
    cost: Option<Micros>,
    parts: Option<u64>,
    words: [Option<&'a str>; 2],
}

impl<'a> Said<'a> {
    fn of(object: &'a Object) -> Self {
        let field = |block: &str, name: &str| {
            let block = object.get(block).and_then(Value::as_object);
            block.and_then(|block| reading::field(block, name))
        };
        Self {
            code: field("status", "code").and_then(reading::count),
            cause: field("response", "causecode").and_then(reading::count),
            unique_id: field("response", "uniqueid").and_then(reading::id),
            pid: field("response", "pid").and_then(reading::id),
            cost: field("response", "cost").and_then(reading::amount),
            parts: field("response", "parts").and_then(reading::count),
            words: [("status", "msg"), ("response", "message")]
                .map(|(block, name)| field(block, name).and_then(Value::as_str)),
        }
    }

    /// What the codes say against it, the graver of both; `None` where they say nothing.
    ///
    /// Of the codes none but the success is published for this call. 99 and 100 are those of the
    /// older API, others mean what they mean as an HTTP status, and any other cause is a refusal.
    fn refusal(&self) -> Option<Class> {
        let listed = |number| match number {
            99 => Some(Class::NoFunds),
            100 => Some(Class::Credentials),
            400..=599 => u16::try_from(number).ok().map(Class::of_status),
            _ => None,
        };
        let by_code = match self.code {
            None | Some(200..=299) => None,
            Some(code) => Some(listed(code).unwrap_or(Class::UnlistedCode)),
        };
        let by_cause = match self.cause {
            None | Some(0) => None,
            Some(cause) => Some(listed(cause).unwrap_or(Class::BadRequest)),
        };
        match (by_code, by_cause) {
            (Some(code), Some(cause)) => Some(graver(code, cause)),
            (code, cause) => code.or(cause),
        }
    }
}

/// Of two classes for one answer the one that doubts more, then the one that stops the account, so
/// that nobody is refused for what is the account's fault; the second of two equal ones.
fn graver(one: Class, other: Class) -> Class {
    let weight = |class: Class| match class {
        _ if class.rule().taken == Taken::Maybe => 3,
        Class::Credentials | Class::NoFunds | Class::WrongAddress => 2,
        Class::Throttled => 1,
        _ => 0,
    };
    if weight(one) > weight(other) { one } else { other }
}

/// Beginnings of numbers, by commas.
fn prefixes(value: &str) -> Result<Vec<String>, String> {
    let prefixes: Vec<String> = value.split(',').map(|prefix| prefix.trim().to_owned()).collect();
    let is_prefix = |prefix: &String| {
        (1..=15).contains(&prefix.len())
            && !prefix.starts_with('0')
            && prefix.bytes().all(|byte| byte.is_ascii_digit())
    };
    if prefixes.iter().all(is_prefix) {
        Ok(prefixes)
    } else {
        Err("it must be beginnings of numbers with their country code, such as 1416,1212".to_owned())
    }
}

/// A picture in base64 that is one: JPEG and PNG are told by their first bytes (ISO/IEC 10918-1
/// B.1.1.3; W3C PNG clause 5.2).
fn picture(value: &str) -> Result<String, String> {
    let is_picture =
        |bytes: Vec<u8>| bytes.starts_with(&[0xFF, 0xD8, 0xFF]) || bytes.starts_with(b"\x89PNG\r\n\x1A\n");
    let fits = STANDARD.decode(value).is_ok_and(is_picture);
    if fits { Ok(value.to_owned()) } else { Err("it must be a JPEG or PNG picture in base64".to_owned()) }
}
