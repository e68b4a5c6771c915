//! What happened, durably: the frozen plan, every attempt and every outcome in one file.
//!
//! Promises: a plan appears whole or not at all; an intent and an outcome are on disk when their
//! commit returns; a process that dies leaves doubt about its open attempts and about nothing
//! else; no number, text or key of anybody is in an error or a `Debug`. Times are handed in, no
//! clock is read.
//!
//! Not here: what to send next and when (volley-engine), what an answer means
//! (volley-provider). Uses volley-core alone.
//!
//! ```
//! use volley_core::{
//!     Batch, Message, Micros, Msisdn, PlanHasher, PlanTerms, Position, Profile, Rounding, RowNumber,
//!     Totals, UnixMillis,
//! };
//! use volley_journal::{Claim, FrozenPlan, Journal, PlanWriter, RowCounts, SqliteJournal, Write};
//!
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("sale.volley");
//! let (mut writer, mut hasher) = (PlanWriter::create(&path, Batch::One)?, PlanHasher::new(Rounding::Exact));
//! let text = "Sale ends today";
//! let message = Message {
//!     row: RowNumber(1),
//!     to: Msisdn::from_digits(61_491_570_006).expect("eleven digits"),
//!     text,
//!     segments: Profile::STANDARD.count(text),
//!     cost: None,
//! };
//! writer.message(&message, None)?;
//! hasher.message(&message);
//! # let terms = PlanTerms {
//! #     campaign: "sale".to_owned(),
//! #     sender: None,
//! #     provider: "transmitsms".to_owned(),
//! #     send_at: None,
//! #     currency: None,
//! #     batch: Batch::One,
//! #     chunk: 1,
//! # };
//! # let plan = FrozenPlan {
//! #     hash: hasher.finish(&terms),
//! #     terms,
//! #     created_at: UnixMillis(0),
//! #     rows: RowCounts { rows: 1, accepted: 1, ..RowCounts::default() },
//! #     segments: 1,
//! #     estimated: None,
//! #     prices: Vec::new(),
//! #     rounding: Rounding::Exact,
//! #     profile: Profile::STANDARD,
//! #     provider: "{}".to_owned(),
//! # };
//! writer.finish(&plan)?;
//!
//! // An intent is durable when its commit returns, and a process that dies behind it leaves doubt.
//! let mut journal = SqliteJournal::open(&path, UnixMillis(1))?;
//! let (first, body_hash) = (Position(0), [0; 32]);
//! let claim = Claim { first, recipients: 1, body_hash, reserved: Micros::ZERO, at: UnixMillis(2) };
//! journal.commit(&[Write::Claim(claim)])?;
//! drop(journal);
//! let journal = SqliteJournal::open(&path, UnixMillis(3))?;
//! assert_eq!(journal.standing().recipients, Totals { in_doubt: 1, ..Totals::default() });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Another [`Journal`] stands in `volley-engine/examples/own_journal`.

mod answers; // what attempts say about their recipients
mod checksums; // a number for each kind of row, so that a flipped bit is seen
mod chunks; // pending recipients -> chunks, in plan order
mod deliveries; // what receipts say, merged
mod files; // paths beside a journal, the lock, modes, fsync
mod group; // one thread that owns the journal, many writes a commit
mod history; // who got a text when, across campaigns
mod journal; // the trait and its words
pub mod kill_point; // where tests let the process die
mod ledger; // states and totals in memory, moved through `State::on` alone
mod packs; // many texts in one row, and back
mod planning; // messages -> a new journal file
mod pulse; // a sender at one moment
mod reading; // status, doubt, bills: beside a running sender
mod receipts; // delivery results into the journal, beside a sender or without one
mod recipients; // the plan's recipients, and whole messages, from their tables
mod rehash; // the plan's hash again from its rows
mod replay; // stored attempts and decisions -> ledger
mod report; // everybody's line, deliveries, cancellations
mod reserve; // room on the disk for outcomes
mod resolutions; // decisions about doubt, from and to their tables
mod rows; // ends of attempts, verdicts, totals, from and to their tables
mod schema; // the tables, and how a file is known as ours
mod sending; // the SQLite journal: open, recover, commit
mod stored; // plan, prices and plan hash from and to their tables
mod timeline; // requests, latency and pauses over time
mod verify; // every total again from the rows, by a way of its own
mod witness; // how many commits there were, told by a second file

pub use files::JournalLock;
pub use group::Writer;
pub use history::{Absorbed, History, HistoryError, Moment};
pub use journal::*;
pub use planning::{PlanError, PlanWriter};
pub use pulse::{Pulse, Trouble};
pub use reading::{BillLine, Doubt, DoubtfulAttempt, JournalReader, ReadError, RequestBill, RequestFate};
pub use receipts::{PollMark, Polled, ReceiptBook, Recorded, SentMessage, SentRequest};
pub use recipients::PlannedMessage;
pub use report::{Cancellation, JOURNAL_SCHEMA, ReportRow};
pub use rows::Bills;
pub use schema::{OpenError, sqlite};
pub use sending::SqliteJournal;
pub use timeline::{Bucket, MOST_BUCKETS, Pause, PauseCause, Timeline};
pub use verify::{Broken, Verified, VerifyError, verify};
