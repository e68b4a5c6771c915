//! Tables of an SQLite file, laid out page by page.
//!
//! SQLite asks of each row where it belongs, and moves its page through a cache. The rows of a
//! plan come in the order of their keys, and nobody reads them while they are written: so their
//! pages can be filled one after the other and go to the file as they are, in a quarter of the
//! time (the plans of `benches/journal.rs`). SQLite makes the file and its tables before, and
//! fills the small ones afterwards.
//!
//! The format is that of sqlite.org/fileformat2.html, which every SQLite since 2004 reads and
//! writes; the sections named here are that page's. This is as much of it as a table needs whose
//! keys ascend and which has no index.

use super::disk::Nudge;
use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::Arc,
};

/// Bytes of a page, all of them usable.
pub(super) const PAGE: usize = 4_096;

/// The page of the byte at 1 GiB, which SQLite locks and never uses (section 1.4).
const LOCK_PAGE: u32 = (1 << 30) / 4_096 + 1;

/// The most bytes of a row that stay in a leaf, and the fewest of one that does not fit (1.6).
const MOST_IN_LEAF: usize = PAGE - 35;
const FEWEST_IN_LEAF: usize = (PAGE - 12) * 32 / 255 - 23;

/// Bytes of a row that an overflow page holds, behind the number of the next one.
const IN_OVERFLOW: usize = PAGE - 4;

/// The most children of an interior page: each but the last has a pointer, a page number and a
/// key of 32 bits in it, and the last is in the page's header.
const MOST_CHILDREN: usize = (PAGE - 12) / (2 + 4 + 5) + 1;

/// The first byte of a page says what it is.
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;

/// Bytes that go to the file at once.
const BYTES_A_WRITE: usize = 1 << 20;

/// Pages after which the disk is told that there is something to do.
const PAGES_A_NUDGE: u32 = 4_096;

/// The pages behind those that SQLite wrote.
pub(super) struct Pages {
    file: Arc<File>,
    nudge: Nudge,
    /// What is not in the file yet.
    waiting: Vec<u8>,
    /// The number of the next page.
    next: u32,
}

impl Pages {
    /// Goes on behind the last page of `file`, which nobody else writes to meanwhile.
    pub(super) fn behind(file: Arc<File>, nudge: Nudge) -> io::Result<Self> {
        let length = (&*file).seek(SeekFrom::End(0))?;
        let pages = u32::try_from(length / PAGE as u64).expect("a new file has a few pages");
        Ok(Self { file, nudge, waiting: Vec::with_capacity(BYTES_A_WRITE + PAGE), next: pages + 1 })
    }

    /// Adds a page of these bytes, and zeros behind them: its number.
    fn add(&mut self, parts: &[&[u8]]) -> io::Result<u32> {
        let number = self.next;
        self.next = behind(number);
        let pages = self.next - number;
        let end = self.waiting.len() + pages as usize * PAGE;
        for part in parts {
            self.waiting.extend_from_slice(part);
        }
        self.waiting.resize(end, 0);
        if self.waiting.len() >= BYTES_A_WRITE {
            self.write()?;
        }
        if number / PAGES_A_NUDGE < self.next / PAGES_A_NUDGE {
            self.nudge.send();
        }
        Ok(number)
    }

    /// Writes a page in the place of the one of this number, which SQLite made.
    fn replace(&mut self, number: u32, page: &[u8; PAGE]) -> io::Result<()> {
        self.write()?;
        self.write_at((u64::from(number) - 1) * PAGE as u64, page)
    }

    /// Makes the file one of as many pages as it has now.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write()?;
        self.write_at(28, &(self.next - 1).to_be_bytes()) // section 1.3.7
    }

    fn write(&mut self) -> io::Result<()> {
        (&*self.file).write_all(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(())
    }
}

/// The number of the page behind the page `number`.
fn behind(number: u32) -> u32 {
    let next = number.checked_add(1).expect("a plan is smaller than 16 TiB");
    if next == LOCK_PAGE { next + 1 } else { next }
}

/// A table whose rows come in the order of their keys.
pub(super) struct Table {
    /// The page that SQLite looks for it at.
    root: u32,
    leaf: Leaf,
    /// The leaves that are written.
    children: Vec<Child>,
    cell: Vec<u8>,
}

/// A page that is written, and the largest key in or below it.
#[derive(Clone, Copy)]
struct Child {
    page: u32,
    last: u32,
}

/// A leaf that is being filled: cells from its end, and the places of them from its start.
struct Leaf {
    page: Box<[u8; PAGE]>,
    cells: u16,
    /// Where the last cell starts.
    start: usize,
    /// Its key.
    last: u32,
}

impl Table {
    /// The table whose root page SQLite made at `root`, which has no rows.
    pub(super) fn new(root: u32) -> Self {
        Self { root, leaf: Leaf::new(), children: Vec::new(), cell: Vec::new() }
    }

    /// Adds the row of this key, which must be larger than the last.
    pub(super) fn add(&mut self, pages: &mut Pages, key: u32, row: &mut Record) -> io::Result<()> {
        let payload = row.whole();
        let local = match payload.len() {
            length if length <= MOST_IN_LEAF => length,
            length => {
                // Whole overflow pages, where the rest fits in here.
                let rest = FEWEST_IN_LEAF + (length - FEWEST_IN_LEAF) % IN_OVERFLOW;
                if rest <= MOST_IN_LEAF { rest } else { FEWEST_IN_LEAF }
            }
        };
        let (local, overflow) = payload.split_at(local);
        self.cell.clear();
        put(&mut self.cell, payload.len() as u64);
        put(&mut self.cell, u64::from(key));
        self.cell.extend_from_slice(local);
        if !overflow.is_empty() {
            self.cell.extend_from_slice(&pages.next.to_be_bytes());
            let mut parts = overflow.chunks(IN_OVERFLOW).peekable();
            while let Some(part) = parts.next() {
                let next = if parts.peek().is_some() { behind(pages.next) } else { 0 };
                pages.add(&[&next.to_be_bytes(), part])?;
            }
        }
        if !self.leaf.has_room(&self.cell) {
            self.end_leaf(pages)?;
        }
        self.leaf.add(key, &self.cell);
        Ok(())
    }

    fn end_leaf(&mut self, pages: &mut Pages) -> io::Result<()> {
        let page = pages.add(&[self.leaf.whole()])?;
        self.children.push(Child { page, last: self.leaf.last });
        self.leaf.clear();
        Ok(())
    }

    /// Makes the rows so far the table's.
    pub(super) fn finish(self, pages: &mut Pages) -> io::Result<()> {
        self.finish_tree(pages, MOST_CHILDREN)
    }

    /// Writes the pages above the leaves, each with at most so many children, the root last.
    fn finish_tree(mut self, pages: &mut Pages, most_children: usize) -> io::Result<()> {
        if self.children.is_empty() {
            return pages.replace(self.root, self.leaf.whole());
        }
        self.end_leaf(pages)?;
        let mut children = self.children;
        while children.len() > most_children {
            children = level(&children, most_children)
                .map(|children| {
                    let last = children.last().expect("a page has children").last;
                    Ok(Child { page: pages.add(&[&*interior(children)])?, last })
                })
                .collect::<io::Result<_>>()?;
        }
        pages.replace(self.root, &interior(&children))
    }
}

/// Children cut for the pages above them: at most so many each, which are 3 at least, and about
/// as many in each, so that none has a page to itself.
fn level(children: &[Child], most: usize) -> impl Iterator<Item = &[Child]> {
    let pages = children.len().div_ceil(most);
    let start = move |page: usize| page * children.len() / pages;
    (0..pages).map(move |page| &children[start(page)..start(page + 1)])
}

/// The page above `children`, two of them at least.
fn interior(children: &[Child]) -> Box<[u8; PAGE]> {
    let mut page = Box::new([0; PAGE]);
    let (last, others) = children.split_last().expect("a page has children");
    let mut start = PAGE;
    let mut cell = Vec::new();
    for (index, child) in others.iter().enumerate() {
        cell.clear();
        cell.extend_from_slice(&child.page.to_be_bytes());
        put(&mut cell, u64::from(child.last));
        start -= cell.len();
        page[start..start + cell.len()].copy_from_slice(&cell);
        place(&mut page, 12 + 2 * index, start);
    }
    page[0] = INTERIOR;
    place(&mut page, 3, others.len());
    place(&mut page, 5, start);
    page[8..12].copy_from_slice(&last.page.to_be_bytes());
    page
}

/// Writes a place or a count in a page, two bytes.
fn place(page: &mut [u8; PAGE], at: usize, value: usize) {
    let value = u16::try_from(value).expect("a page has 4,096 bytes");
    page[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

impl Leaf {
    fn new() -> Self {
        Self { page: Box::new([0; PAGE]), cells: 0, start: PAGE, last: 0 }
    }

    fn clear(&mut self) {
        self.page.fill(0);
        (self.cells, self.start) = (0, PAGE);
    }

    /// Where the place of the next cell is written.
    fn places_end(&self) -> usize {
        8 + 2 * usize::from(self.cells)
    }

    fn has_room(&self, cell: &[u8]) -> bool {
        self.places_end() + 2 + cell.len() <= self.start
    }

    fn add(&mut self, key: u32, cell: &[u8]) {
        assert!(self.last < key || self.cells == 0, "rows come in the order of their keys");
        let (end, places_end) = (self.start, self.places_end());
        self.start -= cell.len();
        self.page[self.start..end].copy_from_slice(cell);
        place(&mut self.page, places_end, self.start);
        self.cells += 1;
        self.last = key;
    }

    /// The page as it is.
    fn whole(&mut self) -> &[u8; PAGE] {
        self.page[0] = LEAF;
        place(&mut self.page, 3, usize::from(self.cells));
        place(&mut self.page, 5, self.start);
        &self.page
    }
}

/// A row but for its key: what its columns are, and then their values (section 2.1).
#[derive(Default)]
pub(super) struct Record {
    types: Vec<u8>,
    values: Vec<u8>,
    whole: Vec<u8>,
}

impl Record {
    /// A row of no columns yet.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.types.clear();
        self.values.clear();
        self
    }

    /// A column that is null, as the one that is the row's key always is.
    pub(super) fn null(&mut self) -> &mut Self {
        self.types.push(0);
        self
    }

    /// A column that has an integer, in as few bytes as it takes.
    pub(super) fn integer(&mut self, value: impl Into<i64>) -> &mut Self {
        let value = value.into();
        let bits = 64 - (value ^ (value >> 63)).leading_zeros() + 1; // with the sign
        let (kind, bytes) = match bits {
            _ if value == 0 => (8, 0),
            _ if value == 1 => (9, 0),
            0..=8 => (1, 1),
            9..=16 => (2, 2),
            17..=24 => (3, 3),
            25..=32 => (4, 4),
            33..=48 => (5, 6),
            _ => (6, 8),
        };
        self.types.push(kind);
        self.values.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
        self
    }

    /// A column that has an integer or is null.
    pub(super) fn maybe(&mut self, value: Option<impl Into<i64>>) -> &mut Self {
        match value {
            Some(value) => self.integer(value),
            None => self.null(),
        }
    }

    /// A column that has bytes.
    pub(super) fn blob(&mut self, bytes: &[u8]) -> &mut Self {
        put(&mut self.types, bytes.len() as u64 * 2 + 12);
        self.values.extend_from_slice(bytes);
        self
    }

    /// A column that has a text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        put(&mut self.types, text.len() as u64 * 2 + 13);
        self.values.extend_from_slice(text.as_bytes());
        self
    }

    /// The row as it is stored.
    fn whole(&mut self) -> &[u8] {
        let header = self.types.len() + 1;
        assert!(header < 128, "the length of a row of a few columns is one byte");
        self.whole.clear();
        put(&mut self.whole, header as u64);
        self.whole.extend_from_slice(&self.types);
        self.whole.extend_from_slice(&self.values);
        &self.whole
    }
}

/// Appends a number below 2⁵⁶: seven bits a byte, the highest first, the top bit set in all but the
/// last.
fn put(bytes: &mut Vec<u8>, number: u64) {
    let more = number.checked_ilog2().unwrap_or_default() / 7;
    for byte in (1..=more).rev() {
        bytes.push((number >> (7 * byte)).to_le_bytes()[0] | 0x80);
    }
    bytes.push(number.to_le_bytes()[0] & 0x7F);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planning::disk::Disk;
    use proptest::prelude::*;
    use rusqlite::{Connection, types::Value};
    use std::path::Path;

    /// A row of one of two tables, and how much larger its key is than the last one's.
    type Row = (bool, u32, Vec<Value>);

    fn value() -> impl Strategy<Value = Value> {
        let near_a_power = (0_u32..64, -2_i64..3).prop_map(|(bits, near)| (1_i64 << bits).wrapping_add(near));
        let length = prop_oneof![0_usize..60, 480_usize..500, 4_000_usize..4_200, 0_usize..20_000];
        prop_oneof![
            Just(Value::Null),
            prop_oneof![any::<i64>(), near_a_power].prop_map(Value::Integer),
            length.clone().prop_map(|length| Value::Blob(vec![0xA5; length])),
            length.prop_map(|length| Value::Text("é".repeat(length / 2))),
        ]
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let step = prop_oneof![8 => Just(1_u32), 1 => 1_u32..1_000_000];
        proptest::collection::vec((any::<bool>(), step, proptest::collection::vec(value(), 3)), 0..120)
    }

    /// The tables of the file at `path`, which it makes.
    fn tables(path: &Path) -> [Table; 2] {
        let connection = Connection::open(path).expect("room");
        connection
            .execute_batch(
                "CREATE TABLE a (key INTEGER PRIMARY KEY, x, y, z);
                 CREATE TABLE b (key INTEGER PRIMARY KEY, x, y, z);",
            )
            .expect("room");
        ["a", "b"].map(|name| {
            let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
            Table::new(connection.query_row(sql, [name], |row| row.get(0)).expect("a table"))
        })
    }

    /// Gives `rows` to the tables of the file at `path`, and what SQLite should find in each.
    fn fill(
        path: &Path,
        mut tables: [Table; 2],
        rows: &[Row],
        most_children: usize,
    ) -> [Vec<(u32, Vec<Value>)>; 2] {
        let file = File::options().read(true).write(true).open(path).expect("a file");
        let file = Arc::new(file);
        let disk = Disk::start(Arc::clone(&file)).expect("a thread");
        let mut pages = Pages::behind(file, disk.nudge()).expect("a file");
        let mut record = Record::default();
        let mut keys = [0_u32; 2];
        let mut expected = [Vec::new(), Vec::new()];
        for (second, step, values) in rows {
            let which = usize::from(*second);
            keys[which] += step;
            record.begin().null();
            for value in values {
                match value {
                    Value::Integer(value) => record.integer(*value),
                    Value::Blob(bytes) => record.blob(bytes),
                    Value::Text(text) => record.text(text),
                    Value::Null | Value::Real(_) => record.maybe(None::<i64>),
                };
            }
            tables[which].add(&mut pages, keys[which], &mut record).expect("room");
            expected[which].push((keys[which], values.clone()));
        }
        for table in tables {
            table.finish_tree(&mut pages, most_children).expect("room");
        }
        pages.finish().expect("room");
        disk.finish().expect("room");
        expected
    }

    fn read(connection: &Connection, table: &str) -> Vec<(u32, Vec<Value>)> {
        let mut select =
            connection.prepare(&format!("SELECT key, x, y, z FROM {table} ORDER BY key")).expect("a table");
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, vec![row.get(1)?, row.get(2)?, row.get(3)?]));
        select.query_map([], row).expect("readable").map(|row| row.expect("readable")).collect()
    }

    proptest! {
        /// With few children a page the tree is as deep as one of hundreds of millions of rows.
        #[test]
        fn sqlite_finds_a_sound_file_with_the_rows_that_were_given(
            rows in rows(),
            most_children in prop_oneof![3_usize..6, Just(MOST_CHILDREN)],
        ) {
            let directory = tempfile::tempdir().expect("room");
            let path = directory.path().join("tables");
            let expected = fill(&path, tables(&path), &rows, most_children);
            let connection = Connection::open(&path).expect("a database");
            let sound: String =
                connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("readable");
            prop_assert_eq!(sound, "ok");
            for (name, expected) in ["a", "b"].iter().zip(&expected) {
                prop_assert!(read(&connection, name) == *expected, "table {} reads otherwise", name);
                for (key, values) in expected {
                    let sql = format!("SELECT x FROM {name} WHERE key = ?");
                    let found: Value = connection.query_row(&sql, [key], |row| row.get(0)).expect("there");
                    prop_assert!(found == values[0], "row {} of table {}", key, name);
                }
            }
            // It goes on as any other file.
            connection.execute("INSERT INTO a (x) VALUES ('one more')", []).expect("room");
            prop_assert_eq!(read(&connection, "a").len(), expected[0].len() + 1);
            let sound: String =
                connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("readable");
            prop_assert_eq!(sound, "ok");
        }
    }

    #[test]
    fn the_page_that_sqlite_locks_is_left_out() {
        for before in 0..12 {
            let directory = tempfile::tempdir().expect("room");
            let path = directory.path().join("tables");
            let tables = tables(&path);
            // Nothing is in the pages between, which take no room on the disk.
            let pages = u64::from(LOCK_PAGE - 1 - before);
            let file = File::options().write(true).open(&path).expect("a file");
            file.set_len(pages * PAGE as u64).expect("a sparse file");
            let row =
                |length| (false, 1, vec![Value::Null, Value::Integer(7), Value::Blob(vec![0xA5; length])]);
            let rows = [row(30_000), row(10), row(9_000), row(4_000), row(4_000), row(9_000)];
            let expected = fill(&path, tables, &rows, MOST_CHILDREN);
            let connection = Connection::open(&path).expect("a database");
            assert!(read(&connection, "a") == expected[0], "{before} pages before it");
        }
    }
}
