//! The calls that the provider makes to us: how a message went, and what somebody answered.
//!
//! A GET whose parameters say everything. Those of the address that we gave come back with them,
//! our word for the request among them. Calls are repeated and their order is not promised, so
//! each stands for itself.

use super::{OUR_WORD, questions::delivery, settings::Signature};
use crate::{
    inquiry::{Callback, CallbackFault, Event},
    reading,
};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use volley_core::Receipt;

/// The header that a callback is signed in.
const SIGNATURE: &str = "x-transmitsms-signature";

/// What a callback tells.
pub(super) fn events(
    callback: &Callback,
    secret: &SecretString,
    signature: Signature,
) -> Result<Vec<Event>, CallbackFault> {
    let parameters = Parameters::of(&callback.query);
    let mut events = Vec::new();
    if signature != Signature::Off && !parameters.is_signed(callback, secret) {
        match signature {
            Signature::Enforce => return Err(CallbackFault::Signature),
            Signature::Log | Signature::Off => events.push(Event::Unsigned),
        }
    }
    events.push(parameters.event().ok_or(CallbackFault::Meaning)?);
    Ok(events)
}

/// The parameters by the place where each name stood first, with the last value that it has.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(query: &str) -> Self {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            match parameters.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => parameters.push((name, value)),
            }
        }
        Self(parameters)
    }

    /// The value of a parameter that is there and not blank.
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(known, _)| known == name)?.1.as_str();
        Some(value).filter(|value| !value.trim().is_empty())
    }

    fn event(&self) -> Option<Event> {
        let number = reading::number_word(self.get("mobile")?)?;
        if let Some((_, text)) = self.0.iter().find(|(name, _)| name == "response") {
            let opts_out = self.get("is_optout").and_then(reading::flag_word);
            return Some(Event::Reply { from: number, text: text.clone(), opts_out });
        }
        let status = self.get("status")?;
        let reference = self.get(OUR_WORD).filter(|word| is_our_word(word)).map(str::to_owned);
        let message_id = self.get("message_id").and_then(|word| reading::id(&word.into()));
        if reference.is_none() && message_id.is_none() {
            return None;
        }
        Some(Event::Receipt(Receipt {
            request_id: message_id,
            to: Some(number),
            reference,
            delivery: delivery(status),
            code: Some(reading::code(status)),
            at: self.get("datetime").and_then(reading::moment_utc),
            ..Receipt::default()
        }))
    }

    /// Whether the account's secret signed exactly these parameters.
    fn is_signed(&self, callback: &Callback, secret: &SecretString) -> bool {
        let header = callback.headers.iter().find(|(name, _)| name == SIGNATURE);
        let Some(signature) = header.and_then(|(_, value)| bytes_of_hex(value.trim())) else { return false };
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        hmac::verify(&key, self.as_json().as_bytes(), &signature).is_ok()
    }

    /// The parameters as the provider's example writes them down before it signs them: an object
    /// of texts with no blank between, `/` and everything beyond ASCII escaped.
    fn as_json(&self) -> String {
        let mut json = String::from("{");
        for (index, (name, value)) in self.0.iter().enumerate() {
            json.push_str(if index == 0 { "\"" } else { ",\"" });
            escape(name, &mut json);
            json.push_str("\":\"");
            escape(value, &mut json);
            json.push('"');
        }
        json.push('}');
        json
    }
}

fn escape(text: &str, into: &mut String) {
    for character in text.chars() {
        let short = match character {
            '"' => Some("\\\""),
            '\\' => Some("\\\\"),
            '/' => Some("\\/"),
            '\u{8}' => Some("\\b"),
            '\u{c}' => Some("\\f"),
            '\n' => Some("\\n"),
            '\r' => Some("\\r"),
            '\t' => Some("\\t"),
            _ => None,
        };
        match short {
            Some(short) => into.push_str(short),
            None if character.is_ascii() && character >= ' ' => into.push(character),
            None => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    into.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// Whether a word can be one that a request of ours gave its callback's address.
fn is_our_word(word: &str) -> bool {
    word.len() <= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_down_as_the_example_does() {
        for (query, json) in [
            ("", "{}"),
            ("a=1&b=2", r#"{"a":"1","b":"2"}"#),
            ("b=2&a=1", r#"{"b":"2","a":"1"}"#),
            ("a=1&b=2&a=3", r#"{"a":"3","b":"2"}"#),
            ("a=https%3A%2F%2Fexample.com", r#"{"a":"https:\/\/example.com"}"#),
            ("a=x+%22y%22%5C%0A%01", r#"{"a":"x \"y\"\\\n\u0001"}"#),
            ("a=%C3%A9+%F0%9F%99%82", r#"{"a":"\u00e9 \ud83d\ude42"}"#),
        ] {
            assert_eq!(Parameters::of(query).as_json(), json, "{query}");
        }
    }

    #[test]
    fn a_signature_is_hexadecimal_in_either_case() {
        assert_eq!(bytes_of_hex("00fFa9"), Some(vec![0, 255, 169]));
        for text in ["0", "0g", "00 ", "é0"] {
            assert_eq!(bytes_of_hex(text), None, "{text}");
        }
    }
}
