//! `cargo xtask zones`: the tables by which `volley-core` knows the time zones of a number.
//!
//! Compiles `data/zones/areas.txt` (libphonenumber: what numbers begin with -> zones),
//! `data/zones/zone.tab` (the time zone database: country -> zones) and the regions of
//! `data/numbers/metadata.txt` into `data/zones/tables.bin`. All of them are committed: nothing is
//! generated while building, and a test here fails as soon as the tables are not those of the
//! texts. `data/zones/README.md` has the layout.

use crate::{Failure, numbers};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const AREAS: &str = "data/zones/areas.txt";
const COUNTRIES: &str = "data/zones/zone.tab";
const TABLES: &str = "data/zones/tables.bin";

/// The most digits that anything in `areas.txt` begins with.
const MOST_DIGITS: usize = 9;

/// Time zones by their names.
type Names<'a> = BTreeSet<&'a str>;

/// Writes the tables.
pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let tables = compiled(root)?;
    let path = root.join(TABLES);
    fs::write(&path, &tables).map_err(|source| Failure::Unwritable { path, source })?;
    println!("{TABLES}: {} bytes", tables.len());
    Ok(())
}

/// The tables for the texts that lie below `root`.
fn compiled(root: &Path) -> Result<Vec<u8>, Failure> {
    let regions = numbers::regions(root)?;
    let text = |name: &str| {
        let path = root.join(name);
        fs::read_to_string(&path).map_err(|source| Failure::Unreadable { path, source })
    };
    let (areas, countries) = (text(AREAS)?, text(COUNTRIES)?);
    let malformed = |name: &str, what| Failure::Malformed { path: root.join(name), what };
    let countries = read_countries(&countries).map_err(|what| malformed(COUNTRIES, what))?;
    let areas = read_areas(&areas).map_err(|what| malformed(AREAS, what))?;
    tables(&regions, &countries, &areas).map_err(|what| malformed(AREAS, what))
}

/// The zones of each country, by its two letters.
fn read_countries(text: &str) -> Result<BTreeMap<&str, Names<'_>>, String> {
    let mut countries: BTreeMap<&str, Names> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let (country, zone) = (columns.next(), columns.nth(1));
        let (country, zone) = country.zip(zone).ok_or_else(|| format!("`{line}` has no third column"))?;
        countries.entry(country).or_default().insert(zone);
    }
    Ok(countries)
}

/// The zones of the numbers that begin with the same digits, by those.
fn read_areas(text: &str) -> Result<BTreeMap<&str, Names<'_>>, String> {
    let area = |line| {
        let (digits, zones): (&str, &str) =
            str::split_once(line, '|').ok_or_else(|| format!("`{line}` has no `|`"))?;
        let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits || !(1..=MOST_DIGITS).contains(&digits.len()) {
            return Err(format!("`{digits}` is not 1 to {MOST_DIGITS} digits"));
        }
        Ok((digits, zones.split('&').collect()))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(area).collect()
}

/// What is known of the numbers that begin with the same digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Area<'a> {
    /// They are in these zones.
    In(&'a Names<'a>),
    /// No more than of any number of their country.
    Unknown,
}

/// The tables, byte by byte.
///
/// An area is believed where all of its zones are zones of a country with its calling code. Where
/// they are not, it names a place elsewhere whose clocks are alike but for their summer time.
fn tables(
    regions: &[(String, u16)],
    countries: &BTreeMap<&str, Names<'_>>,
    areas: &BTreeMap<&str, Names<'_>>,
) -> Result<Vec<u8>, String> {
    let mut of_code: BTreeMap<String, Names> = BTreeMap::new();
    // What no country is known of can be anywhere, and two zeros stand for it.
    let mut of_region: BTreeMap<[u8; 2], Names> = BTreeMap::new();
    of_region.insert([0; 2], countries.values().flatten().copied().collect());
    for (region, code) in regions.iter().filter(|(region, _)| region != "001") {
        let code = code.to_string();
        let zones = countries.get(region.as_str()).or_else(|| areas.get(code.as_str()));
        let zones = zones.ok_or_else(|| format!("no zone for {region}, +{code}"))?;
        let letters = region.as_bytes().try_into().map_err(|_| format!("`{region}` is no region"))?;
        of_region.insert(letters, zones.clone());
        of_code.entry(code).or_default().extend(zones);
    }
    let code_of = |digits: &str| (1..=3).find_map(|most| of_code.get_key_value(digits.get(..most)?));
    let mut believed = BTreeMap::new();
    for (digits, zones) in areas {
        let (code, of_code) = code_of(digits).ok_or_else(|| format!("{digits} is of no country"))?;
        if code == digits {
            continue;
        }
        let area = if zones.is_subset(of_code) { Area::In(zones) } else { Area::Unknown };
        believed.insert(*digits, area);
    }
    encoded(&of_region, &ranges(&believed)?)
}

/// From where on which area holds, by the first nine digits of a number with zeros behind its end:
/// of several areas that a number lies in the one of most digits.
fn ranges<'a>(areas: &BTreeMap<&str, Area<'a>>) -> Result<Vec<(u32, Area<'a>)>, String> {
    let mut ranges: Vec<(u32, Area)> = vec![(0, Area::Unknown)];
    // The ends of the areas around the place that was reached, the innermost last.
    let mut around: Vec<(u32, Area)> = Vec::new();
    // In the order of their digits an area stands directly before those within it.
    for (digits, area) in areas {
        let width = 10_u32.pow(u32::try_from(MOST_DIGITS - digits.len()).map_err(|error| error.to_string())?);
        let number: u32 = digits.parse().map_err(|error| format!("{digits}: {error}"))?;
        let start = number * width;
        leave(start, &mut around, &mut ranges);
        ranges.push((start, *area));
        around.push((start + width, *area));
    }
    leave(u32::MAX, &mut around, &mut ranges);
    // Of several at one place the last one holds, and neighbours alike are one.
    let mut joined: Vec<(u32, Area)> = Vec::new();
    for (start, area) in ranges {
        joined.pop_if(|(before, _)| *before == start);
        if joined.last().is_none_or(|(_, before)| *before != area) {
            joined.push((start, area));
        }
    }
    Ok(joined)
}

/// Leaves the areas around that end up to `until`.
fn leave<'a>(until: u32, around: &mut Vec<(u32, Area<'a>)>, ranges: &mut Vec<(u32, Area<'a>)>) {
    while let Some((end, _)) = around.pop_if(|(end, _)| *end <= until) {
        ranges.push((end, around.last().map_or(Area::Unknown, |(_, area)| *area)));
    }
}

fn encoded(of_region: &BTreeMap<[u8; 2], Names<'_>>, ranges: &[(u32, Area<'_>)]) -> Result<Vec<u8>, String> {
    let of_areas = ranges.iter().filter_map(|(_, area)| match area {
        Area::In(zones) => Some(*zones),
        Area::Unknown => None,
    });
    let sets: BTreeSet<&Names> = of_region.values().chain(of_areas).collect();
    let sets: Vec<&Names> = sets.into_iter().collect();
    let zones: Names = sets.iter().flat_map(|set| set.iter().copied()).collect();
    let zones: Vec<&str> = zones.into_iter().collect();
    let short = |count: usize| u16::try_from(count).map(u16::to_le_bytes).map_err(|error| error.to_string());
    let set_of = |names: &Names| sets.binary_search(&names).map_err(|_| "a set is missing".to_owned());
    let mut bytes = Vec::new();
    for count in [zones.len(), sets.len(), ranges.len(), of_region.len()] {
        bytes.extend(short(count)?);
    }
    for zone in &zones {
        bytes.push(u8::try_from(zone.len()).map_err(|error| format!("{zone}: {error}"))?);
        bytes.extend(zone.as_bytes());
    }
    for set in &sets {
        bytes.extend(short(set.len())?);
        for zone in *set {
            bytes.extend(short(zones.binary_search(zone).map_err(|_| "a zone is missing")?)?);
        }
    }
    for (start, area) in ranges {
        bytes.extend(start.to_le_bytes());
        bytes.extend(match area {
            Area::In(names) => short(set_of(names)? + 1)?,
            Area::Unknown => [0; 2],
        });
    }
    for (letters, names) in of_region {
        bytes.extend(letters);
        bytes.extend(short(set_of(names)?)?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_those_of_the_texts() {
        let root = crate::root();
        let tables = fs::read(root.join(TABLES)).expect(TABLES);
        let fresh = compiled(&root).expect("good texts");
        assert!(tables == fresh, "{TABLES} is not what its texts compile to; run `cargo xtask zones`");
        assert!(tables.len() < 64 * 1024, "{TABLES} has {} bytes", tables.len());
    }

    #[test]
    fn the_area_of_most_digits_holds_and_ends_where_it_ends() {
        let [wide, narrow, other] = ["a", "b", "c"].map(|name| Names::from([name]));
        let areas = BTreeMap::from([
            ("12", Area::In(&wide)),
            ("123", Area::In(&narrow)),
            ("1234", Area::Unknown),
            ("13", Area::In(&wide)),
            ("139999999", Area::In(&other)),
        ]);
        assert_eq!(
            ranges(&areas).expect("digits"),
            [
                (0, Area::Unknown),
                (120_000_000, Area::In(&wide)),
                (123_000_000, Area::In(&narrow)),
                (123_400_000, Area::Unknown),
                (123_500_000, Area::In(&narrow)),
                (124_000_000, Area::In(&wide)),
                (139_999_999, Area::In(&other)),
                (140_000_000, Area::Unknown),
            ]
        );
    }

    #[test]
    fn what_is_no_such_text_is_refused() {
        for text in ["61", "61x|A", "|A", "6112345678|A"] {
            assert!(read_areas(text).is_err(), "{text}");
        }
        assert!(read_countries("AU\t-1+1").is_err());
        let regions = [("AU".to_owned(), 61)];
        let countries = BTreeMap::from([("AU", Names::from(["A", "B"]))]);
        let areas = |digits| BTreeMap::from([(digits, Names::from(["A"]))]);
        assert!(tables(&regions, &countries, &areas("612")).is_ok());
        assert!(tables(&regions, &countries, &areas("999")).is_err(), "of no country");
        assert!(tables(&regions, &BTreeMap::new(), &areas("612")).is_err(), "no zone for a country");
    }
}
