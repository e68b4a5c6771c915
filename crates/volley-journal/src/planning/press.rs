//! The threads that write a plan's file, and the way to them.

use super::{
    PlanError,
    disk::Disk,
    scribe::{self, Bundle, Job},
};
use crate::{
    FrozenPlan,
    files::private,
    schema::{APPLICATION_ID, SCHEMA, VERSION},
};
use rusqlite::{Connection, OpenFlags, ffi};
use std::{
    io,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, channel, sync_channel},
    thread::JoinHandle,
};

/// Bundles that wait for the writing thread; a caller with one more waits for it.
const BUNDLES_WAITING: usize = 4;

/// Why the file could not be written.
pub(super) enum WriteFault {
    Sqlite(rusqlite::Error),
    Io(io::Error),
}

impl WriteFault {
    /// What it means for the plan of the journal `path`.
    pub(super) fn of(self, path: &Path) -> PlanError {
        let path = path.to_owned();
        match self {
            Self::Sqlite(source) => PlanError::Storage { path, source },
            Self::Io(source) => PlanError::Io { path, source },
        }
    }
}

/// The threads that write a plan's file. Dropped, it waits until they have ended.
pub(super) struct Press {
    /// `None` once there is nothing more to write.
    jobs: Option<SyncSender<Job>>,
    written: Receiver<Bundle>,
    scribe: Option<JoinHandle<rusqlite::Result<()>>>,
    disk: Option<Disk>,
}

impl Press {
    /// Makes the file `planning`, which must not be there, for a plan that is in the order of its
    /// texts or in that of its file.
    pub(super) fn start(planning: &Path, by_text: bool) -> Result<Self, WriteFault> {
        let file = private().create_new(true).open(planning).map_err(WriteFault::Io)?;
        let connection = begin(planning).map_err(WriteFault::Sqlite)?;
        let disk = Disk::start(file).map_err(WriteFault::Io)?;
        let (jobs, given) = sync_channel(BUNDLES_WAITING);
        let (give_back, written) = channel();
        let nudge = disk.nudge();
        let scribe = std::thread::Builder::new()
            .name("plan".to_owned())
            .spawn(move || scribe::write(connection, by_text, given, &give_back, nudge))
            .map_err(WriteFault::Io)?;
        Ok(Self { jobs: Some(jobs), written, scribe: Some(scribe), disk: Some(disk) })
    }

    /// One that was written, or a new one: after the first few there is always one.
    pub(super) fn empty_bundle(&self) -> Bundle {
        self.written.try_recv().unwrap_or_default()
    }

    /// Waits while the thread has more to do than it should.
    pub(super) fn give(&mut self, job: Job) -> Result<(), WriteFault> {
        match self.jobs.as_ref().map(|jobs| jobs.send(job)) {
            Some(Ok(())) => Ok(()),
            // The thread is gone, and only a fault ends it early.
            Some(Err(_)) | None => self.end().and(Err(WriteFault::Sqlite(ended()))),
        }
    }

    /// Writes the rest, and waits until all of it is on the disk.
    pub(super) fn close(&mut self, plan: &FrozenPlan) -> Result<(), WriteFault> {
        self.give(Job::Close(Box::new(plan.clone())))?;
        self.end()?;
        self.disk.take().map_or(Ok(()), Disk::finish).map_err(WriteFault::Io)
    }

    /// Waits for the writing thread; its fault is told once.
    fn end(&mut self) -> Result<(), WriteFault> {
        self.jobs = None;
        match self.scribe.take().map(JoinHandle::join) {
            Some(Ok(Err(fault))) => Err(WriteFault::Sqlite(fault)),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            Some(Ok(Ok(()))) | None => Ok(()),
        }
    }
}

impl Drop for Press {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(scribe) = self.scribe.take() {
            drop(scribe.join());
        }
        if let Some(disk) = self.disk.take() {
            drop(disk.join());
        }
    }
}

/// What is said of a file after its fault was told.
fn ended() -> rusqlite::Error {
    let what = "it could not be written before".to_owned();
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ABORT), Some(what))
}

/// A new database at `planning`, tables made, in one transaction that only the last job ends.
fn begin(planning: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(planning, access)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA cache_size = -4096; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};
         BEGIN; {SCHEMA}"
    ))?;
    Ok(connection)
}
