//! The named texts of one request: a form, a query, or a flat JSON object.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;

/// The media type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// Names and texts in the order they came, decoded.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Those of a form's body, or of a query.
    pub(super) fn of_form(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// Those of a JSON object whose members are texts and whole numbers, or what is wrong with it.
    pub(super) fn of_json(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|fault| format!("the body is not understood: {fault}"))
    }

    /// The first one with this name; `None` where it is missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|field| field.0 == name).map(|field| &*field.1)
    }

    /// The same, `None` where it is empty, too.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| !text.is_empty())
    }

    /// What is wrong where a name is not among `known`, or stands twice.
    pub(super) fn check(&self, known: &[&str]) -> Result<(), String> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&&**name) {
                return Err(format!("{name} is not a parameter"));
            }
            if self.0[..index].iter().any(|before| before.0 == *name) {
                return Err(format!("{name} stands twice"));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts and whole numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = members.next_entry()? {
            fields.push((
                name,
                match value {
                    Leaf::Text(text) => text,
                    Leaf::Number(number) => number.to_string(),
                },
            ));
        }
        Ok(Fields(fields))
    }
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Leaf {
    Text(String),
    Number(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_and_an_object_say_the_same() {
        let form = Fields::of_form(b"text=a+%2B+%26&inbox=12");
        let json = Fields::of_json(br#"{"text":"a + &","inbox":12}"#).expect("an object");
        for fields in [form, json] {
            assert_eq!((fields.get("text"), fields.get("inbox")), (Some("a + &"), Some("12")));
            assert_eq!((fields.get("none"), fields.check(&["text", "inbox"])), (None, Ok(())));
        }
    }

    #[test]
    fn a_stranger_and_a_name_that_stands_twice_are_seen() {
        let known = ["text", "inbox"];
        for (fields, reason) in [
            (Fields::of_form(b"text=a&txet=b"), "txet is not a parameter"),
            (Fields::of_form(b"text=a&text=b"), "text stands twice"),
            (Fields::of_json(br#"{"text":"a","text":"b"}"#).expect("an object"), "text stands twice"),
        ] {
            assert_eq!(fields.check(&known), Err(reason.to_owned()));
        }
    }

    #[test]
    fn an_object_holds_texts_and_whole_numbers_only() {
        for body in ["[]", r#"{"a":null}"#, r#"{"a":1.5}"#, r#"{"a":{}}"#, r#"{"a":true}"#, "{", ""] {
            assert!(Fields::of_json(body.as_bytes()).is_err(), "{body}");
        }
    }
}
