//! Blocks of nearly independent data, and the delete-one-block jackknife.
//!
//! The rule: with at least 32 replicas, blocks are up to 128 groups of whole replicas, independent by construction
//! whatever τ is. With fewer, each replica is cut into bins of at least 5τ values, up to 128 bins in all, and into at
//! least two, so that an error exists even where the series is too short to have a good one.
//!
//! Jackknife: with f_b the function of the means without block b, σ² = (B − 1)/B Σ_b (f_b − f̄)².
//! (Efron, "The jackknife, the bootstrap and other resampling plans", 1982.)

use std::ops::Range;

use crate::record::Estimate;

/// Replicas from which on blocks are groups of replicas.
pub const REPLICAS_FOR_GROUPS: usize = 32;
/// Most blocks; more would not make the error's own error (1/√(2B)) matter less.
const MAX_BLOCKS: usize = 128;
/// Least length of a time bin in units of τ: neighbouring bins then correlate by under 10 %.
const BIN_IN_TAU: f64 = 5.0;

/// Contiguous ranges of a `[replica][time]` series that cover it all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// Ranges in ascending order.
    pub ranges: Vec<Range<usize>>,
}

impl Blocks {
    /// Blocks by the module's rule for `replicas` series of `times` values with autocorrelation time `tau`.
    #[must_use]
    pub fn choose(replicas: usize, times: usize, tau: f64) -> Self {
        if replicas >= REPLICAS_FOR_GROUPS {
            let groups = split(replicas, replicas.min(MAX_BLOCKS));
            return Self { ranges: groups.map(|g| g.start * times..g.end * times).collect() };
        }
        let longest = (times as f64 / (BIN_IN_TAU * tau.max(0.5))).floor() as usize;
        let least = if replicas == 1 { 2 } else { 1 };
        let bins = longest.clamp(least, (MAX_BLOCKS / replicas.max(1)).max(least)).min(times);
        let of_replica = |r: usize| split(times, bins).map(move |b| r * times + b.start..r * times + b.end);
        Self { ranges: (0..replicas).flat_map(of_replica).collect() }
    }

    /// Means of each of `quantities`, block by block: `[block][quantity]`.
    #[must_use]
    pub fn means(&self, quantities: &[&[f64]]) -> Vec<Vec<f64>> {
        let of_block = |range: &Range<usize>| quantities.iter().map(|q| super::mean(&q[range.clone()])).collect();
        self.ranges.iter().map(of_block).collect()
    }

    /// Values in each block.
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        self.ranges.iter().map(|r| r.len() as f64).collect()
    }
}

/// `total` items in `parts` nearly equal runs.
fn split(total: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    (0..parts).map(move |p| p * total / parts..(p + 1) * total / parts)
}

/// f(overall means) with its jackknife error, from block means `[block][quantity]` and the blocks' weights (numbers of
/// values). With fewer than two blocks the error is unknown: NaN.
#[must_use]
pub fn jackknife(means: &[Vec<f64>], weights: &[f64], f: impl Fn(&[f64]) -> f64) -> Estimate {
    let quantities = means.first().map_or(0, Vec::len);
    let total_weight: f64 = weights.iter().sum();
    let mut sums = vec![0.0; quantities];
    for (block, weight) in means.iter().zip(weights) {
        sums.iter_mut().zip(block).for_each(|(s, m)| *s += weight * m);
    }
    let overall: Vec<f64> = sums.iter().map(|s| s / total_weight).collect();
    if means.len() < 2 {
        return Estimate::new(f(&overall), f64::NAN);
    }
    let mut left_out = vec![0.0; quantities];
    let values: Vec<f64> = means
        .iter()
        .zip(weights)
        .map(|(block, weight)| {
            for ((x, s), m) in left_out.iter_mut().zip(&sums).zip(block) {
                *x = (s - weight * m) / (total_weight - weight);
            }
            f(&left_out)
        })
        .collect();
    let centre = super::mean(&values);
    let squares: f64 = values.iter().map(|v| (v - centre).powi(2)).sum();
    let blocks = means.len() as f64;
    Estimate::new(f(&overall), ((blocks - 1.0) / blocks * squares).sqrt())
}
