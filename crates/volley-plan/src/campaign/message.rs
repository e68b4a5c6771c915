//! The sections that say what people get and how it is counted: `[message]` and `[segments]`.

use super::{
    At, CampaignError, Meaning,
    fault::{both, value_fault},
    read_text,
};
use crate::{
    Template,
    place::TextOrigin,
    template::same_name,
    words::{is_unsafe, nearest, shown},
};
use std::{collections::BTreeMap, io};
use volley_core::{
    Alphabet, BreakAt, ConcatRef, Language, Languages, MAX_SEGMENTS, National, Profile, Shifts,
};

/// The section `[message]`.
#[derive(Clone)]
pub struct MessageSettings {
    /// The text, from the file itself or from `message.file`.
    pub template: Template,
    /// What becomes of texts outside the GSM-7 alphabet.
    pub encoding: TextEncoding,
    /// Whether typographic look-alikes are folded into GSM-7.
    pub folding: Folding,
    /// The most segments of one text, 1 to 255.
    pub max_segments: u32,
    /// Values for variables that are empty or missing, by name.
    pub defaults: BTreeMap<String, String>,
    /// Where the text is written.
    pub(crate) origin: TextOrigin,
}

/// What becomes of texts outside the GSM-7 alphabet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextEncoding {
    /// They are sent as UCS-2.
    #[default]
    Auto,
    /// Their rows are rejected.
    Gsm7,
}

/// Whether typographic look-alikes are folded into GSM-7 (the key `message.smart`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Folding {
    /// Never.
    #[default]
    Off,
    /// Where the whole text then fits GSM-7 and takes fewer segments.
    Smart,
}

/// The section `[segments]`: how the provider counts, where that is not as its adapter has it.
/// What is `None` is the adapter's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    /// The size of the concatenation reference.
    pub concat_ref: Option<ConcatRef>,
    /// What is never cut in half.
    pub break_at: Option<BreakAt>,
    /// Whether national language tables are used.
    pub national: Option<National>,
    /// Characters of GSM-7 that the route does not carry.
    pub without: Option<String>,
    /// The longest text in characters, at least 1.
    pub max_characters: Option<usize>,
}

impl Counting {
    /// `profile` as this campaign overrides it.
    pub fn over(&self, profile: &Profile) -> Profile {
        let without = self.without.clone().map(Alphabet::Without);
        Profile {
            alphabet: without.unwrap_or_else(|| profile.alphabet.clone()),
            concat_ref: self.concat_ref.unwrap_or(profile.concat_ref),
            break_at: self.break_at.unwrap_or(profile.break_at),
            national: self.national.unwrap_or(profile.national),
            max_segments: profile.max_segments,
            max_characters: self.max_characters.or(profile.max_characters),
            substitutions: profile.substitutions,
        }
    }
}

impl Meaning<'_> {
    pub(super) fn message(&self) -> Result<MessageSettings, CampaignError> {
        let (text, at, origin) = self.message_text()?;
        let template = Template::parse(&text).map_err(|source| {
            let place = source.place().and_then(|place| origin.place(place)).map(Box::new);
            CampaignError::Template { at: at.clone(), source, place }
        })?;
        let encoding = self.text_encoding()?;
        let folding = if self.written.is_on("message.smart") { Folding::Smart } else { Folding::Off };
        let lacks = self.lacking(encoding, folding)?;
        let defaults = self.defaults(&template, &lacks)?;
        if let Some(character) = template.literals().chain(template.defaults()).find_map(&lacks) {
            let found =
                format!("a text with `{}` (U+{:04X})", shown(&character.to_string()), character as u32);
            let wanted = "message.encoding is gsm7, which lacks it: replace it, or set the encoding to auto";
            let key = if self.written.at("message.file").is_some() { "message.file" } else { "message.text" };
            return Err(CampaignError::Value { at, key: key.to_owned(), found, wanted: wanted.to_owned() });
        }
        let max_segments = self.integer("message.max_segments", 1..=i64::from(MAX_SEGMENTS))?.unwrap_or(10);
        Ok(MessageSettings { template, encoding, folding, max_segments, defaults, origin })
    }

    /// The text, where it is set, and where it is written. A message file may start with a byte-order mark and end
    /// with a newline, which are not part of the text; its line ends are newlines.
    fn message_text(&self) -> Result<(String, At, TextOrigin), CampaignError> {
        match (self.written.text("message.text"), self.list_path("message.file")?) {
            (Some((_, at)), Some(_)) => Err(both(at, "message.text", "message.file")),
            (Some((text, at)), None) => Ok((text.to_owned(), at.clone(), self.written.origin_of_text(at))),
            (None, Some(path)) => {
                let at = self.written.at("message.file").expect("the key is set").clone();
                let text = read_text(&path).map_err(|source| match source.kind() {
                    io::ErrorKind::NotFound => {
                        CampaignError::MissingMessage { at: at.clone(), path: path.clone() }
                    }
                    _ => CampaignError::UnreadableMessage { at: at.clone(), path: path.clone(), source },
                })?;
                let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text).replace("\r\n", "\n");
                let value = text.strip_suffix('\n').unwrap_or(&text).to_owned();
                Ok((value, at, TextOrigin::File(path, text)))
            }
            (None, None) => Err(CampaignError::Needed {
                file: self.file.clone(),
                key: "message.text",
                wanted: "write text = \"…\" or file = \"…\" in [message]",
            }),
        }
    }

    fn text_encoding(&self) -> Result<TextEncoding, CampaignError> {
        match self.written.text("message.encoding") {
            None | Some(("auto", _)) => Ok(TextEncoding::Auto),
            Some(("gsm7", _)) => Ok(TextEncoding::Gsm7),
            Some(("ucs2", at)) => Err(CampaignError::NotYet {
                at: at.clone(),
                key: "message.encoding",
                what: "force UCS-2, because no provider of it can be told to",
                instead: "remove it or set it to \"auto\", which is UCS-2 where a text needs it",
            }),
            Some((other, at)) => {
                Err(value_fault(at, "message.encoding", other, "write \"auto\" or \"gsm7\""))
            }
        }
    }

    fn defaults(
        &self,
        template: &Template,
        lacks: impl Fn(&str) -> Option<char>,
    ) -> Result<BTreeMap<String, String>, CampaignError> {
        let variables = template.variables();
        let mut defaults = BTreeMap::new();
        for (name, value, at) in self.written.section("message.defaults") {
            let key = format!("message.defaults.{name}");
            if !variables.iter().any(|variable| same_name(variable, name)) {
                let nearest = nearest(name, variables.iter().copied());
                let wanted = nearest.map_or_else(
                    || "the text has no variables: remove it".to_owned(),
                    |nearest| format!("the text has no {{{{{}}}}}: did you mean `{nearest}`?", shown(name)),
                );
                let found = "the default of an unknown variable".to_owned();
                return Err(CampaignError::Value { at: at.clone(), key, found, wanted });
            }
            if value.contains(is_unsafe) || value.contains('\u{FFFD}') {
                return Err(value_fault(at, &key, value, "take out control characters and invisible marks"));
            }
            if lacks(value).is_some() {
                return Err(value_fault(at, &key, value, "message.encoding is gsm7, which cannot write it"));
            }
            defaults.insert(name.to_owned(), value.to_owned());
        }
        Ok(defaults)
    }

    /// What finds the first character that `message.encoding = "gsm7"` does not allow; finds
    /// nothing under another encoding.
    fn lacking(
        &self,
        encoding: TextEncoding,
        folding: Folding,
    ) -> Result<impl Fn(&str) -> Option<char>, CampaignError> {
        let profile = self.counting()?.over(&Profile::STANDARD);
        Ok(move |text: &str| {
            let is_folded = |character| {
                folding == Folding::Smart
                    && profile.substitutions.iter().any(|one| one.from.contains(character))
            };
            let mut forcing = profile.forcing(text).map(|(_, character)| character);
            let first = forcing.find(|character| !is_folded(*character));
            first.filter(|_| encoding == TextEncoding::Gsm7)
        })
    }

    pub(super) fn counting(&self) -> Result<Counting, CampaignError> {
        let concat_ref = match self.written.integer("segments.concat_ref") {
            None => None,
            Some((8, _)) => Some(ConcatRef::Bits8),
            Some((16, _)) => Some(ConcatRef::Bits16),
            Some((other, at)) => {
                return Err(value_fault(at, "segments.concat_ref", &other.to_string(), "write 8 or 16"));
            }
        };
        let break_at =
            self.checked("segments.break", "write \"char\" or \"grapheme\"", |text| match text {
                "char" => Some(BreakAt::Character),
                "grapheme" => Some(BreakAt::Grapheme),
                _ => None,
            })?;
        let wanted = "write characters of GSM-7 that the route does not carry, like \"€\"";
        let without = self.checked("segments.without", wanted, |text| {
            let known = !text.is_empty() && Profile::STANDARD.forcing(text).next().is_none();
            known.then(|| text.to_owned())
        })?;
        let max_characters = self.integer("segments.max_characters", 1..=1_000_000)?;
        Ok(Counting {
            concat_ref,
            break_at,
            national: self.national()?,
            without,
            max_characters: max_characters.map(|max| max as usize),
        })
    }

    fn national(&self) -> Result<Option<National>, CampaignError> {
        let language = |key: &'static str| {
            let wanted = format!("write a language with national tables: {}", languages(key));
            self.checked(key, &wanted, |text| {
                let language = text.parse::<Language>().ok();
                language.filter(|language| key != LOCKING || language.has_locking())
            })
        };
        let shifts = Shifts { locking: language(LOCKING)?, single: language(SINGLE)? };
        let Some((names, at)) = self.written.texts(ALLOW) else {
            return Ok((shifts != Shifts::default()).then_some(National::Use(shifts)));
        };
        for key in [LOCKING, SINGLE] {
            if self.written.at(key).is_some() {
                return Err(both(at, ALLOW, key));
            }
        }
        if names.is_empty() {
            let wanted = format!("name languages with national tables: {}", languages(ALLOW));
            return Err(value_fault(at, ALLOW, "", &wanted));
        }
        let allowed: Languages = names
            .iter()
            .map(|name| {
                let wanted = format!("write languages with national tables: {}", languages(ALLOW));
                name.parse::<Language>().map_err(|_| value_fault(at, ALLOW, name, &wanted))
            })
            .collect::<Result<_, _>>()?;
        Ok(Some(National::Allow(allowed)))
    }
}

const LOCKING: &str = "segments.locking";
const SINGLE: &str = "segments.single";
const ALLOW: &str = "segments.allow";

/// The names that `key` takes.
fn languages(key: &str) -> String {
    let fits = |language: &Language| key != LOCKING || language.has_locking();
    Language::ALL.into_iter().filter(fits).map(Language::name).collect::<Vec<_>>().join(", ")
}
