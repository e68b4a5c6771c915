//! What was really taken and charged, in a file, in memory, or both: the truth that losses,
//! duplicates and false bills are counted from.
//!
//! A message is taken when the gateway has decided so, whether or not its reply ever leaves; one
//! with a time to be sent at is taken when it is handed over. It is charged when it is taken, at
//! what the request's bill has for it, whatever the reply says. Its line is with the operating
//! system before the reply leaves, so it outlives a kill of this process. It is not forced to
//! the disk: a simulated gateway need not outlive the machine.
//!
//! What is cancelled was taken all the same, so its lines stay, and a second file says which
//! requests they are.

use crate::{
    Face,
    bill::{Bill, Charge, Run},
    callbacks::CallbackTo,
    tree::json_string,
};
use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
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
    /// What was charged for it: credits for ME-SMS, money for all others. The messages of a
    /// request add up to its price.
    pub charged: Micros,
}

/// One text for many numbers: all that a request made the gateway take, or one item of it.
pub(crate) struct Batch {
    /// The provider's id, which later calls ask for.
    pub(crate) id: String,
    pub(crate) numbers: Arc<[Msisdn]>,
    pub(crate) sender: Option<Arc<str>>,
    pub(crate) text: Arc<str>,
    pub(crate) bill: Bill,
    /// When it is to be sent, counted from the gateway's start; `None`, or a time that is over: at
    /// once.
    pub(crate) due: Option<Duration>,
    /// The caller's own word for it.
    pub(crate) reference: Option<String>,
    /// Whom to tell what became of it.
    pub(crate) callback: Option<CallbackTo>,
}

/// A [`Batch`] as it is kept: equal texts and senders are stored once.
struct Kept {
    at: Duration,
    face: Face,
    request: u64,
    numbers: Arc<[Msisdn]>,
    sender: Option<Arc<str>>,
    text: Arc<str>,
    bill: Bill,
}

/// One request, or one item of it, that was taken and then taken back before it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// When it was taken back, counted from the gateway's start.
    pub at: Duration,
    /// Over which face.
    pub face: Face,
    /// The request that had sent it; its entries stay where they are.
    pub request: u64,
    /// The provider's id of it.
    pub id: String,
}

pub(crate) struct Ledger {
    file: Option<BufWriter<File>>,
    /// Where cancellations are written, and their file from the first one on.
    cancelled_path: Option<PathBuf>,
    cancelled_file: Option<File>,
    cancelled: Vec<Cancellation>,
    keep: bool,
    kept: Vec<Kept>,
    recipients: u64,
    started_at: UnixMillis,
}

impl Ledger {
    pub(crate) fn new(path: Option<&Path>, keep: bool, started_at: UnixMillis) -> io::Result<Self> {
        let file = path.map(open).transpose()?;
        Ok(Self {
            file: file.map(|file| BufWriter::with_capacity(256 * 1024, file)),
            cancelled_path: path.map(|path| {
                let mut name = path.as_os_str().to_owned();
                name.push(".cancelled");
                name.into()
            }),
            cancelled_file: None,
            cancelled: Vec::new(),
            keep,
            kept: Vec::new(),
            recipients: 0,
            started_at,
        })
    }

    /// Writes down what request number `request` made the gateway take, in the order of its items.
    pub(crate) fn record(
        &mut self,
        at: Duration,
        face: Face,
        request: u64,
        taken: Vec<Batch>,
    ) -> io::Result<()> {
        if let Some(file) = self.file.as_mut().filter(|_| !taken.is_empty()) {
            let time = wall_time(self.started_at, at);
            taken.iter().try_for_each(|batch| write_lines(file, &time, face, request, batch))?;
            file.flush()?;
        }
        for batch in taken {
            self.recipients += batch.numbers.len() as u64;
            if self.keep {
                let Batch { numbers, sender, text, bill, .. } = batch;
                self.kept.push(Kept { at, face, request, numbers, sender, text, bill });
            }
        }
        Ok(())
    }

    /// Writes down that something was taken back.
    pub(crate) fn cancel(&mut self, cancelled: Cancellation) -> io::Result<()> {
        if let Some(path) = &self.cancelled_path {
            let file = match &mut self.cancelled_file {
                Some(file) => file,
                None => self.cancelled_file.insert(open(path)?),
            };
            let time = wall_time(self.started_at, cancelled.at);
            let (provider, id) = (cancelled.face.word(), json_string(&cancelled.id));
            let request = cancelled.request;
            let line = format!(
                "{{\"t\":\"{time}\",\"provider\":\"{provider}\",\"request\":{request},\"id\":{id}}}\n"
            );
            file.write_all(line.as_bytes())?;
        }
        self.cancelled.push(cancelled);
        Ok(())
    }

    pub(crate) fn cancelled(&self) -> &[Cancellation] {
        &self.cancelled
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
}

/// Texts and senders, so that equal ones are kept once.
#[derive(Default)]
pub(crate) struct Words(HashSet<Arc<str>>);

impl Words {
    /// Makes `batch` use the words that are known, and know its own.
    pub(crate) fn share(&mut self, batch: &mut Batch) {
        self.intern(&mut batch.text);
        if let Some(sender) = &mut batch.sender {
            self.intern(sender);
        }
    }

    fn intern(&mut self, word: &mut Arc<str>) {
        match self.0.get(&**word) {
            Some(known) => *word = Arc::clone(known),
            None => drop(self.0.insert(Arc::clone(word))),
        }
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
    Ok(())
}

/// Opens `path` to add to it; a new file is for its owner alone, because it holds numbers.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
