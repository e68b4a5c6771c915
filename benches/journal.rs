//! The journal: a plan going in, and intents and outcomes going in while it is sent.
//!
//! A plan is synced once, and every commit of what is sent is, so these figures are as much the
//! disk's as ours. Point `TMPDIR` at a folder in memory to see the rest.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::{cell::RefCell, collections::BTreeMap, path::Path};
use tempfile::TempDir;
use volley_benches::NOW;
use volley_core::{
    Answer, Billed, Message, Micros, Msisdn, Outcome, PlanHasher, PlanTerms, Position, Price, PriceId,
    Profile, Rounding, RowNumber, Segments, Verdicts,
};
use volley_journal::{
    AttemptId, Claim, FrozenPlan, Journal, PlanWriter, Record, RowCounts, SqliteJournal, Write, Written,
};

const MESSAGES: u32 = 100_000;

/// What every message costs.
const PRICE: Micros = Micros(51_500);

/// What recipients get, and the plan that this makes.
struct Campaign {
    texts: Vec<(String, Segments)>,
    plan: FrozenPlan,
}

impl Campaign {
    /// A text of 85 characters for each recipient: one in 29 gets one that somebody got before.
    fn personal() -> Self {
        Self::of((0..MESSAGES).map(|index| {
            let own = if index % 29 == 28 { index / 2 } else { index };
            format!("Hi Customer {own:0>7}, your Gym plan payment of $19.00 is due. Reply STOP to opt out. :")
        }))
    }

    /// One text of 85 characters for all.
    fn shared() -> Self {
        let text = "Hi there, all of our plans are 20 per cent off until Sunday night. Reply STOP to stop";
        Self::of((0..MESSAGES).map(|_| text.to_owned()))
    }

    fn of(texts: impl Iterator<Item = String>) -> Self {
        let counted = |text: String| {
            let segments = Profile::STANDARD.count(&text);
            (text, segments)
        };
        let texts: Vec<_> = texts.map(counted).collect();
        let offer = volley_benches::offer();
        let terms = PlanTerms {
            campaign: "bench".to_owned(),
            sender: Some("ShopAlert".to_owned()),
            provider: offer.provider,
            send_at: None,
            currency: Some("AUD".to_owned()),
            batch: volley_core::Batch::SharedText { max: 1_000 },
            chunk: offer.chunk,
        };
        let mut hasher = PlanHasher::new(Rounding::Exact);
        messages(&texts).for_each(|message| hasher.message(&message));
        let accepted = u64::from(MESSAGES);
        let plan = FrozenPlan {
            hash: hasher.finish(&terms),
            terms,
            created_at: NOW,
            rows: RowCounts {
                rows: accepted,
                accepted,
                duplicates: 0,
                suppressed: 0,
                rejected: BTreeMap::new(),
            },
            segments: accepted,
            estimated: PRICE.checked_mul(MESSAGES),
            rounding: Rounding::Exact,
            profile: Profile::STANDARD,
            prices: vec![Price { prefix: "61".to_owned(), per_segment: PRICE, per_message: Micros::ZERO }],
            provider: "{}".to_owned(),
        };
        Self { texts, plan }
    }

    fn write(&self, path: &Path) {
        let mut writer = PlanWriter::create(path, self.plan.batch()).expect("a folder");
        for message in messages(&self.texts) {
            writer.message(&message, Some(PriceId(0))).expect("room");
        }
        drop(writer.finish(&self.plan).expect("room"));
    }
}

/// The messages that give each recipient their text.
fn messages(texts: &[(String, Segments)]) -> impl Iterator<Item = Message<'_>> {
    (0..).zip(texts).map(|(index, (text, segments))| {
        let to = Msisdn::from_digits(volley_benches::digits(index)).expect("eleven digits");
        Message { row: RowNumber(index + 1), to, text, segments: *segments, cost: Some(PRICE) }
    })
}

fn plan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    group.sample_size(10);
    for (name, campaign) in
        [("plan of personal texts", Campaign::personal()), ("plan of one text", Campaign::shared())]
    {
        group.bench_function(name, |bencher| {
            let write = |folder: TempDir| {
                campaign.write(&folder.path().join("bench.volley"));
                folder // removed off the clock
            };
            bencher.iter_batched(volley_benches::temporary, write, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// A journal that is sent from with one recipient a request, and where it has got to.
struct Sending {
    journal: SqliteJournal,
    next: u32,
    _folder: TempDir,
}

impl Sending {
    fn start(campaign: &Campaign) -> Self {
        let folder = volley_benches::temporary();
        let path = folder.path().join("bench.volley");
        campaign.write(&path);
        let journal = SqliteJournal::open(&path, NOW).expect("a journal");
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
    let (first, recipients) = (Position(position), 1);
    Write::Claim(Claim { first, recipients, body_hash: [7; 32], reserved: PRICE, at: NOW })
}

fn outcome(attempt: AttemptId) -> Write {
    let answer = Answer {
        request_id: Some(format!("0d8f7c52-6a1e-4b7b-9f43-{:012}", attempt.0)),
        verdicts: Verdicts::AllAccepted,
        billed: Billed::Money(PRICE),
        segments: Some(1),
    };
    Write::Record(Record { attempt, outcome: Outcome::Answered(answer), at: NOW })
}

fn commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    group.sample_size(10);
    let campaign = Campaign::personal();
    for pairs in [1, 32, 1_024] {
        group.throughput(Throughput::Elements(u64::from(pairs)));
        group.bench_function(format!("intents and outcomes, {pairs} a commit"), |bencher| {
            let sending = RefCell::new(Sending::start(&campaign));
            let make_room = || {
                if !sending.borrow().has(pairs) {
                    sending.replace(Sending::start(&campaign));
                }
            };
            let send = |()| sending.borrow_mut().send(pairs);
            bencher.iter_batched(make_room, send, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// What a process that is started again has to do before it can send.
fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    group.sample_size(10);
    let folder = volley_benches::temporary();
    let path = folder.path().join("bench.volley");
    Campaign::personal().write(&path);
    group.bench_function("open for sending, personal texts", |bencher| {
        bencher.iter(|| SqliteJournal::open(&path, NOW).expect("a journal"));
    });
    group.finish();
}

criterion_group!(benches, plan, open, commit);
criterion_main!(benches);
