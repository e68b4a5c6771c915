//! TransmitSMS, REST API v1: form in, JSON or XML out. Here: who calls, and `send-sms`. What is
//! asked later: `reports.rs`.
//!
//! Every page of the provider that this follows is named in its error table: 400, 401, 404 and
//! 429 with a code word. Where the pages leave room, this gateway is the strict one: a parameter
//! it does not know, or one that stands twice, is `FIELD_INVALID`, so that a client's slip shows.
//! A number that is not 7 to 15 digits without `+` is left out and listed under `fails`, the
//! older reply form; `recipients` counts those that were taken. `countrycode` never makes a
//! local number valid here. A `send_at` in the past is taken: nobody says what becomes of it.
//! The provider shows three decimals of `cost`; this gateway shows all it has, so that nothing
//! is rounded away, unless the account says to how many it rounds. `sms` is the parts that were
//! billed. Not here: stored lists (`NOT_FOUND`), replies, and leasing numbers.

mod reports;

use super::{Call, Served};
use crate::{
    Account,
    callbacks::{CallbackTo, Carries, Fields, Report},
    http::{Reply, Request},
    ledger::Batch,
    tree::Tree,
};
use std::{borrow::Cow, time::Duration};
use volley_core::{Msisdn, UnixMillis};

/// Longest text in characters: "Send SMS", developers.kudosity.com.
const MAX_CHARACTERS: usize = 612;
const FORM: &str = "application/x-www-form-urlencoded";

/// The account whose key and secret stand in the request's Basic credentials.
pub(super) fn account<'a>(
    mut accounts: impl Iterator<Item = (usize, &'a Account)>,
    request: &Request,
) -> Result<usize, Reply> {
    if request.header("authorization").is_none() {
        return Err(Refusal::new(401, "AUTH_FAILED_NO_DATA", "no credentials").reply(request));
    }
    let found = request.basic().and_then(|(key, secret)| {
        accounts.find(|(_, account)| account.key == key && account.secret == secret)
    });
    let refusal = || Refusal::new(401, "AUTH_FAILED", "key or secret is wrong").reply(request);
    found.map(|(index, _)| index).ok_or_else(refusal)
}

pub(super) fn throttled(request: &Request) -> Reply {
    Refusal::new(429, "OVER_LIMIT", "too many calls; this one was dropped").reply(request)
}

pub(super) fn serve(call: &mut Call<'_>) -> Served {
    let request = call.request;
    let nothing_taken = |members| (members, Vec::new());
    let answered = match method(&request.path) {
        Some(("send-sms", _)) => parameters(request).and_then(|sent| send(call, &sent)),
        Some(("cancel-sms", _)) => {
            parameters(request).and_then(|sent| reports::cancel(call, &sent)).map(nothing_taken)
        }
        Some((name, _)) => reports::question(name)
            .ok_or_else(Refusal::not_implemented)
            .and_then(|answer| answer(call, &parameters(request)?))
            .map(nothing_taken),
        None => Err(Refusal::not_implemented()),
    };
    match answered {
        Ok((mut members, taken)) => {
            members.push(("error", error("SUCCESS", "OK".into())));
            Served { reply: reply(call.request, 200, &Tree::Group(members)), taken }
        }
        Err(refusal) => refusal.reply(call.request).into(),
    }
}

type Members = Vec<(&'static str, Tree)>;

fn send(call: &mut Call<'_>, sent: &Parameters<'_>) -> Result<(Members, Vec<Batch>), Refusal> {
    sent.allow(&[
        "message",
        "to",
        "list_id",
        "from",
        "send_at",
        "countrycode",
        "validity",
        "replies_to_email",
        "tracked_link_url",
        "link_hits_callback",
        "dlr_callback",
        "reply_callback",
    ])?;
    if !call.account.may_send {
        return Err(Refusal::field("NO_ACCESS", "this key may not send"));
    }
    let text = sent.needed("message")?;
    if text.chars().count() > MAX_CHARACTERS {
        return Err(Refusal::invalid("message has more than 612 characters"));
    }
    let (send_at, due) = send_at(sent, call)?;
    check_options(sent)?;
    let sender = sent.get("from");
    if let Some(sender) = sender
        && !(is_sender(sender) && call.approves(sender))
    {
        return Err(Refusal::field("BAD_CALLER_ID", "from is not a valid, active sender"));
    }
    if sent.get("list_id").is_some() {
        return Err(Refusal::field("NOT_FOUND", "no such list"));
    }
    let (numbers, fails) = recipients(call, sent.needed("to")?)?;
    let bill = call
        .bill(text, &numbers)
        .ok_or_else(|| Refusal::field("LEDGER_ERROR", "the cost is beyond all money"))?;
    if !call.charge(bill.total) {
        return Err(Refusal::field("LEDGER_ERROR", "not enough funds"));
    }
    let id = 510_000_000 + call.number;
    let mut members = vec![
        ("message_id", id.into()),
        ("send_at", send_at.into()),
        ("recipients", (numbers.len() as u64).into()),
    ];
    members.extend(call.tells_price.then(|| ("cost", bill.total.into())));
    members.push(("sms", bill.parts.into()));
    if !fails.is_empty() {
        members.push(("fails", texts(&fails)));
    }
    let batch = Batch {
        id: id.to_string(),
        numbers: numbers.into(),
        sender: sender.map(Into::into),
        text: text.into(),
        bill,
        due,
        reference: None,
        callback: sent.get("dlr_callback").map(|url| CallbackTo {
            url: url.to_owned(),
            carries: Carries::Query,
            fields: receipt,
            signed_as: Some("x-transmitsms-signature"),
        }),
    };
    Ok((members, vec![batch]))
}

/// What a delivery callback says: "Webhooks", developers.kudosity.com.
#[expect(clippy::unnecessary_wraps, reason = "some providers leave some reports out")]
fn receipt(report: &Report<'_>) -> Option<Fields> {
    Some(vec![
        ("message_id", report.id.to_owned()),
        ("mobile", report.to.digits().to_string()),
        ("datetime", time(report.since)),
        ("status", reports::status(report.state).to_owned()),
        ("user_id", report.user.to_string()),
    ])
}

/// The numbers of `to`, and the texts in it that are none.
fn recipients<'a>(call: &Call<'_>, to: &'a str) -> Result<(Vec<Msisdn>, Vec<&'a str>), Refusal> {
    let max = call.account.max_recipients as usize;
    if to.split(',').nth(max).is_some() {
        return Err(Refusal::invalid(format!("to holds more than {max} numbers")));
    }
    let (mut numbers, mut fails) = (Vec::new(), Vec::new());
    for text in to.split(',') {
        match check_number(text) {
            Some(number) => numbers.push(number),
            None => fails.push(text),
        }
    }
    if numbers.is_empty() {
        let lists = vec![("fails", texts(&fails)), ("optouts", Tree::List(Vec::new()))];
        return Err(Refusal::new(400, "RECIPIENTS_ERROR", Tree::Group(lists)));
    }
    if call.refuses_duplicates_in(&numbers) {
        return Err(Refusal::invalid("to holds a number twice"));
    }
    Ok((numbers, fails))
}

/// International digits without `+`.
fn check_number(text: &str) -> Option<Msisdn> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| digits).and_then(Msisdn::from_digits)
}

/// A number, a short code, or up to 11 letters and digits.
fn is_sender(text: &str) -> bool {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let max = if is_number { 15 } else { 11 };
    (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// When the message is due, in the provider's form and counted from the gateway's start: as it
/// was given, or now.
fn send_at(sent: &Parameters<'_>, call: &Call<'_>) -> Result<(String, Option<Duration>), Refusal> {
    if let Some(text) = sent.get("send_at") {
        let due = parse_time(text).ok_or_else(|| Refusal::invalid("send_at is not YYYY-MM-DD HH:MM:SS"))?;
        return Ok((text.to_owned(), Some(call.since_start(due))));
    }
    Ok((time(call.now), None))
}

/// The provider's form of times, UTC: "Timestamps", developers.kudosity.com.
const TIME: &str = "%Y-%m-%d %H:%M:%S";

/// A time in the provider's form and in no other.
fn parse_time(text: &str) -> Option<UnixMillis> {
    let exact = text.len() == "2026-03-02 01:15:00".len();
    let time = jiff::civil::DateTime::strptime(TIME, text).ok().filter(|_| exact)?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(UnixMillis(time.timestamp().as_millisecond()))
}

fn time(at: UnixMillis) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    time.strftime(TIME).to_string()
}

/// Parameters that change nothing here, but must be well formed.
fn check_options(sent: &Parameters<'_>) -> Result<(), Refusal> {
    if sent.get("validity").is_some_and(|text| text.parse::<u32>().is_err()) {
        return Err(Refusal::invalid("validity is not a number of minutes"));
    }
    for name in ["tracked_link_url", "link_hits_callback", "dlr_callback", "reply_callback"] {
        let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        if sent.get(name).is_some_and(|text| !is_url(text)) {
            return Err(Refusal::invalid(format!("{name} is not a URL")));
        }
    }
    Ok(())
}

/// The parameters of one call, decoded, in the order they came.
struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Reads them from the body of a POST or the query of a GET.
fn parameters(request: &Request) -> Result<Parameters<'_>, Refusal> {
    let encoded = match &*request.method {
        "GET" => request.query.as_bytes(),
        "POST" if request.body.is_empty() || request.is_of_type(FORM) => &request.body,
        "POST" => return Err(Refusal::field("FIELD_EMPTY", format!("the body is not {FORM}"))),
        _ => return Err(Refusal::not_implemented()),
    };
    Ok(Parameters(form_urlencoded::parse(encoded).collect()))
}

impl Parameters<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|parameter| parameter.0 == name).map(|parameter| &*parameter.1)
    }

    fn needed(&self, name: &str) -> Result<&str, Refusal> {
        let filled = self.get(name).filter(|text| !text.is_empty());
        filled.ok_or_else(|| Refusal::field("FIELD_EMPTY", format!("{name} is empty")))
    }

    /// Refuses names beside `known`, and any name that stands twice.
    fn allow(&self, known: &[&str]) -> Result<(), Refusal> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&&**name) {
                return Err(Refusal::invalid(format!("{name} is not a parameter of this method")));
            }
            if self.0[..index].iter().any(|before| before.0 == *name) {
                return Err(Refusal::invalid(format!("{name} stands twice")));
            }
        }
        Ok(())
    }
}

/// A provider error: its status, its code word, and a text or lists.
struct Refusal {
    status: u16,
    code: &'static str,
    description: Tree,
}

impl Refusal {
    fn new(status: u16, code: &'static str, description: impl Into<Tree>) -> Self {
        Self { status, code, description: description.into() }
    }

    fn field(code: &'static str, description: impl Into<Tree>) -> Self {
        Self::new(400, code, description)
    }

    fn invalid(description: impl Into<Tree>) -> Self {
        Self::field("FIELD_INVALID", description)
    }

    fn not_implemented() -> Self {
        Self::new(404, "NOT_IMPLEMENTED", "no such method; it ends in .json or .xml")
    }

    fn reply(self, request: &Request) -> Reply {
        let body = Tree::Group(vec![("error", error(self.code, self.description))]);
        reply(request, self.status, &body)
    }
}

fn error(code: &'static str, description: Tree) -> Tree {
    Tree::Group(vec![("code", code.into()), ("description", description)])
}

fn texts(list: &[&str]) -> Tree {
    Tree::List(list.iter().map(|text| (*text).into()).collect())
}

/// `body` in the form that the path's suffix asks for; JSON where it has none.
fn reply(request: &Request, status: u16, body: &Tree) -> Reply {
    match method(&request.path) {
        Some((_, "xml")) => Reply::new(status, "text/xml; charset=utf-8", body.xml()),
        _ => Reply::new(status, "application/json", body.json()),
    }
}

/// The method and the format of `/send-sms.json` or `/2/send-sms.json`.
fn method(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix("/2/").or_else(|| path.strip_prefix('/'))?;
    path.rsplit_once('.').filter(|(_, format)| matches!(*format, "json" | "xml"))
}
