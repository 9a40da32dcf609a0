//! What a short run tells about a long one: autocorrelation times, and whether starts have been forgotten.

use std::ops::Range;

use super::Series;
use crate::error::{Error, Fault, Result};
use crate::stats::{Autocorrelation, autocorrelation, mean, variance};

/// Autocorrelation of the two quantities that all others follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pilot {
    /// Of e.
    pub energy: Autocorrelation,
    /// Of |m|.
    pub magnetization: Autocorrelation,
}

impl Pilot {
    /// The larger of both times, in steps of the series: spacing and thermalisation are multiples of it.
    #[must_use]
    pub fn tau(&self) -> f64 {
        self.energy.tau.max(self.magnetization.tau)
    }

    /// Whether both windows closed; if not, τ is a lower bound and the pilot was too short.
    #[must_use]
    pub fn converged(&self) -> bool {
        self.energy.converged && self.magnetization.converged
    }
}

/// Values that tell an autocorrelation time to a per cent or so; of more, the first replicas are taken that have as many.
const VALUES_FOR_TAU: usize = 1 << 20;

/// Autocorrelation times of e and |m|, pooled over replicas: over so many that more would only cost time.
#[must_use]
pub fn pilot(series: &Series) -> Pilot {
    let abs: Vec<f64> = series.magnetization.iter().map(|m| m.abs()).collect();
    Pilot { energy: time_of(&series.energy, series), magnetization: time_of(&abs, series) }
}

/// Autocorrelation of a quantity of the series, `[replica][time]`.
pub(super) fn time_of(values: &[f64], series: &Series) -> Autocorrelation {
    let replicas = series.replicas.min(VALUES_FOR_TAU.div_ceil(series.times.max(1)));
    autocorrelation(&values[..replicas * series.times], replicas)
}

/// Difference between two groups of replicas in standard deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// z of e.
    pub energy: f64,
    /// z of |m|.
    pub magnetization: f64,
}

impl Agreement {
    /// Whether both differences stay within `limit` standard deviations.
    #[must_use]
    pub fn within(&self, limit: f64) -> bool {
        self.energy.abs() <= limit && self.magnetization.abs() <= limit
    }
}

/// Replicas from which on their spread is a good enough error of their mean.
const REPLICAS_FOR_SPREAD: usize = 8;

/// Compares e and |m| of two groups (started hot and cold, say) over the times `window`: z = (ā − b̄)/√(σ_a² + σ_b²),
/// errors from the spread of replica means (8 replicas or more) or from the Γ-method. Once both starts are forgotten the
/// z are standard normal; with opposite starts, agreement is the sign that the window lies beyond thermalisation.
///
/// # Errors
/// [`Error::Input`] when the window is empty or a group has fewer than two values in it.
pub fn agreement(a: &Series, b: &Series, window: Range<usize>) -> Result<Agreement> {
    let (a, b) = (a.window(window.clone()), b.window(window.clone()));
    if a.energy.len().min(b.energy.len()) < 2 || a.times == 0 || b.times == 0 {
        return Err(Error::Input(
            Fault::new(format!("times {} to {} of two groups", window.start, window.end))
                .expected("at least two values of each group"),
        ));
    }
    let abs = |s: &Series| -> Vec<f64> { s.magnetization.iter().map(|m| m.abs()).collect() };
    Ok(Agreement {
        energy: z_score(centre(&a.energy, &a), centre(&b.energy, &b)),
        magnetization: z_score(centre(&abs(&a), &a), centre(&abs(&b), &b)),
    })
}

/// Mean and its squared error.
fn centre(values: &[f64], series: &Series) -> (f64, f64) {
    if series.replicas >= REPLICAS_FOR_SPREAD {
        let means: Vec<f64> = values.chunks_exact(series.times).map(mean).collect();
        return (mean(&means), variance(&means) / means.len() as f64);
    }
    let gamma = autocorrelation(values, series.replicas);
    (gamma.mean, gamma.error * gamma.error)
}

fn z_score(a: (f64, f64), b: (f64, f64)) -> f64 {
    let difference = a.0 - b.0;
    if difference == 0.0 { 0.0 } else { difference / (a.1 + b.1).sqrt() }
}
