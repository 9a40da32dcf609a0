//! e^{−x}, sig(x) and ln(1 + eˣ) without a branch, so that loops over units become vector instructions; the same bits on
//! every processor.

use super::tile::Instructions;

/// 1.5 · 2²³: adding it rounds to the nearest integer, which is then in the lowest bits. 127 is the exponent's offset.
pub(super) const ROUND: f32 = 12_582_912.0 + 127.0;
/// −ln 2, in two words that add up to it.
pub(super) const MINUS_LN_2: [f32; 2] = [2.121_944_4e-4, -0.693_359_4];
/// Coefficients of eʳ, the highest power first.
pub(super) const EXP: [f32; 7] = [1.381_459_9e-3, 8.368_717e-3, 4.166_839e-2, 0.166_665_21, 0.499_999_94, 1.0, 1.0];

/// e^{−x} to 2 units in the last place over (−88, 87), clamped beyond.
///
/// −x = n ln 2 + r, |r| ≤ ln 2 / 2, with ln 2 split in two words (Cody and Waite 1980); 1 + r + r² q(r) with q of degree 4
/// from a minimax fit of the relative error leaves 2⁻²⁸, so rounding rules.
#[inline(always)]
pub(crate) fn exp_of_minus<S: Instructions>(x: f32) -> f32 {
    let x = x.clamp(-88.0, 87.0);
    let rounded = S::mul_add(x, -std::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = S::mul_add(n, MINUS_LN_2[0], S::mul_add(n, MINUS_LN_2[1], -x));
    let mut p = EXP[0];
    for &coefficient in &EXP[1..] {
        p = S::mul_add(p, r, coefficient);
    }
    // 127 + n, positive for the clamped range, becomes the exponent.
    p * f32::from_bits(rounded.to_bits() << 23)
}

/// e^y for |y| ≤ ¼: 1 + y + y² q(y) with q of degree 3 from a minimax fit leaves 2⁻²⁶.
#[inline(always)]
pub(crate) fn exp_near_zero<S: Instructions>(y: f32) -> f32 {
    let q = 8.323_313e-3;
    let q = S::mul_add(q, y, 4.178_436_5e-2);
    let q = S::mul_add(q, y, 0.166_667_83);
    let q = S::mul_add(q, y, 0.499_997_85);
    S::mul_add(S::mul_add(q, y, 1.0), y, 1.0)
}

/// 1 / (1 + e^{−x}).
#[inline(always)]
pub(crate) fn sigmoid<S: Instructions>(x: f32) -> f32 {
    1.0 / (1.0 + exp_of_minus::<S>(x))
}

/// 2 artanh(s) for |s| ≤ ⅓, that is ln((1 + s) / (1 − s)); the series to s¹⁵ leaves 2⁻²⁶ relative.
#[inline(always)]
pub(crate) fn log_ratio<S: Instructions>(s: f32) -> f32 {
    let q = s * s;
    let p = 1.0 / 15.0;
    let p = S::mul_add(p, q, 1.0 / 13.0);
    let p = S::mul_add(p, q, 1.0 / 11.0);
    let p = S::mul_add(p, q, 1.0 / 9.0);
    let p = S::mul_add(p, q, 1.0 / 7.0);
    let p = S::mul_add(p, q, 1.0 / 5.0);
    let p = S::mul_add(p, q, 1.0 / 3.0);
    let twice = s + s;
    S::mul_add(twice * q, p, twice)
}

/// ln(1 + e^b) − ln(1 + e^a) = max(b, 0) − max(a, 0) + 2 artanh((z_b − z_a) / (2 + z_a + z_b)), z = e^{−|x|}, and z_b.
#[inline(always)]
pub(crate) fn softplus_step<S: Instructions>(a: f32, b: f32) -> (f32, f32) {
    let (z, next) = (exp_of_minus::<S>(a.abs()), exp_of_minus::<S>(b.abs()));
    ((b.max(0.0) - a.max(0.0)) + log_ratio::<S>((next - z) / (2.0 + (z + next))), next)
}

/// ln(1 + eˣ) = max(x, 0) + 2 artanh(z / (2 + z)), z = e^{−|x|}.
#[inline(always)]
pub(crate) fn softplus<S: Instructions>(x: f32) -> f32 {
    let z = exp_of_minus::<S>(x.abs());
    x.max(0.0) + log_ratio::<S>(z / (z + 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::tile::{Baseline, Instructions, TILE, Tile, kernel};

    kernel! {
        fn best<S>(x: &Tile, exp: &mut Tile, plus: &mut Tile, sig: &mut Tile) {
            for k in 0..TILE {
                exp.0[k] = exp_of_minus::<S>(x.0[k]);
                plus.0[k] = softplus::<S>(x.0[k]);
                sig.0[k] = sigmoid::<S>(x.0[k]);
            }
        }
    }

    #[test]
    fn vectors_give_the_bits_of_portable_code() {
        for first in [0.0, -0.0, f32::NAN, f32::INFINITY, 1e-40, f32::MIN_POSITIVE, -88.5] {
            let x = Tile(std::array::from_fn(|k| first + k as f32 * first));
            let bits = |tile: Tile| tile.0.map(|e| if e.is_nan() { 0 } else { e.to_bits() });
            let expected = Tile(x.0.map(exp_of_minus::<Baseline>));
            assert_eq!(bits(Baseline::exps_of_minus(&x)), bits(expected), "{first}");
        }
        let mut found = [Tile::ZERO; 3];
        for first in -400..400 {
            let x = Tile(std::array::from_fn(|k| (TILE as f32 * first as f32 + k as f32) * 0.009 + 1e-4));
            let [exp, plus, sig] = &mut found;
            best(&x, exp, plus, sig);
            assert!(Baseline::exps_of_minus(&x) == Tile(x.0.map(exp_of_minus::<Baseline>)));
            for (k, &x) in x.0.iter().enumerate() {
                let expected = [exp_of_minus::<Baseline>(x), softplus::<Baseline>(x), sigmoid::<Baseline>(x)];
                assert_eq!(found.map(|t| t.0[k].to_bits()), expected.map(f32::to_bits), "x = {x}");
            }
        }
    }

    #[test]
    fn exp_and_softplus_keep_their_stated_errors() {
        let (mut worst_exp, mut worst_softplus) = (0.0f64, 0.0f64);
        for k in -8600..8700 {
            let x = k as f32 * 0.01 + 0.003;
            let exact = f64::from(x).exp();
            worst_exp = worst_exp.max((f64::from(exp_of_minus::<Baseline>(-x)) / exact - 1.0).abs());
            let exact = crate::numerics::softplus(f64::from(x));
            worst_softplus = worst_softplus.max((f64::from(softplus::<Baseline>(x)) / exact - 1.0).abs());
        }
        for k in -250..=250 {
            let y = k as f32 * 1e-3;
            let exact = f64::from(y).exp();
            worst_exp = worst_exp.max((f64::from(exp_near_zero::<Baseline>(y)) / exact - 1.0).abs());
        }
        // One unit in the last place is between 2⁻²⁴ and 2⁻²³ relative.
        assert!(worst_exp < 2.0 * 2f64.powi(-23), "exp is off by {worst_exp:e}");
        assert!(worst_softplus < 4.0 * 2f64.powi(-23), "softplus is off by {worst_softplus:e}");
    }
}
