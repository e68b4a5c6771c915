//! What an account is known by. Every part is a secret: none shows in `Debug`.

use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;

/// The secrets of `[provider.auth]`, as read from the environment or from files.
///
/// Which of them a kind needs is [`registry::needs`](crate::registry::needs).
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// API key.
    pub key: Option<SecretString>,
    /// API secret.
    pub secret: Option<SecretString>,
    /// Account id.
    pub account: Option<SecretString>,
    /// Token.
    pub token: Option<SecretString>,
    /// User name.
    pub username: Option<SecretString>,
    /// Password.
    pub password: Option<SecretString>,
}

/// Why a part of the credentials cannot be used. Never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialFault {
    /// Not given.
    #[error("{field} is missing; {}", self.hint())]
    Missing {
        /// The part's name: `key`, `secret`, …
        field: &'static str,
    },
    /// Empty, or with characters that cannot travel in a header.
    #[error("{field} is empty or holds {what}; {}", self.hint())]
    Unusable {
        /// The part's name.
        field: &'static str,
        /// What may not be in it.
        what: &'static str,
    },
}

impl CredentialFault {
    /// What to do about it, as its message ends.
    pub(crate) fn hint(self) -> Cow<'static, str> {
        match self {
            Self::Missing { field } => {
                Cow::Owned(format!("name it in [provider.auth] as {field}_env or {field}_file"))
            }
            Self::Unusable { .. } => Cow::Borrowed("check the variable or file that it is read from"),
        }
    }
}

impl Credentials {
    /// The part called `field`, of printable ASCII or, for a value that is encoded on its way,
    /// anything without control characters.
    pub(crate) fn take(&self, field: &'static str, form: Form) -> Result<&SecretString, CredentialFault> {
        let part = match field {
            "key" => &self.key,
            "secret" => &self.secret,
            "account" => &self.account,
            "token" => &self.token,
            "username" => &self.username,
            "password" => &self.password,
            _ => &None,
        };
        let part = part.as_ref().ok_or(CredentialFault::Missing { field })?;
        let text = part.expose_secret();
        let what = match form {
            Form::Header => "spaces or characters beyond ASCII",
            Form::BasicUser => "a colon or control characters",
            Form::BasicPassword | Form::Encoded => "control characters",
        };
        let usable = match form {
            Form::Header => text.bytes().all(|byte| byte.is_ascii_graphic()),
            Form::BasicUser => !text.contains(|character: char| character == ':' || character.is_control()),
            Form::BasicPassword | Form::Encoded => !text.contains(char::is_control),
        };
        if text.is_empty() || !usable {
            return Err(CredentialFault::Unusable { field, what });
        }
        Ok(part)
    }
}

/// How a part of the credentials travels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// As a header's value.
    Header,
    /// Before the colon of Basic authentication (RFC 7617 section 2).
    BasicUser,
    /// After it.
    BasicPassword,
    /// URL-encoded: as a field of a form, or in an address.
    Encoded,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_found_by_its_name_and_shown_to_nobody() {
        let all = Credentials {
            key: Some("value-of-key".into()),
            secret: Some("value-of-secret".into()),
            account: Some("value-of-account".into()),
            token: Some("value-of-token".into()),
            username: Some("value-of-username".into()),
            password: Some("value-of-password".into()),
        };
        for field in ["key", "secret", "account", "token", "username", "password"] {
            let part = all.take(field, Form::Header).unwrap_or_else(|fault| panic!("{fault}"));
            assert_eq!(part.expose_secret(), format!("value-of-{field}"));
            let missing = Credentials::default().take(field, Form::Header).map(|_| ());
            assert_eq!(missing, Err(CredentialFault::Missing { field }));
        }
        assert!(!format!("{all:?}").contains("value-of"));
    }

    #[test]
    fn a_part_that_cannot_travel_is_refused_without_repeating_it() {
        for (value, form, usable) in [
            ("abc", Form::Header, true),
            ("", Form::Header, false),
            ("a b", Form::Header, false),
            ("abc\n", Form::Header, false),
            ("clé", Form::Header, false),
            ("a:b", Form::BasicUser, false),
            ("a b", Form::BasicUser, true),
            ("", Form::BasicUser, false),
            ("a:b clé", Form::BasicPassword, true),
            ("abc\r\n", Form::BasicPassword, false),
            ("a b+clé", Form::Encoded, true),
            ("abc\n", Form::Encoded, false),
            ("", Form::BasicPassword, false),
        ] {
            let credentials = Credentials { key: Some(value.into()), ..Credentials::default() };
            let taken = credentials.take("key", form);
            assert_eq!(taken.is_ok(), usable, "{value:?} as {form:?}");
            if let Err(fault) = taken {
                assert!(value.len() < 3 || !fault.to_string().contains(value.trim()), "{fault}");
            }
        }
    }
}
