//! Watches the quotes of a CSV file while its bytes pass.
//!
//! The csv crate reads to the end of the file when a quote is never closed, and hands the rest of
//! the list over as one field. [`QuoteWatch`] sits under it, sees the same bytes first and stops
//! at the line where that quote opened. It also knows what the crate mends in silence: text after
//! a closing quote, quotes inside plain fields, and blank lines. Its states are the crate's own,
//! held to it by a property test.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

/// The longest quoted field, in bytes.
const MAX_QUOTED: u64 = 64 * 1024;
/// The most line ends in a quoted field.
const MAX_QUOTED_LINES: u64 = 1_000;
/// The longest record, in bytes.
const MAX_RECORD: u64 = 16 * 1024 * 1024;

/// What makes the rest of a CSV file unreadable. Lines are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteFault {
    /// The file ends inside quotes.
    #[error(
        "line {line}: a quote opens here and is never closed; close it, or write it twice if it is part of the text"
    )]
    NeverClosed {
        /// Where it opened.
        line: u64,
    },
    /// A quoted field over 64 KiB or 1,000 lines, which is a lost quote too.
    #[error(
        "line {line}: a quote opens here and does not close within 64 KiB and 1000 lines; close it, or write it twice if it is part of the text"
    )]
    TooLong {
        /// Where it opened.
        line: u64,
    },
    /// A record over 16 MiB.
    #[error("line {line}: a record starts here that is longer than 16 MiB; check that this is a CSV file")]
    RecordTooLong {
        /// Where it starts.
        line: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte of a record.
    RecordStart,
    /// After a delimiter.
    FieldStart,
    /// In a field without quotes around it.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote within quotes: the end of the field, or the first half of a doubled quote.
    QuoteInQuoted,
    /// After text that follows a closing quote.
    Spoiled,
}

/// Passes bytes through and keeps track of quotes. Holds a few numbers, never the bytes.
#[derive(Debug)]
pub(crate) struct QuoteWatch<R> {
    inner: R,
    delimiter: u8,
    state: State,
    /// Bytes seen.
    offset: u64,
    /// The line of the next byte.
    line: u64,
    after_carriage_return: bool,
    record_start: (u64, u64),
    /// The offset and line of each record that nobody asked for yet.
    record_starts: VecDeque<(u64, u64)>,
    quote_start: (u64, u64),
    blank_lines: u64,
    stray_quotes: u64,
    first_stray_line: u64,
    spoiled: VecDeque<u64>,
}

impl<R> QuoteWatch<R> {
    pub(crate) fn new(inner: R, delimiter: u8, first_line: u64) -> Self {
        Self {
            inner,
            delimiter,
            state: State::RecordStart,
            offset: 0,
            line: first_line,
            after_carriage_return: false,
            record_start: (0, first_line),
            record_starts: VecDeque::new(),
            quote_start: (0, first_line),
            blank_lines: 0,
            stray_quotes: 0,
            first_stray_line: 0,
            spoiled: VecDeque::new(),
        }
    }

    /// Whether text follows a closing quote in the record that ends before byte `end`. Ask record
    /// by record, in order.
    pub(crate) fn spoiled_before(&mut self, end: u64) -> bool {
        let mut found = false;
        while self.spoiled.front().is_some_and(|&offset| offset < end) {
            self.spoiled.pop_front();
            found = true;
        }
        found
    }

    /// The line that the record begins on which ends before byte `end`, quoted line ends and empty
    /// lines counted. Ask record by record, in order.
    pub(crate) fn line_before(&mut self, end: u64) -> u64 {
        let mut line = self.line;
        while let Some(&(offset, start)) = self.record_starts.front()
            && offset < end
        {
            self.record_starts.pop_front();
            line = start;
        }
        line
    }

    /// Empty lines so far.
    pub(crate) fn blank_lines(&self) -> u64 {
        self.blank_lines
    }

    /// Quotes inside plain fields so far, and the line of the first.
    pub(crate) fn stray_quotes(&self) -> Option<(u64, u64)> {
        (self.stray_quotes > 0).then_some((self.stray_quotes, self.first_stray_line))
    }

    fn scan(&mut self, bytes: &[u8]) -> Result<(), QuoteFault> {
        for &byte in bytes {
            let ends_record = matches!(byte, b'\r' | b'\n');
            let ends_line = ends_record && !(byte == b'\n' && self.after_carriage_return);
            self.after_carriage_return = byte == b'\r';
            self.state = match self.state {
                State::RecordStart if ends_record => {
                    self.blank_lines += u64::from(ends_line);
                    State::RecordStart
                }
                State::RecordStart | State::FieldStart => {
                    if self.state == State::RecordStart {
                        self.record_start = (self.offset, self.line);
                        self.record_starts.push_back(self.record_start);
                    }
                    if byte == b'"' {
                        self.quote_start = (self.offset, self.line);
                        State::Quoted
                    } else {
                        self.after_plain(byte, State::Plain)
                    }
                }
                State::Plain => {
                    if byte == b'"' {
                        self.stray_quotes += 1;
                        if self.stray_quotes == 1 {
                            self.first_stray_line = self.line;
                        }
                    }
                    self.after_plain(byte, State::Plain)
                }
                State::Spoiled => self.after_plain(byte, State::Spoiled),
                State::Quoted if byte == b'"' => {
                    self.check_quoted()?;
                    State::QuoteInQuoted
                }
                State::Quoted => State::Quoted,
                State::QuoteInQuoted if byte == b'"' => State::Quoted,
                State::QuoteInQuoted => {
                    let next = self.after_plain(byte, State::Spoiled);
                    if next == State::Spoiled {
                        self.spoiled.push_back(self.offset);
                    }
                    next
                }
            };
            self.line += u64::from(ends_line);
            self.offset += 1;
        }
        if self.state == State::Quoted {
            self.check_quoted()?;
        }
        if self.state != State::RecordStart && self.offset - self.record_start.0 > MAX_RECORD {
            return Err(QuoteFault::RecordTooLong { line: self.record_start.1 });
        }
        Ok(())
    }

    /// Where `byte` leads from a field that no quote protects; `stay` within the field.
    fn after_plain(&self, byte: u8, stay: State) -> State {
        if byte == self.delimiter {
            State::FieldStart
        } else if matches!(byte, b'\r' | b'\n') {
            State::RecordStart
        } else {
            stay
        }
    }

    fn check_quoted(&self) -> Result<(), QuoteFault> {
        let (offset, line) = self.quote_start;
        let too_long = self.offset - offset > MAX_QUOTED || self.line - line > MAX_QUOTED_LINES;
        if too_long { Err(QuoteFault::TooLong { line }) } else { Ok(()) }
    }
}

impl<R: Read> Read for QuoteWatch<R> {
    /// # Errors
    /// A [`QuoteFault`] as an [`io::Error`] of kind `Other`, beside what the inner reader gives.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count == 0 && !buffer.is_empty() && self.state == State::Quoted {
            return Err(io::Error::other(QuoteFault::NeverClosed { line: self.quote_start.1 }));
        }
        self.scan(&buffer[..count]).map_err(io::Error::other)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives bytes in pieces of the sizes it is told, over and over.
    struct Pieces<'a>(&'a [u8], Vec<usize>, usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.1[self.2 % self.1.len()].min(buffer.len()).min(self.0.len());
            self.2 += 1;
            buffer[..size].copy_from_slice(&self.0[..size]);
            self.0 = &self.0[size..];
            Ok(size)
        }
    }

    /// What the csv crate reads through a watch, and which records the watch calls spoiled.
    fn read(bytes: &[u8], sizes: &[usize]) -> Result<(Vec<csv::ByteRecord>, Vec<bool>, u64), String> {
        let watch = QuoteWatch::new(Pieces(bytes, sizes.to_vec(), 0), b',', 1);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(watch);
        let (mut rows, mut spoiled) = (Vec::new(), Vec::new());
        let mut record = csv::ByteRecord::new();
        while reader.read_byte_record(&mut record).map_err(|error| error.to_string())? {
            rows.push(record.clone());
            let end = reader.position().byte();
            spoiled.push(reader.get_mut().spoiled_before(end));
        }
        Ok((rows, spoiled, reader.get_ref().blank_lines()))
    }

    #[test]
    fn a_lost_quote_is_named_by_the_line_where_it_opened() {
        for (text, line) in [
            ("\"a", 1),
            ("a,b\n1,\"x\n2,y\n3,z\n", 2),
            ("a,b\r\n1,2\r\n3,\"x", 3),
            ("a,b\r1,2\r3,\"x\r4,5", 3),
            ("a\n\n\"x \"\" y\n", 3),
            ("\"a\nb\"\n\"c", 3),
        ] {
            let fault = QuoteFault::NeverClosed { line };
            assert_eq!(read(text.as_bytes(), &[3]).map(|_| ()), Err(fault.to_string()), "{text:?}");
        }
    }

    #[test]
    fn a_quoted_field_ends_at_its_limits() {
        let quoted = |bytes: usize| format!("a\n\"{}\"\n", "x".repeat(bytes));
        let lines = |count: usize| format!("a\n\"{}\"\n", "\n".repeat(count));
        let fault = QuoteFault::TooLong { line: 2 }.to_string();
        for (text, kept) in [
            (quoted(65_535), true),
            (quoted(65_536), false),
            (quoted(200_000), false),
            (lines(1_000), true),
            (lines(1_001), false),
        ] {
            for size in [1, 7, 70_000] {
                let result = read(text.as_bytes(), &[size]).map(|_| ());
                assert_eq!(
                    result,
                    if kept { Ok(()) } else { Err(fault.clone()) },
                    "{} by {size}",
                    text.len()
                );
            }
        }
    }

    #[test]
    fn text_after_a_closing_quote_belongs_to_its_record_only() {
        let text = "a,b\n\"x\"y,1\n\"x\",2\n3,\"he said \\\"hi\\\"\"\n\"x\"\" y\",4\n\"x\"y";
        for size in [1, 2, 5, 100] {
            let (_, spoiled, _) = read(text.as_bytes(), &[size]).expect("quotes are closed");
            assert_eq!(spoiled, [false, true, false, true, false, true], "by {size}");
        }
    }

    #[test]
    fn stray_quotes_are_counted_from_the_first_line_they_are_on() {
        let mut watch = QuoteWatch::new(&b"a\nit\"s\n5\" pipe\n\"ok\"\n"[..], b',', 1);
        io::copy(&mut watch, &mut io::sink()).expect("quotes are closed");
        assert_eq!(watch.stray_quotes(), Some((2, 2)));
    }

    /// The line that each record begins on.
    fn lines(bytes: &[u8], sizes: &[usize]) -> Vec<u64> {
        let watch = QuoteWatch::new(Pieces(bytes, sizes.to_vec(), 0), b',', 1);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(watch);
        let mut lines = Vec::new();
        while reader.read_byte_record(&mut csv::ByteRecord::new()).is_ok_and(|more| more) {
            let end = reader.position().byte();
            lines.push(reader.get_mut().line_before(end));
        }
        lines
    }

    #[test]
    fn a_record_is_on_the_line_where_it_begins() {
        for (text, expected) in [
            ("a\nb\nc", &[1, 2, 3][..]),
            ("a\r\nb\r\nc\r\n", &[1, 2, 3]),
            ("a\rb\rc\r", &[1, 2, 3]),
            ("\n\na\n\r\n \n\nb\n\n", &[3, 5, 7]),
            ("a\n\"b\n\nc\"\nd\n\"e\r\nf\",\"g\rh\"\r\ni", &[1, 2, 5, 6, 9]),
        ] {
            for size in [1, 2, 3, 100] {
                assert_eq!(lines(text.as_bytes(), &[size]), expected, "{text:?} by {size}");
            }
        }
    }

    /// The same question asked of the csv crate: with one more record at the end, is it a record
    /// of its own or swallowed by an open quote?
    fn open_by_the_crate(bytes: &[u8]) -> bool {
        let mut longer = bytes.to_vec();
        longer.extend_from_slice(b"\nend,mark\n");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&longer[..]);
        let last = reader.byte_records().map(|record| record.expect("in memory")).last();
        last.is_none_or(|record| record != ["end", "mark"][..])
    }

    /// The line of the byte at `offset`: a carriage return and its line feed are one line end.
    fn line_of(bytes: &[u8], offset: usize) -> u64 {
        let ends = (0..offset).filter(|&index| match bytes[index] {
            b'\r' => true,
            b'\n' => index == 0 || bytes[index - 1] != b'\r',
            _ => false,
        });
        1 + ends.count() as u64
    }

    proptest! {
        #[test]
        fn lines_agree_with_counting_line_ends_before_each_record(
            text in "[ab,\"\r\n]{0,60}",
            sizes in proptest::collection::vec(1_usize..9, 1..6),
        ) {
            let bytes = text.as_bytes();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
            let (mut expected, mut start) = (Vec::new(), 0);
            while reader.read_byte_record(&mut csv::ByteRecord::new()).expect("in memory") {
                let ends = bytes[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                expected.push(line_of(bytes, start + ends));
                start = usize::try_from(reader.position().byte()).expect("a short text");
            }
            let found = lines(bytes, &sizes);
            // A quote that never closes ends the list early, and nothing else does.
            prop_assert!(found.len() == expected.len() || open_by_the_crate(bytes), "{:?}", text);
            prop_assert_eq!(&expected[..found.len()], &found[..], "{:?}", text);
        }

        #[test]
        fn agrees_with_the_csv_crate_whatever_the_block_boundaries(
            text in "[ab,\"\r\n]{0,60}",
            sizes in proptest::collection::vec(1_usize..9, 1..6),
        ) {
            let bytes = text.as_bytes();
            let whole = read(bytes, &[1_000]);
            prop_assert_eq!(whole.is_err(), open_by_the_crate(bytes), "{:?}", text);
            prop_assert_eq!(&read(bytes, &sizes), &whole);
            prop_assert_eq!(&read(bytes, &[1]), &whole);
            if let Ok((rows, _, _)) = whole {
                let mut plain = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
                let expected: Vec<csv::ByteRecord> =
                    plain.byte_records().map(|record| record.expect("in memory")).collect();
                prop_assert_eq!(rows, expected);
            }
        }
    }
}
