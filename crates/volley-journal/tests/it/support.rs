//! Plans and journals to test with. Numbers are ones that Australia reserves for fiction.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use volley_core::{
    Answer, Batch, Billed, Chunk, Class, Failure, Message, Micros, Msisdn, Outcome, PlanHasher, PlanTerms,
    Price, PriceId, Profile, RowNumber, UnixMillis, Verdict, Verdicts,
};
use volley_journal::{
    Attempt, AttemptId, Claim, FrozenPlan, Journal, PlanError, PlanWriter, Record, RowCounts, SqliteJournal,
    Write, Written,
};

/// What every recipient pays for a segment.
pub(crate) const PRICE: Micros = Micros(50_000);
pub(crate) const NOW: UnixMillis = UnixMillis(1_796_000_000_000);
pub(crate) const SHARED: Batch = Batch::SharedText { max: 500 };
pub(crate) const PER_ITEM: Batch = Batch::PerItem { max: 500 };

const NUMBERS: [u64; 6] =
    [61_491_570_006, 61_491_570_156, 61_491_570_157, 61_491_570_158, 61_491_570_159, 61_491_570_110];

pub(crate) fn number(index: usize) -> Msisdn {
    Msisdn::from_digits(NUMBERS[index % NUMBERS.len()]).expect("a number")
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

/// A directory with one journal in it, named `spring-sale.volley`.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("spring-sale.volley")
    }

    /// A journal of one recipient for each text, in rows 2, 4, 6, ….
    pub(crate) fn with_plan(batch: Batch, chunk: u32, texts: &[&str]) -> Self {
        let place = Self::new();
        write_plan(&place.path(), batch, chunk, texts).expect("a plan");
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
    let terms = terms(batch, chunk);
    let mut hasher = PlanHasher::new();
    let mut sum = (0, Micros::ZERO);
    for (index, text) in texts.iter().enumerate() {
        let segments = Profile::STANDARD.count(text);
        let cost = PRICE.checked_mul(segments.count);
        let row = RowNumber(u32::try_from(index).expect("small") * 2 + 2);
        let message = Message { row, to: number(index), text, segments, cost };
        hasher.message(&message);
        writer.message(&message, Some(PriceId(0))).expect("room");
        sum = (sum.0 + u64::from(segments.count), sum.1.checked_add(cost.expect("small")).expect("small"));
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
        estimated: Some(sum.1),
        rounding: volley_core::Rounding::Exact,
        profile: volley_core::Profile::STANDARD,
        prices: vec![Price { prefix: "61".to_owned(), per_segment: PRICE, per_message: Micros::ZERO }],
        provider: r#"{"key_env":"TRANSMITSMS_KEY"}"#.to_owned(),
    }
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
    Write::Claim(Claim { first: volley_core::Position(first), recipients, body_hash, reserved, at: NOW })
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

/// Commits one claim and gives its attempt.
pub(crate) fn claimed(journal: &mut dyn Journal, write: Write) -> Attempt {
    match journal.commit(&[write]).expect("a legal claim")[..] {
        [Written::Claimed(attempt)] => attempt,
        ref other => panic!("{other:?}"),
    }
}
