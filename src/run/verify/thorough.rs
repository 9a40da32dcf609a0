//! The long check of the Ising engine: every algorithm, size and temperature, to a stated relative error.
//!
//! Each of the runs goes on until e, C, ⟨|m|⟩ and χ are known to the relative error, and U4 to that fraction of 2/3, its
//! value in the ordered phase. Values are compared with exact ones where there are any (e and C everywhere, the others up
//! to L = 10), else with the mean of the other algorithms weighted by 1/σ². Within one run quantities hang together, but
//! runs are independent: the sum of squared deviations of one quantity over runs with exact values follows χ².

use serde::Serialize;

use super::dynamics::{Dynamics, Effort, dynamics};
use crate::backend::Backend;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::ising::{Algorithm, Model, Precision, Quantity, Scan};
use crate::lattice::Lattice;
use crate::numerics::readable;
use crate::record::{Estimate, IsingRecord};
use crate::rng::derive_seed;
use crate::run::ising::scan;
use crate::stats::chi_squared_survival;

/// Largest deviation from a value, in standard deviations: one correct value in 2100 is further away.
pub const SIGMAS: f64 = 3.5;
/// A χ² is suspicious where fewer than this part of correct runs are as large, or as small.
pub const SUSPICIOUS: f64 = 0.001;

/// Twelve temperatures around the critical one.
const TEMPERATURES: [f64; 12] = [1.5, 1.7, 1.9, 2.0, 2.1, 2.2, 2.269_185_314, 2.35, 2.5, 2.7, 3.0, 3.5];
/// Sizes run with words of replicas.
const PACKED_BY_REPLICA: [usize; 4] = [4, 8, 16, 32];
/// Size run with words of sites, which only single-spin updates have.
const PACKED_BY_SITE: usize = 64;
/// Replicas of cluster algorithms, which gain nothing from more but as many jackknife blocks as there can be: a run that
/// stops when its estimated error is small enough stops too early where the estimate is low. Simulated for independent
/// Gaussian values, the mean squared deviation of such runs is 1.09 squared errors with 32 blocks and 1.02 with 128.
const CLUSTER_REPLICAS: usize = 128;
/// Replicas of single-spin updates: a word of them costs as much as one.
const WORD_REPLICAS: usize = 256;
/// Replicas of words of sites.
const SITE_REPLICAS: usize = 16;
/// Lowest temperature there: below, hot starts keep stripes for longer than any run.
const LOWEST_OF_LARGE: f64 = 2.2;

/// One quantity of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// Update algorithm.
    pub algorithm: &'static str,
    /// L.
    pub length: usize,
    /// T in J/k_B.
    pub temperature: f64,
    /// Key of the quantity.
    pub quantity: &'static str,
    /// What was measured.
    pub found: Estimate,
    /// The exact value, or None.
    pub exact: Option<f64>,
    /// Distance from the exact value, or from the mean of the other algorithms, in standard deviations; None where there is
    /// nothing to compare with.
    pub sigmas: Option<f64>,
}

/// All values of one quantity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Key of the quantity.
    pub quantity: &'static str,
    /// Values compared with anything.
    pub compared: usize,
    /// Values compared with exact ones.
    pub exact: usize,
    /// Σ of squared deviations from exact values, in standard deviations.
    pub chi_squared: f64,
    /// Part of correct runs with a larger sum.
    pub p: f64,
    /// Largest deviation of all, in standard deviations.
    pub worst: f64,
    /// Largest error as a part of the value; for U4, of 2/3. Of values that the runs were to reach it in.
    pub relative_error: f64,
    /// Whether [`SIGMAS`] and [`SUSPICIOUS`] hold.
    pub holds: bool,
}

/// The dynamic exponent of an algorithm, and where it must lie.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exponent {
    /// What was measured.
    #[serde(flatten)]
    pub dynamics: Dynamics,
    /// Least and largest value.
    pub expected: [f64; 2],
    /// Whether it lies there, two of its errors granted.
    pub holds: bool,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// By quantity.
    pub summaries: Vec<Summary>,
    /// Of Metropolis, Swendsen–Wang and Wolff.
    pub exponents: Vec<Exponent>,
    /// All values, by size, temperature, algorithm and quantity.
    pub values: Vec<Value>,
}

/// How accurate the check is, and which numbers it draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Largest error as a part of each value, 1e-4 to 0.2.
    pub relative_error: f64,
    /// Seed of all runs.
    pub seed: u64,
}

/// Square lattices of one size at one temperature, by some algorithms.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// L.
    pub length: usize,
    /// T in J/k_B.
    pub temperature: f64,
    /// Each one run.
    pub algorithms: Vec<Algorithm>,
}

/// Runs everything to a relative error: all sizes and temperatures, and the dynamic exponents.
///
/// # Errors
/// As [`values_of`].
pub fn thorough<B: Backend>(backend: &B, accuracy: Accuracy, listener: &mut dyn Listener) -> Result<Table> {
    let values = values_of(backend, &cells(), accuracy, listener)?;
    let summaries = summaries_of(&values);
    Ok(Table { summaries, exponents: exponents(backend, accuracy, listener)?, values })
}

/// Runs some cells.
///
/// # Errors
/// [`Error::Input`] for an error outside 1e-4 to 0.2; as [`scan`].
pub fn values_of<B: Backend>(
    backend: &B,
    cells: &[Cell],
    accuracy: Accuracy,
    listener: &mut dyn Listener,
) -> Result<Vec<Value>> {
    let Accuracy { relative_error, .. } = accuracy;
    if !(1e-4..=0.2).contains(&relative_error) {
        return Err(Error::Input(
            Fault::new(format!("relative error {}", readable(relative_error)))
                .at("--relative-error")
                .expected("0.0001 to 0.2")
                .advice("a third of the error takes about ten times as long; begin with 0.05"),
        ));
    }
    let total = cells.iter().map(|cell| cell.algorithms.len() as u64).sum();
    let (mut values, mut done) = (Vec::new(), 0);
    for cell in cells {
        let mut records = Vec::new();
        for &algorithm in &cell.algorithms {
            let note = format!("square:{} at T = {}, {}", cell.length, cell.temperature, algorithm.name());
            listener.event(Event::Progress { stage: "verify", done, total, note });
            records.push(measure(backend, cell, algorithm, accuracy, listener)?);
            done += 1;
        }
        values.extend(compare(cell, &records));
    }
    Ok(values)
}

/// The values of each quantity together.
#[must_use]
pub fn summaries_of(values: &[Value]) -> Vec<Summary> {
    Quantity::ALL.into_iter().map(|quantity| summary(quantity, values)).collect()
}

fn exponents<B: Backend>(backend: &B, accuracy: Accuracy, listener: &mut dyn Listener) -> Result<Vec<Exponent>> {
    let all = [
        (Algorithm::Metropolis, &[16, 32, 64][..], 256, 800, [2.1, 2.3]),
        (Algorithm::SwendsenWang, &[8, 16, 32, 64][..], 16, 2000, [-0.1, 0.5]),
        (Algorithm::Wolff, &[8, 16, 32, 64][..], 16, 4000, [-0.1, 0.5]),
    ];
    let mut found = Vec::new();
    for (done, (algorithm, lengths, replicas, times, expected)) in all.into_iter().enumerate() {
        let note = format!("dynamic exponent of {}", algorithm.name());
        listener.event(Event::Progress { stage: "verify dynamics", done: done as u64, total: 3, note });
        let times = if accuracy.relative_error > 0.01 { times / 4 } else { times };
        let effort = Effort { replicas, times, seed: accuracy.seed };
        let dynamics = dynamics(backend, algorithm, lengths, effort, &mut Stops(listener))?;
        let Estimate { value, error, .. } = dynamics.exponent;
        let holds = value + 2.0 * error >= expected[0] && value - 2.0 * error <= expected[1];
        found.push(Exponent { dynamics, expected, holds });
    }
    Ok(found)
}

fn cells() -> Vec<Cell> {
    let by_replica = PACKED_BY_REPLICA.into_iter().flat_map(|length| TEMPERATURES.map(|t| (length, t)));
    let by_replica =
        by_replica.map(|(length, temperature)| Cell { length, temperature, algorithms: Algorithm::ALL.to_vec() });
    let large = TEMPERATURES.into_iter().filter(|&t| t >= LOWEST_OF_LARGE);
    let single = [Algorithm::Metropolis, Algorithm::HeatBath];
    let large = large.map(|temperature| Cell { length: PACKED_BY_SITE, temperature, algorithms: single.to_vec() });
    by_replica.chain(large).collect()
}

fn measure<B: Backend>(
    backend: &B,
    cell: &Cell,
    algorithm: Algorithm,
    accuracy: Accuracy,
    listener: &mut dyn Listener,
) -> Result<IsingRecord> {
    let &Cell { length, temperature, .. } = cell;
    let replicas = match length {
        PACKED_BY_SITE => SITE_REPLICAS,
        _ if algorithm.is_cluster() => CLUSTER_REPLICAS,
        _ => WORD_REPLICAS,
    };
    let mut settings = Scan {
        model: Model::ferromagnet(Lattice::Square { length })?,
        temperatures: vec![temperature],
        algorithm,
        samples: 2 * replicas,
        replicas,
        thermalise: None,
        spacing: None,
        precision: Vec::new(),
        exchange: None,
        ladder: None,
        seed: seed_of(cell, algorithm, accuracy.seed),
    };
    let sizes = match settings.model.exact(temperature) {
        Some(exact) if exact.magnetization.is_some() => Quantity::ALL.map(|q| q.exact(&exact)),
        // A short run by clusters tells how large the unknown values are.
        exact if length != PACKED_BY_SITE => {
            let (algorithm, replicas) = (Algorithm::SwendsenWang, CLUSTER_REPLICAS);
            let rough = Scan { algorithm, samples: 20 * replicas, replicas, ..settings.clone() };
            let found = first(scan(backend, &rough, &mut Stops(listener))?.complete()?.records)?;
            // Not more than it is: rare large values make some of them uncertain.
            let least = |e: Estimate| (e.value.abs() - 2.0 * e.error).max(0.5 * e.value.abs());
            let known = |q: Quantity| exact.as_ref().and_then(|e| q.exact(e));
            Quantity::ALL.map(|q| known(q).or(Some(least(q.of(&found.observables)))))
        }
        exact => Quantity::ALL.map(|q| exact.as_ref().and_then(|e| q.exact(e))),
    };
    for (quantity, size) in Quantity::ALL.into_iter().zip(sizes) {
        let size = if quantity == Quantity::Binder { size.map(|_| 2.0 / 3.0) } else { size };
        if let Some(size) = size {
            settings.precision.push(Precision { quantity, error: accuracy.relative_error * size.abs() });
        }
    }
    first(scan(backend, &settings, &mut Stops(listener))?.complete()?.records)
}

/// A seed for each run: with common random numbers, heat-bath runs at neighbouring temperatures follow each other, and
/// deviations of all of them would add up to nothing that χ² describes.
fn seed_of(cell: &Cell, algorithm: Algorithm, seed: u64) -> u64 {
    derive_seed(seed, &format!("{} {} {}", cell.length, cell.temperature, algorithm.name()))
}

fn first(records: Vec<IsingRecord>) -> Result<IsingRecord> {
    records.into_iter().next().ok_or_else(|| Error::input("no temperature"))
}

/// Hears of signals, but keeps the progress of single runs to itself.
struct Stops<'a>(&'a mut dyn Listener);

impl Listener for Stops<'_> {
    fn event(&mut self, _: Event) {}

    fn stop_requested(&self) -> Option<i32> {
        self.0.stop_requested()
    }
}

fn compare(cell: &Cell, records: &[IsingRecord]) -> Vec<Value> {
    let mut values = Vec::new();
    for (k, (algorithm, record)) in cell.algorithms.iter().zip(records).enumerate() {
        for quantity in Quantity::ALL {
            let found = quantity.of(&record.observables);
            let exact = record.exact.as_ref().and_then(|e| quantity.exact(e));
            let others = records.iter().enumerate().filter(|&(other, _)| other != k);
            let mean = weighted_mean(others.map(|(_, r)| quantity.of(&r.observables)));
            let sigmas = match (exact, mean) {
                (Some(exact), _) => Some((found.value - exact) / found.error),
                (None, Some(mean)) => Some((found.value - mean.value) / found.error.hypot(mean.error)),
                (None, None) => None,
            };
            values.push(Value {
                algorithm: algorithm.name(),
                length: cell.length,
                temperature: cell.temperature,
                quantity: quantity.name(),
                found,
                exact,
                sigmas,
            });
        }
    }
    values
}

fn weighted_mean(estimates: impl Iterator<Item = Estimate>) -> Option<Estimate> {
    let (mut weights, mut sum) = (0.0, 0.0);
    for e in estimates {
        weights += e.error.powi(-2);
        sum += e.value * e.error.powi(-2);
    }
    (weights > 0.0).then(|| Estimate::new(sum / weights, weights.powf(-0.5)))
}

fn summary(quantity: Quantity, values: &[Value]) -> Summary {
    let of: Vec<&Value> = values.iter().filter(|v| v.quantity == quantity.name()).collect();
    let sigmas: Vec<f64> = of.iter().filter_map(|v| v.sigmas).collect();
    let exact: Vec<f64> = of.iter().filter(|v| v.exact.is_some()).filter_map(|v| v.sigmas).collect();
    let chi_squared: f64 = exact.iter().map(|z| z * z).sum();
    let p = chi_squared_survival(chi_squared, exact.len());
    // Written so that a NaN is the worst.
    let worst = sigmas.iter().fold(0.0, |worst: f64, z| if z.abs() <= worst { worst } else { z.abs() });
    let size =
        |v: &Value| if quantity == Quantity::Binder { 2.0 / 3.0 } else { v.exact.unwrap_or(v.found.value).abs() };
    let asked = of.iter().filter(|v| v.exact.is_some() || v.length != PACKED_BY_SITE);
    Summary {
        quantity: quantity.name(),
        compared: sigmas.len(),
        exact: exact.len(),
        chi_squared,
        p,
        worst,
        relative_error: asked.map(|v| v.found.error / size(v)).fold(0.0, f64::max),
        holds: worst <= SIGMAS && (SUSPICIOUS..=1.0 - SUSPICIOUS).contains(&p),
    }
}
