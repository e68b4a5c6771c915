//! A list for people as CSV, safe to open in a spreadsheet.

use crate::{
    ListFile,
    reject::{io_error, neutral},
};
use std::{io, path::Path};

/// A [`ListFile`] of records. A cell that a spreadsheet would run as a formula gets an apostrophe
/// in front.
#[derive(Debug)]
pub struct CsvFile {
    csv: csv::Writer<ListFile>,
}

impl CsvFile {
    /// Starts the list that is to be at `path`, with `header` as its first line, `what` for people.
    pub fn create(path: &Path, header: &[&str], what: &str) -> io::Result<Self> {
        let list = ListFile::create(path, &format!("{}\n", header.join(",")), what)?;
        Ok(Self { csv: csv::Writer::from_writer(list) })
    }

    /// Writes one record.
    pub fn write<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        self.csv.write_record(cells.into_iter().map(neutral)).map_err(io_error)
    }

    /// Gives the list its name.
    pub fn finish(self) -> io::Result<()> {
        self.csv.into_inner().map_err(csv::IntoInnerError::into_error)?.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_run() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("report.csv");
        let mut list = CsvFile::create(&path, &["row", "code"], "report").expect("room");
        list.write(["1", "a, \"b\""]).expect("room");
        list.write(["+61491570006", "=1+1"]).expect("room");
        list.finish().expect("room");
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(text, "row,code\n1,\"a, \"\"b\"\"\"\n+61491570006,'=1+1\n");
    }
}
