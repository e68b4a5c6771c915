//! What people and scripts read: tables, JSON lines, and text that is safe on a terminal.

mod advice;
mod board;
mod picture;
mod preview;
mod screen;
mod table;

pub(crate) use advice::advice;
pub(crate) use board::{on_stderr, on_stdout};
pub(crate) use picture::Picture;
pub(crate) use preview::{preview, window};
pub(crate) use screen::{Ink, Screen, choose_colours, clap_colours, cut};
pub(crate) use table::Table;

use crate::fault::Fault;
use indicatif::ProgressBar;
use serde::Serialize;
use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What is drawn on stderr at this moment: whatever is said meanwhile stands above it.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// From here on `bar` is drawn on stderr, or nothing any more.
pub(crate) fn is_drawn(bar: Option<&ProgressBar>) {
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = bar.cloned();
}

/// Standard output, whose errors say that it is.
pub(crate) fn stdout() -> Stdout {
    Stdout(io::stdout().lock())
}

/// See [`stdout`].
pub(crate) struct Stdout(io::StdoutLock<'static>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(|error| unwritten(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(|error| unwritten(&error))
    }
}

/// An error of standard output, which says so.
pub(crate) fn unwritten(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("standard output: {error}"))
}

/// One JSON object on stdout.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut out = stdout();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

/// One JSON object on stdout; with `fault` as its member `error`, where the command ends with one.
pub(crate) fn answer(value: &impl Serialize, fault: Option<&Fault>) -> io::Result<()> {
    #[derive(Serialize)]
    struct Answer<'a, T> {
        #[serde(flatten)]
        value: &'a T,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<crate::fault::Told<'a>>,
    }
    json(&Answer { value, error: fault.map(Fault::told) })
}

/// A line for people on stderr, unless they asked for quiet.
pub(crate) fn talk(quiet: bool, line: &str) {
    if quiet {
        return;
    }
    // Nobody is left to tell when stderr is closed.
    let say = || drop(writeln!(io::stderr(), "{line}"));
    let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match drawn {
        Some(bar) => bar.suspend(say),
        None => say(),
    }
}

/// Whether a list or a page that is to be written to `path` goes to stdout.
pub(crate) fn is_stdout(path: Option<&Path>) -> bool {
    path == Some(Path::new("-"))
}

/// Refuses two kinds of data on one stdout: those of `flags` that say `-`, and JSON.
pub(crate) fn only_one_on_stdout(flags: &[(&str, Option<&Path>)], json: bool) -> Result<(), Fault> {
    let there = flags.iter().filter(|(_, path)| is_stdout(*path)).map(|(flag, _)| format!("{flag} -"));
    let there: Vec<String> = there.chain(json.then(|| "--json".to_owned())).collect();
    match there.as_slice() {
        [one, other, ..] if one != "--json" => {
            let what = format!("{one} and {other} both write to stdout");
            Err(Fault::usage(what).hint("give one of them a file"))
        }
        _ => Ok(()),
    }
}

/// People's text that is the command's answer: on stdout, or on stderr where data goes to stdout.
pub(crate) fn answer_beside(text: &str, data_on_stdout: bool, quiet: bool) -> io::Result<()> {
    if data_on_stdout {
        talk(quiet, text.trim_end());
        return Ok(());
    }
    let mut out = stdout();
    write!(out, "{text}")?;
    out.flush()
}

/// A list that was asked for by `flag` could not be written; who read it may have gone.
pub(crate) fn not_written(flag: &str, path: &Path, error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Fault::from(error),
        _ if is_stdout(Some(path)) => Fault::from(unwritten(&error)),
        _ => Fault::unwritten(&format!("{flag} {}", path.display()), &error),
    }
}

/// `text` with everything that steers a terminal shown instead of obeyed.
pub(crate) fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push('⏎'),
            _ if volley_core::is_steering(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown
}

/// `2_104_000` as `2,104,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 text`, `2,000 texts`.
pub(crate) fn some(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// The same, with the verb that goes with it.
pub(crate) fn some_were(number: u64, thing: &str) -> (String, &'static str) {
    (some(number, thing), if number == 1 { "was" } else { "were" })
}

/// Days, hours, minutes and seconds, the two largest that are not zero.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes, rest) =
        (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} min {rest} s"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// Asks for `answer` to be typed. `None` where there is no terminal to ask on.
pub(crate) fn ask(question: &str, answer: &str) -> Option<bool> {
    if !io::stdin().is_terminal() {
        return None;
    }
    drop(write!(io::stderr(), "{question}"));
    drop(io::stderr().flush());
    let mut typed = String::new();
    io::stdin().read_line(&mut typed).ok()?;
    Some(typed.trim().replace([',', '_', ' '], "") == answer)
}

/// What stops a run that nobody was asked about.
pub(crate) fn not_confirmed(asked: Option<bool>) -> Result<(), Fault> {
    match asked {
        Some(true) => Ok(()),
        Some(false) => Err(Fault::usage("not confirmed; nothing was sent")),
        None => Err(Fault::usage("nobody can be asked without a terminal").hint("add --yes to send")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (2_104_000, "2,104,000")] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn durations_show_two_units() {
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3_725, "1 h 2 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn nothing_in_a_text_steers_the_terminal() {
        assert_eq!(inert("a\u{1b}[2J\nb\u{202e}c"), "a\\u{1b}[2J⏎b\\u{202e}c");
    }
}
