//! Observables of Monte Carlo and of the model's samples beside exact values.

use super::super::html::{Cell, Table, figure};
use super::super::model::{PointView, RunView};
use super::super::number::{column_decimals, decimal_exponent, estimate, fixed, lone_estimate, plain, signed};
use super::super::plot::{Axis, Guide, Ink, Kind, Mark, Marker, Panel, Series, Stroke, legend, range_of};
use crate::record::{Estimate, ExactObservables, Observables};

/// Deviations beyond this many standard errors are marked.
const FAR: f64 = 3.0;

/// Room for the labels of the ordinate, the same in panels above each other.
const MARGIN: f64 = 58.0;

/// A quantity, where it is found and how it is written.
pub(super) struct Quantity {
    /// Name in words.
    pub(super) name: &'static str,
    /// Symbol on the axis.
    pub(super) symbol: &'static str,
    /// Its estimate.
    pub(super) of: fn(&Observables) -> Estimate,
    /// Its exact value.
    pub(super) exact: fn(&ExactObservables) -> Option<f64>,
}

/// Quantities in the order of the page; the first four are plotted against temperature.
pub(super) const QUANTITIES: [Quantity; 6] = [
    Quantity { name: "Energy per site", symbol: "e", of: |o| o.energy, exact: |x| Some(x.energy) },
    Quantity { name: "Specific heat", symbol: "C", of: |o| o.specific_heat, exact: |x| Some(x.specific_heat) },
    Quantity { name: "Magnetisation", symbol: "⟨|m|⟩", of: |o| o.magnetization, exact: |x| x.magnetization },
    Quantity { name: "Susceptibility", symbol: "χ", of: |o| o.susceptibility, exact: |x| x.susceptibility },
    Quantity { name: "Binder cumulant", symbol: "U₄", of: |o| o.binder, exact: |e| e.binder },
    Quantity { name: "Weight of positive m", symbol: "P(m > 0)", of: |o| o.p_up, exact: |x| x.p_up },
];

/// The section; empty where no point has observables.
pub(super) fn section(run: &RunView) -> String {
    let points: Vec<&PointView> = run.points.iter().filter(|p| p.ising().is_some() || p.samples().is_some()).collect();
    if points.is_empty() {
        return String::new();
    }
    let mut temperatures: Vec<f64> = points.iter().filter_map(|p| p.temperature()).collect();
    temperatures.dedup();
    let mut out = if temperatures.len() >= 2 { against_temperature(&points) } else { deviations(&points) };
    out.push_str(&table(&points));
    out.push_str(&correlations(&points));
    out
}

/// The value that an estimate is compared with: exact, else Monte Carlo.
fn reference(point: &PointView, quantity: &Quantity) -> Option<Estimate> {
    let ising = point.ising()?;
    let exact = ising.exact.as_ref().and_then(quantity.exact);
    Some(exact.map_or_else(|| (quantity.of)(&ising.observables), |x| Estimate::new(x, 0.0)))
}

/// Monte Carlo against exact only: against itself it says nothing.
fn data_deviation(point: &PointView, quantity: &Quantity) -> Option<f64> {
    let ising = point.ising()?;
    let exact = ising.exact.as_ref().and_then(quantity.exact)?;
    (quantity.of)(&ising.observables).deviation(&Estimate::new(exact, 0.0))
}

/// The model's samples against the reference.
fn model_deviation(point: &PointView, quantity: &Quantity) -> Option<f64> {
    (quantity.of)(point.samples()?).deviation(&reference(point, quantity)?)
}

fn sigma_cell(sigma: Option<f64>) -> Cell {
    match sigma {
        Some(s) if s.abs() > FAR => Cell::number(signed(s, 1)).class("n far"),
        other => Cell::maybe(other.map(|s| signed(s, 1))),
    }
}

fn table(points: &[&PointView]) -> String {
    let has_exact = points.iter().any(|p| p.ising().is_some_and(|i| i.exact.is_some()));
    let has_samples = points.iter().any(|p| p.samples().is_some());
    let has_data = points.iter().any(|p| p.ising().is_some());
    let mut headings = vec!["Point"];
    if has_exact {
        headings.push("#Exact");
    }
    if has_data {
        headings.push("#Monte Carlo");
    }
    if has_exact && has_data {
        headings.push("#Δ/σ");
    }
    if has_samples {
        headings.push("#Model samples");
    }
    if has_samples && has_data {
        headings.push("#Δ/σ");
    }
    let mut table = Table::new("Observables, per site, against exact values", &headings);
    for quantity in &QUANTITIES {
        let title = format!("{} {}", quantity.name, quantity.symbol);
        table.row_in("group", [Cell::heading(title).span(headings.len())]);
        let data = |p: &PointView| p.ising().map(|i| (quantity.of)(&i.observables));
        let model = |p: &PointView| p.samples().map(quantity.of);
        let decimals = |pick: &dyn Fn(&PointView) -> Option<Estimate>| {
            column_decimals(points.iter().filter_map(|p| pick(p)).map(|e| e.error), 4)
        };
        let (data_decimals, model_decimals) = (decimals(&data), decimals(&model));
        let exact_decimals = data_decimals.max(5);
        for point in points {
            let exact = point.ising().and_then(|i| (quantity.exact)(i.exact.as_ref()?));
            let written = |e: Option<Estimate>, decimals| Cell::maybe(e.map(|e| estimate(e.value, e.error, decimals)));
            let mut cells = vec![Cell::heading(point.heading())];
            if has_exact {
                cells.push(Cell::maybe(exact.map(|x| fixed(x, exact_decimals))));
            }
            if has_data {
                cells.push(written(data(point), data_decimals));
            }
            if has_exact && has_data {
                cells.push(sigma_cell(data_deviation(point, quantity)));
            }
            if has_samples {
                cells.push(written(model(point), model_decimals));
            }
            if has_samples && has_data {
                cells.push(sigma_cell(model_deviation(point, quantity)));
            }
            table.row(cells);
        }
    }
    let note = "<p>Δ/σ is the distance from the exact value in standard errors; where no exact value is known the \
                model is compared with Monte Carlo, both errors joined. Beyond 3 it is set in bold.</p>\n";
    table.finish() + note
}

/// Different models at one temperature, in the order of the page.
fn variants(points: &[&PointView]) -> Vec<String> {
    let mut variants: Vec<String> = Vec::new();
    for point in points {
        let variant = point.variant();
        if !variants.contains(&variant) {
            variants.push(variant);
        }
    }
    variants
}

fn against_temperature(points: &[&PointView]) -> String {
    let has_exact = points.iter().any(|p| p.ising().is_some_and(|i| i.exact.is_some()));
    let has_data = points.iter().any(|p| p.ising().is_some());
    let variants = variants(points);
    let mut key = Vec::new();
    if has_exact {
        key.push(("exact".to_string(), Ink::Exact, Marker::Dash, Stroke::Thin));
    }
    if has_data {
        key.push(("Monte Carlo".to_string(), Ink::Data, Marker::Dot, Stroke::None));
    }
    for (i, variant) in variants.iter().enumerate() {
        let has_samples = points.iter().any(|p| p.variant() == *variant && p.samples().is_some());
        if has_samples {
            let label = if variant.is_empty() { "model samples".to_string() } else { format!("model, {variant}") };
            let at = i % Ink::MODELS.len();
            key.push((label, Ink::MODELS[at], Marker::MODELS[at], Stroke::None));
        }
    }
    let panels: Vec<String> = QUANTITIES[..4].iter().map(|q| temperature_panel(points, q, &variants)).collect();
    let caption = "Observables per site against temperature T (in J/k<sub>B</sub>). Bars: one standard error, often \
                   smaller than the symbol. The thin line joins exact values and only guides the eye. Below each: distance from the exact \
                   value in standard errors; the band is ±3.";
    figure(&legend(&key), &panels, caption)
}

/// A number of a point, where it has one.
type Pick<'a, T> = Box<dyn Fn(&PointView) -> Option<T> + 'a>;

/// What the series of a panel are about: label, ink, marker, line and which estimate of a point they show.
struct Part<'a> {
    label: String,
    ink: Ink,
    marker: Marker,
    stroke: Stroke,
    pick: Pick<'a, Estimate>,
    sigma: Pick<'a, f64>,
}

fn parts<'a>(quantity: &'a Quantity, variants: &'a [String]) -> Vec<Part<'a>> {
    let mut parts = vec![
        Part {
            label: "exact".to_string(),
            ink: Ink::Exact,
            marker: Marker::Dash,
            stroke: Stroke::Thin,
            pick: Box::new(|p| (quantity.exact)(p.ising()?.exact.as_ref()?).map(|x| Estimate::new(x, 0.0))),
            sigma: Box::new(|_| None),
        },
        Part {
            label: "Monte Carlo".to_string(),
            ink: Ink::Data,
            marker: Marker::Dot,
            stroke: Stroke::None,
            pick: Box::new(|p| p.ising().map(|i| (quantity.of)(&i.observables))),
            sigma: Box::new(|p| data_deviation(p, quantity)),
        },
    ];
    for (i, variant) in variants.iter().enumerate() {
        let at = i % Ink::MODELS.len();
        parts.push(Part {
            label: format!("model samples {variant}").trim_end().to_string(),
            ink: Ink::MODELS[at],
            marker: Marker::MODELS[at],
            stroke: Stroke::None,
            pick: Box::new(move |p| (p.variant() == *variant).then(|| p.samples().map(quantity.of)).flatten()),
            sigma: Box::new(move |p| (p.variant() == *variant).then(|| model_deviation(p, quantity)).flatten()),
        });
    }
    parts
}

/// `x` > 0 rounded down to its first digit.
fn leading_digit(x: f64) -> f64 {
    let unit = 10f64.powi(decimal_exponent(x));
    (x / unit).floor() * unit
}

/// A quantity against temperature, and below it how far it lies from its reference.
fn temperature_panel(points: &[&PointView], quantity: &Quantity, variants: &[String]) -> String {
    let (mut values, mut distances) = (Vec::new(), Vec::new());
    for part in parts(quantity, variants) {
        let series = |stroke, marks: Vec<Mark>| Series {
            label: part.label.clone(),
            ink: part.ink,
            marker: part.marker,
            stroke,
            marks,
        };
        let value = |p: &&PointView| {
            let (t, e) = (p.temperature()?, (part.pick)(p)?);
            let hint = format!("T = {}: {}", plain(t, 7), lone_estimate(e.value, e.error));
            Some(Mark { x: t, y: e.value, dy: e.error, dx: 0.0, hint })
        };
        let distance = |p: &&PointView| {
            let (t, sigma) = (p.temperature()?, (part.sigma)(p)?);
            Some(Mark {
                x: t,
                y: sigma,
                hint: format!("T = {}: {} σ", plain(t, 7), signed(sigma, 1)),
                ..Mark::default()
            })
        };
        values.push(series(part.stroke, points.iter().filter_map(value).collect()));
        distances.push(series(Stroke::None, points.iter().filter_map(distance).collect()));
    }
    values.retain(|s| !s.marks.is_empty());
    distances.retain(|s| !s.marks.is_empty());
    let range = range_of(Kind::Linear, values.iter().flat_map(|s| s.marks.iter().map(|m| m.x)));
    let farthest = distances.iter().flat_map(|s| &s.marks).map(|m| m.y.abs()).fold(FAR, f64::max);
    let above = Panel {
        title: quantity.name.to_string(),
        description: format!("{} {} against temperature.", quantity.name, quantity.symbol),
        x: Axis { range, ..Axis::linear(if distances.is_empty() { "T" } else { "" }) },
        y: Axis::linear(quantity.symbol),
        series: values,
        height: (!distances.is_empty()).then_some(226.0),
        margin: MARGIN,
        ..Panel::default()
    };
    if distances.is_empty() {
        return above.draw();
    }
    // The band's edges, unless a point lies so far out that they would run together.
    let edge = if farthest <= 3.0 * FAR { FAR } else { leading_digit(farthest) };
    let ticks = [-edge, 0.0, edge].map(|v| (v, plain(v, 7))).to_vec();
    let below = Panel {
        description: format!("{}: distance from the reference in standard errors.", quantity.name),
        x: Axis { range, ..Axis::linear("T") },
        y: Axis { range: Some((-1.25 * farthest, 1.25 * farthest)), ticks: Some(ticks), ..Axis::linear("Δ/σ") },
        series: distances,
        guides: vec![Guide::Level(-FAR, FAR), Guide::Horizontal(0.0, String::new())],
        height: Some(112.0),
        margin: MARGIN,
        ..Panel::default()
    };
    format!("<div>{}{}</div>", above.draw(), below.draw())
}

/// One temperature: all quantities in units of their errors.
fn deviations(points: &[&PointView]) -> String {
    let mut series = vec![
        Series {
            label: "Monte Carlo".to_string(),
            ink: Ink::Data,
            marker: Marker::Dot,
            stroke: Stroke::None,
            marks: Vec::new(),
        },
        Series {
            label: "model samples".to_string(),
            ink: Ink::Model,
            marker: Marker::Diamond,
            stroke: Stroke::None,
            marks: Vec::new(),
        },
    ];
    let rows = QUANTITIES.len();
    for (i, quantity) in QUANTITIES.iter().enumerate() {
        for point in points {
            let place = (rows - i) as f64;
            let found = [(data_deviation(point, quantity), 0.14), (model_deviation(point, quantity), -0.14)];
            for (s, (sigma, shift)) in found.into_iter().enumerate() {
                let Some(sigma) = sigma else { continue };
                let hint = format!("{} {}: {} σ", quantity.name, quantity.symbol, signed(sigma, 2));
                series[s].marks.push(Mark { x: sigma, y: place + shift, dx: 1.0, dy: 0.0, hint });
            }
        }
    }
    series.retain(|s| !s.marks.is_empty());
    if series.is_empty() {
        return String::new();
    }
    let key: Vec<_> = series.iter().map(|s| (s.label.clone(), s.ink, s.marker, s.stroke)).collect();
    let farthest = series.iter().flat_map(|s| &s.marks).map(|m| m.x.abs()).fold(FAR, f64::max);
    let ticks = QUANTITIES.iter().enumerate().map(|(i, q)| ((rows - i) as f64, q.symbol.to_string())).collect();
    let panel = Panel {
        title: "Distance from the reference".to_string(),
        description: "Each observable's distance from its reference in standard errors.".to_string(),
        x: Axis {
            range: Some((-1.1 * farthest - 1.0, 1.1 * farthest + 1.0)),
            ..Axis::linear("(value − reference) / σ")
        },
        y: Axis { range: Some((0.5, rows as f64 + 0.5)), ticks: Some(ticks), ..Axis::default() },
        series,
        guides: vec![Guide::Band(-FAR, FAR), Guide::Vertical(0.0, String::new())],
        ..Panel::default()
    };
    let caption = "Distance from the exact value (from Monte Carlo where none is known) in standard errors; bars are \
                   one standard error, the band is ±3.";
    figure(&legend(&key), &[panel.draw()], caption)
}

/// G(r) of Monte Carlo and of the model, where recorded.
fn correlations(points: &[&PointView]) -> String {
    let mut panels = Vec::new();
    for point in points {
        let marks = |o: Option<&Observables>| -> Vec<Mark> {
            let values = o.map(|o| o.correlation.as_slice()).unwrap_or_default();
            let mark = |(r, e): (usize, &Estimate)| Mark {
                x: r as f64,
                y: e.value,
                dy: e.error,
                dx: 0.0,
                hint: format!("r = {r}: {}", lone_estimate(e.value, e.error)),
            };
            values.iter().enumerate().map(mark).collect()
        };
        let (data, model) = (marks(point.ising().map(|i| &i.observables)), marks(point.samples()));
        if data.is_empty() && model.is_empty() {
            continue;
        }
        let series = |label: &str, ink, marker, marks| Series {
            label: label.to_string(),
            ink,
            marker,
            stroke: Stroke::Thin,
            marks,
        };
        panels.push(
            Panel {
                title: point.heading(),
                description: "Correlation function along an axis against distance.".to_string(),
                x: Axis::linear("distance r"),
                y: Axis::linear("G(r)"),
                series: vec![
                    series("Monte Carlo", Ink::Data, Marker::Dot, data),
                    series("model samples", Ink::Model, Marker::Diamond, model),
                ],
                ..Panel::default()
            }
            .draw(),
        );
    }
    if panels.is_empty() {
        return String::new();
    }
    let key = [
        ("Monte Carlo".to_string(), Ink::Data, Marker::Dot, Stroke::Thin),
        ("model samples".to_string(), Ink::Model, Marker::Diamond, Stroke::Thin),
    ];
    let caption = "Correlation function G(r) = ⟨s<sub>0</sub>s<sub>r</sub>⟩ along an axis of the lattice.";
    format!("<h3>Correlations</h3>{}", figure(&legend(&key), &panels, caption))
}
