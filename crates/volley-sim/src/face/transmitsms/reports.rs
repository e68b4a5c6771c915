//! TransmitSMS: what is asked about messages, numbers and money, and taking a message back.
//!
//! Forms are those of the provider's `OpenAPI` page with its odd types: numbers are integers and so
//! are most ids, `get-sms-delivery-status` has its id as text, a sender may be either, costs are
//! below zero in `get-message-report`. Lists hold 10 rows a page unless `max` says otherwise, 100
//! at most, the newest first. Where the pages leave room: reports of a period show what has begun
//! to be sent, not what is scheduled or cancelled; a blocked number has opted out; a cancel that
//! comes too late is `FIELD_INVALID`. Every message was sent by the API, to no list, and nobody
//! ever replies.

use super::{Members, Parameters, Refusal, check_number, parse_time, time};
use crate::{
    delivery::State,
    face::Call,
    messages::{CancelResult, Counts, Phase, Taken},
    tree::Tree,
};
use std::{cmp::Reverse, ops::RangeInclusive};
use volley_core::{Micros, Msisdn, NumberKind, Region};

/// What the shared pool of the provider sends from, where a request names no sender.
const SHARED_NUMBER: u64 = 61_491_570_157;

/// What asks nothing but answers.
type Question = fn(&Call<'_>, &Parameters<'_>) -> Result<Members, Refusal>;

/// What the method of this name asks; `None` where there is none.
pub(super) fn question(name: &str) -> Option<Question> {
    Some(match name {
        "get-sms" => message,
        "get-sms-stats" => stats,
        "get-sms-sent" => recipients,
        "get-sms-delivery-status" => recipient,
        "get-user-sms-sent" => sent_messages,
        "get-message-report" => report,
        "get-sms-sent-count" => sent_count,
        "get-balance" => balance,
        "get-numbers" => numbers,
        "format-number" => format_number,
        _ => return None,
    })
}

/// Takes a scheduled message back, as a whole.
pub(super) fn cancel(call: &mut Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&["id"])?;
    let id = sent.needed("id")?;
    find(call, id)?;
    match call.cancel(id) {
        CancelResult::Cancelled => Ok(vec![("success", "OK".into())]),
        CancelResult::AlreadyCancelled => Err(Refusal::invalid("the message was cancelled before")),
        CancelResult::AlreadyProcessing => Err(Refusal::invalid("the message is being sent")),
        CancelResult::NotScheduled => Err(Refusal::invalid("the message was not scheduled")),
        CancelResult::Unknown => Err(Refusal::field("NOT_FOUND", "no such message")),
    }
}

fn message(call: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&["message_id"])?;
    let taken = find(call, sent.needed("message_id")?)?;
    let mut members = head(call, taken);
    let stats = members.pop();
    members.push(("message", (&*taken.text).into()));
    members.extend(stats);
    Ok(members)
}

fn stats(call: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&["message_id"])?;
    let taken = find(call, sent.needed("message_id")?)?;
    let counts = call.counts(taken);
    let (hard, soft) = (count(&counts, "hard-bounce"), count(&counts, "soft-bounce"));
    let stats = vec![
        ("hard_bounced", hard.into()),
        ("soft_bounced", soft.into()),
        ("total", taken.parts.into()),
        ("recipientCount", (taken.numbers.len() as u64).into()),
        ("delivered", count(&counts, "delivered").into()),
        ("pending", count(&counts, "pending").into()),
        ("bounced", (hard + soft).into()),
        ("responses", 0.into()),
        ("opt-outs", counts.of(State::Blocked).into()),
        ("link_hits", 0.into()),
    ];
    Ok(vec![("stats", Tree::Group(stats))])
}

fn recipients(call: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&["message_id", "page", "max", "delivery", "optouts"])?;
    let taken = find(call, sent.needed("message_id")?)?;
    let page = Page::of(sent)?;
    let delivery = sent.get("delivery");
    if delivery.is_some_and(|word| !matches!(word, "delivered" | "failed" | "pending")) {
        return Err(Refusal::invalid("delivery is delivered, failed or pending"));
    }
    let optouts = match sent.get("optouts") {
        None | Some("include") => None,
        Some("only" | "true") => Some(true),
        Some("omit" | "false") => Some(false),
        Some(_) => return Err(Refusal::invalid("optouts is only, omit or include")),
    };
    let is_wanted = |index: &usize| {
        let state = call.delivery(taken, *index).0;
        let is_failed = !matches!(state, State::Delivered | State::Pending);
        let fits = |word| if word == "failed" { is_failed } else { word == status(state) };
        delivery.is_none_or(fits) && optouts.is_none_or(|optout| optout == (state == State::Blocked))
    };
    let all = taken.numbers.len();
    let (total, indexes): (usize, Vec<usize>) = if delivery.is_none() && optouts.is_none() {
        (all, (page.before().min(all)..all).take(page.max).collect())
    } else {
        let wanted: Vec<usize> = (0..all).filter(is_wanted).collect();
        (wanted.len(), wanted.into_iter().skip(page.before()).take(page.max).collect())
    };
    let row = |index: usize| {
        let state = call.delivery(taken, index).0;
        Tree::Group(vec![
            ("msisdn", taken.numbers[index].digits().into()),
            ("first_name", Tree::Null),
            ("last_name", Tree::Null),
            ("delivery_status", status(state).into()),
            ("optout", Tree::Flag(state == State::Blocked)),
        ])
    };
    Ok(vec![
        ("page", page.tree(total)),
        ("total", (total as u64).into()),
        ("message", Tree::Group(head(call, taken))),
        ("recipients", Tree::List(indexes.into_iter().map(row).collect())),
    ])
}

fn recipient(call: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&["message_id", "msisdn"])?;
    let taken = find(call, sent.needed("message_id")?)?;
    let to = sent.needed("msisdn")?;
    let to = check_number(to).ok_or_else(|| Refusal::invalid("msisdn is not a number"))?;
    let index = taken.numbers.iter().position(|number| *number == to);
    let index = index.ok_or_else(|| Refusal::field("NOT_FOUND", "the message did not go to this number"))?;
    let (state, since) = call.delivery(taken, index);
    let told = vec![
        ("message_id", (&*taken.id).into()),
        ("sender_id", sender(taken)),
        ("mobile", to.digits().into()),
        ("send_at", time(call.wall(taken.due_at)).into()),
        ("datetime", time(since).into()),
        ("status", status(state).into()),
        ("message", (&*taken.text).into()),
    ];
    Ok(vec![("stats", Tree::Group(told))])
}

fn sent_messages(call: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&["start", "end", "msisdn", "page", "max"])?;
    sent.needed("start")?;
    sent.needed("end")?;
    let (period, page) = (period(call, sent, i64::MAX)?, Page::of(sent)?);
    let wanted = sent
        .get("msisdn")
        .map(|text| check_number(text).ok_or_else(|| Refusal::invalid("msisdn is not a number")));
    let wanted = wanted.transpose()?;
    let (mut total, mut rows) = (0, Vec::new());
    let mut row = |taken: &Taken, index: usize, place: usize| {
        if place >= page.before() && rows.len() < page.max {
            rows.push(Tree::Group(vec![
                ("id", (990_000_000 + taken.first_row + index as u64).into()),
                ("message_id", id(taken)),
                ("message", (&*taken.text).into()),
                ("sent_at", time(call.wall(taken.due_at)).into()),
                ("msisdn", taken.numbers[index].digits().into()),
                ("caller_id", sender(taken)),
                ("status", status(call.delivery(taken, index).0).into()),
            ]));
        }
    };
    for taken in sent_in(call, &period) {
        if let Some(to) = wanted {
            for (index, _) in taken.numbers.iter().enumerate().filter(|(_, number)| **number == to) {
                row(taken, index, total);
                total += 1;
            }
        } else {
            let count = taken.numbers.len();
            let start = page.before().saturating_sub(total).min(count);
            (start..count).take(page.max).for_each(|index| row(taken, index, total + index));
            total += count;
        }
    }
    Ok(vec![("page", page.tree(total)), ("total", (total as u64).into()), ("messages", Tree::List(rows))])
}

fn report(call: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    const TYPES: [&str; 7] = ["all", "api", "campaign", "quick_sms", "email_sms", "keyword", "test_sms"];
    sent.allow(&["start", "end", "type", "number", "page", "max"])?;
    let (period, page) = (period(call, sent, 30)?, Page::of(sent)?);
    let kind = sent.get("type").unwrap_or("all");
    if !TYPES.contains(&kind) {
        return Err(Refusal::invalid(format!("type is one of {}", TYPES.join(", "))));
    }
    let number = sent.get("number");
    let shown = |taken: &&Taken| {
        matches!(kind, "all" | "api") && number.is_none_or(|number| taken.sender.as_deref() == Some(number))
    };
    let messages: Vec<&Taken> = sent_in(call, &period).into_iter().filter(shown).collect();
    let row = |taken: &Taken| {
        let counts = call.counts(taken);
        let state = if call.phase(taken) == Phase::Sent { "completed" } else { "sending" };
        let cost = Micros::ZERO.checked_sub(taken.cost).unwrap_or(Micros::ZERO);
        let mut members = vec![
            ("type", "api".into()),
            ("id", id(taken)),
            ("sms", taken.parts.into()),
            ("cost", cost.into()),
            ("sent_at", time(call.wall(taken.due_at)).into()),
            ("status", state.into()),
            ("message", (&*taken.text).into()),
            ("pending", count(&counts, "pending").into()),
            ("delivered", count(&counts, "delivered").into()),
            ("soft_bounced", count(&counts, "soft-bounce").into()),
            ("hard_bounced", count(&counts, "hard-bounce").into()),
            ("optouts", counts.of(State::Blocked).into()),
            ("responses", 0.into()),
        ];
        if let [to] = *taken.numbers {
            members.push(("msisdn", to.digits().into()));
        }
        Tree::Group(members)
    };
    let rows = messages.iter().skip(page.before()).take(page.max).map(|taken| row(taken));
    Ok(vec![
        ("page", page.tree(messages.len())),
        ("messages_total", (messages.len() as u64).into()),
        ("sms_total", messages.iter().map(|taken| taken.parts).sum::<u64>().into()),
        ("messages", Tree::List(rows.collect())),
    ])
}

fn sent_count(call: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&["start", "end"])?;
    let period = period(call, sent, 7)?;
    let parts: u64 = sent_in(call, &period).iter().map(|taken| taken.parts).sum();
    Ok(vec![("count", parts.into())])
}

fn balance(call: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&[])?;
    let currency = call.prices.currency().map_or_else(|| "AUD".to_owned(), ToString::to_string);
    Ok(vec![("balance", call.balance().into()), ("currency", currency.into())])
}

/// The account's senders that are numbers; none can be leased.
fn numbers(call: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&["filter", "page", "max"])?;
    let page = Page::of(sent)?;
    let filter = sent.get("filter").unwrap_or("owned");
    if !matches!(filter, "owned" | "available") {
        return Err(Refusal::invalid("filter is owned or available"));
    }
    let senders = call.account.senders.iter().flatten().filter(|_| filter == "owned");
    let owned: Vec<u64> = senders.filter_map(|sender| sender.parse().ok()).collect();
    let next_charge = time(call.now.plus_millis(30 * 24 * 60 * 60 * 1_000));
    let row = |number: &u64| {
        Tree::Group(vec![
            ("number", (*number).into()),
            ("price", 25.into()),
            ("auto_renew", Tree::Flag(true)),
            ("next_charge", next_charge[..10].into()),
            ("status", "active".into()),
        ])
    };
    let rows = owned.iter().skip(page.before()).take(page.max).map(row);
    Ok(vec![
        ("page", page.tree(owned.len())),
        ("numbers_total", (owned.len() as u64).into()),
        ("filter", filter.into()),
        ("numbers", Tree::List(rows.collect())),
    ])
}

fn format_number(_: &Call<'_>, sent: &Parameters<'_>) -> Result<Members, Refusal> {
    sent.allow(&["msisdn", "countrycode"])?;
    let (written, country) = (sent.needed("msisdn")?, sent.needed("countrycode")?);
    let region: Region = country.parse().map_err(|_| Refusal::invalid("countrycode is two letters"))?;
    let Ok(parsed) = Msisdn::parse(written, Some(region)) else {
        let invalid = vec![
            ("countrycode", Tree::Null),
            ("nationalnumber", Tree::Null),
            ("national_leading_zeroes", Tree::Null),
            ("rawinput", Tree::Null),
            ("international", Tree::Null),
            ("type", 10.into()),
            ("isValid", Tree::Flag(false)),
        ];
        return Ok(vec![("number", Tree::Group(invalid))]);
    };
    let is_landline = parsed.assignment.is_some_and(|assigned| assigned.kind == NumberKind::Fixed);
    let (code, national) = split(parsed.number);
    let number = vec![
        ("countrycode", code.into()),
        ("nationalnumber", national.into()),
        ("national_leading_zeroes", national.into()),
        ("rawinput", Tree::Null),
        ("international", parsed.number.digits().into()),
        ("type", u64::from(!is_landline).into()),
        ("isValid", Tree::Flag(true)),
    ];
    Ok(vec![("number", Tree::Group(number))])
}

/// The country code of a number and the digits behind it, by the list of assigned country codes
/// (ITU-T E.164, annex): one digit, one of these two-digit ones, else three digits.
fn split(number: Msisdn) -> (u64, u64) {
    const TWO_DIGITS: [RangeInclusive<u64>; 13] = [
        20..=20,
        27..=27,
        30..=34,
        36..=36,
        39..=41,
        43..=49,
        51..=58,
        60..=66,
        81..=82,
        84..=84,
        86..=86,
        90..=95,
        98..=98,
    ];
    let digits = number.digits();
    let unit = |length: u32| 10_u64.pow(u32::from(number.length()) - length);
    let is_two = |code: u64| TWO_DIGITS.iter().any(|codes| codes.contains(&code));
    let length = match (digits / unit(1), digits / unit(2)) {
        (1 | 7, _) => 1,
        (_, code) if is_two(code) => 2,
        _ => 3,
    };
    (digits / unit(length), digits % unit(length))
}

fn find<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Taken, Refusal> {
    if !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::invalid("the id is not a number"));
    }
    call.find(id).ok_or_else(|| {
        if call.is_anothers(id) {
            Refusal::field("NO_ACCESS", "the message is another account's")
        } else {
            Refusal::field("NOT_FOUND", "no such message")
        }
    })
}

/// A message as several calls show it, its sums last.
fn head(call: &Call<'_>, taken: &Taken) -> Members {
    let counts = call.counts(taken);
    let stats = vec![
        ("delivered", count(&counts, "delivered").into()),
        ("pending", count(&counts, "pending").into()),
        ("bounced", (count(&counts, "hard-bounce") + count(&counts, "soft-bounce")).into()),
        ("responses", 0.into()),
        ("optouts", counts.of(State::Blocked).into()),
    ];
    vec![
        ("message_id", id(taken)),
        ("send_at", time(call.wall(taken.due_at)).into()),
        ("recipients", (taken.numbers.len() as u64).into()),
        ("cost", taken.cost.into()),
        ("sms", taken.parts.into()),
        ("delivery_stats", Tree::Group(stats)),
    ]
}

/// Its id, which is a number.
fn id(taken: &Taken) -> Tree {
    Tree::Number(taken.id.to_string())
}

/// Where it came from: a number as a number, a name as text.
fn sender(taken: &Taken) -> Tree {
    match taken.sender.as_deref() {
        None => SHARED_NUMBER.into(),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Tree::Number(digits.to_owned()),
        Some(name) => name.into(),
    }
}

/// The provider's word for what became of a message.
pub(super) const fn status(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Delivered => "delivered",
        State::Failed | State::Expired | State::Timeout => "soft-bounce",
        State::Invalid | State::Blocked => "hard-bounce",
    }
}

/// How many messages have this word.
fn count(counts: &Counts, word: &str) -> u64 {
    State::ALL.into_iter().filter(|state| status(*state) == word).map(|state| counts.of(state)).sum()
}

/// What began to be sent in a period, the newest first. The period is in seconds of the wall
/// clock, both ends included.
fn sent_in<'a>(call: &'a Call<'_>, period: &RangeInclusive<i64>) -> Vec<&'a Taken> {
    let is_in = |taken: &&Taken| {
        matches!(call.phase(taken), Phase::Processing | Phase::Sent)
            && period.contains(&call.wall(taken.due_at).0.div_euclid(1_000))
    };
    let mut sent: Vec<&Taken> = call.newest_first().filter(is_in).collect();
    sent.sort_by_key(|taken| Reverse(taken.due_at));
    sent
}

/// From `start` to `end`, at most so many days; the last 24 hours where neither is given.
fn period(call: &Call<'_>, sent: &Parameters<'_>, most_days: i64) -> Result<RangeInclusive<i64>, Refusal> {
    const DAY: i64 = 24 * 60 * 60;
    let now = call.now.0.div_euclid(1_000);
    if sent.get("start").is_none() && sent.get("end").is_none() {
        return Ok(now - DAY..=now);
    }
    let second = |name: &str| {
        let time = parse_time(sent.needed(name)?);
        let time = time.ok_or_else(|| Refusal::invalid(format!("{name} is not YYYY-MM-DD HH:MM:SS")))?;
        Ok(time.0.div_euclid(1_000))
    };
    let (start, end) = (second("start")?, second("end")?);
    if end < start || end - start > most_days.saturating_mul(DAY) {
        return Err(Refusal::invalid(format!("end is before start, or more than {most_days} days after it")));
    }
    Ok(start..=end)
}

/// Which rows of a list are wanted.
struct Page {
    /// From 1.
    number: usize,
    /// Rows on it.
    max: usize,
}

impl Page {
    fn of(sent: &Parameters<'_>) -> Result<Self, Refusal> {
        let whole = |name: &str, usual| match sent.get(name).map(str::parse) {
            None => Ok(usual),
            Some(Ok(number)) if number > 0 => Ok(number),
            Some(_) => Err(Refusal::invalid(format!("{name} is not a number from 1 on"))),
        };
        let page = Self { number: whole("page", 1)?, max: whole("max", 10)? };
        if page.max > 100 {
            return Err(Refusal::invalid("max is at most 100"));
        }
        Ok(page)
    }

    /// The rows on earlier pages.
    const fn before(&self) -> usize {
        (self.number - 1).saturating_mul(self.max)
    }

    /// How many pages `total` rows have, at least one, and which one this is.
    fn tree(&self, total: usize) -> Tree {
        let count = total.div_ceil(self.max).max(1);
        Tree::Group(vec![("count", (count as u64).into()), ("number", (self.number as u64).into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_its_country_code_and_the_rest() {
        for (digits, parts) in [
            (61_491_570_006, (61, 491_570_006)),
            (12_025_550_123, (1, 2_025_550_123)),
            (66_800_000_001, (66, 800_000_001)),
            (353_850_000_001, (353, 850_000_001)),
            (6_421_000_001, (64, 21_000_001)),
        ] {
            assert_eq!(split(Msisdn::from_digits(digits).expect("a number")), parts, "{digits}");
        }
    }
}
