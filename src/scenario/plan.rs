//! A checked scenario with every value resolved: what a run carries out, point by point.
//!
//! A plan is immutable and complete: no stage looks at the scenario file again.

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use super::raw::SpinRule;
use crate::ising;
use crate::lattice::Lattice;
use crate::record::PointRecord;
use crate::rng::{Permutation, derive_seed};
use crate::settings::{CouplingsPlan, LikelihoodPlan, SamplePlan, TrainPlan};

/// Most visible units for which the probabilities of all states are compared.
pub const MAX_STATES_UNITS: usize = 12;

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
    /// Files that the run reads, absolute, the source first.
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IsingPlan {
    /// The lattice.
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
}
