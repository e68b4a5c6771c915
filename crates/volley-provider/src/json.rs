//! JSON without a second meaning.
//!
//! `serde_json` lets the last of two fields with one name win and others let the first, so a reply
//! with such a pair says different things to different readers: here it is not JSON at all. A byte
//! order mark in front says nothing and is let pass (RFC 8259 section 8.1). Nesting deeper than 128
//! and numbers beyond a float's range are refused by `serde_json`.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, map::Entry};
use std::fmt;

/// The JSON that all of `bytes` is; `None` where they are none.
pub(crate) fn parse(bytes: &[u8]) -> Option<Value> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).ok().map(|Clear(value)| value)
}

/// A value in which no object has two fields of one name.
struct Clear(Value);

impl<'de> Deserialize<'de> for Clear {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Clear)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON whose objects have no field twice")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Clear(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let Clear(value) = fields.next_value()?;
            match object.entry(name) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(_) => return Err(A::Error::custom("the same field twice")),
            };
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_two_meanings_is_not_json() {
        let deep = "[".repeat(100_000);
        let many_digits = format!("1{}", "0".repeat(400));
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":[{"a":null,"b":0,"a":null}]}"#,
            r#"{"a":1}{"a":1}"#,
            r#"{"a":NaN}"#,
            r#"{"a":1e400}"#,
            "\u{feff}\u{feff}{}",
            "\u{feff}",
            "",
            &many_digits,
            &deep,
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:.40}");
        }
        assert_eq!(parse(b"{\"a\":\"\xff\"}"), None);
    }

    proptest! {
        #[test]
        fn everything_else_is_read_as_serde_json_reads_it(
            text in r#"[\[\]{}",:0-9eE.ab\\un+ -]{0,40}|(\[|\{"a":|\{"b":1,"a":)*(null|true|1\.5e3|-7|"x")(\]|\})*"#,
        ) {
            let plain: Option<Value> = serde_json::from_str(&text).ok();
            let read = parse(text.as_bytes());
            if let Some(read) = &read {
                prop_assert_eq!(Some(read), plain.as_ref());
            } else if let Some(plain) = plain {
                // What we refuse has fewer fields once it is written again.
                let colons = |text: &str| text.matches(':').count();
                prop_assert!(colons(&plain.to_string()) < colons(&text), "{}", text);
            }
        }
    }
}
