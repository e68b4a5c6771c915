//! The campaign that the README starts with.

use crate::volley::{Folder, read_ledger, run, times};
use std::{collections::HashMap, fs, path::Path};

/// A copy of data/demo, so that the journal lands beside the copy.
pub(crate) fn demo() -> Folder {
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

/// The demo with `Don't want texts?` in its text, written with `apostrophe`.
fn with_apostrophe(apostrophe: char, message: &str) -> Folder {
    let folder = demo();
    let campaign = fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
    let asked = format!("Don{apostrophe}t want texts? Reply STOP");
    let campaign =
        campaign.replace("Reply STOP", &asked).replace("[message]", &format!("[message]\n{message}"));
    folder.write("campaign.toml", campaign);
    folder
}

#[test]
fn one_curly_apostrophe_is_named_and_priced_and_folding_takes_its_price_away() {
    let [plain, curly, smart] = [('\'', ""), ('’', ""), ('’', "smart = true")]
        .map(|(apostrophe, message)| with_apostrophe(apostrophe, message));
    let [plain_json, curly_json, smart_json] = [&plain, &curly, &smart]
        .map(|folder| run(&["preview", &folder.text("campaign.toml"), "--json"]).exits(0).json());

    // What it costs either way, reckoned from the texts that really arrive.
    let sent = |folder: &Folder| {
        let ledger = format!("provider.ledger={}", folder.text("ledger.jsonl"));
        let campaign = folder.text("campaign.toml");
        run(&["send", &campaign, "--yes", "--set", &ledger, "--set", "provider.rate=2000/s"]).exits(0);
        fs::read_to_string(folder.path("ledger.jsonl")).expect("a ledger")
    };
    let arrived = |ledger: &str| -> Vec<(String, String, u64)> {
        let line = |line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("a JSON object a line");
            let text = |key: &str| line[key].as_str().expect(key).to_owned();
            (text("to"), text("text"), line["parts"].as_u64().expect("parts"))
        };
        ledger.lines().map(line).collect()
    };
    let plain_ledger = arrived(&sent(&plain));
    let ucs2_parts = |text: &str| {
        let filled = |(parts, used), character: char| match used + character.len_utf16() {
            more if more > 67 => (parts + 1, character.len_utf16()),
            more => (parts, more),
        };
        if text.encode_utf16().count() <= 70 { 1 } else { text.chars().fold((1_u64, 0), filled).0 }
    };
    let as_curly: Vec<_> = plain_ledger
        .iter()
        .map(|(to, text, _)| (to.as_str(), ucs2_parts(&text.replace('\'', "’"))))
        .collect();
    let as_plain: Vec<_> = plain_ledger.iter().map(|(to, _, parts)| (to.as_str(), *parts)).collect();
    let sum = |parts: &[(&str, u64)]| parts.iter().map(|(_, parts)| parts).sum::<u64>();
    assert_eq!(plain_json["cost"]["total"], price(&plain, &as_plain));
    assert_eq!(curly_json["cost"]["total"], price(&plain, &as_curly));
    assert_eq!(curly_json["segments"], sum(&as_curly));

    // The preview says which character, where, on how many rows, and what it costs.
    let found = curly_json["forcing"].as_array().expect("a list");
    let apostrophe = found.iter().find(|one| one["char"] == "’").expect("the apostrophe");
    assert_eq!(apostrophe["code_point"], "U+2019");
    assert_eq!(apostrophe["name"], "RIGHT SINGLE QUOTATION MARK");
    assert_eq!((&apostrophe["rows"], &apostrophe["instead"]), (&curly_json["accepted"], &"'".into()));
    assert!(apostrophe["template"]["column"].is_number(), "{apostrophe}");
    let own = &curly_json["smart"];
    assert_eq!(
        (&own["applied"], &own["segments"]),
        (&false.into(), &(sum(&as_curly) - sum(&as_plain)).into())
    );
    let shown = run(&["preview", &curly.text("campaign.toml")]).exits(0).stdout;
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["U+2019", "smart = true in [message] would fold", own["cost"].as_str().expect("money")] {
        assert!(flat.contains(words), "no {words} in\n{shown}");
    }

    // With smart = true the cost is that of the plain apostrophe, and what was replaced is listed.
    for key in ["segments", "encodings", "cost", "requests"] {
        assert_eq!(smart_json[key], plain_json[key], "{key}");
    }
    let folded = &smart_json["smart"];
    assert_eq!((&folded["applied"], &folded["cost"]), (&true.into(), &own["cost"]));
    let replaced = folded["replacements"].as_array().expect("a list");
    assert_eq!(replaced.len(), 1, "{folded}");
    assert_eq!((&replaced[0]["from"], &replaced[0]["to"]), (&"’".into(), &"'".into()));
    assert_eq!(replaced[0]["rows"], folded["rows"]);
    let folded: u64 = folded["rows"].as_u64().expect("rows");
    let smart_ledger = arrived(&sent(&smart));
    let curly_left = smart_ledger.iter().filter(|(_, text, _)| text.contains('’')).count() as u64;
    assert_eq!(curly_left + folded, smart_ledger.len() as u64, "only what had to stay UCS-2 keeps it");
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
