//! Integrated autocorrelation time with an automatic window, for one series or many replicas of one.
//!
//! Γ(t) = ⟨(a_k − ā)(a_{k+t} − ā)⟩ with the mean ā pooled over replicas, τ = ½ + Σ_{t=1}^{W} Γ(t)/Γ(0),
//! σ²(ā) = 2τ Γ(0)/n. The window W is the first at which e^{−W/τ_W} falls under τ_W/√(W n), where
//! τ_W = S / ln((2τ + 1)/(2τ − 1)), S = 1.5: there the truncation and the statistical error balance.
//! Where τ ≤ ½ (anticorrelation) τ_W is taken from Σ |Γ| instead, so that an alternating Γ is summed to its end.
//! Γ is corrected for the pooled mean by + 2τ Γ(0)/n, and the error of τ is τ √(4 (W + ½ − τ)/n).
//! (U. Wolff, "Monte Carlo errors with less errors", Comput. Phys. Commun. 156, 143 (2004), eqs. 31, 42, 49, 52;
//! erratum 176, 383 (2007).)

use std::ops::RangeInclusive;

use crate::threads::prelude::*;

use super::spectrum::covariances;

/// Ratio of the decay of Γ to τ assumed by the window: 1 for a single exponential, 1.5 to be on the safe side.
const WINDOW_RATIO: f64 = 1.5;
/// Lags computed together; the window is looked for after each batch.
const LAG_BATCH: usize = 16;
/// Lags computed one by one; a longer window is cheaper from the power spectrum, which gives all lags at once.
const DIRECT_LAGS: usize = 96;

/// The window is looked for up to a quarter of a replica's length, or up to this lag if that is more.
const LEAST_LAST_LAG: usize = 1024;

/// Mean, its error and the autocorrelation time of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Autocorrelation {
    /// ā over all replicas and times.
    pub mean: f64,
    /// One standard deviation of ā.
    pub error: f64,
    /// Γ(0), corrected for the pooled mean.
    pub variance: f64,
    /// Integrated autocorrelation time in steps of the series; ½ for independent values.
    pub tau: f64,
    /// One standard deviation of τ.
    pub tau_error: f64,
    /// W.
    pub window: usize,
    /// Whether the window closed inside the series; if not, τ is only a lower bound.
    pub converged: bool,
    /// Number of values.
    pub count: usize,
}

impl Autocorrelation {
    /// Number of independent values that fix the mean as well: n/(2τ), and n where τ < ½.
    #[must_use]
    pub fn effective_samples(&self) -> f64 {
        self.count as f64 / (2.0 * self.tau).max(1.0)
    }
}

/// Γ-method for `replicas` series of equal length, `series` `[replica][time]`; one replica is one series.
///
/// A series without values gives NaN, a constant one error 0 and τ = ½.
#[must_use]
pub fn autocorrelation(series: &[f64], replicas: usize) -> Autocorrelation {
    let count = series.len();
    let times = count.checked_div(replicas).unwrap_or(0);
    let centre = super::mean(series);
    let still = Autocorrelation {
        mean: centre,
        error: 0.0,
        variance: 0.0,
        tau: 0.5,
        tau_error: 0.0,
        window: 0,
        converged: true,
        count,
    };
    if times == 0 {
        return Autocorrelation { error: f64::NAN, variance: f64::NAN, ..still };
    }
    let n = count as f64;
    let centred: Vec<f64> = series.iter().map(|x| x - centre).collect();
    let zero = covariance(&centred, times, 0);
    // Rounding of a constant series is no variance.
    if zero <= (1e-14 * centre).powi(2) {
        return still;
    }
    let last = (times - 1).min((times / 4).max(LEAST_LAST_LAG));
    let (mut window, mut converged, mut sum, mut absolute) = (0, last == 0, 0.5 * zero, 0.5 * zero);
    let mut from = 1;
    'lags: while from <= last {
        let until = if from > DIRECT_LAGS { last } else { last.min(from + LAG_BATCH - 1) };
        for (w, gamma) in (from..).zip(covariances_at(&centred, times, from..=until)) {
            window = w;
            sum += gamma;
            absolute += gamma.abs();
            if closes(if sum > 0.5 * zero { sum } else { absolute } / zero, w, n) {
                converged = true;
                break 'lags;
            }
        }
        from = until + 1;
    }
    // Pooled mean: every Γ(t) came out too small by the variance of ā.
    let shift = 2.0 * sum.max(0.0) / n;
    let variance = zero + shift;
    let raw = (sum + shift * (window as f64 + 0.5)) / variance;
    let tau = raw.max(floor(n));
    let error = (2.0 * tau * variance / n).sqrt();
    let tau_error = tau * (4.0 / n * (window as f64 + 0.5 - tau).max(0.0)).sqrt();
    Autocorrelation { error, variance, tau, tau_error, window, converged, ..still }
}

/// ρ(t) = Γ(t)/Γ(0) for t = 0 … `lags` (at most the length of a replica less one); 1, 0, 0 … for a constant series.
#[must_use]
pub fn autocorrelation_function(series: &[f64], replicas: usize, lags: usize) -> Vec<f64> {
    let times = series.len().checked_div(replicas).unwrap_or(0);
    if times == 0 {
        return Vec::new();
    }
    let centre = super::mean(series);
    let centred: Vec<f64> = series.iter().map(|x| x - centre).collect();
    let gammas = covariances_at(&centred, times, 0..=lags.min(times - 1));
    let zero = gammas[0];
    let ratio = |(t, g): (usize, &f64)| if zero > 0.0 { g / zero } else { f64::from(u8::from(t == 0)) };
    gammas.iter().enumerate().map(ratio).collect()
}

/// Γ(t) at some lags, over all replicas.
fn covariances_at(centred: &[f64], times: usize, lags: RangeInclusive<usize>) -> Vec<f64> {
    if *lags.end() > DIRECT_LAGS {
        return covariances(centred, times, *lags.end()).split_off(*lags.start());
    }
    lags.into_par_iter().map(|t| covariance(centred, times, t)).collect()
}

/// Γ(t) over all replicas.
fn covariance(centred: &[f64], times: usize, t: usize) -> f64 {
    let pairs = centred.chunks_exact(times).map(|a| dot(&a[..times - t], &a[t..])).sum::<f64>();
    pairs / ((times - t) * (centred.len() / times)) as f64
}

/// Inner product in eight interleaved sums, which the compiler turns into vector instructions.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a8, a1) = a.as_chunks::<8>();
    let (b8, b1) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a8.iter().zip(b8) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + a1.iter().zip(b1).map(|(a, b)| a * b).sum::<f64>()
}

/// Whether the window closes at `w`, given τ so far.
fn closes(tau: f64, w: usize, n: f64) -> bool {
    if tau <= 0.5 {
        return true;
    }
    let decay = WINDOW_RATIO / ((2.0 * tau + 1.0) / (2.0 * tau - 1.0)).ln();
    let w = w as f64;
    (-w / decay).exp() < decay / (w * n).sqrt()
}

/// Anticorrelated series have τ < ½; a noisy sum must not make it zero or negative.
fn floor(n: f64) -> f64 {
    0.5 / n.max(1.0)
}
