//! What a file is, by its name and by its first bytes: text, compressed text, or a workbook.
//!
//! Name and content must agree, or the file is refused and both are named; nothing is guessed.
//! What is compressed is unpacked while it is read, up to a limit that no list comes near. A file
//! that was cut or damaged, or that changes while it is read, is an error where that shows, so
//! that no part of it passes for the whole. Not here: what the text says.

use super::{
    SourceError,
    sheet::{Kind, SheetBlocks},
};
use flate2::bufread::MultiGzDecoder;
use std::{
    error::Error,
    fs::{self, File, Metadata},
    io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom},
    path::Path,
    str,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

/// How much of a file is looked at to say what it is, in bytes.
const HEAD: u64 = 4 * 1024;
/// What is read of a compressed file at a time, in bytes.
const PACKED_PIECE: usize = 128 * 1024;
/// The most that a compressed file unpacks to, in bytes.
const MAX_UNPACKED: u64 = 16 * GIB;
/// From here on a compressed file is at most so many times smaller than what is in it: the text of
/// a list shrinks to a third, to a tenth at best.
const RATIO_FROM: u64 = 64 * 1024 * 1024;
const MAX_RATIO: u64 = 1_000;
/// The memory that unpacking zstd may take, as a power of two: 128 MiB, as much as the `zstd`
/// command asks for without `--long`.
const ZSTD_WINDOW_LOG: u32 = 27;

pub(super) const GIB: u64 = 1024 * 1024 * 1024;

/// Why the content of a file cannot be used. Each message is what follows the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceFault {
    /// The content is not what the name says.
    #[error("this is meant to be {meant} and holds {found}; {remedy}")]
    OtherContent {
        /// What the name says.
        meant: String,
        /// What the content is.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A kind of workbook that is not read.
    #[error("{what} workbooks are not read; {}", self.hint())]
    NotRead {
        /// Its ending.
        what: &'static str,
    },
    /// A sheet is asked for where there are none.
    #[error("recipients.sheet names a sheet and this is no workbook; {}", self.hint())]
    NoWorkbook,
    /// Something is said of the text where there is none.
    #[error("recipients.encoding and recipients.delimiter are for CSV and this is a workbook; {}", self.hint())]
    NoText,
    /// The workbook has no such sheet.
    #[error("there is no sheet `{wanted}`; the sheets are: {sheets}. {}", self.hint())]
    NoSheet {
        /// The sheet that was asked for.
        wanted: String,
        /// Those there are.
        sheets: String,
    },
    /// The workbook is encrypted.
    #[error("the workbook is protected by a password; {}", self.hint())]
    Password,
    /// It ends in the middle.
    #[error("the tail is missing: the {what} was cut or damaged; {}", self.hint())]
    Cut {
        /// What it should have been.
        what: &'static str,
    },
    /// It contradicts itself.
    #[error("the {what} is damaged: {how}; {}", self.hint())]
    Damaged {
        /// What it should have been.
        what: &'static str,
        /// What is wrong with it.
        how: String,
    },
    /// It would unpack to more than anybody's list.
    #[error("{what} unpacks to more than {limit}, where reading stops: no list is so large; {}", self.hint())]
    TooLarge {
        /// Which part of the file.
        what: &'static str,
        /// The limit, with its unit.
        limit: &'static str,
    },
    /// Unpacking it takes too much memory.
    #[error("unpacking it takes more than 128 MiB of memory; {}", self.hint())]
    Window,
    /// A record over the limit.
    #[error("row {row} of the sheet is longer than 16 MiB; {}", self.hint())]
    LongRow {
        /// The sheet's own number of it.
        row: u64,
    },
    /// Somebody wrote to it meanwhile.
    #[error("the file changed while it was read; {}", self.hint())]
    Changed,
}

impl SourceFault {
    /// What to do about it, as its message ends.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::OtherContent { remedy, .. } => remedy,
            Self::NotRead { .. } => "save it as .xlsx, or export it as CSV in UTF-8",
            Self::NoWorkbook => "remove the setting",
            Self::NoText => "remove them",
            Self::NoSheet { .. } => "Set recipients.sheet to one of them",
            Self::Password => "save a copy without one, or export it as CSV in UTF-8",
            Self::Cut { .. } => "nothing of it was used, fetch it again",
            Self::Damaged { .. } => "nothing of it was used, fetch or save it again",
            Self::TooLarge { .. } => "look what it is",
            Self::Window => "compress it again without --long",
            Self::LongRow { .. } => "check that this is a list",
            Self::Changed => "nothing of it was used, try again",
        }
    }

    /// The fault of a text with NUL in its header.
    pub(super) fn binary() -> Self {
        Content::Foreign("binary data").instead_of(Packing::None.content().to_owned(), false)
    }

    /// The exit code of a run that ends with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Changed => 1,
            Self::OtherContent { .. }
            | Self::NotRead { .. }
            | Self::NoWorkbook
            | Self::NoText
            | Self::NoSheet { .. }
            | Self::Password
            | Self::Cut { .. }
            | Self::Damaged { .. }
            | Self::TooLarge { .. }
            | Self::Window
            | Self::LongRow { .. } => 2,
        }
    }
}

/// Readers hand faults through as what reading fails with.
impl From<SourceFault> for io::Error {
    fn from(fault: SourceFault) -> Self {
        Self::other(fault)
    }
}

/// A list that was opened.
pub(crate) enum Opened {
    /// Text, to be read as CSV.
    Text(Text),
    /// A sheet of a workbook.
    Workbook(Box<SheetBlocks>),
}

/// The text of a list, unpacked.
pub(crate) struct Text {
    pub(crate) read: Box<dyn Read + Send>,
    pub(crate) progress: Progress,
}

/// How far the reading of a file is.
#[derive(Clone)]
pub(crate) struct Progress {
    /// Bytes of the file as it lies on disk; `None` for standard input.
    pub(crate) size: Option<u64>,
    taken: Arc<AtomicU64>,
}

impl Progress {
    fn of(size: Option<u64>) -> Self {
        Self { size, taken: Arc::default() }
    }

    /// Bytes of the file that were read so far, packed if it is packed.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Opened {
    /// Opens a plain file and nothing else. A workbook gives `sheet`, or its first.
    pub(crate) fn file(path: &Path, sheet: Option<&str>) -> Result<Self, SourceError> {
        let file = path.display().to_string();
        let watched = Watched::open(path)?;
        let progress = watched.progress.clone();
        let opened = match Name::of(path) {
            Name::Text => text(watched, progress, Packing::None, false),
            Name::Packed(packing) => text(watched, progress, packing, false),
            Name::Workbook(kind) => workbook(watched, kind, sheet),
            Name::NotRead(what) => Err(SourceFault::NotRead { what }.into()),
        };
        match opened.map_err(|error| SourceError::of_read(&file, error))? {
            Self::Text(_) if sheet.is_some() => {
                Err(SourceError::Fault { file, fault: SourceFault::NoWorkbook })
            }
            opened => Ok(opened),
        }
    }

    /// Opens standard input, or what it held: text, compressed or not.
    pub(crate) fn stream(
        read: impl Read + Send + 'static,
        size: Option<u64>,
        name: &str,
        sheet: Option<&str>,
    ) -> Result<Self, SourceError> {
        let fault = |error| SourceError::of_read(name, error);
        if sheet.is_some() {
            return Err(fault(SourceFault::NoWorkbook.into()));
        }
        text(read, Progress::of(size), Packing::None, true).map_err(fault)
    }
}

/// What a name says of the content.
#[derive(Clone, Copy)]
enum Name {
    Text,
    Packed(Packing),
    Workbook(Kind),
    NotRead(&'static str),
}

impl Name {
    fn of(path: &Path) -> Self {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "gz" => Self::Packed(Packing::Gzip),
            "zst" => Self::Packed(Packing::Zstd),
            "xlsx" => Self::Workbook(Kind::Xlsx),
            "ods" => Self::Workbook(Kind::Ods),
            "xls" => Self::NotRead(".xls"),
            "xlsm" => Self::NotRead(".xlsm"),
            "xlsb" => Self::NotRead(".xlsb"),
            _ => Self::Text,
        }
    }
}

/// How a text is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    /// What a file that is packed so holds, for people.
    const fn content(self) -> &'static str {
        match self {
            Self::None => "CSV",
            Self::Gzip => "gzip data",
            Self::Zstd => "zstd data",
        }
    }
}

/// The text of a file whose name says that it is packed like this. A stream has no name: any
/// packing of its content will do.
fn text(
    mut raw: impl Read + Send + 'static,
    progress: Progress,
    named: Packing,
    is_stream: bool,
) -> io::Result<Opened> {
    let head = head_of(&mut raw)?;
    let content = Content::of(&head);
    let packing = match content {
        Content::Gzip => Packing::Gzip,
        Content::Zstd => Packing::Zstd,
        _ => Packing::None,
    };
    if packing != named && !is_stream {
        let meant = named.content().to_owned();
        return Err(content.instead_of(meant, is_stream).into());
    }
    let raw = Cursor::new(head).chain(raw);
    let read: Box<dyn Read + Send> = match packing {
        Packing::None => {
            content.check_text(packing, is_stream)?;
            Box::new(Counted { read: raw, progress: progress.clone() })
        }
        Packing::Gzip | Packing::Zstd => {
            let read = BufReader::with_capacity(PACKED_PIECE, raw);
            let packed = Counted { read, progress: progress.clone() };
            let mut unpacked = Unpacked::new(packed, packing)?;
            let head = head_of(&mut unpacked)?;
            Content::of(&head).check_text(packing, is_stream)?;
            Box::new(Cursor::new(head).chain(unpacked))
        }
    };
    Ok(Opened::Text(Text { read, progress }))
}

/// A sheet of a file whose name says that it is a workbook of this kind.
fn workbook(mut watched: Watched, kind: Kind, sheet: Option<&str>) -> io::Result<Opened> {
    let head = head_of(&mut watched)?;
    match Content::of(&head) {
        Content::Zip => {
            SheetBlocks::open(watched, kind, sheet).map(|blocks| Opened::Workbook(Box::new(blocks)))
        }
        content => Err(content.instead_of(kind.words().to_owned(), false).into()),
    }
}

fn head_of(read: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    read.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

/// What the first bytes of a file say that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Gzip,
    Zstd,
    Zip,
    /// The container of old Office files, and of new ones with a password.
    Compound,
    /// Something else that is known and no list.
    Foreign(&'static str),
    /// Nothing at all.
    Empty,
    /// Text as far as can be seen.
    Text,
    Unknown,
}

impl Content {
    fn of(head: &[u8]) -> Self {
        let signatures: [(&[u8], Self); 7] = [
            (b"PK\x03\x04", Self::Zip),
            (b"PK\x05\x06", Self::Foreign("an empty zip archive")),
            (b"\x1F\x8B", Self::Gzip),
            (b"\x28\xB5\x2F\xFD", Self::Zstd),
            (b"\xD0\xCF\x11\xE0", Self::Compound),
            (b"%PDF-", Self::Foreign("a PDF")),
            (b"SQLite format 3\0", Self::Foreign("an SQLite database")),
        ];
        if let Some((_, found)) = signatures.iter().find(|(start, _)| head.starts_with(start)) {
            return *found;
        }
        if let &[0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] = head {
            return Self::Zstd; // a frame to skip, which `pzstd` begins with
        }
        if head.get(257..262) == Some(b"ustar") {
            return Self::Foreign("a tar archive");
        }
        if let Some(found) = markup(head) {
            return Self::Foreign(found);
        }
        let is_text = match str::from_utf8(head) {
            Ok(text) => !text.contains('\0'),
            Err(error) => error.error_len().is_none(), // a character that goes on behind the head
        };
        match is_text {
            _ if head.is_empty() => Self::Empty,
            true => Self::Text,
            false => Self::Unknown,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Gzip => "gzip data",
            Self::Zstd => "zstd data",
            Self::Zip => "a zip archive or an .xlsx workbook",
            Self::Compound => "an .xls workbook, or one with a password",
            Self::Foreign(found) => found,
            Self::Empty => "nothing",
            Self::Text => "plain text",
            Self::Unknown => "something else",
        }
    }

    /// Refuses what is known not to be CSV, in a file of this packing. What is not known is the
    /// reader's to judge: it knows the encoding.
    fn check_text(self, packing: Packing, is_stream: bool) -> Result<(), SourceFault> {
        match (self, packing) {
            (Self::Empty | Self::Text | Self::Unknown, _) => Ok(()),
            (_, Packing::None) => Err(self.instead_of("CSV".to_owned(), is_stream)),
            (_, packing) => Err(SourceFault::OtherContent {
                meant: format!("{} of CSV", packing.content()),
                found: format!("{} of {}", packing.content(), self.words()),
                remedy: "unpack it and look; what is compressed must be CSV",
            }),
        }
    }

    fn instead_of(self, meant: String, is_stream: bool) -> SourceFault {
        let remedy = match self {
            Self::Zip if is_stream => "a workbook is read by its name: write it in place of -",
            Self::Gzip => "if it is a compressed list, let its name end in .csv.gz",
            Self::Zstd => "if it is a compressed list, let its name end in .csv.zst",
            Self::Zip => "if it is a workbook, let its name end in .xlsx or .ods; if not, unpack it",
            Self::Compound => "save it as .xlsx without a password, or export it as CSV in UTF-8",
            Self::Text => "let its name end in .csv",
            Self::Empty => "fetch it again",
            Self::Foreign(_) | Self::Unknown => "export it as CSV in UTF-8",
        };
        SourceFault::OtherContent { meant, found: self.words().to_owned(), remedy }
    }
}

/// A web page or XML, behind a byte-order mark and blanks.
fn markup(head: &[u8]) -> Option<&'static str> {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let starts_with =
        |tag: &str| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()));
    if ["<!doctype html", "<html", "<head", "<body"].into_iter().any(starts_with) {
        Some("an HTML page")
    } else {
        starts_with("<?xml").then_some("XML")
    }
}

/// What comes out of a compressed text, within limits.
struct Unpacked<R: BufRead> {
    unpack: Unpack<Counted<R>>,
    what: &'static str,
    given: u64,
    progress: Progress,
}

enum Unpack<R: BufRead> {
    Gzip(Box<MultiGzDecoder<R>>),
    Zstd(zstd::stream::read::Decoder<'static, R>),
}

impl<R: BufRead> Unpacked<R> {
    fn new(packed: Counted<R>, packing: Packing) -> io::Result<Self> {
        let progress = packed.progress.clone();
        let unpack = if packing == Packing::Zstd {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Unpack::Zstd(decoder)
        } else {
            Unpack::Gzip(Box::new(MultiGzDecoder::new(packed)))
        };
        Ok(Self { unpack, what: packing.content(), given: 0, progress })
    }

    fn check_limits(&self) -> Result<(), SourceFault> {
        let what = "the file";
        if self.given > MAX_UNPACKED {
            return Err(SourceFault::TooLarge { what, limit: "16 GiB" });
        }
        if self.given > RATIO_FROM && self.given / MAX_RATIO > self.progress.taken() {
            return Err(SourceFault::TooLarge { what, limit: "1,000 times its size" });
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.unpack {
            Unpack::Gzip(gzip) => gzip.read(into),
            Unpack::Zstd(zstd) => zstd.read(into),
        };
        let count = read.map_err(|error| unpack_error(self.what, error))?;
        self.given += count as u64;
        self.check_limits()?;
        Ok(count)
    }
}

/// What unpacking failed with.
fn unpack_error(what: &'static str, error: io::Error) -> io::Error {
    match error.kind() {
        _ if is_from_below(&error) => error,
        io::ErrorKind::UnexpectedEof => SourceFault::Cut { what }.into(),
        // zstd has words for its errors and no kinds.
        _ if error.to_string().contains("too much memory") => SourceFault::Window.into(),
        _ => SourceFault::Damaged { what, how: error.to_string() }.into(),
    }
}

/// Whether reading what is packed failed, by the disk or by a fault that was found, and not
/// unpacking it.
pub(super) fn is_from_below(error: &io::Error) -> bool {
    let is_fault = error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<SourceFault>);
    is_fault || error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted
}

/// Counts what is taken.
struct Counted<R> {
    read: R,
    progress: Progress,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.read.read(into)?;
        self.progress.add(count);
        Ok(count)
    }
}

/// What lies in the buffer is not taken yet.
impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.read.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.read.consume(count);
        self.progress.add(count);
    }
}

/// A file that must be the same at the end of reading as when it was opened.
pub(super) struct Watched {
    pub(super) file: File,
    /// Its length then, and when it was last written to, where the system says.
    then: (u64, Option<SystemTime>),
    pub(super) progress: Progress,
}

impl Watched {
    fn open(path: &Path) -> Result<Self, SourceError> {
        let file = path.display().to_string();
        let at_fault = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => SourceError::Missing { file: file.clone() },
            _ => SourceError::Unreadable { file: file.clone(), source },
        };
        let check = |metadata: &Metadata| {
            if metadata.is_file() {
                Ok(())
            } else {
                Err(SourceError::NotAFile { file: file.clone(), what: kind_of(metadata) })
            }
        };
        // Opening a named pipe waits for somebody to write to it.
        check(&fs::metadata(path).map_err(at_fault)?)?;
        let opened = File::open(path).map_err(at_fault)?;
        let metadata = opened.metadata().map_err(at_fault)?;
        check(&metadata)?;
        let then = (metadata.len(), metadata.modified().ok());
        Ok(Self { file: opened, then, progress: Progress::of(Some(metadata.len())) })
    }

    /// Whether it is still as it was, at the end of reading.
    pub(super) fn check(&self) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        let now = (metadata.len(), metadata.modified().ok());
        if now == self.then { Ok(()) } else { Err(SourceFault::Changed.into()) }
    }

    /// Reads what stands at `place`, wherever it was read before.
    pub(super) fn read_at(&self, place: u64, into: &mut [u8]) -> io::Result<usize> {
        (&self.file).seek(SeekFrom::Start(place))?;
        let count = (&self.file).read(into)?;
        self.progress.add(count);
        Ok(count)
    }
}

impl Read for Watched {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        if count == 0 && !into.is_empty() {
            self.check()?;
        }
        Ok(count)
    }
}

#[cfg(unix)]
fn kind_of(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_dir() {
        "directory"
    } else if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}

#[cfg(not(unix))]
fn kind_of(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() { "directory" } else { "device" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, path::PathBuf};

    /// A folder with a file in it.
    fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        (folder, path)
    }

    fn open_text(path: &Path) -> Text {
        match Opened::file(path, None) {
            Ok(Opened::Text(text)) => text,
            Ok(Opened::Workbook(_)) => panic!("no workbook"),
            Err(error) => panic!("{error}"),
        }
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(content).expect("written");
        gzip.finish().expect("gzip data")
    }

    #[test]
    fn only_plain_files_are_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let exit_code = |path: &Path| match Opened::file(path, None) {
            Err(SourceError::Missing { .. }) => 10,
            Err(SourceError::NotAFile { .. } | SourceError::Unreadable { .. }) => 2,
            _ => 0,
        };
        for name in ["list.csv", "list.csv.gz", "list.xlsx"] {
            let path = folder.path().join(name);
            assert_eq!(exit_code(&path), 10, "{name} is missing");
            fs::create_dir(&path).expect("a directory");
            assert_eq!(exit_code(&path), 2, "{name} is a directory");
        }
        #[cfg(unix)]
        {
            assert_eq!(exit_code(Path::new("/dev/null")), 2);
            let looped = folder.path().join("loop.csv");
            std::os::unix::fs::symlink(&looped, &looped).expect("a link");
            assert_eq!(exit_code(&looped), 2);
        }
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error_at_its_end() {
        let list = b"phone\n0491570006\n".repeat(10_000);
        for (name, content) in [("list.csv", list.clone()), ("list.csv.gz", gzip(&list))] {
            let (_folder, path) = file(name, &content);
            let mut text = open_text(&path);
            text.read.read_exact(&mut [0; 100]).expect("the start");
            let mut more = File::options().append(true).open(&path).expect("a file");
            more.write_all(if name.ends_with("gz") { &content } else { b"0491570156\n" }).expect("written");
            let error = text.read.read_to_end(&mut Vec::new()).expect_err("it grew");
            let fault = error.downcast::<SourceFault>().expect("a fault of ours");
            assert_eq!((fault.exit_code(), fault), (1, SourceFault::Changed), "{name}");
        }
    }

    #[test]
    fn a_stream_is_what_its_content_says() {
        let stream = |content: &[u8], sheet: Option<&str>| -> Result<String, String> {
            let opened = Opened::stream(Cursor::new(content.to_vec()), None, "standard input", sheet);
            let Opened::Text(mut text) = opened.map_err(|error| error.to_string())? else { panic!("text") };
            let mut read = String::new();
            text.read.read_to_string(&mut read).map(|_| read).map_err(|error| error.to_string())
        };
        let list = "phone\n0491570006\n";
        let zstd = zstd::encode_all(list.as_bytes(), 3).expect("zstd data");
        for packed in [list.as_bytes(), &gzip(list.as_bytes()), &zstd] {
            assert_eq!(stream(packed, None).as_deref(), Ok(list));
        }
        for (content, sheet, says) in [
            (
                &b"PK\x03\x04"[..],
                None,
                "or an .xlsx workbook; a workbook is read by its name: write it in place of -",
            ),
            (
                b"<html>",
                None,
                "standard input: this is meant to be CSV and holds an HTML page; export it as CSV",
            ),
            (&gzip(b"%PDF-1.7"), None, "holds gzip data of a PDF"),
            (list.as_bytes(), Some("list"), "recipients.sheet names a sheet and this is no workbook"),
        ] {
            let error = stream(content, sheet).expect_err(says);
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn progress_counts_the_bytes_that_lie_on_disk() {
        let list = b"phone\n0491570006\n".repeat(100_000);
        for (name, content) in [("list.csv", list.clone()), ("list.csv.gz", gzip(&list))] {
            let (_folder, path) = file(name, &content);
            let mut text = open_text(&path);
            let progress = text.progress.clone();
            assert_eq!(progress.size, Some(content.len() as u64));
            let mut read = Vec::new();
            text.read.read_to_end(&mut read).expect("a list");
            assert!(read == list, "{name} holds the list");
            assert_eq!(progress.taken(), content.len() as u64, "{name}");
        }
    }

    #[test]
    fn content_is_known_by_its_first_bytes() {
        let tar = [&[b'a'; 257][..], b"ustar\x0000"].concat();
        for (head, content) in [
            (&b"PK\x03\x04rest"[..], Content::Zip),
            (b"PK\x05\x06", Content::Foreign("an empty zip archive")),
            (b"\x1F\x8B\x08", Content::Gzip),
            (b"\x28\xB5\x2F\xFD", Content::Zstd),
            (b"\x50\x2A\x4D\x18\x04\0\0\0", Content::Zstd),
            (b"\xD0\xCF\x11\xE0", Content::Compound),
            (b"%PDF-1.7", Content::Foreign("a PDF")),
            (b"SQLite format 3\0", Content::Foreign("an SQLite database")),
            (b"\n <!DOCTYPE HTML><p>", Content::Foreign("an HTML page")),
            (b"\xEF\xBB\xBF<html lang=en>", Content::Foreign("an HTML page")),
            (b"<?xml version=\"1.0\"?>", Content::Foreign("XML")),
            (&tar, Content::Foreign("a tar archive")),
            (b"", Content::Empty),
            (b"phone,name\n", Content::Text),
            ("phone,ชื่อ".as_bytes().split_last().expect("bytes").1, Content::Text),
            (b"phone,pr\xE9nom\n", Content::Unknown),
            (b"\xFF\xFEp\0h\0", Content::Unknown),
        ] {
            assert_eq!(Content::of(head), content, "{head:?}");
        }
    }
}
