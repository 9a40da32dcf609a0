//! How the time of an update grows with the number of hidden units and with the batch, over two decades of each.
//!
//! Both should be straight lines a + b n: a Gibbs step costs n_v n_h B look-ups, beside draws for n_v B visible units that
//! n_h does not change, and tables for n_v n_h weights that B does not change. A line is fitted to the CPU time, or where
//! it is not known the wall time, of each series so that the relative deviations are least in square; every point says how
//! far it lies from its line.

use serde::Serialize;

use super::rbm::Training;
use super::{Effort, Row, measure};
use crate::error::Result;

/// Hidden units: 784 visible units, batch and chains 500, PCD-1.
const HIDDEN: [usize; 7] = [64, 128, 320, 640, 1280, 3200, 6400];
/// Rows of a batch, and chains: 784 × 500 units, PCD-10.
const BATCH: [usize; 7] = [100, 200, 500, 1000, 2000, 5000, 10_000];

/// Time of an update along one series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Growth {
    /// Backend.
    pub backend: String,
    /// Threads of the CPU; None where the device has its own.
    pub threads: Option<usize>,
    /// What n is.
    pub along: &'static str,
    /// a of the line a + b n, seconds.
    pub fixed: f64,
    /// b, seconds.
    pub each: f64,
    /// The series.
    pub points: Vec<Point>,
}

/// One case of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Name of the case.
    pub case: String,
    /// Hidden units or rows.
    pub n: usize,
    /// Wall seconds of an update.
    pub seconds: f64,
    /// CPU seconds of an update.
    pub cpu_seconds: Option<f64>,
    /// Its time divided by that of the line.
    pub ratio: f64,
}

/// a and b of the line that fits y = a + b x with the least Σ ((a + b x) / y − 1)².
#[must_use]
pub fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let sum = |term: fn(f64, f64) -> f64| points.iter().map(|&(x, y)| term(x, y)).sum::<f64>();
    // Normal equations of a / y + b x / y = 1.
    let (aa, ab, bb) = (sum(|_, y| 1.0 / (y * y)), sum(|x, y| x / (y * y)), sum(|x, y| x * x / (y * y)));
    let (a1, b1) = (sum(|_, y| 1.0 / y), sum(|x, y| x / y));
    let determinant = aa * bb - ab * ab;
    ((a1 * bb - b1 * ab) / determinant, (aa * b1 - ab * a1) / determinant)
}

/// Measures both series on every device.
///
/// # Errors
/// As [`measure`].
pub fn measured(effort: &Effort) -> Result<Vec<Growth>> {
    let mut found = Vec::new();
    let hidden = HIDDEN.map(|n| (n, format!("mnist784x{n}_b500_pcd1")));
    let batch = BATCH.map(|n| (n, format!("mnist784x500_b{n}_pcd10")));
    for (along, series) in [("n hidden units", hidden), ("n rows a batch", batch)] {
        let cases: Vec<Training> = series.iter().map(|(_, name)| name.parse()).collect::<Result<_>>()?;
        let rows = measure(&cases, effort)?.rows;
        let per_case = rows.len() / cases.len();
        for device in 0..per_case {
            let rows: Vec<&Row> = rows.iter().skip(device).step_by(per_case).collect();
            found.push(growth(along, &series.each_ref().map(|(n, _)| *n), &rows));
        }
    }
    Ok(found)
}

fn growth(along: &'static str, sizes: &[usize], rows: &[&Row]) -> Growth {
    let time = |row: &Row| 1.0 / row.rate_of_cpu().unwrap_or(row.rate);
    let known: Vec<(f64, f64)> = sizes.iter().zip(rows).map(|(&n, row)| (n as f64, time(row))).collect();
    let (fixed, each) = line(&known);
    let point = |(&n, row): (&usize, &&Row)| Point {
        case: row.case.clone(),
        n,
        seconds: 1.0 / row.rate,
        cpu_seconds: row.rate_of_cpu().map(|rate| 1.0 / rate),
        ratio: time(row) / (fixed + each * n as f64),
    };
    Growth {
        backend: rows[0].backend.clone(),
        threads: rows[0].threads,
        along,
        fixed,
        each,
        points: sizes.iter().zip(rows).map(point).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_and_deviations_are_relative() {
        let (a, b) = line(&[1.0, 2.0, 50.0, 400.0].map(|x| (x, 3.0 + 0.25 * x)));
        assert!((a - 3.0).abs() < 1e-9 && (b - 0.25).abs() < 1e-12);
        let row = |n: f64, factor: f64| Row {
            case: format!("case {n}"),
            backend: "cpu".to_string(),
            device: String::new(),
            threads: Some(1),
            seconds: 1.0,
            cpu_seconds: None,
            rate: 1.0 / (factor * n),
            unit: "updates/s",
            check: 0.0,
            exact: None,
            roofline: None,
            kernels: Vec::new(),
        };
        let rows = [row(1.0, 1.0), row(10.0, 1.0), row(100.0, 1.2)];
        let found = growth("n", &[1, 10, 100], &rows.each_ref());
        assert!(found.points[2].ratio > 1.02 && found.points[1].ratio < 0.98, "{found:?}");
        assert_eq!(found.points[2].seconds, 120.0);
    }
}
