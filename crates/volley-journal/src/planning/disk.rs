//! The disk, kept busy while a plan is still being written.

use std::{
    fs::File,
    io,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

/// A plan's file, whose pages go to the disk on a thread of its own while others are written. So
/// the sync at the end has little left to wait for.
pub(super) struct Disk {
    file: Arc<File>,
    nudges: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

/// Tells the thread that there is something to do.
#[derive(Clone)]
pub(super) struct Nudge(SyncSender<()>);

impl Disk {
    /// `file` must be open for writing.
    pub(super) fn start(file: Arc<File>) -> io::Result<Self> {
        let (nudges, work) = sync_channel(1);
        let same = Arc::clone(&file);
        let sync_often = move || work.into_iter().try_for_each(|()| same.sync_data());
        let thread = std::thread::Builder::new().name("plan to disk".to_owned()).spawn(sync_often)?;
        Ok(Self { file, nudges, thread })
    }

    pub(super) fn nudge(&self) -> Nudge {
        Nudge(self.nudges.clone())
    }

    /// Waits until all of the file is on the disk. The file is the same one from the start, so no
    /// fault of an earlier sync goes unseen.
    pub(super) fn finish(self) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        self.join()?;
        file.sync_all()
    }

    /// Waits until the thread has ended; all its [`Nudge`]s must be gone.
    pub(super) fn join(self) -> io::Result<()> {
        drop(self.nudges);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Nudge {
    /// There is more for the disk. Returns at once: a nudge that finds one waiting adds nothing
    /// to it, and a fault is told at the end.
    pub(super) fn send(&self) {
        self.0.try_send(()).unwrap_or_default();
    }
}
