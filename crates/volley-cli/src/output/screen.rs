//! Where people read: how wide it is, whether it can be drawn on, with which characters and colours.

use std::{
    env,
    io::{self, IsTerminal},
    os::fd::AsFd,
    sync::OnceLock,
};
use terminal_size::terminal_size_of;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns of a text that does not go to a terminal.
const COLUMNS: usize = 80;

/// What was asked for when the command began.
static COLOUR: OnceLock<Colour> = OnceLock::new();

/// Says once, before anything is shown, whether colours are wanted: `no_color` is the flag.
pub(crate) fn choose_colours(no_color: bool) {
    // A second choice would be a mistake of ours that costs nobody more than a colour.
    COLOUR.get_or_init(|| Colour::wanted(no_color));
}

/// The same for clap's own words, which come before anything is chosen.
pub(crate) fn clap_colours(no_color: bool) -> clap::ColorChoice {
    match Colour::wanted(no_color) {
        Colour::Never => clap::ColorChoice::Never,
        Colour::Always => clap::ColorChoice::Always,
        Colour::OnTerminals if !io::stdout().is_terminal() && !io::stderr().is_terminal() => {
            clap::ColorChoice::Never
        }
        Colour::OnTerminals => clap::ColorChoice::Auto,
    }
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    /// Nobody wants them.
    Never,
    /// On a terminal, as usual.
    OnTerminals,
    /// Everywhere: whoever reads the pipe asked for them.
    Always,
}

impl Colour {
    /// `--no-color` goes over the environment, and there `NO_COLOR` over `CLICOLOR_FORCE`.
    fn wanted(no_color: bool) -> Self {
        Self::asked(no_color, |name| env::var(name).unwrap_or_default())
    }

    fn asked(no_color: bool, variable: impl Fn(&str) -> String) -> Self {
        if no_color || !variable("NO_COLOR").is_empty() {
            Self::Never
        } else if !matches!(variable("CLICOLOR_FORCE").as_str(), "" | "0") {
            Self::Always
        } else if variable("CLICOLOR") == "0" || variable("TERM") == "dumb" {
            Self::Never
        } else {
            Self::OnTerminals
        }
    }
}

/// What colours mean; nothing is said by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// What a glance looks for.
    Strong,
    /// What goes well.
    Good,
    /// What needs an eye on it.
    Watch,
    /// What went wrong.
    Bad,
}

/// What a screen can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is none: a pipe or a file.
    Pipe,
    /// A terminal that only goes on.
    Paper,
    /// A terminal whose lines can be drawn over.
    Live,
}

/// One of the two places where people read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Its columns, at least 1; 80 where it is no terminal.
    pub(crate) width: usize,
    pub(super) kind: Kind,
    /// Whether blocks and dots can be drawn; otherwise it is `#` and `-`.
    pub(crate) unicode: bool,
    pub(super) colours: bool,
}

impl Screen {
    /// Where data goes, and a command's own answer.
    pub(crate) fn stdout() -> Self {
        Self::of(&io::stdout())
    }

    /// A pipe, for tests.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { width: COLUMNS, kind: Kind::Pipe, unicode: true, colours: false }
    }

    /// Where people are talked to.
    pub(crate) fn stderr() -> Self {
        Self::of(&io::stderr())
    }

    fn of(stream: &(impl IsTerminal + AsFd)) -> Self {
        let is_terminal = stream.is_terminal();
        let size = if is_terminal { terminal_size_of(stream) } else { None };
        Self {
            width: size.map_or(COLUMNS, |(columns, _)| usize::from(columns.0.max(1))),
            kind: match env::var("TERM").unwrap_or_default().as_str() {
                _ if !is_terminal => Kind::Pipe,
                "" | "dumb" => Kind::Paper,
                _ => Kind::Live,
            },
            unicode: speaks_utf_8(|name| env::var(name).unwrap_or_default()),
            colours: match COLOUR.get().copied().unwrap_or(Colour::OnTerminals) {
                Colour::Never => false,
                Colour::OnTerminals => is_terminal,
                Colour::Always => true,
            },
        }
    }

    /// Whether what stands there can be drawn over.
    pub(crate) fn is_live(&self) -> bool {
        self.kind == Kind::Live
    }

    /// `text` in a colour, where there are colours.
    pub(crate) fn paint(&self, ink: Ink, text: &str) -> String {
        if !self.colours || text.is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Strong => 1,
            Ink::Good => 32,
            Ink::Watch => 33,
            Ink::Bad => 31,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// A bar of `width` columns that is filled by `part` of 1.
    pub(crate) fn bar(&self, part: f64, width: usize) -> String {
        let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a small width"
        )]
        let eighths = (part * width as f64 * 8.0).round() as usize;
        let (full, rest) = (eighths / 8, eighths % 8);
        if !self.unicode {
            // Who is counted at all is seen.
            return "#".repeat(if part > 0.0 && full == 0 { width.min(1) } else { full });
        }
        let mut bar = "█".repeat(full);
        bar.extend(["▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(rest.wrapping_sub(1)).copied());
        if bar.is_empty() && part > 0.0 && width > 0 { "▏".to_owned() } else { bar }
    }

    /// `text` in as many lines as it takes, each ended by a line break.
    pub(crate) fn line(&self, text: &str) -> String {
        wrap(text, self.width).join("\n") + "\n"
    }

    /// What stands between the pieces of a line.
    pub(crate) fn dot(&self) -> &'static str {
        if self.unicode { " · " } else { ", " }
    }
}

/// Whether the locale's texts are UTF-8: the first of the three variables that says anything decides.
fn speaks_utf_8(variable: impl Fn(&str) -> String) -> bool {
    let says = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let decides = says.iter().find(|value| !value.is_empty()).map(|value| value.to_ascii_lowercase());
    decides.is_some_and(|locale| locale.contains("utf-8") || locale.contains("utf8"))
}

/// `text` in at most `width` columns, with its end cut off where it is longer.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (mut kept, mut used) = (String::new(), 1);
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    if width > 0 { kept + "…" } else { String::new() }
}

/// `text` in lines of at most `width` columns, broken at spaces, and within a word only where it is
/// longer than a line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2); // a wide character
    let mut lines: Vec<String> = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if used > 0 && used + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        for character in word.chars() {
            let columns = character.width().unwrap_or(0);
            if used + columns > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(character);
            used += columns;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(unicode: bool) -> Screen {
        Screen { width: 80, kind: Kind::Pipe, unicode, colours: false }
    }

    #[test]
    fn colours_are_as_the_flag_and_the_environment_say() {
        for (no_color, variables, wanted) in [
            (false, &[][..], Colour::OnTerminals),
            (true, &[("CLICOLOR_FORCE", "1")], Colour::Never),
            (false, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], Colour::Never),
            (false, &[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")], Colour::Always),
            (false, &[("CLICOLOR_FORCE", "0")], Colour::OnTerminals),
            (false, &[("CLICOLOR", "0")], Colour::Never),
            (false, &[("TERM", "dumb")], Colour::Never),
        ] {
            let value =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
            let asked = Colour::asked(no_color, |name| value(name).unwrap_or(&"").to_string());
            assert_eq!(asked, wanted, "{no_color} {variables:?}");
        }
    }

    #[test]
    fn the_first_variable_that_says_anything_is_the_locale() {
        for (all, kind, lang, is_utf_8) in [
            ("", "", "en_AU.UTF-8", true),
            ("", "", "C.utf8", true),
            ("C", "", "en_AU.UTF-8", false),
            ("", "th_TH.UTF-8", "C", true),
            ("", "", "", false),
        ] {
            let value = |name: &str| match name {
                "LC_ALL" => all.to_owned(),
                "LC_CTYPE" => kind.to_owned(),
                _ => lang.to_owned(),
            };
            assert_eq!(speaks_utf_8(value), is_utf_8, "{all} {kind} {lang}");
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_part_and_never_nothing_for_something() {
        for (part, unicode, bar) in [
            (0.0, true, ""),
            (0.5, true, "████"),
            (0.56, true, "████▌"),
            (1.0, true, "████████"),
            (7.0, true, "████████"),
            (f64::NAN, true, ""),
            (0.0001, true, "▏"),
            (0.0001, false, "#"),
            (0.5, false, "####"),
        ] {
            assert_eq!(screen(unicode).bar(part, 8), bar, "{part}");
        }
    }

    #[test]
    fn lines_are_as_wide_as_they_may_be_whatever_the_script() {
        for text in
            ["accepted 1,204 of 1,916", "王芳王芳王芳 ส่งข้อความแล้ว 👩‍👩‍👧", "", "aaaaaaaaaaaaaaaaaaaaaaaaa"]
        {
            for width in [1, 2, 5, 20, 80] {
                let lines = wrap(text, width);
                assert!(lines.iter().all(|line| line.width() <= width.max(2)), "{width}: {lines:?}");
                let (wrapped, whole) = (lines.concat().replace(' ', ""), text.replace(' ', ""));
                assert_eq!(wrapped, whole, "nothing is lost");
                assert!(cut(text, width).width() <= width, "{width}: {text}");
            }
        }
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(cut("one two three", 7), "one tw…");
    }
}
