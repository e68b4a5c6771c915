//! How the network carries a text: the alphabet it fits and the parts it is cut into.
//!
//! [`Profile`] says how a provider counts; its methods count, cut and name what does not fit.
//! Counting allocates nothing and takes time in proportion to the text, whatever is in it.
//! Not here: replacing what does not fit (`fold`).

mod choice; // the cheapest tables that can write a text
mod length; // how long a text is, by whole blocks of bytes
mod lookup; // character -> the tables that have it
mod notation; // a profile as a line of text, and back
mod parts; // where a text is cut
mod profile; // how one provider counts
mod tables; // the alphabets of 3GPP TS 23.038

pub use notation::ProfileFault;
pub use profile::{
    Alphabet, BreakAt, ConcatRef, Language, LanguageFault, Languages, National, Profile, Shifts,
};

use choice::{Form, Tally, Writing};
use length::{Length, code_units, septets};
pub use length::{TextLength, is_common_septet};
use lookup::{Repertoire, Tables};
use parts::{Pieces, parts};
use std::fmt;

/// The most parts that the concatenation header can number (3GPP TS 23.040 clause 9.2.3.24.1).
pub const MAX_SEGMENTS: u32 = 255;

/// How the characters of a text are written on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The GSM 7-bit default alphabet with its extension table, or national tables in place of
    /// them (3GPP TS 23.038 clauses 6.2.1 and 6.2.1.2).
    Gsm7,
    /// UTF-16 code units (3GPP TS 23.038 clause 6.2.3; beyond the BMP by surrogate pairs).
    Ucs2,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        })
    }
}

/// How the network carries one text, and so what the provider bills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segments {
    /// The alphabet of the whole text.
    pub encoding: Encoding,
    /// Septets or code units of the whole text; headers and fill not counted.
    pub units: u32,
    /// Parts that are sent, each billed; at least 1. Above [`MAX_SEGMENTS`] it cannot be sent.
    pub count: u32,
    /// The national tables it is written with; none in UCS-2.
    pub shifts: Shifts,
}

/// The text of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// What it carries.
    pub text: &'a str,
    /// Its septets or code units; headers and fill not counted.
    pub units: u32,
}

/// Units that fit into a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Of a message of one segment.
    pub single: u32,
    /// Of each of several.
    pub part: u32,
}

impl Profile {
    /// How many segments the network carries for `text`, and so what the provider bills.
    ///
    /// Units: a GSM-7 text is counted in septets, of which `^ { } \ [ ~ ] | €` and form feed take
    /// two (3GPP TS 23.038 clause 6.2.1.1), or what national tables say; any other character makes
    /// the whole text UCS-2, counted in 16-bit units. A segment holds what
    /// [`capacity`](Self::capacity) says, and a character is never cut in half (TS 23.040 clause
    /// 9.2.3.24.1), so a part may end short. The empty text is one segment of no units. Never
    /// fails: above `max_segments` the count says so.
    ///
    /// With [`National::Allow`] the text is written in the tables that take the fewest segments;
    /// of those in the fewest national ones, then the fewest septets, then by identifier.
    pub fn count(&self, text: &str) -> Segments {
        match self.form_of_length(|| septets(text), || code_units(text)) {
            Some(form) => self.segments(form, |form| self.walk(text, form.writing).count()),
            None => self.count_in_any_tables(text),
        }
    }

    /// What [`count`](Self::count) says of a text of this length; `None` where that alone does not
    /// say.
    #[expect(
        clippy::inline_always,
        reason = "a result that stays in registers need not be put together in memory"
    )]
    #[inline(always)]
    pub fn count_length(&self, length: TextLength) -> Option<Segments> {
        let form = self.form_of_length(|| length.septets(), || length.code_units())?;
        let (least, most) = self.bounds(form);
        (least == most).then(|| form.carried(least))
    }

    /// [`count`](Self::count) for every profile and text. Not inlined, because its locals would
    /// make the common way a third slower.
    #[inline(never)]
    fn count_in_any_tables(&self, text: &str) -> Segments {
        let repertoire = Repertoire::of(self);
        let find = |character| repertoire.find(character);
        self.cheapest(text, repertoire.allowed(), find, |form| self.walk(text, form.writing).count())
    }

    /// The text of each segment, borrowed; together they are `text`.
    pub fn split<'a>(&self, text: &'a str) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let Segments { encoding, units, count, shifts } = self.count(text);
        let whole = (count == 1).then_some(Part { text, units });
        let several = (count > 1).then(|| self.walk(text, Writing { encoding, shifts }));
        whole.into_iter().chain(several.into_iter().flatten())
    }

    /// Units that fit into a segment of a message in `encoding` with the tables `shifts`, which
    /// UCS-2 has no use for.
    ///
    /// A segment has 140 octets. A header takes one for its length, 5 or 6 for the part's number,
    /// reference and total, and 3 for each national table (3GPP TS 23.040 clause 9.2.3.24): 160
    /// septets or 70 code units without one, 153 or 67 with an 8-bit reference.
    #[inline]
    pub const fn capacity(&self, encoding: Encoding, shifts: Shifts) -> Capacity {
        let national = match encoding {
            Encoding::Gsm7 => 3 * shifts.elements(),
            Encoding::Ucs2 => 0,
        };
        let concatenation = match self.concat_ref {
            ConcatRef::Bits8 => 5,
            ConcatRef::Bits16 => 6,
        };
        Capacity { single: room(encoding, national), part: room(encoding, concatenation + national) }
    }

    /// Units that are left in the last segment of `text`: so many characters of one unit can be
    /// added without another segment, if they change neither alphabet nor tables.
    pub fn left(&self, text: &str) -> u32 {
        let Segments { encoding, units, count, shifts } = self.count(text);
        let Capacity { single, part } = self.capacity(encoding, shifts);
        match self.split(text).last() {
            Some(last) if count > 1 => part - last.units,
            _ => single - units,
        }
    }

    /// The characters of `text` that push it out of GSM-7, with their index in characters, in
    /// order: those that none of the tables has which this profile may use.
    ///
    /// A text without one is GSM-7, unless several languages are allowed and no two of their
    /// tables have all of its characters.
    pub fn forcing<'a>(&self, text: &'a str) -> impl Iterator<Item = (usize, char)> + use<'a> {
        let repertoire = Repertoire::of(self);
        text.chars().enumerate().filter(move |(_, character)| repertoire.lacks(*character))
    }

    /// How many segments `text` would take if each character that forces UCS-2 were a line feed,
    /// which is one septet in every table and attaches to nothing: what the forcing characters
    /// cost is the difference to [`count`](Self::count).
    pub fn count_if_plain(&self, text: &str) -> u32 {
        if let Some(count) = self.count_length_if_plain(TextLength::of(text)) {
            return count;
        }
        let repertoire = Repertoire::of(self);
        let allowed = repertoire.allowed();
        let forces = |character| repertoire.lacks(character);
        let find = |character| if forces(character) { allowed } else { repertoire.find(character) };
        let walk = |form: Form| {
            let cost = form.writing.cost();
            let cost = |character| if forces(character) { 1 } else { cost(character) };
            let runs = text.split_inclusive(forces).flat_map(|run| {
                let (attached, alone) = run.split_at(run.trim_end_matches(forces).len());
                [attached, alone]
            });
            let pieces = runs.flat_map(|run| self.pieces(run, form.writing, cost));
            let Capacity { part, .. } = self.capacity(form.writing.encoding, form.writing.shifts);
            parts(text, pieces, part).count()
        };
        self.cheapest(text, allowed, find, walk).count
    }

    /// What [`count_if_plain`](Self::count_if_plain) says of a text of this length; `None` where that
    /// alone does not say.
    pub fn count_length_if_plain(&self, length: TextLength) -> Option<u32> {
        let is_standard = matches!((&self.alphabet, self.national), (Alphabet::Standard, National::Never));
        let length = length.septets_if_plain().filter(|_| is_standard)?;
        let (least, most) = self.bounds(Form { writing: Writing::DEFAULT, length });
        (least == most).then(|| u32::try_from(least).unwrap_or(u32::MAX))
    }

    /// How a text is written where it takes no choice: in the default tables, or in UCS-2 because
    /// there are no others. `None` where another alphabet or other tables have a say.
    #[inline]
    fn form_of_length(
        &self,
        septets: impl FnOnce() -> Option<Length>,
        code_units: impl FnOnce() -> Length,
    ) -> Option<Form> {
        let gsm7 = |length| Form { writing: Writing::DEFAULT, length };
        match (&self.alphabet, self.national) {
            (Alphabet::Standard, National::Never) => {
                Some(septets().map_or_else(|| Form::ucs2(code_units()), gsm7))
            }
            // One septet a character without national tables: nothing can be shorter.
            (Alphabet::Standard, National::Allow(_)) => septets().filter(|length| length.wide == 0).map(gsm7),
            _ => None,
        }
    }

    /// How `text` is carried in the best of the `allowed` tables, or else in UCS-2. `find` says
    /// which of them have a character, `walk` how many parts a form takes.
    fn cheapest(
        &self,
        text: &str,
        allowed: Tables,
        find: impl Fn(char) -> Tables,
        walk: impl Fn(Form) -> usize,
    ) -> Segments {
        let Some(tally) = Tally::of(text, allowed, find) else {
            return self.segments(Form::ucs2(code_units(text)), walk);
        };
        let rank = |Segments { units, count, shifts, .. }: Segments| {
            (count, shifts.elements(), units, shifts.locking, shifts.single)
        };
        let is_better = |one, best: Option<Segments>| best.is_none_or(|best| rank(one) < rank(best));
        let mut best = None;
        for form in tally.forms(allowed) {
            let (least, _) = self.bounds(form);
            if is_better(form.carried(least), best) {
                let segments = self.segments(form, &walk);
                best = if is_better(segments, best) { Some(segments) } else { best };
            }
        }
        best.unwrap_or_else(|| self.segments(tally.ucs2(), walk))
    }

    /// How a text of `form` is carried. `walk` says how many parts it takes, and is asked only
    /// where the length alone does not say.
    fn segments(&self, form: Form, walk: impl Fn(Form) -> usize) -> Segments {
        let (least, most) = self.bounds(form);
        form.carried(if least == most { least } else { walk(form) })
    }

    /// The fewest and the most segments that a text of `form` can take.
    ///
    /// Where characters are what is not cut, a part but the last ends at most one unit short, and
    /// only before a character of two.
    #[inline]
    fn bounds(&self, Form { writing, length }: Form) -> (usize, usize) {
        let Capacity { single, part } = self.capacity(writing.encoding, writing.shifts);
        let (single, part) = (single as usize, part as usize);
        let units = length.units();
        if units <= single {
            return (1, 1);
        }
        let most = if self.keeps_clusters(writing) {
            usize::MAX
        } else {
            units.div_ceil(part - usize::from(length.wide > 0))
        };
        (units.div_ceil(part), most)
    }

    /// The parts of `text`, of which there are several.
    fn walk<'a>(&self, text: &'a str, writing: Writing) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let Capacity { part, .. } = self.capacity(writing.encoding, writing.shifts);
        parts(text, self.pieces(text, writing, writing.cost()), part)
    }

    /// What is not cut in `text`.
    fn pieces<'a, C: Fn(char) -> u32>(&self, text: &'a str, writing: Writing, cost: C) -> Pieces<'a, C> {
        if self.keeps_clusters(writing) {
            let Capacity { part, .. } = self.capacity(writing.encoding, writing.shifts);
            Pieces::clusters(text, cost, part)
        } else {
            Pieces::characters(text, cost)
        }
    }

    /// Whether clusters have to be looked for: in the default tables only CR LF would be one.
    #[inline]
    fn keeps_clusters(&self, writing: Writing) -> bool {
        self.break_at == BreakAt::Grapheme && writing != Writing::DEFAULT
    }
}

/// Units that a segment has room for beside header elements of so many octets.
#[inline]
const fn room(encoding: Encoding, elements: u32) -> u32 {
    let header = if elements == 0 { 0 } else { 1 + elements };
    let octets = 140 - header;
    match encoding {
        Encoding::Gsm7 => octets * 8 / 7,
        Encoding::Ucs2 => octets / 2,
    }
}
