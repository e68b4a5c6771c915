//! What a pass counts on its way, and the preview that comes of it.

use crate::{
    ByEncoding, Columns, Cost, CountryCost, Diagnosis, Encodings, Example, Offer, PlanError, PlannedHours,
    PrefixCost, Preview, Reject, SegmentsCost, Share,
    chunk::{RequestSums, Requests},
    diagnosis::TooLarge,
    recipient::Usable,
    source::Records,
    texts::Texts,
};
use jiff::civil::Date;
use std::{cmp::Reverse, collections::BTreeMap, num::NonZeroUsize};
use volley_core::{
    Encoding, Message, Micros, NumberKind, PlanHasher, PlanTerms, PriceId, Profile, RateCard, Region, Repair,
    RowNumber, Segments,
};

/// How many rejects of each word a preview keeps.
const FIRST_REJECTS: usize = 3;

/// What a pass knows at its end beside its counts.
pub(crate) struct Found {
    /// How many threads may finish the counts.
    pub(crate) threads: NonZeroUsize,
    pub(crate) estimated: Option<Micros>,
    pub(crate) diagnosis: Diagnosis,
    pub(crate) profile: Profile,
    pub(crate) columns: Columns,
    pub(crate) prices_of: Option<Date>,
    pub(crate) warnings: Vec<String>,
}

/// What a pass counts on its way.
pub(crate) struct Tally<'a> {
    card: Option<&'a RateCard>,
    pub(crate) rows: u64,
    pub(crate) accepted: u64,
    pub(crate) duplicates: u64,
    pub(crate) suppressed: u64,
    rejected: BTreeMap<&'static str, u64>,
    first_rejects: BTreeMap<&'static str, Vec<Reject>>,
    cost: Micros,
    shares: Shares,
    /// By kind: a few of them, and one of them for most rows of some lists.
    repairs: Vec<(Repair, u64)>,
    pub(crate) fixed_lines: u64,
    first_message: Option<Example>,
    longest_message: Option<Example>,
    dearest_message: Option<Example>,
    requests: Requests,
    hasher: PlanHasher,
    /// `None` where texts may go at any hour.
    pub(crate) hours: Option<PlannedHours>,
}

/// How many of one country get a text in one encoding, of so many segments, at one price. All that
/// such recipients take is the same for each of them, so that their number is all there is to count.
struct Shares {
    /// How many prices there are, at least 1.
    prices: usize,
    /// By the places of their regions; in front of them, those of no country.
    countries: Vec<Country>,
}

/// The recipients of one country.
#[derive(Clone, Default)]
struct Country {
    region: Option<Region>,
    /// By segments, then price, then encoding; a place for each.
    recipients: Vec<u64>,
}

/// Recipients that are alike, and what all of them get.
struct Alike {
    region: Option<Region>,
    encoding: Encoding,
    /// The segments of one text.
    each: u32,
    price: PriceId,
    share: Share,
}

impl Shares {
    const ENCODINGS: [Encoding; 2] = [Encoding::Gsm7, Encoding::Ucs2];

    fn new(card: Option<&RateCard>) -> Self {
        Self { prices: card.map_or(1, |card| card.prices().len().max(1)), countries: Vec::new() }
    }

    /// Counts one recipient.
    fn add(&mut self, region: Option<Region>, segments: Segments, price: Option<PriceId>) {
        let price = price.map_or(0, |price| usize::from(price.0));
        let encoding = usize::from(segments.encoding == Self::ENCODINGS[1]);
        let place = (segments.count as usize * self.prices + price) * Self::ENCODINGS.len() + encoding;
        let country = region.map_or(0, |region| region.index() + 1);
        match self.countries.get_mut(country).and_then(|country| country.recipients.get_mut(place)) {
            Some(recipients) => *recipients += 1,
            None => self.add_first(country, region, place),
        }
    }

    /// Counts the first of those that are alike.
    #[cold]
    fn add_first(&mut self, country: usize, region: Option<Region>, place: usize) {
        if country >= self.countries.len() {
            self.countries.resize(country + 1, Country::default());
        }
        let country = &mut self.countries[country];
        country.region = region;
        country.recipients.resize(place + 1, 0);
        country.recipients[place] += 1;
    }

    /// Those of each kind together, by their countries; none of nobody.
    fn of<'a>(&'a self, card: Option<&'a RateCard>) -> impl Iterator<Item = Alike> {
        let counted = self.countries.iter().flat_map(|country| {
            (0..)
                .zip(&country.recipients)
                .map(move |(place, &recipients)| (country.region, place, recipients))
        });
        counted.filter(|(_, _, recipients)| *recipients > 0).map(move |(region, place, recipients)| {
            let (rest, encoding) = (place / Self::ENCODINGS.len(), place % Self::ENCODINGS.len());
            let (each, price) = (rest / self.prices, rest % self.prices);
            let each = u32::try_from(each).expect("segments were counted in 32 bits");
            let price = PriceId(u16::try_from(price).expect("a card has no more prices"));
            let cost = card.and_then(|card| card.cost(price, each)).unwrap_or_default();
            let recipients_cost = i64::try_from(recipients).ok().and_then(|count| cost.0.checked_mul(count));
            let share = Share {
                recipients,
                segments: recipients * u64::from(each),
                cost: Micros(recipients_cost.expect("no larger than the sum, which was checked")),
            };
            Alike { region, encoding: Self::ENCODINGS[encoding], each, price, share }
        })
    }
}

/// What those of each country get, the dearest first.
fn by_country(countries: Vec<(Option<Region>, Share)>) -> Vec<CountryCost> {
    let cost = |(region, share): (Option<Region>, Share)| CountryCost {
        country: region.map(|region| region.to_string()),
        share,
    };
    let mut costs: Vec<CountryCost> = countries.into_iter().map(cost).collect();
    costs.sort_by_cached_key(|one| {
        (Reverse(one.share.cost), Reverse(one.share.recipients), one.country.clone())
    });
    costs
}

impl<'a> Tally<'a> {
    pub(crate) fn new(card: Option<&'a RateCard>, requests: Requests, hours: Option<PlannedHours>) -> Self {
        Self {
            card,
            hours,
            rows: 0,
            accepted: 0,
            duplicates: 0,
            suppressed: 0,
            rejected: BTreeMap::new(),
            first_rejects: BTreeMap::new(),
            cost: Micros::ZERO,
            shares: Shares::new(card),
            repairs: Vec::new(),
            fixed_lines: 0,
            first_message: None,
            longest_message: None,
            dearest_message: None,
            requests,
            hasher: PlanHasher::new(card.map(RateCard::rounding).unwrap_or_default()),
        }
    }

    pub(crate) fn reject(&mut self, reject: &Reject) {
        let word = reject.reason.word();
        *self.rejected.entry(word).or_default() += 1;
        let first = self.first_rejects.entry(word).or_default();
        if first.len() < FIRST_REJECTS {
            first.push(reject.clone());
        }
    }

    /// Counts the message of `row`, whose text is among `texts` and hashed apart from it.
    pub(crate) fn accept(
        &mut self,
        row: RowNumber,
        usable: &Usable,
        text_key: u64,
        texts: &Texts,
    ) -> Result<(), TooLarge> {
        let Usable { to, text, segments, cost, .. } = *usable;
        self.accepted += 1;
        if let Some(repair) = usable.repair {
            match self.repairs.iter_mut().find(|(known, _)| *known == repair) {
                Some((_, count)) => *count += 1,
                None => self.repairs.push((repair, 1)),
            }
        }
        let assignment = usable.assignment;
        self.fixed_lines += u64::from(assignment.is_some_and(|one| one.kind == NumberKind::Fixed));
        // The largest sum; what is part of it cannot be too large either.
        self.cost = self.cost.checked_add(cost.unwrap_or_default()).ok_or(TooLarge)?;
        self.shares.add(assignment.and_then(|one| one.region), segments, usable.price);
        self.requests.add(text_key);
        if let Some((hours, zones)) = self.hours.as_mut().zip(usable.zones) {
            hours.add(zones);
        }
        self.hasher.without_text(row, to, text.len(), cost);
        let example = || example(&usable.message(row, texts.get(text)));
        let longest = self.longest_message.as_ref().map(|example| example.segments);
        if longest.is_none_or(|longest| (segments.count, segments.units) > (longest.count, longest.units)) {
            self.longest_message = Some(example());
        }
        let dearest = self.dearest_message.as_ref().map(|example| example.cost);
        if cost.is_some() && dearest.is_none_or(|dearest| cost > dearest) {
            self.dearest_message = Some(example());
        }
        if self.first_message.is_none() {
            self.first_message = Some(example());
        }
        Ok(())
    }

    /// Takes the texts of messages that were counted, one behind another.
    pub(crate) fn hash_texts(&mut self, texts: &[u8]) {
        self.hasher.texts(texts);
    }

    /// What it costs in all; `None` without a rate card.
    pub(crate) fn estimated(&self, file: &str) -> Result<Option<Micros>, PlanError> {
        let row = u32::try_from(self.rows).unwrap_or(u32::MAX);
        let too_large = || PlanError::CostTooLarge { file: file.to_owned(), row };
        self.card.map(|card| card.rounding().total(self.cost).ok_or_else(too_large)).transpose()
    }

    /// Everybody went exactly one way.
    pub(crate) fn check(&self) {
        let rejected: u64 = self.rejected.values().sum();
        let sum = self.accepted + self.duplicates + self.suppressed + rejected;
        assert_eq!(self.rows, sum, "rows = accepted + duplicates + suppressed + rejected");
        let shared: u64 = self.shares.countries.iter().flat_map(|country| &country.recipients).sum();
        assert_eq!(self.accepted, shared, "each accepted recipient has one share");
    }

    pub(crate) fn into_preview(
        self,
        terms: PlanTerms,
        offer: &Offer,
        records: &Records,
        found: Found,
    ) -> Preview {
        let Found { threads, estimated, diagnosis, profile, columns, prices_of, warnings } = found;
        let hash = self.hasher.finish(&terms);
        let RequestSums { requests, worst_doubt, texts } = self.requests.finish(offer.max_in_flight, threads);
        let mut all = Share::default();
        let (mut gsm7, mut ucs2) = (Share::default(), Share::default());
        let mut by_segments: BTreeMap<u32, Share> = BTreeMap::new();
        let mut by_price: BTreeMap<PriceId, Share> = BTreeMap::new();
        let mut countries: Vec<(Option<Region>, Share)> = Vec::new();
        for Alike { region, encoding, each, price, share } in self.shares.of(self.card) {
            all.add(share);
            match countries.last_mut() {
                Some((last, sum)) if *last == region => sum.add(share),
                _ => countries.push((region, share)),
            }
            match encoding {
                Encoding::Gsm7 => gsm7.add(share),
                Encoding::Ucs2 => ucs2.add(share),
            }
            by_segments.entry(each).or_default().add(share);
            by_price.entry(price).or_default().add(share);
        }
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
            segments: all.segments,
            encodings: Encodings { gsm7: gsm7.recipients, ucs2: ucs2.recipients },
            cost: self.card.zip(estimated).map(|(card, total)| Cost {
                currency: card.currency().to_string(),
                total,
                by_prefix: by_prefix(card, &by_price),
                by_country: by_country(countries),
                by_encoding: ByEncoding { gsm7, ucs2 },
                by_segments: by_segments.iter().map(|(&each, &share)| SegmentsCost { each, share }).collect(),
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
            recipients_by_segments: by_segments
                .into_iter()
                .map(|(each, share)| (each, share.recipients))
                .collect(),
            repairs: self.repairs.into_iter().map(|(repair, count)| (repair.word(), count)).collect(),
            blank_lines: records.blank_lines(),
            prices_of,
            warnings,
            first_rejects: self.first_rejects,
            columns,
            delimiter: char::from(records.delimiter),
            encoding: records.encoding,
            distinct_texts: texts,
            first_message: self.first_message,
            longest_message: self.longest_message,
            dearest_message: self.dearest_message,
            hours: self.hours,
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

fn by_prefix(card: &RateCard, by_price: &BTreeMap<PriceId, Share>) -> Vec<PrefixCost> {
    let mut by_prefix: Vec<PrefixCost> = by_price
        .iter()
        .map(|(&price, &share)| PrefixCost { prefix: card.price(price).prefix.clone(), share })
        .collect();
    by_prefix.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix));
    by_prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::TextPlace;
    use volley_core::{Batch, Msisdn, Price, Rounding, Shifts};

    /// The largest price for a segment and for a message, 255 segments each: the sum goes beyond 64
    /// bits after some 36,000 of 2,000,000 messages, and the row that it is lost on is named.
    #[test]
    fn a_cost_that_no_integer_holds_is_refused_on_the_row_it_is_lost_on() {
        let price = Price { prefix: "66".to_owned(), per_segment: Price::MAX, per_message: Price::MAX };
        let currency = "THB".parse().expect("a currency");
        let card = RateCard::new(currency, vec![price], Rounding::Exact).expect("a card");
        let requests = Requests::new(Batch::SharedText { max: 500 }, 500, true, 0);
        let mut tally = Tally::new(Some(&card), requests, None);
        let to = Msisdn::from_digits(66_812_345_678).expect("a number");
        let segments =
            Segments { encoding: Encoding::Gsm7, units: 39_015, count: 255, shifts: Shifts::default() };
        let cost = card.cost(PriceId(0), segments.count).expect("one message can be priced");
        let usable = Usable {
            index: 0,
            to,
            repair: None,
            assignment: None,
            zones: None,
            text: TextPlace::default(),
            segments,
            unfolded: None,
            plain: None,
            price: Some(PriceId(0)),
            cost: Some(cost),
        };
        let fitting = u32::try_from(i64::MAX / cost.0).expect("few");
        let texts = Texts::default();
        for row in 1..=fitting {
            tally.accept(RowNumber(row), &usable, 0, &texts).expect("it still fits");
        }
        assert!(tally.accept(RowNumber(fitting + 1), &usable, 0, &texts).is_err());
        assert_eq!(Some(tally.cost), cost.checked_mul(fitting), "what was counted before stands");
    }
}
