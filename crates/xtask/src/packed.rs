//! What a crate is built from lies within it, so that `cargo package` packs it.

use std::{fs, path::Component, path::Path, path::PathBuf};

/// The files that `source` includes before its tests, as they are named there.
fn included(source: &str) -> impl Iterator<Item = &str> {
    let built = source.split("#[cfg(test)]").next().unwrap_or_default();
    let calls = built.split("include_str!(\"").skip(1).chain(built.split("include_bytes!(\"").skip(1));
    calls.filter_map(|rest| rest.split('"').next())
}

/// `path` beside `file`, links not followed.
fn beside(file: &Path, path: &str) -> PathBuf {
    let mut found = file.with_file_name("");
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => drop(found.pop()),
            other => found.push(other),
        }
    }
    found
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_crate_that_is_packed_includes_a_file_from_elsewhere() {
    let crates = crate::root().join("crates");
    let mut seen = 0;
    for name in ["core", "plan", "provider", "journal", "engine", "sim", "cli"] {
        let (own, mut files) = (crates.join(format!("volley-{name}")), Vec::new());
        sources(&own.join("src"), &mut files);
        for file in files {
            for path in included(&fs::read_to_string(&file).expect("UTF-8")) {
                let (path, shown) = (beside(&file, path), file.display());
                assert!(
                    path.starts_with(&own),
                    "{shown} includes {}; link it into the crate",
                    path.display()
                );
                assert!(path.exists(), "{shown} includes {}, which is not there", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 5, "the tables, the page's style and init's files are included");
}

#[test]
fn an_included_file_is_found_before_the_tests_and_beside_its_source() {
    let source = concat!("const A: &str = include", "_str!(\"../a.txt\");\n#[cfg(test)]\nmod tests {}");
    let found: Vec<PathBuf> =
        included(source).map(|path| beside(Path::new("crates/x/src/y/z.rs"), path)).collect();
    assert_eq!(found, [PathBuf::from("crates/x/src/a.txt")]);
}
