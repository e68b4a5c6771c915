//! The plan's hash, computed again from the rows of its journal.

use crate::{
    FrozenPlan,
    packs::{Text, count_texts},
    recipients::{Recipient, for_each_recipient},
    schema::Fault,
    stored::cost,
};
use rusqlite::Connection;
use std::{collections::BTreeMap, iter::Peekable, vec};
use volley_core::{PlanHash, PlanHasher, RowNumber};

/// The plan's hash, computed from the stored recipients, texts and prices as they are now.
///
/// The hash takes messages in the order of their rows. A plan by text has them in that order but
/// for those whose text somebody before them gets: they stand directly behind that one, which is
/// too early, and wait. So one pass is enough. It holds some 24 bytes for each who waits, and the
/// texts of those who do.
pub(crate) fn hash_of_rows(connection: &Connection, plan: &FrozenPlan) -> Result<PlanHash, Fault> {
    let by_text = plan.batch().shares_text() && count_texts(connection)? > 1;
    let mut hasher = PlanHasher::new(plan.rounding);
    let mut add = |one: &Recipient, segments, body: &str| {
        let cost = cost(plan, one.price, segments)?;
        hasher.planned(one.row, one.to, body, cost);
        Ok(())
    };
    let mut waiting = Waiting::default();
    let mut text_before = None;
    for_each_recipient(connection, |one, text| {
        if by_text && text_before == Some(one.text) {
            waiting.push(one, text);
            return Ok(());
        }
        text_before = Some(one.text);
        waiting.take_before(Some(one.row), &mut add)?;
        add(one, u16::from(text.carriage.segments), text.body)
    })?;
    waiting.take_before(None, &mut add)?;
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

/// Recipients who were read before their turn.
#[derive(Default)]
struct Waiting {
    /// Those of one text each, under the row of the first who is left.
    texts: BTreeMap<RowNumber, Sharing<Peekable<vec::IntoIter<Recipient>>>>,
    /// Those of the text that was read last.
    last: Option<Sharing<Vec<Recipient>>>,
}

/// Recipients of one text, in the order of their rows.
struct Sharing<T> {
    segments: u16,
    body: String,
    recipients: T,
}

impl Waiting {
    /// Adds `one`, who stands behind the one who was added last or gets another text.
    fn push(&mut self, one: &Recipient, text: Text<'_>) {
        let last = self.last.get_or_insert_with(|| Sharing {
            segments: u16::from(text.carriage.segments),
            body: text.body.to_owned(),
            recipients: Vec::new(),
        });
        last.recipients.push(*one);
    }

    /// Shows `each` those of rows before `row`, or all, with their segments and texts. Whoever is
    /// added after that gets another text.
    fn take_before(
        &mut self,
        row: Option<RowNumber>,
        mut each: impl FnMut(&Recipient, u16, &str) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let is_before = |other: RowNumber, row: Option<RowNumber>| row.is_none_or(|row| other < row);
        if let Some(Sharing { segments, body, recipients }) = self.last.take() {
            let recipients = recipients.into_iter().peekable();
            self.keep(Sharing { segments, body, recipients });
        }
        while let Some(first) = self.texts.first_entry()
            && is_before(*first.key(), row)
        {
            let mut text = first.remove();
            // Its recipients follow each other until it is another text's turn.
            let other = self.texts.first_key_value().map(|(row, _)| *row);
            while let Some(one) =
                text.recipients.next_if(|one| is_before(one.row, row) && is_before(one.row, other))
            {
                each(&one, text.segments, &text.body)?;
            }
            self.keep(text);
        }
        Ok(())
    }

    fn keep(&mut self, mut text: Sharing<Peekable<vec::IntoIter<Recipient>>>) {
        if let Some(first) = text.recipients.peek() {
            self.texts.insert(first.row, text);
        }
    }
}
