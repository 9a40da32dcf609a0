//! The couplings stage: coefficients of −F(v) in one basis, as a list, a matrix and a summary.

#[cfg(feature = "files")]
mod written;

#[cfg(feature = "files")]
pub use self::written::read_couplings;
use crate::couplings::{Basis, Coupling, couplings};
use crate::error::Result;
use crate::rbm::Rbm;
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
