//! Volley on a real terminal, wide and narrow, in colour and without.
//!
//! The README's tour is run as it stands there: the lines of its blocks marked `sh` that run `volley`,
//! in their order. Its first `send` is interrupted in the middle, and what the screen then says is
//! typed to go on.

mod picture;
mod pty;

use crate::volley::{Folder, Gateway, Ran, read_ledger, run, times, volley};
use pty::{Shown, ctrl_c, run_on_terminal};
use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

/// The commands of the README that can be tried anywhere, as they are typed.
fn commands() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(readme).expect("the README");
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|line| line.split("  #").next().unwrap_or(line).trim());
    lines.filter_map(typed).collect()
}

/// The line as somebody types it who has `volley` installed; `None` for what is no business of the
/// built-in gateway.
fn typed(line: &str) -> Option<String> {
    let built = line.strip_prefix("cargo run --release -- ").map(|rest| format!("volley {rest}"));
    let line = built.unwrap_or_else(|| line.to_owned());
    let waits = ["volley sim", "--listen", "--watch"].iter().any(|words| line.contains(words));
    (line.starts_with("volley ") && !waits).then_some(line)
}

/// A checkout's `data`, and a shell in it that finds `volley`.
fn checkout() -> (Folder, Command) {
    let folder = Folder::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    for part in ["demo", "providers"] {
        fs::create_dir_all(folder.path("data").join(part)).expect("a directory");
        for file in fs::read_dir(data.join(part)).expect("data") {
            let file = file.expect("an entry");
            if file.file_type().is_ok_and(|kind| kind.is_file()) {
                fs::copy(file.path(), folder.path("data").join(part).join(file.file_name())).expect("a copy");
            }
        }
    }
    let mut shell = volley(&[]);
    let home = Path::new(env!("CARGO_BIN_EXE_volley")).parent().expect("a directory");
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([home.to_owned()].into_iter().chain(env::split_paths(&path)));
    shell.current_dir(folder.directory.path()).env("PATH", path.expect("a path"));
    // Long enough to be interrupted, and no longer.
    shell.env("VOLLEY_PROVIDER_RATE", "200/s").env("TZ", "UTC");
    (folder, shell)
}

/// Nothing but data is on the screen: no bar, and nothing of one.
#[track_caller]
fn has_no_bar(shown: &Shown) {
    let lines = shown.screen.lines();
    let bar =
        lines.iter().find(|line| line.contains("requests/s") || line.contains(" left") && line.contains('%'));
    assert_eq!(bar, None, "{lines:#?}");
}

/// A line that begins with `head`, and what stands behind it.
#[track_caller]
fn line_behind<'a>(lines: &'a [String], head: &str) -> &'a str {
    let found = lines.iter().find_map(|line| line.strip_prefix(head));
    found.unwrap_or_else(|| panic!("no line begins with {head:?}: {lines:#?}"))
}

fn tour(columns: usize, in_colour: bool) {
    let (folder, mut shell) = checkout();
    if in_colour {
        shell.env_remove("NO_COLOR");
    }
    let commands = commands();
    let send = commands.iter().position(|line| line.starts_with("volley send ")).expect("the README sends");
    let first = &commands[send];
    assert!(first.contains("--yes"), "nobody is asked here: {first}");

    // Ctrl-C when the bar says that somebody was sent to.
    let mut pressed = false;
    let stopped = run_on_terminal(&shell, first, columns, |written, keys| {
        if !pressed && is_under_way(written) {
            ctrl_c(keys);
            pressed = true;
        }
    });
    let lines = stopped.screen.lines();
    assert!(pressed, "no bar was seen: {lines:#?}");
    assert_eq!(stopped.code, Some(130), "{lines:#?}");
    has_no_bar(&stopped);
    line_behind(&lines, "stopping: requests in flight finish");
    line_behind(&lines, "demo: paused");
    let resume = line_behind(&lines, "interrupted; go on with: ").to_owned();
    assert!(resume.starts_with("volley resume "), "{resume}");
    let journal = folder.path("data/demo/demo.volley");
    let so_far = run(&["status", journal.to_str().expect("UTF-8"), "--json"]).exits(0).json();
    let accepted = so_far["recipients"]["accepted"].as_u64().expect("a number");
    assert!(0 < accepted && accepted < 1_916, "stopped in the middle: {so_far}");
    line_behind(&lines, &format!("{} accepted, 0 refused", grouped(accepted)));

    // What the screen says is what goes on, without a question left.
    let resumed = run_on_terminal(&shell, &format!("{resume} --yes"), columns, |_, _| {});
    let lines = resumed.screen.lines();
    assert_eq!(resumed.code, Some(0), "{lines:#?}");
    has_no_bar(&resumed);
    line_behind(&lines, "demo: done");
    line_behind(&lines, "1,916 accepted, 0 refused, 0 in doubt, 0 pending of 1,916");
    assert!(resumed.raw.contains(" of 200 requests/s") || columns < 40, "the bar was drawn: {}", resumed.raw);
    for shown in [&stopped, &resumed] {
        let colours = shown.screen.escapes.contains('m');
        assert_eq!(colours, in_colour, "{columns} columns: {:?}", shown.raw);
    }

    if env::var_os("VOLLEY_WRITE_PICTURES").is_some() && columns == 80 && in_colour {
        take_picture(&shell, first, &stopped, &format!("{resume} --yes"), &resumed);
    }

    // Both widths and both ways are tried by these two.
    if (columns > 40) != in_colour {
        return;
    }
    for line in commands.iter().enumerate().filter(|(index, _)| *index != send).map(|(_, line)| line) {
        let shown = run_on_terminal(&shell, line, columns, |_, _| {});
        assert_eq!(shown.code, Some(0), "`{line}` of the README: {:#?}", shown.screen.lines());
        let colours = shown.screen.escapes.contains('m');
        assert!(in_colour || !colours, "`{line}`: {:?}", shown.raw);
    }
}

/// Takes the picture of a run that `docs/` shows: interrupted, gone on with, and looked at.
fn take_picture(shell: &Command, send: &str, stopped: &Shown, resume: &str, resumed: &Shown) {
    let looks = ["volley verify data/demo/demo.volley", "volley reconcile data/demo/demo.volley"];
    let looked = looks.map(|line| (line, run_on_terminal(shell, line, 80, |_, _| {}).screen.lines()));
    let mut commands = vec![(send, stopped.screen.lines()), (resume, resumed.screen.lines())];
    commands.extend(looked);
    let picture = picture::drawn(
        &commands,
        80,
        "volley send, interrupted and resumed",
        "A terminal: the preview of the demo campaign, sending interrupted with Ctrl-C, resumed, finished, \
         verified with nobody texted twice, and reconciled with the bill.",
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/run.svg");
    fs::write(path, picture).expect("the picture");
}

/// Whether the bar that was drawn last says that somebody was sent to.
fn is_under_way(written: &str) -> bool {
    let Some((before, _)) = written.rsplit_once(" accepted") else { return false };
    let number = before.rsplit(|part: char| !part.is_ascii_digit() && part != ',').next();
    number.is_some_and(|number| !matches!(number, "" | "0"))
}

fn grouped(number: u64) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}

#[test]
fn the_readmes_tour_on_a_terminal_of_80_columns() {
    tour(80, true);
}

#[test]
fn the_readmes_tour_on_a_terminal_of_80_columns_without_colour() {
    tour(80, false);
}

#[test]
fn the_readmes_tour_on_a_terminal_of_20_columns() {
    tour(20, true);
}

#[test]
fn the_readmes_tour_on_a_terminal_of_20_columns_without_colour() {
    tour(20, false);
}

#[test]
fn the_readmes_tour_in_a_pipe() {
    let (_folder, shell) = checkout();
    for line in commands() {
        let mut piped = Command::new("sh");
        piped.args(["-c", &line]).current_dir(shell.get_current_dir().expect("the checkout"));
        for (name, value) in shell.get_envs() {
            match value {
                Some(value) => piped.env(name, value),
                None => piped.env_remove(name),
            };
        }
        // As a terminal would have it, so that nothing but the pipe keeps colours and bars away.
        piped.env_remove("NO_COLOR").env("TERM", "xterm-256color").stdin(Stdio::null());
        let ran = Ran::of(&piped.output().expect("a shell")).exits(0);
        for (place, said) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
            assert!(!said.contains(['\u{1b}', '\r']), "`{line}` draws on {place}: {said:?}");
            assert!(!said.contains("requests/s"), "`{line}` shows a bar on {place}: {said:?}");
        }
        if line.starts_with("volley send data/demo/") {
            assert!(ran.stdout.starts_with("demo: done\n1,916 accepted, 0 refused"), "{line}: {ran:#?}");
        }
    }
}

#[test]
fn a_watch_is_drawn_in_place_and_ends_as_status() {
    let folder = Folder::new();
    let gateway = Gateway::start(folder.directory.path(), "[limiter]\nkind = \"none\"\n");
    folder.campaign("mesms", &gateway.address, 1_000, "rate = \"50/s\"\nmax_in_flight = 4\nchunk = 10\n");
    let mut sender = volley(&["send", &folder.text("campaign.toml"), "--yes", "-q"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    while gateway.taken().is_empty() {
        std::thread::yield_now();
    }
    let volley_path = env!("CARGO_BIN_EXE_volley");
    let line = format!("'{volley_path}' status test.volley --watch --interval 200ms");
    let mut shell = volley(&[]);
    shell.current_dir(folder.directory.path());
    let watched = run_on_terminal(&shell, &line, 60, |_, _| {});
    assert_eq!(sender.wait().expect("it ends").code(), Some(0));
    assert_eq!(watched.code, Some(0), "{:?}", watched.raw);
    assert!(watched.raw.contains("test: running by process "), "{:?}", watched.raw);
    assert!(watched.raw.contains(" of 50 requests/s"), "{:?}", watched.raw);
    assert_eq!(watched.screen.wraps, 0, "no line is too wide: {:?}", watched.raw);
    let lines = watched.screen.lines();
    has_no_bar(&watched);
    assert_eq!(lines[0], "test: done", "drawn over what was drawn before: {lines:#?}");
    line_behind(&lines, "1,000 accepted, 0 refused, 0 in doubt, 0 pending of 1,000");
    let taken = read_ledger(&gateway.ledger);
    assert_eq!((taken.len(), times(&taken).len()), (1_000, 1_000));
}

#[test]
fn tables_fit_terminals_of_any_width() {
    let (_folder, mut shell) = checkout();
    shell.env_remove("NO_COLOR");
    for columns in [20, 40, 60, 80, 132] {
        for line in ["volley preview data/demo/campaign.toml --advise", "volley provider list -q"] {
            let shown = run_on_terminal(&shell, line, columns, |_, _| {});
            assert_eq!(shown.code, Some(0), "{line}: {:?}", shown.raw);
            assert_eq!(shown.screen.wraps, 0, "`{line}` at {columns} columns: {:#?}", shown.screen.lines());
        }
    }
}

#[test]
fn a_pause_has_its_cause_on_the_bar_and_is_gone_with_it() {
    let folder = Folder::new();
    let asked =
        "[limiter]\nkind = \"none\"\n[[fault]]\nrequest = 3\nkind = \"throttle\"\nretry_after = \"2\"\n";
    let gateway = Gateway::start(folder.directory.path(), asked);
    folder.campaign("mesms", &gateway.address, 100, "rate = \"50/s\"\nmax_in_flight = 2\nchunk = 10\n");
    let line = format!("'{}' send campaign.toml --yes", env!("CARGO_BIN_EXE_volley"));
    let mut shell = volley(&[]);
    shell.current_dir(folder.directory.path());
    let shown = run_on_terminal(&shell, &line, 80, |_, _| {});
    let lines = shown.screen.lines();
    assert_eq!(shown.code, Some(0), "{lines:#?}");
    assert!(shown.raw.contains("too fast for the provider: waiting until "), "{:?}", shown.raw);
    has_no_bar(&shown);
    assert!(!lines.iter().any(|line| line.contains("waiting until")), "{lines:#?}");
}
