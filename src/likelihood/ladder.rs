//! Inverse temperatures of annealed importance sampling.
//!
//! The variance of a log-weight is Σ_k (β_{k+1} − β_k)² Var(g_k) with g = ∂ ln p*_β/∂β, least for K steps of equal
//! thermodynamic length ∫ √Var(g) dβ. A short annealing over equal steps measures Var(g) along the way: the variance over
//! chains of the increments of single steps. (Gelman and Meng, Stat. Sci. 13, 163 (1998); Crooks, PRL 99, 100602 (2007).)

use crate::backend::{Address, Backend};
use crate::error::Result;
use crate::numerics::equal_parts;
use crate::rng::derive_seed;

/// K + 1 equally spaced inverse temperatures from 0 to 1.
#[must_use]
pub fn linear_ladder(steps: usize) -> Vec<f64> {
    (0..=steps).map(|k| k as f64 / steps as f64).collect()
}

/// Places where Var(g) is measured.
const PLACES: usize = 50;
/// Steps between them, so that chains follow the ladder.
const STRIDE: usize = 8;
/// Chains of the measurement.
const CHAINS: usize = 256;
/// Smallest rate of length, as a part of the mean: no stretch of the ladder is left without steps.
const LEAST_RATE: f64 = 0.1;

/// Most rungs that [`Length::rungs`] finds to be needed.
pub const MOST_RUNGS: usize = 64;

/// Thermodynamic length of a machine's way from its base, √Var(g) by inverse temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct Length {
    /// √Var(g) at equally spaced places.
    rates: Vec<f64>,
}

impl Length {
    /// Measures it by a short annealing.
    ///
    /// # Errors
    /// Device failures.
    pub fn measure<B: Backend>(backend: &B, params: &B::Params, base: &[f32], seed: u64) -> Result<Self> {
        let betas = linear_ladder(PLACES * STRIDE);
        let address = Address::new(derive_seed(seed, "ladder"));
        let mut annealing = backend.start_annealing(params, base, CHAINS, address)?;
        let mut rates = Vec::with_capacity(PLACES);
        for place in 0..PLACES as u32 {
            let first = place * STRIDE as u32;
            let middle = first + STRIDE as u32 / 2;
            backend.anneal(params, &mut annealing, &betas, first..middle);
            let before = backend.read_log_weights(&annealing)?;
            backend.anneal(params, &mut annealing, &betas, middle..middle + 1);
            let after = backend.read_log_weights(&annealing)?;
            backend.anneal(params, &mut annealing, &betas, middle + 1..first + STRIDE as u32);
            let gains: Vec<f64> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
            let rate = crate::stats::variance(&gains).sqrt() * (PLACES * STRIDE) as f64;
            rates.push(if rate.is_finite() { rate } else { 0.0 });
        }
        Ok(Self { rates })
    }

    /// ∫ √Var(g) dβ from 0 to 1: the number of standard deviations of log-weights between base and machine.
    #[must_use]
    pub fn total(&self) -> f64 {
        crate::stats::mean(&self.rates)
    }

    /// Rungs about one standard deviation of the log-weights apart, which is where half of the exchanges between
    /// neighbours are accepted; 3 to [`MOST_RUNGS`].
    #[must_use]
    pub fn rungs(&self) -> usize {
        ((self.total().ceil().max(1.0) as usize).saturating_add(1)).clamp(3, MOST_RUNGS)
    }

    /// K + 1 inverse temperatures from 0 to 1 with equal lengths between them.
    #[must_use]
    pub fn ladder(&self, steps: usize) -> Vec<f64> {
        equal_lengths(&self.rates, steps)
    }
}

/// K + 1 places on (0, 1) between which the integral of a piecewise constant rate is equal.
fn equal_lengths(rates: &[f64], steps: usize) -> Vec<f64> {
    let floor = LEAST_RATE * crate::stats::mean(rates);
    let rates: Vec<f64> = rates.iter().map(|r| if floor > 0.0 { r.max(floor) } else { 1.0 }).collect();
    let place = |(piece, part): (usize, f64)| (piece as f64 + part) / rates.len() as f64;
    let mut betas: Vec<f64> = equal_parts(&rates, steps).map(place).collect();
    betas[0] = 0.0;
    betas[steps] = 1.0;
    betas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rates_give_equal_steps_and_a_peak_attracts_them() {
        let linear = equal_lengths(&[2.0; 10], 20);
        assert!(linear.iter().zip(linear_ladder(20)).all(|(a, b)| (a - b).abs() < 1e-12));
        // Nine tenths of the length lie in the middle fifth.
        let peaked = equal_lengths(&[0.5, 0.5, 9.0, 9.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0].map(|r| r + 1e-9), 100);
        let inside = peaked.iter().filter(|b| (0.2..0.4).contains(*b)).count();
        assert!(inside > 70 && peaked.windows(2).all(|w| w[0] < w[1]), "{inside} of {peaked:?}");
        assert_eq!(equal_lengths(&[0.0; 4], 4), linear_ladder(4));
    }
}
