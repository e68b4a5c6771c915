//! `volley preview`: a dry run. Writes nothing but the rejects that were asked for.

use crate::{
    account::Account,
    args,
    cmd::{self, Voice, history},
    fault::Fault,
    output::{self, Screen},
    progress::Reading,
    signals,
};
use serde::Serialize;
use std::{
    io,
    path::{Path, PathBuf},
};
use volley_core::{Capabilities, Message, PriceId, Schedule};
use volley_plan::{
    Advice, Campaign, Capped, Conditions, Discard, Folding, Offer, PlanError, Preview, Reject, RejectFile,
    Sink, SinkError, WindowFall,
};

pub(crate) fn run(
    campaign: &args::Campaign,
    rejects: Option<&Path>,
    only: Option<PathBuf>,
    advise: bool,
    voice: Voice,
) -> Result<u8, Fault> {
    output::only_one_on_stdout(&[("--rejects", rejects)], voice.json)?;
    signals::stop_between_blocks()?;
    let mut campaign = cmd::load(&campaign.path, &campaign.overrides, None)?;
    campaign.recipients.only = only;
    let account = Account::of(&campaign)?;
    let known = history::known(&campaign)?;
    let capped = known.as_ref().map(|known| &known.capped);
    let pass = Pass { campaign: &campaign, account: &account, rejects, capped, voice };
    let (preview, edits) = if advise {
        let (preview, edits) = pass.run_with(&mut Discard, volley_plan::plan_with_advice)?;
        (preview, Some(edits))
    } else {
        (pass.run(&mut Discard)?, None)
    };
    let fault = (preview.accepted == 0).then(|| super::plan::nobody(&campaign, preview.rows));
    if voice.json {
        let advised = Advised { preview: &preview, window: falls(&preview), advice: edits.as_ref() };
        output::answer(&advised, fault.as_ref())?;
    } else {
        let currency = preview.cost.as_ref().map(|cost| cost.currency.as_str());
        let is_taken = output::is_stdout(rejects);
        let screen = if is_taken { Screen::stderr() } else { Screen::stdout() };
        let edits = edits.map(|edits| format!("\n{}", output::advice(&edits, currency, &screen)));
        let shown = output::preview(&preview, falls(&preview).as_ref(), &screen);
        let shown = format!("{shown}{}", edits.unwrap_or_default());
        output::answer_beside(&shown, is_taken, voice.quiet)?;
    }
    fault.map_or(Ok(0), |fault| Err(fault.in_answer()))
}

/// How the send window falls for those who would be sent to now, or when their plan says; `None`
/// without one.
pub(crate) fn falls(preview: &Preview) -> Option<WindowFall> {
    let now = super::plan::now();
    let at = preview.terms.send_at.map_or(now, |at| at.max(now));
    preview.hours.as_ref().map(|hours| hours.falls(at))
}

/// The preview's JSON object, with the edits where they were asked for.
#[derive(Serialize)]
struct Advised<'a> {
    #[serde(flatten)]
    preview: &'a Preview,
    /// How the send window falls; the contract's keys are those above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowFall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'a Advice>,
}

/// One run over a campaign's recipients.
pub(crate) struct Pass<'a> {
    pub(crate) campaign: &'a Campaign,
    pub(crate) account: &'a Account,
    /// Where rejects are listed.
    pub(crate) rejects: Option<&'a Path>,
    /// Who is left out because of other campaigns.
    pub(crate) capped: Option<&'a Capped>,
    pub(crate) voice: Voice,
}

impl Pass<'_> {
    /// Hands messages to `sink` and rejects to the file.
    pub(crate) fn run(&self, sink: &mut dyn Sink) -> Result<Preview, Fault> {
        self.run_with(sink, volley_plan::plan)
    }

    /// The same, and gives what `plan` gives.
    fn run_with<T>(
        &self,
        sink: &mut dyn Sink,
        plan: fn(&Campaign, &Offer, &Conditions, &mut dyn Sink) -> Result<T, PlanError>,
    ) -> Result<T, Fault> {
        let (campaign, account) = (self.campaign, self.account);
        let capabilities = account.capabilities()?;
        check_settings(campaign, account, &capabilities)?;
        let offer = account.offer(&capabilities, campaign.provider.chunk)?;
        let handed_over = campaign.send_at.filter(|_| capabilities.schedule != Schedule::Never);
        let today = super::sim::today();
        let conditions = Conditions { capped: self.capped, handed_over, ..Conditions::on(today) };
        let reading = Reading::start(&campaign.recipients.input, self.voice);
        let cannot = |path: &Path, error| output::not_written("--rejects", path, error);
        let file = self.rejects.map(|path| RejectFile::create(path).map_err(|error| cannot(path, error)));
        let mut shown = Shown { sink, rejects: file.transpose()?, unwritten: None, reading };
        let planned = plan(campaign, &offer, &conditions, &mut shown).map_err(|error| match error {
            PlanError::Sink(_) if signals::is_to_stop_reading() => {
                Fault::new(signals::INTERRUPTED, "stopped; nothing was planned and nothing was sent")
            }
            error => match self.rejects.zip(shown.unwritten.take()) {
                Some((path, error)) => cannot(path, error),
                None => error.into(),
            },
        })?;
        if let Some((path, file)) = self.rejects.zip(shown.rejects) {
            file.finish().map_err(|error| cannot(path, error))?;
        }
        Ok(planned)
    }
}

/// What the campaign asks of its provider that cannot be had.
fn check_settings(campaign: &Campaign, account: &Account, capabilities: &Capabilities) -> Result<(), Fault> {
    let file = campaign.path.display();
    let (provider, sources) = (&account.protocol, &capabilities.sources);
    if let Err(fault) = capabilities.sender.check(campaign.sender.as_deref()) {
        return Err(Fault::usage(format!("{file}: sender: {fault} ({provider}: {})", sources.sender)));
    }
    if let Some(Err(fault)) = campaign.send_at.map(|at| capabilities.schedule.check(at, super::plan::now())) {
        return Err(Fault::usage(format!("{file}: schedule: {fault} ({provider}: {})", sources.schedule)));
    }
    account.try_a_request(campaign.sender.as_deref(), campaign.send_at)?;
    let (least, max) = (campaign.message.template.least_characters(), capabilities.profile.max_characters);
    if let Some(max) = max.filter(|max| least > *max && campaign.message.folding == Folding::Off) {
        return Err(Fault::usage(format!(
            "{file}: message: the text has {least} characters before any value, this provider takes {max} ({provider}: {})",
            sources.text
        )));
    }
    if campaign.limits.max_cost.is_some() && campaign.rates.is_none() {
        return Err(Fault::usage(format!("{file}: limits.max_cost needs prices to count with"))
            .hint("name a rate card in [rates], or remove it"));
    }
    if account.is_sim() && campaign.provider.base_url.is_some() {
        return Err(Fault::usage(format!(
            "{file}: provider.base_url does not go with kind = \"sim\", which runs inside this process"
        ))
        .hint(format!("use kind = \"{}\" for a gateway elsewhere", account.protocol)));
    }
    Ok(())
}

/// Hands messages on, writes rejects to a file where one is asked for, and shows how far it is.
struct Shown<'a> {
    sink: &'a mut dyn Sink,
    rejects: Option<RejectFile>,
    /// Why that file could not be written.
    unwritten: Option<io::Error>,
    reading: Reading,
}

impl Sink for Shown<'_> {
    fn takes_messages(&self) -> bool {
        self.sink.takes_messages()
    }

    fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), SinkError> {
        self.sink.message(message, price)
    }

    fn reject(&mut self, reject: &Reject) -> Result<(), SinkError> {
        if let Some(file) = &mut self.rejects
            && let Err(error) = file.write(reject)
        {
            self.unwritten = Some(error);
            return Err(SinkError::new("the rejects cannot be written"));
        }
        self.sink.reject(reject)
    }

    fn read(&mut self, bytes: u64, size: Option<u64>) -> Result<(), SinkError> {
        if signals::is_to_stop_reading() {
            return Err(SinkError::new("a signal"));
        }
        self.reading.is_at(bytes, size);
        Ok(())
    }
}
