//! Whether rows lie in a mode that annealing does not come to.
//!
//! A reverse chain that begins in a part B of the states brings, in the mean over the machine's samples there,
//! ⟨e^{log w}⟩ = Z0 P(B) / Z_B, P(B) being how often forward chains end in B (Crooks' relation on the paths that end there).
//! Its −log w lies above ln Z/Z0 by ln of p(B)/P(B): by as much as forward annealing comes there too seldom. Chains that
//! are tempered over the same temperatures have the same blind spots as forward chains, so both sides may agree on a
//! ln Z that leaves B out; reverse chains that begin at rows of data do not depend on being led there.
//!
//! Rows are no samples of the machine, so nothing here is an estimate: log-weights of both sorts of chains are counted
//! beyond one threshold, and the counts compared by Fisher's exact test. Where the rows begin in the same modes as the
//! machine's samples, the test gives a false alarm once in 1/[`FALSE_ALARMS`] evaluations at most.
//!
//! A mode that holds few of the rows may hold none of those taken evenly, and a hundredth of Z is many errors of a
//! well-annealed ln Z. So chains begin at the rows to which samples of the machine come most seldom, too. These
//! are chosen, so that no test counts them; whether annealing from them is worth its time follows from [`unseen`].

use super::ais::log_mean;
use super::checks::TRUSTED_SAMPLES;
use crate::numerics::log_mean_exp;
use crate::stats::hypergeometric_survival;

/// False alarms of the test, as a part of evaluations in which there is nothing to find.
pub const FALSE_ALARMS: f64 = 1e-3;

/// ln Ẑ/Z0 + ln(n σ), σ being the error of ln Ẑ: of paths whose forward weight lies above it one more or less among the n
/// forward chains changes ln Ẑ by more than σ. No higher than ln(n / 30), above which fewer than 30 chains take such paths
/// however much of Z they make up; one nat at least.
#[must_use]
pub fn threshold(forward: &[f64]) -> f64 {
    let (mean, n) = (log_mean(forward, forward.len()).0, forward.len() as f64);
    mean.value + (n * mean.error).min(n / TRUSTED_SAMPLES).ln().max(1.0)
}

/// Log-weights of reverse chains, by where they began.
#[derive(Debug, Clone, Copy)]
pub struct Began<'a> {
    /// At samples of the machine.
    pub samples: &'a [f64],
    /// At rows taken evenly.
    pub rows: &'a [f64],
    /// At those rows to which samples come most seldom.
    pub seldom: &'a [f64],
    /// How many rows these were chosen from.
    pub looked_at: usize,
}

/// Error of ln Z, in nats, by what rows show of modes that the scatter of the forward weights does not know: a mode of which
/// Z has little, and to which forward chains come still more seldom, is not beyond the [`threshold`], and whether none or two
/// of n chains have come there makes the weight of such a path over n. Rows are not many in such a mode either: the k
/// heaviest of m stand for at most the share k/m of the machine.
#[must_use]
pub fn unseen(forward: &[f64], began: &Began<'_>) -> f64 {
    let (mean, n) = (log_mean_exp(forward), forward.len() as f64);
    let of = |rows: &[f64], m: usize| {
        let mut weights: Vec<f64> = rows.iter().map(|w| -w).collect();
        weights.sort_by(|a, b| b.total_cmp(a));
        let of_path = |(k, weight): (usize, &f64)| ((weight - mean).exp() / n).min((k + 1) as f64 / m as f64);
        weights.iter().enumerate().map(of_path).fold(0.0, f64::max)
    };
    of(began.rows, began.rows.len()).max(of(began.seldom, began.looked_at))
}

/// Reverse chains beyond the [`threshold`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Chains that began at rows.
    pub rows: usize,
    /// Those beyond.
    pub rows_beyond: usize,
    /// Chains that began at samples of the machine.
    pub chains: usize,
    /// Those beyond.
    pub chains_beyond: usize,
    /// Probability that chance puts so many more of the rows beyond.
    pub p: f64,
    /// Chains that began at rows to which samples of the machine come most seldom.
    pub seldom: usize,
    /// Those beyond.
    pub seldom_beyond: usize,
}

impl Comparison {
    /// From log-weights of forward chains and of reverse ones.
    #[must_use]
    pub fn of(forward: &[f64], began: &Began<'_>) -> Self {
        let threshold = threshold(forward);
        let count = |weights: &[f64]| weights.iter().filter(|w| -**w > threshold).count();
        let [rows, chains, seldom] = [began.rows, began.samples, began.seldom].map(<[f64]>::len);
        let [rows_beyond, chains_beyond, seldom_beyond] = [began.rows, began.samples, began.seldom].map(count);
        let p = hypergeometric_survival(rows_beyond, rows, chains_beyond + rows_beyond, chains + rows);
        Self { rows, rows_beyond, chains, chains_beyond, p, seldom, seldom_beyond }
    }

    /// Whether the rows differ.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.p < FALSE_ALARMS
    }
}

/// Rows in modes that annealing from one base leaves out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Missed {
    /// How many rows, beside how many samples of the machine.
    pub compared: Comparison,
    /// Parts of the states that ln Z is the sum over; 0 where rows remain that no base comes to.
    pub parts: usize,
    /// By how much the sum lies above ln Z from the first base alone, nats.
    pub gain: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Philox;
    use rand::RngExt;
    use rand_distr::{Distribution, StandardNormal};

    /// Gaussian work of standard deviation 1.5, as of a machine that is just well enough annealed.
    fn work(rng: &mut Philox, count: usize, mean: f64) -> Vec<f64> {
        (0..count)
            .map(|_| {
                let normal: f64 = StandardNormal.sample(rng);
                mean + 1.5 * normal
            })
            .collect()
    }

    fn began<'a>(samples: &'a [f64], rows: &'a [f64]) -> Began<'a> {
        Began { samples, rows, seldom: &[], looked_at: rows.len() }
    }

    /// One of 2000 rows, chosen, stands for a two-thousandth of the machine at most; taken evenly among 100, for more.
    #[test]
    fn a_chosen_row_stands_for_its_share_of_all_that_it_was_chosen_from() {
        let mut weights = vec![0.0; 100];
        weights[7] = -25.0;
        let (quiet, forward) = (vec![0.0; 100], vec![0.0; 1000]);
        let chosen = Began { samples: &[], rows: &quiet, seldom: &weights, looked_at: 2000 };
        // Any other row stands for one of 1000 paths.
        assert!((unseen(&forward, &chosen) - 0.001).abs() < 1e-12);
        assert!((unseen(&forward, &began(&[], &weights)) - 0.01).abs() < 1e-12);
        let mut many = weights.clone();
        many[8..20].fill(-25.0);
        let chosen = Began { seldom: &many, ..chosen };
        assert!((unseen(&forward, &chosen) - 13.0 / 2000.0).abs() < 1e-12);
        let compared = Comparison::of(&forward, &chosen);
        assert!(compared.seldom_beyond == 13 && !compared.differs(), "{compared:?}");
    }

    /// A mode with the share 0.0067 of Z to which one of 1000 chains comes in the mean: the mean of the forward weights misses
    /// it in a third of all runs, and is then 0.0067 low. Over 400 runs with two errors, that of the scatter and that of one
    /// path, the squares of the deviations are on average no more than 1; with that of the scatter alone they are 10.
    #[test]
    fn a_small_mode_that_few_chains_come_to_is_in_the_error() {
        let mut rng = Philox::sequence(7, "modes");
        let (share, flow, n) = (0.0067f64, 0.001f64, 1000);
        let rows: Vec<f64> = vec![-(share / flow).ln(); 100];
        let (mut plain, mut whole) = (0.0, 0.0);
        for _ in 0..400 {
            let forward: Vec<f64> = (0..n)
                .map(|_| {
                    let normal: f64 = StandardNormal.sample(&mut rng);
                    let main = (1.0 - share).ln() + 0.02 * normal - 0.0002;
                    if rng.random::<f64>() < flow { (share / flow).ln() } else { main - (1.0 - flow).ln() }
                })
                .collect();
            let weights: Vec<f64> = forward.iter().map(|w| w.exp()).collect();
            let mean = weights.iter().sum::<f64>() / f64::from(n);
            let scatter = (crate::stats::variance(&weights) / f64::from(n)).sqrt() / mean;
            let error = scatter.hypot(unseen(&forward, &began(&[], &rows)));
            plain += (mean.ln() / scatter).powi(2) / 400.0;
            whole += (mean.ln() / error).powi(2) / 400.0;
        }
        assert!(whole < 1.2 && plain > 5.0, "{whole} with that of one path, {plain} without");
    }

    /// 4000 evaluations with nothing to find: four alarms are the most in the mean, twelve are exceeded with a probability
    /// of 3 · 10⁻⁴.
    #[test]
    fn alarms_without_a_cause_are_rare() {
        let mut rng = Philox::sequence(5, "modes");
        let variance = 2.25;
        let alarms = (0..4000).filter(|_| {
            let forward = work(&mut rng, 300, -variance / 2.0);
            let (chains, rows) = (work(&mut rng, 200, -variance / 2.0), work(&mut rng, 100, -variance / 2.0));
            Comparison::of(&forward, &began(&chains, &rows)).differs()
        });
        let alarms = alarms.count();
        assert!(alarms <= 12, "{alarms} alarms");
    }

    #[test]
    fn a_tenth_of_the_rows_in_a_missed_mode_is_noticed_and_one_row_is_not() {
        let mut rng = Philox::sequence(6, "modes");
        let forward = work(&mut rng, 500, -1.125);
        let chains = work(&mut rng, 500, -1.125);
        let mut rows = work(&mut rng, 200, -1.125);
        assert!(!Comparison::of(&forward, &began(&chains, &rows)).differs());
        rows[0] -= 25.0;
        assert!(!Comparison::of(&forward, &began(&chains, &rows)).differs());
        rows[..20].iter_mut().for_each(|w| *w -= 25.0);
        let found = Comparison::of(&forward, &began(&chains, &rows));
        assert!(found.differs() && found.rows_beyond >= 20, "{found:?}");
    }
}
