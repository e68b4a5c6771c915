//! From plans to the tables that `volley-core` carries.
//!
//! Everything that has to be known about a string of digits is an answer of an automaton: which
//! numbers are in use, of which region and kind, and what a prefix takes away. All automata share
//! their rows. Their layout is described in `data/numbers/README.md`, and read by
//! `crates/volley-core/src/number/tables.rs`.

use super::{
    language::{Language, Languages, MAX_DIGITS},
    pattern::Pattern,
    plan::{Kind, Plan},
    prefix::{Action, Fits, Prefix},
};
use std::{collections::HashMap, hash::Hash};

/// An entry with this bit names no row: how many digits follow is all that counts.
const BY_LENGTH: u16 = 0x8000;

/// The kinds in the order in which libphonenumber asks, before fixed and mobile numbers.
const SPECIAL: [Kind; 8] = [
    Kind::Premium,
    Kind::TollFree,
    Kind::SharedCost,
    Kind::Voip,
    Kind::Personal,
    Kind::Pager,
    Kind::Uan,
    Kind::Voicemail,
];

/// The tables for `plans`, byte by byte.
pub(super) fn tables(plans: &[Plan]) -> Result<Vec<u8>, String> {
    let mut tables = Tables::new();
    let mut codes: Vec<u16> = plans.iter().map(|plan| plan.code).collect();
    codes.sort_unstable();
    codes.dedup();
    for code in codes {
        let mut plans: Vec<&Plan> = plans.iter().filter(|plan| plan.code == code).collect();
        plans.sort_by_key(|plan| !plan.main); // stable: the others in the order of the metadata
        tables.add(code, &plans).map_err(|fault| format!("+{code}: {fault}"))?;
    }
    tables.bytes()
}

/// What is known about a national number of one calling code. The default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Finding {
    /// Bits of the regions whose general pattern it matches, whatever its length.
    general: u32,
    /// Its kind, if it is in use; else 0.
    kind: u8,
    /// Its region among those of the code.
    region: u8,
}

/// A state: what it says of the digits so far, and where the next digit leads.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    next: [StateId; 10],
    answer: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct StateId(usize);

/// All states, each kept once.
struct States {
    states: Vec<State>,
    known: HashMap<State, StateId>,
}

impl States {
    /// Says 0 whatever comes.
    const NOTHING: StateId = StateId(0);

    fn new() -> Self {
        let mut states = Self { states: Vec::new(), known: HashMap::new() };
        states.state(State { next: [Self::NOTHING; 10], answer: 0 });
        states
    }

    fn state(&mut self, state: State) -> StateId {
        let new = StateId(self.states.len());
        let id = *self.known.entry(state).or_insert(new);
        if id == new {
            self.states.push(state);
        }
        id
    }

    /// Says `answer` whatever comes.
    fn always(&mut self, answer: u16) -> StateId {
        (0..=MAX_DIGITS).fold(Self::NOTHING, |shorter, _| self.state(State { next: [shorter; 10], answer }))
    }

    /// What `id` answers after 0, 1, 2 and more further digits, if their number alone decides.
    fn by_length(&self, id: StateId) -> Option<[u16; MAX_DIGITS + 1]> {
        let mut answers = [0; MAX_DIGITS + 1];
        let mut here = id;
        for answer in &mut answers {
            let State { next, answer: says } = self.states[here.0];
            if next.iter().any(|other| *other != next[0]) {
                return None;
            }
            *answer = says;
            here = next[0];
        }
        Some(answers)
    }
}

/// An automaton that is asked before its states are known.
trait Automaton {
    /// Where it stands.
    type Place: Clone + Eq + Hash;

    /// Where `digit` leads.
    fn after(&self, place: &Self::Place, digit: usize) -> Self::Place;

    /// What it says here, or a state that says everything from here on.
    fn answer(&mut self, place: &Self::Place, states: &mut States) -> Answer;
}

enum Answer {
    Here(u16),
    FromHere(StateId),
}

/// The state that stands for `place`, and all behind it. `known` holds those of the same automaton.
fn explore<A: Automaton>(
    automaton: &mut A,
    place: &A::Place,
    states: &mut States,
    known: &mut HashMap<A::Place, StateId>,
) -> StateId {
    if let Some(id) = known.get(place) {
        return *id;
    }
    let id = match automaton.answer(place, states) {
        Answer::FromHere(id) => id,
        Answer::Here(answer) => {
            let next = std::array::from_fn(|digit| {
                let place = automaton.after(place, digit);
                explore(automaton, &place, states, known)
            });
            states.state(State { next, answer })
        }
    };
    known.insert(place.clone(), id);
    id
}

/// The ranges of one region, as sets.
struct Sets {
    leading: usize,
    general: usize,
    /// The general range with its lengths: without it there is no kind.
    possible: usize,
    special: [usize; SPECIAL.len()],
    fixed: usize,
    mobile: usize,
    same_mobile_and_fixed: bool,
}

/// All numbers of one calling code. A place is the sets that are not empty yet, by their index.
struct Numbers<'tables> {
    languages: &'tables Languages,
    regions: Vec<Sets>,
    findings: &'tables mut Numbered<Finding>,
}

impl Automaton for Numbers<'_> {
    type Place = Vec<(usize, Language)>;

    fn after(&self, place: &Self::Place, digit: usize) -> Self::Place {
        let after = place.iter().map(|(set, language)| (*set, self.languages.after(*language, digit)));
        after.filter(|(_, language)| *language != Language::NONE).collect()
    }

    fn answer(&mut self, place: &Self::Place, _: &mut States) -> Answer {
        if place.is_empty() {
            return Answer::FromHere(States::NOTHING);
        }
        let inside = |set: usize| {
            let found = place.iter().find(|(index, _)| *index == set);
            found.is_some_and(|(_, language)| self.languages.accepts(*language))
        };
        let kind = |sets: &Sets| {
            if !inside(sets.possible) {
                return None;
            }
            let mut special = SPECIAL.iter().zip(sets.special);
            if let Some((kind, _)) = special.find(|(_, set)| inside(*set)) {
                return Some(*kind);
            }
            match (inside(sets.fixed), inside(sets.mobile)) {
                (true, mobile) if mobile || sets.same_mobile_and_fixed => Some(Kind::FixedOrMobile),
                (true, _) => Some(Kind::Fixed),
                (false, mobile) => (mobile && !sets.same_mobile_and_fixed).then_some(Kind::Mobile),
            }
        };
        let mut finding = Finding::default();
        for (bit, sets) in self.regions.iter().enumerate() {
            finding.general |= u32::from(inside(sets.general)) << bit;
        }
        // Alone, a region is that of all numbers of its code; among several it is the first one
        // whose leading digits or ranges say so.
        let shared = self.regions.len() > 1;
        let is_home = |sets: &&Sets| !shared || inside(sets.leading) || kind(sets).is_some();
        let regions = (0..).zip(&self.regions);
        if let Some((region, sets)) = regions.clone().find(|(_, sets)| is_home(sets))
            && let Some(kind) = kind(sets)
        {
            finding = Finding { kind: kind as u8, region, ..finding };
        }
        Answer::Here(self.findings.number_of(finding))
    }
}

/// A prefix, whose answers are actions by their numbers.
struct Cuts {
    prefix: Prefix,
    actions: Vec<u16>,
}

impl Automaton for Cuts {
    type Place = Fits;

    fn after(&self, place: &Fits, digit: usize) -> Fits {
        self.prefix.after(place, digit)
    }

    fn answer(&mut self, place: &Fits, states: &mut States) -> Answer {
        let action = self.prefix.taken(place).map_or(0, |way| self.actions[way]);
        if self.prefix.is_settled(place) {
            Answer::FromHere(states.always(action))
        } else {
            Answer::Here(action)
        }
    }
}

/// Values by the order in which they were first met. The default value is number 0.
struct Numbered<T> {
    values: Vec<T>,
    known: HashMap<T, u16>,
}

impl<T: Clone + Default + Eq + Hash> Numbered<T> {
    fn new() -> Self {
        Self { values: vec![T::default()], known: HashMap::from([(T::default(), 0)]) }
    }

    fn number_of(&mut self, value: T) -> u16 {
        if let Some(number) = self.known.get(&value) {
            return *number;
        }
        let number = u16::try_from(self.values.len()).expect("a few hundred different answers");
        self.values.push(value.clone());
        self.known.insert(value, number);
        number
    }
}

struct Code {
    value: u16,
    numbers: StateId,
    first_region: u8,
}

struct Region {
    name: String,
    code: u8,
    bit: u8,
    international: StateId,
    trunk: StateId,
    /// Bits of the lengths at which a number without its trunk prefix is believed.
    without_trunk: u32,
    /// Bits of the lengths that are longer than any number.
    too_long: u32,
}

struct Tables {
    languages: Languages,
    states: States,
    findings: Numbered<Finding>,
    actions: Numbered<Action>,
    codes: Vec<Code>,
    regions: Vec<Region>,
}

impl Tables {
    fn new() -> Self {
        Self {
            languages: Languages::new(),
            states: States::new(),
            findings: Numbered::new(),
            actions: Numbered::new(),
            codes: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// Adds the regions of one calling code, the one that speaks for all of them first.
    fn add(&mut self, value: u16, plans: &[&Plan]) -> Result<(), String> {
        let code = u8::try_from(self.codes.len()).map_err(|_| "more than 256 calling codes")?;
        let first_region = u8::try_from(self.regions.len()).map_err(|_| "more than 256 regions")?;
        let numbers = self.numbers(plans)?;
        self.codes.push(Code { value, numbers, first_region });
        for (bit, plan) in (0..32).zip(plans) {
            let (without_trunk, too_long) = believed_lengths(plan);
            let region = Region {
                name: plan.region.clone(),
                code,
                bit,
                international: self.cuts(&plan.international, "")?,
                trunk: self.cuts(&plan.trunk, &plan.transform)?,
                without_trunk,
                too_long,
            };
            self.regions.push(region);
        }
        Ok(())
    }

    fn numbers(&mut self, plans: &[&Plan]) -> Result<StateId, String> {
        let mut start = Vec::new();
        let mut regions = Vec::new();
        for plan in plans {
            let mut set = |language| {
                start.push(language);
                start.len() - 1
            };
            let languages = &mut self.languages;
            let general = Pattern::read(&plan.general.pattern)?;
            let of_kind = |languages: &mut Languages, kind| match plan.kinds.get(&kind) {
                None => Ok(Language::NONE),
                Some(range) => {
                    let numbers = languages.matching(&Pattern::read(&range.pattern)?, range.lengths)?;
                    // The port counts ten zeros in front and forgets the others.
                    let rest = (0..11).fold(numbers, |rest, _| languages.after(rest, 0));
                    let has_more = !matches!(rest, Language::NONE | Language::EMPTY);
                    if has_more { Err("a number of eleven zeros and more".to_owned()) } else { Ok(numbers) }
                }
            };
            let leading = match plan.leading.as_str() {
                "" => Language::NONE,
                leading => languages.starting(&Pattern::read(leading)?)?,
            };
            let mut special = [0; SPECIAL.len()];
            for (place, kind) in special.iter_mut().zip(SPECIAL) {
                *place = set(of_kind(languages, kind)?);
            }
            regions.push(Sets {
                leading: set(leading),
                general: set(languages.matching(&general, 0)?),
                possible: set(languages.matching(&general, plan.general.lengths)?),
                special,
                fixed: set(of_kind(languages, Kind::Fixed)?),
                mobile: set(of_kind(languages, Kind::Mobile)?),
                same_mobile_and_fixed: plan.same_mobile_and_fixed,
            });
        }
        let start =
            start.into_iter().enumerate().filter(|(_, language)| *language != Language::NONE).collect();
        let mut numbers = Numbers { languages: &self.languages, regions, findings: &mut self.findings };
        Ok(explore(&mut numbers, &start, &mut self.states, &mut HashMap::new()))
    }

    fn cuts(&mut self, pattern: &str, rule: &str) -> Result<StateId, String> {
        if pattern.is_empty() {
            return Ok(States::NOTHING);
        }
        let (prefix, actions) = Prefix::new(pattern, rule)?;
        let actions = actions.into_iter().map(|action| self.actions.number_of(action)).collect();
        let mut cuts = Cuts { prefix, actions };
        let start = cuts.prefix.start();
        Ok(explore(&mut cuts, &start, &mut self.states, &mut HashMap::new()))
    }
}

/// At which lengths a number without its trunk prefix is believed, and which are too long, by
/// libphonenumber's test of lengths: local ones first, then the others.
fn believed_lengths(plan: &Plan) -> (u32, u32) {
    let above_longest = plan.general.lengths.checked_ilog2().map_or(0, |longest| longest + 1);
    let too_long = u32::MAX.checked_shl(above_longest).unwrap_or(0) & !plan.local_lengths;
    (too_long | plan.general.lengths & !plan.local_lengths, too_long)
}

/// Rows in the order in which they are met.
#[derive(Default)]
struct Layout {
    rows: Vec<[u16; 11]>,
    by_length: Vec<[u16; MAX_DIGITS + 1]>,
    entries: HashMap<StateId, u16>,
}

impl Layout {
    /// The entry that leads to `id`, after its row and all behind it were written.
    fn entry(&mut self, id: StateId, states: &States) -> Result<u16, String> {
        if let Some(entry) = self.entries.get(&id) {
            return Ok(*entry);
        }
        let number = |index: usize| u16::try_from(index).ok().filter(|number| number & BY_LENGTH == 0);
        let entry = if let Some(answers) = states.by_length(id) {
            let known = self.by_length.iter().position(|known| *known == answers);
            let index = known.unwrap_or_else(|| {
                self.by_length.push(answers);
                self.by_length.len() - 1
            });
            number(index).map(|number| number | BY_LENGTH)
        } else {
            self.rows.push([0; 11]);
            number(self.rows.len() - 1)
        };
        let entry = entry.ok_or("more than 32,768 rows")?;
        self.entries.insert(id, entry);
        if entry & BY_LENGTH == 0 {
            let State { next, answer } = states.states[id.0];
            let mut row = [answer; 11];
            for (place, next) in row.iter_mut().zip(next) {
                *place = self.entry(next, states)?;
            }
            self.rows[usize::from(entry)] = row;
        }
        Ok(entry)
    }
}

impl Tables {
    fn bytes(&self) -> Result<Vec<u8>, String> {
        let mut layout = Layout::default();
        let mut codes = Vec::new();
        for Code { value, numbers, first_region } in &self.codes {
            codes.extend(value.to_le_bytes());
            codes.extend(layout.entry(*numbers, &self.states)?.to_le_bytes());
            codes.push(*first_region);
        }
        let mut regions = Vec::new();
        for region in &self.regions {
            // Numbers of no country have no letters.
            let letters: [u8; 2] = region.name.as_bytes().try_into().unwrap_or([0; 2]);
            regions.extend(letters);
            regions.extend([region.code, region.bit]);
            regions.extend(layout.entry(region.international, &self.states)?.to_le_bytes());
            regions.extend(layout.entry(region.trunk, &self.states)?.to_le_bytes());
            regions.extend(region.without_trunk.to_le_bytes());
            regions.extend(region.too_long.to_le_bytes());
        }
        let mut findings = Vec::new();
        for Finding { general, kind, region } in &self.findings.values {
            findings.extend(general.to_le_bytes());
            findings.extend([*kind, *region]);
        }
        let mut actions = Vec::new();
        for Action { drop, keep, omit, insert } in &self.actions.values {
            for number in [*drop, *keep, *omit, insert.len()] {
                actions.push(u8::try_from(number).map_err(|_| "a prefix that is too long")?);
            }
            let digits = (0..4).map(|place| insert.get(place).copied().unwrap_or(0));
            actions.extend(digits.fold(0, |digits, digit| digits << 4 | u16::from(digit)).to_le_bytes());
        }
        let counts = [
            layout.rows.len(),
            layout.by_length.len(),
            self.findings.values.len(),
            self.actions.values.len(),
            self.codes.len(),
            self.regions.len(),
        ];
        let mut bytes = Vec::new();
        for count in counts {
            bytes.extend(u16::try_from(count).map_err(|_| "a table that is too long")?.to_le_bytes());
        }
        bytes.extend(layout.rows.iter().flatten().flat_map(|entry| entry.to_le_bytes()));
        bytes.extend(layout.by_length.iter().flatten().flat_map(|answer| answer.to_le_bytes()));
        for table in [findings, actions, codes, regions] {
            bytes.extend(table);
        }
        Ok(bytes)
    }
}
