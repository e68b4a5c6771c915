//! The line of a file that an error is about, with what is wrong underlined.
//!
//! What is shown is inert, and nothing in it is a secret or about a recipient: values that may be
//! secrets are dotted out, and a row of a list is never shown.

use crate::output::{Ink, Screen};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    ops::Range,
};
use unicode_width::UnicodeWidthChar;
use volley_core::is_steering;
use volley_plan::{Content, FilePlace, Mark};

/// The most bytes of a file that are read for a line of it.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The most columns of a terminal that a line takes, its number aside.
const WIDTH: usize = 76;

/// The fewest columns that a line takes, however narrow the screen.
const LEAST_WIDTH: usize = 12;

/// The columns in front of what is underlined that stay where a line is cut.
const BEFORE: usize = 24;

/// The columns from one tab stop to the next.
const TAB: usize = 4;

/// What stands for a character that is not shown.
const HIDDEN: char = '·';

/// A line that may be shown.
pub(super) struct Underlined {
    number: usize,
    /// As it may be shown, but for what steers a terminal.
    text: String,
    /// The characters of it that are meant.
    marked: Range<usize>,
}

impl Underlined {
    /// The line at `place`; `None` where there is none, or none that is text and may be shown.
    pub(super) fn of(place: &FilePlace) -> Option<Self> {
        let number = place.line.filter(|_| place.content != Content::Private)?;
        let (text, section) = line_of(place, number)?;
        let text = match place.content {
            Content::Header if is_a_row(&text) => return None,
            Content::Settings if is_a_row(&text) && !text.contains('=') => return None,
            Content::Settings => without_secrets(&text, &section),
            _ => text,
        };
        let marked = marked(&text, &place.mark);
        Some(Self { number, text, marked })
    }

    /// Two lines for people, the second with the carets.
    pub(super) fn show(&self, screen: &Screen) -> String {
        let number = self.number.to_string();
        // The number has blanks and a bar around it, and a cut line a sign at either end.
        let room = screen.width.saturating_sub(number.len() + "   | ".len() + 2);
        let (text, before, length) = self.window(room.clamp(LEAST_WIDTH, WIDTH));
        let margin = " ".repeat(number.len());
        let carets = screen.paint(Ink::Bad, &"^".repeat(length));
        let before = " ".repeat(before);
        format!("  {number} | {text}\n  {margin} | {before}{carets}")
    }

    /// The text as it is shown, cut around what is meant, with the columns in front of that and the
    /// columns that it takes, at least one.
    fn window(&self, room: usize) -> (String, usize, usize) {
        // Each character as it is shown, and where it begins and ends.
        let mut shown: Vec<(String, Range<usize>)> = Vec::new();
        let mut width = 0;
        for character in self.text.chars() {
            let (one, columns) = inert(character, width);
            shown.push((one, width..width + columns));
            width += columns;
        }
        let start = shown.get(self.marked.start).map_or(width, |(_, columns)| columns.start);
        let last = self.marked.end.saturating_sub(1);
        let end = shown.get(last).map_or(width, |(_, columns)| columns.end).max(start + 1);
        if width <= room {
            return (shown.into_iter().map(|(one, _)| one).collect(), start, end - start);
        }
        let from = start.saturating_sub(BEFORE.min(room / 3)).min((width + 1).saturating_sub(room));
        let is_inside = |columns: &Range<usize>| from <= columns.start && columns.end <= from + room;
        let kept: Vec<_> = shown.into_iter().filter(|(_, columns)| is_inside(columns)).collect();
        let first = kept.first().map_or(from, |(_, columns)| columns.start);
        let behind = kept.last().map_or(first, |(_, columns)| columns.end);
        let (opening, closing) = (if first > 0 { "…" } else { "" }, if behind < width { "…" } else { "" });
        let text: String = kept.into_iter().map(|(one, _)| one).collect();
        let before = start.saturating_sub(first) + opening.chars().count();
        (format!("{opening}{text}{closing}"), before, end.min(behind.max(start + 1)) - start)
    }
}

/// The first character that is meant, from 1; `None` where that is a whole line, or not known.
pub(super) fn column(place: &FilePlace) -> Option<usize> {
    match place.mark {
        Mark::Line => None,
        Mark::Characters { column, .. } => Some(column),
        Mark::Cell { .. } | Mark::Words(_) => Underlined::of(place).map(|line| line.marked.start + 1),
    }
}

/// A character as a terminal may be shown it in this column, and the columns that it takes.
fn inert(character: char, column: usize) -> (String, usize) {
    match character {
        '\t' => {
            let columns = TAB - column % TAB;
            (" ".repeat(columns), columns)
        }
        _ if is_steering(character) => {
            let escaped = character.escape_unicode().to_string();
            let columns = escaped.len();
            (escaped, columns)
        }
        _ => (character.to_string(), character.width().unwrap_or(0)),
    }
}

/// The line of this number without its end, and the last `[section]` above it; `None` where the file
/// is no text, or the line too far down.
fn line_of(place: &FilePlace, number: usize) -> Option<(String, String)> {
    let file = File::open(&place.file).ok().filter(|file| file.metadata().is_ok_and(|it| it.is_file()))?;
    let mut lines = BufReader::new(file.take(MOST_BYTES));
    let (mut line, mut section) = (Vec::new(), String::new());
    for _ in 0..number {
        if line.trim_ascii_start().starts_with(b"[") {
            section = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        }
        line.clear();
        lines.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
    }
    let line = String::from_utf8(line).ok().filter(|line| !line.contains('\0'))?;
    let line = line.trim_end_matches(['\n', '\r']);
    let line = if number == 1 { line.trim_start_matches('\u{FEFF}') } else { line };
    Some((line.to_owned(), section))
}

/// Whether what stands where a header belongs is about somebody: an address or a number.
fn is_a_row(text: &str) -> bool {
    let digits = |cell: &str| cell.chars().filter(char::is_ascii_digit).count();
    text.split([',', ';', '\t', '|']).any(|cell| cell.contains('@') || digits(cell) >= 6)
}

/// A line of a campaign file, as many characters long, without what may be a secret.
fn without_secrets(line: &str, section: &str) -> String {
    let begins = |text: &str| text.trim_start().starts_with('[');
    let (name, value) = match line.split_once('=') {
        Some((name, _)) => (name, name.len() + 1..line.len()),
        // Something that should be a value, or the rest of one.
        None => ("", 0..line.len()),
    };
    let name = name.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    let is_credential = ["key", "secret", "account", "token", "user", "password", "auth"]
        .iter()
        .any(|word| name.rsplit('.').next().is_some_and(|last| last.contains(word)));
    let is_about_them = section.contains("auth") || name.contains("auth") || is_credential;
    if is_about_them && !begins(line) {
        return hide(line, &[value]);
    }
    hide(line, &hidden_of_addresses(line, name.ends_with("base_url")))
}

/// What of the addresses in `line` may be a secret: a user, a query, and where it is not the
/// provider's own address, the path.
fn hidden_of_addresses(line: &str, keeps_path: bool) -> Vec<Range<usize>> {
    let mut hidden = Vec::new();
    for (index, separator) in line.match_indices("://") {
        let start = index + separator.len();
        let rest = &line[start..];
        let end = start + rest.find(['"', '\'', ' ', '\t']).unwrap_or(rest.len());
        let address = &line[start..end];
        let host = address.rfind('@').map_or(0, |at| at + 1);
        hidden.push(start..start + host);
        let ends: &[char] = if keeps_path { &['?', '#'] } else { &['/', '?', '#'] };
        hidden.extend(address[host..].find(ends).map(|at| start + host + at + 1..end));
    }
    hidden
}

/// `line` with a dot for each character of these bytes.
fn hide(line: &str, hidden: &[Range<usize>]) -> String {
    let is_hidden = |index: usize| hidden.iter().any(|range| range.contains(&index));
    let one = |(index, character): (usize, char)| {
        if is_hidden(index) && !character.is_whitespace() { HIDDEN } else { character }
    };
    line.char_indices().map(one).collect()
}

/// The characters of `text` that `mark` means.
fn marked(text: &str, mark: &Mark) -> Range<usize> {
    let characters = |bytes: Range<usize>| {
        let start = text[..bytes.start].chars().count();
        start..start + text[bytes].chars().count()
    };
    let whole = || {
        let start = text.len() - text.trim_start().len();
        characters(start..start.max(text.trim_end().len()))
    };
    match mark {
        Mark::Line => whole(),
        Mark::Characters { column, length } => column - 1..column - 1 + length,
        Mark::Cell { index, delimiter } => {
            cell(text, *index, char::from(*delimiter)).map_or_else(whole, characters)
        }
        Mark::Words(words) => {
            text.find(words).map_or_else(whole, |start| characters(start..start + words.len()))
        }
    }
}

/// The bytes of a cell of CSV, without blanks around it; `None` where the line has none, or it is
/// empty.
fn cell(text: &str, index: usize, delimiter: char) -> Option<Range<usize>> {
    let (mut number, mut start, mut is_quoted) = (0, 0, false);
    for (at, character) in text.char_indices().chain([(text.len(), delimiter)]) {
        match character {
            '"' => is_quoted = !is_quoted,
            _ if character == delimiter && (!is_quoted || at == text.len()) => {
                if number == index {
                    let cell = &text[start..at];
                    let blank = cell.len() - cell.trim_start().len();
                    let range = start + blank..start + cell.trim_end().len().max(blank);
                    return Some(range).filter(|range| !range.is_empty());
                }
                (number, start) = (number + 1, at + character.len_utf8());
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, mark: &Mark) -> String {
        let marked = marked(text, mark);
        Underlined { number: 7, text: text.to_owned(), marked }.show(&Screen::plain())
    }

    fn characters(column: usize, length: usize) -> Mark {
        Mark::Characters { column, length }
    }

    #[test]
    fn what_is_meant_is_underlined_whatever_stands_before_it() {
        for (text, mark, line, carets) in [
            ("txt = 1", characters(1, 3), "txt = 1", "^^^"),
            ("\ta = 1", characters(2, 1), "    a = 1", "    ^"),
            ("ไทย x", characters(5, 1), "ไทย x", "    ^"),
            ("日本 x", characters(4, 1), "日本 x", "     ^"),
            ("e\u{301}x", characters(3, 1), "e\u{301}x", " ^"),
            ("a\u{1b}[2Jb", characters(6, 1), "a\\u{1b}[2Jb", "          ^"),
            ("\u{202e}ab", characters(2, 1), "\\u{202e}ab", "        ^"),
            ("a = ", characters(9, 1), "a = ", "    ^"),
            ("  a, b ", Mark::Line, "  a, b ", "  ^^^^"),
            ("66, five ,THB", Mark::Cell { index: 1, delimiter: b',' }, "66, five ,THB", "    ^^^^"),
            ("\"6,6\",x", Mark::Cell { index: 1, delimiter: b',' }, "\"6,6\",x", "      ^"),
            ("66,,THB", Mark::Cell { index: 1, delimiter: b',' }, "66,,THB", "^^^^^^^"),
            ("mobile,mobile", Mark::Words("mobile".to_owned()), "mobile,mobile", "^^^^^^"),
        ] {
            assert_eq!(shown(text, &mark), format!("  7 | {line}\n    | {carets}"), "{text:?}");
        }
    }

    #[test]
    fn a_narrow_screen_is_kept_to() {
        let line = Underlined { number: 7, text: "a = ".to_owned() + &"1".repeat(90), marked: 0..1 };
        let mut screen = Screen::plain();
        screen.width = 20;
        assert_eq!(line.show(&screen), "  7 | a = 11111111…\n    | ^");
    }

    #[test]
    fn a_long_line_is_cut_around_what_is_meant() {
        let text = format!("{}here{}", "a".repeat(500), "b".repeat(1 << 20));
        let drawn = shown(&text, &characters(501, 4));
        let (line, carets) = drawn.split_once('\n').expect("two lines");
        let place = line.find("here").expect("it is shown");
        assert_eq!(line.chars().count(), Screen::plain().width);
        // The dots in front are one character and three bytes.
        assert_eq!(carets.find('^'), Some(place - "…".len() + 1));
        assert_eq!(carets.matches('^').count(), 4);
        let all = shown(&text, &Mark::Line);
        assert!(all.lines().all(|line| line.chars().count() < 100), "{all}");
    }

    #[test]
    fn nothing_that_may_be_a_secret_is_shown() {
        for (line, section, expected) in [
            ("txt = \"Hi\"", "[message]", "txt = \"Hi\""),
            ("key = \"hunter2\"", "[provider]", "key = ·········"),
            ("key_env = \"a b\"", "[provider.auth]", "key_env = ·· ··"),
            ("auth = { key = \"x\" }", "[provider]", "auth = · ··· · ··· ·"),
            ("hunter2", "[provider.auth]", "·······"),
            ("[provider.aut]", "[provider.auth]", "[provider.aut]"),
            ("provider.auth.key = 'x'", "", "provider.auth.key = ···"),
            ("api_password = 'x'", "[provider]", "api_password = ···"),
            (
                "notify_ulr = \"https://a.example/h/abc?t=1\"",
                "[provider]",
                "notify_ulr = \"https://a.example/·········\"",
            ),
            (
                "base_url = \"http://me:pw@a.example/v1?k=x\"",
                "[provider]",
                "base_url = \"http://······a.example/v1?···\"",
            ),
        ] {
            assert_eq!(without_secrets(line, section), expected);
        }
    }

    #[test]
    fn a_row_of_somebodys_is_no_header() {
        for (text, is_row) in [
            ("mobile,first name", false),
            ("mobile,2026,q1", false),
            ("0491 570 006,Ann", true),
            ("Ann;ann@example.com", true),
        ] {
            assert_eq!(is_a_row(text), is_row, "{text}");
        }
    }
}
