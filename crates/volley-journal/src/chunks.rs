//! Pending recipients as chunks, in plan order.

use crate::{
    FrozenPlan,
    packs::{Text, Texts},
    recipients::{self, Recipient, Recipients},
    schema::Fault,
    stored::cost,
};
use rusqlite::Connection;
use std::{collections::HashMap, sync::Arc};
use volley_core::{Chunk, Micros, Planned, Position, State};

/// Up to `most` chunks at or after `from`. Pending recipients are found in memory, so settled ones
/// cost no read; neighbours are one range of the table, read no further than needed. `texts` are
/// the ones behind `connection`, kept by who asks again.
pub(crate) fn next_chunks(
    connection: &Connection,
    texts: &mut Texts,
    plan: &FrozenPlan,
    states: &[State],
    from: Position,
    most: usize,
) -> Result<Vec<Chunk>, Fault> {
    let limit = plan.terms.chunk.min(plan.batch().ceiling()).max(1) as usize;
    let mut select = connection.prepare_cached(recipients::SELECT)?;
    let mut cutter = Cutter { plan, limit, chunks: Vec::new(), current: None, text: None };
    let mut from = from.0;
    while cutter.chunks.len() < most {
        let Some(start) = next_pending(states, from) else { break };
        let mut recipients = Recipients::of(connection, &mut select, start..u32::MAX)?;
        from = start;
        while cutter.chunks.len() < most && states.get(from as usize).is_some_and(|state| is_pending(*state))
        {
            let one = recipients.next()?.filter(|one| one.position == from);
            let one = one.ok_or_else(|| Fault::Damaged(format!("recipient {from} is missing")))?;
            cutter.add(&one, texts.get(connection, one.text)?)?;
            from += 1;
        }
        if cutter.chunks.len() < most {
            cutter.cut();
        }
    }
    Ok(cutter.chunks)
}

/// The one chunk of the `recipients` from `first` on, whatever became of them.
pub(crate) fn chunk_of(
    connection: &Connection,
    texts: &mut Texts,
    plan: &FrozenPlan,
    first: Position,
    recipients: u32,
) -> Result<Chunk, Fault> {
    let mut cutter =
        Cutter { plan, limit: recipients as usize, chunks: Vec::new(), current: None, text: None };
    let mut select = connection.prepare_cached(recipients::SELECT)?;
    let positions = first.0..first.0.saturating_add(recipients);
    let mut rows = Recipients::of(connection, &mut select, positions)?;
    while let Some(one) = rows.next()? {
        cutter.add(&one, texts.get(connection, one.text)?)?;
    }
    match cutter.chunks.pop() {
        Some(chunk) if chunk.len() == recipients => Ok(chunk),
        _ => Err(Fault::Damaged(format!("no request was for {recipients} from position {} on", first.0))),
    }
}

/// The first place at or after `from` whose recipient is pending.
fn next_pending(states: &[State], from: u32) -> Option<u32> {
    let further = states.get(from as usize..)?.iter().position(|state| is_pending(*state))?;
    Some(from + u32::try_from(further).expect("a plan has fewer than 2³² recipients"))
}

fn is_pending(state: State) -> bool {
    matches!(state, State::Pending { .. })
}

/// Fills chunks and cuts them where they are full or, where a text is shared, where it changes.
struct Cutter<'plan> {
    plan: &'plan FrozenPlan,
    limit: usize,
    chunks: Vec<Chunk>,
    current: Option<Filling>,
    /// The text read last, by its number: neighbours mostly share it.
    text: Option<(u32, Arc<str>)>,
}

/// Room for so many recipients is made at once.
const FEW: usize = 64;

struct Filling {
    chunk: Chunk,
    /// The text read last, of the plan and of the chunk.
    last: (u32, u32),
    /// Where in the chunk's texts a text of the plan is; not kept where all share one.
    places: HashMap<u32, u32>,
}

impl Cutter<'_> {
    fn add(&mut self, one: &Recipient, text: Text<'_>) -> Result<(), Fault> {
        let segments = u16::from(text.carriage.segments);
        let cost = cost(self.plan, one.price, segments)?.unwrap_or(Micros::ZERO);
        let body = self.body(one.text, text);
        let shares_text = self.plan.batch().shares_text();
        let other_text = |filling: &Filling| filling.last.0 != one.text;
        if shares_text && self.current.as_ref().is_some_and(other_text) {
            self.cut();
        }
        let filling = self.current.get_or_insert_with(|| Filling {
            chunk: Chunk {
                first: Position(one.position),
                texts: vec![Arc::clone(&body)],
                recipients: Vec::with_capacity(self.limit.min(FEW)),
            },
            last: (one.text, 0),
            places: if shares_text { HashMap::new() } else { HashMap::from([(one.text, 0)]) },
        });
        let chunk = &mut filling.chunk;
        if filling.last.0 != one.text {
            let place = *filling.places.entry(one.text).or_insert_with(|| {
                chunk.texts.push(body);
                u32::try_from(chunk.texts.len() - 1).expect("no more texts than recipients")
            });
            filling.last = (one.text, place);
        }
        let text = filling.last.1;
        chunk.recipients.push(Planned { row: one.row, to: one.to, text, segments, cost });
        if chunk.recipients.len() == self.limit {
            self.cut();
        }
        Ok(())
    }

    fn body(&mut self, number: u32, text: Text<'_>) -> Arc<str> {
        if let Some((_, body)) = self.text.as_ref().filter(|(held, _)| *held == number) {
            return Arc::clone(body);
        }
        let body: Arc<str> = Arc::from(text.body);
        self.text = Some((number, Arc::clone(&body)));
        body
    }

    fn cut(&mut self) {
        self.chunks.extend(self.current.take().map(|filling| filling.chunk));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settled_and_the_claimed_are_passed_over() {
        let pending = State::START;
        let states =
            [State::Accepted, pending, pending, State::Claimed { attempt: 1 }, pending, State::Refused];
        for (from, next) in
            [(0, Some(1)), (1, Some(1)), (2, Some(2)), (3, Some(4)), (5, None), (6, None), (7, None)]
        {
            assert_eq!(next_pending(&states, from), next, "from {from}");
        }
    }
}
