//! What looks for lost requests have in common: what proves that one was taken, and what proves
//! nothing.
//!
//! A campaign sends many requests that differ in nothing but their recipients. So a look first
//! reads the provider's list to the end of its time, and then the recipients of every request
//! that fits: a number stands in a plan once, so whoever stands there and is not of the lost
//! request shows that this is another one, and only the whole set and nobody else proves it.
//!
//! Whoever reads "not there" may send again, so only a request that can be told not to be ours
//! counts as that; one that says too little makes the whole look undecidable, unless another one
//! is proved.

use crate::inquiry::{Cursor, Next, Sighting};
use std::{
    collections::{HashSet, VecDeque},
    fmt,
};
use volley_core::{Chunk, Msisdn, Reason, UnixMillis};

/// How far a provider's clock may be from ours, either way.
const CLOCKS_APART_MS: i64 = 5 * 60_000;

/// The most pages of a list that are looked through: a busy account is not read for hours.
const MAX_PAGES: u64 = 50;

/// The most requests whose recipients are read to tell them from the lost one.
const MAX_CANDIDATES: usize = 200;

/// Whether a row of a provider's list can be the lost request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It differs in something, or its answer came.
    Other,
    /// It says too little.
    Unclear,
    /// It agrees in everything it says, which is enough to read its recipients; the provider's id.
    Fits(String),
}

/// The span of the provider's clock in which something happened that did so from `from` to `until`
/// by ours.
pub(crate) fn by_their_clock(from: UnixMillis, until: UnixMillis) -> (UnixMillis, UnixMillis) {
    let from = UnixMillis(from.0.saturating_sub(CLOCKS_APART_MS));
    (from, UnixMillis(until.0.saturating_add(CLOCKS_APART_MS)))
}

/// A text as it is compared: line ends and the blanks around it may change on the way.
pub(crate) fn compared(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

/// Nobody can tell.
pub(crate) fn undecidable(reason: &str) -> Sighting {
    Sighting { request_id: None, taken: Vec::new(), next: Next::Undecidable(Reason::from(reason)) }
}

/// Everything was seen, and the request was not there.
fn absent() -> Sighting {
    Sighting { request_id: None, taken: Vec::new(), next: Next::Done }
}

/// The request was taken, with everybody in it.
fn found(id: String, chunk: &Chunk) -> Sighting {
    let taken = (0..chunk.len()).map(|index| (index, None)).collect();
    Sighting { request_id: Some(id), taken, next: Next::Done }
}

/// How far a look came. It is kept in the cursor between two questions: at most
/// [`MAX_CANDIDATES`] and three more ids, and no number of anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    /// What is asked for next.
    pub(crate) step: Step,
    /// The request that was proved to be the lost one.
    proved: Option<String>,
    /// What makes it unsafe to say that the lost one is not there.
    doubt: Option<Doubt>,
    /// The requests that fit and whose recipients were not read yet.
    candidates: VecDeque<String>,
}

/// What a look asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A page of the list of messages, from 1.
    Messages {
        /// Which.
        page: u64,
    },
    /// The recipients of one that fits.
    Recipients {
        /// The provider's id of it.
        id: String,
        /// Where they are read from, in the provider's words; `None` for the start.
        place: Option<String>,
        /// Who was seen so far.
        roll: Roll,
    },
}

/// Why "not there" cannot be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// A row of the list says too little.
    Row,
    /// The list need not show it before its time.
    NotYet,
    /// The recipients of this request could not be read to the end, or are a part of the lost one's.
    Recipients(String),
}

/// How the recipients of a request go on behind a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Onward {
    /// From this place.
    Next(String),
    /// Not at all.
    Last,
    /// Nobody can tell.
    Lost,
}

impl Search {
    /// The look that a cursor stands for; a new one for a cursor that is none of ours.
    pub(crate) fn of(cursor: &Cursor) -> Self {
        Self::read(&cursor.0).unwrap_or(Self {
            step: Step::Messages { page: 1 },
            proved: None,
            doubt: None,
            candidates: VecDeque::new(),
        })
    }

    /// What [`fmt`](fmt::Display::fmt) wrote.
    fn read(words: &str) -> Option<Self> {
        let mut words = words.split(' ');
        let step = match words.next()? {
            "messages" => Step::Messages { page: words.next()?.parse().ok()? },
            "recipients" => Step::Recipients {
                id: words.next()?.to_owned(),
                place: of_word(words.next()?).ok()?,
                roll: Roll::of_words(words.next()?, words.next()?)?,
            },
            _ => return None,
        };
        let proved = of_word(words.next()?).ok()?;
        let doubt = match words.next()? {
            "row" => Some(Doubt::Row),
            "time" => Some(Doubt::NotYet),
            word => of_word(word).ok()?.map(Doubt::Recipients),
        };
        Some(Self { step, proved, doubt, candidates: words.map(str::to_owned).collect() })
    }

    /// Takes note of a row of the list. The error is that there are too many that fit.
    pub(crate) fn note(&mut self, row: Match) -> Result<(), Sighting> {
        match row {
            Match::Other => {}
            Match::Unclear => self.doubt(Doubt::Row),
            // Lists move on while they are read, so a row may come twice.
            Match::Fits(id) if self.candidates.contains(&id) => {}
            Match::Fits(_) if self.candidates.len() >= MAX_CANDIDATES => {
                return Err(undecidable(&format!("more than {MAX_CANDIDATES} messages look like it")));
            }
            Match::Fits(id) => self.candidates.push_back(id),
        }
        Ok(())
    }

    /// From now on, not finding it does not mean that it is not there.
    pub(crate) fn doubt(&mut self, doubt: Doubt) {
        self.doubt.get_or_insert(doubt);
    }

    /// The list goes on with this page.
    pub(crate) fn page(mut self, page: u64) -> Sighting {
        if page > MAX_PAGES {
            return undecidable("the list of messages is too long to be looked through");
        }
        self.step = Step::Messages { page };
        self.onward()
    }

    /// Behind the list, or the recipients of a request: those of the next one that fits, or what
    /// all of them showed of the request that carried `chunk`.
    pub(crate) fn candidate(mut self, chunk: &Chunk) -> Sighting {
        if let Some(id) = self.candidates.pop_front() {
            self.step = Step::Recipients { id, place: None, roll: Roll::default() };
            return self.onward();
        }
        match (self.proved, self.doubt) {
            (Some(id), _) => found(id, chunk),
            (None, Some(doubt)) => undecidable(&doubt.to_string()),
            (None, None) => absent(),
        }
    }

    /// Behind a page of the recipients of request `id`: the numbers on it, `None` where a row has
    /// none that can be read, and how they go on.
    pub(crate) fn recipients(
        mut self,
        (id, mut roll): (String, Roll),
        chunk: &Chunk,
        page: impl Iterator<Item = Option<Msisdn>>,
        onward: Onward,
    ) -> Sighting {
        match (roll.tick(chunk, page), onward) {
            (Shown::Others, _) => {}
            (Shown::Ours, Onward::Next(place)) => {
                self.step = Step::Recipients { id, place: Some(place), roll };
                return self.onward();
            }
            (Shown::Ours, Onward::Last) if roll.is_whole(chunk) => match self.proved {
                None => self.proved = Some(id),
                Some(other) => {
                    return undecidable(&format!(
                        "messages {other} and {id} both went to exactly these recipients"
                    ));
                }
            },
            (Shown::Ours, Onward::Last | Onward::Lost) | (Shown::Unclear, _) => {
                self.doubt(Doubt::Recipients(id));
            }
        }
        self.candidate(chunk)
    }

    /// The look goes on.
    fn onward(&self) -> Sighting {
        Sighting { request_id: None, taken: Vec::new(), next: Next::Ask(Cursor(self.to_string())) }
    }
}

/// As a cursor: neither an id nor a place has blanks in it.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Step::Messages { page } => write!(f, "messages {page}")?,
            Step::Recipients { id, place, roll } => {
                write!(f, "recipients {id} {} {}", word(place.as_deref()), roll.words())?;
            }
        }
        let doubt = match &self.doubt {
            Some(Doubt::Row) => "row".to_owned(),
            Some(Doubt::NotYet) => "time".to_owned(),
            Some(Doubt::Recipients(id)) => word(Some(id)),
            None => word(None),
        };
        write!(f, " {} {doubt}", word(self.proved.as_deref()))?;
        self.candidates.iter().try_for_each(|id| write!(f, " {id}"))
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row => write!(f, "a message in the list says too little of itself"),
            Self::NotYet => write!(f, "a scheduled message may show in the list only when it was sent"),
            Self::Recipients(id) => {
                write!(f, "message {id} looks like it, and its recipients do not show whether it is")
            }
        }
    }
}

/// What may be missing, as a word of a cursor.
fn word(value: Option<&str>) -> String {
    value.map_or("-".to_owned(), |value| format!("={value}"))
}

/// What [`word`] wrote. The error is any other word.
fn of_word(word: &str) -> Result<Option<String>, ()> {
    match word.strip_prefix('=') {
        Some(value) => Ok(Some(value.to_owned())),
        None if word == "-" => Ok(None),
        None => Err(()),
    }
}

/// Whose recipients a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// Somebody's who is not in the lost request.
    Others,
    /// The lost request's alone.
    Ours,
    /// One cannot be read, or stands there twice.
    Unclear,
}

/// Who of a chunk was seen on the pages so far, small enough for a cursor: how many, and a sum
/// that shows where somebody stands on two pages and somebody else on none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roll {
    seen: u32,
    sum: u64,
}

impl Roll {
    /// Ticks off the numbers of one page, `None` where a row has none that can be read.
    fn tick(&mut self, chunk: &Chunk, page: impl Iterator<Item = Option<Msisdn>>) -> Shown {
        let (mut numbers, mut unclear) = (HashSet::new(), false);
        for number in page {
            unclear |= number.is_none_or(|number| !numbers.insert(number));
        }
        for (index, one) in (0..).zip(&chunk.recipients) {
            if numbers.remove(&one.to) {
                self.seen = self.seen.saturating_add(1);
                self.sum = self.sum.wrapping_add(scattered(index));
            }
        }
        if !numbers.is_empty() {
            Shown::Others
        } else if unclear || self.seen > chunk.len() {
            Shown::Unclear
        } else {
            Shown::Ours
        }
    }

    /// Whether the pages so far showed everybody.
    fn is_whole(self, chunk: &Chunk) -> bool {
        let whole = (0..chunk.len()).map(scattered).fold(0, u64::wrapping_add);
        (self.seen, self.sum) == (chunk.len(), whole)
    }

    /// As two words of a cursor.
    fn words(self) -> String {
        format!("{} {:x}", self.seen, self.sum)
    }

    /// What [`words`](Self::words) wrote.
    fn of_words(seen: &str, sum: &str) -> Option<Self> {
        Some(Self { seen: seen.parse().ok()?, sum: u64::from_str_radix(sum, 16).ok()? })
    }
}

/// An index spread over 64 bits, so that no few of them add up to few others: the finaliser of
/// `SplitMix64` (Steele, Lea and Flood, 2014).
fn scattered(index: u32) -> u64 {
    let mut bits = u64::from(index).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;
    use volley_core::{Micros, Planned, Position, RowNumber};

    fn number(index: u64) -> Msisdn {
        Msisdn::from_digits(61_491_570_000 + index).expect("fictitious")
    }

    fn chunk(size: u32) -> Chunk {
        let one = |row: u32| Planned {
            row: RowNumber(row + 1),
            to: number(u64::from(row)),
            text: 0,
            segments: 1,
            cost: Micros::ZERO,
        };
        Chunk { first: Position(0), texts: vec![Arc::from("Sale")], recipients: (0..size).map(one).collect() }
    }

    /// A look whose list showed these requests, read up to the recipients of the first.
    fn search(requests: &[Match]) -> Sighting {
        let mut search = Search::of(&Cursor::default());
        for row in requests {
            if let Err(end) = search.note(row.clone()) {
                return end;
            }
        }
        search.candidate(&chunk(3))
    }

    /// What comes of a look whose list showed these rows, and whose requests have these pages of
    /// recipients.
    fn looked<'a>(size: u32, rows: &[Match], pages: impl Fn(&str) -> &'a [&'a [u64]]) -> Sighting {
        let mut sighting = search(rows);
        while let Next::Ask(cursor) = &sighting.next {
            let search = Search::of(cursor);
            assert_eq!(search.to_string(), cursor.0, "it is read back as it was written");
            let Step::Recipients { id, place, roll } = search.step.clone() else { panic!("{search}") };
            let page = place.map_or(0, |place| place.parse().expect("ours"));
            let pages = pages(&id);
            let onward =
                if page + 1 < pages.len() { Onward::Next((page + 1).to_string()) } else { Onward::Last };
            let numbers = pages.get(page).copied().unwrap_or_default().iter().map(|one| Some(number(*one)));
            sighting = search.recipients((id, roll), &chunk(size), numbers, onward);
        }
        sighting
    }

    /// What comes of a look whose list showed one request with these pages of recipients.
    fn read(size: u32, pages: &[&[u64]]) -> Sighting {
        looked(size, &[fits("7")], |_| pages)
    }

    fn fits(id: &str) -> Match {
        Match::Fits(id.to_owned())
    }

    /// `taken`, `absent` or `undecidable`.
    fn verdict(sighting: &Sighting) -> &'static str {
        match (&sighting.next, &sighting.request_id) {
            (Next::Done, Some(_)) => "taken",
            (Next::Done, None) => "absent",
            (Next::Undecidable(_), None) => "undecidable",
            _ => panic!("{sighting:?}"),
        }
    }

    #[test]
    fn only_the_whole_set_and_nobody_else_proves_a_request_and_only_a_stranger_rules_it_out() {
        for (pages, expected) in [
            (&[&[0, 1, 2][..]][..], "taken"),
            (&[&[2, 0], &[1]], "taken"),
            (&[&[0, 1]], "undecidable"),
            (&[&[0, 1], &[1]], "undecidable"),
            (&[&[0, 1], &[0, 1]], "undecidable"),
            (&[&[0, 0, 1, 2]], "undecidable"),
            (&[&[]], "undecidable"),
            (&[], "undecidable"),
            (&[&[0, 1, 2, 3]], "absent"),
            (&[&[0, 1, 2], &[3]], "absent"),
            (&[&[3, 3]], "absent"),
            (&[&[3]], "absent"),
        ] {
            let sighting = read(3, pages);
            assert_eq!(verdict(&sighting), expected, "{pages:?}: {sighting:?}");
            assert_eq!(sighting.taken.len(), if expected == "taken" { 3 } else { 0 }, "{pages:?}");
        }
        for (page, shown) in [
            (&[None][..], Shown::Unclear),
            (&[None, Some(number(0))], Shown::Unclear),
            (&[None, Some(number(7))], Shown::Others),
        ] {
            assert_eq!(Roll::default().tick(&chunk(1), page.iter().copied()), shown, "{page:?}");
        }
    }

    #[test]
    fn every_request_that_fits_is_looked_at_and_one_that_is_unclear_counts_where_none_is_proved() {
        const OURS: &[&[u64]] = &[&[0, 1], &[2]];
        const NEXT: &[&[u64]] = &[&[3, 4, 5]];
        const PART: &[&[u64]] = &[&[0, 1]];
        let pages = |id: &str| match id.as_bytes()[0] {
            b'o' => OURS,
            b'n' => NEXT,
            _ => PART,
        };
        for (rows, expected) in [
            (&["ours"][..], "ours"),
            (&["next", "ours"], "ours"),
            (&["ours", "next", "nigh"], "ours"),
            (&["next", "nigh"], "absent"),
            (&["next", "ours", "ours"], "ours"),
            (&["ours", "once more"], "undecidable"),
            (&["ours", "next", "once more"], "undecidable"),
            (&["part"], "undecidable"),
            (&["part", "next"], "undecidable"),
            (&["part", "ours"], "ours"),
            (&["ours", "part"], "ours"),
            (&["?", "ours"], "ours"),
            (&["ours", "?"], "ours"),
            (&["next", "?"], "undecidable"),
            (&["?"], "undecidable"),
            (&["-", "next"], "absent"),
            (&["-"], "absent"),
            (&[], "absent"),
        ] {
            let row = |word: &&str| match *word {
                "?" => Match::Unclear,
                "-" => Match::Other,
                id => fits(&id.replace(' ', "-")),
            };
            let rows: Vec<Match> = rows.iter().map(row).collect();
            let sighting = looked(3, &rows, pages);
            let said = sighting.request_id.as_deref().unwrap_or(verdict(&sighting));
            assert_eq!(said, expected, "{rows:?}: {sighting:?}");
        }
    }

    #[test]
    fn a_doubt_about_the_list_is_told_by_its_reason() {
        for (doubt, word) in
            [(Doubt::Row, "row"), (Doubt::NotYet, "time"), (Doubt::Recipients("7".to_owned()), "=7")]
        {
            let mut search = Search::of(&Cursor::default());
            search.doubt(doubt.clone());
            assert_eq!(search.to_string(), format!("messages 1 - {word}"));
            assert_eq!(Search::of(&Cursor(search.to_string())), search);
            assert_eq!(search.candidate(&chunk(3)), undecidable(&doubt.to_string()));
        }
    }

    #[test]
    fn more_requests_that_fit_than_can_be_looked_at_are_undecidable_and_a_cursor_stays_short() {
        let longest = |index: usize| fits(&format!("{index:0>128}"));
        let rows: Vec<Match> = (0..=MAX_CANDIDATES).map(longest).collect();
        let Next::Ask(cursor) = search(&rows[..MAX_CANDIDATES]).next else {
            panic!("it looks at all of them")
        };
        assert!(cursor.0.len() < 27_000, "{}", cursor.0.len());
        assert_eq!(verdict(&search(&rows)), "undecidable");
    }

    #[test]
    fn a_list_is_read_up_to_a_limit() {
        let search = Search::of(&Cursor::default());
        assert_eq!(
            search.clone().page(MAX_PAGES).next,
            Next::Ask(Cursor(format!("messages {MAX_PAGES} - -")))
        );
        assert_eq!(verdict(&search.page(MAX_PAGES + 1)), "undecidable");
    }

    #[test]
    fn a_cursor_that_is_none_of_ours_starts_again() {
        let start = Search::of(&Cursor::default());
        for strange in [
            "x",
            "messages",
            "messages x - -",
            "messages 2",
            "messages 2 -",
            "messages 2 7 -",
            "messages 2 - 7",
            "recipients 1 2 3",
            "recipients 7 1 0 0 - -",
            "recipients 7 =1 x 0 - -",
        ] {
            assert_eq!(Search::of(&Cursor(strange.to_owned())), start, "{strange}");
        }
    }

    proptest! {
        #[test]
        fn somebody_twice_never_stands_in_for_somebody_missing(
            size in 2_u32..60,
            missing in any::<prop::sample::Index>(),
            twice in any::<prop::sample::Index>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut order: Vec<u64> = (0..u64::from(size)).collect();
            let cut = cut.index(order.len());
            let whole = read(size, &[&order[..cut], &order[cut..]]);
            prop_assert_eq!(verdict(&whole), "taken");
            let (missing, twice) = (missing.index(order.len()), twice.index(order.len()));
            order[missing] = order[twice];
            let sighting = read(size, &[&order[..cut], &order[cut..]]);
            prop_assert_eq!(verdict(&sighting), if missing == twice { "taken" } else { "undecidable" });
        }
    }
}
