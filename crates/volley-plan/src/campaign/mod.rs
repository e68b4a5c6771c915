//! The campaign file, in two steps: [`written`] is what was typed, [`Campaign`] is what it means.
//!
//! Every key is known or refused, every value is checked once, here. A key that this version
//! cannot honour is refused too: nothing that was asked for is left out in silence. Secrets are
//! never in the file; it names the environment variable or the file that holds them.

mod duration;
mod fault;
mod message;
mod written;

use crate::{
    Input, Reason,
    source::is_delimiter,
    words::{listed, nearest},
};
pub use duration::patience;
use encoding_rs::Encoding;
pub use fault::{At, CampaignError, KeyAndValue};
use fault::{both, value_fault};
use jiff::{civil::Date, fmt::temporal::Pieces};
pub use message::{Counting, Folding, MessageSettings, TextEncoding};
use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};
use volley_core::{
    Assignment, FrequencyCap, Micros, NumberKind, Pacing, Rate, Region, Rounding, UnixMillis, Window,
    WindowFault,
};
use written::{SECRETS, Written};

/// The history of the campaigns of one folder, unless `limits.history` says otherwise.
const HISTORY: &str = "volley-history.db";

/// A campaign as it is meant: nothing in it needs a second check.
#[derive(Clone)]
pub struct Campaign {
    /// The campaign file.
    pub path: PathBuf,
    /// `[a-z0-9-]{1,64}`.
    pub name: String,
    /// Who the texts come from; whether the provider takes it is the provider's to say.
    pub sender: Option<String>,
    /// When the provider is to send them, if not at once (the key `schedule`).
    pub send_at: Option<UnixMillis>,
    /// The day of `send_at` as the schedule's own offset has it: prices of that day hold.
    pub send_day: Option<Date>,
    /// What people get.
    pub message: MessageSettings,
    /// Who gets it.
    pub recipients: Recipients,
    /// Where the campaign ends.
    pub limits: Limits,
    /// Through whom.
    pub provider: ProviderSettings,
    /// What it costs, if anybody says.
    pub rates: Option<Rates>,
    /// How segments are counted, where that is not as the provider's adapter has it.
    pub counting: Counting,
}

/// Name and file only: texts are the user's, settings may hold what is not to be shown.
impl fmt::Debug for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Campaign({}, {})", self.name, self.path.display())
    }
}

/// The section `[recipients]`.
#[derive(Clone, Debug)]
pub struct Recipients {
    /// The list.
    pub input: Input,
    /// The country of numbers without a country code; `None` takes international ones only.
    pub region: Option<Region>,
    /// The columns that hold the number, tried in this order; empty where they are found by name.
    pub number: Vec<String>,
    /// Which numbers are sent to at all.
    pub policy: NumberPolicy,
    /// Lists of numbers never to be sent to.
    pub suppress: Vec<PathBuf>,
    /// A list of the only numbers that a plan may be for; everybody else of the campaign's own list
    /// is left out. No key of the file: it is asked for at the moment.
    pub only: Option<PathBuf>,
    /// Which of several rows with one number counts.
    pub duplicates: Duplicates,
    /// How the list's bytes are text.
    pub encoding: InputEncoding,
    /// What stands between cells, one ASCII byte; `None` is decided from the header.
    pub delimiter: Option<u8>,
    /// The sheet of a workbook; `None` is the first.
    pub sheet: Option<String>,
}

/// Which numbers are sent to at all, whatever their texts cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberPolicy {
    /// Their countries; empty for every country.
    pub countries: Vec<Region>,
    /// What they are for; empty for everything but premium numbers, which bill the one they reach.
    pub kinds: Vec<NumberKind>,
}

impl NumberPolicy {
    /// Whether a number of this assignment is sent to, or why not. What belongs to no plan that
    /// is known is let through: it was judged valid.
    pub(crate) fn judge(&self, assignment: Option<Assignment>) -> Result<(), Reason> {
        let Some(Assignment { region, kind }) = assignment else { return Ok(()) };
        let is_allowed =
            self.countries.is_empty() || region.is_some_and(|region| self.countries.contains(&region));
        let is_of_kind = match &self.kinds[..] {
            [] => kind != NumberKind::Premium,
            kinds => kinds.contains(&kind),
        };
        match (is_allowed, is_of_kind) {
            (false, _) => Err(Reason::Country),
            (true, false) => Err(Reason::Kind),
            (true, true) => Ok(()),
        }
    }
}

/// Which of several usable rows with one number counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// The first.
    #[default]
    First,
    /// The last; the list is read twice.
    Last,
    /// None: the plan stops.
    Fail,
}

/// How a list's bytes are text. A byte-order mark in the list always wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputEncoding {
    /// UTF-8, or UTF-16 by its byte-order mark.
    #[default]
    Auto,
    /// UTF-8.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Western European.
    Windows1252,
    /// Thai.
    Windows874,
}

impl InputEncoding {
    /// The decoder; `None` for [`Auto`](Self::Auto).
    pub(crate) const fn label(self) -> Option<&'static Encoding> {
        match self {
            Self::Auto => None,
            Self::Utf8 => Some(encoding_rs::UTF_8),
            Self::Utf16Le => Some(encoding_rs::UTF_16LE),
            Self::Utf16Be => Some(encoding_rs::UTF_16BE),
            Self::Windows1252 => Some(encoding_rs::WINDOWS_1252),
            Self::Windows874 => Some(encoding_rs::WINDOWS_874),
        }
    }
}

/// The section `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most the campaign may cost, in the rate card's currency; not negative.
    pub max_cost: Option<Micros>,
    /// The most recipients, at least 1.
    pub max_recipients: u32,
    /// The most texts that a number may get, those of other campaigns counted too.
    pub per_recipient: Option<FrequencyCap>,
    /// The file that remembers who got a text when. Always there where `per_recipient` is; where
    /// it is not, this campaign's texts are remembered by nobody.
    pub history: Option<PathBuf>,
    /// How long a provider in trouble is tried again before the run ends, nothing to 30 days;
    /// `None` is the usual minute.
    pub patience: Option<Duration>,
    /// The hours in which texts may be sent, by the clocks of whoever gets them; `None` for all.
    pub window: Option<Window>,
}

/// The section `[provider]`. What is `None` is the provider's own default.
#[derive(Clone)]
pub struct ProviderSettings {
    /// Its kind, one of those that [`Campaign::load`] was given.
    pub kind: String,
    /// The wire protocol: the kind itself, or for `sim` the face it shows.
    pub protocol: String,
    /// Where it is, without a slash at the end: `https`, or `http` on a loopback address.
    pub base_url: Option<String>,
    /// Rates that all hold; empty for the provider's own.
    pub rate: Vec<Rate>,
    /// How requests are spread under the rates; `None` is [`Pacing::usual`].
    pub pacing: Option<Pacing>,
    /// The least time that a request and its answer take on the way, less than a second: what a
    /// strict pacing may take off its windows.
    pub least_round_trip: Option<Duration>,
    /// Requests that wait for an answer at the same time, at least 1.
    pub max_in_flight: Option<u32>,
    /// Recipients a request carries, at least 1; the ceiling is the provider's.
    pub chunk: Option<u32>,
    /// How long an answer may take, more than zero and at most an hour.
    pub timeout: Option<Duration>,
    /// Where the credentials are, by their name: `key`, `secret`, `account`, `token`, `username`
    /// or `password`.
    pub auth: BTreeMap<String, SecretSource>,
    /// The provider's own settings as text, by name.
    pub settings: BTreeMap<String, String>,
}

/// The section `[rates]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// The rate card.
    pub file: PathBuf,
    /// How the provider rounds what it bills.
    pub rounding: Rounding,
}

/// Where a secret is; never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In this environment variable.
    Environment(String),
    /// In this file.
    File(PathBuf),
}

/// What is put over the campaign file: flags over environment variables over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Environment variables, name and value. `VOLLEY_PROVIDER_BASE_URL` sets `provider.base_url`;
    /// those that do not start with `VOLLEY_` and a section's name are left alone.
    pub environment: Vec<(String, String)>,
    /// Dotted keys and values, the later over the earlier. A list is written with commas.
    pub flags: Vec<(String, String)>,
}

impl Campaign {
    /// Reads a campaign file and what is put over it.
    ///
    /// `providers` gives each kind with the names of its own settings in `[provider]`, beside
    /// `kind`, `base_url`, `rate`, `pacing`, `max_in_flight`, `chunk`, `timeout` and, for `sim`, `face`.
    /// Relative paths in the file are relative to it; those in flags and variables are relative
    /// to the working directory. Reads `message.file`, but no list.
    pub fn load(
        path: &Path,
        overrides: &Overrides,
        providers: &[(&str, &[&str])],
    ) -> Result<Self, CampaignError> {
        let file = path.display().to_string();
        let text = read_text(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CampaignError::Missing { file: file.clone() },
            _ => CampaignError::Unreadable { file: file.clone(), source },
        })?;
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        let written = Written::read(path, text, overrides, providers)?;
        Meaning { written, path, file }.campaign(providers)
    }

    /// The keys of a campaign file, dotted, but for each provider's own, those of `provider.auth`
    /// and those below `message.defaults`.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        written::keys()
    }

    /// Where the campaign's journal lies unless a flag says otherwise: `NAME.volley` beside the
    /// campaign file; `NAME.only.volley` where only some may be sent to, so that what is sent to
    /// them is not in the way of what everybody gets.
    pub fn journal_path(&self) -> PathBuf {
        let only = if self.recipients.only.is_some() { ".only" } else { "" };
        self.path.with_file_name(format!("{}{only}.volley", self.name))
    }
}

/// The text of a regular file: a device or a pipe might never end.
fn read_text(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    fs::read_to_string(path)
}

/// The second step: from what was typed to what it means.
struct Meaning<'a> {
    written: Written,
    path: &'a Path,
    file: String,
}

impl Meaning<'_> {
    fn campaign(&self, providers: &[(&str, &[&str])]) -> Result<Campaign, CampaignError> {
        Ok(Campaign {
            path: self.path.to_owned(),
            name: self.name()?,
            sender: self.sender()?,
            send_at: self.send_at()?,
            send_day: self.send_day(),
            message: self.message()?,
            recipients: self.recipients()?,
            limits: self.limits()?,
            provider: self.provider(providers)?,
            rates: self.rates()?,
            counting: self.counting()?,
        })
    }

    fn name(&self) -> Result<String, CampaignError> {
        let wanted = "give the campaign a name, like name = \"spring-sale\"";
        let (name, at) = self.needed("name", wanted)?;
        let is_name = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if is_name {
            Ok(name.to_owned())
        } else {
            Err(value_fault(at, "name", name, "use 1 to 64 of a-z, 0-9 and -"))
        }
    }

    fn sender(&self) -> Result<Option<String>, CampaignError> {
        match self.written.text("sender") {
            Some((sender, at)) if sender.trim().is_empty() => {
                Err(value_fault(at, "sender", sender, "name a sender, or remove the key"))
            }
            other => Ok(other.map(|(sender, _)| sender.to_owned())),
        }
    }

    fn send_at(&self) -> Result<Option<UnixMillis>, CampaignError> {
        self.checked("schedule", "write a time with its offset, like 2026-12-01T09:00:00+11:00", |text| {
            let time: jiff::Timestamp = text.parse().ok()?;
            Some(UnixMillis(time.as_millisecond()))
        })
    }

    /// The date that the schedule is written with.
    fn send_day(&self) -> Option<Date> {
        let (text, _) = self.written.text("schedule")?;
        Some(Pieces::parse(text).ok()?.date())
    }

    fn recipients(&self) -> Result<Recipients, CampaignError> {
        let (file, _) = self.needed("recipients.file", "name the list, like file = \"recipients.csv\"")?;
        let input = if file == "-" {
            Input::Stdin
        } else {
            Input::File(self.list_path("recipients.file")?.expect("the key is set"))
        };
        let region = match self.written.text("recipients.region") {
            None => None,
            Some((text, at)) => Some(text.parse::<Region>().map_err(|_| {
                value_fault(at, "recipients.region", text, "write a country as two letters, like AU")
            })?),
        };
        let number = self.texts("recipients.number", "name the columns that hold the number")?;
        let suppress = self.texts("recipients.suppress", "name the files")?;
        let suppress_at = self.written.at("recipients.suppress");
        let suppress: Vec<PathBuf> = suppress
            .iter()
            .map(|path| self.file_at(path, suppress_at.expect("the key is set"), "recipients.suppress"))
            .collect::<Result<_, _>>()?;
        Ok(Recipients {
            input,
            region,
            number,
            policy: self.policy()?,
            suppress,
            only: None,
            duplicates: self
                .checked("recipients.duplicates", "write \"first\", \"last\" or \"fail\"", |text| {
                    Some(match text {
                        "first" => Duplicates::First,
                        "last" => Duplicates::Last,
                        "fail" => Duplicates::Fail,
                        _ => return None,
                    })
                })?
                .unwrap_or_default(),
            encoding: self.input_encoding()?,
            delimiter: self.delimiter()?,
            sheet: match self.written.text("recipients.sheet") {
                Some((sheet, at)) if sheet.trim().is_empty() => {
                    return Err(value_fault(at, "recipients.sheet", sheet, "name a sheet of the workbook"));
                }
                sheet => sheet.map(|(sheet, _)| sheet.to_owned()),
            },
        })
    }

    fn policy(&self) -> Result<NumberPolicy, CampaignError> {
        let wanted = "name countries as two letters each, like [\"AU\", \"TH\"]";
        let countries = self.texts("recipients.allow", wanted)?;
        let kinds = NumberKind::ALL.map(NumberKind::word);
        let wanted_kinds = format!("name kinds of numbers: {}", kinds.join(", "));
        let of_word = |word: &String| NumberKind::ALL.into_iter().find(|kind| kind.word() == word);
        let kind = |word: &String| {
            let at = self.written.at("recipients.types").expect("the text came from this key");
            of_word(word).ok_or_else(|| value_fault(at, "recipients.types", word, &wanted_kinds))
        };
        let kinds = self.texts("recipients.types", &wanted_kinds)?;
        for (key, wanted) in [("recipients.allow", wanted), ("recipients.types", &wanted_kinds)] {
            if let Some(([], at)) = self.written.texts(key) {
                return Err(value_fault(at, key, "", wanted));
            }
        }
        Ok(NumberPolicy {
            countries: countries
                .iter()
                .map(|text| self.parsed(text, "recipients.allow", wanted))
                .collect::<Result<_, _>>()?,
            kinds: kinds.iter().map(kind).collect::<Result<_, _>>()?,
        })
    }

    fn input_encoding(&self) -> Result<InputEncoding, CampaignError> {
        let wanted =
            "write \"auto\", \"utf-8\", \"utf-16le\", \"utf-16be\", \"windows-1252\" or \"windows-874\"";
        let encoding = self.checked("recipients.encoding", wanted, |text| {
            Some(match text {
                "auto" => InputEncoding::Auto,
                "utf-8" => InputEncoding::Utf8,
                "utf-16le" => InputEncoding::Utf16Le,
                "utf-16be" => InputEncoding::Utf16Be,
                "windows-1252" => InputEncoding::Windows1252,
                "windows-874" => InputEncoding::Windows874,
                _ => return None,
            })
        });
        Ok(encoding?.unwrap_or_default())
    }

    fn delimiter(&self) -> Result<Option<u8>, CampaignError> {
        let wanted = "write \"auto\", or one sign that is not a quote, like \";\" or \"\\t\"";
        let delimiter = self.checked("recipients.delimiter", wanted, |text| match text.as_bytes() {
            b"auto" => Some(None),
            b"tab" => Some(Some(b'\t')),
            &[byte] if is_delimiter(byte) => Some(Some(byte)),
            _ => None,
        });
        Ok(delimiter?.flatten())
    }

    fn limits(&self) -> Result<Limits, CampaignError> {
        let wanted = "write an amount in quotes that is not negative, like \"150.00\"";
        let max_cost = self.checked("limits.max_cost", wanted, |text| {
            text.parse().ok().filter(|cost: &Micros| *cost >= Micros::ZERO)
        })?;
        let max_recipients = self.integer("limits.max_recipients", 1..=i64::from(u32::MAX))?;
        let wanted = "write it like \"2/7d\" or \"1/24h\": 1 to 1000 texts in 1s to 366d";
        let per_recipient = self.checked("limits.per_recipient", wanted, |text| text.parse().ok())?;
        let history = match self.written.text("limits.history") {
            Some((path, at)) if path.trim().is_empty() => {
                return Err(value_fault(at, "limits.history", path, "name a file"));
            }
            Some((path, at)) => Some(self.resolved(path, at)),
            None => per_recipient.map(|_: FrequencyCap| self.path.with_file_name(HISTORY)),
        };
        let wanted = "write a time of at most 30 days with its unit, like \"10m\", \"2h\" or \"0s\"";
        Ok(Limits {
            max_cost,
            max_recipients: max_recipients.unwrap_or(2_000_000),
            per_recipient,
            history,
            patience: self.checked("limits.patience", wanted, patience)?,
            window: self.window()?,
        })
    }

    /// The hours that texts may be sent in; where that is any hour, there is nothing to keep to.
    fn window(&self) -> Result<Option<Window>, CampaignError> {
        let Some((text, at)) = self.written.text("limits.window") else { return Ok(None) };
        let window: Window = text
            .parse()
            .map_err(|fault: WindowFault| value_fault(at, "limits.window", text, &fault.to_string()))?;
        Ok(Some(window).filter(|window| !window.is_always()))
    }

    fn rates(&self) -> Result<Option<Rates>, CampaignError> {
        let rounding = self.rounding()?;
        let Some(file) = self.list_path("rates.file")? else {
            return match self.written.at("rates.rounding") {
                None => Ok(None),
                Some(_) => Err(CampaignError::Needed {
                    file: self.file.clone(),
                    key: "rates.file",
                    wanted: "name the rate card, or remove rates.rounding",
                }),
            };
        };
        Ok(Some(Rates { file, rounding }))
    }

    fn rounding(&self) -> Result<Rounding, CampaignError> {
        let decimals = self.integer("rates.decimals", 0..=6)?;
        let Some((rule, at)) = self.written.text("rates.rounding") else {
            return match self.written.at("rates.decimals") {
                None => Ok(Rounding::Exact),
                Some(at) => {
                    let wanted = "it goes with rates.rounding = \"per_message\" or \"total\"";
                    Err(value_fault(at, "rates.decimals", &decimals.unwrap_or_default().to_string(), wanted))
                }
            };
        };
        let of = match rule {
            "per_message" => Rounding::PerMessage,
            "total" => Rounding::Total,
            _ => return Err(value_fault(at, "rates.rounding", rule, "write \"per_message\" or \"total\"")),
        };
        let decimals = decimals.and_then(|decimals| u8::try_from(decimals).ok());
        decimals.map(of).ok_or_else(|| CampaignError::Needed {
            file: self.file.clone(),
            key: "rates.decimals",
            wanted: "say to how many decimals amounts are rounded, like decimals = 2",
        })
    }

    fn provider(&self, providers: &[(&str, &[&str])]) -> Result<ProviderSettings, CampaignError> {
        let (kind, kind_at) =
            self.needed("provider.kind", "name the provider, like kind = \"transmitsms\"")?;
        known_kind(kind, kind_at, "provider.kind", providers.iter().map(|(kind, _)| *kind))?;
        let protocol = match self.written.text("provider.face") {
            None if kind == "sim" => "transmitsms".to_owned(),
            None => kind.to_owned(),
            Some((face, at)) if kind == "sim" => {
                let faces = providers.iter().map(|(kind, _)| *kind).filter(|kind| *kind != "sim");
                known_kind(face, at, "provider.face", faces)?;
                face.to_owned()
            }
            Some((face, at)) => {
                return Err(value_fault(
                    at,
                    "provider.face",
                    face,
                    "only kind = \"sim\" has a face: remove it",
                ));
            }
        };
        let rate_wanted = "write a rate like \"2/s\", or a list of them";
        let rate = self.texts("provider.rate", rate_wanted)?;
        let rate = rate
            .iter()
            .map(|text| self.parsed(text, "provider.rate", rate_wanted))
            .collect::<Result<_, _>>()?;
        let own = providers.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, names)| *names);
        let settings = own.iter().filter_map(|name| {
            let (text, _) = self.written.text(&format!("provider.{name}"))?;
            Some(((*name).to_owned(), text.to_owned()))
        });
        Ok(ProviderSettings {
            kind: kind.to_owned(),
            protocol,
            base_url: self.base_url()?,
            rate,
            pacing: self
                .checked("provider.pacing", "write \"strict\" or \"spaced\"", |text| text.parse().ok())?,
            least_round_trip: self.checked(
                "provider.least_round_trip",
                "write a time of less than a second with its unit, like \"20ms\"",
                duration::round_trip,
            )?,
            max_in_flight: self.integer("provider.max_in_flight", 1..=i64::from(u32::MAX))?,
            chunk: self.integer("provider.chunk", 1..=i64::from(u32::MAX))?,
            timeout: self.checked(
                "provider.timeout",
                "write a time of at most an hour with its unit, like \"30s\", \"2m\" or \"500ms\"",
                duration::timeout,
            )?,
            auth: self.auth()?,
            settings: settings.collect(),
        })
    }

    /// The address, which may not hold credentials: they would end up in logs.
    fn base_url(&self) -> Result<Option<String>, CampaignError> {
        let Some((url, at)) = self.written.text("provider.base_url") else { return Ok(None) };
        let after_scheme = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(CampaignError::LiteralSecret { at: at.clone(), secret: "password".to_owned() });
        }
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        let has_space = url.contains(|c: char| c.is_whitespace() || c.is_control());
        let is_plain_path = !after_scheme.contains(['?', '#']);
        // A query may hold a key: it is not repeated.
        let shown_url = url.split(['?', '#']).next().unwrap_or_default();
        let is_good = !authority.is_empty() && !has_space && is_plain_path;
        match scheme.as_deref() {
            Some("https") if is_good => {}
            Some("http") if is_good && is_loopback(authority) => {}
            Some("http") if is_good => {
                let wanted = "plain http is for loopback addresses only: use https";
                return Err(value_fault(at, "provider.base_url", shown_url, wanted));
            }
            _ => {
                let wanted = "write an address like https://api.example.com, without a query";
                return Err(value_fault(at, "provider.base_url", shown_url, wanted));
            }
        }
        Ok(Some(url.trim_end_matches('/').to_owned()))
    }

    fn auth(&self) -> Result<BTreeMap<String, SecretSource>, CampaignError> {
        let mut auth = BTreeMap::new();
        for secret in SECRETS {
            let (env_key, file_key) =
                (format!("provider.auth.{secret}_env"), format!("provider.auth.{secret}_file"));
            let source = match (self.written.text(&env_key), self.written.text(&file_key)) {
                (None, None) => continue,
                (Some((_, at)), Some(_)) => return Err(both(at, &env_key, &file_key)),
                (Some((name, at)), None) => {
                    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                    if !is_name {
                        // What stands here by mistake may be the secret itself.
                        return Err(CampaignError::LiteralSecret {
                            at: at.clone(),
                            secret: secret.to_owned(),
                        });
                    }
                    SecretSource::Environment(name.to_owned())
                }
                (None, Some((path, at))) => SecretSource::File(self.resolved(path, at)),
            };
            auth.insert(secret.to_owned(), source);
        }
        Ok(auth)
    }

    fn needed(&self, key: &'static str, wanted: &'static str) -> Result<(&str, &At), CampaignError> {
        self.written.text(key).ok_or_else(|| CampaignError::Needed { file: self.file.clone(), key, wanted })
    }

    /// The text of `key` as `read` understands it.
    fn checked<T>(
        &self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, CampaignError> {
        let Some((text, at)) = self.written.text(key) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| value_fault(at, key, text, wanted))
    }

    fn integer(&self, key: &str, range: std::ops::RangeInclusive<i64>) -> Result<Option<u32>, CampaignError> {
        let Some((integer, at)) = self.written.integer(key) else { return Ok(None) };
        let fits = range.contains(&integer).then(|| u32::try_from(integer).ok()).flatten();
        fits.map(Some).ok_or_else(|| {
            let wanted = format!("write a whole number from {} to {}", range.start(), range.end());
            value_fault(at, key, &integer.to_string(), &wanted)
        })
    }

    /// A list of texts, none of them empty; no such key is an empty list.
    fn texts(&self, key: &str, wanted: &str) -> Result<Vec<String>, CampaignError> {
        let Some((texts, at)) = self.written.texts(key) else { return Ok(Vec::new()) };
        match texts.iter().find(|text| text.trim().is_empty()) {
            Some(empty) => Err(value_fault(at, key, empty, wanted)),
            None => Ok(texts.to_vec()),
        }
    }

    fn parsed<T: FromStr>(&self, text: &str, key: &str, wanted: &str) -> Result<T, CampaignError> {
        let at = self.written.at(key).expect("the text came from this key");
        text.parse().map_err(|_| value_fault(at, key, text, wanted))
    }

    /// The file that `key` names.
    fn list_path(&self, key: &'static str) -> Result<Option<PathBuf>, CampaignError> {
        self.written.text(key).map(|(path, at)| self.file_at(path, at, key)).transpose()
    }

    /// `path`, unless it is blank.
    fn file_at(&self, path: &str, at: &At, key: &'static str) -> Result<PathBuf, CampaignError> {
        if path.trim().is_empty() {
            Err(value_fault(at, key, path, "name a file"))
        } else {
            Ok(self.resolved(path, at))
        }
    }

    /// A path of the campaign file is relative to it, another to the working directory.
    fn resolved(&self, path: &str, at: &At) -> PathBuf {
        match at {
            At::File { .. } => self.path.parent().unwrap_or(Path::new("")).join(path),
            At::Environment(_) | At::Flag(_) => PathBuf::from(path),
        }
    }
}

fn known_kind<'a>(
    kind: &str,
    at: &At,
    key: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), CampaignError> {
    if known.clone().any(|name| name == kind) {
        return Ok(());
    }
    let nearest = nearest(kind, known.clone()).unwrap_or_default();
    let all: Vec<&str> = known.collect();
    let wanted = format!("did you mean `{nearest}`? There are: {}", listed(&all));
    Err(value_fault(at, key, kind, &wanted))
}

/// Whether a URL's authority, `host` or `host:port`, is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_address = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_address || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_and_nothing_that_looks_like_it() {
        for (authority, is_here) in [
            ("127.0.0.1:8080", true),
            ("127.1.2.3", true),
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("[::1]:8080", true),
            ("127.0.0.1.example.com", false),
            ("localhost.example.com", false),
            ("10.0.0.1", false),
            ("[::2]", false),
        ] {
            assert_eq!(is_loopback(authority), is_here, "{authority}");
        }
    }
}
