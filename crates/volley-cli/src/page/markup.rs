//! Writing HTML that data cannot break out of: what is taken as markup is known when this is compiled,
//! and everything else is escaped.

use crate::output::inert;

/// A page, growing.
#[derive(Default)]
pub(super) struct Markup {
    out: String,
}

impl Markup {
    /// Markup as it stands; only our own can be.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// Text: nothing in it is markup, and what steers the eye is shown.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        escape(&mut self.out, text);
        self
    }

    /// `<name attributes>inside</name>`.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: &[(&'static str, &str)],
        inside: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.open(name, attributes).raw(">");
        inside(self);
        self.raw("</").raw(name).raw(">\n")
    }

    /// `<name attributes/>`, of a drawing.
    pub(super) fn shape(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) -> &mut Self {
        self.open(name, attributes).raw("/>\n")
    }

    /// An element that holds a text and nothing else.
    pub(super) fn line(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.element(name, &[], |markup| {
            markup.text(text);
        })
    }

    fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) -> &mut Self {
        self.raw("<").raw(name);
        for (key, value) in attributes {
            self.raw(" ").raw(key).raw("=\"").text(value).raw("\"");
        }
        self
    }

    /// A table with a caption. The columns in `right` hold numbers.
    pub(super) fn table(
        &mut self,
        caption: &str,
        header: &[&str],
        right: &[usize],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> &mut Self {
        let class = |column: usize| if right.contains(&column) { "number" } else { "word" };
        self.element("div", &[("class", "wide")], |markup| {
            markup.element("table", &[], |markup| {
                markup.line("caption", caption);
                markup.raw("<thead><tr>");
                for (column, name) in header.iter().enumerate() {
                    markup.element("th", &[("scope", "col"), ("class", class(column))], |markup| {
                        markup.text(name);
                    });
                }
                markup.raw("</tr></thead>\n<tbody>\n");
                for row in rows {
                    markup.raw("<tr>");
                    for (column, cell) in row.iter().enumerate() {
                        let (name, scope) = if column == 0 { ("th", "row") } else { ("td", "") };
                        let attributes = [("class", class(column)), ("scope", scope)];
                        let attributes = &attributes[..if column == 0 { 2 } else { 1 }];
                        markup.element(name, attributes, |markup| {
                            markup.text(cell);
                        });
                    }
                    markup.raw("</tr>\n");
                }
                markup.raw("</tbody>");
            });
        })
    }

    /// All of it.
    pub(super) fn finish(self) -> String {
        self.out
    }
}

fn escape(out: &mut String, text: &str) {
    for character in inert(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_or_an_attribute_is_markup() {
        let mut markup = Markup::default();
        let hostile = "<script>alert('1')</script>\" onload=\"x & y\u{202e}\u{1b}[2J";
        markup.element("p", &[("title", hostile)], |markup| {
            markup.text(hostile);
        });
        let page = markup.finish();
        assert_eq!(page.matches('<').count(), 2, "{page}");
        assert_eq!(page.matches('"').count(), 2, "{page}");
        assert!(page.contains("\\u{202e}\\u{1b}[2J") && page.contains("x &amp; y"), "{page}");
    }
}
