//! Fone Dynamics, REST API v2: send one or many, get one, list a window; JSON in and out.
//!
//! Every message of a batch has its own text, sender, schedule and result: one that is refused
//! hides no other. What the provider's pages say is enforced: Basic credentials, the property in
//! the path, numbers with `+`, names of 1 to 11 letters, digits and spaces with a letter among
//! them, schedules up to 14 days ahead or less than an hour past, a webhook only with a receipt,
//! and what is to become of replies only where the sender is left to the provider. Such a sender
//! is leased: one number for North America, another for everybody else; and where names cannot be
//! shown it takes the name's place. Prices are never named.
//!
//! No code word is public, so those here are this gateway's own, and so are the limits of 1,530
//! septets or 670 code units a text and 64 characters an `ExternalId`. A member that this gateway
//! does not know refuses the whole request (400). Where the balance runs out in a batch, the
//! messages that it no longer pays for are refused one by one. Lists show the newest first. A
//! receipt is posted as JSON, or is a GET with a query. Not here: cancelling, buying numbers,
//! replies, and the limit of five leases a recipient.

use super::{Call, Served, fields::Fields};
use crate::{
    Account, BatchReply, Duplicates,
    callbacks::{CallbackTo, Carries, Report},
    delivery::State,
    http::{Reply, Request},
    ledger::Batch,
    messages::{Phase, Taken},
    tree::Tree,
};
use std::time::Duration;
use volley_core::{Encoding, Msisdn, UnixMillis};

/// Longest texts, in septets and in UTF-16 code units; longest caller's id, in characters.
const MAX_SEPTETS: u32 = 1_530;
const MAX_CODE_UNITS: u32 = 670;
const MAX_EXTERNAL_ID: usize = 64;
/// How far ahead a schedule may be, and how far past it must not be.
const HORIZON_MS: i64 = 14 * 24 * 3_600_000;
const GRACE_MS: i64 = 3_600_000;
/// Messages on one page of a list: unless the call says, and at most.
const PAGE: i64 = 50;
const MAX_PAGE: usize = 1_000;
/// Whom messages come from whose sender is left to the provider.
const LEASED: &str = "+61491570157";
const LEASED_IN_NORTH_AMERICA: &str = "+12025550199";

/// The account whose name and token stand in the request's Basic credentials.
pub(super) fn account<'a>(
    mut accounts: impl Iterator<Item = (usize, &'a Account)>,
    request: &Request,
) -> Result<usize, Reply> {
    let found = request.basic().and_then(|(name, token)| {
        accounts.find(|(_, account)| account.key == name && account.secret == token)
    });
    let refusal = || Refusal::new("UNAUTHORIZED", "account or token is missing or wrong");
    found.map(|(index, _)| index).ok_or_else(|| refusal().reply(401))
}

pub(super) fn throttled() -> Reply {
    Refusal::new("TOO_MANY_REQUESTS", "too many requests; this one was dropped").reply(429)
}

pub(super) fn serve(call: &mut Call<'_>) -> Served {
    let request = call.request;
    let parts: Vec<&str> = request.path.split('/').skip(2).collect();
    let property = match parts[..] {
        ["Properties", property, _] => Some(property),
        _ => None,
    };
    if property.is_some_and(|property| property != call.account.property) {
        return Refusal::new("FORBIDDEN", "the property is not this account's").reply(403).into();
    }
    if request.method == "POST" && !call.account.may_send {
        return Refusal::new("FORBIDDEN", "SMS is not switched on for this account").reply(403).into();
    }
    match (&*request.method, &parts[..]) {
        ("POST", ["Properties", _, "Messages"]) => send_one(call),
        ("POST", ["Properties", _, "BatchMessages"]) => send_many(call),
        ("GET", ["Properties", _, "Messages"]) => list(call).into(),
        ("GET", ["Messages", id]) => get(call, id).into(),
        (_, ["Properties", _, "Messages" | "BatchMessages"] | ["Messages", _]) => {
            Refusal::new("METHOD_NOT_ALLOWED", "this path is not called so").reply(405).into()
        }
        _ => Refusal::new("NOT_FOUND", "no such path").reply(404).into(),
    }
}

fn send_one(call: &mut Call<'_>) -> Served {
    let sent = match body(call) {
        Ok(sent) => sent,
        Err(refused) => return refused.into(),
    };
    match take(call, 0, sent) {
        Ok((message, batch)) => {
            Served { reply: json(200, &Tree::Group(vec![("Message", message)])), taken: vec![batch] }
        }
        Err(refusal) => refusal.reply(if refusal.code == NO_FUNDS { 402 } else { 400 }).into(),
    }
}

/// The body of a batch.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SentMany {
    messages: Vec<Sent>,
}

fn send_many(call: &mut Call<'_>) -> Served {
    let SentMany { messages } = match body(call) {
        Ok(sent) => sent,
        Err(refused) => return refused.into(),
    };
    let max = call.account.max_recipients;
    if messages.is_empty() {
        return Refusal::new("INVALID_MESSAGES", "Messages is empty").reply(400).into();
    }
    if messages.len() > max as usize {
        let text = format!("Messages holds more than {max}");
        return Refusal::new("TOO_MANY_MESSAGES", text).reply(413).into();
    }
    let (mut results, mut taken) = (Vec::new(), Vec::new());
    for sent in messages {
        let is_second = |to: &str| taken.iter().any(|batch: &Batch| number(to) == Some(batch.numbers[0]));
        let refused =
            call.account.duplicates == Duplicates::Refuse && sent.to.as_deref().is_some_and(is_second);
        let result = if refused {
            Err(Refusal::new("DUPLICATE_TO", "To stands in this batch before"))
        } else {
            take(call, taken.len() as u64, sent)
        };
        match result {
            Ok((message, batch)) => {
                results.push(message);
                taken.push(batch);
            }
            Err(refusal) => results.push(refusal.tree()),
        }
    }
    let results = Tree::List(results);
    let tree = match call.account.habits.batch_reply {
        BatchReply::Bare => results,
        BatchReply::Wrapped => Tree::Group(vec![("Messages", results)]),
    };
    Served { reply: json(200, &tree), taken }
}

fn get(call: &Call<'_>, id: &str) -> Reply {
    match call.find(id) {
        Some(taken) => json(200, &Tree::Group(vec![("Message", past(call, taken))])),
        None => Refusal::new("NOT_FOUND", "no such message").reply(404),
    }
}

fn list(call: &Call<'_>) -> Reply {
    let asked = Fields::of_form(call.request.query.as_bytes());
    match window(&asked) {
        Ok(window) => {
            let created = |taken: &&Taken| seconds(call.wall(taken.taken_at));
            let inside = |taken: &&Taken| window.created.contains(&created(taken));
            let total = call.newest_first().filter(inside).count() as u64;
            let page = call.newest_first().filter(inside).skip(window.skip).take(window.count);
            let messages = page.map(|taken| past(call, taken)).collect();
            json(
                200,
                &Tree::Group(vec![
                    ("Messages", Tree::List(messages)),
                    ("TotalCount", total.into()),
                    ("NextPageToken", Tree::Null),
                ]),
            )
        }
        Err(refusal) => refusal.reply(400),
    }
}

/// What a list is to show.
struct Window {
    /// When a message was taken, in seconds since 1970.
    created: std::ops::RangeInclusive<i64>,
    skip: usize,
    count: usize,
}

fn window(asked: &Fields) -> Result<Window, Refusal> {
    let invalid = |text: String| Refusal::new("INVALID_PARAMETER", text);
    asked.check(&["Date_From", "Date_To", "Results_Count", "Results_Skip"]).map_err(invalid)?;
    let number = |name, usual: i64| match asked.get(name) {
        None => Ok(usual),
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|number| *number >= 0)
            .ok_or_else(|| invalid(format!("{name} is not a whole number"))),
    };
    let place = |name, usual| number(name, usual).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let window = Window {
        created: number("Date_From", 0)?..=number("Date_To", i64::MAX)?,
        skip: place("Results_Skip", 0)?,
        count: place("Results_Count", PAGE)?,
    };
    if (1..=MAX_PAGE).contains(&window.count) {
        Ok(window)
    } else {
        Err(invalid(format!("Results_Count is not 1 to {MAX_PAGE}")))
    }
}

/// One message of a request.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Sent {
    from: Option<String>,
    to: Option<String>,
    text: Option<String>,
    schedule: Option<i64>,
    delivery_receipt: Option<bool>,
    delivery_receipt_webhook_uri: Option<String>,
    delivery_receipt_webhook_method: Option<String>,
    external_id: Option<String>,
    forward_to_sms: Option<String>,
    forward_from_sms: Option<String>,
    forward_to_email: Option<String>,
    forward_from_email: Option<String>,
    webhook_uri: Option<String>,
    webhook_method: Option<String>,
}

/// Takes one message that comes behind `before` others of its request: what the answer has about
/// it, and what the ledger has.
fn take(call: &mut Call<'_>, before: u64, sent: Sent) -> Result<(Tree, Batch), Refusal> {
    let to = sent.to.as_deref().and_then(number);
    let to = to.ok_or_else(|| Refusal::new("INVALID_TO", "To is not + and the digits of a number"))?;
    let from = sent.from.as_deref().filter(|from| !from.trim().is_empty());
    if from.is_some_and(|from| !(is_sender(from) && call.approves(from))) {
        return Err(Refusal::new("INVALID_FROM", "From is not a number or a name of this account"));
    }
    let text = sent.text.as_deref().unwrap_or_default();
    check_text(call, text)?;
    let due = sent.schedule.map(|schedule| due(call, schedule)).transpose()?;
    check_replies(&sent, from)?;
    let callback = callback(call, &sent)?;
    if sent.external_id.as_ref().is_some_and(|id| id.chars().count() > MAX_EXTERNAL_ID) {
        return Err(Refusal::new("INVALID_FIELD", "ExternalId has more than 64 characters"));
    }
    let no_funds = || Refusal::new(NO_FUNDS, "not enough credit");
    let bill = call.bill_item(before, text, to).ok_or_else(no_funds)?;
    if !call.charge(bill.total) {
        return Err(no_funds());
    }
    let batch = Batch {
        id: id(call.bits, before),
        numbers: [to].into(),
        sender: from.map(Into::into),
        text: text.into(),
        bill,
        due,
        reference: sent.external_id,
        callback,
    };
    let mut members = named(
        call.account,
        &Shown {
            id: &batch.id,
            from,
            to,
            text: &batch.text,
            parts: batch.bill.parts,
            external_id: batch.reference.as_deref(),
        },
    );
    members.extend([
        ("Status", "Processing".into()),
        ("DeliveryReceipt", Tree::Flag(sent.delivery_receipt.unwrap_or(true))),
        ("Created", time(call.now)),
        ("Scheduled", sent.schedule.map_or(Tree::Null, |schedule| Tree::Number(schedule.to_string()))),
        ("Submitted", Tree::Null),
        ("Delivered", Tree::Null),
        ("ErrorCode", Tree::Null),
    ]);
    Ok((Tree::Group(members), batch))
}

/// A message that was taken, as it stands now.
fn past(call: &Call<'_>, taken: &Taken) -> Tree {
    let phase = call.phase(taken);
    let (state, since) = call.delivery(taken, 0);
    let delivered = (state == State::Delivered).then_some(since);
    let submitted = (phase == Phase::Sent).then(|| call.wall(taken.sent_at));
    let scheduled = taken.was_scheduled().then(|| call.wall(taken.due_at));
    let status = match (phase, error_code(state)) {
        (Phase::Scheduled | Phase::Processing, _) => "Processing",
        (_, Some(_)) => "Failed",
        _ if delivered.is_some() => "Delivered",
        _ => "Submitted",
    };
    let mut members = named(
        call.account,
        &Shown {
            id: &taken.id,
            from: taken.sender.as_deref(),
            to: taken.numbers[0],
            text: &taken.text,
            parts: taken.parts,
            external_id: taken.reference.as_deref(),
        },
    );
    members.extend([
        ("Status", status.into()),
        ("Created", time(call.wall(taken.taken_at))),
        ("Scheduled", scheduled.map_or(Tree::Null, time)),
        ("Submitted", submitted.map_or(Tree::Null, time)),
        ("Delivered", delivered.map_or(Tree::Null, time)),
        ("ErrorCode", error_code(state).map_or(Tree::Null, Into::into)),
    ]);
    Tree::Group(members)
}

/// What a message has from the beginning.
struct Shown<'a> {
    id: &'a str,
    /// As the request said.
    from: Option<&'a str>,
    to: Msisdn,
    text: &'a str,
    parts: u64,
    external_id: Option<&'a str>,
}

fn named(account: &Account, shown: &Shown<'_>) -> Vec<(&'static str, Tree)> {
    let north_american = shown.to.digits() / 10_000_000_000 == 1;
    let leased = if north_american { LEASED_IN_NORTH_AMERICA } else { LEASED };
    let is_name = |from: &str| !from.starts_with('+');
    let replaced = |from: &str| north_american && is_name(from) && account.habits.replaces_names;
    let mut members = vec![
        ("MessageSid", shown.id.into()),
        ("AccountSid", account.key.as_str().into()),
        ("PropertySid", account.property.as_str().into()),
        ("From", shown.from.filter(|from| !replaced(from)).unwrap_or(leased).into()),
        ("To", format!("+{}", shown.to.digits()).into()),
        ("Text", shown.text.into()),
        ("Direction", "Transmit".into()),
        ("NumSegments", shown.parts.into()),
    ];
    let external_id = shown.external_id.filter(|_| account.habits.echoes_external_id);
    members.extend(external_id.map(|id| ("ExternalId", id.into())));
    members
}

/// The word for a failure; `None` where it is none.
fn error_code(state: State) -> Option<&'static str> {
    match state {
        State::Pending | State::Delivered | State::Timeout => None,
        State::Failed => Some("UNREACHABLE"),
        State::Invalid => Some("UNKNOWN_NUMBER"),
        State::Blocked => Some("BLOCKED"),
        State::Expired => Some("EXPIRED"),
    }
}

/// What a receipt tells; the names are those of a message, no page shows them.
fn receipt(report: &Report<'_>) -> Option<Vec<(&'static str, String)>> {
    let mut fields = nameless_receipt(report)?;
    fields.extend(report.reference.map(|id| ("ExternalId", id.to_owned())));
    Some(fields)
}

/// The same without the caller's id.
fn nameless_receipt(report: &Report<'_>) -> Option<Vec<(&'static str, String)>> {
    let error = error_code(report.state);
    let status = match report.state {
        State::Timeout => return None,
        State::Pending => "Submitted",
        State::Delivered => "Delivered",
        State::Failed | State::Invalid | State::Blocked | State::Expired => "Failed",
    };
    let mut fields = vec![
        ("MessageSid", report.id.to_owned()),
        ("To", format!("+{}", report.to.digits())),
        ("Status", status.to_owned()),
    ];
    fields.extend(error.map(|code| ("ErrorCode", code.to_owned())));
    Some(fields)
}

fn callback(call: &Call<'_>, sent: &Sent) -> Result<Option<CallbackTo>, Refusal> {
    let invalid = |text| Err(Refusal::new("INVALID_FIELD", text));
    let method = sent.delivery_receipt_webhook_method.as_deref().unwrap_or("POST");
    let carries = match method {
        method if method.eq_ignore_ascii_case("POST") => Carries::Json,
        method if method.eq_ignore_ascii_case("GET") => Carries::Query,
        _ => return invalid("DeliveryReceiptWebhookMethod is not POST or GET"),
    };
    let Some(url) = sent.delivery_receipt_webhook_uri.as_deref() else { return Ok(None) };
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return invalid("DeliveryReceiptWebhookUri is not a URL");
    }
    if sent.delivery_receipt == Some(false) {
        return invalid("DeliveryReceiptWebhookUri needs DeliveryReceipt");
    }
    let fields = if call.account.habits.echoes_external_id { receipt } else { nameless_receipt };
    Ok(Some(CallbackTo { url: url.to_owned(), carries, fields, signed_as: None }))
}

/// What is to become of replies is for leased senders only.
fn check_replies(sent: &Sent, from: Option<&str>) -> Result<(), Refusal> {
    let settings = [
        &sent.forward_to_sms,
        &sent.forward_from_sms,
        &sent.forward_to_email,
        &sent.forward_from_email,
        &sent.webhook_uri,
        &sent.webhook_method,
    ];
    if from.is_some() && settings.into_iter().any(Option::is_some) {
        return Err(Refusal::new("INVALID_FIELD", "replies come to leased senders only; leave From out"));
    }
    Ok(())
}

fn check_text(call: &Call<'_>, text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::new("INVALID_TEXT", "Text is empty"));
    }
    let segments = call.account.profile.count(text);
    let max = match segments.encoding {
        Encoding::Gsm7 => MAX_SEPTETS,
        Encoding::Ucs2 => MAX_CODE_UNITS,
    };
    if segments.units > max {
        return Err(Refusal::new("INVALID_TEXT", "Text is too long"));
    }
    Ok(())
}

/// When a message with this schedule is due, counted from the gateway's start.
fn due(call: &Call<'_>, schedule: i64) -> Result<Duration, Refusal> {
    let at = UnixMillis(schedule.saturating_mul(1_000));
    let ahead = at.0.saturating_sub(call.now.0);
    if ahead > HORIZON_MS {
        return Err(Refusal::new("INVALID_SCHEDULE", "Schedule is more than 14 days ahead"));
    }
    if ahead <= -GRACE_MS {
        return Err(Refusal::new("INVALID_SCHEDULE", "Schedule is an hour past or more"));
    }
    Ok(call.since_start(at))
}

/// `+` and the digits of a number.
fn number(text: &str) -> Option<Msisdn> {
    let digits = text.strip_prefix('+')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| is_number).and_then(Msisdn::from_digits)
}

/// A number, or 1 to 11 letters, digits and spaces with a letter among them.
fn is_sender(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b' ';
    let is_name =
        text.len() <= 11 && text.bytes().all(fits) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    is_name || number(text).is_some()
}

/// 34 letters and digits: 26 of the request's and 6 of the place among its messages.
fn id(bits: u128, place: u64) -> String {
    const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let sign = |bits: u128| char::from(SIGNS[usize::from((bits & 31).to_le_bytes()[0])]);
    let request = (0..26).map(|index| sign(bits >> (5 * index)));
    let item = (0..6).map(|index| sign(u128::from(place) >> (5 * index)));
    "MG".chars().chain(request).chain(item).collect()
}

/// The body as JSON, or the refusal of it.
fn body<T: serde::de::DeserializeOwned>(call: &Call<'_>) -> Result<T, Reply> {
    let invalid = |text: String| Refusal::new("INVALID_BODY", text).reply(400);
    if !call.request.is_of_type("application/json") {
        return Err(invalid("the body is not application/json".to_owned()));
    }
    serde_json::from_slice(&call.request.body)
        .map_err(|fault| invalid(format!("the body is not understood: {fault}")))
}

fn seconds(time: UnixMillis) -> i64 {
    time.0.div_euclid(1_000)
}

fn time(time: UnixMillis) -> Tree {
    Tree::Number(seconds(time).to_string())
}

const NO_FUNDS: &str = "INSUFFICIENT_FUNDS";

/// A provider error, of a request or of one message: its code word, and a text for people.
struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn tree(&self) -> Tree {
        Tree::Group(vec![("ErrorCode", self.code.into()), ("Message", self.message.as_str().into())])
    }

    fn reply(&self, status: u16) -> Reply {
        json(status, &Tree::Group(vec![("ResponseStatus", self.tree())]))
    }
}

fn json(status: u16, body: &Tree) -> Reply {
    Reply::new(status, "application/json; charset=utf-8", body.json())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_numbers_or_short_names_with_a_letter() {
        for (text, taken) in [
            ("+61491570157", true),
            ("ShopAlert", true),
            ("Shop Alert1", true),
            ("7 Eleven", true),
            ("TwelveCharsX", false),
            ("Shop-Alert", false),
            ("61491570157", false),
            ("12345", false),
            ("+0491570157", false),
            ("+", false),
            ("Café", false),
        ] {
            assert_eq!(is_sender(text), taken, "{text:?}");
        }
    }

    #[test]
    fn ids_differ_by_request_and_by_place() {
        let ids = [id(0, 0), id(0, 1), id(0, 99), id(1, 0), id(u128::MAX, 0), id(u128::MAX, 31)];
        for (index, id) in ids.iter().enumerate() {
            assert_eq!((id.len(), &id[..2]), (34, "MG"));
            assert!(!ids[..index].contains(id), "{id}");
        }
    }
}
