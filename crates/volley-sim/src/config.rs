//! What a gateway is told before it starts: accounts, limits, prices, faults.
//!
//! Everything can be built in code; [`Config::default`] is a gateway without faults that knows
//! the contract's accounts. The files of `volley sim` are read on top of it.

use crate::{
    CallbackRules, DeliveryMix, Face, Records,
    wire::{Breakage, End},
};
use serde::Deserialize;
use std::{
    collections::BTreeSet, fmt, io, num::NonZeroU32, ops::RangeInclusive, path::PathBuf, time::Duration,
};
use volley_core::{Language, Micros, National, Profile, RateCard, UnixMillis};

/// What one gateway is told before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who may call, over all faces. No two accounts of one face share what names them: the key,
    /// the account or the user name.
    pub accounts: Vec<Account>,
    /// What messages cost. A card in `CREDIT` or `CREDITS` prices ME-SMS alone, any other one
    /// all faces but that. What no card prices costs a part 1 credit with ME-SMS, 0.015 with
    /// MultiTEL and 0.05 with the others. `Rounding::Total` is for an invoice over all messages,
    /// which this gateway never writes: it rounds nothing here.
    pub prices: Option<RateCard>,
    /// What latencies, chances and ids depend on.
    pub seed: u64,
    /// How long every answer takes, drawn evenly for each request.
    pub latency: RangeInclusive<Duration>,
    /// What goes wrong and when; the first that applies to a request is the one that happens.
    pub faults: Vec<Fault>,
    /// Which messages are billed one part more than the account's profile counts: on the bill, in
    /// the reply, and in the ledger. One that is named twice is still billed one part more. It
    /// keeps no fault away, and a dry run does not show it.
    pub extra_parts: Vec<Messages>,
    /// What becomes of messages that were taken.
    pub delivery: DeliveryMix,
    /// How it answers about them later.
    pub records: Records,
    /// How it calls those who want to be told.
    pub callbacks: CallbackRules,
    /// Where the ledger is written, or `None`. A file that exists is added to. What is cancelled
    /// stands in a file beside it, whose name ends in `.cancelled`, from the first one on.
    pub ledger_file: Option<PathBuf>,
    /// Whether the ledger is kept in memory too, for [`Gateway::ledger`]: 8 bytes a recipient, and
    /// 24 for each run of neighbours that are charged the same.
    ///
    /// [`Gateway::ledger`]: crate::Gateway::ledger
    pub keep_ledger: bool,
    /// The wall clock when the gateway starts: what ledger times and schedules are counted from.
    /// `None`: [`Server::start`] asks the clock, a gateway without a server starts in 1970.
    ///
    /// [`Server::start`]: crate::Server::start
    pub started_at: Option<UnixMillis>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            accounts: Face::ALL.map(Account::new).into(),
            prices: None,
            seed: 0,
            latency: Duration::ZERO..=Duration::ZERO,
            faults: Vec::new(),
            extra_parts: Vec::new(),
            delivery: DeliveryMix::default(),
            records: Records::default(),
            callbacks: CallbackRules::default(),
            ledger_file: None,
            keep_ledger: true,
            started_at: None,
        }
    }
}

impl Config {
    /// The same gateway with `limit` for every account; `None` is no limit.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<&Limit>) -> Self {
        self.set_limit(limit);
        self
    }

    pub(crate) fn set_limit(&mut self, limit: Option<&Limit>) {
        self.accounts.iter_mut().for_each(|account| account.limit = limit.cloned());
    }

    /// Whether a gateway can be built from it.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for (index, account) in self.accounts.iter().enumerate() {
            let same = |other: &Account| other.face == account.face && other.key == account.key;
            if self.accounts[..index].iter().any(same) {
                return Err(ConfigError::SharedKey(account.face));
            }
            account.check()?;
        }
        if self.latency.is_empty() {
            return Err(ConfigError::Latency);
        }
        self.delivery.check()?;
        self.records.check()?;
        self.callbacks.check()?;
        self.faults.iter().try_for_each(Fault::check)?;
        self.extra_parts.iter().try_for_each(Messages::check)
    }
}

/// One account with a provider. The provider pages say nothing for certain about the fields that
/// are marked as assumed, so they are settings.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose account it is.
    pub face: Face,
    /// What names it: the API key; the account with Fone Dynamics, the user name with MultiTEL.
    pub key: String,
    /// What proves it: the API secret; the token with Fone Dynamics, the password with MultiTEL.
    /// ME-SMS and MaxoTel have none and do not look at it.
    pub secret: String,
    /// What stands in the paths of Fone Dynamics; the others do not look at it.
    pub property: String,
    /// What is left: credits for ME-SMS (`Micros(1_000_000)` is one), money for all others.
    /// `None`: without end, shown as 1,000,000 where it is asked for.
    pub balance: Option<Micros>,
    /// How many calls it may make; `None`: as many as it likes.
    pub limit: Option<Limit>,
    /// The senders it may use; `None`: every well-formed one, and none is listed.
    pub senders: Option<Vec<String>>,
    /// The senders that it asked for and may not use yet; ME-SMS lists them.
    pub pending_senders: Vec<String>,
    /// Whether it may send; TransmitSMS answers `NO_ACCESS` where it may not, the others 403.
    pub may_send: bool,
    /// Recipients that one request may carry. TransmitSMS documents 500 now and 10,000 before,
    /// ME-SMS 2,000,000; 100 with Fone Dynamics is assumed. The other two take one.
    pub max_recipients: u32,
    /// Assumed: what a number that stands twice in one request means.
    pub duplicates: Duplicates,
    /// Assumed: whether ME-SMS takes numbers of other countries than Thailand, and MultiTEL of
    /// others than its own area, in international digits. MaxoTel takes Australian ones alone,
    /// TransmitSMS and Fone Dynamics take all, whatever this says.
    pub foreign_numbers: bool,
    /// Assumed: what else its provider's pages leave open.
    pub habits: Habits,
    /// How texts are counted into the parts that are billed. The longest text is the provider's,
    /// whatever the profile says, and nothing is folded.
    pub profile: Profile,
    /// The decimals, 0 to 6, that the price of a request is rounded to, halves away from zero; it
    /// is charged as rounded. At 6 nothing is lost. TransmitSMS documents 3.
    pub cost_decimals: u8,
}

impl Account {
    /// The contract's account with this face: `sim-key` and `sim-secret`, or what the provider
    /// has in their place, no end of money, and the rate that the provider's clients assume
    /// (Fone Dynamics 10 a second, ME-SMS and MaxoTel 5, TransmitSMS and MultiTEL 2). It counts
    /// as the standard does and rounds nothing.
    pub fn new(face: Face) -> Self {
        let (rate, max_recipients, duplicates) = match face {
            Face::TransmitSms => (2, 500, Duplicates::Refuse),
            Face::MeSms => (5, 2_000_000, Duplicates::Charge),
            Face::MaxoTel => (5, 1, Duplicates::Charge),
            Face::FoneDynamics => (10, 100, Duplicates::Charge),
            Face::MultiTel => (2, 1, Duplicates::Charge),
        };
        let (key, secret) = match face {
            Face::TransmitSms | Face::MeSms | Face::MaxoTel => ("sim-key", "sim-secret"),
            Face::FoneDynamics => ("sim-account", "sim-token"),
            Face::MultiTel => ("sim-user", "sim-password"),
        };
        Self {
            face,
            key: key.to_owned(),
            secret: secret.to_owned(),
            property: "sim-property".to_owned(),
            balance: None,
            limit: NonZeroU32::new(rate).map(Limit::per_second),
            senders: None,
            pending_senders: Vec::new(),
            may_send: true,
            max_recipients,
            duplicates,
            foreign_numbers: face != Face::MultiTel,
            habits: Habits::default(),
            profile: Profile::STANDARD,
            cost_decimals: 6,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.cost_decimals > 6 {
            return Err(ConfigError::CostDecimals(self.cost_decimals));
        }
        if let National::Use(shifts) = self.profile.national
            && let Some(language) = shifts.locking.filter(|language| !language.has_locking())
        {
            return Err(ConfigError::NoLockingTable(language));
        }
        self.limit.as_ref().map_or(Ok(()), Limit::check)
    }
}

/// What an account does where its provider's pages say two things, or nothing. Every face looks
/// at its own alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// MaxoTel: how it says that a message was taken.
    pub receipt: Receipt,
    /// MultiTEL: what `status.code` is.
    pub code: CodeForm,
    /// MultiTEL: where a refusal shows.
    pub errors: ErrorPlace,
    /// MultiTEL: whether `chars` is the text's length; the provider's sample has 0.
    pub counts_chars: bool,
    /// Fone Dynamics: what surrounds the results of a batch.
    pub batch_reply: BatchReply,
    /// Fone Dynamics: whether a leased number takes the place of a name as the sender where names
    /// cannot be shown, in the United States and Canada.
    pub replaces_names: bool,
    /// Fone Dynamics: whether its answers name the caller's id of a message.
    pub echoes_external_id: bool,
}

impl Default for Habits {
    /// What the provider pages show.
    fn default() -> Self {
        Self {
            receipt: Receipt::Json,
            code: CodeForm::Text,
            errors: ErrorPlace::Body,
            counts_chars: true,
            batch_reply: BatchReply::Bare,
            replaces_names: true,
            echoes_external_id: true,
        }
    }
}

/// How MaxoTel says that a message was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// An object with the message's id, parts and price.
    Json,
    /// The word `Successfully` as plain text, as relabelled hosts are said to do.
    Plain,
}

/// What the code in the body of MultiTEL's answers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeForm {
    /// Digits as text, as `sendsms` shows it.
    Text,
    /// A number, as other calls show it.
    Number,
}

/// Where MultiTEL shows that it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorPlace {
    /// In the body alone: the HTTP status is 200.
    Body,
    /// In the HTTP status as well.
    Status,
}

/// What surrounds the results of a Fone Dynamics batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchReply {
    /// Nothing: the answer is a list.
    Bare,
    /// An object that holds the list as `Messages`.
    Wrapped,
}

/// Shows no key and no secret.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("face", &self.face)
            .field("balance", &self.balance)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// What a number that stands twice in one request means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// The request is refused.
    Refuse,
    /// The message is taken, and charged, once for each time.
    Charge,
}

/// How many calls an account may make, and what it hears when it makes more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How calls are counted.
    pub kind: LimitKind,
    /// Calls in one window.
    pub requests: NonZeroU32,
    /// The window, above zero.
    pub window: Duration,
    /// The `Retry-After` of a refusal, as it stands; no provider documents one.
    pub retry_after: Option<String>,
}

/// How calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// So many in each window; windows follow each other from the gateway's start.
    FixedWindow,
    /// So many in any window, wherever it starts. The strictest.
    SlidingLog,
    /// So many at once, and as many again for each window that passes.
    TokenBucket,
}

impl Limit {
    /// At most `requests` in any second.
    pub const fn per_second(requests: NonZeroU32) -> Self {
        Self { kind: LimitKind::SlidingLog, requests, window: Duration::from_secs(1), retry_after: None }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.window.is_zero() {
            return Err(ConfigError::Window);
        }
        check_header(self.retry_after.as_deref())
    }
}

/// Something that goes wrong, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Which requests it happens to.
    pub when: When,
    /// What happens.
    pub what: Mischief,
    /// Among which requests `when` counts.
    pub among: Among,
}

/// What requests are for, and connections. Each kind is numbered by itself, so that a question more
/// or less moves no fault from one send call to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Among {
    /// Calls that send, well formed or not.
    #[default]
    Sends,
    /// Everything else: prices asked for, balances, senders, reports, cancellations.
    Questions,
    /// Connections, from the moment that they are accepted.
    Connections,
}

/// Which requests a fault happens to. Requests of one kind are numbered from 1 in the order in
/// which their heads arrive, over all faces and accounts; connections in the order in which they
/// are accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// This one.
    Request(u64),
    /// All from the first to the last, both included.
    Requests {
        /// At least 1.
        first: u64,
        /// At least `first`.
        last: u64,
    },
    /// Each that this number divides.
    Every(u64),
    /// Each with this probability, 0 to 1, by the seed.
    Chance(f64),
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// The provider's own 429, whatever the account's limit says; not an overrun.
    Throttle {
        /// Its `Retry-After`, as it stands: seconds, an HTTP date, or nonsense.
        retry_after: Option<String>,
    },
    /// A page of HTML with this status from something in front of the gateway; nothing is taken.
    ErrorBefore {
        /// 400 to 599.
        status: u16,
    },
    /// The request is served as ever, then a page of HTML with this status is the answer.
    ErrorAfter {
        /// 400 to 599.
        status: u16,
    },
    /// The request is served, and the connection closes instead of the reply.
    CommitThenDrop,
    /// The connection is reset when the head has been read and before its body is.
    Reset,
    /// Nothing ever comes back.
    Stall {
        /// Whether the request is served.
        taken: bool,
    },
    /// The request is served, and the connection closes in mid-reply.
    Truncate {
        /// Bytes of the body that still leave.
        bytes: usize,
    },
    /// Status 200 with a page of HTML, as a log-in page gives.
    Rubbish {
        /// Whether the request is served.
        taken: bool,
    },
    /// The request is served and charged as ever, and the reply does not name its price: `cost`,
    /// `credits` or `price` is missing. Fone Dynamics never names one.
    NoPrice,
    /// The request is served, and its reply comes later than it would.
    Late {
        /// How much later.
        by: Duration,
    },
    /// The request is served, and its reply is broken below HTTP.
    Broken(Breakage),
    /// The connection ends in the middle of a request, or before it; nothing is taken. It happens
    /// to connections alone, and nothing else happens to them.
    HangUp {
        /// Bytes that are still read.
        bytes: u64,
        /// How the connection ends then.
        end: End,
    },
}

impl Fault {
    /// `what` happens to send calls.
    pub const fn new(when: When, what: Mischief) -> Self {
        Self { when, what, among: Among::Sends }
    }

    /// `what` happens to send call number `request`.
    pub const fn at(request: u64, what: Mischief) -> Self {
        Self::new(When::Request(request), what)
    }

    /// The same to a question: everything that is no send call.
    pub const fn at_question(question: u64, what: Mischief) -> Self {
        Self { when: When::Request(question), what, among: Among::Questions }
    }

    /// Connection number `connection` ends as `end` says once so many bytes of it were read.
    pub const fn at_connection(connection: u64, bytes: u64, end: End) -> Self {
        let what = Mischief::HangUp { bytes, end };
        Self { when: When::Request(connection), what, among: Among::Connections }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match self.when {
            When::Request(request) => check_requests(request, request)?,
            When::Requests { first, last } => check_requests(first, last)?,
            When::Every(0) => return Err(ConfigError::RequestZero),
            When::Every(_) => {}
            When::Chance(chance) => check_chance(chance)?,
        }
        if (self.among == Among::Connections) != matches!(self.what, Mischief::HangUp { .. }) {
            return Err(ConfigError::HangUp);
        }
        match &self.what {
            Mischief::Throttle { retry_after } => check_header(retry_after.as_deref()),
            Mischief::ErrorBefore { status } | Mischief::ErrorAfter { status }
                if !(400..=599).contains(status) =>
            {
                Err(ConfigError::Status(*status))
            }
            _ => Ok(()),
        }
    }
}

/// Which messages a fault of the bill happens to. Messages are numbered from 1 in the order in
/// which they are taken, over all faces and accounts.
#[derive(Clone, Debug, PartialEq)]
pub enum Messages {
    /// Those with these numbers; at least one of them.
    Numbered(BTreeSet<u64>),
    /// Each whose number this one divides.
    Every(u64),
    /// All of the requests from the first to the last, both included.
    OfRequests {
        /// At least 1.
        first: u64,
        /// At least `first`.
        last: u64,
    },
    /// Each with this probability, 0 to 1, by the seed.
    Chance(f64),
}

impl Messages {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Numbered(numbers) if numbers.is_empty() => Err(ConfigError::NoMessage),
            Self::Numbered(numbers) if numbers.contains(&0) => Err(ConfigError::MessageZero),
            Self::Every(0) => Err(ConfigError::MessageZero),
            Self::Numbered(_) | Self::Every(_) => Ok(()),
            Self::OfRequests { first, last } => check_requests(*first, *last),
            Self::Chance(chance) => check_chance(*chance),
        }
    }
}

fn check_requests(first: u64, last: u64) -> Result<(), ConfigError> {
    match (first, last) {
        (0, _) => Err(ConfigError::RequestZero),
        _ if last < first => Err(ConfigError::RequestRange { first, last }),
        _ => Ok(()),
    }
}

pub(crate) fn check_chance(chance: f64) -> Result<(), ConfigError> {
    if (0.0..=1.0).contains(&chance) { Ok(()) } else { Err(ConfigError::Chance(chance)) }
}

/// What can stand in a header: printable ASCII.
fn check_header(text: Option<&str>) -> Result<(), ConfigError> {
    let fits = |text: &str| text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    text.is_none_or(fits).then_some(()).ok_or(ConfigError::RetryAfter)
}

/// Why no gateway can be built from a [`Config`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Two accounts that a request could not tell apart.
    #[error("two {} accounts have the same {}; give each its own", .0.word(), .0.key_word())]
    SharedKey(Face),
    /// The shortest latency is above the longest.
    #[error("the shortest latency is above the longest; write the shorter one first")]
    Latency,
    /// A limit's window is empty.
    #[error("a limit needs a window above zero")]
    Window,
    /// `Retry-After` holds what no header can.
    #[error("`retry_after` holds more than printable ASCII, which no header can carry")]
    RetryAfter,
    /// There is no request number 0.
    #[error("requests are numbered from 1, and `every` is at least 1")]
    RequestZero,
    /// There is no message number 0.
    #[error("messages are numbered from 1, and `every` is at least 1")]
    MessageZero,
    /// A list of messages without any.
    #[error("`messages` names none; write their numbers, or remove the fault")]
    NoMessage,
    /// A range that ends before it starts.
    #[error("no request lies in {first} to {last}; write the lower number first")]
    RequestRange {
        /// Its first request.
        first: u64,
        /// Its last request.
        last: u64,
    },
    /// Not a probability.
    #[error("`chance` is a probability, 0 to 1, and {0} is not")]
    Chance(f64),
    /// Requests that hang up, or connections that do something else.
    #[error("only connections hang up, and nothing else happens to them")]
    HangUp,
    /// Not a status that means failure.
    #[error("`status` {0} is no error; use 400 to 599, or kind `rubbish` for 200 with HTML")]
    Status(u16),
    /// Shares of more than everything.
    #[error("the shares of a delivery mix are 0 to 1 each and at most 1 together")]
    DeliveryShares,
    /// The shortest delay is above the longest.
    #[error("the shortest delivery delay is above the longest; write the shorter one first")]
    DeliveryDelay,
    /// More than the digits of an id can be turned.
    #[error("`lookalikes` is 0 to 9, and {0} is not")]
    Lookalikes(u8),
    /// Not a status that a refused cancel has.
    #[error("`cancel_refusal` is 400 or 409, and {0} is not")]
    CancelRefusal(u16),
    /// Finer than a millionth.
    #[error("`cost_decimals` is 0 to 6, and {0} is not")]
    CostDecimals(u8),
    /// A language with a single shift table only.
    #[error("{0} has no locking shift table; use it as `single`")]
    NoLockingTable(Language),
    /// The ledger could not be opened.
    #[error("the ledger {} cannot be opened for writing; nothing was started", path.display())]
    Ledger {
        /// Where it was to be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
