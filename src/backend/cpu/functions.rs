//! eˣ, sig(x) and ln(1 + eˣ) without a branch, so that loops over units become vector instructions; the same bits on
//! every processor.

/// eˣ to 2 units in the last place over (−87, 88), clamped beyond.
///
/// x = n ln 2 + r, |r| ≤ ln 2 / 2, with ln 2 split in two words (Cody and Waite 1980); 1 + r + r² q(r) with q of degree 4
/// from a minimax fit of the relative error leaves 2⁻²⁸, so rounding rules.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // Adding and taking away 1.5 · 2²³ rounds to the nearest integer.
    let n = (x * std::f32::consts::LOG2_E + 12_582_912.0) - 12_582_912.0;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let q = 1.381_459_9e-3;
    let q = q * r + 8.368_717e-3;
    let q = q * r + 4.166_839e-2;
    let q = q * r + 0.166_665_21;
    let q = q * r + 0.499_999_94;
    let p = (q * r) * r + r + 1.0;
    // 127 + n as an integer: exact in f32, and positive for the clamped range.
    p * f32::from_bits((n + (12_582_912.0 + 127.0)).to_bits() << 23)
}

/// 1 / (1 + e^{−x}).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// 2 artanh(s) for |s| ≤ ⅓, that is ln((1 + s) / (1 − s)); the series to s¹⁵ leaves 2⁻²⁶ relative.
#[inline(always)]
pub(crate) fn log_ratio(s: f32) -> f32 {
    let q = s * s;
    let p = 1.0 / 15.0;
    let p = p * q + 1.0 / 13.0;
    let p = p * q + 1.0 / 11.0;
    let p = p * q + 1.0 / 9.0;
    let p = p * q + 1.0 / 7.0;
    let p = p * q + 1.0 / 5.0;
    let p = p * q + 1.0 / 3.0;
    (s + s) * (p * q + 1.0)
}

/// ln(1 + eˣ) = max(x, 0) + 2 artanh(z / (2 + z)), z = e^{−|x|}.
#[inline(always)]
pub(crate) fn softplus(x: f32) -> f32 {
    let z = exp(-x.abs());
    x.max(0.0) + log_ratio(z / (z + 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_and_softplus_keep_their_stated_errors() {
        let (mut worst_exp, mut worst_softplus) = (0.0f64, 0.0f64);
        for k in -8600..8700 {
            let x = k as f32 * 0.01 + 0.003;
            let exact = f64::from(x).exp();
            worst_exp = worst_exp.max((f64::from(exp(x)) / exact - 1.0).abs());
            let exact = crate::numerics::softplus(f64::from(x));
            worst_softplus = worst_softplus.max((f64::from(softplus(x)) / exact - 1.0).abs());
        }
        // One unit in the last place is between 2⁻²⁴ and 2⁻²³ relative.
        assert!(worst_exp < 2.0 * 2f64.powi(-23), "exp is off by {worst_exp:e}");
        assert!(worst_softplus < 4.0 * 2f64.powi(-23), "softplus is off by {worst_softplus:e}");
    }
}
