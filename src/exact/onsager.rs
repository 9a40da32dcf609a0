//! The infinite square lattice.
//!
//! e = −coth 2K [1 + (2/π)(2 tanh² 2K − 1) K₁(q)], q = 2 sinh 2K / cosh² 2K; m = (1 − sinh⁻⁴ 2K)^{1/8} below T_c.
//! (L. Onsager, Phys. Rev. 65, 117 (1944); C. N. Yang, Phys. Rev. 85, 808 (1952).)
//! The complementary modulus is q' = |2 tanh² 2K − 1|, so K₁ = π / (2 agm(1, q')) needs no difference 1 − q².

use std::f64::consts::{FRAC_PI_2, PI};

use super::coupling;
use crate::error::Result;

/// T_c = 2 / ln(1 + √2), in J/k_B.
pub const CRITICAL_TEMPERATURE: f64 = 2.269_185_314_213_022;

/// e per site, in J.
///
/// # Errors
/// [`crate::Error::Input`] for a temperature that is not positive.
pub fn energy(temperature: f64) -> Result<f64> {
    let two_k = 2.0 * coupling(temperature)?;
    let bend = bend(two_k);
    let product = if bend == 0.0 { 0.0 } else { bend * elliptic(bend.abs()).0 };
    Ok(-(1.0 + 2.0 / PI * product) / two_k.tanh())
}

/// C per site, in k_B; infinite at T_c.
///
/// # Errors
/// As [`energy`].
pub fn specific_heat(temperature: f64) -> Result<f64> {
    let k = coupling(temperature)?;
    let bend = bend(2.0 * k);
    if bend == 0.0 {
        return Ok(f64::INFINITY);
    }
    let (first, second) = elliptic(bend.abs());
    let t = (2.0 * k).tanh();
    let complement = 1.0 / (2.0 * k).cosh().powi(2);
    Ok(4.0 / PI * (k / t).powi(2) * (first - second - complement * (FRAC_PI_2 + bend * first)))
}

/// Spontaneous magnetisation |m| per site; 0 from T_c on.
///
/// # Errors
/// As [`energy`].
pub fn magnetization(temperature: f64) -> Result<f64> {
    let s = (2.0 * coupling(temperature)?).sinh();
    Ok(if s <= 1.0 { 0.0 } else { (1.0 - s.powi(-4)).powf(0.125) })
}

/// 2 tanh² 2K − 1 = 1 − 2/cosh² 2K.
fn bend(two_k: f64) -> f64 {
    1.0 - 2.0 / two_k.cosh().powi(2)
}

/// Complete elliptic integrals of the first and second kind for complementary modulus q' > 0, by the
/// arithmetic-geometric mean: E = K (1 − Σ 2^{n−1} c_n²).
fn elliptic(complementary: f64) -> (f64, f64) {
    let (mut a, mut b) = (1.0f64, complementary);
    let mut sum = 0.5 * (1.0 - b * b);
    let mut power = 0.5;
    while (a - b).abs() > 1e-15 * a {
        let c = 0.5 * (a - b);
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
        power *= 2.0;
        sum += power * c * c;
    }
    let first = FRAC_PI_2 / a;
    (first, first * (1.0 - sum))
}
