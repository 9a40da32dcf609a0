//! Cluster updates: which bonds join spins, and which clusters turn over.
//!
//! A satisfied bond (J s_i s_j > 0) is active with probability 1 − e^{−2|J|/T}; sites joined by active bonds form
//! clusters that may be turned over whole. Both algorithms beat critical slowing down of ferromagnets, z < 0.5 instead
//! of 2.2; on frustrated graphs they are exact but useless.
//! (R. H. Swendsen and J.-S. Wang, Phys. Rev. Lett. 58, 86 (1987); U. Wolff, Phys. Rev. Lett. 62, 361 (1989).)
//!
//! A cluster is known by its smallest site c, which depends neither on threads nor on the order in which bonds are looked
//! at, and random numbers have addresses. Of replica r at sweep t:
//!
//! | what | where |
//! | --- | --- |
//! | bond b, by its place in [`Graph::bond_pairs`] | word b % 4 of the block (b / 4, t, [`Stream::ClusterBond`], r) |
//! | whether cluster c turns, Swendsen–Wang | bit c % 128 of the block (c / 128, t, [`Stream::ClusterFlip`], r) |
//! | the site whose cluster turns, Wolff: ⌊N u⌋ | 64 digits of u: the first words of the block (r, t, [`Stream::ClusterSeed`], 0) |
//!
//! Probabilities are integers, exact to 2⁻³².

use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::Graph;
#[cfg(doc)]
use crate::rng::Stream;

/// Which clusters a sweep turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterKind {
    /// Each with probability ½; a sweep updates every spin.
    SwendsenWang,
    /// That of a random site; a sweep is one cluster.
    Wolff,
}

/// How clusters are made and turned in many replicas, each at a temperature of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRule {
    /// Which clusters turn.
    pub kind: ClusterKind,
    /// Whether a bond is satisfied by parallel spins, J > 0.
    pub ferromagnetic: bool,
    /// 2³² (1 − e^{−2|J|/T}) of every replica: a satisfied bond is active if its word is below.
    pub thresholds: Vec<u64>,
}

impl ClusterRule {
    /// The rule for a coupling J on every bond; replica r has temperature r, in J/k_B.
    #[must_use]
    pub fn new(kind: ClusterKind, coupling: f64, temperatures: &[f64]) -> Self {
        // −expm1 keeps small probabilities exact.
        let threshold = |t: &f64| (-(-2.0 * coupling.abs() / t).exp_m1() * 4_294_967_296.0).round() as u64;
        Self { kind, ferromagnetic: coupling > 0.0, thresholds: temperatures.iter().map(threshold).collect() }
    }

    /// Checks spins `[replicas, sites]` of `graph` against this rule.
    pub(super) fn check(&self, graph: &Graph, initial: &BitMatrix) -> Result<()> {
        if initial.rows() > 0 && (initial.rows(), initial.cols()) == (self.thresholds.len(), graph.sites) {
            return Ok(());
        }
        Err(Error::Input(
            Fault::new(format!("initial spins [{}, {}]", initial.rows(), initial.cols()))
                .at("clusters")
                .expected(format!("[{}, {}]: replicas with a temperature, sites", self.thresholds.len(), graph.sites)),
        ))
    }
}
