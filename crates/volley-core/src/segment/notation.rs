//! A profile as a line of text, and back.

use super::{Alphabet, BreakAt, ConcatRef, Language, Languages, MAX_SEGMENTS, National, Profile, Shifts};
use crate::code_point;
use std::{fmt, str::FromStr};

/// Why a text is no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("segments cannot be counted by `{found}`; write {wanted}")]
pub struct ProfileFault {
    /// What stands there, empty where something is missing.
    pub found: String,
    /// What belongs there.
    pub wanted: String,
}

/// One line of words, `concat_ref=8 break=char national=never alphabet=standard max_segments=255
/// max_characters=none`, always all of them in this order and [read back](Profile::from_str) as
/// they were. It says what matters for counting; the substitutions of smart folding are not in it.
///
/// `break` may be `grapheme`; `national` may be `locking:turkish,single:none` or
/// `allow:turkish,spanish`; `alphabet` may be `without:U+20AC,U+007C`.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let concat_ref = match self.concat_ref {
            ConcatRef::Bits8 => 8,
            ConcatRef::Bits16 => 16,
        };
        let break_at = match self.break_at {
            BreakAt::Character => "char",
            BreakAt::Grapheme => "grapheme",
        };
        write!(f, "concat_ref={concat_ref} break={break_at} national=")?;
        match self.national {
            National::Never => f.write_str("never")?,
            National::Use(Shifts { locking, single }) => {
                let name = |language: Option<Language>| language.map_or("none", Language::name);
                write!(f, "locking:{},single:{}", name(locking), name(single))?;
            }
            National::Allow(languages) => {
                let names: Vec<&str> = languages.iter().map(Language::name).collect();
                write!(f, "allow:{}", names.join(","))?;
            }
        }
        match &self.alphabet {
            Alphabet::Standard => f.write_str(" alphabet=standard")?,
            Alphabet::Without(characters) => {
                let points: Vec<String> = characters.chars().map(code_point).collect();
                write!(f, " alphabet=without:{}", points.join(","))?;
            }
        }
        write!(f, " max_segments={} max_characters=", self.max_segments)?;
        match self.max_characters {
            Some(max) => write!(f, "{max}"),
            None => f.write_str("none"),
        }
    }
}

/// Reads what [`Display`](fmt::Display) writes, and nothing else. The substitutions are those of
/// [`Profile::STANDARD`].
impl FromStr for Profile {
    type Err = ProfileFault;

    fn from_str(text: &str) -> Result<Self, ProfileFault> {
        let mut words = text.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let profile = Self {
            concat_ref: value(next(), "concat_ref=", "8` or `16", concat_ref)?,
            break_at: value(next(), "break=", "char` or `grapheme", break_at)?,
            national: value(
                next(),
                "national=",
                "never`, `locking:LANGUAGE,single:none` or `allow:LANGUAGE,LANGUAGE",
                national,
            )?,
            alphabet: value(next(), "alphabet=", "standard` or `without:U+20AC,U+007C", alphabet)?,
            max_segments: value(next(), "max_segments=", "1` to `255", max_segments)?,
            max_characters: value(next(), "max_characters=", "none` or `1600", |text| match text {
                "none" => Some(None),
                number => number.parse().ok().map(Some),
            })?,
            ..Self::STANDARD
        };
        match profile.to_string() {
            written if written == text => Ok(profile),
            written => Err(ProfileFault { found: text.to_owned(), wanted: format!("`{written}`") }),
        }
    }
}

/// The value of `word`, which is `key` and something that `read` knows, such as `examples`.
fn value<T>(
    word: &str,
    key: &str,
    examples: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, ProfileFault> {
    let value = word.strip_prefix(key).and_then(read);
    value.ok_or_else(|| ProfileFault { found: word.to_owned(), wanted: format!("`{key}{examples}`") })
}

fn concat_ref(text: &str) -> Option<ConcatRef> {
    match text {
        "8" => Some(ConcatRef::Bits8),
        "16" => Some(ConcatRef::Bits16),
        _ => None,
    }
}

fn break_at(text: &str) -> Option<BreakAt> {
    match text {
        "char" => Some(BreakAt::Character),
        "grapheme" => Some(BreakAt::Grapheme),
        _ => None,
    }
}

fn national(text: &str) -> Option<National> {
    if text == "never" {
        return Some(National::Never);
    }
    if let Some(names) = text.strip_prefix("allow:") {
        let languages: Option<Languages> = list(names).map(|name| name.parse().ok()).collect();
        return languages.map(National::Allow);
    }
    let (locking, single) = text.strip_prefix("locking:")?.split_once(",single:")?;
    let language = |name: &str| match name {
        "none" => Some(None),
        name => name.parse().ok().map(Some),
    };
    Some(National::Use(Shifts { locking: language(locking)?, single: language(single)? }))
}

fn alphabet(text: &str) -> Option<Alphabet> {
    if text == "standard" {
        return Some(Alphabet::Standard);
    }
    let character = |point: &str| char::from_u32(u32::from_str_radix(point.strip_prefix("U+")?, 16).ok()?);
    let characters: Option<String> = list(text.strip_prefix("without:")?).map(character).collect();
    characters.map(Alphabet::Without)
}

fn max_segments(text: &str) -> Option<u32> {
    text.parse().ok().filter(|max| (1..=MAX_SEGMENTS).contains(max))
}

/// The items of a list with commas; none in the empty text.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(move |_| !text.is_empty())
}
