//! The journal: a plan going in, and intents and outcomes going in while it is sent.
//!
//! Every commit is synced to the disk, so these figures are as much the disk's as ours. Point
//! `TMPDIR` at a folder in memory to see the rest.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::{cell::RefCell, path::PathBuf};
use tempfile::TempDir;
use volley_core::{Answer, Billed, Micros, Outcome, Position, Verdicts};
use volley_journal::{AttemptId, Claim, Journal, Record, SqliteJournal, Write, Written};

const MESSAGES: u32 = 20_000;

/// A folder and the path of a journal in it, not there yet.
fn place() -> (TempDir, PathBuf) {
    let folder = volley_benches::temporary();
    let path = folder.path().join("bench.volley");
    (folder, path)
}

fn import(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    group.sample_size(10);
    group.bench_function("import of 20,000 messages", |bencher| {
        let import = |(folder, path): (TempDir, PathBuf)| {
            volley_benches::write_plan(&path, MESSAGES).expect("room");
            folder // removed off the clock
        };
        bencher.iter_batched(place, import, BatchSize::PerIteration);
    });
    group.finish();
}

/// A journal that is sent from with one recipient a request, and where it has got to.
struct Sending {
    journal: SqliteJournal,
    next: u32,
    _folder: TempDir,
}

impl Sending {
    fn start() -> Self {
        let (folder, path) = place();
        volley_benches::write_plan(&path, MESSAGES).expect("room");
        let journal = SqliteJournal::open(&path, volley_benches::NOW).expect("a journal");
        Self { journal, next: 0, _folder: folder }
    }

    /// Whether `pairs` more recipients are pending.
    fn has(&self, pairs: u32) -> bool {
        self.next + pairs <= MESSAGES
    }

    /// Commits an intent for each of the next `pairs` recipients, then an outcome for each.
    fn send(&mut self, pairs: u32) {
        let intents: Vec<Write> = (self.next..self.next + pairs).map(intent).collect();
        let claimed = self.journal.commit(&intents).expect("pending recipients");
        let outcomes: Vec<Write> = claimed
            .into_iter()
            .map(|written| match written {
                Written::Claimed(attempt) => outcome(attempt.id),
                Written::Recorded => unreachable!("only intents were written"),
            })
            .collect();
        self.journal.commit(&outcomes).expect("open attempts");
        self.next += pairs;
    }
}

fn intent(position: u32) -> Write {
    Write::Claim(Claim {
        first: Position(position),
        recipients: 1,
        body_hash: [7; 32],
        reserved: Micros(51_500),
        at: volley_benches::NOW,
    })
}

fn outcome(attempt: AttemptId) -> Write {
    let answer = Answer {
        request_id: Some(format!("0d8f7c52-6a1e-4b7b-9f43-{:012}", attempt.0)),
        verdicts: Verdicts::AllAccepted,
        billed: Billed::Money(Micros(51_500)),
        segments: Some(1),
    };
    Write::Record(Record { attempt, outcome: Outcome::Answered(answer), at: volley_benches::NOW })
}

fn commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    group.sample_size(10);
    for pairs in [1, 32, 1_024] {
        group.throughput(Throughput::Elements(u64::from(pairs)));
        group.bench_function(format!("intents and outcomes, {pairs} a commit"), |bencher| {
            let sending = RefCell::new(Sending::start());
            let make_room = || {
                if !sending.borrow().has(pairs) {
                    sending.replace(Sending::start());
                }
            };
            let send = |()| sending.borrow_mut().send(pairs);
            bencher.iter_batched(make_room, send, BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, import, commit);
criterion_main!(benches);
