//! What can be asked beside sending: balance, senders, a price, what became of messages, and to
//! take a scheduled one back.

use super::{
    MeSms,
    answer::{credits, segments},
    settings::QuoteBy,
};
use crate::{
    adapter::{SendCall, Unbuildable},
    http::{HttpRequest, Method},
    inquiry::{Balance, Cancelled, Cursor, Inquiry, Page, Quote, Sender},
    reading::{self, Object, Tally},
    sighting::Onward,
};
use form_urlencoded::Serializer;
use serde_json::Value;
use std::sync::Arc;
use volley_core::{Billed, Class, Delivery, Failure, Msisdn, Receipt};

/// Recipients a page. Under what name their number is asked for is assumed, so any other may come.
const ROWS: usize = 500;

/// Where the recipients of a message start ("after").
pub(super) const START: &str = "0";

/// The question that `request` asks, read where its answer holds no error. `texts` are those that
/// it is about.
pub(super) fn ask<T>(
    account: &MeSms,
    request: HttpRequest,
    texts: Vec<Arc<str>>,
    read: impl FnOnce(&Object) -> Result<T, Failure> + Send + 'static,
) -> Inquiry<T> {
    let answers = Arc::clone(&account.answers);
    Inquiry::new(request, move |reply| answers.success(&texts, reply).and_then(|object| read(&object)))
}

pub(super) fn balance(account: &MeSms) -> Inquiry<Balance> {
    let request = account.request(Method::Get, &account.paths.credits);
    ask(account, request, Vec::new(), |object| {
        let amount = ["credits", "balance"].iter().find_map(|name| reading::field(object, name));
        let amount = amount.and_then(reading::signed_amount);
        let amount = amount.ok_or_else(|| Failure::new(Class::NotTheApi, "a success without credits"))?;
        Ok(Balance { amount, unit: "credit".to_owned() })
    })
}

/// All senders at once; those that the provider approved can be used.
pub(super) fn senders(account: &MeSms) -> Inquiry<Page<Sender>> {
    let request = account.request(Method::Get, &account.paths.senders);
    ask(account, request, Vec::new(), |object| {
        let rows = rows(object, "senders")?;
        let items = rows.iter().filter_map(Value::as_object).filter_map(|row| {
            let name = ["name", "sender"].iter().find_map(|name| reading::text(row, name))?;
            let state = reading::text(row, "status").unwrap_or_default();
            let usable = state.eq_ignore_ascii_case("approved");
            Some(Sender { name, state, usable }).filter(|sender| !sender.name.trim().is_empty())
        });
        Ok(Page { items: items.collect(), next: None })
    })
}

/// An answer with the id of a message is a real one: it is told and not asked for again.
pub(super) fn quote(account: &MeSms, call: &SendCall) -> Result<Inquiry<Quote>, Unbuildable> {
    let request = match account.quote_by {
        QuoteBy::Preview => account.send_request(&account.paths.preview, call, "")?,
        QuoteBy::DryRun => account.send_request(&account.paths.send, call, r#","dryRun":true"#)?,
    };
    Ok(ask(account, request, call.chunk.texts.clone(), |object| {
        let is_real = reading::field(object, "dryRun").and_then(reading::flag) == Some(false);
        if is_real || reading::field(object, "uuid").is_some() {
            let said = "asked for a price, it told of a message, which may have been sent; set quote_by";
            return Err(Failure::new(Class::WrongAddress, said));
        }
        let recipients = match Tally::of(object) {
            Tally::Of(recipients) => Some(recipients),
            Tally::Unsaid | Tally::Unreadable => None,
        };
        match (recipients, segments(object), credits(object)) {
            (None, None, Billed::Unknown) => Err(Failure::new(Class::NotTheApi, "a success without a price")),
            (recipients, segments, billed) => Ok(Quote { recipients, segments, billed }),
        }
    }))
}

/// Decided by the code: which status goes with which is not documented.
pub(super) fn cancel(account: &MeSms, uuid: &str) -> Option<Inquiry<Cancelled>> {
    let request = account.request(Method::Post, &account.paths.cancel(uuid)?);
    let (answers, asked) = (Arc::clone(&account.answers), uuid.to_owned());
    Some(Inquiry::new(request, move |reply| {
        let object = reading::object(reply).ok().filter(|_| (200..500).contains(&reply.status));
        let code = object.as_ref().and_then(|object| reading::text(object, "code"));
        match code.as_deref() {
            Some("ALREADY_CANCELLED") => return Ok(Cancelled::Already),
            Some("ALREADY_PROCESSING") => return Ok(Cancelled::TooLate),
            Some("NOT_SCHEDULED") => return Ok(Cancelled::NotScheduled),
            _ => {}
        }
        match answers.success(&[], reply) {
            Ok(object) => {
                is_about(&object, &asked)?;
                let status = reading::text(&object, "status").unwrap_or_default();
                let is_done = matches!(status.trim().to_ascii_lowercase().as_str(), "cancelled" | "canceled");
                Ok(if is_done { Cancelled::Done } else { Cancelled::Unclear })
            }
            // No such message, where it is the API that says so; else the path is a wrong one.
            Err(failure) if failure.class == Class::WrongAddress && object.is_some() => {
                Ok(Cancelled::Unclear)
            }
            Err(failure) => match failure.class {
                Class::BadRequest | Class::Conflict | Class::OtherRefusal | Class::UnlistedCode => {
                    Ok(Cancelled::Unclear)
                }
                _ => Err(failure),
            },
        }
    }))
}

/// Everybody of one message.
pub(super) fn receipts(account: &MeSms, uuid: &str, cursor: &Cursor) -> Option<Inquiry<Page<Receipt>>> {
    let after = if cursor.0.is_empty() { START.to_owned() } else { cursor.0.clone() };
    let asked = uuid.to_owned();
    recipients(account, uuid, &after.clone(), Vec::new(), move |object| {
        let rows = rows(object, "recipients")?;
        let items = rows.iter().filter_map(Value::as_object).filter_map(|row| {
            let to = reading::field(row, "msisdn").and_then(number)?;
            let word = reading::text(row, "status").filter(|word| !word.trim().is_empty());
            Some(Receipt {
                request_id: Some(asked.clone()),
                to: Some(to),
                delivery: word.as_deref().and_then(delivery),
                code: word.as_deref().map(reading::code),
                ..Receipt::default()
            })
        });
        let next = match onward(object, &after, rows.len()) {
            Onward::Next(next) => Some(Cursor(next)),
            Onward::Last | Onward::Lost => None,
        };
        Ok(Page { items: items.collect(), next })
    })
}

/// The question for the recipients of a message behind `after`; `None` for an id that no path can
/// hold. An answer about another message is none.
pub(super) fn recipients<T>(
    account: &MeSms,
    uuid: &str,
    after: &str,
    texts: Vec<Arc<str>>,
    read: impl FnOnce(&Object) -> Result<T, Failure> + Send + 'static,
) -> Option<Inquiry<T>> {
    let path = account.paths.recipients(uuid)?;
    let mut query = Serializer::new(String::new());
    query.append_pair("after", after).append_pair("limit", &ROWS.to_string());
    let request = account.request(Method::Get, &format!("{path}?{}", query.finish()));
    let asked = uuid.to_owned();
    Some(ask(account, request, texts, move |object| {
        is_about(object, &asked)?;
        read(object)
    }))
}

/// That an answer does not name another message than the one that was asked for.
fn is_about(object: &Object, asked: &str) -> Result<(), Failure> {
    match reading::field(object, "uuid").and_then(reading::id) {
        Some(told) if told != asked => {
            let said = format!("it was asked for message {asked} and told of another one");
            Err(Failure::new(Class::WrongReply, said))
        }
        _ => Ok(()),
    }
}

/// What the provider's word for a state means. Its documents list words and meanings apart, in
/// the same order.
fn delivery(word: &str) -> Option<Delivery> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "pending" => Delivery::Queued,
        "success" => Delivery::Delivered,
        "failed" => Delivery::Failed,
        "invalid" => Delivery::Invalid,
        "blocked" => Delivery::Blocked,
        "expired" => Delivery::Expired,
        "timeout" => Delivery::NoReport,
        _ => return None,
    })
}

/// A number as the provider writes it: `66800000001`, or `0800000001` as it is dialled in Thailand.
pub(super) fn number(value: &Value) -> Option<Msisdn> {
    let national =
        value.as_str().and_then(|text| text.trim().strip_prefix('0')).filter(|rest| rest.len() == 9);
    match national {
        Some(rest) => reading::number_word(&format!("66{rest}")),
        None => reading::number(value),
    }
}

/// The rows of a list; a missing list is an empty one.
fn rows<'a>(object: &'a Object, name: &str) -> Result<&'a [Value], Failure> {
    if !object.contains_key(name) {
        return Ok(&[]);
    }
    reading::list(object, name).ok_or_else(|| Failure::new(Class::NotTheApi, format!("`{name}` is no list")))
}

/// How the recipients go on, from a page with so many rows behind `after`. Nobody can tell where
/// the cursor is missing, or not behind the one that was asked with.
pub(super) fn onward(object: &Object, after: &str, rows: usize) -> Onward {
    let more = reading::field(object, "hasMore").and_then(reading::flag);
    if rows == 0 || more == Some(false) {
        return Onward::Last;
    }
    let next = reading::field(object, "nextCursor").and_then(reading::id);
    let Some(next) = next else { return if more == Some(true) { Onward::Lost } else { Onward::Last } };
    let advances = match (next.parse::<u64>(), after.parse::<u64>()) {
        (Ok(next), Ok(after)) => next > after,
        _ => next != after,
    };
    if advances { Onward::Next(next) } else { Onward::Lost }
}
