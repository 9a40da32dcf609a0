//! Energies as levels, and what was counted at each.

use std::ops::Range;

use super::Series;

/// Most levels; more distinct energies (real couplings) are gathered in as many bins, each at its mean energy.
const MAX_LEVELS: usize = 1 << 15;

/// Energy histogram of a series: energy per site, ascending, and how often it occurred.
#[must_use]
pub fn energy_histogram(series: &Series) -> Vec<(f64, u64)> {
    let mut energies = series.energy.clone();
    energies.sort_by(f64::total_cmp);
    energies.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect()
}

/// The levels that occur in a set of runs.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    /// E of the whole system, ascending.
    pub(super) energies: Vec<f64>,
    /// Upper ends of the levels, per site.
    ends: Vec<f64>,
}

impl Levels {
    pub(super) fn new<'a>(runs: impl Iterator<Item = &'a Series> + Clone) -> Self {
        let sites = runs.clone().map(|s| s.sites).max().unwrap_or(1) as f64;
        let mut values: Vec<f64> = runs.flat_map(|s| s.energy.iter().copied()).collect();
        values.sort_by(f64::total_cmp);
        let distinct = values.chunk_by(|a, b| a == b).count();
        if distinct <= MAX_LEVELS {
            values.dedup();
            return Self { energies: values.iter().map(|e| e * sites).collect(), ends: values };
        }
        let (first, last) = (values[0], values[values.len() - 1]);
        let bin = |e: f64| ((e - first) / (last - first) * MAX_LEVELS as f64) as usize;
        let bins = values.chunk_by(|a, b| bin(*a) == bin(*b));
        let (energies, ends) = bins.map(|bin| (crate::stats::mean(bin) * sites, bin[bin.len() - 1])).unzip();
        Self { energies, ends }
    }

    pub(super) fn len(&self) -> usize {
        self.energies.len()
    }

    /// Level of an energy per site that occurs in the runs.
    pub(super) fn of(&self, energy: f64) -> usize {
        self.ends.partition_point(|&end| end < energy).min(self.ends.len() - 1)
    }
}

/// Counts and sums by level, all runs together, each weighted with 1/g_k.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// n_k/g_k, `[runs]`.
    pub(super) lengths: Vec<f64>,
    /// Σ_k H_k/g_k, `[levels]`.
    pub(super) counts: Vec<f64>,
    /// The same sums of |m|, m², m⁴ instead of 1.
    pub(super) abs: Vec<f64>,
    pub(super) m2: Vec<f64>,
    pub(super) m4: Vec<f64>,
}

impl Tally {
    pub(super) fn new(runs: usize, levels: usize) -> Self {
        let zeros = vec![0.0; levels];
        Self { lengths: vec![0.0; runs], counts: zeros.clone(), abs: zeros.clone(), m2: zeros.clone(), m4: zeros }
    }

    /// Adds a range of run `k`.
    pub(super) fn add(&mut self, k: usize, series: &Series, range: Range<usize>, levels: &Levels, weight: f64) {
        self.lengths[k] += weight * range.len() as f64;
        for (&e, &m) in series.energy[range.clone()].iter().zip(&series.magnetization[range]) {
            let level = levels.of(e);
            self.counts[level] += weight;
            self.abs[level] += weight * m.abs();
            self.m2[level] += weight * m * m;
            self.m4[level] += weight * m.powi(4);
        }
    }

    /// Adds `factor` times another tally.
    pub(super) fn merge(&mut self, other: &Self, factor: f64) {
        let pairs = [
            (&mut self.lengths, &other.lengths),
            (&mut self.counts, &other.counts),
            (&mut self.abs, &other.abs),
            (&mut self.m2, &other.m2),
            (&mut self.m4, &other.m4),
        ];
        for (ours, theirs) in pairs {
            ours.iter_mut().zip(theirs).for_each(|(a, b)| *a += factor * b);
        }
    }
}
