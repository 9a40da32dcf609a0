//! One file a kernel: its parameters, its bindings and how it is dispatched.

pub(super) mod ais_step;
pub(super) mod approach;
pub(super) mod exchange;
pub(super) mod flip_move;
pub(super) mod free_energy;
pub(super) mod gather;
pub(super) mod gibbs_half_step;
pub(super) mod gibbs_steps;
pub(super) mod ising_clusters;
pub(super) mod ising_half_sweep;
pub(super) mod ising_sums;
pub(super) mod ising_table_half_sweep;
pub(super) mod ising_torus_half_sweep;
pub(super) mod ising_torus_sums;
pub(super) mod mean_field;
pub(super) mod moments;
pub(super) mod peak;
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
    &ising_torus_half_sweep::ANY,
    &ising_torus_half_sweep::TWO,
    &ising_torus_half_sweep::CUBIC,
    &ising_torus_half_sweep::THREE,
    &ising_torus_sums::KERNEL,
    &ising_table_half_sweep::KERNEL,
    &ising_clusters::START,
    &ising_clusters::JOIN,
    &ising_clusters::TURN,
    &ising_clusters::SMALL,
    &gibbs_half_step::HIDDEN,
    &gibbs_half_step::VISIBLE,
    &gibbs_half_step::TEMPERED_HIDDEN,
    &gibbs_half_step::TEMPERED_VISIBLE,
    &gibbs_half_step::CARRY,
    &gibbs_steps::KERNEL,
    &moments::MEANS,
    &moments::MULTIPLY,
    &moments::MULTIPLY_FEW,
    &mean_field::VISIBLE,
    &mean_field::HIDDEN,
    &mean_field::MULTIPLY,
    &update::OFFSETS,
    &update::WEIGHTS,
    &update::BIASES,
    &update::NORMS,
    &update::LIMITED,
    &update::ROUND,
    &approach::KERNEL,
    &free_energy::KERNEL,
    &ais_step::KERNEL,
    &gather::KERNEL,
    &flip_move::TOTALS,
    &flip_move::GAINS,
    &flip_move::DECIDE,
    &exchange::GAINS,
    &exchange::DECIDE,
    &peak::MULTIPLY_ADDS,
    &peak::COPY,
];

/// Multiply-adds of one product of all states with all weights.
fn product_work(chains: usize, n_visible: usize, n_hidden: usize) -> u64 {
    chains as u64 * n_visible as u64 * n_hidden as u64
}

/// Declares the [`Kernel`] of this file's shader: `trusted` before the name for one without the driver's checks,
/// `weighted` for one that is trusted and reads the weights, `tiled` for one that forms a product
/// with them besides, `summing` where that is a sum over visible units.
macro_rules! kernel {
    ($stem:literal, $entry:literal, $workgroup:expr, $parameters:ty, [$($access:ident),*]) => {
        kernel!(@ false, false, false, $stem, $entry, Fixed($workgroup), $parameters, [$($access),*])
    };
    (trusted $stem:literal, $entry:literal, $workgroup:expr, $parameters:ty, [$($access:ident),*]) => {
        kernel!(@ true, false, false, $stem, $entry, Fixed($workgroup), $parameters, [$($access),*])
    };
    (weighted $stem:literal, $entry:literal, $workgroup:expr, $parameters:ty, [$($access:ident),*]) => {
        kernel!(@ true, true, false, $stem, $entry, Fixed($workgroup), $parameters, [$($access),*])
    };
    (summing $stem:literal, $entry:literal, $parameters:ty, [$($access:ident),*]) => {
        kernel!(@ true, true, true, $stem, $entry, Tiled, $parameters, [$($access),*])
    };
    (tiled $stem:literal, $entry:literal, $parameters:ty, [$($access:ident),*]) => {
        kernel!(@ true, true, false, $stem, $entry, Tiled, $parameters, [$($access),*])
    };
    (@ $trusted:expr, $weights:expr, $carries:expr, $stem:literal, $entry:literal, $kind:ident $(($size:expr))?, $parameters:ty,
        [$($access:ident),*]) => {
        $crate::backend::gpu::kernel::Kernel {
            stem: $stem,
            entry: $entry,
            source: include_str!(concat!("../../../../shaders/", $stem, ".wgsl")),
            workgroup_size: $crate::backend::gpu::kernel::Workgroup::$kind $(($size))?,
            stored_weights: $weights,
            carries: $carries,
            matrices: false,
            trusted: $trusted,
            fields: <$parameters as $crate::backend::gpu::kernel::Parameters>::FIELDS,
            parameter_bytes: size_of::<$parameters>(),
            bindings: &[$($crate::backend::gpu::kernel::Access::$access),*],
        }
    };
}

use kernel;
