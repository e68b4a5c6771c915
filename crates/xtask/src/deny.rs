//! Whose code goes into Volley: `deny.toml` held against what the lock file names.
//!
//! The same answers as `cargo deny check licenses bans sources` for this machine's platform, without
//! that program and without a network. Not here: advisories, which need a network.

use crate::{Failure, cargo, output, tidy::Finding};
use serde_json::Value;
use std::{fs, path::Path};
use toml::Table;

const FILE: &str = "deny.toml";

/// What `deny.toml` says of the packages of the workspace in `root`.
pub(crate) fn findings(root: &Path) -> Result<Vec<Finding>, Failure> {
    let rules = Rules::read(&table(root, FILE)?);
    let mut findings = rules.of_lock(&table(root, "Cargo.lock")?);
    // Packages of other platforms need not have been fetched.
    let metadata =
        cargo(root, &["metadata", "--locked", "--format-version", "1", "--filter-platform", &host(root)?]);
    let metadata: Value = serde_json::from_slice(&output(metadata)?).map_err(|error| {
        Failure::NotUnderstood { command: "cargo metadata".to_owned(), what: error.to_string() }
    })?;
    findings.extend(rules.of_packages(metadata["packages"].as_array().map_or(&[][..], Vec::as_slice)));
    Ok(findings)
}

fn table(root: &Path, file: &str) -> Result<Table, Failure> {
    let path = root.join(file);
    let text =
        fs::read_to_string(&path).map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
    text.parse().map_err(|error: toml::de::Error| Failure::Malformed { path, what: error.to_string() })
}

/// The platform that cargo runs on, such as `x86_64-unknown-linux-gnu`.
fn host(root: &Path) -> Result<String, Failure> {
    let said = output(cargo(root, &["-vV"]))?;
    let said = String::from_utf8_lossy(&said);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::NotUnderstood {
        command: "cargo -vV".to_owned(),
        what: "no line that begins with `host: `".to_owned(),
    })
}

/// What `deny.toml` allows.
struct Rules {
    licences: Vec<String>,
    banned: Vec<String>,
    registries: Vec<String>,
}

impl Rules {
    fn read(deny: &Table) -> Self {
        let list = |section: &str, key: &str| {
            let list =
                deny.get(section).and_then(|section| section.get(key)).and_then(|list| list.as_array());
            let word = |entry: &toml::Value| entry.get("crate").unwrap_or(entry).as_str().map(str::to_owned);
            list.into_iter().flatten().filter_map(word).collect()
        };
        Self {
            licences: list("licenses", "allow"),
            banned: list("bans", "deny"),
            registries: list("sources", "allow-registry"),
        }
    }

    /// Banned crates and foreign sources among the packages of a lock file.
    fn of_lock(&self, lock: &Table) -> Vec<Finding> {
        let packages = lock.get("package").and_then(|packages| packages.as_array());
        let mut findings = Vec::new();
        for package in packages.into_iter().flatten() {
            let word = |key: &str| package.get(key).and_then(|value| value.as_str());
            let name = word("name").unwrap_or_default();
            if self.banned.iter().any(|banned| banned == name) {
                findings.push(finding(
                    format!("{name} is banned"),
                    format!("`cargo tree -i {name}` says who wants it; its reason stands in {FILE}"),
                ));
            }
            // A package without a source is one of ours.
            let is_known = |source: &str| {
                self.registries.iter().any(|registry| source.strip_prefix("registry+") == Some(registry))
            };
            if let Some(source) = word("source").filter(|source| !is_known(source)) {
                findings.push(finding(
                    format!("{name} comes from {source}"),
                    "take it from a registry that sources.allow-registry names".to_owned(),
                ));
            }
        }
        findings
    }

    /// Packages under licences that are not allowed, of those in `cargo metadata`.
    fn of_packages(&self, packages: &[Value]) -> Vec<Finding> {
        let allows = |licence: &str| self.licences.iter().any(|allowed| allowed == licence);
        let mut findings = Vec::new();
        for package in packages {
            let name = package["name"].as_str().unwrap_or_default();
            let expression = package["license"].as_str().unwrap_or_default();
            if !is_allowed(expression, &allows) {
                findings.push(finding(
                    format!("{name} is licensed `{expression}`"),
                    "do without it, or add what its users may keep to, to licenses.allow".to_owned(),
                ));
            }
        }
        findings
    }
}

fn finding(what: String, instead: String) -> Finding {
    Finding { file: FILE.to_owned(), line: 1, what, instead }
}

/// Whether an SPDX licence expression can be kept to with licences that `allows` says yes of. A
/// slash is an `OR`, as older manifests have it; what cannot be read is not allowed.
fn is_allowed(expression: &str, allows: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    any_of(&mut words, allows) == Some(true) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allows: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut is_allowed = all_of(words, allows)?;
    while words.next_if_eq(&"OR").is_some() {
        is_allowed |= all_of(words, allows)?;
    }
    Some(is_allowed)
}

fn all_of(words: &mut Words<'_>, allows: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut is_allowed = one(words, allows)?;
    while words.next_if_eq(&"AND").is_some() {
        is_allowed &= one(words, allows)?;
    }
    Some(is_allowed)
}

fn one(words: &mut Words<'_>, allows: &dyn Fn(&str) -> bool) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let is_allowed = any_of(words, allows)?;
        return words.next_if_eq(&")").map(|_| is_allowed);
    }
    if matches!(word, ")" | "OR" | "AND" | "WITH") {
        return None;
    }
    // An exception makes another licence of it, which is allowed by its whole name.
    match words.next_if_eq(&"WITH") {
        None => Some(allows(word)),
        Some(_) => Some(allows(&format!("{word} WITH {}", words.next()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DENY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "ISC"]
        [bans]
        deny = [{ crate = "chrono", reason = "times are jiff's" }, "openssl"]
        [sources]
        allow-registry = ["https://index.example"]
    "#;

    fn rules() -> Rules {
        Rules::read(&DENY.parse().expect("TOML"))
    }

    #[test]
    fn everything_in_the_lock_file_is_allowed() {
        let findings = findings(&crate::root()).expect("cargo says what there is");
        assert_eq!(findings, []);
    }

    #[test]
    fn an_expression_is_allowed_where_one_choice_is_allowed_as_a_whole() {
        let allows =
            |licence: &str| ["MIT", "Apache-2.0", "ISC", "GPL-2.0 WITH a-way-out"].contains(&licence);
        for (expression, allowed) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("Apache-2.0 AND ISC", true),
            ("GPL-3.0 OR MIT AND ISC", true),
            ("(GPL-3.0 OR MIT) AND ISC", true),
            ("(GPL-3.0 OR MIT) AND Zlib", false),
            ("((MIT))", true),
            ("GPL-2.0 WITH a-way-out", true),
            ("MIT WITH a-way-out", false),
            ("", false),
            ("MIT OR", false),
            ("MIT)", false),
            ("(MIT", false),
            ("MIT ISC", false),
            ("OR", false),
        ] {
            assert_eq!(is_allowed(expression, &allows), allowed, "{expression}");
        }
    }

    #[test]
    fn a_licence_that_nobody_allowed_is_named_with_its_package() {
        let packages = json!([
            { "name": "good", "license": "MIT OR Apache-2.0" },
            { "name": "bad", "license": "SSPL-1.0" },
            { "name": "silent", "license": null },
        ]);
        let found = rules().of_packages(packages.as_array().expect("a list"));
        let what: Vec<&str> = found.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(what, ["bad is licensed `SSPL-1.0`", "silent is licensed ``"]);
    }

    #[test]
    fn banned_crates_and_foreign_sources_are_named() {
        let lock = r#"
            [[package]]
            name = "ours"
            [[package]]
            name = "chrono"
            source = "registry+https://index.example"
            [[package]]
            name = "fork"
            source = "git+https://somewhere.example/fork"
            [[package]]
            name = "openssl"
            source = "registry+https://index.example"
        "#;
        let found = rules().of_lock(&lock.parse().expect("TOML"));
        let what: Vec<&str> = found.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(
            what,
            ["chrono is banned", "fork comes from git+https://somewhere.example/fork", "openssl is banned"]
        );
    }
}
