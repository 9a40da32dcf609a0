//! Whether chains of one process agree: between them and within them, and whether they have forgotten where they were.
//!
//! - R̂ = √(((n − 1) W + B)/(n W)) of the halves of all chains, n values each, W their mean variance within and B/n the
//!   variance of their means (Gelman and Rubin 1992; split as in Gelman et al., Bayesian Data Analysis, 3rd ed., 11.4): 1 where
//!   chains agree. Many chains that are shorter than their correlations have a large R̂ and may yet be samples of what they
//!   should be, so it decides nothing by itself.
//! - Two looks at the same chains, some time apart, and the side of a threshold on which each chain was: whether chains are
//!   where they were more often than chance puts them there. Given how many chains were on either side at both times, the
//!   count of those that stayed is hypergeometric where the second look knows nothing of the first (Fisher's exact test),
//!   whatever the distribution and however few chains there are on one side.

use super::distributions::ln_gamma;
use super::{mean, variance};

/// Split R̂ of `replicas` chains of equal length, `series` `[replica][time]`; None where halves have fewer than two values,
/// or nothing varies.
#[must_use]
pub fn split_r_hat(series: &[f64], replicas: usize) -> Option<f64> {
    let times = series.len().checked_div(replicas)?;
    let half = times / 2;
    if half < 2 {
        return None;
    }
    // Of an odd number of values the middle one belongs to neither half.
    let halves = || series.chunks_exact(times).flat_map(|chain| [&chain[..half], &chain[times - half..]]);
    let means: Vec<f64> = halves().map(mean).collect();
    let within = mean(&halves().map(variance).collect::<Vec<_>>());
    let n = half as f64;
    // Rounding of constant series is no variance.
    let total = (n - 1.0) / n * within + variance(&means);
    let size = means.iter().fold(0.0f64, |most, m| most.max(m.abs()));
    (total > (1e-13 * size).powi(2)).then(|| (total / within).sqrt())
}

/// How chains lie on two sides of a threshold at two times: `table[first][second]` of them, the lower side first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoLooks(pub [[u64; 2]; 2]);

impl TwoLooks {
    /// Counts chains by their values at both times.
    #[must_use]
    pub fn count(first: &[f64], second: &[f64], threshold: f64) -> Self {
        let mut table = [[0; 2]; 2];
        for (a, b) in first.iter().zip(second) {
            table[usize::from(*a > threshold)][usize::from(*b > threshold)] += 1;
        }
        Self(table)
    }

    fn chains(&self) -> u64 {
        self.0.iter().flatten().sum()
    }

    /// Part of the chains on the upper side, at the first and at the second time.
    #[must_use]
    pub fn upper(&self) -> [f64; 2] {
        let n = self.chains() as f64;
        [(self.0[1][0] + self.0[1][1]) as f64 / n, (self.0[0][1] + self.0[1][1]) as f64 / n]
    }

    /// Part of the chains that were on the same side both times.
    #[must_use]
    pub fn stayed(&self) -> f64 {
        (self.0[0][0] + self.0[1][1]) as f64 / self.chains() as f64
    }

    /// The same by chance, where the second look knows nothing of the first.
    #[must_use]
    pub fn by_chance(&self) -> f64 {
        let [a, b] = self.upper();
        a * b + (1.0 - a) * (1.0 - b)
    }

    /// Correlation of the sides at both times, from −1 to 1; 0 where all chains are on one side.
    #[must_use]
    pub fn correlation(&self) -> f64 {
        let [a, b] = self.upper();
        let spread = (a * (1.0 - a) * b * (1.0 - b)).sqrt();
        let both = self.0[1][1] as f64 / self.chains() as f64;
        if spread > 0.0 { (both - a * b) / spread } else { 0.0 }
    }

    /// Probability that at least as many chains stay by chance, given how many were on either side at both times.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        let [[low, rises], [falls, high]] = self.0;
        let (first, second, n) = (falls + high, rises + high, self.chains());
        let choose =
            |n: u64, k: u64| ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0);
        let most = first.min(second);
        let term = |k: u64| (choose(second, k) + choose(n - second, first - k) - choose(n, first)).exp();
        debug_assert_eq!(low + rises + first, n, "chains");
        (high..=most).map(term).sum::<f64>().min(1.0)
    }
}

/// The threshold that cuts values into two groups of the least variance within (Otsu 1979): between the groups where there
/// are two, somewhere in the middle of one.
#[must_use]
pub fn two_groups(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (n, centre) = (sorted.len() as f64, mean(&sorted));
    let (mut below, mut best) = (0.0, (0.0, centre));
    for (k, pair) in sorted.windows(2).enumerate() {
        below += pair[0] - centre;
        let count = (k + 1) as f64;
        // n²/(n₁ n₂) times the variance between the groups.
        let between = below * below / (count * (n - count));
        if pair[0] < pair[1] && between > best.0 {
            best = (between, 0.5 * (pair[0] + pair[1]));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_hat_of_a_worked_example() {
        // Halves (1, 3), (2, 4), (11, 13), (12, 14): W = 2, means 2, 3, 12, 13 of variance 101/3.
        let series = [1.0, 3.0, 9.0, 2.0, 4.0, 11.0, 13.0, 0.0, 12.0, 14.0];
        let expected = ((0.5 * 2.0 + 101.0 / 3.0) / 2.0f64).sqrt();
        assert!((split_r_hat(&series, 2).unwrap() - expected).abs() < 1e-12);
        assert_eq!(split_r_hat(&[0.3; 40], 4), None);
        assert_eq!(split_r_hat(&[1.0, 2.0, 3.0], 1), None);
        // Chains that never move from different places.
        assert_eq!(split_r_hat(&[1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0], 2), Some(f64::INFINITY));
    }

    /// The lady who tasted tea: 3 of 4 cups right by chance with probability 17/70, all of them with 1/70.
    #[test]
    fn chance_is_hypergeometric() {
        let tea = TwoLooks([[3, 1], [1, 3]]);
        assert!((tea.p_value() - 17.0 / 70.0).abs() < 1e-12);
        assert!((TwoLooks([[4, 0], [0, 4]]).p_value() - 1.0 / 70.0).abs() < 1e-12);
        assert!((TwoLooks([[0, 4], [4, 0]]).p_value() - 1.0).abs() < 1e-12);
        assert_eq!((tea.correlation(), tea.stayed(), tea.by_chance(), tea.upper()), (0.5, 0.75, 0.5, [0.5; 2]));
        let one_sided = TwoLooks([[9, 0], [0, 0]]);
        assert!((one_sided.p_value() - 1.0).abs() < 1e-12);
        assert_eq!((one_sided.correlation(), one_sided.stayed()), (0.0, 1.0));
        assert_eq!(TwoLooks::count(&[0.0, 1.0, 1.0], &[1.0, 1.0, 0.0], 0.5), TwoLooks([[0, 1], [1, 1]]));
    }

    #[test]
    fn groups_are_cut_between_them() {
        let threshold = two_groups(&[9.0, 0.0, 1.0, 8.0, 0.5, 9.5, 0.2]);
        assert!((threshold - 4.5).abs() < 1e-12, "{threshold}");
        assert_eq!(two_groups(&[2.0; 5]), 2.0);
    }
}
