//! One reply as a tree, written as JSON or as XML with the same names.
//!
//! Amounts are decimal text until they are on the wire, so no float ever holds one.

use std::fmt::Write as _;
use volley_core::Micros;

/// A value of a reply.
pub(crate) enum Tree {
    /// Digits, as they are to be written.
    Number(String),
    Text(String),
    Flag(bool),
    Null,
    /// In XML an `<item>` each.
    List(Vec<Tree>),
    Group(Vec<(&'static str, Tree)>),
}

impl From<u64> for Tree {
    fn from(number: u64) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Tree {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Every decimal that is not a trailing zero: `0.158`, `5`.
impl From<Micros> for Tree {
    fn from(amount: Micros) -> Self {
        let text = amount.to_string();
        Self::Number(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    }
}

impl Tree {
    pub(crate) fn json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// As a document whose root element is `<response>`.
    pub(crate) fn xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        write_element(&mut out, "response", self);
        out
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => out.push_str(&json_string(text)),
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Null => out.push_str("null"),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    item.write_json(out);
                }
                out.push(']');
            }
            Self::Group(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(out, "{comma}\"{name}\":").expect("a string takes every write");
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }

    fn write_xml(&self, out: &mut String) {
        match self {
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => {
                out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
            }
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Null => {}
            Self::List(items) => items.iter().for_each(|item| write_element(out, "item", item)),
            Self::Group(members) => members.iter().for_each(|(name, value)| write_element(out, name, value)),
        }
    }
}

/// `text` in quotes, escaped as JSON wants it.
pub(crate) fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("every string is JSON")
}

fn write_element(out: &mut String, name: &str, value: &Tree) {
    write!(out, "<{name}>").expect("a string takes every write");
    value.write_xml(out);
    write!(out, "</{name}>").expect("a string takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tree_reads_the_same_in_both_forms() {
        let tree = Tree::Group(vec![
            ("cost", Micros(158_000).into()),
            ("whole", Micros(5_000_000).into()),
            ("fine", Micros(1_234).into()),
            ("text", "a \"<&>\" b".into()),
            ("flag", Tree::Flag(true)),
            ("list", Tree::List(vec![1.into(), 2.into()])),
        ]);
        assert_eq!(
            tree.json(),
            r#"{"cost":0.158,"whole":5,"fine":0.001234,"text":"a \"<&>\" b","flag":true,"list":[1,2]}"#
        );
        assert!(tree.xml().ends_with(
            "<response><cost>0.158</cost><whole>5</whole><fine>0.001234</fine>\
             <text>a \"&lt;&amp;&gt;\" b</text><flag>true</flag>\
             <list><item>1</item><item>2</item></list></response>"
        ));
    }

    #[test]
    fn nothing_costs_zero_and_tens_keep_their_zero() {
        assert_eq!(Tree::from(Micros::ZERO).json(), "0");
        assert_eq!(Tree::from(Micros(10_000_000)).json(), "10");
    }
}
