//! `volley doubt list`: recipients whose last request may or may not have been accepted.

use crate::{
    cmd::{self, Voice},
    fault::Fault,
    output,
};
use serde::Serialize;
use std::{io::Write, path::Path};
use volley_journal::{Doubt, JournalReader};

#[derive(Serialize)]
struct Line {
    row: u32,
    number: String,
    attempt: u16,
    since: String,
    reason: String,
    request: String,
    cost: Option<String>,
}

impl Line {
    fn of(doubt: &Doubt) -> Self {
        let request = match &doubt.request_id {
            Some(id) => format!("{} ({id})", doubt.attempt.0),
            None => doubt.attempt.0.to_string(),
        };
        Self {
            row: doubt.row.0,
            number: doubt.to.to_string(),
            attempt: doubt.number,
            since: cmd::rfc_3339(doubt.since),
            reason: doubt.reason.clone(),
            request,
            cost: doubt.cost.map(|cost| cost.to_string()),
        }
    }
}

pub(crate) fn list(path: &Path, voice: Voice) -> Result<u8, Fault> {
    let doubts = JournalReader::open(path)?.in_doubt()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for doubt in &doubts {
        let line = Line::of(doubt);
        if voice.json {
            serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            let reason = output::inert(&line.reason);
            writeln!(
                out,
                "row {:<8} {:<16} since {}  request {}: {reason}",
                line.row, line.number, line.since, line.request
            )?;
        }
    }
    out.flush()?;
    if doubts.is_empty() && !voice.json {
        output::talk(voice.quiet, "nobody is in doubt");
    }
    Ok(0)
}
