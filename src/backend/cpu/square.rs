//! Square lattices with one bit a site on the CPU, in the layout of `crate::backend::square`.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::bands::{Bands, Sweeping};
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

/// Bands of a thread: a thread that comes late to a half-sweep then leaves its share to the others.
const BANDS_A_THREAD: usize = 4;
/// Blocks of the smallest band worth handing over: about 3 µs.
const SMALLEST_BAND: usize = 4;

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
    /// Neighbouring replicas of one temperature share them.
    pub(crate) thresholds: Arc<SquareThresholds>,
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
        let mut replicas: Vec<SquareReplica> = Vec::with_capacity(initial.rows());
        let mut before = None;
        for (r, classes) in SquareClasses::of_replicas(acceptance)?.into_iter().enumerate() {
            let mut even = square.pack(initial.row(r));
            let odd = even.split_off(square.words());
            let thresholds = match (&before, replicas.last()) {
                (Some(before), Some(last)) if *before == classes => Arc::clone(&last.thresholds),
                _ => {
                    let planes = classes.planes.iter().map(|&mask| U32x8::splat(mask)).collect();
                    Arc::new(SquareThresholds { drawn: classes.drawn, planes })
                }
            };
            before = Some(classes);
            replicas.push(SquareReplica { planes: [even, odd], thresholds });
        }
        Ok(Self { square, replicas })
    }

    pub(crate) fn to_host(&self) -> Result<BitMatrix> {
        let mut words = Vec::with_capacity(2 * self.square.words() * self.replicas.len());
        for SquareReplica { planes: [even, odd], .. } in &self.replicas {
            self.square.unpack([even, odd], &mut words);
        }
        BitMatrix::from_words(self.replicas.len(), self.square.length * self.square.length, words)
    }

    /// Threads take replicas where there are enough; else bands of rows, which they keep in long runs of large lattices,
    /// while in others a half-sweep ends before the next begins.
    pub(crate) fn sweep(&mut self, seed: u64, sweeps: &Range<u32>) {
        let (words_per_row, words) = (self.square.words_per_row(), self.square.words());
        let all = rayon::current_num_threads();
        let threads = if self.replicas.len() >= 2 * all { 1 } else { all };
        let address = |r: usize| FlipAddress { seed, sweep: 0, word: r as u32 };
        if let Some(bands) = Bands::new(words_per_row, words, threads, sweeps.len()) {
            let halves = 2 * u64::from(sweeps.start)..2 * u64::from(sweeps.end);
            for (r, replica) in self.replicas.iter_mut().enumerate() {
                let sweeping = Sweeping { thresholds: &replica.thresholds, address: address(r) };
                bands.run(&mut replica.planes, sweeping, halves.clone());
            }
            return;
        }
        self.replicas.par_iter_mut().enumerate().for_each(|(r, replica)| {
            for sweep in sweeps.clone() {
                for colour in 0..2 {
                    replica.half_sweep(words_per_row, colour, FlipAddress { sweep, ..address(r) }, threads);
                }
            }
        });
    }

    pub(crate) fn sums(&self) -> Vec<SpinSums> {
        let words_per_row = self.square.words_per_row();
        let of_replica = |replica: &SquareReplica| {
            let [even, odd] = &replica.planes;
            let of_block = |(k, words): (usize, &[u32])| {
                let block = SquareBlock::of_all(words_per_row, 0, k * BLOCK_WORDS, odd);
                ising_square_sums(block, &mut Scratch::new(), words)
            };
            even.par_chunks(BLOCK_WORDS).enumerate().map(of_block).reduce(SpinSums::default, |a, b| SpinSums {
                antiparallel: a.antiparallel + b.antiparallel,
                up: a.up + b.up,
            })
        };
        self.replicas.par_iter().map(of_replica).collect()
    }
}

impl SquareReplica {
    /// One colour, all of it.
    fn half_sweep(&mut self, words_per_row: usize, colour: usize, address: FlipAddress, threads: usize) {
        let [even, odd] = &mut self.planes;
        let (me, other) = if colour == 0 { (even, &*odd) } else { (odd, &*even) };
        let thresholds = &*self.thresholds;
        let update = |begin: usize, rows: &mut [u32]| {
            let mut scratch = Scratch::new();
            for (k, words) in rows.chunks_mut(BLOCK_WORDS).enumerate() {
                let block = SquareBlock::of_all(words_per_row, colour, begin + k * BLOCK_WORDS, other);
                ising_square_half_sweep(block, thresholds, address, &mut scratch, words);
            }
        };
        let blocks = me.len().div_ceil(BLOCK_WORDS);
        let band = BLOCK_WORDS * blocks.div_ceil(BANDS_A_THREAD * threads).max(SMALLEST_BAND);
        if threads == 1 || band >= me.len() {
            update(0, me);
        } else {
            me.par_chunks_mut(band).enumerate().for_each(|(b, rows)| update(b * band, rows));
        }
    }
}

/// Words `first .. first + len` of one colour, and where their neighbours are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SquareBlock<'a> {
    /// Words of a row.
    pub(crate) words_per_row: usize,
    /// Words of a colour of the lattice.
    pub(crate) words: usize,
    /// 0 or 1.
    pub(crate) colour: usize,
    /// First word, in `other`.
    pub(crate) first: usize,
    /// Which word of the lattice `other` begins with.
    pub(crate) offset: usize,
    /// The words of the other colour: all, or those that hold the neighbours and a row more at either end.
    pub(crate) other: &'a [u32],
}

/// Room for neighbours that do not lie in memory as a kernel reads them; made once and used for many blocks.
#[derive(Debug)]
pub(crate) struct Scratch {
    up: [u32; BLOCK_WORDS],
    down: [u32; BLOCK_WORDS],
    side: [u32; BLOCK_WORDS],
    /// The words of the block in the other colour, and one word more at either end.
    line: [u32; BLOCK_WORDS + 2],
}

/// The four neighbours of every spin of a block, word by word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neighbours<'a> {
    pub(crate) up: &'a [u32],
    pub(crate) down: &'a [u32],
    pub(crate) beside: &'a [u32],
    /// The word beside, one bit further left or right.
    pub(crate) side: &'a [u32],
}

impl Scratch {
    /// Empty.
    pub(crate) fn new() -> Self {
        Self { up: [0; BLOCK_WORDS], down: [0; BLOCK_WORDS], side: [0; BLOCK_WORDS], line: [0; BLOCK_WORDS + 2] }
    }
}

impl<'a> SquareBlock<'a> {
    /// Words from `first` on, when all of the other colour is at hand.
    pub(crate) fn of_all(words_per_row: usize, colour: usize, first: usize, other: &'a [u32]) -> Self {
        Self { words_per_row, words: other.len(), colour, first, offset: 0, other }
    }

    /// Number of the first word in its colour of the lattice.
    pub(crate) fn number(&self) -> usize {
        (self.offset + self.first) % self.words
    }

    /// Row of the first word in the lattice, and its place there.
    fn place(&self) -> (usize, usize) {
        (self.number() / self.words_per_row, self.number() % self.words_per_row)
    }

    /// Neighbours of the block's `len` words.
    #[inline(always)]
    pub(crate) fn neighbours(&self, len: usize, scratch: &'a mut Scratch) -> Neighbours<'a> {
        let (total, per_row) = (self.other.len(), self.words_per_row);
        let line = &mut scratch.line[..len + 2];
        wrapped(self.other, (self.first + total - 1) % total, line);
        let side = &mut scratch.side[..len];
        match per_row {
            1 => self.sides_of_short_rows::<1>(side),
            2 => self.sides_of_short_rows::<2>(side),
            4 => self.sides_of_short_rows::<4>(side),
            _ if per_row.is_multiple_of(8) => self.sides_by_eight(line, side),
            _ => self.sides_row_by_row(side),
        }
        Neighbours {
            up: around(self.other, (self.first + total - per_row) % total, &mut scratch.up[..len]),
            down: around(self.other, (self.first + per_row) % total, &mut scratch.down[..len]),
            beside: &self.other[self.first..self.first + len],
            side: &scratch.side[..len],
        }
    }

    /// Rows of whole vectors: shifts over the ends of rows first, then the ends themselves.
    #[inline(always)]
    fn sides_by_eight(&self, line: &[u32], side: &mut [u32]) {
        let per_row = self.words_per_row;
        let (mut row, mut j) = self.place();
        let mut line_start = self.first - j;
        for (k, out) in side.chunks_exact_mut(8).enumerate() {
            let (before, here, after) =
                (&line[8 * k..8 * k + 8], &line[8 * k + 1..8 * k + 9], &line[8 * k + 2..8 * k + 10]);
            if (row + self.colour) % 2 == 1 {
                for l in 0..8 {
                    out[l] = here[l] >> 1 | after[l] << 31;
                }
                if j + 8 == per_row {
                    out[7] = here[7] >> 1 | self.other[line_start] << 31;
                }
            } else {
                for l in 0..8 {
                    out[l] = here[l] << 1 | before[l] >> 31;
                }
                if j == 0 {
                    out[0] = here[0] << 1 | self.other[line_start + per_row - 1] >> 31;
                }
            }
            j += 8;
            if j == per_row {
                (row, j, line_start) = (row + 1, 0, line_start + per_row);
            }
        }
    }

    /// Rows of 1, 2 or 4 words, some of which make a vector: words beside are lanes beside, around the end of each row.
    /// Blocks begin at an even row, so all vectors have the same rows to the left and to the right.
    #[inline(always)]
    fn sides_of_short_rows<const P: usize>(&self, side: &mut [u32]) {
        let (here, _) = self.other[self.first..self.first + side.len()].as_chunks::<8>();
        let (out, _) = side.as_chunks_mut::<8>();
        for (out, here) in out.iter_mut().zip(here) {
            for l in 0..8 {
                let row = l - l % P;
                out[l] = if (l / P + self.colour) % 2 == 1 {
                    here[l] >> 1 | here[row + (l + 1) % P] << 31
                } else {
                    here[l] << 1 | here[row + (l + P - 1) % P] >> 31
                };
            }
        }
    }

    /// Any other rows, piece by piece.
    #[inline(always)]
    fn sides_row_by_row(&self, side: &mut [u32]) {
        let per_row = self.words_per_row;
        let (mut row, mut j) = self.place();
        let mut line_start = self.first - j;
        let mut rest = side;
        while !rest.is_empty() {
            let line = &self.other[line_start..line_start + per_row];
            let (out, after) = rest.split_at_mut(rest.len().min(per_row - j));
            let right = (row + self.colour) % 2 == 1;
            for (out, k) in out.iter_mut().zip(j..) {
                *out = if right {
                    line[k] >> 1 | line[if k + 1 == per_row { 0 } else { k + 1 }] << 31
                } else {
                    line[k] << 1 | line[if k == 0 { per_row - 1 } else { k - 1 }] >> 31
                };
            }
            (row, j, rest, line_start) = (row + 1, 0, after, line_start + per_row);
        }
    }
}

/// `out.len()` words from `start` on, around the end.
#[inline(always)]
fn wrapped(words: &[u32], start: usize, out: &mut [u32]) {
    let first = out.len().min(words.len() - start);
    let (head, tail) = out.split_at_mut(first);
    head.copy_from_slice(&words[start..start + first]);
    // A block is never longer than a colour, but for its two words at the ends.
    for (k, word) in tail.iter_mut().enumerate() {
        *word = words[k % words.len()];
    }
}

/// As [`wrapped`], without a copy where there is nothing to go around.
#[inline(always)]
fn around<'a>(words: &'a [u32], start: usize, room: &'a mut [u32]) -> &'a [u32] {
    if start + room.len() <= words.len() {
        &words[start..start + room.len()]
    } else {
        wrapped(words, start, room);
        room
    }
}
