//! A number for each kind of row that is written after the plan, so that a flipped bit is seen.
//!
//! SQLite notices torn pages and rows out of order; a letter of an id or a digit of a price that
//! became another one it reads as it stands. So each row, as it is bound, is hashed, and the hashes
//! of each kind are added up. A sum knows no order, so that neither does the recount: one pass
//! over the tables in whatever order they lie. The sums stand in the row of totals and change with
//! it, in the same commit. `docs/decisions/0016-a-sum-of-hashes-guards-the-history.md` says why.
//!
//! Not covered: recipients and texts, which have the plan's hash; and the tables of receipts. They
//! are written beside a sender, settle nobody by themselves, and can be asked for again.

use crate::schema::Fault;
use rusqlite::{
    Connection, Row, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The frozen campaign.
    Plan,
    /// Rows of the input that were left out.
    Reject,
    /// A price of the plan.
    Price,
    /// What an attempt was made with.
    Intent,
    /// How an attempt ended.
    End,
    /// What an answer said of one recipient.
    Verdict,
    /// A decision about doubt.
    Resolution,
    /// Whom it was about.
    Resolved,
    /// An opening for sending.
    Run,
    /// What became of taking a request back.
    Cancellation,
    /// The row of totals, but for these sums.
    Totals,
}

/// What an attempt's intent says; the first columns of what replay reads.
pub(crate) const INTENT: &str = "id, first, recipients, number, run, body_hash, reserved, claimed_at";
/// What its end adds. The fact begins with the attempt's id.
pub(crate) const END: &str = "ended_at, class, failure_row, fate, reason, request_id, billed, billed_units, \
                              segments, spent, not_before";
/// How many columns each of them has.
pub(crate) const INTENT_COLUMNS: usize = 8;
pub(crate) const END_COLUMNS: usize = 11;
/// The totals, but for the sums.
pub(crate) const TOTALS: &str = "pending, accepted, refused, in_doubt, requests_sent, requests_throttled, \
                                 requests_retried, billed, billed_units, spent, commits, max_cost, canary, \
                                 last_exit_code";

impl Kind {
    const ALL: [Self; 11] = [
        Self::Plan,
        Self::Reject,
        Self::Price,
        Self::Intent,
        Self::End,
        Self::Verdict,
        Self::Resolution,
        Self::Resolved,
        Self::Run,
        Self::Cancellation,
        Self::Totals,
    ];

    /// Where its sum stands, and the seed that tells its hashes from those of other kinds.
    const fn index(self) -> usize {
        self as usize
    }

    /// Its rows, for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Plan => "terms and counts",
            Self::Reject => "rejects",
            Self::Price => "prices",
            Self::Intent => "attempts",
            Self::End => "ends of attempts",
            Self::Verdict => "verdicts",
            Self::Resolution => "decisions",
            Self::Resolved => "recipients of decisions",
            Self::Run => "runs",
            Self::Cancellation => "cancellations",
            Self::Totals => "totals",
        }
    }

    /// Whether its rows are written with the plan and never again.
    pub(crate) const fn is_frozen(self) -> bool {
        matches!(self, Self::Plan | Self::Reject | Self::Price)
    }

    /// Whether replaying the history reads its rows anyway.
    const fn is_replayed(self) -> bool {
        matches!(self, Self::Intent | Self::End | Self::Verdict)
    }

    /// The query that gives its rows.
    fn query(self) -> String {
        match self {
            Self::Plan => "SELECT * FROM plan".to_owned(),
            Self::Reject => "SELECT * FROM reject".to_owned(),
            Self::Price => "SELECT * FROM price".to_owned(),
            Self::Intent => format!("SELECT {INTENT} FROM attempt"),
            Self::End => format!("SELECT id, {END} FROM attempt WHERE fate IS NOT NULL"),
            Self::Verdict => "SELECT * FROM verdict".to_owned(),
            Self::Resolution => "SELECT * FROM resolution".to_owned(),
            Self::Resolved => "SELECT * FROM resolved".to_owned(),
            Self::Run => "SELECT * FROM run".to_owned(),
            Self::Cancellation => "SELECT * FROM cancellation".to_owned(),
            Self::Totals => format!("SELECT {TOTALS} FROM standing"),
        }
    }
}

/// The hash of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    kind: Kind,
    hash: u128,
}

impl Fact {
    /// Of a row as it is bound to be stored: all columns of [`Kind::query`], in their order.
    pub(crate) fn bound(kind: Kind, values: &[&dyn ToSql]) -> rusqlite::Result<Self> {
        let mut bytes = Bytes::default();
        for value in values {
            match value.to_sql()? {
                ToSqlOutput::Borrowed(value) => bytes.push(value),
                ToSqlOutput::Owned(value) => bytes.push(ValueRef::from(&value)),
                _ => unreachable!("nothing else is bound here"),
            }
        }
        Ok(bytes.hashed(kind))
    }

    /// Of these columns of a stored row; `bytes` is used again and again.
    pub(crate) fn stored(
        kind: Kind,
        row: &Row<'_>,
        columns: impl IntoIterator<Item = usize>,
        bytes: &mut Bytes,
    ) -> rusqlite::Result<Self> {
        bytes.0.clear();
        for column in columns {
            bytes.push(row.get_ref(column)?);
        }
        Ok(bytes.hashed(kind))
    }

    /// Of the stored row of its kind that goes by `id`; `None` where there is none.
    pub(crate) fn found(connection: &Connection, kind: Kind, id: i64) -> rusqlite::Result<Option<Self>> {
        let (query, key) = match kind {
            Kind::Cancellation => (kind.query(), "WHERE attempt"),
            Kind::End => (kind.query(), "AND id"),
            _ => (kind.query(), "WHERE id"),
        };
        let mut select = connection.prepare_cached(&format!("{query} {key} = ?"))?;
        let columns = select.column_count();
        let mut rows = select.query([id])?;
        rows.next()?.map(|row| Self::stored(kind, row, 0..columns, &mut Bytes::default())).transpose()
    }
}

/// The values of a row as they are hashed: each with its type, and its length where it has one.
#[derive(Default)]
pub(crate) struct Bytes(Vec<u8>);

impl Bytes {
    fn push(&mut self, value: ValueRef<'_>) {
        let Self(bytes) = self;
        let mut sized = |tag: u8, content: &[u8]| {
            bytes.push(tag);
            bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
            bytes.extend_from_slice(content);
        };
        match value {
            ValueRef::Null => bytes.push(0),
            ValueRef::Integer(number) => {
                let mut tagged = [1; 9];
                tagged[1..].copy_from_slice(&number.to_le_bytes());
                bytes.extend_from_slice(&tagged);
            }
            // No table of ours has one; where damage made one, its bits are as good as any.
            ValueRef::Real(number) => sized(2, &number.to_bits().to_le_bytes()),
            ValueRef::Text(text) => sized(3, text),
            ValueRef::Blob(blob) => sized(4, blob),
        }
    }

    fn hashed(&self, kind: Kind) -> Fact {
        Fact { kind, hash: xxh3_128_with_seed(&self.0, kind.index() as u64) }
    }
}

/// The sums of all kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksums([u128; Kind::ALL.len()]);

impl Checksums {
    /// A row was stored, if there is one.
    pub(crate) fn add(&mut self, fact: impl Into<Option<Fact>>) {
        if let Some(Fact { kind, hash }) = fact.into() {
            let sum = &mut self.0[kind.index()];
            *sum = sum.wrapping_add(hash);
        }
    }

    /// A row, if there was one, is there no longer.
    fn take(&mut self, fact: Option<Fact>) {
        if let Some(Fact { kind, hash }) = fact {
            let sum = &mut self.0[kind.index()];
            *sum = sum.wrapping_sub(hash);
        }
    }

    /// Runs `sql` with `values`, which stores or alters the one row of its kind that goes by `id`.
    pub(crate) fn follow(
        &mut self,
        connection: &Connection,
        (kind, id): (Kind, i64),
        sql: &str,
        values: &[&dyn ToSql],
    ) -> rusqlite::Result<()> {
        let before = Fact::found(connection, kind, id)?;
        connection.prepare_cached(sql)?.execute(values)?;
        let after = Fact::found(connection, kind, id)?;
        self.take(before);
        self.add(after);
        Ok(())
    }

    /// The same sums with `totals` as the row of totals.
    pub(crate) fn with_totals(mut self, totals: Fact) -> Self {
        self.0[Kind::Totals.index()] = totals.hash;
        self
    }

    /// Adds what no replay reads: everything but attempts and verdicts.
    pub(crate) fn add_unreplayed(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut unreplayed = Kind::ALL.into_iter().filter(|kind| !kind.is_replayed());
        unreplayed.try_for_each(|kind| self.add_all(connection, kind))
    }

    /// All rows, read for this alone.
    pub(crate) fn recounted(connection: &Connection) -> rusqlite::Result<Self> {
        let mut sums = Self::default();
        Kind::ALL.into_iter().try_for_each(|kind| sums.add_all(connection, kind))?;
        Ok(sums)
    }

    fn add_all(&mut self, connection: &Connection, kind: Kind) -> rusqlite::Result<()> {
        let mut select = connection.prepare(&kind.query())?;
        let columns = select.column_count();
        let mut rows = select.query([])?;
        let mut bytes = Bytes::default();
        while let Some(row) = rows.next()? {
            self.add(Fact::stored(kind, row, 0..columns, &mut bytes)?);
        }
        Ok(())
    }

    /// As they are stored: 16 bytes a kind, little-endian.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|sum| sum.to_le_bytes()).collect()
    }

    /// The stored ones.
    pub(crate) fn load(connection: &Connection) -> Result<Self, Fault> {
        let damaged = || Fault::Damaged("its checksums are missing".to_owned());
        let mut select = connection.prepare_cached("SELECT checksums FROM standing")?;
        let mut rows = select.query([])?;
        let row = rows.next()?.ok_or_else(damaged)?;
        let bytes = row.get_ref(0)?.as_blob().map_err(|_| damaged())?;
        let (sums, []) = bytes.as_chunks::<16>() else { return Err(damaged()) };
        let sums: &[_; Kind::ALL.len()] = sums.try_into().map_err(|_| damaged())?;
        Ok(Self(sums.map(u128::from_le_bytes)))
    }

    /// The kinds whose sums differ.
    pub(crate) fn differences(self, other: Self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.0[kind.index()] != other.0[kind.index()])
    }
}

/// Rows of `kind` do not add up to the sum that was kept of them, in words.
pub(crate) fn not_as_written(kind: Kind) -> String {
    format!("its {} are not those that were written", kind.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::params;

    #[test]
    fn a_row_is_hashed_alike_as_it_is_bound_and_as_it_is_stored() {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch("CREATE TABLE a (a, b, c, d, e)").expect("a table");
        let row = params![7_u32, None::<i64>, "text", [1_u8, 2, 3], -1_i64];
        connection.execute("INSERT INTO a VALUES (?, ?, ?, ?, ?)", row).expect("room");
        let bound = Fact::bound(Kind::Run, row).expect("values");
        let stored = connection.query_row("SELECT * FROM a", [], |row| {
            Fact::stored(Kind::Run, row, 0..5, &mut Bytes::default())
        });
        assert_eq!(bound.hash, stored.expect("a row").hash);
    }

    #[test]
    fn values_that_look_alike_side_by_side_are_told_apart() {
        let hash = |values: &[&dyn ToSql]| Fact::bound(Kind::Run, values).expect("values").hash;
        let mut hashes = vec![
            hash(params!["ab", "c"]),
            hash(params!["a", "bc"]),
            hash(params!["abc"]),
            hash(params!["abc", None::<i64>]),
            hash(params![None::<i64>, "abc"]),
            hash(params![1_i64]),
            hash(params!["1"]),
            hash(params![0_i64]),
            hash(params![None::<i64>]),
            hash(params![]),
            Fact::bound(Kind::Plan, params![]).expect("values").hash,
        ];
        let all = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all);
    }
}
