//! People who asked not to be texted again: they join the campaign's list of them.

use crate::{account::Account, fault::Fault};
use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use volley_core::Msisdn;
use volley_plan::Suppressed;

/// The first suppression list of a campaign, or one beside the journal where it has none that a
/// line of a number alone can join.
pub(crate) struct OptOuts {
    path: PathBuf,
    /// Who is on it; `None` until somebody is to be added.
    known: Option<Suppressed>,
    /// Those that this run added.
    added: BTreeSet<Msisdn>,
}

impl OptOuts {
    /// The list of the campaign whose journal is at `journal`.
    pub(crate) fn of(account: &Account, journal: &Path) -> Self {
        let listed = account.opt_outs.as_deref().map(PathBuf::from).filter(|path| is_plain(path));
        let path = listed.unwrap_or_else(|| journal.with_extension("optouts.csv"));
        Self { path, known: None, added: BTreeSet::new() }
    }

    /// Where the list is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds whoever is not on it yet; how many those were. They are on disk when it returns.
    pub(crate) fn add(&mut self, numbers: impl Iterator<Item = Msisdn>) -> Result<u64, Fault> {
        let mut new: BTreeSet<Msisdn> = numbers.filter(|number| !self.added.contains(number)).collect();
        if new.is_empty() {
            return Ok(0);
        }
        if self.known.is_none() {
            let is_there = self.path.exists();
            let paths = is_there.then(|| self.path.clone());
            let known = volley_plan::load_suppressed(paths.as_slice(), None);
            self.known = Some(known.map_err(|error| Fault::new(error.exit_code(), error))?);
        }
        new.retain(|number| !self.known.as_ref().is_some_and(|known| known.contains(*number)));
        if new.is_empty() {
            return Ok(0);
        }
        let cannot =
            |error| Fault::new(5, format!("{}: {error}; opt-outs are kept there", self.path.display()));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path).map_err(cannot)?;
        let length = file.seek(SeekFrom::End(0)).map_err(cannot)?;
        let mut lines = String::new();
        if length == 0 {
            lines.push_str("number\n");
        } else if !ends_with_a_line(&mut file).map_err(cannot)? {
            lines.push('\n');
        }
        for number in &new {
            lines.push_str(&format!("{number}\n"));
        }
        file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()).map_err(cannot)?;
        let count = new.len() as u64;
        self.added.extend(new);
        Ok(count)
    }
}

/// Whether `path` is a text of one column, or nothing yet.
fn is_plain(path: &Path) -> bool {
    let is_text = path
        .extension()
        .is_some_and(|extension| ["csv", "txt"].iter().any(|text| extension.eq_ignore_ascii_case(text)));
    let mut first = String::new();
    let read =
        std::fs::File::open(path).and_then(|file| BufReader::new(file).take(4_096).read_line(&mut first));
    is_text
        && read.map_or_else(
            |error| error.kind() == ErrorKind::NotFound,
            |_| !first.contains([',', ';', '\t', '|']),
        )
}

fn ends_with_a_line(file: &mut std::fs::File) -> std::io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
