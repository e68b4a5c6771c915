//! The threads that write a plan's file, and the way to them.

use super::{
    PlanError,
    bundle::Bundle,
    disk::Disk,
    pages::{PAGE, Pages, Table},
    scribe::{self, Job, Scribe},
};
use crate::{
    FrozenPlan,
    files::private,
    schema::{APPLICATION_ID, SCHEMA, VERSION},
};
use rusqlite::{Connection, OpenFlags};
use std::{
    io,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, channel, sync_channel},
    },
    thread::JoinHandle,
};

/// Bundles that wait for the writing thread; a caller with one more waits for it.
const BUNDLES_WAITING: usize = 4;

/// Why the file could not be written.
pub(super) enum WriteFault {
    Sqlite(rusqlite::Error),
    Io(io::Error),
}

impl From<rusqlite::Error> for WriteFault {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

impl From<io::Error> for WriteFault {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
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
    scribe: Option<JoinHandle<Result<(), WriteFault>>>,
    disk: Option<Disk>,
}

impl Press {
    /// Makes the file `planning`, which must not be there, for a plan that is in the order of its
    /// texts or in that of its file.
    pub(super) fn start(planning: &Path, by_text: bool) -> Result<Self, WriteFault> {
        let file = Arc::new(private().create_new(true).open(planning)?);
        let (texts, recipients) = make_tables(planning)?;
        let disk = Disk::start(Arc::clone(&file))?;
        let pages = Pages::behind(file, disk.nudge())?;
        let scribe = Scribe::new(pages, texts, recipients, by_text);
        let (jobs, given) = sync_channel(BUNDLES_WAITING);
        let (give_back, written) = channel();
        let planning = planning.to_owned();
        let scribe = std::thread::Builder::new()
            .name("plan".to_owned())
            .spawn(move || scribe::write(scribe, &planning, given, &give_back))?;
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
            Some(Err(_)) | None => self.end().and(Err(ended())),
        }
    }

    /// Writes the rest, and waits until all of it is on the disk.
    pub(super) fn close(&mut self, plan: &FrozenPlan) -> Result<(), WriteFault> {
        self.give(Job::Close(Box::new(plan.clone())))?;
        self.end()?;
        Ok(self.disk.take().map_or(Ok(()), Disk::finish)?)
    }

    /// Waits for the writing thread; its fault is told once.
    fn end(&mut self) -> Result<(), WriteFault> {
        self.jobs = None;
        match self.scribe.take().map(JoinHandle::join) {
            Some(Ok(written)) => written,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(()),
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
fn ended() -> WriteFault {
    WriteFault::Io(io::Error::other("it could not be written before"))
}

/// Opens the plan's file for SQLite. Nobody else does, and what is in it after a kill is for
/// nobody to read.
pub(super) fn connect(planning: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(planning, access)?;
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    Ok(connection)
}

/// Makes the empty file `planning` a journal's with its tables, none of which has a row; the
/// tables of texts and of recipients.
fn make_tables(planning: &Path) -> rusqlite::Result<(Table, Table)> {
    let connection = connect(planning)?;
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE}; PRAGMA application_id = {APPLICATION_ID};
         PRAGMA user_version = {VERSION}; BEGIN; {SCHEMA} COMMIT;"
    ))?;
    let table = |name: &str| {
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
        connection.query_row(sql, [name], |row| row.get(0)).map(Table::new)
    };
    let tables = (table("text")?, table("recipient")?);
    connection.close().map_err(|(_, source)| source)?;
    Ok(tables)
}
