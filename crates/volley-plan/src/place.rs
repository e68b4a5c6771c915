//! Where in a file of the user's something is wrong, for whoever shows it to them.

use crate::template::Place;
use std::path::{Path, PathBuf};

/// A place in a file, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePlace {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, from 1; `None` where the whole file is meant.
    pub line: Option<usize>,
    /// What of the line.
    pub mark: Mark,
    /// What of it may be shown.
    pub content: Content,
}

/// What of a line is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// All of it.
    Line,
    /// So many characters, at least one.
    Characters {
        /// The first, from 1.
        column: usize,
        /// How many.
        length: usize,
    },
    /// A cell of a CSV file.
    Cell {
        /// Which, from 0.
        index: usize,
        /// What stands between cells.
        delimiter: u8,
    },
    /// These words, where they stand first.
    Words(String),
}

/// What of a line may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Everything: prices and texts.
    Open,
    /// Settings: all but values that may be secrets, and nothing of what looks like a list.
    Settings,
    /// The names of columns: all but what may be a number of somebody's.
    Header,
    /// Nothing: it may be personal data or a secret.
    Private,
}

impl FilePlace {
    /// A file without a line.
    pub(crate) fn whole(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), line: None, mark: Mark::Line, content: Content::Private }
    }

    /// A line of a file.
    pub(crate) fn line(file: &str, line: u64, mark: Mark, content: Content) -> Self {
        Self { file: file.into(), line: usize::try_from(line).ok(), mark, content }
    }
}

/// Some characters of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// The first, from 1.
    pub column: usize,
    /// How many, at least 1.
    pub length: usize,
}

impl From<Stretch> for Mark {
    fn from(Stretch { column, length }: Stretch) -> Self {
        Self::Characters { column, length }
    }
}

/// Where a message's text is written, so that places in it are found again.
#[derive(Clone)]
pub(crate) enum TextOrigin {
    /// A file of its own: its name, and what it holds.
    File(PathBuf, String),
    /// A value of the campaign file: where it begins, and how it is written, its quotes included.
    Value { file: PathBuf, begins: Place, written: String },
    /// An environment variable or a flag.
    Elsewhere,
}

impl TextOrigin {
    /// Where the character at `at` of the text stands in a file, and what belongs to it there.
    pub(crate) fn place(&self, at: Place) -> Option<FilePlace> {
        let (file, place, rest): (&Path, Place, &str) = match self {
            Self::File(path, text) => {
                let line = text.split('\n').nth(at.line.checked_sub(1)?)?;
                let start =
                    line.char_indices().nth(at.column.checked_sub(1)?).map_or(line.len(), |one| one.0);
                (path, at, &line[start..])
            }
            Self::Value { file, begins, written } => {
                let (place, rest) = written_at(written, at)?;
                let column = if place.line == 1 { begins.column + place.column - 1 } else { place.column };
                (file, Place { line: begins.line + place.line - 1, column }, rest)
            }
            Self::Elsewhere => return None,
        };
        let mark = Mark::Characters { column: place.column, length: length_of(rest) };
        Some(FilePlace { file: file.to_owned(), line: Some(place.line), mark, content: Content::Open })
    }
}

/// How many characters of a template belong together at the start of `rest`: a variable with its
/// braces, or one part of it.
fn length_of(rest: &str) -> usize {
    let line = rest.lines().next().unwrap_or_default();
    let end = match line.find("}}") {
        Some(end) if line.starts_with("{{") => end + "}}".len(),
        Some(end) => line[..end].find('|').filter(|bar| *bar > 0).unwrap_or(end),
        None if line.starts_with("{{") => "{{".len(),
        None => 1,
    };
    let part = line.get(..end).unwrap_or(line);
    part.trim_end().chars().count().max(1)
}

/// Where the character at `at` of a TOML string's value stands in how the string is `written`, and
/// the rest from there.
fn written_at(written: &str, at: Place) -> Option<(Place, &str)> {
    let quote = written.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let is_long = written.starts_with(&quote.to_string().repeat(3));
    let mut opening = if is_long { 3 } else { 1 };
    if is_long {
        // A newline right behind the quotes is not part of the value.
        let behind = &written[opening..];
        let newline = ["\r\n", "\n"].into_iter().find(|newline| behind.starts_with(newline));
        opening += newline.map_or(0, str::len);
    }
    let (before, mut rest) = written.split_at(opening);
    let (mut place, mut value) = (Place::START.after(before), Place::START);
    loop {
        let (length, means) = one_of(rest, quote == '"')?;
        if value == at && !means.is_empty() {
            return Some((place, rest));
        }
        let (one, behind) = rest.split_at_checked(length)?;
        (place, value, rest) = (place.after(one), value.after(means), behind);
    }
}

/// The bytes that the first character of a TOML string takes, and a text that takes as much room as
/// what it means; `None` at its end.
fn one_of(rest: &str, has_escapes: bool) -> Option<(usize, &'static str)> {
    let mut characters = rest.chars();
    Some(match (characters.next()?, characters.next()) {
        ('\\', Some(escaped)) if has_escapes => match escaped {
            'n' => (2, "\n"),
            'x' => (4, "x"),
            'u' => (6, "x"),
            'U' => (10, "x"),
            // A line that goes on behind its end.
            blank if blank.is_whitespace() => (rest.len() - rest[1..].trim_start().len(), ""),
            other => (1 + other.len_utf8(), "x"),
        },
        ('\r', Some('\n')) => (2, "\n"),
        ('\n', _) => (1, "\n"),
        (other, _) => (other.len_utf8(), "x"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Place {
        Place { line, column }
    }

    #[test]
    fn a_place_in_a_text_is_found_in_how_it_is_written() {
        #[rustfmt::skip]
        let cases = [
            (r#""Hi {{x}}""#,                 at(1, 4), (1, 5, 5)),
            ("'Hi {{x}}'",                    at(1, 4), (1, 5, 5)),
            (r#""\"Hi\" {{ x }} you""#,       at(1, 6), (1, 9, 7)),
            (r#""\u2019\U0001F600 {{x""#,     at(1, 4), (1, 19, 2)),
            (r#""One\nTwo {{x}}""#,           at(2, 5), (1, 11, 5)),
            ("\"\"\"\nOne\nTwo {{x}}\"\"\"",  at(2, 5), (3, 5, 5)),
            ("'''One\r\nTwo {{x}}'''",        at(2, 5), (2, 5, 5)),
            ("\"\"\"One \\\n   {{x}}\"\"\"",  at(1, 5), (2, 4, 5)),
            (r#""{{ a | nope | trim }}""#,    at(1, 8), (1, 9, 4)),
        ];
        for (written, place, expected) in cases {
            let origin =
                TextOrigin::Value { file: "c.toml".into(), begins: at(1, 1), written: written.to_owned() };
            let found = origin.place(place).map(|place| (place.line, place.mark));
            let (line, column, length) = expected;
            assert_eq!(found, Some((Some(line), Mark::Characters { column, length })), "{written}");
        }
    }

    #[test]
    fn a_place_in_a_file_of_its_own_is_the_same_place() {
        let origin = TextOrigin::File("message.txt".into(), "Hi,\r\nก {{nmae | trim}}!\r\n".to_owned());
        let place = origin.place(at(2, 3)).expect("a place");
        assert_eq!((place.line, place.mark), (Some(2), Mark::Characters { column: 3, length: 15 }));
        assert_eq!(TextOrigin::Elsewhere.place(at(1, 1)), None);
    }
}
