//! The tables of a journal file, and how a file is known as ours.
//!
//! The file is meant to be read: `sqlite3 NAME.volley .schema` prints the comments below. Times
//! are milliseconds since 1970, money is millionths of the plan's currency.

use crate::CommitError;
use crate::files::names_of;
use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    ffi::{self, SQLITE_IOERR_SHORT_READ},
};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// `Vly1` in ASCII, at byte 68 of the file.
pub(crate) const APPLICATION_ID: i32 = 0x566C_7931;

/// The `user_version` of the schema below.
pub(crate) const VERSION: i32 = 6;

/// The oldest SQLite that may write a journal: before it, a checkpoint could meet a second
/// connection's restart of the log and lose commits (sqlite.org/wal.html, "the WAL-reset bug").
const OLDEST_SQLITE: i32 = 3_051_003;

/// What is written while sending is checked by `OR`: for `IN` SQLite fills a table of its own with the
/// words, at each statement.
pub(crate) const SCHEMA: &str = "
CREATE TABLE plan (            -- one row: the frozen campaign, never changed
  id INTEGER PRIMARY KEY CHECK (id = 1),
  campaign TEXT NOT NULL,
  sender TEXT,
  provider TEXT NOT NULL,
  settings TEXT NOT NULL,      -- the provider's settings as JSON, without secrets
  send_at INTEGER,
  currency TEXT,
  rounding TEXT NOT NULL       -- of each message's cost, or of their sum, to so many decimals
    CHECK (rounding = 'exact' OR rounding GLOB 'per_message [0-6]' OR rounding GLOB 'total [0-6]'),
  profile TEXT NOT NULL,       -- how segments are counted
  batch TEXT NOT NULL CHECK (batch IN ('one', 'shared_text', 'per_item')),
  batch_max INTEGER NOT NULL,
  chunk INTEGER NOT NULL,      -- the most recipients a request carries
  created_at INTEGER NOT NULL,
  rows INTEGER NOT NULL,       -- = accepted + duplicates + suppressed + sum(reject.rows)
  accepted INTEGER NOT NULL,
  duplicates INTEGER NOT NULL,
  suppressed INTEGER NOT NULL,
  segments INTEGER NOT NULL,
  estimated INTEGER,           -- null without a rate card
  hash TEXT NOT NULL,          -- over the four others
  hash_recipients TEXT NOT NULL,
  hash_texts TEXT NOT NULL,
  hash_prices TEXT NOT NULL,
  hash_terms TEXT NOT NULL
) STRICT;
CREATE TABLE reject (          -- input rows left out as unusable
  reason TEXT PRIMARY KEY,
  rows INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE price (
  id INTEGER PRIMARY KEY,
  prefix TEXT NOT NULL,
  per_segment INTEGER NOT NULL,
  per_message INTEGER NOT NULL -- on top of its segments
) STRICT;
CREATE TABLE text (            -- each distinct text once, numbered from 0, many in a row
  first INTEGER PRIMARY KEY,   -- the number of its first text; the others follow without a gap
  sizes BLOB NOT NULL,         -- of each text, how many bytes it has
  carried BLOB NOT NULL,       -- of each run of texts, how many they are, and 2 x the segments of
                               -- each of them, + 1 in UCS-2
  bodies TEXT NOT NULL         -- the texts, one directly behind the other
) STRICT;                      -- numbers in sizes and carried: 7 bits a byte, the lowest first,
                               -- the top bit set in all bytes but the last
CREATE TABLE recipient (       -- in the order they are sent in; a message costs
                               -- segments x per_segment + per_message, rounded as the plan says
  position INTEGER PRIMARY KEY, -- from 0, without a gap
  row INTEGER NOT NULL,        -- of the input file
  msisdn INTEGER NOT NULL,
  text INTEGER,                -- its number; null: the one behind the text of the position before
  price INTEGER                -- null without a rate card
) STRICT;
CREATE TABLE run (             -- each opening for sending; without an end, the process was killed
  id INTEGER PRIMARY KEY,
  pid INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  exit_code INTEGER,
  max_cost INTEGER,            -- a cap that was set for this run and those after it
  canary INTEGER               -- recipients that are sent to and judged before anybody else; 0: that
                               -- is over, because somebody was told what came of it
) STRICT;
CREATE TABLE attempt (         -- one request for recipients first .. first + recipients - 1
  id INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  recipients INTEGER NOT NULL,
  number INTEGER NOT NULL,     -- which try at these recipients, from 1
  run INTEGER NOT NULL,
  body_hash BLOB NOT NULL,     -- BLAKE3
  reserved INTEGER NOT NULL,   -- what the plan says they cost
  claimed_at INTEGER NOT NULL, -- durable before the first byte left
  ended_at INTEGER,            -- null: open
  class TEXT,                  -- what was seen
  failure_row TEXT,            -- its row in docs/failures.md
  fate TEXT CHECK (fate = 'accepted' OR fate = 'each' OR fate = 'refused' OR fate = 'not_taken'
    OR fate = 'in_doubt'),
  reason TEXT,
  request_id TEXT,             -- the provider's, from its answer or found later
  billed INTEGER,              -- by the provider, for the whole request
  billed_units INTEGER,        -- the same in another unit than money
  segments INTEGER,            -- by the provider, for the whole request or added up over it
  spent INTEGER,               -- what counts against the cap
  not_before INTEGER,          -- until when the provider asked for silence
  CHECK ((ended_at IS NULL) = (fate IS NULL))
) STRICT;
CREATE TABLE verdict (         -- one by one, where the fate is 'each'
  attempt INTEGER NOT NULL,
  position INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state = 'accepted' OR state = 'refused' OR state = 'not_taken'
    OR state = 'in_doubt'),
  provider_id TEXT,
  code TEXT,
  billed INTEGER,
  segments INTEGER,            -- of this message, by the provider
  PRIMARY KEY (attempt, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE resolution (      -- what was decided about recipients in doubt, and by what right
  id INTEGER PRIMARY KEY,
  after INTEGER NOT NULL,      -- the last attempt that was claimed before it
  run INTEGER NOT NULL,
  decision TEXT NOT NULL CHECK (decision IN ('accepted', 'resend')),
  evidence TEXT NOT NULL CHECK (evidence IN ('person', 'lookup', 'receipt')),
  note TEXT NOT NULL,
  request_id TEXT,             -- the provider's, where it was found
  released INTEGER NOT NULL,   -- what counts against the cap no longer
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE resolved (        -- whom it was about: first .. first + recipients - 1
  attempt INTEGER NOT NULL,    -- the one that had left them in doubt
  first INTEGER NOT NULL,
  recipients INTEGER NOT NULL,
  resolution INTEGER NOT NULL,
  provider_id TEXT,            -- of a single message, where it was found
  PRIMARY KEY (attempt, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE cancellation (    -- what the provider said when a request was to be taken back
  attempt INTEGER PRIMARY KEY,
  result TEXT NOT NULL CHECK (result IN ('done', 'already', 'too_late', 'not_scheduled', 'unclear')),
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE delivery (        -- what became of a message, over all receipts for it
  position INTEGER PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'no_report', 'expired', 'failed', 'invalid',
    'blocked', 'delivered')),
  code TEXT,                   -- in the provider's words
  at INTEGER                   -- when it happened, as the provider says
) STRICT;
CREATE TABLE early (           -- receipts that name nobody whom this journal knows, or not yet
  message_id TEXT NOT NULL,    -- the provider's; empty where the receipt has none
  request_id TEXT NOT NULL,    -- likewise
  msisdn INTEGER NOT NULL,     -- 0 where the receipt has none
  reference TEXT NOT NULL,     -- ours; empty where the receipt has none
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'no_report', 'expired', 'failed', 'invalid',
    'blocked', 'delivered')),
  code TEXT,
  at INTEGER,
  PRIMARY KEY (message_id, request_id, msisdn, reference)
) STRICT, WITHOUT ROWID;
CREATE TABLE unkept (          -- one row: receipts for which early had no room
  id INTEGER PRIMARY KEY CHECK (id = 1),
  receipts INTEGER NOT NULL
) STRICT;
CREATE TABLE poll (            -- how far the provider was asked for receipts
  attempt INTEGER PRIMARY KEY, -- of one request; 0: of everything in the campaign's span of time
  cursor TEXT,                 -- where to go on, in the adapter's words; null: at the start
  complete INTEGER NOT NULL CHECK (complete IN (0, 1)), -- 1: there is nothing more to ask
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE standing (        -- one row: totals, kept with each commit
  id INTEGER PRIMARY KEY CHECK (id = 1),
  pending INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  in_doubt INTEGER NOT NULL,
  requests_sent INTEGER NOT NULL,
  requests_throttled INTEGER NOT NULL,
  requests_retried INTEGER NOT NULL,
  billed INTEGER,
  billed_units INTEGER,
  spent INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  max_cost INTEGER,            -- null: the plan's cap holds
  canary INTEGER,              -- null: nobody is sent to before the others
  last_exit_code INTEGER,
  checksums BLOB NOT NULL      -- of the rows of each kind but recipients, texts and receipts
) STRICT;
";

/// Whether a write failed for want of room.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Why a journal did not open. Nothing was sent and nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No file of this name.
    #[error("there is no journal {}; {}", path.display(), self.hint())]
    NotFound {
        /// The file that was asked for.
        path: PathBuf,
    },
    /// Another process plans or sends with it.
    #[error("{} is in use by process {pid}; {}", path.display(), self.hint())]
    Locked {
        /// The journal.
        path: PathBuf,
        /// Who holds it; 0 for the instant before a new holder wrote its number down.
        pid: u32,
    },
    /// The file has further names, under which another process could send without our seeing it.
    #[error("{} is one of {names} names of one file (hard links), and two senders under two names would not see each other; {}", path.display(), self.hint())]
    Linked {
        /// The name that was asked for.
        path: PathBuf,
        /// How many there are.
        names: u64,
    },
    /// Another kind of file, or no file at all.
    #[error("{} is not a Volley journal; {}", path.display(), self.hint())]
    NotAJournal {
        /// The file that was asked for.
        path: PathBuf,
    },
    /// Written by an earlier Volley, whose tables say less.
    #[error("{} was written by an earlier Volley (schema {version}); {}", path.display(), self.hint())]
    Earlier {
        /// The journal.
        path: PathBuf,
        /// Its schema version.
        version: i32,
    },
    /// Written by a later Volley.
    #[error("{} was written by a newer Volley (its schema is {version}, this one reads {VERSION}); {}", path.display(), self.hint())]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its schema version.
        version: i32,
    },
    /// More commits were made than it knows of: to send from it would text people twice.
    #[error("{} is an older copy, or has lost its -wal file: it knows of {commits} commits and {seen} were made; {}", path.display(), self.hint())]
    Older {
        /// The journal.
        path: PathBuf,
        /// The commits it knows of.
        commits: u64,
        /// The commits that its witness knows of.
        seen: u64,
    },
    /// What would be sent is not what was frozen.
    #[error("{}: its {what} changed after the plan was frozen; {}", path.display(), self.hint())]
    Altered {
        /// The journal.
        path: PathBuf,
        /// Which parts of the plan, in words.
        what: String,
    },
    /// Its contents contradict themselves or cannot be read.
    #[error("{} is damaged: {what}; {}", path.display(), self.hint())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What was found, without numbers or texts.
        what: String,
    },
    /// The file system said no.
    #[error("{} could not be opened: {source}; {}", path.display(), self.hint())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The disk has no room for outcomes, so that nothing may be sent.
    #[error("{} was not opened: there is no room to keep for the outcomes of what is in flight ({source}); {}", path.display(), self.hint())]
    NoRoom {
        /// The journal.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The disk is full, or another fault that is not the file's.
    #[error("{} could not be opened: {source}; {}", path.display(), self.hint())]
    Storage {
        /// The journal.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// What to do about it, as its message ends.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "`volley plan` makes one",
            Self::Locked { .. } => "wait for it, or look at it with `volley status`",
            Self::Linked { .. } => {
                "remove all but the one it was planned under, beside which its -wal file lies"
            }
            Self::NotAJournal { .. } => "name the .volley file that `volley plan` wrote",
            Self::Earlier { .. } => "finish it with that version",
            Self::Newer { .. } => "use that one",
            Self::Older { .. } => {
                "this run sent nothing; bring the newest journal back together with its -wal file"
            }
            Self::Altered { .. } => {
                "this run sent nothing; undo that change, `volley verify` says more; a new plan would text again whoever was texted already"
            }
            Self::Damaged { .. } => {
                "this run sent nothing; keep the file, `volley verify` says more; an older copy would text people again"
            }
            Self::Unreadable { source, .. } if is_full(source) => "free space on its disk and try again",
            Self::Unreadable { .. } => "check its permissions and its directory's",
            Self::NoRoom { .. } => "this run sent nothing; free some MiB on its disk and try again",
            Self::Storage { .. } => "free space on its disk or close what holds it, and try again",
        }
    }

    /// The contract's exit code.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 10,
            Self::Locked { .. } => 11,
            Self::Altered { .. } => 7,
            Self::Linked { .. }
            | Self::NotAJournal { .. }
            | Self::Earlier { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Damaged { .. } => 12,
            Self::Unreadable { .. } => 1,
            Self::NoRoom { .. } | Self::Storage { .. } => 5,
        }
    }

    /// No room could be kept for outcomes.
    pub(crate) fn no_room(path: &Path, source: io::Error) -> Self {
        if is_full(&source) { Self::NoRoom { path: path.to_owned(), source } } else { Self::io(path, source) }
    }

    /// A failed call on the file system.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            Self::NotFound { path }
        } else {
            Self::Unreadable { path, source }
        }
    }
}

/// Why stored rows could not be read: SQLite's word, or ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0}")]
    Damaged(String),
}

impl Fault {
    /// What the fault means for somebody who opens the journal at `path`.
    pub(crate) fn opening(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        let source = match self {
            Self::Damaged(what) => return OpenError::Damaged { path, what },
            Self::Sqlite(source) => source,
        };
        if is_too_short(&source) {
            return OpenError::Damaged { path, what: "it is shorter than it was".to_owned() };
        }
        if is_passing(&source) {
            return OpenError::Storage { path, source };
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => OpenError::NotAJournal { path },
            // Corrupt pages, missing tables, columns of another type: the file does not hold what
            // its version promises.
            _ => OpenError::Damaged { path, what: source.to_string() },
        }
    }

    /// What it means for somebody who has the journal open.
    pub(crate) fn committing(self) -> CommitError {
        match self {
            Self::Sqlite(source) if is_passing(&source) => CommitError::Storage(source.to_string()),
            fault => CommitError::Damaged(fault.to_string()),
        }
    }
}

fn is_too_short(fault: &rusqlite::Error) -> bool {
    let code = fault.sqlite_error().map(|fault| fault.extended_code);
    code == Some(SQLITE_IOERR_SHORT_READ)
}

/// Whether it is a fault of the system around the file, which may be over when it is tried again.
fn is_passing(fault: &rusqlite::Error) -> bool {
    let of_the_system = matches!(
        fault.sqlite_error_code(),
        Some(
            ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
        )
    );
    of_the_system && !is_too_short(fault)
}

/// Waits for another process to end its transaction, for about a minute: a sender and whoever
/// keeps receipts write to one file in turns. Both hold it for one commit at a time, so it is
/// asked for often: SQLite's own waiting grows to a tenth of a second, in which one side that is
/// busy all the time could keep the other one out.
fn wait_for_another(times: i32) -> bool {
    std::thread::sleep(Duration::from_millis(2));
    times < 30_000
}

/// Each commit on the disk before it returns, the log and the pages alike; what is overwritten
/// is gone from the file.
pub(crate) fn make_durable(connection: &Connection) -> Result<(), Fault> {
    connection.set_prepared_statement_cache_capacity(32);
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let refused = ffi::Error::new(ffi::SQLITE_CANTOPEN);
        let why = "its file system cannot keep a write-ahead log; move it to a local disk".to_owned();
        return Err(rusqlite::Error::SqliteFailure(refused, Some(why)).into());
    }
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
         PRAGMA secure_delete = ON;",
    )?;
    // The first read in this mode makes the log and its index, whose names are kept an eye on.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(())
}

/// Opens the existing file `path` and makes sure that it is a journal of ours. Changes nothing but
/// this: a kill in the instant in which a fresh plan gets its log leaves pages half changed and
/// SQLite's note of what they were. Only a connection that may write takes such pages back, and
/// somebody who only reads wants to see them whole as well.
///
/// The file is never read but through SQLite: closing any other handle on it would drop the
/// locks that this process holds through SQLite (sqlite.org/howtocorrupt.html, section 2.2).
pub(crate) fn connect(path: &Path, access: OpenFlags) -> Result<Connection, OpenError> {
    assert!(rusqlite::version_number() >= OLDEST_SQLITE, "the bundled SQLite loses no commits");
    let metadata = path.metadata().map_err(|source| OpenError::io(path, source))?;
    if !metadata.is_file() {
        return Err(OpenError::NotAJournal { path: path.to_owned() });
    }
    let names = names_of(path).map_err(|source| OpenError::io(path, source))?;
    if names > 1 {
        return Err(OpenError::Linked { path: path.to_owned(), names });
    }
    let fault = |source: rusqlite::Error| Fault::from(source).opening(path);
    let open = |access| {
        let mut connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_handler(Some(wait_for_another))?;
        let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        Ok((connection, id))
    };
    let opened = match open(access) {
        Err(half_changed) if is_half_changed(&half_changed) => {
            open(OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|_| open(access))
        }
        opened => opened,
    };
    let (connection, application_id) = opened.map_err(fault)?;
    if application_id != APPLICATION_ID {
        return Err(OpenError::NotAJournal { path: path.to_owned() });
    }
    let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
    match version.map_err(fault)? {
        VERSION => Ok(connection),
        version if version > VERSION => Err(OpenError::Newer { path: path.to_owned(), version }),
        version if version > 0 => Err(OpenError::Earlier { path: path.to_owned(), version }),
        version => Err(OpenError::Damaged {
            path: path.to_owned(),
            what: format!("schema version {version} never was"),
        }),
    }
}

/// The version of the SQLite in this binary, and whether it is one that loses no commits.
pub fn sqlite() -> (&'static str, bool) {
    (rusqlite::version(), rusqlite::version_number() >= OLDEST_SQLITE)
}

/// Whether somebody who may write has to take pages back before they can be read.
fn is_half_changed(fault: &rusqlite::Error) -> bool {
    fault.sqlite_error().is_some_and(|fault| fault.extended_code == ffi::SQLITE_READONLY_ROLLBACK)
}
