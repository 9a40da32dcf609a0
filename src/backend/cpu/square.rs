//! Square lattices with one bit a site on the CPU, in the layout of `crate::backend::square`.

use std::ops::Range;

use rayon::prelude::*;

use super::digits::FlipAddress;
use super::kernels::ising_square_half_sweep::ising_square_half_sweep;
use super::kernels::ising_square_sums::ising_square_sums;
use super::lanes::U32x8;
use crate::backend::square::{Square, SquareClasses};
use crate::backend::{Acceptance, SpinSums};
use crate::bits::BitMatrix;
use crate::error::Result;

/// Words of a colour that one call of a kernel takes: 32 streams of eight words.
pub(crate) const BLOCK_WORDS: usize = 256;

/// Blocks of the smallest band worth a thread of its own: about 10 µs.
const SMALLEST_BAND: usize = 8;

/// Lattices with one bit a site.
#[derive(Debug, Clone)]
pub(crate) struct SquareSpins {
    pub(crate) square: Square,
    pub(crate) replicas: Vec<SquareReplica>,
}

#[derive(Debug, Clone)]
pub(crate) struct SquareReplica {
    /// Words of both colours.
    pub(crate) planes: [Vec<u32>; 2],
    pub(crate) thresholds: SquareThresholds,
}

/// [`SquareClasses`], a word of eight lanes each.
#[derive(Debug, Clone)]
pub(crate) struct SquareThresholds {
    pub(crate) drawn: usize,
    /// `[32, drawn]`.
    pub(crate) planes: Vec<U32x8>,
}

impl SquareSpins {
    pub(crate) fn new(length: usize, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        let square = Square::new(length, acceptance, initial)?;
        let replica = |(r, classes): (usize, SquareClasses)| {
            let mut even = square.pack(initial.row(r));
            let odd = even.split_off(square.words());
            let planes = classes.planes.iter().map(|&mask| U32x8::splat(mask)).collect();
            SquareReplica { planes: [even, odd], thresholds: SquareThresholds { drawn: classes.drawn, planes } }
        };
        let replicas = SquareClasses::of_replicas(acceptance)?.into_iter().enumerate().map(replica).collect();
        Ok(Self { square, replicas })
    }

    pub(crate) fn to_host(&self) -> Result<BitMatrix> {
        let words = self.replicas.iter().flat_map(|replica| self.square.unpack(&replica.planes.concat())).collect();
        BitMatrix::from_words(self.replicas.len(), self.square.length * self.square.length, words)
    }

    /// Threads take bands of rows; a half-sweep ends before the next begins.
    pub(crate) fn sweep(&mut self, seed: u64, sweeps: &Range<u32>) {
        let words_per_row = self.square.words_per_row();
        let blocks = self.square.words().div_ceil(BLOCK_WORDS);
        let band = BLOCK_WORDS * blocks.div_ceil(rayon::current_num_threads()).max(SMALLEST_BAND);
        self.replicas.par_iter_mut().enumerate().for_each(|(r, replica)| {
            for sweep in sweeps.clone() {
                let address = FlipAddress { seed, sweep, word: r as u32 };
                for colour in 0..2 {
                    let [even, odd] = &mut replica.planes;
                    let (me, other) = if colour == 0 { (even, &*odd) } else { (odd, &*even) };
                    let thresholds = &replica.thresholds;
                    me.par_chunks_mut(band).enumerate().for_each(|(b, rows)| {
                        for (k, words) in rows.chunks_mut(BLOCK_WORDS).enumerate() {
                            let first = b * band + k * BLOCK_WORDS;
                            let block = SquareBlock { words_per_row, colour, first, other };
                            ising_square_half_sweep(block, thresholds, address, words);
                        }
                    });
                }
            }
        });
    }

    pub(crate) fn sums(&self) -> Vec<SpinSums> {
        let words_per_row = self.square.words_per_row();
        let of_replica = |replica: &SquareReplica| {
            let [even, odd] = &replica.planes;
            let of_block = |(k, words): (usize, &[u32])| {
                let block = SquareBlock { words_per_row, colour: 0, first: k * BLOCK_WORDS, other: odd };
                ising_square_sums(block, words)
            };
            even.par_chunks(BLOCK_WORDS).enumerate().map(of_block).reduce(SpinSums::default, |a, b| SpinSums {
                antiparallel: a.antiparallel + b.antiparallel,
                up: a.up + b.up,
            })
        };
        self.replicas.par_iter().map(of_replica).collect()
    }
}

/// Words `first .. first + len` of one colour, and where their neighbours are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SquareBlock<'a> {
    /// Words of a row.
    pub(crate) words_per_row: usize,
    /// 0 or 1.
    pub(crate) colour: usize,
    /// First word.
    pub(crate) first: usize,
    /// All words of the other colour.
    pub(crate) other: &'a [u32],
}

/// The four neighbours of every spin of a block, word by word.
pub(crate) struct Neighbours {
    pub(crate) up: [u32; BLOCK_WORDS],
    pub(crate) down: [u32; BLOCK_WORDS],
    pub(crate) side: [u32; BLOCK_WORDS],
}

impl SquareBlock<'_> {
    /// Neighbours above, below, and on the side that is one bit further; the fourth are `other[first ..]`.
    #[inline(always)]
    pub(crate) fn neighbours(&self, len: usize) -> Neighbours {
        let mut found = Neighbours { up: [0; BLOCK_WORDS], down: [0; BLOCK_WORDS], side: [0; BLOCK_WORDS] };
        let (total, per_row) = (self.other.len(), self.words_per_row);
        wrapped(self.other, (self.first + total - per_row) % total, &mut found.up[..len]);
        wrapped(self.other, (self.first + per_row) % total, &mut found.down[..len]);
        let mut done = 0;
        while done < len {
            let (row, j) = ((self.first + done) / per_row, (self.first + done) % per_row);
            let n = (per_row - j).min(len - done);
            let line = &self.other[row * per_row..(row + 1) * per_row];
            let side = &mut found.side[done..done + n];
            if (row + self.colour) % 2 == 1 {
                let inner = if j + n == per_row { n - 1 } else { n };
                for (word, pair) in side.iter_mut().zip(line[j..].windows(2)) {
                    *word = pair[0] >> 1 | pair[1] << 31;
                }
                if inner < n {
                    side[inner] = line[per_row - 1] >> 1 | line[0] << 31;
                }
            } else {
                let skipped = usize::from(j == 0);
                if skipped == 1 {
                    side[0] = line[0] << 1 | line[per_row - 1] >> 31;
                }
                for (word, pair) in side[skipped..].iter_mut().zip(line[j + skipped - 1..].windows(2)) {
                    *word = pair[1] << 1 | pair[0] >> 31;
                }
            }
            done += n;
        }
        found
    }
}

/// Words from `start` on, around the end.
#[inline(always)]
fn wrapped(words: &[u32], start: usize, out: &mut [u32]) {
    let mut done = 0;
    while done < out.len() {
        let from = (start + done) % words.len();
        let n = (words.len() - from).min(out.len() - done);
        out[done..done + n].copy_from_slice(&words[from..from + n]);
        done += n;
    }
}
