//! Effective couplings of every order that a machine has learned.
//!
//! −F(v) is a polynomial in the visible units. Two bases, never to be mixed up:
//!
//! - [`Basis::Binary`], v ∈ {0, 1}: −F = const + Σ_S A_S Π_{j∈S} v_j. A_S is the interaction of the units S with all
//!   others at 0 (Cossu et al., Phys. Rev. B 100, 064304 (2019); model-free interactions, Beentjes and Khamseh 2020).
//! - [`Basis::Spin`], s = 2v − 1: −F = const + Σ_S J_S Π_{j∈S} s_j, J_S = 2^{−N} Σ_s (−F(s)) Π_{j∈S} s_j: the couplings
//!   of a generalised Ising model, averaged over all states of the others; βJ in the units of the temperature.
//!
//! Exact values at any size: closed form in the binary basis, one quadrature a hidden unit in the spin basis.
//! Approximations for comparison: [`Method::Gaussian`] and [`Method::Cumulant`], whose modules say where they fail.

mod binary;
mod cumulant;
mod gaussian;
mod quadrature;
mod selection;
mod spin;
mod summary;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault, Result};
use crate::rbm::Rbm;
use selection::Selection;
pub use selection::{MAX_COUPLINGS, MAX_ORDER, MAX_WORK, STRONGEST, count_of, default_orders};
pub use summary::{compare_with_ising, pair_matrix, strongest_pairs, summarise};

/// Which variables the polynomial is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// s ∈ {−1, +1}.
    Spin,
    /// v ∈ {0, 1}.
    Binary,
}

/// How the coefficients are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Exact for any machine.
    Exact,
    /// Spin basis: the other units' input to a hidden unit as a Gaussian variable (large-N form).
    Gaussian,
    /// Expansion of each hidden unit in powers of its input, cut after this power.
    Cumulant(usize),
}

/// One coefficient.
#[derive(Debug, Clone, PartialEq)]
pub struct Coupling {
    /// Indices of the units, ascending.
    pub units: Vec<usize>,
    /// A_S or J_S, nats.
    pub value: f64,
}

/// Couplings in the spin basis, exactly: orders as named (1 to 3), ascending, units in lexicographic order; of the units
/// `units` alone, or of all. The absolute error is about 10⁻¹³ for inputs of order 100.
///
/// # Errors
/// [`Error::Input`] for a malformed machine, an order outside 1 … 3, a unit that does not exist, or a request beyond
/// [`MAX_COUPLINGS`] or [`MAX_WORK`], before any work is done.
pub fn spin(rbm: &Rbm, orders: &[usize], units: Option<&[usize]>) -> Result<Vec<Coupling>> {
    couplings(rbm, Basis::Spin, Method::Exact, orders, units)
}

/// Couplings in the binary basis, exactly; otherwise as [`spin()`].
///
/// # Errors
/// As [`spin()`].
pub fn binary(rbm: &Rbm, orders: &[usize], units: Option<&[usize]>) -> Result<Vec<Coupling>> {
    couplings(rbm, Basis::Binary, Method::Exact, orders, units)
}

/// Couplings in either basis by any method; otherwise as [`spin()`].
///
/// # Errors
/// As [`spin()`], and for the Gaussian form in the binary basis, where it does not exist.
pub fn couplings(
    rbm: &Rbm,
    basis: Basis,
    method: Method,
    orders: &[usize],
    units: Option<&[usize]>,
) -> Result<Vec<Coupling>> {
    rbm.validate()?;
    let selection = Selection::new(rbm, orders, units)?;
    match (basis, method) {
        (Basis::Binary, Method::Exact) => binary::exact(rbm, &selection),
        (Basis::Spin, Method::Exact) => spin::exact(rbm, &selection),
        (Basis::Spin, Method::Gaussian) => gaussian::spin(rbm, &selection),
        (Basis::Binary, Method::Gaussian) => Err(Error::Input(
            Fault::new("the Gaussian form in the binary basis")
                .expected("the spin basis: the form averages over the states of all other units")
                .advice("use --basis spin, or --method exact"),
        )),
        (Basis::Binary, Method::Cumulant(power)) => cumulant::binary(rbm, &selection, power),
        (Basis::Spin, Method::Cumulant(power)) => cumulant::spin(rbm, &selection, power),
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spin => "spin",
            Self::Binary => "binary",
        })
    }
}

impl FromStr for Basis {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "spin" => Ok(Self::Spin),
            "binary" => Ok(Self::Binary),
            _ => Err(Error::Input(Fault::new(format!("unknown basis \"{text}\"")).expected("spin or binary"))),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Gaussian => f.write_str("gaussian"),
            Self::Cumulant(power) => write!(f, "cumulant:{power}"),
        }
    }
}

impl Method {
    /// Checks the power of an expansion.
    ///
    /// # Errors
    /// [`Error::Input`] for one that cannot be.
    pub fn check(self) -> Result<()> {
        if let Self::Cumulant(power) = self { cumulant::check(power) } else { Ok(()) }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let power = text.strip_prefix("cumulant:").and_then(|k| k.parse().ok());
        match (text, power) {
            ("exact", _) => Ok(Self::Exact),
            ("gaussian", _) => Ok(Self::Gaussian),
            (_, Some(power)) => cumulant::check(power).map(|()| Self::Cumulant(power)),
            _ => Err(Error::Input(
                Fault::new(format!("unknown method \"{text}\""))
                    .expected(format!("exact, gaussian or cumulant:K with K from 1 to {}", cumulant::MAX_POWER)),
            )),
        }
    }
}
