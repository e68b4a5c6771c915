//! How long a provider asks to wait: the `Retry-After` header.

use jiff::{Timestamp, civil, tz::Offset};
use std::time::Duration;
use volley_core::UnixMillis;

const SHORTEST: Duration = Duration::from_secs(1);
/// Beyond this nobody means what they say, and sums with it stay in range.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// The wait that `value`, a `Retry-After` header read at `now`, asks for: 1 s to 366 days.
///
/// Whole seconds, or an HTTP date in any of its three spellings (RFC 9110 sections 10.2.3 and
/// 5.6.7). A time that is past, a negative number and a text that cannot be read give 1 s: the
/// provider wants a pause, and nobody knows how long. The name of the weekday is not checked.
pub fn retry_after(value: &str, now: UnixMillis) -> Duration {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX)) // digits alone fail only by size
    } else {
        let millis = http_date(value, now).and_then(|date| date.checked_sub(now.0)).unwrap_or(0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    };
    wait.clamp(SHORTEST, LONGEST)
}

/// The instant that an HTTP date names, in milliseconds since 1970; `None` for anything else.
fn http_date(text: &str, now: UnixMillis) -> Option<i64> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    match words[..] {
        // Sun, 06 Nov 1994 08:49:37 GMT
        [_, day, month, year, time, "GMT"] if year.len() == 4 => instant(number(year)?, month, day, time),
        // Sunday, 06-Nov-94 08:49:37 GMT
        [_, day, month, year, time, "GMT"] if year.len() == 2 => {
            let year: i16 = number(year)?;
            let this_century = instant(2_000 + year, month, day, time);
            match this_century {
                // "more than 50 years in the future" means the century before.
                Some(date) if date <= fifty_years_after(now) => Some(date),
                _ => instant(1_900 + year, month, day, time),
            }
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] if year.len() == 4 => instant(number(year)?, month, day, time),
        _ => None,
    }
}

fn fifty_years_after(now: UnixMillis) -> i64 {
    const YEAR_MILLIS: i64 = 31_556_952_000; // the mean Gregorian year
    now.plus_millis(50 * YEAR_MILLIS).0
}

fn instant(year: i16, month: &str, day: &str, time: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = (1..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
    let mut parts = time.split(':').map(number::<i8>);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || second > 60 {
        return None;
    }
    let date = civil::Date::new(year, month, number(day)?).ok()?;
    let second = second.min(59); // a leap second is not counted
    let time = civil::Time::new(hour, minute, second, 0).ok()?;
    // The last two days of the year 9999 are beyond jiff's clock, and far enough ahead.
    Some(Offset::UTC.to_timestamp(date.to_datetime(time)).map_or(i64::MAX, Timestamp::as_millisecond))
}

/// Digits alone: `parse` by itself would take a sign as well.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 1994-11-06T08:49:07Z, half a minute before the date of RFC 9110's examples.
    const NOW: UnixMillis = UnixMillis(784_111_747_000);

    #[test]
    fn seconds_and_the_three_dates_of_rfc_9110_are_read() {
        for (value, seconds) in [
            ("30", 30),
            (" 7 ", 7),
            ("0", 1),
            ("3600", 3_600),
            ("3601", 3_601),
            ("86400", 86_400),
            ("00000000000000000000000000000000030", 30),
            ("31622400", 31_622_400),
            ("31622401", 31_622_400),
            ("18446744073709551616", 31_622_400),
            ("99999999999999999999999999", 31_622_400),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 30),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 30),
            ("Sun Nov  6 08:49:37 1994", 30),
            ("Sun, 06 Nov 1994 08:49:60 GMT", 52),
            ("Sun, 06 Nov 1994 23:00:00 GMT", 51_053),
            ("Mon, 07-Nov-94 08:49:07 GMT", 86_400),
            ("Mon Nov 07 08:49:07 1994", 86_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 31_622_400),
        ] {
            assert_eq!(retry_after(value, NOW), Duration::from_secs(seconds), "{value:?}");
        }
    }

    #[test]
    fn past_negative_and_unreadable_are_one_second() {
        for value in [
            "",
            "-30",
            "-99999999999999999999999999",
            "1e3",
            "0x10",
            "7, 30",
            "7 s",
            "+30",
            "1.5",
            "30s",
            "soon",
            "Sun, 06 Nov 1994 08:49:07 GMT",
            "Sat, 05 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "\u{666}\u{660}",
        ] {
            assert_eq!(retry_after(value, NOW), SHORTEST, "{value:?}");
        }
    }

    #[test]
    fn a_two_digit_year_lies_at_most_fifty_years_ahead() {
        let in_2026 = UnixMillis(1_796_083_200_000); // 2026-12-01T00:00:00Z
        for (value, wait) in [
            ("Tuesday, 01-Dec-26 00:00:20 GMT", Duration::from_secs(20)),
            ("Monday, 01-Jan-76 00:00:00 GMT", LONGEST),    // 2076
            ("Thursday, 01-Dec-77 00:00:00 GMT", SHORTEST), // 1977
            ("Sunday, 06-Nov-94 08:49:37 GMT", SHORTEST),   // 1994
        ] {
            assert_eq!(retry_after(value, in_2026), wait, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_at_no_time_leaves_the_range(
            value in prop_oneof![
                "\\PC*",
                "-?[0-9]{1,30}",
                "[A-Z][a-z]{2,8},? [0-9]{1,3}[ -][A-Z][a-z]{2}[ -][0-9]{1,5} [0-9:]{1,9} GMT",
                "Sun Nov [0-9 ]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}",
            ],
            now: i64,
        ) {
            let wait = retry_after(&value, UnixMillis(now));
            prop_assert!((SHORTEST..=LONGEST).contains(&wait), "{wait:?}");
        }
    }
}
