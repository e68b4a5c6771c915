//! Looking at the list of messages: what became of them, and whether a lost request is among them.
//!
//! That the list can be asked for a span of time is a third party's evidence, and how its pages
//! follow each other is that of another list of the same API. So every way is taken to notice
//! that a page is the last one, or the same one again.

use super::{
    message::{Message, field, listed},
    refusal::Refusals,
};
use crate::{
    adapter::SendCall,
    http::Reply,
    inquiry::{Cursor, Next, Page, Sighting},
    reading,
    sighting::compared,
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use volley_core::{Class, Failure, Position, Reason, Receipt, UnixMillis};

/// Messages of one page.
pub(super) const PAGE: u32 = 50;

/// How far around a request is looked for it, in seconds: clocks differ.
pub(super) const MARGIN_S: i64 = 120;

/// A span of time in whole seconds since 1970.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Span {
    /// From the second that `from` is in to the one that ends with or behind `until`, and `margin`
    /// seconds around them.
    pub(super) fn around(from: UnixMillis, until: UnixMillis, margin: i64) -> Self {
        let from = from.0.div_euclid(1_000).saturating_sub(margin).max(0);
        let until = until.0.saturating_add(999).div_euclid(1_000).saturating_add(margin).max(0);
        Self { from, until }
    }

    fn holds(self, at: UnixMillis) -> bool {
        (self.from..=self.until).contains(&at.0.div_euclid(1_000))
    }
}

/// How far the list was read, as a [`Cursor`] in words: the messages to leave out, the first id of
/// the page before, and who was found by number and text so far, `50 MG2 0=MG1,7=MG4`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) skip: u64,
    before: Option<String>,
    found: BTreeMap<u32, String>,
}

/// Where the list goes on behind a page.
enum Onward {
    On(Place),
    End,
    /// The page was the one before it once more, or nothing shows that it was not.
    Stuck,
}

impl Place {
    /// What the words of `cursor` say; anything else is the start.
    pub(super) fn of(cursor: &Cursor) -> Self {
        let mut words = cursor.0.split(' ');
        let Some(skip) = words.next().and_then(|word| word.parse().ok()) else { return Self::default() };
        let before = words.next().filter(|word| !word.is_empty()).map(str::to_owned);
        let found = words.next().unwrap_or_default().split(',').filter_map(|pair| {
            let (index, id) = pair.split_once('=')?;
            Some((index.parse().ok()?, id.to_owned()))
        });
        Self { skip, before, found: found.collect() }
    }

    fn cursor(&self) -> Cursor {
        let mut words = format!("{} {}", self.skip, self.before.as_deref().unwrap_or_default());
        for (index, (recipient, id)) in self.found.iter().enumerate() {
            words.push(if index == 0 { ' ' } else { ',' });
            words.push_str(&format!("{recipient}={id}"));
        }
        Cursor(words)
    }

    /// Behind the page `list` of a body.
    fn behind(&self, list: &[&Value], body: &Value) -> Onward {
        if list.is_empty() {
            return Onward::End;
        }
        let first = list.iter().find_map(|value| Message::of(value)?.id());
        let total = body.as_object().and_then(|body| field(body, "TotalCount")).and_then(reading::count);
        let skip = self.skip.saturating_add(list.len() as u64);
        if first.as_ref().map_or(total.is_none(), |first| self.before.as_ref() == Some(first)) {
            return Onward::Stuck;
        }
        if total.is_some_and(|total| skip >= total) {
            return Onward::End;
        }
        // A cursor is words with blanks between them, and an id has none.
        Onward::On(Self { skip, before: first, found: self.found.clone() })
    }
}

/// The receipts on one page of the list.
pub(super) fn receipts(reply: &Reply, place: &Place, refusals: &Refusals) -> Result<Page<Receipt>, Failure> {
    let body = refusals.success(reply, &[])?;
    let list = list_of(&body, reply, refusals, &[])?;
    let next = match place.behind(&list, &body) {
        Onward::On(place) => Some(place.cursor()),
        Onward::End | Onward::Stuck => None,
    };
    let items = outgoing(&list).filter_map(Message::receipt).collect();
    Ok(Page { items, next })
}

/// The receipt of one message, which was asked for by its id. There is none where the provider
/// says that it knows no such message.
pub(super) fn receipt(reply: &Reply, refusals: &Refusals) -> Result<Page<Receipt>, Failure> {
    let none = Page { items: Vec::new(), next: None };
    let body = match refusals.success(reply, &[]) {
        Ok(body) => body,
        Err(_) if reply.status == 404 && reading::object(reply).is_ok() => return Ok(none),
        Err(failure) => return Err(failure),
    };
    let list = list_of(&body, reply, refusals, &[])?;
    Ok(Page { items: outgoing(&list).filter_map(Message::receipt).collect(), ..none })
}

/// Who of the lost `call` is on one page of the list of `span`.
///
/// A list that shows the `ExternalId` shows ours. One that does not leaves number, text, sender and
/// time; a message that says too little of these may be one of the lost, so nobody can tell.
pub(super) fn sighting(
    reply: &Reply,
    place: &Place,
    refusals: &Refusals,
    call: &SendCall,
    span: Span,
) -> Result<Sighting, Failure> {
    let body = refusals.success(reply, &call.chunk.texts)?;
    let list = list_of(&body, reply, refusals, &call.chunk.texts)?;
    let messages: Vec<Message<'_>> = outgoing(&list).collect();
    let mut taken = BTreeMap::new();
    for one in &messages {
        let position = one.external_id().and_then(|word| call.reference.position(word));
        if let Some(index) = position.and_then(|position| index(call, position)) {
            taken.entry(index).or_insert_with(|| one.id());
        }
    }
    let all_named = taken.len() == call.chunk.recipients.len();
    let shows_ours = messages.iter().any(|one| one.external_id().is_some());
    let mut found = place.found.clone();
    let mut doubt = list.iter().any(|value| !value.is_object()).then_some("a message that cannot be read");
    for one in messages.iter().filter(|_| !shows_ours) {
        match looks(*one, call, span) {
            Looks::Other => {}
            Looks::Unclear => doubt = Some("a message that says too little to be told from ours"),
            Looks::Ours(index, id) => {
                if found.insert(index, id.clone()).is_some_and(|before| before != id) {
                    doubt = Some("two messages fit one recipient, and the list shows no ExternalId");
                }
                taken.insert(index, Some(id));
            }
        }
    }
    let next = match (place.behind(&list, &body), doubt) {
        _ if all_named => Next::Done,
        (_, Some(doubt)) => Next::Undecidable(Reason::from(doubt)),
        (Onward::On(place), None) => Next::Ask(Place { found, ..place }.cursor()),
        (Onward::End, None) => Next::Done,
        (Onward::Stuck, None) => Next::Undecidable(Reason::from("the list shows the same page again")),
    };
    Ok(Sighting { request_id: None, taken: taken.into_iter().collect(), next })
}

/// Whom of a lost call a message without an `ExternalId` can be about.
enum Looks {
    /// Nobody: it differs in something.
    Other,
    /// It says too little, or fits several.
    Unclear,
    /// This recipient, by everything that it says; and its id.
    Ours(u32, String),
}

fn looks(one: Message<'_>, call: &SendCall, span: Span) -> Looks {
    // The provider may send from one of its numbers where it cannot send from a name.
    let other_sender = match (call.sender.as_deref(), one.sender()) {
        (Some(sender), Some(from)) => from != sender && one.sender_number().is_none(),
        (None, _) | (_, None) => false,
    };
    if other_sender || one.created().is_some_and(|at| !span.holds(at)) {
        return Looks::Other;
    }
    let chunk = &call.chunk;
    let mut fitting = (0..).zip(&chunk.recipients).filter(|(_, recipient)| {
        one.to().is_none_or(|to| to == recipient.to)
            && one.text().is_none_or(|text| compared(text) == compared(chunk.text_of(recipient)))
    });
    match (fitting.next(), fitting.next(), one.id()) {
        (None, ..) => Looks::Other,
        (Some((index, _)), None, Some(id)) if one.to().is_some() && one.text().is_some() => {
            Looks::Ours(index, id)
        }
        _ => Looks::Unclear,
    }
}

/// The index in the chunk of whoever stands at `position` of the plan.
fn index(call: &SendCall, position: Position) -> Option<u32> {
    position.0.checked_sub(call.chunk.first.0).filter(|index| *index < call.chunk.len())
}

fn list_of<'a>(
    body: &'a Value,
    reply: &Reply,
    refusals: &Refusals,
    texts: &[Arc<str>],
) -> Result<Vec<&'a Value>, Failure> {
    listed(body).ok_or_else(|| refusals.without_messages(Class::NotTheApi, reply, body, texts))
}

fn outgoing<'a>(list: &[&'a Value]) -> impl Iterator<Item = Message<'a>> {
    list.iter().filter_map(|value| Message::of(value)).filter(|one| !one.is_incoming())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_back_as_it_was_written(
            skip in any::<u64>(),
            before in prop::option::of("[A-Za-z0-9_-]{1,40}"),
            found in prop::collection::btree_map(any::<u32>(), "[A-Za-z0-9_-]{1,40}", 0..5),
        ) {
            let place = Place { skip, before, found };
            prop_assert_eq!(Place::of(&place.cursor()), place);
        }

        #[test]
        fn no_words_stop_a_cursor_from_being_read(words in "\\PC{0,40}") {
            let place = Place::of(&Cursor(words.clone()));
            prop_assert!(place == Place::default() || words.starts_with(|digit: char| digit.is_ascii_digit() || digit == '+'));
        }
    }

    #[test]
    fn a_span_holds_its_whole_seconds_and_never_starts_before_1970() {
        let span = Span::around(UnixMillis(10_500), UnixMillis(20_001), 0);
        assert_eq!((span.from, span.until), (10, 21));
        for (millis, within) in [(9_999, false), (10_000, true), (21_999, true), (22_000, false)] {
            assert_eq!(span.holds(UnixMillis(millis)), within, "{millis}");
        }
        let early = Span::around(UnixMillis(i64::MIN), UnixMillis(i64::MAX), MARGIN_S);
        assert_eq!((early.from, early.until > 0), (0, true));
    }
}
