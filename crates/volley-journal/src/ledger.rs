//! States and totals in memory. Recipients move through `State::on` and nowhere else.
//!
//! A batch of moves is tried here first, while everything it changes is remembered; what cannot
//! be made durable is undone to the last bit.

use crate::{CommitError, Decision, Standing, checksums::Checksums};
use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};
use volley_core::{Event, IllegalMove, Micros, State, Totals};

/// An attempt without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) first: u32,
    pub(crate) recipients: u32,
    pub(crate) reserved: Micros,
}

impl Open {
    /// The places of its recipients in a list of everybody.
    pub(crate) fn positions(&self) -> Range<usize> {
        self.first as usize..(self.first + self.recipients) as usize
    }
}

/// What the end of an attempt does to its recipients.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect<'a> {
    All(Event),
    Each(&'a [Event]),
}

/// What the end of an attempt does to the totals.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Toll {
    pub(crate) throttled: bool,
    pub(crate) billed: Option<Micros>,
    pub(crate) billed_units: Option<Micros>,
    pub(crate) spent: Micros,
}

/// Where everybody stands.
pub(crate) struct Ledger {
    states: Vec<State>,
    open: HashMap<u64, Open>,
    /// The attempts that left somebody in doubt, resolved or not.
    doubtful: BTreeMap<u64, Open>,
    pub(crate) standing: Standing,
    /// Of the rows that brought it here.
    pub(crate) checksums: Checksums,
    last_attempt: u64,
    undo: Undo,
}

/// What a batch has changed so far.
#[derive(Default)]
struct Undo {
    states: Vec<(u32, State)>,
    opened: Vec<u64>,
    closed: Vec<(u64, Open)>,
    doubted: Vec<u64>,
    standing: Standing,
    checksums: Checksums,
    last_attempt: u64,
}

impl Ledger {
    /// Everybody pending, nothing tried.
    pub(crate) fn new(recipients: u32) -> Self {
        let totals = Totals { pending: u64::from(recipients), ..Totals::default() };
        Self {
            states: vec![State::START; recipients as usize],
            open: HashMap::new(),
            doubtful: BTreeMap::new(),
            standing: Standing { recipients: totals, ..Standing::default() },
            checksums: Checksums::default(),
            last_attempt: 0,
            undo: Undo::default(),
        }
    }

    pub(crate) fn states(&self) -> &[State] {
        &self.states
    }

    /// The last attempt that was claimed, 0 before the first.
    pub(crate) fn last_attempt(&self) -> u64 {
        self.last_attempt
    }

    pub(crate) fn open(&self, attempt: u64) -> Option<Open> {
        self.open.get(&attempt).copied()
    }

    /// The attempts without an end, in the order of their intents.
    pub(crate) fn all_open(&self) -> Vec<(u64, Open)> {
        let mut all: Vec<_> = self.open.iter().map(|(id, open)| (*id, *open)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    /// From here on, [`Self::undo`] comes back to here.
    pub(crate) fn begin(&mut self) {
        self.undo.states.clear();
        self.undo.opened.clear();
        self.undo.closed.clear();
        self.undo.doubted.clear();
        self.undo.standing = self.standing.clone();
        self.undo.checksums = self.checksums;
        self.undo.last_attempt = self.last_attempt;
    }

    /// Takes back everything since [`Self::begin`].
    pub(crate) fn undo(&mut self) {
        for (position, state) in self.undo.states.drain(..).rev() {
            self.states[position as usize] = state;
        }
        self.open.extend(self.undo.closed.drain(..));
        for id in self.undo.opened.drain(..) {
            self.open.remove(&id);
        }
        for id in self.undo.doubted.drain(..) {
            self.doubtful.remove(&id);
        }
        self.standing = self.undo.standing.clone();
        self.checksums = self.undo.checksums;
        self.last_attempt = self.undo.last_attempt;
    }

    /// Claims `open.recipients` from `open.first` on: the new attempt's id and number.
    pub(crate) fn claim(&mut self, open: Open) -> Result<(u64, u16), CommitError> {
        let end = open.first.checked_add(open.recipients).map(|end| end as usize);
        let within = end.is_some_and(|end| end <= self.states.len());
        if open.recipients == 0 || !within {
            return Err(CommitError::OutOfPlan { first: open.first, recipients: open.recipients });
        }
        let mut number = 1;
        for position in open.first..open.first + open.recipients {
            if let State::Claimed { attempt } = self.step(position, Event::Claim)? {
                number = number.max(attempt);
            }
        }
        self.last_attempt += 1;
        self.open.insert(self.last_attempt, open);
        self.undo.opened.push(self.last_attempt);
        let standing = &mut self.standing;
        standing.requests_sent += 1;
        standing.requests_retried += u64::from(number > 1);
        standing.spent = plus(standing.spent, open.reserved);
        Ok((self.last_attempt, number))
    }

    /// Ends an open attempt.
    pub(crate) fn end(&mut self, attempt: u64, effect: Effect<'_>, toll: Toll) -> Result<(), CommitError> {
        let open = self.open.remove(&attempt).ok_or(CommitError::NotOpen(attempt))?;
        self.undo.closed.push((attempt, open));
        let is_doubt = |event: &Event| matches!(event, Event::Ambiguous | Event::Restart);
        let leaves_doubt = match effect {
            Effect::All(event) => is_doubt(&event),
            Effect::Each(events) => events.iter().any(is_doubt),
        };
        if leaves_doubt {
            self.doubtful.insert(attempt, open);
            self.undo.doubted.push(attempt);
        }
        let positions = open.first..open.first + open.recipients;
        match effect {
            Effect::All(event) => positions.into_iter().try_for_each(|at| self.step(at, event).map(drop))?,
            Effect::Each(events) if events.len() == open.recipients as usize => {
                positions.zip(events).try_for_each(|(at, event)| self.step(at, *event).map(drop))?;
            }
            Effect::Each(_) => return Err(CommitError::NotOpen(attempt)),
        }
        let standing = &mut self.standing;
        standing.requests_throttled += u64::from(toll.throttled);
        standing.billed = added(standing.billed, toll.billed);
        standing.billed_units = added(standing.billed_units, toll.billed_units);
        let held = standing.spent.checked_sub(open.reserved).unwrap_or_default();
        standing.spent = plus(held, toll.spent);
        Ok(())
    }

    /// Decides about somebody in doubt: the attempt that had left them there.
    pub(crate) fn resolve(&mut self, position: u32, decision: Decision) -> Result<u64, CommitError> {
        let outside = CommitError::OutOfPlan { first: position, recipients: 1 };
        let state = *self.states.get(position as usize).ok_or(outside)?;
        let event = decision.event();
        let last = self.doubtful.iter().rev().find(|(_, open)| {
            position.checked_sub(open.first).is_some_and(|behind| behind < open.recipients)
        });
        match (state, last) {
            (State::InDoubt { .. }, Some((&attempt, _))) => {
                self.step(position, event)?;
                Ok(attempt)
            }
            // Who is claimed has an answer coming, which alone may settle them.
            _ => Err(CommitError::Illegal { position, source: IllegalMove { state, event } }),
        }
    }

    /// Takes off what was spent that `amount` is not to be paid any more.
    pub(crate) fn release(&mut self, amount: Micros) {
        self.standing.spent = self.standing.spent.checked_sub(amount).unwrap_or_default();
    }

    fn step(&mut self, position: u32, event: Event) -> Result<State, CommitError> {
        let state = &mut self.states[position as usize];
        let before = *state;
        let after = before.on(event).map_err(|source| CommitError::Illegal { position, source })?;
        *state = after;
        self.undo.states.push((position, before));
        self.standing.recipients.shift(before, after);
        Ok(after)
    }
}

/// The sum, kept at the end of 64 bits: what providers bill is bounded where it is read, so the
/// end is out of reach for any plan that fits into memory.
pub(crate) fn plus(sum: Micros, more: Micros) -> Micros {
    sum.checked_add(more).unwrap_or(Micros(i64::MAX))
}

/// The sum of what is known; `None` where nothing is.
pub(crate) fn added(sum: Option<Micros>, more: Option<Micros>) -> Option<Micros> {
    more.map(|more| plus(sum.unwrap_or_default(), more)).or(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(first: u32, recipients: u32) -> Open {
        Open { first, recipients, reserved: Micros(10) }
    }

    #[test]
    fn an_undone_batch_leaves_no_trace() {
        let mut ledger = Ledger::new(4);
        ledger.claim(open(0, 2)).expect("pending");
        ledger.begin();
        let all = |ledger: &Ledger| {
            (ledger.states.clone(), ledger.open.clone(), ledger.doubtful.clone(), ledger.standing.clone())
        };
        let before = all(&ledger);
        ledger.end(1, Effect::Each(&[Event::Accept, Event::NotTaken]), Toll::default()).expect("open");
        ledger.claim(open(1, 3)).expect("pending");
        ledger.end(2, Effect::All(Event::Ambiguous), Toll::default()).expect("open");
        ledger.resolve(2, Decision::Resend).expect("in doubt");
        ledger.release(Micros(5));
        let twice = ledger.claim(open(3, 1));
        assert!(matches!(twice, Err(CommitError::Illegal { position: 3, .. })), "{twice:?}");
        ledger.undo();
        assert_eq!(before, all(&ledger));
        assert_eq!(ledger.claim(open(2, 2)).expect("pending"), (2, 1), "ids go on without a gap");
    }

    #[test]
    fn an_attempt_is_numbered_after_its_most_tried_recipient() {
        let mut ledger = Ledger::new(2);
        for _ in 0..2 {
            let (id, _) = ledger.claim(open(1, 1)).expect("pending");
            ledger.end(id, Effect::All(Event::NotTaken), Toll::default()).expect("open");
        }
        assert_eq!(ledger.claim(open(0, 2)).expect("pending"), (3, 3));
        assert_eq!(ledger.standing.requests_retried, 2);
    }

    #[test]
    fn a_claim_beyond_the_plan_is_refused() {
        for (first, recipients) in [(0, 0), (0, 3), (2, 1), (u32::MAX, 2)] {
            let refused = Ledger::new(2).claim(open(first, recipients));
            assert!(matches!(refused, Err(CommitError::OutOfPlan { .. })), "{first} {recipients}");
        }
    }
}
