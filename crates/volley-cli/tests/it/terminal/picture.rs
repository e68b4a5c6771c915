//! A picture of a terminal: what was typed on it, and what it showed.

use std::fmt::Write;

/// A screen with more lines is shown without its middle.
const MOST_LINES: usize = 64;
/// As many of its first and its last lines are shown then.
const FIRST: usize = 41;
const LAST: usize = 14;

/// One line's height, the width of a hundred columns, and the space around, in pixels.
const LINE: usize = 19;
const HUNDRED_COLUMNS: usize = 843;
const MARGIN: usize = 18;
const TOP: usize = 54;

/// Each command with the lines that it left, as SVG of a terminal of so many columns.
pub(crate) fn drawn(
    commands: &[(&str, Vec<String>)],
    columns: usize,
    title: &str,
    description: &str,
) -> String {
    let mut texts = String::new();
    let mut y = TOP;
    let mut line = |text: &str, colour: &str| {
        if !text.is_empty() {
            let width = text.chars().count() * HUNDRED_COLUMNS / 100;
            // Blanks that stand side by side are one to a browser.
            let text =
                text.replace(' ', "\u{a0}").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            writeln!(
                texts,
                "<text x=\"{MARGIN}\" y=\"{y}\"{colour} textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\">{text}</text>"
            )
            .expect("a string takes all");
        }
        y += LINE;
    };
    for (typed, lines) in commands {
        line(&format!("$ {typed}"), " fill=\"#8fd694\"");
        let (first, last) = if lines.len() > MOST_LINES { (FIRST, LAST) } else { (lines.len(), 0) };
        for text in &lines[..first] {
            line(text, "");
        }
        if last > 0 {
            line(" ⋮", " fill=\"#8a8f98\"");
        }
        for text in &lines[lines.len() - last..] {
            line(text, "");
        }
    }
    let (width, height) = (columns * HUNDRED_COLUMNS / 100 + 2 * MARGIN, y);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"t d\">\n\
         <title id=\"t\">{title}</title>\n<desc id=\"d\">{description}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#16181d\"/>\n\
         <g fill=\"#3a3f4b\"><circle cx=\"20\" cy=\"16\" r=\"5\"/><circle cx=\"38\" cy=\"16\" r=\"5\"/><circle cx=\"56\" cy=\"16\" r=\"5\"/></g>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" fill=\"#d7dae0\">\n\
         {texts}</g>\n</svg>\n"
    )
}
