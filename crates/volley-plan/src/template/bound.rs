//! A template tied to the columns of one list: what each row's text is.

use super::{Place, filter};
use crate::{
    source::Cells,
    texts::{self, STEP, Step, Texts, Value},
    words::is_unsafe,
};
use std::{borrow::Cow, fmt};
use volley_core::{TextLength, is_common_septet};

/// The longest value that a variable takes, in bytes.
pub(super) const MAX_VALUE: usize = 10 * 1024;

/// A template whose variables are columns of one list; made by
/// [`Template::bind`](super::Template::bind).
pub struct Bound {
    pub(super) pieces: Vec<BoundPiece>,
    /// Variables that are no column.
    pub(super) absent: Vec<String>,
    /// As many bytes as are written of the text of a row with short values.
    room: usize,
}

pub(super) enum BoundPiece {
    /// The same text for everybody.
    Literal(Literal),
    /// What a column has.
    Column(Column),
}

/// A text that everybody gets.
pub(super) struct Literal {
    text: String,
    /// The same as it is written.
    steps: Vec<Step>,
    /// Where it starts in the campaign's own text; `None` for a default.
    place: Option<Place>,
}

impl Literal {
    pub(super) fn new(text: &str, place: Option<Place>) -> Self {
        Self { text: text.to_owned(), steps: texts::steps(text), place }
    }
}

/// A variable that is a column of the list.
pub(super) struct Column {
    pub(super) index: usize,
    pub(super) steps: Vec<filter::Step>,
    /// What stands where nothing is left of the value.
    pub(super) default: Option<String>,
}

impl BoundPiece {
    fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(literal) => Some(&literal.text),
            Self::Column(_) => None,
        }
    }

    fn column(&self) -> Option<&Column> {
        match self {
            Self::Literal(_) => None,
            Self::Column(column) => Some(column),
        }
    }
}

/// What stands in place of a variable.
pub(crate) enum Filled<'a> {
    /// The row's own value, as its filters leave it.
    Value(Cow<'a, str>),
    /// The default, because nothing is left of the row's value.
    Default(&'a str),
}

impl Filled<'_> {
    /// What the text has there.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Value(value) => value,
            Self::Default(default) => default,
        }
    }
}

/// Why a value is not put into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueFault {
    /// In single quotes, which CSV does not have: somebody's export means the value inside.
    Quoted,
    /// Nothing or blanks alone, by itself or after its filters, and no default.
    Empty,
    /// Control characters, or invisible marks that change what is read.
    Unsafe,
    /// Above 10 KiB.
    Long,
    /// Text that was lost when the file was made: U+FFFD, the mark for what could not be read.
    Damaged,
}

/// Without the text, which is the user's.
impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bound({} pieces)", self.pieces.len())
    }
}

impl Bound {
    pub(super) fn new(pieces: Vec<BoundPiece>, absent: Vec<String>) -> Self {
        let rooms = pieces.iter().map(|piece| match piece {
            BoundPiece::Literal(literal) => literal.steps.len() * STEP,
            BoundPiece::Column(_) => LONGEST_PLAIN + STEP,
        });
        let room = rooms.sum();
        Self { pieces, absent, room }
    }

    /// Whether every row gets one and the same text.
    pub(crate) fn is_constant(&self) -> bool {
        self.columns().next().is_none()
    }

    /// Whether some value goes through filters, so that more than its length matters. A default
    /// alone is none.
    pub(crate) fn has_filters(&self) -> bool {
        self.pieces.iter().filter_map(BoundPiece::column).any(|column| !column.steps.is_empty())
    }

    /// The columns it reads, in order, repeated as used.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.pieces.iter().filter_map(BoundPiece::column).map(|column| column.index)
    }

    /// What everybody gets whatever their row says: the text with its variables left out, and
    /// `filler` in place of the first of them.
    pub(crate) fn fixed(&self, filler: &str) -> String {
        let first = self.pieces.iter().position(|piece| piece.literal().is_none());
        let pieces = self.pieces.iter().enumerate();
        let texts = pieces.filter_map(|(index, piece)| match piece.literal() {
            None if Some(index) == first => Some(filler),
            literal => literal,
        });
        texts.collect()
    }

    /// Every text in it that is no value: what everybody gets, and defaults.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            BoundPiece::Literal(literal) => Some(literal.text.as_str()),
            BoundPiece::Column(column) => column.default.as_deref(),
        })
    }

    /// Where in the campaign's own text `character` stands first; `None` where it does not, or
    /// only in a default.
    pub(crate) fn place_of(&self, character: char) -> Option<Place> {
        self.pieces.iter().find_map(|piece| match piece {
            BoundPiece::Literal(Literal { text, place: Some(start), .. }) => {
                text.find(character).map(|index| start.after(&text[..index]))
            }
            BoundPiece::Literal(_) | BoundPiece::Column(_) => None,
        })
    }

    /// What the columns of one rendered row put into the text, in order: the column, and its value
    /// or else its default.
    pub(crate) fn values<'a>(&'a self, cells: Cells<'a>) -> impl Iterator<Item = (usize, Filled<'a>)> {
        self.values_that(cells, |_| true)
    }

    /// The same but for values that stand in the text as they are and are not `wanted`.
    pub(crate) fn values_that<'a>(
        &'a self,
        cells: Cells<'a>,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> impl Iterator<Item = (usize, Filled<'a>)> {
        let stands_as_it_is = |column: &Column, value: &[u8]| {
            column.steps.is_empty() && value.first().is_some_and(u8::is_ascii_graphic)
        };
        let is_wanted = move |column: &&Column| {
            let value = cells.get(column.index).unwrap_or_default();
            !stands_as_it_is(column, value) || wanted(value)
        };
        let columns = self.pieces.iter().filter_map(BoundPiece::column).filter(is_wanted);
        columns.map(move |column| (column.index, column.filled(cells.text(column.index))))
    }

    /// Variables that are no column and take their default everywhere.
    pub(crate) fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Appends the text of one row to `texts`; `value` gives the row's value in a column.
    ///
    /// A value of blanks alone counts as empty; a value's CRLF becomes a newline, as between the
    /// lines of the file. Whether a value may be sent is judged before its filters. Adds to
    /// `length` how long all values are together; or gives the column and what is wrong with its
    /// value, and then nothing is appended.
    #[inline]
    pub fn render<'c>(
        &self,
        value: impl Fn(usize) -> Value<'c>,
        texts: &mut Texts,
        length: &mut TextLength,
    ) -> Result<(), (usize, ValueFault)> {
        let before = *length;
        if let Some(written) = self.render_plain(&value, texts.room(self.room), length) {
            texts.written(written);
            return Ok(());
        }
        *length = before;
        self.render_closely(&value, texts, length)
    }

    /// The same of a row with a value that has to be looked at closely.
    #[cold]
    fn render_closely<'c>(
        &self,
        value: &impl Fn(usize) -> Value<'c>,
        texts: &mut Texts,
        length: &mut TextLength,
    ) -> Result<(), (usize, ValueFault)> {
        let start = texts.len();
        for piece in &self.pieces {
            let column = match piece {
                BoundPiece::Literal(literal) => {
                    texts.push(&literal.text);
                    continue;
                }
                BoundPiece::Column(column) => column,
            };
            match column.push(value(column.index).text(), texts) {
                Ok(pushed) => *length += pushed,
                Err(fault) => {
                    texts.truncate(start);
                    return Err((column.index, fault));
                }
            }
        }
        Ok(())
    }

    /// Writes the text of one row to the front of `room`, if its values stand in it as they are and
    /// are plainly harmless, and adds to `length` how long these are. Gives the bytes of the text.
    ///
    /// So it is with nearly all rows. The bench `texts` shows what this saves.
    #[inline]
    fn render_plain<'c>(
        &self,
        value: &impl Fn(usize) -> Value<'c>,
        room: &mut [u8],
        length: &mut TextLength,
    ) -> Option<usize> {
        let (mut end, mut common) = (0, 0);
        for piece in &self.pieces {
            let column = match piece {
                BoundPiece::Literal(literal) => {
                    let mut at = end;
                    for step in &literal.steps {
                        texts::write(room, at, *step)?;
                        at += STEP;
                    }
                    end += literal.text.len();
                    continue;
                }
                BoundPiece::Column(column) => column,
            };
            let value = value(column.index);
            if !(1..=LONGEST_PLAIN).contains(&value.len()) || !column.steps.is_empty() {
                return None;
            }
            let first = value.step(0);
            let mut is_common = begins_common(&first, value.len()) && !matches!(first[0], b' ' | b'\'');
            texts::write(room, end, first)?;
            let mut at = STEP;
            while at < value.len() {
                let step = value.step(at);
                is_common &= begins_common(&step, value.len() - at);
                texts::write(room, end + at, step)?;
                at += STEP;
            }
            end += value.len();
            if is_common {
                common += value.len();
            } else {
                *length += length_of_harmless(value.text())?;
            }
        }
        *length += TextLength::of_common(common);
        Some(end)
    }
}

impl Column {
    /// Appends what `value` becomes and says how long that is.
    fn push(&self, value: &str, texts: &mut Texts) -> Result<TextLength, ValueFault> {
        let may_harm = may_harm(value);
        if !may_harm && self.steps.is_empty() {
            texts.push(value);
            return Ok(TextLength::of(value));
        }
        if may_harm && !is_blank(value) {
            check(value)?;
        }
        let mut text = std::mem::take(&mut texts.scratch);
        text.clear();
        push_lines(value, &mut text);
        self.steps.iter().for_each(|step| step.apply(&mut text, 0));
        let pushed =
            if is_blank(&text) { self.default.as_deref().ok_or(ValueFault::Empty) } else { Ok(&*text) };
        let length = pushed.map(|pushed| {
            texts.push(pushed);
            TextLength::of(pushed)
        });
        texts.scratch = text;
        length
    }

    /// What stands in place of the variable in a row that was rendered.
    fn filled<'a>(&'a self, value: &'a str) -> Filled<'a> {
        let value = if self.steps.is_empty() {
            Cow::Borrowed(value)
        } else {
            let mut text = String::new();
            push_lines(value, &mut text);
            self.steps.iter().for_each(|step| step.apply(&mut text, 0));
            Cow::Owned(text)
        };
        match &self.default {
            Some(default) if is_blank(&value) => Filled::Default(default),
            _ => Filled::Value(value),
        }
    }
}

fn is_blank(value: &str) -> bool {
    value.trim_start().is_empty()
}

/// Appends `value`, with a newline for each CRLF.
fn push_lines(value: &str, text: &mut String) {
    let mut lines = value.split("\r\n");
    text.extend(lines.next());
    lines.for_each(|line| text.extend(["\n", line]));
}

/// Longer values are looked at in another way.
const LONGEST_PLAIN: usize = 64;

/// How long a value is that is harmless by its bytes alone.
#[inline(never)]
fn length_of_harmless(value: &str) -> Option<TextLength> {
    (!may_harm(value)).then(|| TextLength::of(value))
}

/// Whether the first `length` bytes are common characters; what stands behind them is taken for
/// blanks. The compiler makes of it some 20 instructions and no branch.
#[inline]
fn begins_common(step: &Step, length: usize) -> bool {
    let bytes = step.iter().zip(&KEPT[length.min(STEP)]);
    bytes.fold(true, |all, (&byte, &kept)| all & is_common_septet(byte & kept | b' ' & !kept))
}

/// The bits that are kept of a step of so many bytes.
static KEPT: [Step; STEP + 1] = {
    let mut kept = [[0; STEP]; STEP + 1];
    let mut length = 0;
    while length <= STEP {
        let mut index = 0;
        while index < length {
            kept[length][index] = u8::MAX;
            index += 1;
        }
        length += 1;
    }
    kept
};

/// Whether a value has to be looked at closely: it begins as a blank or a quote does, is too long,
/// or has a byte of something, written in UTF-8, that is unsafe, damaged or the end of a line.
fn may_harm(value: &str) -> bool {
    let bytes = value.as_bytes();
    let begins_well = bytes.first().is_some_and(|first| !matches!(first, b' ' | b'\'' | 0xE1 | 0xE3));
    !begins_well || bytes.len() > MAX_VALUE || bytes.iter().any(|&byte| IS_HARMFUL[usize::from(byte)])
}

static IS_HARMFUL: [bool; 256] = {
    let mut is_harmful = [false; 256];
    let mut byte = 0_u8;
    loop {
        is_harmful[byte as usize] = matches!(byte, 0..=0x1F | 0x7F | 0xC2 | 0xD8 | 0xE2 | 0xEF);
        if byte == u8::MAX {
            break is_harmful;
        }
        byte += 1;
    }
};

/// Whether a text takes `value`, which is not empty.
pub(crate) fn is_value(value: &str) -> bool {
    check(value).is_ok()
}

/// Says why a text does not take `value`, which is not empty, if so.
fn check(value: &str) -> Result<(), ValueFault> {
    if value.len() > MAX_VALUE {
        Err(ValueFault::Long)
    } else if value.len() > 2 && value.starts_with('\'') && value.ends_with('\'') {
        Err(ValueFault::Quoted)
    } else if value.split("\r\n").any(|line| line.contains(is_unsafe)) {
        Err(ValueFault::Unsafe)
    } else if value.contains('\u{FFFD}') {
        Err(ValueFault::Damaged)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{source::OwnedCells, template::Template};
    use proptest::prelude::*;

    fn bound(template: &str, defaults: &[(&str, &str)]) -> Bound {
        let header = ["name", "First Name"].map(str::to_owned);
        let defaults = defaults.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let template = Template::parse(template).unwrap_or_else(|error| panic!("{template}: {error}"));
        template.bind(&header, &defaults).expect("known names")
    }

    fn render(
        template: &str,
        defaults: &[(&str, &str)],
        cells: &[&str],
    ) -> Result<String, (usize, ValueFault)> {
        let mut texts = Texts::default();
        texts.push("before");
        let mut length = TextLength::default();
        let rendered =
            bound(template, defaults).render(|column| cells[column].into(), &mut texts, &mut length);
        let text = texts.all().strip_prefix("before").expect("what stands before is left alone").to_owned();
        assert!(rendered.is_ok() || text.is_empty(), "{text:?} is left of a row that was refused");
        rendered.map(|()| text)
    }

    #[test]
    fn variables_become_values_and_the_rest_stays() {
        for (template, text) in [
            ("Hi", "Hi"),
            ("{{name}}", "Ann"),
            ("Hi {{ NAME }}, {{first name}}{{name}}!", "Hi Ann, BoAnn!"),
            ("a } b }} {c} {{name}} }}", "a } b }} {c} Ann }}"),
            ("{{name|upper}} {{ name | lower | truncate 2 }}", "ANN an"),
            ("{{name}}{{name | default: 'x'}}", "AnnAnn"),
        ] {
            assert_eq!(render(template, &[], &["Ann", "Bo"]), Ok(text.to_owned()), "{template}");
        }
    }

    #[test]
    fn values_are_kept_defaulted_or_refused_with_their_column() {
        use ValueFault as F;
        let long = "x".repeat(MAX_VALUE + 1);
        for (value, default, result) in [
            ("Ann", None, Ok("Ann")),
            (" Ann ", None, Ok(" Ann ")),
            ("{{name}}", None, Ok("{{name}}")),
            ("=1+1", None, Ok("=1+1")),
            ("a\nb", None, Ok("a\nb")),
            ("a\r\nb\r\n", None, Ok("a\nb\n")),
            ("สม\u{200c}ชาย 👨\u{200d}👩", None, Ok("สม\u{200c}ชาย 👨\u{200d}👩")),
            ("", Some("there"), Ok("there")),
            (" \u{a0}\t", Some(""), Ok("")),
            ("\u{3000}\u{1680}", Some("there"), Ok("there")),
            ("", None, Err((0, F::Empty))),
            ("  ", None, Err((0, F::Empty))),
            ("\u{3000}", None, Err((0, F::Empty))),
            ("a\rb", None, Err((0, F::Unsafe))),
            ("a\tb", None, Err((0, F::Unsafe))),
            ("a\0", None, Err((0, F::Unsafe))),
            ("\u{1b}[31mred", None, Err((0, F::Unsafe))),
            ("evil\u{202e}txt", None, Err((0, F::Unsafe))),
            ("zero\u{200b}width", None, Err((0, F::Unsafe))),
            ("a\u{85}b", None, Err((0, F::Unsafe))),
            ("lost \u{fffd}", None, Err((0, F::Damaged))),
            ("'Ann'", None, Err((0, F::Quoted))),
            ("'", None, Ok("'")),
            ("'Ann", None, Ok("'Ann")),
            (&long, None, Err((0, F::Long))),
            (&long[1..], None, Ok(&long[1..])),
        ] {
            let defaults: Vec<(&str, &str)> = default.map(|value| ("Name", value)).into_iter().collect();
            for template in ["{{name}}", "{{name | truncate: 1000}}"] {
                let text = render(template, &defaults, &[value, "Bo"]);
                if value.len() <= 1_000 || template == "{{name}}" {
                    assert_eq!(text, result.map(str::to_owned), "{template} {value:.40?}");
                } else {
                    assert_eq!(text.is_ok(), result.is_ok(), "{template} {value:.40?}");
                }
            }
        }
    }

    #[test]
    fn nothing_left_is_the_templates_default_or_else_the_campaigns() {
        use ValueFault as F;
        for (template, campaigns, value, result) in [
            ("{{name | default: 'there'}}", None, "", Ok("there")),
            ("{{name | default: 'there'}}", Some("you"), " ", Ok("there")),
            ("{{name | default: ''}}", Some("you"), "", Ok("")),
            ("{{name | default: 'there' | upper | truncate: 3}}", None, " ", Ok("THE")),
            ("{{name | upper | default: 'there'}}", None, "", Ok("there")),
            ("{{name | upper | default: 'there'}}", None, "ann", Ok("ANN")),
            ("{{name | trim | default: 'there' | title}}", None, "\u{3000} ANN ", Ok("Ann")),
            ("{{name | default: ' a b ' | trim}}", None, "", Ok("a b")),
            ("{{name | upper}}", Some("you"), "", Ok("you")),
            ("{{name | upper}}", None, "", Err((0, F::Empty))),
            // Three characters of this value are blanks, which are not left at a cut.
            ("{{name | truncate: 3}}", None, "   Ann", Err((0, F::Empty))),
            ("{{name | truncate: 3}}", Some("you"), "   Ann", Ok("you")),
            ("{{name | default: 'there' | truncate: 3}}", Some("you"), "   Ann", Ok("the")),
            ("{{name | trim | truncate: 3}}", None, "   Anna", Ok("Ann")),
            ("{{name | trim}}", None, "{{name}} ", Ok("{{name}}")),
            // Whether a value may be sent is judged before its filters.
            ("{{name | truncate: 3}}", Some("you"), "Ann\t", Err((0, F::Unsafe))),
            ("{{name | trim}}", None, " 'Ann' ", Ok("'Ann'")),
            ("{{name | trim}}", None, "a\r\nb\r\n", Ok("a\nb")),
        ] {
            let defaults: Vec<(&str, &str)> = campaigns.map(|value| ("name", value)).into_iter().collect();
            let text = render(template, &defaults, &[value, "Bo"]);
            assert_eq!(text, result.map(str::to_owned), "{template} {value:?}");
        }
    }

    #[test]
    fn a_variable_that_is_no_column_takes_its_own_default_or_else_the_campaigns() {
        let bound =
            bound("{{city | default: 'town' | upper}} {{shop | lower}} {{name}}", &[("Shop", "Ours")]);
        let mut texts = Texts::default();
        bound.render(|_| "Ann".into(), &mut texts, &mut TextLength::default()).expect("a good value");
        assert_eq!(texts.all(), "TOWN Ours Ann");
        assert_eq!(bound.absent(), ["city", "shop"]);
        assert_eq!((bound.is_constant(), bound.has_filters()), (false, false));
    }

    #[test]
    fn what_a_row_puts_in_is_told_as_the_text_has_it() {
        let bound = bound("{{name | upper | default: 'é'}} {{first name}} {{name}}", &[("name", "you")]);
        assert!(bound.has_filters());
        let values = |cells: [&str; 2]| -> Vec<(usize, bool, String)> {
            let cells = OwnedCells::of(cells);
            let values = bound.values(cells.cells());
            let is_value = |filled: &Filled<'_>| matches!(filled, Filled::Value(_));
            values.map(|(column, filled)| (column, is_value(&filled), filled.text().to_owned())).collect()
        };
        let one = |column, is_value, text: &str| (column, is_value, text.to_owned());
        assert_eq!(values(["zoé", "Bo"]), [one(0, true, "ZOÉ"), one(1, true, "Bo"), one(0, true, "zoé")]);
        assert_eq!(values([" ", "Bo"]), [one(0, false, "é"), one(1, true, "Bo"), one(0, false, "you")]);
    }

    #[test]
    fn every_character_is_judged_by_its_bytes_as_by_itself() {
        let bound = bound("{{name}}", &[]);
        for character in '\0'..=char::MAX {
            let (alone, behind) = (character.to_string(), format!("a{character}"));
            for value in [alone, behind] {
                let is_good = !is_blank(&value) && check(&value).is_ok();
                assert!(is_good || may_harm(&value), "{value:?} is taken");
                let mut room = [0; LONGEST_PLAIN + STEP];
                let mut length = TextLength::default();
                if let Some(written) = bound.render_plain(&|_| value.as_str().into(), &mut room, &mut length)
                {
                    assert_eq!(
                        (is_good, written, length),
                        (true, value.len(), TextLength::of(&value)),
                        "{value:?}"
                    );
                    assert!(room.starts_with(value.as_bytes()), "{value:?}");
                }
            }
        }
    }

    /// What `filters` make of `value`, each rendered by itself.
    fn one_by_one(filters: &[&str], value: &str) -> String {
        filters.iter().fold(value.to_owned(), |value, filter| {
            let template = format!("{{{{name | {filter}}}}}");
            render(&template, &[("name", "")], &[&value]).expect("a good value")
        })
    }

    proptest! {
        #[test]
        fn a_value_is_never_read_as_a_template(value in "[{}| a-z]{0,20}[{}|a-z]") {
            prop_assert_eq!(render("<{{name}}>", &[], &[&value, ""]), Ok(format!("<{value}>")));
        }

        #[test]
        fn a_chain_is_its_filters_one_after_another(
            mut filters in prop::collection::vec(
                prop::sample::select(vec!["trim", "upper", "lower", "title", "truncate: 1", "truncate: 4"]),
                0..6,
            ),
            place in prop::option::of(0..6_usize),
            value in "[ a-zA-Zéß\u{3000}-]{0,12}",
        ) {
            let place = place.map(|place| place.min(filters.len()));
            if let Some(place) = place {
                filters.insert(place, "default: ' ünd So fort'");
            }
            let text = one_by_one(&filters, &value);
            let expected = match place {
                _ if !is_blank(&text) => Ok(text),
                Some(place) => Ok(one_by_one(&filters[place..], "")),
                None => Err((0, ValueFault::Empty)),
            };
            let template = format!("{{{{{}}}}}", [&["name"], &filters[..]].concat().join(" | "));
            prop_assert_eq!(render(&template, &[], &[&value]), expected);
        }

        #[test]
        fn rendering_ends_for_any_value(value in ".{0,40}|[ \r\n\t'a\u{200d}\u{301}🇦]{0,20}") {
            for template in [
                "{{name}}",
                "{{name | trim | title | truncate: 5}}",
                "{{name | upper | lower | default: 'x' | truncate: 1}}",
            ] {
                if let Ok(text) = render(template, &[], &[&value]) {
                    prop_assert!(!text.contains(is_unsafe), "{template} {text:?}");
                }
            }
        }
    }
}
