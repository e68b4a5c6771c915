//! The commands of this workspace, run as `cargo xtask COMMAND`.
//!
//! Each one is a short list of `cargo` calls that anybody can also type by hand; only `tidy`, `numbers`
//! and `zones` do more. Installs nothing and needs no network once the dependencies are there.

mod browser; // what the report's page is opened with
mod deny; // licences, bans and sources of what we depend on
mod numbers; // the tables that phone numbers are judged by
#[cfg(test)]
mod packed; // what crates are built from lies within them
#[cfg(test)]
mod pages; // tests that pages name are there
mod tidy; // rules about the workspace that neither rustc nor clippy knows
mod torture; // the tests' long runs
mod zones; // the tables that time zones of numbers are known by

use std::{env, fmt, io, path::Path, path::PathBuf, process};

/// One command: its name, what it does, and how.
struct Task {
    name: &'static str,
    about: &'static str,
    run: fn(&Path) -> Result<(), Failure>,
}

const TASKS: [Task; 11] = [
    Task { name: "torture", about: "the long runs of the tests, some fifty minutes", run: torture::torture },
    Task { name: "numbers", about: "compiles the data of a new rlibphonenumber", run: numbers::run },
    Task { name: "zones", about: "compiles the time zones of numbers", run: zones::run },
    Task { name: "matrix", about: "tries every provider and writes docs/providers.md", run: matrix },
    Task {
        name: "pictures",
        about: "takes the pictures in docs/: a run on a terminal, a report",
        run: browser::pictures,
    },
    Task { name: "check", about: "all of the below, quickest first: what a push must pass", run: check },
    Task { name: "fmt", about: "every file is formatted", run: fmt },
    Task { name: "tidy", about: "crate edges, homes of dependencies, licences, sizes", run: tidy::run },
    Task { name: "clippy", about: "no warning in any target", run: clippy },
    Task { name: "test", about: "all tests, doctests, and the seeds of the fuzz targets", run: test },
    Task { name: "doc", about: "the documentation builds without a warning", run: doc },
];

/// Why a command stopped. Each message says what to do next.
#[derive(Debug)]
enum Failure {
    /// A program could not be started.
    NotStarted { command: String, source: io::Error },
    /// A program said no; it has printed why.
    Failed { command: String },
    /// A file of the workspace could not be read.
    Unreadable { path: PathBuf, source: io::Error },
    /// A file of the workspace could not be written.
    Unwritable { path: PathBuf, source: io::Error },
    /// A file holds something else than it should.
    Malformed { path: PathBuf, what: String },
    /// What a program printed is not what it promises.
    NotUnderstood { command: String, what: String },
    /// `tidy` has something to say, and has said it.
    Untidy { findings: usize },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted { command, source } => {
                write!(f, "`{command}` did not start: {source}; install it or put it on the PATH")
            }
            Self::Failed { command } => write!(f, "`{command}` failed; its reasons stand above"),
            Self::Unreadable { path, source } => write!(f, "{} cannot be read: {source}", path.display()),
            Self::Unwritable { path, source } => write!(f, "{} cannot be written: {source}", path.display()),
            Self::Malformed { path, what } => write!(f, "{}: {what}", path.display()),
            Self::NotUnderstood { command, what } => {
                write!(f, "`{command}` printed {what}; is it up to date?")
            }
            Self::Untidy { findings } => {
                write!(f, "tidy has {findings} findings; each says what to do instead")
            }
        }
    }
}

fn main() -> process::ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let task = match arguments.as_slice() {
        [name] if matches!(name.as_str(), "help" | "--help" | "-h") => {
            print!("{}", usage());
            return process::ExitCode::SUCCESS;
        }
        [name] => TASKS.iter().find(|task| task.name == name),
        _ => None,
    };
    let Some(task) = task else {
        if !arguments.is_empty() {
            eprintln!("no such command: `{}`\n", arguments.join(" "));
        }
        eprint!("{}", usage());
        return process::ExitCode::from(2);
    };
    match (task.run)(&root()) {
        Ok(()) => process::ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {}: {failure}", task.name);
            process::ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let lines = TASKS.iter().map(|Task { name, about, .. }| format!("  {name:<8} {about}\n"));
    format!("usage: cargo xtask COMMAND\n\n{}", lines.collect::<String>())
}

/// The top of the checkout, wherever the command was typed.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("xtask lies two levels below the workspace").to_owned()
}

fn check(root: &Path) -> Result<(), Failure> {
    TASKS.iter().skip_while(|task| task.name != "check").skip(1).try_for_each(|task| (task.run)(root))
}

fn fmt(root: &Path) -> Result<(), Failure> {
    run(cargo(root, &["fmt", "--all", "--check"]))
}

/// As it is built for people, and as its tests are.
fn clippy(root: &Path) -> Result<(), Failure> {
    [&[][..], KILL_POINTS].into_iter().try_for_each(|features| {
        let mut clippy = cargo(root, &["clippy", "--workspace", "--all-targets", "--locked"]);
        clippy.args(features).args(["--", "-D", "warnings"]);
        run(clippy)
    })
}

/// With the places where tests let a process die, which no build for people has.
///
/// `fuzz/` is a workspace of its own, so that its toolchain needs stay out of this one. Without
/// its default features each target is a plain test over its seeds, built beside everything else.
fn test(root: &Path) -> Result<(), Failure> {
    let mut tests = cargo(root, &["test", "--workspace", "--locked"]);
    tests.args(KILL_POINTS);
    if let Some(browser) = browser::found_or_installed() {
        tests.env(browser::VARIABLE, browser);
    }
    run(tests)?;
    // The README's first command names no binary.
    run(cargo(root, &["run", "--locked", "--quiet", "--", "--version"]))?;
    if root.join(FUZZ_MANIFEST).exists() {
        let seeds = ["test", "--locked", "--manifest-path", FUZZ_MANIFEST, "--no-default-features"];
        let mut seeds = cargo(root, &seeds);
        seeds.arg("--target-dir").arg(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        run(seeds)?;
    }
    Ok(())
}

/// Tries what each provider can do, over the simulated gateway, and writes the page of it.
fn matrix(root: &Path) -> Result<(), Failure> {
    let name = "providers::the_matrix_of_providers_and_capabilities_is_the_page_of_it";
    let mut test = cargo(root, &["test", "--locked", "-p", "volley-cli", "--test", "it", name]);
    test.env("VOLLEY_WRITE_MATRIX", "1");
    run(test)
}

fn doc(root: &Path) -> Result<(), Failure> {
    let mut doc = cargo(root, &["doc", "--workspace", "--no-deps", "--locked"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run(doc)
}

/// What compiles the places in where tests let a process die.
const KILL_POINTS: &[&str] = &["--features", "volley-cli/kill-points"];

/// The manifest of the fuzz targets, from the root.
const FUZZ_MANIFEST: &str = "fuzz/Cargo.toml";

/// The cargo that runs this program, so that a `+toolchain` holds for all it starts.
fn cargo(root: &Path, arguments: &[&str]) -> process::Command {
    let mut command = process::Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(arguments);
    command
}

/// Runs `command` with its output shown.
fn run(mut command: process::Command) -> Result<(), Failure> {
    let line = shown(&command);
    eprintln!("xtask: {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::Failed { command: line }),
        Err(source) => Err(Failure::NotStarted { command: line, source }),
    }
}

/// What `command` prints on stdout.
fn output(mut command: process::Command) -> Result<Vec<u8>, Failure> {
    let line = shown(&command);
    command.stderr(process::Stdio::inherit());
    match command.output() {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(_) => Err(Failure::Failed { command: line }),
        Err(source) => Err(Failure::NotStarted { command: line, source }),
    }
}

/// `command` as one would type it: the program without its directory.
fn shown(command: &process::Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = process::Command::new(Path::new("toolchain").join("bin").join("cargo"));
        command.args(["test", "--locked"]);
        assert_eq!(shown(&command), "cargo test --locked");
    }

    #[test]
    fn usage_names_every_command_once() {
        let usage = usage();
        for task in &TASKS {
            let lines = usage.lines().filter(|line| line.split_whitespace().next() == Some(task.name));
            assert_eq!(lines.count(), 1, "{}", task.name);
        }
    }

    #[test]
    fn the_root_is_where_the_workspace_manifest_lies() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
        assert!(manifest.starts_with("[workspace]"));
    }
}
