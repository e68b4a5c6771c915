//! A provider's call to us as named fields and listed words, for providers that sign nothing and
//! whose form nobody fixed. Not here: who may call, which whoever listens decides by a token in
//! the address.

use crate::{
    inquiry::Callback,
    reading::{self, Object},
};
use volley_core::Delivery;

/// The fields of a callback: those of its body, a JSON object or a form, before those behind the
/// `?` of its address. Names are told apart without regard to case; an empty field is none.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn of(callback: &Callback) -> Self {
        let form = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
        let mut fields = match serde_json::from_slice::<Object>(&callback.body) {
            Ok(object) => {
                let text = |name: &String| Some((name.clone(), reading::text(&object, name)?));
                object.keys().filter_map(text).collect()
            }
            Err(_) => form(&callback.body),
        };
        fields.extend(form(callback.query.as_bytes()));
        fields.retain(|(_, value)| !value.trim().is_empty());
        Self(fields)
    }

    /// The field called `name`, without blanks at its ends.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.trim())
    }

    /// The first of these that there is.
    pub(crate) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The first of these that can be an id: up to 128 visible ASCII characters, not `0`.
    pub(crate) fn id(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| reading::id(&self.get(name)?.into()))
    }
}

/// What a provider's words for a message's state mean, without regard to case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words(Vec<(String, Delivery)>);

impl Words {
    /// Those of `usual`.
    pub(crate) fn new<'a>(usual: impl IntoIterator<Item = (&'a str, Delivery)>) -> Self {
        Self(usual.into_iter().map(|(word, delivery)| (word.to_lowercase(), delivery)).collect())
    }

    /// These, and before them the pairs of `own`: `word=state, word=state`, a state being one of
    /// [`Delivery::word`].
    pub(crate) fn with(mut self, own: &str) -> Result<Self, String> {
        for pair in own.split(',').rev().map(str::trim) {
            let states = || Delivery::ALL.map(Delivery::word).join(", ");
            let fault = || {
                format!("it must be pairs like word=delivered, separated by commas; states are {}", states())
            };
            let (word, state) = pair.split_once('=').ok_or_else(fault)?;
            let (word, state) =
                (word.trim().to_lowercase(), Delivery::of_word(state.trim()).ok_or_else(fault)?);
            if word.is_empty() {
                return Err(fault());
            }
            self.0.insert(0, (word, state));
        }
        Ok(self)
    }

    /// What `word` means; `None` for one that nobody listed.
    pub(crate) fn delivery(&self, word: &str) -> Option<Delivery> {
        let word = word.trim().to_lowercase();
        self.0.iter().find(|(known, _)| *known == word).map(|(_, delivery)| *delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn fields(query: &str, body: &str) -> Fields {
        Fields::of(&Callback {
            method: "POST".to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        })
    }

    #[test]
    fn a_field_is_found_in_the_body_before_the_address_and_whatever_the_form() {
        for (query, body, found) in [
            ("state=sent", "", Some("sent")),
            ("state=sent", "state=failed", Some("failed")),
            ("state=sent", "state=+&x=1", Some("sent")),
            ("", "STATE=a%20b%2B", Some("a b+")),
            ("", r#"{"State": "sent", "state": null}"#, Some("sent")),
            ("", r#"{"state": 7}"#, Some("7")),
            ("state=sent", r#"{"state": {"state": 1}}"#, Some("sent")),
            ("", "[]", None),
            ("", "\u{0}", None),
        ] {
            assert_eq!(fields(query, body).get("state"), found, "{query} {body}");
        }
    }

    #[test]
    fn an_id_is_the_first_field_that_can_be_one() {
        let fields = fields("", "uniqueid=0&id=two+words&pid=a-1");
        assert_eq!(fields.id(&["uniqueid", "id", "pid"]).as_deref(), Some("a-1"));
        assert_eq!(fields.id(&["uniqueid", "reference"]), None);
        assert_eq!(fields.first(&["reference", "id"]), Some("two words"));
    }

    #[test]
    fn own_words_come_before_the_usual_ones() {
        let usual = Words::new([("failed", Delivery::Failed), ("Success", Delivery::Delivered)]);
        assert_eq!(usual.delivery(" SUCCESS "), Some(Delivery::Delivered));
        let words = usual.clone().with("DELIVRD=delivered, success = sent,7=expired").expect("pairs");
        for (word, meant) in [
            ("delivrd", Some(Delivery::Delivered)),
            ("success", Some(Delivery::Sent)),
            ("7", Some(Delivery::Expired)),
            ("failed", Some(Delivery::Failed)),
            ("", None),
            ("delivered", None),
        ] {
            assert_eq!(words.delivery(word), meant, "{word}");
        }
        for wrong in ["", "delivered", "a=b", "=sent", "a=sent,", "a=sent;b=failed"] {
            assert!(usual.clone().with(wrong).is_err(), "{wrong}");
        }
    }
}
