//! The charts of a report: bars side by side, and something over time.
//!
//! Drawn here rather than by a library (decision 19). A page that is read in the dark takes its
//! colours from a style sheet, and one that is read aloud needs a role, a title and a description at
//! each drawing; what chart libraries write has its colours in each shape and no words. Two kinds of
//! chart take less code than putting that right. All sums are of whole numbers, in a drawing so large
//! that half a pixel is one.

use super::markup::Markup;
use crate::output::{count, duration};
use std::time::Duration;

/// The width of every drawing.
const WIDTH: u64 = 1_440;

/// Where the names of bars end, and their lengths begin.
const NAMES: u64 = 300;

/// The longest bar.
const LONGEST: u64 = 800;

/// The height of one bar with the gap below it.
const LINE: u64 = 64;

/// The plot of a chart over time, within its axes.
const LEFT: u64 = 130;
const TOP: u64 = 50;
const PLOT_WIDTH: u64 = WIDTH - LEFT - 30;
const PLOT_HEIGHT: u64 = 320;
const BOTTOM: u64 = TOP + PLOT_HEIGHT;

/// What is said of a drawing.
pub(super) struct Caption<'a> {
    /// Unlike that of any other drawing on the page; a word.
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    /// What is to be seen in it, for those who do not see it.
    pub(super) description: &'a str,
}

/// One bar: its name, its length, and what stands behind it.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) length: u64,
    pub(super) label: String,
}

/// Bars from left to right, one below the other.
pub(super) fn bars(markup: &mut Markup, caption: &Caption<'_>, bars: &[Bar]) {
    let height = LINE * bars.len() as u64 + 8;
    drawing(markup, caption, height, |markup| {
        let most = bars.iter().map(|bar| bar.length).max().unwrap_or(0);
        for (bar, place) in bars.iter().zip(0_u64..) {
            let (top, length) = (place * LINE + 8, scaled(bar.length, most, LONGEST));
            let base = top + 36;
            text(markup, NAMES - 20, base, "end", &bar.name);
            rectangle(markup, "bar", [NAMES, top, length.max(2), LINE - 16]);
            text(markup, NAMES + length.max(2) + 16, base, "start", &bar.label);
        }
    });
}

/// What a chart over time shows.
pub(super) struct Plot {
    /// How long each value's span of time is.
    pub(super) width_ms: u64,
    /// How many there are.
    pub(super) spans: u64,
    /// What is drawn, one above the other.
    pub(super) series: Vec<Series>,
    /// A level across all of it: its height and its name.
    pub(super) limit: Option<(u64, String)>,
    /// Times that are hatched, in milliseconds since the first value.
    pub(super) pauses: Vec<(u64, u64)>,
    /// A height as people write it.
    pub(super) shown: fn(u64) -> String,
}

/// Values over time.
pub(super) struct Series {
    pub(super) kind: Kind,
    pub(super) values: Vec<Option<u64>>,
}

/// How values are drawn; no two kinds differ in colour alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Columns,
    /// A line with round points.
    Line,
    /// A dashed line with square points.
    Dashes,
}

/// Something over time.
pub(super) fn over_time(markup: &mut Markup, caption: &Caption<'_>, plot: &Plot) {
    let values = plot.series.iter().flat_map(|series| series.values.iter().flatten().copied());
    let most = values.chain(plot.limit.as_ref().map(|(limit, _)| *limit)).max().unwrap_or(0);
    let top = round_up(most);
    let spans = plot.spans.max(1);
    let all_ms = plot.width_ms.saturating_mul(spans);
    drawing(markup, caption, BOTTOM + 60, |markup| {
        for (from, to) in &plot.pauses {
            let [left, right] = [from, to].map(|at| LEFT + scaled((*at).min(all_ms), all_ms, PLOT_WIDTH));
            rectangle(markup, "pause", [left, TOP, (right - left).max(3), PLOT_HEIGHT]);
        }
        for part in 0..=2 {
            let y = BOTTOM - PLOT_HEIGHT * part / 2;
            line(markup, "grid", [LEFT, y, LEFT + PLOT_WIDTH, y]);
            text(markup, LEFT - 14, y + 9, "end", &(plot.shown)(top / 2 * part));
            let at = Duration::from_millis(all_ms / 2 * part);
            let anchor = ["start", "middle", "end"][usize::try_from(part).expect("at most 2")];
            text(markup, LEFT + PLOT_WIDTH * part / 2, BOTTOM + 42, anchor, &duration(at));
        }
        for series in &plot.series {
            draw(markup, series, spans, top);
        }
        if let Some((limit, name)) = &plot.limit {
            let y = BOTTOM - scaled(*limit, top, PLOT_HEIGHT);
            line(markup, "limit", [LEFT, y, LEFT + PLOT_WIDTH, y]);
            text(markup, LEFT + PLOT_WIDTH, y - 12, "end", name);
        }
    });
}

fn draw(markup: &mut Markup, series: &Series, spans: u64, top: u64) {
    let y = |value: u64| BOTTOM - scaled(value, top, PLOT_HEIGHT);
    let x = |place: u64| LEFT + place * PLOT_WIDTH / spans;
    let values = || (0_u64..).zip(&series.values);
    if series.kind == Kind::Columns {
        for (place, value) in values().filter_map(|(place, value)| Some((place, (*value)?))) {
            let wide = x(place + 1) - x(place);
            let wide = if wide > 6 { wide - 2 } else { wide };
            rectangle(markup, "bar", [x(place), y(value), wide.max(1), BOTTOM - y(value)]);
        }
        return;
    }
    let class = if series.kind == Kind::Line { "line" } else { "dashes" };
    let middle = |place: u64| u64::midpoint(x(place), x(place + 1));
    let mut points = String::new();
    for (place, value) in values() {
        match value {
            Some(value) => points.push_str(&format!("{},{} ", middle(place), y(*value))),
            None => end_line(markup, class, &mut points),
        }
    }
    end_line(markup, class, &mut points);
    // On a fine chart the points would hide the line.
    for (place, value) in values().filter(|_| spans <= 60) {
        let Some(value) = value else { continue };
        if series.kind == Kind::Line {
            let [x, y] = [middle(place), y(*value)].map(|number| number.to_string());
            markup.shape("circle", &[("class", "point"), ("cx", &x), ("cy", &y), ("r", "7")]);
        } else {
            rectangle(markup, "square", [middle(place) - 6, y(*value).saturating_sub(6), 12, 12]);
        }
    }
}

fn end_line(markup: &mut Markup, class: &'static str, points: &mut String) {
    if !points.is_empty() {
        markup.shape("polyline", &[("class", class), ("points", points.trim_end())]);
        points.clear();
    }
}

fn drawing(markup: &mut Markup, caption: &Caption<'_>, height: u64, inside: impl FnOnce(&mut Markup)) {
    let Caption { id, title, description } = caption;
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-description"));
    let attributes = [
        ("role", "img"),
        ("aria-labelledby", &*title_id),
        ("aria-describedby", &*description_id),
        ("viewBox", &format!("0 0 {WIDTH} {height}")),
    ];
    markup.element("svg", &attributes, |markup| {
        markup.element("title", &[("id", &title_id)], |markup| {
            markup.text(title);
        });
        markup.element("desc", &[("id", &description_id)], |markup| {
            markup.text(description);
        });
        inside(markup);
    });
}

fn text(markup: &mut Markup, x: u64, y: u64, anchor: &str, what: &str) {
    let [x, y] = [x, y].map(|number| number.to_string());
    markup.element("text", &[("x", &x), ("y", &y), ("text-anchor", anchor)], |markup| {
        markup.text(what);
    });
}

fn rectangle(markup: &mut Markup, class: &str, place: [u64; 4]) {
    let [x, y, width, height] = place.map(|number| number.to_string());
    let attributes = [("class", class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)];
    markup.shape("rect", &attributes);
}

fn line(markup: &mut Markup, class: &str, ends: [u64; 4]) {
    let [x1, y1, x2, y2] = ends.map(|number| number.to_string());
    markup.shape("line", &[("class", class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
}

/// `value` where `most` is `length` long.
fn scaled(value: u64, most: u64, length: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(length) / u128::from(most.max(1));
    u64::try_from(scaled).unwrap_or(length).min(length)
}

/// The next of 2, 4, 10, 20, 40, 100, …: where an axis ends, so that half of it is a round number.
fn round_up(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        if let Some(top) =
            [2, 4, 10].into_iter().map(|step| power.saturating_mul(step)).find(|top| *top >= most)
        {
            return top;
        }
        power = power.saturating_mul(10);
    }
}

/// Thousandths as people write them: `99.5`.
pub(super) fn milli(value: u64) -> String {
    let (whole, rest) = (value / 1_000, value % 1_000);
    let fraction = format!("{rest:03}");
    match fraction.trim_end_matches('0') {
        "" => count(whole),
        fraction => format!("{}.{fraction}", count(whole)),
    }
}

/// Milliseconds as people write them: `250 ms`, `1.5 s`.
pub(super) fn millis(value: u64) -> String {
    if value < 1_000 { format!("{value} ms") } else { format!("{} s", milli(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_above_all_values() {
        for (most, top) in [(0, 2), (2, 2), (3, 4), (5, 10), (100, 100), (101, 200), (99_500, 100_000)] {
            assert_eq!(round_up(most), top);
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn lengths_stay_within_the_drawing() {
        for (value, most, length) in [(0, 0, 0), (5, 0, 100), (1, 2, 50), (u64::MAX, u64::MAX, 100)] {
            assert_eq!(scaled(value, most, 100), length);
        }
    }

    #[test]
    fn thousandths_have_no_zeros_behind() {
        for (value, text) in [(0, "0"), (99_500, "99.5"), (1_000_001, "1,000.001"), (16, "0.016")] {
            assert_eq!(milli(value), text);
        }
        assert_eq!((millis(999), millis(1_500)), ("999 ms".to_owned(), "1.5 s".to_owned()));
    }

    #[test]
    fn every_drawing_has_a_role_a_title_and_a_description() {
        let caption = Caption { id: "one", title: "A <title>", description: "What is seen" };
        let series = |kind, values: &[Option<u64>]| Series { kind, values: values.to_vec() };
        for values in [&[][..], &[None, Some(3)], &[Some(0), None, Some(u64::MAX)]] {
            let mut markup = Markup::default();
            let plot = Plot {
                width_ms: 1_000,
                spans: values.len() as u64,
                series: vec![series(Kind::Columns, values), series(Kind::Dashes, values)],
                limit: Some((5, "limit".to_owned())),
                pauses: vec![(0, u64::MAX)],
                shown: count,
            };
            over_time(&mut markup, &caption, &plot);
            bars(&mut markup, &caption, &[]);
            let drawn = markup.finish();
            for words in ["role=\"img\"", "<title id=\"one-title\">A &lt;title&gt;</title>", "<desc id="] {
                assert_eq!(drawn.matches(words).count(), 2, "{words} in {drawn}");
            }
        }
    }
}
