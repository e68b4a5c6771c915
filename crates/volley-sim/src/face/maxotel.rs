//! MaxoTel, its SMS API: `sms/send` and `sms/list`, a form or a query in, JSON out.
//!
//! One number a request, in the Australian form `04XXXXXXXX` alone; the key is a parameter. What
//! the provider's pages say is enforced: which fields must be there, the number's form, and the
//! shapes of success and failure, where a failed log-in names no request. Where they leave room,
//! this gateway is the strict one: a parameter that it does not know, or one that stands twice,
//! is `VALIDATION`; a sender is an Australian mobile number or 1 to 11 letters and digits. The
//! words `PERMISSION`, `METHOD`, `BILLING` and `LIMIT`, and the status 402, are this gateway's
//! own, because the pages show none. A JSON object is taken as well as a form. Every inbox is
//! taken, and none is listed. Not here: reading an inbox (404).

use super::{
    Call, Served,
    fields::{FORM, Fields},
};
use crate::{
    Account, Receipt,
    http::{Reply, Request},
    ledger::Batch,
    tree::Tree,
};
use volley_core::{MAX_SEGMENTS, Msisdn};

/// The account whose key is among the parameters.
pub(super) fn account<'a>(
    mut accounts: impl Iterator<Item = (usize, &'a Account)>,
    request: &Request,
) -> Result<usize, Reply> {
    let sent = parameters(request).ok();
    let key = sent.as_ref().and_then(|sent| sent.get("key"));
    let found = key.and_then(|key| accounts.find(|(_, account)| account.key == key));
    let refusal = || Refusal::new(401, "AUTHENTICATION", "key is missing or not valid");
    found.map(|(index, _)| index).ok_or_else(|| refusal().reply(None))
}

pub(super) fn throttled() -> Reply {
    Refusal::new(429, "LIMIT", "too many requests; this one was dropped").reply(Some(SEND))
}

pub(super) fn serve(call: &mut Call<'_>) -> Served {
    let request = call.request;
    let known_method = matches!(&*request.method, "GET" | "POST");
    let answered = match method(&request.path).filter(|_| known_method) {
        Some(Method::Send { inbox }) => send(call, inbox),
        Some(Method::List) => list(call),
        None => Err(Refusal::new(404, "METHOD", "no such method")),
    };
    let name = request.path.trim_matches('/');
    answered.unwrap_or_else(|refusal| {
        let name = if matches!(method(name), Some(Method::Send { .. })) { SEND } else { name };
        refusal.reply(Some(name)).into()
    })
}

/// What answers call a send, whichever path it came by.
const SEND: &str = "sms/send";

enum Method<'a> {
    Send {
        /// The inbox that the path names.
        inbox: Option<&'a str>,
    },
    List,
}

/// The method of `/sms/send`, `/sms/12/send` or `/sms/list`, a slash behind it or not.
fn method(path: &str) -> Option<Method<'_>> {
    let path = path.trim_start_matches('/').strip_prefix("sms/")?;
    match path.strip_suffix('/').unwrap_or(path) {
        "send" => Some(Method::Send { inbox: None }),
        "list" => Some(Method::List),
        path => {
            let inbox = path.strip_suffix("/send").filter(|inbox| is_inbox(inbox))?;
            Some(Method::Send { inbox: Some(inbox) })
        }
    }
}

fn send(call: &mut Call<'_>, inbox: Option<&str>) -> Result<Served, Refusal> {
    let sent = parameters(call.request)?;
    check(&sent, &["key", "origin", "destination", "message", "smsInbox", "smsinbox"])?;
    if !call.account.may_send {
        return Err(Refusal::new(403, "PERMISSION", "this key has no permission SMS/Send Messages"));
    }
    let needed = |name| sent.filled(name).ok_or_else(|| Refusal::invalid(format!("no {name} given")));
    let (origin, destination, text) = (needed("origin")?, needed("destination")?, needed("message")?);
    if !(is_origin(origin) && call.approves(origin)) {
        return Err(Refusal::invalid("origin is not a number or sender ID of this account"));
    }
    let to = number(destination)
        .ok_or_else(|| Refusal::invalid("destination is not an Australian mobile, 04XXXXXXXX"))?;
    let inboxes = [inbox, sent.get("smsInbox"), sent.get("smsinbox")];
    if inboxes.iter().flatten().count() > 1 || !inboxes.into_iter().flatten().all(is_inbox) {
        return Err(Refusal::invalid("smsInbox is not an inbox, or there are two"));
    }
    if call.account.profile.count(text).count > MAX_SEGMENTS {
        return Err(Refusal::invalid("message has more parts than can be sent"));
    }
    let no_funds = || Refusal::new(402, "BILLING", "not enough credit");
    let bill = call.bill(text, &[to]).ok_or_else(no_funds)?;
    if !call.charge(bill.total) {
        return Err(no_funds());
    }
    let id = 7_300_000 + call.number;
    let reply = match call.account.habits.receipt {
        Receipt::Plain => Reply::new(200, "text/plain; charset=utf-8", "Successfully sent\n"),
        Receipt::Json => {
            let mut members = vec![("smsid", id.into()), ("parts", bill.parts.into())];
            members.extend(call.tells_price.then(|| ("price", bill.total.into())));
            success(SEND, members)
        }
    };
    let batch = Batch {
        id: id.to_string(),
        numbers: [to].into(),
        sender: Some(origin.into()),
        text: text.into(),
        bill,
        due: None,
        reference: None,
        callback: None,
    };
    Ok(Served { reply, taken: vec![batch] })
}

fn list(call: &Call<'_>) -> Result<Served, Refusal> {
    check(&parameters(call.request)?, &["key"])?;
    Ok(success("sms/list", vec![("count", 0.into()), ("smsinboxes", Tree::Null)]).into())
}

/// `04XXXXXXXX`, and nothing else.
fn number(text: &str) -> Option<Msisdn> {
    let local = text.strip_prefix('0').filter(|rest| rest.starts_with('4') && rest.len() == 9)?;
    let digits: u64 = local.parse().ok().filter(|_| is_digits(local))?;
    Msisdn::from_digits(61_000_000_000 + digits)
}

/// An Australian mobile number with or without its country, or 1 to 11 letters and digits.
fn is_origin(text: &str) -> bool {
    let international = text.strip_prefix('+').unwrap_or(text);
    let local = international.strip_prefix("61").map(|rest| format!("0{rest}"));
    let is_number = number(text).is_some() || local.is_some_and(|local| number(&local).is_some());
    let is_name = (1..=11).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !is_digits(text);
    is_number || is_name
}

/// What can stand for an inbox: letters and digits.
fn is_inbox(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The parameters: the query of a GET; the body of everything else, a form or a JSON object.
fn parameters(request: &Request) -> Result<Fields, Refusal> {
    if request.method == "GET" {
        Ok(Fields::of_form(request.query.as_bytes()))
    } else if request.is_of_type(FORM) {
        Ok(Fields::of_form(&request.body))
    } else if request.is_of_type("application/json") {
        Fields::of_json(&request.body).map_err(Refusal::invalid)
    } else {
        Err(Refusal::invalid(format!("the body is not {FORM}")))
    }
}

fn check(sent: &Fields, known: &[&str]) -> Result<(), Refusal> {
    sent.check(known).map_err(Refusal::invalid)
}

/// A provider error: its status, its class, and a text for people.
struct Refusal {
    status: u16,
    error: &'static str,
    reason: String,
}

impl Refusal {
    fn new(status: u16, error: &'static str, reason: impl Into<String>) -> Self {
        Self { status, error, reason: reason.into() }
    }

    fn invalid(reason: impl Into<String>) -> Self {
        Self::new(400, "VALIDATION", reason)
    }

    /// As the answer to the method called `request`, or to nobody.
    fn reply(self, request: Option<&str>) -> Reply {
        let mut members = vec![("status", 0.into())];
        members.extend(request.map(|name| ("request", name.into())));
        members.extend([("error", self.error.into()), ("reason", self.reason.into())]);
        json(self.status, members)
    }
}

fn success(request: &str, members: Vec<(&'static str, Tree)>) -> Reply {
    let head = [("status", 1.into()), ("request", request.into())];
    json(200, head.into_iter().chain(members).collect())
}

fn json(status: u16, members: Vec<(&'static str, Tree)>) -> Reply {
    Reply::new(status, "application/json", Tree::Group(members).json())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_has_one_form() {
        for (text, digits) in [
            ("0491570006", Some(61_491_570_006)),
            ("491570006", None),
            ("61491570006", None),
            ("+61491570006", None),
            ("0255501234", None),
            ("04915700061", None),
            ("049157000", None),
            ("04915 7000", None),
            ("04+1570006", None),
            ("", None),
        ] {
            assert_eq!(number(text).map(Msisdn::digits), digits, "{text:?}");
        }
    }

    #[test]
    fn an_origin_is_a_mobile_number_or_a_short_name() {
        for (text, taken) in [
            ("0491570156", true),
            ("61491570156", true),
            ("+61491570156", true),
            ("ShopAlert", true),
            ("ElevenChars", true),
            ("TwelveCharsX", false),
            ("Shop Alert", false),
            ("Shop-Alert", false),
            ("0255501234", false),
            ("1234567890", false),
            ("15555550100", false),
            ("Café", false),
            ("", false),
        ] {
            assert_eq!(is_origin(text), taken, "{text:?}");
        }
    }
}
