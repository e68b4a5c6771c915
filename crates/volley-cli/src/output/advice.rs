//! Edits of a campaign's text as people read them: what each would save, and the text before and
//! after.

use super::{Screen, Table, count, inert};
use volley_plan::{Advice, Edit};

/// How many edits are listed.
const SHOWN: usize = 10;

/// The edits that save most, in `currency` where there is a rate card.
pub(crate) fn advice(advice: &Advice, currency: Option<&str>, screen: &Screen) -> String {
    if advice.edits.is_empty() {
        return screen.line("No edit of the text that was tried would save anything.");
    }
    let header: Vec<&str> = currency.into_iter().chain(["segments", "recipients", "edit"]).collect();
    let numbers: Vec<usize> = (0..header.len() - 1).collect();
    let mut table = Table::new(&header, &numbers);
    for edit in advice.edits.iter().take(SHOWN) {
        let cost = currency.map(|_| edit.cost_saved.unwrap_or_default().to_string());
        table.row(cost.into_iter().chain([count(edit.segments_saved), count(edit.rows), shown(edit)]));
    }
    let mut text = screen.line("Edits that would save, none applied:") + &table.fit(screen);
    if advice.edits.len() > SHOWN {
        text.push_str(&screen.line(&format!("and {} more; --json lists them", advice.edits.len() - SHOWN)));
    }
    text
}

/// What is to be done, and the place before and after, a line each.
fn shown(edit: &Edit) -> String {
    let mut text = format!("{}\n{} → {}", inert(&edit.what), inert(&edit.before), inert(&edit.after));
    match edit.more_rows {
        0 => {}
        1 => text.push_str("\n1 row more could be sent to"),
        rows => text.push_str(&format!("\n{} rows more could be sent to", count(rows))),
    }
    text
}
