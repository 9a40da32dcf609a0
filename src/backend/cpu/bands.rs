//! One large lattice on several threads, each with a band of rows or layers that it keeps for many half-sweeps.
//!
//! A band needs of its neighbours two rows, or a layer, at either end, as the half-sweep before left them. So every
//! thread updates the blocks at the ends of its band first, posts the rows there, and goes on with the inner blocks while
//! its neighbours fetch them; it waits only for a neighbour that is behind by almost a half-sweep. Every block is updated
//! in every half-sweep from the same neighbours and with the same numbers as on one thread.
//! Source: exchange of halos as in domain decomposition.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::digits::FlipAddress;
use super::kernels::ising_torus_half_sweep::ising_torus_half_sweep;
use super::neighbours::{BLOCK_WORDS, Scratch, TorusBlock};
use super::torus::TorusThresholds;
use crate::backend::torus::Torus;
use crate::rng::colour_order;

/// Words of one call and thread that are worth starting a thread for: about a millisecond.
const LEAST_WORK: u64 = 1 << 19;
/// Looks at a neighbour before the thread lets others run: it may wait for the very core.
const PATIENCE: u32 = 2000;

/// How a lattice is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bands {
    torus: Torus,
    /// One of each thread.
    count: usize,
}

/// What all half-sweeps of one replica share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sweeping<'a> {
    /// Acceptance.
    pub(crate) thresholds: &'a TorusThresholds,
    /// Seed and replica; `sweep` is that of the half-sweep.
    pub(crate) address: FlipAddress,
}

/// Rows that a thread shows its neighbours.
struct Post {
    /// Half-sweeps whose rows are posted.
    done: AtomicU64,
    /// [`Bands::halo`] words by colour, at the first end and at the last. A half-sweep reads those of the other colour; a
    /// thread begins one only when its neighbours have done all before, for which they have read what it overwrites.
    rows: [[Vec<AtomicU32>; 2]; 2],
}

/// A thread's part of both colours.
struct Band<'a> {
    cut: Bands,
    /// Number of its first word in the lattice.
    start: usize,
    planes: [&'a mut [u32]; 2],
    /// Of the bands before and after, and its own.
    posts: [&'a Post; 3],
    scratch: Scratch,
    window: Vec<u32>,
}

impl Bands {
    /// For so many threads and sweeps; None where these are too few or the lattice is too small to gain by it.
    pub(crate) fn new(torus: Torus, threads: usize, sweeps: usize) -> Option<Self> {
        let (words, cut) = (torus.words, Self { torus, count: threads });
        let ends = 2 * cut.end_words();
        let enough = words as u64 * 2 * sweeps as u64 >= LEAST_WORK * threads as u64;
        (threads > 1 && enough && words / threads >= 2 * ends + BLOCK_WORDS).then_some(cut)
    }

    /// Runs the half-sweeps `halves`, counted from the first one of sweep 0.
    pub(crate) fn run(&self, planes: &mut [Vec<u32>; 2], sweeping: Sweeping<'_>, halves: Range<u64>) {
        let borders: Vec<usize> = (0..=self.count).map(|band| self.border(band)).collect();
        let posts: Vec<Post> = borders.windows(2).map(|ends| self.post(planes, ends[0]..ends[1])).collect();
        let mut rest = planes.each_mut().map(Vec::as_mut_slice);
        let bands = borders.windows(2).enumerate().map(|(b, ends)| Band {
            cut: *self,
            start: ends[0],
            planes: rest.each_mut().map(|plane| split_off(plane, ends[1] - ends[0])),
            posts: [&posts[(b + self.count - 1) % self.count], &posts[(b + 1) % self.count], &posts[b]],
            scratch: Scratch::new(),
            window: Vec::with_capacity(self.end_words() + 2 * self.halo()),
        });
        std::thread::scope(|scope| {
            let mut own = None;
            for mut band in bands {
                let halves = halves.clone();
                if own.is_none() {
                    own = Some(band);
                } else {
                    scope.spawn(move || band.run(sweeping, halves));
                }
            }
            own.into_iter().for_each(|mut band| band.run(sweeping, halves.clone()));
        });
    }

    /// Words that hold all neighbours of a block at either end: two rows, as a block may begin within one; a layer, in
    /// which the rows are that lie around a layer's ends.
    fn halo(&self) -> usize {
        if self.torus.dimensions == 2 { 2 * self.torus.words_per_row } else { self.torus.layer }
    }

    /// Words of the blocks that have neighbours in another band, and a block more for a last one that is not whole.
    fn end_words(&self) -> usize {
        (self.halo().div_ceil(BLOCK_WORDS) + 1) * BLOCK_WORDS
    }

    /// Word at which a band begins: that of a block.
    fn border(&self, band: usize) -> usize {
        (band * self.torus.words.div_ceil(BLOCK_WORDS) / self.count * BLOCK_WORDS).min(self.torus.words)
    }

    /// The rows at the ends of a band as they are.
    fn post(&self, planes: &[Vec<u32>; 2], band: Range<usize>) -> Post {
        let copy = |words: &[u32]| words.iter().map(|&word| AtomicU32::new(word)).collect();
        let rows = planes.each_ref().map(|plane| {
            [copy(&plane[band.start..band.start + self.halo()]), copy(&plane[band.end - self.halo()..band.end])]
        });
        Post { done: AtomicU64::new(0), rows }
    }
}

/// The first `count` words; `words` keeps the others.
fn split_off<'a>(words: &mut &'a mut [u32], count: usize) -> &'a mut [u32] {
    let (taken, rest) = std::mem::take(words).split_at_mut(count);
    *words = rest;
    taken
}

impl Post {
    /// Waits until the rows of that many half-sweeps are there.
    fn wait(&self, done: u64) {
        let mut looks = 0;
        while self.done.load(Ordering::Acquire) < done {
            looks += 1;
            if looks < PATIENCE {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

impl Band<'_> {
    fn run(&mut self, sweeping: Sweeping<'_>, halves: Range<u64>) {
        let len = self.planes[0].len();
        // The last block of a lattice may not be whole, and blocks begin at multiples.
        let last = (len - self.cut.halo()) / BLOCK_WORDS * BLOCK_WORDS;
        let first = self.cut.halo().div_ceil(BLOCK_WORDS) * BLOCK_WORDS;
        for (half, done) in halves.zip(0..) {
            let address = FlipAddress { sweep: (half / 2) as u32, ..sweeping.address };
            let mut colours = colour_order(address.seed, address.sweep, 2);
            let colour = colours.nth((half % 2) as usize).unwrap_or(0);
            let step = Sweeping { address, ..sweeping };
            self.end(step, colour, 0..first, done);
            self.end(step, colour, last..len, done);
            self.show(colour, done + 1);
            let [even, odd] = &mut self.planes;
            let (me, other) = if colour == 0 { (even, &**odd) } else { (odd, &**even) };
            let block = TorusBlock { torus: &self.cut.torus, colour, first, offset: self.start, other };
            update(block, step, &mut self.scratch, &mut me[first..last]);
        }
    }

    /// Updates the words `range` at one end, for which `done` half-sweeps of the neighbour there must be posted.
    fn end(&mut self, step: Sweeping<'_>, colour: usize, range: Range<usize>, done: u64) {
        let (halo, words) = (self.cut.halo(), self.cut.torus.words);
        let side = usize::from(range.start > 0);
        let post = self.posts[side];
        post.wait(done);
        let theirs = post.rows[1 - colour][1 - side].iter().map(|word| word.load(Ordering::Relaxed));
        let other = &*self.planes[1 - colour];
        self.window.clear();
        if side == 0 {
            self.window.extend(theirs);
            self.window.extend_from_slice(&other[..range.end + halo]);
        } else {
            self.window.extend_from_slice(&other[range.start - halo..]);
            self.window.extend(theirs);
        }
        let block = TorusBlock {
            torus: &self.cut.torus,
            colour,
            first: halo,
            offset: (self.start + range.start + words - halo) % words,
            other: &self.window,
        };
        update(block, step, &mut self.scratch, &mut self.planes[colour][range]);
    }

    /// Posts the rows at both ends of one colour.
    fn show(&self, colour: usize, done: u64) {
        let (plane, halo) = (&*self.planes[colour], self.cut.halo());
        let post = self.posts[2];
        for (rows, words) in post.rows[colour].iter().zip([&plane[..halo], &plane[plane.len() - halo..]]) {
            rows.iter().zip(words).for_each(|(row, &word)| row.store(word, Ordering::Relaxed));
        }
        post.done.store(done, Ordering::Release);
    }
}

/// The words `me`, of which `block` is the first.
pub(super) fn update(block: TorusBlock<'_>, step: Sweeping<'_>, scratch: &mut Scratch, me: &mut [u32]) {
    for (k, words) in me.chunks_mut(BLOCK_WORDS).enumerate() {
        let block = TorusBlock { first: block.first + k * BLOCK_WORDS, ..block };
        ising_torus_half_sweep(block, step.thresholds, step.address, scratch, words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_of_large_lattices_are_cut() {
        let cut = |length: usize, threads, sweeps| Bands::new(Torus::of(length, 2), threads, sweeps);
        assert!(cut(1024, 2, 100).is_some() && cut(4096, 2, 4).is_some() && cut(16384, 7, 1).is_some());
        assert!(cut(1024, 1, 100).is_none() && cut(1024, 2, 1).is_none() && cut(192, 2, 10_000).is_none());
        for (length, threads) in [(1024, 2), (1088, 3), (1600, 7), (16_448, 5)] {
            let bands = cut(length, threads, 1000).unwrap();
            let borders: Vec<usize> = (0..=threads).map(|b| bands.border(b)).collect();
            assert_eq!((borders[0], borders[threads]), (0, length * length / 64));
            for pair in borders.windows(2) {
                // Ends of either side and something between them.
                assert!(pair[1] - pair[0] > 2 * bands.end_words(), "{length}: {borders:?}");
            }
        }
    }
}
