//! Eight lanes at a time, in plain Rust that the compiler turns into vector instructions.
//!
//! Kernels are written once over [`U32x8`] and compiled twice by [`multiversion!`]: for AVX2, chosen at
//! run time, and for the baseline of the target. No operation is contracted or reordered between the two, so both give
//! the same bits; `GIBBSITE_PORTABLE=1` in the environment forces the second, and a test compares them.
//!
//! This module holds the only `unsafe` of the CPU backend: the call of a function compiled for AVX2, made only after
//! the processor was asked for it.

use std::ops::{Add, BitAnd, BitOr, BitXor, Not};
use std::sync::OnceLock;

/// Whether kernels run their AVX2 version, which may fuse multiplications and additions too.
pub(crate) fn use_avx2() -> bool {
    static CHOICE: OnceLock<bool> = OnceLock::new();
    *CHOICE.get_or_init(|| std::env::var_os("GIBBSITE_PORTABLE").is_none() && has_avx2())
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
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
}
