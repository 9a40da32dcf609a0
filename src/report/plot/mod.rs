//! A small SVG plotting layer: scales with nice ticks, panels with points, error bars, lines and histograms, heat maps.
//!
//! Colours are named inks that the page's style sheet sets for light, dark and print, so a figure carries no colour of
//! its own. Every element passes through [`svg::Svg`], which leaves out anything with a coordinate that is not a
//! number: a damaged value makes a gap, never an invalid file. No element needs an identifier, so figures can be
//! repeated and moved freely.

mod heatmap;
mod legend;
mod panel;
mod png;
mod scale;
mod svg;
mod thin;

pub(crate) use heatmap::{HeatMap, MOST_NAMES};
pub(crate) use legend::legend;
pub(crate) use panel::{Axis, Guide, Mark, Panel, Series, Steps};
pub(crate) use scale::{Kind, range_of};

/// Colour of a series by its role; the style sheet gives it one colour in each theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Exact values and bounds.
    Exact,
    /// Monte Carlo and training data.
    Data,
    /// The trained model.
    Model,
    /// Held-out data.
    HeldOut,
    /// A further model.
    Fourth,
    /// A further model.
    Fifth,
}

impl Ink {
    /// Inks of several models side by side.
    pub(crate) const MODELS: [Self; 4] = [Self::Model, Self::HeldOut, Self::Fourth, Self::Fifth];

    /// Class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Exact => "i-exact",
            Self::Data => "i-data",
            Self::Model => "i-model",
            Self::HeldOut => "i-held",
            Self::Fourth => "i-fourth",
            Self::Fifth => "i-fifth",
        }
    }
}

/// Shape of a point, so that no distinction rests on colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// No marker.
    None,
    /// Filled disc.
    Dot,
    /// Open diamond.
    Diamond,
    /// Open square.
    Square,
    /// Open triangle.
    Triangle,
    /// Short horizontal stroke.
    Dash,
}

impl Marker {
    /// Markers of several models side by side.
    pub(crate) const MODELS: [Self; 4] = [Self::Diamond, Self::Square, Self::Triangle, Self::Dot];
}

/// Line through the points of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// None.
    None,
    /// Full line.
    Solid,
    /// Dashed line.
    Dashed,
    /// Thin line that guides the eye.
    Thin,
}
