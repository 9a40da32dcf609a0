//! 32 neighbouring units, the columns of one packed word, in plain Rust that the compiler turns into vector instructions.
//!
//! Kernels are written once over [`Tile`] and compiled three times by [`kernel!`]: for AVX-512, for AVX2, chosen at run
//! time, and for the baseline of the target. No operation is contracted or reordered between them, so all give the same
//! bits; `GIBBSITE_PORTABLE=1` and `GIBBSITE_AVX2=1` in the environment force a lesser one, and a test compares them.
//! Every function that a kernel calls must be inlined into it, or it is compiled for the baseline: `#[inline(always)]`.
//!
//! `unsafe` here is the call of a function compiled for instructions that the processor was asked for, and the one
//! operation for which the compiler finds no good instruction by itself: 32 comparisons that become a word.

/// Values of 32 neighbouring units.
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Tile(pub(crate) [f32; 32]);

/// Units of a tile.
pub(crate) const TILE: usize = 32;

impl Tile {
    pub(crate) const ZERO: Self = Self([0.0; TILE]);

    /// Adds unit by unit.
    #[inline(always)]
    pub(crate) fn add(&mut self, other: &Self) {
        for k in 0..TILE {
            self.0[k] += other.0[k];
        }
    }

    /// Keeps the first `count` units and sets the others to zero.
    #[inline(always)]
    pub(crate) fn keep(&mut self, count: usize) {
        if count < TILE {
            for k in 0..TILE {
                self.0[k] = if k < count { self.0[k] } else { 0.0 };
            }
        }
    }

    /// Sum of the units, pairwise in a fixed order.
    #[inline(always)]
    pub(crate) fn sum(&self) -> f32 {
        let mut half = [0.0f32; 16];
        for (k, sum) in half.iter_mut().enumerate() {
            *sum = self.0[k] + self.0[k + 16];
        }
        let mut quarter = [0.0f32; 8];
        for (k, sum) in quarter.iter_mut().enumerate() {
            *sum = half[k] + half[k + 8];
        }
        let a = quarter;
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }
}

/// The instructions that a version of a kernel is compiled for.
pub(crate) trait Instructions {
    /// Word whose bit k is `a[k] < b[k]`.
    fn less(a: Tile, b: Tile) -> u32;
}

/// What every processor of the target has.
pub(crate) struct Baseline;

impl Instructions for Baseline {
    #[inline(always)]
    fn less(a: Tile, b: Tile) -> u32 {
        let mut word = 0;
        for k in 0..TILE {
            word |= u32::from(a.0[k] < b.0[k]) << k;
        }
        word
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions are named where the compiler does not find them")]
pub(crate) mod x86 {
    use std::arch::x86_64::{
        _CMP_LT_OQ, _mm256_cmp_ps, _mm256_load_ps, _mm256_movemask_ps, _mm512_cmp_ps_mask, _mm512_load_ps,
    };

    use super::{Instructions, Tile};

    /// AVX2; named only by kernels that run after it was found.
    pub(crate) struct Avx2;

    /// AVX-512 F and VL; named only by kernels that run after they were found.
    pub(crate) struct Avx512;

    impl Instructions for Avx2 {
        #[inline(always)]
        fn less(a: Tile, b: Tile) -> u32 {
            let mut word = 0;
            for q in 0..4 {
                let (a, b) = (&a.0[8 * q..][..8], &b.0[8 * q..][..8]);
                // SAFETY: AVX2 was found; eight values are there, at a multiple of 32 bytes because a tile is aligned.
                let mask = unsafe {
                    let (a, b) = (_mm256_load_ps(a.as_ptr()), _mm256_load_ps(b.as_ptr()));
                    _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b))
                };
                word |= mask.cast_unsigned() << (8 * q);
            }
            word
        }
    }

    impl Instructions for Avx512 {
        #[inline(always)]
        fn less(a: Tile, b: Tile) -> u32 {
            let mut word = 0;
            for q in 0..2 {
                let (a, b) = (&a.0[16 * q..][..16], &b.0[16 * q..][..16]);
                // SAFETY: AVX-512 F was found; 16 values are there, at a multiple of 64 bytes because a tile is aligned.
                let mask =
                    unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(_mm512_load_ps(a.as_ptr()), _mm512_load_ps(b.as_ptr())) };
                word |= u32::from(mask) << (16 * q);
            }
            word
        }
    }
}

/// Defines a function whose body, generic over [`Instructions`], is compiled for the instructions the processor may have.
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$set:ident>($($arg:ident : $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "a kernel's inputs, each of its own kind")]
        $vis fn $name($($arg : $ty),*) {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "as above")]
            fn body<$set: $crate::backend::cpu::tile::Instructions>($($arg : $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                use $crate::backend::cpu::tile::x86::{Avx2, Avx512};
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn avx2($($arg : $ty),*) {
                    body::<Avx2>($($arg),*);
                }
                #[target_feature(enable = "avx2,avx512f,avx512vl")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn avx512($($arg : $ty),*) {
                    body::<Avx512>($($arg),*);
                }
                if $crate::backend::cpu::word::use_avx512() {
                    #[expect(unsafe_code, reason = "AVX-512 was found on this processor; the function is otherwise safe")]
                    // SAFETY: `use_avx512` is true only where the processor reports AVX2 and AVX-512 F and VL.
                    return unsafe { avx512($($arg),*) };
                }
                if $crate::backend::cpu::lanes::use_avx2() {
                    #[expect(unsafe_code, reason = "AVX2 was found on this processor; the function is otherwise safe")]
                    // SAFETY: `use_avx2` is true only where the processor reports AVX2.
                    return unsafe { avx2($($arg),*) };
                }
            }
            body::<$crate::backend::cpu::tile::Baseline>($($arg),*);
        }
    };
}
pub(crate) use kernel;

#[cfg(test)]
mod tests {
    use super::*;

    kernel! {
        fn best<S>(a: &Tile, b: &Tile, out: &mut u32) {
            *out = S::less(*a, *b);
        }
    }

    #[test]
    fn every_unit_is_compared_at_its_own_place() {
        for pattern in [0u32, 1, 1 << 31, 0x8001_4002, u32::MAX] {
            let mut a = Tile::ZERO;
            for k in 0..TILE {
                a.0[k] = if pattern >> k & 1 == 1 { -1.0 } else { k as f32 };
            }
            let mut word = !pattern;
            best(&a, &Tile::ZERO, &mut word);
            assert_eq!((word, Baseline::less(a, Tile::ZERO)), (pattern, pattern));
        }
        let mut word = 1;
        best(&Tile([f32::NAN; TILE]), &Tile([1.0; TILE]), &mut word);
        assert_eq!(word, 0, "NaN is less than nothing");
    }
}
