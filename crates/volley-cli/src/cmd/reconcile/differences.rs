//! Every differing message as CSV, in a file that appears whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};
use volley_core::Difference;

/// The first line of a list.
const HEADER: &str = "row,number,planned_segments,billed_segments,estimated,billed,difference,cause\n";

/// A list of differences: a line for each message, or for each request that was priced as a
/// whole. The differences add up to the one of the report.
///
/// Readable by its owner only, as it holds numbers. It is written under another name and takes
/// its own at the end, and no file that is not such a list is written over. Cells are numbers and
/// words of ours and copy nothing from the bill, so there is nothing in them that a spreadsheet
/// would run; an amount below zero stays a number.
#[derive(Debug)]
pub(super) struct DifferenceFile {
    /// `None` once it was finished.
    out: Option<BufWriter<File>>,
    path: PathBuf,
    partial: PathBuf,
}

impl DifferenceFile {
    /// Starts the list that is to be at `path`.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() && is_ours(path)? => {}
            Ok(_) => {
                let what = "there is a file already that is no list of differences; choose another name";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&partial)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        let mut out = BufWriter::new(file);
        out.write_all(HEADER.as_bytes())?;
        Ok(Self { out: Some(out), path: path.to_owned(), partial })
    }

    /// Writes one difference.
    pub(super) fn write(&mut self, difference: &Difference) -> io::Result<()> {
        let out = self.out.as_mut().expect("it is finished by value");
        let rows = difference.rows.to_string();
        let quote = if rows.contains(',') { "\"" } else { "" };
        let number = difference.to.map(|to| to.to_string()).unwrap_or_default();
        let parts = difference.billed_parts.map(|parts| parts.to_string()).unwrap_or_default();
        let words: Vec<&str> = difference.causes.iter().map(|(cause, _)| cause.word()).collect();
        let amount = difference.billed.checked_sub(difference.estimated).unwrap_or_default();
        writeln!(
            out,
            "{quote}{rows}{quote},{number},{},{parts},{},{},{amount},{}",
            difference.planned_parts,
            difference.estimated,
            difference.billed,
            words.join(" ")
        )
    }

    /// Gives the list its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Some(mut out) = self.out.take() {
            out.flush()?;
        }
        fs::rename(&self.partial, &self.path)
    }
}

impl Drop for DifferenceFile {
    fn drop(&mut self) {
        if self.out.is_some() {
            // What is left behind is half a list under a name that says so.
            drop(fs::remove_file(&self.partial));
        }
    }
}

/// Whether the file is empty or starts with our header.
fn is_ours(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(HEADER.len() as u64).read_to_end(&mut start)?;
    Ok(start.is_empty() || start == HEADER.as_bytes())
}
