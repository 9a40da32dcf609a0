//! 32 neighbouring units, the columns of one packed word, in plain Rust that the compiler turns into vector instructions.
//!
//! Kernels are written once over [`Tile`] and compiled three times by [`kernel!`]: for AVX-512, for AVX2, chosen at run
//! time, and for the baseline of the target. A multiplication and an addition that are rounded once are so everywhere
//! ([`Instructions::mul_add`]) and no other operation is contracted or reordered, so all give the same bits;
//! `GIBBSITE_PORTABLE=1` and `GIBBSITE_AVX2=1` in the environment force a lesser one, and a test compares them. Every
//! function that a kernel calls must be inlined into it, or it is compiled for the baseline: `#[inline(always)]`.
//!
//! `unsafe` here is the call of a function compiled for instructions that the processor was asked for, and the operations
//! for which the compiler finds no good instruction by itself: 32 comparisons that become a word, sums of a tile, tables of
//! sums, the lower halves of 64-bit numbers, and requests for memory. [`super::pairs`] has the multiply-adds of x86-64
//! without an instruction for them.

use super::functions::exp_of_minus;
#[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
use super::pairs;

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
}

/// The instructions that a version of a kernel is compiled for.
pub(crate) trait Instructions: Sized {
    /// Word whose bit k is `a[k] < b[k]`.
    fn less(a: Tile, b: Tile) -> u32;
    /// Sum of the units: halves are added to each other until one number is left, in this order everywhere.
    fn sum(a: &Tile) -> f32;
    /// a · b + c, rounded once.
    fn mul_add(a: f32, b: f32, c: f32) -> f32;
    /// [`Self::mul_add`] of every unit.
    #[inline(always)]
    fn mul_adds(a: &Tile, b: &Tile, c: &Tile) -> Tile {
        let mut out = *c;
        for k in 0..TILE {
            out.0[k] = Self::mul_add(a.0[k], b.0[k], c.0[k]);
        }
        out
    }
    /// [`exp_of_minus`] of every unit.
    #[inline(always)]
    fn exps_of_minus(x: &Tile) -> Tile {
        let mut out = *x;
        for k in 0..TILE {
            out.0[k] = exp_of_minus::<Self>(x.0[k]);
        }
        out
    }
    /// Lower halves of 32 numbers.
    #[cfg(not(target_arch = "aarch64"))]
    fn lower(numbers: &[Lanes; 4]) -> [u32; TILE];
    /// Asks for a tile that will be read soon.
    #[inline(always)]
    fn fetch(tile: &Tile) {
        let _ = tile;
    }
    /// Writes the sums of all selections of `rows` to the `1 << N` tiles of `table`: entry e is entry e without its top bit
    /// plus that bit's row.
    #[inline(always)]
    fn tabulate<const N: usize>(table: &mut [Tile], rows: &[Tile; N]) {
        table[0] = Tile::ZERO;
        for (bit, row) in rows.iter().enumerate() {
            let row = *row;
            let (low, high) = table.split_at_mut(1 << bit);
            for (low, high) in low.iter().zip(high) {
                let mut sum = *low;
                sum.add(&row);
                *high = sum;
            }
        }
    }
}

/// One 64-bit number for each of eight blocks of random words.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Lanes(pub(crate) [u64; 8]);

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
    #[inline(always)]
    fn sum(a: &Tile) -> f32 {
        let mut sums = a.0;
        for half in [16, 8, 4, 2, 1] {
            for k in 0..half {
                sums[k] += sums[k + half];
            }
        }
        sums[0]
    }
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        if cfg!(any(target_feature = "fma", target_arch = "aarch64")) { a.mul_add(b, c) } else { fused(a, b, c) }
    }
    #[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
    #[inline(always)]
    fn mul_adds(a: &Tile, b: &Tile, c: &Tile) -> Tile {
        pairs::mul_add(a, b, c).unwrap_or_else(|| Tile(std::array::from_fn(|k| fused(a.0[k], b.0[k], c.0[k]))))
    }
    #[cfg(all(target_arch = "x86_64", not(target_feature = "fma")))]
    #[inline(always)]
    fn exps_of_minus(x: &Tile) -> Tile {
        pairs::exp_of_minus(x).unwrap_or_else(|| Tile(x.0.map(exp_of_minus::<Self>)))
    }
    #[cfg(not(target_arch = "aarch64"))]
    #[inline(always)]
    fn lower(numbers: &[Lanes; 4]) -> [u32; TILE] {
        std::array::from_fn(|k| numbers[k / 8].0[k % 8] as u32)
    }
}

/// a · b + c, rounded once, where there is no instruction for it.
///
/// The product of two f32 is exact in f64. The sum is rounded to odd there (Boldo and Melquiond, "Emulation of a FMA and
/// correctly rounded sums", 2008): where it is not exact, to the neighbour whose last bit is set, so that rounding it once
/// more, to f32, is as good as rounding the exact sum.
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    let part = sum - product;
    let rest = (product - (sum - part)) + (c - part);
    // A rest that is not a number is that of an infinite sum. Towards zero is down in the bits, whatever the sign.
    let inexact = u64::from(rest.abs() > 0.0);
    let beyond = (rest.to_bits() ^ sum.to_bits()) >> 63 & inexact;
    f64::from_bits((sum.to_bits() - beyond) | inexact) as f32
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "instructions are named where the compiler does not find them")]
pub(crate) mod x86 {
    use std::arch::x86_64::{
        __m256, __m512i, _CMP_LT_OQ, _MM_HINT_T1, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehdup_ps,
        _mm_movehl_ps, _mm_prefetch, _mm256_add_ps, _mm256_castps256_ps128, _mm256_cmp_ps, _mm256_extractf128_ps,
        _mm256_load_ps, _mm256_movemask_ps, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_load_ps, _mm512_load_si512,
        _mm512_permutex2var_epi32, _mm512_store_ps, _mm512_storeu_si512,
    };

    use super::{Instructions, Lanes, TILE, Tile};

    /// AVX2 and FMA; named only by kernels that run after they were found.
    pub(crate) struct Avx2;

    /// AVX-512 F and VL; named only by kernels that run after they were found.
    pub(crate) struct Avx512;

    /// Asks for a tile, as far as the second-level cache: tables fill the first.
    #[inline(always)]
    fn fetch(tile: &Tile) {
        for line in tile.0.chunks_exact(16) {
            // SAFETY: x86-64 has the instruction, and it touches no memory that the program sees.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast::<i8>()) };
        }
    }

    /// Sum of eight numbers, halves first.
    ///
    /// # Safety
    /// The processor must have AVX.
    #[inline(always)]
    unsafe fn sum_of_eight(a: __m256) -> f32 {
        // SAFETY: the caller found AVX.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    /// Sum of a tile, halves first.
    #[inline(always)]
    fn sum(a: &Tile) -> f32 {
        // SAFETY: this is reached through `Avx2` or `Avx512`, so AVX2 was found; four times eight values are there, at
        // multiples of 32 bytes because a tile is aligned.
        unsafe {
            let part = |q: usize| _mm256_load_ps(a.0[8 * q..][..8].as_ptr());
            sum_of_eight(_mm256_add_ps(_mm256_add_ps(part(0), part(2)), _mm256_add_ps(part(1), part(3))))
        }
    }

    impl Instructions for Avx2 {
        #[inline(always)]
        fn fetch(tile: &Tile) {
            fetch(tile);
        }
        #[inline(always)]
        fn mul_add(a: f32, b: f32, c: f32) -> f32 {
            a.mul_add(b, c)
        }
        #[inline(always)]
        fn lower(numbers: &[Lanes; 4]) -> [u32; TILE] {
            std::array::from_fn(|k| numbers[k / 8].0[k % 8] as u32)
        }
        #[inline(always)]
        fn sum(a: &Tile) -> f32 {
            sum(a)
        }
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

    /// Places of the even halves of two vectors.
    #[repr(C, align(64))]
    struct Places([u32; 16]);
    const EVEN: Places = Places([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]);

    impl Instructions for Avx512 {
        #[inline(always)]
        fn fetch(tile: &Tile) {
            fetch(tile);
        }
        #[inline(always)]
        fn mul_add(a: f32, b: f32, c: f32) -> f32 {
            a.mul_add(b, c)
        }
        #[inline(always)]
        fn lower(numbers: &[Lanes; 4]) -> [u32; TILE] {
            let mut out = [0u32; TILE];
            for (pair, out) in numbers.chunks_exact(2).zip(out.chunks_exact_mut(16)) {
                // SAFETY: AVX-512 F was found; 64 bytes are there to be read, at multiples of 64 because the types are
                // aligned, and 64 bytes to be written.
                unsafe {
                    let load = |from: *const u64| _mm512_load_si512(from.cast::<__m512i>());
                    let even = _mm512_load_si512(EVEN.0.as_ptr().cast::<__m512i>());
                    let halves = _mm512_permutex2var_epi32(load(pair[0].0.as_ptr()), even, load(pair[1].0.as_ptr()));
                    _mm512_storeu_si512(out.as_mut_ptr().cast::<__m512i>(), halves);
                }
            }
            out
        }
        // Without a loop, and sums in two registers: left to itself, the compiler takes vectors across tiles.
        #[inline(always)]
        fn tabulate<const N: usize>(table: &mut [Tile], rows: &[Tile; N]) {
            let table = &mut table[..1 << N];
            table[0] = Tile::ZERO;
            for (bit, row) in rows.iter().enumerate() {
                // SAFETY: AVX-512 F was found; a tile has twice 16 values, at multiples of 64 bytes because it is aligned.
                let (a, b) = unsafe { (_mm512_load_ps(row.0.as_ptr()), _mm512_load_ps(row.0[16..].as_ptr())) };
                for e in 0..1 << bit {
                    let (from, to) = (table[e].0.as_ptr(), table[e + (1 << bit)].0.as_mut_ptr());
                    // SAFETY: as above; both are tiles of the table.
                    unsafe {
                        _mm512_store_ps(to, _mm512_add_ps(_mm512_load_ps(from), a));
                        _mm512_store_ps(to.add(16), _mm512_add_ps(_mm512_load_ps(from.add(16)), b));
                    }
                }
            }
        }
        #[inline(always)]
        fn sum(a: &Tile) -> f32 {
            sum(a)
        }
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
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn avx2($($arg : $ty),*) {
                    body::<Avx2>($($arg),*);
                }
                #[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn avx512($($arg : $ty),*) {
                    body::<Avx512>($($arg),*);
                }
                if $crate::backend::cpu::word::use_avx512() {
                    #[expect(unsafe_code, reason = "AVX-512 was found on this processor; the function is otherwise safe")]
                    // SAFETY: `use_avx512` is true only where the processor reports AVX2, FMA and AVX-512 F and VL.
                    return unsafe { avx512($($arg),*) };
                }
                if $crate::backend::cpu::lanes::use_avx2() {
                    #[expect(unsafe_code, reason = "AVX2 was found on this processor; the function is otherwise safe")]
                    // SAFETY: `use_avx2` is true only where the processor reports AVX2 and FMA.
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
    use crate::rng::{Stream, unit_word};

    kernel! {
        fn best<S>(a: &Tile, b: &Tile, out: &mut u32) {
            *out = S::less(*a, *b);
        }
    }

    kernel! {
        fn best_sum<S>(a: &Tile, out: &mut f32) {
            *out = S::sum(a);
        }
    }

    #[test]
    fn sums_are_the_same_to_the_last_bit() {
        let tile = Tile(std::array::from_fn(|k| 1.0 / (k as f32 - 7.3)));
        let mut sum = 0.0;
        best_sum(&tile, &mut sum);
        assert_eq!(sum.to_bits(), Baseline::sum(&tile).to_bits());
        let exact: f64 = tile.0.iter().map(|&x| f64::from(x)).sum();
        let size: f64 = tile.0.iter().map(|&x| f64::from(x.abs())).sum();
        assert!((f64::from(sum) - exact).abs() <= 5.0 * 2f64.powi(-24) * size, "five additions to each");
    }

    /// Sums 2⁻⁶⁰ of their size below or above the middle of two f32, of which the farther one is even: rounded to f64 they
    /// are in the middle. The last one is smaller than 2⁻¹²⁶.
    const BESIDE_THE_MIDDLE: [[f32; 3]; 3] = {
        const LITTLE: f32 = 1.0 / 262_144.0;
        const HALF: f32 = f32::EPSILON / 2.0;
        [
            [1.0 + LITTLE, HALF * (1.0 - LITTLE), 1.0 + f32::EPSILON],
            [-1.0 - LITTLE, HALF * (1.0 - LITTLE), 1.0 + f32::EPSILON],
            [
                (1.0 + LITTLE) * f32::from_bits(52 << 23),
                (1.0 - LITTLE) * f32::from_bits(52 << 23),
                f32::from_bits(0x0040_0001),
            ],
        ]
    };

    /// Random operands, and ones whose sum lies next to the middle of two f32, where rounding twice goes wrong.
    #[test]
    fn the_fused_operation_is_rounded_once() {
        let word = |k: u32| unit_word(1, Stream::Sequence, 0, 0, k);
        let mut twice = 0;
        for k in 0..200_000 {
            let [a, b, c] = [0, 1, 2].map(|i| f32::from_bits(word(3 * k + i)));
            let near = -a * b * (1.0 + word(k) as f32 / 4e9);
            for c in [c, near, b] {
                let (found, expected) = (fused(a, b, c), a.mul_add(b, c));
                assert!(found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(), "{a} {b} {c}");
            }
        }
        for k in 0..1000 {
            // 1 + 2⁻²⁴ + 2⁻⁶⁰: the middle of two f32 and a little more.
            let (a, b, c) = (1.0 + k as f32 * 2f32.powi(-12), 2f32.powi(-24) * (1.0 + 2f32.powi(-12)), 1.0);
            for (a, b, c) in
                [(a, b, c), (-a, b, -c), (a, -b, c), (2f32.powi(-30), 2f32.powi(-30), 1.0 + 2f32.powi(-23))]
            {
                assert_eq!(fused(a, b, c).to_bits(), a.mul_add(b, c).to_bits(), "{a} {b} {c}");
                twice += u32::from(a.mul_add(b, c) != (f64::from(a) * f64::from(b) + f64::from(c)) as f32);
            }
        }
        for [a, b, c] in BESIDE_THE_MIDDLE {
            assert_eq!(fused(a, b, c).to_bits(), a.mul_add(b, c).to_bits(), "{a} {b} {c}");
            assert!(
                a.mul_add(b, c) != (f64::from(a) * f64::from(b) + f64::from(c)) as f32,
                "{a} {b} {c} is no example"
            );
        }
        let tiny = 2f32.powi(-24);
        let (a, b, c) = (tiny, 1.0 + 2f32.powi(-23), 1.0);
        assert_eq!(fused(a, b, c), a.mul_add(b, c));
        assert!(fused(f32::INFINITY, 1.0, 0.0) == f32::INFINITY && fused(f32::MAX, 2.0, 1.0) == f32::INFINITY);
        assert!(fused(f32::NAN, 1.0, 0.0).is_nan() && twice < 4000);
    }

    /// A tile at a time too, doubtful ones among the others: random bits, results next to the middle of two f32 and tiny ones.
    #[test]
    fn tiles_are_rounded_once() {
        let word = |k: usize| f32::from_bits(unit_word(2, Stream::Sequence, 0, 0, k as u32));
        let number = |k: usize| word(k).to_bits() as f32 * 2f32.powi(-32) - 0.5;
        for t in 0..4000 {
            let at = |i: usize| move |k: usize| 96 * t + 32 * i + k;
            let mut abc = [0, 1, 2].map(|i| Tile(std::array::from_fn(|k| number(at(i)(k)))));
            let unit = t / 4 % TILE;
            let odd = match t % 4 {
                0 => [0, 1, 2].map(|i| word(at(i)(unit))),
                near => BESIDE_THE_MIDDLE[near - 1],
            };
            for (tile, odd) in abc.iter_mut().zip(odd) {
                tile.0[unit] = odd;
            }
            let [a, b, c] = &abc;
            let found = Baseline::mul_adds(a, b, c);
            for k in 0..TILE {
                let expected = a.0[k].mul_add(b.0[k], c.0[k]);
                let found = found.0[k];
                assert!(
                    found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
                    "{} {} {}",
                    a.0[k],
                    b.0[k],
                    c.0[k]
                );
            }
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
