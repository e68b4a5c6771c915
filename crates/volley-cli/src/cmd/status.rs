//! `volley status`, and the object that ends `send` and `resume`.

use crate::{
    account::{self, Account},
    cmd::{self, Voice},
    fault::Fault,
    output,
};
use serde::Serialize;
use std::path::Path;
use volley_core::{Deliveries, Totals, Zones};
use volley_journal::{
    CancelResult, Cancellation, FrozenPlan, Journal, JournalReader, SqliteJournal, Standing,
};
use volley_plan::{PlannedHours, WindowFall};

/// The contract's status object.
#[derive(Serialize)]
pub(crate) struct Status {
    schema: u8,
    pub(crate) campaign: String,
    pub(crate) plan_hash: String,
    pub(crate) state: &'static str,
    pub(crate) recipients: Recipients,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivery: Option<Delivery>,
    /// Recipients whose request was taken back at the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cancelled: Option<u64>,
    pub(crate) requests: Requests,
    pub(crate) cost: Option<Cost>,
    pub(crate) exit_code: u8,
    /// When it is to be sent, where its plan says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) send_at: Option<String>,
    /// How the send window falls for whoever is pending; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowFall>,
}

#[derive(Serialize)]
pub(crate) struct Recipients {
    pub(crate) pending: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) in_doubt: u64,
}

#[derive(Serialize)]
pub(crate) struct Delivery {
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) unknown: u64,
}

#[derive(Serialize)]
pub(crate) struct Requests {
    pub(crate) sent: u64,
    pub(crate) throttled: u64,
    pub(crate) retried: u64,
}

#[derive(Serialize)]
pub(crate) struct Cost {
    pub(crate) currency: String,
    pub(crate) estimated: String,
    pub(crate) billed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) billed_units: Option<BilledUnits>,
}

#[derive(Serialize)]
pub(crate) struct BilledUnits {
    pub(crate) unit: &'static str,
    pub(crate) amount: String,
}

impl Status {
    /// `running`: a process is sending right now.
    pub(crate) fn of(plan: &FrozenPlan, standing: &Standing, running: bool) -> Self {
        let Totals { pending, accepted, refused, in_doubt } = standing.recipients;
        let (state, exit_code) = if running {
            ("running", 0)
        } else if pending == 0 {
            ("done", settled_exit_code(standing.recipients))
        } else if standing.requests_sent == 0 && standing.last_exit_code.is_none() {
            ("planned", 0)
        } else {
            // A run that was killed left no exit code; resuming is what it takes.
            ("paused", standing.last_exit_code.unwrap_or(5))
        };
        Self {
            schema: 1,
            campaign: plan.terms.campaign.clone(),
            plan_hash: plan.hash.whole.to_string(),
            state,
            recipients: Recipients { pending, accepted, refused, in_doubt },
            delivery: None,
            cancelled: None,
            requests: Requests {
                sent: standing.requests_sent,
                throttled: standing.requests_throttled,
                retried: standing.requests_retried,
            },
            cost: cost(plan, standing),
            exit_code,
            send_at: plan.terms.send_at.map(cmd::rfc_3339),
            window: None,
        }
    }

    /// The same for a journal that is looked at, with deliveries where reports were asked for.
    pub(crate) fn read(reader: &JournalReader, running: bool) -> Result<Self, Fault> {
        let delivery = reader.deliveries()?.map(|Deliveries { delivered, failed, unknown }| Delivery {
            delivered,
            failed,
            unknown,
        });
        let taken_back =
            |one: &&Cancellation| matches!(one.result, CancelResult::Done | CancelResult::Already);
        let cancelled = reader.cancellations()?;
        let cancelled = cancelled.iter().filter(taken_back).map(|one| u64::from(one.recipients)).sum();
        Ok(Self {
            delivery,
            cancelled: Some(cancelled).filter(|cancelled| *cancelled > 0),
            window: window(reader)?,
            ..Self::of(reader.plan(), &reader.standing()?, running)
        })
    }

    /// The same in a few lines for people.
    pub(crate) fn show(&self) -> String {
        let Recipients { pending, accepted, refused, in_doubt } = &self.recipients;
        let counts =
            [("accepted", accepted), ("refused", refused), ("in doubt", in_doubt), ("pending", pending)];
        let counts = counts.map(|(word, number)| format!("{} {word}", output::count(*number))).join(", ");
        let Requests { sent, throttled, retried } = self.requests;
        let mut text = format!(
            "{}: {}\n{counts} of {}\n{} requests, {throttled} throttled, {retried} retried\n",
            self.campaign,
            self.state,
            output::count(pending + accepted + refused + in_doubt),
            output::count(sent),
        );
        if let Some(at) = &self.send_at {
            text.push_str(&format!("scheduled for {at}\n"));
        }
        if let Some(falls) = &self.window {
            text.push_str(&format!("send window: {}\n", output::window(falls)));
        }
        if let Some(Delivery { delivered, failed, unknown }) = &self.delivery {
            let counts = [("delivered", delivered), ("failed", failed), ("not known", unknown)];
            let counts = counts.map(|(word, number)| format!("{} {word}", output::count(*number)));
            text.push_str(&format!("{}\n", counts.join(", ")));
        }
        if let Some(cancelled) = self.cancelled {
            text.push_str(&format!("{} taken back at the provider\n", output::some(cancelled, "recipient")));
        }
        if let Some(cost) = &self.cost {
            let billed = match (&cost.billed, &cost.billed_units) {
                (Some(billed), _) => format!("billed {billed}"),
                (None, Some(units)) => format!("billed {} {}s", units.amount, units.unit),
                (None, None) if sent == 0 => "nothing billed".to_owned(),
                (None, None) => "the provider gave no price".to_owned(),
            };
            text.push_str(&format!("{} {} estimated, {billed}\n", cost.currency, cost.estimated));
        }
        text
    }
}

/// How the send window falls for those who are pending; `None` where texts may go at any hour, or
/// nobody is.
pub(super) fn window(reader: &JournalReader) -> Result<Option<WindowFall>, Fault> {
    let plan = reader.plan();
    let account: Option<Account> = serde_json::from_str(&plan.provider).ok();
    let window = account.map(|account| account.window()).transpose()?.flatten();
    let Some(window) = window.filter(|_| reader.standing().is_ok_and(|one| one.recipients.pending > 0))
    else {
        return Ok(None);
    };
    let mut pending = PlannedHours::new(window);
    reader.for_each_report_row(|row| {
        if row.state == "pending" {
            pending.add(Zones::of(row.to));
        }
    })?;
    let now = super::plan::now();
    Ok(Some(pending.falls(plan.terms.send_at.map_or(now, |at| at.max(now)))))
}

/// The exit code of a campaign with nobody pending.
pub(crate) fn settled_exit_code(totals: Totals) -> u8 {
    match totals {
        Totals { in_doubt: 1.., .. } => 6,
        Totals { refused: 1.., .. } => 3,
        Totals { .. } => 0,
    }
}

/// The exit code of a journal at rest: what resuming it would begin with.
pub(crate) fn resting(journal: &SqliteJournal) -> u8 {
    let totals = journal.standing().recipients;
    if totals.pending > 0 {
        journal.standing().last_exit_code.filter(|code| *code != 0).unwrap_or(5)
    } else {
        settled_exit_code(totals)
    }
}

fn cost(plan: &FrozenPlan, standing: &Standing) -> Option<Cost> {
    let units = standing.billed_units.and_then(|amount| {
        let account: Account = serde_json::from_str(&plan.provider).ok()?;
        let unit = account::bill_unit(&account.protocol)?;
        let amount = amount.to_string();
        let amount = amount.trim_end_matches('0').trim_end_matches('.').to_owned();
        Some(BilledUnits { unit, amount })
    });
    Some(Cost {
        currency: plan.terms.currency.clone()?,
        estimated: plan.estimated?.to_string(),
        billed: standing.billed.map(|billed| billed.to_string()),
        billed_units: units,
    })
}

pub(crate) fn run(path: &Path, voice: Voice) -> Result<u8, Fault> {
    let reader = JournalReader::open(path)?;
    let running = reader.running()?.is_some();
    let status = Status::read(&reader, running)?;
    if voice.json {
        output::json(&status)?;
    } else {
        print(&status.show())?;
    }
    Ok(0)
}

/// People's text that is the command's answer, on stdout.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = output::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}
