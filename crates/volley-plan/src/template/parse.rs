//! A text becomes pieces: what stands in it, and its variables with their filters.
//!
//! ```text
//! variable = "{{" name { "|" filter } "}}"
//! filter   = "trim" | "upper" | "lower" | "title" | "truncate" [":"] number | "default" [":"] quoted
//! quoted   = '"' anything but " '"' | "'" anything but ' "'"
//! ```
//!
//! Blanks may stand between any two of these. The text is read once from front to back, so the
//! time is in proportion to its length whatever it holds.

use super::{
    FilterFault, Piece, Place, TemplateError, Variable,
    filter::{Filters, MAX_FILTERS, MAX_TRUNCATE, NAMES, Step},
};
use crate::words::{is_unsafe, nearest, shown};

/// The pieces of `text`, none of them empty.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    if text.trim().is_empty() {
        return Err(TemplateError::Empty);
    }
    let mut reader = Reader { rest: text, at: Place::START };
    let mut pieces = Vec::new();
    while !reader.rest.is_empty() {
        let at = reader.at;
        let literal = reader.take(reader.rest.find("{{").unwrap_or(reader.rest.len()));
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned(), at));
        }
        if !reader.rest.is_empty() {
            pieces.push(Piece::Variable(reader.variable()?));
        }
    }
    Ok(pieces)
}

/// What is not read yet, and where in the text it begins.
struct Reader<'a> {
    rest: &'a str,
    at: Place,
}

impl<'a> Reader<'a> {
    /// Reads the next `length` bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.at = self.at.after(taken);
        taken
    }

    /// Reads up to the first character that `is_end` holds for, or the end of a variable.
    fn take_until(&mut self, is_end: impl Fn(char) -> bool) -> &'a str {
        let ends = |(index, character): &(usize, char)| {
            is_end(*character) || (*character == '}' && self.rest[*index..].starts_with("}}"))
        };
        let end = self.rest.char_indices().find(ends).map_or(self.rest.len(), |(index, _)| index);
        self.take(end)
    }

    fn skip_blanks(&mut self) {
        self.take(self.rest.len() - self.rest.trim_start().len());
    }

    /// Reads from `{{` to behind `}}`.
    fn variable(&mut self) -> Result<Variable, TemplateError> {
        let at = self.at;
        self.take("{{".len());
        let inner = self.rest.find("}}").ok_or(TemplateError::NotClosed { at })?;
        let name = self.take(self.rest[..inner].find('|').unwrap_or(inner));
        if !is_name(name.trim()) {
            return Err(TemplateError::Name { at, name: shown(name) });
        }
        let mut filters = Filters::default();
        while self.rest.starts_with('|') {
            self.take("|".len());
            self.filter(&mut filters, at)?;
        }
        self.take("}}".len());
        Ok(Variable { name: name.trim().to_owned(), filters, at })
    }

    /// Reads a filter and what belongs to it, up to `|` or `}}`. `open` is where the variable's
    /// braces are.
    fn filter(&mut self, filters: &mut Filters, open: Place) -> Result<(), TemplateError> {
        self.skip_blanks();
        let at = self.at;
        let fault = |fault| TemplateError::Filter { at, fault };
        let typed = self.take_until(|next| next.is_whitespace() || matches!(next, '|' | ':' | '"' | '\''));
        self.skip_blanks();
        if self.rest.is_empty() {
            return Err(TemplateError::NotClosed { at: open });
        }
        if typed.is_empty() {
            return Err(fault(FilterFault::NoName));
        }
        if filters.len() == MAX_FILTERS {
            return Err(fault(FilterFault::TooMany));
        }
        match typed {
            "trim" => filters.push(Step::Trim),
            "upper" => filters.push(Step::Upper),
            "lower" => filters.push(Step::Lower),
            "title" => filters.push(Step::Title),
            "truncate" => filters.push(Step::Truncate(self.number(at)?)),
            "default" if filters.own_default().is_some() => return Err(fault(FilterFault::SecondDefault)),
            "default" => filters.push_default(self.quoted(at)?),
            _ => {
                let name = shown(typed);
                let nearest = nearest(&name, NAMES.into_iter()).unwrap_or_default();
                return Err(fault(FilterFault::Unknown { name, nearest }));
            }
        }
        self.skip_blanks();
        if self.rest.is_empty() {
            return Err(TemplateError::NotClosed { at: open });
        }
        if !self.rest.starts_with('|') && !self.rest.starts_with("}}") {
            let (at, found) = (self.at, shown(self.take_until(|next| next == '|').trim_end()));
            let fault = FilterFault::Superfluous { filter: typed.to_owned(), found };
            return Err(TemplateError::Filter { at, fault });
        }
        Ok(())
    }

    /// Reads the number behind `truncate`, which stands at `filter`.
    fn number(&mut self, filter: Place) -> Result<usize, TemplateError> {
        self.skip_colon();
        let at = self.at;
        let typed = self.take_until(|next| next.is_whitespace() || next == '|');
        if typed.is_empty() {
            return Err(TemplateError::Filter { at: filter, fault: FilterFault::NoNumber });
        }
        let is_whole = typed.bytes().all(|byte| byte.is_ascii_digit());
        let number = typed.parse().ok().filter(|number| is_whole && (1..=MAX_TRUNCATE).contains(number));
        number.ok_or_else(|| TemplateError::Filter { at, fault: FilterFault::Number { found: shown(typed) } })
    }

    /// Reads the text behind `default`, which stands at `filter`.
    fn quoted(&mut self, filter: Place) -> Result<&'a str, TemplateError> {
        self.skip_colon();
        let at = self.at;
        let fault = |fault| TemplateError::Filter { at, fault };
        let quote = match self.rest.bytes().next() {
            Some(b'"') => '"',
            Some(b'\'') => '\'',
            _ => {
                let found = self.take_until(|next| next == '|').trim_end();
                return Err(match found {
                    "" => TemplateError::Filter { at: filter, fault: FilterFault::NoText },
                    _ => fault(FilterFault::NotQuoted { found: shown(found) }),
                });
            }
        };
        self.take(1);
        let text = self.take(self.rest.find(quote).ok_or(fault(FilterFault::QuoteNotClosed))?);
        self.take(1);
        if text.contains("{{") {
            return Err(fault(FilterFault::Braces));
        }
        if text.contains(is_unsafe) || text.contains('\u{FFFD}') {
            return Err(fault(FilterFault::Unsafe));
        }
        Ok(text)
    }

    /// Reads the colon between a filter and what belongs to it, with the blanks around it.
    fn skip_colon(&mut self) {
        self.skip_blanks();
        if self.rest.starts_with(':') {
            self.take(1);
            self.skip_blanks();
        }
    }
}

/// `[A-Za-z_][A-Za-z0-9_ -]*`.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        Template::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).written().0
    }

    #[test]
    fn filters_are_read_however_they_are_spaced_and_quoted() {
        for (text, means) in [
            ("{{name|trim}}", "{{name | trim}}"),
            ("{{ name |  upper|lower |title }}", "{{name | upper | lower | title}}"),
            ("{{name | truncate: 20}}", "{{name | truncate: 20}}"),
            ("{{name | truncate 20}}", "{{name | truncate: 20}}"),
            ("{{name|truncate:020|trim}}", "{{name | truncate: 20 | trim}}"),
            (
                "{{name | truncate :1}} {{name | truncate: 1000}}",
                "{{name | truncate: 1}} {{name | truncate: 1000}}",
            ),
            ("{{name | default: \"there\"}}", "{{name | default: \"there\"}}"),
            ("{{name|default:'there'|upper}}", "{{name | default: \"there\" | upper}}"),
            ("{{name | default \"\"}}", "{{name | default: \"\"}}"),
            ("{{name | default: \"it's\"}}", "{{name | default: \"it's\"}}"),
            ("{{name | default: 'a \"b\" | c'}}", "{{name | default: 'a \"b\" | c'}}"),
            ("{{name | default: 'a }} b' | trim}} c", "{{name | default: \"a }} b\" | trim}} c"),
            ("{{name | default: 'a } {'}}}", "{{name | default: \"a } {\"}}}"),
            ("{{name\n| default:\n'a\nb'\n}}", "{{name | default: \"a\nb\"}}"),
        ] {
            assert_eq!(written(text), means, "{text}");
            assert_eq!(written(means), means);
        }
    }

    #[test]
    fn what_is_no_template_is_named_with_its_place() {
        let at = |line, column| Place { line, column };
        let no_name =
            |line, column, name: &str| TemplateError::Name { at: at(line, column), name: name.to_owned() };
        for (template, error) in [
            ("", TemplateError::Empty),
            (" \n ", TemplateError::Empty),
            ("Hi {{name", TemplateError::NotClosed { at: at(1, 4) }),
            ("Hi\nไทย {{name} }", TemplateError::NotClosed { at: at(2, 5) }),
            ("a {{name | upper }", TemplateError::NotClosed { at: at(1, 3) }),
            ("a {{name | default: \"}}\"", TemplateError::NotClosed { at: at(1, 3) }),
            ("a {{name | default: \"}}\" | tri", TemplateError::NotClosed { at: at(1, 3) }),
            ("{{}}", no_name(1, 1, "")),
            ("a {{ }}", no_name(1, 3, " ")),
            ("{{{name}}}", no_name(1, 1, "{name")),
            ("{{1st}}", no_name(1, 1, "1st")),
            ("{{na.me}}", no_name(1, 1, "na.me")),
            ("\n\n{{ชื่อ}}", no_name(3, 1, "ชื่อ")),
            ("{{ | upper}}", no_name(1, 1, " ")),
            ("{{na.me | upper}}", no_name(1, 1, "na.me ")),
            ("{{\"name\" | upper}}", no_name(1, 1, "\"name\" ")),
        ] {
            assert_eq!(Template::parse(template), Err(error), "{template:?}");
        }
    }

    #[test]
    fn what_is_no_filter_is_named_with_its_place() {
        use FilterFault as F;
        let unknown = |name: &str, nearest| F::Unknown { name: name.to_owned(), nearest };
        let not_quoted = |found: &str| F::NotQuoted { found: found.to_owned() };
        let number = |found: &str| F::Number { found: found.to_owned() };
        let behind =
            |filter: &str, found: &str| F::Superfluous { filter: filter.to_owned(), found: found.to_owned() };
        let many = format!("{{{{a{}}}}}", " | trim".repeat(MAX_FILTERS + 1));
        let long = format!("{{{{a | default: {}}}}}", "x".repeat(99));
        let cut = "x".repeat(60) + "…";
        for (template, line, column, fault) in [
            ("{{a | }}", 1, 7, F::NoName),
            ("{{a || trim}}", 1, 6, F::NoName),
            ("{{a | 'x'}}", 1, 7, F::NoName),
            ("{{a | : 20}}", 1, 7, F::NoName),
            ("Hi\n{{a | uper}}", 2, 7, unknown("uper", "upper")),
            ("{{a | Trim}}", 1, 7, unknown("Trim", "trim")),
            ("{{a|trim|truncate20}}", 1, 10, unknown("truncate20", "truncate")),
            ("ไทย {{a|\n default_: 'x'}}", 2, 2, unknown("default_", "default")),
            ("{{a | default}}", 1, 7, F::NoText),
            ("{{a | default: | trim}}", 1, 7, F::NoText),
            ("{{a | default: you all | trim}}", 1, 16, not_quoted("you all")),
            ("{{a | default: “you”}}", 1, 16, not_quoted("“you”")),
            (&long, 1, 16, not_quoted(&cut)),
            ("{{a | default: \"you}} more", 1, 16, F::QuoteNotClosed),
            ("{{a | default: 'you}} {{b | default: 'x'}}", 1, 16, F::Braces),
            ("{{a | default: '{{b}}'}}", 1, 16, F::Braces),
            ("{{a | default: 'a\tb'}}", 1, 16, F::Unsafe),
            ("{{a | default: 'a\u{200b}b'}}", 1, 16, F::Unsafe),
            ("{{a | default: 'a\u{fffd}b'}}", 1, 16, F::Unsafe),
            ("{{a | default: 'a' | trim | default: 'b'}}", 1, 29, F::SecondDefault),
            ("{{a | truncate}}", 1, 7, F::NoNumber),
            ("{{a | truncate: | trim}}", 1, 7, F::NoNumber),
            ("{{a | truncate: 0}}", 1, 17, number("0")),
            ("{{a | truncate: 1001}}", 1, 17, number("1001")),
            ("{{a | truncate 99999999999999999999}}", 1, 16, number("99999999999999999999")),
            ("{{a | truncate -5}}", 1, 16, number("-5")),
            ("{{a | truncate +5}}", 1, 16, number("+5")),
            ("{{a | truncate: 5.5}}", 1, 17, number("5.5")),
            ("{{a | truncate \"5\"}}", 1, 16, number("\"5\"")),
            ("{{a | truncate ５}}", 1, 16, number("５")),
            ("{{a | upper: 3}}", 1, 12, behind("upper", ": 3")),
            ("{{a | upper lower}}", 1, 13, behind("upper", "lower")),
            ("{{a | truncate: 5 7 }}", 1, 19, behind("truncate", "7")),
            ("{{a | default: 'a' 'b' | trim}}", 1, 20, behind("default", "'b'")),
            ("{{a | default: 'it's'}}", 1, 20, behind("default", "s'")),
            ("{{a | trim } }}", 1, 12, behind("trim", "}")),
            (&many, 1, 7 + 7 * MAX_FILTERS, F::TooMany),
        ] {
            let error = TemplateError::Filter { at: Place { line, column }, fault };
            assert_eq!(Template::parse(template), Err(error), "{template}");
        }
    }

    #[test]
    fn a_fault_says_what_is_wrong_and_what_to_do() {
        const ALL: &str = "default, lower, title, trim, truncate, upper";
        for (template, message) in [
            ("{{a|}}", format!("column 5 of the text: `|` without a filter behind it; write one of {ALL}")),
            (
                "{{a|uper}}",
                format!(
                    "column 5 of the text: there is no filter `uper`; did you mean `upper`? The filters are {ALL}"
                ),
            ),
            ("{{a|truncate:0}}", "takes a whole number from 1 to 1000; here is `0`".to_owned()),
            ("{{a|upper lower}}", "`lower` cannot stand behind `upper`; put `|` in front of".to_owned()),
            ("{{a", "`{{` without `}}`; close it, like {{name}}".to_owned()),
            ("{{a|default:'{{'}}", "has `{{` in it; close its quote in front of them".to_owned()),
        ] {
            let error = Template::parse(template).expect_err(template).to_string();
            assert!(error.starts_with("line 1, column ") && error.contains(&message), "{error}");
        }
    }

    /// The place that an error names.
    fn place(error: &TemplateError) -> Option<Place> {
        match error {
            TemplateError::Empty => None,
            TemplateError::NotClosed { at }
            | TemplateError::Name { at, .. }
            | TemplateError::Filter { at, .. } => Some(*at),
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_says_where_it_does_not(
            text in "\\PC{0,40}|[{}a \n|]{0,30}|(\\{\\{a|\\}\\}| ?[|:] ?|trim|default|truncate|'|\"|2|ก|\n| ){0,20}",
        ) {
            match Template::parse(&text) {
                Ok(template) if template.variables().is_empty() => {
                    prop_assert_eq!(template.literals().collect::<String>(), text);
                }
                Ok(_) => {}
                Err(error) => match place(&error) {
                    None => prop_assert_eq!(text.trim(), ""),
                    Some(Place { line, column }) => {
                        let line = text.split('\n').nth(line - 1).expect("a line of the text");
                        prop_assert!(column <= line.chars().count() + 1, "{:?}: {}", text, error);
                    }
                },
            }
        }
    }
}
