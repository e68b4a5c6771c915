//! What was typed: the campaign file's keys and values with their places, and what flags and
//! environment variables put over them. Whether the values make sense is the next step's.

use super::{At, CampaignError, KeyAndValue, Overrides};
use crate::{
    place::{Stretch, TextOrigin},
    template::Place,
    words::{nearest, shown},
};
use std::{collections::BTreeMap, ops::Range, path::Path};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// What kind of value a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Integer,
    Switch,
    /// A text, or a list of them.
    Texts,
    /// A text, a whole number or a switch; kept as text.
    Scalar,
}

impl Shape {
    const fn wanted(self) -> &'static str {
        match self {
            Self::Text => "write a text in quotes",
            Self::Integer => "write a whole number without quotes",
            Self::Switch => "write true or false",
            Self::Texts => "write a text in quotes, or a list of them in brackets",
            Self::Scalar => "write a text in quotes, a whole number, true or false",
        }
    }
}

/// Every key but the provider's own, `provider.auth` and `message.defaults`.
const KEYS: [(&str, Shape); 43] = [
    ("name", Shape::Text),
    ("sender", Shape::Text),
    ("schedule", Shape::Text),
    ("message.text", Shape::Text),
    ("message.file", Shape::Text),
    ("message.encoding", Shape::Text),
    ("message.smart", Shape::Switch),
    ("message.max_segments", Shape::Integer),
    ("segments.concat_ref", Shape::Integer),
    ("segments.break", Shape::Text),
    ("segments.locking", Shape::Text),
    ("segments.single", Shape::Text),
    ("segments.allow", Shape::Texts),
    ("segments.without", Shape::Text),
    ("segments.max_characters", Shape::Integer),
    ("recipients.file", Shape::Text),
    ("recipients.region", Shape::Text),
    ("recipients.number", Shape::Texts),
    ("recipients.allow", Shape::Texts),
    ("recipients.types", Shape::Texts),
    ("recipients.suppress", Shape::Texts),
    ("recipients.duplicates", Shape::Text),
    ("recipients.encoding", Shape::Text),
    ("recipients.delimiter", Shape::Text),
    ("recipients.sheet", Shape::Text),
    ("limits.max_cost", Shape::Text),
    ("limits.max_recipients", Shape::Integer),
    ("limits.window", Shape::Text),
    ("limits.patience", Shape::Text),
    ("limits.per_recipient", Shape::Text),
    ("limits.history", Shape::Text),
    ("provider.kind", Shape::Text),
    ("provider.face", Shape::Text),
    ("provider.base_url", Shape::Text),
    ("provider.rate", Shape::Texts),
    ("provider.pacing", Shape::Text),
    ("provider.least_round_trip", Shape::Text),
    ("provider.max_in_flight", Shape::Integer),
    ("provider.chunk", Shape::Integer),
    ("provider.timeout", Shape::Text),
    ("rates.file", Shape::Text),
    ("rates.rounding", Shape::Text),
    ("rates.decimals", Shape::Integer),
];

/// Every key but the provider's own, `provider.auth` and `message.defaults`, dotted.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|(key, _)| *key)
}

/// The tables of a campaign file.
const SECTIONS: [&str; 8] =
    ["message", "message.defaults", "segments", "recipients", "limits", "provider", "provider.auth", "rates"];

/// What a provider may ask for to know who is calling.
pub(super) const SECRETS: [&str; 6] = ["key", "secret", "account", "token", "username", "password"];

/// A value of the kind its key takes.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Integer(i64),
    Switch(bool),
    Texts(Vec<String>),
}

/// All keys that were set, dotted, each with its value and where it was set.
pub(super) struct Written {
    values: BTreeMap<String, (Value, At)>,
    /// How `message.text` is written in the file, where it is there.
    text: Option<TextOrigin>,
}

/// One key of the file.
struct Leaf<'a> {
    key: String,
    value: &'a DeValue<'a>,
    /// The bytes that the name and the value take.
    spans: (Range<usize>, Range<usize>),
}

impl Leaf<'_> {
    /// Where it stands in `text`, the content of `file`.
    fn at(&self, text: &str, file: &str) -> At {
        let (line, column) = line_and_column(text, self.spans.0.start);
        let length = |span: &Range<usize>| {
            let written = text.get(span.clone()).unwrap_or_default();
            written.lines().next().unwrap_or_default().chars().count().max(1)
        };
        let key = Stretch { column, length: length(&self.spans.0) };
        let value = match line_and_column(text, self.spans.1.start) {
            (same, column) if same == line => Stretch { column, length: length(&self.spans.1) },
            _ => key,
        };
        At::File { file: file.to_owned(), line, stand: Box::new(KeyAndValue { key, value }) }
    }

    /// How its text is written in `text`, the content of `path`.
    fn origin(&self, text: &str, path: &Path) -> TextOrigin {
        let (line, column) = line_and_column(text, self.spans.1.start);
        let written = text.get(self.spans.1.clone()).unwrap_or_default().to_owned();
        TextOrigin::Value { file: path.to_owned(), begins: Place { line, column }, written }
    }
}

impl Written {
    /// Reads `text`, the content of `path`, and puts `overrides` over it.
    pub(super) fn read(
        path: &Path,
        text: &str,
        overrides: &Overrides,
        providers: &[(&str, &[&str])],
    ) -> Result<Self, CampaignError> {
        let file = path.display().to_string();
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = line_and_column(text, at);
            CampaignError::Syntax { file: file.clone(), line, column, message: one_line(error.message()) }
        })?;
        let mut leaves = Vec::new();
        collect(table.get_ref(), "", &mut leaves);

        let keys = Keys::new(kind(&leaves, overrides).as_deref(), providers);
        let (mut values, mut origin) = (BTreeMap::new(), None);
        for leaf in leaves {
            if leaf.key == "message.text" {
                origin = Some(leaf.origin(text, path));
            }
            let at = leaf.at(text, &file);
            let shape = keys.shape(&leaf.key, &at)?;
            let value = typed(leaf.value, shape).ok_or_else(|| CampaignError::Value {
                at: at.clone(),
                key: leaf.key.clone(),
                found: found(&leaf.key, leaf.value),
                wanted: shape.wanted().to_owned(),
            })?;
            let key = canonical(&leaf.key);
            if values.contains_key(&key) {
                return Err(CampaignError::Both { at, one: key, other: leaf.key });
            }
            values.insert(key, (value, at));
        }
        for (name, text) in &overrides.environment {
            if let Some(key) = keys.of_variable(name)? {
                let at = At::Environment(name.clone());
                let value = from_text(text, keys.shape(&key, &at)?, &key, &at)?;
                values.insert(key, (value, at));
            }
        }
        for (key, text) in &overrides.flags {
            let at = At::Flag(key.clone());
            let value = from_text(text, keys.shape(key, &at)?, key, &at)?;
            values.insert(canonical(key), (value, at));
        }
        Ok(Self { values, text: origin })
    }

    /// Where the text that is set at `at` by `message.text` is written.
    pub(super) fn origin_of_text(&self, at: &At) -> TextOrigin {
        let origin = self.text.clone().filter(|_| matches!(at, At::File { .. }));
        origin.unwrap_or(TextOrigin::Elsewhere)
    }

    /// Where `key` was set.
    pub(super) fn at(&self, key: &str) -> Option<&At> {
        self.values.get(key).map(|(_, at)| at)
    }

    pub(super) fn text(&self, key: &str) -> Option<(&str, &At)> {
        match self.values.get(key)? {
            (Value::Text(text), at) => Some((text, at)),
            _ => None,
        }
    }

    pub(super) fn integer(&self, key: &str) -> Option<(i64, &At)> {
        match self.values.get(key)? {
            (Value::Integer(integer), at) => Some((*integer, at)),
            _ => None,
        }
    }

    pub(super) fn is_on(&self, key: &str) -> bool {
        matches!(self.values.get(key), Some((Value::Switch(true), _)))
    }

    pub(super) fn texts(&self, key: &str) -> Option<(&[String], &At)> {
        match self.values.get(key)? {
            (Value::Texts(texts), at) => Some((texts, at)),
            _ => None,
        }
    }

    /// The texts under `section`, by the rest of their keys.
    pub(super) fn section(&self, section: &str) -> impl Iterator<Item = (&str, &str, &At)> {
        self.values.iter().filter_map(move |(key, (value, at))| {
            let name = key.strip_prefix(section)?.strip_prefix('.')?;
            match value {
                Value::Text(text) => Some((name, text.as_str(), at)),
                _ => None,
            }
        })
    }
}

/// The keys that a campaign of one provider kind knows.
struct Keys {
    known: Vec<(String, Shape)>,
    /// Settings of the other kinds of providers, each with its kind.
    others: Vec<(String, String)>,
}

impl Keys {
    fn new(kind: Option<&str>, providers: &[(&str, &[&str])]) -> Self {
        let own = providers.iter().filter(|(name, _)| Some(*name) == kind).flat_map(|(_, keys)| *keys);
        let auth = SECRETS.iter().flat_map(|secret| {
            ["env", "file"].map(|from| (format!("provider.auth.{secret}_{from}"), Shape::Text))
        });
        let known = KEYS
            .iter()
            .map(|(key, shape)| ((*key).to_owned(), *shape))
            .chain(auth)
            .chain(own.map(|key| (format!("provider.{key}"), Shape::Scalar)))
            .collect();
        let of_another = |(name, keys): &(&str, &[&str])| {
            keys.iter().map(|key| (format!("provider.{key}"), (*name).to_owned())).collect::<Vec<_>>()
        };
        Self { known, others: providers.iter().flat_map(of_another).collect() }
    }

    fn shape(&self, key: &str, at: &At) -> Result<Shape, CampaignError> {
        if let Some((_, shape)) = self.known.iter().find(|(known, _)| known == key) {
            return Ok(*shape);
        }
        if key.strip_prefix("message.defaults.").is_some_and(|name| !name.is_empty()) {
            return Ok(Shape::Text);
        }
        if let Some(secret) = key.strip_prefix("provider.auth.").filter(|name| SECRETS.contains(name)) {
            return Err(CampaignError::LiteralSecret { at: at.clone(), secret: secret.to_owned() });
        }
        if SECTIONS.contains(&key) {
            let wanted = format!("it is a section: write [{key}] and its keys below");
            let found = "a single value".to_owned();
            return Err(CampaignError::Value { at: at.clone(), key: key.to_owned(), found, wanted });
        }
        if let Some((_, kind)) = self.others.iter().find(|(known, _)| known == key) {
            return Err(CampaignError::OthersKey { at: at.clone(), key: key.to_owned(), kind: kind.clone() });
        }
        let nearest = self.nearest(key);
        Err(CampaignError::UnknownKey { at: at.clone(), key: shown(key), nearest })
    }

    /// The known key or section most like `key`; a right name in a wrong section counts most.
    fn nearest(&self, key: &str) -> String {
        let names = || self.known.iter().map(|(known, _)| known.as_str()).chain(SECTIONS);
        let last = key.rsplit('.').next().unwrap_or(key);
        let same_name = || names().filter(|known| known.rsplit('.').next() == Some(last));
        nearest(key, same_name()).or_else(|| nearest(key, names())).unwrap_or_default().to_owned()
    }

    /// The key that an environment variable sets, `None` where it is somebody else's.
    fn of_variable(&self, name: &str) -> Result<Option<String>, CampaignError> {
        let Some(rest) = name.strip_prefix("VOLLEY_") else { return Ok(None) };
        if let Some((key, _)) = self.known.iter().find(|(key, _)| variable(key) == name) {
            return Ok(Some(key.clone()));
        }
        if let Some(default) = rest.strip_prefix("MESSAGE_DEFAULTS_").filter(|rest| !rest.is_empty()) {
            return Ok(Some(format!("message.defaults.{}", default.to_lowercase())));
        }
        let at = || At::Environment(name.to_owned());
        if let Some(secret) =
            SECRETS.iter().find(|secret| variable(&format!("provider.auth.{secret}")) == name)
        {
            return Err(CampaignError::LiteralSecret { at: at(), secret: (*secret).to_owned() });
        }
        let is_ours = ["MESSAGE_", "SEGMENTS_", "RECIPIENTS_", "LIMITS_", "PROVIDER_", "RATES_"]
            .iter()
            .any(|section| rest.starts_with(section));
        if !is_ours {
            return Ok(None);
        }
        let names: Vec<String> = self.known.iter().map(|(key, _)| variable(key)).collect();
        let nearest = nearest(name, names.iter().map(String::as_str)).unwrap_or_default().to_owned();
        Err(CampaignError::UnknownKey { at: at(), key: name.to_owned(), nearest })
    }
}

/// The environment variable that sets `key`: `VOLLEY_PROVIDER_BASE_URL`.
fn variable(key: &str) -> String {
    format!("VOLLEY_{}", key.replace('.', "_").to_uppercase())
}

/// `key` as it is kept: names of variables are one name in any case.
fn canonical(key: &str) -> String {
    if key.starts_with("message.defaults.") { key.to_lowercase() } else { key.to_owned() }
}

/// The provider's kind as it stands after overrides, which decides what other keys there are.
fn kind(leaves: &[Leaf<'_>], overrides: &Overrides) -> Option<String> {
    let flag = overrides.flags.iter().rev().find(|(key, _)| key == "provider.kind");
    let variable = overrides.environment.iter().rev().find(|(name, _)| name == "VOLLEY_PROVIDER_KIND");
    flag.or(variable).map(|(_, text)| text.clone()).or_else(|| {
        let leaf = leaves.iter().find(|leaf| leaf.key == "provider.kind")?;
        leaf.value.as_str().map(str::to_owned)
    })
}

/// Flattens tables into dotted keys. A table that is no section is a leaf.
fn collect<'a>(table: &'a DeTable<'a>, prefix: &str, leaves: &mut Vec<Leaf<'a>>) {
    let mut entries: Vec<(&Spanned<_>, &Spanned<DeValue<'a>>)> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (name, value) in entries {
        let key = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if SECTIONS.contains(&key.as_str()) => {
                collect(inner, &format!("{key}."), leaves);
            }
            inner => leaves.push(Leaf { key, value: inner, spans: (name.span(), value.span()) }),
        }
    }
}

/// `value` as the kind its key takes, or `None` where it is of another.
fn typed(value: &DeValue<'_>, shape: Shape) -> Option<Value> {
    Some(match (shape, value) {
        (Shape::Text | Shape::Scalar, DeValue::String(text)) => Value::Text(text.to_string()),
        (Shape::Text, DeValue::Datetime(time)) => Value::Text(time.to_string()),
        (Shape::Scalar, DeValue::Integer(integer)) => Value::Text(integer.to_string()),
        (Shape::Scalar, DeValue::Boolean(switch)) => Value::Text(switch.to_string()),
        (Shape::Integer, DeValue::Integer(integer)) => {
            Value::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok()?)
        }
        (Shape::Switch, DeValue::Boolean(switch)) => Value::Switch(*switch),
        (Shape::Texts, DeValue::String(text)) => Value::Texts(vec![text.to_string()]),
        (Shape::Texts, DeValue::Array(list)) => {
            let texts = list.iter().map(|one| one.get_ref().as_str().map(str::to_owned));
            Value::Texts(texts.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// The text of a flag or variable as the kind its key takes. A list is written with commas.
fn from_text(text: &str, shape: Shape, key: &str, at: &At) -> Result<Value, CampaignError> {
    let value = match shape {
        Shape::Text | Shape::Scalar => Some(Value::Text(text.to_owned())),
        Shape::Integer => text.replace('_', "").parse().ok().map(Value::Integer),
        Shape::Switch => text.parse().ok().map(Value::Switch),
        Shape::Texts => Some(Value::Texts(text.split(',').map(|one| one.trim().to_owned()).collect())),
    };
    value.ok_or_else(|| CampaignError::Value {
        at: at.clone(),
        key: key.to_owned(),
        found: format!("`{}`", shown(text)),
        wanted: shape.wanted().replace(" without quotes", ""),
    })
}

/// What stands in the file, for people; never a value of `provider.auth`.
fn found(key: &str, value: &DeValue<'_>) -> String {
    let is_secret = key.starts_with("provider.auth");
    match value {
        DeValue::String(_) if is_secret => "a text".to_owned(),
        DeValue::String(text) => format!("the text `{}`", shown(text)),
        DeValue::Integer(_) if is_secret => "a number".to_owned(),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(_) if is_secret => "a number".to_owned(),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(switch) => format!("{switch}"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// The line and column of a byte of `text`, both from 1, columns in characters.
fn line_and_column(text: &str, index: usize) -> (usize, usize) {
    let before = text.get(..index).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
