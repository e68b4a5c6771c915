//! How to count where not by the standard, said by flags or by the `options` of a line.

use clap::Args;
use serde_json::{Map, Value};
use volley_core::{BreakAt, ConcatRef, Language, LanguageFault, National, Profile, Shifts};

/// How to count where not by the standard; absent is the standard.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Counting {
    /// Bits of the reference in the header of each of several segments; 8 unless given.
    #[arg(long, value_name = "8|16", value_parser = concat_ref)]
    concat_ref: Option<ConcatRef>,
    /// Where a text may be cut: between any two characters, or only around what reads as one.
    #[arg(long = "break", value_name = "char|grapheme", value_parser = break_at)]
    break_at: Option<BreakAt>,
    /// Write with this language's table in place of the default alphabet, such as turkish.
    #[arg(long, value_name = "LANG")]
    locking: Option<Language>,
    /// Write with this language's table in place of the extension table.
    #[arg(long, value_name = "LANG")]
    single: Option<Language>,
    /// Write with whichever tables of these languages are cheapest, if any are.
    #[arg(long, value_name = "LANG,…", value_delimiter = ',')]
    allow: Option<Vec<Language>>,
}

impl Counting {
    /// The same with a line's `options` over it: `null` takes back what a flag says.
    ///
    /// # Errors
    /// What is wrong, the option's name first.
    pub(super) fn with(&self, options: &Map<String, Value>) -> Result<Self, String> {
        let mut counting = self.clone();
        for (name, value) in options {
            counting.set(name, value).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
        Ok(counting)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
        match (name, value) {
            ("concat_ref", Value::Null) => self.concat_ref = None,
            ("concat_ref", Value::Number(bits)) => self.concat_ref = Some(concat_ref(&bits.to_string())?),
            ("concat_ref", _) => return Err("write a number, 8 or 16".to_owned()),
            ("break", Value::Null) => self.break_at = None,
            ("break", Value::String(word)) => self.break_at = Some(break_at(word)?),
            ("break", _) => return Err("write \"char\" or \"grapheme\"".to_owned()),
            ("locking", value) => self.locking = optional_language(value)?,
            ("single", value) => self.single = optional_language(value)?,
            ("allow", Value::Null) => self.allow = None,
            ("allow", Value::Array(names)) => {
                self.allow = Some(names.iter().map(language).collect::<Result<_, _>>()?);
            }
            ("allow", _) => return Err("write a list of languages' names".to_owned()),
            _ => {
                return Err(
                    "there is no such option; there are concat_ref, break, locking, single, allow".to_owned()
                );
            }
        }
        Ok(())
    }

    /// How to count.
    ///
    /// # Errors
    /// Options that do not go together, or do not exist together; the option's name first.
    pub(super) fn profile(&self) -> Result<Profile, String> {
        let national = match (self.locking, self.single, &self.allow) {
            (None, None, None) => National::Never,
            (None, None, Some(languages)) => National::Allow(languages.iter().copied().collect()),
            (_, _, Some(_)) => {
                return Err("allow: it chooses the tables itself; leave out locking and single".to_owned());
            }
            (Some(language), _, None) if !language.has_locking() => {
                return Err(format!("locking: {language} has no locking table; name it as single"));
            }
            (locking, single, None) => National::Use(Shifts { locking, single }),
        };
        Ok(Profile {
            concat_ref: self.concat_ref.unwrap_or_default(),
            break_at: self.break_at.unwrap_or_default(),
            national,
            ..Profile::STANDARD
        })
    }
}

fn concat_ref(bits: &str) -> Result<ConcatRef, String> {
    match bits {
        "8" => Ok(ConcatRef::Bits8),
        "16" => Ok(ConcatRef::Bits16),
        _ => Err(format!("a reference has 8 or 16 bits, not {bits}")),
    }
}

fn break_at(word: &str) -> Result<BreakAt, String> {
    match word {
        "char" => Ok(BreakAt::Character),
        "grapheme" => Ok(BreakAt::Grapheme),
        _ => Err(format!("a text is cut by char or by grapheme, not by `{word}`")),
    }
}

fn optional_language(value: &Value) -> Result<Option<Language>, String> {
    if value.is_null() { Ok(None) } else { language(value).map(Some) }
}

fn language(value: &Value) -> Result<Language, String> {
    let name = value.as_str().ok_or("write a language's name, such as \"turkish\"")?;
    name.parse().map_err(|unknown: LanguageFault| unknown.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use volley_core::Languages;

    /// The profile of a line's options, or what is wrong with them.
    fn profile(options: &Value) -> Result<Profile, String> {
        Counting::default().with(options.as_object().expect("an object"))?.profile()
    }

    #[test]
    fn no_options_are_the_standard() {
        assert_eq!(profile(&json!({})), Ok(Profile::STANDARD));
        let nulls =
            json!({"concat_ref": null, "break": null, "locking": null, "single": null, "allow": null});
        assert_eq!(profile(&nulls), Ok(Profile::STANDARD));
        assert_eq!(profile(&json!({"concat_ref": 8, "break": "char"})), Ok(Profile::STANDARD));
    }

    #[test]
    fn every_option_has_its_meaning() {
        let options =
            json!({"concat_ref": 16, "break": "grapheme", "locking": "turkish", "single": "spanish"});
        let shifts = Shifts { locking: Some(Language::Turkish), single: Some(Language::Spanish) };
        let meant = Profile {
            concat_ref: ConcatRef::Bits16,
            break_at: BreakAt::Grapheme,
            national: National::Use(shifts),
            ..Profile::STANDARD
        };
        assert_eq!(profile(&options), Ok(meant));
        let languages: Languages = [Language::Hindi, Language::Spanish].into_iter().collect();
        let meant = Profile { national: National::Allow(languages), ..Profile::STANDARD };
        assert_eq!(profile(&json!({"allow": ["spanish", "hindi"]})), Ok(meant));
    }

    #[test]
    fn a_lines_options_stand_over_the_flags() {
        let flags = Counting {
            concat_ref: Some(ConcatRef::Bits16),
            locking: Some(Language::Urdu),
            ..Counting::default()
        };
        let own = json!({"locking": null, "allow": ["turkish"]});
        let both = flags.with(own.as_object().expect("an object")).and_then(|both| both.profile());
        let languages: Languages = [Language::Turkish].into_iter().collect();
        let meant = Profile {
            concat_ref: ConcatRef::Bits16,
            national: National::Allow(languages),
            ..Profile::STANDARD
        };
        assert_eq!(both, Ok(meant));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (options, says) in [
            (json!({"brake": "char"}), "brake: there is no such option"),
            (json!({"concat_ref": 12}), "concat_ref: a reference has 8 or 16 bits, not 12"),
            (json!({"concat_ref": "16"}), "concat_ref: write a number"),
            (json!({"concat_ref": 16.5}), "concat_ref: a reference has 8 or 16 bits, not 16.5"),
            (json!({"break": "word"}), "break: a text is cut by char or by grapheme, not by `word`"),
            (json!({"break": true}), "break: write \"char\""),
            (json!({"locking": "klingon"}), "locking: there are no tables for `klingon`"),
            (json!({"locking": "Turkish"}), "locking: there are no tables for `Turkish`"),
            (json!({"locking": 1}), "locking: write a language's name"),
            (json!({"single": ["urdu"]}), "single: write a language's name"),
            (json!({"allow": "urdu"}), "allow: write a list"),
            (json!({"allow": ["urdu", 7]}), "allow: write a language's name"),
            (json!({"locking": "spanish"}), "locking: spanish has no locking table; name it as single"),
            (json!({"allow": ["urdu"], "locking": "urdu"}), "allow: it chooses the tables itself"),
            (json!({"allow": [], "single": "urdu"}), "allow: it chooses the tables itself"),
        ] {
            let wrong = profile(&options).expect_err("it is wrong");
            assert!(wrong.starts_with(says), "{options}: {wrong}");
        }
    }
}
