//! Room on the disk that is kept for outcomes.
//!
//! A disk that is full stops claims, but what is in flight then was sent, and its answers have to
//! be stored or become doubt. So `NAME.volley.reserve` takes up room while a journal is open for
//! sending. It is given up when an outcome finds no other, and made again before the next claim: an
//! attempt is never made whose outcome could not be stored.

use crate::files::{beside, private, remove};
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// How much is kept.
///
/// The outcomes of a flight share a commit or two. A commit writes each page that it touches, 4 KiB,
/// once to the log: one for the totals, and for the answers about 50 verdicts a page, or 30 ends of
/// attempts. So this is room for some 40,000 recipients' verdicts, where the largest flight by the
/// defaults is 4,000, and for 300 outcomes that come one by one.
const BYTES: usize = 4 << 20;

/// Whether somebody keeps room beside the journal at `path`.
pub(crate) fn is_kept(path: &Path) -> bool {
    beside(path, ".reserve").metadata().is_ok_and(|reserve| reserve.len() == BYTES as u64)
}

/// The room, kept until this is dropped.
pub(crate) struct Reserve {
    path: PathBuf,
    is_kept: bool,
}

impl Reserve {
    /// Keeps room beside the journal at `path`.
    pub(crate) fn make(path: &Path) -> io::Result<Self> {
        let mut reserve = Self { path: beside(path, ".reserve"), is_kept: false };
        reserve.renew()?;
        Ok(reserve)
    }

    /// Keeps it again, if it was given up. Fails where the disk has no room for it; then nothing
    /// of it stays.
    pub(crate) fn renew(&mut self) -> io::Result<()> {
        if self.is_kept {
            return Ok(());
        }
        let mut file = private().create(true).truncate(false).open(&self.path)?;
        // One that a killed process left behind is as good as a new one.
        if file.metadata()?.len() != BYTES as u64
            && let Err(fault) = fill(&mut file)
        {
            drop(file);
            // The fault is the news; what is left over is at most as large as the room was.
            drop(remove(&self.path));
            return Err(fault);
        }
        self.is_kept = true;
        Ok(())
    }

    /// Gives it up; whether there was anything to give.
    pub(crate) fn give_up(&mut self) -> bool {
        let was_kept = std::mem::take(&mut self.is_kept);
        was_kept && remove(&self.path).is_ok()
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Writes all of it, in bytes that no file system can keep in less room: zeros would be kept as a
/// hole where files are compressed.
fn fill(file: &mut File) -> io::Result<()> {
    let mut bytes = vec![0; BYTES];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    file.set_len(0)?;
    file.write_all(&bytes)
}
