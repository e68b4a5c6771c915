//! `volley diff`: what one plan would send otherwise than another.

use crate::{cmd::Voice, fault::Fault, output};
use serde::{Serialize, Serializer};
use std::{
    cmp::Ordering,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    path::Path,
};
use volley_core::{Micros, Msisdn};
use volley_journal::{FrozenPlan, JournalReader};
use volley_plan::ListFile;

/// The exit code where the plans differ.
const DIFFERENT: u8 = 7;

/// The first line of the list of changes.
const HEADER: &str = "number,change,row_before,row_after,cost_before,cost_after\n";

/// What one recipient gets, in 40 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    to: Msisdn,
    row: u32,
    segments: u16,
    /// Tells texts apart; only those of one number are compared.
    text: u64,
    cost: Option<Micros>,
}

/// What became of one recipient.
enum Change<'a> {
    Added(&'a Line),
    Removed(&'a Line),
    /// In both, before and after; whether they get another text, and at another cost.
    Kept {
        before: &'a Line,
        after: &'a Line,
        reworded: bool,
        repriced: bool,
    },
}

/// How many recipients, and what they take.
#[derive(Clone, Copy, Default, Serialize)]
struct Sum {
    recipients: u64,
    segments: i64,
    /// `None` where the two plans have no price or different currencies.
    #[serde(serialize_with = "as_decimal")]
    cost: Option<Micros>,
}

/// One of the two plans.
#[derive(Serialize)]
struct Side {
    campaign: String,
    plan_hash: String,
    recipients: u64,
    segments: u64,
    currency: Option<String>,
    #[serde(serialize_with = "as_decimal")]
    total: Option<Micros>,
}

#[derive(Serialize)]
struct Report {
    schema: u8,
    same: bool,
    /// The parts of the plan hash that differ.
    differs: Vec<&'static str>,
    before: Side,
    after: Side,
    /// What the second plan has and the first has not.
    added: Sum,
    removed: Sum,
    /// Recipients of both with another text; segments and cost are what they take more.
    reworded: Sum,
    /// Recipients of both at another cost, reworded or not.
    repriced: Sum,
    /// Recipients of both who stand in another row.
    moved: u64,
}

pub(crate) fn run(before: &Path, after: &Path, csv: Option<&Path>, voice: Voice) -> Result<u8, Fault> {
    let (one, other) = (JournalReader::open(before)?, JournalReader::open(after)?);
    let differs = other.plan().hash.differences(&one.plan().hash);
    let (lines_before, lines_after) = (lines(&one)?, lines(&other)?);
    let same_money = one.plan().terms.currency == other.plan().terms.currency;
    let mut report = Report {
        schema: 1,
        same: differs.is_empty(),
        differs,
        before: side(one.plan()),
        after: side(other.plan()),
        added: Sum::nothing(same_money),
        removed: Sum::nothing(same_money),
        reworded: Sum::nothing(same_money),
        repriced: Sum::nothing(same_money),
        moved: 0,
    };
    let cannot =
        |path: &Path, error: &io::Error| Fault::unwritten(&format!("--csv {}", path.display()), error);
    let list = csv
        .map(|path| ListFile::create(path, HEADER, "list of changes").map_err(|error| cannot(path, &error)));
    let mut list = list.transpose()?;
    let mut written = Ok(());
    compare(&lines_before, &lines_after, |change| {
        report.count(&change);
        if let Some(list) = &mut list
            && written.is_ok()
        {
            written = write(list, &change);
        }
    });
    if let Some((path, list)) = csv.zip(list) {
        written.and_then(|()| list.finish()).map_err(|error| cannot(path, &error))?;
    }
    if voice.json {
        output::json(&report)?;
    } else {
        super::status::print(&shown(&report))?;
    }
    Ok(if report.same { 0 } else { DIFFERENT })
}

/// Everybody in a plan, by number.
fn lines(reader: &JournalReader) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::with_capacity(usize::try_from(reader.plan().rows.accepted).unwrap_or(0));
    reader.for_each_planned(|planned| {
        let mut hasher = DefaultHasher::new();
        planned.text.hash(&mut hasher);
        lines.push(Line {
            to: planned.to,
            row: planned.row.0,
            segments: planned.segments,
            text: hasher.finish(),
            cost: planned.cost,
        });
    })?;
    lines.sort_unstable_by_key(|line| line.to);
    Ok(lines)
}

/// Shows `see` what became of each recipient of either plan, by number. A plan has each number
/// once.
fn compare<'a>(before: &'a [Line], after: &'a [Line], mut see: impl FnMut(Change<'a>)) {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.to.cmp(&other.to),
        };
        let one = before.next_if(|_| order.is_le());
        let other = after.next_if(|_| order.is_ge());
        see(match (one, other) {
            (Some(before), Some(after)) => {
                let (reworded, repriced) = (before.text != after.text, before.cost != after.cost);
                Change::Kept { before, after, reworded, repriced }
            }
            (Some(line), None) => Change::Removed(line),
            (None, Some(line)) => Change::Added(line),
            (None, None) => return,
        });
    }
}

impl Sum {
    fn nothing(same_money: bool) -> Self {
        Self { cost: same_money.then_some(Micros::ZERO), ..Self::default() }
    }

    /// One recipient more, who took `before` and takes `after`.
    fn add(&mut self, before: Option<&Line>, after: Option<&Line>) {
        let segments = |line: Option<&Line>| line.map_or(0, |line| i64::from(line.segments));
        let cost = |line: Option<&Line>| line.map_or(Some(Micros::ZERO), |line| line.cost);
        self.recipients += 1;
        self.segments += segments(after) - segments(before);
        let more = cost(after).zip(cost(before)).and_then(|(after, before)| after.checked_sub(before));
        self.cost = self.cost.zip(more).and_then(|(sum, more)| sum.checked_add(more));
    }
}

impl Report {
    fn count(&mut self, change: &Change<'_>) {
        match *change {
            Change::Added(line) => self.added.add(None, Some(line)),
            Change::Removed(line) => self.removed.add(None, Some(line)),
            Change::Kept { before, after, reworded, repriced } => {
                self.moved += u64::from(before.row != after.row);
                if reworded {
                    self.reworded.add(Some(before), Some(after));
                }
                if repriced {
                    self.repriced.add(Some(before), Some(after));
                }
            }
        }
    }
}

fn side(plan: &FrozenPlan) -> Side {
    Side {
        campaign: plan.terms.campaign.clone(),
        plan_hash: plan.hash.whole.to_string(),
        recipients: plan.rows.accepted,
        segments: plan.segments,
        currency: plan.terms.currency.clone(),
        total: plan.estimated,
    }
}

/// Writes one line for each recipient who is not the same in both.
fn write(list: &mut ListFile, change: &Change<'_>) -> io::Result<()> {
    let cost = |line: &Line| line.cost.map(|cost| cost.to_string()).unwrap_or_default();
    match *change {
        Change::Added(line) => writeln!(list, "{},added,,{},,{}", line.to, line.row, cost(line)),
        Change::Removed(line) => writeln!(list, "{},removed,{},,{},", line.to, line.row, cost(line)),
        Change::Kept { before, after, reworded, repriced } => {
            let word = match (reworded, repriced) {
                (true, true) => "reworded and repriced",
                (true, false) => "reworded",
                (false, true) => "repriced",
                (false, false) if before.row != after.row => "moved",
                (false, false) => return Ok(()),
            };
            let (rows, costs) = ([before.row, after.row], [cost(before), cost(after)]);
            writeln!(list, "{},{word},{},{},{},{}", before.to, rows[0], rows[1], costs[0], costs[1])
        }
    }
}

/// For people.
fn shown(report: &Report) -> String {
    let Report { before, after, .. } = report;
    let mut text = format!("before  {}\nafter   {}\n", before.plan_hash, after.plan_hash);
    if report.same {
        text.push_str(&format!("The same plan: {}.\n", output::some(after.recipients, "recipient")));
        return text;
    }
    text.push_str(&format!("They differ in: {}.\n\n", report.differs.join("; ")));
    let mut table = output::table(&["", "recipients", "segments", "cost"], &[1, 2, 3]);
    let money = |cost: Option<Micros>| cost.map(|cost| cost.to_string()).unwrap_or_default();
    let whole = |name: &str, side: &Side| {
        let cost = side.total.map(|total| total.to_string()).unwrap_or_default();
        let currency = side.currency.as_deref().unwrap_or_default();
        let cost = format!("{currency} {cost}").trim().to_owned();
        [name.to_owned(), output::count(side.recipients), output::count(side.segments), cost]
    };
    table.add_row(whole("before", before));
    for (name, sum) in [
        ("added", report.added),
        ("removed", report.removed),
        ("reworded", report.reworded),
        ("repriced", report.repriced),
    ] {
        let segments = sum.segments.to_string();
        table.add_row([name.to_owned(), output::count(sum.recipients), segments, money(sum.cost)]);
    }
    table.add_row(["in another row".to_owned(), output::count(report.moved), String::new(), String::new()]);
    table.add_row(whole("after", after));
    text.push_str(&format!("{table}\n"));
    text
}

#[allow(clippy::ref_option)] // serde hands every field over by reference.
fn as_decimal<S: Serializer>(cost: &Option<Micros>, serializer: S) -> Result<S::Ok, S::Error> {
    match cost {
        Some(cost) => serializer.collect_str(cost),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(last: u64, row: u32, text: u64, cost: i64) -> Line {
        let to = Msisdn::from_digits(61_491_570_000 + last).expect("a number");
        Line { to, row, segments: 1, text, cost: Some(Micros(cost)) }
    }

    #[test]
    fn everybody_is_in_one_or_both() {
        let before = [line(1, 1, 7, 5), line(2, 2, 7, 5), line(4, 3, 7, 5), line(5, 4, 7, 5)];
        let after = [line(2, 1, 8, 5), line(3, 2, 7, 5), line(4, 3, 8, 9), line(5, 4, 7, 6)];
        let mut seen = Vec::new();
        compare(&before, &after, |change| {
            seen.push(match change {
                Change::Added(line) => (line.to.digits() % 10, "added", false, false),
                Change::Removed(line) => (line.to.digits() % 10, "removed", false, false),
                Change::Kept { before, reworded, repriced, .. } => {
                    (before.to.digits() % 10, "kept", reworded, repriced)
                }
            });
        });
        let expected = [
            (1, "removed", false, false),
            (2, "kept", true, false),
            (3, "added", false, false),
            (4, "kept", true, true),
            (5, "kept", false, true),
        ];
        assert_eq!(seen, expected);
    }
}
