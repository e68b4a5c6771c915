//! From the words of a campaign file to an adapter.

use crate::{
    adapter::Adapter,
    base_url::{BaseUrl, BaseUrlFault},
    credentials::{CredentialFault, Credentials},
    declared, fonedynamics, maxotel, mesms, multitel, transmitsms,
};
use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

/// Every kind of this version. The settings that all kinds share (`base_url`, `rate`, `chunk`, …)
/// are not among those of a kind.
const KINDS: &[&Kind] = &[
    &transmitsms::KIND,
    &mesms::KIND,
    &maxotel::KIND,
    &fonedynamics::KIND,
    &multitel::KIND,
    &declared::KIND,
];

/// One provider, as the registry knows it.
pub(crate) struct Kind {
    /// The word for it in campaign files.
    pub(crate) word: &'static str,
    /// Where it is reached unless the campaign says otherwise; `None` where only the campaign can say.
    pub(crate) base_url: Option<&'static str>,
    /// The parts of [`Credentials`] that an account of it has.
    pub(crate) needs: &'static [&'static str],
    /// The names of the settings that are its own.
    pub(crate) options: &'static [&'static str],
    /// Its adapter for one account.
    pub(crate) adapter: fn(&Setup<'_>) -> Result<Arc<dyn Adapter>, SettingsError>,
}

/// What an adapter is made from.
pub(crate) struct Setup<'a> {
    /// `None` only where [`Kind::base_url`] is and the campaign does not say.
    pub(crate) base_url: Option<BaseUrl>,
    pub(crate) options: &'a Options,
    pub(crate) credentials: &'a Credentials,
    /// The longest text in characters; `None` for what the provider documents.
    pub(crate) max_characters: Option<usize>,
}

impl Setup<'_> {
    /// The address, for a kind that has one of its own.
    pub(crate) fn base_url(&self) -> &BaseUrl {
        self.base_url.as_ref().expect("the kind has an address of its own")
    }
}

/// The kinds that can be sent through, each with the names of the settings that are its own.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    KINDS.iter().map(|kind| (kind.word, kind.options))
}

fn kind(word: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.word == word).copied()
}

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
    /// A description of a provider that is not understood.
    #[error("definition: {problem}")]
    Definition {
        /// The line of it, from 1; `None` for what is missing.
        line: Option<usize>,
        /// Where, what is wrong, and what to write.
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
    /// What to do about it, as its message ends; empty where the message says it all along.
    pub fn hint(&self) -> Cow<'static, str> {
        match self {
            Self::Credential(fault) => fault.hint(),
            _ => Cow::Borrowed(""),
        }
    }

    pub(crate) fn option(option: &'static str, problem: impl fmt::Display) -> Self {
        Self::BadOption { option, problem: problem.to_string() }
    }
}

/// The adapter for an account of the kind `word`.
pub fn adapter(word: &str, settings: Settings) -> Result<Arc<dyn Adapter>, SettingsError> {
    let Settings { base_url, options, credentials, max_characters } = settings;
    let Some(kind) = kind(word) else {
        return Err(SettingsError::UnknownKind(word.to_owned()));
    };
    if let Some(option) = options.keys().find(|option| !kind.options.contains(&option.as_str())) {
        return Err(SettingsError::UnknownOption { kind: kind.word, option: option.clone() });
    }
    let base_url = base_url.as_deref().or(kind.base_url).map(BaseUrl::parse).transpose()?;
    (kind.adapter)(&Setup { base_url, options: &options, credentials: &credentials, max_characters })
}

/// Where the kind `word` is reached unless the campaign says otherwise; `None` for an unknown kind
/// and for one that has no address of its own.
pub fn default_base_url(word: &str) -> Option<&'static str> {
    kind(word)?.base_url
}

/// The parts of [`Credentials`] that an account of the kind `word` has, by name; none for an
/// unknown kind.
pub fn needs(word: &str) -> &'static [&'static str] {
    kind(word).map_or(&[], |kind| kind.needs)
}

/// What the definition of a provider says of it, for the kind `http`, whose own address and
/// credentials no version of this program knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// What it is called.
    pub name: String,
    /// Where it is reached unless the campaign says otherwise.
    pub base_url: Option<String>,
    /// The parts of [`Credentials`] that an account of it has, by name.
    pub needs: Vec<&'static str>,
}

/// Reads `definition`, the setting of that name of the kind `http`.
pub fn declaration(definition: &str) -> Result<Declaration, SettingsError> {
    declared::declaration(definition)
}

fn own_settings(word: &str) -> String {
    kind(word).map_or(String::new(), |kind| kind.options.join(", "))
}

fn known() -> String {
    let words: Vec<&str> = kinds().map(|(word, _)| word).collect();
    let (last, others) = words.split_last().expect("there are kinds");
    format!("{} and {last}", others.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings with these beside those that an account of `kind` cannot do without.
    fn settings(kind: &str, options: &[(&str, &str)]) -> Settings {
        let needed: &[_] = match kind {
            "fonedynamics" => &[("property_sid", "sim-property")],
            "multitel" => &[("bulk_allowed", "true")],
            "http" => &[("definition", include_str!("../../../data/providers/twilio.toml"))],
            _ => &[],
        };
        let options = needed.iter().chain(options);
        Settings {
            base_url: Some("http://127.0.0.1:9".to_owned()),
            options: options.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            credentials: Credentials {
                key: Some("sim-key".into()),
                secret: Some("sim-secret".into()),
                account: Some("sim-account".into()),
                token: Some("sim-token".into()),
                username: Some("sim-username".into()),
                password: Some("sim-password".into()),
            },
            max_characters: None,
        }
    }

    fn fault(kind: &str, settings: Settings) -> String {
        adapter(kind, settings).expect_err("cannot be built").to_string()
    }

    #[test]
    fn every_kind_is_complete() {
        for (kind, _) in kinds() {
            let adapter = adapter(kind, settings(kind, &[])).unwrap_or_else(|fault| panic!("{fault}"));
            assert_eq!(adapter.kind(), kind);
            let Some(default) = default_base_url(kind) else {
                assert_eq!((kind, needs(kind)), ("http", &[][..]), "only a definition knows them");
                continue;
            };
            assert_eq!(BaseUrl::parse(default).map(|url| url.as_str().to_owned()), Ok(default.to_owned()));
            assert!(!needs(kind).is_empty());
        }
        assert_eq!((default_base_url("sim"), needs("sim")), (None, &[][..]));
    }

    #[test]
    fn a_wrong_word_is_told_those_that_are_known() {
        let told = fault("transmit", settings("transmit", &[]));
        assert!(told.starts_with("`transmit` is no provider; this version can send through "), "{told}");
        assert!(kinds().all(|(kind, _)| told.contains(kind)), "{told}");
    }

    #[test]
    fn a_missing_credential_is_named() {
        for (kind, _) in kinds() {
            for field in needs(kind) {
                let mut settings = settings(kind, &[]);
                match *field {
                    "key" => settings.credentials.key = None,
                    "secret" => settings.credentials.secret = None,
                    "account" => settings.credentials.account = None,
                    "token" => settings.credentials.token = None,
                    "username" => settings.credentials.username = None,
                    "password" => settings.credentials.password = None,
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
            ("transmitsms", "format", "yaml"),
            ("transmitsms", "format", "JSON"),
            ("transmitsms", "signature", "on"),
            ("mesms", "send_path", ""),
            ("mesms", "send_path", "/"),
            ("mesms", "send_path", "/send?x=1"),
            ("mesms", "send_path", "/a/../b"),
            ("mesms", "preview_path", "/preview?x=1"),
            ("mesms", "list_path", ""),
            ("mesms", "credits_path", "/"),
            ("mesms", "senders_path", "/a b"),
            ("mesms", "cancel_path", "/cancel"),
            ("mesms", "cancel_path", "/{uuid}/../cancel"),
            ("mesms", "recipients_path", "/recipients?uuid={uuid}"),
            ("mesms", "quote_by", "dryRun"),
            ("maxotel", "send_path", "/"),
            ("maxotel", "send_path", "/sms/send?key=1"),
            ("maxotel", "method", "put"),
            ("maxotel", "sms_inbox", ""),
            ("maxotel", "sms_inbox", "inbox 17"),
            ("maxotel", "inbox_field", "smsInbox"),
            ("multitel", "bulk_allowed", "perhaps"),
            ("multitel", "format", "xml"),
            ("multitel", "destinations", ""),
            ("multitel", "destinations", "1,,44"),
            ("multitel", "destinations", "01"),
            ("multitel", "destinations", "+1"),
            ("multitel", "notify_url", "example.com/dlr"),
            ("multitel", "status_words", "delivered"),
            ("multitel", "status_words", "DELIVRD=arrived"),
            ("multitel", "media", "aGVsbG8="),
            ("multitel", "media", "no base64"),
            ("multitel", "media", "R0lGODlhAQABAAAAACw="),
            ("http", "definition", ""),
            ("fonedynamics", "property_sid", ""),
            ("fonedynamics", "property_sid", "../sim-property"),
            ("fonedynamics", "max_recipients", "0"),
            ("fonedynamics", "max_recipients", "1001"),
            ("fonedynamics", "send_single", "perhaps"),
            ("fonedynamics", "receipts", "push"),
            ("fonedynamics", "delivery_receipt", "1"),
            ("fonedynamics", "receipt_url", "example.com/receipt"),
            ("fonedynamics", "receipt_method", "POST"),
            ("fonedynamics", "reply_url", "ftp://example.com"),
            ("fonedynamics", "reply_method", "GET"),
            ("fonedynamics", "forward_to_sms", "0491570006"),
            ("fonedynamics", "forward_to_sms", "Shop"),
            ("fonedynamics", "forward_from_sms", "TwelveCharsX"),
            ("fonedynamics", "forward_from_sms", "12 34"),
            ("fonedynamics", "forward_to_email", "shop"),
            ("fonedynamics", "forward_from_email", "shop@"),
            ("fonedynamics", "codes_transient", ""),
            ("fonedynamics", "codes_transient", "BUSY,,LATER"),
            ("fonedynamics", "codes_no_funds", "NO FUNDS"),
        ] {
            let text = fault(kind, settings(kind, &[(option, value)]));
            assert!(text.starts_with(&format!("{option}: ")), "{option} = {value}: {text}");
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_with_the_reason() {
        let url = ("receipt_url", "https://example.com/receipt");
        for (options, text) in [
            (
                &[url, ("delivery_receipt", "false")][..],
                "receipt_url: it is called for delivery receipts alone, and delivery_receipt is false",
            ),
            (&[url, ("receipt_method", "PUT")], "receipt_method: it must be `POST` or `GET`, not `PUT`"),
            (&[("receipt_method", "POST")], "receipt_method: there is nothing to call without receipt_url"),
            (&[("reply_method", "POST")], "reply_method: there is nothing to call without reply_url"),
        ] {
            assert_eq!(fault("fonedynamics", settings("fonedynamics", options)), text);
        }
        let mut without_property = settings("fonedynamics", &[]);
        without_property.options.clear();
        let text = "property_sid: it is missing; write the PropertySid that the account sends from";
        assert_eq!(fault("fonedynamics", without_property), text);
    }

    #[test]
    fn an_unknown_setting_names_those_that_are_known() {
        let text = "mesms has no setting `validity`; its own are send_path, preview_path, list_path, \
                    credits_path, senders_path, cancel_path, recipients_path, quote_by";
        assert_eq!(fault("mesms", settings("mesms", &[("validity", "5")])), text);
    }

    #[test]
    fn an_address_on_another_machine_is_https() {
        let mut settings = settings("transmitsms", &[]);
        settings.base_url = Some("http://api.transmitsms.com".to_owned());
        let fault = adapter("transmitsms", settings).expect_err("plain http");
        assert_eq!(fault, SettingsError::BaseUrl(BaseUrlFault::PlainHttp));
    }

    #[test]
    fn neither_settings_nor_adapters_show_a_secret() {
        let settings =
            settings("transmitsms", &[("dlr_callback", "https://example.com/dlr?token=sim-token")]);
        let adapter = adapter("transmitsms", settings.clone()).unwrap_or_else(|fault| panic!("{fault}"));
        let shown = format!("{adapter:?} {settings:?} {:?}", settings.credentials);
        assert!(!shown.contains("sim-"), "{shown}");
    }
}
