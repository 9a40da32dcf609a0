//! How long the slowest thing lasts: until an autocorrelation ρ has fallen below what counts as forgotten.
//!
//! τ = ½ + Σ ρ is a mean over all that moves, right for the error of a mean. A rare state that is kept for 100 sweeps adds
//! little to it, but samples 2 τ apart meet it again and again, and states are counted wrongly. Of a glass of 16 spins:
//! ρ of e is 0.11 after 2 sweeps and 0.05 after 64; τ = 10, and 2 % remain after 150.

use crate::stats::{mean, variance};

/// Autocorrelations this small are forgotten.
pub(super) const FORGOTTEN: f64 = 0.02;

/// Least ρ that can be told from 0, of its error over `n` replicas: few know their own spread badly.
pub(super) fn least(error: f64, n: f64) -> f64 {
    FORGOTTEN.max((2.0 + 8.0 / n) * error)
}

/// Time at which an exponential through (t, ρ) `from` and `to` is at `least`, between them; what is lost in noise is taken
/// for a tenth of it.
pub(super) fn crossing(from: (f64, f64), to: (f64, f64), least: f64) -> f64 {
    let (high, low) = (from.1.max(least), to.1.clamp(0.1 * least, least));
    let part = if high > low { (high / least).ln() / (high / low).ln() } else { 1.0 };
    from.0 + part * (to.0 - from.0)
}

/// Steps after which ρ of `values` `[replica][time]` is forgotten, or lost in noise; a quarter of the times at the most.
pub(super) fn lasts(values: &[f64], replicas: usize) -> f64 {
    let (times, n) = (values.len() / replicas.max(1), replicas as f64);
    let (centre, scale) = (mean(values), variance(values));
    // Written so that NaN has nothing to forget.
    let moves = scale > 0.0;
    if !moves {
        return 0.0;
    }
    let mut before = (0.0, 1.0);
    for lag in (0..32).map(|k| 1usize << k).take_while(|lag| 4 * lag <= times) {
        let of_replica = |series: &[f64]| {
            let products = series.iter().zip(&series[lag..]).map(|(a, b)| (a - centre) * (b - centre));
            products.sum::<f64>() / ((times - lag) as f64 * scale)
        };
        let of_replicas: Vec<f64> = values.chunks_exact(times).map(of_replica).collect();
        let rho = mean(&of_replicas);
        let least = least((variance(&of_replicas) / n).sqrt(), n);
        let now = (lag as f64, rho);
        // Written so that NaN is forgotten.
        let remembered = rho > least;
        if !remembered {
            return crossing(before, now, least);
        }
        before = (now.0, rho.min(1.0));
    }
    before.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Philox;
    use rand_distr::{Distribution, StandardNormal};

    /// Nine tenths of the variance are forgotten at once (0.2^t), one tenth lasts (e^(-t/50)): ρ = 0.02 at t = 50 ln 5 = 80,
    /// while τ is 6. ρ is known to 0.002 there, the time to 10 %.
    #[test]
    fn the_slowest_part_decides() {
        let mut numbers = Philox::sequence(1, "lasting");
        let (replicas, times) = (256, 4096);
        let mut values = Vec::new();
        for _ in 0..replicas {
            let mut normal = || -> f64 { StandardNormal.sample(&mut numbers) };
            let (mut quick, mut slow) = (normal(), normal());
            let keep = (-1.0f64 / 50.0).exp();
            for _ in 0..times {
                quick = 0.2 * quick + (1.0f64 - 0.04).sqrt() * normal();
                slow = keep * slow + (1.0 - keep * keep).sqrt() * normal();
                values.push(0.9f64.sqrt() * quick + 0.1f64.sqrt() * slow);
            }
        }
        let found = lasts(&values, replicas);
        assert!((found / (50.0 * 5f64.ln()) - 1.0).abs() < 0.25, "{found}");
        assert_eq!(lasts(&[1.0; 64], 4), 0.0);
        assert!(lasts(&values[..times], 1) <= times as f64);
    }

    /// e^(-t/10) from 1 at 0 to e^(-1.6) at 16 is at e^(-1) at 10.
    #[test]
    fn between_two_times_all_is_exponential() {
        let at = |t: f64| (t, (-t / 10.0).exp());
        assert!((crossing(at(0.0), at(16.0), (-1f64).exp()) - 10.0).abs() < 1e-12);
        assert!((crossing(at(8.0), (16.0, -0.1), 0.02) - 8.0) <= 8.0);
    }
}
