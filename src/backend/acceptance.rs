//! Acceptance probabilities of a spin flip as 32-bit integers, computed once on the host in f64.
//!
//! A site with z neighbours, `a` of them antiparallel, costs ΔE = 2J(z − 2a) to flip. Both rules then read
//! "flip if U < P(z − 2a)" with one uniform U per site and sweep, and differ only in the table:
//! Metropolis P = min(1, e^{−ΔE/T}), heat bath P = 1 / (1 + e^{ΔE/T}).
//! Detailed balance ties P(f) to P(−f) only, so P(0) is free: Metropolis has 1 there, and ½ in its form with a coin.
//! U is compared digit by digit with round(2³² P), so every device decides alike; P is exact to 2⁻³².
//! (Metropolis et al. 1953; Creutz 1979; digits: Rieger and others, multispin coding.)

use crate::error::{Error, Fault, Result};
use crate::numerics::readable;

/// Which single-spin rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// min(1, e^{−ΔE/T}).
    Metropolis,
    /// The same with a coin for moves that cost nothing: P = ½ at ΔE = 0. Sites of one colour move together, so where all
    /// moves of a state are free and certain it only runs through a cycle: domain walls on a ring, 36 states of the 4 × 4
    /// torus. The coin makes every lattice ergodic.
    MetropolisWithCoin,
    /// 1 / (1 + e^{ΔE/T}).
    HeatBath,
}

/// Threshold digits for all replicas: row `f + max_degree` belongs to local field f = z − 2a ∈ −max_degree..=max_degree.
///
/// `digits[(row · 32 + d) · words + w]` holds digit d (0 = most significant) of the thresholds of replicas
/// `32w .. 32w + 32`; `always[row · words + w]` has a bit set where P = 1, which needs no draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Number of replicas.
    pub replicas: usize,
    /// Largest degree of the graph the table is for.
    pub max_degree: usize,
    /// Binary digits of the thresholds.
    pub digits: Vec<u32>,
    /// Replicas that flip without a draw.
    pub always: Vec<u32>,
}

impl Acceptance {
    /// Tables for replicas with temperatures `temperatures` (J/k_B units, J = 1).
    ///
    /// # Errors
    /// [`Error::Input`] for a temperature that is not a positive finite number.
    pub fn new(rule: Rule, max_degree: usize, temperatures: &[f64]) -> Result<Self> {
        Self::with_coupling(rule, max_degree, 1.0, temperatures)
    }

    /// Tables for a uniform coupling J of either sign, in the temperatures' units: only J/T enters.
    ///
    /// # Errors
    /// [`Error::Input`] for a temperature that is not a positive finite number, or a coupling that is not finite.
    pub fn with_coupling(rule: Rule, max_degree: usize, coupling: f64, temperatures: &[f64]) -> Result<Self> {
        if !coupling.is_finite() {
            return Err(Error::Input(
                Fault::new(format!("coupling {}", readable(coupling))).expected("a finite number, 1 for a ferromagnet"),
            ));
        }
        for &t in temperatures {
            if !(t.is_finite() && t > 0.0) {
                return Err(Error::Input(
                    Fault::new(format!("temperature {}", readable(t)))
                        .expected("a positive finite number, in units of J/k_B")
                        .advice("the critical temperature of the square lattice is 2.269185"),
                ));
            }
        }
        let words = temperatures.len().div_ceil(32);
        let rows = 2 * max_degree + 1;
        let mut digits = vec![0u32; rows * 32 * words];
        let mut always = vec![0u32; rows * words];
        for row in 0..rows {
            let field = row as f64 - max_degree as f64;
            for (r, &t) in temperatures.iter().enumerate() {
                let (w, bit) = (r / 32, r % 32);
                match threshold(rule, 2.0 * coupling * field / t) {
                    None => always[row * words + w] |= 1 << bit,
                    Some(value) => {
                        for d in 0..32 {
                            digits[(row * 32 + d) * words + w] |= (value >> (31 - d) & 1) << bit;
                        }
                    }
                }
            }
        }
        Ok(Self { replicas: temperatures.len(), max_degree, digits, always })
    }

    /// Words of 32 replicas.
    #[must_use]
    pub fn words(&self) -> usize {
        self.replicas.div_ceil(32)
    }
}

/// The table of [`Acceptance`] as sites with z neighbours use it, by their number a of antiparallel ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// With this many antiparallel neighbours or more every replica flips without a draw; at most z + 1.
    pub drawn: usize,
    /// `[32, drawn, words]`: digit d of P_0, then of P_{a−1} ⊕ P_a, so that a site with a antiparallel neighbours has
    /// the exclusive or of the first a + 1 as its threshold.
    pub planes: Vec<u32>,
    /// `[drawn, words]`: replicas that flip without a draw all the same.
    pub always: Vec<u32>,
}

impl Acceptance {
    /// The table of sites with `z` neighbours, at most `max_degree`.
    #[must_use]
    pub fn classes(&self, z: usize) -> Classes {
        let words = self.words();
        let row = |a: usize| self.max_degree + z - 2 * a;
        let lanes = |w: usize| u32::MAX >> (32 - (self.replicas - 32 * w).min(32));
        let always = |a: usize| &self.always[row(a) * words..(row(a) + 1) * words];
        let is_certain = |a: usize| always(a).iter().enumerate().all(|(w, &mask)| mask == lanes(w));
        let drawn = (0..=z).rev().find(|&a| !is_certain(a)).map_or(0, |a| a + 1);
        let digit = |a: usize, d: usize, w: usize| self.digits[(row(a) * 32 + d) * words + w];
        let mut planes = Vec::with_capacity(32 * drawn * words);
        for d in 0..32 {
            for a in 0..drawn {
                planes.extend((0..words).map(|w| digit(a, d, w) ^ if a == 0 { 0 } else { digit(a - 1, d, w) }));
            }
        }
        Classes { drawn, planes, always: (0..drawn).flat_map(always).copied().collect() }
    }
}

/// round(2³² P) for ΔE/T = `x`, or None where P rounds to 1.
pub(super) fn threshold(rule: Rule, x: f64) -> Option<u32> {
    let p = match rule {
        Rule::MetropolisWithCoin if x == 0.0 => 0.5,
        Rule::Metropolis | Rule::MetropolisWithCoin => (-x).exp().min(1.0),
        Rule::HeatBath => 1.0 / (1.0 + x.exp()),
    };
    let scaled = (p * 4_294_967_296.0).round();
    (scaled < 4_294_967_296.0).then_some(scaled as u32)
}
