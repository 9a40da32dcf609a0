//! Several half-sweeps of a large square lattice between two meetings of the threads.
//!
//! A half-sweep of a block of words needs the blocks within `reach` as the half-sweep before left them. Bands of blocks can
//! therefore go on alone for a while on what shrinks from both ends by `reach` a half-sweep (a trapezoid in space and time);
//! then the wedges left between neighbouring bands are filled, which grow by as much and need nothing else. Every block is
//! updated in every half-sweep exactly once, from the same neighbours and with the same numbers as without bands.
//! Source: time skewing and trapezoid tiling of stencils (Wonnacott 2000; Frigo and Strumpen 2005).

use std::ops::Range;

use rayon::prelude::*;

use super::digits::FlipAddress;
use super::kernels::ising_square_half_sweep::ising_square_half_sweep;
use super::square::{BLOCK_WORDS, Scratch, SquareBlock, SquareThresholds};

/// Bands of a thread: one that comes late then leaves a band to another.
const BANDS_A_THREAD: usize = 1;
/// Half-sweeps between two meetings below which bands do not pay.
const LEAST_DEPTH: usize = 8;
/// Half-sweeps beyond which fewer meetings gain nothing.
const MOST_DEPTH: usize = 32;

/// How a lattice is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bands {
    words_per_row: usize,
    /// Words of a colour.
    words: usize,
    /// Blocks of a colour.
    blocks: usize,
    /// Number of bands.
    bands: usize,
    /// Blocks at most between a block and the neighbours of its spins.
    reach: usize,
    /// Half-sweeps between two meetings.
    depth: usize,
}

/// What all half-sweeps of one replica share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sweeping<'a> {
    /// Acceptance.
    pub(crate) thresholds: &'a SquareThresholds,
    /// Seed and replica; the sweep of the first half-sweep.
    pub(crate) address: FlipAddress,
}

/// A part of both colours. Blocks and words are counted from the lattice's first; before it they are negative and stand for
/// those at the other end.
struct Slab<'a> {
    /// First word.
    start: isize,
    planes: [&'a mut [u32]; 2],
}

impl Bands {
    /// For that many threads; None where the lattice is too small to gain by it.
    pub(crate) fn new(words_per_row: usize, words: usize, threads: usize) -> Option<Self> {
        let blocks = words.div_ceil(BLOCK_WORDS);
        // A last block that is not whole hides less than a whole one.
        let reach = (words_per_row + 1).div_ceil(BLOCK_WORDS) + usize::from(!words.is_multiple_of(BLOCK_WORDS));
        [BANDS_A_THREAD * threads, threads].into_iter().filter(|_| threads > 1).find_map(|bands| {
            // The surroundings of neighbouring borders must not touch.
            let depth = (blocks / bands / (2 * reach)).saturating_sub(1).min(MOST_DEPTH);
            let cut = Self { words_per_row, words, blocks, bands, reach, depth };
            (depth >= LEAST_DEPTH).then_some(cut)
        })
    }

    /// Runs the half-sweeps `halves`, counted from the first colour of sweep 0.
    pub(crate) fn run(&self, planes: &mut [Vec<u32>; 2], sweeping: Sweeping<'_>, halves: Range<u64>) {
        let mut first = halves.start;
        while first < halves.end {
            let next = halves.end.min(first + self.depth as u64);
            self.trapezoids(planes, sweeping, first..next);
            self.wedges(planes, sweeping, first..next);
            first = next;
        }
    }

    /// Block at which a band begins.
    fn border(&self, band: usize) -> isize {
        (band * self.blocks / self.bands) as isize
    }

    /// Word at which a block begins.
    fn word(&self, block: isize) -> isize {
        let of = |block: isize| (block * BLOCK_WORDS as isize).min(self.words as isize);
        if block < 0 { of(block + self.blocks as isize) - self.words as isize } else { of(block) }
    }

    /// Every band alone, on what its neighbours cannot have changed.
    fn trapezoids(&self, planes: &mut [Vec<u32>; 2], sweeping: Sweeping<'_>, halves: Range<u64>) {
        let mut rest = planes.each_mut().map(Vec::as_mut_slice);
        let mut slabs = Vec::with_capacity(self.bands);
        for band in 0..self.bands {
            let start = self.word(self.border(band));
            let end = self.word(self.border(band + 1));
            slabs.push((band, Slab { start, planes: split_off(&mut rest, (end - start) as usize) }));
        }
        slabs.into_par_iter().for_each(|(band, mut slab)| {
            let mut scratch = Scratch::new();
            for (half, t) in halves.clone().zip(1..) {
                let blocks =
                    self.border(band) + t * self.reach as isize..self.border(band + 1) - t * self.reach as isize;
                slab.half_sweep(self, sweeping, half, blocks, &mut scratch);
            }
        });
    }

    /// What the bands have left around their borders.
    fn wedges(&self, planes: &mut [Vec<u32>; 2], sweeping: Sweeping<'_>, halves: Range<u64>) {
        let margin = ((self.depth + 1) * self.reach) as isize;
        let (head, tail) = (self.word(margin) as usize, -self.word(-margin) as usize);
        let [even, odd] = planes;
        // Around word 0 in one piece.
        let mut around = [&*even, &*odd].map(|plane| [&plane[self.words - tail..], &plane[..head]].concat());
        let mut rest = [&mut even[..], &mut odd[..]];
        let mut slabs = Vec::with_capacity(self.bands);
        let mut taken = 0;
        for band in 1..self.bands {
            let (start, end) = (self.word(self.border(band) - margin), self.word(self.border(band) + margin));
            split_off(&mut rest, start as usize - taken);
            slabs.push((self.border(band), Slab { start, planes: split_off(&mut rest, (end - start) as usize) }));
            taken = end as usize;
        }
        slabs.push((0, Slab { start: -(tail as isize), planes: around.each_mut().map(Vec::as_mut_slice) }));
        slabs.into_par_iter().for_each(|(border, mut slab)| {
            let mut scratch = Scratch::new();
            for (half, t) in halves.clone().zip(1..) {
                let blocks = border - t * self.reach as isize..border + t * self.reach as isize;
                slab.half_sweep(self, sweeping, half, blocks, &mut scratch);
            }
        });
        for (plane, around) in planes.iter_mut().zip(&around) {
            plane[self.words - tail..].copy_from_slice(&around[..tail]);
            plane[..head].copy_from_slice(&around[tail..]);
        }
    }
}

/// The first `count` words of both planes; `planes` keeps the others.
fn split_off<'a>(planes: &mut [&'a mut [u32]; 2], count: usize) -> [&'a mut [u32]; 2] {
    planes.each_mut().map(|plane| {
        let (taken, rest) = std::mem::take(plane).split_at_mut(count);
        *plane = rest;
        taken
    })
}

impl Slab<'_> {
    /// Updates `blocks` of the colour whose turn it is.
    fn half_sweep(
        &mut self,
        cut: &Bands,
        sweeping: Sweeping<'_>,
        half: u64,
        blocks: Range<isize>,
        scratch: &mut Scratch,
    ) {
        let colour = (half % 2) as usize;
        let address = FlipAddress { sweep: (half / 2) as u32, ..sweeping.address };
        let [even, odd] = &mut self.planes;
        let (me, other) = if colour == 0 { (even, &**odd) } else { (odd, &**even) };
        for block in blocks {
            let (from, to) = (cut.word(block), cut.word(block + 1));
            let first = (from - self.start) as usize;
            let words = &mut me[first..(to - self.start) as usize];
            let offset = (self.start + cut.words as isize) as usize % cut.words;
            let block =
                SquareBlock { words_per_row: cut.words_per_row, words: cut.words, colour, first, offset, other };
            ising_square_half_sweep(block, sweeping.thresholds, address, scratch, words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_lattices_are_cut_and_small_ones_are_not() {
        // Blocks of 16 rows, of 32, of 4, of 15 and a part, and of one row.
        let cut = |length: usize, threads| Bands::new(length / 64, length * length / 64, threads);
        assert_eq!(cut(1024, 2).map(|c| (c.bands, c.reach, c.depth)), Some((4, 1, 7)));
        assert_eq!(cut(512, 2).map(|c| (c.bands, c.reach, c.depth)), Some((2, 1, 3)));
        assert_eq!(cut(4096, 2).map(|c| (c.bands, c.reach, c.depth)), Some((4, 1, 32)));
        assert_eq!(cut(1088, 2).map(|c| (c.bands, c.reach, c.depth)), Some((4, 2, 3)));
        assert_eq!(cut(16384, 2).map(|c| c.reach), Some(2));
        assert_eq!((cut(512, 4), cut(4096, 1), cut(64, 2)), (None, None, None));
    }

    /// Counts updates block by block, and finds every neighbour as the half-sweep before left it.
    #[test]
    fn every_block_is_updated_once_a_half_sweep_after_its_neighbours() {
        for (length, threads) in [(1024, 2), (1088, 2), (2048, 3), (4096, 2), (512, 2)] {
            let cut = Bands::new(length / 64, length * length / 64, threads).unwrap();
            let (n, reach) = (cut.blocks as isize, cut.reach as isize);
            // Half-sweeps done by block, in the order of the two phases; colours take turns.
            let mut done = vec![0; cut.blocks];
            let update = |done: &mut Vec<usize>, blocks: Range<isize>, t: isize| {
                for block in blocks {
                    let at = |b: isize| b.rem_euclid(n) as usize;
                    assert_eq!(done[at(block)], t as usize - 1, "block {block} of {length} at {t}");
                    for near in block - reach..=block + reach {
                        let ahead = done[at(near)] as isize - t;
                        // Of the other colour: half-sweep t − 1 is done and t + 1 is not.
                        assert!((-1..=0).contains(&ahead), "block {near} of {length} is {ahead} ahead at {t}");
                    }
                    done[at(block)] += 1;
                }
            };
            for band in 0..cut.bands {
                for t in 1..=cut.depth as isize {
                    update(&mut done, cut.border(band) + t * reach..cut.border(band + 1) - t * reach, t);
                }
            }
            for band in 0..cut.bands {
                for t in 1..=cut.depth as isize {
                    update(&mut done, cut.border(band) - t * reach..cut.border(band) + t * reach, t);
                }
            }
            assert!(done.iter().all(|&d| d == cut.depth), "{length}: {done:?}");
        }
    }
}
