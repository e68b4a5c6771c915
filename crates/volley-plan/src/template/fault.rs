//! What can be wrong with a template.

use super::{
    Place,
    filter::{MAX_FILTERS, MAX_TRUNCATE, NAMES},
};
use std::borrow::Cow;

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing but blanks, which no provider takes.
    #[error("the text is empty; {}", self.hint())]
    Empty,
    /// `{{` without `}}` after it.
    #[error("{at}: `{{{{` without `}}}}`; {}", self.hint())]
    NotClosed {
        /// Where the braces open.
        at: Place,
    },
    /// Nothing between the braces, or what cannot be a name.
    #[error(
        "{at}: `{name}` is not a variable; {}", self.hint())]
    Name {
        /// Where the braces open.
        at: Place,
        /// What stands where the name should.
        name: String,
    },
    /// A filter that is not understood.
    #[error("{at}: {fault}")]
    Filter {
        /// Where what is wrong stands.
        at: Place,
        /// What is wrong with it.
        fault: FilterFault,
    },
}

impl TemplateError {
    /// What to do about it, as its message ends; empty where the message says it all along.
    pub fn hint(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Empty => "write what people shall read",
            Self::NotClosed { .. } => "close it, like {{name}}",
            Self::Name { .. } => "use ASCII letters, digits, spaces, _ and -, like {{first name}}",
            Self::Filter { fault, .. } => return fault.hint(),
        })
    }

    /// Where in the text it is.
    pub const fn place(&self) -> Option<Place> {
        match self {
            Self::Empty => None,
            Self::NotClosed { at } | Self::Name { at, .. } | Self::Filter { at, .. } => Some(*at),
        }
    }
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// `|` and no name behind it.
    #[error("`|` without a filter behind it; {}", self.hint())]
    NoName,
    /// A name that no filter has.
    #[error("there is no filter `{name}`; {}", self.hint())]
    Unknown {
        /// The name.
        name: String,
        /// The filter whose name is most like it.
        nearest: &'static str,
    },
    /// `default` without its text.
    #[error("`default` needs a text, like default: \"there\"")]
    NoText,
    /// The text of `default` is in no quotes.
    #[error("the text of `default` stands in plain quotes, like default: \"there\"; here is `{found}`")]
    NotQuoted {
        /// What is there instead.
        found: String,
    },
    /// A quote that does not end.
    #[error("this quote does not end; {}", self.hint())]
    QuoteNotClosed,
    /// Braces in the text of `default`.
    #[error(
        "the text of `default` has `{{{{` in it; {}", self.hint())]
    Braces,
    /// Control characters or invisible marks in the text of `default`.
    #[error("the text of `default` has control characters or invisible marks in it; {}", self.hint())]
    Unsafe,
    /// A second `default`.
    #[error("this is the second `default` of one variable; {}", self.hint())]
    SecondDefault,
    /// `truncate` without its number.
    #[error("`truncate` needs the most characters that shall stay, like truncate: 20")]
    NoNumber,
    /// Not a number, 0, or too large.
    #[error("`truncate` takes a whole number from 1 to {MAX_TRUNCATE}; here is `{found}`")]
    Number {
        /// What is there instead.
        found: String,
    },
    /// Something behind a filter that has all it takes.
    #[error(
        "`{found}` cannot stand behind `{filter}`; {}", self.hint())]
    Superfluous {
        /// The filter.
        filter: String,
        /// What is too much.
        found: String,
    },
    /// More filters than one variable takes.
    #[error("this variable has more than {MAX_FILTERS} filters; {}", self.hint())]
    TooMany,
}

impl FilterFault {
    /// What to do about it, as its message ends; empty where the message says it all along.
    pub fn hint(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NoName => {
                return Cow::Owned(format!("write one of {} or take the `|` out", NAMES.join(", ")));
            }
            Self::Unknown { nearest, .. } => {
                let names = NAMES.join(", ");
                return Cow::Owned(format!("did you mean `{nearest}`? The filters are {names}"));
            }
            Self::NoText | Self::NotQuoted { .. } | Self::NoNumber | Self::Number { .. } => "",
            Self::QuoteNotClosed => "write another one behind the text of `default`",
            Self::Braces => "close its quote in front of them: there are no variables in a default",
            Self::Unsafe => "take them out",
            Self::SecondDefault => "keep one",
            Self::Superfluous { .. } => "put `|` in front of another filter, and take out anything else",
            Self::TooMany => "take some out",
        })
    }
}

/// A variable that is no column of the list and has no default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{place}: the list has no column `{name}`; {}its columns are: {columns}. {hint}",
    nearest.as_ref().map(|name| format!("did you mean `{name}`? ")).unwrap_or_default(),
    hint = self.hint()
)]
pub struct UnknownVariable {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) nearest: Option<String>,
    pub(super) columns: String,
}

impl UnknownVariable {
    /// What to do about it, as its message ends.
    pub const fn hint(&self) -> &'static str {
        "Correct the name, or give it a value in message.defaults"
    }

    /// Where in the text its braces open.
    pub const fn place(&self) -> Place {
        self.place
    }
}
