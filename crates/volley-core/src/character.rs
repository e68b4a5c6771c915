//! What a single character is called, for people.

/// `U+2019`: a character's code point, at least four digits.
pub fn code_point(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

/// `RIGHT SINGLE QUOTATION MARK`: a character's name in the Unicode Standard, or what kind of
/// character it is where the standard names none.
pub fn character_name(character: char) -> String {
    if let Some(name) = unicode_names2::name(character) {
        return name.to_string();
    }
    let kind = match character {
        '\n' => "LINE FEED",
        '\r' => "CARRIAGE RETURN",
        '\t' => "TAB",
        _ if character.is_control() => "control character",
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFD}' => "private use character",
        _ => "unnamed character",
    };
    kind.to_owned()
}

/// Whether `character` steers a terminal or a reader's eye instead of being seen: controls, marks
/// of direction, and characters without a shape of their own.
pub fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}'
                | '\u{61C}'
                | '\u{115F}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{2069}'
                | '\u{3164}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_a_code_point_and_something_to_call_it() {
        for (character, point, name) in [
            ('’', "U+2019", "RIGHT SINGLE QUOTATION MARK"),
            ('\u{a0}', "U+00A0", "NO-BREAK SPACE"),
            ('ก', "U+0E01", "THAI CHARACTER KO KAI"),
            ('😀', "U+1F600", "GRINNING FACE"),
            ('\t', "U+0009", "TAB"),
            ('\u{1b}', "U+001B", "control character"),
            ('\u{e000}', "U+E000", "private use character"),
            ('\u{10ffff}', "U+10FFFF", "unnamed character"),
        ] {
            assert_eq!((code_point(character).as_str(), character_name(character).as_str()), (point, name));
        }
    }
}
