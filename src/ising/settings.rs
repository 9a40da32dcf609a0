//! What an Ising run is asked to do.

use super::general::{MAX_EVERY, MAX_RUNGS};
use super::{Algorithm, Model, Precision, check_temperatures};
use crate::backend::Rule;
use crate::error::{Error, Fault, Result};
use crate::lattice::Lattice;

/// Settings of a run at one temperature on a plain lattice, J = 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Lattice.
    pub lattice: Lattice,
    /// T in J/k_B.
    pub temperature: f64,
    /// Number of samples.
    pub samples: usize,
    /// How configurations follow one another.
    pub algorithm: Algorithm,
    /// Independent replicas.
    pub replicas: usize,
    /// Sweeps before the first sample; None: from the pilot.
    pub thermalise: Option<u32>,
    /// Sweeps between samples; None: 2 τ_int, measured.
    pub spacing: Option<u32>,
    /// Seed.
    pub seed: u64,
}

impl Settings {
    /// The same as a scan of one temperature.
    ///
    /// # Errors
    /// As [`Lattice::validate`].
    pub fn scan(&self) -> Result<Scan> {
        Ok(Scan {
            model: Model::ferromagnet(self.lattice)?,
            temperatures: vec![self.temperature],
            algorithm: self.algorithm,
            samples: self.samples,
            replicas: self.replicas,
            thermalise: self.thermalise,
            spacing: self.spacing,
            precision: Vec::new(),
            exchange: None,
            ladder: None,
            seed: self.seed,
        })
    }

    /// Replicas that are really run: an even number, never more than samples are wanted.
    #[must_use]
    pub fn replicas_used(&self) -> usize {
        replicas_used(self.replicas, self.samples)
    }

    /// Checks everything that can be checked before anything is allocated.
    ///
    /// # Errors
    /// [`Error::Input`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        check_sizes(self.lattice.validate()?.sites(), 1, self.samples, self.replicas, self.spacing)?;
        check_temperatures(&[self.temperature])
    }
}

/// Settings of a run at many temperatures at once: replicas of all of them lie side by side on the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// What is simulated.
    pub model: Model,
    /// Temperatures in J/k_B, all different.
    pub temperatures: Vec<f64>,
    /// How configurations follow one another.
    pub algorithm: Algorithm,
    /// Number of samples at each temperature.
    pub samples: usize,
    /// Independent replicas at each temperature.
    pub replicas: usize,
    /// Sweeps before the first sample; None: from the pilot.
    pub thermalise: Option<u32>,
    /// Sweeps between samples; None: 2 τ_int, measured, of disordered models until the slowest
    /// is forgotten, the largest of all temperatures.
    pub spacing: Option<u32>,
    /// Errors that must be reached at every temperature; the run goes on after the last sample until they are.
    pub precision: Vec<Precision>,
    /// Sweeps between exchanges of temperatures; None: no exchanges.
    pub exchange: Option<u32>,
    /// That many temperatures between the two given ones instead, spaced for equal acceptance of exchanges and fixed
    /// before the run; None: the temperatures as they are given.
    pub ladder: Option<usize>,
    /// Seed.
    pub seed: u64,
}

impl Scan {
    /// Replicas at each temperature that are really run: an even number, never more than samples are wanted.
    #[must_use]
    pub fn replicas_used(&self) -> usize {
        replicas_used(self.replicas, self.samples)
    }

    /// The rule of single-spin updates; None for cluster updates.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        match self.algorithm {
            Algorithm::Metropolis => Some(self.model.metropolis()),
            Algorithm::HeatBath => Some(Rule::HeatBath),
            Algorithm::SwendsenWang | Algorithm::Wolff => None,
        }
    }

    /// Checks everything that can be checked before anything is allocated.
    ///
    /// # Errors
    /// [`Error::Input`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        check_temperatures(&self.temperatures)?;
        self.precision.iter().try_for_each(Precision::validate)?;
        let fault =
            |what: &str, expected: &str| Err(Error::Input(Fault::new(what).at(&self.model.name).expected(expected)));
        let uniform = self.model.uniform_coupling().is_some();
        if self.algorithm.is_cluster() && (!uniform || self.exchange.is_some()) {
            return fault(
                "cluster updates of a model with fields or different couplings, or with exchange of temperatures",
                "metropolis or heat-bath for these",
            );
        }
        if self.exchange.is_some_and(|every| every == 0 || self.temperatures.len() < 2) {
            return fault("exchange of temperatures", "at least two of them, and at least one sweep between exchanges");
        }
        if let Some(rungs) = self.ladder {
            let every = self.exchange.unwrap_or(u32::MAX);
            if self.temperatures.len() != 2 || !(2..=MAX_RUNGS).contains(&rungs) || every > MAX_EVERY {
                let expected = format!(
                    "two temperatures, its ends; 2 to {MAX_RUNGS} in all; exchanges after every 1 to {MAX_EVERY} sweeps"
                );
                return fault(&format!("a ladder of {rungs} temperatures"), &expected);
            }
        }
        let (sites, temperatures) = (self.model.graph.sites, self.ladder.unwrap_or(self.temperatures.len()));
        check_sizes(sites, temperatures, self.samples, self.replicas, self.spacing)
    }
}

fn replicas_used(replicas: usize, samples: usize) -> usize {
    let replicas = replicas.min(samples);
    replicas.checked_next_multiple_of(2).unwrap_or(replicas)
}

/// Most spins, and most samples times sites, that a run may hold in memory.
const MAX_BITS: u64 = 1 << 36;
/// Most replicas of all temperatures: their numbers are part of 32-bit addresses, and each has entries in tables.
const MAX_REPLICAS: u64 = 1 << 24;

fn check_sizes(sites: usize, temperatures: usize, samples: usize, replicas: usize, spacing: Option<u32>) -> Result<()> {
    let fault = |what: String, expected: String, advice: &str| {
        Err(Error::Input(Fault::new(what).at("ising").expected(expected).advice(advice)))
    };
    if samples == 0 || replicas == 0 || spacing == Some(0) {
        return fault(
            format!("{samples} samples from {replicas} replicas"),
            "at least one of each, and at least one sweep between samples".to_string(),
            "use for example 10000 samples from 1000 replicas",
        );
    }
    let replicas = replicas_used(replicas, samples);
    let spins = |count: usize| (count as u64).checked_mul(temperatures as u64)?.checked_mul(sites as u64);
    let gib = |bits: u64| bits as f64 / (8.0 * f64::from(1 << 30));
    match (spins(samples), spins(replicas)) {
        (Some(kept), Some(moving)) if kept <= MAX_BITS && moving <= MAX_BITS => {}
        (kept, moving) => {
            let size = |n: Option<u64>| {
                n.map_or_else(|| "far more than any memory".to_string(), |n| format!("{:.1} GiB", gib(n)))
            };
            return fault(
                format!(
                    "{temperatures} × {samples} samples and {temperatures} × {replicas} replicas of {sites} sites \
                     need {} and {}",
                    size(kept),
                    size(moving)
                ),
                format!("at most {:.0} GiB of packed spins each", gib(MAX_BITS)),
                "use fewer samples, fewer replicas or a smaller lattice",
            );
        }
    }
    if replicas as u64 * temperatures as u64 > MAX_REPLICAS {
        return fault(
            format!("{temperatures} × {replicas} replicas"),
            format!("at most {MAX_REPLICAS} in all"),
            "use fewer replicas: samples can also follow one another in time",
        );
    }
    Ok(())
}
