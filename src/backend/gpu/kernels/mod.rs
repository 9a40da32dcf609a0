//! One file a kernel: its parameters, its bindings and how it is dispatched.

pub(super) mod ais_step;
pub(super) mod flip_move;
pub(super) mod free_energy;
pub(super) mod gather;
pub(super) mod gibbs_half_step;
pub(super) mod ising_half_sweep;
pub(super) mod ising_square_half_sweep;
pub(super) mod ising_square_sums;
pub(super) mod ising_sums;
pub(super) mod ising_table_half_sweep;
pub(super) mod moments;
pub(super) mod update;

use super::kernel::Kernel;

/// Every entry point of every shader.
pub const ALL: &[&Kernel] = &[
    &ising_half_sweep::ANY,
    &ising_half_sweep::FOUR,
    &ising_half_sweep::FOUR_ANY,
    &ising_half_sweep::SMALL,
    &ising_half_sweep::SMALL_ANY,
    &ising_sums::KERNEL,
    &ising_square_half_sweep::ANY,
    &ising_square_half_sweep::TWO,
    &ising_square_sums::KERNEL,
    &ising_table_half_sweep::KERNEL,
    &gibbs_half_step::KERNEL,
    &moments::KERNEL,
    &update::OFFSETS,
    &update::WEIGHTS,
    &update::BIASES,
    &free_energy::KERNEL,
    &ais_step::KERNEL,
    &gather::KERNEL,
    &flip_move::KERNEL,
];

/// Chains of one tile of the kernels that form products.
const TILE_CHAINS: usize = 32;
/// Units of one tile of the kernels that form products.
const TILE_UNITS: usize = 64;

/// Tiles over all chains.
fn chain_tiles(chains: usize) -> u64 {
    chains.div_ceil(TILE_CHAINS) as u64
}

/// Multiply-adds of one product of all states with all weights.
fn product_work(chains: usize, n_visible: usize, n_hidden: usize) -> u64 {
    chains as u64 * n_visible as u64 * n_hidden as u64
}

/// Declares the [`Kernel`] of this file's shader.
macro_rules! kernel {
    ($stem:literal, $entry:literal, $workgroup:expr, $parameters:ty, [$($access:ident),*]) => {
        $crate::backend::gpu::kernel::Kernel {
            stem: $stem,
            entry: $entry,
            source: include_str!(concat!("../../../../shaders/", $stem, ".wgsl")),
            workgroup_size: $workgroup,
            fields: <$parameters as $crate::backend::gpu::kernel::Parameters>::FIELDS,
            parameter_bytes: size_of::<$parameters>(),
            bindings: &[$($crate::backend::gpu::kernel::Access::$access),*],
        }
    };
}

use kernel;
