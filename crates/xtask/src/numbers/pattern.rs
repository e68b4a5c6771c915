//! The part of regular expressions that numbering plans are written in.
//!
//! Digits, `\d`, classes such as `[02-5]`, groups, `|`, `?`, `{2}`, `{2,5}`, and `$` at the end of
//! a choice: that is all the metadata uses. Whatever else occurs is refused, so a pattern is
//! never half understood.

/// A pattern over digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// One digit, of those whose bit is set: bit 0 is `0`.
    Digit(u16),
    /// One after the other; nothing at all if empty.
    Sequence(Vec<Pattern>),
    /// One of them; the earlier one where two fit.
    Choice(Vec<Pattern>),
    /// So many times, rather more than fewer.
    Repeat { of: Box<Pattern>, least: usize, most: usize },
    /// A capturing group and its number, from 1.
    Group(usize, Box<Pattern>),
    /// The end of the text.
    End,
}

/// The bits of all ten digits.
const ANY_DIGIT: u16 = (1 << 10) - 1;

impl Pattern {
    /// Reads a whole pattern; says what it does not know, and where.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text: text.as_bytes(), at: 0, groups: 0 };
        let pattern = reader.choice()?;
        if reader.at < reader.text.len() {
            return Err(reader.fault("a `)` too many"));
        }
        Ok(pattern)
    }
}

struct Reader<'text> {
    text: &'text [u8],
    at: usize,
    groups: usize,
}

impl Reader<'_> {
    fn fault(&self, what: &str) -> String {
        format!("{what} at byte {} of `{}`", self.at, String::from_utf8_lossy(self.text))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Steps over `expected` where it comes next.
    fn take(&mut self, expected: &str) -> bool {
        let comes = self.text[self.at..].starts_with(expected.as_bytes());
        self.at += if comes { expected.len() } else { 0 };
        comes
    }

    fn expect(&mut self, expected: &str) -> Result<(), String> {
        if self.take(expected) { Ok(()) } else { Err(self.fault(&format!("no `{expected}`"))) }
    }

    fn choice(&mut self) -> Result<Pattern, String> {
        let mut choices = vec![self.sequence()?];
        while self.take("|") {
            choices.push(self.sequence()?);
        }
        Ok(if choices.len() == 1 { choices.remove(0) } else { Pattern::Choice(choices) })
    }

    fn sequence(&mut self) -> Result<Pattern, String> {
        let mut parts = Vec::new();
        while self.peek().is_some_and(|byte| !matches!(byte, b'|' | b')')) {
            let part = self.part()?;
            parts.push(self.repeated(part)?);
        }
        Ok(Pattern::Sequence(parts))
    }

    fn part(&mut self) -> Result<Pattern, String> {
        if self.take("\\d") {
            return Ok(Pattern::Digit(ANY_DIGIT));
        }
        if self.take("$") {
            return Ok(Pattern::End);
        }
        if self.take("[") {
            return self.class();
        }
        if self.take("(?:") {
            let inner = self.choice()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.take("(") {
            self.groups += 1;
            let number = self.groups;
            let inner = self.choice()?;
            self.expect(")")?;
            return Ok(Pattern::Group(number, Box::new(inner)));
        }
        Ok(Pattern::Digit(1 << self.digit()?))
    }

    /// What stands between `[` and `]`, and the bracket.
    fn class(&mut self) -> Result<Pattern, String> {
        let mut digits = 0;
        while !self.take("]") {
            let first = self.digit()?;
            let last = if self.take("-") { self.digit()? } else { first };
            if last < first {
                return Err(self.fault("a range that runs backwards"));
            }
            digits |= (first..=last).fold(0, |bits, digit| bits | 1 << digit);
        }
        Ok(Pattern::Digit(digits))
    }

    fn repeated(&mut self, part: Pattern) -> Result<Pattern, String> {
        let (least, most) = if self.take("?") {
            (0, 1)
        } else if self.take("{") {
            let least = self.number()?;
            let most = if self.take(",") { self.number()? } else { least };
            self.expect("}")?;
            (least, most)
        } else {
            return Ok(part);
        };
        if most < least {
            return Err(self.fault("a repetition that runs backwards"));
        }
        Ok(Pattern::Repeat { of: Box::new(part), least, most })
    }

    fn digit(&mut self) -> Result<u32, String> {
        let digit = self.peek().and_then(|byte| char::from(byte).to_digit(10));
        let digit = digit.ok_or_else(|| self.fault("something that is no digit"))?;
        self.at += 1;
        Ok(digit)
    }

    fn number(&mut self) -> Result<usize, String> {
        let mut number = self.digit()?;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            number = number * 10 + self.digit()?;
        }
        usize::try_from(number).map_err(|_| self.fault("a number that is too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern as P, *};

    #[test]
    fn what_the_metadata_uses_is_read() {
        let digit = |digit: u16| P::Digit(1 << digit);
        let times = |of, least, most| P::Repeat { of: Box::new(of), least, most };
        for (text, pattern) in [
            ("", P::Sequence(vec![])),
            ("04", P::Sequence(vec![digit(0), digit(4)])),
            ("[02-4]\\d", P::Sequence(vec![P::Digit(0b1_1101), P::Digit(ANY_DIGIT)])),
            ("1?2{3}", P::Sequence(vec![times(digit(1), 0, 1), times(digit(2), 3, 3)])),
            ("\\d{4,10}", P::Sequence(vec![times(P::Digit(ANY_DIGIT), 4, 10)])),
            ("1|2", P::Choice(vec![P::Sequence(vec![digit(1)]), P::Sequence(vec![digit(2)])])),
            (
                "(?:1|2)3",
                P::Sequence(vec![
                    P::Choice(vec![P::Sequence(vec![digit(1)]), P::Sequence(vec![digit(2)])]),
                    digit(3),
                ]),
            ),
            ("(1)$", P::Sequence(vec![P::Group(1, Box::new(P::Sequence(vec![digit(1)]))), P::End])),
        ] {
            assert_eq!(P::read(text), Ok(pattern), "{text}");
        }
    }

    #[test]
    fn what_it_does_not_use_is_refused() {
        for text in
            ["1*", "1+", "a", "\\D", ".", "[^1]", "[1", "[5-2]", "(1", "1)", "1{3", "1{3,2}", "^1", "(?=1)"]
        {
            assert!(P::read(text).is_err(), "{text}");
        }
    }
}
