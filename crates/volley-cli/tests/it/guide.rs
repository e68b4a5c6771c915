//! The guide does what it says: its commands are run as they stand, and print what stands beneath.
//!
//! Each page of `docs/guide/src` is tried from top to bottom in a directory of its own, beside a
//! copy of `data/demo` and `data/providers`. What counts are its blocks:
//!
//! - ```` ```toml title=campaign.toml ```` (or any other language) is a file, written when the page
//!   comes to it. The text above it names the file, because readers do not see the title.
//! - ```` ```console ```` holds commands behind `$ `, each run by `sh` without a terminal, and beneath
//!   each what it prints, errors included. `…` stands for any text in a line, a line of `…` alone for
//!   any lines, several blanks for one, `[exit code 6]` at the end for an exit code that is not 0. `^C` is Ctrl-C, pressed
//!   when what stands above it was printed. `export NAME=value` holds for the rest of the page.
//! - ```` ```console title=second-terminal ```` is a command that runs on until the page ends.
//!
//! The ports 8025 and 8026 of this machine become free ones, so that pages can be tried side by side.

mod complete;
mod links;

use crate::volley::volley;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A test for each page, and the list of them.
macro_rules! pages {
    ($($test:ident: $file:literal,)*) => {
        const PAGES: &[&str] = &[$($file),*];
        $(
            #[test]
            fn $test() {
                try_page($file);
            }
        )*
    };
}

pages! {
    the_first_page_holds: "index.md",
    the_five_minutes_are_as_shown: "five-minutes.md",
    lists_are_read_as_shown: "lists.md",
    texts_cost_what_is_shown: "texts.md",
    plans_are_as_shown: "plans.md",
    sending_stops_and_goes_on_as_shown: "sending.md",
    a_trial_goes_as_shown: "trial.md",
    a_run_is_watched_as_shown: "observing.md",
    doubt_is_resolved_as_shown: "doubt.md",
    limits_hold_as_shown: "limits.md",
    a_provider_is_connected_as_shown: "providers.md",
    receipts_and_reports_are_as_shown: "receipts.md",
    the_bill_is_compared_as_shown: "bill.md",
    keys_are_as_shown: "campaign.md",
    scripts_work_as_shown: "automation.md",
    what_is_wrong_is_told_as_shown: "troubleshooting.md",
    the_glossary_holds: "glossary.md",
}

#[test]
fn every_page_is_tried_and_stands_in_the_summary() {
    let files = fs::read_dir(directory()).expect("the guide").map(|file| {
        let name = file.expect("a file").file_name();
        name.into_string().expect("UTF-8")
    });
    let mut files: Vec<String> = files.filter(|name| name != "SUMMARY.md").collect();
    files.sort();
    let mut tried = PAGES.to_vec();
    tried.sort_unstable();
    assert_eq!(files, tried, "pages that are there, and pages that are tried");
    let summary = fs::read_to_string(directory().join("SUMMARY.md")).expect("a summary");
    let listed: Vec<&str> = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(listed, PAGES, "the order of the summary");
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/src")
}

/// What a page has that counts, in its order.
#[derive(Debug)]
enum Step {
    /// A file to be written.
    File { line: usize, name: String, content: String },
    /// A command and what it prints.
    Command { line: usize, typed: String, printed: Vec<String>, stays: bool },
}

fn try_page(name: &str) {
    let text = fs::read_to_string(directory().join(name)).expect(name);
    let mut desk = Desk::new();
    for step in steps(&text).unwrap_or_else(|fault| panic!("{name}: {fault}")) {
        let (line, tried) = match step {
            Step::File { line, name, content } => (line, desk.write(&name, &content)),
            Step::Command { line, typed, printed, stays } => (line, desk.run(&typed, &printed, stays)),
        };
        if let Err(fault) = tried {
            panic!("docs/guide/src/{name}:{line}: {fault}");
        }
    }
}

/// The blocks of a page.
fn steps(page: &str) -> Result<Vec<Step>, String> {
    let mut found = Vec::new();
    // The paragraph above, and whether it has ended.
    let (mut above, mut ended) = (String::new(), false);
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            if ended && !line.is_empty() {
                above.clear();
            }
            ended = line.is_empty();
            above.push_str(line);
            continue;
        };
        let title = info.split_once(" title=").map(|(_, title)| title);
        let mut body = Vec::new();
        loop {
            match lines.next() {
                None => return Err(format!("line {}: this block does not end", number + 1)),
                Some((_, "```")) => break,
                Some(inner) => body.push(inner),
            }
        }
        if info == "console" || info == "console title=second-terminal" {
            found.extend(commands(&body, title.is_some())?);
        } else if let Some(name) = title {
            if !above.contains(&format!("`{name}`")) {
                return Err(format!("line {}: the words above do not name `{name}`", number + 1));
            }
            let content = body.iter().flat_map(|(_, line)| [*line, "\n"]).collect();
            found.push(Step::File { line: number + 1, name: name.to_owned(), content });
        }
    }
    Ok(found)
}

/// The commands of a block and what stands beneath each.
fn commands(body: &[(usize, &str)], stays: bool) -> Result<Vec<Step>, String> {
    let mut found = Vec::new();
    let mut lines = body.iter().peekable();
    while let Some((number, line)) = lines.next() {
        let line = line.strip_prefix("$ ");
        let line = line.ok_or_else(|| format!("line {}: a block begins with a command", number + 1))?;
        let mut typed = line.to_owned();
        while typed.ends_with('\\') {
            typed.pop();
            typed.push_str(lines.next().map_or("", |(_, line)| line.trim_start()));
        }
        let mut printed = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.starts_with("$ ")) {
            printed.push((*line).to_owned());
        }
        found.push(Step::Command { line: number + 1, typed, printed, stays });
    }
    Ok(found)
}

/// Where one page is tried: a directory, what was exported, and what runs on.
struct Desk {
    folder: TempDir,
    exported: BTreeMap<String, String>,
    /// An address as pages show it, and the one that it is here.
    addresses: Vec<(String, String)>,
    running: Vec<Child>,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().expect("a directory");
        for part in ["data/demo", "data/providers"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(part);
            fs::create_dir_all(folder.path().join(part)).expect("a directory");
            for file in fs::read_dir(&source).expect("files") {
                let file = file.expect("a file");
                // A demo that somebody has sent leaves its journal there.
                if !file.file_name().to_string_lossy().contains(".volley") {
                    fs::copy(file.path(), folder.path().join(part).join(file.file_name())).expect("a copy");
                }
            }
        }
        // Both are held until both are known, so that they are two.
        let free = [8025, 8026].map(|shown| (shown, TcpListener::bind("127.0.0.1:0").expect("a port")));
        let address = |(shown, port): &(u16, TcpListener)| {
            (format!("127.0.0.1:{shown}"), port.local_addr().expect("an address").to_string())
        };
        let addresses = free.iter().map(address).collect();
        Self { folder, exported: BTreeMap::new(), addresses, running: Vec::new() }
    }

    /// `text` of a page as it is here.
    fn here(&self, text: &str) -> String {
        let one = |text: String, (shown, real): &(String, String)| text.replace(shown.as_str(), real);
        self.addresses.iter().fold(text.to_owned(), one)
    }

    fn write(&self, name: &str, content: &str) -> Result<(), String> {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).map_err(|error| error.to_string())?;
        fs::write(path, self.here(content)).map_err(|error| error.to_string())
    }

    fn run(&mut self, typed: &str, printed: &[String], stays: bool) -> Result<(), String> {
        if let Some(words) = typed.strip_prefix("export ") {
            let words = self.here(words);
            let pairs = words.split(' ').filter_map(|word| word.split_once('='));
            self.exported.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
            return Ok(());
        }
        let printed: Vec<String> = printed.iter().map(|line| self.here(line)).collect();
        let interrupt = printed.iter().position(|line| line == "^C");
        // With `exec`, what is started is the command itself, and can be sent a signal.
        let exec = if stays || interrupt.is_some() { "exec " } else { "" };
        let mut child = self.command(&format!("exec 2>&1\n{exec}{}", self.here(typed)));
        let mut child = child.stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut got = Vec::new();
        let first = if stays { Some(printed.len()) } else { interrupt };
        let awaited = first.and_then(|end| printed[..end].last()).filter(|line| *line != "…");
        if let Some(awaited) = awaited {
            for line in lines.by_ref() {
                got.push(line.map_err(|error| error.to_string())?);
                if line_fits(awaited, got.last().expect("a line")) {
                    break;
                }
            }
        }
        if stays {
            self.running.push(child);
            // Its pipe stays open and is read, for whatever it says later.
            std::thread::spawn(move || lines.for_each(drop));
        } else {
            if interrupt.is_some() {
                interrupted(&child)?;
                got.push("^C".to_owned());
            }
            for line in lines {
                got.push(line.map_err(|error| error.to_string())?);
            }
            let code = child.wait().map_err(|error| error.to_string())?.code();
            if code != Some(0) {
                got.push(code.map_or("[no exit code]".to_owned(), |code| format!("[exit code {code}]")));
            }
        }
        if lines_fit(&printed, &got) {
            return Ok(());
        }
        let (wanted, got) = (printed.join("\n"), got.join("\n"));
        Err(format!("`{typed}` is to print\n{wanted}\n\nand prints\n{got}\n"))
    }

    /// `sh -c` as somebody would type it who has `volley` on the path and nothing set.
    fn command(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in volley(&[]).get_envs() {
            shell.env_remove(name);
        }
        let home = Path::new(env!("CARGO_BIN_EXE_volley")).parent().expect("a directory");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([home.to_owned()].into_iter().chain(std::env::split_paths(&path)));
        shell.env("PATH", path.expect("a path")).env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
        shell.envs(&self.exported);
        shell
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in &mut self.running {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Presses Ctrl-C.
fn interrupted(child: &Child) -> Result<(), String> {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().map_err(|error| error.to_string())?;
    sent.success().then_some(()).ok_or_else(|| "it had ended before Ctrl-C".to_owned())
}

/// Whether `got` is what `wanted` shows; a line of `…` alone is any lines, or none.
fn lines_fit(wanted: &[String], got: &[String]) -> bool {
    match (wanted.split_first(), got.split_first()) {
        (None, None) => true,
        (Some((any, rest)), _) if any == "…" => {
            (0..=got.len()).any(|skipped| lines_fit(rest, &got[skipped..]))
        }
        (Some((line, rest)), Some((printed, others))) => line_fits(line, printed) && lines_fit(rest, others),
        _ => false,
    }
}

/// Whether a line is what `wanted` shows, where `…` is any text; several blanks are one, and none at
/// the ends.
fn line_fits(wanted: &str, got: &str) -> bool {
    let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let (wanted, got) = (plain(wanted), plain(got));
    let mut pieces = wanted.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = got.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn a_line_fits_where_only_what_is_left_open_differs() {
    for (wanted, got, fits) in [
        ("10 accepted", "10 accepted", true),
        ("10 accepted", "10   accepted ", true),
        ("10 accepted", "100 accepted", false),
        ("10 accepted", "10 accepted, 1 refused", false),
        ("… accepted", "10 accepted", true),
        ("blake3:…", "blake3:7fa0", true),
        ("a … b … c", "a 1 b 2 c", true),
        ("a … b … c", "a 1 c 2 c", false),
        ("…", "anything", true),
        ("a…a", "a", false),
    ] {
        assert_eq!(line_fits(wanted, got), fits, "{wanted:?} {got:?}");
    }
}

#[test]
fn lines_that_are_left_open_may_be_any_number_and_all_others_are_there_in_order() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (wanted, got, fits) in [
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("a\n…\nb", "a\nb", true),
        ("…\nb\n…", "a\nb\nc", true),
        ("a\nc", "a\nb\nc", false),
        ("a\n…", "", false),
        ("", "a", false),
        ("…\nb\n…\n[exit code 6]", "a\nb\nc\n[exit code 6]", true),
        ("…\nb\n…\n[exit code 6]", "a\nb\nc", false),
    ] {
        assert_eq!(lines_fit(&lines(wanted), &lines(got)), fits, "{wanted:?} {got:?}");
    }
}

#[test]
fn a_page_is_read_as_files_and_commands() {
    let page = "Words.\n\n`a.toml` has it:\n\n```toml title=a.toml\nx = 1\n```\n\n```text\n$ no\n```\n\n\
                ```console\n$ volley a \\\n    b\nout\n$ volley c\n```\n";
    let found = format!("{:?}", steps(page));
    for part in [
        "content: \"x = 1\\n\"",
        "typed: \"volley a b\", printed: [\"out\"]",
        "typed: \"volley c\", printed: []",
    ] {
        assert!(found.contains(part), "{part} in {found}");
    }
    assert!(!found.contains("no"), "{found}");
    for (page, fault) in [
        ("```toml title=a.toml\n```\n", "do not name `a.toml`"),
        ("```console\nout\n```\n", "begins with a command"),
        ("```console\n$ a\n", "does not end"),
    ] {
        let found = steps(page).expect_err(page);
        assert!(found.contains(fault), "{found}");
    }
}
