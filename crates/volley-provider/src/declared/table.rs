//! A definition's TOML as tables whose keys are all known, and their values with the line they
//! stand in, so that every fault says where it is.

use std::{fmt, ops::RangeInclusive};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Every key of a definition, table by table. The keys of a table that has no row here are the
/// author's own.
const KEYS: [(&str, &[&str]); 15] = [
    (
        "",
        &[
            "name", "base_url", "endpoint", "auth", "request", "reply", "limits", "sender", "schedule",
            "callback", "sources",
        ],
    ),
    ("auth", &["basic", "bearer", "header", "fields"]),
    ("request", &["body", "sender_numbers", "times", "fields"]),
    (
        "reply",
        &[
            "id",
            "code",
            "message",
            "parts",
            "price",
            "price_unit",
            "accepted",
            "refused",
            "throttled",
            "no_funds",
            "credentials",
            "not_taken",
        ],
    ),
    ("reply.accepted", &["statuses", "codes"]),
    ("reply.refused", &["statuses", "codes"]),
    ("reply.throttled", &["statuses", "codes"]),
    ("reply.no_funds", &["statuses", "codes"]),
    ("reply.credentials", &["statuses", "codes"]),
    ("reply.not_taken", &["statuses", "codes"]),
    (
        "limits",
        &["rate", "counts_strictly", "max_in_flight", "timeout_seconds", "max_characters", "prefixes"],
    ),
    ("sender", &["required", "max_name", "spaces", "signs"]),
    ("schedule", &["horizon_days"]),
    ("callback", &["id", "reference", "to", "state", "words"]),
    ("sources", &["sender", "text", "schedule", "destinations"]),
];

/// What is wrong with a definition: where, and what to write instead.
#[derive(Debug)]
pub(super) struct Fault {
    /// The line, from 1; `None` for what is missing.
    pub(super) line: Option<usize>,
    /// The key, what is wrong with it, and what to write.
    problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

/// One table.
#[derive(Clone)]
pub(super) struct Table<'a> {
    /// Its dotted name; empty for the whole definition.
    name: String,
    text: &'a str,
    values: &'a DeTable<'a>,
}

/// One value of a table whose keys are the author's own.
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a DeValue<'a>,
    line: usize,
    dotted: String,
}

impl Entry<'_> {
    /// A fault of this value.
    pub(super) fn fault(&self, problem: impl AsRef<str>) -> Fault {
        let problem = format!("{}: {}", self.dotted, problem.as_ref());
        Fault { line: Some(self.line), problem }
    }
}

/// Hands the tables of `text` to `read`, once every key in it is known.
pub(super) fn read<T>(text: &str, read: impl FnOnce(Table<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        let message: Vec<&str> = error.message().split_whitespace().collect();
        Fault { line: Some(line), problem: message.join(" ") }
    })?;
    let whole = Table { name: String::new(), text, values: table.get_ref() };
    for (name, known) in KEYS {
        if let Some(table) = whole.descend(name)? {
            table.check(known)?;
        }
    }
    read(whole)
}

impl<'a> Table<'a> {
    /// The table called `name`, dotted from the top.
    fn descend(&self, name: &str) -> Result<Option<Self>, Fault> {
        let mut here = self.clone();
        for key in name.split('.').filter(|key| !key.is_empty()) {
            match here.table(key)? {
                Some(table) => here = table,
                None => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    fn check(&self, known: &[&str]) -> Result<(), Fault> {
        for entry in self.entries() {
            if !known.contains(&entry.key) {
                let nearest = nearest(entry.key, known);
                return Err(entry.fault(format!("there is no such key; did you mean `{nearest}`?")));
            }
        }
        Ok(())
    }

    /// All its values, in the order of the file.
    pub(super) fn entries(&self) -> Vec<Entry<'a>> {
        let mut entries: Vec<(&Spanned<_>, &Spanned<DeValue<'a>>)> = self.values.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let entry =
            |(key, value): (&'a Spanned<std::borrow::Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| Entry {
                key: key.get_ref().as_ref(),
                value: value.get_ref(),
                line: line_of(self.text, key.span().start),
                dotted: self.dotted(key.get_ref()),
            };
        entries.into_iter().map(entry).collect()
    }

    /// A fault of the value of `key`, or of its absence.
    pub(super) fn fault(&self, key: &str, problem: impl AsRef<str>) -> Fault {
        let index = self.values.get_key_value(key).map(|(key, _)| key.span().start);
        let line = index.map(|index| line_of(self.text, index));
        Fault { line, problem: format!("{}: {}", self.dotted(key), problem.as_ref()) }
    }

    fn value(&self, key: &str) -> Option<&'a DeValue<'a>> {
        self.values.get(key).map(Spanned::get_ref)
    }

    /// What `rule` makes of the value of `key`; `None` where there is none.
    fn optional<T>(
        &self,
        key: &str,
        rule: impl FnOnce(&'a DeValue<'a>) -> Result<T, String>,
    ) -> Result<Option<T>, Fault> {
        self.value(key).map(rule).transpose().map_err(|problem| self.fault(key, problem))
    }

    /// The table in it called `key`.
    pub(super) fn table(&self, key: &str) -> Result<Option<Self>, Fault> {
        self.optional(key, |value| match value {
            DeValue::Table(values) => Ok(Self { name: self.dotted(key), text: self.text, values }),
            _ => Err(format!("write a table, [{}]", self.dotted(key))),
        })
    }

    fn dotted(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// What `rule` makes of a text.
    pub(super) fn text<T>(
        &self,
        key: &str,
        rule: impl FnOnce(&'a str) -> Result<T, String>,
    ) -> Result<Option<T>, Fault> {
        self.optional(key, |value| rule(text_of(value)?))
    }

    /// A text that is one of `words`: what stands beside it, or beside the first where there is none.
    pub(super) fn word<T: Clone>(&self, key: &str, words: &[(&str, T)]) -> Result<T, Fault> {
        let listed: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let rule = |text: &str| {
            let found = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| meant.clone());
            found.ok_or_else(|| format!("write {}", listed.join(" or ")))
        };
        Ok(self.text(key, rule)?.unwrap_or_else(|| words[0].1.clone()))
    }

    /// A whole number within `range`.
    pub(super) fn number(&self, key: &str, range: &RangeInclusive<u32>) -> Result<Option<u32>, Fault> {
        self.optional(key, |value| {
            let number = whole_number(value).filter(|number| range.contains(number));
            number.ok_or_else(|| format!("write a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// `true` or `false`, and `false` where there is none.
    pub(super) fn is_on(&self, key: &str) -> Result<bool, Fault> {
        let switch = self.optional(key, |value| match value {
            DeValue::Boolean(switch) => Ok(*switch),
            _ => Err("write true or false".to_owned()),
        })?;
        Ok(switch.unwrap_or(false))
    }

    /// What `rule` makes of each value of a list; nothing where there is none.
    pub(super) fn list<T>(
        &self,
        key: &str,
        rule: impl Fn(&'a DeValue<'a>) -> Result<T, String>,
    ) -> Result<Vec<T>, Fault> {
        let list = self.optional(key, |value| match value {
            DeValue::Array(list) => list.iter().map(|one| rule(one.get_ref())).collect(),
            _ => Err("write a list, in brackets".to_owned()),
        })?;
        Ok(list.unwrap_or_default())
    }
}

/// A value that is a text.
pub(super) fn text_of<'a>(value: &'a DeValue<'a>) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| "write a text in quotes".to_owned())
}

/// A value that is a whole number.
pub(super) fn whole_number(value: &DeValue<'_>) -> Option<u32> {
    match value {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    }
}

/// The name among `known` that is most like `name`.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> &'a str {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(&name.to_lowercase(), known);
    let best = known.iter().reduce(|best, next| if likeness(next) > likeness(best) { next } else { best });
    best.expect("something is known")
}

/// The number, from 1, of the line that holds this byte of `text`.
fn line_of(text: &str, index: usize) -> usize {
    text.get(..index).unwrap_or(text).matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_for_authors_names_every_key() {
        let page = include_str!("../../../../data/providers/README.md");
        for (table, keys) in KEYS {
            for key in keys {
                let dotted = if table.is_empty() { (*key).to_owned() } else { format!("{table}.{key}") };
                let is_table = KEYS.iter().any(|(name, _)| *name == dotted);
                let named = if table.starts_with("reply.") { table.to_owned() } else { dotted };
                assert!(is_table || page.contains(&format!("`{named}`")), "{table}.{key}");
            }
        }
    }
}
