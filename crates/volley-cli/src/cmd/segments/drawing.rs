//! One text for people: its segments with what forces UCS-2 marked, and what each of it is.

use super::capacity;
use crate::output;
use std::{
    collections::HashMap,
    io::{self, Write},
};
use unicode_width::UnicodeWidthStr;
use volley_core::{
    Encoding, Part, Profile, Segments, Substitution, character_name, code_point, fold, replacements,
};

/// The columns in front of a segment's text, for its number and its units.
const GUTTER: usize = 10;

/// The most segments that are shown.
const SHOWN_SEGMENTS: u32 = 10;

/// The most characters that are listed.
const SHOWN_CHARACTERS: usize = 20;

/// The most places that are named of each.
const SHOWN_PLACES: usize = 3;

pub(super) fn draw(text: &str, profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let counted = profile.count(text);
    writeln!(out, "{}", summary(&counted, profile))?;
    if counted.count > profile.max_segments {
        writeln!(out, "too long: a message has at most {}", several(profile.max_segments, "segment"))?;
    }
    writeln!(out)?;
    for (number, part) in (1..=SHOWN_SEGMENTS).zip(profile.split(text)) {
        segment(number, part, profile, out)?;
    }
    let left = several(profile.left(text), "unit");
    match counted.count.saturating_sub(SHOWN_SEGMENTS) {
        0 => writeln!(out, "{:GUTTER$}{left} left in this segment", "")?,
        more => {
            writeln!(out, "{:GUTTER$}… and {}, {left} left in the last", "", several(more, "more segment"))?;
        }
    }
    if counted.encoding == Encoding::Ucs2 {
        writeln!(out)?;
        out.write_all(reasons(text, &counted, profile).as_bytes())?;
    }
    Ok(())
}

/// `GSM-7 with turkish locking shift, 161 units, 2 segments of up to 149`.
fn summary(counted: &Segments, profile: &Profile) -> String {
    let locking = counted.shifts.locking.map(|language| format!("{language} locking shift"));
    let single = counted.shifts.single.map(|language| format!("{language} single shift"));
    let shifts: Vec<String> = locking.into_iter().chain(single).collect();
    let with = if shifts.is_empty() { String::new() } else { format!(" with {}", shifts.join(" and ")) };
    format!(
        "{}{with}, {}, {} of up to {}",
        counted.encoding,
        several(counted.units, "unit"),
        several(counted.count, "segment"),
        capacity(counted, profile),
    )
}

/// `1 unit`, `2,000 units`.
fn several(number: u32, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", output::count(number.into()))
}

/// One segment: its number, its units and its text, a `^` under each character that forces UCS-2.
fn segment(number: u32, part: Part<'_>, profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let mut start = format!("{number:>3}  {:>3}  ", part.units);
    for Row { text, carets } in rows(part.text, profile) {
        writeln!(out, "{}", format!("{start:GUTTER$}{text}").trim_end())?;
        if !carets.is_empty() {
            writeln!(out, "{:GUTTER$}{carets}", "")?;
        }
        start.clear();
    }
    Ok(())
}

/// As much of a segment as fits on a line.
#[derive(Default)]
struct Row {
    /// Inert on a terminal.
    text: String,
    /// Spaces and `^`; empty where nothing on this line forces UCS-2.
    carets: String,
}

/// The lines of a segment; at least one.
fn rows(text: &str, profile: &Profile) -> Vec<Row> {
    let room = output::Screen::stdout().width.saturating_sub(GUTTER).max(GUTTER);
    let mut forcing = profile.forcing(text).map(|(index, _)| index).peekable();
    let mut rows = Vec::new();
    let mut row = Row::default();
    // Where the last character that takes columns begins, and where it ends.
    let (mut start, mut end) = (0, 0);
    let mut utf8 = [0; 4];
    for (index, character) in text.chars().enumerate() {
        let before = row.text.len();
        row.text.push_str(&output::inert(character.encode_utf8(&mut utf8)));
        // Measured with what stands before it: a mark or a skin tone takes no column of its own.
        let mut width = row.text.width();
        if width > end {
            start = end;
            if width > room && before > 0 {
                let next = row.text.split_off(before);
                rows.push(std::mem::take(&mut row));
                row.text = next;
                start = 0;
                width = row.text.width();
            }
        }
        end = width;
        if forcing.next_if_eq(&index).is_some() {
            row.mark(start);
        }
    }
    rows.push(row);
    rows
}

impl Row {
    /// Puts a `^` under `column`, which is the last one marked or behind it.
    fn mark(&mut self, column: usize) {
        if self.carets.len() <= column {
            self.carets.push_str(&" ".repeat(column - self.carets.len()));
            self.carets.push('^');
        }
    }
}

/// One character that forces UCS-2, wherever it stands in a text.
struct Forced {
    character: char,
    times: usize,
    /// The first of its places, counted from 1.
    places: Vec<usize>,
    /// What stands for it somewhere in the text.
    look_alike: Option<&'static Substitution>,
    /// Whether it stands somewhere where nothing looks like it.
    unlike: bool,
}

/// The characters that force UCS-2, each once, in order of first appearance.
fn forced(text: &str, profile: &Profile) -> Vec<Forced> {
    let mut list: Vec<Forced> = Vec::new();
    let mut known = HashMap::new();
    let mut look_alikes = replacements(text, profile).peekable();
    for (index, character) in profile.forcing(text) {
        let place = *known.entry(character).or_insert_with(|| {
            list.push(Forced { character, times: 0, places: Vec::new(), look_alike: None, unlike: false });
            list.len() - 1
        });
        let entry = &mut list[place];
        entry.times += 1;
        if entry.places.len() < SHOWN_PLACES {
            entry.places.push(index + 1);
        }
        // Of a letter with a mark it is the mark that forces.
        match look_alikes.next_if(|(start, one)| start + one.from.chars().count() == index + 1) {
            Some((_, look_alike)) => entry.look_alike = entry.look_alike.or(Some(look_alike)),
            None => entry.unlike = true,
        }
    }
    list
}

/// Why a text is UCS-2, and what folding would make of it.
fn reasons(text: &str, counted: &Segments, profile: &Profile) -> String {
    let forced = forced(text, profile);
    if forced.is_empty() {
        return "No choice among the allowed tables has all of its characters.\n".to_owned();
    }
    let mut table = output::Table::new(&["", "", "Forces UCS-2", "at character", "look-alike"], &[]);
    for one in forced.iter().take(SHOWN_CHARACTERS) {
        table.row([
            shown(one.character),
            code_point(one.character),
            character_name(one.character),
            places(one),
            look_alike(one),
        ]);
    }
    let mut said = table.fit(&output::Screen::stdout());
    if let Some(more) = forced.len().checked_sub(SHOWN_CHARACTERS).filter(|more| *more > 0) {
        said.push_str(&format!("… and {} more\n", output::count(more as u64)));
    }
    let unlike = forced.iter().filter(|one| one.unlike).count();
    let mut folded = String::new();
    let smart = if fold(text, profile, &mut folded) {
        format!(
            "{} instead of {}",
            several(profile.count(&folded).count, "segment"),
            output::count(counted.count.into())
        )
    } else if unlike == 0 {
        "no change, since folding saves no segment".to_owned()
    } else {
        let have = if unlike == 1 { "character has" } else { "characters have" };
        format!("no change, since {} {have} no look-alike in GSM-7", output::count(unlike as u64))
    };
    said.push_str(&format!("\nwith smart = true: {smart}\n"));
    said
}

/// A character as it can stand alone: a mark on a dotted circle.
fn shown(character: char) -> String {
    let inert = output::inert(character.encode_utf8(&mut [0; 4]));
    if inert.width() == 0 { format!("◌{inert}") } else { inert }
}

/// `4, 19, 23 and 2 more`.
fn places(one: &Forced) -> String {
    let first: Vec<String> = one.places.iter().map(|place| output::count(*place as u64)).collect();
    match one.times - first.len() {
        0 => first.join(", "),
        more => format!("{} and {} more", first.join(", "), output::count(more as u64)),
    }
}

fn look_alike(one: &Forced) -> String {
    let instead = match one.look_alike.map(|one| one.to) {
        None => return "none".to_owned(),
        Some("") => "left out",
        Some(" ") => "space",
        Some("\n") => "line end",
        Some(to) => to,
    };
    if one.unlike { format!("{instead}, not everywhere") } else { instead.to_owned() }
}
