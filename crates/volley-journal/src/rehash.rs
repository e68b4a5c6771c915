//! The plan's hash, computed again from the rows of its journal.

use crate::{FrozenPlan, packs::count_texts, recipients::for_each_recipient, schema::Fault, stored::cost};
use rusqlite::Connection;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    rc::Rc,
};
use volley_core::{Msisdn, PlanHash, PlanHasher, RowNumber};

/// A message that was read before its turn.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    row: RowNumber,
    to: Msisdn,
    price: Option<u16>,
    /// Its segments and its body, one copy for all who get it.
    text: Rc<(u16, String)>,
}

/// The plan's hash, computed from the stored recipients, texts and prices as they are now.
///
/// The hash takes messages in the order of their rows. A plan by text has them in that order but
/// for those whose text somebody before them gets: they stand directly behind that one, which is
/// too early, and wait. So one pass is enough. It holds 24 bytes for each who waits, and the
/// texts of those who do.
pub(crate) fn hash_of_rows(connection: &Connection, plan: &FrozenPlan) -> Result<PlanHash, Fault> {
    let by_text = plan.batch().shares_text() && count_texts(connection)? > 1;
    let mut hasher = PlanHasher::new(plan.rounding);
    let mut add = |row, to, price, segments, body: &str| {
        let cost = cost(plan, price, segments)?;
        hasher.planned(row, to, body, cost);
        Ok(())
    };
    let mut waiting: BinaryHeap<Reverse<Waiting>> = BinaryHeap::new();
    let (mut text_before, mut shared) = (None, None);
    for_each_recipient(connection, |one, text| {
        let segments = u16::from(text.carriage.segments);
        if by_text && text_before == Some(one.text) {
            let text = shared.get_or_insert_with(|| Rc::new((segments, text.body.to_owned())));
            let text = Rc::clone(text);
            waiting.push(Reverse(Waiting { row: one.row, to: one.to, price: one.price, text }));
            return Ok(());
        }
        (text_before, shared) = (Some(one.text), None);
        while let Some(next) = waiting.peek_mut()
            && next.0.row < one.row
        {
            let Reverse(next) = PeekMut::pop(next);
            add(next.row, next.to, next.price, next.text.0, &next.text.1)?;
        }
        add(one.row, one.to, one.price, segments, text.body)
    })?;
    while let Some(Reverse(next)) = waiting.pop() {
        add(next.row, next.to, next.price, next.text.0, &next.text.1)?;
    }
    Ok(hasher.finish(&plan.terms))
}

/// Which parts of the plan are not what was frozen, in words; none of a plan that is.
pub(crate) fn altered_parts(connection: &Connection, plan: &FrozenPlan) -> Result<Vec<&'static str>, Fault> {
    let hash = hash_of_rows(connection, plan)?;
    let mut parts = hash.differences(&plan.hash);
    if parts.is_empty() && hash != plan.hash {
        parts.push("hash");
    }
    Ok(parts)
}
