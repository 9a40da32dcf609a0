//! A scenario as it is written: every field of the file, nothing checked and nothing filled in.
//!
//! Unknown fields are errors. `Some` may be left out.

use serde::{Deserialize, Serialize};

pub use crate::ising::Algorithm as SpinRule;
use crate::rbm::Units;
pub use crate::train::Algorithm;
#[cfg(doc)]
use crate::train::Choice;
use crate::train::{Augment, Optimizer, Schedule};

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
    pub model: Option<RawModel>,
    /// How to train it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<RawTrain>,
    /// Samples of the trained machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<RawSample>,
    /// Its likelihood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likelihood: Option<RawLikelihood>,
    /// Observables of the machine's samples against those of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<RawObserve>,
    /// Couplings read out of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub couplings: Option<RawCouplings>,
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

/// The machine to train.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawModel {
    /// Hidden units; may be left out when they are swept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<u64>,
    /// Standard deviation of the initial weights; 0.01 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_scale: Option<f64>,
    /// Weight of each hidden unit to a visible unit of its own at the start; on lattices 4, else 2, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<f64>,
    /// Values of the units for which the model and its samples are written; `(visible: binary, hidden: binary)` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Units>,
}

/// How to train; every field has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTrain {
    /// `pcd` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Gibbs steps an update, or steps of `mean_field`; 2 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gibbs_steps: Option<u64>,
    /// Persistent chains (`cd` and `mean_field` have as many as rows in the minibatch); 1000 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chains: Option<u64>,
    /// Rows of a minibatch; 250 or all training rows unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// Updates; 20 000 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<u64>,
    /// Passes through the training rows, instead of updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Learning rate at the start; that of the optimizer unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// `cosine` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// As [`Choice::optimizer`] unless said; this and the next seven as in [`Choice`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<Optimizer>,
    /// Momentum of `sgd`, `nesterov` and `adam`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// β₂ of `adam`, `auto` and `rmsprop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub square_decay: Option<f64>,
    /// ε of `adam`, `auto` and `rmsprop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// L2 on the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// L1 on the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l1: Option<f64>,
    /// Largest norm of a hidden unit's weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_norm: Option<f64>,
    /// Largest size of a component of the gradient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Mean activity to which hidden units are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse_target: Option<f64>,
    /// How strongly; 0.1 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparse_cost: Option<f64>,
    /// Centred gradient; true unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centred: Option<bool>,
    /// Factor on the learning rate of the biases; 0.1 with flip moves and 1 without, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_rate: Option<f64>,
    /// Rate of the moving average of the hidden offsets; 0.01 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_rate: Option<f64>,
    /// Flip move v → 1 − v of the chains; true for lattice data and false else, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flip: Option<bool>,
    /// Translations of the chains around a periodic lattice; on where the data have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translations: Option<bool>,
    /// Symmetries by which the rows of minibatches are moved; `none` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// Rungs of `pt`, most rungs of `trajectory`; 8 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rungs: Option<u64>,
    /// Chains that follow the training for its likelihood, a multiple of 16 from 64 on; 0, none, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_chains: Option<u64>,
    /// Fraction of the rows that is kept out of the training; 0.1 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<f64>,
    /// How many times the likelihood is measured during training; 20 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<u64>,
    /// How many times a checkpoint is written during training; 10 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<u64>,
    /// Newest checkpoints that stay, besides older ones at growing distances; 2 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_checkpoints: Option<u64>,
    /// Stops after this many metrics without a gain on held-out rows and keeps the machine that was best on them; unless
    /// said, the training does all its updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Whether to go on when the training diverges, with finite numbers; false unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_going: Option<bool>,
}

/// Replicas that exchange states with the sampled chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replicas {
    /// None.
    Off,
    /// Those at as many temperatures as the machine needs.
    Auto,
    /// Those at so many temperatures, that of the machine itself included.
    Rungs(usize),
}

/// Samples of the trained machine; every field has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSample {
    /// Number of samples; 10 000 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Parallel chains; 1000 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chains: Option<u64>,
    /// Gibbs steps before the first sample; 1000 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thermalise: Option<u64>,
    /// Gibbs steps between samples of a chain; 10 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Replicas at other temperatures; `off` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tempering: Option<Replicas>,
}

/// When ln Z is computed by enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exact {
    /// Where the smaller side is small enough.
    Auto,
    /// Always; an error where it is not.
    Always,
    /// Never.
    Never,
}

/// Annealed importance sampling; every field has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLikelihood {
    /// Chains; 1000 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chains: Option<u64>,
    /// Inverse temperatures of the ladder; 1000 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub betas: Option<u64>,
    /// `auto` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Exact>,
}

/// Observables of the machine's samples; nothing to choose yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawObserve {}

/// Basis of a coupling expansion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// s = 2v − 1.
    Spin,
    /// v ∈ {0, 1}.
    Binary,
}

/// A visible unit by number or by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "the number or the name of a unit")]
pub enum UnitName {
    /// From 0.
    Number(u64),
    /// As in the data file.
    Name(String),
}

/// Which couplings; every field has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCouplings {
    /// Orders 1 to 3; all of them unless said, without 3 where there would be too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<Vec<u64>>,
    /// `spin` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bases: Option<Vec<Basis>>,
    /// How many of the strongest positive pairs are listed; 30 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strongest: Option<u64>,
    /// Units among which couplings of order 3 are read; all unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Vec<UnitName>>,
}

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
    pub train: RawTrain,
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
