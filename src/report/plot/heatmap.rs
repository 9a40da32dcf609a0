//! A symmetric matrix as a picture with its colour bar.

use super::super::html::shorten;
use super::super::number::{decimal_exponent, fixed, significant};
use super::png;
use super::svg::{Anchor, Svg};

/// Most units whose names are written along the edges.
pub(crate) const MOST_NAMES: usize = 100;

/// Longest name that is written in full.
const LONGEST_NAME: usize = 14;

/// A matrix and what is written around it.
#[derive(Debug, Clone)]
pub(crate) struct HeatMap<'a> {
    /// Written above it.
    pub(crate) title: String,
    /// For those who do not see it.
    pub(crate) description: String,
    /// Side n.
    pub(crate) n: usize,
    /// Values `[n, n]`, row by row.
    pub(crate) values: &'a [f64],
    /// Names of rows and columns, or empty for numbers.
    pub(crate) names: Vec<String>,
}

/// End of a symmetric colour scale, and how many values lie beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    /// ± ends of the scale; 0 when nothing is finite and different from zero.
    pub(crate) end: f64,
    /// Values beyond it.
    pub(crate) beyond: usize,
}

impl Limit {
    /// The largest |value|, or the 99.5 % quantile where a few values stand far above all others.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sizes: Vec<f64> = values.iter().map(|v| v.abs()).filter(|v| v.is_finite() && *v > 0.0).collect();
        sizes.sort_by(f64::total_cmp);
        let Some(&top) = sizes.last() else { return Self { end: 0.0, beyond: 0 } };
        let quantile = sizes[(sizes.len() - 1) * 995 / 1000];
        let end = round_up(if top > 2.0 * quantile { quantile } else { top });
        Self { end, beyond: sizes.iter().filter(|v| **v > end).count() }
    }
}

/// The next number whose half is short as well: 1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8 times a power of ten.
fn round_up(x: f64) -> f64 {
    let unit = 10f64.powi(decimal_exponent(x));
    let choices = [1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    if unit > 0.0 { choices.iter().map(|c| c * unit).find(|c| *c >= x * (1.0 - 1e-9)).unwrap_or(x) } else { x }
}

impl HeatMap<'_> {
    /// Whether names stand along its edges, which makes it wide.
    pub(crate) fn is_named(&self) -> bool {
        !self.names.is_empty() && self.n <= MOST_NAMES
    }

    /// How many values lie beyond the ends of the colour scale.
    pub(crate) fn beyond(&self) -> usize {
        Limit::of(self.values).beyond
    }

    /// The figure as an SVG element.
    pub(crate) fn draw(&self) -> String {
        let named = self.is_named();
        let names: Vec<String> = self.names.iter().map(|n| shorten(n, LONGEST_NAME)).collect();
        let side = if named { 600.0 } else { 252.0 };
        let cell = side / self.n.max(1) as f64;
        let font = (cell * 0.92).min(10.0);
        let longest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0) as f64;
        let margin = if named { longest * font * 0.62 + 6.0 } else { 30.0 };
        let (left, top) = (margin, if named { 22.0 + margin } else { 24.0 });
        let mut svg = Svg::default();
        svg.text("head", 2.0, 14.0, Anchor::Start, &self.title);
        let limit = Limit::of(self.values);
        svg.picture(left, top, side, side, &png::matrix(self.values, self.n, self.n, limit.end));
        svg.rect("frame", left, top, side, side);
        if named {
            let class = if font < 6.0 {
                "name tiny"
            } else if font < 8.5 {
                "name small"
            } else {
                "name"
            };
            for (j, name) in names.iter().enumerate() {
                let centre = (j as f64 + 0.5) * cell;
                svg.text(class, left - 3.0, top + centre + 0.35 * font, Anchor::End, name);
                svg.upright_text(class, left + centre + 0.35 * font, top - 3.0, true, name);
            }
        } else {
            let step =
                [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024].into_iter().find(|s| self.n / s <= 5).unwrap_or(2048);
            for j in (0..self.n).step_by(step) {
                let centre = (j as f64 + 0.5) * cell;
                svg.text("tick", left - 5.0, top + centre + 3.8, Anchor::End, &j.to_string());
                svg.text("tick", left + centre, top + side + 14.0, Anchor::Middle, &j.to_string());
            }
        }
        let width = left + side + 58.0;
        self.draw_bar(limit, left + side + 14.0, top, side.min(252.0), &mut svg);
        Svg::document(width, top + side + if named { 6.0 } else { 20.0 }, &self.title, &self.description, &svg)
    }

    fn draw_bar(&self, limit: Limit, left: f64, top: f64, height: f64, svg: &mut Svg) {
        if limit.end <= 0.0 {
            return;
        }
        let steps = 127usize;
        let ramp: Vec<f64> = (0..=2 * steps).map(|i| 1.0 - i as f64 / steps as f64).collect();
        svg.picture(left, top, 11.0, height, &png::matrix(&ramp, ramp.len(), 1, 1.0));
        svg.rect("frame", left, top, 11.0, height);
        let half = 0.5 * limit.end;
        // Digits that the half of the end needs: 0.12 and 0.06, 0.5 and 0.25.
        let decimals = (0..=6).find(|d| ((half * 10f64.powi(*d)).fract() + 1e-6).fract() < 1e-5).unwrap_or(7);
        for (place, value) in [(0.0, 1.0), (0.25, 0.5), (0.5, 0.0), (0.75, -0.5), (1.0, -1.0)] {
            let y = top + place * height;
            let x = value * limit.end;
            let label = if x == 0.0 {
                "0".to_string()
            } else if decimals > 4 || limit.end >= 1e5 {
                significant(x, 2)
            } else {
                fixed(x, decimals as usize)
            };
            svg.line("axis", left + 11.0, y, left + 14.0, y);
            svg.text("tick", left + 16.0, (y + 3.8).max(top + 8.0), Anchor::Start, &label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_large_values_do_not_hide_the_rest() {
        let mut values = vec![0.1; 1000];
        assert_eq!(Limit::of(&values), Limit { end: 0.1, beyond: 0 });
        values[3] = 50.0;
        values[4] = f64::NAN;
        let limit = Limit::of(&values);
        assert!((limit.end - 0.1).abs() < 1e-12 && limit.beyond == 1);
        assert_eq!(Limit::of(&[0.0, f64::INFINITY]), Limit { end: 0.0, beyond: 0 });
        assert!((round_up(0.4407) - 0.5).abs() < 1e-12 && (round_up(0.6) - 0.6).abs() < 1e-12);
    }
}
