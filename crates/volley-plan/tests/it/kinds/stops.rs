//! The kinds that leave room for a guess: the file is refused as a whole, by its name, with the
//! line where there is one and what to do about it.

use super::{
    Reader,
    forms::{FORMS, Form},
    rows::{Row, SOUND, rows},
};
use std::borrow::Cow;

/// Files that stop whatever else may be in them, and a part of what is said.
#[rustfmt::skip]
const FILES: [(&str, &[u8], &str); 17] = [
    ("1 empty file",                         b"",                                                "the file is empty"),
    ("1 blank lines only",                   b"\n \n\r\n",                                       "the file is empty"),
    ("1 byte-order mark only",               b"\xEF\xBB\xBF",                                    "the file is empty"),
    ("1 byte-order mark of UTF-16 only",     b"\xFF\xFE",                                        "the file is empty"),
    ("1 sep= line only",                     b"sep=,\n",                                         "the file is empty"),
    ("6 UTF-16LE without a mark",            b"p\0h\0o\0n\0e\0,\0n\0a\0m\0e\0\n\0",              "looks like utf-16le without a byte-order mark"),
    ("6 UTF-16BE without a mark",            b"\0p\0h\0o\0n\0e\0,\0n\0a\0m\0e\0\n",              "looks like utf-16be without a byte-order mark"),
    ("13 two delimiters make sense",         b"phone,a;phone\n1,2;3\n",                          "set recipients.delimiter"),
    ("15 quote never closed in the header",  b"phone,\"name\n0491570006,Ann\n",                  "line 1: a quote opens here and is never closed"),
    ("15 quote never closed at the end",     b"phone,name\n0491570006,\"",                       "line 2: a quote opens here and is never closed"),
    ("15 quote never closed, doubled",       b"phone,name\n0491570006,\"Ann\"\"",                "line 2: a quote opens here and is never closed"),
    ("53 HTML page",                         b"<!DOCTYPE html>\n<html>",                         "list.csv: this is meant to be CSV and holds an HTML page"),
    ("53 HTML page, mark and blanks first",  b"\xEF\xBB\xBF\n <html lang=en>",                   "list.csv: this is meant to be CSV and holds an HTML page"),
    ("53 XML",                               b"<?xml version=\"1.0\"?>",                         "list.csv: this is meant to be CSV and holds XML"),
    ("54 PDF under a CSV's name",            b"%PDF-1.7\n",                                      "list.csv: this is meant to be CSV and holds a PDF"),
    ("54 database under a CSV's name",       b"SQLite format 3\0\x10\0\x01\x01",                 "list.csv: this is meant to be CSV and holds an SQLite database"),
    ("27 a list of nothing but a delimiter", b",\n",                                             "no column has a name that says it holds the number"),
];

/// Headers that stop whatever stands below them, and a part of what is said.
#[rustfmt::skip]
const HEADERS: [(&str, &[u8], &str); 10] = [
    ("3 no header row",                      b"0491570006,Ann",     "no header row: the first row holds a number"),
    ("7 Latin-1 in the header",              b"phone,name,pr\xE9nom", "the header is not UTF-8"),
    ("8 NUL in the header",                  b"phone,na\0me",       "holds binary data"),
    ("26 duplicate header names",            b"phone,name,Name",    "two columns named `Name`"),
    ("26 names that spaces alone tell apart", b"phone,name, name ", "two columns named `name`"),
    ("27 empty name of the number's column", b",name",              "no column has a name that says it holds the number"),
    ("27 empty name of a needed column",     b"phone,",             "the list has no column `name`"),
    ("29 no number column",                  b"contact,name",       "the columns are: contact, name"),
    ("29 two number columns",                b"phone,name,mobile",  "more than one column may hold the number: phone, mobile"),
    ("29 needed column missing",             b"phone,first",        "the list has no column `name`"),
];

/// A row that stops the file at the line it opens on, and what is said of that line.
struct OpenQuote {
    kind: &'static str,
    line: Cow<'static, [u8]>,
    says: &'static str,
}

fn open_quotes() -> Vec<OpenQuote> {
    let quote = |kind, line: &[u8], says| OpenQuote { kind, line: line.to_vec().into(), says };
    let never = "a quote opens here and is never closed";
    let far = "a quote opens here and does not close within 64 KiB and 1000 lines";
    vec![
        quote("15 quote never closed", b"0491570158,\"Dao", never),
        quote("15 quote around the number never closed", b"\"0491570158,Dao", never),
        quote(
            "16 quoted field over 1,001 lines",
            format!("0491570158,\"{}\"", "x\n".repeat(1_001)).as_bytes(),
            far,
        ),
        quote(
            "16 quoted field over 64 KiB",
            format!("0491570158,\"{}\"", "x".repeat(65_537)).as_bytes(),
            far,
        ),
    ]
}

impl Reader {
    /// What is said of a list that is refused, in one line that names it, with exit code 2.
    fn refusal(&self, list: &[u8], what: &str) -> String {
        let error = self.read(list).err().unwrap_or_else(|| panic!("{what}: it was accepted"));
        assert_eq!(error.exit_code(), 2, "{what}: {error}");
        let message = error.to_string();
        assert!(message.contains("list.csv") && !message.contains('\n'), "{what}: {message}");
        message
    }

    /// Writes a list and checks a part of what is said of it.
    fn refuses(&self, form: &Form, header: &[u8], rows: &[&Row], says: &str, what: &str) {
        let lines: Vec<&[u8]> = rows.iter().map(|row| &*row.line).collect();
        let message = self.refusal(&form.write(header, &lines).bytes, what);
        assert!(message.contains(says), "{what}: {message}");
    }
}

#[test]
fn files_that_leave_room_for_a_guess_stop_with_a_reason() {
    let reader = Reader::new();
    for (kind, bytes, says) in FILES {
        let message = reader.refusal(bytes, kind);
        assert!(message.contains(says), "{kind}: {message}");
    }
}

#[test]
fn a_header_that_is_not_certain_stops_whatever_stands_below_it_and_in_any_form() {
    let reader = Reader::new();
    let wide = vec![&b"c"[..]; 10_000].join(&b','); // 55: nothing else about it is looked at
    let wide = ("55 10,000 columns", &wide[..], "columns, at most 1000 are read");
    let rows = rows();
    for (kind, header, says) in HEADERS.into_iter().chain([wide]) {
        for row in &rows {
            let what = format!("{kind} above {}", row.kind);
            reader.refuses(&Form::default(), header, &[row, &SOUND[0]], says, &what);
        }
        for (name, feature) in FORMS {
            let form = Form::of(&[feature]).expect("one feature excludes nothing");
            if form.holds(header, false) {
                reader.refuses(&form, header, &[&SOUND[0]], says, &format!("{kind}, {name}"));
            }
        }
    }
}

#[test]
fn a_quote_that_is_lost_stops_at_the_line_where_it_opens_behind_any_row_and_in_any_form() {
    let reader = Reader::new();
    let rows = rows();
    let forms = FORMS.map(|(name, feature)| (name, Form::of(&[feature]).expect("one feature")));
    for quote in open_quotes() {
        for (name, form) in [("", Form::default())].into_iter().chain(forms.clone()) {
            for row in rows.iter().filter(|row| form.holds(&row.line, false)) {
                let what = format!("{} behind {}, {name}", quote.kind, row.kind);
                let rows = form.rows(&[&SOUND[2], row]);
                let mut lines: Vec<&[u8]> = rows.iter().map(|row| &*row.line).collect();
                lines.push(&quote.line);
                let written = form.write(form.header(), &lines);
                let says = format!("line {}: {}", written.line_of[lines.len() - 1], quote.says);
                let message = reader.refusal(&written.bytes, &what);
                assert!(message.contains(&says), "{what}: not {says}: {message}");
            }
        }
    }
}

#[test]
fn a_quote_that_is_lost_stops_at_its_line_whatever_stands_below_it() {
    let reader = Reader::new();
    // Another quote below would close it, and make it another kind.
    for row in rows().iter().filter(|row| !row.line.contains(&b'"')) {
        for quote in open_quotes() {
            let lines: [&[u8]; 3] = [&SOUND[0].line, &quote.line, &row.line];
            let what = format!("{} above {}", quote.kind, row.kind);
            let message = reader.refusal(&Form::default().write(b"phone,name", &lines).bytes, &what);
            assert!(message.contains(&format!("line 3: {}", quote.says)), "{what}: {message}");
        }
    }
}

#[test]
fn of_two_kinds_that_stop_one_file_one_is_named() {
    let reader = Reader::new();
    for (kind, header, says) in HEADERS {
        for quote in open_quotes() {
            let what = format!("{kind} and {}", quote.kind);
            let written = Form::default().write(header, &[&SOUND[0].line, &quote.line]);
            let message = reader.refusal(&written.bytes, &what);
            let of_the_quote = format!("line 3: {}", quote.says);
            assert!(message.contains(says) || message.contains(&of_the_quote), "{what}: {message}");
        }
    }
}
