//! Updates all sites of one colour of 32 replicas a word, bit-sliced.
//!
//! Maths: flip if U < P(z − 2a), U compared digit by digit, most significant first, until no lane is undecided.
//! Shapes: spins `[sites, words]`, bit = replica; tables as in [`crate::backend::Acceptance`].
//! Random: sfc32 seeded by Philox at (site, sweep, [`Stream::IsingFlip`], word).
//! Class: exact.
//! Source: Creutz, Jacobs, Rebbi 1979.

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::ising::Spins;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::rng::{Stream, key_of};

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct IsingHalfSweep {
        seed_low: u32,
        seed_high: u32,
        sweep: u32,
        stream: u32,
        replicas: u32,
        words: u32,
        colour_first: u32,
        colour_sites: u32,
        neighbours_first: u32,
        max_degree: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel =
    kernel!("ising_half_sweep", "main", 64, IsingHalfSweep, [Read, Read, Read, ReadWrite]);

/// Largest number of neighbours the kernel counts: four bit planes, 16 masks.
pub(in crate::backend::gpu) const MAX_DEGREE: usize = 15;

/// Records whole sweeps: every colour once, in order.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, spins: &Spins, seed: u64, sweeps: std::ops::Range<u32>) {
    let bound = gpu.bind(&KERNEL, &[&spins.graph, &spins.digits, &spins.always, &spins.spins]);
    let [seed_low, seed_high] = key_of(seed);
    for sweep in sweeps {
        for &(colour_first, colour_sites) in &spins.colours {
            let parameters = IsingHalfSweep {
                seed_low,
                seed_high,
                sweep,
                stream: Stream::IsingFlip as u32,
                replicas: spins.replicas as u32,
                words: spins.words as u32,
                colour_first,
                colour_sites,
                neighbours_first: spins.neighbours_first,
                max_degree: spins.max_degree as u32,
            };
            let invocations = u64::from(colour_sites) * spins.words as u64;
            gpu.dispatch(&bound, &parameters, invocations.div_ceil(64), 256 * invocations);
        }
    }
}
