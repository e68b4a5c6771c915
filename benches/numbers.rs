//! Reading phone numbers as people and spreadsheets write them.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use volley_core::{Msisdn, NumberFault, Parsed, Region};

/// So many numbers an iteration; a time divided by it is the time a number.
const BATCH: u32 = 1_000;

fn parsing(criterion: &mut Criterion) {
    let region: Region = "AU".parse().expect("a country");
    let read =
        |number: &String| -> Result<Parsed, NumberFault> { Msisdn::parse(black_box(number), Some(region)) };
    let international: Vec<String> =
        (0..BATCH).map(|index| format!("+{}", volley_benches::digits(index))).collect();
    let mixed: Vec<String> = (0..BATCH).map(volley_benches::spelling).collect();
    let invalid: Vec<String> = (0..BATCH).map(|index| format!("+61 000 {index:06}")).collect();

    let mut group = criterion.benchmark_group("numbers");
    group.throughput(Throughput::Elements(u64::from(BATCH)));
    for (name, numbers, valid) in
        [("+ and digits", international, true), ("mixed spellings", mixed, true), ("invalid", invalid, false)]
    {
        assert!(numbers.iter().all(|number| read(number).is_ok() == valid), "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| numbers.iter().filter(|number| read(number).is_ok()).count());
        });
    }
    group.finish();
}

criterion_group!(benches, parsing);
criterion_main!(benches);
