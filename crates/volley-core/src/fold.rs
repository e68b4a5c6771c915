//! Typographic look-alikes into GSM-7: what a spreadsheet did to an apostrophe, undone.

/// One look-alike and what stands for it in GSM-7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Substitution {
    /// One character outside GSM-7, or a letter and the combining mark behind it.
    pub from: &'static str,
    /// What is sent instead, all of it in GSM-7; empty for a character that nobody sees.
    pub to: &'static str,
}

/// The substitutions that change no reader's reading, sorted by `from`.
pub const TYPOGRAPHIC: &[Substitution] = &[Substitution { from: "\u{2019}", to: "'" }];
