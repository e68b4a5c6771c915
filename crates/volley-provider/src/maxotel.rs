//! MaxoTel (Australia), "API – SMS": one message a request as a form, JSON back.
//!
//! The provider keeps no word of ours, answers no question about a message and calls nobody, so a
//! lost answer stays doubt until a person looks into its portal. Not here: reading an inbox,
//! whose path is not published, and batches, schedules and balances, which are not documented.
//!
//! Sources: "API – SMS" at maxo.com.au/support/api-documentation/api--sms; recorded replies of
//! github.com/michaeldyrynda/maxo-php; `data/wire/maxotel`.

use crate::{
    adapter::{Adapter, SendCall, Unbuildable},
    base_url::path_of,
    call,
    credentials::Form,
    http::{Body, Header, HttpRequest, Method, Reply},
    option::Named,
    reading::{self, Object},
    registry::{Kind, SettingsError, Setup},
};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};
use volley_core::{
    Batch, Capabilities, Chunk, Class, Destinations, Failure, Msisdn, Outcome, Polling, Profile, Rate,
    ReplyPrice, Schedule, SenderRule, Sources,
};

/// MaxoTel, for the registry.
pub(crate) const KIND: Kind = Kind {
    word: "maxotel",
    base_url: Some("https://myapi.maxo.com.au"),
    needs: &["key"],
    options: &["send_path", "method", "sms_inbox", "inbox_field"],
    adapter: |setup| Ok(Arc::new(MaxoTel::new(setup)?)),
};

const API_PAGE: &str = "maxo.com.au/support/api-documentation/api--sms";
const ASSUMED: &str = "assumed; the provider does not say";
const SEND_PATH: &str = "/sms/send";
/// The page is printed with the one and used with the other; the first is what a recorded client
/// sends.
const INBOX_FIELDS: [&str; 2] = ["smsInbox", "smsinbox"];
/// Words of a reason that speaks of an account without funds. Assumed: no such reply is public.
const FUNDS: [&str; 3] = ["funds", "credit", "balance"];

/// One account at MaxoTel.
pub(crate) struct MaxoTel {
    url: String,
    method: Method,
    key: SecretString,
    /// The field's name, and the inbox that messages are sent from.
    inbox: Option<(&'static str, String)>,
    /// What no message of ours may repeat.
    secrets: Vec<SecretString>,
    capabilities: Capabilities,
}

impl MaxoTel {
    fn new(setup: &Setup<'_>) -> Result<Self, SettingsError> {
        let named = Named(setup.options);
        let key = setup.credentials.take("key", Form::Encoded)?;
        let encoded: String = form_urlencoded::byte_serialize(key.expose_secret().as_bytes()).collect();
        let path = named.or("send_path", SEND_PATH.to_owned(), send_path)?;
        let method = named.or("method", Method::Post, |word| match word {
            "post" => Ok(Method::Post),
            "get" => Ok(Method::Get),
            _ => Err("it must be `post` or `get`".to_owned()),
        })?;
        Ok(Self {
            url: format!("{}{path}", setup.base_url().as_str()),
            method,
            key: key.clone(),
            inbox: inbox(named)?,
            secrets: vec![key.clone(), encoded.into()],
            capabilities: Capabilities {
                batch: Batch::One,
                default_chunk: 1,
                sender: SenderRule { required: true, max_name: 11, spaces: false, signs: false },
                profile: Profile { max_characters: setup.max_characters, ..Profile::STANDARD },
                destinations: Destinations { prefixes: vec!["614".to_owned()] },
                schedule: Schedule::Never,
                rate: Rate::per_second(NonZeroU32::new(5).expect("five")),
                counts_strictly: false,
                max_in_flight: 4,
                timeout: Duration::from_secs(30),
                reply_price: ReplyPrice::Money,
                polling: Polling::Never,
                cancels: false,
                sources: Sources {
                    sender: ASSUMED.into(),
                    text: ASSUMED.into(),
                    schedule: API_PAGE.into(),
                    destinations: API_PAGE.into(),
                },
            },
        })
    }

    /// What a reply says whose status is a success and whose body is `object`.
    fn answer(&self, chunk: &Chunk, reply: &Reply, object: &Object) -> Outcome {
        let fault = |class| reading::failure(class, reply, self.said(chunk, reply.status, object)).into();
        let smsid = reading::field(object, "smsid").and_then(reading::id);
        let smsid = match (status(object), has_error(object), smsid) {
            (Some(1), false, Some(smsid)) => smsid,
            (Some(1), false, None) => {
                return Failure::new(Class::NoId, "status 1 without an smsid").into();
            }
            // Not documented. An error that is named is taken for a refusal, silence for nothing.
            (Some(0), true, None) => {
                return fault(self.refusal_class(chunk, object, Class::OtherRefusal));
            }
            (Some(0 | 1), true, _) => return fault(Class::Unmatched),
            _ => return fault(Class::UnlistedCode),
        };
        let price = reading::field(object, "price").and_then(reading::amount);
        let parts = reading::field(object, "parts").and_then(reading::count);
        Outcome::Answered(reading::taken(smsid, None, ReplyPrice::Money, price, parts))
    }

    /// What a reply says whose status is a refusal.
    fn refusal(&self, chunk: &Chunk, reply: &Reply, object: &Object) -> Failure {
        let by_status = Class::of_status(reply.status);
        let has_id = reading::field(object, "smsid").and_then(reading::id).is_some();
        let class = if status(object) == Some(1) || (has_id && !has_error(object)) {
            Class::Unmatched // the status says no and the body says yes: nothing is proved
        } else if matches!(by_status, Class::BadRequest | Class::Credentials | Class::OtherRefusal) {
            self.refusal_class(chunk, object, by_status)
        } else {
            by_status
        };
        reading::failure(class, reply, self.said(chunk, reply.status, object))
    }

    /// The class of a refusal by its `error`, then by its reason; `otherwise` where neither tells.
    fn refusal_class(&self, chunk: &Chunk, object: &Object, otherwise: Class) -> Class {
        // Without the message's own text, which may speak of funds too.
        let said = self.said(chunk, 0, object).to_lowercase();
        match text(object, "error") {
            Some("AUTHENTICATION") => Class::Credentials,
            _ if FUNDS.iter().any(|word| said.contains(word)) => Class::NoFunds,
            Some("VALIDATION") => Class::BadRequest,
            _ => otherwise,
        }
    }

    /// The provider's error and reason, safe to show.
    fn said(&self, chunk: &Chunk, status: u16, object: &Object) -> String {
        let mut said = status.to_string();
        for (name, separator) in [("error", " "), ("reason", ": ")] {
            if let Some(words) = text(object, name) {
                said.push_str(separator);
                said.push_str(words);
            }
        }
        reading::safe(&said, chunk, &self.secrets)
    }
}

impl Adapter for MaxoTel {
    fn kind(&self) -> &'static str {
        KIND.word
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable> {
        let (to, text) = call::one_message(call, &self.capabilities)?;
        let sender = call.sender.as_deref().expect("the rule wants one");
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(text.len() * 2 + 128));
        form.append_pair("key", self.key.expose_secret())
            .append_pair("origin", sender)
            .append_pair("destination", &national(to)?)
            .append_pair("message", text);
        if let Some((field, inbox)) = &self.inbox {
            form.append_pair(field, inbox);
        }
        let form = form.finish();
        let mut headers = vec![Header::plain("accept", "application/json")];
        let (secret_tail, body) = match self.method {
            Method::Get => (Some(SecretString::from(format!("?{form}"))), Bytes::new()),
            Method::Post => {
                headers.insert(0, Header::plain("content-type", "application/x-www-form-urlencoded"));
                (None, Bytes::from(form))
            }
        };
        let url = self.url.clone();
        Ok(HttpRequest { method: self.method, url, secret_tail, headers, body: Body::Whole(body) })
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
                let said = reading::safe(&format!("{status} with {what}"), chunk, &self.secrets);
                reading::failure(Class::of_status(status), reply, said).into()
            }
        }
    }
}

impl fmt::Debug for MaxoTel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaxoTel").field("url", &self.url).finish_non_exhaustive()
    }
}

/// `text` as the path of send calls. The slash at its end is kept: the provider's page writes one
/// and its clients do not, and a server that wants the other form answers with a redirect.
fn send_path(text: &str) -> Result<String, String> {
    let path = path_of(text).map_err(|fault| fault.to_string())?;
    if path.is_empty() {
        return Err(format!("it is empty; the usual one is {SEND_PATH}"));
    }
    Ok(if text.ends_with('/') { format!("{path}/") } else { path })
}

/// The field that names the inbox to send from, and that inbox.
fn inbox(named: Named<'_>) -> Result<Option<(&'static str, String)>, SettingsError> {
    let field = named.or("inbox_field", INBOX_FIELDS[0], |word| {
        if !named.has("sms_inbox") {
            return Err("it says nothing without sms_inbox".to_owned());
        }
        let [first, second] = INBOX_FIELDS;
        let known = INBOX_FIELDS.into_iter().find(|field| *field == word);
        known.ok_or_else(|| format!("it must be `{first}` or `{second}`"))
    })?;
    let inbox = named.optional("sms_inbox", |inbox| {
        let visible = inbox.bytes().all(|byte| byte.is_ascii_graphic());
        if !inbox.is_empty() && visible {
            Ok(inbox.to_owned())
        } else {
            Err("it must be the id of an inbox, without spaces".to_owned())
        }
    })?;
    Ok(inbox.map(|inbox| (field, inbox)))
}

/// `04XXXXXXXX`, the only form of a number that the provider's page names.
fn national(to: Msisdn) -> Result<String, Unbuildable> {
    let digits = to.digits().to_string();
    match digits.strip_prefix("61") {
        Some(rest) if rest.len() == 9 => Ok(format!("0{rest}")),
        _ => Err(Unbuildable("an Australian mobile number has 11 digits with its country code".to_owned())),
    }
}

/// The body's own status: 1 for taken, 0 for refused.
fn status(object: &Object) -> Option<u64> {
    reading::field(object, "status").and_then(reading::count)
}

fn has_error(object: &Object) -> bool {
    reading::field(object, "error").is_some_and(|error| error != "")
}

fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    reading::field(object, name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
