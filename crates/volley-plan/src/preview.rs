//! What a pass over a campaign counted.

use crate::{Diagnosis, PlannedHours, Reject};
use jiff::civil::Date;
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, fmt};
use volley_core::{Micros, Msisdn, PlanHash, PlanTerms, Price, Profile, Rounding, RowNumber, Segments};

/// What a campaign would send and cost.
///
/// Serialised it is the contract's `preview --json` object. Fields that are not part of it are
/// marked; they are for people and for the journal.
/// `rows = accepted + duplicates + suppressed + sum(rejected)`, always.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// The version of the JSON object.
    pub schema: u8,
    /// The campaign's name.
    pub campaign: String,
    /// The hash of the whole plan, `blake3:` and 64 hexadecimal digits.
    pub plan_hash: String,
    /// Records in the input; the header and blank lines not counted.
    pub rows: u64,
    /// Recipients who would get a text.
    pub accepted: u64,
    /// Usable rows left out because another row has their number.
    pub duplicates: u64,
    /// Rows left out because their number is on a suppression list.
    pub suppressed: u64,
    /// Rows left out as unusable, by [`Reason::word`](crate::Reason::word); only reasons that occur.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Segments over all recipients.
    pub segments: u64,
    /// Recipients by the encoding of their text.
    pub encodings: Encodings,
    /// What it costs; `None` without a rate card.
    pub cost: Option<Cost>,
    /// HTTP requests it takes.
    pub requests: u64,
    /// Requests over the smallest of the stacked rates; 0 without a rate.
    pub seconds_at_rate: f64,
    /// Recipients of the `max_in_flight` largest requests: what one kill can put in doubt.
    pub worst_doubt: u64,
    /// What the texts cost beyond what they need to. The contract's keys are those above it.
    #[serde(flatten)]
    pub diagnosis: Diagnosis,

    /// Not in the JSON: the plan hash and its parts.
    #[serde(skip)]
    pub hash: PlanHash,
    /// Not in the JSON: what the hash covers beside the messages.
    #[serde(skip)]
    pub terms: PlanTerms,
    /// Not in the JSON: the rate card's prices in its order, which a
    /// [`PriceId`](volley_core::PriceId) is an index into; empty without one.
    #[serde(skip)]
    pub prices: Vec<Price>,
    /// Not in the JSON: how costs are rounded.
    #[serde(skip)]
    pub rounding: Rounding,
    /// Not in the JSON: how segments are counted.
    #[serde(skip)]
    pub profile: Profile,
    /// Not in the JSON: the total cost; `None` without a rate card.
    #[serde(skip)]
    pub estimated: Option<Micros>,
    /// Not in the JSON: accepted recipients by the segments of their text.
    #[serde(skip)]
    pub recipients_by_segments: BTreeMap<u32, u64>,
    /// Accepted recipients whose number was mended, by [`Repair::word`](volley_core::Repair::word).
    pub repairs: BTreeMap<&'static str, u64>,
    /// Not in the JSON: blank lines and lines of spaces that were skipped.
    #[serde(skip)]
    pub blank_lines: u64,
    /// Not in the JSON: the day whose prices hold; `None` without a rate card.
    #[serde(skip)]
    pub prices_of: Option<Date>,
    /// What a person should know before sending, a sentence each.
    pub warnings: Vec<String>,
    /// Not in the JSON: the first three rejects of each word.
    #[serde(skip)]
    pub first_rejects: BTreeMap<&'static str, Vec<Reject>>,
    /// Not in the JSON: which columns are used for what.
    #[serde(skip)]
    pub columns: Columns,
    /// Not in the JSON: what stands between the input's cells.
    #[serde(skip)]
    pub delimiter: char,
    /// Not in the JSON: the input's encoding, such as `UTF-8` or `UTF-16LE`.
    #[serde(skip)]
    pub encoding: &'static str,
    /// Not in the JSON: how many texts differ; `None` where requests do not depend on it.
    #[serde(skip)]
    pub distinct_texts: Option<u64>,
    /// Not in the JSON: the first message.
    #[serde(skip)]
    pub first_message: Option<Example>,
    /// Not in the JSON: the first of the messages with the most segments and, of those, the most
    /// units.
    #[serde(skip)]
    pub longest_message: Option<Example>,
    /// Not in the JSON: the first of the messages that cost most; `None` without a rate card.
    #[serde(skip)]
    pub dearest_message: Option<Example>,
    /// Not in the JSON: the send window and whom it is for; `None` where texts may go at any hour.
    #[serde(skip)]
    pub hours: Option<PlannedHours>,
}

impl Preview {
    /// Rows left out as unusable, for whatever reason.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }
}

/// Recipients by the encoding of their text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Encodings {
    /// In the GSM 7-bit alphabet.
    pub gsm7: u64,
    /// In UCS-2.
    pub ucs2: u64,
}

/// What a plan costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// What the rate card is in.
    pub currency: String,
    /// The sum, rounded where the rule is to round it.
    #[serde(serialize_with = "as_decimal")]
    pub total: Micros,
    /// The same by the prefix whose price holds, sorted by prefix; only prefixes that occur.
    pub by_prefix: Vec<PrefixCost>,
    /// The same by the country that the number belongs to, the dearest first.
    pub by_country: Vec<CountryCost>,
    /// The same by encoding.
    pub by_encoding: ByEncoding,
    /// The same by the segments of one text, the shortest first; only those that occur.
    pub by_segments: Vec<SegmentsCost>,
}

/// What the recipients of one price cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrefixCost {
    /// The price's prefix, without `+`.
    pub prefix: String,
    /// Who it holds for, and what they cost.
    #[serde(flatten)]
    pub share: Share,
}

/// What the recipients of one country cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountryCost {
    /// Its two letters, ISO 3166-1 alpha-2; `None` for the numbers of no country, such as +883.
    pub country: Option<String>,
    /// Who belongs to it, and what they cost.
    #[serde(flatten)]
    pub share: Share,
}

impl CountryCost {
    /// For people.
    pub fn name(&self) -> &str {
        self.country.as_deref().unwrap_or("no country")
    }
}

/// What the recipients of each encoding cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByEncoding {
    /// In the GSM 7-bit alphabet.
    pub gsm7: Share,
    /// In UCS-2.
    pub ucs2: Share,
}

/// What the texts of one length cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SegmentsCost {
    /// Segments of each of the texts.
    pub each: u32,
    /// Who gets them, and what they cost.
    #[serde(flatten)]
    pub share: Share,
}

/// A part of a plan's recipients, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many.
    pub recipients: u64,
    /// Their segments.
    pub segments: u64,
    /// The sum of their prices, before a total is rounded.
    #[serde(serialize_with = "as_decimal")]
    pub cost: Micros,
}

impl Share {
    /// Adds another share; both are never larger than the whole, whose sum was checked.
    pub(crate) fn add(&mut self, other: Self) {
        self.recipients += other.recipients;
        self.segments += other.segments;
        self.cost.0 += other.cost.0;
    }
}

// serde hands every field over by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn as_decimal<S: Serializer>(micros: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(micros)
}

/// Which columns of the input are used for what, by their names in the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The number's, in the order they are tried.
    pub number: Vec<String>,
    /// The text's, in order of first use.
    pub variables: Vec<String>,
    /// The others, but for nameless ones.
    pub unused: Vec<String>,
}

/// One message to show to a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Example {
    /// Its row.
    pub row: RowNumber,
    /// Who gets it.
    pub to: Msisdn,
    /// Its text, as it would be sent.
    pub text: String,
    /// How the network carries it.
    pub segments: Segments,
    /// What it costs; `None` without a rate card.
    pub cost: Option<Micros>,
}

/// Without the text.
impl fmt::Debug for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Example(row {}, {:?}, {:?})", self.row.0, self.to, self.segments)
    }
}
