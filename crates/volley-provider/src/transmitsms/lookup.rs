//! Whether a request whose answer was lost was taken.
//!
//! First the messages of the time around it to its first recipient, which gives the provider's id;
//! then the recipients of that id, page by page, until all of them and nobody else were seen. The
//! cursor says which of the two is being read. Whether a scheduled message is listed before its
//! time is not documented, so not seeing it proves nothing until then.

use super::{CLOCK, TransmitSms, questions};
use crate::{
    inquiry::{Cursor, Inquiry, Lost, Sighting},
    reading::{self, Object},
    sighting::{self, MAX_PAGES, Match, Roll},
};
use jiff::Timestamp;
use questions::{Paging, ROWS};
use serde_json::Value;
use std::fmt;
use volley_core::{Msisdn, UnixMillis};

/// What the provider puts something else in place of ("Send SMS").
const PLACEHOLDERS: [&str; 2] = ["[tracked-link]", "[unsub-reply-link]"];

/// What is being read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A page of the messages, and the one that fits so far.
    Messages { page: u64, fits: Option<String> },
    /// A page of the recipients of the one that fits.
    Recipients { id: String, page: u64, roll: Roll },
}

impl Step {
    /// The step that a cursor stands for; the first for one that is none of ours.
    fn of(cursor: &Cursor) -> Self {
        let words: Vec<&str> = cursor.0.split(' ').collect();
        let step = match words[..] {
            ["messages", page] => page.parse().ok().map(|page| Self::Messages { page, fits: None }),
            ["messages", page, id] => {
                page.parse().ok().map(|page| Self::Messages { page, fits: Some(id.to_owned()) })
            }
            ["recipients", id, page, seen, sum] => {
                let (page, roll) = (page.parse().ok(), Roll::of_words(seen, sum));
                page.zip(roll).map(|(page, roll)| Self::Recipients { id: id.to_owned(), page, roll })
            }
            _ => None,
        };
        step.unwrap_or(Self::Messages { page: 1, fits: None })
    }
}

/// As a cursor; an id has no blanks in it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages { page, fits: None } => write!(f, "messages {page}"),
            Self::Messages { page, fits: Some(id) } => write!(f, "messages {page} {id}"),
            Self::Recipients { id, page, roll } => write!(f, "recipients {id} {page} {}", roll.words()),
        }
    }
}

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
    Some(match Step::of(cursor) {
        Step::Messages { page, fits } => {
            let (from, until) = span(&lost);
            let fields = [
                ("start", &*clock(from)?),
                ("end", &clock(until)?),
                ("msisdn", &first.digits().to_string()),
                ("page", &page.to_string()),
                ("max", &ROWS.to_string()),
            ];
            questions::ask(account, "get-user-sms-sent", &fields, texts, move |object, reply| {
                Ok(messages(object, &lost, first, page, fits, reply.at))
            })
        }
        Step::Recipients { id, page, roll } => {
            let asked = id.clone();
            questions::recipients(account, &asked, page, texts, move |object, _| {
                Ok(recipients(object, &lost, &id, page, roll))
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
    mut fits: Option<String>,
    now: UnixMillis,
) -> Sighting {
    let Some(rows) = reading::list(object, "messages") else {
        return sighting::undecidable("the answer has no list of messages");
    };
    for row in rows {
        let row = row.as_object().map_or(Match::Unclear, |row| compare(row, lost, first));
        match row {
            Match::Other => {}
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
    match (Paging::of(object, page, rows.len()), fits) {
        (Paging::Lost, _) => sighting::undecidable("the list of messages does not say where it ends"),
        (Paging::Next(page), _) if page > MAX_PAGES => {
            sighting::undecidable("the list of messages is too long to be looked through")
        }
        (Paging::Next(page), fits) => sighting::onward(Step::Messages { page, fits }.to_string()),
        (Paging::Last, Some(id)) => {
            let step = Step::Recipients { id, page: 1, roll: Roll::default() };
            sighting::onward(step.to_string())
        }
        (Paging::Last, None) if lost.call.send_at.is_some_and(|at| at > now) => {
            sighting::undecidable("a scheduled message may show in the list only when it was sent")
        }
        (Paging::Last, None) => sighting::absent(),
    }
}

/// Whether a row of the list is the lost request.
fn compare(row: &Object, lost: &Lost, first: Msisdn) -> Match {
    let (from, until) = span(lost);
    let to = reading::field(row, "msisdn").and_then(reading::number);
    let at = reading::field(row, "sent_at").and_then(Value::as_str).and_then(reading::moment_utc);
    // A sender with letters may well be missing: the provider documents a number here.
    let sender = reading::text(row, "caller_id").filter(|sender| !matches!(sender.trim(), "" | "0"));
    let other_sender = lost.call.sender.as_deref().zip(sender.as_deref());
    let differs = to.is_some_and(|to| to != first)
        || at.is_some_and(|at| at < from || at > until)
        || other_sender.is_some_and(|(ours, theirs)| without_plus(ours) != without_plus(theirs));
    if differs {
        return Match::Other;
    }
    let text = reading::text(row, "message");
    match text.map(|text| is_filled_in(&lost.call.chunk.texts[0], &text)) {
        Some(false) => Match::Other,
        None => Match::Unclear,
        Some(true) => match reading::field(row, "message_id").and_then(reading::id) {
            Some(id) => Match::Ours(id),
            None => Match::Unclear,
        },
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

/// What one page of the recipients of request `id` shows.
fn recipients(object: &Object, lost: &Lost, id: &str, page: u64, mut roll: Roll) -> Sighting {
    let Some(rows) = reading::list(object, "recipients") else {
        return sighting::undecidable("the answer has no list of recipients");
    };
    let numbers = rows.iter().map(|row| reading::number(row.get("msisdn")?));
    if let Err(end) = roll.tick(id, &lost.call.chunk, numbers) {
        return end;
    }
    match Paging::of(object, page, rows.len()) {
        Paging::Next(page) => {
            sighting::onward(Step::Recipients { id: id.to_owned(), page, roll }.to_string())
        }
        Paging::Last => roll.verdict(id, &lost.call.chunk),
        Paging::Lost => sighting::undecidable("the list of recipients does not say where it ends"),
    }
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

    #[test]
    fn a_cursor_is_read_back_as_it_was_written_and_a_strange_one_starts_again() {
        let start = Step::Messages { page: 1, fits: None };
        for step in [
            start.clone(),
            Step::Messages { page: 7, fits: Some("512340077".to_owned()) },
            Step::Recipients { id: "512340077".to_owned(), page: 2, roll: Roll::default() },
        ] {
            assert_eq!(Step::of(&Cursor(step.to_string())), step);
        }
        for strange in ["", "x", "messages", "messages x", "recipients 1 2 3", "recipients 1 2 x 0"] {
            assert_eq!(Step::of(&Cursor(strange.to_owned())), start, "{strange}");
        }
    }
}
