//! What a pass counts on its way, and the preview that comes of it.

use crate::{
    ByEncoding, Columns, Cost, Diagnosis, Encodings, Example, Offer, PlanError, PrefixCost, Preview, Reject,
    SegmentsCost, Share,
    chunk::{RequestSums, Requests},
    diagnosis::TooLarge,
    recipient::Usable,
    source::Records,
};
use jiff::civil::Date;
use std::collections::BTreeMap;
use volley_core::{Encoding, Message, Micros, NumberKind, PlanHasher, PlanTerms, Profile, RateCard, Repair};

/// How many rejects of each word a preview keeps.
const FIRST_REJECTS: usize = 3;

/// What a pass knows at its end beside its counts.
pub(crate) struct Found {
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
    segments: u64,
    cost: Micros,
    by_price: Vec<Share>,
    gsm7: Share,
    ucs2: Share,
    /// By their segments.
    by_segments: Vec<Share>,
    /// By kind: a few of them, and one of them for most rows of some lists.
    repairs: Vec<(Repair, u64)>,
    pub(crate) fixed_lines: u64,
    first_message: Option<Example>,
    longest_message: Option<Example>,
    dearest_message: Option<Example>,
    requests: Requests,
    hasher: PlanHasher,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(card: Option<&'a RateCard>, requests: Requests) -> Self {
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
            by_segments: Vec::new(),
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

    pub(crate) fn accept(&mut self, message: &Message<'_>, usable: &Usable) -> Result<(), TooLarge> {
        let segments = message.segments;
        self.accepted += 1;
        self.segments += u64::from(segments.count);
        if let Some(repair) = usable.repair {
            match self.repairs.iter_mut().find(|(known, _)| *known == repair) {
                Some((_, count)) => *count += 1,
                None => self.repairs.push((repair, 1)),
            }
        }
        self.fixed_lines += u64::from(usable.kind == Some(NumberKind::Fixed));
        // The largest sum; what is part of it cannot be too large either.
        self.cost = self.cost.checked_add(message.cost.unwrap_or_default()).ok_or(TooLarge)?;
        let by_encoding = match segments.encoding {
            Encoding::Gsm7 => &mut self.gsm7,
            Encoding::Ucs2 => &mut self.ucs2,
        };
        by_encoding.add(message);
        let count = segments.count as usize;
        if count >= self.by_segments.len() {
            self.by_segments.resize(count + 1, Share::default());
        }
        self.by_segments[count].add(message);
        if let Some(price) = usable.price {
            self.by_price[usize::from(price.0)].add(message);
        }
        self.requests.add(usable.text_key);
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
        let by_encoding = self.gsm7.recipients + self.ucs2.recipients;
        assert_eq!(self.accepted, by_encoding, "each accepted recipient has one encoding");
    }

    pub(crate) fn into_preview(
        self,
        terms: PlanTerms,
        offer: &Offer,
        records: &Records,
        found: Found,
    ) -> Preview {
        let Found { estimated, diagnosis, profile, columns, prices_of, warnings } = found;
        let hash = self.hasher.finish(&terms);
        let RequestSums { requests, worst_doubt, texts } = self.requests.finish(offer.max_in_flight);
        let by_segments = (0..).zip(self.by_segments).filter(|(_, share)| share.recipients > 0);
        let by_segments: Vec<(u32, Share)> = by_segments.collect();
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
                by_segments: by_segments.iter().map(|&(each, share)| SegmentsCost { each, share }).collect(),
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
    use crate::recipient::Texts;
    use volley_core::{Batch, Msisdn, Price, PriceId, Rounding, RowNumber, Segments, Shifts};

    /// The largest price for a segment and for a message, 255 segments each: the sum goes beyond 64
    /// bits after some 36,000 of 2,000,000 messages, and the row that it is lost on is named.
    #[test]
    fn a_cost_that_no_integer_holds_is_refused_on_the_row_it_is_lost_on() {
        let price = Price { prefix: "66".to_owned(), per_segment: Price::MAX, per_message: Price::MAX };
        let currency = "THB".parse().expect("a currency");
        let card = RateCard::new(currency, vec![price], Rounding::Exact).expect("a card");
        let requests = Requests::new(Batch::SharedText { max: 500 }, 500, true, 0);
        let mut tally = Tally::new(Some(&card), requests);
        let to = Msisdn::from_digits(66_812_345_678).expect("a number");
        let segments =
            Segments { encoding: Encoding::Gsm7, units: 39_015, count: 255, shifts: Shifts::default() };
        let cost = card.cost(PriceId(0), segments.count).expect("one message can be priced");
        let usable = Usable {
            to,
            repair: None,
            kind: None,
            text: Texts::default().nothing(),
            text_key: 0,
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
