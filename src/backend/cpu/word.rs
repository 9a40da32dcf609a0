//! Words of 256 lanes of one bit for the Ising kernels: the same bits in plain Rust, with AVX2 and with AVX-512.
//!
//! These kernels are long chains of logic on eight 32-bit numbers, which the compiler's own vectoriser takes apart in
//! places; so the instructions are named here. [`dispatch!`] makes the three versions of a kernel and calls the best
//! one the processor has. `GIBBSITE_PORTABLE=1` and `GIBBSITE_AVX2=1` in the environment force a lesser one.
//!
//! `unsafe` is confined to this module: instructions of AVX2 and AVX-512, reached only after the processor was asked.

use std::sync::OnceLock;

use super::lanes::{U32x8, use_avx2};
use crate::rng::{MULTIPLIER, WEYL};

/// 256 bits, or eight 32-bit numbers.
pub(crate) trait Word: Copy {
    /// From memory.
    fn load(from: U32x8) -> Self;
    /// To memory.
    fn store(self) -> U32x8;
    /// self & other.
    fn and(self, other: Self) -> Self;
    /// self | other.
    fn or(self, other: Self) -> Self;
    /// self ⊕ other.
    fn xor(self, other: Self) -> Self;
    /// self & !other.
    fn and_not(self, other: Self) -> Self;
    /// Eight sums mod 2³².
    fn add(self, other: Self) -> Self;
    /// Eight numbers shifted to the left.
    fn shift_left<const N: i32>(self) -> Self;
    /// Eight numbers shifted to the right.
    fn shift_right<const N: i32>(self) -> Self;
    /// Whether any bit is set.
    fn any(self) -> bool;
    /// High and low halves of eight 64-bit products.
    fn multiply(self, factor: u32) -> (Self, Self);

    /// Eight copies of a number.
    #[inline(always)]
    fn splat(x: u32) -> Self {
        Self::load(U32x8::splat(x))
    }

    /// No bit.
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0)
    }

    /// Eight numbers rotated by 21 bits to the left.
    #[inline(always)]
    fn rotate_left_21(self) -> Self {
        self.shift_left::<21>().or(self.shift_right::<11>())
    }

    /// self ⊕ (a & b).
    #[inline(always)]
    fn xor_and(self, a: Self, b: Self) -> Self {
        self.xor(a.and(b))
    }

    /// self | (a & b).
    #[inline(always)]
    fn or_and(self, a: Self, b: Self) -> Self {
        self.or(a.and(b))
    }

    /// Where the bit of self is set that of `yes`, else that of `no`.
    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        no.xor_and(self, no.xor(yes))
    }
}

impl Word for U32x8 {
    #[inline(always)]
    fn load(from: U32x8) -> Self {
        from
    }
    #[inline(always)]
    fn store(self) -> U32x8 {
        self
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        self & !other
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn shift_left<const N: i32>(self) -> Self {
        self.map(|x| x << N)
    }
    #[inline(always)]
    fn shift_right<const N: i32>(self) -> Self {
        self.map(|x| x >> N)
    }
    #[inline(always)]
    fn any(self) -> bool {
        Self::any(self)
    }
    #[inline(always)]
    fn multiply(self, factor: u32) -> (Self, Self) {
        let product = |x: u32| u64::from(x) * u64::from(factor);
        (self.map(|x| (product(x) >> 32) as u32), self.map(|x| product(x) as u32))
    }
}

/// Eight Philox4x32-10 blocks; the same bits as [`crate::rng::philox`] lane by lane.
#[inline(always)]
pub(crate) fn philox<W: Word>(counter: [W; 4], key: [u32; 2]) -> [W; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let (high0, low0) = c0.multiply(MULTIPLIER[0]);
        let (high1, low1) = c2.multiply(MULTIPLIER[1]);
        (c0, c1, c2, c3) = (high1.xor(c1).xor(W::splat(k0)), low1, high0.xor(c3).xor(W::splat(k1)), low0);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    //! The words of AVX2 and AVX-512.
    #![expect(unsafe_code, reason = "instructions by name; a test compares them with plain Rust")]

    use std::arch::x86_64::{
        __m256i, _mm256_add_epi32, _mm256_and_si256, _mm256_andnot_si256, _mm256_blend_epi32, _mm256_mul_epu32,
        _mm256_or_si256, _mm256_rol_epi32, _mm256_set1_epi32, _mm256_slli_epi32, _mm256_slli_epi64, _mm256_srli_epi32,
        _mm256_srli_epi64, _mm256_ternarylogic_epi32, _mm256_testz_si256, _mm256_xor_si256,
    };

    use super::{U32x8, Word};

    /// A word in an AVX2 register.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx2(__m256i);

    /// A word in a register of a processor that has AVX-512 F and VL.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx512(__m256i);

    macro_rules! common {
        ($type:ident) => {
            #[inline(always)]
            fn load(from: U32x8) -> Self {
                Self(bytemuck::cast(from))
            }
            #[inline(always)]
            fn store(self) -> U32x8 {
                bytemuck::cast(self.0)
            }
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                // SAFETY: words of this type are made only by kernels that run after AVX2 was found (`dispatch!`).
                Self(unsafe { _mm256_and_si256(self.0, other.0) })
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                // SAFETY: as in `and`.
                Self(unsafe { _mm256_or_si256(self.0, other.0) })
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                // SAFETY: as in `and`.
                Self(unsafe { _mm256_xor_si256(self.0, other.0) })
            }
            #[inline(always)]
            fn and_not(self, other: Self) -> Self {
                // SAFETY: as in `and`.
                Self(unsafe { _mm256_andnot_si256(other.0, self.0) })
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: as in `and`.
                Self(unsafe { _mm256_add_epi32(self.0, other.0) })
            }
            #[inline(always)]
            fn shift_left<const N: i32>(self) -> Self {
                // SAFETY: as in `and`.
                Self(unsafe { _mm256_slli_epi32::<N>(self.0) })
            }
            #[inline(always)]
            fn shift_right<const N: i32>(self) -> Self {
                // SAFETY: as in `and`.
                Self(unsafe { _mm256_srli_epi32::<N>(self.0) })
            }
            #[inline(always)]
            fn any(self) -> bool {
                // SAFETY: as in `and`.
                (unsafe { _mm256_testz_si256(self.0, self.0) }) == 0
            }
            #[inline(always)]
            fn multiply(self, factor: u32) -> (Self, Self) {
                // SAFETY: as in `and`.
                unsafe {
                    let factor = _mm256_set1_epi32(factor.cast_signed());
                    let even = _mm256_mul_epu32(self.0, factor);
                    let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(self.0), factor);
                    let high = _mm256_blend_epi32::<0xaa>(_mm256_srli_epi64::<32>(even), odd);
                    let low = _mm256_blend_epi32::<0xaa>(even, _mm256_slli_epi64::<32>(odd));
                    (Self(high), Self(low))
                }
            }
        };
    }

    impl Word for Avx2 {
        common!(Avx2);
    }

    impl Word for Avx512 {
        common!(Avx512);

        #[inline(always)]
        fn rotate_left_21(self) -> Self {
            // SAFETY: words of this type are made only by kernels that run after AVX-512 F and VL were found.
            Self(unsafe { _mm256_rol_epi32::<21>(self.0) })
        }
        #[inline(always)]
        fn xor_and(self, a: Self, b: Self) -> Self {
            // SAFETY: as in `rotate_left_21`. The constant is the truth table of x ⊕ (a & b).
            Self(unsafe { _mm256_ternarylogic_epi32::<0x78>(self.0, a.0, b.0) })
        }
        #[inline(always)]
        fn or_and(self, a: Self, b: Self) -> Self {
            // SAFETY: as in `rotate_left_21`. The constant is the truth table of x | (a & b).
            Self(unsafe { _mm256_ternarylogic_epi32::<0xf8>(self.0, a.0, b.0) })
        }
        #[inline(always)]
        fn choose(self, yes: Self, no: Self) -> Self {
            // SAFETY: as in `rotate_left_21`. The constant is the truth table of x ? yes : no.
            Self(unsafe { _mm256_ternarylogic_epi32::<0xca>(self.0, yes.0, no.0) })
        }
    }
}

/// The widest instructions that kernels use on this processor: `AVX-512`, `AVX2` or `portable code`.
#[must_use]
pub fn instruction_set() -> &'static str {
    match (use_avx512(), use_avx2()) {
        (true, _) => "AVX-512",
        (_, true) => "AVX2",
        _ => "portable code",
    }
}

/// Whether the processor has AVX-512 F and VL and nothing forbids their use.
pub(crate) fn use_avx512() -> bool {
    static CHOICE: OnceLock<bool> = OnceLock::new();
    *CHOICE.get_or_init(|| use_avx2() && std::env::var_os("GIBBSITE_AVX2").is_none() && has_avx512())
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

/// Defines `fn name(args)` as `body::<W>(args)` for the best [`Word`] the processor has.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident ($($arg:ident : $ty:ty),* $(,)?) = $body:ident) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::backend::cpu::word::x86::{Avx2, Avx512};
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) {
                    $body::<Avx2>($($arg),*);
                }
                #[target_feature(enable = "avx2,avx512f,avx512vl")]
                fn avx512($($arg: $ty),*) {
                    $body::<Avx512>($($arg),*);
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
            $body::<$crate::backend::cpu::lanes::U32x8>($($arg),*);
        }
    };
}
pub(crate) use dispatch;

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(always)]
    fn everything<W: Word>(input: &[U32x8; 4], out: &mut Vec<U32x8>) {
        let [a, b, c, d] = input.map(W::load);
        let (high, low) = a.multiply(0xd251_1f53);
        let flag = W::splat(u32::from(a.and(b).any()) + 2 * u32::from(a.and_not(a).any()));
        let words = [
            a.and(b),
            a.or(b),
            a.xor(b),
            a.and_not(b),
            a.add(b),
            a.shift_left::<3>(),
            a.shift_right::<9>(),
            high,
            low,
            flag,
            a.rotate_left_21(),
            a.xor_and(b, c),
            a.or_and(b, c),
            a.choose(b, c),
            W::zero(),
        ];
        out.extend(words.map(W::store));
        out.extend(philox([a, b, c, d], [7, 9]).map(W::store));
    }

    dispatch! {
        fn best(input: &[U32x8; 4], out: &mut Vec<U32x8>) = everything
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn with_avx2(input: &[U32x8; 4], out: &mut Vec<U32x8>) {
        everything::<x86::Avx2>(input, out);
    }

    #[test]
    fn all_words_give_the_same_bits() {
        let input = [1u32, 2, 3, 4].map(|k| U32x8::count_from(k).map(|x| x.wrapping_mul(0x9e37_79b9 ^ k << 16)));
        let (mut plain, mut found) = (Vec::new(), Vec::new());
        everything::<U32x8>(&input, &mut plain);
        best(&input, &mut found);
        assert_eq!(plain, found);
        #[cfg(target_arch = "x86_64")]
        if crate::backend::cpu::lanes::use_avx2() {
            found.clear();
            #[expect(unsafe_code, reason = "AVX2 was found on this processor")]
            // SAFETY: `use_avx2` is true only where the processor reports AVX2.
            unsafe {
                with_avx2(&input, &mut found);
            }
            assert_eq!(plain, found);
        }
        let block = &plain[15..];
        for l in 0..8 {
            let scalar = crate::rng::philox(input.map(|word| word.0[l]), [7, 9]);
            assert!((0..4).all(|q| block[q].0[l] == scalar[q]));
        }
    }
}
