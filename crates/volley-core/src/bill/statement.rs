//! The lines of a provider's bill, found by number.

use super::{
    AmountTooLarge, Rows, decimals_of,
    split::{Said, minus, plus},
};
use crate::{Micros, Msisdn};
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hasher},
    num::{NonZeroU16, NonZeroU64},
    ops::Range,
};

/// How many ranges of left out lines are kept.
const FIRST_LINES: usize = 5;

/// One line of a provider's bill: 32 bytes, since a bill may have millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BillEntry {
    /// Whose message was charged.
    pub to: Msisdn,
    /// The charge, in the plan's currency; below zero it is a credit note.
    pub amount: Micros,
    /// The provider's id of the message or of its request, where the line has one.
    pub id: Option<BillId>,
    /// Where in the bill the line stands.
    pub line: u32,
    /// The parts that were charged, where the line says; none is the same as not said.
    pub parts: Option<NonZeroU16>,
}

/// A provider's id of a message or a request, as 64 bits of a hash: enough to tell a few million
/// ids from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BillId(NonZeroU64);

impl BillId {
    /// The id written `text`, blanks around it and the case of ASCII letters aside; `None` for no
    /// id at all. Digits with `.0` behind them, as a spreadsheet writes a number, are the digits.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_number = |whole: &&str| whole.bytes().all(|byte| byte.is_ascii_digit());
        let text = text.strip_suffix(".0").filter(is_number).unwrap_or(text);
        if text.is_empty() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        text.bytes().for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
        Some(Self(NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN)))
    }
}

/// A provider's bill: each line once, found by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// By number, then by line.
    entries: Vec<BillEntry>,
    decimals: u8,
    total: Micros,
}

/// Lines of a bill whose ids the campaign's answers did not give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherLines {
    /// How many name a number that the plan does not have: another campaign's.
    pub lines: u64,
    /// What those charge together.
    pub amount: Micros,
    /// How many name a number of the plan: another campaign's, or this one's charged twice.
    pub planned_lines: u64,
    /// What those charge together.
    pub planned_amount: Micros,
    /// Where in the bill the first of those stand.
    pub planned_rows: Rows,
}

impl Bill {
    /// A bill of these lines. Its amounts have as many decimals as the finest needs, at least 2: a
    /// difference below the last one is rounding.
    ///
    /// # Errors
    /// [`AmountTooLarge`] where charges and credit notes together are above 64 bits.
    pub fn new(mut entries: Vec<BillEntry>) -> Result<Self, AmountTooLarge> {
        let size = |sum: i64, entry: &BillEntry| sum.checked_add(entry.amount.0.checked_abs()?);
        entries.iter().try_fold(0, size).ok_or(AmountTooLarge)?;
        entries.sort_unstable_by_key(|entry| (entry.to, entry.line));
        let total = sum(&entries)?;
        let decimals = entries.iter().map(|entry| decimals_of(entry.amount)).fold(2, u8::max);
        Ok(Self { entries, decimals, total })
    }

    /// Every line, by number.
    pub fn entries(&self) -> &[BillEntry] {
        &self.entries
    }

    /// What it charges in all.
    pub const fn total(&self) -> Micros {
        self.total
    }

    pub(super) const fn decimals(&self) -> u8 {
        self.decimals
    }

    /// The parts of all lines; `None` unless each says how many.
    pub fn parts(&self) -> Option<u64> {
        parts(&self.entries)
    }

    /// Takes the lines out whose id is none of `known`, though some line's is. A line for one of
    /// `in_doubt` stays, because the id of a message in doubt is what nobody knows. `None`, and
    /// nothing is taken out, where no line has a known id: then the bill has ids of another kind.
    ///
    /// `planned` are the plan's numbers. A line for one of them may be a second charge under an id
    /// of its own, so they are counted apart.
    pub fn leave_out_others(
        &mut self,
        known: &HashSet<BillId>,
        in_doubt: &HashSet<Msisdn>,
        planned: &HashSet<Msisdn>,
    ) -> Option<OtherLines> {
        let is_known = |entry: &BillEntry| entry.id.is_some_and(|id| known.contains(&id));
        if !self.entries.iter().any(is_known) {
            return None;
        }
        let mut others = OtherLines {
            lines: 0,
            amount: Micros::ZERO,
            planned_lines: 0,
            planned_amount: Micros::ZERO,
            planned_rows: Rows::new(FIRST_LINES),
        };
        self.entries.retain(|entry| {
            let stays = entry.id.is_none() || is_known(entry) || in_doubt.contains(&entry.to);
            if !stays && planned.contains(&entry.to) {
                others.planned_lines += 1;
                others.planned_amount.0 += entry.amount.0;
                others.planned_rows.add(entry.line);
            } else if !stays {
                others.lines += 1;
                others.amount.0 += entry.amount.0;
            }
            stays
        });
        // The sizes of all amounts were added up before, so no part of them is too large.
        self.total.0 -= others.amount.0 + others.planned_amount.0;
        Some(others)
    }

    /// Where the lines for `to` stand among the [`entries`](Self::entries).
    pub(super) fn lines_of(&self, to: Msisdn) -> Range<usize> {
        let start = self.entries.partition_point(|entry| entry.to < to);
        let lines = self.entries[start..].iter().take_while(|entry| entry.to == to).count();
        start..start + lines
    }
}

/// What a bill says about one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge {
    /// The line that is the message's own, or the lines that are its parts; `None` where no line
    /// charges anything.
    pub(super) own: Option<Said>,
    /// What the other lines charge.
    pub(super) again: Micros,
    /// What is credited, at most zero.
    pub(super) credited: Micros,
    /// All of it; the parts are those of all lines.
    pub(super) total: Said,
    /// Whether there is a line at all.
    pub(super) is_listed: bool,
}

impl Charge {
    /// Reads the lines of one message that was planned to cost `expected`.
    ///
    /// Its own line is the one with that amount, or else the first that charges something.
    /// Several lines for a message of several segments that each charge the same one of
    /// `one_part`, the price of one, and no more than one part are its parts, one by one.
    pub(super) fn of(
        lines: &[BillEntry],
        segments: u16,
        expected: Micros,
        one_part: [Option<Micros>; 2],
    ) -> Result<Self, AmountTooLarge> {
        let above_zero = || lines.iter().filter(|line| line.amount > Micros::ZERO);
        let charged = above_zero().try_fold(Micros::ZERO, |sum, line| plus(sum, line.amount))?;
        let total = sum(lines)?;
        let is_part = |line: &BillEntry, price: Option<Micros>| {
            Some(line.amount) == price && line.parts.is_none_or(|parts| parts == NonZeroU16::MIN)
        };
        let are_parts = one_part.iter().any(|price| above_zero().all(|line| is_part(line, *price)));
        let count = above_zero().count();
        let own = if count > 1 && segments > 1 && are_parts {
            Some(Said { amount: charged, parts: Some(count as u64) })
        } else {
            let own = above_zero().find(|line| line.amount == expected).or_else(|| above_zero().next());
            own.map(|line| Said {
                amount: line.amount,
                parts: line.parts.map(|parts| u64::from(parts.get())),
            })
        };
        Ok(Self {
            own,
            again: minus(charged, own.unwrap_or_default().amount)?,
            credited: minus(total, charged)?,
            total: Said { amount: total, parts: parts(lines).filter(|_| !lines.is_empty()) },
            is_listed: !lines.is_empty(),
        })
    }
}

/// The parts of these lines, where each says how many.
fn parts(lines: &[BillEntry]) -> Option<u64> {
    lines.iter().map(|line| line.parts.map(|parts| u64::from(parts.get()))).sum()
}

fn sum(entries: &[BillEntry]) -> Result<Micros, AmountTooLarge> {
    entries.iter().try_fold(Micros::ZERO, |sum, entry| plus(sum, entry.amount))
}
