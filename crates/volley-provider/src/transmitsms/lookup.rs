//! Whether a request whose answer was lost was taken.
//!
//! First the messages of the time around it to its first recipient, which gives the provider's ids
//! of those that fit and whose answers never came; then their recipients, page by page, which tell
//! which one it is. Whether a scheduled message is listed before its time is not documented, so not
//! seeing it proves nothing until then.

use super::{CLOCK, TransmitSms, questions};
use crate::{
    inquiry::{Cursor, Inquiry, Lost, Sighting},
    reading::{self, Object},
    sighting::{self, Doubt, Match, Onward, Search, Step},
};
use jiff::Timestamp;
use questions::{Paging, ROWS};
use serde_json::Value;
use volley_core::{Msisdn, UnixMillis};

/// What the provider puts something else in place of ("Send SMS").
const PLACEHOLDERS: [&str; 2] = ["[tracked-link]", "[unsub-reply-link]"];

/// When the lost request can have been sent, by the provider's clock: a scheduled one up to its
/// time.
fn span(lost: &Lost) -> (UnixMillis, UnixMillis) {
    let until = lost.call.send_at.map_or(lost.until, |at| at.max(lost.until));
    sighting::by_their_clock(lost.from, until)
}

/// One look. `None` for a request that carried nothing to anybody.
pub(super) fn look(account: &TransmitSms, lost: &Lost, cursor: &Cursor) -> Option<Inquiry<Sighting>> {
    let first = lost.call.chunk.recipients.first()?.to;
    let (lost, texts) = (lost.clone(), lost.call.chunk.texts.clone());
    texts.first()?;
    let search = Search::of(cursor);
    Some(match search.step.clone() {
        Step::Messages { page } => {
            let (from, until) = span(&lost);
            let fields = [
                ("start", &*clock(from)?),
                ("end", &clock(until)?),
                ("msisdn", &first.digits().to_string()),
                ("page", &page.to_string()),
                ("max", &ROWS.to_string()),
            ];
            questions::ask(account, "get-user-sms-sent", &fields, texts, move |object, reply| {
                Ok(messages(object, &lost, first, page, search, reply.at))
            })
        }
        Step::Recipients { id, place, roll } => {
            // Every place is a page that was asked for before.
            let page = place.and_then(|place| place.parse().ok()).unwrap_or(1);
            let asked = id.clone();
            questions::recipients(account, &asked, page, texts, move |object, _| {
                let rows = reading::list(object, "recipients");
                let onward = match rows.map(|rows| Paging::of(object, page, rows.len())) {
                    Some(Paging::Next(page)) => Onward::Next(page.to_string()),
                    Some(Paging::Last) => Onward::Last,
                    Some(Paging::Lost) | None => Onward::Lost,
                };
                let numbers = rows.unwrap_or_default().iter();
                let numbers = numbers.map(|row| reading::number(row.get("msisdn")?));
                Ok(search.recipients((id, roll), &lost.call.chunk, numbers, onward))
            })
        }
    })
}

/// A moment in the provider's form; `None` outside of the years that have one.
fn clock(at: UnixMillis) -> Option<String> {
    Some(Timestamp::from_millisecond(at.0).ok()?.strftime(CLOCK).to_string())
}

/// What one page of messages shows, read at `now`.
fn messages(
    object: &Object,
    lost: &Lost,
    first: Msisdn,
    page: u64,
    mut search: Search,
    now: UnixMillis,
) -> Sighting {
    let Some(rows) = reading::list(object, "messages") else {
        return sighting::undecidable("the answer has no list of messages");
    };
    for row in rows {
        let row = row.as_object().map_or(Match::Unclear, |row| compare(row, lost, first));
        if let Err(end) = search.note(row) {
            return end;
        }
    }
    match Paging::of(object, page, rows.len()) {
        Paging::Lost => sighting::undecidable("the list of messages does not say where it ends"),
        Paging::Next(page) => search.page(page),
        Paging::Last => {
            if lost.call.send_at.is_some_and(|at| at > now) {
                search.doubt(Doubt::NotYet);
            }
            search.candidate(&lost.call.chunk)
        }
    }
}

/// Whether a row of the list can be the lost request.
fn compare(row: &Object, lost: &Lost, first: Msisdn) -> Match {
    let (from, until) = span(lost);
    let id = reading::field(row, "message_id").and_then(reading::id);
    let to = reading::field(row, "msisdn").and_then(reading::number);
    let at = reading::field(row, "sent_at").and_then(Value::as_str).and_then(reading::moment_utc);
    // A sender with letters may well be missing: the provider documents a number here.
    let sender = reading::text(row, "caller_id").filter(|sender| !matches!(sender.trim(), "" | "0"));
    let other_sender = lost.call.sender.as_deref().zip(sender.as_deref());
    let differs = id.as_ref().is_some_and(|id| lost.known.contains(id))
        || to.is_some_and(|to| to != first)
        || at.is_some_and(|at| at < from || at > until)
        || other_sender.is_some_and(|(ours, theirs)| without_plus(ours) != without_plus(theirs));
    if differs {
        return Match::Other;
    }
    let text = reading::text(row, "message");
    match text.map(|text| is_filled_in(&lost.call.chunk.texts[0], &text)) {
        Some(false) => Match::Other,
        None => Match::Unclear,
        Some(true) => id.map_or(Match::Unclear, Match::Fits),
    }
}

fn without_plus(sender: &str) -> &str {
    let sender = sender.trim();
    sender.strip_prefix('+').unwrap_or(sender)
}

/// Whether `sent` is `text`, with anything in place of each placeholder.
fn is_filled_in(text: &str, sent: &str) -> bool {
    let (text, sent) = (sighting::compared(text), sighting::compared(sent));
    let marked = PLACEHOLDERS.iter().fold(text, |text, placeholder| text.replace(placeholder, "\0"));
    let mut pieces = marked.split('\0');
    let Some(mut rest) = pieces.next().and_then(|piece| sent.strip_prefix(piece)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_stands_for_anything_and_every_other_word_for_itself() {
        for (text, sent, same) in [
            ("Sale ends today", "Sale ends today", true),
            ("Sale ends today", " Sale ends today\r\n", true),
            ("Sale ends\ntoday", "Sale ends\r\ntoday", true),
            ("Sale ends today", "Sale ends today!", false),
            ("Sale ends today", "Sale ends", false),
            ("Sale: [tracked-link]", "Sale: tapth.is/x1", true),
            ("Sale: [tracked-link]!", "Sale: !", true),
            ("Sale: [tracked-link]", "Bargain: tapth.is/x1", false),
            ("Sale: [tracked-link] Stop: [unsub-reply-link]", "Sale: a.b/c Stop: a.b/d", true),
            ("Sale: [tracked-link] Stop: [unsub-reply-link].", "Sale: a.b/c Stop: a.b/d", false),
            ("Sale: [tracked-link] now", "Sale: now", false),
            ("[tracked-link]", "a.b/c", true),
        ] {
            assert_eq!(is_filled_in(text, sent), same, "{text:?} as {sent:?}");
        }
    }
}
