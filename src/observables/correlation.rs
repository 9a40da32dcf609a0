//! Spin correlations along the axes and the second-moment correlation length.
//!
//! G(r) = ⟨s_i s_{i+r}⟩ averaged over sites and over the axes of the site numbers (layer, row, column), without
//! subtraction of ⟨m⟩². Structure factor
//! S(k) = (1/N)⟨|Σ_i s_i e^{ik·x_i}|²⟩, and with the smallest wave vector k = 2π/L along an axis (mean over axes)
//! ξ = √(S(0)/S(k) − 1) / (2 sin(k/2)) (Cooper, Freedman and Preston, Nucl. Phys. B 210, 210 (1982)); in the ordered
//! phase this ξ grows with L instead of measuring fluctuations.

use std::f64::consts::PI;
use std::ops::Range;

use rayon::prelude::*;

use super::series::times_of;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::Lattice;
use crate::record::Estimate;
use crate::stats::{Blocks, jackknife};

/// Most distances of G(r) that are computed.
pub const MAX_DISTANCES: usize = 129;

/// Correlations of one set of configurations.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlations {
    /// G(r), r = 0, 1, … up to L/2 (periodic) or L − 1 (open), at most [`MAX_DISTANCES`] values.
    pub along_axis: Vec<Estimate>,
    /// ξ in lattice constants; None for open lattices, oblique ones and where S(k) = 0.
    pub length: Option<Estimate>,
}

/// Correlations of configurations `[times · replicas, sites]` (1 = up), row = time · replicas + replica, with errors from
/// blocks chosen for an autocorrelation time of `tau` steps.
///
/// # Errors
/// [`crate::Error::Input`] when the shape does not fit the lattice or the number of replicas.
pub fn correlations(samples: &BitMatrix, lattice: Lattice, replicas: usize, tau: f64) -> Result<Correlations> {
    let times = times_of(samples, lattice, replicas)?;
    let length = lattice.length();
    let distances = if lattice.is_periodic() { length / 2 + 1 } else { length }.min(MAX_DISTANCES);
    let blocks = Blocks::choose(replicas, times, tau);
    let of_block = |range: &Range<usize>| {
        let rows: Vec<usize> = range.clone().map(|at| at % times * replicas + at / times).collect();
        let block = samples.select_rows(&rows);
        let mut means = along_axes(&block.transposed(), lattice, distances, rows.len());
        means.extend(structure_factors(&block, lattice));
        means
    };
    let means: Vec<Vec<f64>> = blocks.ranges.par_iter().map(of_block).collect();
    let weights = blocks.weights();
    let along_axis = (0..distances).map(|r| jackknife(&means, &weights, |q| q[r])).collect();
    let scale = 1.0 / (2.0 * (PI / length as f64).sin());
    let xi = jackknife(&means, &weights, |q| scale * (q[distances] / q[distances + 1] - 1.0).max(0.0).sqrt());
    // Where S(k) vanishes only rounding is left of it.
    let orthogonal = matches!(lattice, Lattice::Chain { .. } | Lattice::Square { .. } | Lattice::Cubic { .. });
    let known = orthogonal && xi.value < 1e6 * length as f64 && xi.error.is_finite();
    Ok(Correlations { along_axis, length: known.then_some(xi) })
}

/// G(r) for r = 0 … of one block, given with sites as rows: unequal spins are counted 32 samples at a time.
fn along_axes(sites: &BitMatrix, lattice: Lattice, distances: usize, samples: usize) -> Vec<f64> {
    let unequal = |i: usize, j: usize| -> u64 {
        sites.row(i).iter().zip(sites.row(j)).map(|(a, b)| u64::from((a ^ b).count_ones())).sum()
    };
    let of_distance = |r: usize| {
        let (mut pairs, mut different) = (0u64, 0u64);
        for i in 0..lattice.sites() {
            for j in partners(lattice, i, r).into_iter().flatten() {
                pairs += samples as u64;
                different += unequal(i, j);
            }
        }
        1.0 - 2.0 * different as f64 / pairs as f64
    };
    (0..distances).map(of_distance).collect()
}

/// Sites at distance `r` from site `i` in the positive direction of each axis.
fn partners(lattice: Lattice, i: usize, r: usize) -> [Option<usize>; 3] {
    let length = lattice.length();
    if !lattice.is_periodic() {
        return [(i + r < length).then_some(i + r), None, None];
    }
    let along = |axis: usize| {
        let stride = length.pow(axis as u32);
        let coordinate = i / stride % length;
        (axis < lattice.dimensions()).then(|| i - coordinate * stride + (coordinate + r) % length * stride)
    };
    [along(0), along(1), along(2)]
}

/// S(0) and S(2π/L) of one block, the latter averaged over axes.
fn structure_factors(block: &BitMatrix, lattice: Lattice) -> [f64; 2] {
    let (sites, length, axes) = (lattice.sites(), lattice.length(), lattice.dimensions());
    let waves: Vec<(f64, f64)> = (0..length).map(|x| (2.0 * PI * x as f64 / length as f64).sin_cos()).collect();
    let (mut at_zero, mut at_k) = (0.0, 0.0);
    // Up spins by coordinate along each axis.
    let mut up = vec![0u32; axes * length];
    for r in 0..block.rows() {
        up.fill(0);
        for i in (0..sites).filter(|&i| block.get(r, i)) {
            for axis in 0..axes {
                up[axis * length + i / length.pow(axis as u32) % length] += 1;
            }
        }
        let magnetization = 2.0 * f64::from(block.row_count(r)) - sites as f64;
        at_zero += magnetization * magnetization;
        for along in up.chunks_exact(length) {
            let component = |f: fn(&(f64, f64)) -> f64| -> f64 {
                // The constant part of s = 2 up − 1 has no weight at k ≠ 0.
                along.iter().zip(&waves).map(|(&u, w)| 2.0 * f64::from(u) * f(w)).sum()
            };
            at_k += (component(|w| w.0).powi(2) + component(|w| w.1).powi(2)) / axes as f64;
        }
    }
    let per_spin = 1.0 / (sites * block.rows()) as f64;
    [at_zero * per_spin, at_k * per_spin]
}
