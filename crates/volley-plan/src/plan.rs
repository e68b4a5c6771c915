//! The pass over a campaign's recipients: every row is judged once, in order, and goes one way.

use crate::{
    Advice, ByEncoding, Campaign, Columns, Cost, Diagnosis, Duplicates, Encodings, Example, PrefixCost,
    Preview, RatesError, Reject, SegmentsCost, Share, SourceError, UnknownVariable,
    advise::Advisor,
    chunk::Requests,
    columns,
    diagnosis::{Diagnosed, Diagnoser, TooLarge},
    rates,
    recipient::{Rules, Texts, Usable, Verdict},
    source::{Format, Records, Source},
    suppress::{self, Suppressed},
    words::listed,
};
use csv::ByteRecord;
use jiff::civil::Date;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use std::{collections::BTreeMap, error::Error};
use volley_core::{
    Batch, Encoding, Message, Micros, Msisdn, NumberKind, PlanHasher, PlanTerms, PriceId, Profile, Rate,
    RateCard, RowNumber,
};

/// How many rejects of each word a preview keeps.
const FIRST_REJECTS: usize = 3;
/// Input bytes that one row is taken to have, to size the set of numbers by.
const ROW_BYTES: u64 = 32;

/// What the provider offers, after the campaign's own limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The wire protocol's name, which is part of the plan hash.
    pub provider: String,
    /// How many recipients share a request.
    pub batch: Batch,
    /// The most recipients a request carries here, 1 to the batch's ceiling.
    pub chunk: u32,
    /// How the provider counts segments, before the campaign's own word on it.
    pub profile: Profile,
    /// Rates that all hold; empty where there is no limit.
    pub rates: Vec<Rate>,
    /// Requests that wait for an answer at the same time, at least 1.
    pub max_in_flight: u32,
}

/// Takes what a pass finds, in the order of the input.
pub trait Sink {
    /// One message, and which of the rate card's prices holds for it; `None` without a card.
    fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), SinkError>;
    /// One row that is left out as unusable.
    fn reject(&mut self, reject: &Reject) -> Result<(), SinkError>;
}

/// A sink for previews: it keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Sink for Discard {
    fn message(&mut self, _: &Message<'_>, _: Option<PriceId>) -> Result<(), SinkError> {
        Ok(())
    }

    fn reject(&mut self, _: &Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A sink could not take what it was given; the pass stops.
#[derive(Debug, thiserror::Error)]
#[error("the plan could not be stored: {0}")]
pub struct SinkError(#[source] pub Box<dyn Error + Send + Sync>);

impl SinkError {
    /// Wraps the sink's own error.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// Why a pass stopped. What a sink was given until then is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The recipients or a suppression list cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The rate card cannot be used.
    #[error(transparent)]
    Rates(#[from] RatesError),
    /// A variable of the text is no column.
    #[error("{file}: {error}")]
    Variable {
        /// The list.
        file: String,
        /// Which and where.
        error: UnknownVariable,
    },
    /// Two rows have one number and the campaign says `duplicates = "fail"`.
    #[error(
        "{file}: rows {first} and {second} have the same number; remove one, or set recipients.duplicates to \"first\" or \"last\""
    )]
    Duplicate {
        /// The list.
        file: String,
        /// The earlier row.
        first: u32,
        /// The later row.
        second: u32,
    },
    /// More recipients than the campaign allows.
    #[error("{file}, row {row}: more than {max} recipients; raise limits.max_recipients or split the list")]
    TooManyRecipients {
        /// The list.
        file: String,
        /// The row that is one too many.
        row: u32,
        /// The limit.
        max: u32,
    },
    /// A chunk size that the provider does not take.
    #[error("provider.chunk is {chunk}; {provider} takes 1 to {ceiling} recipients a request")]
    Chunk {
        /// The provider.
        provider: String,
        /// What was asked for.
        chunk: u32,
        /// What it takes.
        ceiling: u32,
    },
    /// A cost above 64 bits of millionths.
    #[error("{file}, row {row}: the cost is too large to be counted; check the prices of the rate card")]
    CostTooLarge {
        /// The list.
        file: String,
        /// Where the sum went over.
        row: u32,
    },
    /// The list was changed between the two passes that `duplicates = "last"` takes.
    #[error("{file}: the file changed while it was read; try again")]
    Changed {
        /// The list.
        file: String,
    },
    /// The sink failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl PlanError {
    /// The exit code of a run that ends with it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Source(error) => error.exit_code(),
            Self::Rates(error) => error.exit_code(),
            Self::Variable { .. }
            | Self::Duplicate { .. }
            | Self::TooManyRecipients { .. }
            | Self::Chunk { .. }
            | Self::CostTooLarge { .. } => 2,
            Self::Changed { .. } | Self::Sink(_) => 1,
        }
    }
}

/// Runs over the campaign's recipients and gives every message and every reject to `sink`.
///
/// `today` decides which prices hold. `duplicates = "last"` reads the input twice, and holds
/// standard input in memory for that. A plan with nobody in it is no error here: `accepted` is 0.
pub fn plan(
    campaign: &Campaign,
    offer: &Offer,
    today: Date,
    sink: &mut dyn Sink,
) -> Result<Preview, PlanError> {
    pass(campaign, offer, today, sink, None)
}

/// As [`plan`], and what edits of the text would save. The list is read no more often for it.
pub fn plan_with_advice(
    campaign: &Campaign,
    offer: &Offer,
    today: Date,
    sink: &mut dyn Sink,
) -> Result<(Preview, Advice), PlanError> {
    let mut advice = Advice::default();
    let preview = pass(campaign, offer, today, sink, Some(&mut advice))?;
    Ok((preview, advice))
}

fn pass(
    campaign: &Campaign,
    offer: &Offer,
    today: Date,
    sink: &mut dyn Sink,
    advice: Option<&mut Advice>,
) -> Result<Preview, PlanError> {
    check_offer(offer)?;
    let (card, mut warnings) = card(campaign, today)?;
    let profile = campaign.counting.over(&offer.profile);
    let recipients = &campaign.recipients;
    let suppressed = suppress::load(&recipients.suppress, recipients.region)?;
    let source = match recipients.duplicates {
        Duplicates::Last => Source::for_two_passes(&recipients.input)?,
        Duplicates::First | Duplicates::Fail => Source::Input(&recipients.input),
    };
    let makes_sense = |cells: &[String]| columns::has_number(cells, &recipients.number);
    let format = Format {
        encoding: recipients.encoding.label(),
        delimiter: recipients.delimiter,
        makes_sense: &makes_sense,
    };
    let open = || Records::open(&source, &format);

    let mut records = open()?;
    let header = records.first.clone();
    let file = records.file.clone();
    let rules = rules(campaign, &profile, card.as_ref(), &suppressed, &records, &header)?;
    let expected = expected(campaign, &records);
    let mut seen = match recipients.duplicates {
        Duplicates::First => Seen::First(FxHashSet::with_capacity_and_hasher(expected, FxBuildHasher)),
        Duplicates::Fail => Seen::Fail(FxHashMap::with_capacity_and_hasher(expected, FxBuildHasher)),
        Duplicates::Last => {
            let last = last_rows(&mut records, &rules, &file, expected)?;
            records = open()?;
            Seen::Last(last)
        }
    };

    let requests = Requests::new(offer.batch, offer.chunk, rules.text.is_constant());
    let mut tally = Tally::new(card.as_ref(), requests);
    let mut diagnoser = Diagnoser::new(&profile, &rules.text, card.as_ref(), rules.folding);
    let mut advisor = advice.is_some().then(|| Advisor::new(&rules, &campaign.message));
    let mut cells = ByteRecord::new();
    let mut texts = Texts::default();
    while let Some(row) = records.next(&mut cells)? {
        let number = row.number;
        let too_large = |TooLarge| PlanError::CostTooLarge { file: file.clone(), row: number.0 };
        tally.rows += 1;
        let usable = match rules.judge(&row, &mut texts).map_err(too_large)? {
            Verdict::Rejected(reject) => {
                if let Some(advisor) = &mut advisor {
                    advisor.left_out(&row, reject.reason);
                }
                sink.reject(&reject)?;
                tally.reject(reject);
                continue;
            }
            Verdict::Suppressed => {
                tally.suppressed += 1;
                continue;
            }
            Verdict::Usable(usable) => usable,
        };
        if !seen.is_chosen(usable.to, number, &file)? {
            tally.duplicates += 1;
            continue;
        }
        if tally.accepted == u64::from(campaign.limits.max_recipients) {
            let max = campaign.limits.max_recipients;
            return Err(PlanError::TooManyRecipients { file, row: number.0, max });
        }
        let Usable { to, segments, cost, .. } = usable;
        let message = Message { row: number, to, text: &texts.text, segments, cost };
        tally.accept(&message, &usable).map_err(too_large)?;
        let unfolded = usable.unfolded.map(|before| (texts.unfolded.as_str(), before));
        diagnoser
            .row(&Diagnosed { message: &message, price: usable.price, cells: row.cells, unfolded })
            .map_err(too_large)?;
        if let Some(advisor) = &mut advisor {
            advisor.sent(&row, &message, usable.price);
        }
        sink.message(&message, usable.price)?;
    }
    tally.check();
    if let Seen::Last(last) = &seen
        && last.len() as u64 != tally.accepted
    {
        return Err(PlanError::Changed { file });
    }
    if let Some((advice, advisor)) = advice.zip(advisor) {
        *advice = advisor.finish();
    }
    warnings.extend_from_slice(suppressed.warnings());
    warnings.extend(warnings_of(&records, &rules));
    let columns = columns_of(&rules);
    let estimated = tally.estimated(&file)?;
    warnings.extend(above_cap(campaign, estimated));
    warnings.extend(fixed_lines(campaign, tally.fixed_lines));
    let found = Found {
        estimated,
        prices_of: card.as_ref().map(|_| price_day(campaign, today)),
        diagnosis: diagnoser.finish(&header),
        profile: profile.clone(),
        columns,
        warnings,
    };
    Ok(tally.into_preview(terms(campaign, offer, card.as_ref()), offer, &records, found))
}

/// The day whose prices hold: today, or the day that the schedule names if that is later.
fn price_day(campaign: &Campaign, today: Date) -> Date {
    campaign.send_day.map_or(today, |day| day.max(today))
}

/// What to know where texts would go to lines that seldom take any.
fn fixed_lines(campaign: &Campaign, fixed_lines: u64) -> Option<String> {
    let is_asked_for = campaign.recipients.policy.kinds.contains(&NumberKind::Fixed);
    (fixed_lines > 0 && !is_asked_for).then(|| {
        format!(
            "{fixed_lines} of the numbers are fixed lines, which seldom take texts; \
             recipients.types = [\"mobile\", \"fixed_or_mobile\"] leaves them out"
        )
    })
}

/// What to know where the plan costs more than it may.
fn above_cap(campaign: &Campaign, estimated: Option<Micros>) -> Option<String> {
    let (cap, estimated) = (campaign.limits.max_cost?, estimated?);
    (estimated > cap)
        .then(|| format!("the plan costs {estimated}, above limits.max_cost {cap}: `send` refuses it"))
}

/// The prices of the day it is sent on, and what a person should know about them.
fn card(campaign: &Campaign, today: Date) -> Result<(Option<RateCard>, Vec<String>), RatesError> {
    let day = price_day(campaign, today);
    let loaded = campaign.rates.as_ref().map(|rates| rates::load(&rates.file, day, rates.rounding));
    Ok(match loaded.transpose()? {
        Some(loaded) => (Some(loaded.card), loaded.warnings),
        None => (None, Vec::new()),
    })
}

/// How many numbers the list may hold at a guess, from its size.
fn expected(campaign: &Campaign, records: &Records) -> usize {
    let rows = records.size.map_or(0, |size| size / ROW_BYTES);
    usize::try_from(rows.min(u64::from(campaign.limits.max_recipients))).unwrap_or(0)
}

fn terms(campaign: &Campaign, offer: &Offer, card: Option<&RateCard>) -> PlanTerms {
    PlanTerms {
        campaign: campaign.name.clone(),
        sender: campaign.sender.clone(),
        provider: offer.provider.clone(),
        send_at: campaign.send_at,
        currency: card.map(|card| card.currency().to_string()),
        batch: offer.batch,
        chunk: offer.chunk,
    }
}

fn check_offer(offer: &Offer) -> Result<(), PlanError> {
    let ceiling = offer.batch.ceiling();
    if (1..=ceiling).contains(&offer.chunk) {
        Ok(())
    } else {
        Err(PlanError::Chunk { provider: offer.provider.clone(), chunk: offer.chunk, ceiling })
    }
}

fn rules<'a>(
    campaign: &'a Campaign,
    profile: &'a Profile,
    card: Option<&'a RateCard>,
    suppressed: &'a Suppressed,
    records: &Records,
    header: &'a [String],
) -> Result<Rules<'a>, PlanError> {
    let recipients = &campaign.recipients;
    let file = &records.file;
    columns::check_names(file, header)?;
    let number_columns = columns::number_columns(file, header, &recipients.number, recipients.region)?;
    let message = &campaign.message;
    let text = message
        .template
        .bind(header, &message.defaults)
        .map_err(|error| PlanError::Variable { file: file.clone(), error })?;
    Ok(Rules {
        header,
        delimiter: records.delimiter,
        number_columns,
        region: recipients.region,
        policy: &recipients.policy,
        suppressed,
        text,
        encoding: message.encoding,
        folding: message.folding,
        max_segments: message.max_segments.min(profile.max_segments),
        profile,
        card,
    })
}

/// Which row of each number is the one to send to.
enum Seen {
    /// The first usable one: the numbers so far.
    First(FxHashSet<u64>),
    /// The only one: the numbers so far with their rows.
    Fail(FxHashMap<u64, u32>),
    /// The last usable one, known from an earlier pass.
    Last(FxHashMap<u64, u32>),
}

impl Seen {
    /// Whether the usable row `row` is the one to send to for its number.
    fn is_chosen(&mut self, to: Msisdn, row: RowNumber, file: &str) -> Result<bool, PlanError> {
        let digits = to.digits();
        match self {
            Self::First(numbers) => Ok(numbers.insert(digits)),
            Self::Fail(rows) => match rows.insert(digits, row.0) {
                None => Ok(true),
                Some(first) => Err(PlanError::Duplicate { file: file.to_owned(), first, second: row.0 }),
            },
            Self::Last(rows) => Ok(rows.get(&digits) == Some(&row.0)),
        }
    }
}

/// The last usable row of each number.
fn last_rows(
    records: &mut Records,
    rules: &Rules<'_>,
    file: &str,
    expected: usize,
) -> Result<FxHashMap<u64, u32>, PlanError> {
    let mut last = FxHashMap::with_capacity_and_hasher(expected, FxBuildHasher);
    let mut cells = ByteRecord::new();
    let mut texts = Texts::default();
    while let Some(row) = records.next(&mut cells)? {
        let too_large = |TooLarge| PlanError::CostTooLarge { file: file.to_owned(), row: row.number.0 };
        if let Verdict::Usable(usable) = rules.judge(&row, &mut texts).map_err(too_large)? {
            last.insert(usable.to.digits(), row.number.0);
        }
    }
    Ok(last)
}

fn columns_of(rules: &Rules<'_>) -> Columns {
    let name = |index: usize| rules.header[index].clone();
    let mut variables: Vec<usize> = Vec::new();
    for column in rules.text.columns() {
        if !variables.contains(&column) {
            variables.push(column);
        }
    }
    let is_used = |index: &usize| rules.number_columns.contains(index) || variables.contains(index);
    Columns {
        number: rules.number_columns.iter().map(|&index| name(index)).collect(),
        unused: (0..rules.header.len())
            .filter(|index| !is_used(index) && !rules.header[*index].is_empty())
            .map(name)
            .collect(),
        variables: variables.into_iter().map(name).collect(),
    }
}

fn warnings_of(records: &Records, rules: &Rules<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let file = &records.file;
    if let Some((count, line)) = records.stray_quotes() {
        warnings.push(format!(
            "{file}: quotes inside fields that are not quoted: {count}, the first on line {line}; they are kept as they stand"
        ));
    }
    if !rules.text.absent().is_empty() {
        let absent = listed(rules.text.absent());
        warnings.push(format!("{file}: no column for {absent}; everybody gets the default"));
    }
    warnings
}

/// What a pass knows at its end beside its counts.
struct Found {
    estimated: Option<Micros>,
    diagnosis: Diagnosis,
    profile: Profile,
    columns: Columns,
    prices_of: Option<Date>,
    warnings: Vec<String>,
}

/// What a pass counts on its way.
struct Tally<'a> {
    card: Option<&'a RateCard>,
    rows: u64,
    accepted: u64,
    duplicates: u64,
    suppressed: u64,
    rejected: BTreeMap<&'static str, u64>,
    first_rejects: BTreeMap<&'static str, Vec<Reject>>,
    segments: u64,
    cost: Micros,
    by_price: Vec<Share>,
    gsm7: Share,
    ucs2: Share,
    by_segments: BTreeMap<u32, Share>,
    repairs: BTreeMap<&'static str, u64>,
    fixed_lines: u64,
    first_message: Option<Example>,
    longest_message: Option<Example>,
    dearest_message: Option<Example>,
    requests: Requests,
    hasher: PlanHasher,
}

impl<'a> Tally<'a> {
    fn new(card: Option<&'a RateCard>, requests: Requests) -> Self {
        Self {
            card,
            rows: 0,
            accepted: 0,
            duplicates: 0,
            suppressed: 0,
            rejected: BTreeMap::new(),
            first_rejects: BTreeMap::new(),
            segments: 0,
            cost: Micros::ZERO,
            by_price: vec![Share::default(); card.map_or(0, |card| card.prices().len())],
            gsm7: Share::default(),
            ucs2: Share::default(),
            by_segments: BTreeMap::new(),
            repairs: BTreeMap::new(),
            fixed_lines: 0,
            first_message: None,
            longest_message: None,
            dearest_message: None,
            requests,
            hasher: PlanHasher::new(card.map(RateCard::rounding).unwrap_or_default()),
        }
    }

    fn reject(&mut self, reject: Reject) {
        let word = reject.reason.word();
        *self.rejected.entry(word).or_default() += 1;
        let first = self.first_rejects.entry(word).or_default();
        if first.len() < FIRST_REJECTS {
            first.push(reject);
        }
    }

    fn accept(&mut self, message: &Message<'_>, usable: &Usable) -> Result<(), TooLarge> {
        let segments = message.segments;
        self.accepted += 1;
        self.segments += u64::from(segments.count);
        if let Some(repair) = usable.repair {
            *self.repairs.entry(repair.word()).or_default() += 1;
        }
        self.fixed_lines += u64::from(usable.kind == Some(NumberKind::Fixed));
        // The largest sum; what is part of it cannot be too large either.
        self.cost = self.cost.checked_add(message.cost.unwrap_or_default()).ok_or(TooLarge)?;
        let by_encoding = match segments.encoding {
            Encoding::Gsm7 => &mut self.gsm7,
            Encoding::Ucs2 => &mut self.ucs2,
        };
        by_encoding.add(message);
        self.by_segments.entry(segments.count).or_default().add(message);
        if let Some(price) = usable.price {
            self.by_price[usize::from(price.0)].add(message);
        }
        self.requests.add(message.text);
        self.hasher.message(message);
        let longest = self.longest_message.as_ref().map(|example| example.segments);
        if longest.is_none_or(|longest| (segments.count, segments.units) > (longest.count, longest.units)) {
            self.longest_message = Some(example(message));
        }
        let dearest = self.dearest_message.as_ref().map(|example| example.cost);
        if message.cost.is_some() && dearest.is_none_or(|dearest| message.cost > dearest) {
            self.dearest_message = Some(example(message));
        }
        if self.first_message.is_none() {
            self.first_message = Some(example(message));
        }
        Ok(())
    }

    /// What it costs in all; `None` without a rate card.
    fn estimated(&self, file: &str) -> Result<Option<Micros>, PlanError> {
        let row = u32::try_from(self.rows).unwrap_or(u32::MAX);
        let too_large = || PlanError::CostTooLarge { file: file.to_owned(), row };
        self.card.map(|card| card.rounding().total(self.cost).ok_or_else(too_large)).transpose()
    }

    /// Everybody went exactly one way.
    fn check(&self) {
        let rejected: u64 = self.rejected.values().sum();
        let sum = self.accepted + self.duplicates + self.suppressed + rejected;
        assert_eq!(self.rows, sum, "rows = accepted + duplicates + suppressed + rejected");
        let by_encoding = self.gsm7.recipients + self.ucs2.recipients;
        assert_eq!(self.accepted, by_encoding, "each accepted recipient has one encoding");
    }

    fn into_preview(self, terms: PlanTerms, offer: &Offer, records: &Records, found: Found) -> Preview {
        let Found { estimated, diagnosis, profile, columns, prices_of, warnings } = found;
        let hash = self.hasher.finish(&terms);
        let (requests, worst_doubt) = self.requests.totals(offer.max_in_flight);
        let slowest = offer.rates.iter().map(|rate| rate.each_second()).reduce(f64::min);
        Preview {
            schema: 1,
            campaign: terms.campaign.clone(),
            plan_hash: hash.whole.to_string(),
            rows: self.rows,
            accepted: self.accepted,
            duplicates: self.duplicates,
            suppressed: self.suppressed,
            rejected: self.rejected,
            segments: self.segments,
            encodings: Encodings { gsm7: self.gsm7.recipients, ucs2: self.ucs2.recipients },
            cost: self.card.zip(estimated).map(|(card, total)| Cost {
                currency: card.currency().to_string(),
                total,
                by_prefix: by_prefix(card, &self.by_price),
                by_encoding: ByEncoding { gsm7: self.gsm7, ucs2: self.ucs2 },
                by_segments: self
                    .by_segments
                    .iter()
                    .map(|(&each, share)| SegmentsCost { each, share: *share })
                    .collect(),
            }),
            diagnosis,
            requests,
            seconds_at_rate: slowest.map_or(0.0, |rate| requests as f64 / rate),
            worst_doubt,
            hash,
            terms,
            prices: self.card.map(|card| card.prices().to_vec()).unwrap_or_default(),
            rounding: self.card.map(RateCard::rounding).unwrap_or_default(),
            profile,
            estimated,
            recipients_by_segments: self
                .by_segments
                .into_iter()
                .map(|(each, share)| (each, share.recipients))
                .collect(),
            repairs: self.repairs,
            blank_lines: records.blank_lines(),
            prices_of,
            warnings,
            first_rejects: self.first_rejects,
            columns,
            delimiter: char::from(records.delimiter),
            encoding: records.encoding,
            distinct_texts: self.requests.distinct_texts(),
            first_message: self.first_message,
            longest_message: self.longest_message,
            dearest_message: self.dearest_message,
        }
    }
}

fn example(message: &Message<'_>) -> Example {
    Example {
        row: message.row,
        to: message.to,
        text: message.text.to_owned(),
        segments: message.segments,
        cost: message.cost,
    }
}

fn by_prefix(card: &RateCard, by_price: &[Share]) -> Vec<PrefixCost> {
    let mut by_prefix: Vec<PrefixCost> = card
        .prices()
        .iter()
        .zip(by_price)
        .filter(|(_, share)| share.recipients > 0)
        .map(|(price, share)| PrefixCost { prefix: price.prefix.clone(), share: *share })
        .collect();
    by_prefix.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix));
    by_prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use volley_core::{Price, Rounding, Segments, Shifts};

    /// The largest price for a segment and for a message, 255 segments each: the sum goes beyond 64
    /// bits after some 36,000 of 2,000,000 messages, and the row that it is lost on is named.
    #[test]
    fn a_cost_that_no_integer_holds_is_refused_on_the_row_it_is_lost_on() {
        let price = Price { prefix: "66".to_owned(), per_segment: Price::MAX, per_message: Price::MAX };
        let currency = "THB".parse().expect("a currency");
        let card = RateCard::new(currency, vec![price], Rounding::Exact).expect("a card");
        let requests = Requests::new(Batch::SharedText { max: 500 }, 500, true);
        let mut tally = Tally::new(Some(&card), requests);
        let to = Msisdn::from_digits(66_812_345_678).expect("a number");
        let segments =
            Segments { encoding: Encoding::Gsm7, units: 39_015, count: 255, shifts: Shifts::default() };
        let cost = card.cost(PriceId(0), segments.count).expect("one message can be priced");
        let usable = Usable {
            to,
            repair: None,
            kind: None,
            segments,
            unfolded: None,
            price: Some(PriceId(0)),
            cost: Some(cost),
        };
        let fitting = u32::try_from(i64::MAX / cost.0).expect("few");
        for row in 1..=fitting {
            let message = Message { row: RowNumber(row), to, text: "x", segments, cost: Some(cost) };
            tally.accept(&message, &usable).expect("it still fits");
        }
        let message = Message { row: RowNumber(fitting + 1), to, text: "x", segments, cost: Some(cost) };
        assert!(tally.accept(&message, &usable).is_err());
        assert_eq!(Some(tally.cost), cost.checked_mul(fitting), "what was counted before stands");
    }
}
