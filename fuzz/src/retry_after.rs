//! The laws of the `Retry-After` header.

use std::time::Duration;
use volley_core::UnixMillis;

/// 1994-11-06T08:49:07Z, half a minute before the date of RFC 9110's examples.
const IN_1994: UnixMillis = UnixMillis(784_111_747_000);
/// 2026-12-01T00:00:00Z.
const IN_2026: UnixMillis = UnixMillis(1_796_083_200_000);
/// In order, both ends of time among them.
const INSTANTS: [UnixMillis; 6] = [
    UnixMillis(i64::MIN),
    UnixMillis(0),
    IN_1994,
    IN_1994.plus_millis(30_000),
    IN_2026,
    UnixMillis(i64::MAX),
];

/// The longest wait that is told from longer ones.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// `data`, as UTF-8 with what is none replaced, is the header's value.
///
/// Laws: a wait of 1 s to 366 days at any time; blanks around it mean nothing; so many seconds are so
/// many seconds at any time; a date with a whole year never means a longer wait later.
pub fn retry_after(data: &[u8]) {
    let value = String::from_utf8_lossy(data);
    let waits = INSTANTS.map(|now| {
        let wait = volley_provider::retry_after(&value, now);
        assert!((Duration::from_secs(1)..=LONGEST).contains(&wait), "a wait of {wait:?}");
        assert_eq!(wait, volley_provider::retry_after(&format!(" {value}\t"), now), "blanks around it");
        wait
    });
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = value.trim_start_matches('0');
        let longest = LONGEST.as_secs();
        let seconds = if digits.len() > 8 { longest } else { digits.parse().unwrap_or(0).clamp(1, longest) };
        assert_eq!(waits, [Duration::from_secs(seconds); INSTANTS.len()], "so many seconds");
    }
    // A year of two digits lies in one century or the next, by what time it is. The beginning of
    // time is left out: the wait from there to a date is beyond 64 bits.
    let mut words = value.split([' ', ',', '-']).filter(|word| !word.is_empty());
    if words.nth(3).is_none_or(|year| year.len() != 2) {
        assert!(waits[1..].is_sorted_by(|earlier, later| earlier >= later), "longer later: {waits:?}");
    }
}
