//! People who asked not to be texted again: they join the campaign's list of them, and are left
//! out of what is still to be sent.

use crate::{account::Account, fault::Fault};
use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
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

/// How often the lists are looked at while a campaign is sent.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Those who asked since the campaign was planned, as its lists say at the moment.
#[derive(Default)]
pub(crate) struct Asked {
    /// Whether there is anybody at all: most campaigns are asked about every number and have nobody.
    anybody: AtomicBool,
    lists: RwLock<Vec<Suppressed>>,
}

impl Asked {
    /// Whether nothing may be sent to `number` any more.
    pub(crate) fn contains(&self, number: Msisdn) -> bool {
        if !self.anybody.load(Ordering::Acquire) {
            return false;
        }
        let lists = self.lists.read().unwrap_or_else(PoisonError::into_inner);
        lists.iter().any(|list| list.contains(number))
    }

    fn put(&self, index: usize, list: Suppressed) {
        let is_empty = list.is_empty();
        self.lists.write().unwrap_or_else(PoisonError::into_inner)[index] = list;
        // Whoever was asked about once stays: an emptied list only costs the looking.
        self.anybody.fetch_or(!is_empty, Ordering::AcqRel);
    }
}

/// Looks at the lists of a campaign for as long as it is sent.
pub(crate) struct Watch {
    files: Vec<(PathBuf, Option<Stamp>)>,
    asked: Arc<Asked>,
}

/// Length and time of a file: another one is another content.
type Stamp = (u64, Option<SystemTime>);

impl Watch {
    /// Reads the list beside the journal at `journal`. The campaign's own was heard when the plan was
    /// frozen, and what was frozen is sent: it is read again when it changes from now on.
    pub(crate) fn start(account: &Account, journal: &Path) -> Result<Self, Fault> {
        let paths = OptOuts::of(account, journal).lists.into_iter().map(|list| list.path);
        let mut files: Vec<_> = paths.map(|path| (path, None)).collect();
        for (path, known) in files.iter_mut().skip(1) {
            *known = stamp_of(path);
        }
        let mut watch = Self { files, asked: Arc::default() };
        let lists = watch.files.iter().map(|_| Suppressed::default()).collect();
        *watch.asked.lists.write().unwrap_or_else(PoisonError::into_inner) = lists;
        watch.look(0)?;
        Ok(watch)
    }

    /// What it knows, now and later.
    pub(crate) fn asked(&self) -> Arc<Asked> {
        Arc::clone(&self.asked)
    }

    /// Looks again and again, and never ends. A list that cannot be read at a moment is read at the
    /// next.
    pub(crate) async fn go_on(mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let looked = tokio::task::spawn_blocking(move || {
                for index in 0..self.files.len() {
                    drop(self.look(index));
                }
                self
            });
            let Ok(watch) = looked.await else { return };
            self = watch;
        }
    }

    /// Reads a list that is another one than before, once its last line is whole.
    fn look(&mut self, index: usize) -> Result<(), Fault> {
        let (path, known) = &mut self.files[index];
        let Some(stamp) = stamp_of(path) else { return Ok(()) };
        let is_whole = || File::open(&*path).and_then(|mut file| ends_with_a_line(&mut file));
        if Some(stamp) == *known || stamp.0 == 0 || (known.is_some() && !is_whole().unwrap_or(false)) {
            return Ok(());
        }
        let list = load(path)?;
        *known = Some(stamp);
        self.asked.put(index, list);
        Ok(())
    }
}

/// Of the file at `path`; `None` where there is none.
fn stamp_of(path: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.len(), about.modified().ok()))
}

fn beside(journal: &Path) -> PathBuf {
    journal.with_extension("optouts.csv")
}

fn load(path: &Path) -> Result<Suppressed, Fault> {
    let known = volley_plan::load_suppressed(&[path.to_owned()], None);
    known.map_err(Fault::from)
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
    let read = File::open(path).and_then(|file| BufReader::new(file).take(4_096).read_line(&mut first));
    is_text
        && read.map_or_else(
            |error| error.kind() == ErrorKind::NotFound,
            |_| !first.contains([',', ';', '\t', '|']),
        )
}

fn ends_with_a_line(file: &mut File) -> std::io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
