//! One provider account: from what the campaign says to something that sends.
//!
//! The journal keeps an [`Account`] as JSON, so that `resume` needs no campaign file. It names
//! environment variables and files, never a secret.

use crate::fault::Fault;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, env, fs, path::Path, sync::Arc, time::Duration};
use volley_core::{
    Capabilities, Chunk, Micros, Msisdn, Pacing, Planned, Position, Rate, Reference, ReplyPrice, RowNumber,
    Schedule, UnixMillis, Window, WindowFault,
};
use volley_journal::FrozenPlan;
use volley_plan::{Campaign, Content, FilePlace, Mark, Offer, SecretSource};
use volley_provider::{
    adapter::{Adapter, SendCall},
    credentials::Credentials,
    registry::{self, Settings},
};

/// The word for the gateway inside the process.
pub(crate) const SIM: &str = "sim";

/// Settings of `kind = "sim"`: those of [`crate::cmd::sim`], as files and numbers.
pub(crate) const SIM_OPTIONS: &[&str] = &["ledger", "faults", "seed", "accounts"];

/// How long a provider in trouble is tried again, unless the campaign says otherwise: once.
const USUAL_PATIENCE: Duration = Duration::from_secs(30);

/// What a run needs to know of the provider.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub(crate) struct Account {
    /// As in the campaign file.
    pub(crate) kind: String,
    /// The wire protocol: the kind itself, or the face that the gateway shows.
    pub(crate) protocol: String,
    /// Where it is; `None` for the provider's own address.
    pub(crate) base_url: Option<String>,
    /// As written: `2/s`. Empty for the provider's own.
    pub(crate) rates: Vec<String>,
    /// As written: `strict` or `spaced`. `None` for what the rates and the provider suggest.
    pub(crate) pacing: Option<String>,
    /// `None` for none that anybody vouches for.
    pub(crate) least_round_trip_ms: Option<u64>,
    /// `None` for the provider's own.
    pub(crate) max_in_flight: Option<u32>,
    /// `None` for the provider's own.
    pub(crate) timeout_ms: Option<u64>,
    /// The kind's own settings.
    pub(crate) settings: BTreeMap<String, String>,
    /// Names of environment variables and files by key: `key_env`, `secret_file`, …
    pub(crate) auth: BTreeMap<String, String>,
    /// The longest text in characters; `None` for the provider's own.
    pub(crate) max_characters: Option<usize>,
    /// How long a provider in trouble is tried again; `None` for the usual time.
    pub(crate) patience_ms: Option<u64>,
    /// The hours in which texts may be sent, `09:00-20:00`; `None` for all.
    pub(crate) window: Option<String>,
    /// The most the campaign may cost, as a decimal.
    pub(crate) max_cost: Option<String>,
    /// The history that remembers whom it texted.
    pub(crate) history: Option<String>,
    /// The list of people not to be texted, to which those are added who ask for it.
    pub(crate) opt_outs: Option<String>,
}

/// An account that is ready to send.
pub(crate) struct Open {
    pub(crate) adapter: Arc<dyn Adapter>,
    /// Where requests go, without its path: shown before a real send.
    pub(crate) address: String,
    /// The gateway inside the process, which stops when this is dropped.
    pub(crate) gateway: Option<volley_sim::Server>,
}

impl Account {
    /// The account that a campaign file describes. Reads the description of a provider that has
    /// no adapter of its own, so that a journal needs no file beside it.
    pub(crate) fn of(campaign: &Campaign) -> Result<Self, Fault> {
        let provider = &campaign.provider;
        let mut settings = provider.settings.clone();
        if let Some(definition) = settings.get_mut(DEFINITION) {
            *definition = described(&campaign.path, definition)?;
        }
        Ok(Self {
            kind: provider.kind.clone(),
            protocol: provider.protocol.clone(),
            base_url: provider.base_url.clone(),
            rates: provider.rate.iter().map(Rate::to_string).collect(),
            pacing: provider.pacing.map(|pacing| pacing.word().to_owned()),
            least_round_trip_ms: provider.least_round_trip.map(millis),
            max_in_flight: provider.max_in_flight,
            timeout_ms: provider.timeout.map(millis),
            settings,
            auth: provider.auth.iter().map(|(part, source)| named(part, source)).collect(),
            max_characters: campaign.counting.max_characters,
            patience_ms: campaign.limits.patience.map(millis),
            window: campaign.limits.window.map(|window| window.to_string()),
            max_cost: campaign.limits.max_cost.map(|cost| cost.to_string()),
            history: campaign.limits.history.as_deref().map(from_anywhere),
            opt_outs: campaign.recipients.suppress.first().map(|path| from_anywhere(path)),
        })
    }

    /// The account that the journal at `path` was planned for, with what the environment says.
    pub(crate) fn of_journal(path: &Path, plan: &FrozenPlan) -> Result<Self, Fault> {
        let mut account: Self = serde_json::from_str(&plan.provider).map_err(|error| {
            let what =
                format!("{} is damaged: its provider settings cannot be read: {error}", path.display());
            Fault::new(12, what)
        })?;
        account.override_from(env::vars())?;
        Ok(account)
    }

    pub(crate) fn is_sim(&self) -> bool {
        self.kind == SIM
    }

    /// What the provider can be asked to do, without credentials or network.
    pub(crate) fn capabilities(&self) -> Result<Capabilities, Fault> {
        Ok(self.stand_in()?.capabilities().clone())
    }

    /// Whether a request can be built as `sender` and for `send_at`: rules that only show in one,
    /// such as settings that do not go with a sender.
    pub(crate) fn try_a_request(
        &self,
        sender: Option<&str>,
        send_at: Option<UnixMillis>,
    ) -> Result<(), Fault> {
        let adapter = self.stand_in()?;
        let capabilities = adapter.capabilities();
        let prefix = capabilities.destinations.prefixes.first().map_or("61491570006", String::as_str);
        let to = format!("{prefix:0<11}").parse().ok().and_then(Msisdn::from_digits);
        let recipient = Planned {
            row: RowNumber(1),
            to: to.expect("eleven digits are a number"),
            text: 0,
            segments: 1,
            cost: Micros::ZERO,
        };
        let call = SendCall {
            chunk: Arc::new(Chunk {
                first: Position(0),
                texts: vec!["-".into()],
                recipients: vec![recipient],
            }),
            sender: sender.map(Arc::from),
            send_at: send_at.filter(|_| capabilities.schedule != Schedule::Never),
            reference: Reference::from_bits(0),
        };
        adapter.encode(&call).map(drop).map_err(|fault| Fault::usage(format!("{}: {fault}", self.protocol)))
    }

    /// The adapter with credentials that are nobody's.
    fn stand_in(&self) -> Result<Arc<dyn Adapter>, Fault> {
        let settings = self.adapter_settings(self.base_url.clone(), sim_credentials());
        Ok(registry::adapter(&self.protocol, settings)?)
    }

    /// What the planner needs to know of the provider.
    pub(crate) fn offer(&self, capabilities: &Capabilities, chunk: Option<u32>) -> Result<Offer, Fault> {
        let ceiling = capabilities.batch.ceiling();
        let chunk = chunk.unwrap_or(capabilities.default_chunk);
        if chunk == 0 || chunk > ceiling {
            return Err(Fault::usage(format!(
                "provider.chunk = {chunk}: {} takes 1 to {ceiling} recipients a request",
                &self.protocol
            )));
        }
        Ok(Offer {
            provider: self.protocol.clone(),
            batch: capabilities.batch,
            chunk,
            destinations: capabilities.destinations.clone(),
            profile: capabilities.profile.clone(),
            rates: self.rates(capabilities)?,
            max_in_flight: self.max_in_flight.unwrap_or(capabilities.max_in_flight),
        })
    }

    /// The rates that hold: the campaign's, or the provider's own.
    pub(crate) fn rates(&self, capabilities: &Capabilities) -> Result<Vec<Rate>, Fault> {
        if self.rates.is_empty() {
            return Ok(vec![capabilities.rate]);
        }
        self.rates
            .iter()
            .map(|text| text.parse().map_err(|fault| Fault::usage(format!("provider.rate: {fault}"))))
            .collect()
    }

    /// How requests are spread under the rates: as the campaign says, or as usual.
    pub(crate) fn pacing(&self, capabilities: &Capabilities) -> Result<Pacing, Fault> {
        match &self.pacing {
            Some(text) => text.parse().map_err(|fault| Fault::usage(format!("provider.pacing: {fault}"))),
            None => Ok(Pacing::usual(&self.rates(capabilities)?, capabilities.counts_strictly)),
        }
    }

    /// The least time that a request and its answer take on the way. A pacing that has no use for
    /// it is refused.
    pub(crate) fn least_round_trip(&self, capabilities: &Capabilities) -> Result<Duration, Fault> {
        let least = Duration::from_millis(self.least_round_trip_ms.unwrap_or(0));
        if !least.is_zero() && self.pacing(capabilities)? == Pacing::Spaced {
            return Err(Fault::usage("provider.least_round_trip is for strict pacing")
                .hint("remove it, or set pacing = \"strict\""));
        }
        Ok(least)
    }

    /// How long a provider in trouble is tried again before the run ends.
    pub(crate) fn patience(&self) -> Duration {
        self.patience_ms.map_or(USUAL_PATIENCE, Duration::from_millis)
    }

    /// The hours in which texts may be sent, by the clocks of whoever gets them.
    pub(crate) fn window(&self) -> Result<Option<Window>, Fault> {
        let parsed = self.window.as_deref().map(str::parse).transpose();
        parsed.map_err(|fault: WindowFault| Fault::usage(format!("limits.window: {fault}")))
    }

    /// How long an answer may take.
    pub(crate) fn timeout(&self, capabilities: &Capabilities) -> Duration {
        self.timeout_ms.map_or(capabilities.timeout, Duration::from_millis)
    }

    /// `VOLLEY_PROVIDER_…`, `VOLLEY_LIMITS_MAX_COST`, `VOLLEY_LIMITS_HISTORY` and
    /// `VOLLEY_LIMITS_PATIENCE` over what a journal keeps.
    pub(crate) fn override_from(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), Fault> {
        for (name, value) in environment {
            let number =
                || value.parse().map_err(|_| Fault::usage(format!("{name}: `{value}` is not a number")));
            match name.as_str() {
                "VOLLEY_PROVIDER_BASE_URL" => self.base_url = Some(value),
                "VOLLEY_PROVIDER_RATE" => self.rates = vec![value],
                "VOLLEY_PROVIDER_PACING" => self.pacing = Some(value),
                "VOLLEY_LIMITS_PATIENCE" => {
                    let patience = volley_plan::patience(&value).ok_or_else(|| {
                        Fault::usage(format!("{name}: `{value}` is not a time like 10m, at most 30 days"))
                    })?;
                    self.patience_ms = Some(millis(patience));
                }
                "VOLLEY_PROVIDER_MAX_IN_FLIGHT" => self.max_in_flight = Some(number()?),
                "VOLLEY_LIMITS_MAX_COST" => self.max_cost = Some(value),
                "VOLLEY_LIMITS_HISTORY" => self.history = Some(value),
                _ => {
                    if let Some(key) = name.strip_prefix("VOLLEY_PROVIDER_AUTH_") {
                        self.auth.insert(key.to_ascii_lowercase(), value);
                    }
                }
            }
        }
        Ok(())
    }

    /// The adapter with its credentials, and the gateway where the account is one. Reads
    /// environment variables and files; `prices` is what the gateway bills.
    pub(crate) async fn open(&self, plan: &FrozenPlan) -> Result<Open, Fault> {
        let kind = self.protocol.as_str();
        if self.is_sim() {
            let capabilities = self.capabilities()?;
            let config = crate::cmd::sim::config(&self.settings, &self.rates(&capabilities)?, plan)?;
            let local = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
            let gateway = volley_sim::Server::start(config, local)
                .await
                .map_err(|error| Fault::new(1, format!("the simulated gateway could not start: {error}")))?;
            let address = format!("http://{}", gateway.address);
            let settings = Settings {
                base_url: Some(address.clone()),
                options: sim_options(kind),
                credentials: sim_credentials(),
                max_characters: self.max_characters,
            };
            return Ok(Open { adapter: registry::adapter(kind, settings)?, address, gateway: Some(gateway) });
        }
        let default = || match self.declaration() {
            Ok(Some(declaration)) => declaration.base_url,
            _ => registry::default_base_url(kind).map(str::to_owned),
        };
        let address = self.base_url.clone().or_else(default).unwrap_or_default();
        Ok(Open { adapter: self.adapter()?, address, gateway: None })
    }

    /// The adapter with its credentials, for an account that is no gateway inside the process.
    pub(crate) fn adapter(&self) -> Result<Arc<dyn Adapter>, Fault> {
        if self.is_sim() {
            return Err(Fault::usage(
                "kind = \"sim\" is a gateway that lives as long as `send`, and nobody can ask it later",
            )
            .hint("run `volley sim`, and point base_url of a real kind at it"));
        }
        let settings = self.adapter_settings(self.base_url.clone(), self.credentials()?);
        Ok(registry::adapter(&self.protocol, settings)?)
    }

    /// Whether every secret can be read; keeps none.
    pub(crate) fn check_secrets(&self) -> Result<(), Fault> {
        if !self.is_sim() {
            registry::adapter(
                &self.protocol,
                self.adapter_settings(self.base_url.clone(), self.credentials()?),
            )?;
        }
        Ok(())
    }

    fn adapter_settings(&self, base_url: Option<String>, credentials: Credentials) -> Settings {
        // The gateway's settings are its own, not its face's.
        let options = if self.is_sim() { sim_options(&self.protocol) } else { self.settings.clone() };
        Settings { base_url, options, credentials, max_characters: self.max_characters }
    }

    /// What the provider's own description says of it, where it has one.
    fn declaration(&self) -> Result<Option<registry::Declaration>, Fault> {
        Ok(self.settings.get(DEFINITION).map(|text| registry::declaration(text)).transpose()?)
    }

    fn credentials(&self) -> Result<Credentials, Fault> {
        let mut credentials = Credentials::default();
        let needs = match self.declaration()? {
            Some(declaration) => declaration.needs,
            None => registry::needs(&self.protocol).to_vec(),
        };
        for part in needs {
            let secret = self.secret(part)?;
            match part {
                "key" => credentials.key = secret,
                "secret" => credentials.secret = secret,
                "account" => credentials.account = secret,
                "token" => credentials.token = secret,
                "username" => credentials.username = secret,
                "password" => credentials.password = secret,
                other => unreachable!("credentials have no part {other}"),
            }
        }
        Ok(credentials)
    }

    /// One part of the credentials; `None` where the campaign does not say where it is.
    pub(crate) fn secret(&self, part: &str) -> Result<Option<SecretString>, Fault> {
        if let Some(name) = self.auth.get(&format!("{part}_env")) {
            return match env::var(name) {
                Ok(value) if !value.is_empty() => Ok(Some(value.into())),
                _ => Err(Fault::usage(format!(
                    "the environment variable {name} (provider.auth.{part}_env) is not set"
                ))
                .hint("export it")),
            };
        }
        let Some(file) = self.auth.get(&format!("{part}_file")) else { return Ok(None) };
        secret_file(Path::new(file)).map(Some)
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The setting that names the file in which a provider is described.
const DEFINITION: &str = "definition";

/// The text of the file in which a provider is described, named by the campaign file at `campaign`,
/// and understood.
fn described(campaign: &Path, file: &str) -> Result<String, Fault> {
    let path = campaign.parent().unwrap_or(Path::new("")).join(file);
    let text = fs::read_to_string(&path).map_err(|error| {
        let exit_code = if error.kind() == std::io::ErrorKind::NotFound { 10 } else { 2 };
        Fault::new(exit_code, format!("{} (provider.definition): {error}", path.display()))
            .hint("name the file that describes the provider; the path is relative to the campaign file")
    })?;
    match registry::declaration(&text) {
        Ok(_) => Ok(text),
        Err(error) => {
            let line =
                if let registry::SettingsError::Definition { line, .. } = &error { *line } else { None };
            let place = FilePlace { file: path.clone(), line, mark: Mark::Line, content: Content::Settings };
            let message = format!("{} (provider.definition): {error}", path.display());
            Err(Fault::explained(2, &message, &error.hint()).at(place))
        }
    }
}

/// A source of a secret under its key of the campaign file.
fn named(part: &str, source: &SecretSource) -> (String, String) {
    match source {
        SecretSource::Environment(name) => (format!("{part}_env"), name.clone()),
        SecretSource::File(path) => (format!("{part}_file"), from_anywhere(path)),
    }
}

/// `path` as it is written for a journal, which may be resumed from another directory.
fn from_anywhere(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.display().to_string()
}

/// Reads a secret from a file that only its owner can read.
fn secret_file(path: &Path) -> Result<SecretString, Fault> {
    use std::os::unix::fs::PermissionsExt;
    let shown = path.display();
    let fault = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Fault::new(10, format!("{shown}: no such file")).hint("it is named in [provider.auth]")
        }
        _ => Fault::usage(format!("{shown}: {error}")),
    };
    let mode = fs::metadata(path).map_err(fault)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(
            Fault::usage(format!("{shown} can be read by others")).hint(format!("run `chmod 600 {shown}`"))
        );
    }
    let text = fs::read_to_string(path).map_err(fault)?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

/// The account that the gateway knows for every face; also the stand-in where an adapter is only
/// asked what it can do.
fn sim_credentials() -> Credentials {
    let part = |name: &str| Some(SecretString::from(format!("sim-{name}")));
    Credentials {
        key: part("key"),
        secret: part("secret"),
        account: part("account"),
        token: part("token"),
        username: part("user"),
        password: part("password"),
    }
}

/// The settings without which a kind is nothing, as the gateway's own accounts have them.
fn sim_options(kind: &str) -> BTreeMap<String, String> {
    let needed: &[(&str, &str)] = match kind {
        "fonedynamics" => &[("property_sid", "sim-property")],
        "multitel" => &[("bulk_allowed", "true")],
        _ => &[],
    };
    needed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What an account of `kind` can be asked to do where its campaign says nothing else; `None` for
/// a kind that only a campaign describes.
pub(crate) fn usual_capabilities(kind: &str) -> Option<Capabilities> {
    let settings = Settings {
        base_url: None,
        options: sim_options(kind),
        credentials: sim_credentials(),
        max_characters: None,
    };
    registry::adapter(kind, settings).ok().map(|adapter| adapter.capabilities().clone())
}

/// The unit that bills of `kind` are in, where it is not money.
pub(crate) fn bill_unit(kind: &str) -> Option<&'static str> {
    match usual_capabilities(kind)?.reply_price {
        ReplyPrice::Units(unit) => Some(unit),
        ReplyPrice::Nothing | ReplyPrice::Money => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a journal keeps it that was planned when these were all the keys.
    fn account(kind: &str, rate: &str) -> Account {
        let kept = format!(
            r#"{{ "kind": "{kind}", "protocol": "{kind}", "base_url": null, "rates": ["{rate}"],
                  "max_in_flight": null, "timeout_ms": null, "settings": {{}}, "auth": {{}},
                  "max_characters": null, "max_cost": null, "history": null, "opt_outs": null }}"#
        );
        serde_json::from_str(&kept).expect("what a journal keeps")
    }

    fn with(mut account: Account, variables: &[(&str, &str)]) -> Result<Account, Fault> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        account.override_from(variables).map(|()| account)
    }

    #[test]
    fn pacing_is_as_the_campaign_says_or_as_the_rates_and_the_provider_suggest() {
        for (kind, rate, variable, pacing) in [
            ("mesms", "5/s", None, Pacing::Strict),
            ("mesms", "50/s", None, Pacing::Spaced),
            ("transmitsms", "15/s", None, Pacing::Strict),
            ("transmitsms", "15/s", Some("spaced"), Pacing::Spaced),
            ("mesms", "50/s", Some("strict"), Pacing::Strict),
        ] {
            let variables: Vec<_> = variable.iter().map(|word| ("VOLLEY_PROVIDER_PACING", *word)).collect();
            let account = with(account(kind, rate), &variables).expect("good variables");
            let capabilities = account.capabilities().expect("a known kind");
            assert_eq!(account.pacing(&capabilities).ok(), Some(pacing), "{kind} {rate} {variable:?}");
        }
    }

    #[test]
    fn a_round_trip_is_promised_to_strict_pacing_alone() {
        for (rate, is_good) in [("5/s", true), ("50/s", false)] {
            let account = Account { least_round_trip_ms: Some(20), ..account("mesms", rate) };
            let capabilities = account.capabilities().expect("a known kind");
            assert_eq!(account.least_round_trip(&capabilities).is_ok(), is_good, "{rate}");
        }
    }

    #[test]
    fn patience_is_half_a_minute_and_can_be_set_for_a_resume() {
        assert_eq!(account("mesms", "5/s").patience(), Duration::from_secs(30));
        let patient = with(account("mesms", "5/s"), &[("VOLLEY_LIMITS_PATIENCE", "2h")]).expect("a time");
        assert_eq!(patient.patience(), Duration::from_hours(2));
        let fault = with(account("mesms", "5/s"), &[("VOLLEY_LIMITS_PATIENCE", "long")]);
        assert!(fault.is_err_and(|fault| fault.exit_code == 2));
    }
}
