//! Rows of samples and machines, with what is known about them; and, with the feature `files`, the files they come from and
//! go to.

#[cfg(feature = "files")]
mod files;
mod hash;
mod memory;
mod model;
mod names;
mod select;

use crate::bits::BitMatrix;
use crate::lattice::Lattice;
use crate::rbm::Values;

#[cfg(feature = "files")]
pub use files::*;
#[cfg(feature = "files")]
pub(crate) use files::{delimiter_of, file, is_claim, newer, temporary, tensors};
pub use hash::ByteHash;
#[cfg(feature = "files")]
pub use hash::sha256_hex;
pub use memory::{host_memory, memory_limit};
pub use model::{Model, ModelMeta, Provenance};

/// Binary samples with whatever the file says about them.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// `[samples, units]`.
    pub samples: BitMatrix,
    /// Values under which a file of them is written; any are read.
    pub values: Values,
    /// Names of the units, `[units]`.
    pub names: Option<Vec<String>>,
    /// Lattice of the units, where the samples are spins.
    pub lattice: Option<Lattice>,
    /// T in J/k_B, where the samples are spins in equilibrium.
    pub temperature: Option<f64>,
    /// T of each sample in J/k_B, `[samples]`, where the samples have different ones.
    pub temperatures: Option<Vec<f64>>,
    /// Sweep at which each sample was taken, `[samples]`.
    pub sweeps: Option<Vec<u32>>,
    /// Replica from which each sample was taken, `[samples]`.
    pub replicas: Option<Vec<u32>>,
    /// A label of each sample, `[samples]`.
    pub labels: Option<Vec<String>>,
    /// Seed of the run that made the samples.
    pub seed: Option<u64>,
    /// The file, or what made the samples.
    pub source: String,
    /// SHA-256 of the file in hexadecimal digits; empty where there is no file.
    pub sha256: String,
}

impl DataSet {
    /// Samples alone.
    #[must_use]
    pub fn new(samples: BitMatrix, source: impl Into<String>) -> Self {
        Self {
            samples,
            values: Values::Binary,
            names: None,
            lattice: None,
            temperature: None,
            temperatures: None,
            sweeps: None,
            replicas: None,
            labels: None,
            seed: None,
            source: source.into(),
            sha256: String::new(),
        }
    }

    /// Names of the units: those of the file, else their numbers from 0.
    #[must_use]
    pub fn unit_names(&self) -> Vec<String> {
        self.names.clone().unwrap_or_else(|| (0..self.samples.cols()).map(|j| j.to_string()).collect())
    }
}
