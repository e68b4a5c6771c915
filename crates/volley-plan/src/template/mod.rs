//! `Hi {{ first_name | trim | title | default: "there" }}` and a row make a text.
//!
//! A variable is a column's name between double braces. Filters may stand behind it; they are
//! applied from left to right, and each makes text of text. There is nothing else: no conditions,
//! no calls, nothing that goes round, so that every row ends. A template is parsed once; what
//! comes out of a column is text and never parsed.

mod bound; // a template and a header -> the texts of rows
mod fault; // what can be wrong with a template
mod filter; // what becomes of a value
mod parse; // a text -> its pieces

pub(crate) use bound::{Filled, is_value};
pub use {
    bound::{Bound, ValueFault},
    fault::{FilterFault, TemplateError, UnknownVariable},
};

use crate::words::{listed, nearest, shown};
use bound::{BoundPiece, Column, Literal};
use filter::Filters;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::{collections::BTreeMap, fmt, ops::Range};

/// A parsed message text.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    /// Text, and where it starts.
    Literal(String, Place),
    Variable(Variable),
}

/// A variable where it stands in a text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// As written but for spaces around it.
    name: String,
    filters: Filters,
    /// Where its braces open.
    at: Place,
}

impl Variable {
    /// Its name, as written.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What its own default puts into the text, where it has one.
    pub(crate) fn own_default(&self) -> Option<&str> {
        self.filters.own_default()
    }

    /// The same with an empty default, where its own default is not empty.
    pub(crate) fn with_empty_default(&self) -> Option<Self> {
        let filters = self.filters.with_empty_default()?;
        Some(Self { name: self.name.clone(), filters, at: self.at })
    }

    /// It is none of the columns, and has no default.
    fn unknown(&self, header: &[String]) -> UnknownVariable {
        let name = shown(&self.name);
        let nearest = nearest(&name, header.iter().map(String::as_str)).map(shown);
        UnknownVariable { place: self.at, name, nearest, columns: listed(header) }
    }
}

/// As it is written in a text: `{{name | trim}}`.
impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{}{}}}}}", self.name, self.filters)
    }
}

/// A place in a text, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// Where a text starts.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// The place behind `text`, which starts here.
    pub(crate) fn after(self, text: &str) -> Self {
        text.chars().fold(self, |Self { line, column }, character| match character {
            '\n' => Self { line: line + 1, column: 1 },
            _ => Self { line, column: column + 1 },
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {} of the text", self.line, self.column)
    }
}

impl Template {
    /// Reads a text with `{{ name }}` and `{{ name | filter }}` in it.
    ///
    /// `trim`, `upper`, `lower` and `title` stand alone, `truncate: 20` takes 1 to 1,000
    /// characters, `default: "there"` a text in either kind of quotes. Spaces around a name are no
    /// part of it; `}}` alone is plain text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { pieces: parse::pieces(text)? })
    }

    /// The names of its variables in order of first use, as written.
    pub fn variables(&self) -> Vec<&str> {
        let mut known = FxHashSet::default();
        let names = self.occurrences().map(Variable::name);
        names.filter(|name| known.insert(folded(name))).collect()
    }

    /// The texts of its variables' own defaults, each as it stands in a message.
    pub fn defaults(&self) -> impl Iterator<Item = &str> {
        self.occurrences().filter_map(Variable::own_default)
    }

    /// The characters that every text has, whatever the values are.
    pub fn least_characters(&self) -> usize {
        self.literals().map(|literal| literal.chars().count()).sum()
    }

    /// The text between its variables.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text, _) => Some(text.as_str()),
            Piece::Variable(_) => None,
        })
    }

    /// Its variables, each as often as it stands there.
    fn occurrences(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(..) => None,
            Piece::Variable(variable) => Some(variable),
        })
    }

    /// The whole text with its variables as `{{name | filter}}`, and where in it each stands, in
    /// bytes.
    pub(crate) fn written(&self) -> (String, Vec<(Range<usize>, &Variable)>) {
        let mut text = String::new();
        let mut variables = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal, _) => text.push_str(literal),
                Piece::Variable(variable) => {
                    let start = text.len();
                    text.push_str(&variable.to_string());
                    variables.push((start..text.len(), variable));
                }
            }
        }
        (text, variables)
    }

    /// Ties its variables to the columns of a header. A variable that is no column becomes its
    /// default: its own, or else the one of that name in `defaults`.
    pub fn bind(
        &self,
        header: &[String],
        defaults: &BTreeMap<String, String>,
    ) -> Result<Bound, UnknownVariable> {
        let columns = by_name(header.iter().zip(0..));
        let defaults = by_name(defaults);
        let (mut pieces, mut absent) = (Vec::with_capacity(self.pieces.len()), Vec::new());
        for piece in &self.pieces {
            pieces.push(match piece {
                Piece::Literal(text, start) => BoundPiece::Literal(Literal::new(text, Some(*start))),
                Piece::Variable(variable) => {
                    let name = folded(&variable.name);
                    let beside = defaults.get(&name).map(|text| text.as_str());
                    let default = variable.own_default().or(beside).map(str::to_owned);
                    match (columns.get(&name), default) {
                        (Some(&index), default) => {
                            let steps = variable.filters.steps().to_vec();
                            BoundPiece::Column(Column { index, steps, default })
                        }
                        (None, Some(default)) => {
                            absent.push(variable.name.clone());
                            BoundPiece::Literal(Literal::new(&default, None))
                        }
                        (None, None) => return Err(variable.unknown(header)),
                    }
                }
            });
        }
        Ok(Bound::new(pieces, absent))
    }
}

/// Pieces only: the text is the user's.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} pieces, variables {:?})", self.pieces.len(), self.variables())
    }
}

/// Whether two names mean the same column.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim()) || folded(one) == folded(other)
}

/// What names of the same column have in common.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What belongs to each name; of names that mean the same, the first.
fn by_name<'a, T>(named: impl IntoIterator<Item = (&'a String, T)>) -> FxHashMap<String, T> {
    let mut known = FxHashMap::default();
    for (name, one) in named {
        known.entry(folded(name)).or_insert(one);
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Texts;
    use proptest::prelude::*;
    use volley_core::TextLength;

    #[test]
    fn an_unknown_variable_names_its_place_the_nearest_column_and_all_columns() {
        let header = vec!["msisdn".to_owned(), "name".to_owned()];
        let error =
            Template::parse("Hi {{nmae | upper}}").expect("a template").bind(&header, &BTreeMap::new());
        assert_eq!(
            error.err().map(|error| error.to_string()).as_deref(),
            Some(
                "line 1, column 4 of the text: the list has no column `nmae`; did you mean `name`? its columns \
                 are: msisdn, name. Correct the name, or give it a value in message.defaults"
            )
        );
    }

    #[test]
    fn variables_are_named_once_and_their_defaults_as_they_are_sent() {
        let text = "{{b}} {{ A | default: 'x' | upper}} {{B | trim}} {{a | trim | default: 'y'}}";
        let template = Template::parse(text).expect("a template");
        assert_eq!(template.variables(), ["b", "A"]);
        assert_eq!(template.defaults().collect::<Vec<_>>(), ["X", "y"]);
    }

    #[test]
    fn a_mebibyte_of_variables_is_read_written_and_rendered() {
        // Each variable looked for in all the text before it, or in all columns, would take minutes.
        let count = 40_000;
        let variable = |index: usize| format!("กข\n {{{{v{index:05} | trim | title}}}}");
        let text: String = (0..count).map(variable).collect();
        assert!(text.len() > 1024 * 1024);
        let header: Vec<String> = (0..count).map(|index| format!("V{index:05}")).collect();
        let template = Template::parse(&text).expect("a template");
        assert_eq!(template.variables().len(), count);
        assert_eq!(template.written().0, text);
        let bound = template.bind(&header, &BTreeMap::new()).expect("all are columns");
        let mut texts = Texts::default();
        bound.render(|_| " ann".into(), &mut texts, &mut TextLength::default()).expect("good values");
        assert_eq!(texts.all(), "กข\n Ann".repeat(count));
        let error = Template::parse(&(text + "{{v")).expect_err("an open variable");
        assert_eq!(error, TemplateError::NotClosed { at: Place { line: count + 1, column: 27 } });
    }

    #[test]
    fn debug_shows_no_text() {
        let template = Template::parse("Your code is 1234, {{name | default: '5678'}}").expect("a template");
        assert_eq!(format!("{template:?}"), "Template(2 pieces, variables [\"name\"])");
    }

    proptest! {
        #[test]
        fn names_that_mean_the_same_are_folded_alike(one in "[a-cA-CéÉΣσς ]{0,4}", other in "[a-cA-CéÉΣσς ]{0,4}") {
            prop_assert_eq!(same_name(&one, &other), folded(&one) == folded(&other));
        }

        #[test]
        fn a_text_written_out_means_the_same(
            text in "([a{} ]|\\{\\{ ?[a-c] ?(\\|trim ?|\\| truncate 3|\\|default:('\"[a}|]*'|\"'?\") ?){0,3}\\}\\}){1,12}",
        ) {
            if let Ok(template) = Template::parse(&text) {
                let (written, variables) = template.written();
                let again = Template::parse(&written).expect("a template");
                prop_assert!(again.literals().eq(template.literals()), "{}", written);
                let filters = |template: &Template| -> Vec<(String, Filters)> {
                    template.occurrences().map(|one| (one.name.clone(), one.filters.clone())).collect()
                };
                prop_assert_eq!(filters(&again), filters(&template));
                for (range, variable) in variables {
                    prop_assert_eq!(&written[range], variable.to_string());
                }
            }
        }
    }
}
