//! Automata, and the rows that all of them share.
//!
//! Equal states are kept once, whichever automaton they belong to. None has a loop: it is asked
//! about [`MAX_DIGITS`] digits at most.

use super::language::MAX_DIGITS;
use std::{collections::HashMap, hash::Hash};

/// An edge with this bit names no row: how many digits follow is all that counts.
const BY_LENGTH: u16 = 0x8000;

/// A state: what it says of the digits so far, and where the next digit leads.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    next: [StateId; 10],
    answer: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct StateId(usize);

/// All states, each kept once.
pub(super) struct States {
    states: Vec<State>,
    known: HashMap<State, StateId>,
}

impl States {
    /// Says 0 whatever comes.
    pub(super) const NOTHING: StateId = StateId(0);

    pub(super) fn new() -> Self {
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
    pub(super) fn always(&mut self, answer: u16) -> StateId {
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
pub(super) trait Automaton {
    /// Where it stands.
    type Place: Clone + Eq + Hash;

    /// Where `digit` leads.
    fn after(&self, place: &Self::Place, digit: usize) -> Self::Place;

    /// What it says here, or a state that says everything from here on.
    fn answer(&mut self, place: &Self::Place, states: &mut States) -> Answer;
}

pub(super) enum Answer {
    Here(u16),
    FromHere(StateId),
}

/// The state that stands for `place`, and all behind it. `known` holds those of the same automaton.
pub(super) fn explore<A: Automaton>(
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

/// Rows in the order in which they are met.
#[derive(Default)]
pub(super) struct Rows {
    /// Ten edges and an answer each.
    pub(super) list: Vec<[u16; 11]>,
    /// The answers for 0, 1, 2 and more further digits.
    pub(super) by_length: Vec<[u16; MAX_DIGITS + 1]>,
    edges: HashMap<StateId, u16>,
}

impl Rows {
    /// The edge that leads to `id`, after its row and all behind it were written.
    pub(super) fn edge(&mut self, id: StateId, states: &States) -> Result<u16, String> {
        if let Some(edge) = self.edges.get(&id) {
            return Ok(*edge);
        }
        let number = |index: usize| u16::try_from(index).ok().filter(|number| number & BY_LENGTH == 0);
        let edge = if let Some(answers) = states.by_length(id) {
            let known = self.by_length.iter().position(|known| *known == answers);
            let index = known.unwrap_or_else(|| {
                self.by_length.push(answers);
                self.by_length.len() - 1
            });
            number(index).map(|number| number | BY_LENGTH)
        } else {
            self.list.push([0; 11]);
            number(self.list.len() - 1)
        };
        let edge = edge.ok_or("more than 32,768 rows")?;
        self.edges.insert(id, edge);
        if edge & BY_LENGTH == 0 {
            let State { next, answer } = states.states[id.0];
            let mut row = [answer; 11];
            for (place, next) in row.iter_mut().zip(next) {
                *place = self.edge(next, states)?;
            }
            self.list[usize::from(edge)] = row;
        }
        Ok(edge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers 7 after a 5 and a digit, and nothing else.
    struct FiveAndOne;

    impl Automaton for FiveAndOne {
        type Place = String;

        fn after(&self, place: &String, digit: usize) -> String {
            format!("{place}{digit}")
        }

        fn answer(&mut self, place: &String, _: &mut States) -> Answer {
            match place.as_bytes() {
                [] | [b'5'] => Answer::Here(0),
                [b'5', _] => Answer::Here(7),
                _ => Answer::FromHere(States::NOTHING),
            }
        }
    }

    #[test]
    fn what_only_depends_on_the_length_takes_no_row() {
        let mut states = States::new();
        let start = explore(&mut FiveAndOne, &String::new(), &mut states, &mut HashMap::new());
        let mut rows = Rows::default();
        assert_eq!(rows.edge(start, &states), Ok(0));
        let [row] = rows.list.as_slice() else { panic!("{} rows", rows.list.len()) };
        let seven_after_one = std::array::from_fn(|length| if length == 1 { 7 } else { 0 });
        for (digit, edge) in row[..10].iter().enumerate() {
            let answers = rows.by_length[usize::from(edge & !BY_LENGTH)];
            assert_eq!(answers, if digit == 5 { seven_after_one } else { [0; MAX_DIGITS + 1] }, "{digit}");
        }
    }

    #[test]
    fn equal_states_are_one() {
        let mut states = States::new();
        let mut start = || explore(&mut FiveAndOne, &String::new(), &mut states, &mut HashMap::new());
        assert_eq!(start(), start());
        assert_eq!(states.always(7), states.always(7));
        assert_eq!(states.always(0), States::NOTHING);
    }
}
