//! A campaign's text as edits see it: its variables, words and sentences, and changes to them.

use crate::{
    Template,
    template::{Variable, same_name},
};
use std::ops::Range;

/// Characters that are shown on either side of a change at most.
const AROUND: usize = 30;
/// Changes further apart than this, in bytes, are not shown in one fragment.
const TOGETHER: usize = 60;

/// What is part of a sentence that says how to get no more messages, in lower case, with spaces
/// for `-` and `_`.
const OPT_OUT: [&str; 14] = [
    "opt out",
    "optout",
    "unsub", // English
    "abmeld",
    "abbestell", // German
    "afmeld",
    "avmeld",
    "avregistr", // Dutch and Danish, Norwegian, Swedish
    "désabonn",
    "désinscri",
    "arrêt", // French
    "darse de baja",
    "cancelar", // Spanish and Portuguese
    "ยกเลิก",    // Thai
];

/// What the text has between two blanks, and what of it goes when the word goes.
struct Word {
    /// Its place among all that stands between blanks.
    index: usize,
    sentence: usize,
    range: Range<usize>,
}

/// A text with its variables as `{{name}}` with their filters. Ranges are in bytes of it.
pub(super) struct Passage {
    written: String,
    variables: Vec<(Range<usize>, Variable)>,
    sentences: Vec<Range<usize>>,
    /// Which sentences say how to opt out.
    kept: Vec<bool>,
    /// What stands between blanks. A variable is never parted.
    tokens: Vec<Range<usize>>,
}

/// One place of a text that is written otherwise.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) range: Range<usize>,
    pub(super) to: String,
}

impl Passage {
    pub(super) fn new(template: &Template) -> Self {
        let (written, variables) = template.written();
        let mut outline = written.clone();
        for (range, _) in &variables {
            outline.replace_range(range.clone(), &"_".repeat(range.len()));
        }
        let variables = variables.into_iter().map(|(range, variable)| (range, variable.clone())).collect();
        let (sentences, tokens) = (sentences(&outline), tokens(&outline));
        let kept = sentences.iter().map(|range| tells_how_to_opt_out(&written[range.clone()])).collect();
        Self { written, variables, sentences, kept, tokens }
    }

    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// The text between its variables, each with where it starts.
    pub(super) fn literals(&self) -> impl Iterator<Item = (usize, &str)> {
        let ends = self.variables.iter().map(|(range, _)| range.start).chain([self.written.len()]);
        let starts = [0].into_iter().chain(self.variables.iter().map(|(range, _)| range.end));
        starts.zip(ends).map(|(start, end)| (start, &self.written[start..end]))
    }

    /// The variable `name` wherever it stands.
    pub(super) fn places_of(&self, name: &str) -> impl Iterator<Item = &(Range<usize>, Variable)> {
        self.variables.iter().filter(move |(_, variable)| same_name(variable.name(), name))
    }

    /// The variables that `changes` leave, as they are written then, in order. A change of one
    /// variable alone may write it otherwise.
    pub(super) fn variables_after<'a>(&'a self, changes: &'a [Change]) -> impl Iterator<Item = &'a str> {
        let written = |range: &Range<usize>| {
            let Some(change) = changes.iter().find(|change| overlap(&change.range, range)) else {
                return Some(&self.written[range.clone()]);
            };
            (change.range == *range && !change.to.is_empty()).then_some(change.to.as_str())
        };
        self.variables.iter().filter_map(move |(range, _)| written(range))
    }

    /// Whether `range` is part of a sentence that says how to opt out.
    pub(super) fn is_kept(&self, range: &Range<usize>) -> bool {
        self.sentences.iter().zip(&self.kept).any(|(sentence, kept)| *kept && overlap(sentence, range))
    }

    /// What stands between the blanks around `at`.
    pub(super) fn token(&self, at: usize) -> &str {
        let token = self.tokens.iter().find(|token| token.contains(&at));
        token.map_or("", |token| &self.written[token.clone()])
    }

    /// The words that may be left out: not those with a variable in them, nor those that say how
    /// to opt out. The punctuation behind a word stays, unless the word begins its line.
    fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            let has_variable = self.variables.iter().any(|(range, _)| overlap(range, token));
            let sentence = self.sentences.iter().position(|sentence| sentence.contains(&token.start));
            let Some(sentence) = sentence.filter(|_| !has_variable && !self.is_kept(token)) else { continue };
            let bare = self.written[token.clone()].trim_end_matches(is_punctuation);
            let begins_line = matches!(self.before(token.start), None | Some('\n'));
            let end = if bare.is_empty() || begins_line { token.end } else { token.start + bare.len() };
            words.push(Word { index, sentence, range: token.start..end });
        }
        words
    }

    /// Runs of `length` neighbouring words of one sentence that leave no bracket without the other.
    pub(super) fn runs(&self, length: usize) -> Vec<Range<usize>> {
        let words = self.words();
        let run = |run: &[Word]| {
            let (first, last) = (run.first()?, run.last()?);
            let are_neighbours = last.index - first.index + 1 == length && first.sentence == last.sentence;
            let range = first.range.start..last.range.end;
            (are_neighbours && is_balanced(&self.written[range.clone()])).then_some(range)
        };
        words.windows(length).filter_map(run).collect()
    }

    /// Leaves `range` out, and the blank beside it that would then be one too many.
    pub(super) fn without(&self, range: Range<usize>) -> Change {
        let (before, after) = (self.before(range.start), self.after(range.end));
        let is_end =
            |next: Option<char>| next.is_none_or(|next| next.is_whitespace() || is_punctuation(next));
        let Range { start, end } = range;
        let range = match (before, after) {
            (Some(' '), next) if is_end(next) => start - 1..end,
            (None | Some('\n'), Some(' ')) => start..end + 1,
            (Some('\n'), None | Some('\n')) => start - 1..end,
            _ => start..end,
        };
        Change { range, to: String::new() }
    }

    /// Leaves the variable at `range` out, with a currency sign that stands at it.
    pub(super) fn without_variable(&self, range: Range<usize>) -> Change {
        let sign = |next: Option<char>| {
            next.filter(|sign| matches!(sign, '$' | '€' | '£' | '¥')).map_or(0, char::len_utf8)
        };
        let Range { start, end } = range;
        self.without(start - sign(self.before(start))..end + sign(self.after(end)))
    }

    /// The whole text after `changes`, which stand in order and apart.
    pub(super) fn after_changes(&self, changes: &[Change]) -> String {
        self.rewritten(0..self.written.len(), changes)
    }

    /// The first change of `changes`, and those close to it, with the words around: before and
    /// after.
    pub(super) fn fragment(&self, changes: &[Change]) -> (String, String) {
        let Some(first) = changes.first() else { return Default::default() };
        let start = first.range.start;
        let close = changes.iter().take_while(|change| change.range.end <= start + TOGETHER);
        let end = close.map(|change| change.range.end).max().unwrap_or(first.range.end);
        let from = self.tokens.iter().position(|token| token.end > start).unwrap_or(self.tokens.len());
        let from = self.tokens.get(from.saturating_sub(2)).map_or(start, |token| token.start.min(start));
        let to = self.tokens.iter().rposition(|token| token.start < end).map_or(0, |last| last + 2);
        let to = self.tokens.get(to).or(self.tokens.last()).map_or(end, |token| token.end.max(end));
        let back = self.written[..start].char_indices().rev().take(AROUND).last();
        let on = self.written[end..].char_indices().nth(AROUND);
        let from = from.max(back.map_or(start, |(index, _)| index));
        let to = to.min(on.map_or(self.written.len(), |(index, _)| end + index));
        let whole = self.variables.iter().filter(|(range, _)| overlap(range, &(from..to)));
        let shown =
            whole.fold(from..to, |shown, (range, _)| shown.start.min(range.start)..shown.end.max(range.end));
        (self.written[shown.clone()].to_owned(), self.rewritten(shown, changes))
    }

    /// The part `within` of the text, with those of `changes` that lie in it.
    fn rewritten(&self, within: Range<usize>, changes: &[Change]) -> String {
        let mut text = String::with_capacity(within.len());
        let mut done = within.start;
        let inside = |change: &&Change| within.start <= change.range.start && change.range.end <= within.end;
        for Change { range, to } in changes.iter().filter(inside) {
            text.push_str(&self.written[done..range.start]);
            text.push_str(to);
            done = range.end;
        }
        text.push_str(&self.written[done..within.end]);
        text
    }

    fn before(&self, at: usize) -> Option<char> {
        self.written[..at].chars().next_back()
    }

    fn after(&self, at: usize) -> Option<char> {
        self.written[at..].chars().next()
    }
}

/// Changes in order, those that touch the same place as one.
pub(super) fn in_order(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by_key(|change| change.range.start);
    let mut apart: Vec<Change> = Vec::with_capacity(changes.len());
    for change in changes {
        match apart.last_mut() {
            Some(last) if change.range.start < last.range.end => {
                last.range.end = last.range.end.max(change.range.end);
                last.to.push_str(&change.to);
            }
            _ => apart.push(change),
        }
    }
    apart
}

/// Whether `token` is a link, which means something else when a character of it is changed.
pub(super) fn is_link(token: &str) -> bool {
    token.contains("://")
        || token.starts_with("www.")
        || token.split_once('.').is_some_and(|(_, rest)| rest.contains('/'))
}

/// Whether `text` has as many brackets that open as that close, of each kind.
fn is_balanced(text: &str) -> bool {
    let count = |bracket: char| text.matches(bracket).count();
    [('(', ')'), ('[', ']'), ('{', '}'), ('“', '”'), ('«', '»')]
        .into_iter()
        .all(|(open, close)| count(open) == count(close))
}

pub(super) fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

fn is_punctuation(character: char) -> bool {
    matches!(character, '.' | ',' | ';' | ':' | '!' | '?' | '…')
}

fn tokens(text: &str) -> Vec<Range<usize>> {
    let start = |token: &str| token.as_ptr().addr() - text.as_ptr().addr();
    text.split_whitespace().map(|token| start(token)..start(token) + token.len()).collect()
}

/// Where sentences begin and end. One ends with its line, or with a full stop, exclamation or
/// question mark that a blank follows, unless the text goes on in lower case or with a digit, as
/// after `no.`: rather too long than cut.
fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (index, character) in text.char_indices() {
        let end = index + character.len_utf8();
        let rest = &text[end..];
        let goes_on = rest.trim_start().starts_with(|next: char| next.is_lowercase() || next.is_numeric());
        let is_mark = matches!(character, '.' | '!' | '?' | '…' | '。' | '！' | '？');
        let is_end = is_mark && rest.starts_with(char::is_whitespace) && !goes_on;
        if character == '\n' || is_end || rest.is_empty() {
            sentences.push(start..end);
            start = end;
        }
    }
    sentences
}

/// Whether a sentence says how to get no more messages. Says yes too often rather than too seldom.
fn tells_how_to_opt_out(sentence: &str) -> bool {
    let sentence = sentence.to_lowercase().replace(['-', '_'], " ");
    sentence.split(|other: char| !other.is_alphanumeric()).any(|word| word.starts_with("stop"))
        || OPT_OUT.iter().any(|phrase| sentence.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(text: &str) -> Passage {
        Passage::new(&Template::parse(text).expect("a template"))
    }

    /// The text without each word in turn.
    fn without_each_word(text: &str) -> Vec<String> {
        let passage = passage(text);
        let words = passage.runs(1);
        words.into_iter().map(|word| passage.after_changes(&[passage.without(word)])).collect()
    }

    #[test]
    fn a_word_goes_with_one_blank_and_leaves_its_punctuation() {
        for (text, without) in [
            ("one two, three.", vec!["two, three.", "one, three.", "one two,."]),
            ("Hello, you", vec!["you", "Hello,"]),
            ("one\ntwo\nthree", vec!["\ntwo\nthree", "one\nthree", "one\ntwo"]),
            ("a - b", vec!["- b", "a b", "a -"]),
            ("Hi {{first name}}, you", vec!["{{first name}}, you", "Hi {{first name}},"]),
            (
                "a {{x | default: 'my friend'}} b",
                vec!["{{x | default: \"my friend\"}} b", "a {{x | default: \"my friend\"}}"],
            ),
            ("เฉพาะ วันนี้", vec!["วันนี้", "เฉพาะ"]),
        ] {
            assert_eq!(without_each_word(text), without, "{text}");
        }
    }

    #[test]
    fn a_variable_goes_with_its_blank_and_its_currency_sign() {
        for (text, without) in [
            ("Hi {{x}}, you", "Hi, you"),
            ("{{x}} is due", "is due"),
            ("for ${{x}}. Pay", "for. Pay"),
            ("{{x}} and {{ X }}!", "and!"),
            ("({{x}}) a", "() a"),
            ("Hi {{x | default: 'my friend. Oh'}}, you", "Hi, you"),
        ] {
            let passage = passage(text);
            let places = passage.places_of("x").map(|(range, _)| range.clone());
            let changes = places.map(|range| passage.without_variable(range)).collect();
            assert_eq!(passage.after_changes(&in_order(changes)), without, "{text}");
        }
    }

    #[test]
    fn what_says_how_to_opt_out_is_left_alone() {
        for (text, words) in [
            ("Sale today. Reply STOP to end.", 2),
            ("Sale today. To opt-out text 1 to no. 12345.", 2),
            ("Sale today! Unsubscribe: www.example.com/u", 2),
            ("Heute Rabatt. Zum Abmelden hier.", 2),
            ("ลดราคา วันนี้\nพิมพ์ ยกเลิก เพื่อหยุดรับ", 2),
            ("Sale, stop by today", 0), // rather too much
            ("Nonstop sale today", 3),
            ("Sale today {{opt_out_link}}", 0),
            ("Sale today. {{link | default: 'Text STOP. Or call'}} to end.", 2),
            ("Sale {{day | default: 'now. Or STOP'}} only, in town. All shops", 2),
        ] {
            assert_eq!(passage(text).runs(1).len(), words, "{text}");
        }
    }

    #[test]
    fn runs_stay_within_a_sentence_and_apart_from_variables() {
        let passage = passage("One two three. Four {{x}} five six");
        let runs: Vec<&str> = passage.runs(2).into_iter().map(|range| &passage.written[range]).collect();
        assert_eq!(runs, ["One two", "two three", "five six"]);
        assert_eq!(passage.runs(3).len(), 1);
        assert!(passage.runs(4).is_empty());
    }

    #[test]
    fn no_bracket_is_left_without_the_other() {
        let passage = passage("Pay in (any shop) today");
        let runs = |length| passage.runs(length).into_iter().map(|range| &passage.written[range]).collect();
        let (words, pairs): (Vec<&str>, Vec<&str>) = (runs(1), runs(2));
        assert_eq!(words, ["Pay", "in", "today"]);
        assert_eq!(pairs, ["Pay in", "(any shop)"]);
    }

    #[test]
    fn a_fragment_shows_the_change_with_the_words_around_it() {
        let text = "Dear {{first name}}, your order of two shoes is on its way to you today";
        let passage = passage(text);
        let change = |word: &str| {
            let start = text.find(word).expect("a word");
            passage.fragment(&[passage.without(start..start + word.len())])
        };
        for (word, before, after) in [
            ("your", "Dear {{first name}}, your order of", "Dear {{first name}}, order of"),
            ("shoes", "of two shoes is on", "of two is on"),
            ("today", "to you today", "to you"),
        ] {
            assert_eq!(change(word), (before.to_owned(), after.to_owned()), "{word}");
        }
    }
}
