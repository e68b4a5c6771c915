//! Where one recipient stands, and the only way it moves.

/// Where one recipient stands.
///
/// Attempts are numbered from 1 without gaps, at most 65,535. Who moves a state on, and what a
/// crash in it means, stands at each variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waiting to be sent; `attempts` were made before and are proved not to have been taken.
    /// The lane claims it. A crash here costs nothing.
    Pending {
        /// How many attempts were made so far.
        attempts: u16,
    },
    /// An intent is durable and its request is being written or waits for its answer. The
    /// answer moves it on. A crash here leaves doubt: the next start makes it `InDoubt`.
    Claimed {
        /// The number of the open attempt.
        attempt: u16,
    },
    /// The provider took it, with an id, a lookup, a receipt or a person's word as evidence.
    Accepted,
    /// The provider said no, or the request could never be built. Final.
    Refused,
    /// May or may not have been taken. Nothing but a recorded reason moves it: a lookup, a
    /// receipt, or a person.
    InDoubt {
        /// The number of the attempt whose reply was lost.
        attempt: u16,
    },
}

/// What happens to a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// An intent to send was committed.
    Claim,
    /// The provider took it.
    Accept,
    /// The provider refused it for good.
    Refuse,
    /// The attempt is proved not to have been taken.
    NotTaken,
    /// The attempt may have been taken.
    Ambiguous,
    /// A process that held the claim is gone; seen at the next start.
    Restart,
    /// A person, or a lookup that proved absence, approved sending again.
    ResendApproved,
}

/// A move that the table does not have: our own bug, reported and never guessed around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no move from {state:?} on {event:?}")]
pub struct IllegalMove {
    /// Where the recipient stood.
    pub state: State,
    /// What was to happen.
    pub event: Event,
}

impl State {
    /// Before anything happened.
    pub const START: Self = Self::Pending { attempts: 0 };

    /// The only code that changes a state.
    ///
    /// # Errors
    /// [`IllegalMove`] for a pair that is not listed, and above 65,535 attempts.
    pub fn on(self, event: Event) -> Result<Self, IllegalMove> {
        use {Event as E, State as S};
        Ok(match (self, event) {
            (S::Pending { attempts }, E::Claim) if attempts < u16::MAX => {
                S::Claimed { attempt: attempts + 1 }
            }
            (S::Claimed { .. } | S::InDoubt { .. }, E::Accept) => S::Accepted,
            (S::Claimed { .. } | S::InDoubt { .. }, E::Refuse) => S::Refused,
            (S::Claimed { attempt }, E::NotTaken) => S::Pending { attempts: attempt },
            (S::Claimed { attempt }, E::Ambiguous | E::Restart) => S::InDoubt { attempt },
            (S::InDoubt { attempt }, E::ResendApproved) => S::Pending { attempts: attempt },
            (state, event) => return Err(IllegalMove { state, event }),
        })
    }

    /// The contract's word for this state. A recipient in an open attempt counts as pending.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending { .. } | Self::Claimed { .. } => "pending",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::InDoubt { .. } => "in_doubt",
        }
    }
}

/// Recipients by state. `sum` is the plan's accepted recipients, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Not settled: waiting, or in an open attempt.
    pub pending: u64,
    /// Taken by the provider.
    pub accepted: u64,
    /// Refused for good.
    pub refused: u64,
    /// May or may not have been taken.
    pub in_doubt: u64,
}

impl Totals {
    /// Counts one recipient in `state`.
    pub fn add(&mut self, state: State) {
        *self.of(state) += 1;
    }

    /// Moves one recipient from `before` to `after`. `before` must have been counted.
    pub fn shift(&mut self, before: State, after: State) {
        *self.of(before) -= 1;
        *self.of(after) += 1;
    }

    /// Everybody.
    pub const fn sum(&self) -> u64 {
        self.pending + self.accepted + self.refused + self.in_doubt
    }

    fn of(&mut self, state: State) -> &mut u64 {
        match state {
            State::Pending { .. } | State::Claimed { .. } => &mut self.pending,
            State::Accepted => &mut self.accepted,
            State::Refused => &mut self.refused,
            State::InDoubt { .. } => &mut self.in_doubt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use {Event as E, State as S};

    const EVENTS: [Event; 7] =
        [E::Claim, E::Accept, E::Refuse, E::NotTaken, E::Ambiguous, E::Restart, E::ResendApproved];

    #[test]
    fn the_whole_table() {
        let table = [
            (S::Pending { attempts: 0 }, E::Claim, S::Claimed { attempt: 1 }),
            (S::Pending { attempts: 3 }, E::Claim, S::Claimed { attempt: 4 }),
            (S::Claimed { attempt: 1 }, E::Accept, S::Accepted),
            (S::Claimed { attempt: 1 }, E::Refuse, S::Refused),
            (S::Claimed { attempt: 1 }, E::NotTaken, S::Pending { attempts: 1 }),
            (S::Claimed { attempt: 2 }, E::Ambiguous, S::InDoubt { attempt: 2 }),
            (S::Claimed { attempt: 2 }, E::Restart, S::InDoubt { attempt: 2 }),
            (S::InDoubt { attempt: 2 }, E::Accept, S::Accepted),
            (S::InDoubt { attempt: 2 }, E::Refuse, S::Refused),
            (S::InDoubt { attempt: 2 }, E::ResendApproved, S::Pending { attempts: 2 }),
        ];
        for (before, event, after) in table {
            assert_eq!(before.on(event), Ok(after), "{before:?} on {event:?}");
        }
        let listed = |state: State, event: Event| {
            table
                .iter()
                .any(|row| std::mem::discriminant(&row.0) == std::mem::discriminant(&state) && row.1 == event)
        };
        let states =
            [S::START, S::Claimed { attempt: 1 }, S::Accepted, S::Refused, S::InDoubt { attempt: 1 }];
        for state in states {
            for event in EVENTS {
                assert_eq!(state.on(event).is_ok(), listed(state, event), "{state:?} on {event:?}");
            }
        }
    }

    #[test]
    fn attempts_stop_at_their_ceiling_instead_of_wrapping() {
        let tired = S::Pending { attempts: u16::MAX };
        assert_eq!(tired.on(E::Claim), Err(IllegalMove { state: tired, event: E::Claim }));
    }

    proptest! {
        #[test]
        fn nobody_in_doubt_is_claimed_without_an_approval(
            events in proptest::collection::vec(proptest::sample::select(EVENTS.to_vec()), 0..60),
        ) {
            let mut state = State::START;
            let mut totals = Totals::default();
            totals.add(state);
            for event in events {
                let Ok(next) = state.on(event) else { continue };
                if matches!(state, S::InDoubt { .. }) && matches!(next, S::Pending { .. }) {
                    prop_assert_eq!(event, E::ResendApproved);
                }
                prop_assert!(!matches!(state, S::Accepted | S::Refused), "settled states never go back");
                totals.shift(state, next);
                state = next;
            }
            prop_assert_eq!(totals.sum(), 1);
        }
    }
}
