//! The XML side of the answers, read into the same object that the JSON side gives.
//!
//! An element without elements is its text, or null where that is blank; one whose elements are
//! all called `item` is a list; any other is an object. Attributes, comments and prefixes of names
//! say nothing. Not here: document types, and with them entities of a document's own.

use crate::{http::Reply, reading::Object};
use quick_xml::{Reader, events::Event};
use serde_json::{Map, Value};

/// How deep elements may stand in each other; as deep as `serde_json` lets them.
const MAX_DEPTH: usize = 128;

/// The object that is the whole body, or what the body is instead.
///
/// A missing content type is let pass, another one is not.
pub(super) fn object(reply: &Reply) -> Result<Object, String> {
    let length = reply.body.len();
    if let Some(content_type) = reply.header("content-type").filter(|value| !is_xml(value)) {
        return Err(format!("{length} bytes of {content_type} in place of XML"));
    }
    if length == 0 {
        return Err("an empty body".to_owned());
    }
    let text = std::str::from_utf8(&reply.body).ok().and_then(read);
    text.ok_or_else(|| format!("{length} bytes that are not the API's XML"))
}

fn is_xml(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(media_type.as_str(), "application/xml" | "text/xml") || media_type.ends_with("+xml")
}

/// An element that is still open.
struct Open {
    name: String,
    text: String,
    inside: Vec<(String, Value)>,
}

/// The one element of a document as an object; `None` where it is no such document.
fn read(text: &str) -> Option<Object> {
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Open> = Vec::new();
    let mut whole = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(_) if whole.is_some() || open.len() == MAX_DEPTH => return None,
            Event::Start(tag) => {
                let name = tag.local_name().as_ref().to_owned();
                open.push(Open { name, text: String::new(), inside: Vec::new() });
            }
            Event::End(_) => {
                let element = open.pop()?;
                let (name, value) = (element.name.clone(), element.value());
                match open.last_mut() {
                    Some(around) => around.inside.push((name, value)),
                    None if name.eq_ignore_ascii_case("html") => return None,
                    None => whole = Some(value),
                }
            }
            Event::Text(piece) => add(&mut open, &piece.xml10_content())?,
            Event::CData(piece) => add(&mut open, &piece.xml10_content())?,
            Event::GeneralRef(name) => {
                let character = match &*name {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => name.resolve_char_ref().ok()??,
                };
                add(&mut open, character.encode_utf8(&mut [0; 4]))?;
            }
            Event::Eof if !open.is_empty() => return None,
            Event::Eof => break,
            Event::DocType(_) => return None,
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    match whole? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Adds text to the innermost element; outside of all of them only blanks may stand.
fn add(open: &mut [Open], piece: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(piece),
        None if piece.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}

impl Open {
    fn value(self) -> Value {
        if self.inside.is_empty() {
            return if self.text.trim().is_empty() { Value::Null } else { Value::String(self.text) };
        }
        if self.inside.iter().all(|(name, _)| name == "item") {
            return self.inside.into_iter().map(|(_, value)| value).collect();
        }
        let mut object = Map::new();
        for (name, value) in self.inside {
            match object.get_mut(&name) {
                None => {
                    object.insert(name, value);
                }
                // The same name twice: nobody can tell which one counts, so neither does.
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = vec![first.take(), value].into(),
            }
        }
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use serde_json::json;
    use volley_core::UnixMillis;

    fn told(content_type: Option<&str>, body: &[u8]) -> Result<Value, String> {
        let headers = content_type.map(|value| ("content-type".to_owned(), value.to_owned()));
        let reply = Reply {
            status: 200,
            headers: headers.into_iter().collect(),
            body: Bytes::copy_from_slice(body),
            at: UnixMillis(0),
        };
        object(&reply).map(Value::Object)
    }

    #[test]
    fn elements_become_texts_lists_and_objects() {
        for (body, meant) in [
            ("<r><a>1</a></r>", json!({ "a": "1" })),
            ("\u{feff}<?xml version=\"1.0\"?>\n<!-- x --><r>\n <a>1</a>\n</r>\n", json!({ "a": "1" })),
            ("<r><a/><b></b><c>  </c></r>", json!({ "a": null, "b": null, "c": null })),
            ("<r><a><b>1</b><c>2</c></a></r>", json!({ "a": { "b": "1", "c": "2" } })),
            ("<r><a><item>1</item></a></r>", json!({ "a": ["1"] })),
            ("<r><a><item><b>1</b></item><item/></a></r>", json!({ "a": [{ "b": "1" }, null] })),
            ("<r><a><item>1</item><b>2</b></a></r>", json!({ "a": { "item": "1", "b": "2" } })),
            ("<r><a>1</a><a>2</a><a>3</a></r>", json!({ "a": ["1", "2", "3"] })),
            ("<r><a>&lt;&amp;&gt;&quot;&apos;&#233;&#x1F642;</a></r>", json!({ "a": "<&>\"'é\u{1f642}" })),
            ("<r><a><![CDATA[<b> & c]]> d</a></r>", json!({ "a": "<b> & c d" })),
            ("<x:r xmlns:x=\"urn:x\"><x:a b=\"2\"> 1 </x:a></x:r>", json!({ "a": " 1 " })),
        ] {
            assert_eq!(told(Some("text/xml; charset=utf-8"), body.as_bytes()), Ok(meant), "{body}");
        }
    }

    #[test]
    fn what_is_not_the_apis_xml_is_said_to_be_something_else() {
        let deep = format!("{}{}", "<a>".repeat(200), "</a>".repeat(200));
        let not = |body: &str| Err(format!("{} bytes that are not the API's XML", body.len()));
        for body in [
            "{}",
            "<r>",
            "<r><a>1</r>",
            "<r><a>1</a>",
            "<r>1</r>",
            "<r/>",
            "<r><item>1</item></r>",
            "<r><a>1</a></r><r/>",
            "<r><a>1</a></r> more",
            "<html><body>no</body></html>",
            "<!DOCTYPE r [<!ENTITY e \"1\">]><r><a>&e;</a></r>",
            "<r><a>&e;</a></r>",
            "<r><a>&#0;</a></r>",
            &deep,
        ] {
            assert_eq!(told(None, body.as_bytes()), not(body), "{body:.40}");
        }
        assert_eq!(told(None, b""), Err("an empty body".to_owned()));
        assert_eq!(told(None, b"<r><a>\xe9</a></r>"), Err("15 bytes that are not the API's XML".to_owned()));
        let json = Err("13 bytes of application/json in place of XML".to_owned());
        assert_eq!(told(Some("application/json"), b"<r><a/></r>  "), json);
    }
}
