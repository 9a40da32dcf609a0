//! Independent exact samples of a machine whose smaller side can be enumerated.
//!
//! The states of the smaller side are walked once for the weight of each block, then again through the blocks that were
//! drawn; the other side follows from its conditional distribution.

use crate::threads::prelude::*;
use rand::RngExt;

use super::enumerate::{Blocks, Enumeration};
use crate::bits::BitMatrix;
use crate::numerics::sigmoid;
use crate::rng::{Philox, derive_seed};

impl Enumeration<'_> {
    /// `count` independent samples `[count, n_visible]` of the machine that was enumerated.
    #[must_use]
    pub fn samples(&self, count: usize, seed: u64) -> BitMatrix {
        let mut numbers = Philox::sequence(derive_seed(seed, "exact samples"), "states");
        let states = self.states(count, &mut numbers);
        if self.exchanged {
            return BitMatrix::from_fn(count, self.machine.n_hidden, |row, j| states[row] >> j & 1 == 1);
        }
        let machine = &self.machine;
        let mut samples = BitMatrix::zeros(count, machine.n_visible);
        for (row, state) in states.into_iter().enumerate() {
            for j in 0..machine.n_visible {
                let y = (0..machine.n_hidden)
                    .filter(|i| state >> i & 1 == 1)
                    .fold(f64::from(machine.visible_bias[j]), |y, i| y + f64::from(machine.weight(j, i)));
                if numbers.random::<f64>() < sigmoid(y) {
                    samples.set(row, j, true);
                }
            }
        }
        samples
    }

    /// States of the enumerated side, in random order.
    fn states(&self, count: usize, numbers: &mut Philox) -> Vec<u64> {
        let top = self.blocks.iter().copied().fold(-f64::INFINITY, f64::max);
        let cumulative: Vec<f64> = self
            .blocks
            .iter()
            .scan(0.0, |sum, w| {
                *sum += (w - top).exp();
                Some(*sum)
            })
            .collect();
        let total = cumulative.last().copied().unwrap_or(0.0);
        // Sorted, so that every block is walked once; their order is shuffled below.
        let mut wanted: Vec<f64> = (0..count).map(|_| numbers.random::<f64>() * total).collect();
        wanted.sort_by(f64::total_cmp);
        let of_block = |u: &f64| cumulative.partition_point(|c| c <= u).min(cumulative.len() - 1);
        let groups: Vec<&[f64]> = wanted.chunk_by(|a, b| of_block(a) == of_block(b)).collect();
        let walk = Blocks::new(&self.machine);
        let found: Vec<Vec<u64>> = groups
            .into_par_iter()
            .map(|group| {
                let block = of_block(&group[0]);
                let mut sum = if block == 0 { 0.0 } else { cumulative[block - 1] };
                let (mut found, mut last) = (Vec::with_capacity(group.len()), 0);
                walk.walk(block, |state, log_weight| {
                    sum += (log_weight - top).exp();
                    last = state;
                    while found.len() < group.len() && group[found.len()] < sum {
                        found.push(state);
                    }
                });
                // What rounding leaves belongs to the last state.
                found.resize(group.len(), last);
                found
            })
            .collect();
        let mut states: Vec<u64> = found.into_iter().flatten().collect();
        for k in (1..states.len()).rev() {
            states.swap(k, numbers.random_range(0..=k));
        }
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Silent;
    use crate::rbm::Rbm;
    use crate::stats::chi_squared_survival;
    use rand_distr::{Distribution, StandardNormal};

    fn random(n_visible: usize, n_hidden: usize) -> Rbm {
        let mut rng = Philox::sequence(3, "exact samples test");
        let mut rbm = Rbm::zeros(n_visible, n_hidden);
        for x in rbm.weights.iter_mut().chain(&mut rbm.visible_bias).chain(&mut rbm.hidden_bias) {
            let g: f64 = StandardNormal.sample(&mut rng);
            *x = g as f32;
        }
        rbm
    }

    /// χ² over all states with an expected count of 5 or more, and the rest together; one seed in 10⁴ fails.
    #[test]
    fn frequencies_are_probabilities_from_either_side() {
        for (n_visible, n_hidden) in [(6, 14), (6, 4)] {
            let rbm = random(n_visible, n_hidden);
            let all = Enumeration::new(&rbm, 25, &mut Silent).unwrap().unwrap();
            let (log_z, samples) = (all.log_z().value, all.samples(40_000, 7));
            let mut counts = vec![0.0; 1 << n_visible];
            for r in 0..samples.rows() {
                counts[(0..n_visible).map(|j| usize::from(samples.get(r, j)) << j).sum::<usize>()] += 1.0;
            }
            let (mut chi_squared, mut cells, mut rest) = (0.0, 0, (0.0, 0.0));
            for (state, &count) in counts.iter().enumerate() {
                let v = BitMatrix::from_fn(1, n_visible, |_, j| state >> j & 1 == 1);
                let expected = 40_000.0 * (-rbm.free_energy(&v, 0) - log_z).exp();
                if expected >= 5.0 {
                    chi_squared += (count - expected) * (count - expected) / expected;
                    cells += 1;
                } else {
                    rest = (rest.0 + count, rest.1 + expected);
                }
            }
            if rest.1 > 1.0 {
                chi_squared += (rest.0 - rest.1) * (rest.0 - rest.1) / rest.1;
                cells += 1;
            }
            let p = chi_squared_survival(chi_squared, cells - 1);
            assert!(p > 1e-4, "{n_visible}x{n_hidden}: χ² = {chi_squared} of {cells} cells, p = {p:e}");
        }
    }
}
