//! Bennett's acceptance ratio: ln of a ratio of partition functions from log-weights in both directions.
//!
//! Log-weights w from a to b and w' from b to a obey P_b(w' = −w) = P_a(w) e^{w − Δ}, Δ = ln Z_b − ln Z_a (Crooks' relation
//! for forward and reverse annealing over one ladder; with w = ln p*_b − ln p*_a of single states, for neighbouring rungs
//! of a ladder of machines). The combination of least variance solves
//! Σ_a sig(w − Δ − M) = Σ_b sig(w' + Δ + M), M = ln(n_a/n_b). It uses the overlap of both where either alone rests on its
//! few heaviest chains. Errors are the spread of the two sums over the slope in Δ.
//! (C. H. Bennett, J. Comput. Phys. 22, 245 (1976); M. R. Shirts et al., PRL 91, 140601 (2003).)

use crate::numerics::sigmoid;
use crate::record::Estimate;
use crate::stats::variance;

/// Δ from independent log-weights of both directions; None for fewer than two on a side, or without overlap.
#[must_use]
pub fn bennett(forward: &[f64], reverse: &[f64]) -> Option<Estimate> {
    if forward.len() < 2 || reverse.len() < 2 {
        return None;
    }
    let found = Root::find(forward, reverse)?;
    let of = |terms: Vec<f64>| terms.len() as f64 * variance(&terms);
    let spread = of(forward.iter().map(|w| found.forward(*w)).collect())
        + of(reverse.iter().map(|w| found.reverse(*w)).collect());
    Some(Estimate::new(found.delta, spread.sqrt() / found.slope))
}

/// ln Z of the last rung over that of the first, by [`bennett`] between all neighbours. `pairs[a]` holds log-weights from
/// rung a up and from rung a + 1 down, each `[times, chains]`: states of one chain number may depend on each other, over
/// time and rungs, those of different numbers do not. None without overlap or with fewer than two chains.
#[must_use]
pub fn bridge_rungs(pairs: &[(Vec<f64>, Vec<f64>)], chains: usize) -> Option<Estimate> {
    if chains < 2 {
        return None;
    }
    let (mut value, mut by_chain) = (0.0, vec![0.0; chains]);
    for (up, down) in pairs {
        let found = Root::find(up, down)?;
        value += found.delta;
        for (i, w) in up.iter().enumerate() {
            by_chain[i % chains] += found.forward(*w) / found.slope;
        }
        for (i, w) in down.iter().enumerate() {
            by_chain[i % chains] -= found.reverse(*w) / found.slope;
        }
    }
    Some(Estimate::new(value, (chains as f64 * variance(&by_chain)).sqrt()))
}

/// Where both sums are equal.
struct Root {
    delta: f64,
    shift: f64,
    /// −d(difference of the sums)/dΔ.
    slope: f64,
}

impl Root {
    /// The difference of both sums falls in Δ, from n_a to −n_b: bisection.
    fn find(forward: &[f64], reverse: &[f64]) -> Option<Self> {
        let shift = (forward.len() as f64 / reverse.len() as f64).ln();
        let at = |delta: f64| Self { delta, shift, slope: 0.0 };
        let difference = |delta: f64| {
            let of_forward: f64 = forward.iter().map(|w| at(delta).forward(*w)).sum();
            let of_reverse: f64 = reverse.iter().map(|w| at(delta).reverse(*w)).sum();
            of_forward - of_reverse
        };
        let all = || forward.iter().copied().chain(reverse.iter().map(|w| -w));
        let mut low = all().fold(f64::INFINITY, f64::min) - shift.abs() - 1.0;
        let mut high = all().fold(-f64::INFINITY, f64::max) + shift.abs() + 1.0;
        if !(low.is_finite() && high.is_finite()) || difference(low) < 0.0 || difference(high) > 0.0 {
            return None;
        }
        while high - low > 1e-10 * high.abs().max(1.0) {
            let middle = 0.5 * (low + high);
            if difference(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        let mut found = at(0.5 * (low + high));
        let steep = |s: f64| s * (1.0 - s);
        found.slope = forward.iter().map(|w| steep(found.forward(*w))).sum::<f64>()
            + reverse.iter().map(|w| steep(found.reverse(*w))).sum::<f64>();
        (found.slope > 0.0).then_some(found)
    }

    fn forward(&self, log_weight: f64) -> f64 {
        sigmoid(log_weight - self.delta - self.shift)
    }

    fn reverse(&self, log_weight: f64) -> f64 {
        sigmoid(log_weight + self.delta + self.shift)
    }
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
