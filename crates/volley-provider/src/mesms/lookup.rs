//! Whether a request whose answer was lost was taken.
//!
//! The provider keeps no word of ours, so a request is known by what it carried: sender, text,
//! time, number of recipients, and when it came. The list of messages, newest first, gives the id
//! of the one that fits; its recipients, page by page, prove it. Two that fit cannot be told
//! apart. The names of the list's fields are assumed, so a row that lacks one is not taken for
//! another message.

use super::{
    MeSms,
    questions::{self, Onward},
};
use crate::{
    call,
    http::Method,
    inquiry::{Cursor, Inquiry, Lost, Sighting},
    reading::{self, Object},
    sighting::{self, MAX_PAGES, Match, Roll},
};
use jiff::Timestamp;
use serde_json::Value;
use std::fmt;
use volley_core::UnixMillis;

/// Messages a page.
const ROWS: u64 = 100;

/// What is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A page of the messages, and the one that fits so far.
    Messages { page: u64, fits: Option<String> },
    /// The recipients, behind `after`, of the one that fits.
    Recipients { id: String, after: String, roll: Roll },
}

impl Step {
    /// The step that a cursor stands for; the first for one that is none of ours.
    fn of(cursor: &Cursor) -> Self {
        let words: Vec<&str> = cursor.0.split(' ').collect();
        let step =
            match words[..] {
                ["messages", page] => page.parse().ok().map(|page| Self::Messages { page, fits: None }),
                ["messages", page, id] => {
                    page.parse().ok().map(|page| Self::Messages { page, fits: Some(id.to_owned()) })
                }
                ["recipients", id, after, seen, sum] => Roll::of_words(seen, sum)
                    .map(|roll| Self::Recipients { id: id.to_owned(), after: after.to_owned(), roll }),
                _ => None,
            };
        step.unwrap_or(Self::Messages { page: 1, fits: None })
    }
}

/// As a cursor; neither an id nor a cursor of the provider's has blanks in it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages { page, fits: None } => write!(f, "messages {page}"),
            Self::Messages { page, fits: Some(id) } => write!(f, "messages {page} {id}"),
            Self::Recipients { id, after, roll } => write!(f, "recipients {id} {after} {}", roll.words()),
        }
    }
}

/// One look. `None` for a request that carried nothing to anybody.
pub(super) fn look(account: &MeSms, lost: &Lost, cursor: &Cursor) -> Option<Inquiry<Sighting>> {
    lost.call.chunk.recipients.first()?;
    let (lost, texts) = (lost.clone(), lost.call.chunk.texts.clone());
    texts.first()?;
    match Step::of(cursor) {
        Step::Messages { page, fits } => {
            let path = format!("{}?page={page}&limit={ROWS}", account.paths.list);
            let request = account.request(Method::Get, &path);
            Some(questions::ask(account, request, texts, move |object| {
                Ok(messages(object, &lost, page, fits))
            }))
        }
        Step::Recipients { id, after, roll } => {
            let (uuid, from) = (id.clone(), after.clone());
            questions::recipients(account, &uuid, &from, texts, move |object| {
                Ok(recipients(object, &lost, &id, &after, roll))
            })
        }
    }
}

/// What one page of messages shows.
fn messages(object: &Object, lost: &Lost, page: u64, mut fits: Option<String>) -> Sighting {
    let Some(rows) = reading::list(object, "messages") else {
        return sighting::undecidable("the answer has no list of messages");
    };
    if reading::field(object, "page").and_then(reading::count).is_some_and(|told| told != page) {
        return sighting::undecidable("another page of messages came than was asked for");
    }
    let (from, _) = sighting::by_their_clock(lost.from, lost.until);
    let mut older = false;
    for row in rows {
        let Some(row) = row.as_object() else {
            return sighting::undecidable("a message in the list says too little of itself");
        };
        match compare(row, lost) {
            Match::Other => older |= came(row).is_some_and(|at| at < from),
            Match::Unclear => {
                return sighting::undecidable("a message in the list says too little of itself");
            }
            Match::Ours(id) => match &fits {
                Some(other) if *other != id => {
                    return sighting::undecidable(&format!("messages {other} and {id} both look like it"));
                }
                _ => fits = Some(id),
            },
        }
    }
    // Newest first: behind an older one there are only older ones.
    match (rows.is_empty() || older, fits) {
        (false, _) if page >= MAX_PAGES => {
            sighting::undecidable("the list of messages is too long to be looked through")
        }
        (false, fits) => sighting::onward(Step::Messages { page: page + 1, fits }.to_string()),
        (true, Some(id)) => {
            let step = Step::Recipients { id, after: "0".to_owned(), roll: Roll::default() };
            sighting::onward(step.to_string())
        }
        (true, None) => sighting::absent(),
    }
}

/// When a message came, where it says so for sure.
fn came(row: &Object) -> Option<UnixMillis> {
    reading::moment(row.get("createdAt")?.as_str()?)
}

/// Whether a row of the list is the lost request.
fn compare(row: &Object, lost: &Lost) -> Match {
    let call = &lost.call;
    let (from, until) = sighting::by_their_clock(lost.from, lost.until);
    let at = came(row);
    let sender = reading::text(row, "sender");
    let text = reading::text(row, "content");
    let recipients = reading::field(row, "recipients").and_then(reading::count);
    let ours_at = call.send_at.and_then(|at| call::whole_second(at).ok()).map(Timestamp::as_millisecond);
    let told_at = reading::field(row, "scheduledTime");
    let theirs_at = told_at.and_then(Value::as_str).and_then(reading::moment).map(|at| at.0);
    let differs = at.is_some_and(|at| at < from || at > until)
        || sender.is_some_and(|sender| call.sender.as_deref().is_some_and(|ours| ours != sender.trim()))
        || text
            .as_ref()
            .is_some_and(|text| sighting::compared(text) != sighting::compared(&call.chunk.texts[0]))
        || recipients.is_some_and(|recipients| recipients != u64::from(call.chunk.len()))
        || theirs_at.is_some_and(|theirs| ours_at != Some(theirs));
    if differs {
        return Match::Other;
    }
    let has_its_time = theirs_at.is_some() || (ours_at.is_none() && told_at.is_none());
    match reading::field(row, "uuid").and_then(reading::id) {
        Some(id) if at.is_some() && text.is_some() && has_its_time => Match::Ours(id),
        _ => Match::Unclear,
    }
}

/// What one page of the recipients of message `id` shows.
fn recipients(object: &Object, lost: &Lost, id: &str, after: &str, mut roll: Roll) -> Sighting {
    let Some(rows) = reading::list(object, "recipients") else {
        return sighting::undecidable("the answer has no list of recipients");
    };
    let numbers = rows.iter().map(|row| questions::number(row.get("msisdn")?));
    if let Err(end) = roll.tick(id, &lost.call.chunk, numbers) {
        return end;
    }
    match Onward::of(object, after, rows.len()) {
        Onward::Next(after) => {
            sighting::onward(Step::Recipients { id: id.to_owned(), after, roll }.to_string())
        }
        Onward::Last => roll.verdict(id, &lost.call.chunk),
        Onward::Lost => sighting::undecidable("the list of recipients does not say where it ends"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_as_it_was_written_and_a_strange_one_starts_again() {
        let start = Step::Messages { page: 1, fits: None };
        for step in [
            start.clone(),
            Step::Messages { page: 7, fits: Some("0d8f7c52".to_owned()) },
            Step::Recipients { id: "0d8f7c52".to_owned(), after: "c-41".to_owned(), roll: Roll::default() },
        ] {
            assert_eq!(Step::of(&Cursor(step.to_string())), step);
        }
        for strange in ["", "x", "messages", "messages x", "recipients 1 2 3", "recipients 1 2 x 0"] {
            assert_eq!(Step::of(&Cursor(strange.to_owned())), start, "{strange}");
        }
    }
}
