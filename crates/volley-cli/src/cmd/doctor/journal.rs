//! A journal and the files beside it, and the history.

use super::Finding;
use crate::{account::Account, fault::Fault, output};
use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use volley_journal::{Broken, History, JournalReader, verify};

/// What a journal has beside it, and how a plan in the making ends.
const BESIDE: [&str; 5] = ["-wal", "-shm", ".lock", ".witness", ".reserve"];
const PLANNING: &str = ".planning";

/// The invariant that an older copy breaks, and those that an altered plan does.
const AGE: &str = "J13";
const PLAN: [&str; 2] = ["J12", "plan"];

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The journal that `send` would go on with, where there is one.
pub(super) fn of_campaign(path: &Path, findings: &mut Vec<Finding>) {
    let shown = path.display();
    if path.exists() {
        of_itself(path, findings);
        return;
    }
    // A lock and a witness stay when a journal is taken away; a log with something in it is part of one.
    let log = beside(path, "-wal");
    findings.push(if log.metadata().is_ok_and(|metadata| metadata.len() > 0) {
        Finding::problem(
            "journal",
            "log_without_journal",
            12,
            format!("{} is there without its journal", log.display()),
            "bring the journal back beside it: what was sent last stands in this file alone",
        )
    } else {
        Finding::fine("journal", format!("{shown} is not there yet; `send` plans it"))
    });
    findings.extend(planning(path));
}

/// What a plan that was killed left behind.
fn planning(path: &Path) -> Option<Finding> {
    let file = beside(path, PLANNING);
    file.exists().then(|| {
        Finding::warning(
            "journal",
            "plan_unfinished",
            format!("{} was left by a plan that is still made, or was killed", file.display()),
            "nothing: the next plan of that name removes it",
        )
    })
}

/// A journal itself; gives its account, where it can be read.
pub(super) fn of_itself(path: &Path, findings: &mut Vec<Finding>) -> Option<Account> {
    modes(path, findings);
    let reader = match JournalReader::open(path) {
        Ok(reader) => reader,
        Err(error) => {
            let code = match error.exit_code() {
                10 => "journal_missing",
                _ => "journal_unusable",
            };
            findings.push(Finding::fault("journal", code, &Fault::from(error)));
            return None;
        }
    };
    let account = match Account::of_journal(path, reader.plan()) {
        Ok(account) => Some(account),
        Err(fault) => {
            findings.push(Finding::fault("journal", "journal_settings", &fault));
            None
        }
    };
    let running = reader.running();
    drop(reader);
    match running {
        Ok(None) => left_over(path, findings),
        Ok(Some(pid)) => findings.push(Finding::problem(
            "lock",
            "journal_in_use",
            11,
            format!("{} is in use by process {pid}", path.display()),
            "wait for it, or look at it with `volley status`",
        )),
        Err(error) => findings.push(Finding::problem(
            "lock",
            "lock_unreadable",
            1,
            format!("{}: {error}", beside(path, ".lock").display()),
            "check its permissions",
        )),
    }
    health(path, findings);
    account
}

/// Whether a journal and what is beside it are for their owner alone.
fn modes(path: &Path, findings: &mut Vec<Finding>) {
    let files = [""].iter().chain(&BESIDE).map(|suffix| beside(path, suffix));
    let before = findings.len();
    findings.extend(files.filter_map(|file| open_to_others("modes", "journal_open_to_others", &file)));
    if findings.len() == before && path.exists() {
        findings.push(Finding::fine("modes", "the journal and its side files are for their owner alone"));
    }
}

fn open_to_others(check: &'static str, code: &'static str, file: &Path) -> Option<Finding> {
    let mode = file.metadata().ok()?.permissions().mode();
    let shown = file.display();
    (mode & 0o077 != 0).then(|| {
        let says = format!("{shown} can be read by others (mode {:03o})", mode & 0o777);
        Finding::problem(check, code, 2, says, format!("run `chmod 600 {shown}`"))
    })
}

/// What a process that was killed left beside a journal that nobody holds.
fn left_over(path: &Path, findings: &mut Vec<Finding>) {
    let reserve = beside(path, ".reserve");
    let before = findings.len();
    if reserve.exists() {
        findings.push(Finding::warning(
            "lock",
            "left_by_a_killed_process",
            format!("{} was left by a process that was killed", reserve.display()),
            format!("`volley resume {}` goes on, and takes it away at its end", path.display()),
        ));
    }
    findings.extend(planning(path));
    if findings.len() == before {
        findings.push(Finding::fine("lock", "nobody has the journal open for sending"));
    }
}

/// Every total again, as `verify` does it.
fn health(path: &Path, findings: &mut Vec<Finding>) {
    let verified = match verify(path) {
        Ok(verified) => verified,
        Err(error) => {
            findings.push(Finding::fault("journal", "journal_unusable", &Fault::from(error)));
            return;
        }
    };
    let about = |invariants: &[&str]| {
        verified.broken.iter().find(|broken: &&Broken| invariants.contains(&broken.invariant))
    };
    if let Some(broken) = about(&[AGE]) {
        findings.push(Finding::problem(
            "journal",
            "journal_older_copy",
            12,
            broken.sentence.clone(),
            "bring the newest journal back together with its -wal file; from an older one people would be texted twice",
        ));
    } else if let Some(broken) = about(&PLAN) {
        findings.push(Finding::problem(
            "journal",
            "plan_altered",
            7,
            broken.sentence.clone(),
            "undo that change; `volley verify` says more",
        ));
    } else if let Some(broken) = verified.broken.first() {
        findings.push(Finding::problem(
            "journal",
            "journal_damaged",
            12,
            format!("{}: {}", broken.invariant, broken.sentence),
            "keep the file and send nothing from it; `volley verify` says more",
        ));
    } else {
        let recipients = output::some(verified.recipients.sum(), "recipient");
        let attempts = output::some(verified.attempts, "attempt");
        findings.push(Finding::fine("journal", format!("{recipients}, {attempts}, every total recomputed")));
    }
    let open = verified.waiting_for_recovery();
    if open > 0 {
        findings.push(Finding::warning(
            "journal",
            "attempts_cut_short",
            format!("{} cut short by a kill", output::some(open, "attempt")),
            "`volley resume` puts them in doubt and goes on; `volley doubt probe` then asks the provider",
        ));
    }
}

/// The history that remembers whom the account texted, where it has one.
pub(super) fn history(account: &Account, findings: &mut Vec<Finding>) {
    let Some(file) = account.history.as_deref().map(Path::new) else { return };
    let before = findings.len();
    findings.extend(open_to_others("history", "history_open_to_others", file));
    match History::open(file) {
        Ok(Some(_)) if findings.len() == before => {
            findings.push(Finding::fine("history", format!("{} can be read", file.display())));
        }
        Ok(Some(_)) => {}
        Ok(None) => {
            let says = format!("{} is not there yet; the first plan begins it", file.display());
            findings.push(Finding::fine("history", says));
        }
        Err(error) => findings.push(Finding::fault("history", "history_unusable", &Fault::from(error))),
    }
}
