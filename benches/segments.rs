//! Counting the segments of a text, beside a search through the same bytes that finds nothing.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

/// A name, its text, and the segments it must have.
fn texts() -> [(&'static str, String, u32); 3] {
    let plain = "Hi there, your payment of 19.00 is due. Reply STOP to opt out. ";
    let extended = "Grüße! {Sale} [50%] ~ only 5 € ^ \\ | ends today in Ærøskøbing. ";
    let thai = "ลดราคาวันนี้วันสุดท้าย รีบมา ";
    let cut = |text: &str, characters: usize| text.chars().cycle().take(characters).collect::<String>();
    [
        ("160 ASCII", cut(plain, 160), 1),
        ("480 GSM-7 with extensions", cut(extended, 480), 4),
        ("200 Thai", cut(thai, 200), 3),
    ]
}

fn counting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("segments");
    for (name, text, count) in texts() {
        assert_eq!(volley_core::Profile::STANDARD.count(&text).count, count, "{name}");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| volley_core::Profile::STANDARD.count(black_box(&text)))
        });
        group.bench_function(format!("{name}, memchr"), |bencher| {
            bencher.iter(|| memchr::memchr(0, black_box(text.as_bytes())));
        });
    }
    group.finish();
}

criterion_group!(benches, counting);
criterion_main!(benches);
