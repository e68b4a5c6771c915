//! ME-SMS, API v2: send with dry run, credits and senders; JSON in and out.
//!
//! What the provider's pages say for certain is enforced: `x-api-key`, the two number forms, 1 to
//! 2,000,000 numbers, 1 to 1,000 characters, senders of at most 11, schedules in the future, and
//! all or nothing where credits run out. What they leave open is decided like this: one bad number
//! refuses the request (400), a field that this gateway does not know refuses it too, and a
//! message costs one credit a part unless a rate card in credits says otherwise. `parts` are those
//! that each message is billed, so the reply leaves them out where they differ. Not here:
//! templates, variables, contact groups (400), and all calls about messages that were sent (404).
//!
//! A body of 2,000,000 numbers is read without a string for any of them.

use super::{Call, Served};
use crate::{
    Account,
    http::{Reply, Request},
    ledger::Batch,
    tree::Tree,
};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;
use volley_core::Msisdn;

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
    match (&*request.method, &*request.path) {
        ("POST", "/api/v2/sms/send") => match send(call) {
            Ok((members, taken)) => Served { reply: success(members), taken },
            Err(refusal) => refusal.reply().into(),
        },
        ("GET", "/api/v2/credits") => success(vec![("credits", call.balance().into())]).into(),
        ("GET", "/api/v2/senders") => success(vec![("senders", senders(call))]).into(),
        _ => Refusal::new(404, "no such resource").reply().into(),
    }
}

type Members = Vec<(&'static str, Tree)>;

fn send(call: &mut Call<'_>) -> Result<(Members, Option<Batch>), Refusal> {
    if !call.account.may_send {
        return Err(Refusal::new(403, "this key has no scope sms:send"));
    }
    if !call.request.is_of_type("application/json") {
        return Err(Refusal::bad("the body is not application/json"));
    }
    let sent: Sent = serde_json::from_slice(&call.request.body)
        .map_err(|fault| Refusal::bad(format!("the body is not understood: {fault}")))?;
    check_sender(call, &sent.sender)?;
    if !(1..=MAX_CHARACTERS).contains(&sent.content.chars().count()) {
        return Err(Refusal::bad("content must have 1 to 1000 characters"));
    }
    check_schedule(call, sent.scheduled_time.as_deref())?;
    check_numbers(call, &sent.msisdns.0)?;
    let numbers = sent.msisdns.0;
    let no_credits = || Refusal {
        status: 402,
        code: Some("INSUFFICIENT_CREDITS"),
        error: format!("not enough credits for {} messages", numbers.len()),
    };
    let bill =
        if sent.dry_run { call.quote(&sent.content, &numbers) } else { call.bill(&sent.content, &numbers) };
    let bill = bill.ok_or_else(no_credits)?;
    let mut members = vec![("recipients", (numbers.len() as u64).into())];
    members.extend(bill.parts_of_each().map(|parts| ("parts", u64::from(parts).into())));
    members.extend(call.tells_price.then(|| ("credits", bill.total.into())));
    if sent.dry_run {
        members.insert(0, ("dryRun", Tree::Flag(true)));
        return Ok((members, None));
    }
    if !call.charge(bill.total) {
        return Err(no_credits());
    }
    let status = if sent.scheduled_time.is_some() { "scheduled" } else { "pending" };
    members.insert(0, ("uuid", uuid(call.bits).into()));
    members.insert(1, ("status", status.into()));
    members.extend(sent.scheduled_time.map(|time| ("scheduledTime", time.into())));
    let numbers = numbers.into_boxed_slice();
    Ok((members, Some(Batch { numbers, sender: Some(sent.sender), text: sent.content, bill })))
}

fn senders(call: &Call<'_>) -> Tree {
    let approved = call.account.senders.iter().flatten();
    let listed =
        |name: &String| Tree::Group(vec![("name", name.as_str().into()), ("status", "approved".into())]);
    Tree::List(approved.map(listed).collect())
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

fn check_schedule(call: &Call<'_>, time: Option<&str>) -> Result<(), Refusal> {
    let Some(time) = time else { return Ok(()) };
    let time: jiff::Timestamp =
        time.parse().map_err(|_| Refusal::bad("scheduledTime is not ISO 8601 with an offset"))?;
    if time.as_millisecond() <= call.now.0 {
        return Err(Refusal::bad("scheduledTime is not in the future"));
    }
    Ok(())
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
fn uuid(bits: u128) -> String {
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
