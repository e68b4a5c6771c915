//! The pages that name tests: whatever a page says is held by a test is held by one that is there.

use std::{fs, path::Path};

/// A name in backticks that is a test's: words with underscores, more of them than the settings on such a page have.
fn is_test(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    word.bytes().all(plain) && word.matches('_').count() >= 2
}

/// What stands between backticks in `text`, in order.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The tests that `page` names without their file, with a file that is not there, or with one that
/// they do not stand in. `read` gives the text of a file below `crates/`.
fn missing(page: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut missing = Vec::new();
    let mut waiting: Vec<&str> = Vec::new();
    for word in quoted(page) {
        if is_test(word) {
            waiting.push(word);
        } else if word.strip_suffix(".rs").is_some_and(|path| path.contains('/')) {
            let text = read(word).unwrap_or_default();
            let absent = waiting.drain(..).filter(|name| !text.contains(&format!("fn {name}(")));
            missing.extend(absent.map(|name| format!("{name} in {word}")));
        }
    }
    missing.extend(waiting.into_iter().map(|name| format!("{name} in no file")));
    missing
}

#[test]
fn every_test_that_the_page_of_promises_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/reliability.md")).expect("the page");
    assert!(quoted(&page).filter(|word| is_test(word)).count() > 80, "the page names its tests");
    let read = |file: &str| fs::read_to_string(root.join("crates").join(file)).ok();
    let missing = missing(&page, read);
    assert!(missing.is_empty(), "docs/reliability.md names tests that are not there: {missing:#?}");
}

#[test]
fn a_test_that_is_gone_or_stands_elsewhere_is_found() {
    let read = |file: &str| (file == "a/tests.rs").then(|| "fn one_two_three_four() {}".to_owned());
    for (page, found) in [
        ("`one_two_three_four` (`a/tests.rs`)", ""),
        ("`one_two_three_four`, `two_three_four_five` (`a/tests.rs`)", "two_three_four_five in a/tests.rs"),
        ("`one_two_three_four` (`b/tests.rs`)", "one_two_three_four in b/tests.rs"),
        ("`one_two_three_four` alone", "one_two_three_four in no file"),
        ("`max_cost` and `volley verify` are no tests", ""),
    ] {
        assert_eq!(missing(page, read).join(", "), found, "{page}");
    }
}
