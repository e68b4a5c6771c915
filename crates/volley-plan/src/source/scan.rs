//! Bytes of CSV become records, block by block.
//!
//! Where the csv crate and this reader can answer, they give the same records: a property test
//! holds the one to the other. It stands in its place because a list is read at the speed of
//! memory here, five times the crate's, and because the crate mends in silence what must be said
//! aloud: a quote that is never closed, text after a closing quote, quotes inside plain cells,
//! blank lines.
//!
//! The marks of 64 bytes are found at once, then each is looked at in turn. A record that is not
//! whole in its block is read again with the next, so that where blocks end changes nothing.

use super::block::Block;
use crate::buffer::Buffer;
use std::{io, io::Read};

/// The bytes of a block that holds no longer record.
pub(crate) const BLOCK: usize = 64 * 1024;
/// The most cells of a record that are kept; of those behind them the last is.
const MOST_CELLS: usize = 16 * 1024;
/// The longest quoted cell, in bytes.
const MAX_QUOTED: usize = 64 * 1024;
/// The most line ends in a quoted cell.
const MAX_QUOTED_LINES: u64 = 1_000;
/// The longest record, in bytes.
const MAX_RECORD: usize = 16 * 1024 * 1024;
/// Bytes whose marks are found at once.
const STEP: usize = 64;

/// What makes the rest of a CSV file unreadable. Lines are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteFault {
    /// The file ends inside quotes.
    #[error(
        "line {line}: a quote opens here and is never closed; {}", self.hint())]
    NeverClosed {
        /// Where it opened.
        line: u64,
    },
    /// A quoted field over 64 KiB or 1,000 lines, which is a lost quote too.
    #[error(
        "line {line}: a quote opens here and does not close within 64 KiB and 1000 lines; {}", self.hint())]
    TooLong {
        /// Where it opened.
        line: u64,
    },
    /// A quoted field over several lines with text behind its closing quote: somebody's quote is
    /// lost, and which lines belong to whom is a guess.
    #[error(
        "line {line}: a quote opens here and closes on line {closed} in the middle of a field; {}", self.hint())]
    Astray {
        /// Where it opened.
        line: u64,
        /// Where it closed.
        closed: u64,
    },
    /// A record over 16 MiB.
    #[error("line {line}: a record starts here that is longer than 16 MiB; {}", self.hint())]
    RecordTooLong {
        /// Where it starts.
        line: u64,
    },
}

impl QuoteFault {
    /// What to do about it, as its message ends.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NeverClosed { .. } => "close it, or write it twice if it is part of the text",
            Self::TooLong { .. } => "close it, or write it twice if it is part of the text",
            Self::Astray { .. } => "close it on its own line, or write it twice if it is part of the text",
            Self::RecordTooLong { .. } => "check that this is a CSV file",
        }
    }

    /// The line that it begins on.
    pub const fn line(&self) -> u64 {
        match self {
            Self::NeverClosed { line }
            | Self::TooLong { line }
            | Self::Astray { line, .. }
            | Self::RecordTooLong { line } => *line,
        }
    }
}

/// Why a block could not be filled.
#[derive(Debug)]
pub(crate) enum ScanFault {
    Quote(QuoteFault),
    Read(io::Error),
}

/// A CSV file as blocks of records. Holds what is left of the last block, and no more.
pub(crate) struct CsvBlocks {
    input: Box<dyn Read + Send>,
    delimiter: u8,
    /// The bytes of a block.
    size: usize,
    /// What follows the last whole record of the block before.
    tail: Vec<u8>,
    at_end: bool,
    /// What comes after the records that were given.
    fault: Option<QuoteFault>,
    /// The last record ended in a carriage return: a line feed belongs to it.
    after_carriage_return: bool,
    /// The line of the next record.
    line: u64,
    pub(crate) blank_lines: u64,
    /// Quotes inside plain cells so far, and the line of the first.
    pub(crate) stray_quotes: Option<(u64, u64)>,
    /// Cells of the record at hand that hold more than their text.
    unclean: Vec<usize>,
}

/// Where in a cell the scan is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a cell that no quote protects, or at its start.
    Plain,
    /// Between quotes.
    Quoted,
    /// At the second of two quotes that mean one.
    Doubled,
    /// Behind the closing quote, which stands here.
    Closed(usize),
    /// In text that follows a closing quote.
    Spoiled,
}

/// The record at hand.
struct Record {
    start: usize,
    line: u64,
    cell_start: usize,
    /// A quote stands somewhere in it.
    has_quotes: bool,
    spoiled: bool,
    /// Quotes inside its plain cells, and the line of the first.
    stray_quotes: Option<(u64, u64)>,
}

impl Record {
    fn at(start: usize, line: u64) -> Self {
        Self { start, line, cell_start: start, has_quotes: false, spoiled: false, stray_quotes: None }
    }
}

impl CsvBlocks {
    /// Reads `input`, whose first byte is on `line`, in blocks of some `size` bytes.
    pub(crate) fn new(input: Box<dyn Read + Send>, delimiter: u8, line: u64, size: usize) -> Self {
        Self {
            input,
            delimiter,
            size,
            tail: Vec::new(),
            at_end: false,
            fault: None,
            after_carriage_return: false,
            line,
            blank_lines: 0,
            stray_quotes: None,
            unclean: Vec::new(),
        }
    }

    /// Fills `block` with the next records; without any at the end of the file.
    ///
    /// Records before a fault are given before it.
    pub(crate) fn fill(&mut self, block: &mut Block) -> Result<(), ScanFault> {
        block.clear();
        if let Some(fault) = self.fault {
            return Err(ScanFault::Quote(fault));
        }
        block.bytes.push(&self.tail);
        self.tail.clear();
        let mut size = self.size;
        loop {
            self.read(&mut block.bytes, size).map_err(ScanFault::Read)?;
            let mut bytes = std::mem::take(&mut block.bytes);
            let scanned = self.scan(&mut bytes, block);
            block.bytes = bytes;
            let end = scanned.unwrap_or_else(|fault| {
                self.fault = Some(fault);
                block.drop_unfinished();
                block.bytes.len()
            });
            if block.len() > 0 || self.at_end || self.fault.is_some() {
                self.tail.extend_from_slice(&block.bytes[end..]);
                block.bytes.truncate(end);
                break;
            }
            block.bytes.drop_front(end); // blank lines
            size = size.max(block.bytes.len() * 2); // no record ends in so many bytes
        }
        match self.fault {
            Some(fault) if block.len() == 0 => Err(ScanFault::Quote(fault)),
            _ => Ok(()),
        }
    }

    /// Reads until there are `size` bytes, at least one more than before, or no more.
    fn read(&mut self, bytes: &mut Buffer, size: usize) -> io::Result<()> {
        let wanted = size.saturating_sub(bytes.len()).max(1);
        let room = &mut bytes.room(wanted)[..wanted];
        let mut count = 0;
        while count < wanted {
            match self.input.read(&mut room[count..]) {
                Ok(0) => break,
                Ok(read) => count += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.written(count);
        self.at_end = count < wanted;
        Ok(())
    }

    /// Adds the whole records of `bytes` to `block` and says where the last of them ends.
    fn scan(&mut self, bytes: &mut [u8], block: &mut Block) -> Result<usize, QuoteFault> {
        let mut state = State::Plain;
        let mut line = self.line;
        let mut quote_line = line;
        let mut record = Record::at(0, line);
        for base in (0..bytes.len()).step_by(STEP) {
            let mut marks = first_marks(&bytes[base..], self.delimiter);
            while marks != 0 {
                if state == State::Plain && !record.has_quotes && block.unfinished() + STEP < MOST_CELLS {
                    marks = self.plain_marks(&bytes[base..], marks, base, block, &mut record)?;
                    line = record.line;
                    if marks == 0 {
                        break;
                    }
                }
                let at = base + marks.trailing_zeros() as usize;
                marks &= marks - 1;
                let byte = bytes[at];
                record.has_quotes |= byte == b'"';
                let ends_line = is_line_end(byte) && !self.is_second_half(bytes, at);
                match state {
                    State::Plain if byte == b'"' => {
                        if at == record.cell_start {
                            state = State::Quoted;
                            quote_line = line;
                        } else {
                            let (count, first) = record.stray_quotes.unwrap_or((0, line));
                            record.stray_quotes = Some((count + 1, first));
                        }
                        continue;
                    }
                    State::Plain if at == record.start && is_line_end(byte) => {
                        self.blank_lines += u64::from(ends_line);
                        line += u64::from(ends_line);
                        self.after_carriage_return = byte == b'\r';
                        self.line = line;
                        record = Record::at(at + 1, line);
                        continue;
                    }
                    State::Quoted if byte == b'"' => {
                        check_quoted(at - record.cell_start, line - quote_line, quote_line)?;
                        state = match bytes.get(at + 1) {
                            Some(b'"') => State::Doubled,
                            Some(&next) if next != self.delimiter && !is_line_end(next) => State::Spoiled,
                            _ => State::Closed(at),
                        };
                        let cell = block.unfinished();
                        if state != State::Closed(at) && self.unclean.last() != Some(&cell) {
                            self.unclean.push(cell);
                        }
                        if state == State::Spoiled && line > quote_line {
                            return Err(QuoteFault::Astray { line: quote_line, closed: line });
                        }
                        record.spoiled |= state == State::Spoiled;
                        continue;
                    }
                    State::Quoted => {
                        line += u64::from(ends_line);
                        continue;
                    }
                    State::Doubled => {
                        state = State::Quoted;
                        continue;
                    }
                    State::Spoiled if byte == b'"' => continue,
                    State::Plain | State::Closed(_) | State::Spoiled => {}
                }
                // A delimiter or the end of a line, and no quote protects it.
                if byte == self.delimiter && block.unfinished() + 1 == MOST_CELLS {
                    self.unclean.retain(|&index| index + 1 != MOST_CELLS);
                    record.cell_start = at + 1;
                } else {
                    self.add_cell(block, &mut record, state, at);
                }
                state = State::Plain;
                if byte != self.delimiter {
                    self.end_record(bytes, block, &record, at)?;
                    line += 1;
                    self.after_carriage_return = byte == b'\r';
                    self.line = line;
                    record = Record::at(at + 1, line);
                }
            }
        }
        let end = bytes.len();
        if record.start < end && self.at_end {
            if state == State::Quoted {
                check_quoted(end - record.cell_start, line - quote_line, quote_line)?;
                return Err(QuoteFault::NeverClosed { line: quote_line });
            }
            self.add_cell(block, &mut record, state, end);
            self.end_record(bytes, block, &record, end)?;
            return Ok(end);
        }
        block.drop_unfinished();
        self.unclean.clear();
        if state == State::Quoted {
            check_quoted(end - record.cell_start, line - quote_line, quote_line)?;
        }
        check_record(end - record.start, record.line)?;
        Ok(record.start)
    }

    /// Takes the ends of cells of a record without quotes, and of such records, and gives the marks
    /// from the first on that is something else. `bytes` are those from `base` on that the marks
    /// are of.
    ///
    /// That is what nearly every mark is. It is a loop of its own so that the processor has all that
    /// it needs in its registers: half the instructions.
    #[inline(never)]
    fn plain_marks(
        &mut self,
        bytes: &[u8],
        mut marks: u64,
        base: usize,
        block: &mut Block,
        record: &mut Record,
    ) -> Result<u64, QuoteFault> {
        let delimiter = self.delimiter;
        let mut cell_start = record.cell_start;
        while marks != 0 {
            let index = marks.trailing_zeros() as usize;
            let (byte, at) = (bytes[index], base + index);
            if byte == delimiter {
                block.add_cell(cell_start..at);
            } else if is_line_end(byte) && cell_start > record.start {
                check_record(at - record.start, record.line)?;
                block.add_cell(cell_start..at);
                block.end_record(record.line, false);
                *record = Record::at(at + 1, record.line + 1);
                self.line = record.line;
                self.after_carriage_return = byte == b'\r';
            } else {
                break;
            }
            cell_start = at + 1;
            marks &= marks - 1;
        }
        record.cell_start = cell_start;
        Ok(marks)
    }

    /// Whether the byte at `at` is the line feed of a carriage return before it.
    fn is_second_half(&self, bytes: &[u8], at: usize) -> bool {
        bytes[at] == b'\n'
            && match at.checked_sub(1) {
                Some(before) => bytes[before] == b'\r',
                None => self.after_carriage_return,
            }
    }

    /// Adds the cell that ends before `end`.
    fn add_cell(&self, block: &mut Block, record: &mut Record, state: State, end: usize) {
        let is_clean = self.unclean.last() != Some(&block.unfinished());
        block.add_cell(match state {
            State::Closed(quote) if is_clean => record.cell_start + 1..quote,
            State::Closed(_) | State::Spoiled => record.cell_start + 1..end,
            State::Plain | State::Quoted | State::Doubled => record.cell_start..end,
        });
        record.cell_start = end + 1;
    }

    /// Makes a record of the cells, but of a line of blanks alone.
    fn end_record(
        &mut self,
        bytes: &mut [u8],
        block: &mut Block,
        record: &Record,
        end: usize,
    ) -> Result<(), QuoteFault> {
        for index in self.unclean.drain(..) {
            let place = block.place(index);
            let length = unquote(&mut bytes[place.clone()]);
            block.shorten(index, place.start + length);
            // What is left over may be half a character, and text is checked by the block.
            bytes[place].split_at_mut(length).1.fill(b' ');
        }
        check_record(end - record.start, record.line)?;
        if block.unfinished() == 1 && bytes[block.place(0)].iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            block.drop_unfinished();
            self.blank_lines += 1;
            return Ok(());
        }
        if let Some((count, line)) = record.stray_quotes {
            let (before, first) = self.stray_quotes.unwrap_or((0, line));
            self.stray_quotes = Some((before + count, first));
        }
        block.end_record(record.line, record.spoiled);
        Ok(())
    }
}

fn check_quoted(bytes: usize, lines: u64, line: u64) -> Result<(), QuoteFault> {
    if bytes > MAX_QUOTED || lines > MAX_QUOTED_LINES { Err(QuoteFault::TooLong { line }) } else { Ok(()) }
}

fn check_record(bytes: usize, line: u64) -> Result<(), QuoteFault> {
    if bytes > MAX_RECORD { Err(QuoteFault::RecordTooLong { line }) } else { Ok(()) }
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// The marks of the first bytes, as many as there are in a step.
fn first_marks(bytes: &[u8], delimiter: u8) -> u64 {
    match bytes.first_chunk() {
        Some(step) => marks(step, delimiter),
        None => marks(&padded(bytes), delimiter),
    }
}

/// One bit for each byte that may end a cell: the delimiter, a quote, the end of a line.
fn marks(bytes: &[u8; STEP], delimiter: u8) -> u64 {
    let mut is_mark = [0_u8; STEP];
    for (mark, &byte) in is_mark.iter_mut().zip(bytes) {
        *mark = u8::from(byte == delimiter)
            | u8::from(byte == b'\n')
            | u8::from(byte == b'\r')
            | u8::from(byte == b'"');
    }
    let mut marks = 0;
    for (index, eight) in is_mark.as_chunks::<8>().0.iter().enumerate() {
        // The product brings the lowest bit of each byte to its place in the highest byte.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        marks |= bits << (8 * index);
    }
    marks
}

/// The last bytes of a block, filled up with zeros, which are no marks.
fn padded(bytes: &[u8]) -> [u8; STEP] {
    let mut padded = [0; STEP];
    padded[..bytes.len()].copy_from_slice(bytes);
    padded
}

/// Brings what follows an opening quote to what it means, in place: doubled quotes become one, the
/// closing one goes, what is behind it stays. Gives the length.
fn unquote(bytes: &mut [u8]) -> usize {
    let (mut from, mut to, mut is_open) = (0, 0, true);
    while from < bytes.len() {
        let is_quote = is_open && bytes[from] == b'"';
        if is_quote && bytes.get(from + 1) != Some(&b'"') {
            is_open = false;
            from += 1;
            continue;
        }
        from += usize::from(is_quote);
        bytes[to] = bytes[from];
        from += 1;
        to += 1;
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    /// Gives bytes in pieces of the sizes it is told, over and over.
    struct Pieces(Cursor<Vec<u8>>, Vec<usize>, usize);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.1[self.2 % self.1.len()].min(buffer.len());
            self.2 += 1;
            self.0.read(&mut buffer[..size])
        }
    }

    /// What a list is read as.
    #[derive(Debug, Default, PartialEq)]
    struct Found {
        rows: Vec<Vec<Vec<u8>>>,
        lines: Vec<u64>,
        spoiled: Vec<bool>,
        blank_lines: u64,
        stray_quotes: Option<(u64, u64)>,
        fault: Option<QuoteFault>,
    }

    /// Reads `bytes` in blocks of `size`, which come in `pieces`.
    fn read_in(bytes: &[u8], size: usize, pieces: &[usize]) -> Found {
        let pieces = Pieces(Cursor::new(bytes.to_vec()), pieces.to_vec(), 0);
        let mut blocks = CsvBlocks::new(Box::new(pieces), b',', 1, size);
        let (mut block, mut found) = (Block::default(), Found::default());
        loop {
            match blocks.fill(&mut block) {
                Err(ScanFault::Quote(fault)) => {
                    found.fault = Some(fault);
                    return found; // what came behind the last whole record was not read
                }
                Err(ScanFault::Read(error)) => panic!("{error}"),
                Ok(()) if block.len() == 0 => break,
                Ok(()) => {}
            }
            for row in block.rows() {
                found.rows.push(row.cells.iter().map(<[u8]>::to_vec).collect());
                found.lines.push(row.line);
                found.spoiled.push(row.spoiled);
            }
        }
        (found.blank_lines, found.stray_quotes) = (blocks.blank_lines, blocks.stray_quotes);
        found
    }

    fn read(bytes: &[u8]) -> Found {
        read_in(bytes, BLOCK, &[usize::MAX])
    }

    /// The records of the csv crate, which reads a line of spaces as one.
    fn by_the_crate(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let records = reader.byte_records().map(|record| record.expect("in memory"));
        let cells = records.map(|record| record.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
        cells.filter(|cells| cells.len() != 1 || cells[0].iter().any(|byte| *byte != b' ')).collect()
    }

    /// The same question asked of the crate: with one more record at the end, is it a record of
    /// its own or swallowed by an open quote?
    fn is_open_by_the_crate(bytes: &[u8]) -> bool {
        let longer = [bytes, b"\nend,mark\n"].concat();
        by_the_crate(&longer).last().is_none_or(|last| *last != [b"end".to_vec(), b"mark".to_vec()])
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
            ("a\n\n\n\n\"", 5),
        ] {
            for size in 1..20 {
                let found = read_in(text.as_bytes(), size, &[3]);
                assert_eq!(found.fault, Some(QuoteFault::NeverClosed { line }), "{text:?} by {size}");
            }
        }
    }

    #[test]
    fn a_quoted_cell_ends_at_its_limits() {
        let quoted = |bytes: usize| format!("a\n\"{}\"\n", "x".repeat(bytes));
        let lines = |count: usize| format!("a\n\"{}\"\n", "\n".repeat(count));
        for (text, kept) in [
            (quoted(65_535), true),
            (quoted(65_536), false),
            (quoted(200_000), false),
            (lines(1_000), true),
            (lines(1_001), false),
        ] {
            for size in [1, 1_000, 70_000, BLOCK] {
                let fault = read_in(text.as_bytes(), size, &[usize::MAX]).fault;
                let expected = (!kept).then_some(QuoteFault::TooLong { line: 2 });
                assert_eq!(fault, expected, "{} by {size}", text.len());
            }
        }
    }

    #[test]
    fn a_record_ends_at_its_limit_and_what_is_before_it_is_given() {
        let text = format!("a,b\n1,2\n{}", "x".repeat(MAX_RECORD + 1));
        let found = read(text.as_bytes());
        assert_eq!((found.rows.len(), found.fault), (2, Some(QuoteFault::RecordTooLong { line: 3 })));
        assert_eq!(read(&text.as_bytes()[..text.len() - 1]).rows.len(), 3);
    }

    #[test]
    fn a_record_of_very_many_cells_keeps_so_many() {
        let text = format!("a,b\n{}\"x\ny\"\n1,2\n", "c,".repeat(MOST_CELLS + 100));
        let found = read(text.as_bytes());
        let lengths: Vec<usize> = found.rows.iter().map(Vec::len).collect();
        assert_eq!((lengths, found.lines), (vec![2, MOST_CELLS, 2], vec![1, 2, 4]));
    }

    #[test]
    fn text_after_a_closing_quote_spoils_its_record_only() {
        let text = "a,b\n\"x\"y,1\n\"x\",2\n3,\"he said \\\"hi\\\"\"\n\"x\"\" y\",4\n\"x\"y";
        for size in 1..60 {
            let found = read_in(text.as_bytes(), size, &[2, 5]);
            assert_eq!(found.spoiled, [false, true, false, true, false, true], "by {size}");
        }
    }

    #[test]
    fn a_lost_quote_that_another_one_closes_swallows_nobody() {
        let text = "a,b\n1,\"x\n2,y\n3,\"z\n4,w\n";
        for size in 1..30 {
            let found = read_in(text.as_bytes(), size, &[3]);
            assert_eq!(found.fault, Some(QuoteFault::Astray { line: 2, closed: 4 }), "by {size}");
            assert_eq!(found.rows.len(), 1, "what stands before it");
        }
    }

    #[test]
    fn stray_quotes_are_counted_from_the_first_line_they_are_on() {
        assert_eq!(read(b"a\nit\"s\n5\" pipe\n\"ok\"\n").stray_quotes, Some((2, 2)));
    }

    #[test]
    fn a_record_is_on_the_line_where_it_begins() {
        for (text, expected) in [
            ("a\nb\nc", &[1, 2, 3][..]),
            ("a\r\nb\r\nc\r\n", &[1, 2, 3]),
            ("a\rb\rc\r", &[1, 2, 3]),
            ("\n\na\n\r\n \n\nb\n\n", &[3, 7]),
            ("a\n\"b\n\nc\"\nd\n\"e\r\nf\",\"g\rh\"\r\ni", &[1, 2, 5, 6, 9]),
        ] {
            for size in 1..30 {
                assert_eq!(read_in(text.as_bytes(), size, &[3]).lines, expected, "{text:?} by {size}");
            }
        }
    }

    #[test]
    fn cells_are_text_whatever_was_taken_out_beside_them() {
        let found = read("\"é\"\"ü\",\"สม\"\"ชาย\"x\n".as_bytes());
        assert_eq!(found.rows, [[b"\xC3\xA9\"\xC3\xBC".to_vec(), "สม\"ชายx".as_bytes().to_vec()]]);
        let mut blocks = CsvBlocks::new(Box::new("\"é\"\"ü\",b\n".as_bytes()), b',', 1, BLOCK);
        let mut block = Block::default();
        blocks.fill(&mut block).expect("good quotes");
        assert!(str::from_utf8(&block.bytes).is_ok(), "so that blocks are judged at once");
    }

    proptest! {
        #[test]
        fn reads_what_the_csv_crate_reads_or_says_why_not(text in "[ab,\"\r\n ]{0,80}|[a-c,\"\n]{60,150}") {
            let bytes = text.as_bytes();
            let found = read(bytes);
            prop_assert!(found.fault.is_some() || !is_open_by_the_crate(bytes), "{:?}", text);
            match found.fault {
                None => prop_assert_eq!(found.rows, by_the_crate(bytes), "{:?}", text),
                Some(QuoteFault::Astray { .. }) => {
                    prop_assert!(by_the_crate(bytes).starts_with(&found.rows), "{:?}", text);
                }
                Some(_) => prop_assert!(is_open_by_the_crate(bytes), "{:?}", text),
            }
        }

        #[test]
        fn where_blocks_end_changes_nothing(
            text in "[ab,\"\r\n ]{0,80}|[é,\"\r\n]{0,100}",
            size in 1_usize..40,
            pieces in proptest::collection::vec(1_usize..9, 1..6),
        ) {
            let whole = read(text.as_bytes());
            prop_assert_eq!(read_in(text.as_bytes(), size, &pieces), whole, "{:?}", text);
        }

        #[test]
        fn marks_are_the_bytes_that_end_cells(bytes in proptest::collection::vec(any::<u8>(), STEP), delimiter in any::<u8>()) {
            let step: &[u8; STEP] = bytes.first_chunk().expect("as long");
            let expected = (0..STEP).filter(|&at| bytes[at] == delimiter || b"\n\r\"".contains(&bytes[at]));
            prop_assert_eq!(marks(step, delimiter), expected.fold(0, |marks, at| marks | 1 << at));
        }
    }
}
