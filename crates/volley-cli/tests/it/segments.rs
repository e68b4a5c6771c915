//! `volley segments`: the shared vectors through the real binary, and what it draws for people.

use crate::volley::{Ran, run, volley};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{Seek, Write},
    process::Stdio,
};

/// Runs with `input` on stdin.
fn fed(arguments: &[&str], input: &[u8]) -> Ran {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(input).and_then(|()| file.rewind()).expect("written");
    Ran::of(&volley(arguments).stdin(Stdio::from(file)).output().expect("the binary runs"))
}

/// Each line of what it said as JSON.
fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The lines drawn for `text`, which stands on stdin.
fn drawn(text: &str) -> Vec<String> {
    let ran = fed(&["segments", "-"], text.as_bytes()).exits(0);
    assert_eq!(ran.stderr, "");
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn every_vector_has_the_standards_answer_in_every_field() {
    let mut judged = 0;
    for name in ["gsm7", "ucs2", "options"] {
        let path = format!("{}/../../data/vectors/segments-{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let vectors = std::fs::read_to_string(&path).expect("the vectors");
        let input = File::open(&path).expect("the vectors");
        let ran = volley(&["segments", "--jsonl"]).stdin(Stdio::from(input)).output().expect("it runs");
        let answers = lines(&Ran::of(&ran).exits(0));
        assert_eq!(answers.len(), vectors.lines().count(), "{name}");
        for (case, answer) in vectors.lines().zip(&answers) {
            let case: Value = serde_json::from_str(case).expect("JSON");
            for field in [
                "id",
                "encoding",
                "units",
                "segments",
                "split",
                "segment_units",
                "non_gsm",
                "national",
                "over_limit",
            ] {
                assert_eq!(answer.get(field), case.get(field), "{field} of {}", case["id"]);
            }
            let [units, capacity] =
                ["units", "capacity"].map(|field| answer[field].as_u64().expect("a number"));
            assert_eq!(units.div_ceil(capacity).max(1), case["naive_segments"], "{}", case["id"]);
            judged += 1;
        }
    }
    assert_eq!(judged, 3_508);
}

#[test]
fn a_bad_line_is_one_error_in_its_place_and_the_rest_goes_on() {
    let good = br#"{"id":"ok","text":"caf\u00e9"}"#;
    #[rustfmt::skip]
    let cases: &[(&[u8], Option<Value>, &str)] = &[
        (br#"{"id":"a","text":"\ud800"}"#, Some(json!("a")), "half of a surrogate pair"),
        (br#"{"id":"b","text":"\ude00x"}"#, Some(json!("b")), "half of a surrogate pair"),
        (br#"{"id":"c"}"#, Some(json!("c")), "missing field `text`"),
        (br#"{"id":{"n":4},"text":5}"#, Some(json!({"n": 4})), "expected a string"),
        (br#"{"text":"no id"}"#, None, "missing field `id`"),
        (br#"{"id":"d","text":"x","options":{"brake":"char"}}"#, Some(json!("d")), "options.brake"),
        (br#"{"id":"e","text":"x","options":{"concat_ref":12}}"#, Some(json!("e")), "options.concat_ref"),
        (br#"{"id":"f","text":"x","options":{"locking":"spanish"}}"#, Some(json!("f")), "options.locking"),
        (br#"{"id":"g","text":"x","options":{"allow":["urdu"],"single":"urdu"}}"#, Some(json!("g")), "options.allow"),
        (br#"{"id":"h","text":"x","options":"grapheme"}"#, Some(json!("h")), "options: not an object"),
        (br#"["i","text"]"#, None, "not a JSON object"),
        (br#""text""#, None, "not a JSON object"),
        (br#"{"id":"j","text":"cut of"#, None, "EOF"),
        (b"{\"id\":\"k\",\"text\":\"\xff\"}", Some(json!("k")), "unicode"),
        (br#"{"id":"l","text":"x"} {"id":"m","text":"y"}"#, None, "trailing"),
    ];
    let mut input = Vec::new();
    for (line, ..) in cases {
        for line in [good, *line, b" "] {
            input.extend_from_slice(line);
            input.push(b'\n');
        }
    }
    let ran = fed(&["segments", "--jsonl"], &input).exits(2);
    assert_eq!(ran.stderr, "");
    let answers = lines(&ran);
    assert_eq!(answers.len(), 2 * cases.len(), "blank lines are none");
    for ((number, (line, id, says)), answer) in (0..).zip(cases).zip(answers.chunks(2)) {
        let line = String::from_utf8_lossy(line);
        assert_eq!((&answer[0]["id"], &answer[0]["units"]), (&json!("ok"), &json!(4)), "before {line}");
        assert_eq!(answer[1]["line"], 3 * number + 2, "{line}");
        assert_eq!(answer[1].get("id"), id.as_ref(), "{line}");
        let error = answer[1]["error"].as_str().expect("an error");
        assert!(error.contains(says), "{line}: {error}");
        assert!(!error.contains("line 1"), "a line number that is not ours: {error}");
    }
}

#[test]
fn flags_hold_for_every_line_that_says_nothing_else() {
    let text = "x".repeat(153 + 152);
    let input = format!(
        "{}\n{}\n{}\n",
        json!({"id": 1, "text": text}),
        json!({"id": 2, "text": text, "options": {"concat_ref": 8}}),
        json!({"id": 3, "text": text, "options": null}),
    );
    let ran = fed(&["segments", "--jsonl", "--concat-ref", "16"], input.as_bytes()).exits(0);
    let segments: Vec<Value> = lines(&ran).iter().map(|answer| answer["segments"].clone()).collect();
    assert_eq!(segments, [3, 2, 3]);
}

#[test]
fn flags_mean_what_a_lines_options_mean() {
    for (flags, options, text) in [
        (&["--concat-ref", "16"][..], json!({"concat_ref": 16}), "x".repeat(306)),
        (&["--break", "grapheme"], json!({"break": "grapheme"}), "e\u{301}".repeat(100)),
        (&["--break", "char"], json!({"break": "char"}), "e\u{301}".repeat(100)),
        (&["--locking", "turkish"], json!({"locking": "turkish"}), "ağaç".to_owned()),
        (&["--single", "spanish"], json!({"single": "spanish"}), "así".to_owned()),
        (&["--allow", "hindi,urdu"], json!({"allow": ["hindi", "urdu"]}), "नमस्ते".to_owned()),
    ] {
        let line = format!("{}\n", json!({"id": 0, "text": text, "options": options}));
        let by_line = fed(&["segments", "--jsonl"], line.as_bytes()).exits(0).json();
        let by_flag = run(&[&["segments", "--json", &text], flags].concat()).exits(0).json();
        for field in ["encoding", "units", "segments", "split", "segment_units", "capacity", "national"] {
            assert_eq!(by_flag.get(field), by_line.get(field), "{field} with {flags:?}");
        }
    }
}

#[test]
fn a_wrong_flag_is_named() {
    for (flags, says) in [
        (&["--concat-ref", "12"][..], "--concat-ref"),
        (&["--break", "word"], "--break"),
        (&["--locking", "klingon"], "--locking"),
        (&["--single", ""], "--single"),
        (&["--allow", "urdu,klingon"], "--allow"),
        (&["--locking", "spanish"], "--locking: spanish has no locking table"),
        (&["--allow", "urdu", "--single", "urdu"], "--allow"),
    ] {
        for how in [&["segments", "x"][..], &["segments", "x", "--json"], &["segments", "--jsonl"]] {
            let ran = run(&[how, flags].concat()).exits(2);
            assert!(ran.stderr.contains(says), "{flags:?}: {}", ran.stderr);
            if how.contains(&"--json") {
                assert_eq!(ran.json()["error"]["exit_code"], 2, "{flags:?}");
            } else {
                assert_eq!(ran.stdout, "", "{flags:?}");
            }
        }
    }
}

#[test]
fn one_text_as_json_has_the_contracts_keys_and_names_what_forces() {
    let said = run(&["segments", "Hi “you”", "--json"]).exits(0).json();
    assert_eq!(
        said,
        json!({
            "encoding": "UCS-2", "units": 8, "segments": 1, "split": ["Hi “you”"], "segment_units": [8],
            "capacity": 70, "non_gsm": ["“", "”"], "left": 62,
            "forcing": [
                {"char": "“", "code_point": "U+201C", "name": "LEFT DOUBLE QUOTATION MARK", "index": 3},
                {"char": "”", "code_point": "U+201D", "name": "RIGHT DOUBLE QUOTATION MARK", "index": 7},
            ],
        })
    );
    let said = run(&["segments", &"€".repeat(81), "--json"]).exits(0).json();
    assert_eq!(
        (&said["segments"], &said["segment_units"], &said["capacity"], &said["left"], &said["forcing"]),
        (&json!(2), &json!([152, 10]), &json!(153), &json!(143), &json!([]))
    );
}

#[test]
fn a_text_is_drawn_with_its_reasons() {
    assert_eq!(
        drawn("Don’t miss: 20% off — “today”\n"),
        [
            "UCS-2, 29 units, 1 segment of up to 70",
            "",
            "  1   29  Don’t miss: 20% off — “today”",
            "             ^                ^ ^     ^",
            "          41 units left in this segment",
            "",
            "            Forces UCS-2                 at character  look-alike",
            " ’  U+2019  RIGHT SINGLE QUOTATION MARK  4             '",
            " —  U+2014  EM DASH                      21            -",
            " “  U+201C  LEFT DOUBLE QUOTATION MARK   23            \"",
            " ”  U+201D  RIGHT DOUBLE QUOTATION MARK  29            \"",
            "",
            "with smart = true: no change, since folding saves no segment",
        ]
    );
}

#[test]
fn what_folding_would_give_is_told() {
    let long = "Sale ends today. ".repeat(5);
    for (end, says) in [
        ("Don’t miss it", "1 segment instead of 2"),
        ("Don’t miss it 😀", "no change, since 1 character has no look-alike in GSM-7"),
        ("Don’t miss it, ça 😀", "no change, since 2 characters have no look-alike in GSM-7"),
    ] {
        let last = drawn(&format!("{long}{end}")).pop().expect("a line");
        assert_eq!(last, format!("with smart = true: {says}"), "{end}");
    }
    assert!(!drawn(&long).concat().contains("smart"), "nothing to fold");
}

#[test]
fn a_caret_stands_under_each_character_that_forces_ucs_2() {
    for (text, shown, carets) in [
        ("a’b", "a’b", " ^"),
        ("’’", "’’", "^^"),
        // A Thai vowel above its consonant takes no column of its own.
        ("x ที่ y", "x ที่ y", "  ^"),
        ("x กา y", "x กา y", "  ^^"),
        ("cafe\u{301}!’", "cafe\u{301}!’", "   ^ ^"),
        // Two columns each.
        ("a😀b’", "a😀b’", " ^  ^"),
        ("漢字’", "漢字’", "^ ^ ^"),
        ("👍🏽’", "👍🏽’", "^ ^"),
        // Shown instead of obeyed.
        ("a\tb’", "a\\u{9}b’", " ^     ^"),
        ("a\u{202e}b’", "a\\u{202e}b’", " ^        ^"),
        ("a\nb’", "a⏎b’", "   ^"),
        ("\u{1b}[2J", "\\u{1b}[2J", "^"),
    ] {
        let lines = drawn(text);
        assert_eq!((&lines[2][10..], lines[3].get(10..)), (shown, Some(carets)), "{text:?}");
    }
}

#[test]
fn a_segment_wider_than_the_terminal_goes_on_below_with_its_carets() {
    let text = format!("{}’{}’", "x".repeat(69), "y".repeat(70));
    let lines = drawn(&text);
    assert_eq!(
        lines[..10],
        [
            "UCS-2, 141 units, 3 segments of up to 67".to_owned(),
            String::new(),
            format!("  1   67  {}", "x".repeat(67)),
            format!("  2   67  xx’{}", "y".repeat(64)),
            "            ^".to_owned(),
            "  3    7  yyyyyy’".to_owned(),
            "                ^".to_owned(),
            "          60 units left in this segment".to_owned(),
            String::new(),
            "            Forces UCS-2                 at character  look-alike".to_owned(),
        ]
    );
    let lines = drawn(&"\u{1}".repeat(20));
    assert_eq!(lines[2], format!("  1   20  {}", "\\u{1}".repeat(14)));
    assert_eq!(lines[3], format!("          {}", "^    ".repeat(14).trim_end()));
    assert_eq!(lines[4], format!("          {}", "\\u{1}".repeat(6)));
    assert_eq!(lines[5], format!("          {}", "^    ".repeat(6).trim_end()));
}

#[test]
fn national_tables_are_named_where_they_are_used() {
    let first = |arguments: &[&str]| run(arguments).exits(0).stdout.lines().next().map(str::to_owned);
    assert_eq!(
        first(&["segments", "ağaç ş", "--locking", "turkish"]).as_deref(),
        Some("GSM-7 with turkish locking shift, 6 units, 1 segment of up to 155")
    );
    assert_eq!(
        first(&["segments", "así", "--allow", "spanish"]).as_deref(),
        Some("GSM-7 with spanish single shift, 4 units, 1 segment of up to 155")
    );
    // Each has a table, but no one pair of tables has both.
    let ran = run(&["segments", "ğ ã क", "--allow", "turkish,portuguese,hindi"]).exits(0);
    assert!(
        ran.stdout.ends_with("No choice among the allowed tables has all of its characters.\n"),
        "{ran:#?}"
    );
}

#[test]
fn an_empty_text_is_one_segment_of_nothing() {
    for text in ["", "\n", "\r\n"] {
        assert_eq!(
            drawn(text),
            [
                "GSM-7, 0 units, 1 segment of up to 160",
                "",
                "  1    0",
                "          160 units left in this segment",
            ]
        );
    }
    let said = run(&["segments", "", "--json"]).exits(0).json();
    assert_eq!((&said["segments"], &said["split"], &said["left"]), (&json!(1), &json!([""]), &json!(160)));
}

#[test]
fn a_text_of_controls_reaches_the_terminal_as_words() {
    let controls: String = ('\0'..=' ').chain('\u{7f}'..='\u{9f}').collect();
    let ran = fed(&["segments", "-"], controls.as_bytes()).exits(0);
    assert!(ran.stdout.chars().all(|character| character == '\n' || !character.is_control()), "{ran:#?}");
    assert!(ran.stdout.contains("\\u{0}\\u{1}"), "{ran:#?}");
}

#[test]
fn a_text_of_ten_mebibytes_is_drawn_on_one_page() {
    for text in ["Don’t miss it. ", "ที่นี่ลดราคา ", "plain ", "😀", "\t"] {
        let lines = drawn(&text.repeat(10 * 1024 * 1024 / text.len()));
        assert!(lines.len() < 150, "{text:?}: {} lines", lines.len());
        assert!(
            lines[1].starts_with("too long: a message has at most 255 segments"),
            "{text:?}: {}",
            lines[1]
        );
        assert!(
            lines.iter().any(|line| line.contains(" more segments, ") && line.ends_with(" left in the last")),
            "{text:?}"
        );
    }
    // A great many different characters are not all listed.
    let han: String = ('\u{4e00}'..'\u{9000}').collect();
    let lines = drawn(&han);
    assert!(lines.len() < 100, "{} lines", lines.len());
    assert!(lines.contains(&"… and 16,876 more".to_owned()), "{lines:#?}");
}

#[test]
fn many_lines_to_a_reader_that_goes_away_end_quietly() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for id in 0..20_000 {
        writeln!(file, "{}", json!({"id": id, "text": "Don’t miss it"})).expect("written");
    }
    let (binary, path) = (env!("CARGO_BIN_EXE_volley"), file.path().display());
    let script = format!("'{binary}' segments --jsonl < '{path}' | head -n 1; exit ${{PIPESTATUS[0]}}");
    let output = std::process::Command::new("bash").args(["-c", &script]).output().expect("a shell");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    assert_eq!(lines(&Ran::of(&output)).len(), 1);
}
