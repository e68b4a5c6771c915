//! The provider's calls to its customers: which are due, and what they carry.
//!
//! A plain queue on the gateway's time. Every message with a callback is told of twice, when it is
//! on its way and when it is known what became of it; a set of settings spoils that. Nothing is
//! kept of a message but its place, so what is told is what the calls would answer. Not here:
//! sockets (`server.rs`), and the providers' names and words (the faces).

use crate::{ConfigError, DeliveryMix, config::check_chance, delivery::State, messages::Taken, random};
use bytes::Bytes;
use ring::hmac;
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};
use volley_core::{Msisdn, UnixMillis};

/// How the gateway calls its customers. Each chance, 0 to 1, is drawn for every message by itself,
/// by the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct CallbackRules {
    /// Whether TransmitSMS signs its calls.
    pub signed: bool,
    /// The chance that the last report is sent twice, a second apart.
    pub repeated: f64,
    /// The chance that the two reports of a message change places.
    pub reordered: f64,
    /// The chance that the last report is late.
    pub late: f64,
    /// How late that is.
    pub late_by: Duration,
    /// The chance that the first report is sent before the request is answered.
    pub before_reply: f64,
    /// The chance that a report about a message that nobody sent comes as well.
    pub unknown: f64,
}

/// Signed, and nothing goes wrong; what is late is a minute late.
impl Default for CallbackRules {
    fn default() -> Self {
        Self {
            signed: true,
            repeated: 0.0,
            reordered: 0.0,
            late: 0.0,
            late_by: Duration::from_mins(1),
            before_reply: 0.0,
            unknown: 0.0,
        }
    }
}

impl CallbackRules {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let Self { repeated, reordered, late, before_reply, unknown, .. } = *self;
        [repeated, reordered, late, before_reply, unknown].into_iter().try_for_each(check_chance)
    }
}

/// Whom to tell what became of a message, and how.
#[derive(Clone, Debug)]
pub(crate) struct CallbackTo {
    /// As the request gave it, its own query included.
    pub(crate) url: String,
    pub(crate) carries: Carries,
    /// The provider's names and words for one report; `None` where it would not report this.
    pub(crate) fields: fn(&Report<'_>) -> Option<Fields>,
    /// The header that carries a signature with the account's secret, where the provider signs.
    pub(crate) signed_as: Option<&'static str>,
}

/// The names and texts that a callback carries, in their order.
pub(crate) type Fields = Vec<(&'static str, String)>;

/// Where a callback carries its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// A GET, fields in the query behind what stands there.
    Query,
    /// A POST, fields in a form.
    Form,
    /// A POST, fields as the members of a JSON object, all of them texts.
    Json,
}

/// What a callback tells about one message.
pub(crate) struct Report<'a> {
    /// The provider's id of the request or item.
    pub(crate) id: &'a str,
    /// The caller's own word for it.
    pub(crate) reference: Option<&'a str>,
    pub(crate) sender: Option<&'a str>,
    pub(crate) to: Msisdn,
    pub(crate) state: State,
    /// Since when it is so.
    pub(crate) since: UnixMillis,
    /// The number of the account with the provider.
    pub(crate) user: u64,
}

/// One call to a customer.
#[derive(Clone, Debug)]
pub struct Callback {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where to, with the fields where they stand in the query.
    pub url: String,
    /// Names in small letters, and values.
    pub headers: Vec<(&'static str, String)>,
    /// Empty for a GET.
    pub body: Bytes,
    due: Due,
}

/// One call that is to be made.
#[derive(Clone, Copy, Debug)]
struct Due {
    account: usize,
    /// The place of its message, and of the number in it.
    place: usize,
    index: usize,
    state: State,
    since: Duration,
    /// Whether it tells of a message that nobody sent.
    is_unknown: bool,
    /// When it was first to be made.
    first_at: Duration,
    /// How often that failed.
    failures: usize,
}

/// How long after the first try a call that failed is made again: "Webhooks",
/// <https://developers.kudosity.com/reference/webhooks-1>.
const RETRIES: [Duration; 4] =
    [Duration::from_mins(1), Duration::from_mins(5), Duration::from_hours(1), Duration::from_hours(24)];

/// All calls that are to be made, in order.
pub(crate) struct Callbacks {
    rules: CallbackRules,
    /// By time, and those of one time in the order in which they were put there.
    queue: BTreeMap<(Duration, u64), Due>,
    queued: u64,
    given_up: u64,
}

impl Callbacks {
    pub(crate) const fn new(rules: CallbackRules) -> Self {
        Self { rules, queue: BTreeMap::new(), queued: 0, given_up: 0 }
    }

    /// Puts the calls about `taken`, which lies at `place` of the shelf of `account`, into the
    /// queue. Whether one of them is to be made before the request is answered.
    pub(crate) fn plan(
        &mut self,
        (mix, seed): (&DeliveryMix, u64),
        (account, place): (usize, usize),
        taken: &Taken,
    ) -> bool {
        if taken.callback.is_none() {
            return false;
        }
        let mut any_early = false;
        for index in 0..taken.numbers.len() {
            let strikes = |chance, purpose| random::strikes(chance, seed ^ taken.salt, index as u64, purpose);
            let due = |state, since, at| Due {
                account,
                place,
                index,
                state,
                since,
                is_unknown: false,
                first_at: at,
                failures: 0,
            };
            let (state, end) = mix.outcome(seed, taken, index);
            let half_way = end.map_or(*mix.delay.start(), |end| end.saturating_sub(taken.due_at) / 2);
            let mut first_at = taken.due_at + half_way;
            if strikes(self.rules.before_reply, random::BEFORE_REPLY) && !taken.was_scheduled() {
                first_at = taken.taken_at;
                any_early = true;
            }
            let mut last_at = end;
            if let Some(last_at) = &mut last_at {
                if strikes(self.rules.reordered, random::REORDERED) {
                    std::mem::swap(&mut first_at, last_at);
                }
                if strikes(self.rules.late, random::LATE) {
                    *last_at += self.rules.late_by;
                }
            }
            self.put(due(State::Pending, taken.due_at, first_at));
            if let (Some(last_at), Some(end)) = (last_at, end) {
                self.put(due(state, end, last_at));
                if strikes(self.rules.repeated, random::REPEATED) {
                    self.put(due(state, end, last_at + Duration::from_secs(1)));
                }
            }
            if strikes(self.rules.unknown, random::UNKNOWN) {
                self.put(Due { is_unknown: true, ..due(State::Delivered, taken.due_at, first_at) });
            }
        }
        any_early
    }

    /// When the next call is due; `None` where none is waiting.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next call out of the queue if it is due at `now`. `message` finds its message,
    /// `secret` is its account's, and `wall` is the wall clock at a time of the gateway's.
    pub(crate) fn next<'a>(
        &mut self,
        now: Duration,
        message: impl Fn(usize, usize) -> Option<&'a Taken>,
        secret: impl Fn(usize) -> &'a str,
        wall: impl Fn(Duration) -> UnixMillis,
    ) -> Option<Callback> {
        loop {
            self.next_at().filter(|at| *at <= now)?;
            let (_, due) = self.queue.pop_first()?;
            let Some(taken) = message(due.account, due.place) else { continue };
            let Some(to) = taken.callback.as_deref().filter(|_| taken.cancelled_at.is_none()) else {
                continue;
            };
            let unknown = due.is_unknown.then(|| format!("9{}", taken.id));
            let fields = (to.fields)(&Report {
                id: unknown.as_deref().unwrap_or(&taken.id),
                reference: taken.reference.as_deref().filter(|_| !due.is_unknown),
                sender: taken.sender.as_deref(),
                to: taken.numbers[due.index],
                state: due.state,
                since: wall(due.since),
                user: 60_001 + due.account as u64,
            });
            let Some(fields) = fields else { continue };
            let signed = to.signed_as.filter(|_| self.rules.signed);
            return Some(call(to, &fields, signed.map(|header| (header, secret(due.account))), due));
        }
    }

    /// Puts a call that failed at `now` back, or gives it up after four times.
    pub(crate) fn failed(&mut self, callback: &Callback) {
        let due = callback.due;
        match RETRIES.get(due.failures) {
            Some(&wait) => self.put_at(due.first_at + wait, Due { failures: due.failures + 1, ..due }),
            None => self.given_up += 1,
        }
    }

    /// How many calls were given up.
    pub(crate) const fn given_up(&self) -> u64 {
        self.given_up
    }

    fn put(&mut self, due: Due) {
        self.put_at(due.first_at, due);
    }

    fn put_at(&mut self, at: Duration, due: Due) {
        self.queued += 1;
        self.queue.insert((at, self.queued), due);
    }
}

/// The call that carries `fields` to `to`; `signed` is the header and the secret of a signature.
fn call(
    to: &CallbackTo,
    fields: &[(&'static str, String)],
    signed: Option<(&'static str, &str)>,
    due: Due,
) -> Callback {
    let form = || form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let (method, url, content_type, body) = match to.carries {
        Carries::Query => {
            let joint = if to.url.contains('?') { '&' } else { '?' };
            ("GET", format!("{}{joint}{}", to.url, form()), None, String::new())
        }
        Carries::Form => ("POST", to.url.clone(), Some("application/x-www-form-urlencoded"), form()),
        Carries::Json => {
            let texts = fields.iter().map(|(name, text)| (*name, text.as_str()));
            ("POST", to.url.clone(), Some("application/json"), json(texts))
        }
    };
    let mut headers: Vec<_> =
        content_type.map(|text| ("content-type", text.to_owned())).into_iter().collect();
    if let Some((header, secret)) = signed {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        headers.push((header, signature(query, secret)));
    }
    Callback { method, url, headers, body: body.into(), due }
}

/// HMAC-SHA256 in hexadecimal over the fields of `query` in their order, written as a JSON object
/// of texts, with the account's secret as the key: "Validating webhook signatures",
/// <https://developers.kudosity.com/docs/validating-webhook-signatures-from-kudosity>.
fn signature(query: &str, secret: &str) -> String {
    let fields: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let signed = json(fields.iter().map(|(name, text)| (&**name, &**text)));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, signed.as_bytes());
    tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes every write");
        hex
    })
}

/// A JSON object of texts in which nothing but ASCII stands and slashes are escaped, as PHP's
/// `json_encode` writes it: <https://www.php.net/json_encode>.
fn json<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from("{");
    for (place, (name, text)) in fields.enumerate() {
        out.push_str(if place == 0 { "" } else { "," });
        write_text(&mut out, name);
        out.push(':');
        write_text(&mut out, text);
    }
    out.push('}');
    out
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' | '/' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' | '\u{7f}' => out.push(char),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a string takes every write");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_calls_on_the_wire_are_signed_like_this() {
        for call in [
            include_str!("../../../data/wire/transmitsms/signed-dlr.callback"),
            include_str!("../../../data/wire/transmitsms/signed-reply.callback"),
        ] {
            let query = call.split(['?', ' ']).nth(2).expect("a query");
            let header = call.lines().find_map(|line| line.strip_prefix("x-transmitsms-signature: "));
            assert_eq!(Some(&*signature(query, "sim-secret")), header);
        }
    }

    #[test]
    fn a_signature_covers_every_field_in_its_order() {
        // As `printf %s '{"message_id":"510000001","mobile":"61491570006"}' | openssl dgst -sha256
        // -hmac sim-secret` has it.
        let query = "message_id=510000001&mobile=61491570006";
        assert_eq!(
            signature(query, "sim-secret"),
            "ce90a786486ee590951997b08707a756c9f5cf40295cf57c310ebcff68a97197"
        );
        assert_ne!(signature(query, "sim-secret"), signature(query, "sim-secret2"));
        let turned = "mobile=61491570006&message_id=510000001";
        assert_ne!(signature(query, "sim-secret"), signature(turned, "sim-secret"));
    }

    #[test]
    fn json_is_written_as_php_writes_it() {
        let fields = [("a", "x/y \"z\" \\"), ("b", "é🙂\n\u{1}")];
        assert_eq!(json(fields.into_iter()), r#"{"a":"x\/y \"z\" \\","b":"\u00e9\ud83d\ude42\n\u0001"}"#);
    }
}
