//! What becomes of a value before it stands in the text.
//!
//! A filter makes text of text: it ends for every value, never fails, and brings nothing in that
//! is unsafe to send. It works on the end of the text that is being written, so that plain values
//! cost no allocation. Letters become large and small as the Unicode Standard has it (section
//! 3.13, Default Case Algorithms), in no country's own way: `ß` becomes `SS`, and a Turkish `i`
//! an `I`.

use std::fmt;
use unicode_segmentation::GraphemeCursor;

/// The names of all filters, `default` among them, which is none of the [`Step`]s.
pub(super) const NAMES: [&str; 6] = ["default", "lower", "title", "trim", "truncate", "upper"];
/// The most filters of one variable.
pub(super) const MAX_FILTERS: usize = 16;
/// The most characters that `truncate` can be told to leave.
pub(super) const MAX_TRUNCATE: usize = 1_000;

/// What is done to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Blanks at both ends go: all that Unicode counts as white space.
    Trim,
    /// Every letter is large.
    Upper,
    /// Every letter is small; a sigma that ends its word is `ς`.
    Lower,
    /// Every word's first letter is large and all others are small; see [`Words`].
    Title,
    /// At most so many characters stay, 1 to [`MAX_TRUNCATE`]. What a reader sees as one character
    /// stays or goes whole (a grapheme cluster, Unicode UAX #29). Blanks in front of the cut go
    /// too. No ellipsis stands for the rest: GSM-7 has none, and one would make the text UCS-2.
    Truncate(usize),
}

impl Step {
    /// Does it to what `text` holds from `start` on.
    pub(super) fn apply(self, text: &mut String, start: usize) {
        match self {
            Self::Trim => {
                text.truncate(start + text[start..].trim_end().len());
                let value = &text[start..];
                let blanks = value.len() - value.trim_start().len();
                if blanks > 0 {
                    text.drain(start..start + blanks);
                }
            }
            Self::Upper if text[start..].is_ascii() => text[start..].make_ascii_uppercase(),
            Self::Upper => {
                let upper = text[start..].to_uppercase();
                text.replace_range(start.., &upper);
            }
            Self::Lower if text[start..].is_ascii() => text[start..].make_ascii_lowercase(),
            Self::Lower => {
                let lower = text[start..].to_lowercase();
                text.replace_range(start.., &lower);
            }
            Self::Title if text[start..].is_ascii() => title_ascii(&mut text[start..]),
            Self::Title => {
                let title = titled(&text[start..]);
                text.replace_range(start.., &title);
            }
            Self::Truncate(most) => {
                let kept = kept(&text[start..], most).len();
                text.truncate(start + kept);
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trim => f.write_str("trim"),
            Self::Upper => f.write_str("upper"),
            Self::Lower => f.write_str("lower"),
            Self::Title => f.write_str("title"),
            Self::Truncate(most) => write!(f, "truncate: {most}"),
        }
    }
}

/// What [`Step::Truncate`] leaves of `value`.
fn kept(value: &str, most: usize) -> &str {
    if value.len() <= most {
        return value;
    }
    let Some((cut, _)) = value.char_indices().nth(most) else { return value };
    let whole = "the whole value is at hand";
    let mut cursor = GraphemeCursor::new(cut, value.len(), true);
    let end = if cursor.is_boundary(value, 0).expect(whole) {
        cut
    } else {
        cursor.prev_boundary(value, 0).expect(whole).unwrap_or_default()
    };
    value[..end].trim_end()
}

fn title_ascii(value: &mut str) {
    value.make_ascii_lowercase();
    let mut words = Words::default();
    for index in 0..value.len() {
        let (letter, rest) = value[index..].split_at(1);
        if letter.chars().any(|letter| words.begin_with(letter, rest)) {
            value[index..=index].make_ascii_uppercase();
        }
    }
}

fn titled(value: &str) -> String {
    let lower = value.to_lowercase();
    let mut lower = lower.as_str();
    let mut title = String::with_capacity(value.len());
    let mut words = Words::default();
    for (index, character) in value.char_indices() {
        // A sigma is as long at the end of a word as elsewhere; nothing else depends on its place.
        let length = character.to_lowercase().map(char::len_utf8).sum();
        let (small, rest) = lower.split_at(length);
        lower = rest;
        if words.begin_with(character, &value[index + character.len_utf8()..])
            && !small.starts_with(is_georgian)
        {
            // Of a letter that becomes several, as `ß` does, only the first is large.
            let mut large = character.to_uppercase();
            title.extend(large.next());
            title.extend(large.flat_map(char::to_lowercase));
        } else {
            title.push_str(small);
        }
    }
    title
}

/// Whether `letter` is a small Georgian one. Their large ones are for whole words in capitals (the
/// Unicode Standard, section 7.7), and few phones can show them.
fn is_georgian(letter: char) -> bool {
    matches!(letter, '\u{10D0}'..='\u{10FF}')
}

/// Where words begin, as names are written: at the start, behind blanks, hyphens and full stops,
/// and behind an apostrophe that two Latin letters follow (`Anne-Marie`, `J.R. O’Neil`, but
/// `Anna's` and `Мар'яна`). Brackets and quotes may stand between. A word that begins with a
/// digit has no first letter (`3rd`).
struct Words {
    /// No letter or digit has come since a word could begin.
    is_open: bool,
}

impl Default for Words {
    fn default() -> Self {
        Self { is_open: true }
    }
}

impl Words {
    /// Whether a word begins with `character`, which is the next; `rest` is what follows.
    fn begin_with(&mut self, character: char, rest: &str) -> bool {
        if character.is_alphanumeric() {
            return std::mem::take(&mut self.is_open) && character.is_alphabetic();
        }
        self.is_open |= match character {
            '-' | '\u{2010}' | '\u{2011}' | '.' => true,
            '\'' | '’' => rest.chars().take(2).filter(|&next| is_latin(next)).count() == 2,
            other => other.is_whitespace(),
        };
        false
    }
}

/// Whether `letter` is a Latin one, with or without accents.
fn is_latin(letter: char) -> bool {
    let is_of_block = matches!(letter, 'A'..='z' | 'À'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}');
    is_of_block && letter.is_alphabetic()
}

/// The filters of one variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters {
    steps: Vec<Step>,
    default: Option<OwnDefault>,
}

/// The text that a variable takes where nothing is left of its value.
///
/// Blanks stay blanks in every step, so it does not matter for the value where in the chain the
/// default stands: what is empty there is empty at the end. The text itself goes through the steps
/// behind it, once for all rows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnDefault {
    /// How many steps stand in front of it.
    after: usize,
    /// As written.
    written: String,
    /// As the steps behind it leave it.
    text: String,
}

impl Filters {
    /// Adds a step behind the others.
    pub(super) fn push(&mut self, step: Step) {
        self.steps.push(step);
        if let Some(default) = &mut self.default {
            step.apply(&mut default.text, 0);
        }
    }

    /// Adds `default: "text"`; there is at most one.
    pub(super) fn push_default(&mut self, text: &str) {
        let (after, written) = (self.steps.len(), text.to_owned());
        self.default = Some(OwnDefault { after, text: written.clone(), written });
    }

    /// How many there are, the default among them.
    pub(super) fn len(&self) -> usize {
        self.steps.len() + usize::from(self.default.is_some())
    }

    /// What is done to a value, in order.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What stands where nothing is left of a value.
    pub(super) fn own_default(&self) -> Option<&str> {
        self.default.as_ref().map(|default| default.text.as_str())
    }

    /// The same with `default: ""`, where there is a default that is not empty.
    pub(super) fn with_empty_default(&self) -> Option<Self> {
        let default = self.default.as_ref().filter(|default| !default.text.is_empty())?;
        let empty = OwnDefault { after: default.after, written: String::new(), text: String::new() };
        Some(Self { steps: self.steps.clone(), default: Some(empty) })
    }
}

/// As they stand behind a name: ` | trim | default: "there"`.
impl fmt::Display for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for index in 0..=self.steps.len() {
            if let Some(OwnDefault { written, .. }) = self.default.as_ref().filter(|one| one.after == index) {
                let quote = if written.contains('"') { '\'' } else { '"' };
                write!(f, " | default: {quote}{written}{quote}")?;
            }
            if let Some(step) = self.steps.get(index) {
                write!(f, " | {step}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    fn filtered(step: Step, value: &str) -> String {
        let mut text = format!("Ünd {value}");
        step.apply(&mut text, "Ünd ".len());
        text.strip_prefix("Ünd ").expect("what stands before is left alone").to_owned()
    }

    fn check(step: Step, cases: &[(&str, &str)]) {
        for (value, text) in cases {
            assert_eq!(filtered(step, value), *text, "{value:?} | {step}");
        }
    }

    #[test]
    fn trim_takes_blanks_off_both_ends() {
        check(
            Step::Trim,
            &[
                ("", ""),
                ("  ", ""),
                ("Ann", "Ann"),
                (" Ann  Lee\n", "Ann  Lee"),
                ("\u{a0}\u{2003}Zoë\u{3000}", "Zoë"),
                ("\u{200d}x", "\u{200d}x"), // a joiner is no blank
            ],
        );
    }

    #[test]
    fn upper_makes_every_letter_large() {
        check(
            Step::Upper,
            &[
                ("", ""),
                ("o'neil 3rd", "O'NEIL 3RD"),
                ("zoé", "ZOÉ"),
                ("straße", "STRASSE"),
                ("ﬁn", "FIN"),
                ("привет", "ПРИВЕТ"),
                ("ἄλφα ς", "ἌΛΦΑ Σ"),
                ("ired", "IRED"),
                ("สมชาย 王芳 🎉", "สมชาย 王芳 🎉"),
            ],
        );
    }

    #[test]
    fn lower_makes_every_letter_small() {
        check(
            Step::Lower,
            &[
                ("", ""),
                ("O'NEIL 3RD", "o'neil 3rd"),
                ("ZOÉ", "zoé"),
                ("STRASSE ẞ", "strasse ß"),
                ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
                ("İ", "i\u{307}"),
                ("สมชาย", "สมชาย"),
            ],
        );
    }

    #[test]
    fn title_writes_names_as_names_are_written() {
        check(
            Step::Title,
            &[
                ("", ""),
                ("ANN", "Ann"),
                ("ann lee", "Ann Lee"),
                ("anne-marie", "Anne-Marie"),
                ("jean\u{2011}luc", "Jean\u{2011}Luc"),
                ("o'neil", "O'Neil"),
                ("O’NEIL", "O’Neil"),
                ("d'angelo dell'orto", "D'Angelo Dell'Orto"),
                ("MCDONALD'S", "Mcdonald's"),
                ("anna’s café", "Anna’s Café"),
                ("d’été", "D’Été"),
                ("МАР'ЯНА В’ЯЧЕСЛАВ", "Мар'яна В’ячеслав"),
                ("j.r.r. tolkien", "J.R.R. Tolkien"),
                ("3RD avenue", "3rd Avenue"),
                ("4x4-wheel 90's", "4x4-Wheel 90's"),
                ("(ann) \"bob\" 'cy' 'd", "(Ann) \"Bob\" 'Cy' 'D"),
                ("a_b a/b", "A_b A/b"),
                ("a\nb", "A\nB"),
                ("élodie ÅSA øystein", "Élodie Åsa Øystein"),
                ("e\u{301}lodie", "E\u{301}lodie"),
                ("straße ßa ﬁn", "Straße Ssa Fin"),
                ("İSTANBUL", "İstanbul"),
                ("ΟΔΥΣΣΕΥΣ ΩΣ", "Οδυσσευς Ως"),
                ("ΣΑΣ Σ", "Σας Σ"),
                ("დავით", "დავით"),
                ("ᲓᲐᲕᲘᲗ", "დავით"),
                ("สมชาย ใจดี", "สมชาย ใจดี"),
            ],
        );
    }

    #[test]
    fn truncate_leaves_whole_characters_and_no_blank_at_the_cut() {
        for (most, cases) in [
            (1, &[("", ""), ("a", "a"), ("ab", "a"), ("é", "é"), ("e\u{301}x", ""), (" a", "")][..]),
            (3, &[("abc", "abc"), ("ab ", "ab "), ("ab c", "ab"), ("a  b", "a"), ("กขคง", "กขค")]),
            (4, &[("Zoë Lee", "Zoë"), ("abc👍🏽", "abc"), ("ก้ก้ก้", "ก้ก้"), ("a\n\nb\nc", "a\n\nb")]),
            (5, &[("👨‍👩‍👧x", "👨‍👩‍👧"), ("x👨‍👩‍👧", "x"), ("🇦🇺🇹🇭🇩🇪", "🇦🇺🇹🇭"), ("क्षिति", "क्षि")]),
            (1_000, &[("Ann", "Ann"), (" Ann ", " Ann ")]),
        ] {
            check(Step::Truncate(most), cases);
        }
    }

    #[test]
    fn a_default_goes_through_the_steps_behind_it() {
        let mut filters = Filters::default();
        filters.push(Step::Upper);
        filters.push_default(" dear friend");
        filters.push(Step::Trim);
        filters.push(Step::Title);
        filters.push(Step::Truncate(6));
        assert_eq!(filters.own_default(), Some("Dear F"));
        let written = " | upper | default: \" dear friend\" | trim | title | truncate: 6";
        assert_eq!(filters.to_string(), written);
        let empty = filters.with_empty_default().expect("a default");
        assert_eq!(empty.own_default(), Some(""));
        assert_eq!(empty.to_string(), written.replace(" dear friend", ""));
        assert_eq!((empty.with_empty_default(), filters.len()), (None, 5));
    }

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Trim),
            Just(Step::Upper),
            Just(Step::Lower),
            Just(Step::Title),
            (1..=12_usize).prop_map(Step::Truncate),
        ]
    }

    /// Text with what the filters look at: case, blanks, clusters.
    fn values() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "a",
            "B",
            "é",
            "ß",
            "ﬁ",
            "Σ",
            "İ",
            "ŉ",
            "დ",
            "ก้",
            "👨‍👩‍👧",
            "🇦🇺",
            "\u{301}",
            "\u{200d}",
            "क्",
            "ष",
            "\u{600}",
            " ",
            "\u{a0}",
            "\n",
            "-",
            "'",
            "’",
            ".",
            "3",
            "(",
        ]);
        prop_oneof![".{0,30}", prop::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.concat())]
    }

    proptest! {
        #[test]
        fn plain_text_is_filtered_as_any_other(
            step in prop::sample::select(vec![Step::Upper, Step::Lower, Step::Title]),
            value in "[ -~\n]{0,20}",
        ) {
            // A Thai letter keeps a text from being plain, and none of these changes it.
            let other = filtered(step, &format!("{value}\nก"));
            prop_assert_eq!(format!("{}\nก", filtered(step, &value)), other);
        }

        #[test]
        fn truncate_leaves_the_most_whole_clusters_that_fit(most in 1..12_usize, value in values()) {
            let mut left = most;
            let fits = |cluster: &&str| {
                let count = cluster.chars().count();
                let fits = count <= left;
                left = if fits { left - count } else { 0 };
                fits
            };
            let kept: String = value.graphemes(true).take_while(fits).collect();
            let kept = if kept == value { &kept } else { kept.trim_end() };
            prop_assert_eq!(filtered(Step::Truncate(most), &value), kept);
        }

        #[test]
        fn no_filter_brings_in_what_is_unsafe(steps in prop::collection::vec(steps(), 0..6), value in values()) {
            let is_bad = |character| crate::words::is_unsafe(character) || character == '\u{FFFD}';
            let mut text: String = value.chars().filter(|&character| !is_bad(character)).collect();
            for step in steps {
                step.apply(&mut text, 0);
            }
            prop_assert!(!text.contains(is_bad), "{:?}", text);
        }

        #[test]
        fn blanks_stay_blanks(steps in prop::collection::vec(steps(), 0..6), value in "[ \n\u{a0}\u{3000}]{0,9}") {
            let mut text = value;
            for step in steps {
                step.apply(&mut text, 0);
            }
            prop_assert_eq!(text.trim(), "");
        }

        #[test]
        fn a_filter_has_nothing_to_do_twice(step in steps(), value in values()) {
            // `ǰ` becomes a `J` with an accent, which is no letter that an apostrophe looks for.
            let step = if step == Step::Title { Step::Trim } else { step };
            let once = filtered(step, &value);
            prop_assert_eq!(filtered(step, &once), once);
        }
    }
}
