//! The kinds that are about a file as a whole and leave no doubt about any of its rows.

use super::rows::{OVER_LINES, Row};
use Feature as F;

/// What may be unusual about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    OpenEnd,
    Mark,
    Utf16Le,
    Utf16Be,
    CrLf,
    Cr,
    MixedEnds,
    Semicolon,
    Tab,
    Bar,
    Hint,
    QuotedLines,
    Quoted,
    TrailingDelimiter,
    BlankLines,
    LoudHeader,
}

/// One line a kind. Numbers are those of the page.
#[rustfmt::skip]
pub(crate) const FORMS: [(&str, Feature); 16] = [
    ("4 no final newline",                        F::OpenEnd),
    ("5 UTF-8 byte-order mark",                   F::Mark),
    ("6 UTF-16LE by its mark",                    F::Utf16Le),
    ("6 UTF-16BE by its mark",                    F::Utf16Be),
    ("9 CRLF",                                    F::CrLf),
    ("10 CR only",                                F::Cr),
    ("11 mixed ends",                             F::MixedEnds),
    ("13 semicolon",                              F::Semicolon),
    ("13 tab",                                    F::Tab),
    ("13 bar",                                    F::Bar),
    ("14 sep= line",                              F::Hint),
    ("16 a quoted field over three lines",        F::QuotedLines),
    ("16 quotes around every field",              F::Quoted),
    ("23 trailing delimiter, in the header too",  F::TrailingDelimiter), // which is 27, an empty name
    ("24 blank lines",                            F::BlankLines),
    ("28 header case and spaces",                 F::LoudHeader),
];

/// The features of one file. Nothing set is UTF-8, line feeds, commas.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<Feature>);

/// A file, and where its lines are in it.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// The line that each row begins on, counted from 1.
    pub(crate) line_of: Vec<u64>,
    /// Blank lines that are the form's own.
    pub(crate) blank_lines: u64,
}

impl Form {
    /// These features in one file; `None` where two of them exclude each other.
    pub(crate) fn of(features: &[Feature]) -> Option<Self> {
        let choices: [&[Feature]; 3] = [
            &[F::Mark, F::Utf16Le, F::Utf16Be],
            &[F::CrLf, F::Cr, F::MixedEnds],
            &[F::Semicolon, F::Tab, F::Bar],
        ];
        let is_single =
            |choice: &&[Feature]| choice.iter().filter(|feature| features.contains(feature)).count() < 2;
        choices.iter().all(is_single).then(|| Self(features.to_vec()))
    }

    pub(crate) fn has(&self, feature: Feature) -> bool {
        self.0.contains(&feature)
    }

    pub(crate) fn delimiter(&self) -> char {
        let delimiters = [(F::Semicolon, ';'), (F::Tab, '\t'), (F::Bar, '|')];
        delimiters.into_iter().find(|(feature, _)| self.has(*feature)).map_or(',', |(_, delimiter)| delimiter)
    }

    pub(crate) fn encoding(&self) -> &'static str {
        let encodings = [(F::Utf16Le, "UTF-16LE"), (F::Utf16Be, "UTF-16BE")];
        encodings.into_iter().find(|(feature, _)| self.has(*feature)).map_or("UTF-8", |(_, name)| name)
    }

    /// A column's name as rejects give it.
    pub(crate) fn column(&self, name: &'static str) -> &'static str {
        match name {
            "phone" if self.has(F::LoudHeader) => "PHONE",
            "name" if self.has(F::LoudHeader) => "Name",
            name => name,
        }
    }

    pub(crate) fn header(&self) -> &'static [u8] {
        if self.has(F::LoudHeader) { b" PHONE , Name " } else { b"phone,name" }
    }

    /// The rows of a file of this form: `rows`, below what the form brings along.
    pub(crate) fn rows<'a>(&self, rows: &[&'a Row]) -> Vec<&'a Row> {
        let own = self.has(F::QuotedLines).then_some(&OVER_LINES);
        own.into_iter().chain(rows.iter().copied()).collect()
    }

    /// Whether a row stays the kind that it is in a file of this form.
    pub(crate) fn holds(&self, line: &[u8], is_last: bool) -> bool {
        let is_utf16 = self.has(F::Utf16Le) || self.has(F::Utf16Be);
        let has_delimiter = self.delimiter() != ',' && line.contains(&(self.delimiter() as u8));
        let vanishes = line.is_empty() && is_last && self.has(F::OpenEnd);
        !(is_utf16 && str::from_utf8(line).is_err() || has_delimiter || vanishes)
    }

    /// The file with this header and these lines.
    pub(crate) fn write(&self, header: &[u8], lines: &[&[u8]]) -> Written {
        let ends: &[&[u8]] = if self.has(F::CrLf) {
            &[b"\r\n"]
        } else if self.has(F::Cr) {
            &[b"\r"]
        } else if self.has(F::MixedEnds) {
            // A line feed behind a carriage return would be part of the same end.
            &[b"\n", b"\r", b"\r\n"]
        } else {
            &[b"\n"]
        };
        let mut ends = ends.iter().cycle();
        let mut text = Vec::new();
        let mut put = |text: &mut Vec<u8>, line: &[u8]| {
            text.extend_from_slice(line);
            let end = ends.next().expect("it never ends");
            text.extend_from_slice(end);
            end.len()
        };
        let mut last_end = 0;
        if self.has(F::Hint) {
            last_end = put(&mut text, format!("sep={}", self.delimiter()).as_bytes());
        }
        let (mut line_of, mut blank_lines) = (Vec::new(), 0);
        for (line, blank) in [header].iter().chain(lines).zip([&b""[..], b"  "].iter().cycle()) {
            if self.has(F::BlankLines) {
                put(&mut text, blank);
                blank_lines += 1;
            }
            line_of.push(1 + line_ends(&text));
            last_end = put(&mut text, &self.line(line));
        }
        if self.has(F::OpenEnd) {
            text.truncate(text.len() - last_end);
        }
        line_of.remove(0); // the header's
        Written { bytes: self.encode(&text), line_of, blank_lines }
    }

    /// One line with this form's delimiters and quotes. Blank lines stay as they are, and so do the
    /// quotes of lines that have some.
    fn line(&self, line: &[u8]) -> Vec<u8> {
        if line.trim_ascii().is_empty() {
            return line.to_vec();
        }
        let mut line = line.to_vec();
        if self.has(F::TrailingDelimiter) {
            line.push(b',');
        }
        let separator = if self.has(F::Quoted) && !line.contains(&b'"') {
            line = [b"\"", &line[..], b"\""].concat();
            format!("\"{}\"", self.delimiter())
        } else {
            self.delimiter().to_string()
        };
        line.split(|byte| *byte == b',').collect::<Vec<_>>().join(separator.as_bytes())
    }

    fn encode(&self, text: &[u8]) -> Vec<u8> {
        let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let text = str::from_utf8(text).expect("`holds` lets nothing else in");
            "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
        };
        if self.has(F::Utf16Le) {
            utf16(u16::to_le_bytes)
        } else if self.has(F::Utf16Be) {
            utf16(u16::to_be_bytes)
        } else if self.has(F::Mark) {
            ["\u{FEFF}".as_bytes(), text].concat()
        } else {
            text.to_vec()
        }
    }
}

/// How many line ends are in `text`: CRLF is one.
fn line_ends(text: &[u8]) -> u64 {
    let is_end = |(index, byte): (usize, &u8)| match byte {
        b'\n' => index == 0 || text[index - 1] != b'\r',
        byte => *byte == b'\r',
    };
    text.iter().enumerate().filter(|place| is_end(*place)).count() as u64
}
