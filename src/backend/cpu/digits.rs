//! Digit streams of eight words at a time, and the decision by digits that all Ising kernels share.

use super::lanes::U32x8;
use super::word::{Word, philox};
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
pub(crate) struct Digits<W>([W; 4]);

impl<W: Word> Digits<W> {
    /// Streams seeded by eight Philox blocks.
    #[inline(always)]
    pub(crate) fn at(counter: [W; 4], seed: u64) -> Self {
        Self(philox(counter, crate::rng::key_of(seed)))
    }

    /// Next digit of all lanes.
    #[inline(always)]
    pub(crate) fn next_digit(&mut self) -> W {
        let [a, b, c, counter] = self.0;
        let out = a.add(b).add(counter);
        self.0 = [
            b.xor(b.shift_right::<9>()),
            c.add(c.shift_left::<3>()),
            c.rotate_left_21().add(out),
            counter.add(W::splat(1)),
        ];
        out
    }
}

/// Comparison of U with P, from the least significant digit up: a digit that differs overrules all below it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<W> {
    /// Lanes with U < P.
    pub(crate) less: W,
    /// Lanes whose digits have all been equal.
    pub(crate) equal: W,
}

impl<W: Word> Head<W> {
    /// No digit yet.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { less: W::zero(), equal: W::splat(u32::MAX) }
    }

    /// One digit more.
    #[inline(always)]
    pub(crate) fn compare(&mut self, random: W, threshold: W) {
        let differs = random.xor(threshold);
        self.less = differs.choose(threshold, self.less);
        self.equal = self.equal.and_not(differs);
    }

    /// Draws and compares all digits of the head; `planes[d]` are P_0's digit d and then P_{k−1} ⊕ P_k for k = 1 .. `K`,
    /// and `at_least[k]` the lanes that take at least class k + 1, so that the threshold is
    /// P_0 ⊕ Σ_k at_least_{k−1} (P_{k−1} ⊕ P_k).
    #[inline(always)]
    pub(crate) fn draw<const K: usize>(
        digits: &mut Digits<W>,
        planes: &[[U32x8; K]; HEAD_DIGITS],
        at_least: &[W; K],
    ) -> Self {
        let mut head = Self::new();
        for digit in planes.iter().rev() {
            let mut threshold = W::load(digit[0]);
            for k in 1..K {
                threshold = threshold.xor_and(at_least[k - 1], W::load(digit[k]));
            }
            head.compare(digits.next_digit(), threshold);
        }
        head
    }
}

/// Counts one more neighbour: `at_least[k]` are the lanes with k + 1 or more antiparallel ones.
#[inline(always)]
pub(crate) fn count<W: Word>(at_least: &mut [W], differs: W) {
    for k in (1..at_least.len()).rev() {
        at_least[k] = at_least[k].or_and(at_least[k - 1], differs);
    }
    at_least[0] = at_least[0].or(differs);
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
