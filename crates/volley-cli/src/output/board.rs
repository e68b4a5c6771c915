//! Lines on a terminal that are drawn over again: indicatif says when and where, and here it is
//! written.
//!
//! indicatif fills each line with blanks to the edge and leaves it to the terminal to go on in the
//! next. Whatever a terminal writes by itself then, as the `^C` of an interrupt, stands in another line
//! than indicatif knows of, and what it wipes away is not what it drew. Here lines end where their
//! text does.

use super::Screen;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use std::{
    fmt,
    io::{self, Write},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};
use unicode_width::UnicodeWidthChar;

/// How often a second it is drawn, at most.
const HERTZ: u8 = 20;

/// Columns that stay free at the right, for what the terminal writes by itself.
pub(super) const MARGIN: usize = 3;

/// Something on stdout that is drawn over, as `template` says.
pub(crate) fn on_stdout(template: &str) -> ProgressBar {
    drawn(template, Box::new(io::stdout()), || Screen::stdout().width)
}

/// The same on stderr.
pub(crate) fn on_stderr(template: &str) -> ProgressBar {
    drawn(template, Box::new(io::stderr()), || Screen::stderr().width)
}

fn drawn(template: &str, out: Box<dyn Write + Send>, width: fn() -> usize) -> ProgressBar {
    let board = Board {
        width,
        rows: Mutex::new(Rows { out, text: String::new(), row: String::new(), below: false }),
    };
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(board), HERTZ);
    let bar = ProgressBar::with_draw_target(None, target);
    bar.set_style(ProgressStyle::with_template(template).expect("a template of ours"));
    bar
}

struct Board {
    width: fn() -> usize,
    rows: Mutex<Rows>,
}

struct Rows {
    out: Box<dyn Write + Send>,
    /// What is written with the next flush.
    text: String,
    /// A row that is not at its end.
    row: String,
    /// Whether a row stands above the next one.
    below: bool,
}

impl Board {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn steer(&self, sequence: &str) {
        self.rows().text.push_str(sequence);
    }

    fn go(&self, n: usize, letter: char) {
        if n > 0 {
            self.steer(&format!("\u{1b}[{n}{letter}"));
        }
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

impl TermLike for Board {
    fn width(&self) -> u16 {
        let width = (self.width)().saturating_sub(MARGIN).max(2);
        u16::try_from(width).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D');
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.steer(&format!("{line}\r\n"));
        Ok(())
    }

    /// Rows come in pieces that fill the width together.
    fn write_str(&self, piece: &str) -> io::Result<()> {
        if piece == "\r" {
            self.steer(piece);
            return Ok(());
        }
        let full = usize::from(self.width());
        let mut rows = self.rows();
        rows.row.push_str(piece);
        if columns(&rows.row) >= full {
            let row = mem::take(&mut rows.row);
            if mem::replace(&mut rows.below, true) {
                rows.text.push_str("\r\n");
            }
            rows.text.push_str(row.trim_end());
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.steer("\r\u{1b}[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut rows = self.rows();
        let text = mem::take(&mut rows.text) + &mem::take(&mut rows.row);
        rows.below = false;
        rows.out.write_all(text.as_bytes())?;
        rows.out.flush()
    }
}

/// The columns that `text` takes, its colours not counted.
fn columns(text: &str) -> usize {
    let mut columns = 0;
    let mut in_sequence = false;
    for character in text.chars() {
        match character {
            '\u{1b}' => in_sequence = true,
            'A'..='Z' | 'a'..='z' if in_sequence => in_sequence = false,
            _ if in_sequence => {}
            character => columns += character.width().unwrap_or(0),
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn rows_end_where_their_text_does_and_are_wiped_away_whole() {
        let written = Written::default();
        let bar = drawn("{msg}", Box::new(written.clone()), || 20);
        bar.set_message("one \u{1b}[32mgreen\u{1b}[0m\n王芳\nthree");
        bar.finish_and_clear();
        let text = String::from_utf8(written.0.lock().expect("nobody panicked").clone()).expect("UTF-8");
        let (drawing, wiping) = text.split_at(text.find("three").expect("all rows") + "three".len());
        assert_eq!(drawing, "one \u{1b}[32mgreen\u{1b}[0m\r\n王芳\r\nthree");
        assert_eq!(
            wiping, "\u{1b}[2A\r\u{1b}[2K\u{1b}[1B\r\u{1b}[2K\u{1b}[1B\r\u{1b}[2K\u{1b}[2A",
            "every row, and back to the first"
        );
    }
}
