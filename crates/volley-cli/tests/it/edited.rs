//! A campaign that changed after it was planned, and a plan that was altered: the frozen plan goes
//! as it was frozen, or not at all.

use crate::volley::{FAST, Folder, Gateway, Ran, run, volley};
use serde_json::Value;
use std::{fs, io::Write, process::Stdio};

const LIST: &str = "mobile,name\n+66800000001,Ann\n+66800000002,Bo\n+66800000003,Chai\n+66800000004,Dao\n";
const RATES: &str = "prefix,price,currency\n66,0.05,THB\n";
const TEXT: &str = "Hi {{name}}, sale ends today";

/// A campaign with a text for each of four people; a fifth number is suppressed.
fn campaign(gateway: &Gateway) -> Folder {
    let folder = Folder::new();
    folder.campaign("mesms", &gateway.address, 0, FAST);
    replace(&folder, "campaign.toml", "Sale ends today", TEXT);
    replace(&folder, "campaign.toml", "region =", "suppress = [\"optouts.csv\"]\nregion =");
    folder.write("recipients.csv", LIST).write("rates.csv", RATES).write("optouts.csv", "+66800000009\n");
    folder
}

/// The same, planned.
fn planned(gateway: &Gateway) -> Folder {
    let folder = campaign(gateway);
    run(&["plan", &folder.text("campaign.toml")]).exits(0);
    folder
}

/// Puts `after` in place of `before` in one of the folder's files.
fn replace(folder: &Folder, name: &str, before: &str, after: &str) {
    let text = fs::read_to_string(folder.path(name)).expect("a file");
    assert!(text.contains(before), "{name} has no {before}");
    folder.write(name, text.replace(before, after));
}

/// What a gateway took, whole: sender, number and text, in the order of the numbers.
fn sent(gateway: &Gateway) -> Vec<(String, String, String)> {
    let ledger = fs::read_to_string(&gateway.ledger).unwrap_or_default();
    let mut sent: Vec<_> = ledger
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("a JSON object a line");
            let part = |key: &str| line[key].as_str().expect(key).to_owned();
            (part("sender"), part("to"), part("text"))
        })
        .collect();
    sent.sort();
    sent
}

/// What the gateway must have taken of the plan, and nothing else.
fn frozen() -> Vec<(String, String, String)> {
    [("1", "Ann"), ("2", "Bo"), ("3", "Chai"), ("4", "Dao")]
        .map(|(last, name)| {
            ("Volley".to_owned(), format!("+6680000000{last}"), format!("Hi {name}, sale ends today"))
        })
        .into()
}

/// An edit of a planned campaign, and what `send` of it names as changed.
struct Edit {
    what: &'static str,
    make: fn(&Folder),
    names: &'static str,
}

const TERMS: &str = "name, sender, provider, schedule or chunk";

#[rustfmt::skip]
const EDITS: [Edit; 18] = [
    Edit { what: "a row behind the others", names: "recipients and texts and prices",
        make: |folder| replace(folder, "recipients.csv", "Dao\n", "Dao\n+66800000005,Eve\n") },
    Edit { what: "a row before the others", names: "recipients and texts and prices",
        make: |folder| replace(folder, "recipients.csv", "name\n", "name\n+66800000005,Eve\n") },
    Edit { what: "a row less", names: "recipients and texts and prices",
        make: |folder| replace(folder, "recipients.csv", "+66800000002,Bo\n", "") },
    Edit { what: "another number", names: "recipients",
        make: |folder| replace(folder, "recipients.csv", "+66800000002", "+66800000006") },
    Edit { what: "two numbers the other way round", names: "recipients",
        make: |folder| { folder.write("recipients.csv", LIST.replace("0001", "X").replace("0002", "0001").replace('X', "0002")); } },
    Edit { what: "a row that cannot be read any more", names: "recipients and texts and prices",
        make: |folder| replace(folder, "recipients.csv", "+66800000002", "n/a") },
    Edit { what: "a row that cannot be read in front", names: "recipients",
        make: |folder| replace(folder, "recipients.csv", "name\n", "name\nn/a,x\n") },
    Edit { what: "another value", names: "texts",
        make: |folder| replace(folder, "recipients.csv", "Bo", "Ben") },
    Edit { what: "another text", names: "texts",
        make: |folder| replace(folder, "campaign.toml", "today", "tomorrow") },
    Edit { what: "a longer text", names: "texts and prices",
        make: |folder| replace(folder, "campaign.toml", "today", &"today ".repeat(30)) },
    Edit { what: "another price", names: "prices",
        make: |folder| replace(folder, "rates.csv", "0.05", "0.06") },
    Edit { what: "another price for some", names: "prices",
        make: |folder| replace(folder, "rates.csv", "THB\n", "THB\n66800000004,0.06,THB\n") },
    Edit { what: "another currency", names: TERMS,
        make: |folder| replace(folder, "rates.csv", "THB", "AUD") },
    Edit { what: "no prices any more", names: "prices and name, sender, provider, schedule or chunk",
        make: |folder| replace(folder, "campaign.toml", "[rates]\nfile = \"rates.csv\"\n", "") },
    Edit { what: "somebody opted out", names: "recipients and texts and prices",
        make: |folder| { folder.write("optouts.csv", "+66800000009\n+66800000003\n"); } },
    Edit { what: "another chunk", names: TERMS,
        make: |folder| replace(folder, "campaign.toml", "max_in_flight", "chunk = 7\nmax_in_flight") },
    Edit { what: "another sender", names: TERMS,
        make: |folder| replace(folder, "campaign.toml", "\"Volley\"", "\"Yellov\"") },
    Edit { what: "a schedule", names: TERMS,
        make: |folder| replace(folder, "campaign.toml", "[message]", "schedule = \"2199-12-01T09:00:00+07:00\"\n[message]") },
];

#[test]
fn an_edited_campaign_sends_nothing_and_names_what_changed() {
    let ledger = Folder::new();
    let gateway = Gateway::start(ledger.directory.path(), "");
    for Edit { what, make, names } in EDITS {
        let folder = planned(&gateway);
        let planned = run(&["status", &folder.text("test.volley"), "--json"]).exits(0).json();
        make(&folder);
        let refused = run(&["send", &folder.text("campaign.toml"), "--yes"]);
        assert_eq!(refused.code, Some(7), "{what}: {refused:#?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{what}: {refused:#?}");
        let says = format!("campaign.toml: {names} changed since ");
        assert!(refused.stderr.contains(&says), "{what}: not {says}: {}", refused.stderr);
        assert!(refused.stderr.contains("nothing was sent"), "{what}: {refused:#?}");
        let status = run(&["status", &folder.text("test.volley"), "--json"]).exits(0).json();
        assert_eq!(status, planned, "{what}");
        assert_eq!(sent(&gateway), [], "{what}");
    }
}

#[test]
fn the_frozen_plan_of_an_edited_campaign_sends_what_was_frozen() {
    for Edit { what, make, .. } in EDITS {
        let ledger = Folder::new();
        let gateway = Gateway::start(ledger.directory.path(), "");
        let folder = planned(&gateway);
        make(&folder);
        let sent_now = run(&["send", &folder.text("test.volley"), "--yes", "--json"]).exits(0).json();
        assert_eq!(sent_now["cost"]["estimated"], "0.2000", "{what}");
        assert_eq!(sent(&gateway), frozen(), "{what}");
        folder.verified();
    }
}

#[test]
fn a_frozen_plan_needs_none_of_its_campaigns_files() {
    let ledger = Folder::new();
    let gateway = Gateway::start(ledger.directory.path(), "");
    let folder = planned(&gateway);
    for name in ["recipients.csv", "rates.csv", "optouts.csv", "campaign.toml"] {
        fs::remove_file(folder.path(name)).expect("removed");
        run(&["send", &folder.text("campaign.toml"), "--yes"]).exits(10);
    }
    assert_eq!(sent(&gateway), []);
    run(&["resume", &folder.text("test.volley"), "--yes"]).exits(0);
    assert_eq!(sent(&gateway), frozen());
}

/// What is written anew, and how.
type Rewrite = (&'static str, fn(&Folder));

/// Edits that leave every text, number, row and price as it was.
#[rustfmt::skip]
const REWRITES: [Rewrite; 9] = [
    ("nothing", |_| ()),
    ("the same list again", |folder| { folder.write("recipients.csv", LIST); }),
    ("the list with CRLF and a byte-order mark", |folder| {
        folder.write("recipients.csv", format!("\u{FEFF}{}", LIST.replace('\n', "\r\n")));
    }),
    ("the list with semicolons", |folder| { folder.write("recipients.csv", LIST.replace(',', ";")); }),
    ("numbers in another spelling", |folder| {
        folder.write("recipients.csv", LIST.replace("+668", "0 8"));
    }),
    ("a duplicate at the end", |folder| {
        folder.write("recipients.csv", format!("{LIST}+66800000001,Anne\n"));
    }),
    ("another opt-out of a stranger", |folder| { folder.write("optouts.csv", "+66800000009\n+66800000008\n"); }),
    ("a price for another country", |folder| { folder.write("rates.csv", format!("{RATES}61,0.07,THB\n")); }),
    ("another speed", |folder| replace(folder, "campaign.toml", "1000/s", "900/s")),
];

#[test]
fn a_campaign_that_means_the_same_goes_on() {
    for (what, make) in REWRITES {
        let ledger = Folder::new();
        let gateway = Gateway::start(ledger.directory.path(), "");
        let folder = planned(&gateway);
        let journal = folder.text("test.volley");
        // Half of it is sent before the files are touched.
        run(&["resume", &journal, "--yes", "--max-cost", "0.10"]).exits(8);
        assert_eq!(sent(&gateway).len(), 2, "{what}");
        make(&folder);
        run(&["resume", &journal, "--yes", "--max-cost", "0.15"]).exits(8);
        let ended = run(&["send", &folder.text("campaign.toml"), "--yes", "--max-cost", "1"]);
        assert_eq!(ended.code, Some(0), "{what}: {ended:#?}");
        assert_eq!(sent(&gateway), frozen(), "{what}");
        folder.verified();
    }
}

/// Plans or sends the campaign with `list` on standard input.
fn from_stdin(folder: &Folder, command: &str, list: &str) -> Ran {
    let yes: &[&str] = if command == "send" { &["--yes"] } else { &[] };
    let mut child = volley(&[command, &folder.text("campaign.toml"), "--set", "recipients.file=-"])
        .args(yes)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    child.stdin.take().expect("a pipe").write_all(list.as_bytes()).expect("written");
    Ran::of(&child.wait_with_output().expect("it ends"))
}

#[test]
fn a_list_on_standard_input_is_the_planned_one_or_is_refused() {
    let ledger = Folder::new();
    let gateway = Gateway::start(ledger.directory.path(), "");
    let folder = campaign(&gateway);
    from_stdin(&folder, "plan", LIST).exits(0);
    let refused = from_stdin(&folder, "send", &LIST.replace("Bo", "Ben")).exits(7);
    assert!(refused.stderr.contains("texts changed since"), "{refused:#?}");
    let cut = from_stdin(&folder, "send", &LIST.replace(",Dao\n", ",\"Dao\n")).exits(2);
    assert!(cut.stderr.contains("standard input: line 5: a quote opens here"), "{cut:#?}");
    assert_eq!(sent(&gateway), []);
    from_stdin(&folder, "send", LIST).exits(0);
    assert_eq!(sent(&gateway), frozen());
}

/// What stands in a journal of the plan, and what a hand makes of it. Both have one length, so that
/// the file stays one that can be read.
fn alterations() -> [(&'static str, Vec<u8>, Vec<u8>); 10] {
    // A number takes six bytes, a price in millionths three.
    let number = |last: u64| (66_800_000_000 + last).to_be_bytes()[2..].to_vec();
    let price = |prefix: &str, micros: u32| [prefix.as_bytes(), &micros.to_be_bytes()[1..]].concat();
    let around = |before: &[u8], after: &[u8]| [before, &number(3), after].concat();
    [
        ("a text", b"Hi Chai, sale ends today".to_vec(), b"Hi Chai, sale ended long".to_vec()),
        ("a name in a text", b"Hi Chai".to_vec(), b"Hi Dang".to_vec()),
        ("a number", number(3), number(7)),
        ("a number that is there already", number(3), number(4)),
        ("where one text ends and the next begins", vec![23, 22, 24, 23], vec![23, 23, 23, 23]),
        ("a row's number", around(&[3], b""), around(&[9], b"")),
        ("the sender", b"Volley".to_vec(), b"Yellov".to_vec()),
        ("the currency", b"THB".to_vec(), b"AUD".to_vec()),
        ("a price", price("66", 50_000), price("66", 50_001)),
        (
            "the recipients of a request",
            vec![0x1E, 0x84, 0x80, 0x03, 0xE8],
            vec![0x1E, 0x84, 0x80, 0x03, 0xE7],
        ),
    ]
}

/// Alters the one place of a planned journal that holds `before`.
fn alter(folder: &Folder, before: &[u8], after: &[u8]) {
    assert_eq!(before.len(), after.len());
    let mut bytes = fs::read(folder.path("test.volley")).expect("a journal");
    let places: Vec<usize> =
        (0..bytes.len() - before.len()).filter(|&at| bytes[at..].starts_with(before)).collect();
    let [place] = places[..] else { panic!("{before:?} stands at {places:?}") };
    bytes[place..place + after.len()].copy_from_slice(after);
    folder.write("test.volley", bytes);
}

/// Neither command sends anything of a journal that is not the one that was planned.
fn is_refused(folder: &Folder, what: &str) {
    for (command, target) in [("send", "test.volley"), ("resume", "test.volley"), ("send", "campaign.toml")] {
        let refused = run(&[command, &folder.text(target), "--yes"]);
        assert!(matches!(refused.code, Some(7 | 12)), "{what}: {command} {target}: {refused:#?}");
        assert!(refused.stderr.contains("test.volley"), "{what}: {refused:#?}");
    }
}

#[test]
fn a_journal_that_was_altered_sends_nothing() {
    let ledger = Folder::new();
    let gateway = Gateway::start(ledger.directory.path(), "");
    for (what, before, after) in alterations() {
        let folder = planned(&gateway);
        alter(&folder, &before, &after);
        is_refused(&folder, what);
        let verified = run(&["verify", &folder.text("test.volley")]);
        assert!(matches!(verified.code, Some(12 | 13)), "{what}: {verified:#?}");
        assert_eq!(sent(&gateway), [], "{what}");
    }
}

#[test]
fn a_journal_that_was_altered_half_way_sends_no_more() {
    for (what, before, after) in alterations() {
        let ledger = Folder::new();
        let gateway = Gateway::start(ledger.directory.path(), "");
        let folder = planned(&gateway);
        run(&["resume", &folder.text("test.volley"), "--yes", "--max-cost", "0.10"]).exits(8);
        alter(&folder, &before, &after);
        is_refused(&folder, what);
        assert_eq!(sent(&gateway), frozen()[..2], "{what}");
    }
}
