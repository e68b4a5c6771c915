//! Why a campaign file cannot be used, and where.

use crate::{TemplateError, words::shown};
use std::{fmt, io, path::PathBuf};

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// A line of the campaign file, from 1.
    File {
        /// The file.
        file: String,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag, by the key it sets.
    Flag(String),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line } => write!(f, "{file}, line {line}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(key) => write!(f, "the flag that sets {key}"),
        }
    }
}

/// Why a campaign cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// No such file.
    #[error("{file}: no such campaign file; check the name")]
    Missing {
        /// The file.
        file: String,
    },
    /// It is there and cannot be read.
    #[error("{file}: the campaign file cannot be read; it has to be a file in UTF-8 that you may open")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// Not TOML.
    #[error("{file}, line {line}, column {column}: {message}; texts are written in quotes")]
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
    #[error("{at}: there is no key `{key}`; did you mean `{nearest}`?")]
    UnknownKey {
        /// Where.
        at: At,
        /// The key with its section.
        key: String,
        /// The known key most like it.
        nearest: String,
    },
    /// A setting of another provider.
    #[error("{at}: {key} is a setting of kind = \"{kind}\", this provider has none like it; remove it")]
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
    #[error("{at}: `{one}` and `{other}` are both set; remove one")]
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
        "{at}: never put a {secret} there; write {secret}_env = \"NAME\" in [provider.auth], where NAME is the environment variable that holds it, or {secret}_file = \"PATH\""
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
    #[error("{at}: `message.file` names {}, which is not there; check the name", path.display())]
    MissingMessage {
        /// Where.
        at: At,
        /// The message file.
        path: PathBuf,
    },
    /// `message.file` cannot be read.
    #[error("{at}: `message.file` names {}, which cannot be read; it has to be a file in UTF-8", path.display())]
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
    },
}

impl CampaignError {
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
