//! What a definition means: its tables, read and checked once.

use super::{
    reply::{Meaning, Replies},
    table::{self, Entry, Fault, Table, nearest, text_of, whole_number},
    template::{Place, Template},
};
use crate::{
    base_url::{BaseUrl, path_of},
    callback::Words,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, time::Duration};
use toml::de::DeValue;
use volley_core::{
    Batch, Capabilities, Delivery, Destinations, Polling, Profile, Rate, ReplyPrice, Schedule, SenderRule,
    Sources,
};

/// The parts of an account's credentials.
const PARTS: [&str; 6] = ["key", "secret", "account", "token", "username", "password"];

/// Headers that every request has anyway, or whose meaning is not a definition's to change.
const OWN_HEADERS: [&str; 7] =
    ["accept", "authorization", "connection", "content-length", "content-type", "host", "transfer-encoding"];

/// One provider, as its definition has it.
pub(super) struct Definition {
    pub(super) name: String,
    /// Where it is reached unless the campaign says otherwise.
    pub(super) base_url: Option<BaseUrl>,
    /// The path of send calls, with parts of the credentials in it.
    pub(super) endpoint: Template<&'static str>,
    pub(super) auth: Auth,
    pub(super) body: Body,
    /// How a sender that is a number is written.
    pub(super) sender_numbers: SenderNumbers,
    pub(super) times: Times,
    /// Whether requests name a sender.
    pub(super) names_sender: bool,
    pub(super) replies: Replies,
    pub(super) callback: Option<CallbackFields>,
    pub(super) capabilities: Capabilities,
}

/// Which parts of the credentials travel where. Any of them may be absent.
pub(super) struct Auth {
    /// User name and password of Basic authentication.
    pub(super) basic: Option<(&'static str, &'static str)>,
    /// The token of a bearer.
    pub(super) bearer: Option<&'static str>,
    /// Headers by their lower-case names.
    pub(super) headers: Vec<(String, &'static str)>,
    /// Fields of the body.
    pub(super) fields: Vec<(String, &'static str)>,
}

/// The fields of a request.
pub(super) enum Body {
    Form(Vec<(String, Template<Place>)>),
    Json(Vec<(String, Json)>),
}

/// A JSON value with places in its texts.
pub(super) enum Json {
    Text(Template<Place>),
    /// The same in every request.
    Constant(Value),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

#[derive(Clone, Copy)]
pub(super) enum SenderNumbers {
    AsWritten,
    E164,
    Digits,
}

#[derive(Clone, Copy)]
pub(super) enum Times {
    /// `2026-12-01T09:00:00Z`.
    Rfc3339,
    /// Seconds since 1970; a JSON number where a field is nothing else.
    Unix,
}

/// The fields of the provider's calls to us.
pub(super) struct CallbackFields {
    pub(super) id: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) to: Option<String>,
    pub(super) state: String,
    pub(super) words: Words,
}

impl Definition {
    /// Reads a definition. The fault says where it is wrong and what to write.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        table::read(text, |top| {
            let name = top.text("name", word)?.ok_or_else(|| top.fault("name", "it is missing"))?;
            let endpoint = top.text("endpoint", endpoint)?;
            let request = top.table("request")?;
            let request = request.ok_or_else(|| top.fault("request", "this table is missing"))?;
            let body = body(&request)?;
            let places = body.places();
            let uses = |place| places.contains(&place);
            if !uses(Place::Text) || !(uses(Place::To) || uses(Place::ToE164)) {
                return Err(request.fault("fields", "they carry no {text}, or neither {to} nor {to_e164}"));
            }
            let schedule = schedule(&top)?;
            if uses(Place::SendAt) != (schedule != Schedule::Never) {
                let problem = "it belongs together with {send_at} in the fields: write both or neither";
                return Err(top.fault("schedule", problem));
            }
            let sender = sender_rule(&top, uses(Place::From))?;
            let reply = top.table("reply")?.ok_or_else(|| top.fault("reply", "this table is missing"))?;
            let replies = replies(&reply)?;
            let capabilities = capabilities(&top, &name, sender, schedule, replies.price_unit)?;
            Ok(Self {
                base_url: top
                    .text("base_url", |url| BaseUrl::parse(url).map_err(|fault| fault.to_string()))?,
                endpoint: endpoint.ok_or_else(|| top.fault("endpoint", "it is missing"))?,
                auth: top.table("auth")?.map_or_else(|| Ok(Auth::none()), |table| auth(&table))?,
                sender_numbers: request.word(
                    "sender_numbers",
                    &[
                        ("as_written", SenderNumbers::AsWritten),
                        ("e164", SenderNumbers::E164),
                        ("digits", SenderNumbers::Digits),
                    ],
                )?,
                times: request.word("times", &[("rfc3339", Times::Rfc3339), ("unix", Times::Unix)])?,
                names_sender: uses(Place::From),
                callback: top.table("callback")?.map(|table| callback(&table)).transpose()?,
                name,
                body,
                replies,
                capabilities,
            })
        })
    }
}

impl Definition {
    /// The parts of the credentials that it asks for, each once.
    pub(super) fn needs(&self) -> Vec<&'static str> {
        let Auth { basic, bearer, headers, fields } = &self.auth;
        let pairs = basic.iter().flat_map(|(user, password)| [*user, *password]);
        let named = headers.iter().chain(fields).map(|(_, part)| *part);
        let mut needs: Vec<&str> = self.endpoint.places().chain(pairs).chain(*bearer).chain(named).collect();
        needs.sort_unstable();
        needs.dedup();
        needs
    }
}

impl Auth {
    const fn none() -> Self {
        Self { basic: None, bearer: None, headers: Vec::new(), fields: Vec::new() }
    }
}

impl Body {
    /// Every place that a field has.
    fn places(&self) -> Vec<Place> {
        match self {
            Self::Form(fields) => fields.iter().flat_map(|(_, template)| template.places()).collect(),
            Self::Json(fields) => fields.iter().flat_map(|(_, value)| value.places()).collect(),
        }
    }
}

impl Json {
    fn places(&self) -> Vec<Place> {
        match self {
            Self::Text(template) => template.places().collect(),
            Self::Constant(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::places).collect(),
            Self::Object(fields) => fields.iter().flat_map(|(_, value)| value.places()).collect(),
        }
    }

    /// The JSON of one message; `None` for a text without a value for one of its places, which is
    /// left out of the list or object around it.
    pub(super) fn fill(&self, text: &impl Fn(&Template<Place>) -> Option<Value>) -> Option<Value> {
        Some(match self {
            Self::Text(template) => text(template)?,
            Self::Constant(value) => value.clone(),
            Self::List(items) => items.iter().filter_map(|item| item.fill(text)).collect(),
            Self::Object(fields) => Self::object(fields, text).into(),
        })
    }

    /// The same for the fields of an object.
    pub(super) fn object(
        fields: &[(String, Self)],
        text: &impl Fn(&Template<Place>) -> Option<Value>,
    ) -> Map<String, Value> {
        fields.iter().filter_map(|(name, value)| Some((name.clone(), value.fill(text)?))).collect()
    }

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        Ok(match value {
            DeValue::String(text) => Self::Text(Template::parse(text, &Place::ALL)?),
            DeValue::Boolean(switch) => Self::Constant((*switch).into()),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                Self::Constant(number.map_err(|_| "the number is too large".to_owned())?.into())
            }
            DeValue::Array(items) => {
                Self::List(items.iter().map(|item| Self::read(item.get_ref())).collect::<Result<_, _>>()?)
            }
            DeValue::Table(fields) => {
                let field =
                    |(name, value): (
                        &toml::Spanned<std::borrow::Cow<'_, str>>,
                        &toml::Spanned<DeValue<'_>>,
                    )| { Ok((name.get_ref().to_string(), Self::read(value.get_ref())?)) };
                Self::Object(fields.iter().map(field).collect::<Result<_, String>>()?)
            }
            DeValue::Float(_) | DeValue::Datetime(_) => {
                return Err("write a text, a whole number, true, false, a list or a table".to_owned());
            }
        })
    }
}

/// `[a-z0-9-]`, as it is shown to people.
fn word(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("write 1 to 64 of the letters a to z, digits and -".to_owned())
    }
}

/// A path, with the slash at its end if it has one.
fn endpoint(text: &str) -> Result<Template<&'static str>, String> {
    let template = Template::parse(text, &PARTS.map(|part| (part, part)))?;
    let sample = template.fill(|_| Some("x")).expect("every place has a value");
    path_of(&sample).map_err(|fault| fault.to_string())?;
    if sample.starts_with('/') && sample.len() > 1 {
        Ok(template)
    } else {
        Err("write a path that starts with a slash".to_owned())
    }
}

/// A part of the credentials, by its name.
fn part(name: &str) -> Result<&'static str, String> {
    PARTS.into_iter().find(|part| *part == name).ok_or_else(|| {
        format!("`{name}` is no part of the credentials; did you mean `{}`?", nearest(name, &PARTS))
    })
}

fn auth(table: &Table<'_>) -> Result<Auth, Fault> {
    let basic = match table.list("basic", |value| part(text_of(value)?))?[..] {
        [] => None,
        [user, password] => Some((user, password)),
        _ => return Err(table.fault("basic", "write two parts: of the user name and of the password")),
    };
    let bearer = table.text("bearer", part)?;
    if basic.is_some() && bearer.is_some() {
        return Err(table.fault("bearer", "a request has one authorization; write basic or bearer"));
    }
    let mut headers = Vec::new();
    for (entry, part) in with_parts(table, "header")? {
        let name = entry.key.to_ascii_lowercase();
        let is_token = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if !is_token || OWN_HEADERS.contains(&name.as_str()) {
            return Err(entry.fault("this is no name of a header, or of one that is written anyway"));
        }
        headers.push((name, part));
    }
    let fields =
        with_parts(table, "fields")?.into_iter().map(|(entry, part)| (entry.key.to_owned(), part)).collect();
    Ok(Auth { basic, bearer, headers, fields })
}

/// The entries of the table `key`, each with the part of the credentials that it names.
fn with_parts<'a>(table: &Table<'a>, key: &str) -> Result<Vec<(Entry<'a>, &'static str)>, Fault> {
    let mut named = Vec::new();
    for entry in table.table(key)?.map_or_else(Vec::new, |table| table.entries()) {
        let part = text_of(entry.value).and_then(part).map_err(|problem| entry.fault(problem))?;
        named.push((entry, part));
    }
    Ok(named)
}

fn body(request: &Table<'_>) -> Result<Body, Fault> {
    let is_form = request.word("body", &[("form", true), ("json", false)])?;
    let fields = request.table("fields")?.map_or_else(Vec::new, |fields| fields.entries());
    if is_form {
        let field = |entry: Entry<'_>| {
            let template = text_of(entry.value).and_then(|text| Template::parse(text, &Place::ALL));
            Ok((entry.key.to_owned(), template.map_err(|problem| entry.fault(problem))?))
        };
        Ok(Body::Form(fields.into_iter().map(field).collect::<Result<_, Fault>>()?))
    } else {
        let field = |entry: Entry<'_>| {
            let value = Json::read(entry.value).map_err(|problem| entry.fault(problem))?;
            Ok((entry.key.to_owned(), value))
        };
        Ok(Body::Json(fields.into_iter().map(field).collect::<Result<_, Fault>>()?))
    }
}

/// A pointer to a value of a JSON document (RFC 6901), not to all of it.
fn pointer(text: &str) -> Result<String, String> {
    let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if text.starts_with('/') && escapes {
        Ok(text.to_owned())
    } else {
        Err("write a JSON pointer, such as /id or /messages/0/id".to_owned())
    }
}

fn replies(reply: &Table<'_>) -> Result<Replies, Fault> {
    let mut replies = Replies {
        id: reply.text("id", pointer)?.ok_or_else(|| reply.fault("id", "it is missing"))?,
        code: reply.text("code", pointer)?,
        message: reply.text("message", pointer)?,
        parts: reply.text("parts", pointer)?,
        price: reply.text("price", pointer)?,
        price_unit: ReplyPrice::Nothing,
        statuses: BTreeMap::new(),
        codes: BTreeMap::new(),
    };
    if replies.price.is_some() {
        let units = [("money", ReplyPrice::Money), ("credit", ReplyPrice::Units("credit"))];
        replies.price_unit = reply.word("price_unit", &units)?;
    }
    for (key, meaning) in Meaning::ALL {
        let Some(table) = reply.table(key)? else { continue };
        let range = if meaning == Meaning::Accepted { 200..=299 } else { 400..=599 };
        let status = |value: &DeValue<'_>| {
            let status = whole_number(value).and_then(|status| u16::try_from(status).ok());
            let fault = || format!("write statuses from {} to {}", range.start(), range.end());
            status.filter(|status| range.contains(status)).ok_or_else(fault)
        };
        for status in table.list("statuses", status)? {
            if replies.statuses.insert(status, meaning).is_some_and(|other| other != meaning) {
                return Err(table.fault("statuses", format!("{status} stands in another table too")));
            }
        }
        for code in table.list("codes", code)? {
            if replies.code.is_none() {
                return Err(
                    table.fault("codes", "a reply's codes are found with reply.code, which is missing")
                );
            }
            if replies.codes.insert(code.clone(), meaning).is_some_and(|other| other != meaning) {
                return Err(table.fault("codes", format!("`{code}` stands in another table too")));
            }
        }
    }
    Ok(replies)
}

/// A code, which a reply may have as text, as a number, or as true and false.
fn code(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Boolean(switch) => Ok(switch.to_string()),
        _ => Err("write codes as texts, whole numbers, true or false".to_owned()),
    }
}

fn schedule(top: &Table<'_>) -> Result<Schedule, Fault> {
    let Some(table) = top.table("schedule")? else { return Ok(Schedule::Never) };
    let days = table.number("horizon_days", &(1..=3_650))?;
    Ok(Schedule::Until { horizon: days.map(|days| Duration::from_hours(24 * u64::from(days))) })
}

fn sender_rule(top: &Table<'_>, names_sender: bool) -> Result<SenderRule, Fault> {
    match top.table("sender")? {
        Some(_) if !names_sender => {
            Err(top.fault("sender", "no field carries {from}, so there is none to make rules for"))
        }
        Some(table) => Ok(SenderRule {
            required: table.is_on("required")?,
            max_name: table.number("max_name", &(0..=64))?.map_or(11, |most| most as usize),
            spaces: table.is_on("spaces")?,
            signs: table.is_on("signs")?,
        }),
        None => Ok(SenderRule {
            required: names_sender,
            max_name: if names_sender { 11 } else { 0 },
            spaces: false,
            signs: false,
        }),
    }
}

fn capabilities(
    top: &Table<'_>,
    name: &str,
    sender: SenderRule,
    schedule: Schedule,
    reply_price: ReplyPrice,
) -> Result<Capabilities, Fault> {
    let limits = top.table("limits")?.ok_or_else(|| top.fault("limits", "this table is missing"))?;
    let rate = |text: &str| text.parse::<Rate>().map_err(|fault| fault.to_string());
    let seconds = limits.number("timeout_seconds", &(1..=600))?.unwrap_or(30);
    let prefix = |value: &DeValue<'_>| {
        let prefix = text_of(value)?;
        let is_one = (1..=15).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
        if is_one {
            Ok(prefix.to_owned())
        } else {
            Err("write beginnings of numbers, such as \"61\"".to_owned())
        }
    };
    let sources = top.table("sources")?;
    let source = |key| {
        let told =
            sources.as_ref().map(|sources| sources.text(key, |text| Ok(text.to_owned()))).transpose()?;
        Ok::<_, Fault>(told.flatten().unwrap_or_else(|| format!("the definition of {name}")).into())
    };
    let longest = limits.number("max_characters", &(1..=1_000_000))?;
    Ok(Capabilities {
        batch: Batch::One,
        default_chunk: 1,
        sender,
        profile: Profile { max_characters: longest.map(|longest| longest as usize), ..Profile::STANDARD },
        destinations: Destinations { prefixes: limits.list("prefixes", prefix)? },
        schedule,
        rate: limits.text("rate", rate)?.ok_or_else(|| limits.fault("rate", "it is missing"))?,
        counts_strictly: limits.is_on("counts_strictly")?,
        max_in_flight: limits.number("max_in_flight", &(1..=1_000))?.unwrap_or(1),
        timeout: Duration::from_secs(u64::from(seconds)),
        reply_price,
        polling: Polling::Never,
        cancels: false,
        sources: Sources {
            sender: source("sender")?,
            text: source("text")?,
            schedule: source("schedule")?,
            destinations: source("destinations")?,
        },
    })
}

fn callback(table: &Table<'_>) -> Result<CallbackFields, Fault> {
    let name = |key| table.text(key, |text| Ok(text.to_owned()));
    let mut words = Vec::new();
    for entry in table.table("words")?.map_or_else(Vec::new, |words| words.entries()) {
        let states = Delivery::ALL.map(Delivery::word);
        let delivery = Delivery::of_word(entry.key).ok_or_else(|| {
            entry.fault(format!("there is no such state; did you mean `{}`?", nearest(entry.key, &states)))
        })?;
        let DeValue::Array(list) = entry.value else { return Err(entry.fault("write a list, in brackets")) };
        for word in list {
            words.push((text_of(word.get_ref()).map_err(|problem| entry.fault(problem))?, delivery));
        }
    }
    let fields = CallbackFields {
        id: name("id")?,
        reference: name("reference")?,
        to: name("to")?,
        state: name("state")?.ok_or_else(|| table.fault("state", "it is missing"))?,
        words: Words::new(words),
    };
    if fields.id.is_none() && fields.reference.is_none() {
        return Err(table.fault("id", "a message is known by its id or its reference; write one of them"));
    }
    Ok(fields)
}
