//! Messages in, a journal out: whole and durable, or not there at all.
//!
//! The plan is written into `NAME.planning` without any care for crashes, synced once, and only
//! then given its name. A kill at any moment leaves a file that no command opens, and the next
//! plan of that name replaces it.

use crate::{
    FrozenPlan, OpenError,
    files::{JournalLock, beside, lock, private, remove, rename_to_new, sync_directory_of},
    schema::{APPLICATION_ID, SCHEMA, VERSION},
    stored::{int, store_plan},
};
use rusqlite::{Connection, OpenFlags, params};
use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};
use volley_core::{Batch, Message, Micros, Msisdn, PriceId};

/// Recipients that one INSERT carries: 50 is where more stops being faster
/// (a statement of 50 rows takes 70 % of the time of 50 statements).
const ROWS_A_STATEMENT: usize = 50;

/// Why a plan did not become a journal. There is none then.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The name is taken; a journal is never written over.
    #[error("{} exists; resume it, or choose another name with -o", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process plans or sends under this name, or the lock cannot be had.
    #[error(transparent)]
    Lock(#[from] OpenError),
    /// The file system said no.
    #[error("{} could not be written: {source}; check its directory, its permissions and the space on its disk, or choose another place with -o", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// SQLite said no.
    #[error("{} could not be written: {source}; free space on its disk or choose another place with -o", path.display())]
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
    /// The contract's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Exists { .. } => 2,
            Self::Lock(fault) => fault.exit_code(),
            Self::Io { source, .. } if matches!(source.kind(), io::ErrorKind::NotFound) => 10,
            Self::Io { .. } | Self::Storage { .. } => 5,
            Self::Order { .. } | Self::Mismatch { .. } => 1,
        }
    }
}

/// A plan on its way into a journal.
///
/// Takes the messages in file order. Holds, beside SQLite's 16 MiB of pages, 24 to 40 bytes for
/// each distinct text, and 24 bytes for each recipient of another text than the first where a
/// provider takes one text for many.
pub struct PlanWriter {
    connection: Connection,
    path: PathBuf,
    grouped: bool,
    texts: TextIds,
    /// Recipients of the next statement.
    waiting: Vec<Recipient>,
    held: Vec<Recipient>,
    sums: Sums,
    lock: JournalLock,
}

/// One line of the `recipient` table but for its position.
#[derive(Clone, Copy)]
struct Recipient {
    to: Msisdn,
    row: u32,
    text: u32,
    price: Option<PriceId>,
}

/// What the frozen plan must agree with.
#[derive(Default)]
struct Sums {
    recipients: u32,
    written: u32,
    segments: u64,
    cost: Option<Micros>,
    last_row: u32,
    /// Messages at each price, by their segments.
    at_price: BTreeMap<(PriceId, u32), u64>,
}

impl Sums {
    /// What the messages cost by the plan's prices, before their sum is rounded.
    fn by_prices(&self, plan: &FrozenPlan) -> i64 {
        let at_prices = self.at_price.iter().map(|((id, segments), messages)| {
            let price = plan.prices.get(usize::from(id.0));
            let cost = price.map_or(Some(Micros::ZERO), |price| price.of(*segments, plan.rounding));
            i128::from(cost.unwrap_or(Micros(i64::MAX)).0) * i128::from(*messages)
        });
        i64::try_from(at_prices.sum::<i128>()).unwrap_or(i64::MAX)
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
        drop(private().create_new(true).open(&planning).map_err(io)?);
        let connection =
            start(&planning).map_err(|source| PlanError::Storage { path: path.clone(), source })?;
        Ok(Self {
            connection,
            path,
            grouped: batch.shares_text(),
            texts: TextIds::default(),
            waiting: Vec::with_capacity(ROWS_A_STATEMENT),
            held: Vec::new(),
            sums: Sums::default(),
            lock,
        })
    }

    /// Adds the next message in file order; `price` is what its cost comes from.
    pub fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), PlanError> {
        let row = message.row.0;
        if row <= self.sums.last_row {
            return Err(PlanError::Order { row });
        }
        self.sums.last_row = row;
        self.sums.recipients += 1;
        self.sums.segments += u64::from(message.segments.count);
        if let Some(cost) = message.cost {
            let sum = self.sums.cost.unwrap_or_default().checked_add(cost);
            self.sums.cost = Some(sum.unwrap_or(Micros(i64::MAX)));
        }
        if let Some(price) = price {
            *self.sums.at_price.entry((price, message.segments.count)).or_default() += 1;
        }
        let (text, new) = self.texts.id_of(message.text);
        if new {
            self.store_text(text, message).map_err(|source| self.storage(source))?;
        }
        let recipient = Recipient { to: message.to, row, text, price };
        if self.grouped && text > 0 {
            self.held.push(recipient);
            return Ok(());
        }
        self.store_recipient(recipient)
    }

    /// Makes the plan durable under its name. `plan` must be of the messages given; its hash is
    /// taken as it is. What it gives opens the journal before anybody else can; dropped, it lets
    /// go of the name.
    pub fn finish(mut self, plan: &FrozenPlan) -> Result<JournalLock, PlanError> {
        match self.write_out(plan) {
            Ok(()) => self.publish(),
            Err(fault) => {
                // What is half written would only keep a full disk full.
                drop(self.abandon());
                Err(fault)
            }
        }
    }

    fn write_out(&mut self, plan: &FrozenPlan) -> Result<(), PlanError> {
        let mut held = std::mem::take(&mut self.held);
        held.sort_by_key(|recipient| recipient.text); // stable: file order within a text
        for recipient in held {
            self.store_recipient(recipient)?;
        }
        self.check(plan)?;
        self.close(plan).map_err(|source| self.storage(source))
    }

    /// Makes what was written durable, and gives it the journal's name.
    fn publish(self) -> Result<JournalLock, PlanError> {
        let Self { connection, path, lock, .. } = self;
        let planning = beside(&path, ".planning");
        let io = |source| PlanError::Io { path: path.clone(), source };
        connection.close().map_err(|(_, source)| PlanError::Storage { path: path.clone(), source })?;
        File::open(&planning).and_then(|file| file.sync_all()).map_err(io)?;
        // A witness that is still there is of a journal that was removed on purpose.
        remove(&beside(&path, ".witness")).map_err(io)?;
        rename_to_new(&planning, &path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => PlanError::Exists { path: path.clone() },
            _ => io(source),
        })?;
        sync_directory_of(&path).map_err(io)?;
        Ok(lock)
    }

    /// Gives the plan up and removes what was written.
    pub fn abandon(self) -> Result<(), PlanError> {
        let Self { connection, path, lock: _held, .. } = self;
        drop(connection);
        let planning = beside(&path, ".planning");
        remove(&planning).map_err(|source| PlanError::Io { path: planning, source })
    }

    fn storage(&self, source: rusqlite::Error) -> PlanError {
        PlanError::Storage { path: self.path.clone(), source }
    }

    fn store_text(&self, id: u32, message: &Message<'_>) -> rusqlite::Result<()> {
        let segments = message.segments;
        let mut insert = self.connection.prepare_cached("INSERT INTO text VALUES (?, ?, ?, ?, ?)")?;
        let encoding = segments.encoding.to_string();
        insert.execute(params![id, encoding, segments.units, segments.count, message.text])?;
        Ok(())
    }

    fn store_recipient(&mut self, recipient: Recipient) -> Result<(), PlanError> {
        self.waiting.push(recipient);
        if self.waiting.len() == ROWS_A_STATEMENT {
            self.flush().map_err(|source| self.storage(source))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> rusqlite::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = vec!["(?, ?, ?, ?, ?)"; self.waiting.len()].join(", ");
        let mut insert = self.connection.prepare_cached(&format!("INSERT INTO recipient VALUES {rows}"))?;
        for (index, recipient) in self.waiting.iter().enumerate() {
            let first = index * 5 + 1;
            insert.raw_bind_parameter(first, self.sums.written)?;
            insert.raw_bind_parameter(first + 1, recipient.row)?;
            insert.raw_bind_parameter(first + 2, int(recipient.to.digits()))?;
            insert.raw_bind_parameter(first + 3, recipient.text)?;
            insert.raw_bind_parameter(first + 4, recipient.price.map(|id| id.0))?;
            self.sums.written += 1;
        }
        insert.raw_execute()?;
        drop(insert);
        self.waiting.clear();
        Ok(())
    }

    /// The frozen plan must be the sum of the messages; a difference would show as damage later.
    fn check(&self, plan: &FrozenPlan) -> Result<(), PlanError> {
        let prices_used = self.sums.at_price.keys().next_back().map_or(0, |(id, _)| i64::from(id.0) + 1);
        let prices_there = prices_used.min(int(plan.prices.len() as u64));
        let total = plan.rounding.total(self.sums.cost.unwrap_or_default()).unwrap_or(Micros(i64::MAX));
        let rejected: u64 = plan.rows.rejected.values().sum();
        let rows = plan.rows.accepted + plan.rows.duplicates + plan.rows.suppressed + rejected;
        let cost = |cost: Option<Micros>| cost.unwrap_or_default().0;
        for (what, frozen, written) in [
            ("recipients", int(plan.rows.accepted), i64::from(self.sums.recipients)),
            ("rows", int(plan.rows.rows), int(rows)),
            ("segments", int(plan.segments), int(self.sums.segments)),
            ("millionths of cost", cost(plan.estimated), total.0),
            ("of the prices used", prices_there, prices_used),
            ("millionths by its prices", self.sums.by_prices(plan), cost(self.sums.cost)),
        ] {
            if frozen != written {
                return Err(PlanError::Mismatch { what, frozen, written });
            }
        }
        Ok(())
    }

    fn close(&mut self, plan: &FrozenPlan) -> rusqlite::Result<()> {
        self.flush()?;
        store_plan(&self.connection, plan)?;
        self.connection.execute(
            "INSERT INTO standing VALUES (1, ?, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0, NULL, NULL)",
            [self.sums.recipients],
        )?;
        self.connection.execute_batch("COMMIT")?;
        self.connection.flush_prepared_statement_cache();
        Ok(())
    }
}

/// A new database at `planning`, tables made, in one transaction that only `finish` ends.
fn start(planning: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(planning, access)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA cache_size = -16384; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};
         BEGIN; {SCHEMA}"
    ))?;
    Ok(connection)
}

/// Each distinct text's number, in order of first appearance, found by 128 bits of its BLAKE3.
///
/// An open table of our own: the standard map keeps 40 to 80 bytes a text, this one 24 to 40.
#[derive(Default)]
struct TextIds {
    prefixes: Vec<[u8; 16]>,
    /// Number + 1 of the text whose prefix leads here, 0 where none does; a power of two long.
    slots: Vec<u32>,
    last: String,
    last_id: u32,
}

impl TextIds {
    /// The number of `text`, and whether it is new.
    fn id_of(&mut self, text: &str) -> (u32, bool) {
        if !self.prefixes.is_empty() && self.last == text {
            return (self.last_id, false);
        }
        if self.prefixes.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
        let slot = self.slot_of(&prefix);
        let new = self.slots[slot] == 0;
        if new {
            self.prefixes.push(prefix);
            self.slots[slot] = u32::try_from(self.prefixes.len()).expect("a plan has fewer than 2³² texts");
        }
        self.last.clear();
        self.last.push_str(text);
        self.last_id = self.slots[slot] - 1;
        (self.last_id, new)
    }

    /// Where `prefix` is, or the free slot where it belongs.
    fn slot_of(&self, prefix: &[u8; 16]) -> usize {
        let mask = self.slots.len() - 1;
        let start = u64::from_le_bytes(prefix[..8].try_into().expect("eight bytes"));
        let mut slot = usize::try_from(start & mask as u64).expect("below the table's length");
        while let Some(id) = self.slots[slot].checked_sub(1) {
            if self.prefixes[id as usize] == *prefix {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let length = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.resize(length, 0);
        for id in 0..self.prefixes.len() {
            let slot = self.slot_of(&self.prefixes[id]);
            self.slots[slot] = u32::try_from(id + 1).expect("a plan has fewer than 2³² texts");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn texts_are_numbered_as_a_plain_map_would(texts in proptest::collection::vec("[a-e]{0,3}", 0..400)) {
            let mut ids = TextIds::default();
            let mut plain: HashMap<&str, u32> = HashMap::new();
            for text in &texts {
                let next = u32::try_from(plain.len()).expect("small");
                let new = !plain.contains_key(text.as_str());
                let id = *plain.entry(text).or_insert(next);
                prop_assert_eq!(ids.id_of(text), (id, new));
            }
        }
    }
}
