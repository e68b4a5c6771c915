//! `volley report`: what became of everybody, what it was to cost and what was billed; for people, for
//! scripts, as a list, and as a page.

use crate::{
    cmd::{Voice, rfc_3339, status::Status},
    fault::Fault,
    output,
    page::{self, Count, Figures},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    ops::Range,
    path::Path,
};
use volley_journal::{AttemptId, CancelResult, Cancellation, JournalReader, ReportRow, kill_point};
use volley_plan::{CsvFile, ListFile};

const COLUMNS: [&str; 11] = [
    "row",
    "number",
    "state",
    "provider_id",
    "code",
    "segments",
    "price",
    "billed",
    "attempts",
    "time",
    "delivery",
];

/// All that is reported.
#[derive(Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) status: Status,
    pub(crate) segments: u64,
    /// Why recipients were refused or are in doubt, and how many.
    codes: BTreeMap<String, u64>,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What is written beside the answer.
pub(crate) struct Files<'a> {
    pub(crate) csv: Option<&'a Path>,
    /// `-` is stdout.
    pub(crate) html: Option<&'a Path>,
    pub(crate) full_numbers: bool,
}

pub(crate) fn run(path: &Path, files: &Files<'_>, voice: Voice) -> Result<u8, Fault> {
    let Files { csv, html, full_numbers } = *files;
    if csv.is_some() && csv == html {
        return Err(Fault::usage("--csv and --html name the same file").hint("give each its own"));
    }
    output::only_one_on_stdout(&[("--html", html), ("--csv", csv)], voice.json)?;
    let is_on_stdout = output::is_stdout(html);
    let reader = JournalReader::open(path)?;
    let cannot = |path: &Path, error| output::not_written("--csv", path, error);
    let file = csv.map(|path| CsvFile::create(path, &COLUMNS, "report").map_err(|error| cannot(path, error)));
    let mut file = file.transpose()?;
    let page = html.filter(|_| !is_on_stdout).map(start_page).transpose()?;
    let mut counted = Count::default();
    let (mut codes, mut written) = (BTreeMap::new(), Ok(()));
    let taken_back = taken_back(&reader)?;
    reader.for_each_report_row(|row| {
        counted.add(&row);
        if let Some(code) = row.code.as_deref().filter(|_| row.state != "accepted") {
            *codes.entry(code.to_owned()).or_insert(0) += 1;
        }
        kill_point!("report-row");
        if let Some(file) = file.as_mut().filter(|_| written.is_ok()) {
            let is_in = |one: &Range<u32>| one.contains(&row.position.0);
            let is_taken_back = row.state == "accepted" && taken_back.iter().any(is_in);
            written = write(file, &row, is_taken_back);
        }
    })?;
    if let Some((path, file)) = csv.zip(file) {
        kill_point!("report-written");
        written.and_then(|()| file.finish()).map_err(|error| cannot(path, error))?;
        kill_point!("report-named");
    }
    let running = reader.running()?.is_some();
    let status = Status::read(&reader, running)?;
    let figures = counted.figures(reader.plan(), &status, &reader.standing()?, reader.timeline()?);
    let report = Report { status, segments: reader.plan().segments, codes, figures };
    if let Some((path, mut file)) = html.zip(page) {
        let text = page::page(&report, full_numbers);
        let text = text.strip_prefix(page::FIRST_LINE).expect("every page begins with it");
        let written = file.write_all(text.as_bytes()).and_then(|()| file.finish());
        written.map_err(|error| cannot_write(path, &error))?;
    }
    if is_on_stdout {
        let mut out = output::stdout();
        out.write_all(page::page(&report, full_numbers).as_bytes()).and_then(|()| out.flush())?;
    } else if voice.json {
        output::json(&report)?;
    } else {
        let mut text = report.status.show();
        for (code, recipients) in &report.codes {
            text.push_str(&format!("{}: {}\n", output::some(*recipients, "recipient"), output::inert(code)));
        }
        output::answer_beside(&text, output::is_stdout(csv), voice.quiet)?;
    }
    Ok(0)
}

/// Starts the page that is to be at `path`; nothing but an earlier page is written over.
fn start_page(path: &Path) -> Result<ListFile, Fault> {
    if path.is_dir() {
        return Err(Fault::usage(format!("--html {}: it is a directory", path.display()))
            .hint(format!("name a file in it, such as {}", path.join("report.html").display())));
    }
    ListFile::create(path, page::FIRST_LINE, "report page").map_err(|error| cannot_write(path, &error))
}

/// The page could not be written, and what to do about it.
fn cannot_write(path: &Path, error: &io::Error) -> Fault {
    Fault::unwritten(&format!("--html: the page was not written to {}", path.display()), error)
}

/// The recipients whose requests were taken back at the provider, neighbours together.
fn taken_back(reader: &JournalReader) -> Result<Vec<Range<u32>>, Fault> {
    let is_done = |one: &Cancellation| matches!(one.result, CancelResult::Done | CancelResult::Already);
    let cancelled = reader.cancellations()?.into_iter().filter(is_done).map(|one| one.attempt);
    let cancelled: BTreeSet<AttemptId> = cancelled.collect();
    if cancelled.is_empty() {
        return Ok(Vec::new());
    }
    let mut ranges: Vec<Range<u32>> = Vec::new();
    for one in reader.request_bills()?.iter().filter(|one| cancelled.contains(&one.attempt)) {
        match ranges.last_mut() {
            Some(last) if last.end == one.first.0 => last.end += one.recipients,
            _ => ranges.push(one.first.0..one.first.0 + one.recipients),
        }
    }
    Ok(ranges)
}

fn write(file: &mut CsvFile, row: &ReportRow, is_taken_back: bool) -> io::Result<()> {
    let money =
        |amount: Option<volley_core::Micros>| amount.map_or(String::new(), |amount| amount.to_string());
    let cells = [
        row.row.0.to_string(),
        row.to.to_string(),
        row.state.to_owned(),
        row.provider_id.clone().unwrap_or_default(),
        row.code.clone().unwrap_or_default(),
        row.segments.to_string(),
        money(row.price),
        money(row.billed),
        row.attempts.to_string(),
        row.time.map_or(String::new(), rfc_3339),
        match row.delivery {
            _ if is_taken_back => "cancelled".to_owned(),
            delivery => delivery.map_or(String::new(), |delivery| delivery.word().to_owned()),
        },
    ];
    file.write(cells.iter().map(String::as_str))
}
