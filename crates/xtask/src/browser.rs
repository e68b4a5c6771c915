//! The browser that a test opens the report's page with, found or installed.

use crate::{Failure, KILL_POINTS, cargo, run};
use std::{env, path::Path, path::PathBuf, process::Command};

/// What the browser is called, the first that is there.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Where it is; installed on a Debian machine whose administrator we are. `None` where there is none,
/// which is printed.
pub(crate) fn found_or_installed() -> Option<PathBuf> {
    if let Some(found) = found() {
        return Some(found);
    }
    // Where this is not Debian, or we may not install, nothing comes of it.
    for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", "chromium"]] {
        let mut apt = Command::new("apt-get");
        apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        if run(apt).is_err() {
            break;
        }
    }
    let installed = found();
    if installed.is_none() {
        eprintln!(
            "xtask: NO BROWSER: the report's page is not opened in one; install chromium to have it tested"
        );
    }
    installed
}

fn found() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let directories: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut places =
        NAMES.iter().flat_map(|name| directories.iter().map(move |directory| directory.join(name)));
    places.find(|place| place.is_file())
}

/// Takes the pictures that `docs/` shows: of a run on a terminal, and of the demo campaign's report.
pub(crate) fn pictures(root: &Path) -> Result<(), Failure> {
    let names = [
        "terminal::the_readmes_tour_on_a_terminal_of_80_columns",
        "page::browser::a_browser_shows_the_page_and_asks_nobody_for_anything",
    ];
    let mut test = cargo(root, &["test", "--locked", "-p", "volley-cli"]);
    test.args(KILL_POINTS).args(["--test", "it", "--", "--exact"]).args(names);
    test.env("VOLLEY_WRITE_PICTURES", "1");
    if let Some(browser) = found_or_installed() {
        test.env(VARIABLE, browser);
    }
    run(test)
}

/// How the test is told where the browser is.
pub(crate) const VARIABLE: &str = "VOLLEY_BROWSER";
