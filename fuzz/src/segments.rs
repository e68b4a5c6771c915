//! The laws of segments, against a twin that is as slow as it is plain.

#[path = "../../crates/volley-core/tests/it/twin.rs"]
mod twin;

use std::sync::LazyLock;
use twin::Twin;
use unicode_segmentation::UnicodeSegmentation;
use volley_core::{
    Alphabet, BreakAt, ConcatRef, Encoding, Language, MAX_SEGMENTS, National, Part, Profile, Shifts,
};

static TWIN: LazyLock<Twin> = LazyLock::new(|| Twin::new(|text| text.graphemes(true).collect()));

/// `data` is a profile in four bytes and a text in UTF-8, with what is none replaced, that is
/// counted and split as the standard says.
///
/// Laws: the parts are the text, none is longer than a part may be, and each took what it could;
/// encoding, tables, units and parts are the twin's, and so are the characters that force UCS-2
/// and the count without them; the profile is read back as it was written; one character less is
/// never dearer, where clusters may be cut.
pub fn segments(data: &[u8]) {
    let (profile, text) = match data.split_first_chunk() {
        Some((choices, text)) => (profile(*choices), text),
        None => (Profile::STANDARD, data),
    };
    let text = String::from_utf8_lossy(text);
    assert_eq!(profile.to_string().parse().as_ref(), Ok(&profile), "a profile as a line of words");

    let counted = profile.count(&text);
    let parts: Vec<Part> = profile.split(&text).collect();
    assert_eq!(parts.iter().map(|part| part.text).collect::<String>(), text, "the parts are the text");
    assert_eq!(parts.iter().map(|part| part.units).sum::<u32>(), counted.units, "and have its units");
    assert_eq!(counted.count as usize, parts.len(), "the count is that of the parts");

    let capacity = profile.capacity(counted.encoding, counted.shifts);
    let room = if parts.len() == 1 { capacity.single } else { capacity.part };
    assert!(parts.iter().all(|part| part.units <= room), "a part of more than {room} units");
    let both = parts.windows(2).map(|pair| pair[0].units + pair[1].units);
    assert!(both.min().is_none_or(|least| least > room), "two parts that fit {room} units");

    let forcing: Vec<(usize, char)> = profile.forcing(&text).collect();
    assert_eq!(forcing, TWIN.forcing(&text, &profile), "what forces UCS-2");
    match (counted.encoding, profile.national) {
        (Encoding::Gsm7, _) => assert!(forcing.is_empty(), "GSM-7 where nothing forces UCS-2"),
        (Encoding::Ucs2, National::Allow(_)) => {} // perhaps because no two tables have everything
        (Encoding::Ucs2, _) => assert!(!forcing.is_empty(), "UCS-2 where it is forced"),
    }

    let sent = TWIN.send(&text, &profile);
    assert_eq!((counted.encoding, counted.shifts), (sent.encoding, sent.shifts), "alphabet and tables");
    assert_eq!(counted.units as usize, sent.units, "the length in units");
    let parts: Vec<_> = parts.iter().map(|part| (part.text.to_owned(), part.units as usize)).collect();
    assert_eq!(parts, sent.parts, "the parts");
    assert_eq!(profile.left(&text) as usize, sent.left, "what is left");
    let plain = profile.count_if_plain(&text) as usize;
    assert_eq!(plain, TWIN.parts_if_plain(&text, &profile), "the count without what forces UCS-2");

    let mut shorter = text.chars();
    let may_cut = profile.break_at == BreakAt::Character;
    if may_cut && shorter.next_back().is_some() && counted.count <= MAX_SEGMENTS {
        let cheaper = profile.count(shorter.as_str()).count;
        assert!(cheaper <= counted.count, "{cheaper} segments with a character less");
    }
}

/// `@...` is the standard. The low bits of the first byte are a 16-bit reference, whole clusters,
/// two of the kind of national tables and the removal of characters; the second and the third
/// byte name tables, or are a set of languages; the bits of the fourth are what is removed.
fn profile([options, first, second, removed]: [u8; 4]) -> Profile {
    let bit = |byte: u8, index: usize| byte >> index & 1 == 1;
    let language = |byte: u8| Language::ALL.get(usize::from(byte % 16)).copied();
    let national = match (bit(options, 2), bit(options, 3)) {
        (true, false) => National::Use(Shifts { locking: language(first), single: language(second) }),
        (true, true) => {
            let set = u16::from_le_bytes([first, second]);
            let languages = Language::ALL.into_iter().enumerate();
            let chosen = languages.filter(|(index, _)| set >> index & 1 == 1);
            National::Allow(chosen.map(|(_, language)| language).collect())
        }
        (false, _) => National::Never,
    };
    let characters = "€{a\né\u{905}ğ😀".chars().enumerate();
    let without = characters.filter(|(index, _)| bit(removed, *index)).map(|(_, character)| character);
    Profile {
        alphabet: if bit(options, 4) { Alphabet::Without(without.collect()) } else { Alphabet::Standard },
        concat_ref: if bit(options, 0) { ConcatRef::Bits16 } else { ConcatRef::Bits8 },
        break_at: if bit(options, 1) { BreakAt::Grapheme } else { BreakAt::Character },
        national,
        ..Profile::STANDARD
    }
}
