//! What an Ising run is asked to do.

use crate::backend::Rule;
use crate::error::{Error, Fault, Result};
use crate::lattice::Lattice;

/// Settings of an Ising run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Lattice.
    pub lattice: Lattice,
    /// T in J/k_B.
    pub temperature: f64,
    /// Number of samples.
    pub samples: usize,
    /// Metropolis or heat bath.
    pub rule: Rule,
    /// Independent replicas.
    pub replicas: usize,
    /// Sweeps before the first sample; None: from the pilot.
    pub thermalise: Option<u32>,
    /// Sweeps between samples; None: 2 τ_int, measured.
    pub spacing: Option<u32>,
    /// Seed.
    pub seed: u64,
}

/// Name of a rule in scenario files and flags.
#[must_use]
pub fn rule_name(rule: Rule) -> &'static str {
    match rule {
        Rule::Metropolis => "metropolis",
        Rule::HeatBath => "heat-bath",
    }
}

/// Rule by name; `heat_bath` is taken too.
#[must_use]
pub fn parse_rule(name: &str) -> Option<Rule> {
    match name.replace('_', "-").as_str() {
        "metropolis" => Some(Rule::Metropolis),
        "heat-bath" => Some(Rule::HeatBath),
        _ => None,
    }
}

/// The rule taken where none is asked for: Metropolis, and heat bath on periodic chains, where Metropolis is not ergodic.
#[must_use]
pub fn default_rule(lattice: Lattice) -> Rule {
    if matches!(lattice, Lattice::Chain { .. }) { Rule::HeatBath } else { Rule::Metropolis }
}

/// Most spins, and most samples times sites, that a run may hold in memory.
const MAX_BITS: u64 = 1 << 36;

impl Settings {
    /// Replicas that are really run: an even number, never more than samples are wanted.
    #[must_use]
    pub fn replicas_used(&self) -> usize {
        self.replicas.min(self.samples).next_multiple_of(2)
    }

    /// Checks everything that can be checked before anything is allocated.
    ///
    /// # Errors
    /// [`Error::Input`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        self.lattice.validate()?;
        let fault = |what: String, expected: &str, advice: &str| {
            Err(Error::Input(Fault::new(what).at("ising").expected(expected).advice(advice)))
        };
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return fault(
                format!("temperature {}", self.temperature),
                "a positive finite number, in units of J/k_B",
                "the critical temperature of the square lattice is 2.269185",
            );
        }
        if self.rule == Rule::Metropolis && matches!(self.lattice, Lattice::Chain { .. }) {
            return fault(
                format!("checkerboard Metropolis on {}", self.lattice),
                "heat bath on a periodic chain: a spin between unequal neighbours always flips under Metropolis, so that \
                 domain walls run left or right for ever, and the difference of their numbers never changes",
                "choose heat-bath",
            );
        }
        if self.samples == 0 || self.replicas == 0 || self.spacing == Some(0) {
            return fault(
                format!("{} samples from {} replicas", self.samples, self.replicas),
                "at least one of each, and at least one sweep between samples",
                "use for example 10000 samples from 1000 replicas",
            );
        }
        let sites = self.lattice.sites() as u64;
        let bits = (self.samples as u64).checked_mul(sites);
        let spins = (self.replicas as u64).checked_mul(sites);
        if bits.is_none_or(|n| n > MAX_BITS) || spins.is_none_or(|n| n > MAX_BITS) {
            return fault(
                format!("{} samples and {} replicas of {} sites", self.samples, self.replicas, sites),
                "at most 2^36 spins in all (8 GiB packed)",
                "use fewer samples, fewer replicas or a smaller lattice",
            );
        }
        Ok(())
    }
}
