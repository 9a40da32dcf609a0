//! Lists of couplings as matrices, summaries, and beside the truth.

use std::collections::BTreeMap;

use super::Coupling;
use crate::error::{Error, Fault, Result};
use crate::record::{CouplingTruth, Estimate, NamedCoupling, OrderSummary};

/// Pairs as a matrix `[n, n]`, symmetric with zero diagonal; other orders and units beyond `n` are left out.
#[must_use]
pub fn pair_matrix(couplings: &[Coupling], n: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; n * n];
    for coupling in couplings {
        if let [a, b] = coupling.units[..]
            && a < n
            && b < n
        {
            matrix[a * n + b] = coupling.value;
            matrix[b * n + a] = coupling.value;
        }
    }
    matrix
}

/// Count and root mean square by order (`"1"`, `"2"`, …).
#[must_use]
pub fn summarise(couplings: &[Coupling]) -> BTreeMap<String, OrderSummary> {
    let mut sums: BTreeMap<usize, (usize, f64)> = BTreeMap::new();
    for coupling in couplings {
        let entry = sums.entry(coupling.units.len()).or_default();
        entry.0 += 1;
        entry.1 += coupling.value * coupling.value;
    }
    let summary = |(count, squares): (usize, f64)| OrderSummary { count, rms: (squares / count as f64).sqrt() };
    sums.into_iter().map(|(order, sum)| (order.to_string(), summary(sum))).collect()
}

/// The `count` largest pairs, strongest first, ties in order of the units; `names[unit]`, or the unit's number where there is none.
#[must_use]
pub fn strongest_pairs(couplings: &[Coupling], names: &[String], count: usize) -> Vec<NamedCoupling> {
    let mut pairs: Vec<&Coupling> = couplings.iter().filter(|c| c.units.len() == 2 && c.value > 0.0).collect();
    pairs.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.units.cmp(&b.units)));
    let name = |&unit: &usize| names.get(unit).cloned().unwrap_or_else(|| unit.to_string());
    let named = |c: &&Coupling| NamedCoupling {
        units: c.units.clone(),
        names: c.units.iter().map(name).collect(),
        value: c.value,
    };
    pairs.iter().take(count).map(named).collect()
}

/// Pairs in the spin basis beside those of the Ising model that made the data: 1/T on `bonds`, 0 elsewhere. A pair of
/// several bonds counts as their mean. The error of `neighbours` is the standard deviation over pairs.
///
/// # Errors
/// [`Error::Input`] when a bond has no pair in the list, there are no bonds, or the temperature is not positive.
pub fn compare_with_ising(couplings: &[Coupling], bonds: &[(usize, usize)], temperature: f64) -> Result<CouplingTruth> {
    let mut ordered: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    bonds.iter().for_each(|&(a, b)| *ordered.entry((a.min(b), a.max(b))).or_default() += 1.0);
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for pair in couplings.iter().filter(|c| c.units.len() == 2) {
        match ordered.get(&(pair.units[0], pair.units[1])) {
            Some(count) => near.push(pair.value / count),
            None => far.push(pair.value),
        }
    }
    if near.len() != ordered.len() || near.is_empty() || !(temperature.is_finite() && temperature > 0.0) {
        return Err(Error::Input(
            Fault::new(format!("{} pairs on {} bonds at temperature {temperature}", near.len(), ordered.len()))
                .expected("the pairs of all bonds of a lattice, and a positive temperature")
                .advice("compute order 2 for all units"),
        ));
    }
    let count = near.len() as f64;
    let mean = near.iter().sum::<f64>() / count;
    let spread = (near.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    let squares: f64 = far.iter().map(|value| value * value).sum();
    Ok(CouplingTruth {
        expected: 1.0 / temperature,
        neighbours: Estimate::new(mean, spread),
        neighbour_ratio: mean * temperature,
        others_rms: if far.is_empty() { 0.0 } else { (squares / far.len() as f64).sqrt() },
    })
}
