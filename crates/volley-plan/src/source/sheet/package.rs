//! The zip archive that a workbook is, and the XML in it.
//!
//! What its directory promises is checked against limits before anything is unpacked, and what is
//! unpacked against the promise: its length and its checksum. So no part is ever larger than was
//! agreed to, and a part that was read to its end is whole. Not here: what the parts mean.

use crate::{
    source::open::{GIB, SourceFault, Watched, is_from_below},
    words::shown,
};
use flate2::{Crc, bufread::DeflateDecoder};
use quick_xml::events::{BytesStart, Event};
use std::{
    borrow::Cow,
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read},
    sync::Arc,
};
use zip::{CompressionMethod, ZipArchive, result::ZipError};

/// What messages call the file.
pub(super) const WORKBOOK: &str = "workbook";
/// The most that all parts of a workbook unpack to, in bytes.
const MAX_PACKAGE: u64 = 4 * GIB;
/// What is read of a part at a time, in bytes.
const PIECE: usize = 64 * 1024;
/// The longest tag and the longest text, in bytes.
const MAX_EVENT: usize = 16 * 1024 * 1024;
/// The most that a part unpacks to whose meaning is held in memory, in bytes.
const MAX_HELD: u64 = 64 * 1024 * 1024;

/// What is wrong with a workbook whose XML does not say what it has to.
pub(super) fn damaged(how: impl Into<String>) -> io::Error {
    SourceFault::Damaged { what: WORKBOOK, how: how.into() }.into()
}

/// What is wrong with a workbook that has a tag or a text over [`MAX_EVENT`].
fn too_long() -> io::Error {
    SourceFault::TooLarge { what: "one cell of the workbook", limit: "16 MiB" }.into()
}

/// Whether a text that was put together from pieces is one that is read.
pub(super) fn check_length(text: &str) -> io::Result<()> {
    if text.len() > MAX_EVENT { Err(too_long()) } else { Ok(()) }
}

/// The parts of a workbook.
pub(super) struct Package {
    watched: Arc<Watched>,
    directory: ZipArchive<BufReader<File>>,
    /// Where in the directory a part is, by its name in small letters.
    places: HashMap<String, usize>,
}

impl Package {
    /// Reads the directory of an archive.
    pub(super) fn open(watched: Arc<Watched>) -> io::Result<Self> {
        let file = BufReader::new(watched.file.try_clone()?);
        let directory = ZipArchive::new(file).map_err(zip_error)?;
        let mut places = HashMap::new();
        let mut size = 0_u64;
        for index in 0..directory.len() {
            let entry = directory.by_index_data(index).map_err(zip_error)?;
            let name = entry.name().map_err(zip_error)?.replace('\\', "/").to_ascii_lowercase();
            places.entry(name).or_insert(index);
            size = size.saturating_add(entry.size());
        }
        if size > MAX_PACKAGE {
            return Err(SourceFault::TooLarge { what: "the workbook", limit: "4 GiB" }.into());
        }
        Ok(Self { watched, directory, places })
    }

    /// The part of this name, if there is one; case does not tell parts apart.
    pub(super) fn part(&mut self, name: &str) -> io::Result<Option<Part>> {
        let Some(&index) = self.places.get(&name.to_ascii_lowercase()) else { return Ok(None) };
        let entry = self.directory.by_index_raw(index).map_err(zip_error)?;
        if entry.encrypted() {
            return Err(SourceFault::Password.into());
        }
        let at = entry
            .data_start()
            .ok_or_else(|| damaged(format!("{} is not where it should be", shown(name))))?;
        let piece = Piece { watched: Arc::clone(&self.watched), at, left: entry.compressed_size() };
        let piece = BufReader::with_capacity(PIECE, piece);
        let unpack = match entry.compression() {
            CompressionMethod::Stored => Unpack::Stored(piece),
            CompressionMethod::DEFLATE => Unpack::Deflated(Box::new(DeflateDecoder::new(piece))),
            _ => return Err(damaged(format!("{} is packed as no workbook is", shown(name)))),
        };
        let (size, checksum) = (entry.size(), entry.crc32());
        Ok(Some(Part {
            name: shown(name),
            unpack,
            size,
            left: size,
            checksum,
            crc: Crc::new(),
            quota: usize::MAX,
        }))
    }

    /// The part of this name, which every workbook has.
    pub(super) fn needed(&mut self, name: &str) -> io::Result<Part> {
        self.part(name)?.ok_or_else(|| damaged(format!("{} is missing in it", shown(name))))
    }
}

/// What the archive's directory failed with.
fn zip_error(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => error,
        // The directory is the end of the file.
        ZipError::Io(_) | ZipError::InvalidArchive(_) => SourceFault::Cut { what: WORKBOOK }.into(),
        error => damaged(error.to_string()),
    }
}

/// One part of a workbook, unpacked while it is read.
pub(super) struct Part {
    /// For people.
    name: String,
    unpack: Unpack,
    /// What the directory says that it unpacks to, in bytes.
    pub(super) size: u64,
    /// How much of that is to come.
    left: u64,
    checksum: u32,
    crc: Crc,
    /// How much may be read before the next tag or text is asked for, in bytes.
    quota: usize,
}

enum Unpack {
    Stored(BufReader<Piece>),
    Deflated(Box<DeflateDecoder<BufReader<Piece>>>),
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = match self.quota {
            _ if self.left == 0 => into.len(), // to see that it ends here
            0 => return Err(too_long()),
            quota => into.len().min(quota),
        };
        let into = &mut into[..most];
        let read = match &mut self.unpack {
            Unpack::Stored(piece) => piece.read(into),
            Unpack::Deflated(deflate) => deflate.read(into),
        };
        let count = read.map_err(|error| {
            let does_not = || damaged(format!("{} does not unpack", self.name));
            if is_from_below(&error) { error } else { does_not() }
        })?;
        let is_promised = self.left.checked_sub(count as u64);
        self.left = is_promised.ok_or_else(|| damaged(format!("{} is longer than it says", self.name)))?;
        self.quota -= count;
        self.crc.update(&into[..count]);
        if count == 0 && !into.is_empty() && (self.left > 0 || self.crc.sum() != self.checksum) {
            return Err(damaged(format!("{} is not what was saved", self.name)));
        }
        Ok(count)
    }
}

/// The bytes of a part as they lie in the file.
struct Piece {
    watched: Arc<Watched>,
    at: u64,
    left: u64,
}

impl Read for Piece {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let count = self.watched.read_at(self.at, &mut into[..most])?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// A part as tags and texts.
pub(super) struct Xml {
    reader: quick_xml::Reader<BufReader<Part>>,
    buffer: Vec<u8>,
    name: String,
}

impl Xml {
    pub(super) fn new(part: Part) -> Self {
        let name = part.name.clone();
        let mut reader = quick_xml::Reader::from_reader(BufReader::with_capacity(PIECE, part));
        reader.config_mut().expand_empty_elements = true;
        // Which tags are open would have to be kept, however many there are.
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        Self { reader, buffer: Vec::new(), name }
    }

    /// A part whose meaning is held in memory.
    pub(super) fn held(part: Part) -> io::Result<Self> {
        if part.size > MAX_HELD {
            return Err(SourceFault::TooLarge { what: "a list in the workbook", limit: "64 MiB" }.into());
        }
        Ok(Self::new(part))
    }

    /// The next tag or text, or the end of the part.
    pub(super) fn next(&mut self) -> io::Result<Event<'_>> {
        next_event(&mut self.reader, &mut self.buffer, &self.name)
    }

    /// The next tag or text where the part may not end yet.
    pub(super) fn next_inside(&mut self) -> io::Result<Event<'_>> {
        let Self { reader, buffer, name } = self;
        match next_event(reader, buffer, name)? {
            Event::Eof => Err(damaged(format!("{name} ends too early"))),
            event => Ok(event),
        }
    }

    /// Leaves out what is left of the element that was just begun.
    pub(super) fn skip(&mut self) -> io::Result<()> {
        let mut depth = 1_u64;
        while depth > 0 {
            match self.next_inside()? {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds the text of the element that was just begun, up to its end.
    pub(super) fn text(&mut self, into: &mut String) -> io::Result<()> {
        loop {
            match self.next_inside()? {
                Event::End(_) => return Ok(()),
                Event::Start(_) => self.skip()?,
                event => add_text(&event, into)?,
            }
        }
    }

    /// Reads on to the end, which checks that the part is whole.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        while !matches!(self.next()?, Event::Eof) {}
        Ok(())
    }
}

fn next_event<'b>(
    reader: &mut quick_xml::Reader<BufReader<Part>>,
    buffer: &'b mut Vec<u8>,
    name: &str,
) -> io::Result<Event<'b>> {
    buffer.clear();
    reader.get_mut().get_mut().quota = MAX_EVENT;
    reader.read_event_into(buffer).map_err(|error| match error {
        quick_xml::Error::Io(error) => {
            Arc::try_unwrap(error).unwrap_or_else(|error| io::Error::other(error.to_string()))
        }
        error => damaged(format!("{name}: {error}")),
    })
}

/// Adds what a piece of text means, if it is one.
pub(super) fn add_text(event: &Event<'_>, into: &mut String) -> io::Result<()> {
    match event {
        Event::Text(text) => into.push_str(&text.xml10_content()),
        Event::CData(text) => into.push_str(&text.xml10_content()),
        Event::GeneralRef(reference) => {
            let character = match &**reference {
                "lt" => Some('<'),
                "gt" => Some('>'),
                "amp" => Some('&'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                _ => reference.resolve_char_ref().ok().flatten(),
            };
            into.push(character.ok_or_else(|| damaged(format!("&{}; is no character", shown(reference))))?);
        }
        _ => {}
    }
    check_length(into)
}

/// Calls `take` with the name, without its prefix, and the value as it is written of each attribute.
pub(super) fn attributes(
    tag: &BytesStart<'_>,
    mut take: impl FnMut(&str, &str) -> io::Result<()>,
) -> io::Result<()> {
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| damaged(format!("an attribute: {error}")))?;
        take(attribute.key.local_name().as_ref(), &attribute.value)?;
    }
    Ok(())
}

/// The value of an attribute of this name, as it is meant.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> io::Result<Option<String>> {
    let mut found = None;
    attributes(tag, |other, value| {
        if other == name {
            found = Some(unescaped(value)?.into_owned());
        }
        Ok(())
    })?;
    Ok(found)
}

/// The value of an attribute as it is meant.
pub(super) fn unescaped(value: &str) -> io::Result<Cow<'_, str>> {
    quick_xml::escape::unescape(value).map_err(|error| damaged(error.to_string()))
}
