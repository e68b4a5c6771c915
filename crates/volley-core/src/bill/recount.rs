//! Which other way of counting gives the parts that a provider charged.

use crate::{Alphabet, BreakAt, ConcatRef, National, Profile, fold_to_fit};
use std::fmt;

/// A way of counting segments that differs from the plan's in one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each has its sentence in the table below")]
pub enum Recount {
    Reference16,
    Reference8,
    WholeGraphemes,
    AnyCharacter,
    WholeAlphabet,
    NoNationalTables,
    Folded,
    Ucs2,
}

impl Recount {
    /// Its word for machines, the same from version to version.
    pub const fn word(self) -> &'static str {
        self.told().0
    }

    /// What is counted so, and the campaign's setting for it where there is one.
    pub const fn sentence(self) -> &'static str {
        self.told().1
    }

    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Reference16 => ("reference_16", "parts with a 16-bit reference (segments.concat_ref = 16)"),
            Self::Reference8 => ("reference_8", "parts with an 8-bit reference (segments.concat_ref = 8)"),
            Self::WholeGraphemes => {
                ("whole_graphemes", "parts that never cut a cluster (segments.break = \"grapheme\")")
            }
            Self::AnyCharacter => {
                ("any_character", "parts cut between any two characters (segments.break = \"char\")")
            }
            Self::WholeAlphabet => ("whole_alphabet", "the whole GSM-7 alphabet (without segments.without)"),
            Self::NoNationalTables => ("no_national_tables", "no national tables (without segments.allow)"),
            Self::Folded => ("folded", "the text with its look-alikes replaced (message.smart = true)"),
            Self::Ucs2 => ("ucs2", "the text as UCS-2, though GSM-7 can write it"),
        }
    }

    /// What `text` comes to in each way that differs from `profile`, likeliest first.
    pub fn counts(profile: &Profile, text: &str) -> Vec<(Self, u32)> {
        let mut ways = Vec::new();
        let mut folded = String::new();
        if fold_to_fit(text, profile, &mut folded) && folded != text {
            ways.push((Self::Folded, profile.count(&folded).count));
        }
        let mut counted = |way, other: Profile| ways.push((way, other.count(text).count));
        let (reference, concat_ref) = match profile.concat_ref {
            ConcatRef::Bits8 => (Self::Reference16, ConcatRef::Bits16),
            ConcatRef::Bits16 => (Self::Reference8, ConcatRef::Bits8),
        };
        counted(reference, Profile { concat_ref, ..profile.clone() });
        let (cut, break_at) = match profile.break_at {
            BreakAt::Character => (Self::WholeGraphemes, BreakAt::Grapheme),
            BreakAt::Grapheme => (Self::AnyCharacter, BreakAt::Character),
        };
        counted(cut, Profile { break_at, ..profile.clone() });
        if profile.alphabet != Alphabet::Standard {
            counted(Self::WholeAlphabet, Profile { alphabet: Alphabet::Standard, ..profile.clone() });
        }
        if profile.national != National::Never {
            counted(Self::NoNationalTables, Profile { national: National::Never, ..profile.clone() });
        }
        // Without the text's own characters no GSM-7 can write it.
        let alphabet = Alphabet::Without(text.to_owned());
        counted(Self::Ucs2, Profile { alphabet, national: National::Never, ..profile.clone() });
        ways
    }
}

impl fmt::Display for Recount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
