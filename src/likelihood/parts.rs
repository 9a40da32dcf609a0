//! ln Z as the log-sum over parts of the states, each annealed from a base of its own.
//!
//! For any part B, ln E[ŵ 1(the chain ends in B)] = ln Z_B / Z0, whatever the base: the parts may be cut anywhere, as long
//! as they cover all states once, and each takes the base from which its chains come there best. Reverse chains from samples
//! of the machine in B give ⟨e^{log w}⟩ = Z0 P(B) / Z_B, P(B) the share of forward chains that end in B, and Bennett's
//! ratio of both is taken on the paths that end in B. A part is what lies nearer to one centre than to the others, by the
//! likelihoods of independent units with the means of its samples.

use super::ais::log_mean;
use super::bridge::bennett;
use crate::bits::BitMatrix;
use crate::numerics::{log_sum_exp, logit};
use crate::record::Estimate;

/// Independent units with the means of some states.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Centre {
    constant: f64,
    log_odds: Vec<f64>,
}

impl Centre {
    pub(super) fn of(states: &BitMatrix) -> Self {
        let means: Vec<f64> = smoothed_means(states);
        Self { constant: means.iter().map(|m| (1.0 - m).ln()).sum(), log_odds: means.into_iter().map(logit).collect() }
    }

    fn log_probability(&self, states: &BitMatrix, r: usize) -> f64 {
        let on = (0..states.cols()).filter(|&j| states.get(r, j)).map(|j| self.log_odds[j]);
        self.constant + on.sum::<f64>()
    }
}

/// (ones + ½) / (rows + 1) of every unit.
pub(super) fn smoothed_means(states: &BitMatrix) -> Vec<f64> {
    let rows = states.rows() as f64;
    states.column_counts().iter().map(|&ones| (ones as f64 + 0.5) / (rows + 1.0)).collect()
}

/// The centre that a state is nearest to; of equal ones the first.
pub(super) fn nearest(centres: &[Centre], states: &BitMatrix, r: usize) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (k, centre) in centres.iter().enumerate() {
        let found = centre.log_probability(states, r);
        if found > best.1 {
            best = (k, found);
        }
    }
    best.0
}

/// Chains of one part.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Part {
    /// ln Z0 of its base.
    pub(super) log_z0: f64,
    /// Forward chains from that base.
    pub(super) chains: usize,
    /// Log-weights of those that end in the part.
    pub(super) forward: Vec<f64>,
    /// Log-weights of reverse chains that begin in it.
    pub(super) reverse: Vec<f64>,
}

/// ln Z, whole or of one part, with (Σw)²/Σw² of both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sided {
    /// ln Z from below in the mean.
    pub forward: Estimate,
    /// From above in the mean.
    pub reverse: Estimate,
    /// Bennett's ratio of both.
    pub bridged: Estimate,
    /// Of the forward weights.
    pub forward_samples: f64,
    /// Of the reverse weights.
    pub reverse_samples: f64,
}

impl Part {
    /// None with fewer than two chains on a side, or without overlap.
    pub(super) fn estimate(&self) -> Option<Sided> {
        let (inside, all) = (self.forward.len() as f64, self.chains as f64);
        let bridged = bennett(&self.forward, &self.reverse)?;
        let (up, forward_samples) = log_mean(&self.forward, self.chains);
        let (down, reverse_samples) = log_mean(&self.reverse, self.reverse.len());
        // ln of the share of forward chains that end in the part, with its error.
        let (share, scatter) = ((inside / all).ln(), ((1.0 - inside / all) / inside).sqrt());
        let above = |value: f64, error: f64| Estimate::new(self.log_z0 + value, error);
        Some(Sided {
            forward: above(up.value, up.error),
            reverse: above(share - down.value, down.error.hypot(scatter)),
            bridged: above(share + bridged.value, bridged.error.hypot(scatter)),
            forward_samples,
            reverse_samples,
        })
    }
}

/// The log-sum over parts; effective samples are those of a mean with as large a relative error.
pub(super) fn sum(parts: &[Sided]) -> Sided {
    let over = |pick: fn(&Sided) -> Estimate| {
        let all: Vec<Estimate> = parts.iter().map(pick).collect();
        let value = log_sum_exp(&all.iter().map(|e| e.value).collect::<Vec<f64>>());
        let variance = all.iter().map(|e| ((e.value - value).exp() * e.error).powi(2)).sum::<f64>();
        Estimate::new(value, variance.sqrt())
    };
    let bridged = over(|part| part.bridged);
    let share = |part: &Sided| (part.bridged.value - bridged.value).exp();
    let samples = |of: fn(&Sided) -> f64| 1.0 / parts.iter().map(|p| share(p).powi(2) / of(p)).sum::<f64>();
    Sided {
        forward: over(|part| part.forward),
        reverse: over(|part| part.reverse),
        bridged,
        forward_samples: samples(|p| p.forward_samples),
        reverse_samples: samples(|p| p.reverse_samples),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Philox;
    use rand::RngExt as _;
    use rand_distr::{Distribution, StandardNormal};

    /// Gaussian work on the paths that end in a part: w ~ N(Δ − s²/2, s²) forward and N(−Δ − s²/2, s²) back,
    /// Δ = ln Z_B/Z0 − ln P(B).
    fn part(rng: &mut Philox, log_z0: f64, log_z: f64, share: f64) -> Part {
        let (s, delta) = (1.0, log_z - log_z0 - share.ln());
        let inside = (0..400).filter(|_| rng.random::<f64>() < share).count();
        let mut draw = |mean: f64, count: usize| -> Vec<f64> {
            let mut normal = || -> f64 { StandardNormal.sample(rng) };
            (0..count).map(|_| mean + s * normal()).collect()
        };
        let forward = draw(delta - s * s / 2.0, inside);
        Part { log_z0, chains: 400, forward, reverse: draw(-delta - s * s / 2.0, 200) }
    }

    /// Of 200 sums of two parts 68 % lie within one error, four standard deviations of a binomial are 26.
    #[test]
    fn the_sum_over_parts_has_honest_errors() {
        let mut inside = [0; 3];
        for seed in 0..200 {
            let mut rng = Philox::sequence(seed, "parts");
            let parts = [part(&mut rng, 2.0, 5.0, 0.9), part(&mut rng, -1.0, 4.5, 0.5)];
            let found = sum(&parts.map(|p| p.estimate().unwrap()));
            let exact = log_sum_exp(&[5.0, 4.5]);
            for (count, e) in inside.iter_mut().zip([found.forward, found.reverse, found.bridged]) {
                *count += usize::from((e.value - exact).abs() < e.error);
            }
        }
        assert!(inside.iter().all(|n| (110..163).contains(n)), "{inside:?} of 200 within one error");
    }

    #[test]
    fn states_belong_to_the_centre_that_they_are_like() {
        let left = BitMatrix::from_fn(6, 40, |r, j| j < 20 && (r + j) % 5 > 0);
        let right = BitMatrix::from_fn(6, 40, |r, j| j >= 20 && (r + j) % 5 > 0);
        let centres = [Centre::of(&left), Centre::of(&right)];
        assert!((0..6).all(|r| nearest(&centres, &left, r) == 0 && nearest(&centres, &right, r) == 1));
        assert_eq!(nearest(&[centres[0].clone(), centres[0].clone()], &left, 0), 0);
    }
}
