//! The trait that every journal backend implements, and the words it is spoken to in.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};
use volley_core::{
    Batch, Chunk, Event, IllegalMove, Micros, Outcome, PlanHash, PlanTerms, Position, Price, Profile,
    Reference, Rounding, Totals, UnixMillis,
};

/// The number of an attempt within its journal, from 1, in the order of their intents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

/// The frozen plan but for its recipients: what a journal is created with, and never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct FrozenPlan {
    /// What the plan hash covers beside the messages.
    pub terms: PlanTerms,
    /// The hash over messages and terms.
    pub hash: PlanHash,
    /// When it was frozen.
    pub created_at: UnixMillis,
    /// Where the input's rows went.
    pub rows: RowCounts,
    /// Segments over all recipients.
    pub segments: u64,
    /// What the plan costs, rounded; `None` without a rate card.
    pub estimated: Option<Micros>,
    /// The rate card's prices as they held; a recipient's price is one of them.
    pub prices: Vec<Price>,
    /// How costs are rounded.
    pub rounding: Rounding,
    /// How segments were counted; what smart folding may replace is not kept.
    pub profile: Profile,
    /// The provider settings of the campaign as one JSON object, opaque here. Names of
    /// environment variables and files, never a secret.
    pub provider: String,
}

/// Where the rows of an input went. `rows = accepted + duplicates + suppressed + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// Records in the input.
    pub rows: u64,
    /// Planned recipients.
    pub accepted: u64,
    /// Left out because their number came before (or comes later, by policy).
    pub duplicates: u64,
    /// Left out because their number is on a suppression list.
    pub suppressed: u64,
    /// Left out as unusable, by reason.
    pub rejected: BTreeMap<String, u64>,
}

/// An intent to send: durable before the first byte of its request leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The chunk's first recipient; the others follow it without a gap.
    pub first: Position,
    /// How many recipients, at least 1.
    pub recipients: u32,
    /// BLAKE3 of the request's body.
    pub body_hash: [u8; 32],
    /// What the plan says the chunk costs; held back from the cap until the outcome is known.
    pub reserved: Micros,
    /// When the intent was made.
    pub at: UnixMillis,
}

/// An intent that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number in the journal.
    pub id: AttemptId,
    /// Which try at these recipients it is, from 1.
    pub number: u16,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which attempt.
    pub attempt: AttemptId,
    /// What the provider did.
    pub outcome: Outcome,
    /// When it was known.
    pub at: UnixMillis,
}

/// What was decided about recipients in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The provider took them. They keep their price.
    Accepted,
    /// They are to be sent to again. What they cost is held back no longer.
    Resend,
}

/// By what right doubt was resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// A person said so.
    Person,
    /// The provider was asked, and the request was found or proved absent.
    Lookup,
    /// A receipt came for them.
    Receipt,
}

/// A decision about recipients in doubt: the only way out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Whom it is about, in any order, nobody twice; at least one.
    pub positions: Vec<Position>,
    /// What was decided.
    pub decision: Decision,
    /// By what right.
    pub evidence: Evidence,
    /// In a person's words, or what was found.
    pub note: String,
    /// The provider's id of the request, where it was found. All of `positions` were in that one
    /// request then, and the decision is [`Decision::Accepted`].
    pub request_id: Option<String>,
    /// The provider's ids of the messages that were found, for some of `positions`; the decision
    /// is [`Decision::Accepted`] then.
    pub message_ids: Vec<(Position, String)>,
    /// When.
    pub at: UnixMillis,
}

/// What a provider said when a request was to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CancelResult {
    /// It will not be sent.
    Done,
    /// It was taken back before.
    Already,
    /// It is being sent, or was.
    TooLate,
    /// It never had a time to be sent at.
    NotScheduled,
    /// The provider knows no such request, or says something that nobody listed.
    Unclear,
}

/// One change to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// An intent.
    Claim(Claim),
    /// An outcome.
    Record(Record),
    /// A decision about recipients in doubt.
    Resolve(Resolution),
    /// What the provider said when a request was to be taken back. Its recipients stay where
    /// they are. [`CancelResult::Done`] and [`CancelResult::Already`] stand for good; anything
    /// else is replaced by what is said later.
    Cancelled {
        /// Which attempt: one that took somebody.
        attempt: AttemptId,
        /// What was said.
        result: CancelResult,
        /// When.
        at: UnixMillis,
    },
    /// A new cost cap, which holds from now on: for this run and those after it.
    Cap {
        /// The most the campaign may cost in all.
        max_cost: Micros,
    },
    /// So many recipients are sent to and judged before anybody else is, in this run and those
    /// after it; `None`, and whoever is sent to next goes on without that.
    Canary {
        /// How many; above nobody.
        recipients: Option<NonZeroU32>,
    },
    /// How a run ended: the exit code it reported.
    RunEnded {
        /// The contract's exit code.
        exit_code: u8,
        /// When.
        at: UnixMillis,
    },
    /// Nothing, made durable all the same: whether there is room again for a claim and its outcome.
    Trial,
}

/// What a [`Write`] came to, in the order of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The intent is durable under this id.
    Claimed(Attempt),
    /// The outcome, the decision, what a cancellation came to, the cap, the canary, or the end of a
    /// run is durable, or there is room.
    Recorded,
}

/// Running totals, durable with each commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Recipients by state.
    pub recipients: Totals,
    /// Requests that were claimed.
    pub requests_sent: u64,
    /// Of these, the ones answered with "too fast".
    pub requests_throttled: u64,
    /// Of these, the ones that tried recipients again that had been tried before.
    pub requests_retried: u64,
    /// What the provider billed, where its answers said; `None` until one did.
    pub billed: Option<Micros>,
    /// The same in another unit than money.
    pub billed_units: Option<Micros>,
    /// What counts against the cap: billed where known, else the plan's price, for everybody
    /// accepted or in doubt, and for attempts still open. Doubt that was resolved as accepted
    /// keeps its price; what may be sent again gives it back.
    pub spent: Micros,
    /// Commits so far.
    pub commits: u64,
    /// The cap that the last person to set one while resuming set; `None` where the plan's holds.
    pub max_cost: Option<Micros>,
    /// How many recipients are sent to and judged before anybody else is; `None` where nobody
    /// asked for that, or somebody was told what came of it.
    pub canary: Option<NonZeroU32>,
    /// The exit code that the last run reported; `None` before the first run ended.
    pub last_exit_code: Option<u8>,
}

/// What opening a journal for sending found left over from a process that is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Attempts that were open.
    pub attempts: u64,
    /// Their recipients, who are in doubt now.
    pub recipients: u64,
}

/// Why a batch was not written: none of it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The disk is full, another process would not let go of the file for a minute, or another
    /// fault of the file system. It may pass: the same batch can be offered again.
    #[error("{0}; {hint}", hint = self.hint())]
    Storage(String),
    /// The file does not hold what it should.
    #[error("the journal is damaged: {0}; {hint}", hint = self.hint())]
    Damaged(String),
    /// The file, its log or the log's index lost its name while it was open: what is written may
    /// be found by nobody.
    #[error(
        "the journal, its -wal or its -shm file was moved, removed or replaced while it was open; {}", self.hint())]
    Moved,
    /// The thread that holds the journal is gone: our own bug.
    #[error("the journal's thread has stopped")]
    Gone,
    /// A move that the state machine does not have: our own bug.
    #[error("recipient {position}: {source}")]
    Illegal {
        /// Whose move.
        position: u32,
        /// Which move.
        source: IllegalMove,
    },
    /// An outcome for an attempt that is not open, or with too few or too many verdicts: our own bug.
    #[error("attempt {0} is not open for this outcome")]
    NotOpen(u64),
    /// A cancellation of an attempt that took nobody: our own bug.
    #[error("attempt {0} took nobody who could be taken back")]
    NothingTaken(u64),
    /// A resolution that contradicts itself: our own bug.
    #[error("the decision about recipients in doubt {0}")]
    Contradiction(&'static str),
    /// A claim of nobody, or of recipients that the plan does not have: our own bug.
    #[error("the plan has no {recipients} recipients from position {first} on")]
    OutOfPlan {
        /// The first position.
        first: u32,
        /// How many.
        recipients: u32,
    },
}

impl CommitError {
    /// What to do about it, as its message ends; empty for our own bugs.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Storage(_) => "free space on its disk or close what holds it, nothing was lost",
            Self::Damaged(_) => "keep the file, `volley verify` says more",
            Self::Moved => "bring it back together with its -wal file",
            _ => "",
        }
    }

    /// Whether the same batch may succeed when it is offered again.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Storage(_))
    }
}

/// A journal open for sending: the only truth on disk.
///
/// One process holds it at a time. Opening it settles what a process that is gone left open (it
/// becomes in doubt) before anything else can be asked. Work is handed out from memory and costs
/// no write; only a [`Claim`] is durable, so a crash before it costs nothing. A backend for
/// several machines hands out ranges to a named owner with a lease behind the same calls.
pub trait Journal: Send {
    /// The plan it was created with.
    fn plan(&self) -> &FrozenPlan;

    /// Totals as of the last commit.
    fn standing(&self) -> &Standing;

    /// What opening it found.
    fn recovered(&self) -> Recovered;

    /// Up to `most` chunks of pending recipients at or after `from`, in plan order, each as
    /// full as the plan's terms allow. Recipients in open attempts are not pending.
    ///
    /// A pure function of the states: a caller that has chunks in hand asks from behind them.
    fn next_chunks(&mut self, from: Position, most: usize) -> Result<Vec<Chunk>, CommitError>;

    /// When the requests ended that counted against a rate at `since` or later: an attempt that
    /// was answered counts when it was answered, one that was cut short when that was found out.
    /// At most `most` of them, the latest first.
    fn recent_requests(&mut self, since: UnixMillis, most: usize) -> Result<Vec<UnixMillis>, CommitError>;

    /// How long from `now` on the provider is still to be left alone, as it had asked for before
    /// the journal was opened: an earlier process met "too fast", and the next one must not burst.
    fn silence(&self, now: UnixMillis) -> Duration;

    /// Makes all of `batch` durable, or nothing: when it returns, a power cut cannot undo it.
    ///
    /// A claim that returned has room for its outcome on the disk. An outcome may use that room;
    /// no claim is made until it is there again.
    fn commit(&mut self, batch: &[Write]) -> Result<Vec<Written>, CommitError>;
}

impl Decision {
    pub(crate) const ALL: [Self; 2] = [Self::Accepted, Self::Resend];

    /// The word for it in the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Resend => "resend",
        }
    }

    /// What it does to a recipient in doubt.
    pub(crate) const fn event(self) -> Event {
        match self {
            Self::Accepted => Event::Accept,
            Self::Resend => Event::ResendApproved,
        }
    }
}

impl Evidence {
    /// The word for it in the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Lookup => "lookup",
            Self::Receipt => "receipt",
        }
    }
}

impl CancelResult {
    pub(crate) const ALL: [Self; 5] =
        [Self::Done, Self::Already, Self::TooLate, Self::NotScheduled, Self::Unclear];

    /// The word for it in the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Already => "already",
            Self::TooLate => "too_late",
            Self::NotScheduled => "not_scheduled",
            Self::Unclear => "unclear",
        }
    }
}

impl FrozenPlan {
    /// What its messages are told by at providers that keep a word for us: another one for each
    /// plan that is frozen, the same in every process that sends it.
    pub fn reference(&self) -> Reference {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.hash.whole.to_string().as_bytes());
        hasher.update(&self.created_at.0.to_le_bytes());
        let hash = hasher.finalize();
        let (head, _) = hash.as_bytes().split_first_chunk().expect("32 bytes");
        Reference::from_bits(u64::from_le_bytes(*head))
    }

    /// How requests are filled.
    pub fn batch(&self) -> Batch {
        self.terms.batch
    }
}
