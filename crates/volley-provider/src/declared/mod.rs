//! A provider that a file describes: `kind = "http"`.
//!
//! For providers with one call that sends one message and answers in JSON: where it is, what its
//! fields are called, where its answer says what, and which of its codes prove what. The file is
//! TOML; `data/providers` explains its keys and holds one to start from. Not here: several messages
//! a request, and anything but sending and callbacks; such a provider wants an adapter of its own.

mod definition; // what a definition means
mod reply; // what its statuses and codes mean
mod table; // TOML tables whose keys are all known
mod template; // texts with places for what a message brings

use self::{
    definition::{Auth, Body as Fields, CallbackFields, Definition, Json, SenderNumbers, Times},
    template::{Place, Template},
};
use crate::{
    adapter::{Adapter, SendCall, Unbuildable},
    base_url::BaseUrl,
    call, callback,
    credentials::{CredentialFault, Credentials, Form},
    http::{Body, Header, HttpRequest, Method, Reply},
    inquiry::{Callback, CallbackFault, Event},
    reading,
    registry::{Declaration, Kind, SettingsError, Setup},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{fmt, sync::Arc};
use volley_core::{Capabilities, Chunk, Class, Outcome, Reason, Receipt, UnixMillis};

/// What a file describes, for the registry.
pub(crate) const KIND: Kind = Kind {
    word: "http",
    base_url: None,
    needs: &[],
    options: &["definition"],
    adapter: |setup| Ok(Arc::new(Declared::new(setup)?)),
};

/// What `text`, a definition, says of its provider beside what an account can do.
pub(crate) fn declaration(text: &str) -> Result<Declaration, SettingsError> {
    let definition = Definition::read(text).map_err(|fault| misread(&fault))?;
    Ok(Declaration {
        needs: definition.needs(),
        base_url: definition.base_url.map(|url| url.as_str().to_owned()),
        name: definition.name,
    })
}

fn misread(fault: &table::Fault) -> SettingsError {
    SettingsError::Definition { line: fault.line, problem: fault.to_string() }
}

/// One account at a provider that a file describes.
pub(crate) struct Declared {
    definition: Definition,
    url: String,
    /// The end of the address from its first secret on.
    secret_tail: Option<SecretString>,
    /// The headers with credentials.
    headers: Vec<(String, SecretString)>,
    /// The fields with credentials.
    fields: Vec<(String, SecretString)>,
    /// What no message of ours may repeat.
    secrets: Vec<SecretString>,
    capabilities: Capabilities,
}

impl Declared {
    fn new(setup: &Setup<'_>) -> Result<Self, SettingsError> {
        let fault = |problem: &str| SettingsError::option("definition", problem);
        let text = setup.options.get("definition");
        let text = text.ok_or_else(|| fault("it is missing; name the file that describes the provider"))?;
        let definition = Definition::read(text).map_err(|fault| misread(&fault))?;
        let base_url = setup.base_url.as_ref().or(definition.base_url.as_ref());
        let base_url =
            base_url.ok_or_else(|| fault("it has no base_url, and the campaign has none either"))?;
        let mut secrets = Vec::new();
        let (url, secret_tail) = address(base_url, &definition, setup.credentials, &mut secrets)?;
        let headers = headers(&definition.auth, setup.credentials, &mut secrets)?;
        let mut fields = Vec::new();
        for (name, part) in &definition.auth.fields {
            let secret = setup.credentials.take(part, Form::Encoded)?;
            let encoded: String =
                form_urlencoded::byte_serialize(secret.expose_secret().as_bytes()).collect();
            secrets.extend([secret.clone(), encoded.into()]);
            fields.push((name.clone(), secret.clone()));
        }
        let mut capabilities = definition.capabilities.clone();
        capabilities.profile.max_characters = setup.max_characters.or(capabilities.profile.max_characters);
        Ok(Self { definition, url, secret_tail, headers, fields, secrets, capabilities })
    }

    /// The bytes of a request's body and what they are.
    fn body(&self, values: &Values<'_>) -> (&'static str, String) {
        match &self.definition.body {
            Fields::Form(fields) => {
                let mut form = form_urlencoded::Serializer::new(String::with_capacity(512));
                for (name, template) in fields {
                    if let Some(value) = template.fill(|place| values.get(place)) {
                        form.append_pair(name, &value);
                    }
                }
                for (name, secret) in &self.fields {
                    form.append_pair(name, secret.expose_secret());
                }
                ("application/x-www-form-urlencoded", form.finish())
            }
            Fields::Json(fields) => {
                let mut object = Json::object(fields, &|template| values.json(template));
                let secrets = self.fields.iter();
                object.extend(secrets.map(|(name, secret)| (name.clone(), secret.expose_secret().into())));
                ("application/json", Value::Object(object).to_string())
            }
        }
    }

    /// The provider's code and words, safe to show.
    fn said(&self, chunk: &Chunk, status: u16, body: &Value) -> String {
        let mut said = status.to_string();
        said.extend(self.definition.replies.code(body).map(|code| format!(", code {code}")));
        said.extend(self.definition.replies.message(body).map(|message| format!(": {message}")));
        reading::safe(&said, chunk, &self.secrets)
    }

    /// A callback that names a message of ours.
    fn receipt(&self, fields: &CallbackFields, callback: &Callback) -> Option<Receipt> {
        let heard = callback::Fields::of(callback);
        let id_in = |name: &Option<String>| heard.id(&[name.as_deref()?]);
        let (message_id, reference) = (id_in(&fields.id), id_in(&fields.reference));
        if message_id.is_none() && reference.is_none() {
            return None;
        }
        let word = heard.get(&fields.state);
        Some(Receipt {
            message_id,
            request_id: None,
            to: fields.to.as_deref().and_then(|name| reading::number_word(heard.get(name)?)),
            reference,
            delivery: word.and_then(|word| fields.words.delivery(word)),
            code: word.map(|word| Reason::from(reading::without(word, &[], &self.secrets))),
            at: None,
            opted_out: false,
        })
    }
}

impl Adapter for Declared {
    fn kind(&self) -> &'static str {
        KIND.word
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable> {
        let values = Values::of(call, &self.capabilities, &self.definition)?;
        let (content_type, body) = self.body(&values);
        let mut headers: Vec<Header> =
            self.headers.iter().map(|(name, value)| Header::secret(name.clone(), value.clone())).collect();
        headers.push(Header::plain("content-type", content_type));
        headers.push(Header::plain("accept", "application/json"));
        Ok(HttpRequest {
            method: Method::Post,
            url: self.url.clone(),
            secret_tail: self.secret_tail.clone(),
            headers,
            body: Body::Whole(Bytes::from(body)),
        })
    }

    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        let replies = &self.definition.replies;
        match reading::value(reply) {
            Ok(body) => match replies.judge(reply.status, &body) {
                Ok(answer) => Outcome::Answered(answer),
                Err(Class::NoId) => {
                    reading::failure(Class::NoId, reply, format!("{} without {}", reply.status, replies.id))
                        .into()
                }
                Err(class) => reading::failure(class, reply, self.said(chunk, reply.status, &body)).into(),
            },
            Err(what) => {
                let said = reading::safe(&format!("{} with {what}", reply.status), chunk, &self.secrets);
                reading::failure(replies.judge_status(reply.status), reply, said).into()
            }
        }
    }

    fn callback(&self, callback: &Callback) -> Option<Result<Vec<Event>, CallbackFault>> {
        let fields = self.definition.callback.as_ref()?;
        let receipt = self.receipt(fields, callback).ok_or(CallbackFault::Meaning);
        Some(receipt.map(|receipt| vec![Event::Receipt(receipt)]))
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Declared");
        shown.field("name", &self.definition.name).field("url", &self.url).finish_non_exhaustive()
    }
}

/// What one message brings.
struct Values<'a> {
    to: String,
    to_e164: String,
    from: Option<String>,
    text: &'a str,
    reference: String,
    send_at: Option<String>,
    times: Times,
}

impl<'a> Values<'a> {
    fn of(
        call: &'a SendCall,
        capabilities: &Capabilities,
        definition: &Definition,
    ) -> Result<Self, Unbuildable> {
        let (to, text) = call::one_message(call, capabilities)?;
        if call.sender.is_some() && !definition.names_sender {
            let why = format!("{} is told no sender; take it out of the campaign", definition.name);
            return Err(Unbuildable(why));
        }
        Ok(Self {
            to: to.digits().to_string(),
            to_e164: to.to_string(),
            from: call.sender.as_deref().map(|sender| written(sender, definition.sender_numbers)),
            text,
            reference: call.reference.message(call.chunk.first),
            send_at: call.send_at.map(|at| time(at, definition.times)).transpose()?,
            times: definition.times,
        })
    }

    fn get(&self, place: Place) -> Option<&str> {
        Some(match place {
            Place::To => &self.to,
            Place::ToE164 => &self.to_e164,
            Place::From => self.from.as_deref()?,
            Place::Text => self.text,
            Place::Reference => &self.reference,
            Place::SendAt => self.send_at.as_deref()?,
        })
    }

    /// A text with its values; seconds that stand alone are a number.
    fn json(&self, template: &Template<Place>) -> Option<Value> {
        let text = template.fill(|place| self.get(place))?;
        let is_number = matches!(self.times, Times::Unix) && template.is_just(Place::SendAt);
        let number = text.parse::<i64>().ok().filter(|_| is_number);
        Some(number.map_or_else(|| text.into(), Value::from))
    }
}

/// A sender as the provider wants it: a number in the given form, a name as it is.
fn written(sender: &str, numbers: SenderNumbers) -> String {
    let digits = sender.strip_prefix('+').unwrap_or(sender);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return sender.to_owned();
    }
    match numbers {
        SenderNumbers::AsWritten => sender.to_owned(),
        SenderNumbers::E164 => format!("+{digits}"),
        SenderNumbers::Digits => digits.to_owned(),
    }
}

fn time(at: UnixMillis, times: Times) -> Result<String, Unbuildable> {
    let second = call::whole_second(at)?;
    Ok(match times {
        Times::Rfc3339 => second.to_string(),
        Times::Unix => second.as_second().to_string(),
    })
}

/// The address up to its first secret, and what follows. Adds those secrets to `secrets`.
fn address(
    base_url: &BaseUrl,
    definition: &Definition,
    credentials: &Credentials,
    secrets: &mut Vec<SecretString>,
) -> Result<(String, Option<SecretString>), SettingsError> {
    let start = secrets.len();
    for part in definition.endpoint.places() {
        let secret = credentials.take(part, Form::Header)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !secret.expose_secret().bytes().all(plain) {
            let what = "signs that cannot stand in an address";
            return Err(CredentialFault::Unusable { field: part, what }.into());
        }
        secrets.push(secret.clone());
    }
    let (path, rest) = definition.endpoint.clone().split_at_first_place();
    let url = format!("{}{path}", base_url.as_str());
    if secrets.len() == start {
        return Ok((url, None));
    }
    let part = |part| credentials.take(part, Form::Header).ok().map(ExposeSecret::expose_secret);
    let tail = rest.fill(part).expect("every part was taken");
    Ok((url, Some(tail.into())))
}

/// The headers with credentials. Adds what they hold to `secrets`.
fn headers(
    auth: &Auth,
    credentials: &Credentials,
    secrets: &mut Vec<SecretString>,
) -> Result<Vec<(String, SecretString)>, SettingsError> {
    let mut headers = Vec::new();
    if let Some((user, password)) = auth.basic {
        let user = credentials.take(user, Form::BasicUser)?;
        let password = credentials.take(password, Form::BasicPassword)?;
        let pair = STANDARD.encode(format!("{}:{}", user.expose_secret(), password.expose_secret()));
        headers.push(("authorization".to_owned(), SecretString::from(format!("Basic {pair}"))));
        secrets.extend([user.clone(), password.clone(), SecretString::from(pair)]);
    }
    if let Some(part) = auth.bearer {
        let token = credentials.take(part, Form::Header)?;
        let value = format!("Bearer {}", token.expose_secret());
        headers.push(("authorization".to_owned(), SecretString::from(value)));
        secrets.push(token.clone());
    }
    for (name, part) in &auth.headers {
        let value = credentials.take(part, Form::Header)?;
        headers.push((name.clone(), value.clone()));
        secrets.push(value.clone());
    }
    Ok(headers)
}
