//! Partition function and likelihood by every method that was run, with their ceiling and their warnings.

use std::fmt::Write as _;

use super::super::html::{Cell, Table, callout};
use super::super::model::{PointView, RunView};
use super::super::number::{column_decimals, estimate, fixed, lone_estimate, significant};
use crate::record::{Bounds, Estimate, LikelihoodRecord};

/// Best log-likelihood of the training rows: of the evaluation, else the last of the training.
pub(super) fn best_training(point: &PointView) -> Option<Estimate> {
    let evaluated = point.likelihood().and_then(|l| {
        let named = ["train", "data"].iter().find_map(|set| l.log_likelihood.get(*set)?.best());
        named.or_else(|| l.log_likelihood.values().find_map(Bounds::best))
    });
    evaluated.or_else(|| point.training().and_then(|t| t.log_likelihood))
}

/// Short name of the ceiling that is the entropy of the source.
pub(super) const SOURCE_CEILING: &str = "ceiling −S";

/// Short name of the ceiling: −S where it is the entropy of the Ising model.
pub(super) fn ceiling_symbol(point: &PointView) -> &'static str {
    let kind = point.likelihood().and_then(|l| l.ceiling_kind.as_deref());
    let is_ising = kind.map_or(point.lattice().is_some(), |k| k == LikelihoodRecord::ENTROPY_OF_SOURCE);
    if is_ising { SOURCE_CEILING } else { "ceiling" }
}

/// Warnings that the run wrote, which has judged its numbers with all that it knew.
pub(super) fn warnings(point: &PointView) -> Vec<String> {
    point.likelihood().map_or_else(Vec::new, |likelihood| likelihood.warnings.clone())
}

/// The section's second part; empty where nothing was evaluated.
pub(super) fn section(run: &RunView) -> String {
    let points: Vec<(&PointView, &LikelihoodRecord)> =
        run.points.iter().filter_map(|p| Some((p, p.likelihood()?))).collect();
    if points.is_empty() {
        return String::new();
    }
    let mut out = String::from("<h3>Evaluation</h3>\n");
    for (point, _) in &points {
        let warnings = warnings(point);
        if !warnings.is_empty() {
            out.push_str(&callout("warn", &point.heading(), &warnings));
        }
    }
    out.push_str(&likelihood_table(&points));
    out.push_str(&partition_table(&points));
    out.push_str(
        "<p>AIS is annealed importance sampling. Forward, it estimates the partition function Z of the model without bias, \
         and so ln Z from below in the mean and the log-likelihood from above; reverse AIS errs on the other side. An \
         enumeration of the smaller layer is exact. Var ln w is the variance of the logarithms of the weights.</p>\n",
    );
    out
}

/// Methods in the order of the columns.
const METHODS: [fn(&Bounds) -> Option<Estimate>; 3] = [|b| b.forward, |b| b.reverse, |b| b.exact];

/// Cells of the three methods; each column has its own number of decimals.
fn method_cells(bounds: &Bounds, decimals: &[usize; 3]) -> Vec<Cell> {
    METHODS
        .iter()
        .zip(decimals)
        .map(|(pick, decimals)| Cell::maybe(pick(bounds).map(|e| estimate(e.value, e.error, *decimals))))
        .collect()
}

fn method_decimals(all: &[&Bounds]) -> [usize; 3] {
    METHODS.map(|pick| column_decimals(all.iter().filter_map(|b| pick(b)).map(|e| e.error), 5))
}

fn likelihood_table(points: &[(&PointView, &LikelihoodRecord)]) -> String {
    let has_independent = points.iter().any(|(_, l)| !l.over_independent.is_empty());
    let mut columns = vec!["Point", "Rows", "#Forward AIS", "#Reverse AIS", "#Exact"];
    columns.extend(has_independent.then_some("#Above independent units"));
    columns.extend(["#Ceiling", "#KL(q‖p)"]);
    let mut table = Table::new("Mean log-likelihood of a row, in nats", &columns);
    let decimals = method_decimals(&points.iter().flat_map(|(_, l)| l.log_likelihood.values()).collect::<Vec<_>>());
    for (point, likelihood) in points {
        let mut sets: Vec<(&String, &Bounds)> = likelihood.log_likelihood.iter().collect();
        // Training rows first, whatever their name sorts to.
        sets.sort_by_key(|(name, _)| *name != "train");
        for (i, (name, bounds)) in sets.into_iter().enumerate() {
            let heading = if i == 0 { point.heading() } else { String::new() };
            let mut cells = vec![Cell::heading(heading), Cell::text(name.replace('_', "-"))];
            cells.extend(method_cells(bounds, &decimals));
            if has_independent {
                let over = likelihood.over_independent.get(name);
                cells.push(Cell::maybe(over.map(|e| lone_estimate(e.value, e.error))));
            }
            let first = |cell: Option<String>| if i == 0 { Cell::maybe(cell) } else { Cell::text("") };
            cells.push(first(likelihood.ceiling.map(|c| fixed(c, 4))));
            cells.push(first(
                likelihood
                    .kl
                    .map(|e| if e.error > 0.0 { lone_estimate(e.value, e.error) } else { significant(e.value, 3) }),
            ));
            table.row(cells);
        }
    }
    let mut out = table.finish();
    let _ = writeln!(out, "<p>{}</p>", super::super::html::escape(&below_table(points)));
    out
}

/// What the numbers of the table are.
fn below_table(points: &[(&PointView, &LikelihoodRecord)]) -> String {
    let mut words = Vec::new();
    // Parts of errors by ln Z: rows are alike in all methods.
    let both = |(_, l): &(&PointView, &LikelihoodRecord)| {
        l.log_likelihood.values().any(|b| b.best().is_some_and(|e| e.parts.is_some()))
    };
    words.push(if points.iter().any(both) {
        "Errors are those of ln Z, as in the next table, and of the mean over the rows together."
    } else {
        "Errors are those of ln Z alone: how far other rows would give another mean is not in them."
    });
    let kinds: Vec<&str> = points.iter().filter_map(|(_, l)| l.ceiling_kind.as_deref()).collect();
    words.push(match kinds.first() {
        Some(&LikelihoodRecord::ENTROPY_OF_SOURCE) => {
            "The ceiling is minus the entropy of the Ising model, a bound on the mean over fresh rows, about which that of \
             finitely many rows scatters; training rows of a machine that over-fits lie above it."
        }
        Some(&LikelihoodRecord::ENTROPY_OF_ROWS) => {
            "The ceiling is minus the plug-in entropy of the first rows, a bound on these that a machine reaches which knows \
             every row by heart."
        }
        _ => "",
    });
    if points.iter().any(|(_, l)| l.kl.is_some()) {
        words.push(
            "KL(q‖p) is the divergence of the machine p from the Ising model q, taken row by row, so that the scatter of the \
             rows cancels: 0 for a perfect machine.",
        );
    }
    words.join(" ")
}

fn partition_table(points: &[(&PointView, &LikelihoodRecord)]) -> String {
    let columns = ["Point", "#Forward AIS", "#Reverse AIS", "#Exact", "#Effective sample size", "#Var ln w (nats²)"];
    let mut table = Table::new("ln Z of the model and quality of the AIS weights", &columns);
    let decimals = method_decimals(&points.iter().map(|(_, l)| &l.log_z).collect::<Vec<_>>());
    for (point, likelihood) in points {
        let mut cells = vec![Cell::heading(point.heading())];
        cells.extend(method_cells(&likelihood.log_z, &decimals));
        cells.push(Cell::maybe(likelihood.effective_sample_size.map(|x| fixed(x, usize::from(x < 10.0)))));
        cells.push(Cell::maybe(likelihood.log_weight_variance.map(|x| significant(x, 2))));
        table.row(cells);
    }
    table.finish()
}
