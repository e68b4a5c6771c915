//! How often something may happen, `2/s`, and how it is spread.

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

/// How requests are spread under their rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// A request may only start one window after the *answer* to the one `count` places before
    /// it. No window of the provider's can hold more than the rate, whatever the delays; it costs
    /// the time that answers take.
    Strict,
    /// Evenly, at the full rate. A provider that counts strictly may refuse one now and then.
    Spaced,
}

/// Why a text is no pacing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pacing; write \"strict\" or \"spaced\"")]
pub struct PacingFault(String);

impl Pacing {
    /// The fastest rate that is kept strictly without being asked to, in requests a second. Below
    /// it a refusal costs more than the time that answers take.
    const STRICT_UP_TO: u64 = 10;

    /// How requests are spread where nobody says: strictly where one of the stacked `rates` is
    /// 10/s or less, or where the provider `counts_strictly`
    /// ([`Capabilities::counts_strictly`](crate::Capabilities::counts_strictly)).
    pub fn usual(rates: &[Rate], counts_strictly: bool) -> Self {
        let is_slow =
            |rate: &Rate| u64::from(rate.count.get()) <= Self::STRICT_UP_TO * rate.window().as_secs();
        if counts_strictly || rates.iter().any(is_slow) { Self::Strict } else { Self::Spaced }
    }

    /// The word for it in a campaign file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Spaced => "spaced",
        }
    }
}

impl FromStr for Pacing {
    type Err = PacingFault;

    fn from_str(text: &str) -> Result<Self, PacingFault> {
        let named = [Self::Strict, Self::Spaced].into_iter().find(|pacing| pacing.word() == text);
        named.ok_or_else(|| PacingFault(text.to_owned()))
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
    fn ten_a_second_and_less_is_strict_unless_somebody_says_otherwise() {
        for (rates, counts_strictly, pacing) in [
            ("2/s", false, Pacing::Strict),
            ("10/s", false, Pacing::Strict),
            ("11/s", false, Pacing::Spaced),
            ("11/s", true, Pacing::Strict),
            ("600/m", false, Pacing::Strict),
            ("601/m", false, Pacing::Spaced),
            ("100/s 10000/d", false, Pacing::Strict),
            ("100/s 1000000/d", false, Pacing::Spaced),
            ("", false, Pacing::Spaced),
            ("", true, Pacing::Strict),
        ] {
            let stacked: Vec<Rate> =
                rates.split_whitespace().map(|rate| rate.parse().expect("a rate")).collect();
            assert_eq!(Pacing::usual(&stacked, counts_strictly), pacing, "{rates} {counts_strictly}");
        }
    }

    #[test]
    fn a_pacing_is_one_of_two_words() {
        for pacing in [Pacing::Strict, Pacing::Spaced] {
            assert_eq!(pacing.word().parse(), Ok(pacing));
        }
        for text in ["", "Strict", "spaced ", "none"] {
            assert_eq!(text.parse::<Pacing>(), Err(PacingFault(text.to_owned())));
        }
    }

    #[test]
    fn a_rate_shows_as_it_is_written() {
        assert_eq!("1_000/h".parse::<Rate>().map(|rate| rate.to_string()), Ok("1000/h".to_owned()));
    }
}
