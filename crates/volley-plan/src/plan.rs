//! The pass over a campaign's recipients: every row is judged once, in order, and goes one way.

use crate::{
    Advice, Campaign, Capped, Columns, Duplicates, PlannedHours, Preview, RatesError, Reject, SourceError,
    UnknownVariable,
    advise::Advisor,
    chosen::Chosen,
    chunk::{self, Requests},
    columns,
    diagnosis::{Diagnosed, Diagnoser, TooLarge},
    forensics::Forensics,
    hours::Hours,
    number_set::{AHEAD, NumberSet},
    only,
    pipeline::{self, Work},
    place::FilePlace,
    rates,
    recipient::{self, LeavesOut, Other, Rules, Usable, Verdicts},
    source::{BLOCK, Block, Format, Records, Source},
    suppress,
    tally::{Found, Tally},
    texts::TextPlace,
    words::listed,
};
use jiff::civil::Date;
use std::{borrow::Cow, error::Error, num::NonZeroUsize, thread};
use volley_core::{
    Batch, Destinations, Message, Micros, NumberKind, PlanTerms, PriceId, Profile, Rate, RateCard, RowNumber,
    UnixMillis,
};

/// A text of so many bytes and fewer leaves blocks as large as they are asked for.
const COMMON_TEXT: usize = 400;
/// The bytes of a block where texts are longest.
const LEAST_BLOCK: usize = 4 * 1024;

/// What the provider offers, after the campaign's own limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The wire protocol's name, which is part of the plan hash.
    pub provider: String,
    /// How many recipients share a request.
    pub batch: Batch,
    /// The most recipients a request carries here, 1 to the batch's ceiling.
    pub chunk: u32,
    /// Whom the provider reaches.
    pub destinations: Destinations,
    /// How the provider counts segments, before the campaign's own word on it.
    pub profile: Profile,
    /// Rates that all hold; empty where there is no limit.
    pub rates: Vec<Rate>,
    /// Requests that wait for an answer at the same time, at least 1.
    pub max_in_flight: u32,
}

/// Takes what a pass finds, in the order of the input; now on one thread, now on another.
pub trait Sink: Send {
    /// Whether it is shown messages; a preview has no use for them, and is faster without.
    fn takes_messages(&self) -> bool {
        true
    }
    /// One message, and which of the rate card's prices holds for it; `None` without a card.
    fn message(&mut self, message: &Message<'_>, price: Option<PriceId>) -> Result<(), SinkError>;
    /// One row that is left out as unusable.
    fn reject(&mut self, reject: &Reject) -> Result<(), SinkError>;
    /// So many bytes of the list were read so far, of `size` where that is known; as the file lies
    /// on disk. Told now and then; an error stops the pass.
    fn read(&mut self, bytes: u64, size: Option<u64>) -> Result<(), SinkError> {
        let _ = (bytes, size);
        Ok(())
    }
}

/// A sink for previews: it keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Sink for Discard {
    fn takes_messages(&self) -> bool {
        false
    }

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
        /// Where that is in a file; `None` where the text is in none.
        place: Option<Box<FilePlace>>,
    },
    /// Two rows have one number and the campaign says `duplicates = "fail"`.
    #[error(
        "{file}: rows {first} and {second} have the same number; {}", self.hint())]
    Duplicate {
        /// The list.
        file: String,
        /// The earlier row.
        first: u32,
        /// The later row.
        second: u32,
    },
    /// More recipients than the campaign allows.
    #[error("{file}, row {row}: more than {max} recipients; {}", self.hint())]
    TooManyRecipients {
        /// The list.
        file: String,
        /// The row that is one too many.
        row: u32,
        /// The limit.
        max: u32,
    },
    /// A chunk size that the provider does not take.
    #[error("provider.chunk is {chunk}; {}", self.hint())]
    Chunk {
        /// The provider.
        provider: String,
        /// What was asked for.
        chunk: u32,
        /// What it takes.
        ceiling: u32,
    },
    /// A cost above 64 bits of millionths.
    #[error("{file}, row {row}: the cost is too large to be counted; {}", self.hint())]
    CostTooLarge {
        /// The list.
        file: String,
        /// Where the sum went over.
        row: u32,
    },
    /// The list was changed between the two passes that `duplicates = "last"` takes.
    #[error("{file}: the file changed while it was read; {}", self.hint())]
    Changed {
        /// The list.
        file: String,
    },
    /// The sink failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl PlanError {
    /// What to do about it, as its message ends; empty where there is nothing to say.
    pub fn hint(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Source(error) => return error.hint(),
            Self::Rates(error) => return error.hint(),
            Self::Variable { error, .. } => error.hint(),
            Self::Chunk { provider, ceiling, .. } => {
                return Cow::Owned(format!("{provider} takes 1 to {ceiling} recipients a request"));
            }
            Self::Sink(_) => "",
            Self::Duplicate { .. } => "remove one, or set recipients.duplicates to \"first\" or \"last\"",
            Self::TooManyRecipients { .. } => "raise limits.max_recipients or split the list",
            Self::CostTooLarge { .. } => "check the prices of the rate card",
            Self::Changed { .. } => "try again",
        })
    }

    /// Where it is, as far as that is in a file.
    pub fn place(&self) -> Option<FilePlace> {
        match self {
            Self::Source(error) => Some(error.place()),
            Self::Rates(error) => Some(error.place()),
            Self::Variable { place, .. } => place.as_deref().cloned(),
            Self::Duplicate { file, .. }
            | Self::TooManyRecipients { file, .. }
            | Self::CostTooLarge { file, .. }
            | Self::Changed { file } => Some(FilePlace::whole(file)),
            Self::Chunk { .. } | Self::Sink(_) => None,
        }
    }

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

/// What a plan depends on beside its campaign, the lists and the provider.
#[derive(Clone, Copy, Debug)]
pub struct Conditions<'a> {
    /// Decides which prices hold.
    pub today: Date,
    /// Who had as many texts lately as the campaign allows; `None` where it allows any number.
    pub capped: Option<&'a Capped>,
    /// When the provider is to send, where it can be handed a time.
    pub handed_over: Option<UnixMillis>,
    /// How many threads judge rows. Changes no result.
    pub threads: NonZeroUsize,
    /// The bytes of a list that are judged at a time. Changes no result.
    pub block_bytes: usize,
}

impl Conditions<'_> {
    /// On this day, as fast as this machine can.
    pub fn on(today: Date) -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { today, capped: None, handed_over: None, threads, block_bytes: BLOCK }
    }
}

/// Runs over the campaign's recipients and gives every message and every reject to `sink`, in the
/// order of the list.
///
/// `duplicates = "last"` reads the input twice, and holds standard input in memory for that. A
/// plan with nobody in it is no error here: `accepted` is 0.
pub fn plan(
    campaign: &Campaign,
    offer: &Offer,
    conditions: &Conditions<'_>,
    sink: &mut dyn Sink,
) -> Result<Preview, PlanError> {
    pass(campaign, offer, conditions, sink, None)
}

/// As [`plan`], and what edits of the text would save. The list is read no more often for it.
pub fn plan_with_advice(
    campaign: &Campaign,
    offer: &Offer,
    conditions: &Conditions<'_>,
    sink: &mut dyn Sink,
) -> Result<(Preview, Advice), PlanError> {
    let mut advice = Advice::default();
    let preview = pass(campaign, offer, conditions, sink, Some(&mut advice))?;
    Ok((preview, advice))
}

fn pass(
    campaign: &Campaign,
    offer: &Offer,
    conditions: &Conditions<'_>,
    sink: &mut dyn Sink,
    advice: Option<&mut Advice>,
) -> Result<Preview, PlanError> {
    check_offer(offer)?;
    let today = conditions.today;
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
        block_bytes: block_bytes(campaign, conditions),
        sheet: recipients.sheet.as_deref(),
    };

    let mut records = Records::open(&source, &format)?;
    let header = records.first.clone();
    let hours = Hours::of(campaign, conditions);
    let only = only::load(recipients.only.as_deref(), recipients.region)?;
    let leaves_out = LeavesOut {
        suppressed: &suppressed,
        only: only.as_ref(),
        capped: conditions.capped,
        hours: hours.as_ref(),
    };
    let rules = rules(campaign, offer, &profile, card.as_ref(), leaves_out, &records, &header)?;
    let expected = expected(campaign, &records);
    let mut chosen = Chosen::new(recipients.duplicates, expected);
    if recipients.duplicates == Duplicates::Last {
        find_last_rows(&mut records, &rules, conditions, &mut chosen)?;
        records = Records::open(&source, &format)?;
    }

    let requests = Requests::new(offer.batch, offer.chunk, rules.text.is_constant(), expected);
    let mut taker = Taker {
        file: records.file.clone(),
        max_recipients: campaign.limits.max_recipients,
        chosen,
        met: only.as_ref().map(|_| NumberSet::default()),
        tally: Tally::new(card.as_ref(), requests, hours.as_ref().map(Hours::planned)),
        forensics: Forensics::default(),
        diagnoser: Diagnoser::new(&profile, &rules.text, card.as_ref(), rules.folding),
        advisor: advice.is_some().then(|| Advisor::new(&rules, &campaign.message)),
        shows_all: advice.is_some() || sink.takes_messages(),
        sink,
    };
    let judge = |judged: &mut Judged| judged.judge(&rules);
    let progress = records.progress();
    pipeline::run(&mut records, conditions.threads, judge, |judged| {
        taker.sink.read(progress.taken(), progress.size)?;
        taker.take(judged)
    })?;

    let Taker { file, chosen, met, tally, forensics, diagnoser, advisor, .. } = taker;
    tally.check();
    if chosen.found_before().is_some_and(|found| found as u64 != tally.accepted) {
        return Err(PlanError::Changed { file });
    }
    if let Some((advice, advisor)) = advice.zip(advisor) {
        *advice = advisor.finish();
    }
    warnings.extend_from_slice(suppressed.warnings());
    warnings.extend(only.iter().zip(&met).flat_map(|(only, met)| only.warnings(met)));
    warnings.extend(warnings_of(&records, &rules));
    warnings.extend(forensics.warnings(&file, tally.rows));
    let columns = columns_of(&rules);
    let estimated = tally.estimated(&file)?;
    warnings.extend(above_cap(campaign, estimated));
    warnings.extend(fixed_lines(campaign, tally.fixed_lines));
    warnings.extend(tally.hours.as_ref().and_then(|hours| mixed_hours(offer, hours)));
    let found = Found {
        threads: conditions.threads,
        estimated,
        prices_of: card.as_ref().map(|_| price_day(campaign, today)),
        diagnosis: diagnoser.finish(&header),
        profile: profile.clone(),
        columns,
        warnings,
    };
    Ok(tally.into_preview(terms(campaign, offer, card.as_ref()), offer, &records, found))
}

/// A block of rows and what became of each of them.
#[derive(Default)]
struct Judged {
    block: Block,
    verdicts: Verdicts,
    forensics: Forensics,
    /// The row whose cost is above 64 bits of millionths, and which is the last.
    too_large: Option<RowNumber>,
}

impl Work for Judged {
    fn block(&mut self) -> &mut Block {
        &mut self.block
    }
}

impl Judged {
    fn judge(&mut self, rules: &Rules<'_>) {
        let Self { block, verdicts, forensics, too_large } = self;
        verdicts.clear();
        *forensics = Forensics::default();
        *too_large = None;
        for (index, row) in (0..).zip(block.rows()) {
            if rules.judge(index, &row, verdicts).is_err() {
                *too_large = Some(row.number);
                break;
            }
        }
        verdicts.usable.iter().for_each(|one| forensics.accepted(one.to, one.repair));
        for (_, other) in &verdicts.others {
            if let Other::Rejected(reject) = other {
                forensics.rejected(reject.reason);
            }
        }
    }
}

/// Takes what was judged in the order of the list: all that one row has to do with others.
struct Taker<'a> {
    file: String,
    max_recipients: u32,
    chosen: Chosen,
    /// The numbers that are sent to, where only some may be.
    met: Option<NumberSet>,
    tally: Tally<'a>,
    forensics: Forensics,
    diagnoser: Diagnoser<'a>,
    advisor: Option<Advisor<'a>>,
    /// Whether the sink or the advisor is shown every message.
    shows_all: bool,
    sink: &'a mut dyn Sink,
}

impl Taker<'_> {
    fn take(&mut self, judged: &Judged) -> Result<(), PlanError> {
        self.forensics.add(&judged.forensics);
        let Verdicts { usable, text_keys, texts, others } = &judged.verdicts;
        // Whether they are UTF-8 is found for all of them at once.
        let all = if self.shows_all { Some(texts.all()) } else { None };
        let mut others = others.iter().peekable();
        let mut text_keys = text_keys.iter();
        // Texts of chosen rows without another text between them.
        let mut run = TextPlace::default();
        for usable in usable.chunks(AHEAD) {
            self.chosen.look_ahead(usable.iter().map(|one| one.to));
            for one in usable {
                while let Some((index, other)) = others.next_if(|(index, _)| *index < one.index) {
                    self.other(judged, *index, other)?;
                }
                let text_key = text_keys.next().copied().unwrap_or_default();
                if self.usable(judged, all, one, text_key)? {
                    run = run.joined(one.text).unwrap_or_else(|| {
                        self.tally.hash_texts(texts.bytes(run));
                        one.text
                    });
                }
            }
        }
        self.tally.hash_texts(texts.bytes(run));
        for (index, other) in others {
            self.other(judged, *index, other)?;
        }
        judged.too_large.map_or(Ok(()), |row| Err(self.too_large(row)))
    }

    /// A row that nobody is texted for.
    fn other(&mut self, judged: &Judged, index: u32, other: &Other) -> Result<(), PlanError> {
        self.tally.rows += 1;
        match other {
            Other::Suppressed => self.tally.suppressed += 1,
            Other::Rejected(reject) => {
                if let Some(advisor) = &mut self.advisor {
                    advisor.left_out(&judged.block.row(index as usize), reject.reason);
                }
                self.sink.reject(reject)?;
                self.tally.reject(reject);
            }
        }
        Ok(())
    }

    /// Somebody who can be texted; whether they are, because no other row has the number. The text
    /// is hashed by the caller. `all` is all texts of the block, where all messages are shown.
    fn usable(
        &mut self,
        judged: &Judged,
        all: Option<&str>,
        usable: &Usable,
        text_key: u64,
    ) -> Result<bool, PlanError> {
        self.tally.rows += 1;
        let number = judged.block.number(usable.index as usize);
        if !self.chosen.is_chosen(usable.to, number, &self.file)? {
            self.tally.duplicates += 1;
            return Ok(false);
        }
        if self.tally.accepted == u64::from(self.max_recipients) {
            let (file, max) = (self.file.clone(), self.max_recipients);
            return Err(PlanError::TooManyRecipients { file, row: number.0, max });
        }
        if let Some(met) = &mut self.met {
            met.insert(usable.to);
        }
        let texts = &judged.verdicts.texts;
        self.tally.accept(number, usable, text_key, texts).map_err(|TooLarge| self.too_large(number))?;
        let is_diagnosed = self.diagnoser.looks_at(usable.segments, usable.unfolded.is_some());
        if is_diagnosed || self.shows_all {
            let text = |place: TextPlace| all.map_or_else(|| texts.get(place), |all| &all[place.range()]);
            let message = usable.message(number, text(usable.text));
            if is_diagnosed {
                let unfolded = usable.unfolded.map(|length| text(usable.text.before(length)));
                self.diagnose(judged, usable, &message, unfolded)?;
            }
            if let Some(advisor) = &mut self.advisor {
                advisor.sent(&judged.block.row(usable.index as usize), &message, usable.price);
            }
            if self.sink.takes_messages() {
                self.sink.message(&message, usable.price)?;
            }
        }
        Ok(true)
    }

    /// A message that there is something to say of.
    fn diagnose(
        &mut self,
        judged: &Judged,
        usable: &Usable,
        message: &Message<'_>,
        unfolded: Option<&str>,
    ) -> Result<(), PlanError> {
        let cells = judged.block.row(usable.index as usize).cells;
        let Usable { price, plain, .. } = *usable;
        let diagnosed = Diagnosed { message, price, cells, unfolded, plain };
        self.diagnoser.row(&diagnosed).map_err(|TooLarge| self.too_large(message.row))
    }

    fn too_large(&self, row: RowNumber) -> PlanError {
        PlanError::CostTooLarge { file: self.file.clone(), row: row.0 }
    }
}

/// The last usable row of each number.
fn find_last_rows(
    records: &mut Records,
    rules: &Rules<'_>,
    conditions: &Conditions<'_>,
    chosen: &mut Chosen,
) -> Result<(), PlanError> {
    let file = records.file.clone();
    let judge = |judged: &mut Judged| judged.judge(rules);
    pipeline::run(records, conditions.threads, judge, |judged| {
        for usable in &judged.verdicts.usable {
            chosen.found(usable.to, judged.block.number(usable.index as usize));
        }
        judged.too_large.map_or(Ok(()), |row| Err(PlanError::CostTooLarge { file: file.clone(), row: row.0 }))
    })
}

/// The bytes of a block: fewer where the campaign's own text is so long that the texts of a block
/// would take too much room.
fn block_bytes(campaign: &Campaign, conditions: &Conditions<'_>) -> usize {
    let fixed: usize = campaign.message.template.literals().map(str::len).sum();
    let share = BLOCK.saturating_mul(COMMON_TEXT) / fixed.max(COMMON_TEXT);
    conditions.block_bytes.min(share.max(LEAST_BLOCK))
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

/// What to know where requests have to be cut to keep to the send window: only neighbours in the
/// list share one, and those whose window is closed stay behind.
fn mixed_hours(offer: &Offer, hours: &PlannedHours) -> Option<String> {
    let recipients: u64 = hours.recipients.values().sum();
    let requests = recipients.div_ceil(u64::from(offer.chunk));
    let is_mixed = offer.batch.ceiling() > 1 && hours.changes > requests + hours.recipients.len() as u64;
    is_mixed.then(|| {
        "recipients of different time zones alternate in the list: while the send window is closed for \
         some of them, requests carry few; sort the list by number"
            .to_owned()
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

/// How many numbers the list may hold at a guess, from its size and its first rows.
fn expected(campaign: &Campaign, records: &Records) -> usize {
    let rows = records.expected_rows().unwrap_or(0);
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
    offer: &'a Offer,
    profile: &'a Profile,
    card: Option<&'a RateCard>,
    leaves_out: LeavesOut<'a>,
    records: &Records,
    header: &'a [String],
) -> Result<Rules<'a>, PlanError> {
    let recipients = &campaign.recipients;
    let file = &records.file;
    columns::check_names(file, header)?;
    let number_columns = columns::number_columns(file, header, &recipients.number, recipients.region)?;
    let message = &campaign.message;
    let text = message.template.bind(header, &message.defaults).map_err(|error| {
        let place = message.origin.place(error.place()).map(Box::new);
        PlanError::Variable { file: file.clone(), error, place }
    })?;
    Ok(Rules {
        header,
        delimiter: records.delimiter,
        number_columns,
        region: recipients.region,
        policy: &recipients.policy,
        destinations: &offer.destinations,
        leaves_out,
        keys_texts: chunk::by_text(offer.batch, text.is_constant()),
        fixed: recipient::fixed_length(&text),
        text,
        encoding: message.encoding,
        folding: message.folding,
        max_segments: message.max_segments.min(profile.max_segments),
        profile,
        card,
    })
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
    warnings.extend(records.notes().into_iter().map(|note| format!("{file}: {note}")));
    warnings
}
