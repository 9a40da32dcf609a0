//! Error of the mean against the length of the bins it is computed from.
//!
//! Bin means become independent once bins are much longer than τ: the error then stops growing, at √(2τ) times that of
//! single values. (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989).)

/// One bin length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinLevel {
    /// Values in a bin.
    pub length: usize,
    /// Number of bins, all replicas together.
    pub bins: usize,
    /// Error of the mean if bins of this length were independent.
    pub error: f64,
}

/// Bins of 1, 2, 4, … values of each replica of `series` `[replica][time]`, while at least 8 bins remain.
#[must_use]
pub fn binning(series: &[f64], replicas: usize) -> Vec<BinLevel> {
    let times = series.len().checked_div(replicas).unwrap_or(0);
    let mut levels = Vec::new();
    let mut length = 1;
    while length <= times && replicas * (times / length) >= 8 {
        let means: Vec<f64> =
            series.chunks_exact(times).flat_map(|replica| replica.chunks_exact(length).map(super::mean)).collect();
        let error = (super::variance(&means) / means.len() as f64).sqrt();
        levels.push(BinLevel { length, bins: means.len(), error });
        length *= 2;
    }
    levels
}
