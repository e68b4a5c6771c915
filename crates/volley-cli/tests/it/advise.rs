//! `volley preview --advise`: edits that would save, told and never made.

use crate::volley::{FAST, Folder, Ran, run, volley};
use std::{fs, io::Write, process::Stdio};

/// Ten Thai numbers, and `text` for them at 0.05 a segment.
fn folder(text: &str) -> Folder {
    let folder = Folder::new();
    folder.campaign("transmitsms", "http://127.0.0.1:9", 10, FAST);
    let campaign = fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
    folder.write("campaign.toml", campaign.replace("Sale ends today", text));
    folder
}

const CURLY: &str =
    "Don’t miss it: the sale in all our shops ends today at eight in the evening, and not an hour later";

#[test]
fn edits_are_listed_with_what_they_save_and_none_is_made() {
    let folder = folder(CURLY);
    let before = fs::read(folder.path("campaign.toml")).expect("a campaign");
    let shown = run(&["preview", &folder.text("campaign.toml"), "--advise"]).exits(0).stdout;
    let (_, advice) = shown.split_once("Edits that would save, none applied:\n").expect("edits");
    let flat = advice.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.starts_with("THB segments recipients edit 0.5000 10 10 write ' instead of ’ (U+2019 "),
        "{shown}"
    );
    assert!(flat.contains("Don’t miss it: → Don't miss it:"), "{shown}");
    assert!(advice.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert_eq!(fs::read(folder.path("campaign.toml")).expect("a campaign"), before);
    assert!(!folder.path("test.volley").exists());
}

#[test]
fn the_json_has_the_edits_where_they_are_asked_for_and_is_the_same_otherwise() {
    let folder = folder(CURLY);
    let campaign = folder.text("campaign.toml");
    let plain = run(&["preview", &campaign, "--json"]).exits(0);
    let mut advised = run(&["preview", &campaign, "--json", "--advise"]).exits(0).json();
    let advice = advised.as_object_mut().expect("an object").remove("advice").expect("edits");
    assert_eq!(advised, plain.json());
    let first = &advice[0];
    for (key, value) in [
        ("kind", "look_alike"),
        ("before", "Don’t miss it:"),
        ("after", "Don't miss it:"),
        ("cost_saved", "0.5000"),
        ("text", &CURLY.replace('’', "'")),
    ] {
        assert_eq!(first[key], value, "{key} in {first}");
    }
    assert_eq!(
        (&first["segments_saved"], &first["rows"], &first["more_rows"]),
        (&10.into(), &10.into(), &0.into())
    );
    assert!(first["variable"].is_null(), "{first}");
}

#[test]
fn without_a_rate_card_segments_are_saved() {
    let folder = folder(CURLY);
    let campaign = fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
    folder.write("campaign.toml", campaign.replace("[rates]\nfile = \"rates.csv\"\n", ""));
    let ran = run(&["preview", &folder.text("campaign.toml"), "--advise"]).exits(0);
    let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("none applied: segments recipients edit 10 10 write '"), "{}", ran.stdout);
    let json = run(&["preview", &folder.text("campaign.toml"), "--advise", "--json"]).exits(0).json();
    assert!(json["advice"][0]["cost_saved"].is_null(), "{json}");
}

#[test]
fn where_nothing_saves_a_line_says_so() {
    let folder = folder("Sale ends today");
    let shown = run(&["preview", &folder.text("campaign.toml"), "--advise"]).exits(0).stdout;
    assert_eq!(shown.lines().last(), Some("No edit of the text that was tried would save anything."));
    let json = run(&["preview", &folder.text("campaign.toml"), "--advise", "--json"]).exits(0).json();
    assert_eq!(json["advice"], serde_json::json!([]));
}

#[test]
fn a_text_steers_no_terminal() {
    let folder = folder(&format!("Sale\\u001B[2J\\n{}", CURLY.replace('’', "'")));
    let shown = run(&["preview", &folder.text("campaign.toml"), "--advise"]).exits(0).stdout;
    let (_, advice) = shown.split_once("none applied:").expect("edits");
    assert!(advice.contains("\\u{1b}") && advice.contains('⏎') && !shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_list_from_a_pipe_is_priced_whichever_of_its_duplicates_counts() {
    let folder = folder(&CURLY.replace("Don’t", "{{name}}, don’t"));
    let campaign = folder.text("campaign.toml");
    let list = "mobile,name\n+66800000001,Ann\n+66800000001,สมชาย\n+66800000002,Bo\n";
    for (duplicates, saved) in [("last", 1), ("first", 2)] {
        let settings = ["recipients.file=-".to_owned(), format!("recipients.duplicates={duplicates}")];
        let mut process = volley(&[
            "preview",
            &campaign,
            "--advise",
            "--json",
            "--set",
            &settings[0],
            "--set",
            &settings[1],
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
        let mut stdin = process.stdin.take().expect("a pipe");
        stdin.write_all(list.as_bytes()).expect("written");
        drop(stdin);
        let json = Ran::of(&process.wait_with_output().expect("it ends")).exits(0).json();
        assert_eq!((&json["accepted"], &json["duplicates"]), (&2.into(), &1.into()));
        let edits = json["advice"].as_array().expect("edits");
        let curly = edits.iter().find(|edit| edit["kind"] == "look_alike").expect("the apostrophe");
        assert_eq!(curly["segments_saved"], saved, "{duplicates}: {json}");
    }
}
