//! How long to wait before trying again what is proved not to have been taken.

use std::time::Duration;

/// The longest wait.
const LONGEST: Duration = Duration::from_mins(5);

/// A wait for the retry after try number `tries` (from 1): uniform between nothing and the
/// smaller of five minutes and `1 s × 2^tries`, but never below `at_least`.
///
/// Full jitter keeps many senders that failed together from coming back together. `random` is
/// any 64 random bits.
pub(crate) fn wait(tries: u32, at_least: Duration, random: u64) -> Duration {
    let ceiling = Duration::from_secs(1_u64 << tries.min(20)).min(LONGEST);
    let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random % (millis + 1)).max(at_least)
}

/// How long a lane stays silent after its `in_a_row`-th "too fast" (from 1): what the provider
/// asks, and at least one second, doubled each time up to five minutes.
pub(crate) fn silence(in_a_row: u32, asked: Option<Duration>) -> Duration {
    let doubled = Duration::from_secs(1_u64 << in_a_row.saturating_sub(1).min(20)).min(LONGEST);
    doubled.max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_five_minutes_and_keep_the_floor() {
        for (tries, ceiling_seconds) in [(1, 2), (2, 4), (5, 32), (8, 256), (9, 300), (60, 300)] {
            let ceiling = Duration::from_secs(ceiling_seconds);
            let longest = (0..2_000).map(|step| wait(tries, Duration::ZERO, step * 997)).max();
            assert!(longest <= Some(ceiling) && longest > Some(ceiling / 2), "{tries}: {longest:?}");
            assert_eq!(wait(tries, ceiling * 2, 12_345), ceiling * 2);
        }
    }

    #[test]
    fn silence_doubles_but_never_undercuts_the_provider() {
        let seconds = Duration::from_secs;
        for (in_a_row, asked, expected) in [
            (1, None, 1),
            (2, None, 2),
            (5, None, 16),
            (40, None, 300),
            (1, Some(7), 7),
            (4, Some(7), 8),
            (9, Some(3_600), 3_600),
        ] {
            assert_eq!(silence(in_a_row, asked.map(seconds)), seconds(expected), "{in_a_row} {asked:?}");
        }
    }
}
