//! A terminal to run things on: `script` of util-linux gives them one, and a small screen of our own
//! shows what is left on it.

use std::{
    io::{Read, Write},
    process::{ChildStdin, Command, Stdio},
};
use unicode_width::UnicodeWidthChar;

/// What `script` runs: the line in `LINE`, on a terminal of `COLUMNS_WANTED` columns.
const ON_A_TERMINAL: &str = "stty cols \"$COLUMNS_WANTED\" rows 40; eval \"$LINE\"";

/// Something that ran on a terminal.
pub(crate) struct Shown {
    pub(crate) code: Option<i32>,
    /// All that was written to the terminal.
    pub(crate) raw: String,
    /// What is left on it.
    pub(crate) screen: Screen,
}

/// Runs `line` in `shell`'s directory and environment on a terminal of so many columns. `type_in` is
/// told after each piece of output what was written so far, and may press keys.
pub(crate) fn run_on_terminal(
    shell: &Command,
    line: &str,
    columns: usize,
    mut type_in: impl FnMut(&str, &mut ChildStdin),
) -> Shown {
    let mut script = Command::new("script");
    script.args(["-qefc", ON_A_TERMINAL, "/dev/null"]);
    if let Some(directory) = shell.get_current_dir() {
        script.current_dir(directory);
    }
    for (name, value) in shell.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    script.env("LINE", line).env("COLUMNS_WANTED", columns.to_string());
    script.env("SHELL", "/bin/sh").env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
    let mut child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`script` runs: it is in the package bsdutils, which every Debian has");
    let mut keys = child.stdin.take().expect("a pipe");
    let mut out = child.stdout.take().expect("a pipe");
    let (mut bytes, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        let read = out.read(&mut piece).expect("what is written");
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&piece[..read]);
        type_in(&String::from_utf8_lossy(&bytes), &mut keys);
    }
    let code = child.wait().expect("it ends").code();
    drop(keys);
    let raw = String::from_utf8(bytes).expect("UTF-8");
    let screen = Screen::after(&raw, columns);
    Shown { code, raw, screen }
}

/// Presses Ctrl-C.
pub(crate) fn ctrl_c(keys: &mut ChildStdin) {
    keys.write_all(b"\x03").expect("it listens");
    keys.flush().expect("it listens");
}

/// What stands on a terminal, as far as bars and tables need it: lines without end upwards, so that
/// nothing scrolls away.
#[derive(Debug)]
pub(crate) struct Screen {
    columns: usize,
    lines: Vec<Line>,
    row: usize,
    column: usize,
    /// The last letters of the escape sequences that were obeyed.
    pub(crate) escapes: String,
    /// How often something went on in the next line because it was too wide.
    pub(crate) wraps: usize,
}

#[derive(Clone, Debug, Default)]
struct Line {
    /// A wide character is followed by a NUL.
    cells: Vec<char>,
    /// Whether it goes on in the next one.
    goes_on: bool,
}

impl Screen {
    /// An empty screen after all of `raw` was written to it.
    pub(crate) fn after(raw: &str, columns: usize) -> Self {
        let (lines, escapes) = (vec![Line::default()], String::new());
        let mut screen = Self { columns, lines, row: 0, column: 0, escapes, wraps: 0 };
        let mut characters = raw.chars();
        while let Some(character) = characters.next() {
            match character {
                '\r' => screen.column = 0,
                '\n' => screen.down(),
                '\u{8}' => screen.column = screen.column.saturating_sub(1),
                '\u{7}' => {}
                '\u{1b}' => {
                    assert_eq!(
                        characters.next(),
                        Some('['),
                        "an escape sequence that is no control sequence"
                    );
                    let mut parameters = String::new();
                    let last = loop {
                        let next = characters.next().expect("a sequence ends");
                        match next {
                            '0'..='9' | ';' | '?' => parameters.push(next),
                            last => break last,
                        }
                    };
                    screen.obey(&parameters, last);
                }
                character => screen.write(character),
            }
        }
        screen
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.lines.len() {
            self.lines.push(Line::default());
        }
    }

    fn write(&mut self, character: char) {
        let width = character.width().unwrap_or(0);
        if width == 0 {
            return; // it stands over the one before it
        }
        if self.column + width > self.columns {
            self.lines[self.row].goes_on = true;
            self.wraps += 1;
            self.down();
            self.column = 0;
        }
        let cells = &mut self.lines[self.row].cells;
        cells.resize(cells.len().max(self.column + width), ' ');
        cells[self.column] = character;
        cells[self.column + 1..self.column + width].fill('\0');
        self.column += width;
    }

    fn obey(&mut self, parameters: &str, last: char) {
        self.escapes.push(last);
        let number = parameters.parse().unwrap_or(1).max(1);
        match last {
            'A' => self.row = self.row.saturating_sub(number),
            'B' => (0..number).for_each(|_| self.down()),
            'C' => self.column += number,
            'D' => self.column = self.column.saturating_sub(number),
            'G' => self.column = number - 1,
            'K' if parameters == "2" => self.lines[self.row] = Line::default(),
            'K' => self.lines[self.row].cells.truncate(self.column),
            'J' => {
                self.lines[self.row].cells.truncate(self.column);
                self.lines.truncate(self.row + 1);
            }
            'm' | 'h' | 'l' => {}
            other => panic!("an escape sequence that nobody needs: {parameters}{other}"),
        }
    }

    /// The lines as they were written: one that went on in the next is one.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut goes_on = false;
        for line in &self.lines {
            let text: String = line.cells.iter().filter(|cell| **cell != '\0').collect();
            let text = if line.goes_on { text } else { text.trim_end().to_owned() };
            match lines.last_mut().filter(|_| goes_on) {
                Some(last) => last.push_str(&text),
                None => lines.push(text),
            }
            goes_on = line.goes_on;
        }
        lines
    }
}

#[test]
fn the_screen_shows_what_a_terminal_shows() {
    for (raw, columns, lines, wraps) in [
        ("one\r\ntwo", 80, &["one", "two"][..], 0),
        ("onetwo", 3, &["onetwo"], 1),
        ("one\rtw", 80, &["twe"], 0),
        ("bar\r\u{1b}[2Kdone\r\n", 80, &["done", ""], 0),
        ("a\r\nb\u{1b}[1A\r\u{1b}[2Kc", 80, &["c", "b"], 0),
        ("王芳!\u{1b}[31m?\u{1b}[0m", 4, &["王芳!?"], 1),
        ("ab\r\ncd\u{1b}[1A\u{1b}[J", 80, &["ab"], 0),
    ] {
        let screen = Screen::after(raw, columns);
        assert_eq!(
            (screen.lines(), screen.wraps),
            (lines.iter().map(ToString::to_string).collect(), wraps),
            "{raw:?}"
        );
    }
}
