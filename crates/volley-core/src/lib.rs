//! What Volley knows without a clock, a socket or a disk: numbers, text, price, state.
//!
//! Everything here is a function of its arguments, so any rule can be tested by calling it.
//! Not here: parsing files (volley-plan), wire formats (volley-provider), waiting
//! (volley-engine). Uses no other Volley crate.
//!
//! ```
//! use volley_core::{Micros, Msisdn, Price, Profile, RateCard, Rounding};
//!
//! let to = Msisdn::parse("0491 570 006", "AU".parse().ok())?.number;
//! let segments = Profile::STANDARD.count("Sale ends today");
//! assert_eq!((to.to_string().as_str(), segments.count), ("+61491570006", 1));
//!
//! let price = Price { prefix: "61".to_owned(), per_segment: "0.055".parse()?, per_message: Micros::ZERO };
//! let card = RateCard::new("AUD".parse()?, vec![price], Rounding::Exact)?;
//! let cost = card.price_of(to).and_then(|price| card.cost(price, segments.count));
//! assert_eq!(cost, Some(Micros(55_000)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/count_segments.rs` says of any text what it takes, and why.

mod bill; // plan, answers and bill, compared to the last millionth
mod capability; // what one provider can be asked to do
mod character; // what one character is called
mod chunk; // the recipients that share one HTTP request
mod delivery; // what became of a message after it was taken
mod failure; // observation -> class -> what to do: the failure table
mod fold; // look-alikes -> GSM-7
mod frequency; // "2/7d": so many texts to one number in so long
mod money; // integer money, written as decimals
mod number; // "0491 570 006" + region -> Msisdn
mod outcome; // what a provider did with a chunk
mod plan_hash; // the plan's canonical encoding and its BLAKE3 hash
mod pseudonym; // a number by another name, under a key
mod rate; // "2/s", and how that is spread
mod ratecard; // number -> price of one segment
mod segment; // text -> encoding, units, segments, split
mod state; // where one recipient stands
mod time; // milliseconds since 1970
mod window; // "09:00-20:00" by the clocks of whom a text is for

pub use bill::{
    AmountTooLarge, Bill, BillEntry, BillId, BilledMessage, Cause, CauseSum, Clerk, Comparison, Difference,
    Due, OtherLines, Reconciler, Reconciliation, Recount, RequestAnswer, Rows, Side, decimals_of,
};
pub use capability::{
    Batch, Capabilities, Destinations, Polling, ReplyPrice, Schedule, ScheduleFault, SenderFault, SenderRule,
    Sources,
};
pub use character::{character_name, code_point, is_steering};
pub use chunk::{Chunk, Message, Planned, Position, RowNumber};
pub use delivery::{Deliveries, Delivery, Receipt, Reference};
pub use failure::{Class, Fate, LaneEffect, Rule, StopReason, Taken};
pub use fold::{Substitution, TYPOGRAPHIC, fold, fold_to_fit, replacements, substitute_char};
pub use frequency::{FrequencyCap, FrequencyCapFault};
pub use money::{Currency, Micros, MoneyFault, Rounding};
pub use number::{
    Assignment, Msisdn, NUMBER_METADATA, NumberFault, NumberKind, Parsed, Region, RegionFault, Repair,
};
pub use outcome::{Answer, Billed, Failure, Outcome, Reason, Verdict, Verdicts};
pub use plan_hash::{Digest, DigestFault, PlanHash, PlanHasher, PlanTerms};
pub use pseudonym::{Pseudonym, PseudonymKey};
pub use rate::{Pacing, PacingFault, Rate, RateFault};
pub use ratecard::{Price, PriceId, RateCard, RateCardFault};
pub use segment::{
    Alphabet, BreakAt, Capacity, ConcatRef, Encoding, Language, LanguageFault, Languages, MAX_SEGMENTS,
    National, Part, Profile, ProfileFault, Segments, Shifts, TextLength, is_common_septet,
};
pub use state::{Event, IllegalMove, State, Totals};
pub use time::UnixMillis;
pub use window::{Opening, Opens, Window, WindowFault, Zones};
