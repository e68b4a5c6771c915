//! What a user gets wrong: one line on stderr with file, row or key, a hint, and the contract's
//! exit code.

use crate::volley::{FAST, Folder, run};

/// Replaces `before` with `after` in one of the folder's files.
fn edit(folder: &Folder, name: &str, before: &str, after: &str) {
    let text = std::fs::read_to_string(folder.path(name)).expect("a file");
    assert!(text.contains(before), "{name} has no {before}");
    folder.write(name, text.replace(before, after));
}

/// One mistake in a sound campaign of ten recipients, and what `preview` says of it.
struct Mistake {
    what: &'static str,
    make: fn(&Folder),
    code: i32,
    /// All of these stand in the one line.
    says: &'static [&'static str],
}

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    Mistake { what: "no campaign file", code: 10, says: &["campaign.toml"],
        make: |folder| std::fs::remove_file(folder.path("campaign.toml")).expect("removed") },
    Mistake { what: "no list", code: 10, says: &["recipients.csv"],
        make: |folder| std::fs::remove_file(folder.path("recipients.csv")).expect("removed") },
    Mistake { what: "no rate card", code: 10, says: &["rates.csv"],
        make: |folder| std::fs::remove_file(folder.path("rates.csv")).expect("removed") },
    Mistake { what: "a broken line of TOML", code: 2, says: &["campaign.toml", "2"],
        make: |folder| edit(folder, "campaign.toml", "sender = \"Volley\"", "sender = \"Volley") },
    Mistake { what: "a misspelt key", code: 2, says: &["campaign.toml", "4", "txt", "text"],
        make: |folder| edit(folder, "campaign.toml", "text =", "txt =") },
    Mistake { what: "a misspelt section", code: 2, says: &["campaign.toml", "mesage", "message"],
        make: |folder| edit(folder, "campaign.toml", "[message]", "[mesage]") },
    Mistake { what: "an unknown provider", code: 2, says: &["campaign.toml", "transmitsm", "transmitsms"],
        make: |folder| edit(folder, "campaign.toml", "\"transmitsms\"", "\"transmitsm\"") },
    Mistake { what: "another provider's setting", code: 2, says: &["campaign.toml", "send_path"],
        make: |folder| edit(folder, "campaign.toml", "rate =", "send_path = \"/x\"\nrate =") },
    Mistake { what: "a rate that is none", code: 2, says: &["rate", "1000 a second", "2/s"],
        make: |folder| edit(folder, "campaign.toml", "1000/s", "1000 a second") },
    Mistake { what: "a secret in the file", code: 2, says: &["key_env"],
        make: |folder| edit(folder, "campaign.toml", "key_env = \"SIM_KEY\"", "key = \"hunter2\"") },
    Mistake { what: "plain http to another machine", code: 2, says: &["base_url", "https"],
        make: |folder| edit(folder, "campaign.toml", "http://127.0.0.1:9", "http://example.com") },
    Mistake { what: "a sender that is too long", code: 2, says: &["sender", "11"],
        make: |folder| edit(folder, "campaign.toml", "\"Volley\"", "\"TwelveCharsX\"") },
    Mistake { what: "a chunk above the ceiling", code: 2, says: &["chunk", "501", "500"],
        make: |folder| edit(folder, "campaign.toml", "rate =", "chunk = 501\nrate =") },
    Mistake { what: "a setting that this version cannot keep", code: 2, says: &["message.encoding", "this version"],
        make: |folder| edit(folder, "campaign.toml", "[message]", "[message]\nencoding = \"ucs2\"") },
    Mistake { what: "a send window over midnight", code: 2, says: &["limits.window", "\"06:00-22:00\""],
        make: |folder| edit(folder, "campaign.toml", "[rates]", "[limits]\nwindow = \"22:00-06:00\"\n[rates]") },
    Mistake { what: "a send window without minutes", code: 2, says: &["limits.window", "9-20", "\"09:00-20:00\""],
        make: |folder| edit(folder, "campaign.toml", "[rates]", "[limits]\nwindow = \"9-20\"\n[rates]") },
    Mistake { what: "no number column", code: 2, says: &["recipients.csv", "wireless", "recipients.number"],
        make: |folder| edit(folder, "recipients.csv", "mobile", "wireless") },
    Mistake { what: "no header", code: 2, says: &["recipients.csv", "header"],
        make: |folder| edit(folder, "recipients.csv", "mobile\n", "") },
    Mistake { what: "an unknown variable", code: 2, says: &["`nmae`", "`name`"],
        make: |folder| {
            edit(folder, "campaign.toml", "Sale ends", "Hi {{nmae}}, sale ends");
            folder.write("recipients.csv", "mobile,name\n+66800000001,Ann\n");
        } },
    Mistake { what: "a variable that is never closed", code: 2, says: &["}}"],
        make: |folder| edit(folder, "campaign.toml", "Sale ends", "Hi {{name, sale ends") },
    Mistake { what: "a quote that is never closed", code: 2, says: &["recipients.csv", "line 3", "quote"],
        make: |folder| { folder.write("recipients.csv", "mobile,name\n+66800000001,Ann\n+66800000002,\"Bo\n+66800000003,Cy\n"); } },
    Mistake { what: "an empty list", code: 2, says: &["recipients.csv", "empty"],
        make: |folder| { folder.write("recipients.csv", ""); } },
    Mistake { what: "a header and nothing else", code: 9, says: &["recipients.csv"],
        make: |folder| { folder.write("recipients.csv", "mobile\n"); } },
    Mistake { what: "a header that is not UTF-8", code: 2, says: &["recipients.csv", "UTF-8"],
        make: |folder| { folder.write("recipients.csv", b"mobile,pr\xe9nom\n+66800000001,Ann\n"); } },
    Mistake { what: "a workbook under the name of a CSV", code: 2, says: &["recipients.csv", "zip"],
        make: |folder| { folder.write("recipients.csv", b"PK\x03\x04\x14\x00\x06\x00"); } },
    Mistake { what: "a directory as the list", code: 2, says: &["recipients.csv", "directory"],
        make: |folder| {
            std::fs::remove_file(folder.path("recipients.csv")).expect("removed");
            std::fs::create_dir(folder.path("recipients.csv")).expect("made");
        } },
    Mistake { what: "a device as the text", code: 2, says: &["/dev/zero", "cannot be read"],
        make: |folder| edit(folder, "campaign.toml", "text = \"Sale ends today\"", "file = \"/dev/zero\"") },
    Mistake { what: "a cap without prices", code: 2, says: &["limits.max_cost", "[rates]"],
        make: |folder| edit(folder, "campaign.toml", "[rates]\nfile = \"rates.csv\"", "[limits]\nmax_cost = \"1\"") },
    Mistake { what: "an address for the gateway inside", code: 2, says: &["base_url", "sim"],
        make: |folder| edit(folder, "campaign.toml", "\"transmitsms\"", "\"sim\"") },
    Mistake { what: "a price that is none", code: 2, says: &["rates.csv", "five cents"],
        make: |folder| edit(folder, "rates.csv", "0.05", "five cents") },
    Mistake { what: "two prices for a prefix", code: 2, says: &["rates.csv", "66"],
        make: |folder| edit(folder, "rates.csv", "66,0.05,THB\n", "66,0.05,THB\n66,0.06,THB\n") },
];

#[test]
fn every_mistake_is_one_line_with_its_place_and_the_contracts_exit_code() {
    for Mistake { what, make, code, says } in MISTAKES {
        let folder = Folder::new();
        folder.campaign("transmitsms", "http://127.0.0.1:9", 10, FAST);
        make(&folder);
        for command in ["check", "preview", "plan"] {
            let ran = run(&[command, &folder.text("campaign.toml"), "-q"]);
            assert_eq!(ran.code, Some(*code), "{what}: {command}: {ran:#?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{what}: {command}: {ran:#?}");
            for word in *says {
                assert!(ran.stderr.contains(word), "{what}: no `{word}` in: {}", ran.stderr);
            }
            assert!(!ran.stderr.contains("hunter2"), "{what}: {}", ran.stderr);
            assert!(!folder.path("test.volley").exists(), "{what}: a journal was left");
        }
    }
}

#[test]
fn damage_in_a_row_is_that_rows_alone() {
    let folder = Folder::new();
    folder.campaign("transmitsms", "http://127.0.0.1:9", 10, FAST);
    folder
        .write("recipients.csv", b"mobile,name\n+66800000001,Ann\n+66800000002,Andr\xe9\n+66800000003,Cy\n");
    let rejects = folder.text("rejects.csv");
    let preview =
        run(&["preview", &folder.text("campaign.toml"), "--json", "--rejects", &rejects]).exits(0).json();
    assert_eq!(
        (&preview["rows"], &preview["accepted"], &preview["rejected"]["bad_utf8"]),
        (&3.into(), &2.into(), &1.into())
    );
    let written = std::fs::read_to_string(folder.path("rejects.csv")).expect("a file");
    assert!(written.starts_with("row,column,reason,original\n2,"), "{written}");
}

#[test]
fn rejects_are_never_written_over_one_of_the_campaigns_own_files() {
    let folder = Folder::new();
    folder.campaign("transmitsms", "http://127.0.0.1:9", 10, FAST);
    for name in ["campaign.toml", "recipients.csv", "rates.csv"] {
        let before = std::fs::read(folder.path(name)).expect(name);
        let ran = run(&["preview", &folder.text("campaign.toml"), "--rejects", &folder.text(name)]).exits(2);
        assert!(ran.stderr.contains(name), "{ran:#?}");
        assert_eq!(std::fs::read(folder.path(name)).expect(name), before, "{name}");
    }
}

#[test]
fn a_file_that_is_no_journal_is_refused() {
    let folder = Folder::new();
    folder.write(
        "text.volley",
        "this is a letter to the editor, not a journal, and longer than a header of SQLite is",
    );
    folder.write("empty.volley", "");
    for name in ["text.volley", "empty.volley"] {
        for arguments in
            [&["resume", "--yes"][..], &["send", "--yes"], &["status"], &["verify"], &["doubt", "list"]]
        {
            let ran = run(&[arguments, &[&folder.text(name)]].concat()).exits(12);
            assert!(ran.stderr.contains(name), "{arguments:?}: {ran:#?}");
        }
    }
    for arguments in
        [&["resume", "--yes"][..], &["send", "--yes"], &["status"], &["verify"], &["doubt", "list"]]
    {
        run(&[arguments, &[&folder.text("missing.volley")]].concat()).exits(10);
    }
}

#[test]
fn a_wrong_command_line_is_exit_2_and_names_what_was_meant() {
    for (arguments, word) in [
        (&["previw"][..], "preview"),
        (&["preview", "--rejcts", "x", "campaign.toml"], "--rejects"),
        (&["send"], "CAMPAIGN"),
        (&["segments"], "--jsonl"),
        (&["preview", "campaign.toml", "--set", "rate"], "KEY=VALUE"),
        (&["sim", "--listen", "0.0.0.0:80"], "loopback"),
    ] {
        let ran = run(arguments).exits(2);
        assert!(ran.stderr.contains(word), "{arguments:?}: {ran:#?}");
    }
    assert!(run(&["--version"]).exits(0).stdout.starts_with("volley "));
}

#[test]
fn a_reader_that_goes_away_is_not_an_error() {
    let folder = Folder::new();
    folder.campaign("transmitsms", "http://127.0.0.1:9", 10, FAST);
    let volley = env!("CARGO_BIN_EXE_volley");
    let script =
        format!("'{volley}' preview '{}' | true; exit ${{PIPESTATUS[0]}}", folder.text("campaign.toml"));
    let output = std::process::Command::new("bash").args(["-c", &script]).output().expect("a shell");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
