//! Every state of an Ising model on a small graph.
//!
//! States are walked in Gray-code order, one flip a step, and counted by (antiparallel bonds, up spins): integers, from
//! which everything follows at any temperature. State number: bit i = spin i is up.

use super::{MagnetizationDistribution, Thermodynamics, coupling, shape_fault, size_fault};
use crate::error::Result;

/// Most sites that are enumerated.
pub const MAX_SITES: usize = 24;
/// Most sites for which every state's probability is listed.
pub const MAX_LISTED_SITES: usize = 20;

/// Number of states by energy and magnetisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DensityOfStates {
    /// N.
    pub sites: usize,
    /// Number of bonds.
    pub bonds: usize,
    /// `[bonds + 1, sites + 1]`: states with that many antiparallel bonds and up spins.
    pub counts: Vec<u64>,
}

impl DensityOfStates {
    /// Enumerates the graph on `sites` sites with the given bonds (a pair may occur more than once).
    ///
    /// # Errors
    /// [`crate::Error::Input`] for more than [`MAX_SITES`] sites, no sites, or a bond that leaves the graph.
    pub fn new(sites: usize, bonds: &[(usize, usize)]) -> Result<Self> {
        check_graph(sites, bonds, MAX_SITES)?;
        let mut neighbours = vec![Vec::new(); sites];
        for &(a, b) in bonds {
            neighbours[a].push(b);
            neighbours[b].push(a);
        }
        let mut counts = vec![0u64; (bonds.len() + 1) * (sites + 1)];
        let (mut state, mut antiparallel, mut up) = (0u32, 0usize, 0usize);
        counts[0] = 1;
        for step in 1u32..1 << sites {
            let site = step.trailing_zeros() as usize;
            let spin = state >> site & 1;
            let unequal = neighbours[site].iter().filter(|&&j| state >> j & 1 != spin).count();
            antiparallel = antiparallel + neighbours[site].len() - 2 * unequal;
            state ^= 1 << site;
            up = state.count_ones() as usize;
            counts[antiparallel * (sites + 1) + up] += 1;
        }
        debug_assert_eq!(up, usize::from(sites > 0), "the Gray code ends one flip from its start");
        Ok(Self { sites, bonds: bonds.len(), counts })
    }

    /// g(E): number of states by antiparallel bonds a = 0 … bonds; E = 2a − bonds.
    #[must_use]
    pub fn by_energy(&self) -> Vec<u64> {
        self.counts.chunks(self.sites + 1).map(|row| row.iter().sum()).collect()
    }

    /// P(E) at a temperature, by antiparallel bonds as in [`Self::by_energy`].
    ///
    /// # Errors
    /// [`crate::Error::Input`] for a temperature that is not positive.
    pub fn energy_distribution(&self, temperature: f64) -> Result<Vec<f64>> {
        let (log_weights, log_z) = self.levels(temperature)?;
        Ok(log_weights.into_iter().map(|w| (w - log_z).exp()).collect())
    }

    /// ln Z, e, C and S at a temperature, from the energy distribution.
    ///
    /// # Errors
    /// As [`Self::energy_distribution`].
    pub fn thermodynamics(&self, temperature: f64) -> Result<Thermodynamics> {
        let (log_weights, log_z) = self.levels(temperature)?;
        let level = |a: usize| 2.0 * a as f64 - self.bonds as f64;
        let mean = |f: &dyn Fn(f64) -> f64| -> f64 {
            log_weights.iter().enumerate().map(|(a, w)| (w - log_z).exp() * f(level(a))).sum()
        };
        let energy = mean(&|e| e);
        let variance = mean(&|e| (e - energy).powi(2));
        let n = self.sites as f64;
        Ok(Thermodynamics {
            log_z,
            energy: energy / n,
            specific_heat: variance / (n * temperature * temperature),
            entropy: log_z + energy / temperature,
        })
    }

    /// Distribution of the magnetisation at a temperature.
    ///
    /// # Errors
    /// As [`Self::energy_distribution`].
    pub fn magnetization(&self, temperature: f64) -> Result<MagnetizationDistribution> {
        let k = coupling(temperature)?;
        let mut weights = vec![0.0; self.sites + 1];
        let lowest = self.by_energy().iter().position(|&g| g > 0).unwrap_or(0);
        for (a, row) in self.counts.chunks(self.sites + 1).enumerate().skip(lowest) {
            let weight = (-2.0 * k * (a - lowest) as f64).exp();
            weights.iter_mut().zip(row).for_each(|(w, &count)| *w += weight * count as f64);
        }
        Ok(MagnetizationDistribution::from_weights(weights))
    }

    /// ln (g e^{−E/T}) by level, and ln Z.
    fn levels(&self, temperature: f64) -> Result<(Vec<f64>, f64)> {
        let k = coupling(temperature)?;
        let weights: Vec<f64> = self
            .by_energy()
            .into_iter()
            .enumerate()
            .map(|(a, count)| (count as f64).ln() + k * (self.bonds as f64 - 2.0 * a as f64))
            .collect();
        let log_z = crate::numerics::log_sum_exp(&weights);
        Ok((weights, log_z))
    }
}

/// p of every state at a temperature, `[2^sites]` by state number.
///
/// # Errors
/// [`crate::Error::Input`] for more than [`MAX_LISTED_SITES`] sites, a bond that leaves the graph, or a temperature
/// that is not positive.
pub fn state_probabilities(sites: usize, bonds: &[(usize, usize)], temperature: f64) -> Result<Vec<f64>> {
    check_graph(sites, bonds, MAX_LISTED_SITES)?;
    let k = coupling(temperature)?;
    let aligned = |state: usize| {
        bonds.iter().map(|&(a, b)| if (state >> a ^ state >> b) & 1 == 0 { 1i64 } else { -1 }).sum::<i64>()
    };
    let exponents: Vec<f64> = (0..1usize << sites).map(|state| k * aligned(state) as f64).collect();
    let log_z = crate::numerics::log_sum_exp(&exponents);
    Ok(exponents.into_iter().map(|x| (x - log_z).exp()).collect())
}

fn check_graph(sites: usize, bonds: &[(usize, usize)], most: usize) -> Result<()> {
    if sites == 0 || sites > most {
        return Err(size_fault(format!("enumeration of {sites} sites"), format!("1 to {most} sites")));
    }
    match bonds.iter().find(|&&(a, b)| a >= sites || b >= sites || a == b) {
        Some((a, b)) => {
            Err(shape_fault(format!("a bond between sites {a} and {b}"), format!("two different sites below {sites}")))
        }
        None => Ok(()),
    }
}
