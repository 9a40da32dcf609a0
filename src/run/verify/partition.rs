//! The long check of ln Z: estimates from both sides against exact values over 32 machines.
//!
//! Random machines, Ising models written as machines (Z by the transfer matrix) and machines trained on Ising data below,
//! at and above the critical temperature (Z by enumeration). Each is estimated on a short and on a long ladder: estimates of
//! the long one must lie within [`SIGMAS`] of their own errors from the exact value in all but [`MISSES`] of the cases, and
//! the interval between both sides must shrink from one to the other in the mean. [`super::traps`] adds machines on which
//! estimates go wrong.

use serde::Serialize;

use crate::backend::{Backend, Descent, Penalties};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::{Event, Listener, Silent};
use crate::exact::onsager::CRITICAL_TEMPERATURE;
use crate::ising::{Algorithm as Updates, Settings as IsingSettings};
use crate::lattice::Lattice;
use crate::likelihood::{MAX_ENUMERATED, base_bias, exact_log_z};
use crate::observables::exact_observables;
use crate::rbm::Rbm;
use crate::record::{Bounds, Estimate};
use crate::rng::{Philox, derive_seed};
use crate::run::ising::ising;
use crate::run::likelihood::{Enumerate, Ladder, LikelihoodPlan, Reverse};
use crate::run::log_z::log_z;
use crate::run::verify::traps::{Trap, traps};
use crate::train::{
    Algorithm, Schedule, Settings, Trainer, default_bias_rate, initial_machine, initial_state, smoothed_means,
};
use rand::RngExt;

/// Errors within which an estimate counts as right; one Gaussian value in 370 lies outside.
pub const SIGMAS: f64 = 3.0;
/// Part of the estimates that may lie outside.
pub const MISSES: f64 = 0.03;

/// Temperatures of the Ising models.
const TEMPERATURES: [f64; 4] = [1.8, 2.0, CRITICAL_TEMPERATURE, 3.0];

/// One machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it is.
    pub machine: String,
    /// Visible units.
    pub n_visible: usize,
    /// Hidden units.
    pub n_hidden: usize,
    /// ln Z, by other means than sampling.
    pub exact: f64,
    /// Estimates on the long ladder.
    pub found: Bounds,
    /// Distances from the exact value in own errors: forward, reverse, bridged.
    pub sigmas: [f64; 3],
    /// Variance of the forward log-weights.
    pub log_weight_variance: f64,
    /// What the reverse estimate began at.
    pub reverse_start: String,
    /// Width of the interval on the short and on the long ladder.
    pub widths: [f64; 2],
}

/// All machines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// By machine.
    pub rows: Vec<Row>,
    /// Chains of each estimate.
    pub chains: usize,
    /// Inverse temperatures of the short and of the long ladder.
    pub betas: [usize; 2],
    /// Forward and reverse estimates within [`SIGMAS`].
    pub within: usize,
    /// Geometric mean of long over short widths.
    pub shrinking: f64,
    /// Machines on which estimates go wrong, or ought to say that they may.
    pub traps: Vec<Trap>,
    /// Whether enough estimates lie within, intervals shrink, and no trap catches.
    pub holds: bool,
}

/// Chains and ladders that compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Chains of each estimate.
    pub chains: usize,
    /// Inverse temperatures of the short and of the long ladder.
    pub betas: [usize; 2],
    /// Seed.
    pub seed: u64,
}

struct Known {
    name: String,
    rbm: Rbm,
    base: Vec<f32>,
    exact: f64,
}

/// Estimates ln Z of all machines.
///
/// # Errors
/// Device failures, [`crate::Error::Stopped`] on a signal.
pub fn compare<B: Backend>(backend: &B, effort: Effort, listener: &mut dyn Listener) -> Result<Table> {
    let machines = machines(backend, effort.seed)?;
    let mut rows = Vec::with_capacity(machines.len());
    for (k, known) in machines.iter().enumerate() {
        if let Some(signal) = listener.stop_requested() {
            return Err(crate::Error::Stopped(signal));
        }
        let (done, total, note) = (k as u64, machines.len() as u64, known.name.clone());
        listener.event(Event::Progress { stage: "verify", done, total, note });
        rows.push(row(backend, known, effort)?);
    }
    let estimates = rows.iter().flat_map(|r| [r.sigmas[0], r.sigmas[1]]);
    // Written so that a NaN is outside.
    let within = estimates.filter(|z| z.abs() <= SIGMAS).count();
    let logs: Vec<f64> = rows.iter().map(|r| (r.widths[1] / r.widths[0]).ln()).collect();
    let shrinking = crate::stats::mean(&logs).exp();
    let traps = traps(backend, effort)?;
    let holds = within as f64 >= (1.0 - MISSES) * 2.0 * rows.len() as f64
        && shrinking < 1.0
        && traps.iter().all(|trap| trap.holds);
    Ok(Table { rows, chains: effort.chains, betas: effort.betas, within, shrinking, traps, holds })
}

fn row<B: Backend>(backend: &B, known: &Known, effort: Effort) -> Result<Row> {
    let params = backend.upload_params(&known.rbm, None)?;
    let estimate = |betas: usize| {
        let plan = LikelihoodPlan {
            chains: effort.chains,
            ladder: Ladder::Adaptive(betas - 1),
            reverse: Reverse::Auto,
            trajectory: Vec::new(),
            enumerate: Enumerate::Auto,
            seed: derive_seed(effort.seed, &known.name),
        };
        log_z(backend, &plan, &known.rbm, &params, &known.base, &[], &mut Silent)
    };
    let (short, long) = (estimate(effort.betas[0])?, estimate(effort.betas[1])?);
    let width = |i: &crate::record::IntervalRecord| i.high.zip(i.low).map_or(f64::NAN, |(high, low)| high - low);
    let off = |e: Option<Estimate>| e.map_or(f64::NAN, |e| (e.value - known.exact) / e.error);
    Ok(Row {
        machine: known.name.clone(),
        n_visible: known.rbm.n_visible,
        n_hidden: known.rbm.n_hidden,
        exact: known.exact,
        sigmas: [off(long.log_z.forward), off(long.log_z.reverse), off(long.log_z.bridged)],
        log_weight_variance: long.forward.map_or(f64::NAN, |f| f.log_weight_variance),
        reverse_start: long.interval.reverse_start.clone().unwrap_or_default(),
        widths: [width(&short.interval), width(&long.interval)],
        found: Bounds { exact: Some(Estimate::new(known.exact, 0.0)), ..long.log_z },
    })
}

fn machines<B: Backend>(backend: &B, seed: u64) -> Result<Vec<Known>> {
    let mut all = Vec::new();
    for (k, (n_visible, n_hidden)) in [(6, 5), (8, 12), (12, 8), (16, 10), (30, 13), (64, 12)].into_iter().enumerate() {
        for scale in [0.5, 1.5] {
            let rbm = random(n_visible, n_hidden, scale, seed + k as u64);
            let base = rbm.visible_bias.clone();
            all.extend(enumerable(format!("random {n_visible} × {n_hidden}, ±{scale}"), rbm, base));
        }
    }
    for length in [4, 8] {
        for temperature in TEMPERATURES {
            let lattice = Lattice::Square { length };
            let (rbm, constant) = Rbm::ising(length * length, &lattice.bonds(), 1.0 / temperature);
            let exact = exact_observables(lattice, temperature).map_or(f64::NAN, |x| x.log_z) + constant;
            let base = base_bias(&vec![0.5; length * length]);
            all.push(Known { name: format!("Ising {length} × {length}, T = {temperature:.3}"), rbm, base, exact });
        }
    }
    for length in [4, 8] {
        for temperature in [1.8, CRITICAL_TEMPERATURE, 3.0] {
            let data = samples(backend, length, temperature, seed)?;
            for (name, algorithm) in [("CD", Algorithm::Cd), ("PCD", Algorithm::Pcd)] {
                let rbm = trained(backend, &data, algorithm, true, seed)?;
                let name = format!("{name}, {length} × {length}, T = {temperature:.3}");
                all.extend(enumerable(name, rbm, base_bias(&smoothed_means(&data))));
            }
        }
    }
    Ok(all)
}

fn enumerable(name: String, rbm: Rbm, base: Vec<f32>) -> Option<Known> {
    let exact = exact_log_z(&rbm, MAX_ENUMERATED)?;
    Some(Known { name, rbm, base, exact })
}

/// Weights and biases uniform in ±`scale`.
pub(super) fn random(n_visible: usize, n_hidden: usize, scale: f64, seed: u64) -> Rbm {
    let mut numbers = Philox::sequence(seed, "random machine");
    let mut rbm = Rbm::zeros(n_visible, n_hidden);
    for x in rbm.weights.iter_mut().chain(&mut rbm.visible_bias).chain(&mut rbm.hidden_bias) {
        *x = (scale * (2.0 * numbers.random::<f64>() - 1.0)) as f32;
    }
    rbm
}

fn samples<B: Backend>(backend: &B, length: usize, temperature: f64, seed: u64) -> Result<BitMatrix> {
    let settings = IsingSettings {
        lattice: Lattice::Square { length },
        temperature,
        samples: 4000,
        algorithm: Updates::HeatBath,
        replicas: 500,
        thermalise: None,
        spacing: None,
        seed,
    };
    Ok(ising(backend, &settings, &mut Silent)?.1.data.samples)
}

/// Sixteen hidden units, 600 updates; `flip` for data of which both signs are alike.
pub(super) fn trained<B: Backend>(
    backend: &B,
    data: &BitMatrix,
    algorithm: Algorithm,
    flip: bool,
    seed: u64,
) -> Result<Rbm> {
    let settings = Settings {
        algorithm,
        gibbs_steps: 2,
        chains: 250,
        batch: 250,
        updates: 600,
        learning_rate: 0.3,
        schedule: Schedule::Cosine,
        descent: Descent::PLAIN,
        penalties: Penalties::default(),
        centred: true,
        bias_rate: default_bias_rate(true),
        offset_rate: 0.05,
        flip,
        translations: None,
        augment: crate::sample::Moves::NONE,
        rungs: 4,
        online: 0,
        average: 0.0,
        seed,
    };
    let state = initial_state(initial_machine(data, 16, 0.01, seed), data, &settings);
    let mut trainer = Trainer::new(backend, &settings, data, &state)?;
    trainer.advance(settings.updates)?;
    Ok(trainer.state()?.rbm)
}
