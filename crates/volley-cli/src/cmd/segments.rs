//! `volley segments`: how the network would carry a text.

use crate::{fault::Fault, output};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};
use volley_core::{MAX_SEGMENTS, Profile};

#[derive(Serialize)]
struct Report<'a> {
    encoding: String,
    units: u32,
    segments: u32,
    split: Vec<&'a str>,
    forcing: Vec<Forcing>,
}

/// A character that pushed the text out of GSM-7; `index` counts characters from 0.
#[derive(Serialize)]
struct Forcing {
    char: char,
    code_point: String,
    index: usize,
}

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    text: String,
    #[serde(default)]
    options: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Counted<'a> {
    id: &'a serde_json::Value,
    encoding: String,
    units: u32,
    segments: u32,
    split: Vec<&'a str>,
}

#[derive(Serialize)]
struct LineFault {
    line: usize,
    error: String,
}

pub(crate) fn run(text: Option<&str>, jsonl: bool, json: bool) -> Result<u8, Fault> {
    if jsonl {
        return many();
    }
    let text = match text {
        Some("-") => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| Fault::usage(format!("stdin: {error}; give the text as UTF-8")))?;
            // A shell's final line end is not part of the text.
            text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text).to_owned()
        }
        Some(text) => text.to_owned(),
        None => return Err(Fault::usage("segments: no text; give one, or - for stdin, or --jsonl for many")),
    };
    if json {
        output::json(&report(&text))?;
    } else {
        show(&text)?;
    }
    Ok(0)
}

fn report(text: &str) -> Report<'_> {
    let counted = Profile::STANDARD.count(text);
    let forcing = Profile::STANDARD.forcing(text).map(|(index, char)| Forcing {
        char,
        code_point: code_point(char),
        index,
    });
    Report {
        encoding: counted.encoding.to_string(),
        units: counted.units,
        segments: counted.count,
        split: Profile::STANDARD.split(text).map(|part| part.text).collect(),
        forcing: forcing.collect(),
    }
}

fn code_point(character: char) -> String {
    format!("U+{:04X}", character as u32)
}

fn show(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let counted = Profile::STANDARD.count(text);
    let capacity = if counted.count == 1 {
        Profile::STANDARD.capacity(counted.encoding, counted.shifts).single
    } else {
        Profile::STANDARD.capacity(counted.encoding, counted.shifts).part
    };
    let several = if counted.count == 1 { "segment" } else { "segments" };
    writeln!(
        out,
        "{}  {} units  {} {several} of up to {capacity}",
        counted.encoding, counted.units, counted.count
    )?;
    if counted.count > MAX_SEGMENTS {
        writeln!(out, "too long: a message has at most {MAX_SEGMENTS} segments")?;
    }
    for (part, number) in Profile::STANDARD.split(text).map(|part| part.text).zip(1..) {
        writeln!(out, "{number:>3}  {}", output::inert(part))?;
    }
    let mut seen = Vec::new();
    for (index, character) in Profile::STANDARD.forcing(text) {
        if !seen.contains(&character) {
            seen.push(character);
            let place = index + 1;
            writeln!(
                out,
                "not in GSM-7: {} {} at character {place}",
                output::inert(&character.to_string()),
                code_point(character)
            )?;
        }
    }
    Ok(())
}

/// One JSON object a line in, one out. A bad line gives an error object, the rest goes on.
fn many() -> Result<u8, Fault> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut failed = false;
    for (line, number) in io::stdin().lock().split(b'\n').zip(1..) {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let told = match serde_json::from_slice::<Line>(&line) {
            Ok(line) if line.options.is_empty() => {
                let counted = Profile::STANDARD.count(&line.text);
                serde_json::to_writer(
                    &mut out,
                    &Counted {
                        id: &line.id,
                        encoding: counted.encoding.to_string(),
                        units: counted.units,
                        segments: counted.count,
                        split: Profile::STANDARD.split(&line.text).map(|part| part.text).collect(),
                    },
                )
            }
            Ok(line) => {
                let names: Vec<&str> = line.options.keys().map(String::as_str).collect();
                let error = format!(
                    "this version counts by the default rules only, without options such as {}",
                    names.join(", ")
                );
                failed = true;
                serde_json::to_writer(&mut out, &LineFault { line: number, error })
            }
            Err(error) => {
                failed = true;
                let error = format!("{error}; write {{\"id\": …, \"text\": …}}");
                serde_json::to_writer(&mut out, &LineFault { line: number, error })
            }
        };
        told.map_err(io::Error::from)?;
        writeln!(out)?;
    }
    out.flush()?;
    Ok(if failed { 2 } else { 0 })
}
