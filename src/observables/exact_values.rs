//! Exact values of a named lattice, by whichever exact method reaches its size.

use crate::exact::{MagnetizationDistribution, Thermodynamics, chain, enumeration, torus, transfer};
use crate::lattice::{Grid, Kind, Lattice};
use crate::record::ExactObservables;

/// Longest side of a periodic square lattice whose magnetisation is summed here: a tenth of a second in all.
const MAX_TRANSFER_LENGTH: usize = 10;

/// Largest other lattice, whose states are enumerated: a hundredth of a second.
const MAX_ENUMERATED_SITES: usize = 18;

/// Exact observables at a temperature: e, C, ln Z and S for every chain and periodic square lattice; ⟨|m|⟩ and χ for chains
/// of up to [`chain::MAX_MAGNETIZATION_SITES`] sites and squares of sides up to 10; everything for other lattices of up to
/// 18 sites.
/// None where nothing is known or the temperature is not positive.
#[must_use]
pub fn exact_observables(lattice: Lattice, temperature: f64) -> Option<ExactObservables> {
    let Grid { kind, extents: [_, rows, columns], open } = lattice.into();
    let (thermodynamics, magnetization) = match (kind, open) {
        (Kind::Chain, false) => {
            (chain::periodic(columns, temperature).ok()?, chain::magnetization(columns, temperature, true).ok())
        }
        (Kind::Chain, true) => {
            (chain::open(columns, temperature).ok()?, chain::magnetization(columns, temperature, false).ok())
        }
        (Kind::Square, false) => {
            let small = rows.max(columns) <= MAX_TRANSFER_LENGTH;
            let small = small.then(|| transfer::torus(rows, columns, temperature).ok()).flatten();
            (torus::thermodynamics(rows, columns, temperature).ok()?, small.map(|s| s.magnetization))
        }
        _ => {
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
        // Without fields both signs are alike.
        p_up: Some(0.5),
        susceptibility: magnetization.map(|m| m.susceptibility(temperature)),
        log_z,
        entropy,
    }
}
