//! ME-SMS, API v2; JSON in and out. Here: sending, its price, credits and senders. What is asked
//! about messages later, and taking them back: `tracking.rs`.
//!
//! What the provider's pages say for certain is enforced: `x-api-key`, the two number forms, 1 to
//! 2,000,000 numbers, 1 to 1,000 characters, senders of at most 11, schedules in the future, and
//! all or nothing where credits run out. What they leave open is decided like this: one bad number
//! refuses the request (400), a field that this gateway does not know refuses it too, and a
//! message costs one credit a part unless a rate card in credits says otherwise. `parts` are those
//! that each message is billed, so the reply leaves them out where they differ. Not here:
//! templates, variables, contact groups (400), and the retry that an error text seems to name (404).
//!
//! A body of 2,000,000 numbers is read without a string for any of them.

mod tracking;

use super::{Call, Served};
use crate::{
    Account,
    bill::Bill,
    http::{Reply, Request},
    ledger::Batch,
    tree::Tree,
};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use std::{fmt, time::Duration};
use volley_core::{Msisdn, UnixMillis};

/// Longest text in characters, and longest sender: the parameter table of the API docs.
const MAX_CHARACTERS: usize = 1_000;
const MAX_SENDER: usize = 11;

/// The account whose key stands in `x-api-key`.
pub(super) fn account<'a>(
    mut accounts: impl Iterator<Item = (usize, &'a Account)>,
    request: &Request,
) -> Result<usize, Reply> {
    let Some(key) = request.header("x-api-key") else {
        return Err(Refusal::new(401, "x-api-key is missing").reply());
    };
    let found = accounts.find(|(_, account)| account.key == key);
    found.map(|(index, _)| index).ok_or_else(|| Refusal::new(401, "x-api-key is not valid").reply())
}

pub(super) fn throttled() -> Reply {
    Refusal::new(429, "too many requests; this one was dropped").reply()
}

pub(super) fn serve(call: &mut Call<'_>) -> Served {
    let request = call.request;
    let path = request.path.strip_prefix("/api/v2/").unwrap_or_default();
    let answered = match (&*request.method, path) {
        ("POST", "sms/send") => match send(call) {
            Ok((members, taken)) => return Served { reply: success(members), taken },
            Err(refusal) => Err(refusal),
        },
        ("POST", "sms/preview") => read(call).and_then(|sent| preview(call, &sent)),
        ("GET", "credits") => Ok(vec![("credits", call.balance().into())]),
        ("GET", "senders") => Ok(vec![("senders", senders(call))]),
        ("GET", "sms") => tracking::list(call),
        (method, path) => match (method, path.strip_prefix("sms/").and_then(tracking::target)) {
            ("GET", Some((id, ""))) => tracking::one(call, id),
            ("GET", Some((id, "recipients"))) => tracking::recipients(call, id),
            ("POST", Some((id, "cancel"))) => tracking::cancel(call, id),
            _ => Err(Refusal::new(404, "no such resource")),
        },
    };
    answered.map_or_else(Refusal::reply, success).into()
}

type Members = Vec<(&'static str, Tree)>;

fn send(call: &mut Call<'_>) -> Result<(Members, Vec<Batch>), Refusal> {
    if !call.account.may_send {
        return Err(Refusal::new(403, "this key has no scope sms:send"));
    }
    let sent = read(call)?;
    if sent.dry_run {
        return preview(call, &sent).map(|members| (members, Vec::new()));
    }
    let due = check(call, &sent)?;
    let numbers = sent.msisdns.0;
    let bill = call.bill(&sent.content, &numbers).ok_or_else(|| no_credits(&numbers))?;
    if !call.charge(bill.total) {
        return Err(no_credits(&numbers));
    }
    let status = if sent.scheduled_time.is_some() { "scheduled" } else { "pending" };
    let id = uuid(call.bits);
    let mut members = vec![("uuid", id.as_str().into()), ("status", status.into())];
    members.extend(price(call, &numbers, &bill));
    members.extend(sent.scheduled_time.map(|time| ("scheduledTime", time.into())));
    let batch = Batch {
        id,
        numbers: numbers.into(),
        sender: Some(sent.sender.into()),
        text: sent.content.into(),
        bill,
        due,
        reference: None,
        callback: None,
    };
    Ok((members, vec![batch]))
}

/// What `sent` would come to. A key without the scope to send may ask for it.
fn preview(call: &Call<'_>, sent: &Sent) -> Result<Members, Refusal> {
    check(call, sent)?;
    let numbers = &sent.msisdns.0;
    let bill = call.quote(&sent.content, numbers).ok_or_else(|| no_credits(numbers))?;
    let mut members: Members = sent.dry_run.then_some(("dryRun", Tree::Flag(true))).into_iter().collect();
    members.extend(price(call, numbers, &bill));
    Ok(members)
}

/// The body of a send or a preview.
fn read(call: &Call<'_>) -> Result<Sent, Refusal> {
    if !call.request.is_of_type("application/json") {
        return Err(Refusal::bad("the body is not application/json"));
    }
    serde_json::from_slice(&call.request.body)
        .map_err(|fault| Refusal::bad(format!("the body is not understood: {fault}")))
}

/// Whether `sent` may be sent, and when it is due; `None` for now.
fn check(call: &Call<'_>, sent: &Sent) -> Result<Option<Duration>, Refusal> {
    check_sender(call, &sent.sender)?;
    if !(1..=MAX_CHARACTERS).contains(&sent.content.chars().count()) {
        return Err(Refusal::bad("content must have 1 to 1000 characters"));
    }
    let due = due(call, sent.scheduled_time.as_deref())?;
    check_numbers(call, &sent.msisdns.0)?;
    Ok(due)
}

/// How many messages there are, and what they cost.
fn price(call: &Call<'_>, numbers: &[Msisdn], bill: &Bill) -> Members {
    let mut members = vec![("recipients", (numbers.len() as u64).into())];
    members.extend(bill.parts_of_each().map(|parts| ("parts", u64::from(parts).into())));
    members.extend(call.tells_price.then(|| ("credits", bill.total.into())));
    members
}

fn no_credits(numbers: &[Msisdn]) -> Refusal {
    let error = format!("not enough credits for {} messages", numbers.len());
    Refusal { status: 402, code: Some("INSUFFICIENT_CREDITS"), error }
}

fn senders(call: &Call<'_>) -> Tree {
    let listed = |status: &'static str| {
        move |name: &String| Tree::Group(vec![("name", name.as_str().into()), ("status", status.into())])
    };
    let approved = call.account.senders.iter().flatten().map(listed("approved"));
    Tree::List(approved.chain(call.account.pending_senders.iter().map(listed("pending"))).collect())
}

fn check_sender(call: &Call<'_>, sender: &str) -> Result<(), Refusal> {
    let well_formed =
        (1..=MAX_SENDER).contains(&sender.len()) && sender.bytes().all(|byte| byte.is_ascii_graphic());
    if well_formed && call.approves(sender) {
        Ok(())
    } else {
        Err(Refusal::bad("sender is not approved; it has 1 to 11 letters, digits or symbols"))
    }
}

/// When the message is due, which must lie ahead; `None` for now.
fn due(call: &Call<'_>, time: Option<&str>) -> Result<Option<Duration>, Refusal> {
    let Some(time) = time else { return Ok(None) };
    let time: jiff::Timestamp =
        time.parse().map_err(|_| Refusal::bad("scheduledTime is not ISO 8601 with an offset"))?;
    if time.as_millisecond() <= call.now.0 {
        return Err(Refusal::bad("scheduledTime is not in the future"));
    }
    Ok(Some(call.since_start(UnixMillis(time.as_millisecond()))))
}

fn check_numbers(call: &Call<'_>, numbers: &[Msisdn]) -> Result<(), Refusal> {
    let max = call.account.max_recipients;
    if numbers.is_empty() || numbers.len() > max as usize {
        return Err(Refusal::bad(format!("msisdns must hold 1 to {max} numbers")));
    }
    let thai = |number: Msisdn| number.digits() / 1_000_000_000 == 66;
    let foreign = numbers.iter().position(|&number| !thai(number));
    if let Some(index) = foreign.filter(|_| !call.account.foreign_numbers) {
        return Err(Refusal::bad(format!("msisdns[{index}] is neither 66XXXXXXXXX nor 0XXXXXXXXX")));
    }
    if call.refuses_duplicates_in(numbers) {
        return Err(Refusal::bad("msisdns holds a number twice"));
    }
    Ok(())
}

/// The body of a send.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sent {
    sender: String,
    content: String,
    msisdns: Numbers,
    scheduled_time: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

/// Numbers in one of the provider's forms, `0…` already turned into `66…`.
struct Numbers(Vec<Msisdn>);

struct Number(Msisdn);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(NumbersVisitor)
    }
}

struct NumbersVisitor;

impl<'de> Visitor<'de> for NumbersVisitor {
    type Value = Numbers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers as strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Numbers, A::Error> {
        let mut numbers = Vec::new();
        while let Some(Number(number)) = list.next_element()? {
            numbers.push(number);
        }
        Ok(Numbers(numbers))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number as a string of digits")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
        let number = number(text).ok_or_else(|| E::custom("a number that is not 66XXXXXXXXX or 0XXXXXXXXX"));
        number.map(Number)
    }
}

/// `0XXXXXXXXX`, or international digits without `+`; whether they are Thai is asked later.
fn number(text: &str) -> Option<Msisdn> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let value: u64 = text.parse().ok().filter(|_| digits)?;
    match (text.starts_with('0'), text.len()) {
        (true, 10) => Msisdn::from_digits(66_000_000_000 + value),
        (true, _) => None,
        (false, _) => Msisdn::from_digits(value),
    }
}

/// `bits` as a random UUID, RFC 9562 section 5.4.
pub(super) fn uuid(bits: u128) -> String {
    let bits = bits & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A provider error: its status, sometimes a code word, and a text for people.
struct Refusal {
    status: u16,
    code: Option<&'static str>,
    error: String,
}

impl Refusal {
    fn new(status: u16, error: impl Into<String>) -> Self {
        Self { status, code: None, error: error.into() }
    }

    fn bad(error: impl Into<String>) -> Self {
        Self::new(400, error)
    }

    fn reply(self) -> Reply {
        let mut members = vec![("error", self.error.into())];
        members.extend(self.code.map(|code| ("code", code.into())));
        json(self.status, members)
    }
}

fn success(members: Members) -> Reply {
    json(200, members)
}

fn json(status: u16, members: Members) -> Reply {
    Reply::new(status, "application/json; charset=utf-8", Tree::Group(members).json())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn numbers_have_one_of_two_forms() {
        for (text, digits) in [
            ("66800000001", Some(66_800_000_001)),
            ("0800000001", Some(66_800_000_001)),
            ("+66800000001", None),
            ("66 800000001", None),
            ("080000001", None),
            ("08000000011", None),
            ("", None),
        ] {
            assert_eq!(number(text).map(Msisdn::digits), digits, "{text:?}");
        }
    }
}
