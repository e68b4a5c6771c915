//! What is dialled in front of a number, and what is left without it.
//!
//! A range of numbers is a set; a prefix is not: of several that fit, the first one that a
//! backtracking matcher tries is the one that is cut off. A pattern is therefore written out into
//! all its ways, in the order in which they are tried, each with the [`Cut`] it calls for.

use super::{language::MAX_DIGITS, pattern::Pattern};

/// What is done to the digits in front. The default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Cut {
    /// So many digits are taken off the front.
    pub(super) drop: usize,
    /// So many digits stay behind them.
    pub(super) keep: usize,
    /// So many digits behind those are omitted.
    pub(super) omit: usize,
    /// These are put in front of what is left.
    pub(super) insert: Vec<u8>,
}

/// A prefix as an automaton: the ways that still fit, after so many digits.
#[derive(Clone, Debug)]
pub(super) struct Prefix {
    ways: Vec<Way>,
}

/// One way to match.
#[derive(Clone, Debug, Default)]
struct Way {
    /// Bits of the digits that each place allows.
    digits: Vec<u16>,
    /// From where to where each group reaches; `None` where it takes no part.
    groups: [Option<(usize, usize)>; 2],
    /// Nothing may follow.
    to_the_end: bool,
}

/// Where a matcher stands: the ways that fit so far, best first, and the digits that were read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fits {
    ways: Vec<usize>,
    digits: usize,
}

impl Prefix {
    /// The prefixes of `pattern` with their cuts under `rule`, `9$1`, empty for none.
    pub(super) fn new(pattern: &str, rule: &str) -> Result<(Self, Vec<Cut>), String> {
        let ways = Way::default().extended(&Pattern::read(pattern)?)?;
        let cuts = ways.iter().map(|way| way.cut(rule)).collect::<Result<_, _>>()?;
        Ok((Self { ways }, cuts))
    }

    /// Before the first digit.
    pub(super) fn start(&self) -> Fits {
        self.kept((0..self.ways.len()).collect(), 0)
    }

    /// After `digit`.
    pub(super) fn after(&self, fits: &Fits, digit: usize) -> Fits {
        let goes_on = |way: &usize| {
            let way = &self.ways[*way];
            way.digits.get(fits.digits).map_or(!way.to_the_end, |digits| digits >> digit & 1 == 1)
        };
        self.kept(fits.ways.iter().copied().filter(goes_on).collect(), fits.digits + 1)
    }

    /// The way that is taken if the digits end here.
    pub(super) fn taken(&self, fits: &Fits) -> Option<usize> {
        fits.ways.iter().copied().find(|way| self.ways[*way].digits.len() <= fits.digits)
    }

    /// Whether that way is taken whatever follows.
    pub(super) fn is_settled(&self, fits: &Fits) -> bool {
        fits.ways.first().is_none_or(|first| self.is_done(*first, fits.digits))
    }

    /// Without the ways behind one that is done: they are never tried.
    fn kept(&self, mut ways: Vec<usize>, digits: usize) -> Fits {
        if let Some(done) = ways.iter().position(|way| self.is_done(*way, digits)) {
            ways.truncate(done + 1);
        }
        Fits { ways, digits }
    }

    fn is_done(&self, way: usize, digits: usize) -> bool {
        let way = &self.ways[way];
        way.digits.len() <= digits && !way.to_the_end
    }
}

impl Way {
    /// The ways that begin with this one and go on with `pattern`, in the order they are tried.
    fn extended(&self, pattern: &Pattern) -> Result<Vec<Self>, String> {
        match pattern {
            Pattern::Digit(_) | Pattern::End if self.to_the_end => Err("something after a `$`".to_owned()),
            Pattern::Digit(digits) => {
                let mut way = self.clone();
                way.digits.push(*digits);
                Ok(vec![way])
            }
            Pattern::End => Ok(vec![Self { to_the_end: true, ..self.clone() }]),
            Pattern::Sequence(parts) => parts.iter().try_fold(vec![self.clone()], |ways, part| {
                let extended: Result<Vec<Vec<Self>>, String> =
                    ways.iter().map(|way| way.extended(part)).collect();
                Ok(extended?.concat())
            }),
            Pattern::Choice(choices) => {
                let ways: Result<Vec<Vec<Self>>, String> =
                    choices.iter().map(|choice| self.extended(choice)).collect();
                Ok(ways?.concat())
            }
            Pattern::Repeat { of, least, most } => self.repeated(of, *least, *most),
            Pattern::Group(number, inner) => {
                let mut ways = self.extended(inner)?;
                for way in &mut ways {
                    let group = way.groups.get_mut(number - 1).ok_or("a third group")?;
                    *group = Some((self.digits.len(), way.digits.len()));
                }
                Ok(ways)
            }
        }
    }

    /// Once more before once less, as a greedy matcher goes.
    fn repeated(&self, of: &Pattern, least: usize, most: usize) -> Result<Vec<Self>, String> {
        let mut ways = Vec::new();
        if most > 0 {
            for way in self.extended(of)? {
                ways.extend(way.repeated(of, least.saturating_sub(1), most - 1)?);
            }
        }
        if least == 0 {
            ways.push(self.clone());
        }
        Ok(ways)
    }

    /// Under a rule the number is put together anew if the last group took part and found
    /// something; otherwise what matched is cut off.
    fn cut(&self, rule: &str) -> Result<Cut, String> {
        let found = |group: Option<(usize, usize)>| group.is_some_and(|(from, to)| from < to);
        let [first, second] = self.groups;
        let all = self.digits.len();
        let applies = first.is_some() && if second.is_some() { found(second) } else { found(first) };
        if rule.is_empty() || !applies {
            return Ok(Cut { drop: all, ..Cut::default() });
        }
        let (insert, group) =
            rule.split_once('$').ok_or_else(|| format!("the rule `{rule}` names no group"))?;
        let group = match group {
            "1" => first,
            "2" => second,
            _ => None,
        };
        let (from, to) =
            group.ok_or_else(|| format!("the rule `{rule}` names a group that found nothing"))?;
        if !insert.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("the rule `{rule}` inserts something that is no digit"));
        }
        // Nothing gets longer than it was, unless its length is known.
        let longest = if self.to_the_end { to - from + insert.len() } else { MAX_DIGITS };
        if longest > MAX_DIGITS || !self.to_the_end && insert.len() > from + all - to || insert.len() > 4 {
            return Err(format!("the rule `{rule}` makes a number too long"));
        }
        Ok(Cut {
            drop: from,
            keep: if to < all { to - from } else { 0 },
            omit: all - to,
            insert: insert.bytes().map(|byte| byte - b'0').collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of `text` after the prefix is gone.
    fn left(pattern: &str, rule: &str, text: &str) -> String {
        let (prefix, cuts) = Prefix::new(pattern, rule).expect("a good prefix");
        let mut fits = prefix.start();
        for byte in text.bytes() {
            fits = prefix.after(&fits, usize::from(byte - b'0'));
        }
        let cut = prefix.taken(&fits).map(|way| cuts[way].clone()).unwrap_or_default();
        let (kept, rest) = text[cut.drop..].split_at(cut.keep);
        let insert: String = cut.insert.iter().map(|digit| char::from(digit + b'0')).collect();
        format!("{insert}{kept}{}", &rest[cut.omit..])
    }

    #[test]
    fn what_a_backtracking_matcher_finds_first_is_cut_off() {
        for (pattern, rule, text, expected) in [
            ("0", "", "0491", "491"),
            ("0", "", "491", "491"),
            ("0", "", "", ""),
            ("(183[12])|0", "", "183191", "91"),
            ("0|80?", "", "8012", "12"),
            ("80|8", "", "8112", "112"),
            ("8|80", "", "8012", "012"),
            ("00(?:30|5[09]|[126-9]?)", "", "003012", "12"),
            ("00(?:30|5[09]|[126-9]?)", "", "003112", "3112"),
            ("([457]\\d{6})$|1", "268$1", "4123456", "2684123456"),
            ("([457]\\d{6})$|1", "268$1", "41234567", "41234567"),
            ("([457]\\d{6})$|1", "268$1", "1412", "412"),
            ("(000[25]\\d{2})$|(?:(?:003768)0?)|0", "$1", "000212", "000212"),
            ("(000[25]\\d{2})$|(?:(?:003768)0?)|0", "$1", "0002123", "002123"),
            ("(000[25]\\d{2})$|(?:(?:003768)0?)|0", "$1", "00376801", "1"),
            ("(?:0|90)(?:(1[25])(\\d{4,5}))?", "$2", "012123456", "123456"),
            ("(?:0|90)(?:(1[25])(\\d{4,5}))?", "$2", "9012123", "12123"),
            ("(?:0|90)(?:(1[25])(\\d{4,5}))?", "$2", "0121234567", "1234567"),
            ("0?(?:(11|2[23])15)?", "9$1", "0111523", "91123"),
            ("0?(?:(11|2[23])15)?", "9$1", "221523", "92223"),
            ("0?(?:(11|2[23])15)?", "9$1", "01123", "1123"),
            ("0?(?:(11|2[23])15)?", "9$1", "1123", "1123"),
        ] {
            assert_eq!(left(pattern, rule, text), expected, "{pattern} {rule} {text}");
        }
    }

    #[test]
    fn what_it_cannot_do_is_refused() {
        for (pattern, rule) in
            [("1$2", ""), ("(1)(2)(3)", ""), ("(1)", "9"), ("(1)", "$2"), ("(1)", "x$1"), ("(1)|[2", "")]
        {
            assert!(Prefix::new(pattern, rule).is_err(), "{pattern} {rule}");
        }
    }
}
