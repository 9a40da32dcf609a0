//! Spin correlations along the axes and the second-moment correlation length.
//!
//! G(r) = ⟨s_i s_{i+r}⟩ averaged over sites and over the axes of the site numbers (layer, row, column), for r up to half
//! the shortest side (periodic) or up to its end (open), without
//! subtraction of ⟨m⟩². Structure factor
//! S(k) = (1/N)⟨|Σ_i s_i e^{ik·x_i}|²⟩, and with the smallest wave vector k = 2π/L along an axis (mean over axes)
//! ξ = √(S(0)/S(k) − 1) / (2 sin(k/2)) (Cooper, Freedman and Preston, Nucl. Phys. B 210, 210 (1982)); in the ordered
//! phase this ξ grows with L instead of measuring fluctuations.

use std::f64::consts::PI;
use std::ops::Range;

use crate::threads::prelude::*;

use super::series::times_of;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::{Grid, Kind, Lattice};
use crate::record::Estimate;
use crate::stats::{Blocks, jackknife};

/// Most distances of G(r) that are computed.
pub const MAX_DISTANCES: usize = 129;

/// Correlations of one set of configurations.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlations {
    /// G(r), r = 0, 1, … up to L/2 (periodic) or L − 1 (open), at most [`MAX_DISTANCES`] values.
    pub along_axis: Vec<Estimate>,
    /// ξ in lattice constants; None for open lattices, oblique ones, unequal sides and where S(k) = 0.
    pub length: Option<Estimate>,
}

/// Correlations of configurations `[times · replicas, sites]` (1 = up), row = time · replicas + replica, with errors from
/// blocks chosen for an autocorrelation time of `tau` steps.
///
/// # Errors
/// [`crate::Error::Input`] when the shape does not fit the lattice or the number of replicas.
pub fn correlations(samples: &BitMatrix, lattice: Lattice, replicas: usize, tau: f64) -> Result<Correlations> {
    let times = times_of(samples, lattice, replicas)?;
    let length = sides(lattice).into_iter().min().unwrap_or(0);
    let distances = if lattice.is_periodic() { length / 2 + 1 } else { length }.min(MAX_DISTANCES);
    let blocks = Blocks::choose(replicas, times, tau);
    let of_block = |range: &Range<usize>| {
        let rows: Vec<usize> = range.clone().map(|at| at % times * replicas + at / times).collect();
        let block = samples.select_rows(&rows);
        let mut means = if lattice.length() >= LONG_LINE {
            along_lines(&block, lattice, distances)
        } else {
            along_axes(&block.transposed(), lattice, distances, rows.len())
        };
        means.extend(structure_factors(&block, lattice));
        means
    };
    let means: Vec<Vec<f64>> = blocks.ranges.par_iter().map(of_block).collect();
    let weights = blocks.weights();
    // G(0) = 1 is no measurement.
    let along = |r: usize| match jackknife(&means, &weights, |q| q[r]) {
        found if r > 0 => found.measured(),
        exact => Estimate::new(exact.value, 0.0),
    };
    let along_axis = (0..distances).map(along).collect();
    let scale = 1.0 / (2.0 * (PI / length as f64).sin());
    let xi = jackknife(&means, &weights, |q| scale * (q[distances] / q[distances + 1] - 1.0).max(0.0).sqrt());
    // Where S(k) vanishes only rounding is left of it.
    let orthogonal = matches!(lattice.kind(), Kind::Chain | Kind::Square | Kind::Cubic);
    let known = orthogonal
        && lattice.is_periodic()
        && lattice.side().is_some()
        && xi.value < 1e6 * length as f64
        && xi.error.is_finite();
    Ok(Correlations { along_axis, length: known.then_some(xi) })
}

/// Extent from which spins are compared along the lines of a configuration; below it, across configurations.
const LONG_LINE: usize = 64;

/// G(r) for r = 0 … of one block `[samples, sites]`: configurations are compared with themselves, moved by r.
fn along_lines(block: &BitMatrix, lattice: Lattice, distances: usize) -> Vec<f64> {
    let (sites, sides) = (lattice.sites(), sides(lattice));
    let strides = sides.iter().scan(1, |stride, side| {
        *stride *= side;
        Some(*stride / side)
    });
    let axes: Vec<(usize, usize)> = sides.iter().copied().zip(strides).collect();
    let of_sample = |words: &[u32], r: usize| -> u64 {
        let along = |&(side, stride): &(usize, usize)| -> u64 {
            let around = side * stride;
            let of_period = |start: usize| {
                let (moved, kept) = (r * stride, around - r * stride);
                let back = if lattice.is_periodic() { unequal(words, start + kept, start, moved) } else { 0 };
                unequal(words, start, start + moved, kept) + back
            };
            (0..sites).step_by(around).map(of_period).sum()
        };
        axes.iter().map(along).sum()
    };
    let of_distance = |r: usize| {
        let of_axis = |side: &usize| if lattice.is_periodic() { sites } else { sites / side * (side - r) };
        let pairs = sides.iter().map(of_axis).sum::<usize>() * block.rows();
        let different: u64 = (0..block.rows()).map(|row| of_sample(block.row(row), r)).sum();
        1.0 - 2.0 * different as f64 / pairs as f64
    };
    (0..distances).into_par_iter().map(of_distance).collect()
}

/// Number of unequal bits in two runs of `count` bits of `words` that begin at bits `a` and `b`.
fn unequal(words: &[u32], a: usize, b: usize, count: usize) -> u64 {
    let at = |start: usize, k: usize| {
        let (word, shift) = (start / 32 + k, start % 32);
        let next = words.get(word + 1).copied().unwrap_or(0);
        ((u64::from(next) << 32 | u64::from(words[word])) >> shift) as u32
    };
    let whole: u64 = (0..count / 32).map(|k| u64::from((at(a, k) ^ at(b, k)).count_ones())).sum();
    match count % 32 {
        0 => whole,
        rest => {
            let last = (at(a, count / 32) ^ at(b, count / 32)) & (u32::MAX >> (32 - rest));
            whole + u64::from(last.count_ones())
        }
    }
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

/// Extents along the axes that there are: columns, rows, layers.
fn sides(lattice: Lattice) -> Vec<usize> {
    Grid::from(lattice).sides().iter().rev().copied().collect()
}

/// Sites at distance `r` from site `i` in the positive direction of each axis.
fn partners(lattice: Lattice, i: usize, r: usize) -> [Option<usize>; 3] {
    let grid = Grid::from(lattice);
    let along = |axis: usize| {
        let mut step = [0; 3];
        step[axis] = r;
        (axis >= 3 - lattice.dimensions()).then(|| grid.neighbour(i, step)).flatten()
    };
    [along(2), along(1), along(0)]
}

/// S(0) and S(2π/L) of one block, the latter averaged over axes.
fn structure_factors(block: &BitMatrix, lattice: Lattice) -> [f64; 2] {
    // Asked for where all sides are equal.
    let Some(length) = lattice.side() else { return [0.0; 2] };
    let (sites, axes) = (lattice.sites(), lattice.dimensions());
    let waves: Vec<(f64, f64)> = (0..length).map(|x| (2.0 * PI * x as f64 / length as f64).sin_cos()).collect();
    let (mut at_zero, mut at_k) = (0.0, 0.0);
    // Up spins by coordinate along each axis.
    let mut up = vec![0u32; axes * length];
    for r in 0..block.rows() {
        up.fill(0);
        for (w, &word) in block.row(r).iter().enumerate() {
            let (line, column) = (32 * w / length, 32 * w % length);
            let mut rest = word;
            while rest != 0 {
                let at = column + rest.trailing_zeros() as usize;
                rest &= rest - 1;
                // Long lines end at most once in a word.
                let (line, column) = match at.checked_sub(length) {
                    None => (line, at),
                    Some(over) => (line + 1 + over / length, over % length),
                };
                up[column] += 1;
                if axes > 1 {
                    up[length + line % length] += 1;
                }
                if axes > 2 {
                    up[2 * length + line / length] += 1;
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparing_along_lines_and_across_samples_gives_the_same_numbers() {
        // Extents at and beside whole words, one to three dimensions, open and periodic.
        for name in [
            "chain:64",
            "chain:98",
            "open-chain:67",
            "square:64",
            "square:70",
            "cubic:8",
            "cubic:66",
            "square:5x67",
            "open-square:6x66",
            "cubic:3x4x65",
        ] {
            let lattice: Lattice = name.parse().unwrap();
            let distances = (sides(lattice).into_iter().min().unwrap() / 2 + 1).min(20);
            let block = BitMatrix::from_fn(3, lattice.sites(), |r, i| (i * i + 7 * i * r + i / 5) % 11 < 5);
            let across = along_axes(&block.transposed(), lattice, distances, 3);
            assert_eq!(along_lines(&block, lattice, distances), across, "{name}");
        }
    }

    #[test]
    fn structure_factors_are_sums_over_spins() {
        for name in ["chain:10", "square:6", "square:34", "cubic:4", "cubic:34"] {
            let lattice: Lattice = name.parse().unwrap();
            let (sites, length) = (lattice.sites(), lattice.length());
            let block = BitMatrix::from_fn(2, sites, |r, i| (i * i + 3 * i * r + i / 7) % 5 < 2);
            let mut sums = [0.0; 2];
            for r in 0..2 {
                let spin = |i: usize| if block.get(r, i) { 1.0 } else { -1.0 };
                sums[0] += (0..sites).map(spin).sum::<f64>().powi(2);
                for axis in 0..lattice.dimensions() {
                    let angle = |i: usize| 2.0 * PI * (i / length.pow(axis as u32) % length) as f64 / length as f64;
                    let parts = [f64::sin, f64::cos].map(|f| (0..sites).map(|i| spin(i) * f(angle(i))).sum::<f64>());
                    sums[1] += (parts[0].powi(2) + parts[1].powi(2)) / lattice.dimensions() as f64;
                }
            }
            let found = structure_factors(&block, lattice);
            for (found, sum) in found.iter().zip(sums) {
                let expected = sum / (2 * sites) as f64;
                // N terms of size one, added in another order.
                assert!((found - expected).abs() < 1e-15 * (sites * sites) as f64, "{name}: {found} {expected}");
            }
        }
    }
}
