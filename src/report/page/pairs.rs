//! The strongest pairs by name, in both bases, and how well points agree about them.

use std::collections::BTreeMap;

use super::super::html::{Cell, Table};
use super::super::model::{PointView, RunView};
use super::super::number::{column_decimals, count, fixed, lone_estimate};
use crate::record::{CouplingsRecord, Estimate, NamedCoupling};

/// Rows of a list of strongest pairs.
const SHOWN: usize = 30;

/// Names joined by an en dash, as pairs are written in print.
fn pair_name(point: &PointView, coupling: &NamedCoupling) -> String {
    let name = |i: usize, unit: usize| {
        coupling.names.get(i).filter(|n| !n.is_empty()).cloned().unwrap_or_else(|| point.unit_name(unit))
    };
    let names: Vec<String> = coupling.units.iter().enumerate().map(|(i, unit)| name(i, *unit)).collect();
    if names.is_empty() { coupling.names.join(" – ") } else { names.join(" – ") }
}

/// Value of the same pair in another basis: from its matrix, else from its list.
fn elsewhere(point: &PointView, basis: &str, units: &[usize]) -> Option<f64> {
    let [j, k] = *units else { return None };
    let of_matrix = point.matrix_in(basis).filter(|m| j < m.n && k < m.n).map(|m| m.at(j, k));
    of_matrix.or_else(|| {
        let list = &point.couplings_in(basis)?.strongest;
        list.iter().find(|c| c.units == units).map(|c| c.value)
    })
}

/// Strongest pairs of one basis with their value in the other; empty where none are recorded.
pub(super) fn strongest(point: &PointView, couplings: &CouplingsRecord) -> String {
    if couplings.strongest.is_empty() {
        return String::new();
    }
    let other = if couplings.basis == "spin" { "binary" } else { "spin" };
    let shown = &couplings.strongest[..couplings.strongest.len().min(SHOWN)];
    let others: Vec<Option<f64>> = shown.iter().map(|c| elsewhere(point, other, &c.units)).collect();
    let has_other = others.iter().any(Option::is_some);
    let (own_heading, other_heading) =
        (format!("#{}", heading_of(&couplings.basis)), format!("#{}", heading_of(other)));
    let mut columns = vec!["#Rank", "Pair", own_heading.as_str()];
    if has_other {
        columns.push(&other_heading);
    }
    let caption = format!("Strongest positive pairs, {} basis ({})", couplings.basis, couplings.method);
    let mut table = Table::new(&caption, &columns);
    for (i, (coupling, other)) in shown.iter().zip(others).enumerate() {
        let mut cells = vec![
            Cell::number((i + 1).to_string()),
            Cell::heading(pair_name(point, coupling)),
            Cell::number(fixed(coupling.value, 4)),
        ];
        if has_other {
            cells.push(Cell::maybe(other.map(|x| fixed(x, 4))));
        }
        table.row(cells);
    }
    table.finish()
}

/// Column heading of a basis.
fn heading_of(basis: &str) -> String {
    match basis {
        "spin" => "J (spin)".to_string(),
        "binary" => "A (binary)".to_string(),
        other => other.to_string(),
    }
}

/// A pair over several points.
struct Agreement {
    name: String,
    values: Vec<f64>,
    listed: usize,
}

/// Pairs that several points hold among their strongest: for repeated trainings, how well they agree.
pub(super) fn agreement(run: &RunView, basis: &str) -> String {
    let mut pairs: BTreeMap<Vec<usize>, Agreement> = BTreeMap::new();
    let points: Vec<&PointView> = run.points.iter().filter(|p| p.couplings_in(basis).is_some()).collect();
    if points.len() < 2 {
        return String::new();
    }
    for point in &points {
        let Some(couplings) = point.couplings_in(basis) else { continue };
        for coupling in couplings.strongest.iter().take(SHOWN) {
            let name = pair_name(point, coupling);
            let entry = pairs.entry(coupling.units.clone()).or_insert_with(|| Agreement {
                name,
                values: Vec::new(),
                listed: 0,
            });
            entry.listed += 1;
        }
    }
    for (units, entry) in &mut pairs {
        entry.values = points.iter().filter_map(|p| elsewhere(p, basis, units)).filter(|v| v.is_finite()).collect();
    }
    let mut ranked: Vec<(Agreement, Estimate)> = pairs
        .into_values()
        .filter_map(|a| {
            let estimate = mean_and_spread(&a.values)?;
            Some((a, estimate))
        })
        .collect();
    ranked.sort_by(|a, b| b.0.listed.cmp(&a.0.listed).then(b.1.value.total_cmp(&a.1.value)));
    ranked.truncate(SHOWN);
    let caption = format!("Pairs among the {SHOWN} strongest of several points, {basis} basis");
    let listed = format!("#Listed in, of {}", points.len());
    let mut table = Table::new(&caption, &["Pair", &listed, "#Mean ± spread"]);
    let decimals = column_decimals(ranked.iter().map(|(_, e)| e.error), 4).min(3);
    for (pair, estimate) in ranked {
        table.row([
            Cell::heading(&pair.name),
            Cell::number(count(pair.listed as u64)),
            Cell::number(if pair.values.len() > 1 {
                format!("{} ± {}", fixed(estimate.value, decimals), fixed(estimate.error, decimals))
            } else {
                lone_estimate(estimate.value, 0.0)
            }),
        ]);
    }
    if table.is_empty() { String::new() } else { table.finish() }
}

/// Mean and standard deviation.
fn mean_and_spread(values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some(Estimate::new(mean, if n > 1.0 { (squares / (n - 1.0)).sqrt() } else { 0.0 }))
}
