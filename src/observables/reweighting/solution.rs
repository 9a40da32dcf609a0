//! The equations of multi-histogram reweighting and their solution for one set of counts.
//!
//! With c_kl = e^{−β_k E_l − ln Z_k} and D_l = Σ_k (n_k/g_k) c_kl, the residuals are r_k = 1 − Σ_l H_l c_kl/D_l. They are
//! the gradient of a convex function of ln Z_k divided by n_k, so Newton's method converges from a start close enough; a
//! step that does not shrink the residuals is replaced by the self-consistent one, ln Z_k += ln(1 − r_k), which always
//! does in the end. c_kl is kept relative to its largest k, or large systems would underflow.

use super::histogram::Tally;

/// Largest residual of a solution.
const TOLERANCE: f64 = 1e-10;
/// Most steps.
const STEPS: usize = 5000;

/// ln Z_k of the runs and what follows for every level.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    /// ln Z_k up to a common constant.
    pub(super) log_z: Vec<f64>,
    /// ln Ω_l, −∞ where nothing was counted.
    log_density: Vec<f64>,
    /// Weighted counts of each level.
    counts: Vec<f64>,
    abs: Vec<f64>,
    m2: Vec<f64>,
    m4: Vec<f64>,
}

/// Averages at one temperature, of the whole system for energies, per site for m.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) energy: f64,
    pub(super) energy_variance: f64,
    pub(super) abs: f64,
    pub(super) m2: f64,
    pub(super) m4: f64,
    pub(super) effective_samples: f64,
}

impl Moments {
    /// U4.
    pub(super) fn binder(&self) -> f64 {
        if self.m2 > 0.0 { 1.0 - self.m4 / (3.0 * self.m2 * self.m2) } else { 0.0 }
    }
}

/// ln Z_k from d ln Z/dβ = −E by the trapezoidal rule: a start for the solution.
pub(super) fn integrated(betas: &[f64], energies: &[f64]) -> Vec<f64> {
    let mut log_z = vec![0.0; betas.len()];
    for k in 1..betas.len() {
        log_z[k] = log_z[k - 1] - 0.5 * (energies[k] + energies[k - 1]) * (betas[k] - betas[k - 1]);
    }
    log_z
}

impl Solution {
    /// Solves from a start for ln Z.
    pub(super) fn new(betas: &[f64], energies: &[f64], tally: &Tally, start: &[f64]) -> Self {
        let mut log_z = start.to_vec();
        let mut now = State::at(betas, energies, tally, &log_z);
        for _ in 0..STEPS {
            if now.worst() < TOLERANCE {
                break;
            }
            let newton = now.newton_step(tally).map(|step| moved(&log_z, &step));
            let tried = newton.map(|z| (State::at(betas, energies, tally, &z), z));
            (now, log_z) = match tried {
                Some((state, z)) if state.worst() < now.worst() => (state, z),
                _ => {
                    let step: Vec<f64> = now.residuals.iter().map(|r| (1.0 - r).max(1e-300).ln()).collect();
                    let z = moved(&log_z, &step);
                    (State::at(betas, energies, tally, &z), z)
                }
            };
        }
        let mean = |sums: &[f64]| -> Vec<f64> {
            let of_level = |(s, n): (&f64, &f64)| if *n > EMPTY { s / n } else { 0.0 };
            sums.iter().zip(&tally.counts).map(of_level).collect()
        };
        Self {
            log_density: now.log_density(tally),
            counts: tally.counts.clone(),
            abs: mean(&tally.abs),
            m2: mean(&tally.m2),
            m4: mean(&tally.m4),
            log_z,
        }
    }

    /// Averages at inverse temperature β.
    pub(super) fn moments(&self, energies: &[f64], beta: f64) -> Moments {
        let log_weights: Vec<f64> = self.log_density.iter().zip(energies).map(|(d, e)| d - beta * e).collect();
        let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = log_weights.iter().map(|w| (w - top).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mean = |values: &[f64]| weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / total;
        let energy = mean(energies);
        let squares: Vec<f64> = energies.iter().map(|e| (e - energy).powi(2)).collect();
        // All samples of a level share its weight.
        let of_samples: f64 =
            weights.iter().zip(&self.counts).filter(|(_, n)| **n > EMPTY).map(|(w, n)| w * w / n).sum();
        Moments {
            energy,
            energy_variance: mean(&squares),
            abs: mean(&self.abs),
            m2: mean(&self.m2),
            m4: mean(&self.m4),
            effective_samples: total * total / of_samples,
        }
    }
}

/// Weighted counts below this are rounding left by the subtraction of a block.
const EMPTY: f64 = 1e-9;

/// ln Z after a step, the first being kept.
fn moved(log_z: &[f64], step: &[f64]) -> Vec<f64> {
    log_z.iter().zip(step).map(|(z, s)| z + s - step[0]).collect()
}

/// Everything that follows from one guess of ln Z.
struct State {
    /// c_kl relative to the largest k, `[level][run]`.
    relative: Vec<f64>,
    /// Its logarithm, `[level]`.
    largest: Vec<f64>,
    /// D_l relative to it, `[level]`.
    sums: Vec<f64>,
    residuals: Vec<f64>,
}

impl State {
    fn at(betas: &[f64], energies: &[f64], tally: &Tally, log_z: &[f64]) -> Self {
        let runs = betas.len();
        let mut state = Self {
            relative: Vec::with_capacity(runs * energies.len()),
            largest: Vec::with_capacity(energies.len()),
            sums: Vec::with_capacity(energies.len()),
            residuals: vec![1.0; runs],
        };
        for (&energy, &count) in energies.iter().zip(&tally.counts) {
            let exponent = |k: usize| -betas[k] * energy - log_z[k];
            let largest = (0..runs).map(exponent).fold(f64::NEG_INFINITY, f64::max);
            let first = state.relative.len();
            state.relative.extend((0..runs).map(|k| (exponent(k) - largest).exp()));
            let row = &state.relative[first..];
            let sum: f64 = row.iter().zip(&tally.lengths).map(|(c, n)| c * n).sum();
            if count > EMPTY {
                state.residuals.iter_mut().zip(row).for_each(|(r, c)| *r -= count * c / sum);
            }
            state.largest.push(largest);
            state.sums.push(sum);
        }
        state
    }

    fn worst(&self) -> f64 {
        let worst = self.residuals.iter().map(|r| r.abs()).fold(0.0, f64::max);
        // Maxima overlook NaN.
        if self.residuals.iter().all(|r| r.is_finite()) { worst } else { f64::INFINITY }
    }

    fn log_density(&self, tally: &Tally) -> Vec<f64> {
        let of_level = |l: usize| {
            let count = tally.counts[l];
            if count > EMPTY { (count / self.sums[l]).ln() - self.largest[l] } else { f64::NEG_INFINITY }
        };
        (0..tally.counts.len()).map(of_level).collect()
    }

    /// Newton's step with ln Z of the first run fixed; None where the matrix is singular.
    fn newton_step(&self, tally: &Tally) -> Option<Vec<f64>> {
        let runs = self.residuals.len();
        if runs < 2 {
            return None;
        }
        // −∂r_k/∂ln Z_j = Σ_l H_l w_lk (n_j w_lj − δ_kj) with w_lk = c_kl/D_l.
        let mut matrix = vec![vec![0.0; runs]; runs - 1];
        for (l, row) in self.relative.chunks_exact(runs).enumerate() {
            let count = tally.counts[l];
            if count <= EMPTY {
                continue;
            }
            for k in 1..runs {
                let w = row[k] / self.sums[l];
                for j in 1..runs {
                    let other = row[j] / self.sums[l];
                    matrix[k - 1][j - 1] += count * w * (tally.lengths[j] * other - f64::from(u8::from(k == j)));
                }
            }
        }
        for k in 1..runs {
            matrix[k - 1][runs - 1] = self.residuals[k];
        }
        let step = eliminate(matrix)?;
        Some(std::iter::once(0.0).chain(step).collect())
    }
}

/// Solves a system given as rows with their right-hand side last, by Gaussian elimination with row pivots.
fn eliminate(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        rows.swap(column, pivot);
        let (done, rest) = rows.split_at_mut(column + 1);
        let top = &done[column];
        if top[column].abs() < 1e-300 {
            return None;
        }
        for row in rest {
            let factor = row[column] / top[column];
            row[column..].iter_mut().zip(&top[column..]).for_each(|(x, t)| *x -= factor * t);
        }
    }
    let mut solution = vec![0.0; n];
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| rows[k][j] * solution[j]).sum();
        solution[k] = (rows[k][n] - known) / rows[k][k];
    }
    solution.iter().all(|x| x.is_finite()).then_some(solution)
}
