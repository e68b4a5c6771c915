//! Reading a provider's JSON without trusting it: numbers that come as text, missing and unknown
//! fields, and words that must be made safe before a person sees them.

use crate::{http::Reply, json};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::sync::Arc;
use volley_core::{
    Answer, Billed, Chunk, Class, Failure, Micros, MoneyFault, Msisdn, Reason, ReplyPrice, UnixMillis,
    Verdict, Verdicts,
};

/// A JSON object: what nearly every reply of every provider here is.
pub(crate) type Object = Map<String, Value>;

/// The object that is the whole body, or what the body is instead; see [`value`].
pub(crate) fn object(reply: &Reply) -> Result<Object, String> {
    match value(reply)? {
        Value::Object(object) => Ok(object),
        _ => Err(format!("{} bytes of JSON that is no object", reply.body.len())),
    }
}

/// The JSON that is the whole body, or what the body is instead.
///
/// A missing content type is let pass, another one is not: a portal's page may well hold JSON.
pub(crate) fn value(reply: &Reply) -> Result<Value, String> {
    let length = reply.body.len();
    if let Some(content_type) = reply.header("content-type").filter(|value| !is_json(value)) {
        return Err(format!("{length} bytes of {content_type} in place of JSON"));
    }
    json::parse(&reply.body).ok_or_else(|| match length {
        0 => "an empty body".to_owned(),
        _ => format!("{length} bytes that are not JSON"),
    })
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(media_type.as_str(), "application/json" | "text/json") || media_type.ends_with("+json")
}

/// A field that is there and not null.
pub(crate) fn field<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// An id: a whole number, or up to 128 visible ASCII characters. Zero and empty are none.
pub(crate) fn id(value: &Value) -> Option<String> {
    let id = match value {
        Value::Number(number) => number.as_u64()?.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let visible = id.bytes().all(|byte| byte.is_ascii_graphic());
    (!id.is_empty() && id != "0" && id.len() <= 128 && visible).then_some(id)
}

/// The text of a field; a number is its digits, and nothing else is one.
pub(crate) fn text(object: &Object, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The list in a field: none where it is null, and `None` where it is missing or no list.
pub(crate) fn list<'a>(object: &'a Object, name: &str) -> Option<&'a [Value]> {
    match object.get(name)? {
        Value::Null => Some(&[]),
        Value::Array(items) => Some(items),
        _ => None,
    }
}

/// Yes or no, in any of the usual words.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_u64().and_then(|number| flag_word(&number.to_string())),
        Value::String(text) => flag_word(text),
        _ => None,
    }
}

/// Yes or no as a word, in any case.
pub(crate) fn flag_word(word: &str) -> Option<bool> {
    match word.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A phone number in international digits, as a whole number or as text that may start with `+`.
/// One that starts with 0 is a national one, which says nothing without its country.
pub(crate) fn number(value: &Value) -> Option<Msisdn> {
    match value {
        Value::Number(number) => Msisdn::from_digits(number.as_u64()?),
        Value::String(text) => number_word(text),
        _ => None,
    }
}

/// The same as a word.
pub(crate) fn number_word(word: &str) -> Option<Msisdn> {
    let word = word.trim();
    let digits = word.strip_prefix('+').unwrap_or(word);
    let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).and_then(Msisdn::from_digits)
}

/// A moment that says where it counts from: `2026-03-02T08:15:00+07:00`, `2026-03-02 01:15:00Z`.
pub(crate) fn moment(word: &str) -> Option<UnixMillis> {
    let moment: Timestamp = word.trim().parse().ok()?;
    Some(UnixMillis(moment.as_millisecond()))
}

/// A moment, in UTC where it does not say: `2026-03-02 01:15:00` as well as those of [`moment`].
pub(crate) fn moment_utc(word: &str) -> Option<UnixMillis> {
    moment(word).or_else(|| {
        let clock: DateTime = word.trim().parse().ok()?;
        let moment = clock.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(UnixMillis(moment.as_millisecond()))
    })
}

/// A count: a whole number, or one as text.
pub(crate) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// How many recipients a reply says were taken, in its field `recipients`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tally {
    Unsaid,
    Unreadable,
    Of(u64),
}

impl Tally {
    pub(crate) fn of(object: &Object) -> Self {
        match field(object, "recipients") {
            None => Self::Unsaid,
            Some(value) => count(value).map_or(Self::Unreadable, Self::Of),
        }
    }

    /// For people: how the reply to request `id`, with `sent` recipients, does not add up.
    pub(crate) fn mismatch(self, id: &str, sent: u64) -> String {
        let taken = match self {
            Self::Unsaid => "no number of".to_owned(),
            Self::Unreadable => "an unreadable number of".to_owned(),
            Self::Of(taken) => taken.to_string(),
        };
        format!("message {id} counts {taken} recipients, {sent} were sent; which ones, it does not say")
    }
}

/// An amount that is not negative: a number, or one as text.
pub(crate) fn amount(value: &Value) -> Option<Micros> {
    signed_amount(value).filter(|amount| *amount >= Micros::ZERO)
}

/// An amount: a number, or one as text.
///
/// What is finer than a millionth is rounded: where a provider adds up floats, 0.3 comes as
/// 0.30000000000000004.
pub(crate) fn signed_amount(value: &Value) -> Option<Micros> {
    match value {
        Value::Number(number) if number.is_f64() => format!("{:.6}", number.as_f64()?).parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => match text.trim().parse() {
            Err(MoneyFault::TooFine(text)) => format!("{:.6}", text.parse::<f64>().ok()?).parse().ok(),
            amount => amount.ok(),
        },
        _ => None,
    }
}

/// The answer to a request with one message that was taken: by its own id, and the request's where
/// that has another one; with what it costs, in the unit of `price_unit`, and its parts.
pub(crate) fn taken(
    message_id: String,
    request_id: Option<String>,
    price_unit: ReplyPrice,
    price: Option<Micros>,
    parts: Option<u64>,
) -> Answer {
    let (billed, own) = match (price_unit, price) {
        (ReplyPrice::Money, Some(price)) => (Billed::Money(price), Some(price)),
        (ReplyPrice::Units(_), Some(units)) => (Billed::Units(units), None),
        (ReplyPrice::Nothing, _) | (_, None) => (Billed::Unknown, None),
    };
    let segments = parts.and_then(|parts| u32::try_from(parts).ok());
    Answer {
        request_id: request_id.or_else(|| Some(message_id.clone())),
        verdicts: Verdicts::Each(vec![Verdict::Accepted { id: Some(message_id), billed: own, segments }]),
        billed,
        segments: parts,
    }
}

/// Everybody in doubt for one reason.
pub(crate) fn all_in_doubt(reason: &str) -> Verdicts {
    Verdicts::AllInDoubt { reason: Reason::from(reason) }
}

/// A failure of `class` with the provider's `Retry-After` where a wait makes sense: it was too
/// fast, or the service is down for a while (RFC 9110 section 10.2.3). Of several the longest
/// counts. A wait that no run waits for is named with its end.
pub(crate) fn failure(class: Class, reply: &Reply, reason: String) -> Failure {
    let waits = matches!(class, Class::Throttled | Class::Unavailable | Class::UnavailableUntaken);
    let headers = reply.headers.iter().filter(|(name, _)| waits && name == "retry-after");
    let retry_after = headers.map(|(_, value)| crate::retry_after(value, reply.at)).max();
    let reason = match retry_after {
        Some(wait) if wait > Failure::LONGEST_WAIT => {
            let until = reply.at.plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
            let until = jiff::Timestamp::from_millisecond(until.0).unwrap_or(jiff::Timestamp::MAX);
            format!("silence until {until:.0} is asked for: {reason}")
        }
        _ => reason,
    };
    Failure { retry_after, ..Failure::new(class, reason) }
}

/// A provider's words without the texts of `chunk`, without `secrets`, and without anything as
/// long as a phone number.
pub(crate) fn safe(words: &str, chunk: &Chunk, secrets: &[SecretString]) -> String {
    without(words, &chunk.texts, secrets)
}

/// The same for the answer to a question, which is about these `texts` or about none.
pub(crate) fn without(words: &str, texts: &[Arc<str>], secrets: &[SecretString]) -> String {
    let mut words = words.to_owned();
    let secrets = secrets.iter().map(|one| (one.expose_secret(), "[secret]"));
    let all = secrets.chain(texts.iter().map(|text| (&**text, "[text]")));
    let mut hidden: Vec<(String, &str)> =
        all.flat_map(|(one, sign)| forms(one).map(|form| (form, sign))).collect();
    // The longest first, so that none is cut by a shorter one inside it.
    hidden.sort_by_key(|(hidden, _)| std::cmp::Reverse(hidden.len()));
    for (hidden, sign) in hidden {
        if !hidden.is_empty() && words.contains(&hidden) {
            words = words.replace(&hidden, sign);
        }
    }
    without_numbers(&words)
}

/// What a provider repeats that was sent this: as it is, in a form, in an address, in JSON.
fn forms(sent: &str) -> [String; 4] {
    let form: String = form_urlencoded::byte_serialize(sent.as_bytes()).collect();
    let json = Value::from(sent).to_string();
    let address = form.replace('+', "%20");
    [sent.to_owned(), form, address, json[1..json.len() - 1].to_owned()]
}

/// A provider's word for what became of a message, without anything as long as a phone number.
pub(crate) fn code(word: &str) -> Reason {
    Reason::from(without(word.trim(), &[], &[]))
}

/// `•••` for every seven or more digits in a row, also where blanks, dots, dashes, brackets or
/// signs beyond ASCII stand between them.
fn without_numbers(words: &str) -> String {
    let joins = |character: char| {
        character.is_numeric()
            || character.is_whitespace()
            || character.is_control()
            || matches!(character, '-' | '.' | '(' | ')' | '+' | '/')
            || (!character.is_ascii() && !character.is_alphanumeric())
    };
    let mut shown = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(first) = rest.chars().next() {
        let joined = joins(first);
        let end = rest.find(|character| joins(character) != joined).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let digits = run.chars().filter(|character| character.is_numeric()).count();
        if joined && digits >= 7 {
            let number = run.trim_matches(|character: char| !character.is_numeric());
            shown.push_str(&run.replacen(number, "•••", 1));
        } else {
            shown.push_str(run);
        }
        rest = after;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use serde_json::json;
    use std::sync::Arc;
    use volley_core::{Msisdn, Planned, Position, RowNumber, UnixMillis};

    fn chunk(text: &str) -> Chunk {
        let to = Msisdn::from_digits(61_491_570_006).expect("fictitious");
        let one = Planned { row: RowNumber(1), to, text: 0, segments: 1, cost: Micros::ZERO };
        Chunk { first: Position(0), texts: vec![Arc::from(text)], recipients: vec![one] }
    }

    #[test]
    fn the_longest_of_several_waits_counts_and_one_beyond_an_hour_is_named_with_its_end() {
        let at = UnixMillis(1_796_083_200_000); // 2026-12-01T00:00:00Z
        for (class, headers, wait, says) in [
            (Class::Throttled, &[][..], None, "slow down"),
            (Class::Throttled, &["7"], Some(7), "slow down"),
            (Class::Throttled, &["7", "30", "soon"], Some(30), "slow down"),
            (Class::Throttled, &["-5"], Some(1), "slow down"),
            (Class::Throttled, &["3600"], Some(3_600), "slow down"),
            (
                Class::Throttled,
                &["3600", "Tue, 01 Dec 2026 09:30:00 GMT"],
                Some(34_200),
                "silence until 2026-12-01T09:30:00Z is asked for: slow down",
            ),
            (Class::BadRequest, &["30"], None, "slow down"),
        ] {
            let headers = headers.iter().map(|value| ("retry-after".to_owned(), (*value).to_owned()));
            let reply = Reply { status: 429, headers: headers.collect(), body: Bytes::new(), at };
            let failure = failure(class, &reply, "slow down".to_owned());
            assert_eq!(failure.retry_after.map(|wait| wait.as_secs()), wait, "{says}");
            assert_eq!(failure.reason.as_str(), says);
        }
    }

    #[test]
    fn a_body_is_an_object_or_said_to_be_something_else() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        for (content_type, body, read) in [
            (Some("application/json"), "{}", Ok(())),
            (Some("Application/JSON; charset=utf-8"), "{}", Ok(())),
            (Some("application/problem+json"), "{}", Ok(())),
            (None, " {} ", Ok(())),
            (Some("text/html"), "{}", Err("2 bytes of text/html in place of JSON")),
            (Some(""), "{}", Err("2 bytes of  in place of JSON")),
            (None, "", Err("an empty body")),
            (None, "[]", Err("2 bytes of JSON that is no object")),
            (None, "{}{}", Err("4 bytes that are not JSON")),
            (None, "\u{feff}{}", Ok(())),
            (None, "{\"a\":1,\"a\":1}", Err("13 bytes that are not JSON")),
            (None, "{", Err("1 bytes that are not JSON")),
            (None, &deep, Err("407 bytes that are not JSON")),
        ] {
            let headers = content_type.map(|value| ("content-type".to_owned(), value.to_owned()));
            let reply = Reply {
                status: 200,
                headers: headers.into_iter().collect(),
                body: Bytes::copy_from_slice(body.as_bytes()),
                at: UnixMillis(0),
            };
            assert_eq!(
                object(&reply).map(|_| ()),
                read.map_err(str::to_owned),
                "{content_type:?} {body:.20}"
            );
        }
    }

    #[test]
    fn ids_counts_and_amounts_come_as_numbers_or_text() {
        let long = "x".repeat(129);
        for (value, as_id, as_count, as_amount) in [
            (json!(7), Some("7"), Some(7), Some(7_000_000)),
            (json!("7"), Some("7"), Some(7), Some(7_000_000)),
            (json!(" 7 "), Some("7"), Some(7), Some(7_000_000)),
            (json!(0), None, Some(0), Some(0)),
            (json!("0"), None, Some(0), Some(0)),
            (json!(-7), None, None, None),
            (json!("-7"), Some("-7"), None, None),
            (json!(0.158), None, None, Some(158_000)),
            (json!("0.158"), Some("0.158"), None, Some(158_000)),
            (json!(0.1 + 0.2), None, None, Some(300_000)),
            (json!("0.1579999"), Some("0.1579999"), None, Some(158_000)),
            (json!("0.15e1"), Some("0.15e1"), None, None),
            (json!(-0.158), None, None, None),
            (json!(1e300), None, None, None),
            (json!("a-1"), Some("a-1"), None, None),
            (json!("two words"), None, None, None),
            (json!(""), None, None, None),
            (json!(long), None, None, None),
            (json!(true), None, None, None),
            (json!(null), None, None, None),
            (json!([7]), None, None, None),
        ] {
            assert_eq!(id(&value).as_deref(), as_id, "{value} as id");
            assert_eq!(count(&value), as_count, "{value} as count");
            assert_eq!(amount(&value), as_amount.map(Micros), "{value} as amount");
        }
    }

    #[test]
    fn numbers_come_in_international_digits_and_in_no_other_form() {
        for (value, digits) in [
            (json!(61_491_570_006_u64), Some(61_491_570_006)),
            (json!("61491570006"), Some(61_491_570_006)),
            (json!(" +61491570006 "), Some(61_491_570_006)),
            (json!("0491570006"), None),
            (json!("++61491570006"), None),
            (json!("61 491 570 006"), None),
            (json!("shop"), None),
            (json!(""), None),
            (json!(-61_491_570_006_i64), None),
            (json!(5), None),
            (json!(null), None),
        ] {
            assert_eq!(number(&value).map(Msisdn::digits), digits, "{value}");
        }
    }

    #[test]
    fn moments_come_in_utc_or_say_where_they_count_from() {
        for (word, certain, in_utc) in [
            ("2026-12-01T07:00:00+07:00", Some(1_796_083_200_000), Some(1_796_083_200_000)),
            ("2026-12-01T00:00:00Z", Some(1_796_083_200_000), Some(1_796_083_200_000)),
            (" 2026-12-01 00:00:00.5Z ", Some(1_796_083_200_500), Some(1_796_083_200_500)),
            ("2026-12-01 00:00:00", None, Some(1_796_083_200_000)),
            ("2026-12-01T00:00:00", None, Some(1_796_083_200_000)),
            ("01/12/2026", None, None),
            ("", None, None),
        ] {
            assert_eq!(moment(word).map(|one| one.0), certain, "{word}");
            assert_eq!(moment_utc(word).map(|one| one.0), in_utc, "{word} in UTC");
        }
    }

    #[test]
    fn yes_and_no_come_in_many_words() {
        for (value, meant) in [
            (json!(true), Some(true)),
            (json!("True"), Some(true)),
            (json!("yes"), Some(true)),
            (json!(1), Some(true)),
            (json!(false), Some(false)),
            (json!("no"), Some(false)),
            (json!("0"), Some(false)),
            (json!(2), None),
            (json!("maybe"), None),
            (json!(null), None),
        ] {
            assert_eq!(flag(&value), meant, "{value}");
        }
    }

    #[test]
    fn a_list_may_be_null_and_a_missing_one_is_none() {
        let object = json!({ "full": [1, 2], "null": null, "other": {} });
        let object = object.as_object().expect("an object");
        for (name, length) in [("full", Some(2)), ("null", Some(0)), ("other", None), ("missing", None)] {
            assert_eq!(list(object, name).map(<[_]>::len), length, "{name}");
        }
    }

    #[test]
    fn the_providers_words_are_kept_without_what_nobody_may_see() {
        let secrets = ["sim-key".into(), "sim-key-longer".into(), "".into()];
        for (words, shown) in [
            ("send_at has a wrong form", "send_at has a wrong form"),
            ("61491570006 is not a number", "••• is not a number"),
            ("bad: +61 (491) 570-006.", "bad: +•••."),
            ("0491\u{a0}570\u{200b}006", "•••"),
            ("٠٤٩١٥٧٠٠٠٦", "•••"),
            ("612 characters, 153 a part", "612 characters, 153 a part"),
            ("\"Your code is 4711\" is not allowed", "\"[text]\" is not allowed"),
            ("message=Your+code+is+4711&key=sim-key", "message=[text]&key=[secret]"),
            ("?message=Your%20code%20is%204711", "?message=[text]"),
            ("key sim-key-longer or sim-key is wrong", "key [secret] or [secret] is wrong"),
            ("", ""),
        ] {
            assert_eq!(safe(words, &chunk("Your code is 4711"), &secrets), shown);
        }
    }
}
