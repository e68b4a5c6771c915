//! One file a command. Each gives the contract's exit code or a [`Fault`].

mod cancel;
mod check;
mod diff;
mod doctor;
mod doubt;
mod history;
pub(crate) mod init;
mod manual;
mod plan;
mod preview;
pub(crate) mod provider;
mod receipts;
mod reconcile;
pub(crate) mod report;
pub(crate) mod segments;
pub(crate) mod send;
pub(crate) mod sim;
pub(crate) mod status;
mod verify;
mod watch;

use crate::{
    args::{Args, Command, Doubt, Overrides, Provider},
    fault::Fault,
};
use jiff::Timestamp;
use std::path::Path;
use volley_core::UnixMillis;
use volley_journal::Decision;
use volley_plan::Campaign;

/// How much is said, in which form, and whether anything is asked.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "flags are bools")]
pub(crate) struct Voice {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    /// Whether everything that would be asked is answered already.
    pub(crate) yes: bool,
}

impl Voice {
    pub(crate) fn of(args: &Args) -> Self {
        Self { json: args.json, quiet: args.quiet, verbose: args.verbose, yes: args.yes }
    }
}

pub(crate) fn run(args: Args, voice: Voice) -> Result<u8, Fault> {
    match args.command {
        Command::Init { target, provider } => init::run(&target, &provider, voice),
        Command::Check(campaign) => check::run(&campaign, voice),
        Command::Doctor { target, overrides } => doctor::run(target.as_deref(), &overrides, voice),
        Command::Preview { campaign, rejects, only, advise } => {
            preview::run(&campaign, rejects.rejects.as_deref(), only.only, advise, voice)
        }
        Command::Plan { campaign, rejects, only, output } => {
            plan::run(&campaign, rejects.rejects.as_deref(), only.only, output.as_deref(), voice)
        }
        Command::Send(asked) => send::send(&asked, voice),
        Command::Resume { journal, sending } => send::resume(&journal.path, &sending, voice),
        Command::Status { journal, watch: true, interval } => watch::run(&journal.path, interval, voice),
        Command::Status { journal, .. } => status::run(&journal.path, voice),
        Command::Doubt { action } => match action {
            Doubt::List(journal) => doubt::list(&journal.path, voice),
            Doubt::Probe(journal) => doubt::probe(&journal.path, voice),
            Doubt::Resolve { journal, decision, whom, note } => {
                let decision = if decision.resend { Decision::Resend } else { Decision::Accepted };
                doubt::resolve(&journal.path, decision, &whom.rows, &note, voice)
            }
        },
        Command::Receipts { journal, poll, listen, token_env } => {
            let token = token_env.map(|name| receipts::token(&name)).transpose()?;
            receipts::run(&journal.path, poll, listen, token, voice)
        }
        Command::Report { journal, csv, html, full_numbers } => {
            let files = report::Files { csv: csv.as_deref(), html: html.as_deref(), full_numbers };
            report::run(&journal.path, &files, voice)
        }
        Command::Cancel(journal) => cancel::run(&journal.path, voice),
        Command::Verify(journal) => verify::run(&journal.path, voice),
        Command::Diff { before, after, csv } => diff::run(&before, &after, csv.as_deref(), voice),
        Command::Reconcile { journal, bill, csv } => {
            reconcile::run(&journal.path, bill.as_deref(), csv.as_deref(), voice)
        }
        Command::Segments { text, jsonl, counting } => {
            segments::run(text.as_deref(), jsonl, &counting, voice.json)
        }
        Command::Provider { action } => match action {
            Provider::List => provider::list(voice),
            Provider::Check(campaign) => provider::check(&campaign, voice),
            Provider::Balance(campaign) => provider::balance(&campaign, voice),
            Provider::Senders(campaign) => provider::senders(&campaign, voice),
        },
        Command::Sim { listen, ledger, faults, seed, accounts, rates } => {
            sim::run(listen, sim::Files { ledger, faults, accounts, rates }, seed, voice)
        }
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { output } => manual::pages(output.as_deref()),
    }
}

/// Reads a campaign file with the environment and flags over it.
fn load(path: &Path, overrides: &Overrides, max_cost: Option<&str>) -> Result<Campaign, Fault> {
    let mut flags = overrides.set.clone();
    flags.extend(max_cost.map(|cost| ("limits.max_cost".to_owned(), cost.to_owned())));
    let environment = std::env::vars().filter(|(name, _)| name.starts_with("VOLLEY_")).collect();
    let mut kinds: Vec<_> = volley_provider::registry::kinds().collect();
    kinds.push((crate::account::SIM, crate::account::SIM_OPTIONS));
    Ok(Campaign::load(path, &volley_plan::Overrides { environment, flags }, &kinds)?)
}

/// An instant in whole seconds, UTC.
pub(crate) fn rfc_3339(at: UnixMillis) -> String {
    let second = Timestamp::from_second(at.0.div_euclid(1_000)).unwrap_or(Timestamp::UNIX_EPOCH);
    second.to_string()
}
