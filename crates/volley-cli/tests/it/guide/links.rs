//! Links of the pages that people read lead somewhere.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What `](…)` points to in `page`, code left out.
fn targets(page: &str) -> Vec<&str> {
    let mut in_code = false;
    let plain = page.lines().filter(move |line| {
        in_code ^= line.starts_with("```");
        !in_code
    });
    let found = plain.flat_map(|line| line.split("](").skip(1));
    found.filter_map(|rest| rest.split(')').next()).collect()
}

/// The places of a page that a link can name: its headings as they are spelled behind `#`.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let spelled = headings.map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.collect::<String>().replace(' ', "-")
    });
    spelled.collect()
}

/// Why a link of `page` leads nowhere; `None` where it leads somewhere, or out of the project.
fn fault(page: &Path, target: &str) -> Option<String> {
    if target.contains("://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let there = if file.is_empty() { page.to_owned() } else { page.parent()?.join(file) };
    if !there.exists() {
        return Some(format!("{}: there is no {target}", page.display()));
    }
    let found = anchor.is_empty() || anchors(&fs::read_to_string(&there).ok()?).contains(anchor);
    (!found).then(|| format!("{}: {target} has no such heading", page.display()))
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "data/demo/README.md"].map(|name| root.join(name)).into();
    for folder in ["docs", "docs/guide/src"] {
        let files = fs::read_dir(root.join(folder)).expect("pages").map(|file| file.expect("a file").path());
        pages.extend(files.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    let mut faults = Vec::new();
    let mut links = 0;
    for page in &pages {
        let text = fs::read_to_string(page).expect("UTF-8");
        let targets = targets(&text);
        links += targets.len();
        faults.extend(targets.into_iter().filter_map(|target| fault(page, target)));
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(links > 10, "only {links} links were looked at");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let folder = tempfile::TempDir::new().expect("a directory");
    let page = folder.path().join("page.md");
    fs::write(&page, "# What is `in doubt`?\n").expect("a page");
    for (target, wrong) in [
        ("page.md", false),
        ("#what-is-in-doubt", false),
        ("page.md#what-is-in-doubt", false),
        ("https://example.com/nowhere", false),
        ("other.md", true),
        ("#elsewhere", true),
    ] {
        assert_eq!(fault(&page, target).is_some(), wrong, "{target}");
    }
    assert_eq!(targets("[a](b.md) and [c](d.md#e)\n```\n[f](g.md)\n```\n[h](#i)"), ["b.md", "d.md#e", "#i"]);
}
