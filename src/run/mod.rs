//! Stages of a run. Each takes settings and data and gives records and data; `scenario` strings them together into a
//! run directory, the commands of the program call them one by one.

#[cfg(feature = "program")]
pub mod bench;
#[cfg(all(feature = "gpu", feature = "files"))]
mod compiled;
pub mod couplings;
pub mod device;
#[cfg(feature = "program")]
mod earlier;
mod engine;
#[cfg(feature = "program")]
pub mod failures;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod ising;
pub mod likelihood;
mod log_z;
#[cfg(feature = "program")]
pub mod memory;
pub mod model;
pub mod observe;
#[cfg(feature = "files")]
pub mod rows;
pub mod sample;
#[cfg(feature = "program")]
pub mod scenario;
#[cfg(all(feature = "gpu", feature = "files"))]
mod tiles;
pub mod train;
#[cfg(feature = "program")]
pub mod verify;

pub use self::engine::Engine;
use crate::data::DataSet;
use crate::record::ExactObservables;

/// Samples and, for Ising models, the exact values of what made them.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Samples with lattice and temperature where known.
    pub data: DataSet,
    /// Exact values of that lattice and temperature.
    pub exact: Option<ExactObservables>,
}

impl Source {
    /// Samples of a file; exact values where the file names a lattice and a temperature that allow them.
    #[must_use]
    pub fn from_data(data: DataSet) -> Self {
        let exact = match (data.lattice, data.temperature) {
            (Some(lattice), Some(temperature)) => crate::observables::exact_observables(lattice, temperature),
            _ => None,
        };
        Self { data, exact }
    }
}
