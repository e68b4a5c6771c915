//! Rules about the workspace that neither rustc nor clippy knows.
//!
//! Each rule is a function from what it looks at to its [`Finding`]s; `run` reads the checkout
//! and prints them. Looks at tracked files and at new ones that are not ignored, so that a rule
//! speaks before the commit and not after it. Not here: anything a compiler lint can say.

use crate::{FUZZ_MANIFEST, Failure, cargo, deny, output};
use serde_json::Value;
use std::{collections::BTreeMap, collections::BTreeSet, fmt, fs, io, path::Path, process::Command};

/// Something to mend, and how.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The path from the root, with `/`.
    pub(crate) file: String,
    /// 1-based; 1 where the finding is about the file as a whole.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do instead.
    pub(crate) instead: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.what, self.instead)
    }
}

/// Which Volley crates a directory's manifest may name. The arrows point one way only: rules and
/// words at the bottom, sockets and disks above them, the binary on top.
const EDGES: [(&str, &[&str]); 10] = [
    ("crates/volley-core", &[]),
    ("crates/volley-plan", &["volley-core"]),
    ("crates/volley-provider", &["volley-core"]),
    ("crates/volley-journal", &["volley-core"]),
    ("crates/volley-sim", &["volley-core"]),
    ("crates/volley-engine", &["volley-core", "volley-provider", "volley-journal"]),
    ("crates/volley-cli", ALL),
    ("crates/xtask", &[]),
    ("benches", ALL),
    ("fuzz", &["volley-core", "volley-plan", "volley-provider", "volley-journal"]),
];

const ALL: &[&str] =
    &["volley-core", "volley-plan", "volley-provider", "volley-journal", "volley-sim", "volley-engine"];

/// What tests may name beyond `EDGES`: the simulated gateway, for whole-engine scenarios.
const TEST_EDGES: [(&str, &str); 2] =
    [("crates/volley-engine", "volley-sim"), ("crates/volley-cli", "volley-sim")];

/// The one crate that may name a heavy dependency. Benches may name any, to compare with.
const HOMES: [(&str, &str); 9] = [
    ("rusqlite", "crates/volley-journal"),
    ("reqwest", "crates/volley-engine"),
    ("governor", "crates/volley-engine"),
    ("indicatif", "crates/volley-cli"),
    ("clap", "crates/volley-cli"),
    ("csv", "crates/volley-plan"),
    ("flate2", "crates/volley-plan"),
    ("zip", "crates/volley-plan"),
    ("zstd", "crates/volley-plan"),
];

/// What no Rust file may hold, written in two pieces so that this file passes.
const BANNED: [(&str, &str); 4] = [
    (concat!("to", "do!"), "write it, or leave the function out"),
    (concat!("unimplement", "ed!"), "write it, or leave the function out"),
    (concat!("db", "g!"), "remove it; a test's panic message can show the value"),
    (concat!("#[ig", "nore"), "make the test fast and sure enough to run, or remove it"),
];

/// Where developers live, likewise in pieces: such a path means nothing on another machine.
const HOME_DIRECTORIES: [&str; 3] = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// A Rust file has fewer lines than this.
const MAX_LINES: usize = 900;

/// A tracked file has at most this many bytes.
const MAX_BYTES: u64 = 2_600_000;

/// Prints every finding on stdout.
pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let mut findings = Vec::new();
    for manifest in ["Cargo.toml", FUZZ_MANIFEST] {
        if root.join(manifest).exists() {
            findings.extend(manifests(root, manifest)?);
        }
    }
    let files = listed_files(root)?;
    for file in &files {
        let path = root.join(file);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            // Deleted, and the deletion is not committed yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(Failure::Unreadable { path, source }),
        };
        findings.extend(size(file, bytes.len() as u64));
        let text = String::from_utf8_lossy(&bytes);
        findings.extend(home_paths(file, &text));
        if Path::new(file).extension().is_some_and(|extension| extension == "rs") {
            findings.extend(banned_words(file, &text));
            findings.extend(length(file, &text));
        }
    }
    findings.extend(decisions(&files));
    findings.extend(deny::findings(root)?);
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing to mend", files.len());
            Ok(())
        }
        findings => Err(Failure::Untidy { findings }),
    }
}

/// Paths from the root of all files that are tracked, or new and not ignored, in order.
fn listed_files(root: &Path) -> Result<BTreeSet<String>, Failure> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = output(git)?;
    let paths = listed.split(|&byte| byte == 0).filter(|path| !path.is_empty());
    Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
}

/// The findings in all manifests of the workspace that `manifest` belongs to.
fn manifests(root: &Path, manifest: &str) -> Result<Vec<Finding>, Failure> {
    let metadata =
        cargo(root, &["metadata", "--no-deps", "--format-version", "1", "--manifest-path", manifest]);
    let not_understood = |what: String| Failure::NotUnderstood { command: "cargo metadata".to_owned(), what };
    let metadata: Value =
        serde_json::from_slice(&output(metadata)?).map_err(|error| not_understood(error.to_string()))?;
    let packages = metadata["packages"].as_array().ok_or_else(|| not_understood("no packages".to_owned()))?;
    let mut findings = Vec::new();
    for package in packages {
        let path = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let text = fs::read_to_string(path)
            .map_err(|source| Failure::Unreadable { path: path.to_owned(), source })?;
        let directory = path.parent().and_then(|path| path.strip_prefix(root).ok()).unwrap_or(path);
        let directory = directory.to_string_lossy().replace('\\', "/");
        findings.extend(dependencies(&directory, package, &text));
    }
    Ok(findings)
}

/// Crate edges and homes of one package. `package` is as `cargo metadata` prints it, `directory`
/// is where it lies from the root, `text` is its manifest.
fn dependencies(directory: &str, package: &Value, text: &str) -> Vec<Finding> {
    let file = format!("{directory}/Cargo.toml");
    let Some((_, may_name)) = EDGES.iter().find(|(from, _)| *from == directory) else {
        return vec![Finding {
            file,
            line: 1,
            what: "this crate has no row among the crate edges".to_owned(),
            instead: "decide what it may use, and add it to EDGES in crates/xtask/src/tidy.rs".to_owned(),
        }];
    };
    let mut findings = Vec::new();
    for dependency in package["dependencies"].as_array().map_or(&[][..], Vec::as_slice) {
        let name = dependency["name"].as_str().unwrap_or_default();
        let for_tests = dependency["kind"] == "dev";
        let mut finding = |what: String, instead: String| {
            findings.push(Finding { file: file.clone(), line: line_of(text, name), what, instead });
        };
        let allowed = may_name.contains(&name) || for_tests && TEST_EDGES.contains(&(directory, name));
        if name.starts_with("volley-") && !allowed {
            let may = if may_name.is_empty() { "no Volley crate".to_owned() } else { may_name.join(", ") };
            finding(
                format!("an edge to {name}"),
                format!("this crate may use {may}; move what both need down into volley-core"),
            );
        }
        if let Some((_, home)) = HOMES.iter().find(|(heavy, _)| *heavy == name)
            && *home != directory
            && directory != "benches"
        {
            finding(format!("{name} away from its home"), format!("call what {home} offers"));
        }
    }
    findings
}

/// The 1-based line on which `manifest` names `dependency`; 1 where it does not, as under a
/// table header of its own.
fn line_of(manifest: &str, dependency: &str) -> usize {
    let names = |line: &str| {
        let rest = line.strip_prefix(dependency);
        rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    manifest.lines().position(names).map_or(1, |index| index + 1)
}

fn banned_words(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, content) in numbered(text) {
        for (word, instead) in BANNED {
            if stands_alone(content, word) {
                findings.push(Finding {
                    file: file.to_owned(),
                    line,
                    what: format!("`{word}`"),
                    instead: instead.to_owned(),
                });
            }
        }
    }
    findings
}

fn home_paths(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, content) in numbered(text) {
        for directory in HOME_DIRECTORIES {
            if stands_alone(content, directory) {
                findings.push(Finding {
                    file: file.to_owned(),
                    line,
                    what: format!("a path below {directory}"),
                    instead: "name it from the root of the checkout, or leave it out".to_owned(),
                });
            }
        }
    }
    findings
}

/// Whether `word` occurs in `line` other than as the tail of something longer: of another word,
/// or of a web address or relative path.
fn stands_alone(line: &str, word: &str) -> bool {
    let longer = |before: char| before.is_alphanumeric() || matches!(before, '_' | '-' | '.');
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(longer))
}

/// Lines with their 1-based numbers.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

fn length(file: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines >= MAX_LINES).then(|| Finding {
        file: file.to_owned(),
        line: MAX_LINES,
        what: format!("{lines} lines"),
        instead: format!("split it by what its parts know; a file has fewer than {MAX_LINES}"),
    })
}

fn size(file: &str, bytes: u64) -> Option<Finding> {
    (bytes > MAX_BYTES).then(|| Finding {
        file: file.to_owned(),
        line: 1,
        what: format!("{bytes} bytes"),
        instead: format!("generate it where it is needed; a tracked file has at most {MAX_BYTES}"),
    })
}

/// Decisions are named `NNNN-title.md`, each number used once: others cite them by it.
fn decisions(files: &BTreeSet<String>) -> Vec<Finding> {
    let mut first_with: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for file in files {
        let Some(name) = file.strip_prefix("docs/decisions/").filter(|name| *name != "README.md") else {
            continue;
        };
        let mut finding = |what: String, instead: &str| {
            findings.push(Finding { file: file.clone(), line: 1, what, instead: instead.to_owned() });
        };
        match decision_number(name) {
            None => finding("not named as a decision".to_owned(), "name it NNNN-title-in-lower-case.md"),
            Some(number) => {
                if let Some(first) = first_with.insert(number, name) {
                    finding(format!("number {number} is taken by {first}"), "give it the next free number");
                }
            }
        }
    }
    findings
}

/// The four digits that `name` starts with, if the rest is `-title.md` in lower case.
fn decision_number(name: &str) -> Option<&str> {
    let (number, title) = name.strip_suffix(".md")?.split_once('-')?;
    let is_number = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    let in_title = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (is_number && !title.is_empty() && title.bytes().all(in_title)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What `dependencies` says about one dependency in `directory`, or nothing.
    fn judged(directory: &str, kind: Option<&str>, name: &str) -> Vec<String> {
        let package = json!({ "dependencies": [{ "name": name, "kind": kind }] });
        let text = format!("[dependencies]\n{name}.workspace = true\n");
        let findings = dependencies(directory, &package, &text);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn edges_point_down_and_homes_hold() {
        for (directory, kind, name, allowed) in [
            ("crates/volley-core", None, "thiserror", true),
            ("crates/volley-core", None, "volley-plan", false),
            ("crates/volley-core", Some("dev"), "volley-sim", false),
            ("crates/volley-plan", None, "volley-core", true),
            ("crates/volley-plan", None, "volley-provider", false),
            ("crates/volley-sim", None, "volley-provider", false),
            ("crates/volley-sim", Some("dev"), "volley-provider", false),
            ("crates/volley-engine", None, "volley-journal", true),
            ("crates/volley-engine", None, "volley-plan", false),
            ("crates/volley-engine", None, "volley-sim", false),
            ("crates/volley-engine", Some("build"), "volley-sim", false),
            ("crates/volley-engine", Some("dev"), "volley-sim", true),
            ("crates/volley-provider", Some("dev"), "volley-sim", false),
            ("crates/volley-cli", None, "volley-sim", true),
            ("crates/xtask", None, "volley-core", false),
            ("fuzz", None, "volley-journal", true),
            ("fuzz", None, "volley-engine", false),
            ("benches", Some("dev"), "volley-engine", true),
            ("crates/volley-journal", None, "rusqlite", true),
            ("crates/volley-cli", None, "rusqlite", false),
            ("crates/volley-cli", Some("dev"), "reqwest", false),
            ("crates/volley-engine", None, "governor", true),
            ("crates/volley-engine", None, "clap", false),
            ("crates/volley-cli", None, "indicatif", true),
            ("crates/volley-sim", None, "csv", false),
            ("benches", Some("dev"), "csv", true),
        ] {
            let findings = judged(directory, kind, name);
            assert_eq!(findings.is_empty(), allowed, "{directory} {kind:?} {name}: {findings:?}");
        }
    }

    #[test]
    fn a_finding_says_where_what_and_what_to_do_instead() {
        assert_eq!(
            judged("crates/volley-sim", None, "volley-plan"),
            ["crates/volley-sim/Cargo.toml:2: an edge to volley-plan: \
              this crate may use volley-core; move what both need down into volley-core"]
        );
    }

    #[test]
    fn a_crate_without_a_row_is_a_finding() {
        let findings = judged("crates/volley-web", None, "serde");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("no row"), "{findings:?}");
    }

    #[test]
    fn every_home_is_a_crate_with_a_row() {
        for (heavy, home) in HOMES {
            assert!(EDGES.iter().any(|(directory, _)| *directory == home), "{heavy}");
        }
    }

    #[test]
    fn a_dependency_is_found_on_its_line() {
        let manifest = "[dependencies]\nserde_json = \"1\"\nserde.workspace = true\n\
                        csv = { version = \"1\" }\n[dependencies.toml]\n";
        for (dependency, line) in [("serde_json", 2), ("serde", 3), ("csv", 4), ("toml", 1)] {
            assert_eq!(line_of(manifest, dependency), line, "{dependency}");
        }
    }

    #[test]
    fn banned_words_are_found_on_their_line() {
        for (word, _) in BANNED {
            let text = format!("fn main() {{\n    {word}(x);\n}}\n");
            let findings = banned_words("a.rs", &text);
            assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2], "{word}");
            assert_eq!(banned_words("a.rs", &format!("my_{word}(x)")), [], "{word}");
        }
        assert_eq!(banned_words("a.rs", "// what is left to do! and ignored"), []);
    }

    #[test]
    fn a_home_is_a_path_and_not_the_tail_of_an_address() {
        for home in HOME_DIRECTORIES {
            for (text, count) in [
                (format!("see {home}ada/notes"), 1),
                (format!("\"{home}ada\""), 1),
                (format!("one\ntwo `{home}`"), 1),
                (format!("https://example.org{home}page"), 0),
                (format!("..{home}x"), 0),
                (home.trim_end_matches('/').to_owned(), 0),
            ] {
                assert_eq!(home_paths("a.md", &text).len(), count, "{text}");
            }
        }
    }

    #[test]
    fn limits_are_where_they_say() {
        assert_eq!(length("a.rs", &"x\n".repeat(MAX_LINES - 1)), None);
        assert_eq!(length("a.rs", &"x\n".repeat(MAX_LINES)).map(|finding| finding.line), Some(MAX_LINES));
        assert_eq!(size("a.csv", MAX_BYTES), None);
        assert!(size("a.csv", MAX_BYTES + 1).is_some());
    }

    #[test]
    fn decisions_are_numbered_once_each() {
        let judge = |names: &[&str]| -> Vec<String> {
            let files = names.iter().map(|name| format!("docs/decisions/{name}")).collect();
            decisions(&files).iter().map(ToString::to_string).collect()
        };
        assert_eq!(judge(&["0001-one-writer.md", "0002-chunks-of-1000.md", "README.md"]), [""; 0]);
        for name in ["one-writer.md", "1-one.md", "0001.md", "0001-.md", "0001-One.md", "0001-one.txt"] {
            assert_eq!(judge(&[name]).len(), 1, "{name}");
        }
        assert_eq!(
            judge(&["0001-one.md", "0001-two.md"]),
            [
                "docs/decisions/0001-two.md:1: number 0001 is taken by 0001-one.md: give it the next free number"
            ]
        );
    }
}
