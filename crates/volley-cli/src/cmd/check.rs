//! `volley check`: reads and validates everything; sends and writes nothing.

use crate::{
    account::Account,
    args,
    cmd::{
        self, Voice,
        preview::{Pass, falls},
    },
    fault::Fault,
    output,
};
use serde::Serialize;
use std::collections::BTreeMap;
use volley_core::{Capabilities, Schedule};
use volley_plan::{Discard, Reason, WindowFall};

#[derive(Serialize)]
struct Checked {
    schema: u8,
    campaign: String,
    provider: String,
    rows: u64,
    accepted: u64,
    rejected: BTreeMap<&'static str, u64>,
    number_columns: Vec<String>,
    variables: Vec<String>,
    unused_columns: Vec<String>,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowFall>,
}

pub(crate) fn run(campaign: &args::Campaign, voice: Voice) -> Result<u8, Fault> {
    let campaign = cmd::load(&campaign.path, &campaign.overrides, None)?;
    let account = Account::of(&campaign)?;
    // Before the list, which may be long.
    account.check_secrets()?;
    let known = super::history::known(&campaign)?;
    let capped = known.as_ref().map(|known| &known.capped);
    let pass = Pass { campaign: &campaign, account: &account, rejects: None, capped, voice };
    let preview = pass.run(&mut Discard)?;
    let capabilities = account.capabilities()?;
    if let Some(rows) = preview.rejected.get(Reason::Destination.word()) {
        let Capabilities { destinations, sources, .. } = &capabilities;
        let reached: Vec<String> = destinations.prefixes.iter().map(|prefix| format!("+{prefix}")).collect();
        return Err(Fault::usage(format!(
            "{}: {}: this provider reaches {} alone ({}: {})",
            campaign.recipients.input,
            output::some(*rows, "number"),
            reached.join(" and "),
            account.protocol,
            sources.destinations,
        ))
        .hint("leave them out with recipients.allow, or send them through another provider"));
    }
    if preview.accepted == 0 {
        return Err(super::plan::nobody(&campaign, preview.rows));
    }
    let mut warnings = preview.warnings.clone();
    if let Some(at) = campaign.send_at.filter(|_| capabilities.schedule == Schedule::Never) {
        warnings.push(format!(
            "{} cannot be handed a time: `volley send` has to run until {} and sends nothing earlier",
            account.protocol,
            cmd::rfc_3339(at)
        ));
    }
    let checked = Checked {
        schema: 1,
        campaign: campaign.name.clone(),
        provider: account.protocol.clone(),
        rows: preview.rows,
        accepted: preview.accepted,
        rejected: preview.rejected.clone(),
        number_columns: preview.columns.number.clone(),
        variables: preview.columns.variables.clone(),
        unused_columns: preview.columns.unused.clone(),
        warnings,
        window: falls(&preview),
    };
    if voice.json {
        output::json(&checked)?;
    } else {
        show(&checked, voice);
    }
    Ok(0)
}

fn show(checked: &Checked, voice: Voice) {
    for warning in &checked.warnings {
        output::talk(false, &format!("warning: {}", output::inert(warning)));
    }
    if !checked.unused_columns.is_empty() {
        let columns = output::inert(&checked.unused_columns.join(", "));
        output::talk(voice.quiet, &format!("columns not used: {columns}"));
    }
    for (reason, rows) in &checked.rejected {
        output::talk(voice.quiet, &format!("left out: {} ({reason})", output::some(*rows, "row")));
    }
    if let Some(falls) = &checked.window {
        output::talk(voice.quiet, &format!("send window: {}", output::window(falls)));
    }
    let (accepted, rows) = (output::count(checked.accepted), output::count(checked.rows));
    output::talk(
        voice.quiet,
        &format!("{}: {accepted} of {rows} rows can be sent through {}", checked.campaign, checked.provider),
    );
}
