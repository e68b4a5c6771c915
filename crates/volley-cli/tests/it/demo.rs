//! The campaign that the README starts with.

use crate::volley::{Folder, read_ledger, run, times};
use std::{collections::HashMap, fs, path::Path};

/// A copy of data/demo, so that the journal lands beside the copy.
fn demo() -> Folder {
    let folder = Folder::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/demo");
    for name in ["campaign.toml", "recipients.csv", "rates.csv", "optouts.csv"] {
        folder.write(name, fs::read(source.join(name)).expect(name));
    }
    folder
}

#[test]
fn the_preview_is_what_the_ledger_says_to_the_last_digit() {
    let folder = demo();
    let campaign = folder.text("campaign.toml");
    let preview = run(&["preview", &campaign, "--json"]).exits(0).json();
    let ledger = folder.text("ledger.jsonl");
    let settings = [format!("provider.ledger={ledger}"), "provider.rate=2000/s".to_owned()];
    let sent = run(&["send", &campaign, "--yes", "--json", "--set", &settings[0], "--set", &settings[1]])
        .exits(0)
        .json();

    let taken = read_ledger(Path::new(&ledger));
    assert_eq!(times(&taken).len(), taken.len(), "nobody twice");
    assert_eq!(preview["accepted"], taken.len());
    assert_eq!(preview["segments"], taken.iter().map(|one| one.parts).sum::<u64>());
    assert_eq!(
        preview["cost"]["total"],
        price(&folder, &taken.iter().map(|one| (one.to.as_str(), one.parts)).collect::<Vec<_>>())
    );
    assert_eq!(sent["cost"]["estimated"], preview["cost"]["total"]);
    assert_eq!(sent["cost"]["billed"], preview["cost"]["total"]);
    assert_eq!(sent["plan_hash"], preview["plan_hash"]);
    assert_eq!(sent["recipients"]["accepted"], preview["accepted"]);
    run(&["verify", &folder.text("demo.volley")]).exits(0);
}

/// The cost by the rate card's text alone, in ten-thousandths: a second, obvious reading of it.
fn price(folder: &Folder, taken: &[(&str, u64)]) -> String {
    let card = fs::read_to_string(folder.path("rates.csv")).expect("a rate card");
    let prices: HashMap<&str, u64> = card
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            let (prefix, price) = (cells.next().expect("a prefix"), cells.next().expect("a price"));
            let (whole, fraction) = price.split_once('.').expect("a decimal");
            (prefix, format!("{whole}{fraction:0<4}").parse().expect("four decimals"))
        })
        .collect();
    let of =
        |number: &str| (1..number.len()).rev().find_map(|end| prices.get(&number[1..end])).expect("a price");
    let total: u64 = taken.iter().map(|(number, parts)| of(number) * parts).sum();
    format!("{}.{:04}", total / 10_000, total % 10_000)
}

#[test]
fn the_preview_adds_up_and_says_what_was_wrong_with_the_list() {
    let folder = demo();
    let preview = run(&["preview", &folder.text("campaign.toml"), "--json"]).exits(0);
    let keys = [
        "schema",
        "campaign",
        "plan_hash",
        "rows",
        "accepted",
        "duplicates",
        "suppressed",
        "rejected",
        "segments",
        "encodings",
        "cost",
        "requests",
        "seconds_at_rate",
        "worst_doubt",
    ];
    // The contract's keys in its order.
    let places: Vec<_> =
        keys.iter().map(|key| preview.stdout.find(&format!("\"{key}\":")).expect(key)).collect();
    assert!(places.is_sorted(), "{}", preview.stdout);
    let preview = preview.json();
    let count = |key: &str| preview[key].as_u64().expect(key);
    let rejected: u64 = preview["rejected"]
        .as_object()
        .expect("reasons")
        .values()
        .filter_map(serde_json::Value::as_u64)
        .sum();
    assert_eq!(count("rows"), count("accepted") + count("duplicates") + count("suppressed") + rejected);
    assert_eq!(
        (count("rows"), count("accepted"), count("duplicates"), count("suppressed"), rejected),
        (2_000, 1_916, 40, 15, 29)
    );
    assert_eq!(preview["cost"]["total"], "35.7347");
    assert!(!folder.path("demo.volley").exists(), "a preview writes nothing");
}

#[test]
fn people_read_the_same_numbers_as_scripts() {
    let folder = demo();
    let shown = run(&["preview", &folder.text("campaign.toml")]).exits(0).stdout;
    for words in ["1,916", "35.7347", "2,075", "726", "bad_utf8", "101 recipients"] {
        assert!(shown.contains(words), "no {words} in\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no colour in a pipe");
}
