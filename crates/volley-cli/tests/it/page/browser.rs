//! The page in a real browser: what it shows, what it complains of, and whom it asks.
//!
//! `cargo xtask test` finds a browser or installs one, and names it in `VOLLEY_BROWSER`.

use super::sent_demo;
use crate::volley::{Folder, run};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The browser, or `None` with a loud word where there is none.
fn browser() -> Option<PathBuf> {
    let named = env::var_os("VOLLEY_BROWSER").map(PathBuf::from);
    let directories: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    let found = named.or_else(|| {
        let mut places = directories.iter().map(|directory| directory.join("chromium"));
        places.find(|place| place.is_file())
    });
    if found.is_none() {
        eprintln!("NO BROWSER: the page was not opened; `cargo xtask test` installs one");
    }
    found
}

/// Opens `page` with nothing of the browser's own going on beside it.
fn open(browser: &Path, folder: &Folder, page: &str, flags: &[&str]) -> Output {
    let profile = format!("--user-data-dir={}", folder.text("profile"));
    let usual = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-extensions",
        "--disable-sync",
        "--hide-scrollbars",
        "--enable-logging=stderr",
        "--v=0",
        &profile,
    ];
    let limit = ["60", browser.to_str().expect("UTF-8")];
    let mut timeout = Command::new("timeout");
    timeout.args(limit).args(usual).args(flags).arg(format!("file://{page}"));
    timeout.output().expect("a browser")
}

/// Whom the browser asked, by its own log, beside those of its maker's hosts that it asks on its own
/// account.
fn foreign(log: &Path) -> BTreeSet<String> {
    let log = fs::read_to_string(log).expect("a log");
    // The end is missing where the browser was in a hurry.
    let whole = serde_json::from_str(&log);
    let cut = || serde_json::from_str(&format!("{}]}}", log.trim_end().trim_end_matches(',')));
    let log: Value = whole.or_else(|_| cut()).expect("JSON");
    let events = log["events"].as_array().expect("events");
    let addresses = events.iter().filter_map(|event| event["params"]["url"].as_str());
    let is_foreign = |address: &&str| {
        let host = address.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let is_own = [".google.com", ".googleapis.com", ".gvt1.com"].iter().any(|own| host.ends_with(own));
        address.starts_with("http") && !is_own
    };
    addresses.filter(is_foreign).map(str::to_owned).collect()
}

#[test]
fn a_browser_shows_the_page_and_asks_nobody_for_anything() {
    let Some(browser) = browser() else { return };
    let (folder, journal) = sent_demo();
    let file = folder.text("report.html");
    run(&["report", &journal, "--html", &file, "-q"]).exits(0);

    let log = format!("--log-net-log={}", folder.text("net.json"));
    let opened = open(&browser, &folder, &file, &["--dump-dom", &log]);
    assert!(opened.status.success(), "{opened:?}");
    let dom = String::from_utf8_lossy(&opened.stdout);
    for words in ["From the list to the phones", "1,916", "Plan hash", "</html>"] {
        assert!(dom.contains(words), "no {words} in {dom}");
    }
    for drawing in dom.split("<svg ").skip(1).filter(|drawing| !drawing.contains("aria-hidden")) {
        let drawing = drawing.split("</svg>").next().expect("a drawing");
        for part in ["role=\"img\"", "<title id=", "<desc id="] {
            assert!(drawing.contains(part), "no {part} in {drawing}");
        }
    }
    let complaints = String::from_utf8_lossy(&opened.stderr);
    assert!(!complaints.contains("CONSOLE"), "{complaints}");
    let left = foreign(&folder.path("net.json"));
    assert!(left.is_empty(), "{left:?}");

    // The same look at a page that does ask for something, so that silence says something.
    let loud = "<!DOCTYPE html><img src=\"http://127.0.0.1:9/picture.png\">";
    folder.write("loud.html", loud);
    let log = format!("--log-net-log={}", folder.text("loud.json"));
    open(&browser, &folder, &folder.text("loud.html"), &["--dump-dom", &log]);
    assert_eq!(foreign(&folder.path("loud.json")).len(), 1);

    if env::var_os("VOLLEY_WRITE_PICTURES").is_some() {
        let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.png");
        let picture = format!("--screenshot={}", picture.display());
        let taken = open(&browser, &folder, &file, &[&picture, "--window-size=1000,1250"]);
        assert!(taken.status.success(), "{taken:?}");
    }
}
