//! How often something may happen: `2/s`.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

/// So many requests in a window of time, read from `2/s`, `30/m`, `1_000/h` or `10000/d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

/// Why a text is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate; write it like 2/s, 30/m, 1_000/h or 10000/d")]
pub struct RateFault(String);

impl Rate {
    /// `count` a second.
    pub const fn per_second(count: NonZeroU32) -> Self {
        Self { count, unit: Unit::Second }
    }

    /// How many may happen within one [`window`](Self::window), 1 to 2³²−1.
    pub const fn count(self) -> NonZeroU32 {
        self.count
    }

    /// The window that the count belongs to: a second, a minute, an hour or a day.
    pub const fn window(self) -> Duration {
        Duration::from_secs(match self.unit {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3_600,
            Unit::Day => 86_400,
        })
    }

    /// Requests a second, for showing and for choosing the smallest of several rates.
    pub fn each_second(self) -> f64 {
        f64::from(self.count.get()) / self.window().as_secs_f64()
    }
}

impl FromStr for Rate {
    type Err = RateFault;

    fn from_str(text: &str) -> Result<Self, RateFault> {
        let fault = || RateFault(text.to_owned());
        let (count, unit) = text.split_once('/').ok_or_else(fault)?;
        let count = count.trim();
        let well_formed = count.starts_with(|first: char| first.is_ascii_digit())
            && count.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        if !well_formed {
            return Err(fault());
        }
        let unit = match unit.trim() {
            "s" => Unit::Second,
            "m" => Unit::Minute,
            "h" => Unit::Hour,
            "d" => Unit::Day,
            _ => return Err(fault()),
        };
        let count = count.replace('_', "").parse().map_err(|_| fault())?;
        Ok(Self { count, unit })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "s",
            Unit::Minute => "m",
            Unit::Hour => "h",
            Unit::Day => "d",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_like_speech() {
        for (text, count, seconds) in
            [("2/s", 2, 1), ("30/m", 30, 60), ("1_000/h", 1_000, 3_600), ("10000 / d", 10_000, 86_400)]
        {
            let rate: Rate = text.parse().unwrap_or_else(|fault| panic!("{fault}"));
            assert_eq!((rate.count().get(), rate.window().as_secs()), (count, seconds), "{text}");
        }
        for text in ["", "2", "0/s", "-1/s", "2/sec", "2.5/s", "_2/s", "/s", "99999999999/s", "2/s/s"] {
            assert_eq!(text.parse::<Rate>(), Err(RateFault(text.to_owned())));
        }
    }

    #[test]
    fn a_rate_shows_as_it_is_written() {
        assert_eq!("1_000/h".parse::<Rate>().map(|rate| rate.to_string()), Ok("1000/h".to_owned()));
    }
}
