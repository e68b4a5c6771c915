//! The file of a history and the file of its key: made together, opened together.

use crate::{
    OpenError, ReadError,
    files::{beside, private, remove, rename_to_new, sync_directory_of},
};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use volley_core::PseudonymKey;

/// `VlyH` in ASCII, at byte 68 of the file.
const APPLICATION_ID: i32 = 0x566C_7948;

/// The `user_version` of the schema below.
const VERSION: i32 = 1;

/// Files that this process began to make.
static DRAFTS: AtomicU32 = AtomicU32::new(0);

/// How long one process waits for another one's write, which is a fraction of a second.
const BUSY: Duration = Duration::from_secs(30);

/// The file is meant to be read: `sqlite3 volley-history.db .schema` prints the comments. Times
/// are milliseconds since 1970.
const SCHEMA: &str = "
CREATE TABLE about (            -- one row
  id INTEGER PRIMARY KEY CHECK (id = 1),
  key_fingerprint BLOB NOT NULL, -- of the key beside this file, that makes pseudonyms
  absorptions INTEGER NOT NULL  -- how often texts were taken in, all of one time together
) STRICT;
CREATE TABLE journal (          -- each plan that this history knows of
  id INTEGER PRIMARY KEY,
  plan_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  decided_at INTEGER,           -- the time that its cap was kept at; null: it was not planned here
  decided_on INTEGER,           -- the absorptions that were known then
  path TEXT,                    -- where its file is; null: nothing more is to be read from it
  watches INTEGER NOT NULL,     -- how often sending from it began
  commits INTEGER,              -- of its file, when all of it was read last
  texts INTEGER NOT NULL,       -- how many of its texts are known
  last_at INTEGER NOT NULL,     -- its latest text; when it was planned, before the first
  UNIQUE (plan_hash, created_at)
) STRICT;
CREATE TABLE sent (             -- each text that somebody got, or may have got
  journal INTEGER NOT NULL,
  position INTEGER NOT NULL,    -- in the journal, as is
  attempt INTEGER NOT NULL,     -- the attempt that carried it
  absorption INTEGER NOT NULL,
  pseudonym INTEGER NOT NULL,   -- of the number: eight bytes of a hash under the key
  at INTEGER NOT NULL,
  PRIMARY KEY (journal, position, attempt)
) STRICT, WITHOUT ROWID;
";

/// Why a history could not be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Another kind of file.
    #[error("{} is not a history that Volley wrote; {}", path.display(), self.hint())]
    NotAHistory {
        /// The file that was named.
        path: PathBuf,
    },
    /// Written by a later Volley.
    #[error("{} was written by a newer Volley (its schema is {version}, this one reads {VERSION}); {}", path.display(), self.hint())]
    Newer {
        /// The history.
        path: PathBuf,
        /// Its schema version.
        version: i32,
    },
    /// Its key lies there and it does not: whom it knew is not known any more.
    #[error("{} is missing, though its key {} is there; {}", path.display(), key.display(), self.hint())]
    Gone {
        /// The history.
        path: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// The history is there and its key is not: nobody can be found in it.
    #[error("{} is missing, and nobody can be found in {} without it; {}", key.display(), path.display(), self.hint())]
    KeyMissing {
        /// The history.
        path: PathBuf,
        /// Where its key belongs.
        key: PathBuf,
    },
    /// A key file that does not belong to this history.
    #[error("{} is not the key that {} was begun with; {}", key.display(), path.display(), self.hint())]
    WrongKey {
        /// The history.
        path: PathBuf,
        /// What stands where its key belongs.
        key: PathBuf,
    },
    /// Its contents contradict themselves or cannot be read.
    #[error("{} is damaged: {what}; {}", path.display(), self.hint())]
    Damaged {
        /// The history.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The file system said no.
    #[error("{}: {source}; {}", path.display(), self.hint())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The disk is full, another process holds the file for long, or the like.
    #[error("{}: {source}; {}", path.display(), self.hint())]
    Storage {
        /// The history.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A campaign that is not finished cannot be looked into.
    #[error("{source}; {}", self.hint())]
    Journal {
        /// What is wrong with its journal.
        source: OpenError,
    },
    /// The same, once it was open.
    #[error("{source}; {}", self.hint())]
    Unread {
        /// What is wrong with its journal.
        #[from]
        source: ReadError,
    },
}

impl HistoryError {
    /// What to do about it, as its message ends.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotAHistory { .. } => "name another file in limits.history",
            Self::Newer { .. } => "use that one",
            Self::Gone { .. } => {
                "restore it from a copy, or move the key away to begin a new history that knows of no texts so far"
            }
            Self::KeyMissing { .. } => "restore it from a copy, or move the history away to begin a new one",
            Self::WrongKey { .. } => {
                "restore the right one from a copy, or move both away to begin a new history"
            }
            Self::Damaged { .. } => {
                "restore it and its key from a copy, or move both away to begin a new history"
            }
            Self::Io { .. } => "the history and its key need a directory that you may write to",
            Self::Storage { .. } => "free space on its disk or close what holds it, and try again",
            Self::Journal { .. } | Self::Unread { .. } => {
                "until then it is not known whom it texted; to go on without, move it away"
            }
        }
    }

    /// The contract's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::KeyMissing { .. } | Self::Gone { .. } => 10,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => 10,
            Self::Io { .. } => 1,
            Self::Storage { .. } => 5,
            Self::Journal { source } => source.exit_code(),
            Self::NotAHistory { .. }
            | Self::Newer { .. }
            | Self::WrongKey { .. }
            | Self::Damaged { .. }
            | Self::Unread { .. } => 12,
        }
    }

    /// A failed call on the file system about `path`.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// What SQLite says about the history at `path`.
    pub(super) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotAHistory { path },
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory,
            ) => Self::Storage { path, source },
            // Corrupt pages, missing tables, columns of another type.
            _ => Self::Damaged { path, what: source.to_string() },
        }
    }
}

/// Opens the history at `path` with its key; `None` where there is none.
pub(super) fn open(path: &Path) -> Result<Option<(PathBuf, Connection, PseudonymKey)>, HistoryError> {
    let key = key_path(path);
    // Asked before the history is looked for: its key is marked only once it is there.
    let was_there = is_marked(&key);
    let path = match path.canonicalize() {
        Ok(path) if path.is_file() => path,
        Ok(path) => return Err(HistoryError::NotAHistory { path }),
        Err(source) if source.kind() == io::ErrorKind::NotFound && was_there => {
            return Err(HistoryError::Gone { path: path.to_owned(), key });
        }
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(HistoryError::io(path, source)),
    };
    let fault = |source| HistoryError::sqlite(&path, source);
    let connection = connect(&path).map_err(fault)?;
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    if number("application_id").map_err(fault)? != APPLICATION_ID {
        return Err(HistoryError::NotAHistory { path });
    }
    let version = number("user_version").map_err(fault)?;
    if version != VERSION {
        return Err(HistoryError::Newer { path, version });
    }
    let key_file = key_path(&path);
    let key = match read_key(&key_file) {
        Ok(key) => key,
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Err(HistoryError::KeyMissing { path, key: key_file });
        }
        Err(source) => return Err(HistoryError::io(&key_file, source)),
    };
    let fingerprint: Vec<u8> =
        connection.query_row("SELECT key_fingerprint FROM about", [], |row| row.get(0)).map_err(fault)?;
    match key.filter(|key| key.fingerprint()[..] == fingerprint[..]) {
        Some(key) => Ok(Some((path, connection, key))),
        None => Err(HistoryError::WrongKey { path, key: key_file }),
    }
}

/// Makes an empty history at `path`, an absolute path, and a key for it unless there is one.
///
/// Whoever comes at the same time makes the same one: each file appears whole or not at all, and
/// the first one stays.
pub(super) fn begin(path: &Path) -> Result<(), HistoryError> {
    let key_file = key_path(path);
    let io = |source| HistoryError::io(&key_file, source);
    if !key_file.try_exists().map_err(io)? {
        make(&key_file, |draft| write_new_key(draft).map_err(io))?;
    }
    let Some(key) = read_key(&key_file).map_err(io)? else {
        return Err(HistoryError::WrongKey { path: path.to_owned(), key: key_file });
    };
    make(path, |draft| create(draft, &key).map_err(|source| HistoryError::sqlite(path, source)))?;
    mark(&key_file).map_err(io)
}

/// The line that a key gets once its history is there.
const MARK: &str = "in use";

/// Says in the file of a key that its history is there. Twice says the same.
fn mark(key: &Path) -> io::Result<()> {
    let mut file = File::options().append(true).open(key)?;
    writeln!(file, "{MARK}")?;
    file.sync_all()
}

/// Whether a key's history was there once.
fn is_marked(key: &Path) -> bool {
    read_start(key).is_ok_and(|text| text.lines().skip(1).any(|line| line == MARK))
}

/// The first lines of the file of a key; nothing that is not text.
fn read_start(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(128).read_to_end(&mut text)?;
    Ok(String::from_utf8(text).unwrap_or_default())
}

/// Where the key of the history at `path` lies.
fn key_path(path: &Path) -> PathBuf {
    beside(path, ".key")
}

/// Lets `fill` write into an empty file for its owner alone, and gives it the name `path` unless
/// that is taken by then.
fn make(path: &Path, fill: impl FnOnce(&Path) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
    let io = |source| HistoryError::io(path, source);
    // A name of this call alone, so that nobody else writes into it.
    let draft = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = beside(path, &format!(".{}-{draft}", std::process::id()));
    private().create(true).truncate(true).open(&draft).map_err(io)?;
    let made = fill(&draft).and_then(|()| match rename_to_new(&draft, path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => Err(io(source)),
        _ => Ok(()),
    });
    remove(&draft).map_err(io)?;
    made?;
    sync_directory_of(path).map_err(io)
}

/// 32 bytes of the system's randomness, as 64 hexadecimal digits on a line.
fn write_new_key(path: &Path) -> io::Result<()> {
    let mut key = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    let mut file = File::options().write(true).open(path)?;
    writeln!(file, "{}", blake3::Hash::from_bytes(key).to_hex())?;
    file.sync_all()
}

/// The key in the file `path`; `None` where something else stands there.
fn read_key(path: &Path) -> io::Result<Option<PseudonymKey>> {
    let text = read_start(path)?;
    let key = blake3::Hash::from_hex(text.lines().next().unwrap_or_default().trim());
    Ok(key.ok().map(|key| PseudonymKey::new(key.into())))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, access)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
         PRAGMA secure_delete = ON;",
    )?;
    Ok(connection)
}

/// Writes the tables into the empty file `path`.
fn create(path: &Path, key: &PseudonymKey) -> rusqlite::Result<()> {
    let connection = connect(path)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.execute_batch(&format!(
        "BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {SCHEMA}"
    ))?;
    connection.execute("INSERT INTO about VALUES (1, ?, 0)", [&key.fingerprint()[..]])?;
    connection.execute_batch("COMMIT")?;
    // Closing writes the log back and removes it: what gets the name is one file.
    connection.close().map_err(|(_, fault)| fault)
}
