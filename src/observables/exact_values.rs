//! Exact values of a named lattice, by whichever exact method reaches its size.

use crate::exact::{MagnetizationDistribution, Thermodynamics, chain, torus, transfer};
use crate::lattice::Lattice;
use crate::record::ExactObservables;

/// Largest square lattice whose magnetisation is summed here: a tenth of a second in all.
const MAX_TRANSFER_LENGTH: usize = 10;

/// Exact observables at a temperature: e, C, ln Z and S for every lattice; ⟨|m|⟩ and χ for chains of up to
/// [`chain::MAX_MAGNETIZATION_SITES`] sites and squares up to L = 10. None where the temperature is not positive.
#[must_use]
pub fn exact_observables(lattice: Lattice, temperature: f64) -> Option<ExactObservables> {
    let (thermodynamics, magnetization) = match lattice {
        Lattice::Chain { length } => {
            (chain::periodic(length, temperature).ok()?, chain::magnetization(length, temperature, true).ok())
        }
        Lattice::OpenChain { length } => {
            (chain::open(length, temperature).ok()?, chain::magnetization(length, temperature, false).ok())
        }
        Lattice::Square { length } => {
            let small = (length <= MAX_TRANSFER_LENGTH).then(|| transfer::square(length, temperature).ok());
            (torus::thermodynamics(length, length, temperature).ok()?, small.flatten().map(|s| s.magnetization))
        }
    };
    Some(combined(thermodynamics, magnetization, temperature))
}

fn combined(
    thermodynamics: Thermodynamics,
    magnetization: Option<MagnetizationDistribution>,
    temperature: f64,
) -> ExactObservables {
    let Thermodynamics { log_z, energy, specific_heat, entropy } = thermodynamics;
    ExactObservables {
        energy,
        specific_heat,
        magnetization: magnetization.as_ref().map(MagnetizationDistribution::mean_abs),
        susceptibility: magnetization.map(|m| m.susceptibility(temperature)),
        log_z,
        entropy,
    }
}
