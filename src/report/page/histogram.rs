//! Counts of pair couplings: neighbours on the lattice against all other pairs.

use super::super::model::PairMatrix;
use super::super::number::{fixed, usable};
use super::super::plot::{Axis, Guide, Ink, Kind, Panel, Steps};
use crate::lattice::Lattice;

/// Bins over the range of all values.
const BINS: usize = 48;

/// Pair couplings of a matrix, split by the bonds of a lattice: (neighbours, others).
fn split(matrix: &PairMatrix, lattice: Option<Lattice>) -> (Vec<f64>, Vec<f64>) {
    let mut is_bond = vec![false; matrix.n * matrix.n];
    if let Some(lattice) = lattice {
        for (a, b) in lattice.bonds() {
            is_bond[a.min(b) * matrix.n + a.max(b)] = true;
        }
    }
    let (mut bonds, mut others) = (Vec::new(), Vec::new());
    for j in 0..matrix.n {
        for k in j + 1..matrix.n {
            let value = matrix.at(j, k);
            if usable(value) {
                if is_bond[j * matrix.n + k] { &mut bonds } else { &mut others }.push(value);
            }
        }
    }
    (bonds, others)
}

/// Counts on equal bins from `lo` to `hi`.
fn counts(values: &[f64], lo: f64, hi: f64) -> Vec<f64> {
    let mut counts = vec![0.0; BINS];
    for value in values {
        let bin = ((value - lo) / (hi - lo) * BINS as f64) as usize;
        counts[bin.min(BINS - 1)] += 1.0;
    }
    counts
}

/// The panel; `None` where fewer than two values can be drawn. `truth` is 1/T.
pub(super) fn panel(title: &str, matrix: &PairMatrix, lattice: Option<&str>, truth: Option<f64>) -> Option<String> {
    let lattice: Option<Lattice> = lattice.and_then(|l| l.parse().ok()).filter(|l: &Lattice| l.sites() == matrix.n);
    let (bonds, others) = split(matrix, lattice);
    let all = || bonds.iter().chain(&others).copied();
    let lo = all().reduce(f64::min)?;
    let hi = all().reduce(f64::max)?;
    if hi - lo <= 1e-12 * hi.abs().max(lo.abs()) {
        return None;
    }
    let edges: Vec<f64> = (0..=BINS).map(|i| lo + (hi - lo) * i as f64 / BINS as f64).collect();
    let steps = |label: &str, ink, values: &[f64]| Steps {
        label: label.to_string(),
        ink,
        edges: edges.clone(),
        heights: counts(values, lo, hi),
    };
    let mut groups = vec![steps(if lattice.is_some() { "other pairs" } else { "pairs" }, Ink::Data, &others)];
    if lattice.is_some() {
        groups.push(steps("neighbours", Ink::Model, &bonds));
    }
    let highest = groups.iter().flat_map(|g| &g.heights).copied().fold(1.0, f64::max);
    let guides = match truth.filter(|t| lattice.is_some() && t.is_finite()) {
        Some(t) => vec![Guide::Vertical(t, format!("1/T = {}", fixed(t, 3)))],
        None => Vec::new(),
    };
    Some(
        Panel {
            title: title.to_string(),
            description: "Histogram of pair couplings, counts on a logarithmic axis.".to_string(),
            x: Axis::linear("coupling J"),
            // A single pair must stand above the axis.
            y: Axis { range: Some((0.6, highest * 2.0)), kind: Kind::Log, ..Axis::linear("pairs in a bin") },
            steps: groups,
            guides,
            ..Panel::default()
        }
        .draw(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bonds_and_other_pairs_are_told_apart() {
        let n = 6;
        let mut values = vec![0.0; n * n];
        for j in 0..n - 1 {
            values[j * n + j + 1] = 1.0;
            values[(j + 1) * n + j] = 1.0;
        }
        values[5] = f64::NAN;
        let matrix = PairMatrix::new("spin", n, values).unwrap();
        let (bonds, others) = split(&matrix, Some(Lattice::OpenChain { length: 6 }));
        assert_eq!(bonds, [1.0; 5]);
        // Fifteen pairs, five of them bonds, one undefined.
        assert_eq!(others, [0.0; 9]);
        assert_eq!(split(&matrix, None).1.len(), 14);
    }

    #[test]
    fn every_value_is_counted_once() {
        let values = [-1.0, -0.5, 0.0, 0.25, 1.0];
        assert_eq!(counts(&values, -1.0, 1.0).iter().sum::<f64>(), 5.0);
        assert_eq!(counts(&values, -1.0, 1.0)[BINS - 1], 1.0);
    }
}
