//! The `--faults` and `--accounts` files of `volley sim`, read on top of a [`Config`].
//!
//! Their forms stand at [`Config::read_faults`] and [`Config::read_accounts`]. Unknown keys are
//! errors, and so are settings that would do nothing. Not here: opening files.

mod faults; // one fault
mod sections; // delivery, records, callbacks

use crate::{
    Account, BatchReply, CodeForm, Config, Duplicates, ErrorPlace, Face, Habits, Limit, LimitKind, Receipt,
};
use faults::{Strikes, WrittenFault, fault};
use sections::{WrittenCallbacks, WrittenDelivery, WrittenRecords};
use serde::Deserialize;
use std::{num::NonZeroU32, time::Duration};
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
    /// among = "sends"                 # sends | questions, each numbered by itself
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
    /// | `late` | taken, and the reply comes later | `delay_ms`, default 60000 |
    /// | `cut` | taken, then the whole reply is cut, its head included | `bytes` that still leave, default 0; `end` |
    /// | `drip` | taken, then the reply leaves in drops | `bytes` of a drop, default 1; `pause_ms` between them, default 1000 |
    /// | `doubled` | taken, and the reply leaves twice | `pause_ms` before the second, default 0: one piece |
    /// | `two_lengths` | taken, and the head of the reply says two lengths | |
    /// | `continues` | taken, then `100 Continue` without end | |
    /// | `header_flood` | taken, and the reply has more headers | `headers`, default 200; `bytes` of each value, default 20 |
    /// | `padded` | taken, and blanks follow the reply's body | `bytes` of the body then, default 1 GiB |
    /// | `bomb` | taken, then a small body that unpacks to 512 MiB | `encoding`: `gzip`, the default, `br`, `zstd` |
    /// | `hang_up` | a connection ends before a request is whole, nothing taken | `bytes` still read, default 0; `end` |
    /// | `extra_part` | messages are billed one part more than they have | see below |
    ///
    /// `end` is how a connection ends: `close`, which `cut` does where nothing is said, `reset`, which
    /// `hang_up` does, or `silence`, with the connection open and nothing read or written any more.
    ///
    /// `hang_up` chooses connections instead of requests, numbered from 1 in the order in which they
    /// are accepted, so it has no `among`.
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
    /// What comes after a message was taken, with what holds where nothing is written. Shares and
    /// chances are 0 to 1 and drawn for each message:
    ///
    /// ```toml
    /// [delivery]                      # shares; the rest is delivered
    /// failed = 0.03                   # handset off
    /// invalid = 0.01                  # no such number
    /// blocked = 0.01
    /// expired = 0.02
    /// timeout = 0.01                  # the provider gives up waiting for a report
    /// pending = 0.0                   # no report ever comes
    /// delay_ms = [200, 3000]          # shortest and longest until that is known
    ///
    /// [records]
    /// processing_ms = 1000            # how long sending takes; no cancelling then
    /// lag_ms = 0                      # lists do not show what is younger
    /// # retention_ms = 60000          # absent: nothing is ever forgotten
    /// lookalikes = 0                  # 0 to 9: other traffic planted beside each message taken
    /// cancel_refusal = 409            # 409 | 400: ME-SMS refuses a cancel with it
    ///
    /// [callbacks]                     # chances
    /// signed = true                   # TransmitSMS
    /// repeated = 0.0                  # the last report comes twice
    /// reordered = 0.0                 # the two reports of a message change places
    /// late = 0.0
    /// late_by_ms = 60000
    /// before_reply = 0.0              # the first report overtakes the answer to the request
    /// unknown = 0.0                   # a report about a message that nobody sent comes as well
    /// ```
    ///
    /// # Errors
    /// [`FileFault`], with the line; nothing is changed then.
    pub fn read_faults(&mut self, text: &str) -> Result<(), FileFault> {
        let file: FaultsFile = parse(text)?;
        let latency = file.latency_ms.map(|written| latency(text, &written)).transpose()?;
        let limit = file.limiter.map(|written| limit(text, &written)).transpose()?;
        let delivery = file.delivery.map(|written| {
            written.get_ref().over(&self.delivery).map_err(|reason| at(text, &written, &reason))
        });
        let records = file.records.map(|written| {
            written.get_ref().over(&self.records).map_err(|reason| at(text, &written, &reason))
        });
        let callbacks = file.callbacks.map(|written| {
            written.get_ref().over(&self.callbacks).map_err(|reason| at(text, &written, &reason))
        });
        let (delivery, records, callbacks) =
            (delivery.transpose()?, records.transpose()?, callbacks.transpose()?);
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
        self.delivery = delivery.unwrap_or_else(|| self.delivery.clone());
        self.records = records.unwrap_or_else(|| self.records.clone());
        self.callbacks = callbacks.unwrap_or_else(|| self.callbacks.clone());
        Ok(())
    }

    /// Reads an accounts file and adds its accounts; one with the face and the key, account or
    /// user name of a known account takes that one's place.
    ///
    /// ```toml
    /// [[account]]
    /// face = "transmitsms"            # transmitsms | mesms | maxotel | fonedynamics | multitel
    /// key = "another-key"
    /// secret = "another-secret"
    /// balance = "12.50"               # money or credits; absent: without end
    /// rate = "2/s"                    # or "none"; absent: the provider's usual
    /// senders = ["ShopAlert"]         # absent: every well-formed one
    /// may_send = true
    /// max_recipients = 500
    /// duplicates = "refuse"           # refuse | charge
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
    /// Every provider has names of its own for what proves who calls, and some have settings that
    /// the others have not. All of these must be there:
    ///
    /// | face | who calls |
    /// |---|---|
    /// | `transmitsms` | `key`, `secret` |
    /// | `mesms`, `maxotel` | `key` |
    /// | `fonedynamics` | `account`, `token`, `property` |
    /// | `multitel` | `username`, `password` |
    ///
    /// | setting | faces | values, the usual one first |
    /// |---|---|---|
    /// | `max_recipients`, `duplicates` | those that take several numbers | |
    /// | `foreign_numbers` | `mesms`, `multitel` | `true` with the first, `false` with the second |
    /// | `pending_senders` | `mesms` | none; names that are listed and may not be used yet |
    /// | `receipt` | `maxotel` | `json`, `plain`: the word `Successfully` |
    /// | `code` | `multitel` | `text`, `number`: what the code in the body is |
    /// | `errors` | `multitel` | `body`, `status`: whether the HTTP status tells, too |
    /// | `counts_chars` | `multitel` | `true`, `false`: `chars` is 0 |
    /// | `batch_reply` | `fonedynamics` | `bare`, `wrapped`: in an object |
    /// | `replaces_names` | `fonedynamics` | `true`, `false`: sent as named to North America |
    /// | `echoes_external_id` | `fonedynamics` | `true`, `false`: never named again |
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
    delivery: Option<Spanned<WrittenDelivery>>,
    records: Option<Spanned<WrittenRecords>>,
    callbacks: Option<Spanned<WrittenCallbacks>>,
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
struct AccountsFile {
    #[serde(default)]
    account: Vec<Spanned<WrittenAccount>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAccount {
    face: WrittenFace,
    key: Option<String>,
    secret: Option<String>,
    account: Option<String>,
    token: Option<String>,
    property: Option<String>,
    username: Option<String>,
    password: Option<String>,
    balance: Option<String>,
    rate: Option<String>,
    senders: Option<Vec<String>>,
    #[serde(default)]
    pending_senders: Vec<String>,
    may_send: Option<bool>,
    max_recipients: Option<NonZeroU32>,
    duplicates: Option<WrittenDuplicates>,
    foreign_numbers: Option<bool>,
    receipt: Option<Receipt>,
    code: Option<CodeForm>,
    errors: Option<ErrorPlace>,
    counts_chars: Option<bool>,
    batch_reply: Option<BatchReply>,
    replaces_names: Option<bool>,
    echoes_external_id: Option<bool>,
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
    MaxoTel,
    FoneDynamics,
    MultiTel,
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

fn account(text: &str, written: &Spanned<WrittenAccount>) -> Result<Account, FileFault> {
    let wrong = |reason: &str| at(text, written, reason);
    let account = written.get_ref();
    let face = match account.face {
        WrittenFace::TransmitSms => Face::TransmitSms,
        WrittenFace::MeSms => Face::MeSms,
        WrittenFace::MaxoTel => Face::MaxoTel,
        WrittenFace::FoneDynamics => Face::FoneDynamics,
        WrittenFace::MultiTel => Face::MultiTel,
    };
    check_names(face, account).map_err(|reason| wrong(&reason))?;
    let first = |names: [&Option<String>; 3]| names.into_iter().flatten().next().cloned();
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
        key: first([&account.key, &account.account, &account.username]).unwrap_or_default(),
        secret: first([&account.secret, &account.token, &account.password]).unwrap_or_default(),
        property: account.property.clone().unwrap_or_default(),
        balance,
        limit,
        senders: account.senders.clone(),
        pending_senders: account.pending_senders.clone(),
        may_send: account.may_send.unwrap_or(usual.may_send),
        max_recipients: account.max_recipients.map_or(usual.max_recipients, NonZeroU32::get),
        duplicates: match account.duplicates {
            None => usual.duplicates,
            Some(WrittenDuplicates::Refuse) => Duplicates::Refuse,
            Some(WrittenDuplicates::Charge) => Duplicates::Charge,
        },
        foreign_numbers: account.foreign_numbers.unwrap_or(usual.foreign_numbers),
        habits: habits(account, usual.habits),
        profile: profile(account).map_err(|reason| wrong(&reason))?,
        cost_decimals: account.cost_decimals.unwrap_or(usual.cost_decimals),
    };
    account.check().map_err(|fault| at(text, written, &fault))?;
    Ok(account)
}

/// Whether an account has what proves who calls, and no settings of another provider's.
fn check_names(face: Face, account: &WrittenAccount) -> Result<(), String> {
    use Face::{FoneDynamics, MaxoTel, MeSms, MultiTel, TransmitSms};
    let word = face.word();
    for (name, is_there, faces) in [
        ("key", account.key.is_some(), &[TransmitSms, MeSms, MaxoTel][..]),
        ("secret", account.secret.is_some(), &[TransmitSms]),
        ("account", account.account.is_some(), &[FoneDynamics]),
        ("token", account.token.is_some(), &[FoneDynamics]),
        ("property", account.property.is_some(), &[FoneDynamics]),
        ("username", account.username.is_some(), &[MultiTel]),
        ("password", account.password.is_some(), &[MultiTel]),
    ] {
        match (is_there, faces.contains(&face)) {
            (false, true) => return Err(format!("a {word} account needs `{name}`")),
            (true, false) => return Err(format!("a {word} account has no `{name}`; remove it")),
            _ => {}
        }
    }
    for (name, is_there, faces) in [
        ("max_recipients", account.max_recipients.is_some(), &[TransmitSms, MeSms, FoneDynamics][..]),
        ("duplicates", account.duplicates.is_some(), &[TransmitSms, MeSms, FoneDynamics]),
        ("foreign_numbers", account.foreign_numbers.is_some(), &[MeSms, MultiTel]),
        ("pending_senders", !account.pending_senders.is_empty(), &[MeSms]),
        ("receipt", account.receipt.is_some(), &[MaxoTel]),
        ("code", account.code.is_some(), &[MultiTel]),
        ("errors", account.errors.is_some(), &[MultiTel]),
        ("counts_chars", account.counts_chars.is_some(), &[MultiTel]),
        ("batch_reply", account.batch_reply.is_some(), &[FoneDynamics]),
        ("replaces_names", account.replaces_names.is_some(), &[FoneDynamics]),
        ("echoes_external_id", account.echoes_external_id.is_some(), &[FoneDynamics]),
    ] {
        if is_there && !faces.contains(&face) {
            return Err(format!("`{name}` does nothing for a {word} account; remove it"));
        }
    }
    Ok(())
}

/// What an account does where its provider's pages leave room.
fn habits(account: &WrittenAccount, usual: Habits) -> Habits {
    Habits {
        receipt: account.receipt.unwrap_or(usual.receipt),
        code: account.code.unwrap_or(usual.code),
        errors: account.errors.unwrap_or(usual.errors),
        counts_chars: account.counts_chars.unwrap_or(usual.counts_chars),
        batch_reply: account.batch_reply.unwrap_or(usual.batch_reply),
        replaces_names: account.replaces_names.unwrap_or(usual.replaces_names),
        echoes_external_id: account.echoes_external_id.unwrap_or(usual.echoes_external_id),
    }
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
