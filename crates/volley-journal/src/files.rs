//! The files beside a journal: the lock, the plan in the making; their modes and their fsync.

use crate::OpenError;
use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// How often a held lock is asked again, and after what pause. A reader that looks whether somebody
/// sends holds it for the length of two system calls; a new holder needs as many to write down who
/// it is before it is named.
const LOOKS: usize = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// `path` with `suffix` behind its whole name: `a.volley` and `.lock` make `a.volley.lock`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Options that create a file for its owner alone, whatever the umask allows.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The right to plan and to send under one name, from [`PlanWriter::finish`] to
/// [`SqliteJournal::open_held`], so that nobody comes between. Others are refused until it is
/// dropped, or its process is gone.
///
/// [`PlanWriter::finish`]: crate::PlanWriter::finish
/// [`SqliteJournal::open_held`]: crate::SqliteJournal::open_held
#[derive(Debug)]
pub struct JournalLock {
    /// The journal, a canonical path.
    pub(crate) path: PathBuf,
    file: File,
}

impl Drop for JournalLock {
    /// Closing the file would not do: a program that another thread is starting at this moment
    /// still has it open, and the lock is held until nobody has.
    fn drop(&mut self) {
        // Where this fails, closing it is all that can be done.
        drop(self.file.unlock());
    }
}

/// Takes the lock of the journal at `journal`, a canonical path. Plan and send take the same one.
///
/// The lock file stays behind: to remove it would let two processes lock two files of one name.
pub(crate) fn lock(journal: &Path) -> Result<JournalLock, OpenError> {
    let path = beside(journal, ".lock");
    let fault = |source| OpenError::Unreadable { path: path.clone(), source };
    let mut file = private().create(true).truncate(false).open(&path).map_err(fault)?;
    for _ in 0..LOOKS {
        match file.try_lock() {
            Ok(()) => {
                // One write of one length: whoever reads meanwhile finds a whole number.
                file.seek(SeekFrom::Start(0)).map_err(fault)?;
                file.write_all(format!("{:<10}\n", std::process::id()).as_bytes()).map_err(fault)?;
                return Ok(JournalLock { path: journal.to_owned(), file });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_LOOKS),
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
    }
    let pid = pid_in(&mut file).unwrap_or(0);
    Err(OpenError::Locked { path: journal.to_owned(), pid })
}

/// Which process holds the journal at `path` for planning or sending; `None` where nobody does.
pub(crate) fn lock_holder(path: &Path) -> io::Result<Option<u32>> {
    let path = path.canonicalize()?;
    let mut file = match File::open(beside(&path, ".lock")) {
        Ok(file) => file,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(pid_in(&mut file).unwrap_or(0))),
        Err(TryLockError::Error(fault)) => Err(fault),
    }
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Removes `path` if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
        _ => Ok(()),
    }
}

/// Gives the file at `from` the name `to`, unless that name is taken.
///
/// A file system without hard links is asked twice instead; the journal's lock keeps every
/// other Volley from coming between.
pub(crate) fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => {
            crate::kill_point!("plan-has-two-names");
            remove(from)
        }
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Err(fault),
        Err(_) if to.try_exists()? => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => std::fs::rename(from, to),
    }
}

/// Makes the names in the directory of `path` durable.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened, and names are durable with their files.
    #[cfg(unix)]
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// What tells a journal's open files from others that took their names: device and inode of the
/// file, of its log and of the log's index. SQLite looks at none of the names again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity([(u64, u64); 3]);

impl Identity {
    /// Of the journal at `path`, open in a connection that has read or written it.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let [log, index] = ["-wal", "-shm"].map(|suffix| beside(path, suffix));
        Ok(Self([identity(path)?, identity(&log)?, identity(&index)?]))
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Only whether the file is there: an open file cannot be replaced on this system.
#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|_| (0, 0))
}

/// How many names the journal at `path` has, each of which could be opened: hard links.
///
/// The lock and SQLite's own log are found by the journal's name. Under a second name there would
/// be a second lock and a second log, so two processes could send from one file, each without what
/// the other wrote (sqlite.org/howtocorrupt.html, section 2.5). A symbolic link does no harm, it is
/// followed first.
///
/// Between the two steps of [`rename_to_new`] a plan has two names. A kill there leaves the second
/// one, which does not count: it is this journal's own, nobody opened it, and the next start for
/// sending removes it. Opened by that name, the journal does have two.
#[cfg(unix)]
pub(crate) fn names_of(path: &Path) -> io::Result<u64> {
    // In this order: the second name may go meanwhile, and none of its own comes.
    let has_own = identity(&beside(path, ".planning")).ok() == Some(identity(path)?);
    let names = std::os::unix::fs::MetadataExt::nlink(&path.metadata()?);
    Ok(if has_own && names == 2 { 1 } else { names })
}

/// One: nothing here tells.
#[cfg(not(unix))]
pub(crate) fn names_of(path: &Path) -> io::Result<u64> {
    path.metadata().map(|_| 1)
}
