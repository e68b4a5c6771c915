//! Rows under a header, laid out for the screen that they are read on.

use super::{
    Ink, Screen,
    screen::{self, Kind},
};
use comfy_table::{CellAlignment, ContentArrangement, presets};
use unicode_width::UnicodeWidthStr;

/// On a screen that is narrower, cells stand one under the other.
const NARROW: usize = 48;

/// Rows of cells, each as wide in columns as it is shown, whatever the script.
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// The columns of numbers.
    right: Vec<usize>,
    /// Whether it is searched rather than read: in a pipe no cell is broken.
    is_searched: bool,
}

impl Table {
    /// With a header; the columns `right` hold numbers.
    pub(crate) fn new(header: &[&str], right: &[usize]) -> Self {
        let header = header.iter().map(ToString::to_string).collect();
        Self { header, rows: Vec::new(), right: right.to_vec(), is_searched: false }
    }

    /// The same for a table that is searched rather than read.
    pub(crate) fn searched(header: &[&str], right: &[usize]) -> Self {
        Self { is_searched: true, ..Self::new(header, right) }
    }

    /// Names and values side by side, long values wrapped at words.
    pub(crate) fn of_pairs<N: Into<String>>(rows: impl IntoIterator<Item = (N, String)>) -> Self {
        let mut table = Self::new(&[], &[]);
        for (name, value) in rows {
            table.row([name.into(), value]);
        }
        table
    }

    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Laid out for `screen`, each row ended by a line break.
    pub(crate) fn fit(&self, screen: &Screen) -> String {
        let is_free = self.is_searched && screen.kind == Kind::Pipe;
        let is_too_wide = self.is_searched && self.natural_width() > screen.width;
        if !is_free && (screen.width < NARROW || is_too_wide) {
            return self.stacked(screen.width);
        }
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        if self.is_searched {
            table.set_content_arrangement(ContentArrangement::Disabled);
        } else {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(screen.width).unwrap_or(u16::MAX));
        }
        if !self.header.is_empty() {
            table.set_header(&self.header);
        }
        table.add_rows(&self.rows);
        for &column in &self.right {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = String::new();
        for (index, line) in table.trim_fmt().lines().enumerate() {
            let line = line.trim_end();
            if index == 0 && !self.header.is_empty() {
                text.push_str(&screen.paint(Ink::Strong, line));
            } else {
                text.push_str(line);
            }
            text.push('\n');
        }
        text
    }

    /// The columns that it takes where nothing is broken.
    fn natural_width(&self) -> usize {
        let all = || self.rows.iter().chain([&self.header]);
        let columns = all().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
        (0..columns).map(|column| widest(column).unwrap_or(0) + 2).sum()
    }

    /// Each row as a block: its first cell, and the others with their names beneath it.
    fn stacked(&self, width: usize) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for (index, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()) {
                let name = self.header.get(index).filter(|name| index > 0 && !name.is_empty());
                let named = name.map_or_else(|| cell.clone(), |name| format!("{name} {}", cell.trim()));
                let indent = if index == 0 { "" } else { "  " };
                for line in
                    named.lines().flat_map(|line| screen::wrap(line, width.saturating_sub(indent.len())))
                {
                    text.push_str(&format!("{indent}{line}\n"));
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Table {
        let mut table = Table::new(&["Name", "Texts", "Why"], &[1]);
        table.row(["Ann", "1", "an ordinary one"]);
        table.row(["王芳", "22", "ส่งข้อความ"]);
        table.row(["👩 Zoë", "333", "emoji, and an accent"]);
        table
    }

    fn screen(width: usize) -> Screen {
        Screen { width, ..Screen::stdout() }
    }

    #[test]
    fn thai_chinese_and_emoji_cells_line_up() {
        let text = people().fit(&screen(80));
        let column = |line: &str, word: &str| line.find(word).map(|at| line[..at].width());
        let lines: Vec<&str> = text.lines().collect();
        let starts = [
            column(lines[0], "Why"),
            column(lines[1], "an ordinary"),
            column(lines[2], "ส่ง"),
            column(lines[3], "emoji"),
        ];
        assert!(starts[0].is_some() && starts.iter().all(|start| *start == starts[0]), "{text}");
        let ends = ["1 ", "22 ", "333 "]
            .map(|number| lines.iter().find_map(|line| column(line, number).map(|at| at + number.len())));
        assert!(ends.iter().all(|end| *end == ends[0]), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_the_screen_and_nothing_is_lost() {
        let long = "a sentence that is longer than any of these screens is wide, so that it has to be broken";
        for width in [5, 20, 47, 48, 80, 200] {
            let mut table = people();
            table.row(["long", "4444", long]);
            let text = table.fit(&screen(width));
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            let squeezed = text.split_whitespace().collect::<String>();
            for word in ["Ann", "王芳", "333", "broken"] {
                assert!(squeezed.contains(word), "{width}: no {word} in\n{text}");
            }
        }
    }

    #[test]
    fn a_table_that_is_searched_is_never_broken_in_a_pipe() {
        let mut table = Table::searched(&["provider", "can"], &[]);
        table.row(["one".to_owned(), "x".repeat(300)]);
        let piped = Screen { kind: Kind::Pipe, ..screen(80) };
        assert_eq!(table.fit(&piped).lines().count(), 2);
        let narrow = table.fit(&Screen { kind: Kind::Paper, ..screen(80) });
        assert!(narrow.lines().all(|line| line.width() <= 80), "{narrow}");
    }
}
