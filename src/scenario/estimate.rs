//! What a plan will cost, from formulas and typical rates: an estimate to compare plans by, not a measurement.

use serde::Serialize;

use super::plan::{Plan, Point, Source};
use crate::settings::Tempering;
use crate::train::{Algorithm, Settings};

/// Spin updates a second assumed: bit-sliced code on two processor cores.
pub const ISING_RATE: f64 = 5e9;
/// Operations (a multiplication and an addition are two) a second assumed for products of states and weights: small
/// machines on two processor cores.
pub const PRODUCT_RATE: f64 = 4e10;
/// The same of a training by mean field, whose products are of numbers and not of bits.
pub const MEANS_RATE: f64 = 2e10;
/// Terms a second assumed for the quadrature and the logarithms of couplings and enumerations.
pub const TERM_RATE: f64 = 2e8;
/// Sweeps assumed where they are chosen from the autocorrelation time: thermalisation and spacing.
pub const ASSUMED_SWEEPS: (u32, u32) = (2000, 50);

/// Work, memory and time of one stage at one point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageEstimate {
    /// Label of the point.
    pub point: String,
    /// `ising`, `train`, `sample`, `likelihood`, `couplings`.
    pub stage: &'static str,
    /// How much of `unit`.
    pub work: f64,
    /// `flips`, `operations` or `terms`.
    pub unit: &'static str,
    /// Bytes held at once.
    pub bytes: f64,
    /// Seconds at the rates above.
    pub seconds: f64,
}

impl Plan {
    /// Estimates of all stages, point by point.
    #[must_use]
    pub fn estimate(&self) -> Vec<StageEstimate> {
        let of_point = |index: usize| estimate(&self.points[index], self.same_samples(index).is_none());
        (0..self.points.len()).flat_map(of_point).collect()
    }
}

/// Stages of a point; `draws` says whether it makes its samples or takes those of another.
fn estimate(point: &Point, draws: bool) -> Vec<StageEstimate> {
    let stage = |stage, work: f64, unit, rate: f64, bytes: f64| StageEstimate {
        point: point.label.clone(),
        stage,
        work,
        unit,
        bytes,
        seconds: work / rate,
    };
    let n_visible = point.n_visible as f64;
    let n_hidden = point.n_hidden.unwrap_or(0) as f64;
    let weights = n_visible * n_hidden;
    let packed = |rows: f64, units: f64| rows * 4.0 * (units / 32.0).ceil();
    let mut stages = Vec::new();
    if let (Source::Ising(ising), true) = (&point.source, draws) {
        let times = ising.samples.div_ceil(ising.replicas.max(1)) as f64;
        let thermalise = f64::from(ising.thermalise.unwrap_or(ASSUMED_SWEEPS.0));
        let every = f64::from(ising.every.unwrap_or(ASSUMED_SWEEPS.1));
        let flips = (thermalise + times * every) * ising.replicas as f64 * n_visible;
        // Samples, and two 32-bit sums for every replica and sweep.
        let bytes = packed(ising.samples as f64, n_visible) + 8.0 * times * every * ising.replicas as f64;
        stages.push(stage("ising", flips, "flips", ISING_RATE, bytes));
    }
    if let Some(train) = &point.train {
        let one_measurement =
            likelihood_work(point, weights).map_or((0.0, 0.0), |(a, t)| (a / PRODUCT_RATE, t / TERM_RATE));
        let settings = &train.settings;
        let work = settings.updates as f64 * update_work(settings, weights);
        let states = packed(point.rows.unwrap_or(0) as f64, n_visible)
            + packed((settings.chains + settings.batch) as f64, n_visible);
        // Parameters, velocities, second moments where there are any, and two sets of moments.
        let numbers = if settings.descent.is_adaptive() { 5.0 } else { 4.0 };
        let rate = if settings.algorithm == Algorithm::MeanField { MEANS_RATE } else { PRODUCT_RATE };
        let mut cost = stage("train", work, "operations", rate, states + numbers * 4.0 * weights);
        cost.seconds += train.metrics as f64 * (one_measurement.0 + one_measurement.1);
        stages.push(cost);
    }
    if let Some(sample) = &point.sample {
        let settings = &sample.settings;
        let times = settings.samples.div_ceil(settings.chains.max(1)) as f64;
        let steps = f64::from(settings.thermalise) + times * f64::from(settings.every);
        let rungs = match &sample.tempering {
            Tempering::Off => 1,
            Tempering::Auto => ASSUMED_RUNGS,
            Tempering::Rungs(rungs) => *rungs,
            Tempering::Machines(machines) => machines.len() + 1,
        };
        let work = steps * 4.0 * (rungs * settings.chains) as f64 * weights;
        let bytes = packed(settings.samples as f64, n_visible) + 4.0 * weights;
        stages.push(stage("sample", work, "operations", PRODUCT_RATE, bytes));
    }
    if let (Some(likelihood), Some((annealing, terms))) = (&point.likelihood, likelihood_work(point, weights)) {
        let bytes = packed(likelihood.chains as f64, n_visible) + 4.0 * weights;
        // Forward and reverse; without an enumeration also the tempering that reverse begins at.
        let sides = if terms > 0.0 { 2.0 } else { 2.0 + TEMPERING };
        let mut cost = stage("likelihood", sides * annealing, "operations", PRODUCT_RATE, bytes);
        cost.seconds += terms / TERM_RATE;
        stages.push(cost);
    }
    if let Some(couplings) = &point.couplings {
        let terms = couplings.count(point.n_visible) as f64;
        let bases = couplings.bases.len() as f64;
        let work = couplings.work(point.n_visible, point.n_hidden.unwrap_or(0)) * bases;
        // The nodes are a matrix product: several terms an instruction.
        stages.push(stage("couplings", work, "terms", 10.0 * TERM_RATE, 8.0 * (terms + n_visible * n_visible) * bases));
    }
    stages
}

/// Rungs of a ladder that is placed when the machine is known.
const ASSUMED_RUNGS: usize = 8;
/// Most work of tempering, in annealings.
const TEMPERING: f64 = 6.0;

/// Operations of one update: k Gibbs steps of two products, the flip move's product, both phases' inputs and moments.
fn update_work(train: &Settings, weights: f64) -> f64 {
    let (chains, batch) = (train.chains as f64, train.batch as f64);
    let flip = if train.flip { 2.0 * chains } else { 0.0 };
    let gibbs = 4.0 * f64::from(train.gibbs_steps) * chains + flip;
    let model = match train.algorithm {
        Algorithm::Cd | Algorithm::Pcd => gibbs,
        // Mean fields are not flipped.
        Algorithm::MeanField => gibbs - flip,
        // One product of every rung for the exchanges by temperature, two free energies by trajectory, which may have fewer
        // rungs.
        Algorithm::Pt => train.rungs as f64 * (gibbs + 2.0 * chains),
        Algorithm::Trajectory => train.rungs as f64 * (gibbs + 4.0 * chains),
    };
    // Two free energies and two Gibbs steps every twenty updates.
    let online = 0.6 * train.online as f64;
    weights * (model + 4.0 * (chains + batch) + online)
}

/// Operations of one annealing and terms of one enumeration, by the likelihood block.
fn likelihood_work(point: &Point, weights: f64) -> Option<(f64, f64)> {
    let likelihood = point.likelihood.as_ref()?;
    let annealing = 4.0 * weights * likelihood.chains as f64 * (likelihood.ladder.steps() + 1) as f64;
    let smaller = point.n_visible.min(point.n_hidden.unwrap_or(0));
    let larger = point.n_visible.max(point.n_hidden.unwrap_or(0));
    let terms = if likelihood.enumerates(smaller) { 2f64.powi(smaller as i32) * larger as f64 } else { 0.0 };
    Some((annealing, terms))
}
