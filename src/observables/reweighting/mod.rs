//! Multi-histogram reweighting: from runs at a few temperatures to curves over all temperatures between them.
//!
//! The density of states from all runs together, Ω(E) = Σ_k H_k(E)/g_k / Σ_k (n_k/g_k) e^{−β_k E}/Z_k with the counts H_k,
//! run lengths n_k and statistical inefficiencies g_k = 2τ_k, and Z_k = Σ_E Ω(E) e^{−β_k E}, solved together for ln Z_k.
//! An observable at any β is ⟨A⟩ = Σ_E Ω(E) A(E) e^{−βE} / Σ_E Ω(E) e^{−βE}, A(E) being its mean over all samples of that
//! energy. (A. M. Ferrenberg and R. H. Swendsen, Phys. Rev. Lett. 63, 1195 (1989); the equations are solved by Newton's
//! method as in M. R. Shirts and J. D. Chodera, J. Chem. Phys. 129, 124105 (2008).)
//!
//! Errors are jackknife errors over blocks of the runs, the equations being solved anew without each block.

mod crossing;
mod histogram;
mod solution;

pub use histogram::energy_histogram;

use serde::Serialize;

use self::histogram::{Levels, Tally};
use self::solution::Solution;
use super::{Series, pilot};
use crate::error::{Error, Fault, Result};
use crate::record::Estimate;
use crate::stats::{Blocks, mean};

/// Most temperatures: the equations' matrix has as many rows.
pub const MAX_RUNS: usize = 256;
/// Most blocks of the jackknife; each costs one solution.
const MAX_BLOCKS: usize = 32;
/// Least effective number of samples at a temperature that is asked for.
const LEAST_SAMPLES: f64 = 50.0;
/// Least common area of neighbouring energy distributions.
const LEAST_OVERLAP: f64 = 0.01;

/// Observables at a temperature between those of the runs, per site.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReweightedPoint {
    /// T in J/k_B.
    pub temperature: f64,
    /// e.
    pub energy: Estimate,
    /// C.
    pub specific_heat: Estimate,
    /// ⟨|m|⟩.
    pub magnetization: Estimate,
    /// χ.
    pub susceptibility: Estimate,
    /// U4.
    pub binder: Estimate,
    /// (Σw)²/Σw² over all samples with their weights at this temperature.
    pub effective_samples: f64,
}

/// Runs at several temperatures, combined.
#[derive(Debug, Clone)]
pub struct MultiHistogram {
    sites: usize,
    temperatures: Vec<f64>,
    levels: Levels,
    full: Solution,
    /// Without each block.
    left_out: Vec<Solution>,
}

impl MultiHistogram {
    /// Combines runs of one system: a temperature and its series each.
    ///
    /// # Errors
    /// [`Error::Input`] for no runs or more than [`MAX_RUNS`], runs without samples, of different systems or at
    /// temperatures that are not positive or not different, and for neighbouring runs whose energies do not overlap.
    pub fn new(runs: &[(f64, &Series)]) -> Result<Self> {
        check(runs)?;
        let mut runs = runs.to_vec();
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let levels = Levels::new(runs.iter().map(|(_, series)| *series));
        let blocks: Vec<Blocks> =
            runs.iter().map(|(_, s)| Blocks::choose(s.replicas, s.times, pilot(s).tau())).collect();
        let groups = blocks.iter().map(|b| b.ranges.len()).min().unwrap_or(0).min(MAX_BLOCKS);
        let inefficiency: Vec<f64> = runs.iter().map(|(_, s)| 2.0 * pilot(s).energy.tau.max(0.5)).collect();
        let mut tallies = vec![Tally::new(runs.len(), levels.len()); groups];
        for (k, ((_, series), blocks)) in runs.iter().zip(&blocks).enumerate() {
            for (g, tally) in tallies.iter_mut().enumerate() {
                let ranges = &blocks.ranges[g * blocks.ranges.len() / groups..(g + 1) * blocks.ranges.len() / groups];
                let range = ranges[0].start..ranges[ranges.len() - 1].end;
                tally.add(k, series, range, &levels, 1.0 / inefficiency[k]);
            }
        }
        let mut total = Tally::new(runs.len(), levels.len());
        tallies.iter().for_each(|tally| total.merge(tally, 1.0));
        let betas: Vec<f64> = runs.iter().map(|(t, _)| 1.0 / t).collect();
        let means: Vec<f64> = runs.iter().map(|(_, s)| mean(&s.energy) * s.sites as f64).collect();
        overlapping(&runs, &levels)?;
        let full = Solution::new(&betas, &levels.energies, &total, &solution::integrated(&betas, &means));
        let without = |tally: &Tally| {
            let mut rest = total.clone();
            rest.merge(tally, -1.0);
            Solution::new(&betas, &levels.energies, &rest, &full.log_z)
        };
        let left_out = tallies.iter().map(without).collect();
        let temperatures = runs.iter().map(|(t, _)| *t).collect();
        Ok(Self { sites: runs[0].1.sites, temperatures, levels, full, left_out })
    }

    /// ln Z of the runs less that of the first, in the order of their temperatures.
    #[must_use]
    pub fn log_z_differences(&self) -> Vec<f64> {
        self.full.log_z.iter().map(|z| z - self.full.log_z[0]).collect()
    }

    /// Observables at a temperature.
    ///
    /// # Errors
    /// [`Error::Input`] where the runs say too little about it: it lies too far outside, or they are too short.
    pub fn at(&self, temperature: f64) -> Result<ReweightedPoint> {
        if !(temperature.is_finite() && temperature > 0.0) {
            return Err(Error::Input(
                Fault::new(format!("temperature {temperature}"))
                    .expected("a positive finite number, in units of J/k_B"),
            ));
        }
        let full = self.full.moments(&self.levels.energies, 1.0 / temperature);
        if full.effective_samples < LEAST_SAMPLES {
            let (first, last) = (self.temperatures[0], self.temperatures[self.temperatures.len() - 1]);
            return Err(Error::Input(
                Fault::new(format!("reweighting to T = {temperature} rests on {:.1} samples", full.effective_samples))
                    .expected(format!("at least {LEAST_SAMPLES}; the runs are at T = {first} to {last}"))
                    .advice("stay between the temperatures of the runs, or take more samples"),
            ));
        }
        let others: Vec<solution::Moments> =
            self.left_out.iter().map(|s| s.moments(&self.levels.energies, 1.0 / temperature)).collect();
        let n = self.sites as f64;
        let estimate = |f: &dyn Fn(&solution::Moments) -> f64| {
            let values: Vec<f64> = others.iter().map(f).collect();
            Estimate::new(f(&full), spread(&values)).measured()
        };
        Ok(ReweightedPoint {
            temperature,
            energy: estimate(&|q| q.energy / n),
            specific_heat: estimate(&|q| q.energy_variance / (n * temperature * temperature)),
            magnetization: estimate(&|q| q.abs),
            susceptibility: estimate(&|q| n / temperature * (q.m2 - q.abs * q.abs)),
            binder: estimate(&solution::Moments::binder),
            effective_samples: full.effective_samples,
        })
    }
}

/// Jackknife error from the values without each block.
fn spread(values: &[f64]) -> f64 {
    let blocks = values.len() as f64;
    let centre = mean(values);
    ((blocks - 1.0) / blocks * values.iter().map(|v| (v - centre).powi(2)).sum::<f64>()).sqrt()
}

fn check(runs: &[(f64, &Series)]) -> Result<()> {
    let fault = |what: String, expected: &str| Err(Error::Input(Fault::new(what).at("reweighting").expected(expected)));
    if runs.is_empty() || runs.len() > MAX_RUNS {
        return fault(format!("{} runs", runs.len()), &format!("1 to {MAX_RUNS}"));
    }
    for (i, (t, series)) in runs.iter().enumerate() {
        if !(t.is_finite() && *t > 0.0) || runs[..i].iter().any(|(other, _)| other == t) {
            return fault(format!("a run at T = {t}"), "positive temperatures, all different");
        }
        if series.sites != runs[0].1.sites {
            return fault(format!("runs of {} and {} sites", runs[0].1.sites, series.sites), "one system");
        }
        if series.replicas * series.times < 4 {
            return fault(format!("{} samples at T = {t}", series.replicas * series.times), "at least 4");
        }
    }
    Ok(())
}

/// Refuses neighbouring runs without energies in common: their ln Z could not be compared.
fn overlapping(runs: &[(f64, &Series)], levels: &Levels) -> Result<()> {
    let distribution = |series: &Series| -> Vec<f64> {
        let mut p = vec![0.0; levels.len()];
        series.energy.iter().for_each(|&e| p[levels.of(e)] += 1.0 / series.energy.len() as f64);
        p
    };
    for pair in runs.windows(2) {
        let (a, b) = (distribution(pair[0].1), distribution(pair[1].1));
        let common: f64 = a.iter().zip(&b).map(|(a, b)| a.min(*b)).sum();
        if common < LEAST_OVERLAP {
            return Err(Error::Input(
                Fault::new(format!("the energies at T = {} and {} hardly overlap", pair[0].0, pair[1].0))
                    .at("reweighting")
                    .expected(format!("distributions with at least {LEAST_OVERLAP} of their area in common"))
                    .advice("run at temperatures closer to each other"),
            ));
        }
    }
    Ok(())
}
