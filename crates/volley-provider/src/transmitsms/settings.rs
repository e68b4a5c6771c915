//! The account's own settings: what each may be, and what is passed on with every message.

use crate::{
    option::{self, Named},
    registry::SettingsError,
};
use std::ops::RangeInclusive;

/// The setting that says where the provider tells how messages went.
pub(super) const DLR_CALLBACK: &str = "dlr_callback";

/// Current documents say 500 numbers a request, older ones 10,000.
pub(super) const RECIPIENTS: u32 = 500;
const MAX_RECIPIENTS: RangeInclusive<u32> = 1..=10_000;

/// Minutes; after 72 hours the provider expires a message anyway.
const VALIDITY: RangeInclusive<u32> = 0..=4_320;

/// What a value must look like, and the value.
type Rule = fn(&str) -> Result<String, String>;

/// Form fields that are the same in every request of a campaign, in the order they are sent in.
const PASSED_ON: [(&str, Rule); 6] = [
    ("validity", |value| option::number_in(value, &VALIDITY).map(|_| value.to_owned())),
    ("replies_to_email", option::email),
    (DLR_CALLBACK, option::url),
    ("reply_callback", option::url),
    ("tracked_link_url", option::url),
    ("countrycode", country),
];

/// The form in which the provider is asked to answer: what its methods end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }

    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
        }
    }
}

/// What is done about the signature of a callback. How the provider writes down what it signs is
/// shown by an example alone, so a true one may not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    /// It is not looked at.
    Off,
    /// One that does not fit is told, and the callback is used all the same.
    Log,
    /// A callback without one that fits is not used.
    Enforce,
}

/// The one of `words` that the setting `name` is; the first where it is not set.
fn choice<T: Copy>(settings: Named<'_>, name: &'static str, words: &[(&str, T)]) -> Result<T, SettingsError> {
    settings.or(name, words[0].1, |value| {
        let found = words.iter().find(|(word, _)| *word == value).map(|(_, meant)| *meant);
        found.ok_or_else(|| {
            let listed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("it must be one of {}, not `{value}`", listed.join(", "))
        })
    })
}

pub(super) fn format(settings: Named<'_>) -> Result<Format, SettingsError> {
    choice(settings, "format", &[("json", Format::Json), ("xml", Format::Xml)])
}

pub(super) fn signature(settings: Named<'_>) -> Result<Signature, SettingsError> {
    let words = [("off", Signature::Off), ("log", Signature::Log), ("enforce", Signature::Enforce)];
    choice(settings, "signature", &words)
}

/// The most recipients of a request.
pub(super) fn max_recipients(settings: Named<'_>) -> Result<u32, SettingsError> {
    settings.or("max_recipients", RECIPIENTS, |value| option::number_in(value, &MAX_RECIPIENTS))
}

/// The fields that are passed on, checked.
pub(super) fn passed_on(settings: Named<'_>) -> Result<Vec<(&'static str, String)>, SettingsError> {
    let mut passed_on = Vec::new();
    for (name, rule) in PASSED_ON {
        passed_on.extend(settings.optional(name, rule)?.map(|value| (name, value)));
    }
    Ok(passed_on)
}

/// A country as two letters or by its name.
fn country(value: &str) -> Result<String, String> {
    let letters = value.chars().all(|one| one.is_alphabetic() || one == ' ');
    if letters && !value.trim().is_empty() {
        Ok(value.to_owned())
    } else {
        Err("it must be a country, as two letters or by its name".to_owned())
    }
}
