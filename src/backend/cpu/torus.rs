//! Square and cubic lattices with one bit a site on the CPU, in the layout of `crate::backend::torus`.

use std::ops::Range;
use std::sync::Arc;

use crate::threads::prelude::*;

use super::bands::{Bands, Sweeping, update};
use super::digits::FlipAddress;
use super::kernels::ising_torus_sums::ising_torus_sums;
use super::lanes::U32x8;
use super::neighbours::{BLOCK_WORDS, Scratch, TorusBlock};
use crate::backend::torus::{Torus, TorusClasses};
use crate::backend::{Acceptance, SpinSums};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::lattice::Lattice;
use crate::rng::colour_order;

/// Bands of a thread: a thread that comes late to a half-sweep then leaves its share to the others.
const BANDS_A_THREAD: usize = 4;
/// Blocks of the smallest band worth handing over: about 3 µs.
const SMALLEST_BAND: usize = 4;

/// Lattices with one bit a site.
#[derive(Debug, Clone)]
pub(crate) struct TorusSpins {
    pub(crate) torus: Torus,
    pub(crate) replicas: Vec<TorusReplica>,
}

#[derive(Debug, Clone)]
pub(crate) struct TorusReplica {
    /// Words of both colours.
    pub(crate) planes: [Vec<u32>; 2],
    /// Neighbouring replicas of one temperature share them.
    pub(crate) thresholds: Arc<TorusThresholds>,
}

/// [`TorusClasses`], a word of eight lanes each.
#[derive(Debug, Clone)]
pub(crate) struct TorusThresholds {
    pub(crate) drawn: usize,
    /// `[32, drawn]`.
    pub(crate) planes: Vec<U32x8>,
}

impl TorusSpins {
    pub(crate) fn new(lattice: Lattice, acceptance: &Acceptance, initial: &BitMatrix) -> Result<Self> {
        let torus = Torus::new(lattice, acceptance, initial)?;
        let mut replicas: Vec<TorusReplica> = Vec::with_capacity(initial.rows());
        let mut before = None;
        for (r, classes) in TorusClasses::of_replicas(acceptance, torus.degree())?.into_iter().enumerate() {
            let mut even = torus.pack(initial.row(r));
            let odd = even.split_off(torus.words);
            let thresholds = match (&before, replicas.last()) {
                (Some(before), Some(last)) if *before == classes => Arc::clone(&last.thresholds),
                _ => {
                    let planes = classes.planes.iter().map(|&mask| U32x8::splat(mask)).collect();
                    Arc::new(TorusThresholds { drawn: classes.drawn, planes })
                }
            };
            before = Some(classes);
            replicas.push(TorusReplica { planes: [even, odd], thresholds });
        }
        Ok(Self { torus, replicas })
    }

    pub(crate) fn to_host(&self) -> Result<BitMatrix> {
        let mut words = Vec::with_capacity(self.torus.sites().div_ceil(32) * self.replicas.len());
        for TorusReplica { planes: [even, odd], .. } in &self.replicas {
            self.torus.unpack([even, odd], &mut words);
        }
        BitMatrix::from_words(self.replicas.len(), self.torus.sites(), words)
    }

    /// Threads take replicas where there are enough; else bands of rows, which they keep in long runs of large lattices,
    /// while in others a half-sweep ends before the next begins.
    pub(crate) fn sweep(&mut self, seed: u64, sweeps: &Range<u32>) {
        let torus = &self.torus;
        let all = crate::threads::count();
        let threads = if self.replicas.len() >= 2 * all { 1 } else { all };
        let address = |r: usize| FlipAddress { seed, sweep: 0, word: r as u32 };
        if let Some(bands) = Bands::new(*torus, threads, sweeps.len()) {
            let halves = 2 * u64::from(sweeps.start)..2 * u64::from(sweeps.end);
            for (r, replica) in self.replicas.iter_mut().enumerate() {
                let sweeping = Sweeping { thresholds: &replica.thresholds, address: address(r) };
                bands.run(&mut replica.planes, sweeping, halves.clone());
            }
            return;
        }
        self.replicas.par_iter_mut().enumerate().for_each(|(r, replica)| {
            for sweep in sweeps.clone() {
                for colour in colour_order(seed, sweep, 2) {
                    replica.half_sweep(torus, colour, FlipAddress { sweep, ..address(r) }, threads);
                }
            }
        });
    }

    pub(crate) fn sums(&self) -> Vec<SpinSums> {
        let torus = &self.torus;
        let of_replica = |replica: &TorusReplica| {
            let [even, odd] = &replica.planes;
            let of_block = |(k, words): (usize, &[u32])| {
                let block = TorusBlock::of_all(torus, 0, k * BLOCK_WORDS, odd);
                ising_torus_sums(block, &mut Scratch::new(), words)
            };
            let both =
                |a: SpinSums, b: SpinSums| SpinSums { antiparallel: a.antiparallel + b.antiparallel, up: a.up + b.up };
            even.par_chunks(BLOCK_WORDS).enumerate().map(of_block).reduce_with(both).unwrap_or_default()
        };
        self.replicas.par_iter().map(of_replica).collect()
    }
}

impl TorusReplica {
    /// One colour, all of it.
    fn half_sweep(&mut self, torus: &Torus, colour: usize, address: FlipAddress, threads: usize) {
        let [even, odd] = &mut self.planes;
        let (me, other) = if colour == 0 { (even, &*odd) } else { (odd, &*even) };
        let step = Sweeping { thresholds: &self.thresholds, address };
        let update = |begin: usize, rows: &mut [u32]| {
            update(TorusBlock::of_all(torus, colour, begin, other), step, &mut Scratch::new(), rows);
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
