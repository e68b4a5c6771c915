//! Where people write a zero in front of a number that is no part of it.
//!
//! A spreadsheet that takes such a number for an amount drops that zero. What is left is read as
//! the same number, and counted.

use super::{NumberKind, tables::Plan};

/// The regions whose mobile and fixed numbers are written with one more 0 within the region.
///
/// By the formats of libphonenumber. Where these leave the 0 out or make it optional (Spain, China,
/// India), a number without one is no damage; where the 0 is part of the number (Italy, Gabon), it
/// is none without it. The tests hold the list to the port.
const REGIONS: &[u8] = b"AE AF AL AM AT AU AX AZ BA BD BE BG BL CC CD CH CU CX DE DZ EC EG EH \
    ER ET FI FR GB GF GG GH GP HR ID IE IL IM IQ IR JE JO JP KE KG KH KP KR LA LK LR LY MA MD \
    ME MF MG MK MM MQ MW MY NA NG NL NZ PH PK PM PS PY RE RO RS SA SD SE SI SK SL SS TH TW TZ UA \
    UG VE XK YE YT ZA ZM ZW";

/// By the first letter of a region, bits of the second letters.
static WRITTEN: [u32; 26] = {
    let mut written = [0; 26];
    let mut at = 0;
    while at < REGIONS.len() {
        written[(REGIONS[at] - b'A') as usize] |= 1 << (REGIONS[at + 1] - b'A');
        at += 3;
    }
    written
};

/// Whether a number of this kind is written with a 0 in front in the region of `plan`.
#[inline]
pub(super) fn is_written(plan: &Plan, kind: NumberKind) -> bool {
    let [first, second] = plan.letters.map(|letter| letter.wrapping_sub(b'A'));
    let is_usual = matches!(kind, NumberKind::Mobile | NumberKind::Fixed | NumberKind::FixedOrMobile);
    is_usual && WRITTEN.get(usize::from(first)).is_some_and(|seconds| seconds >> second & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::super::{Msisdn, Parsed, Region, Repair};
    use super::*;
    use proptest::prelude::*;
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

    /// Where the port writes the 0 and its metadata calls it optional, for one kind at least.
    const OPTIONAL: [&str; 6] = ["AR", "IN", "LT", "SY", "TR", "VN"];

    /// The national digits of the port's examples of a mobile and a fixed number, each with those of
    /// its national spelling.
    fn examples(region: rlibphonenumber::Region) -> Option<[(String, String); 2]> {
        let example = |kind| {
            let number = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind).ok()?;
            let e164 = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
            let national = e164.strip_prefix(&format!("+{}", number.country_code))?;
            let spelled = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::National);
            Some((national.to_owned(), spelled.chars().filter(char::is_ascii_digit).collect()))
        };
        Some([example(PhoneNumberType::Mobile)?, example(PhoneNumberType::FixedLine)?])
    }

    /// All regions, and what the port's examples of them are.
    fn regions() -> impl Iterator<Item = (Region, [(String, String); 2])> {
        PHONE_NUMBER_UTIL.get_supported_regions().filter_map(|region| {
            let letters = region.as_region_str();
            Some((letters.as_str().parse().expect("a region of the tables"), examples(region)?))
        })
    }

    #[test]
    fn regions_are_those_whose_numbers_the_port_writes_with_a_zero() {
        let mut count = 0;
        for (region, examples) in regions() {
            let has_zero = |(national, spelled): &(String, String)| *spelled == format!("0{national}");
            let expected = examples.iter().all(has_zero) && !OPTIONAL.contains(&region.letters());
            assert_eq!(is_written(region.plan(), NumberKind::Mobile), expected, "{region}");
            count += u32::from(expected);
        }
        let listed = REGIONS.split(|byte| *byte == b' ').count();
        assert_eq!(count, u32::try_from(listed).expect("some 90 regions"), "a region without examples");
    }

    #[test]
    fn a_number_without_its_zero_is_mended_where_the_zero_is_written() {
        for (region, examples) in regions() {
            let repair = is_written(region.plan(), NumberKind::Fixed).then_some(Repair::LeadingZero);
            for (national, spelled) in examples {
                let bare = Msisdn::parse(&national, Some(region));
                let whole = Msisdn::parse(&spelled, Some(region)).map(|parsed| Parsed { repair, ..parsed });
                assert_eq!(bare, whole, "{national} in {region}");
            }
        }
    }

    #[test]
    fn only_what_is_a_number_of_the_region_without_more_has_lost_its_zero() {
        for (text, region, repair) in [
            ("491570006", "AU", Some(Repair::LeadingZero)),
            ("491 570 006", "AU", Some(Repair::LeadingZero)),
            ("7400123456", "GB", Some(Repair::LeadingZero)),
            ("812345678", "TH", Some(Repair::LeadingZero)),
            ("0491570006", "AU", None),
            ("61491570006", "AU", None),
            ("+61491570006", "AU", None),
            ("001161491570006", "AU", None),
            ("1800160401", "AU", None),
            ("2025550123", "US", None),
            ("81234567", "SG", None),
            ("8123456789", "IN", None),
            ("3123456789", "IT", None),
        ] {
            let parsed = Msisdn::parse(text, region.parse().ok()).map(|parsed| parsed.repair);
            assert_eq!(parsed, Ok(repair), "{text} in {region}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn with_its_zero_again_it_is_no_other_number(
            text in "[1-9][0-9]{5,11}",
            place in 0..u8::try_from(Plan::all().len()).expect("some 250 regions"),
        ) {
            let region = Region::at(place);
            if let Ok(Parsed { number, repair: Some(Repair::LeadingZero), .. }) = Msisdn::parse(&text, region) {
                // A few numbers cannot be dialled with a zero: Israel's fixed numbers with 153.
                if let Ok(again) = Msisdn::parse(&format!("0{text}"), region) {
                    prop_assert_eq!((again.number, again.repair), (number, None));
                }
            }
        }
    }
}
