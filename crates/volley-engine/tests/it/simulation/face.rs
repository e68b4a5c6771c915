//! A provider of the simulation's own, as small as one can be: a line for each message, a line
//! for each answer. It says all that the table of failures knows, item by item.

use bytes::Bytes;
use std::{collections::BTreeMap, time::Duration};
use volley_core::{
    Answer, Batch, Billed, Capabilities, Chunk, Class, Destinations, Failure, Micros, Outcome, Polling,
    Profile, Rate, ReplyPrice, Schedule, SenderRule, Sources, UnixMillis, Verdict, Verdicts,
};
use volley_provider::{
    adapter::{Adapter, SendCall, Unbuildable},
    http::{Body, HttpRequest, Method, Reply},
};

/// Its adapter.
#[derive(Debug)]
pub(super) struct Slate {
    capabilities: Capabilities,
}

impl Slate {
    pub(super) fn new(batch: Batch) -> Self {
        Self {
            capabilities: Capabilities {
                batch,
                default_chunk: 1,
                sender: SenderRule { required: false, max_name: 11, spaces: true, signs: true },
                profile: Profile::STANDARD,
                destinations: Destinations::default(),
                schedule: Schedule::Never,
                rate: Rate::per_second(std::num::NonZeroU32::MIN),
                counts_strictly: true,
                max_in_flight: 1,
                timeout: Duration::from_secs(30),
                reply_price: ReplyPrice::Money,
                polling: Polling::Never,
                cancels: false,
                sources: Sources::default(),
            },
        }
    }
}

impl Adapter for Slate {
    fn kind(&self) -> &'static str {
        "slate"
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&self, call: &SendCall) -> Result<HttpRequest, Unbuildable> {
        let line = |one| format!("{} {}\n", one_number(one), call.chunk.text_of(one));
        let body: String = call.chunk.recipients.iter().map(line).collect();
        Ok(HttpRequest {
            method: Method::Post,
            url: "http://127.0.0.1:1/slate".to_owned(),
            secret_tail: None,
            headers: Vec::new(),
            body: Body::Whole(Bytes::from(body)),
        })
    }

    fn decode(&self, chunk: &Chunk, reply: &Reply) -> Outcome {
        let text = std::str::from_utf8(&reply.body).unwrap_or_default();
        let answer = text.strip_prefix("request ").filter(|_| reply.status == 200);
        let answer = answer.and_then(|answer| answer.split_once('\n'));
        let failed = |class| {
            let mut failure = Failure::new(class, format!("HTTP {}", reply.status));
            let asked = reply.header("retry-after").and_then(|text| text.parse().ok());
            failure.retry_after = asked.map(|seconds: u64| Duration::from_secs(seconds.clamp(1, 3_600)));
            Outcome::Failed(failure)
        };
        let Some((id, lines)) = answer else {
            return failed(match (reply.status, text) {
                (503, "not taken") => Class::UnavailableUntaken,
                (200, "code 77") => Class::UnlistedCode,
                (202 | 204, "") => Class::NoId,
                (status, _) => Class::of_status(status),
            });
        };
        let answered = |verdicts, billed| {
            Outcome::Answered(Answer { request_id: Some(id.to_owned()), verdicts, billed, segments: None })
        };
        if let Some(price) = lines.strip_prefix("all ") {
            let billed = price.parse().map_or(Billed::Unknown, |amount| Billed::Money(Micros(amount)));
            return answered(Verdicts::AllAccepted, billed);
        }
        if lines == "some" {
            return answered(Verdicts::AllInDoubt { reason: "it does not say who".into() }, Billed::Unknown);
        }
        let mut told: BTreeMap<u64, Verdict> = BTreeMap::new();
        for line in lines.lines() {
            let Some((number, verdict)) = verdict(line) else { return failed(Class::UnlistedCode) };
            if told.insert(number, verdict).is_some() {
                return failed(Class::Unmatched);
            }
        }
        let unsaid = || Verdict::InDoubt { reason: "the answer does not say".into() };
        let asked = chunk.recipients.iter().map(|one| told.remove(&one_number(one)));
        let verdicts: Vec<Option<Verdict>> = asked.collect();
        match (told.is_empty(), verdicts.iter().all(Option::is_none)) {
            (true, _) => {
                let verdicts = verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(unsaid));
                answered(Verdicts::Each(verdicts.collect()), Billed::Unknown)
            }
            (false, true) => failed(Class::WrongReply),
            (false, false) => failed(Class::Unmatched),
        }
    }
}

fn one_number(one: &volley_core::Planned) -> u64 {
    one.to.digits()
}

/// A line of an answer: a number, a word, and what is said beside it.
fn verdict(line: &str) -> Option<(u64, Verdict)> {
    let mut words = line.split(' ');
    let number = words.next()?.parse().ok()?;
    let verdict = match words.next()? {
        "taken" => Verdict::Accepted {
            id: Some(words.next()?.to_owned()),
            billed: words.next().and_then(|price| price.parse().ok()).map(Micros),
            segments: None,
        },
        "refused" => Verdict::Refused { code: "refused".into() },
        "later" => Verdict::NotTaken { class: Class::Throttled, reason: "later".into() },
        "funds" => Verdict::NotTaken { class: Class::NoFunds, reason: "no funds".into() },
        _ => return None,
    };
    Some((number, verdict))
}

/// What becomes of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Taken,
    Refused,
    Later,
    Funds,
}

/// How an answer is written that is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In one word where all were taken, with the price of all.
    Short,
    /// A line for each.
    Long,
    /// A line for each, with its price.
    Priced,
}

/// The true answer to request `number` for messages of which these things became.
pub(super) fn answer(number: u64, form: Form, messages: &[(u64, Word, Micros)]) -> String {
    let mut text = format!("request r{number}\n");
    if form == Form::Short && messages.iter().all(|(_, word, _)| *word == Word::Taken) {
        text.push_str(&format!("all {}", messages.iter().map(|(_, _, price)| price.0).sum::<i64>()));
        return text;
    }
    for (place, (to, word, price)) in messages.iter().enumerate() {
        text.push_str(&match (word, form) {
            (Word::Taken, Form::Priced) => format!("{to} taken m{number}-{place} {}\n", price.0),
            (Word::Taken, _) => format!("{to} taken m{number}-{place}\n"),
            (Word::Refused, _) => format!("{to} refused\n"),
            (Word::Later, _) => format!("{to} later\n"),
            (Word::Funds, _) => format!("{to} funds\n"),
        });
    }
    text
}

/// The numbers that a request is for.
pub(super) fn numbers(body: &[u8]) -> Vec<u64> {
    let text = std::str::from_utf8(body).expect("the adapter wrote it");
    text.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
}

/// A reply; when it arrives is not known yet.
pub(super) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Reply { status, headers: headers.iter().map(owned).collect(), body: body.into(), at: UnixMillis(0) }
}
