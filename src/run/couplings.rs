//! The couplings stage: coefficients of −F(v) in one basis, as a list, a matrix and a summary.

use std::path::Path;

use crate::artifact::{CouplingRow, write_couplings_csv};
use crate::couplings::{Basis, Coupling, compare_with_ising, couplings, pair_matrix, strongest_pairs, summarise};
use crate::data::write_npy_f64;
use crate::error::Result;
use crate::lattice::Lattice;
use crate::rbm::Rbm;
use crate::record::CouplingsRecord;
pub use crate::settings::CouplingsPlan;

/// The couplings of a plan in one basis, orders ascending, units in lexicographic order.
///
/// # Errors
/// As [`couplings`].
pub fn couplings_of(plan: &CouplingsPlan, basis: Basis, rbm: &Rbm) -> Result<Vec<Coupling>> {
    // A choice of units narrows triples alone: singles and pairs of all units are cheap.
    let (low, high): (Vec<usize>, Vec<usize>) = plan.orders.iter().partition(|&&order| order < 3);
    let mut found: Vec<Coupling> = Vec::new();
    if !low.is_empty() {
        found.extend(couplings(rbm, basis, plan.method, &low, None)?);
    }
    if !high.is_empty() {
        found.extend(couplings(rbm, basis, plan.method, &high, plan.units.as_deref())?);
    }
    Ok(found)
}

/// Computes couplings in one basis, writes list and matrix, and summarises them; `truth` is the Ising model behind the data.
///
/// # Errors
/// As [`couplings`], and when a file cannot be written.
pub fn read_couplings(
    plan: &CouplingsPlan,
    basis: Basis,
    rbm: &Rbm,
    names: &[String],
    truth: Option<(Lattice, f64)>,
    list: &Path,
    matrix: Option<&Path>,
) -> Result<CouplingsRecord> {
    let found = couplings_of(plan, basis, rbm)?;
    let file_name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let has_pairs = plan.orders.contains(&2);
    let matrix = matrix.filter(|_| has_pairs);
    if let Some(path) = matrix {
        let n = rbm.n_visible;
        write_npy_f64(path, &[n, n], &pair_matrix(&found, n))?;
    }
    let truth = match truth {
        Some((lattice, temperature)) if basis == Basis::Spin && has_pairs => {
            Some(compare_with_ising(&found, &lattice.bonds(), temperature)?)
        }
        _ => None,
    };
    let record = CouplingsRecord {
        basis: basis.to_string(),
        method: plan.method.to_string(),
        orders: summarise(&found),
        file: file_name(list),
        matrix: matrix.map(file_name),
        strongest: strongest_pairs(&found, names, plan.strongest),
        truth,
    };
    // Millions of them: the list becomes the rows, which are not a second list.
    let row = |c: Coupling| CouplingRow { units: c.units, value: c.value, error: None };
    let rows: Vec<CouplingRow> = found.into_iter().map(row).collect();
    write_couplings_csv(list, &rows, names)?;
    Ok(record)
}
