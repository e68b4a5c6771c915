//! The settings of an account, as the campaign file has them.

use super::refusal::Refusals;
use crate::{
    option::{self, Named},
    registry::{Options, SettingsError},
};
use secrecy::SecretString;
use std::{ops::RangeInclusive, sync::Arc};
use volley_core::{Msisdn, Polling};

/// The names of all settings that are this provider's own.
pub(super) const NAMES: &[&str] = &[
    "property_sid",
    "max_recipients",
    "send_single",
    "receipts",
    "delivery_receipt",
    "receipt_url",
    "receipt_method",
    "reply_url",
    "reply_method",
    "forward_to_sms",
    "forward_from_sms",
    "forward_to_email",
    "forward_from_email",
    "codes_transient",
    "codes_no_funds",
];

/// Messages a request unless the account is known to take more; no page names a limit.
pub(super) const RECIPIENTS: u32 = 100;
/// An answer has some 250 bytes for each message, and 256 KiB of it are read.
const MAX_RECIPIENTS: RangeInclusive<u32> = 1..=1_000;

/// What the settings come to.
pub(super) struct Settings {
    /// Where messages are sent in: safe in a path.
    pub(super) property: String,
    /// The most messages of one request.
    pub(super) max_recipients: u32,
    /// Whether a single recipient goes by the call for one message: that is the one whose page
    /// says what a refusal is, while of the other's answer only clients tell.
    pub(super) sends_single: bool,
    /// How it is asked what became of messages.
    pub(super) polling: Polling,
    /// Fields that every message has, in the order they are written in, as JSON.
    pub(super) every_message: Vec<(&'static str, String)>,
    /// The same for messages from a leased number alone, each with the setting that asks for it.
    pub(super) leased_alone: Vec<(&'static str, &'static str, String)>,
    /// What its refusals mean, and what may not be shown.
    pub(super) refusals: Arc<Refusals>,
}

impl Settings {
    /// `secrets` are those of the account itself; addresses that carry a token join them.
    pub(super) fn read(options: &Options, mut secrets: Vec<SecretString>) -> Result<Self, SettingsError> {
        let named = Named(options);
        let property = named.needed(
            "property_sid",
            "it is missing; write the PropertySid that the account sends from",
            plain_sid,
        )?;
        let receipt = named.or("delivery_receipt", true, option::yes_or_no)?;
        let receipt_url = named.optional("receipt_url", option::url)?;
        if receipt_url.is_some() && !receipt {
            let problem = "it is called for delivery receipts alone, and delivery_receipt is false";
            return Err(SettingsError::option("receipt_url", problem));
        }
        let receipt_method = method(named, "receipt_method", "receipt_url")?;
        let reply_url = named.optional("reply_url", option::url)?;
        let reply_method = method(named, "reply_method", "reply_url")?;
        let mut url = |address: Option<String>| {
            secrets.extend(address.as_deref().map(SecretString::from));
            address.map(|address| json_text(&address))
        };
        let mut every_message = vec![("DeliveryReceipt", receipt.to_string())];
        let receipt_fields = [
            ("DeliveryReceiptWebhookUri", url(receipt_url)),
            ("DeliveryReceiptWebhookMethod", receipt_method),
        ];
        every_message.extend(receipt_fields.into_iter().filter_map(|(field, value)| Some((field, value?))));
        let forwarded = |name, rule: fn(&str) -> Result<String, String>| {
            Ok::<_, SettingsError>(named.optional(name, rule)?.map(|value| json_text(&value)))
        };
        let leased_alone = [
            ("ForwardToSms", "forward_to_sms", forwarded("forward_to_sms", number)?),
            ("ForwardFromSms", "forward_from_sms", forwarded("forward_from_sms", number_or_name)?),
            ("ForwardToEmail", "forward_to_email", forwarded("forward_to_email", option::email)?),
            ("ForwardFromEmail", "forward_from_email", forwarded("forward_from_email", option::email)?),
            ("WebhookUri", "reply_url", url(reply_url)),
            ("WebhookMethod", "reply_method", reply_method),
        ];
        let leased_alone =
            leased_alone.into_iter().filter_map(|(field, name, value)| Some((field, name, value?)));
        Ok(Self {
            property,
            max_recipients: named
                .or("max_recipients", RECIPIENTS, |value| option::number_in(value, &MAX_RECIPIENTS))?,
            sends_single: named.or("send_single", true, option::yes_or_no)?,
            polling: named.or("receipts", Polling::ByWindow, |value| match value {
                "list" => Ok(Polling::ByWindow),
                "get" => Ok(Polling::ByMessage),
                _ => Err(format!("it must be `list` or `get`, not `{value}`")),
            })?,
            every_message,
            leased_alone: leased_alone.collect(),
            refusals: Arc::new(Refusals {
                transient: named.or("codes_transient", Vec::new(), codes)?,
                no_funds: named.or("codes_no_funds", Vec::new(), codes)?,
                secrets,
            }),
        })
    }
}

/// `text` as a JSON string.
pub(super) fn json_text(text: &str) -> String {
    serde_json::to_string(text).expect("every text is a JSON string")
}

/// An id that can stand in a path as it is: letters, digits, `-` and `_`.
pub(super) fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// `text` as the provider writes a number, with a `+`; `None` unless it is one of 7 to 15 digits
/// that do not start with 0.
pub(super) fn e164(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().and_then(Msisdn::from_digits).filter(|_| is_number)?;
    Some(number.to_string())
}

fn plain_sid(value: &str) -> Result<String, String> {
    let fault = "a Sid of letters, digits, `-` and `_`, as the provider's pages show it";
    if is_plain(value) { Ok(value.to_owned()) } else { Err(format!("it must be {fault}")) }
}

fn number(value: &str) -> Result<String, String> {
    e164(value).ok_or_else(|| "it must be a number in international form, such as +61491570006".to_owned())
}

fn number_or_name(value: &str) -> Result<String, String> {
    let is_name = value.len() <= 11
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
        && value.bytes().any(|byte| byte.is_ascii_alphabetic());
    e164(value).or_else(|| is_name.then(|| value.to_owned())).ok_or_else(|| {
        "it must be a number in international form, or a name of up to 11 letters, digits and spaces"
            .to_owned()
    })
}

/// `POST` or `GET`, as JSON, where there is an address to call with it.
fn method(named: Named<'_>, name: &'static str, address: &str) -> Result<Option<String>, SettingsError> {
    named.optional(name, |value| match value.to_ascii_uppercase().as_str() {
        _ if !named.has(address) => Err(format!("there is nothing to call without {address}")),
        word @ ("POST" | "GET") => Ok(json_text(word)),
        _ => Err(format!("it must be `POST` or `GET`, not `{value}`")),
    })
}

/// Codes, by commas.
fn codes(value: &str) -> Result<Vec<String>, String> {
    let codes: Vec<String> = value.split(',').map(|code| code.trim().to_owned()).collect();
    let are_words =
        codes.iter().all(|code| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_graphic()));
    if are_words {
        Ok(codes)
    } else {
        Err("it must be codes of the provider's, separated by commas".to_owned())
    }
}
