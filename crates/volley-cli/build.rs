//! Notes which commit a release is built from, for `volley --version`.
//!
//! `VOLLEY_COMMIT` says it where there is no checkout. A build for development notes nothing: its
//! files are changed between commits, and it is not built anew for each.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-env-changed=VOLLEY_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let told = env::var("VOLLEY_COMMIT").ok();
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let found = || if is_release { checked_out() } else { None };
    if let Some(commit) = told.or_else(found) {
        println!("cargo::rustc-env=VOLLEY_COMMIT={}", commit.get(..12).unwrap_or(&commit));
    }
}

/// The commit that is checked out, read from git's own files: no git is needed.
fn checked_out() -> Option<String> {
    let git = Path::new(&env::var("CARGO_MANIFEST_DIR").ok()?).join("../../.git");
    let read = |name: &str| {
        let path = git.join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read_to_string(path).ok()
    };
    let head = read("HEAD")?;
    let Some(branch) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    if let Some(commit) = read(branch) {
        return Some(commit.trim().to_owned());
    }
    let packed = read("packed-refs")?;
    let commit = packed.lines().find_map(|line| line.strip_suffix(branch)?.strip_suffix(' '));
    commit.map(str::to_owned)
}
