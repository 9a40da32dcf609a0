//! Appends the sums of every lattice with one bit a site to the record on the device.
//!
//! Maths: antiparallel = set bits of spins ⊕ neighbours over the even colour, up = set bits of both colours.
//! Shapes: spins `[replicas, 2, words]`, idle bits zero, record `[rows, replicas]` of [`crate::backend::SpinSums`].
//! Random: none.
//! Class: exact.
//! Source: counting of set bits.

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::kernel::{Kernel, parameters};
use crate::backend::gpu::torus::TorusSpins;

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct IsingTorusSums {
        replicas: u32,
        words: u32,
        words_a_row: u32,
        length: u32,
        last_bit: u32,
        cubic: u32,
        row: u32,
        groups: u32,
        words_a_group: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel = kernel!("ising_torus_sums", "main", 64, IsingTorusSums, [Read, ReadWrite]);

/// Words of one workgroup: enough for few atomic additions, few enough to fill a device.
const WORDS_A_GROUP: usize = 1024;

/// Records the sums of the present spins into row `row` of `record`, all zero before.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, spins: &TorusSpins, record: &wgpu::Buffer, row: usize) {
    let words = spins.torus.words;
    let groups = words.div_ceil(WORDS_A_GROUP);
    let parameters = IsingTorusSums {
        replicas: spins.replicas as u32,
        words: words as u32,
        words_a_row: spins.torus.words_per_row as u32,
        length: spins.torus.length as u32,
        last_bit: spins.torus.last_bit,
        cubic: u32::from(spins.torus.dimensions == 3),
        row: row as u32,
        groups: groups as u32,
        words_a_group: WORDS_A_GROUP as u32,
    };
    let bound = gpu.bind(&KERNEL, &[&spins.spins, record]);
    gpu.dispatch(&bound, &parameters, (groups * spins.replicas) as u64, 32 * (words * spins.replicas) as u64);
}
