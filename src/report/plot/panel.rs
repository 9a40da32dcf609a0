//! One set of axes with everything drawn in it.

use super::scale::{Kind, Scale, Tick, range_of};
use super::svg::{Anchor, Svg};
use super::thin::thinned;
use super::{Ink, Marker, Stroke};

/// Size of a panel in its own units; three stand side by side on a wide page, one fills a phone.
const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 250.0;

/// Width of a figure or letter in the tick labels' font.
const LETTER: f64 = 5.7;

/// Series with more points than this carry no hints, to keep the page small.
const MOST_HINTS: usize = 256;

/// One axis.
#[derive(Debug, Clone, Default)]
pub(crate) struct Axis {
    /// Quantity and unit.
    pub(crate) label: String,
    /// Division.
    pub(crate) kind: Kind,
    /// Fixed range; else the range of everything drawn.
    pub(crate) range: Option<(f64, f64)>,
    /// Fixed ticks; else round numbers.
    pub(crate) ticks: Option<Vec<(f64, String)>>,
}

impl Axis {
    /// A linear axis that fits its contents.
    pub(crate) fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }
}

/// A point with its errors (0 for none) and the text under the pointer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mark {
    /// Abscissa.
    pub(crate) x: f64,
    /// Ordinate.
    pub(crate) y: f64,
    /// One-sigma error of x.
    pub(crate) dx: f64,
    /// One-sigma error of y.
    pub(crate) dy: f64,
    /// What it says under the pointer.
    pub(crate) hint: String,
}

/// Points of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// What it is, for the description.
    pub(crate) label: String,
    /// Colour.
    pub(crate) ink: Ink,
    /// Shape of its points.
    pub(crate) marker: Marker,
    /// Line through them.
    pub(crate) stroke: Stroke,
    /// The points, in the order of the line.
    pub(crate) marks: Vec<Mark>,
}

/// A histogram: `heights[i]` stands on `edges[i] .. edges[i + 1]`.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    /// What it is, for the description.
    pub(crate) label: String,
    /// Colour.
    pub(crate) ink: Ink,
    /// Edges of the bins, one more than heights.
    pub(crate) edges: Vec<f64>,
    /// Heights of the bins.
    pub(crate) heights: Vec<f64>,
}

/// A straight guide over the whole panel.
#[derive(Debug, Clone)]
pub(crate) enum Guide {
    /// At one ordinate, with a label at the end of the title.
    Horizontal(f64, String),
    /// At one abscissa, with a label.
    Vertical(f64, String),
    /// Where both coordinates are equal.
    Diagonal,
    /// Between two abscissae.
    Band(f64, f64),
    /// Between two ordinates.
    Level(f64, f64),
}

/// A panel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panel {
    /// Written above it.
    pub(crate) title: String,
    /// For those who do not see it; the series' names and ranges are added.
    pub(crate) description: String,
    /// Abscissa.
    pub(crate) x: Axis,
    /// Ordinate.
    pub(crate) y: Axis,
    /// Drawn first to last.
    pub(crate) series: Vec<Series>,
    /// Drawn under the series.
    pub(crate) steps: Vec<Steps>,
    /// Drawn under everything.
    pub(crate) guides: Vec<Guide>,
    /// Height when it is not the usual one.
    pub(crate) height: Option<f64>,
    /// Room to the left of the axes at least, so that panels above each other are flush.
    pub(crate) margin: f64,
}

/// The frame of a panel and its scales.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: Scale,
    y: Scale,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
}

/// Base line of the title.
const TITLE_LINE: f64 = 14.0;

impl Panel {
    /// The panel as an SVG element; a sentence in its place when there is nothing to draw.
    pub(crate) fn draw(&self) -> String {
        let mut svg = Svg::default();
        svg.text("head", 2.0, TITLE_LINE, Anchor::Start, &self.title);
        if let Some(frame) = self.frame() {
            // In the line of the title, where no curve comes.
            for guide in &self.guides {
                if let Guide::Horizontal(_, label) = guide {
                    svg.text("note", frame.right, TITLE_LINE, Anchor::End, label);
                }
            }
            self.draw_axes(&frame, &mut svg);
            let mut inside = Svg::default();
            self.draw_guides(&frame, &mut inside);
            for steps in &self.steps {
                draw_steps(steps, &frame, &mut inside);
            }
            for series in &self.series {
                draw_series(series, &frame, &mut inside);
            }
            let (width, height) = (frame.right - frame.left, frame.bottom - frame.top);
            // Markers at the very edge are not cut: the window is four units larger than the axes.
            svg.clipped(frame.left - 4.0, frame.top - 4.0, width + 8.0, height + 8.0, &inside);
        } else {
            svg.text("label", WIDTH / 2.0, self.height() / 2.0, Anchor::Middle, "no finite values to draw");
        }
        let mut description = self.description.clone();
        let names = self.series.iter().map(|s| (&s.label, s.marks.len()));
        for (label, n) in names.chain(self.steps.iter().map(|s| (&s.label, s.heights.len()))) {
            let things = if n == 1 { "value" } else { "values" };
            description.push_str(&format!(" {label}: {n} {things}."));
        }
        let title = if self.title.is_empty() { &self.description } else { &self.title };
        Svg::document(WIDTH, self.height(), title, description.trim(), &svg)
    }

    fn height(&self) -> f64 {
        self.height.unwrap_or(HEIGHT)
    }

    fn frame(&self) -> Option<Frame> {
        let marks = || self.series.iter().flat_map(|s| &s.marks);
        let finite = |e: f64| if e.is_finite() { e } else { 0.0 };
        let xs = marks().flat_map(|m| [m.x, m.x - finite(m.dx), m.x + finite(m.dx)]);
        let ys = marks().flat_map(|m| [m.y, m.y - finite(m.dy), m.y + finite(m.dy)]);
        let edges = self.steps.iter().flat_map(|s| s.edges.iter().copied());
        let heights = self.steps.iter().flat_map(|s| s.heights.iter().copied());
        let (mut rules_x, mut rules_y) = (Vec::new(), Vec::new());
        for guide in &self.guides {
            match guide {
                Guide::Horizontal(y, _) => rules_y.push(*y),
                Guide::Vertical(x, _) => rules_x.push(*x),
                Guide::Diagonal | Guide::Band(..) | Guide::Level(..) => {}
            }
        }
        let x_range = self.x.range.or_else(|| range_of(self.x.kind, xs.chain(edges).chain(rules_x)))?;
        let y_range = self.y.range.or_else(|| range_of(self.y.kind, ys.chain(heights).chain(rules_y)))?;
        let ticks = |axis: &Axis, scale: &Scale, target| match &axis.ticks {
            Some(fixed) => fixed.iter().map(|(v, l)| Tick { value: *v, label: l.clone() }).collect(),
            None => scale.ticks(target),
        };
        let bottom = self.height() - if self.x.label.is_empty() { 24.0 } else { 42.0 };
        let top = if self.title.is_empty() { 8.0 } else { 26.0 };
        let y = Scale::new(self.y.kind, y_range, (bottom, top));
        let y_ticks: Vec<Tick> = ticks(&self.y, &y, if bottom - top < 80.0 { 3 } else { 5 });
        let widest = y_ticks.iter().map(|t| t.label.chars().count()).max().unwrap_or(0) as f64;
        let title = if self.y.label.is_empty() { 0.0 } else { 18.0 };
        let left = (widest * LETTER + 10.0 + title).max(self.margin).clamp(24.0, WIDTH / 2.0);
        let right = WIDTH - 12.0;
        let x = Scale::new(self.x.kind, x_range, (left, right));
        let x_ticks = ticks(&self.x, &x, 5);
        Some(Frame { left, right, top, bottom, x, y, x_ticks, y_ticks })
    }

    fn draw_axes(&self, frame: &Frame, svg: &mut Svg) {
        for tick in frame.y_ticks.iter().filter(|t| frame.y.holds(t.value)) {
            let y = frame.y.at(tick.value);
            svg.line("grid", frame.left, y, frame.right, y);
            svg.line("axis", frame.left - 4.0, y, frame.left, y);
            svg.text("tick", frame.left - 7.0, y + 3.8, Anchor::End, &tick.label);
        }
        let mut free_from = f64::NEG_INFINITY;
        for tick in frame.x_ticks.iter().filter(|t| frame.x.holds(t.value)) {
            let x = frame.x.at(tick.value);
            let half = 0.5 * LETTER * tick.label.chars().count() as f64;
            svg.line("axis", x, frame.bottom, x, frame.bottom + 4.0);
            if x - half > free_from {
                svg.text("tick", x.min(WIDTH - half - 1.0), frame.bottom + 16.0, Anchor::Middle, &tick.label);
                free_from = x + half + 4.0;
            }
        }
        svg.path("axis", &[(frame.left, frame.top), (frame.left, frame.bottom), (frame.right, frame.bottom)], false);
        svg.text("label", 0.5 * (frame.left + frame.right), self.height() - 8.0, Anchor::Middle, &self.x.label);
        svg.upright_text("label", 12.0, 0.5 * (frame.top + frame.bottom), false, &self.y.label);
    }

    fn draw_guides(&self, frame: &Frame, svg: &mut Svg) {
        for guide in &self.guides {
            match guide {
                Guide::Horizontal(value, _) => {
                    let y = frame.y.at(*value);
                    svg.line("rule", frame.left, y, frame.right, y);
                }
                Guide::Vertical(value, label) => {
                    let x = frame.x.at(*value);
                    svg.line("rule", x, frame.top, x, frame.bottom);
                    let room = frame.right - x > LETTER * label.chars().count() as f64 + 6.0;
                    let (x, anchor) = if room { (x + 4.0, Anchor::Start) } else { (x - 4.0, Anchor::End) };
                    svg.text("note", x, frame.top + 8.0, anchor, label);
                }
                Guide::Diagonal => {
                    let lo = frame.x.range().0.max(frame.y.range().0);
                    let hi = frame.x.range().1.min(frame.y.range().1);
                    if lo < hi {
                        svg.line("rule", frame.x.at(lo), frame.y.at(lo), frame.x.at(hi), frame.y.at(hi));
                    }
                }
                Guide::Level(lo, hi) => {
                    let (low, high) = (frame.y.at(*lo).min(frame.bottom), frame.y.at(*hi).max(frame.top));
                    svg.rect("band", frame.left, high, frame.right - frame.left, low - high);
                }
                Guide::Band(lo, hi) => {
                    let (from, to) = (frame.x.at(*lo).max(frame.left), frame.x.at(*hi).min(frame.right));
                    svg.rect("band", from, frame.top, to - from, frame.bottom - frame.top);
                }
            }
        }
    }
}

fn draw_steps(steps: &Steps, frame: &Frame, svg: &mut Svg) {
    let floor = frame.y.range().0;
    let base = frame.y.at(floor);
    let mut shapes = Svg::default();
    let mut outline: Vec<(f64, f64)> = Vec::new();
    let bins = steps.edges.windows(2).zip(&steps.heights).map(|(edge, height)| (edge[0], edge[1], *height));
    // Empty bins leave no line on the axis: each run of filled ones is a shape of its own.
    for (from, to, height) in bins.chain([(0.0, 0.0, f64::NEG_INFINITY)]) {
        if height > floor {
            let y = frame.y.at(height);
            if outline.is_empty() {
                outline.push((frame.x.at(from), base));
            }
            outline.extend([(frame.x.at(from), y), (frame.x.at(to), y)]);
        } else if let Some(&(last, _)) = outline.last() {
            outline.push((last, base));
            shapes.path("steps", &outline, false);
            outline.clear();
        }
    }
    svg.group(steps.ink.class(), &shapes);
}

fn draw_series(series: &Series, frame: &Frame, svg: &mut Svg) {
    let mut shapes = Svg::default();
    let place = |m: &Mark| (frame.x.at(m.x), frame.y.at(m.y));
    let marks = if series.stroke == Stroke::None { series.marks.iter().collect() } else { thinned(&series.marks) };
    if let Some(class) = series.stroke.class() {
        let places: Vec<(f64, f64)> = marks.iter().copied().map(place).collect();
        shapes.path(class, &places, false);
    }
    for &mark in &marks {
        let (x, y) = place(mark);
        // On a logarithmic axis the lower end of a bar may lie at or below zero: it then runs to the frame.
        let end = |scale: &Scale, value: f64| if scale.at(value).is_nan() { scale.range().0 } else { value };
        if mark.dy > 0.0 {
            let (low, high) = (frame.y.at(end(&frame.y, mark.y - mark.dy)), frame.y.at(mark.y + mark.dy));
            shapes.line("bar", x, low, x, high);
            shapes.line("bar", x - 2.5, low, x + 2.5, low);
            shapes.line("bar", x - 2.5, high, x + 2.5, high);
        }
        if mark.dx > 0.0 {
            let (low, high) = (frame.x.at(end(&frame.x, mark.x - mark.dx)), frame.x.at(mark.x + mark.dx));
            shapes.line("bar", low, y, high, y);
            shapes.line("bar", low, y - 2.5, low, y + 2.5);
            shapes.line("bar", high, y - 2.5, high, y + 2.5);
        }
    }
    let hints = marks.len() <= MOST_HINTS;
    for mark in marks {
        let (x, y) = place(mark);
        shapes.marker(series.marker, x, y, if hints { &mark.hint } else { "" });
    }
    svg.group(series.ink.class(), &shapes);
}
