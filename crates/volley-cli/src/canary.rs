//! `send --canary N`: what is known of the first recipients before a run, as the lane judges them.

use crate::{fault::Fault, output};
use std::{num::NonZeroU32, path::Path};
use volley_core::{Micros, Rounding, Totals};
use volley_engine::{Canary, Seen};
use volley_journal::{FrozenPlan, JournalReader, Standing};

/// The first `recipients` of the plan in the journal at `path`, with what earlier runs made of them;
/// `None` where nobody asked for it, or they went well.
pub(crate) fn gate(
    recipients: Option<NonZeroU32>,
    plan: &FrozenPlan,
    standing: &Standing,
    path: &Path,
) -> Result<Option<Canary>, Fault> {
    let Some(recipients) = recipients else { return Ok(None) };
    let planned = plan.rows.accepted;
    let recipients = u64::from(recipients.get()).min(planned);
    let Totals { pending, refused, in_doubt, .. } = standing.recipients;
    let settled = planned - pending;
    // Nobody behind them is sent to before they went well.
    if settled > recipients {
        return Ok(None);
    }
    let mut seen = Seen { settled, refused, in_doubt, ..Seen::default() };
    let tolerance = plan.terms.currency.as_ref().map(|_| tolerance(plan.rounding));
    if settled > 0 && tolerance.is_some() {
        // Nothing is open here: what counts against the cap is what was billed, or else planned.
        (seen.bills, seen.billed) = (standing.requests_sent, standing.spent);
        JournalReader::open(path)?.for_each_report_row(|row| {
            if matches!(row.state, "accepted" | "in_doubt") {
                let price = row.price.unwrap_or_default();
                seen.planned = Micros(seen.planned.0.saturating_add(price.0));
            }
        })?;
    }
    Ok(Some(Canary { recipients, seen, tolerance }))
}

/// How far one bill may be from the plan's prices: nothing, where only a total is rounded one unit
/// of its last decimal, since nobody knows how a part of it is.
fn tolerance(rounding: Rounding) -> Micros {
    match rounding {
        Rounding::Total(decimals @ 0..6) => Micros(10_i64.pow(6 - u32::from(decimals))),
        Rounding::Exact | Rounding::PerMessage(_) | Rounding::Total(_) => Micros::ZERO,
    }
}

/// What a person is told before the first request.
pub(crate) fn announced(canary: Canary) -> String {
    format!(
        "canary: {} first; the others if no more than a tenth is refused or in doubt and every bill is as planned",
        output::some(canary.recipients, "recipient")
    )
}

/// What a person is told at the end of a run whose canary went well: somebody behind it was sent to.
pub(crate) fn passed(canary: Canary, planned: u64, standing: &Standing) -> Option<String> {
    let settled = planned - standing.recipients.pending;
    (settled > canary.recipients)
        .then(|| format!("canary: the first {} went well", output::some(canary.recipients, "recipient")))
}
