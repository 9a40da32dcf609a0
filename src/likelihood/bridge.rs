//! Bennett's acceptance ratio between forward and reverse annealing over one ladder.
//!
//! Forward log-weights w and reverse ones w' of the same ladder and transitions obey Crooks' relation
//! P_R(w' = −w) = P_F(w) e^{w − Δ}, Δ = ln Z − ln Z0. The combination of least variance solves
//! Σ_F sig(w − Δ − M) = Σ_R sig(w' + Δ + M), M = ln(n_F/n_R). It uses the overlap of both where either alone rests on its few heaviest chains.
//! (C. H. Bennett, J. Comput. Phys. 22, 245 (1976); M. R. Shirts et al., PRL 91, 140601 (2003).)

use crate::numerics::sigmoid;
use crate::record::Estimate;

/// Blocks of the jackknife.
const BLOCKS: usize = 50;

/// Δ = ln Z − ln Z0 from forward and reverse log-weights, with its jackknife error; None without overlap: fewer than two
/// weights on a side, or a root that cannot be bracketed.
#[must_use]
pub fn bennett(forward: &[f64], reverse: &[f64]) -> Option<Estimate> {
    if forward.len() < 2 || reverse.len() < 2 {
        return None;
    }
    let value = root(forward, reverse)?;
    let blocks = BLOCKS.min(forward.len()).min(reverse.len());
    let without = |values: &[f64], block: usize| -> Vec<f64> {
        values.iter().enumerate().filter(|(i, _)| i % blocks != block).map(|(_, &w)| w).collect()
    };
    let left_out: Option<Vec<f64>> =
        (0..blocks).map(|b| root(&without(forward, b), &without(reverse, b))).collect();
    let left_out = left_out?;
    let centre = crate::stats::mean(&left_out);
    let n = blocks as f64;
    let spread: f64 = left_out.iter().map(|x| (x - centre).powi(2)).sum();
    Some(Estimate::new(value, ((n - 1.0) / n * spread).sqrt()))
}

/// The difference of both sides falls in Δ, from n_F to −n_R: bisection.
fn root(forward: &[f64], reverse: &[f64]) -> Option<f64> {
    let shift = (forward.len() as f64 / reverse.len() as f64).ln();
    let difference = |delta: f64| {
        let of_forward: f64 = forward.iter().map(|w| sigmoid(w - delta - shift)).sum();
        let of_reverse: f64 = reverse.iter().map(|w| sigmoid(w + delta + shift)).sum();
        of_forward - of_reverse
    };
    let all = || forward.iter().copied().chain(reverse.iter().map(|w| -w));
    let (mut low, mut high) = (all().fold(f64::INFINITY, f64::min) - 50.0, all().fold(-f64::INFINITY, f64::max) + 50.0);
    if !(low.is_finite() && high.is_finite()) || difference(low) < 0.0 || difference(high) > 0.0 {
        return None;
    }
    while high - low > 1e-12 * high.abs().max(1.0) {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if difference(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Philox;
    use rand_distr::{Distribution, StandardNormal};

    /// Gaussian work obeys Crooks' relation: w ~ N(Δ − s²/2, s²) forward, w' ~ N(−Δ − s²/2, s²) reverse.
    #[test]
    fn gaussian_work_gives_the_difference_with_an_honest_error() {
        let (delta, s) = (3.0, 2.5);
        let mut inside = 0;
        for seed in 0..200 {
            let mut rng = Philox::sequence(seed, "bridge");
            let mut draw = |mean: f64, count: usize| -> Vec<f64> {
                let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
                (0..count).map(|_| mean + s * normal()).collect()
            };
            let (forward, reverse) = (draw(delta - s * s / 2.0, 400), draw(-delta - s * s / 2.0, 200));
            let found = bennett(&forward, &reverse).unwrap();
            assert!((found.value - delta).abs() < 5.0 * found.error, "{found:?}");
            inside += usize::from((found.value - delta).abs() < found.error);
        }
        // 68 % of 200, four standard deviations of a binomial: 26.
        assert!((110..163).contains(&inside), "{inside} of 200 within one error");
    }

    #[test]
    fn nothing_comes_from_one_weight() {
        assert!(bennett(&[1.0], &[1.0, 2.0]).is_none());
        assert!(bennett(&[1.0, f64::NAN], &[1.0, 2.0]).is_none());
    }
}
