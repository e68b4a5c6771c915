//! What every adapter checks of a send call before it writes a byte.
//!
//! The planner kept to these rules already. They are asked again because a request that breaks
//! one would be billed, refused, or sent to the wrong people.

use crate::adapter::{SendCall, Unbuildable};
use jiff::Timestamp;
use volley_core::{Capabilities, UnixMillis};

/// The one text that everybody in `call` gets, where the call is within `capabilities`: at least
/// one recipient and at most the ceiling, one text that is not too long, a sender by the rule.
pub(crate) fn shared_text<'a>(
    call: &'a SendCall,
    capabilities: &Capabilities,
) -> Result<&'a str, Unbuildable> {
    let (recipients, ceiling) = (call.chunk.len(), capabilities.batch.ceiling());
    if recipients == 0 || recipients > ceiling {
        return Err(Unbuildable(format!("a request carries 1 to {ceiling} recipients, not {recipients}")));
    }
    let [text] = &call.chunk.texts[..] else {
        return Err(Unbuildable(format!("a request carries one text, not {}", call.chunk.texts.len())));
    };
    let characters = text.chars().count();
    if text.is_empty() || capabilities.profile.max_characters.is_some_and(|max| characters > max) {
        let max = capabilities.profile.max_characters.map_or(String::new(), |max| format!(" to {max}"));
        return Err(Unbuildable(format!("a text has 1{max} characters, not {characters}")));
    }
    capabilities.sender.check(call.sender.as_deref()).map_err(|fault| Unbuildable(fault.to_string()))?;
    Ok(text)
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
