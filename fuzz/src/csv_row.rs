//! The laws of the planner's pass over a list.

use jiff::civil;
use std::{cell::LazyCell, collections::BTreeSet, fs};
use tempfile::TempDir;
use volley_core::{Batch, Message, Micros, PriceId};
use volley_plan::{
    Campaign, Duplicates, InputEncoding, Offer, Overrides, PlanError, Preview, Reject, Sink, SinkError,
};

/// Two prices, so that some numbers have none.
const RATES: &str = "prefix,price,currency\n61,0.05,AUD\n66,0.0123,AUD\n";
/// Never to be sent to.
const OPTED_OUT: u64 = 61_491_570_110;
const MAX_SEGMENTS: u32 = 2;
/// Recipients a request.
const CHUNK: u32 = 2;
/// Requests at the same time.
const IN_FLIGHT: u32 = 3;

thread_local! {
    static WORLD: LazyCell<World> = LazyCell::new(World::new);
}

/// `data` is a list of recipients: Australian numbers in any column of a usual name, a column
/// `name` for the text, a default for the variable `code`, opt-outs and a rate card beside it.
///
/// Laws: the list is refused with exit code 2 and a message that is safe to show, or every row
/// goes one way and all counts, costs and hashes follow from what the sink was given. A second
/// pass gives the same. `duplicates = "last"` moves rows and loses nobody; `"fail"` stops exactly
/// where there are any. No other encoding of the same bytes breaks the sums.
pub fn csv_row(data: &[u8]) {
    WORLD.with(|world| {
        crate::write_anew(&world.folder.path().join("list.csv"), data);
        let first = world.pass(Duplicates::First, InputEncoding::Auto);
        let again = world.pass(Duplicates::First, InputEncoding::Auto);
        let last = world.pass(Duplicates::Last, InputEncoding::Auto);
        let fail = world.pass(Duplicates::Fail, InputEncoding::Auto);
        match first {
            Ok((preview, taken)) => {
                let (same, taken_again) = again.expect("a list that is read once is read twice");
                assert_eq!(json(&preview), json(&same), "the same list twice");
                assert_eq!(taken, taken_again, "the same list twice");
                let (moved, taken_last) = last.expect("the last of each number, where the first is known");
                judge_last(&preview, &taken, &moved, &taken_last);
                judge_fail(&preview, &fail);
            }
            Err(error) => {
                for other in [again, last] {
                    let other = other.expect_err("refused once, refused always").to_string();
                    assert_eq!(error.to_string(), other, "refused for one reason");
                }
                assert!(fail.is_err(), "refused once, refused always");
            }
        }
        for encoding in [InputEncoding::Windows874, InputEncoding::Utf16Be] {
            drop(world.pass(Duplicates::First, encoding)); // its own sums are judged in it
        }
    });
}

/// A folder with a campaign in it, of which only the list changes.
struct World {
    folder: TempDir,
    campaign: Campaign,
    offer: Offer,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for lists");
        let campaign = format!(
            "name = \"fuzz\"\nprovider.kind = \"sim\"\n[message]\ntext = \"Hi {{{{name}}}}, {{{{code}}}} ends\"\n\
             defaults = {{ code = \"the sale\" }}\nmax_segments = {MAX_SEGMENTS}\n[recipients]\n\
             file = \"list.csv\"\nregion = \"AU\"\nsuppress = [\"optouts.csv\"]\n[rates]\nfile = \"rates.csv\"\n"
        );
        let optouts = format!("phone\n+{OPTED_OUT}\n");
        let path = folder.path().join("campaign.toml");
        for (name, content) in
            [("campaign.toml", &*campaign), ("optouts.csv", &*optouts), ("rates.csv", RATES)]
        {
            fs::write(folder.path().join(name), content).expect("room for a campaign");
        }
        let kinds: [(&str, &[&str]); 2] = [("transmitsms", &[]), ("sim", &[])];
        let campaign = Campaign::load(&path, &Overrides::default(), &kinds).expect("a good campaign");
        let offer = Offer {
            provider: "transmitsms".to_owned(),
            destinations: volley_core::Destinations::default(),
            batch: Batch::SharedText { max: 500 },
            chunk: CHUNK,
            profile: volley_core::Profile { max_characters: Some(612), ..volley_core::Profile::STANDARD },
            rates: vec!["2/s".parse().expect("a rate")],
            max_in_flight: IN_FLIGHT,
        };
        Self { folder, campaign, offer }
    }

    /// One pass, its own sums judged.
    fn pass(&self, duplicates: Duplicates, encoding: InputEncoding) -> Result<(Preview, Taken), PlanError> {
        let mut campaign = self.campaign.clone();
        campaign.recipients.duplicates = duplicates;
        campaign.recipients.encoding = encoding;
        let mut taken = Taken::default();
        let made = volley_plan::plan(
            &campaign,
            &self.offer,
            &volley_plan::Conditions::on(civil::date(2026, 11, 20)),
            &mut taken,
        );
        match made {
            Ok(preview) => {
                judge(&preview, &taken);
                Ok((preview, taken))
            }
            Err(error) => {
                assert_eq!(error.exit_code(), 2, "{error}");
                crate::assert_inert(&error.to_string());
                Err(error)
            }
        }
    }
}

/// What a sink was given, in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Taken {
    messages: Vec<Kept>,
    /// Row and word.
    rejects: Vec<(u32, &'static str)>,
}

/// One message and its price.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    row: u32,
    to: u64,
    text: String,
    cost: Micros,
}

impl Sink for Taken {
    fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), SinkError> {
        let Message { row, to, text, segments, cost } = message;
        assert_eq!(*segments, volley_core::Profile::STANDARD.count(text), "the segments of the text");
        assert!(segments.count <= MAX_SEGMENTS, "{} segments", segments.count);
        assert!(price.is_some(), "a price beside a rate card");
        let cost = cost.expect("a cost beside a rate card");
        self.messages.push(Kept { row: row.0, to: to.digits(), text: (*text).to_owned(), cost });
        Ok(())
    }

    fn reject(&mut self, reject: &Reject) -> Result<(), SinkError> {
        assert!(reject.original.chars().count() <= 1_001, "a reject that holds the whole row");
        self.rejects.push((reject.row.0, reject.reason.word()));
        Ok(())
    }
}

/// Every row went one way, and what was counted is what the sink was given.
fn judge(preview: &Preview, taken: &Taken) {
    let sum = preview.accepted + preview.duplicates + preview.suppressed + preview.rejected_total();
    assert_eq!(preview.rows, sum, "rows = accepted + duplicates + suppressed + rejected");
    assert_eq!(preview.accepted, taken.messages.len() as u64, "each accepted row is one message");
    assert_eq!(preview.rejected_total(), taken.rejects.len() as u64, "each reject is given once");
    for (word, count) in &preview.rejected {
        let given = taken.rejects.iter().filter(|(_, given)| given == word).count();
        assert_eq!(*count, given as u64, "rejects as {word}");
    }
    assert_eq!(
        preview.accepted,
        preview.encodings.gsm7 + preview.encodings.ucs2,
        "each text has one encoding"
    );

    let numbers = numbers(taken);
    assert_eq!(numbers.len(), taken.messages.len(), "nobody twice");
    assert!(!numbers.contains(&OPTED_OUT), "nobody who opted out");
    let in_order = taken.messages.is_sorted_by(|one, next| one.row < next.row);
    assert!(in_order && taken.rejects.is_sorted_by(|one, next| one.0 < next.0), "in the order of the list");
    let rows: BTreeSet<u32> =
        taken.messages.iter().map(|kept| kept.row).chain(taken.rejects.iter().map(|(row, _)| *row)).collect();
    assert_eq!(rows.len(), taken.messages.len() + taken.rejects.len(), "no row goes two ways");
    assert!(rows.iter().all(|row| (1..=preview.rows).contains(&u64::from(*row))), "rows that the list has");

    let segments: u32 =
        taken.messages.iter().map(|kept| volley_core::Profile::STANDARD.count(&kept.text).count).sum();
    assert_eq!(preview.segments, u64::from(segments), "segments");
    let cost: i64 = taken.messages.iter().map(|kept| kept.cost.0).sum();
    assert_eq!(preview.estimated, Some(Micros(cost)), "cost");
    let by_prefix = &preview.cost.as_ref().expect("a rate card").by_prefix;
    assert_eq!(by_prefix.iter().map(|one| one.share.cost.0).sum::<i64>(), cost, "cost by prefix");

    let most = preview.accepted.min(u64::from(CHUNK * IN_FLIGHT));
    let least = preview.accepted.min(u64::from(IN_FLIGHT));
    assert!((least..=most).contains(&preview.worst_doubt), "{} in doubt at worst", preview.worst_doubt);
    let fewest = preview.accepted.div_ceil(u64::from(CHUNK));
    assert!((fewest..=preview.accepted).contains(&preview.requests), "{} requests", preview.requests);
}

/// The last row of each number is sent to where the first was before.
fn judge_last(first: &Preview, taken: &Taken, last: &Preview, taken_last: &Taken) {
    let ways = |preview: &Preview| {
        (preview.rows, preview.accepted, preview.duplicates, preview.suppressed, preview.rejected.clone())
    };
    assert_eq!(ways(first), ways(last), "the choice of a duplicate moves nobody elsewhere");
    assert_eq!(numbers(taken), numbers(taken_last), "the choice of a duplicate loses nobody");
    assert_eq!(taken.rejects, taken_last.rejects, "the choice of a duplicate rejects nobody");
    for kept in &taken.messages {
        let other = taken_last.messages.iter().find(|other| other.to == kept.to).expect("the same numbers");
        assert!(other.row >= kept.row, "the last row of a number stands before its first");
    }
    if first.duplicates == 0 {
        assert_eq!(first.plan_hash, last.plan_hash, "without duplicates there is no choice");
    }
}

fn judge_fail(first: &Preview, fail: &Result<(Preview, Taken), PlanError>) {
    match fail {
        Ok((preview, _)) => {
            assert_eq!(first.duplicates, 0, "duplicates were let pass");
            assert_eq!(first.plan_hash, preview.plan_hash, "without duplicates there is no choice");
        }
        Err(PlanError::Duplicate { first: one, second, .. }) => {
            assert!(first.duplicates > 0, "there are no duplicates");
            assert!(one < second && u64::from(*second) <= first.rows, "rows {one} and {second}");
        }
        Err(error) => panic!("only duplicates are an error more: {error}"),
    }
}

fn numbers(taken: &Taken) -> BTreeSet<u64> {
    taken.messages.iter().map(|kept| kept.to).collect()
}

fn json(preview: &Preview) -> String {
    serde_json::to_string(preview).expect("plain values")
}
