//! Laws that hold for every text, and an obvious slow twin.

use proptest::prelude::*;
use volley_core::{Encoding, Profile};

/// Texts that meet the rules: plain, with extension characters, accents, Thai, emoji.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,500}",
        "[a-z€\\[\\]{}^~|\\\\]{0,400}",
        "[a-zà-ü]{0,300}",
        "[ก-๙😀-😏 ]{0,300}",
        "\\PC{0,300}",
    ]
}

/// Fills parts character by character, the way the standard words it.
fn slow_count(text: &str) -> usize {
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const EXTENDED: &str = "\u{c}^{}\\[~]|€";
    let gsm = text.chars().all(|c| BASIC.contains(c) || EXTENDED.contains(c));
    let cost = |c: char| if gsm { 1 + usize::from(EXTENDED.contains(c)) } else { c.len_utf16() };
    let (single, part) = if gsm { (160, 153) } else { (70, 67) };
    if text.chars().map(cost).sum::<usize>() <= single {
        return 1;
    }
    let (mut parts, mut used) = (1, 0);
    for c in text.chars() {
        if used + cost(c) > part {
            parts += 1;
            used = 0;
        }
        used += cost(c);
    }
    parts
}

proptest! {
    #[test]
    fn the_slow_twin_agrees(text in text()) {
        prop_assert_eq!(Profile::STANDARD.count(&text).count as usize, slow_count(&text));
    }

    #[test]
    fn adding_a_character_never_makes_a_text_cheaper(text in text(), more in any::<char>()) {
        let longer = format!("{text}{more}");
        prop_assert!(Profile::STANDARD.count(&longer).count >= Profile::STANDARD.count(&text).count);
    }

    #[test]
    fn the_parts_are_the_text_and_none_is_too_long(text in text()) {
        let counted = Profile::STANDARD.count(&text);
        let parts: Vec<&str> = Profile::STANDARD.split(&text).map(|part| part.text).collect();
        prop_assert_eq!(parts.concat(), text.clone());
        prop_assert_eq!(parts.len(), counted.count as usize);
        if parts.len() > 1 {
            for part in parts {
                let units = match counted.encoding {
                    Encoding::Gsm7 => Profile::STANDARD.count(part).units,
                    Encoding::Ucs2 => u32::try_from(part.encode_utf16().count()).expect("a part is short"),
                };
                prop_assert!(units <= Profile::STANDARD.capacity(counted.encoding, counted.shifts).part, "{} units", units);
            }
        }
    }

    #[test]
    fn a_text_is_ucs2_exactly_when_a_character_forces_it(text in text()) {
        let forced = Profile::STANDARD.forcing(&text).next().is_some();
        prop_assert_eq!(Profile::STANDARD.count(&text).encoding == Encoding::Ucs2, forced);
    }
}
