//! Spans of time as a campaign file writes them: `30s`, `2m`, `500ms`.

use std::time::Duration;

/// The longest that an answer may be waited for.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(1);

/// The longest round trip that can be promised: shorter than any window of a rate.
const LONGEST_ROUND_TRIP: Duration = Duration::from_millis(999);

/// The longest that a provider in trouble is waited for.
const LONGEST_PATIENCE: Duration = Duration::from_hours(30 * 24);

/// `provider.timeout`: more than zero, at most an hour.
pub(super) fn timeout(text: &str) -> Option<Duration> {
    duration(text).filter(|timeout| !timeout.is_zero() && *timeout <= LONGEST_TIMEOUT)
}

/// `provider.least_round_trip`: less than a second.
pub(super) fn round_trip(text: &str) -> Option<Duration> {
    duration(text).filter(|round_trip| *round_trip <= LONGEST_ROUND_TRIP)
}

/// `limits.patience`, like `10m` or `2d`: how long a provider in trouble is tried again, nothing
/// to 30 days.
pub fn patience(text: &str) -> Option<Duration> {
    duration(text).filter(|patience| *patience <= LONGEST_PATIENCE)
}

/// A whole number and its unit: `ms`, `s`, `m`, `h` or `d`.
fn duration(text: &str) -> Option<Duration> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(digits_end);
    let millis_each = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(millis_each).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_a_unit() {
        for (text, millis) in [
            ("30s", Some(30_000)),
            ("2m", Some(120_000)),
            ("500ms", Some(500)),
            ("1 h", Some(3_600_000)),
            ("2d", Some(172_800_000)),
            ("0s", Some(0)),
            ("30", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("1.5s", None),
            ("1h30m", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn each_has_an_end() {
        for (text, is_timeout, is_round_trip, is_patience) in [
            ("0s", false, true, true),
            ("1ms", true, true, true),
            ("999ms", true, true, true),
            ("1s", true, false, true),
            ("1h", true, false, true),
            ("3601s", false, false, true),
            ("30d", false, false, true),
            ("31d", false, false, false),
        ] {
            assert_eq!(timeout(text).is_some(), is_timeout, "{text}");
            assert_eq!(round_trip(text).is_some(), is_round_trip, "{text}");
            assert_eq!(patience(text).is_some(), is_patience, "{text}");
        }
    }
}
