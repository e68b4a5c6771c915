//! Nearest names for slips of the keyboard, and text of the user's made safe to show.

/// The candidate most like `name`, case aside; `None` only without candidates.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .map(|candidate| {
            (strsim::normalized_damerau_levenshtein(&name, &candidate.to_lowercase()), candidate)
        })
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, candidate)| candidate)
}

/// Text of the user's as an error may show it: one line, nothing that a terminal would act on, at
/// most 60 characters.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(60) {
        if is_unsafe(character) || character == '\n' {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    if text.chars().nth(60).is_some() {
        out.push('…');
    }
    out
}

/// Names as a list for people: `msisdn, first name`.
pub(crate) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<String> = names.iter().take(30).map(|name| shown(name.as_ref())).collect();
    let more = if names.len() > 30 { format!(" and {} more", names.len() - 30) } else { String::new() };
    shown.join(", ") + &more
}

/// Control characters, and marks that change how text is shown without being seen. A newline is
/// neither; nor are the joiners U+200C and U+200D, which Persian, Hindi and emoji are written with.
pub(crate) fn is_unsafe(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let names = ["recipients.file", "recipients.region", "provider.rate", "rates.file"];
        for (typed, meant) in [
            ("recipients.regoin", "recipients.region"),
            ("PROVIDER.RATES", "provider.rate"),
            ("rate.file", "rates.file"),
        ] {
            assert_eq!(nearest(typed, names.into_iter()), Some(meant), "{typed}");
        }
        assert_eq!(nearest("x", std::iter::empty()), None);
    }

    #[test]
    fn shown_text_is_one_short_line_without_escape_sequences() {
        assert_eq!(shown("a\u{1b}[31m\nb\u{202e}"), "a\\u{1b}[31m\\nb\\u{202e}");
        assert_eq!(shown("O'Brien \"ชื่อ\""), "O'Brien \"ชื่อ\"");
        assert_eq!(shown(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
    }
}
