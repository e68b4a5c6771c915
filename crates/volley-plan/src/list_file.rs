//! A list that we write for a person: whole or not at all, for its owner alone, never over
//! somebody else's file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Stdout, Write},
    path::{Path, PathBuf},
};

/// A file that appears whole or not at all.
///
/// It is written under another name and takes its own at the end, so that a run that fails leaves
/// an earlier list alone. A file that does not start with the list's own first line is never
/// written over: it may be the campaign's list. Readable by its owner only, as it holds personal
/// data.
#[derive(Debug)]
pub struct ListFile {
    /// `None` once it was finished.
    out: Option<BufWriter<Out>>,
    /// `None` for a list on stdout.
    place: Option<Place>,
}

#[derive(Debug)]
enum Out {
    File(File),
    Stdout(Stdout),
}

/// Where a list is to be, and where it is until then.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    partial: PathBuf,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}

impl ListFile {
    /// Starts the list that is to be at `path`, whose first line is `header`, `what` for people. The
    /// path `-` is stdout, where nothing can be whole or not at all.
    pub fn create(path: &Path, header: &str, what: &str) -> io::Result<Self> {
        if path == Path::new("-") {
            let mut out = BufWriter::new(Out::Stdout(io::stdout()));
            out.write_all(header.as_bytes())?;
            return Ok(Self { out: Some(out), place: None });
        }
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() && is_ours(path, header)? => {}
            Ok(_) => {
                let what = format!("there is a file already that is no {what}");
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
        let mut out = BufWriter::new(Out::File(file));
        out.write_all(header.as_bytes())?;
        Ok(Self { out: Some(out), place: Some(Place { path: path.to_owned(), partial }) })
    }

    /// Gives the list its name.
    pub fn finish(mut self) -> io::Result<()> {
        // Where that fails, what was written goes with `self`.
        self.out().flush()?;
        self.out = None;
        match &self.place {
            Some(Place { path, partial }) => fs::rename(partial, path),
            None => Ok(()),
        }
    }

    fn out(&mut self) -> &mut BufWriter<Out> {
        self.out.as_mut().expect("it is finished by value")
    }
}

impl Write for ListFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out().flush()
    }
}

impl Drop for ListFile {
    fn drop(&mut self) {
        if let (Some(_), Some(place)) = (&self.out, &self.place) {
            // What is left behind is half a list under a name that says so.
            drop(fs::remove_file(&place.partial));
        }
    }
}

/// Whether the file is empty or starts with the list's first line.
fn is_ours(path: &Path, header: &str) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(header.len() as u64).read_to_end(&mut start)?;
    Ok(start.is_empty() || start == header.as_bytes())
}
