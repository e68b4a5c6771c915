//! Going through the plan from its first recipient to its last, and again for those who were left
//! out because their send window was closed.
//!
//! Nothing is kept of those but when the first of them can be sent to: they stay pending in the
//! journal, which hands them out again in the next pass.

use super::{Pause, Work};
use std::{ops::Range, time::Duration};
use volley_core::{Chunk, Opens, Position};

/// Why recipients were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When they are looked at again, measured from the start of the run.
    pub until: Duration,
    /// The opening that is waited for, for people.
    pub opens: Opens,
}

/// What the journal handed out.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Those who can be sent to, in plan order.
    pub chunks: Vec<Chunk>,
    /// The first plan position behind all that it handed out; `None` where that was nobody.
    pub behind: Option<Position>,
    /// The first to open of those who were left out; `None` where nobody was.
    pub closed: Option<Closed>,
}

/// All of them can be sent to.
impl From<Vec<Chunk>> for Fetched {
    fn from(chunks: Vec<Chunk>) -> Self {
        let behind = chunks.last().map(|last| Position(last.first.0 + last.len()));
        Self { chunks, behind, closed: None }
    }
}

/// How far a lane has gone through its plan.
#[derive(Debug, Default)]
pub(super) struct Pass {
    next: Position,
    is_over: bool,
    /// Who was in hand when it began, by plan positions in order: since then settled, still in hand,
    /// or left out. Nobody of them is taken up a second time.
    in_hand: Vec<Range<u32>>,
    left_out: Option<Closed>,
}

impl Pass {
    /// One more, while `in_hand` is neither settled nor under way.
    pub(super) fn again<'a>(in_hand: impl Iterator<Item = &'a Work>) -> Self {
        let positions = |work: &Work| work.chunk.first.0..work.chunk.first.0 + work.chunk.len();
        let mut runs: Vec<Range<u32>> = in_hand.map(positions).collect();
        runs.sort_unstable_by_key(|run| run.start);
        // Mostly they are neighbours.
        runs.dedup_by(|next, run| {
            let is_next = next.start <= run.end;
            run.end = if is_next { run.end.max(next.end) } else { run.end };
            is_next
        });
        Self { in_hand: runs, ..Self::default() }
    }

    /// From where on to ask the journal; `None` where this pass is over.
    pub(super) fn next(&self) -> Option<Position> {
        (!self.is_over).then_some(self.next)
    }

    /// Whether somebody who was left out can be sent to by now.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.left_out.is_some_and(|closed| closed.until <= now)
    }

    /// What is waited for when all others are settled; `None` where nobody was left out.
    pub(super) fn pause(&self) -> Option<Pause> {
        self.left_out.map(|Closed { until, opens }| Pause::Window { until, opens })
    }

    /// Whoever was left out is looked at again at `now`: the wall clock was set.
    pub(super) fn on_clock_set(&mut self, now: Duration) {
        if let Some(closed) = &mut self.left_out {
            closed.until = now;
        }
    }

    /// Somebody was left out.
    pub(super) fn leave_out(&mut self, closed: Closed) {
        self.left_out = Some(self.left_out.filter(|first| first.until <= closed.until).unwrap_or(closed));
    }

    /// What the journal handed out; gives those of them who are not in hand yet.
    pub(super) fn on_fetched(&mut self, fetched: Fetched) -> Vec<Chunk> {
        let Fetched { chunks, behind, closed } = fetched;
        match behind {
            Some(behind) => self.next = behind,
            None => self.is_over = true,
        }
        if let Some(closed) = closed {
            self.leave_out(closed);
        }
        if self.in_hand.is_empty() {
            return chunks;
        }
        let is_new = |chunk: &Chunk, index: usize| {
            let position = chunk.first.0 + u32::try_from(index).expect("a place in the chunk");
            let before = self.in_hand.partition_point(|run| run.start <= position);
            !self.in_hand[..before].last().is_some_and(|run| run.contains(&position))
        };
        chunks.iter().flat_map(|chunk| chunk.runs(|index| is_new(chunk, index))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use volley_core::{Micros, Msisdn, Planned, RowNumber, UnixMillis};

    /// The recipients at these positions.
    fn chunk(positions: Range<u32>) -> Chunk {
        let recipient = |position| Planned {
            row: RowNumber(position + 1),
            to: Msisdn::from_digits(66_800_000_000 + u64::from(position)).expect("eleven digits"),
            text: 0,
            segments: 1,
            cost: Micros::ZERO,
        };
        let first = Position(positions.start);
        Chunk { first, texts: vec!["Hi".into()], recipients: positions.map(recipient).collect() }
    }

    fn closed(minutes: u64) -> Closed {
        let opens = Opens { at: UnixMillis(0), zone: "Asia/Bangkok" };
        Closed { until: Duration::from_mins(minutes), opens }
    }

    fn positions(chunks: &[Chunk]) -> Vec<Range<u32>> {
        chunks.iter().map(|chunk| chunk.first.0..chunk.first.0 + chunk.len()).collect()
    }

    #[test]
    fn the_first_opening_is_waited_for_whoever_was_left_out_when() {
        let mut pass = Pass::default();
        assert_eq!((pass.pause(), pass.is_due(Duration::MAX)), (None, false));
        for minutes in [30, 10, 20] {
            pass.leave_out(closed(minutes));
        }
        assert_eq!(pass.pause().and_then(|pause| pause.until()), Some(Duration::from_mins(10)));
        assert!(!pass.is_due(Duration::from_mins(9)) && pass.is_due(Duration::from_mins(10)));
        pass.on_clock_set(Duration::from_mins(5));
        assert!(pass.is_due(Duration::from_mins(5)));
    }

    #[test]
    fn whoever_was_left_out_is_passed_over_and_the_pass_goes_on_behind() {
        let mut pass = Pass::default();
        let all_closed =
            Fetched { behind: Some(Position(40)), closed: Some(closed(1)), ..Fetched::default() };
        assert!(pass.on_fetched(all_closed).is_empty());
        assert_eq!(pass.next(), Some(Position(40)));
        let open = pass.on_fetched(vec![chunk(40..45), chunk(45..50)].into());
        assert_eq!(positions(&open), [40..45, 45..50]);
        assert_eq!(pass.next(), Some(Position(50)));
        assert!(pass.on_fetched(Fetched::default()).is_empty());
        assert_eq!(pass.next(), None);
        assert!(pass.pause().is_some());
    }

    #[test]
    fn whoever_is_in_hand_is_not_taken_up_a_second_time() {
        let work = |positions| Work { chunk: Arc::new(chunk(positions)), tries: 1 };
        let in_hand = [work(30..40), work(10..20), work(20..25)];
        let mut pass = Pass::again(in_hand.iter());
        assert_eq!(pass.in_hand, [10..25, 30..40]);
        let fetched = vec![chunk(0..15), chunk(15..25), chunk(25..31), chunk(35..50)];
        assert_eq!(positions(&pass.on_fetched(fetched.into())), [0..10, 25..30, 40..50]);
        assert_eq!(pass.next(), Some(Position(50)));
    }
}
