//! Smart folding: typographic look-alikes into GSM-7, what a word processor did, undone.
//!
//! One curly apostrophe makes a whole text UCS-2, of 70 units instead of 160. [`fold`] replaces
//! such characters where that saves a segment and leaves every other text alone; which ones it
//! replaces, [`replacements`] tells. Nothing here is done unasked.
//!
//! Replaced is only what no reader reads differently. Deliberately absent, because it would change
//! words or their look: accents of letters that GSM-7 lacks (`ç`, `á`, `ő` stay), letters of other
//! scripts that look like Latin ones (Cyrillic `а`), lower-case Greek, fractions (`½`), symbols
//! that need words (`™`, `©`, `°`), punctuation of other scripts (`。`, `、`), and emoji. A text
//! with one of these stays UCS-2, and then nothing in it is replaced.

use crate::{Encoding, National, Profile};

/// One look-alike and what stands for it in GSM-7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Substitution {
    /// One character outside GSM-7, or a letter and the combining mark behind it.
    pub from: &'static str,
    /// What is sent instead, all of it in GSM-7; empty for a character that nobody sees.
    pub to: &'static str,
}

/// The substitutions that change no reader's reading, sorted by `from`.
pub const TYPOGRAPHIC: &[Substitution] = &SORTED;

/// What is sent, and what it is sent for.
#[rustfmt::skip]
const LOOK_ALIKES: &[(&str, &[&str])] = &[
    // Quotation marks, primes, and the accents that people type for an apostrophe.
    ("'", &["`", "´", "ʹ", "ʻ", "ʼ", "ʽ", "‘", "’", "‚", "‛", "′", "‵", "❛", "❜"]),
    ("\"", &["«", "»", "ʺ", "“", "”", "„", "‟", "″", "‶", "❝", "❞"]),
    ("<", &["‹"]),
    (">", &["›"]),

    // Hyphens, dashes, minus.
    ("-", &["˗", "‐", "\u{2011}", "‒", "–", "—", "―", "⁃", "−", "﹘", "﹣"]),

    // Dots, bullets, and signs that are drawn the same.
    ("...", &["…"]),
    ("..", &["‥"]),
    (".", &["·", "․", "‧", "⋅"]),
    ("*", &["•", "‣", "∗", "∙", "▪", "◦", "●"]),
    ("x", &["×"]),
    ("/", &["⁄", "∕"]),
    (":", &["∶"]),
    ("|", &["¦", "∣"]),
    ("\\", &["∖"]),
    ("^", &["ˆ"]),
    ("~", &["˜", "∼"]),
    ("£", &["￡"]),
    ("¥", &["￥"]),

    // Signs that Unicode itself calls the same character (its canonical equivalents).
    (";", &["\u{37e}"]),
    ("Ω", &["\u{2126}"]),
    ("K", &["\u{212a}"]),
    ("Å", &["\u{212b}"]),

    // Ligatures.
    ("ff", &["ﬀ"]), ("fi", &["ﬁ"]), ("fl", &["ﬂ"]), ("ffi", &["ﬃ"]), ("ffl", &["ﬄ"]), ("st", &["ﬅ", "ﬆ"]),

    // Spaces of every width, the tab among them; not U+1680, which is drawn as a stroke.
    (" ", &[
        "\t", "\u{a0}", "\u{2000}", "\u{2001}", "\u{2002}", "\u{2003}", "\u{2004}", "\u{2005}", "\u{2006}",
        "\u{2007}", "\u{2008}", "\u{2009}", "\u{200a}", "\u{202f}", "\u{205f}", "\u{3000}",
    ]),
    // Ends of lines and paragraphs.
    ("\n", &["\u{2028}", "\u{2029}"]),

    // What nobody sees: soft hyphen, zero width space, word joiner, byte order mark, and the
    // selectors of a glyph's style.
    ("", &["\u{ad}", "\u{200b}", "\u{2060}", "\u{feff}", "\u{fe0e}", "\u{fe0f}"]),
    // Likewise joiners, and the left-to-right marks that copied phone numbers bring along; see
    // `shapes_scripts`. Not the right-to-left ones, which move what stands beside them.
    ("", &["\u{200c}", "\u{200d}", "\u{200e}", "\u{202a}", "\u{202c}", "\u{202d}", "\u{2066}", "\u{2068}", "\u{2069}"]),

    // Letters written as two characters, as macOS names files and its spreadsheets save: every
    // letter of GSM-7 that has such a form.
    ("à", &["a\u{300}"]), ("è", &["e\u{300}"]), ("ì", &["i\u{300}"]), ("ò", &["o\u{300}"]), ("ù", &["u\u{300}"]),
    ("é", &["e\u{301}"]), ("É", &["E\u{301}"]), ("ñ", &["n\u{303}"]), ("Ñ", &["N\u{303}"]),
    ("ä", &["a\u{308}"]), ("ö", &["o\u{308}"]), ("ü", &["u\u{308}"]),
    ("Ä", &["A\u{308}"]), ("Ö", &["O\u{308}"]), ("Ü", &["U\u{308}"]),
    ("å", &["a\u{30a}"]), ("Å", &["A\u{30a}"]), ("Ç", &["C\u{327}"]),
];

/// The fullwidth forms of ASCII, U+FF01 to U+FF5E, and what they are sent as: themselves in ASCII,
/// but for the grave accent, which GSM-7 lacks.
const FULLWIDTH: &str = "！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～";
const HALFWIDTH: &str =
    "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_'abcdefghijklmnopqrstuvwxyz{|}~";

/// Both lists as one table.
const SORTED: [Substitution; TABLE_LENGTH] = {
    let mut table = [Substitution { from: "", to: "" }; TABLE_LENGTH];
    let mut length = 0;
    let mut group = 0;
    while group < LOOK_ALIKES.len() {
        let (to, alike) = LOOK_ALIKES[group];
        let mut index = 0;
        while index < alike.len() {
            insert(&mut table, length, Substitution { from: alike[index], to });
            length += 1;
            index += 1;
        }
        group += 1;
    }
    let (mut wide, mut half) = (FULLWIDTH, HALFWIDTH);
    while !half.is_empty() {
        let ((from, wide_rest), (to, half_rest)) = (wide.split_at(3), half.split_at(1));
        insert(&mut table, length, Substitution { from, to });
        length += 1;
        (wide, half) = (wide_rest, half_rest);
    }
    table
};

const TABLE_LENGTH: usize = {
    let mut length = HALFWIDTH.len();
    let mut group = 0;
    while group < LOOK_ALIKES.len() {
        length += LOOK_ALIKES[group].1.len();
        group += 1;
    }
    length
};

/// Puts `one` into its place among the first `length` entries, which are sorted.
const fn insert(table: &mut [Substitution], length: usize, one: Substitution) {
    let mut place = length;
    while place > 0 && is_before(one.from.as_bytes(), table[place - 1].from.as_bytes()) {
        table[place] = table[place - 1];
        place -= 1;
    }
    table[place] = one;
}

/// `left < right`, which a constant cannot ask.
const fn is_before(left: &[u8], right: &[u8]) -> bool {
    let mut index = 0;
    while index < left.len() && index < right.len() {
        if left[index] != right[index] {
            return left[index] < right[index];
        }
        index += 1;
    }
    left.len() < right.len()
}

/// What stands for `character` alone in `table`, which is sorted by `from`; the empty text where
/// it is left out, `None` where nothing looks alike.
pub fn substitute_char(table: &[Substitution], character: char) -> Option<&'static str> {
    substitution(table, character.encode_utf8(&mut [0; 4])).map(|found| found.to)
}

/// The entry of `table` for exactly `from`.
fn substitution<'t>(table: &'t [Substitution], from: &str) -> Option<&'t Substitution> {
    let place = table.binary_search_by(|entry| entry.from.cmp(from)).ok()?;
    Some(&table[place])
}

/// Writes `text` over `out` with its look-alikes replaced, where that saves a segment.
///
/// True where `text` is UCS-2 under `profile`, `profile.substitutions` has something for every
/// character that forces it, and the result is GSM-7 of fewer segments. Otherwise `text` is to be
/// sent as it is, and `out` holds nothing of use. Characters that `profile` can write are never
/// touched. Linear, and gives up at the first character that nothing looks like.
pub fn fold(text: &str, profile: &Profile, out: &mut String) -> bool {
    let before = profile.count(text);
    if before.encoding == Encoding::Gsm7 || before.count == 1 {
        return false;
    }
    fold_to_fit(text, profile, out) && profile.count(out).count < before.count
}

/// Writes `text` over `out` with its look-alikes replaced, saving or not: for texts that have to be
/// GSM-7.
///
/// True where the result is GSM-7; otherwise `out` holds nothing of use. As [`fold`] in all else.
pub fn fold_to_fit(text: &str, profile: &Profile, out: &mut String) -> bool {
    out.clear();
    let mut copied = 0;
    for place in places(text, profile) {
        let Some(substitution) = place.substitution else {
            return false;
        };
        out.push_str(&text[copied..place.start]);
        out.push_str(substitution.to);
        copied = place.start + substitution.from.len();
    }
    out.push_str(&text[copied..]);
    profile.count(out).encoding == Encoding::Gsm7
}

/// The look-alikes among the characters of `text` that force UCS-2 under `profile`, each with the
/// index in characters where its `from` begins. Says nothing of those that nothing looks like, nor
/// whether [`fold`] would replace: it does all of them or none.
pub fn replacements<'a>(
    text: &'a str,
    profile: &'a Profile,
) -> impl Iterator<Item = (usize, &'static Substitution)> + 'a {
    places(text, profile).filter_map(|place| Some((place.index, place.substitution?)))
}

/// A character that forces UCS-2, and what stands for it.
struct Place {
    /// Where it begins, or the letter before it if both are replaced as one: in bytes.
    start: usize,
    /// Likewise in characters.
    index: usize,
    substitution: Option<&'static Substitution>,
}

/// Each character of `text` that forces UCS-2 under `profile`, in order.
fn places<'a>(text: &'a str, profile: &'a Profile) -> impl Iterator<Item = Place> + 'a {
    let table = profile.substitutions;
    let national = profile.national != National::Never;
    let mut characters = text.char_indices();
    let mut passed = 0;
    profile.forcing(text).map(move |(index, character)| {
        let (start, _) = characters.nth(index - passed).expect("the index is one of this text's characters");
        passed = index + 1;
        if national && shapes_scripts(character) {
            return Place { start, index, substitution: None };
        }
        let end = start + character.len_utf8();
        if let Some(found) = substitution(table, &text[start..end]) {
            return Place { start, index, substitution: Some(found) };
        }
        let letter = text[..start].chars().next_back().map_or(0, char::len_utf8);
        match substitution(table, &text[start - letter..end]) {
            Some(found) => Place { start: start - letter, index: index - 1, substitution: Some(found) },
            None => Place { start, index, substitution: None },
        }
    })
}

/// Whether `character` is invisible among the letters of GSM-7's own tables, but shapes or orders
/// those of the national ones: Indic letters are joined or kept apart by it, Urdu's run leftwards.
const fn shapes_scripts(character: char) -> bool {
    matches!(character, '\u{200c}'..='\u{200e}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
