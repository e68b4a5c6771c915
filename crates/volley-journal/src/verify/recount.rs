//! The attempts and the decisions between them, read in their order and counted anew.

use super::{
    Findings,
    decisions::{Decided, decisions},
    plus,
};
use crate::{
    Standing,
    rows::load_standing,
    schema::Fault,
    stored::{class_of, count, int},
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};
use volley_core::{Class, Micros, Taken, Totals};

/// Where one recipient is, by the attempts read so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    Open,
    Accepted,
    Refused,
    Doubt,
}

/// Recipients and totals, counted anew.
pub(super) struct Recount {
    costs: Vec<Micros>,
    places: Vec<Place>,
    tries: Vec<u16>,
    /// The attempt read last that was at each, 0 before the first.
    last: Vec<u64>,
    pub(super) open: u64,
    pub(super) standing: Standing,
}

/// One row of the attempt table.
struct Line {
    id: u64,
    first: u32,
    recipients: u32,
    number: u16,
    run: i64,
    reserved: i64,
    fate: Option<Fate>,
    class: Option<Class>,
    has_request_id: bool,
    billed: Option<i64>,
    billed_units: Option<i64>,
    spent: Option<i64>,
}

/// What the table says of all of an attempt's recipients together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Accepted,
    Each,
    Refused,
    NotTaken,
    InDoubt,
}

impl Fate {
    /// The table has no other words than these.
    fn of(word: &str) -> Self {
        match word {
            "accepted" => Self::Accepted,
            "each" => Self::Each,
            "refused" => Self::Refused,
            "in_doubt" => Self::InDoubt,
            _ => Self::NotTaken,
        }
    }
}

/// What an attempt's verdicts come to.
#[derive(Default)]
struct Sum {
    billed: Option<i64>,
    spent: i64,
}

impl Recount {
    pub(super) fn new(costs: Vec<Micros>) -> Self {
        let everybody = costs.len();
        Self {
            costs,
            places: vec![Place::Free; everybody],
            tries: vec![0; everybody],
            last: vec![0; everybody],
            open: 0,
            standing: Standing::default(),
        }
    }

    pub(super) fn walk(&mut self, connection: &Connection, findings: &mut Findings) -> Result<(), Fault> {
        let last_run: Option<i64> = connection.query_row("SELECT max(id) FROM run", [], |row| row.get(0))?;
        let mut verdicts = connection.prepare_cached(
            "SELECT position, state, provider_id, billed FROM verdict WHERE attempt = ? ORDER BY position",
        )?;
        let mut attempts = connection.prepare(LINES)?;
        let decisions = decisions(connection, findings)?;
        let mut decisions = decisions.iter().peekable();
        let mut rows = attempts.query([])?;
        while let Some(row) = rows.next()? {
            let line = line(row)?;
            while let Some(decided) = decisions.next_if(|decided| decided.after < line.id) {
                self.decided(decided, findings);
            }
            self.claimed(&line, last_run, findings);
            self.ended(&line, &mut verdicts, findings)?;
        }
        decisions.for_each(|decided| self.decided(decided, findings));
        let mut strays = connection.prepare(
            "SELECT position FROM verdict WHERE attempt NOT IN (SELECT id FROM attempt WHERE fate = 'each')",
        )?;
        let mut rows = strays.query([])?;
        while let Some(row) = rows.next()? {
            findings.add("J2", "a verdict belongs to no attempt that has any", Some(row.get(0)?));
        }
        Ok(())
    }

    /// The positions of an attempt that the plan has.
    fn range(&self, line: &Line) -> std::ops::Range<usize> {
        let first = (line.first as usize).min(self.places.len());
        first..(first + line.recipients as usize).min(self.places.len())
    }

    fn claimed(&mut self, line: &Line, last_run: Option<i64>, findings: &mut Findings) {
        let range = self.range(line);
        if range.len() != line.recipients as usize || range.is_empty() {
            findings.add(
                "J2",
                format!("attempt {} is for recipients that the plan does not have", line.id),
                None,
            );
        }
        let mut most_tries = 0;
        let mut reserved: i64 = 0;
        for (position, index) in (line.first..).zip(range) {
            let breach = match self.places[index] {
                Place::Free => None,
                Place::Open => Some(("J2", "two open attempts for one recipient")),
                Place::Doubt => Some(("J8", "tried again while an attempt was in doubt")),
                Place::Accepted | Place::Refused => Some(("J11", "tried again after it was settled")),
            };
            if let Some((invariant, sentence)) = breach {
                findings.add(invariant, sentence, Some(position));
            }
            self.places[index] = Place::Open;
            self.last[index] = line.id;
            self.tries[index] = self.tries[index].saturating_add(1);
            most_tries = most_tries.max(self.tries[index]);
            reserved = reserved.saturating_add(self.costs[index].0);
        }
        findings.expect(
            most_tries == line.number,
            "J10",
            "attempts are not numbered without gaps",
            line.first,
        );
        findings.expect(
            reserved == line.reserved,
            "J9",
            "held back another amount than the plan's price",
            line.first,
        );
        let orphan = line.fate.is_none() && last_run != Some(line.run);
        findings.expect(!orphan, "J6", "an attempt of an earlier run is still open", line.first);
        self.standing.requests_sent += 1;
        self.standing.requests_retried += u64::from(line.number > 1);
    }

    /// A decision is about those in doubt at that time, and gives back what the plan says they
    /// cost or nothing.
    fn decided(&mut self, decided: &Decided, findings: &mut Findings) {
        let (invariant, place) =
            if decided.is_resend { ("J4", Place::Free) } else { ("J5", Place::Accepted) };
        let mut released: i64 = 0;
        for &(attempt, first, recipients) in &decided.about {
            for position in (u64::from(first)..).take(recipients as usize) {
                let index = usize::try_from(position).unwrap_or(usize::MAX);
                let Some(was) = self.places.get_mut(index) else {
                    findings.add("J2", "a decision is about recipients that the plan does not have", None);
                    break;
                };
                let position = u32::try_from(index).expect("positions have 32 bits");
                let was_in_doubt = *was == Place::Doubt;
                findings.expect(
                    was_in_doubt,
                    invariant,
                    "decided about somebody who was not in doubt",
                    position,
                );
                let is_that = self.last[index] == attempt;
                findings.expect(is_that, invariant, "decided about another attempt than the last", position);
                *was = place;
                released = released.saturating_add(if decided.is_resend { self.costs[index].0 } else { 0 });
            }
        }
        if released != decided.released {
            let first = decided.about.first().map(|(_, first, _)| *first);
            findings.add("J9", "a decision gives back another amount than the plan's price", first);
        }
        self.standing.spent = plus(self.standing.spent, Micros(released.saturating_neg()));
    }

    fn ended(
        &mut self,
        line: &Line,
        verdicts: &mut CachedStatement<'_>,
        findings: &mut Findings,
    ) -> Result<(), Fault> {
        let planned = self.costs[self.range(line)].iter().fold(Micros::ZERO, |sum, cost| plus(sum, *cost)).0;
        let (place, sum) = match line.fate {
            None => {
                self.open += 1;
                self.standing.spent = plus(self.standing.spent, Micros(line.reserved));
                return Ok(());
            }
            Some(Fate::Each) => (None, self.ended_each(line, verdicts, findings)?),
            Some(Fate::Accepted) => {
                (Some(Place::Accepted), Sum { billed: None, spent: line.billed.unwrap_or(planned) })
            }
            Some(Fate::InDoubt) => {
                let spent = line.billed.unwrap_or_default().saturating_add(planned);
                (Some(Place::Doubt), Sum { billed: None, spent })
            }
            Some(Fate::Refused) => (Some(Place::Refused), Sum::default()),
            Some(Fate::NotTaken) => (Some(Place::Free), Sum::default()),
        };
        if let Some(place) = place {
            let range = self.range(line);
            self.places[range].fill(place);
        }
        let answered = line.class == Some(Class::Answered);
        let accepted = matches!(place, Some(Place::Accepted) | None);
        findings.expect(answered || !accepted, "J5", "accepted without an answer", line.first);
        let untaken = line.class.is_some_and(|class| class.rule().taken == Taken::No);
        findings.expect(
            untaken || place != Some(Place::Free),
            "J4",
            "pending again without proof",
            line.first,
        );
        findings.expect(
            line.spent == Some(sum.spent),
            "J9",
            "an attempt counts another amount than it cost",
            line.first,
        );
        let standing = &mut self.standing;
        standing.requests_throttled += u64::from(line.class == Some(Class::Throttled));
        standing.spent = plus(standing.spent, Micros(sum.spent));
        for (total, amount) in [
            (&mut standing.billed, line.billed.or(sum.billed)),
            (&mut standing.billed_units, line.billed_units),
        ] {
            if let Some(amount) = amount {
                *total = Some(plus(total.unwrap_or_default(), Micros(amount)));
            }
        }
        Ok(())
    }

    fn ended_each(
        &mut self,
        line: &Line,
        verdicts: &mut CachedStatement<'_>,
        findings: &mut Findings,
    ) -> Result<Sum, Fault> {
        let mut sum = Sum { billed: None, spent: line.billed.unwrap_or_default() };
        let range = self.range(line);
        let mut rows = verdicts.query([int(line.id)])?;
        while let Some(row) = rows.next()? {
            let position: u32 = row.get(0)?;
            let index = position as usize;
            if !range.contains(&index) || self.places[index] != Place::Open {
                let sentence = format!("attempt {} has a verdict it did not ask for", line.id);
                findings.add("J2", sentence, Some(position));
                continue;
            }
            let state: String = row.get(1)?;
            let has_id = row.get_ref(2)? != rusqlite::types::ValueRef::Null;
            let own: Option<i64> = row.get(3)?;
            self.places[index] = match state.as_str() {
                "accepted" => Place::Accepted,
                "refused" => Place::Refused,
                "not_taken" => Place::Free,
                _ => Place::Doubt,
            };
            match self.places[index] {
                Place::Accepted => {
                    let evidence = has_id || line.has_request_id;
                    findings.expect(evidence, "J5", "accepted without any id", position);
                    if line.billed.is_none() {
                        sum.spent = sum.spent.saturating_add(own.unwrap_or(self.costs[index].0));
                        sum.billed =
                            own.map(|own| own.saturating_add(sum.billed.unwrap_or_default())).or(sum.billed);
                    }
                }
                Place::Doubt => sum.spent = sum.spent.saturating_add(self.costs[index].0),
                Place::Free | Place::Open | Place::Refused => {}
            }
        }
        for index in range {
            let answered = self.places[index] != Place::Open;
            let position = u32::try_from(index).expect("positions have 32 bits");
            findings.expect(answered, "J2", "answered for, but its verdict is missing", position);
        }
        Ok(sum)
    }

    pub(super) fn totals(&self) -> Totals {
        let number =
            |places: &[Place]| self.places.iter().filter(|place| places.contains(place)).count() as u64;
        Totals {
            pending: number(&[Place::Free, Place::Open]),
            accepted: number(&[Place::Accepted]),
            refused: number(&[Place::Refused]),
            in_doubt: number(&[Place::Doubt]),
        }
    }

    /// Holds the stored totals against the recount.
    pub(super) fn compare(&self, connection: &Connection, findings: &mut Findings) -> Result<(), Fault> {
        let stored = load_standing(connection)?;
        let totals = self.totals();
        let number = |count: u64| Some(int(count));
        let money = |amount: Option<Micros>| amount.map(|amount| amount.0);
        let of_last_run = |column: &str, told: &str| {
            let sql = format!("SELECT {column} FROM run WHERE {told} IS NOT NULL ORDER BY id DESC LIMIT 1");
            connection.query_row(&sql, [], |row| row.get::<_, Option<i64>>(0)).optional().map(Option::flatten)
        };
        let max_cost = of_last_run("max_cost", "max_cost")?;
        let canary = of_last_run("nullif(canary, 0)", "canary")?;
        let exit_code = of_last_run("exit_code", "ended_at")?;
        for (invariant, what, says, makes) in [
            ("J1", "pending", number(stored.recipients.pending), number(totals.pending)),
            ("J1", "accepted", number(stored.recipients.accepted), number(totals.accepted)),
            ("J1", "refused", number(stored.recipients.refused), number(totals.refused)),
            ("J1", "in doubt", number(stored.recipients.in_doubt), number(totals.in_doubt)),
            ("J17", "requests sent", number(stored.requests_sent), number(self.standing.requests_sent)),
            (
                "J17",
                "requests throttled",
                number(stored.requests_throttled),
                number(self.standing.requests_throttled),
            ),
            (
                "J17",
                "requests retried",
                number(stored.requests_retried),
                number(self.standing.requests_retried),
            ),
            ("J9", "millionths billed", money(stored.billed), money(self.standing.billed)),
            (
                "J9",
                "millionths of units billed",
                money(stored.billed_units),
                money(self.standing.billed_units),
            ),
            ("J9", "millionths spent", Some(stored.spent.0), Some(self.standing.spent.0)),
            ("J9", "millionths as the cap", money(stored.max_cost), max_cost),
            ("J17", "as the canary", stored.canary.map(|canary| i64::from(canary.get())), canary),
            ("J17", "as the last exit code", stored.last_exit_code.map(i64::from), exit_code),
        ] {
            if says != makes {
                let word = |value: Option<i64>| value.map_or("nothing".to_owned(), |value| value.to_string());
                let sentence =
                    format!("the totals say {} {what}, the attempts make {}", word(says), word(makes));
                findings.add(invariant, sentence, None);
            }
        }
        Ok(())
    }
}

/// The columns of a [`Line`], in its order.
const LINES: &str =
    "SELECT id, first, recipients, number, run, reserved, fate, class, request_id IS NOT NULL,
    billed, billed_units, spent FROM attempt ORDER BY id";

fn line(row: &Row<'_>) -> Result<Line, Fault> {
    let word = |column: usize| {
        let word = row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?;
        Ok::<_, rusqlite::Error>(word)
    };
    Ok(Line {
        id: count(row, 0)?,
        first: row.get(1)?,
        recipients: row.get(2)?,
        number: row.get(3)?,
        run: row.get(4)?,
        reserved: row.get(5)?,
        fate: word(6)?.map(Fate::of),
        class: word(7)?.and_then(class_of),
        has_request_id: row.get(8)?,
        billed: row.get(9)?,
        billed_units: row.get(10)?,
        spent: row.get(11)?,
    })
}
