//! What can be wrong with a template.

use super::{
    Place,
    filter::{MAX_FILTERS, MAX_TRUNCATE, NAMES},
};

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing but blanks, which no provider takes.
    #[error("the text is empty; write what people shall read")]
    Empty,
    /// `{{` without `}}` after it.
    #[error("{at}: `{{{{` without `}}}}`; close it, like {{{{name}}}}")]
    NotClosed {
        /// Where the braces open.
        at: Place,
    },
    /// Nothing between the braces, or what cannot be a name.
    #[error(
        "{at}: `{name}` is not a variable; use ASCII letters, digits, spaces, _ and -, like {{{{first name}}}}"
    )]
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

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// `|` and no name behind it.
    #[error("`|` without a filter behind it; write one of {} or take the `|` out", NAMES.join(", "))]
    NoName,
    /// A name that no filter has.
    #[error("there is no filter `{name}`; did you mean `{nearest}`? The filters are {}", NAMES.join(", "))]
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
    #[error("this quote does not end; write another one behind the text of `default`")]
    QuoteNotClosed,
    /// Braces in the text of `default`.
    #[error(
        "the text of `default` has `{{{{` in it; close its quote in front of them: there are no variables in a default"
    )]
    Braces,
    /// Control characters or invisible marks in the text of `default`.
    #[error("the text of `default` has control characters or invisible marks in it; take them out")]
    Unsafe,
    /// A second `default`.
    #[error("this is the second `default` of one variable; keep one")]
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
        "`{found}` cannot stand behind `{filter}`; put `|` in front of another filter, and take out anything else"
    )]
    Superfluous {
        /// The filter.
        filter: String,
        /// What is too much.
        found: String,
    },
    /// More filters than one variable takes.
    #[error("this variable has more than {MAX_FILTERS} filters; take some out")]
    TooMany,
}

/// A variable that is no column of the list and has no default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{place}: the list has no column `{name}`; {}its columns are: {columns}. Correct the name, or give it a value in message.defaults",
    nearest.as_ref().map(|name| format!("did you mean `{name}`? ")).unwrap_or_default()
)]
pub struct UnknownVariable {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) nearest: Option<String>,
    pub(super) columns: String,
}
