//! What the spins themselves remember: q(t) = ⟨s_i(t₀) s_i(t₀ + t)⟩ − ⟨s_i⟩², beside the autocorrelation of e and |m|.
//!
//! An order that is in neither e nor |m|, of sublattices or of a glass, may live long after both have settled. Overlaps
//! o = (1/N) Σ_i s_i s'_i are taken modulo the model's [`Symmetry`], the largest over its images: the two signs of a magnet
//! without field are one state. With F(t) the mean overlap of a replica with itself t later, and F∞ that of different
//! replicas, ρ(t) = (F(t) − F∞)/(1 − F∞) falls from 1 to 0, and τ = ½ + Σ_t ρ(t) up to where ρ is noise.
//! F is known at t = 1, 2, 4, …; between them ρ is taken for an exponential.
//!
//! Hot and cold starts: if it does not matter from which a replica came, the overlaps within and between both groups are
//! alike. With their matrix f_ij centred without its diagonal, A_ij = f_ij − (r_i + r_j)/(p − 2) + S/((p − 1)(p − 2)), and
//! z_i = ±1 by start, Q = Σ_{i≠j} A_ij z_i z_j has mean 0 and variance 2 Σ_{i≠j} A_ij² over random starts (Székely and
//! Rizzo, Ann. Stat. 42, 2382 (2014)). Where one mode rules, Q is distributed as (χ₁² − 1)/√2: it has the heaviest tail,
//! and limits are those of its root.

use super::lasting::{crossing, least};
use super::symmetry::Symmetry;
use crate::bits::BitMatrix;

/// Times from which overlaps are followed.
const ORIGINS: u32 = 3;
/// Words of a configuration that are compared at the most: a million spins tell enough.
const MOST_WORDS: usize = 1 << 15;
/// Words compared for the overlaps of different replicas, for each origin and temperature at the most.
const PAIR_WORK: usize = 1 << 24;
/// Replicas of all temperatures whose overlaps are followed, and of one.
const MOST_REPLICAS: usize = 1 << 16;
const MOST_OF_ONE: usize = 256;
/// Fewer replicas at a temperature cannot be told from one another.
const LEAST_REPLICAS: usize = 4;
/// Replicas from which hot and cold ones are compared.
const LEAST_COMPARED: usize = 8;

/// What a stretch of a run says about the memory of the spins, at one temperature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SpinMemory {
    /// τ in steps; a lower bound where they have not forgotten; NaN where it cannot be known.
    pub(super) tau: f64,
    /// Steps after which ρ is forgotten; as τ where it is not.
    pub(super) lasts: f64,
    /// Whether ρ has fallen to 0 within its error.
    pub(super) forgotten: bool,
    /// Q in standard deviations of random starts; NaN where there are too few replicas.
    pub(super) starts: f64,
}

impl SpinMemory {
    /// Whether hot and cold starts agree, at a level that a normal quantity exceeds beyond `limit`.
    pub(super) fn starts_agree(&self, limit: f64) -> bool {
        self.starts.is_nan() || self.starts <= (limit * limit - 1.0) / std::f64::consts::SQRT_2
    }
}

/// Overlaps over a stretch of steps.
pub(super) struct Overlaps {
    symmetry: Symmetry,
    /// Rows of the replicas that are followed, by temperature; half of each hot, half cold.
    rows: Vec<usize>,
    of_each: usize,
    /// Replicas of each start whose pairs are compared.
    paired: usize,
    origins: Vec<u32>,
    lags: Vec<u32>,
    /// Configurations at the origins passed, with their images.
    kept: Vec<Vec<BitMatrix>>,
    /// Sums of F `[row][lag]` over origins, and their numbers by lag.
    sums: Vec<f64>,
    counts: Vec<u32>,
    /// Sums of f_ij over origins, by temperature `[p, p]`.
    pairs: Vec<Vec<f64>>,
}

impl Overlaps {
    /// Over `steps` steps of a run with `replicas` at each of `temperatures` temperatures, the first half of them cold;
    /// None where there are too few.
    pub(super) fn new(
        symmetry: Symmetry,
        (temperatures, replicas, sites): (usize, usize, usize),
        steps: u32,
    ) -> Option<Self> {
        let of_each = replicas.min(MOST_OF_ONE).min((MOST_REPLICAS / temperatures).max(LEAST_REPLICAS)) & !1;
        if of_each < LEAST_REPLICAS || steps < 8 {
            return None;
        }
        let words = sites.div_ceil(32).min(MOST_WORDS);
        let paired = (of_each / 2).min(((PAIR_WORK / words) as f64 / 2.0).sqrt() as usize).max(LEAST_REPLICAS / 2);
        let first = (replicas - of_each) / 2;
        let rows =
            (0..temperatures).flat_map(|k| k * replicas + first..k * replicas + first + of_each).collect::<Vec<_>>();
        let lags: Vec<u32> = (0..32).map(|k| 1 << k).take_while(|&lag| lag <= steps / 2).collect();
        Some(Self {
            symmetry,
            of_each,
            paired,
            origins: (0..ORIGINS).map(|k| k * (steps / 2) / (ORIGINS - 1)).collect(),
            kept: Vec::new(),
            sums: vec![0.0; rows.len() * lags.len()],
            counts: vec![0; lags.len()],
            pairs: vec![vec![0.0; 4 * paired * paired]; temperatures],
            rows,
            lags,
        })
    }

    /// Whether configurations are needed at a step.
    pub(super) fn wants(&self, step: u32) -> bool {
        let is_lag = |&origin: &u32| step >= origin && (step == origin || self.lags.contains(&(step - origin)));
        self.origins.iter().any(is_lag)
    }

    /// Takes the configurations of all replicas at a step, which come in order.
    pub(super) fn take(&mut self, step: u32, spins: &BitMatrix) {
        let now = spins.select_rows(&self.rows);
        for (images, &origin) in self.kept.iter().zip(&self.origins) {
            let Some(at) = self.lags.iter().position(|&lag| lag == step - origin) else { continue };
            self.counts[at] += 1;
            for row in 0..self.rows.len() {
                self.sums[row * self.lags.len() + at] += self.overlap(images, row, now.row(row), now.cols());
            }
        }
        if self.origins.contains(&step) {
            let images: Vec<BitMatrix> = self.symmetry.next(&now).into_iter().chain([now]).collect();
            self.compare(&images);
            self.kept.push(images);
        }
    }

    /// Largest overlap of a configuration with the images of row `row`.
    fn overlap(&self, images: &[BitMatrix], row: usize, with: &[u32], sites: usize) -> f64 {
        let of_image = |image: &BitMatrix| {
            let stride = with.len().div_ceil(MOST_WORDS);
            let pairs = image.row(row).iter().zip(with).step_by(stride);
            let different: u32 = pairs.map(|(a, b)| (a ^ b).count_ones()).sum();
            let compared = if stride == 1 { sites } else { 32 * with.len().div_ceil(stride) };
            let overlap = 1.0 - 2.0 * f64::from(different) / compared as f64;
            if self.symmetry.flip { overlap.abs() } else { overlap }
        };
        images.iter().map(of_image).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Rows whose pairs are compared: as many cold as hot ones.
    fn pair_rows(&self, temperature: usize) -> std::ops::Range<usize> {
        let middle = temperature * self.of_each + self.of_each / 2;
        middle - self.paired..middle + self.paired
    }

    fn compare(&mut self, images: &[BitMatrix]) {
        let p = 2 * self.paired;
        let Some(plain) = images.last() else { return };
        for k in 0..self.pairs.len() {
            let rows = self.pair_rows(k);
            let mut pairs = std::mem::take(&mut self.pairs[k]);
            for i in 0..p {
                for j in 0..i {
                    let overlap = self.overlap(images, rows.start + i, plain.row(rows.start + j), plain.cols());
                    pairs[i * p + j] += overlap;
                    pairs[j * p + i] += overlap;
                }
            }
            self.pairs[k] = pairs;
        }
    }

    /// What was found at a temperature, by its number.
    pub(super) fn found(&self, temperature: usize) -> SpinMemory {
        let origins = self.kept.len().max(1) as f64;
        let matrix: Vec<f64> = self.pairs[temperature].iter().map(|sum| sum / origins).collect();
        let (apart, apart_error, starts) = judged(&matrix, 2 * self.paired);
        let scale = 1.0 - apart;
        let n = self.of_each as f64;
        let rows = temperature * self.of_each..(temperature + 1) * self.of_each;
        let (mut tau, mut before) = (0.5, (0.0, 1.0));
        for (at, (&lag, &count)) in self.lags.iter().zip(&self.counts).enumerate().filter(|(_, (_, count))| **count > 0)
        {
            let of_rows: Vec<f64> =
                rows.clone().map(|row| self.sums[row * self.lags.len() + at] / f64::from(count)).collect();
            let error = (crate::stats::variance(&of_rows) / n + apart_error * apart_error).sqrt() / scale;
            let rho = (crate::stats::mean(&of_rows) - apart) / scale;
            let least = least(error, n);
            // All replicas alike and at rest remember nothing that others do not know.
            if scale < 1e-9 {
                return SpinMemory { tau, lasts: 0.0, forgotten: true, starts };
            }
            tau += between(before.1, rho.max(least.min(before.1)), f64::from(lag) - before.0);
            if rho <= least {
                let lasts = crossing(before, (f64::from(lag), rho), least);
                return SpinMemory { tau, lasts, forgotten: true, starts };
            }
            before = (f64::from(lag), rho.min(1.0));
        }
        // What is left falls no faster than it has fallen until now.
        let rate = -before.1.ln() / before.0;
        let tau = tau + before.1 / rate.max(1e-12);
        SpinMemory { tau, lasts: tau, forgotten: false, starts }
    }
}

/// Σ of an exponential from `first` to `last` over `steps` steps, the first left out.
fn between(first: f64, last: f64, steps: f64) -> f64 {
    let ratio = (last / first).powf(1.0 / steps);
    if 1.0 - ratio < 1e-9 { first * steps } else { first * ratio * (1.0 - ratio.powf(steps)) / (1.0 - ratio) }
}

/// Mean of the pairs of a symmetric matrix `[p, p]` without its diagonal, its error by leaving one row out at a time, and Q
/// of its first half against its second.
fn judged(matrix: &[f64], p: usize) -> (f64, f64, f64) {
    let row_sums: Vec<f64> = matrix.chunks_exact(p).map(|row| row.iter().sum()).collect();
    let n = p as f64;
    let all: f64 = row_sums.iter().sum();
    let mean = all / (n * (n - 1.0));
    let left_out = row_sums.iter().map(|sum| (all - 2.0 * sum) / ((n - 1.0) * (n - 2.0)) - mean);
    let error = ((n - 1.0) / n * left_out.map(|d| d * d).sum::<f64>()).sqrt();
    if p < LEAST_COMPARED {
        return (mean, error, f64::NAN);
    }
    let (mut q, mut squares) = (0.0, 0.0);
    for i in 0..p {
        for j in (0..p).filter(|&j| j != i) {
            let centred = matrix[i * p + j] - (row_sums[i] + row_sums[j]) / (n - 2.0) + all / ((n - 1.0) * (n - 2.0));
            q += if (i < p / 2) == (j < p / 2) { centred } else { -centred };
            squares += centred * centred;
        }
    }
    let starts = if squares > 0.0 { q / (2.0 * squares).sqrt() } else { 0.0 };
    (mean, error, starts)
}
