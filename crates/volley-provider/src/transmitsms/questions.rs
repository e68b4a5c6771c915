//! What can be asked beside sending: balance, senders, what became of messages, and to take a
//! scheduled request back.

use super::TransmitSms;
use crate::{
    http::Reply,
    inquiry::{Balance, Cancelled, Cursor, Inquiry, Page, Sender},
    reading::{self, Object},
};
use form_urlencoded::Serializer;
use serde_json::Value;
use std::sync::Arc;
use volley_core::{Class, Delivery, Failure, Receipt};

/// Rows a page, the most that the provider gives ("Pagination").
pub(super) const ROWS: usize = 100;

/// The question that calls `method` with `fields` and reads what stands under `SUCCESS`. `texts`
/// are those that it is about.
pub(super) fn ask<T>(
    account: &TransmitSms,
    method: &str,
    fields: &[(&str, &str)],
    texts: Vec<Arc<str>>,
    read: impl FnOnce(&Object, &Reply) -> Result<T, Failure> + Send + 'static,
) -> Inquiry<T> {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    let answers = Arc::clone(&account.answers);
    Inquiry::new(account.request(method, &mut form), move |reply| {
        answers.success(&texts, reply).and_then(|object| read(&object, reply))
    })
}

pub(super) fn balance(account: &TransmitSms) -> Inquiry<Balance> {
    ask(account, "get-balance", &[], Vec::new(), |object, _| {
        let amount = reading::field(object, "balance").and_then(reading::signed_amount);
        let amount = amount.ok_or_else(|| Failure::new(Class::NotTheApi, "SUCCESS without a balance"))?;
        Ok(Balance { amount, unit: reading::text(object, "currency").unwrap_or_default() })
    })
}

/// The numbers that the account rents. Names with letters are not among them: the provider lists
/// them in its web app alone.
pub(super) fn senders(account: &TransmitSms, cursor: &Cursor) -> Inquiry<Page<Sender>> {
    let page = page_of(cursor);
    let fields = [("filter", "owned"), ("page", &page.to_string()), ("max", &ROWS.to_string())];
    ask(account, "get-numbers", &fields, Vec::new(), move |object, _| {
        let rows = rows(object, "numbers")?;
        let items = rows.iter().filter_map(Value::as_object).filter_map(|row| {
            let name = reading::text(row, "number").filter(|name| !name.trim().is_empty())?;
            let state = reading::text(row, "status").unwrap_or_else(|| "active".to_owned());
            let usable = state.eq_ignore_ascii_case("active");
            Some(Sender { name, state, usable })
        });
        Ok(Page { items: items.collect(), next: Paging::of(object, page, rows.len()).next() })
    })
}

/// Which code says "too late" is not documented: whoever asked has to look at the receipts.
pub(super) fn cancel(account: &TransmitSms, request_id: &str) -> Inquiry<Cancelled> {
    let mut form = Serializer::new(String::new());
    form.append_pair("id", request_id);
    let answers = Arc::clone(&account.answers);
    Inquiry::new(account.request("cancel-sms", &mut form), move |reply| match answers.success(&[], reply) {
        Ok(object) => Ok(match reading::field(&object, "success") {
            Some(Value::String(word)) if word.trim().eq_ignore_ascii_case("OK") => Cancelled::Done,
            Some(value) if reading::flag(value) == Some(true) => Cancelled::Done,
            _ => Cancelled::Unclear,
        }),
        Err(failure) => match failure.class {
            Class::BadRequest | Class::Conflict | Class::OtherRefusal | Class::UnlistedCode => {
                Ok(Cancelled::Unclear)
            }
            _ => Err(failure),
        },
    })
}

/// Everybody of one request. The provider's filters are left alone: their values are told in two
/// different ways.
pub(super) fn receipts(account: &TransmitSms, request_id: &str, cursor: &Cursor) -> Inquiry<Page<Receipt>> {
    let page = page_of(cursor);
    let asked = request_id.to_owned();
    recipients(account, request_id, page, Vec::new(), move |object, _| {
        let rows = rows(object, "recipients")?;
        let items = rows.iter().filter_map(Value::as_object).filter_map(|row| {
            let to = reading::field(row, "msisdn").and_then(reading::number)?;
            let word = reading::text(row, "delivery_status").filter(|word| !word.is_empty());
            Some(Receipt {
                request_id: Some(asked.clone()),
                to: Some(to),
                delivery: word.as_deref().and_then(delivery),
                code: word.as_deref().map(reading::code),
                opted_out: reading::field(row, "optout").and_then(reading::flag) == Some(true),
                ..Receipt::default()
            })
        });
        Ok(Page { items: items.collect(), next: Paging::of(object, page, rows.len()).next() })
    })
}

/// The question for one page of a request's recipients. An answer about another request is none.
pub(super) fn recipients<T>(
    account: &TransmitSms,
    request_id: &str,
    page: u64,
    texts: Vec<Arc<str>>,
    read: impl FnOnce(&Object, &Reply) -> Result<T, Failure> + Send + 'static,
) -> Inquiry<T> {
    let asked = request_id.to_owned();
    let fields = [("message_id", request_id), ("page", &page.to_string()), ("max", &ROWS.to_string())];
    ask(account, "get-sms-sent", &fields, texts, move |object, reply| {
        let message = object.get("message").and_then(Value::as_object);
        let told = message.and_then(|message| reading::id(message.get("message_id")?));
        match told {
            Some(told) if told != asked => {
                let said = format!("it was asked for message {asked} and told of another one");
                Err(Failure::new(Class::WrongReply, said))
            }
            _ => read(object, reply),
        }
    })
}

/// What the provider's word for a state means ("Webhooks"); the four of them, in any spelling.
pub(super) fn delivery(word: &str) -> Option<Delivery> {
    let word = word.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    Some(match word.as_str() {
        "pending" => Delivery::Queued,
        "delivered" => Delivery::Delivered,
        "soft-bounce" => Delivery::Expired,
        "hard-bounce" => Delivery::Failed,
        _ => return None,
    })
}

/// The rows of a list; a missing list is an empty one.
fn rows<'a>(object: &'a Object, name: &str) -> Result<&'a [Value], Failure> {
    if !object.contains_key(name) {
        return Ok(&[]);
    }
    reading::list(object, name).ok_or_else(|| Failure::new(Class::NotTheApi, format!("`{name}` is no list")))
}

/// The page that a cursor stands for.
fn page_of(cursor: &Cursor) -> u64 {
    cursor.0.parse().ok().filter(|page| *page > 0).unwrap_or(1)
}

/// How a list goes on behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paging {
    /// With this page.
    Next(u64),
    /// Not at all.
    Last,
    /// Nobody can tell: another page came than was asked for, or a full one that does not say how
    /// many there are.
    Lost,
}

impl Paging {
    /// From an answer with so many rows to a question for page `asked`.
    pub(super) fn of(object: &Object, asked: u64, rows: usize) -> Self {
        let page = object.get("page").and_then(Value::as_object);
        let told = |name| page.and_then(|page| reading::count(page.get(name)?));
        match (told("number"), told("count")) {
            _ if rows == 0 => Self::Last,
            (Some(number), _) if number != asked => Self::Lost,
            (_, Some(count)) if asked >= count => Self::Last,
            (_, Some(_)) => asked.checked_add(1).map_or(Self::Last, Self::Next),
            (_, None) if rows < ROWS => Self::Last,
            (_, None) => Self::Lost,
        }
    }

    /// For whoever takes what there is.
    fn next(self) -> Option<Cursor> {
        match self {
            Self::Next(page) => Some(Cursor(page.to_string())),
            Self::Last | Self::Lost => None,
        }
    }
}
