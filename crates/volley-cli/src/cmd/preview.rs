//! `volley preview`: a dry run. Writes nothing but the rejects that were asked for.

use crate::{
    account::Account,
    args,
    cmd::{self, Voice, history},
    fault::Fault,
    output,
};
use serde::Serialize;
use std::path::Path;
use volley_core::{Capabilities, Message, PriceId};
use volley_plan::{
    Advice, Campaign, Capped, Conditions, Discard, Offer, PlanError, Preview, Reject, RejectFile, Sink,
    SinkError,
};

pub(crate) fn run(
    campaign: &args::Campaign,
    rejects: Option<&Path>,
    advise: bool,
    voice: Voice,
) -> Result<u8, Fault> {
    let campaign = cmd::load(&campaign.path, &campaign.overrides, None)?;
    let account = Account::of(&campaign);
    let known = history::known(&campaign)?;
    let capped = known.as_ref().map(|known| &known.capped);
    let (preview, edits) = if advise {
        let plan = volley_plan::plan_with_advice;
        let (preview, edits) = pass_with(&campaign, &account, rejects, capped, &mut Discard, plan)?;
        (preview, Some(edits))
    } else {
        (pass(&campaign, &account, rejects, capped, &mut Discard)?, None)
    };
    if voice.json {
        output::json(&Advised { preview: &preview, advice: edits.as_ref() })?;
    } else {
        let currency = preview.cost.as_ref().map(|cost| cost.currency.as_str());
        let edits = edits.map(|edits| format!("\n{}", output::advice(&edits, currency)));
        super::status::print(&format!("{}{}", output::preview(&preview), edits.unwrap_or_default()))?;
    }
    if preview.accepted == 0 {
        return Err(super::plan::nobody(&campaign, preview.rows));
    }
    Ok(0)
}

/// The preview's JSON object, with the edits where they were asked for.
#[derive(Serialize)]
struct Advised<'a> {
    #[serde(flatten)]
    preview: &'a Preview,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'a Advice>,
}

/// Runs over the campaign's recipients once, without those who are `capped`, handing messages to
/// `sink` and rejects to the file.
pub(crate) fn pass(
    campaign: &Campaign,
    account: &Account,
    rejects: Option<&Path>,
    capped: Option<&Capped>,
    sink: &mut dyn Sink,
) -> Result<Preview, Fault> {
    pass_with(campaign, account, rejects, capped, sink, volley_plan::plan)
}

/// The same, and gives what `plan` gives.
fn pass_with<T>(
    campaign: &Campaign,
    account: &Account,
    rejects: Option<&Path>,
    capped: Option<&Capped>,
    sink: &mut dyn Sink,
    plan: fn(&Campaign, &Offer, &Conditions, &mut dyn Sink) -> Result<T, PlanError>,
) -> Result<T, Fault> {
    let capabilities = account.capabilities()?;
    check_settings(campaign, account, &capabilities)?;
    let offer = account.offer(&capabilities, campaign.provider.chunk)?;
    let conditions = Conditions { capped, ..Conditions::on(super::sim::today()) };
    let Some(path) = rejects else { return Ok(plan(campaign, &offer, &conditions, sink)?) };
    let cannot = |error: std::io::Error| Fault::usage(format!("--rejects {}: {error}", path.display()));
    let file = RejectFile::create(path).map_err(cannot)?;
    let mut both = WithRejects { sink, file };
    let planned = plan(campaign, &offer, &conditions, &mut both)?;
    both.file.finish().map_err(cannot)?;
    Ok(planned)
}

/// What the campaign asks of its provider that cannot be had.
fn check_settings(campaign: &Campaign, account: &Account, capabilities: &Capabilities) -> Result<(), Fault> {
    let file = campaign.path.display();
    if let Err(fault) = capabilities.sender.check(campaign.sender.as_deref()) {
        return Err(Fault::usage(format!("{file}: sender: {fault} ({})", account.protocol)));
    }
    if campaign.limits.max_cost.is_some() && campaign.rates.is_none() {
        return Err(Fault::usage(format!(
            "{file}: limits.max_cost needs prices to count with; name a rate card in [rates], or remove it"
        )));
    }
    if account.is_sim() && campaign.provider.base_url.is_some() {
        return Err(Fault::usage(format!(
            "{file}: provider.base_url does not go with kind = \"sim\", which runs inside this process; use kind = \"{}\" for a gateway elsewhere",
            account.protocol
        )));
    }
    Ok(())
}

/// Hands messages on and writes rejects to a file.
struct WithRejects<'a> {
    sink: &'a mut dyn Sink,
    file: RejectFile,
}

impl Sink for WithRejects<'_> {
    fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), SinkError> {
        self.sink.message(message, price)
    }

    fn reject(&mut self, reject: &Reject) -> Result<(), SinkError> {
        self.file.write(reject).map_err(SinkError::new)?;
        self.sink.reject(reject)
    }
}
