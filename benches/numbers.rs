//! Reading phone numbers as people and spreadsheets write them, beside the library that the tables
//! were compiled from.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};
use std::hint::black_box;
use volley_core::{Msisdn, Region};

/// So many numbers an iteration; a time divided by it is the time a number.
const BATCH: u32 = 1_000;

/// A mobile and a fixed number of every country, the one in E.164, the other as it is written.
fn everywhere() -> Vec<String> {
    let kinds = [
        (PhoneNumberType::Mobile, PhoneNumberFormat::E164),
        (PhoneNumberType::FixedLine, PhoneNumberFormat::International),
    ];
    let examples = kinds.into_iter().flat_map(|(kind, format)| {
        PHONE_NUMBER_UTIL.get_supported_regions().filter_map(move |region| {
            let number = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind).ok()?;
            Some(PHONE_NUMBER_UTIL.format(&number, format).into_owned())
        })
    });
    let examples: Vec<String> = examples.collect();
    examples.iter().cloned().cycle().take(BATCH as usize).collect()
}

fn by_volley(text: &str, region: Region) -> bool {
    Msisdn::parse(black_box(text), Some(region)).is_ok()
}

fn by_port(text: &str) -> bool {
    let number = PHONE_NUMBER_UTIL.parse(black_box(text), Some(rlibphonenumber::Region::AU));
    number.is_ok_and(|number| PHONE_NUMBER_UTIL.is_valid_number(&number))
}

fn parsing(criterion: &mut Criterion) {
    let region: Region = "AU".parse().expect("a country");
    let digits = |index| volley_benches::digits(index).to_string();
    let sets: [(&str, Vec<String>, bool); 5] = [
        ("+ and digits", (0..BATCH).map(|index| format!("+{}", digits(index))).collect(), true),
        ("mixed spellings", (0..BATCH).map(volley_benches::spelling).collect(), true),
        ("every country", everywhere(), true),
        ("invalid", (0..BATCH).map(|index| format!("+61 000 {index:06}")).collect(), false),
        ("decimal tail", (0..BATCH).map(|index| format!("{}.0", digits(index))).collect(), true),
    ];
    let mut group = criterion.benchmark_group("numbers");
    group.throughput(Throughput::Elements(u64::from(BATCH)));
    for (name, numbers, valid) in &sets {
        assert!(numbers.iter().all(|number| by_volley(number, region) == *valid), "{name}");
        group.bench_function(*name, |bencher| {
            bencher.iter(|| numbers.iter().filter(|number| by_volley(number, region)).count());
        });
        // A decimal tail is more than the library can mend.
        if numbers.iter().all(|number| by_port(number) == *valid) {
            group.bench_function(format!("{name}, rlibphonenumber"), |bencher| {
                bencher.iter(|| numbers.iter().filter(|number| by_port(number)).count());
            });
        }
    }
    let everywhere = sets[2].1.iter().map(|text| Msisdn::parse(text, None).expect("an example").number);
    let everywhere: Vec<Msisdn> = everywhere.collect();
    group.bench_function("assignment, every country", |bencher| {
        bencher
            .iter(|| everywhere.iter().filter(|number| black_box(**number).assignment().is_some()).count());
    });
    group.finish();
}

criterion_group!(benches, parsing);
criterion_main!(benches);
