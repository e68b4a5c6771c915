//! Plans and journals to test with. Numbers are ones that Australia and North America reserve for
//! fiction.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use volley_core::{
    Answer, Batch, Billed, Chunk, Class, Failure, Message, Micros, Msisdn, Outcome, PlanHash, PlanHasher,
    PlanTerms, Position, Price, PriceId, Profile, Rounding, RowNumber, UnixMillis, Verdict, Verdicts,
};
use volley_journal::{
    Attempt, AttemptId, CancelResult, Claim, Decision, Evidence, FrozenPlan, Journal, JournalReader,
    PlanError, PlanWriter, Record, Resolution, RowCounts, SqliteJournal, Write, Written,
};

/// What a segment costs where a test says nothing else.
pub(crate) const PRICE: Micros = Micros(50_000);
pub(crate) const NOW: UnixMillis = UnixMillis(1_796_000_000_000);
pub(crate) const SHARED: Batch = Batch::SharedText { max: 500 };
pub(crate) const PER_ITEM: Batch = Batch::PerItem { max: 500 };

const NUMBERS: [u64; 6] =
    [61_491_570_006, 61_491_570_156, 61_491_570_157, 61_491_570_158, 61_491_570_159, 61_491_570_110];

/// Another number for each index below 80,000.
pub(crate) fn number(index: usize) -> Msisdn {
    let behind = index.saturating_sub(NUMBERS.len()) as u64;
    let american = 12_005_550_100 + behind / 100 * 10_000_000 + behind % 100;
    Msisdn::from_digits(NUMBERS.get(index).copied().unwrap_or(american)).expect("a number")
}

pub(crate) fn terms(batch: Batch, chunk: u32) -> PlanTerms {
    PlanTerms {
        campaign: "spring-sale".to_owned(),
        sender: Some("ShopAlert".to_owned()),
        provider: "transmitsms".to_owned(),
        send_at: None,
        currency: Some("AUD".to_owned()),
        batch,
        chunk,
    }
}

/// What a plan's costs come from.
#[derive(Clone, Debug)]
pub(crate) struct Tariff {
    pub(crate) per_segment: Micros,
    pub(crate) per_message: Micros,
    pub(crate) rounding: Rounding,
    pub(crate) profile: Profile,
}

impl Default for Tariff {
    fn default() -> Self {
        Self {
            per_segment: PRICE,
            per_message: Micros::ZERO,
            rounding: Rounding::Exact,
            profile: Profile::STANDARD,
        }
    }
}

/// A directory with one journal in it, named `spring-sale.volley`.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    /// The same in memory where the machine has such a place, for tests of very many files.
    pub(crate) fn in_memory() -> Self {
        Self { directory: TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory") }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("spring-sale.volley")
    }

    /// The plan's hash, computed from the rows as they are now.
    pub(crate) fn hash_of_rows(&self) -> PlanHash {
        let reader = JournalReader::open(&self.path()).expect("a journal");
        reader.hash_of_rows().expect("readable")
    }

    /// A journal of one recipient for each text, in rows 2, 4, 6, ….
    pub(crate) fn with_plan(batch: Batch, chunk: u32, texts: &[&str]) -> Self {
        Self::with_tariff(batch, chunk, texts, &Tariff::default())
    }

    /// The same at other prices or under another profile.
    pub(crate) fn with_tariff(batch: Batch, chunk: u32, texts: &[&str], tariff: &Tariff) -> Self {
        let place = Self::new();
        let mut writer = PlanWriter::create(&place.path(), batch).expect("room");
        let plan = fill_at(&mut writer, batch, chunk, texts, tariff);
        writer.finish(&plan).expect("a plan");
        place
    }

    pub(crate) fn open(&self) -> SqliteJournal {
        SqliteJournal::open(&self.path(), NOW).expect("a journal")
    }

    /// The journal's files, copied as a process that is killed now would leave them.
    pub(crate) fn snapshot(&self) -> Self {
        let copy = Self::new();
        for file in std::fs::read_dir(self.directory.path()).expect("a directory") {
            let file = file.expect("an entry").path();
            std::fs::copy(&file, copy.directory.path().join(file.file_name().expect("a name")))
                .expect("a copy");
        }
        copy
    }

    pub(crate) fn witness(&self) -> PathBuf {
        let mut name = self.path().into_os_string();
        name.push(".witness");
        PathBuf::from(name)
    }

    /// Runs `sql` behind Volley's back.
    pub(crate) fn tamper(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path()).expect("a database");
        connection.execute_batch(sql).expect(sql);
    }
}

pub(crate) fn fill(writer: &mut PlanWriter, batch: Batch, chunk: u32, texts: &[&str]) -> FrozenPlan {
    fill_at(writer, batch, chunk, texts, &Tariff::default())
}

/// Gives `writer` the messages, and the plan that they make. The cost is worked out here without
/// the prices' own arithmetic.
pub(crate) fn fill_at(
    writer: &mut PlanWriter,
    batch: Batch,
    chunk: u32,
    texts: &[&str],
    tariff: &Tariff,
) -> FrozenPlan {
    let Tariff { per_segment, per_message, rounding, profile } = tariff.clone();
    let terms = terms(batch, chunk);
    let mut hasher = PlanHasher::new(rounding);
    let mut sum = (0, 0);
    for (index, text) in texts.iter().enumerate() {
        let segments = profile.count(text);
        let mut cost = per_segment.0 * i64::from(segments.count) + per_message.0;
        if let Rounding::PerMessage(decimals) = rounding {
            cost = to_decimals(cost, decimals);
        }
        let row = RowNumber(u32::try_from(index).expect("small") * 2 + 2);
        let message = Message { row, to: number(index), text, segments, cost: Some(Micros(cost)) };
        hasher.message(&message);
        writer.message(&message, Some(PriceId(0))).expect("room");
        sum = (sum.0 + u64::from(segments.count), sum.1 + cost);
    }
    if let Rounding::Total(decimals) = rounding {
        sum.1 = to_decimals(sum.1, decimals);
    }
    let accepted = texts.len() as u64;
    FrozenPlan {
        hash: hasher.finish(&terms),
        terms,
        created_at: NOW,
        rows: RowCounts {
            rows: accepted * 2,
            accepted,
            duplicates: 0,
            suppressed: accepted - accepted.min(1),
            rejected: BTreeMap::from([("invalid_number".to_owned(), accepted.min(1))]),
        },
        segments: sum.0,
        estimated: Some(Micros(sum.1)),
        rounding,
        profile,
        prices: vec![Price { prefix: "61".to_owned(), per_segment, per_message }],
        provider: r#"{"key_env":"TRANSMITSMS_KEY"}"#.to_owned(),
    }
}

/// Millionths rounded to so many decimals, halves up; no price here is below zero.
fn to_decimals(micros: i64, decimals: u8) -> i64 {
    let unit = 10_i64.pow(6 - u32::from(decimals));
    (2 * micros + unit) / (2 * unit) * unit
}

pub(crate) fn write_plan(
    path: &Path,
    batch: Batch,
    chunk: u32,
    texts: &[&str],
) -> Result<FrozenPlan, PlanError> {
    let mut writer = PlanWriter::create(path, batch)?;
    let plan = fill(&mut writer, batch, chunk, texts);
    writer.finish(&plan)?;
    Ok(plan)
}

pub(crate) fn claim_of(chunk: &Chunk) -> Write {
    claim(chunk.first.0, chunk.len(), chunk.cost().expect("small"))
}

pub(crate) fn claim(first: u32, recipients: u32, reserved: Micros) -> Write {
    let mut body_hash = [0; 32];
    body_hash[..4].copy_from_slice(&first.to_le_bytes());
    body_hash[4..8].copy_from_slice(&recipients.to_le_bytes());
    Write::Claim(Claim { first: Position(first), recipients, body_hash, reserved, at: NOW })
}

pub(crate) fn record(attempt: AttemptId, outcome: Outcome) -> Write {
    Write::Record(Record { attempt, outcome, at: NOW.plus_millis(250) })
}

pub(crate) fn failed(class: Class) -> Outcome {
    Failure::new(class, "as the test says").into()
}

pub(crate) fn accepted(request_id: &str) -> Outcome {
    answered(Some(request_id), Verdicts::AllAccepted, Billed::Unknown)
}

pub(crate) fn each(verdicts: Vec<Verdict>) -> Outcome {
    answered(None, Verdicts::Each(verdicts), Billed::Unknown)
}

pub(crate) fn answered(request_id: Option<&str>, verdicts: Verdicts, billed: Billed) -> Outcome {
    Outcome::Answered(Answer { request_id: request_id.map(str::to_owned), verdicts, billed, segments: None })
}

pub(crate) fn taken(id: &str) -> Verdict {
    Verdict::Accepted { id: Some(id.to_owned()), billed: None, segments: None }
}

/// Accepted, and counted by the provider.
pub(crate) fn counted(id: &str, segments: u32) -> Verdict {
    Verdict::Accepted { id: Some(id.to_owned()), billed: None, segments: Some(segments) }
}

/// A person's decision about those at `positions`.
pub(crate) fn decided(decision: Decision, positions: &[u32]) -> Resolution {
    Resolution {
        positions: positions.iter().copied().map(Position).collect(),
        decision,
        evidence: Evidence::Person,
        note: "seen in the web app".to_owned(),
        request_id: None,
        message_ids: Vec::new(),
        at: NOW.plus_millis(500),
    }
}

pub(crate) fn cancelled(attempt: u64, result: CancelResult) -> Write {
    Write::Cancelled { attempt: AttemptId(attempt), result, at: NOW.plus_millis(750) }
}

/// Commits one claim and gives its attempt.
pub(crate) fn claimed(journal: &mut dyn Journal, write: Write) -> Attempt {
    match journal.commit(&[write]).expect("a legal claim")[..] {
        [Written::Claimed(attempt)] => attempt,
        ref other => panic!("{other:?}"),
    }
}
