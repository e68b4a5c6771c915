//! MultiTEL, API v3: `sendsms`, a form in, JSON out, the result's code inside the body.
//!
//! What the provider's pages say is enforced: Basic credentials, digits with the country code and
//! without `+` for both numbers, a sender that is a number, `media` that is a JPEG or PNG picture
//! in Base64, and `cost` as `permsg` times `parts`. What they leave open is decided by the
//! account's habits (text or number for the code; whether the HTTP status tells of a refusal,
//! too; whether `chars` counts) or like this: a parameter that this gateway does not know, or one
//! that stands twice, is code 400; `response` says `Failed` where the code is not 200, and is
//! missing where the caller may not call; a well-formed number outside of the area that is served
//! (North America) is code 200 with a `causecode` that is not 0. A JSON object is taken as well as
//! a form. A picture changes nothing about the price.

use super::{
    Call, Served,
    fields::{FORM, Fields},
    mesms::uuid,
};
use crate::{
    Account, CodeForm, ErrorPlace, Habits,
    callbacks::{CallbackTo, Carries, Report},
    delivery::State,
    http::{Reply, Request},
    ledger::Batch,
    tree::Tree,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use volley_core::{MAX_SEGMENTS, Micros, Msisdn};

/// The cause of a refusal of a number that is not served; the pages show 0 alone.
const NOT_SERVED: u64 = 21;

/// The account whose user name and password stand in the request's Basic credentials. Who is not
/// known is answered in the manner of the first account.
pub(super) fn account<'a>(
    accounts: impl Iterator<Item = (usize, &'a Account)>,
    request: &Request,
) -> Result<usize, Reply> {
    let mut accounts = accounts.peekable();
    let habits = accounts.peek().map_or_else(Habits::default, |(_, account)| account.habits);
    let found = request.basic().and_then(|(name, password)| {
        accounts.find(|(_, account)| account.key == name && account.secret == password)
    });
    let refusal = || Refusal::new(401, "user name or password is missing or wrong").reply(habits);
    found.map(|(index, _)| index).ok_or_else(refusal)
}

/// In the manner of the first account.
pub(super) fn throttled<'a>(mut accounts: impl Iterator<Item = &'a Account>) -> Reply {
    let habits = accounts.next().map_or_else(Habits::default, |account| account.habits);
    Refusal::new(429, "too many requests; this one was dropped").reply(habits)
}

pub(super) fn serve(call: &mut Call<'_>) -> Served {
    let request = call.request;
    let answered = match (&*request.method, &*request.path) {
        ("POST", "/v3/sendsms") => send(call),
        (_, "/v3/sendsms") => Err(Refusal::new(405, "sendsms is called by POST")),
        _ => Err(Refusal::new(404, "no such call")),
    };
    answered.unwrap_or_else(|refusal| refusal.reply(call.account.habits).into())
}

fn send(call: &mut Call<'_>) -> Result<Served, Refusal> {
    let sent = parameters(call.request)?;
    sent.check(&["from", "to", "text", "media", "notifyurl", "reference"]).map_err(Refusal::bad)?;
    if !call.account.may_send {
        return Err(Refusal::new(403, "this account may not send"));
    }
    let needed = |name| sent.filled(name).ok_or_else(|| Refusal::bad(format!("{name} is missing")));
    let (from, to, text) = (needed("from")?, needed("to")?, needed("text")?);
    if number(from).is_none() || !call.approves(from) {
        return Err(Refusal::bad("from is not an SMS number of this account"));
    }
    let to = number(to).ok_or_else(|| Refusal::bad("to is not digits with the country code"))?;
    if call.account.profile.count(text).count > MAX_SEGMENTS {
        return Err(Refusal::bad("text has more parts than can be sent"));
    }
    if sent.get("media").is_some_and(|media| !is_picture(media)) {
        return Err(Refusal::bad("media is not a JPEG or PNG picture in Base64"));
    }
    let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    let notify = sent.filled("notifyurl");
    if notify.is_some_and(|url| !is_url(url)) {
        return Err(Refusal::bad("notifyurl is not a URL"));
    }
    let habits = call.account.habits;
    if !(is_north_american(to) || call.account.foreign_numbers) {
        let members = vec![
            ("status", "Failed".into()),
            ("message", "the destination is not served".into()),
            ("causecode", NOT_SERVED.into()),
        ];
        return Ok(reply(habits, 200, "", Some(Tree::Group(members))).into());
    }
    let no_funds = || Refusal::new(402, "not enough balance");
    let bill = call.bill(text, &[to]).ok_or_else(no_funds)?;
    if !call.charge(bill.total) {
        return Err(no_funds());
    }
    let id = uuid(call.bits);
    let chars = if habits.counts_chars { text.chars().count() as u64 } else { 0 };
    let mut members = vec![
        ("status", "Success".into()),
        ("message", "Message queued".into()),
        ("causecode", 0.into()),
        ("uniqueid", id.as_str().into()),
    ];
    members.extend(call.tells_price.then(|| ("cost", bill.total.into())));
    members.extend([("chars", chars.into()), ("parts", bill.parts.into())]);
    let each = each(bill.total, bill.parts).filter(|_| call.tells_price);
    members.extend(each.map(|amount| ("permsg", amount.into())));
    members.push(("pid", format!("{:010X}{id}", call.number).into()));
    let batch = Batch {
        id,
        numbers: [to].into(),
        sender: Some(from.into()),
        text: text.into(),
        bill,
        due: None,
        reference: sent.filled("reference").map(str::to_owned),
        callback: notify.map(|url| CallbackTo {
            url: url.to_owned(),
            carries: Carries::Form,
            fields: report,
            signed_as: None,
        }),
    };
    Ok(Served { reply: reply(habits, 200, "", Some(Tree::Group(members))), taken: vec![batch] })
}

/// The price of each of `parts` where they cost `total`; `None` where that is no whole millionth.
fn each(total: Micros, parts: u64) -> Option<Micros> {
    let parts = i64::try_from(parts).ok().filter(|&parts| parts > 0)?;
    (total.0 % parts == 0).then(|| Micros(total.0 / parts))
}

/// What is posted to `notifyurl`; the names and words are assumed, no page shows them.
fn report(report: &Report<'_>) -> Option<Vec<(&'static str, String)>> {
    let status = match report.state {
        State::Pending => "sent",
        State::Delivered => "delivered",
        State::Failed => "failed",
        State::Invalid | State::Expired => "undelivered",
        State::Blocked => "rejected",
        State::Timeout => return None,
    };
    let mut fields = vec![("uniqueid", report.id.to_owned())];
    fields.extend(report.reference.map(|reference| ("reference", reference.to_owned())));
    fields.extend(report.sender.map(|sender| ("from", sender.to_owned())));
    fields.extend([("to", report.to.digits().to_string()), ("status", status.to_owned())]);
    Some(fields)
}

/// The country code and the digits, without `+`.
fn number(text: &str) -> Option<Msisdn> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| digits).and_then(Msisdn::from_digits)
}

/// Whether `to` is a number of the North American plan: 1, then two groups that begin with 2 to 9.
fn is_north_american(to: Msisdn) -> bool {
    let digits = to.digits();
    let starts_well = |digit: u64| (2..=9).contains(&(digit % 10));
    digits / 10_000_000_000 == 1 && starts_well(digits / 1_000_000_000) && starts_well(digits / 1_000_000)
}

/// Whether `encoded` is a file that begins as a JPEG or a PNG does.
fn is_picture(encoded: &str) -> bool {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    const JPEG: &[u8] = b"\xFF\xD8\xFF";
    STANDARD.decode(encoded).is_ok_and(|file| file.starts_with(PNG) || file.starts_with(JPEG))
}

/// The parameters in the body, a form or a JSON object.
fn parameters(request: &Request) -> Result<Fields, Refusal> {
    if request.is_of_type(FORM) {
        Ok(Fields::of_form(&request.body))
    } else if request.is_of_type("application/json") {
        Fields::of_json(&request.body).map_err(Refusal::bad)
    } else {
        Err(Refusal::bad(format!("the body is not {FORM}")))
    }
}

/// A provider error: its code, and a text for people.
struct Refusal {
    code: u16,
    message: String,
}

impl Refusal {
    fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    fn reply(self, habits: Habits) -> Reply {
        let response = match self.code {
            401 | 403 => None,
            _ => Some(Tree::Group(vec![("status", "Failed".into())])),
        };
        reply(habits, self.code, &self.message, response)
    }
}

/// An answer with this code in its body, and in its HTTP status where the account shows it there.
fn reply(habits: Habits, code: u16, message: &str, response: Option<Tree>) -> Reply {
    let status = match habits.errors {
        ErrorPlace::Body => 200,
        ErrorPlace::Status => code,
    };
    let code = match habits.code {
        CodeForm::Text => Tree::Text(code.to_string()),
        CodeForm::Number => u64::from(code).into(),
    };
    let head = Tree::Group(vec![("code", code), ("msg", message.into())]);
    let mut members = vec![("status", head)];
    members.extend(response.map(|response| ("response", response)));
    Reply::new(status, "application/json", Tree::Group(members).json())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_north_america_are_told_from_others() {
        for (digits, is) in [
            (15_555_550_100, true),
            (12_025_550_143, true),
            (11_025_550_143, false),
            (12_021_550_143, false),
            (61_491_570_006, false),
            (5_555_550_100, false),
            (155_555_501_000, false),
        ] {
            let to = Msisdn::from_digits(digits).expect("a number");
            assert_eq!(is_north_american(to), is, "{digits}");
        }
    }

    #[test]
    fn the_price_of_a_part_is_told_where_it_is_whole() {
        for (total, parts, part) in [(30_000, 2, Some(15_000)), (0, 3, Some(0)), (10, 3, None), (10, 0, None)]
        {
            assert_eq!(each(Micros(total), parts), part.map(Micros), "{total} for {parts}");
        }
    }
}
