//! Single-spin updates of one colour of a square lattice with one bit a site, 256 sites at a time.
//!
//! Maths: as `ising_half_sweep`, with one temperature in all lanes and neighbours by shifts.
//! Shapes: planes as in `crate::backend::square`; a block is 256 words of one colour.
//! Random: words f = 256 b + 32 k + l of a colour, k = 0 .. 8, share the sfc32 stream at (colour · words + 256 b + l,
//! sweep, `SquareFlip`, replica); word k takes outputs 12k .. 12k + 12 as digits 11 … 0, and digits from 12 on from
//! (colour · words + f, sweep, `SquareTail`, replica).
//! Class: exact.
//! Source: multispin coding after Zorn, Herrmann and Rebbi 1981; Block, Virnau and Preis 2010 (a lattice in words).

use crate::backend::cpu::digits::{Digits, FlipAddress, Head, tail};
use crate::backend::cpu::lanes::{U32x8, multiversion};
use crate::backend::cpu::square::{BLOCK_WORDS, SquareBlock, SquareThresholds};
use crate::rng::{HEAD_DIGITS, Stream};

/// Words between those that share a stream.
const STRIDE: usize = 32;

multiversion! {
    /// Updates the words `me` of `block`, at most 256 and a multiple of 32; `address.word` is the replica.
    pub(crate) fn ising_square_half_sweep(
        block: SquareBlock<'_>,
        thresholds: &SquareThresholds,
        address: FlipAddress,
        me: &mut [u32],
    ) {
        match thresholds.drawn {
            0 => me.iter_mut().for_each(|word| *word = !*word),
            1 => update::<1>(block, thresholds, address, me),
            2 => update::<2>(block, thresholds, address, me),
            3 => update::<3>(block, thresholds, address, me),
            4 => update::<4>(block, thresholds, address, me),
            _ => update::<5>(block, thresholds, address, me),
        }
    }
}

/// Lanes `8 · group ..` of each of the block's steps, with `D` drawn classes.
#[inline(always)]
fn update<const D: usize>(block: SquareBlock<'_>, thresholds: &SquareThresholds, address: FlipAddress, me: &mut [u32]) {
    let (planes, _) = thresholds.planes.as_chunks::<D>();
    let Some(head) = planes.first_chunk::<HEAD_DIGITS>() else { return };
    let steps = me.len().min(BLOCK_WORDS) / STRIDE;
    let neighbours = block.neighbours(steps * STRIDE);
    let beside = &block.other[block.first..block.first + steps * STRIDE];
    let position = (block.colour * block.other.len() + block.first) as u32;
    for group in 0..STRIDE / 8 {
        let counter = [
            U32x8::count_from(position + 8 * group as u32),
            U32x8::splat(address.sweep),
            U32x8::splat(Stream::SquareFlip as u32),
            U32x8::splat(address.word),
        ];
        let mut digits = Digits::at(counter, address.seed);
        for step in 0..steps {
            let at = step * STRIDE + 8 * group;
            let spin = load(&me[at..]);
            let mut at_least = [U32x8::ZERO; D];
            for other in [&neighbours.up[at..], &neighbours.down[at..], &beside[at..], &neighbours.side[at..]] {
                let differs = spin ^ load(other);
                for k in (1..D).rev() {
                    at_least[k] = at_least[k] | at_least[k - 1] & differs;
                }
                at_least[0] = at_least[0] | differs;
            }
            let certain = at_least[D - 1];
            let Head { less, equal } = Head::draw(&mut digits, head, &at_least);
            let open = equal & !certain;
            let mut flip = certain | less;
            if open.any() {
                let threshold = |d: usize, lane: usize| {
                    let steps = planes[d][1..].iter().zip(&at_least).map(|(plane, mask)| plane.0[lane] & mask.0[lane]);
                    steps.fold(planes[d][0].0[lane], |threshold, step| threshold ^ step)
                };
                let place = |lane| [position + at as u32 + lane, address.word];
                flip = flip | tail(open, address, Stream::SquareTail, place, threshold);
            }
            me[at..at + 8].copy_from_slice(&(spin ^ flip).0);
        }
    }
}

/// Eight words from the start of a slice.
#[inline(always)]
fn load(words: &[u32]) -> U32x8 {
    let mut out = U32x8::ZERO;
    out.0.copy_from_slice(&words[..8]);
    out
}
