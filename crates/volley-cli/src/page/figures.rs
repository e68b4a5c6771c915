//! The figures of a report: what `report --json` prints and the page shows. One place counts them, so
//! that the two cannot differ.
//!
//! However many recipients there are, what is held is some hundred kilobytes: reasons, doubts and the
//! timeline are bounded.

use crate::{
    account::Account,
    cmd::{rfc_3339, status::Status},
};
use serde::Serialize;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry},
};
use volley_core::{Micros, Msisdn};
use volley_journal::{FrozenPlan, JOURNAL_SCHEMA, Pause, ReportRow, Standing, Timeline};

/// The release of libphonenumber whose metadata numbers are judged by.
const PHONE_METADATA: &str = "libphonenumber 9.0.42";

/// The most doubts that are told one by one; `doubt list` has all.
const MOST_DOUBTS: usize = 500;

/// The most reasons that are told apart.
const MOST_REASONS: usize = 200;

/// The most characters of a text that is not ours.
const MOST_CHARACTERS: usize = 300;

/// What a report says beside the contract's status object.
#[derive(Serialize)]
pub(crate) struct Figures {
    /// From the rows of the list to delivered messages.
    pub(crate) funnel: Vec<Stage>,
    /// Rows that were left out, and why.
    pub(crate) left_out: LeftOut,
    /// By the country that the number belongs to, the dearest first.
    pub(crate) by_country: Vec<Group>,
    pub(crate) by_encoding: Vec<Group>,
    /// What was billed less what was estimated, where both are money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_difference: Option<String>,
    /// Why recipients were refused, put off or are in doubt; the most frequent first.
    pub(crate) reasons: Vec<Cause>,
    /// The first of those in doubt, in plan order.
    pub(crate) doubts: Vec<Doubt>,
    /// How many are in doubt beside them.
    pub(crate) other_doubts: u64,
    /// `None` before the first request.
    pub(crate) timeline: Option<Times>,
    pub(crate) versions: Versions,
}

/// How many got so far.
#[derive(Serialize)]
pub(crate) struct Stage {
    pub(crate) step: &'static str,
    pub(crate) number: u64,
    /// Of all rows, to a tenth.
    pub(crate) percent: String,
}

/// Rows that nobody was planned for.
#[derive(Serialize)]
pub(crate) struct LeftOut {
    pub(crate) duplicates: u64,
    pub(crate) suppressed: u64,
    pub(crate) rejected: BTreeMap<String, u64>,
}

/// Recipients who have something in common.
#[derive(Default, Serialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) recipients: u64,
    pub(crate) segments: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) in_doubt: u64,
    pub(crate) pending: u64,
    /// Their messages' costs by the plan, before a sum is rounded; `None` without a rate card.
    pub(crate) estimated: Option<String>,
    /// What the provider billed; `None` unless it priced each of their messages, since a price for a
    /// whole request belongs to no country.
    pub(crate) billed: Option<String>,
    /// Messages that the provider priced one by one.
    #[serde(skip)]
    priced: u64,
    #[serde(skip)]
    sums: [Option<Micros>; 2],
}

/// Why so many are not accepted.
#[derive(Serialize)]
pub(crate) struct Cause {
    pub(crate) state: &'static str,
    pub(crate) reason: String,
    pub(crate) recipients: u64,
}

/// Somebody who may or may not have got a text.
#[derive(Serialize)]
pub(crate) struct Doubt {
    pub(crate) row: u32,
    /// All but its last digits hidden.
    pub(crate) number: String,
    #[serde(skip)]
    pub(crate) to: Msisdn,
    pub(crate) attempts: u16,
    pub(crate) since: Option<String>,
    pub(crate) reason: String,
    pub(crate) provider_id: Option<String>,
    pub(crate) cost: Option<String>,
}

/// How sending went over time.
#[derive(Serialize)]
pub(crate) struct Times {
    pub(crate) starts_at: String,
    pub(crate) bucket_ms: u64,
    /// Requests a second, in thousandths, that the configured rates allow; `None` where they cannot
    /// be told any more.
    pub(crate) limit_milli: Option<u64>,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) pauses: Vec<Rest>,
    pub(crate) other_pauses: u64,
}

/// What began in one span of time. Times in milliseconds.
#[derive(Serialize)]
pub(crate) struct Bucket {
    pub(crate) requests: u64,
    pub(crate) recipients: u64,
    pub(crate) throttled: u64,
    /// Requests a second, in thousandths.
    pub(crate) rate_milli: u64,
    pub(crate) median_ms: Option<u64>,
    pub(crate) p95_ms: Option<u64>,
    pub(crate) longest_ms: Option<u64>,
}

/// A time in which nothing was to be sent.
#[derive(Serialize)]
pub(crate) struct Rest {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) why: &'static str,
    /// Since the first request, for drawing.
    #[serde(skip)]
    pub(crate) span_ms: (u64, u64),
}

#[derive(Serialize)]
pub(crate) struct Versions {
    pub(crate) volley: &'static str,
    pub(crate) journal_schema: i32,
    pub(crate) phone_metadata: &'static str,
}

/// What is counted while everybody passes by.
#[derive(Default)]
pub(crate) struct Count {
    by_country: BTreeMap<String, Group>,
    by_encoding: BTreeMap<String, Group>,
    reasons: BTreeMap<(&'static str, String), u64>,
    other_reasons: BTreeMap<&'static str, u64>,
    doubts: Vec<Doubt>,
    other_doubts: u64,
}

impl Count {
    /// Takes the next recipient in.
    pub(crate) fn add(&mut self, row: &ReportRow) {
        let country = row.to.assignment().and_then(|assignment| assignment.region);
        let country = country.map_or_else(|| "no country".to_owned(), |region| region.to_string());
        self.by_country.entry(country).or_default().add(row);
        self.by_encoding.entry(row.encoding.to_string()).or_default().add(row);
        if let Some(code) = row.code.as_deref().filter(|_| row.state != "accepted") {
            self.because(row.state, cut(code));
        }
        if row.state == "in_doubt" {
            if self.doubts.len() < MOST_DOUBTS {
                self.doubts.push(Doubt::of(row));
            } else {
                self.other_doubts += 1;
            }
        }
    }

    fn because(&mut self, state: &'static str, reason: String) {
        let is_full = self.reasons.len() >= MOST_REASONS;
        match self.reasons.entry((state, reason)) {
            Entry::Vacant(_) if is_full => {
                *self.other_reasons.entry(state).or_default() += 1;
            }
            entry => *entry.or_default() += 1,
        }
    }

    /// The figures, with what the journal knows of the whole.
    pub(crate) fn figures(
        self,
        plan: &FrozenPlan,
        status: &Status,
        standing: &Standing,
        timeline: Option<Timeline>,
    ) -> Figures {
        let rows = &plan.rows;
        let rejected: u64 = rows.rejected.values().sum();
        let mut funnel = vec![
            ("rows", rows.rows),
            ("usable", rows.rows.saturating_sub(rejected)),
            ("planned", rows.accepted),
            ("accepted", status.recipients.accepted),
        ];
        funnel.extend(status.delivery.as_ref().map(|delivery| ("delivered", delivery.delivered)));
        let step = |(step, number)| Stage { step, number, percent: tenths(number, rows.rows) };
        let mut by_country = groups(self.by_country);
        by_country.sort_by_key(|group| Reverse((group.sums[0].unwrap_or_default(), group.recipients)));
        let rest = self
            .other_reasons
            .into_iter()
            .map(|(state, number)| ((state, "other reasons".to_owned()), number));
        let reason = |((state, reason), recipients)| Cause { state, reason, recipients };
        let mut reasons: Vec<Cause> = self.reasons.into_iter().map(reason).collect();
        reasons.sort_by_key(|reason| Reverse(reason.recipients));
        reasons.extend(rest.map(reason));
        Figures {
            funnel: funnel.into_iter().map(step).collect(),
            left_out: LeftOut {
                duplicates: rows.duplicates,
                suppressed: rows.suppressed,
                rejected: rows.rejected.clone(),
            },
            by_country,
            by_encoding: groups(self.by_encoding),
            cost_difference: cost_difference(plan, standing),
            reasons,
            doubts: self.doubts,
            other_doubts: self.other_doubts,
            timeline: timeline.map(|timeline| Times::of(&timeline, limit_milli(plan))),
            versions: Versions {
                volley: env!("CARGO_PKG_VERSION"),
                journal_schema: JOURNAL_SCHEMA,
                phone_metadata: PHONE_METADATA,
            },
        }
    }
}

fn groups(groups: BTreeMap<String, Group>) -> Vec<Group> {
    let named = |(name, group): (String, Group)| {
        let [estimated, billed] = group.sums.map(|sum| sum.map(|sum| sum.to_string()));
        let billed = billed.filter(|_| group.priced >= group.accepted);
        Group { name, estimated, billed, ..group }
    };
    groups.into_iter().map(named).collect()
}

impl Group {
    /// How long its bar is: what it costs, or its segments where nothing is known of that.
    pub(super) fn drawn(&self) -> u64 {
        let cost = self.sums[0].map(|cost| u64::try_from(cost.0).unwrap_or(0));
        cost.unwrap_or(self.segments)
    }

    fn add(&mut self, row: &ReportRow) {
        self.recipients += 1;
        self.segments += u64::from(row.segments);
        match row.state {
            "accepted" => self.accepted += 1,
            "refused" => self.refused += 1,
            "in_doubt" => self.in_doubt += 1,
            _ => self.pending += 1,
        }
        self.priced += u64::from(row.billed.is_some());
        for (sum, amount) in self.sums.iter_mut().zip([row.price, row.billed]) {
            if let Some(amount) = amount {
                *sum = Some(Micros(sum.unwrap_or_default().0.saturating_add(amount.0)));
            }
        }
    }
}

impl Doubt {
    fn of(row: &ReportRow) -> Self {
        Self {
            row: row.row.0,
            number: row.to.masked(),
            to: row.to,
            attempts: row.attempts,
            since: row.time.map(rfc_3339),
            reason: cut(row.code.as_deref().unwrap_or_default()),
            provider_id: row.provider_id.as_deref().map(cut),
            cost: row.price.map(|price| price.to_string()),
        }
    }
}

impl Times {
    fn of(timeline: &Timeline, limit_milli: Option<u64>) -> Self {
        let width_ms = timeline.width_ms;
        let bucket = |bucket: &volley_journal::Bucket| Bucket {
            requests: bucket.requests,
            recipients: bucket.recipients,
            throttled: bucket.throttled,
            rate_milli: bucket.requests.saturating_mul(1_000_000) / width_ms,
            median_ms: bucket.median_ms,
            p95_ms: bucket.p95_ms,
            longest_ms: bucket.longest_ms,
        };
        let start = timeline.starts_at.0;
        let since = |at: i64| u64::try_from(at.saturating_sub(start)).unwrap_or(0);
        let rest = |pause: &Pause| Rest {
            from: rfc_3339(pause.from),
            to: rfc_3339(pause.to),
            why: pause.why.word(),
            span_ms: (since(pause.from.0), since(pause.to.0)),
        };
        Self {
            starts_at: rfc_3339(timeline.starts_at),
            bucket_ms: width_ms,
            limit_milli,
            buckets: timeline.buckets.iter().map(bucket).collect(),
            pauses: timeline.pauses.iter().map(rest).collect(),
            other_pauses: timeline.other_pauses,
        }
    }
}

/// What was billed beyond the estimate.
fn cost_difference(plan: &FrozenPlan, standing: &Standing) -> Option<String> {
    let difference = standing.billed?.checked_sub(plan.estimated?)?;
    Some(difference.to_string())
}

/// The smallest of the rates that the plan was made with.
fn limit_milli(plan: &FrozenPlan) -> Option<u64> {
    let account: Account = serde_json::from_str(&plan.provider).ok()?;
    let rates = account.capabilities().and_then(|capabilities| account.rates(&capabilities)).ok()?;
    let milli = |rate: &volley_core::Rate| u64::from(rate.count().get()) * 1_000 / rate.window().as_secs();
    rates.iter().map(milli).min()
}

/// `number` of `all` in percent, to a tenth.
fn tenths(number: u64, all: u64) -> String {
    let tenths = u128::from(number) * 1_000 / u128::from(all.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The beginning of a text that is not ours, with a word on how long it was.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}… ({} bytes in all)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_is_that_of_the_tables() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/numbers/README.md");
        let readme = std::fs::read_to_string(readme).expect("a file");
        assert!(readme.contains(&format!("that of {PHONE_METADATA}")), "{PHONE_METADATA}");
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_tells_its_length() {
        assert_eq!(cut("short"), "short");
        let long = cut(&"é".repeat(1 << 20));
        assert!(long.chars().count() < 340 && long.ends_with("… (2097152 bytes in all)"), "{long}");
    }

    #[test]
    fn reasons_without_end_are_counted_together() {
        let mut count = Count::default();
        (0..1_000).for_each(|number| count.because("refused", number.to_string()));
        count.because("refused", "7".to_owned());
        assert_eq!(count.reasons.len(), MOST_REASONS);
        assert_eq!(count.reasons.values().sum::<u64>() + count.other_reasons["refused"], 1_001);
    }

    #[test]
    fn a_share_is_told_to_a_tenth() {
        for (number, all, percent) in [(0, 0, "0.0"), (1_916, 2_000, "95.8"), (2, 3, "66.6"), (5, 5, "100.0")]
        {
            assert_eq!(tenths(number, all), percent);
        }
    }
}
