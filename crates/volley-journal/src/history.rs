//! What campaigns have sent to whom and when, for `limits.per_recipient`.
//!
//! A history knows numbers by their pseudonyms alone, and the key that makes these lies in a file
//! beside it. Nothing is written to it while a campaign sends. It knows which journals to look
//! into, and absorbs from them whoever got a text or may have got one: before the next plan, and
//! after a run. Absorbing again changes nothing, so a kill at any time loses nothing.
//!
//! On the safe side: somebody in doubt counts, and goes on to count though the doubt is settled
//! later. Not here: campaigns that are planned and not yet sent.

mod file;

use crate::{FrozenPlan, JournalReader, OpenError, reading::Reached, stored::int};
pub use file::HistoryError;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::{
    fmt,
    path::{Path, PathBuf},
};
use volley_core::{FrequencyCap, Pseudonym, PseudonymKey, UnixMillis};

/// How long texts are remembered: the longest window of a cap, and a month for plans that wait.
const KEPT_MS: i64 = FrequencyCap::MAX_WINDOW_MS + 31 * 24 * 60 * 60 * 1_000;

/// Texts that one transaction takes in: a fraction of a second, while other processes wait.
const TEXTS_A_TRANSACTION: usize = 100_000;

/// Texts that are in memory at a time when somebody asks who is capped, at 16 bytes each.
const TEXTS_A_PASS: i64 = 4_000_000;

/// A history, open.
pub struct History {
    connection: Connection,
    path: PathBuf,
    key: PseudonymKey,
}

/// What decides who is capped beside the cap: the time that the texts go out, and how much was
/// known then. The same moment always names the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    at: UnixMillis,
    absorptions: i64,
}

/// What [`History::absorb`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// Texts that were not known before.
    pub texts: u64,
    /// Journals that are not where they were, each told of once. What had been absorbed of them
    /// counts; whom they texted besides will not be known.
    pub gone: Vec<PathBuf>,
}

/// A journal to look into.
struct Watched {
    id: i64,
    plan_hash: String,
    created_at: i64,
    path: PathBuf,
    watches: i64,
    commits: Option<i64>,
}

/// One text on its way into the table `sent`.
struct Text {
    position: u32,
    attempt: i64,
    pseudonym: Pseudonym,
    at: i64,
}

impl History {
    /// Opens the history at `path`; `None` where there is none.
    pub fn open(path: &Path) -> Result<Option<Self>, HistoryError> {
        let opened = file::open(path)?;
        Ok(opened.map(|(path, connection, key)| Self { connection, path, key }))
    }

    /// Opens the history at `path`, an empty one where there is none. Its directory must exist.
    pub fn open_or_begin(path: &Path) -> Result<Self, HistoryError> {
        if let Some(history) = Self::open(path)? {
            return Ok(history);
        }
        let path = std::path::absolute(path).map_err(|source| HistoryError::io(path, source))?;
        file::begin(&path)?;
        let begun = Self::open(&path)?;
        begun.ok_or_else(|| HistoryError::io(&path, std::io::ErrorKind::NotFound.into()))
    }

    /// What its pseudonyms are made with.
    pub fn key(&self) -> &PseudonymKey {
        &self.key
    }

    /// Now, for texts that go out at `at`: everything counts that was absorbed so far.
    pub fn moment(&self, at: UnixMillis) -> Result<Moment, HistoryError> {
        let absorptions = self.connection.query_row("SELECT absorptions FROM about", [], |row| row.get(0));
        Ok(Moment { at, absorptions: self.answered(absorptions)? })
    }

    /// Tells `each` of everybody whom `cap` gives no further text at `moment`, in no order.
    pub fn for_each_capped(
        &self,
        cap: FrequencyCap,
        moment: Moment,
        each: impl FnMut(Pseudonym),
    ) -> Result<(), HistoryError> {
        self.answered(self.capped(cap, moment, TEXTS_A_PASS, each))
    }

    /// The same, with about `most` texts in memory at a time.
    fn capped(
        &self,
        cap: FrequencyCap,
        moment: Moment,
        most: i64,
        mut each: impl FnMut(Pseudonym),
    ) -> rusqlite::Result<()> {
        let from = moment.at.0.saturating_sub(cap.window_ms());
        let to = moment.at.0.saturating_add(cap.window_ms());
        let known: i64 = self.connection.query_row(
            "SELECT ifnull(sum(texts), 0) FROM journal WHERE last_at > ?",
            [from],
            |row| row.get(0),
        )?;
        let passes = known / most + 1;
        let mut texts = self.connection.prepare(
            "SELECT sent.pseudonym, sent.at FROM journal CROSS JOIN sent ON sent.journal = journal.id
             WHERE journal.last_at > ?1 AND sent.at > ?1 AND sent.at < ?2 AND sent.absorption <= ?3
               AND abs(sent.pseudonym % ?4) = ?5",
        )?;
        let mut found: Vec<(i64, UnixMillis)> = Vec::new();
        let mut times = Vec::new();
        for pass in 0..passes {
            found.clear();
            let mut rows = texts.query([from, to, moment.absorptions, passes, pass])?;
            while let Some(row) = rows.next()? {
                found.push((row.get(0)?, UnixMillis(row.get(1)?)));
            }
            // SQLite's own ORDER BY takes about twice as long.
            found.sort_unstable();
            for of_one in found.chunk_by(|one, next| one.0 == next.0) {
                times.clear();
                times.extend(of_one.iter().map(|(_, at)| *at));
                if cap.forbids(&times, moment.at) {
                    each(Pseudonym(of_one[0].0.cast_unsigned()));
                }
            }
        }
        Ok(())
    }

    /// Keeps the moment that `plan` was made at, so that [`moment_of`](Self::moment_of) can tell.
    pub fn remember(&mut self, plan: &FrozenPlan, moment: Moment) -> Result<(), HistoryError> {
        let kept = self.connection.execute(
            "INSERT INTO journal (plan_hash, created_at, decided_at, decided_on, watches, texts, last_at)
             VALUES (?1, ?2, ?3, ?4, 0, 0, ?2)
             ON CONFLICT (plan_hash, created_at) DO NOTHING",
            params![plan.hash.whole.to_string(), plan.created_at.0, moment.at.0, moment.absorptions],
        );
        self.answered(kept).map(drop)
    }

    /// The moment that `plan` was made at; `None` for a plan that this history was not told of.
    pub fn moment_of(&self, plan: &FrozenPlan) -> Result<Option<Moment>, HistoryError> {
        let found = self.connection.query_row(
            "SELECT decided_at, decided_on FROM journal
             WHERE plan_hash = ? AND created_at = ? AND decided_at IS NOT NULL",
            params![plan.hash.whole.to_string(), plan.created_at.0],
            |row| Ok(Moment { at: UnixMillis(row.get(0)?), absorptions: row.get(1)? }),
        );
        self.answered(found.optional())
    }

    /// Has the journal at `path` absorbed from now on. To be called before anything is sent from
    /// it; when it returns, a power cut cannot undo it.
    pub fn watch(&mut self, path: &Path, plan: &FrozenPlan) -> Result<(), HistoryError> {
        let io = |source| HistoryError::io(path, source);
        let whole = path.canonicalize().map_err(io)?;
        let text = whole.to_str().ok_or_else(|| io(std::io::ErrorKind::InvalidFilename.into()))?;
        let watched = self.connection.execute(
            "INSERT INTO journal (plan_hash, created_at, path, watches, texts, last_at)
             VALUES (?1, ?2, ?3, 1, 0, ?2)
             ON CONFLICT (plan_hash, created_at) DO UPDATE SET path = excluded.path, watches = watches + 1",
            params![plan.hash.whole.to_string(), plan.created_at.0, text],
        );
        self.answered(watched).map(drop)
    }

    /// Takes in what was sent from the watched journals and is not known yet, and forgets what is
    /// older than any window.
    pub fn absorb(&mut self, now: UnixMillis) -> Result<Absorbed, HistoryError> {
        let mut absorbed = Absorbed::default();
        for journal in self.answered(self.watched())? {
            match self.absorb_from(&journal)? {
                Some(texts) => absorbed.texts += texts,
                None => absorbed.gone.push(journal.path),
            }
        }
        let forgotten = self.forget_before(now.0.saturating_sub(KEPT_MS));
        self.answered(forgotten)?;
        Ok(absorbed)
    }

    fn watched(&self) -> rusqlite::Result<Vec<Watched>> {
        let mut watched = self.connection.prepare(
            "SELECT id, plan_hash, created_at, path, watches, commits FROM journal
             WHERE path IS NOT NULL ORDER BY id",
        )?;
        let each = watched.query_map([], |row| {
            Ok(Watched {
                id: row.get(0)?,
                plan_hash: row.get(1)?,
                created_at: row.get(2)?,
                path: PathBuf::from(row.get::<_, String>(3)?),
                watches: row.get(4)?,
                commits: row.get(5)?,
            })
        })?;
        each.collect()
    }

    /// How many new texts `journal` had; `None` where it is gone.
    fn absorb_from(&mut self, journal: &Watched) -> Result<Option<u64>, HistoryError> {
        let reader = match JournalReader::open(&journal.path) {
            Ok(reader) if journal.is_of(reader.plan()) => reader,
            Ok(_) | Err(OpenError::NotFound { .. }) => {
                self.note(journal, journal.commits, true)?;
                return Ok(None);
            }
            Err(source) => return Err(HistoryError::Journal { source }),
        };
        let standing = reader.standing()?;
        let commits = int(standing.commits);
        if journal.commits == Some(commits) {
            return Ok(Some(0));
        }
        // What a sender that is at work has under way, it settles itself.
        let is_idle = reader.running().map_err(|source| HistoryError::io(&journal.path, source))?.is_none();
        let scheduled = reader.plan().terms.send_at.unwrap_or(UnixMillis(i64::MIN));
        let mut intake =
            Intake { connection: &mut self.connection, journal: journal.id, texts: Vec::new(), new: 0 };
        let mut taken_in = Ok(());
        let mut is_under_way = false;
        reader.for_each_reached(|reached| {
            let Reached { position, to, attempt, at, is_open } = reached;
            is_under_way |= is_open && !is_idle;
            if (is_open && !is_idle) || taken_in.is_err() {
                return;
            }
            let (attempt, at) = (int(attempt.0), at.max(scheduled).0);
            taken_in =
                intake.add(Text { position: position.0, attempt, pseudonym: self.key.pseudonym(to), at });
        })?;
        let new = taken_in.and_then(|()| intake.finish());
        let new = self.answered(new)?;
        let is_done = standing.recipients.pending == 0;
        self.note(journal, (!is_under_way).then_some(commits), is_done)?;
        Ok(Some(new))
    }

    /// Notes how far `journal` was read, and that nothing more is to be read where it `is_over`,
    /// unless somebody began to send from it meanwhile.
    fn note(&self, journal: &Watched, commits: Option<i64>, is_over: bool) -> Result<(), HistoryError> {
        let noted = self.connection.execute(
            "UPDATE journal SET commits = ?1, path = iif(?2, NULL, path) WHERE id = ?3 AND watches = ?4",
            params![commits, is_over, journal.id, journal.watches],
        );
        self.answered(noted).map(drop)
    }

    /// Forgets the texts of journals whose latest is before `bound`.
    fn forget_before(&mut self, bound: i64) -> rusqlite::Result<()> {
        let old = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        old.execute("DELETE FROM sent WHERE journal IN (SELECT id FROM journal WHERE last_at < ?)", [bound])?;
        old.execute("UPDATE journal SET texts = 0 WHERE last_at < ? AND texts > 0", [bound])?;
        old.execute("DELETE FROM journal WHERE last_at < ? AND path IS NULL", [bound])?;
        old.commit()
    }

    fn answered<T>(&self, answer: rusqlite::Result<T>) -> Result<T, HistoryError> {
        answer.map_err(|source| HistoryError::sqlite(&self.path, source))
    }
}

impl Watched {
    fn is_of(&self, plan: &FrozenPlan) -> bool {
        plan.hash.whole.to_string() == self.plan_hash && plan.created_at.0 == self.created_at
    }
}

/// Texts of one journal on their way into the history.
struct Intake<'a> {
    connection: &'a mut Connection,
    journal: i64,
    texts: Vec<Text>,
    /// How many of those before these were not known.
    new: u64,
}

impl Intake<'_> {
    fn add(&mut self, text: Text) -> rusqlite::Result<()> {
        self.texts.push(text);
        if self.texts.len() < TEXTS_A_TRANSACTION { Ok(()) } else { self.write() }
    }

    /// How many texts were new in all.
    fn finish(mut self) -> rusqlite::Result<u64> {
        self.write()?;
        Ok(self.new)
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        let Some(last_at) = self.texts.iter().map(|text| text.at).max() else { return Ok(()) };
        let writing = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Whoever reads this number sees every text that bears it or an earlier one.
        let absorption: i64 = writing.query_row(
            "UPDATE about SET absorptions = absorptions + 1 RETURNING absorptions",
            [],
            |row| row.get(0),
        )?;
        let mut insert = writing.prepare_cached("INSERT OR IGNORE INTO sent VALUES (?, ?, ?, ?, ?, ?)")?;
        let mut new = 0_u64;
        for Text { position, attempt, pseudonym, at } in self.texts.drain(..) {
            let pseudonym = pseudonym.0.cast_signed();
            let added =
                insert.execute(params![self.journal, position, attempt, absorption, pseudonym, at])?;
            new += added as u64;
        }
        drop(insert);
        writing.execute(
            "UPDATE journal SET last_at = max(last_at, ?), texts = texts + ? WHERE id = ?",
            params![last_at, int(new), self.journal],
        )?;
        self.new += new;
        writing.commit()
    }
}

/// Where it lies, and nothing of what it holds.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "History({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn more_texts_than_one_transaction_takes_are_written_in_several() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let mut history = History::open_or_begin(&directory.path().join("history.db")).expect("room");
        let count = |history: &History, sql: &str| -> i64 {
            history.connection.query_row(sql, [], |row| row.get(0)).expect(sql)
        };
        let journals = "INSERT INTO journal (id, plan_hash, created_at, watches, texts, last_at)
                        VALUES (1, 'x', 0, 0, 0, 0)";
        history.connection.execute(journals, []).expect("room");
        let all = u32::try_from(TEXTS_A_TRANSACTION + 1).expect("small");
        for new in [u64::from(all), 0] {
            let texts = Vec::new();
            let mut intake = Intake { connection: &mut history.connection, journal: 1, texts, new: 0 };
            for position in 0..all {
                let pseudonym = Pseudonym(u64::from(position));
                intake.add(Text { position, attempt: 1, pseudonym, at: 1 }).expect("room");
            }
            assert_eq!(intake.finish().expect("room"), new);
        }
        assert_eq!(count(&history, "SELECT count(*) FROM sent"), i64::from(all));
        assert_eq!(count(&history, "SELECT texts FROM journal"), i64::from(all));
        assert_eq!(count(&history, "SELECT max(absorption) FROM sent"), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Texts of two journals, written in their table as they are; the slow twin asks for
        /// everybody's times one by one.
        #[test]
        fn who_is_capped_depends_neither_on_the_passes_nor_on_the_order(
            sent in prop::collection::vec((-5_i64..5, 0_i64..4_000), 0..60),
            texts in 1..4,
            at in 0_i64..4_000,
            known in 0_i64..3,
        ) {
            let directory = tempfile::TempDir::new().expect("a directory");
            let history = History::open_or_begin(&directory.path().join("history.db")).expect("room");
            let mut times: BTreeMap<i64, Vec<UnixMillis>> = BTreeMap::new();
            history.connection.execute_batch("BEGIN").expect("nobody else writes");
            for (journal, half) in (0_i64..).zip(sent.chunks(sent.len().div_ceil(2).max(1))) {
                let last_at = half.iter().map(|(_, at)| *at).max();
                let journals = "INSERT INTO journal (id, plan_hash, created_at, watches, texts, last_at)
                                VALUES (?1, 'x', ?1, 0, ?2, ?3)";
                history.connection.execute(journals, params![journal, int(half.len() as u64), last_at]).expect("room");
                for (position, (who, at)) in (0_i64..).zip(half) {
                    let texts = "INSERT INTO sent VALUES (?1, ?2, 1, ?1 + 1, ?3, ?4)";
                    history.connection.execute(texts, [journal, position, *who, *at]).expect("room");
                    if journal < known {
                        times.entry(*who).or_default().push(UnixMillis(*at));
                    }
                }
            }
            let cap: FrequencyCap = format!("{texts}/1s").parse().expect("a cap");
            let at = UnixMillis(at);
            let is_capped = |times: &mut Vec<UnixMillis>| {
                times.sort_unstable();
                cap.forbids(times, at)
            };
            times.retain(|_, times| is_capped(times));
            let expected: BTreeSet<i64> = times.into_keys().collect();
            for most in [1, 7, TEXTS_A_PASS] {
                let mut found = Vec::new();
                let moment = Moment { at, absorptions: known };
                history
                    .capped(cap, moment, most, |who| found.push(who.0.cast_signed()))
                    .expect("readable");
                let once: BTreeSet<i64> = found.iter().copied().collect();
                prop_assert_eq!(found.len(), once.len(), "everybody is told of once");
                prop_assert_eq!(&once, &expected, "{} at a time", most);
            }
        }
    }
}
