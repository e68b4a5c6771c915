//! `volley cancel`: takes back what the provider was handed and has not sent yet.
//!
//! Request by request, each answer durable before the next question. A lost answer is asked for
//! again: who was taken back before is taken back. What was too late is written down too. A request
//! in doubt cannot be named to the provider, so its recipients stay in doubt.

use crate::{
    account::Account,
    cmd::{self, Voice, plan::now, status::print},
    desk::{Desk, unanswered, until_stopped},
    fault::Fault,
    output,
};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};
use volley_core::{Schedule, Totals};
use volley_journal::{CancelResult, Journal, JournalReader, ReceiptBook, SentRequest, SqliteJournal, Write};
use volley_provider::inquiry::Cancelled;

/// The contract's exit codes of this file.
const SOME_REFUSED: u8 = 3;
const PASSING_FAULT: u8 = 5;
const IN_DOUBT: u8 = 6;
const NOTHING_TO_CANCEL: u8 = 9;

#[derive(Default, Serialize)]
struct Report {
    schema: u8,
    campaign: String,
    /// Recipients whose request was taken back, now or before.
    cancelled: u64,
    /// Those of them whose request was taken back before.
    already: u64,
    /// Recipients whose request is being sent, or was.
    too_late: u64,
    /// Recipients of requests that the provider does not know, or says nothing clear of.
    unclear: u64,
    /// Recipients who were handed over or not, so that nobody can take them back.
    in_doubt: u64,
    /// Recipients who were never handed over.
    pending: u64,
}

pub(crate) fn run(path: &Path, voice: Voice) -> Result<u8, Fault> {
    let reader = JournalReader::open(path)?;
    let plan = reader.plan().clone();
    let account = Account::of_journal(path, &plan)?;
    let capabilities = account.capabilities()?;
    if !capabilities.cancels {
        let why = match capabilities.schedule {
            Schedule::Never => "it sends at once, and Volley is what waits; stop `volley send` instead",
            Schedule::Until { .. } => "it has no call for that; look in its web app",
        };
        return Err(Fault::usage(format!("{} cannot take back what it was handed: {why}", account.protocol)));
    }
    if reader.standing()?.requests_sent == 0 {
        let what = format!("{}: nothing was handed over yet", path.display());
        return Err(Fault::new(NOTHING_TO_CANCEL, what).hint("there is nothing to take back"));
    }
    if plan.terms.send_at.is_none() {
        let what = "it had no schedule: what was handed over was sent at once";
        return Err(Fault::new(NOTHING_TO_CANCEL, format!("{}: {what}", path.display()))
            .hint("stop `volley send` to keep the rest back"));
    }
    // From here on nobody else hands anything over.
    let mut journal = SqliteJournal::open(path, now())?;
    let before: BTreeMap<_, _> =
        reader.cancellations()?.into_iter().map(|one| (one.attempt, one.result)).collect();
    drop(reader);
    let requests = ReceiptBook::open(path)?.requests()?;
    let Totals { in_doubt, pending, .. } = journal.standing().recipients;
    let mut desk = Desk::open(&account, &cmd::send::earlier(&mut journal, &account, &capabilities)?)?;
    let mut report =
        Report { schema: 1, campaign: plan.terms.campaign.clone(), in_doubt, pending, ..Report::default() };
    let asked = until_stopped(async {
        for request in &requests {
            let recipients = u64::from(request.recipients);
            let result = match before.get(&request.attempt) {
                Some(done @ (CancelResult::Done | CancelResult::Already)) => {
                    report.already += recipients;
                    *done
                }
                _ => cancel(&mut desk, &mut journal, request).await?,
            };
            report.count(result, recipients);
        }
        Ok::<_, Fault>(())
    });
    let exit_code = match &asked {
        Ok(()) if report.in_doubt > 0 => IN_DOUBT,
        Ok(()) if report.too_late + report.unclear > 0 => SOME_REFUSED,
        Ok(()) => 0,
        Err(fault) => fault.exit_code,
    };
    // What was said is durable already; the end of this run is for `status` alone.
    drop(journal.commit(&[Write::RunEnded { exit_code: cmd::status::resting(&journal), at: now() }]));
    asked?;
    if voice.json {
        output::answer(&report, report.left_over(exit_code, path).as_ref())?;
    } else {
        print(&report.show(path))?;
    }
    Ok(exit_code)
}

/// Asks for one request, and makes the answer durable.
async fn cancel(
    desk: &mut Desk,
    journal: &mut SqliteJournal,
    request: &SentRequest,
) -> Result<CancelResult, Fault> {
    let answer = match &request.request_id {
        Some(id) => desk.ask(|adapter| adapter.cancel(id)).await,
        None => None,
    };
    let result = match answer {
        None => CancelResult::Unclear,
        Some(Err(failure)) => return Err(unanswered("cancel", &failure)),
        Some(Ok(Cancelled::Done)) => CancelResult::Done,
        Some(Ok(Cancelled::Already)) => CancelResult::Already,
        Some(Ok(Cancelled::TooLate)) => CancelResult::TooLate,
        Some(Ok(Cancelled::NotScheduled)) => CancelResult::NotScheduled,
        Some(Ok(Cancelled::Unclear)) => CancelResult::Unclear,
    };
    let write = Write::Cancelled { attempt: request.attempt, result, at: now() };
    journal.commit(&[write]).map_err(|error| Fault::explained(PASSING_FAULT, &error, error.hint()))?;
    Ok(result)
}

impl Report {
    /// Who was not taken back, and what to do; `None` where everybody was.
    fn left_over(&self, exit_code: u8, path: &Path) -> Option<Fault> {
        let path = path.display();
        match exit_code {
            IN_DOUBT => {
                let recipients = output::some(self.in_doubt, "recipient");
                let fault = Fault::new(exit_code, format!("{recipients} in doubt cannot be taken back"));
                Some(fault.hint(format!("see: volley doubt list {path}")))
            }
            SOME_REFUSED => {
                let recipients = output::some(self.too_late + self.unclear, "recipient");
                let fault = Fault::new(exit_code, format!("{recipients} could not be taken back"));
                Some(fault.hint(format!("see who with: volley report {path} --csv FILE")))
            }
            _ => None,
        }
    }

    fn count(&mut self, result: CancelResult, recipients: u64) {
        *match result {
            CancelResult::Done | CancelResult::Already => &mut self.cancelled,
            CancelResult::TooLate | CancelResult::NotScheduled => &mut self.too_late,
            CancelResult::Unclear => &mut self.unclear,
        } += recipients;
    }

    fn show(&self, path: &Path) -> String {
        let mut text = format!("{}: {} taken back", self.campaign, output::some(self.cancelled, "recipient"));
        if self.already > 0 {
            text.push_str(&format!(" ({} of them before)", output::count(self.already)));
        }
        if self.too_late > 0 {
            text.push_str(&format!(", {} too late", output::count(self.too_late)));
        }
        if self.unclear > 0 {
            let unclear = output::count(self.unclear);
            text.push_str(&format!(", {unclear} of whom the provider says nothing clear"));
        }
        text.push('\n');
        if self.in_doubt > 0 {
            let in_doubt = output::some(self.in_doubt, "recipient");
            let path = path.display();
            text.push_str(&format!("{in_doubt} in doubt cannot be taken back: volley doubt probe {path}\n"));
        }
        if self.pending > 0 {
            let pending = output::some(self.pending, "recipient");
            text.push_str(&format!("{pending} were never handed over; `volley resume` would send to them\n"));
        }
        text
    }
}
