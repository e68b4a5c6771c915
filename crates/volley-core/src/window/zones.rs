//! The time zones that a number may be in.
//!
//! `cargo xtask zones` writes them into `data/zones/tables.bin`, linked from here; `data/zones/README.md` has its
//! layout and where the data come from. It is read once, when a window is first asked for.

use crate::{Msisdn, NumberKind, Region};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::sync::{LazyLock, OnceLock};

const FILE: &[u8] = include_bytes!("tables.bin");

/// Calling codes whose mobile numbers begin with the area they are of: Argentina, Brazil, Mexico.
/// Of other mobile numbers what they begin with is a network.
const AREAS_IN_MOBILE_NUMBERS: [u64; 3] = [54, 55, 52];

/// The time zones that a number may be in: one, or several where it does not say in which.
///
/// A number that has an area is in that area's; any other may be in any of its country's, and one
/// of no country (a satellite's) in any there is. Two are equal exactly where they are the same
/// zones, so that what is found out of one holds for all of its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zones(u16);

impl Zones {
    /// Those that `number` may be in.
    pub fn of(number: Msisdn) -> Self {
        let tables = &*TABLES;
        let assignment = number.assignment();
        let (digits, _) = number.padded();
        let has_area = assignment.is_some_and(|assignment| match assignment.kind {
            NumberKind::Fixed | NumberKind::FixedOrMobile => true,
            NumberKind::Mobile => AREAS_IN_MOBILE_NUMBERS.contains(&(digits / 10_u64.pow(13))),
            _ => false,
        });
        let area = if has_area { tables.area(digits) } else { None };
        let region = assignment.and_then(|assignment| assignment.region);
        area.unwrap_or_else(|| Self::of_country(region.map_or([0; 2], Region::two_letters)))
    }

    /// Those of the country with these two letters; zeros for no country.
    pub(super) fn of_country(letters: [u8; 2]) -> Self {
        let countries = &TABLES.countries;
        let place = countries.binary_search_by_key(&letters, |(letters, _)| *letters);
        countries[place.expect("a test looks every region up")].1
    }

    /// A small number that tells them apart, below [`Zones::COUNT`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Those with this index, below [`Zones::COUNT`].
    #[cfg(test)]
    pub(super) fn at(index: usize) -> Self {
        Self(u16::try_from(index).expect("a few"))
    }

    /// So many different ones there are.
    pub const COUNT: usize = count(1);

    /// Their names in the time zone database, in alphabetical order: `Asia/Bangkok`.
    pub fn names(self) -> impl ExactSizeIterator<Item = &'static str> {
        let tables = &*TABLES;
        tables.sets[self.index()].iter().map(|zone| tables.names[usize::from(*zone)])
    }

    /// Their names and rules.
    pub(super) fn each(self) -> impl Iterator<Item = (&'static str, &'static TimeZone)> {
        let tables = &*TABLES;
        tables.sets[self.index()].iter().map(|zone| {
            let zone = usize::from(*zone);
            (tables.names[zone], rules_at(zone))
        })
    }
}

/// The rules of the zone of this name, which is one that [`Zones`] name.
pub(super) fn rules(name: &str) -> &'static TimeZone {
    rules_at(TABLES.names.binary_search(&name).expect("a name that was handed out"))
}

/// The rules of the zone in this place, by the database that is compiled in. Read once.
fn rules_at(place: usize) -> &'static TimeZone {
    static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    static RULES: LazyLock<Vec<OnceLock<TimeZone>>> =
        LazyLock::new(|| TABLES.names.iter().map(|_| OnceLock::new()).collect());
    RULES[place].get_or_init(|| DATABASE.get(TABLES.names[place]).expect("a test looks every name up"))
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::read);

struct Tables {
    /// In alphabetical order.
    names: Vec<&'static str>,
    /// Places among the names.
    sets: Vec<Vec<u16>>,
    /// From which first nine digits on, with zeros behind the end of a number, which set holds;
    /// `None` for that of the country. The first begins with zero.
    areas: Vec<(u32, Option<Zones>)>,
    /// By two letters, in order; zeros for no country.
    countries: Vec<([u8; 2], Zones)>,
}

impl Tables {
    fn read() -> Self {
        let mut at = 4 * 2;
        let mut take = |length: usize| {
            at += length;
            &FILE[at - length..at]
        };
        let names = (0..count(0)).map(|_| {
            let length = usize::from(take(1)[0]);
            str::from_utf8(take(length)).expect("names are ASCII")
        });
        let names = names.collect();
        let short = |bytes: &[u8]| u16::from_le_bytes([bytes[0], bytes[1]]);
        let sets = (0..count(1)).map(|_| {
            let zones = short(take(2));
            (0..zones).map(|_| short(take(2))).collect()
        });
        let sets = sets.collect();
        let areas = (0..count(2)).map(|_| {
            let start = take(4);
            let start = u32::from_le_bytes([start[0], start[1], start[2], start[3]]);
            (start, short(take(2)).checked_sub(1).map(Zones))
        });
        let areas = areas.collect();
        let countries = (0..count(3)).map(|_| {
            let letters = take(2);
            ([letters[0], letters[1]], Zones(short(take(2))))
        });
        let countries = countries.collect();
        Self { names, sets, areas, countries }
    }

    /// Those of the area that a number lies in, by its digits with zeros up to fifteen.
    fn area(&self, digits: u64) -> Option<Zones> {
        let first_nine = digits / 1_000_000;
        let behind = self.areas.partition_point(|(start, _)| u64::from(*start) <= first_nine);
        self.areas[behind - 1].1
    }
}

const fn count(table: usize) -> usize {
    u16::from_le_bytes([FILE[table * 2], FILE[table * 2 + 1]]) as usize
}
