//! `cargo xtask numbers`: the tables by which `volley-core` judges phone numbers.
//!
//! Takes the metadata out of the port of libphonenumber that `Cargo.lock` names, writes it as text
//! to `data/numbers/metadata.txt`, where an update can be read, and compiles that into
//! `data/numbers/tables.bin`. Both files are committed: nothing is generated while building, and a
//! test here fails as soon as they are not those of the locked port.

mod language; // sets of digit strings, each the smallest automaton for it
mod pattern; // the regular expressions of the metadata
mod plan; // one region's numbers, and the text file of all of them
mod port; // the metadata as the port carries it
mod prefix; // what is dialled in front of a number
mod states; // automata and their rows
mod tables; // all plans as automata, and all automata as bytes

use crate::{Failure, cargo, output};
use serde_json::Value;
use std::{fs, path::Path, path::PathBuf};

/// The crate that brings the metadata.
const PORT: &str = "rlibphonenumber";

const TEXT: &str = "data/numbers/metadata.txt";
const TABLES: &str = "data/numbers/tables.bin";

/// Writes both files.
pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let text = metadata(root)?;
    let tables = compiled(&text, &root.join(TEXT))?;
    for (path, bytes) in [(TEXT, text.as_bytes()), (TABLES, &tables)] {
        let path = root.join(path);
        fs::write(&path, bytes).map_err(|source| Failure::Unwritable { path, source })?;
    }
    println!("{TEXT}: {} bytes, {TABLES}: {} bytes", text.len(), tables.len());
    Ok(())
}

/// All regions of the metadata with their calling codes; `001` for the numbers of no country.
pub(crate) fn regions(root: &Path) -> Result<Vec<(String, u16)>, Failure> {
    let path = root.join(TEXT);
    let text =
        fs::read_to_string(&path).map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
    let plans = plan::read(&text).map_err(malformed(&path))?;
    Ok(plans.into_iter().map(|plan| (plan.region, plan.code)).collect())
}

/// The text of the metadata in the locked port.
fn metadata(root: &Path) -> Result<String, Failure> {
    let metadata = output(cargo(root, &["metadata", "--format-version", "1", "--locked"]))?;
    let not_understood =
        |what: &str| Failure::NotUnderstood { command: "cargo metadata".to_owned(), what: what.to_owned() };
    let metadata: Value =
        serde_json::from_slice(&metadata).map_err(|error| not_understood(&error.to_string()))?;
    let packages = metadata["packages"].as_array().ok_or_else(|| not_understood("no packages"))?;
    let port = packages.iter().find(|package| package["name"] == PORT);
    let port = port.ok_or_else(|| not_understood("no port of libphonenumber"))?;
    let version = port["version"].as_str().unwrap_or_default();
    let manifest = Path::new(port["manifest_path"].as_str().unwrap_or_default());
    let path = manifest.with_file_name("src/generated/metadata/metadata.bin");
    let bytes = fs::read(&path).map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
    let plans = port::plans(&bytes).map_err(malformed(&path))?;
    Ok(plan::write(&format!("The metadata of libphonenumber that {PORT} {version} carries"), &plans))
}

/// The tables for the metadata in `text`, which stands in `path`.
fn compiled(text: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    plan::read(text).and_then(|plans| tables::tables(&plans)).map_err(malformed(path))
}

fn malformed(path: &Path) -> impl Fn(String) -> Failure {
    let path: PathBuf = path.to_owned();
    move |what| Failure::Malformed { path: path.clone(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_those_of_the_locked_port() {
        let root = crate::root();
        let text = fs::read_to_string(root.join(TEXT)).expect(TEXT);
        let fresh = metadata(&root).expect("the port's metadata");
        assert!(text == fresh, "{TEXT} is not that of the port in Cargo.lock; run `cargo xtask numbers`");
        let tables = fs::read(root.join(TABLES)).expect(TABLES);
        let fresh = compiled(&text, Path::new(TEXT)).expect("tables");
        assert!(tables == fresh, "{TABLES} is not what {TEXT} compiles to; run `cargo xtask numbers`");
        assert!(tables.len() < 400 * 1024, "{TABLES} has {} bytes", tables.len());
    }
}
