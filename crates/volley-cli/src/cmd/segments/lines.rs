//! Many texts: one JSON object a line in, one out.

use super::{Counted, Counting};
use crate::{fault::Fault, output};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    borrow::Cow,
    io::{self, BufRead, Write},
};
use volley_core::Profile;

/// What a line looks like, for those who wrote another.
const SHAPE: &str = "write {\"id\": …, \"text\": …} on one line, with \"options\": {…} where needed";

#[derive(Deserialize)]
struct Line<'a> {
    id: Value,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default)]
    options: Value,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a Value,
    #[serde(flatten)]
    counted: Counted<'a>,
}

/// The answer to a line that is none. Lines are counted from 1.
#[derive(Serialize)]
struct BadLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    line: u64,
    error: String,
}

/// What can be read of a line whose other parts cannot.
#[derive(Deserialize)]
struct Named {
    id: Option<Value>,
}

/// Counts each line of stdin, blank ones left out. `flags` hold where a line says nothing else.
/// A bad line is one error on stdout, in its place; the rest goes on, and the exit code is 2.
pub(super) fn run(flags: &Counting) -> Result<u8, Fault> {
    let mut input = io::stdin().lock();
    let mut out = io::BufWriter::new(output::stdout());
    let (mut line, mut number, mut code) = (Vec::new(), 0, 0);
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        number += 1;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            continue;
        }
        if let Err(error) = answer(line, flags, &mut out)? {
            let id = serde_json::from_slice(line).ok().and_then(|named: Named| named.id);
            serde_json::to_writer(&mut out, &BadLine { id, line: number, error }).map_err(io::Error::from)?;
            code = 2;
        }
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(code)
}

/// Writes the answer to one line. The inner error says why there is none; then nothing is written.
fn answer(line: &[u8], flags: &Counting, out: &mut impl Write) -> io::Result<Result<(), String>> {
    let (line, profile) = match understand(line, flags) {
        Ok(understood) => understood,
        Err(error) => return Ok(Err(error)),
    };
    let counted = Counted::new(&line.text, &profile);
    serde_json::to_writer(out, &Answer { id: &line.id, counted })?;
    Ok(Ok(()))
}

fn understand<'a>(line: &'a [u8], flags: &Counting) -> Result<(Line<'a>, Profile), String> {
    // An array of the right length would do for a struct.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(format!("not a JSON object; {SHAPE}"));
    }
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| described(&error))?;
    let profile = match &line.options {
        Value::Null => flags.profile(),
        Value::Object(own) => flags.with(own).and_then(|counting| counting.profile()),
        _ => return Err(format!("options: not an object; {SHAPE}")),
    };
    let profile = profile.map_err(|error| format!("options.{error}"))?;
    Ok((line, profile))
}

/// What the parser says, without a line number of its own, which is always 1.
fn described(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = match said.strip_suffix(&place).unwrap_or(&said) {
        // Its two ways of saying this.
        "unexpected end of hex escape" | "lone leading surrogate in hex escape" => "half of a surrogate pair",
        what => what,
    };
    format!("{what} at column {}; {SHAPE}", error.column())
}
