//! A folder with a campaign in it, and what a pass over it gives.

use std::{fs, path::PathBuf};
use tempfile::TempDir;
use volley_core::{Batch, Message, Micros, PriceId};
use volley_plan::{
    Campaign, CampaignError, Conditions, Input, Offer, Overrides, PlanError, Preview, Reject, Sink,
    SinkError, plan,
};

/// Provider kinds with settings of their own, as a caller of the crate gives them.
pub(crate) const PROVIDERS: [(&str, &[&str]); 4] = [
    ("transmitsms", &["replies_to_email", "validity"]),
    ("mesms", &[]),
    ("fonedynamics", &["property_sid"]),
    ("sim", &["latency"]),
];

/// A folder that is gone with it.
pub(crate) struct World {
    folder: TempDir,
}

/// What a sink was given, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Row, E.164 digits and text.
    pub(crate) messages: Vec<(u32, u64, String)>,
    /// What each message costs.
    pub(crate) costs: Vec<Option<Micros>>,
    /// Row, column, word.
    pub(crate) rejects: Vec<(u32, String, &'static str)>,
}

impl Sink for Taken {
    fn message(&mut self, message: &Message<'_>, _: Option<PriceId>) -> Result<(), SinkError> {
        self.costs.push(message.cost);
        self.messages.push((message.row.0, message.to.digits(), message.text.to_owned()));
        Ok(())
    }

    fn reject(&mut self, reject: &Reject) -> Result<(), SinkError> {
        self.rejects.push((reject.row.0, reject.column.clone(), reject.reason.word()));
        Ok(())
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("written");
    }

    /// Reads `text` as this folder's campaign file, with `overrides`.
    pub(crate) fn load_with(&self, text: &str, overrides: &Overrides) -> Result<Campaign, CampaignError> {
        self.write("spring.toml", text);
        Campaign::load(&self.path("spring.toml"), overrides, &PROVIDERS)
    }

    /// A campaign to `list.csv` in Australia; `extra` are more lines of `[recipients]` and
    /// whatever sections follow.
    pub(crate) fn campaign(&self, text: &str, extra: &str) -> Campaign {
        let toml = format!(
            "name = \"spring-sale\"\nprovider.kind = \"transmitsms\"\nmessage.text = \"\"\"{text}\"\"\"\n\
             [recipients]\nfile = \"list.csv\"\nregion = \"AU\"\n{extra}"
        );
        self.load_with(&toml, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// One pass over a list of this name, whose ending says what it is.
    pub(crate) fn pass_of(
        name: &str,
        list: impl AsRef<[u8]>,
        text: &str,
        extra: &str,
    ) -> Result<(Preview, Taken), PlanError> {
        let world = Self::new();
        world.write(name, list);
        let mut campaign = world.campaign(text, extra);
        campaign.recipients.input = Input::File(world.path(name));
        run(&campaign, &offer())
    }

    /// One pass over `list`, everything else as it comes by default.
    pub(crate) fn pass(
        list: impl AsRef<[u8]>,
        text: &str,
        extra: &str,
    ) -> Result<(Preview, Taken), PlanError> {
        let world = Self::new();
        world.write("list.csv", list);
        let campaign = world.campaign(text, extra);
        run(&campaign, &offer())
    }
}

/// A pass over a campaign on 20 November 2026.
pub(crate) fn run(campaign: &Campaign, offer: &Offer) -> Result<(Preview, Taken), PlanError> {
    let mut taken = Taken::default();
    let preview = run_into(&mut taken, campaign, offer)?;
    assert_eq!(preview.accepted, taken.messages.len() as u64, "each accepted row is one message");
    assert_eq!(preview.rejected_total(), taken.rejects.len() as u64, "each reject is given once");
    Ok((preview, taken))
}

/// The same into a sink of the caller's own.
pub(crate) fn run_into(
    sink: &mut dyn Sink,
    campaign: &Campaign,
    offer: &Offer,
) -> Result<Preview, PlanError> {
    plan(campaign, offer, &Conditions::on(jiff::civil::date(2026, 11, 20)), sink)
}

/// A provider that takes 500 recipients a request, all of one text, twice a second.
pub(crate) fn offer() -> Offer {
    Offer {
        provider: "transmitsms".to_owned(),
        destinations: volley_core::Destinations::default(),
        batch: Batch::SharedText { max: 500 },
        chunk: 500,
        profile: volley_core::Profile::STANDARD,
        rates: vec!["2/s".parse().expect("a rate")],
        max_in_flight: 8,
    }
}
