//! What went wrong: one line with the contract's exit code, the place that it is about, and the same
//! for scripts.

mod place; // a line of a file, with what is wrong underlined

use crate::{
    cmd::Voice,
    output::{self, inert},
};
use place::Underlined;
use serde::Serialize;
use std::{fmt, io, process::ExitCode};
use volley_plan::FilePlace;

/// The most characters of one error. No message of ours is longer; what a provider says may be.
const LONGEST: usize = 2_000;

/// A reason to stop, for people and scripts.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The contract's exit code.
    pub(crate) exit_code: u8,
    /// What is wrong and where.
    message: String,
    /// What to do.
    hint: Option<String>,
    /// What stands between the two in a sentence.
    joint: &'static str,
    /// Where in a file it is.
    place: Option<Box<FilePlace>>,
    /// Whether the command's own answer on stdout has it in it already.
    is_in_answer: bool,
}

/// An error as scripts read it: the member `error` of the one object on stdout. What is not known
/// is absent.
#[derive(Serialize)]
pub(crate) struct Told<'a> {
    exit_code: u8,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// In characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

impl Fault {
    /// What is wrong and where; [`hint`](Self::hint) adds what to do.
    pub(crate) fn new(exit_code: u8, message: impl fmt::Display) -> Self {
        Self {
            exit_code,
            message: one_line(&message.to_string()),
            hint: None,
            joint: "; ",
            place: None,
            is_in_answer: false,
        }
    }

    /// Wrong usage or configuration.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(2, message)
    }

    /// An error whose sentence ends with what to do about it, `hint`, which may be empty.
    pub(crate) fn explained(exit_code: u8, error: &impl fmt::Display, hint: &str) -> Self {
        let sentence = error.to_string();
        let Some(message) = sentence.strip_suffix(hint).filter(|_| !hint.is_empty()) else {
            return Self::new(exit_code, sentence);
        };
        let message = message.trim_end();
        match message.strip_suffix(';') {
            Some(message) => Self::new(exit_code, message).hint(hint),
            None => Self { joint: " ", ..Self::new(exit_code, message).hint(hint) },
        }
    }

    /// A file that could not be written; `what` says which. Exit code 2 where another name helps,
    /// 1 where the disk does not take it.
    pub(crate) fn unwritten(what: &str, error: &io::Error) -> Self {
        let message = format!("{what}: {error}");
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::usage(message).hint("choose another name"),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::new(1, message).hint("free space there, or choose another place")
            }
            _ => Self::usage(message).hint("check its directory and permissions, or choose another place"),
        }
    }

    /// The same with what to do about it.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(one_line(&hint.to_string()));
        self
    }

    /// The same with the place in a file that it is about.
    pub(crate) fn at(mut self, place: impl Into<Option<FilePlace>>) -> Self {
        self.place = place.into().map(Box::new);
        self
    }

    /// The same where the command's own answer on stdout has [`told`](Self::told) in it.
    pub(crate) fn in_answer(mut self) -> Self {
        self.is_in_answer = true;
        self
    }

    /// What is wrong, where, and what to do; one line.
    pub(crate) fn line(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}{}{hint}", self.message, self.joint),
            None => self.message.clone(),
        }
    }

    pub(crate) fn told(&self) -> Told<'_> {
        let place = self.place.as_deref();
        Told {
            exit_code: self.exit_code,
            message: &self.message,
            hint: self.hint.as_deref(),
            file: place.map(|place| inert(&place.file.display().to_string())),
            line: place.and_then(|place| place.line),
            column: place.and_then(place::column),
        }
    }

    /// Says it to people, on stderr.
    pub(crate) fn tell(&self) {
        if !self.message.is_empty() {
            output::talk(false, &format!("volley: {}", self.line()));
        }
    }

    /// Says it to people, with the line that it is about underlined, and to scripts that asked for
    /// JSON: what the command ends with.
    pub(crate) fn report(&self, voice: Voice) {
        if !self.message.is_empty() {
            tracing::error!(target: "run", exit_code = self.exit_code, "{}", self.line());
        }
        self.tell();
        if let Some(line) = self.place.as_deref().and_then(Underlined::of) {
            output::talk(voice.quiet, &line.show(&output::Screen::stderr()));
        }
        if voice.json && !self.is_in_answer && !self.message.is_empty() {
            tell_scripts(&self.told());
        }
    }
}

/// The one object of a command that has no other answer.
fn tell_scripts(told: &Told<'_>) {
    #[derive(Serialize)]
    struct Answer<'a> {
        schema: u8,
        error: &'a Told<'a>,
    }
    // Where stdout cannot be written, stderr has said it.
    drop(output::json(&Answer { schema: 1, error: told }));
}

/// `text` on one line, not too long, with nothing in it that steers a terminal.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut characters = 0;
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        let room = LONGEST.saturating_sub(characters);
        line.extend(word.chars().take(room));
        characters += word.chars().take(room).count() + 1;
        if characters > LONGEST {
            line.push('…');
            break;
        }
    }
    inert(&line)
}

/// A wrong command line, in clap's own words; or what was asked of clap itself, such as `--help`.
pub(crate) fn wrong_usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if !error.use_stderr() {
        let fault = printed
            .err()
            .map(|error| output::unwritten(&error))
            .map(Fault::from)
            .filter(|fault| fault.exit_code != 0);
        return fault.map_or(ExitCode::SUCCESS, |fault| {
            fault.tell();
            ExitCode::from(fault.exit_code)
        });
    }
    let fault = of_clap(error);
    if std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json") {
        tell_scripts(&fault.told());
    }
    ExitCode::from(fault.exit_code)
}

/// Clap's words: what is wrong in the first paragraph, then a tip, or how the command is used.
fn of_clap(error: &clap::Error) -> Fault {
    let rendered = error.render().to_string();
    let mut paragraphs = rendered.split("\n\n").map(str::trim);
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let exit_code = u8::try_from(error.exit_code()).unwrap_or(2);
    let fault = Fault::new(exit_code, message);
    let hint = paragraphs
        .find_map(|paragraph| paragraph.strip_prefix("tip: ").or(paragraph.strip_prefix("Usage: ")));
    match hint {
        Some(hint) => fault.hint(hint),
        None => fault.hint("see --help"),
    }
}

/// A reader that went away (`volley … | head`) ends the run quietly.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(0, ""),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::new(1, error).hint("free space there, or write it elsewhere")
            }
            _ => Self::new(1, error),
        }
    }
}

impl From<volley_plan::CampaignError> for Fault {
    fn from(error: volley_plan::CampaignError) -> Self {
        Self::explained(error.exit_code(), &error, &error.hint()).at(error.place())
    }
}

impl From<volley_plan::PlanError> for Fault {
    fn from(error: volley_plan::PlanError) -> Self {
        // What a journal could not take is the journal's to say.
        if let volley_plan::PlanError::Sink(sink) = &error
            && let Some(error) = sink.0.downcast_ref::<volley_journal::PlanError>()
        {
            return Self::explained(error.exit_code(), error, error.hint());
        }
        Self::explained(error.exit_code(), &error, &error.hint()).at(error.place())
    }
}

impl From<volley_plan::SourceError> for Fault {
    fn from(error: volley_plan::SourceError) -> Self {
        Self::explained(error.exit_code(), &error, &error.hint()).at(error.place())
    }
}

impl From<volley_plan::BillError> for Fault {
    fn from(error: volley_plan::BillError) -> Self {
        Self::explained(error.exit_code(), &error, &error.hint()).at(error.place())
    }
}

impl From<volley_journal::OpenError> for Fault {
    fn from(error: volley_journal::OpenError) -> Self {
        Self::explained(error.exit_code(), &error, error.hint())
    }
}

impl From<volley_journal::HistoryError> for Fault {
    fn from(error: volley_journal::HistoryError) -> Self {
        Self::explained(error.exit_code(), &error, error.hint())
    }
}

impl From<volley_plan::RatesError> for Fault {
    fn from(error: volley_plan::RatesError) -> Self {
        Self::explained(error.exit_code(), &error, &error.hint()).at(error.place())
    }
}

impl From<volley_journal::PlanError> for Fault {
    fn from(error: volley_journal::PlanError) -> Self {
        Self::explained(error.exit_code(), &error, error.hint())
    }
}

impl From<volley_journal::ReadError> for Fault {
    fn from(error: volley_journal::ReadError) -> Self {
        Self::explained(12, &error, error.hint())
    }
}

impl From<volley_journal::VerifyError> for Fault {
    fn from(error: volley_journal::VerifyError) -> Self {
        Self::explained(error.exit_code(), &error, error.hint())
    }
}

impl From<volley_provider::registry::SettingsError> for Fault {
    fn from(error: volley_provider::registry::SettingsError) -> Self {
        Self::explained(2, &format!("[provider] {error}"), &error.hint())
    }
}

impl From<volley_engine::ClientError> for Fault {
    fn from(error: volley_engine::ClientError) -> Self {
        Self::new(1, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_told_apart_and_the_sentence_stays_as_it_was() {
        for (sentence, hint, message) in [
            ("a.toml: no such file; check the name", "check the name", "a.toml: no such file"),
            ("no column; there are: b. Name it c", "Name it c", "no column; there are: b."),
            ("is it `b`? Correct it", "Correct it", "is it `b`?"),
            ("a; b", "", "a; b"),
        ] {
            let fault = Fault::explained(2, &sentence, hint);
            assert_eq!((fault.line().as_str(), fault.told().message), (sentence, message));
            assert_eq!(fault.told().hint.unwrap_or_default(), hint, "{sentence}");
        }
    }

    #[test]
    fn an_error_is_one_line_of_at_most_two_thousand_characters_that_steers_nothing() {
        let fault = Fault::new(1, "a\u{1b}[31m <script>\n \u{202e}b\tc").hint("do\nthis");
        assert_eq!(fault.line(), "a\\u{1b}[31m <script> \\u{202e}b c; do this");
        for long in ["x".repeat(1 << 20), "x ".repeat(1 << 19)] {
            let line = Fault::new(1, long).hint("do this").line();
            assert!(line.chars().count() < LONGEST + 20 && line.ends_with("…; do this"), "{line}");
        }
    }
}
