//! How sending went over time: requests, latency and pauses, in buckets of one width.
//!
//! Two passes over the attempts, one for the span and one for what is in it. However many there
//! are, what is held is some hundred kilobytes.

use crate::{
    JournalReader, ReadError,
    schema::Fault,
    stored::{class_word, count},
};
use rusqlite::Connection;
use std::{cmp::Reverse, collections::BTreeMap};
use volley_core::{Class, UnixMillis};

/// The most buckets of a [`Timeline`].
pub const MOST_BUCKETS: usize = 200;

/// The most pauses that are told one by one: the longest ones.
const MOST_PAUSES: usize = 100;

/// How wide a bucket may be, in milliseconds: steps that a person reads off a clock. A longer span
/// has whole days.
const WIDTHS_MS: [u64; 15] = [
    1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
    3_600_000, 14_400_000, 43_200_000,
];

const DAY_MS: u64 = 86_400_000;

/// Sending from its first request to its last answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// When the first bucket begins.
    pub starts_at: UnixMillis,
    /// How long each bucket is.
    pub width_ms: u64,
    /// One behind the other without a gap, at most [`MOST_BUCKETS`].
    pub buckets: Vec<Bucket>,
    /// When nothing was sent on purpose, in the order of time; the longest where there are many.
    pub pauses: Vec<Pause>,
    /// How many shorter pauses there were.
    pub other_pauses: u64,
}

/// What began in one span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Requests whose intent was made in it.
    pub requests: u64,
    /// The recipients of these.
    pub recipients: u64,
    /// How many of these requests the provider refused because of their rate.
    pub throttled: u64,
    /// From intent to end, of these requests: half of them took no longer. Within 7 percent above
    /// the true value. `None` where none of them has an end that says how long it took.
    pub median_ms: Option<u64>,
    /// The same for 95 of 100.
    pub p95_ms: Option<u64>,
    /// The same for the slowest, exactly.
    pub longest_ms: Option<u64>,
}

/// A time in which nothing was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub from: UnixMillis,
    /// Until when.
    pub to: UnixMillis,
    /// Why.
    pub why: PauseCause,
}

impl Pause {
    fn length(&self) -> i64 {
        self.to.0.saturating_sub(self.from.0)
    }
}

/// Why nothing was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseCause {
    /// No process was sending: from the end of a run, or the last that is known of it, to the
    /// beginning of the next.
    Stopped,
    /// The provider asked to be left alone.
    Asked,
}

impl PauseCause {
    /// For scripts: `stopped` or `asked`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Asked => "asked",
        }
    }
}

impl JournalReader {
    /// How sending went over time; `None` before the first request.
    pub fn timeline(&self) -> Result<Option<Timeline>, ReadError> {
        let read = || {
            let moment = self.connection.unchecked_transaction()?;
            timeline(&moment)
        };
        self.answered(read())
    }
}

fn timeline(moment: &Connection) -> Result<Option<Timeline>, Fault> {
    let span = "SELECT min(claimed_at), max(max(claimed_at, ifnull(ended_at, claimed_at))) FROM attempt";
    let span = moment
        .query_row(span, [], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)))?;
    let (Some(first), Some(last)) = span else { return Ok(None) };
    let width_ms = width(first.abs_diff(last));
    let mut tallies: Vec<Tally> = Vec::new();
    let mut pauses = Pauses::default();
    let (throttled, gone) = (class_word(Class::Throttled), class_word(Class::ProcessGone));
    let mut select = moment
        .prepare("SELECT claimed_at, ended_at, recipients, class, not_before FROM attempt ORDER BY id")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (claimed_at, ended_at): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let class = row.get_ref(3)?.as_str_or_null().map_err(rusqlite::Error::from)?;
        let index = usize::try_from(first.abs_diff(claimed_at) / width_ms).unwrap_or(usize::MAX);
        let index = index.min(MOST_BUCKETS - 1);
        if index >= tallies.len() {
            tallies.resize_with(index + 1, Tally::default);
        }
        let tally = &mut tallies[index];
        tally.requests += 1;
        tally.recipients += count(row, 2)?;
        tally.throttled += u64::from(class == Some(throttled));
        // The end of one whose process was gone is when that was seen.
        if let Some(ended_at) = ended_at.filter(|_| class != Some(gone)) {
            tally.took(u64::try_from(ended_at.saturating_sub(claimed_at)).unwrap_or(0));
        }
        if let (Some(from), Some(to)) = (ended_at, row.get::<_, Option<i64>>(4)?) {
            pauses.asked(from, to);
        }
    }
    between_runs(moment, &mut pauses)?;
    let (pauses, other_pauses) = pauses.in_order();
    let buckets = tallies.iter().map(Tally::bucket).collect();
    Ok(Some(Timeline { starts_at: UnixMillis(first), width_ms, buckets, pauses, other_pauses }))
}

/// The first width that has so long a time in [`MOST_BUCKETS`].
fn width(span_ms: u64) -> u64 {
    let most = MOST_BUCKETS as u64;
    let fits = |width: &u64| span_ms / width < most;
    WIDTHS_MS.into_iter().find(fits).unwrap_or_else(|| (span_ms / most / DAY_MS + 1) * DAY_MS)
}

/// The times between one run and the next. Of a run that was killed, its last request is the last
/// that is known.
fn between_runs(moment: &Connection, pauses: &mut Pauses) -> Result<(), Fault> {
    let mut last_claims = BTreeMap::new();
    let mut claims = moment.prepare("SELECT run, max(claimed_at) FROM attempt GROUP BY run")?;
    let mut rows = claims.query([])?;
    while let Some(row) = rows.next()? {
        last_claims.insert(row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
    }
    let mut select = moment.prepare("SELECT id, started_at, ended_at FROM run ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut over: Option<i64> = None;
    while let Some(row) = rows.next()? {
        let (id, started_at): (i64, i64) = (row.get(0)?, row.get(1)?);
        // Only a run that sent something begins or ends a pause.
        let Some(last_claim) = last_claims.get(&id) else { continue };
        if let Some(from) = over.filter(|from| *from < started_at) {
            let (from, to) = (UnixMillis(from), UnixMillis(started_at));
            pauses.add(Pause { from, to, why: PauseCause::Stopped });
        }
        over = Some(row.get::<_, Option<i64>>(2)?.unwrap_or(*last_claim));
    }
    Ok(())
}

/// The longest pauses, and how many others there were.
#[derive(Default)]
struct Pauses {
    kept: Vec<Pause>,
    others: u64,
    /// The provider's wish that was told last, which the next one may prolong.
    asked: Option<Pause>,
}

impl Pauses {
    fn asked(&mut self, from: i64, to: i64) {
        if to <= from {
            return;
        }
        match &mut self.asked {
            Some(last) if from <= last.to.0 && to >= last.from.0 => {
                last.from.0 = last.from.0.min(from);
                last.to.0 = last.to.0.max(to);
            }
            last => {
                let (from, to) = (UnixMillis(from), UnixMillis(to));
                let before = last.replace(Pause { from, to, why: PauseCause::Asked });
                if let Some(before) = before {
                    self.add(before);
                }
            }
        }
    }

    fn add(&mut self, pause: Pause) {
        self.kept.push(pause);
        if self.kept.len() >= 2 * MOST_PAUSES {
            self.shorten();
        }
    }

    /// Lets the shorter ones go.
    fn shorten(&mut self) {
        self.kept.sort_by_key(|pause| Reverse(pause.length()));
        self.others += self.kept.len().saturating_sub(MOST_PAUSES) as u64;
        self.kept.truncate(MOST_PAUSES);
    }

    fn in_order(mut self) -> (Vec<Pause>, u64) {
        if let Some(last) = self.asked.take() {
            self.kept.push(last);
        }
        self.shorten();
        self.kept.sort_by_key(|pause| (pause.from, pause.to));
        (self.kept, self.others)
    }
}

/// How finely durations are told apart: 16 steps from one power of two to the next.
const STEPS: u64 = 16;

/// A bucket while it is counted.
#[derive(Default)]
struct Tally {
    requests: u64,
    recipients: u64,
    throttled: u64,
    longest_ms: Option<u64>,
    /// How many took how long, by [`step`].
    took: Vec<u64>,
}

impl Tally {
    fn took(&mut self, ms: u64) {
        let step = step(ms);
        if step >= self.took.len() {
            self.took.resize(step + 1, 0);
        }
        self.took[step] += 1;
        self.longest_ms = self.longest_ms.max(Some(ms));
    }

    /// What `percent` of 100 did not exceed.
    fn within(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.took.iter().sum();
        let wanted = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let step = self.took.iter().position(|number| {
            seen += number;
            seen >= wanted
        });
        step.map(largest).min(self.longest_ms)
    }

    fn bucket(&self) -> Bucket {
        Bucket {
            requests: self.requests,
            recipients: self.recipients,
            throttled: self.throttled,
            median_ms: self.within(50),
            p95_ms: self.within(95),
            longest_ms: self.longest_ms,
        }
    }
}

/// Which step `ms` belongs to: its own below 16, then 16 between one power of two and the next.
fn step(ms: u64) -> usize {
    let step = match ms.checked_ilog2() {
        Some(power @ 4..) => u64::from(power - 3) * STEPS + ((ms >> (power - 4)) - STEPS),
        _ => ms,
    };
    usize::try_from(step).expect("less than a thousand steps")
}

/// The largest duration in `step`.
fn largest(step: usize) -> u64 {
    let step = step as u64;
    if step < STEPS {
        return step;
    }
    let shift = step / STEPS - 1;
    let next = u128::from(step % STEPS + STEPS + 1) << shift;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_step_holds_what_belongs_to_it_within_seven_percent(ms: u64) {
            let told = largest(step(ms));
            prop_assert!(told >= ms);
            prop_assert!(u128::from(told - ms) * 100 <= u128::from(ms) * 7);
        }

        #[test]
        fn every_span_fits(span_ms in 0..=u64::MAX / 2) {
            prop_assert!(span_ms / width(span_ms) < MOST_BUCKETS as u64);
        }
    }

    #[test]
    fn half_and_nearly_all_of_a_bucket_are_told_apart() {
        let mut tally = Tally::default();
        (1..=100).for_each(|ms| tally.took(ms * 10));
        let bucket = tally.bucket();
        assert_eq!(bucket.longest_ms, Some(1_000));
        assert!(bucket.median_ms.is_some_and(|ms| (500..=535).contains(&ms)), "{bucket:?}");
        assert!(bucket.p95_ms.is_some_and(|ms| (950..=1_000).contains(&ms)), "{bucket:?}");
        assert_eq!(Tally::default().bucket(), Bucket::default());
    }

    #[test]
    fn wishes_that_overlap_are_one_pause_and_the_longest_are_kept() {
        let mut pauses = Pauses::default();
        for (from, to) in [(0, 10), (5, 20), (30, 31), (40, 40)] {
            pauses.asked(from, to);
        }
        let (kept, others) = pauses.in_order();
        let spans: Vec<_> = kept.iter().map(|pause| (pause.from.0, pause.to.0)).collect();
        assert_eq!((spans, others), (vec![(0, 20), (30, 31)], 0));

        let mut pauses = Pauses::default();
        (1..=1_000).for_each(|at| pauses.asked(at * 10_000, at * 10_000 + at));
        let (kept, others) = pauses.in_order();
        assert_eq!((kept.len(), others), (MOST_PAUSES, 900));
        assert_eq!(kept.first().map(Pause::length), Some(901));
    }
}
