//! Plans a campaign and sends nothing: who would get what, what it would cost, and who is left out.
//!
//! `cargo run -p volley-plan --example plan_without_sending -- data/demo/campaign.toml`
//!
//! Needs no provider and no network: what a provider can do is an [`Offer`], a plain value.

use jiff::civil::{Date, date};
use std::{collections::BTreeMap, env, error::Error, path::Path};
use volley_core::{Batch, Destinations, Message, PriceId, Profile};
use volley_plan::{Campaign, Conditions, Offer, Overrides, Preview, Reject, Sink, SinkError, plan};

/// Prices may change from day to day, and no clock is read here.
const TODAY: Date = date(2026, 11, 20);

/// The kinds of providers that campaign files may name, with the settings of their own.
const KINDS: [(&str, &[&str]); 2] = [("transmitsms", &[]), ("sim", &["latency"])];

fn main() -> Result<(), Box<dyn Error>> {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/demo/campaign.toml");
    let file = env::args().nth(1).unwrap_or_else(|| demo.to_owned());
    let (preview, found) = look(Path::new(&file))?;
    println!(
        "{} rows, {} would get a text of {} segments in all",
        preview.rows, preview.accepted, preview.segments
    );
    if let Some(cost) = &preview.cost {
        println!("it would cost {} {}", cost.total, cost.currency);
    }
    for (reason, rows) in &found.left_out {
        println!("left out, {reason}: {rows}");
    }
    println!("{}", preview.plan_hash);
    Ok(())
}

/// One pass over the list that `campaign` names.
fn look(campaign: &Path) -> Result<(Preview, Found), Box<dyn Error>> {
    let campaign = Campaign::load(campaign, &Overrides::default(), &KINDS)?;
    let mut found = Found::default();
    let preview = plan(&campaign, &offer(), &Conditions::on(TODAY), &mut found)?;
    Ok((preview, found))
}

/// A provider that takes 500 recipients of one text a request, twice a second. A program that sends
/// has all of this from the `Capabilities` of its adapter.
fn offer() -> Offer {
    Offer {
        provider: "transmitsms".to_owned(),
        batch: Batch::SharedText { max: 500 },
        chunk: 500,
        destinations: Destinations::default(),
        profile: Profile::STANDARD,
        rates: "2/s".parse().into_iter().collect(),
        max_in_flight: 8,
    }
}

/// What this program keeps of a pass: here a message could be stored, shown or sent on.
#[derive(Default)]
struct Found {
    /// How many messages there are of each number of segments.
    by_segments: BTreeMap<u32, u64>,
    /// How many rows are left out, by reason.
    left_out: BTreeMap<&'static str, u64>,
}

impl Sink for Found {
    fn message(&mut self, message: &Message<'_>, _: Option<PriceId>) -> Result<(), SinkError> {
        *self.by_segments.entry(message.segments.count).or_default() += 1;
        Ok(())
    }

    fn reject(&mut self, reject: &Reject) -> Result<(), SinkError> {
        *self.left_out.entry(reject.reason.word()).or_default() += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sink_was_given_is_what_the_preview_says() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/demo/campaign.toml");
        let (preview, found) = look(&demo).expect("a plan");
        assert_eq!(found.by_segments.values().sum::<u64>(), preview.accepted);
        assert_eq!(found.left_out, preview.rejected);
        assert!(preview.cost.is_some() && preview.accepted > 0);
    }
}
