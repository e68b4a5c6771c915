//! What was really taken and charged, in a file, in memory, or both: the truth that losses,
//! duplicates and false bills are counted from.
//!
//! A message is taken when the gateway has decided so, whether or not its reply ever leaves; one
//! with a time to be sent at is taken when it is handed over. It is charged when it is taken, at
//! what the request's bill has for it, whatever the reply says. Its line is with the operating
//! system before the reply leaves, so it outlives a kill of this process. It is not forced to
//! the disk: a simulated gateway need not outlive the machine.

use crate::{
    Face,
    bill::{Bill, Charge, Run},
    tree::json_string,
};
use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};
use volley_core::{Micros, Msisdn, UnixMillis};

/// One message that the gateway took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When, counted from the gateway's start.
    pub at: Duration,
    /// Over which face.
    pub face: Face,
    /// By which request, numbered from 1 over all faces.
    pub request: u64,
    /// Who gets it.
    pub to: Msisdn,
    /// From whom, as the request said; `None` where it left that to the provider.
    pub sender: Option<&'a str>,
    /// The text.
    pub text: &'a str,
    /// The parts that it was billed in.
    pub parts: u32,
    /// What was charged for it: money for TransmitSMS, credits for ME-SMS. The messages of a
    /// request add up to its price.
    pub charged: Micros,
}

/// What one request made the gateway take: one text for many numbers.
pub(crate) struct Batch {
    pub(crate) numbers: Box<[Msisdn]>,
    pub(crate) sender: Option<String>,
    pub(crate) text: String,
    pub(crate) bill: Bill,
}

/// A [`Batch`] as it is kept: equal texts and senders are stored once.
struct Kept {
    at: Duration,
    face: Face,
    request: u64,
    numbers: Box<[Msisdn]>,
    sender: Option<Arc<str>>,
    text: Arc<str>,
    bill: Bill,
}

pub(crate) struct Ledger {
    file: Option<BufWriter<File>>,
    keep: bool,
    kept: Vec<Kept>,
    words: HashSet<Arc<str>>,
    recipients: u64,
    started_at: UnixMillis,
}

impl Ledger {
    pub(crate) fn new(file: Option<&Path>, keep: bool, started_at: UnixMillis) -> io::Result<Self> {
        let file = file.map(open).transpose()?;
        Ok(Self {
            file: file.map(|file| BufWriter::with_capacity(256 * 1024, file)),
            keep,
            kept: Vec::new(),
            words: HashSet::new(),
            recipients: 0,
            started_at,
        })
    }

    /// Writes down what request number `request` made the gateway take.
    pub(crate) fn record(&mut self, at: Duration, face: Face, request: u64, batch: Batch) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let time = wall_time(self.started_at, at);
            write_lines(file, &time, face, request, &batch)?;
        }
        self.recipients += batch.numbers.len() as u64;
        if self.keep {
            let Batch { numbers, sender, text, bill } = batch;
            let sender = sender.map(|sender| self.word(sender));
            let text = self.word(text);
            self.kept.push(Kept { at, face, request, numbers, sender, text, bill });
        }
        Ok(())
    }

    pub(crate) const fn recipients(&self) -> u64 {
        self.recipients
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.kept.iter().flat_map(|batch| {
            let Kept { at, face, request, .. } = *batch;
            let (sender, text) = (batch.sender.as_deref(), &*batch.text);
            let billed = batch.numbers.iter().zip(batch.bill.charges());
            billed.map(move |(&to, Charge { parts, amount: charged })| Entry {
                at,
                face,
                request,
                to,
                sender,
                text,
                parts,
                charged,
            })
        })
    }

    pub(crate) fn taken_more_than_once(&self) -> Vec<(Msisdn, usize)> {
        let mut numbers: Vec<Msisdn> =
            self.kept.iter().flat_map(|batch| batch.numbers.iter().copied()).collect();
        numbers.sort_unstable();
        let repeated = numbers.chunk_by(|a, b| a == b).filter(|same| same.len() > 1);
        repeated.map(|same| (same[0], same.len())).collect()
    }

    fn word(&mut self, text: String) -> Arc<str> {
        if let Some(known) = self.words.get(text.as_str()) {
            return Arc::clone(known);
        }
        let word: Arc<str> = text.into();
        self.words.insert(Arc::clone(&word));
        word
    }
}

/// `2026-12-01T09:00:00.000Z`.
fn wall_time(started_at: UnixMillis, at: Duration) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(started_at.plus_millis(millis).0);
    format!("{:.3}", time.unwrap_or(jiff::Timestamp::MAX))
}

/// One line a number, in the contract's form, and then what was charged. Only the number differs
/// from line to line while neighbours are billed alike.
fn write_lines(out: &mut impl Write, time: &str, face: Face, request: u64, batch: &Batch) -> io::Result<()> {
    let provider = face.word();
    let before = format!(r#"{{"t":"{time}","provider":"{provider}","request":{request},"to":""#);
    let sender = batch.sender.as_deref().map_or_else(|| "null".to_owned(), json_string);
    let after = format!(r#"","sender":{sender},"text":{}"#, json_string(&batch.text));
    let mut numbers = batch.numbers.iter();
    for Run { messages, each: Charge { parts, amount } } in &batch.bill.runs {
        let after = format!(r#"{after},"parts":{parts},"charged":"{amount}"}}"#);
        for to in numbers.by_ref().take(*messages) {
            writeln!(out, "{before}{to}{after}")?;
        }
    }
    out.flush()
}

/// Opens `path` to add to it; a new file is for its owner alone, because it holds numbers.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
