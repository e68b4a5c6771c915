//! ME-SMS: what is asked about messages after they were taken, and taking them back.
//!
//! The provider's page names the calls, their statuses, the cursor and the codes of a refused
//! cancel; paths and the names of most fields are assumed. What is left open is decided like this:
//! lists give 20 messages or 100 recipients a page unless `limit` says otherwise, and a `limit`
//! above 100 or 10,000 counts as that; a message is `pending` until all of it is sent, and never
//! `failed`, because this gateway always hands over what it took. Ids of recipients rise over all
//! requests, so a cursor is no index.

use super::{Members, Refusal};
use crate::{
    delivery::State,
    face::Call,
    messages::{CancelResult, Counts, Phase, Taken},
    tree::Tree,
};
use std::{borrow::Cow, str::FromStr};
use volley_core::UnixMillis;

/// The message and what is asked of it: `ID`, `ID/recipients` or `ID/cancel`.
pub(super) fn target(path: &str) -> Option<(&str, &str)> {
    let (id, rest) = path.split_once('/').unwrap_or((path, ""));
    (!id.is_empty() && (!rest.is_empty() || !path.ends_with('/'))).then_some((id, rest))
}

/// Takes a scheduled message back, as a whole.
pub(super) fn cancel(call: &mut Call<'_>, id: &str) -> Result<Members, Refusal> {
    find(call, id)?;
    let (code, error) = match call.cancel(id) {
        CancelResult::Cancelled => {
            let refunded = find(call, id)?.cost;
            return Ok(vec![
                ("uuid", id.into()),
                ("status", "cancelled".into()),
                ("refunded", refunded.into()),
            ]);
        }
        CancelResult::NotScheduled => ("NOT_SCHEDULED", "the message never had a scheduledTime"),
        CancelResult::AlreadyCancelled => ("ALREADY_CANCELLED", "the message was cancelled before"),
        CancelResult::AlreadyProcessing => ("ALREADY_PROCESSING", "the message is being sent"),
        CancelResult::Unknown => return Err(unknown()),
    };
    Err(Refusal { status: call.messages.cancel_refusal(), code: Some(code), error: error.to_owned() })
}

/// The account's messages, the newest first.
pub(super) fn list(call: &Call<'_>) -> Result<Members, Refusal> {
    let query = Query::of(call, &["status", "page", "limit"])?;
    let status = query.word("status", &["sent", "failed", "pending", "scheduled", "cancelled"])?;
    let (page, limit) = (query.whole::<usize>("page")?.unwrap_or(1), query.limit(20, 100)?);
    if page == 0 {
        return Err(Refusal::bad("page starts with 1"));
    }
    let is_wanted = |taken: &&Taken| status.is_none_or(|wanted| wanted == word(call.phase(taken)));
    let before = (page - 1).saturating_mul(limit);
    let (mut total, mut messages) = (0_u64, Vec::new());
    for (place, taken) in call.newest_first().filter(is_wanted).enumerate() {
        total += 1;
        if place >= before && messages.len() < limit {
            messages.push(listed(call, taken));
        }
    }
    Ok(vec![
        ("messages", Tree::List(messages)),
        ("page", (page as u64).into()),
        ("limit", (limit as u64).into()),
        ("total", total.into()),
    ])
}

/// One message, with the sums of its recipients once nothing about them can change.
pub(super) fn one(call: &Call<'_>, id: &str) -> Result<Members, Refusal> {
    let taken = find(call, id)?;
    let phase = call.phase(taken);
    let mut members = vec![("uuid", id.into()), ("status", word(phase).into())];
    if phase == Phase::Sent && call.is_settled(taken) {
        let counts = call.counts(taken);
        let sums = some(&counts).map(|(state, count)| (status(state), count.into()));
        members.push(("drSummary", Tree::Group(sums.collect())));
    }
    Ok(members)
}

/// The recipients of one message: by cursor where there is `after`, else the first of them and
/// how many there are.
pub(super) fn recipients(call: &Call<'_>, id: &str) -> Result<Members, Refusal> {
    let query = Query::of(call, &["after", "limit", "status"])?;
    let wanted = query.word("status", &State::ALL.map(status))?;
    let wanted = wanted.and_then(|word| State::ALL.into_iter().find(|state| status(*state) == word));
    let (after, limit) = (query.whole::<u64>("after")?, query.limit(100, 10_000)?);
    let taken = find(call, id)?;
    let is_wanted = |index: &usize| wanted.is_none_or(|wanted| call.delivery(taken, *index).0 == wanted);
    let start = after.unwrap_or(0).saturating_sub(taken.first_row - 1);
    let start = usize::try_from(start).unwrap_or(usize::MAX).min(taken.numbers.len());
    let mut indexes = (start..taken.numbers.len()).filter(is_wanted);
    let page: Vec<usize> = indexes.by_ref().take(limit).collect();
    let counts = call.counts(taken);
    let mut members =
        vec![("recipients", Tree::List(page.iter().map(|&index| recipient(call, taken, index)).collect()))];
    if after.is_some() {
        let last = page.last().map(|&index| row(taken, index).into());
        members.push(("nextCursor", last.unwrap_or(Tree::Null)));
        members.push(("hasMore", Tree::Flag(indexes.next().is_some())));
    } else {
        let all = taken.numbers.len() as u64;
        members.push(("total", wanted.map_or(all, |state| counts.of(state)).into()));
    }
    let sum = |(state, count): (State, u64)| {
        Tree::Group(vec![("status", status(state).into()), ("count", count.into())])
    };
    members.push(("summary", Tree::List(some(&counts).map(sum).collect())));
    Ok(members)
}

fn find<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Taken, Refusal> {
    call.find(id).ok_or_else(|| {
        if call.is_anothers(id) { Refusal::new(403, "the message is another account's") } else { unknown() }
    })
}

fn unknown() -> Refusal {
    Refusal::new(404, "no such message")
}

fn listed(call: &Call<'_>, taken: &Taken) -> Tree {
    let mut members = vec![("uuid", (&*taken.id).into())];
    members.extend(taken.sender.as_deref().map(|sender| ("sender", sender.into())));
    members.extend([
        ("content", (&*taken.text).into()),
        ("status", word(call.phase(taken)).into()),
        ("recipients", (taken.numbers.len() as u64).into()),
        ("createdAt", time(call.wall(taken.taken_at)).into()),
    ]);
    let scheduled = taken.was_scheduled().then(|| time(call.wall(taken.due_at)).into());
    members.push(("scheduledTime", scheduled.unwrap_or(Tree::Null)));
    Tree::Group(members)
}

fn recipient(call: &Call<'_>, taken: &Taken, index: usize) -> Tree {
    Tree::Group(vec![
        ("id", row(taken, index).into()),
        ("msisdn", taken.numbers[index].digits().to_string().into()),
        ("status", status(call.delivery(taken, index).0).into()),
    ])
}

/// The id of a recipient, which is a cursor as well.
fn row(taken: &Taken, index: usize) -> u64 {
    taken.first_row + index as u64
}

/// The states that somebody is in, and how many.
fn some(counts: &Counts) -> impl Iterator<Item = (State, u64)> {
    State::ALL.into_iter().map(|state| (state, counts.of(state))).filter(|(_, count)| *count > 0)
}

/// The provider's word for where a message stands.
const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Scheduled => "scheduled",
        Phase::Processing => "pending",
        Phase::Sent => "sent",
        Phase::Cancelled => "cancelled",
    }
}

/// The provider's word for what became of a recipient.
const fn status(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Delivered => "success",
        State::Failed => "failed",
        State::Invalid => "invalid",
        State::Blocked => "blocked",
        State::Expired => "expired",
        State::Timeout => "timeout",
    }
}

/// ISO 8601 to the second, with Thailand's offset.
fn time(at: UnixMillis) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    let local = time.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(7)));
    local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The parameters of a query.
struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Refuses names beside `known`, and any name that stands twice.
    fn of(call: &Call<'a>, known: &[&str]) -> Result<Self, Refusal> {
        let query: Vec<_> = form_urlencoded::parse(call.request.query.as_bytes()).collect();
        for (index, (name, _)) in query.iter().enumerate() {
            if !known.contains(&&**name) || query[..index].iter().any(|before| before.0 == *name) {
                return Err(Refusal::bad(format!("{name} is not a parameter of this call, or stands twice")));
            }
        }
        Ok(Self(query))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|parameter| parameter.0 == name).map(|parameter| &*parameter.1)
    }

    fn whole<N: FromStr>(&self, name: &str) -> Result<Option<N>, Refusal> {
        let parsed = self.get(name).map(str::parse).transpose();
        parsed.map_err(|_| Refusal::bad(format!("{name} is not a whole number")))
    }

    /// How many items a page holds: `usual` unless it says otherwise, and never above `most`.
    fn limit(&self, usual: usize, most: usize) -> Result<usize, Refusal> {
        match self.whole("limit")?.unwrap_or(usual) {
            0 => Err(Refusal::bad("limit is at least 1")),
            limit => Ok(limit.min(most)),
        }
    }

    fn word(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
        let Some(given) = self.get(name) else { return Ok(None) };
        let word = words.iter().copied().find(|word| *word == given);
        word.map(Some).ok_or_else(|| Refusal::bad(format!("{name} is one of {}", words.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_message_and_what_is_asked_of_it() {
        for (path, meant) in [
            ("a-1", Some(("a-1", ""))),
            ("a-1/recipients", Some(("a-1", "recipients"))),
            ("a-1/recipients/2", Some(("a-1", "recipients/2"))),
            ("a-1/", None),
            ("/recipients", None),
            ("", None),
        ] {
            assert_eq!(target(path), meant, "{path:?}");
        }
    }

    #[test]
    fn times_are_thailands() {
        assert_eq!(time(UnixMillis(1_796_083_200_999)), "2026-12-01T07:00:00+07:00");
    }
}
