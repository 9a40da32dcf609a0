//! Updates all sites of one colour of a square or cubic lattice with one bit a site.
//!
//! Maths: as [`super::ising_half_sweep`], with one temperature in all lanes and neighbours by shifts.
//! Shapes: spins `[replicas, 2, words]`, bit = site; tables as in [`super::super::torus::TorusSpins`].
//! Random: sfc32 seeded by Philox at (first word, sweep, [`Stream::TorusFlip`], replica) for 8 words' heads, and at
//! (word, sweep, [`Stream::TorusTail`], replica) for tails.
//! Class: exact.
//! Source: Block, Virnau, Preis 2010.
//!
//! Cost, counted in the code that RADV makes for navi31, for two drawn classes: 217 vector operations a word of 32 flips
//! and 70 for a stream of 8 words (253 from limbs); a wave of 64 finds a lane that needs its tail once in four words, 73
//! operations and 18 a digit. Together 8 operations a flip. Bytes: 0.375 a flip (own words in and out, the other colour's
//! once; its other three reads hit the cache). A device of 7·10¹² integer operations and 5·10¹¹ bytes a second is bound
//! by the operations, at 880 flips/ns (memory: 1300). Cubic lattices with three drawn classes: 270 a word, 84 for a stream
//! and the same tails, 9.6 a flip, 730 flips/ns; with any table 132 a word and 26 for each of the 12 digits of its head, 56
//! for a tail and 26 a digit of it, 15 a flip, 460 flips/ns. Two dispatches a sweep.

use std::ops::Range;

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::torus::{Entry, TorusSpins};
use crate::rng::{Stream, colour_order, key_of};

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct IsingTorusHalfSweep {
        seed_low: u32,
        seed_high: u32,
        sweep: u32,
        stream: u32,
        tail_stream: u32,
        colour: u32,
        replicas: u32,
        words: u32,
        words_a_row: u32,
        length: u32,
        last_bit: u32,
        streams: u32,
    }
}

/// Square lattices, any table.
pub(super) static ANY: Kernel = kernel!("ising_torus_half_sweep", "main", 64, IsingTorusHalfSweep, [Read, ReadWrite]);
/// Square lattices, two drawn classes.
pub(super) static TWO: Kernel =
    kernel!("ising_torus_half_sweep", "two_classes", 64, IsingTorusHalfSweep, [Read, ReadWrite]);
/// Cubic lattices, any table.
pub(super) static CUBIC: Kernel =
    kernel!("ising_torus_half_sweep", "cubic", 64, IsingTorusHalfSweep, [Read, ReadWrite]);

/// Cubic lattices, three drawn classes.
pub(super) static THREE: Kernel =
    kernel!("ising_torus_half_sweep", "three_classes", 64, IsingTorusHalfSweep, [Read, ReadWrite]);

/// Words of a colour that 32 streams share.
const BLOCK_WORDS: usize = 256;
/// Integer operations of a word.
const WORK_A_WORD: u64 = 256;

/// Records whole sweeps: each colour once, in the sweep's order.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, spins: &TorusSpins, seed: u64, sweeps: Range<u32>) {
    let [seed_low, seed_high] = key_of(seed);
    let words = spins.torus.words;
    let streams = 32 * words.div_ceil(BLOCK_WORDS);
    let invocations = (streams * spins.replicas) as u64;
    let work = WORK_A_WORD * (words * spins.replicas) as u64;
    let kernel = match spins.entry {
        Entry::Any => &ANY,
        Entry::Two => &TWO,
        Entry::Cubic => &CUBIC,
        Entry::Three => &THREE,
    };
    let bound = gpu.bind(kernel, &[&spins.acceptance, &spins.spins]);
    for sweep in sweeps {
        for colour in colour_order(seed, sweep, 2) {
            let parameters = IsingTorusHalfSweep {
                seed_low,
                seed_high,
                sweep,
                stream: Stream::TorusFlip as u32,
                tail_stream: Stream::TorusTail as u32,
                colour: colour as u32,
                replicas: spins.replicas as u32,
                words: words as u32,
                words_a_row: spins.torus.words_per_row as u32,
                length: spins.torus.length as u32,
                last_bit: spins.torus.last_bit,
                streams: streams as u32,
            };
            gpu.dispatch(&bound, &parameters, invocations.div_ceil(64), work);
        }
    }
}
