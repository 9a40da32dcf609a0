//! Exact values of a named lattice, by whichever exact method reaches its size.

use crate::exact::{MagnetizationDistribution, Thermodynamics, chain, enumeration, torus, transfer};
use crate::lattice::Lattice;
use crate::record::ExactObservables;

/// Largest square lattice whose magnetisation is summed here: a tenth of a second in all.
const MAX_TRANSFER_LENGTH: usize = 10;

/// Largest other lattice, whose states are enumerated: a hundredth of a second.
const MAX_ENUMERATED_SITES: usize = 18;

/// Exact observables at a temperature: e, C, ln Z and S for every chain and square lattice; ⟨|m|⟩ and χ for chains of up
/// to [`chain::MAX_MAGNETIZATION_SITES`] sites and squares up to L = 10; everything for other lattices of up to 18 sites.
/// None where nothing is known or the temperature is not positive.
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
        Lattice::Triangular { .. } | Lattice::Honeycomb { .. } | Lattice::Cubic { .. } => {
            let small = lattice.sites() <= MAX_ENUMERATED_SITES;
            let states = small.then(|| enumeration::DensityOfStates::new(lattice.sites(), &lattice.bonds()).ok());
            let states = states.flatten()?;
            (states.thermodynamics(temperature).ok()?, states.magnetization(temperature).ok())
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
        binder: magnetization.as_ref().map(MagnetizationDistribution::binder),
        susceptibility: magnetization.map(|m| m.susceptibility(temperature)),
        log_z,
        entropy,
    }
}
