//! `volley completions` and `volley man`: both are made from the arguments themselves.

use crate::{args::Args, fault::Fault, output};
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use std::{fs, io::Write, path::Path};

/// Prints what `shell` reads to complete volley's arguments.
pub(crate) fn completions(shell: Shell) -> Result<u8, Fault> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "volley", &mut script);
    let mut out = output::stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(0)
}

/// Prints the manual page of volley, or writes a page for it and one for each command into
/// `directory`, as `volley.1`, `volley-send.1` and so on.
pub(crate) fn pages(directory: Option<&Path>) -> Result<u8, Fault> {
    let volley = Args::command();
    let Some(directory) = directory else {
        let mut page = Vec::new();
        Man::new(volley).render(&mut page)?;
        let mut out = output::stdout();
        out.write_all(&page)?;
        out.flush()?;
        return Ok(0);
    };
    fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(volley.disable_help_subcommand(true), directory))
        .map_err(|error| {
            Fault::new(1, format!("{}: {error}", directory.display())).hint("choose another directory")
        })?;
    Ok(0)
}
