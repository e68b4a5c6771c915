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

/// Two lists: one beside the journal, by which a resumed campaign leaves them out, and the first
/// suppression list of the campaign where a line of a number alone can join it, for every campaign
/// that names it.
pub(crate) struct OptOuts {
    lists: Vec<List>,
}

struct List {
    path: PathBuf,
    /// Who is on it; `None` until somebody is to be added.
    known: Option<Suppressed>,
    /// Those that this run added.
    added: BTreeSet<Msisdn>,
}

impl OptOuts {
    /// The lists of the campaign whose journal is at `journal`.
    pub(crate) fn of(account: &Account, journal: &Path) -> Self {
        let listed = account.opt_outs.as_deref().map(PathBuf::from).filter(|path| is_plain(path));
        let paths = [beside(journal)].into_iter().chain(listed);
        Self { lists: paths.map(|path| List { path, known: None, added: BTreeSet::new() }).collect() }
    }

    /// The list that other campaigns suppress by: the campaign's own, or the one beside the journal,
    /// which somebody has to name there.
    pub(crate) fn path(&self) -> &Path {
        &self.lists.last().expect("there is one beside the journal").path
    }

    /// Adds whoever is not on them yet; how many those were. They are on disk when it returns.
    pub(crate) fn add(&mut self, numbers: impl Iterator<Item = Msisdn>) -> Result<u64, Fault> {
        let numbers: BTreeSet<Msisdn> = numbers.collect();
        let mut most = 0;
        for list in &mut self.lists {
            most = most.max(list.add(&numbers)?);
        }
        Ok(most)
    }
}

/// Those who asked while this campaign went on; `None` where nobody did.
pub(crate) fn held_back(journal: &Path) -> Result<Option<Suppressed>, Fault> {
    let path = beside(journal);
    if !path.exists() {
        return Ok(None);
    }
    load(&path).map(Some)
}

fn beside(journal: &Path) -> PathBuf {
    journal.with_extension("optouts.csv")
}

fn load(path: &Path) -> Result<Suppressed, Fault> {
    let known = volley_plan::load_suppressed(&[path.to_owned()], None);
    known.map_err(|error| Fault::new(error.exit_code(), error))
}

impl List {
    fn add(&mut self, numbers: &BTreeSet<Msisdn>) -> Result<u64, Fault> {
        let mut new: BTreeSet<Msisdn> = numbers.difference(&self.added).copied().collect();
        if !new.is_empty() && self.known.is_none() && self.path.exists() {
            self.known = Some(load(&self.path)?);
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
