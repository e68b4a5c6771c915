//! `volley segments`: how the network would carry a text.
//!
//! One text drawn for people or as one JSON object, or many as JSON lines. Every rule is
//! volley-core's; here its answers are put into words.

mod drawing; // one text, for people
mod lines; // many texts, one JSON object a line
mod options; // how to count: flags, or a line's `options`

pub(crate) use options::Counting;

use crate::{fault::Fault, output};
use serde::{Serialize, Serializer};
use std::{
    collections::{HashMap, HashSet},
    io::{self, Read, Write},
};
use volley_core::{Encoding, Language, National, Profile, Segments, Shifts, character_name, code_point};

pub(crate) fn run(text: Option<&str>, jsonl: bool, counting: &Counting, json: bool) -> Result<u8, Fault> {
    let profile = counting.profile().map_err(|error| Fault::usage(format!("--{error}")))?;
    if jsonl {
        return lines::run(counting);
    }
    let text = match text {
        Some("-") => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| Fault::usage(format!("stdin: {error}")).hint("give the text as UTF-8"))?;
            // A shell's final line end is not part of the text.
            text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text).to_owned()
        }
        Some(text) => text.to_owned(),
        None => {
            return Err(
                Fault::usage("segments: no text").hint("give one, or - for stdin, or --jsonl for many")
            );
        }
    };
    if json {
        let counted = Counted::new(&text, &profile);
        let forcing = Forcing { text: &text, profile: &profile };
        output::json(&Report { counted, left: profile.left(&text), forcing })?;
    } else {
        let mut out = io::BufWriter::new(output::stdout());
        drawing::draw(&text, &profile, &mut out)?;
        out.flush()?;
    }
    Ok(0)
}

/// How the network carries one text.
#[derive(Serialize)]
struct Counted<'a> {
    #[serde(serialize_with = "as_text")]
    encoding: Encoding,
    units: u32,
    segments: u32,
    split: Vec<&'a str>,
    /// The units of each segment; headers and fill not counted.
    segment_units: Vec<u32>,
    /// The most units of each segment.
    capacity: u32,
    /// UCS-2 only: each character outside the default alphabet and its extension, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    non_gsm: Option<Vec<char>>,
    /// Only where the options name languages: the tables it is written with.
    #[serde(skip_serializing_if = "Option::is_none")]
    national: Option<Tables>,
    /// More segments than a message can have.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    over_limit: bool,
}

/// The national tables of a message, by the name of their language; `null` in UCS-2.
#[derive(Serialize)]
#[serde(untagged)]
enum Tables {
    Gsm7 { locking: Option<&'static str>, single: Option<&'static str> },
    Ucs2,
}

impl<'a> Counted<'a> {
    fn new(text: &'a str, profile: &Profile) -> Self {
        let counted = profile.count(text);
        let (split, segment_units) = profile.split(text).map(|part| (part.text, part.units)).unzip();
        let Shifts { locking, single } = counted.shifts;
        let tables = match counted.encoding {
            Encoding::Gsm7 => {
                Tables::Gsm7 { locking: locking.map(Language::name), single: single.map(Language::name) }
            }
            Encoding::Ucs2 => Tables::Ucs2,
        };
        Self {
            encoding: counted.encoding,
            units: counted.units,
            segments: counted.count,
            split,
            segment_units,
            capacity: capacity(&counted, profile),
            non_gsm: (counted.encoding == Encoding::Ucs2).then(|| non_gsm(text)),
            national: (profile.national != National::Never).then_some(tables),
            over_limit: counted.count > profile.max_segments,
        }
    }
}

/// The most units of each segment of a text that was counted as `counted`.
fn capacity(counted: &Segments, profile: &Profile) -> u32 {
    let capacity = profile.capacity(counted.encoding, counted.shifts);
    if counted.count == 1 { capacity.single } else { capacity.part }
}

/// The characters outside the default alphabet and its extension, in order of first appearance.
fn non_gsm(text: &str) -> Vec<char> {
    let mut seen = HashSet::new();
    let beyond = Profile::STANDARD.forcing(text).map(|(_, character)| character);
    beyond.filter(|character| seen.insert(*character)).collect()
}

/// What `--json` says of a text.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    counted: Counted<'a>,
    /// Units that are left in the last segment.
    left: u32,
    forcing: Forcing<'a>,
}

/// The characters that push a text out of GSM-7, named while they are written: a long text has
/// millions.
struct Forcing<'a> {
    text: &'a str,
    profile: &'a Profile,
}

/// One of them; `index` counts characters from 0.
#[derive(Serialize)]
struct ForcingCharacter<'a> {
    char: char,
    code_point: &'a str,
    name: &'a str,
    index: usize,
}

impl Serialize for Forcing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut known: HashMap<char, (String, String)> = HashMap::new();
        let mut list = serializer.serialize_seq(None)?;
        for (index, char) in self.profile.forcing(self.text) {
            let (code_point, name) =
                known.entry(char).or_insert_with(|| (code_point(char), character_name(char)));
            list.serialize_element(&ForcingCharacter { char, code_point, name, index })?;
        }
        list.end()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands every field over by reference")]
fn as_text<S: Serializer>(encoding: &Encoding, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(encoding)
}
