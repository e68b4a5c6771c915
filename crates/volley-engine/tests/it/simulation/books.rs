//! What commits come to, by rules of their own: everything is counted again from the attempts
//! after each commit, and held against what must always be true of a journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    ops::Range,
    sync::Arc,
    time::Duration,
};
use volley_core::{
    Answer, Billed, Class, Event, Fate, IllegalMove, LaneEffect, Micros, Msisdn, Outcome, Position, State,
    Taken, Totals, UnixMillis, Verdict, Verdicts,
};
use volley_journal::{
    Attempt, AttemptId, Claim, CommitError, Decision, FrozenPlan, Record, Recovered, Resolution, Standing,
    Write, Written,
};

/// A plan in memory.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) frozen: FrozenPlan,
    pub(super) people: Vec<Person>,
    pub(super) texts: Vec<Arc<str>>,
    /// The cap that the campaign starts with.
    pub(super) cap: Option<Micros>,
}

/// One recipient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    pub(super) to: Msisdn,
    /// Which of the plan's texts.
    pub(super) text: usize,
    pub(super) cost: Micros,
}

/// One change in a commit.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A process opened the journal: what was open is in doubt.
    Started(UnixMillis),
    Wrote(Write),
}

/// What is wrong with open attempts at the start, in tests of the simulation itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    InDoubt,
    /// The planted bug: they are taken for unsent.
    Pending,
}

/// Where everything stands behind some commits.
pub(super) struct Books {
    plan: Arc<Plan>,
    recovery: Recovery,
    pub(super) states: Vec<State>,
    tries: Vec<Try>,
    /// How often a person had somebody sent to again whose doubt was not resolved.
    pub(super) resends: Vec<u32>,
    /// Who is accepted because it was found out later.
    found: Vec<bool>,
    ids: BTreeSet<String>,
    /// What requests for the same recipients were told by.
    hashes: BTreeMap<(usize, usize), [u8; 32]>,
    released: Micros,
    throttled: u64,
    /// Until when the provider wants silence, and since when.
    silent: Option<(UnixMillis, UnixMillis)>,
    pub(super) commits: u64,
    pub(super) max_cost: Option<Micros>,
    canary: Option<NonZeroU32>,
    /// Whether somebody behind the canary was claimed.
    is_past_canary: bool,
    /// Who is refused because they asked for it.
    opted_out: u64,
    pub(super) last_exit_code: Option<u8>,
    /// What the last start found open.
    pub(super) recovered: Recovered,
    /// Whom answers, and their absence, have left in doubt since then.
    pub(super) doubt_of_run: u64,
    /// The rows of the failure table that outcomes had.
    pub(super) rows: BTreeSet<&'static str>,
    /// What must never be, and was.
    pub(super) broken: Vec<String>,
}

struct Try {
    first: usize,
    recipients: usize,
    reserved: Micros,
    at: UnixMillis,
    end: Option<End>,
}

struct End {
    at: UnixMillis,
    events: Vec<Event>,
    spent: Micros,
}

impl Try {
    fn positions(&self) -> Range<usize> {
        self.first..self.first + self.recipients
    }
}

/// What all attempts together say of one recipient.
#[derive(Clone, Copy, Default)]
struct Told {
    tries: u16,
    open: u32,
    doubts: u32,
    accepted: u32,
    refused: u32,
}

impl Books {
    /// Before the first commit.
    pub(super) fn new(plan: &Arc<Plan>, recovery: Recovery) -> Self {
        let everybody = plan.people.len();
        Self {
            plan: Arc::clone(plan),
            recovery,
            states: vec![State::START; everybody],
            tries: Vec::new(),
            resends: vec![0; everybody],
            found: vec![false; everybody],
            ids: BTreeSet::new(),
            hashes: BTreeMap::new(),
            released: Micros::ZERO,
            throttled: 0,
            silent: None,
            commits: 0,
            max_cost: None,
            canary: None,
            is_past_canary: false,
            opted_out: 0,
            last_exit_code: None,
            recovered: Recovered::default(),
            doubt_of_run: 0,
            rows: BTreeSet::new(),
            broken: Vec::new(),
        }
    }

    /// Adds one commit: all of it, or what is illegal about it.
    pub(super) fn commit(&mut self, commit: &[Entry]) -> Result<Vec<Written>, CommitError> {
        self.commits += 1;
        commit.iter().map(|entry| self.apply(entry)).collect()
    }

    fn apply(&mut self, entry: &Entry) -> Result<Written, CommitError> {
        match entry {
            Entry::Started(at) => self.start(*at)?,
            Entry::Wrote(Write::Claim(claim)) => return self.claim(claim).map(Written::Claimed),
            Entry::Wrote(Write::Record(record)) => self.record(record)?,
            Entry::Wrote(Write::Resolve(resolution)) => self.resolve(resolution)?,
            Entry::Wrote(Write::Cap { max_cost }) => self.max_cost = Some(*max_cost),
            Entry::Wrote(Write::Canary { recipients }) => self.canary = *recipients,
            Entry::Wrote(Write::RunEnded { exit_code, .. }) => self.last_exit_code = Some(*exit_code),
            Entry::Wrote(Write::Trial) => {}
            Entry::Wrote(Write::Cancelled { .. }) => unreachable!("no campaign here is cancelled"),
        }
        Ok(Written::Recorded)
    }

    fn start(&mut self, at: UnixMillis) -> Result<(), CommitError> {
        (self.recovered, self.doubt_of_run) = (Recovered::default(), 0);
        for id in 0..self.tries.len() {
            let open = &self.tries[id];
            if open.end.is_some() {
                continue;
            }
            self.recovered.attempts += 1;
            self.recovered.recipients += open.recipients as u64;
            self.rows.insert(Class::ProcessGone.rule().row);
            let (event, spent) = match self.recovery {
                Recovery::InDoubt => (Event::Restart, open.reserved),
                Recovery::Pending => (Event::NotTaken, Micros::ZERO),
            };
            let events = vec![event; open.recipients];
            self.end(id, End { at, events, spent })?;
        }
        Ok(())
    }

    fn claim(&mut self, claim: &Claim) -> Result<Attempt, CommitError> {
        let (first, recipients) = (claim.first.0 as usize, claim.recipients as usize);
        if recipients == 0 || first + recipients > self.states.len() {
            return Err(CommitError::OutOfPlan { first: claim.first.0, recipients: claim.recipients });
        }
        self.watch_canary(recipients as u64);
        let mut number = 1;
        for position in first..first + recipients {
            if let State::Claimed { attempt } = self.step(position, Event::Claim)? {
                number = number.max(attempt);
            }
        }
        let planned = self.planned(first..first + recipients);
        if claim.reserved != planned {
            self.broken.push(format!("J9: {:?} is held back for a request of {planned:?}", claim.reserved));
        }
        // Whoever may not be texted is claimed without a request.
        let before = *self.hashes.entry((first, recipients)).or_insert(claim.body_hash);
        if before == [0; 32] {
            self.hashes.insert((first, recipients), claim.body_hash);
        } else if before != claim.body_hash && claim.body_hash != [0; 32] {
            self.broken.push(format!("J12: another body for the same {recipients} from {first} on"));
        }
        self.tries.push(Try { first, recipients, reserved: claim.reserved, at: claim.at, end: None });
        Ok(Attempt { id: AttemptId(self.tries.len() as u64), number })
    }

    /// So many more are claimed: while nobody but the canary may be sent to, or because it went
    /// well.
    fn watch_canary(&mut self, more: u64) {
        let Some(canary) = self.canary.filter(|_| !self.is_past_canary) else { return };
        let Totals { accepted, refused, in_doubt, .. } = self.standing().recipients;
        let settled = accepted + refused + in_doubt;
        let open = self.tries.iter().filter(|one| one.end.is_none());
        let claimed: u64 = open.map(|one| one.recipients as u64).sum();
        let canary = u64::from(canary.get()).min(self.states.len() as u64);
        if settled + claimed + more <= canary {
            return;
        }
        self.is_past_canary = true;
        let wrong = refused + in_doubt - self.opted_out;
        if claimed > 0 || settled < canary || wrong * 10 > canary {
            self.broken.push(format!(
                "{more} more than a canary of {canary}: {claimed} claimed, {settled} settled, {wrong} of them wrong"
            ));
        }
    }

    fn record(&mut self, record: &Record) -> Result<(), CommitError> {
        let not_open = || CommitError::NotOpen(record.attempt.0);
        let id =
            usize::try_from(record.attempt.0).ok().and_then(|id| id.checked_sub(1)).ok_or_else(not_open)?;
        let open = self.tries.get(id).filter(|open| open.end.is_none()).ok_or_else(not_open)?;
        let (planned, recipients) = (open.reserved, open.recipients);
        let positions = open.positions();
        let (events, spent) = match &record.outcome {
            Outcome::Answered(answer) => {
                self.rows.insert(Class::Answered.rule().row);
                self.answered(answer, positions, planned)
            }
            Outcome::Failed(failure) => {
                let rule = failure.class.rule();
                self.rows.insert(rule.row);
                self.throttled += u64::from(failure.class == Class::Throttled);
                self.opted_out += if failure.class == Class::OptedOut { recipients as u64 } else { 0 };
                if rule.lane == LaneEffect::Throttle {
                    let asked = failure.retry_after.map_or(1_000, |asked| asked.as_millis().max(1_000));
                    let until = record.at.plus_millis(i64::try_from(asked).expect("an hour"));
                    if self.silent.is_none_or(|(before, _)| before < until) {
                        self.silent = Some((until, record.at));
                    }
                }
                let event = match (rule.taken, rule.fate) {
                    (Taken::No, Fate::Refuse) => Event::Refuse,
                    (Taken::No, _) => Event::NotTaken,
                    (Taken::Maybe | Taken::AsAnswered, _) => Event::Ambiguous,
                };
                let spent = if event == Event::Ambiguous { planned } else { Micros::ZERO };
                (vec![event; recipients], spent)
            }
        };
        if events.len() != recipients {
            return Err(not_open());
        }
        self.doubt_of_run += events.iter().filter(|event| **event == Event::Ambiguous).count() as u64;
        self.end(id, End { at: record.at, events, spent })
    }

    /// What an answer says of each of the recipients at `positions`, and what is spent by it.
    fn answered(
        &mut self,
        answer: &Answer,
        positions: Range<usize>,
        planned: Micros,
    ) -> (Vec<Event>, Micros) {
        let whole = if let Billed::Money(amount) = answer.billed { Some(amount) } else { None };
        let verdicts = match &answer.verdicts {
            Verdicts::AllAccepted => {
                if answer.request_id.is_none() {
                    self.broken.push(format!("J5: nothing shows that {positions:?} were taken"));
                }
                return (vec![Event::Accept; positions.len()], whole.unwrap_or(planned));
            }
            Verdicts::AllInDoubt { .. } => {
                return (vec![Event::Ambiguous; positions.len()], sum([whole.unwrap_or_default(), planned]));
            }
            Verdicts::Each(verdicts) => verdicts,
        };
        let mut spent = whole.unwrap_or_default();
        let mut events = Vec::with_capacity(verdicts.len());
        for (position, verdict) in positions.zip(verdicts) {
            let cost = self.plan.people[position].cost;
            events.push(match verdict {
                Verdict::Accepted { id, billed, .. } => {
                    if whole.is_none() {
                        spent = sum([spent, billed.unwrap_or(cost)]);
                    }
                    match id {
                        Some(id) if !self.ids.insert(id.clone()) => {
                            self.broken.push(format!("J5: the id {id} serves two recipients"));
                        }
                        None if answer.request_id.is_none() => {
                            self.broken.push(format!("J5: nothing shows that {position} was taken"));
                        }
                        _ => {}
                    }
                    Event::Accept
                }
                Verdict::Refused { .. } => Event::Refuse,
                Verdict::NotTaken { class, .. } => {
                    self.rows.insert(class.rule().row);
                    Event::NotTaken
                }
                Verdict::InDoubt { .. } => {
                    self.rows.insert("C2");
                    spent = sum([spent, cost]);
                    Event::Ambiguous
                }
            });
        }
        (events, spent)
    }

    fn end(&mut self, id: usize, end: End) -> Result<(), CommitError> {
        let positions = self.tries[id].positions();
        for (position, event) in positions.zip(&end.events) {
            self.step(position, *event)?;
        }
        self.tries[id].end = Some(end);
        Ok(())
    }

    fn resolve(&mut self, resolution: &Resolution) -> Result<(), CommitError> {
        for position in resolution.positions.iter().map(|position| position.0 as usize) {
            let state = self.states[position];
            let event = match resolution.decision {
                Decision::Accepted => Event::Accept,
                Decision::Resend => Event::ResendApproved,
            };
            if !matches!(state, State::InDoubt { .. }) {
                return Err(illegal(position, IllegalMove { state, event }));
            }
            self.step(position, event)?;
            match resolution.decision {
                Decision::Accepted => self.found[position] = true,
                Decision::Resend => {
                    self.resends[position] += 1;
                    self.released = sum([self.released, self.plan.people[position].cost]);
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, position: usize, event: Event) -> Result<State, CommitError> {
        let state = &mut self.states[position];
        *state = state.on(event).map_err(|source| illegal(position, source))?;
        Ok(*state)
    }

    fn planned(&self, positions: Range<usize>) -> Micros {
        sum(self.plan.people[positions].iter().map(|person| person.cost))
    }

    /// What counts against the cap.
    fn spent(&self) -> Micros {
        let held = self.tries.iter().map(|one| one.end.as_ref().map_or(one.reserved, |end| end.spent));
        sum(held).checked_sub(self.released).expect("small sums")
    }

    /// The cap that holds.
    pub(super) fn cap(&self) -> Option<Micros> {
        self.max_cost.or(self.plan.cap)
    }

    /// All totals, counted again.
    pub(super) fn standing(&self) -> Standing {
        let mut recipients = Totals::default();
        self.states.iter().for_each(|state| recipients.add(*state));
        Standing {
            recipients,
            requests_sent: self.tries.len() as u64,
            requests_throttled: self.throttled,
            spent: self.spent(),
            commits: self.commits,
            max_cost: self.max_cost,
            canary: self.canary,
            last_exit_code: self.last_exit_code,
            ..Standing::default()
        }
    }

    /// When requests ended that may still count, the latest first.
    pub(super) fn recent(&self, since: UnixMillis, most: usize) -> Vec<UnixMillis> {
        let counted = |one: &Try| one.end.as_ref().map_or(one.at, |end| end.at);
        let mut recent: Vec<_> = self.tries.iter().map(counted).filter(|at| *at >= since).collect();
        recent.sort_unstable_by(|one, other| other.cmp(one));
        recent.truncate(most);
        recent
    }

    /// How long the provider still wants silence; a clock that was set back makes it no longer.
    pub(super) fn silence(&self, now: UnixMillis) -> Duration {
        let left = self.silent.map_or(0, |(until, since)| until.0 - now.0.max(since.0)).max(0);
        Duration::from_millis(u64::try_from(left).expect("not below zero"))
    }

    /// Finds what is not as it always must be, by counting everybody's attempts.
    pub(super) fn audit(&mut self) {
        let mut told = vec![Told::default(); self.states.len()];
        for one in &self.tries {
            for (place, told) in told[one.positions()].iter_mut().enumerate() {
                told.tries += 1;
                match one.end.as_ref().map(|end| end.events[place]) {
                    None => told.open += 1,
                    Some(Event::Accept) => told.accepted += 1,
                    Some(Event::Refuse) => told.refused += 1,
                    Some(Event::Ambiguous | Event::Restart) => told.doubts += 1,
                    Some(Event::NotTaken | Event::Claim | Event::ResendApproved) => {}
                }
            }
        }
        for (position, (state, told)) in self.states.iter().zip(&told).enumerate() {
            let resends = self.resends[position];
            let unsettled = told.doubts.checked_sub(resends);
            let settled = told.accepted + told.refused;
            let is_right = match *state {
                // J8, and J10 with it.
                State::Pending { attempts } => {
                    (told.open, settled, unsettled) == (0, 0, Some(0)) && attempts == told.tries
                }
                // J2.
                State::Claimed { attempt } => {
                    (told.open, settled, unsettled) == (1, 0, Some(0)) && attempt == told.tries
                }
                // J5: one answer or one finding, and nothing behind it.
                State::Accepted if self.found[position] => (told.open, settled, unsettled) == (0, 0, Some(1)),
                State::Accepted => (told.open, told.accepted, told.refused, unsettled) == (0, 1, 0, Some(0)),
                State::Refused => (told.open, told.accepted, told.refused, unsettled) == (0, 0, 1, Some(0)),
                State::InDoubt { attempt } => {
                    (told.open, settled, unsettled) == (0, 0, Some(1)) && attempt == told.tries
                }
            };
            if !is_right {
                self.broken.push(format!("J2, J5, J8, J10: {position} is {state:?}"));
            }
        }
        let standing = self.standing();
        if standing.recipients.sum() != self.states.len() as u64 {
            self.broken.push(format!(
                "J1: {:?} are not {} recipients",
                standing.recipients,
                self.states.len()
            ));
        }
        if self.cap().is_some_and(|cap| standing.spent > cap) {
            self.broken.push(format!("J9: {:?} are spent of {:?}", standing.spent, self.cap()));
        }
    }

    /// Whether somebody's answer is still awaited.
    pub(super) fn has_open_attempts(&self) -> bool {
        self.tries.iter().any(|one| one.end.is_none())
    }

    /// Who is in doubt.
    pub(super) fn in_doubt(&self) -> Vec<Position> {
        let doubtful = |(_, state): &(u32, &State)| matches!(state, State::InDoubt { .. });
        (0..).zip(&self.states).filter(doubtful).map(|(position, _)| Position(position)).collect()
    }
}

fn illegal(position: usize, source: IllegalMove) -> CommitError {
    CommitError::Illegal { position: u32::try_from(position).expect("a small plan"), source }
}

fn sum(amounts: impl IntoIterator<Item = Micros>) -> Micros {
    amounts.into_iter().fold(Micros::ZERO, |sum, one| sum.checked_add(one).expect("small sums"))
}
