//! The observation stage: observables of samples, from a model or from a file.

use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::Lattice;
use crate::observables::observe as observe_samples;
use crate::record::Observables;

/// Observables of configurations `[samples, sites]`; row = time · replicas + replica, and rows that make no whole time
/// are left out.
///
/// # Errors
/// [`crate::Error::Input`] when rows and lattice do not fit.
pub fn observe(samples: &BitMatrix, lattice: Lattice, temperature: f64, replicas: usize) -> Result<Observables> {
    let replicas = replicas.clamp(1, samples.rows().max(1));
    let whole = samples.rows() / replicas * replicas;
    if whole == samples.rows() {
        return observe_samples(samples, lattice, temperature, replicas);
    }
    observe_samples(&samples.slice_rows(0..whole), lattice, temperature, replicas)
}
