//! The `volley` binary: flags to meaning, one file a command, progress, exit codes.
//!
//! Data goes to stdout, people's text to stderr. Every rule lives in the library crates; here
//! they are put together.

mod account; // provider settings -> adapter, transport, in-process gateway
mod args; // what was typed
mod cmd; // one file a command
mod desk; // a provider account that is asked questions
mod fault; // what went wrong, with the contract's exit code
mod listen; // calls that a provider makes to us
mod opt_outs; // people who asked not to be texted again
mod output; // tables, JSON, masks
mod page; // a report as one HTML file
mod preflight; // what the provider tells before anything is sent
mod progress; // the bar on a terminal
mod signals; // Ctrl-C, SIGTERM, SIGHUP

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return fault::wrong_usage(&error),
    };
    let voice = cmd::Voice::of(&args);
    match cmd::run(args, voice) {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            fault.report(voice);
            ExitCode::from(fault.exit_code)
        }
    }
}
