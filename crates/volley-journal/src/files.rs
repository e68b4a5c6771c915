//! The files beside a journal: the lock, the plan in the making; their modes and their fsync.

use crate::OpenError;
use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// How often a held lock is asked again: a reader that looks whether somebody sends holds it for
/// the length of two system calls.
const LOOKS: usize = 64;

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
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
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
        Ok(()) => remove(from),
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

/// What tells a file from another one that took its name: device and inode.
#[cfg(unix)]
pub(crate) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Only whether the file is there: an open file cannot be replaced on this system.
#[cfg(not(unix))]
pub(crate) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|_| (0, 0))
}
