//! Accounts, chunks and replies for the other modules.

use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use volley_core::{
    Answer, Billed, Chunk, Micros, Msisdn, Outcome, Planned, Position, Reference, RowNumber, UnixMillis,
    Verdict, Verdicts,
};
use volley_provider::{
    adapter::{Adapter, SendCall},
    credentials::Credentials,
    http::{HeaderValue, HttpRequest, Reply},
    registry::{self, Settings},
};

/// Numbers reserved for fiction.
pub(crate) const AUSTRALIA: [u64; 6] =
    [61_491_570_006, 61_491_570_156, 61_491_570_157, 61_491_570_158, 61_491_570_159, 61_491_570_110];
/// The same for Thailand.
pub(crate) const THAILAND: [u64; 6] =
    [66_800_000_001, 66_800_000_002, 66_800_000_003, 66_800_000_004, 66_800_000_005, 66_800_000_006];

/// The same for North America.
pub(crate) const AMERICA: [u64; 6] =
    [15_555_550_100, 15_555_550_101, 15_555_550_102, 15_555_550_103, 15_555_550_104, 15_555_550_105];

/// When every reply of these tests had arrived: 2026-12-01T00:00:00Z.
pub(crate) const NOW: UnixMillis = UnixMillis(1_796_083_200_000);

/// An account of `kind` with these settings beside those that it cannot do without.
pub(crate) fn account(kind: &str, options: &[(&str, &str)]) -> Arc<dyn Adapter> {
    registry::adapter(kind, settings(kind, options)).unwrap_or_else(|fault| panic!("{kind}: {fault}"))
}

/// The settings that an account of `kind` cannot do without.
fn needed(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "fonedynamics" => &[("property_sid", "sim-property")],
        "multitel" => &[("bulk_allowed", "true")],
        "http" => &[("definition", include_str!("../../../../data/providers/twilio.toml"))],
        _ => &[],
    }
}

pub(crate) fn settings(kind: &str, options: &[(&str, &str)]) -> Settings {
    let options = needed(kind).iter().chain(options);
    Settings {
        base_url: Some("http://127.0.0.1/".to_owned()),
        options: options.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        credentials: Credentials {
            key: Some("sim-key".into()),
            secret: Some("sim-secret".into()),
            account: Some("sim-account".into()),
            token: Some("sim-token".into()),
            username: Some("sim-user".into()),
            password: Some("sim-password".into()),
        },
        max_characters: None,
    }
}

pub(crate) fn chunk(text: &str, numbers: &[u64]) -> Chunk {
    let recipient = |(row, digits): (u32, &u64)| Planned {
        row: RowNumber(row),
        to: Msisdn::from_digits(*digits).expect("7 to 15 digits"),
        text: 0,
        segments: 1,
        cost: Micros(50_000),
    };
    Chunk {
        first: Position(0),
        texts: vec![Arc::from(text)],
        recipients: (1..).zip(numbers).map(recipient).collect(),
    }
}

pub(crate) fn call(chunk: Chunk, sender: Option<&str>) -> SendCall {
    SendCall { chunk: Arc::new(chunk), sender: sender.map(Arc::from), send_at: None, reference: reference() }
}

pub(crate) fn reply(status: u16, content_type: Option<&str>, body: impl AsRef<[u8]>) -> Reply {
    let headers = content_type.map(|value| ("content-type".to_owned(), value.to_owned()));
    Reply {
        status,
        headers: headers.into_iter().collect(),
        body: Bytes::copy_from_slice(body.as_ref()),
        at: NOW,
    }
}

/// What the messages of these tests are told by: `00000000c7c7`.
pub(crate) fn reference() -> Reference {
    Reference::from_bits(0xC7C7)
}

pub(crate) fn body_of(request: &HttpRequest) -> Vec<u8> {
    request.body.frames().flatten().collect()
}

pub(crate) fn shown(value: &HeaderValue) -> String {
    use secrecy::ExposeSecret;
    match value {
        HeaderValue::Plain(value) => value.clone(),
        HeaderValue::Secret(value) => value.expose_secret().to_owned(),
    }
}

/// Whether anybody was taken, by this outcome.
pub(crate) fn accepts_anybody(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed(_) | Outcome::Answered(Answer { verdicts: Verdicts::AllInDoubt { .. }, .. }) => false,
        Outcome::Answered(Answer { verdicts: Verdicts::AllAccepted, .. }) => true,
        Outcome::Answered(Answer { verdicts: Verdicts::Each(verdicts), .. }) => {
            verdicts.iter().any(|verdict| matches!(verdict, Verdict::Accepted { .. }))
        }
    }
}

/// An outcome in the words of the fixtures' tables.
pub(crate) fn describe(outcome: &Outcome) -> String {
    let answer = match outcome {
        Outcome::Answered(answer) => answer,
        Outcome::Failed(failure) => {
            let wait = failure.retry_after.map(|wait| format!("; wait {} s", wait.as_secs()));
            return format!("{} {:?}{}", failure.class.rule().row, failure.class, wait.unwrap_or_default());
        }
    };
    let verdicts = match &answer.verdicts {
        Verdicts::AllAccepted => "accepted".to_owned(),
        Verdicts::AllInDoubt { .. } => "all in doubt".to_owned(),
        Verdicts::Each(verdicts) => {
            let words = verdicts.iter().map(|verdict| match verdict {
                Verdict::Accepted { id: None, .. } => "accepted".to_owned(),
                Verdict::Accepted { id: Some(id), .. } => format!("accepted={id}"),
                Verdict::Refused { code } => format!("refused {code}"),
                Verdict::NotTaken { class, .. } => format!("not taken ({class:?})"),
                Verdict::InDoubt { .. } => "in doubt".to_owned(),
            });
            format!("each: {}", words.collect::<Vec<_>>().join(", "))
        }
    };
    let billed = match answer.billed {
        Billed::Unknown => "unpriced".to_owned(),
        Billed::Money(amount) => format!("money {amount}"),
        Billed::Units(amount) => format!("units {amount}"),
    };
    let id = answer.request_id.as_deref().unwrap_or("none");
    let segments = answer.segments.or_else(|| own_segments(&answer.verdicts));
    let segments = segments.map_or("?".to_owned(), |segments| segments.to_string());
    format!("{verdicts}; id {id}; {billed}; {segments} segments")
}

/// The segments of those whose own are known, added up.
fn own_segments(verdicts: &Verdicts) -> Option<u64> {
    let Verdicts::Each(verdicts) = verdicts else { return None };
    let own = |one: &Verdict| match one {
        Verdict::Accepted { segments, .. } => segments.map(u64::from),
        _ => None,
    };
    verdicts.iter().filter_map(own).reduce(|sum, more| sum + more)
}

/// A JSON value as the XML of a provider that speaks both: lists are `<item>` elements.
pub(crate) fn element(name: &str, value: &Value) -> String {
    let inside = match value {
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(|item| element("item", item)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| element(name, value)).collect(),
        Value::String(text) => text.replace('&', "&amp;").replace('<', "&lt;"),
        value => value.to_string(),
    };
    format!("<{name}>{inside}</{name}>")
}
