//! Elementary functions used everywhere, exact over the whole range.

/// Logistic sigmoid 1 / (1 + e^{−x}), without overflow.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// ln(1 + eˣ) = max(x, 0) + ln(1 + e^{−|x|}), exact over the whole range.
#[must_use]
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// ln Σ e^{x_k}; −∞ for no terms.
#[must_use]
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return top;
    }
    top + values.iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}

/// ln (1/n Σ e^{x_k}): the mean of exponentials, never of logarithms.
#[must_use]
pub fn log_mean_exp(values: &[f64]) -> f64 {
    log_sum_exp(values) - (values.len() as f64).ln()
}

/// Log-odds ln(p / (1 − p)).
#[must_use]
pub fn logit(p: f64) -> f64 {
    p.ln() - (-p).ln_1p()
}

/// Cuts pieces laid end to end, of positive `lengths`, into as many equal parts as `parts` says: for each of the `parts` + 1
/// ends, the piece that it lies in and how far into it, from 0 to 1.
pub fn equal_parts(lengths: &[f64], parts: usize) -> impl Iterator<Item = (usize, f64)> {
    let total: f64 = lengths.iter().sum();
    let (mut piece, mut behind) = (0, 0.0);
    (0..=parts).map(move |k| {
        let wanted = total * k as f64 / parts as f64;
        while piece + 1 < lengths.len() && behind + lengths[piece] < wanted {
            behind += lengths[piece];
            piece += 1;
        }
        (piece, ((wanted - behind) / lengths[piece]).clamp(0.0, 1.0))
    })
}

/// A number as its shortest exact decimal, with a power of ten where that would be long: 2.269185, 1e-300.
#[must_use]
pub fn readable(x: f64) -> String {
    if x == 0.0 || (1e-4..1e9).contains(&x.abs()) || !x.is_finite() { x.to_string() } else { format!("{x:e}") }
}

/// Bytes with a unit: 12.0 MiB.
#[must_use]
pub fn readable_bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let step = (bytes.max(1).ilog2() / 10) as usize;
    let digits = usize::from(step > 0);
    format!("{:.digits$} {}", bytes as f64 / 1024f64.powi(step as i32), units[step])
}

/// A whole number of bytes, or one with a unit from `KiB` to `TiB` behind; `None` for anything else and beyond 2⁶⁴.
#[must_use]
pub fn bytes_of(text: &str) -> Option<u64> {
    let units = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];
    let (number, unit) =
        units.into_iter().find_map(|(name, unit)| text.trim().strip_suffix(name).map(|number| (number, unit)))?;
    number.trim().parse::<u64>().ok()?.checked_mul(unit)
}

/// A running ln Σ e^{x}, one value at a time, for sums too long to store.
#[derive(Debug, Clone, Copy)]
pub struct LogSum {
    top: f64,
    sum: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { top: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSum {
    /// Adds e^{x} to the sum.
    pub fn add(&mut self, x: f64) {
        if x <= self.top {
            self.sum += (x - self.top).exp();
        } else if x > f64::NEG_INFINITY {
            self.sum = self.sum * (self.top - x).exp() + 1.0;
            self.top = x;
        }
    }

    /// Adds another sum to this one.
    pub fn merge(&mut self, other: Self) {
        if other.sum > 0.0 {
            let top = self.top.max(other.top);
            self.sum = self.sum * (self.top - top).exp() + other.sum * (other.top - top).exp();
            self.top = top;
        }
    }

    /// ln of the sum so far.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.top + self.sum.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes_of, readable_bytes};

    #[test]
    fn bytes_are_told_in_units() {
        let told = [0, 1023, 1024, 1536, 1 << 30, u64::MAX].map(readable_bytes);
        assert_eq!(told, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 GiB", "16.0 EiB"]);
        let read = ["7", "64KiB", " 3 MiB ", "1TiB", "16777216TiB", "1.5GiB", "GiB", "-1"].map(bytes_of);
        assert_eq!(read, [Some(7), Some(65536), Some(3 << 20), Some(1 << 40), None, None, None, None]);
    }
}
