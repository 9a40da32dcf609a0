//! Statistics of time series and of samples: means, autocorrelation, blocked errors, tail probabilities.
//!
//! - [`mod@autocorrelation`]: integrated autocorrelation time and error of the mean by the Γ-method;
//! - [`blocks`]: how a series is cut into blocks, and the delete-one-block jackknife for any function of means;
//! - [`mod@binning`]: error of the mean against bin length, the older check of the same thing;
//! - [`chains`]: whether chains agree, and whether they have forgotten where they were;
//! - [`distributions`]: χ² and normal tails for tests.
//!
//! Series of several replicas are flat slices, `[replica][time]`.

pub mod autocorrelation;
pub mod binning;
pub mod blocks;
pub mod chains;
pub mod distributions;
mod spectrum;

pub use autocorrelation::{Autocorrelation, autocorrelation, autocorrelation_function};
pub use binning::binning;
pub use blocks::{Blocks, jackknife};
pub use chains::{TwoLooks, split_r_hat, two_groups};
pub use distributions::{chi_squared_survival, hypergeometric_survival, normal_cdf, normal_quantile};

/// Mean; NaN for no values.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Unbiased variance Σ (x − x̄)²/(n − 1); NaN for fewer than two values.
#[must_use]
pub fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|x| (x - centre).powi(2)).sum();
    if values.len() < 2 { f64::NAN } else { squares / (values.len() - 1) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variance_takes_two_values() {
        assert_eq!((mean(&[1.0, 3.0]), variance(&[1.0, 3.0]), variance(&[1.0, 2.0, 6.0])), (2.0, 2.0, 7.0));
        assert!(mean(&[]).is_nan() && variance(&[]).is_nan() && variance(&[1.0]).is_nan());
    }
}
