//! The little HTML that the page needs: escaped text, tables, figures, notes. Every tag that is opened is closed.

use std::fmt::Write as _;

/// Text for element content and quoted attributes: markup characters as entities, control and direction marks replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\r' => {}
            // Direction overrides would let a name rearrange the line it stands in.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// `text` cut to `limit` characters with an ellipsis.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_string();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

/// One cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    text: String,
    class: &'static str,
    heading: bool,
    span: usize,
}

impl Cell {
    /// A cell of plain text, aligned left.
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self { text: escape(text.as_ref()), class: "", heading: false, span: 1 }
    }

    /// A number, aligned right.
    pub(crate) fn number(text: impl AsRef<str>) -> Self {
        Self { class: "n", ..Self::text(text) }
    }

    /// The cell that names its row.
    pub(crate) fn heading(text: impl AsRef<str>) -> Self {
        Self { heading: true, ..Self::text(text) }
    }

    /// A number that is not there.
    pub(crate) fn none() -> Self {
        Self { class: "n none", ..Self::text("–") }
    }

    /// A number, or the dash for none.
    pub(crate) fn maybe(text: Option<String>) -> Self {
        text.map_or_else(Self::none, Self::number)
    }

    /// The same cell in another class.
    pub(crate) fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    /// The same cell over several columns.
    pub(crate) fn span(mut self, columns: usize) -> Self {
        self.span = columns;
        self
    }
}

/// A table, built row by row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    head: String,
    body: String,
    rows: usize,
}

impl Table {
    /// A table with a caption for screen readers and one heading for each column; headings that start with `#` stand
    /// over numbers and are aligned with them.
    pub(crate) fn new(caption: &str, columns: &[&str]) -> Self {
        let mut head = format!("<caption>{}</caption><thead><tr>", escape(caption));
        for column in columns {
            let (class, name) = column.strip_prefix('#').map_or(("", *column), |name| (" class=\"n\"", name));
            let _ = write!(head, "<th scope=\"col\"{class}>{}</th>", escape(name));
        }
        head.push_str("</tr></thead>");
        Self { head, body: String::new(), rows: 0 }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.row_in("", cells);
    }

    /// Adds a row of a class.
    pub(crate) fn row_in(&mut self, class: &str, cells: impl IntoIterator<Item = Cell>) {
        self.body.push_str(&if class.is_empty() { "<tr>".to_string() } else { format!("<tr class=\"{class}\">") });
        for cell in cells {
            let (tag, scope) = if cell.heading { ("th", " scope=\"row\"") } else { ("td", "") };
            let class = if cell.class.is_empty() { String::new() } else { format!(" class=\"{}\"", cell.class) };
            let span = if cell.span > 1 { format!(" colspan=\"{}\"", cell.span) } else { String::new() };
            let _ = write!(self.body, "<{tag}{scope}{class}{span}>{}</{tag}>", cell.text);
        }
        self.body.push_str("</tr>");
        self.rows += 1;
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The markup, in a frame that scrolls sideways on narrow screens.
    pub(crate) fn finish(self) -> String {
        format!("<div class=\"scroll\" tabindex=\"0\"><table>{}<tbody>{}</tbody></table></div>\n", self.head, self.body)
    }
}

/// A figure of several panels with one legend and a caption (markup); two or four panels stand two in a row.
pub(crate) fn figure(legend: &str, panels: &[String], caption: &str) -> String {
    let class = match panels.len() {
        1 => "panels one",
        2 | 4 => "panels two",
        _ => "panels",
    };
    format!(
        "<figure>{legend}<div class=\"{class}\">{}</div><figcaption>{caption}</figcaption></figure>\n",
        panels.concat()
    )
}

/// A block that opens on a click.
pub(crate) fn details(summary: &str, content: &str, open: bool) -> String {
    let open = if open { " open=\"open\"" } else { "" };
    format!("<details{open}><summary>{}</summary>{content}</details>\n", escape(summary))
}

/// A list of sentences in a frame; `class` is `warn`, `bad`, `good` or `note`.
pub(crate) fn callout(class: &str, title: &str, sentences: &[String]) -> String {
    let mut out = format!("<div class=\"callout {class}\" role=\"note\"><strong>{}</strong>", escape(title));
    if !sentences.is_empty() {
        out.push_str("<ul>");
        for sentence in sentences {
            let _ = write!(out, "<li>{}</li>", escape(sentence));
        }
        out.push_str("</ul>");
    }
    out.push_str("</div>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_stays_text() {
        assert_eq!(escape("<script>\"a\" & 'b'"), "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;");
        assert_eq!(escape("a\u{0}b\u{202e}c\r\n"), "a\u{fffd}b\u{fffd}c\n");
        assert_eq!(shorten("HLA-DRB1", 4), "HLA…");
    }

    #[test]
    fn tables_close_what_they_open() {
        let mut table = Table::new("t", &["a", "#b"]);
        table.row([Cell::heading("x"), Cell::number("1")]);
        table.row([Cell::text("<b>"), Cell::none()]);
        let text = table.finish();
        assert!(text.contains("<th scope=\"row\">x</th><td class=\"n\">1</td></tr>"));
        assert!(text.contains("&lt;b&gt;") && text.contains("<th scope=\"col\" class=\"n\">b</th>"));
    }
}
