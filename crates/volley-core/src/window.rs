//! When texts may be sent: `09:00-20:00`, by the clocks of those who get them.
//!
//! A window is asked about [`Zones`], the time zones that a number may be in: it is open where the
//! clocks of all of them are within it. So whoever lives in a country of several zones, and no one
//! knows in which, gets texts in its narrowest window. The rules of time zones are those of the
//! time zone database that is compiled in: no file of the machine changes what this says.

mod zones; // number -> the time zones it may be in

pub use zones::Zones;

use crate::UnixMillis;
use jiff::{Timestamp, tz::TimeZone};
use std::{fmt, str::FromStr};

const SECONDS_A_DAY: i64 = 24 * 60 * 60;
const MINUTES_A_DAY: u16 = 24 * 60;

/// How far ahead an opening is looked for. Summer times come and go within a year: what does not
/// open by then does not open.
const HORIZON_MS: i64 = 366 * SECONDS_A_DAY * 1_000;

/// The hours of the day in which texts may be sent, read from `09:00-20:00`.
///
/// Its first minute belongs to it and its last does not; it begins and ends on the same day. On a
/// day when clocks are set, civil time decides: a window that would begin in an hour that is left
/// out opens when that hour is over, and one that ends in an hour that comes twice closes in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Minutes after midnight, 0 to 1,439.
    from: u16,
    /// Minutes after midnight, `from` + 1 to 1,440.
    to: u16,
}

/// Why a text is no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowFault {
    /// Not two times of day.
    #[error("write two times of day, like \"09:00-20:00\"; \"00:00-24:00\" is always")]
    Shape,
    /// It has no minute.
    #[error("it is never open: its end is its beginning; \"00:00-24:00\" is always")]
    Empty,
    /// It goes over midnight: of two readings one sends in the middle of the night.
    #[error(
        "it ends before it begins; write the hours in which texts are sent, like \"{0}\", if these are the ones in which none are"
    )]
    Backwards(Window),
}

/// What a window is at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Texts may be sent.
    Open {
        /// The first instant when they may not; the end of time where they always may.
        until: UnixMillis,
    },
    /// Texts may not be sent before.
    Closed(Opens),
    /// It does not open within 366 days: no hour of the day is within it in all of the zones.
    Never,
}

/// The first instant at which a window that is closed is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opens {
    /// When, at most 366 days ahead.
    pub at: UnixMillis,
    /// The time zone whose clocks decide it, the last to open: `Asia/Bangkok`.
    pub zone: &'static str,
}

impl Opens {
    /// What clocks there show then, `09:00`.
    pub fn local(self) -> String {
        let minutes = time_of_day(zones::rules(self.zone), self.at.0.div_euclid(1_000)) / 60;
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// `09:00 Asia/Bangkok`.
impl fmt::Display for Opens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.local(), self.zone)
    }
}

impl Opening {
    /// Whether texts may be sent.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

impl Window {
    /// Whether it is open at `at` in all of `zones`, and how long it stays so.
    pub fn opening(self, zones: Zones, at: UnixMillis) -> Opening {
        if self.is_always() {
            return Opening::Open { until: UnixMillis(i64::MAX) };
        }
        let mut now = at;
        let mut last_to_open = None;
        // Each turn waits for the last zone to open that is closed; what was open may close meanwhile.
        while now.0.saturating_sub(at.0) <= HORIZON_MS {
            let mut closes = UnixMillis(i64::MAX);
            let mut opens = None;
            for (name, zone) in zones.each() {
                match self.in_zone(zone, now) {
                    (true, until) => closes = closes.min(until),
                    (false, until) => opens = opens.max(Some((until, name))),
                }
            }
            match (opens, last_to_open) {
                (None, None) => return Opening::Open { until: closes },
                (None, Some(zone)) => return Opening::Closed(Opens { at: now, zone }),
                (Some((until, zone)), _) => (now, last_to_open) = (until, Some(zone)),
            }
        }
        Opening::Never
    }

    /// Whether it is every hour of the day.
    pub const fn is_always(self) -> bool {
        self.from == 0 && self.to == MINUTES_A_DAY
    }

    /// Whether it is open at `at` by the clocks of one zone, and until when that stays so.
    fn in_zone(self, zone: &TimeZone, at: UnixMillis) -> (bool, UnixMillis) {
        let mut second = at.0.div_euclid(1_000);
        let is_open = self.holds(time_of_day(zone, second));
        // As long as clocks are not set, the next edge of the window is the end; where they are,
        // what they show then is asked anew.
        loop {
            let time = time_of_day(zone, second);
            if self.holds(time) != is_open {
                break;
            }
            let next_edge = second + self.seconds_to_an_edge(time);
            let clocks_set = zone.following(instant(second)).next();
            second = clocks_set.map_or(next_edge, |set| next_edge.min(set.timestamp().as_second()));
        }
        (is_open, UnixMillis(second.saturating_mul(1_000)))
    }

    /// Whether it holds this second of the day.
    fn holds(self, time: i64) -> bool {
        (i64::from(self.from) * 60..i64::from(self.to) * 60).contains(&time)
    }

    /// How many seconds after this second of the day it begins or ends, at least 1.
    fn seconds_to_an_edge(self, time: i64) -> i64 {
        let edges = [self.from, self.to].map(|minutes| i64::from(minutes) * 60 % SECONDS_A_DAY);
        let ahead = edges.map(|edge| (edge - time - 1).rem_euclid(SECONDS_A_DAY) + 1);
        ahead[0].min(ahead[1])
    }
}

/// The second of the day that clocks in `zone` show.
fn time_of_day(zone: &TimeZone, second: i64) -> i64 {
    (second + i64::from(zone.to_offset(instant(second)).seconds())).rem_euclid(SECONDS_A_DAY)
}

/// `second` after 1970, within the years that the database knows rules for.
fn instant(second: i64) -> Timestamp {
    let second = second.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(second).expect("within the limits")
}

impl FromStr for Window {
    type Err = WindowFault;

    fn from_str(text: &str) -> Result<Self, WindowFault> {
        let (from, to) = text.split_once('-').ok_or(WindowFault::Shape)?;
        let (from, to) = minutes(from.trim()).zip(minutes(to.trim())).ok_or(WindowFault::Shape)?;
        match (from, to) {
            (MINUTES_A_DAY, _) => Err(WindowFault::Shape),
            (from, to) if from == to => Err(WindowFault::Empty),
            (from, 0) => Ok(Self { from, to: MINUTES_A_DAY }),
            (from, to) if from > to => Err(WindowFault::Backwards(Self { from: to, to: from })),
            (from, to) => Ok(Self { from, to }),
        }
    }
}

/// Minutes after midnight of `09:30`; `24:00` is the end of the day.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str, width: std::ops::RangeInclusive<usize>| {
        let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        if are_digits && width.contains(&digits.len()) { digits.parse::<u16>().ok() } else { None }
    };
    let (hours, minutes) = (number(hours, 1..=2)?, number(minutes, 2..=2)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES_A_DAY).then_some(total)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

#[cfg(test)]
mod tests;
