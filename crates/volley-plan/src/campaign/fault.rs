//! Why a campaign file cannot be used, and where.

use crate::{
    TemplateError,
    place::{Content, FilePlace, Mark, Stretch},
    words::shown,
};
use std::{borrow::Cow, fmt, io, path::PathBuf};

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// A line of the campaign file, from 1.
    File {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// Where the key and its value stand on it.
        stand: Box<KeyAndValue>,
    },
    /// An environment variable.
    Environment(String),
    /// A flag, by the key it sets.
    Flag(String),
}

/// Where a key and its value stand on their line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAndValue {
    /// The key.
    pub key: Stretch,
    /// Its value, as far as that is on the key's line.
    pub value: Stretch,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, .. } => write!(f, "{file}, line {line}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(key) => write!(f, "the flag that sets {key}"),
        }
    }
}

/// Why a campaign cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// No such file.
    #[error("{file}: no such campaign file; {}", self.hint())]
    Missing {
        /// The file.
        file: String,
    },
    /// It is there and cannot be read.
    #[error("{file}: the campaign file cannot be read; {}", self.hint())]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// Not TOML.
    #[error("{file}, line {line}, column {column}: {message}; {}", self.hint())]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A key that no campaign has.
    #[error("{at}: there is no key `{key}`; {}", self.hint())]
    UnknownKey {
        /// Where.
        at: At,
        /// The key with its section.
        key: String,
        /// The known key most like it.
        nearest: String,
    },
    /// A setting of another provider.
    #[error("{at}: {key} is a setting of kind = \"{kind}\", this provider has none like it; {}", self.hint())]
    OthersKey {
        /// Where.
        at: At,
        /// The key with its section.
        key: String,
        /// The kind that has it.
        kind: String,
    },
    /// A value of the wrong kind, or out of range.
    #[error("{at}: `{key}` is {found}; {wanted}")]
    Value {
        /// Where.
        at: At,
        /// The key with its section.
        key: String,
        /// What stands there.
        found: String,
        /// What belongs there.
        wanted: String,
    },
    /// A key that has to be there.
    #[error("{file}: `{key}` is missing; {wanted}")]
    Needed {
        /// The campaign file.
        file: String,
        /// The key with its section.
        key: &'static str,
        /// How to write it.
        wanted: &'static str,
    },
    /// Two keys of which one may be set.
    #[error("{at}: `{one}` and `{other}` are both set; {}", self.hint())]
    Both {
        /// Where the second stands.
        at: At,
        /// One key.
        one: String,
        /// The other key.
        other: String,
    },
    /// Something that belongs into an environment variable or a file of its own.
    #[error(
        "{at}: never put a {secret} there; {}",
        self.hint()
    )]
    LiteralSecret {
        /// Where.
        at: At,
        /// Which of the credentials.
        secret: String,
    },
    /// Something that this version cannot do.
    #[error("{at}: `{key}`: this version does not {what}; {instead}")]
    NotYet {
        /// Where.
        at: At,
        /// The key with its section.
        key: &'static str,
        /// What it does not do.
        what: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
    /// `message.file` is not there.
    #[error("{at}: `message.file` names {}, which is not there; {}", path.display(), self.hint())]
    MissingMessage {
        /// Where.
        at: At,
        /// The message file.
        path: PathBuf,
    },
    /// `message.file` cannot be read.
    #[error("{at}: `message.file` names {}, which cannot be read; {}", path.display(), self.hint())]
    UnreadableMessage {
        /// Where.
        at: At,
        /// The message file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The text is no template.
    #[error("{at}: {source}")]
    Template {
        /// Where the text is set.
        at: At,
        /// What is wrong with it.
        source: TemplateError,
        /// Where that is in a file; `None` where it is in none.
        place: Option<Box<FilePlace>>,
    },
}

impl At {
    /// The place of the key or of its value, where that is in the campaign file.
    fn place(&self, stretch: impl FnOnce(KeyAndValue) -> Stretch) -> Option<FilePlace> {
        let Self::File { file, line, stand } = self else { return None };
        let mark = stretch(**stand).into();
        Some(FilePlace { file: file.into(), line: Some(*line), mark, content: Content::Settings })
    }
}

impl CampaignError {
    /// What to do about it, as its message ends; empty where the message says it all along.
    pub fn hint(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::UnknownKey { nearest, .. } => return Cow::Owned(format!("did you mean `{nearest}`?")),
            Self::LiteralSecret { secret, .. } => {
                return Cow::Owned(format!(
                    "write {secret}_env = \"NAME\" in [provider.auth], where NAME is the environment variable \
                     that holds it, or {secret}_file = \"PATH\""
                ));
            }
            Self::Value { wanted, .. } => wanted,
            Self::Needed { wanted, .. } => wanted,
            Self::NotYet { instead, .. } => instead,
            Self::Template { source, .. } => return source.hint(),
            Self::Missing { .. } => "check the name",
            Self::Unreadable { .. } => "it has to be a file in UTF-8 that you may open",
            Self::Syntax { .. } => "texts are written in quotes",
            Self::OthersKey { .. } => "remove it",
            Self::Both { .. } => "remove one",
            Self::MissingMessage { .. } => "check the name",
            Self::UnreadableMessage { .. } => "it has to be a file in UTF-8",
        })
    }

    /// Where it is, as far as that is in a file.
    pub fn place(&self) -> Option<FilePlace> {
        match self {
            Self::Missing { file } | Self::Unreadable { file, .. } | Self::Needed { file, .. } => {
                Some(FilePlace::whole(file))
            }
            Self::Syntax { file, line, column, .. } => {
                let mark = Mark::Characters { column: *column, length: 1 };
                let (file, line) = (file.into(), Some(*line));
                Some(FilePlace { file, line, mark, content: Content::Settings })
            }
            Self::UnknownKey { at, .. }
            | Self::OthersKey { at, .. }
            | Self::Both { at, .. }
            | Self::LiteralSecret { at, .. } => at.place(|stand| stand.key),
            Self::Value { at, .. }
            | Self::NotYet { at, .. }
            | Self::MissingMessage { at, .. }
            | Self::UnreadableMessage { at, .. } => at.place(|stand| stand.value),
            Self::Template { at, place, .. } => {
                place.as_deref().cloned().or_else(|| at.place(|stand| stand.value))
            }
        }
    }

    /// The exit code of a run that ends with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Missing { .. } | Self::MissingMessage { .. } => 10,
            Self::Unreadable { .. }
            | Self::Syntax { .. }
            | Self::UnknownKey { .. }
            | Self::OthersKey { .. }
            | Self::Value { .. }
            | Self::Needed { .. }
            | Self::Both { .. }
            | Self::LiteralSecret { .. }
            | Self::NotYet { .. }
            | Self::UnreadableMessage { .. }
            | Self::Template { .. } => 2,
        }
    }
}

pub(super) fn value_fault(at: &At, key: &str, found: &str, wanted: &str) -> CampaignError {
    let found = if found.is_empty() { "empty".to_owned() } else { format!("`{}`", shown(found)) };
    CampaignError::Value { at: at.clone(), key: key.to_owned(), found, wanted: wanted.to_owned() }
}

pub(super) fn both(at: &At, one: &str, other: &str) -> CampaignError {
    CampaignError::Both { at: at.clone(), one: one.to_owned(), other: other.to_owned() }
}
