//! Upper bounds of any model's log-likelihood, and the warnings that follow from crossing them.

use crate::bits::BitMatrix;
use crate::record::Estimate;

/// Entropy in nats of the empirical distribution of the rows: −LL of a model that memorises them.
#[must_use]
pub fn plug_in_entropy(data: &BitMatrix) -> f64 {
    let mut rows: Vec<&[u32]> = (0..data.rows()).map(|r| data.row(r)).collect();
    rows.sort_unstable();
    let n = data.rows() as f64;
    rows.chunk_by(|a, b| a == b)
        .map(|group| {
            let p = group.len() as f64 / n;
            -p * p.ln()
        })
        .sum()
}

/// Smallest effective sample size in which an AIS estimate is trusted.
const TRUSTED_SAMPLES: f64 = 30.0;

/// What a reader must know before believing a log-likelihood; `sampling_error` is the error of the mean over rows when
/// the ceiling is a property of the source rather than of the rows.
#[must_use]
pub fn warnings(
    log_likelihood: Estimate,
    sampling_error: f64,
    ceiling: Option<f64>,
    effective_sample_size: Option<f64>,
) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(top) = ceiling {
        let error = log_likelihood.error.hypot(sampling_error);
        if log_likelihood.value > top + 3.0 * error + 1e-9 {
            out.push(format!(
                "log-likelihood {:.4} ± {:.4} lies above its ceiling {top:.4}: ln Z is too small; use more betas or chains",
                log_likelihood.value, error
            ));
        }
    }
    if let Some(ess) = effective_sample_size.filter(|&ess| ess < TRUSTED_SAMPLES) {
        out.push(format!("only {ess:.1} effective AIS samples: ln Z is not to be trusted; use more betas or chains"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plug_in_entropy_of_known_counts() {
        let rows = BitMatrix::from_fn(8, 40, |r, j| j == r % 2 * 39 && r < 4);
        // Two rows with unit 0, two with unit 39, four empty ones.
        let expected = -(2.0 * 0.25 * 0.25f64.ln() + 0.5 * 0.5f64.ln());
        assert!((plug_in_entropy(&rows) - expected).abs() < 1e-12);
    }

    #[test]
    fn crossing_the_ceiling_is_told_and_touching_it_is_not() {
        let at = |value| warnings(Estimate::new(value, 0.1), 0.0, Some(-2.0), Some(500.0)).len();
        assert_eq!((at(-2.0), at(-1.8), at(-1.6)), (0, 0, 1));
        assert_eq!(warnings(Estimate::new(-3.0, 0.1), 0.0, None, Some(3.0)).len(), 1);
    }
}
