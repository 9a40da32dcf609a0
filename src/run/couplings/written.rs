//! Couplings as files: a list and a matrix.

use std::path::Path;

use super::{CouplingsPlan, couplings_of};
use crate::artifact::{CouplingRow, write_couplings_csv};
use crate::couplings::{Basis, Coupling, compare_with_ising, pair_matrix, strongest_pairs, summarise};
use crate::data::write_npy_f64;
use crate::error::Result;
use crate::lattice::Lattice;
use crate::rbm::Rbm;
use crate::record::CouplingsRecord;

/// Computes couplings in one basis, writes list and matrix, and summarises them; `truth` is the Ising model behind the data.
///
/// # Errors
/// As [`couplings_of`], and when a file cannot be written.
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
