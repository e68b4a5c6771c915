//! `volley doctor`: what would keep a campaign from being sent from here, now. Sends nothing.
//!
//! Every check says something, and goes on where another one found a problem: what is wrong is
//! told at once and not one by one. Each problem has a word of its own, for scripts, and says what
//! to do. Not here: what is wrong with a list or a text, which `check` and `preview` say.

mod account; // secrets, the provider, its clock
mod journal; // a journal and the files beside it, the history
mod machine; // what holds whatever is sent

use crate::{
    account::Account,
    args::Overrides,
    cmd::{self, Voice, send::is_journal, status::print},
    fault::Fault,
    output,
};
use serde::Serialize;
use std::path::Path;
use volley_plan::Input;

/// Room that a run takes on the disk beside its journal: the reserve for outcomes, the log, and
/// some more.
const ROOM_BYTES: u64 = 16 << 20;

/// The exit codes of problems, the gravest first.
const GRAVEST: [u8; 9] = [12, 7, 10, 11, 2, 4, 8, 5, 1];

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Problem,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What one check found.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at.
    check: &'static str,
    state: State,
    /// A word of its own for each thing that can be found.
    code: &'static str,
    /// In words.
    says: String,
    /// What to do; `None` where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    /// The exit code of a problem.
    #[serde(skip)]
    exit_code: u8,
}

impl Finding {
    /// Nothing is wrong.
    fn fine(check: &'static str, says: impl Into<String>) -> Self {
        let says = says.into();
        Self { check, state: State::Ok, code: "ok", says, advice: None, exit_code: 0 }
    }

    /// Something to know, which stops nothing.
    fn warning(
        check: &'static str,
        code: &'static str,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (says, advice) = (says.into(), Some(advice.into()));
        Self { check, state: State::Warning, code, says, advice, exit_code: 0 }
    }

    /// Something that a run would end with, with its exit code.
    fn problem(
        check: &'static str,
        code: &'static str,
        exit_code: u8,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let (says, advice) = (says.into(), Some(advice.into()));
        Self { check, state: State::Problem, code, says, advice, exit_code }
    }

    /// A fault that another command would end with; its line says what to do.
    fn fault(check: &'static str, code: &'static str, fault: &Fault) -> Self {
        let (says, exit_code) = (fault.line(), fault.exit_code);
        Self { check, state: State::Problem, code, says, advice: None, exit_code }
    }
}

/// All that was found.
#[derive(Serialize)]
struct Report {
    schema: u8,
    /// What was examined; `None` for this machine alone.
    target: Option<String>,
    findings: Vec<Finding>,
    exit_code: u8,
}

/// Examines the campaign file or journal `target`, or this machine alone.
pub(crate) fn run(target: Option<&Path>, overrides: &Overrides, voice: Voice) -> Result<u8, Fault> {
    let mut findings = machine::findings();
    match target {
        None => {
            findings.push(machine::disk(Path::new("."), ROOM_BYTES));
            findings.push(machine::descriptors(None));
        }
        Some(path) if is_journal(path) => {
            if !overrides.set.is_empty() {
                return Err(
                    Fault::usage("a journal is examined as it is").hint("--set goes with a campaign file")
                );
            }
            of_journal(path, &mut findings)?;
        }
        Some(path) => of_campaign(path, overrides, &mut findings)?,
    }
    let is_among = |code: &&u8| findings.iter().any(|finding| finding.exit_code == **code);
    let exit_code = GRAVEST.iter().find(is_among).copied().unwrap_or(0);
    let target = target.map(|path| path.display().to_string());
    let report = Report { schema: 1, target, findings, exit_code };
    if voice.json {
        output::json(&report)?;
    } else {
        show(&report, voice)?;
    }
    Ok(exit_code)
}

fn of_campaign(path: &Path, overrides: &Overrides, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let loaded = cmd::load(path, overrides, None).and_then(|campaign| {
        let account = Account::of(&campaign)?;
        let in_flight = account.max_in_flight.unwrap_or(account.capabilities()?.max_in_flight);
        Ok((campaign, account, in_flight))
    });
    let (campaign, account, in_flight) = match loaded {
        Ok(loaded) => loaded,
        Err(fault) => {
            findings.push(Finding::fault("campaign", "campaign_unusable", &fault));
            findings.push(machine::disk(directory, ROOM_BYTES));
            findings.push(machine::descriptors(None));
            return Ok(());
        }
    };
    findings.push(Finding::fine("campaign", format!("{} can be read", path.display())));
    let mut list_bytes = 0;
    if let Input::File(list) = &campaign.recipients.input {
        match std::fs::metadata(list) {
            Ok(metadata) => {
                list_bytes = metadata.len();
                findings.push(Finding::fine("list", format!("{} is there", list.display())));
            }
            Err(error) => findings.push(Finding::problem(
                "list",
                "list_unreadable",
                if error.kind() == std::io::ErrorKind::NotFound { 10 } else { 2 },
                format!("{}: {error}", list.display()),
                "name the list in recipients.file, and check its permissions",
            )),
        }
    }
    account::findings(&account, findings)?;
    journal::of_campaign(&campaign.journal_path(), findings);
    journal::history(&account, findings);
    // A plan holds every text once and some bytes for everybody; attempts come on top.
    findings.push(machine::disk(directory, ROOM_BYTES + 2 * list_bytes));
    findings.push(machine::descriptors(Some(in_flight)));
    Ok(())
}

fn of_journal(path: &Path, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let account = journal::of_itself(path, findings);
    let mut in_flight = None;
    if let Some(account) = account {
        in_flight = account.max_in_flight.or(account.capabilities().ok().map(|one| one.max_in_flight));
        account::findings(&account, findings)?;
        journal::history(&account, findings);
    }
    let grown = std::fs::metadata(path).map_or(0, |metadata| metadata.len() / 2);
    findings.push(machine::disk(directory, ROOM_BYTES + grown));
    findings.push(machine::descriptors(in_flight));
    Ok(())
}

/// A line for each finding, with what to do below it; those that are fine only where somebody wants
/// to hear everything.
fn show(report: &Report, voice: Voice) -> Result<(), Fault> {
    let mut text = String::new();
    for finding in &report.findings {
        if voice.quiet && finding.state == State::Ok {
            continue;
        }
        let Finding { check, state, says, advice, .. } = finding;
        text.push_str(&format!("{:<8} {check:<12} {}\n", state.word(), output::inert(says)));
        if let Some(advice) = advice {
            text.push_str(&format!("{:21} {}\n", "", output::inert(advice)));
        }
    }
    print(&text)?;
    let number = |state| report.findings.iter().filter(|one| one.state == state).count() as u64;
    output::talk(
        voice.quiet,
        &format!(
            "{}, {}, {}",
            output::some(report.findings.len() as u64, "check"),
            output::some(number(State::Problem), "problem"),
            output::some(number(State::Warning), "warning")
        ),
    );
    Ok(())
}
