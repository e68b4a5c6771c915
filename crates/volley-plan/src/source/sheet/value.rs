//! What stands in a cell, as text: numbers as they were typed, days and times as ISO 8601 has them.

use jiff::{SignedDuration, ToSpan, civil::Date};
use std::fmt::Write;

/// What a cell's format makes of its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shown {
    #[default]
    Number,
    /// A day, a time of day, or both.
    Moment,
    /// Hours that go on behind 24.
    Elapsed,
}

impl Shown {
    /// The formats that need no code, by their numbers (ECMA-376 part 1, clause 18.8.30; 27 to 36
    /// and 50 to 58 are those of East Asia).
    pub(super) fn of_built_in(id: u32) -> Self {
        match id {
            14..=22 | 27..=36 | 45 | 47 | 50..=58 => Self::Moment,
            46 => Self::Elapsed,
            _ => Self::Number,
        }
    }

    /// A format by its code, such as `dd/mm/yyyy` or `[h]:mm` (ECMA-376 part 1, clause 18.8.31).
    pub(super) fn of_code(code: &str) -> Self {
        let mut signs = code.chars();
        while let Some(sign) = signs.next() {
            match sign.to_ascii_lowercase() {
                // The sign behind one of these is no part of the code.
                '\\' | '_' | '*' => drop(signs.next()),
                '"' => drop(signs.find(|sign| *sign == '"')),
                '[' => {
                    let inside: String = signs.by_ref().take_while(|sign| *sign != ']').collect();
                    if ["h", "hh", "m", "mm", "s", "ss"].iter().any(|unit| inside.eq_ignore_ascii_case(unit))
                    {
                        return Self::Elapsed;
                    }
                }
                'y' | 'm' | 'd' | 'h' | 's' => return Self::Moment,
                ';' => break, // what follows is for negative numbers
                _ => {}
            }
        }
        Self::Number
    }
}

/// The day that a workbook counts its days from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Epoch {
    /// Day 1 is 1 January 1900, and there is a 29 February in that year.
    #[default]
    Year1900,
    /// Day 0 is 1 January 1904.
    Year1904,
}

/// Adds a number as this format shows it, but in one form whatever the country.
pub(super) fn add_number(number: f64, shown: Shown, epoch: Epoch, into: &mut String) {
    let moment = match shown {
        Shown::Number => None,
        Shown::Moment => moment(number, epoch),
        Shown::Elapsed => elapsed(number),
    };
    match moment {
        Some(moment) => into.push_str(&moment),
        None => add_plain(number, into),
    }
}

/// Adds a number without an exponent; with one where a workbook has lost its last digits, at 16
/// digits and more, so that nothing takes the zeros in their place for digits.
fn add_plain(number: f64, into: &mut String) {
    let size = number.abs();
    let written = if number == 0.0 {
        write!(into, "0") // and no -0
    } else if (1e-9..1e15).contains(&size) {
        write!(into, "{number}")
    } else {
        let text = format!("{number:E}");
        write!(into, "{}", if size >= 1.0 { text.replace('E', "E+") } else { text })
    };
    written.expect("a string takes everything");
}

/// The day, the time, or both, that a number of days stands for: `2026-12-01`, `09:30:00`,
/// `2026-12-01T09:30:00`. `None` for what is no day: numbers below zero, beyond the year 9999, and
/// 29 February 1900.
fn moment(days: f64, epoch: Epoch) -> Option<String> {
    let (day, second) = days_and_seconds(days)?;
    let first = match (epoch, day) {
        (Epoch::Year1900, ..60) => Date::constant(1899, 12, 31),
        (Epoch::Year1900, 60) => return None,
        (Epoch::Year1900, _) => Date::constant(1899, 12, 30),
        (Epoch::Year1904, _) => Date::constant(1904, 1, 1),
    };
    let time = clock(second);
    if day == 0 {
        return Some(time);
    }
    let date = first.checked_add(day.days()).ok()?;
    Some(if second == 0 { date.to_string() } else { format!("{date}T{time}") })
}

/// Hours, minutes and seconds of a number of days: `36:00:00`.
fn elapsed(days: f64) -> Option<String> {
    let (days, seconds) = days_and_seconds(days)?;
    Some(clock(days * 86_400 + seconds))
}

/// Whole days and the seconds of the last, to the next whole one.
fn days_and_seconds(days: f64) -> Option<(i64, i64)> {
    let duration = SignedDuration::try_from_secs_f64((days * 86_400.0).round()).ok()?;
    let (days, seconds) = (duration.as_secs() / 86_400, duration.as_secs() % 86_400);
    (duration >= SignedDuration::ZERO && days < 2_958_466).then_some((days, seconds))
}

fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// A day and time of ISO 8601 as everything else here is written: without a time at midnight.
pub(super) fn iso_moment(text: &str) -> &str {
    match text.split_once('T') {
        Some((date, time)) if time.bytes().all(|byte| matches!(byte, b'0' | b':' | b'.')) => date,
        _ => text,
    }
}

/// A duration of ISO 8601 as a time: `PT09H30M00S` is `09:30:00`. What is no such duration stays
/// as it is.
pub(super) fn iso_time(text: &str) -> String {
    match text.parse::<SignedDuration>() {
        Ok(duration) if duration >= SignedDuration::ZERO => clock(duration.as_secs()),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_prints_as_it_was_typed_or_with_an_exponent() {
        for (number, text) in [
            (61_491_570_006.0, "61491570006"),
            (61_491_570_006.5, "61491570006.5"),
            (491_570_006.0, "491570006"),
            (999_999_999_999_999.0, "999999999999999"),
            (1_234_567_890_123_456.0, "1.234567890123456E+15"),
            (123_456_789_012_345_678.0, "1.2345678901234568E+17"),
            (-2e20, "-2E+20"),
            (1.1, "1.1"),
            (0.25, "0.25"),
            (1e-7, "0.0000001"),
            (1e-12, "1E-12"),
            (0.0, "0"),
            (-0.0, "0"),
            (-3.5, "-3.5"),
        ] {
            let mut out = String::new();
            add_number(number, Shown::Number, Epoch::Year1900, &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn days_count_from_the_workbooks_own_first_day() {
        use {Epoch::Year1900 as Y1900, Epoch::Year1904 as Y1904, Shown::Elapsed, Shown::Moment};
        for (number, shown, epoch, text) in [
            (1.0, Moment, Y1900, "1900-01-01"),
            (59.0, Moment, Y1900, "1900-02-28"),
            (60.0, Moment, Y1900, "60"), // 29 February 1900
            (61.0, Moment, Y1900, "1900-03-01"),
            (46_357.0, Moment, Y1900, "2026-12-01"),
            (46_357.395_833_333_336, Moment, Y1900, "2026-12-01T09:30:00"),
            (46_357.999_999_999, Moment, Y1900, "2026-12-02"),
            (44_895.0, Moment, Y1904, "2026-12-01"),
            (0.395_833_333_333_333, Moment, Y1900, "09:30:00"),
            (0.5, Moment, Y1904, "12:00:00"),
            (1.5, Elapsed, Y1900, "36:00:00"),
            (-1.0, Moment, Y1900, "-1"),
            (2_958_465.0, Moment, Y1900, "9999-12-31"),
            (2_958_466.0, Moment, Y1900, "2958466"),
            (2_958_465.0, Moment, Y1904, "2958465"),
            (1e300, Moment, Y1900, "1E+300"),
        ] {
            let mut out = String::new();
            add_number(number, shown, epoch, &mut out);
            assert_eq!(out, text, "{number}");
        }
    }

    #[test]
    fn a_format_shows_a_moment_or_a_number() {
        for (code, shown) in [
            ("General", Shown::Number),
            ("0.00E+00", Shown::Number),
            ("#,##0.00 [$kr-41D]", Shown::Number),
            ("[Red]0", Shown::Number),
            ("0 \"days\"", Shown::Number),
            ("0\\d", Shown::Number),
            ("0_d", Shown::Number),
            ("0;yyyy", Shown::Number),
            ("@", Shown::Number),
            ("yyyy-mm-dd", Shown::Moment),
            ("[$-409]d/m/yy", Shown::Moment),
            ("[$-41E]D MMMM YYYY", Shown::Moment),
            ("h:mm AM/PM", Shown::Moment),
            ("\"um\" h", Shown::Moment),
            ("[h]:mm", Shown::Elapsed),
            ("[SS]", Shown::Elapsed),
        ] {
            assert_eq!(Shown::of_code(code), shown, "{code}");
        }
        assert_eq!([13, 14, 22, 23, 46, 49].map(Shown::of_built_in), {
            use Shown::{Elapsed, Moment, Number};
            [Number, Moment, Moment, Number, Elapsed, Number]
        });
    }

    #[test]
    fn moments_of_iso_8601_are_written_alike() {
        for (text, written) in [
            ("2026-12-01", "2026-12-01"),
            ("2026-12-01T00:00:00", "2026-12-01"),
            ("2026-12-01T00:00:00.000", "2026-12-01"),
            ("2026-12-01T09:30:00", "2026-12-01T09:30:00"),
            ("soon", "soon"),
        ] {
            assert_eq!(iso_moment(text), written);
        }
        for (text, written) in
            [("PT09H30M00S", "09:30:00"), ("PT36H00M00S", "36:00:00"), ("-PT1H", "-PT1H"), ("x", "x")]
        {
            assert_eq!(iso_time(text), written);
        }
    }
}
