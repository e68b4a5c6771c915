//! Texts with places for what a message brings: `Account {account}, {text}`.

/// A text with places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template<P>(Vec<Piece<P>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece<P> {
    Plain(String),
    Place(P),
}

/// What a message brings to the fields of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The recipient, in digits.
    To,
    /// The same with a `+`.
    ToE164,
    /// The sender.
    From,
    /// The text.
    Text,
    /// Our word for the message.
    Reference,
    /// When it is to be sent.
    SendAt,
}

impl Place {
    pub(super) const ALL: [(&'static str, Self); 6] = [
        ("to", Self::To),
        ("to_e164", Self::ToE164),
        ("from", Self::From),
        ("text", Self::Text),
        ("reference", Self::Reference),
        ("send_at", Self::SendAt),
    ];
}

impl<P: Copy + PartialEq> Template<P> {
    /// Reads `text`, whose places are among `known`; `{{` and `}}` are braces.
    pub(super) fn parse(text: &str, known: &[(&str, P)]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let place = rest.split_once('}').filter(|_| brace == "{");
            let (name, after) =
                place.ok_or_else(|| format!("a lone `{brace}`; write {brace}{brace} for the sign"))?;
            let found = known.iter().find(|(word, _)| *word == name);
            let listed =
                || known.iter().map(|(word, _)| format!("{{{word}}}")).collect::<Vec<_>>().join(", ");
            let (_, place) =
                found.ok_or_else(|| format!("there is no {{{name}}}; there are {}", listed()))?;
            if !plain.is_empty() {
                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Place(*place));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(Self(pieces))
    }

    /// The text, where every place has a value.
    pub(super) fn fill<'a>(&self, value: impl Fn(P) -> Option<&'a str>) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.0 {
            filled.push_str(match piece {
                Piece::Plain(text) => text,
                Piece::Place(place) => value(*place)?,
            });
        }
        Some(filled)
    }

    /// Its places, in order.
    pub(super) fn places(&self) -> impl Iterator<Item = P> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Plain(_) => None,
            Piece::Place(place) => Some(*place),
        })
    }

    /// Its text up to its first place, and what follows.
    pub(super) fn split_at_first_place(mut self) -> (String, Self) {
        let at = self.0.iter().position(|piece| matches!(piece, Piece::Place(_))).unwrap_or(self.0.len());
        let rest = self.0.split_off(at);
        let plain = self.0.into_iter().filter_map(|piece| match piece {
            Piece::Plain(text) => Some(text),
            Piece::Place(_) => None,
        });
        (plain.collect(), Self(rest))
    }

    /// Whether it is this place and nothing else.
    pub(super) fn is_just(&self, place: P) -> bool {
        self.0 == [Piece::Place(place)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KNOWN: [(&str, char); 2] = [("a", 'a'), ("none", 'n')];

    fn filled(text: &str) -> Result<Option<String>, String> {
        let template = Template::parse(text, &KNOWN)?;
        Ok(template.fill(|place| (place == 'a').then_some("VALUE")))
    }

    #[test]
    fn places_are_filled_and_braces_are_written_twice() {
        for (text, expected) in [
            ("", Ok(Some(""))),
            ("plain", Ok(Some("plain"))),
            ("{a}", Ok(Some("VALUE"))),
            ("x{a}y{a}z", Ok(Some("xVALUEyVALUEz"))),
            ("{{a}}", Ok(Some("{a}"))),
            ("{{{a}}}", Ok(Some("{VALUE}"))),
            ("{none}", Ok(None)),
            ("x {a} {none}", Ok(None)),
            ("{b}", Err("there is no {b}; there are {a}, {none}")),
            ("{}", Err("there is no {}; there are {a}, {none}")),
            ("{a", Err("a lone `{`; write {{ for the sign")),
            ("a}", Err("a lone `}`; write }} for the sign")),
        ] {
            assert_eq!(
                filled(text),
                expected.map(|one| one.map(str::to_owned)).map_err(str::to_owned),
                "{text}"
            );
        }
    }

    #[test]
    fn a_value_is_never_read_for_places() {
        let template = Template::parse("{a}{a}", &KNOWN).expect("a template");
        assert_eq!(template.fill(|_| Some("{a}}")).as_deref(), Some("{a}}{a}}"));
    }

    proptest! {
        #[test]
        fn any_text_is_itself_once_its_braces_are_doubled(text in "\\PC{0,40}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(filled(&doubled), Ok(Some(text)));
        }

        #[test]
        fn any_text_is_a_template_or_a_fault(text in "[{}an]{0,12}") {
            if let Ok(template) = Template::parse(&text, &KNOWN) {
                let places = template.places().count();
                let (start, rest) = template.clone().split_at_first_place();
                prop_assert_eq!(rest.places().count(), places);
                let whole = template.fill(|_| Some("-")).expect("every place has a value");
                prop_assert_eq!(whole, start + &rest.fill(|_| Some("-")).expect("likewise"));
            }
        }
    }
}
