//! What there is stands in the guide: every command, every exit code, every key.

use super::directory;
use crate::{
    help::{commands, help_of},
    volley::{Folder, Ran, run, volley},
};
use std::{collections::BTreeSet, fs, path::Path};

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    fs::read_to_string(path).expect("the README")
}

fn page(name: &str) -> String {
    fs::read_to_string(directory().join(name)).expect(name)
}

#[test]
fn every_command_stands_in_the_readme_and_is_used_in_the_guide() {
    let readme = readme();
    let rows: String = readme.lines().filter(|line| line.starts_with("| `volley ")).collect();
    let pages: String = super::PAGES.iter().map(|name| page(name)).collect();
    for words in commands(&[]).into_iter().skip(1) {
        let command = format!("volley {}", words.join(" "));
        let is_branch = help_of(&words).contains("\nCommands:\n");
        // The table has a branch once, with its leaves behind it.
        assert!(rows.contains(&format!("`volley {}", words[0])), "the README's table has no `{command}`");
        assert!(is_branch || pages.contains(&command), "no page of the guide has `{command}`");
    }
}

#[test]
fn every_exit_code_has_its_row() {
    let help = run(&["--help"]).exits(0).stdout;
    let codes = help.split("Exit codes:").nth(1).expect("the exit codes");
    let said: BTreeSet<u32> =
        codes.split(',').filter_map(|one| one.split_whitespace().next()?.parse().ok()).collect();
    let table = page("automation.md");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok());
    let rows: BTreeSet<u32> = rows.collect();
    let missing: Vec<&u32> = said.difference(&rows).collect();
    assert!(missing.is_empty() && said.len() > 10, "automation.md has no row for {missing:?}");
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 130] {
        assert!(rows.contains(&code), "automation.md has no row for {code}");
    }
}

/// The keys of a new campaign file, with their sections in front: `limits.max_cost`.
fn keys(file: &str) -> BTreeSet<String> {
    let mut section = "";
    let mut found = BTreeSet::new();
    for line in file.lines() {
        if let Some(named) = line.strip_prefix('[') {
            section = named.split(']').next().unwrap_or_default();
            continue;
        }
        let line = line.strip_prefix("# ").unwrap_or(line);
        let Some((key, _)) = line.split_once(" = ") else { continue };
        if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            found.insert(format!("{section}.{key}"));
        }
    }
    found
}

/// The keys of the page's tables, in the same form.
fn documented(page: &str) -> BTreeSet<String> {
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let named = heading.strip_prefix("`[").and_then(|named| named.strip_suffix("]`"));
            named.unwrap_or_default().clone_into(&mut section);
        } else if let Some(key) = line.strip_prefix("| `").and_then(|row| row.split('`').next()) {
            found.insert(format!("{section}.{key}"));
        }
    }
    found
}

#[test]
fn every_key_of_a_new_campaign_file_has_its_row_and_no_row_is_of_another() {
    let folder = Folder::new();
    let mut written = BTreeSet::new();
    for kind in ["sim", "http"] {
        let file = format!("{kind}.toml");
        run(&["init", &folder.text(&file), "--provider", kind, "-q"]).exits(0);
        written.extend(keys(&fs::read_to_string(folder.path(&file)).expect("a campaign file")));
    }
    // What a provider has for itself stands in the file that is written for it.
    written.retain(|key| !key.starts_with("provider.auth.") && key != "provider.definition");
    assert!(written.len() > 40, "{written:?}");
    assert_eq!(documented(&page("campaign.md")), written);
}

#[test]
fn the_campaign_of_the_readme_is_one_that_can_be_sent() {
    let readme = readme();
    let campaign = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let folder = Folder::new();
    folder
        .write("campaign.toml", campaign.expect("a campaign"))
        .write("recipients.csv", "name,mobile\nANN,0491 570 006\n,0491 570 156\n")
        .write("optouts.csv", "0491 570 157\n")
        .write("rates.csv", "prefix,price,currency\n61,0.0790,AUD\n");
    let mut check = volley(&["check", &folder.text("campaign.toml")]);
    check.env("TRANSMITSMS_KEY", "key").env("TRANSMITSMS_SECRET", "secret");
    let checked = Ran::of(&check.output().expect("the binary runs")).exits(0);
    assert!(checked.stderr.contains("2 of 2 rows"), "{checked:#?}");
}

/// Everything that the binary is made of, as one text.
fn sources(directory: &Path, all: &mut String) {
    for file in fs::read_dir(directory).expect("sources") {
        let path = file.expect("a file").path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push_str(&fs::read_to_string(&path).expect("UTF-8"));
        }
    }
}

#[test]
fn every_message_that_the_table_of_troubles_quotes_is_one_of_ours() {
    let mut said = String::new();
    for name in ["volley-core", "volley-plan", "volley-provider", "volley-journal", "volley-cli"] {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"), &mut said);
    }
    let page = page("troubleshooting.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains(" | "));
    let quotes =
        rows.filter_map(|row| row.split(" | ").nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let quotes: Vec<&str> = quotes.collect();
    assert!(quotes.len() > 20, "{quotes:?}");
    for piece in quotes.iter().flat_map(|quote| quote.split('…')).map(str::trim) {
        assert!(said.contains(piece), "nothing says `{piece}`");
    }
}
