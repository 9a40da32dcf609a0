//! The oracle: exact values that everything else is judged by.
//!
//! Closed forms (chains, Kaufman's torus, Onsager's infinite lattice), enumeration of small graphs, a transfer matrix
//! that carries the distribution of the magnetisation, and brute force over the states of small machines. This module
//! stands alone: it knows slices and bonds, no lattice and no RBM type, and shares no model formula with what it judges.
//!
//! Conventions: E(s) = −Σ s_i s_j over bonds (J = 1), temperatures T in J/k_B, K = 1/T; e and C per site, ln Z and the
//! entropy for the whole system in nats; e = −(1/N) d ln Z/dK, C = (K²/N) d² ln Z/dK², S = ln Z − K d ln Z/dK.

pub mod chain;
pub mod enumeration;
pub mod interactions;
mod jet;
pub mod machine;
mod magnetization;
pub mod onsager;
pub mod torus;
pub mod transfer;

use crate::error::{Error, Fault, Result};
use jet::Jet;
pub use magnetization::MagnetizationDistribution;

/// Exact thermodynamics of one system at one temperature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thermodynamics {
    /// ln Z of the whole system.
    pub log_z: f64,
    /// e = ⟨E⟩/N.
    pub energy: f64,
    /// C = (⟨E²⟩ − ⟨E⟩²)/(N T²).
    pub specific_heat: f64,
    /// S of the whole system, nats.
    pub entropy: f64,
}

impl Thermodynamics {
    /// From ln Z with its two derivatives in K.
    fn from_log_z(log_z: Jet, sites: usize, k: f64) -> Self {
        let n = sites as f64;
        Self {
            log_z: log_z.value,
            energy: -log_z.first / n,
            specific_heat: k * k * log_z.second / n,
            entropy: log_z.value - k * log_z.first,
        }
    }
}

/// K = 1/T of a valid temperature.
fn coupling(temperature: f64) -> Result<f64> {
    if temperature.is_finite() && temperature > 0.0 {
        return Ok(1.0 / temperature);
    }
    Err(Error::Input(
        Fault::new(format!("temperature {}", crate::numerics::readable(temperature)))
            .expected("a positive finite number, in units of J/k_B")
            .advice("the critical temperature of the square lattice is 2.269185"),
    ))
}

/// A size outside what an exact method can do.
fn size_fault(what: String, expected: String) -> Error {
    Error::Input(Fault::new(what).expected(expected).advice("use a smaller system"))
}

/// Arguments that do not fit together.
fn shape_fault(what: String, expected: String) -> Error {
    Error::Input(Fault::new(what).expected(expected))
}
