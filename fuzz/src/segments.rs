//! The laws of segments, against a twin that is as slow as it is plain.

use volley_core::{Encoding, MAX_SEGMENTS, Profile};

/// The GSM 7-bit default alphabet without its escape (3GPP TS 23.038 clause 6.2.1).
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension table (clause 6.2.1.1): two septets each.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// `data`, as UTF-8 with what is none replaced, is counted and split as the standard says.
///
/// Laws: the parts are the text; none is longer than a part may be, and they are the twin's; the
/// encoding is UCS-2 exactly where a character forces it; one character less is never dearer.
pub fn segments(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let counted = volley_core::Profile::STANDARD.count(&text);
    let parts: Vec<&str> = Profile::STANDARD.split(&text).map(|part| part.text).collect();
    assert_eq!(parts.concat(), text, "the parts are the text");

    let twin = Twin::of(&text);
    assert_eq!(counted.encoding, twin.encoding, "the alphabet");
    assert_eq!(counted.units as usize, twin.units_of(&text), "the length in units");
    assert_eq!(parts, twin.parts(&text), "the parts");
    assert_eq!(counted.count as usize, parts.len(), "the count is that of the parts");

    let capacity = Profile::STANDARD.capacity(counted.encoding, counted.shifts);
    let most = match parts.len() {
        1 => capacity.single,
        _ => capacity.part,
    };
    for part in &parts {
        let units = twin.units_of(part);
        assert!(units <= most as usize, "a part of {units} units, {most} fit");
    }

    let forced: Vec<(usize, char)> = Profile::STANDARD.forcing(&text).collect();
    assert_eq!(counted.encoding == Encoding::Ucs2, !forced.is_empty(), "UCS-2 exactly where it is forced");
    for (index, character) in forced {
        assert_eq!(text.chars().nth(index), Some(character), "what forces it is where it is said to be");
    }

    let mut shorter = text.chars();
    if shorter.next_back().is_some() && counted.count <= MAX_SEGMENTS {
        let cheaper = volley_core::Profile::STANDARD.count(shorter.as_str()).count;
        assert!(cheaper <= counted.count, "{cheaper} segments with a character less");
    }
}

/// The standard once more: looks every character up in the alphabet's own list.
struct Twin {
    encoding: Encoding,
}

impl Twin {
    fn of(text: &str) -> Self {
        let is_gsm = text.chars().all(|c| BASIC.contains(c) || EXTENDED.contains(c));
        Self { encoding: if is_gsm { Encoding::Gsm7 } else { Encoding::Ucs2 } }
    }

    fn units_of(&self, text: &str) -> usize {
        text.chars().map(|c| self.units(c)).sum()
    }

    fn units(&self, character: char) -> usize {
        match self.encoding {
            Encoding::Gsm7 => 1 + usize::from(EXTENDED.contains(character)),
            Encoding::Ucs2 => character.len_utf16(),
        }
    }

    fn parts(&self, text: &str) -> Vec<String> {
        let (single, part) = match self.encoding {
            Encoding::Gsm7 => (160, 153),
            Encoding::Ucs2 => (70, 67),
        };
        if self.units_of(text) <= single {
            return vec![text.to_owned()];
        }
        let mut parts = vec![String::new()];
        let mut used = 0;
        for character in text.chars() {
            if used + self.units(character) > part {
                parts.push(String::new());
                used = 0;
            }
            used += self.units(character);
            parts.last_mut().expect("there is always one").push(character);
        }
        parts
    }
}
