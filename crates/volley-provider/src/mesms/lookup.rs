//! Whether a request whose answer was lost was taken.
//!
//! The provider keeps no word of ours, so a request is known by what it carried: sender, text,
//! time, number of recipients, and when it came. The list of messages, newest first, gives the ids
//! of those that fit and whose answers never came; their recipients, page by page, tell which one
//! it is. The names of the list's fields are assumed, so a row that lacks one is not taken for
//! another message.

use super::{
    MeSms,
    questions::{self, START},
    settings,
};
use crate::{
    call,
    http::Method,
    inquiry::{Cursor, Inquiry, Lost, Sighting},
    reading::{self, Object},
    sighting::{self, Match, Onward, Search, Step},
};
use jiff::Timestamp;
use serde_json::Value;
use volley_core::UnixMillis;

/// Messages a page.
const ROWS: u64 = 100;

/// One look. `None` for a request that carried nothing to anybody.
pub(super) fn look(account: &MeSms, lost: &Lost, cursor: &Cursor) -> Option<Inquiry<Sighting>> {
    lost.call.chunk.recipients.first()?;
    let (lost, texts) = (lost.clone(), lost.call.chunk.texts.clone());
    texts.first()?;
    let search = Search::of(cursor);
    match search.step.clone() {
        Step::Messages { page } => {
            let path = format!("{}?page={page}&limit={ROWS}", account.paths.list);
            let request = account.request(Method::Get, &path);
            Some(questions::ask(account, request, texts, move |object| {
                Ok(messages(object, &lost, page, search))
            }))
        }
        Step::Recipients { id, place, roll } => {
            let after = place.unwrap_or_else(|| START.to_owned());
            let (uuid, from) = (id.clone(), after.clone());
            questions::recipients(account, &uuid, &from, texts, move |object| {
                let rows = reading::list(object, "recipients");
                let onward = rows.map_or(Onward::Lost, |rows| questions::onward(object, &after, rows.len()));
                let numbers = rows.unwrap_or_default().iter();
                let numbers = numbers.map(|row| questions::number(row.get("msisdn")?));
                Ok(search.recipients((id, roll), &lost.call.chunk, numbers, onward))
            })
        }
    }
}

/// What one page of messages shows.
fn messages(object: &Object, lost: &Lost, page: u64, mut search: Search) -> Sighting {
    let Some(rows) = reading::list(object, "messages") else {
        return sighting::undecidable("the answer has no list of messages");
    };
    if reading::field(object, "page").and_then(reading::count).is_some_and(|told| told != page) {
        return sighting::undecidable("another page of messages came than was asked for");
    }
    let (from, _) = sighting::by_their_clock(lost.from, lost.until);
    let mut older = false;
    for row in rows {
        let row = row.as_object();
        older |= row.and_then(came).is_some_and(|at| at < from);
        if let Err(end) = search.note(row.map_or(Match::Unclear, |row| compare(row, lost))) {
            return end;
        }
    }
    // Newest first: behind an older one there are only older ones.
    if rows.is_empty() || older {
        search.candidate(&lost.call.chunk)
    } else {
        search.page(page.saturating_add(1))
    }
}

/// When a message came, where it says so for sure.
fn came(row: &Object) -> Option<UnixMillis> {
    reading::moment(row.get("createdAt")?.as_str()?)
}

/// Whether a row of the list can be the lost request.
fn compare(row: &Object, lost: &Lost) -> Match {
    let call = &lost.call;
    let id = reading::field(row, "uuid").and_then(reading::id);
    let (from, until) = sighting::by_their_clock(lost.from, lost.until);
    let at = came(row);
    let sender = reading::text(row, "sender");
    let text = reading::text(row, "content");
    let recipients = reading::field(row, "recipients").and_then(reading::count);
    let ours_at = call.send_at.and_then(|at| call::whole_second(at).ok()).map(Timestamp::as_millisecond);
    let told_at = reading::field(row, "scheduledTime");
    let theirs_at = told_at.and_then(Value::as_str).and_then(reading::moment).map(|at| at.0);
    let differs = id.as_ref().is_some_and(|id| lost.known.contains(id))
        || at.is_some_and(|at| at < from || at > until)
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
    match id {
        Some(id) if at.is_some() && text.is_some() && has_its_time && settings::segment(&id).is_some() => {
            Match::Fits(id)
        }
        _ => Match::Unclear,
    }
}
