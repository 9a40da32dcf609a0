//! A checked scenario with every value resolved: what a run carries out, point by point.
//!
//! A plan is immutable and complete: no stage looks at the scenario file again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

pub use super::raw::{Algorithm, Basis, Exact, Replicas, SpinRule};
use crate::backend::{Descent, Penalties};
use crate::couplings::count_of;
use crate::data::sha256_hex;
use crate::error::{Error, Result};
use crate::ising;
use crate::lattice::Lattice;
use crate::rbm::Units;
use crate::record::PointRecord;
use crate::rng::{Permutation, derive_seed};
use crate::sample::{self, translations_of};
pub use crate::train::Schedule;
use crate::train::{self, Augment, Start};

/// Largest smaller side that is enumerated for an exact ln Z.
pub const MAX_EXACT_UNITS: usize = 25;

/// Most visible units for which the probabilities of all states are compared.
pub const MAX_STATES_UNITS: usize = 12;

/// Quadrature nodes assumed for a hidden unit in the spin basis.
pub(super) const ASSUMED_NODES: f64 = 200.0;

/// A whole run.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Short name; default name of the run directory.
    pub name: String,
    /// Heading of the report.
    pub title: Option<String>,
    /// Seed of all random numbers, where the sweep does not say otherwise.
    pub seed: u64,
    /// One for every combination of the sweep, the last swept value changing fastest.
    pub points: Vec<Point>,
    /// What the run must reach.
    pub expect: Vec<Expect>,
    /// Files that the run reads, absolute.
    pub inputs: Vec<PathBuf>,
    /// The scenario as RON with every default written out; it reads back to this plan.
    pub resolved: String,
}

/// One combination of the swept values.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Directory name and title, e.g. `temperature=1.8,hidden=64`; empty without a sweep.
    pub label: String,
    /// Values of the swept keys.
    pub values: BTreeMap<String, f64>,
    /// Seed of the scenario or of the sweep; see [`Point::stage_seed`].
    pub seed: u64,
    /// Where samples or model come from.
    pub source: Source,
    /// Lattice of the visible units, where they are spins.
    pub lattice: Option<Lattice>,
    /// T in J/k_B, where the samples are spins in equilibrium.
    pub temperature: Option<f64>,
    /// Rows of data; none for a model.
    pub rows: Option<usize>,
    /// Visible units.
    pub n_visible: usize,
    /// Hidden units of the machine to train or of the model read; none for data alone.
    pub n_hidden: Option<usize>,
    /// Names of the visible units, where the file has them.
    pub names: Option<Vec<String>>,
    /// Training of a machine.
    pub train: Option<TrainPlan>,
    /// Samples of the machine.
    pub sample: Option<SamplePlan>,
    /// Likelihood of the machine.
    pub likelihood: Option<LikelihoodPlan>,
    /// Whether observables of the machine's samples are measured.
    pub observe: bool,
    /// Couplings of the machine.
    pub couplings: Option<CouplingsPlan>,
}

/// Where samples or model come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Monte Carlo.
    Ising(IsingPlan),
    /// A file of samples, absolute path, or a part of them.
    File(PathBuf, Option<Part>),
    /// A trained model, absolute path.
    Model(PathBuf),
}

/// A part of the samples of a file: of all in a random order, those from one place to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 0.
    pub number: usize,
    /// Number of all parts.
    pub of: usize,
    /// What the order depends on: the seed of the scenario, the same at all points.
    pub seed: u64,
}

impl Part {
    /// Samples that it has of `all`; as many of every part, so that few may be left over.
    #[must_use]
    pub fn rows(self, all: usize) -> Vec<usize> {
        let order = Permutation::new(derive_seed(self.seed, "parts"), 0, all as u32);
        let size = all / self.of.max(1);
        (self.number * size..(self.number + 1) * size).map(|at| order.row(at as u32) as usize).collect()
    }
}

/// Monte Carlo of an Ising model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct IsingPlan {
    /// The lattice.
    #[serde(serialize_with = "as_text")]
    pub lattice: Lattice,
    /// T in J/k_B.
    pub temperature: f64,
    /// Samples over all replicas.
    pub samples: usize,
    /// Single-spin rule.
    pub algorithm: SpinRule,
    /// Independent replicas.
    pub replicas: usize,
    /// Sweeps before the first sample; `None`: from the measured autocorrelation time.
    pub thermalise: Option<u32>,
    /// Sweeps between samples of a replica; `None`: from the measured autocorrelation time.
    pub every: Option<u32>,
}

fn as_text<S: serde::Serializer>(lattice: &Lattice, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(lattice)
}

/// Training of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TrainPlan {
    /// Hidden units.
    pub n_hidden: usize,
    /// How the machine starts.
    #[serde(flatten)]
    pub start: Start,
    /// Values of the units for which the model is written.
    pub units: Units,
    /// Where chains start.
    pub algorithm: Algorithm,
    /// Gibbs steps an update.
    pub gibbs_steps: u32,
    /// Chains of the model phase; for `cd` and `mean_field` the rows of a minibatch.
    pub chains: usize,
    /// Rows of a minibatch.
    pub batch: usize,
    /// Updates in all; epochs are already multiplied out.
    pub updates: u64,
    /// Learning rate at the start.
    pub learning_rate: f64,
    /// Course of the learning rate.
    pub schedule: Schedule,
    /// How gradients become steps.
    pub descent: Descent,
    /// What holds parameters small.
    pub penalties: Penalties,
    /// Centred gradient.
    pub centred: bool,
    /// Factor on the learning rate of the biases.
    pub bias_rate: f64,
    /// Rate of the moving average of the hidden offsets.
    pub offset_rate: f64,
    /// Flip move of the chains.
    pub flip: bool,
    /// Translations of the chains, where the data have a lattice.
    pub translations: bool,
    /// Symmetries by which the rows of minibatches are moved.
    pub augment: Augment,
    /// Rungs of a ladder.
    pub rungs: usize,
    /// Chains that follow the training.
    pub online: usize,
    /// Rows kept out of the training.
    pub held_out_rows: usize,
    /// How many times the likelihood is measured.
    pub metrics: u32,
    /// How many times a checkpoint is written.
    pub checkpoints: u32,
    /// Newest checkpoints that stay.
    pub keep_checkpoints: u32,
    /// Stops after this many metrics without a gain on held-out rows.
    pub patience: Option<u64>,
    /// Whether to go on when the training diverges.
    pub keep_going: bool,
}

/// Samples of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SamplePlan {
    /// Number of samples.
    pub samples: usize,
    /// Parallel chains.
    pub chains: usize,
    /// Gibbs steps before the first sample.
    pub thermalise: u32,
    /// Gibbs steps between samples of a chain.
    pub every: u32,
    /// Replicas at other temperatures.
    pub tempering: Replicas,
}

/// Annealed importance sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LikelihoodPlan {
    /// Chains.
    pub chains: usize,
    /// Inverse temperatures of the ladder, both ends included.
    pub betas: usize,
    /// Whether ln Z is enumerated.
    pub exact: bool,
}

/// Couplings of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CouplingsPlan {
    /// Orders 1 to 3, ascending.
    pub orders: Vec<usize>,
    /// Bases, spin first.
    pub bases: Vec<Basis>,
    /// How many of the strongest positive pairs are listed.
    pub strongest: usize,
    /// Units among which couplings of order 3 are read, ascending; all where `None`.
    pub units: Option<Vec<usize>>,
}

/// A promise about one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    /// Dotted name of the value.
    pub key: String,
    /// Smallest value.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// Widens the bounds by so many standard deviations of the value found.
    pub sigmas: f64,
    /// Numbers of the points it is about.
    pub points: Vec<usize>,
    /// At how many of them it must hold.
    pub at_least: usize,
}

impl IsingPlan {
    /// Settings of the Monte Carlo.
    #[must_use]
    pub fn settings(&self, seed: u64) -> ising::Settings {
        ising::Settings {
            lattice: self.lattice,
            temperature: self.temperature,
            samples: self.samples,
            algorithm: self.algorithm,
            replicas: self.replicas,
            thermalise: self.thermalise,
            spacing: self.every,
            seed,
        }
    }
}

impl TrainPlan {
    /// Settings of the updates.
    ///
    /// # Errors
    /// [`Error::Input`] for symmetries that the lattice does not have.
    pub fn settings(&self, lattice: Option<Lattice>, seed: u64) -> Result<train::Settings> {
        Ok(train::Settings {
            algorithm: self.algorithm,
            gibbs_steps: self.gibbs_steps,
            chains: self.chains,
            batch: self.batch,
            updates: self.updates,
            learning_rate: self.learning_rate,
            schedule: self.schedule,
            descent: self.descent,
            penalties: self.penalties,
            centred: self.centred,
            bias_rate: self.bias_rate,
            offset_rate: self.offset_rate,
            flip: self.flip,
            translations: translations_of(lattice.filter(|_| self.translations)),
            augment: self.augment.moves(lattice).map_err(Error::Input)?,
            rungs: self.rungs,
            online: self.online,
            seed,
        })
    }
}

impl SamplePlan {
    /// Settings of the chains; those of a lattice make flip moves.
    #[must_use]
    pub fn settings(&self, lattice: Option<Lattice>, seed: u64) -> sample::Settings {
        sample::Settings {
            samples: self.samples,
            chains: self.chains,
            thermalise: self.thermalise,
            every: self.every,
            flip: lattice.is_some(),
            seed,
        }
    }
}

impl CouplingsPlan {
    /// Number of couplings of a machine in one basis.
    #[must_use]
    pub fn count(&self, n_visible: usize) -> u64 {
        let among = self.units.as_ref().map_or(n_visible, Vec::len);
        let of_order = |&order: &usize| count_of(if order < 3 { n_visible } else { among }, order);
        self.orders.iter().map(of_order).fold(0, u64::saturating_add)
    }

    /// Operations of the basis that takes most, about.
    #[must_use]
    pub fn work(&self, n_visible: usize, n_hidden: usize) -> f64 {
        self.count(n_visible) as f64 * n_hidden as f64 * ASSUMED_NODES
    }
}

impl Plan {
    /// Whether there is more than the run directory itself.
    #[must_use]
    pub fn has_sweep(&self) -> bool {
        self.points.iter().any(|p| !p.label.is_empty())
    }

    /// The first point before point `index` that has the samples of its Monte Carlo too.
    #[must_use]
    pub fn same_samples(&self, index: usize) -> Option<&Point> {
        let point = &self.points[index];
        let same = |p: &&Point| p.source == point.source && p.stage_seed() == point.stage_seed();
        self.points[..index].iter().find(same).filter(|_| matches!(point.source, Source::Ising(_)))
    }
}

impl Point {
    /// Seed of all stages of this point; its parts derive theirs from it.
    ///
    /// Temperatures of a sweep have one each, and settings of the training share it: machines that differ in these alone
    /// are trained on the same samples, with the same rows kept out, from the same weights and with the same numbers, so
    /// that what differs between them is due to the setting. A sweep over `seed` shows how much is chance.
    #[must_use]
    pub fn stage_seed(&self) -> u64 {
        let swept = self.values.get("temperature");
        swept.map_or(self.seed, |temperature| derive_seed(self.seed, &format!("temperature={temperature}")))
    }

    /// Whether the probabilities of all states are compared with those of the source.
    #[must_use]
    pub fn compares_states(&self) -> bool {
        matches!(self.source, Source::Ising(_)) && self.train.is_some() && self.n_visible <= MAX_STATES_UNITS
    }

    /// What this point is about, as the first line of its records.
    #[must_use]
    pub fn record(&self) -> PointRecord {
        PointRecord {
            label: self.label.clone(),
            values: self.values.clone(),
            lattice: self.lattice.map(|l| l.to_string()),
            temperature: self.temperature,
            rows: self.rows,
            n_visible: Some(self.n_visible),
            n_hidden: self.n_hidden,
        }
    }

    /// Hash of everything that decides the parameters of the trained machine: a checkpoint is good for this alone.
    ///
    /// How the training is watched and how often checkpoints are written does not matter. `data` is the hash of the
    /// samples, where they come from a file.
    #[must_use]
    pub fn fingerprint(&self, data: &str) -> String {
        let train =
            self.train.map(|t| TrainPlan { metrics: 0, checkpoints: 0, keep_checkpoints: 0, keep_going: false, ..t });
        let ising = if let Source::Ising(ising) = &self.source { Some(ising) } else { None };
        let text = serde_json::to_string(&(self.seed, ising, train, self.n_visible, data)).unwrap_or_default();
        sha256_hex(text.as_bytes())
    }
}
