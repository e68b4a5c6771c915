//! A personal text for each row: rendered, and rendered, counted and priced.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{collections::BTreeMap, hint::black_box};
use volley_core::{Msisdn, Profile, RateCard, Rounding, TextLength};
use volley_plan::{Bound, Template, Texts};

const ROWS: u32 = 50_000;

const TEXT: &str = "Hi {{name}}, your {{plan}} plan payment of ${{amount}} is due. Reply STOP to opt out.";

const NAMES: [&str; 12] = [
    "Ann",
    "Bartholomew",
    "Zoë",
    "Maria",
    "José",
    "ดาว",
    "Bo",
    "Dmitri",
    "Ching-Mei",
    "王芳",
    "O'Hara",
    "Per",
];

/// A row's cells and its number.
fn rows() -> Vec<([String; 3], Msisdn)> {
    let row = |index: u32| {
        let name = NAMES[index as usize * 7 % NAMES.len()];
        let amount = format!("{}.{:02}", 10 + index % 900, index % 100);
        let plan = ["basic", "family", "unlimited"][index as usize % 3];
        let to = Msisdn::from_digits(61_491_570_000 + u64::from(index)).expect("11 digits");
        ([name.to_owned(), amount, plan.to_owned()], to)
    };
    (0..ROWS).map(row).collect()
}

fn bound() -> Bound {
    let header = ["name", "amount", "plan"].map(str::to_owned);
    Template::parse(TEXT).expect("a template").bind(&header, &BTreeMap::new()).expect("known columns")
}

fn card() -> RateCard {
    let price = |(prefix, micros): (&str, i64)| volley_core::Price {
        prefix: prefix.to_owned(),
        per_segment: volley_core::Micros(micros),
        per_message: volley_core::Micros::ZERO,
    };
    let prices = [("1", 7_900), ("44", 40_000), ("61", 51_500), ("6149", 55_000), ("66", 30_000)].map(price);
    RateCard::new("AUD".parse().expect("a currency"), prices.to_vec(), Rounding::Exact).expect("a card")
}

fn texts(criterion: &mut Criterion) {
    let (rows, bound, card, profile) = (rows(), bound(), card(), Profile::STANDARD);
    let (mut texts, mut length) = (Texts::default(), TextLength::default());
    let mut group = criterion.benchmark_group("texts");
    group.throughput(Throughput::Elements(u64::from(ROWS)));
    group.sample_size(20);
    group.bench_function("rendered", |bencher| {
        bencher.iter(|| {
            for (cells, _) in &rows {
                texts.clear();
                bound
                    .render(|column| cells[column].as_str().into(), &mut texts, &mut length)
                    .expect("good values");
                black_box(texts.all());
            }
        });
    });
    group.bench_function("rendered, counted and priced", |bencher| {
        bencher.iter(|| {
            let mut total = 0_i64;
            for (cells, to) in &rows {
                texts.clear();
                bound
                    .render(|column| cells[column].as_str().into(), &mut texts, &mut length)
                    .expect("good values");
                let segments = profile.count(black_box(texts.all()));
                let price = card.price_of(*to).expect("61 has a price");
                total += card.cost(price, segments.count).expect("a small price").0;
            }
            total
        });
    });
    group.finish();
}

criterion_group!(benches, texts);
criterion_main!(benches);
