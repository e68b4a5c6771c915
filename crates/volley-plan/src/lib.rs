//! Everything before the first byte leaves: what a campaign file and its lists mean.
//!
//! [`Campaign::load`] reads the campaign file, [`plan()`] runs over its recipients once, on all
//! cores, and hands every message to a [`Sink`], every unusable row as a [`Reject`], and gives back
//! a [`Preview`]. Every record of the input is accepted, a duplicate, suppressed or rejected; the
//! counts add up. Pure but for reading the user's files and the threads that judge them: no clock,
//! no network. Not here: storing the plan (volley-journal), what a provider can do
//! (volley-provider).
//!
//! ```
//! use std::path::Path;
//! use volley_core::{Batch, Destinations, Profile};
//! use volley_plan::{Campaign, Conditions, Discard, Offer, Overrides, plan};
//!
//! let kinds: [(&str, &[&str]); 2] = [("sim", &["latency"]), ("transmitsms", &[])];
//! let file = Path::new("../../data/demo/campaign.toml");
//! let campaign = Campaign::load(file, &Overrides::default(), &kinds)?;
//! let offer = Offer {
//!     provider: "transmitsms".to_owned(),
//!     batch: Batch::SharedText { max: 500 },
//!     chunk: 500,
//!     destinations: Destinations::default(),
//!     profile: Profile::STANDARD,
//!     rates: vec!["2/s".parse()?],
//!     max_in_flight: 8,
//! };
//! let preview = plan(&campaign, &offer, &Conditions::on(jiff::civil::date(2026, 11, 20)), &mut Discard)?;
//! let left_out = preview.duplicates + preview.suppressed + preview.rejected_total();
//! assert_eq!(preview.rows, preview.accepted + left_out);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/plan_without_sending.rs` takes the messages too.

mod advise; // edits of the text that would save money, priced
mod bill; // a provider's bill -> Bill
mod buffer; // bytes, and room behind them
mod campaign; // campaign.toml + environment + flags -> Campaign
mod chosen; // which of several rows with one number counts
mod chunk; // recipients by text -> requests, worst doubt
mod columns; // header names -> which columns hold what
mod csv_file; // lists for people as CSV
mod diagnosis; // what texts cost beyond what they need to
mod forensics; // what the numbers of a list say about the file they came in
mod frequency; // who has got as many texts as they may
mod hours; // when the send window is open for whom
mod list_file; // lists for people, whole or not at all
mod number_set; // phone numbers, each once
mod only; // the only numbers that a plan may be for
mod pipeline; // blocks judged on several threads, taken in order
mod place; // where in a file something is wrong
mod plan; // the pass: Campaign + Offer -> messages, rejects, Preview
mod preview; // what the pass counted, as the contract's JSON
mod rates; // rates.csv -> RateCard
mod recipient; // one row -> who gets what, or why not
mod reject; // why a row is left out, and the file that lists them
mod source; // CSV in any encoding, compressed or not, and workbooks -> records
mod suppress; // numbers never to be sent to
mod tally; // what a pass counts on its way
mod template; // "Hi {{name}}" + row -> text
mod texts; // texts put together from pieces
mod words; // nearest names, and user text that is safe to show

pub use advise::{Advice, Edit, EditKind};
pub use bill::{BillError, BillFile, load as load_bill};
pub use campaign::{
    At, Campaign, CampaignError, Counting, Duplicates, Folding, InputEncoding, KeyAndValue, Limits,
    MessageSettings, NumberPolicy, Overrides, ProviderSettings, Rates, Recipients, SecretSource,
    TextEncoding, patience,
};
pub use csv_file::CsvFile;
pub use diagnosis::{
    ColumnRows, Diagnosis, Extra, Forcing, Jump, Jumps, MOST_FORCING, Replacement, Smart, TemplateSize,
};
pub use frequency::Capped;
pub use hours::{OpensNext, PlannedHours, WindowFall};
pub use list_file::ListFile;
pub use place::{Content, FilePlace, Mark, Stretch};
pub use plan::{Conditions, Discard, Offer, PlanError, Sink, SinkError, plan, plan_with_advice};
pub use preview::{
    ByEncoding, Columns, Cost, CountryCost, Encodings, Example, PrefixCost, Preview, SegmentsCost, Share,
};
pub use rates::{Days, LoadedRates, RatesError, load as load_rates};
pub use reject::{Reason, Reject, RejectFile, RejectWriter};
pub use source::{Input, QuoteFault, SourceError, SourceFault};
pub use suppress::{Suppressed, load as load_suppressed};
pub use template::{Bound, FilterFault, Place, Template, TemplateError, UnknownVariable, ValueFault};
pub use texts::{Texts, Value};
