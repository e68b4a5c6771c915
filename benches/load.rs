//! The planner's whole pass over a list, beside the csv crate's own pass over the same file.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::civil;
use std::path::Path;
use volley_plan::{Discard, Input};

const ROWS: u32 = 20_000;

fn pass(criterion: &mut Criterion) {
    let (_folder, campaign) = volley_benches::campaign(ROWS);
    let Input::File(list) = &campaign.recipients.input else { unreachable!("the campaign names a file") };
    let offer = volley_benches::offer();
    let today = civil::date(2026, 12, 1);
    let plan = || {
        volley_plan::plan(&campaign, &offer, &volley_plan::Conditions::on(today), &mut Discard)
            .expect("a good list")
    };

    let preview = plan();
    assert_eq!(preview.rows, u64::from(ROWS));
    assert!(preview.accepted > 19_000 && preview.duplicates > 300, "a list like people's lists");
    assert_eq!(records(list), u64::from(ROWS));

    let mut group = criterion.benchmark_group("load");
    group.throughput(Throughput::Elements(u64::from(ROWS)));
    group.sample_size(10);
    group.bench_function("csv records", |bencher| bencher.iter(|| records(list)));
    group.bench_function("planner's pass", |bencher| bencher.iter(plan));
    group.finish();
}

/// The yardstick: opens the file and reads every record into one that is used again.
fn records(list: &Path) -> u64 {
    let mut reader = csv::Reader::from_path(list).expect("a list");
    let mut record = csv::ByteRecord::new();
    let mut count = 0;
    while reader.read_byte_record(&mut record).expect("good CSV") {
        count += 1;
    }
    count
}

criterion_group!(benches, pass);
criterion_main!(benches);
