//! The laws of a provider's answer.

use bytes::Bytes;
use serde_json::Value;
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use volley_core::{
    Answer, Billed, Chunk, Class, Failure, Micros, Msisdn, Outcome, Planned, Position, Reason, RowNumber,
    Taken, UnixMillis, Verdict, Verdicts,
};
use volley_provider::{
    adapter::Adapter,
    credentials::Credentials,
    http::Reply,
    registry::{self, Settings},
};

/// Without a blank, so that no cleaning of a provider's words can put it together.
const TEXT: &str = "Sale-ends-today";

/// What the laws need to know of one provider.
struct Face {
    account: Arc<dyn Adapter>,
    /// The account's own.
    secrets: &'static [&'static str],
    /// Reserved for fiction.
    numbers: [u64; 3],
    /// The field of its request id.
    id: &'static str,
    /// Whether an answer with an id, under a success status, is a success.
    is_success: fn(&Value) -> bool,
    /// Whether a count below what was sent can be told apart by lists of those left out.
    names_the_left_out: bool,
}

static TRANSMITSMS: LazyLock<Face> = LazyLock::new(|| Face {
    account: account("transmitsms", &["sim-key", "sim-secret"]),
    secrets: &["sim-key", "sim-secret"],
    numbers: [61_491_570_006, 61_491_570_156, 61_491_570_157],
    id: "message_id",
    is_success: |body| body["error"]["code"] == "SUCCESS",
    names_the_left_out: true,
});

static MESMS: LazyLock<Face> = LazyLock::new(|| Face {
    account: account("mesms", &["sim-key"]),
    secrets: &["sim-key"],
    numbers: [66_800_000_001, 66_800_000_002, 66_800_000_003],
    id: "uuid",
    is_success: |body| {
        let is_dry_run = body["dryRun"] == true || body["dryRun"] == "true";
        body["error"].is_null() && body["code"].is_null() && !is_dry_run
    },
    names_the_left_out: false,
});

/// `data` is an answer of TransmitSMS in the form of the files in `data/wire`.
///
/// Laws: somebody is accepted only by a complete JSON object with `SUCCESS` and a `message_id`
/// under a success status, which counts no more recipients than were sent; the others as
/// [`mesms_reply`].
pub fn transmitsms_reply(data: &[u8]) {
    judge(&TRANSMITSMS, data);
}

/// `data` is an answer of ME-SMS in the form of the files in `data/wire`.
///
/// Laws: somebody is accepted only by a complete JSON object with a `uuid` and no word of an
/// error under a success status, which counts as many recipients as were sent. Every recipient
/// has one verdict. A success status never proves that nobody was taken, and a 5xx never more
/// than its status does. What is shown has no text, secret or number in it.
pub fn mesms_reply(data: &[u8]) {
    judge(&MESMS, data);
}

fn judge(face: &Face, data: &[u8]) {
    let reply = reply(data);
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    for sent in 1..=face.numbers.len() {
        let chunk = chunk(&face.numbers[..sent]);
        match face.account.decode(&chunk, &reply) {
            Outcome::Answered(answer) => judge_answer(face, &reply, &body, &answer, sent),
            Outcome::Failed(failure) => judge_failure(face, &reply, &body, &failure),
        }
    }
}

fn judge_answer(face: &Face, reply: &Reply, body: &Value, answer: &Answer, sent: usize) {
    assert!((200..=299).contains(&reply.status), "an answer under {}", reply.status);
    assert!(is_json(reply) && body.is_object(), "an answer without a JSON object");
    assert!((face.is_success)(body), "an answer that is no success");
    let id = answer.request_id.as_deref().expect("an answer has an id");
    assert_eq!(Some(id), id_of(face, body).as_deref(), "the id is the body's");
    if let Billed::Money(amount) | Billed::Units(amount) = answer.billed {
        assert!(amount >= Micros::ZERO, "billed {amount}");
    }

    let accepted = match &answer.verdicts {
        Verdicts::AllAccepted => sent,
        Verdicts::AllInDoubt { reason } => {
            judge_words(face, body, reason);
            0
        }
        Verdicts::Each(verdicts) => {
            assert_eq!(verdicts.len(), sent, "one verdict for each recipient");
            for verdict in verdicts {
                match verdict {
                    Verdict::Accepted { .. } => {}
                    Verdict::Refused { code: reason }
                    | Verdict::NotTaken { reason, .. }
                    | Verdict::InDoubt { reason } => {
                        judge_words(face, body, reason);
                    }
                }
            }
            verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Accepted { .. })).count()
        }
    };
    // A count is believed where it can be true: never above what was sent, and below it only
    // where the missing ones are named.
    let counted = match &body["recipients"] {
        Value::Null => return,
        Value::String(text) => text.trim().parse::<u64>().ok(),
        count => count.as_u64(),
    };
    match counted {
        Some(counted) => {
            let counted = usize::try_from(counted).expect("no more than were sent");
            assert!(counted <= sent, "{counted} counted, {sent} sent");
            let told = counted == sent || face.names_the_left_out;
            assert!(accepted == 0 || told && accepted == counted, "{accepted} accepted, {counted} counted");
        }
        None => assert_eq!(accepted, 0, "accepted by a count that cannot be read"),
    }
}

/// Whether a field may stand twice in the reply, which is no JSON to the reader then: its status decides.
fn may_say_twice(reply: &Reply, body: &Value) -> bool {
    fn any_twice(text: &str, value: &Value) -> bool {
        match value {
            Value::Object(fields) => fields.iter().any(|(name, inner)| {
                text.matches(&format!("\"{name}\"")).count() > 1 || any_twice(text, inner)
            }),
            Value::Array(items) => items.iter().any(|item| any_twice(text, item)),
            _ => false,
        }
    }
    any_twice(&String::from_utf8_lossy(&reply.body), body)
}

fn judge_failure(face: &Face, reply: &Reply, body: &Value, failure: &Failure) {
    let taken = failure.class.rule().taken;
    assert_ne!(taken, Taken::AsAnswered, "{:?} is no failure", failure.class);
    match reply.status {
        // An answer of the API may say no under a success status, a page that is none may not.
        200..=299 if !body.is_object() => assert_eq!(taken, Taken::Maybe, "nothing is proved"),
        400..=499 => {
            let says = is_json(reply) && (face.is_success)(body) && id_of(face, body).is_some();
            let claims_success = says && !may_say_twice(reply, body);
            assert!(!claims_success || taken == Taken::Maybe, "the status says no and the body says yes");
        }
        500..=599 => assert_eq!(failure.class, Class::of_status(reply.status), "behind a 5xx nobody sees"),
        _ => {}
    }
    if let Some(wait) = failure.retry_after {
        let longest = Duration::from_hours(366 * 24);
        assert!((Duration::from_secs(1)..=longest).contains(&wait), "a wait of {wait:?}");
    }
    judge_words(face, body, &failure.reason);
}

/// What people are shown is short, inert and tells nobody's secrets. The provider's own id is
/// shown as it is.
fn judge_words(face: &Face, body: &Value, reason: &Reason) {
    let mut words = reason.as_str().to_owned();
    assert!(words.chars().count() <= Reason::MAX, "a reason of {} characters", words.chars().count());
    crate::assert_inert(&words);
    if let Some(id) = id_of(face, body) {
        words = words.replace(&id, " ");
    }
    let numbers = face.numbers.map(|number| number.to_string());
    for hidden in face.secrets.iter().copied().chain([TEXT]).chain(numbers.iter().map(String::as_str)) {
        assert!(!words.contains(hidden), "`{hidden}` is shown: {words}");
    }
}

/// The request's id: a whole number, or up to 128 visible ASCII characters, and not zero.
fn id_of(face: &Face, body: &Value) -> Option<String> {
    let id = match &body[face.id] {
        Value::String(id) => id.trim().to_owned(),
        Value::Number(id) => id.as_u64()?.to_string(),
        _ => return None,
    };
    let is_visible = id.bytes().all(|byte| byte.is_ascii_graphic());
    (is_visible && (1..=128).contains(&id.len()) && id != "0").then_some(id)
}

/// Whether the head lets the body be JSON: a portal's page may well hold some.
fn is_json(reply: &Reply) -> bool {
    reply.header("content-type").is_none_or(|kind| {
        let (media_type, _) = kind.split_once(';').unwrap_or((kind, ""));
        let media_type = media_type.trim().to_ascii_lowercase();
        ["application/json", "text/json"].contains(&&*media_type) || media_type.ends_with("+json")
    })
}

/// A head, an empty line, and the body: the status is the second word, 200 where it is none; a
/// line that is no header is left out.
pub(crate) fn reply(data: &[u8]) -> Reply {
    let end = data.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((data, &[][..]), |end| (&data[..end], &data[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let (first, lines) = head.split_once('\n').unwrap_or((&head, ""));
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
    let headers = lines.lines().filter_map(|line| line.split_once(": "));
    Reply {
        status: status.filter(|status| (100..=599).contains(status)).unwrap_or(200),
        headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
        body: Bytes::copy_from_slice(body),
        at: UnixMillis(1_796_083_200_000),
    }
}

/// An account of `kind` all of whose credentials are `secret`, with what it cannot be without; `None`
/// for one that only a file describes.
pub(crate) fn account_of(kind: &str, secret: &str) -> Option<Arc<dyn Adapter>> {
    let part = || Some(secret.into());
    let needed: &[(&str, &str)] = match kind {
        "fonedynamics" => &[("property_sid", "sim-property")],
        "multitel" => &[("bulk_allowed", "true")],
        _ => &[],
    };
    let settings = Settings {
        base_url: Some("http://127.0.0.1/".to_owned()),
        options: needed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        credentials: Credentials {
            key: part(),
            secret: part(),
            account: part(),
            token: part(),
            username: part(),
            password: part(),
        },
        max_characters: None,
    };
    registry::adapter(kind, settings).ok()
}

/// An account of `kind` with a key and, where it has one, a secret.
fn account(kind: &str, secrets: &[&str]) -> Arc<dyn Adapter> {
    let [key, secret] = [0, 1].map(|index| secrets.get(index).map(|secret| (*secret).into()));
    let settings = Settings {
        base_url: Some("http://127.0.0.1/".to_owned()),
        credentials: Credentials { key, secret, ..Credentials::default() },
        ..Settings::default()
    };
    registry::adapter(kind, settings).expect("complete settings")
}

pub(crate) fn chunk(numbers: &[u64]) -> Chunk {
    let recipient = |(row, digits): (u32, &u64)| Planned {
        row: RowNumber(row),
        to: Msisdn::from_digits(*digits).expect("7 to 15 digits"),
        text: 0,
        segments: 1,
        cost: Micros(50_000),
    };
    Chunk {
        first: Position(0),
        texts: vec![Arc::from(TEXT)],
        recipients: (1..).zip(numbers).map(recipient).collect(),
    }
}
