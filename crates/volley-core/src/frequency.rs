//! How many texts one number may get over time: `2/7d`.

use crate::UnixMillis;
use std::{num::NonZeroU32, str::FromStr};

/// The most texts that a cap can allow.
const MAX_TEXTS: u32 = 1_000;
/// The longest window that a cap can have: a leap year.
const MAX_WINDOW_MS: i64 = 366 * 24 * 60 * 60 * 1_000;

/// At most so many texts to one number within any window of a length, wherever it begins.
///
/// Read from `2/7d`, `1/24h`, `3/30m` or `1/90s`: 1 to 1,000 texts, a whole number of days, hours,
/// minutes or seconds, at most 366 days. A window holds its first instant and not its last: a
/// text exactly seven days after another is outside of its seven days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrequencyCap {
    texts: NonZeroU32,
    window_ms: i64,
}

/// Why a text is no cap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cap on texts; write it like 2/7d or 1/24h: 1 to 1000 texts in 1s to 366d")]
pub struct FrequencyCapFault(String);

impl FrequencyCap {
    /// The longest window that any cap can have, in milliseconds.
    pub const MAX_WINDOW_MS: i64 = MAX_WINDOW_MS;

    /// How many texts one window may hold, 1 to 1,000.
    pub const fn texts(self) -> NonZeroU32 {
        self.texts
    }

    /// How long the window is, in milliseconds: 1,000 to [`MAX_WINDOW_MS`](Self::MAX_WINDOW_MS).
    pub const fn window_ms(self) -> i64 {
        self.window_ms
    }

    /// Whether one more text at `at` is one too many for somebody who gets texts at `times`,
    /// which are in order. Times after `at` are texts that are scheduled already.
    pub fn forbids(self, times: &[UnixMillis], at: UnixMillis) -> bool {
        let most = usize::try_from(self.texts.get()).unwrap_or(usize::MAX);
        // With `at` among them, a run of as many texts as are allowed is one too many exactly
        // when all of it is within one window.
        times.windows(most).any(|run| {
            let (first, last) = (run[0].min(at), run[most - 1].max(at));
            last.0.saturating_sub(first.0) < self.window_ms
        })
    }
}

impl FromStr for FrequencyCap {
    type Err = FrequencyCapFault;

    fn from_str(text: &str) -> Result<Self, FrequencyCapFault> {
        let fault = || FrequencyCapFault(text.to_owned());
        let (texts, window) = text.split_once('/').ok_or_else(fault)?;
        let window = window.trim();
        let (length, unit) = window.split_at_checked(window.len().saturating_sub(1)).ok_or_else(fault)?;
        let unit_ms: i64 = match unit {
            "s" => 1_000,
            "m" => 60 * 1_000,
            "h" => 60 * 60 * 1_000,
            "d" => 24 * 60 * 60 * 1_000,
            _ => return Err(fault()),
        };
        let texts = count(texts).and_then(NonZeroU32::new).filter(|texts| texts.get() <= MAX_TEXTS);
        let window_ms = count(length).and_then(|units| i64::from(units).checked_mul(unit_ms));
        let window_ms = window_ms.filter(|window_ms| (1..=MAX_WINDOW_MS).contains(window_ms));
        match (texts, window_ms) {
            (Some(texts), Some(window_ms)) => Ok(Self { texts, window_ms }),
            _ => Err(fault()),
        }
    }
}

/// Digits, with underscores between them where they help the eye.
fn count(text: &str) -> Option<u32> {
    let text = text.trim();
    let is_count = text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if is_count { text.replace('_', "").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cap(text: &str) -> FrequencyCap {
        text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    fn times(millis: &[i64]) -> Vec<UnixMillis> {
        millis.iter().copied().map(UnixMillis).collect()
    }

    #[test]
    fn a_cap_reads_as_texts_a_time() {
        let hour = 60 * 60 * 1_000;
        for (text, texts, window_ms) in [
            ("2/7d", 2, 7 * 24 * hour),
            ("1/24h", 1, 24 * hour),
            ("3/30d", 3, 30 * 24 * hour),
            (" 1 / 90 m ", 1, 90 * 60_000),
            ("1_000/1s", 1_000, 1_000),
            ("1/366d", 1, FrequencyCap::MAX_WINDOW_MS),
            ("1/8784h", 1, FrequencyCap::MAX_WINDOW_MS),
            ("1/31_622_400s", 1, FrequencyCap::MAX_WINDOW_MS),
        ] {
            let cap = cap(text);
            assert_eq!((cap.texts().get(), cap.window_ms()), (texts, window_ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_cap_is_refused() {
        for text in [
            "",
            "2",
            "2/",
            "2/7",
            "2/d",
            "/7d",
            "2/7w",
            "2/7days",
            "2/7d/1",
            "2/1.5d",
            "2/-7d",
            "-1/7d",
            "_1/7d",
            "two/7d",
            "2/７d",
            "2/7ｄ",
            "0/7d",
            "1001/7d",
            "99999999999999999999/7d",
            "2/0d",
            "2/367d",
            "2/8785h",
            "2/31622401s",
            "2/4294967295d",
            "2/99999999999999999999s",
        ] {
            assert_eq!(text.parse::<FrequencyCap>(), Err(FrequencyCapFault(text.to_owned())));
        }
    }

    #[test]
    fn a_text_counts_until_the_window_has_passed_and_not_a_millisecond_longer() {
        for (cap_text, earlier, at, forbidden) in [
            ("1/1s", &[][..], 5_000, false),
            ("1/1s", &[5_000], 5_000, true),
            ("1/1s", &[5_000], 5_999, true),
            ("1/1s", &[5_000], 6_000, false),
            ("2/1s", &[5_000], 5_000, false),
            ("2/1s", &[5_000, 5_000], 5_999, true),
            ("2/1s", &[5_000, 5_500], 5_999, true),
            ("2/1s", &[5_000, 5_500], 6_000, false),
            ("2/1s", &[4_000, 5_000, 5_500], 6_000, false),
            // Texts that are scheduled for later are in the way, too.
            ("1/1s", &[5_000], 4_001, true),
            ("1/1s", &[5_000], 4_000, false),
            ("2/1s", &[5_000, 5_900], 5_400, true),
            ("2/1s", &[5_000, 6_100], 5_500, false),
            ("2/1s", &[5_000, 5_900, 6_800], 5_901, true),
        ] {
            assert_eq!(
                cap(cap_text).forbids(&times(earlier), UnixMillis(at)),
                forbidden,
                "{cap_text} after {earlier:?} at {at}"
            );
        }
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let ends = times(&[i64::MIN, i64::MAX]);
        assert!(!cap("2/366d").forbids(&ends, UnixMillis(0)));
        assert!(cap("1/366d").forbids(&ends, UnixMillis(i64::MAX)));
    }

    /// The most texts that any window of the cap's length holds, by looking at each window that
    /// begins with a text.
    fn fullest(cap: FrequencyCap, times: &[UnixMillis]) -> usize {
        let holds = |start: &UnixMillis| {
            times.iter().filter(|time| (0..cap.window_ms()).contains(&(time.0 - start.0))).count()
        };
        times.iter().map(holds).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn a_text_is_forbidden_exactly_when_it_would_overfill_a_window(
            texts in 1_usize..5,
            asked in prop::collection::vec(0_i64..4_000, 0..24),
            at in 0_i64..4_000,
        ) {
            let cap = cap(&format!("{texts}/1s"));
            // Whoever got more than is allowed before there was a cap is somebody else's matter.
            let mut allowed: Vec<UnixMillis> = Vec::new();
            for time in times(&asked) {
                let mut with = allowed.clone();
                with.push(time);
                if fullest(cap, &with) <= texts {
                    allowed = with;
                }
            }
            allowed.sort_unstable();
            let mut with = allowed.clone();
            with.push(UnixMillis(at));
            prop_assert_eq!(cap.forbids(&allowed, UnixMillis(at)), fullest(cap, &with) > texts);
        }

        #[test]
        fn whoever_obeys_never_fills_a_window_beyond_the_cap(
            texts in 1_usize..5,
            asked in prop::collection::vec(0_i64..4_000, 0..40),
        ) {
            let cap = cap(&format!("{texts}/1s"));
            let mut got: Vec<UnixMillis> = Vec::new();
            for at in times(&asked) {
                if !cap.forbids(&got, at) {
                    got.push(at);
                    got.sort_unstable();
                }
            }
            prop_assert!(fullest(cap, &got) <= texts, "{:?}", got);
        }
    }
}
