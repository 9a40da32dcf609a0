//! Appends the sums of every replica to the record on the device.
//!
//! Maths: antiparallel = number of bonds with s_i ≠ s_j, up = number of sites with s_i = +1.
//! Shapes: spins `[sites, words]`, record `[rows, replicas]` of [`crate::backend::SpinSums`].
//! Random: none.
//! Class: exact.
//! Source: bit-sliced counting.

use crate::backend::gpu::device::Gpu;
use crate::backend::gpu::ising::Counted;
use crate::backend::gpu::kernel::{Kernel, parameters};

use super::kernel;

parameters! {
    /// Parameter block of the shader.
    struct IsingSums {
        sites: u32,
        replicas: u32,
        words: u32,
        row: u32,
        neighbours_first: u32,
        sites_a_turn: u32,
        sites_a_group: u32,
        planes: u32,
        counters: u32,
    }
}

/// The kernel.
pub(super) static KERNEL: Kernel = kernel!("ising_sums", "main", 64, IsingSums, [Read, Read, ReadWrite]);

/// Largest count of the shader's eight bit planes.
pub(in crate::backend::gpu) const PLANE_LIMIT: usize = 255;
/// Sites of one workgroup on a large lattice: enough of them to fill a device, few enough atomic additions.
const SITES_A_GROUP: usize = 4096;

/// Records the sums of the present spins into row `row` of `record`, all zero before.
pub(in crate::backend::gpu) fn record(gpu: &Gpu, spins: &Counted<'_>, record: &wgpu::Buffer, row: usize) {
    // As many as the planes can count, and no more than a workgroup's share of the lattice needs.
    let sites_a_turn = (PLANE_LIMIT / spins.max_degree.max(1)).min(spins.sites.min(SITES_A_GROUP).div_ceil(64));
    let parameters = IsingSums {
        sites: spins.sites as u32,
        replicas: spins.replicas as u32,
        words: spins.words as u32,
        row: row as u32,
        neighbours_first: spins.neighbours_first,
        sites_a_turn: sites_a_turn as u32,
        sites_a_group: SITES_A_GROUP as u32,
        planes: (usize::BITS - (sites_a_turn * spins.max_degree.max(1)).leading_zeros()),
        counters: spins.sites.min(64) as u32,
    };
    let bound = gpu.bind(&KERNEL, &[spins.graph, spins.spins, record]);
    let groups = spins.sites.div_ceil(SITES_A_GROUP) as u64 * spins.words as u64;
    gpu.dispatch(&bound, &parameters, groups, 128 * (spins.sites * spins.words) as u64);
}
