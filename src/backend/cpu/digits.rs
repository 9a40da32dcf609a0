//! Digit streams of eight words at a time, and the decision by digits that all Ising kernels share.

use super::lanes::{U32x8, philox};
use crate::rng::{HEAD_DIGITS, Sfc32, Stream};

/// Where the numbers of a half-sweep are, for eight words numbered from `word` on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlipAddress {
    /// Seed.
    pub(crate) seed: u64,
    /// Sweep.
    pub(crate) sweep: u32,
    /// Number of the first of the eight words.
    pub(crate) word: u32,
}

/// Eight sfc32 streams; the same outputs as [`Sfc32`], lane by lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digits([U32x8; 4]);

impl Digits {
    /// Streams seeded by eight Philox blocks.
    #[inline(always)]
    pub(crate) fn at(counter: [U32x8; 4], seed: u64) -> Self {
        Self(philox(counter, crate::rng::key_of(seed)))
    }

    /// Next digit of all lanes.
    #[inline(always)]
    pub(crate) fn next_digit(&mut self) -> U32x8 {
        let [a, b, c, counter] = self.0;
        let out = (a + b) + counter;
        self.0 = [
            b ^ b.map(|x| x >> 9),
            c + c.map(|x| x << 3),
            c.map(|x| x.rotate_left(21)) + out,
            counter + U32x8::splat(1),
        ];
        out
    }
}

/// How the head of U compares with the head of P.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Lanes with U < P.
    pub(crate) less: U32x8,
    /// Lanes whose heads are equal.
    pub(crate) equal: U32x8,
}

impl Head {
    /// Draws the head's digits; `planes[d]` are P_0's digit d and then P_{k−1} ⊕ P_k for k = 1 .. `K`, and `at_least[k]`
    /// the lanes that take at least class k + 1, so that the threshold is P_0 ⊕ Σ_k at_least_{k−1} (P_{k−1} ⊕ P_k).
    #[inline(always)]
    pub(crate) fn draw<const K: usize>(
        digits: &mut Digits,
        planes: &[[U32x8; K]; HEAD_DIGITS],
        at_least: &[U32x8; K],
    ) -> Self {
        let (mut less, mut equal) = (U32x8::ZERO, U32x8::splat(u32::MAX));
        // From the least significant digit up: a digit that differs overrules all below it.
        for digit in planes.iter().rev() {
            let random = digits.next_digit();
            let mut threshold = digit[0];
            for k in 1..K {
                threshold = threshold ^ (at_least[k - 1] & digit[k]);
            }
            let differs = random ^ threshold;
            less = less ^ (differs & (less ^ threshold));
            equal = equal & !differs;
        }
        Self { less, equal }
    }
}

/// Lanes of `open` with U < P, from the digits beyond the head: word by word, each in the stream of its own address.
/// `threshold(d, lane)` is digit d of the 32 thresholds of word `lane`.
#[cold]
#[inline(never)]
pub(crate) fn tail(
    open: U32x8,
    address: FlipAddress,
    stream: Stream,
    position: impl Fn(u32) -> [u32; 2],
    threshold: impl Fn(usize, usize) -> u32,
) -> U32x8 {
    let mut less = U32x8::ZERO;
    for lane in (0..8).filter(|&lane| open.0[lane] != 0) {
        let mut open = open.0[lane];
        let [unit, word] = position(lane as u32);
        let mut digits = Sfc32::at(address.seed, stream, address.sweep, unit, word);
        for d in HEAD_DIGITS..32 {
            let (random, threshold) = (digits.next_digit(), threshold(d, lane));
            less.0[lane] |= open & !random & threshold;
            open &= !(random ^ threshold);
            if open == 0 {
                break;
            }
        }
    }
    less
}
