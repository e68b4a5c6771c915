//! The `volley` binary: flags to meaning, one file a command, progress, exit codes.
//!
//! Data goes to stdout, people's text to stderr. Every rule lives in the library crates; here
//! they are put together.

mod account; // provider settings -> adapter, transport, in-process gateway
mod args; // what was typed
mod cmd; // one file a command
mod fault; // what went wrong, with the contract's exit code
mod output; // tables, JSON, masks
mod progress; // the bar on a terminal
mod signals; // Ctrl-C, SIGTERM, SIGHUP

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return output::usage(&error),
    };
    match cmd::run(args) {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            fault.report();
            ExitCode::from(fault.exit_code)
        }
    }
}
