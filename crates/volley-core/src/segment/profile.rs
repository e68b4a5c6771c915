//! How one provider counts: everything about segments that is not the same everywhere.

use crate::{MAX_SEGMENTS, Substitution, TYPOGRAPHIC};
use std::{fmt, str::FromStr};

/// How one provider cuts texts into segments and bills them.
///
/// Each adapter names its own, the campaign may override it, and [`Profile::STANDARD`] is what
/// 3GPP TS 23.038 and TS 23.040 say where nobody says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Which characters its GSM-7 has.
    pub alphabet: Alphabet,
    /// The size of the reference in the header of each of several parts.
    pub concat_ref: ConcatRef,
    /// What is never cut in half.
    pub break_at: BreakAt,
    /// Whether national language tables are used.
    pub national: National,
    /// The most segments of one message, 1 to [`MAX_SEGMENTS`].
    pub max_segments: u32,
    /// The longest text in characters; `None` where nobody says.
    pub max_characters: Option<usize>,
    /// The look-alikes that smart folding may replace.
    pub substitutions: &'static [Substitution],
}

impl Profile {
    /// The standard: the whole default alphabet, 8-bit reference, no national tables.
    pub const STANDARD: Self = Self {
        alphabet: Alphabet::Standard,
        concat_ref: ConcatRef::Bits8,
        break_at: BreakAt::Character,
        national: National::Never,
        max_segments: MAX_SEGMENTS,
        max_characters: None,
        substitutions: TYPOGRAPHIC,
    };
}

/// Which characters GSM-7 has on a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Alphabet {
    /// The default alphabet and its extension table.
    #[default]
    Standard,
    /// The same but for these characters, which a route is known not to carry.
    Without(String),
}

/// The size of the concatenation reference (3GPP TS 23.040 clauses 9.2.3.24.1 and 9.2.3.24.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConcatRef {
    /// 8 bits: a header of 6 octets leaves 153 septets or 67 code units.
    #[default]
    Bits8,
    /// 16 bits: a header of 7 octets leaves 152 septets or 66 code units.
    Bits16,
}

/// Where a text may be cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BreakAt {
    /// Between any two characters; what the standard asks for.
    #[default]
    Character,
    /// Between grapheme clusters (Unicode UAX #29), CR LF excepted: an emoji of several
    /// characters stays whole unless it is larger than a segment.
    Grapheme,
}

/// Whether national language tables are used (3GPP TS 23.038 clause 6.2.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum National {
    /// Never; what nearly every provider does.
    #[default]
    Never,
    /// These, in every message that they can write.
    Use(Shifts),
    /// The cheapest choice among the default tables and those of these languages.
    Allow(Languages),
}

/// Which national tables stand in for the default ones; each costs 3 octets of header in every
/// segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shifts {
    /// In place of the default alphabet (the locking shift). Spanish has no such table: naming it
    /// here is naming none.
    pub locking: Option<Language>,
    /// In place of the extension table (the single shift).
    pub single: Option<Language>,
}

impl Shifts {
    /// How many header elements they take, 0 to 2.
    pub(super) const fn elements(self) -> u32 {
        let locking = matches!(self.locking, Some(language) if language.has_locking());
        locking as u32 + self.single.is_some() as u32
    }
}

/// A language with tables in 3GPP TS 23.038 Annex A; the number is its identifier there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "languages name themselves")]
pub enum Language {
    Turkish = 1,
    /// Has a single shift table only.
    Spanish = 2,
    Portuguese = 3,
    Bengali = 4,
    Gujarati = 5,
    Hindi = 6,
    Kannada = 7,
    Malayalam = 8,
    Oriya = 9,
    Punjabi = 10,
    Tamil = 11,
    Telugu = 12,
    Urdu = 13,
}

impl Language {
    /// All of them, by identifier.
    pub const ALL: [Self; 13] = [
        Self::Turkish,
        Self::Spanish,
        Self::Portuguese,
        Self::Bengali,
        Self::Gujarati,
        Self::Hindi,
        Self::Kannada,
        Self::Malayalam,
        Self::Oriya,
        Self::Punjabi,
        Self::Tamil,
        Self::Telugu,
        Self::Urdu,
    ];

    /// Its name in lower case, such as `turkish`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turkish => "turkish",
            Self::Spanish => "spanish",
            Self::Portuguese => "portuguese",
            Self::Bengali => "bengali",
            Self::Gujarati => "gujarati",
            Self::Hindi => "hindi",
            Self::Kannada => "kannada",
            Self::Malayalam => "malayalam",
            Self::Oriya => "oriya",
            Self::Punjabi => "punjabi",
            Self::Tamil => "tamil",
            Self::Telugu => "telugu",
            Self::Urdu => "urdu",
        }
    }

    /// Whether the standard gives it a locking shift table; Spanish has none.
    pub const fn has_locking(self) -> bool {
        !matches!(self, Self::Spanish)
    }
}

/// A name that no national table has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are no tables for `{0}`; there are: turkish, spanish, portuguese, bengali, gujarati, hindi, kannada, malayalam, oriya, punjabi, tamil, telugu, urdu"
)]
pub struct LanguageFault(pub String);

impl FromStr for Language {
    type Err = LanguageFault;

    fn from_str(name: &str) -> Result<Self, LanguageFault> {
        let found = Self::ALL.into_iter().find(|language| language.name() == name);
        found.ok_or_else(|| LanguageFault(name.to_owned()))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of languages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Languages(u16);

impl Languages {
    /// Whether `language` is in it.
    pub const fn contains(self, language: Language) -> bool {
        self.0 & (1 << language as u16) != 0
    }

    /// Those in it, by identifier.
    pub fn iter(self) -> impl Iterator<Item = Language> {
        Language::ALL.into_iter().filter(move |language| self.contains(*language))
    }
}

impl Languages {
    /// Bit n for the language with identifier n.
    pub(super) const fn bits(self) -> u16 {
        self.0
    }
}

impl FromIterator<Language> for Languages {
    fn from_iter<I: IntoIterator<Item = Language>>(languages: I) -> Self {
        Self(languages.into_iter().fold(0, |set, language| set | 1 << language as u16))
    }
}
