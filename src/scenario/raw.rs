//! A scenario as it is written: every field of the file, nothing checked and nothing filled in.
//!
//! Unknown fields are errors. `Some` may be left out.

use serde::{Deserialize, Serialize};

pub use crate::ising::Algorithm as SpinRule;
use crate::settings::{CouplingsSettings, LikelihoodSettings, ModelSettings, SampleSettings, TrainSettings};

/// A whole scenario file, `version: 1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawScenario {
    /// Version of the format: 1.
    pub version: u64,
    /// Short name; default name of the run directory.
    pub name: String,
    /// Heading of the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Seed of all random numbers; 1 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Where the samples or the model come from.
    pub source: RawSource,
    /// The machine to train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelSettings>,
    /// How to train it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<TrainSettings>,
    /// Samples of the trained machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleSettings>,
    /// Its likelihood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likelihood: Option<LikelihoodSettings>,
    /// Observables of the machine's samples against those of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<RawObserve>,
    /// Couplings read out of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub couplings: Option<CouplingsSettings>,
    /// Values to go through: one point for every combination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<RawSweep>,
    /// Other training settings at some points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<RawOverride>,
    /// What the run must reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<RawExpect>,
}

impl RawScenario {
    /// A scenario with a source and no stages, to be filled by a program.
    #[must_use]
    pub fn new(name: impl Into<String>, source: RawSource) -> Self {
        Self {
            version: 1,
            name: name.into(),
            title: None,
            seed: None,
            source,
            model: None,
            train: None,
            sample: None,
            likelihood: None,
            observe: None,
            couplings: None,
            sweep: None,
            overrides: Vec::new(),
            expect: Vec::new(),
        }
    }
}

/// Where the samples or the model come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum RawSource {
    /// Monte Carlo of an Ising model, J = 1, no field.
    Ising {
        /// `chain:L`, `open-chain:L`, `square:L`, `triangular:L`, `honeycomb:L` or `cubic:L`.
        lattice: String,
        /// T in J/k_B; may be left out when it is swept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        temperature: Option<f64>,
        /// Number of samples, over all replicas.
        samples: u64,
        /// Update algorithm; Metropolis unless said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        algorithm: Option<SpinRule>,
        /// Independent replicas.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replicas: Option<u64>,
        /// Sweeps before the first sample; from the measured autocorrelation time unless said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thermalise: Option<u64>,
        /// Sweeps between samples of a replica; from the measured autocorrelation time unless said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        every: Option<u64>,
    },
    /// Samples in a file.
    File {
        /// Path, relative to the scenario file.
        path: String,
        /// Lattice of the units, where they are spins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lattice: Option<String>,
        /// T in J/k_B, where the samples are spins in equilibrium; picks those of one from a file with several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        temperature: Option<f64>,
        /// Into how many parts of equal size without a sample in common the samples are divided at random.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parts: Option<u64>,
        /// Which of them is taken, from 1; may be left out when it is swept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<u64>,
    },
    /// A trained model.
    Model {
        /// Path, relative to the scenario file.
        path: String,
    },
}

/// Observables of the machine's samples; nothing to choose yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawObserve {}

/// Values to go through, in this order from the slowest to the fastest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSweep {
    /// Temperatures of an Ising source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Vec<f64>>,
    /// Parts of the samples of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Vec<u64>>,
    /// Numbers of hidden units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Vec<u64>>,
    /// Gibbs steps an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gibbs_steps: Option<Vec<u64>>,
    /// Learning rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<Vec<f64>>,
    /// Seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Vec<u64>>,
}

/// Selects points by their values; what is left out matches all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAt {
    /// T.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Part of the samples of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u64>,
    /// Hidden units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<u64>,
    /// Gibbs steps an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gibbs_steps: Option<u64>,
    /// Learning rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl RawAt {
    /// Name and number of what is given, in the order of the sweep.
    pub(crate) fn given(&self) -> Vec<(&'static str, f64)> {
        let numbers = [
            ("temperature", self.temperature),
            ("part", self.part.map(|n| n as f64)),
            ("hidden", self.hidden.map(|n| n as f64)),
            ("gibbs_steps", self.gibbs_steps.map(|n| n as f64)),
            ("learning_rate", self.learning_rate),
            ("seed", self.seed.map(|n| n as f64)),
        ];
        numbers.into_iter().filter_map(|(name, x)| Some((name, x?))).collect()
    }
}

/// Other training settings at some points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOverride {
    /// Which points.
    pub at: RawAt,
    /// What is given here replaces the scenario's own settings.
    pub train: TrainSettings,
}

/// A promise: a value of the results and its bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawExpect {
    /// Which points; all unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<RawAt>,
    /// Dotted name of the value, e.g. `likelihood.kl`.
    pub key: String,
    /// Smallest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Middle of an interval, instead of `min` and `max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Half-width of the interval around `value`, in the units of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<f64>,
    /// Widens the bounds by so many standard deviations of the value found; 0 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigmas: Option<f64>,
    /// At how many of the points it must hold; all unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_points: Option<u64>,
}
