//! A reconciliation as a table for people and as an object for scripts.

use super::Subject;
use crate::output::{self, Screen};
use serde::Serialize;
use std::collections::BTreeMap;
use volley_core::{Cause, CauseSum, Comparison, Micros, Reconciliation, Recount, Side};

/// The result for scripts.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    schema: u8,
    campaign: &'a str,
    plan_hash: String,
    currency: &'a str,
    estimated: Sum,
    /// `null` where the answers named no price in this currency.
    answers: Option<Sum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answers_in_units: Option<Units>,
    /// `null` without a bill.
    bill: Option<Sum>,
    comparisons: Vec<Compared>,
    notes: &'a [String],
    exit_code: u8,
}

#[derive(Serialize)]
struct Sum {
    messages: u64,
    segments: Option<u64>,
    amount: String,
}

#[derive(Serialize)]
struct Units {
    unit: &'static str,
    amount: String,
}

#[derive(Serialize)]
struct Compared {
    from: &'static str,
    to: &'static str,
    difference: String,
    causes: Vec<Explained>,
    remainder: String,
}

#[derive(Serialize)]
struct Explained {
    cause: &'static str,
    meaning: &'static str,
    messages: u64,
    amount: String,
    /// First and last of each range; lines of the bill for `not_in_campaign`.
    rows: Vec<(u32, u32)>,
    more_rows: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    recounted: BTreeMap<&'static str, u64>,
}

impl<'a> Report<'a> {
    pub(super) fn of(subject: &'a Subject<'_>, result: &Reconciliation, exit_code: u8) -> Self {
        Self {
            schema: 1,
            campaign: &subject.plan.terms.campaign,
            plan_hash: subject.plan.hash.whole.to_string(),
            currency: subject.currency,
            estimated: sum(result.estimated),
            answers: result.answered.map(sum),
            answers_in_units: subject
                .other_unit
                .map(|(unit, amount)| Units { unit, amount: amount.to_string() }),
            bill: result.billed.map(sum),
            comparisons: named(result).map(|(from, to, comparison)| compared(from, to, comparison)).collect(),
            notes: &subject.notes,
            exit_code,
        }
    }
}

/// The comparisons that were made, with the words for their two sides.
fn named(result: &Reconciliation) -> impl Iterator<Item = (&'static str, &'static str, &Comparison)> {
    [
        ("estimated", "answers", &result.estimate_to_answers),
        ("estimated", "bill", &result.estimate_to_bill),
        ("answers", "bill", &result.answers_to_bill),
    ]
    .into_iter()
    .filter_map(|(from, to, made)| made.as_ref().map(|made| (from, to, made)))
}

fn sum(side: Side) -> Sum {
    Sum { messages: side.messages, segments: side.parts, amount: side.amount.to_string() }
}

fn compared(from: &'static str, to: &'static str, comparison: &Comparison) -> Compared {
    let explained = |sum: &CauseSum| Explained {
        cause: sum.cause.word(),
        meaning: sum.cause.sentence(),
        messages: sum.messages,
        amount: sum.amount.to_string(),
        rows: sum.rows.ranges().to_vec(),
        more_rows: sum.rows.beyond(),
        recounted: sum.recounted.iter().map(|(way, messages)| (way.word(), *messages)).collect(),
    };
    Compared {
        from,
        to,
        difference: comparison.difference.to_string(),
        causes: comparison.causes.iter().map(explained).collect(),
        remainder: comparison.remainder.to_string(),
    }
}

/// The result for people, laid out for `screen`.
pub(super) fn show(subject: &Subject<'_>, result: &Reconciliation, screen: &Screen) -> String {
    let mut text = format!(
        "{}  {}\n\n{}",
        subject.plan.terms.campaign,
        subject.plan.hash.whole,
        sides(subject, result, screen)
    );
    let has_none = |made: &Option<Comparison>| made.as_ref().is_some_and(|made| made.causes.is_empty());
    let in_the_same_way = has_none(&result.estimate_to_answers) && !has_none(&result.estimate_to_bill);
    for (from, to, comparison) in named(result) {
        if from == "answers" && in_the_same_way && comparison.remainder == Micros::ZERO {
            text.push_str("\nThe bill differs from the answers in the same way.\n");
            continue;
        }
        text.push_str(&format!("\n{}\n", difference(from, to, comparison.difference, subject.currency)));
        if !comparison.causes.is_empty() {
            text.push_str(&causes(comparison, subject.currency, screen));
        }
        text.push_str(&format!("remainder {}\n", comparison.remainder));
    }
    let mut occurring: Vec<Cause> =
        result.comparisons().flat_map(|made| &made.causes).map(|sum| sum.cause).collect();
    occurring.sort_unstable();
    occurring.dedup();
    if !occurring.is_empty() {
        let sentences = occurring.iter().map(|cause| (cause.word(), cause.sentence().to_owned()));
        let sentences = output::Table::of_pairs(sentences);
        text.push_str(&format!("\n{}", sentences.fit(screen)));
    }
    for line in recounts(result) {
        text.push_str(&format!("{line}\n"));
    }
    if !subject.notes.is_empty() {
        text.push('\n');
    }
    for note in &subject.notes {
        text.push_str(&format!("note: {}\n", output::inert(note)));
    }
    text
}

/// The three sums.
fn sides(subject: &Subject<'_>, result: &Reconciliation, screen: &Screen) -> String {
    let mut table = output::Table::new(&["", "Messages", "Segments", subject.currency], &[1, 2, 3]);
    let mut add = |name: &str, side: Side| {
        let segments = side.parts.map_or_else(|| "not said".to_owned(), output::count);
        table.row([name.to_owned(), output::count(side.messages), segments, side.amount.to_string()]);
    };
    add("estimated", result.estimated);
    if let Some(side) = result.answered {
        add("by the answers", side);
    }
    if let Some(side) = result.billed {
        add("by the bill", side);
    }
    let mut text = table.fit(screen);
    match (result.answered, subject.other_unit) {
        (None, Some((unit, amount))) => {
            text.push_str(&format!("The answers are in another unit and not compared: {amount} {unit}s.\n"));
        }
        (None, None) => {
            text.push_str("No answer of the provider names a price, so the answers are not compared.\n");
        }
        (Some(_), _) => {}
    }
    text
}

/// `The bill is 0.1500 THB above the estimate.`
fn difference(from: &str, to: &str, difference: Micros, currency: &str) -> String {
    let from = if from == "estimated" { "estimate" } else { from };
    let is = if to == "answers" { "The answers are" } else { "The bill is" };
    let size = Micros(difference.0.saturating_abs());
    match difference.0 {
        0 => format!("{is} as much as the {from}."),
        1.. => format!("{is} {size} {currency} above the {from}."),
        _ => format!("{is} {size} {currency} below the {from}."),
    }
}

/// The causes of one comparison.
fn causes(comparison: &Comparison, currency: &str, screen: &Screen) -> String {
    let mut table = output::Table::new(&["Cause", "Messages", currency, "Rows"], &[1, 2]);
    for sum in &comparison.causes {
        let rows = match sum.cause {
            Cause::NotInCampaign => format!("on the bill: {}", sum.rows),
            _ => sum.rows.to_string(),
        };
        table.row([sum.cause.word().to_owned(), output::count(sum.messages), sum.amount.to_string(), rows]);
    }
    table.fit(screen)
}

/// How many messages with other parts another way of counting explains: on the bill, or without
/// one in the answers.
fn recounts(result: &Reconciliation) -> Vec<String> {
    let made = result.estimate_to_bill.as_ref().or(result.estimate_to_answers.as_ref());
    let parts = made.and_then(|made| made.causes.iter().find(|sum| sum.cause == Cause::Parts));
    let Some(parts) = parts else { return Vec::new() };
    let line = |(way, messages): (&Recount, &u64)| {
        let (messages, all) = (output::count(*messages), output::count(parts.messages));
        format!("parts: {messages} of {all} are as many as {}", way.sentence())
    };
    parts.recounted.iter().map(line).collect()
}
