//! The key of a figure: one swatch for each series, drawn as the series is.

use std::fmt::Write as _;

use super::super::html::escape;
use super::svg::Svg;
use super::{Ink, Marker, Stroke};

/// A row of swatches with their labels.
pub(crate) fn legend(entries: &[(String, Ink, Marker, Stroke)]) -> String {
    let mut out = String::from("<div class=\"legend\">");
    for (label, ink, marker, stroke) in entries {
        let mut swatch = Svg::default();
        if let Some(class) = stroke.class() {
            swatch.line(class, 0.0, 7.0, 24.0, 7.0);
        }
        swatch.marker(*marker, 12.0, 7.0, "");
        let mut coloured = Svg::default();
        coloured.group(ink.class(), &swatch);
        let _ = write!(
            out,
            "<span><svg class=\"swatch\" aria-hidden=\"true\" width=\"24\" height=\"14\" viewBox=\"0 0 24 14\">{}</svg> {}</span>",
            coloured.content(),
            escape(label)
        );
    }
    out.push_str("</div>");
    out
}

impl Stroke {
    /// Class in the style sheet; `None` draws nothing.
    pub(crate) fn class(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Solid => Some("line"),
            Self::Dashed => Some("line dashed"),
            Self::Thin => Some("line thin"),
        }
    }
}
