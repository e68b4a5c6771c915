//! What a reply to a send call says of each recipient.
//!
//! The reply names its messages by our `ExternalId`, by their place, or by number and text; a
//! recipient that none of these leads to is in doubt. A substituted sender is no error.

use super::{
    message::{Message, listed},
    refusal::Refusals,
};
use crate::{http::Reply, reading};
use serde_json::Value;
use std::collections::HashSet;
use volley_core::{
    Answer, Billed, Chunk, Class, Failure, Outcome, Planned, Position, Reason, Reference, Verdict, Verdicts,
};

/// What `reply`, the answer to a request that carried `chunk`, says was done with it.
pub(super) fn outcome(chunk: &Chunk, reply: &Reply, refusals: &Refusals) -> Outcome {
    let texts = &chunk.texts[..];
    let body = match reading::value(reply) {
        Ok(body) => body,
        Err(what) => return refusals.foreign(reply, &what, texts).into(),
    };
    match reply.status {
        200..=299 => answer(chunk, reply, &body, refusals),
        400..=499 => {
            let named = listed(&body).unwrap_or_default();
            let taken = named.into_iter().filter_map(Message::of).any(|one| one.id().is_some());
            // The status says no and the body says yes: nothing is proved.
            let class = if taken { Class::Unmatched } else { Class::of_status(reply.status) };
            refusals.failure(class, reply, &body, texts).into()
        }
        // What is behind a 5xx nobody knows, whatever it says of itself.
        _ => refusals.by_status(reply, &body, texts).into(),
    }
}

fn answer(chunk: &Chunk, reply: &Reply, body: &Value, refusals: &Refusals) -> Outcome {
    let texts = &chunk.texts[..];
    let items: Vec<Option<Message<'_>>> =
        listed(body).unwrap_or_default().into_iter().map(Message::of).collect();
    if items.is_empty() {
        let is_ours = body.is_object() || body.is_array();
        let class = if is_ours { Class::NoId } else { Class::NotTheApi };
        return refusals.without_messages(class, reply, body, texts).into();
    }
    let places = match places(chunk, &items) {
        Ok(places) => places,
        Err(failure) => return failure.into(),
    };
    let said: Vec<Said> = places
        .into_iter()
        .map(|at| match at {
            Some(at) => Said::of(items[at], refusals, chunk),
            None => Said::Nothing("the answer has no message for this recipient"),
        })
        .collect();
    let silent = items.iter().flatten().all(|one| one.id().is_none() && code_of(*one).is_none());
    if silent {
        return Failure::new(Class::NoId, "messages with neither a MessageSid nor an ErrorCode").into();
    }
    if let Some(class) = passing_refusal_of_all(&said) {
        let words = said.iter().find_map(|one| match one {
            Said::NotNow(of, code) if *of == class => Some(code.as_str()),
            _ => None,
        });
        let said = format!("{} {}", reply.status, words.unwrap_or_default());
        return reading::failure(class, reply, refusals.safe(&said, texts)).into();
    }
    Outcome::Answered(Answer {
        request_id: None,
        verdicts: Verdicts::Each(said.into_iter().map(Said::verdict).collect()),
        billed: Billed::Unknown,
        segments: None,
    })
}

/// What the answer says of one recipient.
enum Said {
    Taken {
        id: String,
        segments: Option<u32>,
    },
    Refused(String),
    /// Refused for a reason that passes, which is that of the class.
    NotNow(Class, String),
    Nothing(&'static str),
}

impl Said {
    fn of(item: Option<Message<'_>>, refusals: &Refusals, chunk: &Chunk) -> Self {
        let Some(item) = item else { return Self::Nothing("something in place of a message") };
        let failed = item.status().is_some_and(|status| status.eq_ignore_ascii_case("failed"));
        match (item.id(), code_of(item)) {
            // One that failed at once was taken: its receipt says so again.
            (Some(id), code) if code.is_none() || failed => Self::Taken { id, segments: item.segments() },
            (Some(_), _) => Self::Nothing("an ErrorCode beside a MessageSid"),
            (None, Some(code)) => match refusals.class_of(&code) {
                Some(class) => Self::NotNow(class, code),
                None => Self::Refused(refusals.safe(&code, &chunk.texts)),
            },
            (None, None) => Self::Nothing("a message with neither a MessageSid nor an ErrorCode"),
        }
    }

    fn verdict(self) -> Verdict {
        match self {
            Self::Taken { id, segments } => Verdict::Accepted { id: Some(id), billed: None, segments },
            Self::Refused(code) => Verdict::Refused { code: Reason::from(code) },
            Self::NotNow(class, code) => Verdict::NotTaken { class, reason: Reason::from(code) },
            Self::Nothing(reason) => Verdict::InDoubt { reason: Reason::from(reason) },
        }
    }
}

fn code_of(item: Message<'_>) -> Option<String> {
    item.fault().and_then(|fault| fault.code)
}

/// Where everybody was refused for reasons that pass: the gravest of these.
fn passing_refusal_of_all(said: &[Said]) -> Option<Class> {
    let classes: Option<Vec<Class>> =
        said.iter().map(|one| if let Said::NotNow(class, _) = one { Some(*class) } else { None }).collect();
    let classes = classes?;
    Some(if classes.contains(&Class::NoFunds) { Class::NoFunds } else { Class::Throttled })
}

/// Which of `items` is about each recipient of `chunk`.
///
/// An item with an `ExternalId` of ours is about the one whom it names. Where there are as many
/// items as recipients, the others are in the order of the request unless their number says
/// otherwise; else they are found by number and text, if that fits one recipient alone.
///
/// # Errors
/// More items than recipients, an id twice, a word that is not ours, a number that was not sent to.
fn places(chunk: &Chunk, items: &[Option<Message<'_>>]) -> Result<Vec<Option<usize>>, Failure> {
    let unmatched = |what: &str| Err(Failure::new(Class::Unmatched, what));
    let recipients = &chunk.recipients;
    if items.len() > recipients.len() {
        return unmatched(&format!("{} messages for {} recipients", items.len(), recipients.len()));
    }
    let mut ids = HashSet::new();
    if !items.iter().flatten().filter_map(|one| one.id()).all(|id| ids.insert(id)) {
        return unmatched("the same MessageSid twice");
    }
    let mut places = vec![None; recipients.len()];
    let mut nameless = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(word) = item.and_then(Message::external_id) else {
            nameless.push(at);
            continue;
        };
        let index = position(word).and_then(|position| position.0.checked_sub(chunk.first.0));
        let Some(place) = index.and_then(|index| places.get_mut(index as usize)) else {
            return unmatched("an ExternalId that is not of this request");
        };
        if place.replace(at).is_some() {
            return unmatched("the same ExternalId twice");
        }
    }
    let in_order = items.len() == recipients.len();
    let mut lost = Vec::new();
    for at in nameless {
        let to = items[at].and_then(Message::to);
        if in_order && places[at].is_none() && to.is_none_or(|to| to == recipients[at].to) {
            places[at] = Some(at);
        } else {
            lost.push(at);
        }
    }
    for at in lost {
        let Some((item, to)) = items[at].and_then(|item| Some((item, item.to()?))) else { continue };
        if recipients.iter().all(|one| one.to != to) {
            return Err(Failure::new(Class::WrongReply, "a message to a number that was not sent to"));
        }
        let fits = |one: &Planned| one.to == to && item.text().is_none_or(|text| text == chunk.text_of(one));
        let mut fitting =
            (0..recipients.len()).filter(|&index| places[index].is_none() && fits(&recipients[index]));
        if let (Some(index), None) = (fitting.next(), fitting.next()) {
            places[index] = Some(at);
        }
    }
    let wrong = places.iter().zip(recipients).any(|(at, one)| {
        let item = at.and_then(|at: usize| items[at]);
        item.and_then(Message::to).is_some_and(|to| to != one.to)
    });
    if wrong {
        return Err(Failure::new(Class::WrongReply, "an ExternalId with another number"));
    }
    Ok(places)
}

/// The position that an `ExternalId` names, whichever campaign's it is: the request that is answered
/// was ours.
fn position(word: &str) -> Option<Position> {
    let (campaign, _) = word.split_once('-')?;
    let bits = u64::from_str_radix(campaign, 16).ok()?;
    Reference::from_bits(bits).position(word)
}
