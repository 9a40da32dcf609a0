//! ln Z exactly, by enumerating the states of the smaller side.
//!
//! Z = Σ_h e^{c·h} Π_j (1 + e^{y_j(h)}). Blocks of states are walked in Gray-code order: one unit changes at a time, and
//! e^{y_j} is multiplied by e^{±w}. Each block starts from directly computed inputs, so rounding grows over 2¹² steps
//! only (about 10⁻¹² relative). Products of factors are turned into logarithms in groups that cannot overflow.

use rayon::prelude::*;

use crate::numerics::{LogSum, softplus};
use crate::rbm::Rbm;

/// Most units that the enumerated side may have.
pub const MAX_ENUMERATED: usize = 25;

/// Gray-code steps of a block.
const BLOCK_BITS: usize = 12;

/// ln Z, or None when both sides have more than `limit` units.
#[must_use]
pub fn exact_log_z(rbm: &Rbm, limit: usize) -> Option<f64> {
    let swapped;
    let machine = if rbm.n_hidden <= rbm.n_visible {
        rbm
    } else {
        swapped = rbm.exchanged();
        &swapped
    };
    if machine.n_hidden > limit.min(40) {
        return None;
    }
    let blocks = Blocks::new(machine);
    let sums: Vec<LogSum> = (0..blocks.count()).into_par_iter().map(|b| blocks.sum(b)).collect();
    let mut total = LogSum::default();
    for sum in sums {
        total.merge(sum);
    }
    Some(total.value())
}

/// All states of the hidden side of a machine, cut into blocks of equal upper bits.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    rbm: &'a Rbm,
    bits: usize,
    /// e^{w} and e^{−w} of the units that change inside a block, `[bits][n_visible]`.
    factors: Vec<Vec<f64>>,
    inverse: Vec<Vec<f64>>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(rbm: &'a Rbm) -> Self {
        let bits = rbm.n_hidden.min(BLOCK_BITS);
        let factors: Vec<Vec<f64>> =
            (0..bits).map(|i| (0..rbm.n_visible).map(|j| f64::from(rbm.weight(j, i)).exp()).collect()).collect();
        let inverse = factors.iter().map(|row| row.iter().map(|f| 1.0 / f).collect()).collect();
        Self { rbm, bits, factors, inverse }
    }

    pub(super) fn count(&self) -> usize {
        1 << (self.rbm.n_hidden - self.bits)
    }

    /// Sum over the states of a block.
    pub(super) fn sum(&self, block: usize) -> LogSum {
        let mut sum = LogSum::default();
        self.walk(block, |_, log_weight| sum.add(log_weight));
        sum
    }

    /// Visits the states whose upper bits are `block`, with ln Σ_v e^{−E(v, h)} of each.
    pub(super) fn walk(&self, block: usize, mut visit: impl FnMut(u64, f64)) {
        let (rbm, bits) = (self.rbm, self.bits);
        let state = (block as u64) << bits;
        let mut y: Vec<f64> = rbm.visible_bias.iter().map(|&b| f64::from(b)).collect();
        let mut field = 0.0;
        for i in (0..rbm.n_hidden).filter(|&i| state >> i & 1 == 1) {
            field += f64::from(rbm.hidden_bias[i]);
            for (j, y) in y.iter_mut().enumerate() {
                *y += f64::from(rbm.weight(j, i));
            }
        }
        // Largest |y| within the block bounds what a product of factors can reach.
        let reach = (0..rbm.n_visible)
            .map(|j| y[j].abs() + (0..bits).map(|i| f64::from(rbm.weight(j, i)).abs()).sum::<f64>())
            .fold(0.0, f64::max);
        let group = (700.0 / (reach + std::f64::consts::LN_2)) as usize;
        let mut on = 0u64;
        let mut odds: Vec<f64> = y.iter().map(|y| y.exp()).collect();
        for step in 0..1u64 << bits {
            if step > 0 {
                let i = step.trailing_zeros() as usize;
                on ^= 1 << i;
                let up = on >> i & 1 == 1;
                let sign = if up { 1.0 } else { -1.0 };
                field += sign * f64::from(rbm.hidden_bias[i]);
                if group == 0 {
                    for (j, y) in y.iter_mut().enumerate() {
                        *y += sign * f64::from(rbm.weight(j, i));
                    }
                } else {
                    for (e, f) in odds.iter_mut().zip(if up { &self.factors[i] } else { &self.inverse[i] }) {
                        *e *= f;
                    }
                }
            }
            let visible: f64 = if group == 0 {
                y.iter().map(|&y| softplus(y)).sum()
            } else {
                odds.chunks(group.min(64)).map(|part| product_of_one_plus(part).ln()).sum()
            };
            visit(state | on, field + visible);
        }
    }
}

/// Π (1 + e), four running products so that the additions overlap.
fn product_of_one_plus(values: &[f64]) -> f64 {
    let mut lanes = [1.0f64; 4];
    let mut chunks = values.chunks_exact(4);
    for chunk in &mut chunks {
        for (lane, e) in lanes.iter_mut().zip(chunk) {
            *lane *= 1.0 + e;
        }
    }
    let rest: f64 = chunks.remainder().iter().map(|e| 1.0 + e).product();
    (lanes[0] * lanes[1]) * (lanes[2] * lanes[3]) * rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Philox;
    use rand_distr::{Distribution, StandardNormal};

    fn random(n_visible: usize, n_hidden: usize, scale: f32) -> Rbm {
        let mut rng = Philox::sequence(5, "enumerate");
        let mut rbm = Rbm::zeros(n_visible, n_hidden);
        for x in rbm.weights.iter_mut().chain(&mut rbm.visible_bias).chain(&mut rbm.hidden_bias) {
            let g: f64 = StandardNormal.sample(&mut rng);
            *x = scale * g as f32;
        }
        rbm
    }

    fn brute_force(rbm: &Rbm) -> f64 {
        let mut sum = LogSum::default();
        for state in 0u64..1 << rbm.n_visible {
            let v = crate::bits::BitMatrix::from_fn(1, rbm.n_visible, |_, j| state >> j & 1 == 1);
            sum.add(-rbm.free_energy(&v, 0));
        }
        sum.value()
    }

    #[test]
    fn equals_the_sum_over_visible_states() {
        // Rounding over 2^12 steps of products is below 1e-11; scale 300 forces the path without products.
        for (n_visible, n_hidden, scale) in [(1, 1, 1.0), (7, 13, 1.0), (13, 5, 3.0), (10, 14, 0.1), (6, 9, 300.0)] {
            let rbm = random(n_visible, n_hidden, scale);
            let (exact, expected) = (exact_log_z(&rbm, 25).unwrap(), brute_force(&rbm));
            assert!(
                (exact - expected).abs() < 1e-10 * expected.abs().max(1.0),
                "{n_visible}x{n_hidden}: {exact} {expected}"
            );
        }
    }

    #[test]
    fn refuses_sides_beyond_the_limit() {
        assert!(exact_log_z(&Rbm::zeros(26, 30), 25).is_none());
        let uniform = exact_log_z(&Rbm::zeros(20, 30), 25).unwrap();
        assert!((uniform - 50.0 * std::f64::consts::LN_2).abs() < 1e-9);
    }
}
