//! What every adapter checks of a send call before it writes a byte.
//!
//! The planner kept to these rules already. They are asked again because a request that breaks
//! one would be billed, refused, or sent to the wrong people.

use crate::adapter::{SendCall, Unbuildable};
use jiff::Timestamp;
use volley_core::{Capabilities, Msisdn, Planned, Schedule, UnixMillis};

/// The one text that everybody in `call` gets, where the call is within `capabilities`: at least
/// one recipient and at most the ceiling, all of them reached, one text that is not too long, a
/// sender by the rule, a time to send at only where the provider keeps messages until then.
pub(crate) fn shared_text<'a>(
    call: &'a SendCall,
    capabilities: &Capabilities,
) -> Result<&'a str, Unbuildable> {
    recipients(call, capabilities)?;
    let reached = |one: &Planned| capabilities.destinations.reach(one.to);
    if !call.chunk.recipients.iter().all(reached) {
        let prefixes = capabilities.destinations.prefixes.join(", ");
        return Err(Unbuildable(format!("this provider only reaches numbers that start with {prefixes}")));
    }
    if call.send_at.is_some() && capabilities.schedule == Schedule::Never {
        return Err(Unbuildable("this provider sends at once; wait until the time has come".to_owned()));
    }
    let [text] = &call.chunk.texts[..] else {
        return Err(Unbuildable(format!("a request carries one text, not {}", call.chunk.texts.len())));
    };
    length(text, capabilities)?;
    sender(call, capabilities)?;
    Ok(text)
}

/// The same where recipients have texts of their own: each within the longest text, and within
/// the most segments by the plan's count.
pub(crate) fn own_texts(call: &SendCall, capabilities: &Capabilities) -> Result<(), Unbuildable> {
    recipients(call, capabilities)?;
    let most = capabilities.profile.max_segments;
    for one in &call.chunk.recipients {
        length(call.chunk.text_of(one), capabilities)?;
        if u32::from(one.segments) > most {
            return Err(Unbuildable(format!("a text has up to {most} segments, not {}", one.segments)));
        }
    }
    sender(call, capabilities)
}

fn recipients(call: &SendCall, capabilities: &Capabilities) -> Result<(), Unbuildable> {
    let (recipients, ceiling) = (call.chunk.len(), capabilities.batch.ceiling());
    if recipients == 0 || recipients > ceiling {
        return Err(Unbuildable(format!("a request carries 1 to {ceiling} recipients, not {recipients}")));
    }
    Ok(())
}

fn length(text: &str, capabilities: &Capabilities) -> Result<(), Unbuildable> {
    let characters = text.chars().count();
    let most = capabilities.profile.max_characters;
    if text.is_empty() || most.is_some_and(|most| characters > most) {
        let most = most.map_or(String::new(), |most| format!(" to {most}"));
        return Err(Unbuildable(format!("a text has 1{most} characters, not {characters}")));
    }
    Ok(())
}

fn sender(call: &SendCall, capabilities: &Capabilities) -> Result<(), Unbuildable> {
    capabilities.sender.check(call.sender.as_deref()).map_err(|fault| Unbuildable(fault.to_string()))
}

/// Who the one message of `call` is for, and its text, where a request carries one recipient and
/// the call is within `capabilities`: see [`shared_text`].
pub(crate) fn one_message<'a>(
    call: &'a SendCall,
    capabilities: &Capabilities,
) -> Result<(Msisdn, &'a str), Unbuildable> {
    let text = shared_text(call, capabilities)?;
    Ok((call.chunk.recipients[0].to, text))
}

/// The first whole second at or after `at`, so that nothing is sent early.
pub(crate) fn whole_second(at: UnixMillis) -> Result<Timestamp, Unbuildable> {
    let fault = || Unbuildable("the schedule is outside the years 1970 to 9999".to_owned());
    let second = u64::try_from(at.0).map_err(|_| fault())?.div_ceil(1_000);
    let second = i64::try_from(second).map_err(|_| fault())?;
    Timestamp::from_second(second).map_err(|_| fault())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_never_rounded_to_an_earlier_second() {
        for (millis, written) in [
            (0, Some("1970-01-01T00:00:00Z")),
            (1_796_115_600_000, Some("2026-12-01T09:00:00Z")),
            (1_796_115_600_001, Some("2026-12-01T09:00:01Z")),
            (1_796_115_600_999, Some("2026-12-01T09:00:01Z")),
            (-1, None),
            (i64::MIN, None),
            (i64::MAX, None),
        ] {
            let second = whole_second(UnixMillis(millis)).ok().map(|second| second.to_string());
            assert_eq!(second.as_deref(), written, "{millis}");
        }
    }
}
