//! What somebody who knows other tools of the command line expects, and the test that it is so.
//!
//! | convention | test |
//! |---|---|
//! | `-h` and `--help` with examples on every command, and the examples work | `help::every_command_shows_an_example_and_every_example_works` |
//! | an unknown flag names the nearest one | `help::an_unknown_flag_names_the_nearest_one` |
//! | help fits a terminal of 80 columns | `conventions::help_fits_80_columns` |
//! | `--version` says which build, phone metadata and journal schema it is, without a campaign | `conventions::the_version_says_what_it_is_made_of` |
//! | stdout is data, stderr is talk | `conventions::with_json_stdout_holds_json_and_nothing_else` |
//! | `--json` on every command; a long run ends with its totals | `conventions::with_json_stdout_holds_json_and_nothing_else` |
//! | a bar on a terminal alone; nothing is drawn in a pipe or a CI log | `conventions::a_pipe_holds_no_escape_byte` |
//! | the bar shows who is settled, never what is read, and is gone before the summary | `terminal::the_readmes_tour_on_a_terminal_of_80_columns` |
//! | the README's tour goes in a pipe and in a log | `terminal::the_readmes_tour_in_a_pipe` |
//! | a terminal of 20 columns does | `terminal::the_readmes_tour_on_a_terminal_of_20_columns` |
//! | `NO_COLOR`, `CLICOLOR_FORCE`, `--no-color` | `conventions::colours_are_for_terminals_unless_somebody_asks` |
//! | a second terminal can look on | `watch::a_pipe_gets_a_line_every_interval_until_nobody_is_pending` |
//! | nothing is written but beside the campaign: no home directory, no cache | `conventions::nothing_is_written_outside_the_campaigns_directory` |
//! | `-` reads stdin | `conventions::a_list_on_stdin_previews_as_its_file` |
//! | `-` writes to stdout, and then nothing else does | `conventions::lists_go_to_stdout_where_that_is_asked_for` |
//! | a flag goes over the environment, that over the file, that over what is usual | `conventions::a_flag_goes_over_the_environment_and_that_over_the_file` |
//! | an unknown or mistyped key has file, line, column and a hint | `bad_input::every_mistake_is_one_line_with_its_place_and_the_contracts_exit_code` |
//! | a file that is named and is not there is an error of its own | `conventions::what_is_named_and_not_there_is_exit_10_and_named` |
//! | a new campaign goes to the simulated gateway | `init::a_new_campaign_is_sent_at_once_to_the_built_in_gateway` |
//! | sending asks first, `--yes` answers, and without a terminal it stops | `campaign::nothing_is_sent_without_a_yes_and_the_plan_goes_again` |
//! | a preview writes nothing, and says what is sent | `demo::the_preview_is_what_the_ledger_says_to_the_last_digit` |
//! | a frozen plan whose campaign changed is refused | `campaign::an_edited_campaign_is_refused_and_its_frozen_plan_still_goes` |
//! | a cap on cost is a hard stop, before and while sending | `campaign::the_cost_cap_is_kept_before_and_while_sending` |
//! | the first Ctrl-C drains and says how to go on, the second stops | `signals::a_signal_drains_exits_130_and_leaves_no_doubt` |
//! | `kill -9`, then `resume`: nobody twice, nobody lost | `crash::random::kills_at_random_moments_of_mesms_lose_nobody_and_text_nobody_twice` |
//! | a closed pipe is quiet | `conventions::a_closed_pipe_is_quiet_on_every_command` |
//! | bad rows are grouped by kind, with a few examples of each | `conventions::a_thousand_bad_rows_are_fewer_than_forty_lines` |
//! | numbers, texts and secrets are shown to nobody who did not ask | `canaries::no_command_shows_what_it_was_not_asked_for_whatever_goes_wrong` |
//! | completions and pages of the manual come out of the binary | `help::the_manual_has_a_page_for_every_command` |
//! | times are RFC 3339 for scripts, and by the recipient's clock where that decides | `windows::a_preview_and_a_check_say_how_the_window_falls` |
//! | a doctor looks at machine, campaign and journal, and tells each fault from the others | `doctor::each_fault_of_a_campaign_or_its_account_is_told_from_the_others` |
//! | an error says what, where, why and what next, and scripts get the same | `diagnostics::every_mistake_is_underlined_where_it_stands_and_has_its_place_for_scripts` |
//! | exit codes are an interface | `exit_codes::every_exit_code_comes_with_what_is_wrong_and_what_to_do` |
//! | one run a journal, and the message names who has it | `signals::one_journal_has_one_sender_and_readers_do_not_mind` |
//!
//! Where others do otherwise: there is no file of settings beside the campaign's, and so no command
//! that shows where a setting came from. A run prints one object at its end; how it goes is told by
//! `status --watch --json`. Errors have exit codes that are an interface, and no names beside them.
//! In a pipe no line comes every ten seconds: whoever wants them watches.

use crate::{
    help::Office,
    volley::{Folder, Ran, run, volley},
};
use serde_json::Value;
use std::{
    fs,
    io::{Write, pipe},
    path::{Path, PathBuf},
    process::Stdio,
};

/// Every command, as it is typed in the [`Office`].
const COMMANDS: &[&str] = &[
    "volley init autumn",
    "volley check spring-sale.toml",
    "volley doctor spring-sale.toml",
    "volley preview spring-sale.toml",
    "volley preview spring-sale.toml --advise",
    "volley plan spring-sale.toml -o monday.volley",
    "volley send spring-sale.toml --yes",
    "volley resume spring-sale.volley --yes",
    "volley status spring-sale.volley",
    "volley status spring-sale.volley --watch",
    "volley doubt list spring-sale.volley",
    "volley doubt probe spring-sale.volley",
    "volley receipts spring-sale.volley --poll",
    "volley report spring-sale.volley",
    "volley cancel spring-sale.volley",
    "volley verify spring-sale.volley",
    "volley diff spring-sale.volley spring-sale.volley",
    "volley reconcile spring-sale.volley",
    "volley segments 'Hi “Ann”'",
    "volley segments --jsonl < texts.jsonl",
    "volley provider list",
    "volley provider check spring-sale.toml",
    "volley provider balance spring-sale.toml",
    "volley provider senders spring-sale.toml",
];

/// What prints no data of a campaign's.
const OTHERS: &[&str] = &[
    "volley --help",
    "volley send --help",
    "volley --version",
    "volley man",
    "volley completions zsh",
    "volley report spring-sale.volley --html -",
    "volley report spring-sale.volley --csv -",
    "volley preview spring-sale.toml --rejects -",
];

#[test]
fn every_test_in_the_table_is_there() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let table = include_str!("conventions.rs").lines().map_while(|line| line.strip_prefix("//!"));
    let rows: Vec<&str> = table.filter(|line| line.starts_with(" | ") && line.contains("::")).collect();
    assert!(rows.len() >= 25, "{}", rows.len());
    for row in rows {
        let named = row.rsplit('`').nth(1).expect("a test between backticks");
        let (module, test) = named.rsplit_once("::").expect("a module and a test");
        let file = directory.join(module.replace("::", "/")).with_extension("rs");
        let source =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{named}: {}: {error}", file.display()));
        assert!(source.contains(&format!("fn {test}()")), "{named} is not in {}", file.display());
    }
}

#[test]
fn help_fits_80_columns() {
    for words in [&["--help"][..], &["send", "--help"], &["status", "--help"], &["report", "-h"]] {
        let help = volley(words).env("COLUMNS", "80").output().expect("the binary runs");
        let help = Ran::of(&help).exits(0).stdout;
        let (options, examples) = help.split_once("\nExample").unwrap_or((&help, ""));
        assert!(options.lines().all(|line| line.chars().count() <= 80), "{help}");
        assert!(words[0] == "--help" || !examples.is_empty(), "{help}");
    }
}

#[test]
fn the_version_says_what_it_is_made_of() {
    let empty = Folder::new();
    let version = |flag| {
        let ran = volley(&[flag]).current_dir(empty.directory.path()).output().expect("the binary runs");
        Ran::of(&ran).exits(0).stdout
    };
    let number = env!("CARGO_PKG_VERSION");
    assert_eq!(version("-V"), format!("volley {number}\n"));
    let long = version("--version");
    let lines: Vec<&str> = long.lines().collect();
    assert_eq!(lines[0], format!("volley {number}"), "{long}");
    let value = |name: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {long}")).trim().to_owned()
    };
    let commit = value("commit:");
    let is_commit = commit.len() == 12 && commit.chars().all(|digit| digit.is_ascii_hexdigit());
    assert!(is_commit || commit.starts_with("not recorded"), "{long}");
    let is_version = |text: &str| text.split('.').all(|part| part.parse::<u32>().is_ok());
    let metadata = value("phone metadata:");
    assert!(metadata.rsplit_once(' ').is_some_and(|(_, version)| is_version(version)), "{long}");
    assert!(is_version(&value("journal schema:")), "{long}");
}

#[test]
fn with_json_stdout_holds_json_and_nothing_else() {
    let office = Office::new();
    for command in COMMANDS {
        let (head, input) = command
            .split_once(" <")
            .map_or((*command, String::new()), |(head, file)| (head, format!(" <{file}")));
        let ran = office.shell(&format!("{head} --json{input}"));
        for line in ran.stdout.lines() {
            let value: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{command}: {error}: {ran:#?}"));
            assert!(value.is_object(), "{command}: {ran:#?}");
        }
        assert!(ran.code != Some(0) || !ran.stdout.is_empty(), "{command} says nothing: {ran:#?}");
    }
    let sent = office.shell("volley send spring-sale.toml --yes --json");
    assert!(sent.json()["recipients"].is_object(), "the last line has the totals: {sent:#?}");
}

#[test]
fn a_pipe_holds_no_escape_byte() {
    let office = Office::new();
    for command in COMMANDS.iter().chain(OTHERS) {
        let mut shell = office.command(command);
        shell.env_remove("NO_COLOR").env("TERM", "xterm-256color").env_remove("CLICOLOR_FORCE");
        let ran = Ran::of(&shell.output().expect("a shell"));
        assert!(!ran.stdout.contains('\u{1b}'), "{command}: {ran:#?}");
        assert!(!ran.stderr.contains(['\u{1b}', '\r']), "{command}: {ran:#?}");
    }
}

#[test]
fn colours_are_for_terminals_unless_somebody_asks() {
    let office = Office::new();
    for (variables, flag, in_colour) in [
        (&[][..], "", false),
        (&[("CLICOLOR_FORCE", "1")], "", true),
        (&[("CLICOLOR_FORCE", "0")], "", false),
        (&[("CLICOLOR_FORCE", "1")], " --no-color", false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], "", false),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")], "", true),
    ] {
        for line in ["volley preview spring-sale.toml", "volley --help"] {
            let mut shell = office.command(&format!("{line}{flag}"));
            shell.env_remove("NO_COLOR").envs(variables.iter().copied());
            let ran = Ran::of(&shell.output().expect("a shell")).exits(0);
            assert_eq!(ran.stdout.contains("\u{1b}["), in_colour, "{line}{flag} {variables:?}: {ran:#?}");
        }
    }
}

#[test]
fn a_closed_pipe_is_quiet_on_every_command() {
    let office = Office::new();
    for command in COMMANDS.iter().chain(OTHERS) {
        let usual = office.shell(command).code;
        // What was made is made anew.
        drop(fs::remove_file(office.path("monday.volley")));
        drop(fs::remove_dir_all(office.path("autumn")));
        // Whoever read has gone before the first byte.
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let mut shell = office.command(command);
        let ran = Ran::of(&shell.stdout(writer).stderr(Stdio::piped()).output().expect("a shell"));
        assert!(ran.code == usual || ran.code == Some(0), "{command}: {usual:?}, then {ran:#?}");
        for words in ["panicked", "ipe", "os error"] {
            assert!(!ran.stderr.contains(words), "{command}: {ran:#?}");
        }
    }
}

/// All files below `directory`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn nothing_is_written_outside_the_campaigns_directory() {
    let office = Office::new();
    let elsewhere = Folder::new();
    let home = elsewhere.directory.path();
    for command in COMMANDS.iter().filter(|command| !command.contains("init")) {
        let mut shell = office.command(command);
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            shell.env(name, home);
        }
        shell.output().expect("a shell");
        assert_eq!(files(home), Vec::<PathBuf>::new(), "{command}");
    }
}

/// `volley preview` with the list on stdin.
fn preview_of(list: &[u8], campaign: &str) -> Value {
    let mut preview = volley(&["preview", campaign, "--json", "--set", "recipients.file=-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    preview.stdin.take().expect("a pipe").write_all(list).expect("it reads");
    Ran::of(&preview.wait_with_output().expect("it ends")).exits(0).json()
}

#[test]
fn a_list_on_stdin_previews_as_its_file() {
    let folder = crate::demo::demo();
    let campaign = folder.text("campaign.toml");
    let list = fs::read(folder.path("recipients.csv")).expect("a list");
    let told = [preview_of(&list, &campaign), run(&["preview", &campaign, "--json"]).exits(0).json()];
    let [piped, named] = told.map(|preview| preview.to_string());
    // A list on stdin has no name.
    let path = folder.text("recipients.csv");
    assert!(named.contains(&path), "{named}");
    assert_eq!(piped.replace("standard input", &path), named);
}

#[test]
fn lists_go_to_stdout_where_that_is_asked_for() {
    let folder = crate::demo::demo();
    let campaign = folder.text("campaign.toml");
    let to_file = |words: &[&str], name: &str| {
        let path = folder.text(name);
        let ran = run(&[words, &[&path]].concat());
        (ran.code, fs::read_to_string(&path).expect("a list"))
    };
    let rejects = to_file(&["preview", &campaign, "--rejects"], "rejects.csv");
    let shown = run(&["preview", &campaign, "--rejects", "-"]);
    assert_eq!((shown.code, shown.stdout), rejects, "the list alone");
    assert!(shown.stderr.contains("35.7347"), "and the preview for people: {}", shown.stderr);
    run(&["send", &campaign, "--yes", "-q", "--set", "provider.rate=2000/s"]).exits(0);
    let journal = folder.text("demo.volley");
    run(&["plan", &campaign, "-o", &folder.text("other.volley"), "--set", "message.max_segments=1"]).exits(0);
    let other = folder.text("other.volley");
    for (words, name) in [
        (&["report", &journal, "--csv"][..], "report.csv"),
        (&["report", &journal, "--html"], "report.html"),
        (&["diff", &journal, &other, "--csv"], "differences.csv"),
        (&["reconcile", &journal, "--csv"], "bill-differences.csv"),
    ] {
        let filed = to_file(words, name);
        let shown = run(&[words, &["-"]].concat());
        assert_eq!((shown.code, shown.stdout), filed, "{words:?}");
        // Two kinds of data do not go to one place.
        let refused = run(&[words, &["-", "--json"]].concat()).exits(2);
        assert!(refused.stderr.contains("--json"), "{refused:#?}");
    }
    for words in [&["preview", &campaign, "--rejects", "-"], &["plan", &campaign, "--rejects", "-"]] {
        run(&[&words[..], &["--json"]].concat()).exits(2);
    }
    // A journal is written in many places and cannot be a stream.
    let refused = run(&["plan", &campaign, "-o", "-"]).exits(2);
    assert!(refused.stderr.contains("give it a file"), "{refused:#?}");
}

#[test]
fn a_flag_goes_over_the_environment_and_that_over_the_file() {
    let folder = Folder::new();
    let campaign = |provider: &str| {
        folder.campaign("mesms", "http://127.0.0.1:9", 100, provider);
        folder.text("campaign.toml")
    };
    let seconds = |path: &str, variable: Option<&str>, flag: &[&str]| {
        let mut preview = volley(&[&["preview", path, "--json"], flag].concat());
        preview.envs(variable.map(|value| ("VOLLEY_PROVIDER_RATE", value)));
        let preview = Ran::of(&preview.output().expect("the binary runs")).exits(0).json();
        preview["seconds_at_rate"].to_string()
    };
    let flag = &["--set", "provider.rate=50/s"][..];
    let file = campaign("chunk = 1\nrate = \"10/s\"\n");
    let all =
        [seconds(&file, Some("20/s"), flag), seconds(&file, Some("20/s"), &[]), seconds(&file, None, &[])];
    assert_eq!(all, ["2.0", "5.0", "10.0"], "flag, environment, file");
    let usual = seconds(&campaign("chunk = 1\n"), None, &[]);
    assert!(!all.contains(&usual), "what the provider's own rate is: {usual}");
}

#[test]
fn what_is_named_and_not_there_is_exit_10_and_named() {
    let folder = Folder::new();
    for (words, name) in [
        (&["preview"][..], "none.toml"),
        (&["check"], "none.toml"),
        (&["send", "--yes"], "none.toml"),
        (&["resume", "--yes"], "none.volley"),
        (&["status"], "none.volley"),
        (&["report"], "none.volley"),
        (&["verify"], "none.volley"),
    ] {
        let refused = run(&[words, &[&folder.text(name)]].concat()).exits(10);
        assert!(refused.stderr.contains(name), "{refused:#?}");
    }
}

#[test]
fn a_thousand_bad_rows_are_fewer_than_forty_lines() {
    let folder = Folder::new();
    folder.campaign("mesms", "http://127.0.0.1:9", 0, "");
    let mut list = String::from("mobile,name\n+66800000001,Ann\n");
    for row in 0..250 {
        list.push_str(&format!("0{row},Ann\nn/a,Ann\n,Ann\n+66800000001,Ann,too,many\n"));
    }
    folder.write("recipients.csv", list);
    let shown = run(&["preview", &folder.text("campaign.toml")]).exits(0);
    let lines: Vec<&str> = shown.stdout.lines().chain(shown.stderr.lines()).collect();
    assert!(lines.len() < 40, "{} lines: {lines:#?}", lines.len());
    let rejected = lines.iter().filter(|line| line.trim_start().starts_with("rejected: "));
    for line in rejected.clone() {
        let examples = line.split(", ").count();
        assert!((1..=5).contains(&examples), "{line}");
    }
    assert!(rejected.count() >= 2, "kinds apart: {lines:#?}");
}
