//! `volley preview`: a dry run. Writes nothing but the rejects that were asked for.

use crate::{
    account::Account,
    args,
    cmd::{self, Voice},
    fault::Fault,
    output,
};
use std::path::Path;
use volley_core::{Message, PriceId};
use volley_plan::{Campaign, Discard, Preview, Reject, RejectWriter, Sink, SinkError};

pub(crate) fn run(campaign: &args::Campaign, rejects: Option<&Path>, voice: Voice) -> Result<u8, Fault> {
    let campaign = cmd::load(&campaign.path, &campaign.overrides, None)?;
    let preview = pass(&campaign, &Account::of(&campaign), rejects, &mut Discard)?;
    if voice.json {
        output::json(&preview)?;
    } else {
        super::status::print(&output::preview(&preview))?;
    }
    if preview.accepted == 0 {
        return Err(super::plan::nobody(&campaign, preview.rows));
    }
    Ok(0)
}

/// Runs over the campaign's recipients once, handing messages to `sink` and rejects to the file.
pub(crate) fn pass(
    campaign: &Campaign,
    account: &Account,
    rejects: Option<&Path>,
    sink: &mut dyn Sink,
) -> Result<Preview, Fault> {
    let capabilities = account.capabilities()?;
    check_sender(campaign, account, &capabilities)?;
    let offer = account.offer(&capabilities, campaign.provider.chunk)?;
    let today = super::sim::today();
    let Some(path) = rejects else { return Ok(volley_plan::plan(campaign, &offer, today, sink)?) };
    let cannot = |error: std::io::Error| Fault::usage(format!("--rejects {}: {error}", path.display()));
    let file = RejectWriter::create(path).map_err(cannot)?;
    let mut both = WithRejects { sink, file };
    let preview = volley_plan::plan(campaign, &offer, today, &mut both)?;
    both.file.finish().map_err(cannot)?;
    Ok(preview)
}

/// Whether the provider takes the campaign's sender and schedule.
pub(crate) fn check_sender(
    campaign: &Campaign,
    account: &Account,
    capabilities: &volley_core::Capabilities,
) -> Result<(), Fault> {
    capabilities.sender.check(campaign.sender.as_deref()).map_err(|fault| {
        Fault::usage(format!("{}: sender: {fault} ({})", campaign.path.display(), account.protocol))
    })
}

/// Hands messages on and writes rejects to a file.
struct WithRejects<'a, W: std::io::Write> {
    sink: &'a mut dyn Sink,
    file: RejectWriter<W>,
}

impl<W: std::io::Write> Sink for WithRejects<'_, W> {
    fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), SinkError> {
        self.sink.message(message, price)
    }

    fn reject(&mut self, reject: &Reject) -> Result<(), SinkError> {
        self.file.write(reject).map_err(SinkError::new)?;
        self.sink.reject(reject)
    }
}
