//! Random words of the 32 units of a tile, chain after chain.
//!
//! The same bits as [`crate::rng::unit_word`]. Of the address (unit, step, stream, chain) only the chain changes from row
//! to row, and it enters Philox in one of four words: 4 of the 20 multiplications do not depend on it and are done once.
//! A block's state is kept in 64-bit lanes with rubbish above bit 32, which the next multiplication does not see, so that
//! a round is two multiplications, two shifts and two ⊕ of three for as many blocks as a vector has lanes. What is made
//! beforehand has rubbish there too: were it known to be clean, the masks that stand for "the lower half" would be taken
//! away as superfluous, and the multiplication of halves be no longer recognised as the one instruction it is.

use super::tile::{Instructions, Lanes};
use crate::rng::{MULTIPLIER, WEYL};

const LOW: u64 = 0xFFFF_FFFF;
const M: [u64; 2] = [MULTIPLIER[0] as u64, MULTIPLIER[1] as u64];

/// Philox for one tile, step and stream, evaluated as far as the chain does not matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TileNumbers {
    /// Third word after the first round, before the chain is joined to it.
    first: Lanes,
    /// First and second word after the third round, without what the chain adds.
    third: [Lanes; 2],
    /// Parts of the first word after the second round and of the third after the third, equal for all units.
    shared: [u64; 2],
    keys: [[u64; 2]; 10],
}

impl TileNumbers {
    /// Numbers of tile `tile` at this address.
    #[inline(always)]
    pub(crate) fn new(tile: usize, step: u32, stream: u32, key: [u32; 2]) -> Self {
        let mut keys = [[0; 2]; 10];
        for (round, keys) in keys.iter_mut().enumerate() {
            for (q, k) in keys.iter_mut().enumerate() {
                *k = u64::from(key[q].wrapping_add(WEYL[q].wrapping_mul(round as u32)));
            }
        }
        let of_stream = M[1] * u64::from(stream);
        let of_step = M[0] * ((of_stream >> 32) ^ u64::from(step) ^ keys[0][0]);
        let (mut first, mut third) = (Lanes([0; 8]), [Lanes([0; 8]); 2]);
        for l in 0..8 {
            let of_unit = M[0] * (8 * tile as u64 + l as u64);
            first.0[l] = of_unit.rotate_right(32) ^ keys[0][1];
            let both = M[1] * (((of_step >> 32) ^ of_unit ^ keys[1][1]) & LOW);
            third[0].0[l] = both.rotate_right(32) ^ keys[2][0];
            third[1].0[l] = both;
        }
        Self { first, third, shared: [of_stream ^ keys[1][0], of_step ^ keys[2][1]], keys }
    }

    /// Words of the 32 units for `chain`.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    pub(crate) fn draw<S: Instructions>(&self, chain: u32) -> [u32; 32] {
        neon::draw(self, chain)
    }

    /// Words of the 32 units for `chain`.
    #[cfg(not(target_arch = "aarch64"))]
    #[inline(always)]
    pub(crate) fn draw<S: Instructions>(&self, chain: u32) -> [u32; 32] {
        let mut out = [Lanes([0; 8]); 4];
        for l in 0..8 {
            let of_chain = M[1] * ((self.first.0[l] ^ u64::from(chain)) & LOW);
            let next = M[0] * (((of_chain >> 32) ^ self.shared[0]) & LOW);
            let mut c = [self.third[0].0[l] ^ of_chain, self.third[1].0[l], (next >> 32) ^ self.shared[1], next];
            for k in &self.keys[3..] {
                let (p, q) = (M[0] * (c[0] & LOW), M[1] * (c[2] & LOW));
                c = [(q >> 32) ^ c[1] ^ k[0], q, (p >> 32) ^ c[3] ^ k[1], p];
            }
            for (out, word) in out.iter_mut().zip(c) {
                out.0[l] = word;
            }
        }
        S::lower(&out)
    }
}

/// The same with the 32-bit halves in vectors of their own: left to itself, the compiler multiplies number by number here.
#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "functions of instructions that every aarch64 has, and four words at a time in memory")]
mod neon {
    use std::arch::aarch64::{
        uint32x4_t, vdupq_n_u32, veorq_u32, vget_low_u32, vld1q_u32, vmull_high_n_u32, vmull_n_u32,
        vreinterpretq_u32_u64, vst1q_u32, vuzp1q_u32, vuzp2q_u32,
    };

    use super::{Lanes, TileNumbers};
    use crate::rng::MULTIPLIER;

    #[inline(always)]
    pub(super) fn draw(numbers: &TileNumbers, chain: u32) -> [u32; 32] {
        // SAFETY: every aarch64 of this target has NEON.
        unsafe { four_at_a_time(numbers, chain) }
    }

    /// Low and high halves of four products.
    #[target_feature(enable = "neon")]
    #[inline]
    fn multiply(x: uint32x4_t, factor: u32) -> [uint32x4_t; 2] {
        let first = vreinterpretq_u32_u64(vmull_n_u32(vget_low_u32(x), factor));
        let second = vreinterpretq_u32_u64(vmull_high_n_u32(x, factor));
        [vuzp1q_u32(first, second), vuzp2q_u32(first, second)]
    }

    /// Low halves of four lanes.
    #[target_feature(enable = "neon")]
    #[inline]
    fn low(lanes: &Lanes, first: usize) -> uint32x4_t {
        let words: &[u32; 16] = bytemuck::cast_ref(&lanes.0);
        let from = &words[2 * first..][..8];
        // SAFETY: eight words are there.
        unsafe { vuzp1q_u32(vld1q_u32(from.as_ptr()), vld1q_u32(from[4..].as_ptr())) }
    }

    #[target_feature(enable = "neon")]
    #[inline]
    fn four_at_a_time(numbers: &TileNumbers, chain: u32) -> [u32; 32] {
        let xor = |a, b| veorq_u32(a, b);
        let all = |x: u64| vdupq_n_u32(x as u32);
        let mut out = [0; 32];
        for first in [0, 4] {
            let [of_chain, high] = multiply(xor(low(&numbers.first, first), vdupq_n_u32(chain)), MULTIPLIER[1]);
            let [next, next_high] = multiply(xor(high, all(numbers.shared[0])), MULTIPLIER[0]);
            let mut c = [
                xor(low(&numbers.third[0], first), of_chain),
                low(&numbers.third[1], first),
                xor(next_high, all(numbers.shared[1])),
                next,
            ];
            for k in &numbers.keys[3..] {
                let (p, q) = (multiply(c[0], MULTIPLIER[0]), multiply(c[2], MULTIPLIER[1]));
                c = [xor(xor(q[1], c[1]), all(k[0])), q[0], xor(xor(p[1], c[3]), all(k[1])), p[0]];
            }
            for (word, out) in c.into_iter().zip(out.chunks_exact_mut(8)) {
                let out = &mut out[first..][..4];
                // SAFETY: four words are there.
                unsafe { vst1q_u32(out.as_mut_ptr(), word) };
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::tile::{Baseline, kernel};
    use crate::rng::{Stream, key_of, unit_word};

    kernel! {
        fn best<S>(numbers: &TileNumbers, chain: u32, out: &mut [u32; 32]) {
            *out = numbers.draw::<S>(chain);
        }
    }

    #[test]
    fn words_are_those_of_the_scalar_generator() {
        let seed = 0xFEDC_BA98_7654_3210;
        for (tile, step, chain) in [(0, 0, 0), (3, 9, 77), (70_000, u32::MAX, 1 << 31)] {
            let numbers = TileNumbers::new(tile, step, Stream::SampleVisible as u32, key_of(seed));
            let words = numbers.draw::<Baseline>(chain);
            let mut by_vectors = [0; 32];
            best(&numbers, chain, &mut by_vectors);
            assert_eq!(by_vectors, words);
            for (k, word) in words.into_iter().enumerate() {
                let unit = 32 * tile as u32 + k as u32;
                assert_eq!(word, unit_word(seed, Stream::SampleVisible, step, chain, unit), "unit {unit}");
            }
        }
    }
}
