//! Eight lanes at a time, in plain Rust that the compiler turns into vector instructions.
//!
//! Kernels are written once over [`F32x8`] and [`U32x8`] and compiled twice by [`multiversion!`]: for AVX2, chosen at
//! run time, and for the baseline of the target. No operation is contracted or reordered between the two, so both give
//! the same bits; `GIBBSITE_PORTABLE=1` in the environment forces the second, and a test compares them.
//!
//! This module holds the only `unsafe` of the CPU backend: the call of a function compiled for AVX2, made only after
//! the processor was asked for it.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Not, Sub};
use std::sync::OnceLock;

/// Whether kernels run their AVX2 version.
pub(crate) fn use_avx2() -> bool {
    static CHOICE: OnceLock<bool> = OnceLock::new();
    *CHOICE.get_or_init(|| std::env::var_os("GIBBSITE_PORTABLE").is_none() && has_avx2())
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

/// Compiles a function for AVX2 and for the baseline, and calls the better one the processor has.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $(<const $g:ident : $gt:ty>)? ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "a kernel's inputs, each of its own kind")]
        $vis fn $name $(<const $g : $gt>)? ($($arg : $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "as above")]
            fn body $(<const $g : $gt>)? ($($arg : $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn avx2 $(<const $g : $gt>)? ($($arg : $ty),*) $(-> $ret)? {
                    body $(::<$g>)? ($($arg),*)
                }
                if $crate::backend::cpu::lanes::use_avx2() {
                    #[expect(unsafe_code, reason = "AVX2 was found on this processor; the function is otherwise safe")]
                    // SAFETY: `use_avx2` is true only where the processor reports AVX2.
                    return unsafe { avx2 $(::<$g>)? ($($arg),*) };
                }
            }
            body $(::<$g>)? ($($arg),*)
        }
    };
}
pub(crate) use multiversion;

/// Eight f32.
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(32))]
pub(crate) struct F32x8(pub(crate) [f32; 8]);

/// Eight u32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(32))]
pub(crate) struct U32x8(pub(crate) [u32; 8]);

macro_rules! lanewise {
    ($type:ident, $trait:ident, $method:ident, |$a:ident, $b:ident| $expr:expr) => {
        impl $trait for $type {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let mut out = self;
                for l in 0..8 {
                    let ($a, $b) = (self.0[l], other.0[l]);
                    out.0[l] = $expr;
                }
                out
            }
        }
    };
}
lanewise!(F32x8, Add, add, |a, b| a + b);
lanewise!(F32x8, Sub, sub, |a, b| a - b);
lanewise!(F32x8, Mul, mul, |a, b| a * b);
lanewise!(F32x8, Div, div, |a, b| a / b);
lanewise!(U32x8, Add, add, |a, b| a.wrapping_add(b));
lanewise!(U32x8, BitAnd, bitand, |a, b| a & b);
lanewise!(U32x8, BitOr, bitor, |a, b| a | b);
lanewise!(U32x8, BitXor, bitxor, |a, b| a ^ b);

impl Not for U32x8 {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        self.map(|x| !x)
    }
}

impl F32x8 {
    pub(crate) const ZERO: Self = Self([0.0; 8]);

    /// All lanes `x`.
    #[inline(always)]
    pub(crate) fn splat(x: f32) -> Self {
        Self([x; 8])
    }

    /// `f` in every lane.
    #[inline(always)]
    pub(crate) fn map(self, f: impl Fn(f32) -> f32) -> Self {
        let mut out = self;
        for lane in &mut out.0 {
            *lane = f(*lane);
        }
        out
    }

    /// Eight values from the start of `slice`.
    #[inline(always)]
    pub(crate) fn load(slice: &[f32]) -> Self {
        let mut out = Self::ZERO;
        out.0.copy_from_slice(&slice[..8]);
        out
    }

    /// Writes the lanes to the start of `slice`.
    #[inline(always)]
    pub(crate) fn store(self, slice: &mut [f32]) {
        slice[..8].copy_from_slice(&self.0);
    }

    /// Sum of the lanes, pairwise in a fixed order.
    #[inline(always)]
    pub(crate) fn sum(self) -> f32 {
        let a = self.0;
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }

    /// eˣ to 2 units in the last place over (−87, 88), clamped beyond.
    ///
    /// x = n ln 2 + r, |r| ≤ ln 2 / 2, with ln 2 split in two words (Cody and Waite 1980); Taylor terms to r⁷/7!
    /// leave 2⁻³⁰ relative, so rounding rules.
    #[inline(always)]
    pub(crate) fn exp(self) -> Self {
        self.map(|x| {
            let x = x.clamp(-87.0, 88.0);
            // Adding and taking away 1.5 · 2²³ rounds to the nearest integer.
            let n = (x * std::f32::consts::LOG2_E + 12_582_912.0) - 12_582_912.0;
            let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
            let p = 1.0 / 5040.0;
            let p = p * r + 1.0 / 720.0;
            let p = p * r + 1.0 / 120.0;
            let p = p * r + 1.0 / 24.0;
            let p = p * r + 1.0 / 6.0;
            let p = p * r + 0.5;
            let p = (p * r) * r + r + 1.0;
            // 127 + n as an integer: exact in f32, and positive for the clamped range.
            let biased = (n + (12_582_912.0 + 127.0)).to_bits() << 23;
            p * f32::from_bits(biased)
        })
    }

    /// 1 / (1 + e^{−x}).
    #[inline(always)]
    pub(crate) fn sigmoid(self) -> Self {
        let one = Self::splat(1.0);
        one / (one + self.map(|x| -x).exp())
    }

    /// ln(1 + eˣ) = max(x, 0) + 2 artanh(z / (2 + z)), z = e^{−|x|}; the series to s¹⁵ leaves 2⁻²⁶ relative.
    #[inline(always)]
    pub(crate) fn softplus(self) -> Self {
        let z = self.map(|x| -x.abs()).exp();
        let s = z / (z + Self::splat(2.0));
        let q = s * s;
        let series = q.map(|q| {
            let p = 1.0 / 15.0;
            let p = p * q + 1.0 / 13.0;
            let p = p * q + 1.0 / 11.0;
            let p = p * q + 1.0 / 9.0;
            let p = p * q + 1.0 / 7.0;
            let p = p * q + 1.0 / 5.0;
            let p = p * q + 1.0 / 3.0;
            p * q + 1.0
        });
        self.map(|x| x.max(0.0)) + (s + s) * series
    }
}

impl U32x8 {
    pub(crate) const ZERO: Self = Self([0; 8]);

    /// All lanes `x`.
    #[inline(always)]
    pub(crate) fn splat(x: u32) -> Self {
        Self([x; 8])
    }

    /// `f` in every lane.
    #[inline(always)]
    pub(crate) fn map(self, f: impl Fn(u32) -> u32) -> Self {
        let mut out = self;
        for lane in &mut out.0 {
            *lane = f(*lane);
        }
        out
    }

    /// `first`, `first + 1`, …
    #[inline(always)]
    pub(crate) fn count_from(first: u32) -> Self {
        let mut out = Self::splat(first);
        for (l, lane) in out.0.iter_mut().enumerate() {
            *lane = lane.wrapping_add(l as u32);
        }
        out
    }

    /// Whether any bit of any lane is set.
    #[inline(always)]
    pub(crate) fn any(self) -> bool {
        self.0.iter().fold(0, |all, lane| all | lane) != 0
    }

    /// Bitwise OR of all lanes.
    #[inline(always)]
    pub(crate) fn or_lanes(self) -> u32 {
        let a = self.0;
        ((a[0] | a[4]) | (a[2] | a[6])) | ((a[1] | a[5]) | (a[3] | a[7]))
    }
}

/// Eight Philox4x32-10 blocks at once; the same bits as [`crate::rng::philox`] lane by lane.
#[inline(always)]
pub(crate) fn philox(counter: [U32x8; 4], key: [u32; 2]) -> [U32x8; 4] {
    #[inline(always)]
    fn wide(a: U32x8, m: u32) -> (U32x8, U32x8) {
        let (mut high, mut low) = (U32x8::ZERO, U32x8::ZERO);
        for l in 0..8 {
            let product = u64::from(a.0[l]) * u64::from(m);
            high.0[l] = (product >> 32) as u32;
            low.0[l] = product as u32;
        }
        (high, low)
    }
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let (high0, low0) = wide(c0, 0xD251_1F53);
        let (high1, low1) = wide(c2, 0xCD9E_8D57);
        (c0, c1, c2, c3) = (high1 ^ c1 ^ U32x8::splat(k0), low1, high0 ^ c3 ^ U32x8::splat(k1), low0);
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
    }
    [c0, c1, c2, c3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_lanes_equal_the_scalar_generator() {
        let counter = [U32x8::count_from(16), U32x8::splat(7), U32x8::splat(3), U32x8::count_from(99)];
        let blocks = philox(counter, [1, 2]);
        for l in 0..8u32 {
            let expected = crate::rng::philox([16 + l, 7, 3, 99 + l], [1, 2]);
            for (q, word) in expected.into_iter().enumerate() {
                assert_eq!(blocks[q].0[l as usize], word);
            }
        }
    }

    #[test]
    fn exp_and_softplus_keep_their_stated_errors() {
        let (mut worst_exp, mut worst_softplus) = (0.0f64, 0.0f64);
        for k in -8600..8700 {
            let x = k as f32 * 0.01 + 0.003;
            let exact = f64::from(x).exp();
            worst_exp = worst_exp.max((f64::from(F32x8::splat(x).exp().0[0]) / exact - 1.0).abs());
            let exact = crate::numerics::softplus(f64::from(x));
            worst_softplus = worst_softplus.max((f64::from(F32x8::splat(x).softplus().0[0]) / exact - 1.0).abs());
        }
        // One unit in the last place is between 2⁻²⁴ and 2⁻²³ relative.
        assert!(worst_exp < 2.0 * 2f64.powi(-23), "exp is off by {worst_exp:e}");
        assert!(worst_softplus < 4.0 * 2f64.powi(-23), "softplus is off by {worst_softplus:e}");
    }
}
