//! `Hi {{name}}` and a row make a text.
//!
//! A variable is a column's name between double braces, and nothing else: no filters, no
//! conditions. A template is parsed once; what comes out of a column is text and never parsed.

use crate::words::{is_unsafe, listed, nearest, shown};
use csv::ByteRecord;
use serde::Serialize;
use std::{collections::BTreeMap, fmt, ops::Range, str};

/// The longest value that a variable takes, in bytes.
const MAX_VALUE: usize = 10 * 1024;

/// A parsed message text.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    /// Text, and where it starts.
    Literal(String, Place),
    /// A variable's name as written but for spaces around it, and where its braces open.
    Variable(String, Place),
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
    /// The place of the character `index` of `text`, which starts here.
    fn of(self, text: &str, index: usize) -> Self {
        text.chars().take(index).fold(self, |Self { line, column }, character| match character {
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

/// Why a text is no template. Lines and columns are counted from 1 within the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing but blanks, which no provider takes.
    #[error("the text is empty; write what people shall read")]
    Empty,
    /// `{{` without `}}` after it.
    #[error("line {line}, column {column} of the text: `{{{{` without `}}}}`; close it, like {{{{name}}}}")]
    NotClosed {
        /// Where the braces open.
        line: usize,
        /// Where the braces open.
        column: usize,
    },
    /// Nothing between the braces, or what cannot be a name.
    #[error(
        "line {line}, column {column} of the text: `{name}` is not a variable; use ASCII letters, digits, spaces, _ and -, like {{{{first name}}}}"
    )]
    Name {
        /// Where the braces open.
        line: usize,
        /// Where the braces open.
        column: usize,
        /// What stands between them.
        name: String,
    },
    /// A filter, which this version does not have.
    #[error(
        "line {line}, column {column} of the text: `{name}` has a filter; this version has none, use the column's plain name"
    )]
    Filter {
        /// Where the braces open.
        line: usize,
        /// Where the braces open.
        column: usize,
        /// What stands between them.
        name: String,
    },
}

/// A variable that is no column of the list and has no default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{place}: the list has no column `{name}`; {}its columns are: {columns}. Correct the name, or give it a value in message.defaults",
    nearest.as_ref().map(|name| format!("did you mean `{name}`? ")).unwrap_or_default()
)]
pub struct UnknownVariable {
    place: String,
    name: String,
    nearest: Option<String>,
    columns: String,
}

impl Template {
    /// Reads a text with `{{ name }}` in it. Names are trimmed; `}}` alone is plain text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            let Place { line, column } = place(text, text.len() - after.len() - 2);
            let (inner, tail) = after.split_once("}}").ok_or(TemplateError::NotClosed { line, column })?;
            let name = inner.trim();
            if name.contains('|') {
                return Err(TemplateError::Filter { line, column, name: shown(name) });
            }
            if !is_name(name) {
                return Err(TemplateError::Name { line, column, name: shown(inner) });
            }
            if !literal.is_empty() {
                let start = place(text, text.len() - rest.len());
                pieces.push(Piece::Literal(literal.to_owned(), start));
            }
            pieces.push(Piece::Variable(name.to_owned(), Place { line, column }));
            rest = tail;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned(), place(text, text.len() - rest.len())));
        }
        Ok(Self { pieces })
    }

    /// The names of its variables in order of first use, as written.
    pub fn variables(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for piece in &self.pieces {
            if let Piece::Variable(name, _) = piece
                && !names.iter().any(|known| same_name(known, name))
            {
                names.push(name);
            }
        }
        names
    }

    /// The text between its variables.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text, _) => Some(text.as_str()),
            Piece::Variable(..) => None,
        })
    }

    /// The whole text with its variables as `{{name}}`, and where in it each stands, in bytes.
    pub(crate) fn written(&self) -> (String, Vec<(Range<usize>, String)>) {
        let mut text = String::new();
        let mut variables = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal, _) => text.push_str(literal),
                Piece::Variable(name, _) => {
                    let start = text.len();
                    text.push_str(&format!("{{{{{name}}}}}"));
                    variables.push((start..text.len(), name.clone()));
                }
            }
        }
        (text, variables)
    }

    /// Ties its variables to the columns of a header. A variable that is no column becomes its
    /// default.
    pub fn bind(
        &self,
        header: &[String],
        defaults: &BTreeMap<String, String>,
    ) -> Result<Bound, UnknownVariable> {
        let mut bound = Bound { pieces: Vec::with_capacity(self.pieces.len()), absent: Vec::new() };
        for piece in &self.pieces {
            bound.pieces.push(match piece {
                Piece::Literal(text, start) => BoundPiece::Literal(text.clone(), Some(*start)),
                Piece::Variable(name, place) => {
                    let default =
                        defaults.iter().find(|(key, _)| same_name(key, name)).map(|(_, value)| value);
                    match (header.iter().position(|column| same_name(column, name)), default) {
                        (Some(column), default) => BoundPiece::Column { column, default: default.cloned() },
                        (None, Some(value)) => {
                            bound.absent.push(name.clone());
                            BoundPiece::Literal(value.clone(), None)
                        }
                        (None, None) => {
                            return Err(UnknownVariable {
                                place: place.to_string(),
                                name: name.clone(),
                                nearest: nearest(name, header.iter().map(String::as_str)).map(shown),
                                columns: listed(header),
                            });
                        }
                    }
                }
            });
        }
        Ok(bound)
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
    let (one, other) = (one.trim(), other.trim());
    one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()
}

/// `[A-Za-z_][A-Za-z0-9_ -]*`.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'-'))
}

fn place(text: &str, index: usize) -> Place {
    let before = &text[..index];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// A template whose variables are columns of one list; made by [`Template::bind`].
pub struct Bound {
    pieces: Vec<BoundPiece>,
    absent: Vec<String>,
}

enum BoundPiece {
    /// The same text for everybody, and where it starts; `None` for a default.
    Literal(String, Option<Place>),
    Column {
        column: usize,
        default: Option<String>,
    },
}

impl BoundPiece {
    fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text, _) => Some(text),
            Self::Column { .. } => None,
        }
    }
}

/// What stands in place of a variable.
#[derive(Clone, Copy)]
pub(crate) enum Filled<'a> {
    /// The row's own value.
    Value(&'a str),
    /// The default, because the row has none.
    Default(&'a str),
}

/// Why a value is not put into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueFault {
    /// In single quotes, which CSV does not have: somebody's export means the value inside.
    Quoted,
    /// Nothing or blanks alone, and no default.
    Empty,
    /// Control characters, or invisible marks that change what is read.
    Unsafe,
    /// Above 10 KiB.
    Long,
    /// Text that was lost when the file was made: U+FFFD, the mark for what could not be read.
    Damaged,
}

/// Without the text, which is the user's.
impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bound({} pieces)", self.pieces.len())
    }
}

impl Bound {
    /// Whether every row gets one and the same text.
    pub(crate) fn is_constant(&self) -> bool {
        self.columns().next().is_none()
    }

    /// The columns it reads, in order, repeated as used.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            BoundPiece::Column { column, .. } => Some(*column),
            BoundPiece::Literal(..) => None,
        })
    }

    /// What everybody gets whatever their row says: the text with its variables left out, and
    /// `filler` in place of the first of them.
    pub(crate) fn fixed(&self, filler: &str) -> String {
        let first = self.pieces.iter().position(|piece| piece.literal().is_none());
        let pieces = self.pieces.iter().enumerate();
        let texts = pieces.filter_map(|(index, piece)| match piece.literal() {
            None if Some(index) == first => Some(filler),
            literal => literal,
        });
        texts.collect()
    }

    /// Every text in it that is no value: what everybody gets, and defaults.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            BoundPiece::Literal(text, _) => Some(text.as_str()),
            BoundPiece::Column { default, .. } => default.as_deref(),
        })
    }

    /// Where in the campaign's own text `character` stands first; `None` where it does not, or
    /// only in a default.
    pub(crate) fn place_of(&self, character: char) -> Option<Place> {
        self.pieces.iter().find_map(|piece| match piece {
            BoundPiece::Literal(text, Some(start)) => {
                let index = text.chars().position(|other| other == character)?;
                Some(start.of(text, index))
            }
            BoundPiece::Literal(_, None) | BoundPiece::Column { .. } => None,
        })
    }

    /// What the columns of one rendered row put into the text, in order: the column, and its value
    /// or else its default.
    pub(crate) fn values<'a>(&'a self, cells: &'a ByteRecord) -> impl Iterator<Item = (usize, Filled<'a>)> {
        self.pieces.iter().filter_map(|piece| match piece {
            BoundPiece::Literal(..) => None,
            BoundPiece::Column { column, default } => {
                let value = cell(cells, *column);
                Some(match default {
                    Some(default) if value.trim().is_empty() => (*column, Filled::Default(default)),
                    _ => (*column, Filled::Value(value)),
                })
            }
        })
    }

    /// Variables that are no column and take their default everywhere.
    pub(crate) fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Writes the text of one row over `text`.
    ///
    /// A value of blanks alone counts as empty; a value's CRLF becomes a newline, as between the
    /// lines of the file. Gives the column and what is wrong with its value.
    ///
    /// # Panics
    /// Where `cells` is not UTF-8, or has fewer cells than the header that it was bound to.
    pub fn render(&self, cells: &ByteRecord, text: &mut String) -> Result<(), (usize, ValueFault)> {
        text.clear();
        for piece in &self.pieces {
            match piece {
                BoundPiece::Literal(literal, _) => text.push_str(literal),
                BoundPiece::Column { column, default } => {
                    let value = cell(cells, *column);
                    if value.trim().is_empty() {
                        match default {
                            Some(default) => text.push_str(default),
                            None => return Err((*column, ValueFault::Empty)),
                        }
                    } else {
                        push_value(value, text).map_err(|fault| (*column, fault))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A cell of a row that was checked to be UTF-8.
pub(crate) fn cell(cells: &ByteRecord, column: usize) -> &str {
    str::from_utf8(&cells[column]).expect("the row was checked to be UTF-8")
}

/// Whether a text takes `value`, which is not empty.
pub(crate) fn is_value(value: &str) -> bool {
    push_value(value, &mut String::new()).is_ok()
}

/// Appends a value as it stands, or says why not.
fn push_value(value: &str, text: &mut String) -> Result<(), ValueFault> {
    if value.len() > MAX_VALUE {
        return Err(ValueFault::Long);
    }
    if value.len() > 2 && value.starts_with('\'') && value.ends_with('\'') {
        return Err(ValueFault::Quoted);
    }
    if value.bytes().all(|byte| (0x20..0x7F).contains(&byte)) {
        text.push_str(value);
        return Ok(());
    }
    let mut lines = value.split("\r\n");
    let mut push = |line: &str| {
        if line.contains(is_unsafe) {
            return Err(ValueFault::Unsafe);
        }
        if line.contains('\u{FFFD}') {
            return Err(ValueFault::Damaged);
        }
        text.push_str(line);
        Ok(())
    };
    push(lines.next().unwrap_or_default())?;
    lines.try_for_each(|line| {
        push("\n")?;
        push(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn render(
        template: &str,
        defaults: &[(&str, &str)],
        cells: &[&str],
    ) -> Result<String, (usize, ValueFault)> {
        let header: Vec<String> = ["name", "First Name"].map(str::to_owned).to_vec();
        let defaults = defaults.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let bound =
            Template::parse(template).expect("a template").bind(&header, &defaults).expect("known names");
        let mut text = "left over".to_owned();
        bound.render(&ByteRecord::from(cells.to_vec()), &mut text).map(|()| text)
    }

    #[test]
    fn variables_become_values_and_the_rest_stays() {
        for (template, text) in [
            ("Hi", "Hi"),
            ("{{name}}", "Ann"),
            ("Hi {{ NAME }}, {{first name}}{{name}}!", "Hi Ann, BoAnn!"),
            ("a } b }} {c} {{name}} }}", "a } b }} {c} Ann }}"),
        ] {
            assert_eq!(render(template, &[], &["Ann", "Bo"]), Ok(text.to_owned()), "{template}");
        }
    }

    #[test]
    fn what_is_no_template_is_named_with_its_place() {
        let place = |line, column, name: &str| TemplateError::Name { line, column, name: name.to_owned() };
        for (template, error) in [
            ("", TemplateError::Empty),
            (" \n ", TemplateError::Empty),
            ("Hi {{name", TemplateError::NotClosed { line: 1, column: 4 }),
            ("Hi\nไทย {{name} }", TemplateError::NotClosed { line: 2, column: 5 }),
            ("{{}}", place(1, 1, "")),
            ("a {{ }}", place(1, 3, " ")),
            ("{{{name}}}", place(1, 1, "{name")),
            ("{{1st}}", place(1, 1, "1st")),
            ("{{na.me}}", place(1, 1, "na.me")),
            ("\n\n{{ชื่อ}}", place(3, 1, "ชื่อ")),
            ("{{name|upper}}", TemplateError::Filter { line: 1, column: 1, name: "name|upper".to_owned() }),
        ] {
            assert_eq!(Template::parse(template), Err(error), "{template:?}");
        }
    }

    #[test]
    fn an_unknown_variable_names_its_place_the_nearest_column_and_all_columns() {
        let header = vec!["msisdn".to_owned(), "name".to_owned()];
        let error = Template::parse("Hi {{nmae}}").expect("a template").bind(&header, &BTreeMap::new());
        assert_eq!(
            error.err().map(|error| error.to_string()).as_deref(),
            Some(
                "line 1, column 4 of the text: the list has no column `nmae`; did you mean `name`? its columns \
                 are: msisdn, name. Correct the name, or give it a value in message.defaults"
            )
        );
    }

    #[test]
    fn values_are_kept_defaulted_or_refused_with_their_column() {
        use ValueFault as F;
        let long = "x".repeat(MAX_VALUE + 1);
        for (value, default, result) in [
            ("Ann", None, Ok("Ann")),
            (" Ann ", None, Ok(" Ann ")),
            ("{{name}}", None, Ok("{{name}}")),
            ("=1+1", None, Ok("=1+1")),
            ("a\nb", None, Ok("a\nb")),
            ("a\r\nb\r\n", None, Ok("a\nb\n")),
            ("สม\u{200c}ชาย 👨\u{200d}👩", None, Ok("สม\u{200c}ชาย 👨\u{200d}👩")),
            ("", Some("there"), Ok("there")),
            (" \u{a0}\t", Some(""), Ok("")),
            ("", None, Err((0, F::Empty))),
            ("  ", None, Err((0, F::Empty))),
            ("a\rb", None, Err((0, F::Unsafe))),
            ("a\tb", None, Err((0, F::Unsafe))),
            ("a\0", None, Err((0, F::Unsafe))),
            ("\u{1b}[31mred", None, Err((0, F::Unsafe))),
            ("evil\u{202e}txt", None, Err((0, F::Unsafe))),
            ("zero\u{200b}width", None, Err((0, F::Unsafe))),
            ("a\u{85}b", None, Err((0, F::Unsafe))),
            ("lost \u{fffd}", None, Err((0, F::Damaged))),
            (&long, None, Err((0, F::Long))),
            (&long[1..], None, Ok(&long[1..])),
        ] {
            let defaults: Vec<(&str, &str)> = default.map(|value| ("Name", value)).into_iter().collect();
            assert_eq!(
                render("{{name}}", &defaults, &[value, "Bo"]),
                result.map(str::to_owned),
                "{value:.40?}"
            );
        }
    }

    #[test]
    fn debug_shows_no_text() {
        let template = Template::parse("Your code is 1234, {{name}}").expect("a template");
        assert_eq!(format!("{template:?}"), "Template(2 pieces, variables [\"name\"])");
    }

    proptest! {
        #[test]
        fn a_value_is_never_read_as_a_template(value in "[{}| a-z]{1,20}") {
            prop_assume!(!value.trim().is_empty());
            prop_assert_eq!(render("<{{name}}>", &[], &[&value, ""]), Ok(format!("<{value}>")));
        }

        #[test]
        fn any_text_parses_or_says_where_it_does_not(text in "\\PC{0,40}|[{}a \n|]{0,30}") {
            if let Ok(template) = Template::parse(&text)
                && template.variables().is_empty()
            {
                prop_assert_eq!(template.literals().collect::<String>(), text);
            }
        }

        #[test]
        fn a_text_written_out_means_the_same(text in "([a{} ]|\\{\\{ ?[a-c] ?\\}\\}){1,12}") {
            if let Ok(template) = Template::parse(&text) {
                let (written, variables) = template.written();
                let again = Template::parse(&written).expect("a template");
                prop_assert!(again.literals().eq(template.literals()), "{}", written);
                prop_assert_eq!(again.variables(), template.variables());
                for (range, name) in variables {
                    prop_assert_eq!(&written[range], format!("{{{{{name}}}}}"));
                }
            }
        }
    }
}
