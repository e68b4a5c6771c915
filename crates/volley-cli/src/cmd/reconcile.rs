//! `volley reconcile`: what was planned, answered and billed, and why that is not the same.

mod differences; // every differing message as CSV
mod report; // what people and scripts read

use crate::{
    account,
    cmd::Voice,
    fault::Fault,
    output::{self, Screen},
};
use differences::DifferenceFile;
use std::{collections::HashSet, fmt::Display, mem, path::Path};
use volley_core::{
    AmountTooLarge, Bill, BillId, BilledMessage, Cause, Clerk, Comparison, Difference, Due, Micros,
    MoneyFault, Msisdn, OtherLines, RateCard, Reconciler, Reconciliation, RequestAnswer, decimals_of,
};
use volley_journal::{AttemptId, BillLine, FrozenPlan, JournalReader, RequestBill, RequestFate};
use volley_plan::BillFile;

/// The exit code of a difference without a cause.
const REMAINDER: u8 = 13;

/// What the comparison is about, beside its result.
struct Subject<'a> {
    plan: &'a FrozenPlan,
    currency: &'a str,
    /// The provider's unit and what it billed in it, where that is not the rate card's currency.
    other_unit: Option<(&'static str, Micros)>,
    /// What a person should know, a sentence each.
    notes: Vec<String>,
}

pub(crate) fn run(path: &Path, bill: Option<&Path>, csv: Option<&Path>, voice: Voice) -> Result<u8, Fault> {
    output::only_one_on_stdout(&[("--csv", csv)], voice.json)?;
    let reader = JournalReader::open(path)?;
    let plan = reader.plan();
    let (Some(currency), Some(estimated)) = (plan.terms.currency.as_deref(), plan.estimated) else {
        return Err(Fault::usage(format!(
            "{}: the plan has no rate card, so there is nothing to compare with",
            path.display()
        ))
        .hint("name one in [rates] before planning"));
    };
    if let Some(pid) = reader.running()? {
        let what = format!("{} is being sent by process {pid}", path.display());
        return Err(Fault::new(11, what).hint("reconcile it when that is done"));
    }
    let card = card_of(plan, currency).map_err(|what| damaged(path, what))?;
    let mut answers = Answers::read(&reader)?;
    let mut notes: Vec<String> = answers.told_of_open().into_iter().collect();
    let file = bill.map(|bill| volley_plan::load_bill(bill, currency)).transpose();
    let file = file?;
    let survey = Survey::of(&reader, &answers, file.as_ref().is_some_and(|file| file.has_ids))?;
    let on_bill = match (bill, file) {
        (Some(bill), Some(file)) => Some(of_this_campaign(bill, file, &survey, currency, &mut notes)?),
        _ => None,
    };

    let list =
        csv.map(|csv| DifferenceFile::create(csv).map_err(|error| output::not_written("--csv", csv, error)));
    let mut desk = Desk { reader: &reader, list: list.transpose()?, fault: None, csv };
    let requests = mem::take(&mut answers.requests);
    let mut reconciler = Reconciler::new(&card, &plan.profile, requests, survey.decimals, on_bill);
    reader.for_each_bill_line(|line| {
        if desk.fault.is_none() {
            let compared = match message_of(&line, answers.due(&line), &card) {
                Some(message) => {
                    reconciler.message(&message, &mut desk).map_err(|error| too_large(path, error))
                }
                None => Err(damaged(path, format_args!("row {} has no price", line.row.0))),
            };
            desk.fault = desk.fault.take().or(compared.err());
        }
    })?;
    let result = reconciler.finish(estimated, answers.total, &mut desk);
    let result = result.map_err(|error| too_large(path, error))?;
    if let (Some(bill), Some(comparison)) = (bill, &result.estimate_to_bill) {
        check_numbers(bill, comparison, &result)?;
    }
    desk.finish()?;

    let subject = Subject { plan, currency, other_unit: answers.other_unit, notes };
    let exit_code = if result.is_explained() { 0 } else { REMAINDER };
    if voice.json {
        let fault = (!result.is_explained()).then(|| {
            Fault::new(REMAINDER, format!("{}: a remainder has no cause", path.display()))
                .hint("--csv FILE lists every message that differs")
        });
        output::answer(&report::Report::of(&subject, &result, exit_code), fault.as_ref())?;
    } else {
        let screen = if output::is_stdout(csv) { Screen::stderr() } else { Screen::stdout() };
        let shown = report::show(&subject, &result, &screen);
        output::answer_beside(&shown, output::is_stdout(csv), voice.quiet)?;
    }
    Ok(exit_code)
}

/// The plan's prices as the card that they were.
fn card_of(plan: &FrozenPlan, currency: &str) -> Result<RateCard, String> {
    let currency = currency.parse().map_err(|fault: MoneyFault| fault.to_string())?;
    RateCard::new(currency, plan.prices.clone(), plan.rounding).map_err(|fault| fault.to_string())
}

/// The lines of a bill that are about this campaign, and what a person should know about the
/// others.
fn of_this_campaign(
    path: &Path,
    mut file: BillFile,
    survey: &Survey,
    currency: &str,
    notes: &mut Vec<String>,
) -> Result<Bill, Fault> {
    notes.append(&mut file.warnings);
    if file.has_ids {
        match file.bill.leave_out_others(&survey.ids, &survey.in_doubt, &survey.planned) {
            None => notes.push(format!(
                "{}: none of its ids is one that the provider's answers gave; its lines are found by number alone",
                path.display()
            )),
            Some(others) => notes.extend(told_of_others(path, &others, currency)),
        }
    }
    if file.bill.entries().is_empty() {
        return Err(unusable(path, "it has no line about this campaign"));
    }
    Ok(file.bill)
}

/// What a person should know about lines that are not compared. Those with numbers of the plan
/// come first: they may be a second charge.
fn told_of_others(path: &Path, others: &OtherLines, currency: &str) -> Vec<String> {
    let (path, mut told) = (path.display(), Vec::new());
    if others.planned_lines > 0 {
        told.push(format!(
            "{path}: NOT COMPARED, lines for numbers of this campaign under ids that its answers did not give: {}, {} {currency}; they are another campaign's, or charged twice: look at lines {}",
            output::count(others.planned_lines),
            others.planned_amount,
            others.planned_rows
        ));
    }
    if others.lines > 0 {
        told.push(format!(
            "{path}: lines of other campaigns, by their ids and numbers, which are not compared: {}, {} {currency}",
            output::count(others.lines),
            others.amount
        ));
    }
    told
}

/// What the provider's answers say, request by request.
struct Answers {
    requests: Vec<RequestAnswer>,
    /// The ids that the provider gave to requests.
    ids: HashSet<BillId>,
    /// What they charge in all, in the rate card's currency.
    total: Option<Micros>,
    other_unit: Option<(&'static str, Micros)>,
    /// Whether some messages were priced one by one.
    has_own_prices: bool,
    /// Requests without an answer or any other end: the process that sent them was killed.
    open: HashSet<AttemptId>,
    /// How many messages those carried.
    open_messages: u64,
}

impl Answers {
    fn read(reader: &JournalReader) -> Result<Self, Fault> {
        let standing = reader.standing()?;
        let bills = reader.request_bills()?;
        let unit = account::bill_unit(&reader.plan().terms.provider).unwrap_or("unit");
        let answer = |bill: &RequestBill| RequestAnswer {
            id: bill.attempt.0,
            messages: bill.recipients,
            amount: bill.billed,
            parts: bill.segments,
            other_unit: bill.billed.is_none() && bill.billed_units.is_some(),
        };
        let says_something =
            |answer: &RequestAnswer| answer.amount.is_some() || answer.parts.is_some() || answer.other_unit;
        let open = || bills.iter().filter(|bill| bill.fate == RequestFate::Open);
        Ok(Self {
            requests: bills.iter().map(answer).filter(says_something).collect(),
            ids: bills.iter().filter_map(|bill| BillId::of(bill.request_id.as_deref()?)).collect(),
            total: standing.billed,
            other_unit: standing.billed_units.map(|amount| (unit, amount)),
            has_own_prices: bills.iter().any(|bill| bill.fate == RequestFate::Each && bill.billed.is_none()),
            open: open().map(|bill| bill.attempt).collect(),
            open_messages: open().map(|bill| u64::from(bill.recipients)).sum(),
        })
    }

    /// Whether a message is to be paid for. One that an open request carries may have been taken.
    fn due(&self, line: &BillLine) -> Due {
        match line.state {
            "accepted" => Due::Accepted,
            "refused" => Due::Refused,
            "in_doubt" => Due::InDoubt,
            _ if line.attempt.is_some_and(|attempt| self.open.contains(&attempt)) => Due::InDoubt,
            _ => Due::NotSent,
        }
    }

    /// What a person should know about requests without an end.
    fn told_of_open(&self) -> Option<String> {
        (self.open_messages > 0).then(|| {
            format!(
                "the sender was killed while messages were under way, which are in doubt here as after `volley resume`: {}",
                output::count(self.open_messages)
            )
        })
    }
}

/// What has to be known of all messages before the first is compared.
struct Survey {
    ids: HashSet<BillId>,
    in_doubt: HashSet<Msisdn>,
    /// The plan's numbers, where the bill has ids.
    planned: HashSet<Msisdn>,
    /// The most decimals of an amount in an answer.
    decimals: u8,
}

impl Survey {
    /// Runs over the messages only where one of them has something to say.
    fn of(reader: &JournalReader, answers: &Answers, has_ids: bool) -> Result<Self, Fault> {
        let amounts = answers.requests.iter().filter_map(|request| request.amount);
        let decimals = amounts.map(decimals_of).max().unwrap_or_default();
        let mut survey =
            Self { ids: answers.ids.clone(), in_doubt: HashSet::new(), planned: HashSet::new(), decimals };
        if has_ids || answers.has_own_prices {
            reader.for_each_bill_line(|line| {
                survey.decimals = survey.decimals.max(line.billed.map(decimals_of).unwrap_or_default());
                if has_ids {
                    survey.ids.extend(line.provider_id.as_deref().and_then(BillId::of));
                    survey.in_doubt.extend((answers.due(&line) == Due::InDoubt).then_some(line.to));
                    survey.planned.insert(line.to);
                }
            })?;
        }
        Ok(survey)
    }
}

/// A message as the comparison takes it; `None` where the card has no price for it.
fn message_of(line: &BillLine, due: Due, card: &RateCard) -> Option<BilledMessage> {
    Some(BilledMessage {
        row: line.row,
        to: line.to,
        due,
        segments: line.segments,
        price: card.price_of(line.to)?,
        cost: line.price?,
        text: line.text,
        request: line.attempt.map(|attempt| attempt.0),
        answered: line.billed,
        answered_parts: line.billed_segments,
    })
}

/// Looks texts up and writes differences down. What fails is kept until the pass is over.
struct Desk<'a> {
    reader: &'a JournalReader,
    list: Option<DifferenceFile>,
    fault: Option<Fault>,
    csv: Option<&'a Path>,
}

impl Clerk for Desk<'_> {
    fn text(&mut self, id: u32) -> Option<String> {
        match self.reader.text(id) {
            Ok(text) => Some(text),
            Err(error) => {
                self.fault.get_or_insert(error.into());
                None
            }
        }
    }

    fn differs(&mut self, difference: &Difference) {
        let (Some(list), Some(path)) = (&mut self.list, self.csv) else { return };
        if let Err(error) = list.write(difference) {
            self.fault.get_or_insert(output::not_written("--csv", path, error));
        }
    }
}

impl Desk<'_> {
    fn finish(self) -> Result<(), Fault> {
        match (self.fault, self.list, self.csv) {
            (Some(fault), _, _) => Err(fault),
            (None, Some(list), Some(path)) => {
                list.finish().map_err(|error| output::not_written("--csv", path, error))
            }
            (None, _, _) => Ok(()),
        }
    }
}

/// Refuses a bill all of whose numbers are strangers: they are written in another form, or it is
/// another campaign's.
fn check_numbers(bill: &Path, comparison: &Comparison, result: &Reconciliation) -> Result<(), Fault> {
    let strangers = comparison.causes.iter().find(|sum| sum.cause == Cause::NotInCampaign);
    let lines = result.billed.map(|side| side.messages);
    if strangers.map(|sum| sum.messages) == lines {
        return Err(unusable(bill, "none of its numbers is in this campaign"));
    }
    Ok(())
}

fn unusable(bill: &Path, what: &str) -> Fault {
    Fault::usage(format!("{}: {what}", bill.display()))
        .hint("check that its numbers have their country code, and that it is this campaign's bill")
}

fn damaged(journal: &Path, what: impl Display) -> Fault {
    Fault::new(12, format!("{}: {what}", journal.display())).hint("`volley verify` says more")
}

fn too_large(journal: &Path, error: AmountTooLarge) -> Fault {
    Fault::usage(format!("{}: {error}", journal.display())).hint("check the unit of the bill's amounts")
}
