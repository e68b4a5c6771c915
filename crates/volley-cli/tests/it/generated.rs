//! Large lists as spreadsheets leave them, made together with the truth about them: what the
//! preview counts is what was put in, row by row.
//!
//! The long run is `cargo xtask torture`: five seeds of 2,000,000 rows.

use crate::volley::{Folder, run};
use serde_json::json;
use std::{collections::BTreeMap, env, fmt::Write as _, fs};

/// The text; its own part is plain.
const TEXT: &str = "Hi {{name}}, your {{plan}} payment is due.";
/// Characters of the text without its variables.
const FIXED: usize = "Hi , your  payment is due.".len();

/// A name as it stands in CSV, its characters, and its units in GSM-7 or, where the last says so,
/// in UCS-2.
const NAMES: [(&str, usize, bool); 8] = [
    ("Ann", 3, false),
    ("Bartholomew", 11, false),
    ("\"Lee, Bo\"", 7, false),
    ("\"Flo \"\"F\"\" Lim\"", 11, false),
    ("José", 4, false),  // é is in GSM-7
    ("[Kim]", 7, false), // a bracket takes two septets
    ("สมชาย", 5, true),
    ("Zoë 😀", 6, true), // the smile takes two units
];

/// Numbers that are a random function of nothing but the seed.
struct Random(u64);

impl Random {
    /// One of `things`.
    fn of<T: Copy>(&mut self, things: &[T]) -> T {
        let index = self.below(things.len() as u64);
        things[usize::try_from(index).expect("below a length")]
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % most
    }
}

/// What was put into a list.
#[derive(Default)]
struct Truth {
    rows: u64,
    accepted: u64,
    duplicates: u64,
    suppressed: u64,
    /// Word to rows.
    rejected: BTreeMap<&'static str, u64>,
    /// Row, column, word and cell of each reject.
    rejects: Vec<(u64, &'static str, &'static str, String)>,
    segments: u64,
    ucs2: u64,
    /// Millionths, by the two prices of the card.
    micros: u64,
}

/// Number `index` of those that belong to Australia, the United Kingdom or the United States; its
/// prefix, the rest, and the price of a segment in millionths. They lie in ranges that are in use.
fn number(index: u64) -> (&'static str, String, u64) {
    match index % 4 {
        0 => ("44", format!("7400{:06}", index / 4 % 1_000_000), 40_000),
        1 => ("1", format!("202{:07}", 2_000_000 + index / 4), 7_900),
        _ => ("61", format!("4{:08}", 10_000_000 + index), 51_500),
    }
}

/// A number as people and spreadsheets write it.
fn spelt(prefix: &str, rest: &str, kind: u64) -> String {
    match (prefix, kind) {
        ("61", 0) => format!("0{} {} {}", &rest[..3], &rest[3..6], &rest[6..]),
        ("61", 1) => format!("(0{}) {}-{}", &rest[..3], &rest[3..6], &rest[6..]),
        ("61", 2) => rest.to_owned(), // its zero was lost
        ("61", 3) => format!("0011 61 {rest}"),
        (_, 4) => format!("+{prefix} {} {}", &rest[..4], &rest[4..]),
        ("61", 5) => format!("61{rest}.0"),
        _ => format!("+{prefix}{rest}"),
    }
}

/// A list of `rows` rows, the opt-outs, and the truth about both.
fn generate(rows: u64, seed: u64) -> (String, String, Truth) {
    let mut random = Random(seed);
    let (mut list, mut optouts) = ("name,phone,plan\n".to_owned(), "phone\n".to_owned());
    let mut truth = Truth { rows, ..Truth::default() };
    let mut fresh = 0;
    let mut texted = Vec::new();
    for row in 1..=rows {
        let (name, characters, is_ucs2) = random.of(&NAMES);
        let plan = random.of(&["basic", "family", "unlimited"]);
        let (kind, spelling) = (random.below(1_000), random.below(12));
        let mut reject = |column, word, cell: &str| {
            *truth.rejected.entry(word).or_default() += 1;
            truth.rejects.push((row, column, word, cell.to_owned()));
        };
        let bad = match kind {
            0..4 => Some(("", "empty_number")),
            4..8 => Some(("n/a", "invalid_number")),
            8..12 => Some(("6.14E+10", "spreadsheet_number")),
            12..16 => Some(("0491 570", "invalid_number")),
            _ => None,
        };
        if let Some((cell, word)) = bad {
            reject("phone", word, cell);
            writeln!(list, "{name},{cell},{plan}").expect("a string");
            continue;
        }
        if (16..20).contains(&kind) {
            reject("plan", "empty_variable", "");
            let (prefix, rest, _) = number(fresh);
            fresh += 1;
            writeln!(list, "{name},{},", spelt(prefix, &rest, spelling)).expect("a string");
            continue;
        }
        let is_twice = (20..50).contains(&kind) && !texted.is_empty();
        let index = if is_twice { random.of(&texted) } else { fresh };
        let (prefix, rest, price) = number(index);
        writeln!(list, "{name},{},{plan}", spelt(prefix, &rest, spelling)).expect("a string");
        if is_twice {
            truth.duplicates += 1;
            continue;
        }
        fresh += 1;
        if (50..55).contains(&kind) {
            truth.suppressed += 1;
            writeln!(optouts, "+{prefix}{rest}").expect("a string");
            continue;
        }
        let units = FIXED + plan.len() + characters;
        let single = if is_ucs2 { 70 } else { 160 };
        assert!(units <= single, "every text is one segment");
        texted.push(index);
        truth.accepted += 1;
        truth.segments += 1;
        truth.ucs2 += u64::from(is_ucs2);
        truth.micros += price;
    }
    (list, optouts, truth)
}

/// A number from the environment, for the long run.
fn variable(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn what_is_counted_is_what_was_put_in() {
    let rows = variable("VOLLEY_GENERATED_ROWS", 20_000);
    for seed in 1..=5 {
        let (list, optouts, truth) = generate(rows, seed);
        let folder = Folder::new();
        folder
            .write("list.csv", list)
            .write("optouts.csv", optouts)
            .write("rates.csv", "prefix,price,currency\n61,0.0515,AUD\n44,0.04,AUD\n1,0.0079,AUD\n")
            .write(
                "campaign.toml",
                format!(
                    "name = \"test\"\nsender = \"Volley\"\n[message]\ntext = \"{TEXT}\"\n[recipients]\n\
                     file = \"list.csv\"\nregion = \"AU\"\nsuppress = [\"optouts.csv\"]\n\
                     [limits]\nmax_recipients = 10000000\n\
                     [provider]\nkind = \"sim\"\n[rates]\nfile = \"rates.csv\"\n"
                ),
            );
        let (campaign, rejects) = (folder.text("campaign.toml"), folder.text("rejects.csv"));
        let preview = run(&["preview", &campaign, "--json", "--rejects", &rejects]).exits(0).json();
        let money = |micros: u64| format!("{}.{:04}", micros / 1_000_000, micros / 100 % 10_000);
        for (key, expected) in [
            ("rows", json!(truth.rows)),
            ("accepted", json!(truth.accepted)),
            ("duplicates", json!(truth.duplicates)),
            ("suppressed", json!(truth.suppressed)),
            ("rejected", json!(truth.rejected)),
            ("segments", json!(truth.segments)),
            ("encodings", json!({ "gsm7": truth.accepted - truth.ucs2, "ucs2": truth.ucs2 })),
        ] {
            assert_eq!(preview[key], expected, "{key} of seed {seed}");
        }
        assert_eq!(preview["cost"]["total"], money(truth.micros), "seed {seed}");
        let written = fs::read_to_string(&rejects).expect("the rejects");
        let expected =
            truth.rejects.iter().map(|(row, column, word, cell)| format!("{row},{column},{word},{cell}"));
        assert!(written.lines().skip(1).eq(expected), "the rejects of seed {seed}");
    }
}
