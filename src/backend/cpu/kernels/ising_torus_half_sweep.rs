//! Single-spin updates of one colour of a square or cubic lattice with one bit a site, 256 sites at a time.
//!
//! Maths: as `ising_half_sweep`, with one temperature in all lanes and neighbours by shifts.
//! Shapes: planes as in `crate::backend::torus`; a block is 256 words of one colour.
//! Random: words f = 256 b + 32 k + l of a colour, k = 0 .. 8, share the sfc32 stream at (colour · words + 256 b + l,
//! sweep, `TorusFlip`, replica); word k takes outputs 12k .. 12k + 12 as digits 11 … 0, and digits from 12 on from
//! (colour · words + f, sweep, `TorusTail`, replica).
//! Class: exact.
//! Cost: 385 instructions for 256 flips with AVX2 (callgrind, 1024 × 1024, Metropolis), as `ising_half_sweep` and the
//! shifted words.
//! Source: multispin coding after Zorn, Herrmann and Rebbi 1981; Block, Virnau and Preis 2010 (a lattice in words).

use crate::backend::cpu::digits::{Digits, FlipAddress, Head, count, tail};
use crate::backend::cpu::lanes::U32x8;
use crate::backend::cpu::neighbours::{BLOCK_WORDS, Neighbours, Scratch, TorusBlock};
use crate::backend::cpu::torus::TorusThresholds;
use crate::backend::cpu::word::{Word, dispatch};
use crate::rng::{HEAD_DIGITS, Stream};

/// Words between those that share a stream.
const STRIDE: usize = 32;

dispatch! {
    /// Updates the words `me` of `block`, at most 256; `address.word` is the replica.
    pub(crate) fn ising_torus_half_sweep(
        block: TorusBlock<'_>,
        thresholds: &TorusThresholds,
        address: FlipAddress,
        scratch: &mut Scratch,
        me: &mut [u32],
    ) = half_sweep
}

#[inline(always)]
fn half_sweep<W: Word>(
    block: TorusBlock<'_>,
    thresholds: &TorusThresholds,
    address: FlipAddress,
    scratch: &mut Scratch,
    me: &mut [u32],
) {
    match block.torus.dimensions {
        2 => with_neighbours::<W, 4>(block, thresholds, address, scratch, me),
        _ => with_neighbours::<W, 6>(block, thresholds, address, scratch, me),
    }
}

#[inline(always)]
fn with_neighbours<W: Word, const N: usize>(
    block: TorusBlock<'_>,
    thresholds: &TorusThresholds,
    address: FlipAddress,
    scratch: &mut Scratch,
    me: &mut [u32],
) {
    let neighbours = block.neighbours::<N>(me.len(), scratch);
    let (count, len) = (me.len(), me.len().next_multiple_of(8));
    // The last block of a colour is filled up to whole vectors with words that are thrown away.
    let mut room = None;
    let (neighbours, words) = if len == count {
        (neighbours, &mut *me)
    } else {
        let (around, own) = room.insert((neighbours.map(filled), filled(me)));
        (around.each_ref().map(|words| &words[..len]), &mut own[..len])
    };
    by_classes::<W, N>(block, neighbours, thresholds, address, words);
    if let Some((_, own)) = room {
        me.copy_from_slice(&own[..count]);
    }
    block.clear_idle_bits(me);
}

fn filled(words: &[u32]) -> [u32; BLOCK_WORDS] {
    let mut room = [0; BLOCK_WORDS];
    room[..words.len()].copy_from_slice(words);
    room
}

#[inline(always)]
fn by_classes<W: Word, const N: usize>(
    block: TorusBlock<'_>,
    neighbours: Neighbours<'_, N>,
    thresholds: &TorusThresholds,
    address: FlipAddress,
    me: &mut [u32],
) {
    match thresholds.drawn {
        0 => me.iter_mut().for_each(|word| *word = !*word),
        1 => update::<W, 1, N>(block, neighbours, thresholds, address, me),
        2 => update::<W, 2, N>(block, neighbours, thresholds, address, me),
        3 => update::<W, 3, N>(block, neighbours, thresholds, address, me),
        4 => update::<W, 4, N>(block, neighbours, thresholds, address, me),
        _ if N == 4 => update::<W, 5, N>(block, neighbours, thresholds, address, me),
        5 => update::<W, 5, N>(block, neighbours, thresholds, address, me),
        6 => update::<W, 6, N>(block, neighbours, thresholds, address, me),
        _ => update::<W, 7, N>(block, neighbours, thresholds, address, me),
    }
}

/// Lanes `8 · group ..` of each of the block's steps, with `D` drawn classes and `N` neighbours.
#[inline(always)]
fn update<W: Word, const D: usize, const N: usize>(
    block: TorusBlock<'_>,
    neighbours: Neighbours<'_, N>,
    thresholds: &TorusThresholds,
    address: FlipAddress,
    me: &mut [u32],
) {
    let (planes, _) = thresholds.planes.as_chunks::<D>();
    let Some(head) = planes.first_chunk::<HEAD_DIGITS>() else { return };
    let (me, _) = me.as_chunks_mut::<8>();
    let neighbours = neighbours.map(|words| words.as_chunks::<8>().0);
    let position = (block.colour * block.torus.words + block.number()) as u32;
    for group in 0..STRIDE / 8 {
        let counter = [
            W::load(U32x8::count_from(position + 8 * group as u32)),
            W::splat(address.sweep),
            W::splat(Stream::TorusFlip as u32),
            W::splat(address.word),
        ];
        let mut digits = Digits::at(counter, address.seed);
        for at in (group..me.len()).step_by(STRIDE / 8) {
            let load = |words: &[u32; 8]| W::load(U32x8(*words));
            let spin = load(&me[at]);
            let mut at_least = [W::zero(); D];
            for words in &neighbours {
                count(&mut at_least, spin.xor(load(&words[at])));
            }
            let certain = at_least[D - 1];
            let Head { less, equal } = Head::draw(&mut digits, head, &at_least);
            let open = equal.and_not(certain);
            let mut flip = certain.or(less);
            if open.any() {
                let at_least = at_least.map(W::store);
                let threshold = |d: usize, lane: usize| {
                    let steps = planes[d][1..].iter().zip(&at_least).map(|(plane, mask)| plane.0[lane] & mask.0[lane]);
                    steps.fold(planes[d][0].0[lane], |threshold, step| threshold ^ step)
                };
                let place = |lane| [position + 8 * at as u32 + lane, address.word];
                flip = flip.or(W::load(tail(open.store(), address, Stream::TorusTail, place, threshold)));
            }
            me[at] = spin.xor(flip).store().0;
        }
    }
}
