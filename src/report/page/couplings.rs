//! The couplings that the machine holds: matrices, distributions, strongest pairs, sizes by order.

use super::super::html::{Cell, Table, details, figure};
use super::super::model::{PairMatrix, PointView, RunView};
use super::super::number::{count, estimate, fixed, significant};
use super::super::plot::{Axis, HeatMap, Ink, MOST_NAMES, Mark, Marker, Panel, Series, Stroke, legend};
use super::{histogram, pairs};

/// The section; empty where no couplings were read.
pub(super) fn section(run: &RunView) -> String {
    let points: Vec<&PointView> = run.points.iter().filter(|p| !p.couplings().is_empty()).collect();
    if points.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    out.push_str(&against_truth(&points));
    for basis in ["spin", "binary"] {
        out.push_str(&matrices(&points, basis));
    }
    let is_lattice = points.iter().any(|p| p.lattice().is_some());
    if !is_lattice {
        let tables = pairs::agreement(run, "spin") + &pairs::agreement(run, "binary");
        if !tables.is_empty() {
            out.push_str(&format!("<h3>Agreement between points</h3><div class=\"columns\">{tables}</div>\n"));
        }
    }
    out.push_str(&strongest(&points, is_lattice));
    out.push_str(&orders(&points));
    out
}

/// Neighbour couplings against 1/T, where the data come from an Ising model.
fn against_truth(points: &[&PointView]) -> String {
    let mut table = Table::new(
        "Pair couplings in the spin basis against those of the Ising model",
        &["Point", "#1/T", "#Neighbours, mean ± spread", "#Ratio to 1/T", "#All others, rms"],
    );
    let (mut marks, mut line) = (Vec::new(), Vec::new());
    for point in points {
        let Some(truth) = point.couplings_in("spin").and_then(|c| c.truth) else { continue };
        table.row([
            Cell::heading(point.heading()),
            Cell::number(fixed(truth.expected, 4)),
            Cell::number(estimate(truth.neighbours.value, truth.neighbours.error, 4)),
            Cell::number(fixed(truth.neighbour_ratio, 3)),
            Cell::number(fixed(truth.others_rms, 4)),
        ]);
        let written = estimate(truth.neighbours.value, truth.neighbours.error, 3);
        let hint = format!("1/T = {}: {written}", fixed(truth.expected, 4));
        marks.push(Mark { x: truth.expected, y: truth.neighbours.value, dy: truth.neighbours.error, dx: 0.0, hint });
        line.push(Mark { x: truth.expected, y: truth.expected, ..Mark::default() });
    }
    if table.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    if marks.len() >= 2 {
        line.sort_by(|a, b| a.x.total_cmp(&b.x));
        let panel = Panel {
            title: "Neighbour couplings".to_string(),
            description: "Mean learned neighbour coupling against 1/T with the line of equality.".to_string(),
            x: Axis::linear("1/T"),
            y: Axis::linear("J between neighbours"),
            series: vec![
                Series {
                    label: "truth".to_string(),
                    ink: Ink::Exact,
                    marker: Marker::None,
                    stroke: Stroke::Thin,
                    marks: line,
                },
                Series {
                    label: "learned".to_string(),
                    ink: Ink::Model,
                    marker: Marker::Diamond,
                    stroke: Stroke::None,
                    marks,
                },
            ],
            ..Panel::default()
        };
        let key = [
            ("truth, J = 1/T".to_string(), Ink::Exact, Marker::None, Stroke::Thin),
            ("learned, mean and spread over bonds".to_string(), Ink::Model, Marker::Diamond, Stroke::None),
        ];
        let caption = "Couplings between neighbours read out of the machine, against those of the Ising model.";
        out.push_str(&figure(&legend(&key), &[panel.draw()], caption));
    }
    out + &table.finish()
}

/// Order of units that puts strongly coupled ones side by side: average linkage on the couplings themselves.
fn neighbours_together(matrix: &PairMatrix) -> Vec<usize> {
    let n = matrix.n;
    let mut groups: Vec<Vec<usize>> = (0..n).map(|j| vec![j]).collect();
    let finite = |x: f64| if x.is_finite() { x } else { 0.0 };
    let mut links: Vec<f64> = (0..n * n).map(|i| finite(matrix.values[i])).collect();
    let mut alive: Vec<usize> = (0..n).collect();
    while alive.len() > 1 {
        let mut best = (0, 1, f64::NEG_INFINITY);
        for (i, &a) in alive.iter().enumerate() {
            for (k, &b) in alive.iter().enumerate().skip(i + 1) {
                if links[a * n + b] > best.2 {
                    best = (i, k, links[a * n + b]);
                }
            }
        }
        let (a, b) = (alive[best.0], alive.remove(best.1));
        let (size_a, size_b) = (groups[a].len() as f64, groups[b].len() as f64);
        for &c in alive.iter().filter(|c| **c != a) {
            let joint = (size_a * links[a * n + c] + size_b * links[b * n + c]) / (size_a + size_b);
            links[a * n + c] = joint;
            links[c * n + a] = joint;
        }
        let moved = std::mem::take(&mut groups[b]);
        groups[a].extend(moved);
    }
    alive.first().map(|a| std::mem::take(&mut groups[*a])).unwrap_or_default()
}

/// The same matrix with its units in another order.
fn reordered(matrix: &PairMatrix, order: &[usize]) -> Vec<f64> {
    order.iter().flat_map(|&j| order.iter().map(move |&k| matrix.at(j, k))).collect()
}

/// Most points whose matrices stand open on the page.
const MOST_OPEN: usize = 6;

/// One order of units for all matrices of a basis, from their mean, so that they can be compared by eye.
fn common_order(matrices: &[&PairMatrix]) -> Vec<usize> {
    let Some(first) = matrices.first() else { return Vec::new() };
    let alike: Vec<&&PairMatrix> = matrices.iter().filter(|m| m.n == first.n).collect();
    let sum = |i: usize| alike.iter().map(|m| m.values[i]).filter(|v| v.is_finite()).sum::<f64>();
    let mean: Vec<f64> = (0..first.n * first.n).map(|i| sum(i) / alike.len() as f64).collect();
    PairMatrix::new(first.basis.clone(), first.n, mean).map(|m| neighbours_together(&m)).unwrap_or_default()
}

/// Whether a point's matrix is shown with the names of its units.
fn is_named(point: &PointView, matrix: &PairMatrix) -> bool {
    (1..=MOST_NAMES).contains(&matrix.n) && point.names.len() == matrix.n && point.lattice().is_none()
}

fn matrices(points: &[&PointView], basis: &str) -> String {
    let symbol = if basis == "spin" { "J" } else { "A" };
    let named: Vec<&PairMatrix> = points.iter().filter_map(|p| p.matrix_in(basis).filter(|m| is_named(p, m))).collect();
    let order = common_order(&named);
    let (mut panels, mut wide) = (Vec::new(), Vec::new());
    let (mut split, mut beyond) = (false, 0);
    for point in points {
        let Some(matrix) = point.matrix_in(basis) else { continue };
        let heading = point.heading();
        let named = is_named(point, matrix) && order.len() == matrix.n;
        let values = if named { reordered(matrix, &order) } else { matrix.values.clone() };
        let map = HeatMap {
            title: format!("{heading}: {symbol} of all pairs, {basis} basis"),
            description: format!("Matrix of {0} by {0} pair couplings; blue negative, orange positive.", matrix.n),
            n: matrix.n,
            values: &values,
            names: if named { order.iter().map(|j| point.unit_name(*j)).collect() } else { Vec::new() },
        };
        beyond = beyond.max(map.beyond());
        if map.is_named() { &mut wide } else { &mut panels }.push((heading.clone(), map.draw()));
        let truth = point.couplings_in(basis).and_then(|c| c.truth).map(|t| t.expected);
        let title = format!("{heading}: distribution");
        if let Some(panel) = histogram::panel(&title, matrix, point.lattice(), truth) {
            panels.push((heading, panel));
            split |= point.lattice().is_some();
        }
    }
    let clipped =
        if beyond > 0 { " A few values lie beyond the ends of the scale and take its end colours." } else { "" };
    let mut out = wide_maps(&wide, basis, clipped);
    if !panels.is_empty() {
        let key = if split {
            legend(&[
                ("neighbours on the lattice".to_string(), Ink::Model, Marker::None, Stroke::Solid),
                ("all other pairs".to_string(), Ink::Data, Marker::None, Stroke::Solid),
            ])
        } else {
            String::new()
        };
        let caption = if wide.is_empty() {
            format!(
                "Pair couplings in the {basis} basis: matrices, and histograms over all pairs (counts on a logarithmic \
                 axis).{clipped}"
            )
        } else {
            format!("Distribution of the pair couplings in the {basis} basis (counts on a logarithmic axis).")
        };
        let has_matrices = wide.is_empty();
        let panels: Vec<String> = panels.into_iter().map(|(_, panel)| panel).collect();
        let block = figure(&key, &panels, &caption);
        // A matrix and its histogram belong in one row.
        let block = if has_matrices { block.replacen("class=\"panels\"", "class=\"panels two\"", 1) } else { block };
        let n_points = points.iter().filter(|p| p.matrix_in(basis).is_some()).count();
        out.push_str(&if n_points > MOST_OPEN && has_matrices {
            details(&format!("Matrices and distributions of all {n_points} points"), &block, false)
        } else {
            block
        });
    }
    if basis == "binary" && !out.is_empty() && points.iter().any(|p| p.matrix_in("spin").is_some()) {
        return details("The same in the binary basis", &out, false);
    }
    out
}

/// Matrices with names along their edges, the first open, the others on a click.
fn wide_maps(maps: &[(String, String)], basis: &str, clipped: &str) -> String {
    let mut out = String::new();
    for (i, (heading, map)) in maps.iter().enumerate() {
        let caption = format!(
            "Pair couplings in the {basis} basis; units are ordered so that strongly coupled ones stand together\
             {}. The scale is symmetric about zero.{clipped}",
            if maps.len() > 1 { ", in the same order for all points" } else { "" }
        );
        let panel = format!("<div class=\"wide\" tabindex=\"0\">{map}</div>");
        let block = figure("", &[panel], &caption).replacen("panels one", "panels full", 1);
        out.push_str(&if i == 0 { block } else { details(&format!("The same for {heading}"), &block, false) });
    }
    out
}

/// Lists of strongest pairs; open for named data, closed for lattices where names say little.
fn strongest(points: &[&PointView], is_lattice: bool) -> String {
    let mut out = String::new();
    for (i, point) in points.iter().enumerate() {
        let tables: String =
            ["spin", "binary"].iter().filter_map(|b| Some(pairs::strongest(point, point.couplings_in(b)?))).collect();
        if tables.is_empty() {
            continue;
        }
        let columns = format!("<div class=\"columns\">{tables}</div>");
        let title =
            if points.len() > 1 { format!("Strongest pairs, {}", point.heading()) } else { "Strongest pairs".into() };
        if is_lattice || i > 0 {
            out.push_str(&details(&title, &columns, false));
        } else {
            out.push_str(&format!("<h3>{}</h3>{columns}\n", super::super::html::escape(&title)));
        }
    }
    out
}

/// Number and size of the couplings of each order.
fn orders(points: &[&PointView]) -> String {
    let columns = ["Point", "Basis", "Method", "#Order", "#Couplings", "#rms", "File"];
    let mut table =
        Table::new("Number of couplings of each order and their root mean square, in the units of the basis", &columns);
    for point in points {
        for couplings in point.couplings() {
            for (i, (order, summary)) in couplings.orders.iter().enumerate() {
                let first = |text: &str| if i == 0 { text.to_string() } else { String::new() };
                table.row([
                    Cell::heading(first(&point.heading())),
                    Cell::text(first(&couplings.basis)),
                    Cell::text(first(&couplings.method)),
                    Cell::number(order),
                    Cell::number(count(summary.count as u64)),
                    Cell::number(significant(summary.rms, 3)),
                    Cell::text(first(&couplings.file)),
                ]);
            }
        }
    }
    if table.is_empty() { String::new() } else { format!("<h3>Couplings by order</h3>{}", table.finish()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strongly_coupled_units_stand_together() {
        // Two blocks {0, 2, 4} and {1, 3} with couplings only inside.
        let n = 5;
        let mut values = vec![0.0; n * n];
        for j in 0..n {
            for k in 0..n {
                if j != k && j % 2 == k % 2 {
                    values[j * n + k] = 1.0;
                }
            }
        }
        let order = neighbours_together(&PairMatrix::new("spin", n, values).unwrap());
        let blocks: Vec<usize> = order.iter().map(|j| j % 2).collect();
        assert_eq!(order.len(), n);
        assert_eq!(blocks.windows(2).filter(|w| w[0] != w[1]).count(), 1, "{order:?}");
    }

    #[test]
    fn an_empty_or_undefined_matrix_is_ordered_too() {
        assert!(neighbours_together(&PairMatrix::new("spin", 0, vec![]).unwrap()).is_empty());
        let undefined = PairMatrix::new("spin", 3, vec![f64::NAN; 9]).unwrap();
        assert_eq!(neighbours_together(&undefined).len(), 3);
    }
}
