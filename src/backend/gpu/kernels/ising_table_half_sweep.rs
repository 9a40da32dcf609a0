//! Updates all sites of one colour of 32 replicas a word, by tables of acceptance.
//!
//! Maths: the signs of a site's terms index its table; the spin is turned if U is below the entry, see
//! `crate::backend::tables`.
//! Shapes: spins `[sites, words]`, bit = replica; tables as in [`crate::backend::FlipTables`].
//! Random: word r % 4 of the Philox block (site, sweep, [`Stream::IsingTable`], r / 4) for replica r.
//! Class: exact.
//! Source: Zorn, Herrmann and Rebbi 1981.
//!
//! One invocation is one site of 32 replicas; one dispatch a colour and sweep.

use std::ops::Range;

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::tables::TableSpins;
use crate::rng::{Stream, colour_order, key_of};

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct IsingTableHalfSweep {
        seed_low: u32,
        seed_high: u32,
        sweep: u32,
        stream: u32,
        replicas: u32,
        words: u32,
        colour_first: u32,
        colour_sites: u32,
        starts_first: u32,
        program_first: u32,
        entries: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel =
    kernel!("ising_table_half_sweep", "main", 64, IsingTableHalfSweep, [Read, Read, Read, ReadWrite]);

/// Integer operations of one site of 32 replicas, about.
const WORK_A_SITE: u64 = 2048;

/// Records whole sweeps: every colour once, in the sweep's order.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, spins: &TableSpins, seed: u64, sweeps: Range<u32>) {
    let [seed_low, seed_high] = key_of(seed);
    let bound = gpu.bind(&KERNEL, &[&spins.graph, &spins.thresholds, &spins.temperatures, &spins.spins]);
    for sweep in sweeps {
        for colour in colour_order(seed, sweep, spins.colours.len()) {
            let (colour_first, colour_sites) = spins.colours[colour];
            let parameters = IsingTableHalfSweep {
                seed_low,
                seed_high,
                sweep,
                stream: Stream::IsingTable as u32,
                replicas: spins.replicas as u32,
                words: spins.words() as u32,
                colour_first,
                colour_sites,
                starts_first: spins.sites as u32,
                program_first: 2 * spins.sites as u32,
                entries: spins.entries,
            };
            let invocations = u64::from(colour_sites) * spins.words() as u64;
            gpu.dispatch(&bound, &parameters, invocations.div_ceil(64), WORK_A_SITE * invocations);
        }
    }
}
