//! Curves of the training: log-likelihood against updates with its ceiling, pseudo-likelihood, free-energy gap.

use std::fmt::Write as _;

use super::super::html::{Cell, Table, figure};
use super::super::model::{PointView, RunView};
use super::super::number::{count, duration, fixed, lone_estimate, significant, usable};
use super::super::plot::{Axis, Guide, Ink, Mark, Marker, Panel, Series, Stroke, legend};
use super::likelihood::{SOURCE_CEILING, ceiling_symbol};
use crate::record::TrainMetric;

/// Curves with more points than this are drawn without markers.
const MOST_MARKERS: usize = 40;

/// A first stretch that spans this many times the range of the rest is cut off at the frame.
const STEEP: f64 = 12.0;

/// The section's first part; empty where nothing was trained.
pub(super) fn section(run: &RunView) -> String {
    let mut out = likelihood_figure(&run.points);
    out.push_str(&other_figure(&run.points));
    out.push_str(&table(&run.points));
    out
}

/// One curve out of the metrics.
fn curve(point: &PointView, label: &str, ink: Ink, pick: impl Fn(&TrainMetric) -> Option<(f64, f64)>) -> Series {
    let metrics = point.metrics();
    let mark = |m: &&TrainMetric| {
        let (value, error) = pick(m)?;
        let hint = format!("{} updates: {}", count(m.update), lone_estimate(value, error));
        Some(Mark { x: m.update as f64, y: value, dy: error, dx: 0.0, hint })
    };
    let marks: Vec<Mark> = metrics.iter().filter_map(mark).collect();
    let marker = if marks.len() > MOST_MARKERS { Marker::None } else { marker_of(ink) };
    Series { label: label.to_string(), ink, marker, stroke: stroke_of(ink), marks }
}

fn marker_of(ink: Ink) -> Marker {
    if ink == Ink::HeldOut { Marker::Square } else { Marker::Dot }
}

fn stroke_of(ink: Ink) -> Stroke {
    if ink == Ink::HeldOut { Stroke::Dashed } else { Stroke::Solid }
}

/// The ceiling, where it is no farther above the curves than they are high: else it is told in words, and does not squeeze
/// them.
fn in_reach(series: &[Series], ceiling: f64) -> bool {
    let values = || series.iter().flat_map(|s| &s.marks).map(|m| m.y).filter(|y| usable(*y));
    let (Some(low), Some(high)) = (values().reduce(f64::min), values().reduce(f64::max)) else { return false };
    ceiling - high <= high - low
}

/// The ordinate's range with the ceiling in it, and whether the first, steep stretch leaves
/// it below.
fn ordinate(series: &[Series], ceiling: Option<f64>) -> Option<((f64, f64), bool)> {
    let (mut all, mut later) = (Vec::new(), Vec::new());
    for s in series {
        let low = |m: &Mark| if m.dy.is_finite() { m.y - m.dy } else { m.y };
        let values: Vec<f64> = s.marks.iter().map(low).filter(|y| usable(*y)).collect();
        later.extend_from_slice(&values[values.len() / 5..]);
        all.extend(values);
    }
    let lowest = |values: &[f64]| values.iter().copied().reduce(f64::min);
    let tops = series.iter().flat_map(|s| &s.marks).map(|m| m.y + if m.dy.is_finite() { m.dy } else { 0.0 });
    let top = tops.chain(ceiling).filter(|y| usable(*y)).reduce(f64::max)?;
    let (low, settled) = (lowest(&all)?, lowest(&later)?);
    let is_cut = all.len() > 5 && top > settled && top - low > STEEP * (top - settled);
    let low = if is_cut { settled - 0.2 * (top - settled) } else { low.min(ceiling.unwrap_or(low)) };
    let span = (top - low).max(1e-6 * top.abs()).max(1e-9);
    Some(((low - 0.05 * span, top + 0.05 * span), is_cut))
}

/// What a ceiling means, for each kind that there is.
fn about_ceilings(points: &[PointView]) -> String {
    let is_known = |p: &&PointView| {
        p.likelihood().is_some_and(|l| l.ceiling.is_some()) || p.metrics().iter().any(|m| m.ceiling.is_some())
    };
    let of_source = |p: &PointView| ceiling_symbol(p) == SOURCE_CEILING;
    let known: Vec<&PointView> = points.iter().filter(is_known).collect();
    let mut out = String::new();
    if known.iter().any(|p| of_source(p)) {
        out.push_str(
            " −S, minus the entropy of the Ising model, bounds the mean over fresh rows, about which that of these rows \
             scatters; training rows that the machine knows by heart lie above it. A curve farther above it than its bars means \
             that annealing missed a part of the machine when that point was measured.",
        );
    }
    if known.iter().any(|p| !of_source(p)) {
        out.push_str(" The ceiling of training rows is minus their plug-in entropy, which a machine reaches that knows every row by heart.");
    }
    out
}

fn likelihood_figure(points: &[PointView]) -> String {
    let mut panels = Vec::new();
    let (mut any_held_out, mut any_cut, mut any_ceiling, mut beyond) = (false, false, false, Vec::new());
    for point in points {
        let training = curve(point, "training rows", Ink::Model, |m| m.log_likelihood.map(|e| (e.value, e.error)));
        let held_out =
            curve(point, "held-out rows", Ink::HeldOut, |m| m.held_out_log_likelihood.map(|e| (e.value, e.error)));
        if training.marks.is_empty() && held_out.marks.is_empty() {
            continue;
        }
        any_held_out |= !held_out.marks.is_empty();
        let of_metrics = || point.metrics().iter().rev().find_map(|m| m.ceiling);
        let ceiling = point.likelihood().and_then(|l| l.ceiling).or_else(of_metrics).filter(|c| usable(*c));
        let series: Vec<Series> = [training, held_out].into_iter().filter(|s| !s.marks.is_empty()).collect();
        let drawn = ceiling.filter(|&c| in_reach(&series, c));
        if let (Some(c), None) = (ceiling, drawn) {
            beyond.push(format!("{} ({})", fixed(c, 3), point.heading()));
        }
        let ordinate = ordinate(&series, drawn);
        any_cut |= ordinate.is_some_and(|(_, is_cut)| is_cut);
        any_ceiling |= drawn.is_some();
        let label = |c: f64| format!("{} = {}", ceiling_symbol(point), fixed(c, 3));
        panels.push(
            Panel {
                title: point.heading(),
                description: format!(
                    "Log-likelihood against updates{}.",
                    ceiling.map(|c| format!("; the ceiling is {}", fixed(c, 3))).unwrap_or_default()
                ),
                x: Axis::linear("updates"),
                y: Axis { range: ordinate.map(|(range, _)| range), ..Axis::linear("log-likelihood (nats a row)") },
                series,
                guides: drawn.map(|c| Guide::Horizontal(c, label(c))).into_iter().collect(),
                ..Panel::default()
            }
            .draw(),
        );
    }
    if panels.is_empty() {
        return String::new();
    }
    let mut key = vec![("training rows".to_string(), Ink::Model, Marker::Dot, Stroke::Solid)];
    if any_held_out {
        key.push(("held-out rows".to_string(), Ink::HeldOut, Marker::Square, Stroke::Dashed));
    }
    let mut caption =
        "Mean log-likelihood of a row against parameter updates; bars are one standard error.".to_string();
    if any_ceiling {
        caption.push_str(" Dashed line: the ceiling.");
    }
    if !beyond.is_empty() {
        let _ = write!(caption, " The ceiling lies above the figure: {}.", beyond.join(", "));
    }
    caption.push_str(&about_ceilings(points));
    if any_cut {
        caption.push_str(" Where the first stretch is very steep it leaves the frame below.");
    }
    figure(&legend(&key), &panels, &caption)
}

/// Name of the panel of the likelihood along the training.
const ALONG: &str = "along the training";

fn along(m: &TrainMetric) -> Option<f64> {
    m.online_log_likelihood.map(|e| e.value)
}

/// Likelihood along the training, pseudo-likelihood, free-energy gap and more.
fn other_figure(points: &[PointView]) -> String {
    type Pick = fn(&TrainMetric) -> Option<f64>;
    let quantities: [(&str, &str, Pick); 7] = [
        ("pseudo-likelihood", "log pseudo-likelihood (nats a row)", |m| m.pseudo_likelihood),
        ("free-energy gap", "F held out − F training (nats)", |m| m.free_energy_gap),
        ("weight of positive m", "P(m > 0) of the chains", |m| m.p_up),
        ("reconstruction", "mean squared error by unit", |m| m.reconstruction_error),
        ("pair moments", "rms difference of chains and data", |m| m.moment_differences.map(|d| d[1])),
        ("gradient", "rms of the gradient by a weight", |m| m.gradient_rms),
        ("singular value", "largest singular value of the weights", |m| m.singular_values.first().copied()),
    ];
    let mut panels = Vec::new();
    for point in points {
        let along = (ALONG, "log-likelihood along the training (nats a row)", along as Pick);
        for (name, label, pick) in [along].into_iter().chain(quantities) {
            let error =
                |m: &TrainMetric| if name == ALONG { m.online_log_likelihood.map_or(0.0, |e| e.error) } else { 0.0 };
            let series = curve(point, name, Ink::Model, |m| pick(m).map(|x| (x, error(m))));
            if series.marks.is_empty() {
                continue;
            }
            let is_gap = name == "free-energy gap";
            panels.push(
                Panel {
                    title: format!("{}: {name}", point.heading()),
                    description: format!("{label} against updates."),
                    x: Axis::linear("updates"),
                    y: Axis { range: (name == "weight of positive m").then_some((0.0, 1.0)), ..Axis::linear(label) },
                    series: vec![series],
                    guides: if is_gap { vec![Guide::Horizontal(0.0, String::new())] } else { Vec::new() },
                    ..Panel::default()
                }
                .draw(),
            );
        }
    }
    if panels.is_empty() {
        return String::new();
    }
    let caption = "Further signs of the training. The likelihood along the training is that of chains which \
                   follow it. A free-energy gap that keeps growing means over-fitting; chains whose \
                   weight of positive m leaves one half have lost a symmetry of the data.";
    super::super::html::details(
        "Likelihood along the training, free-energy gap and chains",
        &figure("", &panels, caption),
        false,
    )
}

fn table(points: &[PointView]) -> String {
    let columns = [
        "Point",
        "#Updates",
        "#Updates/s",
        "#Time",
        "#Last learning rate",
        "#Weights, rms",
        "#Pseudo-likelihood",
        "Model",
    ];
    let mut table = Table::new("Training", &columns);
    for point in points {
        let Some(training) = point.training() else { continue };
        let metrics = point.metrics();
        let last = metrics.last();
        table.row([
            Cell::heading(point.heading()),
            Cell::number(count(training.updates)),
            Cell::number(significant(training.updates_per_second, 3)),
            Cell::number(duration(training.seconds)),
            Cell::maybe(last.map(|m| significant(m.learning_rate, 2))),
            Cell::maybe(last.map(|m| significant(m.weight_rms, 3))),
            Cell::maybe(training.pseudo_likelihood.map(|x| significant(x, 5))),
            Cell::text(&training.model),
        ]);
    }
    if table.is_empty() { String::new() } else { table.finish() }
}
