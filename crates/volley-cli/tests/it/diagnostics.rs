//! Errors show their place: the line of the file with what is wrong underlined for people, file, line
//! and column for scripts, and nothing that is a secret or about a recipient.

use crate::{
    disks::on_a_small_disk,
    volley::{FAST, Folder, Gateway, Ran, run, volley},
};
use serde_json::Value;
use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
};

/// A mistake in a sound campaign of one recipient, and how it is shown.
struct Mistake {
    what: &'static str,
    make: fn(&Folder),
    /// The lines below the first.
    drawn: &'static [&'static str],
    /// The file's name, the line and the column.
    place: (&'static str, Option<u64>, Option<u64>),
}

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    Mistake { what: "a misspelt key", place: ("campaign.toml", Some(4), Some(1)),
        drawn: &["  4 | txt = \"Sale ends today\"", "    | ^^^"],
        make: |folder| edit(folder, "campaign.toml", "text =", "txt =") },
    Mistake { what: "a value behind a tab, wide characters and marks", place: ("campaign.toml", Some(11), Some(8)),
        drawn: &["  11 | rate = \"日本\\u{202e}\\u007F ไทย\"", "     |        ^^^^^^^^^^^^^^^^^^^^^^^^"],
        make: |folder| edit(folder, "campaign.toml", "\"1000/s\"", "\"日本\u{202e}\\u007F ไทย\"") },
    Mistake { what: "a number where a text belongs", place: ("campaign.toml", Some(7), Some(12)),
        drawn: &["  7 | region   = 61 # Australia", "    |            ^^"],
        make: |folder| edit(folder, "campaign.toml", "region = \"TH\"", "region   = 61 # Australia") },
    Mistake { what: "a variable that is never closed", place: ("campaign.toml", Some(4), Some(12)),
        drawn: &["  4 | text = \"Hi {{name, sale ends today\"", "    |            ^^"],
        make: |folder| edit(folder, "campaign.toml", "Sale ends", "Hi {{name, sale ends") },
    Mistake { what: "a filter that there is not", place: ("campaign.toml", Some(4), Some(27)),
        drawn: &["  4 | text = \"\\\"Hi\\\", {{ name | uper }}\"", "    |                           ^^^^"],
        make: |folder| edit(folder, "campaign.toml", "Sale ends today", "\\\"Hi\\\", {{ name | uper }}") },
    Mistake { what: "a variable in a text of several lines", place: ("campaign.toml", Some(6), Some(4)),
        drawn: &["  6 | to {{nmae}}\"\"\"", "    |    ^^^^^^^^"],
        make: |folder| edit(folder, "campaign.toml", "\"Sale ends today\"", "\"\"\"\nThis goes\nto {{nmae}}\"\"\"") },
    Mistake { what: "a variable in a text of its own", place: ("message.txt", Some(2), Some(4)),
        drawn: &["  2 | to {{ nmae }}!", "    |    ^^^^^^^^^^"],
        make: |folder| {
            folder.write("message.txt", "\u{feff}This goes\r\nto {{ nmae }}!\r\n");
            edit(folder, "campaign.toml", "text = \"Sale ends today\"", "file = \"message.txt\"");
        } },
    Mistake { what: "a key that is set twice", place: ("campaign.toml", Some(4), Some(1)),
        drawn: &["  4 | text = \"Sale ends today\"", "    | ^^^^"],
        make: |folder| edit(folder, "campaign.toml", "[recipients]", "file = \"message.txt\"\n[recipients]") },
    Mistake { what: "a price that is none", place: ("rates.csv", Some(2), Some(4)),
        drawn: &["  2 | 66,five cents,THB", "    |    ^^^^^^^^^^"],
        make: |folder| edit(folder, "rates.csv", "0.05", "five cents") },
    Mistake { what: "two prices of one prefix", place: ("rates.csv", Some(3), None),
        drawn: &["  3 | 66,0.06,THB", "    | ^^^^^^^^^^^"],
        make: |folder| edit(folder, "rates.csv", "66,0.05,THB\n", "66,0.05,THB\n66,0.06,THB\n") },
    Mistake { what: "a column of the rate card that is nearly one", place: ("rates.csv", Some(1), Some(23)),
        drawn: &["  1 | prefix,price,currency,valid_form", "    |                       ^^^^^^^^^^"],
        make: |folder| { folder.write("rates.csv", "prefix,price,currency,valid_form\n66,0.05,THB,\n"); } },
    Mistake { what: "two columns of one name", place: ("recipients.csv", Some(1), Some(8)),
        drawn: &["  1 | mobile,name,name", "    |        ^^^^"],
        make: |folder| { folder.write("recipients.csv", "mobile,name,name\n+66800000001,Ann,Bo\n"); } },
    Mistake { what: "two columns that may hold the number", place: ("recipients.csv", Some(1), None),
        drawn: &["  1 | mobile,phone", "    | ^^^^^^^^^^^^"],
        make: |folder| { folder.write("recipients.csv", "mobile,phone\n+66800000001,1\n"); } },
    // A row is about somebody: its line is named, and nothing of it is shown.
    Mistake { what: "a quote that is never closed", place: ("recipients.csv", Some(3), None), drawn: &[],
        make: |folder| { folder.write("recipients.csv", "mobile,name\n+66800000001,Hidden\n+66800000002,\"Hidden\n"); } },
    Mistake { what: "a list without a header", place: ("recipients.csv", Some(1), None), drawn: &[],
        make: |folder| { folder.write("recipients.csv", "+66800000001,Hidden\n"); } },
    Mistake { what: "a suppression list with an open quote", place: ("optouts.csv", Some(2), None), drawn: &[],
        make: |folder| {
            folder.write("optouts.csv", "mobile\n\"+66800000001 Hidden\n+66800000002\n");
            edit(folder, "campaign.toml", "region = \"TH\"", "region = \"TH\"\nsuppress = [\"optouts.csv\"]");
        } },
    Mistake { what: "a list without a header instead of the campaign", place: ("campaign.toml", Some(1), Some(13)), drawn: &[],
        make: |folder| { folder.write("campaign.toml", "+66800000001,Hidden\n"); } },
    Mistake { what: "a list without a header instead of the rate card", place: ("rates.csv", Some(1), None), drawn: &[],
        make: |folder| { folder.write("rates.csv", "+66800000001,Hidden,THB\n"); } },
    Mistake { what: "a secret in the file", place: ("campaign.toml", Some(14), Some(1)),
        drawn: &["  14 | key = ········", "     | ^^^"],
        make: |folder| edit(folder, "campaign.toml", "key_env = \"SIM_KEY\"", "key = \"Hidden\"") },
    Mistake { what: "a secret without quotes", place: ("campaign.toml", Some(14), Some(7)),
        drawn: &["  14 | key = ······", "     |       ^"],
        make: |folder| edit(folder, "campaign.toml", "key_env = \"SIM_KEY\"", "key = Hidden") },
    // What is missing has a file and no line.
    Mistake { what: "no list", place: ("recipients.csv", None, None), drawn: &[],
        make: |folder| fs::remove_file(folder.path("recipients.csv")).expect("removed") },
    Mistake { what: "a key that is missing", place: ("campaign.toml", None, None), drawn: &[],
        make: |folder| edit(folder, "campaign.toml", "kind = \"mesms\"\n", "") },
];

fn edit(folder: &Folder, name: &str, before: &str, after: &str) {
    let text = fs::read_to_string(folder.path(name)).expect("a file");
    assert!(text.contains(before), "{name} has no {before}");
    folder.write(name, text.replace(before, after));
}

fn sound() -> Folder {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 1, FAST);
    folder
}

/// The member `error` of the one object on stdout.
#[track_caller]
fn error_of(ran: &Ran) -> Value {
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    answer["error"].clone()
}

#[test]
fn every_mistake_is_underlined_where_it_stands_and_has_its_place_for_scripts() {
    for Mistake { what, make, drawn, place: (file, line, column) } in MISTAKES {
        let folder = sound();
        make(&folder);
        let campaign = folder.text("campaign.toml");
        let ran = run(&["check", &campaign, "--json"]);
        let below: Vec<&str> = ran.stderr.lines().skip(1).collect();
        assert_eq!(below, *drawn, "{what}: {ran:#?}");
        let error = error_of(&ran);
        assert_eq!(error["file"], folder.text(file), "{what}: {ran:#?}");
        assert_eq!((error["line"].as_u64(), error["column"].as_u64()), (*line, *column), "{what}: {ran:#?}");
        assert!(error["hint"].is_string(), "{what}: {ran:#?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!said.contains("Hidden") && !said.contains("66800000001"), "{what}: {ran:#?}");
        // Who asks for quiet gets the first line alone, and it is the same one.
        let quiet = run(&["check", &campaign, "-q"]);
        assert_eq!(quiet.stderr.lines().collect::<Vec<_>>(), [ran.stderr.lines().next().expect("a line")]);
        assert_eq!(quiet.stdout, "", "{what}");
    }
}

#[test]
fn what_no_file_says_has_no_file() {
    let folder = sound();
    let campaign = folder.text("campaign.toml");
    let flag = run(&["check", &campaign, "--json", "--set", "provider.rate=soon"]).exits(2);
    let mut variable = volley(&["check", &campaign, "--json"]);
    let variable = Ran::of(&variable.env("VOLLEY_PROVIDER_RATE", "soon").output().expect("it runs")).exits(2);
    for ran in [flag, variable] {
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:#?}");
        assert!(error_of(&ran).get("file").is_none(), "{ran:#?}");
    }
}

#[test]
fn a_description_of_a_provider_shows_its_line() {
    let folder = sound();
    edit(&folder, "campaign.toml", "\"mesms\"", "\"http\"\ndefinition = \"provider.toml\"");
    folder.write("provider.toml", "name = \"least\"\nendpiont = \"/send\" # of their page\n");
    let ran = run(&["check", &folder.text("campaign.toml"), "--json"]).exits(2);
    let drawn: Vec<&str> = ran.stderr.lines().skip(1).collect();
    let carets = "    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^";
    assert_eq!(drawn, ["  2 | endpiont = \"/send\" # of their page", carets], "{ran:#?}");
    assert!(ran.stderr.contains("did you mean `endpoint`?"), "{ran:#?}");
    let error = error_of(&ran);
    assert_eq!(
        (&error["file"], &error["line"]),
        (&folder.text("provider.toml").into(), &2.into()),
        "{ran:#?}"
    );
}

#[test]
fn files_of_the_gateway_show_faults_and_hide_accounts() {
    let folder = Folder::new();
    folder
        .write("faults.toml", "seed = 7\n[[fault]]\nrequest = 1\nkind = \"reset\"\nstatus = 500\n")
        .write("accounts.toml", "[[account]]\nface = \"mesms\"\nkey = \"Hidden\"\nkeys = \"Hidden\"\n");
    let (faults, accounts) = (folder.text("faults.toml"), folder.text("accounts.toml"));
    let ran = run(&["sim", "--faults", &faults, "--listen", "127.0.0.1:0", "--json"]).exits(2);
    let drawn: Vec<&str> = ran.stderr.lines().skip(1).collect();
    assert_eq!(drawn, ["  2 | [[fault]]", "    | ^^^^^^^^^"], "{ran:#?}");
    assert_eq!((&error_of(&ran)["file"], &error_of(&ran)["line"]), (&faults.into(), &2.into()), "{ran:#?}");
    let ran = run(&["sim", "--accounts", &accounts, "--listen", "127.0.0.1:0", "--json"]).exits(2);
    assert_eq!((ran.stderr.lines().count(), error_of(&ran)["line"].as_u64()), (1, Some(4)), "{ran:#?}");
    assert!(!format!("{ran:?}").contains("Hidden"), "{ran:#?}");
}

/// What steers a terminal, and a page, if anybody obeys it.
const HOSTILE: &str = "\u{1b}[31m\u{1b}]0;title\u{7}<script>alert(1)</script>\u{202e}gnp\u{200b}\u{2066}";

#[test]
fn hostile_files_are_shown_inert_and_cut() {
    let long = HOSTILE.repeat((1 << 20) / HOSTILE.len());
    for text in [HOSTILE, &long] {
        let folder = sound();
        edit(
            &folder,
            "campaign.toml",
            "text =",
            &format!("txt = '{}'\ntext =", text.replace(['\u{1b}', '\u{7}'], "")),
        );
        is_inert(&run(&["check", &folder.text("campaign.toml"), "--json"]).exits(2));
        // Controls end it where they stand.
        let folder = sound();
        edit(&folder, "campaign.toml", "Sale", text);
        is_inert(&run(&["check", &folder.text("campaign.toml"), "--json"]).exits(2));
        let folder = sound();
        folder.write("rates.csv", format!("prefix,price,currency\n66,{text},THB\n"));
        is_inert(&run(&["check", &folder.text("campaign.toml"), "--json"]).exits(2));
    }
}

/// Neither stream steers anything, and no line of either is long.
fn is_inert(ran: &Ran) {
    let said = format!("{}{}", ran.stdout, ran.stderr);
    let steers = |one: char| one != '\n' && volley_core::is_steering(one);
    assert!(!said.contains(steers), "{:?}", said.chars().take(3_000).collect::<String>());
    let longest = said.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    assert!(longest < 5_000, "{longest}");
    assert!(error_of(ran).is_object(), "{ran:#?}");
}

/// Answers every request with this body, as a refusal, until the test ends.
fn provider_that_says(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).unwrap_or(0);
            let head = format!(
                "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // It may not want to hear all of it.
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())));
        }
    });
    address
}

#[test]
fn hostile_words_of_a_provider_are_inert_in_errors() {
    for repeated in [1, 1_000, (1 << 20) / HOSTILE.len()] {
        let words = HOSTILE.repeat(repeated);
        let body = serde_json::json!({ "error": { "code": words, "description": words }, "message": words });
        let address = provider_that_says(body.to_string());
        for kind in ["transmitsms", "mesms"] {
            let folder = Folder::new();
            folder.campaign(kind, &address, 1, FAST);
            let campaign = folder.text("campaign.toml");
            for arguments in [&["provider", "balance", &campaign][..], &["send", &campaign, "--yes"]] {
                let ran = run(&[arguments, &["--json"]].concat());
                assert_ne!(ran.code, Some(0), "{ran:#?}");
                is_inert(&ran);
            }
        }
    }
}

/// A campaign of ten that was sent, and the gateway that took it.
fn sent() -> (Folder, Gateway) {
    let folder = Folder::new();
    let gateway =
        Gateway::start(folder.directory.path(), "[[fault]]\nrequest = 1\nkind = \"commit_then_drop\"\n");
    folder.campaign("mesms", &gateway.address, 10, FAST);
    run(&["send", &folder.text("campaign.toml"), "--yes", "-q"]).exits(6);
    (folder, gateway)
}

#[test]
fn a_full_disk_behind_stdout_is_exit_1_with_a_hint_for_every_command() {
    let (folder, _gateway) = sent();
    let (campaign, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
    let (other, begun) = (folder.text("other.volley"), folder.text("begun"));
    let listed: &[&[&str]] = &[
        &["check", &campaign, "--json"],
        &["preview", &campaign],
        &["preview", &campaign, "--json", "--advise"],
        &["plan", &campaign, "-o", &other],
        &["send", &campaign, "--yes"],
        &["send", &campaign, "--yes", "--json"],
        &["resume", &journal, "--yes", "--json"],
        &["status", &journal],
        &["status", &journal, "--json"],
        &["doubt", "list", &journal],
        &["doubt", "list", &journal, "--json"],
        &["doubt", "resolve", &journal, "--accepted", "--row", "1", "--note", "seen", "--json"],
        &["report", &journal],
        &["report", &journal, "--json"],
        &["report", &journal, "--html", "-"],
        &["report", &journal, "--csv", "-"],
        &["diff", &journal, &journal, "--csv", "-"],
        &["preview", &campaign, "--rejects", "-"],
        &["verify", &journal, "--json"],
        &["diff", &journal, &other],
        &["diff", &journal, &other, "--json"],
        &["reconcile", &journal],
        &["reconcile", &journal, "--json"],
        &["segments", "Hi"],
        &["segments", "Hi", "--json"],
        &["provider", "list"],
        &["provider", "list", "--json"],
        &["provider", "balance", &campaign],
        &["provider", "senders", &campaign, "--json"],
        &["sim", "--listen", "127.0.0.1:0", "--json"],
        &["init", &begun, "--json"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["--version"],
    ];
    for arguments in listed {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let ran = Ran::of(&volley(arguments).stdout(Stdio::from(full)).output().expect("it runs"));
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:#?}");
        assert!(ran.stderr.contains("standard output: "), "{arguments:?}: {ran:#?}");
        assert!(ran.stderr.contains("; free space there, or write it elsewhere"), "{arguments:?}: {ran:#?}");
    }
    let full = OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let mut lines = volley(&["segments", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::from(full))
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    lines.stdin.take().expect("a pipe").write_all(b"{\"id\": 1, \"text\": \"Hi\"}\n").expect("it reads");
    assert_eq!(lines.wait().expect("it ends").code(), Some(1));
}

#[test]
fn files_that_cannot_grow_are_named_and_leave_nothing_half_written() {
    let folder = sound();
    folder.write("recipients.csv", format!("mobile\n{}", "n/a\n".repeat(20_000)) + "+66800000001\n");
    let (campaign, rejects) = (folder.text("campaign.toml"), folder.text("rejects.csv"));
    let (begun, pages, journal) = (folder.text("begun"), folder.text("man1"), folder.text("other.volley"));
    let cases: &[(&[&str], i32, &str)] = &[
        (&["preview", &campaign, "--rejects", &rejects], 1, "rejects.csv"),
        (&["plan", &campaign, "-o", &journal], 1, "other.volley"),
        (&["init", &begun], 1, "begun"),
        (&["man", "--output", &pages], 1, "man1"),
    ];
    for (arguments, code, name) in cases {
        let binary = volley(arguments);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
            .arg(binary.get_program())
            .args(*arguments);
        shell.arg("--json").stdin(Stdio::null());
        let ran = Ran::of(&shell.output().expect("a shell"));
        assert_eq!(ran.code, Some(*code), "{arguments:?}: {ran:#?}");
        let error = error_of(&ran);
        assert!(error["message"].as_str().is_some_and(|said| said.contains(name)), "{ran:#?}");
        assert!(error["hint"].is_string(), "{arguments:?}: {ran:#?}");
    }
    for name in ["rejects.csv", "rejects.csv.partial", "other.volley", "other.volley.planning"] {
        assert!(!folder.path(name).exists(), "{name} is left behind");
    }
}

#[test]
fn a_full_disk_behind_a_file_is_exit_1_with_a_hint() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "");
    folder.campaign("mesms", &gateway.address, 2_000, FAST);
    let script = r#"
        "$volley" plan ../campaign.toml -o other.volley -q || exit 97
        cat /dev/zero > filler 2> /dev/null
        for flags in "report test.volley --csv list.csv" "report test.volley --html page.html" \
            "diff test.volley other.volley --csv changes.csv" "reconcile test.volley --csv differences.csv" \
            "preview ../campaign.toml --rejects rejects.csv"
        do
            "$volley" $flags --json > ../said.json 2> ../said.txt
            echo "$? $(cat ../said.json)"
            cat ../said.txt
        done
        ls
    "#;
    folder.write("rest.txt", "");
    let Some(ran) = on_a_small_disk(&folder, &gateway, script) else { return };
    let ran = ran.exits(0);
    for name in ["list.csv", "page.html"] {
        assert!(ran.stdout.contains(name), "{name}: {ran:#?}");
    }
    let answers: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("1 {")).collect();
    assert!(answers.len() >= 2 && answers.iter().all(|one| one.contains("free space there")), "{ran:#?}");
    assert!(!ran.stdout.contains(".partial"), "{ran:#?}");
}

#[test]
fn a_directory_where_a_file_belongs_is_exit_2_with_a_hint() {
    let (folder, _gateway) = sent();
    fs::create_dir(folder.path("directory")).expect("made");
    let (campaign, journal) = (folder.text("campaign.toml"), folder.text("test.volley"));
    let directory = folder.text("directory");
    let cases: &[(&[&str], i32)] = &[
        (&["check", &directory], 2),
        (&["preview", &campaign, "--rejects", &directory], 2),
        (&["report", &journal, "--csv", &directory], 2),
        (&["report", &journal, "--html", &directory], 2),
        (&["diff", &journal, &journal, "--csv", &directory], 2),
        (&["reconcile", &journal, "--csv", &directory], 2),
        (&["reconcile", &journal, "--bill", &directory], 2),
        (&["sim", "--faults", &directory], 2),
        (&["check", &campaign, "--set", "rates.file=directory"], 10),
    ];
    for (arguments, code) in cases {
        let ran = run(&[*arguments, &["--json"]].concat());
        assert_eq!(ran.code, Some(*code), "{arguments:?}: {ran:#?}");
        let error = error_of(&ran);
        assert!(error["message"].as_str().is_some_and(|said| said.contains("directory")), "{ran:#?}");
        assert!(error["hint"].is_string(), "{arguments:?}: {ran:#?}");
    }
}
