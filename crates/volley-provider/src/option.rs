//! What the values of an account's settings must look like.

use crate::registry::{Options, SettingsError};
use std::ops::RangeInclusive;

/// An account's own settings, read by name.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a>(pub(crate) &'a Options);

impl Named<'_> {
    /// Whether there is a setting `name`.
    pub(crate) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What `rule` makes of the setting `name`; `None` where there is none. The rule's error ends
    /// the sentence that the name begins.
    pub(crate) fn optional<T>(
        self,
        name: &'static str,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingsError> {
        let value = self.0.get(name).map(|value| rule(value)).transpose();
        value.map_err(|problem| SettingsError::option(name, problem))
    }

    /// The same, or `usual` where there is none.
    pub(crate) fn or<T>(
        self,
        name: &'static str,
        usual: T,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SettingsError> {
        Ok(self.optional(name, rule)?.unwrap_or(usual))
    }

    /// The same for a setting that an account cannot do without; `missing` says what it is.
    pub(crate) fn needed<T>(
        self,
        name: &'static str,
        missing: &str,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SettingsError> {
        self.optional(name, rule)?.ok_or_else(|| SettingsError::option(name, missing))
    }
}

/// `true` or `false`.
pub(crate) fn yes_or_no(value: &str) -> Result<bool, String> {
    value.trim().parse().map_err(|_| format!("it must be true or false, not `{value}`"))
}

/// A whole number within `range`, with `_` between its digits allowed.
pub(crate) fn number_in(value: &str, range: &RangeInclusive<u32>) -> Result<u32, String> {
    value.trim().replace('_', "").parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        format!("it must be a whole number from {} to {}, not `{value}`", range.start(), range.end())
    })
}

/// An address that the provider is to call, `https://` or `http://` with a host.
pub(crate) fn url(value: &str) -> Result<String, String> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let has_host = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']));
    if has_host && is_visible(value) {
        Ok(value.to_owned())
    } else {
        Err("it must be an address that starts with https:// or http://".to_owned())
    }
}

/// An e-mail address, as far as it can be told by its looks.
pub(crate) fn email(value: &str) -> Result<String, String> {
    let (name, host) = value.split_once('@').unwrap_or_default();
    if is_visible(value) && !name.is_empty() && !host.is_empty() {
        Ok(value.to_owned())
    } else {
        Err("it must be an e-mail address".to_owned())
    }
}

fn is_visible(value: &str) -> bool {
    !value.chars().any(|one| one.is_whitespace() || one.is_control())
}
