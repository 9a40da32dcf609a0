//! Multiplications and additions rounded once for x86-64 without an instruction for them: a tile at a time, in pairs of f64.
//!
//! The product of two f32 is exact in f64, and the sum, rounded there and once more to f32, is what rounding once gives,
//! unless it lies in the middle of two f32 (there the first rounding may have moved it) or is so small that f32 has fewer
//! digits. Both are seen in the bits of the sum and happen to one in 10⁸: then the whole tile is computed anew, number by
//! number, by what rounds once whatever comes.

#![expect(unsafe_code, reason = "functions of instructions that every x86-64 has")]

use std::arch::x86_64::{
    __m128, __m128d, __m128i, _mm_add_pd, _mm_and_si128, _mm_andnot_si128, _mm_castpd_ps, _mm_castps_si128,
    _mm_castsi128_ps, _mm_cmpeq_epi32, _mm_cmplt_epi32, _mm_cvtpd_ps, _mm_cvtps_pd, _mm_max_ps, _mm_min_ps,
    _mm_movehl_ps, _mm_movelh_ps, _mm_movemask_epi8, _mm_mul_pd, _mm_mul_ps, _mm_or_si128, _mm_set1_epi32, _mm_set1_pd,
    _mm_set1_ps, _mm_setzero_si128, _mm_shuffle_ps, _mm_slli_epi32, _mm_sub_ps, _mm_xor_ps,
};

use super::functions::{EXP, MINUS_LN_2, ROUND};
use super::tile::{TILE, Tile};

/// Four numbers as f64.
#[derive(Clone, Copy)]
struct Wide(__m128d, __m128d);

impl Wide {
    #[target_feature(enable = "sse2")]
    #[inline]
    fn new(x: __m128) -> Self {
        Self(_mm_cvtps_pd(x), _mm_cvtps_pd(_mm_movehl_ps(x, x)))
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn all(x: f32) -> Self {
        let x = _mm_set1_pd(f64::from(x));
        Self(x, x)
    }
}

/// Where a result may not be that of rounding once.
struct Doubt(__m128i);

impl Doubt {
    /// a · b + c; `TINY` if the result may be small.
    #[target_feature(enable = "sse2")]
    #[inline]
    fn mul_add<const TINY: bool>(&mut self, a: Wide, b: Wide, c: Wide) -> __m128 {
        let low = _mm_add_pd(_mm_mul_pd(a.0, b.0), c.0);
        let high = _mm_add_pd(_mm_mul_pd(a.1, b.1), c.1);
        let (l, h) = (_mm_castpd_ps(low), _mm_castpd_ps(high));
        // The 29 bits that f32 lacks, all zero but the first.
        let rest = _mm_slli_epi32::<3>(_mm_castps_si128(_mm_shuffle_ps::<0b10_00_10_00>(l, h)));
        self.0 = _mm_or_si128(self.0, _mm_cmpeq_epi32(rest, _mm_set1_epi32(i32::MIN)));
        if TINY {
            let size = _mm_castps_si128(_mm_shuffle_ps::<0b11_01_11_01>(l, h));
            let size = _mm_and_si128(size, _mm_set1_epi32(i32::MAX));
            // Below 2⁻¹²⁶ and not zero.
            let tiny = _mm_cmplt_epi32(size, _mm_set1_epi32(0x3810_0000));
            let zero = _mm_cmpeq_epi32(size, _mm_setzero_si128());
            self.0 = _mm_or_si128(self.0, _mm_andnot_si128(zero, tiny));
        }
        _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high))
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn any(&self) -> bool {
        _mm_movemask_epi8(self.0) != 0
    }
}

/// a · b + c of every unit, or nothing where one is in doubt.
#[inline(always)]
pub(super) fn mul_add(a: &Tile, b: &Tile, c: &Tile) -> Option<Tile> {
    // SAFETY: every x86-64 has SSE2.
    unsafe { mul_add_by_pairs(a, b, c) }
}

/// e^{−x} of every unit as [`super::functions::exp_of_minus`], or nothing where a step of it is in doubt.
#[inline(always)]
pub(super) fn exp_of_minus(x: &Tile) -> Option<Tile> {
    // SAFETY: every x86-64 has SSE2.
    unsafe { exp_of_minus_by_pairs(x) }
}

#[target_feature(enable = "sse2")]
#[inline]
fn mul_add_by_pairs(a: &Tile, b: &Tile, c: &Tile) -> Option<Tile> {
    let [a, b, c]: [[__m128; TILE / 4]; 3] = [bytemuck::cast(a.0), bytemuck::cast(b.0), bytemuck::cast(c.0)];
    let (mut out, mut doubt) = (a, Doubt(_mm_setzero_si128()));
    for q in 0..TILE / 4 {
        out[q] = doubt.mul_add::<true>(Wide::new(a[q]), Wide::new(b[q]), Wide::new(c[q]));
    }
    if doubt.any() { None } else { Some(Tile(bytemuck::cast(out))) }
}

#[target_feature(enable = "sse2")]
#[inline]
fn exp_of_minus_by_pairs(x: &Tile) -> Option<Tile> {
    let x: [__m128; TILE / 4] = bytemuck::cast(x.0);
    let (mut out, mut doubt) = (x, Doubt(_mm_setzero_si128()));
    for q in 0..TILE / 4 {
        // As `clamp`: what is not a number stays so.
        let x = _mm_min_ps(_mm_set1_ps(87.0), _mm_max_ps(_mm_set1_ps(-88.0), x[q]));
        let wide = Wide::new(x);
        let rounded = doubt.mul_add::<false>(wide, Wide::all(-std::f32::consts::LOG2_E), Wide::all(ROUND));
        let n = Wide::new(_mm_sub_ps(rounded, _mm_set1_ps(ROUND)));
        let minus = Wide::new(_mm_xor_ps(x, _mm_set1_ps(-0.0)));
        let r = Wide::new(doubt.mul_add::<true>(n, Wide::all(MINUS_LN_2[1]), minus));
        let r = Wide::new(doubt.mul_add::<true>(n, Wide::all(MINUS_LN_2[0]), r));
        let mut p = Wide::all(EXP[0]);
        let mut last = x;
        for &coefficient in &EXP[1..] {
            last = doubt.mul_add::<false>(p, r, Wide::all(coefficient));
            p = Wide::new(last);
        }
        let power = _mm_castsi128_ps(_mm_slli_epi32::<23>(_mm_castps_si128(rounded)));
        out[q] = _mm_mul_ps(last, power);
    }
    if doubt.any() { None } else { Some(Tile(bytemuck::cast(out))) }
}
