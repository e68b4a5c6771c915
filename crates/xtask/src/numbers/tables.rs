//! From plans to the tables that `volley-core` carries.
//!
//! Everything that has to be known about a string of digits is an answer of an automaton: which
//! numbers are in use, of which region and kind, and what a prefix takes away. All automata share
//! their rows. Their layout is described in `data/numbers/README.md`, and read by
//! `crates/volley-core/src/number/tables.rs`.

use super::{
    language::{Language, Languages},
    pattern::Pattern,
    plan::{Kind, Plan},
    prefix::{Cut, Fits, Prefix},
    states::{Answer, Automaton, Rows, StateId, States, explore},
};
use std::{collections::HashMap, hash::Hash};

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

/// What is dialled in front, whose answers are cuts by their numbers.
struct Front {
    prefix: Prefix,
    /// The cut of each way.
    cuts: Vec<u16>,
}

impl Automaton for Front {
    type Place = Fits;

    fn after(&self, place: &Fits, digit: usize) -> Fits {
        self.prefix.after(place, digit)
    }

    fn answer(&mut self, place: &Fits, states: &mut States) -> Answer {
        let cut = self.prefix.taken(place).map_or(0, |way| self.cuts[way]);
        if self.prefix.is_settled(place) { Answer::FromHere(states.always(cut)) } else { Answer::Here(cut) }
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
    cuts: Numbered<Cut>,
    codes: Vec<Code>,
    regions: Vec<Region>,
}

impl Tables {
    fn new() -> Self {
        Self {
            languages: Languages::new(),
            states: States::new(),
            findings: Numbered::new(),
            cuts: Numbered::new(),
            codes: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// Adds the regions of one calling code, the one that speaks for all of them first.
    fn add(&mut self, value: u16, plans: &[&Plan]) -> Result<(), String> {
        let code = u8::try_from(self.codes.len()).map_err(|_| "more than 256 calling codes")?;
        let first_region = u8::try_from(self.regions.len()).map_err(|_| "more than 256 regions")?;
        if plans.len() > 32 {
            return Err("more than 32 regions".to_owned());
        }
        let numbers = self.numbers(plans)?;
        self.codes.push(Code { value, numbers, first_region });
        for (bit, plan) in (0..).zip(plans) {
            let (without_trunk, too_long) = believed_lengths(plan);
            let region = Region {
                name: plan.region.clone(),
                code,
                bit,
                international: self.front(&plan.international, "")?,
                trunk: self.front(&plan.trunk, &plan.transform)?,
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
            let general = Pattern::read(&plan.general.pattern)?;
            let leading = match plan.leading.as_str() {
                "" => Language::NONE,
                leading => self.languages.starting(&Pattern::read(leading)?)?,
            };
            let mut set = |language| {
                start.push(language);
                start.len() - 1
            };
            let mut special = [0; SPECIAL.len()];
            for (place, kind) in special.iter_mut().zip(SPECIAL) {
                *place = set(self.of_kind(plan, kind)?);
            }
            regions.push(Sets {
                leading: set(leading),
                general: set(self.languages.matching(&general, 0)?),
                possible: set(self.languages.matching(&general, plan.general.lengths)?),
                special,
                fixed: set(self.of_kind(plan, Kind::Fixed)?),
                mobile: set(self.of_kind(plan, Kind::Mobile)?),
                same_mobile_and_fixed: plan.same_mobile_and_fixed,
            });
        }
        let start = start.into_iter().enumerate().filter(|(_, language)| *language != Language::NONE);
        let mut numbers = Numbers { languages: &self.languages, regions, findings: &mut self.findings };
        Ok(explore(&mut numbers, &start.collect(), &mut self.states, &mut HashMap::new()))
    }

    /// The numbers of `kind`, with the lengths that they may have.
    fn of_kind(&mut self, plan: &Plan, kind: Kind) -> Result<Language, String> {
        let Some(range) = plan.kinds.get(&kind) else { return Ok(Language::NONE) };
        let numbers = self.languages.matching(&Pattern::read(&range.pattern)?, range.lengths)?;
        // Of the zeros in front the port counts ten. All zeros, the last one is no such zero.
        let rest = (0..11).fold(numbers, |rest, _| self.languages.after(rest, 0));
        let is_counted = matches!(rest, Language::NONE | Language::EMPTY);
        is_counted.then_some(numbers).ok_or_else(|| "a number with more than ten zeros in front".to_owned())
    }

    fn front(&mut self, pattern: &str, rule: &str) -> Result<StateId, String> {
        if pattern.is_empty() {
            return Ok(States::NOTHING);
        }
        let (prefix, cuts) = Prefix::new(pattern, rule)?;
        let cuts = cuts.into_iter().map(|cut| self.cuts.number_of(cut)).collect();
        let mut front = Front { prefix, cuts };
        let start = front.prefix.start();
        Ok(explore(&mut front, &start, &mut self.states, &mut HashMap::new()))
    }

    /// All of it, in the order of the file.
    fn bytes(&self) -> Result<Vec<u8>, String> {
        let mut rows = Rows::default();
        let mut codes = Vec::new();
        for Code { value, numbers, first_region } in &self.codes {
            codes.extend(value.to_le_bytes());
            codes.extend(rows.edge(*numbers, &self.states)?.to_le_bytes());
            codes.push(*first_region);
        }
        let mut regions = Vec::new();
        for region in &self.regions {
            // Numbers of no country have no letters.
            let letters: [u8; 2] = region.name.as_bytes().try_into().unwrap_or([0; 2]);
            regions.extend(letters);
            regions.extend([region.code, region.bit]);
            regions.extend(rows.edge(region.international, &self.states)?.to_le_bytes());
            regions.extend(rows.edge(region.trunk, &self.states)?.to_le_bytes());
            regions.extend(region.without_trunk.to_le_bytes());
            regions.extend(region.too_long.to_le_bytes());
        }
        let mut findings = Vec::new();
        for Finding { general, kind, region } in &self.findings.values {
            findings.extend(general.to_le_bytes());
            findings.extend([*kind, *region]);
        }
        let mut cuts = Vec::new();
        for Cut { drop, keep, omit, insert } in &self.cuts.values {
            for number in [*drop, *keep, *omit, insert.len()] {
                cuts.push(u8::try_from(number).map_err(|_| "a prefix that is too long")?);
            }
            let digits = (0..4).map(|place| insert.get(place).copied().unwrap_or(0));
            cuts.extend(digits.fold(0, |digits, digit| digits << 4 | u16::from(digit)).to_le_bytes());
        }
        let counts = [
            rows.list.len(),
            rows.by_length.len(),
            self.findings.values.len(),
            self.cuts.values.len(),
            self.codes.len(),
            self.regions.len(),
        ];
        let mut bytes = Vec::new();
        for count in counts {
            bytes.extend(u16::try_from(count).map_err(|_| "a table that is too long")?.to_le_bytes());
        }
        bytes.extend(rows.list.iter().flatten().flat_map(|edge| edge.to_le_bytes()));
        bytes.extend(rows.by_length.iter().flatten().flat_map(|answer| answer.to_le_bytes()));
        for table in [findings, cuts, codes, regions] {
            bytes.extend(table);
        }
        Ok(bytes)
    }
}

/// At which lengths a number without its trunk prefix is believed, and which are too long, by
/// libphonenumber's test of lengths: local ones first, then the others.
fn believed_lengths(plan: &Plan) -> (u32, u32) {
    let above_longest = plan.general.lengths.checked_ilog2().map_or(0, |longest| longest + 1);
    let too_long = u32::MAX.checked_shl(above_longest).unwrap_or(0) & !plan.local_lengths;
    (too_long | plan.general.lengths & !plan.local_lengths, too_long)
}
