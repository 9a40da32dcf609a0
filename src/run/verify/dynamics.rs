//! Dynamic exponents: how autocorrelation times grow with the size at the critical point, τ ~ L^z.
//!
//! For single-spin updates τ_int of the magnetisation m, whose slowest mode is nearly all of it; for cluster updates, which
//! draw its sign anew, of |m|, in sweeps in which as many spins are updated as there are. z = 2.1665 for local dynamics
//! (Nightingale and Blöte, Phys. Rev. Lett. 76, 4548 (1996)), approached from below: slopes from L = 8 are near 2.0.

use serde::Serialize;

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::events::Listener;
use crate::exact::onsager::CRITICAL_TEMPERATURE;
use crate::ising::{Algorithm, Model, Scan, scan};
use crate::lattice::Lattice;
use crate::record::Estimate;
use crate::stats::autocorrelation;

/// τ of one algorithm at some sizes, and its exponent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dynamics {
    /// Update algorithm.
    pub algorithm: &'static str,
    /// L.
    pub lengths: Vec<usize>,
    /// τ_int in sweeps, by size.
    pub tau: Vec<Estimate>,
    /// Slope of ln τ against ln L by least squares.
    pub exponent: Estimate,
}

/// How long to measure: `times` measurements of each of `replicas` replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Replicas.
    pub replicas: usize,
    /// Measurements of each; on the largest lattice, about ten a τ for single-spin updates.
    pub times: usize,
    /// Seed of all runs.
    pub seed: u64,
}

/// Measures the exponent of an algorithm over `lengths`, even numbers.
///
/// # Errors
/// As [`scan`].
pub fn dynamics<B: Backend>(
    backend: &B,
    algorithm: Algorithm,
    lengths: &[usize],
    effort: Effort,
    listener: &mut dyn Listener,
) -> Result<Dynamics> {
    let tau = lengths.iter().map(|&length| tau(backend, algorithm, length, effort, listener));
    let tau: Vec<Estimate> = tau.collect::<Result<_>>()?;
    let exponent = slope(lengths, &tau);
    Ok(Dynamics { algorithm: algorithm.name(), lengths: lengths.to_vec(), tau, exponent })
}

fn tau<B: Backend>(
    backend: &B,
    algorithm: Algorithm,
    length: usize,
    effort: Effort,
    listener: &mut dyn Listener,
) -> Result<Estimate> {
    let clusters = algorithm.is_cluster();
    let sites = (length * length) as u32;
    let settings = Scan {
        model: Model::ferromagnet(Lattice::Square { length })?,
        temperatures: vec![CRITICAL_TEMPERATURE],
        algorithm,
        samples: effort.replicas * effort.times,
        replicas: effort.replicas,
        // τ of m is about L²; of clusters, a few sweeps.
        thermalise: Some(if clusters { 200 } else { 8 * sites }),
        spacing: Some(if clusters { 1 } else { (sites / 16).max(1) }),
        precision: Vec::new(),
        exchange: None,
        ladder: None,
        seed: effort.seed,
    };
    let found = scan(backend, &settings, listener)?;
    if let Some(signal) = found.stopped {
        return Err(Error::Stopped(signal));
    }
    let outcome = &found.points[0];
    let magnetization = &outcome.series.magnetization;
    let values: Vec<f64> = magnetization.iter().map(|&m| if clusters { m.abs() } else { m }).collect();
    let times = autocorrelation(&values, effort.replicas);
    // A Wolff sweep is one cluster: on average, ⟨m²⟩ of the lattice.
    let part = match algorithm {
        Algorithm::Wolff => magnetization.iter().map(|m| m * m).sum::<f64>() / magnetization.len() as f64,
        _ => 1.0,
    };
    let sweeps = part * f64::from(outcome.spacing);
    Ok(Estimate::new(times.tau * sweeps, times.tau_error * sweeps))
}

/// Slope of ln τ against ln L, weighted by the errors.
fn slope(lengths: &[usize], tau: &[Estimate]) -> Estimate {
    let (mut w, mut wx, mut wy, mut wxx, mut wxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (&length, tau) in lengths.iter().zip(tau) {
        let (x, y, weight) = ((length as f64).ln(), tau.value.ln(), (tau.value / tau.error).powi(2));
        w += weight;
        wx += weight * x;
        wy += weight * y;
        wxx += weight * x * x;
        wxy += weight * x * y;
    }
    let determinant = w * wxx - wx * wx;
    Estimate::new((w * wxy - wx * wy) / determinant, (w / determinant).sqrt())
}

#[cfg(test)]
mod tests {
    use super::slope;
    use crate::record::Estimate;

    #[test]
    fn a_power_law_has_its_exponent() {
        let lengths = [8, 16, 64];
        let found = slope(&lengths, &lengths.map(|l| Estimate::new(0.3 * (l as f64).powf(2.17), 1.0)));
        assert!((found.value - 2.17).abs() < 1e-12, "{found:?}");
    }
}
