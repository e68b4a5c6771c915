//! Sets of digit strings as automata without loops, each as small as it can be.
//!
//! A number has at most [`MAX_DIGITS`] digits, so every set is finite and its automaton a graph
//! that only runs forward. Nodes are kept once however they came about: equal sets are equal
//! [`Language`]s, in all plans together, and what is worked out about one is worked out once.

use super::pattern::Pattern;
use std::collections::HashMap;

/// The longest string of digits that is looked at, with prefixes and all.
pub(super) const MAX_DIGITS: usize = 16;

/// A set of digit strings. [`Language::NONE`] is the empty set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Language(usize);

impl Language {
    /// No string.
    pub(super) const NONE: Self = Self(0);
    /// The empty string and no other.
    pub(super) const EMPTY: Self = Self(1);
}

/// A set by its first digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Node {
    /// What may follow each first digit.
    next: [Language; 10],
    /// Whether the empty string is in the set.
    accepts: bool,
}

/// All sets that were made.
pub(super) struct Languages {
    nodes: Vec<Node>,
    known: HashMap<Node, Language>,
    unions: HashMap<(Language, Language), Language>,
}

impl Languages {
    pub(super) fn new() -> Self {
        let mut languages = Self { nodes: Vec::new(), known: HashMap::new(), unions: HashMap::new() };
        languages.node(Node { next: [Language::NONE; 10], accepts: false });
        languages.node(Node { next: [Language::NONE; 10], accepts: true });
        languages
    }

    fn node(&mut self, node: Node) -> Language {
        let new = Language(self.nodes.len());
        let language = *self.known.entry(node).or_insert(new);
        if language == new {
            self.nodes.push(node);
        }
        language
    }

    /// Whether the empty string is in `language`.
    pub(super) fn accepts(&self, language: Language) -> bool {
        self.nodes[language.0].accepts
    }

    /// What may follow `digit` in `language`.
    pub(super) fn after(&self, language: Language, digit: usize) -> Language {
        self.nodes[language.0].next[digit]
    }

    /// The strings that match the whole of `pattern` and have one of the `lengths`, which are bits;
    /// 0 allows all up to [`MAX_DIGITS`].
    pub(super) fn matching(&mut self, pattern: &Pattern, lengths: u32) -> Result<Language, String> {
        let whole = self.followed(pattern, Language::EMPTY)?;
        let possible = (1 << (MAX_DIGITS + 1)) - 1;
        Ok(self.of_lengths(
            whole,
            if lengths == 0 { possible } else { lengths & possible },
            &mut HashMap::new(),
        ))
    }

    /// The strings that start with `pattern`, up to [`MAX_DIGITS`] long.
    pub(super) fn starting(&mut self, pattern: &Pattern) -> Result<Language, String> {
        let anything = (0..MAX_DIGITS)
            .fold(Language::EMPTY, |shorter, _| self.node(Node { next: [shorter; 10], accepts: true }));
        let whole = self.followed(pattern, anything)?;
        Ok(self.of_lengths(whole, (1 << (MAX_DIGITS + 1)) - 1, &mut HashMap::new()))
    }

    /// The strings of `pattern`, each followed by the strings of `rest`.
    fn followed(&mut self, pattern: &Pattern, rest: Language) -> Result<Language, String> {
        match pattern {
            Pattern::Digit(digits) => {
                let next =
                    std::array::from_fn(|digit| if digits >> digit & 1 == 1 { rest } else { Language::NONE });
                Ok(self.node(Node { next, accepts: false }))
            }
            Pattern::Sequence(parts) => {
                parts.iter().rev().try_fold(rest, |rest, part| self.followed(part, rest))
            }
            Pattern::Choice(choices) => choices.iter().try_fold(Language::NONE, |union, choice| {
                let choice = self.followed(choice, rest)?;
                Ok(self.union(union, choice))
            }),
            Pattern::Repeat { of, least, most } => {
                let mut language = rest;
                for _ in *least..*most {
                    let once_more = self.followed(of, language)?;
                    language = self.union(once_more, rest);
                }
                (0..*least).try_fold(language, |language, _| self.followed(of, language))
            }
            Pattern::Group(_, inner) => self.followed(inner, rest),
            Pattern::End => Err("a `$` within a range of numbers".to_owned()),
        }
    }

    fn union(&mut self, one: Language, other: Language) -> Language {
        let (one, other) = (one.min(other), one.max(other));
        if one == other || one == Language::NONE {
            return other;
        }
        if let Some(known) = self.unions.get(&(one, other)) {
            return *known;
        }
        let next = std::array::from_fn(|digit| self.union(self.after(one, digit), self.after(other, digit)));
        let union = self.node(Node { next, accepts: self.accepts(one) || self.accepts(other) });
        self.unions.insert((one, other), union);
        union
    }

    /// The strings of `language` whose length has its bit in `lengths`.
    fn of_lengths(
        &mut self,
        language: Language,
        lengths: u32,
        known: &mut HashMap<(Language, u32), Language>,
    ) -> Language {
        if language == Language::NONE || lengths == 0 {
            return Language::NONE;
        }
        if let Some(known) = known.get(&(language, lengths)) {
            return *known;
        }
        let next =
            std::array::from_fn(|digit| self.of_lengths(self.after(language, digit), lengths >> 1, known));
        let accepts = self.accepts(language) && lengths & 1 == 1;
        let some = self.node(Node { next, accepts });
        known.insert((language, lengths), some);
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::read(text).expect("a good pattern")
    }

    fn contains(languages: &Languages, language: Language, text: &str) -> bool {
        let digits = text.bytes().map(|byte| usize::from(byte - b'0'));
        languages.accepts(digits.fold(language, |language, digit| languages.after(language, digit)))
    }

    #[test]
    fn a_pattern_is_the_strings_that_match_all_of_it() {
        let mut languages = Languages::new();
        for (text, inside, outside) in [
            ("", &[""][..], &["1"][..]),
            ("04", &["04"], &["0", "4", "044"]),
            ("1(?:2|34)?", &["1", "12", "134"], &["13", "14", ""]),
            ("[13-5]{2}", &["11", "35"], &["12", "1", "111"]),
            ("(?:1|22){1,2}", &["1", "22", "11", "221", "2222"], &["2", "111", "22222"]),
            ("1\\d{2,4}", &["100", "12345"], &["12", "123456", "200"]),
        ] {
            let language = languages.matching(&pattern(text), 0).expect("no end");
            for (strings, expected) in [(inside, true), (outside, false)] {
                for string in strings {
                    assert_eq!(contains(&languages, language, string), expected, "{text} {string:?}");
                }
            }
        }
        assert!(languages.matching(&pattern("1$"), 0).is_err());
    }

    #[test]
    fn equal_sets_are_the_same_however_they_are_written() {
        let mut languages = Languages::new();
        let mut matching = |text, lengths| languages.matching(&pattern(text), lengths).expect("no end");
        assert_eq!(matching("1[2-4]|15|1(?:6|7)", 0), matching("1[2-7]", 0));
        assert_eq!(matching("\\d{4,6}", 1 << 5), matching("\\d{5}", 0));
        assert_eq!(matching("12", 1 << 3), Language::NONE);
        assert_eq!(matching("\\d{18}", 0), Language::NONE);
    }

    #[test]
    fn a_start_may_be_followed_by_anything() {
        let mut languages = Languages::new();
        let language = languages.starting(&pattern("1|23")).expect("no end");
        for (text, expected) in
            [("1", true), ("1999", true), ("2", false), ("23", true), ("230", true), ("", false)]
        {
            assert_eq!(contains(&languages, language, text), expected, "{text}");
        }
        assert!(contains(&languages, language, &"1".repeat(MAX_DIGITS)));
        assert!(!contains(&languages, language, &"1".repeat(MAX_DIGITS + 1)));
    }
}
