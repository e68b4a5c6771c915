//! The `--faults` and `--accounts` files of `volley sim`, read on top of a [`Config`].
//!
//! Their forms stand at [`Config::read_faults`] and [`Config::read_accounts`]. Unknown keys are
//! errors, and so are settings that would do nothing. Not here: opening files.

use crate::{Account, Config, Duplicates, Face, Fault, Limit, LimitKind, Messages, Mischief, When};
use serde::Deserialize;
use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};
use toml::Spanned;
use volley_core::{Alphabet, BreakAt, ConcatRef, LanguageFault, Micros, National, Profile, Rate, Shifts};

/// Why a faults or accounts file is not understood: no TOML, an unknown key, a value of the wrong
/// kind or out of range, or settings that make no sense together. It never shows the line itself,
/// which may hold a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct FileFault {
    /// From 1: where the setting or its table begins.
    pub line: usize,
    /// What is wrong, and what could stand there.
    pub reason: String,
}

impl Config {
    /// Reads a faults file: the seed, the latency and the limiter replace what was set, the
    /// faults come after those already there. This one shows every setting but those of a kind:
    ///
    /// ```toml
    /// seed = 7                        # what latencies and chances depend on
    /// latency_ms = [20, 120]          # shortest and longest
    ///
    /// [limiter]                       # for every account
    /// kind = "sliding_log"            # fixed_window | sliding_log | token_bucket | none
    /// requests = 2                    # all but none
    /// window_ms = 1000                # all but none
    /// retry_after = "2"               # optional; any text, absent: no header
    ///
    /// [[fault]]                       # the first that applies to a request happens
    /// request = 7                     # or: requests = [3, 9] | every = 10 | chance = 0.01
    /// kind = "commit_then_drop"
    /// ```
    ///
    /// | kind | what happens | settings |
    /// |---|---|---|
    /// | `throttle` | the provider's own 429, nothing taken | `retry_after`: text of the header |
    /// | `error_before` | an HTML page, nothing taken | `status`, default 500 |
    /// | `error_after` | taken, then an HTML page | `status`, default 500 |
    /// | `commit_then_drop` | taken, then the connection closes | |
    /// | `reset` | the connection is reset before the body is read | |
    /// | `stall` | no reply ever | `taken`, default true |
    /// | `truncate` | taken, then the reply's body is cut | `bytes` that still leave, default 0 |
    /// | `rubbish` | 200 with an HTML page | `taken`, default false |
    /// | `no_price` | taken and charged, and the reply names no price | |
    /// | `extra_part` | messages are billed one part more than they have | see below |
    ///
    /// `extra_part` chooses messages instead of requests, keeps no other fault away, and is not
    /// kept away by one. Messages are numbered from 1 in the order in which they are taken.
    ///
    /// ```toml
    /// [[fault]]
    /// kind = "extra_part"
    /// messages = [3, 17]              # these; or: every = 10 | chance = 0.01, of the messages
    ///                                 # or all messages of: request = 7 | requests = [3, 9]
    /// ```
    ///
    /// # Errors
    /// [`FileFault`], with the line; nothing is changed then.
    pub fn read_faults(&mut self, text: &str) -> Result<(), FileFault> {
        let file: FaultsFile = parse(text)?;
        let latency = file.latency_ms.map(|written| latency(text, &written)).transpose()?;
        let limit = file.limiter.map(|written| limit(text, &written)).transpose()?;
        let (mut faults, mut extra_parts) = (Vec::new(), Vec::new());
        for written in &file.fault {
            match fault(text, written)? {
                Strikes::Requests(fault) => faults.push(fault),
                Strikes::Messages(messages) => extra_parts.push(messages),
            }
        }
        self.seed = file.seed.unwrap_or(self.seed);
        if let Some(latency) = latency {
            self.latency = latency;
        }
        if let Some(limit) = limit {
            self.set_limit(limit.as_ref());
        }
        self.faults.extend(faults);
        self.extra_parts.extend(extra_parts);
        Ok(())
    }

    /// Reads an accounts file and adds its accounts; one with the face and key of a known account
    /// takes that one's place.
    ///
    /// ```toml
    /// [[account]]
    /// face = "transmitsms"            # transmitsms | mesms
    /// key = "another-key"
    /// secret = "another-secret"       # TransmitSMS only
    /// balance = "12.50"               # money or credits; absent: without end
    /// rate = "2/s"                    # or "none"; absent: the provider's usual
    /// senders = ["ShopAlert"]         # absent: every well-formed one
    /// may_send = true
    /// max_recipients = 500
    /// duplicates = "refuse"           # refuse | charge
    /// # foreign_numbers = true        # ME-SMS only: numbers of other countries too
    /// cost_decimals = 3               # a request's price is rounded to them; absent: 6, exact
    ///
    /// # How it counts the parts that it bills; absent: as the standard does.
    /// concat_ref = 16                 # 8 | 16: bits of the reference in each of several parts
    /// break = "grapheme"              # char | grapheme: what is never cut in half
    /// allow = ["turkish", "spanish"]  # national tables that it uses where they save parts
    /// # locking = "turkish"           # or, instead of allow, the tables that it always uses,
    /// # single = "turkish"            # one or both
    /// without = "€"                   # characters that its GSM-7 lacks
    /// ```
    ///
    /// # Errors
    /// [`FileFault`], with the line; nothing is changed then.
    pub fn read_accounts(&mut self, text: &str) -> Result<(), FileFault> {
        let file: AccountsFile = parse(text)?;
        let accounts: Vec<Account> =
            file.account.iter().map(|written| account(text, written)).collect::<Result<_, _>>()?;
        let replaced = |old: &Account| {
            accounts.iter().any(|account| (account.face, &account.key) == (old.face, &old.key))
        };
        self.accounts.retain(|old| !replaced(old));
        self.accounts.extend(accounts);
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsFile {
    seed: Option<u64>,
    latency_ms: Option<Spanned<[u32; 2]>>,
    limiter: Option<Spanned<WrittenLimiter>>,
    #[serde(default)]
    fault: Vec<Spanned<WrittenFault>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLimiter {
    kind: WrittenLimitKind,
    requests: Option<NonZeroU32>,
    window_ms: Option<NonZeroU32>,
    retry_after: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenLimitKind {
    FixedWindow,
    SlidingLog,
    TokenBucket,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFault {
    request: Option<u64>,
    requests: Option<[u64; 2]>,
    messages: Option<BTreeSet<u64>>,
    every: Option<u64>,
    chance: Option<f64>,
    kind: WrittenFaultKind,
    status: Option<u16>,
    taken: Option<bool>,
    retry_after: Option<String>,
    bytes: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenFaultKind {
    Throttle,
    ErrorBefore,
    ErrorAfter,
    CommitThenDrop,
    Reset,
    Stall,
    Truncate,
    Rubbish,
    NoPrice,
    ExtraPart,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountsFile {
    #[serde(default)]
    account: Vec<Spanned<WrittenAccount>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAccount {
    face: WrittenFace,
    key: String,
    secret: Option<String>,
    balance: Option<String>,
    rate: Option<String>,
    senders: Option<Vec<String>>,
    may_send: Option<bool>,
    max_recipients: Option<NonZeroU32>,
    duplicates: Option<WrittenDuplicates>,
    foreign_numbers: Option<bool>,
    cost_decimals: Option<u8>,
    concat_ref: Option<u8>,
    #[serde(rename = "break")]
    break_at: Option<WrittenBreak>,
    allow: Option<Vec<String>>,
    locking: Option<String>,
    single: Option<String>,
    without: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenFace {
    TransmitSms,
    MeSms,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenDuplicates {
    Refuse,
    Charge,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenBreak {
    Char,
    Grapheme,
}

/// What a `[[fault]]` means.
enum Strikes {
    Requests(Fault),
    /// Which are billed a part too many.
    Messages(Messages),
}

fn latency(text: &str, written: &Spanned<[u32; 2]>) -> Result<std::ops::RangeInclusive<Duration>, FileFault> {
    let [shortest, longest] = *written.get_ref();
    if shortest > longest {
        return Err(at(text, written, "latency_ms is [shortest, longest]; write the smaller one first"));
    }
    let millis = |count: u32| Duration::from_millis(count.into());
    Ok(millis(shortest)..=millis(longest))
}

/// The limit of a `[limiter]` table; `None` where it says `none`.
fn limit(text: &str, written: &Spanned<WrittenLimiter>) -> Result<Option<Limit>, FileFault> {
    let WrittenLimiter { kind, requests, window_ms, retry_after } = written.get_ref();
    let kind = match kind {
        WrittenLimitKind::FixedWindow => LimitKind::FixedWindow,
        WrittenLimitKind::SlidingLog => LimitKind::SlidingLog,
        WrittenLimitKind::TokenBucket => LimitKind::TokenBucket,
        WrittenLimitKind::None => {
            if requests.is_some() || window_ms.is_some() || retry_after.is_some() {
                return Err(at(text, written, "kind `none` takes no other settings; remove them"));
            }
            return Ok(None);
        }
    };
    let (Some(requests), Some(window_ms)) = (*requests, *window_ms) else {
        return Err(at(text, written, "a limiter needs `requests` and `window_ms`"));
    };
    let window = Duration::from_millis(window_ms.get().into());
    let limit = Limit { kind, requests, window, retry_after: retry_after.clone() };
    limit.check().map_err(|fault| at(text, written, &fault))?;
    Ok(Some(limit))
}

fn fault(text: &str, written: &Spanned<WrittenFault>) -> Result<Strikes, FileFault> {
    use {Mischief as M, WrittenFaultKind as K};
    let WrittenFault { messages, kind, status, taken, retry_after, bytes, .. } = written.get_ref();
    let idle = [
        ("messages", messages.is_some() && *kind != K::ExtraPart),
        ("status", status.is_some() && !matches!(kind, K::ErrorBefore | K::ErrorAfter)),
        ("taken", taken.is_some() && !matches!(kind, K::Stall | K::Rubbish)),
        ("retry_after", retry_after.is_some() && *kind != K::Throttle),
        ("bytes", bytes.is_some() && *kind != K::Truncate),
    ];
    if let Some((name, _)) = idle.iter().find(|(_, idle)| *idle) {
        return Err(at(text, written, &format!("`{name}` does nothing for this kind; remove it")));
    }
    let what = match kind {
        K::ExtraPart => return extra_parts(text, written).map(Strikes::Messages),
        K::Throttle => M::Throttle { retry_after: retry_after.clone() },
        K::ErrorBefore => M::ErrorBefore { status: status.unwrap_or(500) },
        K::ErrorAfter => M::ErrorAfter { status: status.unwrap_or(500) },
        K::CommitThenDrop => M::CommitThenDrop,
        K::Reset => M::Reset,
        K::Stall => M::Stall { taken: taken.unwrap_or(true) },
        K::Truncate => M::Truncate { bytes: bytes.unwrap_or(0) },
        K::Rubbish => M::Rubbish { taken: taken.unwrap_or(false) },
        K::NoPrice => M::NoPrice,
    };
    let WrittenFault { request, requests, every, chance, .. } = written.get_ref();
    let when = match (request, requests, every, chance) {
        (Some(request), None, None, None) => When::Request(*request),
        (None, Some([first, last]), None, None) => When::Requests { first: *first, last: *last },
        (None, None, Some(step), None) => When::Every(*step),
        (None, None, None, Some(chance)) => When::Chance(*chance),
        _ => {
            let reason = "a fault needs exactly one of `request`, `requests`, `every` and `chance`";
            return Err(at(text, written, reason));
        }
    };
    let fault = Fault { when, what };
    fault.check().map_err(|reason| at(text, written, &reason))?;
    Ok(Strikes::Requests(fault))
}

/// The messages of a fault of kind `extra_part`.
fn extra_parts(text: &str, written: &Spanned<WrittenFault>) -> Result<Messages, FileFault> {
    let WrittenFault { request, requests, messages, every, chance, .. } = written.get_ref();
    let messages = match (request, requests, messages, every, chance) {
        (Some(request), None, None, None, None) => Messages::OfRequests { first: *request, last: *request },
        (None, Some([first, last]), None, None, None) => Messages::OfRequests { first: *first, last: *last },
        (None, None, Some(numbers), None, None) => Messages::Numbered(numbers.clone()),
        (None, None, None, Some(step), None) => Messages::Every(*step),
        (None, None, None, None, Some(chance)) => Messages::Chance(*chance),
        _ => {
            let reason = "an extra part needs exactly one of `messages`, `every`, `chance`, `request` \
                          and `requests`";
            return Err(at(text, written, reason));
        }
    };
    messages.check().map_err(|reason| at(text, written, &reason))?;
    Ok(messages)
}

fn account(text: &str, written: &Spanned<WrittenAccount>) -> Result<Account, FileFault> {
    let wrong = |reason: &str| at(text, written, reason);
    let account = written.get_ref();
    let face = match account.face {
        WrittenFace::TransmitSms => Face::TransmitSms,
        WrittenFace::MeSms => Face::MeSms,
    };
    let secret = match (face, &account.secret) {
        (Face::TransmitSms, Some(secret)) => secret.clone(),
        (Face::MeSms, None) => String::new(),
        (Face::TransmitSms, None) => return Err(wrong("a transmitsms account needs a `secret`")),
        (Face::MeSms, Some(_)) => return Err(wrong("a mesms account has no `secret`; remove it")),
    };
    if face == Face::TransmitSms && account.foreign_numbers.is_some() {
        return Err(wrong("`foreign_numbers` is for mesms; transmitsms takes all countries; remove it"));
    }
    let balance = account.balance.as_deref().map(str::parse::<Micros>).transpose();
    let balance = balance.map_err(|fault| at(text, written, &fault))?;
    let usual = Account::new(face);
    let limit = match account.rate.as_deref() {
        None => usual.limit.clone(),
        Some("none") => None,
        Some(rate) => {
            let rate: Rate = rate.parse().map_err(|fault| at(text, written, &fault))?;
            let (requests, window) = (rate.count(), rate.window());
            Some(Limit { kind: LimitKind::SlidingLog, requests, window, retry_after: None })
        }
    };
    let account = Account {
        face,
        key: account.key.clone(),
        secret,
        balance,
        limit,
        senders: account.senders.clone(),
        may_send: account.may_send.unwrap_or(usual.may_send),
        max_recipients: account.max_recipients.map_or(usual.max_recipients, NonZeroU32::get),
        duplicates: match account.duplicates {
            None => usual.duplicates,
            Some(WrittenDuplicates::Refuse) => Duplicates::Refuse,
            Some(WrittenDuplicates::Charge) => Duplicates::Charge,
        },
        foreign_numbers: account.foreign_numbers.unwrap_or(usual.foreign_numbers),
        profile: profile(account).map_err(|reason| wrong(&reason))?,
        cost_decimals: account.cost_decimals.unwrap_or(usual.cost_decimals),
    };
    account.check().map_err(|fault| at(text, written, &fault))?;
    Ok(account)
}

/// How an account counts, or what is wrong with it.
fn profile(account: &WrittenAccount) -> Result<Profile, String> {
    let usual = Profile::STANDARD;
    Ok(Profile {
        concat_ref: match account.concat_ref {
            None => usual.concat_ref,
            Some(8) => ConcatRef::Bits8,
            Some(16) => ConcatRef::Bits16,
            Some(other) => return Err(format!("`concat_ref` is 8 or 16, and {other} is not")),
        },
        break_at: match account.break_at {
            None => usual.break_at,
            Some(WrittenBreak::Char) => BreakAt::Character,
            Some(WrittenBreak::Grapheme) => BreakAt::Grapheme,
        },
        national: national(account)?,
        alphabet: match account.without.as_deref() {
            None => usual.alphabet,
            Some(missing) if !missing.is_empty() && usual.forcing(missing).next().is_none() => {
                Alphabet::Without(missing.to_owned())
            }
            Some(_) => return Err("`without` names characters of GSM-7, such as \"€\"".to_owned()),
        },
        ..usual
    })
}

/// The national tables of an account, or what is wrong with them.
fn national(account: &WrittenAccount) -> Result<National, String> {
    let language = |name: &String| name.parse().map_err(|fault: LanguageFault| fault.to_string());
    let table = |name: &Option<String>| name.as_ref().map(language).transpose();
    let shifts = Shifts { locking: table(&account.locking)?, single: table(&account.single)? };
    match (&account.allow, shifts == Shifts::default()) {
        (None, true) => Ok(National::Never),
        (None, false) => Ok(National::Use(shifts)),
        (Some(names), true) if !names.is_empty() => {
            names.iter().map(language).collect::<Result<_, _>>().map(National::Allow)
        }
        (Some(_), true) => Err("`allow` names no language; name one, or remove it".to_owned()),
        (Some(_), false) => {
            Err("`allow` excludes `locking` and `single`; remove one or the other".to_owned())
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, FileFault> {
    toml::from_str(text).map_err(|fault| {
        let start = fault.span().map_or(0, |span| span.start);
        FileFault { line: line_of(text, start), reason: fault.message().to_owned() }
    })
}

/// A fault at the line where `written` begins.
fn at<T>(text: &str, written: &Spanned<T>, reason: &(impl ToString + ?Sized)) -> FileFault {
    FileFault { line: line_of(text, written.span().start), reason: reason.to_string() }
}

/// The line, from 1, that byte `at` of `text` is on.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1
}
