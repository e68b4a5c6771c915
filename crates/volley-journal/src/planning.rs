//! Messages in, a journal out: whole and durable, or not there at all.
//!
//! The plan is written into `NAME.planning` without any care for crashes, and given its name when
//! all of it is on the disk. A kill at any moment leaves a file that no command opens, and the next
//! plan of that name replaces it.
//!
//! Three threads share the work: the caller's takes messages in, one writes the file, and one
//! sees to it that the disk has not all of it to write at the end.

mod bundle; // messages on their way to the thread that writes
mod disk; // pages to the disk while others are written
mod numbers; // text -> its number
mod pages; // the two large tables as pages of an SQLite file
mod press; // the threads, and what they are given
mod scribe; // the thread that writes the file

use self::{
    bundle::{Bundle, Line},
    press::{Press, WriteFault},
    scribe::Job,
};
use crate::{
    FrozenPlan, OpenError,
    files::{JournalLock, beside, lock, remove, rename_to_new, sync_directory_of},
    packs::{Carriage, Text},
    stored::int,
};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};
use volley_core::{Batch, Message, Micros, PriceId};

/// Why a plan did not become a journal. There is none then.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The name is taken; a journal is never written over.
    #[error("{} exists; {}", path.display(), self.hint())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process plans or sends under this name, or the lock cannot be had.
    #[error(transparent)]
    Lock(#[from] OpenError),
    /// The file system said no.
    #[error("{} could not be written: {source}; {}", path.display(), self.hint())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// SQLite said no.
    #[error("{} could not be written: {source}; {}", path.display(), self.hint())]
    Storage {
        /// The journal.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// A message that came before a message of an earlier row: our own bug.
    #[error("row {row} is not behind the rows planned so far")]
    Order {
        /// Its row in the input.
        row: u32,
    },
    /// A message of more segments than can be sent: our own bug.
    #[error("row {row} has a text of {segments} segments, which cannot be sent")]
    TooLong {
        /// Its row in the input.
        row: u32,
        /// Its segments.
        segments: u32,
    },
    /// What was frozen is not the sum of what was written: our own bug.
    #[error("the plan says {frozen} {what}, its messages have {written}")]
    Mismatch {
        /// What was counted.
        what: &'static str,
        /// In the [`FrozenPlan`].
        frozen: i64,
        /// In the messages.
        written: i64,
    },
}

impl PlanError {
    /// What to do about it, as its message ends; empty for our own bugs.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Lock(error) => error.hint(),
            Self::Exists { .. } => "resume it, or choose another name with -o",
            Self::Io { .. } => {
                "check its directory, its permissions and the space on its disk, or choose another place with -o"
            }
            Self::Storage { .. } => "free space on its disk or choose another place with -o",
            Self::Order { .. } | Self::TooLong { .. } | Self::Mismatch { .. } => "",
        }
    }

    /// The contract's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Exists { .. } => 2,
            Self::Lock(fault) => fault.exit_code(),
            Self::Io { source, .. } if matches!(source.kind(), io::ErrorKind::NotFound) => 10,
            Self::Io { .. } | Self::Storage { .. } => 5,
            Self::Order { .. } | Self::TooLong { .. } | Self::Mismatch { .. } => 1,
        }
    }
}

/// A plan on its way into a journal.
///
/// Takes the messages in file order. Holds, beside a few MiB of messages and of pages on their
/// way, 24 to 40 bytes for each distinct text; and where a provider takes one text for many, 16
/// bytes for each text but the first, and 24 for each recipient of such a text but its first.
pub struct PlanWriter {
    sums: Sums,
    bundle: Bundle,
    press: Press,
    path: PathBuf,
    /// Let go of last, when nobody writes any more.
    lock: JournalLock,
}

/// What the frozen plan must agree with.
#[derive(Default)]
struct Sums {
    recipients: u32,
    segments: u64,
    cost: Option<Micros>,
    last_row: u32,
    /// Messages at each price, by their segments.
    at_price: BTreeMap<(PriceId, u32), u64>,
}

impl Sums {
    fn add(&mut self, message: &Message<'_>, price: Option<PriceId>) {
        self.last_row = message.row.0;
        self.recipients += 1;
        self.segments += u64::from(message.segments.count);
        if let Some(cost) = message.cost {
            let sum = self.cost.unwrap_or_default().checked_add(cost);
            self.cost = Some(sum.unwrap_or(Micros(i64::MAX)));
        }
        if let Some(price) = price {
            *self.at_price.entry((price, message.segments.count)).or_default() += 1;
        }
    }

    /// What the messages cost by the plan's prices, before their sum is rounded.
    fn by_prices(&self, plan: &FrozenPlan) -> i64 {
        let at_prices = self.at_price.iter().map(|((id, segments), messages)| {
            let price = plan.prices.get(usize::from(id.0));
            let cost = price.map_or(Some(Micros::ZERO), |price| price.of(*segments, plan.rounding));
            i128::from(cost.unwrap_or(Micros(i64::MAX)).0) * i128::from(*messages)
        });
        i64::try_from(at_prices.sum::<i128>()).unwrap_or(i64::MAX)
    }

    /// The frozen plan must be the sum of the messages; a difference would show as damage later.
    fn check(&self, plan: &FrozenPlan) -> Result<(), PlanError> {
        let prices_used = self.at_price.keys().next_back().map_or(0, |(id, _)| i64::from(id.0) + 1);
        let prices_there = prices_used.min(int(plan.prices.len() as u64));
        let total = plan.rounding.total(self.cost.unwrap_or_default()).unwrap_or(Micros(i64::MAX));
        let rejected: u64 = plan.rows.rejected.values().sum();
        let rows = plan.rows.accepted + plan.rows.duplicates + plan.rows.suppressed + rejected;
        let cost = |cost: Option<Micros>| cost.unwrap_or_default().0;
        for (what, frozen, written) in [
            ("recipients", int(plan.rows.accepted), i64::from(self.recipients)),
            ("rows", int(plan.rows.rows), int(rows)),
            ("segments", int(plan.segments), int(self.segments)),
            ("millionths of cost", cost(plan.estimated), total.0),
            ("of the prices used", prices_there, prices_used),
            ("millionths by its prices", self.by_prices(plan), cost(self.cost)),
        ] {
            if frozen != written {
                return Err(PlanError::Mismatch { what, frozen, written });
            }
        }
        Ok(())
    }
}

impl PlanWriter {
    /// Starts a plan for the journal `path`, whose directory must exist. `batch` decides the
    /// order: by text where one is shared, else the file's.
    pub fn create(path: &Path, batch: Batch) -> Result<Self, PlanError> {
        let io = |source| PlanError::Io { path: path.to_owned(), source };
        let name = path.file_name().ok_or_else(|| io(io::ErrorKind::InvalidFilename.into()))?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let path = directory.unwrap_or(Path::new(".")).canonicalize().map_err(io)?.join(name);
        let io = |source| PlanError::Io { path: path.clone(), source };
        if path.symlink_metadata().is_ok() {
            return Err(PlanError::Exists { path });
        }
        let lock = lock(&path)?;
        if path.symlink_metadata().is_ok() {
            return Err(PlanError::Exists { path }); // planned by another process meanwhile
        }
        // Under the lock, a plan in the making is what a process that is gone left behind.
        let planning = beside(&path, ".planning");
        remove(&planning).map_err(io)?;
        let press = Press::start(&planning, batch.shares_text()).map_err(|fault| fault.of(&path))?;
        crate::kill_point!("plan-started");
        Ok(Self { sums: Sums::default(), bundle: Bundle::default(), press, path, lock })
    }

    /// Adds the next message in file order; `price` is what its cost comes from. A disk that
    /// cannot take it may be told of by a later message, or by [`Self::finish`].
    pub fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), PlanError> {
        let row = message.row.0;
        if row <= self.sums.last_row {
            return Err(PlanError::Order { row });
        }
        let segments = message.segments.count;
        let carriage = Carriage::of(message.segments).ok_or(PlanError::TooLong { row, segments })?;
        self.sums.add(message, price);
        let line = Line { to: message.to, row, price };
        self.bundle.push(line, Text { body: message.text, carriage });
        if self.bundle.is_full() {
            self.hand_over().map_err(|fault| fault.of(&self.path))?;
        }
        Ok(())
    }

    /// Makes the plan durable under its name. `plan` must be of the messages given; its hash is
    /// taken as it is. What it gives opens the journal before anybody else can; dropped, it lets
    /// go of the name.
    pub fn finish(mut self, plan: &FrozenPlan) -> Result<JournalLock, PlanError> {
        match self.write_out(plan).and_then(|()| self.publish()) {
            Ok(()) => Ok(self.lock),
            Err(fault) => {
                // What is half written would only keep a full disk full.
                drop(self.abandon());
                Err(fault)
            }
        }
    }

    /// Makes what was written whole and durable.
    fn write_out(&mut self, plan: &FrozenPlan) -> Result<(), PlanError> {
        self.sums.check(plan)?;
        self.hand_over().and_then(|()| self.press.close(plan)).map_err(|fault| fault.of(&self.path))
    }

    /// Gives it the journal's name.
    fn publish(&self) -> Result<(), PlanError> {
        let path = &self.path;
        let io = |source| PlanError::Io { path: path.clone(), source };
        crate::kill_point!("plan-written", io(io::Error::other("a kill point")));
        // A witness that is still there is of a journal that was removed on purpose.
        remove(&beside(path, ".witness")).map_err(io)?;
        rename_to_new(&beside(path, ".planning"), path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => PlanError::Exists { path: path.clone() },
            _ => io(source),
        })?;
        crate::kill_point!("plan-named");
        sync_directory_of(path).map_err(io)
    }

    fn hand_over(&mut self) -> Result<(), WriteFault> {
        crate::kill_point!("plan-half-way", io::Error::other("a kill point"));
        let empty = self.press.empty_bundle();
        self.press.give(Job::Write(std::mem::replace(&mut self.bundle, empty)))
    }

    /// Gives the plan up and removes what was written.
    pub fn abandon(self) -> Result<(), PlanError> {
        let Self { path, press, lock: _held, .. } = self;
        drop(press);
        let planning = beside(&path, ".planning");
        remove(&planning).map_err(|source| PlanError::Io { path: planning, source })
    }
}
