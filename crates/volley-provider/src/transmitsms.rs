//! TransmitSMS (Burst SMS, now Kudosity), REST API v1: one text to many numbers in a form, JSON
//! back.
//!
//! The provider gives one id a request, counts whom it took, and seldom says whom it left out;
//! whoever cannot be told apart is in doubt. Not here: its stored lists, and the XML side of the
//! same calls.
//!
//! Sources: "Send SMS", "Status codes" and "Timestamps" at developers.kudosity.com/reference; the
//! older reply form at help.burstsms.com, article 44001077095; `data/wire/transmitsms`.

use crate::{
    adapter::{Adapter, SendCall, Unbuildable},
    base_url::path_of,
    call,
    credentials::Form,
    http::{Body, Header, HeaderValue, HttpRequest, Method, Reply},
    reading::{self, Object, Tally},
    registry::{Kind, SettingsError, Setup},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    num::NonZeroU32,
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};
use volley_core::{
    Answer, Batch, Billed, Capabilities, Chunk, Class, Destinations, Failure, Outcome, Planned, Polling,
    Profile, Rate, Reason, ReplyPrice, Schedule, SenderRule, Sources, Verdict, Verdicts,
};

/// TransmitSMS, for the registry.
pub(crate) const KIND: Kind = Kind {
    word: "transmitsms",
    base_url: Some("https://api.transmitsms.com"),
    needs: &["key", "secret"],
    options: &[
        "path_prefix",
        "max_recipients",
        "validity",
        "replies_to_email",
        "dlr_callback",
        "reply_callback",
        "tracked_link_url",
        "countrycode",
    ],
    adapter: |setup| Ok(Arc::new(TransmitSms::new(setup)?)),
};

/// Form fields that are the same in every request of a campaign, in the order they are sent in.
const PASSED_ON: [(&str, Rule); 6] = [
    ("validity", Rule::Number(0..=4_320)), // minutes; after 72 hours the provider expires it anyway
    ("replies_to_email", Rule::Email),
    ("dlr_callback", Rule::Url),
    ("reply_callback", Rule::Url),
    ("tracked_link_url", Rule::Url),
    ("countrycode", Rule::Country),
];

/// Current documents say 500 numbers a request, older ones 10,000.
const RECIPIENTS: u32 = 500;
const MAX_RECIPIENTS: RangeInclusive<u32> = 1..=10_000;

/// Where the limits of a send call stand.
const SEND_PAGE: &str = "developers.kudosity.com/reference/post_send-sms-json";

/// The longest text in characters ("Send SMS"), four parts of GSM-7.
const MAX_CHARACTERS: usize = 612;

/// One account at TransmitSMS.
pub(crate) struct TransmitSms {
    url: String,
    authorization: SecretString,
    passed_on: Vec<(&'static str, String)>,
    /// What no message of ours may repeat.
    secrets: Vec<SecretString>,
    capabilities: Capabilities,
}

impl TransmitSms {
    fn new(setup: &Setup<'_>) -> Result<Self, SettingsError> {
        let Setup { options, credentials, max_characters, .. } = *setup;
        let base_url = setup.base_url();
        let key = credentials.take("key", Form::BasicUser)?;
        let secret = credentials.take("secret", Form::BasicPassword)?;
        let pair = STANDARD.encode(format!("{}:{}", key.expose_secret(), secret.expose_secret()));
        let prefix = options.get("path_prefix").map_or(Ok(String::new()), |prefix| {
            path_of(prefix).map_err(|fault| SettingsError::option("path_prefix", fault))
        })?;
        let max = match options.get("max_recipients") {
            None => RECIPIENTS,
            Some(value) => number_in(value, &MAX_RECIPIENTS)
                .map_err(|problem| SettingsError::option("max_recipients", problem))?,
        };
        let mut passed_on = Vec::new();
        let mut secrets = vec![key.clone(), secret.clone(), SecretString::from(pair.as_str())];
        for (name, rule) in PASSED_ON {
            let Some(value) = options.get(name) else { continue };
            rule.check(value).map_err(|problem| SettingsError::option(name, problem))?;
            passed_on.push((name, value.clone()));
            if matches!(rule, Rule::Url) {
                secrets.push(SecretString::from(value.as_str())); // callbacks carry a token
            }
        }
        Ok(Self {
            url: format!("{}{prefix}/send-sms.json", base_url.as_str()),
            authorization: SecretString::from(format!("Basic {pair}")),
            passed_on,
            secrets,
            capabilities: Capabilities {
                batch: Batch::SharedText { max },
                default_chunk: max.min(RECIPIENTS),
                sender: SenderRule { required: false, max_name: 11, spaces: false, signs: false },
                profile: Profile {
                    max_characters: Some(max_characters.unwrap_or(MAX_CHARACTERS)),
                    ..Profile::STANDARD
                },
                destinations: Destinations::default(),
                schedule: Schedule::Until { horizon: None },
                rate: Rate::per_second(NonZeroU32::new(2).expect("two")),
                counts_strictly: true,
                max_in_flight: 2,
                timeout: Duration::from_secs(30),
                reply_price: ReplyPrice::Money,
                polling: Polling::ByRequest,
                cancels: true,
                sources: Sources {
                    sender: SEND_PAGE.into(),
                    text: SEND_PAGE.into(),
                    schedule: SEND_PAGE.into(),
                    destinations: SEND_PAGE.into(),
                },
            },
        })
    }

    /// What a reply says whose status is a success and whose body is `object`.
    fn answer(&self, chunk: &Chunk, reply: &Reply, object: &Object) -> Outcome {
        let error = Error::of(object);
        match error.code {
            Some("SUCCESS") => {}
            Some(code) => {
                let class = class_of(code).unwrap_or(Class::UnlistedCode);
                return reading::failure(class, reply, self.said(chunk, reply.status, &error)).into();
            }
            None => return Failure::new(Class::UnlistedCode, "a success status without error.code").into(),
        }
        let Some(message_id) = reading::field(object, "message_id").and_then(reading::id) else {
            return Failure::new(Class::NoId, "SUCCESS without a message_id").into();
        };
        let verdicts = match verdicts(chunk, object, &error, &message_id) {
            Ok(verdicts) => verdicts,
            Err(surplus) => return surplus.into(),
        };
        let cost = reading::field(object, "cost").and_then(reading::amount);
        Outcome::Answered(Answer {
            request_id: Some(message_id),
            verdicts,
            billed: cost.map_or(Billed::Unknown, Billed::Money),
            segments: reading::field(object, "sms").and_then(reading::count),
        })
    }

    /// What a reply says whose status is a refusal: its code first, then the status.
    fn refusal(&self, chunk: &Chunk, reply: &Reply, object: &Object) -> Failure {
        let error = Error::of(object);
        let class = match error.code {
            // The status says no and the body says yes: nothing is proved.
            Some("SUCCESS") => Class::Unmatched,
            Some(code) => class_of(code).unwrap_or(Class::of_status(reply.status)),
            None => Class::of_status(reply.status),
        };
        reading::failure(class, reply, self.said(chunk, reply.status, &error))
    }

    /// The provider's code and words, safe to show.
    fn said(&self, chunk: &Chunk, status: u16, error: &Error<'_>) -> String {
        let code = error.code.unwrap_or("no error.code");
        let words = error.description.and_then(Value::as_str).unwrap_or_default();
        let separator = if words.is_empty() { "" } else { ": " };
        reading::safe(&format!("{status} {code}{separator}{words}"), chunk, &self.secrets)
    }
}

impl Adapter for TransmitSms {
    fn kind(&self) -> &'static str {
        KIND.word
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable> {
        let text = call::shared_text(call, &self.capabilities)?;
        let mut to = String::with_capacity(call.chunk.recipients.len() * 12);
        for (index, one) in call.chunk.recipients.iter().enumerate() {
            if index > 0 {
                to.push(',');
            }
            to.push_str(&one.to.digits().to_string());
        }
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(text.len() + to.len() * 2));
        form.append_pair("message", text).append_pair("to", &to);
        if let Some(sender) = &call.sender {
            form.append_pair("from", sender.strip_prefix('+').unwrap_or(sender));
        }
        if let Some(at) = call.send_at {
            let time = call::whole_second(at)?.strftime("%Y-%m-%d %H:%M:%S").to_string();
            form.append_pair("send_at", &time);
        }
        form.extend_pairs(&self.passed_on);
        let plain = |name, value: &str| Header { name, value: HeaderValue::Plain(value.to_owned()) };
        Ok(HttpRequest {
            method: Method::Post,
            url: self.url.clone(),
            headers: vec![
                Header { name: "authorization", value: HeaderValue::Secret(self.authorization.clone()) },
                plain("content-type", "application/x-www-form-urlencoded"),
                plain("accept", "application/json"),
            ],
            body: Body::Whole(Bytes::from(form.finish())),
        })
    }

    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        match (reply.status, reading::object(reply)) {
            (200..=299, Ok(object)) => self.answer(chunk, reply, &object),
            (400..=499, Ok(object)) => self.refusal(chunk, reply, &object).into(),
            // What is behind a 5xx nobody knows, whatever it says of itself.
            (status, Ok(object)) => {
                let said = self.said(chunk, status, &Error::of(&object));
                reading::failure(Class::of_status(status), reply, said).into()
            }
            (status, Err(what)) => {
                let said = reading::safe(&format!("{status} with {what}"), chunk, &self.secrets);
                reading::failure(Class::of_status(status), reply, said).into()
            }
        }
    }
}

impl fmt::Debug for TransmitSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransmitSms").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The `error` block, which stands in success replies too.
struct Error<'a> {
    code: Option<&'a str>,
    /// Text, or an object with lists of numbers.
    description: Option<&'a Value>,
}

impl<'a> Error<'a> {
    fn of(object: &'a Object) -> Self {
        let block = object.get("error").and_then(Value::as_object);
        Self {
            code: block.and_then(|block| block.get("code")).and_then(Value::as_str),
            description: block.and_then(|block| block.get("description")),
        }
    }
}

/// The provider's list of codes; under a success status they mean the same.
///
/// `NO_ACCESS` is a feature or resource that is not the account's, not a wrong key.
fn class_of(code: &str) -> Option<Class> {
    Some(match code {
        "AUTH_FAILED_NO_DATA" | "AUTH_FAILED" => Class::Credentials,
        "NOT_IMPLEMENTED" => Class::WrongAddress,
        "OVER_LIMIT" => Class::Throttled,
        "LEDGER_ERROR" => Class::NoFunds,
        "FIELD_EMPTY" | "FIELD_INVALID" | "NO_ACCESS" | "KEY_EXISTS" | "NOT_FOUND" | "BAD_CALLER_ID"
        | "LIST_EMPTY" | "RECIPIENTS_ERROR" => Class::BadRequest,
        _ => return None,
    })
}

/// Who of `chunk` was taken. The error is a count above what was sent.
///
/// `recipients` counts the taken ones. The lists `fails` and `optouts` explain who is missing if
/// they name exactly as many people of the chunk as the count leaves out; else nobody can be told
/// from the others and all are in doubt.
fn verdicts(
    chunk: &Chunk,
    object: &Object,
    error: &Error<'_>,
    message_id: &str,
) -> Result<Verdicts, Failure> {
    let sent = u64::from(chunk.len());
    let tally = Tally::of(object);
    if matches!(tally, Tally::Of(taken) if taken > sent) {
        return Err(Failure::new(Class::Unmatched, tally.mismatch(message_id, sent)));
    }
    let left_out = left_out(chunk, object, error);
    let left_out = left_out.filter(|left_out| match tally {
        Tally::Unsaid => true,
        Tally::Unreadable => false,
        Tally::Of(taken) => sent - taken == left_out.len() as u64,
    });
    Ok(match left_out {
        Some(left_out) if left_out.is_empty() => Verdicts::AllAccepted,
        Some(left_out) => {
            let verdict = |one: &Planned| match left_out.get(&one.to.digits()) {
                Some(&list) => Verdict::Refused { code: Reason::from(list) },
                None => Verdict::Accepted { id: None, billed: None, segments: None },
            };
            Verdicts::Each(chunk.recipients.iter().map(verdict).collect())
        }
        None => reading::all_in_doubt(&tally.mismatch(message_id, sent)),
    })
}

/// The numbers that the reply lists as left out, each with the name of its list; `None` where an
/// entry is nobody of `chunk`.
fn left_out(chunk: &Chunk, object: &Object, error: &Error<'_>) -> Option<HashMap<u64, &'static str>> {
    let inside = error.description.and_then(Value::as_object);
    let mut entries = Vec::new();
    for holder in [Some(object), inside].into_iter().flatten() {
        for list in ["fails", "optouts"] {
            let listed = holder.get(list).and_then(Value::as_array);
            entries.extend(listed.into_iter().flatten().map(|entry| (entry, list)));
        }
    }
    if entries.is_empty() {
        return Some(HashMap::new());
    }
    let sent: HashSet<u64> = chunk.recipients.iter().map(|one| one.to.digits()).collect();
    entries
        .into_iter()
        .map(|(entry, list)| {
            let digits = match entry {
                Value::String(text) => text.trim().trim_start_matches('+').parse().ok(),
                entry => entry.as_u64(),
            };
            digits.filter(|digits| sent.contains(digits)).map(|digits| (digits, list))
        })
        .collect()
}

/// What a value that is passed on must look like.
#[derive(Clone, Debug)]
enum Rule {
    Number(RangeInclusive<u32>),
    Email,
    Url,
    Country,
}

impl Rule {
    fn check(&self, value: &str) -> Result<(), String> {
        let visible = !value.chars().any(|one| one.is_whitespace() || one.is_control());
        let (fits, form) = match self {
            Self::Number(range) => return number_in(value, range).map(|_| ()),
            Self::Email => {
                let (name, host) = value.split_once('@').unwrap_or_default();
                (visible && !name.is_empty() && !host.is_empty(), "an e-mail address")
            }
            Self::Url => {
                let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
                let has_host =
                    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']));
                (visible && has_host, "an address that starts with https:// or http://")
            }
            Self::Country => {
                let letters = value.chars().all(|one| one.is_alphabetic() || one == ' ');
                (letters && !value.trim().is_empty(), "a country, as two letters or by its name")
            }
        };
        if fits { Ok(()) } else { Err(format!("it must be {form}")) }
    }
}

fn number_in(value: &str, range: &RangeInclusive<u32>) -> Result<u32, String> {
    value.trim().replace('_', "").parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        format!("it must be a whole number from {} to {}, not `{value}`", range.start(), range.end())
    })
}
