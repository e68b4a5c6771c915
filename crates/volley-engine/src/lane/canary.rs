//! A canary: the first recipients of a campaign, who are sent to and judged before anybody else is.
//!
//! A text that is refused, a sender that is not approved, a price that nobody expected: all of it
//! shows in the first answers. So no more than these few are handed out, and the lane goes on by
//! itself only where they went well: no more than a tenth of them refused or in doubt, and every
//! bill as the plan has it. Whoever resumes a run that stopped for them has been told, and goes on.

use volley_core::{Answer, Billed, Chunk, Class, Fate, Micros, Outcome, Reason, Verdict, Verdicts};

/// Of so many recipients one may go wrong.
const ONE_IN: u64 = 10;

/// Whom the canary is about, and what is known of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// How many recipients, at least 1 and no more than are planned.
    pub recipients: u64,
    /// What earlier runs made of them.
    pub seen: Seen,
    /// How far the bill of a request may be from what the plan says; `None` where the plan has no
    /// prices to compare it with.
    pub tolerance: Option<Micros>,
}

/// What became of a canary so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Recipients who are pending no longer.
    pub settled: u64,
    /// Of these, the ones who were refused.
    pub refused: u64,
    /// Of these, the ones in doubt.
    pub in_doubt: u64,
    /// Requests that were billed, or more.
    pub bills: u64,
    /// What was billed for them.
    pub billed: Micros,
    /// What the plan says for the same.
    pub planned: Micros,
}

/// What holds everybody back but the canary.
#[derive(Debug)]
pub(super) struct Gate {
    canary: Canary,
    /// Recipients who are handed out and not settled.
    claimed: u64,
    /// Segments of those accepted by this run, as the provider counts them and as the plan does,
    /// where its answers say.
    segments: (u64, u64),
    /// Why the last of them was refused or is in doubt.
    last: Option<Reason>,
}

impl Gate {
    pub(super) fn new(canary: Canary) -> Self {
        Self { canary, claimed: 0, segments: (0, 0), last: None }
    }

    /// How many more recipients may be handed out.
    pub(super) fn room(&self) -> usize {
        let left = self.canary.recipients.saturating_sub(self.canary.seen.settled + self.claimed);
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    /// So many recipients are handed out.
    pub(super) fn on_claimed(&mut self, recipients: u32) {
        self.claimed += u64::from(recipients);
    }

    /// So many of them came back, settled or not.
    pub(super) fn on_released(&mut self, recipients: u32) {
        self.claimed -= u64::from(recipients);
    }

    /// The attempt at `chunk` ended with `outcome`.
    pub(super) fn on_end(&mut self, chunk: &Chunk, outcome: &Outcome) {
        let all = u64::from(chunk.len());
        match outcome {
            Outcome::Answered(answer) => {
                match &answer.verdicts {
                    Verdicts::AllAccepted => self.canary.seen.settled += all,
                    Verdicts::AllInDoubt { reason } => self.in_doubt(all, reason),
                    Verdicts::Each(verdicts) => verdicts.iter().for_each(|verdict| self.verdict(verdict)),
                }
                self.compare(chunk, answer);
            }
            Outcome::Failed(failure) => match failure.class.rule().fate {
                // They asked for it, which says nothing of the others.
                Fate::Refuse if failure.class == Class::OptedOut => self.canary.seen.settled += all,
                Fate::Refuse => self.refused(all, &failure.reason),
                Fate::Doubt | Fate::AsAnswered => self.in_doubt(all, &failure.reason),
                Fate::Retry | Fate::Back | Fate::Split => {}
            },
        }
    }

    /// What went wrong with them; `None` as long as all went well.
    pub(super) fn fault(&self) -> Option<Reason> {
        let Canary { recipients, seen, tolerance } = self.canary;
        let Seen { refused, in_doubt, bills, billed, planned, .. } = seen;
        if (refused + in_doubt) * ONE_IN > recipients {
            let last = self.last.as_ref().map_or(String::new(), |last| format!("; the last: {last}"));
            return Some(Reason::from(format!(
                "of the first {recipients} recipients {refused} refused, {in_doubt} in doubt{last}"
            )));
        }
        let (counts, plan_counts) = self.segments;
        if counts != plan_counts {
            return Some(Reason::from(format!(
                "the provider counts {counts} segments where the plan counts {plan_counts}"
            )));
        }
        let most = tolerance?.0.saturating_mul(i64::try_from(bills).unwrap_or(i64::MAX));
        let is_off = billed.0.abs_diff(planned.0) > most.unsigned_abs();
        is_off.then(|| Reason::from(format!("{billed} was billed for what the plan prices at {planned}")))
    }

    fn verdict(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Accepted { .. } => self.canary.seen.settled += 1,
            Verdict::Refused { code } => self.refused(1, code),
            Verdict::InDoubt { reason } => self.in_doubt(1, reason),
            Verdict::NotTaken { .. } => {}
        }
    }

    fn refused(&mut self, recipients: u64, why: &Reason) {
        self.canary.seen.settled += recipients;
        self.canary.seen.refused += recipients;
        self.last = Some(why.clone());
    }

    fn in_doubt(&mut self, recipients: u64, why: &Reason) {
        self.canary.seen.settled += recipients;
        self.canary.seen.in_doubt += recipients;
        self.last = Some(why.clone());
    }

    /// Holds what an answer bills and counts against the plan, for those it accepts.
    fn compare(&mut self, chunk: &Chunk, answer: &Answer) {
        let (mut cost, mut segments) = (Micros::ZERO, 0);
        let (mut bill, mut count) = ((Micros::ZERO, Micros::ZERO), (0, 0));
        for (index, one) in chunk.recipients.iter().enumerate() {
            let (own_bill, own_count) = match &answer.verdicts {
                Verdicts::AllAccepted => (None, None),
                Verdicts::AllInDoubt { .. } => return,
                Verdicts::Each(verdicts) => match &verdicts[index] {
                    Verdict::Accepted { billed, segments, .. } => (*billed, *segments),
                    _ => continue,
                },
            };
            cost = plus(cost, one.cost);
            segments += u64::from(one.segments);
            if let Some(own) = own_bill {
                bill = (plus(bill.0, own), plus(bill.1, one.cost));
            }
            if let Some(own) = own_count {
                count = (count.0 + u64::from(own), count.1 + u64::from(one.segments));
            }
        }
        match answer.billed {
            Billed::Money(whole) => bill = (whole, cost),
            Billed::Units(_) => bill = (Micros::ZERO, Micros::ZERO),
            Billed::Unknown => {}
        }
        if let Some(whole) = answer.segments {
            count = (whole, segments);
        }
        let Seen { bills, billed, planned, .. } = &mut self.canary.seen;
        *bills += 1;
        (*billed, *planned) = (plus(*billed, bill.0), plus(*planned, bill.1));
        self.segments = (self.segments.0.saturating_add(count.0), self.segments.1 + count.1);
    }
}

/// The sum, or the largest amount there is: an absurd bill is off all the same.
fn plus(one: Micros, other: Micros) -> Micros {
    Micros(one.0.saturating_add(other.0))
}
