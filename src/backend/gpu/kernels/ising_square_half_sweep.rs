//! Updates all sites of one colour of a square lattice with one bit a site.
//!
//! Maths: as [`super::ising_half_sweep`], with one temperature in all lanes and neighbours by shifts.
//! Shapes: spins `[replicas, 2, length, length / 64]`, bit = site; tables as in [`super::super::square::SquareSpins`].
//! Random: sfc32 seeded by Philox at (first word, sweep, [`Stream::SquareFlip`], replica) for 8 words' heads, and at
//! (word, sweep, [`Stream::SquareTail`], replica) for tails.
//! Class: exact.
//! Source: Block, Virnau, Preis 2010.
//!
//! Cost, counted in the code that RADV makes for navi31, for two drawn classes: 217 vector operations a word of 32 flips
//! and 70 for a stream of 8 words (253 from limbs); a wave of 64 finds a lane that needs its tail once in four words, 73
//! operations and 18 a digit. Together 8 operations a flip. Bytes: 0.375 a flip (own words in and out, the other colour's
//! once; its other three reads hit the cache). A device of 7·10¹² integer operations and 5·10¹¹ bytes a second is bound
//! by the operations, at 880 flips/ns (memory: 1300). Two dispatches a sweep.

use std::ops::Range;

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::square::SquareSpins;
use crate::rng::{Stream, key_of};

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct IsingSquareHalfSweep {
        seed_low: u32,
        seed_high: u32,
        sweep: u32,
        stream: u32,
        tail_stream: u32,
        colour: u32,
        replicas: u32,
        words: u32,
        words_a_row: u32,
        streams: u32,
    }
}

/// Any table.
pub(super) static ANY: Kernel = kernel!("ising_square_half_sweep", "main", 64, IsingSquareHalfSweep, [Read, ReadWrite]);
/// Two drawn classes.
pub(super) static TWO: Kernel =
    kernel!("ising_square_half_sweep", "two_classes", 64, IsingSquareHalfSweep, [Read, ReadWrite]);

/// Words of a colour that 32 streams share.
const BLOCK_WORDS: usize = 256;
/// Integer operations of a word.
const WORK_A_WORD: u64 = 256;

/// Records whole sweeps: each colour once.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, spins: &SquareSpins, seed: u64, sweeps: Range<u32>) {
    let [seed_low, seed_high] = key_of(seed);
    let words = spins.square.words();
    let streams = 32 * words.div_ceil(BLOCK_WORDS);
    let invocations = (streams * spins.replicas) as u64;
    let work = WORK_A_WORD * (words * spins.replicas) as u64;
    let bound = gpu.bind(if spins.two_classes { &TWO } else { &ANY }, &[&spins.acceptance, &spins.spins]);
    for sweep in sweeps {
        for colour in 0..2 {
            let parameters = IsingSquareHalfSweep {
                seed_low,
                seed_high,
                sweep,
                stream: Stream::SquareFlip as u32,
                tail_stream: Stream::SquareTail as u32,
                colour,
                replicas: spins.replicas as u32,
                words: words as u32,
                words_a_row: spins.square.words_per_row() as u32,
                streams: streams as u32,
            };
            gpu.dispatch(&bound, &parameters, invocations.div_ceil(64), work);
        }
    }
}
