//! Every state of a small system with fields, real couplings and terms of many spins.
//!
//! E(s) = −Σ_t J_t Π_{i∈t} s_i is computed anew for each of the 2^N states. State number: bit i = spin i is up.

use super::{MagnetizationDistribution, Thermodynamics, coupling, shape_fault, size_fault};
use crate::error::Result;

/// Most sites that are enumerated.
pub const MAX_SITES: usize = 20;

/// Exact results of one system at one temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallSystem {
    /// ln Z, e, C and S.
    pub thermodynamics: Thermodynamics,
    /// Distribution of the magnetisation.
    pub magnetization: MagnetizationDistribution,
    /// p of every state, `[2^sites]`.
    pub probabilities: Vec<f64>,
}

/// Sums over all states; a term is its sites and its J.
///
/// # Errors
/// [`crate::Error::Input`] for more than [`MAX_SITES`] sites, a site that is not there, a value that is not finite or a
/// temperature that is not positive.
pub fn enumerate(sites: usize, terms: &[(Vec<usize>, f64)], temperature: f64) -> Result<SmallSystem> {
    let beta = coupling(temperature)?;
    if sites == 0 || sites > MAX_SITES {
        return Err(size_fault(format!("enumeration of {sites} sites"), format!("1 to {MAX_SITES} sites")));
    }
    if let Some((members, value)) = terms.iter().find(|(m, j)| m.iter().any(|&i| i >= sites) || !j.is_finite()) {
        let expected = format!("sites below {sites} and a finite value");
        return Err(shape_fault(format!("a term of the sites {members:?} and the value {value}"), expected));
    }
    let spin = |state: usize, i: usize| if state >> i & 1 == 1 { 1.0 } else { -1.0 };
    let energy = |state: usize| -> f64 {
        terms.iter().map(|(members, j)| -j * members.iter().map(|&i| spin(state, i)).product::<f64>()).sum()
    };
    let energies: Vec<f64> = (0..1usize << sites).map(energy).collect();
    let exponents: Vec<f64> = energies.iter().map(|e| -beta * e).collect();
    let log_z = crate::numerics::log_sum_exp(&exponents);
    let probabilities: Vec<f64> = exponents.iter().map(|x| (x - log_z).exp()).collect();
    let mean = |f: &dyn Fn(f64) -> f64| probabilities.iter().zip(&energies).map(|(p, &e)| p * f(e)).sum::<f64>();
    let centre = mean(&|e| e);
    let variance = mean(&|e| (e - centre).powi(2));
    let mut weights = vec![0.0; sites + 1];
    for (state, p) in probabilities.iter().enumerate() {
        weights[state.count_ones() as usize] += p;
    }
    let n = sites as f64;
    Ok(SmallSystem {
        thermodynamics: Thermodynamics {
            log_z,
            energy: centre / n,
            specific_heat: variance * beta * beta / n,
            entropy: log_z + beta * centre,
        },
        magnetization: MagnetizationDistribution::from_weights(weights),
        probabilities,
    })
}
