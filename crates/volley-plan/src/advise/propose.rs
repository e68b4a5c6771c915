//! Which edits are worth a try: from the campaign's text alone, before anything is priced.

use super::{
    Edit, EditKind,
    passage::{Change, Passage, in_order, is_link, overlap},
};
use crate::{
    MessageSettings, Template,
    template::{Bound, Variable, same_name},
};
use rustc_hash::FxHashSet;
use std::ops::Range;
use volley_core::{Encoding, Profile, Substitution, character_name, code_point, replacements};

/// What reads like a character that takes two septets and takes one, or none. The euro sign has
/// nothing of the kind. Those of one line are replaced together.
const STAND_INS: [(&[(char, &str)], &str); 7] = [
    (&[('[', "("), (']', ")")], "write ( and ) instead of [ and ], which take two septets each"),
    (&[('{', "("), ('}', ")")], "write ( and ) instead of { and }, which take two septets each"),
    (&[('~', "-")], "write - instead of ~, which takes two septets"),
    (&[('|', "/")], "write / instead of |, which takes two septets"),
    (&[('\\', "/")], "write / instead of \\, which takes two septets"),
    (&[('^', "")], "leave out ^, which takes two septets"),
    (&[('\u{c}', "\n")], "write a line break instead of a form feed, which takes two septets"),
];

/// An edit that may save something.
pub(super) struct Proposal {
    /// The edit, its savings not yet known.
    pub(super) edit: Edit,
    /// What recipients would get.
    pub(super) bound: Bound,
    /// Characters that it takes out and puts in.
    pub(super) size: usize,
}

/// Proposes edits of one campaign's text for one list.
pub(super) struct Proposer<'a> {
    message: &'a MessageSettings,
    header: &'a [String],
    profile: &'a Profile,
    passage: Passage,
}

impl<'a> Proposer<'a> {
    pub(super) fn new(message: &'a MessageSettings, header: &'a [String], profile: &'a Profile) -> Self {
        Self { message, header, profile, passage: Passage::new(&message.template) }
    }

    /// Every edit but for runs of words; no two give the same text.
    pub(super) fn edits(&self) -> Vec<Proposal> {
        let mut edits = self.outside_gsm7();
        edits.extend(self.extensions());
        edits.extend(self.spacing());
        edits.extend(self.variables());
        edits.extend(self.words(1));
        let mut texts = FxHashSet::default();
        let is_same = |edit: &Edit| edit.text == self.passage.written();
        edits.retain(|Proposal { edit, .. }| is_same(edit) || texts.insert(edit.text.clone()));
        edits
    }

    /// Each run of `length` neighbouring words, left out; but for words that one could keep and
    /// write in GSM-7.
    pub(super) fn words(&self, length: usize) -> Vec<Proposal> {
        let Outside { alike, is_all, .. } = self.outside();
        let alike: Vec<Range<usize>> = alike.into_iter().flat_map(|(_, places)| places).collect();
        let can_stay = |range: &Range<usize>| is_all && alike.iter().any(|place| overlap(place, range));
        let kind = if length == 1 { EditKind::Word } else { EditKind::Words };
        let propose = |range: Range<usize>| {
            let what = format!("leave out `{}`", &self.passage.written()[range.clone()]);
            self.changed(kind, what, vec![self.passage.without(range)])
        };
        self.passage.runs(length).into_iter().filter(|range| !can_stay(range)).filter_map(propose).collect()
    }

    /// Characters that make the text UCS-2: written otherwise, or left out.
    fn outside_gsm7(&self) -> Vec<Proposal> {
        let Outside { alike, runs, is_all } = self.outside();
        let mut edits = Vec::new();
        let mut alike_changes = Vec::new();
        for (substitution, places) in &alike {
            let change =
                |range: &Range<usize>| Change { range: range.clone(), to: substitution.to.to_owned() };
            let changes: Vec<Change> = places.iter().map(change).collect();
            alike_changes.extend(changes.clone());
            edits.extend(self.changed(EditKind::LookAlike, instead(substitution), changes));
        }
        let mut run_changes = Vec::new();
        for (run, places) in &runs {
            let changes: Vec<Change> =
                places.iter().map(|range| self.passage.without(range.clone())).collect();
            run_changes.extend(changes.clone());
            let what = format!("leave out {run} ({})", named(run));
            edits.extend(self.changed(EditKind::Character, what, changes));
        }
        if alike.len() > 1 {
            let what = format!("write all {} look-alikes in GSM-7", alike.len());
            edits.extend(self.changed(EditKind::LookAlike, what, alike_changes.clone()));
        }
        if is_all && !runs.is_empty() && alike.len() + runs.len() > 1 {
            let what = "write or leave out everything that makes the text UCS-2".to_owned();
            alike_changes.extend(run_changes);
            edits.extend(self.changed(EditKind::Character, what, alike_changes));
        }
        edits
    }

    /// Where the text has what GSM-7 has not, and what can be done about it. Links are left alone.
    fn outside(&self) -> Outside {
        let mut outside = Outside { alike: Vec::new(), runs: Vec::new(), is_all: true };
        for (offset, literal) in self.passage.literals() {
            let starts: Vec<usize> = literal.char_indices().map(|(index, _)| offset + index).collect();
            let alike: Vec<(Range<usize>, &'static Substitution)> = replacements(literal, self.profile)
                .map(|(index, one)| (starts[index]..starts[index] + one.from.len(), one))
                .collect();
            let forcing = self.profile.forcing(literal);
            let forcing: Vec<Range<usize>> = forcing
                .map(|(index, character)| starts[index]..starts[index] + character.len_utf8())
                .collect();
            for run in forcing.chunk_by(|one, next| one.end == next.start) {
                self.find_remedy(run, &alike, &mut outside);
            }
        }
        outside
    }

    /// Adds neighbouring characters outside GSM-7 to `outside`: each with its look-alike where all
    /// have one, else as a run that is left out whole, such as an emoji of several characters.
    fn find_remedy(
        &self,
        run: &[Range<usize>],
        alike: &[(Range<usize>, &'static Substitution)],
        outside: &mut Outside,
    ) {
        let range = run[0].start..run[run.len() - 1].end;
        let of = |one: &Range<usize>| alike.iter().find(|(range, _)| range.end == one.end);
        let found: Option<Vec<_>> = run.iter().map(of).collect();
        match found {
            Some(found) if !is_link(self.passage.token(range.start)) => {
                for (range, one) in found {
                    place(&mut outside.alike, *one, range.clone());
                }
            }
            None if self.may_go(&range) => {
                place(&mut outside.runs, self.passage.written()[range.clone()].to_owned(), range);
            }
            _ => outside.is_all = false,
        }
    }

    /// Whether characters that nothing looks like may be left out: signs and emoji, and letters
    /// of a word that has others. A word in another script is a word; see [`Self::words`].
    fn may_go(&self, range: &Range<usize>) -> bool {
        let token = self.passage.token(range.start);
        if is_link(token) {
            return false;
        }
        let has_letters = self.passage.written()[range.clone()].contains(char::is_alphanumeric);
        let is_plain = |letter: char| {
            letter.is_alphanumeric() && self.profile.forcing(letter.encode_utf8(&mut [0; 4])).next().is_none()
        };
        !has_letters || (token.contains(is_plain) && !self.passage.is_kept(range))
    }

    /// Characters that take two septets.
    fn extensions(&self) -> Vec<Proposal> {
        let mut edits = Vec::new();
        let mut all = Vec::new();
        for (stand_ins, what) in STAND_INS {
            let change = |(at, character): (usize, char)| {
                let (_, to) = stand_ins.iter().find(|(from, _)| *from == character)?;
                let counted = self.profile.count(character.encode_utf8(&mut [0; 4]));
                let is_dear = counted.encoding == Encoding::Gsm7 && counted.units > 1;
                let range = at..at + character.len_utf8();
                (is_dear && !is_link(self.passage.token(at))).then(|| Change { range, to: (*to).to_owned() })
            };
            let characters = self.passage.literals().flat_map(|(offset, literal)| {
                literal.char_indices().map(move |(index, character)| (offset + index, character))
            });
            let changes: Vec<Change> = characters.filter_map(change).collect();
            all.extend(changes.clone());
            edits.extend(self.changed(EditKind::Extension, what.to_owned(), changes));
        }
        if edits.len() > 1 {
            let what = "write what takes two septets with characters that take one".to_owned();
            edits.extend(self.changed(EditKind::Extension, what, all));
        }
        edits
    }

    /// Blanks that nobody misses: doubled ones, and those around the text.
    fn spacing(&self) -> Option<Proposal> {
        let written = self.passage.written();
        let bytes = written.as_bytes();
        let text = written.len() - written.trim_start().len()..written.trim_end().len();
        let is_spare = |&at: &usize| {
            let is_double = at > 0 && matches!(bytes[at], b' ' | b'\n') && bytes[at - 1] == bytes[at];
            let is_around = !text.contains(&at) && bytes[at].is_ascii_whitespace();
            is_double || is_around
        };
        let change = |at: usize| Change { range: at..at + 1, to: String::new() };
        let changes = (0..written.len()).filter(is_spare).map(change).collect();
        self.changed(
            EditKind::Spacing,
            "leave out doubled blanks and those around the text".to_owned(),
            changes,
        )
    }

    /// Each variable left out, without a default, or with its default where its value is long.
    fn variables(&self) -> Vec<Proposal> {
        let mut edits = Vec::new();
        for name in self.message.template.variables() {
            let places: Vec<&(Range<usize>, Variable)> = self.passage.places_of(name).collect();
            if places.iter().any(|(range, _)| self.passage.is_kept(range)) {
                continue;
            }
            let without =
                |(range, _): &&(Range<usize>, Variable)| self.passage.without_variable(range.clone());
            let changes = places.iter().map(without).collect();
            let what = format!("leave out {{{{{name}}}}} for everybody");
            edits.extend(self.changed(EditKind::Variable, what, changes));
            edits.extend(self.empty_own_default(name, &places));
            if places.iter().any(|(_, variable)| variable.own_default().is_none()) {
                edits.extend(self.empty_default(name));
            }
            edits.extend(self.default_for_long(name, &places));
        }
        edits
    }

    /// The default that the text itself has for the variable `name`.
    fn empty_own_default(&self, name: &str, places: &[&(Range<usize>, Variable)]) -> Option<Proposal> {
        let emptied = |(range, variable): &&(Range<usize>, Variable)| {
            let to = variable.with_empty_default()?.to_string();
            Some(Change { range: range.clone(), to })
        };
        let changes = places.iter().filter_map(emptied).collect();
        let default = places.iter().find_map(|(_, variable)| variable.own_default())?;
        let what = format!("make the default of {{{{{name}}}}} empty");
        let proposal = self.changed(EditKind::EmptyDefault, what, changes)?;
        let edit = Edit { variable: Some(name.to_owned()), ..proposal.edit };
        Some(Proposal { edit, size: default.chars().count(), ..proposal })
    }

    /// The default that the campaign has for the variable `name` beside the text.
    fn empty_default(&self, name: &str) -> Option<Proposal> {
        let (key, default) = self.default_of(name).filter(|(_, default)| !default.is_empty())?;
        let mut defaults = self.message.defaults.clone();
        defaults.insert(key.to_owned(), String::new());
        has_words(&self.message.template).then_some(())?;
        let bound = self.message.template.bind(self.header, &defaults).ok()?;
        let what = format!("make the default of {{{{{name}}}}} empty");
        let fragment = (format!("{key} = \"{default}\""), format!("{key} = \"\""));
        let edit = Edit {
            variable: Some(name.to_owned()),
            ..edit(EditKind::EmptyDefault, what, fragment, self.passage.written())
        };
        Some(Proposal { edit, bound, size: default.chars().count() })
    }

    fn default_for_long(&self, name: &str, places: &[&(Range<usize>, Variable)]) -> Option<Proposal> {
        let beside = self.default_of(name).map(|(_, default)| default);
        let defaults = places.iter().map(|(_, variable)| variable.own_default().or(beside));
        let defaults: Vec<&str> = defaults.collect::<Option<_>>()?;
        let (range, _) = places.first()?;
        let default = *defaults.first()?;
        self.header.iter().any(|column| same_name(column, name)).then_some(())?;
        let is_text =
            has_words(&self.message.template) || defaults.iter().any(|text| !text.trim().is_empty());
        is_text.then_some(())?;
        let hidden = |column: &String| if same_name(column, name) { String::new() } else { column.clone() };
        let header: Vec<String> = self.header.iter().map(hidden).collect();
        let bound = self.message.template.bind(&header, &self.message.defaults).ok()?;
        let place = Change { range: range.clone(), to: default.to_owned() };
        let what = format!(
            "use the default of {{{{{name}}}}} where its value makes the text longer: empty those cells of the list"
        );
        let fragment = self.passage.fragment(&[place]);
        let edit = Edit {
            variable: Some(name.to_owned()),
            ..edit(EditKind::DefaultForLong, what, fragment, self.passage.written())
        };
        Some(Proposal { edit, bound, size: default.chars().count() })
    }

    /// The default of the variable `name` beside the text, with its name as the campaign writes it
    /// there.
    fn default_of(&self, name: &str) -> Option<(&str, &str)> {
        let default = self.message.defaults.iter().find(|(key, _)| same_name(key, name));
        default.map(|(key, default)| (key.as_str(), default.as_str()))
    }

    /// The text after `changes`; `None` where that is the same text, or none that can be sent:
    /// nothing but blanks and variables, or braces that mean something else than before.
    fn changed(&self, kind: EditKind, what: String, changes: Vec<Change>) -> Option<Proposal> {
        let changes = in_order(changes);
        let text = self.passage.after_changes(&changes);
        let template = Template::parse(&text).ok().filter(has_words)?;
        let (written, variables) = template.written();
        let variables = variables.iter().map(|(range, _)| &written[range.clone()]);
        let is_meant = variables.eq(self.passage.variables_after(&changes)) && text != self.passage.written();
        is_meant.then_some(())?;
        let bound = template.bind(self.header, &self.message.defaults).ok()?;
        let fragment = self.passage.fragment(&changes);
        let size = changes.iter().map(|change| {
            self.passage.written()[change.range.clone()].chars().count() + change.to.chars().count()
        });
        Some(Proposal { edit: edit(kind, what, fragment, &text), bound, size: size.sum() })
    }
}

/// An edit that is not priced yet.
fn edit(kind: EditKind, what: String, (before, after): (String, String), text: &str) -> Edit {
    Edit {
        kind,
        what,
        before,
        after,
        text: text.to_owned(),
        variable: None,
        segments_saved: 0,
        cost_saved: None,
        rows: 0,
        more_rows: 0,
    }
}

/// Where a text has what GSM-7 has not.
struct Outside {
    /// Look-alikes.
    alike: Vec<(&'static Substitution, Vec<Range<usize>>)>,
    /// What nothing looks like and may be left out: neighbouring characters together.
    runs: Vec<(String, Vec<Range<usize>>)>,
    /// Whether that is all of it: there is a remedy for every one.
    is_all: bool,
}

/// Adds a place of `what`.
fn place<T: PartialEq>(places: &mut Vec<(T, Vec<Range<usize>>)>, what: T, range: Range<usize>) {
    match places.iter_mut().find(|(known, _)| *known == what) {
        Some((_, ranges)) => ranges.push(range),
        None => places.push((what, vec![range])),
    }
}

/// Whether something but blanks is left where all variables are empty.
fn has_words(template: &Template) -> bool {
    template.literals().any(|literal| !literal.trim().is_empty())
}

/// `write ' instead of ’ (U+2019 RIGHT SINGLE QUOTATION MARK)`.
fn instead(substitution: &Substitution) -> String {
    let Substitution { from, to } = substitution;
    let names = named(from);
    match *to {
        "" => format!("leave out {names}, which nobody sees"),
        " " => format!("write a plain space instead of {names}"),
        "\n" => format!("write a line break instead of {names}"),
        to => format!("write {to} instead of {from} ({names})"),
    }
}

/// The code points and names of the first characters of `text`.
fn named(text: &str) -> String {
    let names = text.chars().take(2).map(|one| format!("{} {}", code_point(one), character_name(one)));
    let names = names.collect::<Vec<_>>().join(" and ");
    match text.chars().count() {
        0..=2 => names,
        count => format!("{names}, and {} more", count - 2),
    }
}
