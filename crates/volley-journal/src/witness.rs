//! The witness: a second file that knows how many commits the journal has had.
//!
//! `SQLite` does not notice when a journal is an older copy of itself or has lost its `-wal` file;
//! it reads what is there, and everybody who was texted since would be texted again. So after
//! each commit its number is written to `NAME.volley.witness`. It is not synced: after a power
//! cut it may lag behind, never run ahead.

use crate::{
    FrozenPlan,
    files::{beside, private},
};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// Eight bytes of the plan's hash, then the number of commits, little-endian.
const LENGTH: usize = 16;

pub(crate) struct Witness {
    file: File,
    plan: [u8; 8],
}

impl Witness {
    /// The witness of the journal at `path`, made if there is none.
    pub(crate) fn open(path: &Path, plan: &FrozenPlan) -> io::Result<Self> {
        let file = private().create(true).truncate(false).open(beside(path, ".witness"))?;
        Ok(Self { file, plan: key(plan) })
    }

    /// The commits it knows of; 0 where it never heard of this plan.
    pub(crate) fn commits(&mut self) -> io::Result<u64> {
        self.file.seek(SeekFrom::Start(0))?;
        read(&mut self.file, self.plan)
    }

    /// Tells it of a commit: one write in place, so that a full disk does not stop it.
    pub(crate) fn tell(&mut self, commits: u64) -> io::Result<()> {
        let mut content = [0; LENGTH];
        content[..8].copy_from_slice(&self.plan);
        content[8..].copy_from_slice(&commits.to_le_bytes());
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&content)
    }
}

/// The commits that the witness of the journal at `path` knows of; 0 without one.
pub(crate) fn commits_seen(path: &Path, plan: &FrozenPlan) -> io::Result<u64> {
    match File::open(beside(path, ".witness")) {
        Ok(mut file) => read(&mut file, key(plan)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(fault) => Err(fault),
    }
}

fn key(plan: &FrozenPlan) -> [u8; 8] {
    plan.hash.whole.0[..8].try_into().expect("a hash has 32 bytes")
}

fn read(file: &mut File, plan: [u8; 8]) -> io::Result<u64> {
    let mut content = Vec::with_capacity(LENGTH);
    file.take(LENGTH as u64).read_to_end(&mut content)?;
    // Shorter: the process ended between making the file and its first commit.
    let known = content.len() == LENGTH && content[..8] == plan;
    Ok(if known { u64::from_le_bytes(content[8..].try_into().expect("eight bytes")) } else { 0 })
}
