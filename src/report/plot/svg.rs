//! Writes SVG elements; the one place where a coordinate becomes text.

use std::fmt::Write as _;

use super::super::html::escape;
use super::super::number::usable;
use super::Marker;

/// A growing SVG fragment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Svg {
    out: String,
}

/// A coordinate with two decimals at most; `None` for one that cannot be drawn.
fn coordinate(x: f64) -> Option<String> {
    if !usable(x) {
        return None;
    }
    let text = format!("{:.2}", x.clamp(-1e5, 1e5));
    let text = text.trim_end_matches('0').trim_end_matches('.');
    Some(if text == "-0" { "0".to_string() } else { text.to_string() })
}

/// Coordinates as text, all or none.
fn coordinates<const N: usize>(xs: [f64; N]) -> Option<[String; N]> {
    let texts: Vec<String> = xs.iter().map(|x| coordinate(*x)).collect::<Option<_>>()?;
    texts.try_into().ok()
}

/// Where a text is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// At its start.
    Start,
    /// At its middle.
    Middle,
    /// At its end.
    End,
}

impl Svg {
    /// A figure of the given size with its title and description for those who do not see it.
    pub(crate) fn document(width: f64, height: f64, title: &str, description: &str, content: &Self) -> String {
        let Some([w, h]) = coordinates([width, height]) else { return String::new() };
        format!(
            "<svg class=\"plot\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" \
             width=\"{w}\" height=\"{h}\"><title>{}</title><desc>{}</desc>{}</svg>",
            escape(title),
            escape(description),
            content.out
        )
    }

    /// The elements written so far.
    pub(crate) fn content(&self) -> &str {
        &self.out
    }

    /// A straight line.
    pub(crate) fn line(&mut self, class: &str, x1: f64, y1: f64, x2: f64, y2: f64) {
        if let Some([x1, y1, x2, y2]) = coordinates([x1, y1, x2, y2]) {
            let _ = write!(self.out, "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
        }
    }

    /// A rectangle.
    pub(crate) fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        if let Some([x, y, w, h]) = coordinates([x, y, width.max(0.0), height.max(0.0)]) {
            let _ = write!(self.out, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/>");
        }
    }

    /// A path through `points`; it is broken where a point cannot be drawn, and `close` fills it.
    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)], close: bool) {
        let mut d = String::new();
        let mut pen_down = false;
        for &(x, y) in points {
            match coordinates([x, y]) {
                Some([x, y]) => {
                    let _ = write!(d, "{}{x} {y}", if pen_down { 'L' } else { 'M' });
                    pen_down = true;
                }
                None => pen_down = false,
            }
        }
        if !d.is_empty() {
            let end = if close { "Z" } else { "" };
            let _ = write!(self.out, "<path class=\"{class}\" d=\"{d}{end}\"/>");
        }
    }

    /// A marker with an optional hint that appears under the pointer.
    pub(crate) fn marker(&mut self, marker: Marker, x: f64, y: f64, hint: &str) {
        let Some([cx, cy]) = coordinates([x, y]) else { return };
        let hint = if hint.is_empty() { String::new() } else { format!("<title>{}</title>", escape(hint)) };
        let polygon = |corners: &[(f64, f64)]| {
            let corners: Vec<String> = corners.iter().map(|(dx, dy)| format!("{:.2},{:.2}", x + dx, y + dy)).collect();
            corners.join(" ")
        };
        let _ = match marker {
            Marker::None => Ok(()),
            Marker::Dot => write!(self.out, "<circle class=\"full\" cx=\"{cx}\" cy=\"{cy}\" r=\"2.9\">{hint}</circle>"),
            Marker::Dash => {
                let (left, right) = (x - 6.5, x + 6.5);
                write!(
                    self.out,
                    "<line class=\"dash\" x1=\"{left:.2}\" y1=\"{cy}\" x2=\"{right:.2}\" y2=\"{cy}\">{hint}</line>"
                )
            }
            Marker::Diamond | Marker::Square | Marker::Triangle => {
                let corners: &[(f64, f64)] = match marker {
                    Marker::Diamond => &[(0.0, -4.6), (4.6, 0.0), (0.0, 4.6), (-4.6, 0.0)],
                    Marker::Square => &[(-3.4, -3.4), (3.4, -3.4), (3.4, 3.4), (-3.4, 3.4)],
                    _ => &[(0.0, -4.4), (4.1, 2.9), (-4.1, 2.9)],
                };
                write!(self.out, "<polygon class=\"open\" points=\"{}\">{hint}</polygon>", polygon(corners))
            }
        };
    }

    /// A text.
    pub(crate) fn text(&mut self, class: &str, x: f64, y: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        if let Some([x, y]) = coordinates([x, y]) {
            let _ = write!(
                self.out,
                "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
                escape(text)
            );
        }
    }

    /// A text that reads upwards, around its middle or from its start.
    pub(crate) fn upright_text(&mut self, class: &str, x: f64, y: f64, from_start: bool, text: &str) {
        if let Some([x, y]) = coordinates([x, y]) {
            let anchor = if from_start { "start" } else { "middle" };
            let _ = write!(
                self.out,
                "<text class=\"{class}\" text-anchor=\"{anchor}\" transform=\"translate({x} {y}) rotate(-90)\">{}</text>",
                escape(text)
            );
        }
    }

    /// An embedded picture, stretched to its frame with hard pixels.
    pub(crate) fn picture(&mut self, x: f64, y: f64, width: f64, height: f64, data_uri: &str) {
        if let Some([x, y, w, h]) = coordinates([x, y, width, height]) {
            let _ = write!(
                self.out,
                "<image class=\"pixels\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" \
                 preserveAspectRatio=\"none\" href=\"{}\"/>",
                escape(data_uri)
            );
        }
    }

    /// Everything in `content`, under a class.
    pub(crate) fn group(&mut self, class: &str, content: &Self) {
        if !content.out.is_empty() {
            let _ = write!(self.out, "<g class=\"{class}\">{}</g>", content.out);
        }
    }

    /// Everything in `content`, cut off at the edges of a rectangle.
    pub(crate) fn clipped(&mut self, x: f64, y: f64, width: f64, height: f64, content: &Self) {
        if let Some([x, y, w, h]) = coordinates([x, y, width, height]) {
            let _ = write!(
                self.out,
                "<svg x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" viewBox=\"{x} {y} {w} {h}\">{}</svg>",
                content.out
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short_and_finite() {
        assert_eq!(coordinate(1.0).as_deref(), Some("1"));
        assert_eq!(coordinate(-0.001).as_deref(), Some("0"));
        assert_eq!(coordinate(12.346).as_deref(), Some("12.35"));
        assert_eq!(coordinate(f64::NAN), None);
        assert_eq!(coordinate(f64::INFINITY), None);
    }

    #[test]
    fn a_gap_breaks_a_path() {
        let mut svg = Svg::default();
        svg.path("p", &[(0.0, 0.0), (1.0, 1.0), (f64::NAN, 2.0), (3.0, 3.0), (4.0, 4.0)], false);
        svg.line("l", 0.0, f64::NAN, 1.0, 1.0);
        svg.marker(Marker::Dot, f64::INFINITY, 0.0, "x");
        assert_eq!(svg.out, "<path class=\"p\" d=\"M0 0L1 1M3 3L4 4\"/>");
    }
}
