//! The tables against the port of libphonenumber that they were compiled from.
//!
//! `VOLLEY_NUMBER_CASES=10000000 cargo test --release -p volley-core --test it number_twin` is the
//! long run; `VOLLEY_NUMBER_SEED` takes another seed.

use crate::number_cases::{Plan, Random, plans, spelling};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType};
use std::env;
use volley_core::{Assignment, Msisdn, NumberKind, Region};

const TYPES: [(PhoneNumberType, NumberKind); 11] = [
    (PhoneNumberType::Mobile, NumberKind::Mobile),
    (PhoneNumberType::FixedLine, NumberKind::Fixed),
    (PhoneNumberType::FixedLineOrMobile, NumberKind::FixedOrMobile),
    (PhoneNumberType::TollFree, NumberKind::TollFree),
    (PhoneNumberType::PremiumRate, NumberKind::Premium),
    (PhoneNumberType::SharedCost, NumberKind::SharedCost),
    (PhoneNumberType::VoIP, NumberKind::Voip),
    (PhoneNumberType::PersonalNumber, NumberKind::Personal),
    (PhoneNumberType::Pager, NumberKind::Pager),
    (PhoneNumberType::UAN, NumberKind::Uan),
    (PhoneNumberType::VoiceMail, NumberKind::Voicemail),
];

/// A number and where it belongs: its E.164 digits, two letters of its region, its kind.
type Judged = (u64, Option<String>, NumberKind);

/// What the port says of `text`; `None` where it is not valid or Volley has no room for it.
fn by_port(text: &str, region: Option<rlibphonenumber::Region>) -> Option<Judged> {
    let number = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    judged_by_port(&number)
}

fn judged_by_port(number: &PhoneNumber) -> Option<Judged> {
    if !PHONE_NUMBER_UTIL.is_valid_number(number) {
        return None;
    }
    let e164 = PHONE_NUMBER_UTIL.format(number, PhoneNumberFormat::E164);
    let digits = e164.trim_start_matches('+').parse().ok()?;
    Msisdn::from_digits(digits)?;
    let kind = PHONE_NUMBER_UTIL.get_number_type(number);
    let (_, kind) = TYPES.iter().find(|(known, _)| *known == kind).expect("a valid number has a type");
    let region = PHONE_NUMBER_UTIL.get_region_for_number(number).expect("a valid number has a region");
    let region = region.as_region_str().as_str().to_owned();
    Some((digits, (region != "001").then_some(region), *kind))
}

/// What Volley says of it.
fn by_tables(text: &str, region: Option<Region>) -> Option<Judged> {
    let number = Msisdn::parse(text, region).ok()?.number;
    let Assignment { region, kind } = number.assignment().expect("a number that was parsed is in use");
    Some((number.digits(), region.map(|region| region.to_string()), kind))
}

fn port_region(letters: &str) -> Option<rlibphonenumber::Region> {
    let region = rlibphonenumber::Region::from_code(letters).ok()?;
    (region != rlibphonenumber::Region::World).then_some(region)
}

/// Whether both say the same of `text` in the region of these letters; `001` stands for none.
fn assert_alike(text: &str, letters: &str) {
    let tables = by_tables(text, letters.parse().ok());
    assert_eq!(tables, by_port(text, port_region(letters)), "{text:?} in {letters}");
}

fn variable(name: &str, default: u64) -> u64 {
    let given = env::var(name).ok();
    given.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn regions_are_those_of_the_port() {
    let supported =
        PHONE_NUMBER_UTIL.get_supported_regions().map(|region| region.as_region_str().as_str().to_owned());
    let mut supported: Vec<String> = supported.collect();
    supported.sort_unstable();
    let letters = || 'A'..='Z';
    let pairs = letters().flat_map(|first| letters().map(move |second| format!("{first}{second}")));
    let known: Vec<String> = pairs.filter(|pair| pair.parse::<Region>().is_ok()).collect();
    assert_eq!(known, supported);
}

/// The port's example of each kind of number that `plan` has.
fn examples(plan: &Plan) -> Vec<PhoneNumber> {
    let Some(region) = port_region(&plan.region) else {
        let code = plan.code.parse().expect("a calling code");
        return PHONE_NUMBER_UTIL.get_example_number_for_non_geo_entity(code).into_iter().collect();
    };
    let example = |kind| PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind).ok();
    TYPES.iter().filter_map(|(kind, _)| example(*kind)).collect()
}

#[test]
fn every_example_of_every_region_and_kind_in_every_form() {
    let mut count = 0;
    for plan in plans() {
        for number in examples(&plan) {
            count += 1;
            for format in [
                PhoneNumberFormat::E164,
                PhoneNumberFormat::International,
                PhoneNumberFormat::National,
                PhoneNumberFormat::RFC3966,
            ] {
                let text = PHONE_NUMBER_UTIL.format(&number, format);
                let text = text.trim_start_matches("tel:");
                for letters in [plan.region.as_str(), "AU", "US", "001"] {
                    assert_alike(text, letters);
                }
            }
            let e164 = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
            assert_eq!(by_tables(&e164, None), judged_by_port(&number), "{e164}");
        }
    }
    assert!(count > 1_000, "{count} examples");
}

#[test]
fn numbers_near_the_edges_of_every_pattern() {
    let cases = variable("VOLLEY_NUMBER_CASES", 400_000);
    let seed = variable("VOLLEY_NUMBER_SEED", 1);
    let plans = plans();
    let mut random = Random::new(seed);
    let (mut valid, mut by_region) = (0_u64, vec![0_u32; plans.len()]);
    for case in 0..cases {
        let at = usize::try_from(case).expect("64 bits") % plans.len();
        let plan: &Plan = &plans[at];
        let text = spelling(plan, &mut random);
        // Mostly at home, else at a neighbour's of the same calling code, or anywhere.
        let home = match random.below(8) {
            0 => &plans[random.below(plans.len())],
            1 | 2 => {
                let neighbours = plans.iter().filter(|other| other.code == plan.code);
                random.one_of(&neighbours.collect::<Vec<_>>())
            }
            _ => plan,
        };
        let port = by_port(&text, port_region(&home.region));
        let tables = by_tables(&text, home.region.parse().ok());
        assert_eq!(tables, port, "{text:?} in {}; seed {seed}, case {case}", home.region);
        if tables.is_some() {
            valid += 1;
            by_region[at] += 1;
        }
    }
    assert!(valid > cases / 4 && valid < cases / 4 * 3, "{valid} of {cases} are valid");
    assert!(by_region.iter().all(|valid| *valid > 0), "a region without a valid number: {by_region:?}");
}

#[test]
fn the_version_that_is_shown_is_that_of_the_metadata() {
    let metadata = include_str!("../../../../data/numbers/metadata.txt");
    let first = metadata.lines().next().expect("a line");
    assert!(first.contains(&format!("that {} carries", volley_core::NUMBER_METADATA)), "{first}");
}
