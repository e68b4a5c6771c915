//! Every differing message as CSV.

use std::{
    io::{self, Write},
    path::Path,
};
use volley_core::Difference;
use volley_plan::ListFile;

/// The first line of a list.
const HEADER: &str = "row,number,planned_segments,billed_segments,estimated,billed,difference,cause\n";

/// A list of differences: a line for each message, or for each request that was priced as a
/// whole. The differences add up to the one of the report.
///
/// Cells are numbers and words of ours and copy nothing from the bill, so there is nothing in them
/// that a spreadsheet would run; an amount below zero stays a number.
#[derive(Debug)]
pub(super) struct DifferenceFile(ListFile);

impl DifferenceFile {
    /// Starts the list that is to be at `path`.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        ListFile::create(path, HEADER, "list of differences").map(Self)
    }

    /// Writes one difference.
    pub(super) fn write(&mut self, difference: &Difference) -> io::Result<()> {
        let rows = difference.rows.to_string();
        let quote = if rows.contains(',') { "\"" } else { "" };
        let number = difference.to.map(|to| to.to_string()).unwrap_or_default();
        let parts = difference.billed_parts.map(|parts| parts.to_string()).unwrap_or_default();
        let words: Vec<&str> = difference.causes.iter().map(|(cause, _)| cause.word()).collect();
        let amount = difference.billed.checked_sub(difference.estimated).unwrap_or_default();
        writeln!(
            self.0,
            "{quote}{rows}{quote},{number},{},{parts},{},{},{amount},{}",
            difference.planned_parts,
            difference.estimated,
            difference.billed,
            words.join(" ")
        )
    }

    /// Gives the list its name.
    pub(super) fn finish(self) -> io::Result<()> {
        self.0.finish()
    }
}
