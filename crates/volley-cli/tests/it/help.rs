//! Every command shows how it is used, and what it shows works.

use crate::volley::{Folder, Gateway, Ran, run, volley};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

/// What every example works on: a campaign of forty people whose second request of ten loses its
/// answer, sent once, with the files that examples name beside it.
pub(crate) struct Office {
    folder: Folder,
    _gateway: Gateway,
}

impl Office {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        // The third call: before sending, the balance is asked for.
        let gateway =
            Gateway::start(folder.directory.path(), "[[fault]]\nrequest = 3\nkind = \"commit_then_drop\"\n");
        folder.campaign(
            "transmitsms",
            &gateway.address,
            40,
            "rate = \"1000/s\"\nmax_in_flight = 1\nchunk = 10\n",
        );
        let campaign = std::fs::read_to_string(folder.path("campaign.toml")).expect("a campaign");
        folder
            .write("spring-sale.toml", campaign.replace("name = \"test\"", "name = \"spring-sale\""))
            .write("message.txt", "Hi Ann")
            .write("seeds.csv", "+66800000007\n")
            .write("texts.jsonl", "{\"id\": \"1\", \"text\": \"Hi Ann\"}\n")
            .write("bill.csv", "number,cost\n+66800000001,0.05\n");
        let office = Self { folder, _gateway: gateway };
        office.shell("volley send spring-sale.toml --yes -q").exits(6);
        office
    }

    /// Runs a line as somebody would type it.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        // Any free port: the shown one may be taken.
        let line = line.replace("--metrics 127.0.0.1:9464", "--metrics 127.0.0.1:0");
        Ran::of(&self.command(&line).output().expect("a shell"))
    }

    /// A file of it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let volley = volley(&[]);
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.folder.directory.path()).stdin(Stdio::null());
        for (name, value) in volley.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let home = std::path::Path::new(env!("CARGO_BIN_EXE_volley")).parent().expect("a directory");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([home.to_owned()].into_iter().chain(std::env::split_paths(&path)));
        shell.env("PATH", path.expect("a path"));
        shell
    }
}

/// The words of every command, the branches before their leaves, from what `--help` lists.
pub(crate) fn commands(above: &[String]) -> Vec<Vec<String>> {
    let help = help_of(above);
    let mut found = vec![above.to_vec()];
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in listed.take_while(|line| line.starts_with("  ")) {
        let Some(name) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')) else { continue };
        let name = name.split(' ').next().expect("a word");
        if name != "help" {
            found.extend(commands(&[above, &[name.to_owned()]].concat()));
        }
    }
    found
}

pub(crate) fn help_of(command: &[String]) -> String {
    let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
    run(&words).exits(0).stdout
}

fn examples(help: &str) -> Vec<&str> {
    let shown = help.lines().skip_while(|line| !line.starts_with("Example"));
    shown.skip(1).map_while(|line| line.strip_prefix("  ")).collect()
}

/// What an example exits with where that is not 0.
fn expected(example: &str) -> i32 {
    match example {
        // A journal of its own, for one person.
        _ if example.contains("--only") => 0,
        // Everybody was sent to before, and ten are in doubt.
        "volley send spring-sale.toml"
        | "volley send spring-sale.toml --yes --max-cost 150.00"
        | "volley send spring-sale.toml --yes --log send.log --log-format json -v"
        | "volley resume spring-sale.volley --yes"
        | "volley resume spring-sale.volley --yes --events events.jsonl --metrics 127.0.0.1:9464" => 6,
        // The same people got the same text from monday.volley, so their request cannot be told.
        "volley doubt probe spring-sale.volley" => 6,
        // It had no schedule, so there is nothing to take back.
        "volley cancel spring-sale.volley" => 9,
        _ => 0,
    }
}

#[test]
fn every_command_shows_an_example_and_every_example_works() {
    let office = Office::new();
    let mut seen = BTreeSet::new();
    for command in commands(&[]).into_iter().skip(1) {
        let help = help_of(&command);
        if help.contains("\nCommands:\n") {
            continue; // its leaves show theirs
        }
        let shown = examples(&help);
        assert!(!shown.is_empty(), "`volley {}` shows no example:\n{help}", command.join(" "));
        for example in shown {
            let typed = format!("volley {}", command.join(" "));
            assert!(example.starts_with(&typed), "`{example}` stands in the help of `{typed}`");
            assert!(seen.insert(example.to_owned()), "`{example}` is shown twice");
            if example.contains("--listen") {
                waits_to_be_stopped(&office, example);
            } else {
                let ran = office.shell(example);
                assert_eq!(ran.code, Some(expected(example)), "{example}: {ran:#?}");
            }
        }
    }
    assert!(seen.len() >= 30, "only {} examples", seen.len());
}

/// An example that listens: it says so, and ends when it is asked to. Its port is any free one
/// here, since the shown one may be taken.
fn waits_to_be_stopped(office: &Office, example: &str) {
    let (head, tail) = example.split_once("127.0.0.1:").expect("an address");
    let tail = tail.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let line = format!("exec {head}127.0.0.1:0{tail} 2>&1");
    let mut child = office.command(&line).stdout(Stdio::piped()).spawn().expect("a shell");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let listening = lines.any(|line| line.is_ok_and(|line| line.contains("127.0.0.1:")));
    assert!(listening, "{example} never listened");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success(), "{example}");
    let status = child.wait().expect("it ends");
    assert!(matches!(status.code(), Some(0 | 130)), "{example}: {status:?}");
}

#[test]
fn an_unknown_flag_names_the_nearest_one() {
    for (typed, meant) in [
        ("preview --rejcts x", "--rejects"),
        ("send --max-cots 5", "--max-cost"),
        ("sim --lede x", "--ledger"),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        let refused = run(&words).exits(2);
        assert!(refused.stderr.contains(meant), "{typed}: {refused:#?}");
    }
}

#[test]
fn completions_name_every_command_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]).exits(0).stdout;
        for command in ["preview", "resume", "reconcile"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = Folder::new();
    run(&["man", "--output", &folder.text("man1")]).exits(0);
    for command in commands(&[]) {
        let name = [&["volley".to_owned()], &command[..]].concat().join("-");
        let page = std::fs::read_to_string(folder.path("man1").join(format!("{name}.1")));
        let page = page.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".TH") && page.contains("SYNOPSIS"), "{name}");
    }
    assert!(run(&["man"]).exits(0).stdout.contains(".SH NAME"));
    // A file stands where the directory is to be.
    folder.write("taken", "");
    let refused = run(&["man", "--output", &folder.text("taken")]).exits(1);
    assert!(refused.stderr.contains("taken"), "{refused:#?}");
}
