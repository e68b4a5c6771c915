//! What the benches measure on: recipients, a campaign and a plan, the same on every run.
//!
//! Each bench beside this file measures one hot part, with a yardstick in the same run where
//! there is one. The numbers are made up by position, no two alike, and nobody is sent anything.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};
use tempfile::TempDir;
use volley_core::{
    Batch, Message, Micros, Msisdn, PlanHasher, PlanTerms, Price, PriceId, Profile, Rounding, RowNumber,
    UnixMillis,
};
use volley_journal::{FrozenPlan, PlanError, PlanWriter, RowCounts};
use volley_plan::{Campaign, Offer, Overrides};

/// The instant of everything that is written: 2026-12-01T00:00:00Z.
pub const NOW: UnixMillis = UnixMillis(1_796_083_200_000);

/// What every recipient pays for a segment.
const PRICE: Micros = Micros(51_500);

const NAMES: [&str; 8] = ["Ann", "Bo", "\"Lee, Chai\"", "Zoé", "สมชาย", "Dao", "\"Flo \"\"F\"\" Lim\"", ""];

/// The E.164 digits of recipient `index`, an Australian mobile: +61 491 500 000 and on, for an
/// index below 100,000.
///
/// The numbers that Australia reserves for fiction lie in this range, too few to measure with.
pub fn digits(index: u32) -> u64 {
    61_491_500_000 + u64::from(index)
}

/// Number `index` as one of eight kinds of people and programs write it, all of them valid.
pub fn spelling(index: u32) -> String {
    let international = digits(index).to_string();
    let (prefix, rest) = (&international[2..5], &international[5..]);
    let (middle, last) = rest.split_at(3);
    match index % 8 {
        0..=3 => format!("+{international}"),
        4 => international,
        5 => format!("0{prefix} {middle} {last}"),
        6 => format!("+61 {prefix} {middle} {last}"),
        _ => format!("(0{prefix}) {middle}-{last}"),
    }
}

/// A list of `rows` recipients with the usual mix of spellings: 1 in 50 is the number before
/// it again, 1 in 67 is no number, 1 in 8 has no name.
pub fn list(rows: u32) -> String {
    let mut list = String::from("name,mobile,plan,amount\n");
    for index in 0..rows {
        let name = NAMES[index as usize % NAMES.len()];
        let number = match index {
            _ if index % 67 == 66 => "n/a".to_owned(),
            _ if index % 50 == 49 => spelling(index - 1),
            _ => spelling(index),
        };
        let amount = 19 + index % 40;
        writeln!(list, "{name},{number},Gym,{amount}.00").expect("a string takes everything");
    }
    list
}

/// A folder with a campaign to [`list`] in it: three variables, a rate card, first of duplicates.
///
/// # Panics
/// Where the temporary directory has no room.
pub fn campaign(rows: u32) -> (TempDir, Campaign) {
    const CAMPAIGN: &str = r#"
name = "bench"
[message]
text = "Hi {{name}}, your {{plan}} plan payment of ${{amount}} is due. Reply STOP to opt out."
defaults = { name = "there" }
[recipients]
file = "list.csv"
region = "AU"
[provider]
kind = "mesms"
[rates]
file = "rates.csv"
"#;
    let folder = temporary();
    let path = folder.path().join("bench.toml");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("room");
    write("bench.toml", CAMPAIGN);
    write("list.csv", &list(rows));
    write("rates.csv", "prefix,price,currency\n61,0.0515,AUD\n66,0.0123,AUD\n");
    let campaign =
        Campaign::load(&path, &Overrides::default(), &[("mesms", &[])]).expect("a good campaign file");
    (folder, campaign)
}

/// A provider of one text a recipient, so that a pass does not group.
pub fn offer() -> Offer {
    Offer {
        provider: "mesms".to_owned(),
        destinations: volley_core::Destinations::default(),
        batch: Batch::PerItem { max: 1_000 },
        chunk: 1_000,
        profile: Profile { max_characters: Some(1_000), ..Profile::STANDARD },
        rates: Vec::new(),
        max_in_flight: 4,
    }
}

/// A new folder where the system keeps temporary files; `TMPDIR` names another place.
///
/// # Panics
/// Where there is no room for one.
pub fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Writes `messages` recipients, each with a text of its own, into a new journal at `path`.
pub fn write_plan(path: &Path, messages: u32) -> Result<(), PlanError> {
    let offer = offer();
    let text = |index| {
        format!("Hi, your payment of ${}.00 is due. Reply STOP to opt out. #{index}", 19 + index % 40)
    };
    write_texts(path, messages, offer.batch, offer.chunk, text)
}

/// The same with one text for all, to be sent to `chunk` of them a request.
pub fn write_shared_plan(path: &Path, messages: u32, chunk: u32) -> Result<(), PlanError> {
    let text = |_| "Hi, your payment is due. Reply STOP to opt out.".to_owned();
    write_texts(path, messages, Batch::SharedText { max: 2_000_000 }, chunk, text)
}

fn write_texts(
    path: &Path,
    messages: u32,
    batch: Batch,
    chunk: u32,
    text_of: impl Fn(u32) -> String,
) -> Result<(), PlanError> {
    let mut writer = PlanWriter::create(path, batch)?;
    let mut written = (0, Micros::ZERO);
    let mut hasher = PlanHasher::new(Rounding::Exact);
    for index in 0..messages {
        let text = text_of(index);
        let segments = Profile::STANDARD.count(&text);
        let cost = PRICE.checked_mul(segments.count).expect("a few cents");
        let to = Msisdn::from_digits(digits(index)).expect("eleven digits");
        let message = Message { row: RowNumber(index + 1), to, text: &text, segments, cost: Some(cost) };
        hasher.message(&message);
        writer.message(&message, Some(PriceId(0)))?;
        written = (written.0 + u64::from(segments.count), written.1.checked_add(cost).expect("some dollars"));
    }
    let accepted = u64::from(messages);
    let terms = PlanTerms {
        campaign: "bench".to_owned(),
        sender: Some("ShopAlert".to_owned()),
        provider: offer().provider,
        send_at: None,
        currency: Some("AUD".to_owned()),
        batch,
        chunk,
    };
    let lock = writer.finish(&FrozenPlan {
        hash: hasher.finish(&terms),
        terms,
        created_at: NOW,
        rows: RowCounts { rows: accepted, accepted, duplicates: 0, suppressed: 0, rejected: BTreeMap::new() },
        segments: written.0,
        estimated: Some(written.1),
        rounding: Rounding::Exact,
        profile: volley_core::Profile::STANDARD,
        prices: vec![Price { prefix: "61".to_owned(), per_segment: PRICE, per_message: Micros::ZERO }],
        provider: "{}".to_owned(),
    })?;
    drop(lock);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use volley_journal::{Journal, SqliteJournal};

    #[test]
    fn every_spelling_is_the_number_it_stands_for() {
        for index in (0..100_000).step_by(997).chain(0..64) {
            let parsed = Msisdn::parse(&spelling(index), "AU".parse().ok());
            assert_eq!(parsed.map(|one| one.number.digits()), Ok(digits(index)), "{index}");
        }
    }

    #[test]
    fn a_plan_has_as_many_messages_as_were_asked_for() {
        let folder = temporary();
        let path = folder.path().join("bench.volley");
        write_plan(&path, 120).expect("room");
        let journal = SqliteJournal::open(&path, NOW).expect("a journal");
        assert_eq!(journal.plan().rows.accepted, 120);
    }
}
