//! Every target over its seeds, and over a fixed number of changes to them.
//!
//! The same changes on every run and machine: a failure names the seed, the change and the bytes,
//! and `volley_fuzz::TARGET(&bytes)` shows it again. Far less than a fuzzer finds, and enough to
//! tell that a law is broken before one is started.

use std::{fs, panic, path::Path};

#[test]
fn a_text_is_split_as_the_standard_says() {
    run("segments", 12_000);
}

#[test]
fn a_list_is_refused_or_adds_up() {
    run("csv_row", 1_000);
}

#[test]
fn a_campaign_file_is_refused_or_in_range() {
    run("campaign_toml", 30_000);
}

#[test]
fn only_a_complete_success_of_transmitsms_accepts_anybody() {
    run("transmitsms_reply", 180_000);
}

#[test]
fn only_a_complete_success_of_mesms_accepts_anybody() {
    run("mesms_reply", 180_000);
}

#[test]
fn no_provider_can_say_anything_that_breaks_its_reader() {
    run("provider_answers", 6_000);
}

#[test]
fn a_wait_is_never_out_of_range() {
    run("retry_after", 500_000);
}

#[test]
fn every_target_has_its_seeds_and_its_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str, ending: &str| {
        let mut names: Vec<String> = fs::read_dir(root.join(folder))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .filter_map(|name| name.strip_suffix(ending).map(str::to_owned))
            .collect();
        names.sort();
        names
    };
    let targets = volley_fuzz::TARGETS.map(|(name, _)| name);
    assert_eq!(names("corpus", ""), targets);
    assert_eq!(names("fuzz_targets", ".rs"), targets);
}

/// Runs `target` over its seeds as they are, and over `changes` of them.
fn run(target: &str, changes: usize) {
    let (_, run) = volley_fuzz::TARGETS.iter().find(|(name, _)| *name == target).expect("a known target");
    let seeds = seeds(target);
    assert!(seeds.len() >= 12, "{target} has {} seeds", seeds.len());
    for (name, bytes) in &seeds {
        check(*run, bytes, &format!("{target}: seed {name}"));
    }
    let mut random = Random(0x5EED);
    for change in 0..changes {
        let (name, seed) = &seeds[change % seeds.len()];
        let (_, other) = &seeds[random.below(seeds.len())];
        let bytes = changed(&mut random, seed, other);
        check(*run, &bytes, &format!("{target}: change {change}, of seed {name}"));
    }
}

/// The seeds of `target` by name, in the order of their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> = files
        .map(|file| {
            let path = file.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        })
        .collect();
    seeds.sort();
    seeds
}

/// Runs `target`, and where it panics says on what. Its own words stand above.
fn check(target: fn(&[u8]), bytes: &[u8], what: &str) {
    if panic::catch_unwind(|| target(bytes)).is_err() {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{what}; bytes {}", hex.concat());
    }
}

/// `seed` with one to four changes of the kinds that fuzzers make.
fn changed(random: &mut Random, seed: &[u8], other: &[u8]) -> Vec<u8> {
    const INTERESTING: [&[u8]; 24] = [
        b"\0",
        b"\n",
        b"\r",
        b"\"",
        b"\\",
        b"'",
        b",",
        b";",
        b"=",
        b"[",
        b"{",
        b"}",
        b"-",
        b"+",
        b"0",
        b"9",
        b"\n\n",
        b"null",
        b"true",
        b"\xFF",
        b"\xEF\xBB\xBF",
        b"\xE2\x80\xAE",
        b"\xF0\x9F\x8C\xBB",
        b"99999999999999999999",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = at + random.below((bytes.len() - at + 1).min(32));
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.byte(),
            2 => bytes.insert(at, random.byte()),
            3 => drop(bytes.drain(at..end)),
            4 => drop(bytes.splice(at..end, INTERESTING[random.below(INTERESTING.len())].iter().copied())),
            5 => {
                let again = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, again));
            }
            _ => {
                let from = random.below(other.len() + 1);
                let piece = &other[from..from + random.below(other.len() - from + 1)];
                drop(bytes.splice(at..end, piece.iter().copied()));
            }
        }
    }
    bytes
}

/// `SplitMix64`: the same numbers everywhere, from the seed alone.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
