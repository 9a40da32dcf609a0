//! Spin basis, approximately: the input of all units outside S to a hidden unit as a Gaussian variable.
//!
//! Π_{j∉S} cos(w'_j t) → e^{−t² V_S/2}, V_S = Σ_{j∉S} w'_j²: the central limit theorem for many weak weights, exact in the
//! limit of large N with w' ~ 1/√N. It fails where a few strong weights dominate a hidden unit, as in a machine that
//! has one unit a bond. (Decelle, Furtlehner, Navas Gómez and Seoane, "Inferring effective couplings with restricted
//! Boltzmann machines", SciPost Phys. 16, 095 (2024).)

use crate::threads::prelude::*;

use super::Coupling;
use super::quadrature::{HiddenUnit, linear_part};
use super::selection::Selection;
use crate::error::Result;
use crate::rbm::Rbm;

/// Standard deviations by which the Gaussian smooths beyond the reach of the weights: e^{−9²/2} = 10⁻¹⁸.
const SPREAD: f64 = 9.0;
/// e^{−50} is nothing.
const LARGEST_EXPONENT: f64 = 50.0;
/// An exponential in units of one multiplication.
const TERM_COST: f64 = 10.0;

pub(super) fn spin(rbm: &Rbm, selection: &Selection) -> Result<Vec<Coupling>> {
    let hidden: Vec<HiddenUnit> = (0..rbm.n_hidden).map(|i| HiddenUnit::new(rbm, i, SPREAD)).collect();
    let nodes: f64 = hidden.iter().map(|unit| unit.nodes as f64).sum();
    Selection::check_work(nodes * TERM_COST * (rbm.n_visible as f64 + selection.count() as f64))?;
    let mut couplings: Vec<Coupling> =
        selection.orders.iter().flat_map(|&order| selection.list(order, |_| 0.0)).collect();
    for unit in &hidden {
        let table: Vec<_> = unit.nodes().map(|node| (node, sines(unit, node.t))).collect();
        let variance: f64 = unit.weights.iter().map(|w| w * w).sum();
        couplings.par_iter_mut().for_each(|coupling| {
            let inside: f64 = coupling.units.iter().map(|&j| unit.weights[j].powi(2)).sum();
            let outside = (variance - inside).max(0.0);
            for (node, sines) in &table {
                let exponent = 0.5 * node.t * node.t * outside;
                if exponent > LARGEST_EXPONENT {
                    break;
                }
                let product: f64 = coupling.units.iter().map(|&j| sines[j]).product();
                let factor = match coupling.units.len() {
                    1 => node.odd,
                    2 => node.even,
                    _ => -node.odd,
                };
                coupling.value += factor * product * (-exponent).exp();
            }
        });
    }
    for coupling in couplings.iter_mut().filter(|c| c.units.len() == 1) {
        coupling.value += linear_part(rbm, coupling.units[0]);
    }
    Ok(couplings)
}

fn sines(unit: &HiddenUnit, t: f64) -> Vec<f64> {
    unit.weights.iter().map(|w| (w * t).sin()).collect()
}
