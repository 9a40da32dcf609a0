//! What a machine says of rows: mean log-likelihoods with both of their errors, and differences row by row.
//!
//! ln p(v) = −F(v) − ln Z. The mean over rows has two errors: that of ln Z, which all rows share, and the standard error of
//! the mean of −F, which tells how far other rows of the same source would give another mean. A difference of two models on
//! the same rows is taken row by row: what makes a row likely or not under both cancels, and the error is smaller by far.

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::numerics::softplus;
use crate::record::{Bounds, Estimate};
use crate::stats::{mean, variance};

/// Errors beyond which one model is called better or worse than another.
const SIGMAS: f64 = 3.0;

/// −F of every row.
///
/// # Errors
/// Device failures.
pub fn log_weights<B: Backend>(backend: &B, params: &B::Params, rows: &BitMatrix) -> Result<Vec<f64>> {
    Ok(backend.read_free_energies(params, &backend.upload_states(rows)?)?.into_iter().map(|f| -f).collect())
}

/// Mean of a value of each row with its standard error, which is NaN for a single row.
#[must_use]
pub fn mean_of_rows(values: &[f64]) -> Estimate {
    Estimate::new(mean(values), (variance(values) / values.len() as f64).sqrt())
}

/// Mean of −F over rows, with its standard error over rows.
///
/// # Errors
/// Device failures.
pub fn mean_log_weight<B: Backend>(backend: &B, params: &B::Params, data: &BitMatrix) -> Result<Estimate> {
    Ok(mean_of_rows(&log_weights(backend, params, data)?))
}

/// The same over states that the device holds already.
///
/// # Errors
/// Device failures.
pub fn mean_log_weight_of<B: Backend>(backend: &B, params: &B::Params, states: &B::States) -> Result<Estimate> {
    let energies = mean_of_rows(&backend.read_free_energies(params, states)?);
    Ok(Estimate { value: -energies.value, ..energies })
}

/// An estimate of ln Z beside a bound under which it does not lie (ln Z ≥ −⟨F⟩ + S of any distribution, after Gibbs): by as
/// much as it lies under `least` it is wrong, whatever its own error says.
#[must_use]
pub fn not_under(log_z: Estimate, least: f64) -> Estimate {
    Estimate { error: log_z.error.max(least - log_z.value), ..log_z }
}

/// LL by every method for which ln Z is known, from the mean of −F over rows with its standard error.
#[must_use]
pub fn log_likelihood(mean_log_weight: Estimate, log_z: &Bounds) -> Bounds {
    let Estimate { value, error, .. } = mean_log_weight;
    let of = |z: Option<Estimate>| z.map(|z| Estimate::of_rows(value - z.value, z.error, error));
    Bounds {
        forward: of(log_z.forward),
        reverse: of(log_z.reverse),
        bridged: of(log_z.bridged),
        exact: of(log_z.exact),
    }
}

/// Mean over rows of ln p − ln p′ from −F and −F′ of the same rows and both ln Z, in nats a row.
#[must_use]
pub fn row_by_row(log_weights: &[f64], log_z: Estimate, others: &[f64], other_log_z: Estimate) -> Estimate {
    let differences: Vec<f64> = log_weights.iter().zip(others).map(|(a, b)| a - b).collect();
    let rows = mean_of_rows(&differences);
    Estimate::of_rows(rows.value - (log_z.value - other_log_z.value), log_z.error.hypot(other_log_z.error), rows.error)
}

/// Mean over `rows` of ln p minus that of independent units with the visible biases `base` ([`super::base_bias`] of the
/// smoothed means of the training rows), from −F of the same rows and ln Z, in nats a row.
#[must_use]
pub fn over_independent(log_weights: &[f64], log_z: Estimate, base: &[f32], rows: &BitMatrix) -> Estimate {
    let independent =
        |r: usize| -> f64 { (0..rows.cols()).filter(|&j| rows.get(r, j)).map(|j| f64::from(base[j])).sum() };
    let others: Vec<f64> = (0..rows.rows()).map(independent).collect();
    let known = Estimate::new(base.iter().map(|&b| softplus(f64::from(b))).sum(), 0.0);
    row_by_row(log_weights, log_z, &others, known)
}

/// A warning where a machine is beyond errors worse on `set` (`train`, `held_out`, `data`) than independent units.
#[must_use]
pub fn worse_than_independent(set: &str, over: Estimate) -> Option<String> {
    let (name, why) = match set {
        "train" => {
            ("training rows", "the training has failed: lower the learning rate or the penalties, or train for longer")
        }
        "held_out" => (
            "held-out rows",
            "what it has learned of how units hang together misleads: it over-fits, or the training has failed",
        ),
        _ => ("these rows", "it is no model of them"),
    };
    over.sigmas().filter(|&sigmas| sigmas < -SIGMAS).map(|sigmas| {
        format!(
            "{name} are less likely by {:.4} ± {:.4} nats a row ({:.1} σ) than under independent units with the means of the data: \
             {why}",
            -over.value, over.error, -sigmas
        )
    })
}

/// Which of two models is better, from the mean of ln p of the second minus that of the first ([`row_by_row`]).
#[must_use]
pub fn better(first: &str, second: &str, over: Estimate) -> String {
    let Some(sigmas) = over.sigmas() else {
        let known = if over.value == 0.0 { "both models say the same of every row" } else { "the error is not known" };
        return format!("{second} − {first}: {known}");
    };
    let size = format!("{:.4} ± {:.4} nats a row, {:.1} σ", over.value.abs(), over.error, sigmas.abs());
    let (winner, loser) = if sigmas > 0.0 { (second, first) } else { (first, second) };
    if sigmas.abs() < SIGMAS {
        format!("neither is better beyond errors: {winner} lies {size} above {loser}")
    } else {
        format!("{winner} is better than {loser} by {size}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bits::BitMatrix;

    /// ln p of independent units from their means, and differences by hand.
    #[test]
    fn independent_units_are_those_of_the_means() {
        let means = [0.2f64, 0.5, 0.9];
        let base = super::super::base_bias(&means);
        let rows = BitMatrix::from_fn(4, 3, |r, j| r >> j & 1 == 1);
        let log_p = |r: usize| -> f64 {
            (0..3).map(|j| if rows.get(r, j) { means[j].ln() } else { (1.0 - means[j]).ln() }).sum()
        };
        let log_weights = [1.0, 0.25, -0.5, 2.0];
        let differences: Vec<f64> = (0..4).map(|r| log_weights[r] - 0.75 - log_p(r)).collect();
        let mean = differences.iter().sum::<f64>() / 4.0;
        let spread = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 3.0;
        let found = over_independent(&log_weights, Estimate::new(0.75, 0.3), &base, &rows);
        // Biases are rounded to f32.
        assert!((found.value - mean).abs() < 1e-6, "{found:?}, expected {mean}");
        let parts = found.parts.unwrap();
        assert!((parts.error_rows - (spread / 4.0).sqrt()).abs() < 1e-6 && parts.error_log_z == 0.3, "{found:?}");
        assert!((found.error - (spread / 4.0 + 0.09).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn an_error_is_no_less_than_what_a_bound_proves() {
        let z = Estimate::new(10.0, 0.2);
        assert_eq!((not_under(z, 9.0), not_under(z, 10.1), not_under(z, 11.5).error), (z, z, 1.5));
    }

    #[test]
    fn only_what_lies_beyond_errors_is_worse() {
        let bad = worse_than_independent("held_out", Estimate::of_rows(-4.0, 0.3, 0.4)).unwrap();
        assert!(bad.contains("held-out rows are less likely by 4.0000 ± 0.5000 nats a row (8.0 σ)"), "{bad}");
        for sound in [-1.4, 0.0, 4.0] {
            assert_eq!(worse_than_independent("data", Estimate::of_rows(sound, 0.3, 0.4)), None);
        }
        // The error of one row cannot be known.
        assert_eq!(worse_than_independent("data", mean_of_rows(&[-9.0])), None);
    }
}
