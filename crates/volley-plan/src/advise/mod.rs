//! Edits of a campaign's text that would save money, priced over its real recipients.
//!
//! None is applied: a person reads them and edits the text by hand. [`propose`] tries what a
//! person might do to the text: look-alikes in GSM-7, no emoji, one septet for two, a word less, a
//! variable less. What each saves is no estimate: every recipient's text is judged as the edit
//! would leave it, by the same rules as the plan, and the difference is exact. Recipients that no
//! edit tells apart are judged once ([`groups`]).
//!
//! Bounded work: groups are gathered while the list is read once, and held up to a fixed number.
//! Where that is not enough, the 12 best edits by the groups so far are chosen, and only these are
//! priced over the rest of the list, which then takes up to 12 judgements a row.
//!
//! Never proposed: an edit that leaves nothing but blanks, one that leaves a recipient out, one
//! that changes a link, and one that touches words or variables in a sentence that says how to get
//! no more messages, which must be there by law in many countries.

mod groups; // recipients that every edit treats alike
mod passage; // the text's words and sentences, and changes to them
mod propose; // the text alone -> edits worth a try

use crate::{
    MessageSettings, Reason, Template, TextEncoding,
    diagnosis::TooLarge,
    recipient::{Rules, Verdicts, fixed_length},
    source::Row,
    template::Bound,
};
use groups::{Group, Groups, Now};
use propose::{Proposal, Proposer};
use serde::{Serialize, Serializer};
use std::{cmp::Reverse, collections::BTreeMap, fmt};
use volley_core::{Message, Micros, PriceId};

/// Edits that are told of at most.
const MAX_EDITS: usize = 24;
/// Edits that are priced over the rest of a list whose rows are all different.
const MAX_EDITS_FAR: usize = 12;
/// Of either, edits that leave out words: there is often one for each word, and all save the same.
const MAX_WORDS: usize = 8;
/// Neighbouring words that are left out together at most.
const MAX_RUN: usize = 8;

/// Edits that would save something, those first that save most money, or segments where there is
/// no rate card; then the shortest. At most 24.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Advice {
    /// The edits.
    pub edits: Vec<Edit>,
}

/// An edit that nobody has made yet, and what it would save.
///
/// Savings are over the recipients that the plan has without it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// What kind of edit.
    pub kind: EditKind,
    /// What is to be done, in words.
    pub what: String,
    /// The place as it is now, with the words around it.
    pub before: String,
    /// The same place after the edit.
    pub after: String,
    /// The campaign's whole text after the edit, variables as `{{name}}` with their filters.
    pub text: String,
    /// The variable that [`EditKind::EmptyDefault`] and [`EditKind::DefaultForLong`] are about.
    pub variable: Option<String>,
    /// Segments saved in all, more than 0.
    pub segments_saved: u64,
    /// Money saved in all, more than 0: the difference of the two totals, each rounded where the
    /// rule is to round totals. `None` without a rate card.
    #[serde(serialize_with = "as_decimal")]
    pub cost_saved: Option<Micros>,
    /// Recipients who cost less; without a rate card, whose texts take fewer segments.
    pub rows: u64,
    /// Rows left out now that could be sent to; duplicates among them are not told apart.
    pub more_rows: u64,
}

/// What kind of edit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EditKind {
    /// A look-alike written in GSM-7, wherever it stands; or all of them.
    LookAlike,
    /// What GSM-7 lacks and nothing looks like, left out.
    Character,
    /// A character of two septets written with one, or left out.
    Extension,
    /// Blanks left out.
    Spacing,
    /// A word left out.
    Word,
    /// Neighbouring words left out, where no single one and no change of characters saves a segment
    /// for most of those who take several.
    Words,
    /// A variable left out for everybody.
    Variable,
    /// A variable's default made empty: in the text where it stands there, or else in
    /// `message.defaults`.
    EmptyDefault,
    /// A variable's default put in place of those values that make a text longer than it would
    /// be with the default: cells of the list made empty, the text stays.
    DefaultForLong,
}

impl EditKind {
    /// Whether it changes what some recipients are told of themselves.
    const fn is_about_values(self) -> bool {
        matches!(self, Self::Variable | Self::EmptyDefault | Self::DefaultForLong)
    }

    /// Whether it leaves out words.
    const fn is_about_words(self) -> bool {
        matches!(self, Self::Word | Self::Words)
    }
}

/// Without the campaign's text.
impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, segments_saved, cost_saved, rows, .. } = self;
        write!(f, "Edit({kind:?}, {segments_saved} segments, {cost_saved:?}, {rows} rows)")
    }
}

/// Gathers recipients during a pass and says at its end what edits would save.
pub(crate) struct Advisor<'a> {
    rules: &'a Rules<'a>,
    /// The same rules, but every value is taken.
    anyone: Rules<'a>,
    proposer: Proposer<'a>,
    groups: Groups<'a>,
    /// The edits that are priced; `None` before the first are chosen.
    trials: Option<Vec<Trial<'a>>>,
    verdicts: Verdicts,
}

impl<'a> Advisor<'a> {
    pub(crate) fn new(rules: &'a Rules<'a>, message: &'a MessageSettings) -> Self {
        let anything = Template::parse("x").ok().and_then(|text| text.bind(&[], &BTreeMap::new()).ok());
        let anything = anything.expect("a text without variables");
        Self {
            rules,
            anyone: Rules { encoding: TextEncoding::Auto, ..with_text(rules, anything) },
            proposer: Proposer::new(message, rules.header, rules.profile),
            groups: Groups::new(rules),
            trials: None,
            verdicts: Verdicts::default(),
        }
    }

    /// Somebody whom the plan sends to.
    pub(crate) fn sent(&mut self, row: &Row<'_>, message: &Message<'_>, price: Option<PriceId>) {
        let now = Now::Sent { segments: message.segments.count, cost: message.cost };
        self.add(row, now, price);
    }

    /// Somebody whom the plan leaves out for `reason`.
    pub(crate) fn left_out(&mut self, row: &Row<'_>, reason: Reason) {
        let may_be_the_text = match reason {
            Reason::EmptyVariable
            | Reason::UnsafeVariable
            | Reason::LongVariable
            | Reason::NotGsm7
            | Reason::TooLong
            | Reason::BadUtf8
            | Reason::BadQuotes
            | Reason::ComputedCell => true,
            Reason::Number(_)
            | Reason::Country
            | Reason::Kind
            | Reason::Destination
            | Reason::NoPrice
            | Reason::NotInOnly
            | Reason::FrequencyCap
            | Reason::OutsideWindow
            | Reason::WindowNeverOpens
            | Reason::FieldCount => false,
        };
        self.verdicts.clear();
        let is_sent = may_be_the_text
            && self.anyone.judge(0, row, &mut self.verdicts).is_ok()
            && !self.verdicts.usable.is_empty();
        if is_sent {
            self.add(row, Now::LeftOut, None);
        }
    }

    fn add(&mut self, row: &Row<'_>, now: Now, price: Option<PriceId>) {
        if self.groups.are_full() {
            self.settle(MAX_EDITS_FAR);
        }
        self.groups.add(row, now, price);
    }

    /// The edits that save something, after the last row.
    pub(crate) fn finish(mut self) -> Advice {
        self.settle(MAX_EDITS);
        let trials = self.trials.into_iter().flatten();
        Advice { edits: trials.filter_map(Trial::edit).collect() }
    }

    /// Prices the edits for the groups so far, at most `most` of them, and forgets these groups.
    fn settle(&mut self, most: usize) {
        let mut trials = match self.trials.take() {
            None => self.chosen(most),
            Some(mut trials) => {
                self.price(&mut trials);
                trials
            }
        };
        trials.sort_by_key(Trial::order);
        self.trials = Some(trials);
        self.groups.clear();
    }

    /// The `most` best edits by the groups so far.
    fn chosen(&mut self, most: usize) -> Vec<Trial<'a>> {
        let edits = self.proposer.edits();
        let mut trials = self.tried(edits);
        let several = |group: &&Group| matches!(group.now, Now::Sent { segments, .. } if segments > 1);
        let dear: u64 = self.groups.iter().filter(several).map(|group| group.rows).sum();
        let is_for_most = |trial: &Trial<'_>| trial.edit.rows * 2 > dear;
        if dear > 0 && !trials.iter().any(|trial| !trial.edit.kind.is_about_values() && is_for_most(trial)) {
            let runs = (2..=MAX_RUN).map(|length| {
                let edits = self.proposer.words(length);
                let mut runs = self.tried(edits);
                runs.retain(is_for_most);
                runs
            });
            trials.extend(runs.into_iter().find(|runs| !runs.is_empty()).unwrap_or_default());
        }
        trials.sort_by_key(Trial::order);
        let mut words = 0;
        trials.retain(|trial| {
            words += usize::from(trial.edit.kind.is_about_words());
            words <= MAX_WORDS || !trial.edit.kind.is_about_words()
        });
        trials.truncate(most);
        trials
    }

    /// Edits priced for the groups so far.
    fn tried(&mut self, edits: Vec<Proposal>) -> Vec<Trial<'a>> {
        let mut trials: Vec<Trial<'a>> = edits.into_iter().map(|edit| Trial::new(self.rules, edit)).collect();
        self.price(&mut trials);
        trials
    }

    /// Prices edits for the groups so far.
    fn price(&mut self, trials: &mut [Trial<'_>]) {
        for trial in trials {
            for group in self.groups.iter() {
                trial.add(group, &mut self.verdicts);
            }
        }
    }
}

/// The same rules for another text.
fn with_text<'a>(rules: &Rules<'a>, text: Bound) -> Rules<'a> {
    Rules {
        header: rules.header,
        delimiter: rules.delimiter,
        number_columns: rules.number_columns.clone(),
        region: rules.region,
        policy: rules.policy,
        destinations: rules.destinations,
        leaves_out: rules.leaves_out,
        fixed: fixed_length(&text),
        text,
        keys_texts: false,
        encoding: rules.encoding,
        folding: rules.folding,
        max_segments: rules.max_segments,
        profile: rules.profile,
        card: rules.card,
    }
}

/// What all recipients so far take, without the edit and with it. Sums of 64 bits times a count.
#[derive(Clone, Copy, Default)]
struct Sums {
    before: i128,
    after: i128,
}

impl Sums {
    fn add(&mut self, before: impl Into<i128>, after: impl Into<i128>, rows: u64) {
        self.before += before.into() * i128::from(rows);
        self.after += after.into() * i128::from(rows);
    }
}

/// Money, where there is a rate card, and segments.
type Saved = (Option<Micros>, u64);

/// An edit, and what it does to the recipients so far.
struct Trial<'a> {
    edit: Edit,
    /// Characters that it takes out and puts in.
    size: usize,
    rules: Rules<'a>,
    segments: Sums,
    cost: Sums,
    /// Somebody could not be sent to any more.
    loses: bool,
}

impl<'a> Trial<'a> {
    fn new(rules: &Rules<'a>, Proposal { edit, bound, size }: Proposal) -> Self {
        let rules = with_text(rules, bound);
        let (segments, cost) = <(Sums, Sums)>::default();
        Self { edit, size, rules, segments, cost, loses: false }
    }

    fn add(&mut self, group: &Group, verdicts: &mut Verdicts) {
        verdicts.clear();
        let judged = match self.rules.judge(0, &group.row(), verdicts) {
            Ok(()) => verdicts.usable.first().map(|usable| (usable.segments.count, usable.cost)),
            Err(TooLarge) => None,
        };
        match (group.now, judged) {
            (Now::LeftOut, judged) => self.edit.more_rows += if judged.is_some() { group.rows } else { 0 },
            (Now::Sent { segments, cost }, judged) => {
                let is_choice = self.edit.kind == EditKind::DefaultForLong;
                let judged = judged.filter(|(after, _)| !is_choice || *after < segments);
                let after = judged.or(is_choice.then_some((segments, cost)));
                self.loses |= after.is_none();
                let (segments_after, cost_after) = after.unwrap_or((segments, cost));
                self.segments.add(segments, segments_after, group.rows);
                self.cost.add(cost.unwrap_or_default().0, cost_after.unwrap_or_default().0, group.rows);
                let is_less = if cost.is_some() { cost_after < cost } else { segments_after < segments };
                self.edit.rows += if is_less { group.rows } else { 0 };
            }
        }
    }

    /// What it saves, if anything.
    fn saved(&self) -> Option<Saved> {
        let segments = u64::try_from(self.segments.before - self.segments.after).ok()?;
        (segments > 0 && !self.loses).then_some(())?;
        let Some(card) = self.rules.card else { return Some((None, segments)) };
        let total = |sum: i128| card.rounding().total(Micros(i64::try_from(sum).ok()?));
        let cost = total(self.cost.before)?.checked_sub(total(self.cost.after)?)?;
        (cost > Micros::ZERO).then_some((Some(cost), segments))
    }

    /// What orders edits, the best first.
    fn order(&self) -> (Reverse<Option<Saved>>, usize) {
        (Reverse(self.saved()), self.size)
    }

    fn edit(self) -> Option<Edit> {
        let (cost_saved, segments_saved) = self.saved()?;
        Some(Edit { segments_saved, cost_saved, ..self.edit })
    }
}

#[allow(clippy::ref_option)] // serde hands every field over by reference.
fn as_decimal<S: Serializer>(cost: &Option<Micros>, serializer: S) -> Result<S::Ok, S::Error> {
    match cost {
        Some(cost) => serializer.collect_str(cost),
        None => serializer.serialize_none(),
    }
}
