//! Counting the segments of texts, beside a search through the same bytes that finds nothing.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use volley_core::{Alphabet, BreakAt, ConcatRef, Encoding, Language, National, Profile, Shifts};

/// So many texts an iteration, no two alike; a time divided by it is the time a text.
const BATCH: usize = 1_024;

const PLAIN: &[&str] =
    &["Hi there, ", "your payment of 19.00 ", "is due. ", "Reply STOP to opt out. ", "Ann "];
const LINES: &[&str] = &["Hi there,\n", "your_payment of 19.00 ", "is due.\n", "Reply STOP to opt out. "];
const EXTENDED: &[&str] =
    &["Grüße! ", "{Sale} ", "[50%] off ", "only 5 € ", "ends today ", "in Ærøskøbing. ", "£5 ", "café "];
const THAI: &[&str] = &["ลดราคา", "วันนี้", "วันสุดท้าย ", "รีบมา ", "ขอบคุณ", "ค่ะ "];
const EMOJI: &[&str] = &["Party 🎉 ", "👨\u{200d}👩\u{200d}👧 ", "until late 👍🏽 ", "see you 😀"];
const HINDI: &[&str] = &["आपका ऑर्डर ", "भेज दिया ", "गया है, ", "500 बाकी। ", "धन्यवाद "];
const TURKISH: &[&str] = &["Değerli müşterimiz, ", "siparişiniz ", "yola çıktı. ", "İyi günler! "];

/// [`BATCH`] texts of so many characters: a number and `words` in some order.
fn texts(words: &[&str], characters: usize) -> Vec<String> {
    let mut random = 0x5EED_u64;
    let mut word = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        words[usize::try_from(random >> 33).expect("31 bits") % words.len()]
    };
    let number = |index: usize| format!("{index} ");
    let text = |index| {
        let words = std::iter::repeat_with(&mut word).flat_map(str::chars);
        number(index).chars().chain(words).take(characters).collect()
    };
    (0..BATCH).map(text).collect()
}

fn counting(criterion: &mut Criterion) {
    use Encoding::{Gsm7, Ucs2};
    let standard = Profile::STANDARD;
    let grapheme = Profile { break_at: BreakAt::Grapheme, ..Profile::STANDARD };
    let without = Profile { alphabet: Alphabet::Without("€|^".to_owned()), ..Profile::STANDARD };
    let hindi = Shifts { locking: Some(Language::Hindi), single: Some(Language::Hindi) };
    let hindi = Profile { national: National::Use(hindi), ..Profile::STANDARD };
    let every = Language::ALL.into_iter().collect();
    let every =
        Profile { national: National::Allow(every), concat_ref: ConcatRef::Bits16, ..Profile::STANDARD };

    let mut group = criterion.benchmark_group("segments");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (name, profile, words, characters, encoding, count) in [
        ("160 ASCII", &standard, PLAIN, 160, Gsm7, 1),
        ("160 ASCII with line feeds", &standard, LINES, 160, Gsm7, 1),
        ("480 GSM-7 with extensions", &standard, EXTENDED, 480, Gsm7, 4),
        ("200 Thai", &standard, THAI, 200, Ucs2, 3),
        ("200 with emoji", &standard, EMOJI, 200, Ucs2, 4),
        ("200 with emoji, whole clusters", &grapheme, EMOJI, 200, Ucs2, 4),
        ("160 ASCII, a route without some", &without, PLAIN, 160, Gsm7, 1),
        ("150 Hindi, its tables", &hindi, HINDI, 150, Gsm7, 2),
        ("160 Turkish, every language allowed", &every, TURKISH, 160, Gsm7, 2),
        ("160 ASCII, every language allowed", &every, PLAIN, 160, Gsm7, 1),
    ] {
        let texts = texts(words, characters);
        for text in &texts {
            let counted = profile.count(text);
            assert_eq!(counted.encoding, encoding, "{name}");
            assert!(counted.count.abs_diff(count) <= 1, "{name}: {} segments", counted.count);
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| texts.iter().map(|text| profile.count(black_box(text)).count).sum::<u32>());
        });
        group.bench_function(format!("{name}, memchr"), |bencher| {
            bencher.iter(|| {
                texts.iter().filter_map(|text| memchr::memchr(0, black_box(text.as_bytes()))).sum::<usize>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, counting);
criterion_main!(benches);
