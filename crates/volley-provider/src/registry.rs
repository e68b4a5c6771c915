//! From the words of a campaign file to an adapter.

use crate::{
    adapter::Adapter,
    base_url::{BaseUrl, BaseUrlFault},
    credentials::{CredentialFault, Credentials},
    mesms::{self, MeSms},
    transmitsms::{self, TransmitSms},
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Every kind of this version, with the names of the settings that are its own. The settings that
/// all kinds share (`base_url`, `rate`, `chunk`, …) are not among them.
pub const KINDS: &[(&str, &[&str])] =
    &[(transmitsms::KIND, transmitsms::OPTIONS), (mesms::KIND, mesms::OPTIONS)];

/// Kinds that the campaign file knows and this version has no adapter for.
const LATER: [&str; 3] = ["maxotel", "fonedynamics", "multitel"];

/// Settings by name, as the campaign file has them; a number is its digits.
pub type Options = BTreeMap<String, String>;

/// What `[provider]` says, as far as an adapter is concerned.
///
/// `Debug` shows the names of the options alone: a callback's address carries a token.
#[derive(Clone, Default)]
pub struct Settings {
    /// Where the provider is; `None` for [`default_base_url`].
    pub base_url: Option<String>,
    /// The kind's own settings.
    pub options: Options,
    /// The account's secrets.
    pub credentials: Credentials,
    /// The longest text in characters; `None` for what the provider documents.
    pub max_characters: Option<usize>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("options", &self.options.keys()).finish_non_exhaustive()
    }
}

/// Why settings give no adapter. Holds no setting's value that could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A provider of the contract that is not built yet.
    #[error("this version cannot send through {0}; it can through {known}", known = known())]
    NotInThisVersion(String),
    /// No provider at all.
    #[error("`{0}` is no provider; this version can send through {known}", known = known())]
    UnknownKind(String),
    /// A setting that the kind does not have.
    #[error("{kind} has no setting `{option}`; its own are {}", own_settings(kind))]
    UnknownOption {
        /// The provider.
        kind: &'static str,
        /// The setting.
        option: String,
    },
    /// A setting with a value that cannot be used.
    #[error("{option}: {problem}")]
    BadOption {
        /// The setting.
        option: &'static str,
        /// What it must be.
        problem: String,
    },
    /// A part of the credentials is missing or cannot be used.
    #[error("{0}")]
    Credential(#[from] CredentialFault),
    /// The address is none, or an unsafe one.
    #[error("{0}")]
    BaseUrl(#[from] BaseUrlFault),
}

impl SettingsError {
    pub(crate) fn option(option: &'static str, problem: impl fmt::Display) -> Self {
        Self::BadOption { option, problem: problem.to_string() }
    }
}

/// The adapter for an account of `kind`.
pub fn adapter(kind: &str, settings: Settings) -> Result<Arc<dyn Adapter>, SettingsError> {
    let Settings { base_url, options, credentials, max_characters } = settings;
    let Some((kind, known)) = KINDS.iter().find(|(known, _)| *known == kind).copied() else {
        let fault =
            if LATER.contains(&kind) { SettingsError::NotInThisVersion } else { SettingsError::UnknownKind };
        return Err(fault(kind.to_owned()));
    };
    if let Some(option) = options.keys().find(|option| !known.contains(&option.as_str())) {
        return Err(SettingsError::UnknownOption { kind, option: option.clone() });
    }
    let default = default_base_url(kind).expect("every kind has one");
    let base_url = BaseUrl::parse(base_url.as_deref().unwrap_or(default))?;
    Ok(match kind {
        transmitsms::KIND => Arc::new(TransmitSms::new(&base_url, &options, &credentials, max_characters)?),
        mesms::KIND => Arc::new(MeSms::new(&base_url, &options, &credentials, max_characters)?),
        _ => unreachable!("{kind} is in KINDS and has no adapter"),
    })
}

/// Where `kind` is reached unless the campaign says otherwise; `None` for an unknown kind.
pub fn default_base_url(kind: &str) -> Option<&'static str> {
    match kind {
        transmitsms::KIND => Some(transmitsms::BASE_URL),
        mesms::KIND => Some(mesms::BASE_URL),
        _ => None,
    }
}

/// The parts of [`Credentials`] that an account of `kind` has, by name; none for an unknown kind.
pub fn needs(kind: &str) -> &'static [&'static str] {
    match kind {
        transmitsms::KIND => transmitsms::NEEDS,
        mesms::KIND => mesms::NEEDS,
        _ => &[],
    }
}

fn own_settings(kind: &str) -> String {
    KINDS
        .iter()
        .filter(|(known, _)| *known == kind)
        .flat_map(|(_, names)| *names)
        .copied()
        .collect::<Vec<_>>()
        .join(", ")
}

fn known() -> String {
    KINDS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(options: &[(&str, &str)]) -> Settings {
        Settings {
            base_url: Some("http://127.0.0.1:9".to_owned()),
            options: options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            credentials: Credentials {
                key: Some("sim-key".into()),
                secret: Some("sim-secret".into()),
                ..Credentials::default()
            },
            max_characters: None,
        }
    }

    fn fault(kind: &str, settings: Settings) -> String {
        adapter(kind, settings).expect_err("cannot be built").to_string()
    }

    #[test]
    fn every_kind_is_complete() {
        for (kind, _) in KINDS {
            let adapter = adapter(kind, settings(&[])).unwrap_or_else(|fault| panic!("{fault}"));
            assert_eq!(adapter.kind(), *kind);
            let default = default_base_url(kind).expect("every kind has one");
            assert_eq!(BaseUrl::parse(default).map(|url| url.as_str().to_owned()), Ok(default.to_owned()));
            assert!(!needs(kind).is_empty());
        }
        assert_eq!((default_base_url("sim"), needs("sim")), (None, &[][..]));
    }

    #[test]
    fn a_kind_that_is_not_built_yet_is_told_from_a_wrong_word() {
        for kind in LATER {
            let text =
                format!("this version cannot send through {kind}; it can through transmitsms and mesms");
            assert_eq!(fault(kind, settings(&[])), text);
        }
        let text = "`transmit` is no provider; this version can send through transmitsms and mesms";
        assert_eq!(fault("transmit", settings(&[])), text);
    }

    #[test]
    fn a_missing_credential_is_named() {
        for (kind, _) in KINDS {
            for field in needs(kind) {
                let mut settings = settings(&[]);
                match *field {
                    "key" => settings.credentials.key = None,
                    "secret" => settings.credentials.secret = None,
                    other => panic!("{kind} needs {other}, which this test does not know"),
                }
                let text =
                    format!("{field} is missing; name it in [provider.auth] as {field}_env or {field}_file");
                assert_eq!(fault(kind, settings), text);
            }
        }
    }

    #[test]
    fn a_bad_value_names_its_option() {
        for (kind, option, value) in [
            ("transmitsms", "path_prefix", "/a b"),
            ("transmitsms", "max_recipients", "0"),
            ("transmitsms", "max_recipients", "10001"),
            ("transmitsms", "max_recipients", "many"),
            ("transmitsms", "validity", "-1"),
            ("transmitsms", "validity", "4321"),
            ("transmitsms", "validity", "1.5"),
            ("transmitsms", "replies_to_email", "shop"),
            ("transmitsms", "replies_to_email", "@example.com"),
            ("transmitsms", "replies_to_email", "shop @example.com"),
            ("transmitsms", "dlr_callback", "example.com/dlr"),
            ("transmitsms", "dlr_callback", "https://"),
            ("transmitsms", "reply_callback", "ftp://example.com"),
            ("transmitsms", "tracked_link_url", "https://example.com/a b"),
            ("transmitsms", "countrycode", ""),
            ("transmitsms", "countrycode", "61"),
            ("mesms", "send_path", ""),
            ("mesms", "send_path", "/"),
            ("mesms", "send_path", "/send?x=1"),
            ("mesms", "send_path", "/a/../b"),
        ] {
            let text = fault(kind, settings(&[(option, value)]));
            assert!(text.starts_with(&format!("{option}: ")), "{option} = {value}: {text}");
        }
    }

    #[test]
    fn an_unknown_setting_names_those_that_are_known() {
        let text = "mesms has no setting `validity`; its own are send_path";
        assert_eq!(fault("mesms", settings(&[("validity", "5")])), text);
    }

    #[test]
    fn an_address_on_another_machine_is_https() {
        let mut settings = settings(&[]);
        settings.base_url = Some("http://api.transmitsms.com".to_owned());
        let fault = adapter("transmitsms", settings).expect_err("plain http");
        assert_eq!(fault, SettingsError::BaseUrl(BaseUrlFault::PlainHttp));
    }

    #[test]
    fn neither_settings_nor_adapters_show_a_secret() {
        let settings = settings(&[("dlr_callback", "https://example.com/dlr?token=sim-token")]);
        let adapter = adapter("transmitsms", settings.clone()).unwrap_or_else(|fault| panic!("{fault}"));
        let shown = format!("{adapter:?} {settings:?} {:?}", settings.credentials);
        assert!(!shown.contains("sim-"), "{shown}");
    }
}
