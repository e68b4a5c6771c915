//! The countries that numbers belong to.

use super::tables::Plan;
use std::{fmt, str::FromStr};

/// The country that numbers without a country code belong to, ISO 3166-1 alpha-2: `AU`.
///
/// Only countries with a numbering plan of their own are there.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region(u8);

impl Region {
    /// The region in this place among all plans; `None` for the numbers of no country.
    #[inline]
    pub(super) fn at(place: u8) -> Option<Self> {
        (Plan::at(place).letters != [0; 2]).then_some(Self(place))
    }

    #[inline]
    pub(super) fn plan(self) -> &'static Plan {
        Plan::at(self.0)
    }

    /// All of them.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).take(Plan::all().len()).filter_map(Self::at)
    }

    /// Its two letters, as bytes.
    pub(crate) fn two_letters(self) -> [u8; 2] {
        self.plan().letters
    }

    /// Its place among all regions, below 256: what belongs to one can stand in a list.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Its two letters.
    pub(super) fn letters(self) -> &'static str {
        str::from_utf8(&self.plan().letters).expect("two letters")
    }
}

/// Why a text is no region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a country; write it as two letters, like AU")]
pub struct RegionFault(String);

impl FromStr for Region {
    type Err = RegionFault;

    fn from_str(text: &str) -> Result<Self, RegionFault> {
        let code = text.to_ascii_uppercase();
        let is_named = |plan: &Plan| plan.letters != [0; 2] && plan.letters == *code.as_bytes();
        let place = Plan::all().iter().position(is_named).and_then(|place| u8::try_from(place).ok());
        place.map(Self).ok_or_else(|| RegionFault(text.to_owned()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letters())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}
