//! One `[[fault]]` of a faults file. Its kinds stand at [`Config::read_faults`].
//!
//! [`Config::read_faults`]: crate::Config::read_faults

use super::{FileFault, at};
use crate::{Among, Breakage, Encoding, End, Fault, Messages, Mischief, When};
use serde::Deserialize;
use std::{collections::BTreeSet, num::NonZeroUsize, time::Duration};
use toml::Spanned;

/// A `[[fault]]` as it was typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenFault {
    request: Option<u64>,
    requests: Option<[u64; 2]>,
    messages: Option<BTreeSet<u64>>,
    every: Option<u64>,
    chance: Option<f64>,
    among: Option<WrittenAmong>,
    kind: WrittenFaultKind,
    status: Option<u16>,
    taken: Option<bool>,
    retry_after: Option<String>,
    bytes: Option<usize>,
    end: Option<End>,
    pause_ms: Option<u32>,
    delay_ms: Option<u32>,
    headers: Option<usize>,
    encoding: Option<Encoding>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenAmong {
    Sends,
    Questions,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenFaultKind {
    Throttle,
    ErrorBefore,
    ErrorAfter,
    CommitThenDrop,
    Reset,
    Stall,
    Truncate,
    Rubbish,
    NoPrice,
    Late,
    Cut,
    Drip,
    Doubled,
    TwoLengths,
    Continues,
    HeaderFlood,
    Padded,
    Bomb,
    HangUp,
    ExtraPart,
}

/// What a `[[fault]]` means.
pub(super) enum Strikes {
    Requests(Fault),
    /// Which are billed a part too many.
    Messages(Messages),
}

/// What one `[[fault]]` of `text` means.
pub(super) fn fault(text: &str, written: &Spanned<WrittenFault>) -> Result<Strikes, FileFault> {
    let wrong = |reason: &str| at(text, written, reason);
    if let Some(name) = idle(written.get_ref()) {
        return Err(wrong(&format!("`{name}` does nothing for this kind; remove it")));
    }
    let Some(what) = mischief(written.get_ref()).map_err(wrong)? else {
        let messages = messages(written.get_ref()).map_err(wrong)?;
        messages.check().map_err(|reason| at(text, written, &reason))?;
        return Ok(Strikes::Messages(messages));
    };
    let WrittenFault { request, requests, every, chance, among, .. } = written.get_ref();
    let when = match (request, requests, every, chance) {
        (Some(request), None, None, None) => When::Request(*request),
        (None, Some([first, last]), None, None) => When::Requests { first: *first, last: *last },
        (None, None, Some(step), None) => When::Every(*step),
        (None, None, None, Some(chance)) => When::Chance(*chance),
        _ => return Err(wrong("a fault needs exactly one of `request`, `requests`, `every` and `chance`")),
    };
    let among = match among {
        _ if matches!(what, Mischief::HangUp { .. }) => Among::Connections,
        None | Some(WrittenAmong::Sends) => Among::Sends,
        Some(WrittenAmong::Questions) => Among::Questions,
    };
    let fault = Fault { when, what, among };
    fault.check().map_err(|reason| at(text, written, &reason))?;
    Ok(Strikes::Requests(fault))
}

/// A setting that does nothing for the kind that was written.
fn idle(written: &WrittenFault) -> Option<&'static str> {
    use WrittenFaultKind as K;
    let kind = written.kind;
    let takes_bytes = [K::Truncate, K::Cut, K::Drip, K::HeaderFlood, K::Padded, K::HangUp];
    let settings = [
        ("messages", written.messages.is_some(), kind == K::ExtraPart),
        ("among", written.among.is_some(), !matches!(kind, K::HangUp | K::ExtraPart)),
        ("status", written.status.is_some(), matches!(kind, K::ErrorBefore | K::ErrorAfter)),
        ("taken", written.taken.is_some(), matches!(kind, K::Stall | K::Rubbish)),
        ("retry_after", written.retry_after.is_some(), kind == K::Throttle),
        ("bytes", written.bytes.is_some(), takes_bytes.contains(&kind)),
        ("end", written.end.is_some(), matches!(kind, K::Cut | K::HangUp)),
        ("pause_ms", written.pause_ms.is_some(), matches!(kind, K::Drip | K::Doubled)),
        ("delay_ms", written.delay_ms.is_some(), kind == K::Late),
        ("headers", written.headers.is_some(), kind == K::HeaderFlood),
        ("encoding", written.encoding.is_some(), kind == K::Bomb),
    ];
    settings.into_iter().find(|(_, is_there, is_of_use)| *is_there && !is_of_use).map(|(name, _, _)| name)
}

/// What happens, or what is wrong with it; `None` where it is the bill that is false.
fn mischief(written: &WrittenFault) -> Result<Option<Mischief>, &'static str> {
    use {Mischief as M, WrittenFaultKind as K};
    let bytes = |usual: usize| written.bytes.unwrap_or(usual);
    let pause = |usual_ms: u32| Duration::from_millis(written.pause_ms.unwrap_or(usual_ms).into());
    let end = |usual: End| written.end.unwrap_or(usual);
    Ok(Some(match written.kind {
        K::ExtraPart => return Ok(None),
        K::Throttle => M::Throttle { retry_after: written.retry_after.clone() },
        K::ErrorBefore => M::ErrorBefore { status: written.status.unwrap_or(500) },
        K::ErrorAfter => M::ErrorAfter { status: written.status.unwrap_or(500) },
        K::CommitThenDrop => M::CommitThenDrop,
        K::Reset => M::Reset,
        K::Stall => M::Stall { taken: written.taken.unwrap_or(true) },
        K::Truncate => M::Truncate { bytes: bytes(0) },
        K::Rubbish => M::Rubbish { taken: written.taken.unwrap_or(false) },
        K::NoPrice => M::NoPrice,
        K::Late => M::Late { by: Duration::from_millis(written.delay_ms.unwrap_or(60_000).into()) },
        K::Cut => M::Broken(Breakage::Cut { bytes: bytes(0), end: end(End::Close) }),
        K::Drip => {
            let bytes = NonZeroUsize::new(bytes(1)).ok_or("a drop has at least 1 of `bytes`")?;
            M::Broken(Breakage::Drip { bytes, pause: pause(1_000) })
        }
        K::Doubled => M::Broken(Breakage::Doubled { pause: pause(0) }),
        K::TwoLengths => M::Broken(Breakage::TwoLengths),
        K::Continues => M::Broken(Breakage::Continues),
        K::HeaderFlood => {
            M::Broken(Breakage::HeaderFlood { headers: written.headers.unwrap_or(200), bytes: bytes(20) })
        }
        K::Padded => M::Broken(Breakage::Padded { bytes: bytes(1 << 30) as u64 }),
        K::Bomb => M::Broken(Breakage::Bomb { encoding: written.encoding.unwrap_or(Encoding::Gzip) }),
        K::HangUp => M::HangUp { bytes: bytes(0) as u64, end: end(End::Reset) },
    }))
}

/// The messages of a fault of kind `extra_part`, or what is wrong with them.
fn messages(written: &WrittenFault) -> Result<Messages, &'static str> {
    let WrittenFault { request, requests, messages, every, chance, .. } = written;
    Ok(match (request, requests, messages, every, chance) {
        (Some(request), None, None, None, None) => Messages::OfRequests { first: *request, last: *request },
        (None, Some([first, last]), None, None, None) => Messages::OfRequests { first: *first, last: *last },
        (None, None, Some(numbers), None, None) => Messages::Numbered(numbers.clone()),
        (None, None, None, Some(step), None) => Messages::Every(*step),
        (None, None, None, None, Some(chance)) => Messages::Chance(*chance),
        _ => {
            return Err("an extra part needs exactly one of `messages`, `every`, `chance`, `request` \
                        and `requests`");
        }
    })
}
