//! The `volley` binary: flags to meaning, one file a command, progress, exit codes.
//!
//! Data goes to stdout, people's text to stderr. Every rule lives in the library crates; here
//! they are put together.

mod account; // provider settings -> adapter, transport, in-process gateway
mod args; // what was typed
mod canary; // the first recipients, who are judged before the others
mod cmd; // one file a command
mod desk; // a provider account that is asked questions
mod events; // what happens in a run, as JSON lines
mod fault; // what went wrong, with the contract's exit code
mod listen; // calls that a provider makes to us
mod log; // what happens underneath, one event a line
mod metrics; // where a run stands, for Prometheus
mod observe; // who watches a run
mod opt_outs; // people who asked not to be texted again
mod output; // tables, JSON, masks
mod page; // a report as one HTML file
mod preflight; // what the provider tells before anything is sent
mod progress; // the bar on a terminal
mod signals; // Ctrl-C, SIGTERM, SIGHUP
mod speed; // how fast it goes, against its limit

use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => return fault::wrong_usage(&error),
    };
    output::choose_colours(args.no_color);
    let voice = cmd::Voice::of(&args);
    let exit_code = log::start(&args).and_then(|()| cmd::run(args, voice)).unwrap_or_else(|fault| {
        fault.report(voice);
        fault.exit_code
    });
    tracing::info!(target: "run", exit_code, "volley ends");
    ExitCode::from(exit_code)
}
