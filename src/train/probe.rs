//! Numbers that tell how a training stands, from its machine, its chains and its data alone.
//!
//! - reconstruction: mean over rows and units of (v_j − sig(y_j(⟨h|v⟩)))², one mean-field step there and back;
//! - singular values of the weights: how many directions the machine has learned, and how strongly (Decelle, Fissore and
//!   Furtlehner, EPL 119, 60001 (2017));
//! - moments ⟨v_j⟩, ⟨v_j v_k⟩, ⟨v_j v_k v_l⟩ of the chains against those of the data, as root mean square differences over
//!   all units and over pairs and triples drawn once.

use rand::RngExt;

use crate::bits::BitMatrix;
use crate::numerics::sigmoid;
use crate::rbm::{Rbm, singular};
use crate::rng::Philox;

/// Mean squared error of one mean-field reconstruction over `rows` rows, by unit, in f64 on the host.
#[must_use]
pub fn reconstruction_error(rbm: &Rbm, data: &BitMatrix, rows: usize) -> f64 {
    use crate::threads::prelude::*;
    let rows = rows.min(data.rows());
    let errors: Vec<f64> = (0..rows)
        .into_par_iter()
        .map(|r| {
            let hidden: Vec<f64> = rbm.inputs_h_from_v(data, r).into_iter().map(sigmoid).collect();
            let error = |j: usize| {
                let weights = &rbm.weights[j * rbm.n_hidden..(j + 1) * rbm.n_hidden];
                let y: f64 = weights.iter().zip(&hidden).map(|(&w, h)| f64::from(w) * h).sum();
                (f64::from(u8::from(data.get(r, j))) - sigmoid(y + f64::from(rbm.visible_bias[j]))).powi(2)
            };
            (0..rbm.n_visible).map(error).sum()
        })
        .collect();
    errors.iter().sum::<f64>() / (rows.max(1) * rbm.n_visible.max(1)) as f64
}

/// The `count` largest singular values of the weights, largest first; fewer where a side is smaller.
#[must_use]
pub fn singular_values(rbm: &Rbm, count: usize) -> Vec<f64> {
    singular(&rbm.weights, rbm.n_hidden, count).into_iter().map(|found| found.value).collect()
}

/// Pairs and triples that are looked at, of each at most.
const GROUPS: usize = 2000;

/// Moments of a data set at units, pairs and triples that are drawn once.
#[derive(Debug, Clone)]
pub struct MomentProbe {
    groups: [Vec<Vec<usize>>; 3],
    data: [Vec<f64>; 3],
}

impl MomentProbe {
    /// Draws pairs and triples of different units, and takes the moments of `data`, which has at least one row.
    #[must_use]
    pub fn new(data: &BitMatrix, seed: u64) -> Self {
        let n = data.cols();
        let mut rng = Philox::sequence(seed, "moments");
        let mut draw = |order: usize| -> Vec<Vec<usize>> {
            if order > n {
                return Vec::new();
            }
            let group = |_| {
                let mut units = Vec::with_capacity(order);
                while units.len() < order {
                    let unit = ((rng.random::<f64>() * n as f64) as usize).min(n - 1);
                    if !units.contains(&unit) {
                        units.push(unit);
                    }
                }
                units
            };
            (0..GROUPS).map(group).collect()
        };
        let groups = [(0..n).map(|j| vec![j]).collect(), draw(2), draw(3)];
        let data = moments(data, &groups);
        Self { groups, data }
    }

    /// Root mean square differences of the moments of `states` and of the data, of orders 1, 2 and 3; 0 for an order that
    /// is higher than there are units.
    #[must_use]
    pub fn differences(&self, states: &BitMatrix) -> [f64; 3] {
        let found = moments(states, &self.groups);
        std::array::from_fn(|order| {
            let squares = found[order].iter().zip(&self.data[order]).map(|(a, b)| (a - b).powi(2));
            (squares.sum::<f64>() / found[order].len().max(1) as f64).sqrt()
        })
    }
}

/// Means of the products of the units of every group.
fn moments(states: &BitMatrix, groups: &[Vec<Vec<usize>>; 3]) -> [Vec<f64>; 3] {
    let columns = states.transposed();
    let mean = |units: &Vec<usize>| {
        let ones: u32 = (0..columns.words_per_row())
            .map(|word| units.iter().fold(u32::MAX, |bits, &j| bits & columns.row(j)[word]).count_ones())
            .sum();
        f64::from(ones) / states.rows().max(1) as f64
    };
    std::array::from_fn(|order| groups[order].iter().map(mean).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random_machine(n: usize, m: usize) -> Rbm {
        let mut rng = Philox::sequence(5, "machine");
        let mut rbm = Rbm::zeros(n, m);
        rbm.weights.iter_mut().for_each(|w| *w = (4.0 * rng.random::<f64>() - 2.0) as f32);
        rbm.visible_bias.iter_mut().for_each(|b| *b = (rng.random::<f64>() - 0.5) as f32);
        rbm
    }

    #[test]
    fn singular_values_are_those_of_a_matrix_made_of_them() {
        // U diag(σ) Vᵀ with Householder reflections for U and V.
        let (n, m, sigma) = (13, 9, [7.0, 3.0, 2.5, 1.0, 0.5, 0.25]);
        let reflect = |size: usize, r: usize, c: usize| {
            let v = |k: usize| 1.0 + (k as f64) / 3.0;
            let norm: f64 = (0..size).map(|k| v(k) * v(k)).sum();
            f64::from(u8::from(r == c)) - 2.0 * v(r) * v(c) / norm
        };
        let mut rbm = Rbm::zeros(n, m);
        for j in 0..n {
            for i in 0..m {
                let w: f64 = (0..sigma.len()).map(|k| reflect(n, j, k) * sigma[k] * reflect(m, i, k)).sum();
                rbm.weights[j * m + i] = w as f32;
            }
        }
        // Weights are rounded to f32: a singular value moves by no more than the norm of the rounding.
        let bound = 7.0 * f64::from(f32::EPSILON) * ((n * m) as f64).sqrt();
        for (found, wanted) in singular_values(&rbm, 3).iter().zip(sigma) {
            assert!((found - wanted).abs() < bound, "{found} {wanted}");
        }
        assert!(singular_values(&rbm.exchanged(), 20).len() == m, "no more than a side has");
        // All of them: their squares add up to the squares of the weights.
        let full = random_machine(7, 5);
        let squares: f64 = full.weights.iter().map(|&w| f64::from(w).powi(2)).sum();
        let found: f64 = singular_values(&full, 5).iter().map(|s| s * s).sum();
        assert!((found / squares - 1.0).abs() < 1e-10, "{found} {squares}");
        assert_eq!(singular_values(&Rbm::zeros(4, 3), 2), [0.0, 0.0]);
    }

    #[test]
    fn moments_are_those_of_all_states_of_a_machine() {
        // Every state as often as its number says: moments by hand.
        let rows: Vec<usize> = (0..8).flat_map(|s| std::iter::repeat_n(s, s)).collect();
        let data = BitMatrix::from_fn(rows.len(), 3, |r, j| (rows[r] >> j) & 1 == 1);
        let none = BitMatrix::zeros(1, 3);
        let probe = MomentProbe::new(&data, 1);
        assert_eq!(probe.differences(&data), [0.0; 3]);
        let mean = |mask: usize| (0..8).filter(|s| s & mask == mask).sum::<usize>() as f64 / 28.0;
        let [first, second, third] = probe.differences(&none);
        let rms = |values: &[f64]| (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt();
        assert!((first - rms(&[mean(1), mean(2), mean(4)])).abs() < 1e-12);
        assert!((third - mean(7)).abs() < 1e-12);
        // Pairs are drawn, with repetitions: between the smallest and the largest.
        assert!(second >= mean(3).min(mean(5)).min(mean(6)) && second <= mean(6).max(mean(5)).max(mean(3)));
        let pair: f64 = probe.groups[1].iter().map(|g| mean((1 << g[0]) | (1 << g[1])).powi(2)).sum();
        assert!((second - (pair / GROUPS as f64).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn reconstruction_is_that_of_the_formula() {
        let rbm = random_machine(4, 3);
        let data = BitMatrix::from_fn(16, 4, |r, j| (r >> j) & 1 == 1);
        let mut sum = 0.0;
        for r in 0..16 {
            for j in 0..4 {
                let mut y = f64::from(rbm.visible_bias[j]);
                for i in 0..3 {
                    let x: f64 = (0..4).filter(|k| (r >> k) & 1 == 1).map(|k| f64::from(rbm.weight(k, i))).sum();
                    y += f64::from(rbm.weight(j, i)) / (1.0 + (-x).exp());
                }
                sum += (f64::from((r >> j) & 1) - 1.0 / (1.0 + (-y).exp())).powi(2);
            }
        }
        assert!((reconstruction_error(&rbm, &data, 16) - sum / 64.0).abs() < 1e-12);
        assert!((reconstruction_error(&Rbm::zeros(4, 3), &data, 16) - 0.25).abs() < 1e-15);
    }
}
